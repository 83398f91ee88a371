/* owned.h: files, folders, tables and pictures that a scope owns. The libraries beside this one answer 0 and a text
 * where they fail, and their memory is freed by hand; the functions here give up by themselves, and what they make
 * belongs to the innermost scope (scope.h).
 *
 *     #define OWNED_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "owned.h"
 *
 *     Names pictures = list_folder("faces", NAMES_PICTURES);
 *     if (try_picture("faces/1.jpg", 3, &face, &why)) ...
 *     save_picture("1.png", &face, NULL);
 *     TableReader *rows = open_table("labels.csv", 16);
 *     while (more_rows(rows)) use(rows->fields);
 *
 * It builds on scope.h, files.h, table.h and image.h, which it includes: define their X_IMPLEMENTATION, too. Define
 * OWNED_STATIC as well to keep every function private to that file. C11 and POSIX.1-2008 (with a strict -std=c11 pass
 * -D_GNU_SOURCE).
 *
 * When a file cannot be read, either its content is to blame, and the next file may be sound; or the machine is (no
 * memory, too many open files, a disk that fails, a folder that may not be entered), and whoever went on would take
 * sound files for damaged and full folders for empty. try_picture() and attempt_one() forgive the first, never the
 * second.
 */
#ifndef OWNED_H
#define OWNED_H

#include "scope.h"
#include "files.h"
#include "table.h"
#include "image.h"

#ifdef OWNED_STATIC
#define OWNED_API static inline
#elif defined(__cplusplus)
#define OWNED_API extern "C"
#else
#define OWNED_API
#endif

/* ---- failing ---- */

/* errno's word for it: is it the machine's failure, or has the file itself a fault, or is it just not there? */
OWNED_API bool is_machine(int cause);

OWNED_API void give_up_because(int cause, const char *text) SCOPE_NORETURN;

/* ---- pictures ---- */

OWNED_API size_t picture_bytes(const Image *picture);

/* What a function of image.h made becomes the scope's. */
OWNED_API Image own_picture(Image made);

/* Black. */
OWNED_API Image new_picture(int width, int height, int channels);

/* False, and why, where the file is to blame. channels 0: as many as it has. */
OWNED_API bool try_picture(const char *path, int channels, Image *out, Error *why);

OWNED_API Image resize_picture(const Image *picture, int width, int height);

/* By the path's ending; text: what a PNG file shall say of itself, or NULL. */
OWNED_API void save_picture(const char *path, const Image *picture, const ImageText *text);

/* ---- tables ---- */

/* Rows of at most so many fields: `while (more_rows(table)) use(table->fields);`. */
OWNED_API TableReader *open_table(const char *path, int fields);

OWNED_API bool more_rows(TableReader *table);

/* A table to be filled and printed (table_set, write_table). */
OWNED_API Table *new_table(const char *title, int rows, int columns);

/* form: TABLE_TEXT, TABLE_CSV, TABLE_JSON. */
OWNED_API void write_table(const Table *table, FILE *to, int form);

/* One row of it, as it grows. */
OWNED_API void write_row(const Table *table, FILE *to, int form, int row);

/* ---- files and folders ---- */

OWNED_API bool is_folder(const char *path);

OWNED_API bool path_exists(const char *path);

OWNED_API void make_folder(const char *path);

/* Is it that folder, or in it, however it is written? False where one of the two is not there. */
OWNED_API bool lies_in(const char *path, const char *folder);

/* A whole regular file, a 0 behind its last byte. */
OWNED_API char *read_file(const char *path, size_t most, size_t *size);

OWNED_API void write_file(const char *path, const void *data, size_t size);

/* A file that is written piece by piece into writer->stream; it is there, whole, after end_file(), or is as it was. */
OWNED_API FileWriter *begin_file(const char *path);

OWNED_API void end_file(FileWriter *writer);

/* Nobody else works in that folder until the scope is left; temporaries of killed runs are removed. */
OWNED_API void lock_folder(const char *path);

enum { NAMES_FOLDERS, NAMES_PICTURES, NAMES_LISTS };

/* Pictures are told by the ends of their names. Some of these formats are not decoded: such a file is then reported as
 * unreadable, which helps more than to pass over it in silence. */
OWNED_API bool name_is(int kind, const char *name);

/* The names of one kind in a folder, hidden ones left out, sorted by their bytes; none where there is no folder. */
OWNED_API Names list_folder(const char *path, int kind);

/* A name for what is made of each of these files, which no other has (files_stems). */
OWNED_API char **stems_of(const Names *paths);

#endif /* OWNED_H */

#if defined(OWNED_IMPLEMENTATION) && !defined(OWNED_IMPLEMENTED)
#define OWNED_IMPLEMENTED

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

OWNED_API bool is_machine(int cause)
{
    static const int others[] = {0, ENOENT, ENOTDIR, EISDIR, EINVAL, EFBIG, ELOOP, ENAMETOOLONG, EAGAIN};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (cause == others[i]) return false;
    return true;
}

OWNED_API void give_up_because(int cause, const char *text)
{
    Error why = {.status = 1, .machine = is_machine(cause)};
    snprintf(why.text, sizeof why.text, "%s", text);
    unwind(&why);
}

/* ---- pictures ---- */

OWNED_API size_t picture_bytes(const Image *picture)
{
    return (size_t)picture->width * (size_t)picture->height * (size_t)picture->channels;
}

OWNED_API Image own_picture(Image made)
{
    made.pixels = own_this(made.pixels, picture_bytes(&made));
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
    if (!image_load(path, channels, out, text)) {
        if (is_machine(errno)) give_up_because(errno, text);
        *why = (Error){.status = 1};
        memcpy(why->text, text, sizeof text);
        return false;
    }
    *out = own_picture(*out);
    return true;
}

OWNED_API Image resize_picture(const Image *picture, int width, int height)
{
    char why[IMAGE_ERROR_SIZE];
    Image out;
    if (!image_resize(picture, width, height, &out, why)) give_up(1, "%s", why);
    return own_picture(out);
}

OWNED_API void save_picture(const char *path, const Image *picture, const ImageText *text)
{
    char why[IMAGE_ERROR_SIZE];
    if (!image_save(path, picture, text, text ? 1 : 0, why)) give_up_because(errno, why);
}

/* ---- tables ---- */

static void owned_close_table(void *table) { table_close(table); }

OWNED_API TableReader *open_table(const char *path, int fields)
{
    TableReader *table = own(1, sizeof *table);
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

static void owned_free_table(void *table) { table_free(table); }

OWNED_API Table *new_table(const char *title, int rows, int columns)
{
    Table *table = own(1, sizeof *table);
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

/* ---- files and folders ---- */

OWNED_API bool is_folder(const char *path)
{
    char why[FILES_ERROR];
    int yes = files_is_folder(path, why);
    if (yes < 0) give_up_because(errno, why);
    return yes;
}

OWNED_API bool path_exists(const char *path)
{
    char why[FILES_ERROR];
    int yes = files_exists(path, why);
    if (yes < 0) give_up_because(errno, why);
    return yes;
}

OWNED_API void make_folder(const char *path)
{
    char why[FILES_ERROR];
    if (!files_make_folder(path, why)) give_up_because(errno, why);
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

OWNED_API char *read_file(const char *path, size_t most, size_t *size)
{
    char why[FILES_ERROR], *data;
    if (!files_read(path, most, &data, size, why)) give_up_because(errno, why);
    return own_this(data, *size + 1);
}

OWNED_API void write_file(const char *path, const void *data, size_t size)
{
    char why[FILES_ERROR];
    if (!files_write(path, data, size, why)) give_up_because(errno, why);
}

static void owned_abandon_file(void *writer) { files_abandon(writer); }

OWNED_API FileWriter *begin_file(const char *path)
{
    char why[FILES_ERROR];
    FileWriter *writer = own(1, sizeof *writer);
    if (!files_begin(writer, path, why)) give_up_because(errno, why);
    on_leaving(owned_abandon_file, writer);
    return writer;
}

OWNED_API void end_file(FileWriter *writer)
{
    char why[FILES_ERROR];
    if (!files_end(writer, why)) give_up_because(errno, why);
}

static void owned_unlock_folder(void *lock) { files_unlock(lock); }

OWNED_API void lock_folder(const char *path)
{
    char why[FILES_ERROR];
    FileLock *lock = own(1, sizeof *lock);
    if (!files_lock(path, lock, why)) give_up_because(errno, why);
    on_leaving(owned_unlock_folder, lock);
    if (files_sweep(path, why) < 0) give_up_because(errno, why);
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
    OwnedListing *l = listing;
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

OWNED_API char **stems_of(const Names *paths)
{
    char why[FILES_ERROR];
    OwnedListing *stems = own(1, sizeof *stems);
    if (!files_stems(paths->items, (size_t)paths->count, &stems->names, why)) {
        if (errno == EEXIST) give_up(2, "%s", why);
        give_up_because(errno, why);
    }
    stems->count = (size_t)paths->count;
    on_leaving(owned_free_listing, stems);
    return stems->names;
}

#endif /* OWNED_IMPLEMENTATION */
