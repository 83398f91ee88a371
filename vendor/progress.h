/* progress.h: how far is it? A bar with the rate, the time left and a note: on a terminal one line that is drawn over
 * and over, five times a second; elsewhere (a file, a pipe) a line a minute.
 *
 *     #define PROGRESS_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "progress.h"
 *
 *     Progress p = progress_start("train", 0, 1000);
 *     for (long i = 0; i < 1000; i++) {
 *         ...
 *         progress_show(&p, i + 1, "loss %.3g", loss);
 *     }
 *     progress_end(&p);
 *
 *     train [###########.............] 480/1000  95.80/s  5s left  loss 0.31
 *
 * Define PROGRESS_STATIC as well to keep every function private to that file. C11 and POSIX; the declarations are
 * C++17, too. Not for several threads at once.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#ifdef PROGRESS_STATIC
#define PROGRESS_API static inline
#elif defined(__cplusplus)
#define PROGRESS_API extern "C"
#else
#define PROGRESS_API
#endif

#ifdef __GNUC__
#define PROGRESS_FORMAT __attribute__((format(printf, 3, 4)))
#else
#define PROGRESS_FORMAT
#endif

typedef struct Progress { double start, shown; long first, total; const char *what; } Progress;

/* Where all bars are drawn: stderr until this is called. NULL: nowhere. */
PROGRESS_API void progress_to(FILE *stream);

/* What is done, where it begins (more than 0 where it goes on) and where it will end. */
PROGRESS_API Progress progress_start(const char *what, long first, long total);

/* So many are done; a note as for printf. Cheap: it is drawn only when it is time. A bar that is full ends its line. */
PROGRESS_API void progress_show(Progress *p, long done, const char *format, ...) PROGRESS_FORMAT;
PROGRESS_API void progress_end(void *progress);         /* of a Progress, as those want it who call back */

enum { PROGRESS_DURATION = 32 };

/* "42s", "7m05s", "3h20m", "4d07h" */
PROGRESS_API void progress_duration(double seconds, char text[PROGRESS_DURATION]);

/* Its opposite in one unit: "2h", "90m", "30s"; NaN: the text is no such time. */
PROGRESS_API double progress_time(const char *text);

/* A budget of seconds shared among n jobs: job i takes whole[i] seconds if nobody cuts it short, and of what there is
 * it gets weight[i] in proportion to the others'. What is left over by jobs that are done whole goes to the rest. */
PROGRESS_API void progress_share(double budget, int n, const double *whole, const double *weight, double *given);

/* From some fixed moment, by a clock that only goes forward: differences count. */
PROGRESS_API double progress_seconds(void);

/* What progress_show draws after so many seconds. */
PROGRESS_API void progress_line(const Progress *p, long done, double seconds, const char *note, char *line,
                                size_t size);

#endif /* PROGRESS_H */

#if defined(PROGRESS_IMPLEMENTATION) && !defined(PROGRESS_IMPLEMENTED)
#define PROGRESS_IMPLEMENTED

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static FILE *progress_stream;
static bool progress_chosen, progress_terminal;

PROGRESS_API void progress_to(FILE *stream)
{
    progress_stream = stream, progress_chosen = true;
    progress_terminal = stream && isatty(fileno(stream));
}

PROGRESS_API double progress_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

PROGRESS_API Progress progress_start(const char *what, long first, long total)
{
    double now = progress_seconds();
    if (!progress_chosen) progress_to(stderr);
    return (Progress){now, progress_terminal ? 0 : now, first, total, what};
}

PROGRESS_API void progress_duration(double seconds, char text[PROGRESS_DURATION])
{
    long s = (long)(seconds + 0.5);
    if (s < 60) snprintf(text, PROGRESS_DURATION, "%lds", s);
    else if (s < 3600) snprintf(text, PROGRESS_DURATION, "%ldm%02lds", s / 60, s % 60);
    else if (s < 86400 * 2) snprintf(text, PROGRESS_DURATION, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else snprintf(text, PROGRESS_DURATION, "%ldd%02ldh", s / 86400, s / 3600 % 24);
}

PROGRESS_API double progress_time(const char *text)
{
    char *end;
    double number = strtod(text, &end), unit = *end == 'h' ? 3600 : *end == 'm' ? 60 : *end == 's' ? 1 : 0;
    return unit > 0 && !end[1] && number > 0 && number < HUGE_VAL ? number * unit : NAN;
}

PROGRESS_API void progress_share(double budget, int n, const double *whole, const double *weight, double *given)
{
    double weights = 0;
    for (int i = 0; i < n; i++) given[i] = -1, weights += weight[i];
    for (int pass = 0; pass < n; pass++)
        for (int i = 0; i < n; i++) {
            if (given[i] >= 0 || whole[i] > budget * weight[i] / weights) continue;
            given[i] = whole[i], budget -= whole[i], weights -= weight[i];
        }
    for (int i = 0; i < n; i++)
        if (given[i] < 0) given[i] = budget * weight[i] / weights;
}

PROGRESS_API void progress_line(const Progress *p, long done, double seconds, const char *note, char *line, size_t size)
{
    enum { BAR = 24 };
    char bar[BAR + 1] = "", left[PROGRESS_DURATION];
    double rate = (double)(done - p->first) / (seconds > 1e-9 ? seconds : 1e-9);
    for (int i = 0; i < BAR; i++) bar[i] = (double)i < (double)BAR * (double)done / (double)p->total ? '#' : '.';
    progress_duration((double)(p->total - done) / (rate > 1e-9 ? rate : 1e-9), left);
    snprintf(line, size, "%s [%s] %ld/%ld  %.2f/s  %s left  %s", p->what, bar, done, p->total, rate, left, note);
}

PROGRESS_API void progress_show(Progress *p, long done, const char *format, ...)
{
    char note[160], line[512];
    double now = progress_seconds();
    bool soon = now - p->shown < (progress_terminal ? 0.2 : 60), last = done >= p->total && progress_terminal;
    if (!progress_stream || (soon && !last)) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
    progress_line(p, done, now - p->start, note, line, sizeof line);
    fprintf(progress_stream, progress_terminal ? "\r\033[K%s%s" : "%s\n", line, last ? "\n" : "");
    p->shown = last ? 0 : now;
}

PROGRESS_API void progress_end(void *progress)
{
    const Progress *p = (const Progress *)progress;
    if (progress_stream && progress_terminal && p->shown > 0) fputc('\n', progress_stream);
}

#endif /* PROGRESS_IMPLEMENTATION */
