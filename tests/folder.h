/* folder.h: a test's folder of its own, and paths below it. */
#ifndef FOLDER_H
#define FOLDER_H
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[64];

/* A path below the folder, good for four calls; the folders on the way are made. */
__attribute__((format(printf, 1, 2))) static const char *at(const char *format, ...)
{
    static char path[4][400];
    static int turn;
    char *to = path[turn++ % 4];
    int n = snprintf(to, 400, "%s/", folder);
    va_list list;
    va_start(list, format);
    vsnprintf(to + n, 400 - (size_t)n, format, list);
    va_end(list);
    for (char *c = to + 1; *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(to, 0777);
            *c = '/';
        }
    return to;
}
#endif
