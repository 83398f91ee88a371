/* Tests of vendor/plot.h: what is drawn is where it should be, and nothing else is touched.
 *
 *     cc -std=c11 -D_GNU_SOURCE -O2 tests/test_plot.c -lm -o test_plot && ./test_plot */
#define PLOT_IMPLEMENTATION
#include "../vendor/plot.h"
#include "check.h"

enum { W = 320, H = 240 };
#define BACKDROP 0x345678u

static PlotCanvas canvas_of(int width, int height, unsigned rgb)
{
    PlotCanvas c;
    CHECK(plot_canvas(width, height, rgb, &c));
    return c;
}

static unsigned pixel_at(const PlotCanvas *c, int x, int y)
{
    const unsigned char *p = c->rgb + ((size_t)y * (size_t)c->width + (size_t)x) * 3;
    return (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
}

/* The rectangle around all pixels that are not of the given colour; count is their number. */
typedef struct { int left, top, right, bottom, count; } Ink;

static Ink ink_of(const PlotCanvas *c, unsigned background)
{
    Ink ink = { c->width, c->height, -1, -1, 0 };
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            if (pixel_at(c, x, y) == background)
                continue;
            ink.left = x < ink.left ? x : ink.left;
            ink.right = x > ink.right ? x : ink.right;
            ink.top = y < ink.top ? y : ink.top;
            ink.bottom = y;
            ink.count++;
        }
    return ink;
}

static int count_colour(const PlotCanvas *c, unsigned rgb)
{
    int count = 0;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++)
            count += pixel_at(c, x, y) == rgb;
    return count;
}

static int count_bluish(const PlotCanvas *c)       /* the first colour, also where it is antialiased */
{
    int count = 0;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++)
            count += (pixel_at(c, x, y) >> 16) + 70 < (pixel_at(c, x, y) & 255) && pixel_at(c, x, y) != BACKDROP;
    return count;
}

static int outside_is_untouched(const PlotCanvas *c, int x, int y, int w, int h)
{
    for (int j = 0; j < c->height; j++)
        for (int i = 0; i < c->width; i++)
            if ((i < x || i >= x + w || j < y || j >= y + h) && pixel_at(c, i, j) != BACKDROP)
                return 0;
    return 1;
}

/* Nothing that a chart draws reaches the edge of its rectangle: no text is cut off there. */
static int edge_is_white(const PlotCanvas *c, int x, int y, int w, int h)
{
    for (int i = 0; i < w; i++)
        if (pixel_at(c, x + i, y) != 0xffffff || pixel_at(c, x + i, y + h - 1) != 0xffffff)
            return 0;
    for (int j = 0; j < h; j++)
        if (pixel_at(c, x, y + j) != 0xffffff || pixel_at(c, x + w - 1, y + j) != 0xffffff)
            return 0;
    return 1;
}

static void test_canvas(void)
{
    PlotCanvas c = canvas_of(3, 2, 0x123456);
    CHECK(c.width == 3 && c.height == 2 && pixel_at(&c, 2, 1) == 0x123456);
    plot_free(&c);
    CHECK(!c.rgb && c.width == 0);
    plot_free(&c);
    plot_free(NULL);
    const int bad[][2] = { { 0, 5 }, { 5, 0 }, { -1, 5 }, { 5, -2000000000 },
                            { 2000000000, 2000000000 }, { 65536, 65536 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(!plot_canvas(bad[i][0], bad[i][1], 0, &c) && !c.rgb, "canvas %d x %d is refused",
                  bad[i][0], bad[i][1]);
}

static void test_ticks(void)
{
    static const struct { double low, high; int wanted; double first, step; } cases[] = {
        { 0, 1, 5, 0, 0.2 }, { 0, 10, 10, 0, 1 }, { 0.13, 0.98, 4, 0.2, 0.2 }, { -7, 13, 4, -5, 5 },
        { 0, 200000, 8, 0, 20000 }, { 1, 0, 5, 0, 0.2 }, { 3e-5, 9e-5, 3, 4e-5, 2e-5 }, { -1e6, 1e6, 4, -1e6, 5e5 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double first, step;
        plot_ticks(cases[i].low, cases[i].high, cases[i].wanted, &first, &step);
        CLOSE(step / cases[i].step, 1, 1e-9);
        CLOSE(first / cases[i].step, cases[i].first / cases[i].step, 1e-6);
    }
    const double values[] = { 0, 1, -1, 5e-324, 1e-310, 1e308, -1e308, INFINITY, -INFINITY, NAN, 1e15,
                              1e15 + 1, 1e-300 };
    const int n = (int)(sizeof values / sizeof *values);
    for (int i = 0; i < n * n; i++)
        for (int wanted = -3; wanted < 12; wanted += 4) {
            double first = NAN, step = NAN;
            plot_ticks(values[i / n], values[i % n], wanted, &first, &step);
            double digit = step / pow(10, floor(log10(step) + 1e-9));
            CHECK_MSG(isfinite(first) && isfinite(step) && step > 0 && first + step > first,
                      "ticks from %g to %g: first %g, step %g", values[i / n], values[i % n], first, step);
            CHECK_MSG(fabs(digit - 1) < 1e-6 || fabs(digit - 2) < 1e-6 || fabs(digit - 5) < 1e-6,
                      "step %g is round", step);
        }
}

static void test_glyphs(void)
{
    enum { SIDE = 40 };
    static unsigned char seen[95][SIDE * SIDE * 3];
    for (int k = 0; k < 95; k++) {
        char text[2] = { (char)(32 + k), 0 };
        PlotCanvas c = canvas_of(SIDE, SIDE, 0xffffff);
        double width = plot_text_width(24, text);
        plot_text(&c, 5, 28, 24, 0, 0, text);
        Ink ink = ink_of(&c, 0xffffff);
        CHECK_MSG(k == 0 ? ink.count == 0 : ink.count > 4, "character %c has ink", 32 + k);
        CHECK_MSG(k == 0 || (ink.left >= 5 && ink.right < 5 + width + 1), "%c stays inside its width", 32 + k);
        CHECK_MSG(k == 0 || (ink.top > 4 && ink.bottom < 37), "character %c stays inside its line", 32 + k);
        memcpy(seen[k], c.rgb, sizeof seen[k]);
        for (int other = 0; other < k; other++)
            CHECK_MSG(memcmp(seen[k], seen[other], sizeof seen[k]) != 0, "%c and %c differ", 32 + k, 32 + other);
        plot_free(&c);
    }
}

static void test_text(void)
{
    CLOSE(plot_text_width(22, ""), 0, 0);
    CLOSE(plot_text_width(22, NULL), 0, 0);
    CLOSE(plot_text_width(NAN, "x"), 0, 0);
    CLOSE(plot_text_width(22, "ab") - plot_text_width(22, "a"), plot_text_width(22, "b"), 1e-9);
    CLOSE(plot_text_width(44, "width"), 2 * plot_text_width(22, "width"), 1e-9);
    CLOSE(plot_text_width(20, "\xc3\xa9"), plot_text_width(20, "\xe2\x82\xac"), 0);      /* one box for one character */
    CLOSE(plot_text_width(20, "0123"), plot_text_width(20, "8888"), 1e-9);               /* figures align in columns */
    const double aligns[] = { 0, 0.5, 1 };
    for (int k = 0; k < 3; k++) {
        PlotCanvas c = canvas_of(W, H, 0xffffff);
        plot_text(&c, 160, 120, 14, aligns[k], 0x112233, "Hamburg");
        Ink ink = ink_of(&c, 0xffffff);
        double width = plot_text_width(14, "Hamburg"), left = 160 - aligns[k] * width;
        CHECK(ink.left >= left && ink.left < left + 4 && ink.right < left + width && ink.right > left + width - 4);
        CHECK(ink.top >= 108 && ink.bottom <= 125 && ink.bottom >= 120);              /* g hangs below the line */
        plot_free(&c);
    }
}

static void test_hinting(void)
{
    for (double size = 11; size <= 16; size += 0.5) {          /* horizontal strokes fill whole rows: full ink */
        PlotCanvas c = canvas_of(40, 40, 0xffffff);
        plot_text(&c, 5, 30.3, size, 0, 0, "EzT");
        CHECK_MSG(count_colour(&c, 0) >= 12, "strokes are crisp at %g pixels", size);
        plot_free(&c);
    }
}

static void test_shapes(void)
{
    PlotCanvas c = canvas_of(W, H, 0xffffff);
    plot_line_segment(&c, 10, 20.5, 60, 20.5, 1, 0xff0000);
    CHECK(pixel_at(&c, 30, 20) == 0xff0000 && pixel_at(&c, 30, 18) == 0xffffff && pixel_at(&c, 30, 22) == 0xffffff);
    plot_disc(&c, 100, 100, 10, 0x00ff00);
    int area = 0;
    for (int y = 85; y < 116; y++)
        for (int x = 85; x < 116; x++)
            area += 255 - (int)(pixel_at(&c, x, y) >> 16);
    CLOSE(area / 255.0, 3.14159265 * 100, 3);                  /* coverage adds up to the area of the disc */
    plot_fill_rect(&c, 200, 100, 5, 4, 0x0000ff);
    CHECK(count_colour(&c, 0x0000ff) == 20);
    plot_free(&c);
    c = canvas_of(W, H, 0xffffff);
    plot_mark(&c, (double[4]){50, 60, 90, 110}, 1, "1");        /* its label's 12 rows end 4 + 10 - 12 pixels above */
    CHECK(pixel_at(&c, 50, 80) == 0x2ecc71 && pixel_at(&c, 89, 80) == 0x2ecc71 && pixel_at(&c, 70, 109) == 0x2ecc71);
    CHECK(pixel_at(&c, 70, 80) == 0xffffff && pixel_at(&c, 50, 46) == 0x103020 && pixel_at(&c, 50, 45) == 0xffffff);
    plot_mark(&c, (double[4]){150, 5, 190, 55}, 1, "2");        /* no room above: below */
    CHECK(pixel_at(&c, 150, 60) == 0x103020 && pixel_at(&c, 170, 1) == 0xffffff);
    plot_free(&c);
}

static void test_drawing_outside(void)
{
    PlotCanvas c = canvas_of(W, H, BACKDROP), none = { 0, 0, NULL };
    const double far[] = { -1e308, -1e9, -5000, -40, 400, 5000, 1e9, 1e308, INFINITY, -INFINITY, NAN };
    const int n = (int)(sizeof far / sizeof *far);
    for (int i = 0; i < n * n; i++) {
        double a = far[i / n], b = far[i % n];
        plot_text(&c, a, b, 12, 0.5, 0, "far away");
        plot_disc(&c, a, b, 30, 0);
        plot_line_segment(&c, a, -50, b, -60, 3, 0);
        plot_line_segment(&c, -50, a, -60, b, 3, 0);
    }
    plot_fill_rect(&c, 2147483647, 2147483647, 2147483647, 2147483647, 0);
    plot_fill_rect(&c, -2147483647, 0, 2147483647, 10, 0);
    plot_fill_rect(&c, 10, 10, -5, 5, 0);
    plot_text(&c, 10, 10, -3, 0, 0, "x");
    plot_disc(&c, 10, 10, -3, 0);
    plot_disc(&c, 10, 10, NAN, 0);
    CHECK(ink_of(&c, BACKDROP).count == 0);
    plot_line_segment(&c, -1e6, 100, 1e6, 100, 2, 0xff0000);   /* passes through: visible from edge to edge */
    CHECK(pixel_at(&c, 0, 100) != BACKDROP && pixel_at(&c, W - 1, 100) != BACKDROP);
    plot_disc(&c, W / 2, H / 2, 1e6, 0x00ff00);
    CHECK(count_colour(&c, 0x00ff00) == W * H);
    plot_line_segment(&none, 0, 0, 1, 1, 1, 0);
    plot_text(NULL, 0, 0, 10, 0, 0, "x");
    plot_lines(NULL, 0, 0, 10, 10, NULL, 0, NULL);
    plot_free(&c);
}

/* Draws one line chart inside a border of another colour and checks what holds for every chart. */
static PlotCanvas line_chart(const PlotSeries *series, int n, const PlotOptions *o, const char *what)
{
    PlotCanvas c = canvas_of(W + 20, H + 20, BACKDROP);
    plot_lines(&c, 10, 10, W, H, series, n, o);
    CHECK_MSG(outside_is_untouched(&c, 10, 10, W, H), "%s: nothing outside the rectangle", what);
    CHECK_MSG(edge_is_white(&c, 10, 10, W, H), "%s: nothing touches the edge", what);
    return c;
}

static void test_degenerate_series(void)
{
    static const double one[] = { 3 }, constant[] = { 5, 5, 5, 5 }, nothing[] = { NAN, NAN, NAN },
        mixed[] = { 1, NAN, 2, INFINITY, 3, -INFINITY, NAN, NAN, 4 }, huge[] = { 1e308, -1e308, 0, 1e300, 5e-324 },
        negative[] = { -1, 0, -5, 0 }, tiny[] = { 1e-310, 2e-310, 5e-324 }, near[] = { 1, 1 + 1e-15, 1 };
    static const struct { const char *name; const double *y; size_t count; } cases[] = {
        { "empty", NULL, 0 }, { "one point", one, 1 }, { "constant", constant, 4 }, { "only NaN", nothing, 3 },
        { "gaps", mixed, 9 }, { "huge", huge, 5 }, { "negative", negative, 4 },
        { "tiny", tiny, 3 }, { "near", near, 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int log_y = 0; log_y < 2; log_y++) {
            PlotSeries s = { cases[i].name, NULL, cases[i].y, cases[i].count };
            PlotOptions o = { "Title", "x", "y", log_y, 0, 0 };
            PlotCanvas c = line_chart(&s, 1, &o, cases[i].name);
            CHECK(ink_of(&c, 0xffffff).count > 1000);          /* at least the axes are there */
            plot_free(&c);
            PlotSeries across = { cases[i].name, cases[i].y, cases[i].y, cases[i].count };
            c = line_chart(&across, 1, &o, cases[i].name);
            plot_free(&c);
        }
}

/* NaN breaks a line, an infinity does not: counted in pixels of the series' colour in the columns between. */
static void test_gaps(void)
{
    const double with_nan[] = { 1, 1, NAN, 1, 1 }, with_inf[] = { 1, 1, INFINITY, 1, 1 };
    PlotOptions o = { NULL, NULL, NULL, 0, 0, 2 };
    PlotSeries a = { NULL, NULL, with_nan, 5 }, b = { NULL, NULL, with_inf, 5 };
    PlotCanvas broken = line_chart(&a, 1, &o, "NaN"), whole = line_chart(&b, 1, &o, "infinity");
    int blue_broken = count_bluish(&broken), blue_whole = count_bluish(&whole);
    CHECK_MSG(blue_broken > 50 && blue_whole > blue_broken * 3 / 2, "gap %d, whole %d", blue_broken, blue_whole);
    plot_free(&broken);
    plot_free(&whole);
}

static void test_long_series(void)
{
    enum { N = 200000 };
    static double values[N];
    for (int i = 0; i < N; i++)
        values[i] = i == N / 3 ? 10 : sin(i * 0.7);            /* one spike must survive the thinning */
    PlotSeries s = { "long", NULL, values, N };
    PlotOptions o = { "Long", "step", "value", 0, -2, 10 };
    PlotCanvas c = line_chart(&s, 1, &o, "long");
    unsigned band = plot_mix(plot_palette[0], 0xffffff, 0.68);
    int top = H + 20;
    for (int y = H + 19; y >= 0; y--)
        for (int x = 0; x < W + 20; x++) {
            unsigned p = pixel_at(&c, x, y);
            top = p == band && y > 60 && x > 60 ? y : top;
        }
    CHECK_MSG(top < 90, "the spike reaches row %d", top);
    plot_free(&c);
}

static void test_chart_texts(void)
{
    const char *endless = "a label that goes on and on and on and on and on and on and on and on and on and on "
                          "and on and on and on and on and on and on and on and on \xc3\xa4\xc3\xb6\xc3\xbc and on";
    const double y[] = { 0.001, 123456, 77 };
    PlotSeries series[12];
    for (int k = 0; k < 12; k++) {
        PlotSeries s = { k % 3 ? "name" : endless, NULL, y, 3 };
        series[k] = s;
    }
    PlotOptions o = { endless, endless, endless, 0, 0, 0 };
    PlotCanvas c = line_chart(series, 12, &o, "endless texts");
    plot_free(&c);
    for (int w = 1; w < 200; w += 13)
        for (int h = 1; h < 200; h += 17) {
            c = canvas_of(220, 220, BACKDROP);
            plot_lines(&c, 5, 5, w, h, series, 12, &o);
            const char *labels[] = { endless, "b", NULL };
            plot_bars(&c, 5, 5, w, h, labels, y, 3, &o);
            plot_heatmap(&c, 5, 5, w, h, labels, labels, y, 1, 3, &o);
            CHECK(outside_is_untouched(&c, 5, 5, w, h));
            plot_free(&c);
        }
    c = canvas_of(100, 80, 0xffffff);                          /* a chart that hangs over all edges */
    plot_lines(&c, -50, -60, 300, 300, series, 12, &o);
    plot_lines(&c, -2147483647, -2147483647, 2147483647, 2147483647, series, 12, &o);
    plot_lines(&c, 0, 0, 2147483647, 2147483647, series, 2, &o);
    plot_free(&c);
}

/* The height of a bar is proportional to its value. */
static void test_bars(void)
{
    const double values[] = { 10, 20, 0, 40 };
    const char *labels[] = { "a", "b", "c", "d" };
    PlotOptions o = { "Bars", NULL, "count", 0, 0, 40 };
    PlotCanvas c = canvas_of(W + 20, H + 20, BACKDROP);
    plot_bars(&c, 10, 10, W, H, labels, values, 4, &o);
    CHECK(outside_is_untouched(&c, 10, 10, W, H) && edge_is_white(&c, 10, 10, W, H));
    int heights[3] = { 0, 0, 0 }, bars = 0, previous = 0;
    for (int x = 0; x < c.width; x++) {
        int height = 0;
        for (int y = 0; y < c.height; y++)
            height += pixel_at(&c, x, y) == plot_palette[0];
        if (height > 8 && previous <= 8 && bars < 3)
            heights[bars++] = height;
        previous = height;
    }
    CHECK(bars == 3);
    CLOSE(heights[1] / (double)heights[0], 2, 0.08);
    CLOSE(heights[2] / (double)heights[0], 4, 0.16);
    const double odd[] = { NAN, INFINITY, -INFINITY, -3, 1e308 };
    for (int log_y = 0; log_y < 2; log_y++) {
        PlotOptions strange = { "t", "x", "y", log_y, 0, 0 };
        plot_bars(&c, 10, 10, W, H, NULL, odd, 5, &strange);
        plot_bars(&c, 10, 10, W, H, labels, NULL, 5, &strange);
        plot_bars(&c, 10, 10, W, H, labels, odd, 0, &strange);
        plot_bars(&c, 10, 10, W, H, labels, odd, -4, &strange);
        CHECK(outside_is_untouched(&c, 10, 10, W, H));
    }
    plot_free(&c);
}

static void test_heatmap(void)
{
    const double values[] = { 1, 0, 0, NAN };
    const char *labels[] = { "p", "q" };
    PlotOptions o = { "Confusion", "predicted", "true", 0, 0, 1 };
    PlotCanvas c = canvas_of(W + 20, H + 20, BACKDROP);
    plot_heatmap(&c, 10, 10, W, H, labels, labels, values, 2, 2, &o);
    CHECK(outside_is_untouched(&c, 10, 10, W, H) && edge_is_white(&c, 10, 10, W, H));
    int dark = count_colour(&c, plot_heat(1)), light = count_colour(&c, plot_heat(0));
    CHECK_MSG(dark > 3000 && light > 1.6 * dark && light < 2.6 * dark, "dark %d, light %d", dark, light);
    CHECK(count_colour(&c, PLOT_EMPTY) > 3000);
    double before = 1000;
    for (int k = 0; k <= 20; k++) {                            /* lightness falls all the way */
        unsigned rgb = plot_heat(k / 20.0);
        double grey = 0.299 * (rgb >> 16) + 0.587 * (rgb >> 8 & 255) + 0.114 * (rgb & 255);
        CHECK(grey < before);
        before = grey;
    }
    plot_heatmap(&c, 10, 10, W, H, labels, labels, NULL, 2, 2, &o);
    plot_heatmap(&c, 10, 10, W, H, labels, labels, values, 0, -1, NULL);
    plot_free(&c);
}

static void test_pictures(void)
{
    const unsigned char grey[6] = { 10, 20, 30, 40, 50, 60 };  /* 3 x 2 */
    PlotCanvas c = canvas_of(12, 8, 0);
    plot_picture(&c, 0, 0, 12, 8, grey, 3, 2, 1);              /* four times: blocks */
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 12; x++)
            CHECK((pixel_at(&c, x, y) & 255) == grey[y / 4 * 3 + x / 4]);
    plot_picture(&c, 0, 0, 1, 1, grey, 3, 2, 1);               /* everything in one pixel: the mean */
    CHECK(pixel_at(&c, 0, 0) == 0x232323);
    const unsigned char ramp[2] = { 0, 200 };
    plot_picture(&c, 0, 0, 7, 1, ramp, 2, 1, 1);               /* no whole factor: bilinear, monotone, symmetric */
    for (int x = 1; x < 7; x++)
        CHECK(pixel_at(&c, x, 0) >= pixel_at(&c, x - 1, 0));
    CHECK((pixel_at(&c, 3, 0) & 255) == 100 && pixel_at(&c, 0, 0) == 0 && (pixel_at(&c, 6, 0) & 255) == 200);
    const unsigned char three[3] = { 0, 90, 180 };
    plot_picture(&c, 0, 0, 2, 1, three, 3, 1, 1);              /* each new pixel covers one and a half old ones */
    CHECK((pixel_at(&c, 0, 0) & 255) == 30 && (pixel_at(&c, 1, 0) & 255) == 150);
    const unsigned char rgb[6] = { 1, 2, 3, 4, 5, 6 };
    plot_picture(&c, 10, 6, 2, 1, rgb, 2, 1, 3);
    CHECK(pixel_at(&c, 10, 6) == 0x010203 && pixel_at(&c, 11, 6) == 0x040506);
    const double scores[4] = { 3, 5, 4, 3 };
    plot_shades(&c, 0, 0, 2, 2, scores, 2, 2, 200, 100);       /* 3 is 200, 5 is 100, 4 lies between */
    CHECK((pixel_at(&c, 0, 0) & 255) == 200 && (pixel_at(&c, 1, 0) & 255) == 100);
    CHECK((pixel_at(&c, 0, 1) & 255) == 150 && pixel_at(&c, 1, 1) == 0xc8c8c8);
    plot_shades(&c, 0, 0, 1, 1, scores, 1, 1, 200, 100);       /* all alike: light */
    CHECK((pixel_at(&c, 0, 0) & 255) == 200);
    plot_shades(&c, 0, 0, 2, 2, scores, 0, 2, 200, 100);
    plot_picture(&c, -5, -5, 9, 7, grey, 3, 2, 1);             /* partly outside, refused, absurd: all safe */
    plot_picture(&c, 0, 0, 5, 5, grey, 3, 2, 2);
    plot_picture(&c, 0, 0, 5, 5, NULL, 3, 2, 1);
    plot_picture(&c, -1000000, -1000000, 2000000000, 2000000000, grey, 3, 2, 1);
    plot_free(&c);
}

static void test_grid(void)
{
    unsigned char picture[4 * 5 * 3];
    memset(picture, 200, sizeof picture);
    const unsigned char *pictures[6] = { picture, picture, NULL, picture, NULL, picture };
    const char *rows[] = { "first row", "second" }, *columns[] = { "one", NULL, "a name wider than its cell" };
    PlotCanvas c;
    CHECK(plot_grid(pictures, 4, 5, 3, 2, 3, 10, NULL, NULL, NULL, &c));
    CHECK(c.width >= 3 * 40 && c.width < 3 * 40 + 40 && c.height >= 2 * 50 && c.height < 2 * 50 + 40);
    CHECK(count_colour(&c, 0xc8c8c8) == 4 * 40 * 50 && count_colour(&c, PLOT_EMPTY) == 2 * 40 * 50);
    int bare = c.width;
    plot_free(&c);
    CHECK(plot_grid(pictures, 4, 5, 3, 2, 3, 10, rows, columns, "A caption in several words, for some lines.", &c));
    CHECK(c.width > bare && count_colour(&c, 0xc8c8c8) == 4 * 40 * 50);
    CHECK(edge_is_white(&c, 0, 0, c.width, c.height));
    plot_free(&c);
    CHECK(plot_grid(pictures, 4, 5, 1, 1, 1, 1, rows, columns, "", &c));
    plot_free(&c);
    CHECK(!plot_grid(NULL, 4, 5, 3, 2, 3, 1, NULL, NULL, NULL, &c) && !c.rgb);
    CHECK(!plot_grid(pictures, 4, 5, 2, 2, 3, 1, NULL, NULL, NULL, &c));
    CHECK(!plot_grid(pictures, 4, 5, 3, 0, 3, 1, NULL, NULL, NULL, &c));
    CHECK(!plot_grid(pictures, 4, 5, 3, 2, 3, 0, NULL, NULL, NULL, &c));
    CHECK(!plot_grid(pictures, 2147483647, 5, 3, 2, 3, 2147483647, NULL, NULL, NULL, &c));
    CHECK(!plot_grid(pictures, 1, 1, 3, 2147483647, 2147483647, 1, NULL, NULL, NULL, &c) && !c.rgb);
}

/* Rays end at their places, names stand outside and apart, and no number crosses a bound. */
static void test_dial(void)
{
    PlotPlace places[] = { { "east", 1, 0, { 0 }, 0x0000ff }, { "beside it", 0.98, 0.2, { 0 }, 0x00ff00 },
                           { "north", 0, 1, { 0 }, 0xff0000 }, { NULL, -0.5, -0.5, { 0.04, 0.01, 0.09 }, 0x123456 } };
    PlotDial dial = { 200, 150, 80, 1, places, 4 };
    PlotCanvas c = canvas_of(400, 300, 0xffffff), faint = canvas_of(400, 300, 0xffffff);
    PlotCanvas square = canvas_of(400, 300, 0xffffff);
    plot_dial(&c, &dial, 0, 12), plot_dial(&faint, &dial, 1, 12);
    CHECK(pixel_at(&c, 240, 150) == 0x0000ff && pixel_at(&c, 278, 134) == 0x00ff00);
    CHECK(pixel_at(&c, 200, 70) == 0xff0000 && pixel_at(&c, 200, 110) == 0xff0000);
    CHECK(pixel_at(&faint, 200, 110) == 0xffffff);
    CHECK(pixel_at(&c, 160, 190) == 0x123456 && pixel_at(&c, 256, 93) != 0xffffff);      /* the place, the circle */
    PlotName names[] = { { "a", 0, 100, 1 }, { "b", 0, 99, 1 }, { "c", 0, 100, 0 }, { "d", 0, 119, 1 } };
    plot_spread_names(names, 4, 10, 120);
    double height['e'] = { 0 };
    for (int i = 0; i < 4; i++) height[(int)names[i].text[0]] = names[i].at;
    CHECK(height['b'] == 99 && height['a'] == 109 && height['d'] == 119 && height['c'] == 100);
    dial.round = 0;
    plot_dial(&square, &dial, 0, 12);
    CHECK(pixel_at(&square, 200, 110) == 0xffffff && pixel_at(&square, 160, 190) == 0x123456);
    CHECK(pixel_at(&square, 256, 93) == 0xffffff && pixel_at(&square, 175, 186) != 0xffffff &&
          pixel_at(&faint, 175, 186) == 0xffffff);
    for (int i = 0; i < 4; i++) places[i].x = i ? 1e300 : NAN, places[i].covariance[0] = i % 2 ? -1 : INFINITY;
    plot_dial(&c, &dial, 0, 12);
    dial.round = 1, dial.unit = NAN;
    plot_dial(&c, &dial, 0, 12);
    dial.n = 0;
    plot_dial(&c, &dial, 1, NAN);
    plot_free(&c), plot_free(&faint), plot_free(&square);
}

static void test_determinism(void)
{
    double y[300];
    for (int i = 0; i < 300; i++)
        y[i] = exp(-i / 50.0) + 0.1 * sin(i);
    PlotSeries s = { "loss", NULL, y, 300 };
    PlotOptions o = { "Loss", "iteration", "loss", 1, 0, 0 };
    PlotCanvas a = line_chart(&s, 1, &o, "once"), b = line_chart(&s, 1, &o, "again");
    CHECK(memcmp(a.rgb, b.rgb, (size_t)a.width * (size_t)a.height * 3) == 0);
    plot_free(&a);
    plot_free(&b);
}

int main(void)
{
    test_canvas();
    test_ticks();
    test_glyphs();
    test_text();
    test_hinting();
    test_shapes();
    test_drawing_outside();
    test_degenerate_series();
    test_gaps();
    test_long_series();
    test_chart_texts();
    test_bars();
    test_heatmap();
    test_pictures();
    test_grid();
    test_dial();
    test_determinism();
    return check_report();
}
