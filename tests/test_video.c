/* test_video.c: vendor/video.h gives the frames that a program wrote, tells its end from its failure, and leaves no process
 * behind. The program is a shell script; none called ffmpeg is needed. */
#define VIDEO_IMPLEMENTATION
#define VIDEO_STATIC
#include "../vendor/video.h"
#include "check.h"
#include <sys/stat.h>

static char folder[] = "/tmp/test_video_XXXXXX";

static Video shell(const char *script)
{
    char error[VIDEO_ERROR] = "";
    Video v;
    const char *const words[] = {"sh", "-c", script, NULL};
    CHECK(video_start(&v, words, error));
    return v;
}

/* Frames of the script, and what it ended with. */
static int frames_of(const char *script, int *status)
{
    Video v = shell(script);
    VideoFrame frame;
    int n = 0;
    while (video_next(&v, &frame)) n++, free(frame.pixels);
    CHECK(v.next == n + 1);
    *status = video_close(&v);
    CHECK(!v.frames && video_close(&v) == 0);
    return n;
}

static void test_pixels(void)
{
    Video v = shell("printf 'P6\\n2 1\\n255\\nabcdef'; printf 'P6 1 2 255 \\n\\tP6\\040!'");
    VideoFrame frame;
    CHECK(v.next == 1 && video_next(&v, &frame) && v.next == 2);
    CHECK(frame.width == 2 && frame.height == 1 && memcmp(frame.pixels, "abcdef", 6) == 0);
    free(frame.pixels);
    CHECK(video_next(&v, &frame));                      /* one blank behind 255: what follows are pixels, even blanks */
    CHECK(frame.width == 1 && frame.height == 2 && memcmp(frame.pixels, "\n\tP6 !", 6) == 0);
    free(frame.pixels);
    CHECK(!video_next(&v, &frame) && !frame.pixels);
    CHECK(video_close(&v) == 0);
}

static void test_ends(void)
{
    int status;
    CHECK(frames_of("true", &status) == 0 && status == 0);
    CHECK(frames_of("printf 'P6 1 1 255 abc'; exit 3", &status) == 1 && status == 3);
    CHECK(frames_of("printf 'P6 1 1 255 ab'", &status) == 0 && status == 0);
    CHECK(frames_of("printf 'P6 1 1 255 abcP6 1 1 25'; kill -9 $$", &status) == 1 && status == 128 + 9);
    CHECK(frames_of("printf 'P6 1 1 65535 abcdef'", &status) == 0);
    CHECK(frames_of("printf 'P5 1 1 255 a'", &status) == 0);
    CHECK(frames_of("printf 'P6 0 1 255 a'", &status) == 0);
    CHECK(frames_of("printf 'P6 16385 1 255 a'", &status) == 0);
    CHECK(frames_of("printf 'P6 99999999999 1 255 a'", &status) == 0);
    CHECK(frames_of("printf 'P6 -1 1 255 a'", &status) == 0);
}

/* A program that would go on for ever is ended, and waited for. */
static void test_stopped(void)
{
    Video v = shell("while :; do printf 'P6 1 1 255 abc'; done");
    VideoFrame frame;
    pid_t process = v.process;
    CHECK(video_next(&v, &frame) && frame.pixels[2] == 'c');
    free(frame.pixels);
    CHECK(video_close(&v) == 0);
    CHECK(kill(process, 0) != 0 && errno == ESRCH);
    v = shell("printf 'P6 1 1 255 abc'; exec sleep 100");
    CHECK(video_next(&v, &frame));
    free(frame.pixels);
    CHECK(video_close(&v) == 0);                        /* does not wait for the sleep */
}

/* video_open runs the ffmpeg of PATH, and hands it the path behind "file:". */
static void test_ffmpeg(void)
{
    char script[128], error[VIDEO_ERROR] = "";
    Video v;
    VideoFrame frame;
    snprintf(script, sizeof script, "%s/ffmpeg", folder);
    FILE *file = fopen(script, "w");
    CHECK(file && fputs("#!/bin/sh\nwhile [ \"$1\" != -i ]; do shift; done\nprintf 'P6 1 3 255 %s' \"$2\"\n", file) > 0);
    CHECK(file && fclose(file) == 0 && chmod(script, 0755) == 0);
    char *path = strdup(getenv("PATH")), both[4096];
    snprintf(both, sizeof both, "%s:%s", folder, path);
    setenv("PATH", both, 1);
    CHECK(video_open(&v, "-i k", error) && video_next(&v, &frame) && memcmp(frame.pixels, "file:-i k", 9) == 0);
    free(frame.pixels);
    CHECK(!video_next(&v, &frame) && video_close(&v) == 0);
    setenv("PATH", "/nowhere", 1);
    CHECK(!video_open(&v, "film.mp4", error) && !v.frames);
    CHECK(strcmp(error, "no program ffmpeg can be run: No such file or directory") == 0);
    CHECK(video_close(&v) == 0);
    setenv("PATH", path, 1);
    free(path), remove(script);
}

int main(void)
{
    if (!mkdtemp(folder)) return 1;
    test_pixels(), test_ends(), test_stopped(), test_ffmpeg();
    rmdir(folder);
    return check_report();
}
