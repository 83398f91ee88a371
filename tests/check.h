/* check.h: the smallest test harness that cannot lie.
 *
 * A check counts as passed only if its condition is true; a comparison is written `!(error <= limit)`, so that NaN fails.
 * Skips are counted and printed with their reason. End main with `return check_report();`: exit status 1 if anything failed. */
#ifndef CHECK_H
#define CHECK_H
#include <math.h>
#include <stdio.h>

static int check_passed, check_failed, check_skipped;

static inline void check_note(int ok, const char *file, int line, const char *what)
{
    if (ok) { check_passed++; return; }
    check_failed++;
    printf("FAILED %s:%d  %s\n", file, line, what);
}

static inline void check_close(double a, double b, double limit, const char *file, int line, const char *what)
{
    double error = fabs(a - b);
    if (!(error <= limit)) printf("  %.17g and %.17g differ by %g, allowed %g\n", a, b, error, limit);
    check_note(error <= limit, file, line, what);
}

static inline void check_skip(const char *reason)
{
    check_skipped++;
    printf("skipped: %s\n", reason);
}

static inline int check_report(void)
{
    printf("%d passed, %d failed, %d skipped\n", check_passed, check_failed, check_skipped);
    return check_failed > 0 || check_passed == 0;
}

#define CHECK(condition) check_note(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_MSG(condition, ...) \
    do { \
        int check_ok = !!(condition); \
        char check_text[512]; \
        snprintf(check_text, sizeof check_text, __VA_ARGS__); \
        check_note(check_ok, __FILE__, __LINE__, check_text); \
    } while (0)
#define CLOSE(a, b, limit) check_close((a), (b), (limit), __FILE__, __LINE__, #a " close to " #b)
#define SKIP(reason) check_skip(reason)

/* Under AddressSanitizer, which has more memory than any limit allows, one who has too little is ended. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif
#endif
