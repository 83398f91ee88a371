/* fails.h: does some work give up, with these words, for a reason that lies with the machine or not? */
#ifndef FAILS_H
#define FAILS_H
#include "../vendor/scope.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline bool fails(void (*work)(void *), const void *context, const char *words, bool machine)
{
    Error e = {0};
    bool done = attempt(work, (void *)(uintptr_t)context, &e);
    if (done || !strstr(e.text, words)) printf("  wanted '%s', got '%s'\n", words, e.text);
    return !done && strstr(e.text, words) && e.machine == machine;
}

#endif
