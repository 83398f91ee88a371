/* test_drawn.c: vendor/drawn.h: drawn faces and scenes as files: every picture in its folder, the list's rows as the
 * drawing says, the same whether threads help or not; and nothing that is half done is called done. */
#include "../vendor/all.h"
#include "check.h"
#include "folder.h"

static double chance(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    uint64_t z = (seed + 77) * 0x9E3779B97F4A7C15u ^ (stream * 40503u + index * 100003u + which) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 30) * 0x94D049BB133111EBu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

static const FaceSet faces = {.random = chance, .seed = 5, .size = 24, .channels = 1, .turn = 1, .weakest = 0.2,
                              .blends = 0.5, .n = 2, .emotions = {FACE_HAPPY, FACE_NEUTRAL}};

/* Threads of a kind: the last task first. */
static void backwards(int tasks, void (*task)(void *argument, int index, int worker), void *argument)
{
    while (tasks--) task(argument, tasks, 0);
}

static void draw(void *options) { drawn_faces(&faces, options); }

static void choose(void *list) { drawn_emotions(&(FaceSet){0}, list); }

static void test_emotions(void)
{
    FaceSet set = {0};
    Error e;
    drawn_emotions(&set, "");
    CHECK(set.n == EMOTIONS && set.emotions[0] == FACE_NEUTRAL && set.emotions[EMOTIONS - 1] == EMOTIONS - 1);
    drawn_emotions(&set, "sad,happiness");
    CHECK(set.n == 2 && set.emotions[0] == FACE_SAD && set.emotions[1] == FACE_HAPPY);
    CHECK(!attempt(choose, "happy,angri", &e) && e.status == 2 && strstr(e.text, "there is no angri; drawn faces show"));
    CHECK(strstr(e.text, "did you mean angry?"));
}

static bool same_file(const char *a, const char *b)
{
    size_t n, m;
    const char *x = read_file(a, 1 << 20, &n), *y = read_file(b, 1 << 20, &m);
    return n == m && memcmp(x, y, n) == 0;
}

static void test_faces(void)
{
    enum { COUNT = 67 };                /* more than are drawn at once */
    Error e;
    draw(&(DrawnOptions){.out = at("one"), .count = COUNT});
    draw(&(DrawnOptions){.out = at("two"), .count = COUNT, .each = backwards});
    CHECK(list_folder(at("one/happy"), NAMES_PICTURES).count == 34 && list_folder(at("one/neutral"), NAMES_PICTURES).count == 33);
    CHECK(same_file(at("one/labels.csv"), at("two/labels.csv")) && same_file(at("one/happy/00066.png"), at("two/happy/00066.png")));
    TableReader *rows = open_table(at("one/labels.csv"), 64);
    CHECK(more_rows(rows) && rows->n_fields == 8 + FACE_AUS && strcmp(rows->fields[2], "intensity") == 0);
    for (int i = 0; i < COUNT; i++) {
        const FaceExpression shown = face_set_expression(&faces, (uint64_t)i);
        CHECK(more_rows(rows) && strcmp(rows->fields[1], i % 2 ? "neutral" : "happy") == 0);
        CHECK(path_exists(at("one/%s", rows->fields[0])));
        CLOSE(atof(rows->fields[2]), (double)shown.intensity, 6e-4);
        CHECK(strcmp(rows->fields[5 + FACE_AUS], emotion_names[shown.second]) == 0);
    }
    CHECK(!more_rows(rows));
    CHECK(!attempt(draw, &(DrawnOptions){.out = at("two"), .count = 1}, &e));       /* its pictures would mix with these */
}

static void test_stopping(void)
{
    static volatile sig_atomic_t stop = 1;
    Error e;
    CHECK(!attempt(draw, &(DrawnOptions){.out = at("half"), .count = 5, .stop = &stop}, &e));
    CHECK(strstr(e.text, "stopped after 0 of 5 pictures") && !path_exists(at("half/labels.csv")));
}

static void test_scenes(void)
{
    const SceneStock stock = {.random = chance, .seed = 3, .channels = 3};
    Scene *wanted = scene_new(18, 96, 3);
    int rows_of[18] = {0}, all = 0;
    make_folder(at("scenes"));
    drawn_scenes(&stock, 96, &(DrawnOptions){.out = at("scenes"), .count = 18});
    scene_compose_all(&stock, 0, wanted, 18, NULL);
    TableReader *rows = open_table(at("scenes/faces.csv"), 32);
    CHECK(more_rows(rows) && strcmp(rows->fields[0], "path") == 0);
    for (; more_rows(rows); all++) rows_of[atoi(rows->fields[0])]++;
    CHECK(all > 0);
    for (int i = 0; i < 18; i++) {
        Image picture;
        Error e;
        CHECK(rows_of[i] == wanted[i].n_faces && try_picture(at("scenes/%05d.png", i), 3, &picture, &e));
        CHECK(memcmp(picture.pixels, wanted[i].picture.pixels, picture_bytes(&picture)) == 0);
    }
}

int main(void)
{
    Scope all;
    enter(&all);
    if (!begin_folder("drawn")) return 1;
    progress_to(NULL);
    test_emotions();
    test_faces();
    test_stopping();
    test_scenes();
    CHECK(end_folder());
    leave();
    return check_report();
}
