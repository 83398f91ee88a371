/* face.h: renders faces. From who it is, how the camera sees it and what its muscles do to pixels: a pure function, no
 * data, no model, no person. One header, no dependency but the C library.
 *
 *     #define FACE_IMPLEMENTATION              in exactly one source file of the program
 *     #define FACE_STATIC                      optional: keeps every function private to that file
 *     #include "face.h"
 *
 *     FaceIdentity who;
 *     FacePose pose;
 *     float au[FACE_AUS] = {0};                                           every muscle at rest
 *     unsigned char pixels[128 * 128 * 3];
 *     face_identity(&who, my_random, 1, 42);                              person 42 of seed 1
 *     face_pose(&pose, my_random, 1, 42);                                 and a photograph of that person
 *     face_recipe(au, FACE_HAPPY, 0.8f);                                  smiling
 *     face_render(&who, &pose, au, 128, 3, pixels);                       128 x 128 RGB
 *
 * A face is rendered from four things: who it is (FaceIdentity), how the camera sees it (FacePose), what its muscles do
 * (15 action units of the Facial Action Coding System, Ekman and Friesen 1978; 2002), and a size. Nothing else enters,
 * so the same arguments give the same pixels, and the truth behind every picture is known exactly: its emotion, its
 * intensity, its action units, its place in valence and arousal.
 *
 *   parameters ----> landmarks ----> muscles ----> shapes, back to front ----> pixels
 *   who, how          22 a side       one table      hair, neck, ears, head,    light, grain,
 *                                     AU by AU       eyes, nose, mouth, ...     grey or RGB
 *
 * Face coordinates: the origin lies between the eyes, x grows to the right of the picture, y grows downward, and
 * the unit is about half a head's width.
 *
 *            y = -1.15   crown            z: towards the camera; a yaw moves a point by z sin(yaw), so the
 *            y = -0.33   brows               nose, which stands out, travels further than the ears
 *            y =  0.00   eyes   x = 0.40
 *            y =  0.40   nose            1 unit = 0.34 of the picture's side (pose->scale = 1)
 *            y =  0.68   mouth  x = 0.29
 *            y =  1.12   chin
 *
 * CHANCE is the caller's: a function that gives, for (seed, stream, index, which), a number in (0,1), always the same
 * one (a counter-based generator such as Philox). It says who somebody is and how they are photographed, and, while
 * rendering, where freckles and locks lie and what the grain is. Everything else may be set by hand, too: fill a
 * FaceIdentity and a FacePose from tables, then change what you like.
 *
 * Nothing is allocated, nothing can fail, there is no mutable global state: threads render side by side. A call takes
 * 300 KB of stack. It needs C11 and single-precision libm (sinf, cosf, sqrtf). */
#ifndef FACE_H
#define FACE_H

#include <stdint.h>

#ifdef FACE_STATIC
#ifdef __GNUC__
#define FACE_API static __attribute__((unused))
#else
#define FACE_API static
#endif
#else
#define FACE_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The action units, each in [0,1], by their places in au[FACE_AUS]. */
enum {
    FACE_AU1, FACE_AU2, FACE_AU4, FACE_AU5, FACE_AU6, FACE_AU7, FACE_AU9, FACE_AU10, FACE_AU12, FACE_AU15, FACE_AU20,
    FACE_AU23, FACE_AU25, FACE_AU26, FACE_AU27, FACE_AUS
};
FACE_API int face_au_number(int place);         /* 1, 2, 4, ... 27 */

enum { FACE_NEUTRAL, FACE_HAPPY, FACE_SAD, FACE_SURPRISE, FACE_FEAR, FACE_DISGUST, FACE_ANGRY, FACE_EMOTIONS };

/* Adds intensity times the emotion's units; two calls on the same au make a blend. */
FACE_API void face_recipe(float au[FACE_AUS], int emotion, float intensity);

/* How much of an emotion there is in units that were measured, by the units that another emotion lacks: their share of
 * what its recipe has. NaN: it has none of its own. */
FACE_API double face_own_units(const double au[FACE_AUS], int emotion, int other);

/* What a face says, in [-1,1] each (Russell 1980). */
FACE_API void face_affect(const float au[FACE_AUS], float *valence, float *arousal);

typedef double FaceRandom(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which);

typedef struct FaceColour { float r, g, b; } FaceColour;                    /* sRGB, each in [0,1] */

/* Everything that stays when the expression changes. Amounts without a unit are in [0,1]; factors are near 1. */
typedef struct FaceIdentity {
    float age, softness;                                                    /* from rugged (0) to delicate (1) */
    float width, jaw, chin, cheeks;                                         /* the head's outline */
    float eye_size, eye_spacing, eye_tilt, eye_fold, lashes;
    float brow_weight, brow_arch, brow_height;
    float nose_width, nose_length, mouth_width, lip_fullness, ear_size;
    float beard, moustache, stubble, freckles, makeup;
    int hair_style, glasses;                                                /* rows of the tables of styles below */
    float parting, hair_volume;
    FaceColour skin, hair, iris, lips, cloth, frame;
    float resting[FACE_AUS], lopsided[FACE_AUS];                            /* one's own neutral; right minus left */
    FaceRandom *random;                                                     /* where freckles and locks come from */
    uint64_t seed, index;
} FaceIdentity;

/* The photograph: angles in radians, shifts in face units, light from -1 (left) to 1 (right). */
typedef struct FacePose {
    float yaw, roll, scale, shift_x, shift_y, light, brightness, gaze, noise;   /* noise: standard deviation */
    FaceColour backdrop;
    FaceRandom *random;                                                     /* where the grain comes from */
    uint64_t seed, index;
} FacePose;

FACE_API void face_identity(FaceIdentity *who, FaceRandom *random, uint64_t seed, uint64_t index);
FACE_API void face_pose(FacePose *pose, FaceRandom *random, uint64_t seed, uint64_t index);

/* Renders size x size pixels of 1 (grey) or 3 (RGB) bytes, rows from the top; size from 8 to 4096. */
FACE_API void face_render(const FaceIdentity *who, const FacePose *pose, const float au[FACE_AUS], int size,
                          int channels, unsigned char *pixels);

/* Where in that render the face is, in pixels from its left and top: the middles of the eyes, the nose's tip and the
 * mouth's corners, those on the left of the picture first, and the box from the forehead to the chin. */
typedef struct FacePlaces { float point[5][2], left, top, right, bottom; } FacePlaces;
FACE_API FacePlaces face_places(const FaceIdentity *who, const FacePose *pose, const float au[FACE_AUS], int size);

/* ---- Sets of faces: picture number `index` of a seed is always the same ----
 *
 * Emotions come in turn, each of an intensity between `weakest` and 1, and in a share `blends` of the pictures with a
 * second one, weaker than the first.
 *
 * With viewers a picture is called what somebody says who looks at it and sees the emotion with the chance of its
 * intensity (of two, each with its share of it) and else names any of the n. A classifier that learns from such labels
 * is about as sure of an emotion as it is strong; labels that are always right make it sure at once. */
typedef struct FaceSet {
    FaceRandom *random;
    uint64_t seed;
    int size, channels;
    double turn;                            /* a factor: how far heads turn and lie beside the middle */
    double weakest, blends;
    int viewers, n, emotions[FACE_EMOTIONS];
} FaceSet;

typedef struct FaceExpression {
    int emotion, second, called;            /* second: the emotion mixed in; neutral: none */
    float intensity, second_intensity, au[FACE_AUS];
} FaceExpression;

FACE_API FaceExpression face_set_expression(const FaceSet *set, uint64_t index);

/* Picture number `index`, with an expression of its own or another. */
FACE_API void face_set_render(const FaceSet *set, uint64_t index, const float au[FACE_AUS], unsigned char *pixels);

#ifdef __cplusplus
}
#endif
#endif /* FACE_H */

#if defined(FACE_IMPLEMENTATION) && !defined(FACE_IMPLEMENTED)
#define FACE_IMPLEMENTED

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef struct FacePoint { float x, y; } FacePoint;

/* ---- Small mathematics ---- */

static float face_clamp(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

static float face_toward(float a, float b, float t)
{
    return a + (b - a) * t;
}

/* max(a, b) with the corner rounded off: a limit that is reached smoothly, so that nothing pops in a sweep. */
static float face_soft_max(float a, float b)
{
    return 0.5f * (a + b + sqrtf((a - b) * (a - b) + 0.0004f));
}

static FaceColour face_blend(FaceColour a, FaceColour b, float t)
{
    return (FaceColour){face_toward(a.r, b.r, t), face_toward(a.g, b.g, t), face_toward(a.b, b.b, t)};
}

static FaceColour face_tint(FaceColour c, float r, float g, float b)
{
    return (FaceColour){c.r * r, c.g * g, c.b * b};
}

static FaceColour face_hex(uint32_t rgb)
{
    return (FaceColour){(float)(rgb >> 16 & 255) / 255, (float)(rgb >> 8 & 255) / 255, (float)(rgb & 255) / 255};
}

static float face_luma(FaceColour c)
{
    return 0.299f * c.r + 0.587f * c.g + 0.114f * c.b;                      /* ITU-R BT.601, as every grey JPEG */
}

/* ---- Who: identities and poses are sampled from tables ---- */

/* A row of random numbers for one picture: the k-th call asks for its k-th number. */
typedef struct FaceChance { FaceRandom *random; uint64_t seed, index; uint32_t stream, which; } FaceChance;
enum { FACE_STREAM_IDENTITY = 0xFACE01, FACE_STREAM_POSE, FACE_STREAM_GRAIN, FACE_STREAM_FRECKLES, FACE_STREAM_CURLS,
       FACE_STREAM_LOCKS, FACE_STREAM_EXPRESSION = 6 };

static float face_uniform(FaceChance *chance, float low, float high)
{
    double number = chance->random(chance->seed, chance->stream, chance->index, chance->which++);
    return low + (high - low) * (float)number;
}

/* Bell-shaped around the middle, and bounded: the mean of three uniform numbers. */
static float face_bell(FaceChance *chance, float low, float high)
{
    float a = face_uniform(chance, low, high), b = face_uniform(chance, low, high);
    return (a + b + face_uniform(chance, low, high)) / 3;
}

/* An amount that most people have none of: zero with probability 1 - share, else uniform in [low, 1]. */
static float face_rare(FaceChance *chance, float share, float low)
{
    float has = face_uniform(chance, 0, 1), amount = face_uniform(chance, low, 1);
    return has < share ? amount : 0;
}

static FaceColour face_pick(FaceChance *chance, const uint32_t *palette, int count)
{
    int i = (int)face_uniform(chance, 0, (float)count);
    return face_hex(palette[i < count ? i : count - 1]);
}

/* A colour from an ordered palette, between two neighbours: position 0 is the first entry, 1 the last. */
static FaceColour face_ramp(const uint32_t *palette, int count, float position)
{
    float place = face_clamp(position, 0, 0.9999f) * (float)(count - 1);
    int i = (int)place;
    return face_blend(face_hex(palette[i]), face_hex(palette[i + 1]), place - (float)i);
}

#define FACE_COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const uint32_t face_skin_tones[] = {
    0xFBE4D5, 0xF6D5BF, 0xEFC6A6, 0xE4B38D, 0xD59E75, 0xC0875F, 0xA6704C, 0x8C5B3F, 0x744A35, 0x5E3C2C};
static const uint32_t face_hair_tones[] = {
    0x1B1716, 0x2A201C, 0x3C2A20, 0x573A26, 0x75492B, 0x94562E, 0xB0763F, 0xD0A05A, 0xE3C37F};
static const uint32_t face_iris_tones[] = {
    0x3A2216, 0x4F2F1B, 0x6B4423, 0x7C6A35, 0x5F7D4C, 0x4F7F86, 0x4A7FB0, 0x7394A8};
static const uint32_t face_cloth_tones[] = {
    0x2F4858, 0x8C3B3B, 0x3E6B5C, 0xD9A441, 0x5B4B8A, 0xE4DCCF, 0x33415C, 0xC97B63, 0x6C8EAD, 0x24282F};
static const uint32_t face_backdrop_tones[] = {
    0xBFD3D6, 0xE3D5BE, 0xC9D3B8, 0xD5C4D9, 0xB7C5DD, 0xEBC9B6, 0xD8D8D4, 0xA9C4B9};
static const uint32_t face_frame_tones[] = {
    0x22201F, 0x5A3424, 0x8A7440, 0x2B3A55, 0x7A2E35};

/* Hair is one mass behind the head and one in front of it; a style says how far each of them reaches. */
typedef struct FaceHair {
    float crown;                                                            /* height over the skull */
    float side, width;                                                      /* where the front ends; its bulge */
    float back, spread;                                                     /* where the back ends (0: none), bulges */
    float curl;                                                             /* radius of the curls; 0: smooth */
    float fringe;                                                           /* how far it falls over the forehead */
    float soft;                                                             /* how much likelier if delicate: -1 .. 1 */
    enum { FACE_HAIR_PLAIN, FACE_HAIR_BUN, FACE_HAIR_SCARF, FACE_HAIR_BALD } extra;
} FaceHair;

static const FaceHair face_hair_styles[] = {
    /* crown  side   width  back  spread curl  fringe soft  extra */
    { 0.03f, -.05f, .010f, 0.f,  0.f,  0.f,  0.00f, -.7f, FACE_HAIR_PLAIN}, /* cropped */
    { 0.16f, -.02f, .050f, .30f, .02f, 0.f,  0.35f, -.6f, FACE_HAIR_PLAIN}, /* short, parted */
    { 0.22f,  .05f, .070f, .40f, .05f, 0.f,  0.65f, -.4f, FACE_HAIR_PLAIN}, /* short, swept */
    { 0.18f, -.05f, .060f, .35f, .05f, .13f, 0.35f, -.3f, FACE_HAIR_PLAIN}, /* short curls */
    { 0.42f, -.05f, .220f, .34f, .36f, .14f, 0.10f,  .1f, FACE_HAIR_PLAIN}, /* afro */
    { 0.20f,  .75f, .120f, 1.6f, .22f, 0.f,  0.40f,  .8f, FACE_HAIR_PLAIN}, /* long */
    { 0.18f,  .70f, .110f, 1.7f, .16f, 0.f,  1.00f,  .7f, FACE_HAIR_PLAIN}, /* long with a fringe */
    { 0.20f,  .80f, .160f, .95f, .24f, 0.f,  0.80f,  .6f, FACE_HAIR_PLAIN}, /* bob */
    { 0.24f,  .65f, .180f, 1.3f, .34f, .16f, 0.40f,  .6f, FACE_HAIR_PLAIN}, /* long curls */
    { 0.10f, -.02f, .030f, .30f, .00f, 0.f,  0.15f,  .7f, FACE_HAIR_BUN},   /* bun */
    { 0.10f,  .00f, .000f, .00f, .00f, 0.f,  0.00f,  .4f, FACE_HAIR_SCARF}, /* headscarf */
    { 0.00f,  .00f, .000f, .30f, .06f, 0.f,  0.00f, -.9f, FACE_HAIR_BALD},  /* bald */
};

typedef struct FaceGlasses { float width, height, corner, rim; } FaceGlasses;        /* corner: 0 a box, 1 an ellipse */
static const FaceGlasses face_glasses_styles[] = {{0, 0, 0, 0}, {.30f, .27f, 1.f, .032f}, {.32f, .24f, .45f, .048f},
                                                  {.31f, .20f, .60f, .026f}};

static int face_choose_hair(FaceChance *chance, float softness, float age)
{
    float weight[FACE_COUNT(face_hair_styles)], total = 0;
    for (int i = 0; i < FACE_COUNT(face_hair_styles); i++) {
        weight[i] = face_clamp(1 + face_hair_styles[i].soft * (2.4f * softness - 1.2f), 0.02f, 2);
        if (face_hair_styles[i].extra == FACE_HAIR_BALD) weight[i] *= 0.4f + 1.2f * age;
        total += weight[i];
    }
    float dart = face_uniform(chance, 0, total);
    int style = 0;
    while (style < FACE_COUNT(face_hair_styles) - 1 && dart >= weight[style])
        dart -= weight[style++];
    return style;
}

static void face_identity_features(FaceIdentity *who, FaceChance *chance)
{
    float rugged = 1 - who->softness;
    who->width = face_bell(chance, 0.90f, 1.09f);
    who->jaw = face_bell(chance, 0, 1) * 0.7f + rugged * 0.3f;
    who->chin = face_bell(chance, -0.07f, 0.07f) + 0.02f * rugged;
    who->cheeks = face_bell(chance, 0, 1);
    who->eye_size = face_bell(chance, 0.88f, 1.14f) + 0.05f * who->softness;
    who->eye_spacing = face_bell(chance, 0.385f, 0.435f);
    who->eye_tilt = face_bell(chance, -0.03f, 0.06f);
    who->eye_fold = face_bell(chance, -0.2f, 1.2f);
    who->lashes = 0.25f + 0.75f * who->softness;
    who->brow_weight = face_bell(chance, 0.75f, 1.2f) + 0.30f * rugged;
    who->brow_arch = face_bell(chance, 0, 0.05f) + 0.03f * who->softness;
    who->brow_height = face_bell(chance, -0.03f, 0.03f) + 0.03f * who->softness;
    who->nose_width = face_bell(chance, 0.78f, 1.25f) + 0.06f * rugged;
    who->nose_length = face_bell(chance, -0.06f, 0.06f);
    who->mouth_width = face_bell(chance, 0.88f, 1.14f);
    who->lip_fullness = face_bell(chance, 0.65f, 1.25f) + 0.15f * who->softness;
    who->ear_size = face_bell(chance, 0.8f, 1.25f);
}

FACE_API void face_identity(FaceIdentity *who, FaceRandom *random, uint64_t seed, uint64_t index)
{
    FaceChance chance = {random, seed, index, FACE_STREAM_IDENTITY, 0};
    *who = (FaceIdentity){.random = random, .seed = seed, .index = index};
    float side = face_uniform(&chance, -1, 1);                              /* two broad groups, and all between them */
    who->softness = 0.5f + 0.5f * side * (1.5f - 0.5f * side * side);
    who->age = face_uniform(&chance, 0.3f, 1);
    who->age *= face_uniform(&chance, 0, 1);                                /* in a statement each: order matters */
    face_identity_features(who, &chance);

    float tone = face_uniform(&chance, 0, 1), fair = face_uniform(&chance, 0, 1);
    float grey = face_uniform(&chance, 0.45f, 0.9f), pale = face_uniform(&chance, 0, 1) * (tone < 0.4f ? 1 : 0.33f);
    who->skin = face_ramp(face_skin_tones, FACE_COUNT(face_skin_tones), tone);
    fair = tone > 0.35f ? fair * face_toward(1, 0.35f, (tone - 0.35f) / 0.65f) * fair : fair;
    who->hair = face_ramp(face_hair_tones, FACE_COUNT(face_hair_tones), fair);
    who->hair = face_blend(who->hair, face_hex(0xC9C6C2), face_clamp((who->age - grey) * 5, 0, 0.92f));
    who->iris = face_ramp(face_iris_tones, FACE_COUNT(face_iris_tones), pale);
    who->hair_style = face_choose_hair(&chance, who->softness, who->age);
    who->hair_volume = face_uniform(&chance, 0.85f, 1.15f);
    who->parting = face_uniform(&chance, -0.45f, 0.45f);
    who->cloth = face_pick(&chance, face_cloth_tones, FACE_COUNT(face_cloth_tones));
    who->frame = face_pick(&chance, face_frame_tones, FACE_COUNT(face_frame_tones));
    float glasses = face_uniform(&chance, 0, 1);
    who->glasses = glasses < 0.78f ? 0 : 1 + (int)((glasses - 0.78f) / 0.22f * 2.999f);

    float grown = who->softness < 0.45f && face_hair_styles[who->hair_style].extra != FACE_HAIR_SCARF ? 1.0f : 0.0f;
    who->beard = grown * face_rare(&chance, 0.30f, 0.4f);
    who->moustache = grown * (who->beard > 0 ? 1 : face_rare(&chance, 0.15f, 0.6f));
    who->stubble = grown * face_rare(&chance, 0.5f, 0.3f);
    who->freckles = face_rare(&chance, tone < 0.45f ? 0.25f : 0.05f, 0.4f);
    who->makeup = who->softness > 0.6f ? face_rare(&chance, 0.5f, 0.2f) : 0;
    FaceColour rose = face_blend(face_hex(0xC4605C), face_hex(0x7A3436), tone);
    who->lips = face_blend(face_tint(who->skin, 0.95f, 0.80f, 0.78f), rose, 0.45f);
    who->lips = face_blend(who->lips, face_hex(0xA8243A), 0.6f * who->makeup);
    for (int i = 0; i < FACE_AUS; i++) {
        who->resting[i] = i < FACE_AU25 ? face_bell(&chance, -0.08f, 0.08f) : 0;    /* (resting lips do not part) */
        who->lopsided[i] = face_bell(&chance, -0.13f, 0.13f);
    }
}

FACE_API void face_pose(FacePose *pose, FaceRandom *random, uint64_t seed, uint64_t index)
{
    FaceChance chance = {random, seed, index, FACE_STREAM_POSE, 0};
    *pose = (FacePose){.random = random, .seed = seed, .index = index};
    pose->yaw = face_bell(&chance, -0.33f, 0.33f);                          /* up to 19 degrees */
    pose->roll = face_bell(&chance, -0.16f, 0.16f);                         /* up to 9 degrees */
    pose->scale = face_bell(&chance, 0.94f, 1.08f);
    pose->shift_x = face_bell(&chance, -0.08f, 0.08f);
    pose->shift_y = face_bell(&chance, -0.06f, 0.06f);
    pose->light = face_uniform(&chance, -1, 1);
    pose->brightness = face_bell(&chance, 0.88f, 1.10f);
    pose->gaze = face_bell(&chance, -0.35f, 0.35f);
    pose->noise = face_uniform(&chance, 0, 0.012f);
    pose->backdrop = face_pick(&chance, face_backdrop_tones, FACE_COUNT(face_backdrop_tones));
}

/* ---- What: emotions as action units, and what they say ---- */

/* After EMFACS (Friesen and Ekman 1983), each unit at the strength it has when the emotion is full. Disgust is 9+15+16,
 * and 16 is not among our fifteen: AU 10, its usual alternative, stands in. A broad smile parts the lips (25). */
static const float face_recipes[FACE_EMOTIONS][FACE_AUS] = {
    [FACE_NEUTRAL]  = {0},
    [FACE_HAPPY]    = {[FACE_AU6] = 0.9f, [FACE_AU12] = 1, [FACE_AU25] = 0.8f},
    [FACE_SAD]      = {[FACE_AU1] = 1, [FACE_AU4] = 0.6f, [FACE_AU15] = 1},
    [FACE_SURPRISE] = {[FACE_AU1] = 0.9f, [FACE_AU2] = 1, [FACE_AU5] = 0.8f, [FACE_AU26] = 1},
    [FACE_FEAR]     = {[FACE_AU1] = 1, [FACE_AU2] = 0.5f, [FACE_AU4] = 0.7f, [FACE_AU5] = 1, [FACE_AU7] = 0.4f,
                       [FACE_AU20] = 1, [FACE_AU26] = 0.55f},
    [FACE_DISGUST]  = {[FACE_AU9] = 1, [FACE_AU10] = 0.9f, [FACE_AU15] = 0.5f},
    [FACE_ANGRY]    = {[FACE_AU4] = 1, [FACE_AU5] = 0.6f, [FACE_AU7] = 0.8f, [FACE_AU23] = 1},
};

static const int face_au_numbers[FACE_AUS] = {1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 20, 23, 25, 26, 27};

FACE_API int face_au_number(int place)
{
    return face_au_numbers[place];
}

FACE_API void face_recipe(float au[FACE_AUS], int emotion, float intensity)
{
    for (int i = 0; i < FACE_AUS; i++)
        au[i] = face_clamp(au[i] + intensity * face_recipes[emotion][i], 0, 1);
}

FACE_API double face_own_units(const double au[FACE_AUS], int emotion, int other)
{
    double sum = 0, whole = 0;
    for (int i = 0; i < FACE_AUS; i++)
        if (face_recipes[emotion][i] > 0 && !(face_recipes[other][i] > 0))
            sum += au[i], whole += (double)face_recipes[emotion][i];
    return sum / whole;
}

/* Valence and arousal are linear in the units that are seen, not in the emotion asked for: then half an emotion lies
 * half-way to the neutral origin, a blend lies where its parts add up to, and the rule also holds for units set by
 * hand. The weights put the six full emotions near their places in the circumplex (Russell 1980):
 *
 *                 arousal
 *     fear  anger |   surprise           happy  .88  .43    surprise .11  .81    fear    -.62  .89
 *      disgust    |     happy            sad   -.68 -.43    anger   -.62  .74    disgust -.74  .34
 *   --------------+------------ valence
 *         sad     |                      neutral is the origin
 */
FACE_API void face_affect(const float au[FACE_AUS], float *valence, float *arousal)
{
    static const struct { float valence, arousal; } weight[FACE_AUS] = {
        [FACE_AU1]  = {.00f, -.10f},   [FACE_AU2]  = {.15f, .20f},    [FACE_AU4]  = {-.30f, .10f},
        [FACE_AU5]  = {-.05f, .35f},   [FACE_AU6]  = {.20f, .08f},    [FACE_AU7]  = {-.10f, .10f},
        [FACE_AU9]  = {-.35f, .40f},   [FACE_AU10] = {-.15f, .15f},   [FACE_AU12] = {.70f, .20f},
        [FACE_AU15] = {-.50f, -.39f},  [FACE_AU20] = {-.40f, .20f},   [FACE_AU23] = {-.21f, .35f},
        [FACE_AU25] = {.00f, .20f},    [FACE_AU26] = {.00f, .42f},    [FACE_AU27] = {.00f, .50f},
    };
    *valence = *arousal = 0;
    for (int i = 0; i < FACE_AUS; i++) {
        *valence += weight[i].valence * au[i];
        *arousal += weight[i].arousal * au[i];
    }
    *valence = face_clamp(*valence, -1, 1);
    *arousal = face_clamp(*arousal, -1, 1);
}

/* ---- Landmarks, and the muscles that move them ---- */

/* Points of the right half of the picture, then the depth (0 to 1, in y) of the folds that the skin makes. Those on the
 * midline are kept twice, so that one loop serves both sides; the middle is their mean. */
typedef enum FaceMark {
    FACE_BROW_INNER, FACE_BROW_MIDDLE, FACE_BROW_OUTER, FACE_LID_UPPER, FACE_LID_LOWER, FACE_LID_SLANT, FACE_CHEEK,
    FACE_NOSE_WING, FACE_NOSE_TIP, FACE_LIP_CORNER, FACE_LIP_TOP, FACE_LIP_UPPER, FACE_LIP_LOWER, FACE_LIP_BOTTOM,
    FACE_CHIN, FACE_FOLD_FOREHEAD, FACE_FOLD_FROWN, FACE_FOLD_CROW, FACE_FOLD_LID, FACE_FOLD_NOSE, FACE_FOLD_MOUTH,
    FACE_FOLD_DIMPLE, FACE_MARKS
} FaceMark;

static const FacePoint face_rest[FACE_MARKS] = {
    [FACE_BROW_INNER] = {.17f, -.285f}, [FACE_BROW_MIDDLE] = {.42f, -.345f}, [FACE_BROW_OUTER] = {.69f, -.265f},
    [FACE_LID_UPPER] = {.41f, -.120f}, [FACE_LID_LOWER] = {.41f, .105f}, [FACE_CHEEK] = {.47f, .36f},
    [FACE_NOSE_WING] = {.135f, .395f}, [FACE_NOSE_TIP] = {0, .385f}, [FACE_LIP_CORNER] = {.275f, .684f},
    [FACE_LIP_TOP] = {.075f, .605f}, [FACE_LIP_UPPER] = {0, .690f}, [FACE_LIP_LOWER] = {0, .690f},
    [FACE_LIP_BOTTOM] = {0, .800f}, [FACE_CHIN] = {0, 1.12f},
};

/* One row is one muscle, or two that act together: the landmarks in `moves` go by its amount (au, or the product of the
 * two) times (x, y). x points away from the midline, up is negative. Unused moves are zero and move nothing. */
enum { FACE_ALONE = -1 };
typedef struct FaceMove { FaceMark mark; float x, y; } FaceMove;
typedef struct FaceMuscle { int au, with; FaceMove moves[12]; } FaceMuscle;

static const FaceMuscle face_muscles[] = {
    /* AU 1, inner brow raiser (frontalis, pars medialis): the inner ends go up, the forehead creases in its middle */
    {FACE_AU1, FACE_ALONE, {{FACE_BROW_INNER, 0, -.175f}, {FACE_BROW_MIDDLE, 0, -.055f}, {FACE_FOLD_FOREHEAD, 0, .5f},
        {FACE_LID_SLANT, 0, .020f}}},
    /* AU 2, outer brow raiser (frontalis, pars lateralis): the outer two thirds arch */
    {FACE_AU2, FACE_ALONE, {{FACE_BROW_OUTER, 0, -.13f}, {FACE_BROW_MIDDLE, 0, -.15f}, {FACE_BROW_INNER, 0, -.03f},
        {FACE_FOLD_FOREHEAD, 0, .5f}}},
    /* AU 4, brow lowerer (corrugator, depressor supercilii): down and together, a furrow between the brows */
    {FACE_AU4, FACE_ALONE, {{FACE_BROW_INNER, -.055f, .160f}, {FACE_BROW_MIDDLE, -.03f, .095f},
        {FACE_BROW_OUTER, 0, -.02f}, {FACE_LID_UPPER, 0, .015f}, {FACE_LID_SLANT, 0, -.030f},
        {FACE_FOLD_FROWN, 0, 1}}},
    /* AU 1 with AU 4: the raiser wins at the inner ends, which are drawn up and together: the oblique brow of grief */
    {FACE_AU1, FACE_AU4, {{FACE_BROW_INNER, .01f, -.170f}, {FACE_BROW_MIDDLE, 0, -.050f},
        {FACE_BROW_OUTER, .01f, .09f}, {FACE_FOLD_FROWN, 0, -.5f}, {FACE_LID_SLANT, 0, .030f}}},
    /* AU 5, upper lid raiser (levator palpebrae): white shows above the iris */
    {FACE_AU5, FACE_ALONE, {{FACE_LID_UPPER, 0, -.085f}, {FACE_LID_LOWER, 0, .015f}}},
    /* AU 6, cheek raiser (orbicularis oculi, outer ring): lower lid pushed up, crow's feet */
    {FACE_AU6, FACE_ALONE, {{FACE_CHEEK, 0, -.06f}, {FACE_LID_LOWER, 0, -.062f}, {FACE_LID_UPPER, 0, .018f},
        {FACE_FOLD_CROW, 0, .9f}, {FACE_FOLD_LID, 0, .7f}, {FACE_BROW_OUTER, 0, .02f}}},
    /* AU 7, lid tightener (orbicularis oculi, inner ring): both lids narrow the eye */
    {FACE_AU7, FACE_ALONE, {{FACE_LID_UPPER, 0, .035f}, {FACE_LID_LOWER, 0, -.050f}, {FACE_FOLD_LID, 0, .6f}}},
    /* AU 9, nose wrinkler (levator labii superioris alaeque nasi): wings and lip up, inner brows down */
    {FACE_AU9, FACE_ALONE, {{FACE_NOSE_WING, .02f, -.055f}, {FACE_NOSE_TIP, 0, -.03f}, {FACE_FOLD_NOSE, 0, 1},
        {FACE_BROW_INNER, -.035f, .130f}, {FACE_BROW_MIDDLE, 0, .080f}, {FACE_LID_LOWER, 0, -.062f},
        {FACE_LID_UPPER, 0, .042f}, {FACE_LID_SLANT, 0, -.010f}, {FACE_LIP_TOP, 0, -.03f}, {FACE_CHEEK, 0, -.04f},
        {FACE_FOLD_MOUTH, 0, .4f}, {FACE_FOLD_FROWN, 0, .4f}}},
    /* AU 10, upper lip raiser (levator labii superioris): the lip's middle goes up, the fold beside it deepens */
    {FACE_AU10, FACE_ALONE, {{FACE_LIP_TOP, .05f, -.065f}, {FACE_LIP_UPPER, 0, -.060f}, {FACE_NOSE_WING, .02f, -.02f},
        {FACE_LIP_CORNER, 0, .01f}, {FACE_FOLD_MOUTH, 0, .7f}}},
    /* AU 12, lip corner puller (zygomaticus major): corners out and up, the cheeks fill, a nasolabial fold */
    {FACE_AU12, FACE_ALONE, {{FACE_LIP_CORNER, .140f, -.125f}, {FACE_LIP_TOP, .01f, .005f},
        {FACE_LIP_UPPER, 0, .010f}, {FACE_LIP_LOWER, 0, .010f}, {FACE_CHEEK, .02f, -.05f}, {FACE_FOLD_MOUTH, 0, .8f},
        {FACE_FOLD_DIMPLE, 0, 1}, {FACE_LID_LOWER, 0, -.012f}, {FACE_NOSE_WING, .015f, -.01f}}},
    /* AU 12 with AU 25: the teeth show */
    {FACE_AU12, FACE_AU25, {{FACE_LIP_LOWER, 0, .040f}, {FACE_LIP_BOTTOM, 0, .035f}, {FACE_LIP_TOP, 0, .010f}}},
    /* AU 15, lip corner depressor (depressor anguli oris): corners down, the line between the lips bends over */
    {FACE_AU15, FACE_ALONE, {{FACE_LIP_CORNER, -.005f, .118f}, {FACE_LIP_UPPER, 0, -.035f},
        {FACE_LIP_LOWER, 0, -.035f}, {FACE_LIP_TOP, 0, -.015f}, {FACE_LIP_BOTTOM, 0, -.02f},
        {FACE_FOLD_DIMPLE, 0, -.6f}}},
    /* AU 20, lip stretcher (risorius): the mouth is drawn wide and flat */
    {FACE_AU20, FACE_ALONE, {{FACE_LIP_CORNER, .150f, .045f}, {FACE_LIP_TOP, .02f, .015f},
        {FACE_LIP_BOTTOM, 0, -.01f}}},
    /* AU 23, lip tightener (orbicularis oris): thin lips, pressed */
    {FACE_AU23, FACE_ALONE, {{FACE_LIP_TOP, 0, .050f}, {FACE_LIP_BOTTOM, 0, -.055f},
        {FACE_LIP_CORNER, -.005f, .035f}}},
    /* AU 25, lips part */
    {FACE_AU25, FACE_ALONE, {{FACE_LIP_UPPER, 0, -.030f}, {FACE_LIP_TOP, 0, -.020f}, {FACE_LIP_LOWER, 0, .085f},
        {FACE_LIP_BOTTOM, 0, .055f}}},
    /* AU 26, jaw drop (masseter relaxed): chin, lower lip and a little of the corners go down, so the lips part */
    {FACE_AU26, FACE_ALONE, {{FACE_CHIN, 0, .15f}, {FACE_LIP_LOWER, 0, .215f}, {FACE_LIP_BOTTOM, 0, .185f},
        {FACE_LIP_CORNER, -.045f, .065f}, {FACE_LIP_UPPER, 0, -.025f}, {FACE_LIP_TOP, 0, -.018f}}},
    /* AU 27, mouth stretch (pterygoids): the jaw as far as it goes */
    {FACE_AU27, FACE_ALONE, {{FACE_CHIN, 0, .25f}, {FACE_LIP_LOWER, 0, .300f}, {FACE_LIP_BOTTOM, 0, .265f},
        {FACE_LIP_CORNER, -.055f, .105f}, {FACE_LIP_UPPER, 0, -.025f}, {FACE_LIP_TOP, 0, -.020f}}},
};

/* What is being rendered: the picture's parameters, the landmarks of both sides, the pixels under work. */
enum { FACE_PIXELS = 8192, FACE_NO_CLIP = 0, FACE_CLIP_HEAD, FACE_CLIP_HAIR, FACE_CLIP_HOLE, FACE_CLIPS };

typedef struct FaceCanvas {
    int size, top, rows;                                                    /* a band: rows top .. top+rows-1 */
    int left, right, upper, lower;                                          /* the box of the outlines added so far */
    FaceColour colour[FACE_PIXELS];
    float edges[FACE_PIXELS];                                               /* see face_edge */
    float clip[FACE_CLIPS][FACE_PIXELS];                                    /* coverage of an earlier shape, kept */
} FaceCanvas;

typedef struct FaceScene {
    const FaceIdentity *who;
    const FacePose *pose;
    const FaceHair *hair;
    FacePoint mark[2][FACE_MARKS];
    FaceColour shadow, line, glint;                                         /* of this skin */
    float yaw_sin, yaw_cos, roll_sin, roll_cos, unit;
    FaceCanvas *canvas;
} FaceScene;

static float face_sign(int side)
{
    return side ? 1.0f : -1.0f;
}

static FacePoint face_middle(const FaceScene *s, FaceMark mark)
{
    const FacePoint *a = &s->mark[0][mark], *b = &s->mark[1][mark];
    return (FacePoint){0.5f * (a->x + b->x), 0.5f * (a->y + b->y)};
}

/* How far the chin is below that of the table's face: by the jaw's drop, and by the length of this chin. */
static float face_drop(const FaceScene *s)
{
    return face_middle(s, FACE_CHIN).y - face_rest[FACE_CHIN].y;
}

static float face_mouth_shift(const FaceIdentity *who)
{
    return 0.4f * (who->nose_length + who->chin);
}

/* A person's face at rest: the table's, bent to the identity. */
static void face_relax(FacePoint mark[FACE_MARKS], const FaceIdentity *who)
{
    memcpy(mark, face_rest, sizeof(face_rest));
    for (int i = FACE_BROW_INNER; i <= FACE_BROW_OUTER; i++)
        mark[i].y -= who->brow_height + 0.25f * (who->eye_size - 1);
    mark[FACE_BROW_MIDDLE].y -= who->brow_arch;
    mark[FACE_LID_UPPER] = (FacePoint){who->eye_spacing, face_rest[FACE_LID_UPPER].y * who->eye_size};
    mark[FACE_LID_LOWER] = (FacePoint){who->eye_spacing, face_rest[FACE_LID_LOWER].y * who->eye_size};
    mark[FACE_NOSE_WING].x *= who->nose_width;
    mark[FACE_NOSE_WING].y += who->nose_length;
    mark[FACE_NOSE_TIP].y += who->nose_length;
    for (int i = FACE_LIP_CORNER; i <= FACE_LIP_BOTTOM; i++)
        mark[i].y += face_mouth_shift(who);
    mark[FACE_LIP_CORNER].x *= who->mouth_width;
    mark[FACE_LIP_TOP].y += 0.075f * (1 - who->lip_fullness);
    mark[FACE_LIP_BOTTOM].y -= 0.095f * (1 - who->lip_fullness);
    mark[FACE_CHIN].y += who->chin;
    mark[FACE_FOLD_FOREHEAD].y = 0.8f * face_clamp(who->age - 0.40f, 0, 1);
    mark[FACE_FOLD_CROW].y = 0.9f * face_clamp(who->age - 0.40f, 0, 1);
    mark[FACE_FOLD_LID].y = 1.2f * face_clamp(who->age - 0.30f, 0, 1);
    mark[FACE_FOLD_MOUTH].y = 1.1f * face_clamp(who->age - 0.25f, 0, 1);
}

/* The muscles pull; then what flesh cannot do is ruled out: lids and lips meet but do not pass through each other. */
static void face_move(FaceScene *scene, const float au[FACE_AUS])
{
    const FaceIdentity *who = scene->who;
    for (int side = 0; side < 2; side++) {
        FacePoint *mark = scene->mark[side];
        float amount[FACE_AUS];
        for (int i = 0; i < FACE_AUS; i++)
            amount[i] = face_clamp(au[i] * (1 + face_sign(side) * who->lopsided[i]) + who->resting[i], -0.1f, 1.1f);
        face_relax(mark, who);
        for (const FaceMuscle *row = face_muscles; row < face_muscles + FACE_COUNT(face_muscles); row++) {
            float pull = amount[row->au] * (row->with == FACE_ALONE ? 1 : amount[row->with]);
            for (int i = 0; i < FACE_COUNT(row->moves); i++) {
                mark[row->moves[i].mark].x += pull * row->moves[i].x;
                mark[row->moves[i].mark].y += pull * row->moves[i].y;
            }
        }
        mark[FACE_LID_LOWER].y = face_soft_max(mark[FACE_LID_LOWER].y, mark[FACE_LID_UPPER].y + 0.06f);
    }
    for (int i = FACE_NOSE_TIP; i <= FACE_CHIN; i++)                         /* the midline is one for both sides */
        if (i != FACE_LIP_CORNER)
            scene->mark[0][i].y = scene->mark[1][i].y = 0.5f * (scene->mark[0][i].y + scene->mark[1][i].y);
    for (int side = 0; side < 2; side++) {
        FacePoint *mark = scene->mark[side];
        mark[FACE_LIP_UPPER].y = face_soft_max(mark[FACE_LIP_UPPER].y, mark[FACE_NOSE_TIP].y + 0.16f);
        mark[FACE_LIP_LOWER].y = face_soft_max(mark[FACE_LIP_LOWER].y, mark[FACE_LIP_UPPER].y - 0.01f);
        mark[FACE_LIP_TOP].y = -face_soft_max(-mark[FACE_LIP_TOP].y, 0.028f - mark[FACE_LIP_UPPER].y);
        mark[FACE_LIP_BOTTOM].y = face_soft_max(mark[FACE_LIP_BOTTOM].y, mark[FACE_LIP_LOWER].y + 0.035f);
        mark[FACE_CHIN].y = face_soft_max(mark[FACE_CHIN].y, mark[FACE_LIP_BOTTOM].y + 0.20f);
        if (side == 0)
            for (int i = 0; i < FACE_FOLD_FOREHEAD; i++)
                mark[i].x = -mark[i].x;
    }
}

/* ---- Ink: exact coverage ----
 *
 * A shape is one or more closed outlines of straight pieces. How much of each pixel lies inside is found without
 * sampling: every edge leaves in each row it crosses the change of coverage that it causes, split between the pixel it
 * runs through and the next; a running sum along the row then is the covered area.
 *
 *     edges    0   .3  .7   0   0   0 -.6 -.4   0         the left edge enters, the right edge leaves
 *     sum      0   .3   1   1   1   1  .4   0   0         coverage: antialiased, exact for straight edges
 *
 * Outlines that turn the same way add up and are cut off at 1, so that several of them make a union; one that turns
 * the other way makes a hole.
 */
enum { FACE_PATH = 640 };
typedef struct FacePath { int count; FacePoint points[FACE_PATH]; } FacePath;

static void face_path_add(FacePath *path, FacePoint p)
{
    if (path->count < FACE_PATH) path->points[path->count++] = p;
}

/* Where a point of the face lies in the picture, in pixels: turned by the yaw, then rolled, scaled and shifted. */
static FacePoint face_at(const FaceScene *s, float x, float y, float z)
{
    float turned = x + z * s->yaw_sin;
    FacePoint p = {turned * s->roll_cos - y * s->roll_sin, turned * s->roll_sin + y * s->roll_cos};
    float middle = 0.5f * (float)s->canvas->size;
    return (FacePoint){middle + (p.x + s->pose->shift_x) * s->unit, middle + (p.y + s->pose->shift_y) * s->unit};
}

/* The same for a point on the front of the head, which is round: its middle stands out, its sides fall back. */
static FacePoint face_on(const FaceScene *s, FacePoint p)
{
    return face_at(s, p.x * s->yaw_cos, p.y, 0.60f - 0.55f * p.x * p.x - 0.06f * p.y * p.y);
}

static FacePoint face_xy(const FaceScene *s, float x, float y)
{
    return face_on(s, (FacePoint){x, y});
}

/* A cubic Bezier curve from a to b, in pieces; a itself is skipped where the path already stands on it. */
static void face_path_curve(FacePath *path, FacePoint a, FacePoint c, FacePoint d, FacePoint b)
{
    enum { PIECES = 10 };
    for (int i = path->count ? 1 : 0; i <= PIECES; i++) {
        float t = (float)i / PIECES, u = 1 - t;
        float p = u * u * u, q = 3 * u * u * t, r = 3 * u * t * t, w = t * t * t;
        face_path_add(path, (FacePoint){p * a.x + q * c.x + r * d.x + w * b.x, p * a.y + q * c.y + r * d.y + w * b.y});
    }
}

/* A smooth curve through all the points (Catmull-Rom): each piece's end slopes are those of its neighbours' chord. */
static void face_path_through(FacePath *path, const FacePoint *knots, int count, int closed)
{
    enum { PIECES = 6 };
    for (int i = 0; i < count - !closed; i++) {
        FacePoint a = knots[closed || i ? (i + count - 1) % count : 0], b = knots[i], c = knots[(i + 1) % count];
        FacePoint d = knots[closed ? (i + 2) % count : i + 2 < count ? i + 2 : count - 1];
        for (int k = 0; k < PIECES; k++) {
            float t = (float)k / PIECES, t2 = t * t, t3 = t2 * t;
            float wa = -0.5f * t3 + t2 - 0.5f * t, wb = 1.5f * t3 - 2.5f * t2 + 1;
            float wc = -1.5f * t3 + 2 * t2 + 0.5f * t, wd = 0.5f * t3 - 0.5f * t2;
            face_path_add(path, (FacePoint){wa * a.x + wb * b.x + wc * c.x + wd * d.x,
                                            wa * a.y + wb * b.y + wc * c.y + wd * d.y});
        }
    }
    if (!closed) face_path_add(path, knots[count - 1]);
}

/* One row's share of an edge: it spans the columns from xa to xb and changes the coverage by `turn` in all. */
static void face_edge_row(float *row, int size, float xa, float xb, float turn)
{
    float low = face_clamp(xa < xb ? xa : xb, 0, (float)size), high = face_clamp(xa < xb ? xb : xa, 0, (float)size);
    float density = high > low ? turn / (high - low) : 0;
    for (int column = (int)low; column < size && (float)column <= high; column++) {
        float left = (float)column, from = low > left ? low : left, to = high < left + 1 ? high : left + 1;
        float share = high > low ? density * (to - from) : turn;
        float next = share * (0.5f * (from + to) - left);                   /* what of this pixel is left of it */
        row[column] += share - next;
        if (column + 1 < size) row[column + 1] += next;
    }
}

/* An edge counts positive downward and negative upward: so the right side of a shape takes back what the left gave. */
static void face_edge(FaceCanvas *canvas, FacePoint a, FacePoint b)
{
    float turn = 1;
    if (a.y > b.y) {
        FacePoint swap = a;
        a = b, b = swap, turn = -1;
    }
    int end = canvas->top + canvas->rows, first = (int)face_clamp(a.y, (float)canvas->top, (float)end);
    float slope = b.y > a.y ? (b.x - a.x) / (b.y - a.y) : 0;
    for (int y = first; y < end && (float)y < b.y; y++) {
        float ya = a.y > (float)y ? a.y : (float)y, yb = b.y < (float)y + 1 ? b.y : (float)y + 1;
        face_edge_row(canvas->edges + (y - canvas->top) * canvas->size, canvas->size, a.x + (ya - a.y) * slope,
                      a.x + (yb - a.y) * slope, turn * (yb - ya));
    }
}

/* Adds a closed outline to the shape under construction. */
static void face_ink_outline(FaceCanvas *canvas, const FacePath *path)
{
    for (int i = 0; i < path->count; i++) {
        FacePoint p = path->points[i];
        face_edge(canvas, p, path->points[i + 1 < path->count ? i + 1 : 0]);
        float edge = (float)canvas->size, bottom = (float)(canvas->top + canvas->rows);
        int x = (int)face_clamp(p.x, 0, edge), y = (int)face_clamp(p.y, (float)canvas->top, bottom);
        canvas->left = x < canvas->left ? x : canvas->left;
        canvas->right = x > canvas->right ? x : canvas->right;
        canvas->upper = y < canvas->upper ? y : canvas->upper;
        canvas->lower = y > canvas->lower ? y : canvas->lower;
    }
}

/* How a shape is filled: one colour, or two between two points of the picture; inside a clip; itself kept as a clip. */
typedef struct FaceInk {
    FaceColour colour, second;
    FacePoint from, to;
    float alpha;
    int clip, keep;
} FaceInk;

static void face_ink_row(FaceCanvas *canvas, int y, const FaceInk *ink)
{
    FacePoint axis = {ink->to.x - ink->from.x, ink->to.y - ink->from.y};
    float length = axis.x * axis.x + axis.y * axis.y, sum = 0;
    int right = canvas->right < canvas->size - 1 ? canvas->right + 1 : canvas->size - 1;
    for (int x = canvas->left; x <= right; x++) {
        int i = (y - canvas->top) * canvas->size + x;
        sum += canvas->edges[i];
        canvas->edges[i] = 0;
        float cover = face_clamp(fabsf(sum), 0, 1);
        if (cover < 0.001f) continue;
        if (ink->keep) canvas->clip[ink->keep][i] = cover;
        float alpha = cover * ink->alpha * (ink->clip ? canvas->clip[ink->clip][i] : 1);
        float along = ((float)x - ink->from.x) * axis.x + ((float)y - ink->from.y) * axis.y;
        float t = length > 0 ? face_clamp(along / length, 0, 1) : 0;
        canvas->colour[i] = face_blend(canvas->colour[i], face_blend(ink->colour, ink->second, t), alpha);
    }
}

/* Fills the outlines added so far and forgets them. */
static void face_ink_fill(FaceCanvas *canvas, FaceInk ink)
{
    if (ink.keep) memset(canvas->clip[ink.keep], 0, sizeof(canvas->clip[ink.keep]));
    for (int y = canvas->upper; y <= canvas->lower && y < canvas->top + canvas->rows; y++)
        face_ink_row(canvas, y, &ink);
    canvas->left = canvas->size, canvas->right = -1;
    canvas->upper = canvas->top + canvas->rows, canvas->lower = -1;
}

/* ---- Strokes, ellipses, glows: what the features are made of ---- */

/* Adds the area between two curves that run the same way. */
static void face_ink_between(FaceScene *s, const FacePath *there, const FacePath *back)
{
    FacePath outline = *there;
    for (int i = back->count - 1; i >= 0; i--)
        face_path_add(&outline, back->points[i]);
    face_ink_outline(s->canvas, &outline);
}

/* A brush along a path: as wide as `start`, `middle` and `end` say (in face units), in between a parabola. */
typedef struct FaceBrush { float start, middle, end; } FaceBrush;

static void face_ink_brush(FaceScene *s, const FacePath *path, FaceBrush brush)
{
    FacePath left = {.count = 0}, right = {.count = 0};
    int last = path->count - 1;
    for (int i = 0; i <= last; i++) {
        FacePoint p = path->points[i], before = path->points[i ? i - 1 : 0];
        FacePoint after = path->points[i < last ? i + 1 : last];
        float dx = after.x - before.x, dy = after.y - before.y, length = sqrtf(dx * dx + dy * dy) + 1e-6f;
        float t = last ? (float)i / (float)last : 0, u = 1 - t;
        float width = brush.start * u * (u - t) + brush.middle * 4 * u * t + brush.end * t * (t - u);
        float half = 0.5f * s->unit * (width > 0 ? width : 0) / length;
        face_path_add(&left, (FacePoint){p.x - dy * half, p.y + dx * half});
        face_path_add(&right, (FacePoint){p.x + dy * half, p.y - dx * half});
    }
    face_ink_between(s, &left, &right);
}

/* A stroke over the face through up to eight points. */
static void face_ink_stroke(FaceScene *s, const FacePoint *knots, int count, FaceBrush brush, FaceInk ink)
{
    if (ink.alpha <= 0) return;
    FacePoint placed[8];
    FacePath path = {.count = 0};
    for (int i = 0; i < count; i++)
        placed[i] = face_on(s, knots[i]);
    face_path_through(&path, placed, count, 0);
    face_ink_brush(s, &path, brush);
    face_ink_fill(s->canvas, ink);
}

/* Adds an ellipse around a point of the picture (both in pixels); its axes roll with the head. */
static void face_ink_ellipse(FaceScene *s, FacePoint centre, float radius_x, float radius_y)
{
    enum { CORNERS = 28 };
    FacePath path = {.count = 0};
    for (int i = 0; i < CORNERS; i++) {
        float angle = 6.2831853f * (float)i / CORNERS, x = radius_x * cosf(angle), y = radius_y * sinf(angle);
        face_path_add(&path, (FacePoint){centre.x + x * s->roll_cos - y * s->roll_sin,
                                         centre.y + x * s->roll_sin + y * s->roll_cos});
    }
    face_ink_outline(s->canvas, &path);
}

/* A soft ellipse, (1 - d^2)^2 at distance d from its centre: blush, shadow, shine. Radii in face units. */
static void face_ink_glow(FaceScene *s, FacePoint centre, float radius_x, float radius_y, FaceColour colour,
                          float alpha, int clip)
{
    FaceCanvas *canvas = s->canvas;
    float reach = (radius_x > radius_y ? radius_x : radius_y) * s->unit, size = (float)canvas->size;
    int bottom = canvas->top + canvas->rows;
    int x0 = (int)face_clamp(centre.x - reach, 0, size), x1 = (int)face_clamp(centre.x + reach + 1, 0, size);
    int y0 = (int)face_clamp(centre.y - reach, (float)canvas->top, (float)bottom);
    int y1 = (int)face_clamp(centre.y + reach + 1, (float)canvas->top, (float)bottom);
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            float dx = (float)x + 0.5f - centre.x, dy = (float)y + 0.5f - centre.y;
            float a = (dx * s->roll_cos + dy * s->roll_sin) / (radius_x * s->unit);
            float b = (dy * s->roll_cos - dx * s->roll_sin) / (radius_y * s->unit);
            float fall = 1 - a * a - b * b;
            int i = (y - canvas->top) * canvas->size + x;
            if (fall > 0)
                canvas->colour[i] = face_blend(canvas->colour[i], colour,
                                               fall * fall * alpha * (clip ? canvas->clip[clip][i] : 1));
        }
}

static FaceInk face_ink_plain(FaceColour colour, float alpha, int clip)
{
    return (FaceInk){.colour = colour, .second = colour, .alpha = alpha, .clip = clip};
}

static FaceInk face_ink_graded(FaceColour colour, FaceColour second, FacePoint from, FacePoint to, int keep)
{
    return (FaceInk){.colour = colour, .second = second, .from = from, .to = to, .alpha = 1, .keep = keep};
}

/* ---- The features, back to front ---- */

/* Adds a closed curve, the same on both sides: the knots (x, y, z) go down its right side. */
static void face_ink_symmetric(FaceScene *s, const float (*knots)[3], int count)
{
    FacePoint placed[32];
    FacePath path = {.count = 0};
    int total = 0;
    for (int i = 0; i < count; i++)
        placed[total++] = face_at(s, knots[i][0], knots[i][1], knots[i][2]);
    for (int i = count - 1; i >= 0; i--)
        if (knots[i][0] > 0) placed[total++] = face_at(s, -knots[i][0], knots[i][1], knots[i][2]);
    face_path_through(&path, placed, total, 1);
    face_ink_outline(s->canvas, &path);
}

static void face_paint_backdrop(FaceScene *s)
{
    FaceCanvas *canvas = s->canvas;
    FaceColour light = face_blend(s->pose->backdrop, face_hex(0xFFFFFF), 0.30f);
    FaceColour dark = face_tint(s->pose->backdrop, .82f, .81f, .84f);
    for (int i = 0; i < canvas->rows * canvas->size; i++) {
        float x = (float)(i % canvas->size) / (float)canvas->size - 0.5f - 0.22f * s->pose->light;
        float y = (float)(canvas->top + i / canvas->size) / (float)canvas->size - 0.25f;
        canvas->colour[i] = face_blend(light, dark, face_clamp(1.1f * (x * x + y * y), 0, 1));
    }
}

/* Curls: the outline of a hair mass is beaded with discs, whose union with it has a scalloped rim. */
static void face_ink_curls(FaceScene *s, const FacePath *rim, float radius)
{
    FaceChance chance = {s->who->random, s->who->seed, s->who->index, FACE_STREAM_CURLS, 0};
    for (int i = 0; i < rim->count; i += 2) {
        float r = radius * s->unit * face_uniform(&chance, .75f, 1.25f);
        face_ink_ellipse(s, rim->points[i], r, r);
    }
}

/* Locks within the hair filled last: strands that fall from the parting, or small arcs where it is curly. */
static void face_paint_locks(FaceScene *s, int count, float reach, float low)
{
    const FaceHair *hair = s->hair;
    FaceChance chance = {s->who->random, s->who->seed, s->who->index, FACE_STREAM_LOCKS, 0};
    FaceColour bright = face_blend(s->who->hair, face_hex(0xFFEBD0), .25f);
    FaceColour deep = face_tint(s->who->hair, .55f, .55f, .58f);
    float top = -1.15f - hair->crown * s->who->hair_volume, r = 0.7f * hair->curl;
    for (int i = 0; i < count; i++) {
        float x = reach * (2 * ((float)i + face_uniform(&chance, 0, 1)) / (float)count - 1), fall = .15f * x * x;
        float y = face_uniform(&chance, 0, 1), turn = face_uniform(&chance, -1, 1);
        float from = face_toward(s->who->parting, x, .4f), middle = face_toward(top + 2 * fall, low, y);
        FacePoint strand[] = {face_at(s, from, top + .04f + fall, 0),
                              face_at(s, face_toward(from, x, .65f), top + .22f + fall, .1f),
                              face_at(s, x, face_toward(-.70f, low, y), .2f)};
        FacePoint curl[] = {face_at(s, x - r, middle + r * turn, 0), face_at(s, x + .3f * r * turn, middle - r, .1f),
                            face_at(s, x + r, middle + .4f * r * turn, .2f)};
        FacePath path = {.count = 0};
        face_path_through(&path, r > 0 ? curl : strand, 3, 0);
        face_ink_brush(s, &path, (FaceBrush){.002f, .024f + .06f * r, .002f});
        face_ink_fill(s->canvas, face_ink_plain(i & 1 ? bright : deep, 0.32f, FACE_CLIP_HAIR));
    }
}

static void face_paint_bun(FaceScene *s)
{
    float light = s->pose->light, volume = s->who->hair_volume;
    FaceColour hair = s->who->hair, deep = face_tint(hair, .68f, .66f, .68f);
    FaceColour bright = face_blend(hair, face_hex(0xFFF3E0), .4f);
    face_ink_ellipse(s, face_at(s, 0, -1.22f, -.25f), 0.34f * volume * s->unit, 0.27f * volume * s->unit);
    face_ink_fill(s->canvas,
                  face_ink_graded(hair, deep, face_at(s, .2f * light, -1.4f, 0), face_at(s, 0, -1.0f, 0), 0));
    face_ink_glow(s, face_at(s, .12f * light, -1.3f, -.25f), .20f, .12f, bright, 0.5f, 0);
}

static void face_paint_hair_back(FaceScene *s)
{
    const FaceHair *hair = s->hair;
    float w = s->who->width, out = hair->spread * s->who->hair_volume, crown = hair->crown * s->who->hair_volume;
    float end = hair->back, waist = w * (end < 0.7f ? .64f : .74f) + out * (end < 0.7f ? .45f : 1);
    const float knots[][3] = {{0, -1.08f - crown, 0}, {.46f * w + .5f * out, -1.0f - crown, 0},
        {.77f * w + .8f * out, -.62f - .4f * crown, 0}, {.85f * w + out, -.1f, -.1f},
        {waist + .10f, .55f * end, -.15f}, {waist, .92f * end, -.15f}, {.3f, end, -.15f}, {0, end, -.15f}};
    if (end <= 0) return;
    if (hair->extra == FACE_HAIR_BUN) face_paint_bun(s);
    if (hair->curl > 0) {
        FacePath rim = {.count = 0};
        FacePoint placed[11];
        for (int i = 0; i < 6; i++) {
            placed[5 - i] = face_at(s, -knots[i][0], knots[i][1], knots[i][2]);
            placed[5 + i] = face_at(s, knots[i][0], knots[i][1], knots[i][2]);
        }
        face_path_through(&rim, placed, 11, 0);
        face_ink_curls(s, &rim, hair->curl);
    }
    face_ink_symmetric(s, knots, FACE_COUNT(knots));
    FaceColour high = face_tint(s->who->hair, .92f, .90f, .90f), low = face_tint(s->who->hair, .68f, .66f, .68f);
    face_ink_fill(s->canvas, face_ink_graded(high, low, face_at(s, 0, -.4f, 0), face_at(s, 0, .8f, 0), FACE_CLIP_HAIR));
    if (hair->curl > 0) face_paint_locks(s, 44, .95f + out, 0.9f * end);
}

static void face_paint_neck(FaceScene *s)
{
    float w = 0.40f + 0.05f * (1 - s->who->softness), light = 1.2f * s->pose->light;
    const float neck[][3] = {{0, .5f, .1f}, {w, .5f, -.1f}, {w - .02f, 1.0f, -.1f}, {w + .08f, 1.28f, -.1f},
                             {.8f, 1.5f, -.1f}, {1, 1.9f, -.1f}, {0, 1.9f, -.1f}};
    const float cloth[][3] = {{0, 1.42f, .05f}, {.20f, 1.39f, 0}, {w + .03f, 1.22f, -.1f}, {w + .14f, 1.24f, -.1f},
                              {1.0f, 1.40f, -.1f}, {1.45f, 1.62f, -.1f}, {1.6f, 2.4f, -.1f}, {0, 2.4f, -.1f}};
    face_ink_symmetric(s, neck, FACE_COUNT(neck));
    face_ink_fill(s->canvas, face_ink_graded(s->shadow, face_blend(s->who->skin, s->shadow, 0.35f),
                                             face_at(s, 0, 1.02f, 0), face_at(s, 0, 1.42f, 0), 0));
    face_ink_symmetric(s, cloth, FACE_COUNT(cloth));
    face_ink_fill(s->canvas, face_ink_graded(s->who->cloth, face_tint(s->who->cloth, .72f, .70f, .74f),
                                             face_at(s, light, 1.2f, 0), face_at(s, -light, 1.7f, 0), 0));
}

static void face_paint_ears(FaceScene *s)
{
    if (s->hair->side > 0.4f)
        return;                                                             /* under the hair */
    for (int side = 0; side < 2; side++) {
        float size = s->who->ear_size, x = face_sign(side) * 0.82f * s->who->width;
        face_ink_ellipse(s, face_at(s, x, .13f, -.22f), .115f * size * s->unit, .215f * size * s->unit);
        face_ink_fill(s->canvas, face_ink_plain(face_blend(s->who->skin, s->shadow, 0.25f), 1, FACE_NO_CLIP));
        face_ink_glow(s, face_at(s, 1.01f * x, .12f, -.22f), .08f * size, .15f * size, s->line, 0.45f, FACE_NO_CLIP);
    }
}

static void face_paint_head(FaceScene *s)
{
    const FaceIdentity *who = s->who;
    float w = who->width, light = s->pose->light, drop = face_drop(s);
    float jaw = .60f + .09f * who->jaw + .03f * who->cheeks, tip = .13f + .07f * who->jaw;
    const float knots[][3] = {{0, -1.15f, 0}, {.44f * w, -1.06f, 0}, {.735f * w, -.70f, 0}, {.81f * w, -.20f, 0},
        {(.785f + .02f * who->cheeks) * w, .25f, .05f}, {jaw * w, .68f + .3f * drop, .15f},
        {(.36f + .05f * who->jaw) * w, .97f + .8f * drop, .25f}, {tip * w, 1.10f + drop, .32f},
        {0, 1.12f + drop, .34f}};
    FaceColour lit = face_blend(who->skin, s->glint, 0.25f);
    FaceColour dim = face_blend(who->skin, s->shadow, 0.25f + 0.45f * fabsf(light));
    face_ink_symmetric(s, knots, FACE_COUNT(knots));
    face_ink_fill(s->canvas,
                  face_ink_graded(lit, dim, face_at(s, .55f * light, -.5f, .3f), face_at(s, -light, .75f, .1f),
                                  FACE_CLIP_HEAD));
}

/* Soft forms over the flat head: temples, sockets, cheeks and their blush, the hollows under lip and chin, shine. */
static void face_paint_modelling(FaceScene *s)
{
    const FaceIdentity *who = s->who;
    FaceColour blush = face_blend(face_tint(who->skin, 1.02f, .76f, .72f), face_hex(0xE0645A), 0.10f);
    float light = s->pose->light, chin = face_middle(s, FACE_CHIN).y, lip = face_middle(s, FACE_LIP_BOTTOM).y;
    face_ink_glow(s, face_at(s, 0, chin + .02f, .3f), .75f, .22f, s->shadow, 0.45f, FACE_CLIP_HEAD);
    for (int side = 0; side < 2; side++) {
        const FacePoint *m = s->mark[side];
        float g = face_sign(side), lit = 0.5f + 0.5f * g * light, lift = face_rest[FACE_CHEEK].y - m[FACE_CHEEK].y;
        face_ink_glow(s, face_at(s, g * .86f * who->width, .25f, 0), .36f, 1.1f, s->shadow, .65f - .40f * lit,
                      FACE_CLIP_HEAD);
        face_ink_glow(s, face_xy(s, m[FACE_LID_UPPER].x, -.15f), .34f, .24f, s->shadow, 0.40f, FACE_CLIP_HEAD);
        face_ink_glow(s, face_xy(s, g * .12f, -.07f), .13f, .24f, s->shadow, .70f - .30f * lit, FACE_CLIP_HEAD);
        face_ink_glow(s, face_on(s, m[FACE_CHEEK]), .37f, .27f, blush, .42f + 1.2f * lift + .3f * who->makeup,
                      FACE_CLIP_HEAD);
        face_ink_glow(s, face_xy(s, m[FACE_CHEEK].x + g * .02f, m[FACE_CHEEK].y - .12f), .22f, .11f, s->glint,
                      (.25f + 1.5f * lift) * (.3f + .7f * lit), FACE_CLIP_HEAD);
    }
    face_ink_glow(s, face_xy(s, .22f * light, -.62f), .55f, .30f, s->glint, 0.35f, FACE_CLIP_HEAD);
    face_ink_glow(s, face_xy(s, 0, lip + .06f), .20f, .07f, s->shadow, 0.55f, FACE_CLIP_HEAD);
    face_ink_glow(s, face_xy(s, 0, face_toward(chin, lip, .35f)), .20f, .12f, s->glint, 0.25f, FACE_CLIP_HEAD);
}

static void face_paint_freckles(FaceScene *s)
{
    FaceChance chance = {s->who->random, s->who->seed, s->who->index, FACE_STREAM_FRECKLES, 0};
    for (int i = 0; i < 34 && s->who->freckles > 0; i++) {
        float x = face_bell(&chance, -.75f, .75f), y = face_bell(&chance, .05f, .52f);
        float r = face_uniform(&chance, .01f, .02f) * s->unit;
        face_ink_ellipse(s, face_xy(s, x, y), r, r);
    }
    FaceColour brown = face_blend(s->shadow, face_hex(0x8A4A26), 0.5f);
    face_ink_fill(s->canvas, face_ink_plain(brown, 0.65f * s->who->freckles, FACE_CLIP_HEAD));
}

static void face_paint_beard(FaceScene *s)
{
    const FaceIdentity *who = s->who;
    float drop = face_drop(s), lip = face_middle(s, FACE_LIP_TOP).y, w = who->width;
    float edge = .06f * who->beard, jaw = .62f + .09f * who->jaw + .03f * who->cheeks + edge;
    const float knots[][3] = {{0, .86f + .9f * drop, .4f}, {.22f * w, .83f + .8f * drop, .35f},
        {.40f * w, .70f + .5f * drop, .3f}, {.58f * w, .45f + .2f * drop, .15f}, {.74f * w, .02f, .05f},
        {.82f * w, .03f, 0}, {(.80f + edge) * w, .30f, 0}, {jaw * w, .70f + .3f * drop, .1f},
        {(.40f + edge) * w, 1.02f + .8f * drop + edge, .2f}, {.16f * w, 1.15f + drop + 2 * edge, .3f},
        {0, 1.17f + drop + 2 * edge, .3f}};
    FaceColour shade = face_blend(s->shadow, face_hex(0x3C4148), 0.45f), hair = face_blend(who->hair, s->line, 0.15f);
    face_ink_glow(s, face_at(s, 0, .98f + .7f * drop, .3f), .85f, .52f, shade, 0.60f * who->stubble, FACE_CLIP_HEAD);
    face_ink_glow(s, face_xy(s, 0, lip - .05f), .32f, .10f, shade, 0.50f * who->stubble, FACE_CLIP_HEAD);
    if (who->beard > 0) {
        face_ink_symmetric(s, knots, FACE_COUNT(knots));
        face_ink_fill(s->canvas, face_ink_graded(hair, face_tint(hair, .75f, .74f, .75f), face_at(s, 0, .4f, 0),
                                                 face_at(s, 0, 1.2f, 0), 0));
    }
    if (who->moustache > 0) {
        FacePoint a = s->mark[0][FACE_LIP_CORNER], b = s->mark[1][FACE_LIP_CORNER];
        float y = lip - .05f, sag = who->beard > 0 ? .10f : -.01f;
        FacePoint hairs[] = {{1.1f * a.x, a.y + sag}, {.8f * a.x, .6f * y + .4f * a.y}, {.3f * a.x, y}, {0, y + .012f},
                             {.3f * b.x, y}, {.8f * b.x, .6f * y + .4f * b.y}, {1.1f * b.x, b.y + sag}};
        face_ink_stroke(s, hairs, 7, (FaceBrush){.04f, .085f, .04f}, face_ink_plain(hair, 0.95f, FACE_CLIP_HEAD));
    }
}

/* Folds of the skin, each as deep as its landmark says: from age at rest, from the muscles in motion. */
static void face_ink_fold(FaceScene *s, const FacePoint *knots, int count, float width, float depth)
{
    float alpha = face_clamp(depth, 0, 1) * (0.60f + 0.40f * s->who->age);
    face_ink_stroke(s, knots, count, (FaceBrush){.004f, width, .004f}, face_ink_plain(s->line, alpha, FACE_CLIP_HEAD));
}

static void face_paint_folds(FaceScene *s, int side)
{
    const FacePoint *m = s->mark[side];
    float g = face_sign(side), fine = .026f, firm = .036f;
    FacePoint brow = m[FACE_BROW_INNER], corner = m[FACE_LIP_CORNER], wing = m[FACE_NOSE_WING], lid = m[FACE_LID_LOWER];
    for (int k = 0; k < 3; k++) {
        float step = (float)k, y = -.46f - .11f * step + .35f * (brow.y - face_rest[FACE_BROW_INNER].y);
        FacePoint forehead[] = {{0, y + .01f}, {g * .18f, y - .01f}, {g * (.42f - .05f * step), y + .02f}};
        face_ink_fold(s, forehead, 3, fine, 0.34f * m[FACE_FOLD_FOREHEAD].y);
        FacePoint crow[] = {{lid.x + g * .27f, .035f * (step - 1)}, {lid.x + g * .36f, .005f + .085f * (step - 1)}};
        face_ink_fold(s, crow, 2, fine, 0.50f * m[FACE_FOLD_CROW].y);
        FacePoint nose[] = {{g * .005f, .06f * step - .01f}, {g * .09f, .06f * step - .03f}};
        face_ink_fold(s, nose, 2, fine, 0.55f * m[FACE_FOLD_NOSE].y);
    }
    FacePoint frown[] = {{brow.x - g * .075f, brow.y - .10f}, {brow.x - g * .085f, brow.y},
                         {brow.x - g * .10f, brow.y + .10f}};
    face_ink_fold(s, frown, 3, firm, 0.62f * m[FACE_FOLD_FROWN].y);
    FacePoint bag[] = {{lid.x - g * .17f, lid.y + .05f}, {lid.x, lid.y + .085f}, {lid.x + g * .18f, lid.y + .04f}};
    face_ink_fold(s, bag, 3, fine, 0.45f * m[FACE_FOLD_LID].y);
    FacePoint mouth[] = {{wing.x + g * .05f, wing.y - .03f},
                         {.5f * (wing.x + corner.x) + g * .10f, .5f * (wing.y + corner.y) - .05f},
                         {corner.x + g * .105f, corner.y - .01f}};
    face_ink_fold(s, mouth, 3, firm, 0.50f * m[FACE_FOLD_MOUTH].y);
    FacePoint dimple[] = {{corner.x + g * .035f, corner.y - .045f}, {corner.x + g * .055f, corner.y},
                          {corner.x + g * .040f, corner.y + .040f}};
    face_ink_fold(s, dimple, 3, fine, 0.50f * m[FACE_FOLD_DIMPLE].y);
}

/* One lid from the eye's inner corner to the outer; `edge` is the height of its middle, a lifted copy is its fold. */
static void face_path_lid(FaceScene *s, FacePath *path, int side, float edge, float slant, float lift)
{
    float g = face_sign(side), half = 0.255f * s->who->eye_size, x = s->mark[side][FACE_LID_UPPER].x;
    float inner = .025f + lift, outer = lift - s->who->eye_tilt;
    float bend = (edge + lift - 0.125f * (inner + outer)) / 0.75f;           /* a cubic's middle: 1/8, 3/8, 3/8, 1/8 */
    face_path_curve(path, face_xy(s, x - g * half, inner), face_xy(s, x - g * .55f * half, bend - slant),
                    face_xy(s, x + g * .50f * half, bend + slant), face_xy(s, x + g * half, outer));
}

/* Iris, pupil, the upper lid's shadow on them, and the spark of the light that makes an eye look alive. */
static void face_paint_iris(FaceScene *s, int side)
{
    const FacePoint *m = s->mark[side];
    FaceCanvas *canvas = s->canvas;
    FaceColour iris = s->who->iris, rim = face_tint(iris, .35f, .35f, .38f);
    float r = 0.064f * (1 + s->who->eye_size) * s->unit, spark = face_clamp(4 * s->pose->light, -1, 1);
    FacePoint look = face_xy(s, m[FACE_LID_UPPER].x + .07f * s->pose->gaze - face_sign(side) * .008f, -.008f);
    face_ink_ellipse(s, look, r, r);
    face_ink_fill(canvas, face_ink_plain(rim, 1, FACE_CLIP_HOLE));
    face_ink_ellipse(s, look, .84f * r, .84f * r);
    FaceInk ink = face_ink_graded(face_tint(iris, .72f, .72f, .75f), face_blend(iris, face_hex(0xFFE9C0), .28f),
                                  (FacePoint){look.x, look.y - r}, (FacePoint){look.x, look.y + .8f * r}, 0);
    ink.clip = FACE_CLIP_HOLE;
    face_ink_fill(canvas, ink);
    face_ink_ellipse(s, look, .45f * r, .45f * r);
    face_ink_fill(canvas, face_ink_plain(face_hex(0x120E0D), 1, FACE_CLIP_HOLE));
    face_ink_glow(s, face_on(s, m[FACE_LID_UPPER]), .30f, .10f, face_hex(0x2A1C20), 0.55f, FACE_CLIP_HOLE);
    face_ink_ellipse(s, (FacePoint){look.x + .38f * r * spark, look.y - .40f * r}, .24f * r, .24f * r);
    face_ink_fill(canvas, face_ink_plain(face_hex(0xFFFFFF), 0.95f, FACE_CLIP_HOLE));
}

static void face_paint_eye(FaceScene *s, int side)
{
    const FaceIdentity *who = s->who;
    const FacePoint *m = s->mark[side];
    FacePath upper = {.count = 0}, lower = {.count = 0}, fold = {.count = 0};
    face_path_lid(s, &upper, side, m[FACE_LID_UPPER].y, m[FACE_LID_SLANT].y, 0);
    face_path_lid(s, &lower, side, m[FACE_LID_LOWER].y, 0, 0);
    face_path_lid(s, &fold, side, m[FACE_LID_UPPER].y - .015f, m[FACE_LID_SLANT].y, -.055f);
    face_ink_between(s, &upper, &lower);
    face_ink_fill(s->canvas, face_ink_graded(face_hex(0xD9D2D2), face_hex(0xFAF7F4), face_on(s, m[FACE_LID_UPPER]),
                                             face_on(s, m[FACE_LID_LOWER]), FACE_CLIP_HOLE));
    face_paint_iris(s, side);
    face_ink_brush(s, &fold, (FaceBrush){.004f, .030f, .010f});
    face_ink_fill(s->canvas, face_ink_plain(s->line, 0.60f * face_clamp(who->eye_fold, 0, 1), FACE_CLIP_HEAD));
    face_ink_brush(s, &lower, (FaceBrush){.006f, .020f, .022f});
    face_ink_fill(s->canvas, face_ink_plain(face_tint(s->line, .8f, .7f, .7f), 0.60f, FACE_CLIP_HEAD));
    FaceInk lash = face_ink_plain(face_hex(0x1E1414), 0.95f, FACE_CLIP_HEAD);
    face_ink_brush(s, &upper, (FaceBrush){.018f, .042f + .024f * who->lashes, .034f});
    face_ink_fill(s->canvas, lash);
    float g = face_sign(side), x = m[FACE_LID_UPPER].x + g * 0.255f * who->eye_size, y = -who->eye_tilt;
    FacePoint flick[] = {{x - g * .05f, y - .025f}, {x, y + .004f},
                         {x + g * .055f * who->lashes, y - .035f * who->lashes}};
    face_ink_stroke(s, flick, 3, (FaceBrush){.030f, .035f, .002f}, lash);
}

static void face_paint_nose(FaceScene *s)
{
    FacePoint tip = face_middle(s, FACE_NOSE_TIP);
    float light = s->pose->light, size = s->who->nose_width;
    face_ink_glow(s, face_at(s, -.03f * light, tip.y + .055f, .70f), .21f * size, .09f, s->shadow, 0.75f,
                  FACE_CLIP_HEAD);
    face_ink_glow(s, face_at(s, -.10f * light, .20f, .70f), .10f, .26f, s->shadow, .25f + .35f * fabsf(light),
                  FACE_CLIP_HEAD);
    face_ink_glow(s, face_at(s, .02f * light, .10f, .78f), .07f, .30f, s->glint, 0.40f, FACE_CLIP_HEAD);
    for (int side = 0; side < 2; side++) {
        FacePoint wing = s->mark[side][FACE_NOSE_WING];
        FacePoint hole = face_at(s, .55f * wing.x, face_toward(wing.y, tip.y, .25f) + .025f, .78f);
        FacePoint arc[] = {{.94f * wing.x, wing.y - .085f}, {1.18f * wing.x, wing.y - .025f},
                           {.95f * wing.x, wing.y + .028f}};
        face_ink_stroke(s, arc, 3, (FaceBrush){.004f, .032f, .014f}, face_ink_plain(s->line, 0.62f, FACE_CLIP_HEAD));
        face_ink_ellipse(s, hole, .048f * size * s->unit, .022f * s->unit);
        face_ink_fill(s->canvas, face_ink_plain(face_tint(s->line, .75f, .65f, .65f), 0.80f, FACE_CLIP_HEAD));
    }
    face_ink_glow(s, face_at(s, 0, tip.y - .03f, .95f), .10f, .085f, s->glint, 0.60f, FACE_CLIP_HEAD);
}

/* One edge of a lip from corner to corner, through `middle` on the midline. */
static void face_path_lip(FaceScene *s, FacePath *path, float middle, float inset)
{
    FacePoint a = s->mark[0][FACE_LIP_CORNER], b = s->mark[1][FACE_LIP_CORNER];
    a.x += inset, b.x -= inset;
    float bend = (middle - 0.125f * (a.y + b.y)) / 0.75f;
    face_path_curve(path, face_on(s, a), face_xy(s, .52f * a.x, bend), face_xy(s, .52f * b.x, bend), face_on(s, b));
}

/* The upper teeth stay with the skull, the lower ones and the tongue go with the jaw; the lips decide what is seen. */
static void face_paint_teeth(FaceScene *s, const FacePath *upper, const FacePath *lower)
{
    float top = face_middle(s, FACE_LIP_UPPER).y, bottom = face_middle(s, FACE_LIP_LOWER).y;
    float bite = face_rest[FACE_LIP_UPPER].y + face_mouth_shift(s->who), width = 1.3f * s->mark[1][FACE_LIP_CORNER].x;
    float tongue = face_clamp(6 * (bottom - top) - .4f, 0, 1);
    face_ink_between(s, upper, lower);
    face_ink_fill(s->canvas,
                  face_ink_graded(face_hex(0x3A1015), face_hex(0x5E1E22), face_xy(s, 0, top), face_xy(s, 0, bottom),
                                  FACE_CLIP_HOLE));
    face_ink_glow(s, face_xy(s, 0, bottom + .02f), .20f, .13f, face_hex(0xC2555A), tongue, FACE_CLIP_HOLE);
    face_ink_ellipse(s, face_xy(s, 0, bite - .08f), width * s->unit, .125f * s->unit);
    face_ink_fill(s->canvas, face_ink_plain(face_hex(0xF4EEE6), 1, FACE_CLIP_HOLE));
    face_ink_ellipse(s, face_xy(s, 0, bite + .175f + face_drop(s)), .6f * width * s->unit, .10f * s->unit);
    face_ink_fill(s->canvas, face_ink_plain(face_hex(0xDDD2CA), 0.9f, FACE_CLIP_HOLE));
}

static void face_paint_mouth(FaceScene *s)
{
    FacePoint a = s->mark[0][FACE_LIP_CORNER], left = s->mark[0][FACE_LIP_TOP];
    FacePoint b = s->mark[1][FACE_LIP_CORNER], right = s->mark[1][FACE_LIP_TOP];
    float crest = face_middle(s, FACE_LIP_TOP).y, edge = face_middle(s, FACE_LIP_UPPER).y;
    float gap = face_middle(s, FACE_LIP_LOWER).y;
    float base = face_middle(s, FACE_LIP_BOTTOM).y;
    FacePath top = {.count = 0}, upper = {.count = 0}, lower = {.count = 0}, bottom = {.count = 0}, line = {.count = 0};
    FacePoint bow[] = {face_on(s, a), face_xy(s, .5f * (a.x + left.x), face_toward(a.y, crest, .58f)), face_on(s, left),
                       face_xy(s, 0, crest + .018f), face_on(s, right),
                       face_xy(s, .5f * (b.x + right.x), face_toward(b.y, crest, .58f)), face_on(s, b)};
    face_path_through(&top, bow, 7, 0);
    face_path_lip(s, &upper, edge, .01f);
    face_path_lip(s, &lower, gap, .01f);
    face_path_lip(s, &bottom, base, .02f);
    face_path_lip(s, &line, edge, -.015f);
    face_paint_teeth(s, &upper, &lower);

    FaceColour dark = face_tint(s->who->lips, .80f, .74f, .76f);
    face_ink_between(s, &upper, &top);
    face_ink_fill(s->canvas, face_ink_plain(dark, 0.95f, FACE_CLIP_HEAD));
    face_ink_between(s, &lower, &bottom);
    face_ink_fill(s->canvas, face_ink_plain(s->who->lips, 0.95f, FACE_CLIP_HEAD));
    face_ink_glow(s, face_xy(s, .07f * s->pose->light, .5f * (gap + base)), .13f, .035f, face_hex(0xFFF1EA),
                  .30f + .3f * s->who->makeup, FACE_CLIP_HEAD);
    float thin = face_clamp(.032f - .2f * (gap - edge), .010f, .032f);      /* open lips leave it to the teeth */
    face_ink_brush(s, &line, (FaceBrush){.024f, thin, .024f});
    face_ink_fill(s->canvas, face_ink_plain(face_tint(dark, .42f, .36f, .38f), 0.88f, FACE_CLIP_HEAD));
}

/* A brow is one arc through its three landmarks: the quadratic Bezier curve that is at the middle one half-way. */
static void face_paint_brow(FaceScene *s, int side)
{
    FaceColour colour = face_blend(face_tint(s->who->hair, .66f, .62f, .60f), s->line, 0.35f);
    float thick = 0.085f * s->who->brow_weight;
    FacePoint a = face_on(s, s->mark[side][FACE_BROW_INNER]), m = face_on(s, s->mark[side][FACE_BROW_MIDDLE]);
    FacePoint b = face_on(s, s->mark[side][FACE_BROW_OUTER]);
    FacePoint pull = {2 * m.x - .5f * (a.x + b.x), 2 * m.y - .5f * (a.y + b.y)};
    FacePath arc = {.count = 0};
    face_path_curve(&arc, a, (FacePoint){face_toward(a.x, pull.x, .667f), face_toward(a.y, pull.y, .667f)},
                    (FacePoint){face_toward(b.x, pull.x, .667f), face_toward(b.y, pull.y, .667f)}, b);
    face_ink_brush(s, &arc, (FaceBrush){.75f * thick, 1.15f * thick, .15f * thick});
    face_ink_fill(s->canvas, face_ink_plain(colour, 0.93f, FACE_CLIP_HEAD));
}

/* The front of the hair: over the skull outside, along the hairline inside; the fringe falls away from a parting. */
static void face_path_hair_front(FaceScene *s, FacePath *path, FacePath *rim)
{
    static const FacePoint hairline[] = {{.66f, -.56f}, {.50f, -.75f}, {.26f, -.82f}, {0, -.83f}, {-.26f, -.82f},
                                         {-.50f, -.75f}, {-.66f, -.56f}};
    const FaceHair *hair = s->hair;
    float w = s->who->width, crown = hair->crown * s->who->hair_volume, out = hair->width * s->who->hair_volume;
    const FacePoint outer[] = {{0, -1.15f - crown}, {.45f * w + .5f * out, -1.07f - .95f * crown},
        {.76f * w + .9f * out, -.70f - .4f * crown}, {.835f * w + out, -.25f}, {.81f * w + .1f * out, hair->side}};
    FacePoint placed[11];
    for (int i = 0; i < FACE_COUNT(outer); i++) {
        placed[4 - i] = face_at(s, -outer[i].x, outer[i].y, 0);
        placed[4 + i] = face_at(s, outer[i].x, outer[i].y, 0);
    }
    face_path_through(rim, placed, 9, 0);
    *path = *rim;
    placed[0] = face_at(s, .80f * w, hair->side - .02f, 0), placed[10] = face_at(s, -.80f * w, hair->side - .02f, 0);
    placed[1] = face_at(s, .755f * w, -.28f, .1f), placed[9] = face_at(s, -.755f * w, -.28f, .1f);
    for (int i = 0; i < FACE_COUNT(hairline); i++) {
        float x = hairline[i].x, from = x - (hair->fringe >= 1 ? 3 : s->who->parting);
        float away = from * from / (from * from + .06f);                     /* 0 at the parting, 1 far from it */
        float y = face_toward(hairline[i].y, -.50f + .10f * x * x, hair->fringe * away);
        placed[i + 2] = face_at(s, x * w, y, .35f - .4f * x * x);
    }
    face_path_through(path, placed, 11, 0);
}

static void face_paint_hair_front(FaceScene *s)
{
    const FaceHair *hair = s->hair;
    if (hair->extra == FACE_HAIR_BALD || hair->extra == FACE_HAIR_SCARF) return;
    FaceColour lit = face_blend(s->who->hair, face_hex(0xFFEBD0), .08f);
    FaceColour sheen = face_blend(s->who->hair, face_hex(0xFFF3E0), .5f);
    float light = s->pose->light;
    FacePath path = {.count = 0}, rim = {.count = 0}, cast = {.count = 0};
    face_path_hair_front(s, &path, &rim);
    for (int i = 0; i < path.count; i++)
        face_path_add(&cast, (FacePoint){path.points[i].x, path.points[i].y + .05f * s->unit});
    face_ink_outline(s->canvas, &cast);
    face_ink_fill(s->canvas, face_ink_plain(s->shadow, 0.55f, FACE_CLIP_HEAD));
    face_ink_outline(s->canvas, &path);
    if (hair->curl > 0) face_ink_curls(s, &rim, .8f * hair->curl);
    face_ink_fill(s->canvas,
                  face_ink_graded(lit, face_tint(s->who->hair, .70f, .68f, .70f), face_at(s, .5f * light, -1.1f, 0),
                                  face_at(s, -.9f * light, -.1f, 0), FACE_CLIP_HAIR));
    face_paint_locks(s, 22, .85f, hair->curl > 0 ? -.5f : -.3f);
    face_ink_glow(s, face_at(s, .35f * light, -.98f - .5f * hair->crown, .2f), .55f, .16f, sheen, 0.38f,
                  FACE_CLIP_HAIR);
}

static void face_ink_scarf(FaceScene *s)
{
    float w = s->who->width;
    const float outer[][3] = {{0, -1.34f, 0}, {.55f * w, -1.22f, 0}, {.93f * w, -.75f, 0}, {1.02f * w, -.1f, 0},
                              {.98f * w, .55f, 0}, {.98f, 1.1f, 0}, {1.3f, 1.6f, 0}, {1.3f, 2.2f, 0}, {0, 2.2f, 0}};
    face_ink_symmetric(s, outer, FACE_COUNT(outer));
}

/* A headscarf: its lining behind the head, and in front of it a cloth with an opening for the face. */
static void face_paint_scarf(FaceScene *s, int front)
{
    if (s->hair->extra != FACE_HAIR_SCARF) return;
    FaceColour cloth = s->who->cloth, deep = face_tint(cloth, .66f, .64f, .68f);
    FaceColour bright = face_blend(cloth, face_hex(0xFFFFFF), .3f);
    float drop = face_drop(s), w = s->who->width, light = .6f * s->pose->light;
    FacePoint opening[] = {{0, -.84f}, {-.42f, -.74f}, {-.68f, -.40f}, {-.74f, .05f}, {-.68f, .50f},
                           {-.42f, .95f + .7f * drop}, {0, 1.10f + drop}, {.42f, .95f + .7f * drop}, {.68f, .50f},
                           {.74f, .05f}, {.68f, -.40f}, {.42f, -.74f}};
    FacePath hole = {.count = 0};
    for (int i = 0; i < FACE_COUNT(opening); i++)
        opening[i] = face_at(s, opening[i].x * w, opening[i].y, .22f);
    face_path_through(&hole, opening, FACE_COUNT(opening), 1);
    face_path_add(&hole, hole.points[0]);
    if (front) {
        face_ink_brush(s, &hole, (FaceBrush){.14f, .14f, .14f});             /* the shadow that the cloth casts */
        face_ink_fill(s->canvas, face_ink_plain(s->shadow, 0.6f, FACE_CLIP_HEAD));
        face_ink_outline(s->canvas, &hole);
    }
    face_ink_scarf(s);
    face_ink_fill(s->canvas,
                  face_ink_graded(front ? cloth : deep, deep, face_at(s, light, -1, 0), face_at(s, -light, 1.3f, 0),
                                  FACE_CLIP_HAIR));
    for (int k = 0; k < 4 && front; k++) {
        float g = face_sign(k & 1), in = .05f * (float)(k / 2);
        FacePoint pleat[] = {{g * (.30f + in), -1.16f - in}, {g * (.82f + in), -.55f}, {g * (.86f + in), .4f},
                             {g * (.55f + 2 * in), 1.25f}};
        face_ink_stroke(s, pleat, 4, (FaceBrush){.01f, .05f, .01f},
                        face_ink_plain(k < 2 ? bright : deep, 0.38f, FACE_CLIP_HAIR));
    }
}

static void face_paint_glasses(FaceScene *s)
{
    enum { CORNERS = 32 };
    const FaceGlasses *style = &face_glasses_styles[s->who->glasses];
    if (style->rim <= 0) return;
    FaceBrush wire = {style->rim, style->rim, style->rim};
    FaceInk ink = face_ink_plain(s->who->frame, 0.95f, FACE_NO_CLIP);
    float centre = s->who->eye_spacing + .01f, inner = centre - style->width;
    for (int side = 0; side < 2; side++) {
        FacePath lens = {.count = 0};
        float g = face_sign(side);
        for (int i = 0; i <= CORNERS; i++) {
            float angle = 6.2831853f * (float)i / CORNERS, c = cosf(angle), n = sinf(angle);
            float box = fabsf(c) > fabsf(n) ? fabsf(c) : fabsf(n);
            float stretch = face_toward(1 / box, 1, .35f + .65f * style->corner);
            face_path_add(&lens,
                          face_xy(s, g * centre + style->width * c * stretch, .03f + style->height * n * stretch));
        }
        face_ink_outline(s->canvas, &lens);
        face_ink_fill(s->canvas, face_ink_plain(face_hex(0xE8F4FA), 0.10f, FACE_NO_CLIP));
        face_ink_brush(s, &lens, wire);
        face_ink_fill(s->canvas, ink);
        FacePoint temple[] = {{g * (centre + style->width), -.04f}, {g * .80f * s->who->width, -.05f}};
        face_ink_stroke(s, temple, 2, wire, ink);
    }
    FacePoint bridge[] = {{-inner, 0}, {0, -.045f}, {inner, 0}};
    face_ink_stroke(s, bridge, 3, wire, ink);
}

/* ---- The picture ---- */

static void face_scene(FaceScene *s, const FaceIdentity *who, const FacePose *pose, const float au[FACE_AUS], int size)
{
    float tone = face_luma(who->skin);
    *s = (FaceScene){.who = who, .pose = pose, .hair = &face_hair_styles[who->hair_style]};
    s->shadow = face_tint(who->skin, .74f, .60f, .55f);
    s->line = face_blend(face_tint(who->skin, .42f, .30f, .27f), face_hex(0x1A0E0C), .6f * (1 - tone));
    s->glint = face_blend(who->skin, face_hex(0xFFF0DC), .25f + .30f * tone);
    s->yaw_sin = sinf(pose->yaw), s->yaw_cos = cosf(pose->yaw);
    s->roll_sin = sinf(pose->roll), s->roll_cos = cosf(pose->roll);
    s->unit = 0.34f * pose->scale * (float)size;
    face_move(s, au);
}

static void face_paint(FaceScene *s)
{
    face_paint_backdrop(s);
    face_paint_hair_back(s);
    face_paint_scarf(s, 0);
    face_paint_neck(s);
    face_paint_ears(s);
    face_paint_head(s);
    face_paint_modelling(s);
    face_paint_freckles(s);
    face_paint_beard(s);
    for (int side = 0; side < 2; side++)
        face_paint_folds(s, side);
    for (int side = 0; side < 2; side++)
        face_paint_eye(s, side);
    face_paint_nose(s);
    face_paint_mouth(s);
    face_paint_hair_front(s);
    for (int side = 0; side < 2; side++)
        face_paint_brow(s, side);                                           /* over the fringe: brows must be seen */
    face_paint_scarf(s, 1);
    face_paint_glasses(s);
}

/* The camera: brightness, grain (one number a pixel, the same in all channels), and 8 bits. */
static void face_develop(const FaceCanvas *canvas, const FacePose *pose, int channels, unsigned char *pixels)
{
    size_t first = (size_t)canvas->top * (size_t)canvas->size;
    for (size_t i = 0; i < (size_t)canvas->rows * (size_t)canvas->size; i++) {
        float chance = (float)pose->random(pose->seed, FACE_STREAM_GRAIN, pose->index, (uint32_t)(first + i));
        FaceColour c = canvas->colour[i];
        float value[3] = {channels == 1 ? face_luma(c) : c.r, c.g, c.b};
        for (int k = 0; k < channels; k++) {
            float bright = value[k] * pose->brightness + 3.46f * pose->noise * (chance - 0.5f);
            pixels[(first + i) * (size_t)channels + (size_t)k] = (unsigned char)(255 * face_clamp(bright, 0, 1) + 0.5f);
        }
    }
}

/* In bands of rows that fit the stack and the cache (FaceCanvas: 256 KB). */
FACE_API void face_render(const FaceIdentity *who, const FacePose *pose, const float au[FACE_AUS], int size,
                          int channels, unsigned char *pixels)
{
    FaceScene scene;
    FaceCanvas canvas;
    face_scene(&scene, who, pose, au, size);
    scene.canvas = &canvas;
    int band = FACE_PIXELS / size < size ? FACE_PIXELS / size : size;
    for (int top = 0; top < size; top += band) {
        canvas.size = size, canvas.top = top, canvas.rows = size - top < band ? size - top : band;
        canvas.left = size, canvas.right = -1, canvas.upper = top + canvas.rows, canvas.lower = -1;
        memset(canvas.edges, 0, sizeof(canvas.edges));
        memset(canvas.clip, 0, sizeof(canvas.clip));
        face_paint(&scene);
        face_develop(&canvas, pose, channels, pixels);
    }
}

FACE_API FacePlaces face_places(const FaceIdentity *who, const FacePose *pose, const float au[FACE_AUS], int size)
{
    FaceScene s;
    FaceCanvas canvas;
    face_scene(&s, who, pose, au, size);
    s.canvas = &canvas, canvas.size = size;
    FacePoint point[5], tip = face_middle(&s, FACE_NOSE_TIP), chin = face_middle(&s, FACE_CHIN);
    for (int side = 0; side < 2; side++) {
        const FacePoint *m = s.mark[side];
        point[side] = face_on(&s, (FacePoint){m[FACE_LID_UPPER].x, 0.5f * (m[FACE_LID_UPPER].y + m[FACE_LID_LOWER].y)});
        point[3 + side] = face_on(&s, m[FACE_LIP_CORNER]);
    }
    point[2] = face_at(&s, tip.x, tip.y, 0.78f);
    const float w = 0.80f * who->width, out[6][2] = {{0, -0.86f}, {0, chin.y}, {-w, 0}, {w, 0}, {-0.75f * w, 0.68f},
                                                     {0.75f * w, 0.68f}};
    FacePlaces p = {.left = 1e9f, .top = 1e9f, .right = -1e9f, .bottom = -1e9f};
    for (int i = 0; i < 6; i++) {
        FacePoint edge = face_at(&s, out[i][0], out[i][1], i == 1 ? 0.34f : 0.10f);
        p.left = fminf(p.left, edge.x), p.right = fmaxf(p.right, edge.x);
        p.top = fminf(p.top, edge.y), p.bottom = fmaxf(p.bottom, edge.y);
    }
    for (int i = 0; i < 5; i++) p.point[i][0] = point[i].x, p.point[i][1] = point[i].y;
    return p;
}

/* ---- Sets of faces ---- */

static double face_set_chance(const FaceSet *set, uint64_t index, uint32_t which)
{
    return set->random(set->seed, FACE_STREAM_EXPRESSION, index, which);
}

static int face_set_called(const FaceSet *set, uint64_t index, const FaceExpression *shown)
{
    double whole = (double)(shown->intensity + shown->second_intensity);
    if (!set->viewers || shown->emotion == FACE_NEUTRAL) return shown->emotion;
    if (face_set_chance(set, index, 4) >= (double)shown->intensity)
        return set->emotions[(int)(face_set_chance(set, index, 5) * set->n)];
    if (face_set_chance(set, index, 6) * whole < (double)shown->intensity) return shown->emotion;
    for (int k = 0; k < set->n; k++)
        if (set->emotions[k] == shown->second) return shown->second;
    return shown->emotion;
}

FACE_API FaceExpression face_set_expression(const FaceSet *set, uint64_t index)
{
    FaceExpression shown = {.emotion = set->emotions[index % (uint64_t)set->n], .second = FACE_NEUTRAL};
    if (shown.emotion != FACE_NEUTRAL) {
        shown.intensity = (float)(set->weakest + (1 - set->weakest) * face_set_chance(set, index, 0));
        face_recipe(shown.au, shown.emotion, shown.intensity);
        if (face_set_chance(set, index, 1) < set->blends) {
            int further = (int)(face_set_chance(set, index, 2) * (FACE_EMOTIONS - 2));
            shown.second = 1 + (shown.emotion + further) % (FACE_EMOTIONS - 1);
            shown.second_intensity = shown.intensity * (float)face_set_chance(set, index, 3);
            face_recipe(shown.au, shown.second, shown.second_intensity);
        }
    }
    shown.called = face_set_called(set, index, &shown);
    return shown;
}

FACE_API void face_set_render(const FaceSet *set, uint64_t index, const float au[FACE_AUS], unsigned char *pixels)
{
    FaceIdentity who;
    FacePose pose;
    float turn = (float)set->turn;
    face_identity(&who, set->random, set->seed, index);
    face_pose(&pose, set->random, set->seed, index);
    pose.yaw *= turn, pose.roll *= turn, pose.shift_x *= turn, pose.shift_y *= turn;
    face_render(&who, &pose, au, set->size, set->channels, pixels);
}

#endif /* FACE_IMPLEMENTATION */
