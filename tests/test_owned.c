/* test_owned.c: vendor/owned.h. What is made is there and is freed (run it under a sanitizer to see the latter); what
 * fails gives up, and says whether the machine is to blame. */
#include "../vendor/all.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "check.h"

static char folder[64] = "/tmp/test_owned.XXXXXX";

static const char *in_folder(const char *name) { return own_text("%s/%s", folder, name); }

static void blame(void *context)
{
    (void)context;
    CHECK(!is_machine(0) && !is_machine(ENOENT) && !is_machine(EISDIR));
    CHECK(is_machine(ENOMEM) && is_machine(EACCES) && is_machine(EIO) && is_machine(EMFILE));
    give_up_because(ENOMEM, "no room");
}

static void pictures(void *context)
{
    (void)context;
    Error why = {0};
    Image out, black = new_picture(3, 2, 1);
    CHECK(picture_bytes(&black) == 6 && black.pixels[5] == 0);
    black.pixels[4] = 200;
    save_picture(in_folder("b.png"), &black, NULL);
    CHECK(try_picture(in_folder("b.png"), 3, &out, &why) && out.width == 3 && out.height == 2 && out.channels == 3);
    CHECK(out.pixels[12] == 200 && out.pixels[9] == 0);
    Image large = resize_picture(&black, 6, 4);
    CHECK(large.width == 6 && large.height == 4 && picture_bytes(&large) == 24);
    out.pixels[0] = 100, out.pixels[1] = 200, out.pixels[2] = 50;
    Image grey = with_channels(&out, 1), colours = with_channels(&black, 3);
    CHECK(grey.channels == 1 && grey.pixels[0] == 153 && grey.pixels[4] == 200);      /* 29.9 + 117.4 + 5.7 */
    CHECK(colours.channels == 3 && colours.pixels[12] == 200 && colours.pixels[14] == 200 && colours.pixels[15] == 0);
    const ImageSums *sums = own_sums(&colours);
    const ImageScaling whole = {{0, 0, 3, 2}, 1, 1, 0, 1};
    IMAGE_REAL mean[3];
    image_average_row(sums, &whole, 0, mean);
    CHECK(sums->width == 3 && fabs((double)mean[1] - 200 / 6.0) < 1e-4);
    write_file(in_folder("damaged.png"), "\x89PNG", 4);
    CHECK(!try_picture(in_folder("damaged.png"), 3, &out, &why) && why.status == 1 && !why.machine);
    CHECK(!try_picture(in_folder("none.png"), 3, &out, &why) && strstr(why.text, "none.png"));
    save_picture(in_folder("no/such/folder.png"), &black, NULL);
}

/* Without a descriptor left no file can be opened: that is not the picture's fault. */
static void too_many_files(void *context)
{
    Error why;
    Image out;
    (void)context;
    try_picture(in_folder("b.png"), 3, &out, &why);
}

static void take_again(void *file) { take_tensors(file, file, &(TensorTake){.prefix = ""}); }

static void test_rows(void)
{
    const double numbers[3] = {0.5, -7, 1.0 / 3};
    double back[3] = {0};
    TensorFile *file = new_tensors();
    store_row(file, "wide", TENSOR_F64, 3, numbers), store_row(file, "narrow", TENSOR_F32, 3, numbers);
    CHECK(stored_row(file, "wide", 3, back) && memcmp(back, numbers, sizeof back) == 0);
    CHECK(stored_row(file, "narrow", 3, back) && back[1] == -7 && back[2] == (double)(float)numbers[2]);
    CHECK(!stored_row(file, "wide", 2, back) && !stored_row(file, "none", 3, back));
}

static void tensors(void *context)
{
    (void)context;
    const int64_t shape[2] = {2, 3};
    TensorFile *file = new_tensors();
    double *numbers = add_tensor(file, "w", TENSOR_F64, 2, shape);
    CHECK(numbers[5] == 0);
    numbers[4] = 1.5;
    set_metadata(file, "size", "7");
    test_rows();
    TensorFile *taken = new_tensors();
    Error why;
    take_tensors(taken, file, &(TensorTake){.prefix = "", .half = 1});
    CHECK(taken->count == 1 && taken->tensors[0].data == numbers && strcmp(tensorfile_metadata(taken, "size"), "7") == 0);
    CHECK(!attempt(take_again, taken, &why) && strstr(why.text, "cannot keep w") && !why.machine);
    save_tensors(file, in_folder("w.safetensors"), "");
    const TensorFile *again = load_tensors(in_folder("w.safetensors"));
    const TensorEntry *entry = tensorfile_find(again, "w");
    CHECK(entry && entry->rank == 2 && entry->shape[1] == 3 && tensorfile_get(entry, 4) == 1.5);
    CHECK(strcmp(tensorfile_metadata(again, "size"), "7") == 0);
    char lines[300];
    for (int json = 0; json < 2; json++) {
        FILE *to = tmpfile();
        print_tensors(again, "w.safetensors", to, json);
        rewind(to);
        lines[fread(lines, 1, sizeof lines - 1, to)] = 0;
        fclose(to);
        CHECK(strcmp(lines, json ? "{\"path\": \"w.safetensors\", \"format\": \"safetensors\", \"numbers\": 6, "
                                   "\"metadata\": {\"size\": \"7\"}, \"tensors\": [{\"name\": \"w\", \"type\": \"F64\", "
                                   "\"shape\": [2,3]}], \"left_out\": []}\n"
                                 : "w.safetensors: safetensors, 1 tensors, 6 numbers\n  size           7\n"
                                   "  w                                            F64   (2,3)\n") == 0);
    }
    TensorFile *hostile = new_tensors();
    add_tensor(hostile, "w\n\x1b[31m\xc2\x9b\xc3\xa4", TENSOR_F64, 2, shape);
    FILE *to = tmpfile();
    print_tensors(hostile, "h", to, false);
    rewind(to);
    lines[fread(lines, 1, sizeof lines - 1, to)] = 0;
    fclose(to);
    CHECK(strstr(lines, "  w\\x0a\\x1b[31m\\x9b\xc3\xa4 ") != NULL);
    add_tensor(file, "w", TENSOR_F64, 2, shape);
}

static void save_nowhere(void *context)
{
    (void)context;
    save_tensors(new_tensors(), in_folder("no/such/folder.npz"), "not saved: ");
}

static void tables(void *context)
{
    (void)context;
    Table *table = new_table(NULL, 1, 2);
    table_row(table, 0, "name\tscore"), table_row(table, 1, "a\t%.1f", 0.5);
    FileWriter *writer = begin_file(in_folder("t.csv"));
    write_table(table, writer->stream, TABLE_CSV);
    write_row(table, writer->stream, TABLE_CSV, 1);
    CHECK(!path_exists(in_folder("t.csv")));
    end_file(writer);
    TableReader *rows = open_table(in_folder("t.csv"), 2);
    int n = 0;
    while (more_rows(rows)) CHECK(rows->n_fields == 2 && strcmp(rows->fields[1], n++ ? "0.5" : "score") == 0);
    CHECK(n == 3);
    save_table(table, in_folder("s.csv"));
    for (n = 0, rows = open_table(in_folder("s.csv"), 2); more_rows(rows);) n++;
    CHECK(n == 2);
    rows = open_table(in_folder("t.csv"), 1);
    more_rows(rows);
}

static void files(void *context)
{
    (void)context;
    size_t size;
    make_folder(in_folder("f/g"));
    write_file(in_folder("f/b.JPG"), "xyz", 3), write_file(in_folder("f/a.csv"), "", 0);
    write_file(in_folder("f/.c.png"), "", 0), write_file(in_folder("f/c.png"), "", 0);
    char *text = read_file(in_folder("f/b.JPG"), 10, &size);
    CHECK(size == 3 && strcmp(text, "xyz") == 0);
    CHECK(is_folder(in_folder("f")) && !is_folder(in_folder("f/a.csv")) && !is_folder(in_folder("none")));
    CHECK(path_exists(in_folder("f/a.csv")) && !path_exists(in_folder("none")));
    Names folders = list_folder(in_folder("f"), NAMES_FOLDERS), some = list_folder(in_folder("f"), NAMES_PICTURES),
          lists = list_folder(in_folder("f"), NAMES_LISTS), none = list_folder(in_folder("none"), NAMES_PICTURES);
    CHECK(folders.count == 1 && strcmp(folders.items[0], "g") == 0 && none.count == 0);
    CHECK(some.count == 2 && strcmp(some.items[0], "b.JPG") == 0 && strcmp(some.items[1], "c.png") == 0);
    CHECK(lists.count == 1 && strcmp(lists.items[0], "a.csv") == 0 && name_is(NAMES_LISTS, "x.TXT"));
    Names paths = {0};
    names_add(&paths, "a/photo.jpg"), names_add(&paths, "b/other.png");
    char **stems = own_stems(&paths);
    CHECK(strcmp(stems[0], "photo") == 0 && strcmp(stems[1], "other") == 0);
    CHECK(strcmp(textf("%s/%d", "f", 7).s, "f/7") == 0);
    read_file(in_folder("f/b.JPG"), 2, &size);
}

/* A file that was begun and not ended is not there; a folder that was locked is free again. */
static void abandoned(void *context)
{
    (void)context;
    FileWriter *writer = begin_file(in_folder("half.txt"));
    fputs("half", writer->stream);
    lock_folder(in_folder("f"));
    give_up(1, "stopped");
}

static void locked_twice(void *context)
{
    (void)context;
    lock_folder(in_folder("f"));
    lock_folder(in_folder("f"));
}

static void cleared(void *context)
{
    (void)context;
    CHECK(!path_exists(in_folder("half.txt")));
    CHECK(!path_exists(in_folder("f/.lock")));
    CHECK(system(own_text("rm -r %s", folder)) == 0);
}

/* A log that a killed process left in the middle of a row, cut behind row 20. */
static void continued(void *context)
{
    size_t size;
    (void)context;
    const char *log = in_folder("log.csv"), *old = "i,x\n10,a\n20,b\n30,c\n4";
    fputs("5,e\n", continue_csv(log, "i,x", 0));
    write_file(log, old, strlen(old));
    Scope inner;
    enter(&inner);
    fputs("21,d\n", continue_csv(log, "i,y", 20));
    leave();
    CHECK(strcmp(read_file(log, 100, &size), "i,y\n10,a\n20,b\n21,d\n") == 0);
    char *long_row = own(20000, 1);                     /* more than is read at once, and its rest looks like a row */
    memset(long_row, '7', 19990);
    memcpy(long_row + 16300, ",", 1), memcpy(long_row + 19990, ",b\n8,c\n", 7);
    write_file(log, long_row, strlen(long_row));
    enter(&inner);
    continue_csv(log, "i,y", LONG_MAX);
    leave();
    CHECK(strcmp(read_file(log, 100, &size), "i,y\n8,c\n") == 0);
    continue_csv(in_folder("none/log.csv"), "i", 0);
}

/* A log that cannot be read is not taken for one that is not there. */
static void continued_nothing(void *context)
{
    (void)context;
    CHECK(symlink("/dev/null", in_folder("null.csv")) == 0);
    continue_csv(in_folder("null.csv"), "i", 0);
}

static void lying(void *context)
{
    (void)context;
    make_folder(in_folder("deep/er")), make_folder(in_folder("deep2"));
    write_file(in_folder("deep/file"), "", 0);
    CHECK(lies_in(in_folder("deep/er/../file"), in_folder("deep")) && lies_in(in_folder("deep"), in_folder("deep/er/..")));
    CHECK(!lies_in(in_folder("deep"), in_folder("deep/er")) && !lies_in(in_folder("deep2"), in_folder("deep")));
    CHECK(lies_in(in_folder("deep"), "/") && !lies_in(in_folder("gone"), folder));
    CHECK(would_lie_in(in_folder("deep/new/er"), in_folder("deep")) && would_lie_in(in_folder("deep"), in_folder("deep")));
    CHECK(!would_lie_in(in_folder("new/er"), in_folder("deep")) && !would_lie_in(in_folder("deep3/x"), in_folder("deep")));
    CHECK(would_lie_in("new", ".") && would_lie_in("/new", "/"));
    const Names real = real_paths((char *[]){(char *)in_folder("deep/file"), (char *)in_folder("gone")}, 2);
    CHECK(real.count == 1 && is_among(&real, in_folder("deep/er/../file")) && !is_among(&real, in_folder("deep")));
    CHECK(symlink("deep/file", in_folder("link")) == 0 && is_among(&real, in_folder("link")) && !is_among(&real, in_folder("gone")));
}

/* A set's folders by safe names, its text of a shape, and that it begins in an empty folder only, unless told. */
static void begun_twice(void *context)
{
    static const char *const names[] = {"happy", "../sad"};
    (void)context;
    Scope inner;
    enter(&inner);
    char (*folders)[FILES_NAME] = begin_set(in_folder("set"), names, 2, false);
    CHECK(strcmp(folders[0], "happy") == 0 && !strchr(folders[1], '/') && is_folder(in_folder("set/happy")));
    CHECK(is_folder(in_folder(own_text("set/%s", folders[1]))) && !path_exists(in_folder("sad")));
    leave();
    enter(&inner);
    CHECK(begin_set(in_folder("set"), names, 2, true) != NULL);
    leave();
    CHECK(strcmp(shape_text((const int64_t[]){64, 3, 7}, 3), "64,3,7") == 0 && !*shape_text(NULL, 0));
    begin_set(in_folder("set"), names, 2, false);
}

/* Bars and times; a limit of memory, and none again. */
static void measured(void *context)
{
    (void)context;
    struct rlimit before, with, after;
    Scope inner;
    FILE *file = tmpfile();
    progress_to(file);
    enter(&inner);
    Progress *bar = own_progress("count", 2, 10);
    CHECK(bar->first == 2 && bar->total == 10 && strcmp(bar->what, "count") == 0);
    CHECK(strcmp(own_duration(425), "7m05s") == 0);
    progress_terminal = true, bar->shown = 0;           /* of a bar that is not full the scope ends the line */
    progress_show(bar, 5, "%s", "half");
    CHECK(ftell(file) > 0);
    leave();
    fseek(file, -1, SEEK_END);
    CHECK(fgetc(file) == '\n');
    fclose(file), progress_to(NULL);
    if (SANITIZED) { SKIP("a limit of memory, under AddressSanitizer"); return; }
    getrlimit(RLIMIT_DATA, &before);
    limit_memory(4096), getrlimit(RLIMIT_DATA, &with);
    limit_memory(0), getrlimit(RLIMIT_DATA, &after);
    CHECK(with.rlim_cur == (rlim_t)4096 << 20 || with.rlim_cur == with.rlim_max);
    CHECK(with.rlim_max == before.rlim_max && after.rlim_cur == after.rlim_max);
}

/* The work must give up, with these words in its reason. */
static void must_fail(void (*work)(void *context), const char *words, bool machine)
{
    Error e = {0};
    bool failed = !attempt(work, NULL, &e);
    CHECK_MSG(failed && strstr(e.text, words) && e.machine == machine, "%s: failed %d, machine %d: %.200s", words, failed,
              e.machine, e.text);
}

int main(void)
{
    Error e;
    struct rlimit was, few;
    if (!mkdtemp(folder)) return 1;
    must_fail(blame, "no room", true);
    must_fail(pictures, "no/such", false);
    getrlimit(RLIMIT_NOFILE, &was);
    few = was, few.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &few);
    must_fail(too_many_files, "b.png", true);
    setrlimit(RLIMIT_NOFILE, &was);
    must_fail(tensors, "stored twice", false);
    must_fail(save_nowhere, "not saved: ", false);
    must_fail(tables, "t.csv", false);
    must_fail(files, "b.JPG", false);
    must_fail(continued, "none/", false);
    must_fail(continued_nothing, "cannot be read", false);
    must_fail(abandoned, "stopped", false);
    must_fail(locked_twice, "works here", false);
    must_fail(begun_twice, "is not empty", false);
    CHECK(attempt(lying, NULL, &e) && attempt(measured, NULL, &e) && attempt(cleared, NULL, &e));
    return check_report();
}
