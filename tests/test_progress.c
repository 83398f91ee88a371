/* test_progress.c: vendor/progress.h: what the bar says, and when it says something. */
#define PROGRESS_IMPLEMENTATION
#define PROGRESS_STATIC
#include "../vendor/progress.h"
#include <stdlib.h>
#include <string.h>
#include "check.h"

static void test_durations(void)
{
    static const struct { double seconds; const char *text; } cases[] = {
        {0, "0s"}, {0.4, "0s"}, {59.4, "59s"}, {59.6, "1m00s"}, {425, "7m05s"}, {3599.6, "1h00m"}, {12000, "3h20m"},
        {172799, "47h59m"}, {172800, "2d00h"}, {4 * 86400 + 7 * 3600 + 3000, "4d07h"}};
    char text[PROGRESS_DURATION];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        progress_duration(cases[i].seconds, text);
        CHECK_MSG(strcmp(text, cases[i].text) == 0, "%g seconds are \"%s\"", cases[i].seconds, text);
    }
}

static void test_lines(void)
{
    char line[200];
    Progress p = {.first = 200, .total = 1000, .what = "train"};
    progress_line(&p, 500, 10, "loss 1", line, sizeof line);            /* 300 in 10 s: 500 more take 16.7 s */
    CHECK(strcmp(line, "train [############............] 500/1000  30.00/s  17s left  loss 1") == 0);
    progress_line(&p, 1000, 10, "", line, sizeof line);
    CHECK(strcmp(line, "train [########################] 1000/1000  80.00/s  0s left  ") == 0);
    progress_line(&p, 500, 10, "loss 1", line, 9);
    CHECK(strcmp(line, "train [#") == 0);
}

/* How many lines a file that is no terminal has, when the last one was a while ago. */
static int lines_after(double ago, long done)
{
    FILE *file = tmpfile();
    int lines = 0;
    progress_to(file);
    Progress p = progress_start("draw", 0, 10);
    p.shown -= ago;
    progress_show(&p, done, "%s", "faces");
    progress_show(&p, done, "%s", "faces");
    progress_end(&p);
    rewind(file);
    for (int c; (c = fgetc(file)) != EOF;) lines += c == '\n';
    fclose(file);
    return lines;
}

/* On a terminal a bar's line ends once, by itself where it is full, else with the bar. */
static void test_terminal(void)
{
    for (long most = 5; most <= 10; most += 5) {
        FILE *file = tmpfile();
        int lines = 0;
        progress_to(file), progress_terminal = true;
        Progress p = progress_start("draw", 0, 10);
        for (long i = 1; i <= most; i++) progress_show(&p, i, "%s", "faces");
        fflush(file), rewind(file);
        for (int c; (c = fgetc(file)) != EOF;) lines += c == '\n';
        CHECK(lines == (most == 10));
        progress_end(&p);
        rewind(file), lines = 0;
        for (int c; (c = fgetc(file)) != EOF;) lines += c == '\n';
        CHECK(lines == 1);
        fclose(file);
    }
}

static void test_times(void)
{
    static const char *const wrong[] = {"", "2", "2x", "-1h", "0m", "2hh", "nanh", "infs", "h", "1e999h"};
    CHECK(progress_time("2h") == 7200 && progress_time("1.5m") == 90 && progress_time("30s") == 30);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_MSG(progress_time(wrong[i]) != progress_time(wrong[i]), "%s is a time", wrong[i]);
}

/* Of 100: a quarter each is 25; the second needs but 10, so that the others have 30 each, with which the third is done. */
static void test_sharing(void)
{
    const double whole[] = {90, 10, 30, 500}, weight[] = {1, 1, 1, 1}, uneven[] = {3, 1, 1, 5};
    double given[4];
    progress_share(100, 4, whole, weight, given);
    CHECK(given[0] == 30 && given[1] == 10 && given[2] == 30 && given[3] == 30);
    progress_share(100, 4, whole, uneven, given);
    CHECK(given[0] == 30 && given[1] == 10 && given[2] == 10 && given[3] == 50);
    progress_share(HUGE_VAL, 4, whole, weight, given);
    CHECK(given[0] == 90 && given[3] == 500);
    progress_share(1000, 4, whole, weight, given);
    CHECK(given[0] == 90 && given[1] == 10 && given[2] == 30 && given[3] == 500);
}

int main(void)
{
    test_terminal();
    test_durations();
    test_times();
    test_sharing();
    test_lines();
    CHECK(lines_after(0, 5) == 0);
    CHECK(lines_after(59, 10) == 0);
    CHECK(lines_after(61, 5) == 1);
    progress_to(NULL);
    Progress p = progress_start("draw", 0, 10);
    p.shown = -100;
    progress_show(&p, 5, "nowhere");
    progress_end(&p);
    CHECK(p.shown == -100);
    double start = progress_seconds();
    CHECK(progress_seconds() >= start);
    return check_report();
}
