/* options.h: a program's options, from one table: the command line, config files, help, and "did you mean"; and a
 * program of several commands, from a table of verbs, with its help and manual.
 *
 *     #define OPTIONS_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "options.h"
 *
 *     typedef struct { long size; double rate; char out[200], how[20]; long quiet; } Settings;
 *     #define AT(field) .offset = offsetof(Settings, field), .size = sizeof ((Settings *)0)->field
 *     static const Option table[] = {
 *         {"size",  'i', AT(size), .usual = "64", .low = 1, .high = 4096, .group = "data", .help = "side"},
 *         {"rate",  'f', AT(rate), .usual = "0.1", .high = 1, .verbs = "train", .help = "learning rate"},
 *         {"how",   's', AT(how), .usual = "sgd", .choices = "adam|sgd", .verbs = "train", .kinds = "deep"},
 *         {"out",   's', AT(out), .help = "where files go"},
 *         {"quiet", 'b', AT(quiet), .help = "say nothing"},
 *     };
 *     static const OptionTaker takers[] = {{"shallow", "train shallow", "train", "shallow"},
 *                                          {"deep", "train deep", "train", "deep"}, {"show", "show", "show", NULL}};
 *     Settings s;
 *     char *inputs[16], error[OPTIONS_ERROR];
 *     OptionParser parser = {.program = "tool", .who = &takers[1], .takers = takers, .n_takers = 3, .table = table,
 *                            .n = 5, .values = &s, .inputs = inputs, .most_inputs = 16};
 *     options_usual(&s, table, 5);
 *     if (!options_parse(&parser, argc - 3, argv + 3, error))
 *         ...      tool train deep --sise 32    error says that --size may have been meant
 *                  tool show --rate 1           error says that shallow and deep have it
 *
 * Define OPTIONS_STATIC as well to keep every function private to that file. Only libc and libm are used.
 *
 * On the command line an option is --name value or --name=value; a switch is --name or --no-name; everything else is an
 * input, and after -- everything is. In a file it is `name = value`, a line each; # begins a line that says something.
 * A value is checked before it is stored: a number must be whole where it is to be, and in its range (which leaves out
 * NaN); a text must fit, be one line, so that a file that was written can be read again, and one of its choices.
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
    size_t offset, size;                 /* of the field in the values */
    const char *usual;                   /* its value where none is given, as a text; NULL: "" or 0 */
    double low, high;                    /* what a number may be, beside what is usual */
    const char *choices;                 /* what a text may be, "one|two|three"; NULL: anything. "two=zwei": zwei is an
                                            old word for two; "part#": # is a whole number; ",one|two": a list of these,
                                            with commas. What is usual may be said, too, if it is "" */
    const char *verbs, *kinds;           /* for whom, words between blanks: OptionTaker; NULL or "": for all */
    const char *group;                   /* a heading for the help, over this option and those behind it; or NULL */
    int use;                             /* the program's own */
    const char *help;
} Option;

/* ---- one option ---- */

/* NULL: there is none of that name. */
OPTIONS_API const Option *option_find(const Option *table, int n, const char *name);

/* Stores what the text says. 0, and the error, where it is no value of this option. */
OPTIONS_API int option_set(void *values, const Option *o, const char *text, char error[OPTIONS_ERROR]);

/* Gives every option its usual value, which may lie outside its range. */
OPTIONS_API void options_usual(void *values, const Option *table, int n);

/* Sets what the words between blanks say, "size=32 how=adam"; a range behind a colon is for the parser (usual).
 * They are the program's own words, so a number may lie outside its range; 0 is a mistake in them. */
OPTIONS_API int options_set(void *values, const Option *table, int n, const char *words, char error[OPTIONS_ERROR]);

/* Are they so? "how=adam", "how!=adam", "size" (neither 0 nor empty), "!size": all of the words must hold; no words
 * always do. -1: there is no such option, a mistake in the words. */
OPTIONS_API int options_say(const void *values, const Option *table, int n, const char *words);

/* The value as a text that option_set takes. */
OPTIONS_API void option_text(const void *values, const Option *o, char *text, size_t size);

/* ---- did you mean ---- */

/* Letters to insert, delete or replace to get from a to b (Levenshtein 1966), of the first 64; case does not count. */
OPTIONS_API int option_distance(const char *a, const char *b);

/* Starts as {given, farthest + 1, NULL}; `best` is the nearest of the names that were offered, if near enough. */
typedef struct { const char *given; int distance; const char *best; } OptionGuess;
OPTIONS_API void option_guess(OptionGuess *guess, const char *name);

/* "; did you mean train?", with `before` in front of the name, or "". */
enum { OPTIONS_MEANT = 100 };
OPTIONS_API const char *option_meant(const OptionGuess *guess, const char *before, char text[OPTIONS_MEANT]);

/* ---- command lines, files, help ---- */

/* Who takes options: a command. It takes those that share a word with `verbs` and, where it has kinds, with `kinds`. */
typedef struct {
    const char *name, *command;          /* for messages: "deep", "train deep" */
    const char *verbs, *kinds;
} OptionTaker;

typedef struct {
    const char *program;                 /* for messages */
    const OptionTaker *who;              /* NULL: who takes every option */
    const OptionTaker *takers;           /* all there are, to say who has an option that `who` has not */
    int n_takers;
    const Option *table;
    int n;
    const char *usual;                   /* what differs here: "size=32:16,64", usually 32, from 16 to 64; or NULL */
    const char *o;                       /* -o stands for this option, "--out"; NULL: for none */
    void *values;                        /* what is filled in */
    bool *given;                         /* [n] which were there; or NULL */
    char **inputs;
    int n_inputs, most_inputs;
} OptionParser;

OPTIONS_API bool option_taken(const OptionTaker *who, const Option *o);

/* Reads the arguments; inputs are added to p->inputs. */
OPTIONS_API int options_parse(OptionParser *p, int argc, char **argv, char error[OPTIONS_ERROR]);

/* Cuts a line into words between blanks; "..." keeps words with blanks together. Their number, at most `most`. */
OPTIONS_API int options_split(char *line, char **words, int most);

/* The words of the next line of a text that has any, # and what stands behind it aside; how many, 0 at the end. `at`
 * begins at the text, which is cut up, `line` as 0 and is that line's number. */
OPTIONS_API int options_next(char **at, int *line, char **words, int most);

/* Reads lines `name = value`; what is not named stays. 1 read, 0 the file is wrong or unreadable, -1 a value is. */
OPTIONS_API int options_read(FILE *file, const char *path, const Option *table, int n, void *values,
                             char error[OPTIONS_ERROR]);

/* Writes a line for each option whose `use` has none of the bits in `without`. */
OPTIONS_API void options_write(FILE *to, const Option *table, int n, const void *values, int without);

/* Tells the options that `who` takes under the headings of their groups, with what p->values have as usual. */
OPTIONS_API void options_help(FILE *to, const OptionParser *p);

/* ---- several commands: tool VERB [WHAT] [INPUT...] [--option value]... ---- */

typedef struct {
    const char *name, *what;             /* "data", "draw"; what: NULL none; "a|b=old": one of these, b once was old;
                                            in capitals ("MODEL"): any word, which the program understands */
    const char *inputs, *does;           /* "DATA [--out DIR]", "draw some data": for the help */
    int least, most;                     /* how many inputs stand behind the WHAT */
    void (*run)(void *command);          /* the program's own, as is `kind` */
    const char *needs, *usual, *kind;    /* options that must be given, "out size"; what is usual here, as in
                                            OptionParser; or NULL */
    bool apart;                          /* it takes no options of its name's other rows */
    const char *examples;                /* lines "  tool data draw ..." */
} OptionVerb;

typedef struct { const char *name, *title, *text; } OptionChapter;

typedef struct {
    const char *program, *says;          /* "tool", "does what in a line" */
    const OptionVerb *verbs;
    int n;
    const OptionChapter *chapters;       /* of the manual */
    int n_chapters;
} OptionProgram;

/* The row for a name and the first input, which is the WHAT if the verb has one; NULL, and the error: there is none. */
OPTIONS_API const OptionVerb *options_verb(const OptionProgram *p, const char *name, const char *what,
                                           char error[OPTIONS_ERROR]);

/* The word as it is called today: in "a|b=old" b for old; cut at `size`. */
OPTIONS_API const char *options_word(const OptionVerb *verb, const char *word, char *text, size_t size);

/* Are there as many inputs as the verb wants, its WHAT, and the options it needs? */
OPTIONS_API int options_complete(const OptionVerb *verb, bool has_what, const OptionParser *p,
                                 char error[OPTIONS_ERROR]);

/* How the program is called, a line for each verb; the lines and examples of one name, whatever its WHAT. */
OPTIONS_API void options_usage(FILE *to, const OptionProgram *p);
OPTIONS_API void options_whats(FILE *to, const OptionProgram *p, const char *name);

/* A command, "train deep", what it does, the options that o->who takes, and its verb's examples: those that begin with
 * it or, if none does, all. `words`: what its WHAT may be, "deep, shallow", where that is in capitals and was not
 * given; else "". */
OPTIONS_API void options_command(FILE *to, const OptionProgram *p, const OptionVerb *verb, const char *command,
                                 const char *words, const OptionParser *o);

/* Takes --help, -h and an --all beside them out of the words. Was there one of the first two? */
OPTIONS_API bool options_asks_help(int *n, char **words, bool *all);

/* A chapter of the manual; "all" is all of them, "roff" the same as a page for the program man. Behind the first, its
 * title page, the others are listed. */
OPTIONS_API int options_manual(FILE *to, const OptionProgram *p, const char *asked, char error[OPTIONS_ERROR]);

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
 * 1  Did you mean
 * ------------------------------------------------------------------------------------------------------------- */

OPTIONS_API int option_distance(const char *a, const char *b)
{
    int row[65], length = (int)strlen(b) < 64 ? (int)strlen(b) : 64;
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

OPTIONS_API const char *option_meant(const OptionGuess *guess, const char *before, char text[OPTIONS_MEANT])
{
    text[0] = 0;
    if (guess->best) snprintf(text, OPTIONS_MEANT, "; did you mean %.8s%.60s?", before, guess->best);
    return text;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 2  One option
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

static int options_set_number(void *field, const Option *o, const char *text, char error[OPTIONS_ERROR])
{
    char *end;
    double low = o->kind == 'b' ? 0 : o->low, high = o->kind == 'b' ? 1 : o->high;
    errno = 0;
    double number = strtod(text, &end);
    bool whole = o->kind == 'f' || number == floor(number);
    bool usual = o->kind == 'i' && number == (o->usual ? strtod(o->usual, NULL) : 0);
    if (*text == 0 || *end || errno || !whole || !((number >= low && number <= high) || usual))
        return options_fail(error, "--%s %s: must be a %snumber from %g to %g", o->name, text,
                            o->kind == 'f' ? "" : "whole ", low, high);
    if (o->kind == 'f') *(double *)field = number;
    else *(long *)field = (long)number;
    return 1;
}

/* Is the text one of the spellings in "two=zwei"? To `chosen` goes the first of them, or the text where it has a #. */
static bool options_matches(const char *spellings, size_t length, const char *text, size_t size, char *chosen)
{
    for (const char *at = spellings; at < spellings + length;) {
        size_t part = strcspn(at, "=|"), known = at[part - 1] == '#' ? part - 1 : part, digits = 0;
        bool counted = known < part;
        while (counted && known + digits < size && isdigit((unsigned char)text[known + digits])) digits++;
        if (known + digits == size && (digits > 0) == counted && strncmp(at, text, known) == 0) {
            size_t first = strcspn(spellings, "=|");
            sprintf(chosen, "%.*s", (int)(counted ? size : first), counted ? text : spellings);
            return true;
        }
        at += part + 1;
    }
    return false;
}

/* "must be one, two or three", and which of them looks like what was given. */
static int options_no_choice(const Option *o, const char *text, const char *given, char error[OPTIONS_ERROR])
{
    char all[OPTIONS_ERROR / 2] = "", names[32][40], meant[OPTIONS_MEANT];
    bool list = o->choices[0] == ',';
    OptionGuess guess = {given, (int)strlen(given) / 3 + 2, NULL};
    int n = 0;
    for (const char *at = o->choices + list; *at && n < 32; n++) {
        size_t length = strcspn(at, "|");
        snprintf(names[n], sizeof names[n], "%.*s", (int)strcspn(at, "=#|"), at);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%.39s%s", n == 0 ? "" : at[length] ? ", " : " or ",
                 names[n], at[strcspn(at, "=#|")] == '#' ? "N" : "");
        if (!memchr(at, '#', length)) option_guess(&guess, names[n]);
        at += length + (at[length] == '|');
    }
    return options_fail(error, "--%.60s %.100s: must be %s%s%s", o->name, text, list ? "a list of " : "", all,
                        option_meant(&guess, "", meant));
}

static int options_too_long(const Option *o, char error[OPTIONS_ERROR])
{
    return options_fail(error, "--%s: longer than %zu characters", o->name, o->size - 1);
}

/* Puts the words for what was chosen into `chosen`, which has room for the option's size. */
static int options_choose(const Option *o, const char *text, char *chosen, char error[OPTIONS_ERROR])
{
    bool list = o->choices[0] == ',';
    size_t used = 0;
    for (const char *at = text; at == text || at[-1] == ',';) {
        char word[OPTIONS_LINE], given[OPTIONS_LINE];
        size_t size = list ? strcspn(at, ",") : strlen(at), length;
        const char *choice = o->choices + list;
        for (; *choice; choice += length + (choice[length] == '|')) {
            length = strcspn(choice, "|");
            if (options_matches(choice, length, at, size, word)) break;
        }
        snprintf(given, sizeof given, "%.*s", (int)size, at);
        if (!*choice) return options_no_choice(o, text, given, error);
        if (used + strlen(word) + 2 > o->size) return options_too_long(o, error);
        used += (size_t)snprintf(chosen + used, o->size - used, "%s%s", used ? "," : "", word);
        at += size + 1;
        if (!at[-1]) break;
    }
    return 1;
}

OPTIONS_API int option_set(void *values, const Option *o, const char *text, char error[OPTIONS_ERROR])
{
    char *field = (char *)values + o->offset, chosen[OPTIONS_LINE];
    if (o->kind != 's') return options_set_number(field, o, text, error);
    if (strlen(text) >= o->size || strlen(text) >= sizeof chosen) return options_too_long(o, error);
    if (strpbrk(text, "\n\r")) return options_fail(error, "--%s: must be one line", o->name);
    bool usual = !*text && !(o->usual && *o->usual);
    if (o->choices && !usual) {
        if (!options_choose(o, text, chosen, error)) return 0;
        text = chosen;
    }
    memmove(field, text, strlen(text) + 1);
    return 1;
}

static Option options_unbounded(Option o)
{
    o.low = -HUGE_VAL, o.high = HUGE_VAL;
    return o;
}

OPTIONS_API void options_usual(void *values, const Option *table, int n)
{
    char error[OPTIONS_ERROR];
    for (int i = 0; i < n; i++) {
        const Option o = options_unbounded(table[i]);
        if (!option_set(values, &o, o.usual ? o.usual : o.kind == 's' ? "" : "0", error)) abort();
    }
}

OPTIONS_API int options_set(void *values, const Option *table, int n, const char *words, char error[OPTIONS_ERROR])
{
    char word[OPTIONS_LINE];
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        at += length;
        char *value = word + strcspn(word, "=");
        if (!*value) return options_fail(error, "%s: no value", word);
        *value++ = 0;
        char *range = strchr(value, ':');
        if (range && strchr(range, ',')) *range = 0;
        const Option *o = option_find(table, n, word);
        if (!o) return options_fail(error, "there is no --%s", word);
        const Option unbounded = options_unbounded(*o);
        if (!option_set(values, &unbounded, value, error)) return 0;
    }
    return 1;
}

OPTIONS_API int options_say(const void *values, const Option *table, int n, const char *words)
{
    char word[OPTIONS_LINE], is[OPTIONS_LINE];
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        bool not_set = *at == '!';
        snprintf(word, sizeof word, "%.*s", (int)length - not_set, at + not_set);
        at += length;
        char *value = word + strcspn(word, "=!");
        bool equal = *value == '=', unequal = *value == '!';
        if (*value) *value = 0, value += equal ? 1 : 2;
        const Option *o = option_find(table, n, word);
        if (!o) return -1;
        option_text(values, o, is, sizeof is);
        bool set = *is && strcmp(is, "0") != 0, same = strcmp(is, value) == 0;
        if (equal ? !same : unequal ? same : set == not_set) return 0;
    }
    return 1;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  The command line
 * ------------------------------------------------------------------------------------------------------------- */

/* Is one of these words among those? No words stand for all. */
static bool options_share(const char *these, const char *those)
{
    if (!these || !*these || !those || !*those) return true;
    for (const char *at = these + strspn(these, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        for (const char *other = those + strspn(those, " "); *other; other += strspn(other, " ")) {
            size_t size = strcspn(other, " ");
            if (size == length && strncmp(at, other, size) == 0) return true;
            other += size;
        }
        at += length;
    }
    return false;
}

OPTIONS_API bool option_taken(const OptionTaker *who, const Option *o)
{
    return !who || (options_share(who->verbs, o->verbs) && (!who->kinds || options_share(who->kinds, o->kinds)));
}

/* "deep and shallow have": who else takes it. False: nobody. */
static bool options_others(const OptionParser *p, const Option *o, char *text, size_t size)
{
    enum { MOST = 7 };
    const char *names[MOST + 1];
    int n = 0;
    for (int i = 0; i < p->n_takers && n <= MOST; i++)
        if (option_taken(&p->takers[i], o)) names[n++] = p->takers[i].name;
    text[0] = 0;
    for (int i = 0; i < n && i < MOST; i++)
        snprintf(text + strlen(text), size - strlen(text), "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " and ", names[i]);
    snprintf(text + strlen(text), size - strlen(text), n == 1 ? " has" : n > MOST ? ", ... have" : " have");
    return n > 0;
}

/* Why there is no option of this name here: it is another's, or it looks most like one, within a third of its
 * letters. */
static int options_unknown(const OptionParser *p, const char *given, char error[OPTIONS_ERROR])
{
    char others[OPTIONS_ERROR / 2], meant[OPTIONS_MEANT];
    const Option *o = option_find(p->table, p->n, given);
    const char *name = p->who ? p->who->name : p->program, *command = p->who ? p->who->command : "";
    if (o && options_others(p, o, others, sizeof others))
        return options_fail(error, "%s has no --%s; %s (%s %s --help lists its options)", name, given, others,
                            p->program, command);
    OptionGuess guess = {given, (int)strlen(given) / 3 + 2, NULL};
    for (int i = 0; i < p->n; i++)
        if (option_taken(p->who, &p->table[i])) option_guess(&guess, p->table[i].name);
    return options_fail(error, "%s has no option --%s%s (%s %s --help lists them)", name, given,
                        option_meant(&guess, "--", meant), p->program, command);
}

/* The option with what is usual here, and the range that it has, where p->usual says so. */
static Option options_here(const OptionParser *p, const Option *o)
{
    Option here = *o;
    size_t length = strlen(o->name);
    for (const char *at = p->usual ? p->usual : ""; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        const char *range = (const char *)memchr(at, ':', word);
        if (strncmp(at, o->name, length) == 0 && at[length] == '=') {
            if (o->kind == 'i') here.usual = at + length + 1;   /* what stands behind it does not matter */
            if (range) sscanf(range, ":%lf,%lf", &here.low, &here.high);
        }
        at += word;
    }
    return here;
}

/* A switch takes no value, neither behind = nor as the next word. */
static int options_switch(OptionParser *p, const Option *o, bool off, bool equals, const char *next,
                          char error[OPTIONS_ERROR])
{
    static const char *const values[] = {"0", "1", "on", "off", "true", "false", "yes", "no"};
    bool value = equals;
    for (int i = 0; next && i < 8; i++) value = value || strcmp(next, values[i]) == 0;
    if (value)
        return options_fail(error, "--%s%s is a switch and takes no value; --%s%s is its opposite", off ? "no-" : "",
                            o->name, off ? "" : "no-", o->name);
    return option_set(p->values, o, off ? "0" : "1", error);
}

/* The option in argv[*i], which takes the next argument, too, if its value stands there. */
static int options_parse_one(OptionParser *p, int argc, char **argv, int *i, char error[OPTIONS_ERROR])
{
    char name[64];
    const char *given = p->o && strcmp(argv[*i], "-o") == 0 ? p->o : argv[*i], *equals = strchr(given, '=');
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (strncmp(given, "--", 2)) return options_fail(error, "%s: options begin with two dashes", given);
    int length = equals ? (int)(equals - given - 2) : (int)strlen(given + 2);
    snprintf(name, sizeof name, "%.*s", length < 63 ? length : 63, given + 2);
    const Option *o = option_find(p->table, p->n, name);
    bool off = !o && strncmp(name, "no-", 3) == 0 && (o = option_find(p->table, p->n, name + 3)) != NULL;
    if (!o || !option_taken(p->who, o)) return options_unknown(p, o ? o->name : name, error);
    if (off && o->kind != 'b')
        return options_fail(error, "--%s is no switch: it takes a value, and there is no --no-%s", o->name, o->name);
    if (p->given) p->given[o - p->table] = true;
    if (o->kind == 'b') return options_switch(p, o, off, equals != NULL, next, error);
    if (!equals && !next) return options_fail(error, "--%s needs a value", name);
    if (!equals) ++*i;
    const Option here = options_here(p, o);
    return option_set(p->values, &here, equals ? equals + 1 : next, error);
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

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Help
 * ------------------------------------------------------------------------------------------------------------- */

enum { OPTIONS_LEFT = 25, OPTIONS_RIGHT = 110 };           /* columns: where the help begins, and where it ends */

/* Prints a text from column `at` on, its further lines indented to OPTIONS_LEFT. */
static void options_wrap(FILE *to, const char *text, int at)
{
    if (at < OPTIONS_LEFT) fprintf(to, "%*s", OPTIONS_LEFT - at, ""), at = OPTIONS_LEFT;
    while (*text) {
        int length = (int)strcspn(text, " ");
        bool first = at == OPTIONS_LEFT, over = !first && at + 1 + length > OPTIONS_RIGHT;
        if (over) fprintf(to, "\n%*s", OPTIONS_LEFT, ""), at = OPTIONS_LEFT;
        at += fprintf(to, "%s%.*s", first || over ? "" : " ", length, text);
        text += length + (text[length] != 0);
    }
    fprintf(to, "\n");
}

/* " (one|two|partN)" */
static void options_add_choices(const char *choices, char *text, size_t size)
{
    bool list = *choices == ',', first = true;
    snprintf(text + strlen(text), size - strlen(text), list ? " (a list of " : " (");
    for (const char *at = choices + list; *at; at += strcspn(at, "|"), at += *at == '|', first = false) {
        int shown = (int)strcspn(at, "=#|");
        snprintf(text + strlen(text), size - strlen(text), "%s%.*s%s", first ? "" : "|", shown, at,
                 at[shown] == '#' ? "N" : "");
    }
    snprintf(text + strlen(text), size - strlen(text), ")");
}

/* The value in brackets, where it says something: not an empty text, not 0. */
static void options_help_one(FILE *to, const OptionParser *p, const Option *o)
{
    char value[OPTIONS_LINE], text[2 * OPTIONS_LINE], left[80];
    option_text(p->values, o, value, sizeof value);
    snprintf(left, sizeof left, "  --%.60s%s", o->name,
             o->kind == 'b' ? "" : o->kind == 's' ? " TEXT" : o->kind == 'i' ? " N" : " X");
    snprintf(text, sizeof text, "%.1500s", o->help ? o->help : "");
    if (o->choices) options_add_choices(o->choices, text, sizeof text);
    bool said = o->kind != 's' ? strcmp(value, "0") != 0 : *value != 0;
    size_t used = strlen(text);
    if (said && o->kind == 'b') snprintf(text + used, sizeof text - used, " [on; --no-%s turns it off]", o->name);
    else if (said) snprintf(text + used, sizeof text - used, " [%s]", value);
    fputs(left, to);
    options_wrap(to, text, (int)strlen(left));
}

OPTIONS_API void options_help(FILE *to, const OptionParser *p)
{
    const char *group = NULL, *shown = NULL;
    for (int i = 0; i < p->n; i++) {
        const Option *o = &p->table[i];
        if (o->group) group = o->group;
        if (!option_taken(p->who, o)) continue;
        if (group != shown) fprintf(to, "%s%s\n", shown ? "\n" : "", group);
        shown = group;
        options_help_one(to, p, o);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 5  Files
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

OPTIONS_API int options_split(char *line, char **words, int most)
{
    int n = 0;
    while (n < most) {
        line += strspn(line, " \t");
        if (!*line) break;
        const char *ends = *line == '"' ? "\"" : " \t";
        line += *line == '"';
        words[n++] = line;
        line += strcspn(line, ends);
        if (*line) *line++ = 0;
    }
    return n;
}

OPTIONS_API int options_next(char **at, int *number, char **words, int most)
{
    while (*at) {
        char *line = *at, *end = strchr(line, '\n');
        *at = end ? end + 1 : NULL, ++*number;
        if (end) *end = 0;
        line[strcspn(line, "#\r")] = 0;
        int n = options_split(line, words, most);
        if (n) return n;
    }
    return 0;
}

OPTIONS_API void options_write(FILE *to, const Option *table, int n, const void *values, int without)
{
    char text[OPTIONS_LINE];
    for (int i = 0; i < n; i++) {
        if (table[i].use & without) continue;
        option_text(values, &table[i], text, sizeof text);
        fprintf(to, "%s = %s\n", table[i].name, text);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 6  Verbs
 * ------------------------------------------------------------------------------------------------------------- */

static bool options_is_any(const OptionVerb *verb) { return verb->what && isupper((unsigned char)*verb->what); }

/* Is it one of the words in "a|b=old"? `first`: where its words begin. */
static bool options_is_what(const char *words, const char *word, const char **first)
{
    for (const char *at = *first = words; *at; at += *at != 0) {
        size_t length = strcspn(at, "|=");
        if (strlen(word) == length && strncmp(at, word, length) == 0) return true;
        at += length;
        if (*at == '|') *first = at + 1;
    }
    return false;
}

/* Why there is no such row: the verb is unknown, or its WHAT is. */
static void options_no_verb(const OptionProgram *p, const char *name, const char *what, char error[OPTIONS_ERROR])
{
    OptionGuess verb = {name, 3, NULL}, guess = {what ? what : "", 3, NULL};
    char words[OPTIONS_LINE] = "", known[OPTIONS_ERROR / 2] = "", meant[OPTIONS_MEANT];
    for (int i = 0; i < p->n; i++) {
        size_t used = strlen(words);
        option_guess(&verb, p->verbs[i].name);
        if (strcmp(p->verbs[i].name, name) == 0)
            snprintf(words + used, sizeof words - used, "%s|", p->verbs[i].what ? p->verbs[i].what : "");
    }
    if (!*words) {
        options_fail(error, "there is no verb %.200s%s; %s --help lists them", name, option_meant(&verb, "", meant),
                     p->program);
        return;
    }
    for (char *at = words, *next; *at; at = next) {
        next = at + strcspn(at, "|") + 1, next[-1] = 0, at[strcspn(at, "=")] = 0;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%.60s", !used ? "" : *next ? ", " : " or ", at);
        option_guess(&guess, at);
    }
    if (what) options_fail(error, "%s %.100s: must be %s%s", name, what, known, option_meant(&guess, "", meant));
    else options_fail(error, "usage: %s %s WHAT ...: WHAT must be %s (%s %s --help)", p->program, name, known,
                      p->program, name);
}

OPTIONS_API const OptionVerb *options_verb(const OptionProgram *p, const char *name, const char *what,
                                           char error[OPTIONS_ERROR])
{
    const char *first;
    for (const OptionVerb *verb = p->verbs; verb < p->verbs + p->n; verb++)
        if (strcmp(verb->name, name) == 0 &&
            (!verb->what || options_is_any(verb) || (what && options_is_what(verb->what, what, &first)))) return verb;
    options_no_verb(p, name, what, error);
    return NULL;
}

OPTIONS_API const char *options_word(const OptionVerb *verb, const char *word, char *text, size_t size)
{
    const char *first = word;
    if (options_is_any(verb) || !options_is_what(verb->what, word, &first)) snprintf(text, size, "%s", word);
    else snprintf(text, size, "%.*s", (int)strcspn(first, "=|"), first);
    return text;
}

OPTIONS_API int options_complete(const OptionVerb *verb, bool has_what, const OptionParser *p,
                                 char error[OPTIONS_ERROR])
{
    const char *command = p->who->command;
    if (p->n_inputs < verb->least || p->n_inputs > verb->most || (verb->what && !has_what))
        return options_fail(error, "usage: %s %s%s%s %s   (%s %s --help)", p->program, command,
                            verb->what && !has_what ? " " : "", verb->what && !has_what ? verb->what : "",
                            verb->inputs, p->program, command);
    for (const char *at = verb->needs ? verb->needs : ""; *at; at += strspn(at, " ")) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, " "), at);
        if (!p->given[option_find(p->table, p->n, name) - p->table])
            return options_fail(error, "%s needs --%s", command, name);
        at += strlen(name);
    }
    return 1;
}

static void options_synopsis(FILE *to, const OptionVerb *verb)
{
    char text[OPTIONS_LINE];
    int length = verb->what ? (int)strcspn(verb->what, "=") : 0;
    snprintf(text, sizeof text, "%s%s%.*s %s", verb->name, length ? " " : "", length, length ? verb->what : "",
             verb->inputs);
    fprintf(to, "  %-54s %s\n", text, verb->does);
}

OPTIONS_API void options_usage(FILE *to, const OptionProgram *p)
{
    fprintf(to, "%s: %s\n\nusage: %s VERB [WHAT] [INPUT...] [--option value]...\n\n", p->program, p->says,
            p->program);
    for (int i = 0; i < p->n; i++) options_synopsis(to, &p->verbs[i]);
    fprintf(to, "\n%s VERB [WHAT] --help tells its options with examples (--help --all: every option there is);\n"
            "%s man is the manual.\n", p->program, p->program);
}

OPTIONS_API void options_whats(FILE *to, const OptionProgram *p, const char *name)
{
    fprintf(to, "%s %s WHAT ...   (%s %s WHAT --help tells its options)\n\n", p->program, name, p->program, name);
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->verbs[i].name, name) == 0) options_synopsis(to, &p->verbs[i]);
    fprintf(to, "\nExamples\n");
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->verbs[i].name, name) == 0) fprintf(to, "%s", p->verbs[i].examples);
}

static void options_examples(FILE *to, const OptionProgram *p, const OptionVerb *verb, const char *command)
{
    char begins[128];
    snprintf(begins, sizeof begins, "  %s %s ", p->program, command);
    bool any = strstr(verb->examples, begins) != NULL;
    fprintf(to, "\nExamples\n");
    for (const char *at = verb->examples; *at;) {
        int length = (int)strcspn(at, "\n") + 1;
        if (!any || strncmp(at, begins, strlen(begins)) == 0) fprintf(to, "%.*s", length, at);
        at += length;
    }
}

OPTIONS_API void options_command(FILE *to, const OptionProgram *p, const OptionVerb *verb, const char *command,
                                 const char *words, const OptionParser *o)
{
    fprintf(to, "%s %s%s%s %s\n\n%c%s.\n", p->program, command, *words ? " " : "", *words ? verb->what : "",
            verb->inputs, toupper((unsigned char)verb->does[0]), verb->does + 1);
    if (*words)
        fprintf(to, "%s is %s. `%s %s %s --help` tells the options of one; these are everyone's:\n", verb->what, words,
                p->program, verb->name, verb->what);
    fprintf(to, "\n");
    options_help(to, o);
    options_examples(to, p, verb, command);
}

static bool options_is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

OPTIONS_API bool options_asks_help(int *n, char **words, bool *all)
{
    bool helps = false;
    int kept = 0;
    for (int i = 0; i < *n; i++) helps |= options_is_help(words[i]);
    for (int i = 0; helps && i < *n; i++) {
        if (strcmp(words[i], "--all") == 0) *all = true;
        else if (!options_is_help(words[i])) words[kept++] = words[i];
    }
    if (helps) *n = kept;
    return helps;
}

/* Text for roff: no line begins with a command, and what means something else there is told so. */
static void options_roff_text(FILE *to, const char *text)
{
    for (const char *at = text; *at; at++) {
        if ((at == text || at[-1] == '\n') && strchr(".'", *at)) fputs("\\&", to);
        if (*at == '\\') fputs("\\e", to);
        else if (*at == '-') fputs("\\-", to);
        else fputc(*at, to);
    }
}

/* The manual as a page for the program man. */
static void options_roff(FILE *to, const OptionProgram *p)
{
    fprintf(to, ".TH %s 1\n.SH NAME\n%s \\- ", p->program, p->program);
    options_roff_text(to, p->says);
    fprintf(to, "\n.SH SYNOPSIS\n.nf\n");
    for (int i = 0; i < p->n; i++) {
        const OptionVerb *verb = &p->verbs[i];
        fprintf(to, "%s %s%s%.*s ", p->program, verb->name, verb->what ? " " : "",
                verb->what ? (int)strcspn(verb->what, "=") : 0, verb->what ? verb->what : "");
        options_roff_text(to, verb->inputs);
        fprintf(to, "\n");
    }
    fprintf(to, ".fi\n");
    for (int i = 0; i < p->n_chapters; i++) {
        fprintf(to, ".SH \"%s\"\n.nf\n", i ? p->chapters[i].title : "DESCRIPTION");
        options_roff_text(to, p->chapters[i].text);
        for (int k = 1; !i && k < p->n_chapters; k++) fprintf(to, "    %s\n", p->chapters[k].title);
        fprintf(to, ".fi\n");
    }
}

OPTIONS_API int options_manual(FILE *to, const OptionProgram *p, const char *asked, char error[OPTIONS_ERROR])
{
    const OptionChapter *chapters = p->chapters;
    if (strcmp(asked, "roff") == 0) return options_roff(to, p), 1;
    char meant[OPTIONS_MEANT];
    OptionGuess guess = {asked, 3, NULL};
    bool all = strcmp(asked, "all") == 0, found = all;
    for (int i = 0; i < p->n_chapters; i++) {
        bool wanted = strcmp(asked, chapters[i].name) == 0;
        if (all) fprintf(to, "%s%s\n\n", i ? "\n" : "", chapters[i].name);
        if (all || wanted) fprintf(to, "%s", chapters[i].text);
        found |= wanted;
        option_guess(&guess, chapters[i].name);
    }
    for (int i = 1; strcmp(asked, chapters[0].name) == 0 && i < p->n_chapters; i++)
        fprintf(to, "    %-12s %s\n", chapters[i].name, chapters[i].title);
    return found ? 1 : options_fail(error, "man %.100s: no such chapter; %s man lists the chapters%s", asked,
                                    p->program, option_meant(&guess, "", meant));
}

#endif /* OPTIONS_IMPLEMENTATION */
