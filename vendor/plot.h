/* plot.h: charts and picture sheets, drawn into 8-bit RGB rasters.
 *
 *     #define PLOT_IMPLEMENTATION       in exactly one C or C++ file, before the include
 *     #include "plot.h"
 *
 *     double loss[3] = { 2.1, 0.9, 0.4 };
 *     PlotSeries series = { "loss", NULL, loss, 3 };
 *     PlotOptions options = { "Training", "epoch", "loss", 0, 0, 0 };
 *     PlotCanvas canvas;
 *     if (plot_canvas(800, 480, 0xffffff, &canvas)) {
 *         plot_lines(&canvas, 0, 0, 800, 480, &series, 1, &options);
 *         ...                           write canvas.rgb with any image encoder
 *         plot_free(&canvas);
 *     }
 *
 * Define PLOT_STATIC as well to keep every function private to that file. Only libc and libm are used.
 *
 * Everything is drawn by one idea: the coverage of a pixel is found from the distance between its centre and the
 * ideal shape. That gives antialiased lines, discs and letters of any size from one formula and without any table.
 * Drawing outside the canvas is allowed and has no effect; NULL texts are empty; no call keeps a pointer.
 * The same calls give the same bytes.
 *
 * Colours are 0xRRGGBB. Coordinates grow to the right and down; the pixel (i, j) covers [i, i+1) x [j, j+1).
 */
#ifndef PLOT_H
#define PLOT_H

#include <stddef.h>

#ifdef PLOT_STATIC
#define PLOT_API static inline
#elif defined(__cplusplus)
#define PLOT_API extern "C"
#else
#define PLOT_API
#endif

typedef struct {
    int width, height;
    unsigned char *rgb;                  /* rows from top to bottom, 3 bytes a pixel */
} PlotCanvas;

typedef struct {
    const char *name;                    /* for the legend; NULL: not in the legend */
    const double *x, *y;                 /* x may be NULL: 0, 1, 2, ... NaN breaks the line, infinities are skipped */
    size_t count;
} PlotSeries;

typedef struct {
    const char *title, *x_label, *y_label;
    int log_y;                           /* logarithmic axis: values that are not positive break the line */
    double y_min, y_max;                 /* both 0: automatic */
} PlotOptions;

/* A canvas filled with one colour; 0 if the size is not positive, is absurd, or memory is short. */
PLOT_API int plot_canvas(int width, int height, unsigned background_rgb, PlotCanvas *out);
PLOT_API void plot_free(PlotCanvas *canvas);

/* Text stands on the baseline y; `size` is the em in pixels, capitals are about 0.7 of it high.
 * align: 0 starts at x, 0.5 is centred, 1 ends at x. Printable ASCII is drawn, other characters as a box. */
PLOT_API void plot_text(PlotCanvas *c, double x, double y, double size, double align, unsigned rgb, const char *text);
PLOT_API double plot_text_width(double size, const char *text);

PLOT_API void plot_line_segment(PlotCanvas *c, double x0, double y0, double x1, double y1, double width, unsigned rgb);
PLOT_API void plot_fill_rect(PlotCanvas *c, int x, int y, int w, int h, unsigned rgb);
PLOT_API void plot_disc(PlotCanvas *c, double x, double y, double radius, unsigned rgb);

/* Frames what lies within left, top, right and bottom, and says what it is above, or, at the canvas' top, below.
 * `unit`: half the frame's width. */
PLOT_API void plot_mark(PlotCanvas *c, const double box[4], double unit, const char *text);

/* Charts: each clears the rectangle to white and draws strictly inside it; about 400 x 250 pixels and more look best.
 * options may be NULL. Series with more than four values a pixel become a light band and a line of moving means. */
PLOT_API void plot_lines(PlotCanvas *c, int x, int y, int w, int h, const PlotSeries *series, int n,
                         const PlotOptions *o);
PLOT_API void plot_bars(PlotCanvas *c, int x, int y, int w, int h, const char *const *labels, const double *values,
                        int n, const PlotOptions *o);
PLOT_API void plot_heatmap(PlotCanvas *c, int x, int y, int w, int h, const char *const *row_labels,
                           const char *const *column_labels, const double *values, int rows, int columns,
                           const PlotOptions *o);

/* A picture of 1 or 3 channels, scaled into the rectangle. Whole factors repeat pixels, other growth is bilinear,
 * shrinking averages the area that each new pixel covers. */
PLOT_API void plot_picture(PlotCanvas *c, int x, int y, int w, int h, const unsigned char *pixels, int pw, int ph,
                           int channels);

/* Numbers as a picture in grey: the least is `light`, the largest darker by `range`. */
PLOT_API void plot_shades(PlotCanvas *c, int x, int y, int w, int h, const double *values, int pw, int ph, double light,
                          double range);

/* A new canvas with rows x columns pictures of one size; a NULL picture is an empty cell, labels may be NULL. */
PLOT_API int plot_grid(const unsigned char *const *pictures, int pw, int ph, int channels, int rows, int columns,
                       int scale, const char *const *row_labels, const char *const *column_labels,
                       const char *caption, PlotCanvas *out);

/* A dial: named places around a centre, in a disc of radius 1 with a ray to each, or in a square from -1 to 1 with an
 * ellipse of one standard deviation around each. Names stand outside and are moved apart. Only lines and names are
 * drawn, over what the canvas holds; `faint` keeps the rays to their ends. `text` is the size of the names. */
typedef struct {
    const char *name;
    double x, y, covariance[3];          /* xx, xy, yy: of the ellipse */
    unsigned rgb;
} PlotPlace;

typedef struct {
    double x, y, unit;                   /* the pixel of the centre, and how many pixels 1 is */
    int round;                           /* disc, not square */
    const PlotPlace *places;
    int n;
} PlotDial;

PLOT_API void plot_dial(PlotCanvas *c, const PlotDial *d, int faint, double text);

/* Round tick values (1, 2 or 5 times a power of ten), about `wanted` of them: first is the lowest that is not below
 * the range. Always gives a finite first and a step > 0, whatever the range is. */
PLOT_API void plot_ticks(double low, double high, int wanted, double *first, double *step);

#endif /* PLOT_H */

#if defined(PLOT_IMPLEMENTATION) && !defined(PLOT_IMPLEMENTED)
#define PLOT_IMPLEMENTED

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLOT_PAPER 0xffffffu
#define PLOT_INK 0x24292fu                 /* titles and labels: nearly black, softer than black */
#define PLOT_SOFT 0x57606au                /* tick labels */
#define PLOT_AXIS 0x8c959fu
#define PLOT_GRID 0xe4e7ebu
#define PLOT_EMPTY 0xf1f2f4u               /* cells without a picture or value */
#define PLOT_FARTHEST 1e9                  /* pixel coordinates beyond this are moved here: products stay finite */
#define PLOT_TURN 6.283185307179586        /* 2 pi */
#define PLOT_LABEL 160                     /* bytes of the longest label that is drawn */

/* Eight calm colours. Between any two lie at least 12 units of CIELAB, 18 between the first four, for normal sight and
 * for the three kinds of colour blindness as modelled by Machado, Oliveira and Fernandes (2009). */
static const unsigned plot_palette[8] = {
    0x275895, 0xd17111, 0x128c70, 0x99161f, 0x7c5bbd, 0x4f99ce, 0x805e3c, 0xc25f9d
};

/* ---------------------------------------------------------------------------------------------------------------
 * 1  Canvas and clipping
 *
 * Every drawing routine works on a clip: a canvas and the part of it that may change. A chart's clip is its own
 * rectangle, the clip of a curve is the area between the axes, so nothing can be drawn where it does not belong.
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    PlotCanvas *canvas;
    int left, top, right, bottom;          /* right and bottom are the first column and row outside */
} PlotClip;

typedef struct { int x, y, w, h; } PlotBox;

static double plot_between(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static int plot_whole(double value)        /* rounds, and survives anything: a plain cast of NaN would be undefined */
{
    return value >= -PLOT_FARTHEST && value <= PLOT_FARTHEST ? (int)floor(value + 0.5) : 0;
}

static int plot_larger(int a, int b)
{
    return a > b ? a : b;
}

PLOT_API int plot_canvas(int width, int height, unsigned background_rgb, PlotCanvas *out)
{
    const size_t most_pixels = (size_t)1 << 28;
    out->width = out->height = 0;
    out->rgb = NULL;
    if (width <= 0 || height <= 0 || (size_t)width > most_pixels / (size_t)height)
        return 0;
    size_t pixels = (size_t)width * (size_t)height;
    out->rgb = (unsigned char *)malloc(pixels * 3);
    if (!out->rgb)
        return 0;
    out->width = width;
    out->height = height;
    plot_fill_rect(out, 0, 0, width, height, background_rgb);
    return 1;
}

PLOT_API void plot_free(PlotCanvas *canvas)
{
    if (!canvas)
        return;
    free(canvas->rgb);
    canvas->rgb = NULL;
    canvas->width = canvas->height = 0;
}

static PlotClip plot_clip_box(PlotCanvas *c, PlotBox box)
{
    PlotClip clip = { c, 0, 0, 0, 0 };
    if (!c || !c->rgb)
        return clip;
    long long right = (long long)box.x + box.w, bottom = (long long)box.y + box.h;
    clip.left = plot_larger(box.x, 0);
    clip.top = plot_larger(box.y, 0);
    clip.right = (int)plot_between((double)right, 0, c->width);
    clip.bottom = (int)plot_between((double)bottom, 0, c->height);
    return clip;
}

/* The part that two clips of one canvas have in common. */
static PlotClip plot_clip_inside(const PlotClip *a, const PlotClip *b)
{
    PlotClip both = *a;
    both.left = plot_larger(a->left, b->left);
    both.top = plot_larger(a->top, b->top);
    both.right = a->right < b->right ? a->right : b->right;
    both.bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
    return both;
}

static PlotClip plot_clip_all(PlotCanvas *c)
{
    PlotBox all = { 0, 0, c ? c->width : 0, c ? c->height : 0 };
    return plot_clip_box(c, all);
}

static int plot_clip_empty(const PlotClip *clip)
{
    return clip->left >= clip->right || clip->top >= clip->bottom;
}

/* Mixes a colour into one pixel of the clip. Plain sRGB mixing: dark thin text on white gains a little weight. */
static void plot_blend(const PlotClip *clip, int x, int y, double coverage, unsigned rgb)
{
    unsigned char *pixel = clip->canvas->rgb + ((size_t)y * (size_t)clip->canvas->width + (size_t)x) * 3;
    int part = (int)(plot_between(coverage, 0, 1) * 256 + 0.5);
    for (int k = 0; k < 3; k++) {
        int ink = (int)(rgb >> (16 - 8 * k) & 255);
        pixel[k] = (unsigned char)(pixel[k] + (ink - pixel[k]) * part / 256);
    }
}

static unsigned plot_mix(unsigned from, unsigned to, double part)
{
    unsigned mixed = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double a = from >> shift & 255, b = to >> shift & 255;
        mixed |= (unsigned)(a + (b - a) * part + 0.5) << shift;
    }
    return mixed;
}

static unsigned plot_colour(int series)    /* from the ninth on, the same hues again in a lighter tint */
{
    unsigned rgb = plot_palette[series % 8];
    return series / 8 % 2 ? plot_mix(rgb, PLOT_PAPER, 0.45) : rgb;
}

static void plot_fill_clip(const PlotClip *clip, PlotBox box, unsigned rgb)
{
    PlotClip inside = plot_clip_box(clip->canvas, box), part = plot_clip_inside(&inside, clip);
    size_t row = (size_t)clip->canvas->width * 3;
    for (int y = part.top; y < part.bottom; y++) {
        unsigned char *pixel = clip->canvas->rgb + (size_t)y * row + (size_t)part.left * 3;
        for (int x = part.left; x < part.right; x++, pixel += 3) {
            pixel[0] = (unsigned char)(rgb >> 16);
            pixel[1] = (unsigned char)(rgb >> 8);
            pixel[2] = (unsigned char)rgb;
        }
    }
}

static void plot_fill(const PlotClip *clip, int x, int y, int w, int h, unsigned rgb)
{
    PlotBox box = { x, y, w, h };
    plot_fill_clip(clip, box, rgb);
}

PLOT_API void plot_fill_rect(PlotCanvas *c, int x, int y, int w, int h, unsigned rgb)
{
    PlotClip clip = plot_clip_all(c);
    if (!plot_clip_empty(&clip))
        plot_fill(&clip, x, y, w, h, rgb);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 2  Strokes and discs
 *
 * A stroke of radius r around a segment is the set of points closer to it than r. A pixel whose centre has distance d
 * is covered by about r + 1/2 - d, cut to [0, 1]: full inside, none outside, a ramp one pixel wide between.
 *
 *      coverage 1 |------.                      A stroke narrower than a pixel never reaches 1,
 *               0 |       `--------- d          which is right: it appears as a lighter line.
 *                       r
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct { double x0, y0, x1, y1; } PlotSegment;

static double plot_distance(const PlotSegment *s, double x, double y)
{
    double dx = s->x1 - s->x0, dy = s->y1 - s->y0, square = dx * dx + dy * dy;
    double along = square > 0 ? ((x - s->x0) * dx + (y - s->y0) * dy) / square : 0;
    along = plot_between(along, 0, 1);
    dx = s->x0 + along * dx - x;
    dy = s->y0 + along * dy - y;
    return sqrt(dx * dx + dy * dy);
}

/* Cuts one coordinate's range [*t0, *t1] of a segment to low <= from + t * delta <= high (Liang and Barsky 1984). */
static int plot_cut(double from, double delta, double low, double high, double *t0, double *t1)
{
    if (delta == 0)
        return from >= low && from <= high;
    double enter = (low - from) / delta, leave = (high - from) / delta;
    if (enter > leave) {
        double swap = enter;
        enter = leave;
        leave = swap;
    }
    if (enter > *t0)
        *t0 = enter;
    if (leave < *t1)
        *t1 = leave;
    return *t0 <= *t1;
}

/* Keeps the part of a segment that can touch the clip, so that loops below are bounded by the canvas. */
static int plot_segment_cut(PlotSegment *s, const PlotClip *clip, double margin)
{
    double t0 = 0, t1 = 1, dx = s->x1 - s->x0, dy = s->y1 - s->y0;
    if (!plot_cut(s->x0, dx, clip->left - margin, clip->right + margin, &t0, &t1) ||
        !plot_cut(s->y0, dy, clip->top - margin, clip->bottom + margin, &t0, &t1))
        return 0;
    PlotSegment whole = *s;
    s->x0 = whole.x0 + t0 * dx;
    s->y0 = whole.y0 + t0 * dy;
    s->x1 = whole.x0 + t1 * dx;
    s->y1 = whole.y0 + t1 * dy;
    return 1;
}

static int plot_column(double x, int low, int high)     /* floor, cut to [low, high] */
{
    return (int)plot_between(floor(x), low, high);
}

static void plot_stroke(const PlotClip *clip, PlotSegment s, double radius, unsigned rgb)
{
    double margin = radius + 1;
    if (plot_clip_empty(clip) || !plot_segment_cut(&s, clip, margin))
        return;
    double dy = s.y1 - s.y0, up = s.y0 < s.y1 ? s.y0 : s.y1, down = s.y0 < s.y1 ? s.y1 : s.y0;
    int first = plot_column(up - margin, clip->top, clip->bottom);
    int last = plot_column(down + margin, clip->top - 1, clip->bottom - 1);
    for (int y = first; y <= last; y++) {
        double t0 = 0, t1 = 1;             /* only the part of the segment near this row matters for its columns */
        if (!plot_cut(s.y0, dy, y + 0.5 - margin, y + 0.5 + margin, &t0, &t1))
            continue;
        double a = s.x0 + t0 * (s.x1 - s.x0), b = s.x0 + t1 * (s.x1 - s.x0);
        int from = plot_column((a < b ? a : b) - margin, clip->left, clip->right);
        int to = plot_column((a < b ? b : a) + margin, clip->left - 1, clip->right - 1);
        for (int x = from; x <= to; x++) {
            double coverage = radius + 0.5 - plot_distance(&s, x + 0.5, y + 0.5);
            if (coverage > 0)
                plot_blend(clip, x, y, coverage, rgb);
        }
    }
}

static void plot_draw_line(const PlotClip *clip, double x0, double y0, double x1, double y1, double width,
                           unsigned rgb)
{
    if (isnan(x0) || isnan(y0) || isnan(x1) || isnan(y1) || !(width > 0))
        return;
    const double far = PLOT_FARTHEST;
    PlotSegment s = { plot_between(x0, -far, far), plot_between(y0, -far, far), plot_between(x1, -far, far),
                      plot_between(y1, -far, far) };
    plot_stroke(clip, s, plot_between(width, 0, PLOT_FARTHEST) / 2, rgb);
}

PLOT_API void plot_line_segment(PlotCanvas *c, double x0, double y0, double x1, double y1, double width, unsigned rgb)
{
    PlotClip clip = plot_clip_all(c);
    plot_draw_line(&clip, x0, y0, x1, y1, width, rgb);
}

PLOT_API void plot_disc(PlotCanvas *c, double x, double y, double radius, unsigned rgb)
{
    PlotClip clip = plot_clip_all(c);      /* a disc is a stroke around a segment without length */
    plot_draw_line(&clip, x, y, x, y, 2 * radius, rgb);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  The typeface
 *
 * Each letter is a few strokes on a grid of 22 units to the em. A point is two characters: x in base 36 and y as a
 * letter, F on the baseline. As in TrueType outlines, a point is on the curve (capital y) or a control point of a
 * quadratic Bezier curve (small y), and half-way between two control points lies a point of the curve that need not
 * be written. Strokes are separated by spaces; the first character of a glyph is its width.
 *
 *      T 14  capitals, ascenders      "0F0T"              l   stem from (0,0) to (0,14)
 *      P 10  small letters            "0L0p4P8p8L8F"      n   the arch: up from (0,6), round (4,10), down to (8,0)
 *      F  0  baseline
 *      A -5  descenders
 *
 * A stroke typeface has one master for all sizes. What makes it legible at 11 pixels is hinting: baseline, height of
 * small letters and height of capitals are moved to whole pixels, so that horizontal strokes fill rows exactly.
 * ------------------------------------------------------------------------------------------------------------- */

#define PLOT_EM 22.0
#define PLOT_GAP 4.6                       /* space between the strokes of neighbouring letters */
#define PLOT_STEM 1.85                     /* thickness of a stroke */
#define PLOT_CAPITAL 14.0
#define PLOT_SMALL 10.0
#define PLOT_MOST_SEGMENTS 640

static const char *const plot_glyphs[96] = {
    /* space ! " # $ % & ' */
    "2", "00T0J 0F0F", "30T0Q 3T3Q", "93T1F 8T6F 0P9P 0J9J", "89P7r4R0r0O0m8l8I8f4F1f0H 4U4D",
    "c2N0n0Q0t2T4t4Q4n2N aF8f8I8laLclcIcfaF aT2F", "aaF2O1t4T7t7Q7o3M0k0I0f4F8faL", "00T0Q",
    /* ( ) * + , - . / */
    "33V0r0L0f3B", "30V3r3L3f0B", "63T3N 0R6P 6R0P", "80L8L 4P4H", "11G0C", "50L5L", "00F0F", "66U0D",
    /* 0 to 9 */
    "84F0f0M0t4T8t8M8f4F", "81Q5T5F", "80Q0t4T8t8Q8n6L0F8F", "80R1t4T8t8Q8m4M2M 4M8m8J8f4F1f0H", "86F6T0J8J",
    "87T1T1N2o4O8o8K8f4F1f0H", "87T0t0K 0K0o4O8o8K8f4F0f0K", "80T8T3F", "84M0m0J0f4F8f8J8m4M1m1Q1t4T7t7Q7m4M",
    "88O8t4T0t0O0k4K8k8O 8O8f1F",
    /* : ; < = > ? @ */
    "00F0F 0O0O", "11O1O 1G0C", "88P0L8H", "80N8N 0J8J", "80P8L0H", "80Q0t4T8t8Q8n4M4J 4F4F",
    "ebF9d7D0d0L0t7TeteLeicIaiaKaO 7I4i4L4o7OaoaLai7I",
    /* A to M */
    "a0F5TaF 2K8K", "90F0T5T8t8Q8m5M 0M5M9m9J9f5F0F", "aaQ9t6T0t0M0f6F9faI", "a0F0T4TataMaf4F0F", "88T0T0F8F 0M7M",
    "78T0T0F 0M7M", "aaQ9t6T0t0M0f6FafaM6M", "a0F0T aFaT 0MaM", "00F0T", "66T6J6f3F0f0I", "90F0T 9T0K 3N9F", "70T0F7F",
    "c0F0T6IcTcF",
    /* N to Z */
    "a0F0TaFaT", "c6F0f0M0t6TctcMcf6F", "90F0T5T9t9P9l5L0L", "c6F0f0M0t6TctcMcf6F 8IcE", "90F0T5T9t9P9l5L0L 4L9F",
    "99Q8t5T0t0Q0n9l9I9f4F1f0I", "a0TaT 5T5F", "a0T0K0f5FafaKaT", "a0T5FaT", "g0T4F8TcFgT", "90T9F 9T0F",
    "a0T5M5F aT5M", "90T9T0F9F",
    /* [ \ ] ^ _ ` */
    "33V0V0B3B", "60U6D", "30V3V3B0B", "80N4T8N", "80C8C", "20T2Q",
    /* a to m */
    "70N1p4P7p7L7F 7L4L0l0I0f3F7f7J", "80F0T 0K0p4P8p8K8f4F0f0K", "78N7p4P0p0K0f4F7f8H", "88F8T 8K8p4P0p0K0f4F8f8K",
    "80K8K8p4P0p0K0f4F7f8H", "56T4T2t2Q2F 0P5P", "88P8F8a4A1a0C 8K8p4P0p0K0f4F8f8K", "80F0T 0L0p4P8p8L8F",
    "00F0P 0T0T", "22P2D2a0A 2T2T", "70F0T 7P0I 3L7F", "20T0I0f2F", "c0F0P 0L0p3P6p6L6F 6L6p9PcpcLcF",
    /* n to z */
    "80F0P 0L0p4P8p8L8F", "84F0f0K0p4P8p8K8f4F", "80P0A 0K0p4P8p8K8f4F0f0K", "88P8A 8K8p4P0p0K0f4F8f8K", "40F0P 0K0p5P",
    "77N6p4P0p0M0l7j7I7f3F1f0H", "52S2I2f4F5F 0P5P", "80P0J0f4F8f8J 8P8F", "80P4F8P", "c0P3F6P9FcP", "70P7F 7P0F",
    "80P4F 8P3C2a0A", "70P7P0F7F",
    /* { | } ~ and the box for what is not ASCII */
    "44V2v2R2l0L2l2G2b4B", "00V0B", "40V2v2R2l4L2l2G2b0B", "80K1n4L7j8M", "80F0T8T8F0F"
};

typedef struct {
    double size, weight, align;            /* weight 1 is regular, 1.4 bold */
    int turned;                            /* 1: runs upwards, as the label of a y axis does */
    unsigned rgb;
} PlotPen;

typedef struct {
    double size, radius;                   /* of the em, of a stroke */
    double small, capital;                 /* hinted heights in pixels */
} PlotHint;

static int plot_digit(char c)              /* base 36 */
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The next character of a UTF-8 text as an index into the glyphs, or -1 at the end. */
static int plot_next_glyph(const char **text)
{
    const char *at = *text;
    unsigned char c = (unsigned char)*at;
    if (!c)
        return -1;
    at++;
    while (c >= 128 && ((unsigned char)*at & 0xc0) == 0x80)
        at++;
    *text = at;
    return c < 32 ? 0 : c < 127 ? c - 32 : 95;
}

PLOT_API double plot_text_width(double size, const char *text)
{
    if (!text || !*text || !(size > 0))
        return 0;
    double units = 0;
    for (int glyph = plot_next_glyph(&text); glyph >= 0; glyph = plot_next_glyph(&text))
        units += plot_digit(plot_glyphs[glyph][0]) + PLOT_GAP;
    return units * plot_between(size, 0, PLOT_FARTHEST) / PLOT_EM;
}

static PlotHint plot_hint(double size, double weight)
{
    double scale = size / PLOT_EM, thickness = PLOT_STEM * scale * weight;
    PlotHint hint = { size, (thickness < 1.05 ? 1.05 : thickness) / 2, floor(PLOT_SMALL * scale + 0.5),
                      floor(PLOT_CAPITAL * scale + 0.5) };
    if (hint.small < 1)                    /* text of a few pixels: nothing to align to */
        hint.small = PLOT_SMALL * scale;
    if (hint.capital <= hint.small)
        hint.capital = hint.small * PLOT_CAPITAL / PLOT_SMALL;
    return hint;
}

static double plot_hinted_height(const PlotHint *hint, double y)
{
    if (y < 0)
        return y * hint->size / PLOT_EM;
    if (y < PLOT_SMALL)
        return y * hint->small / PLOT_SMALL;
    return hint->small + (y - PLOT_SMALL) * (hint->capital - hint->small) / (PLOT_CAPITAL - PLOT_SMALL);
}

/* A stroke's points in order; control points become several short segments. */
typedef struct {
    PlotSegment segments[PLOT_MOST_SEGMENTS];
    int count, pieces;                     /* pieces: segments for one Bezier curve */
    double x, y;                           /* the last point of the curve */
} PlotOutline;

static void plot_outline_to(PlotOutline *outline, double x, double y)
{
    PlotSegment s = { outline->x, outline->y, x, y };
    if (outline->count < PLOT_MOST_SEGMENTS)
        outline->segments[outline->count++] = s;
    outline->x = x;
    outline->y = y;
}

static void plot_outline_curve(PlotOutline *outline, double cx, double cy, double x, double y)
{
    double x0 = outline->x, y0 = outline->y;
    for (int i = 1; i <= outline->pieces; i++) {
        double t = (double)i / outline->pieces, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
        plot_outline_to(outline, a * x0 + b * cx + c * x, a * y0 + b * cy + c * y);
    }
}

/* Reads one glyph into segments in pixels, the pen's position at (0, 0), y upwards. */
static void plot_outline(PlotOutline *outline, const char *glyph, const PlotHint *hint)
{
    int started = 0, waiting = 0;          /* waiting: a control point is pending */
    double cx = 0, cy = 0;
    outline->count = 0;
    outline->pieces = (int)plot_between(3 + hint->size / 12, 3, 20);
    for (const char *at = glyph + 1; *at; ) {
        if (*at == ' ') {
            started = 0;
            at++;
            continue;
        }
        int control = at[1] >= 'a';
        double x = (plot_digit(at[0]) + PLOT_GAP / 2) * hint->size / PLOT_EM;
        double y = plot_hinted_height(hint, at[1] - (control ? 'f' : 'F'));
        at += 2;
        if (!started) {
            outline->x = x;
            outline->y = y;
            started = 1;
        } else if (control) {
            if (waiting)
                plot_outline_curve(outline, cx, cy, (cx + x) / 2, (cy + y) / 2);
            cx = x;
            cy = y;
        } else if (waiting) {
            plot_outline_curve(outline, cx, cy, x, y);
        } else {
            plot_outline_to(outline, x, y);
        }
        waiting = control;
    }
}

/* Each pixel takes the distance to the nearest segment of the whole glyph, so that joints are not inked twice. */
static void plot_outline_ink(const PlotClip *clip, const PlotOutline *outline, double radius, unsigned rgb)
{
    double left = PLOT_FARTHEST, top = PLOT_FARTHEST, right = -PLOT_FARTHEST, bottom = -PLOT_FARTHEST;
    for (int i = 0; i < outline->count; i++) {
        const PlotSegment *s = &outline->segments[i];
        left = fmin(left, fmin(s->x0, s->x1));
        right = fmax(right, fmax(s->x0, s->x1));
        top = fmin(top, fmin(s->y0, s->y1));
        bottom = fmax(bottom, fmax(s->y0, s->y1));
    }
    double margin = radius * 1.3 + 1;
    int x0 = plot_column(left - margin, clip->left, clip->right);
    int x1 = plot_column(right + margin, -1, clip->right - 1);
    int y0 = plot_column(top - margin, clip->top, clip->bottom);
    int y1 = plot_column(bottom + margin, -1, clip->bottom - 1);
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            double coverage = 0;
            for (int i = 0; i < outline->count; i++) {
                const PlotSegment *s = &outline->segments[i];
                double dot = s->x0 == s->x1 && s->y0 == s->y1 ? 1.25 : 1;    /* full stops need more ink */
                coverage = fmax(coverage, radius * dot + 0.5 - plot_distance(s, x + 0.5, y + 0.5));
            }
            if (coverage > 0)
                plot_blend(clip, x, y, coverage, rgb);
        }
}

/* Puts the glyph's origin at (x, y) of the canvas, turned if asked. */
static void plot_outline_move(PlotOutline *outline, double x, double y, int turned)
{
    for (int i = 0; i < outline->count; i++) {
        PlotSegment *s = &outline->segments[i], was = *s;
        s->x0 = x + (turned ? -was.y0 : was.x0);
        s->y0 = y - (turned ? was.x0 : was.y0);
        s->x1 = x + (turned ? -was.y1 : was.x1);
        s->y1 = y - (turned ? was.x1 : was.y1);
    }
}

/* A stroke of an odd number of pixels is centred on a pixel, of an even number between two. */
static double plot_crisp(double position, double radius)
{
    int odd = (int)floor(2 * radius + 0.5) % 2;
    return odd ? floor(position) + 0.5 : floor(position + 0.5);
}

static void plot_write(const PlotClip *clip, double x, double y, PlotPen pen, const char *text)
{
    const double largest = 4096;
    if (!text || plot_clip_empty(clip) || !(pen.size > 0) || !(fabs(x) < PLOT_FARTHEST && fabs(y) < PLOT_FARTHEST))
        return;
    pen.size = plot_between(pen.size, 1, largest);
    PlotHint hint = plot_hint(pen.size, pen.weight);
    double shift = plot_text_width(pen.size, text) * pen.align;
    double *pen_along = pen.turned ? &y : &x, direction = pen.turned ? -1 : 1;
    *pen_along -= direction * shift;
    if (pen.turned)
        x = plot_crisp(x - hint.radius, hint.radius);
    else
        y = plot_crisp(y - hint.radius, hint.radius);
    for (int glyph = plot_next_glyph(&text); glyph >= 0; glyph = plot_next_glyph(&text)) {
        double advance = (plot_digit(plot_glyphs[glyph][0]) + PLOT_GAP) * pen.size / PLOT_EM;
        double low = pen.turned ? clip->top - 2 * pen.size : clip->left - 2 * pen.size;
        double high = pen.turned ? clip->bottom + 2 * pen.size : clip->right + 2 * pen.size;
        if (*pen_along > low && *pen_along < high) {
            PlotOutline outline;
            plot_outline(&outline, plot_glyphs[glyph], &hint);
            plot_outline_move(&outline, x, y, pen.turned);
            plot_outline_ink(clip, &outline, hint.radius, pen.rgb);
        }
        *pen_along += direction * advance;
    }
}

PLOT_API void plot_text(PlotCanvas *c, double x, double y, double size, double align, unsigned rgb, const char *text)
{
    PlotClip clip = plot_clip_all(c);
    PlotPen pen = { size, 1, isnan(align) ? 0 : plot_between(align, 0, 1), 0, rgb };
    plot_write(&clip, x, y, pen, text);
}

PLOT_API void plot_mark(PlotCanvas *c, const double b[4], double unit, const char *text)
{
    double size = 10 * unit, y = b[1] - 4 * unit < size ? b[3] + size : b[1] - 4 * unit;
    const double corner[5][2] = {{b[0], b[1]}, {b[2], b[1]}, {b[2], b[3]}, {b[0], b[3]}, {b[0], b[1]}};
    for (int k = 0; k < 4; k++)
        plot_line_segment(c, corner[k][0], corner[k][1], corner[k + 1][0], corner[k + 1][1], 2 * unit, 0x2ecc71);
    plot_fill_rect(c, (int)b[0], (int)(y - size), (int)(plot_text_width(size, text) + 4 * unit), (int)(1.25 * size),
                   0x103020);
    plot_text(c, b[0] + 2 * unit, y, size, 0, 0xffffff, text);
}

/* Copies as much of a text as fits into `limit` pixels; what is cut off is replaced by an ellipsis. */
static const char *plot_fit(char out[PLOT_LABEL], const char *text, double size, double limit)
{
    text = text ? text : "";
    size_t length = strlen(text), kept = length < PLOT_LABEL - 4 ? length : PLOT_LABEL - 4;
    if (length < PLOT_LABEL && plot_text_width(size, text) <= limit) {
        memcpy(out, text, length + 1);
        return out;
    }
    for (; kept > 0; kept--) {
        if (((unsigned char)text[kept] & 0xc0) == 0x80)                  /* never cut inside a character */
            continue;
        memcpy(out, text, kept);
        memcpy(out + kept, "...", 4);
        if (plot_text_width(size, out) <= limit)
            return out;
    }
    out[0] = 0;
    return out;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Numbers on an axis
 *
 * Ticks stand at multiples of 1, 2 or 5 times a power of ten, because those are the steps that people divide in
 * their heads. An axis is linear in its values, or in their logarithms; in both cases the place of a value between
 * the ends is (value - low) / (high - low).
 * ------------------------------------------------------------------------------------------------------------- */

#define PLOT_HUGE 1e300                    /* larger values are treated as this, so that differences stay finite */
#define PLOT_NUMBER 48                     /* bytes that hold any number's text */

typedef struct {
    double low, high;                      /* of the values, or of their base-10 logarithms */
    double first, step;                    /* of the ticks, in the same unit */
    int logarithmic;
} PlotAxis;

/* A range that can be divided: finite, not reversed, not narrower than the precision of its values allows. */
static void plot_sane_range(double *low, double *high)
{
    double a = isnan(*low) ? 0 : plot_between(*low, -PLOT_HUGE, PLOT_HUGE);
    double b = isnan(*high) ? a : plot_between(*high, -PLOT_HUGE, PLOT_HUGE);
    *low = a < b ? a : b;
    *high = a < b ? b : a;
    double most = fmax(fabs(a), fabs(b)), least = fmax(most * 1e-9, 1e-290);
    if (*high - *low < least) {            /* one value: give it room, so that it is drawn in the middle */
        double middle = *low / 2 + *high / 2, room = most > 1e-280 ? most * 0.1 : 1;
        *low = plot_between(middle - room, -1.1 * PLOT_HUGE, PLOT_HUGE);
        *high = plot_between(middle + room, -PLOT_HUGE, 1.1 * PLOT_HUGE);
    }
}

PLOT_API void plot_ticks(double low, double high, int wanted, double *first, double *step)
{
    plot_sane_range(&low, &high);
    double rough = (high - low) / plot_between(wanted, 1, 1000);
    double power = pow(10, floor(log10(rough)));
    double part = rough / power;           /* 1 to 10; rounded to a step that gives about the number wanted */
    *step = power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
    *first = ceil(low / *step - 1e-9) * *step;
}

/* Some libraries' printf follows the locale; figures do not. */
static void plot_print(char text[PLOT_NUMBER], int decimals, double value, const char *unit)
{
    snprintf(text, PLOT_NUMBER, "%.*f%s", decimals, value, unit);
    for (char *at = text; *at; at++)
        if (*at == ',')
            *at = '.';
    if (strspn(text, "-0.") == strlen(text) && text[0] == '-')           /* no minus sign before zero */
        memmove(text, text + 1, strlen(text));
}

/* 1.5e+07 as 1.5e7 */
static void plot_print_power(char text[PLOT_NUMBER], int digits, double value)
{
    if (value == 0) {
        plot_print(text, 0, 0, "");
        return;
    }
    int power = (int)floor(log10(fabs(value)) + 1e-12);
    double mantissa = value / pow(10, power / 2) / pow(10, power - power / 2);   /* in two steps: neither overflows */
    char unit[16];
    snprintf(unit, sizeof unit, "e%d", power);
    plot_print(text, (int)plot_between(digits, 0, 9), mantissa, unit);
}

static int plot_decimals(double step)      /* places after the point that tell multiples of the step apart */
{
    return (int)plot_between(ceil(-log10(step) - 1e-9), 0, 12);
}

static void plot_tick_text(char text[PLOT_NUMBER], double value, const PlotAxis *axis)
{
    double most = fmax(fabs(axis->low), fabs(axis->high)), step = axis->step;
    if (fabs(value) < step * 1e-6)
        plot_print(text, 0, 0, "");
    else if (most >= 1e9 || most < 1e-3)
        plot_print_power(text, (int)(floor(log10(fabs(value)) + 1e-9) - floor(log10(step) + 1e-9)), value);
    else if (most >= 1e6)
        plot_print(text, plot_decimals(step / 1e6), value / 1e6, "M");
    else if (most >= 1e4)
        plot_print(text, plot_decimals(step / 1e3), value / 1e3, "k");
    else
        plot_print(text, plot_decimals(step), value, "");
}

static void plot_log_tick_text(char text[PLOT_NUMBER], double value)
{
    double power = log10(value);
    if (power > -3.5 && power < 4.5)
        plot_print(text, (int)plot_between(ceil(-power - 1e-9), 0, 4), value, "");
    else
        plot_print_power(text, 0, value);
}

/* A linear axis that reaches from tick to tick (round = 1), or exactly over its values (round = 0). */
static PlotAxis plot_linear_axis(double low, double high, int wanted, int round)
{
    PlotAxis axis = { 0, 0, 0, 1, 0 };
    plot_sane_range(&low, &high);
    plot_ticks(low, high, wanted, &axis.first, &axis.step);
    axis.low = round ? floor(low / axis.step + 1e-9) * axis.step : low;
    axis.high = round ? ceil(high / axis.step - 1e-9) * axis.step : high;
    if (round)
        axis.first = axis.low;
    double last = ceil(high / axis.step - 1e-9) * axis.step;
    if (last - high < 0.02 * (high - low)) /* 19,999 ends at a tick of 20,000 */
        axis.high = last;
    return axis;
}

/* A logarithmic axis over at least one decade; low and high are positive values. */
static PlotAxis plot_log_axis(double low, double high, int wanted, int round)
{
    low = plot_between(low, 1 / PLOT_HUGE, PLOT_HUGE);
    high = plot_between(high, low, PLOT_HUGE);
    PlotAxis axis = { log10(low), log10(high), 0, 1, 1 };
    if (round) {
        axis.low = floor(axis.low + 1e-9);
        axis.high = ceil(axis.high - 1e-9);
    }
    if (axis.high - axis.low < 0.5)
        axis.high = axis.low + 1;
    axis.step = ceil((axis.high - axis.low) / plot_between(wanted, 1, 1000));
    axis.first = ceil(axis.low / axis.step - 1e-9) * axis.step;
    return axis;
}

/* Where a value stands between the ends of the axis, 0 to 1 inside; NaN if it has no place. */
static double plot_place(const PlotAxis *axis, double value)
{
    if (axis->logarithmic)
        value = value > 0 ? log10(value) : NAN;
    else if (!isnan(value))
        value = plot_between(value, -2 * PLOT_HUGE, 2 * PLOT_HUGE);
    return (value - axis->low) / (axis->high - axis->low);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 5  What charts have in common
 *
 *      +------------------------------------------+
 *      |  title                                   |     Space is given away from the outside inwards: title and
 *      |  -- one  -- two              (legend)    |     legend take rows at the top, the labels of the axes a row
 *      |  y |                                     |     and a column, the widest tick label decides the margin, and
 *      |  l |          plot area                  |     what remains is the plot area. So no two texts can meet.
 *      |  b |_________________________________    |
 *      |     0    10    20    30    40    50      |     All sizes follow from one unit, the size of the labels,
 *      |               x label                    |     which grows with the square root of the area.
 *      +------------------------------------------+
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    PlotClip clip;                         /* the chart's rectangle */
    PlotBox area;                          /* the space that is left; in the end, the plot area */
    double unit;
    int small;                             /* too small for texts beside the numbers of the axes */
    PlotOptions options;
} PlotFigure;

/* Clears the rectangle; 0 if there is nothing to draw on. */
static int plot_figure(PlotFigure *figure, PlotCanvas *c, PlotBox box, const PlotOptions *o)
{
    memset(figure, 0, sizeof *figure);
    figure->clip = plot_clip_box(c, box);
    if (o)
        figure->options = *o;
    if (box.w <= 0 || box.h <= 0 || plot_clip_empty(&figure->clip))
        return 0;
    figure->area.w = (int)plot_between(box.w, 1, 100000);                /* far beyond any canvas, far from overflow */
    figure->area.h = (int)plot_between(box.h, 1, 100000);
    figure->area.x = (int)plot_between(box.x, -1000000, 1000000);
    figure->area.y = (int)plot_between(box.y, -1000000, 1000000);
    figure->unit = plot_between(sqrt((double)figure->area.w * figure->area.h) / 48, 11, 30);
    figure->small = figure->area.w < 12 * figure->unit || figure->area.h < 9 * figure->unit;
    if (figure->small)
        figure->options.title = figure->options.x_label = figure->options.y_label = NULL;
    plot_fill_clip(&figure->clip, box, PLOT_PAPER);
    return 1;
}

/* Takes space from one side of the area: 'l', 'r', 't' or 'b'; never more than there is. */
static void plot_take(PlotBox *area, char side, double pixels)
{
    int sideways = side == 'l' || side == 'r';
    int taken = (int)plot_between(ceil(pixels), 0, sideways ? area->w : area->h);
    if (sideways)
        area->w -= taken;
    else
        area->h -= taken;
    if (side == 'l')
        area->x += taken;
    if (side == 't')
        area->y += taken;
}

static void plot_label(const PlotFigure *f, double x, double y, PlotPen pen, const char *text, double limit)
{
    char fitting[PLOT_LABEL];
    plot_write(&f->clip, x, y, pen, plot_fit(fitting, text, pen.size, limit));
}

static int plot_has_text(const char *text)
{
    return text && *text;
}

static void plot_title(PlotFigure *f)
{
    double unit = f->unit;
    plot_take(&f->area, 'l', unit * 0.8);
    plot_take(&f->area, 'r', unit * 0.8);
    plot_take(&f->area, 't', unit * 0.9);
    plot_take(&f->area, 'b', unit * 0.8);
    if (!plot_has_text(f->options.title))
        return;
    PlotPen pen = { unit * 1.2, 1.3, 0, 0, PLOT_INK };
    plot_label(f, f->area.x, f->area.y + unit, pen, f->options.title, f->area.w);
    plot_take(&f->area, 't', unit * 2);
}

/* Labels of both axes; called after the title and the legend, which span the whole width. */
static void plot_axis_labels(PlotFigure *f)
{
    double unit = f->unit;
    int below = plot_has_text(f->options.x_label), beside = plot_has_text(f->options.y_label);
    if (below)
        plot_take(&f->area, 'b', unit * 1.5);
    if (beside)
        plot_take(&f->area, 'l', unit * 1.7);
    PlotPen pen = { unit, 1, 0.5, 0, PLOT_INK };
    if (below)
        plot_label(f, f->area.x + f->area.w / 2.0, f->area.y + f->area.h + unit * 1.3, pen, f->options.x_label,
                   f->area.w);
    pen.turned = 1;
    if (beside)
        plot_label(f, f->area.x - unit * 0.8, f->area.y + f->area.h / 2.0, pen, f->options.y_label, f->area.h);
}

/* The k-th tick of an axis; 0 when there are no more. */
static int plot_tick(const PlotAxis *axis, int k, double *value, char text[PLOT_NUMBER])
{
    double position = axis->first + k * axis->step;
    if (k > 1000 || position > axis->high + axis->step * 1e-6)
        return 0;
    *value = axis->logarithmic ? pow(10, position) : position;
    if (axis->logarithmic)
        plot_log_tick_text(text, *value);
    else
        plot_tick_text(text, position, axis);
    return 1;
}

static double plot_widest_tick(const PlotAxis *axis, double size)
{
    char text[PLOT_NUMBER];
    double value, widest = 0;
    for (int k = 0; plot_tick(axis, k, &value, text); k++)
        widest = fmax(widest, plot_text_width(size, text));
    return widest;
}

static double plot_tick_size(const PlotFigure *f)
{
    return fmax(f->unit * 0.88, 10.5);
}

static int plot_pixel_x(const PlotBox *area, const PlotAxis *axis, double value)
{
    return plot_whole(area->x + plot_between(plot_place(axis, value), 0, 1) * (area->w - 1));
}

static int plot_pixel_y(const PlotBox *area, const PlotAxis *axis, double value)
{
    return plot_whole(area->y + (1 - plot_between(plot_place(axis, value), 0, 1)) * (area->h - 1));
}

/* Grid lines and numbers of the y axis. Between two decades of a logarithmic axis, 2 to 9 get lines without numbers. */
static void plot_draw_y_axis(const PlotFigure *f, const PlotAxis *axis)
{
    char text[PLOT_NUMBER];
    double value, size = plot_tick_size(f);
    PlotPen pen = { size, 1, 1, 0, PLOT_SOFT };
    int between = axis->logarithmic && axis->step == 1 && f->area.h > 60 * (axis->high - axis->low);
    for (int k = 0; plot_tick(axis, k, &value, text); k++) {
        int y = plot_pixel_y(&f->area, axis, value);
        plot_fill(&f->clip, f->area.x, y, f->area.w, 1, PLOT_GRID);
        plot_label(f, f->area.x - f->unit * 0.35, y + size * 0.38, pen, text, f->area.x - f->clip.left);
        for (int m = 2; between && m < 10; m++)
            if (plot_place(axis, m * value) < 1)
                plot_fill(&f->clip, f->area.x, plot_pixel_y(&f->area, axis, m * value), f->area.w, 1,
                          plot_mix(PLOT_GRID, PLOT_PAPER, 0.5));
    }
}

static void plot_draw_x_axis(const PlotFigure *f, const PlotAxis *axis)
{
    char text[PLOT_NUMBER];
    double value, size = plot_tick_size(f);
    PlotPen pen = { size, 1, 0.5, 0, PLOT_SOFT };
    for (int k = 0; plot_tick(axis, k, &value, text); k++) {
        int x = plot_pixel_x(&f->area, axis, value);
        plot_fill(&f->clip, x, f->area.y, 1, f->area.h, PLOT_GRID);
        plot_write(&f->clip, x + 0.5, f->area.y + f->area.h + size * 1.3, pen, text);
    }
}

static void plot_draw_axis_lines(const PlotFigure *f, int baseline)
{
    plot_fill(&f->clip, f->area.x, f->area.y, 1, f->area.h, PLOT_AXIS);
    plot_fill(&f->clip, f->area.x, baseline, f->area.w, 1, PLOT_AXIS);
}

/* The y axis for a range of values, as the options want it; `wanted` ticks. */
static PlotAxis plot_y_axis(const PlotOptions *o, double low, double high, int wanted)
{
    int given = (o->y_min != 0 || o->y_max != 0) && isfinite(o->y_min) && isfinite(o->y_max) && o->y_min < o->y_max &&
                (!o->log_y || o->y_min > 0);
    if (given) {
        low = o->y_min;
        high = o->y_max;
    }
    if (!o->log_y)
        return plot_linear_axis(low, high, wanted, !given);
    if (!(low > 0 && high >= low))         /* nothing positive: some axis, so that the figure is complete */
        low = 1, high = 10;
    return plot_log_axis(low, high, wanted, !given);
}

/* Extends [*low, *high] by the finite numbers, on a logarithmic axis by the positive ones. */
static void plot_extend(const double *values, size_t count, int positive, double *low, double *high)
{
    for (size_t i = 0; values && i < count; i++)
        if (isfinite(values[i]) && (!positive || values[i] > 0)) {
            *low = values[i] < *low ? values[i] : *low;
            *high = values[i] > *high ? values[i] : *high;
        }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 6  Line charts
 *
 * A long series has many values for one column of pixels. Drawing only the lowest and the highest of each bucket, in
 * the order in which they come, gives the same picture with a few strokes. Such a series is nearly always noise around
 * a trend: its values are drawn as a light band, and a moving mean over 2 % of them as the line.
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    PlotClip clip;
    double x, y, width;
    int run;                               /* points since the line was last lifted */
    unsigned rgb;
} PlotTrace;

static void plot_trace_lift(PlotTrace *trace)
{
    if (trace->run == 1)                   /* a value between two gaps has no line: show it as a dot */
        plot_draw_line(&trace->clip, trace->x, trace->y, trace->x, trace->y, trace->width * 2, trace->rgb);
    trace->run = 0;
}

static void plot_trace_to(PlotTrace *trace, double x, double y)
{
    if (trace->run > 0)
        plot_draw_line(&trace->clip, trace->x, trace->y, x, y, trace->width, trace->rgb);
    trace->x = x;
    trace->y = y;
    trace->run += trace->run < 2;
}

/* The place of point i in pixels: 1 if it has one, 0 if the line breaks there, -1 if the point is to be skipped. */
static int plot_point(const PlotSeries *s, size_t i, const PlotBox *area, const PlotAxis *x_axis,
                      const PlotAxis *y_axis, double *x, double *y)
{
    double data_x = s->x ? s->x[i] : (double)i, data_y = s->y[i];
    if (isnan(data_x) || isnan(data_y))
        return 0;
    if (isinf(data_x) || isinf(data_y))
        return -1;
    *x = area->x + 0.5 + plot_place(x_axis, data_x) * (area->w - 1);
    *y = area->y + 0.5 + (1 - plot_place(y_axis, data_y)) * (area->h - 1);
    return !isnan(*y);
}

static void plot_trace_series(PlotTrace *trace, const PlotSeries *s, const PlotBox *area, const PlotAxis *x_axis,
                              const PlotAxis *y_axis)
{
    size_t count = s->y ? s->count : 0, bucket = count / ((size_t)area->w * 2 + 1) + 1;
    int dots = count <= 24 && (size_t)area->w > 12 * count;
    for (size_t start = 0; start < count; start += bucket) {
        double x[2] = { 0, 0 }, y[2] = { 0, 0 };                         /* of the highest and the lowest point */
        size_t index[2] = { 0, 0 }, found = 0, gaps = 0;
        for (size_t i = start; i < count && i - start < bucket; i++) {
            double px, py;
            int state = plot_point(s, i, area, x_axis, y_axis, &px, &py);
            gaps += state == 0;
            for (int k = 0; k < 2 && state == 1; k++)
                if (!found || (k == 0 ? py < y[0] : py > y[1])) {
                    x[k] = px;
                    y[k] = py;
                    index[k] = i;
                }
            found += state == 1;
        }
        int early = index[1] < index[0];
        if (found)
            plot_trace_to(trace, x[early], y[early]);
        if (found && index[0] != index[1])
            plot_trace_to(trace, x[!early], y[!early]);
        if (found && dots)
            plot_draw_line(&trace->clip, x[0], y[0], x[0], y[0], trace->width * 2.6, trace->rgb);
        if (!found && gaps)
            plot_trace_lift(trace);
        if (bucket > count - start)        /* start + bucket must not pass the largest size_t */
            break;
    }
    plot_trace_lift(trace);
}

/* The line of moving means, taken where the values are drawn: on a logarithmic axis the mean is geometric. */
static void plot_trace_mean(PlotTrace *trace, const PlotSeries *s, const PlotBox *area, const PlotAxis *x_axis,
                            const PlotAxis *y_axis)
{
    const size_t means = 240, reach = s->count / 100;
    double x, y, near_x, near_y;
    for (size_t k = 0; k < means; k++) {
        size_t i = (size_t)((double)(s->count - 1) * k / (means - 1));
        int state = plot_point(s, i, area, x_axis, y_axis, &x, &y), count = 1;
        if (state == 0)
            plot_trace_lift(trace);
        if (state != 1)
            continue;
        double sum = y;
        for (int side = -1; side <= 1; side += 2)                        /* up to the next gap on both sides */
            for (size_t d = 1; d <= reach && (side < 0 ? d <= i : d < s->count - i); d++) {
                int there = plot_point(s, side < 0 ? i - d : i + d, area, x_axis, y_axis, &near_x, &near_y);
                if (there == 0)
                    break;
                sum += there == 1 ? near_y : 0;
                count += there == 1;
            }
        plot_trace_to(trace, x, sum / count);
    }
    plot_trace_lift(trace);
}

static int plot_is_dense(const PlotSeries *s, const PlotBox *area)
{
    return s->y && s->count / 4 > (size_t)area->w;
}

/* Draws the legend in rows below the title and takes their space; series without a name are left out. */
static void plot_legend(PlotFigure *f, const PlotSeries *series, int n)
{
    double size = f->unit * 0.95, swatch = size * 1.5, x = f->area.x, y = f->area.y + size;
    double right = f->area.x + f->area.w, lowest = f->area.y + f->area.h * 0.4;
    int any = 0;
    for (int i = 0; i < n && !f->small && y < lowest; i++) {
        if (!plot_has_text(series[i].name))
            continue;
        char name[PLOT_LABEL];
        plot_fit(name, series[i].name, size, f->area.w - swatch - size);
        double width = swatch + size * 0.4 + plot_text_width(size, name);
        if (any && x + width > right) {
            x = f->area.x;
            y += size * 1.5;
        }
        PlotPen pen = { size, 1, 0, 0, PLOT_INK };
        plot_draw_line(&f->clip, x + size * 0.2, y - size * 0.38, x + swatch - size * 0.2, y - size * 0.38, size * 0.24,
                       plot_colour(i));
        plot_write(&f->clip, x + swatch + size * 0.2, y, pen, name);
        x += width + size * 0.9;
        any = 1;
    }
    if (any)
        plot_take(&f->area, 't', y + size * 1.1 - f->area.y);
}

/* The x axis over exactly the values, with as many ticks as have room. */
static PlotAxis plot_x_axis(const PlotFigure *f, const PlotSeries *series, int n)
{
    double low = INFINITY, high = -INFINITY, ends[2] = { 0, 0 };
    for (int i = 0; i < n; i++) {
        ends[1] = series[i].count > 1 ? (double)(series[i].count - 1) : 0;
        if (series[i].x)
            plot_extend(series[i].x, series[i].count, 0, &low, &high);
        else if (series[i].count)
            plot_extend(ends, 2, 0, &low, &high);
    }
    if (!(low <= high))
        low = 0, high = 1;
    PlotAxis axis = plot_linear_axis(low, high, 10, 0);
    for (int wanted = 10; wanted > 1; wanted--) {
        axis = plot_linear_axis(low, high, wanted, 0);
        double apart = axis.step / (axis.high - axis.low) * f->area.w;
        if (plot_widest_tick(&axis, plot_tick_size(f)) + f->unit * 1.2 <= apart)
            break;
    }
    return axis;
}

PLOT_API void plot_lines(PlotCanvas *c, int x, int y, int w, int h, const PlotSeries *series, int n,
                         const PlotOptions *o)
{
    PlotFigure figure, *f = &figure;
    PlotBox box = { x, y, w, h };
    if (!plot_figure(f, c, box, o))
        return;
    n = series ? plot_larger(n, 0) : 0;
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < n; i++)
        plot_extend(series[i].y, series[i].count, f->options.log_y, &low, &high);
    int any = low <= high;
    if (!any)
        low = 0, high = 1;
    plot_title(f);
    plot_legend(f, series, n);
    plot_axis_labels(f);
    double size = plot_tick_size(f);
    plot_take(&f->area, 'b', size * 1.6);
    PlotAxis y_axis = plot_y_axis(&f->options, low, high, (int)plot_between(f->area.h / (size * 3.2), 2, 8));
    plot_take(&f->area, 'l', plot_widest_tick(&y_axis, size) + f->unit * 0.5);
    PlotAxis x_axis = plot_x_axis(f, series, n);
    plot_take(&f->area, 'r', plot_widest_tick(&x_axis, size) / 2);
    if (f->area.w < 4 || f->area.h < 4)
        return;
    plot_draw_x_axis(f, &x_axis);
    plot_draw_y_axis(f, &y_axis);
    plot_draw_axis_lines(f, f->area.y + f->area.h - 1);
    PlotPen pen = { f->unit, 1, 0.5, 0, PLOT_SOFT };
    if (!any)
        plot_label(f, f->area.x + f->area.w / 2.0, f->area.y + f->area.h / 2.0, pen, "no values", f->area.w);
    int rim = plot_whole(f->unit * 0.2);   /* strokes and dots on the edge of the area keep their full width */
    PlotBox inside = { f->area.x - rim, f->area.y - rim, f->area.w + 2 * rim, f->area.h + 2 * rim };
    PlotTrace trace = { plot_clip_box(c, inside), 0, 0, f->unit * 0.13, 0, 0 };
    trace.clip = plot_clip_inside(&trace.clip, &f->clip);
    for (int i = 0; i < n; i++) {          /* bands first, so that none hides a line */
        trace.rgb = plot_mix(plot_colour(i), PLOT_PAPER, 0.68);
        if (plot_is_dense(&series[i], &f->area))
            plot_trace_series(&trace, &series[i], &f->area, &x_axis, &y_axis);
    }
    for (int i = 0; i < n; i++) {
        trace.rgb = plot_colour(i);
        if (plot_is_dense(&series[i], &f->area))
            plot_trace_mean(&trace, &series[i], &f->area, &x_axis, &y_axis);
        else
            plot_trace_series(&trace, &series[i], &f->area, &x_axis, &y_axis);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 7  Bar charts
 *
 * The length of a bar is what the eye compares, so bars start at zero, upwards and downwards; on a logarithmic axis,
 * which has no zero, they start at the decade below the smallest. Each carries its number, if all numbers have room.
 * ------------------------------------------------------------------------------------------------------------- */

/* How numbers that stand side by side are written: with the same decimals, three digits of the largest. */
typedef struct { int decimals, power; } PlotStyle;

static PlotStyle plot_style(const double *values, size_t count)
{
    double most = 0;
    int whole = 1;
    for (size_t i = 0; values && i < count; i++)
        if (isfinite(values[i])) {
            most = fmax(most, fabs(values[i]));
            whole = whole && values[i] == floor(values[i]);
        }
    PlotStyle style = { 0, most >= 1e6 || (most > 0 && most < 1e-3) };
    if (!whole && !style.power)
        style.decimals = (int)plot_between(2 - floor(log10(most)), 0, 5);
    if (style.power)
        style.decimals = 2;
    if (most >= 0.1 && most <= 1)
        style.decimals = whole ? 0 : 2;    /* shares: 0.91, as in most tables */
    return style;
}

static void plot_value_text(char text[PLOT_NUMBER], double value, PlotStyle style)
{
    if (isnan(value))
        snprintf(text, PLOT_NUMBER, "n/a");
    else if (isinf(value))
        snprintf(text, PLOT_NUMBER, value > 0 ? "inf" : "-inf");
    else if (style.power)
        plot_print_power(text, style.decimals, value);
    else
        plot_print(text, style.decimals, value, "");
}

static double plot_widest_label(const char *const *labels, int n, double size)
{
    double widest = 0;
    for (int i = 0; labels && i < n; i++)
        widest = fmax(widest, plot_text_width(size, labels[i]));
    return widest;
}

/* Labels below n columns of the area: side by side if they fit, else turned. Returns the space needed below. */
typedef struct { double size, limit, space; int turned; } PlotColumnLabels;

static PlotColumnLabels plot_column_labels(const PlotFigure *f, const char *const *labels, int n)
{
    PlotColumnLabels layout = { f->unit * 0.95, 0, 0, 0 };
    double widest = plot_widest_label(labels, n, layout.size), slot = (double)f->area.w / plot_larger(n, 1);
    layout.limit = slot - layout.size * 0.5;
    layout.space = labels ? layout.size * 1.7 : layout.size * 0.5;
    if (widest > layout.limit) {
        layout.turned = 1;
        layout.limit = fmin(widest, f->area.h * 0.4);
        layout.space = layout.limit + layout.size * 0.9;
    }
    return layout;
}

static void plot_draw_column_labels(const PlotFigure *f, PlotColumnLabels layout, const char *const *labels, int n)
{
    double slot = (double)f->area.w / plot_larger(n, 1), below = f->area.y + f->area.h;
    if (!labels || (layout.turned && slot < layout.size))
        return;
    PlotPen pen = { layout.size, 1, layout.turned ? 1 : 0.5, layout.turned, PLOT_INK };
    for (int i = 0; i < n; i++) {
        double middle = f->area.x + (i + 0.5) * slot;
        if (layout.turned)
            plot_label(f, middle + layout.size * 0.36, below + layout.size * 0.45, pen, labels[i], layout.limit);
        else
            plot_label(f, middle, below + layout.size * 1.3, pen, labels[i], layout.limit);
    }
}

/* One bar from the baseline to its value, and the value beyond its end. */
static void plot_draw_bar(const PlotFigure *f, const PlotAxis *axis, int i, int n, double value, const char *text,
                          int baseline)
{
    double slot = (double)f->area.w / n, size = f->unit * 0.85;
    int left = plot_whole(f->area.x + (i + 0.16) * slot), right = plot_whole(f->area.x + (i + 0.84) * slot);
    int end = isnan(plot_place(axis, value)) ? baseline : plot_pixel_y(&f->area, axis, value);
    int top = end < baseline ? end : baseline, bottom = end < baseline ? baseline : end;
    plot_fill(&f->clip, left, top, plot_larger(right - left, 1), bottom - top, plot_palette[0]);
    PlotPen pen = { size, 1, 0.5, 0, PLOT_INK };
    if (text)
        plot_write(&f->clip, f->area.x + (i + 0.5) * slot, end <= baseline ? top - size * 0.35 : bottom + size * 1.05,
                   pen, text);
}

PLOT_API void plot_bars(PlotCanvas *c, int x, int y, int w, int h, const char *const *labels, const double *values,
                        int n, const PlotOptions *o)
{
    PlotFigure figure, *f = &figure;
    PlotBox box = { x, y, w, h };
    if (!plot_figure(f, c, box, o))
        return;
    n = values ? plot_larger(n, 0) : 0;
    int log_y = f->options.log_y;
    labels = f->small ? NULL : labels;
    double low = log_y ? INFINITY : 0, high = log_y ? -INFINITY : 0;     /* bars grow from zero */
    plot_extend(values, (size_t)n, log_y, &low, &high);
    if (log_y)
        low *= 0.9;                                                      /* the lowest bar has a height, too */
    if (low == 0 && high == 0)
        high = 1;
    plot_title(f);
    plot_axis_labels(f);
    double size = plot_tick_size(f);
    plot_take(&f->area, 't', size * 1.2);                                /* for the numbers above the bars */
    if (low < 0)
        plot_take(&f->area, 'b', size * 1.2);
    PlotAxis axis = plot_y_axis(&f->options, low, high, (int)plot_between(f->area.h / (size * 3.6), 2, 6));
    plot_take(&f->area, 'l', plot_widest_tick(&axis, size) + f->unit * 0.5);
    PlotColumnLabels layout = plot_column_labels(f, labels, n);
    plot_take(&f->area, 'b', layout.space);
    if (f->area.w < 4 || f->area.h < 4)
        return;
    int baseline = log_y ? f->area.y + f->area.h - 1 : plot_pixel_y(&f->area, &axis, 0);
    PlotStyle style = plot_style(values, (size_t)n);
    double widest = 0;
    char text[PLOT_NUMBER];
    for (int i = 0; i < n; i++) {
        plot_value_text(text, values[i], style);
        widest = fmax(widest, plot_text_width(f->unit * 0.85, text));
    }
    int numbers = widest + 2 <= (double)f->area.w / plot_larger(n, 1);
    plot_draw_y_axis(f, &axis);
    for (int i = 0; i < n; i++) {
        plot_value_text(text, values[i], style);
        plot_draw_bar(f, &axis, i, n, values[i], numbers ? text : NULL, baseline);
    }
    plot_draw_axis_lines(f, baseline);
    plot_draw_column_labels(f, layout, labels, n);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 8  Heat maps
 *
 * One hue from white to dark blue: lightness alone carries the value, so that the figure survives a grey print. The
 * number in a cell is dark on light cells and white on dark ones.
 * ------------------------------------------------------------------------------------------------------------- */

static unsigned plot_heat(double part)     /* 0 to 1 */
{
    static const unsigned stops[5] = { 0xf7f9fc, 0xcfe0f1, 0x8fbbdd, 0x3f83bd, 0x0c3c6e };
    double at = plot_between(part, 0, 1) * 4;
    int k = at < 4 ? (int)at : 3;
    return plot_mix(stops[k], stops[k + 1], at - k);
}

/* The edge of cell i of n, on whole pixels, so that neighbours neither overlap nor leave a gap. */
static int plot_edge(int start, int length, int i, int n)
{
    return start + (int)((long long)length * i / n);
}

static void plot_scale_bar(PlotFigure *f, const PlotAxis *axis)
{
    double size = plot_tick_size(f);
    PlotBox bar = { 0, f->area.y, plot_whole(f->unit * 0.9), f->area.h };
    bar.x = plot_whole(f->area.x + f->area.w - plot_widest_tick(axis, size) - f->unit * 0.5) - bar.w;
    for (int y = 0; y < bar.h; y++)
        plot_fill(&f->clip, bar.x, bar.y + y, bar.w, 1, plot_heat(1 - (double)y / plot_larger(bar.h - 1, 1)));
    char text[PLOT_NUMBER];
    double value;
    PlotPen pen = { size, 1, 0, 0, PLOT_SOFT };
    for (int k = 0; plot_tick(axis, k, &value, text); k++)
        plot_write(&f->clip, bar.x + bar.w + f->unit * 0.35, plot_pixel_y(&bar, axis, value) + size * 0.38, pen, text);
    plot_take(&f->area, 'r', f->area.x + f->area.w - bar.x + f->unit);
}

/* The largest size at which every number fits into a cell, 0 if that would be unreadable. */
static double plot_cell_size(const PlotFigure *f, const double *values, int rows, int columns, PlotStyle style)
{
    double cell_w = (double)f->area.w / columns, cell_h = (double)f->area.h / rows, widest = 0;
    char text[PLOT_NUMBER];
    for (size_t i = 0; i < (size_t)rows * (size_t)columns; i++) {
        plot_value_text(text, values[i], style);
        widest = fmax(widest, plot_text_width(1, text));
    }
    double size = fmin(f->unit, fmin(cell_w * 0.86 / widest, cell_h * 0.8));
    return size >= 9 ? size : 0;
}

static void plot_draw_cells(const PlotFigure *f, const double *values, int rows, int columns, const PlotAxis *axis)
{
    PlotStyle style = plot_style(values, (size_t)rows * (size_t)columns);
    double size = plot_cell_size(f, values, rows, columns, style);
    int line = f->area.w / columns > 12 && f->area.h / rows > 12;        /* a white line between large cells */
    char text[PLOT_NUMBER];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            double value = values[(size_t)i * (size_t)columns + (size_t)j], part = plot_place(axis, value);
            int left = plot_edge(f->area.x, f->area.w, j, columns), top = plot_edge(f->area.y, f->area.h, i, rows);
            int right = plot_edge(f->area.x, f->area.w, j + 1, columns);
            int bottom = plot_edge(f->area.y, f->area.h, i + 1, rows);
            plot_fill(&f->clip, left, top, right - left - line, bottom - top - line,
                      isnan(part) ? PLOT_EMPTY : plot_heat(part));
            PlotPen pen = { size, 1, 0.5, 0, part > 0.7 ? PLOT_PAPER : PLOT_INK };
            plot_value_text(text, value, style);
            plot_write(&f->clip, (left + right - line) / 2.0, (top + bottom - line) / 2.0 + size * 0.37, pen, text);
        }
}

PLOT_API void plot_heatmap(PlotCanvas *c, int x, int y, int w, int h, const char *const *row_labels,
                           const char *const *column_labels, const double *values, int rows, int columns,
                           const PlotOptions *o)
{
    PlotFigure figure, *f = &figure;
    PlotBox box = { x, y, w, h };
    if (!plot_figure(f, c, box, o))
        return;
    plot_title(f);
    if (!values || rows <= 0 || columns <= 0)
        return;
    row_labels = f->small ? NULL : row_labels;
    column_labels = f->small ? NULL : column_labels;
    double low = INFINITY, high = -INFINITY;
    plot_extend(values, (size_t)rows * (size_t)columns, f->options.log_y, &low, &high);
    low = low > 0 && !f->options.log_y ? 0 : low;                        /* counts and shares start at zero */
    if (!(low <= high))
        low = 0, high = 1;
    plot_axis_labels(f);
    double size = f->unit * 0.95, names = fmin(plot_widest_label(row_labels, rows, size), f->area.w * 0.35);
    plot_take(&f->area, 'l', names + f->unit * 0.6);
    PlotAxis axis = plot_y_axis(&f->options, low, high, (int)plot_between(f->area.h / (size * 3.6), 2, 6));
    PlotBox wide = f->area;
    plot_take(&wide, 'r', plot_widest_tick(&axis, plot_tick_size(f)) + f->unit * 2.4);
    PlotFigure narrower = *f;
    narrower.area = wide;
    PlotColumnLabels layout = plot_column_labels(&narrower, column_labels, columns);
    plot_take(&f->area, 'b', layout.space);
    if (wide.w > f->unit * 8 && f->area.h > f->unit * 6)
        plot_scale_bar(f, &axis);
    if (f->area.w < 4 || f->area.h < 4)
        return;
    plot_draw_cells(f, values, rows, columns, &axis);
    plot_draw_column_labels(f, layout, column_labels, columns);
    PlotPen pen = { size, 1, 1, 0, PLOT_INK };
    for (int i = 0; row_labels && i < rows && f->area.h / rows >= size; i++)
        plot_label(f, f->area.x - f->unit * 0.4,
                   (plot_edge(f->area.y, f->area.h, i, rows) + plot_edge(f->area.y, f->area.h, i + 1, rows)) / 2.0 +
                       size * 0.37, pen, row_labels[i], names + 1);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 9  Pictures
 *
 * Rows and columns are scaled independently. Along one axis, a new pixel is a weighted mean of a run of old ones:
 * one pixel of weight 1 (whole factors), two neighbours (bilinear), or all that it covers (area).
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    int first, last;                       /* old pixels */
    double first_weight, last_weight;      /* those between weigh 1 */
} PlotTaps;

static PlotTaps plot_taps(int i, int length, int old_length, int repeat)
{
    PlotTaps taps = { 0, 0, 1, 0 };
    if (repeat) {
        taps.first = taps.last = (int)((long long)i * old_length / length);
        return taps;
    }
    double scale = (double)old_length / length, from = i * scale, to = (i + 1) * scale;
    if (scale < 1) {                       /* growing: between the two pixels whose centres enclose ours */
        double centre = plot_between((from + to) / 2 - 0.5, 0, old_length - 1);
        taps.first = (int)centre;
        taps.last = taps.first + 1 < old_length ? taps.first + 1 : taps.first;
        taps.last_weight = taps.last > taps.first ? centre - taps.first : 0;
        taps.first_weight = 1 - taps.last_weight;
        return taps;
    }
    taps.first = (int)plot_between(from, 0, old_length - 1);
    taps.last = (int)plot_between(ceil(to) - 1, taps.first, old_length - 1);
    taps.first_weight = taps.last > taps.first ? taps.first + 1 - from : 1;
    taps.last_weight = taps.last > taps.first ? to - taps.last : 0;
    return taps;
}

static double plot_tap_weight(const PlotTaps *taps, int i)
{
    return i == taps->first ? taps->first_weight : i == taps->last ? taps->last_weight : 1;
}

static unsigned char plot_sample(const unsigned char *pixels, int pw, int stride, const PlotTaps *across,
                                 const PlotTaps *down)
{
    double sum = 0, weights = 0;
    for (int y = down->first; y <= down->last; y++)
        for (int x = across->first; x <= across->last; x++) {
            double weight = plot_tap_weight(down, y) * plot_tap_weight(across, x);
            sum += weight * pixels[((size_t)y * (size_t)pw + (size_t)x) * (size_t)stride];
            weights += weight;
        }
    return (unsigned char)(plot_between(sum / weights, 0, 255) + 0.5);
}

PLOT_API void plot_picture(PlotCanvas *c, int x, int y, int w, int h, const unsigned char *pixels, int pw, int ph,
                           int channels)
{
    PlotBox box = { x, y, w, h };
    PlotClip clip = plot_clip_box(c, box);
    if (w <= 0 || h <= 0 || pw <= 0 || ph <= 0 || !pixels || (channels != 1 && channels != 3) || plot_clip_empty(&clip))
        return;
    int repeat = w % pw == 0 && h % ph == 0;
    for (int j = clip.top; j < clip.bottom; j++) {
        PlotTaps down = plot_taps(j - y, h, ph, repeat);
        unsigned char *out = c->rgb + ((size_t)j * (size_t)c->width + (size_t)clip.left) * 3;
        for (int i = clip.left; i < clip.right; i++, out += 3) {
            PlotTaps across = plot_taps(i - x, w, pw, repeat);
            out[0] = plot_sample(pixels, pw, channels, &across, &down);
            out[1] = channels == 3 ? plot_sample(pixels + 1, pw, channels, &across, &down) : out[0];
            out[2] = channels == 3 ? plot_sample(pixels + 2, pw, channels, &across, &down) : out[0];
        }
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 10  Picture sheets
 *
 *                 neutral   happy    angry                 column labels, turned if a cell is too narrow for them
 *               +---------+--------+--------+
 *        input  |         |        |        |              row labels, right-aligned
 *               +---------+--------+--------+
 *         ours  |         |        |        |
 *               +---------+--------+--------+
 *        A caption in as many lines as it needs.
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    int cell_w, cell_h, gap, margin;
    int left, top, turned;                 /* space for labels; column labels turned */
    double size;                           /* of the text */
    long long width, height;
} PlotSheet;

/* Breaks a text into lines at spaces. Gives the start of the next line, NULL after the last; out gets this one. */
static const char *plot_next_line(const char *text, double size, double limit, char out[PLOT_LABEL])
{
    while (*text == ' ' || *text == '\n')
        text++;
    if (!*text)
        return NULL;
    size_t kept = 0;
    for (size_t end = 1; end < PLOT_LABEL; end++) {                      /* the longest run of words that fits */
        int word_ends = !text[end] || text[end] == ' ' || text[end] == '\n';
        memcpy(out, text, end);
        out[end] = 0;
        if (word_ends && kept && plot_text_width(size, out) > limit)
            break;
        if (word_ends)
            kept = end;
        if (!text[end] || (kept == end && text[end] == '\n'))
            break;
    }
    if (!kept)                             /* one word of absurd length */
        kept = PLOT_LABEL - 1;
    char line[PLOT_LABEL];
    memcpy(line, text, kept);
    line[kept] = 0;
    plot_fit(out, line, size, limit);
    return text + kept;
}

static PlotSheet plot_sheet(int cell_w, int cell_h, int rows, int columns, const char *const *row_labels,
                            const char *const *column_labels, const char *caption)
{
    PlotSheet s = { cell_w, cell_h, 0, 0, 0, 0, 0, 0, 0, 0 };
    s.size = plot_between((cell_w < cell_h ? cell_w : cell_h) / 8.0, 12, 26);
    s.gap = plot_larger(2, plot_whole(s.size / 5));
    s.margin = plot_larger(6, plot_whole(s.size * 0.7));
    const double longest = 24 * s.size;    /* labels beyond this are cut off */
    double names = fmin(plot_widest_label(row_labels, rows, s.size), longest);
    s.left = s.margin + (names > 0 ? (int)ceil(names + s.size * 0.6) : 0);
    double heads = fmin(plot_widest_label(column_labels, columns, s.size), longest);
    s.turned = heads > cell_w;
    s.top = s.margin + (heads > 0 ? (int)ceil(s.turned ? heads + s.size * 0.5 : s.size * 1.3) : 0);
    s.width = s.left + (long long)columns * (cell_w + s.gap) - s.gap + s.margin;
    s.height = s.top + (long long)rows * (cell_h + s.gap) - s.gap + s.margin;
    double narrowest = caption ? fmin(plot_text_width(s.size, caption), 20 * s.size) + 2 * s.margin : 0;
    if (s.width < narrowest)               /* a small sheet is widened, so that its caption is not a column of words */
        s.width = (long long)narrowest;
    char line[PLOT_LABEL];
    int lines = 0;
    for (const char *at = caption; at && s.width < PLOT_FARTHEST; lines += at != NULL)
        at = plot_next_line(at, s.size, (double)s.width - 2 * s.margin, line);
    s.height += lines ? (long long)(s.size * (0.3 + 1.45 * lines)) : 0;
    return s;
}

static void plot_draw_sheet_texts(const PlotClip *clip, const PlotSheet *s, int rows, int columns,
                                  const char *const *row_labels, const char *const *column_labels,
                                  const char *caption)
{
    char text[PLOT_LABEL];
    PlotPen row_pen = { s->size, 1, 1, 0, PLOT_INK };
    PlotPen column_pen = { s->size, 1, s->turned ? 0.0 : 0.5, s->turned, PLOT_INK };
    for (int i = 0; row_labels && i < rows; i++)
        plot_write(clip, s->left - s->size * 0.5, s->top + i * (s->cell_h + s->gap) + s->cell_h / 2.0 + s->size * 0.37,
                   row_pen, plot_fit(text, row_labels[i], s->size, s->left - s->margin));
    for (int j = 0; column_labels && j < columns; j++) {
        double middle = s->left + j * (s->cell_w + s->gap) + s->cell_w / 2.0, bottom = s->top - s->size * 0.4;
        plot_write(clip, s->turned ? middle + s->size * 0.36 : middle, bottom, column_pen,
                   plot_fit(text, column_labels[j], s->size, s->turned ? s->top - s->margin : s->cell_w));
    }
    double y = s->top + rows * (double)(s->cell_h + s->gap) - s->gap + s->size * 1.6;
    PlotPen pen = { s->size, 1, 0, 0, PLOT_SOFT };
    for (const char *at = caption; at; y += s->size * 1.45) {
        at = plot_next_line(at, s->size, (double)s->width - 2 * s->margin, text);
        if (at)
            plot_write(clip, s->margin, y, pen, text);
    }
}

PLOT_API void plot_shades(PlotCanvas *c, int x, int y, int w, int h, const double *values, int pw, int ph, double light,
                          double range)
{
    double low = INFINITY, high = -INFINITY;
    unsigned char *shades = pw > 0 && ph > 0 ? (unsigned char *)malloc((size_t)pw * (size_t)ph) : NULL;
    for (int i = 0; shades && i < pw * ph; i++) low = fmin(low, values[i]), high = fmax(high, values[i]);
    for (int i = 0; shades && i < pw * ph; i++)
        shades[i] = (unsigned char)(light - range * (values[i] - low) / fmax(high - low, 1e-9));
    if (shades) plot_picture(c, x, y, w, h, shades, pw, ph, 1);
    free(shades);
}

PLOT_API int plot_grid(const unsigned char *const *pictures, int pw, int ph, int channels, int rows, int columns,
                       int scale, const char *const *row_labels, const char *const *column_labels,
                       const char *caption, PlotCanvas *out)
{
    const int longest_side = 1 << 24;
    out->width = out->height = 0;
    out->rgb = NULL;
    if (!pictures || pw <= 0 || ph <= 0 || (channels != 1 && channels != 3) || rows <= 0 || columns <= 0)
        return 0;
    if (scale <= 0 || scale > longest_side / pw || scale > longest_side / ph || rows > longest_side ||
        columns > longest_side)
        return 0;
    PlotSheet s = plot_sheet(pw * scale, ph * scale, rows, columns, row_labels, column_labels, caption);
    if (s.width > longest_side || s.height > longest_side ||
        !plot_canvas((int)s.width, (int)s.height, PLOT_PAPER, out))
        return 0;
    PlotClip clip = plot_clip_all(out);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            int x = s.left + j * (s.cell_w + s.gap), y = s.top + i * (s.cell_h + s.gap);
            const unsigned char *picture = pictures[(size_t)i * (size_t)columns + (size_t)j];
            if (picture)
                plot_picture(out, x, y, s.cell_w, s.cell_h, picture, pw, ph, channels);
            else
                plot_fill(&clip, x, y, s.cell_w, s.cell_h, PLOT_EMPTY);
        }
    plot_draw_sheet_texts(&clip, &s, rows, columns, row_labels, column_labels, caption);
    return 1;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 10  The dial
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct { const char *text; double x, at; int right; } PlotName;    /* from x to one side, at height `at` */

static int plot_by_height(const void *a, const void *b)
{
    double x = ((const PlotName *)a)->at, y = ((const PlotName *)b)->at;
    return (x > y) - (x < y);
}

/* Moves the names of each side apart, top to bottom, then back up where that went below `bottom`. */
static void plot_spread_names(PlotName *names, int n, double line, double bottom)
{
    qsort(names, (size_t)n, sizeof *names, plot_by_height);
    for (int side = 0; side < 2; side++) {
        double lowest = -1e9, highest = bottom;
        for (int i = 0; i < n; i++)
            if (names[i].right == side) lowest = names[i].at = fmax(names[i].at, lowest + line);
        for (int i = n - 1; i >= 0; i--)
            if (names[i].right == side) names[i].at = fmin(names[i].at, highest), highest = names[i].at - line;
    }
}

static void plot_circle(PlotCanvas *c, double x, double y, double radius, unsigned rgb)
{
    enum { PARTS = 120 };
    for (int i = 0; i < PARTS; i++) {
        double t = PLOT_TURN * i / PARTS, u = PLOT_TURN * (i + 1) / PARTS;
        plot_line_segment(c, x + radius * cos(t), y - radius * sin(t), x + radius * cos(u), y - radius * sin(u), 1,
                          rgb);
    }
}

/* One standard deviation of a Gaussian: mean + L (cos t, sin t) where the covariance is L L^T. */
static void plot_ellipse(PlotCanvas *c, const PlotDial *d, const PlotPlace *place)
{
    enum { PARTS = 72 };
    const double *covariance = place->covariance;
    double l00 = sqrt(fmax(covariance[0], 0)), l10 = l00 > 0 ? covariance[1] / l00 : 0,
           l11 = sqrt(fmax(covariance[2] - l10 * l10, 0)), before[2] = {0, 0};
    for (int i = 0; i <= PARTS; i++) {
        double t = PLOT_TURN * i / PARTS, x = d->x + d->unit * (place->x + l00 * cos(t)),
               y = d->y - d->unit * (place->y + l10 * cos(t) + l11 * sin(t));
        int inside = fmax(fabs(x - d->x), fabs(y - d->y)) <= 1.02 * d->unit;    /* what leaves the square is left out */
        if (i && inside) plot_line_segment(c, before[0], before[1], x, y, 1, place->rgb);
        before[0] = x, before[1] = y;
    }
}

/* The place itself; returns where its name would like to stand. */
static PlotName plot_dial_place(PlotCanvas *c, const PlotDial *d, const PlotPlace *place, int faint, double text)
{
    double x = d->x + d->unit * place->x, y = d->y - d->unit * place->y;
    if (!d->round) plot_ellipse(c, d, place);
    else plot_line_segment(c, faint ? x - (x - d->x) * 0.04 : d->x, faint ? y - (y - d->y) * 0.04 : d->y, x, y, 2.5,
                           place->rgb);
    plot_disc(c, x, y, 4.5, place->rgb);
    int right = place->x >= 0;
    double reach = d->round ? 1.09 * place->x : right ? 1.12 : -1.12, lift = d->round ? 0.09 * d->unit * place->y : 0;
    PlotName name = { place->name, d->x + d->unit * reach, y + 0.35 * text - lift, right };
    return name;
}

PLOT_API void plot_dial(PlotCanvas *c, const PlotDial *d, int faint, double text)
{
    PlotName *names = d->n > 0 ? (PlotName *)malloc((size_t)d->n * sizeof *names) : NULL;
    if (d->round) plot_circle(c, d->x, d->y, d->unit, PLOT_AXIS);
    if (!names) return;
    for (int k = 0; k < d->n; k++) names[k] = plot_dial_place(c, d, &d->places[k], faint, text);
    plot_spread_names(names, d->n, 1.15 * text, d->y + 1.25 * d->unit);
    for (int i = 0; i < d->n; i++) {
        double middle = names[i].at - 0.35 * text, edge = names[i].right ? 1.02 : -1.02;
        if (!d->round) plot_line_segment(c, names[i].x, middle, d->x + edge * d->unit, middle, 1, PLOT_AXIS);
        plot_text(c, names[i].x, names[i].at, text, names[i].right ? 0 : 1, PLOT_INK, names[i].text);
    }
    free(names);
}

#endif /* PLOT_IMPLEMENTATION */
