/* test_arrays.c: vendor/arrays.h alone: values worked out by hand, plain loops in double, and the same bits on one, two
 * and three threads. */
#define KERNELS_IMPLEMENTATION
#define KERNELS_STATIC
#include "../vendor/kernels.h"
#define ARRAYS_IMPLEMENTATION
#define ARRAYS_STATIC
#include "../vendor/arrays.h"
#include <stdbool.h>
#include <stdlib.h>
#include "check.h"

static char room[1 << 20] __attribute__((aligned(64)));
static int asked;                       /* how often the function that is tried has asked for memory */

static void *memory(size_t bytes)
{
    asked++;
    CHECK(bytes <= sizeof room);
    memset(room, 0xFF, bytes < sizeof room ? bytes : sizeof room);      /* what was there before is never NaN by luck */
    return room;
}

static void all_close(const char *what, const real *got, const double *want, int n)
{
    double worst = 0;
    for (int i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= worst)) worst = fabs((double)got[i] - want[i]);
    CHECK_MSG(worst <= 2e-6, "%s with %d threads: off by %g", what, thread_count(), worst);
}

#define ALL_CLOSE(what, got, ...) \
    do { \
        const double want_[] = {__VA_ARGS__}; \
        all_close(what, got, want_, sizeof want_ / sizeof *want_); \
    } while (0)

static void by_hand(void)
{
    const int shape[4] = {1, 2, 2, 2}, channels[4] = {1, 1, 1, 2}, rows[4] = {1, 2, 1, 1};
    const real x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, u[6] = {10, 20, 30, 40, 50, 60}, v[6] = {0, 5, 5, -1, -2, -3};
    real y[8];
    arrays_sum(x, shape, y, channels, memory);
    ALL_CLOSE("sums of channels", y, 16, 20);
    arrays_sum(x, shape, y, rows, memory);
    ALL_CLOSE("sums of rows", y, 10, 26);
    arrays_broadcast(x, rows, y, shape);
    ALL_CLOSE("rows repeated", y, 1, 1, 1, 1, 2, 2, 2, 2);
    arrays_broadcast(x, channels, y, shape);
    ALL_CLOSE("channels repeated", y, 1, 2, 1, 2, 1, 2, 1, 2);
    arrays_softmax((const real[]){0, (real)log(3.0), 1000, 1000}, 2, 2, y);
    ALL_CLOSE("softmax", y, 0.25, 0.75, 0.5, 0.5);
    arrays_softmax((const real[]){NAN, 1}, 1, 2, y);
    CHECK(isnan(y[0]) && isnan(y[1]));
    arrays_logsumexp((const real[]){0, (real)log(3.0), 100, 100}, 2, 2, y, memory);
    CLOSE(y[0], log(4.0), 1e-6), CLOSE(y[1], 100 + log(2.0), 1e-5);
    arrays_pick_largest(u, v, 2, 3, y);
    ALL_CLOSE("the first largest", y, 20, 40);
    arrays_put_at_largest(u, v, 2, 3, y);
    ALL_CLOSE("at the first largest", y, 0, 10, 0, 20, 0, 0);
}

/* One channel: x = 1, 3 has the mean 2 and the variance 1. */
static void norms(void)
{
    const int shape[4] = {1, 1, 2, 1};
    const real x[2] = {1, 3}, scale[1] = {2}, shift[1] = {1}, dy[2] = {1, 4}, residual[2] = {10, 20};
    real moments[2], sums[2], y[2];
    arrays_moments(x, shape, 0, moments, memory);
    ALL_CLOSE("moments", moments, 2, 1);
    arrays_moments(x, shape, 3, moments, memory);
    ALL_CLOSE("with epsilon", moments, 2, 0.5);
    arrays_moments(x, shape, 0, moments, memory);
    const ArraysNorm plain = {shape, x, moments, scale, shift, 1}, leaky = {shape, x, moments, scale, shift, 0.5};
    arrays_norm(&plain, residual, y, memory);
    ALL_CLOSE("2 h + 1 + residual", y, 9, 23);
    arrays_norm(&leaky, NULL, y, memory);
    ALL_CLOSE("leaky(2 h + 1)", y, -0.5, 3);
    arrays_norm_sums(&plain, dy, sums, memory);
    ALL_CLOSE("sums of d and d h", sums, 5, 3);
    arrays_norm_dx(&plain, dy, (const real[]){4, 2}, y, memory);
    ALL_CLOSE("2 (d - 2 - h)", y, 0, 2);
    arrays_norm_sums(&leaky, dy, sums, memory);
    ALL_CLOSE("behind the activation", sums, 4.5, 3.5);
}

/* Windows of 2 by 2 side by side, of 3 by 3 one pixel apart, and cut by the border. */
static void pools(void)
{
    const real x[9] = {1, 2, 3, 8, 5, 6, 7, 8, 0}, u[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const ConvShape two = {.n = 1, .h = 3, .w = 3, .c = 1, .k = 1, .r = 2, .s = 2, .stride = 2, .ho = 2, .wo = 2,
                           .groups = 1};
    ConvShape three = two;
    three.r = three.s = 3, three.stride = 1, three.pad_y = three.pad_x = 1, three.ho = three.wo = 3;
    real y[9];
    arrays_max_pool(x, x, &two, y, memory);
    ALL_CLOSE("2x2", y, 8, 6, 8, 0);
    arrays_max_pool(u, x, &two, y, memory);
    ALL_CLOSE("2x2, picked", y, 4, 6, 8, 9);
    arrays_max_unpool((const real[]){1, 2, 3, 4}, x, &two, y);
    ALL_CLOSE("2x2, back", y, 0, 0, 0, 1, 0, 2, 0, 3, 4);
    arrays_max_pool(x, x, &three, y, memory);
    ALL_CLOSE("3x3", y, 8, 8, 6, 8, 8, 8, 8, 8, 8);
    arrays_max_unpool((const real[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, x, &three, y);
    ALL_CLOSE("3x3, back: of equals the first", y, 0, 0, 0, 6, 0, 1, 0, 2, 0);
}

/* Numbers in (-1,1), the same in every run. */
static void fill(real *to, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        to[i] = (real)((double)(seed >> 33) / (1u << 30) - 1);
    }
}

enum { N = 3, H = 37, W = 29, C = 19, COUNT = N * H * W * C };
static const int large[4] = {N, H, W, C};
static real x[COUNT], dy[COUNT], scales[C], shifts[C];

/* Everything, on arrays of several tasks, one result behind the other. */
static size_t work(real *to)
{
    static const int sums[][4] = {{1, 1, 1, 1}, {N, 1, 1, 1}, {1, 1, 1, C}, {N, 1, W, 1}, {1, H, 1, C}, {1, H, W, 1}};
    const ConvShape pool = {.n = N, .h = H, .w = W, .c = C, .k = C, .r = 3, .s = 3, .stride = 2, .pad_y = 1,
                            .pad_x = 1, .ho = (H + 1) / 2, .wo = (W + 1) / 2, .groups = C};
    real moments[N * 2 * C], norm_sums[N * 2 * C], *start = to;
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        const int *s = sums[i];
        arrays_sum(x, large, to, s, memory);
        arrays_broadcast(to, s, to + COUNT, large);
        to += 2 * COUNT;
    }
    arrays_moments(x, large, (real)1e-5, moments, memory);
    const ArraysNorm norm = {large, x, moments, scales, shifts, (real)0.2};
    arrays_norm(&norm, dy, to, memory), to += COUNT;
    arrays_norm_sums(&norm, dy, norm_sums, memory);
    arrays_norm_dx(&norm, dy, norm_sums, to, memory), to += COUNT;
    asked = 0;
    arrays_max_pool(x, x, &pool, to, memory), to += COUNT;
    CHECK(asked == 1);
    arrays_max_pool(dy, x, &pool, to, memory), to += COUNT;
    arrays_max_unpool(dy, x, &pool, to), to += COUNT;
    return (size_t)(to - start);
}

/* Sums and norm against loops in double. */
static void by_loops(const real *got)
{
    double total = 0, mean = 0, square = 0;
    enum { M = H * W };
    for (int i = 0; i < COUNT; i++) total += (double)x[i];
    CLOSE(got[0], total, 1e-4);
    CLOSE(got[COUNT + 7], total, 1e-4);
    for (int i = 0; i < M; i++) mean += (double)x[i * C + 4] / M;
    for (int i = 0; i < M; i++) square += pow((double)x[i * C + 4] - mean, 2) / M;
    double y = ((double)x[5 * C + 4] - mean) / sqrt(square + 1e-5) * (double)scales[4] + (double)shifts[4] +
               (double)dy[5 * C + 4];
    CLOSE(got[12 * COUNT + 5 * C + 4], y > 0 ? y : 0.2 * y, 1e-5);
    const real *dx = got + 13 * COUNT;
    double sums[2] = {0, 0}, root = sqrt(square + 1e-5);                /* of d and d h, channel 4 of the first picture */
    for (int i = 0; i < M; i++) {
        double h = ((double)x[i * C + 4] - mean) / root, line = h * (double)scales[4] + (double)shifts[4];
        double d = (double)dy[i * C + 4] * (line > 0 ? 1 : 0.2);
        sums[0] += d, sums[1] += d * h;
    }
    for (int i = 5; i < 8; i++) {
        double h = ((double)x[i * C + 4] - mean) / root, line = h * (double)scales[4] + (double)shifts[4];
        double d = (double)dy[i * C + 4] * (line > 0 ? 1 : 0.2);
        CLOSE(dx[i * C + 4], (double)scales[4] / root * (d - sums[0] / M - h * sums[1] / M), 1e-5);
    }
    for (int s = 1; s < 6; s++) {                                       /* one entry of each sum: the first */
        static const int shape[][4] = {{0}, {N, 1, 1, 1}, {1, 1, 1, C}, {N, 1, W, 1}, {1, H, 1, C}, {1, H, W, 1}};
        double sum = 0;
        for (int n = 0; n < (shape[s][0] == 1 ? N : 1); n++)
            for (int h = 0; h < (shape[s][1] == 1 ? H : 1); h++)
                for (int w = 0; w < (shape[s][2] == 1 ? W : 1); w++)
                    for (int c = 0; c < (shape[s][3] == 1 ? C : 1); c++) sum += (double)x[((n * H + h) * W + w) * C + c];
        CLOSE(got[2 * s * COUNT], sum, 1e-4);
    }
    /* what a norm's gradient is orthogonal to: a constant */
    for (int c = 0; c < C; c++) {
        double sum = 0;
        for (int i = 0; i < M; i++) sum += (double)dx[i * C + c];
        CLOSE(sum, 0, 1e-3);
    }
}

/* To the pixel on the right, halfway between two rows, beyond the border; unwarp is the adjoint; and a place's gradient
 * is the difference of its neighbours. */
static void warps(void)
{
    const ConvShape s = {.n = 1, .h = 2, .w = 2, .c = 1, .ho = 1, .wo = 3};
    const real picture[4] = {1, 2, 5, 9}, map[6] = {0.25, -0.25, -0.25, 0, 0.9, 0}, back[3] = {1, 10, 100};
    const real between[6] = {0.05, -0.05, 0.05, -0.05, 0.05, -0.05};
    real y[6];
    arrays_warp(picture, map, &s, y);
    ALL_CLOSE("warped", y, 2, 3, 0);
    arrays_unwarp(back, map, &s, y);
    ALL_CLOSE("back", y, 5, 1, 5, 0);
    arrays_warp_slope((const real[]){1, 1, -2}, picture, between, &s, y);
    ALL_CLOSE("slope", y, 2 * (0.6 * 1 + 0.4 * 4), 2 * (0.4 * 4 + 0.6 * 7), 2 * (0.6 * 1 + 0.4 * 4),
              2 * (0.4 * 4 + 0.6 * 7), -4 * (0.6 * 1 + 0.4 * 4), -4 * (0.4 * 4 + 0.6 * 7));
}

int main(void)
{
    char error[KERNELS_ERROR_SIZE];
    static real first[20 * COUNT], again[20 * COUNT];
    CHECK(kernels_choose(NULL, error));
    fill(x, COUNT, 1), fill(dy, COUNT, 2), fill(scales, C, 3), fill(shifts, C, 4);
    for (int threads = 1; threads <= 3; threads++) {
        threads_start(threads);
        by_hand(), norms(), pools(), warps();
        size_t n = work(threads == 1 ? first : again);
        if (threads == 1) by_loops(first);
        else CHECK_MSG(memcmp(first, again, n * sizeof *first) == 0, "%d threads give other bits", threads);
    }
    threads_stop();
    return check_report();
}
