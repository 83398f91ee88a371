/* test_owned.c: vendor/owned.h. What is made belongs to a scope, a file's fault is told from the machine's, and nothing is
 * half written. */
#define SCOPE_IMPLEMENTATION
#define SCOPE_STATIC
#define FILES_IMPLEMENTATION
#define FILES_STATIC
#define TABLE_IMPLEMENTATION
#define TABLE_STATIC
#define IMAGE_IMPLEMENTATION
#define IMAGE_STATIC
#define OWNED_IMPLEMENTATION
#define OWNED_STATIC
#include "../vendor/owned.h"
#include <sys/resource.h>
#include "check.h"

static char folder[64];

static const char *at(const char *name) { return own_text("%s/%s", folder, name); }

static bool fails(void (*work)(void *), const char *context, const char *words, bool machine)
{
    Error e = {0};
    bool done = attempt(work, (void *)context, &e);
    if (done || !strstr(e.text, words)) printf("  wanted '%s', got '%s'\n", words, e.text);
    return !done && strstr(e.text, words) && e.machine == machine;
}

static void take_listing(void *path)
{
    Names names = list_folder(path, NAMES_PICTURES);
    CHECK(names.count == 2 && !strcmp(names.items[0], "a.pgm") && !strcmp(names.items[1], "b.pgm"));
    CHECK(list_folder(path, NAMES_LISTS).count == 1 && list_folder(folder, NAMES_FOLDERS).count == 1);
    CHECK(list_folder(own_text("%s/a.pgm", (char *)path), NAMES_LISTS).count == 0 && is_folder(path));
    CHECK(list_folder(at("gone"), NAMES_LISTS).count == 0 && !path_exists(at("gone")) && !is_folder(at("gone")));
}

static void take_picture(void *path)
{
    Error why;
    Image picture, small;
    CHECK(try_picture(path, 1, &picture, &why));
    CHECK(picture.width == 3 && picture.height == 2 && picture_bytes(&picture) == 6 && picture.pixels[4] == 'e');
    small = resize_picture(&picture, 6, 4);
    CHECK(small.width == 6 && picture_bytes(&small) == 24);
    Image black = new_picture(2, 2, 3);
    CHECK(picture_bytes(&black) == 12 && black.pixels[11] == 0);
    save_picture(at("in/saved.png"), &picture, NULL);
    CHECK(try_picture(at("in/saved.png"), 1, &small, &why) && !memcmp(small.pixels, "abcdef", 6));
    remove(at("in/saved.png"));
}

static void take_damaged(void *path)
{
    Error why;
    Image picture;
    CHECK(!try_picture("/nothing/here.png", 1, &picture, &why) && !why.machine);
    CHECK(!try_picture(path, 1, &picture, &why) && why.status == 1 && !why.machine);
    give_up(1, "%s", why.text);
}

static void write_twice(void *path)
{
    write_file(path, "whole", 5);
    FileWriter *writer = begin_file(path);
    fputs("half", writer->stream);
    give_up(1, "amid");
}

static void read_back(void *path)
{
    size_t size;
    CHECK(!strcmp(read_file(path, 100, &size), "whole") && size == 5);
    lock_folder(folder);
    lock_folder(folder);
}

static void write_and_read_rows(void *path)
{
    FileWriter *writer = begin_file(path);
    Table *table = new_table(NULL, 1, 2);
    table_row(table, 0, "name\tsize"), table_row(table, 1, "a, b\t%d", 7);
    write_row(table, writer->stream, TABLE_CSV, 0), write_row(table, writer->stream, TABLE_CSV, 1);
    end_file(writer);
    TableReader *rows = open_table(path, 4);
    CHECK(more_rows(rows) && rows->n_fields == 2 && !strcmp(rows->fields[1], "size"));
    CHECK(more_rows(rows) && !strcmp(rows->fields[0], "a, b") && !strcmp(rows->fields[1], "7") && !more_rows(rows));
}

static void read_few_fields(void *path)
{
    TableReader *rows = open_table(path, 1);
    more_rows(rows);
}

static void name_stems(void *context)
{
    (void)context;
    Names paths = {0};
    names_add(&paths, "a/photo.jpg"), names_add(&paths, "b/photo.jpg"), names_add(&paths, "c/other.jpg");
    char **stems = stems_of(&paths);
    CHECK(!strcmp(stems[0], "a_photo.jpg") && !strcmp(stems[1], "b_photo.jpg") && !strcmp(stems[2], "other"));
    names_add(&paths, "a_photo.jpg"), names_add(&paths, "d/a_photo.jpg");
}

/* Without a file descriptor left a folder is not empty, a picture not damaged and a table not gone. */
static void check_machine(void)
{
    const char *in = at("in"), *picture = at("in/b.pgm"), *list = at("in/rows.csv");
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before, none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    bool listing = fails(take_listing, in, "Too many open files", true);
    bool pictures = fails(take_picture, picture, "Too many open files", true);
    bool rows = fails(read_few_fields, list, "Too many open files", true);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(listing && pictures && rows);
}

int main(void)
{
    Error e = {0};
    Scope all;
    enter(&all);
    snprintf(folder, sizeof folder, "/tmp/owned-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    make_folder(at("in"));
    write_file(at("in/b.pgm"), "P5 3 2 255 abcdef", 17), write_file(at("in/a.pgm"), "P5 1 1 255 a", 12);
    write_file(at("in/c.txt"), "P5", 2), write_file(at("in/.d.pgm"), "", 0);
    CHECK(attempt(take_listing, (void *)at("in"), &e) && attempt(take_picture, (void *)at("in/b.pgm"), &e));
    CHECK(fails(take_damaged, at("in/c.txt"), "in/c.txt", false));
    CHECK(fails(write_twice, at("in/e.bin"), "amid", false) && fails(read_back, at("in/e.bin"), "works here", false));
    CHECK(attempt(write_and_read_rows, (void *)at("in/rows.csv"), &e));
    CHECK(fails(read_few_fields, at("in/rows.csv"), "more than 1 fields", false));
    CHECK(fails(read_few_fields, at("in/gone.csv"), "No such file", false));
    CHECK(attempt(name_stems, NULL, &e));
    CHECK(lies_in(at("in/../in/b.pgm"), folder) && lies_in(folder, at("in/..")) && !lies_in(folder, at("in")) && lies_in(folder, "/"));
    make_folder(at("in2"));
    CHECK(!lies_in(at("in2"), at("in")) && !lies_in(at("gone"), folder));
    CHECK(is_machine(EMFILE) && is_machine(EIO) && is_machine(EACCES) && !is_machine(ENOENT) && !is_machine(0));
    check_machine();
    CHECK(system(own_text("rm -r %s", folder)) == 0);
    leave();
    return check_report();
}
