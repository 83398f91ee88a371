/* library.h: facegan.c for the tests of its insides, which see all that is static there. */
#ifndef LIBRARY_H
#define LIBRARY_H
#define FACEGAN_LIBRARY
#include "../facegan.c"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wformat-truncation"        /* the text of a failed check may be cut */
#endif
#endif
