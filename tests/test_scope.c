/* test_scope.c: vendor/scope.h frees and closes what a piece of work owns, in the right order, however the work ends. */
#define SCOPE_IMPLEMENTATION
#define SCOPE_STATIC
#include "../vendor/scope.h"
#include <stdlib.h>
#include <string.h>
#include "check.h"

static char closed[64];                 /* the letters of what was closed, in order */

static void note_closed(void *what)
{
    strcat(closed, what);
}

static void whole(void *context)
{
    int *numbers = own(100, sizeof *numbers);
    on_leaving(note_closed, "a");
    on_leaving(note_closed, "b");
    for (int i = 0; i < 100; i++) *(int *)context += numbers[i] == 0;
}

static void failing(void *context)
{
    Scope inner;
    on_leaving(note_closed, "c");
    enter(&inner);
    on_leaving(note_closed, "d");
    own(10, 1);
    give_up(2, "%s is %d", (char *)context, 7);
}

/* One failure inside another attempt's work: the outer goes on. */
static void going_on(void *context)
{
    Error e;
    on_leaving(note_closed, "o");
    CHECK(!attempt(failing, "inner", &e));
    CHECK(e.status == 2 && strcmp(e.text, "inner is 7") == 0);
    strcat(closed, "|");
    *(bool *)context = true;
}

static void too_much(void *context)
{
    own(context ? SIZE_MAX / 8 : SIZE_MAX / 2, 16);
}

static void one_of_many(void *context)
{
    Error e;
    CHECK(!attempt_one(failing, "one", &e));            /* the picture's fault: the next may do */
    attempt_one(too_much, context, &e);                 /* the machine's: this does not come back */
    CHECK(false);
}

/* What is closed may lie on the stack of the work that gives up. */
static void from_the_stack(void *context)
{
    char letter[2] = "s";
    on_leaving(note_closed, letter);
    give_up(1, "%p", context);
}

static void scribble(void *size)
{
    volatile char *block = malloc(*(size_t *)size);
    for (size_t i = 0; i < *(size_t *)size; i++) block[i] = 'x';
    free((char *)block);
}

/* The error lies in a scope that ends, and its memory is used again. */
static void failing_owned(void *size)
{
    Scope inner;
    enter(&inner);
    on_leaving(scribble, size);
    Error *why = own(1, sizeof *why);
    why->status = 7;
    strcpy(why->text, "owned");
    unwind(why);
}

static void growing(void *context)
{
    Scope inner, *home = innermost_scope();
    int *items = NULL, room = 0, *kept;
    char *text;
    enter(&inner);
    for (int i = 0; i < 1000; i++) {
        items = own_more(home, items, i, &room, sizeof *items);
        items[i] = i;
    }
    kept = own(3, sizeof *kept);
    kept[2] = 5;
    kept = hand_out(kept);
    give_back(own(7, 1));
    give_back(NULL);
    text = hand_to(home, own_text("%d and %s", 12, "more"));
    leave();
    char *block = malloc(4);
    memcpy(block, "abc", 4);
    block = own_this(block, 4);
    CHECK(strcmp(block, "abc") == 0);
    CHECK(items[0] == 0 && items[999] == 999 && room >= 1000 && kept[2] == 5);
    CHECK(strcmp(text, "12 and more") == 0);
    kept = own_again(kept, 5000, sizeof *kept);
    CHECK(kept[2] == 5);
    *(int *)context = 1;
}

/* Names outlive the scope that they are added in; more of them than there was room for. */
static void naming(void *context)
{
    Scope inner;
    Names letters = parse_names("a, b,C ", "letters"), none = {0};
    enter(&inner);
    char text[8];
    for (int i = 0; i < 40; i++) snprintf(text, sizeof text, "%d", i % 100), names_add(&letters, text);
    leave();
    names_add_once(&letters, "A");
    CHECK(letters.count == 43 && strcmp(letters.items[1], "b") == 0 && strcmp(letters.items[42], "39") == 0);
    CHECK(names_find(&letters, "c") == 2 && names_find(&letters, "d") == -1 && names_find(&none, "a") == -1);
    CHECK(strcmp(listed((const char *const *)letters.items, 3, ","), "a,b,C") == 0 && !*listed(NULL, 0, ","));
    CHECK(strcmp(joined(letters.items, 3), "a, b, C") == 0 && strcmp(joined(letters.items, 0), "") == 0);
    for (int i = 0; i < 99; i++) names_add(&letters, "a long text");
    const char *cut = joined(letters.items, letters.count);
    CHECK(strlen(cut) < 310 && strcmp(cut + strlen(cut) - 4, " ...") == 0);
    names_free(&letters);
    CHECK(letters.count == 0);
    parse_names(context, "letters");
}

/* What a scope apart was handed outlives the work, and is closed in the same order. */
static void handing_all(void *apart)
{
    Scope nothing;
    on_leaving(note_closed, "1");
    own(10, 1);
    on_leaving(note_closed, "2");
    hand_all(apart);
    on_leaving(note_closed, "3");
    enter(&nothing);
    Scope empty;
    hand_all(&empty);
    end_scope(&empty);
    leave();
}

int main(void)
{
    Scope apart;
    int zeros = 0, grown = 0;
    bool went_on = false;
    Error e = {0};
    CHECK(attempt(whole, &zeros, &e) && zeros == 100);
    CHECK(strcmp(closed, "ba") == 0);
    *closed = 0;
    CHECK(!attempt(failing, "x", &e) && e.status == 2 && strcmp(e.text, "x is 7") == 0 && !e.machine);
    CHECK(strcmp(closed, "dc") == 0);
    *closed = 0;
    CHECK(attempt(going_on, &went_on, &e) && went_on);
    CHECK(strcmp(closed, "dc|o") == 0);
    *closed = 0;
    CHECK(!attempt(from_the_stack, NULL, &e) && strcmp(closed, "s") == 0);
    *closed = 0, zeros = 0;
    in_scope(whole, &zeros);
    CHECK(zeros == 100 && strcmp(closed, "ba") == 0 && !scope_innermost);
    *closed = 0;
    CHECK(attempt(handing_all, &apart, &e) && strcmp(closed, "3") == 0);
    end_scope(&apart);
    CHECK(strcmp(closed, "321") == 0);
    CHECK(!attempt(too_much, NULL, &e) && e.status == 1 && e.machine && strstr(e.text, "out of memory"));
    CHECK(!attempt(one_of_many, &zeros, &e) && e.machine);
    size_t room = sizeof(Owned) + sizeof e;
    CHECK(!attempt(failing_owned, &room, &e) && e.status == 7 && strcmp(e.text, "owned") == 0);
    CHECK(attempt(growing, &grown, &e) && grown);
    CHECK(!attempt(naming, "a,,b", &e) && e.status == 2 && strstr(e.text, "letters 'a,,b': a name is empty"));
    CHECK(!attempt(naming, "a,b, A", &e) && strstr(e.text, "'A' is there twice"));
    own(1, 1);                                          /* outside of every scope: the thread's */
    CHECK(innermost_scope()->outer == NULL);
    return check_report();
}
