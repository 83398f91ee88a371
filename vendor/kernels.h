/* kernels.h: the arithmetic of convolutional networks on a CPU: convolutions and their two gradients, pointwise loops,
 * instance norm, optimisers, and the threads that share the work. One header; it needs libc, libm and pthreads only.
 *
 *     #define KERNELS_IMPLEMENTATION           in exactly one source file of the program
 *     #define KERNELS_STATIC                   optional: keeps every function private to that file
 *     #include "kernels.h"
 *
 *     char error[KERNELS_ERROR_SIZE];
 *     if (!kernels_choose(NULL, error)) { puts(error); return 1; }        the widest instructions that there are
 *     threads_start(0);                                                   as many threads as processors
 *
 *     ConvShape s = {.n = 8, .h = 64, .w = 64, .c = 3, .ho = 32, .wo = 32, .k = 64,
 *                    .r = 4, .s = 4, .stride = 2, .pad_y = 1, .pad_x = 1, .groups = 1};
 *     ConvEpilogue e = {.bias = bias, .slope = 0.2f};                     y = leaky ReLU of conv(x, w) + bias
 *     real *prepared = malloc(conv_filter_size(&s, CONV_FORWARD) * sizeof(real));
 *     void *scratch = malloc(conv_scratch_bytes(&s, CONV_FORWARD));
 *     conv_filter_prepare(&s, CONV_FORWARD, w, prepared);                 once for each change of w
 *     conv_run(&s, CONV_FORWARD, x, conv_filter_layout(&s, CONV_FORWARD) ? prepared : w, &e, y, scratch);
 *
 * It needs gcc or clang (vector types, target attributes) and POSIX threads; the declarations compile as C++, too, the
 * implementation as C11 only. Build it with -ffp-contract=fast and -fno-math-errno: a multiplication and the addition
 * behind it become one instruction, a square root needs no call. No other liberty is taken with arithmetic, and none
 * must be (-ffast-math breaks exp, log and sign).
 *
 * INSTRUCTION SETS. One source is compiled for each: avx512, avx2 (with fma), neon, and portable (vectors of 16 bytes,
 * made of whatever there is). For that the header includes itself, under the name "kernels.h", with KN_ISA defined.
 * kernels_choose picks one at run time; `kernels` is then a table of functions.
 *
 * NUMBERS are `real`: float, or double where KERNELS_DOUBLE is defined. Activations lie in memory as (N,H,W,C),
 * channels last; weights as (R,S,C,K), output channels last.
 *
 * THE SAME BITS. For one instruction set a result depends on shapes and numbers alone: work is cut by shape and never
 * by thread count, each output has one owner, every sum has one order, denormal numbers are flushed to zero in every
 * thread alike, and exp, log, tanh and sin are this file's own. So one thread or sixteen give the same bits, today and
 * tomorrow. Between instruction sets results differ by rounding.
 *
 * MEMORY. Nothing here allocates: scratch memory is the caller's, of the size that conv_scratch_bytes tells for the
 * number of threads at that moment, aligned as malloc does it or better (64 bytes are best). Convolutions share the
 * pool of threads: call them from one thread at a time.
 *
 * NAMES. Public are kernels, kernels_*, conv_*, parallel, thread_count, threads_*, real and the types and constants
 * below. Whatever begins with kn_, Kn or KN_ is nobody else's business; the short macros of the kernels (VEC, LOAD,
 * MAP ...) are gone at the end of the file. Include the implementation before headers that have macros of such names.
 *
 * CONTENTS
 *    1  threads                                   6  forward and input gradient: panels
 *    2  the kernels' words; the tile              7  weight gradient: sums over pixels
 *    3  pointwise loops, elementary functions     8  input gradient of few pixels
 *    4  instance norm                             9  depthwise
 *    5  optimisers                               10  Winograd's convolution
 *                                                11  what a program calls */
#ifndef KERNELS_H
#define KERNELS_H

#include <pthread.h>
#include <stddef.h>

#ifdef KERNELS_STATIC
#define KERNELS_API static __attribute__((unused))
#else
#define KERNELS_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifdef KERNELS_DOUBLE
typedef double real;
#else
typedef float real;
#endif

enum { KERNELS_ERROR_SIZE = 256, KERNELS_MAX_THREADS = 64, KERNELS_STACK = 2 << 20 };

/* ==== Threads ==================================================================================================== */

/* A piece of work. What it does may depend on its index, never on which worker does it: the worker's number, below
 * thread_count(), only chooses memory of its own. */
typedef void ParallelTask(void *argument, int index, int worker);

/* Runs tasks 0 to tasks-1 and returns when all are done. */
KERNELS_API void parallel(int tasks, ParallelTask *task, void *argument);

KERNELS_API int thread_count(void);
KERNELS_API void threads_start(int threads);    /* so many, the caller among them; 0: one for each processor */
KERNELS_API void threads_stop(void);            /* all but the caller */

/* pthread_create with a stack of KERNELS_STACK bytes, which the pool's threads have, too. Left to itself a thread has
 * 8 MiB where glibc is the C library, and 128 KiB where it is musl. */
KERNELS_API int threads_create(pthread_t *thread, void *(*body)(void *), void *argument);

/* ==== Convolutions =============================================================================================== */

/* Geometry of a convolution: y(n,p,q,k) = sum over r,s,c of x(n, p*stride + r - pad_y, q*stride + s - pad_x, c)
 * w(r,s,c,k), x being 0 outside its bounds. The input gradient and the weight gradient of this y have the same
 * geometry. */
typedef struct ConvShape {
    int n, h, w, c;                     /* x: (N,H,W,C) */
    int ho, wo, k;                      /* y: (N,Ho,Wo,K) */
    int r, s;                           /* w: (R,S,C,K), or (R,S,1,K) when depthwise */
    int stride, pad_y, pad_x, groups;   /* groups: 1, or C (= K) for depthwise */
} ConvShape;

typedef enum { CONV_FORWARD, CONV_INPUT_GRAD, CONV_WEIGHT_GRAD } ConvKind;

/* What happens to a result on its way out, in this order. v: the result, i: its index in the output, k: its channel. */
typedef struct ConvEpilogue {
    const real *plus;                   /* or NULL: v += plus[i]    (may be the output: accumulation in place) */
    const real *bias;                   /* or NULL: v += bias[k] */
    const real *table;                  /* or NULL: v += what its pixel's place says (conv_table_place); then no bias */
    real slope;                         /* v = v > 0 ? v : slope*v  (1: none; 0: ReLU) */
    const real *slopes;                 /* or NULL: the slope is slopes[k]  (PReLU) */
    const real *mask;                   /* or NULL: v *= mask[i] > 0 ? 1 : mask_slope */
    real mask_slope;
} ConvEpilogue;

/* Forward: a = x, b = w or its prepared copy, out = y. Input gradient: a = dy, b likewise, out = dx. Weight gradient:
 * a = x, b = dy, out = dw. */
KERNELS_API void conv_run(const ConvShape *s, ConvKind kind, const real *a, const real *b, const ConvEpilogue *e,
                          real *out, void *scratch);
KERNELS_API size_t conv_scratch_bytes(const ConvShape *s, ConvKind kind);

/* 0: conv_run reads w as it is. Otherwise it wants what conv_filter_prepare makes of it, conv_filter_size numbers, and
 * two convolutions with the same w, layout and (r,s,c,k) can share one copy. */
KERNELS_API int conv_filter_layout(const ConvShape *s, ConvKind kind);
KERNELS_API size_t conv_filter_size(const ConvShape *s, ConvKind kind);
KERNELS_API void conv_filter_prepare(const ConvShape *s, ConvKind kind, const real *w, real *prepared);

/* A table (N,R,R,K) says what is added to the outputs of an R x R kernel that keeps the picture's size: as many of its
 * lines above and below, and columns left and right, as zeros were put there stand for themselves, the middle one for
 * all others. (So channels that are constant over the picture, a label's say, cost next to nothing.) Does the forward
 * pass take one? And which of the table's lines (or columns) is it for line `at` of `length`? */
KERNELS_API int conv_takes_table(const ConvShape *s);
KERNELS_API int conv_table_place(int at, int length, int size);

/* MobileNet's pair, a depthwise convolution and a 1x1 behind it, in one: what the first gives never goes out to memory.
 * y = conv(depthwise(x, w_first), prepared), each with its epilogue. */
KERNELS_API int conv_takes_depthwise(const ConvShape *first, const ConvShape *s);
KERNELS_API size_t conv_pair_scratch_bytes(const ConvShape *first, const ConvShape *s);
KERNELS_API void conv_pair_run(const ConvShape *first, const ConvShape *s, const real *x, const real *w_first,
                               const real *prepared, const ConvEpilogue *e_first, const ConvEpilogue *e, real *out,
                               void *scratch);

/* 0 where conv_run does not go by Winograd's method. Where it does: how many multiplications that takes, of F(outputs,
 * taps) along each axis (fewer than the definition's, and a digit less exact). conv_use_winograd(0) turns it off. */
KERNELS_API double conv_winograd(const ConvShape *s, ConvKind kind, int *outputs, int *taps);
KERNELS_API void conv_use_winograd(int use);

/* The definition's multiplications and additions. And the geometry in words; first: the depthwise one before it, or
 * NULL; method: also which of Winograd's, where conv_run goes by one. */
KERNELS_API double conv_operations(const ConvShape *s);
KERNELS_API void conv_text(const ConvShape *s, ConvKind kind, const ConvShape *first, int method, char *text,
                           size_t size);

/* ==== The kernels ================================================================================================ */

/* Pointwise: y_i from u_i and v_i (which may be NULL where there is no v below) and the constants a and b. */
#define KERNELS_POINTWISE(X) \
    X(add)          /* u + v */ \
    X(sub)          /* u - v */ \
    X(mul)          /* u v */ \
    X(affine)       /* a u + b */ \
    X(square)       /* u^2 */ \
    X(sqrt) \
    X(reciprocal)   /* 1/u, and 0 at u = 0 */ \
    X(exp) \
    X(log) \
    X(sin) \
    X(tanh) \
    X(sigmoid)      /* 1/(1 + e^-u) */ \
    X(softplus)     /* log(1 + e^u) */ \
    X(abs) \
    X(sign)         /* -1, 0, 1 */ \
    X(leaky_relu)   /* u where u > 0, else a u */ \
    X(leaky_mask)   /* u where v > 0, else a u */ \
    X(prelu)        /* u where u > 0, else v u */ \
    X(larger)       /* the larger of u and v */

/* Optimisers and the like, from the gradient g: new first moments m, second moments v and weights w, in place (m or v
 * is NULL where there is none below). schedule: (rate, and for adam the corrections 1/(1-b1^t), 1/(1-b2^t)); betas: b1,
 * 1 - b1, b2, 1 - b2. */
#define KERNELS_UPDATES(X) \
    X(adam)             /* m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2;  w -= rate m c1 / (sqrt(v c2) + epsilon) */ \
    X(sgd)              /* m = b1 m + g;  w -= rate m */ \
    X(sgd_nesterov)     /* the same m;  w -= rate (g + b1 m) */ \
    X(rmsprop)          /* v = b2 v + (1-b2) g^2;  w -= rate g / (sqrt v + epsilon) */ \
    X(adagrad)          /* v += g^2;  the same w */ \
    X(moving_average)   /* w += b1 (g - w) */

#define KERNELS_NAME(name) POINTWISE_##name,
typedef enum { KERNELS_POINTWISE(KERNELS_NAME) POINTWISE_OPS } Pointwise;
#undef KERNELS_NAME
#define KERNELS_NAME(name) UPDATE_##name,
typedef enum { KERNELS_UPDATES(KERNELS_NAME) UPDATE_OPS } Update;
#undef KERNELS_NAME

enum { KERNELS_BLOCK = 64 };            /* pixels of a block of block_moments and norm_sums: see section 4 */

struct KnTile;

/* The functions that exist once for each instruction set, a row each: X(name, (arguments)). They run in the thread that
 * calls them; sections 3 to 5 say what the first eight do, the others serve the convolutions. */
#define KERNELS_TABLE(X) \
    X(pointwise, (Pointwise op, const real *u, const real *v, real a, real b, real *y, size_t n)) \
    X(update, (Update op, const real *g, real *m, real *v, const real *schedule, const real *betas, real epsilon, \
               real *w, size_t n)) \
    X(column_sums, (const real *x, size_t rows, size_t stride, size_t columns, double *out)) \
    X(block_moments, (const real *x, size_t pixels, size_t channels, real *mean, real *squares)) \
    X(merge_moments, (const real *blocks, size_t pixels, size_t channels, size_t from, size_t to, real epsilon, \
                      real *moments)) \
    X(normalise, (const real *x, const real *residual, size_t pixels, size_t stride, const real *line, real slope, \
                  real *y)) \
    X(norm_sums, (const real *dy, const real *x, size_t pixels, size_t channels, const real *moments, \
                  const real *line, real slope, real *sums)) \
    X(norm_dx, (const real *dy, const real *x, size_t pixels, size_t stride, const real *lines, real slope, real *dx)) \
    X(tile, (const struct KnTile *t)) \
    X(dot, (const struct KnTile *t)) \
    X(depthwise, (real *sum, const real *const *x, const real *const *w, int terms, ptrdiff_t step, int pixels, \
                  int channels, int row, int accumulate)) \
    X(finish, (const ConvEpilogue *e, real *out, const size_t *at, int rows, int channel, int count, const real *v, \
               int v_row)) \
    X(transpose, (const real *from, ptrdiff_t across, real *to, ptrdiff_t lanes)) \
    X(winograd, (int matrix, const real *const *from, ptrdiff_t at, real *to, ptrdiff_t plane, int count))

typedef struct Kernels {
    const char *name;                   /* of the instruction set */
    int lanes, tile_rows, dot_rows;     /* numbers in a vector; rows of the largest tile; pixels of a call of dot */
#define KERNELS_MEMBER(name, arguments) void (*name) arguments;
    KERNELS_TABLE(KERNELS_MEMBER)
#undef KERNELS_MEMBER
} Kernels;

/* The kernels in use. NULL until kernels_choose has taken those called `wanted`, or this machine's widest when it is
 * NULL; it returns 0, with the names to choose from in `error`, where this machine cannot run them. */
#ifdef KERNELS_STATIC
static const Kernels *kernels;
#else
extern const Kernels *kernels;
#endif
KERNELS_API int kernels_choose(const char *wanted, char error[KERNELS_ERROR_SIZE]);

/* As many multiplications and additions as a core can do: the largest tile, on numbers that stay in its first cache.
 * Returns how many. For a measurement of the peak, on every worker at once, each with memory of its own. */
enum { KERNELS_PEAK_NUMBERS = 14 * 96 + 2 * (64 / (int)sizeof(real)) * (96 + 14) };
KERNELS_API double kernels_peak(real own[KERNELS_PEAK_NUMBERS]);

/* What this machine does at best with all threads, measured, the best of ten times: multiplications and additions, and
 * bytes copied, a second. `numbers`: room for kernels_peaks_numbers() of them. */
KERNELS_API size_t kernels_peaks_numbers(void);
KERNELS_API void kernels_peaks(real *numbers, double *operations, double *bytes);

#ifdef __cplusplus
}
#endif
#endif /* KERNELS_H */

#if defined(KERNELS_IMPLEMENTATION) && !defined(KERNELS_IMPLEMENTED)
/* 32-bit x86: gcc's default there is the x87, whose sums of 80 bits are neither vectors nor anybody else's bits. From
 * here to the end of the file that includes this, numbers live in SSE's registers, as on every x86 since 2001. */
#if defined(__i386__) && !defined(__clang__)
#pragma GCC target("sse2,fpmath=sse")
#endif
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------
 * 1  Threads
 *
 * One pool for the whole program. parallel() runs tasks 0..n-1; a task's results may depend on its index but never on
 * which worker ran it (the worker's number only chooses scratch memory). Each worker has a share of neighbouring
 * tasks, and when it is through, takes what is left of the others': from one job to the next a core so meets the same
 * lines of the pictures again, which are still in its caches (6% of a training step). A task is drawn by raising a
 * number, the share's ticket, which names the job as well: a worker that comes late finds no task left or draws one of
 * the next job, and nobody waits for a worker that the system keeps from running. Workers spin for about a millisecond
 * between jobs before they sleep: a training step has hundreds of jobs, a worker that has finished waits as long as
 * another's last task takes, and one that sleeps misses a short job altogether (waking it takes 50 us or more).
 * Denormal numbers are flushed to zero in every thread alike: they are hundredfold slower and carry nothing here.
 * ---------------------------------------------------------------------------------------------- */

enum { KN_SPINS = 40000, KN_MAX_TASKS = (1 << 22) - 1, KN_LINE = 64 /* bytes of cache, fetched at once */ };

static struct {
    int threads;
    pthread_t handles[KERNELS_MAX_THREADS];
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_int generation, sleepers, done, quit;
    struct { _Alignas(KN_LINE) _Atomic uint64_t ticket; } shares[KERNELS_MAX_THREADS];  /* job (20 bits), end, next */
    ParallelTask *task;
    void *argument;
} kn_pool = {.threads = 1, .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

KERNELS_API int thread_count(void)
{
    return kn_pool.threads;
}

static void kn_flush_denormals(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);          /* flush to zero, denormals are zero */
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | 1u << 24));
#endif
}

static inline void kn_pause_briefly(int spins)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
    if (spins % 256 == 255) sched_yield();
}

/* Its own share first, then what is left of the others'. */
static void kn_take_tasks(int worker)
{
    for (int i = 0; i < kn_pool.threads; i++) {
        _Atomic uint64_t *share = &kn_pool.shares[(worker + i) % kn_pool.threads].ticket;
        uint64_t ticket = atomic_load(share);
        for (;;) {
            int next = (int)(ticket & KN_MAX_TASKS), end = (int)(ticket >> 22 & KN_MAX_TASKS);
            if (next >= end) break;
            if (!atomic_compare_exchange_weak(share, &ticket, ticket + 1)) continue;
            kn_pool.task(kn_pool.argument, next, worker);
            atomic_fetch_add(&kn_pool.done, 1);
            ticket = atomic_load(share);
        }
    }
}

static int kn_wait_for_job(int seen)
{
    for (int spins = 0; spins < KN_SPINS; spins++) {
        if (atomic_load(&kn_pool.generation) != seen) return atomic_load(&kn_pool.generation);
        kn_pause_briefly(spins);
    }
    pthread_mutex_lock(&kn_pool.mutex);
    atomic_fetch_add(&kn_pool.sleepers, 1);
    while (atomic_load(&kn_pool.generation) == seen) pthread_cond_wait(&kn_pool.wake, &kn_pool.mutex);
    atomic_fetch_sub(&kn_pool.sleepers, 1);
    pthread_mutex_unlock(&kn_pool.mutex);
    return atomic_load(&kn_pool.generation);
}

static void *kn_worker_main(void *argument)
{
    int worker = (int)(intptr_t)argument;
    kn_flush_denormals();
    for (int seen = 0;;) {
        seen = kn_wait_for_job(seen);
        if (atomic_load(&kn_pool.quit)) return NULL;
        kn_take_tasks(worker);
    }
}

static void kn_announce_job(void)
{
    pthread_mutex_lock(&kn_pool.mutex);
    atomic_fetch_add(&kn_pool.generation, 1);
    if (atomic_load(&kn_pool.sleepers)) pthread_cond_broadcast(&kn_pool.wake);
    pthread_mutex_unlock(&kn_pool.mutex);
}

KERNELS_API void parallel(int tasks, ParallelTask *task, void *argument)
{
    if (kn_pool.threads == 1 || tasks == 1 || tasks > KN_MAX_TASKS) {
        for (int i = 0; i < tasks; i++) task(argument, i, 0);
        return;
    }
    kn_pool.task = task, kn_pool.argument = argument;
    atomic_store(&kn_pool.done, 0);
    uint64_t job = (uint64_t)(atomic_load(&kn_pool.generation) + 1) << 44;
    for (int i = 0; i < kn_pool.threads; i++) {
        uint64_t begin = (uint64_t)(tasks * (int64_t)i / kn_pool.threads);
        uint64_t end = (uint64_t)(tasks * (int64_t)(i + 1) / kn_pool.threads);
        atomic_store(&kn_pool.shares[i].ticket, job | end << 22 | begin);
    }
    kn_announce_job();
    kn_take_tasks(0);
    for (int spins = 0; atomic_load(&kn_pool.done) < tasks; spins++) kn_pause_briefly(spins);
}

KERNELS_API void threads_stop(void)
{
    if (kn_pool.threads == 1) return;
    atomic_store(&kn_pool.quit, 1);
    kn_announce_job();
    for (int i = 1; i < kn_pool.threads; i++) pthread_join(kn_pool.handles[i], NULL);
    atomic_store(&kn_pool.quit, 0);
    atomic_store(&kn_pool.generation, 0);
    kn_pool.threads = 1;
}

KERNELS_API int threads_create(pthread_t *thread, void *(*body)(void *), void *argument)
{
    pthread_attr_t how;
    int status = pthread_attr_init(&how);
    if (status) return status;
    status = pthread_attr_setstacksize(&how, KERNELS_STACK);
    if (!status) status = pthread_create(thread, &how, body, argument);
    pthread_attr_destroy(&how);
    return status;
}

/* threads: 0 takes every processor that this process may use. */
KERNELS_API void threads_start(int threads)
{
    threads_stop();
    kn_flush_denormals();
    if (threads <= 0) threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (threads < 1) threads = 1;
    if (threads > KERNELS_MAX_THREADS) threads = KERNELS_MAX_THREADS;
    kn_pool.threads = threads;
    for (int i = 1; i < threads; i++) {
        if (threads_create(&kn_pool.handles[i], kn_worker_main, (void *)(intptr_t)i) == 0) continue;
        kn_pool.threads = i;                                            /* the system gives no more: go on with these */
        break;
    }
}

/* ------------------------------------------------------------------------------------------------
 * 2  The kernels' words; the tile
 *
 *   y(n,p,q,k) = sum over r,s,c of x(n, p*stride + r - pad_y, q*stride + s - pad_x, c) w(r,s,c,k)
 *
 * One trilinear form T(x,w,g) = <conv(x,w), g> gives all three kinds: forward is dT/dg, the input gradient
 * dT/dx (and the forward pass of a transposed convolution), the weight gradient dT/dw. All the rest of this
 * file is about keeping the multipliers busy. A core can start 32 float multiply-adds a cycle (AVX-512) but
 * fetches two or three numbers from its first cache in that time, some bytes from the second, less than one
 * float from memory: every number fetched must be used many times. There is one answer, the tile:
 *
 *                          lanes: 2 vectors of b                      14 x 2 accumulators stay in registers;
 *                        +--------------------+                       a term costs 2 vector loads, 14 loads of
 *      14 rows: a  [ ]   |                    |                       a single number and 28 multiply-adds
 *                  [ ] x |  c += a(row) * b   |  for all terms        of a whole vector: the loads hide.
 *                  [ ]   |                    |
 *                        +--------------------+
 *
 * The kinds differ only in what rows, lanes and terms are:
 *
 *      kind             method      rows                lanes              terms of the sum
 *      forward          panels      output pixels       output channels    (r, s, c)
 *      input gradient   panels      input pixels        input channels     (r, s, k), kernel turned by 180 degrees
 *      weight gradient  sums        (r, s, c)           output channels    (n, p, q)
 *      input gradient   pixels      (r, s, c)           output pixels      k            few pixels, large kernel
 *      any, 3x3, 4x4/2  Winograd    tiles / channels    channels           channels / tiles
 *
 * Besides the tile there is a kernel for a handful of output channels (dot) and one for depthwise layers.
 *
 * What stands between `#ifdef KN_ISA` and its `#endif` is compiled once for each instruction set: the file includes
 * itself with KN_ISA and VECTOR_BYTES defined. Vectors are GNU C's (`vector_size`), so the same text becomes AVX-512,
 * AVX2, NEON or SSE2.
 * ---------------------------------------------------------------------------------------------- */

enum { KN_TILE_ROWS_MAX = 14, KN_LANES_MAX = 64 / sizeof(real), KN_DOT_OUTPUTS = 3, KN_DEPTHWISE_TERMS = 64 };

typedef struct KnTile {                 /* c(row, lane) = sum over pictures, runs and length of a[row] * b(lane) */
    const real *const *a;               /* where the rows begin; from there on they are alike: */
    ptrdiff_t at;                       /* where the first term is, */
    ptrdiff_t a_step, a_run, a_picture; /* how far it is from term to term, from run to run, from picture to picture */
    const real *b;                      /* the lanes of the first term; runs follow each other without a gap */
    ptrdiff_t b_step, ahead;            /* from term to term; how far ahead of its use b is fetched */
    int pictures, runs, length;         /* the sum has pictures * runs * length terms */
    int rows, width;                    /* 1..tile_rows rows of 1 or 2 vectors */
    int accumulate;                     /* c += instead of c = */
    real *c;                            /* rows of two vectors */
    const real *next;                   /* NULL, or what the tile after this one reads: fetched meanwhile, a line of */
    ptrdiff_t next_step;                /* cache a term, so far apart */
} KnTile;

/* Winograd's constant matrices (section 10), of F(4,3), F(4,2) and F(3,2) in turn. */
enum { KN_OF_INPUT, KN_OF_OUTPUT, KN_OF_OUTPUT_GRAD, KN_OF_FILTER, KN_OF_FILTER_GRAD, KN_WINOGRAD_MATRICES = 15 };

/* Constants of section 3's exp, log and sin, for either number type. */
#ifdef KERNELS_DOUBLE
#define REAL_BYTES 8
#define EXP_TERMS 14
#define LOG_TERMS 12
#define EXP_LOW (-708.0)
#define EXP_HIGH 709.0
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#define ROUND_MAGIC 6755399441055744.0          /* 1.5 * 2^52: adding it rounds to an integer */
#define SIGN_BIT (-0x7FFFFFFFFFFFFFFFLL - 1)
#define ONE_BITS 0x3FF0000000000000LL
#define SQRT_HALF_BITS 0x3FE6A09E667F3BCDLL
#define LN2_HIGH 0.693147180369123816490
#define LN2_LOW 1.90821492927058770002e-10
#define SIN_TERMS 11
#define PI_HIGH 3.14159265358979311600
#define PI_LOW 1.22464679914735317723e-16
#else
#define REAL_BYTES 4
#define EXP_TERMS 8
#define LOG_TERMS 6
#define EXP_LOW (-87.0f)
#define EXP_HIGH 88.0f
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#define ROUND_MAGIC 12582912.0f
#define SIGN_BIT (-0x7FFFFFFF - 1)
#define ONE_BITS 0x3F800000
#define SQRT_HALF_BITS 0x3F3504F3
#define LN2_HIGH 0.693145751953125f
#define LN2_LOW 1.42860682030941723212e-6f
#define SIN_TERMS 7
#define PI_HIGH 3.140625f
#define PI_LOW 9.67653589793e-4f
#endif

#define REAL_SQRT(x) (sizeof(real) == 8 ? (real)sqrt(x) : (real)sqrtf((float)(x)))

static const real kn_inverse_factorial[14] = {
    1, 1, (real)(1.0 / 2), (real)(1.0 / 6), (real)(1.0 / 24), (real)(1.0 / 120), (real)(1.0 / 720), (real)(1.0 / 5040),
    (real)(1.0 / 40320), (real)(1.0 / 362880), (real)(1.0 / 3628800), (real)(1.0 / 39916800), (real)(1.0 / 479001600),
    (real)(1.0 / 6227020800)};
static const real kn_inverse_odd[12] = {
    1, (real)(1.0 / 3), (real)(1.0 / 5), (real)(1.0 / 7), (real)(1.0 / 9), (real)(1.0 / 11), (real)(1.0 / 13),
    (real)(1.0 / 15), (real)(1.0 / 17), (real)(1.0 / 19), (real)(1.0 / 21), (real)(1.0 / 23)};

/* 1/1!, -1/3!, 1/5!, ...: the sine's power series */
static const real kn_sine_series[11] = {1, (real)(-1.0 / 6), (real)(1.0 / 120), (real)(-1.0 / 5040),
                                        (real)(1.0 / 362880), (real)(-1.0 / 39916800), (real)(1.0 / 6227020800),
                                        (real)(-1.0 / 1307674368000), (real)(1.0 / 355687428096000),
                                        (real)(-1.0 / 121645100408832000), (real)(1.0 / 51090942171709440000.0)};

/* The words of the part below. No vector crosses a function call, helpers are macros: before AVX a vector argument
 * has no register to travel in. `always_inline` with constant arguments makes one function for each tile height. */
#define NAME__(name, isa) kn_##name##_##isa
#define NAME_(name, isa) NAME__(name, isa)
#define NAME(name) NAME_(name, KN_ISA)
#define TEXT_(isa) #isa
#define TEXT(isa) TEXT_(isa)
#define LANES ((int)(VECTOR_BYTES / sizeof(real)))
#define VEC NAME(vec)
#define LOAD(p) ((VEC)*(const NAME(vec_unaligned) *)(p))
#define STORE(p, v) (*(NAME(vec_unaligned) *)(p) = (v))
#define SELECT_AS(type, mask, a, b) ((type)(((mask) & (__typeof__(mask))(a)) | (~(mask) & (__typeof__(mask))(b))))
#define SELECT(mask, a, b) SELECT_AS(VEC, mask, a, b)
#define INLINE static inline __attribute__((always_inline))
#define EACH_4(X) X(0) X(1) X(2) X(3)
#define EACH_6(X) EACH_4(X) X(4) X(5)
#define EACH_8(X) EACH_6(X) X(6) X(7)
#define EACH_14(X) EACH_8(X) X(8) X(9) X(10) X(11) X(12) X(13)
#define IVEC NAME(ivec)
#define WIDTH ((size_t)LANES)
#define SPLAT(f) ((f) - (VEC){0})

/* A vector's first `width` numbers (all of them, if there are so many). */
#define LOAD_SOME(v, from, width) \
    do { \
        if ((width) >= WIDTH) v = LOAD(from); \
        else v = (VEC){0}, memcpy(&(v), from, (width) * sizeof(real)); \
    } while (0)
#define STORE_SOME(to, v, width) \
    do { \
        if ((width) >= WIDTH) STORE(to, v); \
        else memcpy(to, &(v), (width) * sizeof(real)); \
    } while (0)
#define VECTOR_SQRT(result, v) \
    do { \
        VEC v_ = (v); \
        for (int k_ = 0; k_ < LANES; k_++) (result)[k_] = REAL_SQRT(v_[k_]); \
    } while (0)

#define EXP(result, argument) \
    do { \
        VEC x_ = (argument); \
        x_ = SELECT(x_ < EXP_LOW, SPLAT((real)EXP_LOW), x_); \
        x_ = SELECT(x_ > EXP_HIGH, SPLAT((real)EXP_HIGH), x_); \
        VEC k_ = x_ * (real)1.44269504088896340736 + (real)ROUND_MAGIC; \
        IVEC bits_ = (IVEC)k_; \
        k_ -= (real)ROUND_MAGIC; \
        VEC r_ = x_ - k_ * (real)LN2_HIGH - k_ * (real)LN2_LOW, p_ = SPLAT(kn_inverse_factorial[EXP_TERMS - 1]); \
        for (int i_ = EXP_TERMS - 2; i_ >= 0; i_--) p_ = p_ * r_ + kn_inverse_factorial[i_]; \
        result = p_ * (VEC)((bits_ + EXPONENT_BIAS) << MANTISSA_BITS); \
    } while (0)

#define LOG(result, argument) \
    do { \
        VEC x_ = (argument); \
        IVEC bits_ = (IVEC)x_ - SQRT_HALF_BITS; \
        IVEC k_ = bits_ >> MANTISSA_BITS; \
        VEC m_ = (VEC)((IVEC)x_ - (k_ << MANTISSA_BITS)), s_ = (m_ - 1) / (m_ + 1), s2_ = s_ * s_; \
        VEC p_ = SPLAT(kn_inverse_odd[LOG_TERMS - 1]), e_ = __builtin_convertvector(k_, VEC); \
        for (int i_ = LOG_TERMS - 2; i_ >= 0; i_--) p_ = p_ * s2_ + kn_inverse_odd[i_]; \
        VEC l_ = 2 * s_ * p_ + e_ * (real)LN2_LOW + e_ * (real)LN2_HIGH; \
        l_ = SELECT(x_ == 0, SPLAT((real)-INFINITY), l_); \
        l_ = SELECT((x_ > 0) & (x_ < (real)INFINITY), l_, SELECT(x_ == 0, l_, SELECT(x_ > 0, x_, SPLAT((real)NAN)))); \
        result = l_; \
    } while (0)

/* sin x = (-1)^k sin(x - k pi) with k the nearest whole number to x/pi, whose last bit becomes the sign. */
#define SIN(result, argument) \
    do { \
        VEC x_ = (argument), k_ = x_ * (real)0.31830988618379067154 + (real)ROUND_MAGIC; \
        IVEC sign_ = ((IVEC)k_ & 1) * SIGN_BIT; \
        k_ -= (real)ROUND_MAGIC; \
        VEC r_ = x_ - k_ * (real)PI_HIGH - k_ * (real)PI_LOW, s2_ = r_ * r_; \
        VEC p_ = SPLAT(kn_sine_series[SIN_TERMS - 1]); \
        for (int i_ = SIN_TERMS - 2; i_ >= 0; i_--) p_ = p_ * s2_ + kn_sine_series[i_]; \
        result = (VEC)((IVEC)(p_ * r_) ^ sign_); \
    } while (0)

/* y[i] = the value `r` that `body` computes from x = u[i] and v = v[i] (0 without a second operand). */
#define MAP(body) \
    for (size_t i = 0; i < n; i += WIDTH) { \
        size_t rest = n - i; \
        VEC x = {0}, w = {0}, r; \
        if (rest >= WIDTH) { \
            x = LOAD(u + i); \
            if (v) w = LOAD(v + i); \
        } else { \
            memcpy(&x, u + i, rest * sizeof(real)); \
            if (v) memcpy(&w, v + i, rest * sizeof(real)); \
        } \
        body; \
        if (rest >= WIDTH) STORE(y + i, r); \
        else memcpy(y + i, &r, rest * sizeof(real)); \
    } \
    break

#if defined(__x86_64__)
#define KEEP(x) __asm__("" : "+v"(x))   /* x has to be in a register now; gcc 12 would load it again for each use */
#elif defined(__aarch64__)
#define KEEP(x) __asm__("" : "+w"(x))
#else
#define KEEP(x) (void)(x)
#endif
#endif

#ifdef KN_ISA
/* -- compiled once for each instruction set: ISA is its name, VECTOR_BYTES its vectors' size --------------- */

#if VECTOR_BYTES == 64 && defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
#elif VECTOR_BYTES == 64
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma")
#elif VECTOR_BYTES == 32 && defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif VECTOR_BYTES == 32
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#elif !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("no-schedule-insns")       /* on ARM gcc would read all of a first and spill sums for it */
#endif

#if VECTOR_BYTES == 64 || defined(__aarch64__)  /* 32 registers: 28 sums, 2 vectors of b, 1 number of a */
#define TILE_ROWS 14
#define EACH_ROW EACH_14
#define DOT_ROWS 8
#define EACH_DOT_ROW EACH_8
#else                                           /* 16 registers: 12, 2 and 1 */
#define TILE_ROWS 6
#define EACH_ROW EACH_6
#define DOT_ROWS 4
#define EACH_DOT_ROW EACH_4
#endif

typedef real VEC __attribute__((vector_size(VECTOR_BYTES)));
typedef VEC NAME(vec_unaligned) __attribute__((aligned(sizeof(real)), may_alias));

/* The tile. `rows` and `width` are constants in each instance below, so every `if` on them is decided by the compiler
 * and `sum` is registers, not memory (seen in the machine code of both compilers: 28 multiply-adds between two
 * branches, no vector spilled). Large layers reach 0.9 of the core's peak. b streams through once per tile and is
 * fetched ahead of its use: the hardware does that by itself where panels are contiguous (1%), not where they are read
 * in place (section 6). Short sums are over before the hardware has seen where the rows of a go: a tile fetches those
 * of the next (Winograd's 64 terms: 12%). */
INLINE void NAME(tile_body)(const KnTile *t, const int rows, const int width)
{
    VEC sum[TILE_ROWS][2];
    const real *a[TILE_ROWS], *b = t->b;
    const ptrdiff_t a_step = t->a_step, b_step = t->b_step, ahead = t->ahead, next_step = t->next ? t->next_step : 0;
    const real *next = t->next ? t->next : b;
#define BEGIN(i) if (i < rows) {                                                        \
        a[i] = t->a[i];                                                                 \
        sum[i][0] = sum[i][1] = (VEC){0};                                               \
        if (t->accumulate) {                                                            \
            sum[i][0] = LOAD(t->c + 2 * i * LANES);                                     \
            if (width > 1) sum[i][1] = LOAD(t->c + (2 * i + 1) * LANES);                \
        }                                                                               \
    }
#define TERM(i) if (i < rows) {                                                         \
        real factor = a[i][at];                                                         \
        sum[i][0] += factor * b0;                                                       \
        if (width > 1) sum[i][1] += factor * b1;                                        \
    }
#define END(i) if (i < rows) {                                                          \
        STORE(t->c + 2 * i * LANES, sum[i][0]);                                         \
        if (width > 1) STORE(t->c + (2 * i + 1) * LANES, sum[i][1]);                    \
    }
    EACH_ROW(BEGIN)
    for (int n = 0; n < t->pictures; n++)
        for (int r = 0; r < t->runs; r++) {
            ptrdiff_t at = t->at + n * t->a_picture + r * t->a_run;
            for (int left = t->length; left > 0; left--, at += a_step, b += b_step) {
                VEC b0 = LOAD(b), b1 = width > 1 ? LOAD(b + LANES) : b0;
                if (width > 1) {        /* (with one vector, reading is the limit already) */
                    for (int line = 0; line < 2 * VECTOR_BYTES; line += 64)
                        __builtin_prefetch((const char *)((uintptr_t)b + line + ahead * sizeof(real)));
                    __builtin_prefetch(next);
                }
                next = (const real *)((uintptr_t)next + next_step * sizeof(real));
                EACH_ROW(TERM)
            }
        }
    EACH_ROW(END)
#undef BEGIN
#undef TERM
#undef END
}

#define INSTANCE(i)                                                                     \
    static void NAME(tile_1_##i)(const KnTile *t) { NAME(tile_body)(t, i + 1, 1); }     \
    static void NAME(tile_2_##i)(const KnTile *t) { NAME(tile_body)(t, i + 1, 2); }
EACH_ROW(INSTANCE)
#undef INSTANCE

static void NAME(tile)(const KnTile *t)
{
#define ENTRY(i) { NAME(tile_1_##i), NAME(tile_2_##i) },
    static void (*const instance[TILE_ROWS][2])(const KnTile *) = { EACH_ROW(ENTRY) };
#undef ENTRY
    instance[t->rows - 1][t->width - 1](t);
}

/* The sum of a stored vector's lanes, in pieces of 16 bytes. (Lane by lane it cost more than a 3x3 sum before it.) */
INLINE real NAME(lanes_sum)(const real *from)
{
    typedef real piece __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
    enum { WIDE = 16 / sizeof(real) };
    piece sum = *(const piece *)from;
    for (int i = WIDE; i < LANES; i += WIDE)
        sum += *(const piece *)(from + i);
    real total = sum[0];
    for (int i = 1; i < WIDE; i++)
        total += sum[i];
    return total;
}

/* Few outputs: with one to eight output channels most of a tile's lanes would be idle. Here the lanes lie along the
 * sum instead: `outputs` (up to 3) times DOT_ROWS sums of vectors, added up across their lanes at the end. Output k's
 * filter is at b + k * b_step. The generator's last layer (64 -> 3 channels) runs at 0.8 of the peak; a tile would
 * leave 13 of 16 lanes idle. */
INLINE void NAME(dot_body)(const KnTile *t, const int outputs)
{
    VEC sum[DOT_ROWS][KN_DOT_OUTPUTS];
    const real *a[DOT_ROWS], *b = t->b;
    real lanes[DOT_ROWS * KN_DOT_OUTPUTS * LANES];
    const int whole = t->length - t->length % LANES;
#define BEGIN(i) a[i] = t->a[i]; sum[i][0] = sum[i][1] = sum[i][2] = (VEC){0};
#define FILTER(k) (k < outputs ? LOAD(b + k * t->b_step + l) : (VEC){0})
#define TERM(i) {                                                                       \
        VEC x = LOAD(a[i] + at + l);                                                    \
        KEEP(x);                                                                        \
        sum[i][0] += x * w0;                                                            \
        if (outputs > 1) sum[i][1] += x * w1;                                           \
        if (outputs > 2) sum[i][2] += x * w2;                                           \
    }
#define END(i)                                                                          \
    STORE(lanes + (KN_DOT_OUTPUTS * i) * LANES, sum[i][0]);                             \
    if (outputs > 1) STORE(lanes + (KN_DOT_OUTPUTS * i + 1) * LANES, sum[i][1]);        \
    if (outputs > 2) STORE(lanes + (KN_DOT_OUTPUTS * i + 2) * LANES, sum[i][2]);
    EACH_DOT_ROW(BEGIN)
    for (int r = 0; r < t->runs; r++, b += t->length) {
        ptrdiff_t at = r * t->a_run;
        for (int l = 0; l < whole; l += LANES) {
            VEC w0 = FILTER(0), w1 = FILTER(1), w2 = FILTER(2);
            EACH_DOT_ROW(TERM)
        }
    }
    EACH_DOT_ROW(END)
    for (int i = 0; i < DOT_ROWS; i++)
        for (int k = 0; k < outputs; k++) {
            real total = NAME(lanes_sum)(lanes + (KN_DOT_OUTPUTS * i + k) * LANES);
            for (int r = 0; whole < t->length && r < t->runs; r++)
                for (int l = whole; l < t->length; l++)
                    total += t->a[i][r * t->a_run + l] * t->b[k * t->b_step + (ptrdiff_t)r * t->length + l];
            t->c[i * 2 * LANES + k] = total;
        }
#undef BEGIN
#undef FILTER
#undef TERM
#undef END
}

static void NAME(dot)(const KnTile *t)
{
    if (t->width == 1) NAME(dot_body)(t, 1);
    else if (t->width == 2) NAME(dot_body)(t, 2);
    else NAME(dot_body)(t, 3);
}

/* Depthwise: sum(pixel, c) = (or, to accumulate, +=) x[term](pixel, c) w[term](c), pixels `step` apart. Four pixels
 * share a read of w. */
INLINE void NAME(depthwise_vectors)(real *sum, const real *const *x, const real *const *w, int terms, ptrdiff_t step,
                                    int row, int accumulate, int c, const int pixels)
{
    VEC v[4];
#define BEGIN(i) if (i < pixels) v[i] = accumulate ? LOAD(sum + i * row + c) : (VEC){0};
#define TERM(i) if (i < pixels) v[i] += LOAD(x[t] + i * step + c) * f;
#define END(i) if (i < pixels) STORE(sum + i * row + c, v[i]);
    EACH_4(BEGIN)
    for (int t = 0; t < terms; t++) {
        VEC f = LOAD(w[t] + c);
        EACH_4(TERM)
    }
    EACH_4(END)
#undef BEGIN
#undef TERM
#undef END
}

/* A line of `count` numbers (a power of two, as LANES is), over and over. */
INLINE VEC NAME(repeated)(const real *line, int count)
{
    VEC v;
    for (int l = 0; l < LANES; l++)
        ((real *)&v)[l] = line[l & (count - 1)];
    return v;
}

/* Fewer channels than lanes, side by side: a vector has the channels of several pixels, and w's, repeated. */
static void NAME(depthwise_few)(real *sum, const real *const *x, const real *const *w, int terms, int numbers,
                                int channels, int accumulate)
{
    VEC f[KN_DEPTHWISE_TERMS];
    for (int t = 0; t < terms; t++)
        f[t] = NAME(repeated)(w[t], channels);
    int i = 0;
    for (; i + 4 * LANES <= numbers; i += 4 * LANES) {
        VEC v[4];
#define BEGIN(j) v[j] = accumulate ? LOAD(sum + i + j * LANES) : (VEC){0};
#define TERM(j) v[j] += LOAD(x[t] + i + j * LANES) * f[t];
#define END(j) STORE(sum + i + j * LANES, v[j]);
        EACH_4(BEGIN)
        for (int t = 0; t < terms; t++) {
            EACH_4(TERM)
        }
        EACH_4(END)
#undef BEGIN
#undef TERM
#undef END
    }
    for (; i + LANES <= numbers; i += LANES) {
        VEC v = accumulate ? LOAD(sum + i) : (VEC){0};
        for (int t = 0; t < terms; t++)
            v += LOAD(x[t] + i) * f[t];
        STORE(sum + i, v);
    }
    for (; i < numbers; i++) {
        real v = accumulate ? sum[i] : 0;
        for (int t = 0; t < terms; t++)
            v += x[t][i] * w[t][i & (channels - 1)];
        sum[i] = v;
    }
}

static void NAME(depthwise)(real *sum, const real *const *x, const real *const *w, int terms, ptrdiff_t step,
                            int pixels, int channels, int row, int accumulate)
{
    int whole = channels - channels % LANES, pixel = 0;
    const real *moved[KN_DEPTHWISE_TERMS];
    if (whole == 0 && LANES % channels == 0 && step == channels && row == channels) {
        NAME(depthwise_few)(sum, x, w, terms, pixels * channels, channels, accumulate);
        return;
    }
    for (int t = 0; t < terms; t++)
        moved[t] = x[t];
    for (; pixel < pixels; pixel += 4, sum += 4 * row) {
        for (int c = 0; c < whole; c += LANES) {
            if (pixels - pixel >= 4) NAME(depthwise_vectors)(sum, moved, w, terms, step, row, accumulate, c, 4);
            else if (pixels - pixel == 3) NAME(depthwise_vectors)(sum, moved, w, terms, step, row, accumulate, c, 3);
            else if (pixels - pixel == 2) NAME(depthwise_vectors)(sum, moved, w, terms, step, row, accumulate, c, 2);
            else NAME(depthwise_vectors)(sum, moved, w, terms, step, row, accumulate, c, 1);
        }
        for (int i = 0; i < 4 && pixel + i < pixels; i++)
            for (int c = whole; c < channels; c++) {
                real v = accumulate ? sum[i * row + c] : 0;
                for (int t = 0; t < terms; t++)
                    v += moved[t][i * step + c] * w[t][c];
                sum[i * row + c] = v;
            }
        for (int t = 0; t < terms; t++)
            moved[t] += 4 * step;
    }
}

/* The way out, for all methods: row m of v, `count` channels from `channel` on, goes to the output pixel whose channel
 * 0 has the index at[m], through the epilogue. `plain`: nothing is added but the bias, nothing masked, and there is one
 * slope. A row of 10 channels ends within a vector. Where the next rows follow it in memory (`joined`), the whole
 * vector is stored all the same: what is too much is theirs to write, and they come later. (So in the first `over`
 * rows; the last ones have too few behind them.) Otherwise half vectors, quarters and single numbers are left. */
#define FINISH(type, added, sloped)                                                     \
    {                                                                                   \
        type x = *(const type *)(v + i);                                                \
        if (!plain && plus) x += *(const type *)(plus + o + i);                         \
        if (bias) x += (added);                                                         \
        if (!plain && slopes) x = SELECT_AS(type, x > 0, x, (sloped) * x);              \
        else if (slope != 1) x = SELECT_AS(type, x > 0, x, slope * x);                  \
        if (!plain && mask) x = SELECT_AS(type, *(const type *)(mask + o + i) > 0, x, e->mask_slope * x); \
        *(type *)(out + o + i) = x;                                                     \
    }
#define FINISH_ALL(type)                                                                \
    for (; i + (int)(sizeof(type) / sizeof(real)) <= count; i += (int)(sizeof(type) / sizeof(real))) \
        FINISH(type, *(const type *)(bias + i), *(const type *)(slopes + i))
INLINE void NAME(finish_rows)(const ConvEpilogue *e, real *out, const size_t *at, int rows, int channel, int count,
                              const real *v, int v_row, const int plain)
{
    typedef real half __attribute__((vector_size(VECTOR_BYTES / 2), aligned(sizeof(real)), may_alias));
    typedef real quarter __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
    const real *plus = e->plus, *bias = e->bias ? e->bias + channel : NULL, *mask = e->mask, slope = e->slope;
    const real *slopes = e->slopes ? e->slopes + channel : NULL;
    const int whole = count - count % LANES, joined = !plus && at[rows - 1] - at[0] == (size_t)(rows - 1) * count;
    const int over = whole < count && joined ? rows - (LANES - count % LANES + count - 1) / count : 0;
    VEC last_bias = {0}, last_slopes = {0};
    if (bias && over > 0) memcpy(&last_bias, bias + whole, (count - whole) * sizeof(real));
    if (slopes && over > 0) memcpy(&last_slopes, slopes + whole, (count - whole) * sizeof(real));
    int row = 0;
    if (joined && v_row == count && whole == 0 && LANES % count == 0) {   /* few channels, side by side: one long row */
        const size_t o = at[0] + channel;
        last_bias = bias ? NAME(repeated)(bias, count) : last_bias;
        last_slopes = slopes ? NAME(repeated)(slopes, count) : last_slopes;
        for (int i = 0; i + LANES <= rows * count; i += LANES, row += LANES / count)
            FINISH(NAME(vec_unaligned), last_bias, last_slopes)
        v += (ptrdiff_t)row * v_row;
    }
    for (; row < rows; row++, v += v_row) {
        size_t o = at[row] + channel;
        int i = 0;
        FINISH_ALL(NAME(vec_unaligned))
        if (i == count) continue;
        if (row < over) {
            FINISH(NAME(vec_unaligned), last_bias, last_slopes)
            continue;
        }
        if (VECTOR_BYTES > 32)
            FINISH_ALL(half)
        if (VECTOR_BYTES > 16)
            FINISH_ALL(quarter)
        for (; i < count; i++) {
            real x = v[i];
            if (plus) x += plus[o + i];
            if (bias) x += bias[i];
            if (slopes || slope != 1) x = x > 0 ? x : (slopes ? slopes[i] : slope) * x;
            if (mask && !(mask[o + i] > 0)) x *= e->mask_slope;
            out[o + i] = x;
        }
    }
}
#undef FINISH
#undef FINISH_ALL

static void NAME(finish)(const ConvEpilogue *e, real *out, const size_t *at, int rows, int channel, int count,
                         const real *v, int v_row)
{
    if (e->plus || e->mask || e->slopes) NAME(finish_rows)(e, out, at, rows, channel, count, v, v_row, 0);
    else NAME(finish_rows)(e, out, at, rows, channel, count, v, v_row, 1);
}

/* to(t, l) = from(l, t) for LANES x LANES numbers; their rows stand `across` and `lanes` apart. Exchanges the halves
 * across the diagonal, then within each half its halves, and so on: log2(LANES) times, one shuffle a vector. (The
 * turned filters of the input gradient take a third of the time of copying number by number.) */
#define LANES_ARE(n) (VECTOR_BYTES == (n) * REAL_BYTES)
#define EXCHANGE(l, h) if (l < LANES && !((l) & (h))) {                                 \
        VEC u = row[l], v = row[((l) + (h)) % LANES];                                   \
        row[l] = __builtin_shufflevector(u, v, EACH_LANE(LOW, h));                      \
        row[((l) + (h)) % LANES] = __builtin_shufflevector(u, v, EACH_LANE(HIGH, h));   \
    }
#define EXCHANGE_ALL(h)                                                                                             \
    EXCHANGE(0, h) EXCHANGE(1, h) EXCHANGE(2, h) EXCHANGE(3, h) EXCHANGE(4, h) EXCHANGE(5, h) EXCHANGE(6, h)        \
    EXCHANGE(7, h) EXCHANGE(8, h) EXCHANGE(9, h) EXCHANGE(10, h) EXCHANGE(11, h) EXCHANGE(12, h) EXCHANGE(13, h)    \
    EXCHANGE(14, h)
#define LOW(l, h) ((l) & (h) ? LANES + (l) - (h) : (l))
#define HIGH(l, h) ((l) & (h) ? LANES + (l) : (l) + (h))
#if LANES_ARE(2)
#define EACH_LANE(X, h) X(0, h), X(1, h)
#elif LANES_ARE(4)
#define EACH_LANE(X, h) X(0, h), X(1, h), X(2, h), X(3, h)
#elif LANES_ARE(8)
#define EACH_LANE(X, h) X(0, h), X(1, h), X(2, h), X(3, h), X(4, h), X(5, h), X(6, h), X(7, h)
#else
#define EACH_LANE(X, h) X(0, h), X(1, h), X(2, h), X(3, h), X(4, h), X(5, h), X(6, h), X(7, h),                     \
                        X(8, h), X(9, h), X(10, h), X(11, h), X(12, h), X(13, h), X(14, h), X(15, h)
#endif
static void NAME(transpose)(const real *from, ptrdiff_t across, real *to, ptrdiff_t lanes)
{
    VEC row[LANES];
    for (int l = 0; l < LANES; l++)
        row[l] = LOAD(from + l * across);
#if LANES_ARE(16)
    EXCHANGE_ALL(8)
#endif
#if LANES_ARE(16) || LANES_ARE(8)
    EXCHANGE_ALL(4)
#endif
#if !LANES_ARE(2)
    EXCHANGE_ALL(2)
#endif
    EXCHANGE_ALL(1)
    for (int t = 0; t < LANES; t++)
        STORE(to + t * lanes, row[t]);
}
#undef LANES_ARE
#undef EXCHANGE
#undef EXCHANGE_ALL
#undef LOW
#undef HIGH
#undef EACH_LANE

/* Winograd's transforms (section 10), all of the form M d M': LINE maps the vectors i0, i1, ... to o0, o1, ..., first
 * down the columns of a square of ins x ins vectors, then along the rows. */
#define TRANSFORM(name, ins, outs, LINE)                                                                            \
    static void NAME(name)(const real *const *from, ptrdiff_t at, real *to, ptrdiff_t plane, int count)             \
    {                                                                                                               \
        for (int c = 0; c < count; c += LANES) {                                                                    \
            VEC half[6][6], i0, i1, i2 = {0}, i3 = {0}, i4 = {0}, i5 = {0}, o0, o1, o2 = {0}, o3 = {0}, o4 = {0},   \
                                                                            o5 = {0};                               \
            for (int j = 0; j < ins; j++) {                                                                         \
                const real *const *column = from + j;                                                               \
                i0 = LOAD(column[0] + at + c); i1 = LOAD(column[ins] + at + c);                                     \
                if (ins > 2) i2 = LOAD(column[2 % ins * ins] + at + c);                                             \
                if (ins > 3) i3 = LOAD(column[3 % ins * ins] + at + c);                                             \
                if (ins > 4) i4 = LOAD(column[4 % ins * ins] + at + c);                                             \
                if (ins > 5) i5 = LOAD(column[5 % ins * ins] + at + c);                                             \
                LINE                                                                                                \
                half[0][j] = o0; half[1][j] = o1; half[2][j] = o2; half[3][j] = o3; half[4][j] = o4; half[5][j] = o5; \
            }                                                                                                       \
            for (int i = 0; i < outs; i++) {                                                                        \
                real *line = to + i * outs * plane + c;                                                             \
                i0 = half[i][0]; i1 = half[i][1]; i2 = half[i][2]; i3 = half[i][3]; i4 = half[i][4]; i5 = half[i][5]; \
                LINE                                                                                                \
                (void)i2; (void)i3; (void)i4; (void)i5;                                                             \
                STORE(line, o0); STORE(line + plane, o1);                                                           \
                if (outs > 2) STORE(line + 2 * plane, o2);                                                          \
                if (outs > 3) STORE(line + 3 * plane, o3);                                                          \
                if (outs > 4) STORE(line + 4 * plane, o4);                                                          \
                if (outs > 5) STORE(line + 5 * plane, o5);                                                          \
            }                                                                                                       \
        }                                                                                                           \
    }
TRANSFORM(input_43, 6, 6, {
    VEC a = i4 - 4 * i2; VEC b = i3 - 4 * i1; VEC d = i4 - i2; VEC e = 2 * (i3 - i1);
    o0 = 4 * i0 - 5 * i2 + i4; o1 = a + b; o2 = a - b; o3 = d + e; o4 = d - e; o5 = 4 * i1 - 5 * i3 + i5;
})
TRANSFORM(output_43, 6, 4, {
    VEC a = i1 + i2; VEC b = i1 - i2; VEC d = i3 + i4; VEC e = i3 - i4;
    o0 = i0 + a + d; o1 = b + 2 * e; o2 = a + 4 * d; o3 = b + 8 * e + i5;
})
TRANSFORM(output_grad_43, 4, 6, {
    VEC a = i0 + i2; VEC b = i1 + i3; VEC d = i0 + 4 * i2; VEC e = 2 * i1 + 8 * i3;
    o0 = i0; o1 = a + b; o2 = a - b; o3 = d + e; o4 = d - e; o5 = i3;
})
TRANSFORM(filter_43, 3, 6, {
    VEC a = (i0 + i2) * (real)(-1.0 / 6); VEC b = i1 * (real)(-1.0 / 6);
    VEC d = i0 * (real)(1.0 / 24) + i2 * (real)(1.0 / 6); VEC e = i1 * (real)(1.0 / 12);
    o0 = i0 * (real)0.25; o1 = a + b; o2 = a - b; o3 = d + e; o4 = d - e; o5 = i2;
})
TRANSFORM(filter_grad_43, 6, 3, {
    VEC a = (i1 + i2) * (real)(-1.0 / 6); VEC b = (i2 - i1) * (real)(1.0 / 6); VEC d = i3 + i4; VEC e = i3 - i4;
    o0 = i0 * (real)0.25 + a + d * (real)(1.0 / 24); o1 = b + e * (real)(1.0 / 12); o2 = a + d * (real)(1.0 / 6) + i5;
})
TRANSFORM(input_42, 5, 5, {
    VEC a = i3 - i1;
    o0 = 2 * (i0 - i2) + a; o1 = i3 - i2 - 2 * i1; o2 = i3 - 3 * i2 + 2 * i1; o3 = a; o4 = i4 - i2 - 2 * a;
})
TRANSFORM(output_42, 5, 4, {
    VEC a = i1 + i2; VEC b = i1 - i2;
    o0 = i0 + a + i3; o1 = b + 2 * i3; o2 = a + 4 * i3; o3 = b + 8 * i3 + i4;
})
TRANSFORM(output_grad_42, 4, 5, {
    VEC a = i0 + i2; VEC b = i1 + i3;
    o0 = i0; o1 = a + b; o2 = a - b; o3 = i0 + 4 * i2 + 2 * (i1 + 4 * i3); o4 = i3;
})
TRANSFORM(filter_42, 2, 5, {
    VEC a = i0 * (real)(1.0 / 6); VEC b = i1 * (real)(1.0 / 6);
    o0 = i0 * (real)0.5; o1 = (i0 + i1) * (real)-0.5; o2 = b - a; o3 = a + 2 * b; o4 = i1;
})
TRANSFORM(filter_grad_42, 5, 2, {
    VEC a = (i0 - i1) * (real)0.5; VEC b = (i3 - i2) * (real)(1.0 / 6);
    VEC d = i2 * (real)(1.0 / 6) + i3 * (real)(1.0 / 3);
    o0 = a + b; o1 = d - i1 * (real)0.5 + i4;
})
TRANSFORM(input_32, 4, 4, { o0 = i0 - i2; o1 = i1 + i2; o2 = i2 - i1; o3 = i3 - i1; })
TRANSFORM(output_32, 4, 3, { VEC a = i1 + i2; o0 = i0 + a; o1 = i1 - i2; o2 = a + i3; })
TRANSFORM(output_grad_32, 3, 4, { VEC a = i0 + i2; o0 = i0; o1 = a + i1; o2 = a - i1; o3 = i2; })
TRANSFORM(filter_32, 2, 4, {
    VEC a = i0 * (real)0.5; VEC b = i1 * (real)0.5;
    o0 = i0; o1 = a + b; o2 = a - b; o3 = i1;
})
TRANSFORM(filter_grad_32, 4, 2, {
    VEC a = i1 * (real)0.5; VEC b = i2 * (real)0.5;
    o0 = i0 + a + b; o1 = a - b + i3;
})
#undef TRANSFORM

static void NAME(winograd)(int matrix, const real *const *from, ptrdiff_t at, real *to, ptrdiff_t plane,
                           int count)
{
#define ALL(size) NAME(input_##size), NAME(output_##size), NAME(output_grad_##size), NAME(filter_##size),            \
                  NAME(filter_grad_##size)
    static void (*const transform[KN_WINOGRAD_MATRICES])(const real *const *, ptrdiff_t, real *, ptrdiff_t, int) =
        { ALL(43), ALL(42), ALL(32) };
#undef ALL
    transform[matrix](from, at, to, plane, count);
}

/* ------------------------------------------------------------------------------------------------
 * 3  Pointwise loops and elementary functions
 *
 * MAP runs one expression over whole vectors and then over the rest, which is copied through a vector-sized buffer so
 * that every element sees the same instructions wherever it stands. exp and log are ours, by range reduction and a
 * series, because a libm differs from machine to machine in the last bit: exp(x) = 2^k e^r with |r| <= ln 2 / 2;
 * log(x) = k ln 2 + 2 artanh(s), where s = (m-1)/(m+1) and m is x's mantissa in [sqrt 1/2, sqrt 2).
 * ---------------------------------------------------------------------------------------------- */

/* What a comparison of vectors gives. */
typedef __typeof__((VEC){0} > (VEC){0}) NAME(ivec);

static void NAME(pointwise)(Pointwise op, const real *u, const real *v, real a, real b, real *y, size_t n)
{
    switch (op) {
    case POINTWISE_add:             MAP(r = x + w);
    case POINTWISE_sub:             MAP(r = x - w);
    case POINTWISE_mul:             MAP(r = x * w);
    case POINTWISE_affine:          MAP(r = x * a + b);
    case POINTWISE_square:          MAP(r = x * x);
    case POINTWISE_sqrt:            MAP(VECTOR_SQRT(r, x));
    case POINTWISE_reciprocal:      MAP(r = SELECT(x == 0, SPLAT((real)0), 1 / x));
    case POINTWISE_exp:             MAP(EXP(r, x));
    case POINTWISE_log:             MAP(LOG(r, x));
    case POINTWISE_sin:             MAP(SIN(r, x));
    case POINTWISE_tanh:            MAP(VEC t; VEC z = (VEC)((IVEC)x & ~SIGN_BIT); EXP(t, -2 * z);
                                        t = (1 - t) / (1 + t); r = (VEC)((IVEC)t | ((IVEC)x & SIGN_BIT)));
    case POINTWISE_sigmoid:         MAP(VEC t; EXP(t, -x); r = 1 / (1 + t));
    case POINTWISE_softplus:        MAP(VEC t; VEC z = (VEC)((IVEC)x | SIGN_BIT); EXP(t, z); LOG(t, 1 + t);
                                        r = SELECT(x > 0, x, (x - x)) + t);
    case POINTWISE_abs:             MAP(r = (VEC)((IVEC)x & ~SIGN_BIT));
    case POINTWISE_sign:            MAP(r = SELECT(x == 0, x, (VEC)(((IVEC)x & SIGN_BIT) | ONE_BITS));
                                        r = SELECT(x == x, r, x));
    case POINTWISE_leaky_relu:      MAP(r = SELECT(x > 0, x, a * x));
    case POINTWISE_leaky_mask:      MAP(r = SELECT(w > 0, x, a * x));
    case POINTWISE_prelu:           MAP(r = SELECT(x > 0, x, x * w));
    case POINTWISE_larger:          MAP(r = SELECT(w > x, w, x));
    case POINTWISE_OPS: break;          /* and no default: the compiler warns of a loop without its case */
    }
}

/* out[c] += sum over rows of x[row * stride + c]. Sixteen rows are summed in vectors, then added in double, so that
 * the error does not grow with a picture's area. */
static void NAME(column_sums)(const real *x, size_t rows, size_t stride, size_t columns, double *out)
{
    if (columns == 1 && stride == 1) {                                  /* one long column: the lanes are neighbours */
        real tail[LANES] = {0};
        double lanes[LANES] = {0};
        NAME(column_sums)(x, rows / WIDTH, WIDTH, WIDTH, lanes);
        memcpy(tail, x + rows / WIDTH * WIDTH, rows % WIDTH * sizeof(real));
        for (int k = 0; k < LANES; k++) out[0] += lanes[k] + (double)tail[k];
        return;
    }
    for (size_t c = 0; c < columns; c += WIDTH) {
        size_t width = columns - c < WIDTH ? columns - c : WIDTH;
        for (size_t first = 0; first < rows; first += 16) {
            size_t last = first + 16 < rows ? first + 16 : rows;
            VEC total = {0};
            for (size_t row = first; row < last; row++) {
                VEC value;
                LOAD_SOME(value, x + row * stride + c, width);
                total += value;
            }
            for (size_t k = 0; k < width; k++) out[c + k] += (double)total[k];
        }
    }
}

/* ------------------------------------------------------------------------------------------------
 * 4  Instance norm: statistics, forward, gradient
 *
 * A picture's map is `pixels` rows of `stride` channels. Statistics sum 64 pixels at a time before adding to the total,
 * which keeps the rounding error of a 128 x 128 map as small as a 8 x 8 map's. Mean and variance read the map once,
 * front to back: each block of 64 pixels gets its own mean m_b and sum of squares around it, s_b, while it is in L1,
 * and (Chan, Golub and LeVeque 1983)
 *
 *      m = sum of n_b m_b / n        n variance = sum of s_b + n_b (m_b - m)^2
 *
 * (Walking down a column of channels, twice, took more than twice as long for 128 x 128 pixels.)
 * ---------------------------------------------------------------------------------------------- */

/* `vectors` of channels side by side, of a block: their means and sums of squares. `width`: of the last one. */
INLINE void NAME(block_columns)(const real *x, size_t pixels, size_t stride, const int vectors, size_t width,
                                real *mean, real *squares)
{
    VEC total[4] = {{0}}, part[4] = {{0}}, value;
    for (size_t p = 0; p < pixels; p++)
        for (int j = 0; j < vectors; j++) {
            LOAD_SOME(value, x + p * stride + (size_t)j * WIDTH, width);
            total[j] += value;
        }
    for (int j = 0; j < vectors; j++) total[j] /= (real)pixels;
    for (size_t p = 0; p < pixels; p++)
        for (int j = 0; j < vectors; j++) {
            LOAD_SOME(value, x + p * stride + (size_t)j * WIDTH, width);
            value -= total[j];
            part[j] += value * value;
        }
    for (int j = 0; j < vectors; j++) {
        STORE_SOME(mean + (size_t)j * WIDTH, total[j], width);
        STORE_SOME(squares + (size_t)j * WIDTH, part[j], width);
    }
}

static void NAME(block_moments)(const real *x, size_t pixels, size_t channels, real *mean, real *squares)
{
    size_t c = 0;
    for (; c + 4 * WIDTH <= channels; c += 4 * WIDTH)
        NAME(block_columns)(x + c, pixels, channels, 4, WIDTH, mean + c, squares + c);
    for (; c < channels; c += WIDTH)
        NAME(block_columns)(x + c, pixels, channels, 1, channels - c, mean + c, squares + c);
}

/* Of the channels `from` .. to-1 of a picture: its blocks, (mean, squares) each, become mean and 1/deviation. */
static void NAME(merge_moments)(const real *blocks, size_t pixels, size_t channels, size_t from, size_t to,
                                real epsilon, real *moments)
{
    for (size_t c = from; c < to; c += WIDTH) {
        size_t width = to - c;
        VEC total = {0}, squares = {0}, result = {0}, mean, value, around;
        for (size_t p = 0, at = c; p < pixels; p += KERNELS_BLOCK, at += 2 * channels) {
            LOAD_SOME(value, blocks + at, width);
            total += value * (real)(pixels - p < KERNELS_BLOCK ? pixels - p : KERNELS_BLOCK);
        }
        mean = total / (real)pixels;
        for (size_t p = 0, at = c; p < pixels; p += KERNELS_BLOCK, at += 2 * channels) {
            LOAD_SOME(value, blocks + at, width);
            LOAD_SOME(around, blocks + at + channels, width);
            value -= mean;
            squares += around + value * value * (real)(pixels - p < KERNELS_BLOCK ? pixels - p : KERNELS_BLOCK);
        }
        for (int k = 0; k < LANES; k++) result[k] = (real)(1 / sqrt((double)(squares[k] / (real)pixels + epsilon)));
        STORE_SOME(moments + c, mean, width);
        STORE_SOME(moments + channels + c, result, width);
    }
}

/* y = leaky(A x + B + residual); line holds A (stride numbers) and B. */
static void NAME(normalise)(const real *x, const real *residual, size_t pixels, size_t stride, const real *line,
                            real slope, real *y)
{
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < stride; c += WIDTH) {
            size_t width = stride - c < WIDTH ? stride - c : WIDTH, at = p * stride + c;
            VEC value, a, b, r;
            LOAD_SOME(value, x + at, width);
            LOAD_SOME(a, line + c, width);
            LOAD_SOME(b, line + stride + c, width);
            value = value * a + b;
            if (residual) {
                LOAD_SOME(r, residual + at, width);
                value += r;
            }
            value = SELECT(value > 0, value, slope * value);
            STORE_SOME(y + at, value, width);
        }
}

/* Of a block: sums[c] = sum of d, sums[channels + c] = sum of d h, where d = dy behind the activation whose line (A, B)
 * gives the sign. */
static void NAME(norm_sums)(const real *dy, const real *x, size_t pixels, size_t channels, const real *moments,
                            const real *line, real slope, real *sums)
{
    for (size_t c = 0; c < channels; c += WIDTH) {
        size_t width = channels - c;
        VEC a, b, mean, inverse_std, d, h, total = {0}, products = {0};
        LOAD_SOME(a, line + c, width);
        LOAD_SOME(b, line + channels + c, width);
        LOAD_SOME(mean, moments + c, width);
        LOAD_SOME(inverse_std, moments + channels + c, width);
        for (size_t p = 0; p < pixels; p++) {
            LOAD_SOME(d, dy + p * channels + c, width);
            LOAD_SOME(h, x + p * channels + c, width);
            d = SELECT(h * a + b > 0, d, slope * d);
            total += d;
            products += d * (h - mean);
        }
        products *= inverse_std;
        STORE_SOME(sums + c, total, width);
        STORE_SOME(sums + channels + c, products, width);
    }
}

/* dx = A d + Q x + T; lines holds A, B, Q, T, stride numbers each. */
static void NAME(norm_dx)(const real *dy, const real *x, size_t pixels, size_t stride, const real *lines, real slope,
                          real *dx)
{
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < stride; c += WIDTH) {
            size_t width = stride - c < WIDTH ? stride - c : WIDTH, at = p * stride + c;
            VEC d, value, a, b, q, t;
            LOAD_SOME(d, dy + at, width);
            LOAD_SOME(value, x + at, width);
            LOAD_SOME(a, lines + c, width);
            LOAD_SOME(b, lines + stride + c, width);
            LOAD_SOME(q, lines + 2 * stride + c, width);
            LOAD_SOME(t, lines + 3 * stride + c, width);
            d = SELECT(value * a + b > 0, d, slope * d);
            d = d * a + (value * q + t);
            STORE_SOME(dx + at, d, width);
        }
}

/* ------------------------------------------------------------------------------------------------
 * 5  Optimisers, one pass each
 * ---------------------------------------------------------------------------------------------- */

/* Runs one expression over all weights; what an optimiser does not keep is NULL and reads as 0. */
#define UPDATE(body) \
    for (size_t i = 0; i < n; i += WIDTH) { \
        size_t width = n - i < WIDTH ? n - i : WIDTH; \
        VEC gradient, first = {0}, second = {0}, weight, root = {0}; \
        LOAD_SOME(gradient, g + i, width); \
        LOAD_SOME(weight, w + i, width); \
        if (m) LOAD_SOME(first, m + i, width); \
        if (v) LOAD_SOME(second, v + i, width); \
        body; \
        if (m) STORE_SOME(m + i, first, width); \
        if (v) STORE_SOME(v + i, second, width); \
        STORE_SOME(w + i, weight, width); \
        (void)root; \
    } \
    break

/* betas: b1, 1 - b1, b2, 1 - b2. The differences come from double: 1 - 0.999f is off by 1e-5. */
static void NAME(update)(Update op, const real *g, real *m, real *v, const real *schedule, const real *betas,
                         real epsilon, real *w, size_t n)
{
    real rate = schedule ? schedule[0] : 0;
    switch (op) {
    case UPDATE_adam: {
        real corrected = rate * schedule[1], correction = schedule[2];
        UPDATE(first = first * betas[0] + gradient * betas[1];
               second = second * betas[2] + gradient * gradient * betas[3];
               VECTOR_SQRT(root, second * correction);
               weight -= corrected * first / (root + epsilon));
    }
    case UPDATE_sgd:            UPDATE(first = first * betas[0] + gradient; weight -= rate * first);
    case UPDATE_sgd_nesterov:   UPDATE(first = first * betas[0] + gradient;
                                       weight -= rate * (gradient + betas[0] * first));
    case UPDATE_rmsprop:        UPDATE(second = second * betas[2] + gradient * gradient * betas[3];
                                       VECTOR_SQRT(root, second); weight -= rate * gradient / (root + epsilon));
    case UPDATE_adagrad:        UPDATE(second += gradient * gradient;
                                       VECTOR_SQRT(root, second); weight -= rate * gradient / (root + epsilon));
    case UPDATE_moving_average: UPDATE(weight += betas[0] * (gradient - weight));
    case UPDATE_OPS: break;
    }
}
#undef UPDATE

#define MEMBER(name, arguments) .name = NAME(name),
static const Kernels NAME(kernels) = {
    .name = TEXT(KN_ISA), .lanes = LANES, .tile_rows = TILE_ROWS, .dot_rows = DOT_ROWS, KERNELS_TABLE(MEMBER)
};
#undef MEMBER
#undef TILE_ROWS
#undef EACH_ROW
#undef DOT_ROWS
#undef EACH_DOT_ROW
#if !defined(__clang__)
#pragma GCC pop_options
#elif VECTOR_BYTES > 16
#pragma clang attribute pop
#endif
#endif

#if defined(KERNELS_IMPLEMENTATION) && !defined(KERNELS_IMPLEMENTED)
#define KERNELS_IMPLEMENTED
/* -- the instances, and the choice between them ------------------------------------------------------------- */

#if defined(__x86_64__)
#define KN_ISA avx512
#define VECTOR_BYTES 64
#include "kernels.h"
#undef KN_ISA
#undef VECTOR_BYTES
#define KN_ISA avx2
#define VECTOR_BYTES 32
#include "kernels.h"
#undef KN_ISA
#undef VECTOR_BYTES
#endif
#define VECTOR_BYTES 16
#if defined(__aarch64__)
#define KN_ISA neon
#else
#define KN_ISA portable
#endif
#include "kernels.h"
#undef KN_ISA
#undef VECTOR_BYTES
#undef REAL_BYTES
#undef EXP_TERMS
#undef LOG_TERMS
#undef EXP_LOW
#undef EXP_HIGH
#undef MANTISSA_BITS
#undef EXPONENT_BIAS
#undef ROUND_MAGIC
#undef SIGN_BIT
#undef ONE_BITS
#undef SQRT_HALF_BITS
#undef LN2_HIGH
#undef LN2_LOW
#undef SIN_TERMS
#undef PI_HIGH
#undef PI_LOW
#undef REAL_SQRT
#undef NAME__
#undef NAME_
#undef NAME
#undef TEXT_
#undef TEXT
#undef LANES
#undef VEC
#undef LOAD
#undef STORE
#undef SELECT_AS
#undef SELECT
#undef INLINE
#undef EACH_4
#undef EACH_6
#undef EACH_8
#undef EACH_14
#undef IVEC
#undef WIDTH
#undef SPLAT
#undef LOAD_SOME
#undef STORE_SOME
#undef VECTOR_SQRT
#undef EXP
#undef LOG
#undef SIN
#undef MAP
#undef KEEP

#ifndef KERNELS_STATIC
const Kernels *kernels;
#endif

KERNELS_API int kernels_choose(const char *wanted, char error[KERNELS_ERROR_SIZE])
{
    const struct { const Kernels *kernels; int supported; } variants[] = {
#if defined(__x86_64__)
        { &kn_kernels_avx512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") },
        { &kn_kernels_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") },
#endif
#if defined(__aarch64__)
        { &kn_kernels_neon, 1 },
#else
        { &kn_kernels_portable, 1 },
#endif
    };
    char names[64] = "";
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        if (!variants[i].supported) continue;
        if (!wanted || !strcmp(wanted, variants[i].kernels->name)) {
            kernels = variants[i].kernels;
            return 1;
        }
        snprintf(names + strlen(names), sizeof names - strlen(names), " %s", variants[i].kernels->name);
    }
    snprintf(error, KERNELS_ERROR_SIZE, "%.40s: expected one of the variants that this machine can run:%s", wanted,
             names);
    return 0;
}

/* -- small change ------------------------------------------------------------------------------------------- */

enum { KN_TASKS = 16 };                 /* work is cut into at least so many tasks where the shape allows it */

static int kn_min(int a, int b) { return a < b ? a : b; }
static int kn_max(int a, int b) { return a > b ? a : b; }
static int kn_ceil_div(int a, int b) { return (a + b - 1) / b; }
static int kn_round_up(int a, int b) { return kn_ceil_div(a, b) * b; }
static int kn_floor_div(int a, int b) { return (a >= 0 ? a : a - b + 1) / b; }
static int kn_floor_mod(int a, int b) { return a - kn_floor_div(a, b) * b; }
static int kn_share(int total, int part, int parts) { return (int)((long long)total * part / parts); }
static size_t kn_align(size_t count) { return (count + 63) / 64 * 64; }

/* A panel: so many channels (or pixels) as a tile has lanes. The last one may be one vector wide. */
static int kn_panel_lanes(void) { return 2 * kernels->lanes; }
static int kn_panel_width(int total, int panel) { return total - panel * kn_panel_lanes() > kernels->lanes ? 2 : 1; }

/* to(term, lane) = from[term * along + lane * across]; lanes from `count` on are 0. One of the two steps is 1. */
static void kn_pack_lanes(real *to, int lanes, const real *from, ptrdiff_t along, ptrdiff_t across, int terms,
                          int count)
{
    int side = kernels->lanes, squares = across != 1 ? count / side * side : 0;
    for (int t0 = 0; t0 < terms; t0 += side) {          /* a few terms at a time: what is written stays in L1 */
        int t1 = kn_min(t0 + side, terms), first = t1 - t0 == side ? squares : 0;
        for (int t = t0; t < t1 && across == 1; t++)
            memcpy(to + (size_t)t * lanes, from + t * along, count * sizeof(real));
        for (int l = 0; l < first; l += side)
            kernels->transpose(from + t0 + l * across, across, to + (size_t)t0 * lanes + l, lanes);
        for (int l = first; l < count && across != 1; l++)
            for (int t = t0; t < t1; t++)
                to[(size_t)t * lanes + l] = from[t * along + l * across];
        for (int t = t0; t < t1 && count < lanes; t++)
            memset(to + (size_t)t * lanes + count, 0, (lanes - count) * sizeof(real));
    }
}

/* Copies pixels x0 .. x0+count-1 of line y of a picture; what lies outside of it becomes 0. */
static void kn_copy_line(real *to, const real *picture, int h, int w, int depth, int y, int x0, int count)
{
    int first = kn_min(kn_max(0, -x0), count), last = kn_max(first, kn_min(count, w - x0));
    if (y < 0 || y >= h) first = last = count;
    memset(to, 0, (size_t)first * depth * sizeof(real));
    if (last > first)
        memcpy(to + (size_t)first * depth, picture + ((size_t)y * w + x0 + first) * depth,
               (size_t)(last - first) * depth * sizeof(real));
    memset(to + (size_t)last * depth, 0, (size_t)(count - last) * depth * sizeof(real));
}

/* -- which method for which shape: a function of the shape and the instruction set only ------------------------ */

typedef enum {
    KN_BY_CHANNEL, KN_BY_PANELS, KN_BY_RAW_PANELS, KN_BY_DOT, KN_BY_SUMS, KN_BY_PIXELS, KN_BY_WINOGRAD
} KnMethod;

static int kn_use_winograd = 1;

KERNELS_API void conv_use_winograd(int use)
{
    kn_use_winograd = use;
}

enum { KN_WINOGRAD_FILTER = 8 };

typedef struct KnWinogradSize { int outputs, taps, points; } KnWinogradSize; /* F(outputs, taps), along each axis */

static const KnWinogradSize kn_winograd_sizes[] = { {4, 3, 6}, {4, 2, 5}, {3, 2, 4} };

/* How many tiles of `outputs` x `outputs` cover the results, for one parity class of them. */
static long long kn_winograd_tiles(const ConvShape *s, ConvKind kind, int outputs)
{
    int back = kind == CONV_INPUT_GRAD;
    int h = back ? kn_ceil_div(s->h, s->stride) : s->ho, w = back ? kn_ceil_div(s->w, s->stride) : s->wo;
    return (long long)s->n * kn_ceil_div(h, outputs) * kn_ceil_div(w, outputs);
}

/* The best size for a shape, or NULL. Counted are multiplications for each pair of channels: a tile has points^2 of
 * them, transforming the filter costs as much as KN_WINOGRAD_FILTER tiles, and all else must save a quarter. */
static const KnWinogradSize *kn_winograd_size(const ConvShape *s, ConvKind kind)
{
    const KnWinogradSize *best = NULL;
    int strided = s->stride == 2 && s->r == 4 && s->s == 4;
    if (!kn_use_winograd || s->groups > 1 || !(strided || (s->stride == 1 && s->r == 3 && s->s == 3)))
        return NULL;
    int width = kind == CONV_INPUT_GRAD ? s->c : s->k;      /* one panel only: transforms take more channels to pay */
    if (s->c % 16 || s->k % 16 || s->c + s->k < 64 + (width < 32 ? 16 : 0)) return NULL;
    long long least = (long long)s->n * s->ho * s->wo * s->r * s->s * 3 / 4;
    for (int i = strided ? 1 : 0; i < (strided ? 3 : 1); i++) {
        const KnWinogradSize *size = &kn_winograd_sizes[i];
        long long cost = (long long)s->stride * s->stride * size->points * size->points
                       * (kn_winograd_tiles(s, kind, size->outputs) + KN_WINOGRAD_FILTER);
        if (cost < least) best = size, least = cost;
    }
    return best;
}

static KnMethod kn_conv_method(const ConvShape *s, ConvKind kind)
{
    if (s->groups > 1) return KN_BY_CHANNEL;
    if (kn_winograd_size(s, kind)) return KN_BY_WINOGRAD;
    if (kind == CONV_WEIGHT_GRAD) return KN_BY_SUMS;
    int outputs = kind == CONV_FORWARD ? s->k : s->c, depth = kind == CONV_FORWARD ? s->c : s->k;
    if (outputs <= 8 && s->s * depth / s->stride >= 2 * kernels->lanes && s->r * s->s * depth >= 16 * kernels->lanes)
        return KN_BY_DOT;               /* (a short sum is over before its lanes are added up) */
    /* A large kernel over few pixels (D's last layers, dense layers): preparing w would cost as much as using it. */
    if ((long long)s->n * s->ho * s->wo <= 256 && (size_t)s->r * s->s * s->c * s->k >= 1 << 18) {
        if (kind == CONV_INPUT_GRAD) return KN_BY_PIXELS;
        if (s->k % kernels->lanes == 0) return KN_BY_RAW_PANELS;
    }
    return KN_BY_PANELS;
}

/* A 1x1 convolution with stride 1 sees only a list of pixels, whose shape is ours to choose: a column for the bands of
 * the forward pass, long lines for the sums of the weight gradient. */
static ConvShape kn_conv_normal(const ConvShape *s, ConvKind kind)
{
    ConvShape t = *s;
    if (s->r == 1 && s->s == 1 && s->stride == 1 && !s->pad_y && !s->pad_x && s->h == s->ho && s->w == s->wo) {
        int line = kind != CONV_WEIGHT_GRAD ? 1 : s->h * s->w > 1 ? s->h * s->w : s->n;
        t.h = t.ho = (int)((long long)s->n * s->h * s->w / line);
        t.w = t.wo = line;
        t.n = 1;
    }
    return t;
}

/* --------------------------------------------------------------------------------------------
 * 6  Forward and input gradient: panels
 *
 * The input gradient of a convolution with stride t is t*t convolutions with stride 1, one for each parity class of
 * the input's pixels, since a pixel meets only the taps r = (y + pad) mod t, + t, + 2t ... So both kinds are a list of
 * passes, each a plain convolution from a grid of windows to a grid of outputs:
 *
 *      forward, stride 2                     input gradient, stride 2, 4x4: four passes of 2x2
 *      in:  [. .]. .                         in:  [. .] .         out:  a b a b
 *           [. .]. .    window moves by 2         [. .] .               c d c d     a = pass 0 ...
 *
 * Work is cut into bands: some lines of one picture, or some whole pictures. A band's input is copied once into a
 * buffer with its zero border (a quarter of L2 at most), where the tile reads it in place: a window's line is one run
 * of S*C numbers, so no window is ever spelled out (im2col would write each number R*S times). The filter is prepared
 * as panels [k / 32][r][s][c][32], in the order in which tiles read it; a panel is used by all tiles of a band while
 * it is in L2.
 *
 * With few pixels and a large w (KN_BY_RAW_PANELS) panels are read from w itself, 512 terms at a time so that lines
 * fetched for one panel and tile serve the other tiles from L2; meanwhile the next panel is fetched (23 ms for 134 MB
 * of w without that, 17 ms with it, on one core).
 * ------------------------------------------------------------------------------------------ */

typedef struct KnPass {
    int rows, cols;                     /* the grid of outputs */
    int r, s;                           /* the window */
    int in_y, in_x;                     /* the corner of the first window */
    int out_y, out_x;                   /* the first output */
    size_t taps;                        /* how many taps the passes before this one have */
} KnPass;

/* How many of the taps 0..size-1 leave `rest` when divided by `step`. */
static int kn_count_taps(int size, int rest, int step) { return rest < size ? (size - 1 - rest) / step + 1 : 0; }

static KnPass kn_conv_pass(const ConvShape *s, ConvKind kind, int index)
{
    if (kind != CONV_INPUT_GRAD) return (KnPass){ s->ho, s->wo, s->r, s->s, -s->pad_y, -s->pad_x, 0, 0, 0 };
    int y = index / s->stride, x = index % s->stride;
    int rest_y = kn_floor_mod(y + s->pad_y, s->stride), rest_x = kn_floor_mod(x + s->pad_x, s->stride);
    KnPass pass = { .rows = kn_max(0, kn_ceil_div(s->h - y, s->stride)),
                    .cols = kn_max(0, kn_ceil_div(s->w - x, s->stride)),
                    .r = kn_count_taps(s->r, rest_y, s->stride), .s = kn_count_taps(s->s, rest_x, s->stride),
                    .out_y = y, .out_x = x };
    pass.in_y = kn_floor_div(y + s->pad_y, s->stride) - pass.r + 1;
    pass.in_x = kn_floor_div(x + s->pad_x, s->stride) - pass.s + 1;
    for (int i = 0; i < rest_y; i++)
        pass.taps += (size_t)kn_count_taps(s->r, i, s->stride) * s->s;
    for (int i = 0; i < rest_x; i++)
        pass.taps += (size_t)pass.r * kn_count_taps(s->s, i, s->stride);
    return pass;
}

typedef struct KnBand { int n, pictures, row, rows, height; } KnBand; /* grid lines; lines of input of each picture */

typedef struct KnBandPlan KnBandPlan;
struct KnBandPlan {
    ConvShape s;
    ConvKind kind;
    KnMethod method;
    int in_h, in_w, depth, out_h, out_w, width;     /* from (N, in_h, in_w, depth) to (N, out_h, out_w, width) */
    int in_step, out_step, passes;      /* from window to window, from output to output */
    int rows, cols;                     /* the largest grid of a pass */
    int low_y, low_x, high_y, high_x;   /* all windows over grid point (0,0) lie within */
    int copied, band_w;                 /* is a band copied? pixels of a line of it */
    void (*fill)(const KnBandPlan *p, const KnBand *b, real *to, real *own);    /* how: band_copy, or section 9 */
    const void *fill_job;
    size_t fill_size;                   /* the memory that takes, in reals: the first of a worker's */
    int band_rows, band_pictures, bands, panels, groups;    /* a task is a band and a group of panels */
    size_t band_size, tiles_size, points_size;      /* in reals: the copy, the tiles and the pointers of a band */
    const real *in, *filter;
    const ConvEpilogue *e;
    real *out, *copies, *own;           /* all bands' copies if groups share them; each worker's memory */
};

/* Where the passes' windows lie, and whether all are inside the input. */
static void kn_band_windows(KnBandPlan *p)
{
    int inside = 1;
    p->low_y = p->low_x = INT_MAX;
    p->high_y = p->high_x = INT_MIN;
    for (int i = 0; i < p->passes; i++) {
        KnPass pass = kn_conv_pass(&p->s, p->kind, i);
        p->low_y = kn_min(p->low_y, pass.in_y);
        p->low_x = kn_min(p->low_x, pass.in_x);
        p->high_y = kn_max(p->high_y, pass.in_y + pass.r);
        p->high_x = kn_max(p->high_x, pass.in_x + pass.s);
        inside &= pass.in_y >= 0 && (pass.rows - 1) * p->in_step + pass.in_y + pass.r <= p->in_h
               && pass.in_x >= 0 && (pass.cols - 1) * p->in_step + pass.in_x + pass.s <= p->in_w;
    }
    p->copied = !inside;
    p->band_w = inside ? p->in_w : (p->cols - 1) * p->in_step + p->high_x - p->low_x;
    if (inside) p->low_y = p->low_x = 0;
}

static int kn_band_height(const KnBandPlan *p) { return (p->band_rows - 1) * p->in_step + p->high_y - p->low_y; }

/* Cuts the work: bands of at most about eight tiles where it takes that for KN_TASKS, with as much input as fits. */
static void kn_band_cut(KnBandPlan *p)
{
    int pixels = p->rows * p->cols, few = p->method == KN_BY_RAW_PANELS ? 1 << 20 : 8 * kernels->tile_rows, parts = 1;
    size_t fits = p->method == KN_BY_DOT ? 448 << 10 : 256 << 10;
    p->band_rows = p->rows;
    p->band_pictures = kn_max(1, kn_min(p->s.n, few / pixels));
    while (p->band_pictures == 1 && p->band_rows > 1) {
        int enough = parts * p->s.n >= KN_TASKS || p->band_rows * p->cols <= few;
        if (enough && (size_t)kn_band_height(p) * p->band_w * p->depth * sizeof(real) <= fits) break;
        p->band_rows = kn_ceil_div(p->rows, ++parts);
    }
    p->bands = kn_ceil_div(p->rows, p->band_rows) * kn_ceil_div(p->s.n, p->band_pictures);
    p->panels = p->method == KN_BY_DOT ? 1 : kn_ceil_div(p->width, kn_panel_lanes());
    p->groups = p->bands >= KN_TASKS ? 1 : kn_min(p->panels, kn_ceil_div(KN_TASKS, p->bands));
    if (p->method == KN_BY_RAW_PANELS) p->groups = kn_ceil_div(p->panels, kn_max(1, kn_min(4, p->panels / 8)));
}

static void kn_band_copy(const KnBandPlan *p, const KnBand *b, real *to, real *own)
{
    (void)own;
    for (int n = 0; n < b->pictures; n++)
        for (int y = 0; y < b->height; y++)
            kn_copy_line(to + ((size_t)n * b->height + y) * p->band_w * p->depth,
                         p->in + (size_t)(b->n + n) * p->in_h * p->in_w * p->depth, p->in_h, p->in_w, p->depth,
                         b->row * p->in_step + p->low_y + y, p->low_x, p->band_w);
}

/* The bands, and the memory of a worker. */
static void kn_band_sizes(KnBandPlan *p)
{
    kn_band_cut(p);
    int points = kn_round_up(p->band_pictures * p->band_rows * p->cols, kernels->dot_rows);
    size_t tiles = 1;                   /* panels in place: all tiles of a task are under way at once */
    if (p->method == KN_BY_RAW_PANELS)
        tiles = (size_t)kn_ceil_div(points, kernels->tile_rows) * kn_ceil_div(p->panels, p->groups);
    p->band_size = p->copied ? kn_align((size_t)p->band_pictures * kn_band_height(p) * p->band_w * p->depth) : 0;
    p->tiles_size = kn_align(tiles * kernels->tile_rows * kn_panel_lanes());
    p->points_size = kn_align(points * (sizeof(real *) + sizeof(size_t)) / sizeof(real) + 1);
}

/* Of a shape as conv_normal leaves it. */
static KnBandPlan kn_band_plan_of(ConvShape s, ConvKind kind, KnMethod method)
{
    int forward = kind == CONV_FORWARD;
    KnBandPlan p = { .s = s, .kind = kind, .method = method, .fill = kn_band_copy,
                     .in_h = forward ? s.h : s.ho, .in_w = forward ? s.w : s.wo, .depth = forward ? s.c : s.k,
                     .out_h = forward ? s.ho : s.h, .out_w = forward ? s.wo : s.w, .width = forward ? s.k : s.c,
                     .in_step = forward ? s.stride : 1, .out_step = forward ? 1 : s.stride };
    p.passes = p.out_step * p.out_step;
    p.rows = kn_ceil_div(p.out_h, p.out_step);
    p.cols = kn_ceil_div(p.out_w, p.out_step);
    kn_band_windows(&p);
    return p;
}

static KnBandPlan kn_band_plan(const ConvShape *shape, ConvKind kind)
{
    KnBandPlan p = kn_band_plan_of(kn_conv_normal(shape, kind), kind, kn_conv_method(shape, kind));
    kn_band_sizes(&p);
    return p;
}

static size_t kn_band_own_size(const KnBandPlan *p)
{
    return (p->groups > 1 ? 0 : p->band_size) + p->tiles_size + p->points_size + p->fill_size;
}

static size_t kn_band_scratch(const KnBandPlan *p)
{
    return (p->groups > 1 ? p->bands * p->band_size : 0) + thread_count() * kn_band_own_size(p);
}

static KnBand kn_band_at(const KnBandPlan *p, int index)
{
    int parts = kn_ceil_div(p->rows, p->band_rows);
    KnBand b = { .n = index / parts * p->band_pictures, .row = index % parts * p->band_rows };
    b.pictures = kn_min(p->band_pictures, p->s.n - b.n);
    b.rows = kn_min(p->band_rows, p->rows - b.row);
    b.height = p->copied ? kn_band_height(p) : p->in_h;
    return b;
}

static void kn_band_copy_task(void *arg, int index, int worker)
{
    const KnBandPlan *p = arg;
    KnBand b = kn_band_at(p, index);
    p->fill(p, &b, p->copies + index * p->band_size, p->own + worker * kn_band_own_size(p));
}

/* Lists where each grid point of a band reads and writes, `block` columns at a time, line by line; returns how many. */
static int kn_band_points(const KnBandPlan *p, const KnPass *pass, const KnBand *b, const real *in, int rows, int block,
                          const real **from, size_t *to)
{
    ptrdiff_t in_step = (ptrdiff_t)p->in_step * p->depth, out_step = (ptrdiff_t)p->out_step * p->width;
    int count = 0;
    for (int j0 = 0; j0 < pass->cols; j0 += block)
        for (int n = 0; n < b->pictures; n++) {
            size_t in_y = (size_t)n * b->height + pass->in_y - p->low_y;
            size_t out_y = (size_t)(b->n + n) * p->out_h + (size_t)b->row * p->out_step + pass->out_y;
            const real *line = in + (in_y * p->band_w + pass->in_x - p->low_x) * p->depth + j0 * in_step;
            size_t out_line = (out_y * p->out_w + pass->out_x) * p->width + j0 * out_step;
            for (int i = 0; i < rows; i++, line += in_step * p->band_w, out_line += out_step * p->out_w)
                for (int j = 0; j < kn_min(block, pass->cols - j0); j++) {
                    from[count] = line + j * in_step;
                    to[count++] = out_line + j * out_step;
                }
        }
    return count;
}

KERNELS_API int conv_table_place(int at, int length, int size)
{
    int half = size / 2;
    return at < half ? at : at >= length - half ? at - length + size : half;
}

/* The way out of a tile; with a table, as many pixels at a time as have the same place there. */
static void kn_band_finish(const KnBandPlan *p, const size_t *to, int rows, int k, const real *v)
{
    int lanes = kn_panel_lanes(), count = kn_min(lanes, p->width - k), size = p->s.r, half = size / 2, run = rows;
    ConvEpilogue e = *p->e;
    for (int row = 0; row < rows; row += run) {
        if (e.table) {
            int pixel = (int)(to[row] / p->width), x = pixel % p->out_w, line = pixel / p->out_w, n = line / p->out_h;
            int y = conv_table_place(line % p->out_h, p->out_h, size);
            e.bias = e.table + (((size_t)n * size + y) * size + conv_table_place(x, p->out_w, size)) * p->width;
            run = x < half || x >= p->out_w - half ? 1 : kn_min(rows - row, p->out_w - half - x);
        }
        kernels->finish(&e, p->out, to + row, run, k, count, v + (size_t)row * lanes, lanes);
    }
}

/* Panels k0..k1-1 of a band. With prepared panels the whole sum of a tile stays in registers (one step). */
static void kn_band_panels(const KnBandPlan *p, const KnPass *pass, const real *const *from, const size_t *to,
                           int points, int first_panel, int last_panel, real *c)
{
    int lanes = kn_panel_lanes(), tiles = kn_ceil_div(points, kernels->tile_rows), raw = p->method == KN_BY_RAW_PANELS;
    int length = pass->s * p->depth, part = raw ? 512 : length, parts = raw ? kn_ceil_div(length, part) : 1;
    int steps = raw ? pass->r * parts : 1, padded = kn_round_up(p->width, kernels->lanes);
    KnTile t = { .a_step = 1, .a_run = (ptrdiff_t)p->band_w * p->depth, .pictures = 1 };
    for (int step = 0; step < steps; step++) {
        int run = step / parts, begin = step % parts * part;
        t.at = run * t.a_run + begin;
        t.runs = raw ? 1 : pass->r;
        t.length = kn_min(part, length - begin);
        t.accumulate = step > 0;
        for (int panel = first_panel; panel < last_panel; panel++) {
            int k = panel * lanes;
            t.width = kn_panel_width(p->width, panel);
            t.b_step = raw ? p->width : t.width * kernels->lanes;
            t.b = p->filter + (raw ? ((size_t)run * length + begin) * p->width + k
                                   : (pass->taps * padded + (size_t)pass->r * pass->s * k) * p->depth);
            t.ahead = 8 * t.b_step;
            if (raw)                    /* the next panel, or the first one of the next step */
                t.ahead = panel + 1 < last_panel ? lanes : part * t.b_step + (first_panel - panel) * lanes;
            for (int i = 0; i < tiles; i++) {
                int first = kn_share(points, i, tiles);
                t.rows = kn_share(points, i + 1, tiles) - first;
                t.a = from + first;
                t.c = raw ? c + ((size_t)(panel - first_panel) * tiles + i) * kernels->tile_rows * lanes : c;
                kernels->tile(&t);
                if (step == steps - 1) kn_band_finish(p, to + first, t.rows, k, t.c);
            }
        }
    }
}

/* The same for a handful of outputs. Points come in columns, downwards: the next window shares all lines but one. */
static void kn_band_dot(const KnBandPlan *p, const KnPass *pass, const real **from, const size_t *to, int points,
                        real *c)
{
    int size = kernels->dot_rows;
    KnTile t = { .a_run = (ptrdiff_t)p->band_w * p->depth, .runs = pass->r, .length = pass->s * p->depth,
                 .b_step = (ptrdiff_t)pass->r * pass->s * p->depth, .c = c };
    for (int i = points; i % size; i++)
        from[i] = from[0];
    for (int first = 0; first < points; first += size)
        for (int k = 0; k < p->width; k += KN_DOT_OUTPUTS) {
            t.a = from + first;
            t.width = kn_min(KN_DOT_OUTPUTS, p->width - k);
            t.b = p->filter + pass->taps * p->depth * p->width + k * t.b_step;
            kernels->dot(&t);
            kernels->finish(p->e, p->out, to + first, kn_min(size, points - first), k, t.width, c, kn_panel_lanes());
        }
}

static void kn_band_task(void *arg, int index, int worker)
{
    const KnBandPlan *p = arg;
    int group = index % p->groups, dot = p->method == KN_BY_DOT;
    KnBand b = kn_band_at(p, index / p->groups);
    real *own = p->own + worker * kn_band_own_size(p), *points_at = own + p->fill_size, *c = points_at + p->points_size,
         *copy = c + p->tiles_size;
    const real **from = (const real **)points_at;
    const real *in = copy;
    if (!p->copied) in = p->in + ((size_t)b.n * p->in_h + (size_t)b.row * p->in_step) * p->in_w * p->depth;
    else if (p->groups > 1) in = p->copies + index / p->groups * p->band_size;
    else p->fill(p, &b, copy, own);
    for (int i = 0; i < p->passes; i++) {
        KnPass pass = kn_conv_pass(&p->s, p->kind, i);
        int rows = kn_min(b.rows, pass.rows - b.row);
        if (rows <= 0 || pass.cols <= 0) continue;
        size_t *to = (size_t *)(from + kn_round_up(b.pictures * rows * pass.cols, kernels->dot_rows));
        int points = kn_band_points(p, &pass, &b, in, rows, dot ? kernels->dot_rows : pass.cols, from, to);
        if (dot) kn_band_dot(p, &pass, from, to, points, c);
        else
            kn_band_panels(p, &pass, from, to, points, kn_share(p->panels, group, p->groups),
                           kn_share(p->panels, group + 1, p->groups), c);
    }
}

static void kn_band_run(KnBandPlan *p, real *scratch)
{
    p->copies = scratch;
    p->own = scratch + (p->groups > 1 ? p->bands * p->band_size : 0);
    if (p->copied && p->groups > 1) parallel(p->bands, kn_band_copy_task, p);
    parallel(p->bands * p->groups, kn_band_task, p);
}

/* The filter as tiles read it, [pass][panel][r][s][depth][lane], or as dot does, [pass][output][r][s][depth]. */
typedef struct KnBandPrepare { KnBandPlan plan; const real *w; real *to; } KnBandPrepare;

static void kn_band_prepare_task(void *arg, int index, int worker)
{
    const KnBandPrepare *job = arg;
    const KnBandPlan *p = &job->plan;
    const ConvShape *s = &p->s;
    int forward = p->kind == CONV_FORWARD, dot = p->method == KN_BY_DOT, lanes = dot ? 1 : kn_panel_lanes();
    int panels = kn_ceil_div(p->width, lanes), k = index % panels * lanes, count = kn_min(lanes, p->width - k);
    int padded = dot ? 1 : kn_round_up(count, kernels->lanes);
    size_t padded_width = dot ? p->width : kn_round_up(p->width, kernels->lanes);
    KnPass pass = kn_conv_pass(s, p->kind, index / panels);
    int rest_y = kn_floor_mod(pass.out_y + s->pad_y, s->stride);
    int rest_x = kn_floor_mod(pass.out_x + s->pad_x, s->stride);
    real *to = job->to + (pass.taps * padded_width + (size_t)pass.r * pass.s * k) * p->depth;
    ptrdiff_t across = forward ? 1 : s->k, along = forward ? s->k : 1;
    (void)worker;
    for (int u = 0; u < pass.r; u++)
        for (int v = 0; v < pass.s; v++, to += (size_t)p->depth * padded) {
            int r = forward ? u : rest_y + (pass.r - 1 - u) * s->stride;
            int q = forward ? v : rest_x + (pass.s - 1 - v) * s->stride;
            const real *w = job->w + (size_t)(r * s->s + q) * s->c * s->k;
            kn_pack_lanes(to, padded, w + k * across, along, across, p->depth, count);
        }
}

static void kn_band_prepare(const ConvShape *s, ConvKind kind, const real *w, real *to)
{
    KnBandPrepare job = { kn_band_plan(s, kind), w, to };
    int panels = job.plan.method == KN_BY_DOT ? job.plan.width : job.plan.panels;
    parallel(job.plan.passes * panels, kn_band_prepare_task, &job);
}

/* --------------------------------------------------------------------------------------------
 * 7  Weight gradient: sums over pixels
 *
 *   dw(r,s,c,k) = sum over n,p,q of x(n, p*stride + r - pad, q*stride + s - pad, c) dy(n,p,q,k)
 *
 * Rows are (r,s,c), lanes k, terms pixels; a tap (r,s) only moves the place where a row begins. x is copied into
 * panels [c / 14][n][y][x][14] with its zero border, dy into [k / 32][n][p][q][32]: in NHWC one step along the pixels
 * is a jump of 1 KB for 256 channels, and jumps by powers of two keep hitting the same few lines of L1. (A dy of up to
 * 64 channels is read in place: packing it would cost more than it saves.) Pixels are taken in chunks whose panels fit
 * L2, and pictures in rounds whose panels fit L3.
 *
 * Each sum has one owner, so no reduction is needed, unless a small w and large pictures leave too few tasks: then the
 * chunks are split among a fixed number of tasks and added up in order.
 *
 * With few output channels (64 -> 1) the lanes would be empty. For stride 1 the form is symmetric: with x and dy
 * exchanged and the kernel turned by 180 degrees the lanes are c.
 * ------------------------------------------------------------------------------------------ */

typedef struct KnSumPlan {
    int n, h, w, depth;                 /* a, the operand that the window moves over */
    int rows, cols, width;              /* b, the other one */
    int r, s, stride, pad_y, pad_x, swapped;
    int high, wide;                     /* a with its border */
    int panel_rows, a_panels, b_panels, b_groups, parts;    /* a task: a panel of a, a group of b's, a part of tiles */
    int round_pictures, chunk_pictures, chunk_rows, splits;
    int b_raw, shared;                  /* is b read in place? do sums outlive a task? */
    size_t a_panel, b_panel, task_size, own_size;   /* in reals: panels of a round, a task's tiles, a worker's memory */
    int first_picture, pictures;        /* of this round */
    const real *a, *b;
    const ConvEpilogue *e;
    real *out, *a_packed, *b_packed, *sums, *own;
} KnSumPlan;

static int kn_sum_chunks(const KnSumPlan *p)
{
    int pieces = kn_ceil_div(p->rows, p->chunk_rows);
    return pieces == 1 ? kn_ceil_div(p->pictures, p->chunk_pictures) : p->pictures * pieces;
}

static int kn_sum_tasks(const KnSumPlan *p) { return p->a_panels * p->b_groups * p->parts; }

static void kn_sum_cut(KnSumPlan *p)
{
    int lanes = kn_panel_lanes(), tiles = kn_ceil_div(p->r * p->s * p->panel_rows, kernels->tile_rows);
    size_t picture = (size_t)p->high * p->wide * p->a_panels * p->panel_rows
                   + (size_t)p->rows * p->cols * p->b_panels * lanes;
    long long line = (long long)p->cols * (lanes + p->panel_rows * p->stride * p->stride);
    int lines = kn_max(1, (int)((96 << 10) / line));
    p->round_pictures = kn_max(1, kn_min(p->n, (int)((8 << 20) / picture)));
    p->pictures = p->round_pictures;
    p->chunk_rows = kn_min(p->rows, lines);
    p->chunk_pictures = p->chunk_rows < p->rows ? 1 : kn_min(p->round_pictures, kn_max(1, lines / p->rows));
    /* One chunk: a task takes many panels of b, to write rows of w from end to end (134 MB in 18 ms, not 48). */
    int once = kn_sum_chunks(p) == 1 && p->round_pictures == p->n;
    p->b_groups = once ? kn_min(p->b_panels, kn_ceil_div(KN_TASKS, p->a_panels)) : p->b_panels;
    p->parts = kn_min(tiles, kn_ceil_div(KN_TASKS, p->a_panels * p->b_groups));
    p->splits = kn_min(kn_sum_chunks(p), kn_ceil_div(KN_TASKS, kn_sum_tasks(p)));
    p->shared = p->splits > 1 || p->round_pictures < p->n;
    p->task_size = kn_align((size_t)kernels->tile_rows * lanes * kn_ceil_div(tiles, p->parts));
}

static KnSumPlan kn_sum_plan(const ConvShape *shape)
{
    ConvShape s = kn_conv_normal(shape, CONV_WEIGHT_GRAD);
    KnSumPlan p = { s.n, s.h, s.w, s.c, s.ho, s.wo, s.k, s.r, s.s, s.stride, s.pad_y, s.pad_x, .swapped = 0 };
    if (s.stride == 1 && s.k <= 8 && s.c > s.k)
        p = (KnSumPlan){ s.n, s.ho, s.wo, s.k, s.h, s.w, s.c, s.r, s.s, 1, s.r - 1 - s.pad_y, s.s - 1 - s.pad_x,
                         .swapped = 1 };
    p.high = (p.rows - 1) * p.stride + p.r;
    p.wide = (p.cols - 1) * p.stride + p.s;
    p.panel_rows = kn_min(p.depth, kernels->tile_rows);
    p.a_panels = kn_ceil_div(p.depth, p.panel_rows);
    p.b_panels = kn_ceil_div(p.width, kn_panel_lanes());
    p.b_raw = p.width <= 64 && p.width % kernels->lanes == 0;
    kn_sum_cut(&p);
    p.a_panel = (size_t)p.round_pictures * p.high * p.wide * p.panel_rows;
    p.b_panel = p.b_raw ? 0 : (size_t)p.round_pictures * p.rows * p.cols * kn_panel_lanes();
    p.own_size = p.task_size + kn_align((size_t)p.r * p.s * p.panel_rows * sizeof(real *) / sizeof(real) + 1);
    return p;
}

static size_t kn_sum_sums(const KnSumPlan *p)
{
    return p->shared ? (size_t)p->splits * kn_sum_tasks(p) * p->task_size : 0;
}

static size_t kn_sum_scratch(const KnSumPlan *p)
{
    return kn_align(p->a_panels * p->a_panel) + kn_align(p->b_panels * p->b_panel) + kn_sum_sums(p)
         + thread_count() * p->own_size;
}

/* One line of a picture of a, or of b, into its panels. */
static void kn_sum_pack_task(void *arg, int index, int worker)
{
    const KnSumPlan *p = arg;
    int lanes = kn_panel_lanes(), n = index % p->pictures, y = index / p->pictures, depth = p->depth;
    (void)worker;
    if (y >= p->high) {
        y -= p->high;
        const real *from = p->b + ((size_t)(p->first_picture + n) * p->rows + y) * p->cols * p->width;
        for (int panel = 0; panel < p->b_panels; panel++)
            kn_pack_lanes(p->b_packed + panel * p->b_panel + ((size_t)n * p->rows + y) * p->cols * lanes, lanes,
                          from + panel * lanes, p->width, 1, p->cols, kn_min(lanes, p->width - panel * lanes));
        return;
    }
    const real *picture = p->a + (size_t)(p->first_picture + n) * p->h * p->w * depth;
    real *to = p->a_packed + ((size_t)n * p->high + y) * p->wide * p->panel_rows;
    if (p->a_panels == 1) {
        kn_copy_line(to, picture, p->h, p->w, depth, y - p->pad_y, -p->pad_x, p->wide);
        return;
    }
    for (int x = 0; x < p->wide; x++)
        for (int panel = 0; panel < p->a_panels; panel++) {
            int iy = y - p->pad_y, ix = x - p->pad_x, c0 = panel * p->panel_rows;
            size_t bytes = kn_min(p->panel_rows, depth - c0) * sizeof(real);
            real *pixel = to + panel * p->a_panel + (size_t)x * p->panel_rows;
            if (iy >= 0 && iy < p->h && ix >= 0 && ix < p->w)
                memcpy(pixel, picture + ((size_t)iy * p->w + ix) * depth + c0, bytes);
            else memset(pixel, 0, bytes);
        }
}

/* Rows first..first+rows-1 of a panel of a, all lanes of a panel of b, to where they belong in dw. */
static void kn_sum_finish(const KnSumPlan *p, int a_panel, int b_panel, int first, int rows, const real *c)
{
    int lanes = kn_panel_lanes(), k0 = b_panel * lanes, count = kn_min(lanes, p->width - k0);
    int c0 = a_panel * p->panel_rows;
    int high = kn_min(p->panel_rows, p->depth - c0), done;
    for (int i = first; i < first + rows; i += done, c += done * lanes) {       /* the rows of one tap */
        int tap = i / high, j = i % high;
        size_t to[2 * KN_LANES_MAX];
        done = kn_min(high - j, first + rows - i);
        if (!p->swapped) {
            for (int m = 0; m < done; m++)
                to[m] = ((size_t)tap * p->depth + c0 + j + m) * p->width;
            kernels->finish(p->e, p->out, to, done, k0, count, c, lanes);
            continue;
        }
        real turned[2 * KN_LANES_MAX * KN_TILE_ROWS_MAX];
        for (int l = 0; l < count; l++) {
            to[l] = ((size_t)(p->r * p->s - 1 - tap) * p->width + k0 + l) * p->depth;
            for (int m = 0; m < done; m++)
                turned[l * done + m] = c[m * lanes + l];
        }
        kernels->finish(p->e, p->out, to, count, c0 + j, done, turned, done);
    }
}

typedef struct KnSumTask { int a_panel, first_panel, last_panel, rows, tiles, first_tile, last_tile; } KnSumTask;

static KnSumTask kn_sum_task_at(const KnSumPlan *p, int task)
{
    int part = task % p->parts, group = task / p->parts % p->b_groups;
    KnSumTask t = { .a_panel = task / p->parts / p->b_groups,
                    .first_panel = kn_share(p->b_panels, group, p->b_groups),
                    .last_panel = kn_share(p->b_panels, group + 1, p->b_groups) };
    t.rows = p->r * p->s * kn_min(p->panel_rows, p->depth - t.a_panel * p->panel_rows);
    t.tiles = kn_ceil_div(t.rows, kernels->tile_rows);
    t.first_tile = kn_share(t.tiles, part, p->parts);
    t.last_tile = kn_share(t.tiles, part + 1, p->parts);
    return t;
}

/* Adds a chunk of pixels to the tiles of a task. */
static void kn_sum_chunk(const KnSumPlan *p, const KnSumTask *task, int chunk, int accumulate, int finish,
                         const real *const *a, real *sums)
{
    int lanes = kn_panel_lanes(), per_picture = kn_ceil_div(p->rows, p->chunk_rows);
    int n = chunk / per_picture * p->chunk_pictures, y = chunk % per_picture * p->chunk_rows;
    size_t pixel = ((size_t)n * p->rows + y) * p->cols;
    KnTile t = { .at = (((ptrdiff_t)n * p->high + y * p->stride) * p->wide) * p->panel_rows,
                 .a_step = (ptrdiff_t)p->stride * p->panel_rows,
                 .a_run = (ptrdiff_t)p->stride * p->wide * p->panel_rows,
                 .a_picture = (ptrdiff_t)p->high * p->wide * p->panel_rows, .b_step = p->b_raw ? p->width : lanes,
                 .pictures = kn_min(p->chunk_pictures, p->pictures - n), .runs = kn_min(p->chunk_rows, p->rows - y),
                 .length = p->cols, .accumulate = accumulate };
    t.ahead = 8 * t.b_step;
    for (int i = task->first_tile; i < task->last_tile; i++) {
        int first = kn_share(task->rows, i, task->tiles);
        t.rows = kn_share(task->rows, i + 1, task->tiles) - first;
        t.a = a + first;
        t.c = sums + (size_t)(i - task->first_tile) * kernels->tile_rows * lanes;
        for (int panel = task->first_panel; panel < task->last_panel; panel++) {
            t.width = kn_panel_width(p->width, panel);
            t.b = p->b_raw ? p->b + ((size_t)p->first_picture * p->rows * p->cols + pixel) * p->width + panel * lanes
                           : p->b_packed + panel * p->b_panel + pixel * lanes;
            kernels->tile(&t);
            if (finish) kn_sum_finish(p, task->a_panel, panel, first, t.rows, t.c);
        }
    }
}

static void kn_sum_task(void *arg, int index, int worker)
{
    const KnSumPlan *p = arg;
    int tasks = kn_sum_tasks(p), split = index / tasks, chunks = kn_sum_chunks(p);
    KnSumTask task = kn_sum_task_at(p, index % tasks);
    real *own = p->own + worker * p->own_size, *sums = p->shared ? p->sums + index * p->task_size : own;
    const real **a = (const real **)(own + p->task_size);
    int high = task.rows / (p->r * p->s);
    int begin = kn_share(chunks, split, p->splits), end = kn_share(chunks, split + 1, p->splits);
    for (int i = 0; i < task.rows; i++)
        a[i] = p->a_packed + task.a_panel * p->a_panel + i % high
             + ((size_t)(i / high / p->s) * p->wide + i / high % p->s) * p->panel_rows;
    for (int chunk = begin; chunk < end; chunk++)
        kn_sum_chunk(p, &task, chunk, chunk > begin || p->first_picture > 0, !p->shared && chunk == end - 1, a, sums);
}

/* Shared sums: the splits' are added in order. */
static void kn_sum_finish_task(void *arg, int index, int worker)
{
    const KnSumPlan *p = arg;
    int tasks = kn_sum_tasks(p);
    KnSumTask task = kn_sum_task_at(p, index);
    real *sums = p->sums + index * p->task_size;
    (void)worker;
    for (int split = 1; split < p->splits; split++)
        for (size_t i = 0; i < p->task_size; i++)
            sums[i] += sums[(size_t)split * tasks * p->task_size + i];
    for (int i = task.first_tile; i < task.last_tile; i++) {
        int first = kn_share(task.rows, i, task.tiles), next = kn_share(task.rows, i + 1, task.tiles);
        kn_sum_finish(p, task.a_panel, task.first_panel, first, next - first,
                      sums + (size_t)(i - task.first_tile) * kernels->tile_rows * kn_panel_lanes());
    }
}

static void kn_sum_run(KnSumPlan *p, real *scratch)
{
    p->a_packed = scratch;
    p->b_packed = p->a_packed + kn_align(p->a_panels * p->a_panel);
    p->sums = p->b_packed + kn_align(p->b_panels * p->b_panel);
    p->own = p->sums + kn_sum_sums(p);
    for (p->first_picture = 0; p->first_picture < p->n; p->first_picture += p->round_pictures) {
        p->pictures = kn_min(p->round_pictures, p->n - p->first_picture);
        parallel(p->pictures * (p->high + (p->b_raw ? 0 : p->rows)), kn_sum_pack_task, p);
        parallel(kn_sum_tasks(p) * p->splits, kn_sum_task, p);
    }
    if (p->shared) parallel(kn_sum_tasks(p), kn_sum_finish_task, p);
}

/* --------------------------------------------------------------------------------------------
 * 8  Input gradient of few pixels: the pixels are the lanes
 *
 * The discriminator's last layer has 33 million weights (134 MB) and sixteen output pixels. Turning w into panels
 * would cost eight times what using it costs, so w stays where it is and is read once: its rows (r,s,c), contiguous in
 * k, are the rows of the tile, the terms k, and dy, turned into panels [pixel / 32][k][32], the lanes. A task owns
 * sixteen channels c: it makes the products of all taps and pixels, then each input pixel gathers its own.
 * ------------------------------------------------------------------------------------------ */

enum {
    KN_PIXELS_ROWS = 16,                /* channels of a task */
    KN_PIXELS_DEPTH = 2048,             /* terms of a sum that are taken at a time, so that a panel of them fits L2 */
    KN_PIXELS_PACK = 64                 /* terms that a task packs */
};

typedef struct KnPixelPlan {
    ConvShape s;
    int pixels, panels;
    size_t packed_size, own_size;
    const real *grad, *w;
    const ConvEpilogue *e;
    real *out, *packed, *own;
} KnPixelPlan;

static KnPixelPlan kn_pixel_plan(const ConvShape *s)
{
    KnPixelPlan p = { .s = *s, .pixels = s->n * s->ho * s->wo };
    p.panels = kn_ceil_div(p.pixels, kn_panel_lanes());
    p.packed_size = kn_align((size_t)s->k * kn_round_up(p.pixels, kernels->lanes));
    p.own_size = kn_align((size_t)s->r * s->s * p.panels * KN_PIXELS_ROWS * kn_panel_lanes());
    return p;
}

static size_t kn_pixel_scratch(const KnPixelPlan *p) { return p->packed_size + thread_count() * p->own_size; }

static void kn_pixel_pack_task(void *arg, int index, int worker)
{
    const KnPixelPlan *p = arg;
    int panel = index % p->panels, k0 = index / p->panels * KN_PIXELS_PACK, m0 = panel * kn_panel_lanes();
    int lanes = kn_panel_width(p->pixels, panel) * kernels->lanes, depth = p->s.k;
    (void)worker;
    kn_pack_lanes(p->packed + (size_t)m0 * depth + (size_t)k0 * lanes, lanes, p->grad + (size_t)m0 * depth + k0, 1,
                  depth, kn_min(KN_PIXELS_PACK, depth - k0), kn_min(lanes, p->pixels - m0));
}

/* products[tap][panel][channel][lane] for `rows` channels from c0 on. */
static void kn_pixel_products(const KnPixelPlan *p, int c0, int rows, real *products)
{
    const ConvShape *s = &p->s;
    int lanes = kn_panel_lanes(), tiles = kn_ceil_div(rows, kernels->tile_rows);
    int parts = kn_ceil_div(s->k, KN_PIXELS_DEPTH);
    for (int job = 0; job < s->r * s->s * tiles * parts; job++) {
        int part = job % parts, i = job / parts % tiles, tap = job / parts / tiles, first = kn_share(rows, i, tiles);
        const real *a[KN_TILE_ROWS_MAX];
        KnTile t = { .a = a, .at = part * KN_PIXELS_DEPTH, .a_step = 1, .pictures = 1, .runs = 1,
                     .accumulate = part > 0, .length = kn_min(KN_PIXELS_DEPTH, s->k - part * KN_PIXELS_DEPTH),
                     .rows = kn_share(rows, i + 1, tiles) - first };
        for (int m = 0; m < t.rows; m++)
            a[m] = p->w + ((size_t)tap * s->c + c0 + first + m) * s->k;
        for (int panel = 0; panel < p->panels; panel++) {
            t.width = kn_panel_width(p->pixels, panel);
            t.b_step = t.width * kernels->lanes;
            t.ahead = 8 * t.b_step;
            t.b = p->packed + (size_t)panel * lanes * s->k + t.at * t.b_step;
            t.c = products + (((size_t)tap * p->panels + panel) * KN_PIXELS_ROWS + first) * lanes;
            kernels->tile(&t);
        }
    }
}

static void kn_pixel_task(void *arg, int index, int worker)
{
    const KnPixelPlan *p = arg;
    const ConvShape *s = &p->s;
    int lanes = kn_panel_lanes(), c0 = index * KN_PIXELS_ROWS, rows = kn_min(KN_PIXELS_ROWS, s->c - c0);
    real *products = p->own + worker * p->own_size;
    kn_pixel_products(p, c0, rows, products);
    for (int i = 0; i < s->n * s->h * s->w; i++) {
        int x = i % s->w, y = i / s->w % s->h, n = i / s->w / s->h;
        real sum[KN_PIXELS_ROWS] = {0};
        for (int tap = 0; tap < s->r * s->s; tap++) {
            int gy = y + s->pad_y - tap / s->s, gx = x + s->pad_x - tap % s->s;
            int p_y = gy / s->stride, p_x = gx / s->stride;
            if (gy < 0 || gx < 0 || gy % s->stride || gx % s->stride || p_y >= s->ho || p_x >= s->wo) continue;
            int m = (n * s->ho + p_y) * s->wo + p_x;
            const real *from = products + ((size_t)tap * p->panels + m / lanes) * KN_PIXELS_ROWS * lanes + m % lanes;
            for (int c = 0; c < rows; c++)
                sum[c] += from[c * lanes];
        }
        size_t at = (size_t)i * s->c;
        kernels->finish(p->e, p->out, &at, 1, c0, rows, sum, 0);
    }
}

static void kn_pixel_run(KnPixelPlan *p, real *scratch)
{
    p->packed = scratch;
    p->own = scratch + p->packed_size;
    parallel(p->panels * kn_ceil_div(p->s.k, KN_PIXELS_PACK), kn_pixel_pack_task, p);
    parallel(kn_ceil_div(p->s.c, KN_PIXELS_ROWS), kn_pixel_task, p);
}

/* --------------------------------------------------------------------------------------------
 * 9  Depthwise: each channel has its own kernel, lanes are channels, and there is no reuse to win but of w
 * ------------------------------------------------------------------------------------------ */

enum {
    KN_DEPTHWISE_PIXELS = 256,          /* the most output pixels of a call, */
    KN_DEPTHWISE_NUMBERS = 2048,        /* and numbers, beyond the first eight pixels */
    KN_DEPTHWISE_CHANNELS = 64          /* channels of a weight gradient's task */
};

typedef struct KnDepthwise {
    ConvShape s;
    ConvKind kind;
    size_t own_size;
    const real *a, *b;
    const ConvEpilogue *e;
    real *out, *own;
} KnDepthwise;

/* Pixels of a call: few enough that their sums stay in L1. */
static int kn_depthwise_pixels(const ConvShape *s)
{
    return kn_max(8, kn_min(KN_DEPTHWISE_PIXELS, KN_DEPTHWISE_NUMBERS / s->c));
}

static size_t kn_depthwise_own(const ConvShape *s)
{
    return kn_align((size_t)kn_max(kn_depthwise_pixels(s), s->s) * s->c);
}

/* How many output pixels from x on (as many as a call has) have all their taps inside a line; at least 1. */
static int kn_depthwise_count(const KnDepthwise *d, int x)
{
    const ConvShape *s = &d->s;
    int first, last;
    if (d->kind == CONV_INPUT_GRAD) {
        first = s->stride > 1 ? INT_MAX : s->s - 1 - s->pad_x;
        last = s->wo - 1 - s->pad_x;
    } else {
        first = kn_ceil_div(s->pad_x, s->stride);
        last = kn_min(s->wo - 1, kn_floor_div(s->w - s->s + s->pad_x, s->stride));
    }
    last = kn_min(last, d->kind == CONV_INPUT_GRAD ? s->w - 1 : s->wo - 1);
    return x < first || x > last ? 1 : kn_min(kn_depthwise_pixels(s), last - x + 1);
}

/* Forward and input gradient: line `index` of outputs, which begins at out[line]. */
static void kn_depthwise_line(const KnDepthwise *d, int index, real *sum, real *out, size_t line)
{
    const ConvShape *s = &d->s;
    int forward = d->kind == CONV_FORWARD, out_h = forward ? s->ho : s->h, out_w = forward ? s->wo : s->w, count;
    int in_h = forward ? s->h : s->ho, in_w = forward ? s->w : s->wo, n = index / out_h, y = index % out_h;
    int up = forward ? s->stride : 1, down = forward ? 1 : s->stride, sign = forward ? 1 : -1;
    for (int x = 0; x < out_w; x += count) {
        const real *from[KN_DEPTHWISE_TERMS], *w[KN_DEPTHWISE_TERMS];
        size_t at[KN_DEPTHWISE_PIXELS];
        int terms = 0, taps = s->r * s->s, accumulate = 0;
        count = kn_depthwise_count(d, x);
        for (int tap = 0; tap < taps; tap++) {
            int iy = y * up + sign * (tap / s->s - s->pad_y), ix = x * up + sign * (tap % s->s - s->pad_x);
            if (iy >= 0 && ix >= 0 && iy % down == 0 && ix % down == 0 && iy / down < in_h && ix / down < in_w) {
                from[terms] = d->a + (((size_t)n * in_h + iy / down) * in_w + ix / down) * s->c;
                w[terms++] = d->b + (size_t)tap * s->c;
            }
            if (terms == KN_DEPTHWISE_TERMS || tap == taps - 1) {
                kernels->depthwise(sum, from, w, terms, (ptrdiff_t)up * s->c, count, s->c, s->c, accumulate);
                terms = 0, accumulate = 1;
            }
        }
        for (int i = 0; i < count; i++)
            at[i] = line + (size_t)(x + i) * s->c;
        kernels->finish(d->e, out, at, count, 0, s->c, sum, s->c);
    }
}

static void kn_depthwise_line_task(void *arg, int index, int worker)
{
    const KnDepthwise *d = arg;
    size_t length = (size_t)(d->kind == CONV_FORWARD ? d->s.wo : d->s.w) * d->s.c;
    kn_depthwise_line(d, index, d->own + worker * d->own_size, d->out, index * length);
}

/* Weight gradient: one line of taps of some channels. Taps take the place of pixels, pixels that of terms. */
static void kn_depthwise_taps_task(void *arg, int index, int worker)
{
    const KnDepthwise *d = arg;
    const ConvShape *s = &d->s;
    int r = index % s->r, c0 = index / s->r * KN_DEPTHWISE_CHANNELS;
    int channels = kn_min(KN_DEPTHWISE_CHANNELS, s->c - c0);
    real *sum = d->own + worker * d->own_size;
    memset(sum, 0, (size_t)s->s * s->c * sizeof(real));
    for (int line = 0; line < s->n * s->ho; line++) {
        const real *from[KN_DEPTHWISE_TERMS], *grad[KN_DEPTHWISE_TERMS];
        int n = line / s->ho, y = line % s->ho * s->stride + r - s->pad_y, terms = 0;
        if (y < 0 || y >= s->h) continue;
        for (int q = 0; q < s->wo; q++) {
            int x = q * s->stride - s->pad_x;                               /* the taps low .. high-1 are inside */
            int low = kn_min(s->s, kn_max(0, -x)), high = kn_max(low, kn_min(s->s, s->w - x));
            const real *g = d->b + ((size_t)line * s->wo + q) * s->c + c0;
            const real *pixels = d->a + ((size_t)n * s->h + y) * s->w * s->c + c0;
            if (high - low == s->s) {
                from[terms] = pixels + (size_t)x * s->c;
                grad[terms++] = g;
            } else if (high > low) {
                const real *first = pixels + (size_t)(x + low) * s->c;
                kernels->depthwise(sum + low * channels, &first, &g, 1, s->c, high - low, channels, channels, 1);
            }
            if (terms == KN_DEPTHWISE_TERMS || (q == s->wo - 1 && terms)) {
                kernels->depthwise(sum, from, grad, terms, s->c, s->s, channels, channels, 1);
                terms = 0;
            }
        }
    }
    for (int i = 0; i < s->s; i++) {
        size_t at = (size_t)(r * s->s + i) * s->c;
        kernels->finish(d->e, d->out, &at, 1, c0, channels, sum + i * channels, 0);
    }
}

static void kn_depthwise_run(KnDepthwise *d, real *scratch)
{
    const ConvShape *s = &d->s;
    d->own = scratch;
    d->own_size = kn_depthwise_own(s);
    if (d->kind == CONV_WEIGHT_GRAD)
        parallel(s->r * kn_ceil_div(s->c, KN_DEPTHWISE_CHANNELS), kn_depthwise_taps_task, d);
    else parallel(s->n * (d->kind == CONV_FORWARD ? s->ho : s->h), kn_depthwise_line_task, d);
}

/* A pair: what the depthwise convolution gives is the other's band, made where it is read (RetinaFace takes an eighth
 * less time for it). */
KERNELS_API int conv_takes_depthwise(const ConvShape *first, const ConvShape *s)
{
    return kn_conv_method(first, CONV_FORWARD) == KN_BY_CHANNEL && kn_conv_method(s, CONV_FORWARD) == KN_BY_PANELS
        && s->r == 1 && s->s == 1 && s->stride == 1 && s->pad_y == 0 && s->pad_x == 0;
}

static void kn_pair_fill(const KnBandPlan *p, const KnBand *b, real *to, real *own)
{
    const KnDepthwise *d = p->fill_job;
    for (int n = 0; n < b->pictures; n++)
        for (int y = 0; y < b->height; y++)
            kn_depthwise_line(d, (b->n + n) * d->s.ho + b->row + y, own, to,
                              ((size_t)n * b->height + y) * p->band_w * p->depth);
}

static KnBandPlan kn_pair_plan(const ConvShape *first, const ConvShape *s)
{
    KnBandPlan p = kn_band_plan_of(*s, CONV_FORWARD, KN_BY_PANELS);
    p.copied = 1;
    p.fill = kn_pair_fill;
    p.fill_size = kn_depthwise_own(first);
    kn_band_sizes(&p);
    p.groups = 1;                       /* (nobody shares a band: it stays in L2) */
    return p;
}

/* --------------------------------------------------------------------------------------------
 * 10  Winograd's convolution                                      (Winograd 1980; Lavin and Gray 2016)
 *
 * Four neighbouring outputs of a kernel of three taps are a product of polynomials of degree 3 and 2, up to
 * transposition; evaluated at the points 0, 1, -1, 2, -2 and infinity it needs 6 multiplications, not 12. Along both
 * axes, F(4,3): a tile of 4x4 outputs reads 6x6 inputs and multiplies 36 times, not 144.
 *
 *      forward             Y  = A' [ (G w G') . (B' X B) ] A       . is the product at each point, ' transposes
 *      input gradient      the same with dy for x and w turned by 180 degrees
 *      weight gradient     dw = G' [ (B' X B) . (A dY A') ] G      the adjoint: exactly dY's and w's places exchanged
 *
 *      x --B'xB--> V [36][tile][c] --+                                    A, B, G: evaluation and its inverse, small
 *                                    +-> M = 36 matrix products --A'MA--> y     constant matrices (4x6, 6x6, 6x3)
 *      w --GwG'--> U [36][c][k]    --+
 *
 * A 4x4 kernel with stride 2 is the sum of four 2x2 kernels with stride 1, each over the pixels of one parity (even or
 * odd line, even or odd column). So its V has 4C channels, and F(4,2) with 25 points for 64 products or F(3,2) with 16
 * for 36 do the rest; of its input gradient each parity is a pass of its own. (Such a layer takes 0.55 to 0.75 of the
 * direct method's time, transforms and all.)
 *
 * The sum over channels happens at each point: matrix products in the tile's own terms. Rounding grows, to 1e-5 of the
 * largest output in float. What is left to win is memory: U has four to six times the size of w, M is larger than y,
 * and neither is ever whole. A task owns a panel of k and a block of tiles; it transforms w for a chunk of channels
 * into a piece of U that fits L2 beside its piece of M, multiplies all points of the chunk, goes on to the next, and
 * at the end transforms M into y:
 *
 *      V [chunk][point][tile][channel]     all tasks read it, front to back; written by the round's first phase
 *      U [point][channel][lane]            a task's own: one chunk, one panel (or whole, see below)
 *      M [point][tile][lane]               a task's own: its tiles, one panel
 *
 * (U whole and written to memory cost 1.2 ms for each 3x3 layer of 256 channels, as much as its multiplications.) In
 * the weight gradient dw's sums take the place of M: a task owns a chunk and a panel. Tiles go through in rounds, so
 * that V stays in the outer caches.
 *
 * Where tiles are many and channels few it is V that is large, and written and read for little work. There the places
 * are exchanged: U is made whole, once, and a task owns a block of tiles, whose V never leaves L2, and goes through
 * all panels with it. (VGG's layers of 64 to 256 channels: 20 to 30% less time, StarGAN's first strided layer on one
 * picture 9%; with V of U's size it is a loss.)
 * ------------------------------------------------------------------------------------------ */

enum {
    KN_WINOGRAD_TASKS = 32,             /* of a round's transforms */
    KN_WINOGRAD_PAD = 16,               /* between points: planes whole KB apart would compete for places of L1 */
    KN_WINOGRAD_ROWS = 16,              /* channels of a turned filter that are transformed together */
    KN_WINOGRAD_CHUNK = 2304,           /* points * channels of a chunk: U takes 295 KB with vectors of 64 bytes */
    KN_WINOGRAD_BLOCK = 4800,           /* points * tiles of a block: M takes 614 KB at most */
    KN_WINOGRAD_ROUND = 3 << 19,        /* numbers of V (and Q) in a round: 6 MB */
    KN_WINOGRAD_WHOLE = 3 << 20,        /* numbers of U, of one pass, that is made whole: 12.6 MB at most */
    KN_WINOGRAD_OWN = 1 << 18           /* numbers of V of a task's own: 1 MB */
};

typedef struct KnWinograd {
    ConvShape s;
    ConvKind kind;
    const KnWinogradSize *size;
    int matrix, square;                 /* where the size's matrices begin; its points */
    int in_h, in_w, depth, out_h, out_w, width;     /* from (N, in_h, in_w, depth) to (N, out_h, out_w, width) */
    int in_step, out_step, parities, passes;        /* parities that are summed; those that are passes */
    int chunk, chunks, panels, blocks, rounds;      /* channels of a chunk; chunks of all parities; blocks of a round */
    int tiles, round, block, together;  /* most tiles of a pass, of a round, of a block; passes of a round */
    int whole;                          /* is U made whole, and V a task's own? */
    ptrdiff_t v_plane, q_plane, m_plane, u_plane;   /* from point to point */
    size_t v_size, q_size, u_size, sums_size, own_size;
    int first_pass, first;              /* of the round */
    KnPass pass;                        /* a task's pass, its index, and its tiles */
    int pass_index;
    int tiles_y, tiles_x, count;
    const real *a, *b;
    const ConvEpilogue *e;
    real *out, *zeros, *v, *q, *u, *sums, *own;     /* zeros: a pixel outside; q: A dY A'; sums: of several rounds */
} KnWinograd;

static void kn_winograd_cut(KnWinograd *p)
{
    int lanes = kn_panel_lanes(), sum = p->kind == CONV_WEIGHT_GRAD;
    int pieces_ = kn_ceil_div(p->depth * p->square, KN_WINOGRAD_CHUNK);
    p->chunk = kn_round_up(kn_ceil_div(p->depth, pieces_), 16);
    p->chunks = p->parities * kn_ceil_div(p->depth, p->chunk);
    p->panels = kn_ceil_div(p->width, lanes);
    p->tiles = (int)kn_winograd_tiles(&p->s, p->kind, p->size->outputs);
    p->u_plane = (ptrdiff_t)p->chunk * lanes + KN_WINOGRAD_PAD;
    p->u_size = kn_align(p->square * p->u_plane);
    p->whole = !sum && p->chunks * p->panels * p->u_size <= KN_WINOGRAD_WHOLE && p->tiles >= 2 * p->width;
    int numbers = p->square * p->parities * p->depth;       /* of V, for a tile */
    p->rounds = p->whole ? 1 : kn_ceil_div(p->tiles, kn_max(1, KN_WINOGRAD_ROUND / numbers));
    p->round = kn_ceil_div(p->tiles, p->rounds);
    if (p->whole) {                     /* two tiles' rows suffice, more than three do not stay in L2 with the rest */
        int most = kn_max(1, kn_min(3 * kernels->tile_rows, KN_WINOGRAD_OWN / numbers));
        int enough = kn_min(kn_ceil_div(KN_TASKS, p->passes), kn_ceil_div(p->tiles, 2 * kernels->tile_rows));
        p->blocks = kn_max(kn_ceil_div(p->tiles, most), enough);
    } else                              /* no more than keep all cores busy, for each block transforms w anew */
        p->blocks = kn_max(kn_ceil_div(p->round * p->square, KN_WINOGRAD_BLOCK),
                           kn_min(kn_ceil_div(KN_TASKS / 2, p->panels * p->passes), p->round / 32));
    p->block = kn_ceil_div(p->round, kn_max(1, p->blocks));
    p->blocks = kn_ceil_div(p->round, p->block);
    p->v_plane = (ptrdiff_t)(p->whole ? p->block : p->round) * p->chunk + KN_WINOGRAD_PAD;
    p->q_plane = (ptrdiff_t)p->round * lanes + KN_WINOGRAD_PAD;
    p->m_plane = (ptrdiff_t)(sum ? p->chunk : p->block) * lanes + KN_WINOGRAD_PAD;
    p->v_size = kn_align(p->chunks * p->square * p->v_plane);
    p->together = p->whole ? p->passes : kn_max(1, kn_min(p->passes, (int)(2 * KN_WINOGRAD_ROUND / p->v_size)));
    p->q_size = sum ? kn_align(p->panels * p->square * p->q_plane) : 0;
    p->sums_size = p->rounds > 1 && sum ? kn_align(p->square * p->m_plane) : 0;
    p->own_size = kn_align(p->square * p->m_plane) + (p->whole ? p->v_size : p->u_size) + 16 * KN_WINOGRAD_ROWS * lanes;
}

static KnWinograd kn_winograd_plan(const ConvShape *s, ConvKind kind)
{
    int back = kind == CONV_INPUT_GRAD;
    KnWinograd p = { .s = *s, .kind = kind, .size = kn_winograd_size(s, kind),
                     .in_h = back ? s->ho : s->h, .in_w = back ? s->wo : s->w, .depth = back ? s->k : s->c,
                     .out_h = back ? s->h : s->ho, .out_w = back ? s->w : s->wo, .width = back ? s->c : s->k,
                     .in_step = back ? 1 : s->stride, .out_step = back ? s->stride : 1 };
    p.matrix = (int)(p.size - kn_winograd_sizes) * 5;
    p.square = p.size->points * p.size->points;
    p.parities = p.in_step * p.in_step;
    p.passes = p.out_step * p.out_step;
    kn_winograd_cut(&p);
    return p;
}

static size_t kn_winograd_zeros(const KnWinograd *p) { return kn_align(kn_max(p->depth, p->width)); }

static size_t kn_winograd_scratch(const KnWinograd *p)
{
    size_t shared_ = p->whole ? p->passes * p->chunks * p->panels * p->u_size : p->together * p->v_size;
    return kn_winograd_zeros(p) + shared_ + p->q_size + p->chunks * p->panels * p->sums_size
         + thread_count() * p->own_size;
}

/* What a task has to know: the plan, at work on one of the round's passes. */
static KnWinograd kn_winograd_at(const KnWinograd *plan, int pass)
{
    KnWinograd p = *plan;
    p.pass_index = p.first_pass + pass;
    p.pass = kn_conv_pass(&p.s, p.kind, p.pass_index);
    p.tiles_y = kn_ceil_div(p.pass.rows, p.size->outputs), p.tiles_x = kn_ceil_div(p.pass.cols, p.size->outputs);
    p.count = kn_max(0, kn_min(p.round, p.s.n * p.tiles_y * p.tiles_x - p.first));
    p.v += pass * p.v_size;
    return p;
}

typedef struct KnWinogradTile { int n, y, x; } KnWinogradTile;  /* its corner in the pass's grid of outputs */

static KnWinogradTile kn_winograd_tile(const KnWinograd *p, int tile)
{
    int side = p->size->outputs;
    return (KnWinogradTile){ tile / p->tiles_x / p->tiles_y, tile / p->tiles_x % p->tiles_y * side,
                             tile % p->tiles_x * side };
}

/* The size x size pixels from (y, x) on, `step` apart, of a picture with `depth` channels. */
static void kn_winograd_pixels(const KnWinograd *p, const real *picture, int h, int w, int depth, int y, int x,
                               int step, int size, const real **from)
{
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++) {
            int at_y = y + i * step, at_x = x + j * step, inside = at_y >= 0 && at_y < h && at_x >= 0 && at_x < w;
            from[i * size + j] = inside ? picture + ((size_t)at_y * w + at_x) * depth : p->zeros;
        }
}

/* V of `count` tiles from `first` on. */
static void kn_winograd_input(const KnWinograd *p, int first, int count, real *v)
{
    const real *from[36];
    int each = p->chunks / p->parities;
    for (int i = 0; i < count; i++) {
        KnWinogradTile t = kn_winograd_tile(p, first + i);
        real *to = v + i * p->chunk;
        for (int parity = 0; parity < p->parities; parity++) {
            int y = t.y * p->in_step + p->pass.in_y + parity / p->in_step;
            int x = t.x * p->in_step + p->pass.in_x + parity % p->in_step;
            kn_winograd_pixels(p, p->a + (size_t)t.n * p->in_h * p->in_w * p->depth, p->in_h, p->in_w, p->depth, y, x,
                               p->in_step, p->size->points, from);
            for (int chunk = 0, c0 = 0; chunk < each; chunk++, c0 += p->chunk, to += p->square * p->v_plane)
                kernels->winograd(p->matrix + KN_OF_INPUT, from, c0, to, p->v_plane,
                                  kn_min(p->chunk, p->depth - c0));
        }
    }
}

/* A part of the round's V, and for the weight gradient of Q = A dY A' [panel][point][tile][lane]. */
static void kn_winograd_input_task(void *arg, int index, int worker)
{
    KnWinograd own = kn_winograd_at(arg, index / KN_WINOGRAD_TASKS), *p = &own;
    const real *from[36];
    int lanes = kn_panel_lanes(), part = index % KN_WINOGRAD_TASKS;
    int begin = kn_share(p->count, part, KN_WINOGRAD_TASKS), end = kn_share(p->count, part + 1, KN_WINOGRAD_TASKS);
    (void)worker;
    kn_winograd_input(p, p->first + begin, end - begin, p->v + begin * p->chunk);
    for (int i = begin; i < end && p->kind == CONV_WEIGHT_GRAD; i++) {
        KnWinogradTile t = kn_winograd_tile(p, p->first + i);
        kn_winograd_pixels(p, p->b + (size_t)t.n * p->out_h * p->out_w * p->width, p->out_h, p->out_w, p->width, t.y,
                           t.x, 1, p->size->outputs, from);
        for (int panel = 0; panel < p->panels; panel++)
            kernels->winograd(p->matrix + KN_OF_OUTPUT_GRAD, from, panel * lanes,
                              p->q + panel * p->square * p->q_plane + i * lanes, p->q_plane,
                              kn_min(lanes, p->width - panel * lanes));
    }
}

/* U of a chunk and a panel. For the input gradient the lanes are the filter's second last axis: it is turned first. */
static void kn_winograd_filter(const KnWinograd *p, int chunk, int panel, real *u, real *turned)
{
    const ConvShape *s = &p->s;
    int lanes = kn_panel_lanes(), taps = p->size->taps, each = p->chunks / p->parities;
    int back = p->kind == CONV_INPUT_GRAD;
    int parity = chunk / each, c0 = chunk % each * p->chunk, channels = kn_min(p->chunk, p->depth - c0);
    int k0 = panel * lanes, count = kn_min(lanes, p->width - k0);
    int rest_y = back ? kn_floor_mod(p->pass.out_y + s->pad_y, s->stride) : parity / p->in_step;
    int rest_x = back ? kn_floor_mod(p->pass.out_x + s->pad_x, s->stride) : parity % p->in_step;
    const real *w[9], *from[9];
    for (int i = 0; i < taps * taps; i++) {
        int r = rest_y + (back ? taps - 1 - i / taps : i / taps) * s->stride;
        int q = rest_x + (back ? taps - 1 - i % taps : i % taps) * s->stride;
        w[i] = p->b + ((size_t)(r * s->s + q) * s->c + (back ? k0 : c0)) * s->k + (back ? c0 : k0);
        from[i] = turned + i * KN_WINOGRAD_ROWS * lanes;
    }
    for (int c = 0; c < channels; c += back ? KN_WINOGRAD_ROWS : 1) {
        int rows = kn_min(KN_WINOGRAD_ROWS, channels - c);
        for (int i = 0; i < taps * taps; i++) {
            if (back) kn_pack_lanes(turned + i * KN_WINOGRAD_ROWS * lanes, lanes, w[i] + c, 1, s->k, rows, count);
            for (int l = 0; l < count && !back; l += kernels->lanes)    /* lines of 128 bytes, far from each other */
                __builtin_prefetch(w[i] + (ptrdiff_t)(c + 8) * s->k + l);
        }
        kernels->winograd(p->matrix + KN_OF_FILTER, back ? from : w, back ? 0 : (ptrdiff_t)c * s->k,
                          u + c * lanes, p->u_plane, back ? rows * lanes : count);
    }
}

/* c(row, lane) += sum over terms of a(row, term) b(term, lane), at all points. */
static void kn_winograd_multiply(const KnWinograd *p, KnTile t, int rows, ptrdiff_t a_row, const real *a,
                                 ptrdiff_t a_plane, ptrdiff_t b_plane, real *c)
{
    int lanes = kn_panel_lanes(), tiles = kn_ceil_div(rows, kernels->tile_rows), first = 0;
    const real *row[KN_TILE_ROWS_MAX], *b = t.b;
    t.a = row, t.b_step = lanes, t.ahead = 8 * lanes, t.pictures = t.runs = 1;
    t.next_step = a_row == 1 ? t.a_step : KN_LINE / (ptrdiff_t)sizeof(real);
    for (int m = 0; m < kn_min(rows, kernels->tile_rows); m++)
        row[m] = a + m * a_row;
    for (int point = 0; point < p->square; point++, b += b_plane, c += p->m_plane) {
        t.b = b;
        for (int i = 0; i < tiles; i++, first += t.rows) {
            t.rows = kn_share(rows, i + 1, tiles) - first;
            t.at = point * a_plane + first * a_row;
            t.next = a + (i + 1 < tiles ? t.at + t.rows * a_row : (point + 1) * a_plane);
            t.c = c + first * lanes;
            kernels->tile(&t);
        }
        first = 0;
    }
}

/* M becomes the outputs of `count` tiles from `first` on. */
static void kn_winograd_output(const KnWinograd *p, int panel, int first, int count, const real *m, real *pixels)
{
    int lanes = kn_panel_lanes(), side = p->size->outputs, channels = kn_min(lanes, p->width - panel * lanes);
    const real *from[36];
    for (int point = 0; point < p->square; point++)
        from[point] = m + point * p->m_plane;
    for (int i = 0; i < count; i++) {
        KnWinogradTile t = kn_winograd_tile(p, first + i);
        kernels->winograd(p->matrix + KN_OF_OUTPUT, from, i * lanes, pixels, lanes, channels);
        for (int y = 0; y < kn_min(side, p->pass.rows - t.y); y++) {
            size_t at[4], line = (size_t)t.n * p->out_h + (t.y + y) * p->out_step + p->pass.out_y;
            for (int x = 0; x < side; x++)
                at[x] = (line * p->out_w + (t.x + x) * p->out_step + p->pass.out_x) * p->width;
            kernels->finish(p->e, p->out, at, kn_min(side, p->pass.cols - t.x), panel * lanes, channels,
                            pixels + y * side * lanes, lanes);
        }
    }
}

/* U whole: the pieces one after another, [pass][chunk][panel]. */
static void kn_winograd_filter_task(void *arg, int index, int worker)
{
    const KnWinograd *plan = arg;
    int pieces_ = plan->chunks * plan->panels, piece = index % pieces_;
    KnWinograd p = kn_winograd_at(plan, index / pieces_);
    kn_winograd_filter(&p, piece / p.panels, piece % p.panels, p.u + index * p.u_size, p.own + worker * p.own_size);
}

/* A panel, or with U whole all panels, of a block of tiles. */
static void kn_winograd_task(void *arg, int index, int worker)
{
    const KnWinograd *plan = arg;
    int groups = plan->whole ? 1 : plan->panels, group = index % groups, block = index / groups % plan->blocks;
    KnWinograd at = kn_winograd_at(plan, index / (groups * plan->blocks)), *p = &at;
    int each = p->chunks / p->parities, first = kn_share(p->count, block, p->blocks);
    int count = kn_share(p->count, block + 1, p->blocks) - first;
    real *m = p->own + worker * p->own_size, *own = m + kn_align(p->square * p->m_plane);
    real *rest = own + (p->whole ? p->v_size : p->u_size);
    const real *v = p->whole ? own : p->v + first * p->chunk;
    if (p->whole) kn_winograd_input(p, p->first + first, count, own);
    for (int panel = group; panel < (p->whole ? p->panels : group + 1); panel++) {
        for (int chunk = 0; chunk < p->chunks; chunk++) {
            KnTile t = { .a_step = 1, .b = own, .length = kn_min(p->chunk, p->depth - chunk % each * p->chunk),
                         .width = kn_panel_width(p->width, panel), .accumulate = chunk > 0 };
            if (p->whole) t.b = p->u + ((size_t)(p->pass_index * p->chunks + chunk) * p->panels + panel) * p->u_size;
            else kn_winograd_filter(p, chunk, panel, own, rest);
            kn_winograd_multiply(p, t, count, p->chunk, v + chunk * p->square * p->v_plane, p->v_plane, p->u_plane, m);
        }
        kn_winograd_output(p, panel, p->first + first, count, m, rest);
    }
}

/* Weight gradient: sums over the round's tiles; after the last round they become taps. */
static void kn_winograd_sum_task(void *arg, int index, int worker)
{
    KnWinograd at = kn_winograd_at(arg, 0), *p = &at;
    const ConvShape *s = &p->s;
    int lanes = kn_panel_lanes(), panel = index % p->panels, chunk = index / p->panels, each = p->chunks / p->parities;
    int parity = chunk / each, c0 = chunk % each * p->chunk, channels = kn_min(p->chunk, p->depth - c0);
    int taps = p->size->taps;
    real *own = p->own + worker * p->own_size, *sums = p->sums_size ? p->sums + index * p->sums_size : own;
    real *pixels = own + kn_align(p->square * p->m_plane);
    KnTile t = { .a_step = p->chunk, .b = p->q + panel * p->square * p->q_plane, .length = p->count,
                 .width = kn_panel_width(p->width, panel), .accumulate = p->first > 0 };
    kn_winograd_multiply(p, t, channels, 1, p->v + chunk * p->square * p->v_plane, p->v_plane, p->q_plane, sums);
    const real *from[36];
    for (int point = 0; point < p->square; point++)
        from[point] = sums + point * p->m_plane;
    for (int c = 0; c < channels && p->first + p->count == p->tiles; c++) {
        kernels->winograd(p->matrix + KN_OF_FILTER_GRAD, from, c * lanes, pixels, lanes, lanes);
        size_t to[9];
        for (int i = 0; i < taps * taps; i++) {
            int r = i / taps * s->stride + parity / p->in_step, q = i % taps * s->stride + parity % p->in_step;
            to[i] = ((size_t)(r * s->s + q) * s->c + c0 + c) * s->k;
        }
        kernels->finish(p->e, p->out, to, taps * taps, panel * lanes, kn_min(lanes, p->width - panel * lanes), pixels,
                        lanes);
    }
}

static void kn_winograd_run(KnWinograd *p, real *scratch)
{
    int sum = p->kind == CONV_WEIGHT_GRAD;
    int tasks = sum ? p->panels * p->chunks : p->whole ? p->blocks : p->panels * p->blocks;
    p->zeros = scratch;
    p->v = p->u = p->zeros + kn_winograd_zeros(p);
    p->q = p->v + (p->whole ? p->passes * p->chunks * p->panels * p->u_size : p->together * p->v_size);
    p->sums = p->q + p->q_size;
    p->own = p->sums + p->chunks * p->panels * p->sums_size;
    memset(p->zeros, 0, kn_winograd_zeros(p) * sizeof(real));
    if (p->whole) parallel(p->passes * p->chunks * p->panels, kn_winograd_filter_task, p);
    for (p->first_pass = 0; p->first_pass < p->passes; p->first_pass += p->together)
        for (p->first = 0; p->first < p->tiles; p->first += p->round) {
            int passes = kn_min(p->together, p->passes - p->first_pass);
            if (!p->whole) parallel(KN_WINOGRAD_TASKS * passes, kn_winograd_input_task, p);
            parallel(tasks * passes, sum ? kn_winograd_sum_task : kn_winograd_task, p);
        }
}

/* --------------------------------------------------------------------------------------------
 * 11  What a program calls
 * ------------------------------------------------------------------------------------------ */

KERNELS_API int conv_takes_table(const ConvShape *s)
{
    int keeps_size = s->stride == 1 && s->r == s->s && s->r % 2 && s->pad_y == s->r / 2 && s->pad_x == s->r / 2;
    return keeps_size && s->r > 1 && s->h >= s->r && s->w >= s->r && kn_conv_method(s, CONV_FORWARD) == KN_BY_PANELS;
}

KERNELS_API int conv_filter_layout(const ConvShape *s, ConvKind kind)
{
    KnMethod method = kn_conv_method(s, kind);
    if (kind == CONV_WEIGHT_GRAD || (method != KN_BY_PANELS && method != KN_BY_DOT)) return 0;
    return kind == CONV_FORWARD ? (int)method : (int)method + 16 * s->stride;
}

KERNELS_API size_t conv_filter_size(const ConvShape *s, ConvKind kind)
{
    KnMethod method = kn_conv_method(s, kind);
    if (!conv_filter_layout(s, kind)) return 0;
    size_t points = (size_t)s->r * s->s, depth = kind == CONV_FORWARD ? s->c : s->k;
    int width = kind == CONV_FORWARD ? s->k : s->c;
    return points * depth * (method == KN_BY_DOT ? width : kn_round_up(width, kernels->lanes));
}

KERNELS_API void conv_filter_prepare(const ConvShape *s, ConvKind kind, const real *w, real *prepared)
{
    if (conv_filter_layout(s, kind)) kn_band_prepare(s, kind, w, prepared);
}

KERNELS_API size_t conv_scratch_bytes(const ConvShape *s, ConvKind kind)
{
    switch (kn_conv_method(s, kind)) {
    case KN_BY_CHANNEL:
        return thread_count() * kn_depthwise_own(s) * sizeof(real);
    case KN_BY_WINOGRAD: {
        KnWinograd p = kn_winograd_plan(s, kind);
        return kn_winograd_scratch(&p) * sizeof(real);
    }
    case KN_BY_SUMS: {
        KnSumPlan p = kn_sum_plan(s);
        return kn_sum_scratch(&p) * sizeof(real);
    }
    case KN_BY_PIXELS: {
        KnPixelPlan p = kn_pixel_plan(s);
        return kn_pixel_scratch(&p) * sizeof(real);
    }
    default: {
        KnBandPlan p = kn_band_plan(s, kind);
        return kn_band_scratch(&p) * sizeof(real);
    }
    }
}

KERNELS_API size_t conv_pair_scratch_bytes(const ConvShape *first, const ConvShape *s)
{
    KnBandPlan p = kn_pair_plan(first, s);
    return kn_band_scratch(&p) * sizeof(real);
}

KERNELS_API void conv_pair_run(const ConvShape *first, const ConvShape *s, const real *x, const real *w_first,
                               const real *prepared, const ConvEpilogue *e_first, const ConvEpilogue *e, real *out,
                               void *scratch)
{
    KnDepthwise d = { .s = *first, .kind = CONV_FORWARD, .a = x, .b = w_first, .e = e_first };
    KnBandPlan p = kn_pair_plan(first, s);
    p.fill_job = &d, p.filter = prepared, p.e = e, p.out = out;
    kn_band_run(&p, scratch);
}

KERNELS_API void conv_run(const ConvShape *s, ConvKind kind, const real *a, const real *b, const ConvEpilogue *e,
                          real *out, void *scratch)
{
    switch (kn_conv_method(s, kind)) {
    case KN_BY_CHANNEL: {
        KnDepthwise d = { .s = *s, .kind = kind, .a = a, .b = b, .e = e, .out = out };
        kn_depthwise_run(&d, scratch);
        break;
    }
    case KN_BY_WINOGRAD: {
        KnWinograd p = kn_winograd_plan(s, kind);
        p.a = a, p.b = b, p.e = e, p.out = out;
        kn_winograd_run(&p, scratch);
        break;
    }
    case KN_BY_SUMS: {
        KnSumPlan p = kn_sum_plan(s);
        p.a = p.swapped ? b : a, p.b = p.swapped ? a : b, p.e = e, p.out = out;
        kn_sum_run(&p, scratch);
        break;
    }
    case KN_BY_PIXELS: {
        KnPixelPlan p = kn_pixel_plan(s);
        p.grad = a, p.w = b, p.e = e, p.out = out;
        kn_pixel_run(&p, scratch);
        break;
    }
    default: {
        KnBandPlan p = kn_band_plan(s, kind);
        p.in = a, p.filter = b, p.e = e, p.out = out;
        kn_band_run(&p, scratch);
    }
    }
}

KERNELS_API double conv_operations(const ConvShape *s)
{
    return 2.0 * s->n * s->ho * s->wo * s->k * s->r * s->s * (s->groups == 1 ? s->c : 1);
}

KERNELS_API void conv_text(const ConvShape *s, ConvKind kind, const ConvShape *first, int method, char *text,
                           size_t size)
{
    int outputs, taps;
    char by[32] = "", behind[48] = "";
    if (method && conv_winograd(s, kind, &outputs, &taps) > 0) snprintf(by, sizeof by, " F(%d,%d)", outputs, taps);
    if (first) snprintf(behind, sizeof behind, " behind depthwise %dx%d", first->r, first->s);
    snprintf(text, size, "%dx%d s%d %d->%d from %dx%d%s%s", s->r, s->s, s->stride, s->c, s->k, s->h, s->w, by, behind);
}

KERNELS_API double conv_winograd(const ConvShape *s, ConvKind kind, int *outputs, int *taps)
{
    const KnWinogradSize *size = kn_winograd_size(s, kind);
    if (!size) return 0;
    *outputs = size->outputs, *taps = size->taps;
    double points = (double)size->points * size->points * s->stride * s->stride;
    return points * (double)kn_winograd_tiles(s, kind, size->outputs) * s->c * s->k;
}

KERNELS_API double kernels_peak(real own[KERNELS_PEAK_NUMBERS])
{
    enum { TERMS = 96, REPEAT = 400, B = KN_TILE_ROWS_MAX * TERMS, C = B + 2 * KN_LANES_MAX * TERMS };
    const real *a[KN_TILE_ROWS_MAX];
    for (int i = 0; i < kernels->tile_rows; i++) a[i] = own + i * TERMS;
    KnTile t = { .a = a, .a_step = 1, .b = own + B, .b_step = kn_panel_lanes(), .pictures = 1, .runs = 1,
                 .length = TERMS, .rows = kernels->tile_rows, .width = 2, .c = own + C };
    for (int i = 0; i < REPEAT; i++) kernels->tile(&t);
    return 2.0 * REPEAT * TERMS * kernels->tile_rows * kn_panel_lanes();
}

enum { KN_PEAK_COPY = 1 << 23, KN_PEAK_PIECE = 1 << 14 };

static void kn_peak_task(void *numbers, int index, int worker)
{
    (void)index;
    kernels_peak((real *)numbers + (size_t)worker * KERNELS_PEAK_NUMBERS);
}

static void kn_copy_task(void *numbers, int index, int worker)
{
    (void)worker;
    real *from = (real *)numbers + (size_t)index * KN_PEAK_PIECE;
    kernels->pointwise(POINTWISE_affine, from, NULL, 1, 0, from + KN_PEAK_COPY, KN_PEAK_PIECE);
}

static double kn_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The least time of the tasks. */
static double kn_best_of_ten(int tasks, ParallelTask *task, real *numbers)
{
    double best = INFINITY;
    for (int i = 0; i < 10; i++) {
        double start = kn_seconds();
        parallel(tasks, task, numbers);
        best = fmin(best, kn_seconds() - start);
    }
    return best;
}

KERNELS_API size_t kernels_peaks_numbers(void)
{
    return 2 * (size_t)KN_PEAK_COPY + (size_t)KERNELS_PEAK_NUMBERS * (size_t)thread_count();
}

KERNELS_API void kernels_peaks(real *numbers, double *operations, double *bytes)
{
    int tasks = 2 * thread_count();
    memset(numbers, 0, kernels_peaks_numbers() * sizeof *numbers);
    double a_task = kernels_peak(numbers);
    *operations = tasks * a_task / kn_best_of_ten(tasks, kn_peak_task, numbers + 2 * (size_t)KN_PEAK_COPY);
    *bytes = 2.0 * KN_PEAK_COPY * sizeof(real) / kn_best_of_ten(KN_PEAK_COPY / KN_PEAK_PIECE, kn_copy_task, numbers);
}
#endif
