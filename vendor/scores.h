/* scores.h: how right something is, told: numbers by name, and what was taken for what, as text, CSV, JSON and figures.
 * As figures.h and scope.h have it, what is made belongs to the innermost scope.
 *
 *     #define SCORES_IMPLEMENTATION     in exactly one C file, before the include
 *     #include "scores.h"               which includes figures.h and stats.h; their IMPLEMENTATIONs stand in the same
 *                                       file
 *     Scores scores = {0};
 *     add_score(&scores, "accuracy", 0.93, "of %d pictures", 500);
 *     write_table(score_table(&scores), stdout, TABLE_TEXT);
 *
 * Define SCORES_STATIC as well to keep every function private to that file. C11 (or GNU C) and POSIX; the declarations
 * are C++17, too.
 */
#ifndef SCORES_H
#define SCORES_H

#include "figures.h"
#include "stats.h"

#ifdef SCORES_STATIC
#define SCORES_API static inline
#elif defined(__cplusplus)
#define SCORES_API extern "C"
#else
#define SCORES_API
#endif

/* ---- numbers by name ---- */

enum { SCORES_MOST = 48 };
typedef struct Score { char name[56]; double value, low, high; char note[120]; } Score;     /* low, high: NaN: none */
typedef struct Scores { int n; Score list[SCORES_MOST]; } Scores;

/* One more, with a note; where there is no room, in the last one's place. */
#ifdef __GNUC__
__attribute__((format(printf, 4, 5)))
#endif
SCORES_API Score *add_score(Scores *s, const char *name, double value, const char *note, ...);
SCORES_API double score_of(const Scores *s, const char *name);          /* NaN: there is none */

/* To four digits; a number that is none is `unknown`. */
SCORES_API const char *score_text(double value, const char *unknown);
SCORES_API Table *score_table(const Scores *s);
SCORES_API void scores_json(FILE *to, const Scores *s);         /* {"name": {"value": 1, "low": 0, "high": 2}} */

/* ---- what was taken for what; names: of its n classes ---- */

SCORES_API Table *confusion_table(const StatsConfusion *f, const char *const *names, const char *corner);
SCORES_API Table *class_scores_table(const StatsConfusion *f, const char *const *names);

/* [[1, 0], [0, 1]]; and a list of objects, each class with its numbers and row. */
SCORES_API void confusion_json(FILE *to, const StatsConfusion *f);
SCORES_API void class_scores_json(FILE *to, const StatsConfusion *f, const char *const *names);

/* Of each class's pictures (rows) the share taken for each class (columns). */
SCORES_API PlotCanvas plot_confusion(const StatsConfusion *f, const char *const *names, const char *title);

#endif /* SCORES_H */

#if defined(SCORES_IMPLEMENTATION) && !defined(SCORES_IMPLEMENTED)
#define SCORES_IMPLEMENTED

#include <math.h>
#include <stdarg.h>
#include <string.h>

SCORES_API Score *add_score(Scores *s, const char *name, double value, const char *note, ...)
{
    Score *score = &s->list[s->n < SCORES_MOST ? s->n++ : SCORES_MOST - 1];
    va_list arguments;
    score->value = value, score->low = score->high = NAN;
    snprintf(score->name, sizeof score->name, "%s", name);
    va_start(arguments, note);
    vsnprintf(score->note, sizeof score->note, note, arguments);
    va_end(arguments);
    return score;
}

SCORES_API double score_of(const Scores *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->list[i].name, name) == 0) return s->list[i].value;
    return NAN;
}

SCORES_API const char *score_text(double value, const char *unknown)
{
    return isfinite(value) ? own_text("%.4g", value) : unknown;
}

SCORES_API Table *score_table(const Scores *s)
{
    static const char *const layout[] = {"  %-26s", " %9s", "  %-18s", " %s"};
    Table *t = new_table(NULL, s->n, 4);
    t->layout = layout;
    table_row(t, 0, "metric\tvalue\t95%% interval\twhat it says");
    for (int i = 0; i < s->n; i++) {
        const Score *score = &s->list[i];
        const char *interval = "";
        if (isfinite(score->low))
            interval = own_text("%s to %s", score_text(score->low, "-"), score_text(score->high, "-"));
        table_row(t, i + 1, "%s\t%s\t%s\t%s", score->name, score_text(score->value, "-"), interval, score->note);
    }
    return t;
}

SCORES_API void scores_json(FILE *to, const Scores *s)
{
    for (int i = 0; i < s->n; i++) {
        const Score *score = &s->list[i];
        table_json(to, "%s\n  %q: {\"value\": %r", i ? "," : "{", score->name, score->value);
        if (isfinite(score->low)) table_json(to, ", \"low\": %r, \"high\": %r", score->low, score->high);
        fputs("}", to);
    }
    fputs(s->n ? "}" : "{}", to);
}

SCORES_API Table *confusion_table(const StatsConfusion *f, const char *const *names, const char *corner)
{
    const char **layout = (const char **)own((size_t)f->n + 2, sizeof *layout);
    Table *t = new_table(NULL, f->n, f->n + 2);
    t->layout = layout;
    for (int i = 0; i < f->n + 2; i++) layout[i] = i == 0 ? "  %-12.12s" : i <= f->n ? " %8.8s" : " %10s";
    table_set(t, 0, 0, "%s", corner), table_set(t, 0, f->n + 1, "undecided");
    for (int k = 0; k < f->n; k++) {
        table_set(t, 0, k + 1, "%s", names[k]), table_set(t, k + 1, 0, "%s", names[k]);
        for (int i = 0; i < f->n; i++) table_set(t, k + 1, i + 1, "%ld", f->count[k][i]);
        table_set(t, k + 1, f->n + 1, "%ld", f->undecided[k]);
    }
    return t;
}

SCORES_API Table *class_scores_table(const StatsConfusion *f, const char *const *names)
{
    Table *t = new_table(NULL, f->n, 5);
    table_row(t, 0, "class\tprecision\trecall\tF1\tpictures");
    for (int k = 0; k < f->n; k++) {
        StatsClass c = stats_class(f, k);
        table_set(t, k + 1, 0, "%s", names[k]), table_set(t, k + 1, 1, "%.4f", c.precision);
        table_set(t, k + 1, 2, "%.4f", c.recall), table_set(t, k + 1, 3, "%.4f", c.f1);
        table_set(t, k + 1, 4, "%ld", c.pictures);
    }
    return t;
}

SCORES_API void confusion_json(FILE *to, const StatsConfusion *f)
{
    for (int k = 0; k < f->n; k++) table_json(to, "%s%L", k ? ", " : "[", f->n, f->count[k]);
    fputs("]", to);
}

SCORES_API void class_scores_json(FILE *to, const StatsConfusion *f, const char *const *names)
{
    for (int k = 0; k < f->n; k++) {
        StatsClass c = stats_class(f, k);
        table_json(to, "%s\n  {\"name\": %q, \"pictures\": %l, \"precision\": %r, \"recall\": %r, \"f1\": %r, "
                   "\"taken_for\": %L}", k ? "," : "[", names[k], c.pictures, c.precision, c.recall, c.f1, f->n,
                   f->count[k]);
    }
    fputs("]", to);
}

SCORES_API PlotCanvas plot_confusion(const StatsConfusion *f, const char *const *names, const char *title)
{
    int n = f->n, side = 180 + 70 * n;
    PlotCanvas canvas = new_canvas(side + 120, side);
    double *shares = (double *)own((size_t)(n * n), sizeof *shares);
    for (int i = 0; i < n * n; i++)
        shares[i] = (double)f->count[i / n][i % n] / fmax(1, (double)stats_class(f, i / n).pictures);
    const PlotOptions options = {title, "taken for", "is", 0, 0, 0};
    plot_heatmap(&canvas, 0, 0, side + 120, side, names, names, shares, n, n, &options);
    return canvas;
}

#endif /* SCORES_IMPLEMENTATION */
