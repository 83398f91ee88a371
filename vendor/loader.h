/* loader.h: a set of labelled pictures in orders drawn by chance, as batches of numbers that a thread prepares
 * ahead, and as files, as many of each class.
 *
 *     #define LOADER_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "loader.h"
 *
 *     LoaderChance shuffles = {random, seed, 1}, warps = {random, seed, 2};
 *     Loader *l = loader_start(&set, (LoaderOptions){.batch = 16, .size = 64, .channels = 3, .how = {.flip = 1},
 *                                                    .shuffles = shuffles, .warps = warps, .first = 0});
 *     loader_next(l, x, label, NULL);                batch 0; the next call takes batch 1
 *
 * The pictures are an endless stream. Position p = batch * N + k in it belongs to epoch p / count, and is the
 * (p % count)-th of that epoch's own shuffle; how the picture is turned, shifted, mirrored, lit and hidden (image.h) is
 * drawn from p. So a batch depends on its number and the seeds alone: who goes on at batch i needs no history, and it
 * does not matter who waits for whom. An epoch's last pictures share a batch with the next epoch's first. A damaged
 * picture's place is taken by the next sound one (dataset_read_next), and the set's `warn` is told of it once.
 *
 * Pictures are kept as bytes at their size once they were decoded: the first LOADER_CACHE bytes of the set (a number
 * that may be defined before; 1 GiB, which holds 28,000 faces of 112 x 112 in colour); the rest is decoded each time.
 *
 * It builds on dataset.h and ahead.h, which it includes, and on what those build on: define their X_IMPLEMENTATION,
 * too. Define LOADER_STATIC as well to keep every function private to that file, and IMAGE_REAL as image.h has it: it
 * is the type of the batches' numbers. C11 of gcc or clang, POSIX.1-2008 and its threads (with a strict -std=c11 pass
 * -D_GNU_SOURCE); the declarations are C++17, too. Functions give up where they fail (scope.h); what they make belongs
 * to the innermost scope. Messages about options call them as a command line would.
 */
#ifndef LOADER_H
#define LOADER_H

#include "ahead.h"
#include "dataset.h"

#ifdef LOADER_STATIC
#define LOADER_API static inline
#elif defined(__cplusplus)
#define LOADER_API extern "C"
#else
#define LOADER_API
#endif

/* A number from [0, 1) that follows from these four, whoever asks and when. */
typedef double LoaderRandom(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which);

typedef struct LoaderChance { LoaderRandom *random; uint64_t seed; uint32_t stream; } LoaderChance;

/* The shuffle of Fisher and Yates, its dice numbered by `which` and the place. */
LOADER_API void loader_shuffle(int *order, int count, LoaderChance chance, uint64_t which);

/* The pictures of class k in an order drawn by chance; how many there are. And all pictures, class by class: the
 * scope's. */
LOADER_API int loader_class(const DataSet *set, int k, LoaderChance chance, int *order);
LOADER_API int *loader_classes(const DataSet *set, LoaderChance chance);

/* A square picture of bytes as numbers in [-1, 1], warped as dice number `index` say. */
LOADER_API void loader_augment(const unsigned char *in, int size, int channels, const ImageAugment *how,
                               LoaderChance chance, uint64_t index, IMAGE_REAL *out);

typedef struct LoaderOptions {
    int batch, size, channels;          /* N, P, X */
    ImageAugment how;
    LoaderChance shuffles, warps;
    uint64_t first;                     /* the batch to begin with */
} LoaderOptions;

typedef struct Loader Loader;

/* Starts to prepare batches. The set must last as long as the loader, which ends with the innermost scope. */
LOADER_API Loader *loader_start(const DataSet *set, LoaderOptions options);

/* Takes the next batch: x (N,P,P,X), label (N), attributes (N,n) or NULL. Waits until it is ready; gives up where its
 * pictures cannot be read. */
LOADER_API void loader_next(Loader *l, IMAGE_REAL *x, int *label, uint8_t *attributes);

/* Ends the thread before the scope does. */
LOADER_API void loader_stop(Loader *l);

/* ---- a balanced set, as files ---- */

typedef struct LoaderBalance {
    const char *out, *how;              /* the folder for them, which must be empty unless `force`; dataset_balance's */
    bool force;
    ImageAugment warp;
    LoaderChance shuffles, warps;
    const volatile sig_atomic_t *stop;  /* not 0: it gives up; NULL: never */
} LoaderBalance;

typedef struct LoaderBalanced { long before, written; } LoaderBalanced;

/* Balances the set and writes every picture at its own size: OUT/<class>/NNNNN.png, and, once all of its class are
 * written, OUT/<class>/NNNNN-copy.png, its square, warped by chance. How many of each class there were and are. */
LOADER_API LoaderBalanced *loader_balance(DataSet *set, const LoaderBalance *how);

/* ---- a few pictures of each class, as files ---- */

/* OUT/<class>/<name>.png. */
LOADER_API void loader_save(const char *out, const char *class_name, const char *name, const unsigned char *pixels,
                            int size, int channels);

/* Writes each[] pictures of every class, dealt out by chance, to OUT/train/<class>, OUT/validation and OUT/test: what
 * is cut out of them as the set's options say, scaled. The first two must be full, the last gets what there is. */
LOADER_API void loader_deal(const DataSet *set, LoaderChance chance, const long each[3], int size, int channels,
                            const char *out);

#endif /* LOADER_H */

#if defined(LOADER_IMPLEMENTATION) && !defined(LOADER_IMPLEMENTED)
#define LOADER_IMPLEMENTED

#include <string.h>

#ifndef LOADER_CACHE
#define LOADER_CACHE ((size_t)1 << 30)
#endif

enum { LOADER_SLOTS = 4 };

typedef struct LoaderSlot { IMAGE_REAL *x; int *label; uint8_t *attributes; } LoaderSlot;     /* a batch */

struct Loader {
    const DataSet *set;
    LoaderOptions o;
    size_t picture_size;                /* P * P * X */
    uint64_t epoch;
    int *order;                         /* (count) the shuffle of epoch `epoch` */
    unsigned char *picture;             /* (P,P,X) */
    unsigned char *cache, *cached;      /* (cache_count,P,P,X), and which of them are filled */
    int cache_count;
    LoaderSlot slots[LOADER_SLOTS];
    Ahead *ahead;
};

LOADER_API void loader_shuffle(int *order, int count, LoaderChance c, uint64_t which)
{
    for (int i = count - 1; i > 0; i--) {
        int j = (int)(c.random(c.seed, c.stream, which, (uint32_t)i) * (i + 1)), was = order[i];
        order[i] = order[j], order[j] = was;
    }
}

LOADER_API int loader_class(const DataSet *set, int k, LoaderChance chance, int *order)
{
    int n = 0;
    for (int i = 0; i < set->count; i++)
        if (set->label[i] == k) order[n++] = i;
    loader_shuffle(order, n, chance, (uint64_t)k);
    return n;
}

LOADER_API int *loader_classes(const DataSet *set, LoaderChance chance)
{
    int n = 0, *order = (int *)own((size_t)set->count, sizeof *order);
    for (int k = 0; k < set->n_classes; k++) n += loader_class(set, k, chance, order + n);
    return order;
}

LOADER_API void loader_augment(const unsigned char *in, int size, int channels, const ImageAugment *how,
                               LoaderChance c, uint64_t index, IMAGE_REAL *out)
{
    double dice[IMAGE_DICE];
    for (uint32_t i = 0; i < IMAGE_DICE; i++) dice[i] = c.random(c.seed, c.stream, index, i);
    if (!image_augment(in, size, channels, how, dice, out)) give_up_memory((size_t)size, (size_t)size);
}

/* ---- batches ---- */

static void loader_begin_epoch(Loader *l, uint64_t epoch)
{
    for (int i = 0; i < l->set->count; i++) l->order[i] = i;
    loader_shuffle(l->order, l->set->count, l->o.shuffles, l->epoch = epoch);
}

/* The pixels of picture *index (or of its replacement) at the loader's size, from the cache where it has them. */
static const unsigned char *loader_pixels(Loader *l, int *index)
{
    *index = dataset_readable(l->set, *index);
    if (*index < l->cache_count && l->cached[*index]) return l->cache + (size_t)*index * l->picture_size;
    *index = dataset_read_next(l->set, *index, l->o.size, l->o.channels, l->picture);
    if (*index < l->cache_count) {
        memcpy(l->cache + (size_t)*index * l->picture_size, l->picture, l->picture_size);
        l->cached[*index] = 1;
    }
    return l->picture;
}

/* Prepares a batch in its slot of the ring. */
static void loader_make(void *loader, uint64_t number)
{
    Loader *l = (Loader *)loader;
    const LoaderOptions *o = &l->o;
    const DataSet *set = l->set;
    size_t n = (size_t)set->n_classes;
    uint64_t count = (uint64_t)set->count;
    const LoaderSlot *slot = &l->slots[number % LOADER_SLOTS];
    for (size_t k = 0; k < (size_t)o->batch; k++) {
        uint64_t position = number * (uint64_t)o->batch + k;
        if (position / count != l->epoch) loader_begin_epoch(l, position / count);
        int index = l->order[position % count];
        const unsigned char *picture = loader_pixels(l, &index);
        loader_augment(picture, o->size, o->channels, &o->how, o->warps, position, slot->x + k * l->picture_size);
        slot->label[k] = set->label[index];
        if (set->attributes) memcpy(slot->attributes + k * n, set->attributes + (size_t)index * n, n);
    }
}

static void loader_check(const DataSet *set, const LoaderOptions *o)
{
    const ImageAugment *how = &o->how;
    if (o->batch < 1 || o->size < 1 || o->size > 16384 || (o->channels != 1 && o->channels != 3))
        give_up(2, "a batch of %d pictures, %d px, %d channels: must be at least 1, 1 to 16384, and 1 or 3", o->batch,
                o->size, o->channels);
    if (!(how->rotate_degrees >= 0 && how->rotate_degrees <= 180 && how->shift >= 0 && how->shift <= 1) ||
        !(how->zoom_high == 0 || (how->zoom_low >= 0.1 && how->zoom_low <= how->zoom_high && how->zoom_high <= 10)))
        give_up(2, "augmentation: rotate 0 to 180 degrees, shift 0 to 1 of the side, zoom from 0.1 to 10, low to high");
    if (o->batch > set->count)
        give_up(2, "a batch of %d needs at least %d pictures, but %s has %d: take --batch %d or less", o->batch,
                o->batch, set->path, set->count, set->count);
}

LOADER_API Loader *loader_start(const DataSet *set, LoaderOptions o)
{
    Loader *l = (Loader *)own(1, sizeof *l);
    loader_check(set, &o);
    l->set = set, l->o = o, l->epoch = UINT64_MAX;
    size_t bytes = l->picture_size = (size_t)o.size * (size_t)o.size * (size_t)o.channels, fits = LOADER_CACHE / bytes;
    l->cache_count = (size_t)set->count < fits ? set->count : (int)fits;
    l->cache = (unsigned char *)calloc((size_t)l->cache_count + 1, bytes);
    if (l->cache) on_leaving(free, l->cache);
    else l->cache_count = 0;                                /* without the memory it works as well, only slower */
    l->cached = (unsigned char *)own((size_t)l->cache_count + 1, 1);
    l->order = (int *)own((size_t)set->count, sizeof *l->order);
    l->picture = (unsigned char *)own(bytes, 1);
    for (LoaderSlot *slot = l->slots; slot < l->slots + LOADER_SLOTS; slot++) {
        slot->x = (IMAGE_REAL *)own((size_t)o.batch * bytes, sizeof *slot->x);
        slot->label = (int *)own((size_t)o.batch, sizeof *slot->label);
        slot->attributes = set->attributes ? (uint8_t *)own((size_t)o.batch, (size_t)set->n_classes) : NULL;
    }
    l->ahead = ahead_start(loader_make, l, LOADER_SLOTS, o.first);
    return l;
}

LOADER_API void loader_next(Loader *l, IMAGE_REAL *x, int *label, uint8_t *attributes)
{
    size_t n = (size_t)l->o.batch;
    const LoaderSlot *slot = &l->slots[ahead_wait(l->ahead)];
    memcpy(x, slot->x, n * l->picture_size * sizeof *x);
    memcpy(label, slot->label, n * sizeof *label);
    if (attributes && slot->attributes) memcpy(attributes, slot->attributes, n * (size_t)l->set->n_classes);
    ahead_done(l->ahead);
}

LOADER_API void loader_stop(Loader *l)
{
    ahead_stop(l->ahead);
}

/* ---- a balanced set, as files ---- */

static void loader_write(const DataSet *set, int i, const LoaderBalance *b, const char *folder, LoaderBalanced *of)
{
    bool copy = of->written >= of->before;
    Error why;
    Image picture;
    if (!dataset_picture(set, i, 0, &picture, &why)) unwind(&why);
    if (copy) {
        image_crop_centre(&picture, 0);
        IMAGE_REAL *warped = (IMAGE_REAL *)own(picture_bytes(&picture), sizeof *warped);
        loader_augment(picture.pixels, picture.width, picture.channels, &b->warp, b->warps, (uint64_t)i, warped);
        image_to_bytes(warped, picture_bytes(&picture), picture.pixels);
    }
    save_picture(textf("%s/%s/%05ld%s.png", b->out, folder, of->written++, copy ? "-copy" : "").s, &picture, NULL);
}

LOADER_API LoaderBalanced *loader_balance(DataSet *set, const LoaderBalance *b)
{
    LoaderBalanced *of = (LoaderBalanced *)own((size_t)set->n_classes, sizeof *of);
    for (int i = 0; i < set->count; i++) of[set->label[i]].before++;
    dataset_balance(set, loader_classes(set, b->shuffles), b->how);
    if (lies_in(set->path, b->out))
        give_up(2, "--out %s: the pictures to balance lie there; take another folder", b->out);
    char (*folders)[FILES_NAME] = begin_set(b->out, (const char *const *)set->class_names, set->n_classes, b->force);
    Progress *progress = own_progress("balance", 0, set->count);
    const volatile sig_atomic_t never = 0, *stop = b->stop ? b->stop : &never;
    for (int i = 0; i < set->count && !*stop; i++) {
        Scope here;
        enter(&here);
        loader_write(set, i, b, folders[set->label[i]], &of[set->label[i]]);
        leave();
        progress_show(progress, i + 1, "%s", b->out);
    }
    if (*stop) give_up(1, "stopped before all pictures were written");
    return of;
}

/* ---- a few pictures of each class, as files ---- */

LOADER_API void loader_save(const char *out, const char *class_name, const char *name, const unsigned char *pixels,
                            int size, int channels)
{
    const Image picture = {size, size, channels, (unsigned char *)(uintptr_t)pixels};
    make_folder(own_text("%s/%s", out, class_name));
    save_picture(own_text("%s/%s/%s.png", out, class_name, name), &picture, NULL);
}

LOADER_API void loader_deal(const DataSet *set, LoaderChance chance, const long each[3], int size, int channels,
                            const char *out)
{
    int *order = (int *)own((size_t)set->count, sizeof *order);
    unsigned char *pixels = (unsigned char *)own((size_t)(size * size), (size_t)channels);
    const long learnt = each[0], wanted = learnt + each[1];
    for (int k = 0; k < set->n_classes; k++) {
        int n = loader_class(set, k, chance, order);
        if (n < wanted)
            give_up(2, "%ld pictures of %s are wanted, to learn from and to choose by, and %s has %d", wanted,
                    set->class_names[k], set->path, n);
        for (int i = 0; i < n && i < wanted + each[2]; i++) {
            int part = i < learnt ? SPLIT_TRAIN : i < wanted ? SPLIT_VALIDATION : SPLIT_TEST;
            Error why;
            if (!dataset_read(set, order[i], size, channels, pixels, &why)) unwind(&why);
            loader_save(own_text("%s/%s", out, split_names[part]), set->class_names[k], own_text("%d", order[i]),
                        pixels, size, channels);
        }
    }
}

#endif
