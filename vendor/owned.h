/* owned.h: pictures, tables, files of tensors, files and folders as scope.h has it: each function gives up where it
 * fails, and what it makes belongs to the innermost scope. It says so for files.h, image.h, table.h and tensorfile.h,
 * which by themselves answer 0 and a text, and leave their memory to be freed, and for the bar of progress.h, whose
 * line must end.
 *
 *     #define OWNED_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "owned.h"                which includes the six; their IMPLEMENTATIONs stand in the same file
 *
 *     Names pictures = list_folder("faces", NAMES_PICTURES);
 *     for (int i = 0; i < pictures.count; i++) {
 *         Image face;
 *         Error why;
 *         Scope one;
 *         enter(&one);
 *         if (try_picture(textf("faces/%s", pictures.items[i]).s, 3, &face, &why)) ...
 *         leave();
 *     }
 *
 * When a file cannot be read, either its content is to blame, and the next file may be sound; or the machine is (no
 * memory, too many open files, a disk that fails, a folder that may not be entered), and whoever went on would take
 * sound files for damaged and full folders for empty. try_picture() and scope.h's attempt_one() forgive the first,
 * never the second.
 *
 * Three things are made of several of them: a CSV file that goes on behind a row (continue_csv), a folder for a set of
 * files (begin_set), and a limit to the process's memory that files of tensors keep to as well (limit_memory).
 *
 * Define OWNED_STATIC as well to keep every function private to that file. C11 (or GNU C) and POSIX; the declarations
 * are C++17, too.
 */
#ifndef OWNED_H
#define OWNED_H

#include "scope.h"
#include "files.h"
#include "image.h"
#include "progress.h"
#include "table.h"
#include "tensorfile.h"
#include <stdio.h>

#ifdef OWNED_STATIC
#define OWNED_API static inline
#elif defined(__cplusplus)
#define OWNED_API extern "C"
#else
#define OWNED_API
#endif

#ifdef __GNUC__
#define OWNED_FORMAT __attribute__((format(printf, 1, 2)))
#else
#define OWNED_FORMAT
#endif

/* errno's word for it: is it the machine's failure, or has the file itself a fault, or is it just not there? */
OWNED_API bool is_machine(int cause);
OWNED_API void give_up_because(int cause, const char *text) SCOPE_NORETURN;

/* ---- texts ---- */

/* A path or a phrase, good where it stands in an expression. A path that is cut is still too long for any system. */
typedef struct Text { char s[3 * FILES_PATH]; } Text;
OWNED_API Text textf(const char *format, ...) OWNED_FORMAT;

/* ---- pictures ---- */

/* What a function of image.h made becomes the scope's. */
OWNED_API Image own_picture(Image made);
OWNED_API size_t picture_bytes(const Image *picture);

/* Black. */
OWNED_API Image new_picture(int width, int height, int channels);

/* False, and why, where the file is to blame. channels 0: as many as it has. */
OWNED_API bool try_picture(const char *path, int channels, Image *out, Error *why);
OWNED_API Image resize_picture(const Image *picture, int width, int height);
OWNED_API ImageSums *own_sums(const Image *picture);    /* of three channels: image_sums */

/* A copy of as many channels, 1 or 3; grey is 0.299 R + 0.587 G + 0.114 B. */
OWNED_API Image with_channels(const Image *picture, int channels);

/* By the path's ending; text: what a PNG file shall say of itself, or NULL. */
OWNED_API void save_picture(const char *path, const Image *picture, const ImageText *text);

/* ---- files of tensors ---- */

/* From now on the process may have so much memory, and a file of tensors may unpack to all of it. 0: no limit but
 * tensorfile.h's own. */
OWNED_API void limit_memory(long mebibytes);

OWNED_API TensorFile *load_tensors(const char *path);
OWNED_API TensorFile *new_tensors(void);                /* empty: to be filled and saved */

/* Room for so many elements of a tensor with that name, to be written to. */
OWNED_API void *add_tensor(TensorFile *file, const char *name, TensorType type, int rank, const int64_t *shape);
OWNED_API void set_metadata(TensorFile *file, const char *name, const char *text);

/* A few numbers as a tensor of one axis, in the precision of `type`, TENSOR_F32 or TENSOR_F64; and back: are there n of
 * them under that name? */
OWNED_API void store_row(TensorFile *file, const char *name, TensorType type, int n, const double *numbers);
OWNED_API bool stored_row(const TensorFile *file, const char *name, int n, double *numbers);

/* See tensorfile_take. */
OWNED_API void take_tensors(TensorFile *file, const TensorFile *from, const TensorTake *what);

/* In one piece: the file is there, whole, or is as it was. `message` stands before the reason. */
OWNED_API void save_tensors(const TensorFile *file, const char *path, const char *message);

/* What the file says of itself, its tensors, and what was left out of it: as lines, or as JSON. */
OWNED_API void print_tensors(const TensorFile *file, const char *path, FILE *to, bool json);
OWNED_API const char *shape_text(const int64_t *shape, int rank);        /* "64,3,7,7" */

/* ---- tables ---- */

/* Rows of at most so many fields: `while (more_rows(table)) use(table->fields);`. */
OWNED_API TableReader *open_table(const char *path, int fields);
OWNED_API bool more_rows(TableReader *table);

/* A table to be filled (table_set) and written, as TABLE_TEXT, TABLE_CSV or TABLE_JSON; or row by row, as it grows. */
OWNED_API Table *new_table(const char *title, int rows, int columns);
OWNED_API void write_table(const Table *table, FILE *to, int form);
OWNED_API void write_row(const Table *table, FILE *to, int form, int row);
OWNED_API void save_table(const Table *table, const char *path);         /* as a CSV file */

/* A CSV file whose rows begin with a whole number that grows, opened to go on behind `last`: its first line is `names`,
 * and what a killed process wrote beyond that row, or began to write, is dropped. The scope closes it. */
OWNED_API FILE *continue_csv(const char *path, const char *names, long last);

/* fclose, for on_leaving. */
OWNED_API void close_file(void *file);

/* ---- how far, how long ---- */

/* A bar that ends with the scope, if it is not full before. */
OWNED_API Progress *own_progress(const char *what, long first, long total);

/* progress_duration's text. */
OWNED_API const char *own_duration(double seconds);

/* ---- files and folders ---- */

OWNED_API bool is_folder(const char *path);
OWNED_API bool path_exists(const char *path);
OWNED_API void make_folder(const char *path);
OWNED_API void make_folder_of(const char *path);        /* in which a file with this path lies */

/* Is it that folder, or in it, however the two are written? False where one is not there. */
OWNED_API bool lies_in(const char *path, const char *folder);

/* The same of what may not be there yet: would it lie there? */
OWNED_API bool would_lie_in(const char *path, const char *folder);

/* An output must not replace an input. Files that are read, as the system calls them (what is not there is left out);
 * is the file with this path one of them, however the two are written? */
OWNED_API Names real_paths(char *const *paths, int n);
OWNED_API bool is_among(const Names *real, const char *path);

/* A whole regular file, a 0 behind its last byte. */
OWNED_API char *read_file(const char *path, size_t most, size_t *size);
OWNED_API void write_file(const char *path, const void *data, size_t size);

/* A file that is written piece by piece into writer->stream; it is there, whole, after end_file(), or is as it was. */
OWNED_API FileWriter *begin_file(const char *path);
OWNED_API void end_file(FileWriter *writer);

/* Temporaries that killed processes left are removed. */
OWNED_API void sweep_folder(const char *path);

/* Nobody else works in that folder until the scope is left; it is swept. */
OWNED_API void lock_folder(const char *path);

/* A set of files gets a folder of its own: nobody else works in it, and it must be empty unless `force` says that old
 * files do not matter. In it a folder is made for each of the n names, by a safe name, which is returned. */
OWNED_API char (*begin_set(const char *folder, const char *const *names, int n, bool force))[FILES_NAME];

/* The names of one kind in a folder, hidden ones left out, sorted by their bytes; none where there is no folder.
 * Pictures are told by the ends of their names (some of these formats are not decoded: such a file is then reported as
 * unreadable, which helps more than to pass over it in silence); lists are .csv and .txt. */
enum { NAMES_FOLDERS, NAMES_PICTURES, NAMES_LISTS };
OWNED_API bool name_is(int kind, const char *name);
OWNED_API Names list_folder(const char *path, int kind);

/* What is made of the files at these paths may be called: see files_stems. */
OWNED_API char **own_stems(const Names *paths);

#endif /* OWNED_H */

#if defined(OWNED_IMPLEMENTATION) && !defined(OWNED_IMPLEMENTED)
#define OWNED_IMPLEMENTED

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

OWNED_API bool is_machine(int cause)
{
    static const int others[] = {0, ENOENT, ENOTDIR, EISDIR, EINVAL, EFBIG, ELOOP, ENAMETOOLONG, EAGAIN};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (cause == others[i]) return false;
    return true;
}

/* What errno and a text of theirs say, as an error. */
static Error owned_why(int cause, const char *text)
{
    Error why = {.status = 1, .machine = is_machine(cause)};
    snprintf(why.text, sizeof why.text, "%s", text);
    return why;
}

OWNED_API void give_up_because(int cause, const char *text)
{
    Error why = owned_why(cause, text);
    unwind(&why);
}

/* ---- texts ---- */

OWNED_API Text textf(const char *format, ...)
{
    Text text;
    va_list list;
    va_start(list, format);
    vsnprintf(text.s, sizeof text.s, format, list);
    va_end(list);
    return text;
}

/* ---- pictures ---- */

OWNED_API size_t picture_bytes(const Image *picture)
{
    return (size_t)picture->width * (size_t)picture->height * (size_t)picture->channels;
}

OWNED_API Image own_picture(Image made)
{
    made.pixels = (unsigned char *)own_this(made.pixels, picture_bytes(&made));
    return made;
}

OWNED_API Image new_picture(int width, int height, int channels)
{
    char why[IMAGE_ERROR_SIZE];
    Image picture;
    if (!image_new(width, height, channels, &picture, why)) give_up(1, "%s", why);
    return own_picture(picture);
}

OWNED_API bool try_picture(const char *path, int channels, Image *out, Error *why)
{
    char text[IMAGE_ERROR_SIZE];
    if (image_load(path, channels, out, text)) {
        *out = own_picture(*out);
        return true;
    }
    *why = owned_why(errno, text);
    if (why->machine) unwind(why);
    return false;
}

OWNED_API Image resize_picture(const Image *picture, int width, int height)
{
    char why[IMAGE_ERROR_SIZE];
    Image out;
    if (!image_resize(picture, width, height, &out, why)) give_up(1, "%s", why);
    return own_picture(out);
}

static void owned_close_sums(void *sums) { image_sums_free((ImageSums *)sums); }

OWNED_API ImageSums *own_sums(const Image *picture)
{
    ImageSums *sums = (ImageSums *)own(1, sizeof *sums);
    if (!image_sums(picture, sums)) give_up_memory(picture_bytes(picture), sizeof *sums->sums);
    on_leaving(owned_close_sums, sums);
    return sums;
}

OWNED_API Image with_channels(const Image *picture, int channels)
{
    Image out = new_picture(picture->width, picture->height, channels);
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    size_t from = (size_t)picture->channels, to = (size_t)channels;
    if (from == to) memcpy(out.pixels, picture->pixels, pixels * to);
    else for (size_t i = 0; i < pixels; i++) {
        const unsigned char *p = picture->pixels + i * from;
        unsigned char grey = from < 3 ? p[0] : (unsigned char)(0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] + 0.5);
        for (size_t c = 0; c < to; c++) out.pixels[i * to + c] = from < 3 || to == 1 ? grey : p[c];
    }
    return out;
}

OWNED_API void save_picture(const char *path, const Image *picture, const ImageText *text)
{
    char why[IMAGE_ERROR_SIZE];
    if (!image_save(path, picture, text, text ? 1 : 0, why)) give_up_because(errno, why);
}

/* ---- files of tensors ---- */

static uint64_t owned_most;             /* bytes that a file may unpack to; 0: what tensorfile.h thinks right */

/* The kernel counts all private memory that can be written: no allocation goes by the limit. */
OWNED_API void limit_memory(long mebibytes)
{
    uint64_t before = owned_most;
    struct rlimit limit;
    owned_most = (uint64_t)mebibytes << 20;
    if ((!mebibytes && !before) || (rlim_t)owned_most != owned_most || getrlimit(RLIMIT_DATA, &limit)) return;
    limit.rlim_cur = !mebibytes || limit.rlim_max < owned_most ? limit.rlim_max : (rlim_t)owned_most;
    if (setrlimit(RLIMIT_DATA, &limit)) give_up(1, "cannot limit the memory: %s", strerror(errno));
}

static void owned_close_tensors(void *file) { tensorfile_free((TensorFile *)file); }

OWNED_API TensorFile *load_tensors(const char *path)
{
    char why[TENSORFILE_ERROR_SIZE];
    TensorFile *file = (TensorFile *)own(1, sizeof *file);
    if (!tensorfile_load_within(path, owned_most, file, why)) give_up(1, "%s", why);
    on_leaving(owned_close_tensors, file);
    return file;
}

OWNED_API TensorFile *new_tensors(void)
{
    TensorFile *file = (TensorFile *)own(1, sizeof *file);
    on_leaving(owned_close_tensors, file);
    return file;
}

OWNED_API void *add_tensor(TensorFile *file, const char *name, TensorType type, int rank, const int64_t *shape)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)shape[i];
    void *data = calloc(count ? count : 1, tensorfile_type_size(type));
    if (!data) give_up_memory(count, tensorfile_type_size(type));
    if (!tensorfile_add(file, name, type, rank, shape, data)) {
        free(data);
        give_up(1, "cannot add %s to the file: out of memory or stored twice", name);
    }
    file->tensors[file->count - 1].owned = 1;
    return data;
}

OWNED_API void set_metadata(TensorFile *file, const char *name, const char *text)
{
    if (!tensorfile_set_metadata(file, name, text)) give_up_memory(strlen(text), 1);
}

OWNED_API void store_row(TensorFile *file, const char *name, TensorType type, int n, const double *numbers)
{
    const int64_t shape[1] = {n};
    void *row = add_tensor(file, name, type, 1, shape);
    for (int i = 0; i < n; i++)
        if (type == TENSOR_F64) ((double *)row)[i] = numbers[i];
        else ((float *)row)[i] = (float)numbers[i];
}

OWNED_API bool stored_row(const TensorFile *file, const char *name, int n, double *numbers)
{
    const TensorEntry *row = tensorfile_find(file, name);
    if (!row || tensorfile_count(row) != (size_t)n) return false;
    for (int i = 0; i < n; i++) numbers[i] = tensorfile_get(row, (size_t)i);
    return true;
}

OWNED_API void take_tensors(TensorFile *file, const TensorFile *from, const TensorTake *what)
{
    char why[TENSORFILE_ERROR_SIZE];
    errno = 0;
    if (!tensorfile_take(file, from, what, why)) give_up_because(errno, why);
}

OWNED_API void save_tensors(const TensorFile *file, const char *path, const char *message)
{
    FileWriter w;
    char why[FILES_ERROR];
    if (files_begin(&w, path, why) && tensorfile_save_to(w.stream, path, file, why) && files_end(&w, why)) return;
    int cause = errno;
    files_abandon(&w);
    give_up_because(cause, own_text("%s%s", message, why));
}

OWNED_API const char *shape_text(const int64_t *shape, int rank)
{
    const char *text = "";
    for (int i = 0; i < rank; i++) text = own_text("%s%s%lld", text, i ? "," : "", (long long)shape[i]);
    return text;
}

/* A text out of a file, for a terminal: what would move its cursor or change its colours is written as \x1b. */
static const char *owned_plain(const char *text)
{
    char *plain = (char *)own(4 * strlen(text) + 1, 1), *to = plain;
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at, next = (unsigned char)at[1];
        bool high = c == 0xc2 && next >= 0x80 && next < 0xa0;           /* the controls of ISO 6429, in UTF-8 */
        if (c < ' ' || c == 127 || high) to += sprintf(to, "\\x%02x", high ? next : c), at += high;
        else *to++ = *at;
    }
    return plain;
}

static void owned_print_tensor(const TensorEntry *t, FILE *to, bool json)
{
    const char *type = tensorfile_type_name(t->type), *shape = shape_text(t->shape, t->rank);
    if (json) table_json(to, "{\"name\": %q, \"type\": %q, \"shape\": [%s]}", t->name, type, shape);
    else fprintf(to, "  %-44s %-5s (%s)\n", owned_plain(t->name), type, shape);
}

OWNED_API void print_tensors(const TensorFile *file, const char *path, FILE *to, bool json)
{
    double numbers = 0;
    for (size_t i = 0; i < file->count; i++) numbers += (double)tensorfile_count(&file->tensors[i]);
    if (json) table_json(to, "{\"path\": %q, \"format\": %q, \"numbers\": %s, \"metadata\": {", path, file->format,
                         textf("%.0f", numbers).s);
    else fprintf(to, "%s: %s, %zu tensors, %.0f numbers\n", path, file->format, file->count, numbers);
    for (size_t i = 0; i < file->n_metadata; i++)
        if (json) table_json(to, "%s%q: %q", i ? ", " : "", file->keys[i], file->values[i]);
        else fprintf(to, "  %-14s %s\n", owned_plain(file->keys[i]), owned_plain(file->values[i]));
    if (json) fprintf(to, "}, \"tensors\": [");
    for (size_t i = 0; i < file->count; i++) {
        if (json && i) fprintf(to, ", ");
        owned_print_tensor(&file->tensors[i], to, json);
    }
    if (json) fprintf(to, "], \"left_out\": [");
    for (size_t i = 0; i < file->n_skipped; i++)
        if (json) table_json(to, "%s%q", i ? ", " : "", file->skipped[i].name);
        else fprintf(to, "  left out: %s (%s)\n", owned_plain(file->skipped[i].name),
                     owned_plain(file->skipped[i].reason));
    if (json) fprintf(to, "]}\n");
}

/* ---- how far, how long ---- */

OWNED_API Progress *own_progress(const char *what, long first, long total)
{
    Progress *p = (Progress *)own(1, sizeof *p);
    *p = progress_start(what, first, total);
    on_leaving(progress_end, p);
    return p;
}

OWNED_API const char *own_duration(double seconds)
{
    char text[PROGRESS_DURATION];
    progress_duration(seconds, text);
    return own_text("%s", text);
}

/* ---- files and folders ---- */

/* The answer of files.h to a question, or none. */
static bool owned_answer(int (*ask)(const char *path, char *error), const char *path)
{
    char why[FILES_ERROR];
    int yes = ask(path, why);
    if (yes < 0) give_up_because(errno, why);
    return yes;
}

OWNED_API bool is_folder(const char *path) { return owned_answer(files_is_folder, path); }

OWNED_API bool path_exists(const char *path) { return owned_answer(files_exists, path); }

OWNED_API void make_folder(const char *path)
{
    char why[FILES_ERROR];
    if (!files_make_folder(path, why)) give_up_because(errno, why);
}

OWNED_API void make_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash && slash > path) make_folder(textf("%.*s", (int)(slash - path), path).s);
}

OWNED_API bool lies_in(const char *path, const char *folder)
{
    char *inner = realpath(path, NULL), *outer = realpath(folder, NULL);
    size_t length = outer ? strlen(outer) : 0;
    bool yes = inner && outer && strncmp(inner, outer, length) == 0 &&
               (length == 1 || !inner[length] || inner[length] == '/');
    free(inner), free(outer);
    return yes;
}

OWNED_API bool would_lie_in(const char *path, const char *folder)
{
    Text there = textf("%s", path);
    while (*there.s && !path_exists(there.s)) {                 /* up to a folder that is there */
        char *slash = strrchr(there.s, '/');
        there.s[!slash ? 0 : slash == there.s ? 1 : slash - there.s] = 0;
    }
    return lies_in(*there.s ? there.s : ".", folder);
}

OWNED_API Names real_paths(char *const *paths, int n)
{
    Names real = {.home = innermost_scope()};
    Text found;
    for (int i = 0; i < n; i++)
        if (realpath(paths[i], found.s)) names_add(&real, found.s);
    return real;
}

OWNED_API bool is_among(const Names *real, const char *path)
{
    Text found;
    bool yes = false, there = realpath(path, found.s) != NULL;
    for (int i = 0; there && !yes && i < real->count; i++) yes = strcmp(real->items[i], found.s) == 0;
    return yes;
}

OWNED_API char *read_file(const char *path, size_t most, size_t *size)
{
    char why[FILES_ERROR], *data;
    if (!files_read(path, most, &data, size, why)) give_up_because(errno, why);
    return (char *)own_this(data, *size + 1);
}

OWNED_API void write_file(const char *path, const void *data, size_t size)
{
    char why[FILES_ERROR];
    if (!files_write(path, data, size, why)) give_up_because(errno, why);
}

static void owned_abandon(void *writer) { files_abandon((FileWriter *)writer); }

OWNED_API FileWriter *begin_file(const char *path)
{
    char why[FILES_ERROR];
    FileWriter *writer = (FileWriter *)own(1, sizeof *writer);
    if (!files_begin(writer, path, why)) give_up_because(errno, why);
    on_leaving(owned_abandon, writer);
    return writer;
}

OWNED_API void end_file(FileWriter *writer)
{
    char why[FILES_ERROR];
    if (!files_end(writer, why)) give_up_because(errno, why);
}

OWNED_API void sweep_folder(const char *path) { owned_answer(files_sweep, path); }

static void owned_unlock(void *lock) { files_unlock((FileLock *)lock); }

OWNED_API void lock_folder(const char *path)
{
    char why[FILES_ERROR];
    FileLock *lock = (FileLock *)own(1, sizeof *lock);
    if (!files_lock(path, lock, why)) give_up_because(errno, why);
    on_leaving(owned_unlock, lock);
    sweep_folder(path);
}

OWNED_API char (*begin_set(const char *folder, const char *const *names, int n, bool force))[FILES_NAME]
{
    char why[FILES_ERROR], (*folders)[FILES_NAME] = (char (*)[FILES_NAME])own((size_t)n, sizeof *folders);
    files_names(names, n, folders);
    make_folder(folder);
    lock_folder(folder);
    int empty = files_is_empty(folder, why);
    if (empty < 0) give_up_because(errno, why);
    if (!empty && !force)
        give_up(1, "%s is not empty, and old pictures would mix with new ones: take another --out, or add --force",
                folder);
    for (int i = 0; i < n; i++) make_folder(textf("%s/%s", folder, folders[i]).s);
    return folders;
}

OWNED_API bool name_is(int kind, const char *name)
{
    const char *dot = strrchr(name, '.');
    if (kind == NAMES_LISTS) return dot && (strcasecmp(dot, ".csv") == 0 || strcasecmp(dot, ".txt") == 0);
    return kind == NAMES_FOLDERS || image_suffix(name) > 0;
}

typedef struct OwnedListing { char **names; size_t count; } OwnedListing;

static void owned_free_listing(void *listing)
{
    OwnedListing *l = (OwnedListing *)listing;
    files_list_free(l->names, l->count);
}

OWNED_API Names list_folder(const char *path, int kind)
{
    char why[FILES_ERROR];
    Names names = {.home = innermost_scope()};
    OwnedListing found;
    Scope inner;
    if (!files_list(path, kind == NAMES_FOLDERS ? FILES_FOLDERS : FILES_FILES, &found.names, &found.count, why)) {
        if (is_machine(errno)) give_up_because(errno, why);
        return names;
    }
    enter(&inner);
    on_leaving(owned_free_listing, &found);
    for (size_t i = 0; i < found.count; i++)
        if (name_is(kind, found.names[i])) names_add(&names, found.names[i]);
    leave();
    return names;
}

OWNED_API char **own_stems(const Names *paths)
{
    char why[FILES_ERROR];
    OwnedListing *stems = (OwnedListing *)own(1, sizeof *stems);
    if (!files_stems(paths->items, (size_t)paths->count, &stems->names, why)) {
        if (errno == EEXIST) give_up(2, "%s", why);
        give_up_because(errno, why);
    }
    stems->count = (size_t)paths->count;
    on_leaving(owned_free_listing, stems);
    return stems->names;
}

/* ---- tables ---- */

static void owned_close_table(void *table) { table_close((TableReader *)table); }

OWNED_API TableReader *open_table(const char *path, int fields)
{
    TableReader *table = (TableReader *)own(1, sizeof *table);
    bool opened = table_open(table, path, fields);
    int cause = errno;
    on_leaving(owned_close_table, table);
    if (!opened) give_up_because(cause, table->error);
    return table;
}

OWNED_API bool more_rows(TableReader *table)
{
    int got = table_next(table);
    if (got < 0) give_up(1, "%s", table->error);
    return got > 0;
}

static void owned_free_table(void *table) { table_free((Table *)table); }

OWNED_API Table *new_table(const char *title, int rows, int columns)
{
    Table *table = (Table *)own(1, sizeof *table);
    *table = table_new(title, rows, columns);
    on_leaving(owned_free_table, table);
    return table;
}

OWNED_API void write_table(const Table *table, FILE *to, int form)
{
    if (!table_print(table, to, form)) give_up(1, "a table cannot be written: %s", strerror(errno));
}

OWNED_API void write_row(const Table *table, FILE *to, int form, int row)
{
    if (table->failed) give_up_memory(1, sizeof *table->cells);
    table_print_row(table, to, form, row);
}

OWNED_API void close_file(void *file) { fclose((FILE *)file); }

OWNED_API void save_table(const Table *table, const char *path)
{
    FileWriter *file = begin_file(path);
    write_table(table, file->stream, TABLE_CSV);
    end_file(file);
}

OWNED_API FILE *continue_csv(const char *path, const char *names, long last)
{
    char line[1 << 14];
    FILE *old = files_open(path);
    if (old) on_leaving(close_file, old);
    else if (errno != ENOENT) give_up_because(errno, own_text("%s: cannot be read: %s", path, strerror(errno)));
    FileWriter *renewed = begin_file(path);
    fprintf(renewed->stream, "%s\n", names);
    for (bool begins = true, whole; old && fgets(line, sizeof line, old); begins = whole) {
        whole = strchr(line, '\n') != NULL;                    /* else the line goes on, or was cut off by a crash */
        if (begins && whole && line[0] >= '0' && line[0] <= '9' && atol(line) <= last) fputs(line, renewed->stream);
    }
    if (old && ferror(old)) give_up_because(EIO, own_text("%s: cannot be read: %s", path, strerror(EIO)));
    end_file(renewed);
    FILE *file = fopen(path, "a");
    if (!file) give_up_because(errno, own_text("%s: cannot be written: %s", path, strerror(errno)));
    on_leaving(close_file, file);
    return file;
}

#endif /* OWNED_IMPLEMENTATION */
