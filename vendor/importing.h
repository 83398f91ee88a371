/* importing.h: a published set of labelled pictures becomes a folder of them, one class a folder, each picture cut to
 * what a learner wants to see, with a list, a journal that says of every wanted row what became of it, and a chart.
 *
 *     #define IMPORTING_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "importing.h"
 *
 *     char *from[] = {"affwild2/EXPR", "affwild2/videos"};
 *     const Import *done = import_pictures("affwild2", from, 2, &(ImportOptions){.out = "faces", .size = 64});
 *     write_table(import_table(done), stdout, TABLE_TEXT);
 *
 *     dataset.h --rows--> wanted? --> picture (file, pixels, or ffmpeg's pipe) --> box --> cut --> write --> note
 *
 *     faces/train/happy/0000017.png ...       the number is the row's
 *     faces/labels.csv                        path,label,split,source of the pictures, for dataset.h
 *     faces/import.csv                        source,class,split,result,path of every row of a wanted class
 *     faces/import.txt                        which import this is, so that another one is not mixed into it
 *     faces/distribution.png                  how many pictures of each class there are
 *
 * Rows are taken in the order of the lists, a few at a time; a line is added to import.csv when its picture is written
 * and has its final name. So import.csv is the journal as well: after an interruption it is believed line by line, up
 * to the first that is cut short or whose picture is not there, and the import goes on behind it; it ends with the
 * same bytes as if it had never been stopped.
 *
 * What of a picture is kept. Where a list tells a box, or somebody who finds boxes is given (`find`: a face detector),
 * the square about the box (box_frame of boxes.h), scaled to `size` or else to 128; a picture without such a box is
 * left out, as is one that the list tells nothing sure of (two people share it, and nobody can tell them apart). Else
 * the square in the middle, scaled to `size`; without a size the picture as it is, but for transparency.
 *
 * It builds on dataset.h, boxes.h, figures.h, progress.h and video.h, which it includes, and on what those build on:
 * define their X_IMPLEMENTATION, too. Define IMPORTING_STATIC as well to keep every function private to that file. C11
 * of gcc or clang and POSIX.1-2008 (with a strict -std=c11 pass -D_GNU_SOURCE); the declarations are C++17, too.
 * Functions give up where they fail (scope.h); what they make belongs to the innermost scope. Messages about options
 * call them as a command line would.
 */
#ifndef IMPORTING_H
#define IMPORTING_H

#include "boxes.h"
#include "dataset.h"
#include "figures.h"
#include "progress.h"
#include "video.h"
#include <signal.h>

#ifdef IMPORTING_STATIC
#define IMPORTING_API static inline
#elif defined(__cplusplus)
#define IMPORTING_API extern "C"
#else
#define IMPORTING_API
#endif

typedef struct ImportOptions {
    const char *out;                    /* the folder, which may hold this import's beginning, or nothing */
    const char *classes;                /* "happy,sad"; NULL: the seven emotions, or all where there are none of these
                                           or the set is folders whose own names the classes have */
    const char *says;                   /* further lines of import.txt: how it is done; NULL: none */
    int size;                           /* of the squares; 0: see above */
    bool grey, whole;                   /* whole: the list's boxes are not looked at */
    bool align;                         /* `find` tells of five points, and these shall stand in their places */
    double margin;                      /* around a box, as a share of its side */
    Boxes (*find)(void *context, const Image *picture);         /* in three channels, best first; NULL: nobody finds */
    void *context;                      /* find's first argument */
    void (*each)(int tasks, void (*task)(void *argument, int index, int worker), void *argument);
                                        /* does a row of tasks, on threads; NULL: one after the other */
    const volatile sig_atomic_t *stop;  /* not 0: it ends after the rows in hand; NULL: never */
    void (*warn)(const char *format, ...);                      /* is told what is odd; NULL: nobody is */
} ImportOptions;

/* What became of a row. */
typedef enum ImportResult { IMPORT_KEPT, IMPORT_LEFT_OUT, IMPORT_MISSING, IMPORT_UNREADABLE, IMPORT_NO_FACE,
                            IMPORT_RESULTS, IMPORT_NOT_WRITTEN } ImportResult;
static const char *const import_results[IMPORT_RESULTS] = {"kept", "left out", "no file", "unreadable", "no face"};

typedef struct Import {
    const ImportOptions *options;       /* import_pictures's; they outlive this */
    DataSet set;                        /* all rows */
    bool *wanted;                       /* (classes) */
    int *work, n_work, done, kept;      /* the rows of wanted classes; how many of these are done, and kept */
    int (*tally)[IMPORT_RESULTS + SPLITS];      /* (classes): rows by result, then kept ones by split */
    struct Importing *now;              /* while it works */
} Import;

/* Imports a set of a kind of dataset_kinds(), from its parts (dataset_gather). Where it was stopped it gives up, and
 * the same call goes on from there. */
IMPORTING_API Import *import_pictures(const char *kind, char *const *parts, int count, const ImportOptions *options);

/* For each class: its rows, the kept ones of each split, and why the others were dropped, as a table or as JSON. */
IMPORTING_API Table *import_table(const Import *job);
IMPORTING_API void import_json(const Import *job, FILE *to);

/* The share of pictures in which a face was found, where an import made the folder; else NaN. */
IMPORTING_API double import_share_with_face(const char *folder);

/* What n imports of one list, each to a folder, cut out of the same picture: n + 1 squares in three channels, the
 * picture's and one of each import, of the first `most` rows that all of them kept. How many rows; 0 where a folder was
 * made by no import. */
IMPORTING_API int import_compare(const char *const *folders, int n, int most, int side, const unsigned char **cells);

#endif /* IMPORTING_H */

#if defined(IMPORTING_IMPLEMENTATION) && !defined(IMPORTING_IMPLEMENTED)
#define IMPORTING_IMPLEMENTED

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    IMPORT_AT_ONCE = 16,                /* rows in hand: bounds the memory, and the work that a crash repeats */
    IMPORT_FIELDS = 5,                  /* of the journal: source, class, split, result, path */
    IMPORT_SIDE = 128                   /* of a box's square, where no size is asked for */
};

typedef struct ImportRow {
    const Import *job;
    int row, cause;                     /* cause: errno, of what failed */
    ImportResult result;
    bool cut;                           /* the frame is to be cut out; else the picture is whole */
    ImageFrame frame;
    Image picture;
    const char *source, *path, *file;   /* where it comes from, its name in the folder, and with the folder before it */
    char why[IMAGE_ERROR_SIZE];
    Error failed;                       /* to be written */
} ImportRow;

typedef struct Importing {
    Video video;
    char film[FILES_PATH];              /* the video's */
    FILE *journal;
    Table *line;                        /* of the journal */
    ImportRow batch[IMPORT_AT_ONCE];
} Importing;

#define IMPORT_WARN(job, ...) ((job)->options->warn ? (job)->options->warn(__VA_ARGS__) : (void)0)

/* ---- one row ---- */

static const char *import_class(const Import *job, int row) { return job->set.class_names[job->set.label[row]]; }
static const char *import_split(const Import *job, int row) { return split_names[job->set.split[row]]; }

/* Where a row goes: <split>/<class>/<row>.png */
static const char *import_path(const Import *job, int row)
{
    return own_text("%s/%s/%07d.png", import_split(job, row), import_class(job, row), row);
}

/* Three channels for who finds boxes, one for grey, else as in the file but for transparency. */
static bool import_load(const Import *job, ImportRow *item)
{
    const int channels = job->options->find ? 3 : job->options->grey ? 1 : 0;
    if (!dataset_image(&job->set, item->row, channels, &item->picture, item->why)) return false;
    if (item->picture.channels != 4) return true;
    image_free(&item->picture);
    return dataset_image(&job->set, item->row, 3, &item->picture, item->why);
}

static bool import_is_film(const Import *job, const ImportRow *item, int *length)
{
    return !job->set.raw && dataset_frame(item->source, length) > 0;
}

static void import_read_task(void *argument, int i, int worker)
{
    (void)worker;
    const Import *job = argument;
    ImportRow *item = &job->now->batch[i];
    if (import_is_film(job, item, NULL)) return;
    errno = 0;
    if (!job->set.raw && access(item->source, R_OK) && !is_machine(errno)) item->result = IMPORT_MISSING;
    else if (!import_load(job, item)) item->result = IMPORT_UNREADABLE;
    item->cause = errno;
}

static void import_close_film(void *import)
{
    const Import *job = import;
    long next = job->now->video.next;
    if (video_close(&job->now->video)) IMPORT_WARN(job, "ffmpeg failed at frame %ld of %s", next, job->now->film);
}

static void import_open_film(const Import *job, const char *path)
{
    char why[VIDEO_ERROR];
    import_close_film((void *)job);
    snprintf(job->now->film, sizeof job->now->film, "%s", path);
    if (!video_open(&job->now->video, path, why))
        give_up(1, "%s is a video, and %s: put an ffmpeg on PATH, or take the frames out elsewhere "
                "(ffmpeg -i video.mp4 frames/video/%%05d.jpg) and name the folder frames", path, why);
}

/* Reads a video's frame; those before it are passed over. */
static void import_frame(const Import *job, ImportRow *item, int length)
{
    Video *video = &job->now->video;
    long frame = dataset_frame(item->source, NULL);
    const char *film = own_text("%.*s", length, item->source);
    if (strcmp(job->now->film, film) || video->next > frame) import_open_film(job, film);
    for (VideoFrame got; item->result == IMPORT_KEPT && !item->picture.pixels;) {
        bool wanted = video->next == frame;
        if (!video_next(video, &got)) item->result = IMPORT_MISSING;
        else if (wanted) item->picture = own_picture((Image){got.width, got.height, 3, got.pixels});
        else free(got.pixels);
    }
}

/* The best box whose centre is where the list says; NULL: there is none. */
static const Box *import_best_there(const Boxes *found, const DataPlace *place, int width)
{
    for (const Box *f = found->items; f < found->items + found->count; f++) {
        const int *b = place->box;
        double x = (f->box[0] + f->box[2]) / 2, y = (f->box[1] + f->box[3]) / 2;
        bool inside = !b[2] || (x >= b[0] && x < b[2] && y >= b[1] && y < b[3]);
        if (inside && (!place->half || (place->half == 'l') == (x < width / 2.0))) return f;
    }
    return NULL;
}

/* The box that is found, or that the list tells of (empty: it tells of none); false: the row has no face. */
static bool import_box(const Import *job, const ImportRow *item, Box *box)
{
    const Image *picture = &item->picture;
    DataPlace place = job->set.place && !job->options->whole ? job->set.place[item->row] : (DataPlace){0};
    for (int k = 0; k < 4; k++) {       /* published boxes reach past the edge in places */
        int most = k % 2 ? picture->height : picture->width;
        box->box[k] = place.box[k] < 0 ? 0 : place.box[k] < most ? place.box[k] : most;
    }
    if (!job->options->find)
        return !place.half && (place.box[2] <= 0 || (box_width(box) > 0 && box_height(box) > 0));
    const Boxes all = job->options->find(job->options->context, picture);
    const Box *best = import_best_there(&all, &place, picture->width);
    if (best) *box = *best;
    return best;
}

static void import_find(const Import *job, ImportRow *item)
{
    const ImportOptions *o = job->options;
    Box box = {0};
    if (item->result != IMPORT_KEPT) return;
    if (!import_box(job, item, &box)) item->result = IMPORT_NO_FACE;
    else if (box_width(&box) > 0) item->cut = true, item->frame = box_frame(box, o->align && o->find, o->margin);
}

/* What is kept of the picture, to its file. */
static void import_write(void *row)
{
    const ImportRow *item = row;
    const ImportOptions *o = item->job->options;
    Image made = item->picture;
    if (item->cut) {
        made = new_picture(o->size ? o->size : IMPORT_SIDE, o->size ? o->size : IMPORT_SIDE, made.channels);
        image_cut_rows(&item->picture, &item->frame, &made, 0, made.height);
        if (o->grey) made = with_channels(&made, 1);
    } else if (o->size) {
        image_crop_centre(&made, 0);
        if (made.width != o->size) made = resize_picture(&made, o->size, o->size);
    }
    save_picture(item->file, &made, NULL);
}

static void import_write_task(void *argument, int i, int worker)
{
    (void)worker;
    ImportRow *item = &((const Import *)argument)->now->batch[i];
    if (item->result == IMPORT_KEPT && !attempt(import_write, item, &item->failed)) item->result = IMPORT_NOT_WRITTEN;
}

/* ---- the journal ---- */

static void import_count(Import *job, int row, ImportResult result)
{
    int *tally = job->tally[job->set.label[row]];
    tally[result]++;
    if (result == IMPORT_KEPT) tally[IMPORT_RESULTS + job->set.split[row]]++, job->kept++;
}

/* Is this line of the journal about that row, and is its picture there? */
static bool import_line_fits(const Import *job, char *const *fields, int row, ImportResult *result)
{
    const char *path = import_path(job, row);
    struct stat status;
    if (strcmp(fields[0], dataset_name(&job->set, row)) || strcmp(fields[1], import_class(job, row)) ||
        strcmp(fields[2], import_split(job, row)))
        return false;
    for (*result = IMPORT_KEPT; *result < IMPORT_RESULTS && strcmp(fields[3], import_results[*result]);) ++*result;
    if (*result != IMPORT_KEPT) return *result < IMPORT_RESULTS;
    return !strcmp(fields[4], path) && stat(own_text("%s/%s", job->options->out, path), &status) == 0 &&
           status.st_size > 0;
}

/* Counts the rows that an earlier run has done; where in the journal the sound lines end. */
static long import_believe(Import *job, const char *path)
{
    ImportResult result;
    TableReader *table = open_table(path, IMPORT_FIELDS);
    bool sound = table_next(table) > 0 && !feof(table->file);
    long end = sound ? ftell(table->file) : 0;
    while (sound && job->done < job->n_work && table_next(table) > 0 && !feof(table->file)) {
        Scope inner;
        enter(&inner);
        sound = table->n_fields == IMPORT_FIELDS &&
                import_line_fits(job, table->fields, job->work[job->done], &result);
        leave();
        if (!sound) break;
        import_count(job, job->work[job->done++], result);
        end = ftell(table->file);
    }
    return end;
}

/* Cuts off what is not sound, and opens the journal for more. */
static void import_open_journal(Import *job)
{
    static const char *const names[] = {"source", "class", "split", "result", "path"};
    const char *path = own_text("%s/import.csv", job->options->out);
    bool there = path_exists(path);
    long sound = there ? import_believe(job, path) : 0;
    FILE *journal = !there || truncate(path, sound) == 0 ? fopen(path, "ab") : NULL;
    if (!journal) give_up_because(errno, own_text("cannot write %s: %s", path, strerror(errno)));
    on_leaving(close_file, journal);
    job->now->journal = journal;
    job->now->line = new_table(NULL, 1, IMPORT_FIELDS);
    table_names(job->now->line, names);
    if (!sound) write_row(job->now->line, journal, TABLE_CSV, 0);
    if (job->done) IMPORT_WARN(job, "%d of %d rows are done already", job->done, job->n_work);
}

static void import_note(Import *job, const ImportRow *item)
{
    const char *const fields[] = {item->source, import_class(job, item->row), import_split(job, item->row),
                                  item->result < IMPORT_RESULTS ? import_results[item->result] : "",
                                  item->result == IMPORT_KEPT ? item->path : ""};
    if (item->result == IMPORT_NOT_WRITTEN) unwind(&item->failed);
    if (item->result == IMPORT_UNREADABLE && is_machine(item->cause)) give_up_because(item->cause, item->why);
    if (item->result == IMPORT_UNREADABLE) IMPORT_WARN(job, "skipped: %s", item->why);
    for (int k = 0; k < IMPORT_FIELDS; k++) table_set(job->now->line, 1, k, "%s", fields[k]);
    write_row(job->now->line, job->now->journal, TABLE_CSV, 1);
    import_count(job, item->row, item->result);
}

/* ---- all rows ---- */

static void import_each(Import *job, int count, void (*task)(void *import, int i, int worker))
{
    if (job->options->each) job->options->each(count, task, job);
    else for (int i = 0; i < count; i++) task(job, i, 0);
}

static void import_batch(Import *job)
{
    ImportRow *batch = job->now->batch;
    Scope inner;
    int length, left = job->n_work - job->done, count = left < IMPORT_AT_ONCE ? left : IMPORT_AT_ONCE;
    enter(&inner);
    for (int i = 0; i < count; i++) {
        int row = job->work[job->done + i];
        const char *path = import_path(job, row);
        batch[i] = (ImportRow){.job = job, .row = row, .source = dataset_name(&job->set, row), .path = path,
                               .file = own_text("%s/%s", job->options->out, path)};
        remove(own_text("%s.tmp0", batch[i].file));                     /* of a run that was killed */
    }
    import_each(job, count, import_read_task);
    for (int i = 0; i < count; i++) {
        if (batch[i].picture.pixels) batch[i].picture = own_picture(batch[i].picture);
        else if (import_is_film(job, &batch[i], &length)) import_frame(job, &batch[i], length);
    }
    for (int i = 0; i < count; i++) import_find(job, &batch[i]);
    import_each(job, count, import_write_task);
    for (int i = 0; i < count; i++) import_note(job, &batch[i]);
    if (fflush(job->now->journal) || ferror(job->now->journal))
        give_up_because(errno, own_text("cannot write %s/import.csv: %s", job->options->out, strerror(errno)));
    job->done += count;
    leave();
}

static void import_rows(void *import)
{
    Import *job = import;
    const volatile sig_atomic_t *stop = job->options->stop;
    job->now = own(1, sizeof *job->now);
    import_open_journal(job);
    on_leaving(import_close_film, job);
    Progress *progress = own_progress("import", job->done, job->n_work);
    while (job->done < job->n_work && !(stop && *stop)) {
        import_batch(job);
        progress_show(progress, job->done, "%s", job->options->out);
    }
    if (job->done < job->n_work)
        give_up(1, "stopped after %d of %d rows; the same command goes on from there", job->done, job->n_work);
}

/* ---- before the first ---- */

/* Which classes to take: those asked for; else the seven emotions; else, where there are none, or where folders' own
 * names are the classes, all. */
static void import_classes(Import *job)
{
    const DataSet *set = &job->set;
    const char *classes = job->options->classes;
    bool all = strcmp(set->format, "image folders") == 0 && !set->numbers, emotions = false;
    const Names asked = classes ? dataset_classes(set, classes) : (Names){0};
    job->wanted = own((size_t)set->n_classes, sizeof *job->wanted);
    job->tally = own((size_t)set->n_classes, sizeof *job->tally);
    job->work = own((size_t)set->count, sizeof *job->work);
    for (int k = 0; k < set->n_classes; k++) emotions |= dataset_emotion(set->class_names[k]) >= 0;
    for (int k = 0; k < set->n_classes; k++) {
        const char *name = set->class_names[k];
        job->wanted[k] = classes ? names_find(&asked, name) >= 0 : all || !emotions || dataset_emotion(name) >= 0;
        if (job->wanted[k] && (strchr(name, '/') || name[0] == '.'))
            give_up(1, "%s: the class '%s' can't be the name of a folder", set->path, name);
    }
    for (int i = 0; i < set->count; i++) {
        if (job->wanted[set->label[i]]) job->work[job->n_work++] = i;
        else import_count(job, i, IMPORT_LEFT_OUT);
    }
    if (!job->n_work) give_up(1, "%s: no row has a wanted class", set->path);
}

/* Has an earlier import kept anything there? */
static bool import_kept_any(const char *out)
{
    const char *path = own_text("%s/import.csv", out);
    bool any = false;
    for (TableReader *rows = path_exists(path) ? open_table(path, IMPORT_FIELDS) : NULL; rows && more_rows(rows);)
        any |= rows->n_fields == IMPORT_FIELDS && strcmp(rows->fields[3], import_results[IMPORT_KEPT]) == 0;
    return any;
}

/* The folder is this import's, or empty, and has a folder for each split and class. */
static void import_claim(const Import *job, const char *kind, char *const *parts, int count)
{
    const char *out = job->options->out, *says = job->options->says, *path = own_text("%s/import.txt", out);
    const DataSet *set = &job->set;
    char *want = own_text("kind = %s\n", kind);
    size_t size;
    for (int i = 0; i < count; i++) want = own_text("%sinput = %s\n", want, parts[i]);
    want = own_text("%srows = %d\n%s", want, job->n_work, says ? says : "");
    make_folder(out);
    bool there = path_exists(path), other = there && strcmp(read_file(path, 1 << 24, &size), want);
    if (other && import_kept_any(out))
        give_up(2, "%s holds an import with other inputs or options, see import.txt in it: take another --out", out);
    if (other) remove(own_text("%s/import.csv", out));                  /* a mistake, of which nothing is left */
    if (!there && (list_folder(out, NAMES_FOLDERS).count || list_folder(out, NAMES_LISTS).count))
        give_up(2, "%s holds other files: take another --out", out);
    if (!there || other) write_file(path, want, strlen(want));
    for (int split = 0; split < SPLITS; split++)
        for (int k = 0; k < set->n_classes; k++)
            if (job->wanted[k] && dataset_count(set, k, split))
                make_folder(own_text("%s/%s/%s", out, split_names[split], set->class_names[k]));
}

/* ---- what is left behind ---- */

static void import_labels(void *import)
{
    const Import *job = import;
    static const char *const names[4] = {"path", "label", "split", "source"};
    static const int from[4] = {4, 1, 2, 0};
    TableReader *rows = open_table(own_text("%s/import.csv", job->options->out), IMPORT_FIELDS);
    FileWriter *file = begin_file(own_text("%s/labels.csv", job->options->out));
    Table *line = new_table(NULL, 1, 4);
    table_names(line, names);
    write_row(line, file->stream, TABLE_CSV, 0);
    while (more_rows(rows)) {
        if (strcmp(rows->fields[3], import_results[IMPORT_KEPT])) continue;
        for (int k = 0; k < 4; k++) table_set(line, 1, k, "%s", rows->fields[from[k]]);
        write_row(line, file->stream, TABLE_CSV, 1);
    }
    end_file(file);
}

static void import_chart(void *import)
{
    const Import *job = import;
    const DataSet *set = &job->set;
    const int *order = dataset_sorted(set);
    const char **names = own((size_t)set->n_classes, sizeof *names);
    double *values = own((size_t)set->n_classes, sizeof *values);
    int n = 0;
    for (int i = 0; i < set->n_classes; i++)
        if (job->wanted[order[i]])
            values[n] = job->tally[order[i]][IMPORT_KEPT], names[n++] = set->class_names[order[i]];
    const char *title = own_text("%s: %d pictures kept of %d rows", set->format, job->kept, set->count);
    save_canvas(own_text("%s/distribution.png", job->options->out), draw_bars(title, "pictures", names, values, n),
                NULL);
}

IMPORTING_API Import *import_pictures(const char *kind, char *const *parts, int count, const ImportOptions *options)
{
    Import *job = own(1, sizeof *job);
    DataSet *set = &job->set;
    bool halves = false;
    job->options = options;
    dataset_gather(set, kind, parts, count,
                   &(DataOptions){.split = SPLIT_ALL, .every_label = 1, .warn = options->warn});
    dataset_warn(set);
    if (set->attributes) give_up(2, "%s lists attributes: it is read as it is, with --attributes", parts[0]);
    for (int i = 0; set->place && i < set->count; i++) halves |= set->place[i].half;
    if (halves && !options->find)
        names_add(&set->notes, "two people share frames of some videos: only a detector can tell them apart");
    import_classes(job);
    import_claim(job, kind, parts, count);
    in_scope(import_rows, job);
    job->now = NULL;
    in_scope(import_labels, job);
    in_scope(import_chart, job);
    return job;
}

IMPORTING_API double import_share_with_face(const char *folder)
{
    const char *path = own_text("%s/import.csv", folder);
    double found = 0, all = 0;
    if (!path_exists(path)) return NAN;
    for (TableReader *rows = open_table(path, IMPORT_FIELDS); more_rows(rows);) {
        if (rows->n_fields != IMPORT_FIELDS) continue;
        bool kept = strcmp(rows->fields[3], import_results[IMPORT_KEPT]) == 0;
        found += kept, all += kept || strcmp(rows->fields[3], import_results[IMPORT_NO_FACE]) == 0;
    }
    return found / all;
}

/* The picture that a row came from: a file, or a video's frame, for which those before it are read. */
static bool import_source(const char *path, Image *picture)
{
    int length;
    long frame = dataset_frame(path, &length);
    const char *film = frame ? own_text("%.*s", length, path) : path;
    char why[VIDEO_ERROR];
    Video video;
    VideoFrame got = {0, 0, NULL};
    if (!frame) return try_picture(path, 3, picture, &(Error){0});
    if (!path_exists(film) || !video_open(&video, film, why)) return false;
    for (bool more = true; more && video.next <= frame;) {
        free(got.pixels), got.pixels = NULL;
        more = video_next(&video, &got);
    }
    video_close(&video);
    if (got.pixels) *picture = own_picture((Image){got.width, got.height, 3, got.pixels});
    return got.pixels != NULL;
}

/* The squares of the rows at hand; false where they are of different pictures, or one was not kept or cannot be
 * read. */
static bool import_squares(const char *const *folders, TableReader *const *rows, int n, int side,
                           const unsigned char **cells)
{
    for (int k = 0; k < n; k++)
        if (rows[k]->n_fields != IMPORT_FIELDS || !*rows[k]->fields[4] ||
            strcmp(rows[k]->fields[0], rows[0]->fields[0])) return false;
    for (int k = 0; k <= n; k++) {
        const char *path = k ? own_text("%s/%s", folders[k - 1], rows[k - 1]->fields[4]) : rows[0]->fields[0];
        Image picture;
        if (!import_source(path, &picture)) return false;
        image_crop_centre(&picture, 0);
        cells[k] = resize_picture(&picture, side, side).pixels;
    }
    return true;
}

IMPORTING_API int import_compare(const char *const *folders, int n, int most, int side, const unsigned char **cells)
{
    TableReader **rows = own((size_t)n, sizeof *rows);
    int found = 0;
    for (int k = 0; k < n; k++) {
        const char *path = own_text("%s/import.csv", folders[k]);
        if (!path_exists(path)) return 0;
        rows[k] = open_table(path, IMPORT_FIELDS);
    }
    while (found < most) {
        for (int k = 0; k < n; k++)
            if (!more_rows(rows[k])) return found;
        found += import_squares(folders, rows, n, side, cells + found * (n + 1));
    }
    return found;
}

IMPORTING_API Table *import_table(const Import *job)
{
    static const char *const names[] = {"class", "rows", "kept", "train", "validation", "test"};
    const int *order = dataset_sorted(&job->set), classes = job->set.n_classes;
    int sums[IMPORT_RESULTS + SPLITS] = {0}, columns = 6, shown[IMPORT_RESULTS];
    for (int k = 0; k < classes; k++)
        for (int r = 0; r < IMPORT_RESULTS + SPLITS; r++) sums[r] += job->tally[k][r];
    for (int r = IMPORT_LEFT_OUT; r < IMPORT_RESULTS; r++)
        if (sums[r]) shown[columns++ - 6] = r;
    Table *t = new_table(NULL, classes + 1, columns);
    for (int c = 0; c < columns; c++) table_set(t, 0, c, "%s", c < 6 ? names[c] : import_results[shown[c - 6]]);
    for (int i = 0; i <= classes; i++) {
        const int *from = i == classes ? sums : job->tally[order[i]];
        int rows = 0;
        for (int r = 0; r < IMPORT_RESULTS; r++) rows += from[r];
        table_set(t, i + 1, 0, "%s", i == classes ? "all" : job->set.class_names[order[i]]);
        table_set(t, i + 1, 1, "%d", rows), table_set(t, i + 1, 2, "%d", from[IMPORT_KEPT]);
        for (int k = 0; k < SPLITS; k++) table_set(t, i + 1, 3 + k, "%d", from[IMPORT_RESULTS + k]);
        for (int c = 6; c < columns; c++) table_set(t, i + 1, c, "%d", from[shown[c - 6]]);
    }
    return t;
}

IMPORTING_API void import_json(const Import *job, FILE *to)
{
    table_json(to, "{\"out\": %q, \"format\": %q, \"classes\": {", job->options->out, job->set.format);
    for (int k = 0; k < job->set.n_classes; k++) {
        const int *from = job->tally[k];
        table_json(to, "%s%q: {", k ? ", " : "", job->set.class_names[k]);
        for (int r = 0; r < IMPORT_RESULTS; r++) table_json(to, "%q: %d, ", import_results[r], from[r]);
        for (int i = 0; i < SPLITS; i++)
            table_json(to, "%q: %d%s", split_names[i], from[IMPORT_RESULTS + i], i + 1 < SPLITS ? ", " : "}");
    }
    table_json(to, "}, \"notes\": %Q}\n", job->set.notes.count, job->set.notes.items);
}

#endif /* IMPORTING_IMPLEMENTATION */
