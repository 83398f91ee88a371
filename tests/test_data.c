/* test_data.c: the data doctor's command, on small data sets made here (how these are read: test_dataset.c; what is found in
 * them: test_doctor.c). */
#include "library.h"
#include "check.h"
#include "folder.h"

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
    write_picture(at("shares/1.pgm"), 8, 8, 1);
    write_picture(at("shares/2.pgm"), 8, 8, 2);
    write_text(at("shares/list.csv"), "path,emotion,AU12,intensity\n1.pgm,happy,0.5,1\n2.pgm,sad,0,0.2\n");
    CHECK(doctor_says(at("shares/list.csv"), 0, 1, 1, (const char *[]){"\"format\": \"CSV list\"", "\"happy\": {\"train\": 1", "\"few\"", NULL}));
    CHECK(doctor_says(at("nowhere"), 0, 0, 0, (const char *[]){"PROBLEM", "No such file", "1 problem, 0 warnings", NULL}));
    check_mending();
}

int main(void)
{
    Scope all;
    enter(&all);
    if (!begin_folder("facegan-data") || !freopen(at("stderr"), "w", stderr)) return 1;
    setvbuf(stderr, NULL, _IONBF, 0);
    check_doctor();
    CHECK(end_folder());
    leave();
    return check_report();
}
