/* test_boxes.c: vendor/boxes.h on examples computed by hand. */
#define SCOPE_IMPLEMENTATION
#define SCOPE_STATIC
#define IMAGE_IMPLEMENTATION
#define IMAGE_STATIC
#define BOXES_IMPLEMENTATION
#define BOXES_STATIC
#include "../vendor/boxes.h"
#include "check.h"

static Box a_box(double left, double top, double right, double bottom, double score)
{
    return (Box){.box = {left, top, right, bottom}, .score = score};
}

static void check_sides(const Box *b, double left, double top, double right, double bottom, double error)
{
    const double wanted[4] = {left, top, right, bottom};
    for (int i = 0; i < 4; i++) CLOSE(b->box[i], wanted[i], error);
}

static void test_overlap(void)
{
    Box a = a_box(0, 0, 10, 10, 1), b = a_box(5, 0, 15, 10, 1), c = a_box(2, 2, 6, 6, 1), away = a_box(20, 20, 30, 30, 1);
    CLOSE(box_overlap(&a, &b, BOXES_UNION, 0), 50.0 / 150, 1e-12);
    CLOSE(box_overlap(&a, &b, BOXES_SMALLER, 0), 0.5, 1e-12);
    CLOSE(box_overlap(&a, &b, BOXES_UNION, 1), 66.0 / (121 + 121 - 66), 1e-12);
    CLOSE(box_overlap(&a, &c, BOXES_SMALLER, 0), 1, 1e-12);
    CLOSE(box_overlap(&a, &c, BOXES_UNION, 0), 0.16, 1e-12);
    CLOSE(box_overlap(&a, &away, BOXES_UNION, 1), 0, 0);
    CLOSE(box_overlap(&away, &away, BOXES_SMALLER, 0), 1, 1e-12);
    Box point = a_box(3, 3, 3, 3, 1);                                       /* has no area to share */
    CLOSE(box_overlap(&point, &point, BOXES_UNION, 0), 0, 0);
    CHECK(box_is_inside(&a, 10, 10) && !box_is_inside(&a, 9, 10) && !box_is_inside(&b, 10, 10));
}

/* The second best overlaps the best by a third, the third best is inside it, the fourth stands alone; NaN and absurd boxes go. */
static void test_suppression(void)
{
    Boxes f = {0};
    boxes_add(&f, a_box(20, 20, 30, 30, 0.1));
    boxes_add(&f, a_box(5, 0, 15, 10, 0.8));
    boxes_add(&f, a_box(0, 0, 10, 10, 0.9));
    boxes_add(&f, a_box(1, 1, 9, 9, 0.7));
    boxes_add(&f, a_box(0, 0, NAN, 10, 1));
    boxes_add(&f, a_box(0, 0, 1e30, 10, 1));
    boxes_add(&f, a_box(40, 40, 50, 50, NAN));
    CHECK(box_is_sane(&f.items[0]) && !box_is_sane(&f.items[4]) && !box_is_sane(&f.items[5]) && !box_is_sane(&f.items[6]));
    boxes_suppress(&f, BOXES_UNION, 0.5, 0, 100);
    CHECK(f.count == 3);
    CHECK(f.items[0].score == 0.9 && f.items[1].score == 0.8 && f.items[2].score == 0.1);
    boxes_suppress(&f, BOXES_UNION, 0.3, 0, 100);
    CHECK(f.count == 2 && f.items[1].score == 0.1);
    boxes_suppress(&f, BOXES_UNION, 0.3, 0, 1);                             /* of the best candidate only */
    CHECK(f.count == 1 && f.items[0].score == 0.9);
    boxes_free(&f);
    boxes_suppress(&f, BOXES_UNION, 0.3, 0, 100);
    CHECK(f.count == 0);
    for (int i = 0; i < 3; i++) boxes_add(&f, a_box(100 * (i == 0 ? 2 : i == 1 ? 0 : 1), 0, 100 * (i == 0 ? 2 : i == 1 ? 0 : 1) + 10, 10, 0.5));
    boxes_suppress(&f, BOXES_UNION, 0.3, 0, 100);                           /* equal scores: from left to right */
    CHECK(f.count == 3 && f.items[0].box[0] == 0 && f.items[1].box[0] == 100 && f.items[2].box[0] == 200);
    boxes_free(&f);
}

static void test_moves(void)
{
    Box b = a_box(10, 20, 30, 60, 1);                                       /* 20 wide, 40 high; with the last pixel 21 and 41 */
    memcpy(b.move, (double[4]){0.1, -0.1, 0.2, 0.5}, sizeof b.move);
    Box moved = b;
    box_move(&moved, 0);
    check_sides(&moved, 12, 16, 34, 80, 1e-12);
    moved = b;
    box_move(&moved, 1);
    check_sides(&moved, 12.1, 15.9, 34.2, 80.5, 1e-12);
    moved = b;
    box_square(&moved);
    check_sides(&moved, 0, 20, 40, 60, 1e-12);
    Boxes list = {&b, 1, 1};
    b.point[2][0] = 5, b.point[2][1] = 7;
    boxes_move(&list, 0, true);                                             /* 22 x 64 from (12,16): its square is 64 about x = 23 */
    check_sides(&b, -9, 16, 55, 80, 1e-12);
    boxes_scale(&list, 2, 0.5);
    check_sides(&b, -18, 8, 110, 40, 1e-12);
    CLOSE(b.point[2][0], 10, 0);
    CLOSE(b.point[2][1], 3.5, 0);
}

static void test_windows(void)
{
    Box over = a_box(-20.7, 30.9, 20.9, 70.2, 1), outside = a_box(120, 10, 140, 30, 1), wild = a_box(-1e9, NAN, 1e9, 1e9, 1);
    ImageWindow w = box_window(&over, 100, 50);
    CHECK(w.x == 0 && w.y == 29 && w.width == 20 && w.height == 21);
    CHECK(box_window(&outside, 100, 50).width <= 0);
    w = box_window(&wild, 100, 50);
    CHECK(w.x == 0 && w.y == 0 && w.width == 100 && w.height == 50);
}

/* What a network is told of a square brings out the truth again. */
static void test_targets(void)
{
    Box truth = a_box(12, 16, 34, 80, 1), square = a_box(10, 20, 50, 60, 1);
    float move[4], points[2 * BOX_POINTS];
    truth.point[0][0] = 20, truth.point[0][1] = 30;
    box_targets(&truth, &square, 0, move, points);
    CLOSE(move[0], 2.0 / 40, 1e-7), CLOSE(move[1], -4.0 / 40, 1e-7), CLOSE(move[2], -16.0 / 40, 1e-7), CLOSE(move[3], 0.5, 1e-7);
    CLOSE(points[0], 0.25, 1e-7);
    CLOSE(points[BOX_POINTS], 0.25, 1e-7);
    for (int pixel = 0; pixel < 2; pixel++) {
        Box b = square;
        box_targets(&truth, &square, pixel, move, points);
        box_set_points(&b, pixel, points);
        for (int i = 0; i < 4; i++) b.move[i] = (double)move[i];
        box_move(&b, pixel);
        check_sides(&b, 12, 16, 34, 80, 1e-5);
        for (int i = 0; i < 2 * BOX_POINTS; i++) CLOSE(b.point[i / 2][i % 2], truth.point[i / 2][i % 2], 1e-5);
    }
    box_targets(&truth, &square, 0, NULL, NULL);
}

static void test_anchors(void)
{
    const float at[4] = {1, -2, 0, (float)(5 * 0.69314718055994531)}, points[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    Box b = box_of_anchor(20, 12, 16, at, points);                          /* centre 20 + 1.6, 12 - 3.2; 16 wide, 32 high */
    check_sides(&b, 13.6, -7.2, 29.6, 24.8, 1e-5);
    CLOSE(b.point[0][0], 21.6, 1e-6);
    CLOSE(b.point[4][1], 28, 1e-6);
}

/* A face whose points stand on the template, turned and enlarged, is cut out upright; coinciding points fall back. */
static void test_alignment(void)
{
    Box b = a_box(10, 10, 50, 70, 1);
    ImageFrame turn = {60, 25, 12, -3}, got;
    const double *at = box_template();
    for (int i = 0; i < BOX_POINTS; i++) image_frame_point(&turn, at[2 * i], at[2 * i + 1], &b.point[i][0], &b.point[i][1]);
    got = box_frame(b, true, 0);
    CLOSE(got.turn_x, 60, 1e-9), CLOSE(got.turn_y, 25, 1e-9), CLOSE(got.x, 12, 1e-9), CLOSE(got.y, -3, 1e-9);
    got = box_frame(b, false, 0);                                           /* the upright 60 px square about (30,40) */
    CLOSE(got.turn_x, 60, 1e-9), CLOSE(got.turn_y, 0, 0), CLOSE(got.x, 0, 1e-9), CLOSE(got.y, 10, 1e-9);
    memset(b.point, 0, sizeof b.point);
    got = box_frame(b, true, 0.5);                                          /* half as much more */
    CLOSE(got.turn_x, 90, 1e-9), CLOSE(got.x, -15, 1e-9), CLOSE(got.y, -5, 1e-9);
}

/* A number for each column. */
static void test_printing(void)
{
    char text[300] = "";
    int columns = 1, numbers = 0;
    Box b = {.box = {1, -2.5, 30.006, 4}, .score = 0.5};
    for (int k = 0; k < BOX_POINTS; k++) b.point[k][0] = k, b.point[k][1] = 10 + k;
    FILE *file = fmemopen(text, sizeof text, "w");
    box_print(file, &b);
    fclose(file);
    CHECK(strcmp(text, ",1.00,-2.50,30.01,4.00,0.00,10.00,1.00,11.00,2.00,12.00,3.00,13.00,4.00,14.00\n") == 0);
    for (const char *at = box_columns; *at; at++) columns += *at == ',';
    for (const char *at = text; *at; at++) numbers += *at == ',';
    CHECK(columns == numbers);
}

int main(void)
{
    test_overlap();
    test_suppression();
    test_moves();
    test_windows();
    test_targets();
    test_anchors();
    test_alignment();
    test_printing();
    return check_report();
}
