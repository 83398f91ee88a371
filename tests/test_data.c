/* test_data.c: augmentation, the loader and the data doctor, on small data sets made here (how these are read: test_dataset.c).
 * Warnings of the program go to a file beside them, where they are counted. */
#include "library.h"
#include "check.h"
#include "folder.h"

/* ---- a folder with small pictures ---- */

/* How many lines the program has written to stderr since the last call. */
static int warnings(void)
{
    static long seen;
    int lines = 0;
    FILE *file = fopen(at("stderr"), "r");
    if (!file) return -1;
    fseek(file, seen, SEEK_SET);
    for (int c; (c = fgetc(file)) != EOF; seen++) lines += c == '\n';
    fclose(file);
    return lines;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
}

/* A grey PNM whose pixels are drawn from `seed`. */
static void write_picture(const char *path, int width, int height, int seed)
{
    FILE *f = fopen(path, "wb");
    fprintf(f, "P5\n%d %d\n255\n", width, height);
    for (int i = 0; i < width * height; i++)
        putc((int)(draw((uint64_t)seed, 7, (uint64_t)i, 0) * 256), f);
    fclose(f);
}

static bool fails(void (*work)(void *), const void *context, const char *words, bool machine)
{
    Error e = {0};
    bool done = attempt(work, (void *)context, &e);
    if (done || !strstr(e.text, words)) printf("  wanted '%s', got '%s'\n", words, e.text);
    return !done && strstr(e.text, words) && e.machine == machine;
}

typedef struct Doctoring { const char *path; int size, json; const char *fix; } Doctoring;

static void doctor_work(void *context)
{
    const Doctoring *d = context;
    examine_dataset(d->path, &(DataOptions){0}, d->size, d->json, d->fix);
}

/* Runs the doctor with its output in a file, and tells whether it says all the words. */
static int doctor_says(const char *path, int size, int json, int ok, const char *const *words)
{
    static char text[20000];
    Error e = {0};
    const char *file = at("doctor.txt");
    fflush(stdout);
    int out = dup(1);
    if (!freopen(file, "wb", stdout))
        return 0;
    Doctoring d = {path, size, json, ""};
    int got = attempt(doctor_work, &d, &e), all = got == ok;
    fflush(stdout);
    dup2(out, 1);
    close(out);
    FILE *f = fopen(file, "rb");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    for (; *words; words++)
        if (!strstr(text, *words)) {
            printf("  missing '%s' in: %s\n", *words, text);
            all = 0;
        }
    return all;
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
    Loader *l = new_loader(&set, 2, 8, 1, &(ImageAugment){0}, 3, 0);
    static real x[128];
    int label[2];
    uint8_t attributes[4];
    next_batch(l, x, label, attributes);
    int first = attributes[0] == ATTRIBUTE_WHOLE ? 0 : 1, second = 1 - first;
    CHECK(attributes[2 * first] == ATTRIBUTE_WHOLE && attributes[2 * first + 1] == 128 && attributes[2 * second] == 51 && attributes[2 * second + 1] == 0);
    CLOSE(x[64 * first + 3], (int)(draw(1, 7, 3, 0) * 256) / 127.5 - 1, 1e-6);
    ahead_stop(l->ahead);
    CHECK(doctor_says(at("shares/list.csv"), 0, 1, 1, (const char *[]){"\"format\": \"CSV list\"", "\"happy\": {\"train\": 1", "\"few\"", NULL}));
}

static void check_augment(void)
{
    enum { P = 16 };
    unsigned char in[P * P * 3];
    static real a[P * P * 3], b[P * P * 3];
    for (int i = 0; i < P * P * 3; i++)
        in[i] = (unsigned char)(draw(1, 1, (uint64_t)i, 0) * 256);
    for (double x = -5; x < 5; x += 0.37)
        CLOSE(image_sine(x), sin(x), 1e-12);
    augment_picture(in, P, 3, &(ImageAugment){0}, 1, 1, a);
    double worst = 0;
    for (int i = 0; i < P * P * 3; i++)
        worst = fmax(worst, fabs(a[i] - (in[i] / 127.5 - 1)));
    CLOSE(worst, 0, 1e-6);
    augment_picture(in, P, 3, &(ImageAugment){.zoom_low = 1, .zoom_high = 1}, 1, 1, b);      // a warp that changes nothing
    for (int i = 0; i < P * P * 3; i++)
        worst = fmax(worst, fabs(a[i] - b[i]));
    CLOSE(worst, 0, 1e-5);
    int mirrored = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        augment_picture(in, P, 3, &(ImageAugment){.flip = 1}, 5, k, b);
        int is = b[0] == a[(P - 1) * 3] && b[4] == a[(P - 2) * 3 + 1];
        CHECK(is || b[0] == a[0]);
        mirrored += is;
    }
    CHECK(mirrored > 420 && mirrored < 580);
    augment_picture(in, P, 3, &(ImageAugment){.flip = 1, .rotate_degrees = 7.5f, .shift = 7.5f / 128, .zoom_low = 1.075f, .zoom_high = 1.15f}, 5, 9, a);
    augment_picture(in, P, 3, &(ImageAugment){.flip = 1, .rotate_degrees = 7.5f, .shift = 7.5f / 128, .zoom_low = 1.075f, .zoom_high = 1.15f}, 5, 9, b);
    CHECK(memcmp(a, b, sizeof a) == 0);
    for (int i = 0; i < P * P * 3; i++)
        CHECK(a[i] >= -1 && a[i] <= 1);
    memset(in, 255, sizeof in);
    augment_picture(in, P, 1, &(ImageAugment){.zoom_low = 0.5f, .zoom_high = 0.5f}, 1, 1, a);   // half the size: black around
    CHECK(a[0] == -1 && a[8 * P + 8] == 1 && a[P * P - 1] == -1);
    augment_picture(in, P, 1, &(ImageAugment){.shift = 1}, 1, 2, a);
    double mean = 0;
    for (int i = 0; i < P * P; i++)
        mean += a[i] / (P * P);
    double covered = (1 - fabs(2 * draw(1, STREAM_AUGMENT, 2, 2) - 1)) * (1 - fabs(2 * draw(1, STREAM_AUGMENT, 2, 3) - 1));
    CLOSE(mean, 2 * covered - 1, 0.12);
    memset(in, 128, sizeof in);
    double darkest = 1, lightest = -1, hidden = 0;
    int rectangles = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        augment_picture(in, P, 1, &(ImageAugment){.brightness = 0.1f, .contrast = 0.5f}, 5, k, a);
        darkest = fmin(darkest, a[0]), lightest = fmax(lightest, a[0]);
        augment_picture(in, P, 1, &(ImageAugment){.erase = 0.4f}, 5, k, a);
        int changed = 0;
        for (int i = 0; i < P * P; i++) changed += fabs(a[i] - (128 / 127.5 - 1)) > 1e-6;
        rectangles += changed > 0, hidden = fmax(hidden, changed / (double)(P * P));
    }
    CHECK(darkest < -0.19 && darkest > -0.21 && lightest > 0.19 && lightest < 0.21);    // of the range, which is two wide
    CHECK(rectangles > 330 && rectangles < 470);
    CHECK(hidden > 0.2 && hidden < 0.3);
    for (int i = 0; i < P * P; i++) in[i] = i % 2 ? 255 : 0;
    augment_picture(in, P, 1, &(ImageAugment){.contrast = 0.5f}, 5, 1, a);
    CLOSE(a[0], -fmin(1, 0.5 + draw(5, STREAM_AUGMENT, 1, 6)), 1e-6);
}

static void pause_a_little(int milliseconds)
{
    usleep((useconds_t)milliseconds * 1000);
}

enum { N = 4, SIDE = 12, BATCHES = 23 };
static real batches[BATCHES][N * SIDE * SIDE], later[N * SIDE * SIDE];
static int labels[BATCHES][N], later_label[N];

typedef struct Wrong { const DataSet *set; int batch, channels; ImageAugment how; } Wrong;

static void open_wrongly(void *context)
{
    const Wrong *w = context;
    new_loader(w->set, w->batch, SIDE, w->channels, &w->how, 42, 0);
}

static void take_eight(void *loader)
{
    for (int i = 0; i < 8; i++) next_batch(loader, batches[0], labels[0], NULL);
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
    Loader *l = new_loader(&set, N, SIDE, 1, &how, 42, 0);
    for (int i = 0; i < BATCHES; i++)
        next_batch(l, batches[i], labels[i], NULL);
    ahead_stop(l->ahead);
    for (int first = 0; first < BATCHES; first += 5) {       // a fresh start anywhere, and a consumer that dawdles
        l = new_loader(&set, N, SIDE, 1, &how, 42, (uint64_t)first);
        for (int i = first; i < BATCHES; i++) {
            if (i % 3 == 0)
                pause_a_little(i % 7);
            next_batch(l, later, later_label, NULL);
            CHECK(memcmp(later, batches[i], sizeof later) == 0 && memcmp(later_label, labels[i], sizeof later_label) == 0);
        }
        ahead_stop(l->ahead);
    }
    int seen[3] = {0}, order[15], times[15] = {0};
    for (int i = 0; i < 15; i++)                              // an epoch of 15 shows each picture once: 4, 5, 6 a class
        seen[labels[i / N][i % N]]++;
    CHECK(seen[1] == 4 && seen[0] == 5 && seen[2] == 6);
    shuffle_epoch(order, 15, 42, 3);
    for (int i = 0; i < 15; i++)
        times[order[i]]++;
    for (int i = 0; i < 15; i++)
        CHECK(times[i] == 1);
    CHECK(fails(open_wrongly, &(Wrong){&set, 16, 1, how}, "--batch 15", false));
    CHECK(fails(open_wrongly, &(Wrong){&set, 4, 2, how}, "2 channels", false));
    CHECK(fails(open_wrongly, &(Wrong){&set, 4, 1, {.zoom_high = 1}}, "zoom", false));
    l = new_loader(&set, N, SIDE, 3, &how, 42, 1000000007);
    ahead_stop(l->ahead);                                          // at once, while the thread is busy
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
    warnings();                       // before the thread starts: it may warn at once
    Loader *l = new_loader(&set, 8, 8, 1, &(ImageAugment){0}, 42, 0);
    for (int i = 0; i < 20; i++) {
        int happy = 0;
        next_batch(l, batches[0], labels[0], NULL);
        for (int k = 0; k < N; k++)
            happy += labels[0][k] == 0;
        CHECK(happy <= 4);
    }
    CHECK(warnings() == 2 && dataset_damaged(&set) == 2);
    ahead_stop(l->ahead);
    for (int i = 0; i < 6; i++)
        write_text(at("hurt/%s/%d.pgm", i < 4 ? "happy" : "sad", i), "");
    CHECK(dataset_try(&set, at("hurt"), &(DataOptions){.warn = warn}, &e));
    l = new_loader(&set, 2, 8, 1, &(ImageAugment){0}, 42, 0);
    CHECK(fails(take_eight, l, "cannot be read", false));
    ahead_stop(l->ahead);
}

static bool holds(const char *path, const char *text)
{
    static char all[20000];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    all[fread(all, 1, sizeof all - 1, f)] = 0;
    fclose(f);
    return strstr(all, text) != NULL;
}

/* check_doctor's set: 0 1 2 3=0 are happy, 4 5 sad, sad/9 = 2, test/happy/9 = 1, one is empty and one black. So 0, 4, 5
 * and the test part's 9 are left. */
static void check_mending(void)
{
    Error e = {0};
    char list[300];
    snprintf(list, sizeof list, "%s", at("clean.csv"));
    Doctoring d = {at("ill"), 0, 0, list};
    fflush(stdout);
    int out = dup(1);
    CHECK(freopen(at("doctor.txt"), "wb", stdout) != NULL);
    bool mended = attempt(doctor_work, &d, &e);
    fflush(stdout);
    dup2(out, 1);
    close(out);
    CHECK(mended);                                                            // the unreadable file and the leak are gone
    CHECK(holds(list, "ill/train/Joy/0.pgm,happy,train\n"));
    CHECK(!holds(list, "Joy/1.pgm") && !holds(list, "Joy/2.pgm") && !holds(list, "Joy/3.pgm"));
    CHECK(!holds(list, "sad/9.pgm") && !holds(list, "empty.pgm") && !holds(list, "black.pgm"));
    CHECK(holds(list, "ill/test/happy/9.pgm,happy,test\n"));
    CHECK(doctor_says(list, 0, 0, 1, (const char *[]){"CSV list, 4 pictures, 2 classes", "0 problems", NULL}));
    write_picture(at("twice/a/1.pgm"), 48, 48, 1);
    write_picture(at("twice/b/2.pgm"), 48, 48, 2);
    write_text(at("twice/labels.csv"), "path,label\na/1.pgm,a\nb/3.pgm,b\n");
    CHECK(doctor_says(at("twice"), 0, 0, 1, (const char *[]){"names and that are not there: 1", "b/3.pgm", "does not name: 1",
        "twice/b/2.pgm", NULL}));
}

static void check_doctor(void)
{
    for (int i = 0; i < 6; i++)
        write_picture(at("ill/train/%s/%d.pgm", i < 4 ? "Joy" : "sad", i), 48, 48, i == 3 ? 0 : i);      // 3 repeats 0
    write_picture(at("ill/test/happy/9.pgm"), 48, 48, 1);                     // leaks
    write_picture(at("ill/train/sad/9.pgm"), 48, 48, 2);                      // contradicts
    write_text(at("ill/train/sad/empty.pgm"), "");
    FILE *f = fopen(at("ill/train/sad/black.pgm"), "wb");
    fprintf(f, "P5\n48 48\n255\n");
    for (int i = 0; i < 48 * 48; i++)
        putc(0, f);
    fclose(f);
    CHECK(doctor_says(at("ill"), 0, 0, 0, (const char *[]){"Joy is read as happy", "1 of 10 files cannot be read", "empty.pgm: ",
        "every pixel being the same: 1;", "another of the same split: 2;", "train, validation and test: 1;", "under a different label: 1;",
        "D halves the picture 4 times", "2 problems, 4 warnings", NULL}));
    CHECK(doctor_says(at("ill"), 50, 1, 0, (const char *[]){"\"code\": \"leak\"", "\"happy\": {\"train\": 4, \"validation\": 0, \"test\": 1}",
        "\"code\": \"enlarged\"", "\"code\": \"size\"", "\"problems\": 3", NULL}));
    CHECK(doctor_says(at("nowhere"), 0, 0, 0, (const char *[]){"PROBLEM", "No such file", "1 problem, 0 warnings", NULL}));
    check_mending();
}

int main(void)
{
    char command[100];
    Scope all;
    enter(&all);
    snprintf(folder, sizeof folder, "/tmp/facegan-data-XXXXXX");
    if (!mkdtemp(folder) || !freopen(at("stderr"), "w", stderr)) return 1;
    setvbuf(stderr, NULL, _IONBF, 0);
    check_attributes();
    check_augment();
    check_loader();
    check_damage();
    check_doctor();
    leave();
    snprintf(command, sizeof command, "rm -r %s", folder);
    return check_report() + (system(command) != 0);
}
