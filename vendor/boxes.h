/* boxes.h: boxes about things in a picture, as detectors find them: how much two overlap, doubles, squares, the part
 * that lies in the picture, anchors, corrections, the cut-out in which a face's five points stand in their places, and
 * a box as the columns of a CSV file.
 *
 *     #define SCOPE_IMPLEMENTATION    and IMAGE_IMPLEMENTATION, BOXES_IMPLEMENTATION, in exactly one C file
 *     #include "boxes.h"
 *
 *     Boxes found = {0};
 *     boxes_add(&found, (Box){.box = {10, 10, 50, 60}, .score = 0.9});
 *     boxes_add(&found, (Box){.box = {12, 10, 50, 60}, .score = 0.7});
 *     boxes_suppress(&found, BOXES_UNION, 0.5, 0, 1000);                  one is left, the better one
 *     ImageFrame frame = box_frame(found.items[0], 0, 0.3);              its square, 30% larger: for image.h to cut out
 *
 * Coordinates are the picture's pixels, x to the right and y down. A detector finds a face many times, at neighbouring
 * places and scales: greedy suppression keeps the best candidate and drops all that overlap it by more than a limit,
 * then the best of the rest, and so on. Equal scores are ordered by place, so that the result depends on no sorting
 * algorithm.
 *
 * `pixel` is 1 where a box's right and bottom are its last pixels, and 0 where they are its ends: published codes
 * differ.
 *
 * Stands on scope.h (lists belong to the innermost scope; without memory they give up) and image.h (windows and
 * frames). Define BOXES_STATIC as well to keep every function private to that file. */
#ifndef BOXES_H
#define BOXES_H

#include "image.h"
#include "scope.h"
#include <stdio.h>

#ifdef BOXES_STATIC
#define BOXES_API static inline
#elif defined(__cplusplus)
#define BOXES_API extern "C"
#else
#define BOXES_API extern
#endif

enum { BOX_POINTS = 5 };                /* as seen: left eye, right eye, nose, left and right mouth corner */

typedef struct Box {
    double box[4];                      /* left, top, right, bottom */
    double score;
    double point[BOX_POINTS][2];
    double move[4];                     /* how far each side is still to be moved, in widths and heights */
} Box;

typedef struct Boxes { Box *items; int count, room; } Boxes;

/* ---- one box ---- */

BOXES_API double box_width(const Box *b);
BOXES_API double box_height(const Box *b);

/* The common area over the area of both together, or over the smaller one's. */
typedef enum { BOXES_UNION, BOXES_SMALLER } BoxOverlap;
BOXES_API double box_overlap(const Box *a, const Box *b, BoxOverlap kind, double pixel);

/* A score, and sides that are numbers of a picture's size: weights that are not a detector's may answer with anything.
 * */
BOXES_API bool box_is_sane(const Box *b);

/* Does it lie in the picture altogether? */
BOXES_API bool box_is_inside(const Box *b, int width, int height);

/* Moves each side by its share of the width or height. */
BOXES_API void box_move(Box *b, double pixel);

/* The square of the longer side about the same centre. */
BOXES_API void box_square(Box *b);

/* The part of a square that lies in the picture, in whole pixels; empty where width or height is not positive. Corners
 * are counted from 1, as in MTCNN's public code: 10 to 20 are the pixels 9 to 19. */
BOXES_API ImageWindow box_window(const Box *b, int width, int height);

/* What box_move() and a reader of points should be told of a square, that `truth` comes out: how far each side is off,
 * and where the points are, five x and then five y, from the square's corner (less a pixel), in its sides. Either may
 * be NULL. */
BOXES_API void box_targets(const Box *truth, const Box *square, double pixel, IMAGE_REAL *move, IMAGE_REAL *points);
BOXES_API void box_set_points(Box *b, double pixel, const IMAGE_REAL *points);

/* From the anchor, a square of the given side about (x,y), with the variances 0.1 and 0.2 (Liu et al. 2016, SSD):
 *     centre = anchor's + 0.1 side at[0,1]    size = side exp(0.2 at[2,3])    point = anchor's + 0.1 side points */
BOXES_API Box box_of_anchor(double x, double y, double side, const IMAGE_REAL at[4],
                            const IMAGE_REAL points[2 * BOX_POINTS]);

/* Where the five points stand in an aligned face of side 1: the template that face recognition uses on 112 pixels (Deng
 * et al. 2019, ArcFace). */
BOXES_API const double *box_template(void);

/* The upright square about the box, or with `align` the template's square. margin: so much more, as a share of its
 * side. A face whose points are all in one place cannot be aligned and is cut upright. */
BOXES_API ImageFrame box_frame(Box b, int align, double margin);

/* These columns, the last of a CSV file, and their part of a row: a comma before each number, a line's end behind. */
static const char box_columns[] = "left,top,right,bottom,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,"
                                  "mouth_left_x,mouth_left_y,mouth_right_x,mouth_right_y";
BOXES_API void box_print(FILE *to, const Box *b);

/* ---- many ---- */

BOXES_API void boxes_add(Boxes *list, Box b);
BOXES_API void boxes_free(Boxes *list);

/* Of the best `most` candidates leaves those that no better one overlaps by more than `limit`, best first. */
BOXES_API void boxes_suppress(Boxes *list, BoxOverlap kind, double limit, double pixel, int most);

BOXES_API void boxes_move(Boxes *list, double pixel, bool square);

/* Into a picture whose sides are so many times as long. */
BOXES_API void boxes_scale(Boxes *list, double x, double y);

#endif /* BOXES_H */

#if defined(BOXES_IMPLEMENTATION) && !defined(BOXES_IMPLEMENTED)
#define BOXES_IMPLEMENTED

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* x without its fraction, within [low, high]; low for NaN */
static int box_clamp(double x, int low, int high) { return (int)fmin(fmax(x, low), high); }

BOXES_API double box_width(const Box *b)  { return b->box[2] - b->box[0]; }
BOXES_API double box_height(const Box *b) { return b->box[3] - b->box[1]; }

BOXES_API double box_overlap(const Box *f, const Box *g, BoxOverlap kind, double pixel)
{
    double w = fmin(f->box[2], g->box[2]) - fmax(f->box[0], g->box[0]) + pixel;
    double h = fmin(f->box[3], g->box[3]) - fmax(f->box[1], g->box[1]) + pixel;
    double common = fmax(w, 0) * fmax(h, 0);
    double a = (box_width(f) + pixel) * (box_height(f) + pixel),
           b = (box_width(g) + pixel) * (box_height(g) + pixel);
    double whole = kind == BOXES_UNION ? a + b - common : fmin(a, b);
    return whole > 0 ? common / whole : 0;
}

BOXES_API bool box_is_sane(const Box *b)
{
    bool sane = b->score >= 0;
    for (int i = 0; i < 4; i++) sane = sane && fabs(b->box[i]) < 1e6;
    return sane;
}

BOXES_API bool box_is_inside(const Box *b, int width, int height)
{
    return b->box[0] >= 0 && b->box[1] >= 0 && b->box[2] <= width && b->box[3] <= height;
}

BOXES_API void box_move(Box *b, double pixel)
{
    double w = box_width(b) + pixel, h = box_height(b) + pixel;
    for (int i = 0; i < 4; i++) b->box[i] += b->move[i] * (i % 2 ? h : w);
}

BOXES_API void box_square(Box *b)
{
    double w = box_width(b), h = box_height(b), side = fmax(w, h);
    b->box[0] += w / 2 - side / 2;
    b->box[1] += h / 2 - side / 2;
    b->box[2] = b->box[0] + side;
    b->box[3] = b->box[1] + side;
}

BOXES_API ImageWindow box_window(const Box *b, int width, int height)
{
    ImageWindow w = {box_clamp(b->box[0], 1, width + 1) - 1, box_clamp(b->box[1], 1, height + 1) - 1, 0, 0};
    w.width = box_clamp(b->box[2], 0, width) - w.x, w.height = box_clamp(b->box[3], 0, height) - w.y;
    return w;
}

BOXES_API void box_targets(const Box *truth, const Box *square, double pixel, IMAGE_REAL *move, IMAGE_REAL *points)
{
    const double size[2] = {box_width(square) + pixel, box_height(square) + pixel};
    for (int k = 0; move && k < 4; k++) move[k] = (IMAGE_REAL)((truth->box[k] - square->box[k]) / size[k % 2]);
    for (int k = 0; points && k < 2 * BOX_POINTS; k++) {
        int axis = k / BOX_POINTS;
        points[k] = (IMAGE_REAL)((truth->point[k % BOX_POINTS][axis] - square->box[axis] + pixel) / size[axis]);
    }
}

BOXES_API void box_set_points(Box *b, double pixel, const IMAGE_REAL *points)
{
    for (int k = 0; k < BOX_POINTS; k++) {
        b->point[k][0] = b->box[0] - pixel + (box_width(b) + pixel) * (double)points[k];
        b->point[k][1] = b->box[1] - pixel + (box_height(b) + pixel) * (double)points[BOX_POINTS + k];
    }
}

BOXES_API Box box_of_anchor(double x, double y, double side, const IMAGE_REAL at[4],
                            const IMAGE_REAL points[2 * BOX_POINTS])
{
    Box b;
    double cx = x + 0.1 * side * (double)at[0], cy = y + 0.1 * side * (double)at[1];
    double w = side * exp(0.2 * (double)at[2]), h = side * exp(0.2 * (double)at[3]);
    memset(&b, 0, sizeof b);
    b.box[0] = cx - w / 2, b.box[1] = cy - h / 2, b.box[2] = cx + w / 2, b.box[3] = cy + h / 2;
    for (int k = 0; k < BOX_POINTS; k++) {
        b.point[k][0] = x + 0.1 * side * (double)points[2 * k];
        b.point[k][1] = y + 0.1 * side * (double)points[2 * k + 1];
    }
    return b;
}

BOXES_API const double *box_template(void)
{
    static const double points[2 * BOX_POINTS] = {38.2946 / 112, 51.6963 / 112, 73.5318 / 112, 51.5014 / 112,
                                                  56.0252 / 112, 71.7366 / 112, 41.5493 / 112, 92.3655 / 112,
                                                  70.7299 / 112, 92.2041 / 112};
    return points;
}

BOXES_API ImageFrame box_frame(Box b, int align, double margin)
{
    ImageFrame frame;
    if (!align || !image_frame_fit(box_template(), &b.point[0][0], BOX_POINTS, &frame)) {
        box_square(&b);
        frame.turn_x = box_width(&b), frame.turn_y = 0, frame.x = b.box[0], frame.y = b.box[1];
    }
    return image_frame_grown(frame, 1 + margin);
}

BOXES_API void box_print(FILE *to, const Box *b)
{
    for (int k = 0; k < 4; k++) fprintf(to, ",%.2f", b->box[k]);
    for (int k = 0; k < 2 * BOX_POINTS; k++) fprintf(to, ",%.2f", b->point[k / 2][k % 2]);
    fputc('\n', to);
}

/* ---- many ---- */

BOXES_API void boxes_add(Boxes *list, Box b)
{
    list->items = (Box *)own_more(innermost_scope(), list->items, list->count, &list->room, sizeof *list->items);
    list->items[list->count++] = b;
}

BOXES_API void boxes_free(Boxes *list)
{
    give_back(list->items);
    memset(list, 0, sizeof *list);
}

static int box_best_first(const void *a, const void *b)
{
    const Box *f = (const Box *)a, *g = (const Box *)b;
    if (f->score != g->score) return f->score < g->score ? 1 : -1;
    for (int i = 0; i < 4; i++)
        if (f->box[i] != g->box[i]) return f->box[i] < g->box[i] ? -1 : 1;
    return 0;
}

BOXES_API void boxes_suppress(Boxes *list, BoxOverlap kind, double limit, double pixel, int most)
{
    Box *b = list->items;
    int kept = 0, sane = 0;
    for (int i = 0; i < list->count; i++)
        if (box_is_sane(&b[i])) b[sane++] = b[i];
    if (sane) qsort(b, (size_t)sane, sizeof *b, box_best_first);
    for (int i = 0; i < sane && i < most; i++) {
        bool lone = true;
        for (int k = 0; lone && k < kept; k++) lone = !(box_overlap(&b[k], &b[i], kind, pixel) > limit);
        if (lone) b[kept++] = b[i];
    }
    list->count = kept;
}

BOXES_API void boxes_move(Boxes *list, double pixel, bool square)
{
    for (int i = 0; i < list->count; i++) {
        box_move(&list->items[i], pixel);
        if (square) box_square(&list->items[i]);
    }
}

BOXES_API void boxes_scale(Boxes *list, double x, double y)
{
    for (int i = 0; i < list->count; i++) {
        for (int k = 0; k < 4; k++) list->items[i].box[k] *= k % 2 ? y : x;
        for (int k = 0; k < BOX_POINTS; k++) list->items[i].point[k][0] *= x, list->items[i].point[k][1] *= y;
    }
}
#endif /* BOXES_IMPLEMENTATION */
