/* scope.h: one way to fail, and nothing left behind. What a piece of work owns is freed and closed when it ends,
 * however it ends.
 *
 *     #define SCOPE_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "scope.h"
 *
 *     static void work(void *context)
 *     {
 *         char *line = own(1000, 1);                        zeros, freed by themselves
 *         FILE *file = fopen(context, "r");
 *         if (!file) give_up(1, "cannot read %s", (char *)context);
 *         on_leaving(close_file, file);
 *         ...
 *     }
 *     Error e;
 *     if (!attempt(work, "list.txt", &e)) fputs(e.text, stderr);
 *
 *     attempt(work, context, &e) --> work(context) --> ... own() ... on_leaving() ... give_up()
 *          ^                                                                             |
 *          +------- e says why; closed and freed, last first <---------------------------+
 *
 * give_up() does not return: it ends the innermost attempt() of its thread, or the program where there is none. So
 * nobody checks a result on the way, and nobody frees. Work that is done again and again has a scope of its own between
 * enter() and leave(), or an attempt() of its own where one failure is not the whole's. own() takes from the innermost
 * scope of its thread; what is to outlive it is handed to an outer one.
 *
 * Define SCOPE_STATIC as well to keep every function private to that file. C11 (or GNU C): _Thread_local, setjmp.
 */
#ifndef SCOPE_H
#define SCOPE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef SCOPE_STATIC
#define SCOPE_API static inline
#elif defined(__cplusplus)
#define SCOPE_API extern "C"
#else
#define SCOPE_API extern
#endif

#ifdef __GNUC__
#define SCOPE_FORMAT(text, first) __attribute__((format(printf, text, first)))
#define SCOPE_NORETURN __attribute__((noreturn))
#else
#define SCOPE_FORMAT(text, first)
#define SCOPE_NORETURN
#endif

typedef struct Error {
    int status;                         /* the exit status it would give: 0 none, 1 failed, 2 misuse */
    char text[600];
    bool machine;                       /* memory, a disk, a right was wanting: what was read is not to blame */
} Error;

/* A piece of memory lies behind its Owned; what is closed in another way has a function for it. */
#ifdef __GNUC__         /* gcc 12 at -O2 kept a link of a ring in a register over a store to it */
#define SCOPE_ALIASED __attribute__((may_alias))
#else
#define SCOPE_ALIASED
#endif

typedef struct SCOPE_ALIASED Owned {
    struct Owned *before, *after;       /* in the ring of its scope */
    void (*close)(void *what);
    void *what;
} Owned;

typedef struct Scope {
    struct Scope *outer;
    Owned ring;                         /* its beginning and end: owns nothing itself */
    jmp_buf *back;                      /* where give_up() goes; NULL: to the outer scope's */
    Error *error;
} Scope;

/* ---- scopes ---- */

/* The innermost of this thread; outside of all one that lives as long as the thread. */
SCOPE_API Scope *innermost_scope(void);

SCOPE_API void enter(Scope *inner);

/* Closes and frees what the innermost scope owns, last first, and goes back to the outer one. */
SCOPE_API void leave(void);

/* Does the work in a scope of its own. */
SCOPE_API void in_scope(void (*work)(void *context), void *context);

/* Does the work in a scope of its own. False: it gave up, and e says why. */
SCOPE_API bool attempt(void (*work)(void *context), void *context, Error *e);

/* The same for one of many: false where what it read is to blame. Where the machine is, the others would fail as well,
 * and so this gives up. */
SCOPE_API bool attempt_one(void (*work)(void *context), void *context, Error *e);

/* ---- failing ---- */

SCOPE_API void give_up(int status, const char *format, ...) SCOPE_FORMAT(2, 3) SCOPE_NORETURN;
SCOPE_API void give_up_memory(size_t count, size_t size) SCOPE_NORETURN;

/* Gives up for a reason that is known already. */
SCOPE_API void unwind(const Error *why) SCOPE_NORETURN;

/* ---- owning ---- */

/* Calls close(what) when the innermost scope is left. */
SCOPE_API void on_leaving(void (*close)(void *what), void *what);

/* Zeros, which belong to the innermost scope. */
SCOPE_API void *own(size_t count, size_t size);

/* The same memory with room for more, as realloc gives it: what is new is not set. NULL grows from nothing. */
SCOPE_API void *own_again(void *memory, size_t count, size_t size);

/* Room for one item more: where the memory is full, twice as much of it, which belongs to the scope `home`. */
SCOPE_API void *own_more(Scope *home, void *items, int count, int *room, size_t size);

/* Memory from malloc, of so many bytes, as if it had been own()ed from the start. */
SCOPE_API void *own_this(void *block, size_t bytes);

/* A text of its own. */
SCOPE_API char *own_text(const char *format, ...) SCOPE_FORMAT(1, 2);

/* Frees it before its scope is left. NULL is nothing. */
SCOPE_API void give_back(void *memory);

/* Hands memory to another scope, which owns it from now on; hand_out: to the one outside the innermost. */
SCOPE_API void *hand_to(Scope *to, void *memory);
SCOPE_API void *hand_out(void *memory);

/* Hands all that the innermost scope owns to one that is no thread's, and lives until end_scope(). */
SCOPE_API void hand_all(Scope *apart);
SCOPE_API void end_scope(Scope *apart);

/* ---- lists of texts ---- */

typedef struct Names {
    char **items;
    int count, room;
    Scope *home;                        /* they belong to it: the innermost scope when the first was added */
} Names;

SCOPE_API void names_add(Names *names, const char *text);

/* Where the text is, upper and lower case (of ASCII) being the same; -1: nowhere. */
SCOPE_API int names_find(const Names *names, const char *text);
SCOPE_API void names_add_once(Names *names, const char *text);

/* Frees them before their scope is left. */
SCOPE_API void names_free(Names *names);

/* "a, b, c" for a message: cut with "..." where it would fill the message. */
SCOPE_API const char *joined(char *const *items, int count);

/* The same, whole, with `between` between them: "a,b,c" to be taken apart again. */
SCOPE_API const char *listed(const char *const *items, int count, const char *between);

/* "a,b,c" taken apart at the commas; blanks around a name are dropped. Gives up, naming `what` is wrong, where a name
 * is empty or there twice. */
SCOPE_API Names parse_names(const char *list, const char *what);

enum { NAME_ROOM = 64 };                /* bytes, the 0 at the end among them, where names lie in rows of an array */

/* The same without a word of blame, into rows: how many, at most `most`; longer names are cut. */
SCOPE_API int list_names(const char *list, char (*names)[NAME_ROOM], int most);

/* Rows as a list of pointers to them. */
SCOPE_API const char **name_list(const char (*names)[NAME_ROOM], int n);

#endif /* SCOPE_H */

#if defined(SCOPE_IMPLEMENTATION) && !defined(SCOPE_IMPLEMENTED)
#define SCOPE_IMPLEMENTED

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local Scope *scope_innermost;
static _Thread_local Scope scope_root;  /* owns what is asked for outside of every scope: as long as the thread lives */

SCOPE_API Scope *innermost_scope(void)
{
    if (scope_innermost) return scope_innermost;
    if (!scope_root.ring.before) scope_root.ring.before = scope_root.ring.after = &scope_root.ring;
    return &scope_root;
}

SCOPE_API void enter(Scope *inner)
{
    *inner = (Scope){.outer = scope_innermost};
    inner->ring.before = inner->ring.after = &inner->ring;
    scope_innermost = inner;
}

static void scope_unlink(Owned *o)
{
    o->before->after = o->after;
    o->after->before = o->before;
}

static void scope_link(Owned *o, Scope *to)
{
    o->before = to->ring.before;
    o->after = &to->ring;
    o->before->after = o->after->before = o;
}

static void scope_release(Scope *s)
{
    while (s->ring.before != &s->ring) {
        Owned *last = s->ring.before;
        scope_unlink(last);
        if (last->close) last->close(last->what);
        free(last);
    }
}

SCOPE_API void leave(void)
{
    scope_release(scope_innermost);
    scope_innermost = scope_innermost->outer;
}

SCOPE_API void in_scope(void (*work)(void *context), void *context)
{
    Scope inner;
    enter(&inner);
    work(context);
    leave();
}

SCOPE_API void unwind(const Error *why)
{
    const Error said = *why;            /* which may be owned by a scope that is about to end */
    while (scope_innermost && !scope_innermost->back) leave();
    if (!scope_innermost) {
        fprintf(stderr, "%s\n", said.text);
        exit(said.status);
    }
    *scope_innermost->error = said;
    scope_release(scope_innermost);     /* here, as what is closed may lie on the stack that is about to go */
    longjmp(*scope_innermost->back, 1);
}

SCOPE_API void give_up(int status, const char *format, ...)
{
    Error why = {.status = status};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why.text, sizeof why.text, format, arguments);
    va_end(arguments);
    unwind(&why);
}

SCOPE_API void give_up_memory(size_t count, size_t size)
{
    Error why = {.status = 1, .machine = true};
    snprintf(why.text, sizeof why.text, "out of memory (%zu x %zu bytes)", count, size);
    unwind(&why);
}

/* The scope is its caller's, because longjmp leaves only what is not local to the function with setjmp as it was. */
static bool scope_attempt(Scope *inner, void (*work)(void *context), void *context, Error *e)
{
    jmp_buf back;
    enter(inner);
    inner->back = &back;
    inner->error = e;
    if (setjmp(back)) {
        leave();
        return false;
    }
    work(context);
    leave();
    return true;
}

SCOPE_API bool attempt(void (*work)(void *context), void *context, Error *e)
{
    Scope inner;
    return scope_attempt(&inner, work, context, e);
}

SCOPE_API bool attempt_one(void (*work)(void *context), void *context, Error *e)
{
    bool done = attempt(work, context, e);
    if (!done && e->machine) unwind(e);
    return done;
}

SCOPE_API void on_leaving(void (*close)(void *what), void *what)
{
    Owned *o = calloc(1, sizeof *o);
    if (!o) {
        close(what);
        give_up_memory(1, sizeof *o);
    }
    o->close = close;
    o->what = what;
    scope_link(o, innermost_scope());
}

SCOPE_API void *own(size_t count, size_t size)
{
    size_t bytes = 0;
    bool too_many = __builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - sizeof(Owned);
    Owned *o = too_many ? NULL : calloc(1, sizeof *o + bytes);
    if (!o) give_up_memory(count, size);
    scope_link(o, innermost_scope());
    return o + 1;
}

SCOPE_API void *own_again(void *memory, size_t count, size_t size)
{
    if (!memory) return own(count, size);
    size_t bytes = 0;
    Owned *o = (Owned *)memory - 1, *before = o->before, *grown = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes <= SIZE_MAX - sizeof *o)
        grown = realloc(o, sizeof *o + bytes);
    if (!grown) give_up_memory(count, size);
    before->after = grown->after->before = grown;
    return grown + 1;
}

SCOPE_API void give_back(void *memory)
{
    if (!memory) return;
    Owned *o = (Owned *)memory - 1;
    scope_unlink(o);
    free(o);
}

SCOPE_API void *hand_to(Scope *to, void *memory)
{
    Owned *o = (Owned *)memory - 1;
    scope_unlink(o);
    scope_link(o, to);
    return memory;
}

SCOPE_API void *hand_out(void *memory)
{
    Scope *inner = scope_innermost;
    scope_innermost = inner->outer;
    hand_to(innermost_scope(), memory);
    scope_innermost = inner;
    return memory;
}

SCOPE_API void hand_all(Scope *apart)
{
    Owned *from = &innermost_scope()->ring, *to = &apart->ring;
    *apart = (Scope){0};
    to->before = to->after = to;
    if (from->before == from) return;
    *to = *from;
    to->before->after = to->after->before = to;
    from->before = from->after = from;
}

SCOPE_API void end_scope(Scope *apart) { scope_release(apart); }

SCOPE_API void *own_more(Scope *home, void *items, int count, int *room, size_t size)
{
    if (count < *room) return items;
    void *more = own_again(items, (size_t)(*room = *room ? 2 * *room : 16), size);
    return items ? more : hand_to(home, more);
}

SCOPE_API char *own_text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = own((size_t)length + 1, 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

SCOPE_API void *own_this(void *block, size_t bytes)
{
    Owned *o = realloc(block, sizeof *o + bytes);
    if (!o) {
        free(block);
        give_up_memory(bytes, 1);
    }
    memmove(o + 1, o, bytes);
    *o = (Owned){0};
    scope_link(o, innermost_scope());
    return o + 1;
}

static bool scope_same(const char *a, const char *b)
{
    for (;; a++, b++) {
        int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a, y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
        if (x != y || !x) return x == y;
    }
}

SCOPE_API void names_add(Names *names, const char *text)
{
    if (!names->home) names->home = innermost_scope();
    names->items = own_more(names->home, names->items, names->count, &names->room, sizeof *names->items);
    names->items[names->count++] = hand_to(names->home, own_text("%s", text));
}

SCOPE_API int names_find(const Names *names, const char *text)
{
    for (int i = 0; i < names->count; i++)
        if (scope_same(names->items[i], text)) return i;
    return -1;
}

SCOPE_API void names_add_once(Names *names, const char *text)
{
    if (names_find(names, text) < 0) names_add(names, text);
}

SCOPE_API void names_free(Names *names)
{
    for (int i = 0; i < names->count; i++) give_back(names->items[i]);
    give_back(names->items);
    *names = (Names){0};
}

SCOPE_API const char *joined(char *const *items, int count)
{
    enum { FULL = 300 };
    char *text = own(FULL + 8, 1);
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        if (used + strlen(items[i]) + 2 > FULL) return strcat(text, " ..."), text;
        used += (size_t)sprintf(text + used, "%s%s", i ? ", " : "", items[i]);
    }
    return text;
}

SCOPE_API const char *listed(const char *const *items, int count, const char *between)
{
    const char *text = "";
    for (int i = 0; i < count; i++) text = own_text("%s%s%s", text, i ? between : "", items[i]);
    return text;
}

SCOPE_API Names parse_names(const char *list, const char *what)
{
    Names names = {0};
    for (const char *at = list;; at++) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ",");
        const char *next = at + length;
        while (length && at[length - 1] == ' ') length--;
        const char *name = own_text("%.*s", (int)length, at);
        if (length == 0) give_up(2, "%s '%s': a name is empty; write them as a,b,c", what, list);
        if (names_find(&names, name) >= 0) give_up(2, "%s '%s': '%s' is there twice", what, list, name);
        names_add(&names, name);
        at = next;
        if (!*at) return names;
    }
}

SCOPE_API int list_names(const char *list, char (*names)[NAME_ROOM], int most)
{
    int n = 0;
    while (*list && n < most) {
        size_t length = strcspn(list, ",");
        snprintf(names[n++], NAME_ROOM, "%.*s", (int)(length < NAME_ROOM ? length : NAME_ROOM - 1), list);
        list += length + (list[length] != 0);
    }
    return n;
}

SCOPE_API const char **name_list(const char (*names)[NAME_ROOM], int n)
{
    const char **list = (const char **)own((size_t)n, sizeof *list);
    for (int i = 0; i < n; i++) list[i] = names[i];
    return list;
}

#endif /* SCOPE_IMPLEMENTATION */
