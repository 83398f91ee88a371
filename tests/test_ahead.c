/* test_ahead.c: vendor/ahead.h makes every item once and in order, never into a slot that is not done with, and fails where
 * its maker does. */
#define SCOPE_IMPLEMENTATION
#define SCOPE_STATIC
#define AHEAD_IMPLEMENTATION
#define AHEAD_STATIC
#include "../vendor/ahead.h"
#include <unistd.h>
#include "check.h"

enum { SLOTS = 3 };

typedef struct Work {
    uint64_t slot[SLOTS];               /* the number of what is in it; 0: done with */
    uint64_t first, failing;            /* the item that cannot be made; 0: none */
    int made, overwritten, pause;       /* microseconds that making takes */
} Work;

static void make(void *context, uint64_t number)
{
    Work *w = context;
    if (number == w->failing) give_up(1, "no item %d", (int)number);
    usleep((useconds_t)w->pause);
    w->overwritten += w->slot[number % SLOTS] != 0;
    w->slot[number % SLOTS] = number;
    w->made++;
}

/* Takes items until one fails. */
static void take(void *context)
{
    Work *w = context;
    Ahead *a = ahead_start(make, w, SLOTS, w->first);
    for (uint64_t number = w->first; number < w->first + 40; number++) {
        int slot = ahead_wait(a);
        if (number % 5 == 0) usleep(300);
        CHECK(slot == (int)(number % SLOTS) && w->slot[slot] == number);
        w->slot[slot] = 0;
        ahead_done(a);
    }
}

static void never_take(void *context)
{
    Ahead *a = ahead_start(make, context, SLOTS, 1);
    ahead_wait(a);
    while (__atomic_load_n(&((Work *)context)->made, __ATOMIC_SEQ_CST) < SLOTS) usleep(100);
    usleep(2000);
    CHECK(((Work *)context)->made == SLOTS);            /* and no more: no slot is done with */
    ahead_stop(a);
    ahead_stop(a);
}

static void stop_at_once(void *context)
{
    ahead_start(make, context, SLOTS, 1);
}

int main(void)
{
    Error e = {0};
    for (int pause = 0; pause <= 200; pause += 200) {
        Work w = {.first = 1000000000007, .pause = pause};
        CHECK(attempt(take, &w, &e) && w.overwritten == 0 && w.made >= 40 && w.made <= 40 + SLOTS);
    }
    Work broken = {.first = 1, .failing = 8}, still = {0}, brief = {.pause = 1000};
    int passed = check_passed;
    CHECK(!attempt(take, &broken, &e) && !strcmp(e.text, "no item 8") && e.status == 1);
    CHECK(check_passed == passed + 8 && broken.made == 7);      /* the seven before it were taken first */
    CHECK(attempt(never_take, &still, &e) && attempt(stop_at_once, &brief, &e) && brief.made <= SLOTS);
    return check_report();
}
