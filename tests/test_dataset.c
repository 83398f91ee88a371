/* test_dataset.c: vendor/dataset.h, on small data sets made here as others publish theirs: what is read, in which order, what
 * the labels and splits are, and what is refused with which words. */
#include "../vendor/all.h"
#include <sys/resource.h>
#include "check.h"
#include "folder.h"
#include "fails.h"

static int said;                        /* how many warnings there were */

__attribute__((format(printf, 1, 2))) static void count_warning(const char *format, ...) { said += *format != 0; }

static bool opens(DataSet *set, const char *path, DataOptions o)
{
    Error e = {0};
    o.warn = count_warning;
    bool ok = dataset_try(set, path, &o, &e);
    if (!ok) printf("  %s\n", e.text);
    return ok;
}

static bool refused(const char *path, DataOptions o, int status, const char *words)
{
    Error e = {0};
    DataSet set;
    bool ok = dataset_try(&set, path, &o, &e), right = !ok && e.status == status && strstr(e.text, words);
    if (!right) printf("  wanted %d '%s', got %d '%s'\n", status, words, ok ? 0 : e.status, e.text);
    return right;
}

static void open_no_part(void *path)
{
    DataSet set;
    dataset_open_part(&set, path, (DataOptions){0}, "half", NULL, 0);
}

static void check_folders(void)
{
    DataSet set;
    static const char *const parts[] = {"Train", "val"}, *const classes[] = {"Anger", "joy", "sunrise"};
    for (int s = 0; s < 2; s++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < (s ? 2 : 4 + c); i++)
                write_picture(at("deep/set/%s/%s/%d.pgm", parts[s], classes[c], i), 16, 16, 100 * s + 10 * c + i);
    write_text(at("deep/set/Train/joy/Thumbs.db"), "x");
    write_text(at("deep/set/Train/joy/.hidden.png"), "x");
    write_text(at("deep/set/labels.csv"), "path,emotion,intensity\nnone.png,happy,1\n");
    CHECK(opens(&set, at("deep/set/"), (DataOptions){0}));
    CHECK(set.count == 15 && set.n_classes == 3 && !strcmp(set.format, "image folders"));
    CHECK(!strcmp(set.class_names[0], "happy") && !strcmp(set.class_names[1], "angry") && !strcmp(set.class_names[2], "sunrise"));
    CHECK(set.label[0] == 1 && set.label[4] == 0 && set.label[14] == 2 && set.notes.count == 2);
    unsigned char pixels[256 * 3], again[256];
    Error e;
    CHECK(dataset_read(&set, 0, 16, 1, pixels, &e) && pixels[3] == pixel(0, 3));
    CHECK(opens(&set, at("deep/set"), (DataOptions){.split = SPLIT_VALIDATION, .classes = "anger, Happy"}));
    CHECK(set.count == 4 && set.label[0] == 0 && !strcmp(set.class_names[0], "angry"));
    CHECK(opens(&set, at("deep/set"), (DataOptions){.split = SPLIT_ALL, .limit = 7}) && set.count == 7);
    CHECK(set.label[0] == 1 && set.label[4] == 2 && set.split[4] == SPLIT_TRAIN && set.split[5] == SPLIT_VALIDATION);
    CHECK(refused(at("deep"), (DataOptions){0}, 1, "did you mean") && refused(at("deep/set/Train/joy"), (DataOptions){0}, 1, "deep/set?"));
    CHECK(refused("", (DataOptions){0}, 1, "no data set is named"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "angyr,joy"}, 2, "did you mean angry"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "joy,nothing like it"}, 2, "it has"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "joy"}, 1, "only one class"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "joy,,sad"}, 2, "empty") && refused(at("deep/set"), (DataOptions){.classes = "a,a"}, 2, "twice"));
    CHECK(refused(at("deep/set"), (DataOptions){.split = SPLIT_TEST}, 1, "no test pictures"));
    static const int wanted[] = {SPLIT_TEST, SPLIT_VALIDATION, SPLIT_ALL};
    dataset_open_part(&set, at("deep/set"), (DataOptions){.classes = "joy,anger"}, "", wanted, 3);      /* there is no test/ */
    CHECK(set.count == 4 && set.split[0] == SPLIT_VALIDATION);
    dataset_open_part(&set, at("deep/set"), (DataOptions){.classes = "joy,anger"}, "all", wanted, 3);
    CHECK(set.count == 4 + 5 + 4);
    CHECK(fails(open_no_part, at("deep/set"), "--split half: must be train", false));
    CHECK(refused(at("deep/set"), (DataOptions){.attributes = "Male"}, 2, "--classes"));
    CHECK(refused(at("nothing"), (DataOptions){0}, 1, "No such file") && refused(at("deep/set/Train/joy/0.pgm"), (DataOptions){0}, 2, "one picture"));
    at("hollow/x");
    CHECK(refused(at("hollow"), (DataOptions){0}, 1, "holds no pictures"));
    for (int i = 0; i < 4; i++)
        write_picture(at("kaggle/%s/%d.pgm", i == 3 ? "test" : i ? "train/sad" : "train/fear", i), 16, 16, i);
    said = 0;
    CHECK(opens(&set, at("kaggle"), (DataOptions){.split = SPLIT_ALL, .crop = 6}) && set.count == 3);       // test/ has no classes
    CHECK(said == 1 && set.passed.count == 1 && strstr(set.passed.items[0], "kaggle/test: 1 pictures are passed over"));
    CHECK(dataset_read(&set, 1, 6, 1, again, &e) && again[0] == pixel(1, 5 * 16 + 5));
    write_picture(at("flat/b.pgm"), 20, 16, 2);
    write_picture(at("flat/a.pgm"), 16, 16, 1);
    CHECK(refused(at("flat"), (DataOptions){0}, 1, "no class folders"));
    CHECK(opens(&set, at("flat"), (DataOptions){.unlabelled = 1}) && set.count == 2 && !strcmp(set.class_names[0], "all"));
    CHECK(!strcmp(set.text + set.where[0], "a.pgm"));
    CHECK(dataset_read(&set, 1, 16, 1, again, &e) && again[16] == pixel(2, 22));      // cut at x = 2
}

static void check_lists(void)
{
    DataSet set;
    for (int i = 0; i < 6; i++)
        write_picture(at("list/a, b/%d.pgm", i), 8, 8, i);
    write_text(at("list/training.csv"), "\xEF\xBB\xBFsubDirectory_filePath,face_x,expression,split\r\n\"a, b/0.pgm\",1,6,train\r\n\r\n"
               "\"a, b\\1.pgm\",1,0,val\r\n\"a, b/2.pgm\",1,7,train\r\n\"a, b/3.pgm\",1, \"Joy\" ,train\r\n\"a, b/gone.pgm\",1,1,train");
    said = 0;
    CHECK(opens(&set, at("list"), (DataOptions){0}));
    CHECK(set.count == 2 && set.dropped == 1 && set.missing == 1 && said == 2);
    CHECK(set.n_classes == 3 && set.label[0] == 2 && set.label[1] == 1 && !strcmp(set.format, "CSV list"));
    static const struct { const char *text, *words; } bad[] = {
        {"path,label\n\"a.png,1\n", "line 2: a quote"}, {"path,label\na.png,1\nb.png\n", "line 3: 1 fields"},
        {"path,label\n,1\n", "line 2: the path"}, {"path,label\na,\n", "line 2: the label"}, {"", "is no list"},
        {"path,colour\na,1\n", "is no list"}, {"path,label\n", "lists no picture"}, {"path,label\nx.png,1\ny.png,2", "none of its 2 files"},
        {"path,label,split\nx.png,1,maybe\n", "'maybe'"}, {"emotion,pixels\n1,1 2 3\n", "line 2: 3 pixels"},
        {"emotion,pixels\n1,1 2 3 256\n", "pixel 4"}, {"emotion,pixels\n1,1 2 3 4\n2,1\n", "line 3: 1 pixels"},
        {"path,label\nx.png,1\na,b.png,1\n", "line 3: 3 fields where the first row has 2"},
        {"x.png 1\na b.png 1\n", "line 2: 3 fields where the first row has 2"},
        {"emotion,pixels\n1,1 2 -3 4\n", "pixel 3"}, {"path,label\n\"a\"b,1\n", "line 2: a quote"}
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(at("bad.csv"), bad[i].text);
        CHECK(refused(at("bad.csv"), (DataOptions){0}, 1, bad[i].words));
    }
    write_text(at("list/second.csv"), "path,label\na,1\n");
    CHECK(refused(at("list"), (DataOptions){0}, 2, "holds 2 lists"));
    write_text(at("fer2013.csv"), "emotion,pixels,Usage\n0,1 2 3 4,Training\n6,5 6 7 8,Training\n3,9 10 11 255,PublicTest\n9,1 2 3 4,Training\n");
    CHECK(opens(&set, at("fer2013.csv"), (DataOptions){0}));
    unsigned char pixels[12];
    Error e;
    CHECK(set.count == 2 && set.dropped == 1 && set.n_classes == 3 && set.label[0] == 2 && set.label[1] == 0);
    CHECK(dataset_read(&set, 1, 2, 3, pixels, &e) && pixels[0] == 5 && pixels[2] == 5 && pixels[11] == 8);
}

static void join_other_list(void *set)
{
    dataset_add_list(set, at("layouts/list.txt"));
}

static bool has_note(const DataSet *set, const char *words)
{
    for (int i = 0; i < set->notes.count; i++)
        if (strstr(set->notes.items[i], words)) return true;
    return false;
}

/* Lists as others write them: each of six rows names a picture and a class, 0 1 2 0 1 2 or the like. */
static void check_layouts(void)
{
    static const char *const lists[] = {
        "path;label\nx/0.pgm;0\nx/1.pgm;1\nx/2.pgm;2\n", "image\tlabel\nx/0.pgm\t0\nx/1.pgm\t1\nx/2.pgm\t2\n",
        "image,label\nx/0.pgm,neutral\nx/1.pgm,happy\nx/2.pgm,sad\n", "filename,class\nx/0.pgm,0.0\nx/1.pgm,1.0\nx/2.pgm,2.0\n",
        "x/0.pgm 0\nx/1.pgm 1\nx/2.pgm 2\n", "x/0.pgm,neutral\nx/1.pgm,joy\nx/2.pgm,sadness", "x/0.pgm\t0\nx/1.pgm\t1\nx/2.pgm\t2\n",
        ",pth,label,relFCs\n0,x/0.pgm,neutral,0.5\n1,x/1.pgm,happy,0.5\n2,x/2.pgm,sad,1\n",
        "path,label\nx/0.pgm,0,,\nx/1.pgm,1, \nx/2.pgm,2\n", "path,label\rx/0.pgm,0\rx/1.pgm,1\rx/2.pgm,2\r",
        "sep=;\r\npath;label\r\nx/0.pgm;0\r\nx/1.pgm;1\r\nx/2.pgm;2\r\n"
    };
    DataSet set;
    for (int i = 0; i < 6; i++) write_picture(at("layouts/x/%d.pgm", i), 8, 8, i);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        write_text(at("layouts/list.txt"), lists[i]);
        bool opened = opens(&set, at("layouts/list.txt"), (DataOptions){0});
        CHECK(opened && set.count == 3 && set.n_classes == 3);
        CHECK(opened && !strcmp(set.class_names[0], "neutral") && set.label[1] == 1 && !strcmp(set.class_names[2], "sad"));
        char wide[2][400];                                      /* the same in UTF-16, little and big endian */
        for (int big = 0; big < 2; big++) {
            size_t n = strlen(lists[i]);
            wide[big][0] = big ? (char)0xFE : (char)0xFF, wide[big][1] = big ? (char)0xFF : (char)0xFE;
            for (size_t k = 0; k < n; k++) wide[big][2 + 2 * k + (size_t)big] = lists[i][k], wide[big][3 + 2 * k - (size_t)big] = 0;
            write_file(at("layouts/list.txt"), wide[big], 2 + 2 * n);
            CHECK(opens(&set, at("layouts/list.txt"), (DataOptions){0}) && set.count == 3);
        }
    }
    write_text(at("layouts/list.txt"), "face,feeling\nx/0.pgm,0\n");
    CHECK(refused(at("layouts/list.txt"), (DataOptions){0}, 1, "its first line, 'face,feeling', must name"));
    char tar[600] = "list.csv";
    memcpy(tar + 257, "ustar", 5);
    write_file(at("layouts/archive"), tar, sizeof tar);
    CHECK(refused(at("layouts/archive"), (DataOptions){0}, 1, "is an archive (tar), not a list: unpack it"));
    write_text(at("layouts/fer.csv"), "emotion,pixels\n0,1 2 3 4\n3,1 2 3 4\n");
    write_text(at("layouts/list.txt"), lists[0]);
    CHECK(opens(&set, at("layouts/fer.csv"), (DataOptions){0}) && set.raw_side == 2);
    CHECK(fails(join_other_list, &set, "only lists of one kind", false));
}

/* AffectNet's boxes: clipped, floats, and rows without. */
static void check_boxes(void)
{
    DataSet set;
    write_text(at("layouts/boxes.csv"), "subDirectory_filePath,face_x,face_y,face_width,face_height,expression\n"
               "x/0.pgm,-10,60,100.0,50,0\nx/1.pgm,1,2,3,4,1\nx/2.pgm,NULL,NULL,NULL,NULL,1\nx/3.pgm,5,5,0,9,1\nx/4.pgm,2.0,3.6,4.0,5.0,2\n");
    CHECK(opens(&set, at("layouts/boxes.csv"), (DataOptions){0}));
    CHECK(set.count == 3 && set.dropped == 2);
    const int want[3][4] = {{0, 60, 90, 110}, {1, 2, 4, 6}, {2, 4, 6, 9}};
    for (int i = 0; i < 3; i++) CHECK(memcmp(set.place[i].box, want[i], sizeof want[i]) == 0);
}

/* Class folders with folders in them, numbered ones, data sets beside each other, AffectNet's annotations. */
static void check_trees(void)
{
    static const char *const rafdb[] = {"surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"};
    DataSet set;
    for (int i = 0; i < 4; i++) write_picture(at("nest/%s/S%d/%d.pgm", i % 2 ? "anger" : "joy", i / 2, i), 8, 8, i);
    write_picture(at("nest/contempt/S1/deep/9.pgm"), 8, 8, 9);
    CHECK(opens(&set, at("nest"), (DataOptions){0}) && set.count == 5 && set.n_classes == 3);
    CHECK(has_note(&set, "folders of a class's folder") && !strcmp(set.class_names[2], "contempt"));
    for (int k = 1; k <= 7; k++) write_picture(at("raf/train/%d/train_%d.pgm", k, k), 8, 8, k);
    CHECK(opens(&set, at("raf"), (DataOptions){0}) && set.n_classes == 7 && has_note(&set, "RAF-DB's order"));
    for (int i = 0; i < 7; i++)
        CHECK(!strcmp(set.class_names[set.label[i]], rafdb[strstr(set.text + set.where[i], "train_")[6] - '1']));
    for (int i = 0; i < 4; i++) write_picture(at("numbers/%d/%d.pgm", i % 2, i), 8, 8, i);
    said = 0;
    CHECK(opens(&set, at("numbers"), (DataOptions){0}) && !strcmp(set.class_names[1], "1") && said == 1);
    CHECK(dataset_is_numbered(&set));
    for (int i = 0; i < 8; i++) write_picture(at("two/%c/train/%s/%d.pgm", "ab"[i % 2], i / 2 % 2 ? "sad" : "happy", i), 8, 8, i);
    write_picture(at("two/a/distribution.pgm"), 8, 8, 1), write_picture(at("two/b/distribution.pgm"), 8, 8, 1);
    CHECK(refused(at("two"), (DataOptions){0}, 1, "two/a?"));
    for (int i = 0; i < 3; i++) {
        char npy[80] = "\x93NUMPY\1\0\x3a\0{'descr': '<U1', 'fortran_order': False, 'shape': (), }\n";
        size_t used = 10 + strlen(npy + 10);
        npy[used] = (char)('0' + 3 * i);                            /* neutral, surprise, angry */
        write_picture(at("affect/%s/images/%d.pgm", i ? "train_set" : "val_set", i), 8, 8, i);
        write_file(at("affect/%s/annotations/%d_exp.npy", i ? "train_set" : "val_set", i), npy, used + 4);
    }
    CHECK(opens(&set, at("affect"), (DataOptions){.split = SPLIT_ALL}));
    CHECK(set.count == 3 && set.n_classes == 3 && !strcmp(set.class_names[set.label[0]], "surprise"));
    CHECK(!strcmp(set.class_names[set.label[1]], "angry") && set.split[2] == SPLIT_VALIDATION && set.split[0] == SPLIT_TRAIN);
    CHECK(!set.passed.count);
    write_picture(at("affect/train_set/images/7.pgm"), 8, 8, 7);
    CHECK(opens(&set, at("affect"), (DataOptions){.split = SPLIT_ALL}) && set.count == 3 && set.passed.count == 1);
    CHECK(strstr(set.passed.items[0], "1 pictures have no annotation and are left out, the first is images/7.pgm"));
    write_picture(at("bereft/images/7.pgm"), 8, 8, 7), at("bereft/annotations/x");
    CHECK(refused(at("bereft"), (DataOptions){0}, 1, "none of its 1 pictures has an annotation"));
}

static bool passes(const DataSet *set, const char *words)
{
    for (int i = 0; i < set->passed.count; i++)
        if (strstr(set->passed.items[i], words)) return true;
    return false;
}

/* Pictures that lie in no class of the set are told of, whatever the reason; and nothing else is. */
static void check_passed_over(void)
{
    DataSet set;
    for (int i = 0; i < 8; i++) write_picture(at("past/%s/%s/%d.pgm", i / 2 % 2 ? "dev" : "train", i % 2 ? "sad" : "happy", i), 8, 8, i);
    CHECK(opens(&set, at("past"), (DataOptions){.split = SPLIT_ALL}) && set.count == 8 && !set.passed.count);
    CHECK(dataset_count(&set, 0, SPLIT_VALIDATION) == 2);
    write_picture(at("past/distribution.pgm"), 8, 8, 1), write_text(at("past/notes/why.txt"), "x");
    CHECK(opens(&set, at("past"), (DataOptions){.split = SPLIT_ALL}) && !set.passed.count);
    write_picture(at("past/sad/1.pgm"), 8, 8, 1), write_picture(at("past/more/x/2.pgm"), 8, 8, 2), write_picture(at("past/3.pgm"), 8, 8, 3);
    said = 0;
    CHECK(opens(&set, at("past"), (DataOptions){.split = SPLIT_ALL}) && set.count == 8 && set.passed.count == 3 && said == 3);
    CHECK(passes(&set, "past/sad: its 1 pictures") && passes(&set, "past/more: its 1 pictures") && passes(&set, "past: 1 pictures beside"));
    for (int i = 0; i < 4; i++) write_picture(at("far/%s/%d.pgm", i % 2 ? "sad" : "happy", i), 8, 8, i);
    write_picture(at("far/happy/a/4.pgm"), 8, 8, 4);
    at("far/angry/x");
    CHECK(opens(&set, at("far"), (DataOptions){0}) && set.count == 5 && set.passed.count == 1 && passes(&set, "angry: no picture"));
    write_picture(at("far/happy/a/b/c/d/5.pgm"), 8, 8, 5), write_picture(at("far/sad/a/b/c/d/6.pgm"), 8, 8, 6);
    write_picture(at("far/sad/7"), 8, 8, 7), write_text(at("far/sad/README"), "x"), write_text(at("far/happy/README"), "x");
    CHECK(opens(&set, at("far"), (DataOptions){0}) && set.count == 5 && set.passed.count == 4);
    CHECK(passes(&set, "far/happy: 1 pictures are passed over, the first in ") && passes(&set, "far/happy/a/b/c/d: only"));
    CHECK(passes(&set, "far/sad: 2 files without an ending"));
    write_picture(at("far/sad/g/train/x/8.pgm"), 8, 8, 8), write_picture(at("far/own/train/x/9.pgm"), 8, 8, 9);
    CHECK(opens(&set, at("far"), (DataOptions){0}) && set.count == 6 && passes(&set, "far/own: is a data set of its own"));
    write_picture(at("bare/sad/1"), 8, 8, 1), write_picture(at("bare/happy/1"), 8, 8, 2);
    CHECK(refused(at("bare"), (DataOptions){0}, 1, "1 files without an ending"));
    write_text(at("odd/sad/1.tga"), "x"), write_text(at("odd/happy/1.PCX"), "x");
    CHECK(opens(&set, at("odd"), (DataOptions){0}) && set.count == 2);      /* to be called unreadable */
}

/* An .npy file of one item, as NumPy writes it. */
static const char *npy(const char *type, const void *item, size_t bytes)
{
    char data[200] = "\x93NUMPY\1\0\x76";
    int used = 10 + sprintf(data + 10, "{'descr': '%s', 'fortran_order': False, 'shape': (), }%40s\n", type, "");
    memcpy(data + used, item, bytes);
    write_file(at("one.npy"), data, (size_t)used + bytes);
    return at("one.npy");
}

static void read_npy(void *path) { dataset_npy(path); }

static void check_npy(void)
{
    const double three = 3, broken = 3.5, far = 1e300;
    const float less = -1;
    const int64_t six = 6;
    static const struct { const char *type, *item; size_t bytes; long number; } good[] = {
        {"<U1", "3\0\0\0", 4, 3}, {"<U3", "1\0\0\0.\0\0\0000\0\0\0", 12, 1}, {">U1", "\0\0\0" "3", 4, 3}, {"|S1", "3", 1, 3}, {"|S4", "10\0", 4, 10},
        {"|u1", "\7", 1, 7}, {"|i1", "\377", 1, -1}, {"|b1", "\1", 1, 1}, {"<i2", "\2", 2, 2}, {">i4", "\0\0\0\5", 4, 5}, {"<i4", "\377\377\377\377", 4, -1}
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(dataset_npy(npy(good[i].type, good[i].item, good[i].bytes)) == good[i].number);
    CHECK(dataset_npy(npy("<f8", &three, 8)) == 3 && dataset_npy(npy("<f4", &less, 4)) == -1 && dataset_npy(npy("<i8", &six, 8)) == 6);
    const char *bad[] = {npy("<f8", &broken, 8)};
    CHECK(fails(read_npy, bad[0], "holds no whole number", false) && fails(read_npy, npy("<f8", &far, 8), "no whole", false));
    CHECK(fails(read_npy, npy("<U1", "x\0\0", 4), "no whole", false) && fails(read_npy, npy("|O", "3", 1), "no whole", false));
    CHECK(fails(read_npy, npy("<i4", "\1\0\0\0\2\0\0", 8), "no whole", false) && fails(read_npy, npy("<f2", "\0", 2), "no whole", false));
    write_text(at("one.npy"), "3");
    CHECK(fails(read_npy, at("one.npy"), "is no .npy file", false));
}

static void read_first(void *set)
{
    unsigned char pixels[64];
    dataset_read_next(set, 0, 8, 1, pixels);
}

static void open_deep(void *path)
{
    DataSet set;
    dataset_open(&set, path, &(DataOptions){0});
}

/* Without a file descriptor left no class vanishes, no list is taken for none, and no picture is called damaged. */
static void check_machine(void)
{
    DataSet set;
    CHECK(opens(&set, at("nest"), (DataOptions){0}));
    const char *folder_path = own_text("%s", at("deep/set")), *list = own_text("%s", at("layouts/fer.csv"));
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before, none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    bool reading = fails(read_first, &set, "Too many open files", true);
    bool opening = fails(open_deep, folder_path, "Too many open files", true) && fails(open_deep, list, "Too many", true);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(reading && opening && dataset_damaged(&set) == 0);
}

static void check_attributes(void)
{
    DataSet set;
    for (int i = 1; i <= 3; i++)
        write_picture(at("celeba/img_align_celeba/00000%d.pgm", i), 8, 10, i);
    write_text(at("celeba/list_attr_celeba.txt"), "3\nMale Smiling Young \n000001.pgm -1  1 1\n000002.pgm  1 -1 1\n000003.pgm 1 1 -1 \n");
    write_text(at("celeba/list_eval_partition.txt"), "000001.pgm 0\n000002.pgm 0\n000003.pgm 1\n");
    CHECK(opens(&set, at("celeba/list_attr_celeba.txt"), (DataOptions){.attributes = "Young,Male"}));
    CHECK(set.count == 2 && set.n_classes == 2 && set.attributes[0] == ATTRIBUTE_WHOLE && set.attributes[1] == 0 &&
          set.attributes[3] == ATTRIBUTE_WHOLE);
    CHECK(refused(at("celeba"), (DataOptions){0}, 2, "--attributes Male") && refused(at("celeba"), (DataOptions){.attributes = "Old"}, 2, "no attribute 'Old'"));
    write_picture(at("shares/1.pgm"), 8, 8, 1);
    write_picture(at("shares/2.pgm"), 8, 8, 2);
    write_text(at("shares/list.csv"), "path,emotion,AU12,intensity\n1.pgm,happy,0.5,1\n2.pgm,sad,0,0.2\n");
    CHECK(opens(&set, at("shares/list.csv"), (DataOptions){.attributes = "intensity,AU12"}));
    CHECK(set.count == 2 && set.attributes[0] == ATTRIBUTE_WHOLE && set.attributes[1] == 128 && set.attributes[2] == 51 && set.attributes[3] == 0);
    dataset_part(&set, (const int[]){1, 0}, 0.5, true);          /* a chosen part keeps its pictures' numbers */
    CHECK(set.count == 1 && set.attributes[0] == 51 && strstr(set.text + set.where[0], "2.pgm"));
    CHECK(refused(at("shares/list.csv"), (DataOptions){.attributes = "emotion"}, 1, "nor between 0 and 1"));
    write_text(at("shares/attr.csv"), "image_id,Male,Smiling\n1.pgm,-1.0,True\n2.pgm,1.0,false\n");       /* through pandas */
    CHECK(opens(&set, at("shares/attr.csv"), (DataOptions){.attributes = "all"}) && set.count == 2);
    CHECK(set.attributes[0] == 0 && set.attributes[1] == ATTRIBUTE_WHOLE && set.attributes[2] == ATTRIBUTE_WHOLE && set.attributes[3] == 0);
    static const char *const odd[] = {"-1.5", "1.01", "nan", "maybe"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        write_text(at("shares/attr.csv"), own_text("image_id,Male\n1.pgm,%s\n", odd[i]));
        CHECK(refused(at("shares/attr.csv"), (DataOptions){.attributes = "Male"}, 1, "nor between 0 and 1"));
    }
    write_text(at("kaggle2/list_attr_celeba.csv"), "image_id,Male,Smiling\n000001.pgm,-1,1\n000002.pgm,1,0\n");
    write_picture(at("kaggle2/img_align_celeba/img_align_celeba/000001.pgm"), 8, 8, 1);
    write_picture(at("kaggle2/img_align_celeba/img_align_celeba/000002.pgm"), 8, 8, 1);
    write_text(at("kaggle2/list_eval_partition.csv"), "image_id,partition\n000001.pgm,0\n000002.pgm,2\n");
    CHECK(opens(&set, at("kaggle2"), (DataOptions){.attributes = "Smiling", .split = SPLIT_TEST}));
    CHECK(set.count == 1 && set.attributes[0] == 0 && strstr(set.text + set.where[0], "000002"));
    CHECK(opens(&set, at("celeba"), (DataOptions){.attributes = "Male", .split = SPLIT_ALL}) && !strcmp(set.format, "CelebA attributes"));
    CHECK(dataset_count(&set, 0, SPLIT_TRAIN) == 1 && dataset_count(&set, 0, SPLIT_VALIDATION) == 1 && dataset_count(&set, 0, SPLIT_ALL) == 2);
    write_text(at("celeba/list_eval_partition.txt"), "000001.pgm 0\n000003.pgm 1\n");
    CHECK(refused(at("celeba"), (DataOptions){.attributes = "Male"}, 1, "'000002.pgm' is not in"));
    write_text(at("celeba/list_eval_partition.txt"), "");
    CHECK(refused(at("celeba"), (DataOptions){.attributes = "Male"}, 1, "names no picture"));
}

static void check_words(void)
{
    int length;
    CHECK(dataset_emotion("ANGER") == EMOTION_ANGRY && dataset_emotion("Happiness") == EMOTION_HAPPY);
    CHECK(dataset_emotion("sunrise") == -1 && dataset_split("Val") == SPLIT_VALIDATION && dataset_split("vale") == -1);
    CHECK(dataset_frame("a/film.MP4#12", &length) == 12 && length == 10 && dataset_frame("a.png#3", NULL) == 0);
    CHECK(dataset_frame("film.mp4", NULL) == 0 && dataset_frame("film.mp4#0", NULL) == 0 && dataset_frame("#1", NULL) == 0);
    for (int i = 0; i < EMOTIONS; i++) CHECK(dataset_emotion(emotion_names[i]) == i && !strcmp(dataset_affectnet.names[i], emotion_names[i]));
    for (int i = 0; i < SPLITS; i++) CHECK(dataset_split(split_names[i]) == i);
    CHECK(dataset_is_kind("rafdb") && dataset_is_kind("folder") && !dataset_is_kind("imagenet"));
    CHECK(!strcmp(dataset_kinds(), "ferplus, rafdb, affectnet, fer2013, affwild2, folder"));
}

/* Votes: 4 of 9 are no majority; single votes do not count, so 6 of 8 are one; half is not more than half; 2 of 2. */
static void check_majority(void)
{
    static const struct { int votes[4], winner; } rows[] = {
        {{4, 3, 2, 0}, -1}, {{6, 1, 1, 2}, 0}, {{0, 5, 5, 0}, -1}, {{1, 1, 1, 1}, -1}, {{2, 1, 1, 1}, 0}, {{0, 0, 0, 10}, 3}
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) CHECK(dataset_majority(rows[i].votes, 4) == rows[i].winner);
}

typedef struct Gathering { const char *kind; char *parts[3]; int count; DataSet set; Scope *home; } Gathering;

static void gather(void *gathering)
{
    Gathering *g = gathering;
    dataset_gather(&g->set, g->kind, g->parts, g->count, &(DataOptions){.split = SPLIT_ALL, .every_label = 1, .home = g->home});
}

static bool gathers(Gathering *g)
{
    Error e = {0};
    g->home = innermost_scope();
    while (g->count < 3 && g->parts[g->count]) g->count++;
    bool ok = attempt(gather, g, &e);
    if (!ok) printf("  %s\n", e.text);
    return ok;
}

static bool class_is(const DataSet *set, int i, const char *name) { return i < set->count && !strcmp(set->class_names[set->label[i]], name); }

/* Published sets in small: what each row becomes is known from the formats' descriptions. */
static void check_published(void)
{
    static const char *const rafdb[] = {"surprise", "fear", "disgust", "happy", "sad", "angry", "neutral", "no label"};
    char path[DATASET_PATH];
    for (int i = 1; i <= 8; i++) write_picture(at("rafdb/Image/aligned/%s_%d_aligned.pgm", i < 6 ? "train" : "test", i), 8, 8, i);
    write_text(at("rafdb/EmoLabel/list.txt"), "train_1.pgm 1\ntrain_2.pgm 2\ntrain_3.pgm 3\ntrain_4.pgm 4\ntrain_5.pgm 5\ntest_6.pgm 6\ntest_7.pgm 7\ntest_8.pgm 8\n");
    Gathering g = {.kind = "rafdb", .parts = {own_text("%s", at("rafdb/EmoLabel/list.txt"))}};
    CHECK(gathers(&g) && g.set.count == 8 && !strcmp(g.set.format, "RAF-DB list") && has_note(&g.set, "1 surprise, 2 fear"));
    for (int i = 0; i < 8; i++) CHECK(class_is(&g.set, i, rafdb[i]) && g.set.split[i] == (i < 5 ? SPLIT_TRAIN : SPLIT_TEST));
    CHECK(strstr(dataset_path(&g.set, 5, path), "EmoLabel/../Image/aligned/test_6_aligned.pgm") && path_exists(path));

    write_text(at("plus/fer2013.csv"), "emotion,pixels,Usage\n0,1 2 3 4,Training\n0,5 6 7 8,PublicTest\n");
    write_text(at("plus/fer2013new.csv"), "Usage,Image name,neutral,happiness,NF\nTraining,a.png,0,7,3\nPublicTest,,1,1,8\n");
    g = (Gathering){.kind = "ferplus", .parts = {own_text("%s", at("plus"))}};
    CHECK(gathers(&g) && g.set.count == 2 && class_is(&g.set, 0, "happy") && class_is(&g.set, 1, "no face") && g.set.split[1] == SPLIT_VALIDATION);
    CHECK(g.set.raw_side == 2 && g.set.raw[g.set.where[1]] == 5 && !strcmp(strrchr(dataset_name(&g.set, 1), ','), ", picture 2"));

    write_text(at("aff/Validation_Set/v_left.txt"), "Neutral,Anger,Other\n0\n-1\n1\n2\nx\n");
    for (int i = 1; i <= 6; i++) write_picture(at("aff/frames/v/%05d.pgm", i), 8, 8, i);
    g = (Gathering){.kind = "affwild2", .parts = {own_text("%s", at("aff"))}};
    CHECK(gathers(&g) && g.set.count == 5 && class_is(&g.set, 0, "neutral") && class_is(&g.set, 1, "not annotated") && class_is(&g.set, 2, "angry"));
    CHECK(class_is(&g.set, 3, "other") && class_is(&g.set, 4, "no label") && g.set.split[0] == SPLIT_VALIDATION && g.set.place[0].half == 'l');
    CHECK(has_note(&g.set, "1 frames have no line") && strstr(dataset_path(&g.set, 2, path), "aff/frames/v/00003.pgm") && path_exists(path));

    write_text(at("net/training.csv"), "subDirectory_filePath,face_x,face_y,face_width,face_height,expression\n1.pgm,1,1,2,3,7\n");
    write_text(at("net/validation.csv"), "d/2.pgm,4,5,6,7,1.5;2.5,3,0,0\n");
    g = (Gathering){.kind = "affectnet", .parts = {own_text("%s", at("net/training.csv")), own_text("%s", at("net/validation.csv"))}};
    CHECK(gathers(&g) && g.set.count == 2 && class_is(&g.set, 0, "contempt") && class_is(&g.set, 1, "surprise") && g.set.split[1] == SPLIT_VALIDATION);
    CHECK(!memcmp(g.set.place[1].box, (const int[]){4, 5, 10, 12}, sizeof g.set.place[1].box));
    const int *sorted = dataset_sorted(&g.set);
    CHECK(sorted[0] == 1 && sorted[1] == 0);                    /* an emotion before what is none */
}

/* Whose numbers these are: the kind says it, or RAF-DB's names do; and a list of 1 to 7 is doubted. */
static void check_numbers(void)
{
    static const char *const names[4] = {"a%d.pgm", "train_%d_aligned.pgm", "test_%d.pgm", "sub/test_%d_aligned.pgm"};
    DataSet set;
    for (int n = 0; n < 4; n++) {
        char *list = own_text("image,label\n");
        for (int k = 1; k <= 7; k++) {
            const char *name = own_text(names[n], k);
            write_picture(at("whose/%s", name), 8, 8, k);
            list = own_text("%s%s,%d\n", list, name, k);
        }
        write_text(at("whose/%d_labels.csv", n), list);
        bool known = n % 2;
        const char *path = at("whose/%d_labels.csv", n);
        CHECK(opens(&set, path, (DataOptions){.split = SPLIT_ALL}) && set.count == (known ? 7 : 6));
        CHECK(has_note(&set, known ? "RAF-DB's order" : "AffectNet's order") && has_note(&set, "1 to 7, without a 0") == !known);
        CHECK(set.split[0] == (n == 3 ? SPLIT_TEST : SPLIT_TRAIN));
        Gathering g = {.kind = "rafdb", .parts = {(char *)path}};
        CHECK(gathers(&g) && g.set.count == 7 && class_is(&g.set, 0, "surprise") && class_is(&g.set, 6, "neutral"));
        CHECK(!has_note(&g.set, "1 to 7, without"));
    }
    for (int i = 0; i < 14; i++) write_picture(at("counted/%d/%d.pgm", i % 7, i), 8, 8, i);
    Gathering fer = {.kind = "fer2013", .parts = {own_text("%s", at("counted"))}}, net = {.kind = "affectnet", .parts = {fer.parts[0]}};
    CHECK(gathers(&fer) && class_is(&fer.set, 0, "angry") && class_is(&fer.set, 13, "neutral") && has_note(&fer.set, "FER2013's order"));
    CHECK(gathers(&net) && class_is(&net.set, 0, "neutral") && class_is(&net.set, 13, "angry"));
    Gathering raf = {.kind = "rafdb", .parts = {fer.parts[0]}};         /* 0 is none of RAF-DB's */
    CHECK(!gathers(&raf) && opens(&set, at("counted"), (DataOptions){0}) && dataset_is_numbered(&set));
    raf = (Gathering){.kind = "rafdb", .parts = {own_text("%s", at("rafdb"))}};
    Gathering inner = {.kind = "rafdb", .parts = {own_text("%s", at("rafdb/Image"))}};
    rename(at("rafdb/EmoLabel/list.txt"), at("rafdb/EmoLabel/list_patition_label.txt"));
    CHECK(gathers(&raf) && raf.set.count == 8 && class_is(&raf.set, 0, "surprise") && !gathers(&inner));
    Gathering two = {.kind = "folder", .parts = {own_text("%s", at("draw")), own_text("%s", at("nest"))}};
    write_picture(at("draw/happy/0.pgm"), 8, 8, 0), write_picture(at("draw/sad/5.pgm"), 8, 8, 5);
    CHECK(!gathers(&two));
}

/* The given order decides: of class 0 (pictures 0 to 4) and class 1 (5 and 6). */
static void check_choosing(void)
{
    static const int order[] = {6, 3, 1, 5, 4, 0, 2};
    DataSet set;
    for (int i = 0; i < 7; i++) write_picture(at("draw/%s/%d.pgm", i < 5 ? "happy" : "sad", i), 8, 8, i);
    const struct { double share; bool keep; int count, first[7]; } parts[] = {
        {0.5, true, 4, {3, 1, 4, 6}}, {0.5, false, 3, {0, 2, 5}}, {0, true, 0, {0}}, {1, true, 7, {3, 1, 4, 0, 2, 6, 5}}
    };
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        CHECK(opens(&set, at("draw"), (DataOptions){0}));
        dataset_part(&set, order, parts[p].share, parts[p].keep);
        CHECK(set.count == parts[p].count);
        for (int i = 0; i < set.count; i++) CHECK(strstr(dataset_name(&set, i), ".pgm")[-1] == '0' + parts[p].first[i]);
    }
    CHECK(opens(&set, at("draw"), (DataOptions){0}));
    dataset_balance(&set, order, "augment:3");
    static const int three[] = {3, 1, 4, 6, 5, 6};
    CHECK(set.count == 6);
    for (int i = 0; i < 6; i++) CHECK(strstr(dataset_name(&set, i), ".pgm")[-1] == '0' + three[i]);
    CHECK(opens(&set, at("draw"), (DataOptions){0}));
    dataset_balance(&set, order, "undersample");
    CHECK(set.count == 4 && dataset_count(&set, 1, SPLIT_ALL) == 2);
    CHECK(opens(&set, at("draw"), (DataOptions){.limit = 3}));  /* every 7/3-rd: 0, 2, 4 */
    CHECK(set.count == 3 && strstr(dataset_name(&set, 1), "/2.pgm") && strstr(dataset_name(&set, 2), "/4.pgm"));
}

static void look_at(void *set) { dataset_look(set); }

/* Damaged pictures, the next one in their place, and repeats. */
static void check_damage(void)
{
    DataSet set;
    unsigned char pixels[64];
    for (int i = 0; i < 6; i++) write_picture(at("hurt/%s/%d.pgm", i < 4 ? "happy" : "sad", i), 8, 8, i == 5 ? 0 : i);
    write_text(at("hurt/happy/1.pgm"), "");
    write_text(at("hurt/happy/2.pgm"), "not a picture");
    write_text(at("hurt/sad/6.pgm"), "P5 2 1 255 aa");
    CHECK(opens(&set, at("hurt"), (DataOptions){0}) && set.count == 7);
    said = 0;
    CHECK(dataset_read_next(&set, 1, 8, 1, pixels) == 3 && pixels[9] == pixel(3, 9) && said == 2 && dataset_damaged(&set) == 2);
    CHECK(dataset_read_next(&set, 1, 8, 1, pixels) == 3 && said == 2 && dataset_readable(&set, 2) == 3);
    Error e;
    volatile sig_atomic_t stop = 1;
    set.options.stop = &stop;
    CHECK(!attempt(look_at, &set, &e) && e.status == 1 && strstr(e.text, "stopped after 0 of 7 pictures"));
    stop = 0;
    const DataLook *looks = dataset_look(&set);
    CHECK(!looks[1].readable && strstr(looks[1].why, "1.pgm") && !looks[2].readable && looks[3].readable && looks[3].width == 8);
    CHECK(looks[5].twin == 0 && looks[0].twin == 0 && looks[3].twin == 3 && looks[6].look.flat && looks[6].width == 2 && looks[6].height == 1);
    const bool *keep = dataset_clean(&set, looks);              /* 0 and 5 contradict each other */
    for (int i = 0; i < 7; i++) CHECK(keep[i] == (i == 3 || i == 4));
    for (int i = 0; i < 5; i++) write_text(at("hurt/%s/%d.pgm", i < 4 ? "happy" : "sad", i), "");
    CHECK(opens(&set, at("hurt"), (DataOptions){0}) && fails(read_first, &set, "cannot be read", false));
}

/* Of equal pictures one stays, the later part's; a labels.csv beside them is held against the folder. */
static void check_cleaning(void)
{
    DataSet set, clean;
    static const char *const names[] = {"train/happy/0", "train/happy/1", "train/sad/2", "train/sad/3", "test/happy/4", "val/happy/5"};
    static const int seeds[] = {1, 2, 3, 2, 1, 1};              /* 0 4 5 repeat each other; 1 and 3 differ in their label */
    for (int i = 0; i < 6; i++) write_picture(at("clean/%s.pgm", names[i]), 8, 8, seeds[i]);
    write_text(at("clean/labels.csv"), "label,path\nhappy,train/happy/0.pgm\nshort\nsad,train/sad/2.pgm\nsad,gone.pgm\n");
    CHECK(opens(&set, at("clean"), (DataOptions){.split = SPLIT_ALL}) && set.count == 6);
    CHECK(dataset_write(&set, dataset_clean(&set, dataset_look(&set)), at("clean.csv")) == 2);
    CHECK(opens(&clean, at("clean.csv"), (DataOptions){.split = SPLIT_ALL}) && clean.count == 2 && clean.n_classes == 2);
    CHECK(strstr(dataset_name(&clean, 0), "test/happy/4.pgm") && clean.split[0] == SPLIT_TEST && class_is(&clean, 0, "happy"));
    CHECK(strstr(dataset_name(&clean, 1), "train/sad/2.pgm") && clean.split[1] == SPLIT_TRAIN && class_is(&clean, 1, "sad"));
    Names lost = {0}, strays = {0};
    dataset_strays(&set, &lost, &strays);
    CHECK(lost.count == 1 && !strcmp(lost.items[0], "gone.pgm") && strays.count == 4 && strstr(strays.items[1], "happy/1.pgm"));
    lost = strays = (Names){0};
    dataset_strays(&clean, &lost, &strays);
    CHECK(!lost.count && !strays.count);
}

static void names_of(void *set) { dataset_check_names(set, 2, 8); }

/* Whether the names of two classes may be written into a list. */
static bool names_pass(DataSet set, char *second, int n)
{
    Error e;
    char *names[3] = {"calm", second, "sad"};
    set.class_names = names, set.n_classes = n;
    return attempt(names_of, &set, &e);
}

static void check_find(void)
{
    static char *const odd[] = {"", " glad", "glad ", "a,b", "a\"b", "a\nb", "s\377ad", "nineteen!"};
    int label[] = {1, 0, 1};
    DataSet set = {.count = 3, .label = label};
    CHECK(dataset_find(&set, 1, 0) == 0 && dataset_find(&set, 1, 1) == 2 && dataset_find(&set, 0, 0) == 1);
    CHECK(dataset_find(&set, 1, 2) == -1 && dataset_find(&set, 2, 0) == -1);
    unsigned char shares[3];
    set.attributes = shares;
    CHECK(dataset_find(&set, 1, 1) == 1 && dataset_find(&set, 0, 3) == -1);
    CHECK(names_pass(set, "glad too", 2) && names_pass(set, "gl\xc3\xbc", 2) && !names_pass(set, "glad", 3));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) CHECK(!names_pass(set, odd[i], 2));
}

static void join(void *sets) { dataset_join(sets, 2, at("joined.csv")); }

/* Two sets as one list, each picture with its own split; rows of numbers are no files. */
static void check_join(void)
{
    DataSet a, b, both, *sets[2] = {&a, &b};
    Error e;
    for (int i = 0; i < 4; i++) write_picture(at("join/%s/%s/%d.pgm", i < 2 ? "one/train" : "two/test", i % 2 ? "happy" : "sad", i), 4, 4, i);
    const DataOptions all = {.split = SPLIT_ALL, .warn = count_warning};
    CHECK(dataset_try(&a, at("join/one"), &all, &e) && dataset_try(&b, at("join/two"), &all, &e));
    join(sets);
    CHECK(dataset_try(&both, at("joined.csv"), &all, &e) && both.count == 4 && both.n_classes == 2);
    CHECK(dataset_count(&both, 0, SPLIT_TRAIN) == 1 && dataset_count(&both, 1, SPLIT_TEST) == 1);
    b.raw = (void *)"";
    CHECK(!attempt(join, sets, &e) && e.status == 2 && strstr(e.text, "only pictures in files"));
}

int main(void)
{
    Scope all;
    enter(&all);
    if (!begin_folder("dataset")) return 1;
    check_words();
    check_find();
    check_majority();
    check_folders();
    check_lists();
    check_layouts();
    check_boxes();
    check_attributes();
    check_trees();
    check_passed_over();
    check_npy();
    check_published();
    check_numbers();
    check_choosing();
    check_damage();
    check_cleaning();
    check_machine();
    check_join();
    CHECK(end_folder());
    leave();
    return check_report();
}
