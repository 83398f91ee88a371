/* test_roofline.c: vendor/roofline.h: floors and shares that are worked out by hand. */
#define ROOFLINE_IMPLEMENTATION
#define ROOFLINE_STATIC
#include "../vendor/roofline.h"
#include "check.h"
#include <string.h>

/* 1e9 operations and 1e8 bytes a second: 1e6 operations or 1e5 bytes take a millisecond. */
static const RooflinePeaks peaks = {1e9, 1e8};

static RooflineRow row(const char *name, double milliseconds, double work, double bytes, bool computes)
{
    return (RooflineRow){milliseconds, 2 * work, work, bytes, computes, computes, name, "(1,2,3,4)", "3x3"};
}

static void test_floor(void)
{
    RooflineRow busy = row("a", 9, 5e6, 1e5, true), starved = row("b", 9, 1e6, 7e5, true), idle = row("c", 9, 5e6, 1e5, false);
    CLOSE(roofline_floor(&busy, &peaks), 5, 1e-12);
    CLOSE(roofline_floor(&starved, &peaks), 7, 1e-12);
    CLOSE(roofline_floor(&idle, &peaks), 1, 1e-12);
}

static void test_print(void)
{
    RooflineRow rows[] = {row("small", 0.01, 1, 1, false), row("second", 4, 2e6, 2e5, true), row("first", 6, 3e6, 8.4e5, true)};
    char text[2000] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    roofline_print(to, "a step", rows, 3, &peaks);
    fclose(to);
    CHECK(strstr(text, "a step: 10.0 ms (what counts at the peaks: 10.4 ms), 0.0 GFLOP\n"));
    /* 6 ms: 60%; 6e6 operations in 6 ms: 1 GFLOP/s; 3e6 done of 6e6 possible: 50%; 8.4e5 bytes: 0.14 GB/s; floor 8.4 ms */
    CHECK(strstr(text, "      6.00  59.9%       1.0      50%      0.1     8.40  first                (1,2,3,4)              3x3\n"));
    CHECK(strstr(text, "second") > strstr(text, "first") && !strstr(text, "small"));
}

/* What is printed of the steps. */
static const char *steps(bool json, bool both)
{
    static char text[1000];
    FILE *to = fmemopen(text, sizeof text, "w");
    roofline_steps(to, json, &(RooflineSteps){both, 1.5, 2.25, 0.5, 4096, 2, "avx2", 1200, 800});
    fclose(to);
    return text;
}

static void test_steps(void)
{
    static const char memory[] = "peak 4096 bytes   (2 threads, avx2)\nmemory that any program needs: weights and moments 1200 "
                                 "bytes, values alive at once in a step 800 bytes\n";
    CHECK(strstr(steps(false, true), "D step 1.50 ms   G step 2.25 ms   forward 0.50 ms   5 D + 1 G 9.8 ms   peak"));
    CHECK(strstr(steps(false, true), memory) && strstr(steps(false, false), memory));
    CHECK(strstr(steps(false, false), "step 1.50 ms   forward 0.50 ms   peak") == steps(false, false));
    CHECK(strcmp(steps(true, true), "{\"d_step_ms\": 1.50, \"g_step_ms\": 2.25, \"forward_ms\": 0.50, \"five_d_one_g_ms\": 9.8, "
                 "\"peak_bytes\": 4096, \"threads\": 2, \"isa\": \"avx2\", \"parameters_bytes\": 1200, \"alive_bytes\": 800}\n") == 0);
    CHECK(strstr(steps(true, false), "{\"step_ms\": 1.50, \"forward_ms\": 0.50, \"peak_bytes\": 4096, ") == steps(true, false));
}

int main(void)
{
    test_floor();
    test_print();
    test_steps();
    return check_report();
}
