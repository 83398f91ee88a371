/* faulty_memory.h: `-include`d into a program, lets faults.c make its allocations fail where malloc itself cannot be replaced,
 * because it is AddressSanitizer's: so what a failure leaves behind is watched as well. */
#include <stdlib.h>
#include <string.h>

int no_memory(void) __attribute__((weak));              /* in faults.c; not there without it */

static inline int faulty(void) { return no_memory && no_memory(); }
static inline void *faulty_malloc(size_t size) { return faulty() ? NULL : malloc(size); }
static inline void *faulty_calloc(size_t n, size_t size) { return faulty() ? NULL : calloc(n, size); }
static inline void *faulty_realloc(void *old, size_t size) { return faulty() ? NULL : realloc(old, size); }
static inline void *faulty_aligned(size_t border, size_t size) { return faulty() ? NULL : aligned_alloc(border, size); }
static inline char *faulty_strdup(const char *text) { return faulty() ? NULL : strdup(text); }

#undef strdup
#define malloc faulty_malloc
#define calloc faulty_calloc
#define realloc faulty_realloc
#define aligned_alloc faulty_aligned
#define strdup faulty_strdup
