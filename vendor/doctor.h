/* doctor.h: what is wrong with a set of labelled pictures, before a network learns from it?
 *
 *     #define DOCTOR_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "doctor.h"
 *
 *     Diagnosis *d = doctor_examine("faces", &(DataOptions){0}, 128, "mygan");
 *     doctor_text(d, stdout);
 *     if (d->looks && d->problems) doctor_mend(d, "better.csv", &kept);
 *
 *     warning: pictures that repeat another of the same split: 2; they count twice: delete the extra copies
 *         faces/train/happy/7.png = faces/train/happy/9.png
 *
 * Most failed trainings fail in the data. The doctor opens every picture once and reports what it finds, each with what
 * to do: a PROBLEM stops a training or makes its numbers wrong, a warning deserves a look. Two pictures are duplicates
 * if their decoded pixels are the same, whatever their files are called.
 *
 *     problems    not-opened, missing (all), unreadable, leak, one-class, size (asked for, no multiple of 4)
 *     warnings    missing (some), passed-over, dropped, uncropped, lost, strays, imbalance, numbered, few, flat, grey,
 *                 size, enlarged, oblong, duplicates, conflict
 *
 * Sizes are judged for image-to-image networks such as StarGAN's (Choi et al. 2018): its G halves a picture's side
 * twice, its D up to six times.
 *
 * It builds on dataset.h and stats.h, which it includes, and on what dataset.h builds on: define their
 * X_IMPLEMENTATION, too. Define DOCTOR_STATIC as well to keep every function private to that file. C11 of gcc or clang
 * and POSIX.1-2008 (with a strict -std=c11 pass -D_GNU_SOURCE); the declarations are C++17, too. Functions give up
 * where they fail (scope.h); what they make belongs to the innermost scope. Messages about options call them as a
 * command line would.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "dataset.h"
#include "stats.h"

#ifdef DOCTOR_STATIC
#define DOCTOR_API static inline
#elif defined(__cplusplus)
#define DOCTOR_API extern "C"
#else
#define DOCTOR_API
#endif

typedef struct Finding {
    bool problem;
    const char *code, *text;            /* a word for scripts, and what to do */
    Names examples;
} Finding;

typedef struct Diagnosis {
    const char *path, *program;         /* program: whose verbs `data import`, `data balance` and `crop` help */
    DataOptions options;
    DataSet set;                        /* empty where it cannot be opened */
    const DataLook *looks;              /* (set.count); NULL where it cannot be opened */
    double *side;                       /* (readable): the shorter sides, sorted */
    int readable, problems, n_findings;
    Finding findings[20];               /* every code occurs at most once */
} Diagnosis;

/* Looks for everything. size: of the pictures to learn from; 0: their own. */
DOCTOR_API Diagnosis *doctor_examine(const char *path, const DataOptions *options, int size, const char *program);

/* With at most ten examples of each finding; with all of them. */
DOCTOR_API void doctor_text(const Diagnosis *d, FILE *to);
DOCTOR_API void doctor_json(const Diagnosis *d, FILE *to);

/* Writes a list of all pictures but the bad ones (dataset_clean), and says how many it keeps. Returns how many problems
 * that mends. Gives up where the file is the list that was read or a picture of the set. */
DOCTOR_API int doctor_mend(const Diagnosis *d, const char *path, int *kept);

/* All of it, as a command does it: tells what was found, mends to the file `fix` unless that is "", which `warn` is
 * told, and gives up where problems are left. */
DOCTOR_API void doctor_visit(const Diagnosis *d, FILE *to, bool json, const char *fix,
                             void (*warn)(const char *format, ...));

/* How often StarGAN's D can halve a side: at most 6 times, while at least 2 whole pixels are left. */
DOCTOR_API int doctor_halvings(int side);

#endif /* DOCTOR_H */

#if defined(DOCTOR_IMPLEMENTATION) && !defined(DOCTOR_IMPLEMENTED)
#define DOCTOR_IMPLEMENTED

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

/* All that can be found: is it a problem, what is it called, what is to be done. */
typedef enum DoctorCode {
    DOCTOR_NOT_OPENED, DOCTOR_ALL_MISSING, DOCTOR_MISSING, DOCTOR_PASSED, DOCTOR_DROPPED, DOCTOR_UNCROPPED,
    DOCTOR_LOST, DOCTOR_STRAYS, DOCTOR_ONE_CLASS, DOCTOR_IMBALANCE, DOCTOR_NUMBERED, DOCTOR_FEW, DOCTOR_UNREADABLE,
    DOCTOR_FLAT, DOCTOR_GREY, DOCTOR_BAD_SIZE, DOCTOR_SIZE, DOCTOR_ENLARGED, DOCTOR_OBLONG, DOCTOR_DUPLICATES,
    DOCTOR_LEAK, DOCTOR_CONFLICT
} DoctorCode;

#define DOCTOR_MISSED "%d files of the list do not exist, the first is %s: paths must be relative to the list's folder"
#define DOCTOR_SIZED "%s %d px: %s; near it %d (halved %d times) and %d (%d times) work well, and best is a power of " \
                     "two"

static const struct { bool problem; const char *code, *text; } doctor_findings[] = {
    [DOCTOR_NOT_OPENED] = {true, "not-opened", "%s"},
    [DOCTOR_ALL_MISSING] = {true, "missing", DOCTOR_MISSED},
    [DOCTOR_MISSING] = {false, "missing", DOCTOR_MISSED},
    [DOCTOR_PASSED] = {false, "passed-over", "what lies in the folders is not all part of the set:"},
    [DOCTOR_DROPPED] = {false, "dropped",
        "%d rows have a label that is none of the seven emotions; they are left out"},
    [DOCTOR_UNCROPPED] = {false, "uncropped",
        "the list tells where in its pictures the faces are: cut them out with `%s data import`; everything else here "
        "takes the square in the middle"},
    [DOCTOR_LOST] = {false, "lost", "pictures that labels.csv names and that are not there: %d"},
    [DOCTOR_STRAYS] = {false, "strays",
        "pictures that labels.csv does not name: %d; were two sets written into one folder?"},
    [DOCTOR_ONE_CLASS] = {true, "one-class", "there is only one class, %s: to change one class into another takes two"},
    [DOCTOR_IMBALANCE] = {false, "imbalance",
        "the largest class, %s (%d), has %.1f times the pictures of the smallest, %s (%d): rare classes are learnt "
        "badly; leave them out with --classes, or even the set out with `%s data balance`"},
    [DOCTOR_NUMBERED] = {false, "numbered",
        "the classes are called %s: whose numbers these are is not known; give the folders the emotions' names"},
    [DOCTOR_FEW] = {false, "few", "fewer than 100 pictures: %s; expect little below some hundreds"},
    [DOCTOR_UNREADABLE] = {true, "unreadable",
        "%d of %d files cannot be read: fetch them again, convert them to JPEG or PNG, or delete them (training skips "
        "them, unless they are more than half)"},
    [DOCTOR_FLAT] = {false, "flat", "pictures that show nothing, every pixel being the same: %d; delete them"},
    [DOCTOR_GREY] = {false, "grey", "all pictures are grey but stored as colour: with --grey training is faster"},
    [DOCTOR_BAD_SIZE] = {true, "size", DOCTOR_SIZED},
    [DOCTOR_SIZE] = {false, "size", DOCTOR_SIZED},
    [DOCTOR_ENLARGED] = {false, "enlarged",
        "most pictures are smaller (%d px) than the training size of %d: that adds work, not detail"},
    [DOCTOR_OBLONG] = {false, "oblong",
        "pictures that are not square: %d; only the square in the middle is used (faces: crop them first with "
        "`%s crop`)"},
    [DOCTOR_DUPLICATES] = {false, "duplicates",
        "pictures that repeat another of the same split: %d; they count twice: delete the extra %s"},
    [DOCTOR_LEAK] = {true, "leak",
        "pictures that occur in more than one of train, validation and test: %d; what was learnt by heart would be "
        "scored as skill: delete the extra %s"},
    [DOCTOR_CONFLICT] = {false, "conflict",
        "pictures that repeat another under a different label: %d; one of the two is wrong: look at them and delete "
        "the wrong %s"}
};

/* What the row of the table says of these pictures (NULL: of none by name), with what stands for its % behind. */
static void doctor_found(Diagnosis *d, DoctorCode code, const Names *examples, ...)
{
    char text[600];
    bool problem = doctor_findings[code].problem;
    va_list list;
    va_start(list, examples);
    vsnprintf(text, sizeof text, doctor_findings[code].text, list);
    va_end(list);
    d->findings[d->n_findings++] = (Finding){problem, doctor_findings[code].code, own_text("%s", text),
                                             examples ? *examples : (Names){0}};
    d->problems += problem;
}

/* ---- what is looked for ---- */

/* Damaged, flat and needlessly coloured pictures. */
static void doctor_pictures(Diagnosis *d)
{
    Names damaged = {0}, flat = {0};
    int coloured = 0, count = d->set.count;
    d->side = own((size_t)count, sizeof *d->side);
    for (const DataLook *seen = d->looks; seen < d->looks + count; seen++) {
        coloured += seen->look.grey;
        if (seen->readable) d->side[d->readable++] = seen->width < seen->height ? seen->width : seen->height;
        else names_add(&damaged, seen->why);
        if (seen->look.flat) names_add(&flat, dataset_name(&d->set, seen->index));
    }
    stats_sort(d->side, d->readable);
    if (damaged.count) doctor_found(d, DOCTOR_UNREADABLE, &damaged, damaged.count, count);
    if (flat.count) doctor_found(d, DOCTOR_FLAT, &flat, flat.count);
    if (coloured && coloured == d->readable) doctor_found(d, DOCTOR_GREY, NULL);
}

/* Pictures with the same pixels: needless within a split, a leak between splits, a contradiction between classes. */
static void doctor_twins(Diagnosis *d)
{
    const DataSet *set = &d->set;
    for (int code = DOCTOR_DUPLICATES; code <= DOCTOR_CONFLICT; code++) {
        Names twins = {0};
        for (int i = 0; i < set->count; i++) {
            int j = d->looks[i].twin;
            bool leak = set->split[i] != set->split[j], conflict = set->label[i] != set->label[j];
            if (j == i || !(code == DOCTOR_CONFLICT ? conflict : code == DOCTOR_LEAK ? leak : !leak)) continue;
            names_add(&twins, textf("%s = %s", dataset_name(set, j), dataset_name(set, i)).s);
        }
        if (twins.count)
            doctor_found(d, (DoctorCode)code, &twins, twins.count, set->listed ? "rows of the list" : "copies");
    }
}

/* Classes: too few, empty, or of very different sizes. */
static void doctor_classes(Diagnosis *d)
{
    const DataSet *set = &d->set;
    Names few = {0};
    int n = set->n_classes, small = 0, large = 0, fewest = INT_MAX, most = -1;
    for (int k = 0; k < n; k++) {
        int pictures = dataset_count(set, k, SPLIT_ALL);
        if (pictures < fewest) fewest = pictures, small = k;
        if (pictures > most) most = pictures, large = k;
        if (pictures < 100) names_add(&few, set->class_names[k]);
    }
    if (n == 1 && !set->attributes && !set->unlabelled)
        doctor_found(d, DOCTOR_ONE_CLASS, NULL, set->class_names[0]);
    else if (!set->attributes && most > 3 * (int64_t)fewest)
        doctor_found(d, DOCTOR_IMBALANCE, NULL, set->class_names[large], most, (double)most / (fewest ? fewest : 1),
                     set->class_names[small], fewest, d->program);
    if (dataset_is_numbered(set)) doctor_found(d, DOCTOR_NUMBERED, NULL, joined(set->class_names, n));
    if (few.count) doctor_found(d, DOCTOR_FEW, NULL, joined(few.items, few.count));
}

DOCTOR_API int doctor_halvings(int side)
{
    int d = 0;
    while (d < 6 && side % (2 << d) == 0 && side / (2 << d) >= 2) d++;
    return d;
}

/* Sizes: what the networks can take, near the size asked for or, without one, near the pictures' own. */
static void doctor_sizes(Diagnosis *d, int size)
{
    if (!d->readable) return;
    int median = (int)d->side[d->readable / 2], want = size > 0 ? size : median, oblong = 0;
    int under = want / 16 * 16 < 32 ? 32 : want / 16 * 16, over = under + 16;
    if (want % 4 || doctor_halvings(want) < 3)
        doctor_found(d, size > 0 && want % 4 ? DOCTOR_BAD_SIZE : DOCTOR_SIZE, NULL,
                     size > 0 ? "the training size of" : "the pictures' usual side of", want,
                     want % 4 ? "G halves the side twice, so it must be a multiple of 4" :
                     "D can halve it only a few times and would judge small patches only", under,
                     doctor_halvings(under), over, doctor_halvings(over));
    if (size > median) doctor_found(d, DOCTOR_ENLARGED, NULL, median, size);
    for (int i = 0; i < d->set.count; i++) oblong += d->looks[i].width != d->looks[i].height;
    if (oblong) doctor_found(d, DOCTOR_OBLONG, NULL, oblong, d->program);
}

/* Looks for everything in a set that was opened. */
static void doctor_diagnose(Diagnosis *d, int size)
{
    DataSet *set = &d->set;
    Names lost = {0}, strays = {0};
    dataset_keep(set, SPLIT_ALL);
    if (set->missing)
        doctor_found(d, set->count ? DOCTOR_MISSING : DOCTOR_ALL_MISSING, NULL, set->missing, set->first_missing);
    if (set->passed.count) doctor_found(d, DOCTOR_PASSED, &set->passed);
    if (set->dropped) doctor_found(d, DOCTOR_DROPPED, NULL, set->dropped);
    if (set->place) doctor_found(d, DOCTOR_UNCROPPED, NULL, d->program);
    dataset_strays(set, &lost, &strays);
    if (lost.count) doctor_found(d, DOCTOR_LOST, &lost, lost.count);
    if (strays.count) doctor_found(d, DOCTOR_STRAYS, &strays, strays.count);
    doctor_classes(d);
    d->looks = dataset_look(set);
    doctor_pictures(d);
    doctor_sizes(d, size);
    doctor_twins(d);
}

static void doctor_open(void *diagnosis)
{
    Diagnosis *d = diagnosis;
    dataset_list(&d->set, d->path, &d->options);
    if (!d->set.attributes) dataset_order(&d->set, d->options.classes);
}

DOCTOR_API Diagnosis *doctor_examine(const char *path, const DataOptions *options, int size, const char *program)
{
    Diagnosis *d = own(1, sizeof *d);
    Error why;
    d->path = path, d->program = program, d->options = *options, d->options.home = innermost_scope();
    if (attempt_one(doctor_open, d, &why)) doctor_diagnose(d, size);
    else {
        doctor_found(d, DOCTOR_NOT_OPENED, NULL, why.text);
        d->set.count = d->set.n_classes = 0;
    }
    return d;
}

/* What the new list must not replace: a folder, the list that was read, a picture of the set. */
static void doctor_check_file(const DataSet *set, const char *path)
{
    if (is_folder(path)) give_up(2, "--fix %s: is a folder: name a file for the list, such as clean.csv", path);
    if (image_suffix(path)) give_up(2, "--fix %s: a list has no picture's name: name a file such as clean.csv", path);
    if (set->listed && path_exists(path) && lies_in(path, set->path))
        give_up(2, "--fix %s: the data set itself lies there, and would be lost: name another file", path);
    if (dataset_has_picture(set, path))
        give_up(2, "--fix %s: is a picture of the set, and would be lost: name another file", path);
}

DOCTOR_API int doctor_mend(const Diagnosis *d, const char *path, int *kept)
{
    const DataSet *set = &d->set;
    int mended = 0;
    if (!set->raw) doctor_check_file(set, path);
    if (set->raw || set->attributes || set->place)
        give_up(2, "--fix: %s is not made of pictures with a label each: `%s data import` first", d->path, d->program);
    *kept = dataset_write(set, dataset_clean(set, d->looks), path);
    for (const Finding *f = d->findings; f < d->findings + d->n_findings; f++)
        mended += f->problem && (strcmp(f->code, "unreadable") == 0 || strcmp(f->code, "leak") == 0);
    return mended;
}

/* ---- what is told ---- */

DOCTOR_API void doctor_json(const Diagnosis *d, FILE *to)
{
    const DataSet *set = &d->set;
    const double *side = d->side;
    table_json(to, "{\"path\": %q, \"format\": %q, \"pictures\": %d, \"dropped\": %d, \"missing\": %d, \"classes\": {",
               set->path, set->format, set->count, set->dropped, set->missing);
    for (int k = 0; k < set->n_classes; k++) {
        table_json(to, "%s%q: ", k ? ", " : "", set->class_names[k]);
        for (int i = 0; i < SPLITS; i++)
            table_json(to, "%s%q: %d", i ? ", " : "{", split_names[i], dataset_count(set, k, i));
        fprintf(to, "}");
    }
    table_json(to, "}, \"label_guesses\": %Q", set->notes.count, set->notes.items);
    if (d->readable)
        table_json(to, ", \"shorter_side\": {\"min\": %d, \"median\": %d, \"max\": %d}, \"halvings\": %d", (int)side[0],
                   (int)side[d->readable / 2], (int)side[d->readable - 1], doctor_halvings((int)side[d->readable / 2]));
    fprintf(to, ", \"findings\": [");
    for (const Finding *f = d->findings; f < d->findings + d->n_findings; f++)
        table_json(to, "%s{\"severity\": %q, \"code\": %q, \"text\": %q, \"examples\": %Q}",
                   f > d->findings ? ", " : "", f->problem ? "problem" : "warning", f->code, f->text, f->examples.count,
                   f->examples.items);
    fprintf(to, "], \"problems\": %d, \"warnings\": %d}\n", d->problems, d->n_findings - d->problems);
}

static void doctor_print_classes(const DataSet *set, FILE *to)
{
    static const char *const layout[] = {"  %-20s", " %8s", " %10s", " %8s", "%s"};
    const char *const names[] = {set->attributes ? "attribute" : "class", "train", "validation", "test", ""};
    int most = 1;
    Table *table = new_table(NULL, set->n_classes, 5);
    table->layout = layout;
    table_names(table, names);
    for (int k = 0; k < set->n_classes; k++)
        if (dataset_count(set, k, SPLIT_ALL) > most) most = dataset_count(set, k, SPLIT_ALL);
    for (int k = 0; k < set->n_classes; k++) {
        table_set(table, k + 1, 0, "%s", set->class_names[k]);
        for (int i = 0; i < SPLITS; i++) table_set(table, k + 1, i + 1, "%d", dataset_count(set, k, i));
        table_set(table, k + 1, 4, "  %.*s", (int)((30 * (int64_t)dataset_count(set, k, SPLIT_ALL) + most - 1) / most),
                  "##############################");
    }
    fputc('\n', to);
    write_table(table, to, TABLE_TEXT);
}

static void doctor_print_finding(const Finding *f, FILE *to)
{
    enum { SHOWN = 10 };
    int n = f->examples.count, shown = n < SHOWN ? n : SHOWN;
    fprintf(to, "\n%s: %s\n", f->problem ? "PROBLEM" : "warning", f->text);
    for (int k = 0; k < shown; k++) fprintf(to, "    %s\n", f->examples.items[k]);
    if (n > shown) fprintf(to, "    and %d more; --json names all\n", n - shown);
}

/* Has it found pictures that doctor_mend leaves out? */
static bool doctor_can_mend(const Diagnosis *d)
{
    static const DoctorCode mended[] = {DOCTOR_UNREADABLE, DOCTOR_FLAT, DOCTOR_DUPLICATES, DOCTOR_LEAK,
                                        DOCTOR_CONFLICT};
    for (int i = 0; i < d->n_findings; i++)
        for (int k = 0; k < 5; k++)
            if (strcmp(d->findings[i].code, doctor_findings[mended[k]].code) == 0) return true;
    return false;
}

DOCTOR_API void doctor_text(const Diagnosis *d, FILE *to)
{
    const DataSet *set = &d->set;
    int warnings = d->n_findings - d->problems;
    fprintf(to, "%s: %s, %d pictures, %d %s\n", set->path, *set->format ? set->format : "not opened", set->count,
            set->n_classes, set->attributes ? "attributes" : "classes");
    if (set->n_classes) doctor_print_classes(set, to);
    dataset_print_notes(set, to);
    if (d->readable) {
        int median = (int)d->side[d->readable / 2];
        fprintf(to, "\n  shorter side: %.0f to %.0f px, median %d; at %d px StarGAN's D halves the picture %d times\n",
                d->side[0], d->side[d->readable - 1], median, median, doctor_halvings(median));
    }
    for (const Finding *f = d->findings; f < d->findings + d->n_findings; f++) doctor_print_finding(f, to);
    if (doctor_can_mend(d) && !set->raw && !set->attributes)
        fprintf(to, "\nA list without damaged, empty, repeated and contradicting pictures: `%s data doctor %s --fix "
                "clean.csv`\n", d->program, set->path);
    fprintf(to, "\n%d problem%s, %d warning%s\n", d->problems, d->problems == 1 ? "" : "s", warnings,
            warnings == 1 ? "" : "s");
}

DOCTOR_API void doctor_visit(const Diagnosis *d, FILE *to, bool json, const char *fix,
                             void (*warn)(const char *format, ...))
{
    int problems = d->problems, kept;
    (json ? doctor_json : doctor_text)(d, to);
    fflush(to);
    if (*fix && d->looks) {
        problems -= doctor_mend(d, fix, &kept);
        warn("%s lists %d of the %d pictures: without damaged and empty ones, repeats (the test and validation parts "
             "keep theirs), and all copies with different labels", fix, kept, d->set.count);
    }
    if (problems) give_up(1, "%s: %d problem%s found", d->path, problems, problems == 1 ? "" : "s");
}

#endif /* DOCTOR_IMPLEMENTATION */
