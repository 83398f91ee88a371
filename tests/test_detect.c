/* test_detect.c: chapter 11 without any trained weights: both detectors on weight files that the test writes. Boxes are
 * tests/test_boxes.c's; tests/torch_detect.py holds the networks against PyTorch. */
#include "library.h"
#include "check.h"

static char folder[256];                /* of everything this test writes */

static Image drawn_picture(int width, int height, int channels)
{
    Image image;
    char why[IMAGE_ERROR_SIZE];
    if (!image_new(width, height, channels, &image, why)) abort();
    return image;
}

/* ------------------------------------------------------------------------------------------------
 * Detectors on files that this test writes
 * ---------------------------------------------------------------------------------------------- */

typedef struct Spec { const char *name; int rank; int64_t shape[4]; } Spec;

/* Names and shapes of a network of the public ports, written down independently of chapter 11. */
static const Spec pnet_spec[] = {
    {"conv1.weight", 4, {10, 3, 3, 3}}, {"conv1.bias", 1, {10}}, {"prelu1.weight", 1, {10}}, {"conv2.weight", 4, {16, 10, 3, 3}}, {"conv2.bias", 1, {16}},
    {"prelu2.weight", 1, {16}}, {"conv3.weight", 4, {32, 16, 3, 3}}, {"conv3.bias", 1, {32}}, {"prelu3.weight", 1, {32}}, {"conv4_1.weight", 4, {2, 32, 1, 1}},
    {"conv4_1.bias", 1, {2}}, {"conv4_2.weight", 4, {4, 32, 1, 1}}, {"conv4_2.bias", 1, {4}}, {NULL, 0, {0}}};
static const Spec rnet_spec[] = {
    {"conv1.weight", 4, {28, 3, 3, 3}}, {"conv1.bias", 1, {28}}, {"prelu1.weight", 1, {28}}, {"conv2.weight", 4, {48, 28, 3, 3}}, {"conv2.bias", 1, {48}},
    {"prelu2.weight", 1, {48}}, {"conv3.weight", 4, {64, 48, 2, 2}}, {"conv3.bias", 1, {64}}, {"prelu3.weight", 1, {64}}, {"dense4.weight", 2, {128, 576}},
    {"dense4.bias", 1, {128}}, {"prelu4.weight", 1, {128}}, {"dense5_1.weight", 2, {2, 128}}, {"dense5_1.bias", 1, {2}}, {"dense5_2.weight", 2, {4, 128}},
    {"dense5_2.bias", 1, {4}}, {NULL, 0, {0}}};
static const Spec onet_spec[] = {
    {"conv1.weight", 4, {32, 3, 3, 3}}, {"conv1.bias", 1, {32}}, {"prelu1.weight", 1, {32}}, {"conv2.weight", 4, {64, 32, 3, 3}}, {"conv2.bias", 1, {64}},
    {"prelu2.weight", 1, {64}}, {"conv3.weight", 4, {64, 64, 3, 3}}, {"conv3.bias", 1, {64}}, {"prelu3.weight", 1, {64}}, {"conv4.weight", 4, {128, 64, 2, 2}},
    {"conv4.bias", 1, {128}}, {"prelu4.weight", 1, {128}}, {"dense5.weight", 2, {256, 1152}}, {"dense5.bias", 1, {256}}, {"prelu5.weight", 1, {256}},
    {"dense6_1.weight", 2, {2, 256}}, {"dense6_1.bias", 1, {2}}, {"dense6_2.weight", 2, {4, 256}}, {"dense6_2.bias", 1, {4}}, {"dense6_3.weight", 2, {10, 256}},
    {"dense6_3.bias", 1, {10}}, {NULL, 0, {0}}};

typedef struct Writing { TensorFile file; float *copies[400]; int count; } Writing;

static void write_tensor(Writing *w, const char *name, int rank, const int64_t *shape)
{
    size_t count = 1;
    double fan_in = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)shape[i];
    for (int i = 1; i < rank; i++) fan_in *= (double)shape[i];
    float *data = must_alloc(count, sizeof *data);
    for (size_t i = 0; i < count; i++) {
        double u = 2 * draw((uint64_t)w->count, STREAM_TEST, i, 0) - 1;
        data[i] = strstr(name, "running_var") ? 1 : (float)(u * (rank > 1 ? 1 / sqrt(fan_in) : 0.2));
    }
    if (strstr(name, "conv4_1.bias") || strstr(name, "dense5_1.bias") || strstr(name, "dense6_1.bias")) data[1] += 3;
    if (!tensorfile_add(&w->file, name, TENSOR_F32, rank, shape, data)) abort();
    w->copies[w->count++] = data;
}

/* Writes all but tensor `missing`; `widened` has one channel too many. Either may be NULL. */
static void write_spec(Writing *w, const char *prefix, const Spec *spec, const char *missing, const char *widened)
{
    for (; spec->name; spec++) {
        char name[96];
        int64_t shape[4];
        memcpy(shape, spec->shape, sizeof shape);
        snprintf(name, sizeof name, "%s%s", prefix, spec->name);
        if (missing && strcmp(missing, name) == 0) continue;
        if (widened && strcmp(widened, name) == 0) shape[0]++;
        write_tensor(w, name, spec->rank, shape);
    }
}

static void write_end(Writing *w, const char *path)
{
    char why[TENSORFILE_ERROR_SIZE];
    CHECK_MSG(tensorfile_save(path, &w->file, why), "%s", why);
    for (int i = 0; i < w->count; i++) free(w->copies[i]);
    tensorfile_free(&w->file);
    *w = (Writing){0};
}

static void write_mtcnn(const char *path, const char *missing, const char *widened)
{
    Writing w = {0};
    write_spec(&w, "pnet.", pnet_spec, missing, widened);
    write_spec(&w, "rnet.", rnet_spec, missing, widened);
    write_spec(&w, "onet.", onet_spec, missing, widened);
    write_end(&w, path);
}

static const char *wrapped = "module.";             /* before the names of RetinaFace's tensors */

static void write_conv_norm(Writing *w, const char *base, int i, int k, int c, int size)
{
    static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
    char name[96];
    snprintf(name, sizeof name, "%s%s.%d.weight", wrapped, base, i);
    write_tensor(w, name, 4, (int64_t[4]){k, c, size, size});
    for (int p = 0; p < 4; p++) {
        snprintf(name, sizeof name, "%s%s.%d.%s", wrapped, base, i + 1, parts[p]);
        write_tensor(w, name, 1, (int64_t[1]){k});
    }
}

static void write_retinaface(const char *path)
{
    static const int layers[13][4] = {{1, 1, 8, 16}, {1, 2, 16, 32}, {1, 3, 32, 32}, {1, 4, 32, 64}, {1, 5, 64, 64}, {2, 0, 64, 128}, {2, 1, 128, 128},
                                      {2, 2, 128, 128}, {2, 3, 128, 128}, {2, 4, 128, 128}, {2, 5, 128, 128}, {3, 0, 128, 256}, {3, 1, 256, 256}};
    static const struct { const char *name; int k, c; } ssh[5] = {{"conv3X3", 32, 64}, {"conv5X5_1", 16, 64}, {"conv5X5_2", 16, 16}, {"conv7X7_2", 16, 16}, {"conv7x7_3", 16, 16}};
    static const struct { const char *name; int k; } heads[3] = {{"ClassHead", 4}, {"BboxHead", 8}, {"LandmarkHead", 20}};
    Writing w = {0};
    char base[64];
    write_conv_norm(&w, "body.stage1.0", 0, 8, 3, 3);
    for (int i = 0; i < 13; i++) {
        snprintf(base, sizeof base, "body.stage%d.%d", layers[i][0], layers[i][1]);
        write_conv_norm(&w, base, 0, layers[i][2], 1, 3);
        write_conv_norm(&w, base, 3, layers[i][3], layers[i][2], 1);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(base, sizeof base, "fpn.output%d", i + 1);
        write_conv_norm(&w, base, 0, 64, 64 << i, 1);
        for (int k = 0; k < 5; k++) {
            snprintf(base, sizeof base, "ssh%d.%s", i + 1, ssh[k].name);
            write_conv_norm(&w, base, 0, ssh[k].k, ssh[k].c, 3);
        }
        for (int k = 0; k < 3; k++) {
            snprintf(base, sizeof base, "%s%s.%d.conv1x1.weight", wrapped, heads[k].name, i);
            write_tensor(&w, base, 4, (int64_t[4]){heads[k].k, 64, 1, 1});
            snprintf(base, sizeof base, "%s%s.%d.conv1x1.bias", wrapped, heads[k].name, i);
            write_tensor(&w, base, 1, (int64_t[1]){heads[k].k});
        }
    }
    write_conv_norm(&w, "fpn.merge1", 0, 64, 64, 3);
    write_conv_norm(&w, "fpn.merge2", 0, 64, 64, 3);
    write_end(&w, path);
}

static void fill_picture(Image *picture)
{
    for (int i = 0; i < picture->width * picture->height * 3; i++) picture->pixels[i] = (unsigned char)(draw(5, STREAM_TEST, (uint64_t)i, 0) * 256);
}

/* Every size of picture, down to one pixel, twice on the same detector: all finite, the second time the same. */
static void test_detector(const char *kind, const char *weights, double threshold)
{
    static const int sizes[][2] = {{1, 1}, {7, 40}, {61, 45}, {40, 40}, {33, 90}, {61, 45}};
    Detector *d = new_detector(kind, weights);
    int found = 0, first = -1;
    d->threshold = threshold;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Image picture = drawn_picture(sizes[i][0], sizes[i][1], 3);
        fill_picture(&picture);
        Faces faces = find_faces(d, &picture);
        for (int k = 0; k < faces.count; k++) CHECK(box_is_sane(&faces.items[k]) && faces.items[k].score > threshold && box_width(&faces.items[k]) > 0);
        if (sizes[i][0] == 61 && first < 0) first = faces.count;
        if (i == sizeof sizes / sizeof *sizes - 1) CHECK_MSG(faces.count == first, "%d faces, then %d", first, faces.count);
        found += faces.count;
        boxes_free(&faces);
        image_free(&picture);
    }
    CHECK_MSG(found > 0, "%s found nothing at all at threshold %g", kind, threshold);
}

/* A large picture is scaled down for the networks, and its faces come back in its own pixels. */
static void test_bounded(const char *weights)
{
    Detector *d = new_detector("retinaface", weights);
    Image picture = drawn_picture(600, 300, 3);
    memset(picture.pixels, 90, 600 * 300 * 3);
    d->max_side = 150;
    d->threshold = 0;
    Faces faces = find_faces(d, &picture);
    double right = 0;
    for (int i = 0; i < faces.count; i++) right = fmax(right, faces.items[i].box[2]);
    CHECK_MSG(right > 300, "the rightmost face ends at %g of 600", right);
    CHECK(shape_count(d->finders[0].sized[0].input.shape) <= 150 * 75 * 3 && d->input_room <= 150 * 75 * 3);
    boxes_free(&faces);
    image_free(&picture);
}

static void open_work(void *kind_and_weights)
{
    const char *const *names = kind_and_weights;
    new_detector(names[0], names[1]);
}

static void expect_refusal(const char *kind, const char *weights, const char *fragment)
{
    Error e = {0};
    CHECK(!attempt(open_work, (const char *[]){kind, weights}, &e));
    CHECK_MSG(strstr(e.text, fragment), "wanted to hear \"%s\", heard: %s", fragment, e.text);
}

static void test_refusals(void)
{
    char path[320];
    snprintf(path, sizeof path, "%s/broken.safetensors", folder);
    expect_refusal("retinaface", "", "facegan detect photo.jpg --detector retinaface --weights");
    expect_refusal("retinaface", "", "mobilenet0.25_Final.pth");
    expect_refusal("yolo", path, "must be mtcnn or retinaface");
    expect_refusal("mtcnn", "/nowhere/at/all", "No such file");
    expect_refusal("mtcnn", folder, "has no pnet.pt");
    expect_refusal("retinaface", folder, "is a folder");
    write_mtcnn(path, "rnet.dense4.bias", NULL);
    expect_refusal("mtcnn", path, "has no tensor \"rnet.dense4.bias\"");
    write_mtcnn(path, NULL, "onet.dense5.weight");
    expect_refusal("mtcnn", path, "onet.dense5.weight has shape (257,1152), wanted (256,1152)");
    expect_refusal("retinaface", path, "has no tensor \"body.stage1.0.0.weight\"");
}

static void test_verb(const char *weights)
{
    char picture[320], out[320];
    snprintf(picture, sizeof picture, "%s/photo.png", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    Image photo = drawn_picture(50, 60, 3);
    char why[IMAGE_ERROR_SIZE], *arguments[] = {"facegan", "crop", picture, "--detector", "mtcnn", "--weights", (char *)(uintptr_t)weights, "--out", out,
                                                "--size", "32", "--all", "--align", "--threshold", "0.01", "--threads", "1", "--quiet", NULL};
    fill_picture(&photo);
    CHECK(image_save(picture, &photo, NULL, 0, why));
    fflush(stdout);
    int console = dup(1), null = open("/dev/null", O_WRONLY);
    dup2(null, 1);
    int status = facegan_main(18, arguments);
    fflush(stdout);
    dup2(console, 1);
    close(console), close(null);
    CHECK_MSG(status == 0, "facegan crop ended with %d", status);
    Names crops = list_folder(out, NAMES_PICTURES);
    CHECK(crops.count > 0);
    names_free(&crops);
    image_free(&photo);
}

/* Two classes of pictures through the detector into a data set: faces are cut to size, or counted as not found. */
static void test_import(const char *weights)
{
    char path[400], in[320], out[320], why[IMAGE_ERROR_SIZE];
    snprintf(in, sizeof in, "%s/set", folder);
    snprintf(out, sizeof out, "%s/imported", folder);
    Image photo = drawn_picture(50, 60, 3), flat = drawn_picture(14, 15, 3), cut;
    fill_picture(&photo);
    for (int i = 0; i < 4; i++) {
        const char *class_folder = own_text("%s/%s", in, i % 2 ? "sad" : "happy");
        make_folder(class_folder);
        snprintf(path, sizeof path, "%s/%d.png", class_folder, i);
        CHECK(image_save(path, i == 3 ? &flat : &photo, NULL, 0, why));
    }
    char *arguments[] = {"facegan", "data", "import", "folder", in, "--detector", "mtcnn", "--weights", (char *)(uintptr_t)weights,
                         "--out", out, "--size", "24", "--grey", "--threshold", "0.01", "--quiet", NULL};
    fflush(stdout);
    int console = dup(1), null = open("/dev/null", O_WRONLY);
    dup2(null, 1);
    int status = facegan_main(17, arguments);
    fflush(stdout);
    dup2(console, 1);
    close(console), close(null);
    CHECK_MSG(status == 0, "facegan data import ended with %d", status);
    snprintf(path, sizeof path, "%s/train/sad/0000002.png", out);
    CHECK(image_load(path, 0, &cut, why) && cut.width == 24 && cut.height == 24 && cut.channels == 1);
    image_free(&cut);
    snprintf(path, sizeof path, "%s/train/sad/0000003.png", out);
    CHECK(access(path, F_OK) != 0);                 /* smaller than the smallest face looked for */
    image_free(&photo), image_free(&flat);
}

int main(void)
{
    char mtcnn[320], retinaface[320], command[320], why[256];
    Scope all;
    enter(&all);
    snprintf(folder, sizeof folder, "%s/facegan-detect-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder)) return 1;
    snprintf(mtcnn, sizeof mtcnn, "%s/mtcnn.safetensors", folder);
    snprintf(retinaface, sizeof retinaface, "%s/retinaface.npz", folder);
    kernels_choose(NULL, why);
    threads_start(2);
    test_refusals();
    write_mtcnn(mtcnn, NULL, NULL);
    write_retinaface(retinaface);
    test_detector("mtcnn", mtcnn, 0.01);
    test_detector("retinaface", retinaface, 0.1);
    wrapped = "model.net.module.";
    write_retinaface(retinaface);
    test_detector("retinaface", retinaface, 0.1);
    wrapped = "";
    write_retinaface(retinaface);
    test_detector("retinaface", retinaface, 0.1);
    test_bounded(retinaface);
    test_verb(mtcnn);
    test_import(mtcnn);
    leave();
    threads_stop();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command)) return 1;
    return check_report();
}
