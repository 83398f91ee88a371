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
SCORES_API Score *add_score(Scores *s, const char *name, double value, const char *note, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 4, 5)))
#endif
    ;
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

/* Of each class's pictures (rows: what they are, or what was asked for) the share taken for each class (columns). */
SCORES_API PlotCanvas plot_confusion(const StatsConfusion *f, const char *const *names, const char *title,
                                     const char *rows);

/* ---- two ways of doing one thing, each tried as often: is the second better, beyond chance? ---- */

enum { PAIRS_MOST = 64, PAIRED_MOST = STATS_CLASSES + 2 };
typedef struct Paired {
    const char *ways[2];                /* "real only", "real and drawn" */
    const char *const *names;           /* of the classes */
    int n, pairs;                       /* scores: accuracy, macro F1, each class's F1; and pairs of trials */
    double score[2][PAIRED_MOST][PAIRS_MOST];
} Paired;

/* What the two ways came to in one more trial. */
SCORES_API void add_pair(Paired *p, const StatsConfusion *first, const StatsConfusion *second);
SCORES_API Table *pairs_table(const Paired *p, const char *title, const char *trial);   /* the accuracies, one by one */

/* All scores with their difference, its 95% interval and two paired tests; and what that says, at the 5% level and of
 * the accuracy alone, as of several tests one is significant by chance before long. */
SCORES_API Table *paired_table(const Paired *p, const char *title, const char *of);
SCORES_API const char *paired_words(const Table *paired, const char *with);

/* ---- facts: more numbers by name, to be kept in a file (save_table) and found again ----
 *
 * A number is what nine digits of it say, from the beginning. */
enum { FACTS_MOST = 5000 };
SCORES_API Table *new_facts(void);                                      /* none yet: rows of a name and a number */
SCORES_API void add_fact(Table *facts, const char *name, double value);
SCORES_API double fact_of(const Table *facts, const char *name);        /* NaN: there is none */
SCORES_API bool read_facts(Table *facts, const char *path);             /* adds a file's; false: there is none */

/* ---- numbers measured against numbers that are known: (count,n), a column each ---- */

/* A row for each column, the mean error and Spearman's correlation, and room for `more`. */
SCORES_API Table *measured_table(const char *title, const char *const *names, int n, const double *known,
                                 const double *measured, int count, int more);

/* The mean of several trials, and their deviation: "0.82 +- 0.03"; of none "-". */
SCORES_API const char *spread_text(const double *values, int n);

/* ---- answers: the probabilities of n classes for each of `count` things whose class is known ---- */

typedef struct Answers {
    const char *const *names;
    int n, count, *truth;               /* (count) */
    double *p;                          /* (count,n) */
    StatsConfusion f;
} Answers;
SCORES_API Answers new_answers(const char *const *names, int n, int most);
SCORES_API void add_answer(Answers *a, int truth, const double *p);
SCORES_API const double *answer_of(const Answers *a, int i);

/* Of one thing's probabilities of all classes those of the n that are asked for, so that they sum to 1. */
SCORES_API void keep_asked(const double *all, const int *asked, int n, double *p);

/* A line each: its name, its class, the answer, the probabilities. */
SCORES_API Table *answers_table(const Answers *a, const char *const *things);

/* What they amount to: accuracy, macro F1 and calibration error; and the classes. JSON: the rest of an object, with the
 * brace that closes it. */
SCORES_API void answers_text(FILE *to, const Answers *a);
SCORES_API void answers_json(FILE *to, const Answers *a);

/* ---- verdicts: what things whose class nobody knows are taken for, told one by one as they come ---- */

typedef struct Verdicts { FILE *to; int form, n, count; const char *const *names; Table *line; } Verdicts;
SCORES_API Verdicts *new_verdicts(FILE *to, int form, const char *const *names, int n);

/* face: which one of the file's, where `box` is; 0 and NULL: the whole picture. What JSON has opened is closed when the
 * innermost scope of new_verdicts is left. */
SCORES_API void add_verdict(Verdicts *v, const char *path, int face, const double box[4], const double *p);

#endif /* SCORES_H */

#if defined(SCORES_IMPLEMENTATION) && !defined(SCORES_IMPLEMENTED)
#define SCORES_IMPLEMENTED

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
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

SCORES_API PlotCanvas plot_confusion(const StatsConfusion *f, const char *const *names, const char *title,
                                     const char *rows)
{
    int n = f->n, side = 180 + 70 * n;
    PlotCanvas canvas = new_canvas(side + 120, side);
    double *shares = (double *)own((size_t)(n * n), sizeof *shares);
    for (int i = 0; i < n * n; i++)
        shares[i] = (double)f->count[i / n][i % n] / fmax(1, (double)stats_class(f, i / n).pictures);
    const PlotOptions options = {title, "taken for", rows, 0, 0, 0};
    plot_heatmap(&canvas, 0, 0, side + 120, side, names, names, shares, n, n, &options);
    return canvas;
}

SCORES_API void add_pair(Paired *p, const StatsConfusion *first, const StatsConfusion *second)
{
    const StatsConfusion *ways[2] = {first, second};
    p->n = first->n + 2;
    for (int way = 0; way < 2; way++)
        for (int k = 0; k < p->n; k++)
            p->score[way][k][p->pairs] = k == 0 ? stats_accuracy(ways[way]) : k == 1 ? stats_macro_f1(ways[way])
                                                                            : stats_class(ways[way], k - 2).f1;
    p->pairs++;
}

SCORES_API Table *pairs_table(const Paired *p, const char *title, const char *trial)
{
    Table *t = new_table(title, p->pairs, 3);
    table_row(t, 0, "%s\t%s\t%s", trial, p->ways[0], p->ways[1]);
    for (int i = 0; i < p->pairs; i++)
        table_row(t, i + 1, "%d\t%.4f\t%.4f", i + 1, p->score[0][0][i], p->score[1][0][i]);
    return t;
}

SCORES_API Table *paired_table(const Paired *p, const char *title, const char *of)
{
    Table *t = new_table(title, p->n, 7);
    table_row(t, 0, "%s\t%s\t%s\tdifference\t95%% interval\tp (Student)\tp (Wilcoxon)", of, p->ways[0], p->ways[1]);
    for (int k = 0; k < p->n; k++) {
        double difference[PAIRS_MOST], before = 0, after = 0;
        for (int i = 0; i < p->pairs; i++) {
            double first = p->score[0][k][i], second = p->score[1][k][i];
            difference[i] = second - first, before += first / p->pairs, after += second / p->pairs;
        }
        StatsComparison c = stats_compare_pairs(difference, p->pairs);
        table_row(t, k + 1, "%s\t%.4f\t%.4f\t%+.4f\t%+.4f to %+.4f\t%.4f\t%.4f",
                  k == 0 ? "accuracy" : k == 1 ? "macro F1" : own_text("F1 of %s", p->names[k - 2]), before, after,
                  c.mean, c.low, c.high, c.student, c.wilcoxon);
    }
    return t;
}

SCORES_API const char *paired_words(const Table *t, const char *with)
{
    const char *gain = t->cells[7 + 3], *p = t->cells[7 + 5];
    return own_text("Accuracy %s %s (p = %s): %s. The rows below it are shown without correction for their number.",
                    gain, with, p, !(atof(p) < 0.05) ? "no difference beyond chance" :
                    atof(gain) > 0 ? "they help, beyond chance" : "they hurt, beyond chance");
}

SCORES_API Table *new_facts(void)
{
    Table *facts = new_table(NULL, FACTS_MOST, 2);
    facts->rows = 0;
    table_row(facts, 0, "fact\tvalue");
    return facts;
}

SCORES_API void add_fact(Table *facts, const char *name, double value)
{
    if (facts->rows == FACTS_MOST) give_up(1, "more than %d numbers: no room for %s", FACTS_MOST, name);
    table_row(facts, ++facts->rows, "%s\t%s", name, own_text("%.9g", value));
    if (facts->failed) give_up_memory(strlen(name), 1);
}

SCORES_API double fact_of(const Table *facts, const char *name)
{
    for (int i = 1; i <= facts->rows; i++)
        if (strcmp(facts->cells[2 * i], name) == 0) return atof(facts->cells[2 * i + 1]);
    return NAN;
}

SCORES_API bool read_facts(Table *facts, const char *path)
{
    if (!path_exists(path)) return false;
    TableReader *rows = open_table(path, 2);
    more_rows(rows);
    while (more_rows(rows))
        if (rows->n_fields == 2) add_fact(facts, rows->fields[0], atof(rows->fields[1]));
    return true;
}

SCORES_API Table *measured_table(const char *title, const char *const *names, int n, const double *known,
                                 const double *measured, int count, int more)
{
    double *columns = (double *)own(2 * (size_t)count, sizeof *columns);
    Table *t = new_table(title, n + more, 3);
    table_row(t, 0, "measured\tmean error\tSpearman");
    for (int k = 0; k < n; k++) {
        double error = 0;
        for (int i = 0; i < count; i++) {
            columns[i] = known[i * n + k], columns[count + i] = measured[i * n + k];
            error += fabs(columns[i] - columns[count + i]) / count;
        }
        table_row(t, k + 1, "%s\t%.3f\t%.3f", names[k], error, stats_rank_correlation(columns, columns + count, count));
    }
    return t;
}

SCORES_API const char *spread_text(const double *values, int n)
{
    const StatsSpread s = stats_spread(values, n);
    return s.n > 1 ? own_text("%.4g +- %.2g", s.mean, s.deviation) : s.n ? own_text("%.4g", s.mean) : "-";
}

SCORES_API Answers new_answers(const char *const *names, int n, int most)
{
    Answers a = {names, n, 0, NULL, NULL, {0, {{0}}, {0}}};
    a.f.n = n;
    a.truth = (int *)own((size_t)most, sizeof *a.truth), a.p = (double *)own((size_t)most * (size_t)n, sizeof *a.p);
    return a;
}

SCORES_API const double *answer_of(const Answers *a, int i)
{
    return a->p + (size_t)i * (size_t)a->n;
}

SCORES_API void keep_asked(const double *all, const int *asked, int n, double *p)
{
    double sum = 0;
    for (int k = 0; k < n; k++) sum += all[asked[k]];
    for (int k = 0; k < n; k++) p[k] = all[asked[k]] / sum;
}

SCORES_API void add_answer(Answers *a, int truth, const double *p)
{
    memcpy(a->p + (size_t)a->count * (size_t)a->n, p, (size_t)a->n * sizeof *p);
    a->truth[a->count++] = truth;
    stats_confusion_add(&a->f, truth, p);
}

static const char *score_answer(const char *const *names, const double *p, int n)
{
    int best = stats_largest(p, n);
    return best < 0 ? "?" : names[best];
}

SCORES_API Table *answers_table(const Answers *a, const char *const *things)
{
    Table *t = new_table(NULL, a->count, 3 + a->n);
    table_row(t, 0, "path\tclass\tanswer");
    for (int k = 0; k < a->n; k++) table_set(t, 0, 3 + k, "%s", a->names[k]);
    for (int i = 0; i < a->count; i++) {
        const double *p = answer_of(a, i);
        table_set(t, i + 1, 0, "%s", things[i]), table_set(t, i + 1, 1, "%s", a->names[a->truth[i]]);
        table_set(t, i + 1, 2, "%s", score_answer(a->names, p, a->n));
        for (int k = 0; k < a->n; k++) table_set(t, i + 1, 3 + k, "%.5f", p[k]);
    }
    return t;
}

SCORES_API void answers_text(FILE *to, const Answers *a)
{
    fprintf(to, "accuracy %.4f   macro F1 %.4f   expected calibration error %.4f\n\n", stats_accuracy(&a->f),
            stats_macro_f1(&a->f), stats_calibration_error(a->p, a->truth, a->count, a->n));
    write_table(class_scores_table(&a->f, a->names), to, TABLE_TEXT);
    fputs("\n", to);
    write_table(confusion_table(&a->f, a->names, "taken for:"), to, TABLE_TEXT);
}

SCORES_API void answers_json(FILE *to, const Answers *a)
{
    table_json(to, "\"accuracy\": %r, \"macro_f1\": %r, \"calibration_error\": %r,\n \"classes\": ",
               stats_accuracy(&a->f), stats_macro_f1(&a->f),
               stats_calibration_error(a->p, a->truth, a->count, a->n));
    class_scores_json(to, &a->f, a->names);
    fputs("}\n", to);
}

static void score_end(void *verdicts)
{
    const Verdicts *v = (const Verdicts *)verdicts;
    if (v->form == TABLE_JSON && v->count) fputs("\n]\n", v->to);
}

SCORES_API Verdicts *new_verdicts(FILE *to, int form, const char *const *names, int n)
{
    Verdicts *v = (Verdicts *)own(1, sizeof *v);
    const char **layout = (const char **)own((size_t)n + 3, sizeof *layout);
    *v = (Verdicts){to, form, n, 0, names, new_table(NULL, 1, 3 + n)};
    table_row(v->line, 0, "%s\tface\temotion", form == TABLE_CSV ? "path" : "picture");
    layout[0] = "%-28s", layout[1] = " %4s", layout[2] = " %-9s", v->line->layout = layout;
    for (int k = 0; k < n; k++) table_set(v->line, 0, 3 + k, "%s", names[k]), layout[3 + k] = " %8.8s";
    on_leaving(score_end, v);
    return v;
}

static void score_verdict_json(const Verdicts *v, const char *path, int face, const double *box, const double *p)
{
    table_json(v->to, "%s  {\"path\": %q", v->count ? ",\n" : "[\n", path);
    if (box)
        fprintf(v->to, ", \"face\": %d, \"box\": [%.1f, %.1f, %.1f, %.1f]", face, box[0], box[1], box[2], box[3]);
    table_json(v->to, ", \"emotion\": %q, \"probabilities\": {", score_answer(v->names, p, v->n));
    for (int k = 0; k < v->n; k++) table_json(v->to, "%s%q: %r", k ? ", " : "", v->names[k], p[k]);
    fputs("}}", v->to);
}

SCORES_API void add_verdict(Verdicts *v, const char *path, int face, const double box[4], const double *p)
{
    if (v->form == TABLE_JSON) score_verdict_json(v, path, face, box, p);
    else {
        if (!v->count) write_row(v->line, v->to, v->form, 0);
        table_set(v->line, 1, 0, "%s", path), table_set(v->line, 1, 1, "%d", face);
        table_set(v->line, 1, 2, "%s", score_answer(v->names, p, v->n));
        for (int k = 0; k < v->n; k++) table_set(v->line, 1, 3 + k, v->form == TABLE_CSV ? "%.5f" : "%.3f", p[k]);
        write_row(v->line, v->to, v->form, 1);
    }
    v->count++;
}

#endif /* SCORES_IMPLEMENTATION */
