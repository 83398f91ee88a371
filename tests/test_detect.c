/* test_detect.c: chapter 11 without any trained weights: suppression of doubles, box regression, squares, averages over areas,
 * anchors, the similarity transform, cutting and pasting, and both detectors on weight files that the test writes. What the
 * numbers should be was worked out by hand; tests/torch_detect.py holds the networks against PyTorch. */
#define FACEGAN_LIBRARY
#include "../facegan.c"
#include "check.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wformat-truncation"        /* the text of a failed check may be cut */
#endif

static char folder[256];                /* of everything this test writes */

static Face a_face(double left, double top, double right, double bottom, double score)
{
    return (Face){.box = {left, top, right, bottom}, .score = score};
}

/* ------------------------------------------------------------------------------------------------
 * Boxes
 * ---------------------------------------------------------------------------------------------- */

static void test_overlap(void)
{
    Face a = a_face(0, 0, 10, 10, 1), b = a_face(5, 0, 15, 10, 1), c = a_face(2, 2, 6, 6, 1), away = a_face(20, 20, 30, 30, 1);
    CLOSE(overlap(&a, &b, OVER_UNION, 0), 50.0 / 150, 1e-12);
    CLOSE(overlap(&a, &b, OVER_SMALLER, 0), 0.5, 1e-12);
    CLOSE(overlap(&a, &b, OVER_UNION, 1), 66.0 / (121 + 121 - 66), 1e-12);
    CLOSE(overlap(&a, &c, OVER_SMALLER, 0), 1, 1e-12);
    CLOSE(overlap(&a, &c, OVER_UNION, 0), 0.16, 1e-12);
    CLOSE(overlap(&a, &away, OVER_UNION, 1), 0, 0);
    CLOSE(overlap(&away, &away, OVER_SMALLER, 0), 1, 1e-12);
}

/* The second best overlaps the best by a third, the third best is inside it, the fourth stands alone; NaN and absurd boxes go. */
static void test_suppression(void)
{
    Faces f = {0};
    faces_add(&f, a_face(20, 20, 30, 30, 0.1));
    faces_add(&f, a_face(5, 0, 15, 10, 0.8));
    faces_add(&f, a_face(0, 0, 10, 10, 0.9));
    faces_add(&f, a_face(1, 1, 9, 9, 0.7));
    faces_add(&f, a_face(0, 0, NAN, 10, 1));
    faces_add(&f, a_face(0, 0, 1e30, 10, 1));
    faces_add(&f, a_face(40, 40, 50, 50, NAN));
    suppress_doubles(&f, OVER_UNION, 0.5, 0);
    CHECK(f.count == 3);
    CHECK(f.items[0].score == 0.9 && f.items[1].score == 0.8 && f.items[2].score == 0.1);
    suppress_doubles(&f, OVER_UNION, 0.3, 0);
    CHECK(f.count == 2 && f.items[1].score == 0.1);
    faces_free(&f);
    suppress_doubles(&f, OVER_UNION, 0.3, 0);
    CHECK(f.count == 0);
}

static void test_boxes(void)
{
    Face f = a_face(10, 20, 30, 60, 1);                                    /* 20 wide, 40 high; with the last pixel 21 and 41 */
    memcpy(f.move, (double[4]){0.1, -0.1, 0.2, 0.5}, sizeof f.move);
    move_box(&f, 0);
    const double moved[4] = {12, 16, 34, 80};
    for (int i = 0; i < 4; i++) CLOSE(f.box[i], moved[i], 1e-12);
    f = a_face(10, 20, 30, 60, 1);
    memcpy(f.move, (double[4]){0.1, -0.1, 0.2, 0.5}, sizeof f.move);
    move_box(&f, 1);
    CLOSE(f.box[0], 12.1, 1e-12);
    CLOSE(f.box[3], 80.5, 1e-12);
    f = a_face(10, 20, 30, 60, 1);
    square_box(&f);
    const double square[4] = {0, 20, 40, 60};
    for (int i = 0; i < 4; i++) CLOSE(f.box[i], square[i], 1e-12);
    Areas areas = {100, 50, NULL};
    Face over = a_face(-20.7, 30.9, 20.9, 70.2, 1), outside = a_face(120, 10, 140, 30, 1), wild = a_face(-1e9, NAN, 1e9, 1e9, 1);
    Window w = box_window(&over, &areas);
    CHECK(w.x == 0 && w.y == 29 && w.width == 20 && w.height == 21);
    CHECK(box_window(&outside, &areas).width <= 0);
    w = box_window(&wild, &areas);
    CHECK(w.x == 0 && w.y == 0 && w.width == 100 && w.height == 50);
}

/* 5 columns to 2: cells [0,3) and [2,5); 2 columns to 5: each new pixel sees one or two old ones. */
static void test_areas(void)
{
    unsigned char pixels[2 * 5 * 3];
    for (int i = 0; i < 30; i++) pixels[i] = (unsigned char)(i * 7 % 256);
    Image picture = {5, 2, 3, pixels};
    Areas a = areas_new(&picture);
    real out[5 * 5 * 3];
    resample((Resample){&a, {0, 0, 5, 2}, 1, 2, 0, 1, out, NULL});
    for (int k = 0; k < 2; k++)
        for (int c = 0; c < 3; c++) {
            double sum = 0;
            for (int y = 0; y < 2; y++)
                for (int x = 2 * k; x < 2 * k + 3; x++) sum += pixels[(y * 5 + x) * 3 + c];
            CLOSE((double)out[3 * k + c], sum / 6, 1e-4);
        }
    resample((Resample){&a, {1, 0, 2, 2}, 2, 5, 127.5, 128, out, NULL});
    const int low[5] = {1, 1, 1, 2, 2}, high[5] = {1, 1, 2, 2, 2};
    for (int i = 0; i < 5; i++) CLOSE((double)out[3 * (5 + i)], ((pixels[(5 + low[i]) * 3] + pixels[(5 + high[i]) * 3]) / 2.0 - 127.5) / 128, 1e-6);
    free(a.sums);
}

static void test_anchors(void)
{
    const real scores[2] = {0, 2}, boxes[4] = {1, -2, 0, (real)(5 * 0.69314718055994531)}, marks[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    Face f = decode_anchor(20, 12, 16, scores, boxes, marks);               /* centre 20 + 1.6, 12 - 3.2; 16 wide, 32 high */
    const double want[4] = {13.6, -7.2, 29.6, 24.8};
    CLOSE(f.score, 1 / (1 + exp(-2)), 1e-9);
    for (int i = 0; i < 4; i++) CLOSE(f.box[i], want[i], 1e-5);
    CLOSE(f.landmark[0][0], 21.6, 1e-6);
    CLOSE(f.landmark[4][1], 28, 1e-6);
}

/* ------------------------------------------------------------------------------------------------
 * Frames and pasting
 * ---------------------------------------------------------------------------------------------- */

/* A quarter turn, twice the size, moved by (3, -1): (1,0) goes to (3,1), (0,1) to (1,-1). */
static void test_similarity(void)
{
    const double from[8] = {0, 0, 1, 0, 0, 1, 2, 3}, to[8] = {3, -1, 3, 1, 1, -1, -3, 3}, same[8] = {0};
    Frame f;
    CHECK(similarity(from, to, 4, &f));
    CLOSE(f.turn_x, 0, 1e-12);
    CLOSE(f.turn_y, 2, 1e-12);
    CLOSE(f.x, 3, 1e-12);
    CLOSE(f.y, -1, 1e-12);
    CHECK(!similarity(same, to, 4, &f));
    CHECK(!similarity(from, same, 4, &f));
    double u, v, x, y;
    frame_point(&f, 0.3, 0.8, &x, &y);
    f = (Frame){1.5, 2.5, -4, 7};
    frame_point(&f, 0.3, 0.8, &x, &y);
    frame_invert(&f, x, y, &u, &v);
    CLOSE(u, 0.3, 1e-12);
    CLOSE(v, 0.8, 1e-12);
    Frame grown = frame_grown((Frame){10, 0, 100, 50}, 1.4);
    CLOSE(grown.x, 98, 1e-12);
    CLOSE(grown.y, 48, 1e-12);
    CLOSE(frame_side(&grown), 14, 1e-12);
    const double stretched[8] = {0, 0, 2, 0, 0, 1, 2, 1}, plain[8] = {0, 0, 1, 0, 0, 1, 1, 1};    /* no similarity: the best is 1.5 */
    CHECK(similarity(plain, stretched, 4, &f));
    CLOSE(f.turn_x, 1.5, 1e-12);
    CLOSE(f.turn_y, 0, 1e-12);
}

/* A face whose landmarks stand on the template, turned and enlarged, is cut out upright; coinciding landmarks fall back. */
static void test_alignment(void)
{
    Face f = a_face(10, 10, 50, 70, 1);
    Frame turn = {60, 25, 12, -3}, got;
    for (int i = 0; i < LANDMARKS; i++) frame_point(&turn, aligned_points[2 * i], aligned_points[2 * i + 1], &f.landmark[i][0], &f.landmark[i][1]);
    got = face_frame(f, true, 0);
    CLOSE(got.turn_x, 60, 1e-9);
    CLOSE(got.turn_y, 25, 1e-9);
    CLOSE(got.x, 12, 1e-9);
    CLOSE(got.y, -3, 1e-9);
    memset(f.landmark, 0, sizeof f.landmark);
    got = face_frame(f, true, 0.5);                                         /* the upright 60 px square about (30,40), half as much more */
    CLOSE(got.turn_x, 90, 1e-9);
    CLOSE(got.x, -15, 1e-9);
    CLOSE(got.y, -5, 1e-9);
}

static Image drawn_picture(int width, int height, int channels)
{
    Image image;
    char why[IMAGE_ERROR_SIZE];
    if (!image_new(width, height, channels, &image, why)) abort();
    return image;
}

/* At its own size a cut is a copy, beyond the border the border goes on, and shrinking by whole factors averages. */
static void test_cut(void)
{
    Image picture = drawn_picture(9, 7, 3), cut;
    Error e = {0};
    for (int i = 0; i < 9 * 7 * 3; i++) picture.pixels[i] = (unsigned char)(i * 37 % 251);
    CHECK(cut_frame(&picture, (Frame){4, 0, 2, 1}, 4, &cut, &e));
    int same = 0;
    for (int y = 0; y < 4; y++) same += memcmp(cut.pixels + y * 12, picture.pixels + ((y + 1) * 9 + 2) * 3, 12) == 0;
    CHECK(same == 4);
    image_free(&cut);
    CHECK(cut_frame(&picture, (Frame){4, 0, -4, -4}, 4, &cut, &e));
    CHECK(memcmp(cut.pixels, picture.pixels, 3) == 0 && memcmp(cut.pixels + 45, picture.pixels, 3) == 0);
    image_free(&cut);
    CHECK(cut_frame(&picture, (Frame){4, 0, 0, 0}, 2, &cut, &e));
    double mean = (picture.pixels[0] + picture.pixels[3] + picture.pixels[27] + picture.pixels[30]) / 4.0;
    CLOSE(cut.pixels[0], mean, 0.51);
    image_free(&cut), image_free(&picture);
}

/* A value of a picture in [-1,1], told in bytes. */
static real from_byte(double byte) { return (real)(byte / 127.5 - 1); }

/* Outside the frame nothing moves by a bit; an edit's middle arrives, though the rest of the drawing is discoloured. */
static void test_paste(int channels, Frame frame)
{
    enum { SIDE = 64, SMALL = 24 };
    real before[SMALL * SMALL * 3], after[SMALL * SMALL * 3];
    Image photo = drawn_picture(SIDE, SIDE, 3), edited = drawn_picture(SIDE, SIDE, 3);
    for (int i = 0; i < SIDE * SIDE * 3; i++) photo.pixels[i] = (unsigned char)(100 + i / 3 % SIDE / 4 + i % 3 * 20);
    for (int i = 0; i < SMALL * SMALL * channels; i++) before[i] = from_byte(120 + i % 5), after[i] = from_byte(180 + i % 5);
    memcpy(edited.pixels, photo.pixels, SIDE * SIDE * 3);
    for (int y = 10; y < 14; y++)
        for (int i = 10 * channels; i < 14 * channels; i++) after[y * SMALL * channels + i] = from_byte(20);
    paste_frame(&edited, frame, &(Drawn){.side = SMALL, .channels = channels, .before = before, .after = after, .redrawn = true});
    int moved = 0, inside = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double u, v;
            bool changed = memcmp(photo.pixels + (y * SIDE + x) * 3, edited.pixels + (y * SIDE + x) * 3, 3) != 0;
            frame_invert(&frame, x + 0.5, y + 0.5, &u, &v);
            bool within = u > 0 && u < 1 && v > 0 && v < 1;
            moved += changed && !within, inside += changed && within;
        }
    CHECK_MSG(moved == 0, "%d pixels outside the frame were touched", moved);
    CHECK(inside > 20);
    double x, y;
    frame_point(&frame, 0.5, 0.5, &x, &y);
    int middle = ((int)y * SIDE + (int)x) * 3;
    CHECK_MSG(edited.pixels[middle] + 60 < photo.pixels[middle], "the edit's dark middle is %d on %d", edited.pixels[middle], photo.pixels[middle]);
    image_free(&photo), image_free(&edited);
}

/* A redrawn face that is flat but discoloured leaves no seam; a change in the middle arrives whole. */
static void test_seam(void)
{
    enum { SIDE = 80, SMALL = 32 };
    static const bool all_around[4] = {true, true, true, true};
    real before[SMALL * SMALL * 3], after[SMALL * SMALL * 3];
    const Drawn drawn = {.side = SMALL, .channels = 3, .before = before, .after = after, .redrawn = true};
    Image photo = drawn_picture(SIDE, SIDE, 3);
    memset(photo.pixels, 120, SIDE * SIDE * 3);
    for (int i = 0; i < SMALL * SMALL * 3; i++) before[i] = from_byte(120), after[i] = from_byte(190);
    paste_frame(&photo, (Frame){50, 0, 12, 12}, &drawn);
    int worst = 0;
    for (int i = 0; i < SIDE * SIDE * 3; i++) worst = max_int(worst, abs(photo.pixels[i] - 120));
    CHECK_MSG(worst <= 1, "a discoloured flat edit shows by %d", worst);
    memset(photo.pixels, 120, SIDE * SIDE * 3);
    for (int i = 0; i < SMALL * SMALL * 3; i++) {                           /* right along the border, 60 too bright in the middle */
        double w = paste_weight((i / 3 % SMALL + 0.5) / SMALL, (i / 3 / SMALL + 0.5) / SMALL, all_around);
        after[i] = from_byte(w >= 1 ? 180 : 120);
    }
    paste_frame(&photo, (Frame){50, 0, 12, 12}, &drawn);
    int step = 0;
    for (int x = 1; x < 20; x++) step = max_int(step, abs(photo.pixels[(40 * SIDE + x) * 3] - photo.pixels[(40 * SIDE + x - 1) * 3]));
    CHECK_MSG(photo.pixels[(40 * SIDE + 40) * 3] == 180 && photo.pixels[(40 * SIDE + 13) * 3] <= 121, "middle %d, border %d",
              photo.pixels[(40 * SIDE + 40) * 3], photo.pixels[(40 * SIDE + 13) * 3]);
    CHECK_MSG(step <= 45, "a step of %d between neighbours", step);
    image_free(&photo);
}

/* Where the drawing changes nothing, and where the mask is 0, the photograph keeps its bits at its own resolution; under a
 * mask of 1 there is what G paints, up to the photograph's border, where nothing meets it. */
static void test_change(void)
{
    enum { SIDE = 90, SMALL = 16 };
    real before[SMALL * SMALL], paint[SMALL * SMALL], mask[SMALL * SMALL];
    Image photo = drawn_picture(SIDE, SIDE, 1), edited = drawn_picture(SIDE, SIDE, 1);
    for (int i = 0; i < SIDE * SIDE; i++) photo.pixels[i] = (unsigned char)(i * 37 % 251);
    for (int i = 0; i < SMALL * SMALL; i++) before[i] = from_byte(i % 200), paint[i] = from_byte(77), mask[i] = i % SMALL >= SMALL / 2;
    memcpy(edited.pixels, photo.pixels, SIDE * SIDE);
    paste_frame(&edited, (Frame){SIDE, 0, 0, 0}, &(Drawn){.side = SMALL, .channels = 1, .before = before, .after = before});
    CHECK(memcmp(edited.pixels, photo.pixels, SIDE * SIDE) == 0);
    paste_frame(&edited, (Frame){SIDE, 0, 0, 0}, &(Drawn){.side = SMALL, .channels = 1, .before = before, .after = paint, .mask = mask});
    int kept = 0, painted = 0;
    for (int y = 0; y < SIDE; y++) {
        kept += memcmp(edited.pixels + y * SIDE, photo.pixels + y * SIDE, 30) == 0;
        for (int x = 60; x < SIDE; x++) painted += edited.pixels[y * SIDE + x] == 77;
    }
    CHECK_MSG(kept == SIDE && painted == SIDE * 30, "%d rows kept, %d pixels painted", kept, painted);
    image_free(&photo), image_free(&edited);
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

static void write_conv_norm(Writing *w, const char *base, int i, int k, int c, int size)
{
    static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
    char name[96];
    snprintf(name, sizeof name, "module.%s.%d.weight", base, i);
    write_tensor(w, name, 4, (int64_t[4]){k, c, size, size});
    for (int p = 0; p < 4; p++) {
        snprintf(name, sizeof name, "module.%s.%d.%s", base, i + 1, parts[p]);
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
            snprintf(base, sizeof base, "module.%s.%d.conv1x1.weight", heads[k].name, i);
            write_tensor(&w, base, 4, (int64_t[4]){heads[k].k, 64, 1, 1});
            snprintf(base, sizeof base, "module.%s.%d.conv1x1.bias", heads[k].name, i);
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
    Detector d;
    Error e = {0};
    int found = 0, first = -1;
    CHECK_MSG(detector_open(&d, kind, weights, &e), "%s", e.text);
    if (e.status) return;
    d.threshold = threshold;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Image picture = drawn_picture(sizes[i][0], sizes[i][1], 3);
        Faces faces;
        fill_picture(&picture);
        CHECK_MSG(detect_faces(&d, &picture, &faces, &e), "%s %dx%d: %s", kind, sizes[i][0], sizes[i][1], e.text);
        for (int k = 0; k < faces.count; k++) CHECK(is_sane(&faces.items[k]) && faces.items[k].score > threshold && face_width(&faces.items[k]) > 0);
        if (sizes[i][0] == 61 && first < 0) first = faces.count;
        if (i == sizeof sizes / sizeof *sizes - 1) CHECK_MSG(faces.count == first, "%d faces, then %d", first, faces.count);
        found += faces.count;
        faces_free(&faces);
        image_free(&picture);
    }
    CHECK_MSG(found > 0, "%s found nothing at all at threshold %g", kind, threshold);
    detector_close(&d);
}

/* A large picture is scaled down for the networks, and its faces come back in its own pixels. */
static void test_bounded(const char *weights)
{
    Detector d;
    Error e = {0};
    Image picture = drawn_picture(600, 300, 3);
    Faces faces;
    CHECK(detector_open(&d, "retinaface", weights, &e));
    memset(picture.pixels, 90, 600 * 300 * 3);
    d.max_side = 150;
    d.threshold = 0;
    CHECK(detect_faces(&d, &picture, &faces, &e));
    double right = 0;
    for (int i = 0; i < faces.count; i++) right = fmax(right, faces.items[i].box[2]);
    CHECK_MSG(right > 300, "the rightmost face ends at %g of 600", right);
    CHECK(shape_count(d.networks[0].sized[0].input.shape) <= 150 * 75 * 3 && d.input_room <= 150 * 75 * 3);
    faces_free(&faces);
    image_free(&picture);
    detector_close(&d);
}

static void expect_refusal(const char *kind, const char *weights, const char *fragment)
{
    Detector d;
    Error e = {0};
    CHECK(!detector_open(&d, kind, weights, &e));
    CHECK_MSG(strstr(e.text, fragment), "wanted to hear \"%s\", heard: %s", fragment, e.text);
}

static void test_refusals(void)
{
    char path[320];
    snprintf(path, sizeof path, "%s/broken.safetensors", folder);
    expect_refusal("mtcnn", "", "pnet.pt, rnet.pt and onet.pt");
    expect_refusal("mtcnn", "", "facegan detect photo.jpg --detector mtcnn --weights");
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
    Names crops = folder_names(out, NAMES_PICTURES, 0);
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
        char *class_folder = text_of("%s/%s", in, i % 2 ? "sad" : "happy");
        Error e = {0};
        CHECK(make_directory(class_folder, &e));
        snprintf(path, sizeof path, "%s/%d.png", class_folder, i);
        CHECK(image_save(path, i == 3 ? &flat : &photo, NULL, 0, why));
        free(class_folder);
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

static char **names_given;

static void give_names(void *paths)
{
    names_given = photo_names(paths);
    for (int i = 0; i < ((const Names *)paths)->count; i++) hand_out(names_given[i]);
    hand_out(names_given);
}

/* Whoever shares a name gets a longer one; nobody's output overwrites another's. */
static void test_names(void)
{
    static const char *const paths[] = {"a/photo.jpg", "./b/photo.png", "c/photo.one.jpg", "x.jpg", "../c/x", "y/.hidden.png"};
    static const char *const wanted[] = {"a_photo.jpg", "b_photo.png", "photo.one", "x.jpg", "c_x", ".hidden"};
    Names in = {0};
    Error e = {0};
    for (int i = 0; i < 6; i++) names_add(&in, paths[i]);
    CHECK(attempt(give_names, &in, &e));
    for (int i = 0; i < 6; i++) CHECK_MSG(strcmp(names_given[i], wanted[i]) == 0, "%s is called %s", paths[i], names_given[i]);
    names_add(&in, "./b/photo.png");
    CHECK(attempt(give_names, &in, &e));              /* the same picture twice is no harm */
    names_add(&in, "../b/photo.png");
    CHECK(!attempt(give_names, &in, &e) && e.status == 2);
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
    test_overlap();
    test_suppression();
    test_boxes();
    test_areas();
    test_anchors();
    test_similarity();
    test_alignment();
    test_cut();
    test_paste(3, (Frame){40, 0, 10, 12});
    test_paste(1, (Frame){40, 0, 10, 12});
    test_paste(3, (Frame){30, 18, 24, 5});
    test_paste(3, (Frame){44, 0, -6, 30});
    test_seam();
    test_change();
    test_refusals();
    write_mtcnn(mtcnn, NULL, NULL);
    write_retinaface(retinaface);
    test_detector("mtcnn", mtcnn, 0.01);
    test_detector("retinaface", retinaface, 0.1);
    test_bounded(retinaface);
    test_verb(mtcnn);
    test_import(mtcnn);
    test_names();
    leave();
    threads_stop();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command)) return 1;
    return check_report();
}
