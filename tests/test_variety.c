/* test_variety.c: vendor/variety.h: signs of pictures whose distances can be counted on paper. */
#define SCOPE_IMPLEMENTATION
#define SCOPE_STATIC
#include "../vendor/scope.h"
#define STATS_IMPLEMENTATION
#define STATS_STATIC
#include "../vendor/stats.h"
#define VARIETY_IMPLEMENTATION
#define VARIETY_STATIC
#include "../vendor/variety.h"
#include "check.h"

enum { SIZE = 12 };

static double middle(void *context, int c)
{
    (void)context, (void)c;
    return 0.5;
}

/* One grey all over, but `right` in the right half. */
static void add(VarietyPictures *p, float left, float right, int label)
{
    float picture[SIZE * SIZE];
    for (int i = 0; i < SIZE * SIZE; i++) picture[i] = i % SIZE < SIZE / 2 ? left : right;
    variety_add(p, picture, label);
}

/* Real pictures: all 0 or all 1 in class 0, two halves in class 1. In pixels (144 of them) 0 and 1 are 12 apart, either
 * from either half sqrt(72) = 8.485, the halves 12. Edges: all grey ones have none; the halves have the same ones, as an
 * edge's sign does not count. */
static Variety *real_pictures(void)
{
    Variety *v = variety_new(4, SIZE, 1);
    add(&v->data, 0, 0, 0), add(&v->data, 1, 1, 0), add(&v->data, 0, 1, 1), add(&v->data, 1, 0, 1);
    variety_learn(v, 2, middle, NULL);
    return v;
}

static void test_data(void)
{
    const Variety *v = real_pictures();
    CLOSE(v->pixels, (12 + 12 + 4 * sqrt(72)) / 6, 1e-12);
    CLOSE(v->class_pixels, 12, 1e-12);
    CLOSE(v->nearest, sqrt(72), 1e-12);
    CLOSE(v->class_edges, 0, 1e-12);
    /* the step between columns 5 and 6 is in the third cell of each of six rows: 2 in five of them, 1 in the last,
     * whose lower line has no neighbour below; all else is 0 */
    CLOSE(v->edges, 4.0 / 6 * sqrt(5 * 4 + 1), 1e-12);
}

static void test_signs(void)
{
    const Variety *v = real_pictures();
    VarietyPictures same = variety_pictures(4, SIZE, 1), one = same, near = variety_pictures(2, SIZE, 1);
    one = variety_pictures(3, SIZE, 1);
    add(&same, 0, 0, 0), add(&same, 1, 1, 0), add(&same, 0, 1, 1), add(&same, 1, 0, 1);
    VarietySigns s = variety_compare(v, &same, false);
    CLOSE(s.pixels, 1, 1e-12), CLOSE(s.edges, 1, 1e-12), CLOSE(s.nearest, 0, 1e-12);
    CHECK(isnan(s.within) && s.clusters >= 1);
    for (int i = 0; i < 3; i++) add(&one, 0.25f, 0.25f, 0);
    s = variety_compare(v, &one, true);
    CHECK(s.pixels == 0 && s.edges == 0 && s.within == 0);
    CLOSE(s.nearest, 3 / sqrt(72), 1e-12);              /* 144 pixels, each 0.25 from the black picture's */
    add(&near, 0, 0.5f, 0), add(&near, 0, 1, 0);
    s = variety_compare(v, &near, true);
    CLOSE(s.pixels, sqrt(72) / 2 / v->pixels, 1e-12);
}

static void test_moved(void)
{
    VarietyPictures a = variety_pictures(2, SIZE, 1), b = variety_pictures(2, SIZE, 1);
    add(&a, 0, 0, 0), add(&a, 1, 1, 0);
    add(&b, 0, 0, 0), add(&b, 0.5f, 0.5f, 0);
    CLOSE(variety_moved(&a, &b), 6.0 / 2 / 12, 1e-12);
    a.n = b.n = 0;
    add(&a, 1, 1, 0), add(&a, 1, 1, 0), add(&b, 0, 0, 0), add(&b, 0, 0, 0);
    CHECK(variety_moved(&a, &b) == 0);
}

/* Large pictures are averaged down: a chess board's fields of one pixel are grey. */
static void test_grain(void)
{
    static float chess[48 * 48], grey[48 * 48];
    VarietyPictures p = variety_pictures(2, 48, 1);
    for (int i = 0; i < 48 * 48; i++) chess[i] = (i / 48 + i) % 2, grey[i] = 0.5f;
    variety_add(&p, chess, 0), variety_add(&p, grey, 0);
    StatsRows rows = variety_pixels(&p);
    CHECK(rows.d == 24 * 24 && stats_pair_distance(&rows) == 0);
}

static void too_many(void *context)
{
    (void)context;
    VarietyPictures p = variety_pictures(1, SIZE, 1);
    add(&p, 0, 0, 0), add(&p, 0, 0, 0);
}

/* Half as varied as they should be: armed once they were well, or it is late; once for each fall. */
static void test_alarm(void)
{
    VarietySigns s = {.each = {0.9, 0.8, 0.6, 1, 1, 0.1, NAN, NAN, 0.25}}, low = s;
    VarietyAlarm alarm = {0}, late = {0};
    char text[VARIETY_WORDS];
    low.edges = 0.1;
    CHECK(variety_least(&s) == 0.6 && variety_least(&low) == 0.1);
    CHECK(!variety_alarm(&alarm, &low, 0.35, false) && !alarm.armed);
    CHECK(!variety_alarm(&alarm, &s, 0.35, false) && alarm.armed && !alarm.on);
    CHECK(variety_alarm(&alarm, &low, 0.35, false) && !variety_alarm(&alarm, &low, 0.35, false) && alarm.on);
    CHECK(!variety_alarm(&alarm, &s, 0.35, false) && variety_alarm(&alarm, &low, 0.35, false));
    CHECK(variety_alarm(&late, &low, 0.35, true));
    CHECK(strcmp(variety_name(2), "within") == 0 && strcmp(variety_name(VARIETY_SIGNS - 1), "judged") == 0);
    variety_words(&low, 0.35, VARIETY_LEARNS, text);
    CHECK(strcmp(text, "G's samples are 90% as varied as the data in their pixels and 10% in their edges: collapsed; "
                 "within a class they are 60% as varied; G hardly listens to the class; it puts 25% into the class they "
                 "were asked for") == 0);
    variety_words(&low, 0.35, VARIETY_LEARNS - 1, text);
    CHECK(strstr(text, "in their edges: G has only begun to learn; ") && !strstr(text, "collapsed"));
    variety_words(&s, 0.35, VARIETY_LEARNS, text);
    CHECK(strstr(text, "in their edges: thin; "));
}

int main(void)
{
    Error e = {0};
    test_data();
    test_signs();
    test_moved();
    test_grain();
    CHECK(!attempt(too_many, NULL, &e) && e.status == 2);
    test_alarm();
    return check_report();
}
