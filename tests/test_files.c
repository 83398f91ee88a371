/* test_files.c: vendor/files.h. What a file holds after each kind of failure is looked at with libc alone.
 *
 *     cc -std=c11 -D_GNU_SOURCE -O2 -I. tests/test_files.c -lm -o test_files && ./test_files */
#define FILES_STATIC
#define FILES_IMPLEMENTATION
#include "vendor/files.h"
#include "tests/check.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char error[FILES_ERROR];

/* ---- looking at files without files.h ---- */

static bool holds(const char *path, const char *text)
{
    char have[256] = "";
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    size_t got = fread(have, 1, sizeof have - 1, file);
    fclose(file);
    return got == strlen(text) && memcmp(have, text, got) == 0;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    if (file) fputs(text, file), fclose(file);
}

/* How many names a folder has, hidden ones as well. */
static int entries(const char *folder)
{
    int n = 0;
    DIR *open = opendir(folder);
    for (struct dirent *entry; open && (entry = readdir(open));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (open) closedir(open);
    return n;
}

static int open_descriptors(void)
{
    return entries("/proc/self/fd");
}

static bool says(const char *path, const char *what)
{
    bool yes = strstr(error, path) && strstr(error, what) && !strchr(error, '\n');
    if (!yes) printf("  the error is: %s\n", error);
    return yes;
}

static int mode_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int)(status.st_mode & 07777) : -1;
}

/* Runs a check in a child that is no root; its number of failed checks comes back. */
static void as_nobody(void (*check)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        check_failed = 0;
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
        check();
        fflush(stdout);
        _exit(check_failed);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 99) SKIP("root that cannot become nobody: read-only folders");
    else CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- writing ---- */

static void test_write(void)
{
    FileWriter w;
    umask(027);
    CHECK(files_write("new", "one\n", 4, error) && holds("new", "one\n") && mode_of("new") == 0640);
    CHECK(files_write("empty", NULL, 0, error) && holds("empty", ""));
    umask(022);
    chmod("new", 0604);
    CHECK(files_begin(&w, "new", error) == w.stream && w.stream);
    fprintf(w.stream, "two\n");
    fflush(w.stream);
    CHECK(holds("new", "one\n"));                                       /* the old one until the end */
    char temporary[64];
    snprintf(temporary, sizeof temporary, ".new.%ld-0.tmp", (long)getpid());
    CHECK(holds(temporary, "two\n"));
    CHECK(files_end(&w, error) && holds("new", "two\n") && mode_of("new") == 0604 && access(temporary, F_OK) != 0);
    CHECK(!files_end(&w, error) && errno == EBADF);                     /* a second end does no harm */
    CHECK(files_begin(&w, "new", error) != NULL);
    fputs("three", w.stream);
    files_abandon(&w);
    files_abandon(&w);
    CHECK(holds("new", "two\n") && access(temporary, F_OK) != 0);
    CHECK(files_begin(&w, "new", error) != NULL);
    fputs("quick", w.stream);
    w.quick = true;
    CHECK(files_end(&w, error) && holds("new", "quick") && files_settle(".", error));
    CHECK(!files_settle("nowhere", error) && errno == ENOENT && says("nowhere", strerror(ENOENT)));
    CHECK(entries(".") == 2);
    remove("new"), remove("empty");
}

static void test_two_writers(void)
{
    FileWriter first, second;
    CHECK(files_begin(&first, "both", error) && files_begin(&second, "both", error));
    fputs("first", first.stream), fputs("second", second.stream);
    CHECK(files_end(&second, error) && holds("both", "second"));
    CHECK(files_end(&first, error) && holds("both", "first") && entries(".") == 1);
    remove("both");
}

static void test_targets(void)
{
    FileWriter w;
    mkdir("folder", 0777);
    CHECK(!files_begin(&w, "folder", error) && errno == EISDIR && says("folder", "is a folder"));
    CHECK(!files_begin(&w, "folder/", error) && errno == EISDIR);
    CHECK(!files_begin(&w, "nothing/", error) && !files_begin(&w, "", error));
    CHECK(!files_write("no/such/file", "x", 1, error) && errno == ENOENT && says("no/such", strerror(ENOENT)));
    put("file", "x");
    CHECK(!files_write("file/below", "x", 1, error) && errno == ENOTDIR && says("file", strerror(ENOTDIR)));
    CHECK(files_write("/dev/null", "x", 1, error));
    CHECK(!files_write("/dev/full", "x", 1, error) && errno == ENOSPC && says("/dev/full", strerror(ENOSPC)));
    struct stat status;
    CHECK(stat("/dev/full", &status) == 0 && S_ISCHR(status.st_mode));
    CHECK(mkfifo("pipe", 0666) == 0);
    CHECK(!files_begin(&w, "pipe", error) && errno == ENXIO && says("pipe", ""));       /* no reader: no waiting */
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    char got[8] = "";
    CHECK(files_write("pipe", "abc", 3, error) && read(reader, got, 7) == 3 && strcmp(got, "abc") == 0);
    close(reader);
    CHECK(stat("pipe", &status) == 0 && S_ISFIFO(status.st_mode));
    remove("pipe"), remove("file"), rmdir("folder");
    CHECK(entries(".") == 0);
}

/* What stdout goes to is written on, behind what it holds already, and not replaced. */
static void test_descriptors(void)
{
    int file = open("out", O_RDWR | O_CREAT | O_TRUNC, 0666);
    char path[2][32];
    snprintf(path[0], 32, "/dev/fd/%d", file), snprintf(path[1], 32, "/proc/self/fd/%d", file);
    CHECK(write(file, "a", 1) == 1 && files_write(path[0], "b", 1, error) && files_write(path[1], "c", 1, error));
    CHECK(write(file, "d", 1) == 1 && holds("out", "abcd"));
    CHECK(symlink(path[1], "to-out") == 0 && files_write("to-out", "e", 1, error) && holds("out", "abcde"));
    close(file);
    CHECK(!files_write(path[1], "f", 1, error) && says(path[1], ""));
    remove("out"), remove("to-out");
}

static void test_links(void)
{
    char target[16];
    mkdir("there", 0777);
    put("there/real", "old");
    CHECK(symlink("real", "there/hop") == 0 && symlink("there/hop", "link") == 0);
    CHECK(files_write("link", "new", 3, error) && holds("there/real", "new"));
    CHECK(readlink("link", target, sizeof target) == 9 && readlink("there/hop", target, sizeof target) == 4);
    CHECK(symlink("there/later", "dangling") == 0);
    CHECK(files_write("dangling", "made", 4, error) && holds("there/later", "made"));
    CHECK(symlink("loop", "loop") == 0 && !files_write("loop", "x", 1, error) && errno == ELOOP);
    CHECK(symlink("there", "to-folder") == 0 && !files_write("to-folder", "x", 1, error) && errno == EISDIR);
    remove("link"), remove("dangling"), remove("loop"), remove("to-folder");
    CHECK(entries("there") == 3 && entries(".") == 1);
    remove("there/real"), remove("there/hop"), remove("there/later"), rmdir("there");
}

/* The target's name is kept whatever its length; the temporary's gives way, at a letter's end. */
static void test_long_names(void)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[255] = 0;
    CHECK(files_write(name, "x", 1, error) && holds(name, "x") && entries(".") == 1);
    remove(name);
    for (int i = 0; i < 254; i += 2) memcpy(name + i, "\xC3\xA9", 2);
    name[254] = 0;
    FileWriter w;
    CHECK(files_begin(&w, name, error) && files_letter((const unsigned char *)w.temporary + 1) == 2);
    for (const char *at = w.temporary; at && *at; at += 1 + (*at == '\xC3'))
        if (*at == '\xC3') CHECK(at[1] == '\xA9');
    CHECK(files_end(&w, error) && holds(name, "") && entries(".") == 1);
    remove(name);
    memset(name, 'n', 256), name[256] = 0;
    CHECK(!files_write(name, "x", 1, error) && errno == ENAMETOOLONG && says("nnn", strerror(ENAMETOOLONG)));
    char path[FILES_PATH + 10] = "";
    for (size_t i = 0; i + 2 < FILES_PATH; i += 2) memcpy(path + i, "./", 2);
    memcpy(path + FILES_PATH - 2, "x", 2);                              /* the longest path that there can be */
    CHECK(files_write(path, "deep", 4, error) && holds("x", "deep") && entries(".") == 1);
    remove("x");
}

/* A full disk, at any byte: the old file is as it was, and nothing lies about. */
static void test_full_disk(void)
{
    put("kept", "old");
    struct rlimit limit, small = {100000, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &limit);
    small.rlim_max = limit.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    static char data[100001];
    CHECK(!files_write("kept", data, sizeof data, error) && errno == EFBIG && says("kept", strerror(EFBIG)));
    CHECK(holds("kept", "old") && entries(".") == 1);
    FileWriter w;
    CHECK(files_begin(&w, "kept", error) != NULL);
    for (int i = 0; i < 20000; i++) fprintf(w.stream, "%09d\n", i);     /* nobody looks until the end */
    errno = 0;
    CHECK(!files_end(&w, error) && errno != 0 && says("kept", "cannot be written"));
    CHECK(holds("kept", "old") && entries(".") == 1);
    CHECK(files_write("kept", data, 100000, error) && entries(".") == 1);
    setrlimit(RLIMIT_FSIZE, &limit);
    remove("kept");
}

/* An error of an early write counts although later ones went well. */
static void test_early_error(void)
{
    FileWriter w;
    put("kept", "old");
    CHECK(files_begin(&w, "kept", error) != NULL);
    struct rlimit limit, none;
    getrlimit(RLIMIT_FSIZE, &limit);
    none = limit, none.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &none);
    fputs("lost", w.stream);
    CHECK(fflush(w.stream) != 0);
    setrlimit(RLIMIT_FSIZE, &limit);
    fputs("later", w.stream);
    CHECK(!files_end(&w, error) && says("kept", "cannot be written") && holds("kept", "old") && entries(".") == 1);
    remove("kept");
}

static void check_read_only(void)
{
    CHECK(!files_write("closed/file", "x", 1, error) && errno == EACCES && says("closed/file", strerror(EACCES)));
    CHECK(!files_write("closed/new", "x", 1, error) && errno == EACCES && says("closed/new", strerror(EACCES)));
    CHECK(!files_make_folder("closed/a/b", error) && errno == EACCES && says("closed/a", strerror(EACCES)));
    FileLock lock;
    CHECK(!files_lock("closed", &lock, error) && errno == EACCES && says("closed", strerror(EACCES)));
    files_unlock(&lock);
    CHECK(!files_write("open/protected", "x", 1, error) && errno == EACCES && says("protected", strerror(EACCES)));
    CHECK(files_write("open/mine", "x", 1, error) && holds("open/mine", "x"));
    char *data, **names;
    size_t n;
    CHECK(!files_read("open/secret", 100, &data, &n, error) && errno == EACCES && says("secret", strerror(EACCES)));
    CHECK(!files_list("sealed", FILES_FILES, &names, &n, error) && errno == EACCES && !names && n == 0);
    CHECK(says("sealed", strerror(EACCES)));
    CHECK(files_exists("sealed/x", error) == -1 && says("sealed/x", strerror(EACCES)));
    CHECK(files_is_folder("sealed/x", error) == -1 && files_is_empty("sealed", error) == -1);
    CHECK(files_sweep("sealed", error) == -1 && errno == EACCES && says("sealed", strerror(EACCES)));
    CHECK(files_write("blind/x", "x", 1, error));                       /* may be written to, but not listed */
    CHECK(files_lock("open", &lock, error));
    files_unlock(&lock);
}

static void test_rights(void)
{
    mkdir("closed", 0777), mkdir("open", 0777), mkdir("sealed", 0777), mkdir("blind", 0777);
    put("closed/file", "old"), put("open/protected", "old"), put("open/secret", "old"), put("blind/x", "old");
    chmod("closed", 0555), chmod("open", 0777), chmod("open/protected", 0444), chmod("open/secret", 0);
    chmod("blind", 0333), chmod("sealed", 0), chmod("blind/x", 0666);
    as_nobody(check_read_only);
    CHECK(holds("closed/file", "old") && entries("closed") == 1 && holds("open/protected", "old"));
    chmod("sealed", 0777), chmod("blind", 0777), chmod("closed", 0777), chmod("open/secret", 0666);
    CHECK(entries("open") == 3 && entries("blind") == 1 && holds("blind/x", "x"));
    remove("closed/file"), remove("open/protected"), remove("open/secret"), remove("open/mine"), remove("blind/x");
    CHECK(rmdir("closed") == 0 && rmdir("open") == 0 && rmdir("sealed") == 0 && rmdir("blind") == 0);
}

/* With ever fewer descriptors left every function fails as such, or works. */
static void test_descriptors_run_out(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    int before = open_descriptors() - 1, refused = 0, least = dup(0);
    close(least);
    put("kept", "old");
    for (int spare = 0; spare < 8; spare++) {
        struct rlimit few = {(rlim_t)(least + spare), limit.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
        char *data = NULL, **names = NULL;
        size_t n = 0;
        FileLock lock;
        bool wrote = files_write("kept", "new", 3, error);
        if (!wrote) CHECK(errno == EMFILE && says("", strerror(EMFILE))), refused++;
        bool read = files_read("kept", 100, &data, &n, error);
        if (!read) CHECK(errno == EMFILE && says("kept", strerror(EMFILE))), refused++;
        free(data);
        bool listed = files_list(".", FILES_FILES, &names, &n, error);
        if (listed) CHECK(n == 1);
        else CHECK(errno == EMFILE), refused++;
        files_list_free(names, n);
        if (files_lock(".", &lock, error)) files_unlock(&lock);
        else CHECK(errno == EMFILE && says(".", strerror(EMFILE))), refused++;
        setrlimit(RLIMIT_NOFILE, &limit);
        CHECK(entries(".") == 1 && holds("kept", wrote ? "new" : "old"));
        if (wrote) put("kept", "old");
    }
    CHECK(refused >= 6 && open_descriptors() - 1 == before);
    remove("kept");
}

/* ---- leftovers of killed processes ---- */

static void test_sweep(void)
{
    FileWriter alive, other;
    int to_parent[2];
    char go;
    mkdir("swept", 0777);
    CHECK(pipe(to_parent) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (!files_begin(&other, "swept/a,b.csv", error)) _exit(1);
        fputs("half", other.stream), fflush(other.stream);
        if (write(to_parent[1], "x", 1) != 1) _exit(1);
        pause();
    }
    CHECK(read(to_parent[0], &go, 1) == 1 && entries("swept") == 1);
    CHECK(files_sweep("swept", error) == 0 && entries("swept") == 1);           /* it is still at work */
    kill(child, SIGKILL), waitpid(child, NULL, 0);
    CHECK(files_begin(&alive, "swept/mine", error) != NULL);
    char same_number[64];                                       /* of a process that had the number we have now */
    snprintf(same_number, sizeof same_number, "swept/.old.%ld-7.tmp", (long)getpid());
    put(same_number, "half");
    const char *const strange[] = {"swept/.x.tmp", "swept/x.1-2.tmp", "swept/..1-2.tmp", "swept/.x.1-.tmp",
                                   "swept/.x.-2.tmp", "swept/.x.1-2.tmpx", "swept/.x1-2.tmp", "swept/.x.0-2.tmp"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) put(strange[i], "not ours");
    mkdir("swept/.folder.1-2.tmp", 0777);
    CHECK(files_sweep("swept", error) == 2);
    CHECK(entries("swept") == 10 && access(same_number, F_OK) != 0);
    CHECK(files_end(&alive, error) && holds("swept/mine", ""));
    CHECK(files_sweep("no such folder", error) == 0 && files_sweep("swept/mine", error) == -1 && errno == ENOTDIR);
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        CHECK(holds(strange[i], "not ours") && remove(strange[i]) == 0);
    CHECK(rmdir("swept/.folder.1-2.tmp") == 0 && remove("swept/mine") == 0 && rmdir("swept") == 0);
    close(to_parent[0]), close(to_parent[1]);
}

/* A process that is killed at any moment leaves the old file or the new one, and a sweep leaves nothing else. */
static void test_killed(void)
{
    static char old[200000], new[200000], *data;
    size_t size;
    int killed = 0;
    memset(old, 'o', sizeof old), memset(new, 'n', sizeof new);
    CHECK(files_write("whole", old, sizeof old, error));
    for (int i = 0; i < 40; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            for (;;) files_write("whole", new, sizeof new, error), files_write("whole", old, sizeof old, error);
        usleep((useconds_t)(500 + 211 * i % 7000));
        kill(child, SIGKILL), waitpid(child, NULL, 0);
        bool read = files_read("whole", 1000000, &data, &size, error);
        CHECK(read && size == sizeof old && (memcmp(data, old, size) == 0 || memcmp(data, new, size) == 0));
        free(data);
        killed += files_sweep(".", error);
        CHECK(entries(".") == 1);
    }
    CHECK(killed > 0);
    remove("whole");
}

/* ---- locks ---- */

static void test_lock(void)
{
    FileLock lock, second;
    int to_parent[2], status;
    char go, expected[64];
    mkdir("locked", 0777);
    CHECK(!files_lock("nowhere", &lock, error) && errno == ENOENT && says("nowhere", strerror(ENOENT)));
    CHECK(files_lock("locked", &lock, error) && entries("locked") == 1 && files_is_empty("locked", error) == 1);
    CHECK(!files_lock("locked", &second, error) && errno == EAGAIN);
    CHECK(says("locked", "this process works here already since "));
    files_unlock(&second);                                              /* of a lock that was not got */
    CHECK(!files_lock("locked", &second, error));
    files_unlock(&lock), files_unlock(&lock);
    CHECK(entries("locked") == 0);
    CHECK(pipe(to_parent) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (!files_lock("locked", &lock, error) || write(to_parent[1], "x", 1) != 1) _exit(1);
        pause();
    }
    CHECK(read(to_parent[0], &go, 1) == 1);
    snprintf(expected, sizeof expected, "locked: process %ld works here since ", (long)child);
    CHECK(!files_lock("locked", &lock, error) && errno == EAGAIN && says(expected, ":"));
    CHECK(strlen(error) == strlen(expected) + 5);                       /* 14:05 */
    kill(child, SIGKILL), waitpid(child, &status, 0);
    CHECK(entries("locked") == 1);                                      /* the file is left, the lock is not */
    CHECK(files_lock("locked", &lock, error));
    files_unlock(&lock);
    put("locked/.lock", "junk that is no signature");
    CHECK(files_lock("locked", &lock, error));
    remove("locked/.lock");                                             /* somebody tidied up */
    CHECK(files_lock("locked", &second, error));                        /* and that is how far a lock reaches */
    files_unlock(&lock);
    CHECK(entries("locked") == 1);                                      /* the first takes nothing from the second */
    files_unlock(&second);
    CHECK(symlink("/dev/null", "locked/.lock") == 0 && !files_lock("locked", &lock, error) && says("locked", ""));
    remove("locked/.lock");
    CHECK(rmdir("locked") == 0);
    close(to_parent[0]), close(to_parent[1]);
}

/* Takes the lock `times` times and checks that nobody else has it: "inside" is made and removed while it is held. */
static int contend(int times)
{
    FileLock lock;
    for (int got = 0; got < times;) {
        if (!files_lock("race", &lock, error)) {
            if (errno != EAGAIN) return 1;
            continue;
        }
        int inside = open("race/inside", O_CREAT | O_EXCL | O_WRONLY, 0666);
        if (inside < 0) return 2;
        close(inside);
        if (got % 3 == 0) sched_yield();
        if (unlink("race/inside") != 0) return 3;
        files_unlock(&lock);
        got++;
    }
    return 0;
}

static void test_lock_race(void)
{
    int status[3];
    pid_t children[3];
    mkdir("race", 0777);
    fflush(stdout);
    for (int i = 0; i < 3; i++)
        if ((children[i] = fork()) == 0) _exit(contend(200));
    for (int i = 0; i < 3; i++) waitpid(children[i], &status[i], 0);
    for (int i = 0; i < 3; i++) CHECK_MSG(status[i] == 0, "process %d of the race ended with %d", i, status[i]);
    CHECK(entries("race") == 0 && rmdir("race") == 0);
}

/* ---- names ---- */

static void test_names(void)
{
    static const char *const pairs[][2] = {
        {"happy", "happy"}, {"", "_"}, {".", "_"}, {"..", "__"}, {"...", "___"}, {".hidden", "_hidden"}, {"a.b", "a.b"},
        {"../../etc/passwd", "___.._etc_passwd"}, {"/abs", "_abs"}, {"a\\b", "a_b"}, {"a\nb\tc\x7f", "a_b_c_"},
        {"end.", "end_"}, {"end. .", "end___"}, {" ", "_"}, {"a b", "a b"}, {"a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"},
        {"con", "_con"}, {"CON.txt", "_CON.txt"}, {"con1", "con1"}, {"COM1", "_COM1"}, {"com0", "com0"},
        {"lpt9.x", "_lpt9.x"}, {"nul", "_nul"}, {"null", "null"}, {"caf\xC3\xA9", "caf\xC3\xA9"},
        {"\xE5\xAC\x89\xE3\x81\x84", "\xE5\xAC\x89\xE3\x81\x84"}, {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"\xFFx", "_x"}, {"a\xC3", "a_"}, {"\xC0\xAF", "__"}, {"\xED\xA0\x80", "___"}, {"\xF4\x90\x80\x80", "____"},
        {"a\xC2\x85" "b", "a_b"}, {"a\xC2\xA0" "b", "a\xC2\xA0" "b"}, {"-rf", "-rf"}};
    char name[FILES_NAME], path[FILES_PATH], text[400];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int same = files_name(pairs[i][0], name);
        CHECK_MSG(strcmp(name, pairs[i][1]) == 0, "name %zu became %s", i, name);
        CHECK(same == (strcmp(pairs[i][0], pairs[i][1]) == 0) && files_join("f", name, path, error));
    }
    CHECK(files_is_line("") && files_is_line("caf\xC3\xA9: /a\\b?") && !files_is_line("a\nb") && !files_is_line("a\x7f"));
    CHECK(!files_is_line("a\xC3") && !files_is_line("\xFFx") && !files_is_line("\xED\xA0\x80") && !files_is_line("\xC2\x85"));
    memset(text, 'x', sizeof text), text[399] = 0;
    CHECK(!files_name(text, name) && strlen(name) == 199);
    for (int i = 0; i < 399; i++) text[i] = "\xE5\xAC\x89"[i % 3];
    CHECK(!files_name(text, name) && strlen(name) == 198);              /* 66 letters of 3 bytes */
    for (int seed = 1; seed < 3000; seed++) {                           /* any bytes make a name that is its own */
        unsigned state = (unsigned)seed * 2654435761u;
        int length = seed % 300;
        for (int i = 0; i < length; i++)
            state = state * 1664525u + 1013904223u, text[i] = (char)(1 + (state >> 24) % 255);
        text[length] = 0;
        char again[FILES_NAME];
        files_name(text, name);
        bool good = files_name(name, again) == 1 && strlen(name) <= 200 && *name && *name != '.';
        good = good && !strpbrk(name, "/\\\n");
        if (!good) CHECK_MSG(good, "seed %d gives %s", seed, name);
    }
}

static void test_sets_of_names(void)
{
    static const char *const texts[8] = {"a/b", "a_b", "a\\b", "A_B", "a_b-2", "..", "", "__"};
    static const char *const right[8] = {"a_b", "a_b-2", "a_b-3", "A_B-4", "a_b-2-2", "__", "_", "__-2"};
    char names[8][FILES_NAME];
    files_names(texts, 8, names);
    for (int i = 0; i < 8; i++) CHECK_MSG(strcmp(names[i], right[i]) == 0, "%.200s, not %s", names[i],
                                          right[i]);
    char long_text[300];
    memset(long_text, 'y', 299), long_text[299] = 0;
    const char *const two[2] = {long_text, long_text};
    files_names(two, 2, names);
    CHECK(strlen(names[1]) <= 200 && strcmp(names[0], names[1]) != 0);
    CHECK(strcmp(names[1] + strlen(names[1]) - 2, "-2") == 0);
}

/* Whoever shares a name gets a longer one; nobody's output overwrites another's. */
static void test_stems(void)
{
    static const char *const paths[] = {"a/photo.jpg", "./b/photo.png", "c/photo.one.jpg", "x.jpg", "../c/x", "y/.hidden.png",
                                        "./b/photo.png", "../b/photo.png"};
    static const char *const wanted[] = {"a_photo", "b_photo.png", "photo.one", "x", "c_x", ".hidden", "b_photo.png"};
    char error[FILES_ERROR], **names;
    CHECK(files_stems((char **)(uintptr_t)paths, 7, &names, error));                /* the same path twice is no harm */
    for (int i = 0; i < 7; i++) CHECK_MSG(strcmp(names[i], wanted[i]) == 0, "%s is called %s", paths[i], names[i]);
    files_list_free(names, 7);
    CHECK(!files_stems((char **)(uintptr_t)paths, 8, &names, error) && errno == EEXIST && !names);
    CHECK(strstr(error, "both be called b_photo.png") != NULL);
    static const char *const kinds[] = {"a/photo.jpg", "a/photo.png"};
    CHECK(files_stems((char **)(uintptr_t)kinds, 2, &names, error) && strcmp(names[0], "a_photo.jpg") == 0);
    files_list_free(names, 2);
    CHECK(files_stems(NULL, 0, &names, error));
    files_list_free(names, 0);
}

static void test_join(void)
{
    char path[FILES_PATH], folder[FILES_PATH];
    CHECK(files_join("a", "b", path, error) && strcmp(path, "a/b") == 0);
    CHECK(files_join("a/", "b", path, error) && strcmp(path, "a/b") == 0);
    CHECK(files_join("/", "b", path, error) && strcmp(path, "/b") == 0);
    CHECK(files_join("", "b", path, error) && strcmp(path, "b") == 0);
    CHECK(files_join("a", "..b", path, error) && strcmp(path, "a/..b") == 0);
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "../x"};
    for (int i = 0; i < 6; i++)
        CHECK(!files_join("out", bad[i], path, error) && errno == EINVAL && says("out", "not the name"));
    memset(folder, 'f', sizeof folder), folder[FILES_PATH - 3] = 0;
    CHECK(files_join(folder, "b", path, error) && strlen(path) == FILES_PATH - 1);
    CHECK(!files_join(folder, "bb", path, error) && errno == ENAMETOOLONG && says("bb", "more than"));
}

/* ---- reading and listing ---- */

static void test_read(void)
{
    char *data;
    size_t size;
    put("file", "hello");
    CHECK(files_read("file", 5, &data, &size, error) && size == 5 && memcmp(data, "hello", 6) == 0);
    free(data);
    CHECK(!files_read("file", 4, &data, &size, error) && errno == EFBIG && !data && size == 0);
    CHECK(says("file", "4 bytes"));
    put("file", "");
    CHECK(files_read("file", 0, &data, &size, error) && size == 0 && data && *data == 0);
    free(data);
    CHECK(!files_read("no file", 9, &data, &size, error) && errno == ENOENT && says("no file", strerror(ENOENT)));
    CHECK(!files_read(".", 9, &data, &size, error) && errno == EISDIR && says(".", "is a folder"));
    CHECK(mkfifo("pipe", 0666) == 0 && !files_read("pipe", 9, &data, &size, error) && errno == EINVAL);
    CHECK(says("pipe", "is a pipe"));
    CHECK(!files_open("pipe") && errno == EINVAL);
    CHECK(!files_open(".") && errno == EISDIR && !files_open("no file") && errno == ENOENT);
    put("file", "hello");
    FILE *opened = files_open("file");
    CHECK(opened && getc(opened) == 'h' && fclose(opened) == 0);
    CHECK(!files_read("/dev/zero", 9, &data, &size, error) && errno == EINVAL && says("/dev/zero", "device"));
    CHECK(!files_read("line\nbreak", 9, &data, &size, error) && says("line?break", ""));
    if (access("/proc/self/status", R_OK) == 0) {                       /* its size is 0 in its status */
        CHECK(files_read("/proc/self/status", 1 << 20, &data, &size, error) && size > 100 && strstr(data, "Pid:"));
        free(data);
        CHECK(!files_read("/proc/self/status", 10, &data, &size, error) && errno == EFBIG);
    }
    static char big[300000];
    memset(big, 'b', sizeof big);
    CHECK(files_write("file", big, sizeof big, error) && files_read("file", SIZE_MAX, &data, &size, error));
    CHECK(size == sizeof big && memcmp(data, big, size) == 0 && data[size] == 0);
    free(data);
    remove("file"), remove("pipe");
}

static void test_read_no_memory(void)
{
    struct rlimit limit, small;
    char *data;
    size_t size;
    put("file", "");
    if (SANITIZED || truncate("file", (off_t)1 << 40) != 0) SKIP("a file larger than the memory");
    else {
        getrlimit(RLIMIT_AS, &limit);
        small = limit, small.rlim_cur = (rlim_t)1 << 38;
        setrlimit(RLIMIT_AS, &small);
        CHECK(!files_read("file", SIZE_MAX, &data, &size, error) && errno == ENOMEM && says("file", strerror(ENOMEM)));
        setrlimit(RLIMIT_AS, &limit);
    }
    remove("file");
}

static bool listed(const char *folder, int kinds, const char *expected)
{
    char **names, all[400] = "";
    size_t count;
    if (!files_list(folder, kinds, &names, &count, error)) return false;
    for (size_t i = 0; i < count; i++) strcat(strcat(all, names[i]), " ");
    files_list_free(names, count);
    if (strcmp(all, expected)) printf("  listed: %s\n", all);
    return strcmp(all, expected) == 0;
}

static void test_list(void)
{
    char **names;
    size_t count;
    mkdir("l", 0777), mkdir("l/b", 0777), mkdir("l/.d", 0777);
    put("l/a", ""), put("l/B", ""), put("l/\xC3\xA9", ""), put("l/.h", "");
    CHECK(symlink("b", "l/to-b") == 0 && symlink("a", "l/to-a") == 0 && symlink("none", "l/to-none") == 0);
    CHECK(symlink("loop", "l/loop") == 0 && mkfifo("l/pipe", 0666) == 0);
    CHECK(listed("l", FILES_FILES, "B a loop pipe to-a to-none \xC3\xA9 "));
    CHECK(listed("l", FILES_FOLDERS, "b to-b "));
    CHECK(listed("l", FILES_FOLDERS | FILES_HIDDEN, ".d b to-b "));
    CHECK(listed("l", FILES_FILES | FILES_FOLDERS | FILES_HIDDEN,
                 ".d .h B a b loop pipe to-a to-b to-none \xC3\xA9 "));
    CHECK(!files_list("nowhere", FILES_FILES, &names, &count, error) && errno == ENOENT && !names && !count);
    CHECK(says("nowhere", strerror(ENOENT)));
    CHECK(!files_list("l/a", FILES_FILES, &names, &count, error) && errno == ENOTDIR && says("l/a", strerror(ENOTDIR)));
    CHECK(files_is_empty("l", error) == 0 && files_is_empty("l/b", error) == 1);
    CHECK(files_is_empty("nowhere", error) == 1);
    CHECK(files_is_empty("l/a", error) == -1 && says("l/a", strerror(ENOTDIR)));
    put("l/b/.lock", ""), put("l/b/.x.1-0.tmp", "");
    CHECK(files_is_empty("l/b", error) == 1);
    put("l/b/.DS_Store", "");
    CHECK(files_is_empty("l/b", error) == 0);
    CHECK(files_exists("l/a", error) == 1 && files_exists("l/x", error) == 0 && files_exists("l/a/x", error) == 0);
    CHECK(files_exists("l/to-none", error) == 0);
    CHECK(files_exists("l/loop", error) == -1 && says("l/loop", strerror(ELOOP)));
    CHECK(files_is_folder("l", error) == 1 && files_is_folder("l/a", error) == 0);
    CHECK(files_is_folder("l/to-b", error) == 1 && files_is_folder("x", error) == 0);
    CHECK(system("rm -rf l") == 0);
}

static void test_make_folder(void)
{
    char deep[FILES_PATH + 1];
    CHECK(files_make_folder("m/n//o/", error) && files_is_folder("m/n/o", error) == 1);
    CHECK(files_make_folder("m/n/o", error));
    CHECK(files_make_folder("/", error) && files_make_folder(".", error) && files_make_folder("m/../m/p", error));
    put("m/file", "");
    CHECK(!files_make_folder("m/file", error) && errno == ENOTDIR && says("m/file", "is no folder"));
    CHECK(!files_make_folder("m/file/x/y", error) && errno == ENOTDIR && says("m/file", "is no folder"));
    CHECK(symlink("n", "m/link") == 0 && files_make_folder("m/link/q", error) && files_is_folder("m/n/q", error) == 1);
    CHECK(!files_make_folder("", error));
    memset(deep, 'd', sizeof deep), deep[FILES_PATH] = 0;
    CHECK(!files_make_folder(deep, error) && errno == ENAMETOOLONG && says("...", strerror(ENAMETOOLONG)));
    CHECK(system("rm -rf m") == 0);
}

/* Right values: the FNV authors' test vectors (Fowler, Noll, Vo; RFC 9923). */
static void test_hash(void)
{
    CHECK(files_write("a", "a", 1, error) && files_hash("a") == 0xaf63dc4c8601ec8cu);
    CHECK(files_write("a", "foobar", 6, error) && files_hash("a") == 0x85944171f73967e8u);
    CHECK(files_write("a", "", 0, error) && files_hash("a") == 0xcbf29ce484222325u && unlink("a") == 0);
    CHECK(files_hash("a") == 0xcbf29ce484222325u);
}

/* What is beside the program; a descriptor that was closed is one that nothing can be read from or written to. */
static void test_program(void)
{
    static const char *const folders[] = {"none", "f", "@"};
    char path[FILES_PATH], self[FILES_PATH] = "";
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    const char *name = strrchr(self, '/') + 1;
    CHECK(files_search(folders, 3, name, path) && strcmp(path, self) == 0);
    CHECK(files_make_folder("f", error) && files_write("f/x", "a", 1, error) && files_search(folders, 3, "x", path) && strcmp(path, "f/x") == 0);
    CHECK(!files_search(folders, 3, "y", path) && system("rm -r f") == 0);
    int in = dup(0);
    char letter;
    close(0);
    CHECK(files_occupy_standard() && read(0, &letter, 1) == 0 && files_occupy_standard());
    dup2(in, 0), close(in);
    fflush(stdout);
    int out = dup(1);
    close(1);
    bool occupied = files_occupy_standard() && write(1, "x", 1) < 0;
    dup2(out, 1), close(out);
    CHECK(occupied);
}

int main(void)
{
    char folder[] = "/tmp/test_files.XXXXXX";
    if (!mkdtemp(folder) || chmod(folder, 0777) != 0 || chdir(folder) != 0) return perror(folder), 1;
    int before = open_descriptors();
    test_write(), test_two_writers(), test_targets(), test_descriptors(), test_links(), test_long_names();
    test_full_disk(), test_early_error(), test_rights(), test_descriptors_run_out();
    test_sweep(), test_killed(), test_lock(), test_lock_race();
    test_names(), test_sets_of_names(), test_stems(), test_join();
    test_hash(), test_read(), test_read_no_memory(), test_list(), test_make_folder(), test_program();
    CHECK(open_descriptors() == before && entries(".") == 0);
    if (chdir("/") == 0) rmdir(folder);
    return check_report();
}
