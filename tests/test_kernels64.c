/* test_kernels64.c: test_kernels.c with `real` = double, where the limits are tight. */
#define KERNELS_DOUBLE
#include "test_kernels.c"
