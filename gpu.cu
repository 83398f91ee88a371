/* gpu.cu: the rows of facegan's table on a GPU.
 *
 * facegan.c says what every op means and computes it on the CPU; this file, the only one in CUDA, gives each row a second
 * kernel. It is optional (`make gpu`), needs nothing but the CUDA runtime, and touches the program at one place: the
 * Device at its end, through which a planned graph is made ready, run, timed and forgotten. A row of FACEGAN_OPS without
 * a launcher here does not compile.
 *
 * CONTENTS
 *    1  the machine: memory, launches, and the few words of machine code        5  instance norm
 *    2  pointwise ops                                                           6  the other rows
 *    3  sums                                                                    7  optimisers, one kernel for all
 *    4  convolution: one kernel for the three gradients of one form             8  a graph, made ready and run
 *
 * How a GPU computes, in five lines. A kernel is a function that thousands of threads run at once; a thread knows its
 * number. Threads come in warps of 32 that take each step together (a warp's 32 loads of neighbouring numbers are one
 * request), warps in blocks that share a small fast memory and can wait for each other, blocks in a grid, in no order.
 * Memory is far: a number fetched must be used often or at once, and many fetches must be under way at any time.
 *
 * Results do not depend on chance: no sum is taken in the order in which threads happen to arrive (no atomics), and how
 * a sum is split depends on shapes, and on nothing else about the card than how much shared memory a block may have.
 *
 * The letters for dimensions are facegan.h's. Numbers in memory are float; `real` is float here. */
#define FACEGAN_INTERNAL
#include "facegan.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(real) == 4, "gpu.cu computes in float: facegan64 has no GPU part");

/* ================================================================================================
 * 1  THE MACHINE
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 1.1  Words that C++ has not
 *
 * Everything that is not plain CUDA C++ stands here: how a kernel is launched, copies that run on while the threads
 * compute, a warp's exchange of registers, and the tensor cores. tests/cuda_on_cpu.h says the same words in plain C++,
 * so that every kernel of this file can be run, one thread after another, on a machine without a GPU: the part between
 * #else and #endif is all that such a test does not see.
 * ---------------------------------------------------------------------------------------------- */
#ifdef CUDA_ON_CPU
#include "tests/cuda_on_cpu.h"
#else
#include <cuda_runtime.h>

#define LAUNCH_KERNEL(kernel, blocks, threads, shared, stream, ...) kernel<<<blocks, threads, shared, stream>>>(__VA_ARGS__)
#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) float name[]

/* Fetches `count` (1 or 4) numbers into shared memory in the background; zeros where not `valid`. Before sm_80: at once. */
template <int count> static __device__ inline void copy_async(float *to, const float *from, bool valid)
{
#if __CUDA_ARCH__ >= 800
    unsigned address = (unsigned)__cvta_generic_to_shared(to);
    int bytes = valid ? 4 * count : 0;
    if (count == 4)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(address), "l"(from), "r"(bytes) : "memory");
    else asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" : : "r"(address), "l"(from), "r"(bytes) : "memory");
#else
    for (int i = 0; i < count; i++) to[i] = valid ? from[i] : 0;
#endif
}

/* Ends a group of such copies; waits until at most `still_running` groups are under way. */
static __device__ inline void copies_commit()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

template <int still_running> static __device__ inline void copies_wait()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" : : "n"(still_running) : "memory");
#endif
}

/* The value that the lane with this number xor `mask` holds. */
static __device__ inline float from_lane_xor(float value, int mask)
{
    return __shfl_xor_sync(0xffffffffu, value, mask);
}

/* A number as the tensor cores take it: 10 bits of mantissa, rounded to nearest; and two with 7 bits in one word. */
static __device__ inline uint32_t to_tf32(float x)
{
    uint32_t bits = 0;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
#endif
    return bits;
}

static __device__ inline uint32_t to_bf16_pair(float low, float high)
{
    uint32_t bits = 0;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
#endif
    return bits;
}

/* sum += a b for a whole warp: a is 16 x 8 (tf32) or 16 x 16 (bf16), b 8 or 16 x 8, the sum 16 x 8; section 4.2 says
 * which lane holds what. */
template <Precision precision>
static __device__ inline void tensor_core(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
{
#if __CUDA_ARCH__ >= 800
    if (precision == PRECISION_TF32)
        asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    else
        asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

/* Every a with every b. */
template <Precision precision, int rows, int columns>
static __device__ inline void tensor_cores(float (&sum)[rows][columns][4], const uint32_t (&a)[rows][4],
                                           const uint32_t (&b)[columns][2])
{
#pragma unroll
    for (int i = 0; i < rows; i++)
#pragma unroll
        for (int k = 0; k < columns; k++) tensor_core<precision>(sum[i][k], a[i], b[k]);
}
#endif

/* ------------------------------------------------------------------------------------------------
 * 1.2  One GPU, one stream
 *
 * Everything is launched into one stream, so kernels run one after another, and all graphs share one arena and one
 * scratch memory. A graph is first gone through once `measuring`: launchers then only say how much scratch memory they
 * will want and which tensors they will write.
 * ---------------------------------------------------------------------------------------------- */

typedef struct Block { char *memory; size_t bytes; } Block;

static struct Machine {
    bool open, measuring;
    int device, capability;             /* compute capability, 80 for 8.0 */
    size_t shared_most;                 /* bytes of shared memory that a block may have */
    Precision precision;
    bool everywhere;                    /* also for convolutions too small to gain from it (verify) */
    int tile_wanted;                    /* FACEGAN_TILE, for tests: one tile for all convolutions; -1: by shape */
    char name[FACEGAN_ERROR];
    cudaStream_t stream;
    Block arena, scratch;
    size_t scratch_used, scratch_wanted;        /* by the node at hand; by the hungriest node of the graph */
    Tensor **written;                   /* while measuring: what the graph's nodes write */
    int n_written;
    size_t taken;                       /* bytes in use on the GPU */
    unsigned generation;                /* grows when arena or scratch move: graphs captured before are stale */
    char error[FACEGAN_ERROR];          /* the first thing that went wrong; empty: nothing */
} machine;

/* Notes a failure of the CUDA runtime with what was being done. */
static bool went_well(cudaError_t status, const char *doing)
{
    if (status != cudaSuccess && !machine.error[0])
        snprintf(machine.error, sizeof machine.error, "the GPU failed while %s: %s", doing, cudaGetErrorString(status));
    return status == cudaSuccess;
}

/* Hands the first failure, if there was one, to who asked. */
static int report(char *error)
{
    if (!machine.error[0]) return 1;
    snprintf(error, FACEGAN_ERROR, "%s", machine.error);
    machine.error[0] = 0;
    cudaGetLastError();
    return 0;
}

static void *take_memory(size_t bytes, const char *what)
{
    void *memory = NULL;
    size_t available = 0, total = 0;
    if (machine.error[0] || cudaMalloc(&memory, bytes) == cudaSuccess) {
        machine.taken += memory ? bytes : 0;
        return memory;
    }
    cudaGetLastError();
    cudaMemGetInfo(&available, &total);
    snprintf(machine.error, sizeof machine.error,
             "the GPU has not the memory for %s: %zu MB wanted, %zu of %zu MB are free; try a smaller --batch, --size or "
             "--width, or --device cpu", what, (bytes >> 20) + 1, available >> 20, total >> 20);
    return NULL;
}

static void give_memory(void *memory, size_t bytes)
{
    if (!memory) return;
    cudaFree(memory);
    machine.taken -= bytes;
}

/* Makes a block at least so large; what it held is lost when it grows. */
static bool block_reserve(Block *block, size_t bytes, const char *what)
{
    if (bytes <= block->bytes) return true;
    give_memory(block->memory, block->bytes);
    block->memory = (char *)take_memory(bytes, what);
    block->bytes = block->memory ? bytes : 0;
    machine.generation++;
    return block->memory != NULL;
}

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

/* Memory for the node that is being launched. */
static float *scratch(size_t count)
{
    size_t at = machine.scratch_used;
    machine.scratch_used += round_up(count * sizeof(float), 256);
    if (machine.scratch_used > machine.scratch_wanted) machine.scratch_wanted = machine.scratch_used;
    return machine.measuring ? NULL : (float *)(void *)(machine.scratch.memory + at);
}

/* Says that the node at hand writes this leaf's tensor, which therefore stays on the GPU. */
static void writes(Node *leaf)
{
    if (!machine.measuring) return;
    leaf->tensor->stays = 1;
    machine.written[machine.n_written++] = leaf->tensor;
}

/* Launches; while `measuring`, only has the kernel's code loaded, which the runtime otherwise does when a kernel is first
 * launched: too late, if a run is being recorded. */
#define LAUNCH(kernel, blocks, threads, shared, ...) \
    do { \
        cudaFuncAttributes attributes_; \
        if (machine.measuring) went_well(cudaFuncGetAttributes(&attributes_, kernel), "loading " #kernel); \
        if (machine.measuring || machine.error[0]) break; \
        LAUNCH_KERNEL(kernel, blocks, threads, shared, machine.stream, __VA_ARGS__); \
        went_well(cudaGetLastError(), "launching " #kernel); \
    } while (0)

/* ------------------------------------------------------------------------------------------------
 * 1.3  Threads and numbers
 * ---------------------------------------------------------------------------------------------- */

enum { THREADS = 256, BLOCKS_MOST = 4096, LANES = 32, WARPS = THREADS / LANES };

static size_t count_of(const Node *y)
{
    const int *d = y->shape.d;
    return (size_t)d[0] * (size_t)d[1] * (size_t)d[2] * (size_t)d[3];
}

static size_t pieces(size_t count, size_t piece)
{
    return (count + piece - 1) / piece;
}

/* Blocks of THREADS for so many items; where there are more, a thread takes several, a grid apart. */
static unsigned blocks_for(size_t items)
{
    size_t blocks = pieces(items, THREADS);
    return (unsigned)(blocks < BLOCKS_MOST ? blocks : (size_t)BLOCKS_MOST);
}

/* Kernels that give a warp's lanes 32 neighbouring columns, and a block a chunk of what stands below them, count their
 * blocks in the grid's first dimension, columns first: it takes 2^31, the others 65,535. */
typedef struct Stripe { int group, chunk; } Stripe;

static unsigned stripes(size_t columns, int chunks)
{
    return (unsigned)(pieces(columns, LANES) * (size_t)chunks);
}

static __device__ inline Stripe stripe_of(int columns)
{
    unsigned groups = ((unsigned)columns + LANES - 1) / LANES;
    Stripe stripe = {(int)(blockIdx.x % groups), (int)(blockIdx.x / groups)};
    return stripe;
}

/* No value has more than 2^31 numbers (8.2 sees to it), and a GPU divides 32 bits several times as fast as 64. */
#define FOR_EACH(i, items) \
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < (items); i += gridDim.x * blockDim.x)

/* `width` (1 or 4) neighbouring numbers at once: 4 are one request of 16 bytes, at an address divisible by 16. */
template <int width> static __device__ inline void load(float (&v)[width], const float *from)
{
    if (width == 4) {
        float4 four = *(const float4 *)from;
        v[0] = four.x, v[width > 1] = four.y, v[width > 2 ? 2 : 0] = four.z, v[width > 3 ? 3 : 0] = four.w;
    } else v[0] = *from;
}

template <int width> static __device__ inline void store(float *to, const float (&v)[width])
{
    if (width == 4) *(float4 *)to = make_float4(v[0], v[width > 1], v[width > 2 ? 2 : 0], v[width > 3 ? 3 : 0]);
    else *to = v[0];
}

/* May all of these be read by fours? NULL may. */
static bool by_fours(const void *a, const void *b, const void *c)
{
    return ((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) % 16 == 0;
}

static const float *data_or_null(const Node *node)
{
    return node ? node->on_device : NULL;
}

/* The sum over a warp, in a fixed tree, known to every lane. */
static __device__ inline float warp_sum(float value)
{
    for (int mask = LANES / 2; mask; mask /= 2) value += from_lane_xor(value, mask);
    return value;
}

/* Division by a number that is known beforehand, as a multiplication: n / d = n m >> shift with m = 2^shift / d rounded
 * up, exact for 0 <= n < 2^31. */
typedef struct Divider { unsigned divisor, multiplier; int shift; } Divider;

static Divider divider(int divisor)
{
    Divider d = {(unsigned)divisor, 0, 31};
    while (1ull << (d.shift - 31) < d.divisor) d.shift++;
    d.multiplier = (unsigned)(((1ull << d.shift) + d.divisor - 1) / d.divisor);
    return d;
}

static __device__ inline int divide(int n, const Divider &d)
{
    return (int)((unsigned long long)(unsigned)n * d.multiplier >> d.shift);
}

/* ================================================================================================
 * 2  POINTWISE OPS
 *
 * y_i from u_i and v_i: nothing but memory traffic, four numbers a thread and request.
 * ============================================================================================== */

template <Op op> static __device__ inline float pointwise(float x, float v, float a, float b)
{
    switch (op) {
    case OP_add:        return x + v;
    case OP_sub:        return x - v;
    case OP_mul:        return x * v;
    case OP_affine:     return a * x + b;
    case OP_square:     return x * x;
    case OP_sqrt:       return sqrtf(x);
    case OP_reciprocal: return x != 0 ? 1 / x : 0;
    case OP_exp:        return expf(x);
    case OP_log:        return logf(x);
    case OP_sin:        return sinf(x);
    case OP_tanh:       return tanhf(x);
    case OP_sigmoid:    return 1 / (1 + expf(-x));
    case OP_softplus:   return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));
    case OP_abs:        return fabsf(x);
    case OP_sign:       return (float)((x > 0) - (x < 0));
    case OP_leaky_relu: return x > 0 ? x : a * x;
    case OP_leaky_mask: return v > 0 ? x : a * x;
    default:            return x;
    }
}

template <Op op, int width>
static __global__ void pointwise_kernel(const float *u, const float *v, float a, float b, float *y, size_t count)
{
    FOR_EACH(i, count / width) {
        float x[width], w[width] = {0}, result[width];
        load<width>(x, u + i * width);
        if (v) load<width>(w, v + i * width);
        for (int k = 0; k < width; k++) result[k] = pointwise<op>(x[k], w[k], a, b);
        store<width>(y + i * width, result);
    }
}

template <Op op> static void pointwise_gpu(Node *y)
{
    const float *u = y->in[0]->on_device, *v = data_or_null(y->in[1]);
    size_t count = count_of(y);
    float a = (float)y->a, b = (float)y->b;
    if (count % 4 == 0 && by_fours(u, v, y->on_device))
        LAUNCH((pointwise_kernel<op, 4>), blocks_for(count / 4), THREADS, 0, u, v, a, b, y->on_device, count);
    else LAUNCH((pointwise_kernel<op, 1>), blocks_for(count), THREADS, 0, u, v, a, b, y->on_device, count);
}

#define POINTWISE(name) static void name##_gpu(Node *y) { pointwise_gpu<OP_##name>(y); }
POINTWISE(add) POINTWISE(sub) POINTWISE(mul) POINTWISE(affine) POINTWISE(square) POINTWISE(sqrt) POINTWISE(reciprocal)
POINTWISE(exp) POINTWISE(log) POINTWISE(sin) POINTWISE(tanh) POINTWISE(sigmoid) POINTWISE(softplus) POINTWISE(abs)
POINTWISE(sign) POINTWISE(leaky_relu) POINTWISE(leaky_mask)

static __global__ void prelu_kernel(const float *x, const float *slope, int channels, float *y, size_t count)
{
    FOR_EACH(i, count) y[i] = x[i] > 0 ? x[i] : slope[i % channels] * x[i];
}

static void prelu_gpu(Node *y)
{
    LAUNCH(prelu_kernel, blocks_for(count_of(y)), THREADS, 0, y->in[0]->on_device, y->in[1]->on_device, y->shape.d[3],
           y->on_device, count_of(y));
}

/* ================================================================================================
 * 3  SUMS
 *
 * Any set of summed axes, with neighbours of a kind merged, is keep-sum-keep-sum-keep (as in facegan.c, 3.4):
 *
 *     out[k0][k2][k4] = sum over r1, r3 of x[k0][r1][k2][r3][k4]
 *
 * A pass cuts the terms into chunks and gives every chunk of every result to a team of threads; what the teams found is
 * a smaller sum of the same form, k0 = k2 = r3 = 1, r1 = chunks. So passes follow each other until there is one chunk.
 * Neighbouring threads should read neighbouring numbers: where the last axis is kept and long, a warp's lanes take
 * 32 results and the block's 8 warps share the terms; otherwise the lanes take the terms.
 * ============================================================================================== */

typedef struct Sum {
    const float *x;
    float *out;                         /* (chunks, kept) */
    int k0, r1, k2, r3, k4;
    int kept, terms, chunk, chunks;     /* results; terms of each; terms a team takes; teams a result */
} Sum;

static __device__ inline float sum_term(const Sum &s, int kept, int term)
{
    int k4 = kept % s.k4, k2 = kept / s.k4 % s.k2, k0 = kept / s.k4 / s.k2;
    int r1 = term / s.r3, r3 = term - r1 * s.r3;
    return s.x[((((size_t)k0 * s.r1 + r1) * s.k2 + k2) * s.r3 + r3) * s.k4 + k4];
}

/* Lane l of the block's warps has result 32 group + l, warp w the terms w, w + 8, ... of the block's chunk. */
static __global__ void sum_columns_kernel(Sum s)
{
    __shared__ float part[WARPS][LANES];
    Stripe stripe = stripe_of(s.kept);
    int lane = threadIdx.x % LANES, warp = threadIdx.x / LANES, kept = stripe.group * LANES + lane;
    int first = stripe.chunk * s.chunk, last = min(first + s.chunk, s.terms);
    float total = 0;
    if (kept < s.kept)
        for (int t = first + warp; t < last; t += WARPS) total += sum_term(s, kept, t);
    part[warp][lane] = total;
    __syncthreads();
    if (warp || kept >= s.kept) return;
    for (int w = 1; w < WARPS; w++) total += part[w][lane];
    s.out[(size_t)stripe.chunk * s.kept + kept] = total;
}

/* A warp (team of 32) or the whole block (256) for one chunk of one result. */
template <int team> static __global__ void sum_terms_kernel(Sum s)
{
    __shared__ float part[WARPS];
    int lane = threadIdx.x % team;
    size_t task = (size_t)blockIdx.x * (THREADS / team) + threadIdx.x / team;
    int kept = (int)(task % s.kept), chunk = (int)(task / s.kept), first = chunk * s.chunk, last = min(first + s.chunk, s.terms);
    float total = 0;
    if (chunk < s.chunks)
        for (int t = first + lane; t < last; t += team) total += sum_term(s, kept, t);
    total = warp_sum(total);
    if (team == THREADS) {
        if (threadIdx.x % LANES == 0) part[threadIdx.x / LANES] = total;
        __syncthreads();
        total = 0;
        for (int w = 0; w < WARPS; w++) total += part[w];
    }
    if (lane == 0 && chunk < s.chunks) s.out[task] = total;
}

static void sum_pass(Sum s, float *out)
{
    s.kept = s.k0 * s.k2 * s.k4, s.terms = s.r1 * s.r3;
    bool columns = s.k4 >= LANES / 2, long_terms = s.terms > 1024;
    s.chunk = columns ? 32 * WARPS : long_terms ? 32 * THREADS : 32 * LANES;
    s.chunks = (int)pieces((size_t)s.terms, (size_t)s.chunk);
    s.out = s.chunks == 1 ? out : scratch((size_t)s.chunks * (size_t)s.kept);
    size_t tasks = (size_t)s.chunks * (size_t)s.kept;
    if (columns) LAUNCH(sum_columns_kernel, stripes(s.kept, s.chunks), THREADS, 0, s);
    else if (long_terms) LAUNCH(sum_terms_kernel<THREADS>, (unsigned)tasks, THREADS, 0, s);
    else LAUNCH(sum_terms_kernel<LANES>, (unsigned)pieces(tasks, WARPS), THREADS, 0, s);
    if (s.chunks == 1) return;
    Sum rest = {};
    rest.x = s.out, rest.k0 = rest.k2 = rest.r3 = 1, rest.r1 = s.chunks, rest.k4 = s.kept;
    sum_pass(rest, out);
}

static void sum_gpu(Node *y)
{
    int part[5] = {1, 1, 1, 1, 1}, slot = 0;
    for (int i = 0; i < AXES; i++) {
        int length = y->in[0]->shape.d[i], summed = y->shape.d[i] == 1 && length > 1;
        if (length == 1) continue;
        if (slot % 2 != summed) slot++;
        part[slot] *= length;
    }
    Sum s = {};
    s.x = y->in[0]->on_device, s.k0 = part[0], s.r1 = part[1], s.k2 = part[2], s.r3 = part[3], s.k4 = part[4];
    sum_pass(s, y->on_device);
}

/* ================================================================================================
 * 4  CONVOLUTION
 *
 *   y(n,p,q,k) = sum over r,s,c of x(n, p*stride + r - pad_y, q*stride + s - pad_x, c) w(r,s,c,k)
 *
 * The three gradients of T(x,w,g) = <conv(x,w), g> are one matrix product each, whose left factor is never written down
 * but gathered from a map (implicit GEMM). They differ in what rows, columns and terms are:
 *
 *      kind             rows                  columns            terms of the sum     gathered map    dense factor
 *      forward          output pixels         output channels    (r, s, c)            x               w
 *      input gradient   input pixels          input channels     (r, s, k)            dy              w
 *      weight gradient  (r, s, c)             output channels    (n, p, q)            x               dy
 *
 * A block computes a tile of the result, 128 x 128 for large layers. Its four warps own a quarter each, in registers:
 *
 *                        columns                      STAGES slices of 16 terms are in shared memory at a time: while
 *                    <---- 128 ---->                  one is multiplied, the next ones are on their way from memory
 *              ^    +-------+-------+                 (copy_async), so that its distance is hidden. Each number of a
 *              |    | warp 0| warp 1|                 slice is used 128 times, and by a warp 64 times for each time
 *         rows 128  +-------+-------+                 that it is read from shared memory.
 *              |    | warp 2| warp 3|
 *              v    +-------+-------+                 slices:  [ i+3 ] copying  [ i+2 ]  [ i+1 ]  [ i ] multiplying
 *
 * An input gradient with stride 2 falls into four classes of input pixels, by whether row and column are odd or even:
 * a class sees only every other row and column of the filter, and within a class all is a convolution with stride 1.
 * Where the result has few tiles, the terms are split among blocks, and a second kernel adds the parts in order.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 4.1  What happens to a raw result, and the geometry
 * ---------------------------------------------------------------------------------------------- */

/* facegan.c's Epilogue: v, at index i and channel k, becomes v + plus[i] + bias[k], then leaky, then masked. */
typedef struct Finish {
    const float *plus, *bias, *mask;    /* or NULL */
    float slope, mask_slope;
} Finish;

enum { BIAS = 2, MASK, PLUS };          /* operand slots, as in facegan.c's 4.8 */

static Finish finish_of(const Node *y)
{
    Finish f = {data_or_null(y->in[PLUS]), data_or_null(y->in[BIAS]), data_or_null(y->in[MASK]), (float)y->a, (float)y->b};
    return f;
}

static __device__ inline float finished(const Finish &f, float v, size_t i, int channel)
{
    if (f.plus) v += f.plus[i];
    if (f.bias) v += f.bias[channel];
    v = v > 0 ? v : f.slope * v;
    return f.mask && !(f.mask[i] > 0) ? f.mask_slope * v : v;
}

typedef enum Pass { FORWARD, INPUT_GRAD, WEIGHT_GRAD } Pass;

enum { TERMS = 16, STAGES = 4, CONV_THREADS = 128, OUTSIDE = -30000 };

typedef struct ConvJob {
    ConvShape s;
    const float *map, *dense;           /* the gathered factor (N, map_h, map_w, channels) and the other */
    float *out;                         /* the result, or the parts: (splits, count) */
    Finish finish;
    int map_h, map_w, channels;
    int columns, splits;
    size_t count;                       /* numbers of the result */
    Divider by_channels;
    bool map_by_fours, dense_by_fours, pairs;   /* may map and dense be read, the result be written, by vectors? */
} ConvJob;

/* What a class of an input gradient is (stride 1, forward and weight gradient: all there is). Pixel (n,p,q) of the grid
 * sees the map from (p*scale + from_y, q*scale + from_x) on, a tap further by `step` rows or columns. */
typedef struct Grid {
    int pixels_y, pixels_x, pixels;     /* pixels: of all pictures */
    int scale, from_y, from_x, step;
    int taps_y, taps_x;
    int first_r, first_s;               /* of the filter, tap (0,0); taps are `stride` apart there */
    int odd_y, odd_x;                   /* the class: h % stride, w % stride */
} Grid;

template <Pass pass> static __device__ inline Grid grid_of(const ConvShape &s, int which)
{
    Grid g = {s.ho, s.wo, s.n * s.ho * s.wo, s.stride, -s.pad_y, -s.pad_x, 1, s.r, s.s, 0, 0, 0, 0};
    if (pass != INPUT_GRAD) return g;
    g.odd_y = which / s.stride, g.odd_x = which % s.stride;
    g.pixels_y = (s.h - g.odd_y + s.stride - 1) / s.stride, g.pixels_x = (s.w - g.odd_x + s.stride - 1) / s.stride;
    g.pixels = s.n * g.pixels_y * g.pixels_x;
    g.first_r = (g.odd_y + s.pad_y) % s.stride, g.first_s = (g.odd_x + s.pad_x) % s.stride;
    g.taps_y = s.r > g.first_r ? (s.r - g.first_r + s.stride - 1) / s.stride : 0;
    g.taps_x = s.s > g.first_s ? (s.s - g.first_s + s.stride - 1) / s.stride : 0;
    g.scale = 1, g.step = -1;
    g.from_y = (g.odd_y + s.pad_y - g.first_r) / s.stride, g.from_x = (g.odd_x + s.pad_x - g.first_s) / s.stride;
    return g;
}

/* Where a pixel of the grid sees the map: the index of its first number there, were nothing outside, and row, column. */
typedef struct Place { int at; short y, x; } Place;

static __device__ inline Place place_of(const ConvJob &job, const Grid &g, int pixel)
{
    Place place = {0, OUTSIDE, OUTSIDE};
    if (pixel >= g.pixels) return place;
    int line = pixel / g.pixels_x, n = line / g.pixels_y;
    int y = (line - n * g.pixels_y) * g.scale + g.from_y, x = (pixel - line * g.pixels_x) * g.scale + g.from_x;
    place.at = ((n * job.map_h + y) * job.map_w + x) * job.channels;
    place.y = (short)y, place.x = (short)x;
    return place;
}

/* How far a tap and channel are from a place. A tap that does not exist lies outside. */
typedef struct Reach { int offset, y, x; } Reach;

static __device__ inline Reach reach_of(const ConvJob &job, const Grid &g, int index, int indices)
{
    Reach reach = {0, OUTSIDE, OUTSIDE};
    if (index >= indices) return reach;
    int tap = divide(index, job.by_channels), channel = index - tap * job.channels, row = tap / g.taps_x;
    reach.y = g.step * row, reach.x = g.step * (tap - row * g.taps_x);
    reach.offset = (reach.y * job.map_w + reach.x) * job.channels + channel;
    return reach;
}

template <int width>
static __device__ inline void gather(const ConvJob &job, const Place &place, const Reach &reach, float *to)
{
    int y = place.y + reach.y, x = place.x + reach.x;
    bool inside = (unsigned)y < (unsigned)job.map_h && (unsigned)x < (unsigned)job.map_w;
    copy_async<width>(to, inside ? job.map + (place.at + reach.offset) : job.map, inside);
}

/* ------------------------------------------------------------------------------------------------
 * 4.2  A slice in shared memory, and its product
 *
 * The factor whose terms are neighbours in memory keeps them so, [row][term], else it is [term][row]: a slice is copied
 * as it comes. Rows are a little longer than they need be, so that a warp's 32 reads, 8 rows by 4 terms, fall into the
 * 32 banks of shared memory.
 *
 * The tensor cores take a 16 x 8 piece of a and an 8 x 8 piece of b (tf32; twice the terms in bf16, two in a word). With
 * g = lane / 4 and t = lane % 4 a lane holds
 *
 *      a:  (g, t) (g+8, t) (g, t+4) (g+8, t+4)      b:  (t, g) (t+4, g)      sum:  (g, 2t) (g, 2t+1) (g+8, 2t) (g+8, 2t+1)
 *
 * where in bf16 t stands for the pair of terms 2t, 2t+1, and t+4 for 2t+8, 2t+9. Plain fp32 keeps the same sums and
 * multiplies them out, term by term.
 * ---------------------------------------------------------------------------------------------- */

template <Pass pass_, Precision precision_, int rows_, int columns_, int warp_rows_, int warp_columns_> struct Tile {
    static const Pass pass = pass_;
    static const Precision precision = precision_;
    static const int rows = rows_, columns = columns_, warp_rows = warp_rows_, warp_columns = warp_columns_;
    static const int row_parts = warp_rows / 16, column_parts = warp_columns / 8;      /* a warp's pieces of 16 x 8 */
    static const bool a_by_term = pass == WEIGHT_GRAD, b_by_term = pass != INPUT_GRAD; /* is it [term][row]? */
    static const int along = TERMS + (precision == PRECISION_BF16 ? 8 : 4), across = precision == PRECISION_BF16 ? 4 : 8;
    static const int a_pitch = a_by_term ? rows + across : along, b_pitch = b_by_term ? columns + across : along;
    static const int a_size = a_by_term ? TERMS * a_pitch : rows * a_pitch;
    static const int b_size = b_by_term ? TERMS * b_pitch : columns * b_pitch;
    static const int places = pass == WEIGHT_GRAD ? 2 * TERMS : rows;
    static const int shared_bytes = STAGES * (a_size + b_size) * (int)sizeof(float) + places * (int)sizeof(Place);
};

template <class T> static __device__ inline float a_at(const float *a, int row, int term)
{
    return a[T::a_by_term ? term * T::a_pitch + row : row * T::a_pitch + term];
}

template <class T> static __device__ inline float b_at(const float *b, int term, int column)
{
    return b[T::b_by_term ? term * T::b_pitch + column : column * T::b_pitch + term];
}

template <class T>
static __device__ inline void multiply_plain(float (&sum)[T::row_parts][T::column_parts][4], const float *a, const float *b)
{
    int g = threadIdx.x % LANES / 4, t = threadIdx.x % 4;
    for (int term = 0; term < TERMS; term++) {
        float u[T::row_parts][2], v[T::column_parts][2];
#pragma unroll
        for (int i = 0; i < T::row_parts; i++)
#pragma unroll
            for (int h = 0; h < 2; h++) u[i][h] = a_at<T>(a, 16 * i + g + 8 * h, term);
#pragma unroll
        for (int k = 0; k < T::column_parts; k++)
#pragma unroll
            for (int h = 0; h < 2; h++) v[k][h] = b_at<T>(b, term, 8 * k + 2 * t + h);
#pragma unroll
        for (int i = 0; i < T::row_parts; i++)
#pragma unroll
            for (int k = 0; k < T::column_parts; k++)
#pragma unroll
                for (int h = 0; h < 4; h++) sum[i][k][h] += u[i][h / 2] * v[k][h % 2];
    }
}

/* The word that holds term t of a piece (tf32), or its terms 2t and 2t+1 (bf16). */
template <class T> static __device__ inline uint32_t a_word(const float *a, int row, int t)
{
    if (T::precision == PRECISION_TF32) return to_tf32(a_at<T>(a, row, t));
    return to_bf16_pair(a_at<T>(a, row, 2 * t), a_at<T>(a, row, 2 * t + 1));
}

template <class T> static __device__ inline uint32_t b_word(const float *b, int t, int column)
{
    if (T::precision == PRECISION_TF32) return to_tf32(b_at<T>(b, t, column));
    return to_bf16_pair(b_at<T>(b, 2 * t, column), b_at<T>(b, 2 * t + 1, column));
}

/* sum += a b over a slice; a and b begin at the warp's first row and column. */
template <class T>
static __device__ inline void multiply(float (&sum)[T::row_parts][T::column_parts][4], const float *a, const float *b)
{
    if (T::precision == PRECISION_FP32) { multiply_plain<T>(sum, a, b); return; }
    int g = threadIdx.x % LANES / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int from = 0; from < (T::precision == PRECISION_BF16 ? TERMS / 2 : TERMS); from += 8) {
        uint32_t u[T::row_parts][4], v[T::column_parts][2];
#pragma unroll
        for (int i = 0; i < T::row_parts; i++)
#pragma unroll
            for (int h = 0; h < 4; h++) u[i][h] = a_word<T>(a, 16 * i + g + 8 * (h % 2), from + t + 4 * (h / 2));
#pragma unroll
        for (int k = 0; k < T::column_parts; k++)
#pragma unroll
            for (int h = 0; h < 2; h++) v[k][h] = b_word<T>(b, from + t + 4 * h, 8 * k + g);
        tensor_cores<T::precision>(sum, u, v);
    }
}

/* ------------------------------------------------------------------------------------------------
 * 4.3  Copying a slice
 *
 * 128 threads copy vectors of `width` numbers. A thread's vectors lie below each other, so that what is common to them
 * (the tap and channel, or the column) is worked out once a slice.
 * ---------------------------------------------------------------------------------------------- */

/* [row][term]: the terms are taps and channels, the rows pixels whose places stand in shared memory. */
template <class T, int width>
static __device__ inline void gather_by_row(const ConvJob &job, const Grid &g, const Place *places, int term, int terms, float *a)
{
    const int vectors = TERMS / width;
    int column = (int)threadIdx.x % vectors * width;
    Reach reach = reach_of(job, g, term + column, terms);
    for (int row = (int)threadIdx.x / vectors; row < T::rows; row += CONV_THREADS / vectors)
        gather<width>(job, places[row], reach, a + row * T::a_pitch + column);
}

/* [term][row]: the terms are pixels, the rows taps and channels. */
template <class T, int width>
static __device__ inline void gather_by_term(const ConvJob &job, const Place *places, const Reach &reach, float *a)
{
    const int vectors = T::rows / width;
    int column = (int)threadIdx.x % vectors * width;
    for (int row = (int)threadIdx.x / vectors; row < TERMS; row += CONV_THREADS / vectors)
        gather<width>(job, places[row], reach, a + row * T::a_pitch + column);
}

/* [term][column] of a matrix (terms, columns). */
template <class T, int width>
static __device__ inline void copy_by_term(const ConvJob &job, int term, int terms, int first_column, float *b)
{
    const int vectors = T::columns / width;
    int at = (int)threadIdx.x % vectors * width, column = first_column + at;
    for (int row = (int)threadIdx.x / vectors; row < TERMS; row += CONV_THREADS / vectors) {
        bool inside = term + row < terms && column < job.columns;
        copy_async<width>(b + row * T::b_pitch + at,
                          inside ? job.dense + ((size_t)(term + row) * job.columns + column) : job.dense, inside);
    }
}

/* [column][term] of the filter (R,S,C,K), for an input gradient: columns are c, terms (tap, k). */
template <class T, int width>
static __device__ inline void copy_by_column(const ConvJob &job, const Grid &g, int term, int terms, int first_column, float *b)
{
    const int vectors = TERMS / width;
    int at = (int)threadIdx.x % vectors * width, index = term + at, tap = 0, channel = 0, filter_tap = 0;
    if (index < terms) {
        tap = divide(index, job.by_channels), channel = index - tap * job.channels;
        int row = tap / g.taps_x, r = g.first_r + row * job.s.stride, s = g.first_s + (tap - row * g.taps_x) * job.s.stride;
        filter_tap = r * job.s.s + s;
    }
    for (int row = (int)threadIdx.x / vectors; row < T::columns; row += CONV_THREADS / vectors) {
        int column = first_column + row;
        bool inside = index < terms && column < job.columns;
        size_t from = ((size_t)filter_tap * job.columns + column) * job.channels + channel;
        copy_async<width>(b + row * T::b_pitch + at, inside ? job.dense + from : job.dense, inside);
    }
}

/* What a block knows of its tile while it walks along the terms. */
typedef struct Walk {
    Grid grid;
    int rows, terms;                    /* of the whole product */
    int first_row, first_column;        /* of the tile */
    int slice, last_slice;              /* the next slice to copy; behind the last */
    Reach reach;                        /* weight gradient: of the thread's row */
} Walk;

/* Weight gradient: writes the places of a slice's pixels, a slice before they are used; two slices have room. */
template <class T> static __device__ inline void write_places(const ConvJob &job, const Walk &w, int slice, Place *places)
{
    int i = threadIdx.x;
    if (i < TERMS) places[slice % 2 * TERMS + i] = place_of(job, w.grid, slice * TERMS + i);
}

/* Begins to copy slice w.slice, if there is one, into its stage. */
template <class T> static __device__ inline void copy_slice(const ConvJob &job, Walk &w, const Place *places, float *stages)
{
    if (w.slice < w.last_slice) {
        float *a = stages + w.slice % STAGES * (T::a_size + T::b_size), *b = a + T::a_size;
        int term = w.slice * TERMS;
        if (T::pass != WEIGHT_GRAD) {
            if (job.map_by_fours) gather_by_row<T, 4>(job, w.grid, places, term, w.terms, a);
            else gather_by_row<T, 1>(job, w.grid, places, term, w.terms, a);
        } else {
            const Place *of_slice = places + w.slice % 2 * TERMS;
            if (job.map_by_fours) gather_by_term<T, 4>(job, of_slice, w.reach, a);
            else gather_by_term<T, 1>(job, of_slice, w.reach, a);
        }
        if (T::pass == INPUT_GRAD) {
            if (job.dense_by_fours) copy_by_column<T, 4>(job, w.grid, term, w.terms, w.first_column, b);
            else copy_by_column<T, 1>(job, w.grid, term, w.terms, w.first_column, b);
        } else {
            if (job.dense_by_fours) copy_by_term<T, 4>(job, term, w.terms, w.first_column, b);
            else copy_by_term<T, 1>(job, term, w.terms, w.first_column, b);
        }
    }
    copies_commit();
    w.slice++;
}

/* ------------------------------------------------------------------------------------------------
 * 4.4  The kernel
 * ---------------------------------------------------------------------------------------------- */

/* Which tile, which class of pixels and which share of the terms is this block's? */
template <class T> static __device__ inline Walk walk_of(const ConvJob &job)
{
    int which = blockIdx.y / job.splits, split = blockIdx.y % job.splits;
    int column_tiles = (job.columns + T::columns - 1) / T::columns;
    Walk w;
    w.grid = grid_of<T::pass>(job.s, which);
    int taps = w.grid.taps_y * w.grid.taps_x * job.channels;
    w.rows = T::pass == WEIGHT_GRAD ? taps : w.grid.pixels;
    w.terms = T::pass == WEIGHT_GRAD ? w.grid.pixels : taps;
    w.first_row = (int)(blockIdx.x / column_tiles) * T::rows, w.first_column = (int)(blockIdx.x % column_tiles) * T::columns;
    int slices = (w.terms + TERMS - 1) / TERMS, share = (slices + job.splits - 1) / job.splits;
    w.slice = min(split * share, slices), w.last_slice = min(w.slice + share, slices);
    int width = job.map_by_fours ? 4 : 1;
    w.reach = reach_of(job, w.grid, w.first_row + (int)threadIdx.x % (T::rows / width) * width, taps);
    return w;
}

/* Where row `row` of the result begins in memory. */
template <Pass pass> static __device__ inline size_t row_start(const ConvJob &job, const Grid &g, int row)
{
    if (pass != INPUT_GRAD) return (size_t)row * job.columns;
    int line = row / g.pixels_x, n = line / g.pixels_y, p = line - n * g.pixels_y, q = row - line * g.pixels_x;
    int h = p * job.s.stride + g.odd_y, w = q * job.s.stride + g.odd_x;
    return (((size_t)n * job.s.h + h) * job.s.w + w) * job.columns;
}

/* Writes two neighbours of a row, finished unless they are only a part of the sum. */
static __device__ inline void write_pair(const ConvJob &job, size_t start, int column, float first, float second)
{
    size_t i = start + column;
    bool two = column + 1 < job.columns;
    float *out = job.out + i;
    if (job.splits > 1) out += blockIdx.y % job.splits * job.count;
    else {
        first = finished(job.finish, first, i, column);
        if (two) second = finished(job.finish, second, i + 1, column + 1);
    }
    if (job.pairs) *(float2 *)out = make_float2(first, second);
    else {
        out[0] = first;
        if (two) out[1] = second;
    }
}

template <class T>
static __global__ void __launch_bounds__(CONV_THREADS, T::rows * T::columns > 8192 ? 2 : 3) conv_kernel(ConvJob job)
{
    DYNAMIC_SHARED(stages);                                                     /* STAGES of a and b, then the places */
    Place *places = (Place *)(void *)(stages + STAGES * (T::a_size + T::b_size));
    Walk w = walk_of<T>(job);
    if (w.first_row >= w.rows) return;                                          /* a class with fewer pixels than the first */
    int first_slice = w.slice, warp = threadIdx.x / LANES, warps_across = T::columns / T::warp_columns;
    int warp_row = warp / warps_across * T::warp_rows, warp_column = warp % warps_across * T::warp_columns;
    float sum[T::row_parts][T::column_parts][4] = {};
    if (T::pass != WEIGHT_GRAD)
        for (int i = threadIdx.x; i < T::rows; i += CONV_THREADS) places[i] = place_of(job, w.grid, w.first_row + i);
    for (int i = 0; i < STAGES - 1; i++) {
        if (T::pass == WEIGHT_GRAD) write_places<T>(job, w, w.slice, places);
        __syncthreads();
        copy_slice<T>(job, w, places, stages);
    }
    if (T::pass == WEIGHT_GRAD) write_places<T>(job, w, w.slice, places);
    for (int slice = first_slice; slice < w.last_slice; slice++) {
        copies_wait<STAGES - 2>();
        __syncthreads();                                                        /* slice is here; slice - 1 is used up */
        copy_slice<T>(job, w, places, stages);
        if (T::pass == WEIGHT_GRAD) write_places<T>(job, w, w.slice, places);
        const float *a = stages + slice % STAGES * (T::a_size + T::b_size), *b = a + T::a_size;
        multiply<T>(sum, a + warp_row * (T::a_by_term ? 1 : T::a_pitch), b + warp_column * (T::b_by_term ? 1 : T::b_pitch));
    }
    int g = threadIdx.x % LANES / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < T::row_parts; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int row = w.first_row + warp_row + 16 * i + g + 8 * half;
            if (row >= w.rows) continue;
            size_t start = row_start<T::pass>(job, w.grid, row);
#pragma unroll
            for (int k = 0; k < T::column_parts; k++) {
                int column = w.first_column + warp_column + 8 * k + 2 * t;
                if (column < job.columns) write_pair(job, start, column, sum[i][k][2 * half], sum[i][k][2 * half + 1]);
            }
        }
}

/* Adds the parts of a split sum, in order, and finishes it. */
static __global__ void conv_finish_kernel(const float *parts, int splits, size_t count, int channels, Finish finish, float *out)
{
    FOR_EACH(i, count) {
        float v = 0;
        for (int s = 0; s < splits; s++) v += parts[s * count + i];
        out[i] = finished(finish, v, i, (int)(i % channels));
    }
}

/* ------------------------------------------------------------------------------------------------
 * 4.5  Depthwise: every channel its own filter, no reuse to win; a thread computes a number
 * ---------------------------------------------------------------------------------------------- */

static __global__ void depthwise_forward_kernel(ConvShape s, const float *x, const float *w, Finish finish, float *y, size_t count)
{
    FOR_EACH(i, count) {
        int c = (int)(i % s.c), q = (int)(i / s.c % s.wo), p = (int)(i / s.c / s.wo % s.ho), n = (int)(i / s.c / s.wo / s.ho);
        float v = 0;
        for (int r = 0; r < s.r; r++)
            for (int t = 0; t < s.s; t++) {
                int h = p * s.stride + r - s.pad_y, e = q * s.stride + t - s.pad_x;
                if (h < 0 || h >= s.h || e < 0 || e >= s.w) continue;
                v += x[(((size_t)n * s.h + h) * s.w + e) * s.c + c] * w[(r * s.s + t) * s.c + c];
            }
        y[i] = finished(finish, v, i, c);
    }
}

static __global__ void depthwise_input_kernel(ConvShape s, const float *dy, const float *w, Finish finish, float *dx, size_t count)
{
    FOR_EACH(i, count) {
        int c = (int)(i % s.c), e = (int)(i / s.c % s.w), h = (int)(i / s.c / s.w % s.h), n = (int)(i / s.c / s.w / s.h);
        float v = 0;
        for (int r = 0; r < s.r; r++)
            for (int t = 0; t < s.s; t++) {
                int up = h + s.pad_y - r, left = e + s.pad_x - t, p = up / s.stride, q = left / s.stride;
                if (up < 0 || left < 0 || up % s.stride || left % s.stride || p >= s.ho || q >= s.wo) continue;
                v += dy[(((size_t)n * s.ho + p) * s.wo + q) * s.c + c] * w[(r * s.s + t) * s.c + c];
            }
        dx[i] = finished(finish, v, i, c);
    }
}

/* Lanes are channels; a block's 8 warps share the pixels of share blockIdx.z for tap blockIdx.y: parts (splits,R,S,C). */
static __global__ void depthwise_weight_kernel(ConvShape s, const float *x, const float *dy, int share, float *parts)
{
    __shared__ float part[WARPS][LANES];
    int lane = threadIdx.x % LANES, warp = threadIdx.x / LANES, c = blockIdx.x * LANES + lane;
    int r = blockIdx.y / s.s, t = blockIdx.y % s.s, first = blockIdx.z * share, last = min(first + share, s.n * s.ho * s.wo);
    float v = 0;
    for (int pixel = first + warp; pixel < last && c < s.c; pixel += WARPS) {
        int q = pixel % s.wo, p = pixel / s.wo % s.ho, n = pixel / s.wo / s.ho;
        int h = p * s.stride + r - s.pad_y, e = q * s.stride + t - s.pad_x;
        if (h < 0 || h >= s.h || e < 0 || e >= s.w) continue;
        v += x[(((size_t)n * s.h + h) * s.w + e) * s.c + c] * dy[(size_t)pixel * s.c + c];
    }
    part[warp][lane] = v;
    __syncthreads();
    if (warp || c >= s.c) return;
    for (int k = 1; k < WARPS; k++) v += part[k][lane];
    parts[((size_t)blockIdx.z * s.r * s.s + blockIdx.y) * s.c + c] = v;
}

static void depthwise_weight(const Node *y)
{
    const ConvShape &s = y->conv;
    int pixels = s.n * s.ho * s.wo, share = 64 * WARPS, splits = (int)pieces(pixels, share);
    float *parts = scratch(splits * count_of(y));
    dim3 blocks((unsigned)pieces(s.c, LANES), s.r * s.s, splits);
    LAUNCH(depthwise_weight_kernel, blocks, THREADS, 0, s, y->in[0]->on_device, y->in[1]->on_device, share, parts);
    LAUNCH(conv_finish_kernel, blocks_for(count_of(y)), THREADS, 0, parts, splits, count_of(y), s.k, finish_of(y),
           y->on_device);
}

/* ------------------------------------------------------------------------------------------------
 * 4.6  Which tile, how many splits
 * ---------------------------------------------------------------------------------------------- */

typedef void ConvKernel(ConvJob job);
typedef struct ConvChoice { ConvKernel *kernel; int rows, columns, shared_bytes; } ConvChoice;

enum { BIG, TALL, SMALL, NARROW, TILES, BLOCKS_WANTED = 264, SLICES_A_SPLIT = 8, SPLITS_MOST = 64 };

#define PLAIN_BELOW 1e8                 /* operations: fewer are done in fp32 */

#define CHOICE(pass, precision, ...) \
    { conv_kernel<Tile<pass, precision, __VA_ARGS__>>, Tile<pass, precision, __VA_ARGS__>::rows, \
      Tile<pass, precision, __VA_ARGS__>::columns, Tile<pass, precision, __VA_ARGS__>::shared_bytes }
#define CHOICES(pass, precision) \
    { CHOICE(pass, precision, 128, 128, 64, 64), CHOICE(pass, precision, 128, 64, 64, 32), \
      CHOICE(pass, precision, 64, 64, 32, 32), CHOICE(pass, precision, 128, 16, 32, 16) }
#define PRECISIONS_OF(pass) \
    { CHOICES(pass, PRECISION_FP32), CHOICES(pass, PRECISION_TF32), CHOICES(pass, PRECISION_BF16) }

static const ConvChoice conv_choices[3][PRECISIONS][TILES] = {PRECISIONS_OF(FORWARD), PRECISIONS_OF(INPUT_GRAD),
                                                              PRECISIONS_OF(WEIGHT_GRAD)};

/* The largest product among the classes: (rows, columns, terms). */
typedef struct Product { int rows, columns, terms, classes; } Product;

static Product product_of(const ConvShape &s, Pass pass)
{
    int stride = s.stride, pixels = s.n * s.ho * s.wo;
    Product forward = {pixels, s.k, s.r * s.s * s.c, 1}, weight = {s.r * s.s * s.c, s.k, pixels, 1};
    Product input = {s.n * ((s.h + stride - 1) / stride) * ((s.w + stride - 1) / stride), s.c,
                     ((s.r + stride - 1) / stride) * ((s.s + stride - 1) / stride) * s.k, stride * stride};
    return pass == FORWARD ? forward : pass == INPUT_GRAD ? input : weight;
}

static int tiles_of(const Product &p, const ConvChoice &choice)
{
    return (int)(pieces(p.rows, choice.rows) * pieces(p.columns, choice.columns)) * p.classes;
}

/* A small convolution is over in microseconds in any precision: it keeps all its digits. */
static Precision precision_for(const Product &p)
{
    double operations = 2.0 * p.rows * p.columns * p.terms * p.classes;
    return machine.everywhere || operations >= PLAIN_BELOW ? machine.precision : PRECISION_FP32;
}

/* By shape, and by how much shared memory the card gives a block: a tile of which splitting makes enough blocks. */
static const ConvChoice *choose_tile(const Product &p, Pass pass)
{
    const ConvChoice *choices = conv_choices[pass][precision_for(p)];
    int splits = (int)pieces(p.terms, SLICES_A_SPLIT * TERMS);
    int tile = p.columns <= choices[NARROW].columns ? NARROW : p.rows <= choices[SMALL].rows ? SMALL : p.columns <= choices[TALL].columns ? TALL : BIG;
    if (machine.tile_wanted >= 0) tile = machine.tile_wanted;
    else if (tile == BIG && tiles_of(p, choices[BIG]) * (splits < SPLITS_MOST ? splits : SPLITS_MOST) < BLOCKS_WANTED / 2) tile = SMALL;
    while (tile < SMALL && (size_t)choices[tile].shared_bytes > machine.shared_most) tile++;
    return &choices[tile];
}

static int choose_splits(const Product &p, const ConvChoice &choice)
{
    int splits = BLOCKS_WANTED / tiles_of(p, choice), most = (int)pieces(p.terms, SLICES_A_SPLIT * TERMS);
    if (splits > most) splits = most;
    return splits < 1 ? 1 : splits > SPLITS_MOST ? SPLITS_MOST : splits;
}

static ConvJob conv_job(const Node *y, Pass pass, const Product &p)
{
    const ConvShape &s = y->conv;
    ConvJob job = {};
    job.s = s, job.finish = finish_of(y), job.out = y->on_device, job.count = count_of(y), job.columns = p.columns;
    job.map = y->in[0]->on_device, job.dense = y->in[1]->on_device;
    bool of_y = pass == INPUT_GRAD;
    job.map_h = of_y ? s.ho : s.h, job.map_w = of_y ? s.wo : s.w, job.channels = of_y ? s.k : s.c;
    job.by_channels = divider(job.channels);
    int dense_row = pass == INPUT_GRAD ? s.k : p.columns;
    job.map_by_fours = job.channels % 4 == 0 && by_fours(job.map, NULL, NULL);
    job.dense_by_fours = dense_row % 4 == 0 && by_fours(job.dense, NULL, NULL);
    job.pairs = p.columns % 2 == 0 && (uintptr_t)job.out % 8 == 0;
    return job;
}

static void conv_gpu(Node *y, Pass pass)
{
    Product p = product_of(y->conv, pass);
    const ConvChoice *choice = choose_tile(p, pass);
    ConvJob job = conv_job(y, pass, p);
    job.splits = choose_splits(p, *choice);
    if (job.splits > 1) job.out = scratch(job.splits * job.count);
    if (machine.measuring)
        went_well(cudaFuncSetAttribute(choice->kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, choice->shared_bytes),
                  "asking for shared memory");
    dim3 blocks((unsigned)(tiles_of(p, *choice) / p.classes), p.classes * job.splits);
    LAUNCH(choice->kernel, blocks, CONV_THREADS, choice->shared_bytes, job);
    if (job.splits > 1)
        LAUNCH(conv_finish_kernel, blocks_for(job.count), THREADS, 0, job.out, job.splits, job.count, p.columns, job.finish,
               y->on_device);
}

static void conv2d_gpu(Node *y)
{
    if (y->conv.groups == 1) conv_gpu(y, FORWARD);
    else LAUNCH(depthwise_forward_kernel, blocks_for(count_of(y)), THREADS, 0, y->conv, y->in[0]->on_device,
                y->in[1]->on_device, finish_of(y), y->on_device, count_of(y));
}

static void conv2d_input_grad_gpu(Node *y)
{
    if (y->conv.groups == 1) conv_gpu(y, INPUT_GRAD);
    else LAUNCH(depthwise_input_kernel, blocks_for(count_of(y)), THREADS, 0, y->conv, y->in[0]->on_device,
                y->in[1]->on_device, finish_of(y), y->on_device, count_of(y));
}

static void conv2d_weight_grad_gpu(Node *y)
{
    if (y->conv.groups == 1) conv_gpu(y, WEIGHT_GRAD);
    else depthwise_weight(y);
}

static void prepare_filter_gpu(Node *y)
{
    (void)y;                            /* never planned on a GPU: its kernels read filters as they are */
}

/* ================================================================================================
 * 5  INSTANCE NORM                                                                    (facegan.c, 3.9)
 *
 * Both reductions, of x for its moments and of dy for its gradients, go over H and W for each picture and channel. A
 * block of 8 warps takes 32 channels (the lanes) and a chunk of 256 pixels of one picture, 32 a thread, held in
 * registers: the chunk's mean, then the sum of squares around it, from one reading. The chunks are joined by
 *
 *     mean = sum m_i mean_i / M          M variance = sum ( squares_i + m_i (mean_i - mean)^2 )    (Chan et al. 1979)
 * ============================================================================================== */

enum { PIXELS_A_THREAD = 32, CHUNK = PIXELS_A_THREAD * WARPS };

/* The sum over the block's warps, for each lane; known to all. */
static __device__ inline float sum_over_warps(float value, float part[WARPS][LANES])
{
    __syncthreads();
    part[threadIdx.x / LANES][threadIdx.x % LANES] = value;
    __syncthreads();
    float total = 0;
    for (int w = 0; w < WARPS; w++) total += part[w][threadIdx.x % LANES];
    return total;
}

/* Block (stripe, picture): chunks' mean and squares, (N, chunks, 2, C). */
static __global__ void moments_chunk_kernel(const float *x, int pixels, int chunks, int channels, float *parts)
{
    __shared__ float part[WARPS][LANES];
    Stripe stripe = stripe_of(channels);
    int c = stripe.group * LANES + threadIdx.x % LANES, first = stripe.chunk * CHUNK + threadIdx.x / LANES;
    int here = min(CHUNK, pixels - stripe.chunk * CHUNK);
    float v[PIXELS_A_THREAD], total = 0, squares = 0;
#pragma unroll
    for (int i = 0; i < PIXELS_A_THREAD; i++) {
        int pixel = first + i * WARPS;
        v[i] = pixel < pixels && c < channels ? x[((size_t)blockIdx.y * pixels + pixel) * channels + c] : 0;
        total += v[i];
    }
    float mean = sum_over_warps(total, part) / here;
#pragma unroll
    for (int i = 0; i < PIXELS_A_THREAD; i++) {
        float d = first + i * WARPS < pixels ? v[i] - mean : 0;
        squares += d * d;
    }
    squares = sum_over_warps(squares, part);
    if (threadIdx.x >= LANES || c >= channels) return;
    float *out = parts + ((size_t)blockIdx.y * chunks + stripe.chunk) * 2 * channels + c;
    out[0] = mean, out[channels] = squares;
}

/* Block (channels / 32, picture): joins the chunks to mean and 1/sqrt(variance + eps), (N,2,C). */
static __global__ void moments_join_kernel(const float *parts, int pixels, int chunks, int channels, float epsilon, float *out)
{
    __shared__ float part[WARPS][LANES];
    int c = blockIdx.x * LANES + threadIdx.x % LANES, warp = threadIdx.x / LANES;
    const float *of_picture = parts + (size_t)blockIdx.y * chunks * 2 * channels + c;
    float total = 0, squares = 0;
    for (int i = warp; i < chunks && c < channels; i += WARPS)
        total += min(CHUNK, pixels - i * CHUNK) * of_picture[(size_t)i * 2 * channels];
    float mean = sum_over_warps(total, part) / pixels;
    for (int i = warp; i < chunks && c < channels; i += WARPS) {
        float d = of_picture[(size_t)i * 2 * channels] - mean;
        squares += of_picture[((size_t)i * 2 + 1) * channels] + min(CHUNK, pixels - i * CHUNK) * d * d;
    }
    squares = sum_over_warps(squares, part);
    if (warp || c >= channels) return;
    out[(size_t)blockIdx.y * 2 * channels + c] = mean;
    out[((size_t)blockIdx.y * 2 + 1) * channels + c] = 1 / sqrtf(squares / pixels + epsilon);
}

static void moments_gpu(Node *y)
{
    const int *d = y->in[0]->shape.d;
    int pixels = d[1] * d[2], chunks = (int)pieces(pixels, CHUNK), groups = (int)pieces(d[3], LANES);
    float *parts = scratch((size_t)d[0] * chunks * 2 * d[3]);
    LAUNCH(moments_chunk_kernel, dim3(stripes(d[3], chunks), d[0]), THREADS, 0, y->in[0]->on_device, pixels, chunks, d[3], parts);
    LAUNCH(moments_join_kernel, dim3(groups, d[0]), THREADS, 0, parts, pixels, chunks, d[3], (float)y->a, y->on_device);
}

/* What the elementwise kernels need of a picture's channel c. */
typedef struct NormJob {
    const float *dy, *x, *moments, *scale, *shift, *residual, *sums;
    float slope, *out;
    int pixels, channels;
} NormJob;

static NormJob norm_job(const Node *y, const Node *x, int first)    /* operands moments, scale, shift from `first` on */
{
    NormJob j = {};
    j.x = x->on_device, j.moments = y->in[first]->on_device, j.scale = y->in[first + 1]->on_device;
    j.shift = y->in[first + 2]->on_device, j.slope = (float)y->a, j.out = y->on_device;
    j.pixels = x->shape.d[1] * x->shape.d[2], j.channels = x->shape.d[3];
    return j;
}

/* Picture blockIdx.y; a thread takes `width` neighbouring channels of a pixel. */
template <int width> static __global__ void instance_norm_kernel(NormJob j)
{
    size_t picture = (size_t)j.pixels * j.channels, start = blockIdx.y * picture;
    const float *mean = j.moments + (size_t)blockIdx.y * 2 * j.channels, *inverse_std = mean + j.channels;
    FOR_EACH(i, picture / width) {
        int c = (int)(i * width % j.channels);
        size_t at = start + i * width;
        float x[width], residual[width] = {0}, y[width];
        load<width>(x, j.x + at);
        if (j.residual) load<width>(residual, j.residual + at);
        for (int k = 0; k < width; k++) {
            float v = (x[k] - mean[c + k]) * inverse_std[c + k] * j.scale[c + k] + j.shift[c + k] + residual[k];
            y[k] = v > 0 ? v : j.slope * v;
        }
        store<width>(j.out + at, y);
    }
}

static void instance_norm_gpu(Node *y)
{
    NormJob j = norm_job(y, y->in[0], 1);
    j.residual = data_or_null(y->in[4]);
    size_t picture = (size_t)j.pixels * j.channels;
    if (j.channels % 4 == 0 && by_fours(j.x, j.residual, j.out))
        LAUNCH(instance_norm_kernel<4>, dim3(blocks_for(picture / 4), y->shape.d[0]), THREADS, 0, j);
    else LAUNCH(instance_norm_kernel<1>, dim3(blocks_for(picture), y->shape.d[0]), THREADS, 0, j);
}

/* The cotangent d behind the activation; h becomes the normalised x. */
static __device__ inline float norm_cotangent(const NormJob &j, const float *mean, int c, float dy, float x, float *h)
{
    *h = (x - mean[c]) * mean[j.channels + c];
    return *h * j.scale[c] + j.shift[c] > 0 ? dy : j.slope * dy;
}

/* Block (stripe, picture): sum d and sum d h of a chunk, (N, chunks, 2, C). */
static __global__ void norm_sums_kernel(NormJob j, int chunks)
{
    __shared__ float part[WARPS][LANES];
    Stripe stripe = stripe_of(j.channels);
    int c = stripe.group * LANES + threadIdx.x % LANES, first = stripe.chunk * CHUNK + threadIdx.x / LANES;
    int last = min((stripe.chunk + 1) * CHUNK, j.pixels);
    const float *mean = j.moments + (size_t)blockIdx.y * 2 * j.channels;
    float total = 0, products = 0;
    for (int pixel = first; pixel < last && c < j.channels; pixel += WARPS) {
        size_t i = ((size_t)blockIdx.y * j.pixels + pixel) * j.channels + c;
        float h, d = norm_cotangent(j, mean, c, j.dy[i], j.x[i], &h);
        total += d, products += d * h;
    }
    total = sum_over_warps(total, part), products = sum_over_warps(products, part);
    if (threadIdx.x >= LANES || c >= j.channels) return;
    float *out = j.out + ((size_t)blockIdx.y * chunks + stripe.chunk) * 2 * j.channels + c;
    out[0] = total, out[j.channels] = products;
}

static void instance_norm_sums_gpu(Node *y)
{
    NormJob j = norm_job(y, y->in[1], 2);
    int n = y->shape.d[0], chunks = (int)pieces(j.pixels, CHUNK);
    j.dy = y->in[0]->on_device;
    if (chunks > 1) j.out = scratch((size_t)n * chunks * 2 * j.channels);
    LAUNCH(norm_sums_kernel, dim3(stripes(j.channels, chunks), n), THREADS, 0, j, chunks);
    if (chunks == 1) return;
    Sum s = {};
    s.x = j.out, s.k0 = n, s.r1 = chunks, s.k2 = s.r3 = 1, s.k4 = 2 * j.channels;
    sum_pass(s, y->on_device);
}

template <int width> static __global__ void norm_dx_kernel(NormJob j)
{
    size_t picture = (size_t)j.pixels * j.channels, start = blockIdx.y * picture;
    const float *mean = j.moments + (size_t)blockIdx.y * 2 * j.channels, *sums = j.sums + (size_t)blockIdx.y * 2 * j.channels;
    float per_pixel = 1.0f / j.pixels;
    FOR_EACH(i, picture / width) {
        int c = (int)(i * width % j.channels);
        size_t at = start + i * width;
        float x[width], dy[width], dx[width];
        load<width>(x, j.x + at);
        load<width>(dy, j.dy + at);
        for (int k = 0; k < width; k++) {
            float h, d = norm_cotangent(j, mean, c + k, dy[k], x[k], &h), a = j.scale[c + k] * mean[j.channels + c + k];
            dx[k] = a * (d - sums[c + k] * per_pixel - h * (sums[j.channels + c + k] * per_pixel));
        }
        store<width>(j.out + at, dx);
    }
}

static void instance_norm_dx_gpu(Node *y)
{
    NormJob j = norm_job(y, y->in[1], 2);
    j.dy = y->in[0]->on_device, j.sums = y->in[5]->on_device;
    size_t picture = (size_t)j.pixels * j.channels;
    if (j.channels % 4 == 0 && by_fours(j.x, j.dy, j.out))
        LAUNCH(norm_dx_kernel<4>, dim3(blocks_for(picture / 4), y->shape.d[0]), THREADS, 0, j);
    else LAUNCH(norm_dx_kernel<1>, dim3(blocks_for(picture), y->shape.d[0]), THREADS, 0, j);
}

/* ================================================================================================
 * 6  THE OTHER ROWS
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 6.1  Leaves, constants, views
 * ---------------------------------------------------------------------------------------------- */

static void leaf_gpu(Node *y) { (void)y; }
static void reshape_gpu(Node *y) { (void)y; }
static void stop_grad_gpu(Node *y) { (void)y; }

static __global__ void fill_kernel(float *y, float value, size_t count)
{
    FOR_EACH(i, count) y[i] = value;
}

static void fill_gpu(Node *y)
{
    LAUNCH(fill_kernel, blocks_for(count_of(y)), THREADS, 0, y->on_device, (float)y->a, count_of(y));
}

/* ------------------------------------------------------------------------------------------------
 * 6.2  Copies: broadcast, concat, slice, pad
 *
 * A tensor seen along one axis is `outer` blocks of numbers in a row (facegan.c, 3.5). All three copy block by block,
 * and a number of the result is a number of one operand or 0.
 * ---------------------------------------------------------------------------------------------- */

typedef struct Steps { int n, h, w, c; } Steps;     /* how far operands' numbers are apart; 0 along a repeated axis */

static __global__ void broadcast_kernel(const float *x, Steps step, Shape s, float *y, size_t count)
{
    FOR_EACH(i, count) {
        unsigned row = i / s.d[3], line = row / s.d[2], n = line / s.d[1];
        unsigned c = i - row * s.d[3], w = row - line * s.d[2], h = line - n * s.d[1];
        y[i] = x[n * step.n + h * step.h + w * step.w + c * step.c];
    }
}

static void broadcast_gpu(Node *y)
{
    const int *d = y->in[0]->shape.d;
    Steps step = {d[0] > 1 ? d[1] * d[2] * d[3] : 0, d[1] > 1 ? d[2] * d[3] : 0, d[2] > 1 ? d[3] : 0, d[3] > 1};
    LAUNCH(broadcast_kernel, blocks_for(count_of(y)), THREADS, 0, y->in[0]->on_device, step, y->shape, y->on_device, count_of(y));
}

static unsigned block_of(Shape s, int axis)
{
    unsigned block = 1;
    for (int i = axis; i < AXES; i++) block *= (unsigned)s.d[i];
    return block;
}

static __global__ void concat_kernel(const float *u, unsigned block_u, const float *v, unsigned block_v, float *y, size_t count)
{
    FOR_EACH(i, count) {
        unsigned outer = i / (block_u + block_v), at = i - outer * (block_u + block_v);
        y[i] = at < block_u ? u[outer * block_u + at] : v[outer * block_v + at - block_u];
    }
}

static void concat_gpu(Node *y)
{
    LAUNCH(concat_kernel, blocks_for(count_of(y)), THREADS, 0, y->in[0]->on_device, block_of(y->in[0]->shape, y->axis),
           y->in[1]->on_device, block_of(y->in[1]->shape, y->axis), y->on_device, count_of(y));
}

/* y's blocks are x's, of which the first `start` numbers are left out, or before which `start` zeros are put in. */
static __global__ void slice_kernel(const float *x, unsigned block_x, unsigned start, float *y, unsigned block_y, size_t count)
{
    FOR_EACH(i, count) {
        unsigned outer = i / block_y;
        y[i] = x[outer * block_x + start + (i - outer * block_y)];
    }
}

static __global__ void pad_kernel(const float *x, unsigned block_x, unsigned start, float *y, unsigned block_y, size_t count)
{
    FOR_EACH(i, count) {
        unsigned outer = i / block_y, at = i - outer * block_y;
        y[i] = at >= start && at - start < block_x ? x[outer * block_x + at - start] : 0;
    }
}

static void slice_gpu(Node *y)
{
    unsigned block_x = block_of(y->in[0]->shape, y->axis), start = block_x / y->in[0]->shape.d[y->axis] * y->from;
    if (y->place_of) return;                                                    /* a view */
    LAUNCH(slice_kernel, blocks_for(count_of(y)), THREADS, 0, y->in[0]->on_device, block_x, start, y->on_device,
           block_of(y->shape, y->axis), count_of(y));
}

static void pad_gpu(Node *y)
{
    unsigned block_x = block_of(y->in[0]->shape, y->axis), start = block_x / y->in[0]->shape.d[y->axis] * y->from;
    LAUNCH(pad_kernel, blocks_for(count_of(y)), THREADS, 0, y->in[0]->on_device, block_x, start, y->on_device,
           block_of(y->shape, y->axis), count_of(y));
}

/* ------------------------------------------------------------------------------------------------
 * 6.3  Over the channels: softmax, its log-sum, the largest
 * ---------------------------------------------------------------------------------------------- */

/* A warp for each row of n numbers. The largest is subtracted first, so that no exponential overflows. */
static __global__ void softmax_kernel(const float *x, int n, size_t rows, bool only_sum, float *y)
{
    size_t row = (size_t)blockIdx.x * WARPS + threadIdx.x / LANES;
    int lane = threadIdx.x % LANES;
    const float *from = x + (row < rows ? row : 0) * n;
    float largest = from[0], total = 0;
    for (int k = lane; k < n; k += LANES) largest = fmaxf(largest, from[k]);
    for (int mask = LANES / 2; mask; mask /= 2) largest = fmaxf(largest, from_lane_xor(largest, mask));
    for (int k = lane; k < n; k += LANES) total += expf(from[k] - largest);
    total = warp_sum(total);
    if (row >= rows) return;
    if (only_sum && lane == 0) y[row] = largest + logf(total);
    for (int k = lane; k < n && !only_sum; k += LANES) y[row * n + k] = expf(from[k] - largest) / total;
}

static void softmax_rows(Node *y, bool only_sum)
{
    int n = y->in[0]->shape.d[3];
    size_t rows = count_of(y->in[0]) / n;
    LAUNCH(softmax_kernel, (unsigned)pieces(rows, WARPS), THREADS, 0, y->in[0]->on_device, n, rows, only_sum, y->on_device);
}

static void softmax_gpu(Node *y) { softmax_rows(y, false); }
static void logsumexp_gpu(Node *y) { softmax_rows(y, true); }

/* The first channel of row i that holds its largest number. */
static __device__ inline int largest_channel(const float *row, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++) best = row[k] > row[best] ? k : best;
    return best;
}

static __global__ void pick_largest_kernel(const float *u, const float *v, int n, float *y, size_t rows)
{
    FOR_EACH(i, rows) y[i] = u[i * n + largest_channel(v + i * n, n)];
}

static __global__ void put_at_largest_kernel(const float *u, const float *v, int n, float *y, size_t rows)
{
    FOR_EACH(i, rows) {
        int best = largest_channel(v + i * n, n);
        for (int k = 0; k < n; k++) y[i * n + k] = k == best ? u[i] : 0;
    }
}

static void pick_largest_gpu(Node *y)
{
    LAUNCH(pick_largest_kernel, blocks_for(count_of(y)), THREADS, 0, y->in[0]->on_device, y->in[1]->on_device,
           y->in[1]->shape.d[3], y->on_device, count_of(y));
}

static void put_at_largest_gpu(Node *y)
{
    LAUNCH(put_at_largest_kernel, blocks_for(count_of(y->in[0])), THREADS, 0, y->in[0]->on_device, y->in[1]->on_device,
           y->shape.d[3], y->on_device, count_of(y->in[0]));
}

/* ------------------------------------------------------------------------------------------------
 * 6.4  Max pooling                                                                    (facegan.c, 3.11)
 * ---------------------------------------------------------------------------------------------- */

/* Where x is largest (the first such place) in window (n,p,q) of channel c: h * W + w. */
static __device__ inline int largest_of_window(const ConvShape &s, const float *x, int n, int p, int q, int c)
{
    int top = max(p * s.stride - s.pad_y, 0), bottom = min(p * s.stride - s.pad_y + s.r, s.h);
    int left = max(q * s.stride - s.pad_x, 0), right = min(q * s.stride - s.pad_x + s.s, s.w), best = -1;
    const float *picture = x + (size_t)n * s.h * s.w * s.c + c;
    for (int h = top; h < bottom; h++)
        for (int w = left; w < right; w++)
            if (best < 0 || picture[(size_t)(h * s.w + w) * s.c] > picture[(size_t)best * s.c]) best = h * s.w + w;
    return best;
}

static __global__ void max_pool_kernel(ConvShape s, const float *u, const float *x, float *y, size_t count)
{
    FOR_EACH(i, count) {
        int c = (int)(i % s.c), q = (int)(i / s.c % s.wo), p = (int)(i / s.c / s.wo % s.ho), n = (int)(i / s.c / s.wo / s.ho);
        y[i] = u[((size_t)n * s.h * s.w + largest_of_window(s, x, n, p, q, c)) * s.c + c];
    }
}

/* A number gathers the dy of every window over it that found its largest there: windows overlap, threads do not. */
static __global__ void max_unpool_kernel(ConvShape s, const float *dy, const float *x, float *dx, size_t count)
{
    FOR_EACH(i, count) {
        int c = (int)(i % s.c), w = (int)(i / s.c % s.w), h = (int)(i / s.c / s.w % s.h), n = (int)(i / s.c / s.w / s.h);
        int last_p = min((h + s.pad_y) / s.stride, s.ho - 1), last_q = min((w + s.pad_x) / s.stride, s.wo - 1);
        int first_p = max(h + s.pad_y - s.r + s.stride, 0) / s.stride, first_q = max(w + s.pad_x - s.s + s.stride, 0) / s.stride;
        float total = 0;
        for (int p = first_p; p <= last_p; p++)
            for (int q = first_q; q <= last_q; q++)
                if (largest_of_window(s, x, n, p, q, c) == h * s.w + w)
                    total += dy[(((size_t)n * s.ho + p) * s.wo + q) * s.c + c];
        dx[i] = total;
    }
}

static void max_pool_gpu(Node *y)
{
    LAUNCH(max_pool_kernel, blocks_for(count_of(y)), THREADS, 0, y->conv, y->in[0]->on_device, y->in[1]->on_device,
           y->on_device, count_of(y));
}

static void max_unpool_gpu(Node *y)
{
    LAUNCH(max_unpool_kernel, blocks_for(count_of(y)), THREADS, 0, y->conv, y->in[0]->on_device, y->in[1]->on_device,
           y->on_device, count_of(y));
}

/* ------------------------------------------------------------------------------------------------
 * 6.5  Warp                                                                           (facegan.c, 3.12)
 * ---------------------------------------------------------------------------------------------- */

typedef struct Place2 { double u, v; } Place2;          /* in x's pixels, u to the right */

static __device__ inline Place2 warped_place(const ConvShape &s, const float *map, size_t pixel)
{
    Place2 at = {(map[2 * pixel] + 0.5) * s.w - 0.5, (map[2 * pixel + 1] + 0.5) * s.h - 0.5};
    return at;
}

/* Which pixels of x, at most four, lie about a place; none where it is outside. */
typedef struct Around { int top, bottom, left, right; } Around;

static __device__ inline Around around(const ConvShape &s, Place2 at)
{
    Around none = {0, -1, 0, -1};
    if (!(at.u > -1 && at.u < s.w && at.v > -1 && at.v < s.h)) return none;
    int column = (int)floor(at.u), row = (int)floor(at.v);
    Around a = {max(row, 0), min(row + 1, s.h - 1), max(column, 0), min(column + 1, s.w - 1)};
    return a;
}

static __global__ void warp_kernel(ConvShape s, const float *x, const float *map, float *y, size_t count)
{
    FOR_EACH(i, count) {
        size_t pixel = i / s.c;
        int c = (int)(i % s.c), n = (int)(pixel / s.wo / s.ho);
        Place2 at = warped_place(s, map, pixel);
        Around a = around(s, at);
        float total = 0;
        for (int h = a.top; h <= a.bottom; h++)
            for (int w = a.left; w <= a.right; w++)
                total += (float)((1 - fabs(at.v - h)) * (1 - fabs(at.u - w))) * x[(((size_t)n * s.h + h) * s.w + w) * s.c + c];
        y[i] = total;
    }
}

/* A number of x gathers from all of y what was made of it: no two threads write to one place, so that the sum's order is
 * always the same. Which pixels of y those are would need the map's inverse; pictures that are warped are small. */
static __global__ void unwarp_kernel(ConvShape s, const float *dy, const float *map, float *dx, size_t count)
{
    FOR_EACH(i, count) {
        int c = (int)(i % s.c), w = (int)(i / s.c % s.w), h = (int)(i / s.c / s.w % s.h), n = (int)(i / s.c / s.w / s.h);
        size_t first = (size_t)n * s.ho * s.wo;
        float total = 0;
        for (size_t pixel = first; pixel < first + (size_t)s.ho * s.wo; pixel++) {
            Place2 at = warped_place(s, map, pixel);
            if (!(fabs(at.u - w) < 1 && fabs(at.v - h) < 1)) continue;
            total += (float)((1 - fabs(at.v - h)) * (1 - fabs(at.u - w))) * dy[pixel * s.c + c];
        }
        dx[i] = total;
    }
}

/* A thread takes one of a place's two numbers, 0 the one to the right. A pixel's share grows towards it. */
static __global__ void warp_slope_kernel(ConvShape s, const float *dy, const float *x, const float *map, float *dm, size_t count)
{
    FOR_EACH(i, count) {
        size_t pixel = i / 2;
        int n = (int)(pixel / s.wo / s.ho);
        Place2 at = warped_place(s, map, pixel);
        Around a = around(s, at);
        int row = (int)floor(at.v), column = (int)floor(at.u);
        float total = 0;
        for (int h = a.top; h <= a.bottom; h++)
            for (int w = a.left; w <= a.right; w++) {
                double slope = i % 2 ? (h > row ? s.h : -s.h) * (1 - fabs(at.u - w)) : (w > column ? s.w : -s.w) * (1 - fabs(at.v - h));
                const float *from = x + (((size_t)n * s.h + h) * s.w + w) * s.c;
                for (int c = 0; c < s.c; c++) total += (float)slope * dy[pixel * s.c + c] * from[c];
            }
        dm[i] = total;
    }
}

static void warp_gpu(Node *y)
{
    LAUNCH(warp_kernel, blocks_for(count_of(y)), THREADS, 0, y->conv, y->in[0]->on_device, y->in[1]->on_device, y->on_device,
           count_of(y));
}

static void unwarp_gpu(Node *y)
{
    LAUNCH(unwarp_kernel, blocks_for(count_of(y)), THREADS, 0, y->conv, y->in[0]->on_device, y->in[1]->on_device, y->on_device,
           count_of(y));
}

static void warp_slope_gpu(Node *y)
{
    LAUNCH(warp_slope_kernel, blocks_for(count_of(y)), THREADS, 0, y->conv, y->in[0]->on_device, y->in[1]->on_device,
           y->in[2]->on_device, y->on_device, count_of(y));
}

/* ================================================================================================
 * 7  OPTIMISERS AND MOVING AVERAGES                                                   (facegan.c, 3.10)
 *
 * The planner puts all updates last (facegan.c, 8.2), so that their launchers are called one after another: each adds
 * its parameter to a table, and when the table is full, another kind of row comes or the graph ends, one kernel updates
 * all of them. The table travels with the launch.
 * ============================================================================================== */

enum { PARTS = 56, NUMBERS_A_BLOCK = 4 * THREADS };

typedef struct UpdatePart {
    const float *gradient, *schedule;   /* schedule: (lr, 1/(1-b1^t), 1/(1-b2^t)) or NULL */
    float *m, *v, *w;                   /* m, v: or NULL */
    float beta1, one_less_beta1, beta2, one_less_beta2;
    unsigned count, first_block;
} UpdatePart;

typedef struct UpdateTable {
    UpdatePart part[PARTS];
    int parts;
    unsigned blocks;
} UpdateTable;

static struct { UpdateTable table; Op op; } waiting;        /* the updates that wait for their kernel; all of one row */

/* The new weight; m and v become what is to be kept of them. */
template <Op op>
static __device__ inline float updated(const UpdatePart &p, float g, float w, float &m, float &v, float rate, float c1, float c2)
{
    switch (op) {
    case OP_adam:
        m = p.beta1 * m + p.one_less_beta1 * g, v = p.beta2 * v + p.one_less_beta2 * g * g;
        return w - rate * c1 * m / (sqrtf(v * c2) + 1e-8f);
    case OP_sgd: m = p.beta1 * m + g; return w - rate * m;
    case OP_sgd_nesterov: m = p.beta1 * m + g; return w - rate * (g + p.beta1 * m);
    case OP_rmsprop: v = p.beta2 * v + p.one_less_beta2 * g * g; return w - rate * g / (sqrtf(v) + 1e-8f);
    case OP_adagrad: v += g * g; return w - rate * g / (sqrtf(v) + 1e-10f);
    default: return w + p.beta1 * (g - w);                                      /* moving_average */
    }
}

template <Op op> static __global__ void update_kernel(UpdateTable table)
{
    int k = 0;
    while (k + 1 < table.parts && table.part[k + 1].first_block <= blockIdx.x) k++;
    const UpdatePart p = table.part[k];
    float rate = p.schedule ? p.schedule[0] : 0, c1 = p.schedule ? p.schedule[1] : 0, c2 = p.schedule ? p.schedule[2] : 0;
    for (int j = 0; j < NUMBERS_A_BLOCK / THREADS; j++) {
        size_t i = (size_t)(blockIdx.x - p.first_block) * NUMBERS_A_BLOCK + j * THREADS + threadIdx.x;
        if (i >= p.count) return;
        float m = p.m ? p.m[i] : 0, v = p.v ? p.v[i] : 0;
        p.w[i] = updated<op>(p, p.gradient[i], p.w[i], m, v, rate, c1, c2);
        if (p.m) p.m[i] = m;
        if (p.v) p.v[i] = v;
    }
}

typedef void UpdateKernel(UpdateTable table);

/* NULL: not an update. */
static UpdateKernel *update_kernel_of(Op op)
{
    switch (op) {
    case OP_adam: return update_kernel<OP_adam>;
    case OP_sgd: return update_kernel<OP_sgd>;
    case OP_sgd_nesterov: return update_kernel<OP_sgd_nesterov>;
    case OP_rmsprop: return update_kernel<OP_rmsprop>;
    case OP_adagrad: return update_kernel<OP_adagrad>;
    case OP_moving_average: return update_kernel<OP_moving_average>;
    default: return NULL;
    }
}

static void updates_flush()
{
    if (waiting.table.parts) LAUNCH(update_kernel_of(waiting.op), waiting.table.blocks, THREADS, 0, waiting.table);
    waiting.table.parts = 0, waiting.table.blocks = 0;
}

/* Would the part read what another of the same kernel writes, or the other way round? A statistic may move twice in a
 * step, and an average follows a weight. */
static bool must_wait(const UpdatePart &p)
{
    for (int k = 0; k < waiting.table.parts; k++) {
        const UpdatePart &other = waiting.table.part[k];
        if (other.w == p.gradient || other.w == p.w || other.gradient == p.w) return true;
    }
    return false;
}

static void update_gpu(Node *y)
{
    UpdateTable &t = waiting.table;
    UpdatePart p = {y->in[0]->on_device, data_or_null(y->in[4]), NULL, NULL, y->on_device, (float)y->a, (float)(1 - y->a),
                    (float)y->b, (float)(1 - y->b), (unsigned)count_of(y), 0};
    if (y->in[2]) p.m = y->in[2]->on_device;
    if (y->in[3]) p.v = y->in[3]->on_device;
    if (t.parts == PARTS || waiting.op != y->op || must_wait(p)) updates_flush();
    p.first_block = t.blocks;
    t.blocks += (unsigned)pieces(p.count, NUMBERS_A_BLOCK);
    t.part[t.parts++] = p;
    waiting.op = y->op;
    for (int i = 1; i <= 3; i++) {
        Node *written = y->in[i];
        while (written && written->op != OP_leaf) written = written->in[1];     /* what an earlier update has moved */
        if (written) writes(written);
    }
}

static void adam_gpu(Node *y) { update_gpu(y); }
static void sgd_gpu(Node *y) { update_gpu(y); }
static void sgd_nesterov_gpu(Node *y) { update_gpu(y); }
static void rmsprop_gpu(Node *y) { update_gpu(y); }
static void adagrad_gpu(Node *y) { update_gpu(y); }
static void moving_average_gpu(Node *y) { update_gpu(y); }

/* ================================================================================================
 * 8  A GRAPH, MADE READY AND RUN
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 8.1  The table: a row of FACEGAN_OPS without a launcher does not compile
 * ---------------------------------------------------------------------------------------------- */

typedef void Launcher(Node *y);

static Launcher *const launchers[OPS] = {
#define OP(name, text) name##_gpu,
    FACEGAN_OPS(OP)
#undef OP
};

static void launch(Node *y)
{
    machine.scratch_used = 0;
    if (!update_kernel_of(y->op)) updates_flush();
    launchers[y->op](y);
}

/* ------------------------------------------------------------------------------------------------
 * 8.2  Making a graph ready
 *
 * A graph's values stand in the arena at the places that the planner chose. Its leaves are of two kinds: tensors that
 * stay (weights, moments, statistics) have memory of their own here; the others (batch, draws, learning rates) are
 * gathered in one block of pinned host memory, which the GPU can read by itself, and sent in one copy with every run.
 * Kept values come back the same way. The whole run, copies and kernels, is recorded once (cudaStreamBeginCapture) and
 * then replayed: hundreds of launches cost the host one.
 *
 *      host   leaf, leaf, leaf --> [ pinned ]                                 [ pinned ] --> kept values
 *                                      |                                          ^
 *      GPU                         [ inputs ] --> kernel --> kernel --> ... --> places in the arena
 * ---------------------------------------------------------------------------------------------- */

typedef struct Travel { Node *node; size_t at, bytes; } Travel;     /* a value that is sent or brought back */

typedef struct Shipment {               /* everything that travels one way */
    Travel *parts;
    int count;
    size_t bytes;
    char *pinned;                       /* host memory */
} Shipment;

struct DeviceGraph {
    Node **order;
    int n;
    size_t arena_bytes, scratch_bytes;
    Tensor **written;
    int n_written;
    Shipment sent, kept;
    char *inputs;                       /* the leaves that are sent, on the GPU */
    cudaGraphExec_t recorded;           /* or NULL */
    unsigned generation;                /* machine.generation when it was */
    cudaEvent_t start, stop;
};

static bool comes_back(const Node *y)
{
    return y->kept && y->op != OP_leaf;
}

static void ship(Shipment *s, Node *y)
{
    Travel part = {y, s->bytes, count_of(y) * sizeof(float)};
    s->parts[s->count++] = part;
    s->bytes += round_up(part.bytes, 256);
}

static void *must_allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (memory) return memory;
    fprintf(stderr, "facegan: out of memory\n");
    exit(1);
}

static bool pin(Shipment *s)
{
    return !s->bytes || went_well(cudaMallocHost((void **)&s->pinned, s->bytes), "taking pinned host memory");
}

/* Goes through the graph without launching: what will it write, and how much scratch memory does it want? */
static void measure(DeviceGraph *g)
{
    machine.measuring = true;
    machine.scratch_wanted = 0;
    machine.written = g->written, machine.n_written = 0;
    for (int i = 0; i < g->n; i++) launch(g->order[i]);
    updates_flush();
    g->n_written = machine.n_written, g->scratch_bytes = machine.scratch_wanted;
    machine.measuring = false;
}

/* Gives every leaf that stays its memory, and lists what travels. */
static void place_leaves(DeviceGraph *g)
{
    for (int i = 0; i < g->n && !machine.error[0]; i++) {
        Node *y = g->order[i];
        Tensor *t = y->tensor;
        if (comes_back(y)) ship(&g->kept, y);
        if (y->op != OP_leaf) continue;
        if (!t->stays) ship(&g->sent, y);
        else if (!t->on_device) t->on_device = (float *)take_memory(count_of(y) * sizeof(float), "the weights");
    }
}

static void gpu_forget(DeviceGraph *g)
{
    if (g->recorded) cudaGraphExecDestroy(g->recorded);
    if (g->start) cudaEventDestroy(g->start);
    if (g->stop) cudaEventDestroy(g->stop);
    if (g->sent.pinned) cudaFreeHost(g->sent.pinned);
    if (g->kept.pinned) cudaFreeHost(g->kept.pinned);
    give_memory(g->inputs, g->sent.bytes);
    free(g->order), free(g->written), free(g->sent.parts), free(g->kept.parts);
    free(g);
}

static DeviceGraph *gpu_prepare(Node *const *order, int n, size_t arena_bytes, char *error)
{
    DeviceGraph *g = (DeviceGraph *)must_allocate(1, sizeof *g);
    g->order = (Node **)must_allocate(n, sizeof *g->order), g->n = n, g->arena_bytes = arena_bytes;
    memcpy(g->order, order, n * sizeof *g->order);
    g->written = (Tensor **)must_allocate((size_t)n * MAX_INPUTS, sizeof *g->written);
    g->sent.parts = (Travel *)must_allocate(n, sizeof(Travel)), g->kept.parts = (Travel *)must_allocate(n, sizeof(Travel));
    for (int i = 0; i < n; i++)
        if (count_of(order[i]) > INT32_MAX && !machine.error[0])
            snprintf(machine.error, sizeof machine.error, "a value of more than 2^31 numbers: try a smaller --batch");
    if (!machine.error[0]) measure(g);
    place_leaves(g);
    bool ok = !machine.error[0] && block_reserve(&machine.arena, arena_bytes, "one step's values") &&
              (!arena_bytes || went_well(cudaMemset(machine.arena.memory, 0xff, arena_bytes), "filling memory")) &&  /* NaN */
              block_reserve(&machine.scratch, g->scratch_bytes, "scratch") && pin(&g->sent) && pin(&g->kept) &&
              (!g->sent.bytes || (g->inputs = (char *)take_memory(g->sent.bytes, "the batch"))) &&
              went_well(cudaEventCreate(&g->start), "making a clock") && went_well(cudaEventCreate(&g->stop), "making a clock");
    if (ok) return g;
    report(error);
    gpu_forget(g);
    return NULL;
}

/* Tells every node where it stands, as graph_bind does on the CPU. */
static void bind(DeviceGraph *g)
{
    for (int i = 0; i < g->n; i++) {
        Node *y = g->order[i];
        if (y->op == OP_leaf) y->on_device = y->tensor->on_device;
        else if (y->place_of) y->on_device = y->place_of->on_device + y->skip;
        else y->on_device = (float *)(void *)(machine.arena.memory + y->offset);
        for (int k = 0; k < g->sent.count && y->op == OP_leaf && !y->tensor->stays; k++)
            if (g->sent.parts[k].node == y) y->on_device = (float *)(void *)(g->inputs + g->sent.parts[k].at);
    }
}

/* Everything that a run does, into the stream. */
static void enqueue(DeviceGraph *g)
{
    if (g->sent.bytes)
        went_well(cudaMemcpyAsync(g->inputs, g->sent.pinned, g->sent.bytes, cudaMemcpyHostToDevice, machine.stream), "sending");
    for (int i = 0; i < g->n; i++) launch(g->order[i]);
    updates_flush();
    for (int i = 0; i < g->kept.count; i++) {
        const Travel *part = &g->kept.parts[i];
        went_well(cudaMemcpyAsync(g->kept.pinned + part->at, part->node->on_device, part->bytes, cudaMemcpyDeviceToHost,
                                  machine.stream), "bringing back");
    }
}

/* Records the run, unless it is recorded and neither arena nor scratch have moved since. */
static bool record(DeviceGraph *g)
{
    cudaGraph_t graph = NULL;
    if (g->recorded && g->generation == machine.generation) return true;
    if (g->recorded) cudaGraphExecDestroy(g->recorded);
    g->recorded = NULL;
    bind(g);
    if (!went_well(cudaStreamBeginCapture(machine.stream, cudaStreamCaptureModeThreadLocal), "recording")) return false;
    enqueue(g);
    bool ended = went_well(cudaStreamEndCapture(machine.stream, &graph), "recording");
    bool ok = ended && !machine.error[0] && went_well(cudaGraphInstantiate(&g->recorded, graph, 0), "recording");
    if (graph) cudaGraphDestroy(graph);
    g->generation = machine.generation;
    return ok;
}

/* ------------------------------------------------------------------------------------------------
 * 8.3  Running
 * ---------------------------------------------------------------------------------------------- */

/* Sends the tensors that stay and that the program has written since, and fills the pinned memory. */
static void send_leaves(DeviceGraph *g)
{
    for (int i = 0; i < g->n; i++) {
        Node *y = g->order[i];
        Tensor *t = y->tensor;
        if (y->op != OP_leaf || !t->stays || t->state != HOST_NEWER) continue;
        if (went_well(cudaMemcpy(t->on_device, t->data, count_of(y) * sizeof(float), cudaMemcpyHostToDevice), "sending weights"))
            t->state = BOTH_ALIKE;
    }
    for (int i = 0; i < g->sent.count; i++) {
        const Travel *part = &g->sent.parts[i];
        memcpy(g->sent.pinned + part->at, part->node->tensor->data, part->bytes);
    }
}

/* After the GPU has finished: kept values to where the program looks for them. */
static void receive(DeviceGraph *g)
{
    for (int i = 0; i < g->n_written; i++) g->written[i]->state = DEVICE_NEWER;
    for (int i = 0; i < g->kept.count; i++)
        memcpy(g->kept.parts[i].node->data, g->kept.pinned + g->kept.parts[i].at, g->kept.parts[i].bytes);
}

static bool wait_for_gpu()
{
    return went_well(cudaStreamSynchronize(machine.stream), "computing");
}

static int gpu_run(DeviceGraph *g, char *error)
{
    if (record(g)) send_leaves(g);
    if (!machine.error[0] && went_well(cudaGraphLaunch(g->recorded, machine.stream), "starting a step") && wait_for_gpu())
        receive(g);
    return report(error);
}

/* A run by the GPU's own clock. */
static int gpu_time(DeviceGraph *g, double *milliseconds, char *error)
{
    float elapsed = 0;
    if (record(g)) send_leaves(g);
    if (!machine.error[0] && went_well(cudaEventRecord(g->start, machine.stream), "timing") &&
        went_well(cudaGraphLaunch(g->recorded, machine.stream), "starting a step") &&
        went_well(cudaEventRecord(g->stop, machine.stream), "timing") && wait_for_gpu() &&
        went_well(cudaEventElapsedTime(&elapsed, g->start, g->stop), "timing"))
        receive(g);
    *milliseconds = elapsed;
    return report(error);
}

/* The leaves, for a run without a record. */
static void send_now(DeviceGraph *g)
{
    bind(g);
    send_leaves(g);
    if (g->sent.bytes)
        went_well(cudaMemcpyAsync(g->inputs, g->sent.pinned, g->sent.bytes, cudaMemcpyHostToDevice, machine.stream), "sending");
}

static int gpu_run_one(DeviceGraph *g, int i, char *error)
{
    Node *y = g->order[i];
    if (i == 0) send_now(g);
    launch(y);
    updates_flush();
    if (wait_for_gpu() && !(y->op == OP_leaf && !y->tensor->stays))
        went_well(cudaMemcpy(y->data, y->on_device, count_of(y) * sizeof(float), cudaMemcpyDeviceToHost), "bringing back");
    if (i == g->n - 1) for (int k = 0; k < g->n_written; k++) g->written[k]->state = DEVICE_NEWER;
    return report(error);
}

/* One node after another, each between two marks of the clock. A mark costs a few microseconds, which the replay of a
 * recorded run has not: the sum is more than a step. */
static int gpu_profile(DeviceGraph *g, char *error)
{
    cudaEvent_t *marks = (cudaEvent_t *)must_allocate(g->n + 1, sizeof *marks);
    send_now(g);
    for (int i = 0; i <= g->n; i++) {
        went_well(cudaEventCreate(&marks[i]), "timing");
        if (i) launch(g->order[i - 1]);
        updates_flush();
        went_well(cudaEventRecord(marks[i], machine.stream), "timing");
    }
    if (wait_for_gpu())
        for (int i = 0; i < g->n; i++) {
            float elapsed = 0;
            went_well(cudaEventElapsedTime(&elapsed, marks[i], marks[i + 1]), "timing");
            g->order[i]->milliseconds = elapsed;
        }
    for (int i = 0; i <= g->n; i++)
        if (marks[i]) cudaEventDestroy(marks[i]);
    for (int k = 0; k < g->n_written; k++) g->written[k]->state = DEVICE_NEWER;
    free(marks);
    return report(error);
}

/* ------------------------------------------------------------------------------------------------
 * 8.4  What the card can do at best, measured
 * ---------------------------------------------------------------------------------------------- */

enum { PEAK_ROUNDS = 4096, PEAK_PIECES = 4 };

template <Precision precision> static __device__ inline uint32_t peak_word(float x)
{
    return precision == PRECISION_TF32 ? to_tf32(x) : to_bf16_pair(x, 0.5f * x);
}

/* Products of registers with registers, and nothing else: what the instruction that the convolutions use can do. */
template <Precision precision> static __global__ void peak_kernel(float *out)
{
    float sum[PEAK_PIECES][PEAK_PIECES][4] = {};
    uint32_t a[PEAK_PIECES][4], b[PEAK_PIECES][2];
    for (int i = 0; i < PEAK_PIECES; i++) {
        for (int k = 0; k < 4; k++) a[i][k] = peak_word<precision>(1e-3f * (float)(threadIdx.x % 61 + i + k));
        for (int k = 0; k < 2; k++) b[i][k] = peak_word<precision>(1e-3f * (float)(threadIdx.x % 53 + i + k));
    }
    for (int round = 0; round < PEAK_ROUNDS; round++) tensor_cores<precision>(sum, a, b);
    float total = 0;
    for (int i = 0; i < PEAK_PIECES; i++)
        for (int k = 0; k < PEAK_PIECES; k++) total += sum[i][k][0] + sum[i][k][1] + sum[i][k][2] + sum[i][k][3];
    out[(size_t)blockIdx.x * blockDim.x + threadIdx.x] = total;
}

static __global__ void peak_plain_kernel(float *out)
{
    float sum[16], factor = 1 + 1e-7f * (float)threadIdx.x;
    for (int i = 0; i < 16; i++) sum[i] = (float)i;
    for (int round = 0; round < PEAK_ROUNDS; round++)
#pragma unroll
        for (int i = 0; i < 16; i++) sum[i] = sum[i] * factor + 0.5f;
    float total = 0;
    for (int i = 0; i < 16; i++) total += sum[i];
    out[(size_t)blockIdx.x * blockDim.x + threadIdx.x] = total;
}

/* Seconds that `work` takes at best in five tries; the first warms up. */
typedef void Work(char *memory, size_t bytes, int blocks);

static double best_seconds(Work *work, char *memory, size_t bytes, int blocks)
{
    cudaEvent_t start = NULL, stop = NULL;
    float elapsed = 0, best = 1e30f;
    went_well(cudaEventCreate(&start), "timing"), went_well(cudaEventCreate(&stop), "timing");
    for (int i = 0; i < 6 && !machine.error[0]; i++) {
        went_well(cudaEventRecord(start, machine.stream), "timing");
        work(memory, bytes, blocks);
        went_well(cudaEventRecord(stop, machine.stream), "timing");
        if (wait_for_gpu()) went_well(cudaEventElapsedTime(&elapsed, start, stop), "timing");
        if (i && elapsed < best) best = elapsed;
    }
    if (start) cudaEventDestroy(start);
    if (stop) cudaEventDestroy(stop);
    return best * 1e-3;
}

static void copy_work(char *memory, size_t bytes, int blocks)
{
    (void)blocks;
    went_well(cudaMemcpyAsync(memory, memory + bytes / 2, bytes / 2, cudaMemcpyDeviceToDevice, machine.stream), "copying");
}

static void multiply_work(char *memory, size_t bytes, int blocks)
{
    float *out = (float *)(void *)memory;
    (void)bytes;
    if (machine.precision == PRECISION_FP32) LAUNCH(peak_plain_kernel, blocks, THREADS, 0, out);
    else if (machine.precision == PRECISION_TF32) LAUNCH(peak_kernel<PRECISION_TF32>, blocks, THREADS, 0, out);
    else LAUNCH(peak_kernel<PRECISION_BF16>, blocks, THREADS, 0, out);
}

/* Bytes read and written, and multiplications and additions in the precision in use, per second. */
static int gpu_peaks(double *bytes, double *operations, char *error)
{
    size_t size = (size_t)1 << 30, available = 0, total = 0;
    cudaDeviceProp p;
    went_well(cudaGetDeviceProperties(&p, machine.device), "asking what the GPU is");
    went_well(cudaMemGetInfo(&available, &total), "asking for its memory");
    while (size > available / 4) size /= 2;
    char *memory = (char *)take_memory(size, "measuring its peaks");
    int blocks = 8 * p.multiProcessorCount;
    double per_warp = machine.precision == PRECISION_FP32 ? 2.0 * 16 * LANES
                                                          : 2.0 * 16 * 8 * (machine.precision == PRECISION_TF32 ? 8 : 16) * 16;
    if (memory) {
        went_well(cudaMemset(memory, 1, size), "filling memory");
        *bytes = (double)size / best_seconds(copy_work, memory, size, 0);
        *operations = per_warp * PEAK_ROUNDS * WARPS * blocks / best_seconds(multiply_work, memory, size, blocks);
    }
    give_memory(memory, size);
    return report(error);
}

/* ------------------------------------------------------------------------------------------------
 * 8.5  Opening and closing
 * ---------------------------------------------------------------------------------------------- */

static int refuse(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, FACEGAN_ERROR, format, arguments);
    va_end(arguments);
    return 0;
}

static int find_device(char *error)
{
    int count = 0, driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver), cudaRuntimeGetVersion(&runtime);
    cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver && driver)
        return refuse(error, "the GPU's driver knows CUDA %d.%d, this program was built with %d.%d: update the driver",
                      driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice || (status == cudaSuccess && !count))
        return refuse(error, "there is no NVIDIA GPU here, or its driver is not loaded (nvidia-smi tells)");
    if (status != cudaSuccess) return refuse(error, "the GPU cannot be used: %s", cudaGetErrorString(status));
    cudaDeviceProp p;
    if (!went_well(cudaSetDevice(0), "being opened") || !went_well(cudaGetDeviceProperties(&p, 0), "being opened"))
        return report(error);
    machine.capability = 10 * p.major + p.minor;
    machine.shared_most = p.sharedMemPerBlockOptin;
    if (machine.capability < 75)
        return refuse(error, "%s has compute capability %d.%d; 7.5 or newer is needed", p.name, p.major, p.minor);
    snprintf(machine.name, sizeof machine.name, "%.200s (sm_%d, %d multiprocessors, %zu GB)", p.name, machine.capability,
             p.multiProcessorCount, p.totalGlobalMem >> 30);
    return 1;
}

/* The number of a tile by its name in the environment, so that tests see each on every shape. */
static int wanted_tile()
{
    static const char *const names[TILES] = {"big", "tall", "small", "narrow"};
    const char *wanted = getenv("FACEGAN_TILE");
    for (int i = 0; wanted && i < TILES; i++)
        if (strcmp(wanted, names[i]) == 0) return i;
    return -1;
}

static int gpu_open(Precision precision, bool everywhere, char *error)
{
    if (!machine.open && !find_device(error)) return 0;
    machine.tile_wanted = wanted_tile();
    if (precision == PRECISION_BF16 && machine.capability < 80)
        return refuse(error, "%s computes in fp32 only: --precision bf16 and tf32 need sm_80 or newer", machine.name);
    machine.precision = machine.capability < 80 ? PRECISION_FP32 : precision;
    machine.everywhere = everywhere;
    if (machine.open) return 1;
    machine.open = went_well(cudaStreamCreate(&machine.stream), "being opened");
    return report(error);
}

static void gpu_close(void)
{
    if (!machine.open) return;
    give_memory(machine.arena.memory, machine.arena.bytes), give_memory(machine.scratch.memory, machine.scratch.bytes);
    cudaStreamDestroy(machine.stream);
    memset(&machine, 0, sizeof machine);
}

static const char *gpu_describe(void)
{
    static const char *const names[PRECISIONS] = {"fp32", "tf32", "bf16"};
    static char text[FACEGAN_ERROR + 16];
    snprintf(text, sizeof text, "%s, %s", machine.name, names[machine.precision]);
    return text;
}

static int gpu_fetch(Tensor *t, char *error)
{
    const int *d = t->shape.d;
    size_t bytes = (size_t)d[0] * d[1] * d[2] * d[3] * sizeof(float);
    if (went_well(cudaMemcpy(t->data, t->on_device, bytes, cudaMemcpyDeviceToHost), "bringing weights back"))
        t->state = BOTH_ALIKE;
    return report(error);
}

static void gpu_release(Tensor *t)
{
    const int *d = t->shape.d;
    give_memory(t->on_device, (size_t)d[0] * d[1] * d[2] * d[3] * sizeof(float));
    t->on_device = NULL;
}

static size_t gpu_memory(void) { return machine.taken; }

extern "C" const Device facegan_gpu;
const Device facegan_gpu = {gpu_open, gpu_close, gpu_describe, gpu_prepare, gpu_run, gpu_run_one, gpu_time, gpu_profile,
                            gpu_forget, gpu_fetch, gpu_release, gpu_peaks, gpu_memory};
