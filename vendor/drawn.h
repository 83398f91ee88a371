/* drawn.h: sets of drawn pictures as files: faces whose expression is known, in a folder for each emotion, and scenes
 * with a list of the faces in them.
 *
 *     #define DRAWN_IMPLEMENTATION    in exactly one C file, before the include
 *     #include "drawn.h"
 *
 *     const FaceSet set = {.random = chance, .seed = 1, .size = 64, .channels = 3, .turn = 1, .n = 2,
 *                          .emotions = {FACE_NEUTRAL, FACE_HAPPY}};
 *     drawn_faces(&set, &(DrawnOptions){.out = "faces", .count = 600});          faces/happy/00001.png, ...
 *
 *     face.h, scene.h --picture number i, 64 or 16 at once--> OUT/happy/00001.png, OUT/00001.png ...
 *                     --what is shown---------------------> OUT/labels.csv, OUT/faces.csv
 *
 * Picture number i of a seed is always the same, whoever draws it and how many there are. The list is there when all
 * pictures are.
 *
 * It builds on dataset.h, face.h and scene.h, which it includes, and on what those build on: define their
 * X_IMPLEMENTATION, too. Define DRAWN_STATIC as well to keep every function private to that file. C11 of gcc or clang
 * and POSIX.1-2008 (with a strict -std=c11 pass -D_GNU_SOURCE); the declarations are C++17, too. Functions give up
 * where they fail (scope.h). Messages about options call them as a command line would.
 */
#ifndef DRAWN_H
#define DRAWN_H

#include "dataset.h"
#include "face.h"
#include "scene.h"
#include <signal.h>

#ifdef DRAWN_STATIC
#define DRAWN_API static inline
#elif defined(__cplusplus)
#define DRAWN_API extern "C"
#else
#define DRAWN_API
#endif

typedef struct DrawnOptions {
    const char *out;                    /* the folder */
    long count;                         /* of pictures */
    bool force;                         /* drawn_faces: what lies there already does not matter */
    SceneEach *each;                    /* does a row of tasks, on threads; NULL: one after the other */
    const volatile sig_atomic_t *stop;  /* not 0: it gives up; NULL: never */
} DrawnOptions;

/* The emotions of a set, "happy,sad"; "": all there are. */
DRAWN_API void drawn_emotions(FaceSet *set, const char *list);

/* Makes the folder and writes OUT/<emotion>/NNNNN.png and OUT/labels.csv: of each face its emotion, how strong it is,
 * valence and arousal, the action units and the emotion mixed in. With viewers both folder and label say what the
 * viewer said, the column `drawn` what was drawn. */
DRAWN_API void drawn_faces(const FaceSet *set, const DrawnOptions *options);

/* Writes OUT/NNNNN.png, squares of `side` pixels, and OUT/faces.csv, a row for every face (box_columns), to a folder
 * that is there. */
DRAWN_API void drawn_scenes(const SceneStock *stock, int side, const DrawnOptions *options);

#endif /* DRAWN_H */

#if defined(DRAWN_IMPLEMENTATION) && !defined(DRAWN_IMPLEMENTED)
#define DRAWN_IMPLEMENTED

_Static_assert((int)EMOTION_SURPRISE == FACE_SURPRISE && (int)EMOTION_ANGRY == FACE_ANGRY &&
               (int)EMOTIONS == FACE_EMOTIONS, "drawn faces and data sets number the emotions in one order");

enum { DRAWN_FACES = 64, DRAWN_SCENES = 16 };                           /* at once */

static bool drawn_stopped(const DrawnOptions *o) { return o->stop && *o->stop; }

/* ---- faces ---- */

DRAWN_API void drawn_emotions(FaceSet *set, const char *list)
{
    const Names names = *list ? parse_names(list, "emotion") : (Names){0};
    for (set->n = 0; !*list && set->n < EMOTIONS; set->n++) set->emotions[set->n] = set->n;
    for (int i = 0; i < names.count && set->n < EMOTIONS; i++) {
        char meant[OPTIONS_MEANT];
        OptionGuess guess = {names.items[i], 3, NULL};
        int found = dataset_emotion(names.items[i]);
        for (int k = 0; k < EMOTIONS; k++) option_guess(&guess, emotion_names[k]);
        if (found < 0)
            give_up(2, "--emotions: there is no %s; drawn faces show neutral, happy, sad, surprise, fear, disgust, "
                       "angry%s", names.items[i], option_meant(&guess, "", meant));
        set->emotions[set->n++] = found;
    }
}

/* A face of a set in the making, and its row in labels.csv. */
typedef struct DrawnFace { const FaceSet *set; const char *out; int index; char row[256]; Error failed; } DrawnFace;

static void drawn_face(void *context)
{
    DrawnFace *face = (DrawnFace *)context;
    int index = face->index;
    Image picture = new_picture(face->set->size, face->set->size, face->set->channels);
    const FaceExpression shown = face_set_expression(face->set, (uint64_t)index);
    const char *called = emotion_names[shown.called];
    char *row = face->row;
    float valence, arousal;
    face_set_render(face->set, (uint64_t)index, shown.au, picture.pixels);
    save_picture(textf("%s/%s/%05d.png", face->out, called, index).s, &picture, NULL);
    face_affect(shown.au, &valence, &arousal);
    row += sprintf(row, "%s/%05d.png,%s,%.3f,%.3f,%.3f", called, index, called, shown.intensity, valence, arousal);
    for (int k = 0; k < FACE_AUS; k++) row += sprintf(row, ",%.2f", shown.au[k]);
    sprintf(row, ",%s,%.3f,%s", emotion_names[shown.second], shown.second_intensity, emotion_names[shown.emotion]);
}

static void drawn_task(void *faces, int i, int worker)
{
    (void)worker;
    DrawnFace *face = (DrawnFace *)faces + i;
    attempt(drawn_face, face, &face->failed);
}

static FileWriter *drawn_labels(const char *out)
{
    FileWriter *list = begin_file(textf("%s/labels.csv", out).s);
    fprintf(list->stream, "path,emotion,intensity,valence,arousal");
    for (int k = 0; k < FACE_AUS; k++) fprintf(list->stream, ",AU%d", face_au_number(k));
    fprintf(list->stream, ",second,second_intensity,drawn\n");
    return list;
}

DRAWN_API void drawn_faces(const FaceSet *set, const DrawnOptions *o)
{
    DrawnFace *faces = (DrawnFace *)own(DRAWN_FACES, sizeof *faces);
    const char *names[EMOTIONS];
    long done = 0;
    for (int i = 0; i < set->n; i++) names[i] = emotion_names[set->emotions[i]];
    begin_set(o->out, names, set->n, o->force);
    FileWriter *list = drawn_labels(o->out);
    Progress *progress = own_progress("draw", 0, o->count);
    while (done < o->count && !drawn_stopped(o)) {
        int count = o->count - done < DRAWN_FACES ? (int)(o->count - done) : DRAWN_FACES;
        for (int i = 0; i < count; i++) {
            faces[i] = (DrawnFace){.set = set, .out = o->out, .index = (int)done + i};
            if (!o->each) drawn_task(faces, i, 0);
        }
        if (o->each) o->each(count, drawn_task, faces);
        for (int i = 0; i < count; i++) {
            if (faces[i].failed.status) unwind(&faces[i].failed);
            fprintf(list->stream, "%s\n", faces[i].row);
        }
        progress_show(progress, done += count, "%s", o->out);
    }
    if (drawn_stopped(o)) give_up(1, "stopped after %ld of %ld pictures", done, o->count);
    end_file(list);
}

/* ---- scenes ---- */

static void drawn_scene(const char *out, const Scene *scene, long number, FILE *list)
{
    const char *name = own_text("%05ld.png", number);
    save_picture(own_text("%s/%s", out, name), &scene->picture, NULL);
    for (int i = 0; i < scene->n_faces; i++) fputs(name, list), box_print(list, &scene->faces[i]);
}

DRAWN_API void drawn_scenes(const SceneStock *stock, int side, const DrawnOptions *o)
{
    Scene *scenes = scene_new(DRAWN_SCENES, side, stock->channels);
    FileWriter *list = begin_file(own_text("%s/faces.csv", o->out));
    fprintf(list->stream, "path,%s\n", box_columns);
    Progress *progress = own_progress("draw", 0, o->count);
    for (long first = 0; first < o->count; first += DRAWN_SCENES) {
        int count = o->count - first < DRAWN_SCENES ? (int)(o->count - first) : DRAWN_SCENES;
        if (drawn_stopped(o)) give_up(1, "stopped after %ld of %ld scenes", first, o->count);
        scene_compose_all(stock, (uint64_t)first, scenes, count, o->each);
        for (int i = 0; i < count; i++) drawn_scene(o->out, &scenes[i], first + i, list->stream);
        progress_show(progress, first + count, "%s", o->out);
    }
    end_file(list);
}

#endif /* DRAWN_IMPLEMENTATION */
