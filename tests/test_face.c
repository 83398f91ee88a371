/* test_face.c: vendor/face.h alone. The same arguments give the same pixels, every byte is written and no other, people
 * and photographs stay within their limits, muscles move what they should and nothing else, and the picture has the
 * symmetries and the grain that its parameters say. */
#define FACE_IMPLEMENTATION
#define FACE_STATIC
#include "../vendor/face.h"
#include <stdbool.h>
#include <stdlib.h>
#include "check.h"

#define PEOPLE 2000

/* Mixes its four arguments (Steele et al. 2014, SplitMix64's finish): the number depends on nothing else. */
static double chance(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15u + stream;
    for (int i = 0; i < 2; i++) {
        x += (i ? which : index) * 0xD1342543DE82EF95u + 0x9E3779B97F4A7C15u;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
        x = (x ^ x >> 27) * 0x94D049BB133111EBu;
        x ^= x >> 31;
    }
    return ((double)(x >> 32) + 0.5) / 4294967296.0;
}

static void someone(FaceIdentity *who, FacePose *pose, uint64_t index)
{
    face_identity(who, chance, 1, index);
    face_pose(pose, chance, 1, index);
}

/* A photograph from the front, in even light, without grain. */
static FacePose plain_pose(void)
{
    return (FacePose){.scale = 1, .brightness = 1, .backdrop = {0.7f, 0.7f, 0.7f}, .random = chance};
}

/* How many bytes of a region differ. */
static int differing(const unsigned char *a, const unsigned char *b, int size, int top, int bottom)
{
    int n = 0;
    for (int i = top * size; i < bottom * size; i++) n += a[i] != b[i];
    return n;
}

static void test_units(void)
{
    static const int numbers[FACE_AUS] = {1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 20, 23, 25, 26, 27};
    for (int i = 0; i < FACE_AUS; i++) CHECK(face_au_number(i) == numbers[i]);
    CHECK(face_au_number(FACE_AU12) == 12 && face_au_number(FACE_AU27) == 27);
}

static void test_recipes(void)
{
    for (int emotion = 0; emotion < FACE_EMOTIONS; emotion++) {
        float half[FACE_AUS] = {0}, full[FACE_AUS] = {0}, over[FACE_AUS] = {0}, sum = 0;
        face_recipe(half, emotion, 0.5f);
        face_recipe(full, emotion, 1);
        face_recipe(over, emotion, 9);
        for (int i = 0; i < FACE_AUS; i++) {
            CHECK(full[i] >= 0 && full[i] <= 1 && half[i] == 0.5f * full[i]);
            CHECK(over[i] <= 1 && (full[i] < 0.12f || over[i] == 1));
            sum += full[i];
        }
        CHECK((sum > 0) == (emotion != FACE_NEUTRAL));
    }
    float blend[FACE_AUS] = {0};
    face_recipe(blend, FACE_HAPPY, 0.5f), face_recipe(blend, FACE_SURPRISE, 0.25f);
    CLOSE(blend[FACE_AU12], 0.5, 1e-6);
    CLOSE(blend[FACE_AU26], 0.25, 1e-6);
}

/* The places in the circumplex that the header's drawing shows. */
static void test_affect(void)
{
    static const float places[FACE_EMOTIONS][2] = {
        [FACE_HAPPY] = {.88f, .43f}, [FACE_SAD] = {-.68f, -.43f}, [FACE_SURPRISE] = {.11f, .81f},
        [FACE_FEAR] = {-.62f, .89f}, [FACE_DISGUST] = {-.74f, .34f}, [FACE_ANGRY] = {-.62f, .74f}};
    for (int emotion = 0; emotion < FACE_EMOTIONS; emotion++) {
        float au[FACE_AUS] = {0}, half[FACE_AUS] = {0}, valence, arousal, v, a;
        face_recipe(au, emotion, 1), face_recipe(half, emotion, 0.5f);
        face_affect(au, &valence, &arousal);
        face_affect(half, &v, &a);
        CLOSE(valence, places[emotion][0], 0.011);
        CLOSE(arousal, places[emotion][1], 0.011);
        CLOSE(v, 0.5 * valence, 1e-6);
        CLOSE(a, 0.5 * arousal, 1e-6);
    }
}

static bool is_colour(FaceColour c)
{
    return c.r >= 0 && c.r <= 1 && c.g >= 0 && c.g <= 1 && c.b >= 0 && c.b <= 1;
}

static void test_people(void)
{
    int styles[FACE_COUNT(face_hair_styles)] = {0}, glasses = 0, beards = 0, bad = 0;
    for (int i = 0; i < PEOPLE; i++) {
        FaceIdentity who, again;
        face_identity(&who, chance, 7, (uint64_t)i);
        face_identity(&again, chance, 7, (uint64_t)i);
        bad += memcmp(&who.skin, &again.skin, sizeof who.skin) != 0 || who.jaw != again.jaw;
        bad += !(who.age >= 0 && who.age <= 1 && who.softness >= 0 && who.softness <= 1 && who.width > 0.85f);
        bad += !is_colour(who.skin) || !is_colour(who.hair) || !is_colour(who.iris) || !is_colour(who.lips);
        bad += who.hair_style < 0 || who.hair_style >= FACE_COUNT(face_hair_styles);
        bad += who.glasses < 0 || who.glasses >= FACE_COUNT(face_glasses_styles);
        bad += who.beard > 0 && face_hair_styles[who.hair_style].extra == FACE_HAIR_SCARF;
        styles[who.hair_style]++, glasses += who.glasses > 0, beards += who.beard > 0;
    }
    CHECK_MSG(bad == 0, "%d of %d people are not as they should be", bad, PEOPLE);
    for (int i = 0; i < FACE_COUNT(styles); i++) CHECK(styles[i] > 0);
    CHECK(glasses > PEOPLE / 10 && glasses < PEOPLE / 3 && beards > PEOPLE / 50 && beards < PEOPLE / 4);
}

static void test_poses(void)
{
    double yaw = 0, most = 0;
    for (int i = 0; i < PEOPLE; i++) {
        FacePose pose;
        face_pose(&pose, chance, 7, (uint64_t)i);
        CHECK(is_colour(pose.backdrop) && fabsf(pose.roll) <= 0.16f && pose.scale > 0.9f && pose.noise >= 0);
        yaw += pose.yaw, most = fmax(most, fabs(pose.yaw));
    }
    CHECK_MSG(fabs(yaw / PEOPLE) < 0.02 && most <= 0.33 && most > 0.2, "yaw: mean %g, most %g", yaw / PEOPLE, most);
}

/* Every byte is written, none beyond, and the same again: at sizes of one band and of many, the last one cut. */
static void test_sizes(void)
{
    static const int sizes[] = {8, 9, 16, 33, 90, 91, 128, 300, 512};
    for (int i = 0; i < FACE_COUNT(sizes); i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            size_t count = (size_t)(sizes[i] * sizes[i] * channels), guard = 64;
            unsigned char *a = malloc(count + guard), *b = malloc(count + guard);
            FaceIdentity who;
            FacePose pose;
            float au[FACE_AUS] = {0};
            memset(a, 0, count + guard), memset(b, 255, count + guard);
            someone(&who, &pose, (uint64_t)i);
            face_recipe(au, i % FACE_EMOTIONS, 1);
            face_render(&who, &pose, au, sizes[i], channels, a);
            face_render(&who, &pose, au, sizes[i], channels, b);
            CHECK_MSG(memcmp(a, b, count) == 0, "%d px, %d channels: not the same twice", sizes[i], channels);
            int beyond = 0;
            for (size_t k = count; k < count + guard; k++) beyond += a[k] != 0 || b[k] != 255;
            CHECK_MSG(beyond == 0, "%d px, %d channels: wrote beyond the picture", sizes[i], channels);
            free(a), free(b);
        }
}

/* Everybody with every face: no two alike, and none of one colour. */
static void test_differences(void)
{
    enum { SIZE = 48, FACES = 60 };
    static unsigned char pixels[FACES][SIZE * SIZE];
    int alike = 0, flat = 0;
    for (int i = 0; i < FACES; i++) {
        FaceIdentity who;
        FacePose pose;
        float au[FACE_AUS] = {0};
        someone(&who, &pose, (uint64_t)i / 2);
        face_recipe(au, i % 2 ? FACE_SURPRISE : FACE_HAPPY, 1);
        face_render(&who, &pose, au, SIZE, 1, pixels[i]);
        for (int k = 0; k < i; k++) alike += memcmp(pixels[i], pixels[k], sizeof pixels[i]) == 0;
        int low = 255, high = 0;
        for (int k = 0; k < SIZE * SIZE; k++) {
            low = pixels[i][k] < low ? pixels[i][k] : low;
            high = pixels[i][k] > high ? pixels[i][k] : high;
        }
        flat += high - low < 60;
    }
    CHECK_MSG(alike == 0 && flat == 0, "%d pairs alike, %d faces without contrast", alike, flat);
}

/* Brows move what is above the eyes, the mouth what is below the nose. */
static void test_muscles(void)
{
    enum { SIZE = 100 };
    static unsigned char rest[SIZE * SIZE], brows[SIZE * SIZE], mouth[SIZE * SIZE];
    for (int i = 0; i < 10; i++) {
        FaceIdentity who;
        FacePose pose, plain = plain_pose();
        float none[FACE_AUS] = {0}, raised[FACE_AUS] = {[FACE_AU2] = 1}, smile[FACE_AUS] = {[FACE_AU23] = 1};
        someone(&who, &pose, (uint64_t)i);
        face_render(&who, &plain, none, SIZE, 1, rest);
        face_render(&who, &plain, raised, SIZE, 1, brows);
        face_render(&who, &plain, smile, SIZE, 1, mouth);
        CHECK(differing(rest, brows, SIZE, 0, 50) > 10 && differing(rest, brows, SIZE, 52, SIZE) == 0);
        CHECK(differing(rest, mouth, SIZE, 62, SIZE) > 10 && differing(rest, mouth, SIZE, 0, 50) == 0);
    }
}

/* A head that nothing makes lopsided, seen from the front in even light, is its own mirror image. */
static void test_mirror(void)
{
    enum { SIZE = 96 };
    static unsigned char pixels[SIZE * SIZE * 3];
    FaceIdentity who;
    FacePose pose, plain = plain_pose();
    float au[FACE_AUS] = {0};
    int worst = 0;
    someone(&who, &pose, 3);
    who.hair_style = FACE_COUNT(face_hair_styles) - 1;
    CHECK(face_hair_styles[who.hair_style].extra == FACE_HAIR_BALD);
    who.freckles = 0;
    for (int i = 0; i < FACE_AUS; i++) who.lopsided[i] = 0;
    face_recipe(au, FACE_FEAR, 0.8f);
    face_render(&who, &plain, au, SIZE, 3, pixels);
    for (int i = 0; i < SIZE * SIZE; i++)
        for (int k = 0; k < 3; k++) {
            int other = i / SIZE * SIZE + SIZE - 1 - i % SIZE, d = abs(pixels[3 * i + k] - pixels[3 * other + k]);
            worst = d > worst ? d : worst;
        }
    CHECK_MSG(worst <= 12, "the mirror image is off by %d", worst);
}

/* Grey is the luma of the colours; the grain has the deviation that the pose says. */
static void test_camera(void)
{
    enum { SIZE = 128 };
    static unsigned char grey[SIZE * SIZE], rgb[SIZE * SIZE * 3], grainy[SIZE * SIZE];
    FaceIdentity who;
    FacePose pose, plain = plain_pose();
    float au[FACE_AUS] = {0};
    double worst = 0, squares = 0;
    someone(&who, &pose, 5);
    face_render(&who, &plain, au, SIZE, 1, grey);
    face_render(&who, &plain, au, SIZE, 3, rgb);
    plain.noise = 0.04f;
    face_render(&who, &plain, au, SIZE, 1, grainy);
    for (int i = 0; i < SIZE * SIZE; i++) {
        double luma = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
        worst = fmax(worst, fabs(luma - grey[i]));
        squares += pow((grainy[i] - grey[i]) / 255.0, 2) / (SIZE * SIZE);
    }
    CHECK_MSG(worst <= 1.01, "grey is off the colours' luma by %g", worst);
    CLOSE(sqrt(squares), 0.04, 0.003);
}

/* Where things are, by the drawing at the header's top: 34 pixels a unit at size 100, the middle at (50,50). The table's
 * face, seen from the front; then turned by a quarter, and twice as large. The iris is dark where the eye is said to be. */
static void test_places(void)
{
    enum { SIZE = 100 };
    static unsigned char pixels[SIZE * SIZE];
    FaceIdentity who;
    FacePose pose, plain = plain_pose();
    float au[FACE_AUS] = {0};
    someone(&who, &pose, 3);
    for (int i = 0; i < FACE_AUS; i++) who.lopsided[i] = who.resting[i] = 0;
    who.eye_size = who.mouth_width = 1, who.eye_spacing = 0.40f, who.nose_length = who.chin = 0, who.glasses = 0;
    FacePlaces p = face_places(&who, &plain, au, SIZE);
    const double want[5][2] = {{36.4, 49.8}, {63.6, 49.8}, {50, 63.1}, {40.65, 73.3}, {59.35, 73.3}};
    for (int i = 0; i < 5; i++) CLOSE(p.point[i][0], want[i][0], 0.3), CLOSE(p.point[i][1], want[i][1], 0.4);
    CLOSE(p.bottom, 50 + 34 * 1.12, 0.3);
    CLOSE(p.left + p.right, 100, 0.01);
    CHECK(p.right - p.left > 45 && p.right - p.left < 65 && p.top > 10 && p.top < 30);
    face_render(&who, &plain, au, SIZE, 1, pixels);
    int eye = pixels[(int)p.point[0][1] * SIZE + (int)p.point[0][0]], cheek = pixels[60 * SIZE + 36];
    CHECK_MSG(eye + 40 < cheek, "the eye is %d, the cheek %d", eye, cheek);
    plain.roll = 3.14159265f / 2, plain.scale *= 2;
    FacePlaces q = face_places(&who, &plain, au, SIZE);
    for (int i = 0; i < 5; i++) {
        CLOSE(q.point[i][0] - 50, -2 * (p.point[i][1] - 50), 0.01);
        CLOSE(q.point[i][1] - 50, 2 * (p.point[i][0] - 50), 0.01);
    }
    CLOSE(q.left, 50 - 2 * 34 * 1.12, 0.6);
}

/* Dice that fall as a test says, by `which`: expressions ask for their numbers by it. */
static double fallen[7];

static double loaded(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    return stream == FACE_STREAM_EXPRESSION ? fallen[which] : chance(seed, stream, index, which);
}

static void test_sets(void)
{
    FaceSet set = {.random = loaded, .seed = 1, .size = 16, .channels = 1, .weakest = 0.5, .blends = 0.25, .n = 3,
                   .emotions = {FACE_NEUTRAL, FACE_HAPPY, FACE_SAD}};
    float au[FACE_AUS] = {0};
    const double dice[7] = {0.5, 0.2, 0.3, 0.8, 0.7, 0.9, 0.7};
    memcpy(fallen, dice, sizeof dice);
    FaceExpression e = face_set_expression(&set, 4);                        /* emotions in turn: 4 is happy */
    CHECK(e.emotion == FACE_HAPPY && e.called == FACE_HAPPY && e.intensity == 0.75f);
    CHECK(e.second == 1 + (FACE_HAPPY + 1) % 6 && fabsf(e.second_intensity - 0.6f) < 1e-6f);   /* 1: (int)(0.3 * 5) */
    face_recipe(au, FACE_HAPPY, 0.75f), face_recipe(au, e.second, e.second_intensity);
    CHECK(memcmp(au, e.au, sizeof au) == 0);
    fallen[1] = 0.25;                                                       /* no blend */
    e = face_set_expression(&set, 4);
    CHECK(e.second == FACE_NEUTRAL && e.second_intensity == 0);
    set.viewers = 1;
    CHECK(face_set_expression(&set, 4).called == FACE_HAPPY);               /* 0.7 < 0.75: it is seen */
    fallen[4] = 0.75;                                                       /* it is not: the third of three */
    CHECK(face_set_expression(&set, 4).called == FACE_SAD);
    fallen[1] = 0, fallen[4] = 0;                                           /* the second of the two is seen: 0.7 of 1.35 */
    set.emotions[2] = face_set_expression(&set, 4).second;
    fallen[6] = 0.5;
    CHECK(face_set_expression(&set, 4).called == FACE_HAPPY);
    fallen[6] = 0.6;
    CHECK(face_set_expression(&set, 4).called == set.emotions[2]);
    set.emotions[2] = FACE_HAPPY;                                           /* nobody was told of the second one */
    CHECK(face_set_expression(&set, 4).called == FACE_HAPPY);
    e = face_set_expression(&set, 3);
    CHECK(e.emotion == FACE_NEUTRAL && e.called == FACE_NEUTRAL && e.intensity == 0);
    for (int turn = 0; turn < 2; turn++) {                                  /* turned by nothing, and as they stand */
        unsigned char a[256], b[256];
        FaceIdentity who;
        FacePose pose;
        someone(&who, &pose, 9);
        set.turn = turn, set.random = chance;
        if (!turn) pose.yaw = pose.roll = pose.shift_x = pose.shift_y = 0;
        face_render(&who, &pose, e.au, 16, 1, a);
        face_set_render(&set, 9, e.au, b);
        CHECK(memcmp(a, b, sizeof a) == 0);
    }
}

int main(void)
{
    test_places();
    test_units();
    test_sets();
    test_recipes();
    test_affect();
    test_people();
    test_poses();
    test_sizes();
    test_differences();
    test_muscles();
    test_mirror();
    test_camera();
    return check_report();
}
