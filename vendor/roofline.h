/* roofline.h: where the time of a computation goes, step by step, against what the machine could do at best (Williams
 * et al. 2009).
 *
 *     #define ROOFLINE_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "roofline.h"
 *
 *     RooflinePeaks peaks = {2e11, 3e10};                    operations and bytes a second, measured
 *     RooflineRow rows[] = {{.milliseconds = 1.5, .operations = 2e8, .work = 9e7, .bytes = 4e6, .computes = true,
 *                            .counts = true, .name = "conv2d", .shape = "(1,64,64,32)"}, ...};
 *     roofline_print(stdout, "a step", rows, 2, &peaks);
 *
 * The least that a step could take is its work at the peak, or its operands and its result once from and to memory,
 * whichever is longer. (What is still in the caches from the step before comes faster.) GFLOP/s count the operations of
 * the definition, the share of the peak those that are done: a clever method needs fewer. roofline_steps tells of whole
 * steps what time and memory they take.
 *
 * Define ROOFLINE_STATIC as well to keep every function private to that file. C11; the declarations are C++17, too.
 */
#ifndef ROOFLINE_H
#define ROOFLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef ROOFLINE_STATIC
#define ROOFLINE_API static inline
#elif defined(__cplusplus)
#define ROOFLINE_API extern "C"
#else
#define ROOFLINE_API
#endif

typedef struct RooflinePeaks { double operations, bytes; } RooflinePeaks;   /* a second */

typedef struct RooflineRow {
    double milliseconds, operations, work, bytes;   /* work: the operations that are done */
    bool computes;                                  /* its operations matter; else its bytes alone */
    bool counts;                                    /* in the heading's least time */
    const char *name;
    char shape[64], geometry[160];
} RooflineRow;

/* The least milliseconds that the row could take. */
ROOFLINE_API double roofline_floor(const RooflineRow *row, const RooflinePeaks *peaks);

/* Sorts the rows, slowest first, and prints those that take two thousandths of the whole or more. */
ROOFLINE_API void roofline_print(FILE *to, const char *title, RooflineRow *rows, size_t n, const RooflinePeaks *peaks);

/* Whole steps of a training, in milliseconds, and their memory, in bytes, beside what no program could do without. */
typedef struct RooflineSteps {
    bool both;                                      /* a GAN's two kinds of step; else d is the only one */
    double d, g, forward;
    long peak;
    int threads;
    const char *with;                               /* "avx2" */
    size_t weights, alive;                          /* weights and moments; the values alive at once */
} RooflineSteps;

/* As two lines, or as a line of JSON. */
ROOFLINE_API void roofline_steps(FILE *to, bool json, const RooflineSteps *s);

#endif /* ROOFLINE_H */

#if defined(ROOFLINE_IMPLEMENTATION) && !defined(ROOFLINE_IMPLEMENTED)
#define ROOFLINE_IMPLEMENTED

#include <math.h>
#include <stdlib.h>

ROOFLINE_API double roofline_floor(const RooflineRow *row, const RooflinePeaks *peaks)
{
    return 1e3 * fmax(row->computes ? row->work / peaks->operations : 0, row->bytes / peaks->bytes);
}

static int roofline_slowest_first(const void *a, const void *b)
{
    double x = ((const RooflineRow *)a)->milliseconds, y = ((const RooflineRow *)b)->milliseconds;
    return (x < y) - (x > y);
}

static void roofline_print_row(FILE *to, const RooflineRow *r, double total, const RooflinePeaks *peaks)
{
    double seconds = r->milliseconds * 1e-3;
    fprintf(to, "  %8.2f %5.1f%% %9.1f %7.0f%% %8.1f %8.2f  %-20s %-22s %s\n", r->milliseconds,
            100 * r->milliseconds / total, r->operations * 1e-9 / seconds, 100 * r->work / seconds / peaks->operations,
            r->bytes * 1e-9 / seconds, roofline_floor(r, peaks), r->name, r->shape, r->geometry);
}

ROOFLINE_API void roofline_print(FILE *to, const char *title, RooflineRow *rows, size_t n, const RooflinePeaks *peaks)
{
    double total = 0, operations = 0, least = 0;
    for (size_t i = 0; i < n; i++) {
        total += rows[i].milliseconds;
        operations += rows[i].computes ? rows[i].operations : 0;
        least += rows[i].counts ? roofline_floor(&rows[i], peaks) : 0;
    }
    qsort(rows, n, sizeof *rows, roofline_slowest_first);
    fprintf(to, "%s: %.1f ms (what counts at the peaks: %.1f ms), %.1f GFLOP\n", title,
            total, least, operations * 1e-9);
    fprintf(to, "  %8s %6s %9s %8s %8s %8s  %-20s %-22s %s\n", "ms", "share", "GFLOP/s", "of peak", "GB/s", "floor ms",
            "op", "shape", "geometry");
    for (size_t i = 0; i < n && rows[i].milliseconds >= 0.002 * total; i++)
        roofline_print_row(to, &rows[i], total, peaks);
}

ROOFLINE_API void roofline_steps(FILE *to, bool json, const RooflineSteps *s)
{
    if (s->both)
        fprintf(to, json ? "{\"d_step_ms\": %.2f, \"g_step_ms\": %.2f, \"forward_ms\": %.2f, "
                           "\"five_d_one_g_ms\": %.1f, "
                         : "D step %.2f ms   G step %.2f ms   forward %.2f ms   5 D + 1 G %.1f ms   ",
                s->d, s->g, s->forward, 5 * s->d + s->g);
    else fprintf(to, json ? "{\"step_ms\": %.2f, \"forward_ms\": %.2f, " : "step %.2f ms   forward %.2f ms   ", s->d,
                 s->forward);
    fprintf(to, json ? "\"peak_bytes\": %ld, \"threads\": %d, \"isa\": \"%s\", \"parameters_bytes\": %zu, "
                       "\"alive_bytes\": %zu}\n"
                     : "peak %ld bytes   (%d threads, %s)\nmemory that any program needs: weights and moments %zu "
                       "bytes, values alive at once in a step %zu bytes\n",
            s->peak, s->threads, s->with, s->weights, s->alive);
}

#endif /* ROOFLINE_IMPLEMENTATION */
