/* test_facegan64.c: test_facegan.c in double precision, where the limits are tight and gradients can be held against
 * central differences. */
#define REAL_DOUBLE
#include "test_facegan.c"
