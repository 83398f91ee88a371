/* stock.h: pictures of single faces and of none, out of data sets, as scene.h wants them: where in its picture each
 * face lies is asked of a teacher, once, and kept.
 *
 *     #define STOCK_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "stock.h"
 *
 *     char *faces[] = {"celeba", "fer2013.csv"};
 *     Stock *stock = stock_open(faces, 2, &(StockOptions){.random = chance, .seed = 1, .channels = 3, .find = detector,
 *                               .backgrounds = "streets", .kept = "told.safetensors", .of = "celeba, fer2013"});
 *     Scene *scenes = scene_new(16, 128, 3);
 *     scene_compose_all(&stock->scenes, 0, scenes, 16, NULL);
 *
 * The teacher finds boxes: a detector that is there already. A picture in which it sees no face, or one that is not in
 * the middle, is left out, as is a background in which it sees a face. Data sets cut faces closely, and so it is shown
 * half as much again around the picture (its edge, continued), at more than one size. Its answers, shares of the
 * picture's side, go into a file after every 4000 pictures, and whoever opens the stock again goes on behind them.
 * Without a teacher a face is all of its picture, and every background is one.
 *
 * It builds on dataset.h and scene.h, which it includes, and on what those build on: define their X_IMPLEMENTATION,
 * too. Define STOCK_STATIC as well to keep every function private to that file. C11 of gcc or clang and POSIX.1-2008
 * (with a strict -std=c11 pass -D_GNU_SOURCE); the declarations are C++17, too. Functions give up where they fail
 * (scope.h); what they make belongs to the innermost scope. Messages about options call them as a command line would.
 */
#ifndef STOCK_H
#define STOCK_H

#include "dataset.h"
#include "scene.h"
#include <signal.h>

#ifdef STOCK_STATIC
#define STOCK_API static inline
#elif defined(__cplusplus)
#define STOCK_API extern "C"
#else
#define STOCK_API
#endif

typedef struct StockOptions {
    FaceRandom *random;                 /* these three are the scenes' */
    uint64_t seed;
    int channels;
    const char *backgrounds;            /* a data set; NULL: scene.h's clouds and stripes do */
    Boxes (*find)(void *context, const Image *picture);         /* the teacher: boxes in three channels, best first */
    void *context;                      /* its first argument */
    const char *kept, *of;              /* the file of its answers (NULL: none), and what they are about */
    const volatile sig_atomic_t *stop;  /* not 0: no more is asked; NULL: never */
    void (*warn)(const char *format, ...);      /* is told how far it is, and what is odd; NULL: nobody is */
} StockOptions;

enum { STOCK_TOLD = 5 + 2 * BOX_POINTS };

typedef struct Stock {
    SceneStock scenes;                  /* to be composed from; counts the good pictures */
    DataSet *sets;                      /* the faces', then the backgrounds' */
    int n_faces, count;                 /* pictures of faces; of everything, the faces' first */
    IMAGE_REAL *told;                   /* (count, STOCK_TOLD): the teacher's score, -1: not asked yet, 0: no face; box
                                           and points as shares of the picture's side */
    int *good;                          /* which are good: the faces, then the backgrounds */
    bool taught;                        /* by a teacher: the points are known */
} Stock;

/* Opens n data sets of faces, asks about what was not asked yet, and chooses. */
STOCK_API Stock *stock_open(char *const *faces, int n, const StockOptions *options);

#endif /* STOCK_H */

#if defined(STOCK_IMPLEMENTATION) && !defined(STOCK_IMPLEMENTED)
#define STOCK_IMPLEMENTED

#include <math.h>
#include <string.h>

/* ---- pictures, as scene.h asks for them ---- */

/* Picture number i; of a face's its centred square. False where it is damaged. */
static bool stock_picture(const Stock *s, int i, int channels, Image *out)
{
    const DataSet *set = s->sets;
    bool face = i < s->n_faces;
    Error why;
    while (i >= set->count) i -= set++->count;
    if (!dataset_picture(set, i, channels, out, &why)) return false;
    if (face) image_crop_centre(out, 0);
    return true;
}

static bool stock_portrait(void *stock, int i, ScenePortrait *p)
{
    const Stock *s = stock;
    const IMAGE_REAL *told = s->told + (size_t)s->good[i] * STOCK_TOLD;
    if (!stock_picture(s, s->good[i], s->scenes.channels, &p->picture)) return false;
    p->face = (Box){.score = s->taught};
    for (int k = 0; k < 4; k++) p->face.box[k] = (double)told[1 + k] * p->picture.width;
    for (int k = 0; k < 2 * BOX_POINTS; k++) p->face.point[k / 2][k % 2] = (double)told[5 + k] * p->picture.width;
    return true;
}

static bool stock_background(void *stock, int i, Image *out)
{
    const Stock *s = stock;
    return stock_picture(s, s->good[s->scenes.portraits + i], s->scenes.channels, out);
}

/* ---- the teacher ---- */

/* Asks where the face of a picture is, which is shown on so many pixels a side. */
static bool stock_ask_face(const StockOptions *o, const Image *picture, int side, IMAGE_REAL told[STOCK_TOLD])
{
    static const double wider = 1.5;
    const ImageFrame frame = image_frame_grown((ImageFrame){picture->width, 0, 0, 0}, wider);
    Image seen = new_picture(side, side, picture->channels);
    image_cut_rows(picture, &frame, &seen, 0, side);
    const Boxes faces = o->find(o->context, &seen);
    for (const Box *f = faces.items; f < faces.items + faces.count; f++) {
        double x = (f->box[0] + f->box[2]) / 2 / side, y = (f->box[1] + f->box[3]) / 2 / side;
        if (fabs(x - 0.5) > 0.2 || fabs(y - 0.5) > 0.2 || f->score < 0.8) continue;
        told[0] = (IMAGE_REAL)f->score;
        for (int k = 0; k < STOCK_TOLD - 1; k++)
            told[1 + k] = (IMAGE_REAL)(wider * ((k < 4 ? f->box[k] : f->point[(k - 4) / 2][k % 2]) / side - 0.5) + 0.5);
        return true;
    }
    return false;
}

/* Is there a face in a background? Small ones are seen better twice as large. */
static double stock_ask_background(const StockOptions *o, const Image *picture)
{
    int w = picture->width, h = picture->height, larger = w <= 480 && h <= 480 ? 2 : 1;
    Image seen = larger > 1 ? resize_picture(picture, larger * w, larger * h) : *picture;
    const Boxes faces = o->find(o->context, &seen);
    return faces.count ? faces.items[0].score : 0;
}

static void stock_ask(const Stock *s, const StockOptions *o, int i)
{
    IMAGE_REAL *told = s->told + (size_t)i * STOCK_TOLD;
    Image picture;
    Scope inner;
    enter(&inner);
    *told = 0;
    if (!o->find) told[0] = told[3] = told[4] = i < s->n_faces;
    else if (stock_picture(s, i, 3, &picture)) {
        if (i >= s->n_faces) *told = (IMAGE_REAL)stock_ask_background(o, &picture);
        else for (int side = 128; side <= 256 && !stock_ask_face(o, &picture, side, told); side += 64) {}
    }
    leave();
}

/* The answers so far, and what they are about. */
static void stock_save(const Stock *s, const StockOptions *o)
{
    Scope inner;
    if (!o->kept) return;
    enter(&inner);
    TensorFile *file = new_tensors();
    set_metadata(file, "of", o->of);
    void *told = add_tensor(file, "told", sizeof *s->told == 8 ? TENSOR_F64 : TENSOR_F32, 2,
                            (int64_t[]){s->count, STOCK_TOLD});
    memcpy(told, s->told, (size_t)s->count * STOCK_TOLD * sizeof *s->told);
    save_tensors(file, o->kept, "");
    leave();
}

static void stock_load(Stock *s, const StockOptions *o)
{
    Scope inner;
    enter(&inner);
    const TensorFile *file = load_tensors(o->kept);
    const TensorEntry *told = tensorfile_find(file, "told");
    const char *was = tensorfile_metadata(file, "of");
    if (!was || strcmp(was, o->of) || !told || tensorfile_count(told) != (size_t)s->count * STOCK_TOLD)
        give_up(2, "%s is about other pictures (%.200s): go on with the same, or choose another --out", o->kept,
                was ? was : "?");
    for (size_t i = 0; i < tensorfile_count(told); i++) s->told[i] = (IMAGE_REAL)tensorfile_get(told, i);
    leave();
}

/* Asks about everything that was not asked yet, and keeps the answers in the file. */
static void stock_ask_all(const Stock *s, const StockOptions *o)
{
    enum { KEPT_EVERY = 4000 };
    for (int i = 0; i < s->count && !(o->stop && *o->stop); i++) {
        if (s->told[(size_t)i * STOCK_TOLD] >= 0) continue;
        stock_ask(s, o, i);
        if (!o->find || (i + 1) % KEPT_EVERY) continue;
        stock_save(s, o);
        if (o->warn) o->warn("the teacher has seen %d of %d pictures", i + 1, s->count);
    }
    stock_save(s, o);
}

/* ---- opening ---- */

static void stock_choose(Stock *s)
{
    int *good = s->good;
    for (int i = 0; i < s->count; i++) {
        double score = (double)s->told[(size_t)i * STOCK_TOLD];
        if (i < s->n_faces && score > 0) *good++ = i, s->scenes.portraits++;
        if (i >= s->n_faces && score >= 0 && score < 0.5) *good++ = i, s->scenes.backgrounds++;
    }
}

STOCK_API Stock *stock_open(char *const *faces, int n, const StockOptions *o)
{
    const DataOptions options = {.split = SPLIT_ALL, .unlabelled = 1, .warn = o->warn};
    Stock *s = own(1, sizeof *s);
    *s = (Stock){.sets = own((size_t)n + 1, sizeof *s->sets), .taught = o->find};
    s->scenes = (SceneStock){.random = o->random, .seed = o->seed, .channels = o->channels, .portrait = stock_portrait,
                             .background = stock_background, .context = s};
    for (int i = 0; i <= n; i++) {
        if (i == n) s->n_faces = s->count;
        if (i == n && !o->backgrounds) break;
        dataset_open(&s->sets[i], i < n ? faces[i] : o->backgrounds, &options);
        s->count += s->sets[i].count;
    }
    s->told = own((size_t)s->count * STOCK_TOLD, sizeof *s->told);
    s->good = own((size_t)s->count, sizeof *s->good);
    for (int i = 0; i < s->count; i++) s->told[(size_t)i * STOCK_TOLD] = -1;
    if (o->kept && path_exists(o->kept)) stock_load(s, o);
    stock_ask_all(s, o);
    stock_choose(s);
    return s;
}

#endif /* STOCK_IMPLEMENTATION */
