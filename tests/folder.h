/* folder.h: a test's folder of its own, paths below it, and small files in it. */
#ifndef FOLDER_H
#define FOLDER_H
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[64];

/* Makes the folder, its name beginning with this; and removes it with all that is in it. */
static inline bool begin_folder(const char *name)
{
    snprintf(folder, sizeof folder, "/tmp/%s-XXXXXX", name);
    return mkdtemp(folder) != NULL;
}

static inline bool end_folder(void)
{
    char command[sizeof folder + 10];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0;
}

/* A path below the folder, good for 160 calls; the folders on the way are made. */
__attribute__((format(printf, 1, 2))) static inline const char *at(const char *format, ...)
{
    static char path[160][400];
    static int turn;
    char *to = path[turn++ % 160];
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

static inline void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
}

/* A grey PNM whose pixels follow from `seed`: pixel i of it. */
static inline int pixel(int seed, int i) { return (seed * 37 + i * 11 + i / 7) & 255; }

static inline void write_picture(const char *path, int width, int height, int seed)
{
    FILE *f = fopen(path, "wb");
    fprintf(f, "P5\n%d %d\n255\n", width, height);
    for (int i = 0; i < width * height; i++) putc(pixel(seed, i), f);
    fclose(f);
}
#endif
