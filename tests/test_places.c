/* test_places.c: vendor/places.h: places worked out by hand, and properties of many drawn by chance. */
#define SCOPE_IMPLEMENTATION
#define SCOPE_STATIC
#include "../vendor/scope.h"
#define PLACES_IMPLEMENTATION
#define PLACES_STATIC
#include "../vendor/places.h"
#include <stdint.h>
#include "check.h"

static size_t offset_of(const Stretch *p, int n, int id)
{
    for (int i = 0; i < n; i++)
        if (p[i].id == id) return p[i].offset;
    return (size_t)-1;
}

static void by_hand(void)
{
    Stretch chain[3] = {{64, 0, 0, 1, 0}, {64, 0, 1, 2, 1}, {64, 0, 2, 3, 2}};
    CHECK(places_alive(chain, 3) == 128 && places_give(chain, 3) == 128);
    CHECK(offset_of(chain, 3, 0) == 0 && offset_of(chain, 3, 1) == 64 && offset_of(chain, 3, 2) == 0);
    /* 100 lies at 0. 60 (born 2) and 40 overlap it: 100 and 160; 30, alive with 40 alone, fits below it */
    Stretch gaps[4] = {{40, 0, 2, 4, 0}, {100, 0, 0, 2, 1}, {60, 0, 2, 3, 2}, {30, 0, 4, 5, 3}};
    CHECK(places_alive(gaps, 4) == 200 && places_give(gaps, 4) == 200);
    CHECK(offset_of(gaps, 4, 1) == 0 && offset_of(gaps, 4, 2) == 100 && offset_of(gaps, 4, 0) == 160);
    CHECK(offset_of(gaps, 4, 3) == 0 && gaps[0].bytes == 100 && gaps[3].bytes == 30);
    Stretch apart[2] = {{8, 0, 0, 3, 5}, {8, 0, 4, 9, 4}};
    CHECK(places_give(apart, 2) == 8 && apart[0].id == 4 && apart[0].offset == 0 && apart[1].offset == 0);
    CHECK(places_give(apart, 0) == 0 && places_alive(apart, 0) == 0);
}

/* No two that are alive together overlap, and little is wasted. */
static void by_chance(void)
{
    enum { N = 300 };
    uint64_t seed = 1;
    for (int trial = 0; trial < 20; trial++) {
        Stretch p[N];
        int overlaps = 0;
        for (int i = 0; i < N; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int born = (int)(seed >> 33) % 400;
            p[i] = (Stretch){64 * (1 + (seed >> 50) % 90), 0, born, born + (int)(seed >> 40) % 30, i};
        }
        size_t alive = places_alive(p, N), all = places_give(p, N);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < i; k++)
                overlaps += p[i].born <= p[k].last_use && p[k].born <= p[i].last_use &&
                            p[i].offset < p[k].offset + p[k].bytes && p[k].offset < p[i].offset + p[i].bytes;
        CHECK(overlaps == 0);
        CHECK_MSG(all >= alive && all < alive * 3 / 2, "%zu bytes for %zu alive", all, alive);
    }
}

/* A block grows and is kept; zeros are zeros, and begin where the widest vectors may. */
static void blocks(void)
{
    Arena arena = {NULL, 0};
    CHECK(places_reserve(&arena, 1000) && arena.size >= 1000 && arena.base);
    char *base = arena.base;
    memset(base, 1, arena.size);
    CHECK(places_reserve(&arena, 10) && arena.base == base && base[0] == 1);
    CHECK(places_reserve(&arena, 5 << 20) && arena.size >= 5 << 20);
    memset(arena.base, 1, arena.size);
    CHECK(!places_reserve(&arena, (size_t)1 << 60));
    CHECK(!arena.base && !arena.size);
    places_release(&arena);
    const size_t sizes[] = {0, 1, 1000, 5 << 20};
    for (int i = 0; i < 4; i++) {
        char *zeros = places_zeros(sizes[i]);
        size_t set = 0;
        for (size_t k = 0; k < sizes[i]; k++) set += zeros[k] != 0;
        CHECK(set == 0 && (uintptr_t)zeros % PLACES_ALIGNMENT == 0);
        free(zeros);
    }
}

int main(void)
{
    by_hand();
    blocks();
    by_chance();
    return check_report();
}
