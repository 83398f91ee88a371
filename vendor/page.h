/* page.h: writes one self-contained HTML page: text, tables, charts, pictures.
 *
 *     #define PAGE_IMPLEMENTATION       in exactly one C or C++ file, before the include
 *     #include "page.h"
 *
 *     Page *page = page_begin("Training report", "run 12");
 *     page_heading(page, "Losses");
 *     page_chart(page, "Loss", "iteration", "loss", series, 2, 0);
 *     char error[256];
 *     if (!page_save(page, "report.html", error))
 *         ...                           error says what went wrong and with which file
 *
 * page_space makes a page of another kind, for a space of pictures: a point is dragged and the face follows.
 *
 * Define PAGE_STATIC as well to keep every function private to that file. Only libc, libm and POSIX files are used.
 *
 * The page asks nothing of the network: style, script and pictures are inside the file, the typeface is the reader's
 * own. It follows the reader's light or dark setting, fits a phone and a wide screen, and prints. Without JavaScript
 * all text, charts and pictures are still there; the script only adds values under the pointer and the player.
 *
 * All text that is passed in is escaped. Every function accepts a NULL page and NULL texts. If memory runs out, the
 * page remembers it and page_save reports it, so that calls in between need no checks.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>
#include <stdio.h>

#ifdef PAGE_STATIC
#define PAGE_API static inline
#elif defined(__cplusplus)
#define PAGE_API extern "C"
#else
#define PAGE_API
#endif

typedef struct Page Page;

typedef struct {
    const char *name;
    const double *x, *y;                 /* x may be NULL: 0, 1, 2, ... NaN makes a gap, infinities are skipped */
    size_t count;
} PageSeries;

PAGE_API Page *page_begin(const char *title, const char *subtitle);
PAGE_API void page_heading(Page *p, const char *text);
PAGE_API void page_paragraph(Page *p, const char *text);        /* `such words` are set as code, here and in tables */
PAGE_API void page_pre(Page *p, const char *text);

/* cells are rows x columns, row by row. Without a header the first column holds the names of the rows. */
PAGE_API void page_table(Page *p, const char *const *header, int columns, const char *const *cells, int rows);

/* The handful of headline numbers, as cards. */
PAGE_API void page_facts(Page *p, const char *const *names, const char *const *values, int n);

/* A line chart. Series of more than 200 values are drawn as a faint line, thinned so that every spike stays, and a bold
 * moving mean. On a logarithmic axis, values that are not positive are gaps. */
PAGE_API void page_chart(Page *p, const char *title, const char *x_label, const char *y_label,
                         const PageSeries *series, int n, int log_y);

/* An encoded picture (PNG, JPEG, ...); small PNG pictures are enlarged with sharp pixels. */
PAGE_API void page_image(Page *p, const char *caption, const void *bytes, size_t size, const char *mime);

/* Pictures over time with a slider; labels say what each picture is, for example its iteration. */
PAGE_API void page_slider(Page *p, const char *caption, const char *const *labels, const void *const *bytes,
                          const size_t *sizes, int n, const char *mime);

/* A space that can be walked in: a point on a disc (polar) or on the square from -1 to 1, with named places, and beside
 * it the face that belongs to the point, blended from the four tiles around it, so that the page needs no program
 * behind it. A face's tiles are one picture, `columns` of them in a row, of `size` pixels each way. Polar, tile 0 is
 * the centre's and tile 1 + (ring - 1) spokes + spoke lies at radius ring/rings and angle 360 spoke/spokes; else tile i
 * is in row i/grid, from the top, of a square of grid x grid. The point starts at place 0. */
typedef struct {
    const char *name;
    const void *input, *tiles;           /* encoded pictures: the face to choose by, and the tiles */
    size_t input_size, tiles_size;
} PageFace;

typedef struct {
    const char *title, *intro, *space;   /* the page's title, what stands below it, what the space is called */
    const char *generator;               /* what drew it */
    int size, polar, rings, spokes, grid, columns;
    const char *const *names;            /* of the n places, */
    const double *at, *spread;           /* (n,2) x and y, (n,3) the covariance xx, xy, yy around it (not polar) */
    int n;
    const PageFace *faces;
    int n_faces;
    const char *mime;                    /* of the encoded pictures */
} PageSpace;

/* How many tiles a face has, and the point of tile i. */
PAGE_API int page_space_tiles(const PageSpace *space);
PAGE_API void page_space_point(const PageSpace *space, int i, double *x, double *y);

/* The whole page; nothing is added to it but page_save. */
PAGE_API Page *page_space(const PageSpace *space);

/* Writes to a temporary file beside `path` and renames it, so that `path` is never half a page. Frees p always. */
PAGE_API int page_save(Page *p, const char *path, char error[256]);

/* The same into a stream of yours, which is left open and flushed. */
PAGE_API int page_save_to(Page *p, FILE *to, char error[256]);

#endif /* PAGE_H */

#if defined(PAGE_IMPLEMENTATION) && !defined(PAGE_IMPLEMENTED)
#define PAGE_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------------------------
 * 1  Style and script
 *
 * The style sheet names its colours once, for light and for dark. A chart is an SVG that is stretched to the width of
 * the column, with strokes that keep their width; its numbers are HTML text placed in per cent, so that they keep
 * their size on a phone. Series are switched on and off by style rules alone, :has() of an unchecked box.
 * ------------------------------------------------------------------------------------------------------------- */

static const char page_style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--soft:#59636e;--line:#dfe3e8;--card:#f6f8fa;"
    "--c0:#275895;--c1:#d17111;--c2:#128c70;--c3:#99161f;--c4:#7c5bbd;--c5:#4f99ce;--c6:#805e3c;--c7:#c25f9d}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#15181d;--ink:#e4e8ed;--soft:#9ca6b2;--line:#2e353e;"
    "--card:#1d2229;--c0:#5caaeb;--c1:#ef9b38;--c2:#70e8c0;--c3:#ec6e7e;--c4:#a67dc5;--c5:#93cff6;--c6:#caa470;"
    "--c7:#f49fcd}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:1rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
    "-webkit-text-size-adjust:100%;text-size-adjust:100%}\n"
    "main{max-width:68rem;margin:0 auto;padding:clamp(1.25rem,4vw,3.5rem) clamp(1rem,4vw,2.5rem)}\n"
    "h1{font-size:clamp(1.6rem,1.2rem + 1.8vw,2.3rem);line-height:1.2;letter-spacing:-.015em;margin:0;"
    "overflow-wrap:anywhere}\n"
    "h2{font-size:1.3rem;line-height:1.3;letter-spacing:-.01em;margin:3rem 0 .9rem;padding-top:1.2rem;"
    "border-top:1px solid var(--line);overflow-wrap:anywhere}\n"
    "p{max-width:42rem;margin:.8rem 0;overflow-wrap:break-word}\n"
    ".sub{color:var(--soft);font-size:1.05rem;margin:.5rem 0 0}\n"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(9.5rem,100%),1fr));gap:.75rem;"
    "margin:1.6rem 0}\n"
    ".facts div{background:var(--card);border-radius:.6rem;padding:.85rem 1rem;min-width:0}\n"
    ".facts dt{color:var(--soft);font-size:.85rem;line-height:1.35}\n"
    ".facts dd{margin:.2rem 0 0;font-size:1.3rem;font-weight:600;line-height:1.25;letter-spacing:-.01em;"
    "font-variant-numeric:tabular-nums;overflow-wrap:anywhere}\n"
    ".scroll{overflow-x:auto;margin:1.2rem 0;max-width:100%}\n"
    "table{border-collapse:collapse;font-size:.94rem;font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:left;vertical-align:top;padding:.42rem 1.6rem .42rem 0;border-bottom:1px solid var(--line)}\n"
    "th:last-child,td:last-child{padding-right:.2rem}\n"
    "thead th{color:var(--soft);font-weight:600;font-size:.86rem;border-bottom-color:var(--soft);"
    "vertical-align:bottom;white-space:nowrap}\n"
    "tbody th{font-weight:400;color:var(--soft)}\n"
    ".n{text-align:right;white-space:nowrap}\n"
    "pre{background:var(--card);border-radius:.6rem;padding:.9rem 1rem;overflow-x:auto;font-size:.85rem;"
    "line-height:1.5;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;tab-size:4}\n"
    "code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.88em;white-space:nowrap}\n"
    "figure{margin:1.8rem 0}\n"
    "figcaption{color:var(--soft);font-size:.92rem;margin:.6rem 0 0;max-width:42rem}\n"
    ".chart figcaption{color:var(--ink);font-weight:600;font-size:1.02rem;margin:0 0 .35rem}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;font-size:.88rem;margin:0 0 .5rem}\n"
    ".legend label{display:inline-flex;align-items:center;gap:.45rem;cursor:pointer;padding:.2rem 0;min-width:0}\n"
    ".legend input{position:absolute;opacity:0;width:1px;height:1px}\n"
    ".legend i{flex:none;width:1.3rem;height:0;border-top:.2rem solid var(--c);border-radius:.1rem}\n"
    ".legend .dash i{border-top-style:dashed;border-radius:0}\n"
    ".legend label:has(input:not(:checked)){color:var(--soft);text-decoration:line-through}\n"
    ".legend label:has(input:not(:checked)) i{border-color:var(--line)}\n"
    ".legend label:has(:focus-visible){outline:2px solid var(--c0);outline-offset:2px;border-radius:.2rem}\n"
    ".ylabel{color:var(--soft);font-size:.8rem;line-height:1.2;margin:0 0 .75rem}\n"
    ".plot{position:relative;height:clamp(13rem,38vw,21rem);margin:0 .6rem 0 3.4rem;touch-action:pan-y;"
    "border-left:1px solid var(--soft);border-bottom:1px solid var(--soft);outline-offset:.3rem}\n"
    ".plot svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}\n"
    ".plot path{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round;"
    "vector-effect:non-scaling-stroke}\n"
    ".plot .grid{stroke:var(--line);stroke-width:1}\n"
    ".plot .raw{stroke-width:1.5;opacity:.25}\n"
    ".plot .dots{stroke-width:6.5}\n"
    ".plot .dash{stroke-dasharray:7 5}\n"
    ".plot .dots.dash{stroke-dasharray:none}\n"
    ".plot span{position:absolute;color:var(--soft);font-size:.78rem;line-height:1;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}\n"
    ".plot .y{right:calc(100% + .5rem);transform:translateY(50%)}\n"
    ".plot .x{top:calc(100% + .5rem);transform:translateX(-50%)}\n"
    ".xlabel{color:var(--soft);font-size:.8rem;text-align:center;line-height:1.2;margin:1.75rem .6rem 0 3.4rem;"
    "max-width:none}\n"
    ".note{color:var(--soft);font-size:.82rem;line-height:1.45;margin:.5rem 0 0}\n"
    ".empty{position:absolute;inset:0;display:grid;place-items:center;color:var(--soft);margin:0;max-width:none}\n"
    ".rule{position:absolute;top:0;bottom:0;width:1px;background:var(--soft);pointer-events:none}\n"
    ".dot{position:absolute;width:9px;height:9px;margin:-4.5px;border-radius:50%;background:var(--c);"
    "border:1.5px solid var(--paper);pointer-events:none}\n"
    ".tip{position:absolute;top:.3rem;z-index:1;max-width:70%;padding:.4rem .65rem;border-radius:.4rem;"
    "background:var(--paper);border:1px solid var(--line);box-shadow:0 2px 10px #0002;font-size:.82rem;"
    "line-height:1.45;font-variant-numeric:tabular-nums;pointer-events:none;overflow-wrap:anywhere}\n"
    ".tip div{display:flex;gap:.45rem;align-items:baseline}\n"
    ".tip i{flex:none;width:.6rem;height:.6rem;border-radius:50%;background:var(--c)}\n"
    ".tip b{margin-left:auto;padding-left:.8rem}\n"
    "img{display:block;height:auto;max-width:100%;border-radius:.2rem}\n"
    ".wide{max-width:max(100%,36rem)}\n"
    ".small{image-rendering:pixelated}\n"
    ".frames{display:flex;gap:1rem;overflow-x:auto;max-width:100%}\n"
    ".frame{margin:0;flex:none;max-width:100%}\n"
    ".frame[hidden]{display:none}\n"
    ".live .frames{display:block}\n"
    ".live .frame figcaption{display:none}\n"
    ".controls{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem .9rem;margin:.7rem 0 0;max-width:42rem}\n"
    ".controls[hidden]{display:none}\n"
    ".controls button{font:inherit;font-size:.9rem;min-width:5rem;padding:.4rem .9rem;border-radius:.4rem;"
    "border:1px solid var(--line);background:var(--card);color:inherit;cursor:pointer}\n"
    ".controls input{flex:1 1 10rem;min-width:0;height:2rem;margin:0;accent-color:var(--c0)}\n"
    ".controls output{flex:0 1 auto;min-width:6rem;font-size:.92rem;font-variant-numeric:tabular-nums;"
    "overflow-wrap:anywhere}\n"
    ":focus-visible{outline:2px solid var(--c0);outline-offset:2px}\n"
    "@media (max-width:40rem){.plot .m{display:none}table{font-size:.8rem;line-height:1.4}th,td{padding-right:.6rem}"
    ".facts dd{font-size:1.15rem}}\n"
    "@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#ccc;--card:#f4f4f4}"
    "body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}figure,tr,.facts div{break-inside:avoid}"
    ".controls,.tip,.rule,.dot{display:none}.scroll,.frames,pre{overflow:visible}pre{white-space:pre-wrap}"
    ".wide{max-width:100%}}\n";

static const char page_script[] =
    "'use strict';\n"
    "document.querySelectorAll('.plot[data-x0]').forEach(function (plot) {\n"
    "  var d = plot.dataset, x0 = +d.x0, x1 = +d.x1, y0 = +d.y0, y1 = +d.y1, log = d.log === '1';\n"
    "  var shown = [], at = null;\n"
    "  var figure = plot.closest('figure'), numbers = function (t) { return t ? t.split(' ').map(Number) : []; };\n"
    "  var lines = Array.from(plot.querySelectorAll('path[data-name]'), function (path) {\n"
    "    return { path: path, name: path.dataset.name, x: numbers(path.dataset.x), y: numbers(path.dataset.y) };\n"
    "  });\n"
    "  var add = function (tag, name, parent) {\n"
    "    var e = document.createElement(tag);\n"
    "    e.className = name; (parent || plot).appendChild(e); if (!parent) shown.push(e);\n"
    "    return e;\n"
    "  };\n"
    "  var text = function (v) {\n"
    "    var a = Math.abs(v);\n"
    "    if (a >= 1e6 && v !== Math.round(v) || a >= 1e9 || a && a < 1e-4) return v.toExponential(3);\n"
    "    return v === Math.round(v) ? String(v) : String(+v.toPrecision(4));\n"
    "  };\n"
    "  var nearest = function (xs, x) {\n"
    "    for (var best = 0, i = 1; i < xs.length; i++) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;\n"
    "    return best;\n"
    "  };\n"
    "  var visible = function () {\n"
    "    return lines.filter(function (l) { return l.x.length && getComputedStyle(l.path).display !== 'none'; });\n"
    "  };\n"
    "  var hide = function () { shown.forEach(function (e) { e.remove(); }); shown = []; at = null; };\n"
    "  var show = function (x) {\n"
    "    hide();\n"
    "    var list = visible();\n"
    "    if (!list.length) return;\n"
    "    at = list.map(function (l) { return l.x[nearest(l.x, x)]; })\n"
    "      .reduce(function (a, b) { return Math.abs(b - x) < Math.abs(a - x) ? b : a; });\n"
    "    var left = (at - x0) / (x1 - x0) * 100, tip;\n"
    "    add('div', 'rule').style.left = left + '%';\n"
    "    tip = add('div', 'tip');\n"
    "    tip.style[left < 50 ? 'left' : 'right'] = 'calc(' + (left < 50 ? left : 100 - left) + '% + 10px)';\n"
    "    add('div', '', tip).textContent = (d.xLabel ? d.xLabel + ' ' : '') + text(at);\n"
    "    list.forEach(function (l) {\n"
    "      var i = nearest(l.x, at), v = log ? Math.log10(l.y[i]) : l.y[i], s = ' s' + l.path.dataset.k, row, dot;\n"
    "      if (Math.abs(l.x[i] - at) > (x1 - x0) / 40) return;\n"
    "      row = add('div', s, tip);\n"
    "      add('i', '', row);\n"
    "      row.append(l.name);\n"
    "      add('b', '', row).textContent = text(l.y[i]);\n"
    "      dot = add('div', 'dot' + s);\n"
    "      dot.style.left = (l.x[i] - x0) / (x1 - x0) * 100 + '%';\n"
    "      dot.style.top = (y1 - v) / (y1 - y0) * 100 + '%';\n"
    "    });\n"
    "  };\n"
    "  var point = function (e) {\n"
    "    var box = plot.getBoundingClientRect();\n"
    "    show(x0 + Math.min(1, Math.max(0, (e.clientX - box.left) / box.width)) * (x1 - x0));\n"
    "  };\n"
    "  plot.addEventListener('pointermove', point);\n"
    "  plot.addEventListener('pointerdown', point);\n"
    "  plot.addEventListener('pointerleave', function (e) { if (e.pointerType === 'mouse') hide(); });\n"
    "  plot.addEventListener('blur', hide);\n"
    "  figure.addEventListener('change', hide);\n"
    "  plot.addEventListener('keydown', function (e) {\n"
    "    var step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0, list = visible(), xs;\n"
    "    if (e.key === 'Escape') hide();\n"
    "    if (!step || !list.length) return;\n"
    "    e.preventDefault();\n"
    "    xs = list[0].x;\n"
    "    if (at === null) show(xs[step > 0 ? 0 : xs.length - 1]);\n"
    "    else show(xs[Math.min(xs.length - 1, Math.max(0, nearest(xs, at) + step))]);\n"
    "  });\n"
    "});\n"
    "document.querySelectorAll('.slider').forEach(function (slider) {\n"
    "  var frames = Array.from(slider.querySelectorAll('.frame')), controls = slider.querySelector('.controls');\n"
    "  var range = controls.querySelector('input'), button = controls.querySelector('button'), timer = 0;\n"
    "  var output = controls.querySelector('output');\n"
    "  var show = function (i) {\n"
    "    var label = frames[i].querySelector('figcaption').textContent;\n"
    "    frames.forEach(function (frame, k) { frame.hidden = k !== i; });\n"
    "    range.value = i;\n"
    "    range.setAttribute('aria-valuetext', label);\n"
    "    output.textContent = label;\n"
    "  };\n"
    "  var stop = function () { clearInterval(timer); timer = 0; button.textContent = 'Play'; };\n"
    "  var move = function (by) {\n"
    "    stop();\n"
    "    show(Math.min(frames.length - 1, Math.max(0, +range.value + by)));\n"
    "  };\n"
    "  button.addEventListener('click', function () {\n"
    "    if (timer) return stop();\n"
    "    if (+range.value >= frames.length - 1) show(0);\n"
    "    button.textContent = 'Pause';\n"
    "    timer = setInterval(function () {\n"
    "      if (+range.value >= frames.length - 1) return stop();\n"
    "      show(+range.value + 1);\n"
    "    }, Math.min(500, Math.max(100, 12000 / frames.length)));\n"
    "  });\n"
    "  range.addEventListener('input', function () { stop(); show(+range.value); });\n"
    "  slider.addEventListener('keydown', function (e) {\n"
    "    var step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;\n"
    "    if (step && e.target !== range) { e.preventDefault(); move(step); }\n"
    "  });\n"
    "  slider.classList.add('live');\n"
    "  controls.hidden = false;\n"
    "  show(frames.length - 1);\n"
    "});\n";

/* ---------------------------------------------------------------------------------------------------------------
 * 2  The growing text
 *
 * A page is one buffer that doubles when it is full. What comes from the caller passes through page_text, which is the
 * only place that escapes; what page_raw and page_format write was written in this file. A failed allocation is noted
 * in the page and turns everything after it into nothing.
 * ------------------------------------------------------------------------------------------------------------- */

struct Page {
    char *text;
    size_t length, capacity;
    int failed;                          /* memory ran out, or a size could not be represented: stays set */
    int whole;                           /* page_space's: page_save adds nothing */
};

static void page_put(Page *p, const void *bytes, size_t size)
{
    if (!p || p->failed)
        return;
    if (size > SIZE_MAX / 4 || p->length > SIZE_MAX / 4) {
        p->failed = 1;
        return;
    }
    if (size > p->capacity - p->length) {
        size_t capacity = 2 * p->capacity > p->length + size ? 2 * p->capacity : p->length + size;
        char *text = (char *)realloc(p->text, capacity);
        if (!text) {
            p->failed = 1;
            return;
        }
        p->text = text;
        p->capacity = capacity;
    }
    if (size)
        memcpy(p->text + p->length, bytes, size);
    p->length += size;
}

static void page_raw(Page *p, const char *text)
{
    page_put(p, text, strlen(text));
}

/* Only for short pieces: integers, and words that this file wrote. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void page_format(Page *p, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    page_raw(p, text);
}

/* The length of the UTF-8 sequence at `s` (RFC 3629), 0 if it is not one. Reads no further than the first byte that
 * does not belong, thus never past the end of the string. */
static int page_sequence(const unsigned char *s)
{
    int length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    int overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    int surrogate = s[0] == 0xed && s[1] >= 0xa0, beyond = s[0] == 0xf4 && s[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

/* Text as HTML, in elements and in quoted attributes. What HTML cannot hold becomes U+FFFD. */
static void page_part(Page *p, const char *text, size_t most)
{
    const unsigned char *s = (const unsigned char *)text;
    for (const unsigned char *end = most ? s + most : s; s < end; ) {
        int length = page_sequence(s);
        int control = (*s < 32 && *s != '\t' && *s != '\n') || *s == 127 || (*s == 0xc2 && length && s[1] < 0xa0);
        if (!length || control)
            page_raw(p, "\xef\xbf\xbd");
        else if (*s == '&')
            page_raw(p, "&amp;");
        else if (*s == '<')
            page_raw(p, "&lt;");
        else if (*s == '>')
            page_raw(p, "&gt;");
        else if (*s == '"')
            page_raw(p, "&quot;");
        else if (*s == '\'')
            page_raw(p, "&#39;");
        else
            page_put(p, s, (size_t)length);
        s += length ? length : 1;
    }
}

static void page_text(Page *p, const char *text) { page_part(p, text, text ? strlen(text) : 0); }

/* The same, `what stands between marks like these` as code, which is not broken over lines. */
static void page_marked(Page *p, const char *text)
{
    const char *open, *close;
    for (text = text ? text : ""; (open = strchr(text, '`')) && (close = strchr(open + 1, '`')); text = close + 1) {
        page_part(p, text, (size_t)(open - text));
        page_raw(p, "<code>"), page_part(p, open + 1, (size_t)(close - open - 1)), page_raw(p, "</code>");
    }
    page_text(p, text);
}

static int page_has(const char *text)
{
    return text && *text;
}

/* <tag>text</tag>; tag may carry attributes */
static void page_element(Page *p, const char *tag, const char *text)
{
    page_format(p, "<%s>", tag);
    page_marked(p, text);
    page_format(p, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

/* Base64 (RFC 4648): three bytes become four letters of six bits each. */
static void page_base64(Page *p, const unsigned char *bytes, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)bytes[i] << 16;
        bits |= left > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes[i + 2] : 0;
        char four[4] = { letters[bits >> 18], letters[bits >> 12 & 63], letters[bits >> 6 & 63], letters[bits & 63] };
        if (left < 3)
            four[3] = '=';
        if (left < 2)
            four[2] = '=';
        page_put(p, four, 4);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  Text, tables, facts
 *
 * Each function appends one HTML element whose meaning a screen reader knows: headings, tables with header cells and
 * their scope, definition lists for the facts. A table wider than the screen scrolls in its own box.
 * ------------------------------------------------------------------------------------------------------------- */

PAGE_API Page *page_begin(const char *title, const char *subtitle)
{
    Page *p = (Page *)calloc(1, sizeof *p);
    if (!p)
        return NULL;
    page_raw(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n");          /* or the browser would ask its server for one */
    page_element(p, "title", page_has(title) ? title : "Report");
    page_raw(p, "<style>\n");
    page_raw(p, page_style);
    for (int k = 0; k < 16; k++) {
        page_format(p, ".s%d{--c:var(--c%d)}", k, k % 8);
        page_format(p, ".chart:has(.k%d:not(:checked)) path.s%d{display:none}\n", k, k);
    }
    page_raw(p, "</style>\n</head>\n<body>\n<main>\n<header>\n");
    page_element(p, "h1", page_has(title) ? title : "Report");
    if (page_has(subtitle))
        page_element(p, "p class=\"sub\"", subtitle);
    page_raw(p, "</header>\n");
    return p;
}

PAGE_API void page_heading(Page *p, const char *text)
{
    page_element(p, "h2", text);
}

PAGE_API void page_paragraph(Page *p, const char *text)
{
    page_element(p, "p", text);
}

PAGE_API void page_pre(Page *p, const char *text)
{
    page_raw(p, "<pre tabindex=\"0\">\n");                         /* HTML drops this newline, and no other */
    page_text(p, text);
    page_raw(p, "</pre>\n");
}

/* A cell of digits, perhaps with a sign, an exponent or a unit of at most two characters: 12, -0.5, 1.2e-4, 95 %. */
static int page_is_number(const char *text)
{
    size_t sign = strspn(text, "+-"), digits = strspn(text + sign, "0123456789.,eE+-");
    const char *unit = text + sign + digits + strspn(text + sign + digits, " ");
    return sign <= 1 && text[sign] >= '0' && text[sign] <= '9' && strlen(unit) <= 2;
}

/* Columns of numbers are aligned on the right; empty cells and dashes do not decide. */
static int page_column_is_numeric(const char *const *cells, int columns, int rows, int column)
{
    int numbers = 0;
    for (int i = 0; i < rows; i++) {
        const char *cell = cells[(size_t)i * (size_t)columns + (size_t)column];
        if (!page_has(cell) || strcmp(cell, "-") == 0 || strcmp(cell, "n/a") == 0)
            continue;
        if (!page_is_number(cell))
            return 0;
        numbers++;
    }
    return numbers > 0;
}

PAGE_API void page_table(Page *p, const char *const *header, int columns, const char *const *cells, int rows)
{
    if (!p || p->failed || columns <= 0 || (rows > 0 && !cells))
        return;
    unsigned char *right = (unsigned char *)calloc((size_t)columns, 1);  /* columns that are aligned on the right */
    p->failed = !right;
    for (int j = 0; right && j < columns && (header || columns > 2); j++)
        right[j] = page_column_is_numeric(cells, columns, rows, j) != 0;
    page_raw(p, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>\n");
    if (header) {
        page_raw(p, "<thead><tr>");
        for (int j = 0; right && j < columns; j++)
            page_element(p, right[j] ? "th scope=\"col\" class=\"n\"" : "th scope=\"col\"", header[j]);
        page_raw(p, "</tr></thead>\n");
    }
    page_raw(p, "<tbody>\n");
    for (int i = 0; right && i < rows; i++) {
        page_raw(p, "<tr>");
        for (int j = 0; j < columns; j++)
            page_element(p, j == 0 && !header ? "th scope=\"row\"" : right[j] ? "td class=\"n\"" : "td",
                         cells[(size_t)i * (size_t)columns + (size_t)j]);
        page_raw(p, "</tr>\n");
    }
    page_raw(p, "</tbody>\n</table></div>\n");
    free(right);
}

PAGE_API void page_facts(Page *p, const char *const *names, const char *const *values, int n)
{
    if (n <= 0 || !names || !values)
        return;
    page_raw(p, "<dl class=\"facts\">\n");
    for (int i = 0; i < n; i++) {
        page_raw(p, "<div>");
        page_element(p, "dt", names[i]);
        page_element(p, "dd", values[i]);
        page_raw(p, "</div>\n");
    }
    page_raw(p, "</dl>\n");
}

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Charts
 *
 * A series of 100,000 values is thinned before it is written. The faint line keeps the lowest and the highest value
 * of each bucket, so that no spike is lost; the bold line is a moving mean, which shows where the noise goes.
 *
 *      values    .:':.'::..:'.  ->  2 x 360 points, faint     The SVG has 10000 x 10000 units; a path is written in
 *      mean      ------.______  ->      240 points, bold      differences ("l12-7 13 4"), which are short numbers.
 *
 * The bold line's values also stand in data-x and data-y, where the script finds them for the pointer.
 * ------------------------------------------------------------------------------------------------------------- */

#define PAGE_UNITS 10000.0
#define PAGE_PLAIN 200                   /* a series up to this is drawn as it is */
#define PAGE_BUCKETS 360
#define PAGE_MEANS 240

typedef struct { double x, y; } PagePoint;                         /* y is NaN at a gap */
typedef struct { PagePoint *points; size_t count; } PagePoints;
typedef struct { double low, high, first, step; int logarithmic; } PageAxis;

static double page_between(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* A number with so many significant digits; the decimal point is a point in every locale. */
static void page_number(char text[32], double value, int digits)
{
    snprintf(text, 32, "%.*g", digits, value);
    for (char *at = text; *at; at++)
        if (*at == ',')
            *at = '.';
}

/* Reads a series into points: gaps for NaN and for what has no logarithm, nothing for infinities. */
static int page_read_series(const PageSeries *s, int log_y, PagePoints *out)
{
    size_t count = s->y ? s->count : 0;
    out->count = 0;
    out->points = NULL;
    if (count > SIZE_MAX / sizeof *out->points / 2)
        return 0;
    out->points = (PagePoint *)malloc((count + 1) * sizeof *out->points);
    if (!out->points)
        return 0;
    for (size_t i = 0; i < count; i++) {
        double x = s->x ? s->x[i] : (double)i, y = s->y[i];
        if (isinf(x) || isinf(y))
            continue;
        if (isnan(x) || (log_y && !(y > 0)))
            y = NAN;
        y = page_between(y, log_y ? 1e-300 : -1e300, 1e300);             /* so that no difference overflows */
        PagePoint point = { page_between(x, -1e300, 1e300), log_y ? log10(y) : y };
        out->points[out->count++] = point;
    }
    return 1;
}

/* The lowest and the highest point of each bucket, in order; buckets without a value are gaps. */
static size_t page_extremes(const PagePoints *all, PagePoint out[2 * PAGE_BUCKETS])
{
    size_t kept = 0;
    for (size_t b = 0; b < PAGE_BUCKETS; b++) {
        size_t from = (size_t)((double)all->count * (double)b / PAGE_BUCKETS);
        size_t to = (size_t)((double)all->count * (double)(b + 1) / PAGE_BUCKETS);
        size_t low = SIZE_MAX, high = SIZE_MAX;
        for (size_t i = from; i < to && i < all->count; i++) {
            if (isnan(all->points[i].y))
                continue;
            low = low == SIZE_MAX || all->points[i].y < all->points[low].y ? i : low;
            high = high == SIZE_MAX || all->points[i].y > all->points[high].y ? i : high;
        }
        PagePoint gap = { 0, NAN };
        out[kept++] = low == SIZE_MAX ? gap : all->points[low < high ? low : high];
        if (low != high)
            out[kept++] = all->points[low < high ? high : low];
    }
    return kept;
}

/* The mean around point i, over neighbours up to `reach` away that no gap separates from it. */
static double page_mean(const PagePoints *all, size_t i, size_t reach)
{
    double sum = all->points[i].y, count = 1;
    for (size_t k = 1; k <= reach && k <= i && !isnan(all->points[i - k].y); k++, count++)
        sum += all->points[i - k].y;
    for (size_t k = 1; k <= reach && k < all->count - i && !isnan(all->points[i + k].y); k++, count++)
        sum += all->points[i + k].y;
    return page_between(sum / count, -1e300, 1e300);
}

static size_t page_means(const PagePoints *all, PagePoint out[2 * PAGE_MEANS])
{
    size_t reach = all->count / 50 > 3 ? all->count / 50 : 3, previous = 0, kept = 0;
    for (size_t k = 0; k < PAGE_MEANS; k++) {
        size_t i = (size_t)((double)(all->count - 1) * k / (PAGE_MEANS - 1));
        int gap = 0;
        for (size_t j = previous; j < i; j++)
            gap |= isnan(all->points[j].y);
        PagePoint none = { 0, NAN };
        if (gap && kept)
            out[kept++] = none;
        PagePoint mean = { all->points[i].x, page_mean(all, i, reach) };
        if (!isnan(all->points[i].y))
            out[kept++] = mean;
        previous = i;
    }
    return kept;
}

/* Round tick values: 1, 2 or 5 times a power of ten. */
static PageAxis page_axis(double low, double high, int wanted, int logarithmic, int round)
{
    PageAxis axis = { low, high, 0, 1, logarithmic };
    if (!(low <= high))
        axis.low = 0, axis.high = 1;
    double most = fmax(fabs(axis.low), fabs(axis.high));
    if (axis.high - axis.low < fmax(most * 1e-9, 1e-290)) {
        double room = logarithmic ? 0.5 : most > 1e-280 ? most * 0.1 : 1;
        axis.low -= room;
        axis.high += room;
    }
    double rough = (axis.high - axis.low) / wanted, power = pow(10, floor(log10(rough))), part = rough / power;
    axis.step = power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
    if (logarithmic && axis.step < 1)
        axis.step = 1;
    if (round || (logarithmic && axis.high - axis.low < 1)) {
        double unit = logarithmic ? 1 : axis.step;
        axis.low = floor(axis.low / unit + 1e-9) * unit;
        axis.high = ceil(axis.high / unit - 1e-9) * unit;
    }
    axis.first = ceil(axis.low / axis.step - 1e-9) * axis.step;
    double last = ceil(axis.high / axis.step - 1e-9) * axis.step;      /* 19,999 ends at a tick of 20,000 */
    if (last - axis.high < 0.02 * (axis.high - axis.low))
        axis.high = last;
    return axis;
}

static double page_place(const PageAxis *axis, double value)
{
    return (value - axis->low) / (axis->high - axis->low);
}

/* 20000 as 20k, 1e-05 as 1e-5: short enough for the margin of a phone. */
static void page_tick_text(char text[32], double value, const PageAxis *axis)
{
    double most = fmax(fabs(axis->low), fabs(axis->high));
    int power = axis->logarithmic ? 0 : (int)floor(log10(fmax(fabs(value), axis->step)) + 1e-9);
    int digits = axis->logarithmic ? 1 : (int)page_between(power - floor(log10(axis->step) + 1e-9) + 1, 1, 12);
    const char *unit = "";
    if (axis->logarithmic)
        value = pow(10, value);
    else if (fabs(value) < axis->step * 1e-6)
        value = 0;
    else if (most >= 1e4 && most < 1e9) {
        unit = most >= 1e6 ? "M" : "k";
        value /= most >= 1e6 ? 1e6 : 1e3;
    }
    page_number(text, value, digits);
    char *e = strchr(text, 'e');
    if (e) {
        int exponent = atoi(e + 1);
        if (exponent >= 0 && exponent < 5)
            snprintf(text, 32, "%.0f", value);
        else
            snprintf(e, (size_t)(text + 32 - e), "e%d", exponent);
    }
    size_t length = strlen(text);
    snprintf(text + length, 32 - length, "%s", unit);
}

static void page_draw_axes(Page *p, const PageAxis *x, const PageAxis *y)
{
    page_raw(p, "<svg viewBox=\"0 0 10000 10000\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                "<path class=\"grid\" d=\"");
    for (int k = 0; k < 100 && y->first + k * y->step <= y->high + y->step * 1e-6; k++)
        page_format(p, "M0 %.0fh10000", (1 - page_place(y, y->first + k * y->step)) * PAGE_UNITS);
    for (int k = 0; k < 100 && x->first + k * x->step <= x->high + x->step * 1e-6; k++)
        page_format(p, "M%.0f 0v10000", page_place(x, x->first + k * x->step) * PAGE_UNITS);
    page_raw(p, "\"/>\n");
}

static void page_draw_numbers(Page *p, const PageAxis *x, const PageAxis *y)
{
    char text[32];
    for (int k = 0; k < 100 && y->first + k * y->step <= y->high + y->step * 1e-6; k++) {
        double at = y->first + k * y->step;
        page_tick_text(text, at, y);
        int thousandths = (int)(page_place(y, at) * 1000 + 0.5);
        page_format(p, "<span class=\"y\" style=\"bottom:%d.%d%%\">%s</span>", thousandths / 10, thousandths % 10,
                    text);
    }
    for (int k = 0; k < 100 && x->first + k * x->step <= x->high + x->step * 1e-6; k++) {
        double at = x->first + k * x->step;
        page_tick_text(text, at, x);
        int thousandths = (int)(page_between(page_place(x, at), 0, 1) * 1000 + 0.5);
        page_format(p, "<span class=\"%s\" style=\"left:%d.%d%%\">%s</span>", k % 2 ? "x m" : "x", thousandths / 10,
                    thousandths % 10, text);
    }
    page_raw(p, "\n");
}

static long page_unit(double part)
{
    return lround(page_between(part, -10, 11) * PAGE_UNITS);
}

/* A path through the points, broken at gaps. */
static void page_path(Page *p, const PagePoint *points, size_t count, const PageAxis *x, const PageAxis *y)
{
    long last_x = 0, last_y = 0;
    int drawing = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(points[i].y)) {
            drawing = 0;
            continue;
        }
        long px = page_unit(page_place(x, points[i].x)), py = page_unit(1 - page_place(y, points[i].y));
        if (!drawing)
            page_format(p, "M%ld %ld", px, py);
        else
            page_format(p, "%s%ld%s%ld", drawing == 1 ? "l" : px < last_x ? "" : " ", px - last_x,
                        py < last_y ? "" : " ", py - last_y);
        drawing = drawing ? 2 : 1;
        last_x = px;
        last_y = py;
    }
}

/* Dots for values that have no line to either side, or for all values of a short series. */
static void page_dots(Page *p, const PagePoint *points, size_t count, int all, const PageAxis *x, const PageAxis *y)
{
    for (size_t i = 0; i < count; i++) {
        int alone = (i == 0 || isnan(points[i - 1].y)) && (i + 1 == count || isnan(points[i + 1].y));
        if (!isnan(points[i].y) && (all || alone))
            page_format(p, "M%ld %ldh0", page_unit(page_place(x, points[i].x)),
                        page_unit(1 - page_place(y, points[i].y)));
    }
}

static void page_values(Page *p, const char *name, const PagePoint *points, size_t count, int vertical, int log_y)
{
    char text[32];
    page_format(p, " data-%s=\"", name);
    int any = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(points[i].y))
            continue;
        double value = !vertical ? points[i].x : log_y ? pow(10, points[i].y) : points[i].y;
        page_number(text, value, vertical ? 5 : 9);
        page_format(p, any++ ? " %s" : "%s", text);
    }
    page_raw(p, "\"");
}

/* One series as up to three paths: faint values, bold line, dots. */
static void page_draw_series(Page *p, const PagePoints *all, const char *name, int k, const PageAxis *x,
                             const PageAxis *y)
{
    PagePoint means[2 * PAGE_MEANS], extremes[2 * PAGE_BUCKETS];
    const PagePoint *line = all->points;
    size_t count = all->count;
    const char *dash = k % 16 >= 8 ? " dash" : "";
    if (all->count > PAGE_PLAIN) {
        size_t kept = page_extremes(all, extremes);
        page_format(p, "<path class=\"raw s%d\" d=\"", k % 16);
        page_path(p, extremes, kept, x, y);
        page_raw(p, "\"/>\n");
        line = means;
        count = page_means(all, means);
    }
    page_format(p, "<path class=\"line s%d%s\" data-k=\"%d\" data-name=\"", k % 16, dash, k % 16);
    page_text(p, name);
    page_raw(p, "\"");
    page_values(p, "x", line, count, 0, y->logarithmic);
    page_values(p, "y", line, count, 1, y->logarithmic);
    page_raw(p, " d=\"");
    page_path(p, line, count, x, y);
    page_format(p, "\"/>\n<path class=\"dots s%d%s\" d=\"", k % 16, dash);
    page_dots(p, line, count, all->count <= 24, x, y);
    page_raw(p, "\"/>\n");
}

static void page_draw_legend(Page *p, const PageSeries *series, int n)
{
    page_raw(p, "<div class=\"legend\">\n");
    for (int k = 0; k < n; k++) {
        page_format(p, "<label class=\"s%d%s\">", k % 16, k % 16 >= 8 ? " dash" : "");
        if (k < 16)                      /* the style sheet has a rule for each of the first sixteen */
            page_format(p, "<input type=\"checkbox\" class=\"k%d\" checked>", k);
        page_raw(p, "<i></i>");
        page_text(p, series[k].name);
        page_raw(p, "</label>\n");
    }
    page_raw(p, "</div>\n");
}

/* What a screen reader says for the chart. */
static void page_draw_summary(Page *p, const char *title, const PageSeries *series, const PagePoints *all, int n,
                              int log_y)
{
    page_raw(p, " aria-label=\"Line chart: ");
    page_text(p, title);
    for (int k = 0; k < n; k++) {
        char text[3][32];
        double low = INFINITY, high = -INFINITY, last = NAN;
        for (size_t i = 0; i < all[k].count; i++)
            if (!isnan(all[k].points[i].y)) {
                last = all[k].points[i].y;
                low = last < low ? last : low;
                high = last > high ? last : high;
            }
        if (isnan(last))
            continue;
        page_number(text[0], log_y ? pow(10, low) : low, 4);
        page_number(text[1], log_y ? pow(10, high) : high, 4);
        page_number(text[2], log_y ? pow(10, last) : last, 4);
        page_raw(p, ". ");
        page_text(p, series[k].name);
        page_format(p, " from %s to %s, last %s", text[0], text[1], text[2]);
    }
    page_raw(p, ".\"");
}

/* The ranges of all points: low and high of x, then of y. */
static void page_ranges(const PagePoints *all, int n, double range[4])
{
    range[0] = range[2] = INFINITY;
    range[1] = range[3] = -INFINITY;
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < all[k].count; i++) {
            PagePoint point = all[k].points[i];
            if (isnan(point.y))
                continue;
            range[0] = point.x < range[0] ? point.x : range[0];
            range[1] = point.x > range[1] ? point.x : range[1];
            range[2] = point.y < range[2] ? point.y : range[2];
            range[3] = point.y > range[3] ? point.y : range[3];
        }
}

static void page_draw_plot(Page *p, const char *title, const char *x_label, const PageSeries *series,
                           const PagePoints *all, int n, int log_y)
{
    double range[4];
    page_ranges(all, n, range);
    int any = range[0] <= range[1];
    PageAxis x = page_axis(range[0], range[1], 8, 0, 0), y = page_axis(range[2], range[3], 5, log_y, 1);
    page_raw(p, "<div class=\"plot\" tabindex=\"0\" role=\"img\"");
    page_draw_summary(p, title, series, all, n, log_y);
    const double ends[4] = { x.low, x.high, y.low, y.high };
    const char *const names[4] = { "x0", "x1", "y0", "y1" };
    for (int k = 0; any && k < 4; k++) {
        char text[32];
        page_number(text, ends[k], 12);
        page_format(p, " data-%s=\"%s\"", names[k], text);
    }
    page_format(p, " data-log=\"%d\" data-x-label=\"", log_y != 0);
    page_text(p, x_label);
    page_raw(p, "\">\n");
    page_draw_axes(p, &x, &y);
    for (int k = 0; any && k < n; k++)
        if (all[k].count)
            page_draw_series(p, &all[k], series[k].name, k, &x, &y);
    page_raw(p, "</svg>\n");
    if (any)
        page_draw_numbers(p, &x, &y);
    else
        page_element(p, "p class=\"empty\"", "No values");
    page_raw(p, "</div>\n");
}

PAGE_API void page_chart(Page *p, const char *title, const char *x_label, const char *y_label,
                         const PageSeries *series, int n, int log_y)
{
    if (!p || p->failed)
        return;
    n = series && n > 0 ? n : 0;
    PagePoints *all = (PagePoints *)calloc((size_t)n + 1, sizeof *all);
    int read = 0, smoothed = 0;
    while (all && read < n && page_read_series(&series[read], log_y, &all[read]))
        smoothed |= all[read++].count > PAGE_PLAIN;
    if (!all || read < n) {
        p->failed = 1;
    } else {
        page_raw(p, "<figure class=\"chart\">\n");
        page_element(p, "figcaption", title);
        if (n > 1 || (n == 1 && page_has(series[0].name)))
            page_draw_legend(p, series, n);
        if (page_has(y_label))
            page_element(p, "p class=\"ylabel\"", y_label);
        page_draw_plot(p, title, x_label, series, all, n, log_y);
        page_element(p, "p class=\"xlabel\"", x_label);
        if (smoothed)
            page_element(p, "p class=\"note\"", log_y ?
                         "Bold: moving geometric mean over 4 % of the series. Faint: the values." :
                         "Bold: moving mean over 4 % of the series. Faint: the values.");
        page_raw(p, "</figure>\n");
    }
    for (int k = 0; all && k < read; k++)
        free(all[k].points);
    free(all);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 5  Pictures
 *
 * A picture becomes a data: URI (RFC 2397), Base64 inside the src attribute. Its width and height are written as
 * attributes where they are known, so that the page does not jump while it loads: a PNG file has them at a fixed
 * place, after the signature and the header of the IHDR chunk.
 *
 *      0        8         12      16       20        24
 *      | \x89PNG\r\n\x1a\n | length | "IHDR" | width  | height  | ...        big-endian
 * ------------------------------------------------------------------------------------------------------------- */

static void page_png_size(const unsigned char *bytes, size_t size, unsigned *width, unsigned *height)
{
    *width = *height = 0;
    if (size < 24 || memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) != 0 || memcmp(bytes + 12, "IHDR", 4) != 0)
        return;
    *width = (unsigned)bytes[16] << 24 | (unsigned)bytes[17] << 16 | (unsigned)bytes[18] << 8 | bytes[19];
    *height = (unsigned)bytes[20] << 24 | (unsigned)bytes[21] << 16 | (unsigned)bytes[22] << 8 | bytes[23];
    if (*width > 1000000 || *height > 1000000)
        *width = *height = 0;
}

static void page_mime(Page *p, const char *mime)
{
    size_t letters = strspn(mime ? mime : "", "abcdefghijklmnopqrstuvwxyz0123456789/+.-");
    page_raw(p, letters && !mime[letters] ? mime : "application/octet-stream");
}

/* <img>; pictures below 256 pixels are enlarged by the largest whole factor that keeps them below 400. */
static void page_img(Page *p, const char *alternative, const void *bytes, size_t size, const char *mime)
{
    unsigned width, height;
    const unsigned char *data = (const unsigned char *)bytes;
    page_png_size(data, data ? size : 0, &width, &height);
    unsigned larger = width > height ? width : height, factor = larger && larger < 256 ? 400 / larger : 1;
    page_raw(p, "<img alt=\"");
    page_text(p, alternative);
    page_raw(p, "\"");
    if (width && height)
        page_format(p, " width=\"%u\" height=\"%u\"", width * factor, height * factor);
    if (larger)                          /* sheets that a phone would make unreadable scroll in their box instead */
        page_raw(p, larger < 256 ? " class=\"small\"" : width > 700 ? " class=\"wide\"" : "");
    page_raw(p, " src=\"data:");
    page_mime(p, mime);
    page_raw(p, ";base64,");
    page_base64(p, data, data ? size : 0);
    page_raw(p, "\">");
}

/* Opens the box in which wide pictures scroll; it can be reached by keyboard, so it needs a name. */
static void page_frames(Page *p, const char *name)
{
    page_raw(p, "<div class=\"frames\" tabindex=\"0\" role=\"region\" aria-label=\"");
    page_text(p, name);
    page_raw(p, "\">\n");
}

PAGE_API void page_image(Page *p, const char *caption, const void *bytes, size_t size, const char *mime)
{
    page_raw(p, "<figure>");
    page_frames(p, page_has(caption) ? caption : "Picture");
    page_img(p, caption, bytes, size, mime);
    page_raw(p, "</div>\n");
    if (page_has(caption))
        page_element(p, "figcaption", caption);
    page_raw(p, "</figure>\n");
}

PAGE_API void page_slider(Page *p, const char *caption, const char *const *labels, const void *const *bytes,
                          const size_t *sizes, int n, const char *mime)
{
    if (n <= 0 || !bytes || !sizes)
        return;
    page_raw(p, "<figure class=\"slider\">");
    page_frames(p, page_has(caption) ? caption : "Pictures");
    for (int i = 0; i < n; i++) {
        char number[32];
        snprintf(number, sizeof number, "%d of %d", i + 1, n);
        const char *label = labels && page_has(labels[i]) ? labels[i] : number;
        page_raw(p, "<figure class=\"frame\">");
        page_img(p, label, bytes[i], sizes[i], mime);
        page_element(p, "figcaption", label);
        page_raw(p, "</figure>\n");
    }
    page_format(p, "</div>\n<div class=\"controls\" hidden><button type=\"button\">Play</button>"
                   "<input type=\"range\" min=\"0\" max=\"%d\" value=\"%d\" step=\"1\" aria-label=\"", n - 1, n - 1);
    page_text(p, page_has(caption) ? caption : "Picture");
    page_raw(p, "\"><output></output></div>\n");
    if (page_has(caption))
        page_element(p, "figcaption", caption);
    page_raw(p, "</figure>\n");
}

/* ---------------------------------------------------------------------------------------------------------------
 * 6  A space to walk in
 *
 * One template. What stands in {{ }} is one of the texts given or, once, the data: an object of JavaScript.
 * ------------------------------------------------------------------------------------------------------------- */

static const char page_space_template[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<meta name=\"generator\" content=\"{{generator}}\">\n"
    "<link rel=\"icon\" href=\"data:,\"><title>{{title}}</title>\n"
    "<style>\n"
    ":root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --soft: #59636e;\n"
    "    --line: #d3d9df; --card: #f6f8fa; --mark: #275895 }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "    :root { --paper: #15181d; --ink: #e4e8ed; --soft: #9ca6b2; --line: #39424d; --card: #1d2229; "
            "--mark: #5caaeb }\n"
    "}\n"
    "* { box-sizing: border-box }\n"
    "body { margin: 0; background: var(--paper); color: var(--ink);\n"
    "    font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif }\n"
    "main { max-width: 62rem; margin: 0 auto; padding: clamp(1rem, 4vw, 2.5rem) }\n"
    "h1 { font-size: clamp(1.4rem, 1.1rem + 1.6vw, 2rem); line-height: 1.2; margin: 0 }\n"
    "p { color: var(--soft); margin: .5rem 0 1.2rem; max-width: 40rem }\n"
    ".two { display: grid; grid-template-columns: 4fr 5fr; gap: clamp(1rem, 4vw, 2.5rem); align-items: center }\n"
    "@media (max-width: 42rem) {\n"
    "    .two { grid-template-columns: 1fr; gap: .6rem }\n"
    "    .face { width: 15rem; max-width: 100%; margin: 0 auto }\n"
    "}\n"
    "#face { display: block; width: 100%; aspect-ratio: 1; border-radius: .8rem; background: var(--card) }\n"
    "#disc { display: block; width: 100%; touch-action: none; cursor: crosshair; overflow: visible;\n"
    "    user-select: none; -webkit-user-select: none }\n"
    "#disc text { font-size: .115px; fill: var(--ink); cursor: pointer }\n"
    "#disc:focus { outline: none }\n"
    "#disc:focus-visible #knob { stroke: var(--ink); stroke-width: .03 }\n"
    "#area { fill: var(--card); stroke: var(--line); stroke-width: .01 }\n"
    "#knob { fill: var(--mark); stroke: var(--paper); stroke-width: .02; cursor: grab }\n"
    ".ring { fill: none; stroke: var(--line); stroke-width: .006 }\n"
    ".ray { stroke-width: .016; stroke-linecap: round }\n"
    ".spread { fill: none; stroke-width: .01; opacity: .8 }\n"
    ".lead { stroke: var(--line); stroke-width: .006 }\n"
    ".row { display: flex; flex-wrap: wrap; gap: .5rem; margin: .9rem 0; align-items: center }\n"
    "button, a.button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line);\n"
    "    border-radius: .5rem; padding: .45rem .8rem; min-height: 2.6rem; cursor: pointer; text-decoration: none }\n"
    "button:focus-visible, a:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px }\n"
    "#faces button { padding: 0; width: 4rem; height: 4rem; overflow: hidden }\n"
    "#faces img { width: 100%; height: 100%; display: block; object-fit: cover }\n"
    "#faces button[aria-pressed=true] { border-color: var(--mark); box-shadow: 0 0 0 2px var(--mark) }\n"
    "#where { color: var(--soft); font-variant-numeric: tabular-nums; margin: .6rem 0; min-height: 1.5em;\n"
    "    text-align: center }\n"
    "</style></head><body><main><h1>{{title}}</h1>\n"
    "<p>{{intro}}</p>\n"
    "<noscript><p>This page needs JavaScript to blend the faces.</p></noscript>\n"
    "<div id=\"faces\" class=\"row\" role=\"group\" aria-label=\"Faces\"></div>\n"
    "<div class=\"two\">\n"
    "<div class=\"face\"><canvas id=\"face\" role=\"img\" aria-label=\"The face at this point\"></canvas>\n"
    "<div id=\"where\" aria-live=\"polite\"></div></div>\n"
    "<svg id=\"disc\" viewBox=\"-1.62 -1.25 3.24 2.5\" tabindex=\"0\" role=\"application\"\n"
    "    aria-label=\"{{space}}: arrow keys move the point\"></svg></div>\n"
    "<div class=\"row\"><button id=\"centre\"></button><button id=\"tour\">Play</button>\n"
    "<a class=\"button\" id=\"save\" href=\"#\" download=\"face.png\">Download the picture</a></div>\n"
    "</main><script>\n"
    "\"use strict\";\n"
    "const G = {{data}};\n"
    "const $ = id => document.getElementById(id), svg = $('disc'), out = $('face'), pen = out.getContext('2d');\n"
    "const other = document.createElement('canvas'), otherPen = other.getContext('2d');\n"
    "const COLOURS = ['#275895', '#d17111', '#128c70', '#99161f', '#7c5bbd', '#4f99ce', '#805e3c', '#c25f9d'];\n"
    "out.width = out.height = other.width = other.height = G.size;\n"
    "let sheet = null, x = 0, y = 0, frame = 0, playing = 0;\n"
    "const sheets = [];\n"
    "\n"
    "function shape(kind, attributes, text) {\n"
    "    const node = document.createElementNS('http://www.w3.org/2000/svg', kind);\n"
    "    for (const name in attributes) node.setAttribute(name, attributes[name]);\n"
    "    if (text) node.textContent = text;\n"
    "    svg.append(node);\n"
    "    return node;\n"
    "}\n"
    "\n"
    "function inside(a, b) {\n"
    "    const r = Math.hypot(a, b), cut = v => Math.max(-1, Math.min(1, v));\n"
    "    if (!G.polar) return [cut(a), cut(b)];\n"
    "    return r > 1 ? [a / r, b / r] : [a, b];\n"
    "}\n"
    "\n"
    "/* The four tiles around the point, two of the nearer ring or row and two of the farther, and the two shares. */\n"
    "function around() {\n"
    "    if (G.polar) {\n"
    "        const r = Math.min(1, Math.hypot(x, y)) * G.rings, ring = Math.min(G.rings - 1, Math.floor(r));\n"
    "        const turn = (Math.atan2(y, x) / (2 * Math.PI) + 1) % 1 * G.spokes;\n"
    "        const low = Math.floor(turn) % G.spokes, high = (low + 1) % G.spokes;\n"
    "        const tile = (k, spoke) => k ? 1 + (k - 1) * G.spokes + spoke : 0;\n"
    "        return [tile(ring, low), tile(ring, high), tile(ring + 1, low), tile(ring + 1, high),\n"
    "            turn - Math.floor(turn), r - ring];\n"
    "    }\n"
    "    const u = (x + 1) / 2 * (G.grid - 1), v = (1 - y) / 2 * (G.grid - 1);\n"
    "    const i = Math.min(G.grid - 2, Math.floor(u)), j = Math.min(G.grid - 2, Math.floor(v)), at = j * G.grid + i;\n"
    "    return [at, at + 1, at + G.grid, at + G.grid + 1, u - i, v - j];\n"
    "}\n"
    "\n"
    "function put(to, tile, alpha) {\n"
    "    to.globalAlpha = alpha;\n"
    "    to.drawImage(sheet, tile % G.columns * G.size, Math.floor(tile / G.columns) * G.size, G.size, G.size,\n"
    "        0, 0, G.size, G.size);\n"
    "}\n"
    "\n"
    "function nearest() {\n"
    "    const far = G.at.map(p => Math.hypot(p[0] - x, p[1] - y));\n"
    "    return G.names[far.indexOf(Math.min(...far))];\n"
    "}\n"
    "\n"
    "function describe() {\n"
    "    const r = Math.hypot(x, y), angle = Math.round((Math.atan2(y, x) * 180 / Math.PI + 360) % 360);\n"
    "    if (!G.polar) return `x ${x.toFixed(2)}, y ${y.toFixed(2)}, nearest ${nearest()}`;\n"
    "    return `strength ${r.toFixed(2)}, ` + (r < .2 ? G.names[0] : `angle ${angle}\\u00b0, nearest ${nearest()}`);\n"
    "}\n"
    "\n"
    "function draw() {\n"
    "    knob.setAttribute('cx', x);\n"
    "    knob.setAttribute('cy', -y);\n"
    "    $('where').textContent = describe();\n"
    "    if (!sheet || !sheet.complete || !sheet.naturalWidth) return;\n"
    "    const [a, b, c, d, along, across] = around();\n"
    "    put(pen, a, 1), put(pen, b, along), put(otherPen, c, 1), put(otherPen, d, along);\n"
    "    pen.globalAlpha = across;\n"
    "    pen.drawImage(other, 0, 0);\n"
    "}\n"
    "\n"
    "function moveTo(a, b) { [x, y] = inside(a, b); draw(); }\n"
    "\n"
    "function glide(a, b, milliseconds) {\n"
    "    cancelAnimationFrame(frame);\n"
    "    [a, b] = inside(a, b);\n"
    "    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return moveTo(a, b);\n"
    "    const fromX = x, fromY = y, start = performance.now();\n"
    "    const step = now => {\n"
    "        const t = Math.min(1, Math.max(0, now - start) / milliseconds), e = t * t * (3 - 2 * t);\n"
    "        moveTo(fromX + (a - fromX) * e, fromY + (b - fromY) * e);\n"
    "        if (t < 1) frame = requestAnimationFrame(step);\n"
    "    };\n"
    "    frame = requestAnimationFrame(step);\n"
    "}\n"
    "\n"
    "function stop() {\n"
    "    clearInterval(playing);\n"
    "    cancelAnimationFrame(frame);\n"
    "    playing = 0;\n"
    "    $('tour').textContent = 'Play';\n"
    "}\n"
    "\n"
    "function choose(k) {\n"
    "    [...$('faces').children].forEach((button, i) => button.setAttribute('aria-pressed', i === k));\n"
    "    if (!sheets[k]) {\n"
    "        sheets[k] = new Image();\n"
    "        sheets[k].onload = draw;\n"
    "        sheets[k].src = G.faces[k].tiles;\n"
    "    }\n"
    "    sheet = sheets[k];\n"
    "    draw();\n"
    "}\n"
    "\n"
    "/* One standard deviation: mean + L (cos t, sin t), where L L' is the covariance. */\n"
    "function ellipse(at, [xx, xy, yy]) {\n"
    "    const a = Math.sqrt(Math.max(xx, 0)), b = a ? xy / a : 0, c = Math.sqrt(Math.max(yy - b * b, 0));\n"
    "    let path = '';\n"
    "    for (let i = 0; i <= 60; i++) {\n"
    "        const t = i * Math.PI / 30, px = at[0] + a * Math.cos(t), "
             "py = at[1] + b * Math.cos(t) + c * Math.sin(t);\n"
    "        path += (i ? 'L' : 'M') + px.toFixed(3) + ' ' + (-py).toFixed(3);\n"
    "    }\n"
    "    return path;\n"
    "}\n"
    "\n"
    "/* Names of a side are moved apart, from the top down, and back up where that went too far. */\n"
    "function spread(labels) {\n"
    "    let low = -9, high = 1.2;\n"
    "    labels.sort((a, b) => a.y - b.y);\n"
    "    for (const label of labels) low = label.y = Math.max(label.y, low + .13);\n"
    "    for (const label of labels.reverse()) label.y = Math.min(label.y, high), high = label.y - .13;\n"
    "}\n"
    "\n"
    "function drawSpace() {\n"
    "    if (G.polar) {\n"
    "        shape('circle', {id: 'area', r: 1});\n"
    "        for (let k = 1; k < G.rings; k++) shape('circle', {class: 'ring', r: k / G.rings});\n"
    "    } else {\n"
    "        shape('clipPath', {id: 'edge'}).append(shape('rect', {x: -1, y: -1, width: 2, height: 2}));\n"
    "        shape('rect', {id: 'area', x: -1, y: -1, width: 2, height: 2, rx: .03});\n"
    "    }\n"
    "    const labels = [];\n"
    "    G.at.forEach((at, k) => {\n"
    "        const stroke = COLOURS[k % 8], right = at[0] >= 0, side = right ? 1 : -1;\n"
    "        if (G.polar && k === 0) return;\n"
    "        if (G.polar) shape('line', {class: 'ray', x1: 0, y1: 0, x2: at[0], y2: -at[1], stroke});\n"
    "        else shape('path', {class: 'spread', d: ellipse(at, G.spread[k]), stroke, 'clip-path': 'url(#edge)'});\n"
    "        shape('circle', {cx: at[0], cy: -at[1], r: .028, fill: stroke});\n"
    "        labels.push({k, at, right, x: G.polar ? 1.07 * at[0] + .02 * side : 1.06 * side,\n"
    "            y: (G.polar ? -1.1 : -1) * at[1] + .04});\n"
    "    });\n"
    "    spread(labels.filter(label => label.right)), spread(labels.filter(label => !label.right));\n"
    "    for (const {k, at, right, x, y} of labels) {\n"
    "        if (!G.polar) shape('line', {class: 'lead', x1: at[0], y1: -at[1], "
                                         "x2: right ? 1.04 : -1.04, y2: y - .04});\n"
    "        const text = shape('text', {x, y, 'text-anchor': right ? 'start' : 'end'}, G.names[k]);\n"
    "        text.addEventListener('pointerdown', event => { event.stopPropagation(); stop(); glide(...at, 500); });\n"
    "    }\n"
    "}\n"
    "\n"
    "function follow(event) {\n"
    "    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());\n"
    "    moveTo(point.x, -point.y);\n"
    "}\n"
    "\n"
    "drawSpace();\n"
    "const knob = shape('circle', {id: 'knob', r: .07});\n"
    "svg.addEventListener('pointerdown', event => { "
         "svg.setPointerCapture(event.pointerId); stop(); follow(event); });\n"
    "svg.addEventListener('pointermove', event => { if (svg.hasPointerCapture(event.pointerId)) follow(event); });\n"
    "svg.addEventListener('keydown', event => {\n"
    "    const s = event.shiftKey ? .2 : .04;\n"
    "    const step = {ArrowLeft: [-s, 0], ArrowRight: [s, 0], ArrowUp: [0, s], ArrowDown: [0, -s]}[event.key];\n"
    "    if (!step && event.key !== 'Home') return;\n"
    "    event.preventDefault();\n"
    "    stop();\n"
    "    if (step) moveTo(x + step[0], y + step[1]);\n"
    "    else glide(...G.at[0], 300);\n"
    "});\n"
    "$('centre').textContent = G.names[0];\n"
    "$('centre').onclick = () => { stop(); glide(...G.at[0], 400); };\n"
    "$('tour').onclick = () => {\n"
    "    if (playing) return stop();\n"
    "    let k = 0;\n"
    "    const next = () => { k = (k + 1) % G.at.length; glide(...G.at[k], 900); };\n"
    "    next();\n"
    "    playing = setInterval(next, 1200);\n"
    "    $('tour').textContent = 'Pause';\n"
    "};\n"
    "$('save').onclick = () => {\n"
    "    $('save').href = out.toDataURL('image/png');\n"
    "    $('save').download = 'face-' + nearest() + '.png';\n"
    "};\n"
    "G.faces.forEach((face, k) => {\n"
    "    const button = document.createElement('button'), picture = document.createElement('img');\n"
    "    picture.src = face.input;\n"
    "    picture.alt = button.title = face.name;\n"
    "    button.append(picture);\n"
    "    button.onclick = () => choose(k);\n"
    "    $('faces').append(button);\n"
    "});\n"
    "[x, y] = G.at[0];\n"
    "choose(0);\n"
    "</script></body></html>\n";

/* A JavaScript string. Nothing in it can end the string or the script element. */
static void page_quoted(Page *p, const char *text)
{
    page_raw(p, "\"");
    for (; text && *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 32 || strchr("\"\\<>&'", c) || c == 127) page_format(p, "\\u%04x", c);
        else page_put(p, text, 1);
    }
    page_raw(p, "\"");
}

/* A picture as a JavaScript string that an <img> takes for its source. */
static void page_data(Page *p, const char *mime, const void *bytes, size_t size)
{
    page_raw(p, "\"data:");
    page_mime(p, mime);
    page_raw(p, ";base64,");
    page_base64(p, (const unsigned char *)bytes, bytes ? size : 0);
    page_raw(p, "\"");
}

/* What a script can read whatever the number is. */
static double page_coordinate(double value)
{
    return value > -1e6 && value < 1e6 ? value : 0;
}

/* The template's data. */
static void page_space_data(Page *p, const PageSpace *s)
{
    page_format(p, "{\nsize:%d,polar:%s,rings:%d,spokes:%d,grid:%d,columns:%d,names:[", s->size,
                s->polar ? "true" : "false", s->rings, s->spokes, s->grid, s->columns);
    for (int k = 0; k < s->n; k++) page_quoted(p, s->names[k]), page_raw(p, ",");
    page_raw(p, "],at:[");
    for (int k = 0; k < s->n; k++)
        page_format(p, "[%.4f,%.4f],", page_coordinate(s->at[2 * k]), page_coordinate(s->at[2 * k + 1]));
    page_raw(p, "],spread:[");
    for (int k = 0; k < s->n; k++)
        page_format(p, "[%.5f,%.5f,%.5f],", page_coordinate(s->spread[3 * k]), page_coordinate(s->spread[3 * k + 1]),
                    page_coordinate(s->spread[3 * k + 2]));
    page_raw(p, "],faces:[\n");
    for (int i = 0; i < s->n_faces; i++) {
        page_raw(p, "{name:"), page_quoted(p, s->faces[i].name);
        page_raw(p, ",input:"), page_data(p, s->mime, s->faces[i].input, s->faces[i].input_size);
        page_raw(p, ",tiles:"), page_data(p, s->mime, s->faces[i].tiles, s->faces[i].tiles_size);
        page_raw(p, "},\n");
    }
    page_raw(p, "]}");
}

PAGE_API int page_space_tiles(const PageSpace *s)
{
    return s->polar ? 1 + s->rings * s->spokes : s->grid * s->grid;
}

PAGE_API void page_space_point(const PageSpace *s, int i, double *x, double *y)
{
    if (s->polar) {
        double radius = i ? (double)((i - 1) / s->spokes + 1) / s->rings : 0;
        double angle = i ? 6.283185307179586 * ((i - 1) % s->spokes) / s->spokes : 0;
        *x = radius * cos(angle), *y = radius * sin(angle);
    } else {
        *x = 2.0 * (i % s->grid) / (s->grid - 1) - 1;
        *y = 1 - 2.0 * (i / s->grid) / (s->grid - 1);
    }
}

PAGE_API Page *page_space(const PageSpace *s)
{
    Page *p = (Page *)calloc(1, sizeof *p);
    const char *at = page_space_template, *mark;
    if (!p) return NULL;
    p->whole = 1;
    for (; (mark = strstr(at, "{{")) != NULL; at = strstr(mark, "}}") + 2) {
        page_put(p, at, (size_t)(mark - at));
        if (mark[2] == 'd') page_space_data(p, s);
        else page_text(p, mark[2] == 't' ? s->title : mark[2] == 'i' ? s->intro : mark[2] == 's' ? s->space
                                                                                                 : s->generator);
    }
    page_raw(p, at);
    return p;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 7  Saving
 *
 * rename() is atomic within a file system (POSIX): a reader of `path` sees the old page or the new one, and a full disk
 * costs only the temporary file. fsync comes first, so that after a power cut the name does not point at an empty file.
 * ------------------------------------------------------------------------------------------------------------- */

static int page_write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        size_t part = length < ((size_t)1 << 30) ? length : (size_t)1 << 30;
        ssize_t written = write(file, text, part);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return 0;
        text += written;
        length -= (size_t)written;
    }
    return 1;
}

/* Writes, syncs and renames; on failure removes the temporary file and leaves errno. */
static int page_write_file(const char *path, const char *temporary, const char *text, size_t length)
{
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0)
        return 0;
    int ok = page_write_all(file, text, length) && fsync(file) == 0, why = errno;
    if (close(file) != 0 && ok) {
        ok = 0;
        why = errno;
    }
    if (ok && rename(temporary, path) != 0) {
        ok = 0;
        why = errno;
    }
    if (!ok)
        unlink(temporary);
    errno = why;
    return ok;
}

static void page_finish(Page *p)
{
    if (!p || p->whole) return;
    page_raw(p, "</main>\n<script>\n");
    page_raw(p, page_script);
    page_raw(p, "</script>\n</body>\n</html>\n");
}

PAGE_API int page_save_to(Page *p, FILE *to, char error[256])
{
    page_finish(p);
    int ok = p && !p->failed;
    if (!ok) snprintf(error, 256, "not enough memory for the page");
    errno = 0;
    if (ok && (fwrite(p->text, 1, p->length, to) != p->length || fflush(to) != 0)) {
        ok = 0;
        snprintf(error, 256, "cannot write the page: %s", errno ? strerror(errno) : "short write");
    }
    if (p) free(p->text);
    free(p);
    return ok;
}

PAGE_API int page_save(Page *p, const char *path, char error[256])
{
    page_finish(p);
    size_t room = path ? strlen(path) + 32 : 0;
    char *temporary = path ? (char *)malloc(room) : NULL;
    int ok = 0;
    if (!path || !*path) {
        snprintf(error, 256, "no path was given for the page");
    } else if (!p || p->failed || !temporary) {
        snprintf(error, 256, "%.180s: not enough memory for the page", path);
    } else {
        snprintf(temporary, room, "%s.tmp-%ld", path, (long)getpid());
        ok = page_write_file(path, temporary, p->text, p->length);
        if (!ok)
            snprintf(error, 256, "%.180s: cannot write the page: %s", path, strerror(errno));
    }
    free(temporary);
    if (p)
        free(p->text);
    free(p);
    return ok;
}

#endif /* PAGE_IMPLEMENTATION */
