/* test_options.c: vendor/options.h takes what it should, refuses the rest in words, says whose an option is, and reads again what
 * it wrote. */
#define OPTIONS_IMPLEMENTATION
#define OPTIONS_STATIC
#include "../vendor/options.h"
#include "check.h"

typedef struct { long size; double rate; char out[8], how[16], parts[16]; long quiet, flip; } Settings;

enum { FILED = 1, TYPED = 2 };

#define AT(field) .offset = offsetof(Settings, field), .size = sizeof ((Settings *)0)->field
static const Option table[] = {
    {"size", 'i', AT(size), "64", .low = 1, .high = 4096, .group = "data", .use = FILED, .help = "side of a picture"},
    {"rate", 'f', AT(rate), "0.1", .low = 0, .high = 1, .verbs = "train", .use = FILED, .help = "learning rate"},
    {"out", 's', AT(out), .group = "rest", .use = FILED, .help = "where files go"},
    {"how", 's', AT(how), "sgd", .choices = "adam|sgd=gd=old|block#", .verbs = "train try", .kinds = "deep", .use = FILED,
     .help = "how weights move"},
    {"parts", 's', AT(parts), .choices = ",eyes|mouth|all", .verbs = "show", .use = FILED, .help = "which"},
    {"quiet", 'b', AT(quiet), .use = TYPED, .help = "say nothing"},
    {"flip", 'b', AT(flip), "1", .use = FILED, .help = "mirror"},
};
enum { OPTIONS = sizeof table / sizeof *table, INPUTS = 3, WHO = 4 };

static const OptionTaker takers[WHO] = {{"shallow", "train shallow", "train", "shallow"}, {"deep", "train deep", "train", "deep"},
                                        {"show", "show", "show", NULL}, {"try", "try", "try", NULL}};
static const OptionTaker *const shallow = &takers[0], *const deep = &takers[1], *const show = &takers[2];

static Settings s;
static bool given[OPTIONS];
static char *inputs[INPUTS], error[OPTIONS_ERROR];

/* Words between blanks; `usual`: what differs here. The number of inputs, or -1: refused. */
static int parse_here(const char *words, const OptionTaker *who, const char *usual)
{
    static char line[300];
    char *argv[16];
    int argc = 0;
    snprintf(line, sizeof line, "%s", words);
    for (char *word = strtok(line, " "); word && argc < 16; word = strtok(NULL, " ")) argv[argc++] = word;
    options_usual(&s, table, OPTIONS);
    memset(given, 0, sizeof given);
    error[0] = 0;
    OptionParser parser = {.program = "tool", .who = who, .takers = takers, .n_takers = WHO, .table = table, .n = OPTIONS,
                           .usual = usual, .o = "--out", .values = &s, .given = given, .inputs = inputs, .most_inputs = INPUTS};
    return options_parse(&parser, argc, argv, error) ? parser.n_inputs : -1;
}

static int parse(const char *words, const OptionTaker *who) { return parse_here(words, who, NULL); }

static int refused(const char *words, const OptionTaker *who, const char *text)
{
    int right = parse(words, who) < 0 && strcmp(error, text) == 0;
    if (!right) printf("  %s: %s\n", words, error);
    return right;
}

static void test_parsing(void)
{
    CHECK(parse("", deep) == 0 && s.size == 64 && s.rate == 0.1 && s.flip == 1 && !*s.out && strcmp(s.how, "sgd") == 0);
    CHECK(parse("a --size 32 b --rate=0.25 - --no-flip --quiet", deep) == 3);
    CHECK(s.size == 32 && s.rate == 0.25 && !s.flip && s.quiet);
    CHECK(given[0] && given[1] && !given[2] && given[5] && given[6]);
    CHECK(strcmp(inputs[0], "a") == 0 && strcmp(inputs[1], "b") == 0 && strcmp(inputs[2], "-") == 0);
    CHECK(parse("-o x --out=y=z", NULL) == 0 && strcmp(s.out, "y=z") == 0);
    CHECK(parse("--size 32 --size 48 -- --size -o", deep) == 2 && s.size == 48 && strcmp(inputs[1], "-o") == 0);
    CHECK(parse("--out=", NULL) == 0 && s.out[0] == 0);
    CHECK(parse("--rate 1 --how adam --parts eyes", NULL) == 0);                 /* nobody in particular takes all */
    CHECK(parse_here("--size 128 --rate 0.5", deep, "rate=0.2 size=8:100,200") == 0);
    CHECK(parse_here("--size 32", deep, "rate=0.2 size=128:100,200") < 0);
    CHECK(strcmp(error, "--size 32: must be a whole number from 100 to 200") == 0);
}

static void test_choices(void)
{
    CHECK(parse("--how adam", deep) == 0 && strcmp(s.how, "adam") == 0);
    CHECK(parse("--how old", deep) == 0 && strcmp(s.how, "sgd") == 0);           /* an old word is stored as the new one */
    CHECK(parse("--how gd", deep) == 0 && strcmp(s.how, "sgd") == 0);
    CHECK(parse("--how block12", deep) == 0 && strcmp(s.how, "block12") == 0);
    CHECK(parse("--parts mouth,eyes", show) == 0 && strcmp(s.parts, "mouth,eyes") == 0);
    CHECK(parse("--parts=", show) == 0 && s.parts[0] == 0);                      /* what is usual may be said */
    CHECK(parse_here("--size 0", show, "size=0") == 0 && parse_here("--size 0", show, "size=3") == -1);   /* a number, too */
    CHECK(refused("--how=", deep, "--how : must be adam, sgd or blockN"));
    CHECK(refused("--how adm", deep, "--how adm: must be adam, sgd or blockN; did you mean adam?"));
    CHECK(refused("--how block", deep, "--how block: must be adam, sgd or blockN"));
    CHECK(refused("--how block1x", deep, "--how block1x: must be adam, sgd or blockN"));
    CHECK(refused("--how ada", deep, "--how ada: must be adam, sgd or blockN; did you mean adam?"));
    CHECK(refused("--how adamadam", deep, "--how adamadam: must be adam, sgd or blockN"));
    CHECK(refused("--how quickest", deep, "--how quickest: must be adam, sgd or blockN"));
    CHECK(refused("--parts eyes,moth", show, "--parts eyes,moth: must be a list of eyes, mouth or all; did you mean mouth?"));
    CHECK(refused("--parts eyes,", show, "--parts eyes,: must be a list of eyes, mouth or all"));
    CHECK(refused("--parts eyes,eyes,eyes,eyes", show, "--parts: longer than 15 characters"));
}

static void test_others(void)
{
    CHECK(refused("--how adam", shallow, "shallow has no --how; deep and try have (tool train shallow --help lists its options)"));
    CHECK(refused("--parts eyes", deep, "deep has no --parts; show has (tool train deep --help lists its options)"));
    CHECK(refused("--rate 1", show, "show has no --rate; shallow and deep have (tool show --help lists its options)"));
    CHECK(refused("--ratee 1", show, "show has no option --ratee (tool show --help lists them)"));
    CHECK(!option_taken(shallow, &table[3]) && option_taken(deep, &table[3]) && option_taken(&takers[3], &table[3]));
    const OptionTaker like = {"like", "like", "trainer xtrain", "deeper"};       /* whole words only */
    CHECK(!option_taken(&like, &table[1]) && option_taken(&like, &table[0]));
}

static void test_refusals(void)
{
    CHECK(refused("--sise 3", deep, "deep has no option --sise; did you mean --size? (tool train deep --help lists them)"));
    CHECK(refused("--QUITE", show, "show has no option --QUITE; did you mean --quiet? (tool show --help lists them)"));
    CHECK(refused("--size", deep, "--size needs a value") && refused("-x", deep, "-x: options begin with two dashes"));
    CHECK(refused("--quiet=1", deep, "--quiet is a switch and takes no value; --no-quiet is its opposite"));
    CHECK(refused("--no-flip=1", deep, "--no-flip is a switch and takes no value; --flip is its opposite"));
    CHECK(refused("--flip 0", deep, "--flip is a switch and takes no value; --no-flip is its opposite"));
    CHECK(refused("--no-flip off", deep, "--no-flip is a switch and takes no value; --flip is its opposite"));
    CHECK(parse("--no-flip 00", deep) == 1 && parse("--flip -- 0", deep) == 1);  /* names of files */
    CHECK(refused("--no-size", deep, "--size is no switch: it takes a value, and there is no --no-size"));
    CHECK(refused("--no-size 3", deep, "--size is no switch: it takes a value, and there is no --no-size"));
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

/* A table of the program's own: it may go beyond the range, and is told what is wrong with it. */
static void test_set(void)
{
    options_usual(&s, table, OPTIONS);
    CHECK(options_set(&s, table, OPTIONS, " size=0:1,9  how=old flip=0 out=a:5 ", error));
    CHECK(s.size == 0 && strcmp(s.how, "sgd") == 0 && !s.flip && strcmp(s.out, "a:5") == 0 && s.rate == 0.1);
    CHECK(!options_set(&s, table, OPTIONS, "size=1 sise=2", error) && strcmp(error, "there is no --sise") == 0 && s.size == 1);
    CHECK(!options_set(&s, table, OPTIONS, "size", error) && strcmp(error, "size: no value") == 0);
    CHECK(!options_set(&s, table, OPTIONS, "how=adm", error) && !options_set(&s, table, OPTIONS, "size=x", error));
    CHECK(options_set(&s, table, OPTIONS, "", error));
}

static void test_say(void)
{
    static const struct { const char *words; int so; } cases[] = {
        {"", 1}, {"size=5", 1}, {"size=6", 0}, {"size!=6", 1}, {"size!=5", 0}, {"size", 1}, {"!size", 0}, {"flip", 0}, {"!flip", 1},
        {"out", 0}, {"!out", 1}, {"how=sgd", 1}, {" size  how!=adam !flip ", 1}, {"size how!=sgd", 0}, {"flip size", 0}, {"sise", -1}, {"size sise=1", -1}};
    options_usual(&s, table, OPTIONS);
    CHECK(options_set(&s, table, OPTIONS, "size=5 how=sgd flip=0 out=", error));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_MSG(options_say(&s, table, OPTIONS, cases[i].words) == cases[i].so, "\"%s\"", cases[i].words);
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
    options_usual(&s, table, OPTIONS);
    error[0] = 0;
    int got = options_read(file, "run/config", table, OPTIONS, &s, error);
    fclose(file);
    return got;
}

/* A folder can be opened, and fails when it is read: as a disk may. */
static void test_unreadable(void)
{
    FILE *folder = fopen(".", "r");
    Settings s = {.size = 64, .rate = 0.1, .quiet = 0, .flip = 1};
    char error[OPTIONS_ERROR] = "";
    if (!folder) { SKIP("a file that fails when it is read"); return; }
    CHECK(options_read(folder, "run/config", table, OPTIONS, &s, error) == 0 && strstr(error, "run/config: "));
    fclose(folder);
}

static void test_files(void)
{
    CHECK(read_text("# of a run\n\nsize = 32\r\nout = a = b\nrate = 0.5") == 1 && s.size == 32 && s.rate == 0.5);
    CHECK(strcmp(s.out, "a = b") == 0 && s.flip == 1);
    CHECK(read_text("out = \nhow = old\n") == 1 && s.out[0] == 0 && strcmp(s.how, "sgd") == 0);
    CHECK(read_text("size = 32\nsize=3\n") == 0 && strcmp(error, "run/config:2: expected `name = value`") == 0);
    CHECK(read_text("#\nsise = 3\n") == 0 && strcmp(error, "run/config:2: unknown setting sise") == 0);
    CHECK(read_text("size = x\n") == -1 && strcmp(error, "--size x: must be a whole number from 1 to 4096") == 0);
    const Settings wrote = {4096, 1 / 3.0, " #a,b ", "block2", "eyes,all", 1, 0};
    char text[300];
    FILE *file = tmpfile();
    options_write(file, table, OPTIONS, &wrote, TYPED);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    CHECK(strcmp(text, "size = 4096\nrate = 0.3333333333\nout =  #a,b \nhow = block2\nparts = eyes,all\nflip = 0\n") == 0);
    CHECK(read_text(text) == 1 && s.size == 4096 && strcmp(s.out, " #a,b ") == 0 && !s.quiet && !s.flip);
    CLOSE(s.rate, 1 / 3.0, 1e-10);
}

static int helps(const OptionTaker *who, const char *wanted)
{
    const OptionParser parser = {.who = who, .table = table, .n = OPTIONS, .values = &s};
    char text[2000];
    FILE *file = tmpfile();
    options_usual(&s, table, OPTIONS);
    s.rate = 0;
    options_help(file, &parser);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    if (strcmp(text, wanted)) printf("%s", text);
    return strcmp(text, wanted) == 0;
}

static void test_help(void)
{
    CHECK(helps(deep, "data\n  --size N               side of a picture [64]\n  --rate X               learning rate\n"
                      "\nrest\n  --out TEXT             where files go\n"
                      "  --how TEXT             how weights move (adam|sgd|blockN) [sgd]\n"
                      "  --quiet                say nothing\n"
                      "  --flip                 mirror [on; --no-flip turns it off]\n"));
    CHECK(helps(show, "data\n  --size N               side of a picture [64]\n"
                      "\nrest\n  --out TEXT             where files go\n"
                      "  --parts TEXT           which (a list of eyes|mouth|all)\n"
                      "  --quiet                say nothing\n"
                      "  --flip                 mirror [on; --no-flip turns it off]\n"));
}

/* Long help is broken between words at column 110, an overlong name still has its help. */
static void test_wrapping(void)
{
    const Option long_one = {"a-name-of-more-than-a-few-letters", 's', AT(out), .help =
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"};
    const OptionParser parser = {.table = &long_one, .n = 1, .values = &s};
    char text[400];
    FILE *file = tmpfile();
    s.out[0] = 0;
    options_help(file, &parser);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    CHECK(strcmp(text, "  --a-name-of-more-than-a-few-letters TEXT one two three four five six seven eight nine ten eleven twelve\n"
                       "                         thirteen fourteen fifteen sixteen seventeen eighteen\n") == 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) CHECK(strlen(line) <= 110);
}

/* ---- several commands ---- */

static void work(void *command) { (void)command; }

static const OptionVerb verbs[] = {
    {"train", "MODEL", "DATA", "learn", 1, 1, work, .examples = "  tool train deep a\n  tool train shallow b\n"},
    {"show", "draw=zeigen|list", "IN [--parts P]", "show it", 0, 2, work, .needs = "out parts", .examples = "  tool show draw x\n"},
    {"show", "one", "", "show one", 0, 0, work, .examples = "  tool show one\n"},
    {"help", NULL, "[VERB]", "say what", 0, 1, NULL, .examples = "  tool help\n"},
};
static const OptionChapter chapters[] = {{"start", "", "begin\n"}, {"losses", "what they mean", "they fall\n"}};
static const OptionProgram program = {"tool", "does things", verbs, 4, chapters, 2};

/* What was printed since the last call. */
static FILE *printed;
static int says(const char *wanted)
{
    char text[2000];
    rewind(printed);
    text[fread(text, 1, sizeof text - 1, printed)] = 0;
    fclose(printed);
    printed = tmpfile();
    if (strcmp(text, wanted) != 0) printf("%s", text);
    return strcmp(text, wanted) == 0;
}

static void test_verbs(void)
{
    char word[20];
    CHECK(options_verb(&program, "train", "deep", error) == &verbs[0]);
    CHECK(options_verb(&program, "train", NULL, error) == &verbs[0]);
    CHECK(options_verb(&program, "show", "zeigen", error) == &verbs[1] && options_verb(&program, "show", "list", error) == &verbs[1]);
    CHECK(options_verb(&program, "show", "one", error) == &verbs[2] && options_verb(&program, "help", "one", error) == &verbs[3]);
    CHECK(!options_verb(&program, "shw", NULL, error) && !strcmp(error, "there is no verb shw; did you mean show?; tool --help lists them"));
    CHECK(!options_verb(&program, "show", "oen", error));
    CHECK(strcmp(error, "show oen: must be draw, list or one; did you mean one?") == 0);
    CHECK(!options_verb(&program, "show", NULL, error));
    CHECK(strcmp(error, "usage: tool show WHAT ...: WHAT must be draw, list or one (tool show --help)") == 0);
    CHECK(strcmp(options_word(&verbs[1], "zeigen", word, sizeof word), "draw") == 0);
    CHECK(strcmp(options_word(&verbs[1], "list", word, sizeof word), "list") == 0);
    CHECK(strcmp(options_word(&verbs[0], "deep", word, sizeof word), "deep") == 0);
}

static void test_complete(void)
{
    const OptionTaker who = {"show", "show draw", "show", NULL};
    bool there[OPTIONS] = {false};
    OptionParser p = {.program = "tool", .who = &who, .table = table, .n = OPTIONS, .given = there, .n_inputs = 3};
    CHECK(!options_complete(&verbs[1], true, &p, error));
    CHECK(strcmp(error, "usage: tool show draw IN [--parts P]   (tool show draw --help)") == 0);
    p.n_inputs = 2;
    CHECK(!options_complete(&verbs[1], true, &p, error) && strcmp(error, "show draw needs --out") == 0);
    there[2] = true;
    CHECK(!options_complete(&verbs[1], true, &p, error) && strcmp(error, "show draw needs --parts") == 0);
    there[4] = true;
    CHECK(options_complete(&verbs[1], true, &p, error));
    const OptionTaker train = {"train", "train", "train", NULL};
    p.who = &train, p.n_inputs = 1;
    CHECK(!options_complete(&verbs[0], false, &p, error) && strcmp(error, "usage: tool train MODEL DATA   (tool train --help)") == 0);
    CHECK(options_complete(&verbs[0], true, &p, error));
}

static void test_verbs_help(void)
{
    printed = tmpfile();
    options_whats(printed, &program, "show");
    CHECK(says("tool show WHAT ...   (tool show WHAT --help tells its options)\n\n"
               "  show draw IN [--parts P]                               show it\n"
               "  show one                                               show one\n\n"
               "Examples\n  tool show draw x\n  tool show one\n"));
    options_examples(printed, &program, &verbs[0], "train shallow");
    CHECK(says("\nExamples\n  tool train shallow b\n"));
    options_examples(printed, &program, &verbs[0], "train odd");
    CHECK(says("\nExamples\n  tool train deep a\n  tool train shallow b\n"));
    options_usage(printed, &(OptionProgram){"tool", "does things", verbs, 1, NULL, 0});
    CHECK(says("tool: does things\n\nusage: tool VERB [WHAT] [INPUT...] [--option value]...\n\n"
               "  train MODEL DATA                                       learn\n\n"
               "tool VERB [WHAT] --help tells its options with examples (--help --all: every option there is);\ntool man is the manual.\n"));
    CHECK(options_manual(printed, &program, "start", error) && says("begin\n    losses       what they mean\n"));
    CHECK(options_manual(printed, &program, "losses", error) && says("they fall\n"));
    CHECK(options_manual(printed, &program, "all", error) && says("start\n\nbegin\n\nlosses\n\nthey fall\n"));
    CHECK(options_manual(printed, &program, "roff", error) &&
          says(".TH tool 1\n.SH NAME\ntool \\- does things\n.SH SYNOPSIS\n.nf\ntool train MODEL DATA\ntool show draw IN [\\-\\-parts P]\n"
               "tool show one \ntool help [VERB]\n.fi\n.SH \"DESCRIPTION\"\n.nf\nbegin\n    what they mean\n.fi\n"
               ".SH \"what they mean\"\n.nf\nthey fall\n.fi\n"));
    static const OptionChapter odd[] = {{"start", "", ".x\n'y\\\n"}};
    CHECK(options_manual(printed, &(OptionProgram){"tool", "", verbs, 0, odd, 1}, "roff", error) &&
          says(".TH tool 1\n.SH NAME\ntool \\- \n.SH SYNOPSIS\n.nf\n.fi\n.SH \"DESCRIPTION\"\n.nf\n\\&.x\n\\&'y\\e\n.fi\n"));
    CHECK(!options_manual(printed, &program, "loses", error));
    CHECK(strcmp(error, "man loses: no such chapter; tool man lists the chapters; did you mean losses?") == 0);
    fclose(printed);
}

/* The first lines of a command's help, with and without words for its WHAT; then --help among other words. */
static void test_command_help(void)
{
    const OptionTaker who = {"deep", "train deep", "train", "deep"};
    const OptionParser none = {.program = "tool", .who = &who, .table = table, .n = 0};
    char *words[] = {"a", "-h", "--all", "--rate", "--help"}, *plain[] = {"a", "--all"};
    bool all = false;
    int n = 5, m = 2;
    printed = tmpfile();
    options_command(printed, &program, &verbs[0], "train deep", "", &none);
    CHECK(says("tool train deep DATA\n\nLearn.\n\n\nExamples\n  tool train deep a\n"));
    options_command(printed, &program, &verbs[0], "train", "deep, shallow", &none);
    CHECK(says("tool train MODEL DATA\n\nLearn.\nMODEL is deep, shallow. `tool train MODEL --help` tells the options of one; "
               "these are everyone's:\n\n\nExamples\n  tool train deep a\n  tool train shallow b\n"));
    CHECK(options_asks_help(&n, words, &all) && all && n == 2 && !strcmp(words[0], "a") && !strcmp(words[1], "--rate"));
    fclose(printed), all = false;
    CHECK(!options_asks_help(&m, plain, &all) && !all && m == 2 && !strcmp(plain[1], "--all"));
}

static void test_split(void)
{
    char line[] = "  one \"two words\"\tthree \"\" \"open", *words[8];
    CHECK(options_split(line, words, 8) == 5 && strcmp(words[0], "one") == 0 && strcmp(words[1], "two words") == 0);
    CHECK(strcmp(words[2], "three") == 0 && words[3][0] == 0 && strcmp(words[4], "open") == 0);
    char more[] = "a b c", none[] = " \t ";
    CHECK(options_split(more, words, 2) == 2 && strcmp(words[1], "b") == 0 && options_split(none, words, 8) == 0);
}

static void test_lines(void)
{
    char text[] = "# about\n\nrow \"two words\" a # b\r\n  \r\ndata\tx", *at = text, *words[4], nothing[] = "", *none = nothing;
    int line = 0;
    CHECK(options_next(&at, &line, words, 4) == 3 && line == 3 && strcmp(words[1], "two words") == 0 && strcmp(words[2], "a") == 0);
    CHECK(options_next(&at, &line, words, 4) == 2 && line == 5 && strcmp(words[0], "data") == 0 && strcmp(words[1], "x") == 0);
    CHECK(options_next(&at, &line, words, 4) == 0 && options_next(&at, &line, words, 4) == 0);
    CHECK(options_next(&none, &line, words, 4) == 0);
}

int main(void)
{
    test_verbs();
    test_complete();
    test_verbs_help();
    test_command_help();
    test_split();
    test_lines();
    test_parsing();
    test_choices();
    test_others();
    test_refusals();
    test_set();
    test_say();
    test_distance();
    test_files();
    test_unreadable();
    test_help();
    test_wrapping();
    return check_report();
}
