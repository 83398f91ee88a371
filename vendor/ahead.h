/* ahead.h: items prepared ahead, one after the other, by a thread of their own, and taken in that order.
 *
 *     #define AHEAD_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "ahead.h"
 *
 *     static void make(void *batches, uint64_t number) { fill(((Batch *)batches) + number % 4, number); }
 *
 *     Ahead *a = ahead_start(make, batches, 4, 0);              number 0 is the first
 *     for (;;) {
 *         use(&batches[ahead_wait(a)]);
 *         ahead_done(a);
 *     }
 *
 * The items lie in a ring of slots that is the caller's: number n in slot n % slots, until it is done with.
 *
 *     thread:  make 4   make 5   make 6 .  .  .           `made` and `taken` only ever grow, guarded by one lock
 *     caller:           take 3            take 4
 *
 * Where make() gives up (scope.h, which this includes: define SCOPE_IMPLEMENTATION, too), ahead_wait() gives up with
 * the same words, after the items that were made before. The thread ends when the scope is left in which it was
 * started.
 *
 * Define AHEAD_STATIC as well to keep every function private to that file. C11 and POSIX threads.
 */
#ifndef AHEAD_H
#define AHEAD_H

#include "scope.h"
#include <stdint.h>

#ifdef AHEAD_STATIC
#define AHEAD_API static inline
#elif defined(__cplusplus)
#define AHEAD_API extern "C"
#else
#define AHEAD_API
#endif

typedef struct Ahead Ahead;

/* Starts to prepare the items first, first + 1, ... make() is called by the thread alone, never twice at once. */
AHEAD_API Ahead *ahead_start(void (*make)(void *context, uint64_t number), void *context, int slots, uint64_t first);

/* Waits for the next item; its slot. */
AHEAD_API int ahead_wait(Ahead *a);

/* Its slot may be filled anew. */
AHEAD_API void ahead_done(Ahead *a);

/* Ends the thread, after what it is making; may be called again. */
AHEAD_API void ahead_stop(void *ahead);

#endif /* AHEAD_H */

#if defined(AHEAD_IMPLEMENTATION) && !defined(AHEAD_IMPLEMENTED)
#define AHEAD_IMPLEMENTED

#include <pthread.h>
#include <string.h>

enum { AHEAD_STACK = 2 << 20 };         /* where musl is the C library, a thread has 128 KiB if nobody asks for more */

struct Ahead {
    void (*make)(void *context, uint64_t number);
    void *context;
    int slots;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;               /* guards the five below */
    pthread_cond_t changed;
    uint64_t made, taken;
    bool stop, failed;
    Error error;
};

static void ahead_make(void *ahead)
{
    Ahead *a = (Ahead *)ahead;
    a->make(a->context, a->made);
}

static void *ahead_work(void *ahead)
{
    Ahead *a = (Ahead *)ahead;
    pthread_mutex_lock(&a->lock);
    while (!a->stop && !a->failed) {
        if (a->made - a->taken == (uint64_t)a->slots) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        Error error = {0};
        bool made = attempt(ahead_make, a, &error);
        pthread_mutex_lock(&a->lock);
        a->made += made;
        a->failed = !made;
        a->error = error;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

AHEAD_API Ahead *ahead_start(void (*make)(void *context, uint64_t number), void *context, int slots, uint64_t first)
{
    Ahead *a = (Ahead *)own(1, sizeof *a);
    pthread_attr_t how;
    *a = (Ahead){.make = make, .context = context, .slots = slots, .made = first, .taken = first};
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    pthread_attr_init(&how);
    pthread_attr_setstacksize(&how, AHEAD_STACK);
    int status = pthread_create(&a->thread, &how, ahead_work, a);
    pthread_attr_destroy(&how);
    if (status) give_up(1, "no thread to work ahead: %s", strerror(status));
    a->running = true;
    on_leaving(ahead_stop, a);
    return a;
}

AHEAD_API int ahead_wait(Ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->made == a->taken && !a->failed) pthread_cond_wait(&a->changed, &a->lock);
    bool ready = a->made != a->taken;
    pthread_mutex_unlock(&a->lock);
    if (!ready) unwind(&a->error);
    return (int)(a->taken % (uint64_t)a->slots);
}

AHEAD_API void ahead_done(Ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->taken++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

AHEAD_API void ahead_stop(void *ahead)
{
    Ahead *a = (Ahead *)ahead;
    if (!a->running) return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    a->running = false;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
}

#endif /* AHEAD_IMPLEMENTATION */
