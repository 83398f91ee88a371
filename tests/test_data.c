/* test_data.c: the readers, augmentation, the loader and the data doctor, on small data sets made here. Warnings of the program go
 * to a file beside them, where they are counted. */
#include "library.h"
#include "check.h"

/* ---- a folder with small pictures ---- */
static char folder[64];

__attribute__((format(printf, 1, 2))) static const char *at(const char *format, ...)
{
    static char path[4][400];
    static int turn;
    char *to = path[turn++ % 4];
    int n = snprintf(to, 400, "%s/", folder);
    va_list list;
    va_start(list, format);
    vsnprintf(to + n, 400 - (size_t)n, format, list);
    va_end(list);
    for (char *c = to + 1; *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(to, 0777);
            *c = '/';
        }
    return to;
}

/* How many lines the program has written to stderr since the last call. */
static int warnings(void)
{
    static long seen;
    int lines = 0;
    FILE *file = fopen(at("stderr"), "r");
    if (!file) return -1;
    fseek(file, seen, SEEK_SET);
    for (int c; (c = fgetc(file)) != EOF; seen++) lines += c == '\n';
    fclose(file);
    return lines;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
}

/* A grey PNM whose pixels are drawn from `seed`. */
static void write_picture(const char *path, int width, int height, int seed)
{
    FILE *f = fopen(path, "wb");
    fprintf(f, "P5\n%d %d\n255\n", width, height);
    for (int i = 0; i < width * height; i++)
        putc((int)(draw((uint64_t)seed, 7, (uint64_t)i, 0) * 256), f);
    fclose(f);
}

static int refused(const char *path, DataOptions o, int status, const char *words)
{
    Error e = {0};
    DataSet set;
    int ok = dataset_open(&set, path, &o, &e);
    if (ok)
        dataset_close(&set);
    if (ok || e.status != status || !strstr(e.text, words))
        printf("  wanted %d '%s', got %d '%s'\n", status, words, ok ? 0 : e.status, e.text);
    return !ok && e.status == status && strstr(e.text, words);
}

/* ---- what a scope owns ---- */
static void take_names(void *context)
{
    *(Names *)context = parse_names("a, b,c ", "letters");
    Names *letters = context;
    Scope inner;
    enter(&inner);
    for (int i = 0; i < 40; i++) names_add(letters, own_text("%d", i));      /* they outlive the scope they are made in */
    leave();
    CHECK(letters->count == 43 && !strcmp(letters->items[1], "b") && !strcmp(letters->items[42], "39"));
    CHECK(names_find(letters, "C") == 2 && names_find(letters, "d") == -1 && !strcmp(joined(letters->items, 3), "a, b, c"));
    CHECK(strlen(joined(letters->items, 43)) < 310);
}

static void take_listing(void *path)
{
    Names names = list_folder(path, NAMES_PICTURES);
    CHECK(names.count == 2 && !strcmp(names.items[0], "a.pgm") && !strcmp(names.items[1], "b.pgm"));
    CHECK(list_folder(own_text("%s/a.pgm", (char *)path), NAMES_LISTS).count == 0 && is_folder(path));
    CHECK(list_folder(own_text("%s/gone", (char *)path), NAMES_LISTS).count == 0 && !path_exists(own_text("%s/gone", (char *)path)));
}

static void take_picture(void *path)
{
    Error why;
    Image picture, small;
    CHECK(try_picture(path, 1, &picture, &why));
    CHECK(picture.width == 8 && picture.height == 6 && picture.pixels[7] == (int)(draw(5, 7, 7, 0) * 256));
    small = resize_picture(&picture, 4, 3);
    CHECK(small.width == 4 && picture_bytes(&small) == 12);
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

static bool fails(void (*work)(void *), const void *context, const char *words, bool machine)
{
    Error e = {0};
    bool done = attempt(work, (void *)context, &e);
    if (done || !strstr(e.text, words)) printf("  wanted '%s', got '%s'\n", words, e.text);
    return !done && strstr(e.text, words) && e.machine == machine;
}

/* Without a file descriptor left a folder is not empty and a picture not damaged. */
static void check_owning(void)
{
    Error e = {0};
    Names names;
    write_picture(at("own/b.pgm"), 8, 6, 5), write_picture(at("own/a.pgm"), 8, 6, 5), write_text(at("own/c.txt"), "P5");
    CHECK(attempt(take_names, &names, &e) && attempt(take_listing, (void *)at("own"), &e));
    CHECK(attempt(take_picture, (void *)at("own/b.pgm"), &e) && fails(take_damaged, at("own/c.txt"), "own/c.txt", false));
    CHECK(fails(write_twice, at("own/d.txt"), "amid", false) && fails(read_back, at("own/d.txt"), "works here", false));
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before, none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    bool listing = fails(take_listing, at("own"), "Too many open files", true);
    bool picture = fails(take_picture, at("own/b.pgm"), "Too many open files", true);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(listing && picture);
}

static void check_words(void)
{
    CHECK(spelled(emotion_spellings, "ANGER") == EMOTION_ANGRY && spelled(emotion_spellings, "Happiness") == EMOTION_HAPPY);
    CHECK(spelled(emotion_spellings, "sunrise") == -1 && spelled(split_spellings, "Val") == SPLIT_VALIDATION);
    CHECK(halvings(128) == 6 && halvings(48) == 4 && halvings(256) == 6 && halvings(50) == 1 && halvings(1) == 0 && halvings(160) == 5);
}

static void check_folders(void)
{
    Error e = {0};
    DataSet set;
    static const char *const parts[] = {"Train", "val"}, *const classes[] = {"Anger", "joy", "sunrise"};
    for (int s = 0; s < 2; s++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < (s ? 2 : 4 + c); i++)
                write_picture(at("deep/set/%s/%s/%d.pgm", parts[s], classes[c], i), 16, 16, 100 * s + 10 * c + i);
    write_text(at("deep/set/Train/joy/Thumbs.db"), "x");
    write_text(at("deep/set/Train/joy/.hidden.png"), "x");
    write_text(at("deep/set/labels.csv"), "path,emotion,intensity\nnone.png,happy,1\n");
    CHECK_MSG(dataset_open(&set, at("deep/set/"), &(DataOptions){0}, &e), "%.400s", e.text);
    CHECK(set.count == 15 && set.n_classes == 3 && !strcmp(set.format, "image folders"));
    CHECK(!strcmp(set.class_names[0], "happy") && !strcmp(set.class_names[1], "angry") && !strcmp(set.class_names[2], "sunrise"));
    CHECK(set.label[0] == 1 && set.label[4] == 0 && set.label[14] == 2 && set.notes.count == 2);
    unsigned char pixels[256 * 3], again[256];
    CHECK(dataset_read(&set, 0, 16, 1, pixels, &e) && pixels[3] == (int)(draw(0, 7, 3, 0) * 256));
    dataset_close(&set);
    CHECK(dataset_open(&set, at("deep/set"), &(DataOptions){.split = SPLIT_VALIDATION, .classes = "anger, Happy"}, &e));
    CHECK(set.count == 4 && set.label[0] == 0 && !strcmp(set.class_names[0], "angry"));
    dataset_close(&set);
    CHECK(dataset_open(&set, at("deep/set"), &(DataOptions){.split = SPLIT_ALL, .limit = 7}, &e) && set.count == 7);
    CHECK(set.label[0] == 1 && set.label[4] == 2 && set.split[4] == SPLIT_TRAIN && set.split[5] == SPLIT_VALIDATION);
    dataset_close(&set);
    CHECK(refused(at("deep"), (DataOptions){0}, 1, "did you mean") && refused(at("deep/set/Train/joy"), (DataOptions){0}, 1, "deep/set?"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "angyr,joy"}, 2, "did you mean angry"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "joy,nothing like it"}, 2, "it has"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "joy"}, 1, "only one class"));
    CHECK(refused(at("deep/set"), (DataOptions){.classes = "joy,,sad"}, 2, "empty") && refused(at("deep/set"), (DataOptions){.classes = "a,a"}, 2, "twice"));
    CHECK(refused(at("deep/set"), (DataOptions){.split = SPLIT_TEST}, 1, "no test pictures"));
    CHECK(refused(at("deep/set"), (DataOptions){.attributes = "Male"}, 2, "--classes"));
    CHECK(refused(at("nothing"), (DataOptions){0}, 1, "No such file") && refused(at("deep/set/Train/joy/0.pgm"), (DataOptions){0}, 2, "one picture"));
    at("hollow/x");
    CHECK(refused(at("hollow"), (DataOptions){0}, 1, "holds no pictures"));
    for (int i = 0; i < 4; i++)
        write_picture(at("kaggle/%s/%d.pgm", i == 3 ? "test" : i ? "train/sad" : "train/fear", i), 16, 16, i);
    CHECK(dataset_open(&set, at("kaggle"), &(DataOptions){.split = SPLIT_ALL, .crop = 6}, &e) && set.count == 3);       // test/ has no classes
    CHECK(dataset_read(&set, 1, 6, 1, again, &e) && again[0] == (int)(draw(1, 7, 5 * 16 + 5, 0) * 256));
    dataset_close(&set);
    write_picture(at("flat/b.pgm"), 20, 16, 2);
    write_picture(at("flat/a.pgm"), 16, 16, 1);
    CHECK(refused(at("flat"), (DataOptions){0}, 1, "no class folders"));
    CHECK(dataset_open(&set, at("flat"), &(DataOptions){.unlabelled = 1}, &e) && set.count == 2 && !strcmp(set.class_names[0], "all"));
    CHECK(!strcmp(set.text + set.where[0], "a.pgm"));
    CHECK(dataset_read(&set, 1, 16, 1, again, &e) && again[16] == (int)(draw(2, 7, 22, 0) * 256));      // cut at x = 2
    dataset_close(&set);
}

static void check_lists(void)
{
    Error e = {0};
    DataSet set;
    for (int i = 0; i < 6; i++)
        write_picture(at("list/a, b/%d.pgm", i), 8, 8, i);
    write_text(at("list/training.csv"), "\xEF\xBB\xBFsubDirectory_filePath,face_x,expression,split\r\n\"a, b/0.pgm\",1,6,train\r\n\r\n"
               "\"a, b\\1.pgm\",1,0,val\r\n\"a, b/2.pgm\",1,7,train\r\n\"a, b/3.pgm\",1, \"Joy\" ,train\r\n\"a, b/gone.pgm\",1,1,train");
    warnings();
    CHECK_MSG(dataset_open(&set, at("list"), &(DataOptions){0}, &e), "%.400s", e.text);
    CHECK(set.count == 2 && set.dropped == 1 && set.missing == 1 && warnings() == 2);
    CHECK(set.n_classes == 3 && set.label[0] == 2 && set.label[1] == 1 && !strcmp(set.format, "CSV list"));
    dataset_close(&set);
    static const struct { const char *text, *words; } bad[] = {
        {"path,label\n\"a.png,1\n", "line 2: a quote"}, {"path,label\na.png,1\nb.png\n", "line 3: 1 fields"},
        {"path,label\n,1\n", "line 2: the path"}, {"path,label\na,\n", "line 2: the label"}, {"", "is no list"},
        {"path,colour\na,1\n", "is no list"}, {"path,label\n", "lists no picture"}, {"path,label\nx.png,1\ny.png,2", "none of its 2 files"},
        {"path,label,split\nx.png,1,maybe\n", "'maybe'"}, {"emotion,pixels\n1,1 2 3\n", "line 2: 3 pixels"},
        {"emotion,pixels\n1,1 2 3 256\n", "pixel 4"}, {"emotion,pixels\n1,1 2 3 4\n2,1\n", "line 3: 1 pixels"},
        {"emotion,pixels\n1,1 2 -3 4\n", "pixel 3"}, {"path,label\n\"a\"b,1\n", "line 2: a quote"}
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(at("bad.csv"), bad[i].text);
        CHECK(refused(at("bad.csv"), (DataOptions){0}, 1, bad[i].words));
    }
    write_text(at("list/second.csv"), "path,label\na,1\n");
    CHECK(refused(at("list"), (DataOptions){0}, 2, "holds 2 lists"));
    write_text(at("fer2013.csv"), "emotion,pixels,Usage\n0,1 2 3 4,Training\n6,5 6 7 8,Training\n3,9 10 11 255,PublicTest\n9,1 2 3 4,Training\n");
    CHECK_MSG(dataset_open(&set, at("fer2013.csv"), &(DataOptions){0}, &e), "%.400s", e.text);
    unsigned char pixels[12];
    CHECK(set.count == 2 && set.dropped == 1 && set.n_classes == 3 && set.label[0] == 2 && set.label[1] == 0);
    CHECK(dataset_read(&set, 1, 2, 3, pixels, &e) && pixels[0] == 5 && pixels[2] == 5 && pixels[11] == 8);
    dataset_close(&set);
}

static void join_other_list(void *set)
{
    add_list(set, at("layouts/list.txt"), &(DataOptions){0});
}

typedef struct Doctoring { const char *path; int size, json; const char *fix; } Doctoring;

static void doctor_work(void *context)
{
    const Doctoring *d = context;
    examine_dataset(d->path, &(DataOptions){0}, d->size, d->json, d->fix);
}

/* Runs the doctor with its output in a file, and tells whether it says all the words. */
static int doctor_says(const char *path, int size, int json, int ok, const char *const *words)
{
    static char text[20000];
    Error e = {0};
    const char *file = at("doctor.txt");
    fflush(stdout);
    int out = dup(1);
    if (!freopen(file, "wb", stdout))
        return 0;
    Doctoring d = {path, size, json, ""};
    int got = attempt(doctor_work, &d, &e), all = got == ok;
    fflush(stdout);
    dup2(out, 1);
    close(out);
    FILE *f = fopen(file, "rb");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    for (; *words; words++)
        if (!strstr(text, *words)) {
            printf("  missing '%s' in: %s\n", *words, text);
            all = 0;
        }
    return all;
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
        ",pth,label,relFCs\n0,x/0.pgm,neutral,0.5\n1,x/1.pgm,happy,0.5\n2,x/2.pgm,sad,1\n"
    };
    Error e = {0};
    DataSet set;
    for (int i = 0; i < 6; i++) write_picture(at("layouts/x/%d.pgm", i), 8, 8, i);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        write_text(at("layouts/list.txt"), lists[i]);
        bool opened = dataset_open(&set, at("layouts/list.txt"), &(DataOptions){0}, &e);
        CHECK_MSG(opened && set.count == 3 && set.n_classes == 3, "list %d: %.400s", (int)i, e.text);
        CHECK(opened && !strcmp(set.class_names[0], "neutral") && set.label[1] == 1 && !strcmp(set.class_names[2], "sad"));
        char wide[2][400];                                      /* the same in UTF-16, little and big endian */
        for (int big = 0; big < 2; big++) {
            size_t n = strlen(lists[i]);
            wide[big][0] = big ? (char)0xFE : (char)0xFF, wide[big][1] = big ? (char)0xFF : (char)0xFE;
            for (size_t k = 0; k < n; k++) wide[big][2 + 2 * k + (size_t)big] = lists[i][k], wide[big][3 + 2 * k - (size_t)big] = 0;
            write_file(at("layouts/list.txt"), wide[big], 2 + 2 * n);
            CHECK_MSG(dataset_open(&set, at("layouts/list.txt"), &(DataOptions){0}, &e) && set.count == 3, "%.400s", e.text);
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
    CHECK(dataset_open(&set, at("layouts/fer.csv"), &(DataOptions){0}, &e) && set.raw_side == 2);
    CHECK(fails(join_other_list, &set, "only lists of one kind", false));
}

/* AffectNet's boxes: clipped, floats, and rows without. */
static void check_boxes(void)
{
    Error e = {0};
    DataSet set;
    write_text(at("layouts/boxes.csv"), "subDirectory_filePath,face_x,face_y,face_width,face_height,expression\n"
               "x/0.pgm,-10,60,100.0,50,0\nx/1.pgm,1,2,3,4,1\nx/2.pgm,NULL,NULL,NULL,NULL,1\nx/3.pgm,5,5,0,9,1\nx/4.pgm,2.0,3.6,4.0,5.0,2\n");
    CHECK_MSG(dataset_open(&set, at("layouts/boxes.csv"), &(DataOptions){0}, &e), "%.400s", e.text);
    CHECK(set.count == 3 && set.dropped == 2);
    const int want[3][4] = {{0, 60, 90, 110}, {1, 2, 4, 6}, {2, 4, 6, 9}};
    for (int i = 0; i < 3; i++) CHECK(memcmp(set.place[i].box, want[i], sizeof want[i]) == 0);
}

/* Class folders with folders in them, numbered ones, data sets beside each other, AffectNet's annotations. */
static void check_trees(void)
{
    static const char *const rafdb[] = {"surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"};
    Error e = {0};
    DataSet set;
    for (int i = 0; i < 4; i++) write_picture(at("nest/%s/S%d/%d.pgm", i % 2 ? "anger" : "joy", i / 2, i), 8, 8, i);
    write_picture(at("nest/contempt/S1/deep/9.pgm"), 8, 8, 9);
    CHECK(dataset_open(&set, at("nest"), &(DataOptions){0}, &e) && set.count == 5 && set.n_classes == 3);
    CHECK(has_note(&set, "folders of a class's folder") && !strcmp(set.class_names[2], "contempt"));
    for (int k = 1; k <= 7; k++) write_picture(at("raf/train/%d/train_%d.pgm", k, k), 8, 8, k);
    CHECK(dataset_open(&set, at("raf"), &(DataOptions){0}, &e) && set.n_classes == 7 && has_note(&set, "RAF-DB's order"));
    for (int i = 0; i < 7; i++)
        CHECK(!strcmp(set.class_names[set.label[i]], rafdb[strstr(set.text + set.where[i], "train_")[6] - '1']));
    for (int i = 0; i < 4; i++) write_picture(at("numbers/%d/%d.pgm", i % 2, i), 8, 8, i);
    warnings();
    CHECK(dataset_open(&set, at("numbers"), &(DataOptions){0}, &e) && !strcmp(set.class_names[1], "1") && warnings() == 1);
    CHECK(doctor_says(at("numbers"), 0, 0, 1, (const char *[]){"the classes are called 0, 1", NULL}));
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
    CHECK_MSG(dataset_open(&set, at("affect"), &(DataOptions){.split = SPLIT_ALL}, &e), "%.400s", e.text);
    CHECK(set.count == 3 && set.n_classes == 3 && !strcmp(set.class_names[set.label[0]], "surprise"));
    CHECK(!strcmp(set.class_names[set.label[1]], "angry") && set.split[2] == SPLIT_VALIDATION && set.split[0] == SPLIT_TRAIN);
}

static void read_first(void *set)
{
    unsigned char pixels[64];
    dataset_read_next(set, 0, 8, 1, pixels);
}

static void open_deep(void *path)
{
    DataSet set;
    open_dataset(&set, path, &(DataOptions){0});
}

/* Without a file descriptor left no class vanishes, no list is taken for none, and no picture is called damaged. */
static void check_machine(void)
{
    Error e = {0};
    DataSet set;
    CHECK(dataset_open(&set, at("nest"), &(DataOptions){0}, &e));
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
    Error e = {0};
    DataSet set;
    for (int i = 1; i <= 3; i++)
        write_picture(at("celeba/img_align_celeba/00000%d.pgm", i), 8, 10, i);
    write_text(at("celeba/list_attr_celeba.txt"), "3\nMale Smiling Young \n000001.pgm -1  1 1\n000002.pgm  1 -1 1\n000003.pgm 1 1 -1 \n");
    write_text(at("celeba/list_eval_partition.txt"), "000001.pgm 0\n000002.pgm 0\n000003.pgm 1\n");
    CHECK_MSG(dataset_open(&set, at("celeba/list_attr_celeba.txt"), &(DataOptions){.attributes = "Young,Male"}, &e), "%.400s", e.text);
    CHECK(set.count == 2 && set.n_classes == 2 && set.attributes[0] == ATTRIBUTE_WHOLE && set.attributes[1] == 0 &&
          set.attributes[3] == ATTRIBUTE_WHOLE);
    Loader *l = new_loader(&set, 2, 8, 1, &(Augment){0}, 3, 0);
    static real x[128];
    int label[2];
    uint8_t attributes[4];
    next_batch(l, x, label, attributes);
    CHECK(attributes[0] == ATTRIBUTE_WHOLE && attributes[1] + attributes[3] == ATTRIBUTE_WHOLE);
    stop_loader(l);
    dataset_close(&set);
    CHECK(refused(at("celeba"), (DataOptions){0}, 2, "--attributes Male") && refused(at("celeba"), (DataOptions){.attributes = "Old"}, 2, "no attribute 'Old'"));
    write_picture(at("shares/1.pgm"), 8, 8, 1);
    write_picture(at("shares/2.pgm"), 8, 8, 2);
    write_text(at("shares/list.csv"), "path,emotion,AU12,intensity\n1.pgm,happy,0.5,1\n2.pgm,sad,0,0.2\n");
    CHECK_MSG(dataset_open(&set, at("shares/list.csv"), &(DataOptions){.attributes = "intensity,AU12"}, &e), "%.400s", e.text);
    CHECK(set.count == 2 && set.attributes[0] == ATTRIBUTE_WHOLE && set.attributes[1] == 128 && set.attributes[2] == 51 && set.attributes[3] == 0);
    dataset_part(&set, 0.5, 1, true);                                   /* a chosen part keeps its pictures' numbers */
    CHECK(set.count == 1 && set.attributes[1] == (strstr(set.text + set.where[0], "1.pgm") ? 128 : 0));
    dataset_close(&set);
    CHECK(refused(at("shares/list.csv"), (DataOptions){.attributes = "emotion"}, 1, "nor between 0 and 1"));
    write_text(at("kaggle2/list_attr_celeba.csv"), "image_id,Male,Smiling\n000001.pgm,-1,1\n000002.pgm,1,0\n");
    write_picture(at("kaggle2/img_align_celeba/img_align_celeba/000001.pgm"), 8, 8, 1);
    write_picture(at("kaggle2/img_align_celeba/img_align_celeba/000002.pgm"), 8, 8, 1);
    write_text(at("kaggle2/list_eval_partition.csv"), "image_id,partition\n000001.pgm,0\n000002.pgm,2\n");
    CHECK_MSG(dataset_open(&set, at("kaggle2"), &(DataOptions){.attributes = "Smiling", .split = SPLIT_TEST}, &e), "%.400s", e.text);
    CHECK(set.count == 1 && set.attributes[0] == 0 && strstr(set.text + set.where[0], "000002"));
    dataset_close(&set);
    CHECK(doctor_says(at("celeba"), 0, 1, 1, (const char *[]){"CelebA attributes", "\"Male\": {\"train\": 1, \"validation\": 1", NULL}));
    write_text(at("celeba/list_eval_partition.txt"), "000001.pgm 0\n000003.pgm 1\n");
    CHECK(refused(at("celeba"), (DataOptions){.attributes = "Male"}, 1, "'000002.pgm' is not in"));
}

static void check_augment(void)
{
    enum { P = 16 };
    unsigned char in[P * P * 3];
    static real a[P * P * 3], b[P * P * 3];
    for (int i = 0; i < P * P * 3; i++)
        in[i] = (unsigned char)(draw(1, 1, (uint64_t)i, 0) * 256);
    for (double x = -5; x < 5; x += 0.37)
        CLOSE(sine(x), sin(x), 1e-12);
    augment_picture(in, P, 3, &(Augment){0}, 1, 1, a);
    double worst = 0;
    for (int i = 0; i < P * P * 3; i++)
        worst = fmax(worst, fabs(a[i] - (in[i] / 127.5 - 1)));
    CLOSE(worst, 0, 1e-6);
    augment_picture(in, P, 3, &(Augment){.zoom_low = 1, .zoom_high = 1}, 1, 1, b);      // a warp that changes nothing
    for (int i = 0; i < P * P * 3; i++)
        worst = fmax(worst, fabs(a[i] - b[i]));
    CLOSE(worst, 0, 1e-5);
    int mirrored = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        augment_picture(in, P, 3, &(Augment){.flip = 1}, 5, k, b);
        int is = b[0] == a[(P - 1) * 3] && b[4] == a[(P - 2) * 3 + 1];
        CHECK(is || b[0] == a[0]);
        mirrored += is;
    }
    CHECK(mirrored > 420 && mirrored < 580);
    augment_picture(in, P, 3, &(Augment){.flip = 1, .rotate_degrees = 7.5f, .shift = 7.5f / 128, .zoom_low = 1.075f, .zoom_high = 1.15f}, 5, 9, a);
    augment_picture(in, P, 3, &(Augment){.flip = 1, .rotate_degrees = 7.5f, .shift = 7.5f / 128, .zoom_low = 1.075f, .zoom_high = 1.15f}, 5, 9, b);
    CHECK(memcmp(a, b, sizeof a) == 0);
    for (int i = 0; i < P * P * 3; i++)
        CHECK(a[i] >= -1 && a[i] <= 1);
    memset(in, 255, sizeof in);
    augment_picture(in, P, 1, &(Augment){.zoom_low = 0.5f, .zoom_high = 0.5f}, 1, 1, a);   // half the size: black around
    CHECK(a[0] == -1 && a[8 * P + 8] == 1 && a[P * P - 1] == -1);
    augment_picture(in, P, 1, &(Augment){.shift = 1}, 1, 2, a);
    double mean = 0;
    for (int i = 0; i < P * P; i++)
        mean += a[i] / (P * P);
    double covered = (1 - fabs(2 * draw(1, STREAM_AUGMENT, 2, 2) - 1)) * (1 - fabs(2 * draw(1, STREAM_AUGMENT, 2, 3) - 1));
    CLOSE(mean, 2 * covered - 1, 0.12);
    memset(in, 128, sizeof in);
    double darkest = 1, lightest = -1, hidden = 0;
    int rectangles = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        augment_picture(in, P, 1, &(Augment){.brightness = 0.1f, .contrast = 0.5f}, 5, k, a);
        darkest = fmin(darkest, a[0]), lightest = fmax(lightest, a[0]);
        augment_picture(in, P, 1, &(Augment){.erase = 0.4f}, 5, k, a);
        int changed = 0;
        for (int i = 0; i < P * P; i++) changed += fabs(a[i] - (128 / 127.5 - 1)) > 1e-6;
        rectangles += changed > 0, hidden = fmax(hidden, changed / (double)(P * P));
    }
    CHECK(darkest < -0.19 && darkest > -0.21 && lightest > 0.19 && lightest < 0.21);    // of the range, which is two wide
    CHECK(rectangles > 330 && rectangles < 470);
    CHECK(hidden > 0.2 && hidden < 0.3);
    for (int i = 0; i < P * P; i++) in[i] = i % 2 ? 255 : 0;
    augment_picture(in, P, 1, &(Augment){.contrast = 0.5f}, 5, 1, a);
    CLOSE(a[0], -fmin(1, 0.5 + draw(5, STREAM_AUGMENT, 1, 6)), 1e-6);
}

static void pause_a_little(int milliseconds)
{
    usleep((useconds_t)milliseconds * 1000);
}

enum { N = 4, SIDE = 12, BATCHES = 23 };
static real batches[BATCHES][N * SIDE * SIDE], later[N * SIDE * SIDE];
static int labels[BATCHES][N], later_label[N];

typedef struct Wrong { const DataSet *set; int batch, channels; Augment how; } Wrong;

static void open_wrongly(void *context)
{
    const Wrong *w = context;
    new_loader(w->set, w->batch, SIDE, w->channels, &w->how, 42, 0);
}

static void take_eight(void *loader)
{
    for (int i = 0; i < 8; i++) next_batch(loader, batches[0], labels[0], NULL);
}

static void check_loader(void)
{
    Error e = {0};
    DataSet set;
    Augment how = {.flip = 1, .rotate_degrees = 7.5f, .shift = 0.06f, .zoom_low = 1, .zoom_high = 1.15f};
    CHECK(dataset_open(&set, at("deep/set"), &(DataOptions){0}, &e));
    Loader *l = new_loader(&set, N, SIDE, 1, &how, 42, 0);
    for (int i = 0; i < BATCHES; i++)
        next_batch(l, batches[i], labels[i], NULL);
    stop_loader(l);
    for (int first = 0; first < BATCHES; first += 5) {       // a fresh start anywhere, and a consumer that dawdles
        l = new_loader(&set, N, SIDE, 1, &how, 42, (uint64_t)first);
        for (int i = first; i < BATCHES; i++) {
            if (i % 3 == 0)
                pause_a_little(i % 7);
            next_batch(l, later, later_label, NULL);
            CHECK(memcmp(later, batches[i], sizeof later) == 0 && memcmp(later_label, labels[i], sizeof later_label) == 0);
        }
        stop_loader(l);
    }
    int seen[3] = {0}, order[15], times[15] = {0};
    for (int i = 0; i < 15; i++)                              // an epoch of 15 shows each picture once: 4, 5, 6 a class
        seen[labels[i / N][i % N]]++;
    CHECK(seen[1] == 4 && seen[0] == 5 && seen[2] == 6);
    shuffle_epoch(order, 15, 42, 3);
    for (int i = 0; i < 15; i++)
        times[order[i]]++;
    for (int i = 0; i < 15; i++)
        CHECK(times[i] == 1);
    CHECK(fails(open_wrongly, &(Wrong){&set, 16, 1, how}, "--batch 15", false));
    CHECK(fails(open_wrongly, &(Wrong){&set, 4, 2, how}, "2 channels", false));
    CHECK(fails(open_wrongly, &(Wrong){&set, 4, 1, {.zoom_high = 1}}, "zoom", false));
    l = new_loader(&set, N, SIDE, 3, &how, 42, 1000000007);
    stop_loader(l);                                          // at once, while the thread is busy
    dataset_close(&set);
}

static void check_damage(void)
{
    Error e = {0};
    DataSet set;
    for (int i = 0; i < 8; i++)
        write_picture(at("hurt/%s/%d.pgm", i < 4 ? "happy" : "sad", i), 8, 8, i);
    write_text(at("hurt/happy/1.pgm"), "");
    write_text(at("hurt/happy/2.pgm"), "not a picture");
    CHECK(dataset_open(&set, at("hurt"), &(DataOptions){0}, &e));
    warnings();                       // before the thread starts: it may warn at once
    Loader *l = new_loader(&set, 8, 8, 1, &(Augment){0}, 42, 0);
    for (int i = 0; i < 20; i++) {
        int happy = 0;
        next_batch(l, batches[0], labels[0], NULL);
        for (int k = 0; k < N; k++)
            happy += labels[0][k] == 0;
        CHECK(happy <= 4);
    }
    CHECK(warnings() == 2 && dataset_damaged(&set) == 2);
    stop_loader(l);
    unsigned char pixels[64];
    CHECK(dataset_read_next(&set, 1, 8, 1, pixels) == 3);
    dataset_close(&set);
    for (int i = 0; i < 6; i++)
        write_text(at("hurt/%s/%d.pgm", i < 4 ? "happy" : "sad", i), "");
    CHECK(dataset_open(&set, at("hurt"), &(DataOptions){0}, &e));
    l = new_loader(&set, 2, 8, 1, &(Augment){0}, 42, 0);
    CHECK(fails(take_eight, l, "cannot be read", false));
    stop_loader(l);
    dataset_close(&set);
}

static bool holds(const char *path, const char *text)
{
    static char all[20000];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    all[fread(all, 1, sizeof all - 1, f)] = 0;
    fclose(f);
    return strstr(all, text) != NULL;
}

/* check_doctor's set: 0 1 2 3=0 are happy, 4 5 sad, sad/9 = 2, test/happy/9 = 1, one is empty and one black. So 0, 4, 5
 * and the test part's 9 are left. */
static void check_mending(void)
{
    Error e = {0};
    char list[300];
    snprintf(list, sizeof list, "%s", at("clean.csv"));
    Doctoring d = {at("ill"), 0, 0, list};
    fflush(stdout);
    int out = dup(1);
    CHECK(freopen(at("doctor.txt"), "wb", stdout) != NULL);
    bool mended = attempt(doctor_work, &d, &e);
    fflush(stdout);
    dup2(out, 1);
    close(out);
    CHECK(mended);                                                            // the unreadable file and the leak are gone
    CHECK(holds(list, "ill/train/Joy/0.pgm,happy,train\n"));
    CHECK(!holds(list, "Joy/1.pgm") && !holds(list, "Joy/2.pgm") && !holds(list, "Joy/3.pgm"));
    CHECK(!holds(list, "sad/9.pgm") && !holds(list, "empty.pgm") && !holds(list, "black.pgm"));
    CHECK(holds(list, "ill/test/happy/9.pgm,happy,test\n"));
    CHECK(doctor_says(list, 0, 0, 1, (const char *[]){"CSV list, 4 pictures, 2 classes", "0 problems", NULL}));
    write_picture(at("twice/a/1.pgm"), 48, 48, 1);
    write_picture(at("twice/b/2.pgm"), 48, 48, 2);
    write_text(at("twice/labels.csv"), "path,label\na/1.pgm,a\nb/3.pgm,b\n");
    CHECK(doctor_says(at("twice"), 0, 0, 1, (const char *[]){"names and that are not there: 1", "b/3.pgm", "does not name: 1",
        "twice/b/2.pgm", NULL}));
}

static void check_doctor(void)
{
    for (int i = 0; i < 6; i++)
        write_picture(at("ill/train/%s/%d.pgm", i < 4 ? "Joy" : "sad", i), 48, 48, i == 3 ? 0 : i);      // 3 repeats 0
    write_picture(at("ill/test/happy/9.pgm"), 48, 48, 1);                     // leaks
    write_picture(at("ill/train/sad/9.pgm"), 48, 48, 2);                      // contradicts
    write_text(at("ill/train/sad/empty.pgm"), "");
    FILE *f = fopen(at("ill/train/sad/black.pgm"), "wb");
    fprintf(f, "P5\n48 48\n255\n");
    for (int i = 0; i < 48 * 48; i++)
        putc(0, f);
    fclose(f);
    CHECK(doctor_says(at("ill"), 0, 0, 0, (const char *[]){"Joy is read as happy", "1 of 10 files cannot be read", "empty.pgm: ",
        "every pixel being the same: 1;", "another of the same split: 2;", "train, validation and test: 1;", "under a different label: 1;",
        "D halves the picture 4 times", "2 problems, 4 warnings", NULL}));
    CHECK(doctor_says(at("ill"), 50, 1, 0, (const char *[]){"\"code\": \"leak\"", "\"happy\": {\"train\": 4, \"validation\": 0, \"test\": 1}",
        "\"code\": \"enlarged\"", "\"code\": \"size\"", "\"problems\": 3", NULL}));
    CHECK(doctor_says(at("nowhere"), 0, 0, 0, (const char *[]){"PROBLEM", "No such file", "1 problem, 0 warnings", NULL}));
    check_mending();
}

int main(void)
{
    char command[100];
    Scope all;
    enter(&all);
    snprintf(folder, sizeof folder, "/tmp/facegan-data-XXXXXX");
    if (!mkdtemp(folder) || !freopen(at("stderr"), "w", stderr)) return 1;
    setvbuf(stderr, NULL, _IONBF, 0);
    check_owning();
    check_words();
    check_folders();
    check_lists();
    check_layouts();
    check_boxes();
    check_attributes();
    check_trees();
    check_machine();
    check_augment();
    check_loader();
    check_damage();
    check_doctor();
    leave();
    snprintf(command, sizeof command, "rm -r %s", folder);
    return check_report() + (system(command) != 0);
}
