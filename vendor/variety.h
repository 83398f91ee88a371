/* variety.h: are drawn pictures as varied as real ones? Tells a generator that draws one picture again and again, one
 * that draws the real pictures by heart, and one that has forgotten a kind of picture.
 *
 *     #define VARIETY_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "variety.h"              which includes scope.h and stats.h: their IMPLEMENTATIONs stand in the same
 *                                       file
 *
 *     Variety *real = variety_new(512, 64, 3);                     room for 512 pictures of 64 x 64 in colour
 *     for (...) variety_add(&real->data, pixels, label);
 *     variety_learn(real, 64, chance, &seed);                      64 pictures will be held against them
 *     VarietyPictures drawn = variety_pictures(64, 64, 3);
 *     for (...) variety_add(&drawn, pixels, label);
 *     VarietySigns signs = variety_compare(real, &drawn, true);
 *
 * Each sign is a share of what the real pictures have, about 1 where all is well:
 *
 *     pixels     mean distance of two drawn pictures / of two real ones         0: one picture
 *     edges      the same where a picture is the strengths of its edges in 6x6 cells  (not moved by light or colour)
 *     within     the smaller of both among pictures of one class, averaged over the classes: one picture a class looks
 *                varied to the others
 *     nearest    mean distance from a drawn picture to the nearest real one / from a real one to its nearest other
 *                0: copies
 *     clusters   share of the real pictures' 16 clusters (k-means: Lloyd 1982, started as k-means++, Arthur &
 *                Vassilvitskii 2007) that drawn ones reach / that as many real ones reach
 *
 * Others are known to whoever trains the generator, who puts them beside these (NaN: not known):
 *
 *     label      mean distance of one input's pictures as two classes / of two drawn pictures (variety_moved)
 *                0: the class is not heard
 *     agreement  share of drawn pictures that the generator's own critic puts into the class they were asked for
 *     features   as pixels, of the features of a classifier that was trained apart
 *     judged     share that it puts into the class they were asked for
 *
 * Pictures are compared averaged down to 24 px, so that grain does not count as variety.
 *
 * Memory belongs to the innermost scope (scope.h). Define VARIETY_STATIC as well to keep every function private to that
 * file, and VARIETY_REAL where pixels are not float. The declarations are C++17, too.
 */
#ifndef VARIETY_H
#define VARIETY_H

#include "scope.h"
#include "stats.h"

#ifdef VARIETY_STATIC
#define VARIETY_API static inline
#elif defined(__cplusplus)
#define VARIETY_API extern "C"
#else
#define VARIETY_API
#endif

#ifndef VARIETY_REAL
#define VARIETY_REAL float
#endif

enum { VARIETY_CLUSTERS = 16 };

typedef struct VarietyPictures {
    double *pixels, *edges;             /* (n,..): averaged down, and their edges */
    int *label, n, room, size, channels;
} VarietyPictures;

/* None yet, and room for so many. */
VARIETY_API VarietyPictures variety_pictures(int room, int size, int channels);

/* A picture (size,size,channels), which is not kept. A label that does not matter: 0. */
VARIETY_API void variety_add(VarietyPictures *pictures, const VARIETY_REAL *picture, int label);

typedef struct Variety {
    VarietyPictures data;               /* the real ones */
    double *centres;                    /* of the clusters of their edges */
    int clusters;
    double pixels, edges, class_pixels, class_edges, nearest, reached;
} Variety;

enum { VARIETY_SIGNS = 9, VARIETY_WORDS = 600, VARIETY_LEARNS = 200 };

typedef union VarietySigns {
    struct { double pixels, edges, within, nearest, clusters, label, agreement, features, judged; };
    double each[VARIETY_SIGNS];
} VarietySigns;

/* The names of each[i]: "pixels", ... */
VARIETY_API const char *variety_name(int sign);

VARIETY_API Variety *variety_new(int room, int size, int channels);

/* When all real pictures (two at least) are added. Chance starts the clusters. */
VARIETY_API void variety_learn(Variety *v, int drawn, StatsChance *chance, void *context);

/* Without labels `within` is NaN, and so are those that are not seen in the pictures. */
VARIETY_API VarietySigns variety_compare(const Variety *v, const VarietyPictures *drawn, bool labelled);

/* How far picture i of one set is from picture i of the other, against two pictures of `a`; 0 where those are all
 * one. */
VARIETY_API double variety_moved(const VarietyPictures *a, const VarietyPictures *b);

/* The smallest of the diversities that are known; an odd kind of collapse may leave others. */
VARIETY_API double variety_least(const VarietySigns *signs);

/* What the signs say of G after so many iterations, in words; below so much is a collapse, of a G that had the time to
 * learn (VARIETY_LEARNS). */
VARIETY_API void variety_words(const VarietySigns *signs, double below, long iterations, char text[VARIETY_WORDS]);

typedef struct VarietyAlarm { bool armed, on; } VarietyAlarm;

/* Is this the moment to raise the alarm? A generator begins with one grey picture for everything, so the alarm is
 * armed when the pictures have been varied enough once, or it is `late` and they should be; it goes off once for each
 * fall. */
VARIETY_API bool variety_alarm(VarietyAlarm *alarm, const VarietySigns *signs, double below, bool late);

#endif /* VARIETY_H */

#if defined(VARIETY_IMPLEMENTATION) && !defined(VARIETY_IMPLEMENTED)
#define VARIETY_IMPLEMENTED

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VARIETY_SIDE = 24, VARIETY_CELLS = 6, VARIETY_EDGES = VARIETY_CELLS * VARIETY_CELLS * 2 };

static int variety_side(const VarietyPictures *p) { return p->size < VARIETY_SIDE ? p->size : VARIETY_SIDE; }
static int variety_count(const VarietyPictures *p) { return variety_side(p) * variety_side(p) * p->channels; }

static StatsRows variety_pixels(const VarietyPictures *p) { return (StatsRows){p->pixels, p->n, variety_count(p)}; }
static StatsRows variety_edges(const VarietyPictures *p) { return (StatsRows){p->edges, p->n, VARIETY_EDGES}; }

VARIETY_API VarietyPictures variety_pictures(int room, int size, int channels)
{
    VarietyPictures p = {.room = room, .size = size, .channels = channels};
    p.pixels = own((size_t)room, (size_t)variety_count(&p) * sizeof *p.pixels);
    p.edges = own((size_t)room, VARIETY_EDGES * sizeof *p.edges);
    p.label = own((size_t)room, sizeof *p.label);
    return p;
}

/* How strong the edges across and along are in each cell. */
static void variety_find_edges(const double *small, int side, int channels, double *edges)
{
    memset(edges, 0, VARIETY_EDGES * sizeof *edges);
    for (int y = 0; y + 1 < side; y++)
        for (int x = 0; x + 1 < side; x++)
            for (int c = 0; c < channels; c++) {
                const double *at = small + (y * side + x) * channels + c;
                double *cell = edges + (y * VARIETY_CELLS / side * VARIETY_CELLS + x * VARIETY_CELLS / side) * 2;
                cell[0] += fabs(at[channels] - at[0]), cell[1] += fabs(at[side * channels] - at[0]);
            }
}

/* The mean of one channel over the rectangle of source pixels that small pixel (column, y) stands for. */
static double variety_mean(const VARIETY_REAL *x, int size, int channels, int small, int column, int y)
{
    int top = y * size / small, bottom = (y + 1) * size / small;
    int left = column * size / small, right = (column + 1) * size / small;
    double total = 0;
    for (int v = top; v < bottom; v++)
        for (int u = left; u < right; u++) total += (double)x[(v * size + u) * channels];
    return total / ((bottom - top) * (right - left));
}

VARIETY_API void variety_add(VarietyPictures *p, const VARIETY_REAL *picture, int label)
{
    if (p->n == p->room) give_up(2, "variety.h: more than %d pictures", p->room);
    int small = variety_side(p);
    double *pixels = p->pixels + (size_t)p->n * (size_t)variety_count(p), *at = pixels;
    for (int y = 0; y < small; y++)
        for (int column = 0; column < small; column++)
            for (int c = 0; c < p->channels; c++)
                *at++ = variety_mean(picture + c, p->size, p->channels, small, column, y);
    variety_find_edges(pixels, small, p->channels, p->edges + (size_t)p->n * VARIETY_EDGES);
    p->label[p->n++] = label;
}

VARIETY_API Variety *variety_new(int room, int size, int channels)
{
    Variety *v = own(1, sizeof *v);
    v->data = variety_pictures(room, size, channels);
    v->centres = own(VARIETY_CLUSTERS, VARIETY_EDGES * sizeof *v->centres);
    return v;
}

VARIETY_API void variety_learn(Variety *v, int drawn, StatsChance *chance, void *context)
{
    StatsRows pixels = variety_pixels(&v->data), edges = variety_edges(&v->data), few = edges;
    v->clusters = edges.n < VARIETY_CLUSTERS ? edges.n : VARIETY_CLUSTERS;
    if (few.n > drawn) few.n = drawn;
    if (!stats_clusters(&edges, v->clusters, chance, context, v->centres))
        give_up_memory(VARIETY_CLUSTERS, VARIETY_EDGES);
    v->pixels = stats_pair_distance(&pixels), v->edges = stats_pair_distance(&edges);
    v->class_pixels = stats_class_distance(&pixels, v->data.label);
    v->class_edges = stats_class_distance(&edges, v->data.label);
    v->nearest = stats_nearest_distance(&pixels, &pixels);
    v->reached = stats_clusters_reached(&(StatsRows){v->centres, v->clusters, VARIETY_EDGES}, &few);
}

VARIETY_API VarietySigns variety_compare(const Variety *v, const VarietyPictures *drawn, bool labelled)
{
    const StatsRows centres = {v->centres, v->clusters, VARIETY_EDGES}, data = variety_pixels(&v->data);
    StatsRows pixels = variety_pixels(drawn), edges = variety_edges(drawn);
    return (VarietySigns){
        .pixels = stats_pair_distance(&pixels) / v->pixels,
        .edges = stats_pair_distance(&edges) / v->edges,
        .within = labelled ? fmin(stats_class_distance(&pixels, drawn->label) / v->class_pixels,
                                  stats_class_distance(&edges, drawn->label) / v->class_edges) : NAN,
        .nearest = stats_nearest_distance(&pixels, &data) / v->nearest,
        .clusters = stats_clusters_reached(&centres, &edges) / v->reached,
        .label = NAN, .agreement = NAN, .features = NAN, .judged = NAN};
}

VARIETY_API double variety_moved(const VarietyPictures *a, const VarietyPictures *b)
{
    StatsRows rows = variety_pixels(a);
    double moved = 0, spread = stats_pair_distance(&rows);
    for (int i = 0; i < a->n; i++) {
        size_t at = (size_t)i * (size_t)rows.d;
        moved += stats_distance(a->pixels + at, b->pixels + at, rows.d) / a->n;
    }
    return spread > 0 ? moved / spread : 0;
}

VARIETY_API const char *variety_name(int sign)
{
    static const char *const names[VARIETY_SIGNS] = {"pixels", "edges", "within", "nearest", "clusters", "label",
                                                     "agreement", "features", "judged"};
    return names[sign];
}

VARIETY_API double variety_least(const VarietySigns *s)
{
    return fmin(fmin(s->features, s->within), fmin(s->pixels, s->edges));
}

VARIETY_API void variety_words(const VarietySigns *s, double below, long iterations, char text[VARIETY_WORDS])
{
    const struct { double sign, below; const char *format; } further[] = {
        {s->within, 0.7, "; within a class they are %.0f%% as varied"},
        {s->nearest, 0.5, "; they lie so near to pictures of the data that G may have learnt those by heart"},
        {s->clusters, 0.5, "; they reach %.0f%% of the kinds of picture there are"},
        {s->label, 0.2, "; G hardly listens to the class"},
        {s->features, INFINITY, "; in the classifier's features they are %.0f%% as varied"},
        {s->judged, INFINITY, "; it puts %.0f%% into the class they were asked for"}};
    double least = variety_least(s);
    int used = snprintf(text, VARIETY_WORDS, "G's samples are %.0f%% as varied as the data in their pixels and "
                        "%.0f%% in their edges: %s", 100 * s->pixels, 100 * s->edges,
                        least >= 0.7 ? "no collapse" : iterations < VARIETY_LEARNS ? "G has only begun to learn" :
                        !(least >= below) ? "collapsed" : "thin");
    for (size_t i = 0; i < sizeof further / sizeof *further && used < VARIETY_WORDS; i++)
        if (further[i].sign < further[i].below)
            used += snprintf(text + used, (size_t)(VARIETY_WORDS - used), further[i].format, 100 * further[i].sign);
}

VARIETY_API bool variety_alarm(VarietyAlarm *alarm, const VarietySigns *signs, double below, bool late)
{
    double least = variety_least(signs);
    bool was = alarm->on;
    if (least >= 1.3 * below || late) alarm->armed = true;
    alarm->on = !(least >= below) && alarm->armed;
    return alarm->on && !was;
}

#endif /* VARIETY_IMPLEMENTATION */
