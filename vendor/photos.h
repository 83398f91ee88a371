/* photos.h: photographs one by one: found, named, read, searched for faces, told and saved.
 *
 *     #define PHOTOS_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "photos.h"
 *
 *     static void invert(void *context, Photo *photo)
 *     {
 *         for (size_t i = 0; i < picture_bytes(&photo->image); i++) photo->image.pixels[i] ^= 255;
 *         save_photo(photo_file(photo, "-inverted.png").s, &photo->image, photo->path, NULL);
 *     }
 *     Photos all = {.out = "inverted", .each = invert};
 *     photos_each(&all, argv + 1, argc - 1);                  files, and folders of files
 *     photos_end(&all);
 *
 *     paths --> each in a scope of its own: read --> find --> each() --> out/NAME-inverted.png
 *                                              \--> "skipped: ..."
 *
 * One that cannot be read is told of and passed over: it never ends a batch, only its exit status. What is made of two
 * pictures never has one name (files_stems). What finds faces is a function that answers boxes; it sees three channels.
 *
 * It builds on boxes.h, figures.h, owned.h, progress.h and stats.h, which it includes, and on what those build on:
 * define their X_IMPLEMENTATION, too. Define PHOTOS_STATIC as well to keep every function private to that file. C11 of
 * gcc or clang and POSIX.1-2008 (with a strict -std=c11 pass -D_GNU_SOURCE); the declarations are C++17, too. Functions
 * give up where they fail (scope.h); what they make belongs to the innermost scope. Messages about options call them as
 * a command line would.
 */
#ifndef PHOTOS_H
#define PHOTOS_H

#include "boxes.h"
#include "figures.h"
#include "owned.h"
#include "progress.h"
#include "stats.h"
#include <signal.h>

#ifdef PHOTOS_STATIC
#define PHOTOS_API static inline
#elif defined(__cplusplus)
#define PHOTOS_API extern "C"
#else
#define PHOTOS_API
#endif

typedef struct Photo {
    const struct Photos *of;
    const char *path, *name;            /* name: what is made of it is called */
    Image image;
    bool whole;                         /* nobody looked for faces: it is one */
    Boxes faces;                        /* best first */
} Photo;

typedef struct Photos {
    const char *out;                    /* the folder for what is made, or, of a single picture, the file */
    int channels;                       /* they are read with; 0: as many as each has */
    bool several;                       /* more than one picture is made of each */
    void (*each)(void *context, Photo *photo);
    void *context;
    Boxes (*find)(void *finder, const Image *picture);          /* NULL: nobody looks for faces */
    void *finder;
    int one_face;                       /* pictures without a side above this are not searched: they are one face */
    bool needs_faces;                   /* to find none in any picture is a failure */
    const volatile sig_atomic_t *stop;  /* not 0: none is begun any more; NULL: never */
    void (*warn)(const char *format, ...);                      /* is told what is skipped; NULL: nobody is */
    Names real;                         /* photos_each: real_paths of all: what none may replace */
    int total, count, unreadable;       /* photos_each: of all, looked at, of these; */
    int widest, found, without;         /* the longest path's characters; faces; pictures in which there is none */
    double *seconds;                    /* (count - unreadable) that it took to find them */
} Photos;

/* Pictures as given, folders as the pictures in them, sorted by name. */
PHOTOS_API Names photo_paths(char *const *inputs, int count, void (*warn)(const char *format, ...));

/* Has one of them a side above this? */
PHOTOS_API bool photo_any_larger(char *const *inputs, int count, int side, void (*warn)(const char *format, ...));

/* Makes the folder, reads all, calls each(). */
PHOTOS_API void photos_each(Photos *all, char *const *inputs, int count);

/* Says how many faces were found, if any were looked for; gives up where not all was done. */
PHOTOS_API void photos_end(const Photos *all);

/* Is it the name of a file with a picture, not of a folder that is there? */
PHOTOS_API bool photo_is_named(const char *path);

/* out/NAME and the suffix, or the one file that `out` names. Gives up where that is a photograph that is to be read. */
PHOTOS_API Text photo_file(const Photo *photo, const char *suffix);

/* The picture that was made of the photograph in the file `original` keeps what that says of itself: EXIF, profile, ...
 * (image_read_notes); NULL: there is none. text: what a PNG file shall say besides, or NULL. */
PHOTOS_API void save_photo(const char *path, const Image *picture, const char *original, const ImageText *text);

/* ---- what was found, told ---- */

/* As TABLE_TEXT, TABLE_CSV or TABLE_JSON, photograph by photograph. When the scope is left in which it was begun, what
 * belongs behind the last is printed. */
typedef struct PhotoList { FILE *to; int form, photos; const volatile sig_atomic_t *partial; } PhotoList;
PHOTOS_API PhotoList *photo_list(FILE *to, int form, const volatile sig_atomic_t *partial);
PHOTOS_API void photo_list_faces(PhotoList *list, const Photo *photo);

/* The photograph, of three channels, with boxes, scores and points drawn into it. */
PHOTOS_API PlotCanvas photo_annotated(const Photo *photo);

#endif /* PHOTOS_H */

#if defined(PHOTOS_IMPLEMENTATION) && !defined(PHOTOS_IMPLEMENTED)
#define PHOTOS_IMPLEMENTED

#include <errno.h>
#include <math.h>
#include <string.h>

#define PHOTOS_WARN(warn, ...) ((warn) ? (warn)(__VA_ARGS__) : (void)0)

/* ---- one by one ---- */

PHOTOS_API Names photo_paths(char *const *inputs, int count, void (*warn)(const char *format, ...))
{
    Names paths = {0};
    for (int i = 0; i < count; i++) {
        if (!is_folder(inputs[i])) { names_add(&paths, inputs[i]); continue; }
        Names inside = list_folder(inputs[i], NAMES_PICTURES);
        for (int k = 0; k < inside.count; k++) names_add(&paths, textf("%s/%s", inputs[i], inside.items[k]).s);
        int below = list_folder(inputs[i], NAMES_FOLDERS).count;
        if (below) PHOTOS_WARN(warn, "%s: pictures in the %d folder%s in it are left out", inputs[i], below,
                               below > 1 ? "s" : "");
        if (!inside.count && count > 1) PHOTOS_WARN(warn, "no pictures in %s", inputs[i]);
    }
    if (!paths.count) give_up(1, "no pictures in %s", inputs[0]);
    return paths;
}

PHOTOS_API bool photo_any_larger(char *const *inputs, int count, int side, void (*warn)(const char *format, ...))
{
    const Names paths = photo_paths(inputs, count, warn);
    for (int i = 0, width, height; i < paths.count; i++)
        if (image_probe_file(paths.items[i], &width, &height) && (width > side || height > side)) return true;
    return false;
}

PHOTOS_API bool photo_is_named(const char *path) { return image_suffix(path) && !is_folder(path); }

/* Makes the folder, or sees that one file is enough for what will be made of the pictures. */
static void photos_make_out(const Photos *all, char *const *inputs, int count)
{
    bool file = photo_is_named(all->out);
    if (file && !image_saves(all->out))
        give_up(2, "--out %s: a picture's name must end in .png, .jpg, .pgm or .ppm to be written", all->out);
    if (file && (all->several || count > 1 || is_folder(inputs[0])))
        give_up(2, "--out %s names a file, and there will be more than one: name a folder", all->out);
    if (file) make_folder_of(all->out);
    else if (*all->out) make_folder(all->out);
}

static void photos_find(Photos *all, Photo *photo)
{
    const Image *image = &photo->image;
    double start = progress_seconds();
    photo->whole = !all->find || (image->width <= all->one_face && image->height <= all->one_face);
    if (!photo->whole) {
        const Image coloured = image->channels == 3 ? *image : with_channels(image, 3);
        photo->faces = all->find(all->finder, &coloured);
        if (!photo->faces.count) PHOTOS_WARN(all->warn, "no face in %s", photo->path), all->without++;
    }
    all->seconds[all->count - all->unreadable] = progress_seconds() - start;
    all->found += photo->whole ? 1 : photo->faces.count;
}

PHOTOS_API void photos_each(Photos *all, char *const *inputs, int count)
{
    photos_make_out(all, inputs, count);
    const Names paths = photo_paths(inputs, count, all->warn);
    char *const *names = own_stems(&paths);
    all->total = paths.count, all->real = real_paths(paths.items, paths.count);
    all->seconds = (double *)own((size_t)paths.count, sizeof *all->seconds);
    for (int i = 0; i < paths.count; i++)
        if ((int)strlen(paths.items[i]) > all->widest) all->widest = (int)strlen(paths.items[i]);
    for (; all->count < all->total && !(all->stop && *all->stop); all->count++) {
        Scope here;
        Error why;
        Photo photo = {.of = all, .path = paths.items[all->count], .name = names[all->count]};
        enter(&here);
        if (try_picture(photo.path, all->channels, &photo.image, &why)) {
            photos_find(all, &photo);
            all->each(all->context, &photo);
        } else PHOTOS_WARN(all->warn, "skipped: %s", why.text), all->unreadable++;
        leave();
    }
}

PHOTOS_API void photos_end(const Photos *all)
{
    int seen = all->count - all->unreadable;
    if (all->find) {
        stats_sort(all->seconds, seen);
        PHOTOS_WARN(all->warn, "%d face%s in %d picture%s (%d without a face, %d unreadable); detection %.1f ms "
                    "a picture (median)", all->found, all->found == 1 ? "" : "s", seen, seen == 1 ? "" : "s",
                    all->without, all->unreadable, seen ? 1e3 * all->seconds[seen / 2] : 0);
    }
    if (all->stop && *all->stop)
        give_up(1, "stopped: the results are partial, of %d of %d pictures", all->count, all->total);
    if (all->unreadable) give_up(1, "%d of %d pictures could not be read", all->unreadable, all->count);
    if (all->needs_faces && !all->found) give_up(1, "no face was found");
}

PHOTOS_API Text photo_file(const Photo *photo, const char *suffix)
{
    const char *out = photo->of->out;
    const Text path = photo_is_named(out) ? textf("%s", out) : textf("%s/%s%s", *out ? out : ".", photo->name, suffix);
    if (is_among(&photo->of->real, path.s))
        give_up(2, "%s is %s, which would be lost: take another --out", path.s,
                lies_in(photo->path, path.s) ? "the photograph itself" : "another of the photographs");
    return path;
}

static void photos_free_notes(void *notes) { image_notes_free((ImageNotes *)notes); }

PHOTOS_API void save_photo(const char *path, const Image *picture, const char *original, const ImageText *text)
{
    char why[IMAGE_ERROR_SIZE];
    size_t size;
    ImageNotes *notes = (ImageNotes *)own(1, sizeof *notes);
    on_leaving(photos_free_notes, notes);
    const char *bytes = original ? read_file(original, IMAGE_MAX_FILE_BYTES, &size) : NULL;
    if (bytes && !image_read_notes(bytes, size, notes, why)) give_up(1, "%s: %s", original, why);
    if (!image_save_notes(path, picture, notes, text, text ? 1 : 0, why)) give_up_because(errno, why);
}

/* ---- what was found, told ---- */

static void photos_end_list(void *list)
{
    const PhotoList *l = (const PhotoList *)list;
    if (l->form == TABLE_JSON && l->photos)
        fprintf(l->to, "\n]%s}\n", l->partial && *l->partial ? ", \"partial\": true" : "");
}

PHOTOS_API PhotoList *photo_list(FILE *to, int form, const volatile sig_atomic_t *partial)
{
    PhotoList *list = (PhotoList *)own(1, sizeof *list);
    *list = (PhotoList){to, form, 0, partial};
    on_leaving(photos_end_list, list);
    return list;
}

static void photos_print_face(const PhotoList *list, const Photo *photo, int i, int widest)
{
    const Box *f = &photo->faces.items[i];
    const double *b = f->box;
    FILE *to = list->to;
    if (list->form == TABLE_CSV) {
        table_field(to, photo->path);
        fprintf(to, ",%d,%.6f", i + 1, f->score), box_print(to, f);
        return;
    }
    if (list->form == TABLE_JSON)
        table_json(to, "%s\n    {\"score\": %6r, \"box\": [%2r, %2r, %2r, %2r], \"landmarks\": [", i ? "," : "",
                   f->score, b[0], b[1], b[2], b[3]);
    else fprintf(to, "%-*s %4d  %.4f %6.0f %6.0f %6.0f %6.0f  ", widest, photo->path, i + 1, f->score, b[0], b[1],
                 box_width(f), box_height(f));
    for (int k = 0; k < BOX_POINTS; k++)
        if (list->form == TABLE_JSON) table_json(to, "%s[%2r, %2r]", k ? ", " : "", f->point[k][0], f->point[k][1]);
        else fprintf(to, " %.0f,%.0f", f->point[k][0], f->point[k][1]);
    fputs(list->form == TABLE_JSON ? "]}" : "\n", to);
}

PHOTOS_API void photo_list_faces(PhotoList *list, const Photo *photo)
{
    FILE *to = list->to;
    bool first = !list->photos++;
    int widest = photo->of->widest > 7 ? photo->of->widest : 7;
    if (list->form == TABLE_JSON)
        table_json(to, "%s  {\"path\": %q, \"width\": %d, \"height\": %d, \"faces\": [",
                   first ? "{\"pictures\": [\n" : ",\n", photo->path, photo->image.width, photo->image.height);
    else if (first && list->form == TABLE_CSV) fprintf(to, "path,face,score,%s\n", box_columns);
    else if (first)
        fprintf(to, "%-*s %4s  %6s %6s %6s %6s %6s   eyes, nose, mouth corners\n", widest, "picture", "face", "score",
                "x", "y", "width", "height");
    for (int i = 0; i < photo->faces.count; i++) photos_print_face(list, photo, i, widest);
    if (list->form == TABLE_JSON) fputs("]}", to);
}

PHOTOS_API PlotCanvas photo_annotated(const Photo *photo)
{
    int width = photo->image.width, height = photo->image.height;
    PlotCanvas canvas = new_canvas(width, height);
    double unit = fmax(1, (width + height) / 900.0);
    memcpy(canvas.rgb, photo->image.pixels, picture_bytes(&photo->image));
    for (int i = 0; i < photo->faces.count; i++) {
        const Box *f = &photo->faces.items[i];
        plot_mark(&canvas, f->box, unit, own_text("%d: %.3f", i + 1, f->score));
        for (int k = 0; k < BOX_POINTS; k++)
            plot_disc(&canvas, f->point[k][0], f->point[k][1], 1.6 * unit, k == 0 || k == 3 ? 0xff4040 : 0x40a0ff);
    }
    return canvas;
}

#endif /* PHOTOS_IMPLEMENTATION */
