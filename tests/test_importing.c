/* test_importing.c: vendor/importing.h: on small sets made here, which rows are kept and which are passed over and why, and
 * pixel by pixel what is cut out of them; an import that was stopped goes on; one is not mixed into another. */
#include "../vendor/all.h"
#include "check.h"
#include "folder.h"

static int warnings;
__attribute__((format(printf, 1, 2))) static void count_warning(const char *format, ...) { warnings += *format != 0; }

/* 16 x 12 in grey: the pixel at (x,y) is 10 x + y. */
static void write_ramp(const char *path)
{
    Image ramp = new_picture(16, 12, 1);
    for (int i = 0; i < 16 * 12; i++) ramp.pixels[i] = (unsigned char)(10 * (i % 16) + i / 16);
    save_picture(path, &ramp, NULL);
}

/* A list as AffectNet's: two boxes, one reaches past the edge, one is empty; a file that is missing, one cut short, one
 * label that is none of the emotions. */
static void write_set(void)
{
    make_folder(at("set"));
    for (const char *name = "abcdg"; *name; name++) write_ramp(at("set/%c.png", *name));
    write_file(at("set/f.png"), "\x89PNG\r\n", 6);
    const char *list = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression\n"
                       "a.png,2,1,4,4,,1\nb.png,8,4,8,8,,1\nc.png,14,2,8,8,,2\nd.png,30,2,4,4,,2\n"
                       "missing.png,2,1,4,4,,1\nf.png,2,1,4,4,,2\ng.png,2,1,4,4,,9\n";
    write_file(at("set/training.csv"), list, strlen(list));
}

static const int *tally_of(const Import *job, const char *class_)
{
    for (int k = 0; k < job->set.n_classes; k++)
        if (strcmp(job->set.class_names[k], class_) == 0) return job->tally[k];
    return NULL;
}

static Import *import_set(const ImportOptions *options)
{
    char *parts[] = {own_text("%s/set/training.csv", folder)};
    return import_pictures("affectnet", parts, 1, options);
}

static bool in_table(const Table *t, int row, const char *const *cells)
{
    bool same = true;
    for (int c = 0; c < t->columns; c++) {
        const char *have = t->cells[row * t->columns + c];
        if (!have || strcmp(have, cells[c])) printf("  row %d column %d: %s\n", row, c, have), same = false;
    }
    return same;
}

static void test_boxes(void)
{
    const ImportOptions options = {.out = at("boxes"), .size = 4, .grey = true, .warn = count_warning};
    const Import *job = import_set(&options);
    const int *happy = tally_of(job, "happy"), *sad = tally_of(job, "sad");
    Image cut;
    Error why;
    CHECK(job->n_work == 6 && job->done == 6 && job->kept == 3 && warnings == 1);
    CHECK(happy[IMPORT_KEPT] == 2 && happy[IMPORT_MISSING] == 1 && happy[IMPORT_RESULTS + SPLIT_TRAIN] == 2);
    CHECK(sad[IMPORT_KEPT] == 1 && sad[IMPORT_NO_FACE] == 1 && sad[IMPORT_UNREADABLE] == 1);
    CHECK(try_picture(at("boxes/train/happy/0000000.png"), 0, &cut, &why) && cut.width == 4 && cut.channels == 1);
    for (int i = 0; i < 16; i++) CHECK(cut.pixels[i] == 10 * (2 + i % 4) + 1 + i / 4);
    CHECK(try_picture(at("boxes/train/happy/0000001.png"), 0, &cut, &why) && cut.width == 4);
    CHECK(cut.pixels[5] - cut.pixels[4] == 20 && cut.pixels[8] - cut.pixels[4] == 2);     /* 8 pixels on 4 */
    const Table *t = import_table(job);
    static const char *const names[] = {"class", "rows", "kept", "train", "validation", "test", "left out", "no file",
                                        "unreadable", "no face"};
    CHECK(t->columns == 10 && t->rows == job->set.n_classes + 1 && in_table(t, 0, names));
    CHECK(in_table(t, t->rows, (const char *const[]){"all", "7", "3", "3", "0", "0", "1", "1", "1", "1"}));
}

/* Boxes are found in the left half, or nowhere; the best one whose centre is where the list says counts. */
static Boxes find_left(void *asked, const Image *picture)
{
    Boxes found = {0};
    ++*(int *)asked;
    CHECK(picture->channels == 3);
    boxes_add(&found, (Box){.box = {9, 9, 11, 11}, .score = 0.9});
    boxes_add(&found, (Box){.box = {3, 2, 5, 4}, .score = 0.8});
    return found;
}

static void test_finding(void)
{
    int asked = 0;
    const ImportOptions options = {.out = at("found"), .size = 2, .classes = "happy", .find = find_left, .context = &asked};
    const Import *job = import_set(&options);
    Image cut;
    Error why;
    CHECK(asked == 2 && job->n_work == 3 && job->kept == 2 && tally_of(job, "sad")[IMPORT_LEFT_OUT] == 3);
    CHECK(try_picture(at("found/train/happy/0000000.png"), 1, &cut, &why));      /* the first box is not where a face is */
    CHECK(cut.pixels[0] == 32 && cut.pixels[1] == 42 && cut.pixels[2] == 33 && cut.pixels[3] == 43);
    CHECK(try_picture(at("found/train/happy/0000001.png"), 1, &cut, &why) && cut.pixels[0] == 99);
}

static void test_whole(void)
{
    const ImportOptions options = {.out = at("whole"), .whole = true};
    Image cut;
    Error why;
    CHECK(import_set(&options)->kept == 4);
    CHECK(try_picture(at("whole/train/sad/0000003.png"), 0, &cut, &why) && cut.width == 16 && cut.height == 12);
    const ImportOptions square = {.out = at("square"), .whole = true, .size = 12};
    import_set(&square);
    CHECK(try_picture(at("square/train/sad/0000003.png"), 0, &cut, &why) && cut.width == 12 && cut.pixels[0] == 20);
}

/* AffectNet with an annotation a picture: 0 to 9, and -1, which is no number of its. What is no emotion is left out, as it
 * is from a list. */
static void test_annotated(void)
{
    for (int i = -1; i < 10; i++) {
        const char *name = own_text("%d", i < 0 ? 99 : i), *npy = own_text("NUMPY\1 00{'descr': '|S%d', }\n%d", i < 0 ? 2 : 1, i);
        char *whole = own_text("\x93%s", npy);
        write_ramp(at("annotated/train_set/images/%s.png", name));
        write_file(at("annotated/train_set/annotations/%s_exp.npy", name), whole, strlen(whole));
    }
    write_ramp(at("annotated/train_set/images/1000.png"));
    const ImportOptions options = {.out = at("emotions"), .warn = count_warning};
    char *parts[] = {own_text("%s", at("annotated"))};
    warnings = 0;
    const Import *job = import_pictures("affectnet", parts, 1, &options);
    CHECK(job->kept == 7 && job->n_work == 7 && job->set.count == 11 && warnings == 1);         /* 1000 has no annotation */
    CHECK(tally_of(job, "contempt")[IMPORT_LEFT_OUT] == 1 && tally_of(job, "no label")[IMPORT_LEFT_OUT] == 1);
    CHECK(tally_of(job, "angry")[IMPORT_KEPT] == 1 && !is_folder(at("emotions/train/contempt")));
    const ImportOptions contempt = {.out = at("contempt"), .classes = "contempt,happy"};
    job = import_pictures("affectnet", parts, 1, &contempt);
    CHECK(job->kept == 2 && tally_of(job, "contempt")[IMPORT_KEPT] == 1);
}

static bool same_files(const char *a, const char *b)
{
    return system(own_text("diff -r %s %s >/dev/null", a, b)) == 0;
}

static void go(void *options) { import_set(options); }

/* Its last line is cut short, and the picture of the second row is lost. */
static void test_resuming(void)
{
    static volatile sig_atomic_t stop = 1;
    Error e;
    size_t size;
    ImportOptions options = {.out = at("again"), .size = 4, .grey = true, .warn = count_warning, .stop = &stop};
    CHECK(!attempt(go, &options, &e) && strstr(e.text, "stopped after 0 of 6 rows"));
    stop = 0;
    go(&options);
    CHECK(same_files(at("boxes"), at("again")));
    const char *journal = read_file(at("again/import.csv"), 1 << 20, &size);
    write_file(at("again/import.csv"), journal, size - 3);
    remove(at("again/train/happy/0000001.png")), remove(at("again/labels.csv"));
    warnings = 0;
    CHECK(import_set(&options)->kept == 3 && warnings == 2);            /* "1 of 6 are done", "skipped: f.png" */
    CHECK(same_files(at("boxes"), at("again")));
    options.says = "size = 4\n";
    CHECK(!attempt(go, &options, &e) && e.status == 2 && strstr(e.text, "other inputs or options"));
    const ImportOptions other = {.out = at("set")};
    CHECK(!attempt(go, (void *)&other, &e) && e.status == 2 && strstr(e.text, "holds other files"));
    options.out = at("none"), options.classes = "angry";
    CHECK(!attempt(go, &options, &e) && strstr(e.text, "angry"));
}

/* Three kept, one without a face, one unreadable: three of the four that could be looked at. */
static void test_share(void)
{
    const char *journal = "source,class,split,result,path\na,sad,train,kept,1\nb,sad,train,kept,2\nc,sad,train,no face,\n"
                          "d,sad,train,unreadable,\ne,sad,test,kept,3\nhalf a row\n";
    make_folder(at("told"));
    write_file(at("told/import.csv"), journal, strlen(journal));
    CHECK(import_share_with_face(at("told")) == 0.75 && isnan(import_share_with_face(at("nowhere"))));
}

/* Two imports of four rows: the second is kept by both; of the third one has no face; the fourth's picture is lost. */
static void test_compare(void)
{
    const char *folders[] = {at("left"), at("right")};
    const unsigned char *cells[9];
    for (int k = 0; k < 2; k++) {
        make_folder(folders[k]);
        Image square = new_picture(4, 4, 1);
        memset(square.pixels, 50 + 100 * k, 16);
        save_picture(own_text("%s/1.png", folders[k]), &square, NULL);
        const char *journal = own_text("source,class,split,result,path\nhalf a row\n%s,sad,train,kept,1.png\n"
                                       "b,sad,train,%s\nc,sad,train,kept,lost.png\n", at("set/a.png"),
                                       k ? "kept,1.png" : "no face,");
        write_file(own_text("%s/import.csv", folders[k]), journal, strlen(journal));
    }
    CHECK(import_compare(folders, 2, 3, 2, cells) == 1);
    CHECK(cells[1][0] == 50 && cells[1][11] == 50 && cells[2][0] == 150 && cells[0][0] > 20 && cells[0][11] > cells[0][0]);
    CHECK(import_compare(folders, 2, 0, 2, cells) == 0 && import_compare(folders, 1, 3, 2, cells) == 1);
    folders[1] = at("nowhere");
    CHECK(import_compare(folders, 2, 3, 2, cells) == 0);
}

/* The same of a video's second frame, out of a stand-in for ffmpeg whose frames are 1, 2 and 3 all over; of its fourth there
 * is nothing to compare. */
static void test_compare_frames(void)
{
    const char *folders[] = {at("left")}, *program = "#!/bin/sh\nfor i in 1 2 3; do printf \"P6 1 1 255\\n\\00$i\\00$i\\00$i\"; done\n";
    const unsigned char *cells[6];
    make_folder(at("bin")), write_file(at("bin/ffmpeg"), program, strlen(program)), chmod(at("bin/ffmpeg"), 0755);
    write_file(at("film.mp4"), "", 0);
    setenv("PATH", own_text("%s:%s", at("bin"), getenv("PATH")), 1);
    const char *journal = own_text("source,class,split,result,path\n%s#4,sad,train,kept,1.png\n%s#2,sad,train,kept,1.png\n",
                                   at("film.mp4"), at("film.mp4"));
    write_file(at("left/import.csv"), journal, strlen(journal));
    bool one = import_compare(folders, 1, 3, 2, cells) == 1;
    CHECK(one && cells[0][0] == 2 && cells[0][11] == 2 && cells[1][0] == 50);
}

int main(void)
{
    Scope all;
    enter(&all);
    if (!begin_folder("importing")) return 1;
    progress_to(NULL);
    write_set();
    test_boxes();
    test_finding();
    test_whole();
    test_annotated();
    test_resuming();
    test_share();
    test_compare();
    test_compare_frames();
    CHECK(end_folder());
    leave();
    return check_report();
}
