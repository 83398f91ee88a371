/* test_scene.c: vendor/scene.h: scenes are always the same and know their faces; the caller's pictures are used, and where
 * they cannot be had drawn ones are; squares are of the kind that their overlap says, computed by hand. */
#include "../vendor/all.h"
#include "check.h"

enum { SIDE = 160 };

/* Uniform in (0,1), the same for the same numbers. */
static double chance(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    uint64_t z = scene_bits(scene_bits(seed, stream), index * 100003 + which);
    return ((double)(z >> 11) + 0.5) / 9007199254740992.0;
}

static Scene a_scene(const SceneStock *stock, uint64_t number)
{
    Scene scene = {.picture = new_picture(SIDE, SIDE, stock->channels)};
    scene_compose(stock, number, &scene);
    return scene;
}

static void test_drawn(void)
{
    const SceneStock stock = {.random = chance, .seed = 3, .channels = 3};
    int faces = 0, differ = 0;
    for (uint64_t i = 0; i < 30; i++) {
        Scene a = a_scene(&stock, i), b = a_scene(&stock, i);
        CHECK(a.n_faces == b.n_faces && memcmp(a.picture.pixels, b.picture.pixels, SIDE * SIDE * 3) == 0);
        b = a_scene(&stock, i + 1);
        differ += memcmp(a.picture.pixels, b.picture.pixels, SIDE * SIDE * 3) != 0;
        faces += a.n_faces;
        for (int k = 0; k < a.n_faces; k++) {
            const Box *f = &a.faces[k];
            double side = fmax(box_width(f), box_height(f));
            CHECK(box_is_sane(f) && f->score == 1 && side >= 14 && side <= SIDE);
            CHECK_MSG(f->point[0][0] < f->point[1][0] && f->point[3][0] < f->point[4][0], "the left eye is at %g, the right at %g",
                      f->point[0][0], f->point[1][0]);
            for (int p = 0; p < BOX_POINTS; p++)
                CHECK(f->point[p][0] > f->box[0] - 0.1 * side && f->point[p][0] < f->box[2] + 0.1 * side &&
                      f->point[p][1] > f->box[1] - 0.1 * side && f->point[p][1] < f->box[3] + 0.1 * side);
            for (int o = 0; o < k; o++) CHECK(box_overlap(f, &a.faces[o], BOXES_SMALLER, 0) <= 0.15);
        }
    }
    CHECK_MSG(faces >= 30 && faces <= 30 * SCENE_FACES, "%d faces in 30 scenes", faces);
    CHECK(differ == 30);
}

/* A portrait with a bright left and a dark right half, whose face is its left half: the mirror exchanges both. */
static bool half(void *asked, int i, ScenePortrait *out)
{
    out->picture = new_picture(8, 8, 1);
    for (int k = 0; k < 64; k++) out->picture.pixels[k] = k % 8 < 4 ? 200 : 50;
    out->face = (Box){.box = {0, 1, 4, 7}, .point = {{1, 2}, {3, 2.5}, {2, 4}, {1.5, 5}, {2.5, 6}}};
    ((int *)asked)[i]++;
    return i != 1;
}

static bool plain(void *asked, int i, Image *out)
{
    ((int *)asked)[2 + i]++;
    *out = new_picture(300, 200, 1);
    return true;
}

static void test_callers(void)
{
    int asked[3] = {0}, unknown = 0, known = 0;
    const SceneStock stock = {chance, 5, 1, 2, 1, half, plain, asked};
    ScenePortrait p;
    CHECK(half(asked, 0, &p));
    scene_mirror(&p);
    CHECK(p.picture.pixels[0] == 50 && p.picture.pixels[3] == 50 && p.picture.pixels[4] == 200 && p.picture.pixels[63] == 200);
    CHECK(p.face.box[0] == 4 && p.face.box[2] == 8 && p.face.box[1] == 1 && p.face.box[3] == 7);
    CHECK(p.face.point[0][0] == 5 && p.face.point[0][1] == 2.5 && p.face.point[1][0] == 7 && p.face.point[2][0] == 6);
    CHECK(p.face.point[3][0] == 5.5 && p.face.point[3][1] == 6 && p.face.point[4][0] == 6.5 && p.face.point[4][1] == 5);
    for (uint64_t i = 0; i < 20; i++) {
        Scene s = a_scene(&stock, i);
        for (int k = 0; k < s.n_faces; k++) s.faces[k].score > 0 ? known++ : unknown++;
    }
    CHECK_MSG(asked[0] > 5 && asked[1] > 5 && asked[2] > 10, "asked for %d, %d and %d", asked[0], asked[1], asked[2]);
    CHECK_MSG(unknown > 5 && known > 5, "%d faces of the caller's, %d drawn", unknown, known);      /* number 1 is never had */
}

/* One face, 40 x 40 at (20,20). A square as large that is off by d overlaps it by (40 - d) / (40 + d). */
static void test_samples(void)
{
    Scene scene = {.picture = new_picture(SIDE, SIDE, 1), .faces = {{.box = {20, 20, 60, 60}}}, .n_faces = 1};
    static const struct { double off; int kind; } cases[] = {
        {0, SCENE_POSITIVE}, {8, SCENE_POSITIVE}, {9, SCENE_PART}, {17, SCENE_PART}, {18, SCENE_NO_KIND}, {21, SCENE_NO_KIND}, {22, SCENE_NEGATIVE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SceneSample s = scene_sample(&scene, (Box){.box = {20 + cases[i].off, 20, 60 + cases[i].off, 60}});
        CHECK_MSG(s.kind == cases[i].kind && s.face == scene.faces, "off by %g: kind %d", cases[i].off, s.kind);
    }
    CHECK(scene_sample(&scene, (Box){.box = {100, 100, 140, 140}}).face == NULL);
    static const int wanted[SCENE_KINDS] = {20, 6, 6};
    SceneSample samples[32];
    SceneLuck luck = {chance, 1, 1, 0};
    int of[SCENE_NO_KIND + 1] = {0};
    CHECK(scene_samples(&scene, &luck, NULL, wanted, samples) == 32);
    for (int i = 0; i < 32; i++) {
        of[samples[i].kind]++;
        CHECK(scene_sample(&scene, samples[i].square).kind == samples[i].kind);
        CHECK(box_is_inside(&samples[i].square, SIDE, SIDE));
    }
    CHECK(of[SCENE_NEGATIVE] == 20 && of[SCENE_PART] == 6 && of[SCENE_POSITIVE] == 6);
    Boxes mistakes = {0};
    for (int i = 0; i < 30; i++) boxes_add(&mistakes, (Box){.box = {100, 100 + i, 120, 120 + i}});
    scene_samples(&scene, &luck, &mistakes, wanted, samples);
    int taken = 0;
    for (int i = 0; i < 32; i++) taken += samples[i].square.box[0] == 100 && box_width(&samples[i].square) == 20;
    CHECK_MSG(samples[0].square.box[1] == 100 && samples[11].square.box[1] == 111 && taken >= 12 && taken < 20, "%d of the mistakes", taken);
    scene.n_faces = 0;
    scene_samples(&scene, &luck, NULL, wanted, samples);
    for (int i = 0; i < 32; i++) CHECK(samples[i].kind == SCENE_NEGATIVE && samples[i].face == NULL);
}

int main(void)
{
    Scope all;
    enter(&all);
    test_drawn();
    test_callers();
    test_samples();
    leave();
    return check_report();
}
