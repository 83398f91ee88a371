/* Fuzz target for the program as a whole: what people hand to a command line. The first byte chooses the command, the second
 * whether the rest is the file itself or edits to a good one (so no seeds are needed): lists of every kind, two lists at once,
 * a run's config and log, weights for each verb, a checkpoint to go on with, a plan, a picture, texts of options, and the
 * words of a command line, which are only read. A command ends with status 0, 1 or 2; a second run finds the folders fresh.
 *
 *     make build/fuzz_cli && build/fuzz_cli -max_len=512 -len_control=0
 *
 * It works in a folder of its own below TMPDIR (else /dev/shm, else /tmp), which is removed at the end. Nothing leads out:
 * paths that are written are ours, plans lose their commands, and no training is longer than an iteration. */
#define FACEGAN_LIBRARY
#include "../facegan.c"
#include <ftw.h>

typedef struct Base { const char *path; uint8_t *bytes; size_t size; } Base;

static char home[4096];

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static void remove_all(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_home(void)
{
    if (chdir("/") == 0) remove_all(home);
}

static void write_whole(const char *path, const void *data, size_t size)
{
    remove_all(path);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

/* One command line of up to 24 words, with the status it may have. */
static int run(const char *const *words)
{
    char *copies[32] = {strdup("facegan")}, *own[32];
    int n = 1;
    for (; words[n - 1] && n < 28; n++) copies[n] = strdup(words[n - 1]);
    copies[n++] = strdup("--threads");
    copies[n++] = strdup("1");
    memcpy(own, copies, sizeof own);
    interrupted = 0;
    int status = facegan_main(n, copies);
    if (status < 0 || status > 2) abort();
    for (int i = 0; i < n; i++) free(own[i]);
    return status;
}
#define COMMAND(...) run((const char *const[]){__VA_ARGS__, NULL})
#define NEED(...) do { if (COMMAND(__VA_ARGS__) != 0) fprintf(stderr, "fuzz_cli: no base\n"), _Exit(3); } while (0)

/* ---- good files to start from ---- */

static const Base lists[] = {
    {"l.csv", (uint8_t *)"path,label,split\nfaces/happy/00001.png,happy,train\nfaces/sad/00002.png,sad,test\n"
                         "faces/neutral/00000.png,6,validation\n\"faces/sad/00005.png\",sadness,train\n", 0},
    {"list_attr.txt", (uint8_t *)"2\nMale Smiling\n00000.png 1 -1\n00003.png -1 1\n", 0},
    {"ann/EXPR/Train_Set/v.txt", (uint8_t *)"Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n0\n4\n-1\n5\n7\n", 0},
    {"fp/fer2013new.csv", (uint8_t *)"Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
                                     "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\nPublicTest,fer0000001.png,0,9,0,0,1,0,0,0,0,0\n", 0},
    {"af.csv", (uint8_t *)"subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
                          "happy/00001.png,1,2,9,9,1;2;3,1,0.5,0.1\nsad/00002.png,0,0,16,16,4;5;6,2,-0.5,0\n", 0},
    {"ra/list_patition_label.txt", (uint8_t *)"train_0001.png 4\ntest_0001.png 5\ntrain_0002.png 7\n", 0},
    {"fer.csv", (uint8_t *)"emotion,pixels,Usage\n0,1 2 3 4 5 6 7 8 9,Training\n3,9 8 7 6 5 4 3 2 1,PublicTest\n"
                           "4,0 0 0 0 255 0 0 0 0,PrivateTest\n", 0},
    {"p.txt", (uint8_t *)"faces/happy/00001.png happy\nfaces/sad/00002.png sad\nfaces/neutral/00000.png neutral\n", 0},
    {"plan", (uint8_t *)"data faces\nclassifier A cls\nrow \"one two\" ganmut\nrow b ganmut stargan # c\n", 0},
};
enum { LISTS = sizeof lists / sizeof *lists };

static Base config, log_csv, stargan, ganmut, cgan, classifier, picture, iteration;

static void take(Base *base, const char *path)
{
    FILE *file = fopen(path, "rb");
    base->path = path;
    base->bytes = malloc(1 << 24);
    base->size = file ? fread(base->bytes, 1, 1 << 24, file) : 0;
    if (file) fclose(file);
}

static void make_bases(void)
{
    NEED("data", "draw", "--out", "faces", "--count", "12", "--size", "16", "--emotions", "neutral,happy,sad");
    NEED("train", "stargan", "faces", "--out", "stargan", "--size", "16", "--width", "2", "--batch", "2", "--iters", "1",
         "--g-repeat", "1", "--d-repeat", "1", "--sample-every", "100");
    NEED("train", "ganmut", "faces", "--out", "ganmut", "--size", "16", "--width", "2", "--batch", "2", "--iters", "1",
         "--g-repeat", "1", "--d-repeat", "1", "--sample-every", "100");
    NEED("train", "cgan", "faces", "--out", "cgan", "--size", "16", "--width", "2", "--batch", "2", "--iters", "1",
         "--latent", "4");
    NEED("classify", "train", "faces", "--out", "cls", "--network", "small", "--size", "16", "--batch", "2", "--iters", "1",
         "--channels", "1", "--validation", "0.5");
    take(&config, "stargan/config"), take(&log_csv, "stargan/log.csv"), take(&stargan, "stargan/checkpoint.safetensors");
    take(&ganmut, "ganmut/checkpoint.safetensors"), take(&cgan, "cgan/checkpoint.safetensors");
    take(&classifier, "cls/checkpoint.safetensors"), take(&picture, "faces/sad/00002.png");
    mkdir("cfg", 0777), mkdir("lg", 0777), mkdir("ra", 0777), mkdir("fp", 0777);
    mkdir("ann", 0777), mkdir("ann/EXPR", 0777), mkdir("ann/EXPR/Train_Set", 0777), mkdir("frames", 0777), mkdir("frames/v", 0777);
    write_whole("frames/v/00001.png", picture.bytes, picture.size);
    write_whole("ra/train_0001_aligned.png", picture.bytes, picture.size);
    write_whole("00000.png", picture.bytes, picture.size);
    static const char beside[] = "emotion,pixels,Usage\n0,1 2 3 4,Training\n3,4 3 2 1,PublicTest\n";
    write_whole("fp/fer2013.csv", beside, sizeof beside - 1);
    write_whole("lg/config", config.bytes, config.size);
}

/* A command that fails leaves memory to the end of the process, which here is not near. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *below = getenv("TMPDIR");
    if (!below) below = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    take(&iteration, "tests/parity/gan-soft.in.safetensors");
    snprintf(home, sizeof home, "%s/fuzz_cli.XXXXXX", below);
    if (!mkdtemp(home) || chdir(home) != 0) abort();
    atexit(remove_home);
    if (!freopen("/dev/null", "w", stdout)) abort();
    make_bases();
    if (!getenv("FUZZ_TALKS")) stderr = fopen("/dev/null", "w");        /* the sanitizers write to descriptor 2 by themselves */
    return 0;
}

/* ---- files made of the input ---- */

/* Edits: (place: 2 bytes, of 65536 parts of the file; kind; n), then n bytes that replace as many, are inserted, or, with
 * the third kind, n bytes left out. */
static size_t edited(const Base *base, const uint8_t *data, size_t size, uint8_t *out)
{
    size_t total = base->size ? base->size : strlen((const char *)base->bytes);
    memcpy(out, base->bytes, total);
    while (size >= 4) {
        size_t at = (size_t)(data[0] << 8 | data[1]), n = data[3] % 16u, kind = data[2] % 4u;
        at = data[2] & 128 ? at % (total + 1) : at * total / 65536;     /* heads of weights are short: places by bytes as well */
        data += 4, size -= 4;
        if (kind == 3) {
            if (n > total - at) n = total - at;
            memmove(out + at, out + at + n, total - at - n), total -= n;
            continue;
        }
        if (n > size) n = size;
        if (kind && n > total - at) n = total - at;                     /* replaced, more often */
        if (!kind) memmove(out + at + n, out + at, total - at), total += n;
        memcpy(out + at, data, n);
        data += n, size -= n;
    }
    return total;
}

static void put(const Base *base, const char *path, const uint8_t *data, size_t size)
{
    static uint8_t out[(1 << 24) + 65536];
    if (!size || data[0] % 4 == 0) write_whole(path, size ? data + 1 : data, size ? size - 1 : 0);
    else write_whole(path, out, edited(base, data + 1, size - 1, out));
}

static void put_list(int which, const uint8_t *data, size_t size)
{
    put(&lists[which], lists[which].path, data, size);
}

/* A plan can carry out commands, which might write anywhere. */
static void put_plan(const uint8_t *data, size_t size)
{
    put_list(8, data, size);
    Base plan;
    take(&plan, "plan");
    for (size_t i = 0; i + 1 < plan.size; i++)
        if (plan.bytes[i] == 'd' && plan.bytes[i + 1] == 'o') plan.bytes[i] = '#';
    write_whole("plan", plan.bytes, plan.size);
    free(plan.bytes);
}

/* ---- the commands ---- */

static void cut_text(const uint8_t *data, size_t size, char text[300])
{
    size_t n = size < 299 ? size : 299;
    memcpy(text, data, n);
    text[n] = 0;
}

static void fuzz_texts(const uint8_t *data, size_t size)
{
    static const char *const options[] = {"--xy", "--between", "--theta", "--emotion", "--scale", "--rho"};
    char text[300];
    if (!size) return;
    cut_text(data + 1, size - 1, text);
    if (data[0] % 8 < 6) COMMAND("edit", "ganmut", "00000.png", "--out", "out", options[data[0] % 8], text);
    else if (data[0] % 8 == 6) COMMAND("gamut", "ganmut", "00000.png", "--out", "out", "--path", text);
    else COMMAND("data", "doctor", "faces", "--classes", text);
}

/* Words with a line each are read as a command line, which is not carried out. */
static void check_words(void *context)
{
    char *words[40];
    int n = 0;
    Command *c = own(1, sizeof *c);
    for (char *word = strtok(context, "\n"); word && n < 40; word = strtok(NULL, "\n")) words[n++] = word;
    if (!n) return;
    parse_command(c, words[0], n - 1, words + 1);
    check_given(c);
}

static void fuzz_words(const uint8_t *data, size_t size)
{
    char text[2048];
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    Error e = {0};
    memcpy(text, data, n), text[n] = 0;
    attempt(check_words, text, &e);
}

static void fuzz_list(int kind, const uint8_t *d, size_t n)
{
    size_t half = n ? (n - 1) * d[0] / 255 : 0;                         /* of two files, the first's share */
    switch (kind) {
    case 0: put_list(0, d, n), COMMAND("data", "doctor", "l.csv"); break;
    case 1: put_list(1, d, n), COMMAND("data", "doctor", "list_attr.txt", "--attributes", "Male"); break;
    case 2: put_list(0, d, n), COMMAND("data", "balance", "l.csv", "--out", "out", "--balance", "oversample", "--limit", "8"); break;
    case 3: put_list(2, d, n), COMMAND("data", "import", "affwild2", "ann", "frames", "--out", "out"); break;
    case 4: put_list(3, d, n), COMMAND("data", "import", "ferplus", "fp/fer2013new.csv", "fp/fer2013.csv", "--out", "out"); break;
    case 5: put_list(4, d, n), COMMAND("data", "import", "affectnet", "af.csv", "faces", "--out", "out"); break;
    case 6: put_list(5, d, n), COMMAND("data", "import", "rafdb", "ra/list_patition_label.txt", "--out", "out"); break;
    case 7: put_list(6, d, n), COMMAND("data", "import", "fer2013", "fer.csv", "--out", "out"); break;
    case 8: put_list(7, d, n), COMMAND("data", "show", "p.txt", "--out", "out/sheet.png"); break;
    case 9:
        if (n) put_list(0, d + 1, half), put_list(6, d + 1 + half, n - 1 - half);
        COMMAND("data", "import", "folder", "l.csv", "fer.csv", "--out", "out");
        break;
    case 10:
        if (n) put_list(0, d + 1, half), put_list(1, d + 1 + half, n - 1 - half);
        COMMAND("data", "import", "folder", "list_attr.txt", "l.csv", "--out", "out");
        break;
    default: put_plan(d, n), COMMAND("study", "ganmut", "plan", "--out", "out", "--dry-run");
    }
}

static void fuzz_weights(int kind, const uint8_t *d, size_t n)
{
    switch (kind) {
    case 0: put(&stargan, "s.safetensors", d, n), COMMAND("edit", "s.safetensors", "00000.png", "--out", "out"); break;
    case 1: put(&ganmut, "s.safetensors", d, n), COMMAND("edit", "s.safetensors", "00000.png", "--out", "out", "--theta", "1"); break;
    case 2: put(&cgan, "s.safetensors", d, n), COMMAND("sample", "s.safetensors", "--out", "out", "--count", "4", "--files"); break;
    case 3: put(&classifier, "k.safetensors", d, n), COMMAND("classify", "predict", "00000.png", "--classifier", "k.safetensors"); break;
    case 4:
        put(&stargan, "s.safetensors", d, n);
        COMMAND("convert", "s.safetensors", "out/o.onnx"), COMMAND("convert", "s.safetensors", "out/o.npz"), COMMAND("info", "s.safetensors");
        break;
    case 5:
        put(&ganmut, "x.pth", d, n);
        COMMAND("convert", "x.pth", "out/o.pt"), COMMAND("convert", "x.pth", "out/o.safetensors", "--half");
        break;
    case 6:
        mkdir("rs", 0777), write_whole("rs/config", config.bytes, config.size);
        put(&stargan, "rs/checkpoint.safetensors", d, n);
        COMMAND("train", "stargan", "faces", "--out", "rs", "--size", "16", "--width", "2", "--batch", "2", "--iters", "1",
            "--g-repeat", "1", "--d-repeat", "1", "--sample-every", "100");
        break;
    default: put(&iteration, "t.safetensors", d, n), COMMAND("step", "t.safetensors", "out/t");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const uint8_t *d = data + 1;
    size_t n = size - 1;
    int kind = data[0] % 25;
    remove_all("out"), remove_all("rs"), remove_all("cfg/report.html"), remove_all("lg/report.html");
    if (kind < 12) fuzz_list(kind, d, n);
    else if (kind < 20) fuzz_weights(kind - 12, d, n);
    else if (kind == 20) put(&config, "cfg/config", d, n), COMMAND("report", "cfg");
    else if (kind == 21) put(&log_csv, "lg/log.csv", d, n), COMMAND("report", "lg");
    else if (kind == 22) put(&picture, "p.img", d, n), COMMAND("edit", "stargan", "p.img", "--out", "out", "--emotion", "sad");
    else if (kind == 23) fuzz_words(d, n);
    else fuzz_texts(d, n);
    return 0;
}
