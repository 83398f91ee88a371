/* video.h: the frames of a video, out of the pipe of a program that decodes it.
 *
 *     #define VIDEO_IMPLEMENTATION      in exactly one C file, before the include
 *     #include "video.h"
 *
 *     char error[VIDEO_ERROR];
 *     Video v;
 *     VideoFrame frame;
 *     if (!video_open(&v, "film.mp4", error)) ...      "no program ffmpeg can be run: No such file or directory"
 *     while (video_next(&v, &frame))
 *         use(frame.pixels, frame.width, frame.height), free(frame.pixels);
 *     int status = video_close(&v);                    what the program ended with
 *
 * Define VIDEO_STATIC as well to keep every function private to that file. C11 and POSIX.1-2008 with pipe2 (with a
 * strict -std=c11 pass -D_GNU_SOURCE). The caller's SIGPIPE plays no part: nothing is written.
 *
 * The program is whatever `ffmpeg` is on PATH; video_start takes any other. It writes binary PPM pictures to its
 * standard output, one behind the other: "P6", width, height, 255, one blank, then width x height pixels of red, green,
 * blue.
 */
#ifndef VIDEO_H
#define VIDEO_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef VIDEO_STATIC
#define VIDEO_API static inline
#elif defined(__cplusplus)
#define VIDEO_API extern "C"
#else
#define VIDEO_API
#endif

enum { VIDEO_ERROR = 256, VIDEO_SIDE = 16384 };     /* the largest width or height that is read */

typedef struct Video {
    FILE *frames;                        /* NULL: not open */
    pid_t process;
    long next;                           /* the number of the frame that video_next will read, from 1 on */
} Video;

typedef struct VideoFrame { int width, height; unsigned char *pixels; } VideoFrame;    /* red, green, blue; to free */

/* Starts a program, its words ending in NULL, that is looked for on PATH. Its standard error is the caller's. */
VIDEO_API bool video_start(Video *v, const char *const *words, char error[VIDEO_ERROR]);

/* Starts ffmpeg on a file. No name can be taken for an option or for a protocol's address. */
VIDEO_API bool video_open(Video *v, const char *path, char error[VIDEO_ERROR]);

/* false: the end, or something that is no picture, or no memory for it. */
VIDEO_API bool video_next(Video *v, VideoFrame *frame);

/* The program's exit status, 128 and its number where a signal ended it; 0 where it was ended here, before its last
 * frame was read. Does nothing to what is not open. */
VIDEO_API int video_close(Video *v);

/* One picture out of a stream: what video_next does. */
VIDEO_API bool video_read(FILE *from, VideoFrame *frame);

#endif /* VIDEO_H */

#if defined(VIDEO_IMPLEMENTATION) && !defined(VIDEO_IMPLEMENTED)
#define VIDEO_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

VIDEO_API bool video_start(Video *v, const char *const *words, char error[VIDEO_ERROR])
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    *v = (Video){NULL, 0, 1};
    if (pipe2(ends, O_CLOEXEC)) return snprintf(error, VIDEO_ERROR, "no pipe: %s", strerror(errno)), false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    int failed = posix_spawnp(&v->process, words[0], &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    v->frames = failed ? NULL : fdopen(ends[0], "rb");
    if (v->frames) return true;
    close(ends[0]);
    return snprintf(error, VIDEO_ERROR, "no program %s can be run: %s", words[0], strerror(failed)), false;
}

VIDEO_API bool video_open(Video *v, const char *path, char error[VIDEO_ERROR])
{
    size_t room = strlen(path) + 6;
    char *input = (char *)malloc(room);
    if (!input) return *v = (Video){NULL, 0, 0}, snprintf(error, VIDEO_ERROR, "out of memory"), false;
    snprintf(input, room, "file:%s", path);
    const char *const words[] = {"ffmpeg", "-nostdin", "-v", "error", "-i", input, "-f", "image2pipe", "-c:v", "ppm",
                                 "-", NULL};
    bool opened = video_start(v, words, error);
    free(input);
    return opened;
}

VIDEO_API bool video_read(FILE *from, VideoFrame *frame)
{
    int width, height, most;
    *frame = (VideoFrame){0, 0, NULL};
    if (fscanf(from, "P6 %5d %5d %3d", &width, &height, &most) != 3 || most != 255 || getc(from) == EOF) return false;
    if (width < 1 || height < 1 || width > VIDEO_SIDE || height > VIDEO_SIDE) return false;
    size_t bytes = 3 * (size_t)width * (size_t)height;
    unsigned char *pixels = (unsigned char *)malloc(bytes);
    if (!pixels || fread(pixels, 1, bytes, from) != bytes) return free(pixels), false;
    *frame = (VideoFrame){width, height, pixels};
    return true;
}

VIDEO_API bool video_next(Video *v, VideoFrame *frame)
{
    bool got = video_read(v->frames, frame);
    v->next += got;
    return got;
}

VIDEO_API int video_close(Video *v)
{
    int status = 0;
    if (!v->frames) return 0;
    bool ended = feof(v->frames) != 0;
    fclose(v->frames);
    if (!ended) kill(v->process, SIGKILL);
    while (waitpid(v->process, &status, 0) < 0 && errno == EINTR) continue;
    *v = (Video){NULL, 0, 0};
    return !ended ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif /* VIDEO_IMPLEMENTATION */
