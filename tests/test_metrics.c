/* test_metrics.c: chapter 13's numbers on examples computed by hand, on properties, and on what must not be computed
 * (tests/test_stats.c has those of vendor/stats.h).
 * With a path it also writes inputs and results there (.npz), for tests/scipy_metrics.py to hold against SciPy. */
#include "library.h"
#include "check.h"

static TensorFile out;                  /* for scipy_metrics.py */
static void *memory[256];
static int n_memory;

static double *numbers(size_t n)
{
    return memory[n_memory++] = must_alloc(n, sizeof(double));
}

static void note(const char *name, int rank, int64_t rows_, int64_t columns, const double *data)
{
    const int64_t shape[2] = {rows_, columns};
    CHECK(tensorfile_add(&out, name, TENSOR_F64, rank, shape, data));
}

static double normal(uint64_t seed, uint64_t index)
{
    return sqrt(-2 * log(draw(seed, STREAM_TEST, index, 0))) * cos(TURN * draw(seed, STREAM_TEST, index, 1));
}

/* ------------------------------------------------------------------------------------------------
 * FED
 * ---------------------------------------------------------------------------------------------- */

/* n rows of d correlated normal numbers around `mean`, some of them always 0, as a ReLU's features are. */
static StatsRows random_features(uint64_t seed, int n, int d, double mean, double spread)
{
    double *rows_ = numbers((size_t)(n * d)), shared;
    for (int i = 0; i < n; i++) {
        shared = normal(seed, (uint64_t)i * 1000 + 999);
        for (int k = 0; k < d; k++) {
            double x = mean + spread * (normal(seed, (uint64_t)(i * 1000 + k)) + 0.7 * shared * (k % 3));
            rows_[i * d + k] = k % 11 == 10 ? 0 : x > 0 ? x : 0.01 * x;
        }
    }
    return (StatsRows){rows_, n, d};
}

typedef struct FrechetPair { const StatsRows *r, *g; int resamplings; uint64_t seed; StatsInterval *fed; } FrechetPair;

static void frechet_pair(void *context)
{
    const FrechetPair *d = context;
    frechet_distance(d->r, d->g, d->resamplings, d->seed, d->fed);
}

static bool frechet_between(const StatsRows *r, const StatsRows *g, int resamplings, uint64_t seed, StatsInterval *fed, Error *e)
{
    return attempt(frechet_pair, &(FrechetPair){r, g, resamplings, seed, fed}, e);
}

static void test_frechet(void)
{
    Error e = {0};
    StatsInterval fed;
    const double thin[] = {-1, 0, 1}, wide[] = {1, 3, 5}, bad[] = {0, NAN, 1};
    const StatsRows r = {thin, 3, 1}, g = {wide, 3, 1}, broken = {bad, 3, 1}, other = {wide, 1, 3};
    CHECK(frechet_between(&r, &g, 0, 1, &fed, &e));
    CLOSE(fed.value, 9 + (2 - 1) * (2 - 1), 1e-12);                     /* means 0 and 3, deviations 1 and 2 */
    CHECK(frechet_between(&r, &r, 0, 1, &fed, &e));
    CLOSE(fed.value, 0, 1e-12);
    CHECK(!frechet_between(&r, &broken, 0, 1, &fed, &e) && strstr(e.text, "finite"));
    CHECK(!frechet_between(&r, &other, 0, 1, &fed, &e) && strstr(e.text, "one classifier"));
    const double squares[] = {1, 1, 1, -1, -1, 1, -1, -1}, apart[] = {3, 2, 3, -2, -1, 2, -1, -2};
    /* variances 4/3, 4/3 and 16/3, 16/3; means 0,0 and 1,0 */
    const StatsRows p = {squares, 4, 2}, q = {apart, 4, 2};
    CHECK(frechet_between(&p, &q, 0, 1, &fed, &e));
    CLOSE(fed.value, 1 + 4.0 / 3 + 4.0 / 3, 1e-12);
    static const int sizes[][3] = {{200, 300, 8}, {400, 400, 64}, {300, 280, 128}};
    for (int i = 0; i < 3; i++) {
        char name[64];
        StatsRows a = random_features(10 + (uint64_t)i, sizes[i][0], sizes[i][2], 0.5, 1),
                 b = random_features(20 + (uint64_t)i, sizes[i][1], sizes[i][2], 0.7, 1.3);
        double *value = numbers(1);
        CHECK(frechet_between(&a, &b, 0, 1, &fed, &e));
        *value = fed.value;
        CHECK(frechet_between(&b, &a, 0, 1, &fed, &e));
        /* it does not matter which is called real; a root's rounding */
        CLOSE(fed.value, *value, 1e-7);
        CHECK(frechet_between(&a, &a, 0, 1, &fed, &e));
        CLOSE(fed.value, 0, 1e-6);
        snprintf(name, sizeof name, "fed.%d.real", i), note(name, 2, a.n, a.d, a.rows);
        snprintf(name, sizeof name, "fed.%d.generated", i), note(name, 2, b.n, b.d, b.rows);
        snprintf(name, sizeof name, "fed.%d.value", i), note(name, 1, 1, 0, value);
    }
    StatsRows few = random_features(1, 8, 8, 0, 1), enough = random_features(2, 9, 8, 0, 1);
    CHECK(!frechet_between(&few, &enough, 0, 1, &fed, &e) && strstr(e.text, "8 pictures for 8 features"));
    CHECK(!frechet_between(&enough, &few, 0, 1, &fed, &e));
    CHECK(frechet_between(&enough, &enough, 0, 1, &fed, &e));
}

/* Two normal distributions whose distance is known: how often does the 95% interval hold it? The same seed gives the
 * same interval on any number of threads. */
static void test_interval(void)
{
    enum { TRIALS = 200, N = 150, D = 3 };
    /* means 1 apart; deviations 1 and 2 along one axis */
    const double truth = 1 + 1;
    double x[N * D], y[N * D], width = 0;
    const StatsRows r = {x, N, D}, g = {y, N, D};
    int covered = 0, below = 0;
    Error e = {0};
    StatsInterval fed, again;
    for (int t = 0; t < TRIALS; t++) {
        for (int i = 0; i < N * D; i++) {
            x[i] = normal((uint64_t)t, (uint64_t)i);
            y[i] = normal((uint64_t)t, (uint64_t)(N * D + i)) * (i % D == 0 ? 2 : 1) + (i % D == 1);
        }
        CHECK(frechet_between(&r, &g, 200, (uint64_t)t, &fed, &e));
        covered += fed.low <= truth && truth <= fed.high, below += truth < fed.low;
        width += (fed.high - fed.low) / TRIALS;
    }
    printf("FED's 95%% interval held the truth in %d of %d trials (%d below it); mean width %.2f\n", covered, TRIALS,
           below, width);
    CHECK(covered >= TRIALS * 88 / 100 && covered <= TRIALS * 99 / 100);
    threads_start(3);
    CHECK(frechet_between(&r, &g, 200, TRIALS - 1, &again, &e));
    CHECK(memcmp(&fed, &again, sizeof fed) == 0);
    threads_start(1);
}

/* ------------------------------------------------------------------------------------------------
 * Pictures
 * ---------------------------------------------------------------------------------------------- */

static void test_ssim(void)
{
    enum { SIDE = 24 };
    double *x = numbers(SIDE * SIDE), *y = numbers(SIDE * SIDE), *spot = numbers(SIDE * SIDE), *value = numbers(1),
           kept;
    for (int i = 0; i < SIDE * SIDE; i++) {
        x[i] = 0.5 + 0.3 * sin(0.7 * (i % SIDE)) * cos(0.4 * (i / SIDE));
        y[i] = x[i] + 0.1 * normal(9, (uint64_t)i);
    }
    CLOSE(stats_ssim(x, x, SIDE, INFINITY, &kept), 1, 1e-12), CLOSE(kept, 1, 0);
    *value = stats_ssim(x, y, SIDE, INFINITY, &kept);
    CHECK(*value < 0.95 && *value > 0.1);
    note("ssim.x", 2, SIDE, SIDE, x), note("ssim.y", 2, SIDE, SIDE, y), note("ssim.value", 1, 1, 0, value);
    memcpy(spot, x, SIDE * SIDE * sizeof *spot);
    spot[12 * SIDE + 12] += 0.8;
    double with = stats_ssim(x, spot, SIDE, INFINITY, &kept), without = stats_ssim(x, spot, SIDE, 0.2, &kept);
    CHECK(without > with), CLOSE(kept, 1 - 1.0 / (14 * 14), 1e-12);
    CHECK(isnan(stats_ssim(x, x, SIDE, -1, &kept)) && kept == 0);
}

/* Correlation and tests of chance, for SciPy to compute again. */
static void note_chance(void)
{
    double *a = numbers(60), *b = numbers(60), *r = numbers(1), *d = numbers(12), *p = numbers(4);
    for (int i = 0; i < 60; i++) {
        a[i] = floor(4 * normal(1, (uint64_t)i));
        b[i] = a[i] + floor(5 * normal(2, (uint64_t)i));
    }
    *r = stats_rank_correlation(a, b, 60);
    note("spearman.x", 1, 60, 0, a), note("spearman.y", 1, 60, 0, b), note("spearman.value", 1, 1, 0, r);
    for (int i = 0; i < 12; i++) d[i] = 0.4 + normal(3, (uint64_t)i);
    StatsComparison c = stats_compare_pairs(d, 12);
    p[0] = c.student, p[1] = c.wilcoxon, p[2] = c.low, p[3] = c.high;
    note("pairs.difference", 1, 12, 0, d), note("pairs.result", 1, 4, 0, p);
}

int main(int argc, char **argv)
{
    Scope all;
    enter(&all);
    char why[TENSORFILE_ERROR_SIZE] = "";
    start_library();
    test_frechet();
    test_interval();
    test_ssim();
    note_chance();
    if (argc > 1) CHECK_MSG(tensorfile_save(argv[1], &out, why), "%s", why);
    tensorfile_free(&out);
    for (int i = 0; i < n_memory; i++) free(memory[i]);
    leave();
    return check_report();
}
