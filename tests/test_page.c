/* Tests of vendor/page.h: the page is well-formed, escaped, self-contained and small, and saving fails cleanly.
 *
 *     cc -std=c11 -D_GNU_SOURCE -O2 tests/test_page.c -lm -o test_page && ./test_page */
#define PAGE_IMPLEMENTATION
#include "../vendor/page.h"
#include "check.h"

#include <ctype.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char folder[] = "/tmp/test_page_XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Saves the page, by its path and through a stream in turn, and reads the file back; the caller frees the text. */
static char *save_and_read(Page *p)
{
    char error[256] = "";
    const char *path = in_folder("page.html");
    static int turn;
    FILE *to = turn++ % 2 ? fopen(path, "wb") : NULL;
    CHECK_MSG(to ? page_save_to(p, to, error) : page_save(p, path, error), "saving: %s", error);
    if (to) CHECK(fclose(to) == 0);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    if (!file)
        return (char *)calloc(1, 1);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = (char *)calloc(1, (size_t)size + 1);
    CHECK(fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    unlink(path);
    return text;
}

static int occurrences(const char *text, const char *word)
{
    int count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

static int is_void(const char *name)
{
    static const char *const names[] = { "meta", "link", "img", "input" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return 0;
}

/* Walks over all tags with a stack: every element is closed in order, every attribute is quoted and closed. Gives the
 * number of elements, or -1 and a message. */
static int count_elements(const char *html)
{
    static char stack[64][16];
    int depth = 0, elements = 0;
    for (const char *at = strchr(html, '<'); at; at = strchr(at, '<')) {
        char name[16] = "";
        int closing = at[1] == '/', length = 0;
        for (at += 1 + closing; (isalnum((unsigned char)*at) || *at == '!') && length < 15; at++)
            name[length++] = *at;
        int quoted = 0;
        for (; *at && (*at != '>' || quoted); at++) {
            quoted ^= *at == '"';
            if (*at == '<')
                return -1;
        }
        if (!*at || !length)
            return -1;
        int empty = at[-1] == '/';
        if (closing) {
            if (depth == 0 || strcmp(stack[--depth], name) != 0) {
                printf("  </%s> closes <%s>\n", name, depth >= 0 ? stack[depth] : "");
                return -1;
            }
        } else if (name[0] != '!' && !is_void(name) && !empty) {
            if (depth == 64)
                return -1;
            strcpy(stack[depth++], name);
        }
        elements += !closing;
        if (!closing && (strcmp(name, "script") == 0 || strcmp(name, "style") == 0)) {   /* their text is not markup */
            at = strstr(at, strcmp(name, "script") == 0 ? "</script>" : "</style>");
            if (!at)
                return -1;
        }
    }
    return depth == 0 ? elements : -1;
}

static void check_self_contained(const char *html)
{
    CHECK(occurrences(html, "http") == 0 && occurrences(html, "//") == 0);
    CHECK(occurrences(html, "@import") == 0 && occurrences(html, "url(") == 0);
    for (const char *at = strstr(html, "src="); at; at = strstr(at + 1, "src="))
        CHECK(strncmp(at, "src=\"data:", 10) == 0);
    for (const char *at = strstr(html, "href="); at; at = strstr(at + 1, "href="))
        CHECK(strncmp(at, "href=\"data:", 11) == 0);
    CHECK(occurrences(html, "nan") == 0 && occurrences(html, "NaN") == 0 && occurrences(html, "Infinity") == 0);
}

/* The smallest thing that the page takes for a PNG file of a given size. */
static void fake_png(unsigned char bytes[24], unsigned width, unsigned height)
{
    memcpy(bytes, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    for (int k = 0; k < 4; k++) {
        bytes[16 + k] = (unsigned char)(width >> (24 - 8 * k));
        bytes[20 + k] = (unsigned char)(height >> (24 - 8 * k));
    }
}

static void test_whole_page(void)
{
    Page *p = page_begin("Report", "of a run");
    const char *names[] = { "FID", "time" }, *values[] = { "23.4", "1 h" };
    const char *header[] = { "class", "share" }, *cells[] = { "happy", "12 %", "sad", "7 %", NULL, "-" };
    double y[] = { 3, 1, NAN, 2, INFINITY, 5 };
    PageSeries series[] = { { "G", NULL, y, 6 }, { "D", y, y, 6 }, { "empty", NULL, NULL, 0 } };
    unsigned char png[24];
    fake_png(png, 64, 32);
    const void *pictures[] = { png, png };
    const size_t sizes[] = { 24, 24 };
    const char *labels[] = { "iteration 1", NULL };
    page_facts(p, names, values, 2);
    page_heading(p, "Losses");
    page_paragraph(p, "Some text.");
    page_paragraph(p, "Add `--a <b>` or `--c`; one ` stays.");
    page_chart(p, "Loss", "iteration", "loss", series, 3, 0);
    page_chart(p, "Loss", "iteration", "loss", series, 3, 1);
    page_chart(p, "Nothing", NULL, NULL, NULL, 0, 1);
    page_image(p, "A picture", png, sizeof png, "image/png");
    page_slider(p, "Samples", labels, pictures, sizes, 2, "image/png");
    page_table(p, header, 2, cells, 3);
    page_table(p, NULL, 2, cells, 3);
    page_table(p, header, 2, NULL, 0);
    page_pre(p, "line 1\n  line 2");
    char *html = save_and_read(p);
    CHECK_MSG(count_elements(html) > 100, "tags are balanced");
    check_self_contained(html);
    CHECK(strncmp(html, "<!DOCTYPE html>\n<html lang=\"en\">", 32) == 0 && strstr(html, "</html>\n"));
    CHECK(occurrences(html, "<h1>") == 1 && occurrences(html, "<title>Report</title>") == 1);
    CHECK(strstr(html, "width=\"384\" height=\"192\" class=\"small\""));                    /* 64 x 32, six times */
    CHECK(strstr(html, "<td class=\"n\">12 %</td>") && strstr(html, "<th scope=\"row\">happy</th>"));
    CHECK(strstr(html, "aria-label=\"Samples\"") && strstr(html, "2 of 2") && strstr(html, "No values"));
    CHECK(strstr(html, "<p>Add <code>--a &lt;b&gt;</code> or <code>--c</code>; one ` stays.</p>"));
    CHECK(strstr(html, "<pre tabindex=\"0\">\nline 1\n  line 2</pre>"));
    free(html);
}

static void test_escaping(void)
{
    const char *evil = "</script><b a='1' c=\"2\">&amp;"
                       "\x01\x7f\xff\xc0\xaf\xed\xa0\x80 ok \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
    const char *row[] = { evil, evil };
    double y[] = { 1, 2 };
    PageSeries series = { evil, NULL, y, 2 };
    const void *bytes[] = { "abc" };
    const size_t sizes[] = { 3 };
    Page *p = page_begin(evil, evil);
    page_heading(p, evil);
    page_paragraph(p, evil);
    page_pre(p, evil);
    page_table(p, row, 2, row, 1);
    page_facts(p, row, row, 2);
    page_chart(p, evil, evil, evil, &series, 1, 0);
    page_image(p, evil, "abc", 3, "image/\"><script>");
    page_slider(p, evil, row, bytes, sizes, 1, evil);
    char *html = save_and_read(p);
    CHECK(count_elements(html) > 30);
    CHECK(occurrences(html, "<script>") == 1 && occurrences(html, "</script>") == 1 && occurrences(html, "<b ") == 0);
    CHECK(strstr(html, "<h2>&lt;/script&gt;&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;"));
    CHECK(occurrences(html, "application/octet-stream;base64,YWJj\"") == 2);
    CHECK(!strchr(html, 1) && !strchr(html, 127) && !strchr(html, '\xff') && !strstr(html, "\xc0\xaf"));
    CHECK(strstr(html, " ok \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80</h2>"));
    free(html);
}

static void test_base64(void)
{
    static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {    /* RFC 4648, section 10 */
        Page *p = page_begin("t", NULL);
        char wanted[64];
        page_image(p, NULL, pairs[i][0], strlen(pairs[i][0]), "image/gif");
        snprintf(wanted, sizeof wanted, "src=\"data:image/gif;base64,%s\"", pairs[i][1]);
        char *html = save_and_read(p);
        CHECK(strstr(html, wanted) != NULL);
        free(html);
    }
}

/* The d attribute of the k-th path of the page whose class starts like this. */
static const char *path_data(const char *html, const char *class_name)
{
    char start[64];
    snprintf(start, sizeof start, "<path class=\"%s", class_name);
    const char *at = strstr(html, start);
    at = at ? strstr(at, " d=\"") : NULL;
    return at ? at + 4 : "";
}

static int count_until_quote(const char *text, char letter)
{
    int count = 0;
    for (; *text && *text != '"'; text++)
        count += *text == letter;
    return count;
}

static void test_gaps(void)
{
    double y[] = { 1, 2, NAN, 3, 4, NAN, 5, INFINITY, 6 }, log_values[] = { 1, 0, 10, 100, -1, 10 };
    PageSeries a = { "a", NULL, y, 9 }, b = { "b", NULL, log_values, 6 };
    Page *p = page_begin("gaps", NULL);
    page_chart(p, "gaps", "x", "y", &a, 1, 0);
    char *html = save_and_read(p);
    CHECK(count_until_quote(path_data(html, "line s0"), 'M') == 3);
    CHECK(strstr(html, "data-x=\"0 1 3 4 6 8\" data-y=\"1 2 3 4 5 6\""));
    free(html);
    p = page_begin("gaps", NULL);
    page_chart(p, "gaps", "x", "y", &b, 1, 1);
    html = save_and_read(p);
    CHECK(count_until_quote(path_data(html, "line s0"), 'M') == 3);
    CHECK(strstr(html, "data-y=\"1 10 100 10\"") && strstr(html, "data-y0=\"0\" data-y1=\"2\" data-log=\"1\""));
    CHECK(strncmp(path_data(html, "line s0"), "M0 10000M", 9) == 0);       /* 1 stands at the lower left */
    free(html);
}

/* Points of a path: each M starts one, each pair of differences adds one. Numbers are separated by space or sign. */
static int count_points(const char *d)
{
    int numbers = 0;
    for (; *d && *d != '"'; d++)
        numbers += isdigit((unsigned char)*d) && !isdigit((unsigned char)d[-1]);
    return numbers / 2;
}

/* The highest and lowest place that a path reaches, in units of 1/10000 of the height, downwards. */
static void path_extent(const char *d, long *top, long *bottom)
{
    long y = 0, number[2] = { 0, 0 };
    int relative = 0, count = 0;
    *top = 100000;
    *bottom = -100000;
    while (*d && *d != '"') {
        if (*d == 'M' || *d == 'l') {
            relative = *d++ == 'l';
        } else if (*d == ' ') {
            d++;
        } else {
            char *end;
            number[count] = strtol(d, &end, 10);
            if (end == d)
                return;
            d = end;
            if (count == 1) {
                y = relative ? y + number[1] : number[1];
                *top = y < *top ? y : *top;
                *bottom = y > *bottom ? y : *bottom;
            }
            count ^= 1;
        }
    }
}

static void test_long_series(void)
{
    enum { N = 100000 };
    double *y = (double *)malloc(N * sizeof *y);
    for (int i = 0; i < N; i++)
        y[i] = sin(i * 1e-4) + 0.2 * sin(i * 1.7);
    y[777] = 50;
    y[55600] = -50;
    PageSeries series[2] = { { "a", NULL, y, N }, { "b", y, y, N } };
    Page *p = page_begin("long", NULL);
    page_chart(p, "long", "x", "y", series, 1, 0);
    char *html = save_and_read(p);
    int raw = count_points(path_data(html, "raw s0")), line = count_points(path_data(html, "line s0"));
    CHECK_MSG(raw > 500 && line > 100 && raw + line <= 1000, "%d and %d points", raw, line);
    CHECK_MSG(strlen(html) < 60000, "the page has %zu bytes", strlen(html));
    CHECK(strstr(html, "from -50 to 50") && strstr(html, "data-y0=\"-60\" data-y1=\"60\""));
    long top, bottom;
    path_extent(path_data(html, "raw s0"), &top, &bottom);     /* both spikes survive: 10/120 from the edges */
    CHECK_MSG(top == 833 && bottom == 9167, "the values reach from %ld to %ld", top, bottom);
    path_extent(path_data(html, "line s0"), &top, &bottom);
    CHECK_MSG(top > 4800 && bottom < 5200, "the mean reaches from %ld to %ld", top, bottom);
    CHECK(strstr(html, "moving mean"));
    free(html);
    for (int i = 0; i < N; i++)
        y[i] = i % 7 ? NAN : 1e308 * (i % 2 ? 1 : -1);
    p = page_begin("wild", NULL);
    page_chart(p, "wild", "x", "y", series, 2, 0);
    page_chart(p, "wild", "x", "y", series, 2, 1);
    html = save_and_read(p);
    CHECK(strlen(html) < 120000 && count_elements(html) > 0);
    check_self_contained(html);
    free(html);
    free(y);
}

static void test_degenerate_charts(void)
{
    const double values[] = { 0, 1, -1, 5e-324, 1e-310, 1e308, -1e308, INFINITY, -INFINITY, NAN, 1e15 };
    const int n = (int)(sizeof values / sizeof *values);
    Page *p = page_begin("degenerate", NULL);
    for (int i = 0; i < n * n; i++) {
        double y[] = { values[i / n], values[i % n] };
        PageSeries series[2] = { { "up", NULL, y, 2 }, { NULL, y, y, 2 } };
        page_chart(p, NULL, "x", "y", series, 2, i & 1);
        page_chart(p, "one", NULL, "y", series, 1, ~i & 1);
    }
    char *html = save_and_read(p);
    CHECK(count_elements(html) > 1000);
    check_self_contained(html);
    CHECK(occurrences(html, "inf") == 0);
    free(html);
    PageSeries many[40];
    double y[] = { 1, 2, 3 };
    for (int k = 0; k < 40; k++) {
        PageSeries s = { "s", NULL, y, 3 };
        many[k] = s;
    }
    p = page_begin("many", NULL);
    page_chart(p, "many", "x", "y", many, 40, 0);
    html = save_and_read(p);
    CHECK(occurrences(html, "<input type=\"checkbox\"") == 16 && occurrences(html, "class=\"line ") == 40);
    free(html);
}

static void test_nothing(void)
{
    char error[256] = "";
    page_heading(NULL, "x");
    page_paragraph(NULL, NULL);
    page_table(NULL, NULL, 2, NULL, 1);
    page_chart(NULL, "x", "x", "y", NULL, 3, 0);
    page_image(NULL, "x", NULL, 9, NULL);
    CHECK(!page_save(NULL, in_folder("none.html"), error) && strstr(error, "memory"));
    CHECK(!page_save(page_begin("x", "y"), NULL, error) && strstr(error, "path"));
    CHECK(!page_save(page_begin("x", "y"), "", error));
    CHECK(!page_save_to(NULL, stdout, error) && strstr(error, "memory"));
    FILE *full = fopen("/dev/full", "wb");
    CHECK(full && !page_save_to(page_begin("x", "y"), full, error) && strstr(error, "cannot write the page"));
    if (full) fclose(full);
    Page *p = page_begin(NULL, NULL);
    page_heading(p, NULL);
    page_facts(p, NULL, NULL, 3);
    page_table(p, NULL, -1, NULL, -1);
    page_slider(p, NULL, NULL, NULL, NULL, 5, NULL);
    page_image(p, NULL, NULL, 100, NULL);
    char *html = save_and_read(p);
    CHECK(count_elements(html) > 5);
    free(html);
    p = page_begin("x", "y");
    p->failed = 1;                                             /* as after a failed allocation: reported at the end */
    page_paragraph(p, "more");
    CHECK(!page_save(p, in_folder("failed.html"), error) && strstr(error, "failed.html") && strstr(error, "memory"));
    CHECK(access(in_folder("failed.html"), F_OK) != 0);
}

static int write_old(const char *path)
{
    FILE *file = fopen(path, "wb");
    return file && fputs("old", file) >= 0 && fclose(file) == 0;
}

/* After a failure the old file is whole, and no temporary file is left. */
static void check_old(const char *path)
{
    char text[8] = "", temporary[300];
    FILE *file = fopen(path, "rb");
    CHECK(file && fread(text, 1, 7, file) == 3 && strcmp(text, "old") == 0);
    if (file)
        fclose(file);
    snprintf(temporary, sizeof temporary, "%s.tmp-%ld", path, (long)getpid());
    CHECK(access(temporary, F_OK) != 0);
}

static void test_saving(void)
{
    char error[256] = "", path[256], below[300];
    snprintf(path, sizeof path, "%s", in_folder("old.html"));
    CHECK(write_old(path));
    snprintf(below, sizeof below, "%s/page.html", path);
    CHECK(!page_save(page_begin("x", NULL), below, error));
    CHECK_MSG(strstr(error, "page.html") && strstr(error, strerror(ENOTDIR)), "error names file and reason: %s", error);
    check_old(path);

    struct rlimit before, small = { 2000, 2000 };
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);           /* the file may grow to 2000 bytes: a full disk */
    setrlimit(RLIMIT_FSIZE, &small);
    int saved = page_save(page_begin("x", NULL), path, error);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    CHECK(!saved);
    CHECK_MSG(strstr(error, strerror(EFBIG)), "error names the reason: %s", error);
    check_old(path);

    CHECK(!page_save(page_begin("x", NULL), folder, error));   /* a directory cannot be replaced */
    CHECK(page_save(page_begin("x", NULL), path, error));
    struct stat info;
    CHECK(stat(path, &info) == 0 && info.st_size > 1000);
    unlink(path);
}

/* The page of a space: one object for the script, out of which no name can break; no mark of the template is left. */
static void test_space(void)
{
    const char *names[] = { "neutral", "a\"b</script>", NULL };
    const double at[] = { 0, 0, 0.5, -0.25, NAN, 1e300 }, spread[] = { 0, 0, 0, 0.1, 0, 0.2, INFINITY, 0, 0 };
    const PageFace faces[] = { { "one.png", "foo", "foob", 3, 4 }, { NULL, NULL, NULL, 0, 0 } };
    PageSpace space = { "A <space>", "Walk\naround.", "The space", "tests", 16, 1, 5, 32, 13, 16, names, at, spread, 3,
                        faces, 2, "image/jpeg" };
    char *html = save_and_read(page_space(&space));
    CHECK_MSG(count_elements(html) > 20, "tags are balanced");
    CHECK(occurrences(html, "http") == 1 && strstr(html, "'http://www.w3.org/2000/svg'"));      /* a name, not a link */
    CHECK(!strstr(html, "nan") && !strstr(html, "@import") && !strstr(html, "fetch("));
    CHECK(occurrences(html, "A &lt;space&gt;") == 2 && strstr(html, "<p>Walk\naround.</p>") && !strstr(html, "{{"));
    CHECK(strstr(html, "aria-label=\"The space: arrow keys") && strstr(html, "name=\"generator\" content=\"tests\""));
    CHECK(strstr(html, "const G = {\nsize:16,polar:true,rings:5,spokes:32,grid:13,columns:16,"
                       "names:[\"neutral\",\"a\\u0022b\\u003c/script\\u003e\",\"\",],"
                       "at:[[0.0000,0.0000],[0.5000,-0.2500],[0.0000,0.0000],],spread:["));
    CHECK(strstr(html, "faces:[\n{name:\"one.png\",input:\"data:image/jpeg;base64,Zm9v\","
                       "tiles:\"data:image/jpeg;base64,Zm9vYg==\"},\n{name:\"\","));
    CHECK(occurrences(html, "<script>") == 1 && occurrences(html, "</html>\n") == 1);
    free(html);
}

static void test_determinism(void)
{
    char *html[2];
    for (int k = 0; k < 2; k++) {
        double y[] = { 1.5, 2.25, 3.125 };
        PageSeries series = { "a", NULL, y, 3 };
        Page *p = page_begin("same", "same");
        page_chart(p, "same", "x", "y", &series, 1, 0);
        html[k] = save_and_read(p);
    }
    CHECK(strcmp(html[0], html[1]) == 0);
    free(html[0]);
    free(html[1]);
}

int main(void)
{
    if (!mkdtemp(folder)) {
        SKIP("no temporary folder");
        return 1;
    }
    test_whole_page();
    test_escaping();
    test_base64();
    test_gaps();
    test_long_series();
    test_degenerate_charts();
    test_nothing();
    test_saving();
    test_space();
    test_determinism();
    CHECK(rmdir(folder) == 0);                                 /* nothing was left behind */
    return check_report();
}
