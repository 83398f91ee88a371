/* cuda_on_cpu.h: enough of CUDA in plain C++ to run gpu.cu's kernels on a machine without a GPU.
 *
 * gpu.cu includes this instead of cuda_runtime.h when CUDA_ON_CPU is defined. It is a test, not a way to compute: one
 * block runs after another, and of a block one thread at a time, until it ends or must wait. What it is for is to find
 * wrong indices, missing barriers and wrong arithmetic before a GPU is there:
 *
 *   - memory on the "GPU" is the process's own, so that AddressSanitizer sees every access outside a buffer; it is
 *     filled with NaN when taken, and so is shared memory when a block begins
 *   - threads run in ascending, descending or shuffled order (blocks too). A result that depends on who comes first, as
 *     it does where a barrier is missing, differs between the orders, bit by bit
 *   - a copy in the background arrives at once or as late as it may, when it is waited for: a missing wait reads NaN,
 *     a slice overwritten too early is noticed
 *   - a barrier or an exchange within a warp that not all threads reach ends the program
 *   - a launch that a GPU would refuse (too many threads or blocks along one side, too much shared memory) is refused,
 *     and so is, while a run is recorded, what would break the recording: taking or giving back memory, waiting, a copy
 *     that is not the stream's own or whose host memory is not pinned, a kernel whose code was never asked for before
 *   - with late copies, whatever was put into the stream is done no sooner than it must: memory that the host changes too
 *     early, or reads without having waited, is noticed
 *   - tensor cores take their operands lane by lane as the PTX manual's figures say (mma.m16n8k8, m16n8k16), so that a
 *     number in the wrong lane gives a wrong result, and have their formats' roundings
 *
 * What it cannot see: races within a warp (its lanes do not run in step here), the machine code, and time.
 *
 * FACEGAN_EMULATE in the environment, words between commas: descending, shuffled (order); late (copies); memory=MB;
 * none (no GPU), old-driver, sm=75 (what the card is). */
#ifndef CUDA_ON_CPU_H
#define CUDA_ON_CPU_H
#include <functional>
#include <tuple>
#include <vector>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

/* ------------------------------------------------------------------------------------------------
 * Types
 * ---------------------------------------------------------------------------------------------- */

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
static inline float2 make_float2(float x, float y) { return float2{x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return float4{x, y, z, w}; }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }

enum cudaError_t {
    cudaSuccess, cudaErrorMemoryAllocation, cudaErrorInsufficientDriver, cudaErrorNoDevice, cudaErrorInvalidValue,
    cudaErrorStreamCaptureUnsupported, cudaErrorNotReady
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
struct cudaFuncAttributes { int maxDynamicSharedSizeBytes; };
struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount;
    size_t sharedMemPerBlockOptin, totalGlobalMem;
};
typedef std::vector<std::function<void()>> EmulatedGraph;
typedef EmulatedGraph *cudaGraph_t, *cudaGraphExec_t;
typedef struct EmulatedStream { EmulatedGraph *recording, waiting; } *cudaStream_t;
typedef struct EmulatedEvent { double seconds; bool done; } *cudaEvent_t;

/* ------------------------------------------------------------------------------------------------
 * The card
 * ---------------------------------------------------------------------------------------------- */

static struct EmulatedCard {
    bool read, descending, shuffled, late, none, old_driver;
    int capability = 90;
    size_t memory = (size_t)1 << 34, taken = 0;
    cudaError_t last = cudaSuccess;
    std::vector<std::pair<void *, size_t>> allocations, pinned;
    std::vector<std::pair<const void *, int>> shared_allowed;
    std::vector<const void *> loaded;       /* kernels whose code is on the card */
    cudaStream_t stream = NULL;             /* the only one there is */
} emulated_card;

static EmulatedCard &emulated()
{
    EmulatedCard &card = emulated_card;
    if (card.read) return card;
    card.read = true;
    char words[256];
    snprintf(words, sizeof words, "%s", getenv("FACEGAN_EMULATE") ? getenv("FACEGAN_EMULATE") : "");
    for (char *word = strtok(words, ","); word; word = strtok(NULL, ",")) {
        if (strcmp(word, "descending") == 0) card.descending = true;
        else if (strcmp(word, "shuffled") == 0) card.shuffled = true;
        else if (strcmp(word, "late") == 0) card.late = true;
        else if (strcmp(word, "none") == 0) card.none = true;
        else if (strcmp(word, "old-driver") == 0) card.old_driver = true;
        else if (strncmp(word, "sm=", 3) == 0) card.capability = atoi(word + 3);
        else if (strncmp(word, "memory=", 7) == 0) card.memory = (size_t)atol(word + 7) << 20;
        else fprintf(stderr, "FACEGAN_EMULATE: what is %s?\n", word), exit(2);
    }
    return card;
}

static void emulation_failed(const char *what, const char *kernel)
{
    fprintf(stderr, "emulated GPU: %s in %s\n", what, kernel);
    abort();
}

/* ------------------------------------------------------------------------------------------------
 * Threads
 *
 * A fiber is a stack that can be left and entered again. It runs thread after thread of a block to its end; only when a
 * thread has to wait does the next thread get another fiber. So a kernel without barriers needs one.
 * ---------------------------------------------------------------------------------------------- */

enum { FIBER_STACK = 256 << 10, WARP = 32, THREADS_MOST = 1024 };

struct PendingCopy { float *to; const float *from; int count, group; bool valid; };

struct Fiber {
    ucontext_t context;
    char *stack;
    int thread;                         /* which thread of the block it runs; -1: none */
    enum { READY, AT_BARRIER, IN_WARP } state;
    std::vector<PendingCopy> copies;
    int groups;                         /* of copies that were ended */
    void *sanitizer;                    /* AddressSanitizer's notes on the stack */
};

static dim3 threadIdx, blockIdx, blockDim, gridDim;

struct EmulatedBlock {
    const char *kernel;
    const std::function<void()> *body;
    int threads, started;
    std::vector<int> order;             /* in which threads start */
    std::vector<Fiber *> fibers;        /* all there are; the first `used` take part */
    size_t used;
    Fiber *running;
    ucontext_t scheduler;
    void *scheduler_stack;
    size_t scheduler_bytes;
    void *lane_data[THREADS_MOST];      /* what a warp's lanes have brought to an exchange */
    int lanes_here[THREADS_MOST / WARP];
    float *shared;
};
static EmulatedBlock &block = *new EmulatedBlock();     /* never destroyed: LeakSanitizer looks after everything else is */

static void enter(Fiber *fiber)
{
    block.running = fiber;
    if (fiber->thread >= 0) {
        threadIdx.x = (unsigned)fiber->thread % blockDim.x;
        threadIdx.y = (unsigned)fiber->thread / blockDim.x % blockDim.y;
        threadIdx.z = (unsigned)fiber->thread / blockDim.x / blockDim.y;
    }
#if defined(__SANITIZE_ADDRESS__)
    void *own = NULL;
    __sanitizer_start_switch_fiber(&own, fiber->stack, FIBER_STACK);
    swapcontext(&block.scheduler, &fiber->context);
    __sanitizer_finish_switch_fiber(own, NULL, NULL);
#else
    swapcontext(&block.scheduler, &fiber->context);
#endif
}

static void leave()
{
    Fiber *fiber = block.running;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fiber->sanitizer, block.scheduler_stack, block.scheduler_bytes);
    swapcontext(&fiber->context, &block.scheduler);
    __sanitizer_finish_switch_fiber(fiber->sanitizer, (const void **)&block.scheduler_stack, &block.scheduler_bytes);
#else
    swapcontext(&fiber->context, &block.scheduler);
#endif
}

static void arrive(const PendingCopy &c)
{
    for (int i = 0; i < c.count; i++) c.to[i] = c.valid ? c.from[i] : 0;
}

static void fiber_main()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, (const void **)&block.scheduler_stack, &block.scheduler_bytes);
#endif
    for (;; leave()) {
        Fiber *fiber = block.running;
        while (block.started < block.threads) {
            int thread = block.order[(size_t)block.started++];
            fiber->thread = thread;
            threadIdx.x = (unsigned)thread % blockDim.x;
            threadIdx.y = (unsigned)thread / blockDim.x % blockDim.y;
            threadIdx.z = (unsigned)thread / blockDim.x / blockDim.y;
            (*block.body)();
            for (const PendingCopy &c : fiber->copies) arrive(c);
            fiber->copies.clear();
            fiber->groups = 0;
        }
        fiber->thread = -1;
    }
}

static Fiber *another_fiber()
{
    if (block.used < block.fibers.size()) return block.fibers[block.used++];
    Fiber *fiber = new Fiber();
    fiber->stack = (char *)malloc(FIBER_STACK);
    fiber->thread = -1;
    if (!fiber->stack || getcontext(&fiber->context)) abort();
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = FIBER_STACK;
    makecontext(&fiber->context, fiber_main, 0);
    block.fibers.push_back(fiber);
    block.used++;
    return fiber;
}

/* Lets the waiting threads of a block go on when all have come to the barrier. */
static void open_barrier()
{
    int waiting = 0;
    for (size_t i = 0; i < block.used; i++) waiting += block.fibers[i]->thread >= 0;
    for (size_t i = 0; i < block.used; i++) {
        Fiber *fiber = block.fibers[i];
        if (fiber->thread >= 0 && fiber->state != Fiber::AT_BARRIER)
            emulation_failed("a warp's lanes wait for a lane that has ended or waits at a barrier", block.kernel);
        fiber->state = Fiber::READY;
    }
    if (!waiting) emulation_failed("nothing to wait for", block.kernel);
}

static void run_block()
{
    block.started = 0, block.used = 0;
    memset(block.lanes_here, 0, sizeof block.lanes_here);
    for (;;) {
        bool moved = false, all_done = block.started == block.threads;
        for (size_t i = 0; i < block.used; i++) {
            Fiber *fiber = block.fibers[i];
            if (fiber->thread >= 0 && fiber->state == Fiber::READY) enter(fiber), moved = true;
            all_done = all_done && fiber->thread < 0;
        }
        if (moved) continue;
        if (block.started < block.threads) enter(another_fiber());
        else if (all_done) return;
        else open_barrier();
    }
}

static void shuffle(std::vector<int> &order, uint64_t &state)
{
    for (size_t i = order.size(); i > 1; i--) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        std::swap(order[i - 1], order[(size_t)(state >> 33) % i]);
    }
}

static std::vector<int> an_order(size_t count, uint64_t &state)
{
    std::vector<int> order(count);
    for (size_t i = 0; i < count; i++) order[i] = emulated().descending ? (int)(count - 1 - i) : (int)i;
    if (emulated().shuffled) shuffle(order, state);
    return order;
}

static void run_grid(const char *kernel, dim3 grid, dim3 threads, size_t shared, const std::function<void()> &body)
{
    static uint64_t chance = 1;
    size_t blocks = (size_t)grid.x * grid.y * grid.z, words = shared / sizeof(float);
    gridDim = grid, blockDim = threads;
    block.kernel = kernel, block.body = &body, block.threads = (int)(threads.x * threads.y * threads.z);
    block.shared = NULL;
    if (shared && posix_memalign((void **)&block.shared, 256, shared)) abort();
    std::vector<int> order = an_order(blocks, chance);
    block.order = an_order((size_t)block.threads, chance);
    for (size_t i = 0; i < blocks; i++) {
        unsigned which = (unsigned)order[i];
        blockIdx = dim3(which % grid.x, which / grid.x % grid.y, which / grid.x / grid.y);
        for (size_t k = 0; k < words; k++) block.shared[k] = NAN;
        run_block();
    }
    free(block.shared);
}

/* ------------------------------------------------------------------------------------------------
 * Words of gpu.cu's section 1.1
 * ---------------------------------------------------------------------------------------------- */

#define LAUNCH_KERNEL(kernel, blocks, threads, shared, stream, ...) \
    emulated_launch(#kernel, dim3(blocks), dim3(threads), shared, stream, kernel, __VA_ARGS__)
#define DYNAMIC_SHARED(name) float *name = block.shared

static size_t shared_allowed(const void *kernel)
{
    size_t allowed = 48 << 10;
    for (const auto &pair : emulated().shared_allowed)
        if (pair.first == kernel) allowed = (size_t)pair.second;
    return allowed;
}

/* Is a run being recorded, so that only work for its stream is allowed? */
static bool emulated_recording()
{
    return emulated().stream && emulated().stream->recording;
}

static cudaError_t emulated_refuse()
{
    return emulated().last = cudaErrorStreamCaptureUnsupported;
}

/* Work for the stream: noted if it is recorded; else done at once or, if things are to be late, when it is waited for. */
static void emulated_work(cudaStream_t stream, const std::function<void()> &work)
{
    if (stream->recording) stream->recording->push_back(work);
    else if (emulated().late) stream->waiting.push_back(work);
    else work();
}

static void emulated_wait()
{
    cudaStream_t stream = emulated().stream;
    if (!stream) return;
    for (const auto &work : stream->waiting) work();
    stream->waiting.clear();
}

static bool emulated_within(const std::vector<std::pair<void *, size_t>> &list, const void *from, size_t bytes)
{
    for (const auto &piece : list)
        if ((const char *)from >= (char *)piece.first && (const char *)from + bytes <= (char *)piece.first + piece.second) return true;
    return false;
}

static bool emulated_loaded(const void *kernel)
{
    for (const void *known : emulated().loaded)
        if (known == kernel) return true;
    return false;
}

template <class... Parameters, class... Arguments>
static void emulated_launch(const char *name, dim3 grid, dim3 threads, size_t shared, cudaStream_t stream,
                            void (*kernel)(Parameters...), Arguments... arguments)
{
    static_assert((sizeof(Parameters) + ...) <= 4096, "more parameters than a launch can carry");
    size_t count = (size_t)threads.x * threads.y * threads.z;
    if (stream->recording && !emulated_loaded((const void *)kernel)) { emulated_refuse(); return; }
    bool good = grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.x < 1u << 31 && grid.y < 65536 && grid.z < 65536 &&
                count > 0 && count <= THREADS_MOST && count % WARP == 0 && shared <= shared_allowed((const void *)kernel);
    if (!good) { emulated().last = cudaErrorInvalidValue; return; }
    std::tuple<Parameters...> now(arguments...);
    std::function<void()> body = [=] { std::apply(kernel, now); }, launch = [=] { run_grid(name, grid, threads, shared, body); };
    emulated_work(stream, launch);
}

static void __syncthreads()
{
    block.running->state = Fiber::AT_BARRIER;
    leave();
}

/* All 32 lanes bring something; the last to come does what is to be done with it. */
template <class Action> static void together(void *mine, Action action)
{
    Fiber *fiber = block.running;
    int warp = fiber->thread / WARP;
    void **lanes = block.lane_data + warp * WARP;
    lanes[fiber->thread % WARP] = mine;
    if (++block.lanes_here[warp] < WARP) {
        fiber->state = Fiber::IN_WARP;
        leave();
        return;
    }
    block.lanes_here[warp] = 0;
    action(lanes);
    for (size_t i = 0; i < block.used; i++) {
        Fiber *other = block.fibers[i];
        if (other->thread >= 0 && other->thread / WARP == warp) other->state = Fiber::READY;
    }
}

template <int count> static void copy_async(float *to, const float *from, bool valid)
{
    Fiber *fiber = block.running;
    PendingCopy copy = {to, from, count, fiber->groups, valid};
    if ((uintptr_t)to % (4 * count) || (uintptr_t)from % (4 * count)) emulation_failed("a copy of 16 bytes is not aligned", block.kernel);
    if (emulated().late) fiber->copies.push_back(copy);
    else arrive(copy);
}

static void copies_commit() { block.running->groups++; }

template <int still_running> static void copies_wait()
{
    Fiber *fiber = block.running;
    std::vector<PendingCopy> left;
    for (const PendingCopy &c : fiber->copies)
        if (c.group < fiber->groups - still_running) arrive(c);
        else left.push_back(c);
    fiber->copies.swap(left);
}

static float from_lane_xor(float value, int mask)
{
    struct Exchange { float value; int from; float result; } mine = {value, (int)(threadIdx.x % WARP) ^ mask, 0};
    together(&mine, [](void **lanes) {
        for (int i = 0; i < WARP; i++) {
            Exchange *e = (Exchange *)lanes[i];
            e->result = ((Exchange *)lanes[e->from])->value;
        }
    });
    return mine.result;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* tf32: to nearest, ties away from 0, 13 bits dropped; bf16: to nearest, ties to even, 16 bits dropped. */
static uint32_t to_tf32(float x)
{
    return isfinite(x) ? (bits_of(x) + 0x1000) & ~0x1fffu : bits_of(x);
}

static uint32_t to_bf16(float x)
{
    uint32_t bits = bits_of(x);
    if (isnan(x)) return 0x7fff;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static uint32_t to_bf16_pair(float low, float high) { return to_bf16(high) << 16 | to_bf16(low); }

/* One product of a warp: sum (16 x 8) += a (16 x depth) b (depth x 8). Lane 4 g + t holds of a the rows g and g + 8, of b
 * the column g; in tf32 the terms t and t + 4, in bf16 2t, 2t+1 and 2t+8, 2t+9. */
template <Precision precision>
static void warp_product(float *const *sums, const uint32_t *const *as, const uint32_t *const *bs)
{
    const int depth = precision == PRECISION_TF32 ? 8 : 16;
    float a[16][16], b[16][8];
    for (int lane = 0; lane < WARP; lane++) {
        int g = lane / 4, t = lane % 4;
        for (int word = 0; word < 4; word++) {
            int row = g + 8 * (word % 2);
            uint32_t bits = as[lane][word];
            if (precision == PRECISION_TF32) a[row][t + 4 * (word / 2)] = float_of(bits & ~0x1fffu);
            else a[row][2 * t + 8 * (word / 2)] = float_of(bits << 16), a[row][2 * t + 8 * (word / 2) + 1] = float_of(bits & 0xffff0000u);
        }
        for (int word = 0; word < 2; word++) {
            uint32_t bits = bs[lane][word];
            if (precision == PRECISION_TF32) b[t + 4 * word][g] = float_of(bits & ~0x1fffu);
            else b[2 * t + 8 * word][g] = float_of(bits << 16), b[2 * t + 8 * word + 1][g] = float_of(bits & 0xffff0000u);
        }
    }
    for (int lane = 0; lane < WARP; lane++)
        for (int k = 0; k < 4; k++) {
            int row = lane / 4 + 8 * (k / 2), column = 2 * (lane % 4) + k % 2;
            for (int term = 0; term < depth; term++) sums[lane][k] += a[row][term] * b[term][column];
        }
}

template <Precision precision, int rows, int columns>
static void tensor_cores(float (&sum)[rows][columns][4], const uint32_t (&a)[rows][4], const uint32_t (&b)[columns][2])
{
    struct Operands { float (*sum)[columns][4]; const uint32_t (*a)[4], (*b)[2]; } mine = {sum, a, b};
    together(&mine, [](void **lanes) {
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < columns; k++) {
                float *sums[WARP];
                const uint32_t *as[WARP], *bs[WARP];
                for (int lane = 0; lane < WARP; lane++) {
                    const Operands *o = (const Operands *)lanes[lane];
                    sums[lane] = o->sum[i][k], as[lane] = o->a[i], bs[lane] = o->b[k];
                }
                warp_product<precision>(sums, as, bs);
            }
    });
}

/* ------------------------------------------------------------------------------------------------
 * The runtime's functions that gpu.cu calls
 * ---------------------------------------------------------------------------------------------- */

static const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaSuccess ? "no error" : e == cudaErrorMemoryAllocation ? "out of memory" :
           e == cudaErrorStreamCaptureUnsupported ? "operation not permitted when stream is capturing" :
           e == cudaErrorNotReady ? "device not ready" : "invalid argument";
}

static cudaError_t cudaGetLastError()
{
    cudaError_t last = emulated().last;
    emulated().last = cudaSuccess;
    return last;
}

template <class T> static cudaError_t cudaMalloc(T **memory, size_t bytes)
{
    EmulatedCard &card = emulated();
    if (emulated_recording()) return emulated_refuse();
    if (card.taken + bytes > card.memory) return card.last = cudaErrorMemoryAllocation;
    if (posix_memalign((void **)memory, 256, bytes ? bytes : 1)) abort();
    memset(*memory, 0xff, bytes);
    card.allocations.push_back({*memory, bytes});
    card.taken += bytes;
    return cudaSuccess;
}

static cudaError_t cudaFree(void *memory)
{
    EmulatedCard &card = emulated();
    if (emulated_recording()) return emulated_refuse();
    emulated_wait();
    for (size_t i = 0; i < card.allocations.size(); i++) {
        if (card.allocations[i].first != memory) continue;
        card.taken -= card.allocations[i].second;
        card.allocations.erase(card.allocations.begin() + (long)i);
        free(memory);
        return cudaSuccess;
    }
    return card.last = cudaErrorInvalidValue;
}

static cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    if (emulated_recording()) return emulated_refuse();
    *memory = malloc(bytes);
    if (!*memory) return cudaErrorMemoryAllocation;
    emulated().pinned.push_back({*memory, bytes});
    return cudaSuccess;
}

static cudaError_t cudaFreeHost(void *memory)
{
    std::vector<std::pair<void *, size_t>> &pinned = emulated().pinned;
    if (emulated_recording()) return emulated_refuse();
    emulated_wait();
    for (size_t i = 0; i < pinned.size(); i++)
        if (pinned[i].first == memory) { pinned.erase(pinned.begin() + (long)i); break; }
    free(memory);
    return cudaSuccess;
}

static cudaError_t cudaMemGetInfo(size_t *available, size_t *total)
{
    *total = emulated().memory, *available = *total - emulated().taken;
    return cudaSuccess;
}

/* These two belong to no stream: they wait for what ours still has to do. */
static cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind)
{
    if (emulated_recording()) return emulated_refuse();
    emulated_wait();
    memcpy(to, from, bytes);
    return cudaSuccess;
}

static cudaError_t cudaMemset(void *to, int value, size_t bytes)
{
    if (emulated_recording()) return emulated_refuse();
    emulated_wait();
    memset(to, value, bytes);
    return cudaSuccess;
}

static cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
    const EmulatedCard &card = emulated();
    bool good = emulated_within(kind == cudaMemcpyDeviceToHost ? card.pinned : card.allocations, to, bytes) &&
                emulated_within(kind == cudaMemcpyHostToDevice ? card.pinned : card.allocations, from, bytes);
    if (!good) return stream->recording ? emulated_refuse() : emulated().last = cudaErrorInvalidValue;
    emulated_work(stream, [=] { memmove(to, from, bytes); });
    return cudaSuccess;
}

static cudaError_t cudaStreamCreate(cudaStream_t *stream) { *stream = emulated().stream = new EmulatedStream(); return cudaSuccess; }

static cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    emulated_wait();
    emulated().stream = NULL;
    delete stream;
    return cudaSuccess;
}

static cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    if (emulated_recording()) return emulated_refuse();
    emulated_wait();
    return cudaSuccess;
}

static cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode)
{
    stream->recording = new EmulatedGraph();
    return cudaSuccess;
}

static cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    *graph = stream->recording;
    stream->recording = NULL;
    return cudaSuccess;
}

static cudaError_t cudaGraphInstantiate(cudaGraphExec_t *to, cudaGraph_t graph, unsigned long long)
{
    *to = new EmulatedGraph(*graph);
    return cudaSuccess;
}

static cudaError_t cudaGraphDestroy(cudaGraph_t graph) { delete graph; return cudaSuccess; }

static cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph)
{
    emulated_wait();
    delete graph;
    return cudaSuccess;
}

static cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream)
{
    emulated_work(stream, [=] { for (const auto &step : *graph) step(); });
    return cudaSuccess;
}

static double emulated_seconds()
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static cudaError_t cudaEventCreate(cudaEvent_t *event) { *event = new EmulatedEvent(); return cudaSuccess; }
static cudaError_t cudaEventDestroy(cudaEvent_t event) { delete event; return cudaSuccess; }

static cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    event->done = false;
    emulated_work(stream, [=] { event->seconds = emulated_seconds(), event->done = true; });
    return cudaSuccess;
}

static cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t stop)
{
    if (!start->done || !stop->done) return cudaErrorNotReady;
    *milliseconds = (float)(1e3 * (stop->seconds - start->seconds));
    return cudaSuccess;
}

template <class Kernel> static cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, Kernel *kernel)
{
    attributes->maxDynamicSharedSizeBytes = (int)shared_allowed((const void *)kernel);
    if (!emulated_loaded((const void *)kernel)) emulated().loaded.push_back((const void *)kernel);
    return cudaSuccess;
}

template <class Kernel> static cudaError_t cudaFuncSetAttribute(Kernel *kernel, cudaFuncAttribute, int bytes)
{
    if (bytes > (emulated().capability == 75 ? 64 : 227) << 10) return cudaErrorInvalidValue;
    emulated().shared_allowed.push_back({(const void *)kernel, bytes});
    return cudaSuccess;
}

static cudaError_t cudaDriverGetVersion(int *version) { *version = emulated().none ? 0 : emulated().old_driver ? 11040 : 13000; return cudaSuccess; }
static cudaError_t cudaRuntimeGetVersion(int *version) { *version = 13000; return cudaSuccess; }
static cudaError_t cudaSetDevice(int) { return cudaSuccess; }

static cudaError_t cudaGetDeviceCount(int *count)
{
    *count = !emulated().none;
    return emulated().none ? cudaErrorNoDevice : emulated().old_driver ? cudaErrorInsufficientDriver : cudaSuccess;
}

static cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
    int sm = emulated().capability;
    *p = cudaDeviceProp();
    snprintf(p->name, sizeof p->name, "a GPU emulated on the CPU");
    p->major = sm / 10, p->minor = sm % 10, p->multiProcessorCount = 1;
    p->sharedMemPerBlockOptin = (size_t)(sm == 75 ? 64 : 227) << 10, p->totalGlobalMem = emulated().memory;
    return cudaSuccess;
}
#endif
