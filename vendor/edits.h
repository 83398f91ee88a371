/* edits.h: how good are edited pictures? What a judge takes them for, how far they are from real ones, how gradually
 * they change, and how much of the picture is left: gathered picture by picture, then told as numbers by name, as text,
 * CSV and JSON. And how good are pictures that were drawn from nothing, which have no input that they could be held
 * against? And does an edit show as much as was asked for, where that can be measured (EditsTruth)? As scores.h and
 * scope.h have it, what is made belongs to the innermost scope.
 *
 *     #define EDITS_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "edits.h"                which includes scores.h; its IMPLEMENTATION stands in the same file
 *     Edits *e = new_edits((Edits){.of = "run", .data = "faces", .judge = "judge", .names = names, .classes = 3,
 *                                  .features = 64, .side = 48, .channels = 1}, 500);
 *     for each picture:
 *         add the judge's answers to e->real and e->edited, its features to e->real_features and e->edited_features
 *         add_edit(e, x, there, back, itself);
 *     sum_edits(e, fed, NULL, 200, chance, context);
 *     edits_text(stdout, e);
 *
 * Of drawn pictures e->label tells the classes, of picture i that of the real picture i, and e->n counts them:
 * add_edit is not for them.
 *
 * Pictures are numbers from -1 to 1, IMAGE_REAL as image.h has them. Define EDITS_STATIC as well to keep every function
 * private to that file. C11 (or GNU C) and POSIX; the declarations are C++17, too.
 */
#ifndef EDITS_H
#define EDITS_H

#include "scores.h"

#ifdef EDITS_STATIC
#define EDITS_API static inline
#elif defined(__cplusplus)
#define EDITS_API extern "C"
#else
#define EDITS_API
#endif

/* What is found out about each picture: SSIM of an edit, and of one to its own class; fine detail, edit over input. */
enum { EDITS_PERSON, EDITS_OWN, EDITS_DETAIL, EDITS_MEASURES };

typedef struct Edits {
    const char *of, *data, *judge;      /* what edited which pictures, and who looked: for the texts */
    unsigned long long hash;            /* of the judge */
    const char *const *names;           /* of the classes */
    int classes, features, side, channels;
    int n;                              /* pictures so far */
    const int *label;                   /* (n) of drawn pictures; NULL: they are edits */
    StatsRows training;                 /* features of pictures that drawn ones were learnt from; of none: not known */
    StatsConfusion real, edited;
    double *real_features, *edited_features;            /* (n,features) */
    double *curves;                     /* (n_curves,points): a class's probability as the edit grows stronger */
    int n_curves, points;
    double *measures[EDITS_MEASURES];   /* (n) */
    double *grey;
    double back, moved, similar, kept;  /* sums over the pictures */
    int similar_known;
    Scores scores;
} Edits;

/* None yet, and room for so many pictures. */
EDITS_API Edits *new_edits(Edits about, int room);

/* A picture x, an edit of it, what an edit back made of that, and x edited to the class it has. */
EDITS_API void add_edit(Edits *e, const IMAGE_REAL *x, const IMAGE_REAL *there, const IMAGE_REAL *back,
                        const IMAGE_REAL *itself);

/* What all that amounts to. fed: the distance of the two sets of features; NaN: it is not known, because of `why`, or,
 * where that is NULL, because there are too few of them. chance starts the features' clusters (stats_clusters). */
EDITS_API void sum_edits(Edits *e, StatsInterval fed, const char *why, long resamplings, StatsChance *chance,
                         void *context);

/* Scores of n pictures and n edits by whoever learnt to tell them apart. */
EDITS_API void add_told_apart(Scores *s, const double *real, const double *edited, int n);

/* The numbers and both confusions; the first as lines, the confusion of edits behind them, for scripts. */
EDITS_API void edits_text(FILE *to, const Edits *e);
EDITS_API void edits_json(FILE *to, const Edits *e);
EDITS_API Table *edits_lines(const Edits *e);

/* ---- edits held against what was asked for: every class at ten strengths, and halfway from one to another ---- */

enum { EDITS_STRENGTHS = 10 };
typedef struct EditsBlend { int a, b; double share[3]; } EditsBlend;    /* with both's signs: at a, halfway, at b */
typedef struct EditsTruth {
    const char *name;                   /* of what edits */
    const char *const *names;           /* of the n classes; "neutral" has no strength */
    int n, n_blends, blended;           /* blended: more often with both's signs halfway than at either end */
    double right;                       /* the share that is taken for its class at full strength */
    double intensity[STATS_CLASSES][EDITS_STRENGTHS];                   /* measured, a mean over the pictures */
    double correlation[STATS_CLASSES], least_correlation;               /* with the strength that was asked for */
    double angle;                       /* the least between two classes' directions, in degrees; NaN: not known */
    double smooth, rising;              /* as of StatsCurves */
    EditsBlend blends[STATS_CLASSES * STATS_CLASSES];
} EditsTruth;

EDITS_API void add_blend(EditsTruth *t, EditsBlend blend);
EDITS_API Table *truth_strengths(const EditsTruth *t);
EDITS_API Table *truth_blends(const EditsTruth *t);                     /* NULL: there are none */

/* The numbers of several, a column each from 1 on, between their names and what is to be aimed at. */
EDITS_API Table *truth_summary(const char *title, int several);
EDITS_API void add_truth(Table *summary, int column, const EditsTruth *t);

#endif /* EDITS_H */

#if defined(EDITS_IMPLEMENTATION) && !defined(EDITS_IMPLEMENTED)
#define EDITS_IMPLEMENTED

#include <math.h>
#include <string.h>

enum { EDITS_CLUSTERS = 16 };

EDITS_API Edits *new_edits(Edits about, int room)
{
    Edits *e = own(1, sizeof *e);
    size_t numbers = (size_t)room * (size_t)about.features;
    *e = about;
    e->real.n = e->edited.n = e->classes;
    e->real_features = own(numbers, sizeof(double)), e->edited_features = own(numbers, sizeof(double));
    e->grey = own(2 * (size_t)(e->side * e->side), sizeof *e->grey);
    for (int i = 0; i < EDITS_MEASURES; i++) e->measures[i] = own((size_t)room, sizeof(double));
    return e;
}

EDITS_API void add_edit(Edits *e, const IMAGE_REAL *x, const IMAGE_REAL *there, const IMAGE_REAL *back,
                        const IMAGE_REAL *itself)
{
    size_t pixels = (size_t)(e->side * e->side), numbers = pixels * (size_t)e->channels;
    double *grey = e->grey, *other = grey + pixels, kept;
    e->back += image_difference(x, back, numbers), e->moved += image_difference(x, there, numbers);
    image_grey(x, pixels, e->channels, grey), image_grey(there, pixels, e->channels, other);
    double similar = stats_ssim(grey, other, e->side, 0.1, &kept);
    e->kept += kept;
    if (isfinite(similar)) e->similar += similar, e->similar_known++;
    e->measures[EDITS_PERSON][e->n] = stats_ssim(grey, other, e->side, INFINITY, &kept);
    e->measures[EDITS_DETAIL][e->n] = stats_detail(other, e->side) / fmax(stats_detail(grey, e->side), 1e-9);
    image_grey(itself, pixels, e->channels, other);
    e->measures[EDITS_OWN][e->n++] = stats_ssim(grey, other, e->side, INFINITY, &kept);
}

/* How right the judge is about real pictures and edits. */
static void edits_accuracy(Edits *e)
{
    Scores *s = &e->scores;
    const char *what = e->label ? "drawn" : "edited";
    add_score(s, "accuracy.real", stats_accuracy(&e->real), "%d real pictures", e->n);
    add_score(s, "f1.real", stats_macro_f1(&e->real), "mean over the classes that occur");
    add_score(s, own_text("accuracy.%s", what), stats_accuracy(&e->edited),
              e->label ? "%d pictures of %d classes in turn"
                       : "%d pictures, each drawn with each of %d emotions at full strength", e->n, e->classes);
    add_score(s, own_text("f1.%s", what), stats_macro_f1(&e->edited), "mean over the %s",
              e->label ? "classes" : "emotions");
    for (int k = 0; k < e->classes && k < 10; k++)
        add_score(s, own_text("f1.%s.%s", what, e->names[k]), stats_class(&e->edited, k).f1, " ");
}

/* FED between every second real picture and the others: so far apart are two halves of the same. */
static void edits_halves(Edits *e)
{
    int half = e->n / 2;
    size_t d = (size_t)e->features;
    if (half <= e->features) return;
    double *rows = own(2 * (size_t)half, d * sizeof *rows);
    for (int i = 0; i < 2 * half; i++)
        memcpy(rows + (size_t)(i % 2 * half + i / 2) * d, e->real_features + (size_t)i * d, d * sizeof *rows);
    const StatsRows even = {rows, half, e->features}, odd = {rows + (size_t)half * d, half, e->features};
    add_score(&e->scores, "fed.halves", stats_frechet(&even, NULL, &odd, NULL),
              "between every second real picture and the others");
}

/* The mean distance of two pictures of a class, times their number. */
static double edits_pairs_of_class(const Edits *e, const double *features, int k)
{
    size_t d = (size_t)e->features;
    StatsRows rows = {.d = e->features};
    double *kept = own((size_t)e->n, d * sizeof *kept);
    for (int i = 0; i < e->n; i++)
        if (e->label[i] == k) memcpy(kept + (size_t)rows.n++ * d, features + (size_t)i * d, d * sizeof *kept);
    rows.rows = kept;
    double sum = rows.n < 2 ? 0 : rows.n * stats_pair_distance(&rows);
    give_back(kept);
    return sum;
}

/* What only drawn pictures are asked: are they varied within their class, and learnt by heart? */
static void edits_drawn(Edits *e)
{
    const StatsRows r = {e->real_features, e->n, e->features}, g = {e->edited_features, e->n, e->features};
    double drawn = 0, real = 0;
    for (int k = 0; k < e->classes; k++) {
        drawn += edits_pairs_of_class(e, e->edited_features, k);
        real += edits_pairs_of_class(e, e->real_features, k);
    }
    add_score(&e->scores, "diversity.within", drawn / real, "as diversity.pairs, among pictures of one class");
    if (e->training.n)
        add_score(&e->scores, "diversity.training",
                  stats_nearest_distance(&g, &e->training) / stats_nearest_distance(&r, &e->training),
                  "distance to the nearest of %d training pictures over real ones' to these; near 0: copies",
                  e->training.n);
}

/* How the pictures themselves changed. */
static void edits_changes(Edits *e)
{
    static const char *const names[EDITS_MEASURES][2] = {{"ssim.edit", "median, edit and input"},
        {"ssim.own", "median, a picture drawn with its own emotion and input"},
        {"detail", "median of the Laplacian's variance, edit over input: above 1 specks or grain, below 1 blur"}};
    const StatsCurves smooth = stats_curves(e->curves, e->n_curves, e->points);
    Scores *s = &e->scores;
    add_score(s, "smoothness", smooth.step,
              "%d curves, %d of them flat (no score); 0.11 is the least of a rising curve", smooth.curves, smooth.flat);
    add_score(s, "smoothness.rising", smooth.rising, "share of curves that never fall");
    add_score(s, "cycle.l1", e->back / e->n, "there and back, of a range of 2; the edit itself moves %.4f",
              e->moved / e->n);
    add_score(s, "ssim.unchanged", e->similar / e->similar_known,
              "where grey changed by no more than 0.1: %.0f%% of the picture", 100 * e->kept / e->n);
    for (int i = 0; i < EDITS_MEASURES; i++) {
        stats_sort(e->measures[i], e->n);
        add_score(s, names[i][0], stats_quantile(e->measures[i], e->n, 0.5), "%s", names[i][1]);
    }
}

static void edits_diversity(Scores *s, const StatsRows *r, const StatsRows *g, StatsChance *chance, void *context)
{
    int clusters = r->n / 5 < EDITS_CLUSTERS ? r->n / 5 : EDITS_CLUSTERS;
    add_score(s, "diversity.pairs", stats_pair_distance(g) / stats_pair_distance(r),
              "mean distance of their features over that of real ones");
    add_score(s, "diversity.nearest", stats_nearest_distance(g, r) / stats_nearest_distance(r, r),
              "distance to the nearest real picture over that among real ones; near 0: copies");
    if (clusters < 2) return;
    double *centres = own((size_t)clusters, (size_t)r->d * sizeof *centres);
    bool found = stats_clusters(r, clusters, chance, context, centres);
    add_score(s, "diversity.clusters", found ? stats_clusters_reached(&(StatsRows){centres, clusters, r->d}, g) : NAN,
              "share of the real features' %d clusters that they reach", clusters);
}

EDITS_API void sum_edits(Edits *e, StatsInterval fed, const char *why, long resamplings, StatsChance *chance,
                         void *context)
{
    const StatsRows r = {e->real_features, e->n, e->features}, g = {e->edited_features, e->n, e->features};
    edits_accuracy(e);
    if (isfinite(fed.value)) {
        Score *score = add_score(&e->scores, "fed", fed.value, "%d features; 95%% interval of %ld resamplings",
                                 e->features, resamplings);
        score->low = fed.low, score->high = fed.high;
    } else if (why) add_score(&e->scores, "fed", NAN, "not known: %.90s", why);
    else add_score(&e->scores, "fed", NAN, "refused: %d pictures for %d features", e->n, e->features);
    edits_halves(e);
    if (!e->label) edits_changes(e);
    edits_diversity(&e->scores, &r, &g, chance, context);
    if (e->label) edits_drawn(e);
}

EDITS_API void add_told_apart(Scores *s, const double *real, const double *edited, int n)
{
    const StatsTold f1 = stats_told_apart(real, n, edited, n);
    add_score(s, "discriminator.f1.fake", f1.second,
              "threshold %.4g, %d training pictures; low: D does not see that they are fakes", f1.threshold, n);
    add_score(s, "discriminator.f1.real", f1.first, "the same threshold");
    add_score(s, "discriminator.f1.average", f1.average, "the mean of the two");
}

EDITS_API void edits_text(FILE *to, const Edits *e)
{
    const Table *t = score_table(&e->scores);
    fprintf(to, "%s on %s, %d pictures\nclassifier %s, hash %016llx, %d features\n\n", e->of, e->data, e->n, e->judge,
            e->hash, e->features);
    for (int i = 1; i <= t->rows; i++) write_row(t, to, TABLE_TEXT, i);
    fputs("\n", to), write_table(confusion_table(&e->real, e->names, "real, is"), to, TABLE_TEXT);
    fputs("\n", to), write_table(confusion_table(&e->edited, e->names, "drawn as"), to, TABLE_TEXT);
    fputs("\n  columns: what the classifier takes them for\n", to);
}

EDITS_API void edits_json(FILE *to, const Edits *e)
{
    table_json(to, "{\"run\": %q, \"data\": %q, \"classifier\": %q, \"hash\": %q, \"pictures\": %d, "
                   "\"features\": %d,\n \"classes\": %Q,\n \"scores\": ", e->of, e->data, e->judge,
               own_text("%016llx", e->hash), e->n, e->features, e->classes, e->names);
    scores_json(to, &e->scores);
    fputs(",\n \"confusion_real\": ", to), confusion_json(to, &e->real);
    fputs(",\n \"confusion_edited\": ", to), confusion_json(to, &e->edited);
    fputs("}\n", to);
}

EDITS_API Table *edits_lines(const Edits *e)
{
    const char *of = own_text("%d\t%d\t%016llx", e->n, e->features, e->hash);
    int n = e->classes, scores = e->scores.n;
    Table *t = new_table(NULL, scores + n * n, 7);
    table_row(t, 0, "metric\tvalue\tlow\thigh\tpictures\tfeatures\tclassifier");
    for (int i = 0; i < scores; i++) {
        const Score *s = &e->scores.list[i];
        table_row(t, i + 1, "%s\t%s\t%s\t%s\t%s", s->name, score_text(s->value, ""), score_text(s->low, ""),
                  score_text(s->high, ""), of);
    }
    for (int k = 0; k < n * n; k++)
        table_row(t, scores + k + 1, "confusion.%s.%s\t%ld\t\t\t%s", e->names[k / n], e->names[k % n],
                  e->edited.count[k / n][k % n], of);
    return t;
}

EDITS_API void add_blend(EditsTruth *t, EditsBlend blend)
{
    t->blended += blend.share[1] > blend.share[0] && blend.share[1] > blend.share[2];
    t->blends[t->n_blends++] = blend;
}

EDITS_API Table *truth_strengths(const EditsTruth *t)
{
    const char *title = own_text("The intensity measured at each strength: %s", t->name);
    Table *table = new_table(title, t->n - 1, EDITS_STRENGTHS + 2);
    int row = 0;
    table_set(table, 0, 0, "strength"), table_set(table, 0, EDITS_STRENGTHS + 1, "Spearman");
    for (int j = 0; j < EDITS_STRENGTHS; j++) table_set(table, 0, j + 1, "%.1f", (j + 1.0) / EDITS_STRENGTHS);
    for (int k = 0; k < t->n; k++) {
        if (strcmp(t->names[k], "neutral") == 0) continue;
        table_set(table, ++row, 0, "%s", t->names[k]);
        for (int j = 0; j < EDITS_STRENGTHS; j++) table_set(table, row, j + 1, "%.2f", t->intensity[k][j]);
        table_set(table, row, EDITS_STRENGTHS + 1, "%.3f", t->correlation[k]);
    }
    return table;
}

EDITS_API Table *truth_blends(const EditsTruth *t)
{
    if (!t->n_blends) return NULL;
    Table *table = new_table(own_text("Between two directions: %s", t->name), t->n_blends, 4);
    table_row(table, 0, "both emotions' units are there\tat the first\thalfway\tat the second");
    for (int i = 0; i < t->n_blends; i++) {
        const EditsBlend *b = &t->blends[i];
        table_row(table, i + 1, "%s, %s\t%.0f%%\t%.0f%%\t%.0f%%", t->names[b->a], t->names[b->b], 100 * b->share[0],
                  100 * b->share[1], 100 * b->share[2]);
    }
    return table;
}

EDITS_API Table *truth_summary(const char *title, int several)
{
    static const char *const words[7][2] = {{"", "aim"}, {"(a) edits taken for their emotion", "85%"},
        {"(b) least correlation with intensity", "0.9"}, {"(c) pairs that blend halfway", "all"},
        {"(d) smallest angle", "20 deg"}, {"(e) smoothness", "at most 0.25"}, {"    curves that never fall", "80%"}};
    Table *table = new_table(title, 6, several + 2);
    for (int i = 0; i < 7; i++)
        table_set(table, i, 0, "%s", words[i][0]), table_set(table, i, several + 1, "%s", words[i][1]);
    return table;
}

EDITS_API void add_truth(Table *table, int column, const EditsTruth *t)
{
    table_set(table, 0, column, "%s", t->name), table_set(table, 1, column, "%.1f%%", 100 * t->right);
    table_set(table, 2, column, "%.3f", t->least_correlation);
    table_set(table, 3, column, t->n_blends ? "%d of %d" : "-", t->blended, t->n_blends);
    table_set(table, 4, column, isfinite(t->angle) ? "%.0f deg" : "-", t->angle);
    table_set(table, 5, column, "%.3f", t->smooth), table_set(table, 6, column, "%.0f%%", 100 * t->rising);
}

#endif /* EDITS_IMPLEMENTATION */
