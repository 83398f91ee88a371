/* together.c: the tests of facegan.c's insides in one program, so that facegan.c is compiled once for all of them; the name
 * under which it is called chooses one. Each is a program by itself, too. Names that several of them have are told apart by
 * the test's. */
#include "library.h"
#include "check.h"

#define TEST_NAME_(name, test) name##_of_##test
#define TEST_NAME(name, test) TEST_NAME_(name, test)
#define main TEST_NAME(main, TEST)
#define folder TEST_NAME(folder, TEST)
#define test_mistakes TEST_NAME(test_mistakes, TEST)
#define plan_and_run TEST_NAME(plan_and_run, TEST)

#ifdef REAL_DOUBLE
#define TEST facegan64
#include "test_facegan64.c"
#undef TEST
#define TEST noise
#include "test_noise.c"
#undef TEST
#else
#define TEST data
#include "test_data.c"
#undef TEST
#define TEST detect
#include "test_detect.c"
#undef TEST
#define TEST facegan
#include "test_facegan.c"
#undef TEST
#define TEST metrics
#include "test_metrics.c"
#undef TEST
#define TEST onnx
#include "test_onnx.c"
#undef TEST
#endif
#undef main

int main(int argc, char **argv)
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL, *called = slash ? slash + 1 : argc ? argv[0] : "";
#ifdef REAL_DOUBLE
    if (strcmp(called, "test_facegan64") == 0) return main_of_facegan64();
    if (strcmp(called, "test_noise") == 0) return main_of_noise();
#else
    if (strcmp(called, "test_data") == 0) return main_of_data();
    if (strcmp(called, "test_detect") == 0) return main_of_detect();
    if (strcmp(called, "test_facegan") == 0) return main_of_facegan();
    if (strcmp(called, "test_metrics") == 0) return main_of_metrics(argc, argv);
    if (strcmp(called, "test_onnx") == 0) return main_of_onnx(argc, argv);
#endif
    fprintf(stderr, "%s: there is no test of that name\n", called);
    return 2;
}
