/* test_stock.c: vendor/stock.h: a teacher whose answers are known: boxes become shares of the picture, what it sees no face
 * in is left out, it is asked once, and its answers are another stock's only where that is about the same. */
#include "../vendor/all.h"
#include "check.h"
#include "folder.h"

static double chance(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    uint64_t z = (seed + 77) * 0x9E3779B97F4A7C15u ^ (stream * 40503u + index * 100003u + which) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 30) * 0x94D049BB133111EBu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

static void write_grey(const char *path, int width, int height, int grey)
{
    Image p = new_picture(width, height, 1);
    memset(p.pixels, grey, picture_bytes(&p));
    save_picture(path, &p, NULL);
}

static int asked, sides[100];

/* Grey 50: no face, 100: one in the middle, 150: only from 192 pixels on, 200: one in a corner. */
static Boxes find(void *context, const Image *picture)
{
    Boxes found = {0};
    int side = picture->width, grey = picture->pixels[(picture->height / 2 * side + side / 2) * 3];
    CHECK(picture->channels == 3 && context == (void *)folder);
    sides[asked++] = side;
    Box face = {.box = {0.25 * side, 0.25 * side, 0.75 * side, 0.75 * side}, .score = 0.9};
    for (int k = 0; k < BOX_POINTS; k++) face.point[k][0] = 0.5 * side, face.point[k][1] = (0.3 + 0.1 * k) * side;
    if (grey == 200)
        for (int k = 0; k < 4; k++) face.box[k] *= 0.3;
    if (grey == 100 || grey == 200 || (grey == 150 && side >= 192)) boxes_add(&found, face);
    return found;
}

static Stock *open_with(const char *of, void *context)
{
    char *faces[] = {(char *)at("faces")};
    return stock_open(faces, 1, &(StockOptions){.random = chance, .seed = 1, .channels = 1, .kept = at("told.safetensors"),
                                                .of = of, .backgrounds = at("grounds"), .find = context ? find : NULL,
                                                .context = context});
}

static void test_teacher(void)
{
    const Stock *s = open_with("these", folder);
    ScenePortrait p;
    Image ground;
    /* faces 1 (100) at 128; 2 (50) at 128, 192, 256; 3 (150) at 128, 192; 4 (200) at all three; grounds 300 and 600 wide */
    static const int wanted[] = {128, 128, 192, 256, 128, 192, 128, 192, 256, 600, 500, 600};
    CHECK(asked == 12 && memcmp(sides, wanted, sizeof wanted) == 0);
    CHECK(s->count == 7 && s->n_faces == 4 && s->scenes.portraits == 2 && s->scenes.backgrounds == 2 && s->taught);
    CHECK(s->good[0] == 0 && s->good[1] == 2 && s->good[2] == 4 && s->good[3] == 5);
    /* 0.25 of what was shown is 1.5 (0.25 - 0.5) + 0.5 = 0.125 of the picture's side, the centred square's 40 */
    CHECK(s->scenes.portrait(s->scenes.context, 0, &p) && p.picture.width == 40 && p.picture.height == 40);
    CHECK(p.picture.channels == 1 && p.face.score == 1);
    CLOSE(p.face.box[0], 5, 1e-5);
    CLOSE(p.face.box[3], 35, 1e-5);
    CLOSE(p.face.point[4][0], 20, 1e-5);
    CLOSE(p.face.point[4][1], 40 * (1.5 * 0.2 + 0.5), 1e-5);
    CHECK(s->scenes.background(s->scenes.context, 1, &ground) && ground.width == 500);
}

static void again(void *of) { open_with(of, folder); }

static void test_kept(void)
{
    Error e;
    asked = 0;
    CHECK(open_with("these", folder)->scenes.portraits == 2 && asked == 0);
    CHECK(!attempt(again, "those", &e) && e.status == 2 && strstr(e.text, "is about other pictures (these)"));
    remove(at("told.safetensors"));
    const volatile sig_atomic_t stop = 1;
    const Stock *s = stock_open(&(char *){(char *)at("faces")}, 1, &(StockOptions){.random = chance, .channels = 1, .stop = &stop,
                                                                                  .backgrounds = at("grounds")});
    CHECK(s->scenes.portraits == 0 && s->scenes.backgrounds == 0 && s->count == 7);         /* nobody was asked */
}

/* Without a teacher a face is all of its picture, and its points are not known. */
static void test_alone(void)
{
    const Stock *s = open_with("none", NULL);
    ScenePortrait p;
    CHECK(s->scenes.portraits == 4 && s->scenes.backgrounds == 3 && !s->taught);
    CHECK(s->scenes.portrait(s->scenes.context, 3, &p) && p.face.score == 0 && p.face.box[0] == 0 && p.face.box[3] == 40);
    const Stock *none = stock_open(NULL, 0, &(StockOptions){.random = chance, .seed = 2, .channels = 3});
    Scene *scenes = scene_new(3, 64, 3), alone = {.picture = new_picture(64, 64, 3)};
    scene_compose_all(&none->scenes, 5, scenes, 3, NULL);
    scene_compose(&none->scenes, 7, &alone);
    CHECK(none->count == 0 && memcmp(scenes[2].picture.pixels, alone.picture.pixels, 64 * 64 * 3) == 0);
    CHECK(scenes[2].n_faces == alone.n_faces && memcmp(scenes[1].picture.pixels, alone.picture.pixels, 64 * 64 * 3) != 0);
}

int main(void)
{
    static const int greys[4] = {100, 50, 150, 200};
    Scope all;
    enter(&all);
    if (!begin_folder("stock")) return 1;
    make_folder(at("faces")), make_folder(at("grounds"));
    for (int i = 0; i < 4; i++) write_grey(at("faces/%d.png", i + 1), 40, i ? 40 : 44, greys[i]);
    write_grey(at("grounds/1.png"), 300, 200, 50), write_grey(at("grounds/2.png"), 500, 300, 50);
    write_grey(at("grounds/3.png"), 300, 300, 100);
    test_teacher();
    test_kept();
    test_alone();
    CHECK(end_folder());
    leave();
    return check_report();
}
