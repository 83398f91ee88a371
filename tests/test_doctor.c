/* test_doctor.c: vendor/doctor.h: on sets made here with known faults each of them is found, with the right numbers and
 * examples, none is found in a sound set, and the list that is written has what is left. */
#include "../vendor/all.h"
#include "check.h"
#include "folder.h"
#include <unistd.h>

/* Colours that follow from `seed`; 0: one colour only. */
static void write_seeded(const char *path, int width, int height, int seed)
{
    Image p = new_picture(width, height, 3);
    for (int i = 0; i < width * height * 3; i++) p.pixels[i] = (unsigned char)(seed ? seed * 37 + i * 11 + i / 7 : 90);
    save_picture(path, &p, NULL);
}

static const Finding *finding(const Diagnosis *d, const char *code)
{
    for (int i = 0; i < d->n_findings; i++)
        if (strcmp(d->findings[i].code, code) == 0) return &d->findings[i];
    return NULL;
}

/* Is it there, so severe, with so many examples and with these words? */
static bool finds(const Diagnosis *d, const char *code, bool problem, int examples, const char *words)
{
    const Finding *f = finding(d, code);
    if (f && f->problem == problem && f->examples.count == examples && strstr(f->text, words)) return true;
    printf("  %s: %s\n", code, f ? f->text : "not found");
    return false;
}

static void test_sound(void)
{
    for (int i = 0; i < 200; i++) write_seeded(at("sound/%s/%d.png", i % 2 ? "happy" : "sad", i), 16, 16, 1 + i);
    const Diagnosis *d = doctor_examine(at("sound"), &(DataOptions){.split = SPLIT_ALL}, 16, "prog");
    for (int i = 0; i < d->n_findings; i++) printf("  %s\n", d->findings[i].text);
    CHECK(!d->problems && !d->n_findings && d->readable == 200 && d->side[0] == 16 && d->looks);
}

/* Happy has 4 files: one damaged, one of one colour; sad has 1, which the test set's happy has, too. Two train twins. */
static Diagnosis *test_faults(void)
{
    write_seeded(at("bad/train/happy/1.png"), 48, 50, 7), write_seeded(at("bad/train/happy/2.png"), 48, 50, 7);
    write_seeded(at("bad/train/happy/3.png"), 50, 50, 0);
    write_file(at("bad/train/happy/4.png"), "no picture", 10);
    write_seeded(at("bad/train/sad/5.png"), 50, 50, 9), write_seeded(at("bad/test/happy/6.png"), 50, 50, 9);
    Diagnosis *d = doctor_examine(at("bad"), &(DataOptions){.split = SPLIT_ALL}, 50, "prog");
    CHECK(finds(d, "unreadable", true, 1, "1 of 6 files") && finds(d, "flat", false, 1, ": 1;"));
    CHECK(finds(d, "duplicates", false, 1, "delete the extra copies") && finds(d, "leak", true, 1, ": 1;"));
    CHECK(finds(d, "conflict", false, 1, ": 1;") && finds(d, "oblong", false, 0, "not square: 2") && finds(d, "oblong", false, 0, "`prog crop`"));
    CHECK(strstr(finding(d, "leak")->examples.items[0], "5.png") && strstr(finding(d, "leak")->examples.items[0], "6.png"));
    CHECK(finds(d, "size", true, 0, "the training size of 50 px: G halves the side twice"));
    CHECK(finds(d, "size", true, 0, "near it 48 (halved 4 times) and 64 (5 times)"));
    CHECK(finds(d, "imbalance", false, 0, "happy (5), has 5.0 times the pictures of the smallest, sad (1)"));
    CHECK(finds(d, "imbalance", false, 0, "`prog data balance`") && finds(d, "few", false, 0, "happy, sad"));
    CHECK(d->problems == 3 && d->n_findings == 9 && d->readable == 5 && d->side[0] == 48 && d->side[4] == 50);
    d = doctor_examine(at("bad"), &(DataOptions){.split = SPLIT_ALL}, 64, "prog");
    CHECK(finds(d, "enlarged", false, 0, "smaller (50 px) than the training size of 64") && !finding(d, "size"));
    return d;
}

static void test_lists(void)
{
    const char *list = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression\n"
                       "bad/train/sad/5.png,0,0,9,9,,1\ngone.png,0,0,9,9,,1\nbad/train/sad/5.png,0,0,9,9,,9\n";
    write_file(at("training.csv"), list, strlen(list));
    const Diagnosis *d = doctor_examine(at("training.csv"), &(DataOptions){.split = SPLIT_ALL}, 0, "prog");
    CHECK(finds(d, "missing", false, 0, "1 files of the list do not exist") && strstr(finding(d, "missing")->text, "gone.png"));
    CHECK(finds(d, "dropped", false, 0, "1 rows") && finds(d, "one-class", true, 0, "happy"));
    CHECK(finds(d, "uncropped", false, 0, "`prog data import`"));
    d = doctor_examine(at("nowhere"), &(DataOptions){.split = SPLIT_ALL}, 0, "prog");
    CHECK(d->n_findings == 1 && d->problems == 1 && finds(d, "not-opened", true, 0, "nowhere") && !d->looks && !d->set.count);
}

/* A folder with labels.csv beside pictures that it does not name, and names without pictures; numbers for classes; a
 * list none of whose files is there; colour pictures without a colour. */
static void test_leftovers(void)
{
    const DataOptions all = {.split = SPLIT_ALL};
    const char *labels = "path,label\nsad/1.png,sad\nhappy/2.png,happy\nhappy/9.png,happy\n", *list = "path,label\nno.png,sad\n";
    for (int i = 1; i <= 3; i++) write_seeded(at("two/%s/%d.png", i % 2 ? "sad" : "happy", i), 16, 16, i);
    write_file(at("two/labels.csv"), labels, strlen(labels));
    const Diagnosis *d = doctor_examine(at("two"), &all, 16, "prog");
    CHECK(finds(d, "lost", false, 1, ": 1") && strcmp(finding(d, "lost")->examples.items[0], "happy/9.png") == 0);
    CHECK(finds(d, "strays", false, 1, ": 1;") && strstr(finding(d, "strays")->examples.items[0], "3.png"));
    CHECK(!finding(d, "grey") && !finding(d, "numbered") && !finding(d, "passed-over"));
    write_seeded(at("two/4.png"), 16, 16, 4);
    d = doctor_examine(at("two"), &all, 16, "prog");
    CHECK(finds(d, "passed-over", false, 1, "not all part") && strstr(finding(d, "passed-over")->examples.items[0], "two: 1 pictures beside"));
    write_file(at("gone.csv"), list, strlen(list));
    CHECK(finds(doctor_examine(at("gone.csv"), &all, 16, "prog"), "missing", true, 0, "1 files of the list do not exist"));
    for (int i = 0; i < 4; i++) {
        Image p = new_picture(16, 16, 3);
        for (int k = 0; k < 16 * 16; k++) memset(p.pixels + 3 * k, 7 * i + k, 3);
        save_picture(at("grey/%d/%d.png", 10 + i % 2, i), &p, NULL);
    }
    d = doctor_examine(at("grey"), &all, 16, "prog");
    CHECK(finds(d, "grey", false, 0, "--grey") && finds(d, "numbered", false, 0, "called 10, 11:"));
}

static const char *mended = "/dev/null";

static void mend(void *d)
{
    int kept;
    doctor_mend(d, mended, &kept);
}

/* Is the list refused, and the file what it was? */
static bool spares(const Diagnosis *d, const char *path, const char *words)
{
    Error e = {0};
    size_t size[2] = {0};
    char *before = is_folder(path) || !path_exists(path) ? NULL : read_file(path, 1 << 20, &size[0]);
    mended = path;
    bool refused = !attempt(mend, (void *)d, &e) && e.status == 2 && strstr(e.text, words);
    mended = "/dev/null";
    if (!refused) printf("  %s: %s\n", path, e.text);
    return refused && (!before || (memcmp(before, read_file(path, 1 << 20, &size[1]), size[0]) == 0 && size[0] == size[1]));
}

/* --fix replaces neither what was read nor a picture. */
static void test_sparing(const Diagnosis *bad)
{
    const DataOptions all = {.split = SPLIT_ALL};
    const char *list = "path,label\nbad/train/happy/1.png,happy\nbad/train/sad/5.png,sad\n";
    CHECK(spares(bad, at("bad"), "is a folder") && spares(bad, at("bad/train/sad/5.png"), "no picture's name"));
    CHECK(spares(bad, at("bad/new.jpg"), "no picture's name") && !path_exists(at("bad/new.jpg")));
    CHECK(link(at("bad/train/sad/5.png"), at("same")) == 0 && spares(bad, at("same"), "is a picture of the set"));
    write_file(at("own.csv"), list, strlen(list)), write_file(at("kept/own.csv"), list, strlen(list));
    const Diagnosis *d = doctor_examine(at("own.csv"), &all, 0, "prog");
    CHECK(spares(d, at("own.csv"), "the data set itself") && spares(d, at("bad/../own.csv"), "the data set itself"));
    CHECK(spares(doctor_examine(at("kept"), &all, 0, "prog"), at("kept/own.csv"), "the data set itself"));
}

/* The twins' first and the test set's copy contradicts the training's, so that neither stays. */
static void test_mending(const Diagnosis *d)
{
    int kept = -1;
    size_t size;
    Error e;
    CHECK(doctor_mend(d, at("better.csv"), &kept) == 2 && kept == 1);
    const char *list = read_file(at("better.csv"), 1 << 16, &size);
    CHECK(strncmp(list, "path,label,split\n", 17) == 0 && strstr(list, "/1.png,happy,train\n") && !strstr(list, "2.png"));
    Diagnosis raw = *d;
    raw.set.attributes = (uint8_t *)"";
    CHECK(!attempt(mend, &raw, &e) && e.status == 2 && strstr(e.text, "`prog data import` first"));
}

static const char *told(void (*tell)(const Diagnosis *d, FILE *to), const Diagnosis *d)
{
    size_t size;
    FileWriter *file = begin_file(at("told"));
    tell(d, file->stream);
    end_file(file);
    return read_file(at("told"), 1 << 20, &size);
}

static void test_telling(const Diagnosis *d)
{
    const char *text = told(doctor_text, d), *json = told(doctor_json, d);
    CHECK(strstr(text, "image folders, 6 pictures, 2 classes\n\n  class                   train validation     test\n"));
    CHECK(strstr(text, "  happy                       4          0        1  ##############################\n"));
    CHECK(strstr(text, "  sad                         1          0        0  ######\n"));
    CHECK(strstr(text, "shorter side: 48 to 50 px, median 50; at 50 px StarGAN's D halves the picture 1 times\n"));
    CHECK(strstr(text, "\nPROBLEM: 1 of 6 files cannot be read") && strstr(text, "\n2 problems, 7 warnings\n"));
    CHECK(strstr(text, "contradicting pictures: `prog data doctor"));
    CHECK(strstr(json, "\"pictures\": 6, \"dropped\": 0, \"missing\": 0, \"classes\": {\"happy\": {\"train\": 4, "
                       "\"validation\": 0, \"test\": 1}, \"sad\": {\"train\": 1, \"validation\": 0, \"test\": 0}}"));
    CHECK(strstr(json, "\"shorter_side\": {\"min\": 48, \"median\": 50, \"max\": 50}, \"halvings\": 1, \"findings\": [{"));
    CHECK(strstr(json, "\"code\": \"few\"") && strstr(json, "\"examples\": []}, ") &&
          strstr(json, "\"problems\": 2, \"warnings\": 7}\n"));
}

static char warned[300];

static void hear(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(warned, sizeof warned, format, arguments);
    va_end(arguments);
}

typedef struct Visit { const Diagnosis *d; const char *fix; } Visit;

static void visit(void *context)
{
    const Visit *v = context;
    FileWriter *file = begin_file(at("visited"));
    doctor_visit(v->d, file->stream, false, v->fix, hear);
    end_file(file);
}

/* test_faults' set has two problems, both of which a list mends; test_sound's has none. */
static void test_visits(const Diagnosis *d)
{
    Error e;
    CHECK(!attempt(visit, &(Visit){d, ""}, &e) && e.status == 1 && !*warned);
    CHECK(strcmp(e.text, own_text("%s: 2 problems found", d->path)) == 0);
    CHECK(attempt(visit, &(Visit){d, at("visited.csv")}, &e) && path_exists(at("visited.csv")));
    CHECK(strstr(warned, "visited.csv lists 1 of the 6 pictures: without damaged"));
    d = doctor_examine(at("sound"), &(DataOptions){.split = SPLIT_ALL}, 16, "prog");
    CHECK(attempt(visit, &(Visit){d, ""}, &e) && strcmp(told(doctor_text, d), read_file(at("visited"), 1 << 16, &(size_t){0})) == 0);
}

int main(void)
{
    Scope all;
    enter(&all);
    if (!begin_folder("doctor")) return 1;
    CHECK(doctor_halvings(128) == 6 && doctor_halvings(48) == 4 && doctor_halvings(256) == 6 && doctor_halvings(50) == 1);
    CHECK(doctor_halvings(1) == 0 && doctor_halvings(160) == 5);
    test_sound();
    const Diagnosis *d = test_faults();
    test_lists();
    test_leftovers();
    test_mending(d);
    test_sparing(d);
    test_telling(d);
    test_visits(d);
    CHECK(end_folder());
    leave();
    return check_report();
}
