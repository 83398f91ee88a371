/* heaps.h: points of the plane in heaps: data on which a generative model shows in seconds whether it leaves any out.
 *
 *     #define HEAPS_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "heaps.h"                which includes image.h, for its sine: that one's IMPLEMENTATION stands in the
 *                                       same file
 *
 *     Heaps heaps = heaps_new("ring");
 *     double point[2] = {normal(), normal()};            from the standard normal distribution
 *     heaps_point(&heaps, chance(), point);              a point of the data
 *     HeapsTally drawn = {0};
 *     for (...) heaps_add(&drawn, &heaps, x, y);         what a model drew
 *     HeapsVerdict v = heaps_verdict(&drawn, &heaps);
 *
 *     ring    8 on a circle of radius 2                  a heap is a normal distribution with a standard deviation of
 *     grid    5 x 5, one apart, from -2 to 2             0.05 in both directions; all lie between -3 and 3, and are
 *     spiral  16 on one and a half turns                 equally likely
 *
 * Where they lie has the same bits on every machine. Define HEAPS_STATIC as well to keep every function private to that
 * file. The declarations are C++17, too.
 */
#ifndef HEAPS_H
#define HEAPS_H

#include "image.h"

#ifdef HEAPS_STATIC
#define HEAPS_API static inline
#elif defined(__cplusplus)
#define HEAPS_API extern "C"
#else
#define HEAPS_API
#endif

enum { HEAPS_MOST = 25 };
typedef struct Heaps { int n; double at[HEAPS_MOST][2]; } Heaps;

/* As the word has it; any other one is a ring. */
HEAPS_API Heaps heaps_new(const char *shape);

/* Turns two normal numbers into a point of the heap that `luck`, from [0,1), falls on. */
HEAPS_API void heaps_point(const Heaps *h, double luck, double point[2]);

/* Points by the heap that they lie on, at most four standard deviations away. Begins as zeros. */
typedef struct HeapsTally { int points, on[HEAPS_MOST]; } HeapsTally;
HEAPS_API void heaps_add(HeapsTally *t, const Heaps *h, double x, double y);

/* How many heaps are reached (by a fifth of their share of points, at least), and the share of points that lie on
 * one. */
typedef struct HeapsVerdict { int reached; double within; } HeapsVerdict;
HEAPS_API HeapsVerdict heaps_verdict(const HeapsTally *t, const Heaps *h);

#endif /* HEAPS_H */

#if defined(HEAPS_IMPLEMENTATION) && !defined(HEAPS_IMPLEMENTED)
#define HEAPS_IMPLEMENTED

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double heaps_deviation = 0.05, heaps_turn = 6.28318530717958647693;

HEAPS_API Heaps heaps_new(const char *shape)
{
    bool grid = strcmp(shape, "grid") == 0, spiral = strcmp(shape, "spiral") == 0;
    Heaps h = {.n = grid ? 25 : spiral ? 16 : 8};
    for (int i = 0; i < h.n; i++) {
        double turn = (spiral ? 1.5 : 1) * heaps_turn * i / h.n, radius = spiral ? 0.4 + 1.8 * i / h.n : 2;
        h.at[i][0] = grid ? i % 5 - 2 : radius * image_sine(turn + heaps_turn / 4);
        h.at[i][1] = grid ? i / 5 - 2 : radius * image_sine(turn);
    }
    return h;
}

HEAPS_API void heaps_point(const Heaps *h, double luck, double point[2])
{
    int heap = (int)(luck * h->n);
    for (int k = 0; k < 2; k++) point[k] = h->at[heap][k] + heaps_deviation * point[k];
}

HEAPS_API void heaps_add(HeapsTally *t, const Heaps *h, double x, double y)
{
    t->points++;
    for (int k = 0; k < h->n; k++) t->on[k] += hypot(x - h->at[k][0], y - h->at[k][1]) <= 4 * heaps_deviation;
}

HEAPS_API HeapsVerdict heaps_verdict(const HeapsTally *t, const Heaps *h)
{
    int within = 0, reached = 0;
    for (int k = 0; k < h->n; k++) within += t->on[k], reached += t->on[k] * h->n * 5 >= t->points;
    HeapsVerdict v = {reached, (double)within / t->points};
    return v;
}

#endif /* HEAPS_IMPLEMENTATION */
