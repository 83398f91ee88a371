/* test_kernels.c: vendor/kernels.h alone. Every convolution method, epilogue, pointwise loop, norm and optimiser is
 * held against plain loops in double, on odd shapes, under every instruction set that this machine has; on one, two and
 * three threads the bits must be the same. tests/test_kernels64.c builds the same checks with `real` = double. */
#define KERNELS_IMPLEMENTATION
#define KERNELS_STATIC
#include "../vendor/kernels.h"
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include "check.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const double epsilon = sizeof(real) == 8 ? 2.3e-16 : 1.2e-7;

/* Numbers in (-1,1), the same in every run. */
static void fill(real *to, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        to[i] = (real)((double)(seed >> 33) / (1u << 30) - 1);
    }
}

static real *numbers(size_t count, uint64_t seed)
{
    real *to = calloc(count + 1, sizeof *to);
    fill(to, count, seed);
    return to;
}

/* ------------------------------------------------------------------------------------------------
 * Threads
 * ---------------------------------------------------------------------------------------------- */

typedef struct Tally { atomic_int *runs; atomic_int wrong_worker; } Tally;

static void tally_task(void *argument, int index, int worker)
{
    Tally *t = argument;
    atomic_fetch_add(&t->runs[index], 1);
    if (worker < 0 || worker >= thread_count()) atomic_store(&t->wrong_worker, 1);
}

/* More of the stack than musl gives a thread, a page at a time as deep calls would use it. */
static void *deep(void *sum)
{
    volatile unsigned char room[3 * KERNELS_STACK / 4];
    for (size_t i = sizeof room; i >= 4096; i -= 4096) room[i - 1] = 1, *(int *)sum += room[i - 1];
    return NULL;
}

typedef struct Depths { int sums[4]; atomic_int by_others; } Depths;

/* The caller waits for one of the pool's threads, whose stack is meant. */
static void deep_task(void *depths, int index, int worker)
{
    Depths *d = depths;
    while (worker == 0 && thread_count() > 1 && !atomic_load(&d->by_others)) sched_yield();
    deep(d->sums + index);
    atomic_fetch_add(&d->by_others, worker != 0);
}

/* Threads have the stack that kernels.h tells, where the C library's own are as small as musl's. */
static void test_stack(void)
{
    pthread_attr_t small;
    pthread_t thread;
    Depths d = {0};
    int sum = 0, pages = 3 * KERNELS_STACK / 4 / 4096;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 << 10);
    if (pthread_setattr_default_np(&small) != 0) SKIP("threads' default stack cannot be set here");
    pthread_attr_destroy(&small);
    CHECK(threads_create(&thread, deep, &sum) == 0 && pthread_join(thread, NULL) == 0 && sum == pages);
    threads_start(4);
    parallel(4, deep_task, &d);
    threads_stop();
    for (int i = 0; i < 4; i++) CHECK(d.sums[i] == pages);
}

/* Every task runs once, whatever the numbers of tasks and threads, and whether the workers were awake or asleep. */
static void test_pool(void)
{
    static const int threads[] = {1, 2, 3, 5, 8, 16}, sizes[] = {0, 1, 2, 3, 7, 16, 63, 64, 65, 500};
    static atomic_int runs[500];
    for (int t = 0; t < COUNT(threads); t++) {
        threads_start(threads[t]);
        CHECK(thread_count() == threads[t]);
        for (int k = 0; k < COUNT(sizes); k++) {
            int bad = 0, repeats = 20;
            Tally tally = {.runs = runs};
            memset(runs, 0, sizeof runs);
            for (int i = 0; i < repeats; i++) parallel(sizes[k], tally_task, &tally);
            if (k % 4 == 0) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* long enough to fall asleep */
            for (int i = 0; i < 500; i++) bad += atomic_load(&runs[i]) != (i < sizes[k] ? repeats : 0);
            CHECK_MSG(bad == 0, "%d threads, %d tasks: %d of them did not run exactly %d times", threads[t], sizes[k],
                      bad, repeats);
            CHECK(!atomic_load(&tally.wrong_worker));
        }
    }
    threads_start(0);
    CHECK(thread_count() >= 1);
    threads_stop();
    CHECK(thread_count() == 1);
}

static void test_choice(void)
{
    char error[KERNELS_ERROR_SIZE] = "";
    CHECK(!kernels_choose("nonsense", error) && strstr(error, "nonsense: expected one of"));
    CHECK(kernels_choose(NULL, error) && kernels && kernels->lanes >= 2);
}

/* ------------------------------------------------------------------------------------------------
 * Convolutions
 * ---------------------------------------------------------------------------------------------- */

/* n, h, w, c, k, kernel, stride, pad, groups; the last ones have sums in several parts and tiles in several rounds. */
static const int shapes[][9] = {
    {2, 9, 8, 5, 64, 7, 1, 3, 1},     {2, 8, 8, 64, 40, 4, 2, 1, 1},   {2, 8, 8, 64, 1, 7, 1, 3, 1},
    {3, 2, 2, 96, 5, 2, 1, 0, 1},     {2, 3, 3, 33, 1, 3, 1, 1, 1},    {4, 1, 1, 50, 7, 1, 1, 0, 1},
    {1, 11, 5, 3, 9, 5, 3, 4, 1},     {2, 5, 6, 1, 2, 3, 1, 2, 1},     {1, 6, 7, 17, 19, 3, 1, 0, 1},
    {5, 7, 3, 20, 33, 1, 1, 0, 1},    {1, 13, 17, 3, 100, 3, 1, 1, 1}, {2, 9, 11, 6, 10, 3, 2, 1, 1},
    {2, 7, 7, 6, 6, 3, 2, 1, 6},      {1, 7, 29, 4, 4, 3, 1, 1, 4},    {2, 9, 27, 8, 8, 3, 2, 1, 8},
    {1, 12, 9, 70, 70, 5, 1, 2, 70},  {2, 12, 11, 32, 48, 3, 1, 1, 1}, {2, 15, 32, 32, 32, 4, 2, 1, 1},
    {2, 19, 16, 32, 48, 4, 2, 1, 1},  {1, 40, 37, 16, 64, 3, 1, 1, 1}, {1, 3, 4, 64, 1024, 2, 1, 0, 1},
    {2, 4, 4, 128, 256, 4, 2, 1, 1},  {1, 2, 2, 33, 2064, 2, 1, 1, 1}, {2, 64, 64, 3, 8, 3, 1, 1, 1},
    {1, 212, 210, 16, 48, 3, 1, 1, 1},
};

static ConvShape shape_of(const int *d)
{
    return (ConvShape){.n = d[0], .h = d[1], .w = d[2], .c = d[3], .k = d[4], .r = d[5], .s = d[5], .stride = d[6],
                       .pad_y = d[7], .pad_x = d[7], .groups = d[8],
                       .ho = (d[1] + 2 * d[7] - d[5]) / d[6] + 1, .wo = (d[2] + 2 * d[7] - d[5]) / d[6] + 1};
}

static size_t count_x(const ConvShape *s) { return (size_t)s->n * s->h * s->w * s->c; }
static size_t count_y(const ConvShape *s) { return (size_t)s->n * s->ho * s->wo * s->k; }
static size_t count_w(const ConvShape *s) { return (size_t)s->r * s->s * (s->groups > 1 ? 1 : s->c) * s->k; }

/* One tap of one output pixel: all pairs of channels. */
static void tap(const ConvShape *s, ConvKind kind, const real *a, const real *b, double *out, size_t x, size_t w,
                size_t y)
{
    for (int k = 0; k < s->k; k++)
        for (int c = s->groups > 1 ? k : 0; c < (s->groups > 1 ? k + 1 : s->c); c++) {
            size_t at_x = x + c, at_y = y + k, at_w = s->groups > 1 ? w + k : w + (size_t)c * s->k + k;
            if (kind == CONV_FORWARD) out[at_y] += (double)a[at_x] * b[at_w];
            else if (kind == CONV_INPUT_GRAD) out[at_x] += (double)a[at_y] * b[at_w];
            else out[at_w] += (double)a[at_x] * b[at_y];
        }
}

static void conv_reference(const ConvShape *s, ConvKind kind, const real *a, const real *b, double *out)
{
    for (int i = 0; i < s->n * s->ho * s->wo; i++)
        for (int t = 0; t < s->r * s->s; t++) {
            int p = i / s->wo % s->ho, q = i % s->wo;
            int h = p * s->stride + t / s->s - s->pad_y, w = q * s->stride + t % s->s - s->pad_x;
            if (h < 0 || h >= s->h || w < 0 || w >= s->w) continue;
            tap(s, kind, a, b, out, (((size_t)(i / s->wo / s->ho) * s->h + h) * s->w + w) * s->c,
                (size_t)t * (s->groups > 1 ? 1 : s->c) * s->k, (size_t)i * s->k);
        }
}

/* The definition of an epilogue, on output i of `channels` channels. */
static double finished(const ConvShape *s, const ConvEpilogue *e, double v, size_t i, int channels)
{
    size_t k = i % (size_t)channels, pixel = i / (size_t)channels;
    if (e->table) {
        int x = conv_table_place((int)(pixel % s->wo), s->wo, s->s);
        int y = conv_table_place((int)(pixel / s->wo % s->ho), s->ho, s->r), n = (int)(pixel / s->wo / s->ho);
        v += e->table[((((size_t)n * s->r + y) * s->s) + x) * channels + k];
    }
    if (e->plus) v += e->plus[i];
    if (e->bias) v += e->bias[k];
    if (!(v > 0)) v *= e->slopes ? e->slopes[k] : e->slope;
    if (e->mask && !(e->mask[i] > 0)) v *= e->mask_slope;
    return v;
}

static void run_conv(const ConvShape *s, ConvKind kind, const real *a, const real *b, const ConvEpilogue *e, real *out)
{
    real *prepared = calloc(conv_filter_size(s, kind) + 1, sizeof *prepared);
    void *scratch = malloc(conv_scratch_bytes(s, kind) + 64);
    memset(scratch, 0xff, conv_scratch_bytes(s, kind));         /* NaNs: what is read must have been written */
    conv_filter_prepare(s, kind, b, prepared);
    conv_run(s, kind, a, conv_filter_layout(s, kind) ? prepared : b, e, out, scratch);
    free(prepared), free(scratch);
}

/* Is `out` what it should be, up to a share of the largest, and the same on two and three threads? */
static void check_conv(const ConvShape *s, ConvKind kind, const real *a, const real *b, const ConvEpilogue *e,
                       const double *raw, size_t count, const char *what)
{
    int channels = kind == CONV_INPUT_GRAD ? s->c : s->k;
    real *out = malloc(count * sizeof *out), *again = malloc(count * sizeof *out);
    double worst = 0, largest = 1;
    threads_start(1);
    run_conv(s, kind, a, b, e, out);
    for (size_t i = 0; i < count; i++) {
        double error = fabs(out[i] - finished(s, e, raw[i], i, channels));
        if (!(error <= worst)) worst = error;
        largest = fmax(largest, fabs(raw[i]));
    }
    double limit = 300 * epsilon * largest;
    CHECK_MSG(worst <= limit, "%s: kind %d of %dx%dx%dx%d -> %d, %dx%d/%d, %s: off by %g, allowed %g", kernels->name,
              kind, s->n, s->h, s->w, s->c, s->k, s->r, s->s, s->stride, what, worst, limit);
    for (int threads = 2; threads <= 3; threads++) {
        threads_start(threads);
        run_conv(s, kind, a, b, e, again);
        CHECK_MSG(memcmp(out, again, count * sizeof *out) == 0,
                  "%s: kind %d of %dx%dx%dx%d -> %d, %s: %d threads give other bits", kernels->name, kind, s->n, s->h,
                  s->w, s->c, s->k, what, threads);
    }
    free(out), free(again);
}

static void check_kind(const ConvShape *s, ConvKind kind, uint64_t seed)
{
    size_t sizes[3] = {count_y(s), count_x(s), count_w(s)}, count = sizes[kind];
    int channels = kind == CONV_INPUT_GRAD ? s->c : s->k;
    real *a = numbers(kind == CONV_INPUT_GRAD ? count_y(s) : count_x(s), seed);
    real *b = numbers(kind == CONV_WEIGHT_GRAD ? count_y(s) : count_w(s), seed + 1);
    real *plus = numbers(count, seed + 2), *vector = numbers((size_t)channels, seed + 3);
    double *raw = calloc(count, sizeof *raw);
    conv_reference(s, kind, a, b, raw);
    check_conv(s, kind, a, b, &(ConvEpilogue){.slope = 1}, raw, count, "plain");
    check_conv(s, kind, a, b, &(ConvEpilogue){.slope = (real)0.2, .bias = vector}, raw, count, "bias, leaky");
    check_conv(s, kind, a, b, &(ConvEpilogue){.slopes = vector, .plus = plus}, raw, count, "plus, slopes");
    check_conv(s, kind, a, b, &(ConvEpilogue){.slope = 0, .mask = plus, .mask_slope = (real)0.5}, raw, count, "mask");
    if (kind == CONV_FORWARD && conv_takes_table(s)) {
        real *table = numbers((size_t)s->n * s->r * s->s * s->k, seed + 4);
        check_conv(s, kind, a, b, &(ConvEpilogue){.slope = (real)0.2, .table = table}, raw, count, "table");
        free(table);
    }
    free(a), free(b), free(plus), free(vector), free(raw);
}

static void test_convolutions(void)
{
    unsigned methods = 0;
    for (int i = 0; i < COUNT(shapes); i++)
        for (ConvKind kind = CONV_FORWARD; kind <= CONV_WEIGHT_GRAD; kind++) {
            ConvShape s = shape_of(shapes[i]);
            methods |= 1u << kn_conv_method(&s, kind);
            check_kind(&s, kind, (uint64_t)(10 * i + kind));
        }
    CHECK_MSG(methods == (1u << (KN_BY_WINOGRAD + 1)) - 1, "%s: not every method was met: %x", kernels->name, methods);
}

/* Without Winograd another method has to give nearly the same. */
static void test_winograd_off(void)
{
    ConvShape s = shape_of(shapes[16]);
    int outputs = 0, taps = 0;
    CHECK(conv_winograd(&s, CONV_FORWARD, &outputs, &taps) > 0 && outputs == 4 && taps == 3);
    conv_use_winograd(0);
    CHECK(conv_winograd(&s, CONV_FORWARD, &outputs, &taps) == 0);
    for (ConvKind kind = CONV_FORWARD; kind <= CONV_WEIGHT_GRAD; kind++) check_kind(&s, kind, 7);
    conv_use_winograd(1);
}

/* A depthwise convolution and a 1x1 in one, against one after the other. */
static void test_pair(void)
{
    const int first_shape[9] = {2, 11, 9, 24, 24, 3, 2, 1, 24};
    ConvShape first = shape_of(first_shape), s = {.n = 2, .h = first.ho, .w = first.wo, .c = 24, .ho = first.ho,
                                                  .wo = first.wo, .k = 40, .r = 1, .s = 1, .stride = 1, .groups = 1};
    real *x = numbers(count_x(&first), 1), *w1 = numbers(count_w(&first), 2), *w2 = numbers(count_w(&s), 3);
    real *between = numbers(count_x(&s), 0), *out = numbers(count_y(&s), 0), *bias = numbers(24, 4);
    real *prepared = numbers(conv_filter_size(&s, CONV_FORWARD), 0);
    double *raw = calloc(count_x(&s), sizeof *raw), *wanted = calloc(count_y(&s), sizeof *wanted), worst = 0;
    ConvEpilogue e_first = {.bias = bias, .slope = (real)0.1}, e = {.slope = (real)0.2};
    CHECK(conv_takes_depthwise(&first, &s));
    conv_reference(&first, CONV_FORWARD, x, w1, raw);
    for (size_t i = 0; i < count_x(&s); i++) between[i] = (real)finished(&first, &e_first, raw[i], i, first.k);
    conv_reference(&s, CONV_FORWARD, between, w2, wanted);
    conv_filter_prepare(&s, CONV_FORWARD, w2, prepared);
    void *scratch = malloc(conv_pair_scratch_bytes(&first, &s));
    conv_pair_run(&first, &s, x, w1, prepared, &e_first, &e, out, scratch);
    for (size_t i = 0; i < count_y(&s); i++) {
        double error = fabs(out[i] - finished(&s, &e, wanted[i], i, s.k));
        if (!(error <= worst)) worst = error;
    }
    CHECK_MSG(worst <= 300 * epsilon, "%s: the pair is off by %g", kernels->name, worst);
    free(x), free(w1), free(w2), free(between), free(out), free(bias);
    free(prepared), free(raw), free(wanted), free(scratch);
}

/* ------------------------------------------------------------------------------------------------
 * Pointwise loops
 * ---------------------------------------------------------------------------------------------- */

static double pointwise_reference(Pointwise op, double u, double v, double a, double b)
{
    switch (op) {
    case POINTWISE_add:         return u + v;
    case POINTWISE_sub:         return u - v;
    case POINTWISE_mul:         return u * v;
    case POINTWISE_affine:      return a * u + b;
    case POINTWISE_square:      return u * u;
    case POINTWISE_sqrt:        return sqrt(u);
    case POINTWISE_reciprocal:  return u == 0 ? 0 : 1 / u;
    case POINTWISE_exp:         return exp(u);
    case POINTWISE_log:         return log(u);
    case POINTWISE_sin:         return sin(u);
    case POINTWISE_tanh:        return tanh(u);
    case POINTWISE_sigmoid:     return 1 / (1 + exp(-u));
    case POINTWISE_softplus:    return fmax(u, 0) + log1p(exp(-fabs(u)));
    case POINTWISE_abs:         return fabs(u);
    case POINTWISE_sign:        return u > 0 ? 1 : u < 0 ? -1 : u;
    case POINTWISE_leaky_relu:  return u > 0 ? u : a * u;
    case POINTWISE_leaky_mask:  return v > 0 ? u : a * u;
    case POINTWISE_prelu:       return u > 0 ? u : v * u;
    case POINTWISE_larger:      return fmax(u, v);
    default:                    return NAN;
    }
}

static bool takes_positive(Pointwise op) { return op == POINTWISE_sqrt || op == POINTWISE_log; }

/* Every length from 1 on leaves another rest; a number's result is the same wherever it stands. */
static void test_pointwise(void)
{
    enum { N = 131 };
    real u[N], v[N], y[N], alone;
    const real a = (real)0.3, b = (real)-0.7;
    for (Pointwise op = 0; op < POINTWISE_OPS; op++) {
        double worst = 0;
        int moved = 0;
        fill(u, N, (uint64_t)op), fill(v, N, (uint64_t)op + 50);
        for (int i = 0; i < N; i++) u[i] = (real)(takes_positive(op) ? fabs(u[i]) * 30 + 1e-3 : u[i] * 10);
        u[1] = takes_positive(op) ? 1 : 0;
        for (int n = 1; n <= N; n++) {
            kernels->pointwise(op, u, v, a, b, y, (size_t)n);
            double wanted = pointwise_reference(op, u[n - 1], v[n - 1], a, b), error = fabs(y[n - 1] - wanted);
            error /= 1 + fabs(wanted);
            if (!(error <= worst)) worst = error;
            kernels->pointwise(op, u + n - 1, v + n - 1, a, b, &alone, 1);
            moved += memcmp(&alone, y + n - 1, sizeof alone) != 0;
        }
        CHECK_MSG(worst <= 16 * epsilon, "%s: pointwise op %d is off by %g", kernels->name, op, worst);
        CHECK_MSG(moved == 0, "%s: pointwise op %d: %d results depend on their place", kernels->name, op, moved);
    }
}

static real one(Pointwise op, double u)
{
    real x = (real)u, y;
    kernels->pointwise(op, &x, NULL, (real)0.1, 0, &y, 1);
    return y;
}

static void test_edges(void)
{
    CHECK(one(POINTWISE_log, 0) == -INFINITY && one(POINTWISE_log, INFINITY) == INFINITY);
    CHECK(isnan(one(POINTWISE_log, -1)) && isnan(one(POINTWISE_log, NAN)));
    CHECK(one(POINTWISE_exp, 0) == 1 && one(POINTWISE_exp, -1e4) < 1e-37 && one(POINTWISE_exp, 1e4) > 1e37);
    CHECK(one(POINTWISE_reciprocal, 0) == 0 && one(POINTWISE_sign, 0) == 0);
    CHECK(one(POINTWISE_tanh, 50) == 1 && one(POINTWISE_tanh, -50) == -1);
    CHECK(one(POINTWISE_softplus, 80) == 80 && one(POINTWISE_softplus, -80) >= 0);
    CHECK(isnan(one(POINTWISE_sign, NAN)) && isnan(one(POINTWISE_leaky_relu, NAN)));
    CHECK(one(POINTWISE_sigmoid, -1e4) >= 0 && one(POINTWISE_sigmoid, -1e4) < 1e-30);
}

/* ------------------------------------------------------------------------------------------------
 * Sums, instance norm, optimisers
 * ---------------------------------------------------------------------------------------------- */

static void test_column_sums(void)
{
    static const size_t cases[][3] = {{1000, 5, 7}, {37, 33, 33}, {5001, 1, 1}, {300, 1, 3}, {1, 16, 16}};
    for (int i = 0; i < COUNT(cases); i++) {
        size_t rows = cases[i][0], columns = cases[i][1], stride = cases[i][2];
        real *x = numbers(rows * stride, (uint64_t)i);
        double out[33] = {0}, wanted[33] = {0}, worst = 0;
        kernels->column_sums(x, rows, stride, columns, out);
        for (size_t k = 0; k < rows * columns; k++) wanted[k % columns] += x[k / columns * stride + k % columns];
        for (size_t c = 0; c < columns; c++)
            if (!(fabs(out[c] - wanted[c]) <= worst)) worst = fabs(out[c] - wanted[c]);
        CHECK_MSG(worst <= epsilon * (double)rows, "%s: column sums of %zu rows are off by %g", kernels->name, rows,
                  worst);
        free(x);
    }
}

/* A map of PIXELS x C; its blocks' moments, merged. */
enum { PIXELS = 150, C = 37, BLOCKS = (PIXELS + KERNELS_BLOCK - 1) / KERNELS_BLOCK };

static void test_moments(void)
{
    real *x = numbers(PIXELS * C, 3), blocks[BLOCKS * 2 * C], moments[2 * C];
    for (int i = 0; i < PIXELS * C; i++) x[i] = x[i] * (real)(1 + i % C) + 5;
    for (int i = 0; i < BLOCKS; i++) {
        int first = i * KERNELS_BLOCK, pixels = first + KERNELS_BLOCK < PIXELS ? KERNELS_BLOCK : PIXELS - first;
        kernels->block_moments(x + first * C, (size_t)pixels, C, blocks + i * 2 * C, blocks + (i * 2 + 1) * C);
    }
    kernels->merge_moments(blocks, PIXELS, C, 0, 16, (real)1e-5, moments);
    kernels->merge_moments(blocks, PIXELS, C, 16, C, (real)1e-5, moments);
    for (int c = 0; c < C; c++) {
        double mean = 0, squares = 0;
        for (int p = 0; p < PIXELS; p++) mean += (double)x[p * C + c] / PIXELS;
        for (int p = 0; p < PIXELS; p++) squares += pow(x[p * C + c] - mean, 2) / PIXELS;
        double inverse = 1 / sqrt(squares + 1e-5);
        CLOSE(moments[c], mean, 100 * epsilon);
        CLOSE(moments[C + c] / inverse, 1, 50 * epsilon);
    }
    free(x);
}

static void test_normalise(void)
{
    real *x = numbers(PIXELS * C, 4), *dy = numbers(PIXELS * C, 5), *residual = numbers(PIXELS * C, 6);
    real *y = numbers(PIXELS * C, 0), *dx = numbers(PIXELS * C, 0), lines[4 * C], moments[2 * C], sums[2 * C];
    const real slope = (real)0.2;
    double wanted[2 * C] = {0}, worst = 0;
    fill(lines, 4 * C, 8), fill(moments, 2 * C, 9);
    kernels->normalise(x, residual, PIXELS, C, lines, slope, y);
    kernels->norm_dx(dy, x, PIXELS, C, lines, slope, dx);
    kernels->norm_sums(dy, x, PIXELS, C, moments, lines, slope, sums);
    for (int i = 0; i < PIXELS * C; i++) {
        int c = i % C;
        double v = (double)x[i] * lines[c] + lines[C + c], sign = v > 0 ? 1 : slope, d = dy[i] * sign;
        double out = v + residual[i], gradient = d * lines[c] + x[i] * (double)lines[2 * C + c] + lines[3 * C + c];
        if (!(fabs(y[i] - (out > 0 ? out : slope * out)) <= worst)) worst = fabs(y[i] - (out > 0 ? out : slope * out));
        if (!(fabs(dx[i] - gradient) <= worst)) worst = fabs(dx[i] - gradient);
        wanted[c] += d, wanted[C + c] += d * (x[i] - (double)moments[c]) * moments[C + c];
    }
    CHECK_MSG(worst <= 10 * epsilon, "%s: norms are off by %g", kernels->name, worst);
    for (int c = 0; c < 2 * C; c++) CLOSE(sums[c], wanted[c], PIXELS * epsilon);
    free(x), free(dy), free(residual), free(y), free(dx);
}

/* What a step leaves of first and second moment and weight, by the book. */
static void step(Update op, double g, const double *b, const double *schedule, double e, double *m, double *v,
                 double *w)
{
    double rate = schedule[0];
    if (op == UPDATE_adam) *m = b[0] * *m + b[1] * g, *v = b[2] * *v + b[3] * g * g;
    if (op == UPDATE_sgd || op == UPDATE_sgd_nesterov) *m = b[0] * *m + g;
    if (op == UPDATE_rmsprop) *v = b[2] * *v + b[3] * g * g;
    if (op == UPDATE_adagrad) *v += g * g;
    switch (op) {
    case UPDATE_adam:           *w -= rate * *m * schedule[1] / (sqrt(*v * schedule[2]) + e); break;
    case UPDATE_sgd:            *w -= rate * *m; break;
    case UPDATE_sgd_nesterov:   *w -= rate * (g + b[0] * *m); break;
    case UPDATE_moving_average: *w += b[0] * (g - *w); break;
    default:                    *w -= rate * g / (sqrt(*v) + e); break;
    }
}

static void test_updates(void)
{
    enum { N = 45 };
    const double betas[4] = {0.5, 0.5, 0.99, 0.01}, schedule[3] = {0.125, 2, 4};
    const real b[4] = {(real)0.5, (real)0.5, (real)0.99, (real)0.01}, s[3] = {(real)0.125, 2, 4};
    for (Update op = 0; op < UPDATE_OPS; op++) {
        int first = op == UPDATE_adam || op == UPDATE_sgd || op == UPDATE_sgd_nesterov;
        int second = op == UPDATE_adam || op == UPDATE_rmsprop || op == UPDATE_adagrad;
        real *g = numbers(N, 1), *m = numbers(N, 2), *v = numbers(N, 3), *w = numbers(N, 4);
        double worst = 0;
        for (int i = 0; i < N; i++) v[i] = (real)(fabs(v[i]) + 0.01);
        real *m0 = numbers(N, 2), *w0 = numbers(N, 4), v0[N];
        memcpy(v0, v, sizeof v0);
        kernels->update(op, g, first ? m : NULL, second ? v : NULL, op == UPDATE_moving_average ? NULL : s, b,
                        (real)1e-8, w, N);
        for (int i = 0; i < N; i++) {
            double em = m0[i], ev = v0[i], ew = w0[i];
            step(op, g[i], betas, schedule, 1e-8, &em, &ev, &ew);
            double error = fmax(fabs(ew - w[i]), fmax(fabs(em - m[i]), fabs(ev - v[i])));
            if (!(error <= worst) || isnan(w[i])) worst = isnan(w[i]) ? INFINITY : error;
        }
        CHECK_MSG(worst <= 40 * epsilon, "%s: update %d is off by %g", kernels->name, op, worst);
        free(g), free(m), free(v), free(w), free(m0), free(w0);
    }
}

static void test_peak(void)
{
    real *own = numbers(KERNELS_PEAK_NUMBERS, 1);
    double operations = 0, bytes = 0;
    CHECK(kernels_peak(own) > 0);
    free(own);
    own = calloc(kernels_peaks_numbers(), sizeof *own);
    kernels_peaks(own, &operations, &bytes);
    CHECK_MSG(operations > 1e7 && bytes > 1e7, "%s: %g operations, %g bytes a second", kernels->name, operations, bytes);
    free(own);
}

int main(void)
{
    static const char *const names[] = {"avx512", "avx2", "neon", "portable"};
    char error[KERNELS_ERROR_SIZE];
    test_stack();
    test_pool();
    test_choice();
    for (int i = 0; i < COUNT(names); i++) {
        if (!kernels_choose(names[i], error)) { SKIP(error); continue; }
        test_convolutions();
        test_winograd_off();
        test_pair();
        test_pointwise();
        test_edges();
        test_column_sums();
        test_moments();
        test_normalise();
        test_updates();
        test_peak();
    }
    threads_stop();
    return check_report();
}
