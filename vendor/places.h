/* places.h: memory for things that live for a while. Whose lives do not overlap may have the same place.
 *
 *     #define PLACES_IMPLEMENTATION     in exactly one C file, before the include
 *     #include "places.h"               which includes scope.h: its IMPLEMENTATION stands in the same file
 *
 *     Stretch p[3] = {{.bytes = 64, .born = 0, .last_use = 1}, {.bytes = 64, .born = 1, .last_use = 2},
 *                   {.bytes = 64, .born = 2, .last_use = 3}};
 *     char *memory = malloc(places_give(p, 3));          128 bytes: the first and the last share a place
 *     memory + p[i].offset ...                           p's order has changed; `id` says which is which
 *
 * Lives are all known beforehand, so the largest places are given out first, each the lowest stretch that is free
 * during its whole life. On the graphs of neural networks this comes within a few percent of the most that is ever
 * alive at once, below which no way of sharing can go.
 *
 * Define PLACES_STATIC as well to keep every function private to that file. The declarations are C++17, too.
 */
#ifndef PLACES_H
#define PLACES_H

#include "scope.h"

#ifdef PLACES_STATIC
#define PLACES_API static inline
#elif defined(__cplusplus)
#define PLACES_API extern "C"
#else
#define PLACES_API
#endif

typedef struct Stretch {
    size_t bytes, offset;               /* its size, a multiple of whatever places are to be aligned to; where it is */
    int born, last_use;                 /* held from the one moment to the other, both included */
    int id;                             /* the caller's; of places of one size the smaller id comes first */
} Stretch;

/* Gives every place its offset and sorts them, the largest first. Returns how many bytes they take together. */
PLACES_API size_t places_give(Stretch *places, int n);

/* The most bytes that are alive at once. */
PLACES_API size_t places_alive(const Stretch *places, int n);

#endif /* PLACES_H */

#if defined(PLACES_IMPLEMENTATION) && !defined(PLACES_IMPLEMENTED)
#define PLACES_IMPLEMENTED

#include <stdlib.h>

static int places_largest_first(const void *a, const void *b)
{
    const Stretch *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x->id > y->id) - (x->id < y->id);
}

/* The lowest offset at which y disturbs none of the `n` given places, which are sorted by offset. */
static size_t places_lowest_gap(Stretch *const *given, int n, const Stretch *y)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const Stretch *other = given[i];
        if (other->last_use < y->born || y->last_use < other->born) continue;
        if (at + y->bytes <= other->offset) break;
        if (other->offset + other->bytes > at) at = other->offset + other->bytes;
    }
    return at;
}

PLACES_API size_t places_give(Stretch *places, int n)
{
    Stretch **given = own((size_t)n, sizeof *given);
    size_t all = 0;
    qsort(places, (size_t)n, sizeof *places, places_largest_first);
    for (int i = 0; i < n; i++) {
        Stretch *y = places + i;
        int k = i;
        y->offset = places_lowest_gap(given, i, y);
        for (; k > 0 && given[k - 1]->offset > y->offset; k--) given[k] = given[k - 1];
        given[k] = y;
        if (y->offset + y->bytes > all) all = y->offset + y->bytes;
    }
    give_back(given);
    return all;
}

PLACES_API size_t places_alive(const Stretch *places, int n)
{
    size_t most = 0;
    for (int i = 0; i < n; i++) {
        size_t now = 0;                 /* most are alive when one is born */
        for (int k = 0; k < n; k++)
            if (places[k].born <= places[i].born && places[i].born <= places[k].last_use) now += places[k].bytes;
        if (now > most) most = now;
    }
    return most;
}

#endif /* PLACES_IMPLEMENTATION */
