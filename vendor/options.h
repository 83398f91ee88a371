/* options.h: a program's options, from one table: the command line, config files, help, and "did you mean".
 *
 *     #define OPTIONS_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "options.h"
 *
 *     typedef struct { long size; double rate; char out[200]; long quiet; } Settings;
 *     #define AT(field) offsetof(Settings, field), sizeof ((Settings *)0)->field
 *     static const Option table[] = {
 *         {"size",  'i', 0, AT(size), 1, 4096, "side of a picture"},
 *         {"rate",  'f', 0, AT(rate), 0, 1,    "learning rate"},
 *         {"out",   's', 0, AT(out), 0, 0,     "where files go"},
 *         {"quiet", 'b', 0, AT(quiet), 0, 1,   "say nothing"},
 *     };
 *     Settings s = {64, 0.1, "", 0};
 *     char *inputs[16], error[OPTIONS_ERROR];
 *     OptionParser parser = {.program = "tool", .verb = "train", .table = table, .n = 4, .values = &s,
 *                            .inputs = inputs, .most_inputs = 16};
 *     if (!options_parse(&parser, argc - 2, argv + 2, error))
 *         ...                           tool train --sise 32 photo.png: error says that --size may have been meant
 *
 * Define OPTIONS_STATIC as well to keep every function private to that file. Only libc and libm are used.
 *
 * On the command line an option is --name value or --name=value; a switch is --name or --no-name; everything else is an
 * input, and after -- everything is. In a file it is `name = value`, a line each; # begins a line that says something.
 * A value is checked before it is stored: a number must be whole where it is to be, and in its range (which leaves out
 * NaN); a text must fit and be one line, so that a file that was written can be read again.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef OPTIONS_STATIC
#define OPTIONS_API static inline
#elif defined(__cplusplus)
#define OPTIONS_API extern "C"
#else
#define OPTIONS_API
#endif

enum { OPTIONS_ERROR = 600, OPTIONS_LINE = 2048 };

typedef struct {
    const char *name;
    char kind;                           /* 's' text: char[]; 'i' whole number, 'b' switch: long; 'f' number: double */
    char use;                            /* the program's own */
    size_t offset, size;                 /* of the field in the values */
    double low, high;                    /* what a number may be */
    const char *help;
} Option;

/* ---- one option ---- */

/* NULL: there is none of that name. */
OPTIONS_API const Option *option_find(const Option *table, int n, const char *name);

/* Stores what the text says. 0, and the error, where it is no value of this option. */
OPTIONS_API int option_set(void *values, const Option *o, const char *text, char error[OPTIONS_ERROR]);

/* The value as a text that option_set takes. */
OPTIONS_API void option_text(const void *values, const Option *o, char *text, size_t size);

/* ---- did you mean ---- */

/* Letters to insert, delete or replace to get from a to b (Levenshtein 1966), of the first 64; case does not count. */
OPTIONS_API int option_distance(const char *a, const char *b);

/* Starts as {given, farthest + 1, NULL}; `best` is the nearest of the names that were offered, if near enough. */
typedef struct { const char *given; int distance; const char *best; } OptionGuess;
OPTIONS_API void option_guess(OptionGuess *guess, const char *name);

/* ---- command lines, files, help ---- */

typedef struct {
    const char *program, *verb;          /* for messages */
    const Option *table;
    int n;
    bool (*takes)(const void *context, const Option *o);       /* does this verb take it? NULL: all */
    const void *context;
    const char *o;                       /* -o stands for this option, "--out"; NULL: for none */
    void *values;                        /* what is filled in */
    char **inputs;
    int n_inputs, most_inputs;
} OptionParser;

/* Reads the arguments; inputs are added to p->inputs. */
OPTIONS_API int options_parse(OptionParser *p, int argc, char **argv, char error[OPTIONS_ERROR]);

/* Reads lines `name = value`; what is not named stays. 1 read, 0 the file is wrong or unreadable, -1 a value is. */
OPTIONS_API int options_read(FILE *file, const char *path, const Option *table, int n, void *values,
                             char error[OPTIONS_ERROR]);

/* Writes a line for each option whose `use` has none of the bits in `not`. */
OPTIONS_API void options_write(FILE *to, const Option *table, int n, const void *values, int not);

/* A line for each option that the parser's verb takes, with what is usual. */
OPTIONS_API void options_help(FILE *to, const OptionParser *p, const void *usual);

#endif /* OPTIONS_H */

#if defined(OPTIONS_IMPLEMENTATION) && !defined(OPTIONS_IMPLEMENTED)
#define OPTIONS_IMPLEMENTED

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
static int options_fail(char error[OPTIONS_ERROR], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, OPTIONS_ERROR, format, arguments);
    va_end(arguments);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 1  One option
 * ------------------------------------------------------------------------------------------------------------- */

OPTIONS_API const Option *option_find(const Option *table, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

OPTIONS_API void option_text(const void *values, const Option *o, char *text, size_t size)
{
    const char *field = (const char *)values + o->offset;
    if (o->kind == 's') snprintf(text, size, "%s", field);
    else if (o->kind == 'f') snprintf(text, size, "%.10g", *(const double *)(const void *)field);
    else snprintf(text, size, "%ld", *(const long *)(const void *)field);
}

OPTIONS_API int option_set(void *values, const Option *o, const char *text, char error[OPTIONS_ERROR])
{
    char *field = (char *)values + o->offset, *end;
    if (o->kind == 's') {
        if (strlen(text) >= o->size)
            return options_fail(error, "--%s: longer than %zu characters", o->name, o->size - 1);
        if (strpbrk(text, "\n\r")) return options_fail(error, "--%s: must be one line", o->name);
        memcpy(field, text, strlen(text) + 1);
        return 1;
    }
    errno = 0;
    double number = strtod(text, &end);
    bool whole = o->kind == 'f' || number == floor(number);
    if (*text == 0 || *end || errno || !whole || !(number >= o->low && number <= o->high))
        return options_fail(error, "--%s %s: must be a %snumber from %g to %g", o->name, text,
                            o->kind == 'f' ? "" : "whole ", o->low, o->high);
    if (o->kind == 'f') *(double *)(void *)field = number;
    else *(long *)(void *)field = (long)number;
    return 1;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 2  Did you mean
 * ------------------------------------------------------------------------------------------------------------- */

OPTIONS_API int option_distance(const char *a, const char *b)
{
    int row[65], length = (int)strnlen(b, 64);
    for (int j = 0; j <= length; j++) row[j] = j;
    for (int i = 1; i <= 64 && a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= length; j++) {
            int replaced = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            int inserted = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replaced < inserted ? replaced : inserted;
        }
    }
    return row[length];
}

OPTIONS_API void option_guess(OptionGuess *guess, const char *name)
{
    int distance = option_distance(name, guess->given);
    if (distance < guess->distance) guess->distance = distance, guess->best = name;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  The command line
 * ------------------------------------------------------------------------------------------------------------- */

static bool options_takes(const OptionParser *p, const Option *o)
{
    return !p->takes || p->takes(p->context, o);
}

/* Names the option that looks most like the one given, within a third of its letters. */
static int options_unknown(const OptionParser *p, const char *given, char error[OPTIONS_ERROR])
{
    OptionGuess guess = {given, (int)strlen(given) / 3 + 2, NULL};
    for (int i = 0; i < p->n; i++)
        if (options_takes(p, &p->table[i])) option_guess(&guess, p->table[i].name);
    return options_fail(error, "%s has no option --%s%s%s%s (%s %s --help lists them)", p->verb, given,
                        guess.best ? "; did you mean --" : "", guess.best ? guess.best : "", guess.best ? "?" : "",
                        p->program, p->verb);
}

/* The option in argv[*i], which takes the next argument, too, if its value stands there. */
static int options_parse_one(OptionParser *p, int argc, char **argv, int *i, char error[OPTIONS_ERROR])
{
    char name[64];
    const char *given = p->o && strcmp(argv[*i], "-o") == 0 ? p->o : argv[*i], *equals = strchr(given, '=');
    if (strncmp(given, "--", 2)) return options_fail(error, "%s: options begin with two dashes", given);
    int length = equals ? (int)(equals - given - 2) : (int)strlen(given + 2);
    snprintf(name, sizeof name, "%.*s", length < 63 ? length : 63, given + 2);
    const Option *o = option_find(p->table, p->n, name);
    bool off = !o && strncmp(name, "no-", 3) == 0 && (o = option_find(p->table, p->n, name + 3)) && o->kind == 'b';
    if (!o || !options_takes(p, o)) return options_unknown(p, name, error);
    if (o->kind == 'b' && equals) return options_fail(error, "--%s is a switch and takes no value", name);
    if (o->kind == 'b') return option_set(p->values, o, off ? "0" : "1", error);
    if (!equals && *i + 1 >= argc) return options_fail(error, "--%s needs a value", name);
    return option_set(p->values, o, equals ? equals + 1 : argv[++*i], error);
}

OPTIONS_API int options_parse(OptionParser *p, int argc, char **argv, char error[OPTIONS_ERROR])
{
    bool only_inputs = false;
    for (int i = 0; i < argc; i++) {
        if (!only_inputs && strcmp(argv[i], "--") == 0) only_inputs = true;
        else if (!only_inputs && argv[i][0] == '-' && argv[i][1]) {
            if (!options_parse_one(p, argc, argv, &i, error)) return 0;
        } else if (p->n_inputs == p->most_inputs) return options_fail(error, "more than %d inputs", p->most_inputs);
        else p->inputs[p->n_inputs++] = argv[i];
    }
    return 1;
}

/* The value in brackets, where it says something: not an empty text, not 0. */
OPTIONS_API void options_help(FILE *to, const OptionParser *p, const void *usual)
{
    for (int i = 0; i < p->n; i++) {
        const Option *o = &p->table[i];
        char text[OPTIONS_LINE], left[40];
        if (!options_takes(p, o)) continue;
        option_text(usual, o, text, sizeof text);
        snprintf(left, sizeof left, "--%s%s", o->name,
                 o->kind == 'b' ? "" : o->kind == 's' ? " TEXT" : o->kind == 'i' ? " N" : " X");
        bool shown = o->kind != 's' ? strcmp(text, "0") != 0 : *text != 0;
        fprintf(to, "  %-22s %s%s%s%s\n", left, o->help, shown ? " [" : "",
                shown ? (o->kind == 'b' ? "on; --no- turns it off" : text) : "", shown ? "]" : "");
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Files
 * ------------------------------------------------------------------------------------------------------------- */

OPTIONS_API int options_read(FILE *file, const char *path, const Option *table, int n, void *values,
                             char error[OPTIONS_ERROR])
{
    char line[OPTIONS_LINE];
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        char *equals = strstr(line, " = ");
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] == '#' || line[0] == 0) continue;
        if (!equals) return options_fail(error, "%s:%d: expected `name = value`", path, number);
        *equals = 0;
        const Option *o = option_find(table, n, line);
        if (!o) return options_fail(error, "%s:%d: unknown setting %s", path, number, line);
        if (!option_set(values, o, equals + 3, error)) return -1;
    }
    if (ferror(file)) return options_fail(error, "%s: %s", path, strerror(errno));
    return 1;
}

OPTIONS_API void options_write(FILE *to, const Option *table, int n, const void *values, int not)
{
    char text[OPTIONS_LINE];
    for (int i = 0; i < n; i++) {
        if (table[i].use & not) continue;
        option_text(values, &table[i], text, sizeof text);
        fprintf(to, "%s = %s\n", table[i].name, text);
    }
}

#endif /* OPTIONS_IMPLEMENTATION */
