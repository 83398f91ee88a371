/* test_heaps.c: vendor/heaps.h: where the heaps lie, which of them a point is of, and when a model is said to reach one. */
#include "../vendor/all.h"
#include "check.h"

/* Not closer than image.h's sine is to a sine, beyond the angles that it is good for. */
static const double sine = 1e-3;

static void test_places(void)
{
    const Heaps ring = heaps_new("ring"), grid = heaps_new("grid"), spiral = heaps_new("spiral");
    CHECK(ring.n == 8 && grid.n == 25 && spiral.n == 16);
    for (int i = 0; i < 8; i++) CLOSE(hypot(ring.at[i][0], ring.at[i][1]), 2, sine);
    CLOSE(ring.at[2][0], 0, sine), CLOSE(ring.at[2][1], 2, sine);
    CHECK(grid.at[0][0] == -2 && grid.at[0][1] == -2 && grid.at[7][0] == 0 && grid.at[7][1] == -1 && grid.at[24][1] == 2);
    for (int i = 0; i < 16; i++) CLOSE(hypot(spiral.at[i][0], spiral.at[i][1]), 0.4 + 1.8 * i / 16, sine);
    CLOSE(spiral.at[8][0], 0, sine), CLOSE(spiral.at[8][1], -1.3, sine);        /* three quarters of a turn */
}

static void test_points(void)
{
    const Heaps grid = heaps_new("grid");
    double point[2] = {1, -2}, last[2] = {0, 0};
    heaps_point(&grid, 0.3, point), heaps_point(&grid, 0.9999, last);           /* 0.3 x 25: heap 7 */
    CLOSE(point[0], 0.05, 1e-15), CLOSE(point[1], -1.1, 1e-15);
    CHECK(last[0] == 2 && last[1] == 2);
}

/* Of 800 points one heap of the eight has its share, one a fifth of that, one less; the rest lie on none. */
static void test_verdict(void)
{
    static const int counts[3] = {100, 20, 19};
    const Heaps ring = heaps_new("ring");
    HeapsTally t = {0};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < counts[k]; i++) heaps_add(&t, &ring, ring.at[k][0] + 0.19, ring.at[k][1]);
    while (t.points < 800) heaps_add(&t, &ring, ring.at[3][0], ring.at[3][1] + 0.21);
    heaps_add(&t, &ring, NAN, 0), t.points--;
    const HeapsVerdict v = heaps_verdict(&t, &ring);
    CHECK(t.on[0] == 100 && t.on[3] == 0 && v.reached == 2);
    CLOSE(v.within, 139 / 800.0, 1e-15);
}

int main(void)
{
    test_places();
    test_points();
    test_verdict();
    return check_report();
}
