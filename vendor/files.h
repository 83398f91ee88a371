/* files.h: files that are whole or not there. Writing that replaces a file in one step, a lock on a folder, names from
 * outside made safe, and reading, listing and making folders with every failure told from "there is none". And what a
 * program does first: it finds the files that came with it, and sees that no file gets a standard stream's number.
 *
 *     #define FILES_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "files.h"
 *
 *     char error[FILES_ERROR];
 *     FileWriter w;
 *     if (!files_begin(&w, "out/table.csv", error)) ...       "out/table.csv: cannot be written: Permission denied"
 *     fprintf(w.stream, "1,2\n");
 *     if (!files_end(&w, error)) ...                          the old file is still there, whole
 *
 *     FileLock lock;
 *     if (!files_lock("out", &lock, error)) ...               "out: process 4711 works here since 14:05"
 *     ...
 *     files_unlock(&lock);
 *
 * Define FILES_STATIC as well to keep every function private to that file. C11 and POSIX.1-2008 (with a strict -std=c11
 * pass -D_GNU_SOURCE); the declarations are C++17, too.
 *
 * Functions return true where they did what they say. Where they did not, `error` holds one line that names the path
 * and the cause, and errno is the cause: a caller can tell ENOMEM, EMFILE, EIO and EACCES from a file that is not there
 * (ENOENT), is a folder (EISDIR), is a pipe, a device or a socket (EINVAL) or is larger than allowed (EFBIG).
 */
#ifndef FILES_H
#define FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef FILES_STATIC
#define FILES_API static inline
#elif defined(__cplusplus)
#define FILES_API extern "C"
#else
#define FILES_API
#endif

#ifdef PATH_MAX
enum { FILES_PATH = PATH_MAX };
#else
enum { FILES_PATH = 4096 };
#endif
enum { FILES_ERROR = 600, FILES_NAME = 208 };

/* ---- writing ---- */

typedef struct FileWriter {
    FILE *stream;                        /* what the file will hold is written here; NULL: not begun, or ended */
    char *path;                          /* the file that is replaced, behind any symbolic links */
    char *temporary;                     /* its name until then, in the same folder; NULL: written straight */
    int folder, held;                    /* descriptors; -1: none */
    bool quick;                          /* to be set after files_begin: not synced; see files_settle */
} FileWriter;

/* Opens w->stream, also returned, on a temporary file `.NAME.PID-N.tmp` beside the target. A file that is there keeps
 * its mode; one that is write-protected is not replaced. A symbolic link is followed, to what may not exist yet. A
 * device, a pipe and a descriptor (/dev/stdout) are written straight; a folder is refused. NULL on failure; w needs no
 * end then. */
FILES_API FILE *files_begin(FileWriter *w, const char *path, char error[FILES_ERROR]);

/* Flushes, syncs, closes, renames, syncs the folder. If any write failed, or any of these, the temporary is removed and
 * the old file is as it was. (Only where the folder cannot be synced the new file is in place, whole, already.) */
FILES_API bool files_end(FileWriter *w, char error[FILES_ERROR]);

/* Closes and removes the temporary. Does nothing after files_end, a failed files_begin, or to a FileWriter of zeros. */
FILES_API void files_abandon(FileWriter *w);

/* All three in one. */
FILES_API bool files_write(const char *path, const void *data, size_t size, char error[FILES_ERROR]);

/* To sync takes milliseconds, which of thousands of pictures are minutes. They can be written `quick`, then settled
 * together, before anything is written that says that they are there. */
FILES_API bool files_settle(const char *folder, char error[FILES_ERROR]);

/* Removes the temporaries that killed processes left in a folder. Their number; -1: the folder cannot be read. */
FILES_API int files_sweep(const char *folder, char error[FILES_ERROR]);

/* ---- one process a folder ---- */

typedef struct FileLock { int folder, descriptor; } FileLock;            /* -1: none */

/* Takes the folder for this process, by a lock on the file `.lock` in it. Refused (errno EAGAIN) while any other
 * FileLock holds it, be it another process's or this one's. It ends with the process, however that ends. Where the file
 * system has no locks, it is given to all. */
FILES_API bool files_lock(const char *folder, FileLock *lock, char error[FILES_ERROR]);

/* Removes `.lock`. Does nothing after a failed files_lock, or a second time. */
FILES_API void files_unlock(FileLock *lock);

/* ---- names ---- */

/* One safe component of a path, not empty, of at most 200 bytes, from any text: '/', '\', control characters, what
 * Windows forbids, invalid UTF-8, leading dots and trailing dots and blanks become '_'; CON, NUL and their like begin
 * with '_'. 1: that is the text itself; 0: something was changed, and another text may get the same name. */
FILES_API int files_name(const char *text, char name[FILES_NAME]);

/* The same for a set: names that would be equal, upper and lower case aside, get "-2", "-3" ... in their order. */
FILES_API void files_names(const char *const *texts, int n, char (*names)[FILES_NAME]);

/* Is it UTF-8 without control characters? Weights and JSON hold no other text. */
FILES_API bool files_is_line(const char *text);

/* What is made of the files at these paths may be called: "a/photo.jpg" photo, a_photo where another one would be
 * photo, too, a_photo.jpg where that does not help. The same path twice has the same name. Fails (errno EEXIST) where
 * two paths are left with one name. To be freed with files_list_free. */
FILES_API bool files_stems(char *const *paths, size_t n, char ***names, char error[FILES_ERROR]);

/* folder/name. Fails where it would be too long, and where the name is no single component or is "." or "..". */
FILES_API bool files_join(const char *folder, const char *name, char path[FILES_PATH], char error[FILES_ERROR]);

/* ---- reading ---- */

/* Reads a whole regular file of at most `most` bytes; a 0 stands behind its last. To be freed. */
FILES_API bool files_read(const char *path, size_t most, char **data, size_t *size, char error[FILES_ERROR]);

/* fopen(path, "rb") of a regular file, without ever waiting. NULL for all else, with errno as above. */
FILES_API FILE *files_open(const char *path);

/* FNV-1a (64 bits) of a file's bytes, to tell files apart by; of nothing where it cannot be read. */
FILES_API uint64_t files_hash(const char *path);

/* ---- folders ---- */

enum {
    FILES_FILES = 1,                     /* all that is no folder: whoever opens it will say what it is */
    FILES_FOLDERS = 2,                   /* links to folders as well */
    FILES_HIDDEN = 4                     /* names that begin with a dot, too (never "." and "..") */
};

/* The names in a folder, sorted by their bytes. What cannot be read to its end is a failure, never a short list. */
FILES_API bool files_list(const char *folder, int kinds, char ***names, size_t *count, char error[FILES_ERROR]);
FILES_API void files_list_free(char **names, size_t count);

/* Makes a folder and those above it; true if it was there. */
FILES_API bool files_make_folder(const char *path, char error[FILES_ERROR]);

/* 1 yes, 0 no, -1 nobody can tell. Links are followed. A folder is empty that is not there, or holds nothing but
 * `.lock` and temporaries of files_begin. */
FILES_API int files_exists(const char *path, char error[FILES_ERROR]);
FILES_API int files_is_folder(const char *path, char error[FILES_ERROR]);
FILES_API int files_is_empty(const char *folder, char error[FILES_ERROR]);

/* ---- this program ---- */

/* The first of these folders that holds a file of this name that can be read: its path. In a folder's name @ at the
 * beginning stands for the folder of the running program, where the system tells that (Linux). */
FILES_API bool files_search(const char *const *folders, int n, const char *name, char path[FILES_PATH]);

/* A closed stdin, stdout or stderr would lend its number to the next file that is opened: it gets one that nothing can
 * be written to, so that the loss of stdout is still noticed. False: there is none. */
FILES_API bool files_occupy_standard(void);

#endif /* FILES_H */

#if defined(FILES_IMPLEMENTATION) && !defined(FILES_IMPLEMENTED)
#define FILES_IMPLEMENTED

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------------------------
 * 1  Errors
 * ------------------------------------------------------------------------------------------------------------- */

/* A long path gives way: its end says more than its beginning. An error is one line, whatever the path holds. */
static const char *files_shown(const char *path, char shown[256])
{
    size_t length = strlen(path), room = 240;
    const char *from = length > room ? path + length - room : path;
    while (from > path && ((unsigned char)*from & 0xC0) == 0x80) from++;        /* not amid a letter */
    snprintf(shown, 256, "%s%s", from > path ? "..." : "", from);
    for (char *c = shown; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    return shown;
}

#ifdef __GNUC__
__attribute__((format(printf, 4, 5)))
#endif
static bool files_fail(char error[FILES_ERROR], const char *path, int why, const char *format, ...)
{
    char shown[256];
    int used = snprintf(error, FILES_ERROR, "%s: ", files_shown(path, shown));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error + used, FILES_ERROR - (size_t)used, format, arguments);
    va_end(arguments);
    errno = why;
    return false;
}

/* "PATH: cannot be WHAT: the cause" of the current errno. */
static bool files_cannot(char error[FILES_ERROR], const char *path, const char *what)
{
    int why = errno;
    return files_fail(error, path, why, "cannot be %s: %s", what, strerror(why));
}

static void files_close(int *descriptor)
{
    int why = errno;
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
    errno = why;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 2  Paths and names
 * ------------------------------------------------------------------------------------------------------------- */

/* Where the last component begins. */
static const char *files_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* How many of the text's first `most` bytes end where a letter of UTF-8 ends. */
static size_t files_cut(const char *text, size_t most)
{
    size_t length = strlen(text);
    if (length <= most) return length;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80) most--;
    return most;
}

/* Bytes of the letter of UTF-8 that stands at `text`; 0: none does (overlong, half a pair, past U+10FFFF, cut off). */
static int files_letter(const unsigned char *text)
{
    static const unsigned lowest[5] = {0, 0, 0x80, 0x800, 0x10000};
    int n = *text < 0x80 ? 1 : *text >> 5 == 6 ? 2 : *text >> 4 == 14 ? 3 : *text >> 3 == 30 ? 4 : 0;
    unsigned code = n > 1 ? *text & (0x7Fu >> n) : *text;
    for (int i = 1; i < n; i++) {
        if (text[i] >> 6 != 2) return 0;
        code = code << 6 | (text[i] & 63u);
    }
    return n && code >= lowest[n] && code <= 0x10FFFF && !(code >= 0xD800 && code < 0xE000) ? n : 0;
}

static bool files_is_control(const unsigned char *text)
{
    return *text < 32 || *text == 127 || (*text == 0xC2 && text[1] < 0xA0);     /* U+0080 to U+009F are controls, too */
}

/* CON, com1, nul.txt: devices on Windows, in whatever folder they stand. */
static bool files_is_device_name(const char *name)
{
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "COM", "LPT"};
    size_t length = strcspn(name, ".");
    for (int k = 0; k < 6; k++) {
        bool numbered = k >= 4, same = length == (numbered ? 4u : 3u);
        for (int i = 0; same && i < 3; i++) same = (name[i] & ~32) == devices[k][i];
        if (same && (!numbered || (name[3] >= '1' && name[3] <= '9'))) return true;
    }
    return false;
}

FILES_API int files_name(const char *text, char name[FILES_NAME])
{
    size_t used = 0, most = files_cut(text, 199), dots = strspn(text, ".");
    for (size_t i = 0; i < most;) {
        const unsigned char *at = (const unsigned char *)text + i;
        int n = files_letter(at);
        bool safe = n > 0 && i >= dots && !files_is_control(at) && !strchr("/\\<>:\"|?*", *at);
        if (safe) memcpy(name + used, at, (size_t)n), used += (size_t)n;
        else name[used++] = '_';
        i += n > 0 ? (size_t)n : 1;
    }
    for (size_t i = used; i > 0 && (name[i - 1] == '.' || name[i - 1] == ' '); i--) name[i - 1] = '_';
    if (used == 0) name[used++] = '_';
    name[used] = 0;
    if (files_is_device_name(name)) memmove(name + 1, name, used + 1), name[0] = '_';
    return strcmp(name, text) == 0;
}

FILES_API bool files_is_line(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    for (int n; *at; at += n)
        if ((n = files_letter(at)) == 0 || files_is_control(at)) return false;
    return true;
}

static bool files_same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a, y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
        if (x != y) return false;
        if (!x) return true;
    }
}

FILES_API void files_names(const char *const *texts, int n, char (*names)[FILES_NAME])
{
    for (int k = 0; k < n; k++) {
        char plain[FILES_NAME], tail[16] = "";
        files_name(texts[k], plain);
        for (int number = 1, taken = 1; taken; number++) {
            if (number > 1) snprintf(tail, sizeof tail, "-%d", number);
            snprintf(names[k], FILES_NAME, "%.*s%s", (int)files_cut(plain, 200 - strlen(tail)), plain, tail);
            taken = 0;
            for (int i = 0; i < k && !taken; i++) taken = files_same_name(names[i], names[k]);
        }
    }
}

FILES_API bool files_join(const char *folder, const char *name, char path[FILES_PATH], char error[FILES_ERROR])
{
    size_t length = strlen(folder);
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return files_fail(error, name, EINVAL, "is not the name of one file in %.200s", folder);
    bool slash = length > 0 && folder[length - 1] != '/';
    if (length + slash + strlen(name) >= (size_t)FILES_PATH)
        return files_fail(error, name, ENAMETOOLONG, "a path of more than %d bytes", FILES_PATH - 1);
    snprintf(path, FILES_PATH, "%s%s%s", folder, slash ? "/" : "", name);
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  Folders
 * ------------------------------------------------------------------------------------------------------------- */

/* The folder itself, or, for `above`, the one that the path's last component is in. */
static int files_open_folder(const char *path, bool above, char error[FILES_ERROR])
{
    size_t length = above ? (size_t)(files_base(path) - path) : strlen(path);
    char *folder = (char *)malloc(length + 2);
    if (!folder) return files_cannot(error, path, "opened"), -1;
    memcpy(folder, length ? path : ".", length ? length : 1), folder[length ? length : 1] = 0;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
#ifdef O_PATH
    if (descriptor < 0 && errno == EACCES && above)                     /* may be written to, but not listed */
        descriptor = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
#endif
    if (descriptor < 0) files_cannot(error, folder, "opened");
    int why = errno;
    free(folder);
    errno = why;
    return descriptor;
}

/* fsync, where there is such a thing: some file systems have none, for folders or at all, and each says so its way. */
static bool files_sync(int descriptor)
{
    while (fsync(descriptor) != 0) {
        if (errno == EINTR) continue;
        return errno == EINVAL || errno == ENOTSUP || errno == EOPNOTSUPP || errno == ENOSYS || errno == EBADF;
    }
    return true;
}

static bool files_make_one(const char *path, char error[FILES_ERROR])
{
    struct stat status;
    if (mkdir(path, 0777) != 0) {                               /* EEXIST, EROFS, EACCES ...: but is it there? */
        int why = errno;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return true;
        if (why == EEXIST) return files_fail(error, path, ENOTDIR, "is there, and is no folder");
        return errno = why, files_cannot(error, path, "made");
    }
    int above = files_open_folder(path, true, error);
    if (above < 0) return false;
    bool ok = files_sync(above) || files_cannot(error, path, "made");
    files_close(&above);
    return ok;
}

FILES_API bool files_make_folder(const char *path, char error[FILES_ERROR])
{
    char part[FILES_PATH];
    size_t length = strlen(path);
    if (length == 0) return files_fail(error, "\"\"", ENOENT, "is no name of a folder");
    if (length >= sizeof part) return errno = ENAMETOOLONG, files_cannot(error, path, "made");
    memcpy(part, path, length + 1);
    while (length > 1 && part[length - 1] == '/') part[--length] = 0;
    for (size_t i = 1; i < length; i++) {
        if (part[i] != '/' || part[i - 1] == '/') continue;
        part[i] = 0;
        if (!files_make_one(part, error)) return false;
        part[i] = '/';
    }
    return files_make_one(part, error);
}

static int files_stat(const char *path, struct stat *status, char error[FILES_ERROR])
{
    if (stat(path, status) == 0) return 1;
    if (errno == ENOENT || errno == ENOTDIR) return 0;
    files_cannot(error, path, "looked at");
    return -1;
}

FILES_API int files_exists(const char *path, char error[FILES_ERROR])
{
    struct stat status;
    return files_stat(path, &status, error);
}

FILES_API int files_is_folder(const char *path, char error[FILES_ERROR])
{
    struct stat status;
    int there = files_stat(path, &status, error);
    return there == 1 ? S_ISDIR(status.st_mode) : there;
}

/* Every name but "." and ".." to `each`, until that returns false, with errno set if it failed. */
typedef bool (*FilesEach)(DIR *folder, const struct dirent *entry, void *context);

static bool files_each(const char *path, FilesEach each, void *context, char error[FILES_ERROR])
{
    DIR *folder = opendir(path);
    if (!folder) return files_cannot(error, path, "listed");
    for (struct dirent *entry; errno = 0, (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        errno = 0;
        if (!each(folder, entry, context)) break;
    }
    bool ok = errno == 0 || files_cannot(error, path, "listed");
    int why = errno;
    closedir(folder);
    errno = why;
    return ok;
}

typedef struct FilesList { char **names; size_t count, room; int kinds; } FilesList;

/* 1 a folder, 0 none, -1 nobody can tell, -2 gone meanwhile. A link that leads nowhere is no folder. */
static int files_kind(DIR *folder, const struct dirent *entry)
{
    struct stat status;
#if defined(DT_DIR) && defined(DT_LNK) && defined(DT_UNKNOWN)
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) return entry->d_type == DT_DIR;
#endif
    if (fstatat(dirfd(folder), entry->d_name, &status, 0) == 0) return S_ISDIR(status.st_mode);
    if (errno == ELOOP) return 0;
    if (errno != ENOENT) return -1;
    return fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno == ENOENT ? -2 : -1;
}

static bool files_add_name(FilesList *list, const char *name)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        char **names = (char **)realloc(list->names, room * sizeof *names);
        if (!names) return false;
        list->names = names, list->room = room;
    }
    size_t size = strlen(name) + 1;
    char *copy = (char *)malloc(size);
    if (!copy) return false;
    list->names[list->count++] = (char *)memcpy(copy, name, size);
    return true;
}

static bool files_list_one(DIR *folder, const struct dirent *entry, void *context)
{
    FilesList *list = (FilesList *)context;
    if (entry->d_name[0] == '.' && !(list->kinds & FILES_HIDDEN)) return true;
    int kind = files_kind(folder, entry);
    if (kind == -1) return false;
    bool wanted = kind >= 0 && (list->kinds & (kind ? FILES_FOLDERS : FILES_FILES));
    return !wanted || files_add_name(list, entry->d_name);
}

static int files_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

FILES_API bool files_list(const char *folder, int kinds, char ***names, size_t *count, char error[FILES_ERROR])
{
    FilesList list = {NULL, 0, 0, kinds};
    bool ok = files_each(folder, files_list_one, &list, error);
    int why = errno;
    if (!ok) files_list_free(list.names, list.count), list.names = NULL, list.count = 0;
    if (list.count > 1) qsort(list.names, list.count, sizeof *list.names, files_compare);
    *names = list.names, *count = list.count;
    errno = why;
    return ok;
}

FILES_API void files_list_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

static char *files_stem(const char *path, int length)
{
    while (strncmp(path, "./", 2) == 0 || strncmp(path, "../", 3) == 0) path = strchr(path, '/') + 1;
    while (*path == '/') path++;
    const char *name = length > 0 ? path : files_base(path), *dot = strrchr(files_base(name), '.');
    char *stem = strdup(name);
    if (stem && length < 2 && dot && dot > files_base(name)) stem[dot - name] = 0;
    for (char *c = stem; c && *c; c++)
        if (*c == '/') *c = '_';
    return stem;
}

/* How many of the sorted texts are this one, up to two. */
static int files_occurrences(char *const *sorted, size_t n, const char *text)
{
    char *const *at = (char *const *)bsearch(&text, sorted, n, sizeof *sorted, files_compare);
    if (!at) return 0;
    bool before = at > sorted && strcmp(at[-1], text) == 0, after = at + 1 < sorted + n && strcmp(at[1], text) == 0;
    return 1 + (before || after);
}

/* Gives those that share their stem one of that length, or, when there is none longer, finds two that still share
 * it. */
static bool files_part_stems(char *const *paths, size_t n, char **names, int length, char error[FILES_ERROR])
{
    char **sorted = (char **)malloc((n ? n : 1) * sizeof *sorted);
    bool *shared = (bool *)calloc(n ? n : 1, sizeof *shared), ok = sorted && shared;
    if (ok) memcpy(sorted, names, n * sizeof *sorted);
    if (ok) qsort(sorted, n, sizeof *sorted, files_compare);
    for (size_t i = 0; ok && i < n; i++) shared[i] = files_occurrences(sorted, n, names[i]) > 1;
    free(sorted);
    if (!ok) files_fail(error, n ? paths[0] : "", ENOMEM, "no memory for its name");
    for (size_t i = 0; ok && i < n; i++) {
        if (!shared[i]) continue;
        if (length <= 2) {
            free(names[i]);
            names[i] = files_stem(paths[i], length);
            ok = names[i] || files_fail(error, paths[i], ENOMEM, "no memory for its name");
        }
        for (size_t k = 0; ok && length > 2 && k < i; k++)
            if (strcmp(names[i], names[k]) == 0 && strcmp(paths[i], paths[k]))
                ok = files_fail(error, paths[i], EEXIST, "what is made of it and of %s would both be called %s",
                                paths[k], names[i]);
    }
    free(shared);
    return ok;
}

FILES_API bool files_stems(char *const *paths, size_t n, char ***names, char error[FILES_ERROR])
{
    *names = (char **)calloc(n ? n : 1, sizeof **names);
    bool ok = *names || files_fail(error, n ? paths[0] : "", ENOMEM, "no memory for its name");
    for (size_t i = 0; ok && i < n; i++) {
        (*names)[i] = files_stem(paths[i], 0);
        ok = (*names)[i] || files_fail(error, paths[i], ENOMEM, "no memory for its name");
    }
    for (int length = 1; ok && length <= 3; length++) ok = files_part_stems(paths, n, *names, length, error);
    int cause = errno;
    if (!ok && *names) files_list_free(*names, n);
    if (!ok) *names = NULL, errno = cause;
    return ok;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Writing: the whole file or none
 *
 *     open .NAME.PID-N.tmp  ->  write, write ...  ->  fsync  ->  close  ->  rename to NAME  ->  fsync the folder
 *
 * rename() replaces the old file in one step (POSIX), so whoever opens NAME at any moment, also after a crash, finds
 * either the old content or the new. Without the first fsync a crash could leave a new name with no content behind it;
 * without the second the new name itself could be lost.
 *
 * The writer keeps a lock on the temporary until it is renamed. So a sweep knows a leftover from a file in work, even
 * where the number of its process has gone to another one, as the small numbers in a container do each time it starts.
 * ------------------------------------------------------------------------------------------------------------- */

static bool files_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The descriptor that a path of /dev or /proc stands for; -1: none. */
static int files_descriptor(const char *path)
{
    char own[48];
    snprintf(own, sizeof own, "/proc/%ld/fd/", (long)getpid());
    const char *const folders[] = {"/dev/fd/", "/proc/self/fd/", own};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(folders[i]), digits = strspn(path + (strncmp(path, folders[i], length) ? 0 : length),
                                                            "0123456789");
        if (strncmp(path, folders[i], length) == 0 && digits > 0 && digits < 8 && !path[length + digits])
            return atoi(path + length);
    }
    return -1;
}

/* What stands at the end of a chain of links, to be freed; it need not exist. The status's mode is 0 if it does not. */
static char *files_behind_links(const char *path, struct stat *status, char error[FILES_ERROR])
{
    char link[FILES_PATH];
    size_t size = strlen(path) + 1;
    char *at = (char *)malloc(size), *next = NULL;
    if (at) memcpy(at, path, size);
    for (int links = 0; at; links++, free(at), at = next) {
        bool there = lstat(at, status) == 0;
        if (!there && errno == ENOENT) return memset(status, 0, sizeof *status), at;
        if (!there || files_descriptor(at) >= 0 || !S_ISLNK(status->st_mode)) {
            if (there) return at;
            break;
        }
        ssize_t length = readlink(at, link, sizeof link - 1);
        errno = length < 0 ? errno : links >= 40 ? ELOOP : length + 1 >= (ssize_t)sizeof link ? ENAMETOOLONG : 0;
        if (errno) break;
        size_t before = link[0] == '/' ? 0 : (size_t)(files_base(at) - at);
        next = (char *)malloc(before + (size_t)length + 1);
        if (!next) break;
        memcpy(next, at, before), memcpy(next + before, link, (size_t)length), next[before + (size_t)length] = 0;
    }
    files_cannot(error, path, "written");
    int why = errno;
    free(at);
    errno = why;
    return NULL;
}

/* .NAME.PID-N.tmp; as much of the name as the file system has room for. */
static bool files_name_temporary(FileWriter *w, int n)
{
    char tail[48];
    size_t length = (size_t)snprintf(tail, sizeof tail, ".%ld-%d.tmp", (long)getpid(), n);
    long most = fpathconf(w->folder, _PC_NAME_MAX);
    if (most < 64 || most > 4096) most = 255;
    free(w->temporary);
    w->temporary = (char *)malloc((size_t)most + 1);
    if (!w->temporary) return false;
    const char *name = files_base(w->path);
    snprintf(w->temporary, (size_t)most + 1, ".%.*s%s", (int)files_cut(name, (size_t)most - length - 1), name, tail);
    return true;
}

/* Never a file that is there already, nor one that a sweep took for a leftover before it was locked. */
static int files_create_temporary(FileWriter *w, mode_t mode)
{
    for (int n = 0; n < 10000; n++) {
        struct stat status;
        if (!files_name_temporary(w, n)) return -1;
        int made = openat(w->folder, w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (made < 0 && errno == EEXIST) continue;
        if (made < 0) return -1;
        while (flock(made, LOCK_EX) != 0 && errno == EINTR) continue;           /* no locks here: none needed */
        if (fstat(made, &status) != 0 || status.st_nlink > 0) return made;
        files_close(&made);
    }
    errno = EEXIST;
    return -1;
}

/* Ends without a trace: what was not renamed is removed. */
static void files_let_go(FileWriter *w)
{
    int why = errno;
    if (w->stream) fclose(w->stream);
    if (w->temporary) unlinkat(w->folder, w->temporary, 0);
    free(w->temporary), free(w->path);
    files_close(&w->held), files_close(&w->folder);
    *w = (FileWriter){NULL, NULL, NULL, -1, -1, false};
    errno = why;
}

/* A pipe is opened without waiting for its reader: one that has none is an error, not a wait without end. */
static int files_open_straight(const char *path)
{
    int number = files_descriptor(path);
    if (number >= 0) {
        if (number == fileno(stdout)) fflush(stdout);
        return fcntl(number, F_DUPFD_CLOEXEC, 3);
    }
    int descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor >= 0) fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
    return descriptor;
}

static int files_open_beside(FileWriter *w, const struct stat *old, char error[FILES_ERROR])
{
    bool there = old->st_mode != 0;
    w->folder = files_open_folder(w->path, true, error);
    if (w->folder < 0) return -1;
    if (there && faccessat(w->folder, files_base(w->path), W_OK, AT_EACCESS) != 0) {
        files_cannot(error, w->path, "replaced");
        return -1;
    }
    int descriptor = files_create_temporary(w, there ? old->st_mode & 0666 : 0666);
    if (descriptor < 0) {
        int why = errno;
        free(w->temporary), w->temporary = NULL;                        /* not made: not to be removed */
        return errno = why, files_cannot(error, w->path, "written"), -1;
    }
    if (there && fchmod(descriptor, old->st_mode & 07777) != 0) errno = 0;      /* some file systems have no modes */
    w->held = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (w->held >= 0) return descriptor;
    files_cannot(error, w->path, "written"), files_close(&descriptor);
    return -1;
}

FILES_API FILE *files_begin(FileWriter *w, const char *path, char error[FILES_ERROR])
{
    struct stat status;
    *w = (FileWriter){NULL, NULL, NULL, -1, -1, false};
    w->path = files_behind_links(path, &status, error);
    if (!w->path) return NULL;
    bool straight = files_descriptor(w->path) >= 0 || (status.st_mode && !S_ISREG(status.st_mode));
    if (S_ISDIR(status.st_mode)) files_fail(error, path, EISDIR, "is a folder, and no file can take its place");
    else if (!*files_base(w->path)) files_fail(error, path, ENOENT, "is no name of a file");
    else {
        int descriptor = straight ? files_open_straight(w->path) : files_open_beside(w, &status, error);
        if (descriptor < 0 && straight) files_cannot(error, path, "written");
        w->stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
        if (descriptor >= 0 && !w->stream) files_cannot(error, path, "written"), files_close(&descriptor);
    }
    FILE *stream = w->stream;
    if (!stream) files_let_go(w);
    return stream;
}

/* 0, or what went wrong up to the point where the new content is safe under its temporary name. */
static int files_finish_stream(FileWriter *w)
{
    int why = 0;
    errno = 0;
    if (fflush(w->stream) != 0) why = errno ? errno : EIO;
    else if (ferror(w->stream)) why = EIO;                      /* an earlier write; its errno is long gone */
    else if (w->temporary && !w->quick && !files_sync(fileno(w->stream))) why = errno;
    errno = 0;
    if (fclose(w->stream) != 0 && !why) why = errno ? errno : EIO;
    w->stream = NULL;
    return why;
}

FILES_API bool files_end(FileWriter *w, char error[FILES_ERROR])
{
    if (!w->stream) return files_fail(error, w->path ? w->path : "?", EBADF, "was not begun");
    bool ok = true;
    int why = files_finish_stream(w);
    if (!why && w->temporary && renameat(w->folder, w->temporary, w->folder, files_base(w->path)) != 0) why = errno;
    if (why) errno = why, ok = files_cannot(error, w->path, "written");
    else if (w->temporary) {
        free(w->temporary), w->temporary = NULL;
        if (!w->quick && !files_sync(w->folder))
            ok = files_fail(error, w->path, errno, "was written, but its folder cannot be synced: %s", strerror(errno));
    }
    files_let_go(w);
    return ok;
}

FILES_API void files_abandon(FileWriter *w)
{
    if (w->stream) files_let_go(w);
}

FILES_API bool files_write(const char *path, const void *data, size_t size, char error[FILES_ERROR])
{
    FileWriter w;
    if (!files_begin(&w, path, error)) return false;
    errno = 0;
    if (size == 0 || fwrite(data, 1, size, w.stream) == size) return files_end(&w, error);
    if (!errno) errno = EIO;
    files_cannot(error, w.path, "written");
    files_abandon(&w);
    return false;
}

/* All that its file system has not written to the disk yet. */
FILES_API bool files_settle(const char *folder, char error[FILES_ERROR])
{
    bool ok = true;
    int descriptor = files_open_folder(folder, false, error);
    if (descriptor < 0) return false;
#if defined(__linux__) && defined(_GNU_SOURCE)
    ok = syncfs(descriptor) == 0 || errno == ENOSYS || files_cannot(error, folder, "written to the disk");
#else
    sync();
#endif
    files_close(&descriptor);
    return ok;
}

/* ---- what killed processes left ---- */

/* The process in .NAME.PID-N.tmp; 0: that is no such name. */
static long files_temporary_of(const char *name)
{
    size_t length = strlen(name), digits = 0;
    if (name[0] != '.' || length < 9 || strcmp(name + length - 4, ".tmp")) return 0;
    const char *at = name + length - 4;
    while (at > name && at[-1] >= '0' && at[-1] <= '9') at--, digits++;
    if (!digits || at[-1] != '-') return 0;
    for (at--, digits = 0; at > name && at[-1] >= '0' && at[-1] <= '9'; digits++) at--;
    return digits > 0 && digits < 10 && at - name > 2 && at[-1] == '.' ? atol(at) : 0;
}

/* Locked: in work. Where there are no locks, the number of the process has to do. */
static bool files_is_left(int descriptor, long process)
{
    int got = flock(descriptor, LOCK_EX | LOCK_NB);
    if (got == 0) return true;
    if (errno == EWOULDBLOCK || errno == EINTR) return false;
    return kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

static bool files_sweep_one(DIR *folder, const struct dirent *entry, void *context)
{
    struct stat there, opened;
    long process = files_temporary_of(entry->d_name);
    if (!process) return true;
    int file = openat(dirfd(folder), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    if (fstat(file, &opened) == 0 && S_ISREG(opened.st_mode) && files_is_left(file, process) &&
        fstatat(dirfd(folder), entry->d_name, &there, AT_SYMLINK_NOFOLLOW) == 0 && files_same_file(&there, &opened) &&
        unlinkat(dirfd(folder), entry->d_name, 0) == 0)
        ++*(int *)context;
    files_close(&file);
    return true;
}

FILES_API int files_sweep(const char *folder, char error[FILES_ERROR])
{
    int removed = 0;
    if (files_each(folder, files_sweep_one, &removed, error)) return removed;
    return errno == ENOENT ? 0 : -1;
}

static bool files_empty_one(DIR *folder, const struct dirent *entry, void *context)
{
    (void)folder;
    bool ours = strcmp(entry->d_name, ".lock") == 0 || files_temporary_of(entry->d_name);
    if (!ours) *(int *)context = 0;
    return ours;
}

FILES_API int files_is_empty(const char *folder, char error[FILES_ERROR])
{
    int empty = 1;
    if (files_each(folder, files_empty_one, &empty, error)) return empty;
    return errno == ENOENT ? 1 : -1;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 5  One process a folder
 *
 * The lock is the kernel's, on the open file, and ends when the last descriptor of it is closed: no process can leave
 * one behind. That the file is there means nothing; it says in words who holds the lock.
 * ------------------------------------------------------------------------------------------------------------- */

static void files_sign(int descriptor)
{
    char text[128], host[64] = "";
    gethostname(host, sizeof host - 1);
    int length = snprintf(text, sizeof text, "%ld %lld %s\n", (long)getpid(), (long long)time(NULL), host);
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)length, 0) != length) errno = 0;
}

/* "process 4711 works here since 14:05"; of a holder that has not signed yet, or is unknown here, less. */
static bool files_refuse(int descriptor, const char *folder, char error[FILES_ERROR])
{
    char text[128] = "", since[32] = "", host[64] = "", own[64] = "";
    long process = 0;
    long long start = 0;
    ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = 0;
    gethostname(own, sizeof own - 1);
    bool signed_by = sscanf(text, "%ld %lld %63s", &process, &start, host) >= 2 && process > 0;
    bool here = strcmp(host, own) == 0;
    if (!signed_by || (here && kill((pid_t)process, 0) != 0 && errno == ESRCH))
        return files_fail(error, folder, EAGAIN, "another process works here");
    time_t then = (time_t)start, now = time(NULL);
    struct tm then_parts, now_parts;
    if (localtime_r(&then, &then_parts) && localtime_r(&now, &now_parts)) {
        bool today = then_parts.tm_yday == now_parts.tm_yday && then_parts.tm_year == now_parts.tm_year;
        strftime(since, sizeof since, today ? " since %H:%M" : " since %Y-%m-%d %H:%M", &then_parts);
    }
    if (here && process == (long)getpid())
        return files_fail(error, folder, EAGAIN, "this process works here already%s", since);
    return files_fail(error, folder, EAGAIN, "process %ld%s%s works here%s", process, here ? "" : " on ",
                      here ? "" : host, since);
}

/* Whoever unlocks removes the file: a lock counts only on the file that has the name now. */
static bool files_is_current(const FileLock *lock)
{
    struct stat there, opened;
    return fstatat(lock->folder, ".lock", &there, AT_SYMLINK_NOFOLLOW) == 0 && fstat(lock->descriptor, &opened) == 0 &&
           files_same_file(&there, &opened);
}

/* 1 locked, 0 not, -1 once more. */
static int files_try_lock(FileLock *lock, const char *folder, char error[FILES_ERROR])
{
    lock->descriptor = openat(lock->folder, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (lock->descriptor < 0 && errno == EACCES) {                      /* another user's? */
        lock->descriptor = openat(lock->folder, ".lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (lock->descriptor < 0) errno = EACCES;
    }
    if (lock->descriptor < 0) return files_cannot(error, folder, "locked");
    if (flock(lock->descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) return -1;
        if (errno == EWOULDBLOCK) return files_refuse(lock->descriptor, folder, error);
        return 1;                                                       /* there are no locks here: given to all */
    }
    if (!files_is_current(lock)) return -1;
    files_sign(lock->descriptor);
    return 1;
}

FILES_API bool files_lock(const char *folder, FileLock *lock, char error[FILES_ERROR])
{
    int got = -1;
    lock->descriptor = -1;
    lock->folder = files_open_folder(folder, false, error);
    if (lock->folder < 0) return false;
    for (int i = 0; i < 10000 && (got = files_try_lock(lock, folder, error)) < 0; i++) files_close(&lock->descriptor);
    if (got < 0) files_fail(error, folder, EAGAIN, "cannot be locked: its file .lock is another one each time");
    if (got <= 0) files_close(&lock->descriptor), files_close(&lock->folder);
    return got > 0;
}

FILES_API void files_unlock(FileLock *lock)
{
    if (lock->folder < 0) return;
    if (files_is_current(lock)) unlinkat(lock->folder, ".lock", 0);
    files_close(&lock->descriptor), files_close(&lock->folder);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 6  Reading
 * ------------------------------------------------------------------------------------------------------------- */

/* Opened without waiting: a pipe would wait for its writer. */
static int files_open_regular(const char *path, struct stat *status, char error[FILES_ERROR])
{
    int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0 && errno == ENXIO) return files_fail(error, path, EINVAL, "is a device or a socket, not a file"), -1;
    if (file < 0 || fstat(file, status) != 0) {
        files_cannot(error, path, "read"), files_close(&file);
        return -1;
    }
    if (S_ISREG(status->st_mode)) return file;
    bool folder = S_ISDIR(status->st_mode);
    files_fail(error, path, folder ? EISDIR : EINVAL, "is a %s, not a file", folder ? "folder" :
               S_ISFIFO(status->st_mode) ? "pipe" : "device or a socket");
    files_close(&file);
    return -1;
}

/* Reads to the end, which need not be where the status said. -1: errno says why. */
static int files_read_all(int file, size_t most, size_t room, char **data, size_t *size)
{
    for (;;) {
        if (*data == NULL || *size + 1 >= room) {
            room = *data ? (room < SIZE_MAX / 2 ? 2 * room : SIZE_MAX) : room;
            char *more = (char *)realloc(*data, room);
            if (!more) return -1;
            *data = more;
        }
        size_t part = room - *size - 1;
        ssize_t got = read(file, *data + *size, part < (size_t)1 << 30 ? part : (size_t)1 << 30);
        if (got < 0 && errno != EINTR) return -1;
        if (got == 0) return (*data)[*size] = 0, 1;
        if (got > 0) *size += (size_t)got;
        if (*size > most) return errno = EFBIG, -1;
    }
}

FILES_API FILE *files_open(const char *path)
{
    char error[FILES_ERROR];
    struct stat status;
    int file = files_open_regular(path, &status, error);
    FILE *stream = file < 0 ? NULL : fdopen(file, "rb");
    if (!stream) files_close(&file);
    return stream;
}

FILES_API uint64_t files_hash(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325u;
    FILE *file = files_open(path);
    for (int byte; file && (byte = getc(file)) != EOF;) hash = (hash ^ (uint64_t)byte) * 0x100000001b3u;
    if (file) fclose(file);
    return hash;
}

FILES_API bool files_read(const char *path, size_t most, char **data, size_t *size, char error[FILES_ERROR])
{
    struct stat status;
    *data = NULL, *size = 0;
    int file = files_open_regular(path, &status, error), got = -1;
    if (file < 0) return false;
    errno = EFBIG;
    if (status.st_size <= 0 || (unsigned long long)status.st_size <= most)
        got = files_read_all(file, most, status.st_size > 0 ? (size_t)status.st_size + 2 : 4096, data, size);
    if (got < 0 && errno == EFBIG) files_fail(error, path, EFBIG, "is larger than the %zu bytes allowed", most);
    else if (got < 0) files_cannot(error, path, "read");
    files_close(&file);
    if (got > 0) return true;
    int why = errno;
    free(*data), *data = NULL, *size = 0;
    errno = why;
    return false;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 7  This program
 * ------------------------------------------------------------------------------------------------------------- */

FILES_API bool files_search(const char *const *folders, int n, const char *name, char path[FILES_PATH])
{
    char self[FILES_PATH] = "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = length > 0 ? strrchr(self, '/') : NULL;
    if (slash) *slash = 0;
    for (int i = 0; i < n; i++) {
        bool beside = *folders[i] == '@';
        if (beside && !slash) continue;
        int size = snprintf(path, FILES_PATH, "%s%s/%s", beside ? self : "", folders[i] + beside, name);
        if (size < FILES_PATH && access(path, R_OK) == 0) return true;
    }
    return false;
}

FILES_API bool files_occupy_standard(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd) return false;
    return true;
}

#endif /* FILES_IMPLEMENTATION */
