/* test_options.c: vendor/options.h takes what it should, refuses the rest in words, and reads again what it wrote. */
#define OPTIONS_IMPLEMENTATION
#define OPTIONS_STATIC
#include "../vendor/options.h"
#include "check.h"

typedef struct { long size; double rate; char out[8]; long quiet, flip; } Settings;

enum { FILED = 1, TYPED = 2 };

#define AT(field) offsetof(Settings, field), sizeof ((Settings *)0)->field
static const Option table[] = {
    {"size",  'i', FILED, AT(size), 1, 4096, "side of a picture"},
    {"rate",  'f', FILED, AT(rate), 0, 1, "learning rate"},
    {"out",   's', FILED, AT(out), 0, 0, "where files go"},
    {"quiet", 'b', TYPED, AT(quiet), 0, 1, "say nothing"},
    {"flip",  'b', FILED, AT(flip), 0, 1, "mirror"},
};
enum { OPTIONS = sizeof table / sizeof *table, INPUTS = 3 };

static Settings s;
static char *inputs[INPUTS], error[OPTIONS_ERROR];

static bool takes(const void *context, const Option *o)
{
    return !context || strcmp(o->name, context) != 0;
}

/* Words between blanks; `but`: an option that the verb does not take. The number of inputs, or -1: refused. */
static int parse(const char *words, const char *but)
{
    static char line[300];
    char *argv[16];
    int argc = 0;
    snprintf(line, sizeof line, "%s", words);
    for (char *word = strtok(line, " "); word && argc < 16; word = strtok(NULL, " ")) argv[argc++] = word;
    s = (Settings){64, 0.1, "", 0, 1};
    error[0] = 0;
    OptionParser parser = {.program = "tool", .verb = "train", .table = table, .n = OPTIONS, .takes = takes,
                           .context = but, .o = "--out", .values = &s, .inputs = inputs, .most_inputs = INPUTS};
    return options_parse(&parser, argc, argv, error) ? parser.n_inputs : -1;
}

static int refused(const char *words, const char *but, const char *text)
{
    int right = parse(words, but) < 0 && strcmp(error, text) == 0;
    if (!right) printf("  %s: %s\n", words, error);
    return right;
}

static void test_parsing(void)
{
    CHECK(parse("", NULL) == 0 && s.size == 64);
    CHECK(parse("a --size 32 b --rate=0.25 - --no-flip --quiet", NULL) == 3);
    CHECK(s.size == 32 && s.rate == 0.25 && !s.flip && s.quiet);
    CHECK(strcmp(inputs[0], "a") == 0 && strcmp(inputs[1], "b") == 0 && strcmp(inputs[2], "-") == 0);
    CHECK(parse("-o x --out=y=z", NULL) == 0 && strcmp(s.out, "y=z") == 0);
    CHECK(parse("--size 32 --size 48 -- --size -o", NULL) == 2 && s.size == 48 && strcmp(inputs[1], "-o") == 0);
    CHECK(parse("--out=", NULL) == 0 && s.out[0] == 0);
}

static void test_refusals(void)
{
    CHECK(refused("--sise 3", NULL, "train has no option --sise; did you mean --size? (tool train --help lists them)"));
    CHECK(refused("--sise 3", "size", "train has no option --sise (tool train --help lists them)"));
    CHECK(refused("--size 3", "size", "train has no option --size (tool train --help lists them)"));
    CHECK(refused("--QUITE", NULL,
                  "train has no option --QUITE; did you mean --quiet? (tool train --help lists them)"));
    CHECK(refused("--size", NULL, "--size needs a value") && refused("-x", NULL, "-x: options begin with two dashes"));
    CHECK(refused("--quiet=1", NULL, "--quiet is a switch and takes no value"));
    CHECK(refused("a b c d", NULL, "more than 3 inputs"));
    CHECK(refused("--size 1.5", NULL, "--size 1.5: must be a whole number from 1 to 4096"));
    CHECK(refused("--size 0", NULL, "--size 0: must be a whole number from 1 to 4096"));
    CHECK(refused("--rate nan", NULL, "--rate nan: must be a number from 0 to 1") && s.rate == 0.1);
    CHECK(refused("--rate 1e-400", NULL, "--rate 1e-400: must be a number from 0 to 1"));
    CHECK(refused("--rate 1x", NULL, "--rate 1x: must be a number from 0 to 1"));
    CHECK(refused("--out 12345678", NULL, "--out: longer than 7 characters") && s.out[0] == 0);
    CHECK(!option_set(&s, &table[2], "a\nb", error) && strcmp(error, "--out: must be one line") == 0);
    char name[200] = "--";
    memset(name + 2, 'x', 150);
    CHECK(parse(name, NULL) < 0 && strstr(error, "has no option --xxx"));
}

static void test_distance(void)
{
    CHECK(option_distance("", "") == 0 && option_distance("abc", "") == 3 && option_distance("", "ab") == 2);
    CHECK(option_distance("kitten", "sitting") == 3 && option_distance("happyy", "happy") == 1);
    CHECK(option_distance("Size", "sIZE") == 0);
    char a[100], b[100];
    memset(a, 'a', 99), memset(b, 'b', 99), a[99] = b[99] = 0;
    CHECK(option_distance(a, b) == 64 && option_distance(a, "a") == 63);
    OptionGuess guess = {"trian", 3, NULL};
    option_guess(&guess, "training"), option_guess(&guess, "report");
    CHECK(!guess.best);
    option_guess(&guess, "train"), option_guess(&guess, "trial");
    CHECK(guess.best && strcmp(guess.best, "trial") == 0 && guess.distance == 1);
}

static int read_text(const char *text)
{
    FILE *file = tmpfile();
    CHECK(file && fputs(text, file) >= 0);
    rewind(file);
    s = (Settings){64, 0.1, "", 0, 1};
    error[0] = 0;
    int got = options_read(file, "run/config", table, OPTIONS, &s, error);
    fclose(file);
    return got;
}

/* A folder can be opened, and fails when it is read: as a disk may. */
static void test_unreadable(void)
{
    FILE *folder = fopen(".", "r");
    Settings s = {64, 0.1, "", 0, 1};
    char error[OPTIONS_ERROR] = "";
    if (!folder) { SKIP("a file that fails when it is read"); return; }
    CHECK(options_read(folder, "run/config", table, OPTIONS, &s, error) == 0 && strstr(error, "run/config: "));
    fclose(folder);
}

static void test_files(void)
{
    CHECK(read_text("# of a run\n\nsize = 32\r\nout = a = b\nrate = 0.5") == 1 && s.size == 32 && s.rate == 0.5);
    CHECK(strcmp(s.out, "a = b") == 0 && s.flip == 1);
    CHECK(read_text("out = \n") == 1 && s.out[0] == 0);
    CHECK(read_text("size = 32\nsize=3\n") == 0 && strcmp(error, "run/config:2: expected `name = value`") == 0);
    CHECK(read_text("#\nsise = 3\n") == 0 && strcmp(error, "run/config:2: unknown setting sise") == 0);
    CHECK(read_text("size = x\n") == -1 && strcmp(error, "--size x: must be a whole number from 1 to 4096") == 0);
    const Settings wrote = {4096, 1 / 3.0, " #a,b ", 1, 0};
    char text[300];
    FILE *file = tmpfile();
    options_write(file, table, OPTIONS, &wrote, TYPED);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    CHECK(strcmp(text, "size = 4096\nrate = 0.3333333333\nout =  #a,b \nflip = 0\n") == 0);
    CHECK(read_text(text) == 1 && s.size == 4096 && strcmp(s.out, " #a,b ") == 0 && !s.quiet && !s.flip);
    CLOSE(s.rate, 1 / 3.0, 1e-10);
}

static void test_help(void)
{
    const Settings usual = {64, 0, "", 0, 1};
    const OptionParser parser = {.table = table, .n = OPTIONS, .takes = takes, .context = "quiet"};
    char text[600];
    FILE *file = tmpfile();
    options_help(file, &parser, &usual);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    CHECK(strcmp(text, "  --size N               side of a picture [64]\n  --rate X               learning rate\n"
                       "  --out TEXT             where files go\n"
                       "  --flip                 mirror [on; --no- turns it off]\n") == 0);
}

int main(void)
{
    test_parsing();
    test_refusals();
    test_distance();
    test_files();
    test_unreadable();
    test_help();
    return check_report();
}
