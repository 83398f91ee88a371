/* Fuzz target for vendor/plot.h: sizes, texts and series of numbers are all taken from the input.
 * Nothing may be written outside the canvas, no value may be undefined, and every call must come back soon.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_plot.c -lm -o fuzz_plot */
#define PLOT_IMPLEMENTATION
#define PLOT_STATIC
#include "../vendor/plot.h"

#include <stdint.h>

typedef struct {
    const uint8_t *at;
    size_t left;
} Input;

static int take_byte(Input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

/* Small numbers mostly, and now and then any bit pattern: NaN, infinities, subnormals, huge values. */
static double take_number(Input *in)
{
    int kind = take_byte(in);
    if (kind < 200)
        return kind - 100;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | (uint64_t)take_byte(in);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int take_size(Input *in)
{
    int kind = take_byte(in);
    return kind < 240 ? kind * 2 - 40 : (int)((unsigned)take_byte(in) << 24 | (unsigned)take_byte(in));
}

static const char *take_text(Input *in, char text[64])
{
    int length = take_byte(in) % 64, kept = 0;
    if (length == 63)
        return NULL;
    for (int i = 0; i < length && in->left; i++)
        text[kept++] = (char)take_byte(in);
    text[kept] = 0;
    return text;
}

static void draw_chart(Input *in, PlotCanvas *c)
{
    static char texts[12][64];
    const char *labels[8];
    double x[64], y[64];
    PlotOptions o = { take_text(in, texts[0]), take_text(in, texts[1]), take_text(in, texts[2]), 0, 0, 0 };
    o.log_y = take_byte(in) & 1;
    if (take_byte(in) & 1) {
        o.y_min = take_number(in);
        o.y_max = take_number(in);
    }
    for (int i = 0; i < 8; i++)
        labels[i] = take_text(in, texts[3 + i]);
    int kind = take_byte(in), left = take_size(in), top = take_size(in), w = take_size(in), h = take_size(in);
    for (int i = 0; i < 64; i++) {
        x[i] = take_number(in);
        y[i] = take_number(in);
    }
    PlotSeries series[2] = { { labels[0], kind & 4 ? x : NULL, y, (size_t)kind % 65 }, { labels[1], x, y + 8, 56 } };
    if (kind % 3 == 0)
        plot_lines(c, left, top, w, h, series, kind / 4 % 3, kind & 8 ? &o : NULL);
    else if (kind % 3 == 1)
        plot_bars(c, left, top, w, h, kind & 16 ? labels : NULL, y, kind % 9, &o);
    else
        plot_heatmap(c, left, top, w, h, labels, kind & 16 ? labels : NULL, y, kind % 9, 7, &o);
}

static void draw_shapes(Input *in, PlotCanvas *c)
{
    char text[64];
    double first, step;
    unsigned rgb = (unsigned)take_byte(in) << 16 | 0x3377;
    double a = take_number(in), b = take_number(in), d = take_number(in), e = take_number(in), f = take_number(in);
    plot_text(c, a, b, d, e, rgb, take_text(in, text));
    plot_line_segment(c, a, b, d, e, f, rgb);
    plot_disc(c, d, e, f, rgb);
    plot_ticks(a, b, take_byte(in) - 20, &first, &step);
    if (!(step > 0) || !isfinite(first) || !isfinite(step))
        abort();
    int x = take_size(in), y = take_size(in), w = take_size(in), h = take_size(in);
    plot_fill_rect(c, x, y, w, h, rgb);
    unsigned char pixels[5 * 3 * 3];
    memset(pixels, take_byte(in), sizeof pixels);
    plot_picture(c, x, y, w, h, pixels, 5, 3, take_byte(in) % 4);
    PlotPlace places[2] = { { text, a, b, { d, e, f }, rgb }, { NULL, f, d, { a, b, e }, rgb } };
    PlotDial dial = { d, e, f, take_byte(in) & 1, places, take_byte(in) % 3 };
    plot_dial(c, &dial, take_byte(in) & 1, b);
}

static void draw_sheet(Input *in)
{
    static const unsigned char pixels[4 * 4 * 3] = { 1, 2, 3 };
    char texts[7][64];
    const unsigned char *pictures[9];
    const char *labels[6];
    for (int i = 0; i < 9; i++)
        pictures[i] = take_byte(in) & 1 ? pixels : NULL;
    for (int i = 0; i < 6; i++)
        labels[i] = take_text(in, texts[i]);
    PlotCanvas sheet;
    int rows = take_byte(in) % 5 - 1, columns = take_byte(in) % 5 - 1;
    if (plot_grid(pictures, 4, 4, take_byte(in) & 1 ? 3 : 1, rows, columns, take_byte(in) - 5, labels, labels + 3,
                  take_text(in, texts[6]), &sheet))
        plot_free(&sheet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input in = { data, size };
    PlotCanvas canvas;
    int kind = take_byte(&in), width = take_byte(&in) + take_byte(&in), height = take_byte(&in);
    if (!plot_canvas(width, height, 0xffffff, &canvas))
        return 0;
    if (kind % 4 < 2)
        draw_chart(&in, &canvas);
    else if (kind % 4 == 2)
        draw_shapes(&in, &canvas);
    else if (kind < 100)
        draw_sheet(&in);
    plot_free(&canvas);
    return 0;
}
