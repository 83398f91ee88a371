/* test_stats.c: vendor/stats.h on examples computed by hand, on properties, and on what must not be computed. */
#define STATS_IMPLEMENTATION
#define STATS_STATIC
#include "../vendor/stats.h"
#include "check.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Uniform in (0,1), the same for the same number (SplitMix64, Steele et al. 2014). */
static double uniform(uint64_t seed, uint64_t index)
{
    uint64_t z = (seed * 1000003 + index + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(uint64_t seed, uint64_t index)
{
    return sqrt(-2 * log(uniform(seed, 2 * index))) * cos(6.283185307179586 * uniform(seed, 2 * index + 1));
}

static double chance(void *seed, int c)
{
    return uniform(*(uint64_t *)seed, (uint64_t)c);
}

/* ------------------------------------------------------------------------------------------------
 * One list of numbers
 * ---------------------------------------------------------------------------------------------- */

static void test_lists(void)
{
    double values[] = {4, 1, 3, 2}, resampled[101];
    stats_sort(values, 4);
    CHECK(values[0] == 1 && values[1] == 2 && values[2] == 3 && values[3] == 4);
    CLOSE(stats_quantile(values, 4, 0), 1, 0), CLOSE(stats_quantile(values, 4, 1), 4, 0);
    CLOSE(stats_quantile(values, 4, 0.5), 2.5, 1e-15);
    CLOSE(stats_quantile(values, 1, 0.3), 1, 0);
    CLOSE(stats_mean((double[]){1, NAN, 3, INFINITY}, 4), 2, 0);
    CHECK(isnan(stats_mean((double[]){NAN}, 1)) && isnan(stats_mean(values, 0)));
    for (int i = 0; i <= 100; i++) resampled[i] = 100 - i;              /* of 10: a bias of 40, which is taken off */
    StatsInterval interval = stats_interval(10, resampled, 101, 0.025);
    CLOSE(interval.value, 10, 0), CLOSE(interval.low, 20 - 97.5, 1e-12), CLOSE(interval.high, 20 - 2.5, 1e-12);
}

/* ------------------------------------------------------------------------------------------------
 * Ranks, tests of chance
 * ---------------------------------------------------------------------------------------------- */

static void test_ranks(void)
{
    const double x[] = {1, 2, 3, 4, 5}, up[] = {2, 4, 8, 16, 32}, down[] = {5, 4, 3, 2, 1}, ties[] = {1, 1, 2, 2, 3},
           flat[] = {1, 1, 1, 1, 1};
    CLOSE(stats_rank_correlation(x, up, 5), 1, 1e-15);
    CLOSE(stats_rank_correlation(x, down, 5), -1, 1e-15);
    CLOSE(stats_correlation(x, down, 5), -1, 1e-15), CHECK(stats_correlation(x, up, 5) < 0.95);
    /* ranks 1.5 1.5 3.5 3.5 5: products sum to 9, squares to 9 */
    CLOSE(stats_rank_correlation(x, ties, 5), 9 / sqrt(10 * 9), 1e-15);
    CHECK(isnan(stats_rank_correlation(x, flat, 5)) && isnan(stats_rank_correlation(x, up, 0)));
    CHECK(isnan(stats_rank_correlation(x, (double[]){1, 2, NAN, 4, 5}, 5)));
}

static void test_pairs(void)
{
    CLOSE(stats_student(1, 1), 0.5, 1e-12);                             /* Cauchy: P(|T| > 1) = 1/2 */
    CLOSE(stats_student(0, 4), 1, 1e-12);
    CLOSE(stats_student(sqrt(2), 2), 1 - 1 / sqrt(2), 1e-12);           /* 1 - t / sqrt(2 + t^2) */
    CLOSE(stats_student(2.776445, 4), 0.05, 1e-6);                      /* the table's */
    CLOSE(stats_student(2.570582, 5), 0.05, 1e-6);
    CLOSE(stats_wilcoxon((double[]){1, 2, 3, 4, 5}, 5), 2 / 32.0, 1e-15);
    CLOSE(stats_wilcoxon((double[]){1, 2, 3, 4, -5}, 5), 20 / 32.0,
          1e-15); /* sums of ranks at most 5 or at least 10: 10 + 10 ways */
    CLOSE(stats_wilcoxon((double[]){0, 0, 0}, 3), 1, 0);
    CLOSE(stats_wilcoxon((double[]){1, -1}, 2), 1, 1e-15);
    const double gain[] = {0.02, 0.03, 0.01, 0.04, 0.02};
    StatsComparison c = stats_compare_pairs(gain, 5);
    CLOSE(c.mean, 0.024, 1e-15), CLOSE(c.deviation, sqrt(0.00013), 1e-12);
    CLOSE(c.high - c.low, 2 * 2.776445105 * c.deviation / sqrt(5), 1e-9);
    CHECK(c.student < 0.01 && c.wilcoxon == 0.0625);
    CHECK(isnan(stats_compare_pairs(gain, 1).student));
    StatsComparison bad = stats_compare_pairs((double[]){1, NAN, 2}, 3);
    StatsComparison equal = stats_compare_pairs((double[]){0, 0, 0}, 3);
    CHECK(isnan(bad.student) && isnan(bad.wilcoxon) && isnan(bad.low));
    CHECK(equal.student == 1 && equal.wilcoxon == 1);
}

/* ------------------------------------------------------------------------------------------------
 * Sets of rows
 * ---------------------------------------------------------------------------------------------- */

static void test_distances(void)
{
    const double line[] = {0, 0, 3, 4, 6, 8}, near[] = {0, 1, 6, 8}, same[] = {1, 1, 1, 1, 1, 1};
    const StatsRows data = {line, 3, 2}, samples = {near, 2, 2}, collapsed = {same, 3, 2}, one = {line, 1, 2};
    double distance;
    CLOSE(stats_pair_distance(&data), (5 + 10 + 5) / 3.0, 1e-12);
    CLOSE(stats_pair_distance(&collapsed), 0, 0);
    CHECK(isnan(stats_pair_distance(&one)));
    CLOSE(stats_class_distance(&data, (int[]){0, 1, 0}), 10, 1e-12);
    CLOSE(stats_class_distance(&data, (int[]){4, 4, 4}), (5 + 10 + 5) / 3.0, 1e-12);
    CHECK(isnan(stats_class_distance(&data, (int[]){0, 1, 2})));
    CLOSE(stats_nearest_distance(&samples, &data), (1 + 0) / 2.0, 1e-12);
    CLOSE(stats_nearest_distance(&data, &data), 5, 1e-12);              /* to the nearest other one */
    CHECK(stats_nearest(&data, near, -1, &distance) == 0 && distance == 1);
    CHECK(stats_nearest(&data, near, 0, &distance) == 1);
    CHECK(stats_nearest(&one, near, 0, &distance) == -1 && isinf(distance));
    CHECK(stats_nearest(&data, (double[]){NAN, 0}, -1, &distance) == -1);
}

static void test_clusters(void)
{
    double blobs[400], some[100], centres[8], again[8];
    for (int i = 0; i < 200; i++) {
        blobs[2 * i] = 10 * (i % 2) + 0.1 * normal(5, (uint64_t)i);
        blobs[2 * i + 1] = 10 * (i / 2 % 2) + 0.1 * normal(6, (uint64_t)i);
    }
    for (int i = 0; i < 50; i++) some[2 * i] = 0.1 * normal(7, (uint64_t)i), some[2 * i + 1] = 10 * (i % 2);
    const StatsRows four = {blobs, 200, 2}, left = {some, 50, 2}, right = {(double[]){10, 10}, 1, 2},
          bad = {(double[]){NAN, 0}, 1, 2}, centre = {centres, 4, 2};
    CHECK(stats_clusters(&four, 4, chance, &(uint64_t){1}, centres));
    CHECK(stats_clusters(&four, 4, chance, &(uint64_t){1}, again));
    CHECK(memcmp(centres, again, sizeof centres) == 0);
    for (int c = 0; c < 4; c++)
        CHECK(fabs(centres[2 * c] - 10 * (centres[2 * c] > 5)) < 0.1 &&
              fabs(centres[2 * c + 1] - 10 * (centres[2 * c + 1] > 5)) < 0.1);
    CLOSE(stats_clusters_reached(&centre, &four), 1, 0);
    CLOSE(stats_clusters_reached(&centre, &left), 0.5, 0);
    CLOSE(stats_clusters_reached(&centre, &right), 0.25, 0);
    CLOSE(stats_clusters_reached(&centre, &bad), 0, 0);
    for (uint64_t seed = 0; seed < 20; seed++)                          /* more centres than rows; rows that are none */
        CHECK(stats_clusters(&right, 4, chance, &seed, centres) && stats_clusters(&bad, 4, chance, &seed, centres));
}

/* ------------------------------------------------------------------------------------------------
 * Matrices and distributions
 * ---------------------------------------------------------------------------------------------- */

/* fmax would pass over NaN. */
static void worsen(double *worst, double error)
{
    if (!(error <= *worst)) *worst = error;
}

/* The largest element of A - sum w v v^T and of V V^T - 1, for a matrix whose elements are about 1. */
static void check_eigen(const double *a, size_t n, const char *what)
{
    double *copy = calloc(2 * n * n + 2 * n, sizeof *copy), *v = copy + n * n, *w = v + n * n, *alone = w + n;
    double residual = 0, skew = 0, order = 0;
    memcpy(copy, a, n * n * sizeof *a);
    CHECK(stats_eigen(copy, n, w, v));
    memcpy(copy, a, n * n * sizeof *a);
    CHECK(stats_eigen(copy, n, alone, NULL));
    for (size_t k = 0; k < n; k++) {
        const double *row = v + k * n;
        if (k) worsen(&order, w[k - 1] - w[k]);
        worsen(&order, fabs(w[k] - alone[k]) - 1e-10);
        for (size_t i = 0; i < n; i++) worsen(&residual, fabs(stats_dot(a + i * n, row, n) - w[k] * row[i]));
        for (size_t i = 0; i <= k; i++) worsen(&skew, fabs(stats_dot(v + i * n, row, n) - (i == k)));
    }
    CHECK_MSG(residual <= 1e-10, "%s %zu: A v - w v is %g", what, n, residual);
    CHECK_MSG(skew <= 1e-10, "%s %zu: V V^T is off by %g", what, n, skew);
    CHECK_MSG(order <= 0, "%s %zu: not in order, or without vectors another result: %g", what, n, order);
    free(copy);
}

static void test_eigen(void)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 16, 33, 64, 128, 256, 512};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        double *a = calloc(n * n + n, sizeof *a), *w = a + n * n;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k <= i; k++) a[i * n + k] = a[k * n + i] = 2 * uniform(n, i * n + k) - 1;
        check_eigen(a, n, "random");
        for (size_t i = 0; i < n * n; i++) a[i] = i / n == i % n ? (double)(i / n % 3) : 0;
        check_eigen(a, n, "diagonal with repetitions");
        for (size_t i = 0; i < n * n; i++) a[i] = 1;
        check_eigen(a, n, "of rank one");
        memset(a, 0, n * n * sizeof *a);
        check_eigen(a, n, "zero");
        a[n * n - 1] = NAN;
        CHECK(!stats_eigen(a, n, w, NULL));
        free(a);
    }
    double two[] = {2, 1, 1, 2}, w[2], v[4];
    CHECK(stats_eigen(two, 2, w, v));
    CLOSE(w[0], 1, 1e-15);
    CLOSE(w[1], 3, 1e-15);
    CLOSE(fabs(v[2]), sqrt(0.5), 1e-15);
    CLOSE(v[0], -v[1], 1e-15);
    CHECK(stats_eigen(two, 0, w, v));
}

static void test_frechet(void)
{
    const double thin[] = {-1, 0, 1}, wide[] = {1, 3, 5}, bad[] = {0, NAN, 1};
    const StatsRows r = {thin, 3, 1}, g = {wide, 3, 1}, broken = {bad, 3, 1};
    CLOSE(stats_frechet(&r, NULL, &g, NULL), 9 + (2 - 1) * (2 - 1), 1e-12);     /* means 0 and 3, deviations 1 and 2 */
    CLOSE(stats_frechet(&r, NULL, &r, NULL), 0, 1e-12);
    CHECK(isnan(stats_frechet(&r, NULL, &broken, NULL)));
    const double squares[] = {1, 1, 1, -1, -1, 1, -1, -1}, apart[] = {3, 2, 3, -2, -1, 2, -1, -2};
    /* variances 4/3, 4/3 and 16/3, 16/3; means 0,0 and 1,0 */
    const StatsRows p = {squares, 4, 2}, q = {apart, 4, 2};
    CLOSE(stats_frechet(&p, NULL, &q, NULL), 1 + 4.0 / 3 + 4.0 / 3, 1e-12);
    const double mixed[] = {9, 9, 1, 1, 1, -1, -1, 1, -1, -1};          /* row 0 is not taken */
    const StatsRows m = {mixed, 4, 2};
    CLOSE(stats_frechet(&m, (int[]){1, 2, 3, 4}, &p, NULL), 0, 1e-12);
    CLOSE(stats_frechet(&p, (int[]){3, 1, 0, 2}, &q, (int[]){2, 3, 0, 1}), 1 + 4.0 / 3 + 4.0 / 3, 1e-12);
}

/* Row 0 again and again, then two rows in another order. */
static double places(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    CHECK(seed == 5 && stream == 9 && index < 4 && which < 2);
    return index < 2 ? 0 : index == 2 ? which ? 0 : 0.5 : which ? 0.5 : 0;
}

/* Once 1, 1 and 6, 6: means 5 apart and no variance; once 3, 1 and 6, 10: means 2 and 8, variances 2 and 8. */
static void test_resampling(void)
{
    const double a[] = {1, 3}, b[] = {6, 10};
    double values[2] = {0, 0};
    const StatsRows r = {a, 2, 1}, g = {b, 2, 1};
    StatsResampling job = {&r, &g, places, 5, 9, values};
    stats_resample(&job, 1, 0), stats_resample(&job, 0, 3);
    CLOSE(values[0], 25, 1e-12);
    CLOSE(values[1], 36 + 2 + 8 - 2 * 4, 1e-12);                        /* the root of 2 times 8 is 4 */
}

static void test_confusion(void)
{
    StatsConfusion c = {.n = 3};
    const double scores[][3] = {{0.7, 0.2, 0.1}, {0.1, 0.8, 0.1}, {0.2, 0.6, 0.2}, {0.4, 0.5, 0.1}, {0.3, NAN, 0.3}};
    const int truth[] = {0, 1, 1, 0, 1};
    for (int i = 0; i < 5; i++) stats_confusion_add(&c, truth[i], scores[i]);
    CHECK(c.count[0][0] == 1 && c.count[0][1] == 1 && c.count[1][1] == 2 && c.undecided[1] == 1);
    StatsClass zero = stats_class(&c, 0), one = stats_class(&c, 1), absent = stats_class(&c, 2);
    CLOSE(zero.precision, 1, 0), CLOSE(zero.recall, 0.5, 0), CLOSE(zero.f1, 2.0 / 3, 1e-15);
    CLOSE(one.precision, 2.0 / 3, 1e-15), CLOSE(one.recall, 2.0 / 3, 1e-15), CLOSE(one.f1, 2.0 / 3, 1e-15);
    CHECK(isnan(absent.f1) && isnan(absent.recall) && isnan(absent.precision) && absent.pictures == 0);
    CLOSE(stats_macro_f1(&c), 2.0 / 3, 1e-15);                          /* of the two classes that there are */
    CLOSE(stats_accuracy(&c), 3.0 / 5, 1e-15);
    stats_confusion_add(&c, 0, (double[]){0, 0, 1});              /* now somebody is taken for class 2, wrongly */
    CLOSE(stats_class(&c, 2).f1, 0, 0);
    CLOSE(stats_macro_f1(&c), (2.0 / 4 + 2.0 / 3 + 0) / 3, 1e-15);
    StatsConfusion none = {.n = 2}, lost = {.n = 2};
    CHECK(isnan(stats_macro_f1(&none)) && isnan(stats_accuracy(&none)));
    for (int i = 0; i < 4; i++) stats_confusion_add(&lost, i % 2, (double[]){NAN, NAN});
    /* a classifier that says nothing is not right */
    CLOSE(stats_macro_f1(&lost), 0, 0), CLOSE(stats_accuracy(&lost), 0, 0);
}

static void test_join(void)
{
    StatsConfusion all = {0}, one = {.n = 2};
    stats_confusion_add(&one, 0, (double[]){1, 0}), stats_confusion_add(&one, 1, (double[]){1, 0});
    stats_confusion_add(&one, 1, (double[]){NAN, 0});
    stats_confusion_join(&all, &one), stats_confusion_join(&all, &one);
    CHECK(all.n == 2 && all.count[0][0] == 2 && all.count[1][0] == 2 && all.count[1][1] == 0 && all.undecided[1] == 2);
}

static void test_calibration(void)
{
    const double p[] = {0.9, 0.1, 0.9, 0.1, 0.6, 0.4, 0.4, 0.6};
    const int truth[] = {0, 1, 0, 1};
    CLOSE(stats_calibration_error(p, truth, 4, 2), (fabs(1.8 - 1) + fabs(1.2 - 2)) / 4, 1e-12);  /* two bins */
    const double sure[] = {1, 0, 0, 1};
    CLOSE(stats_calibration_error(sure, (int[]){0, 1}, 2, 2), 0, 0);
    CLOSE(stats_calibration_error(sure, (int[]){1, 0}, 2, 2), 1, 0);
    CHECK(isnan(stats_calibration_error((double[]){NAN, NAN}, truth, 1, 2)));
}

static void test_detail(void)
{
    double grey[16] = {0}, ramp[16];
    for (int i = 0; i < 16; i++) ramp[i] = i % 4 + 2 * (i / 4);
    CHECK(stats_detail(ramp, 4) == 0);                          /* a slope has no detail */
    grey[5] = 1;                                                /* Laplacians of the four inner pixels: 4, -1, -1, 0 */
    CLOSE(stats_detail(grey, 4), 18 / 4.0 - 0.25, 1e-12);
    double bright[16], flat[16];
    StatsHardest h = {0};
    for (int i = 0; i < 16; i++) bright[i] = 9 + (i % 2 ? 1 : -1), flat[i] = 5;
    stats_harder(&h, bright, 4), stats_harder(&h, ramp, 4), stats_harder(&h, flat, 4), stats_harder(&h, grey, 4);
    CHECK(h.n == 4 && h.which[0] == 3 && h.which[1] == 0 && h.which[2] == 2 && h.which[3] == 1);    /* ramp: no detail */
}

static void test_mistakes(void)
{
    static const double p[12] = {0.4, 0.6, 0.9, 0.1, 0.3, 0.7, 0.2, 0.8, NAN, 0.5, 0.7, 0.3};
    static const int truth[6] = {0, 0, 0, 1, 0, 1};
    int which[3] = {-1, -1, -1};
    CHECK(stats_mistakes(p, truth, 6, 2, 3, which) == 3 && which[0] == 2 && which[1] == 5 && which[2] == 0);
    CHECK(stats_mistakes(p, truth, 6, 2, 1, which) == 1 && which[0] == 2);      /* of equals the first */
    CHECK(stats_mistakes(p + 2, truth + 1, 1, 2, 3, which) == 0);
}

static void test_told_apart(void)
{
    const double high[] = {3, 3, 3, 3, 3, 1}, low[] = {1, 1, 1, 1, 1, 3}, flat[] = {2, 2, 2, 2}, nan[] = {NAN, NAN,
           NAN, NAN};
    StatsTold f = stats_told_apart(high, 6, low, 6);
    CLOSE(f.threshold, 2, 1e-12);
    /* of the second's 3 odd-numbered 2 are found, 1 of the first is taken for it */
    CLOSE(f.second, 2 * 2.0 / (2 * 2 + 2), 1e-15);
    CLOSE(f.first, 2.0 / 3, 1e-15), CLOSE(f.average, 2.0 / 3, 1e-15);
    f = stats_told_apart(low, 6, high, 6);                              /* the wrong way round */
    CLOSE(f.second, 1.0 / 3, 1e-15);
    f = stats_told_apart(flat, 4, flat, 4);                             /* nothing is said: all pass for the first */
    CLOSE(f.second, 0, 0), CLOSE(f.first, 2.0 * 2 / (2 * 2 + 2), 1e-15);
    f = stats_told_apart(nan, 4, nan, 4);
    CLOSE(f.second, 0, 0), CLOSE(f.first, 0, 0);
}

static void test_curves(void)
{
    double even[10], jump[10], fall[10], flat[10] = {0}, bad[10] = {0, 0.1, NAN}, dip[] = {0, 0.5, 0.4, 1}, curves[50];
    for (int j = 0; j < 10; j++) even[j] = 0.1 * j, jump[j] = j >= 5, fall[j] = -0.1 * j;
    CLOSE(stats_largest_step(even, 10), 1.0 / 9, 1e-12), CHECK(stats_rises(even, 10));
    CLOSE(stats_largest_step(jump, 10), 1, 0), CHECK(stats_rises(jump, 10));
    CLOSE(stats_largest_step(fall, 10), 0, 0), CHECK(!stats_rises(fall, 10));         /* lower than any rising curve, and worse */
    CHECK(isnan(stats_largest_step(flat, 10)) && !stats_rises(flat, 10));
    CHECK(isnan(stats_largest_step(bad, 10)) && !stats_rises(bad, 10));
    CLOSE(stats_largest_step(dip, 4), 0.6, 1e-15), CHECK(!stats_rises(dip, 4));
    CHECK(isnan(stats_largest_step(even, 1)) && !stats_rises(even, 1));
    const double *all[] = {even, jump, fall, flat, bad};
    for (int i = 0; i < 5; i++) memcpy(curves + 10 * i, all[i], sizeof even);
    StatsCurves s = stats_curves(curves, 5, 10);
    CLOSE(s.step, (1.0 / 9 + 1 + 0) / 3, 1e-12);
    CLOSE(s.rising, 2.0 / 5, 0), CHECK(s.flat == 2 && s.curves == 5);
    CLOSE(s.ends, (1.0 / 9 + 1) / 2, 1e-12);
    s = stats_curves(curves + 30, 2, 10);
    CHECK(isnan(s.step) && isnan(s.ends) && s.flat == 2);
    const double hill[] = {0.2, 1, 0, 0.6};                             /* its largest step is 0.8, from end to end it is 0.4 */
    s = stats_curves(hill, 1, 4);
    CLOSE(s.step, 0.8, 1e-12), CLOSE(s.ends, 2, 1e-12);
}

static void test_spread(void)
{
    const double values[] = {1, NAN, 3, 5};
    StatsSpread s = stats_spread(values, 4);
    CHECK(s.n == 3), CLOSE(s.mean, 3, 1e-15), CLOSE(s.deviation, 2, 1e-15);
    s = stats_spread(values, 2);
    CHECK(s.n == 1 && s.mean == 1 && isnan(s.deviation));
    CHECK(stats_spread(values + 1, 1).n == 0);
}

/* An ellipse of 4 and 1 turned by 30 degrees; a lower triangular matrix by its transposed one. */
static void test_covariances(void)
{
    const double a[3][3] = {{2, 0, 0}, {-1, 3, 0}, {0.5, 1, 1}};
    double c[3][3] = {{0}}, half = sqrt(3) / 2;
    stats_turned(4, 1, 3.14159265358979323846 / 6, c);
    CLOSE(c[0][0], 0.75 * 4 + 0.25, 1e-12), CLOSE(c[1][1], 0.25 * 4 + 0.75, 1e-12), CLOSE(c[0][1], 0.5 * half * 3, 1e-12);
    CHECK(c[0][1] == c[1][0] && c[0][2] == 0 && c[2][2] == 0);
    stats_by_transposed(a, 0.25, c);
    const double wanted[9] = {4.25, -2, 1, -2, 10.25, 2.5, 1, 2.5, 2.5};
    for (int i = 0; i < 9; i++) CLOSE(c[i / 3][i % 3], wanted[i], 1e-12);
}

int main(void)
{
    test_covariances();
    test_told_apart();
    test_curves();
    test_spread();
    test_lists();
    test_ranks();
    test_detail();
    test_mistakes();
    test_pairs();
    test_distances();
    test_clusters();
    test_eigen();
    test_frechet();
    test_resampling();
    test_confusion();
    test_join();
    test_calibration();
    return check_report();
}
