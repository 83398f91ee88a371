/* together64.c: those that are in double precision. */
#define REAL_DOUBLE
#include "together.c"
