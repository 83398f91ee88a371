/* scene.h: photographs whose faces are known, put together for those who learn to find faces, and the squares of them
 * that a learner is shown.
 *
 *     #define SCENE_IMPLEMENTATION    in exactly one C file, and the IMPLEMENTATIONs of what it stands on
 *     #include "scene.h"
 *
 *     const SceneStock drawn = {.random = my_random, .seed = 1, .channels = 3};      drawn faces on clouds and stripes
 *     Scene scene = {.picture = {256, 256, 3, pixels}};
 *     scene_compose(&drawn, 42, &scene);                     number 42 of seed 1: always the same
 *     for (int i = 0; i < scene.n_faces; i++) use(scene.faces[i].box, scene.faces[i].point);
 *
 * Learning to find faces takes photographs of crowds with a box about every face. Here they are made: single faces,
 * which the caller has or which face.h draws, are pasted on backgrounds of the caller's or on clouds of noise, among
 * shapes.
 *
 *     portraits ---> size, turn, light ----+                            things that are no face: faces upside down,
 *     backgrounds -> cut, turned, relit ---+--> scene --> blur, noise,  with their quarters exchanged, single parts of
 *     shapes, patches, things -------------+              contrast,     them, faces without features, pieces of
 *                                                         JPEG          backgrounds
 *
 * What would give a pasted face away is pasted just as often without being a face. CHANCE is the caller's, as in
 * face.h.
 *
 * Stands on face.h, boxes.h and owned.h: pictures belong to the innermost scope, and what fails gives up.
 * Define SCENE_STATIC as well to keep every function private to that file. Threads compose side by side. */
#ifndef SCENE_H
#define SCENE_H

#include "boxes.h"
#include "face.h"
#include "owned.h"

#ifdef SCENE_STATIC
#define SCENE_API static inline
#elif defined(__cplusplus)
#define SCENE_API extern "C"
#else
#define SCENE_API extern
#endif

/* ---- chance ---- */

/* Numbers that are thrown one after another: one in an expression, since the order within is the compiler's. */
typedef struct SceneLuck { FaceRandom *random; uint64_t seed, index; uint32_t thrown; } SceneLuck;

enum { SCENE_STREAM = 0x5CE4E };        /* of FaceRandom */

SCENE_API double scene_roll(SceneLuck *luck);                                  /* in (0,1) */
SCENE_API double scene_between(SceneLuck *luck, double low, double high);
SCENE_API double scene_size(SceneLuck *luck, double low, double high);         /* each factor as often as any other */
SCENE_API int scene_below(SceneLuck *luck, int n);
SCENE_API bool scene_chance(SceneLuck *luck, double chance);

/* ---- scenes ---- */

enum { SCENE_FACES = 5, SCENE_THINGS = 3 };         /* at most */

/* A square picture and the face in it, in its pixels. Its score: 1 where the points are known, else 0. */
typedef struct ScenePortrait { Image picture; Box face; } ScenePortrait;

/* What scenes are made of. The two functions make picture number i (below `portraits`, `backgrounds`) with so many
 * channels, 1 or 3, from different threads at once; false where it cannot be had. */
typedef struct SceneStock {
    FaceRandom *random;
    uint64_t seed;
    int channels, portraits, backgrounds;
    bool (*portrait)(void *context, int i, ScenePortrait *out);
    bool (*background)(void *context, int i, Image *out);
    void *context;
} SceneStock;

typedef struct Scene { Image picture; Box faces[SCENE_FACES]; int n_faces; } Scene;

/* Fills the scene's picture, which is there and as large as it shall be, and its faces. */
SCENE_API void scene_compose(const SceneStock *stock, uint64_t number, Scene *scene);

/* So many scenes to be filled, with black pictures; fills them with the numbers first, first + 1, ... each: does a row
 * of tasks, on threads; NULL: one after the other. */
typedef void SceneEach(int tasks, void (*task)(void *argument, int index, int worker), void *argument);
SCENE_API Scene *scene_new(int count, int side, int channels);
SCENE_API void scene_compose_all(const SceneStock *stock, uint64_t first, Scene *scenes, int count, SceneEach *each);

/* ---- squares of a scene ---- */

enum { SCENE_NEGATIVE, SCENE_PART, SCENE_POSITIVE, SCENE_KINDS, SCENE_NO_KIND };

/* An overlap (in common over both together) with a face of 0.65 or more makes a square positive, 0.4 to 0.65 a part of
 * a face, less than 0.3 negative, else it is of no kind. face: the nearest, or NULL. */
typedef struct SceneSample { Box square; const Box *face; int kind; } SceneSample;
SCENE_API SceneSample scene_sample(const Scene *scene, Box square);

/* As many of each kind as wanted, the sum of them in all; where the scene has no face, or too few squares of a kind are
 * found, more negatives; where even these are missing, squares of no kind. First come those of the list `mistakes`, in
 * its order (all but 8 of the negatives at most); NULL: there is none, and every square lies in the picture altogether.
 * */
SCENE_API int scene_samples(const Scene *scene, SceneLuck *luck, const Boxes *mistakes,
                            const int wanted[SCENE_KINDS], SceneSample *samples);

#endif /* SCENE_H */

#if defined(SCENE_IMPLEMENTATION) && !defined(SCENE_IMPLEMENTED)
#define SCENE_IMPLEMENTED

#include <math.h>
#include <string.h>

#define SCENE_TURN 6.283185307179586

/* ---- chance ---- */

SCENE_API double scene_roll(SceneLuck *d)
{
    return d->random(d->seed, SCENE_STREAM, d->index, d->thrown++);
}

SCENE_API double scene_between(SceneLuck *d, double low, double high) { return low + (high - low) * scene_roll(d); }
SCENE_API double scene_size(SceneLuck *d, double low, double high)
{
    return low * exp(log(high / low) * scene_roll(d));
}
SCENE_API int scene_below(SceneLuck *d, int n) { return (int)(n * scene_roll(d)); }
SCENE_API bool scene_chance(SceneLuck *d, double chance) { return scene_roll(d) < chance; }

/* ---- pictures ---- */

static int scene_max(int a, int b) { return a > b ? a : b; }
static int scene_min(int a, int b) { return a < b ? a : b; }
static double scene_limit(double x, double low, double high) { return fmin(fmax(x, low), high); }

static Image scene_cut(const Image *from, ImageFrame frame, int size)
{
    Image cut = new_picture(size, size, from->channels);
    image_cut_rows(from, &frame, &cut, 0, size);
    return cut;
}

/* The square about the centre of a picture's region, turned by an angle. */
static ImageFrame scene_square(double x, double y, double side, double angle)
{
    if (angle > SCENE_TURN / 2) angle -= SCENE_TURN;
    double c = side * image_sine(angle + SCENE_TURN / 4), s = side * image_sine(angle);
    ImageFrame frame = {c, s, x - 0.5 * (c - s), y - 0.5 * (s + c)};
    return frame;
}

/* One thing more or less bright, of more or less contrast, lit from a side. */
typedef struct SceneTone { double gain, offset, slope; } SceneTone;

static SceneTone scene_tone(SceneLuck *d)
{
    SceneTone tone = {scene_between(d, 0.5, 1.25), 0, 0};
    tone.offset = scene_between(d, -45, 45);
    if (scene_chance(d, 0.4)) tone.slope = scene_between(d, -70, 70);
    return tone;
}

static unsigned char scene_toned(double value, const SceneTone *t, double u)
{
    return (unsigned char)scene_limit(128 + t->gain * (value - 128) + t->offset + t->slope * (u - 0.5) + 0.5, 0, 255);
}

/* ---- portraits ---- */

static ScenePortrait scene_drawn(SceneLuck *d, int channels)
{
    enum { SIDE = 112 };
    float au[FACE_AUS] = {0};
    FaceIdentity who;
    FacePose pose;
    ScenePortrait p = {new_picture(SIDE, SIDE, channels), {{0}, 1, {{0}}, {0}}};
    uint64_t person = (uint64_t)(scene_roll(d) * 1e15);
    face_identity(&who, d->random, d->seed, person);
    face_pose(&pose, d->random, d->seed, person);
    pose.yaw *= 1.5f;
    int emotion = scene_below(d, FACE_EMOTIONS);
    face_recipe(au, emotion, (float)scene_roll(d));
    face_render(&who, &pose, au, SIDE, channels, p.picture.pixels);
    FacePlaces places = face_places(&who, &pose, au, SIDE);
    const float box[4] = {places.left, places.top, places.right, places.bottom};
    for (int i = 0; i < 4; i++) p.face.box[i] = (double)box[i];
    for (int i = 0; i < 2 * BOX_POINTS; i++) p.face.point[i / 2][i % 2] = (double)places.point[i / 2][i % 2];
    return p;
}

static void scene_mirror(ScenePortrait *p)
{
    static const int other[BOX_POINTS] = {1, 0, 2, 4, 3};
    Image *picture = &p->picture;
    Box was = p->face;
    int width = picture->width, c = picture->channels;
    for (int y = 0; y < picture->height; y++) {
        unsigned char *row = picture->pixels + (size_t)y * (size_t)(width * c);
        for (int i = 0; i < width / 2 * c; i++) {
            unsigned char *a = row + i, *b = row + (width - 1 - i / c) * c + i % c, kept = *a;
            *a = *b, *b = kept;
        }
    }
    p->face.box[0] = width - was.box[2], p->face.box[2] = width - was.box[0];
    for (int i = 0; i < BOX_POINTS; i++) {
        p->face.point[i][0] = width - was.point[other[i]][0];
        p->face.point[i][1] = was.point[other[i]][1];
    }
}

/* A face of the stock, or where it has none, and one in ten, a drawn one. */
static ScenePortrait scene_portrait(const SceneStock *s, SceneLuck *d)
{
    ScenePortrait p;
    int i = s->portraits ? scene_below(d, s->portraits) : 0;
    if (!s->portraits || scene_chance(d, 0.1) || !s->portrait(s->context, i, &p)) p = scene_drawn(d, s->channels);
    if (scene_chance(d, 0.5)) scene_mirror(&p);
    return p;
}

/* ---- what is laid into a scene ---- */

enum { SCENE_DOTS = 24 };

/* A photograph without faces, or a few dots that, enlarged, are clouds, stripes or a mosaic. */
static Image scene_background(const SceneStock *s, SceneLuck *d)
{
    Image picture;
    if (s->backgrounds && scene_chance(d, 0.85) && s->background(s->context, scene_below(d, s->backgrounds), &picture))
        return picture;
    int width = 1 + scene_below(d, SCENE_DOTS), height = 1 + scene_below(d, SCENE_DOTS);
    picture = new_picture(width, height, s->channels);
    for (int i = 0; i < width * height; i++) {
        double shade = scene_between(d, 20, 235), tint = s->channels > 1 ? 20 : 0;
        for (int c = 0; c < s->channels; c++)
            picture.pixels[i * s->channels + c] = (unsigned char)(shade + tint * scene_between(d, -1, 1));
    }
    return picture;
}

/* Covers a rectangle of the scene with a part of another picture. */
static void scene_lay_background(const SceneStock *stock, SceneLuck *d, Image *scene, ImageWindow to)
{
    Image from = scene_background(stock, d);
    double side = scene_min(from.width, from.height) * scene_between(d, 0.3, 1), angle = 0,
           left = (from.width - side) * scene_roll(d), top = (from.height - side) * scene_roll(d);
    if (from.width <= SCENE_DOTS) angle = scene_between(d, 0, SCENE_TURN / 4);
    else if (scene_chance(d, 0.2)) angle = scene_between(d, -0.4, 0.4);
    Image cut = scene_cut(&from, scene_square(left + side / 2, top + side / 2, side, angle),
                          scene_max(to.width, to.height));
    SceneTone tone = scene_tone(d);
    int c = scene->channels;
    for (int y = 0; y < to.height; y++)
        for (int i = 0; i < to.width * c; i++)
            scene->pixels[((to.y + y) * scene->width + to.x) * c + i] =
                scene_toned(cut.pixels[y * cut.width * c + i], &tone, (double)(i / c) / to.width);
}

/* An oval, a rectangle, a ring or a frame, in one shade or striped. */
static void scene_lay_shape(SceneLuck *d, Image *scene)
{
    double x = scene_roll(d) * scene->width, y = scene_roll(d) * scene->height,
           a = scene_size(d, 2, 0.35 * scene->width), b = a * scene_size(d, 0.1, 1.5),
           hollow = scene_chance(d, 0.25) ? scene_between(d, 0.5, 0.95) : 0,
           shade = scene_between(d, 0, 255), stripes = scene_chance(d, 0.3) ? scene_between(d, 2, 14) : 0,
           ink = scene_between(d, 0.3, 1);
    bool oval = scene_chance(d, 0.6);
    ImageFrame frame = scene_square(x, y, 2, scene_chance(d, 0.5) ? 0 : scene_between(d, 0, SCENE_TURN / 4));
    int reach = (int)(a + b) + 1, c = scene->channels;
    for (int row = scene_max((int)y - reach, 0); row < scene_min((int)y + reach, scene->height); row++)
        for (int column = scene_max((int)x - reach, 0); column < scene_min((int)x + reach, scene->width); column++) {
            double u, v;
            image_frame_invert(&frame, column + 0.5, row + 0.5, &u, &v);
            u = (2 * u - 1) / a, v = (2 * v - 1) / b;
            double r = oval ? sqrt(u * u + v * v) : fmax(fabs(u), fabs(v));
            if (r > 1 || r < hollow) continue;
            double here = stripes > 0 && (int)(fabs(u + 2) * stripes) % 2 ? 255 - shade : shade;
            unsigned char *to = scene->pixels + (row * scene->width + column) * c;
            for (int k = 0; k < c; k++) to[k] = (unsigned char)(to[k] + ink * (here - to[k]));
        }
}

/* Pastes the frame of a picture as n x n pixels; what lies beyond the picture's edges is not pasted, and at them the
 * scene shows through. */
static void scene_lay_picture(SceneLuck *d, Image *scene, const Image *from, ImageFrame frame, int left, int top, int n)
{
    Image cut = scene_cut(from, frame, n);
    double soft = scene_chance(d, 0.15) ? 0.01 : scene_between(d, 0.03, 0.2), round = scene_between(d, 0.95, 1.4);
    SceneTone tone = scene_tone(d);
    int c = scene->channels;
    for (int y = scene_max(-top, 0); y < scene_min(n, scene->height - top); y++)
        for (int x = scene_max(-left, 0); x < scene_min(n, scene->width - left); x++) {
            double u, v;
            image_frame_point(&frame, (x + 0.5) / n, (y + 0.5) / n, &u, &v);
            u /= from->width, v /= from->height;
            double r = round - 2 * hypot(u - 0.5, v - 0.5), edge = fmin(fmin(u, 1 - u), fmin(v, 1 - v));
            double ink = scene_limit(edge / soft, 0, 1) * scene_limit(r / soft / 2, 0, 1);
            unsigned char *to = scene->pixels + ((top + y) * scene->width + left + x) * c;
            const unsigned char *value = cut.pixels + (y * n + x) * c;
            for (int k = 0; ink > 0 && k < c; k++)
                to[k] = (unsigned char)(to[k] + ink * (scene_toned(value[k], &tone, u) - to[k]) + 0.5);
        }
}

/* ---- where things stand ---- */

typedef struct SceneTaken { Box items[SCENE_FACES + SCENE_THINGS]; int count; } SceneTaken;

/* A place for something of this size that overlaps nothing; false where none was found. Its centre may lie near the
 * border. */
static bool scene_place(SceneLuck *d, const Image *scene, SceneTaken *taken, double width, double height,
                        double centre[2])
{
    for (int tries = 0; tries < 12; tries++) {
        double x = scene_between(d, 0.35 * width, scene->width - 0.35 * width),
               y = scene_between(d, 0.35 * height, scene->height - 0.35 * height);
        Box b = {{x - width / 2, y - height / 2, x + width / 2, y + height / 2}, 0, {{0}}, {0}};
        bool lone = true;
        for (int i = 0; lone && i < taken->count; i++)
            lone = box_overlap(&taken->items[i], &b, BOXES_SMALLER, 0) <= 0.15;
        if (!lone) continue;
        taken->items[taken->count++] = b;
        centre[0] = x, centre[1] = y;
        return true;
    }
    return false;
}

/* A tenth to a third of a face behind something. */
static void scene_hide(SceneLuck *d, Image *scene, const Box *f)
{
    int side = scene_below(d, 4), c = scene->channels, edge[4];
    for (int i = 0; i < 4; i++) edge[i] = (int)scene_limit(f->box[i], 0, i % 2 ? scene->height : scene->width);
    double share = scene_between(d, 0.1, 0.35) * (side % 2 ? box_height(f) : box_width(f)), shade = 255 * scene_roll(d);
    if (side < 2) edge[side + 2] = scene_min(edge[side + 2], edge[side] + (int)share);
    else edge[side - 2] = scene_max(edge[side - 2], edge[side] - (int)share);
    for (int y = edge[1]; y < edge[3] && edge[0] < edge[2]; y++)
        memset(scene->pixels + (y * scene->width + edge[0]) * c, (int)shade, (size_t)((edge[2] - edge[0]) * c));
}

/* Puts a face somewhere, of any size, a little turned. The box of a turned face: as of an oval. */
static void scene_put_face(const SceneStock *stock, SceneLuck *d, Scene *scene, SceneTaken *taken)
{
    ScenePortrait p = scene_portrait(stock, d);
    const Box *face = &p.face;
    double most = scene_chance(d, 0.2) ? 0.7 : 0.2, angle = scene_between(d, -most, most),
           c = image_sine(angle + SCENE_TURN / 4), s = image_sine(angle), side = p.picture.width,
           reach = side * (fabs(c) + fabs(s));
    double scale = scene_size(d, 15, 0.8 * scene->picture.width) / fmax(box_width(face), box_height(face)),
           w = box_width(face) * scale, h = box_height(face) * scale, width = hypot(w * c, h * s),
           height = hypot(w * s, h * c), centre[2], u, v;
    int n = scene_max((int)(reach * scale + 0.5), 8);
    if (!scene_place(d, &scene->picture, taken, width, height, centre)) return;
    ImageFrame frame = scene_square(side / 2, side / 2, reach, angle);
    image_frame_invert(&frame, (face->box[0] + face->box[2]) / 2, (face->box[1] + face->box[3]) / 2, &u, &v);
    int left = (int)floor(centre[0] - u * n + 0.5), top = (int)floor(centre[1] - v * n + 0.5);
    double x = left + u * n, y = top + v * n;
    Box f = {{x - width / 2, y - height / 2, x + width / 2, y + height / 2}, face->score, {{0}}, {0}};
    for (int i = 0; i < BOX_POINTS; i++) {
        image_frame_invert(&frame, face->point[i][0], face->point[i][1], &u, &v);
        f.point[i][0] = left + u * n, f.point[i][1] = top + v * n;
    }
    scene_lay_picture(d, &scene->picture, &p.picture, frame, left, top, n);
    if (scene_chance(d, 0.1)) scene_hide(d, &scene->picture, &f);
    scene->faces[scene->n_faces++] = f;
}

/* The four quarters of a picture change places. */
static void scene_exchange_quarters(Image *p)
{
    int half = p->width / 2 * p->channels, row = p->width * p->channels, lower = p->height / 2;
    for (int y = 0; y < lower; y++)
        for (int i = 0; i < 2 * half; i++) {
            unsigned char *a = p->pixels + y * row + i, *b = p->pixels + (y + lower) * row + (i + half) % (2 * half);
            unsigned char kept = *a;
            *a = *b, *b = kept;
        }
}

/* Puts something that is no face: one upside down, in the wrong order, a part of one, one without features, or a piece
 * of a background. */
static void scene_put_thing(const SceneStock *stock, SceneLuck *d, Scene *scene, SceneTaken *taken)
{
    enum { UPSIDE_DOWN, EXCHANGED, A_PART, BLANK, NO_FACE_AT_ALL, THINGS };
    int kind = scene_below(d, THINGS);
    Image picture = kind == NO_FACE_AT_ALL ? scene_background(stock, d) : scene_portrait(stock, d).picture;
    double side = scene_min(picture.width, picture.height), centre[2], angle = scene_between(d, -0.3, 0.3);
    double x = picture.width / 2.0, y = picture.height / 2.0;
    int n = (int)scene_size(d, 15, 0.7 * scene->picture.width);
    if (kind == UPSIDE_DOWN) angle = scene_between(d, 0.35 * SCENE_TURN, 0.65 * SCENE_TURN);
    if (kind == EXCHANGED) scene_exchange_quarters(&picture);
    if (kind == A_PART) x = scene_roll(d) * side, y = scene_roll(d) * side, side *= scene_between(d, 0.2, 0.4);
    if (kind == BLANK) picture = resize_picture(&picture, 4, 4), side = 4, x = y = 2;
    if (!scene_place(d, &scene->picture, taken, n, n, centre)) return;
    ImageFrame frame = scene_square(x, y, side, angle);
    if (kind == A_PART) picture = scene_cut(&picture, frame, 32), frame = scene_square(16, 16, 32, 0);
    scene_lay_picture(d, &scene->picture, &picture, frame, (int)(centre[0] - n / 2), (int)(centre[1] - n / 2), n);
}

/* Sixty-four bits of a counter (SplitMix64, Steele et al. 2014): noise takes too many for the caller's generator. */
static uint64_t scene_bits(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* What a camera and a file do: blur, noise, contrast, the artefacts of JPEG. */
static void scene_develop(SceneLuck *d, Image *scene)
{
    size_t count = picture_bytes(scene);
    Image seen = *scene;
    if (scene_chance(d, 0.25)) {
        double smaller = scene_between(d, 1.2, 2.6);
        seen = resize_picture(scene, (int)(scene->width / smaller), (int)(scene->height / smaller));
        seen = resize_picture(&seen, scene->width, scene->height);
    }
    double gain = scene_between(d, 0.55, 1.3), offset = scene_between(d, -35, 35), bend = scene_between(d, -0.35, 0.35),
           noise = scene_chance(d, 0.4) ? scene_between(d, 1, 14) : 0;
    uint64_t grains = (uint64_t)(scene_roll(d) * 1e15), bits = 0;
    for (size_t i = 0; i < count; i++) {
        double v = seen.pixels[i] / 255.0, grain = 0;
        if (noise > 0) bits = i % 2 ? bits >> 32 : scene_bits(grains, i / 2);
        for (int k = 0; noise > 0 && k < 32; k += 8) grain += (double)(bits >> k & 255);   /* 4 bytes: nearly normal */
        v = 255 * (v + bend * v * (1 - v));
        v = 128 + gain * (v - 128) + offset + (noise > 0 ? noise * (grain - 510) / 147.8 : 0);
        scene->pixels[i] = (unsigned char)scene_limit(v + 0.5, 0, 255);
    }
    if (!scene_chance(d, 0.5)) return;
    char why[IMAGE_ERROR_SIZE];
    unsigned char *bytes;
    size_t size;
    if (!image_encode_jpeg(scene, 20 + scene_below(d, 75), &bytes, &size, why)) give_up(1, "%s", why);
    bytes = (unsigned char *)own_this(bytes, size);
    if (!image_decode(bytes, size, scene->channels, &seen, why)) give_up(1, "%s", why);
    seen = own_picture(seen);
    memcpy(scene->pixels, seen.pixels, count);
}

SCENE_API void scene_compose(const SceneStock *stock, uint64_t number, Scene *scene)
{
    Scope inner;
    SceneLuck luck = {stock->random, stock->seed, number, 0}, *d = &luck;
    Image *picture = &scene->picture;
    SceneTaken taken;
    ImageWindow all = {0, 0, picture->width, picture->height};
    enter(&inner);
    taken.count = scene->n_faces = 0;
    scene_lay_background(stock, d, picture, all);
    for (int n = scene_chance(d, 0.2) ? 12 : scene_chance(d, 0.4) ? 1 + scene_below(d, 3) : 0; n > 0; n--) {
        int w = (int)scene_size(d, 8, picture->width - 1), h = (int)scene_size(d, 8, picture->height - 1);
        ImageWindow patch = {scene_below(d, picture->width - w), 0, w, h};
        patch.y = scene_below(d, picture->height - h);
        scene_lay_background(stock, d, picture, patch);
    }
    for (int n = scene_chance(d, 0.5) ? 1 + scene_below(d, 8) : 0; n > 0; n--) scene_lay_shape(d, picture);
    for (int n = scene_below(d, SCENE_THINGS + 1); n > 0; n--) scene_put_thing(stock, d, scene, &taken);
    for (int n = scene_chance(d, 0.1) ? 0 : 1 + scene_below(d, SCENE_FACES); n > 0; n--)
        scene_put_face(stock, d, scene, &taken);
    scene_develop(d, picture);
    leave();
}

SCENE_API Scene *scene_new(int count, int side, int channels)
{
    Scene *scenes = (Scene *)own((size_t)count, sizeof *scenes);
    for (int i = 0; i < count; i++) scenes[i].picture = new_picture(side, side, channels);
    return scenes;
}

typedef struct SceneJob { const SceneStock *stock; uint64_t number; Scene *scene; Error failed; } SceneJob;

static void scene_do(void *job)
{
    const SceneJob *j = (const SceneJob *)job;
    scene_compose(j->stock, j->number, j->scene);
}

static void scene_task(void *jobs, int i, int worker)
{
    SceneJob *j = (SceneJob *)jobs + i;
    (void)worker;
    attempt(scene_do, j, &j->failed);
}

SCENE_API void scene_compose_all(const SceneStock *stock, uint64_t first, Scene *scenes, int count, SceneEach *each)
{
    Scope inner;
    enter(&inner);
    SceneJob *jobs = (SceneJob *)own((size_t)count, sizeof *jobs);
    for (int i = 0; i < count; i++) {
        jobs[i].stock = stock, jobs[i].number = first + (uint64_t)i, jobs[i].scene = &scenes[i];
        if (!each) scene_task(jobs, i, 0);
    }
    if (each) each(count, scene_task, jobs);
    for (int i = 0; i < count; i++)
        if (jobs[i].failed.status) unwind(&jobs[i].failed);
    leave();
}

/* ---- squares of a scene ---- */

SCENE_API SceneSample scene_sample(const Scene *scene, Box square)
{
    SceneSample s = {square, NULL, SCENE_NEGATIVE};
    double most = 0;
    for (int i = 0; i < scene->n_faces; i++) {
        double share = box_overlap(&square, &scene->faces[i], BOXES_UNION, 0);
        if (share > most) most = share, s.face = &scene->faces[i];
    }
    s.kind = most >= 0.65 ? SCENE_POSITIVE : most >= 0.4 ? SCENE_PART : most < 0.3 ? SCENE_NEGATIVE : SCENE_NO_KIND;
    return s;
}

/* A square near a face: its side at most `zoom` times longer or shorter, its centre off by a share of its side. */
static Box scene_near(SceneLuck *d, const Scene *scene, double zoom, double off)
{
    const Box *face = &scene->faces[scene_below(d, scene->n_faces)];
    double side = floor(fmax(box_width(face), box_height(face)) * scene_size(d, 1 / zoom, zoom));
    double left = floor((face->box[0] + face->box[2] - side) / 2 + side * scene_between(d, -off, off)),
           top = floor((face->box[1] + face->box[3] - side) / 2 + side * scene_between(d, -off, off));
    Box b = {{left, top, left + side, top + side}, 0, {{0}}, {0}};
    return b;
}

static Box scene_anywhere(SceneLuck *d, const Image *picture)
{
    int side = (int)scene_size(d, 12, 0.9 * scene_min(picture->width, picture->height)),
        x = scene_below(d, picture->width - side), y = scene_below(d, picture->height - side);
    Box b = {{(double)x, (double)y, (double)(x + side), (double)(y + side)}, 0, {{0}}, {0}};
    return b;
}

/* The samples in the making. */
typedef struct SceneGathering {
    const Scene *scene;
    SceneSample *samples;
    int count, all, room[SCENE_KINDS];  /* room: for so many more of a kind */
} SceneGathering;

static void scene_gather(SceneGathering *g, Box square)
{
    SceneSample s = scene_sample(g->scene, square);
    if (g->count == g->all || s.kind == SCENE_NO_KIND || g->room[s.kind] <= 0 || box_width(&square) < 8) return;
    g->room[s.kind]--;
    g->samples[g->count++] = s;
}

SCENE_API int scene_samples(const Scene *scene, SceneLuck *d, const Boxes *mistakes, const int wanted[SCENE_KINDS],
                            SceneSample *samples)
{
    enum { TRIES = 300 };
    const Image *picture = &scene->picture;
    int negatives = wanted[SCENE_NEGATIVE], of_faces = wanted[SCENE_PART] + wanted[SCENE_POSITIVE];
    SceneGathering g = {scene, samples, 0, negatives + of_faces, {0}};
    for (int kind = 0; kind < SCENE_KINDS; kind++) g.room[kind] = wanted[kind] - (kind == SCENE_NEGATIVE ? 8 : 0);
    for (int i = 0; mistakes && i < mistakes->count; i++) scene_gather(&g, mistakes->items[i]);
    g.room[SCENE_NEGATIVE] = 0;
    for (int i = 0; i < TRIES && scene->n_faces && g.room[SCENE_PART] + g.room[SCENE_POSITIVE] > 0; i++) {
        Box square = scene_near(d, scene, 1.3, 0.25);
        if (mistakes || box_is_inside(&square, picture->width, picture->height)) scene_gather(&g, square);
    }
    g.room[SCENE_NEGATIVE] = g.all;
    for (int i = 0; i < TRIES && g.count < g.all; i++) {
        Box square = scene_anywhere(d, picture);
        if (scene->n_faces && scene_chance(d, 0.5)) square = scene_near(d, scene, 3, 0.8);
        if (box_is_inside(&square, picture->width, picture->height)) scene_gather(&g, square);
    }
    while (g.count < g.all) {
        SceneSample none = {scene_anywhere(d, picture), NULL, SCENE_NO_KIND};
        samples[g.count++] = none;
    }
    return g.all;
}
#endif /* SCENE_IMPLEMENTATION */
