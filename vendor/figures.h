/* figures.h: what plot.h draws, as pictures, in films and on page.h's pages, as scope.h has it: each function gives up
 * where it fails, and what it makes belongs to the innermost scope.
 *
 *     #define FIGURES_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "figures.h"              which includes owned.h, plot.h and page.h; their IMPLEMENTATIONs stand in the
 *                                       same file
 *     PlotCanvas canvas = new_canvas(400, 300);
 *     plot_disc(&canvas, 200, 150, 40, 0x275895);
 *     Page *page = page_begin("A disc", "");
 *     page_canvas(page, "It is blue.", canvas, NULL);
 *     save_page(page, "disc.html");
 *
 * Define FIGURES_STATIC as well to keep every function private to that file. C11 (or GNU C) and POSIX; the declarations
 * are C++17, too.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include "owned.h"
#include "page.h"
#include "plot.h"

#ifdef FIGURES_STATIC
#define FIGURES_API static inline
#elif defined(__cplusplus)
#define FIGURES_API extern "C"
#else
#define FIGURES_API
#endif

/* ---- canvases ---- */

FIGURES_API PlotCanvas new_canvas(int width, int height);               /* white */
FIGURES_API Image image_of(const PlotCanvas *canvas);
FIGURES_API void save_canvas(const char *path, PlotCanvas canvas, const ImageText *says);

/* Pictures of one size in rows and columns. */
typedef struct Grid {
    const unsigned char *pictures;              /* all of them, one behind the other; or */
    const unsigned char *const *cells;          /* each by itself, NULL where there is none */
    int side, channels, rows, columns, scale;   /* scale: 0 twice as large where they are small */
    const char *const *row_names, *const *column_names;
} Grid;
FIGURES_API int figure_scale(int side);         /* that */
FIGURES_API PlotCanvas draw_grid(const Grid *g);

/* A bar for each of n names. */
FIGURES_API PlotCanvas draw_bars(const char *title, const char *of, const char *const *names, const double *values,
                                 int n);

/* Pictures with two lines of words below each, black and red; without pixels there are only the words. */
typedef struct Captioned { Image picture; const char *words[2]; } Captioned;
FIGURES_API PlotCanvas draw_captioned(const Captioned *items, int n, int columns, int side);

/* ---- sheets: squares side by side, without margins ---- */

/* Its squares, one behind the other, row by row; NULL: it holds no whole one. */
FIGURES_API unsigned char *sheet_cells(const Image *sheet, int size, int *rows, int *columns);

/* ---- as files and on pages; says: what a PNG file says of itself, or NULL ---- */

FIGURES_API unsigned char *own_png(PlotCanvas canvas, const ImageText *says, size_t *size);
FIGURES_API void save_film(const char *path, const Image *frames, int n, int delay_ms);         /* an animated GIF */

FIGURES_API void page_canvas(Page *page, const char *caption, PlotCanvas canvas, const ImageText *says);
FIGURES_API void show_table(Page *page, const Table *t);                /* under a heading, its title */

/* A chart of every column whose name begins with `prefix` and that holds a number, over the first column. */
FIGURES_API void page_columns(Page *page, const TableNumbers *numbers, const char *title, const char *prefix,
                              const char *y_label);
FIGURES_API void save_page(Page *page, const char *path);

/* A file of numbers (see table_numbers) with at least one row. */
FIGURES_API TableNumbers *own_numbers(const char *path, int most);

/* ---- a folder of sheets as they were drawn, 00000500.png, 00001000.png, ...: one sheet growing better ----
 *
 * What has another name, or another number of columns, belongs to something else. */
typedef struct Sheets {
    Names paths;                                /* by number */
    int side, channels, columns;
    const char *const *names;                   /* of the columns */
} Sheets;
FIGURES_API void find_sheets(Sheets *s, const char *folder);            /* the paths */

/* A sheet's squares (see sheet_cells), the last one's where i is -1; NULL: there is none. */
FIGURES_API unsigned char *read_sheet(const Sheets *s, int i, int *rows);

/* All of them behind a slider, or a part spread over the whole time. */
FIGURES_API void page_sheets(Page *page, const char *title, const Sheets *s, const ImageText *says);

/* One row of the sheets after so many percent of the time, n times, the whole being sheet number `whole`. */
FIGURES_API void page_progress(Page *page, const char *caption, const Sheets *s, int row, long whole,
                               const int *percent, int n, const ImageText *says);

/* ---- spaces of pictures ----
 *
 * Each point of the square from -1 to 1, or of the disc of radius 1 (round), of two or three dimensions, is a picture,
 * and some places have names. Of three dimensions one plane through the centre is shown. */
enum { FIGURE_PLACES = 64 };
typedef struct FigureSpace {
    void (*draw)(void *context, const double z[3], unsigned char *pixels);      /* the picture of a point */
    void *context;
    int size, channels, round, n;
    double u[3], v[3];                          /* the plane that is shown: z = a u + b v */
    PlotPlace places[FIGURE_PLACES];            /* on it; the first of a round space is its centre */
} FigureSpace;

/* Turns u and v to the plane through two points (by Gram and Schmidt). 0: they lie on one line with the centre. */
FIGURES_API int figure_space_plane(FigureSpace *s, const double first[3], const double second[3]);

/* One more place: where it lies, and how far it spreads. */
FIGURES_API void figure_space_place(FigureSpace *s, const char *name, const double mean[3],
                                    const double covariance[3][3]);

/* Names around a centre, for plot_dial. */
FIGURES_API PlotDial figure_space_dial(const FigureSpace *s, double x, double y, double unit);

/* How a place moved: a line through n points, in a round space from the inside outwards; and a figure of all places'
 * trails, as the columns at.NAME.x and at.NAME.y have them. */
FIGURES_API void figure_space_trail(const FigureSpace *s, PlotCanvas *canvas, const PlotDial *dial, int place,
                                    const double *x, const double *y, size_t n);
FIGURES_API PlotCanvas figure_space_trails(const FigureSpace *s, const TableNumbers *log);

/* Pictures all over the plane; one picture, `side` pixels high, and where in the space it is. */
FIGURES_API PlotCanvas figure_space_all(const FigureSpace *s, int scale);
FIGURES_API Image figure_space_frame(const FigureSpace *s, const double z[3], int side);

/* page.h's page to walk in: what belongs to one face, `input` being the picture to choose it by (it outlives the
 * innermost scope); and the page of several, with the words of `about`. */
FIGURES_API PageFace figure_space_face(const FigureSpace *s, const char *name, const unsigned char *input);
FIGURES_API Page *figure_space_page(const FigureSpace *s, PageSpace about, const PageFace *faces, int n);

#endif /* FIGURES_H */

#if defined(FIGURES_IMPLEMENTATION) && !defined(FIGURES_IMPLEMENTED)
#define FIGURES_IMPLEMENTED

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Canvases and sheets ---- */

static PlotCanvas figure_own(PlotCanvas made)
{
    made.rgb = (unsigned char *)own_this(made.rgb, (size_t)made.width * (size_t)made.height * 3);
    return made;
}

FIGURES_API PlotCanvas new_canvas(int width, int height)
{
    PlotCanvas canvas;
    if (!plot_canvas(width, height, 0xffffff, &canvas)) give_up(1, "no memory to draw %d x %d pixels", width, height);
    return figure_own(canvas);
}

FIGURES_API Image image_of(const PlotCanvas *canvas)
{
    return (Image){canvas->width, canvas->height, 3, canvas->rgb};
}

FIGURES_API void save_canvas(const char *path, PlotCanvas canvas, const ImageText *says)
{
    const Image image = image_of(&canvas);
    save_picture(path, &image, says);
}

FIGURES_API int figure_scale(int side)
{
    return side <= 48 ? 2 : 1;
}

FIGURES_API PlotCanvas draw_grid(const Grid *g)
{
    int scale = g->scale ? g->scale : figure_scale(g->side), n = g->rows * g->columns;
    PlotCanvas canvas;
    const unsigned char **cells = own((size_t)n, sizeof *cells);
    for (int i = 0; i < n; i++)
        cells[i] = g->cells ? g->cells[i] : g->pictures + (size_t)i * (size_t)(g->side * g->side * g->channels);
    if (!plot_grid(cells, g->side, g->side, g->channels, g->rows, g->columns, scale, g->row_names, g->column_names,
                   NULL, &canvas))
        give_up(1, "no memory for a sheet of %d pictures", n);
    return figure_own(canvas);
}

FIGURES_API PlotCanvas draw_bars(const char *title, const char *of, const char *const *names, const double *values,
                                 int n)
{
    const PlotOptions options = {.y_label = of, .x_label = "", .title = title};
    int width = n > 7 ? 70 * n + 100 : 640;
    PlotCanvas canvas = new_canvas(width, 420);
    plot_bars(&canvas, 0, 0, width, 420, names, values, n, &options);
    return canvas;
}

FIGURES_API PlotCanvas draw_captioned(const Captioned *items, int n, int columns, int side)
{
    const int wide = side + 20, high = side + 48;
    PlotCanvas canvas = new_canvas(columns * wide + 20, (n + columns - 1) / columns * high + 20);
    for (int i = 0; i < n; i++) {
        int x = 20 + i % columns * wide, y = 20 + i / columns * high;
        const Image *p = &items[i].picture;
        if (p->pixels) plot_picture(&canvas, x, y, side, side, p->pixels, p->width, p->height, p->channels);
        plot_text(&canvas, x, y + side + 14, 12, 0, 0x202020, items[i].words[0]);
        plot_text(&canvas, x, y + side + 30, 12, 0, 0xb02020, items[i].words[1]);
    }
    return canvas;
}

FIGURES_API unsigned char *sheet_cells(const Image *sheet, int size, int *rows, int *columns)
{
    size_t line = (size_t)(size * sheet->channels), bytes = line * (size_t)size;
    size_t stride = (size_t)(sheet->width * sheet->channels);
    *rows = sheet->height / size, *columns = sheet->width / size;
    int n = *rows * *columns;
    unsigned char *cells = n ? own((size_t)n, bytes) : NULL;
    for (int i = 0; i < n; i++)
        for (int y = 0; y < size; y++)
            memcpy(cells + (size_t)i * bytes + (size_t)y * line,
                   sheet->pixels + (size_t)(i / *columns * size + y) * stride + (size_t)(i % *columns) * line, line);
    return cells;
}

/* ---- Files and pages ---- */

FIGURES_API unsigned char *own_png(PlotCanvas canvas, const ImageText *says, size_t *size)
{
    unsigned char *bytes;
    char why[IMAGE_ERROR_SIZE];
    const Image image = image_of(&canvas);
    if (!image_encode_png(&image, says, says ? 1 : 0, &bytes, size, why)) give_up(1, "%s", why);
    return own_this(bytes, *size);
}

FIGURES_API void save_film(const char *path, const Image *frames, int n, int delay_ms)
{
    unsigned char *bytes;
    size_t size;
    char why[IMAGE_ERROR_SIZE];
    if (!image_encode_gif(frames, n, delay_ms, &bytes, &size, why)) give_up(1, "%s", why);
    write_file(path, own_this(bytes, size), size);
}

FIGURES_API void page_canvas(Page *page, const char *caption, PlotCanvas canvas, const ImageText *says)
{
    size_t size;
    const unsigned char *bytes = own_png(canvas, says, &size);
    page_image(page, caption, bytes, size, "image/png");
}

FIGURES_API void show_table(Page *page, const Table *t)
{
    const char *const *cells = (const char *const *)t->cells;
    if (t->title) page_heading(page, t->title);
    page_table(page, cells, t->columns, cells + t->columns, t->rows);
}

/* A column without the rows that have no number there: what is measured only now and then is a line all the same. */
static PageSeries figure_series(const TableNumbers *numbers, int column)
{
    const double *x = numbers->columns[0], *y = numbers->columns[column];
    double *kept = own(2 * numbers->rows, sizeof *kept), *values = kept + numbers->rows;
    size_t n = 0;
    for (size_t i = 0; i < numbers->rows; i++)
        if (!isnan(y[i])) kept[n] = x[i], values[n++] = y[i];
    return (PageSeries){numbers->names[column], kept, values, n};
}

FIGURES_API void page_columns(Page *page, const TableNumbers *numbers, const char *title, const char *prefix,
                              const char *y_label)
{
    PageSeries *series = own((size_t)numbers->n_columns, sizeof *series);
    int n = 0;
    for (int i = 1; i < numbers->n_columns; i++)
        if (strncmp(numbers->names[i], prefix, strlen(prefix)) == 0 && !isnan(table_last(numbers, numbers->names[i])))
            series[n++] = figure_series(numbers, i);
    if (n) page_chart(page, title, numbers->names[0], y_label, series, n, 0);
}

FIGURES_API void save_page(Page *page, const char *path)
{
    char why[256];
    if (!page_save(page, path, why)) give_up(1, "%s", why);
}

static void figure_close_numbers(void *numbers) { table_numbers_free((TableNumbers *)numbers); }

FIGURES_API TableNumbers *own_numbers(const char *path, int most)
{
    char why[TABLE_ERROR];
    TableNumbers *numbers = own(1, sizeof *numbers);
    if (!table_numbers(numbers, path, most, why)) give_up(1, "%s", why);
    on_leaving(figure_close_numbers, numbers);
    if (!numbers->rows) give_up(1, "%s: no rows yet", path);
    return numbers;
}

/* ---- Sheets over time ---- */

static long figure_number(const char *path)
{
    return atol(strrchr(path, '/') + 1);
}

FIGURES_API void find_sheets(Sheets *s, const char *folder)
{
    Names found = list_folder(folder, NAMES_PICTURES);
    for (int i = 0; i < found.count; i++)
        if (strspn(found.items[i], "0123456789") == 8 && strcmp(found.items[i] + 8, ".png") == 0)
            names_add(&s->paths, textf("%s/%s", folder, found.items[i]).s);
}

FIGURES_API unsigned char *read_sheet(const Sheets *s, int i, int *rows)
{
    Image sheet;
    Error none;
    int columns, at = i < 0 ? s->paths.count + i : i;
    if (at < 0 || !try_picture(s->paths.items[at], s->channels, &sheet, &none)) return NULL;
    unsigned char *cells = sheet_cells(&sheet, s->side, rows, &columns);
    return columns == s->columns ? cells : NULL;
}

/* Rows of a sheet with its columns' names. */
static PlotCanvas figure_sheet(const Sheets *s, Grid rows)
{
    rows.side = s->side, rows.channels = s->channels, rows.columns = s->columns, rows.column_names = s->names;
    return draw_grid(&rows);
}

FIGURES_API void page_sheets(Page *page, const char *title, const Sheets *s, const ImageText *says)
{
    enum { SHOWN = 40 };
    const void *bytes[SHOWN];
    size_t sizes[SHOWN];
    const char *labels[SHOWN];
    int from = SHOWN, step = (s->paths.count + SHOWN - 1) / SHOWN, rows;
    for (int i = s->paths.count - 1; i >= 0 && from > 0; i -= step) {
        Scope here;
        enter(&here);
        const unsigned char *cells = read_sheet(s, i, &rows);
        size_t size = 0;
        void *png = cells ? own_png(figure_sheet(s, (Grid){.pictures = cells, .rows = rows}), says, &size) : NULL;
        if (png) png = hand_out(png);
        leave();
        if (!png) continue;
        bytes[--from] = png, sizes[from] = size;
        labels[from] = own_text("iteration %ld", figure_number(s->paths.items[i]));
    }
    if (from < SHOWN) page_slider(page, title, labels + from, bytes + from, sizes + from, SHOWN - from, "image/png");
}

/* The sheet of the iteration nearest to that, if it is nearer than `most`; -1: there is none. */
static int figure_nearest(const Sheets *s, long iteration, long most)
{
    int best = -1;
    for (int i = 0; i < s->paths.count; i++) {
        long away = labs(figure_number(s->paths.items[i]) - iteration);
        if (away < most) best = i, most = away;
    }
    return best;
}

FIGURES_API void page_progress(Page *page, const char *caption, const Sheets *s, int row, long whole,
                               const int *percent, int n, const ImageText *says)
{
    int columns = s->columns, done = 0, rows;
    size_t bytes = (size_t)(s->side * s->side * s->channels);
    const char **names = own((size_t)n, sizeof *names);
    const unsigned char **shown = own((size_t)(n * columns), sizeof *shown);
    for (int i = 0; i < n; i++) {
        long wanted = (long)((double)whole * percent[i] / 100);
        int sheet = figure_nearest(s, wanted, whole / 8 + 1);
        long is = sheet < 0 ? wanted : figure_number(s->paths.items[sheet]);
        const unsigned char *cells = sheet < 0 ? NULL : read_sheet(s, sheet, &rows);
        names[i] = is == wanted ? own_text("%d%%", percent[i]) : own_text("%.0f%%", 100.0 * is / whole);
        for (int c = 0; cells && row < rows && c < columns; c++, done++)
            shown[i * columns + c] = cells + (size_t)(row * columns + c) * bytes;
    }
    if (!done) return;
    page_canvas(page, caption, figure_sheet(s, (Grid){.cells = shown, .rows = n, .row_names = names}), says);
}

/* ---- Spaces ---- */

FIGURES_API int figure_space_plane(FigureSpace *s, const double first[3], const double second[3])
{
    double norm = 0, along = 0, rest = 0, *u = s->u, *v = s->v;
    for (int i = 0; i < 3; i++) norm += first[i] * first[i];
    for (int i = 0; i < 3 && norm > 0; i++) u[i] = first[i] / sqrt(norm);
    for (int i = 0; i < 3; i++) along += second[i] * u[i];
    for (int i = 0; i < 3; i++) v[i] = second[i] - along * u[i], rest += v[i] * v[i];
    for (int i = 0; i < 3 && rest > 0; i++) v[i] /= sqrt(rest);
    return norm > 0 && rest > 1e-12;
}

static double figure_product(const double u[3], const double z[3])
{
    double sum = 0;
    for (int i = 0; i < 3; i++) sum += z[i] * u[i];
    return sum;
}

/* u C v */
static double figure_spread(const double u[3], const double c[3][3], const double v[3])
{
    double sum = 0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) sum += u[i] * c[i][k] * v[k];
    return sum;
}

FIGURES_API void figure_space_place(FigureSpace *s, const char *name, const double mean[3],
                                    const double covariance[3][3])
{
    PlotPlace *place = &s->places[s->n];
    if (s->n == FIGURE_PLACES) return;
    place->name = name, place->rgb = plot_palette[s->n++ % 8];
    place->x = figure_product(s->u, mean), place->y = figure_product(s->v, mean);
    place->covariance[0] = figure_spread(s->u, covariance, s->u);
    place->covariance[1] = figure_spread(s->u, covariance, s->v);
    place->covariance[2] = figure_spread(s->v, covariance, s->v);
}

FIGURES_API PlotDial figure_space_dial(const FigureSpace *s, double x, double y, double unit)
{
    return (PlotDial){x, y, unit, s->round, s->places + !!s->round, s->n - !!s->round};
}

FIGURES_API void figure_space_trail(const FigureSpace *s, PlotCanvas *canvas, const PlotDial *dial, int place,
                                    const double *x, const double *y, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double u[2] = {dial->unit, dial->unit};
        for (size_t end = 0; s->round && end < 2; end++) u[end] *= 0.25 + 0.75 * (double)(i - 1 + end) / (double)n;
        plot_line_segment(canvas, dial->x + u[0] * x[i - 1], dial->y - u[0] * y[i - 1], dial->x + u[1] * x[i],
                          dial->y - u[1] * y[i], 1.5, s->places[place].rgb);
    }
}

FIGURES_API PlotCanvas figure_space_trails(const FigureSpace *s, const TableNumbers *log)
{
    PlotCanvas canvas = new_canvas(800, 620);
    const PlotDial dial = figure_space_dial(s, 400, 310, 240);
    for (int i = 0; i < s->n; i++) {
        const double *x = table_column(log, textf("at.%s.x", s->places[i].name).s),
                     *y = table_column(log, textf("at.%s.y", s->places[i].name).s);
        if (x && y) figure_space_trail(s, &canvas, &dial, i, x, y, log->rows);
    }
    plot_dial(&canvas, &dial, 1, 18);
    return canvas;
}

/* The picture at the plane's point (a, b). */
static void figure_draw(const FigureSpace *s, double a, double b, unsigned char *pixels)
{
    double z[3];
    for (int i = 0; i < 3; i++) z[i] = a * s->u[i] + b * s->v[i];
    s->draw(s->context, z, pixels);
}

static unsigned char *figure_pixels(const FigureSpace *s)
{
    return own((size_t)(s->size * s->size), (size_t)s->channels);
}

FIGURES_API PlotCanvas figure_space_all(const FigureSpace *s, int scale)
{
    enum { CELLS = 11 };
    int size = s->size, cell = scale * (size < 72 ? size : 72), margin = 20 + cell / 2 + 110;
    double half = CELLS * cell / 2.0;
    PlotCanvas canvas = new_canvas(2 * margin + CELLS * cell, 140 + CELLS * cell);
    const PlotDial dial = figure_space_dial(s, margin + half, 70 + half, half);
    unsigned char *pixels = figure_pixels(s);
    for (int i = 0; i < CELLS * CELLS; i++) {
        int row = i / CELLS, column = i % CELLS;
        double a = (2.0 * column + 1) / CELLS - 1, b = 1 - (2.0 * row + 1) / CELLS;
        if (s->round && hypot(a, b) > 0.97) continue;
        figure_draw(s, a, b, pixels);
        plot_picture(&canvas, margin + column * cell, 70 + row * cell, cell, cell, pixels, size, size, s->channels);
    }
    plot_dial(&canvas, &dial, 1, 17);
    return canvas;
}

FIGURES_API Image figure_space_frame(const FigureSpace *s, const double z[3], int side)
{
    PlotCanvas canvas = new_canvas(side + side * 3 / 2, side);
    unsigned char *pixels = figure_pixels(s);
    const PlotDial dial = figure_space_dial(s, side + side * 0.75, side / 2.0, side * 0.36);
    s->draw(s->context, z, pixels);
    plot_picture(&canvas, 0, 0, side, side, pixels, s->size, s->size, s->channels);
    plot_dial(&canvas, &dial, 0, side / 16.0);
    plot_disc(&canvas, dial.x + dial.unit * figure_product(s->u, z), dial.y - dial.unit * figure_product(s->v, z),
              side / 40.0, PLOT_INK);
    return image_of(&canvas);
}

/* As a JPEG, which outlives the innermost scope. */
static const void *figure_jpeg(const Image *image, int quality, size_t *size)
{
    unsigned char *bytes;
    char why[IMAGE_ERROR_SIZE];
    if (!image_encode_jpeg(image, quality, &bytes, size, why)) give_up(1, "%s", why);
    return hand_out(own_this(bytes, *size));
}

/* How tiles lie on the page and in their sheet. */
static PageSpace figure_space_tiles(const FigureSpace *s, PageSpace about)
{
    about.size = s->size, about.polar = s->round;
    about.rings = 5, about.spokes = 32, about.grid = 13, about.columns = 16;
    return about;
}

FIGURES_API PageFace figure_space_face(const FigureSpace *s, const char *name, const unsigned char *input)
{
    const PageSpace space = figure_space_tiles(s, (PageSpace){0});
    int n = page_space_tiles(&space), size = s->size, columns = space.columns;
    PageFace face = {.name = hand_out(own_text("%s", name))};
    const Image shown = {size, size, s->channels, (unsigned char *)(uintptr_t)input};
    Image sheet = new_picture(columns * size, (n + columns - 1) / columns * size, s->channels);
    unsigned char *pixels = figure_pixels(s);
    for (int i = 0; i < n; i++) {
        double a, b;
        page_space_point(&space, i, &a, &b);
        figure_draw(s, a, b, pixels);
        image_put_cell(&sheet, pixels, size, i / columns, i % columns);
    }
    face.input = figure_jpeg(&shown, 90, &face.input_size);
    face.tiles = figure_jpeg(&sheet, 93, &face.tiles_size);
    return face;
}

FIGURES_API Page *figure_space_page(const FigureSpace *s, PageSpace about, const PageFace *faces, int n)
{
    const char *names[FIGURE_PLACES];
    double at[FIGURE_PLACES][2], spread[FIGURE_PLACES][3];
    for (int k = 0; k < s->n; k++) {
        names[k] = s->places[k].name, at[k][0] = s->places[k].x, at[k][1] = s->places[k].y;
        memcpy(spread[k], s->places[k].covariance, sizeof spread[k]);
    }
    PageSpace space = figure_space_tiles(s, about);
    space.n = s->n, space.names = names, space.at = at[0], space.spread = spread[0];
    space.faces = faces, space.n_faces = n, space.mime = "image/jpeg";
    return page_space(&space);
}

#endif /* FIGURES_IMPLEMENTATION */
