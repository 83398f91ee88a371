/* arrays.h: what a network does to whole arrays besides convolving them: sums over axes, repetition, softmax, the
 * largest channel, instance norm with its gradient, max pooling, warping. kernels.h does such things to a line of
 * numbers in one thread; here the lines of an array are shared among all threads (softmax and the largest channel are
 * done by the caller's).
 *
 *     #define ARRAYS_IMPLEMENTATION     in exactly one C file, before the include
 *     #include "arrays.h"               which includes kernels.h: that one's IMPLEMENTATION stands in the same file
 *
 *     int shape[4] = {8, 64, 64, 3}, summed[4] = {1, 1, 1, 3};
 *     arrays_sum(x, shape, y, summed, memory);           y: the sum of each channel
 *
 * Define ARRAYS_STATIC as well to keep every function private to that file; kernels.h says how to compile, and what
 * `real` is. The declarations are C++17, too.
 *
 * SHAPES are four lengths (N,H,W,C); the last axis varies fastest in memory.
 *
 * THE SAME BITS. Work is cut by shape and never by thread count, and parts are put together in a fixed order: one
 * thread or sixteen give the same numbers.
 *
 * MEMORY. Nothing here allocates. Where room is needed the caller's function `memory` gives it: so many bytes, aligned
 * for a double or better, good until its next call. It is called at most once by a function here.
 */
#ifndef ARRAYS_H
#define ARRAYS_H

#include "kernels.h"

#ifdef ARRAYS_STATIC
#define ARRAYS_API static inline
#elif defined(__cplusplus)
#define ARRAYS_API extern "C"
#else
#define ARRAYS_API
#endif

typedef void *ArraysMemory(size_t bytes);

/* Sums over every axis along which `summed` has length 1; the other lengths are x's. */
ARRAYS_API void arrays_sum(const real *x, const int shape[4], real *y, const int summed[4], ArraysMemory *memory);

/* Repeats x along every axis along which it has length 1. */
ARRAYS_API void arrays_broadcast(const real *x, const int shape[4], real *y, const int repeated[4]);

/* Rows of n numbers: e^x_k / sum of e^x, and the logarithm of that sum (a number a row). The largest is subtracted
 * first, so that nothing overflows; a NaN makes its whole row NaN. */
ARRAYS_API void arrays_softmax(const real *x, size_t rows, size_t n, real *y);
ARRAYS_API void arrays_logsumexp(const real *x, size_t rows, size_t n, real *y, ArraysMemory *memory);

/* Rows of n numbers v. pick: of each row of u the number at v's largest (the first such place). put: a row's number u
 * at v's largest, 0 in the other places. */
ARRAYS_API void arrays_pick_largest(const real *u, const real *v, size_t rows, size_t n, real *y);
ARRAYS_API void arrays_put_at_largest(const real *u, const real *v, size_t rows, size_t n, real *y);

/* Instance norm: with A = scale inverse, B = shift - mean A, of each picture and channel
 *
 *     y = leaky(A x + B + residual)
 *     sums: of d and of d h over the pixels, where d = dy times the activation's slope, h = (x - mean) inverse
 *     dx = A (d - sum of d / pixels - h sum of d h / pixels) */
typedef struct ArraysNorm {
    const int *shape;                   /* x's (N,H,W,C) */
    const real *x;
    const real *moments;                /* (N,2,C): each channel's mean, then its inverse, 1/sqrt(variance + epsilon) */
    const real *scale, *shift;          /* (C) */
    real slope;                         /* of the leaky ReLU; 1: none */
} ArraysNorm;

ARRAYS_API void arrays_moments(const real *x, const int shape[4], real epsilon, real *moments, ArraysMemory *memory);
ARRAYS_API void arrays_norm(const ArraysNorm *norm, const real *residual, real *y, ArraysMemory *memory);
ARRAYS_API void arrays_norm_sums(const ArraysNorm *norm, const real *dy, real *sums, ArraysMemory *memory);
ARRAYS_API void arrays_norm_dx(const ArraysNorm *norm, const real *dy, const real *sums, real *dx,
                               ArraysMemory *memory);

/* Of each window (s says where they lie; they are cut at the border) the number of u where x is largest, the first such
 * place; u may be x. unpool: dy of every window is added to where x is largest. */
ARRAYS_API void arrays_max_pool(const real *u, const real *x, const ConvShape *s, real *y, ArraysMemory *memory);
ARRAYS_API void arrays_max_unpool(const real *dy, const real *x, const ConvShape *s, real *dx);

/* Warping: each pixel of y (n,ho,wo,c) is taken from a place of x (n,h,w,c) of its own, by bilinear weights of the four
 * pixels around it, 0 standing beyond x's border. The map (n,ho,wo,2) has places from -1/2 to 1/2, between x's edges:
 * first the way to the right, then the way down. unwarp: its adjoint in x, which adds each of y's pixels to x's four.
 * slope: the gradient in the map, for dy (as y) at x. Of s n, h, w, c, ho and wo count. */
ARRAYS_API void arrays_warp(const real *x, const real *map, const ConvShape *s, real *y);
ARRAYS_API void arrays_unwarp(const real *dy, const real *map, const ConvShape *s, real *dx);
ARRAYS_API void arrays_warp_slope(const real *dy, const real *x, const real *map, const ConvShape *s, real *dm);

#endif /* ARRAYS_H */

#if defined(ARRAYS_IMPLEMENTATION) && !defined(ARRAYS_IMPLEMENTED)
#define ARRAYS_IMPLEMENTED

#include <math.h>
#include <string.h>

enum { ARRAYS_PIECE = 1 << 14 };        /* numbers in a task, about */

static int arrays_pieces(size_t count, size_t piece) { return (int)((count + piece - 1) / piece); }
static size_t arrays_least(size_t a, size_t b) { return a < b ? a : b; }

/* ---- sum and broadcast ---- */

/* Of four axes some are kept and some are summed. Neighbours of the same kind are as good as one axis, so five
 * alternating ones (some of length 1) cover every case: y[k0][k2][k4] = sum over r1 and r3 of x[k0][r1][k2][r3][k4]. */
typedef struct ArraysSum {
    size_t k0, r1, k2, r3, k4, rows;    /* the five lengths; how many of r1 a task takes */
    int tasks_a_k0;
    const real *x;
    double *partial;                    /* (k0, tasks_a_k0, k2*k4) */
} ArraysSum;

static ArraysSum arrays_sum_plan(const int shape[4], const int summed[4])
{
    size_t part[5] = {1, 1, 1, 1, 1};
    int slot = 0;
    for (int i = 0; i < 4; i++) {
        if (shape[i] == 1) continue;
        if (slot % 2 != (summed[i] == 1)) slot++;
        part[slot] *= (size_t)shape[i];
    }
    ArraysSum p = {.k0 = part[0], .r1 = part[1], .k2 = part[2], .r3 = part[3], .k4 = part[4]};
    size_t row = p.k2 * p.r3 * p.k4;
    p.rows = row >= ARRAYS_PIECE ? 1 : ARRAYS_PIECE / row;
    p.tasks_a_k0 = arrays_pieces(p.r1, p.rows);
    return p;
}

static void arrays_sum_task(void *plan, int index, int worker)
{
    (void)worker;
    const ArraysSum *p = plan;
    size_t k0 = (size_t)index / (size_t)p->tasks_a_k0, first = (size_t)index % (size_t)p->tasks_a_k0 * p->rows;
    size_t rows = arrays_least(p->rows, p->r1 - first), kept = p->k2 * p->k4, row = kept * p->r3;
    const real *x = p->x + (k0 * p->r1 + first) * row;
    double *out = p->partial + (size_t)index * kept;
    memset(out, 0, kept * sizeof *out);
    if (p->r3 == 1) {
        kernels->column_sums(x, rows, kept, kept, out);
        return;
    }
    for (size_t i = 0; i < rows * p->k2; i++)
        kernels->column_sums(x + i * p->r3 * p->k4, p->r3, p->k4, p->k4, out + i % p->k2 * p->k4);
}

ARRAYS_API void arrays_sum(const real *x, const int shape[4], real *y, const int summed[4], ArraysMemory *memory)
{
    ArraysSum p = arrays_sum_plan(shape, summed);
    size_t kept = p.k2 * p.k4, tasks = (size_t)p.tasks_a_k0;
    p.x = x, p.partial = memory(p.k0 * tasks * kept * sizeof *p.partial);
    parallel((int)(p.k0 * tasks), arrays_sum_task, &p);
    for (size_t k0 = 0; k0 < p.k0; k0++)
        for (size_t k = 0; k < kept; k++) {
            double total = 0;
            for (size_t t = 0; t < tasks; t++) total += p.partial[(k0 * tasks + t) * kept + k];
            y[k0 * kept + k] = (real)total;
        }
}

typedef struct ArraysRepeat { const real *x; real *y; const int *from, *to; } ArraysRepeat;

/* How many lines (a line: W C numbers) make a task. */
static size_t arrays_lines(const int shape[4])
{
    size_t line = (size_t)shape[2] * (size_t)shape[3];
    return line >= ARRAYS_PIECE ? 1 : ARRAYS_PIECE / line;
}

/* Where pixel (n,h,w) of the larger array stands in one whose axes of length 1 are repeated. */
static size_t arrays_at(const int s[4], size_t n, size_t h, size_t w)
{
    size_t at = s[0] == 1 ? 0 : n;
    at = at * (size_t)s[1] + (s[1] == 1 ? 0 : h);
    return (at * (size_t)s[2] + (s[2] == 1 ? 0 : w)) * (size_t)s[3];
}

static void arrays_broadcast_task(void *job, int index, int worker)
{
    (void)worker;
    const ArraysRepeat *r = job;
    size_t h_count = (size_t)r->to[1], w_count = (size_t)r->to[2], c = (size_t)r->to[3], piece = arrays_lines(r->to);
    size_t last = arrays_least((size_t)r->to[0] * h_count, (size_t)(index + 1) * piece);
    for (size_t line = (size_t)index * piece; line < last; line++)
        for (size_t w = 0; w < w_count; w++) {
            real *row = r->y + (line * w_count + w) * c;
            const real *x = r->x + arrays_at(r->from, line / h_count, line % h_count, w);
            if (r->from[3] > 1) memcpy(row, x, c * sizeof *row);
            else for (size_t i = 0; i < c; i++) row[i] = *x;
        }
}

ARRAYS_API void arrays_broadcast(const real *x, const int shape[4], real *y, const int repeated[4])
{
    ArraysRepeat r = {x, y, shape, repeated};
    parallel(arrays_pieces((size_t)repeated[0] * (size_t)repeated[1], arrays_lines(repeated)), arrays_broadcast_task,
             &r);
}

/* ---- rows: softmax, the largest ---- */

/* Turns a row into e^(x - largest); returns their sum and, through `largest`, what was subtracted. NaN stays NaN. */
static real arrays_exponentials(const real *x, size_t n, real *out, real *largest)
{
    *largest = x[0];
    for (size_t i = 1; i < n; i++)
        if (!(x[i] <= *largest)) *largest = x[i];
    kernels->pointwise(POINTWISE_affine, x, NULL, 1, -*largest, out, n);
    kernels->pointwise(POINTWISE_exp, out, NULL, 0, 0, out, n);
    real total = 0;
    for (size_t i = 0; i < n; i++) total += out[i];
    return total;
}

ARRAYS_API void arrays_softmax(const real *x, size_t rows, size_t n, real *y)
{
    for (; rows--; x += n, y += n) {
        real largest, total = arrays_exponentials(x, n, y, &largest);
        kernels->pointwise(POINTWISE_affine, y, NULL, 1 / total, 0, y, n);
    }
}

ARRAYS_API void arrays_logsumexp(const real *x, size_t rows, size_t n, real *y, ArraysMemory *memory)
{
    real *row = memory(n * sizeof *row);
    for (size_t i = 0; i < rows; i++) {
        real largest, total = arrays_exponentials(x + i * n, n, row, &largest);
        kernels->pointwise(POINTWISE_log, &total, NULL, 0, 0, &total, 1);
        y[i] = largest + total;
    }
}

/* The first place that holds a row's largest number. */
static size_t arrays_largest(const real *row, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (row[k] > row[best]) best = k;
    return best;
}

ARRAYS_API void arrays_pick_largest(const real *u, const real *v, size_t rows, size_t n, real *y)
{
    for (size_t i = 0; i < rows; i++) y[i] = u[i * n + arrays_largest(v + i * n, n)];
}

ARRAYS_API void arrays_put_at_largest(const real *u, const real *v, size_t rows, size_t n, real *y)
{
    memset(y, 0, rows * n * sizeof *y);
    for (size_t i = 0; i < rows; i++) y[i * n + arrays_largest(v + i * n, n)] = u[i];
}

/* ---- instance norm ---- */

/* A map's pixels in blocks of 64, of which each gives two numbers a channel: `work` writes them to `to` for the
 * `pixels` of picture n that begin at number `start` of the map. */
typedef struct ArraysBlocks {
    const ArraysNorm *norm;
    const real *dy;
    void (*work)(const struct ArraysBlocks *b, size_t n, size_t start, size_t pixels, real *to);
    const real *lines;                  /* (N,2,C) A and B, which the sums need as well */
    real *values;                       /* (N, blocks of a picture, 2, C) */
    real epsilon, *moments;
    size_t n, pixels, c;                /* pictures, pixels of one, channels */
    int a_picture, a_task, tasks_a_picture;
} ArraysBlocks;

static ArraysBlocks arrays_blocks(const ArraysNorm *norm)
{
    const int *s = norm->shape;
    int block = KERNELS_BLOCK * s[3];
    ArraysBlocks b = {.norm = norm, .n = (size_t)s[0], .pixels = (size_t)s[1] * (size_t)s[2], .c = (size_t)s[3],
                      .a_task = block < ARRAYS_PIECE ? ARRAYS_PIECE / block : 1};
    b.a_picture = arrays_pieces(b.pixels, KERNELS_BLOCK);
    b.tasks_a_picture = arrays_pieces((size_t)b.a_picture, (size_t)b.a_task);
    return b;
}

static size_t arrays_blocks_count(const ArraysBlocks *b) { return b->n * (size_t)b->a_picture * 2 * b->c; }

static void arrays_blocks_task(void *blocks, int index, int worker)
{
    (void)worker;
    const ArraysBlocks *b = blocks;
    int first = index % b->tasks_a_picture * b->a_task;
    size_t n = (size_t)(index / b->tasks_a_picture);
    for (int i = first; i < first + b->a_task && i < b->a_picture; i++) {
        size_t pixel = (size_t)i * KERNELS_BLOCK;
        b->work(b, n, (n * b->pixels + pixel) * b->c, arrays_least(KERNELS_BLOCK, b->pixels - pixel),
                b->values + (n * (size_t)b->a_picture + (size_t)i) * 2 * b->c);
    }
}

static void arrays_for_blocks(ArraysBlocks *b) { parallel((int)b->n * b->tasks_a_picture, arrays_blocks_task, b); }

static void arrays_block_moments(const ArraysBlocks *b, size_t n, size_t start, size_t pixels, real *to)
{
    (void)n;
    kernels->block_moments(b->norm->x + start, pixels, b->c, to, to + b->c);
}

enum { ARRAYS_MERGED = 64 };            /* channels, by a task */

static void arrays_merge_task(void *blocks, int index, int worker)
{
    (void)worker;
    const ArraysBlocks *b = blocks;
    size_t tasks = (size_t)arrays_pieces(b->c, ARRAYS_MERGED), n = (size_t)index / tasks,
           from = (size_t)index % tasks * ARRAYS_MERGED;
    kernels->merge_moments(b->values + n * (size_t)b->a_picture * 2 * b->c, b->pixels, b->c, from,
                           arrays_least(from + ARRAYS_MERGED, b->c), b->epsilon, b->moments + n * 2 * b->c);
}

ARRAYS_API void arrays_moments(const real *x, const int shape[4], real epsilon, real *moments, ArraysMemory *memory)
{
    const ArraysNorm norm = {.shape = shape, .x = x};
    ArraysBlocks b = arrays_blocks(&norm);
    b.epsilon = epsilon, b.moments = moments;
    b.work = arrays_block_moments, b.values = memory(arrays_blocks_count(&b) * sizeof *b.values);
    arrays_for_blocks(&b);
    parallel((int)b.n * arrays_pieces(b.c, ARRAYS_MERGED), arrays_merge_task, &b);
}

/* Every channel's line of picture n, (2,C): all A, then all B. */
static void arrays_line(const ArraysNorm *norm, size_t n, real *line)
{
    size_t c_count = (size_t)norm->shape[3];
    const real *moments = norm->moments + n * 2 * c_count;
    for (size_t c = 0; c < c_count; c++) {
        real slope = norm->scale[c] * moments[c_count + c];
        line[c] = slope;
        line[c_count + c] = norm->shift[c] - moments[c] * slope;
    }
}

/* The lines of every picture, (N,2,C), and room for `more` numbers behind them. */
static real *arrays_norm_lines(const ArraysNorm *norm, size_t more, ArraysMemory *memory)
{
    size_t pictures = (size_t)norm->shape[0], pair = 2 * (size_t)norm->shape[3];
    real *lines = memory((pictures * pair + more) * sizeof *lines);
    for (size_t n = 0; n < pictures; n++) arrays_line(norm, n, lines + n * pair);
    return lines;
}

/* Each picture cut into ranges of rows. */
typedef struct ArraysRanges {
    const ArraysNorm *norm;
    const real *lines, *other;          /* of every picture; the residual (or NULL), or dy */
    real *y;
    int rows, tasks;                    /* in a range; ranges of a picture */
} ArraysRanges;

static void arrays_for_ranges(ArraysRanges r, ParallelTask *task)
{
    const int *s = r.norm->shape;
    int row = s[2] * s[3];
    r.rows = row >= ARRAYS_PIECE ? 1 : ARRAYS_PIECE / row, r.tasks = arrays_pieces((size_t)s[1], (size_t)r.rows);
    parallel(s[0] * r.tasks, task, &r);
}

/* Where a task's range starts, in numbers, and how many pixels it has. */
static size_t arrays_range(const ArraysRanges *r, int index, size_t *n, size_t *pixels)
{
    const int *s = r->norm->shape;
    int from = index % r->tasks * r->rows, rows = s[1] - from < r->rows ? s[1] - from : r->rows;
    *n = (size_t)(index / r->tasks);
    *pixels = (size_t)rows * (size_t)s[2];
    return (*n * (size_t)s[1] + (size_t)from) * (size_t)s[2] * (size_t)s[3];
}

static void arrays_norm_task(void *ranges, int index, int worker)
{
    (void)worker;
    const ArraysRanges *r = ranges;
    size_t n, pixels, start = arrays_range(r, index, &n, &pixels), c = (size_t)r->norm->shape[3];
    kernels->normalise(r->norm->x + start, r->other ? r->other + start : NULL, pixels, c, r->lines + n * 2 * c,
                       r->norm->slope, r->y + start);
}

ARRAYS_API void arrays_norm(const ArraysNorm *norm, const real *residual, real *y, ArraysMemory *memory)
{
    arrays_for_ranges((ArraysRanges){.norm = norm, .lines = arrays_norm_lines(norm, 0, memory), .other = residual,
                                     .y = y}, arrays_norm_task);
}

static void arrays_block_sums(const ArraysBlocks *b, size_t n, size_t start, size_t pixels, real *to)
{
    size_t pair = n * 2 * b->c;
    kernels->norm_sums(b->dy + start, b->norm->x + start, pixels, b->c, b->norm->moments + pair, b->lines + pair,
                       b->norm->slope, to);
}

ARRAYS_API void arrays_norm_sums(const ArraysNorm *norm, const real *dy, real *sums, ArraysMemory *memory)
{
    ArraysBlocks b = arrays_blocks(norm);
    size_t pair = 2 * b.c, wide = pair * sizeof(double) / sizeof(real);
    real *lines = arrays_norm_lines(norm, wide + arrays_blocks_count(&b), memory);
    double *total = (double *)(void *)(lines + b.n * pair);
    b.dy = dy, b.work = arrays_block_sums, b.lines = lines, b.values = lines + b.n * pair + wide;
    arrays_for_blocks(&b);
    for (size_t n = 0; n < b.n; n++) {
        memset(total, 0, pair * sizeof *total);
        kernels->column_sums(b.values + n * (size_t)b.a_picture * pair, (size_t)b.a_picture, pair, pair, total);
        for (size_t i = 0; i < pair; i++) sums[n * pair + i] = (real)total[i];
    }
}

/* dx = A d + Q x + T. Four numbers for each channel, (4,C): A and B of the line (the mask needs them), Q, T. */
static void arrays_dx_line(const ArraysNorm *norm, const real *sums, size_t n, real *line)
{
    size_t c_count = (size_t)norm->shape[3];
    real m = (real)(norm->shape[1] * norm->shape[2]);
    const real *moments = norm->moments + n * 2 * c_count;
    sums += n * 2 * c_count;
    arrays_line(norm, n, line);
    for (size_t c = 0; c < c_count; c++) {
        real a = line[c], q = -a * moments[c_count + c] * sums[c_count + c] / m;
        line[2 * c_count + c] = q;
        line[3 * c_count + c] = -a * sums[c] / m - q * moments[c];
    }
}

static void arrays_dx_task(void *ranges, int index, int worker)
{
    (void)worker;
    const ArraysRanges *r = ranges;
    size_t n, pixels, start = arrays_range(r, index, &n, &pixels), c = (size_t)r->norm->shape[3];
    kernels->norm_dx(r->other + start, r->norm->x + start, pixels, c, r->lines + n * 4 * c, r->norm->slope,
                     r->y + start);
}

ARRAYS_API void arrays_norm_dx(const ArraysNorm *norm, const real *dy, const real *sums, real *dx,
                               ArraysMemory *memory)
{
    size_t pictures = (size_t)norm->shape[0], c = (size_t)norm->shape[3];
    real *lines = memory(pictures * 4 * c * sizeof *lines);
    for (size_t n = 0; n < pictures; n++) arrays_dx_line(norm, sums, n, lines + n * 4 * c);
    arrays_for_ranges((ArraysRanges){.norm = norm, .lines = lines, .other = dy, .y = dx}, arrays_dx_task);
}

/* ---- max pooling ---- */

/* The part of a window that lies in the picture: rows [low, high) of `length`. */
typedef struct ArraysWindow { int low, high; } ArraysWindow;

static ArraysWindow arrays_window(int at, int stride, int pad_before, int size, int length)
{
    int low = at * stride - pad_before, high = low + size;
    return (ArraysWindow){low > 0 ? low : 0, high < length ? high : length};
}

static ArraysWindow arrays_rows(const ConvShape *s, int p)
{
    return arrays_window(p, s->stride, s->pad_y, s->r, s->h);
}

static ArraysWindow arrays_columns(const ConvShape *s, int q)
{
    return arrays_window(q, s->stride, s->pad_x, s->s, s->w);
}

typedef struct ArraysPooling { const ConvShape *s; const real *u, *x; real *y, *rows; size_t row; } ArraysPooling;

/* A row of windows: first the largest of each column (one vector operation for each row of pixels), then the largest of
 * a window's columns: for the windows that the border cuts one by one, for all others at once, by comparing the row
 * with itself moved by a pixel, size - 1 times. */
static void arrays_pool_task(void *pooling, int index, int worker)
{
    const ArraysPooling *job = pooling;
    const ConvShape *s = job->s;
    size_t c = (size_t)s->c, width = (size_t)s->w * c;
    ArraysWindow rows = arrays_rows(s, index % s->ho);
    real *row = job->rows + (size_t)worker * job->row, *out = job->y + (size_t)index * (size_t)s->wo * c;
    const real *x = job->x + ((size_t)(index / s->ho) * (size_t)s->h + (size_t)rows.low) * width, *best = x;
    for (int h = 1; h < rows.high - rows.low; h++, best = row)
        kernels->pointwise(POINTWISE_larger, best, x + (size_t)h * width, 0, 0, row, width);
    if (best == x) memcpy(row, x, width * sizeof(real));
    for (int q = 0; q < s->wo; q++) {
        ArraysWindow columns = arrays_columns(s, q);
        real *to = out + (size_t)q * c;
        if (columns.high - columns.low == s->s) continue;
        memcpy(to, row + (size_t)columns.low * c, c * sizeof(real));
        for (int w = columns.low + 1; w < columns.high; w++)
            kernels->pointwise(POINTWISE_larger, to, row + (size_t)w * c, 0, 0, to, c);
    }
    for (int w = s->w - 1; w > 0 && w > s->w - s->s; w--)
        kernels->pointwise(POINTWISE_larger, row, row + c, 0, 0, row, (size_t)w * c);
    for (int q = 0; q < s->wo; q++) {
        ArraysWindow columns = arrays_columns(s, q);
        if (columns.high - columns.low == s->s)
            memcpy(out + (size_t)q * c, row + (size_t)columns.low * c, c * sizeof(real));
    }
}

/* Where x is largest in window (n,p,q), channel c. */
static size_t arrays_largest_in(const ConvShape *s, const real *x, int n, int p, int q, int c)
{
    ArraysWindow rows = arrays_rows(s, p), columns = arrays_columns(s, q);
    size_t best = (size_t)-1;
    for (int h = rows.low; h < rows.high; h++)
        for (int w = columns.low; w < columns.high; w++) {
            size_t at = (((size_t)n * (size_t)s->h + (size_t)h) * (size_t)s->w + (size_t)w) * (size_t)s->c + (size_t)c;
            if (best == (size_t)-1 || x[at] > x[best]) best = at;
        }
    return best;
}

static void arrays_pool_pick_task(void *pooling, int index, int worker)
{
    (void)worker;
    const ArraysPooling *job = pooling;
    const ConvShape *s = job->s;
    real *y = job->y + (size_t)index * (size_t)s->wo * (size_t)s->c;
    for (int q = 0; q < s->wo; q++)
        for (int c = 0; c < s->c; c++)
            *y++ = job->u[arrays_largest_in(s, job->x, index / s->ho, index % s->ho, q, c)];
}

ARRAYS_API void arrays_max_pool(const real *u, const real *x, const ConvShape *s, real *y, ArraysMemory *memory)
{
    ArraysPooling job = {.s = s, .u = u, .x = x, .y = y, .row = ((size_t)s->w * (size_t)s->c + 63) / 64 * 64};
    if (u == x) job.rows = memory((size_t)thread_count() * job.row * sizeof(real));
    parallel(s->n * s->ho, u == x ? arrays_pool_task : arrays_pool_pick_task, &job);
}

enum { ARRAYS_POOLED = 4 };             /* channels at once */

typedef real ArraysPooled __attribute__((vector_size(ARRAYS_POOLED * sizeof(real))));
typedef __typeof__((ArraysPooled){0} == (ArraysPooled){0}) ArraysMask;

/* n channels of one window: its first pixel that is as large as the largest takes all of dy, the others nothing. Done
 * with masks: the inner loops have no branch that the processor would have to predict. */
static inline void arrays_unpool_window(const real *x, const real *dy, real *dx, size_t width, size_t c,
                                        ArraysWindow rows, ArraysWindow columns, int n)
{
    const size_t bytes = (size_t)n * sizeof(real);
    ArraysPooled best = {0}, left = {0}, here = {0}, sum = {0};
    memcpy(&left, dy, bytes);
    memcpy(&best, x + (size_t)rows.low * width + (size_t)columns.low * c, bytes);
    for (int h = rows.low; h < rows.high; h++)
        for (int w = columns.low; w < columns.high; w++) {
            memcpy(&here, x + (size_t)h * width + (size_t)w * c, bytes);
            ArraysMask larger = here > best;
            best = (ArraysPooled)(((ArraysMask)here & larger) | ((ArraysMask)best & ~larger));
        }
    for (int h = rows.low; h < rows.high; h++)
        for (int w = columns.low; w < columns.high; w++) {
            size_t at = (size_t)h * width + (size_t)w * c;
            memcpy(&here, x + at, bytes);
            memcpy(&sum, dx + at, bytes);
            ArraysMask hit = here == best;
            sum += (ArraysPooled)((ArraysMask)left & hit);
            left = (ArraysPooled)((ArraysMask)left & ~hit);
            memcpy(dx + at, &sum, bytes);
        }
}

/* A task is a whole picture, because its windows overlap. */
static void arrays_unpool_task(void *pooling, int n, int worker)
{
    (void)worker;
    const ArraysPooling *job = pooling;
    const ConvShape *s = job->s;
    size_t c = (size_t)s->c, width = (size_t)s->w * c, picture = (size_t)s->h * width, from = (size_t)n * picture, k;
    const real *x = job->x + from, *dy = job->u + (size_t)n * (size_t)s->ho * (size_t)s->wo * c;
    real *dx = job->y + from;
    memset(dx, 0, picture * sizeof(real));
    for (int p = 0; p < s->ho; p++)
        for (int q = 0; q < s->wo; q++, dy += c) {
            ArraysWindow rows = arrays_rows(s, p), columns = arrays_columns(s, q);
            for (k = 0; k + ARRAYS_POOLED <= c; k += ARRAYS_POOLED)
                arrays_unpool_window(x + k, dy + k, dx + k, width, c, rows, columns, ARRAYS_POOLED);
            if (k < c) arrays_unpool_window(x + k, dy + k, dx + k, width, c, rows, columns, (int)(c - k));
        }
}

ARRAYS_API void arrays_max_unpool(const real *dy, const real *x, const ConvShape *s, real *dx)
{
    ArraysPooling job = {.s = s, .u = dy, .x = x, .y = dx};
    parallel(s->n, arrays_unpool_task, &job);
}

/* ---- warping ---- */

/* The pixels of x, at most four, that a pixel of y is made of: where each begins, its share, and how that grows as the
 * place moves to the right and down. */
typedef struct ArraysTaps { int n; size_t at[4]; double share[4], right[4], down[4]; } ArraysTaps;

static ArraysTaps arrays_taps(const ConvShape *s, int n, const real *place)
{
    ArraysTaps t = {.n = 0};
    double u = ((double)place[0] + 0.5) * s->w - 0.5, v = ((double)place[1] + 0.5) * s->h - 0.5;
    if (!(u > -1 && u < s->w && v > -1 && v < s->h)) return t;
    int column = (int)floor(u), row = (int)floor(v);
    for (int i = 0; i < 4; i++) {
        int h = row + i / 2, w = column + i % 2;
        if (h < 0 || h >= s->h || w < 0 || w >= s->w) continue;
        double across = i % 2 ? u - column : column + 1 - u, along = i / 2 ? v - row : row + 1 - v;
        t.at[t.n] = (((size_t)n * (size_t)s->h + (size_t)h) * (size_t)s->w + (size_t)w) * (size_t)s->c;
        t.right[t.n] = (i % 2 ? along : -along) * s->w, t.down[t.n] = (i / 2 ? across : -across) * s->h;
        t.share[t.n++] = along * across;
    }
    return t;
}

typedef struct ArraysWarp { const real *u, *x, *map; const ConvShape *s; real *out; } ArraysWarp;

static size_t arrays_warp_pixels(const ConvShape *s) { return (size_t)s->ho * (size_t)s->wo; }

/* Of picture n: what its pixels of y are made of, one tap after another. */
#define ARRAYS_FOR_EACH_TAP(w, n, p, t, i) \
    for (size_t p = (size_t)(n) * arrays_warp_pixels((w)->s); p < ((size_t)(n) + 1) * arrays_warp_pixels((w)->s); p++) \
        for (ArraysTaps t = arrays_taps((w)->s, n, (w)->map + 2 * p), *once_ = &t; once_; once_ = NULL) \
            for (int i = 0; i < t.n; i++)

static void arrays_warp_task(void *job, int n, int worker)
{
    (void)worker;
    const ArraysWarp *w = job;
    size_t c = (size_t)w->s->c, numbers = arrays_warp_pixels(w->s) * c;
    memset(w->out + (size_t)n * numbers, 0, numbers * sizeof(real));
    ARRAYS_FOR_EACH_TAP(w, n, p, t, i)
        for (size_t k = 0; k < c; k++) w->out[p * c + k] += (real)t.share[i] * w->x[t.at[i] + k];
}

static void arrays_unwarp_task(void *job, int n, int worker)
{
    (void)worker;
    const ArraysWarp *w = job;
    size_t c = (size_t)w->s->c, numbers = (size_t)w->s->h * (size_t)w->s->w * c;
    memset(w->out + (size_t)n * numbers, 0, numbers * sizeof(real));
    ARRAYS_FOR_EACH_TAP(w, n, p, t, i)
        for (size_t k = 0; k < c; k++) w->out[t.at[i] + k] += (real)t.share[i] * w->u[p * c + k];
}

static void arrays_warp_slope_task(void *job, int n, int worker)
{
    (void)worker;
    const ArraysWarp *w = job;
    size_t c = (size_t)w->s->c, pixels = arrays_warp_pixels(w->s);
    memset(w->out + 2 * (size_t)n * pixels, 0, 2 * pixels * sizeof(real));
    ARRAYS_FOR_EACH_TAP(w, n, p, t, i) {
        double both = 0;
        for (size_t k = 0; k < c; k++) both += (double)w->u[p * c + k] * (double)w->x[t.at[i] + k];
        w->out[2 * p] += (real)(both * t.right[i]), w->out[2 * p + 1] += (real)(both * t.down[i]);
    }
}

ARRAYS_API void arrays_warp(const real *x, const real *map, const ConvShape *s, real *y)
{
    ArraysWarp w = {NULL, x, map, s, y};
    parallel(s->n, arrays_warp_task, &w);
}

ARRAYS_API void arrays_unwarp(const real *dy, const real *map, const ConvShape *s, real *dx)
{
    ArraysWarp w = {dy, NULL, map, s, dx};
    parallel(s->n, arrays_unwarp_task, &w);
}

ARRAYS_API void arrays_warp_slope(const real *dy, const real *x, const real *map, const ConvShape *s, real *dm)
{
    ArraysWarp w = {dy, x, map, s, dm};
    parallel(s->n, arrays_warp_slope_task, &w);
}

#endif /* ARRAYS_IMPLEMENTATION */
