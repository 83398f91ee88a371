/* Fuzz target for vendor/options.h: any command line and any file. No input may cross a bound; what was taken lies in
 * its range, and what is written is read again as the same.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_options.c -lm -o fuzz_options */
#define OPTIONS_IMPLEMENTATION
#define OPTIONS_STATIC
#include "../vendor/options.h"
#include <stdint.h>

typedef struct { long size; double rate; char out[8], in[40], how[12], parts[16]; long quiet; } Settings;

#define AT(field) .use = 1, .offset = offsetof(Settings, field), .size = sizeof ((Settings *)0)->field
static const Option table[] = {
    {"size", 'i', AT(size), "64", .low = -5, .high = 4096, .group = "g"}, {"rate", 'f', AT(rate), "0.5", .high = 1, .verbs = "fuzz"},
    {"out", 's', AT(out)}, {"in", 's', AT(in), .verbs = "other", .help = "d"}, {"how", 's', AT(how), "a", .choices = "a=b|c#|dd"},
    {"parts", 's', AT(parts), .choices = ",eyes|mouth=m|all", .kinds = "k"}, {"quiet", 'b', AT(quiet)},
};
static const OptionTaker takers[] = {{"fuzz", "fuzz", "fuzz", "k"}, {"other", "other", "other", NULL}};
enum { OPTIONS = sizeof table / sizeof *table, WORDS = 20, INPUTS = 4 };

static void check_values(const Settings *s)
{
    if (s->size < -5 || s->size > 4096 || !(s->rate >= 0 && s->rate <= 1) || s->quiet < 0 || s->quiet > 1) abort();
    if (strpbrk(s->out, "\r\n") || strpbrk(s->in, "\r\n")) abort();
    if (strcmp(s->how, "a") && strcmp(s->how, "dd") && (s->how[0] != 'c' || s->how[1] < '0' || s->how[1] > '9')) abort();
    if (strchr(s->parts, 'm') && !strstr(s->parts, "mouth")) abort();
}

static void write_and_read(const Settings *s)
{
    char error[OPTIONS_ERROR], text[400] = "";
    Settings again;
    options_usual(&again, table, OPTIONS);
    FILE *file = fmemopen(text, sizeof text, "w+");
    if (!file) return;
    options_write(file, table, OPTIONS, s, 0);
    rewind(file);
    if (options_read(file, "file", table, OPTIONS, &again, error) != 1) abort();
    fclose(file);
    if (again.size != s->size || strcmp(again.out, s->out) || strcmp(again.in, s->in) || strcmp(again.how, s->how) || strcmp(again.parts, s->parts)) abort();
    if (!(fabs(again.rate - s->rate) <= 1e-9)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *argv[WORDS], *inputs[INPUTS], error[OPTIONS_ERROR], *copy = malloc(size + 1);
    Settings s;
    options_usual(&s, table, OPTIONS);
    int argc = 0;
    memcpy(copy, data, size);
    copy[size] = 0;
    for (char *at = copy; argc < WORDS && at < copy + size; at += strlen(at) + 1) argv[argc++] = at;
    for (size_t i = 0; i < size; i++)
        if (copy[i] == ' ' && data[0] % 2) copy[i] = 0;
    OptionParser parser = {.program = "tool", .who = size % 3 ? &takers[size % 3 - 1] : NULL, .takers = takers, .n_takers = 2,
                           .table = table, .n = OPTIONS, .usual = "size=1:0,50", .o = "--out", .values = &s, .inputs = inputs,
                           .most_inputs = INPUTS};
    if (!options_parse(&parser, argc, argv, error) && !*error) abort();
    check_values(&s), write_and_read(&s);
    FILE *file = size ? fmemopen(copy, size, "r") : NULL;
    if (file) {
        int got = options_read(file, "file", table, OPTIONS, &s, error);
        if (got != 1 && !*error) abort();
        fclose(file);
    }
    check_values(&s), write_and_read(&s);
    free(copy);
    return 0;
}
