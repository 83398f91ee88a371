/* stats.h: numbers about numbers: eigenvalues, distances of sets and of distributions, clusters, tests of chance, and
 * how right a classifier is.
 *
 *     #define STATS_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "stats.h"
 *
 *     double gain[5] = { 0.02, 0.03, 0.01, 0.04, 0.02 };
 *     StatsComparison c = stats_compare_pairs(gain, 5);
 *     printf("%+.3f (%.3f to %.3f), p %.4f by Student's test, %.4f by Wilcoxon's\n",
 *            c.mean, c.low, c.high, c.student, c.wilcoxon);
 *
 * Define STATS_STATIC as well to keep every function private to that file. Only libc and libm are used.
 *
 * Everything is double, and a result that cannot be computed (too few values, a value that is no number, no memory) is
 * NaN, never a number that looks good. Chance comes from the caller, so that he decides what is repeatable. No call
 * keeps a pointer or touches a global, so that any number of threads may call.
 */
#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef STATS_STATIC
#define STATS_API static inline
#elif defined(__cplusplus)
#define STATS_API extern "C"
#else
#define STATS_API
#endif

/* ---- one list of numbers ---- */

STATS_API void stats_sort(double *values, int n);

/* The value below which a share q of the sorted numbers lies, between neighbours in proportion. */
STATS_API double stats_quantile(const double *sorted, int n, double q);

/* The mean of those that are numbers; NaN of none. */
STATS_API double stats_mean(const double *values, int n);

/* Mean and standard deviation (of n - 1) of the values that are numbers, and how many these are; NaN of too few. */
typedef struct { int n; double mean, deviation; } StatsSpread;
STATS_API StatsSpread stats_spread(const double *values, int n);

/* The basic bootstrap's interval around `value`, with a chance of `tail` (0.025 for 95%) on either side of it, from
 * what resampling made of it: mirrored, so that a bias is taken off, not added twice (Efron & Tibshirani 1993, section
 * 13.3). Sorts `resampled`. */
typedef struct { double value, low, high; } StatsInterval;
STATS_API StatsInterval stats_interval(double value, double *resampled, int n, double tail);

/* ---- two lists of numbers ---- */

/* Places in the order of size, from 1; equals share the mean of theirs. */
STATS_API void stats_ranks(const double *x, int n, double *rank);

/* Pearson's correlation, and Spearman's (1904), that of the ranks; NaN where one of the two does not move. */
STATS_API double stats_correlation(const double *x, const double *y, int n);
STATS_API double stats_rank_correlation(const double *x, const double *y, int n);

/* P(|T| >= |t|) of Student's t with a whole number of degrees of freedom. */
STATS_API double stats_student(double t, int freedom);

/* Wilcoxon's signed-rank test, exact. With n pairs p is never below 2^(1-n): five pairs cannot be significant at 0.05
 * by this test, whatever they say. */
STATS_API double stats_wilcoxon(const double *difference, int n);

/* Do pairs differ? The mean difference with its 95% interval and Student's paired test, which assumes that differences
 * are about normal; Wilcoxon's, which does not, stands beside it. */
typedef struct { int n; double mean, deviation, low, high, student, wilcoxon; } StatsComparison;
STATS_API StatsComparison stats_compare_pairs(const double *difference, int n);

/* How well do scores tell two lists apart, of which the first should have the higher ones? The threshold is the
 * midpoint of the two means of the even-numbered scores (from 0); the F1s, of either list and their mean, are of the
 * odd-numbered ones. A NaN is right for neither. */
typedef struct { double threshold, first, second, average; } StatsTold;
STATS_API StatsTold stats_told_apart(const double *first, int n_first, const double *second, int n_second);

/* ---- curves ---- */

/* How much of the whole change (from the lowest to the highest point) comes in the largest step upwards. A curve of n
 * points that rises in equal steps has 1/(n-1), one that jumps 1; one that falls has 0. NaN: it is flat. */
STATS_API double stats_largest_step(const double *curve, int n);

/* Never falls, and ends higher than it began. */
STATS_API bool stats_rises(const double *curve, int n);

/* The mean of the largest steps of `count` curves, n points each, one behind the other; the same as shares of last less
 * first, over the curves where that is above 0; the share that rises; how many are flat and count for nothing in the
 * mean. NaN: all are flat, or there is no memory. */
typedef struct { double step, ends, rising; int curves, flat; } StatsCurves;
STATS_API StatsCurves stats_curves(const double *curves, int count, int n);

/* ---- sets of rows ---- */

typedef struct { const double *rows; int n, d; } StatsRows;             /* (n,d), row by row */

STATS_API const double *stats_row(const StatsRows *s, int i);
STATS_API double stats_distance(const double *u, const double *v, int d);

/* The mean distance of all pairs; NaN of fewer than two rows. */
STATS_API double stats_pair_distance(const StatsRows *s);

/* The same of all pairs with equal labels; NaN where there are none. */
STATS_API double stats_class_distance(const StatsRows *s, const int *label);

/* The row of s nearest to x, but for row `except` (-1: all count), and its distance. -1: none is at any distance. */
STATS_API int stats_nearest(const StatsRows *s, const double *x, int except, double *distance);

/* The mean distance from each row of `from` to the nearest of `to`; of a set to itself: to the nearest other row. */
STATS_API double stats_nearest_distance(const StatsRows *from, const StatsRows *to);

/* The k centres (k,d) of the clusters of s (k-means: Lloyd 1982), started as k-means++ (Arthur & Vassilvitskii 2007).
 * chance(context, c) is uniform in (0,1) and is asked once for each centre c. 0: no memory. */
typedef double StatsChance(void *context, int c);
STATS_API int stats_clusters(const StatsRows *s, int k, StatsChance *chance, void *context, double *centres);

/* The share of the centres that are some row's nearest. */
STATS_API double stats_clusters_reached(const StatsRows *centres, const StatsRows *s);

/* ---- matrices and distributions ---- */

/* Covariances: the one that is diag(first, second) in axes turned by an angle (the rest of c stays), and a a^T with
 * `more` on the diagonal, so that it can be inverted. */
STATS_API void stats_turned(double first, double second, double angle, double c[3][3]);
STATS_API void stats_by_transposed(const double a[3][3], double more, double c[3][3]);

/* The eigenvalues w, smallest first, of the symmetric a (n,n), which is spoilt, and the eigenvectors as rows of v
 * (n,n), unless v is NULL. 0: a holds something that is no number, or no memory. */
STATS_API int stats_eigen(double *a, size_t n, double *w, double *v);

/* The squared Frechet distance of the normal distributions with the means and covariances of two sets of rows,
 *
 *     |m_r - m_g|^2 + Tr(S_r + S_g - 2 (S_r^1/2 S_g S_r^1/2)^1/2)
 *
 * Where `which` is given, row i is taken to be row which[i]: a resampling. Each set needs more rows than columns. */
STATS_API double stats_frechet(const StatsRows *r, const int *which_r, const StatsRows *g, const int *which_g);

/* The distance of resampled sets, for an interval (stats_interval): values[i] of resampling i, in which row k of r is
 * the row that random(seed, stream, 2 i, k) from [0,1) points to, and of g that of 2 i + 1. Tasks that may run at the
 * same time, with the arguments of kernels.h's parallel(); which worker it is does not matter. NaN: as stats_frechet's,
 * or there is no memory. */
typedef struct {
    const StatsRows *r, *g;
    double (*random)(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which);
    uint64_t seed;
    uint32_t stream;
    double *values;
} StatsResampling;
STATS_API void stats_resample(void *resampling, int i, int worker);

/* ---- right and wrong ---- */

/* The place of the first of the largest; -1 where one of them is no number. */
STATS_API int stats_largest(const double *scores, int n);

/* What pictures (or whatever is sorted into n classes) were taken for. One whose scores are no numbers is undecided:
 * wrong for its own class, right for none. Begins as zeros and n. */
enum { STATS_CLASSES = 64 };
typedef struct {
    int n;
    long count[STATS_CLASSES][STATS_CLASSES];           /* [what it is][what it was taken for] */
    long undecided[STATS_CLASSES];
} StatsConfusion;
STATS_API void stats_confusion_add(StatsConfusion *c, int truth, const double *scores);
STATS_API void stats_confusion_join(StatsConfusion *c, const StatsConfusion *more);     /* of the same classes */

/*     precision = TP / (TP + FP)     recall = TP / (TP + FN)     F1 = 2 TP / (2 TP + FP + FN)
 *
 * A class that nobody has and nobody is given has no F1 (0/0, NaN): it is left out of the macro average. */
typedef struct { double precision, recall, f1; long pictures; } StatsClass;
STATS_API StatsClass stats_class(const StatsConfusion *c, int k);
STATS_API double stats_accuracy(const StatsConfusion *c);
STATS_API double stats_macro_f1(const StatsConfusion *c);

/* Expected calibration error (Guo et al. 2017): by how much the certainty of the answers and the share of right ones
 * differ, in 15 bins of equal width, each weighed by how many it holds. probabilities: (count,n). */
STATS_API double stats_calibration_error(const double *probabilities, const int *truth, int count, int n);

/* The wrong answers, the most certain first, at most so many: which rows they are. Returns how many. */
STATS_API int stats_mistakes(const double *probabilities, const int *truth, int count, int n, int most, int *which);

/* SSIM (Wang et al. 2004): (2 m_x m_y + c1)(2 s_xy + c2) / ((m_x^2 + m_y^2 + c1)(s_x^2 + s_y^2 + c2)) in a Gaussian
 * window (11 x 11, deviation 1.5) around each pixel whose window lies inside; values run from 0 to 1, c1 = 0.01^2, c2
 * = 0.03^2. The mean of two grey pictures (side,side) over the pixels that differ by at most `changed`; *kept is their
 * share. INFINITY: over all. NaN where no pixel is left. */
STATS_API double stats_ssim(const double *x, const double *y, int side, double changed, double *kept);

/* The fine detail of a grey picture: the variance of the Laplacian, that is of each pixel less the mean of its four
 * neighbours, times four. */
STATS_API double stats_detail(const double *grey, int side);

/* Which of several such pictures, handed over one by one, is the darkest, the brightest, the one of the least contrast,
 * and the most blurred (the least detail for its contrast). Begin with zeros. */
enum { STATS_HARD = 4 };
typedef struct StatsHardest { int n, which[STATS_HARD]; double worst[STATS_HARD]; } StatsHardest;
STATS_API void stats_harder(StatsHardest *hardest, const double *grey, int side);

#endif /* STATS_H */

#if defined(STATS_IMPLEMENTATION) && !defined(STATS_IMPLEMENTED)
#define STATS_IMPLEMENTED

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------------------
 * 1  One list of numbers
 * ------------------------------------------------------------------------------------------------------------- */

static int stats_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

STATS_API void stats_sort(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, stats_order);
}

STATS_API double stats_quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1);
    int below = (int)at < n - 1 ? (int)at : n - 1, above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

STATS_API double stats_mean(const double *values, int n)
{
    double sum = 0;
    int known = 0;
    for (int i = 0; i < n; i++)
        if (isfinite(values[i])) sum += values[i], known++;
    return sum / known;
}

STATS_API StatsSpread stats_spread(const double *values, int n)
{
    StatsSpread s = {.mean = stats_mean(values, n)};
    double squares = 0;
    for (int i = 0; i < n; i++)
        if (isfinite(values[i])) squares += (values[i] - s.mean) * (values[i] - s.mean), s.n++;
    s.deviation = s.n > 1 ? sqrt(squares / (s.n - 1)) : NAN;
    return s;
}

STATS_API StatsInterval stats_interval(double value, double *resampled, int n, double tail)
{
    stats_sort(resampled, n);
    return (StatsInterval){value, 2 * value - stats_quantile(resampled, n, 1 - tail),
                           2 * value - stats_quantile(resampled, n, tail)};
}

/* ---------------------------------------------------------------------------------------------------------------
 * 2  Ranks and correlation
 * ------------------------------------------------------------------------------------------------------------- */

STATS_API void stats_ranks(const double *x, int n, double *rank)
{
    for (int i = 0; i < n; i++) {
        int smaller = 0, equal = 0;
        for (int k = 0; k < n; k++) smaller += x[k] < x[i], equal += x[k] == x[i];
        rank[i] = smaller + (equal + 1) / 2.0;
    }
}

STATS_API double stats_correlation(const double *x, const double *y, int n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < n; i++) mx += x[i] / n, my += y[i] / n;
    for (int i = 0; i < n; i++) {
        double u = x[i] - mx, v = y[i] - my;
        xx += u * u, yy += v * v, xy += u * v;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

STATS_API double stats_rank_correlation(const double *x, const double *y, int n)
{
    double *ranks = calloc(2 * (size_t)n + 1, sizeof *ranks);
    bool known = ranks != NULL;
    for (int i = 0; i < n; i++) known = known && isfinite(x[i]) && isfinite(y[i]);
    if (known) stats_ranks(x, n, ranks), stats_ranks(y, n, ranks + n);
    double result = known ? stats_correlation(ranks, ranks + n, n) : NAN;
    free(ranks);
    return result;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  Is it more than chance?
 * ------------------------------------------------------------------------------------------------------------- */

/* Finite sums (Abramowitz & Stegun 26.7.3 and 4) with theta = atan(t / sqrt(freedom)). */
STATS_API double stats_student(double t, int freedom)
{
    double theta = atan(fabs(t) / sqrt(freedom)), c = cos(theta), odd = freedom % 2, sum = 0;
    double term = odd ? c : 1;
    for (int k = odd ? 1 : 0; k < freedom - 1; k += 2) {
        sum += term;
        term *= c * c * (k + 1) / (k + 2);
    }
    double inside = odd ? (theta + sin(theta) * sum) * 2 / 3.14159265358979323846 : sin(theta) * sum;
    return fmin(1, fmax(0, 1 - inside));
}

/* Of the 2^n ways to give n ranks a sign, the share whose sum is as far from its mean as the one seen. Ranks come
 * doubled, so that shared ones are whole. */
static double stats_signed_tail(const double *rank, int n, double up)
{
    int total = 0;
    double tail = 0;
    for (int k = 0; k < n; k++) total += (int)(2 * rank[k]);
    double *share = calloc((size_t)total + 1, sizeof *share);
    if (!share) return NAN;
    share[0] = 1;
    for (int k = 0; k < n; k++)
        for (int sum = total; sum >= 0; sum--)
            share[sum] = share[sum] / 2 + (sum >= (int)(2 * rank[k]) ? share[sum - (int)(2 * rank[k])] / 2 : 0);
    for (int sum = 0; sum <= total; sum++)
        if (fabs(sum - total / 2.0) >= fabs(up - total / 2.0)) tail += share[sum];
    free(share);
    return tail;
}

/* Differences of 0 are left out. */
STATS_API double stats_wilcoxon(const double *difference, int n)
{
    double *size = calloc(2 * (size_t)n + 1, sizeof *size), *rank = size + n, up = 0;
    int used = 0;
    if (!size) return NAN;
    for (int i = 0; i < n; i++)
        if (difference[i] != 0) size[used++] = fabs(difference[i]);
    stats_ranks(size, used, rank);
    for (int i = 0, k = 0; i < n; i++)
        if (difference[i] != 0) up += difference[i] > 0 ? 2 * rank[k] : 0, k++;
    double tail = stats_signed_tail(rank, used, up);
    free(size);
    return tail;
}

STATS_API StatsComparison stats_compare_pairs(const double *difference, int n)
{
    StatsComparison c = {n, 0, 0, NAN, NAN, NAN, NAN};
    for (int i = 0; i < n; i++) c.mean += difference[i] / n;
    for (int i = 0; i < n; i++) c.deviation += (difference[i] - c.mean) * (difference[i] - c.mean);
    if (n < 2 || !isfinite(c.deviation)) return c;
    c.wilcoxon = stats_wilcoxon(difference, n);
    c.deviation = sqrt(c.deviation / (n - 1));
    double error = c.deviation / sqrt(n), low = 0, high = 1e4;
    c.student = error > 0 ? stats_student(c.mean / error, n - 1) : c.mean != 0 ? 0 : 1;
    for (int i = 0; i < 100; i++) {                                     /* the t that 5% exceed, by halving */
        double middle = (low + high) / 2;
        if (stats_student(middle, n - 1) > 0.05) low = middle; else high = middle;
    }
    c.low = c.mean - high * error, c.high = c.mean + high * error;
    return c;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Sets of rows
 * ------------------------------------------------------------------------------------------------------------- */

STATS_API const double *stats_row(const StatsRows *s, int i)
{
    return s->rows + (size_t)i * (size_t)s->d;
}

STATS_API double stats_distance(const double *u, const double *v, int d)
{
    double sum = 0;
    for (int k = 0; k < d; k++) sum += (u[k] - v[k]) * (u[k] - v[k]);
    return sqrt(sum);
}

STATS_API double stats_pair_distance(const StatsRows *s)
{
    double sum = 0;
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < i; k++) sum += stats_distance(stats_row(s, i), stats_row(s, k), s->d);
    return sum / (0.5 * s->n * (s->n - 1));
}

STATS_API double stats_class_distance(const StatsRows *s, const int *label)
{
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < i; k++)
            if (label[i] == label[k]) sum += stats_distance(stats_row(s, i), stats_row(s, k), s->d), pairs++;
    return sum / pairs;
}

STATS_API int stats_nearest(const StatsRows *s, const double *x, int except, double *distance)
{
    int best = -1;
    *distance = INFINITY;
    for (int i = 0; i < s->n; i++) {
        double here = i == except ? INFINITY : stats_distance(stats_row(s, i), x, s->d);
        if (here < *distance) *distance = here, best = i;
    }
    return best;
}

STATS_API double stats_nearest_distance(const StatsRows *from, const StatsRows *to)
{
    double sum = 0, nearest;
    for (int i = 0; i < from->n; i++) {
        stats_nearest(to, stats_row(from, i), from->rows == to->rows ? i : -1, &nearest);
        sum += nearest;
    }
    return sum / from->n;
}

/* k-means++: each next centre is a row, by chance in proportion to its squared distance from the centres so far. */
static void stats_choose_centres(const StatsRows *s, int k, StatsChance *chance, void *context, double *centres)
{
    for (int c = 0; c < k; c++) {
        StatsRows so_far = {centres, c, s->d};
        double total = 0, nearest;
        int chosen = 0;
        for (int pass = 0; pass < 2; pass++) {
            double aim = pass ? total * chance(context, c) : INFINITY;
            total = 0;
            for (int i = 0; i < s->n && total < aim; i++) {
                stats_nearest(&so_far, stats_row(s, i), -1, &nearest);
                total += c ? nearest * nearest : 1;
                chosen = i;
            }
        }
        memcpy(centres + (size_t)c * (size_t)s->d, stats_row(s, chosen), (size_t)s->d * sizeof *centres);
    }
}

/* One of Lloyd's steps: each row joins the nearest centre. Has any changed? */
static bool stats_join(const StatsRows *s, const StatsRows *centre, int *member, int *size)
{
    double distance;
    bool moved = false;
    memset(size, 0, (size_t)centre->n * sizeof *size);
    for (int i = 0; i < s->n; i++) {
        int nearest = stats_nearest(centre, stats_row(s, i), -1, &distance);
        moved |= nearest != member[i];
        member[i] = nearest < 0 ? 0 : nearest;
        size[member[i]]++;
    }
    return moved;
}

/* Each centre goes to the mean of its rows; an empty cluster's stays put. */
static void stats_centre(const StatsRows *s, int k, const int *member, const int *size, double *centres)
{
    size_t d = (size_t)s->d;
    for (int c = 0; c < k; c++)
        if (size[c]) memset(centres + (size_t)c * d, 0, d * sizeof *centres);
    for (int i = 0; i < s->n; i++)
        for (size_t j = 0; j < d; j++) centres[(size_t)member[i] * d + j] += stats_row(s, i)[j] / size[member[i]];
}

STATS_API int stats_clusters(const StatsRows *s, int k, StatsChance *chance, void *context, double *centres)
{
    enum { MOST_STEPS = 100 };
    const StatsRows centre = {centres, k, s->d};
    int *member = calloc((size_t)s->n + (size_t)k + 1, sizeof *member), *size = member + s->n;
    if (!member) return 0;
    stats_choose_centres(s, k, chance, context, centres);
    for (int step = 0; step < MOST_STEPS; step++) {
        bool moved = stats_join(s, &centre, member, size);
        stats_centre(s, k, member, size, centres);
        if (step && !moved) break;
    }
    free(member);
    return 1;
}

STATS_API double stats_clusters_reached(const StatsRows *centres, const StatsRows *s)
{
    bool *reached = calloc((size_t)centres->n + 1, sizeof *reached);
    double distance;
    int sum = 0;
    for (int i = 0; reached && i < s->n; i++) {
        int nearest = stats_nearest(centres, stats_row(s, i), -1, &distance);
        if (nearest >= 0) sum += !reached[nearest], reached[nearest] = true;
    }
    double share = reached ? (double)sum / centres->n : NAN;
    free(reached);
    return share;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 5  The symmetric eigenproblem                         A = sum over i of w_i v_i v_i^T, the v_i orthonormal
 *
 * n-2 reflections H = I - beta u u^T make A tridiagonal without moving its eigenvalues (Householder 1958). Plane
 * rotations then push the elements beside the diagonal down to nothing, from the top to the bottom and over again,
 * each sweep shifted by an eigenvalue of the last two rows (Francis 1961, Wilkinson 1968; Golub & Van Loan, algorithm
 * 8.3.3).
 *
 *     x x x x       d e . .       d e b .       the bulge b that a rotation makes
 *     x x x x  -->  e d e .  -->  e d e .  -->  is what the next one clears,
 *     x x x x       . e d e       b e d e       one row further down
 *     x x x x       . . e d       . . e d
 *
 * Eigenvectors are kept as rows, so that every inner loop runs along memory.
 * ------------------------------------------------------------------------------------------------------------- */

static double stats_dot(const double *u, const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += u[i] * v[i];
    return sum;
}

/* Clears row k right of its neighbour, a(k,k+1), by A <- H A H, and leaves u where the row was. Returns that
 * neighbour. */
static double stats_reflect_row(double *a, size_t n, size_t k, double *beta, double *p)
{
    size_t m = n - k - 1;
    double *u = a + k * n + k + 1, *block = u + n, norm = sqrt(stats_dot(u, u, m));
    double neighbour = u[0] > 0 ? -norm : norm;
    u[0] -= neighbour;
    double length = stats_dot(u, u, m);
    *beta = length > 0 ? 2 / length : 0;
    for (size_t i = 0; i < m; i++) p[i] = *beta * stats_dot(block + i * n, u, m);
    double half = *beta / 2 * stats_dot(u, p, m);
    for (size_t i = 0; i < m; i++) p[i] -= half * u[i];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) block[i * n + j] -= u[i] * p[j] + p[i] * u[j];
    return neighbour;
}

/* Rows k and k+1 of v turned by the angle whose cosine and sine are c and s. */
static void stats_rotate_rows(double *v, size_t n, size_t k, double c, double s)
{
    double *upper = v + k * n, *lower = upper + n;
    for (size_t i = 0; i < n; i++) {
        double x = upper[i], y = lower[i];
        upper[i] = c * x + s * y;
        lower[i] = c * y - s * x;
    }
}

/* One sweep over rows low..high of the tridiagonal matrix with diagonal d and neighbours e. */
static void stats_sweep_bulge(double *d, double *e, size_t low, size_t high, double *v, size_t n)
{
    double half = (d[high - 1] - d[high]) / 2, last = e[high - 1];
    double shift = d[high] - last * last / (half + copysign(hypot(half, last), half));
    double x = d[low] - shift, bulge = e[low];
    for (size_t k = low; k < high; k++) {
        double r = hypot(x, bulge), c = r > 0 ? x / r : 1, s = r > 0 ? bulge / r : 0;
        double upper = d[k], lower = d[k + 1], beside = e[k];
        if (k > low) e[k - 1] = r;
        d[k] = c * c * upper + 2 * c * s * beside + s * s * lower;
        d[k + 1] = s * s * upper - 2 * c * s * beside + c * c * lower;
        e[k] = x = c * s * (lower - upper) + (c * c - s * s) * beside;
        if (k + 1 < high) bulge = s * e[k + 1], e[k + 1] *= c;
        if (v) stats_rotate_rows(v, n, k, c, s);
    }
}

static bool stats_negligible(const double *d, const double *e, size_t k)
{
    return fabs(e[k]) <= 2.220446049250313e-16 * (fabs(d[k]) + fabs(d[k + 1]));
}

/* Sweeps until nothing stands beside the diagonal. Each eigenvalue takes two or three sweeps; 0: it did not end. */
static int stats_diagonalise(double *d, double *e, double *v, size_t n)
{
    size_t high = n - 1;
    for (size_t sweeps = 0; high > 0; sweeps++) {
        if (stats_negligible(d, e, high - 1)) { high--; continue; }
        if (sweeps > 64 * n) return 0;
        size_t low = high - 1;
        while (low > 0 && !stats_negligible(d, e, low - 1)) low--;
        stats_sweep_bulge(d, e, low, high, v, n);
    }
    return 1;
}

/* Smallest first, vectors alongside. */
static void stats_sort_eigenvalues(double *w, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t least_at = i;
        for (size_t k = i + 1; k < n; k++)
            if (w[k] < w[least_at]) least_at = k;
        double swap = w[i];
        w[i] = w[least_at], w[least_at] = swap;
        for (size_t k = 0; v && least_at != i && k < n; k++) {
            swap = v[i * n + k];
            v[i * n + k] = v[least_at * n + k], v[least_at * n + k] = swap;
        }
    }
}

/* From the tridiagonal matrix's eigenvectors back to a's, whose upper half holds the reflections. */
static void stats_reflect_back(const double *a, size_t n, const double *beta, double *v)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = n < 2 ? 0 : n - 2; k-- > 0;) {
            double *tail = v + i * n + k + 1;
            const double *u = a + k * n + k + 1;
            double share = beta[k] * stats_dot(tail, u, n - k - 1);
            for (size_t j = 0; j < n - k - 1; j++) tail[j] -= share * u[j];
        }
}

STATS_API int stats_eigen(double *a, size_t n, double *w, double *v)
{
    double *beta = calloc(3 * n + 1, sizeof *beta), *e = beta + n, *p = e + n;
    bool ok = beta != NULL;
    for (size_t i = 0; i < n * n; i++) ok = ok && isfinite(a[i]);
    for (size_t k = 0; ok && k + 2 < n; k++) e[k] = stats_reflect_row(a, n, k, &beta[k], p);
    for (size_t i = 0; i < n; i++) w[i] = a[i * n + i];
    if (ok && n > 1) e[n - 2] = a[(n - 2) * n + n - 1];
    for (size_t i = 0; v && i < n * n; i++) v[i] = i % (n + 1) == 0;
    ok = ok && (n == 0 || stats_diagonalise(w, e, v, n));
    if (ok && v) stats_reflect_back(a, n, beta, v);
    if (ok) stats_sort_eigenvalues(w, v, n);
    free(beta);
    return ok;
}

STATS_API void stats_turned(double first, double second, double angle, double c[3][3])
{
    double u = cos(angle), v = sin(angle);
    c[0][0] = u * u * first + v * v * second;
    c[1][1] = v * v * first + u * u * second;
    c[0][1] = c[1][0] = u * v * (first - second);
}

STATS_API void stats_by_transposed(const double a[3][3], double more, double c[3][3])
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            c[i][k] = i == k ? more : 0;
            for (int m = 0; m < 3; m++) c[i][k] += a[i][m] * a[k][m];
        }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 6  The Frechet distance                                        (Dowson & Landau 1982; Heusel et al. 2017)
 *
 * S_r S_g is not symmetric, S_r^1/2 S_g S_r^1/2 is and has the same eigenvalues, so both roots are symmetric
 * eigenproblems; eigenvalues that rounding made negative count as 0.
 * ------------------------------------------------------------------------------------------------------------- */

enum { STATS_ROWS = 4 };                /* at once: the covariance is read and written that much less often */

/* Mean (d) and covariance (d,d; divided by n-1) of the rows `which`, or of rows 0..n-1 where it is NULL. `centred` has
 * room for (STATS_ROWS,d). */
static void stats_moments(const StatsRows *s, const int *which, double *centred, double *mean, double *covariance)
{
    size_t d = (size_t)s->d;
    memset(mean, 0, d * sizeof *mean), memset(covariance, 0, d * d * sizeof *covariance);
    for (int i = 0; i < s->n; i++)
        for (size_t k = 0; k < d; k++) mean[k] += stats_row(s, which ? which[i] : i)[k] / s->n;
    for (int i = 0; i < s->n; i += STATS_ROWS) {
        const double *a = centred, *b = a + d, *c = b + d, *e = c + d;
        memset(centred, 0, STATS_ROWS * d * sizeof *centred);
        for (int r = 0; r < STATS_ROWS && i + r < s->n; r++) {
            const double *row = stats_row(s, which ? which[i + r] : i + r);
            for (size_t k = 0; k < d; k++) centred[(size_t)r * d + k] = row[k] - mean[k];
        }
        for (size_t k = 0; k < d; k++)
            for (size_t j = k; j < d; j++)
                covariance[k * d + j] += a[k] * a[j] + b[k] * b[j] + c[k] * c[j] + e[k] * e[j];
    }
    for (size_t k = 0; k < d; k++)
        for (size_t j = k; j < d; j++) covariance[j * d + k] = covariance[k * d + j] /= s->n - 1;
}

/* c = a b, all (n,n) */
static void stats_multiply(const double *a, const double *b, double *c, size_t n)
{
    memset(c, 0, n * n * sizeof *c);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++) c[i * n + j] += a[i * n + k] * b[k * n + j];
}

/* root = a^1/2 for a symmetric a without negative eigenvalues; a is spoilt. */
static int stats_root(double *a, double *root, size_t n)
{
    double *w = calloc(n + n * n, sizeof *w), *v = w + n;
    bool ok = w && stats_eigen(a, n, w, v);
    memset(root, 0, n * n * sizeof *root);
    for (size_t k = 0; ok && k < n; k++) {
        double scale = sqrt(sqrt(fmax(w[k], 0)));
        for (size_t i = 0; i < n; i++) v[k * n + i] *= scale;
    }
    for (size_t k = 0; ok && k < n; k++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) root[i * n + j] += v[k * n + i] * v[k * n + j];
    free(w);
    return ok;
}

STATS_API double stats_frechet(const StatsRows *r, const int *which_r, const StatsRows *g, const int *which_g)
{
    size_t d = (size_t)r->d;
    double *mean_r = calloc((2 + STATS_ROWS) * d + 4 * d * d, sizeof *mean_r), *mean_g = mean_r + d,
           *centred = mean_g + d, *cov_r = centred + STATS_ROWS * d, *cov_g = cov_r + d * d,
           *root = cov_g + d * d, *product = root + d * d, sum = 0;
    if (!mean_r) return NAN;
    stats_moments(r, which_r, centred, mean_r, cov_r);
    stats_moments(g, which_g, centred, mean_g, cov_g);
    for (size_t k = 0; k < d; k++)
        sum += (mean_r[k] - mean_g[k]) * (mean_r[k] - mean_g[k]) + cov_r[k * d + k] + cov_g[k * d + k];
    bool ok = stats_root(cov_r, root, d);
    stats_multiply(root, cov_g, product, d);
    stats_multiply(product, root, cov_g, d);
    for (size_t i = 0; i < d; i++)                                      /* symmetric but for rounding */
        for (size_t k = 0; k < i; k++) cov_g[i * d + k] = cov_g[k * d + i] = (cov_g[i * d + k] + cov_g[k * d + i]) / 2;
    ok = ok && stats_eigen(cov_g, d, mean_r, NULL);
    for (size_t k = 0; k < d; k++) sum -= 2 * sqrt(fmax(mean_r[k], 0));
    free(mean_r);
    return ok && isfinite(sum) ? fmax(sum, 0) : NAN;
}

STATS_API void stats_resample(void *resampling, int i, int worker)
{
    const StatsResampling *job = resampling;
    int *which = malloc((size_t)(job->r->n + job->g->n) * sizeof *which), *of[2] = {which, which + job->r->n};
    for (int k = 0; which && k < 2; k++) {
        int n = k ? job->g->n : job->r->n;
        for (int row = 0; row < n; row++)
            of[k][row] = (int)(job->random(job->seed, job->stream, (uint64_t)(2 * i + k), (uint32_t)row) * n);
    }
    job->values[i] = which ? stats_frechet(job->r, of[0], job->g, of[1]) : NAN;
    free(which), (void)worker;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 7  Right and wrong
 * ------------------------------------------------------------------------------------------------------------- */

STATS_API int stats_largest(const double *scores, int n)
{
    int best = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(scores[i])) return -1;
        if (scores[i] > scores[best]) best = i;
    }
    return best;
}

STATS_API void stats_confusion_add(StatsConfusion *c, int truth, const double *scores)
{
    int judged = stats_largest(scores, c->n);
    if (judged < 0) c->undecided[truth]++;
    else c->count[truth][judged]++;
}

STATS_API void stats_confusion_join(StatsConfusion *c, const StatsConfusion *more)
{
    c->n = more->n;
    for (int k = 0; k < c->n; k++) {
        c->undecided[k] += more->undecided[k];
        for (int i = 0; i < c->n; i++) c->count[k][i] += more->count[k][i];
    }
}

STATS_API StatsClass stats_class(const StatsConfusion *c, int k)
{
    long hits = c->count[k][k], taken = 0, pictures = c->undecided[k];
    for (int i = 0; i < c->n; i++) taken += c->count[i][k], pictures += c->count[k][i];
    return (StatsClass){(double)hits / (double)taken, (double)hits / (double)pictures,
                        2 * (double)hits / (double)(taken + pictures), pictures};
}

STATS_API double stats_accuracy(const StatsConfusion *c)
{
    long hits = 0, pictures = 0;
    for (int k = 0; k < c->n; k++) hits += c->count[k][k], pictures += stats_class(c, k).pictures;
    return (double)hits / (double)pictures;
}

STATS_API double stats_macro_f1(const StatsConfusion *c)
{
    double f1[STATS_CLASSES];
    for (int k = 0; k < c->n; k++) f1[k] = stats_class(c, k).f1;
    return stats_mean(f1, c->n);
}

STATS_API double stats_calibration_error(const double *probabilities, const int *truth, int count, int n)
{
    enum { BINS = 15 };
    double certainty[BINS] = {0}, right[BINS] = {0}, sum = 0;
    int judged = 0;
    for (int i = 0; i < count; i++) {
        const double *p = probabilities + (size_t)i * (size_t)n;
        int best = stats_largest(p, n), bin = best < 0 ? -1 : (int)fmin(BINS - 1, fmax(0, p[best]) * BINS);
        if (bin < 0) continue;
        certainty[bin] += p[best], right[bin] += best == truth[i];
        judged++;
    }
    for (int b = 0; b < BINS; b++) sum += fabs(certainty[b] - right[b]);
    return sum / judged;
}

enum { STATS_SSIM_RADIUS = 5 };

static double stats_ssim_at(const double *x, const double *y, int side, int row, int column)
{
    double weight = 0, mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int i = -STATS_SSIM_RADIUS; i <= STATS_SSIM_RADIUS; i++)
        for (int k = -STATS_SSIM_RADIUS; k <= STATS_SSIM_RADIUS; k++) {
            int at = (row + i) * side + column + k;
            double w = exp(-(i * i + k * k) / (2 * 1.5 * 1.5)), u = x[at], v = y[at];
            weight += w, mx += w * u, my += w * v, xx += w * u * u, yy += w * v * v, xy += w * u * v;
        }
    mx /= weight, my /= weight;
    double vx = xx / weight - mx * mx, vy = yy / weight - my * my, c = xy / weight - mx * my;
    return (2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4));
}

STATS_API double stats_ssim(const double *x, const double *y, int side, double changed, double *kept)
{
    double sum = 0;
    int n = 0, all = 0;
    for (int row = STATS_SSIM_RADIUS; row < side - STATS_SSIM_RADIUS; row++)
        for (int column = STATS_SSIM_RADIUS; column < side - STATS_SSIM_RADIUS; column++, all++) {
            if (!(fabs(x[row * side + column] - y[row * side + column]) <= changed)) continue;
            sum += stats_ssim_at(x, y, side, row, column);
            n++;
        }
    *kept = (double)n / all;
    return sum / n;
}

STATS_API double stats_detail(const double *grey, int side)
{
    double sum = 0, squares = 0;
    int n = (side - 2) * (side - 2);
    for (int y = 1; y < side - 1; y++)
        for (int x = 1; x < side - 1; x++) {
            const double *at = grey + y * side + x;
            double l = 4 * at[0] - at[-1] - at[1] - at[-side] - at[side];
            sum += l, squares += l * l;
        }
    return squares / n - sum / n * (sum / n);
}

STATS_API void stats_harder(StatsHardest *h, const double *grey, int side)
{
    double mean = stats_mean(grey, side * side), squares = 0;
    for (int p = 0; p < side * side; p++) squares += (grey[p] - mean) * (grey[p] - mean);
    const double blur = squares > 0 ? stats_detail(grey, side) / squares : INFINITY;
    const double value[STATS_HARD] = {mean, -mean, squares, blur};
    for (int k = 0; k < STATS_HARD; k++)
        if (h->n == 0 || value[k] < h->worst[k]) h->worst[k] = value[k], h->which[k] = h->n;
    h->n++;
}

STATS_API int stats_mistakes(const double *probabilities, const int *truth, int count, int n, int most, int *which)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        const double *p = probabilities + (size_t)i * (size_t)n;
        int taken = stats_largest(p, n), at = found;
        if (taken < 0 || taken == truth[i]) continue;
        for (; at > 0; at--) {
            const double *before = probabilities + (size_t)which[at - 1] * (size_t)n;
            if (!(before[stats_largest(before, n)] < p[taken])) break;
        }
        if (at == most) continue;
        found += found < most;
        for (int k = found - 1; k > at; k--) which[k] = which[k - 1];
        which[at] = i;
    }
    return found;
}

/* ---- two lists of scores, and curves ---- */

STATS_API StatsTold stats_told_apart(const double *first, int n_first, const double *second, int n_second)
{
    const double *scores[2] = {first, second};
    int counts[2] = {n_first, n_second};
    double means[2] = {0}, right[2] = {0}, judged[2] = {0};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < counts[k]; i += 2) means[k] += scores[k][i] / ((counts[k] + 1) / 2);
    double threshold = (means[0] + means[1]) / 2;
    for (int k = 0; k < 2; k++)
        for (int i = 1; i < counts[k]; i += 2) {
            judged[k]++;
            right[k] += k ? scores[k][i] < threshold : scores[k][i] >= threshold;
        }
    double wrong = judged[0] - right[0] + judged[1] - right[1];
    StatsTold told = {.threshold = threshold, .first = 2 * right[0] / (2 * right[0] + wrong)};
    told.second = 2 * right[1] / (2 * right[1] + wrong);
    told.average = (told.first + told.second) / 2;
    return told;
}

STATS_API double stats_largest_step(const double *curve, int n)
{
    double step = 0, low = curve[0], high = curve[0];
    for (int j = 0; j < n; j++) {
        if (!isfinite(curve[j])) return NAN;
        low = fmin(low, curve[j]), high = fmax(high, curve[j]);
        if (j) step = fmax(step, curve[j] - curve[j - 1]);
    }
    return high > low ? step / (high - low) : NAN;
}

STATS_API bool stats_rises(const double *curve, int n)
{
    for (int j = 1; j < n; j++)
        if (!(curve[j] >= curve[j - 1])) return false;
    return curve[n - 1] > curve[0];
}

STATS_API StatsCurves stats_curves(const double *curves, int count, int n)
{
    StatsCurves all = {.step = NAN, .ends = NAN, .rising = NAN, .curves = count};
    double ends = 0;
    int higher = 0;
    double *steps = malloc((size_t)(count > 0 ? count : 1) * sizeof *steps), rising = 0;
    if (!steps) return all;
    for (int i = 0; i < count; i++) {
        const double *curve = curves + (size_t)i * (size_t)n;
        steps[i] = stats_largest_step(curve, n);
        all.flat += !isfinite(steps[i]);
        rising += stats_rises(curve, n);
        double low = curve[0], high = curve[0], gain = curve[n - 1] - curve[0];
        for (int j = 1; j < n; j++) low = fmin(low, curve[j]), high = fmax(high, curve[j]);
        if (gain > 0 && isfinite(steps[i])) ends += steps[i] * (high - low) / gain, higher++;
    }
    if (higher) all.ends = ends / higher;
    all.step = stats_mean(steps, count), all.rising = rising / count;
    free(steps);
    return all;
}

#endif /* STATS_IMPLEMENTATION */
