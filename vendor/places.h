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

/* A block of memory to share. The system hands out fresh memory page by page (4 KB), each at its first touch, which
 * costs time: so it is kept. Large pages (2 MB, where the system has them) cost the processor fewer translations of
 * addresses. */
typedef struct Arena { char *base; size_t size; } Arena;

/* Makes it at least `size` bytes; what it held is lost when it grows. false: there is no memory. */
PLACES_API bool places_reserve(Arena *arena, size_t size);
PLACES_API void places_release(Arena *arena);

/* Zeros to be freed, aligned for the widest vector instructions, in large pages as far as they fill these; NULL: there
 * is no memory. */
PLACES_API void *places_zeros(size_t bytes);

enum { PLACES_ALIGNMENT = 64 };
PLACES_API size_t places_round_up(size_t size, size_t to);

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
#include <string.h>
#include <sys/mman.h>

enum { PLACES_HUGE_PAGE = 2 << 20 };

PLACES_API size_t places_round_up(size_t size, size_t to) { return (size + to - 1) / to * to; }

/* Asks for large pages in memory that starts at one. */
static void places_large_pages(void *base, size_t size)
{
#ifdef MADV_HUGEPAGE
    if (size) madvise(base, size, MADV_HUGEPAGE);
#else
    (void)base, (void)size;
#endif
}

PLACES_API void places_release(Arena *arena)
{
    if (arena->base) munmap(arena->base, arena->size);
    arena->base = NULL, arena->size = 0;
}

PLACES_API bool places_reserve(Arena *arena, size_t size)
{
    if (size <= arena->size) return true;
    places_release(arena);
    size = places_round_up(size, PLACES_HUGE_PAGE);
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return false;
    places_large_pages(base, size);
    arena->base = (char *)base, arena->size = size;
    return true;
}

PLACES_API void *places_zeros(size_t bytes)
{
    void *memory = NULL;
    bytes = places_round_up(bytes ? bytes : 1, PLACES_ALIGNMENT);
    if (posix_memalign(&memory, bytes < PLACES_HUGE_PAGE ? PLACES_ALIGNMENT : PLACES_HUGE_PAGE, bytes)) return NULL;
    places_large_pages(memory, bytes / PLACES_HUGE_PAGE * PLACES_HUGE_PAGE);    /* the rest would waste a large one */
    return memset(memory, 0, bytes);
}

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
