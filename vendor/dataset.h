/* dataset.h: sets of labelled pictures: folders, and the lists that data sets are published as.
 *
 *     #define DATASET_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "dataset.h"
 *
 *     DataSet set;
 *     dataset_open(&set, "fer2013.csv", &(DataOptions){.split = SPLIT_TRAIN});
 *     for (int i = 0; i < set.count; i++) {
 *         if (dataset_read(&set, i, 48, 1, pixels, &why)) use(pixels, set.class_names[set.label[i]]);
 *         else fprintf(stderr, "%s\n", why.text);
 *     }
 *
 * It builds on owned.h and options.h, which it includes, and on what owned.h builds on: define their X_IMPLEMENTATION,
 * too. Define DATASET_STATIC as well to keep every function private to that file. C11 of gcc or clang and POSIX.1-2008
 * (with a strict -std=c11 pass -D_GNU_SOURCE); the declarations are C++17, too. Functions give up where they fail
 * (scope.h); a set belongs to the scope that was the innermost when it was opened, or to the one that the options name.
 * Messages about options call them as a command line would.
 *
 * Every kind of data set ends as one DataSet: a list of pictures, each with a label and a split. Reading a list only
 * lists what there is; choosing classes and a split comes after, the same for all; pictures are decoded when they are
 * asked for. Nothing depends on the order in which a file system lists names, on time, or on threads.
 *
 *     folders, a list --list--> every picture --choose--> one split, the classes asked for --read--> pixels
 *
 * What is read, and how it is recognised. The kind is what dataset_gather calls it:
 *
 *     kind       first row, or files                           numbers             splits
 *     ---------  --------------------------------------------  ------------------  ------------------------------------
 *     folder     root/happy/1.jpg, root/train/happy/1.jpg      RAF-DB's, if the    the folders train, val(idation),
 *                                                              folders are 1 to 7  dev, test in any usual spelling
 *     affectnet  train_set/images/7.jpg and                    AffectNet's         train_set, val_set
 *                train_set/annotations/7_exp.npy
 *     affectnet  subDirectory_filePath,face_x,...,expression   AffectNet's         a column `split`, else the file's
 *                or path,label; or nine columns without names                      name: training.csv, validation.csv
 *     fer2013    emotion,pixels,Usage                          FER2013's           Usage: Training, PublicTest
 *                                                                                  (validation), PrivateTest (test)
 *     ferplus    Usage,Image name,neutral,happiness,...        names; votes        Usage
 *                and fer2013.csv beside it
 *     rafdb      train_00001.jpg 5                             RAF-DB's            train_ and test_
 *     affwild2   Neutral,Anger,Disgust,... and then a number   the header's        folders: EXPR/Train_Set/video7.txt
 *                a frame; one file a video
 *                images/1.jpg happy, without names             AffectNet's         the file's name
 *                CelebA's list_attr_celeba.txt: a count, then  1 and -1            list_eval_partition.txt beside it
 *                attributes' names; or image_id,Smiling,...
 *
 * Where the kind is said (dataset_gather), folders called by numbers and the numbers of a list path,label are that
 * kind's: Kaggle's copies are such. Names like train_00001_aligned.jpg in a list are RAF-DB's even if nobody says so.
 *
 * Sources: FER2013 (Goodfellow et al. 2013), FERPlus (Barsoum et al. 2016), RAF-DB (Li et al. 2017), AffectNet
 * (Mollahosseini et al. 2017), CelebA (Liu et al. 2015), Aff-Wild2 (Kollias and Zafeiriou 2019).
 *
 * People write "anger", "Angry" and "ANGRY": the seven emotions that these sets are about have one name each here, and
 * come first, in AffectNet's order. Any other class keeps its name. Whatever was guessed is kept in `notes`.
 */
#ifndef DATASET_H
#define DATASET_H

#include "owned.h"
#include "options.h"
#include <signal.h>
#include <stdint.h>

#ifdef DATASET_STATIC
#define DATASET_API static inline
#elif defined(__cplusplus)
#define DATASET_API extern "C"
#else
#define DATASET_API
#endif

/* ---- words ---- */

enum { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLITS, SPLIT_ALL = SPLITS };
static const char *const split_names[SPLITS] = {"train", "validation", "test"};

enum { EMOTION_NEUTRAL, EMOTION_HAPPY, EMOTION_SAD, EMOTION_SURPRISE, EMOTION_FEAR, EMOTION_DISGUST, EMOTION_ANGRY,
       EMOTIONS };
static const char *const emotion_names[EMOTIONS] = {"neutral", "happy", "sad", "surprise", "fear", "disgust", "angry"};

/* Which split, which emotion is called so, in any usual spelling; -1: none is. */
DATASET_API int dataset_split(const char *name);
DATASET_API int dataset_emotion(const char *name);

/* Which of n names it is, upper and lower case being the same, or which means the same emotion; -1: none. */
DATASET_API int dataset_name_of(const char (*names)[NAME_ROOM], int n, const char *name, size_t length);

/* ---- the set ---- */

enum { ATTRIBUTE_WHOLE = 255 };         /* an attribute that is there; below it lie shares, such as intensities */

typedef struct DataOptions {
    const char *classes;                /* "angry,happy,sad": these, labelled 0, 1, 2. NULL: all, emotions first */
    const char *attributes;             /* columns of a list: "Smiling,Male", "intensity,AU12", "all"; NULL: classes */
    int split;                          /* SPLIT_TRAIN ... SPLIT_ALL */
    int limit;                          /* at most so many pictures, spread evenly over the set; 0: no limit */
    int crop;                           /* side of the centred square to cut out, in source pixels; 0: the largest */
    int unlabelled;                     /* a folder of pictures without classes, or with a single one, will do */
    int every_label;                    /* rows whose label is no emotion stay, as classes such as "other" */
    const struct DataNumbers *numbers;  /* whose numbers its classes have; NULL: nobody said */
    const Names *more;                  /* where its pictures lie (folders, videos, fer2013.csv); NULL: beside it */
    Scope *home;                        /* the set shall belong to it; NULL: to the innermost */
    void (*warn)(const char *format, ...);      /* is told what is odd; NULL: nobody is */
    const volatile sig_atomic_t *stop;  /* not 0: dataset_look gives up; NULL: never */
} DataOptions;

typedef struct DataPlace {              /* where in its picture the face is, as far as the list tells */
    int box[4];                         /* left, top, right, bottom; right 0: not told */
    char half;                          /* 'l' or 'r': the person on the left or right; 0: not told */
} DataPlace;

typedef struct DataSet {
    const char *format;                 /* "image folders", "CSV list", ...: what it turned out to be */
    char *path, *root;                  /* as the user gave it; the folder that paths are relative to */
    int count, room, n_classes;
    char **class_names;                 /* (n_classes), the attributes' names in attribute mode */
    int *label;                         /* (count); -1: of no wanted class */
    uint8_t *split;                     /* (count) */
    uint8_t *attributes;                /* (count, n_classes) in attribute mode, 0 to ATTRIBUTE_WHOLE; else NULL */
    DataPlace *place;                   /* (count), or NULL where the list tells of none */
    uint8_t *damaged;                   /* (count) 1 once a picture turned out to be unreadable */
    size_t *where;                      /* (count) where a picture's path begins in `text`, or its pixels in `raw` */
    char *text;                         /* all paths, each with its final zero */
    unsigned char *raw;                 /* pixels that stood in the list itself: squares of raw_side, grey */
    size_t text_used, text_room, raw_used, raw_room;
    int raw_side;
    int dropped;                        /* rows of a list whose label is none of the emotions */
    int missing;                        /* files that a list names and that do not exist, and the first of them */
    const char *first_missing;
    Names notes;                        /* how names and numbers were understood */
    Names passed;                       /* what lies in its folders and is no part of it, a line each */
    const struct DataNumbers *numbers;  /* the last that `notes` tells of */
    int unlabelled, listed;             /* one class "all"; a list names the files */
    DataOptions options;
} DataSet;

/* ---- opening ---- */

/* Opens whatever the path names: lists, then chooses. Messages about options call them as a command line would. */
DATASET_API void dataset_open(DataSet *set, const char *path, const DataOptions *options);

/* The same, where a set that has no such pictures is no failure. */
DATASET_API bool dataset_try(DataSet *set, const char *path, const DataOptions *options, Error *why);

/* Opens the part that `asked` names, "train", ... or "all"; where that is "", the first there is of n `parts`. */
DATASET_API void dataset_open_part(DataSet *set, const char *path, DataOptions options, const char *asked,
                                   const int *parts, int n);

/* Lists every picture of every split, without choosing any. */
DATASET_API void dataset_list(DataSet *set, const char *path, const DataOptions *options);

/* Adds a list's rows. A second list of the same kind adds its rows to those of the first. */
DATASET_API void dataset_add_list(DataSet *set, const char *path);

/* A published data set of a kind (see above), from its parts. The first part is the list or the folder; files after it
 * are further lists (where something lies beside a list, the first of them is that), folders after it are where
 * pictures, frames or videos lie. */
DATASET_API bool dataset_is_kind(const char *kind);
DATASET_API const char *dataset_kinds(void);                            /* "ferplus, rafdb, ..." */
DATASET_API void dataset_gather(DataSet *set, const char *kind, char *const *parts, int count,
                                const DataOptions *options);

/* ---- choosing ---- */

/* The classes that the set shall have: those asked for, or all that have a picture, in order. */
DATASET_API Names dataset_classes(const DataSet *set, const char *asked);

/* The classes' numbers, emotions first, then the others by name. */
DATASET_API int *dataset_sorted(const DataSet *set);

/* Renumbers the classes; keeps the pictures of one split with a label, that exist; both, with `limit` and checks. */
DATASET_API void dataset_order(DataSet *set, const char *asked);
DATASET_API void dataset_keep(DataSet *set, int split);
DATASET_API void dataset_choose(DataSet *set);

/* Pictures of a class (with an attribute) in a split, or in SPLIT_ALL. */
DATASET_API int dataset_count(const DataSet *set, int class_, int split);

/* The picture number `rank` (from 0) of a class, or of all where there are attributes; -1: there are not so many. */
DATASET_API int dataset_find(const DataSet *set, int class_, int rank);

/* Gives up where there are more than so many classes, or a name that a list with commas, a line or a table's first row
 * could not give back, or of more letters. */
DATASET_API void dataset_check_names(const DataSet *set, int classes, int letters);

/* Are the classes called "1", "2"? Whose numbers they are, nobody said. */
DATASET_API bool dataset_is_numbered(const DataSet *set);

/* Warns of such classes, and of what was passed over. */
DATASET_API void dataset_warn(const DataSet *set);

/* `order`: every picture once, as chance has put them. The same order cuts the same way, so that two openings of one
 * set become a training and a validation part.
 * dataset_part: splits a share of every class off, and keeps that part, or the rest.
 * dataset_balance: gives every class as many pictures, all once before any is repeated. How: "oversample" to the
 * largest class's, "undersample" to the smallest's, "augment:N" to N. */
DATASET_API void dataset_part(DataSet *set, const int *order, double share, bool keep_share);
DATASET_API void dataset_balance(DataSet *set, const int *order, const char *how);

/* ---- pictures ---- */

enum { DATASET_PATH = FILES_PATH + 8 };         /* a path that is cut to this is still too long for any system */

/* The file of picture `index`; in words that help to find it, where it comes from. */
DATASET_API const char *dataset_path(const DataSet *set, int index, char path[DATASET_PATH]);
DATASET_API const char *dataset_name(const DataSet *set, int index);

/* Is the file one of the set's pictures, however the two are written? */
DATASET_API bool dataset_has_picture(const DataSet *set, const char *file);

/* The k of "video7.mp4#k", and (unless NULL) how long the video's own path is; 0: it is none of a video's frame. */
DATASET_API long dataset_frame(const char *path, int *length);

/* One picture as its file or its row has it, from malloc; channels 0: as many as it has. On failure errno is
 * image_load's: 0 where the picture is to blame. */
DATASET_API bool dataset_image(const DataSet *set, int index, int channels, Image *image, char error[IMAGE_ERROR_SIZE]);

/* The same, the scope's. False, and why, where the picture is to blame. */
DATASET_API bool dataset_picture(const DataSet *set, int index, int channels, Image *out, Error *why);

/* The centred square of `crop` pixels a side (0: the largest), scaled to (size, size, channels of the image). */
DATASET_API void dataset_square(Image image, int crop, int size, unsigned char *pixels);

/* Picture `index` as (size, size, channels) bytes. False as above. */
DATASET_API bool dataset_read(const DataSet *set, int index, int size, int channels, unsigned char *pixels, Error *why);

/* Reads picture `index`, or the next one that can be read in its place, and tells which. One that cannot be read is
 * warned of once, by whichever thread; when more than half of the set cannot be read, something else is wrong. */
DATASET_API int dataset_read_next(const DataSet *set, int index, int size, int channels, unsigned char *pixels);

/* The first picture from `index` on that is not known to be unreadable; how many are. */
DATASET_API int dataset_readable(const DataSet *set, int index);
DATASET_API int dataset_damaged(const DataSet *set);

/* What looking at a picture told. `twin`: the first picture with the same pixels (compared by a 64-bit hash), whatever
 * their files are called; itself, if no earlier one has them or all of its pixels are the same. */
typedef struct DataLook {
    int index, twin, width, height;
    bool readable;
    ImageLook look;
    const char *why;                    /* where it is not readable */
} DataLook;

/* Opens every picture once: (count). */
DATASET_API DataLook *dataset_look(const DataSet *set);

/* Which pictures a clean set keeps, (count): none that is damaged or of one colour; of those with the same pixels one,
 * of the test or validation part if there is one there, or none, if their labels contradict each other. */
DATASET_API bool *dataset_clean(const DataSet *set, const DataLook *looks);

/* Writes a list path,label,split of the pictures to keep, and says how many there are. */
DATASET_API int dataset_write(const DataSet *set, const bool *keep, const char *path);

/* Writes such a list of all pictures of n sets. Gives up where one's pictures are no files. */
DATASET_API void dataset_join(DataSet *const *sets, int n, const char *path);

/* A folder that has a labels.csv as well: which pictures this names and are lost, and which are there without its
 * word. */
DATASET_API void dataset_strays(const DataSet *set, Names *lost, Names *strays);

/* How names and numbers were understood, a line each behind an empty one. */
DATASET_API void dataset_print_notes(const DataSet *set, FILE *to);

#endif /* DATASET_H */

#if defined(DATASET_IMPLEMENTATION) && !defined(DATASET_IMPLEMENTED)
#define DATASET_IMPLEMENTED

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------------------------------------------------------
 * 1  Words and numbers: all the guessing that is done
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct DataWord { const char *name; int value; } DataWord;

/* The value of the name in the table, upper and lower case being the same; -1 where it is not there. */
static int dataset_word(const DataWord *table, const char *name)
{
    while (table->name && strcasecmp(table->name, name) != 0) table++;
    return table->value;
}

DATASET_API int dataset_split(const char *name)
{
    static const DataWord words[] = {
        {"train", SPLIT_TRAIN}, {"training", SPLIT_TRAIN}, {"validation", SPLIT_VALIDATION},
        {"valid", SPLIT_VALIDATION}, {"val", SPLIT_VALIDATION}, {"dev", SPLIT_VALIDATION},
        {"development", SPLIT_VALIDATION}, {"publictest", SPLIT_VALIDATION}, {"test", SPLIT_TEST},
        {"testing", SPLIT_TEST}, {"privatetest", SPLIT_TEST}, {NULL, -1}
    };
    return dataset_word(words, name);
}

DATASET_API int dataset_emotion(const char *name)
{
    static const DataWord words[] = {
        {"neutral", EMOTION_NEUTRAL}, {"calm", EMOTION_NEUTRAL}, {"happy", EMOTION_HAPPY}, {"happiness", EMOTION_HAPPY},
        {"joy", EMOTION_HAPPY}, {"sad", EMOTION_SAD}, {"sadness", EMOTION_SAD}, {"surprise", EMOTION_SURPRISE},
        {"surprised", EMOTION_SURPRISE}, {"suprise", EMOTION_SURPRISE}, {"fear", EMOTION_FEAR},
        {"fearful", EMOTION_FEAR}, {"scared", EMOTION_FEAR}, {"disgust", EMOTION_DISGUST},
        {"disgusted", EMOTION_DISGUST}, {"angry", EMOTION_ANGRY}, {"anger", EMOTION_ANGRY}, {NULL, -1}
    };
    return dataset_word(words, name);
}

DATASET_API int dataset_name_of(const char (*names)[NAME_ROOM], int n, const char *name, size_t length)
{
    for (int i = 0; i < n; i++)
        if (strlen(names[i]) == length && strncasecmp(names[i], name, length) == 0) return i;
    int meant = dataset_emotion(own_text("%.*s", (int)length, name));
    for (int i = 0; i < n && meant >= 0; i++)
        if (dataset_emotion(names[i]) == meant) return i;
    return -1;
}

enum { DATA_PATH, DATA_LABEL, DATA_SPLIT, DATA_PIXELS, DATA_FACE_X, DATA_FACE_Y, DATA_FACE_WIDTH, DATA_FACE_HEIGHT,
       DATA_COLUMNS };

static const DataWord dataset_columns[] = {
    {"path", DATA_PATH}, {"subDirectory_filePath", DATA_PATH}, {"image", DATA_PATH}, {"img", DATA_PATH},
    {"file", DATA_PATH}, {"filename", DATA_PATH}, {"file_name", DATA_PATH}, {"filepath", DATA_PATH},
    {"file_path", DATA_PATH}, {"image_path", DATA_PATH}, {"image_name", DATA_PATH}, {"img_path", DATA_PATH},
    {"img_name", DATA_PATH}, {"image_id", DATA_PATH}, {"image_file", DATA_PATH}, {"picture", DATA_PATH},
    {"photo", DATA_PATH}, {"pth", DATA_PATH}, {"label", DATA_LABEL}, {"labels", DATA_LABEL}, {"class", DATA_LABEL},
    {"class_name", DATA_LABEL}, {"expression", DATA_LABEL}, {"emotion", DATA_LABEL}, {"target", DATA_LABEL},
    {"category", DATA_LABEL}, {"split", DATA_SPLIT}, {"usage", DATA_SPLIT}, {"pixels", DATA_PIXELS},
    {"face_x", DATA_FACE_X}, {"face_y", DATA_FACE_Y}, {"face_width", DATA_FACE_WIDTH},
    {"face_height", DATA_FACE_HEIGHT}, {NULL, -1}
};

/* Who numbers the classes how. A number that nobody explains is taken for AffectNet's. */
typedef struct DataNumbers {
    const char *whose;
    int first, count;                   /* names[0] has the number `first` */
    const char *names[11];
} DataNumbers;

static const DataNumbers
    dataset_fer2013 = {"FER2013", 0, 7, {"angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"}},
    dataset_rafdb = {"RAF-DB", 1, 7, {"surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"}},
    dataset_affectnet = {"AffectNet", 0, 11, {"neutral", "happy", "sad", "surprise", "fear", "disgust", "angry",
                                              "contempt", "none", "uncertain", "no face"}};

static bool dataset_is_number(const DataNumbers *numbers, long number)
{
    return number >= numbers->first && number - numbers->first < numbers->count;
}

/* The name of a number, or "no label". */
static const char *dataset_number_name(const DataNumbers *numbers, long number)
{
    return dataset_is_number(numbers, number) ? numbers->names[number - numbers->first] : "no label";
}

/* "3", or "3.0" as it is called after some program has taken whole numbers for others. */
static bool dataset_whole(const char *text, long *value)
{
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    if (end == text || errno != 0) return false;
    if (*end == '.') end += 1 + strspn(end + 1, "0");
    return *end == 0;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 2  The list of pictures
 *
 * While a list is read the set only grows. Paths are kept one after another in one block of text and pictures hold
 * their places in it, because a data set may have some hundred thousand of them.
 * ------------------------------------------------------------------------------------------------------------- */

enum {
    DATA_CLASSES = 256,                 /* more names than this are not classes but a wrong column */
    DATA_PICTURES = 1 << 28,
    DATA_DROPPED = -1                   /* instead of a label: of no wanted class */
};

static void *dataset_own(const DataSet *set, size_t count, size_t size)
{
    return hand_to(set->options.home, own(count, size));
}

/* Room for so many bytes. */
static void *dataset_room(const DataSet *set, void *memory, size_t *room, size_t bytes)
{
    if (bytes <= *room) return memory;
    *room = 2 * bytes + 4096;
    return memory ? own_again(memory, *room, 1) : dataset_own(set, *room, 1);
}

/* An empty set. */
static DataSet dataset_new(const char *path, const DataOptions *options)
{
    enum { ROOM = 1024 };
    int length = (int)strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    DataSet set = {.format = "", .room = ROOM, .options = *options};
    if (!set.options.home) set.options.home = innermost_scope();
    set.notes.home = set.passed.home = set.options.home;
    set.path = set.root = hand_to(set.notes.home, own_text("%.*s", length, path));
    set.label = dataset_own(&set, ROOM, sizeof *set.label);
    set.split = dataset_own(&set, ROOM, sizeof *set.split);
    set.where = dataset_own(&set, ROOM, sizeof *set.where);
    set.class_names = dataset_own(&set, DATA_CLASSES, sizeof *set.class_names);
    return set;
}

static void dataset_add(DataSet *set, int split, int label, size_t where)
{
    if (set->count >= DATA_PICTURES) give_up(1, "%s: more than %d pictures", set->path, DATA_PICTURES);
    if (set->count == set->room) {
        size_t room = 2 * (size_t)set->room;
        set->label = own_again(set->label, room, sizeof *set->label);
        set->split = own_again(set->split, room, sizeof *set->split);
        set->where = own_again(set->where, room, sizeof *set->where);
        if (set->attributes) set->attributes = own_again(set->attributes, room, (size_t)set->n_classes);
        if (set->place) set->place = own_again(set->place, room, sizeof *set->place);
        set->room = (int)room;
    }
    set->label[set->count] = label;
    set->split[set->count] = (uint8_t)split;
    if (set->place) set->place[set->count] = (DataPlace){0};
    set->where[set->count++] = where;
}

/* Keeps a path, relative to the root, and returns where. */
static size_t dataset_keep_path(DataSet *set, char *path)
{
    size_t where = set->text_used, size = strlen(path) + 1;
    set->text = dataset_room(set, set->text, &set->text_room, where + size);
    memcpy(set->text + where, path, size);
    give_back(path);
    set->text_used += size;
    return where;
}

/* The number of the class of that name, which is made if it is new. */
static int dataset_class(DataSet *set, const char *given)
{
    int emotion = dataset_emotion(given);
    const char *name = emotion >= 0 ? emotion_names[emotion] : given;
    char note[200];
    snprintf(note, sizeof note, "%s is read as %s", given, name);
    if (strcmp(given, name)) names_add_once(&set->notes, note);
    for (int i = 0; i < set->n_classes; i++)
        if (strcmp(set->class_names[i], name) == 0) return i;
    if (set->n_classes == DATA_CLASSES)
        give_up(1, "%s: more than %d classes, the last '%.60s': are these classes?", set->path, DATA_CLASSES, name);
    set->class_names[set->n_classes] = hand_to(set->options.home, own_text("%s", name));
    return set->n_classes++;
}

/* The class of that name, if it is an emotion's or others are wanted as well. */
static int dataset_wanted(DataSet *set, const char *name)
{
    return set->options.every_label || dataset_emotion(name) >= 0 ? dataset_class(set, name) : DATA_DROPPED;
}

/* Says once how numbers were understood. */
static void dataset_note_numbers(DataSet *set, const DataNumbers *numbers)
{
    char text[200];
    if (set->numbers == numbers) return;
    int used = snprintf(text, sizeof text, "numbers are read in %s's order:", numbers->whose);
    for (int i = 0; i < EMOTIONS; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s %d %s", i ? "," : "", numbers->first + i,
                         numbers->names[i]);
    names_add_once(&set->notes, text);
    set->numbers = numbers;
}

DATASET_API const char *dataset_path(const DataSet *set, int index, char path[DATASET_PATH])
{
    const char *name = set->text + set->where[index];
    bool whole = name[0] == '/' || strcmp(set->root, ".") == 0;
    snprintf(path, DATASET_PATH, "%s%s%s", whole ? "" : set->root, whole ? "" : "/", name);
    return path;
}

DATASET_API bool dataset_has_picture(const DataSet *set, const char *file)
{
    char path[DATASET_PATH];
    struct stat there, other;
    if (set->raw || stat(file, &there)) return false;
    for (int i = 0; i < set->count; i++)
        if (!stat(dataset_path(set, i, path), &other) && other.st_ino == there.st_ino && other.st_dev == there.st_dev)
            return true;
    return false;
}

DATASET_API const char *dataset_name(const DataSet *set, int index)
{
    char path[DATASET_PATH];
    if (!set->raw) return own_text("%s", dataset_path(set, index, path));
    size_t bytes = (size_t)set->raw_side * (size_t)set->raw_side;
    return own_text("%s, picture %zu", set->path, set->where[index] / bytes + 1);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 3  Image folders
 *
 *     root/happy/0001.jpg            root/train/happy/0001.jpg
 *     root/sad/0002.png              root/val/sad/0002.png
 *
 * A folder is a class if it holds pictures. Where the folder of an emotion, or one with pictures, holds folders with
 * pictures (happy/S005/1.png), those are its class's, too. Dot files and files that are no pictures are passed over.
 * Of pictures that lie elsewhere, and so are no part of the set, `passed` tells.
 * ------------------------------------------------------------------------------------------------------------- */

enum {
    DATA_DEPTH = 3,                     /* levels of folders in a class's folder */
    DATA_SEEN = 8                       /* levels of folders in which pictures that are passed over are seen */
};

static char *dataset_below(const char *folder, const char *name)
{
    return own_text("%s%s%s", folder, *folder ? "/" : "", name);
}

/* Does it hold names of that kind, itself or in folders at most `depth` levels below? */
static bool dataset_holds(const char *path, int kind, int depth)
{
    Scope inner;
    enter(&inner);
    bool yes = list_folder(path, kind).count > 0;
    Names folders = !yes && depth > 0 ? list_folder(path, NAMES_FOLDERS) : (Names){0};
    for (int i = 0; i < folders.count && !yes; i++)
        yes = dataset_holds(dataset_below(path, folders.items[i]), kind, depth - 1);
    leave();
    return yes;
}

/* A folder of another name than an emotion's that has train, validation or test folders: a data set of its own. */
static bool dataset_is_inner(const char *path, const char *name)
{
    bool found = false;
    Names folders = list_folder(path, NAMES_FOLDERS);
    for (int i = 0; i < folders.count; i++) found |= dataset_split(folders.items[i]) >= 0;
    return found && dataset_emotion(name) < 0;
}

/* How far down the classes' pictures lie: if folders in one class's folder count, they count in all. */
static int dataset_class_depth(const char *path, const Names *classes)
{
    for (int i = 0; i < classes->count; i++) {
        const char *folder = dataset_below(path, classes->items[i]);
        bool sure = dataset_emotion(classes->items[i]) >= 0 || dataset_holds(folder, NAMES_PICTURES, 0);
        Names inner = sure ? list_folder(folder, NAMES_FOLDERS) : (Names){0};
        for (int k = 0; k < inner.count; k++)
            if (dataset_holds(dataset_below(folder, inner.items[k]), NAMES_PICTURES, DATA_DEPTH - 1)) return DATA_DEPTH;
    }
    return 0;
}

/* What a file is, is known by the ending of its name: pictures without one are told of. The first few are looked at. */
static void dataset_tell_nameless(DataSet *set, const char *path)
{
    enum { LOOKED_AT = 5 };
    char why[FILES_ERROR], **names = NULL;
    size_t count = 0, nameless = 0;
    int width, height, pictures = 0;
    if (!files_list(path, FILES_FILES, &names, &count, why)) return;
    for (size_t i = 0; i < count; i++)
        if (!strchr(names[i], '.') && nameless++ < LOOKED_AT)
            pictures += image_probe_file(own_text("%s/%s", path, names[i]), &width, &height) != 0;
    files_list_free(names, count);
    if (pictures)
        names_add_once(&set->passed, own_text("%s: %zu files without an ending are passed over, and some are pictures: "
                                              "rename them, .jpg or .png", path, nameless));
}

/* Adds the pictures of root/folder, and of folders in it, as one class. */
static void dataset_add_pictures(DataSet *set, const char *folder, const char *class_name, int split, int depth)
{
    Scope inner;
    enter(&inner);
    const char *path = own_text("%s/%s", set->root, folder);
    Names pictures = list_folder(path, NAMES_PICTURES);
    int label = pictures.count ? dataset_class(set, class_name) : 0;
    dataset_tell_nameless(set, path);
    for (int i = 0; i < pictures.count; i++)
        dataset_add(set, split, label, dataset_keep_path(set, dataset_below(folder, pictures.items[i])));
    Names folders = depth > 0 ? list_folder(path, NAMES_FOLDERS) : (Names){0};
    int before = set->count;
    for (int i = 0; i < folders.count; i++)
        dataset_add_pictures(set, dataset_below(folder, folders.items[i]), class_name, split, depth - 1);
    if (set->count > before) names_add_once(&set->notes, "pictures in folders of a class's folder are that class's");
    leave();
}

/* Are these the numbers of this numbering's classes? */
static bool dataset_are_numbers(const Names *names, const DataNumbers *numbers)
{
    long number;
    for (int i = 0; i < names->count; i++)
        if (!dataset_whole(names->items[i], &number) || !dataset_is_number(numbers, number)) return false;
    return names->count > 0;
}

/* Who numbered these folders: who is said to have, or RAF-DB, which goes round as folders called 1 to 7; or nobody. */
static const DataNumbers *dataset_numbers_of_folders(const DataSet *set, const Names *folders)
{
    const DataNumbers *said = set->options.numbers, *numbers = said ? said : &dataset_rafdb;
    return (said || folders->count == 7) && dataset_are_numbers(folders, numbers) ? numbers : NULL;
}

/* Adds every class folder of root/folder; the folder "" is the root itself. */
static void dataset_add_classes(DataSet *set, const char *folder, int split)
{
    Scope inner;
    enter(&inner);
    const char *path = own_text("%s/%s", set->root, folder);
    Names classes = list_folder(path, NAMES_FOLDERS);
    int depth = dataset_class_depth(path, &classes);
    const DataNumbers *numbers = dataset_numbers_of_folders(set, &classes);
    for (int i = 0; i < classes.count; i++) {
        const char *name = classes.items[i], *below = dataset_below(folder, name);
        const char *meant = numbers ? dataset_number_name(numbers, atol(name)) : name;
        int before = set->count;
        if (dataset_is_inner(dataset_below(path, name), name)) continue;
        dataset_add_pictures(set, below, meant, split, depth);
        if (set->count == before && dataset_emotion(meant) >= 0)
            names_add_once(&set->passed, own_text("%s: no picture is found in this class's folder",
                                                  dataset_below(path, name)));
    }
    if (numbers && set->count) dataset_note_numbers(set, numbers);
    leave();
}

/* ---- AffectNet as it is given out since 2021: train_set/images/7.jpg, train_set/annotations/7_exp.npy ---- */

/* Bytes, which may be big endian, as one number. */
static uint64_t dataset_npy_bits(const unsigned char *at, size_t bytes, bool big)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes; i++) bits |= (uint64_t)at[big ? bytes - 1 - i : i] << 8 * i;
    return bits;
}

/* A float or a double that is a whole number. */
static bool dataset_npy_real(uint64_t bits, size_t bytes, long *number)
{
    uint32_t half = (uint32_t)bits;
    float single;
    double value;
    memcpy(&single, &half, sizeof single), memcpy(&value, &bits, sizeof value);
    if (bytes == sizeof single) value = single;
    if ((bytes != sizeof single && bytes != sizeof value) || !(fabs(value) < 1e9)) return false;
    *number = (long)value;
    return value == (double)*number;
}

/* The number that one item says, of the kind U or S (texts), i, u, b (whole numbers) or f. */
static bool dataset_npy_item(const unsigned char *at, size_t bytes, char kind, bool big, long *number)
{
    char text[32] = "";
    size_t step = kind == 'U' ? 4 : 1, last = big ? step - 1 : 0;
    if (kind == 'U' || kind == 'S') {
        for (size_t i = 0; i < sizeof text - 1 && (i + 1) * step <= bytes; i++) text[i] = (char)at[i * step + last];
        return dataset_whole(text, number);
    }
    if (bytes < 1 || bytes > 8) return false;
    uint64_t bits = dataset_npy_bits(at, bytes, big), sign = (uint64_t)(kind == 'i') << (8 * bytes - 1);
    if (kind == 'f') return dataset_npy_real(bits, bytes, number);
    *number = (long)((int64_t)(bits ^ sign) - (int64_t)sign);
    return kind == 'i' || kind == 'u' || kind == 'b';
}

/* The one number of an .npy file, whatever its type is. */
static long dataset_npy(const char *path)
{
    size_t size;
    char *data = read_file(path, 4096, &size), *end = memchr(data, '\n', size), order = 0, kind = 0;
    long number;
    if (size < 10 || memcmp(data, "\x93NUMPY", 6) || !end) give_up(1, "%s: is no .npy file", path);
    *end++ = 0;
    const char *type = strstr(data + 10, "'descr'");
    size_t bytes = (size_t)(data + size - end), item = 0;
    bool one = type && sscanf(type, "'descr' : '%c%c%zu", &order, &kind, &item) == 3 &&
               bytes == item * (kind == 'U' ? 4 : 1);
    if (!one || !dataset_npy_item((unsigned char *)end, bytes, kind, order == '>', &number))
        give_up(1, "%s: holds no whole number", path);
    return number;
}

static bool dataset_is_annotated(const char *folder)
{
    return is_folder(own_text("%s/images", folder)) && is_folder(own_text("%s/annotations", folder));
}

/* Adds one of root/folder/images with the expression in its annotation; false: it has none. */
static bool dataset_add_annotated_one(DataSet *set, const char *folder, const char *name, int split)
{
    int stem = (int)(strrchr(name, '.') - name);
    const char *annotation = own_text("%s/%s/annotations/%.*s_exp.npy", set->root, folder, stem, name);
    if (!path_exists(annotation)) return false;
    int label = dataset_wanted(set, dataset_number_name(&dataset_affectnet, dataset_npy(annotation)));
    set->dropped += label == DATA_DROPPED;
    char *path = dataset_below(dataset_below(folder, "images"), name);
    if (label != DATA_DROPPED) dataset_add(set, split, label, dataset_keep_path(set, path));
    return true;
}

static void dataset_add_annotated(DataSet *set, const char *folder, int split)
{
    const char *path = own_text("%s/%s", set->root, folder), *first = NULL;
    Names pictures = list_folder(own_text("%s/images", path), NAMES_PICTURES);
    int without = 0;
    dataset_note_numbers(set, &dataset_affectnet);
    for (int i = 0; i < pictures.count; i++) {
        Scope inner;
        enter(&inner);
        bool added = dataset_add_annotated_one(set, folder, pictures.items[i], split);
        leave();
        if (!added && without++ == 0) first = pictures.items[i];
    }
    if (without && without == pictures.count)
        give_up(1, "%s: none of its %d pictures has an annotation: of images/%s it would be annotations/, its name, "
                "_exp.npy", path, without, first);
    if (without)
        names_add(&set->passed, own_text("%s: %d pictures have no annotation and are left out, the first is images/%s",
                                         path, without, first));
}

/* Reads all of a root and tells whether there were train, validation or test folders. Only if no class folder holds a
 * picture, pictures outside of class folders count: as the one class "all". */
static bool dataset_add_folders(DataSet *set)
{
    Names folders = list_folder(set->root, NAMES_FOLDERS);
    bool has_splits = false;
    set->format = "image folders";
    if (dataset_is_annotated(set->root)) dataset_add_annotated(set, "", SPLIT_TRAIN);
    for (int i = 0; i < folders.count; i++)
        if (dataset_is_annotated(dataset_below(set->root, folders.items[i])))
            dataset_add_annotated(set, folders.items[i], strncmp(folders.items[i], "val", 3) ? SPLIT_TRAIN :
                                                                                              SPLIT_VALIDATION);
    for (int plain = 0; plain < 2 && set->count == 0; plain++) {
        for (int i = 0; i < folders.count; i++) {
            int split = dataset_split(folders.items[i]);
            if (split < 0) continue;
            has_splits = true;
            if (plain) dataset_add_pictures(set, folders.items[i], "all", split, 0);
            else dataset_add_classes(set, folders.items[i], split);
        }
        if (!has_splits && plain) dataset_add_pictures(set, "", "all", SPLIT_TRAIN, 0);
        if (!has_splits && !plain) dataset_add_classes(set, "", SPLIT_TRAIN);
        set->unlabelled = plain && set->count;
    }
    return has_splits;
}

/* ---- pictures that are there and no part of the set ---- */

typedef struct DataWalk { int next, passed; char first[DATASET_PATH]; } DataWalk;

/* Is it the path of a file in that folder itself? */
static bool dataset_is_in(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

/* Counts the pictures at or below root/folder that are not in the set. Of a folder it has all or none, and in the order
 * of this walk: the one behind those that were met is number `next`. */
static void dataset_count_passed(const DataSet *set, DataWalk *walk, const char *folder, int depth)
{
    Scope inner;
    enter(&inner);
    const char *path = own_text("%s/%s", set->root, folder);
    int before = walk->next;
    while (walk->next < set->count && dataset_is_in(set->text + set->where[walk->next], folder)) walk->next++;
    int pictures = walk->next > before ? 0 : list_folder(path, NAMES_PICTURES).count;
    if (pictures && !walk->passed) snprintf(walk->first, sizeof walk->first, "%s", path);
    walk->passed += pictures;
    Names folders = depth > 0 ? list_folder(path, NAMES_FOLDERS) : (Names){0};
    for (int i = 0; i < folders.count; i++)
        dataset_count_passed(set, walk, dataset_below(folder, folders.items[i]), depth - 1);
    leave();
}

/* Those beside the folders, but for an import's chart. */
static void dataset_tell_loose(DataSet *set)
{
    Names pictures = list_folder(set->root, NAMES_PICTURES);
    int loose = 0;
    for (int i = 0; i < pictures.count; i++) loose += strncmp(pictures.items[i], "distribution.", 13) != 0;
    if (loose && (!set->count || strchr(set->text + set->where[0], '/')))
        names_add(&set->passed, own_text("%s: %d pictures beside the folders are passed over", set->root, loose));
}

/* Tells of them, for each folder of the root. */
static void dataset_tell_passed(DataSet *set, bool has_splits)
{
    Names folders = list_folder(set->root, NAMES_FOLDERS);
    DataWalk walk = {0};
    dataset_tell_loose(set);
    for (int i = 0; i < folders.count; i++) {
        const char *name = folders.items[i], *path = dataset_below(set->root, name);
        walk.passed = 0;
        dataset_count_passed(set, &walk, name, DATA_SEEN);
        if (!walk.passed) continue;
        names_add(&set->passed,
                  has_splits && dataset_split(name) < 0 ?
                  own_text("%s: its %d pictures are passed over: it is none of train, validation and test", path,
                           walk.passed) :
                  dataset_is_inner(path, name) ? own_text("%s: is a data set of its own and passed over", path) :
                  own_text("%s: %d pictures are passed over, the first in %s: only those in a class's folder, or at "
                           "most %d folders below it, count", path, walk.passed, walk.first, DATA_DEPTH));
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 4  Lists                                                                          (rows of fields are table.h's)
 *
 * A row of a list tells a picture's split, its label and where it is. What differs from format to format stands in the
 * format's row of the table in 7: each answers the same three questions in its own way. Rows with another label than
 * the emotions are counted and left out, unless every_label wants them. Paths are relative to the list's folder.
 * ------------------------------------------------------------------------------------------------------------- */

enum { DATA_FIELDS = 128 };

typedef struct DataPart { const char *name; int split; } DataPart;

typedef struct DataList {               /* a list that is being read */
    const struct DataFormat *format;
    TableReader *table, *beside;        /* beside: FERPlus' second list, which is read in step */
    int column[DATA_COLUMNS];           /* which field is what; -1: none is */
    int meaning[DATA_FIELDS + 2];       /* attributes: the field of class k; annotations: the class of number k */
    int count;                          /* the fields of a row; annotations: how many numbers there are */
    unsigned seen;                      /* bit k: the number k is a label */
    Names votes;                        /* the classes that votes are for, a column each */
    DataPart *parts;                    /* CelebA's partition, by name */
    int n_parts, parts_room;
    const char *folder, *ending;        /* where the pictures lie, and what their files' names have gained */
    const struct DataFootage *footage;  /* annotations: the pictures, */
    const char *video;                  /* the video's name, */
    int split;                          /* and its split */
} DataList;

typedef struct DataFormat {             /* a kind of data set: a row of the table in 7 */
    const char *name, *kind;            /* in words; as dataset_gather calls it (NULL: not at all) */
    bool (*is)(DataList *list);         /* its signature: this holds of the first row, */
    int which;                          /* or, NULL, the row names this column and that of the label */
    bool copied;                        /* goes round as image folders or as a list path,label, too: Kaggle's copies */
    bool many;                          /* a folder of such lists, one a video, is the data set */
    const char *files[3], *beside;      /* where it lies in a folder, and a list that must lie beside it */
    const DataNumbers *numbers;
    const char *folders[9], *ending;    /* where its pictures usually lie, and what their names may gain */
    void (*open)(DataSet *set, DataList *list);
    int (*split)(DataList *list);               /* is the row as it must be, and of which split? NULL: the list's */
    int (*label)(DataSet *set, DataList *list); /* NULL: 0 */
    size_t (*picture)(DataSet *set, DataList *list);
    DataPlace (*place)(const DataList *list);   /* where in its picture is the face? */
} DataFormat;

SCOPE_FORMAT(2, 3) SCOPE_NORETURN static void dataset_give_up_row(const TableReader *table, const char *format, ...)
{
    char why[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    give_up(1, "%s, line %d: %s", table->path, table->line_number, why);
}

/* The text of a column, which the list has. */
static char *dataset_field(const DataList *list, int which)
{
    return list->table->fields[list->column[which]];
}

static void dataset_find_columns(DataList *list, const TableReader *header)
{
    for (int i = 0; i < DATA_COLUMNS; i++) list->column[i] = -1;
    for (int i = 0; i < header->n_fields; i++) {
        int which = dataset_word(dataset_columns, header->fields[i]);
        if (which >= 0 && list->column[which] < 0) list->column[which] = i;
    }
}

static bool dataset_has_columns(const DataList *list, int which)
{
    return list->column[DATA_LABEL] >= 0 && list->column[which] >= 0;
}

/* Where the pictures lie: the first of the usual folders that has the row's, its name with the ending or without. */
static void dataset_find_pictures(const DataSet *set, DataList *list)
{
    const char *name = list->table->fields[0], *dot = strrchr(name, '.'), *ending = list->format->ending;
    int stem = (int)(dot ? dot - name : 0);
    for (int plain = ending == NULL; plain < 2; plain++)
        for (const char *const *usual = list->format->folders; *usual && !list->folder; usual++) {
            const char *gained = plain ? "" : ending;
            if (path_exists(own_text("%s/%s/%.*s%s%s", set->root, *usual, stem, name, gained, name + stem)))
                list->folder = *usual, list->ending = gained;
        }
    if (!list->folder) list->folder = "";
}

/* How much of an attribute there is: a share, or 1 and -1, or whatever else they have become; -1: it is none. */
static double dataset_share(const char *text)
{
    static const DataWord words[] = {{"true", 1}, {"yes", 1}, {"false", 0}, {"no", 0}, {NULL, -1}};
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end) return dataset_word(words, text);
    return value == -1 ? 0 : value >= 0 && value <= 1 ? value : -1;
}

/* The attributes of the picture that was added last. */
static void dataset_read_attributes(DataSet *set, const DataList *list)
{
    uint8_t *row = set->attributes + (size_t)(set->count - 1) * (size_t)set->n_classes;
    for (int k = 0; k < set->n_classes; k++) {
        const char *text = list->table->fields[list->meaning[k]];
        double share = dataset_share(text);
        if (share < 0)
            dataset_give_up_row(list->table, "'%.40s' is '%.20s', not 1, -1 or 0, nor between 0 and 1",
                                set->class_names[k], text);
        row[k] = (uint8_t)(share * ATTRIBUTE_WHOLE + 0.5);
    }
}

static void dataset_read_rows(DataSet *set, DataList *list)
{
    const DataFormat *f = list->format;
    while (more_rows(list->table)) {
        int split = f->split ? f->split(list) : list->split;
        if (!list->folder) dataset_find_pictures(set, list);
        int label = f->label ? f->label(set, list) : 0;
        set->dropped += label == DATA_DROPPED;
        if (label == DATA_DROPPED) continue;
        DataPlace place = f->place ? f->place(list) : (DataPlace){0};
        dataset_add(set, split, label, f->picture(set, list));
        if ((place.box[2] || place.half) && !set->place)
            set->place = dataset_own(set, (size_t)set->room, sizeof *set->place);
        if (set->place) set->place[set->count - 1] = place;
        if (set->attributes) dataset_read_attributes(set, list);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * 5  Lists: fer2013.csv, path lists, RAF-DB, CelebA's attributes, FERPlus
 *
 *     emotion,pixels,Usage                      FER2013: 48 x 48 numbers in one field
 *     0,70 80 82 ... 106,Training
 *
 *     subDirectory_filePath,expression          AffectNet's and others' (other columns are passed over), or path,label
 *     images/0001.jpg,3                         with names or numbers; a column `split` may follow
 *
 *     images/0001.jpg 3                         the same without a header, with a blank or a comma
 *
 *     train_00001.jpg 5                         RAF-DB, 1 to 7; its pictures lie in Image/aligned
 *
 *     202599                                    CelebA's list_attr_celeba.txt: any number of attributes a picture, 1
 *     5_o_Clock_Shadow Arched_Eyebrows ...      or -1
 *     000001.jpg -1  1 ...
 *
 *     path,emotion,intensity,...,AU12,...       any columns of numbers from 0 to 1 are attributes, too, where they are
 *     happy/00001.png,happy,0.8,...,0.8,...     asked for
 *
 *     Usage,Image name,neutral,happiness, ...   FERPlus: ten people's votes on each row of the fer2013.csv beside it
 *     Training,fer0000000.png,4,0,0,1,3,2, ...
 * ------------------------------------------------------------------------------------------------------------- */

/* AffectNet's validation list has no header: nine columns, of which the first is a path, the seventh the expression. */
static bool dataset_is_headless(DataList *list)
{
    TableReader *table = list->table;
    long number;
    if (list->column[DATA_LABEL] >= 0 || table->n_fields != 9 || !strchr(table->fields[0], '/') ||
        !dataset_whole(table->fields[6], &number))
        return false;
    table->again = 1;
    list->column[DATA_PATH] = 0, list->column[DATA_LABEL] = 6;
    for (int i = 0; i < 4; i++) list->column[DATA_FACE_X + i] = 1 + i;
    return true;
}

/* A picture's path and its label from the first line on, with a blank or a comma between them. */
static bool dataset_is_plain(DataList *list)
{
    TableReader *table = list->table;
    if (table->n_fields == 1) {
        table->blanks = 1;
        if (!table_split(table, table->fields[0])) return false;
    }
    table->again = 1;
    list->column[DATA_PATH] = 0, list->column[DATA_LABEL] = 1;
    return table->n_fields == 2 && image_suffix(table->fields[0]);
}

/* AffectNet has no column for the split: its lists are called training.csv and validation.csv. */
static int dataset_split_of_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    char name[64];
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
    name[strcspn(name, ".")] = 0;
    int split = dataset_split(name);
    return split < 0 ? SPLIT_TRAIN : split;
}

/* The name of the row's picture, if it is called as RAF-DB's are, train_00001_aligned.jpg; else NULL. */
static const char *dataset_rafdb_name(const DataList *list)
{
    if (list->column[DATA_PATH] < 0) return NULL;
    const char *path = dataset_field(list, DATA_PATH), *name = path;
    for (; *path; path++)
        if (*path == '/' || *path == '\\') name = path + 1;
    return strstr(name, "_aligned.") && (!strncmp(name, "train_", 6) || !strncmp(name, "test_", 5)) ? name : NULL;
}

/* All columns are there; and no more fields than in the first row: these come of names with commas in them. */
static void dataset_check_fields(const DataList *list)
{
    const TableReader *table = list->table;
    for (int i = 0; i < DATA_COLUMNS; i++)
        if (list->column[i] >= table->n_fields)
            dataset_give_up_row(table, "%d fields, but the header promises at least %d", table->n_fields,
                                list->column[i] + 1);
    for (int i = list->count; i < table->n_fields; i++)
        if (*table->fields[i])
            dataset_give_up_row(table, "%d fields where the first row has %d: a name with a comma (or blank, where "
                                "fields end at blanks) in it must stand in quotes (\")", table->n_fields, list->count);
}

static int dataset_split_by_column(DataList *list)
{
    const TableReader *table = list->table;
    dataset_check_fields(list);
    if (list->column[DATA_SPLIT] < 0) {
        const char *name = dataset_rafdb_name(list);
        return !name ? dataset_split_of_file(table->path) : strncmp(name, "test_", 5) ? SPLIT_TRAIN : SPLIT_TEST;
    }
    int split = dataset_split(dataset_field(list, DATA_SPLIT));
    if (split < 0)
        dataset_give_up_row(table, "'%.40s' is none of train, validation, test", dataset_field(list, DATA_SPLIT));
    return split;
}

/* The face's rectangle, where the list has one: AffectNet's columns face_x, face_y, face_width, face_height. False: the
 * columns are there, and in this row they tell of none (NULL, say). What juts out of the picture's left or top is cut
 * off. */
static bool dataset_rectangle(const DataList *list, int box[4])
{
    double n[4];
    memset(box, 0, 4 * sizeof *box);
    for (int i = 0; i < 4; i++) {
        if (list->column[DATA_FACE_X + i] < 0) return true;
        const char *text = dataset_field(list, DATA_FACE_X + i);
        char *end;
        n[i] = strtod(text, &end);
        if (end == text || *end || !(fabs(n[i]) <= 65535)) return false;
    }
    for (int i = 0; i < 4; i++) box[i] = (int)fmax(floor(n[i % 2] + (i < 2 ? 0 : n[i]) + 0.5), 0);
    return box[2] > box[0] && box[3] > box[1];
}

static DataPlace dataset_place_by_columns(const DataList *list)
{
    DataPlace place = {0};
    dataset_rectangle(list, place.box);
    return place;
}

/* Who numbered the classes: whose data set it is said to be, or as the pictures' names tell, or the format. */
static const DataNumbers *dataset_numbers_of(const DataSet *set, const DataList *list)
{
    if (set->options.numbers) return set->options.numbers;
    return dataset_rafdb_name(list) ? &dataset_rafdb : list->format->numbers;
}

/* AffectNet's begin with 0. */
static void dataset_doubt_numbers(DataSet *set, const DataList *list)
{
    enum { ONE_TO_SEVEN = 0xFE };
    if (list->seen == ONE_TO_SEVEN && set->numbers == &dataset_affectnet && !set->options.numbers)
        names_add(&set->notes, "the numbers are 1 to 7, without a 0: if they are RAF-DB's, import the list as rafdb");
}

/* A label is a name, or a number that a numbering explains. Where a list of faces tells of none in a row,
 * the row is of AffectNet's class for such. */
static int dataset_label_by_column(DataSet *set, DataList *list)
{
    const DataNumbers *numbers = dataset_numbers_of(set, list);
    const char *name = dataset_field(list, DATA_LABEL);
    long number;
    int box[4];
    char *end = NULL;
    if (!*name) dataset_give_up_row(list->table, "the label is empty");
    bool numbered = dataset_whole(name, &number);
    if (!numbered && (strtod(name, &end), end != name && !*end))
        dataset_give_up_row(list->table, "the label '%.40s' is a number and no whole one: is it a class?", name);
    if (numbered) name = dataset_number_name(numbers, number), dataset_note_numbers(set, numbers);
    if (numbered && number >= 0 && number < 32) list->seen |= 1u << number;
    if (list->format->place && dataset_emotion(name) >= 0 && !dataset_rectangle(list, box))
        return dataset_wanted(set, "no face");
    return numbered ? dataset_wanted(set, name) : dataset_class(set, name);
}

/* Appends one row's pixels and returns where. The first row settles the side, all others must agree. */
static size_t dataset_add_pixels(DataSet *set, const TableReader *table, const char *at)
{
    size_t used = set->raw_used, count = 0, side = (size_t)set->raw_side;
    for (at += strspn(at, " "); *at; at += strspn(at, " "), count++) {
        int value = 0, digits = 0;
        for (; *at >= '0' && *at <= '9' && digits < 4; digits++) value = 10 * value + (*at++ - '0');
        if (digits == 0 || value > 255 || (*at && *at != ' '))
            dataset_give_up_row(table, "pixel %zu is no number from 0 to 255", count + 1);
        set->raw = dataset_room(set, set->raw, &set->raw_room, used + count + 1);
        set->raw[used + count] = (unsigned char)value;
    }
    while (set->raw_side == 0 && side * side < count) side++;
    if (side * side != count || side < 2)
        dataset_give_up_row(table, "%zu pixels, but %s", count, set->raw_side ? "the rows before have another number" :
                            "that is no square of at least 2 x 2");
    set->raw_side = (int)side;
    set->raw_used = used + count;
    return used;
}

static size_t dataset_picture_by_pixels(DataSet *set, DataList *list)
{
    return dataset_add_pixels(set, list->table, dataset_field(list, DATA_PIXELS));
}

/* A picture that is called as RAF-DB's may lie in a folder of its number, as in Kaggle's copy. */
static const char *dataset_rafdb_path(const DataSet *set, const DataList *list)
{
    static const char *const usual[] = {"", "DATASET/"};
    const char *name = dataset_rafdb_name(list), *path = dataset_field(list, DATA_PATH);
    long number;
    if (!name || list->column[DATA_LABEL] < 0 || !dataset_whole(dataset_field(list, DATA_LABEL), &number) ||
        path_exists(own_text("%s/%s", set->root, path)))
        return path;
    for (int i = 0; i < 2; i++) {
        const char *there = own_text("%s%.*s/%ld/%s", usual[i], (int)strcspn(name, "_"), name, number, name);
        if (path_exists(own_text("%s/%s", set->root, there))) return there;
    }
    return path;
}

static size_t dataset_picture_by_path(DataSet *set, DataList *list)
{
    char *given = dataset_field(list, DATA_PATH);
    if (!*given) dataset_give_up_row(list->table, "the path is empty");
    for (char *c = given; *c; c++)
        if (*c == '\\') *c = '/';       /* lists made on Windows */
    const char *path = dataset_rafdb_path(set, list), *dot = strrchr(path, '.');
    int stem = (int)(dot && *list->ending ? dot - path : 0);
    return dataset_keep_path(set, own_text("%s%s%.*s%s%s", list->folder, *list->folder ? "/" : "", stem, path,
                                           list->ending, path + stem));
}

/* ---- RAF-DB: there is no header, the first row is "train_00001.jpg 5" ---- */

static bool dataset_is_rafdb(DataList *list)
{
    const char *name = list->table->fields[0];
    return (strncmp(name, "train_", 6) == 0 || strncmp(name, "test_", 5) == 0) && dataset_is_plain(list);
}

static int dataset_split_by_prefix(DataList *list)
{
    char **fields = list->table->fields;
    if (list->table->n_fields != 2 || !strrchr(fields[0], '.'))
        dataset_give_up_row(list->table, "expected a file's name and a number from 1 to 7");
    return strncmp(fields[0], "test_", 5) == 0 ? SPLIT_TEST : SPLIT_TRAIN;
}

/* ---- attributes ---- */

/* A file called ...attr... whose first row is a count, with the names in the next, or begins with image_id. */
static bool dataset_is_attributes(DataList *list)
{
    TableReader *table = list->table;
    const char *name = strrchr(table->path, '/');
    long rows;
    bool counted = table->n_fields == 1 && dataset_whole(table->fields[0], &rows);
    if (!strcasestr(name ? name : table->path, "attr") || !(counted || !strcasecmp(table->fields[0], "image_id")))
        return false;
    table->blanks = 1;
    return !counted || more_rows(table);
}

/* Has the header a field for the picture's name? Kaggle's copy has, CelebA's own list has not. */
static bool dataset_names_pictures(const TableReader *table)
{
    return dataset_word(dataset_columns, table->fields[0]) == DATA_PATH;
}

/* The attributes asked for (NULL or "all": all), in that order, become the set's classes; meaning[k] is the field of
 * class k. */
static void dataset_choose_attributes(DataSet *set, DataList *list)
{
    const TableReader *table = list->table;
    const char *asked = set->options.attributes;
    if (asked && strcmp(asked, "all") == 0) asked = NULL;
    int first = dataset_names_pictures(table), *chosen = list->meaning;
    Names names = asked ? parse_names(asked, "attributes") : (Names){0};
    for (int i = first; !asked && i < table->n_fields; i++) names_add(&names, table->fields[i]);
    for (int k = 0; k < names.count; k++) {
        for (int i = first; i < table->n_fields; i++)
            if (strcasecmp(table->fields[i], names.items[k]) == 0) chosen[k] = i - first + 1;
        if (!chosen[k])
            give_up(2, "%s has no attribute '%s'; it has %s", set->path, names.items[k],
                    joined(table->fields + first, table->n_fields - first));
        set->class_names[set->n_classes++] = hand_to(set->options.home, own_text("%s", names.items[k]));
    }
    set->attributes = dataset_own(set, (size_t)set->room, (size_t)set->n_classes + 1);
}

static int dataset_compare_parts(const void *a, const void *b)
{
    return strcmp(((const DataPart *)a)->name, ((const DataPart *)b)->name);
}

/* "000001.jpg 0": the split of every picture. */
static void dataset_read_partition(DataList *list, const char *path)
{
    TableReader *table = open_table(path, DATA_FIELDS);
    long number;
    table->blanks = 1;
    while (more_rows(table)) {
        if (table->line_number == 1 && strcasecmp(table->fields[0], "image_id") == 0) continue;
        if (table->n_fields != 2 || !dataset_whole(table->fields[1], &number) || number < 0 || number >= SPLITS)
            dataset_give_up_row(table, "expected a picture's name and 0, 1 or 2");
        list->parts = own_more(innermost_scope(), list->parts, list->n_parts, &list->parts_room, sizeof *list->parts);
        list->parts[list->n_parts++] = (DataPart){own_text("%s", table->fields[0]), (int)number};
    }
    if (!list->n_parts) give_up(1, "%s names no picture", path);
    qsort(list->parts, (size_t)list->n_parts, sizeof *list->parts, dataset_compare_parts);
}

/* Reads the partition beside it as well; without one every picture is for training. */
static void dataset_open_attributes(DataSet *set, DataList *list)
{
    static const char *const usual[] = {"list_eval_partition.txt", "list_eval_partition.csv",
                                        "../Eval/list_eval_partition.txt"};
    dataset_choose_attributes(set, list);
    list->column[DATA_PATH] = 0;
    list->count = list->table->n_fields + 1 - dataset_names_pictures(list->table);
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !list->parts; i++) {
        const char *path = own_text("%s/%s", set->root, usual[i]);
        if (path_exists(path)) dataset_read_partition(list, path);
    }
}

static int dataset_split_by_partition(DataList *list)
{
    const TableReader *table = list->table;
    if (table->n_fields != list->count)
        dataset_give_up_row(table, "%d fields where the header promises %d", table->n_fields, list->count);
    if (!list->parts) return SPLIT_TRAIN;
    DataPart wanted = {table->fields[0], 0};
    const DataPart *part = bsearch(&wanted, list->parts, (size_t)list->n_parts, sizeof wanted, dataset_compare_parts);
    if (!part) dataset_give_up_row(table, "'%.80s' is not in the list_eval_partition beside it", wanted.name);
    return part->split;
}

/* ---- FERPlus ---- */

static bool dataset_is_votes(DataList *list)
{
    char **fields = list->table->fields;
    return list->table->n_fields > 2 && !strcasecmp(fields[0], "usage") && !strcasecmp(fields[2], "neutral");
}

/* Opens fer2013.csv, where the pictures are; from here on the columns are its. */
static void dataset_open_votes(DataSet *set, DataList *list)
{
    const Names *more = set->options.more;
    const char *path = more ? more->items[0] : own_text("%s/%s", set->root, list->format->beside);
    for (int i = 2; i < list->table->n_fields; i++)
        names_add(&list->votes, strcmp(list->table->fields[i], "NF") == 0 ? "no face" : list->table->fields[i]);
    if (!path_exists(path))
        give_up(1, "%s: %s; FERPlus has votes only, the pictures are those of the original fer2013.csv", path,
                strerror(ENOENT));
    list->beside = open_table(path, DATA_FIELDS);
    bool rows = more_rows(list->beside);
    dataset_find_columns(list, list->beside);
    if (!rows || !dataset_has_columns(list, DATA_PIXELS))
        give_up(1, "%s: is not the original fer2013.csv with the columns emotion,pixels,Usage", path);
}

/* Goes on to the row of fer2013.csv that this one is about: both must be of the same split. */
static int dataset_split_of_votes(DataList *list)
{
    const TableReader *votes = list->table;
    TableReader *pixels = list->beside;
    int split = dataset_split(votes->fields[0]), usage = list->column[DATA_SPLIT];
    if (!more_rows(pixels))
        give_up(1, "%s ends before line %d of %s: both files must be whole", pixels->path, votes->line_number,
                votes->path);
    if (votes->n_fields != list->votes.count + 2 || split < 0)
        dataset_give_up_row(votes, "expected Training, PublicTest or PrivateTest, a name and %d numbers",
                            list->votes.count);
    if (pixels->n_fields <= list->column[DATA_PIXELS] || pixels->n_fields <= usage ||
        (usage >= 0 && dataset_split(pixels->fields[usage]) != split))
        dataset_give_up_row(pixels, "not the picture that line %d of %s is about: both files must have their original "
                            "order", votes->line_number, votes->path);
    return split;
}

/* FERPlus' rule "majority", as its authors' program has it: a single vote is noise and counts as none; the class with
 * more than half of the votes that are left wins. Returns its place among the columns, or -1. */
static int dataset_majority(const int *votes, int count)
{
    int sum = 0, most = 0;
    for (int i = 0; i < count; i++) {
        sum += votes[i] > 1 ? votes[i] : 0;
        most = votes[i] > votes[most] ? i : most;
    }
    return votes[most] > 1 && 2 * votes[most] > sum ? most : -1;
}

static int dataset_label_by_votes(DataSet *set, DataList *list)
{
    int vote[DATA_FIELDS] = {0};
    for (int i = 0; i < list->votes.count; i++) {
        const char *text = list->table->fields[i + 2];
        long number;
        if (!dataset_whole(text, &number) || number < 0 || number > 1000)
            dataset_give_up_row(list->table, "'%.20s' is no number of votes", text);
        vote[i] = (int)number;
    }
    int winner = dataset_majority(vote, list->votes.count);
    return dataset_wanted(set, winner < 0 ? "no majority" : list->votes.items[winner]);
}

static size_t dataset_picture_beside(DataSet *set, DataList *list)
{
    return dataset_add_pixels(set, list->beside, list->beside->fields[list->column[DATA_PIXELS]]);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 6  Lists: Aff-Wild2, a text file a video, a line a frame
 *
 *     EXPR/Train_Set/video7_left.txt                  its frames: video7_left/00001.jpg ..., video7/00001.jpg ...,
 *     Neutral,Anger,Disgust,Fear,Happiness, ...       or in video7.mp4
 *     0                                               frame 1 is neutral
 *     -1                                              frame 2 was not annotated
 *
 * A video of two people has two files, _left and _right. Where these share frames, the half of the picture tells who is
 * meant. Frame k of a video file is named as video7.mp4#k.
 * ------------------------------------------------------------------------------------------------------------- */

static const char *const dataset_videos[] = {"mp4", "avi", "mkv", "mov", "m4v", "webm", NULL};

DATASET_API long dataset_frame(const char *path, int *length)
{
    const char *mark = strrchr(path, '#'), *dot = mark;
    long number;
    if (!mark || !dataset_whole(mark + 1, &number) || number < 1) return 0;
    while (dot > path && *dot != '.') dot--;
    for (const char *const *end = dataset_videos; *end; end++)
        if (strlen(*end) == (size_t)(mark - dot - 1) && strncasecmp(dot + 1, *end, strlen(*end)) == 0) {
            if (length) *length = (int)(mark - path);
            return number;
        }
    return 0;
}

/* A video's pictures: a folder of frames (name[k] is frame k's file, or NULL), a video file, or neither. */
typedef struct DataFootage {
    const char *folder, *video, **name;
    long frames;
    char half;
} DataFootage;

/* Looks for place/name/ and place/name.mp4 in all the places. */
static bool dataset_footage_at(DataFootage *f, const Names *places, const char *name)
{
    for (int i = 0; i < places->count; i++) {
        const char *path = own_text("%s/%s", places->items[i], name);
        if (dataset_holds(path, NAMES_PICTURES, 0)) return f->folder = path, true;
        for (const char *const *end = dataset_videos; *end; end++) {
            const char *file = own_text("%s.%s", path, *end);
            if (path_exists(file)) return f->video = file, true;
        }
    }
    return false;
}

/* Numbers the frames of a folder by the last digits in their names. */
static void dataset_number_frames(DataFootage *f)
{
    enum { FRAMES_MOST = 10000000 };
    Names files = list_folder(f->folder, NAMES_PICTURES);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < files.count; i++) {
            const char *name = files.items[i], *end = strrchr(name, '.'), *at = end;
            while (at > name && isdigit((unsigned char)at[-1])) at--;
            long number = at < end ? strtol(at, NULL, 10) : 0;
            if (number < 1 || number > FRAMES_MOST) continue;
            if (pass) f->name[number] = name;
            else f->frames = number > f->frames ? number : f->frames;
        }
        if (!pass) f->name = own((size_t)f->frames + 1, sizeof *f->name);
    }
}

/* Finds the footage of video `name`; of name_left and name_right also that of `name`. */
static DataFootage dataset_footage(const Names *places, const char *name)
{
    static const char *const sides[] = {"_left", "_right"};
    DataFootage f = {0};
    bool found = dataset_footage_at(&f, places, name);
    for (int side = 0; side < 2 && !found; side++) {
        int stem = (int)strlen(name) - (int)strlen(sides[side]);
        if (stem <= 0 || strcmp(name + stem, sides[side])) continue;
        found = dataset_footage_at(&f, places, own_text("%.*s", stem, name));
        f.half = found ? sides[side][1] : 0;
    }
    if (f.folder) dataset_number_frames(&f);
    return f;
}

/* The header is a list of emotions. */
static bool dataset_is_annotation(DataList *list)
{
    const TableReader *table = list->table;
    return table->n_fields > 1 && dataset_emotion(table->fields[0]) >= 0 && dataset_emotion(table->fields[1]) >= 0;
}

/* "EXPR/Validation_Set/video7.txt" is of the validation split; what lies above the set's path says nothing. */
static int dataset_split_of_annotation(const DataSet *set, const char *path)
{
    const char *slash = strrchr(set->path, '/'), *from = path + (slash ? slash + 1 - set->path : 0);
    int split = SPLIT_TRAIN;
    for (const char *at = from, *end; (end = strchr(at, '/')); at = end + 1) {
        char word[32];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, "_/"), at);
        int found = dataset_split(word);
        split = found >= 0 ? found : split;
    }
    return split;
}

/* Learns the classes from the header; the two behind them are for -1 and for what is no number of a class. */
static void dataset_open_annotation(DataSet *set, DataList *list)
{
    int n = list->count = list->table->n_fields;
    for (int i = 0; i < n + 2; i++) {
        const char *name = i < n ? list->table->fields[i] : i == n ? "not annotated" : "no label";
        list->meaning[i] = dataset_wanted(set, strcasecmp(name, "other") ? name : "other");
    }
    list->split = dataset_split_of_annotation(set, list->table->path);
}

static int dataset_label_by_number(DataSet *set, DataList *list)
{
    (void)set;
    long number;
    int n = list->count;
    const TableReader *table = list->table;
    bool known = table->n_fields == 1 && dataset_whole(table->fields[0], &number) && number >= -1 && number < n;
    return list->meaning[!known ? n + 1 : number < 0 ? n : number];
}

static size_t dataset_picture_by_line(DataSet *set, DataList *list)
{
    const DataFootage *f = list->footage;
    long frame = list->table->line_number - 1;
    if (f->video) return dataset_keep_path(set, own_text("%s#%ld", f->video, frame));
    if (f->folder && frame <= f->frames && f->name[frame])
        return dataset_keep_path(set, dataset_below(f->folder, f->name[frame]));
    return dataset_keep_path(set, own_text("%s/%05ld.jpg", f->folder ? f->folder : list->video, frame));
}

static DataPlace dataset_place_by_half(const DataList *list)
{
    return (DataPlace){.half = list->footage->half};
}

/* ---------------------------------------------------------------------------------------------------------------
 * 7  The formats
 *
 * A new format is a row here: whichever signature fits first is believed. Lists of attributes are the first row.
 * ------------------------------------------------------------------------------------------------------------- */

static const DataFormat dataset_formats[] = {
    {"CelebA attributes", .is = dataset_is_attributes,
     .folders = {"img_align_celeba", "img_align_celeba/img_align_celeba", "img_celeba", "images",
                 "../Img/img_align_celeba", "../Img/img_celeba"},
     .open = dataset_open_attributes, .split = dataset_split_by_partition, .picture = dataset_picture_by_path},
    {"FERPlus votes", "ferplus", dataset_is_votes, .files = {"fer2013new.csv"}, .beside = "fer2013.csv",
     .open = dataset_open_votes, .split = dataset_split_of_votes, .label = dataset_label_by_votes,
     .picture = dataset_picture_beside},
    {"RAF-DB list", "rafdb", dataset_is_rafdb, .copied = true, .numbers = &dataset_rafdb,
     .files = {"list_patition_label.txt", "EmoLabel/list_patition_label.txt"},
     .folders = {"", "aligned", "Image/aligned", "../Image/aligned", "original", "Image/original", "../Image/original",
                 "images"},
     .ending = "_aligned", .split = dataset_split_by_prefix, .label = dataset_label_by_column,
     .picture = dataset_picture_by_path},
    {"CSV list", "affectnet", dataset_is_headless, .copied = true, .numbers = &dataset_affectnet,
     .split = dataset_split_by_column, .label = dataset_label_by_column, .picture = dataset_picture_by_path,
     .place = dataset_place_by_columns},
    {"fer2013.csv", "fer2013", .which = DATA_PIXELS, .copied = true, .numbers = &dataset_fer2013,
     .split = dataset_split_by_column, .label = dataset_label_by_column, .picture = dataset_picture_by_pixels},
    {"CSV list", "affectnet", .which = DATA_PATH, .numbers = &dataset_affectnet, .split = dataset_split_by_column,
     .label = dataset_label_by_column, .picture = dataset_picture_by_path, .place = dataset_place_by_columns},
    {"Aff-Wild2 annotations", "affwild2", dataset_is_annotation, .many = true, .open = dataset_open_annotation,
     .label = dataset_label_by_number, .picture = dataset_picture_by_line, .place = dataset_place_by_half},
    {"path list", .is = dataset_is_plain, .numbers = &dataset_affectnet, .split = dataset_split_by_column,
     .label = dataset_label_by_column, .picture = dataset_picture_by_path}
};
enum { DATA_FORMATS = sizeof dataset_formats / sizeof *dataset_formats };

/* The format of that kind; NULL: it is none's. */
static const DataFormat *dataset_format_called(const char *kind)
{
    for (const DataFormat *f = dataset_formats; f < dataset_formats + DATA_FORMATS; f++)
        if (f->kind && !strcmp(f->kind, kind)) return f;
    return NULL;
}

DATASET_API bool dataset_is_kind(const char *kind)
{
    return dataset_format_called(kind) || !strcmp(kind, "folder");
}

DATASET_API const char *dataset_kinds(void)
{
    Names kinds = {0};
    for (const DataFormat *f = dataset_formats; f < dataset_formats + DATA_FORMATS; f++)
        if (f->kind) names_add_once(&kinds, f->kind);
    names_add(&kinds, "folder");
    return joined(kinds.items, kinds.count);
}

/* Opens a list and recognises it by its first row; list->format NULL: as none. */
static DataList *dataset_open_list(const char *path, bool many)
{
    DataList *list = own(1, sizeof *list);
    *list = (DataList){.table = open_table(path, DATA_FIELDS), .ending = ""};
    if (!more_rows(list->table)) return list;
    dataset_find_columns(list, list->table);
    for (const DataFormat *f = dataset_formats; f < dataset_formats + DATA_FORMATS && !list->format; f++)
        if (f->many == many && (f->is ? f->is(list) : dataset_has_columns(list, f->which))) list->format = f;
    list->count = list->table->n_fields;
    return list;
}

typedef struct DataQuestion { const char *path; bool many; const DataFormat *answer; } DataQuestion;

static void dataset_answer(void *question)
{
    DataQuestion *q = question;
    q->answer = dataset_open_list(q->path, q->many)->format;
}

/* NULL: it is no list, and why may say more. */
static const DataFormat *dataset_format(const char *path, bool many, Error *why)
{
    DataQuestion q = {path, many, NULL};
    return attempt_one(dataset_answer, &q, why) ? q.answer : NULL;
}

/* Says what a file is that is no list. */
SCOPE_NORETURN static void dataset_give_up_no_list(const char *path, const Error *why)
{
    unsigned char start[512];
    FILE *file = files_open(path);
    size_t size = file ? fread(start, 1, sizeof start, file) : 0;
    if (file) fclose(file);
    const char *name = image_format_name(start, size);
    if (name) give_up(1, "%s is %s, not a list: unpack it, or name what was meant", path, name);
    if (why->status) unwind(why);
    start[size < 60 ? size : 60] = 0;
    give_up(1, "%s is no list that is read here: its first line, '%.*s', must name the columns 'emotion,pixels,Usage' "
            "or 'subDirectory_filePath,expression' or 'path,label', or be like 'images/1.jpg happy', or it be FERPlus' "
            "fer2013new.csv, RAF-DB's list_patition_label.txt or CelebA's list_attr_celeba.txt", path,
            (int)strcspn((const char *)start, "\r\n"), (const char *)start);
}

/* Reads a list file of any kind; the root becomes its folder, or the folder that was given with it. */
DATASET_API void dataset_add_list(DataSet *set, const char *path)
{
    const char *slash = strrchr(path, '/');
    const Names *more = set->options.more;
    Error why = {0};
    const DataFormat *f = dataset_format(path, false, &why);
    if (!f) dataset_give_up_no_list(path, &why);
    Scope inner;
    enter(&inner);
    DataList *list = dataset_open_list(path, false);
    set->root = more && !f->beside ? own_text("%s", more->items[0]) :
                own_text("%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    hand_to(set->options.home, set->root);
    set->listed = 1;
    if (set->options.attributes && f->place && dataset_names_pictures(list->table))
        list->format = dataset_formats;         /* columns of numbers are attributes as well */
    if (set->count && (set->attributes || list->format == dataset_formats))
        give_up(2, "%s: a list of attributes is read alone, not together with another list", path);
    if (set->count && strcmp(set->format, f->name))
        give_up(2, "%s is a %s, and what was read before it a %s: only lists of one kind become one data set", path,
                f->name, set->format);
    if (list->format->open) list->format->open(set, list);
    dataset_read_rows(set, list);
    dataset_doubt_numbers(set, list);
    leave();
    set->format = f->name;
    if (!set->count) give_up(1, "%s lists no picture with a label that is known", path);
}

/* ---- many lists: one a video ---- */

/* Adds the annotation files of a folder and of those in it. Of a folder full of other texts only some are opened. */
static void dataset_find_annotations(const char *folder, int depth, Names *all)
{
    Scope inner;
    enter(&inner);
    Names lists = list_folder(folder, NAMES_LISTS), folders = {0};
    int before = all->count;
    Error ignored;
    for (int i = 0; i < lists.count && (i < 20 || all->count > before); i++) {
        const char *path = own_text("%s/%s", folder, lists.items[i]);
        if (dataset_format(path, true, &ignored)) names_add(all, path);
    }
    if (depth > 0) folders = list_folder(folder, NAMES_FOLDERS);
    for (int i = 0; i < folders.count; i++)
        dataset_find_annotations(own_text("%s/%s", folder, folders.items[i]), depth - 1, all);
    leave();
}

/* Adds the frames of one annotation file. */
static void dataset_add_annotation(DataSet *set, const char *path, const Names *places)
{
    const char *name = strrchr(path, '/') + 1;
    Scope inner;
    enter(&inner);
    const char *video = own_text("%.*s", (int)(strrchr(name, '.') - name), name);
    DataFootage footage = dataset_footage(places, video);
    DataList *list = dataset_open_list(path, true);
    if (!footage.folder && !footage.video)
        names_add(&set->notes, own_text("%s: neither a folder of frames nor a video of that name", video));
    list->footage = &footage, list->video = video;
    list->format->open(set, list);
    dataset_read_rows(set, list);
    long lines = list->table->line_number - 1;
    if (footage.frames > lines)
        names_add(&set->notes, own_text("%s: %ld frames have no line, as its last is that of frame %ld: is the file "
                                        "whole?", path, footage.frames - lines, lines));
    leave();
}

/* Reads all annotation files at or below the set's path; false: there are none. The frames lie where the options say,
 * or below the same path. */
static bool dataset_add_annotations(DataSet *set)
{
    Names files = {.home = innermost_scope()}, places = {0}, self = {.items = &set->path, .count = 1};
    const Names *sources = set->options.more ? set->options.more : &self;
    dataset_find_annotations(set->path, 3, &files);
    if (!files.count) return false;
    for (int i = 0; i < sources->count; i++) {
        Names inner = list_folder(sources->items[i], NAMES_FOLDERS);
        names_add(&places, sources->items[i]);
        for (int k = 0; k < inner.count; k++) names_add(&places, dataset_below(sources->items[i], inner.items[k]));
    }
    set->root = hand_to(set->options.home, own_text("."));
    set->listed = 1;
    set->format = "Aff-Wild2 annotations";
    for (int i = 0; i < files.count; i++) dataset_add_annotation(set, files.items[i], &places);
    if (set->count == 0) give_up(1, "%s: no frame has a label that is an emotion", set->path);
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 8  From a path to a list of everything
 *
 * The usual mistake is to name a folder one level too high (the unpacked archive) or too low (one class). When a
 * folder makes no sense by itself, its neighbours are looked at, and the message names the one that would do.
 * ------------------------------------------------------------------------------------------------------------- */

/* The lists of a folder of which each is a data set. Those without a header count only where no other is: such a list
 * may just as well lie beside another and say something else of its pictures. */
static Names dataset_lists_in(const char *folder)
{
    Names files = list_folder(folder, NAMES_LISTS), lists[2] = {{0}, {0}};
    Error ignored;
    for (int i = 0; i < files.count && i < 100; i++) {
        const char *path = own_text("%s/%s", folder, files.items[i]);
        const DataFormat *f = dataset_format(path, false, &ignored);
        if (f) names_add(&lists[f->is == dataset_is_plain], path);
    }
    return lists[lists[0].count == 0];
}

/* Does this folder by itself look like a data set: split folders, two class folders, or a list? A class's folder, with
 * folders of its pictures in it, does not. */
static bool dataset_looks_like_one(const char *path)
{
    Scope inner;
    enter(&inner);
    Names folders = list_folder(path, NAMES_FOLDERS);
    const char *slash = strrchr(path, '/');
    int classes = 0;
    bool yes = false, is_class = dataset_emotion(slash ? slash + 1 : path) >= 0;
    for (int i = 0; i < folders.count && i < 300 && !yes; i++) {
        const char *folder = own_text("%s/%s", path, folders.items[i]);
        bool pictures = dataset_holds(folder, NAMES_PICTURES, 0);
        if (dataset_split(folders.items[i]) < 0) classes += pictures && !is_class;
        else yes = pictures || dataset_holds(folder, NAMES_FOLDERS, 0);
    }
    yes = yes || classes >= 2 || dataset_lists_in(path).count > 0;
    leave();
    return yes;
}

/* A data set inside the folder, at most `depth` levels down; NULL if there is none. The budget bounds the search. */
static const char *dataset_inside(const char *path, int depth, int *budget)
{
    Names folders = list_folder(path, NAMES_FOLDERS);
    const char *found = NULL;
    for (int i = 0; i < folders.count && i < 50 && !found && depth > 0 && --*budget > 0; i++) {
        const char *inner = own_text("%s/%s", path, folders.items[i]);
        found = dataset_looks_like_one(inner) ? inner : dataset_inside(inner, depth - 1, budget);
    }
    return found;
}

/* The data set that this folder of pictures is a class of; NULL if there is none. */
static const char *dataset_above(const char *path)
{
    char *above = realpath(path, NULL), *slash = above ? strrchr(above, '/') : NULL;
    if (above) on_leaving(free, above);
    if (!slash || slash == above) return NULL;
    *slash = 0;
    slash = strrchr(above, '/');
    if (slash && slash != above && dataset_split(slash + 1) >= 0)
        *slash = 0;                     /* the classes lie under train/: the set begins above it */
    return dataset_looks_like_one(above) ? above : NULL;
}

/* Says why a folder holds no data set, and where one is if it lies nearby. */
SCOPE_NORETURN static void dataset_give_up_folder(const DataSet *set)
{
    int budget = 200;
    const char *path = set->path, *inside = set->count ? NULL : dataset_inside(path, 3, &budget);
    const char *above = set->unlabelled ? dataset_above(path) : NULL;
    if (inside)
        give_up(1, "%s holds no class folders with pictures, but a folder in it does: did you mean %s?", path, inside);
    if (above)
        give_up(1, "%s holds pictures but no class folders: did you mean the folder above, %s?", path, above);
    if (set->unlabelled)
        give_up(1, "%s holds %d pictures but no class folders: put them into one folder a class, such as %s/happy and "
                "%s/sad (only models without classes can use them as they are)", path, set->count, path, path);
    if (set->passed.count) give_up(1, "%s holds no pictures that can be read: %s", path, set->passed.items[0]);
    give_up(1, "%s holds no pictures: a data set is a folder with one folder of pictures a class, such as %s/happy "
            "and %s/sad, or a CSV list", path, path, path);
}

/* Opens the only list of a folder, if there is one. */
static bool dataset_add_only_list(DataSet *set)
{
    Names lists = dataset_lists_in(set->root);
    if (lists.count > 1)
        give_up(2, "%s holds %d lists: name one of them: %s", set->path, lists.count,
                joined(lists.items, lists.count));
    if (lists.count == 0) return false;
    *set = dataset_new(set->path, &set->options);
    dataset_add_list(set, lists.items[0]);
    return true;
}

DATASET_API void dataset_list(DataSet *set, const char *path, const DataOptions *options)
{
    struct stat status;
    *set = dataset_new(path, options);
    if (!*path) give_up(1, "no data set is named: its path is empty");
    if (stat(path, &status) != 0)
        give_up_because(errno, own_text("%s: %s; check the spelling and the folder you are in", path, strerror(errno)));
    if (!S_ISDIR(status.st_mode)) {
        if (name_is(NAMES_PICTURES, path))
            give_up(2, "%s is one picture; a data set is a folder of class folders or a CSV list", path);
        dataset_add_list(set, path);
        return;
    }
    if (dataset_add_annotations(set)) return;
    bool has_splits = dataset_add_folders(set);
    if ((set->unlabelled || (!has_splits && set->n_classes < 2)) && dataset_add_only_list(set)) return;
    if (!set->count || (set->unlabelled && !options->unlabelled)) dataset_give_up_folder(set);
    dataset_tell_passed(set, has_splits);
}

/* Two lists of one data set name the same pictures: they lie in one folder, unless that of the pictures was given. */
static void dataset_add_more_lists(DataSet *set, const Names *lists)
{
    for (int i = 0; i < lists->count; i++) {
        const char *root = set->root;
        dataset_add_list(set, lists->items[i]);
        if (strcmp(root, set->root))
            give_up(2, "%s: two lists must lie in one folder, or the folder of their pictures be given",
                    lists->items[i]);
    }
}

/* The kind's list in that folder, or, where none is there and none must be, the folder. */
static const char *dataset_list_of(const DataFormat *f, const char *path)
{
    if (!f || !is_folder(path)) return path;
    for (const char *const *file = f->files; *file; file++)
        if (path_exists(own_text("%s/%s", path, *file))) return own_text("%s/%s", path, *file);
    return f->beside ? own_text("%s/%s", path, f->files[0]) : path;
}

static bool dataset_is_folders(const DataSet *set) { return strcmp(set->format, "image folders") == 0; }

/* Is it of the kind that it is said to be? */
static void dataset_check_kind(const DataSet *set, const DataFormat *f, const char *path)
{
    bool copy = dataset_is_folders(set) || !strcmp(set->format, "CSV list") || !strcmp(set->format, "path list");
    int emotions = 0;
    if (strcmp(set->format, f->name) && !(f->copied && copy))
        give_up(2, "%s is no %s (%s%s is wanted): it is %s; did you mean another of %s?", path, f->kind, f->name,
                f->copied ? ", image folders or a list path,label" : "", set->format, dataset_kinds());
    for (int k = 0; k < set->n_classes; k++) emotions += dataset_emotion(set->class_names[k]) >= 0;
    if (dataset_is_folders(set) && !emotions)
        give_up(2, "%s is no %s: its folders are called %s, and none of these is an emotion's name, nor are all of "
                "them %s's numbers: name its list, or the folder of the classes' folders", path, f->kind,
                joined(set->class_names, set->n_classes), f->numbers->whose);
}

DATASET_API void dataset_gather(DataSet *set, const char *kind, char *const *parts, int count,
                                const DataOptions *options)
{
    Names more = {0}, lists = {0};
    DataOptions with = *options;
    const DataFormat *f = dataset_format_called(kind);
    bool beside = f && f->beside;
    for (int i = 1; i < count; i++) names_add(beside || is_folder(parts[i]) ? &more : &lists, parts[i]);
    if (more.count) with.more = &more;
    if (f) with.numbers = f->numbers;
    dataset_list(set, dataset_list_of(f, parts[0]), &with);
    if (f) dataset_check_kind(set, f, parts[0]);
    if (more.count && dataset_is_folders(set))
        give_up(2, "%s: %s is class folders, and another folder is for the pictures of a list only: import one after "
                "the other", more.items[0], parts[0]);
    if (more.count > 1 && !(f && f->many)) give_up(2, "%s: one folder of pictures only", more.items[1]);
    dataset_add_more_lists(set, &lists);
    set->options.more = NULL;
}

/* ---------------------------------------------------------------------------------------------------------------
 * 9  Choosing classes and a split
 *
 * The classes are settled over all splits, so that a label means the same in training and in validation. Without a
 * wish the emotions come in their order and other classes after them by name; classes that are asked for get the
 * labels 0, 1, 2 in the order of the wish. A limit takes every k-th picture, so that all classes keep their shares.
 * ------------------------------------------------------------------------------------------------------------- */

/* Emotions in their order come first, then the others by their names. */
static int dataset_compare_classes(const void *a, const void *b)
{
    const char *first = *(char *const *)a, *second = *(char *const *)b;
    int x = dataset_emotion(first), y = dataset_emotion(second);
    if (x >= 0 && y >= 0) return x - y;
    return x >= 0 ? -1 : y >= 0 ? 1 : strcmp(first, second);
}

DATASET_API int *dataset_sorted(const DataSet *set)
{
    int *order = own((size_t)set->n_classes, sizeof *order);
    for (int i = 0; i < set->n_classes; i++) {
        int k = i;
        for (; k && dataset_compare_classes(&set->class_names[order[k - 1]], &set->class_names[i]) > 0; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    return order;
}

/* The name that the set has for a class that was asked for; says what there is, and which may have been meant. */
static const char *dataset_class_asked(const DataSet *set, const char *asked)
{
    int emotion = dataset_emotion(asked);
    const char *name = emotion >= 0 ? emotion_names[emotion] : asked;
    OptionGuess guess = {name, 4, NULL};        /* four letters off is no slip of the finger */
    for (int k = 0; k < set->n_classes; k++) {
        if (strcasecmp(set->class_names[k], name) == 0) return name;
        option_guess(&guess, set->class_names[k]);
    }
    give_up(2, "%s has no class '%s'%s%s%s; it has %s", set->path, name, guess.best ? ", did you mean " : "",
            guess.best ? guess.best : "", guess.best ? "?" : "", joined(set->class_names, set->n_classes));
}

DATASET_API Names dataset_classes(const DataSet *set, const char *asked)
{
    Names wanted = {0}, given = asked ? parse_names(asked, "classes") : (Names){0};
    for (int i = 0; !asked && i < set->count; i++) names_add_once(&wanted, set->class_names[set->label[i]]);
    for (int i = 0; i < given.count; i++) names_add_once(&wanted, dataset_class_asked(set, given.items[i]));
    if (!asked && wanted.count > 1)
        qsort(wanted.items, (size_t)wanted.count, sizeof *wanted.items, dataset_compare_classes);
    return wanted;
}

DATASET_API void dataset_order(DataSet *set, const char *asked)
{
    Names wanted = dataset_classes(set, asked);
    for (int i = 0; i < set->count; i++) set->label[i] = names_find(&wanted, set->class_names[set->label[i]]);
    for (int k = 0; k < wanted.count; k++) set->class_names[k] = hand_to(set->options.home, wanted.items[k]);
    set->n_classes = wanted.count;
}

/* Picture `to` becomes what picture `from` is, of this set or of another of the same kind. */
static void dataset_move(DataSet *set, int to, const DataSet *old, int from)
{
    size_t n = (size_t)set->n_classes;
    set->label[to] = old->label[from];
    set->split[to] = old->split[from];
    set->where[to] = old->where[from];
    if (set->place) set->place[to] = old->place[from];
    if (set->attributes) memmove(set->attributes + (size_t)to * n, old->attributes + (size_t)from * n, n);
}

/* Folders were just read: only a list's files are looked for. */
DATASET_API void dataset_keep(DataSet *set, int split)
{
    char path[DATASET_PATH];
    int kept = 0;
    for (int i = 0; i < set->count; i++) {
        if (set->label[i] < 0 || (split != SPLIT_ALL && set->split[i] != split)) continue;
        bool there = !set->listed || set->raw || dataset_frame(dataset_path(set, i, path), NULL) || path_exists(path);
        if (there) dataset_move(set, kept++, set, i);
        else if (set->missing++ == 0) set->first_missing = hand_to(set->options.home, own_text("%s", path));
    }
    set->count = kept;
}

DATASET_API int dataset_count(const DataSet *set, int class_, int split)
{
    int pictures = 0;
    for (int i = 0; i < set->count; i++) {
        bool of_class = set->attributes ? set->attributes[(size_t)i * (size_t)set->n_classes + (size_t)class_] :
                        set->label[i] == class_;
        pictures += of_class && (split == SPLIT_ALL || set->split[i] == split);
    }
    return pictures;
}

DATASET_API int dataset_find(const DataSet *set, int class_, int rank)
{
    for (int i = 0; i < set->count; i++)
        if ((set->attributes || set->label[i] == class_) && rank-- == 0) return i;
    return -1;
}

DATASET_API void dataset_check_names(const DataSet *set, int classes, int letters)
{
    if (set->n_classes > classes)
        give_up(2, "%s: %d classes; at most %d can be told apart here", set->path, set->n_classes, classes);
    for (int i = 0; i < set->n_classes; i++) {
        const char *name = set->class_names[i], *end = name + strlen(name);
        bool odd = !*name || *name == ' ' || end[-1] == ' ' || strpbrk(name, ",\"") || !files_is_line(name);
        if (odd || end - name > letters)
            give_up(1, "%s: the class name \"%s\" has a comma, a quotation mark, a control character, a blank at an "
                    "end, more than %d letters, or is not UTF-8: rename it", set->path, name, letters);
    }
}

DATASET_API bool dataset_is_numbered(const DataSet *set)
{
    long number;
    for (int k = 0; k < set->n_classes; k++)
        if (!dataset_whole(set->class_names[k], &number)) return false;
    return set->n_classes > 0 && !set->attributes;
}

DATASET_API void dataset_warn(const DataSet *set)
{
    void (*warn)(const char *format, ...) = set->options.warn;
    if (!warn) return;
    if (dataset_is_numbered(set))
        warn("%s: the classes are called %s; whose numbers these are is not known, so they stay", set->path,
             joined(set->class_names, set->n_classes));
    for (int i = 0; i < set->passed.count; i++) warn("%s", set->passed.items[i]);
}

/* What must hold before anything can be learnt from the set. */
static void dataset_check(const DataSet *set)
{
    const DataOptions *options = &set->options;
    const char *path = set->path;
    if (set->count == 0 && set->missing)
        give_up(1, "%s: none of its %d files exists, the first is %s; paths must be relative to the list's folder",
                path, set->missing, set->first_missing);
    if (set->count == 0)
        give_up(1, "%s has no %s pictures: %s", path,
                options->split == SPLIT_ALL ? "such" : split_names[options->split],
                set->listed ? "no row of the list names this split" :
                "there is no such folder in it (train, validation or val, test), or it is empty");
    if (!set->attributes && !options->unlabelled && set->n_classes < 2)
        give_up(1, "%s: only one class, '%s': at least two are needed to change one into another", path,
                set->class_names[0]);
    if (set->attributes && !options->attributes)
        give_up(2, "%s lists attributes, not classes: choose some, for example --attributes %s", path,
                set->class_names[0]);
    if (!options->warn) return;
    for (int k = 0; k < set->n_classes && !set->attributes; k++)
        if (!dataset_count(set, k, SPLIT_ALL))
            options->warn("%s: class %s has no picture in this split", path, set->class_names[k]);
    dataset_warn(set);
    if (set->missing)
        options->warn("%s: %d files are missing and left out, the first is %s", path, set->missing, set->first_missing);
}

DATASET_API void dataset_choose(DataSet *set)
{
    const DataOptions *options = &set->options;
    if (set->attributes && options->classes)
        give_up(2, "%s lists attributes, not classes: choose with --attributes", set->path);
    if (!set->attributes && options->attributes)
        give_up(2, "%s (%s) has classes, not attributes: choose with --classes", set->path, set->format);
    if (!set->attributes) dataset_order(set, options->classes);
    dataset_keep(set, options->split);
    dataset_check(set);
    if (options->limit > 0 && options->limit < set->count) {
        for (int i = 0; i < options->limit; i++)        /* evenly spread: a set sorted by class keeps its proportions */
            dataset_move(set, i, set, (int)((int64_t)i * set->count / options->limit));
        set->count = options->limit;
    }
    set->damaged = dataset_own(set, (size_t)set->count, sizeof *set->damaged);
    set->options.classes = set->options.attributes = NULL;      /* what they point to need not last */
    set->options.more = NULL;
}

DATASET_API void dataset_open(DataSet *set, const char *path, const DataOptions *options)
{
    if (options->split < 0 || options->split > SPLIT_ALL || options->limit < 0 || options->crop < 0)
        give_up(2, "the options of %s: split, limit or crop is out of range", path);
    dataset_list(set, path, options);
    dataset_choose(set);
}

typedef struct DataOpening { DataSet *set; const char *path; DataOptions options; } DataOpening;

static void dataset_open_work(void *opening)
{
    DataOpening *o = opening;
    dataset_open(o->set, o->path, &o->options);
}

DATASET_API bool dataset_try(DataSet *set, const char *path, const DataOptions *options, Error *why)
{
    DataOpening o = {set, path, *options};
    if (!o.options.home) o.options.home = innermost_scope();
    if (attempt_one(dataset_open_work, &o, why)) return true;
    *set = (DataSet){0};
    return false;
}

DATASET_API void dataset_open_part(DataSet *set, const char *path, DataOptions options, const char *asked,
                                   const int *parts, int n)
{
    Error none;
    for (options.split = 0; options.split < SPLITS && strcmp(asked, split_names[options.split]);) options.split++;
    if (*asked && options.split == SPLITS && strcmp(asked, "all"))
        give_up(2, "--split %s: must be train, validation, test or all", asked);
    for (int i = 0; !*asked && i < n; i++) {
        options.split = parts[i];
        if (i + 1 < n && dataset_try(set, path, &options, &none)) return;
    }
    dataset_open(set, path, &options);
}

/* The set consists of these of its pictures from now on; one may be there many times. */
static void dataset_take(DataSet *set, const int *chosen, int count)
{
    DataSet old = *set;
    size_t n = (size_t)count;
    set->count = set->room = count;
    set->label = dataset_own(set, n, sizeof *set->label), set->split = dataset_own(set, n, sizeof *set->split);
    set->where = dataset_own(set, n, sizeof *set->where), set->damaged = dataset_own(set, n, sizeof *set->damaged);
    if (old.place) set->place = dataset_own(set, n, sizeof *set->place);
    if (old.attributes) set->attributes = dataset_own(set, n, (size_t)set->n_classes);
    for (int i = 0; i < count; i++) dataset_move(set, i, &old, chosen[i]);
    void *const memory[] = {old.label, old.split, old.where, old.place, old.attributes, old.damaged};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) give_back(memory[i]);
}

typedef struct DataShare { int from, end; } DataShare;

/* Of every class the set keeps those from `from` to `end` in the given order; past the last it begins anew. */
static void dataset_draw(DataSet *set, const int *order, const DataShare *shares)
{
    int count = 0, *of_class = own((size_t)set->count, sizeof *of_class);
    size_t n = 0;
    for (int k = 0; k < set->n_classes; k++) n += (size_t)(shares[k].end - shares[k].from);
    if (n > DATA_PICTURES) give_up(1, "%s: more than %d pictures", set->path, DATA_PICTURES);
    int *chosen = own(n, sizeof *chosen);
    for (int k = 0; k < set->n_classes; k++) {
        int pictures = 0;
        for (int i = 0; i < set->count; i++)
            if (set->label[order[i]] == k) of_class[pictures++] = order[i];
        for (int i = shares[k].from; i < shares[k].end; i++) chosen[count++] = of_class[i % pictures];
    }
    dataset_take(set, chosen, count);
}

static int dataset_labelled(const DataSet *set, int label)
{
    int pictures = 0;
    for (int i = 0; i < set->count; i++) pictures += set->label[i] == label;
    return pictures;
}

DATASET_API void dataset_part(DataSet *set, const int *order, double share, bool keep_share)
{
    DataShare *shares = own((size_t)set->n_classes, sizeof *shares);
    for (int k = 0; k < set->n_classes; k++) {
        int n = dataset_labelled(set, k), cut = (int)(share * n + 0.5);
        shares[k] = keep_share ? (DataShare){0, cut} : (DataShare){cut, n};
    }
    dataset_draw(set, order, shares);
}

/* How many pictures each class shall have. */
static int dataset_target(const DataSet *set, const char *how)
{
    int fewest = set->count, most = 0, asked = 0;
    char end;
    for (int k = 0; k < set->n_classes; k++) {
        int n = dataset_labelled(set, k);
        if (n == 0)
            give_up(1, "%s: class %s has no picture, so the classes cannot be balanced", set->path,
                    set->class_names[k]);
        fewest = n < fewest ? n : fewest;
        most = n > most ? n : most;
    }
    if (strcmp(how, "oversample") == 0) return most;
    if (strcmp(how, "undersample") == 0) return fewest;
    if (sscanf(how, "augment:%d%c", &asked, &end) == 1 && asked > 0 && asked <= DATA_PICTURES / set->n_classes)
        return asked;
    give_up(2, "--balance %s: must be oversample, undersample or augment:N", how);
}

DATASET_API void dataset_balance(DataSet *set, const int *order, const char *how)
{
    if (set->attributes) give_up(2, "--balance is for classes, not for attributes");
    DataShare *shares = own((size_t)set->n_classes, sizeof *shares);
    shares[0].end = dataset_target(set, how);
    for (int k = 1; k < set->n_classes; k++) shares[k] = shares[0];
    dataset_draw(set, order, shares);
}

/* ---------------------------------------------------------------------------------------------------------------
 * 10  Pictures
 * ------------------------------------------------------------------------------------------------------------- */

DATASET_API bool dataset_image(const DataSet *set, int index, int channels, Image *image, char error[IMAGE_ERROR_SIZE])
{
    char path[DATASET_PATH];
    if (!set->raw && dataset_frame(dataset_path(set, index, path), NULL) > 0) {
        snprintf(error, IMAGE_ERROR_SIZE, "%.140s: the frames must be taken out of the video first (by an import, "
                 "or by ffmpeg -i video.mp4 video/%%05d.jpg)", path);
        errno = 0;
        return false;
    }
    if (!set->raw) return image_load(path, channels, image, error);
    channels = channels ? channels : 1;
    if (!image_new(set->raw_side, set->raw_side, channels, image, error)) {
        errno = ENOMEM;
        return false;
    }
    for (int i = 0; i < set->raw_side * set->raw_side; i++)
        memset(image->pixels + i * channels, set->raw[set->where[index] + (size_t)i], (size_t)channels);
    return true;
}

DATASET_API bool dataset_picture(const DataSet *set, int index, int channels, Image *out, Error *why)
{
    char text[IMAGE_ERROR_SIZE];
    if (dataset_image(set, index, channels, out, text)) {
        *out = own_picture(*out);
        return true;
    }
    if (is_machine(errno)) give_up_because(errno, text);
    *why = (Error){.status = 1};
    memcpy(why->text, text, sizeof text);
    return false;
}

DATASET_API void dataset_square(Image image, int crop, int size, unsigned char *pixels)
{
    image_crop_centre(&image, crop);
    if (image.width != size) image = resize_picture(&image, size, size);
    memcpy(pixels, image.pixels, picture_bytes(&image));
}

DATASET_API bool dataset_read(const DataSet *set, int index, int size, int channels, unsigned char *pixels, Error *why)
{
    Image image;
    Scope inner;
    enter(&inner);
    bool read = dataset_picture(set, index, channels, &image, why);
    if (read) dataset_square(image, set->options.crop, size, pixels);
    leave();
    return read;
}

DATASET_API int dataset_damaged(const DataSet *set)
{
    int damaged = 0;
    for (int i = 0; i < set->count; i++) damaged += __atomic_load_n(&set->damaged[i], __ATOMIC_SEQ_CST);
    return damaged;
}

/* Not all of them are damaged, or dataset_read_next has given up. */
DATASET_API int dataset_readable(const DataSet *set, int index)
{
    for (int tried = 0; tried < set->count && __atomic_load_n(&set->damaged[index], __ATOMIC_SEQ_CST); tried++)
        index = (index + 1) % set->count;
    return index;
}

DATASET_API int dataset_read_next(const DataSet *set, int index, int size, int channels, unsigned char *pixels)
{
    for (;;) {
        Error why;
        index = dataset_readable(set, index);
        if (dataset_read(set, index, size, channels, pixels, &why)) return index;
        bool known = __atomic_exchange_n(&set->damaged[index], 1, __ATOMIC_SEQ_CST);
        if (!known && set->options.warn) set->options.warn("%s; the next picture takes its place", why.text);
        int damaged = dataset_damaged(set);
        if (2 * (int64_t)damaged > set->count)
            give_up(1, "%s: %d of %d pictures cannot be read, the last: %s", set->path, damaged, set->count, why.text);
    }
}

static int dataset_compare_looks(const void *a, const void *b)
{
    const DataLook *x = *(DataLook *const *)a, *y = *(DataLook *const *)b;
    uint64_t first = x->look.hash, second = y->look.hash;
    return first != second ? (first > second) - (first < second) : x->index - y->index;
}

static void dataset_find_twins(DataLook *looks, int count)
{
    DataLook **sorted = own((size_t)count, sizeof *sorted);
    for (int i = 0; i < count; i++) sorted[i] = &looks[i];
    qsort(sorted, (size_t)count, sizeof *sorted, dataset_compare_looks);
    for (int i = 0; i < count; i++) {
        DataLook *a = sorted[i], *b = i ? sorted[i - 1] : NULL;
        bool same = b && a->readable && b->readable && !a->look.flat && a->look.hash == b->look.hash;
        a->twin = same ? b->twin : a->index;
    }
}

DATASET_API DataLook *dataset_look(const DataSet *set)
{
    DataLook *looks = own((size_t)set->count, sizeof *looks);
    for (int i = 0; i < set->count; i++) {
        Scope inner;
        Error why;
        Image image;
        if (set->options.stop && *set->options.stop) give_up(1, "stopped after %d of %d pictures", i, set->count);
        enter(&inner);
        DataLook *seen = &looks[i];
        seen->index = i;
        if (dataset_picture(set, i, 0, &image, &why))
            seen->readable = true, seen->width = image.width, seen->height = image.height,
            seen->look = image_look(&image);
        else seen->why = hand_out(own_text("%s", why.text));
        leave();
    }
    dataset_find_twins(looks, set->count);
    return looks;
}

DATASET_API bool *dataset_clean(const DataSet *set, const DataLook *looks)
{
    size_t n = (size_t)set->count;
    int *best = own(n, sizeof *best);           /* of those with the same pixels, at the first of them */
    bool *keep = own(n, sizeof *keep), *clash = own(n, sizeof *clash);
    for (int i = 0; i < set->count; i++) {      /* the first comes first */
        int first = looks[i].twin;
        if (i == first || set->split[i] > set->split[best[first]]) best[first] = i;
        clash[first] |= set->label[i] != set->label[first];
    }
    for (int i = 0; i < set->count; i++) {
        int first = looks[i].twin;
        keep[i] = looks[i].readable && !looks[i].look.flat && best[first] == i && !clash[first];
    }
    return keep;
}

static FileWriter *dataset_begin_list(const char *path)
{
    FileWriter *list = begin_file(path);
    fprintf(list->stream, "path,label,split\n");
    return list;
}

/* keep: NULL: all. */
static int dataset_write_rows(const DataSet *set, const bool *keep, FILE *to)
{
    int kept = 0;
    for (int i = 0; i < set->count; i++) {
        if (keep && !keep[i]) continue;
        const char *name = dataset_name(set, i);
        char *whole = realpath(name, NULL);
        table_field(to, whole ? whole : name), fputc(',', to);
        table_field(to, set->class_names[set->label[i]]);
        fprintf(to, ",%s\n", split_names[set->split[i]]);
        free(whole);
        kept++;
    }
    return kept;
}

DATASET_API int dataset_write(const DataSet *set, const bool *keep, const char *path)
{
    FileWriter *list = dataset_begin_list(path);
    int kept = dataset_write_rows(set, keep, list->stream);
    end_file(list);
    return kept;
}

DATASET_API void dataset_join(DataSet *const *sets, int n, const char *path)
{
    FileWriter *list = dataset_begin_list(path);
    for (int i = 0; i < n; i++) {
        if (sets[i]->raw) give_up(2, "%s: only pictures in files can be joined: import it first", sets[i]->path);
        dataset_write_rows(sets[i], NULL, list->stream);
    }
    end_file(list);
}

static int dataset_compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

DATASET_API void dataset_strays(const DataSet *set, Names *lost, Names *strays)
{
    const char *path = own_text("%s/labels.csv", set->path);
    if (set->listed || !is_folder(set->path) || !path_exists(path)) return;
    Names listed = {0};
    DataList list = {.table = open_table(path, DATA_FIELDS)};
    if (!more_rows(list.table)) return;
    dataset_find_columns(&list, list.table);
    int column = list.column[DATA_PATH];
    if (column < 0) return;
    while (more_rows(list.table))
        if (column < list.table->n_fields) names_add(&listed, list.table->fields[column]);
    if (!listed.count) return;
    qsort(listed.items, (size_t)listed.count, sizeof *listed.items, dataset_compare_texts);
    for (int i = 0; i < listed.count; i++)
        if (!path_exists(textf("%s/%s", set->path, listed.items[i]).s)) names_add(lost, listed.items[i]);
    for (int i = 0; i < set->count; i++) {
        const char *name = set->text + set->where[i];
        if (!bsearch(&name, listed.items, (size_t)listed.count, sizeof *listed.items, dataset_compare_texts))
            names_add(strays, dataset_name(set, i));
    }
}

DATASET_API void dataset_print_notes(const DataSet *set, FILE *to)
{
    for (int i = 0; i < set->notes.count; i++) fprintf(to, "%s  %s\n", i ? "" : "\n", set->notes.items[i]);
}

#endif /* DATASET_IMPLEMENTATION */
