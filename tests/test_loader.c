/* test_loader.c: vendor/loader.h: what augmentation does to a picture; batches that depend on their number alone, whoever waits;
 * every picture once an epoch, attributes with their pictures, damaged pictures replaced and told of once. */
#include "../vendor/all.h"
#include "check.h"
#include "folder.h"
#include "fails.h"
#include <unistd.h>

enum { SHUFFLES = 1, WARPS = 2 };

static int warned;
__attribute__((format(printf, 1, 2))) static void warn(const char *format, ...) { (void)format, warned++; }

/* Numbers that look drawn: the bits of all four, mixed. */
static double chance(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + stream * 0xbf58476d1ce4e5b9u + index * 0x94d049bb133111ebu + which * 0xd6e8feb86659fd93u;
    for (int i = 0; i < 3; i++) x = (x ^ x >> 31) * 0x9fb21c651e98df25u;
    return (double)(x >> 11) * 0x1p-53;
}

static LoaderChance warps(uint64_t seed) { return (LoaderChance){chance, seed, WARPS}; }

static Loader *begin(const DataSet *set, int batch, int size, int channels, const ImageAugment *how, uint64_t seed, uint64_t first)
{
    return loader_start(set, (LoaderOptions){batch, size, channels, *how, {chance, seed, SHUFFLES}, warps(seed), first});
}

/* Shares of attributes, 0 to 255, come with their pictures. */
static void check_attributes(void)
{
    Error e = {0};
    DataSet set;
    write_picture(at("shares/1.pgm"), 8, 8, 1);
    write_picture(at("shares/2.pgm"), 8, 8, 2);
    write_text(at("shares/list.csv"), "path,emotion,AU12,intensity\n1.pgm,happy,0.5,1\n2.pgm,sad,0,0.2\n");
    CHECK_MSG(dataset_try(&set, at("shares/list.csv"), &(DataOptions){.attributes = "intensity,AU12", .warn = warn}, &e), "%.400s", e.text);
    Loader *l = begin(&set, 2, 8, 1, &(ImageAugment){0}, 3, 0);
    static float x[128];
    int label[2];
    uint8_t attributes[4];
    loader_next(l, x, label, attributes);
    int first = attributes[0] == ATTRIBUTE_WHOLE ? 0 : 1, second = 1 - first;
    CHECK(attributes[2 * first] == ATTRIBUTE_WHOLE && attributes[2 * first + 1] == 128 && attributes[2 * second] == 51 && attributes[2 * second + 1] == 0);
    CLOSE(x[64 * first + 3], pixel(1, 3) / 127.5 - 1, 1e-6);
    loader_stop(l);
}

static void check_augment(void)
{
    enum { P = 16 };
    unsigned char in[P * P * 3];
    static float a[P * P * 3], b[P * P * 3];
    for (int i = 0; i < P * P * 3; i++)
        in[i] = (unsigned char)(chance(1, 1, (uint64_t)i, 0) * 256);
    for (double x = -5; x < 5; x += 0.37)
        CLOSE(image_sine(x), sin(x), 1e-12);
    loader_augment(in, P, 3, &(ImageAugment){0}, warps(1), 1, a);
    double worst = 0;
    for (int i = 0; i < P * P * 3; i++)
        worst = fmax(worst, fabs(a[i] - (in[i] / 127.5 - 1)));
    CLOSE(worst, 0, 1e-6);
    loader_augment(in, P, 3, &(ImageAugment){.zoom_low = 1, .zoom_high = 1}, warps(1), 1, b);      // a warp that changes nothing
    for (int i = 0; i < P * P * 3; i++)
        worst = fmax(worst, fabs(a[i] - b[i]));
    CLOSE(worst, 0, 1e-5);
    int mirrored = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        loader_augment(in, P, 3, &(ImageAugment){.flip = 1}, warps(5), k, b);
        int is = b[0] == a[(P - 1) * 3] && b[4] == a[(P - 2) * 3 + 1];
        CHECK(is || b[0] == a[0]);
        mirrored += is;
    }
    CHECK(mirrored > 420 && mirrored < 580);
    loader_augment(in, P, 3, &(ImageAugment){.flip = 1, .rotate_degrees = 7.5f, .shift = 7.5f / 128, .zoom_low = 1.075f, .zoom_high = 1.15f}, warps(5), 9, a);
    loader_augment(in, P, 3, &(ImageAugment){.flip = 1, .rotate_degrees = 7.5f, .shift = 7.5f / 128, .zoom_low = 1.075f, .zoom_high = 1.15f}, warps(5), 9, b);
    CHECK(memcmp(a, b, sizeof a) == 0);
    for (int i = 0; i < P * P * 3; i++)
        CHECK(a[i] >= -1 && a[i] <= 1);
    memset(in, 255, sizeof in);
    loader_augment(in, P, 1, &(ImageAugment){.zoom_low = 0.5f, .zoom_high = 0.5f}, warps(1), 1, a);   // half the size: black around
    CHECK(a[0] == -1 && a[8 * P + 8] == 1 && a[P * P - 1] == -1);
    loader_augment(in, P, 1, &(ImageAugment){.shift = 1}, warps(1), 2, a);
    double mean = 0;
    for (int i = 0; i < P * P; i++)
        mean += a[i] / (P * P);
    double covered = (1 - fabs(2 * chance(1, WARPS, 2, 2) - 1)) * (1 - fabs(2 * chance(1, WARPS, 2, 3) - 1));
    CLOSE(mean, 2 * covered - 1, 0.12);
    memset(in, 128, sizeof in);
    double darkest = 1, lightest = -1, hidden = 0;
    int rectangles = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        loader_augment(in, P, 1, &(ImageAugment){.brightness = 0.1f, .contrast = 0.5f}, warps(5), k, a);
        darkest = fmin(darkest, a[0]), lightest = fmax(lightest, a[0]);
        loader_augment(in, P, 1, &(ImageAugment){.erase = 0.4f}, warps(5), k, a);
        int changed = 0;
        for (int i = 0; i < P * P; i++) changed += fabs(a[i] - (128 / 127.5 - 1)) > 1e-6;
        rectangles += changed > 0, hidden = fmax(hidden, changed / (double)(P * P));
    }
    CHECK(darkest < -0.19 && darkest > -0.21 && lightest > 0.19 && lightest < 0.21);    // of the range, which is two wide
    CHECK(rectangles > 330 && rectangles < 470);
    CHECK(hidden > 0.2 && hidden < 0.3);
    for (int i = 0; i < P * P; i++) in[i] = i % 2 ? 255 : 0;
    loader_augment(in, P, 1, &(ImageAugment){.contrast = 0.5f}, warps(5), 1, a);
    CLOSE(a[0], -fmin(1, 0.5 + chance(5, WARPS, 1, 6)), 1e-6);
}

static void pause_a_little(int milliseconds)
{
    usleep((useconds_t)milliseconds * 1000);
}

enum { N = 4, SIDE = 12, BATCHES = 23 };
static float batches[BATCHES][N * SIDE * SIDE], later[N * SIDE * SIDE];
static int labels[BATCHES][N], later_label[N];

typedef struct Wrong { const DataSet *set; int batch, channels; ImageAugment how; } Wrong;

static void open_wrongly(void *context)
{
    const Wrong *w = context;
    begin(w->set, w->batch, SIDE, w->channels, &w->how, 42, 0);
}

static void take_eight(void *loader)
{
    for (int i = 0; i < 8; i++) loader_next(loader, batches[0], labels[0], NULL);
}

static void check_loader(void)
{
    Error e = {0};
    DataSet set;
    ImageAugment how = {.flip = 1, .rotate_degrees = 7.5f, .shift = 0.06f, .zoom_low = 1, .zoom_high = 1.15f};
    static const char *const classes[] = {"Anger", "joy", "sunrise"};
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 4 + c; i++) write_picture(at("deep/set/train/%s/%d.pgm", classes[c], i), 16, 16, 10 * c + i);
    CHECK(dataset_try(&set, at("deep/set"), &(DataOptions){.warn = warn}, &e));
    Loader *l = begin(&set, N, SIDE, 1, &how, 42, 0);
    for (int i = 0; i < BATCHES; i++)
        loader_next(l, batches[i], labels[i], NULL);
    loader_stop(l);
    for (int first = 0; first < BATCHES; first += 5) {       // a fresh start anywhere, and a consumer that dawdles
        l = begin(&set, N, SIDE, 1, &how, 42, (uint64_t)first);
        for (int i = first; i < BATCHES; i++) {
            if (i % 3 == 0)
                pause_a_little(i % 7);
            loader_next(l, later, later_label, NULL);
            CHECK(memcmp(later, batches[i], sizeof later) == 0 && memcmp(later_label, labels[i], sizeof later_label) == 0);
        }
        loader_stop(l);
    }
    int seen[3] = {0}, order[15], times[15] = {0};
    for (int i = 0; i < 15; i++)                              // an epoch of 15 shows each picture once: 4, 5, 6 a class
        seen[labels[i / N][i % N]]++;
    CHECK(seen[1] == 4 && seen[0] == 5 && seen[2] == 6);
    for (int i = 0; i < 15; i++) order[i] = i;
    loader_shuffle(order, 15, (LoaderChance){chance, 42, SHUFFLES}, 3);
    for (int i = 0; i < 15; i++)
        times[order[i]]++;
    for (int i = 0; i < 15; i++)
        CHECK(times[i] == 1);
    CHECK(fails(open_wrongly, &(Wrong){&set, 16, 1, how}, "--batch 15", false));
    CHECK(fails(open_wrongly, &(Wrong){&set, 4, 2, how}, "2 channels", false));
    CHECK(fails(open_wrongly, &(Wrong){&set, 4, 1, {.zoom_high = 1}}, "zoom", false));
    l = begin(&set, N, SIDE, 3, &how, 42, 1000000007);
    loader_stop(l);                                          // at once, while the thread is busy
}

static void check_damage(void)
{
    Error e = {0};
    DataSet set;
    for (int i = 0; i < 8; i++)
        write_picture(at("hurt/%s/%d.pgm", i < 4 ? "happy" : "sad", i), 8, 8, i);
    write_text(at("hurt/happy/1.pgm"), "");
    write_text(at("hurt/happy/2.pgm"), "not a picture");
    CHECK(dataset_try(&set, at("hurt"), &(DataOptions){.warn = warn}, &e));
    warned = 0;
    static float x[8 * 64];
    int label[8];
    Loader *l = begin(&set, 8, 8, 1, &(ImageAugment){0}, 42, 0);
    for (int i = 0; i < 20; i++) {                            // each batch is an epoch: 0, 3 three times, 4 to 7
        int happy = 0, third = 0;
        loader_next(l, x, label, NULL);
        for (int k = 0; k < 8; k++)
            happy += label[k] == 0, third += fabs(x[64 * k] - (pixel(3, 0) / 127.5 - 1)) < 1e-6;
        CHECK(happy == 4 && third == 3);
    }
    CHECK(warned == 2 && dataset_damaged(&set) == 2);
    loader_stop(l);
    for (int i = 0; i < 6; i++)
        write_text(at("hurt/%s/%d.pgm", i < 4 ? "happy" : "sad", i), "");
    CHECK(dataset_try(&set, at("hurt"), &(DataOptions){.warn = warn}, &e));
    l = begin(&set, 2, 8, 1, &(ImageAugment){0}, 42, 0);
    CHECK(fails(take_eight, l, "cannot be read", false));
    loader_stop(l);
}

/* Orders by class: each class's pictures in a row, every one once, and others for another seed. */
static void check_orders(void)
{
    DataSet set;
    Error e = {0};
    int same = 0, times[15] = {0};
    CHECK(dataset_try(&set, at("deep/set"), &(DataOptions){.warn = warn}, &e));
    const int *order = loader_classes(&set, (LoaderChance){chance, 1, SHUFFLES}), *other = loader_classes(&set, (LoaderChance){chance, 2, SHUFFLES});
    for (int i = 0; i < 15; i++) {
        same += order[i] == other[i], times[order[i]]++;
        CHECK(i == 0 || set.label[order[i]] >= set.label[order[i - 1]]);
    }
    CHECK(same < 10);
    for (int i = 0; i < 15; i++) CHECK(times[i] == 1);
}

static void balance(void *how)
{
    DataSet set;
    dataset_open(&set, at("deep/set"), &(DataOptions){.warn = warn});
    loader_balance(&set, how);
}

/* As many files of each class as the largest has: all pictures as they are, then copies, which are squares. */
static void check_balance(void)
{
    static volatile sig_atomic_t stop = 1;
    DataSet set, made;
    Error e = {0};
    LoaderBalance how = {.out = at("balanced"), .how = "oversample", .warp = {.flip = 1}, .shuffles = {chance, 1, SHUFFLES}, .warps = warps(1)};
    int most = 0;
    CHECK(dataset_try(&set, at("deep/set"), &(DataOptions){.warn = warn}, &e));
    int classes = set.n_classes, before[16] = {0};
    for (int k = 0; k < classes; k++) before[k] = dataset_count(&set, k, SPLIT_ALL), most = before[k] > most ? before[k] : most;
    Scope inner;
    enter(&inner);
    LoaderBalanced of[16];
    memcpy(of, loader_balance(&set, &how), (size_t)classes * sizeof *of);
    leave();
    CHECK(dataset_try(&made, how.out, &(DataOptions){.split = SPLIT_ALL, .warn = warn}, &e) && made.n_classes == classes);
    for (int k = 0; k < classes; k++) {
        int copies = 0, n = 0;
        for (int i = 0; i < made.count; i++) {
            char path[DATASET_PATH];
            bool here = strcmp(made.class_names[made.label[i]], set.class_names[k]) == 0;
            n += here, copies += here && strstr(dataset_path(&made, i, path), "-copy.png");
        }
        CHECK(of[k].before == before[k] && of[k].written == most && n == most && copies == most - before[k]);
    }
    CHECK(fails(balance, &how, "is not empty", false));
    how.force = true, how.stop = &stop;
    CHECK(fails(balance, &how, "stopped before all pictures", false));
    how.out = at("deep/set");
    CHECK(fails(balance, &how, "the pictures to balance lie there", false));
}

typedef struct Deal { const DataSet *set; long each[3]; const char *out; } Deal;

static void deal(void *context)
{
    const Deal *d = context;
    loader_deal(d->set, (LoaderChance){chance, 1, SHUFFLES}, d->each, 8, 1, d->out);
}

/* What is dealt: so many of each class to each part, no picture twice; the last part takes what is left. */
static void check_deal(void)
{
    DataSet set, made;
    Error e = {0};
    int fewest = 1000, seen[64] = {0};
    CHECK(dataset_try(&set, at("deep/set"), &(DataOptions){.split = SPLIT_ALL, .warn = warn}, &e));
    for (int k = 0; k < set.n_classes; k++)
        fewest = dataset_count(&set, k, SPLIT_ALL) < fewest ? dataset_count(&set, k, SPLIT_ALL) : fewest;
    Deal how = {&set, {1, fewest - 1, 100}, at("dealt")};
    CHECK(attempt(deal, &how, &e));
    CHECK(dataset_try(&made, how.out, &(DataOptions){.split = SPLIT_ALL, .warn = warn}, &e) && made.count == set.count);
    for (int k = 0; k < made.n_classes; k++) {
        int all = dataset_count(&made, k, SPLIT_ALL);
        CHECK(dataset_count(&made, k, SPLIT_TRAIN) == 1 && dataset_count(&made, k, SPLIT_VALIDATION) == fewest - 1);
        CHECK(dataset_count(&made, k, SPLIT_TEST) == all - fewest);
    }
    for (int i = 0; i < made.count; i++) {
        char path[DATASET_PATH];
        int number = atoi(strrchr(dataset_path(&made, i, path), '/') + 1);
        CHECK(seen[number]++ == 0 && strcmp(set.class_names[set.label[number]], made.class_names[made.label[i]]) == 0);
    }
    how.each[1] = fewest;
    CHECK(fails(deal, &how, "are wanted, to learn from and to choose by", false));
}

int main(void)
{
    Scope all;
    enter(&all);
    if (!begin_folder("loader")) return 1;
    check_attributes();
    check_augment();
    check_loader();
    check_damage();
    check_orders();
    check_balance();
    check_deal();
    CHECK(end_folder());
    leave();
    return check_report();
}
