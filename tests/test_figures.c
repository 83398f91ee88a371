/* test_figures.c: vendor/figures.h. Sheets come apart as they were put together, pictures stand where a grid has them,
 * a space is drawn where its points are, charts show the columns that hold numbers; what fails gives up. */
#include "../vendor/all.h"
#include <stdlib.h>
#include <unistd.h>
#include "check.h"

static char folder[64] = "/tmp/test_figures.XXXXXX";

static const char *in_folder(const char *name) { return own_text("%s/%s", folder, name); }

/* The colour of a canvas at (x, y). */
static unsigned colour(const PlotCanvas *c, int x, int y)
{
    const unsigned char *p = c->rgb + 3 * (y * c->width + x);
    return (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
}

static void test_sheets(void)
{
    Image sheet = new_picture(7, 5, 1);                                 /* three by two cells of two, and a margin */
    int rows, columns;
    for (int i = 0; i < 6; i++) {
        const unsigned char cell[4] = {(unsigned char)(10 * i), 1, 2, (unsigned char)(10 * i + 3)};
        image_put_cell(&sheet, cell, 2, i / 3, i % 3);
    }
    CHECK(sheet.pixels[0] == 0 && sheet.pixels[1] == 1 && sheet.pixels[7] == 2 && sheet.pixels[8] == 3);
    CHECK(sheet.pixels[2 * 7 + 4] == 50 && sheet.pixels[3 * 7 + 5] == 53 && sheet.pixels[6] == 0);
    const unsigned char *cells = sheet_cells(&sheet, 2, &rows, &columns);
    CHECK(rows == 2 && columns == 3);
    for (int i = 0; i < 6; i++) CHECK(cells[4 * i] == 10 * i && cells[4 * i + 1] == 1 && cells[4 * i + 3] == 10 * i + 3);
    CHECK(!sheet_cells(&sheet, 6, &rows, &columns) && rows == 0);
}

/* Five sheets of three rows and two columns; the fourth is broken, the fifth of another size; and what is no sheet. */
static void test_sheets_over_time(void)
{
    size_t size;
    int rows;
    const char *const columns[2] = {"first", "second"};
    static const int quarters[] = {25, 50, 75, 100};
    static const struct { const char *caption; int row; long whole; } shown[] = {{"First rows", 0, 100},
        {"Third rows", 2, 300}, {"Fourth rows", 3, 100}, {"Others", 0, 1000},
        {"Near rows", 0, 110}};                                         /* 25, 50 and 75 stand for 27, 55 and 82 */
    Sheets s = {.side = 2, .channels = 1, .columns = 2, .names = columns}, none = s;
    make_folder(in_folder("samples"));
    for (int i = 0; i < 5; i++) {
        Image sheet = new_picture(i == 4 ? 6 : 4, 6, 1);
        memset(sheet.pixels, 40 * i, (size_t)(sheet.width * 6));
        save_picture(in_folder(own_text("samples/%08d.png", 25 * (i + 1))), &sheet, NULL);
    }
    write_file(in_folder("samples/00000100.png"), "no", 2), write_file(in_folder("samples/other.png"), "no", 2);
    find_sheets(&s, in_folder("samples")), find_sheets(&none, in_folder("nothing"));
    CHECK(s.paths.count == 5 && none.paths.count == 0 && !read_sheet(&none, -1, &rows));
    const unsigned char *cells = read_sheet(&s, 2, &rows);
    CHECK(cells && rows == 3 && cells[0] == 80 && cells[23] == 80);
    CHECK(!read_sheet(&s, 3, &rows) && !read_sheet(&s, -1, &rows));
    Page *page = page_begin("Sheets", "");
    page_sheets(page, "All of them", &s, NULL);
    for (int i = 0; i < 5; i++)
        page_progress(page, shown[i].caption, &s, shown[i].row, shown[i].whole, quarters, 4, NULL);
    page_progress(page, "A tenth", &s, 0, 250, (const int[]){10, 50, 100}, 3, NULL);
    page_sheets(page, "None", &none, NULL);
    save_page(page, in_folder("sheets.html"));
    const char *html = read_file(in_folder("sheets.html"), 1 << 20, &size);
    CHECK(strstr(html, "All of them") && strstr(html, "iteration 75") && !strstr(html, "iteration 100"));
    CHECK(!strstr(html, "iteration 125") && !strstr(html, "None") && strstr(html, "First rows"));
    CHECK(strstr(html, "Third rows") && strstr(html, "Near rows") && !strstr(html, "Fourth rows") && !strstr(html, "Others"));
    CHECK(strstr(html, "A tenth"));
    CHECK(figure_scale(48) == 2 && figure_scale(49) == 1);
}

static void test_grids(void)
{
    const unsigned char pictures[2] = {7, 200}, *cells[2] = {pictures + 1, NULL};
    const PlotCanvas one = draw_grid(&(Grid){.pictures = pictures, .side = 1, .channels = 1, .rows = 1, .columns = 2,
                                             .scale = 20});
    const PlotCanvas two = draw_grid(&(Grid){.cells = cells, .side = 1, .channels = 1, .rows = 1, .columns = 2,
                                             .scale = 20});
    int dark = 0, bright = 0, again = 0;
    for (int i = 0; i < one.width * one.height; i++) {
        unsigned a = colour(&one, i % one.width, i / one.width), b = colour(&two, i % two.width, i / two.width);
        dark += a == 0x070707, bright += a == 0xc8c8c8, again += b == 0xc8c8c8;
        CHECK(b != 0x070707);
    }
    CHECK(dark == 400 && bright == 400 && again == 400);                /* each pixel twenty by twenty */
    unsigned char grey[4] = {90, 90, 90, 90};
    const Captioned items[3] = {{{2, 2, 1, grey}, {"", ""}}, {{0}, {"x", "y"}}, {{2, 2, 1, grey}, {"", ""}}};
    const PlotCanvas words = draw_captioned(items, 3, 2, 40);
    CHECK(words.width == 2 * 60 + 20 && words.height == 2 * 88 + 20);
    CHECK(colour(&words, 40, 40) == 0x5a5a5a && colour(&words, 100, 40) == 0xffffff);
    CHECK(colour(&words, 40, 128) == 0x5a5a5a && colour(&words, 100, 128) == 0xffffff);
}

/* A picture whose two pixels say where it is. */
static void draw(void *context, const double z[3], unsigned char *pixels)
{
    ++*(int *)context;
    pixels[0] = pixels[3] = (unsigned char)lrint(100 * (z[0] + 1));
    pixels[1] = pixels[2] = (unsigned char)lrint(100 * (z[1] + 1));
}

static void test_spaces(void)
{
    static const double mean[3] = {0.5, 0, 0.25}, c[3][3] = {{1, 2, 3}, {2, 4, 5}, {3, 5, 6}};
    int calls = 0;
    double x, y;
    FigureSpace s = {.draw = draw, .context = &calls, .size = 2, .channels = 1, .u = {1}, .v = {0, 1}};
    figure_space_place(&s, "first", mean, c);
    CHECK(s.n == 1 && s.places[0].x == 0.5 && s.places[0].y == 0);
    CHECK(s.places[0].covariance[0] == 1 && s.places[0].covariance[1] == 2 && s.places[0].covariance[2] == 4);
    CHECK(figure_space_plane(&s, (double[]){0, 0, 2}, (double[]){3, 0, 1}));
    CHECK(s.u[2] == 1 && s.v[0] == 1 && s.u[0] == 0 && s.v[2] == 0);
    figure_space_place(&s, "turned", mean, c);
    CHECK(s.places[1].x == 0.25 && s.places[1].y == 0.5 && s.places[1].covariance[0] == 6);
    CHECK(s.places[1].covariance[1] == 3 && s.places[1].covariance[2] == 1);
    CHECK(!figure_space_plane(&s, (double[]){0, 0, 2}, (double[]){0, 0, 1}));
    FigureSpace plane = {.draw = draw, .context = &calls, .size = 2, .channels = 1, .u = {1}, .v = {0, 1}};
    const PlotCanvas all = figure_space_all(&plane, 1);                 /* cells of 2 x 2 pixels */
    CHECK(calls == 121 && all.width == 2 * (20 + 1 + 110) + 22);
    CHECK(colour(&all, 131 + 20, 70) == 0xbfbfbf);                      /* x = 10/11: 191; y alike in the first row */
    plane.round = 1, calls = 0;
    figure_space_all(&plane, 1);
    CHECK(calls == 89);                 /* i^2 + j^2 <= (0.97 11/2)^2: the corners are outside of the disc */
    const Image frame = figure_space_frame(&plane, (double[]){-1, 1, 0}, 64);
    CHECK(frame.width == 160 && frame.height == 64 && frame.pixels[0] == 0 && frame.pixels[3 * 63] == 200);
    calls = 0;
    const PageFace face = figure_space_face(&plane, "who", (const unsigned char[4]){1, 2, 3, 4});
    CHECK(calls == 161 && face.input_size > 0 && face.tiles_size > 0 && strcmp(face.name, "who") == 0);
    const PageSpace polar = {.polar = 1, .rings = 5, .spokes = 32}, square = {.grid = 13};
    page_space_point(&polar, 1 + 32 + 8, &x, &y);                       /* the second ring, a quarter around */
    CHECK(fabs(x) < 1e-12 && fabs(y - 0.4) < 1e-12 && page_space_tiles(&polar) == 161);
    page_space_point(&square, 12, &x, &y);
    CHECK(x == 1 && y == 1 && page_space_tiles(&square) == 169);
    PlotCanvas canvas = new_canvas(100, 100);
    PlotDial dial = figure_space_dial(&s, 50, 50, 40);
    CHECK(dial.n == 2 && !dial.round && dial.places == s.places);
    figure_space_trail(&s, &canvas, &dial, 1, (double[]){-1, 1}, (double[]){0, 0}, 2);
    CHECK(colour(&canvas, 11, 50) != 0xffffff && colour(&canvas, 88, 50) != 0xffffff);
    CHECK(colour(&canvas, 5, 50) == 0xffffff && colour(&canvas, 50, 60) == 0xffffff);
    static const char log[] = "iteration,at.turned.x,at.turned.y,at.other.x\n1,-0.9,-0.5,3\n2,0.9,-0.5,4\n";
    write_file(in_folder("places.csv"), log, sizeof log - 1);
    const PlotCanvas trails = figure_space_trails(&s, own_numbers(in_folder("places.csv"), 4));
    CHECK(trails.width == 800 && trails.height == 620 && colour(&trails, 300, 430) != 0xffffff);
    CHECK(colour(&trails, 300, 425) == 0xffffff);
}

static void load_none(void *path) { own_numbers(path, 4); }

static void test_pages(void)
{
    static const char log[] = "iteration,D.a,D.b,other\n1,0.5,,3\n2,0.25,,4\n";
    size_t size;
    Error e = {0};
    write_file(in_folder("log.csv"), log, sizeof log - 1);
    write_file(in_folder("none.csv"), log, 22);
    CHECK(!attempt(load_none, (void *)in_folder("none.csv"), &e) && strstr(e.text, "no rows yet"));
    const TableNumbers *numbers = own_numbers(in_folder("log.csv"), 4);
    CHECK(numbers->rows == 2 && table_last(numbers, "D.a") == 0.25 && isnan(table_last(numbers, "D.b")));
    Page *page = page_begin("A <page>", "");
    Table *t = new_table("The table", 1, 2);
    table_row(t, 0, "name\tvalue"), table_row(t, 1, "one\t1");
    page_columns(page, numbers, "Losses", "D.", "loss");
    page_columns(page, numbers, "Nothing", "E.", "loss");
    show_table(page, t);
    page_canvas(page, "A canvas", new_canvas(8, 8), NULL);
    save_page(page, in_folder("page.html"));
    const char *html = read_file(in_folder("page.html"), 1 << 20, &size);
    CHECK(strstr(html, "Losses") && strstr(html, "D.a") && !strstr(html, "D.b") && !strstr(html, "Nothing"));
    static const char rare[] = "iteration,fed\n1,4\n2,\n3,8\n4,\n5,6\n6,\n7,5\n", every[] = "iteration,fed\n1,4\n3,8\n5,6\n7,5\n";
    const char *pages[2];
    for (int i = 0; i < 2; i++) {       /* a column that is rarely measured is a line as if the other rows were not there */
        write_file(in_folder("rare.csv"), i ? every : rare, (i ? sizeof every : sizeof rare) - 1);
        page = page_begin("Rare", "");
        page_columns(page, own_numbers(in_folder("rare.csv"), 2), "Now and then", "fed", "distance");
        save_page(page, in_folder("rare.html"));
        pages[i] = read_file(in_folder("rare.html"), 1 << 20, &size);
    }
    CHECK(strstr(pages[0], "Now and then") && strcmp(pages[0], pages[1]) == 0);
    CHECK(strstr(html, "<h2>The table</h2>") && strstr(html, "A canvas") && strstr(html, "data:image/png;base64,"));
    const PlotCanvas few = draw_bars("title", "pictures", (const char *const[]){"a", "b"}, (const double[]){1, 3}, 2);
    const char *const many[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    int low = 0, high = 0;
    for (int y = 0; y < few.height; y++)
        for (int x = 0; x < few.width; x++) {
            const unsigned char *at = few.rgb + 3 * (y * few.width + x);
            if (abs(at[0] - at[2]) > 60) *(x < few.width / 2 ? &low : &high) += 1;
        }
    CHECK_MSG(few.width == 640 && low > 100 && high > 2.5 * low && high < 3.5 * low, "%d and %d coloured", low, high);
    CHECK(draw_bars("", "", many, (const double[]){1, 1, 1, 1, 1, 1, 1, 1}, 8).width == 660);
    Image frames[2] = {new_picture(4, 4, 1), new_picture(4, 4, 1)};
    save_film(in_folder("film.gif"), frames, 2, 50);
    CHECK(memcmp(read_file(in_folder("film.gif"), 1 << 16, &size), "GIF89a", 6) == 0);
}

static void save_nowhere(void *context)
{
    (void)context;
    save_page(page_begin("", ""), in_folder("no/page.html"));
}

int main(void)
{
    Scope all;
    Error e = {0};
    enter(&all);
    if (!mkdtemp(folder)) return 1;
    test_sheets();
    test_sheets_over_time();
    test_grids();
    test_spaces();
    test_pages();
    CHECK(!attempt(save_nowhere, NULL, &e) && strstr(e.text, "page.html"));
    CHECK(system(own_text("rm -r %s", folder)) == 0);
    leave();
    return check_report();
}
