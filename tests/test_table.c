/* test_table.c: vendor/table.h reads what RFC 4180 means and says where it cannot; what it prints is read again. */
#define TABLE_IMPLEMENTATION
#define TABLE_STATIC
#include "../vendor/table.h"
#include "check.h"
#include <unistd.h>

static char folder[] = "/tmp/test_table_XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *write_bytes(const void *bytes, size_t size)
{
    const char *path = in_folder("a.csv");
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    return path;
}

/* Every row as "|field|field|", rows and errors one after another. */
static const char *read_bytes(const void *bytes, size_t size, int most, int blanks)
{
    static char all[4096];
    TableReader r;
    int got = table_open(&r, write_bytes(bytes, size), most);
    all[0] = 0;
    r.blanks = blanks;
    while (got > 0 && (got = table_next(&r)) > 0) {
        for (int i = 0; i < r.n_fields; i++) snprintf(all + strlen(all), sizeof all - strlen(all), "|%s", r.fields[i]);
        snprintf(all + strlen(all), sizeof all - strlen(all), "|\n");
    }
    CHECK((got < 0) == (*r.error != 0));
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s", *r.error ? r.error + strlen(folder) + 1 : "");
    table_close(&r);
    return all;
}

static int reads(const char *text, int most, int blanks, const char *wanted)
{
    const char *got = read_bytes(text, strlen(text), most, blanks);
    if (strcmp(got, wanted)) printf("  %s\n  is read as %s\n", text, got);
    return strcmp(got, wanted) == 0;
}

static void test_rows(void)
{
    CHECK(reads("", 4, 0, "") && reads("\n\r\n \t\n", 4, 0, ""));
    CHECK(reads("a,b\nc,d", 4, 0, "|a|b|\n|c|d|\n") && reads("a,b\r\n\r\n\nc,d\r\n", 4, 0, "|a|b|\n|c|d|\n"));
    CHECK(reads("\xEF\xBB\xBF" "a, b c \t,\n\xEF\xBB\xBF", 4, 0, "|a|b c||\n|\xEF\xBB\xBF|\n"));
    CHECK(reads(",,\n,", 4, 0, "||||\n|||\n"));
    CHECK(reads("\"a, \"\"b\"\"\" , \" c \",\"\"", 4, 0, "|a, \"b\"| c ||\n"));
    CHECK(reads("a b\tc, \"d e\" , f \n", 9, 1, "|a|b|c|d e|f|\n") && reads("a b\n", 9, 0, "|a b|\n"));
    CHECK(reads("a\"b\"\n", 4, 0, "|a\"b\"|\n"));                              /* a quote that does not begin a field */
}

/* What the first line ends its fields with; UTF-16 of either kind, with a character of two units. */
static void test_layouts(void)
{
    CHECK(reads("\na;b c\n1,5;\"x;y\"\n", 4, 0, "|a|b c|\n|1,5|x;y|\n") && reads("a\tb\nc d\te;f\n", 4, 0, "|a|b|\n|c d|e;f|\n"));
    CHECK(reads("a,b\rc,d\r\re\xC3\xA4,f", 4, 0, "|a|b|\n|c|d|\n|e\xC3\xA4|f|\n") && reads("a\r\rb\r", 4, 0, "|a|\n|b|\n"));
    CHECK(reads("a\r\r\nb\r\r\n", 4, 0, "|a|\n|b|\n") && reads("a\r", 4, 0, "|a|\n") && reads("a\nb\rc\n", 4, 0, "|a|\n|b\rc|\n"));
    CHECK(reads("sep=;\r\na;b\n1,5;c\n", 4, 0, "|a|b|\n|1,5|c|\n") && reads("\xEF\xBB\xBFSEP=|\na|b,c\n", 4, 0, "|a|b,c|\n"));
    CHECK(reads("sep=\t\na\tb\n", 4, 0, "|a|b|\n") && reads("sep=a,b\n", 4, 0, "|sep=a|b|\n") && reads("a\nsep=;\n", 4, 0, "|a|\n|sep=;|\n"));
    CHECK(!strcmp(read_bytes("\xFF\xFE" "a\0\r\0b\0", 8, 4, 0), "|a|\n|b|\n"));
    CHECK(reads("a,b;c\nd;e,f\n", 4, 0, "|a|b;c|\n|d;e|f|\n") && reads("a\nb,c\n", 4, 0, "|a|\n|b|c|\n"));
    static const unsigned char little[] = {0xFF, 0xFE, 'a', 0, ',', 0, 0xE4, 0, '\r', 0, '\n', 0, 0x3D, 0xD8, 0x00, 0xDE, ',', 0, 0xAC, 0x20};
    unsigned char big[sizeof little];
    for (size_t i = 0; i < sizeof little; i++) big[i] = little[i ^ 1];
    const char *wanted = "|a|\xC3\xA4|\n|\xF0\x9F\x98\x80|\xE2\x82\xAC|\n";
    CHECK(!strcmp(read_bytes(little, sizeof little, 4, 0), wanted) && !strcmp(read_bytes(big, sizeof big, 4, 0), wanted));
    CHECK(!strcmp(read_bytes(little, 5, 4, 0), "|a|\n"));                       /* half a unit at the end */
}

static void test_errors(void)
{
    CHECK(reads("a\n\n\"b", 4, 0, "|a|\na.csv, line 3: a quote (\") is not closed, or text follows a closed one"));
    CHECK(reads("\"a\"b,c", 4, 0, "a.csv, line 1: a quote (\") is not closed, or text follows a closed one"));
    CHECK(reads("a,b\na,b,c", 2, 0, "|a|b|\na.csv, line 2: more than 2 fields") && reads("a,b", 2, 0, "|a|b|\n"));
    CHECK(strstr(read_bytes("a\nb\0c\nd", 7, 4, 0), "|a|\na.csv, line 2: longer than 1048576 bytes, or holds a zero"));
    CHECK(strstr(read_bytes("\0", 1, 4, 0), "line 1: longer") && strstr(read_bytes("a\rb\0c\rd", 7, 4, 0), "line 2: longer"));
    char *line = malloc(TABLE_LINE + 10);
    memset(line, 'x', TABLE_LINE + 10);
    CHECK(strstr(read_bytes(line, TABLE_LINE + 10, 4, 0), "line 1: longer"));
    line[TABLE_LINE - 2] = '\n';
    TableReader r;
    CHECK(table_open(&r, write_bytes(line, TABLE_LINE), 1) && table_next(&r) == 1);
    CHECK(strlen(r.fields[0]) == TABLE_LINE - 2);
    CHECK(table_next(&r) == 1 && strcmp(r.fields[0], "x") == 0 && table_next(&r) == 0 && !*r.error);
    table_close(&r);
    free(line);
    CHECK(!table_open(&r, in_folder("none.csv"), 4) && strstr(r.error, "none.csv: No such file"));
    table_close(&r);
    CHECK(!table_open(&r, folder, 4) && strstr(r.error, strerror(EISDIR)));
    table_close(&r);
}

static void test_again(void)
{
    TableReader r;
    CHECK(table_open(&r, write_bytes("a b\nc", 5), 4) && table_next(&r) == 1 && r.n_fields == 1);
    r.blanks = r.again = 1;
    CHECK(table_split(&r, r.fields[0]) && r.n_fields == 2 && strcmp(r.fields[1], "b") == 0);
    CHECK(table_next(&r) == 1 && r.n_fields == 2 && r.line_number == 1);
    CHECK(table_next(&r) == 1 && r.n_fields == 1 && r.line_number == 2 && table_next(&r) == 0);
    table_close(&r);
}

static void test_numbers(void)
{
    static const char text[] = "iteration,loss,at\n1,0.5,\n2,inf,x\n3\n4,1e-3,7,8\n";
    char error[TABLE_ERROR];
    TableNumbers n;
    CHECK(table_numbers(&n, write_bytes(text, sizeof text - 1), 8, error) && !*error);
    CHECK(n.n_columns == 3 && n.rows == 4);
    const double *loss = table_column(&n, "loss"), *at = table_column(&n, "at");
    CHECK(loss && loss[0] == 0.5 && isinf(loss[1]) && isnan(loss[2]) && loss[3] == 1e-3);
    CHECK(at && isnan(at[0]) && isnan(at[1]) && isnan(at[2]) && at[3] == 7 && !table_column(&n, "loss "));
    table_numbers_free(&n);
    CHECK(table_numbers(&n, write_bytes("", 0), 8, error) && n.n_columns == 0 && n.rows == 0);
    table_numbers_free(&n);
    CHECK(!table_numbers(&n, write_bytes("a,b\n1,\"2", 8), 8, error) && strstr(error, "line 2: a quote") && !n.columns);
    CHECK(!table_numbers(&n, write_bytes(text, sizeof text - 1), 2, error) && strstr(error, "more than 2 fields"));
    char many[4000 * 4], *end = many;
    end += sprintf(end, "k\n");
    for (int i = 0; i < 3000; i++) end += sprintf(end, "%d\n", i);
    CHECK(table_numbers(&n, write_bytes(many, (size_t)(end - many)), 8, error));
    CHECK(n.rows == 3000 && n.columns[0][2999] == 2999);
    table_numbers_free(&n);
}

static const char *printed(const Table *t, int form)
{
    static char text[4096];
    FILE *file = fopen(in_folder("out"), "w+b");
    CHECK(file && table_print(t, file, form));
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static Table example(void)
{
    static const char *const names[] = {"class", "F1", "note"};
    Table t = table_new("Scores", 2, 3);
    table_names(&t, names);
    table_set(&t, 1, 0, "happy"), table_set(&t, 1, 1, "%.2f", 0.8), table_set(&t, 1, 2, "a \"b\", c\nd");
    table_set(&t, 2, 0, "sad"), table_set(&t, 2, 1, "wrong"), table_set(&t, 2, 1, "-%d", 1);
    return t;
}

static void test_printing(void)
{
    static const char *const layout[] = {"<%-6.4s>", "%5s", " %s"};
    Table t = example(), empty = table_new(NULL, 0, 2);
    CHECK(strcmp(printed(&t, TABLE_TEXT), "\nScores\n\n  class    F1        note\n  happy  0.80  a \"b\", c\nd\n"
                                          "  sad      -1            \n") == 0);
    CHECK(strcmp(printed(&t, TABLE_CSV), "class,F1,note\nhappy,0.80,\"a \"\"b\"\", c d\"\nsad,-1,\n") == 0);
    CHECK(strcmp(printed(&t, TABLE_JSON), "[{\"class\": \"happy\", \"F1\": 0.80, "
                                          "\"note\": \"a \\\"b\\\", c\\u000ad\"},\n "
                                          "{\"class\": \"sad\", \"F1\": -1, \"note\": null}]\n") == 0);
    t.layout = layout, t.title = NULL;
    CHECK(strcmp(printed(&t, TABLE_TEXT), "<clas  >   F1 note\n<happ  > 0.80 a \"b\", c\nd\n<sad   >   -1 \n") == 0);
    CHECK(strcmp(printed(&empty, TABLE_TEXT), "    \n") == 0);
    CHECK(strcmp(printed(&empty, TABLE_CSV), ",\n") == 0 && strcmp(printed(&empty, TABLE_JSON), "[]\n") == 0);
    table_free(&t), table_free(&empty);
    t.failed = 1;
    CHECK(!table_print(&t, stdout, TABLE_TEXT));
}

/* What is no number is an empty cell, null in JSON; a class may be called so all the same. */
static void test_no_numbers(void)
{
    static const char *const names[] = {"class", "share", "least", "most", "n"};
    Table t = table_new(NULL, 1, 5);
    table_names(&t, names);
    table_set(&t, 1, 0, "%s", "nan"), table_set(&t, 1, 1, "%.0f%%", -NAN), table_set(&t, 1, 2, "%+8.3g", -INFINITY);
    table_set(&t, 1, 3, "%*.2Lf", 7, (long double)INFINITY), table_set(&t, 1, 4, "100%% inf %d", 3);
    CHECK(strcmp(printed(&t, TABLE_CSV), "class,share,least,most,n\nnan,,,,100% inf 3\n") == 0);
    CHECK(strcmp(printed(&t, TABLE_JSON), "[{\"class\": \"nan\", \"share\": null, \"least\": null, \"most\": null, "
                                          "\"n\": \"100% inf 3\"}]\n") == 0);
    table_set(&t, 1, 1, "%.2f%%", 0.25), table_set(&t, 1, 0, "%f", NAN);
    CHECK(strcmp(printed(&t, TABLE_CSV), "class,share,least,most,n\n,0.25%,,,100% inf 3\n") == 0);
    table_free(&t);
}

/* A text with another table's separator is no two fields, not even alone in the first row. */
static void test_separators(void)
{
    static const char *const names[] = {"a;b"};
    Table t = table_new(NULL, 2, 1);
    table_names(&t, names);
    table_set(&t, 1, 0, "c\td"), table_set(&t, 2, 0, "e");
    CHECK(strcmp(printed(&t, TABLE_CSV), "\"a;b\"\n\"c\td\"\ne\n") == 0);
    CHECK(reads("\"a;b\"\n\"c\td\"\ne\n", 4, 0, "|a;b|\n|c\td|\n|e|\n"));
    CHECK(reads("\"a,b\";c\nd;e,f\n", 4, 0, "|a,b|c|\n|d|e,f|\n"));
    CHECK(reads("5\" a;\"b\"\",\"\n", 4, 0, "|5\" a|b\",|\n"));
    table_free(&t);
}

/* Files that could be waited for. */
static void test_no_files(void)
{
    static const char *const devices[] = {"/dev/zero", "/dev/tty"};
    TableReader r;
    CHECK(mkfifo(in_folder("pipe"), 0666) == 0);
    CHECK(!table_open(&r, in_folder("pipe"), 4) && strstr(r.error, "pipe: no regular file"));
    table_close(&r);
    for (int i = 0; i < 2; i++) {
        CHECK_MSG(!table_open(&r, devices[i], 4) && *r.error, "%s", devices[i]);
        table_close(&r);
    }
    unlink(in_folder("pipe"));
}

/* JSON is UTF-8 whatever a file is called: a byte that is none, a character cut short, one written longer than it must be, half
 * of a pair, one past the last; and the last itself. */
static void check_strings(void)
{
    static const char *const strings[][2] = {
        {"a\xff\"b", "\"a\\ufffd\\\"b\""}, {"\xe2\x82", "\"\\ufffd\\ufffd\""}, {"\xc0\xaf", "\"\\ufffd\\ufffd\""},
        {"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""}, {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, {"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
        {"\xe2\x82\xac", "\"\xe2\x82\xac\""}};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        char text[100] = "";
        FILE *file = fmemopen(text, sizeof text, "w");
        CHECK(file != NULL);
        table_string(file, strings[i][0]);
        fclose(file);
        CHECK_MSG(strcmp(text, strings[i][1]) == 0, "%s", text);
    }
}

/* What JSON takes for a number and what it does not (RFC 8259). */
static void test_json_numbers(void)
{
    static const char *const numbers[] = {"0", "-0", "10", "-1.5", "0.25", "1e5", "1E-05", "2.5e+10"};
    static const char *const texts[] = {"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "nan", "0x1", "1 ", "1,5", "--1"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK_MSG(table_is_number(numbers[i]), "%s", numbers[i]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK_MSG(!table_is_number(texts[i]), "%s", texts[i]);
    FILE *file = fopen(in_folder("out"), "w+b");
    char text[100];
    table_number(file, 0.5), table_number(file, NAN), table_string(file, "\t\\\x7f\xc3\xa4");
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    CHECK(strcmp(text, "0.50000null\"\\u0009\\\\\x7f\xc3\xa4\"") == 0);
    check_strings();
}

static void test_round_trip(void)
{
    Table t = example();
    FILE *file = fopen(in_folder("a.csv"), "wb");
    CHECK(file && table_print(&t, file, TABLE_CSV) && fclose(file) == 0);
    TableReader r;
    CHECK(table_open(&r, in_folder("a.csv"), 3));
    for (int row = 0; row <= t.rows; row++) {
        CHECK(table_next(&r) == 1 && r.n_fields == 3);
        for (int k = 0; k < 3; k++)
            CHECK(strcmp(r.fields[k], row == 1 && k == 2 ? "a \"b\", c d" : table_cell(&t, row, k)) == 0);
    }
    CHECK(table_next(&r) == 0);
    table_close(&r), table_free(&t);
}

/* Rows by tabs, JSON by a format. */
static void test_formats(void)
{
    char text[256] = "";
    Table t = table_new(NULL, 1, 3);
    table_set(&t, 1, 2, "stays"), table_row(&t, 0, "a\tb\tc\tbeyond"), table_row(&t, 1, "%s\t%.1f", "x", 0.25);
    CHECK(strcmp(t.cells[0], "a") == 0 && strcmp(t.cells[2], "c") == 0 && strcmp(t.cells[3], "x") == 0);
    CHECK(strcmp(t.cells[4], "0.2") == 0 && strcmp(t.cells[5], "stays") == 0 && !t.failed);
    table_row(&t, 1, "\t%d", 7);
    CHECK(strcmp(t.cells[3], "") == 0 && strcmp(t.cells[4], "7") == 0);
    table_row(&t, 1, "%s\t%.3f\t%+.2f", "nan", NAN, -INFINITY);           /* a text may be "nan" */
    CHECK(strcmp(t.cells[3], "nan") == 0 && !t.cells[4] && !t.cells[5] && !t.failed);
    table_free(&t);
    FILE *file = fmemopen(text, sizeof text, "w");
    table_json(file, "{%q: [%d, %l, %r, %r], %s}\n", "a\"b", -3, 4000000000L, 0.5, NAN, "\"c\": 1");
    table_json(file, "%Q %L %L", 2, (const char *const[]){"x\"", "y"}, 3, (const long[]){1, -2, 3}, 0, NULL);
    fclose(file);
    CHECK(strcmp(text, "{\"a\\\"b\": [-3, 4000000000, 0.50000, null], \"c\": 1}\n"
                       "[\"x\\\"\", \"y\"] [1, -2, 3] []") == 0);
    file = fmemopen(text, sizeof text, "w");
    table_json(file, "[%2r, %0r, %6r, %2r]", 1.0 / 3, 7.0, 0.1, INFINITY);
    fclose(file);
    CHECK(strcmp(text, "[0.33, 7, 0.100000, null]") == 0);
}

static void test_line(void)
{
    TableLine line = {0};
    table_add_number(&line, 1, "i", "%.0f", 12);
    table_add_number(&line, 0, "x", "%.3f", 1);
    table_add_number(&line, 1, "y", "%.2f", -0.5);
    CHECK(strcmp(line.names, "i,x,y") == 0 && strcmp(line.numbers, "12,,-0.50") == 0);
    for (int i = 0; i < 3000; i++) table_add_number(&line, 1, "name", "%.3f", 1);
    CHECK(strlen(line.names) == sizeof line.names - 1 && strlen(line.numbers) == sizeof line.numbers - 1);
    TableLine empty = {0};
    table_add_number(&empty, 0, "x", "%f", 0), table_add_number(&empty, 1, "y", "%.0f", 3);
    CHECK(strcmp(empty.numbers, ",3") == 0);
}

int main(void)
{
    test_line();
    if (!mkdtemp(folder)) { SKIP("no temporary folder"); return 1; }
    test_rows();
    test_layouts();
    test_errors();
    test_again();
    test_numbers();
    test_printing();
    test_no_numbers();
    test_separators();
    test_no_files();
    test_json_numbers();
    test_round_trip();
    unlink(in_folder("a.csv")), unlink(in_folder("out"));
    CHECK(rmdir(folder) == 0);
    test_formats();
    return check_report();
}
