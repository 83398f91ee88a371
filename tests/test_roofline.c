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

int main(void)
{
    test_floor();
    test_print();
    return check_report();
}
