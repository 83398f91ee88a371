/* test_photos.c: vendor/photos.h: which photographs are read, what their outputs are called, what is passed over, who is
 * searched for faces, and what is told of these, letter by letter. */
#include "../vendor/all.h"
#include <stdarg.h>
#include <unistd.h>
#include "check.h"
#include "folder.h"

static char said[2000];
__attribute__((format(printf, 1, 2))) static void hear(const char *format, ...)
{
    size_t used = strlen(said);
    va_list list;
    va_start(list, format);
    vsnprintf(said + used, sizeof said - used, format, list);
    va_end(list);
    strncat(said, "\n", sizeof said - strlen(said) - 1);
}

static void write_grey(const char *path, int width, int height, int channels)
{
    Image p = new_picture(width, height, channels);
    make_folder_of(path);
    memset(p.pixels, 100, picture_bytes(&p));
    save_picture(path, &p, NULL);
}

static char told[1000];
static void note(void *context, Photo *photo)
{
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%.200s %dx%d %s %d;", photo_file(photo, context).s,
             photo->image.width, photo->image.channels, photo->whole ? "whole" : "searched", photo->faces.count);
}

/* Two faces in what is wide, one elsewhere, none in what is high. */
static Boxes find(void *finder, const Image *picture)
{
    Boxes found = {0};
    CHECK(picture->channels == 3 && finder == (void *)folder);
    Box face = {.box = {1, 2, 31, 42.5}, .score = 0.75};
    for (int k = 0; k < BOX_POINTS; k++) face.point[k][0] = 10 + k, face.point[k][1] = 20.25;
    for (int i = picture->width > picture->height; i >= 0 && picture->width >= picture->height; i--) boxes_add(&found, face);
    return found;
}

static void test_each(void)
{
    char *inputs[] = {"one/a.png", "folder", "two/a.png", "nowhere.png", "empty"};
    Photos all = {.out = "made", .each = note, .context = "-x.png", .warn = hear};
    photos_each(&all, inputs, 5);
    CHECK(strcmp(told, "made/one_a-x.png 80x1 whole 0;made/b-x.png 8x3 whole 0;made/c-x.png 8x4 whole 0;"
                       "made/two_a-x.png 8x3 whole 0;") == 0);
    CHECK(all.total == 5 && all.count == 5 && all.unreadable == 1 && is_folder("made"));
    CHECK(strstr(said, "no pictures in ") && strstr(said, "skipped: ") && strstr(said, "nowhere.png"));
    CHECK(photo_any_larger(inputs, 4, 79, NULL) && !photo_any_larger(inputs, 4, 80, NULL));
}

static void two(void *all) { photos_each(all, (char *[]){"one/a.png", "one/a-x.png"}, 2); }
static void itself(void *all) { photos_each(all, (char *[]){"one/a.png"}, 1); }

/* What is made of one photograph replaces none of the others, nor itself; the same name elsewhere is free. */
static void test_keeping(void)
{
    Error e;
    Photos all = {.out = "one", .each = note, .context = "-x.png"}, same = {.out = "./one", .each = note, .context = ".png"};
    write_grey("one/a-x.png", 8, 8, 3);
    CHECK(!attempt(two, &all, &e) && e.status == 2 && strstr(e.text, "one/a-x.png is another of the photographs"));
    CHECK(!attempt(itself, &same, &e) && e.status == 2 && strstr(e.text, "./one/a.png is the photograph itself"));
    all = (Photos){.out = "one", .each = note, .context = "-x.png"};
    CHECK(attempt(itself, &all, &e));                                       /* it is no input now: it is replaced */
    Photos never = {.out = "made/x.webp", .each = note, .context = ""};
    CHECK(!attempt(itself, &never, &e) && e.status == 2 && strstr(e.text, "must end in .png"));
    CHECK(unlink("one/a-x.png") == 0);
}

static void end(void *all) { photos_end(all); }
static void empty(void *all) { photos_each(all, (char *[]){"empty"}, 1); }
static void each(void *all) { photos_each(all, (char *[]){"folder"}, 1); }

static void test_finding(void)
{
    Error e;
    Photos all = {.out = "made/one.png", .each = note, .context = "", .warn = hear, .find = find, .finder = folder, .channels = 3,
                  .one_face = 8, .needs_faces = true};
    *told = *said = 0;
    photos_each(&all, (char *[]){"one/a.png"}, 1);
    CHECK(strcmp(told, "made/one.png 80x3 searched 2;") == 0);
    photos_end(&all);
    CHECK(strncmp(said, "2 faces in 1 picture (0 without a face, 0 unreadable); detection ", 64) == 0);
    CHECK(!attempt(each, &all, &e) && e.status == 2 && strstr(e.text, "there will be more than one"));
    all.several = true;
    CHECK(!attempt(each, &all, &e) && e.status == 2);
    Photos high = {.out = "", .each = note, .context = "", .warn = hear, .find = find, .finder = folder, .needs_faces = true};
    *told = *said = 0;
    photos_each(&high, (char *[]){"high.png", "cut.png"}, 2);
    CHECK(strstr(told, "searched 0;") && high.without == 1 && high.unreadable == 1 && high.found == 0);
    CHECK(!attempt(end, &high, &e) && strstr(e.text, "1 of 2 pictures could not be read"));
    *said = 0;
    CHECK(!attempt(empty, &high, &e) && strstr(e.text, "no pictures in empty") && !*said);       /* said once */
    high.unreadable = 0;
    CHECK(!attempt(end, &high, &e) && strstr(e.text, "no face was found"));
    volatile sig_atomic_t stop = 1;
    Photos stopped = {.out = "", .each = note, .context = "", .stop = &stop};
    photos_each(&stopped, (char *[]){"folder"}, 1);
    CHECK(stopped.count == 0 && !attempt(end, &stopped, &e) && strstr(e.text, "partial, of 0 of 2 pictures"));
}

typedef struct Telling { int form; volatile sig_atomic_t partial; FILE *to; PhotoList *list; } Telling;

static void tell_photo(void *telling, Photo *photo) { photo_list_faces(((Telling *)telling)->list, photo); }

static void tell(void *telling)
{
    Telling *t = telling;
    t->list = photo_list(t->to, t->form, &t->partial);
    Photos all = {.out = "", .each = tell_photo, .context = t, .find = find, .finder = folder, .channels = 3};
    photos_each(&all, (char *[]){"high.png", "folder/b.png"}, 2);
}

static bool tells(int form, bool partial, const char *wanted)
{
    char have[2000] = "";
    Telling t = {.form = form, .partial = partial, .to = tmpfile()};
    in_scope(tell, &t);
    rewind(t.to);
    have[fread(have, 1, sizeof have - 1, t.to)] = 0;
    fclose(t.to);
    if (strcmp(have, wanted)) printf("%s\n", have);
    return strcmp(have, wanted) == 0;
}

static void test_telling(void)
{
    CHECK(tells(TABLE_TEXT, false, "picture      face   score      x      y  width height   eyes, nose, mouth corners\n"
                                   "folder/b.png    1  0.7500      1      2     30     40   10,20 11,20 12,20 13,20 14,20\n"));
    CHECK(tells(TABLE_CSV, false,
        "path,face,score,left,top,right,bottom,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,"
        "mouth_left_x,mouth_left_y,mouth_right_x,mouth_right_y\n"
        "folder/b.png,1,0.750000,1.00,2.00,31.00,42.50,10.00,20.25,11.00,20.25,12.00,20.25,13.00,20.25,14.00,20.25\n"));
    CHECK(tells(TABLE_JSON, true,
        "{\"pictures\": [\n  {\"path\": \"high.png\", \"width\": 8, \"height\": 9, \"faces\": []},\n"
        "  {\"path\": \"folder/b.png\", \"width\": 8, \"height\": 8, \"faces\": [\n"
        "    {\"score\": 0.750000, \"box\": [1.00, 2.00, 31.00, 42.50], \"landmarks\": [[10.00, 20.25], [11.00, 20.25], "
        "[12.00, 20.25], [13.00, 20.25], [14.00, 20.25]]}]}\n], \"partial\": true}\n"));
}

static void test_saving(void)
{
    const ImageText text = {"Software", "a test"};
    Error why;
    Image back;
    Photo photo = {.image = new_picture(60, 50, 3), .faces = find(folder, &(Image){8, 8, 3, NULL})};
    const PlotCanvas canvas = photo_annotated(&photo);
    int drawn = 0;
    for (int i = 0; i < 60 * 50 * 3; i++) drawn += canvas.rgb[i] != 0;
    CHECK(canvas.width == 60 && canvas.height == 50 && drawn > 100 && photo.image.pixels[0] == 0);
    save_photo("saved.png", &photo.image, "one/a.png", &text);
    CHECK(try_picture("saved.png", 0, &back, &why) && back.width == 60);
    size_t size;
    const char *bytes = read_file("saved.png", 1 << 20, &size);
    bool says = false;
    for (size_t i = 0; i + 6 < size; i++) says |= memcmp(bytes + i, "a test", 6) == 0;
    CHECK(says);
    /* An original that says something of itself: an EXIF block (little-endian, one entry, 0x10e: a description), a profile. */
    static unsigned char exif[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x0e, 1, 2, 0, 4, 0, 0, 0, 'M', 'e', '!', 0, 0, 0, 0, 0};
    static unsigned char profile[200] = {0, 0, 0, 200, [16] = 'R', 'G', 'B', ' ', [150] = 7};
    char why_not[IMAGE_ERROR_SIZE];
    ImageNotes notes = {exif, profile, sizeof exif, sizeof profile}, kept;
    CHECK(image_save_notes("told.png", &photo.image, &notes, NULL, 0, why_not));
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "saved.jpg" : "saved.png";
        save_photo(name, &photo.image, "told.png", &text);
        bytes = read_file(name, 1 << 20, &size);
        CHECK(image_read_notes(bytes, size, &kept, why_not) && kept.profile_size == sizeof profile);
        CHECK(kept.profile && memcmp(kept.profile, profile, sizeof profile) == 0);
        bool described = false;
        for (size_t k = 0; k + 3 < kept.exif_size; k++) described |= memcmp(kept.exif + k, "Me!", 3) == 0;
        CHECK(described);
        image_notes_free(&kept);
    }
    save_photo("plain.png", &photo.image, NULL, NULL);
    bytes = read_file("plain.png", 1 << 20, &size);
    CHECK(image_read_notes(bytes, size, &kept, why_not) && !kept.exif_size && !kept.profile_size);
    image_notes_free(&kept);
}

int main(void)
{
    Scope all;
    enter(&all);
    if (!begin_folder("photos") || chdir(folder)) return 1;
    write_grey("one/a.png", 80, 40, 1), write_grey("two/a.png", 8, 8, 3);
    write_grey("folder/b.png", 8, 8, 3), write_grey("folder/c.png", 8, 8, 4), write_grey("high.png", 8, 9, 3);
    make_folder("empty"), write_file("cut.png", "\x89PNG\r\n", 6);
    test_each();
    test_keeping();
    test_finding();
    test_telling();
    test_saving();
    CHECK(end_folder());
    leave();
    return check_report();
}
