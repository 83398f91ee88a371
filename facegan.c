/* facegan: every system for synthesising facial expressions that a set of seminar papers builds, in one C file that a
 * student can read in order, that runs on any machine with a C compiler, and that is faster than the frameworks it
 * replaces.
 *
 * CONTENTS
 *    PART I  the story, to be read in order          PART III  the workshop
 *      1  a whole GAN in sixty lines                   10  data sets: opening, the doctor
 *      2  tensors and the graph                        11  faces in photographs
 *      3  the ops: one row each                        12  runs, and a classifier at work
 *      4  the gradient, symbol to symbol               13  numbers, verification, speed
 *      5  layers and networks                          14  pictures, pages, reports
 *      6  losses beside their equations, settings      15  experiments
 *      7  steps, and the loop of training              16  the command line
 *    PART II  the engine
 *      8  planning and running a graph
 *      9  settings and weights
 *
 * Everything that computes is a row of one table of ops (facegan.h, FACEGAN_OPS): its shape rule, its definition in
 * plain loops, its kernel, its gradient rule and its test cases stand together in chapter 3. A model is a function that
 * calls op constructors; they append nodes to a graph and compute nothing. `grad` appends more nodes. The graph is
 * planned once, so that every node has a place in one arena, and then run again and again.
 *
 * The letters for dimensions (N H W C K R S P X n) are declared once, in the internal part of facegan.h, which has the
 * types and the table too, and the table of settings: read it before chapter 2. Chapter 1 needs its last page only.
 *
 * SOURCES, by the names used below
 *    GAN       Goodfellow et al. 2014, arXiv 1406.2661            Adam    Kingma & Ba 2015, arXiv 1412.6980
 *    WGAN      Arjovsky et al. 2017, arXiv 1701.07875             DCGAN   Radford et al. 2016, arXiv 1511.06434
 *    WGAN-GP   Gulrajani et al. 2017, arXiv 1704.00028            Philox  Salmon et al. 2011, "Parallel random numbers"
 *    StarGAN   Choi et al. 2018, arXiv 1711.09020                 IN      Ulyanov et al. 2016, arXiv 1607.08022
 *    LSGAN     Mao et al. 2017, arXiv 1611.04076                  R1      Mescheder et al. 2018, arXiv 1801.04406
 *    hinge     Lim & Ye 2017, arXiv 1705.02894                    GANmut  d'Apolito et al. 2021, CVPR
 *    MTCNN     Zhang et al. 2016, arXiv 1604.02878                RetinaFace  Deng et al. 2020, arXiv 1905.00641
 * and the four seminar papers:
 *    Kolbenschlag    N. Kolbenschlag 2020, "Emotional face generation with adversarial networks": faces from noise
 *    Ceovic et al.   "GANs for Generating Different Face Expressions": StarGAN on FER2013
 *    Surani          M. Surani 2024, "GANmut: Generating and Modifying Facial Expressions", arXiv 2406.11079
 *    EDI             "Emotion Detection in Images": VGG19 and three emotions
 */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "facegan: files of weights are little-endian and are used as they lie in memory; this machine is big-endian"
#include "no-big-endian-machines"        /* is not there: that ends the compilation, which an #error does not */
#endif

#define FACEGAN_INTERNAL
#define KERNELS_STATIC
#define FACEGAN_WORDS
#include "facegan.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VENDOR_REAL real
#include "vendor/all.h"
#include "vendor/documents.h"

/* ================================================================================================
 * PART I  THE STORY
 *
 * A whole GAN first, of points in the plane; then everything that it is made of, and the networks that draw faces:
 * tensors and the graph, the ops, the gradient, layers and networks, losses, the steps and the loop of training. It can
 * be read from here to PART II in one go.
 * ============================================================================================== */

/* ================================================================================================
 * 1  A WHOLE GAN IN SIXTY LINES
 *
 * Real points x lie in heaps around a ring. The generator G turns noise z, two numbers drawn from a normal
 * distribution, into a point, and learns to put its points where the real ones are. The discriminator D gives a point a
 * score, one number of any size, the higher the more real the point looks, and learns to tell G's points from the real
 * ones. `facegan toy gan`, `toy wgan` and `toy wgan-gp` run this in seconds and draw the points as they move. A GAN for
 * faces is the same with other layers.
 *
 * Both are functions with some thousand numbers in them, their weights. A dense layer computes y = W x + b and then a
 * leaky ReLU, y if y > 0, else 0.2 y; a network is a few layers in a row. To learn is to move every weight a little,
 * again and again, to where a loss falls: E is the mean over a batch of N points, and the derivatives of the loss, its
 * gradient, are made by the program (chapter 4). The words that the code below is written in (leaf, dense, grad1, ...)
 * are listed on the last page of facegan.h; the chapters that follow define them.
 *
 *              D minimises                                                    G minimises
 *   gan        E log(1 + e^-D(x)) + E log(1 + e^D(G(z)))                      E log(1 + e^-D(G(z)))  (Goodfellow 2014)
 *   wgan       E D(G(z)) - E D(x), its weights kept within +-0.1              - E D(G(z))            (Arjovsky 2017)
 *   wgan-gp    E D(G(z)) - E D(x) + 0.1 E (||d D(x_hat) / d x_hat||_2 - 1)^2  - E D(G(z))            (Gulrajani 2017)
 *              x_hat = alpha x + (1 - alpha) G(z), alpha ~ U(0,1)
 *
 * gan reads the score as a probability of being real, 1/(1 + e^-D). The other two (w: Wasserstein's distance) read it
 * as a height: how much higher the real points lie on average says how far G's points have to go, as long as D is
 * nowhere steeper than 1. To keep it so, wgan clips D's weights; wgan-gp measures D's slope at x_hat, a random place
 * between a real point and one of G's, which is where G's points have to pass, and makes every slope other than 1 cost
 * something. G learns only from D's slope at its points, so D has to be good first: it takes five steps for one of G's.
 * ============================================================================================== */

typedef enum ToyLoss { TOY_GAN, TOY_WGAN, TOY_WGAN_GP } ToyLoss;

enum { CROWD = 256, TOY_WIDTH = 64, TOY_CRITIC = 5 };   /* N, points in a batch; hidden channels; D steps per G step */
static const double toy_rate = 2e-3, toy_beta1 = 0.5, toy_beta2 = 0.9;

typedef struct Toy {
    ToyLoss loss;
    Net *g, *d;
    Tensor *x, *z, *alpha;              /* (N,1,1,2) real points, (N,1,1,2) noise, (N,1,1,1) alpha */
    Tensor *d_schedule, *g_schedule;    /* (1,1,1,3) */
    Graph *d_step, *g_step;
    Node *fake;                         /* G(z), (N,1,1,2), after a G step */
} Toy;

/* Either network: (N,1,1,2) -> (N,1,1,k). */
static Node *toy_layers(Net *net, Node *h, int k)
{
    sequential(net, "main.");
    for (int i = 0; i < 3; i++) h = dense(net, h, TOY_WIDTH, 0.2);                              // (N,1,1,64)
    return dense(net, h, k, 1);
}

/* E (||d D(x_hat) / d x_hat||_2 - 1)^2. Each point's score depends on that point alone, so the derivatives of the
 * scores' sum are every point's own. */
static Node *toy_penalty(Toy *t, Node *x, Node *fake, Node *alpha)
{
    Node *x_hat = add(mul(alpha, x), mul(affine(alpha, -1, 1), fake));                          // (N,1,1,2)
    Node *slope = grad1(sum(toy_layers(t->d, x_hat, 1)), x_hat);                                // (N,1,1,2)
    return mean(square(add_number(sqrt_of(sum_per_picture(square(slope))), -1)));
}

/* In D's step G's points are data like the real ones, which stop_grad says; only D's weights move. */
static void build_toy_d_step(Toy *t)
{
    Graph *g = t->d_step = graph_new();
    Node *unused[2 * 4];                                        /* the gradients of 4 layers' weights and biases */
    net_attach(t->g, g), net_attach(t->d, g);
    Node *x = leaf(g, t->x), *fake = stop_grad(toy_layers(t->g, leaf(g, t->z), 2));             // (N,1,1,2)
    Node *on_real = toy_layers(t->d, x, 1), *on_fake = toy_layers(t->d, fake, 1);               // (N,1,1,1)
    Node *loss = t->loss == TOY_GAN ? add(mean(softplus(scale(on_real, -1))), mean(softplus(on_fake)))
                                    : sub(mean(on_fake), mean(on_real));
    if (t->loss == TOY_WGAN_GP) loss = add(loss, scale(toy_penalty(t, x, fake, leaf(g, t->alpha)), 0.1));
    net_update(t->d, loss, leaf(g, t->d_schedule), unused);
}

/* In G's step the gradient goes through D into G; only G's weights move. */
static void build_toy_g_step(Toy *t)
{
    Graph *g = t->g_step = graph_new();
    Node *unused[2 * 4];
    net_attach(t->g, g), net_attach(t->d, g);
    t->fake = keep(toy_layers(t->g, leaf(g, t->z), 2));                                         // (N,1,1,2)
    Node *score = toy_layers(t->d, t->fake, 1);                                                 // (N,1,1,1)
    Node *loss = t->loss == TOY_GAN ? mean(softplus(scale(score, -1))) : scale(mean(score), -1);
    net_update(t->g, loss, leaf(g, t->g_schedule), unused);
}

/* Iteration i of all: D steps, then a G step, the rate falling to 0 so that both come to rest. draw_batch fills x, z
 * and alpha with batch number n. */
static void toy_iteration(Toy *t, long i, long all, void (*draw_batch)(Toy *t, long n))
{
    double rate = toy_rate * (1 - (double)i / (double)all);
    for (long n = i * TOY_CRITIC; n < (i + 1) * TOY_CRITIC; n++) {
        draw_batch(t, n);
        set_schedule(t->d_schedule, rate, toy_beta1, toy_beta2, n + 1);
        graph_run(t->d_step);
        if (t->loss == TOY_WGAN) clip_weights(t->d, (real)0.1);
    }
    set_schedule(t->g_schedule, rate, toy_beta1, toy_beta2, i + 1);
    graph_run(t->g_step);
}

/* ================================================================================================
 * 2  TENSORS AND THE GRAPH
 *
 * A tensor is a named array of numbers with four axes that lives as long as the program wants: a weight, a batch. An op
 * is a function of tensors that the program knows how to compute and to differentiate: a sum, a convolution. A node is
 * an op applied to operands; a graph is the list of its nodes in the order they were made, which is an order in which
 * they can be computed. Before a graph can run it is planned (chapter 8): every node gets its place in memory. Building
 * never stops at a mistake: the first one is kept in the graph and reported when the graph is planned.
 *
 * First come three things that everything else needs: errors (2.1), memory (2.2) and chance (2.3). Then tensors and
 * graphs (2.4), and the library that computes (2.5).
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 2.1  Errors
 *
 * There is one way to fail for a reason that the user can act on (a missing file, a wrong option, no more memory):
 * give_up(), which ends the work that was begun with attempt(). What that work owns is freed and closed by itself:
 * memory from own(), files told to on_leaving(). So nobody here checks a result on the way, and nobody frees
 * (vendor/scope.h). What can only go wrong by a mistake in this program ends it with abort().
 * ---------------------------------------------------------------------------------------------- */

static bool no_messages;                /* --quiet: no progress, no warnings */

static void be_quiet(bool quiet)
{
    no_messages = quiet;
    progress_to(quiet ? NULL : stderr);
}

/* Keeps why in e, where it is told later (a graph's first mistake) or may be forgiven. */
__attribute__((format(printf, 3, 4)))
static int fail(Error *e, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->text, sizeof e->text, format, arguments);
    va_end(arguments);
    e->status = status;
    e->machine = false;
    return 0;
}

__attribute__((format(printf, 1, 2)))
static void warn(const char *format, ...)
{
    if (no_messages) return;
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("facegan: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* Memory that its caller frees: the engine's, which outlives the work that asked for it. */
static void *must_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory) give_up_memory(count, size);
    return memory;
}

/* ------------------------------------------------------------------------------------------------
 * 2.2  An arena
 *
 * All values that a graph computes live in one large block of memory, its arena. It is asked for once and used again by
 * every run, because fresh memory costs time at its first touch (vendor/places.h).
 * ---------------------------------------------------------------------------------------------- */

/* Makes the arena at least `size` bytes; what it held is lost when it grows. */
static void arena_reserve(Arena *arena, size_t size)
{
    if (!places_reserve(arena, size))
        give_up(1, "out of memory (%zu MB for one step's values; try a smaller --batch or --size)", size >> 20);
}

/* Memory for the kernel that is running, good until the next call: one kernel runs at a time. */
static void *scratch(size_t bytes)
{
    static Arena arena;
    arena_reserve(&arena, bytes);
    return arena.base;
}

/* ------------------------------------------------------------------------------------------------
 * 2.3  Chance
 *
 * A generator of random numbers with a state gives other numbers when the calls come in another order. Philox 4x32-10
 * has no state: it turns (key, counter) into four random words by ten rounds of multiplications. A draw is addressed by
 * what it is for: the seed of the run; the stream, which is its purpose; the index, often the iteration; and which
 * number of these. So the order of calls, the number of threads and an interruption cannot change a value: iteration
 * 1000's shuffle is the same whether iterations 0 to 999 ran in this process or not.
 * ---------------------------------------------------------------------------------------------- */

/* The purposes, all of them. A number once given stays: another one would change what a seed means. */
enum {
    STREAM_INIT = 1, STREAM_SHUFFLE = 2, STREAM_AUGMENT = 3, STREAM_TARGETS = 4, STREAM_ALPHA = 5, STREAM_TEST = 8,
    STREAM_STRENGTH = 9, STREAM_NOISE = 10, STREAM_ANGLE = 11, STREAM_POINT = 12, STREAM_DROPOUT = 13,
    STREAM_LATENT = 14, STREAM_SPLIT = 32, STREAM_BALANCE = 33, STREAM_TOY = 64, STREAM_HEAP = 65,
    STREAM_TOY_NOISE = 66, STREAM_TOY_ALPHA = 67, STREAM_RESAMPLE = 77
    /* 6 is vendor/face.h's: the drawn faces */
};

static void philox(uint64_t key, uint64_t counter_high, uint64_t counter_low, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1, c3 = (uint32_t)p0, c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* Uniform in (0,1). One call of Philox makes four neighbours: `which` divided by 4 says the call, the remainder the
 * word. */
static double draw(uint64_t seed, uint32_t stream, uint64_t index, uint32_t which)
{
    uint32_t words[4];
    philox(seed, (uint64_t)stream << 32 | which >> 2, index, words);
    return (words[which & 3] + 0.5) / 4294967296.0;
}

/* ------------------------------------------------------------------------------------------------
 * 2.4  Tensors, nodes, graphs
 *
 * The types Shape, Tensor and Node stand in facegan.h. A model is built by calls of append(), each of which makes a
 * node. The lines about a device are for graphs that run on a graphics card: a tensor may then have a copy there, and
 * `state` says which of the two was written last. Who reads for the first time may skip them; without a card, nothing
 * happens there.
 * ---------------------------------------------------------------------------------------------- */

enum { GRAPH_NODES = 1 << 14 };         /* the most that a graph can have */

struct Graph {
    Node *nodes[GRAPH_NODES];
    int count;
    bool planning;                      /* the planner (chapter 8) is at work: earlier nodes read what it appends */
    Node **order;                       /* what runs, in order: the planner's result */
    int n_order;
    size_t arena_bytes;
    DeviceGraph *on_device;             /* planned for the GPU: what runs there */
    Tensor **owned;                     /* constants and test cases, freed with the graph */
    int n_owned;
    Error error;
};

/* The one place that knows whether gpu.cu is part of this program (`make gpu`). */
#ifdef FACEGAN_GPU
extern const Device facegan_gpu;
static const Device *const gpu_device = &facegan_gpu;
#else
static const Device *const gpu_device = NULL;
#endif
static const Device *chosen_device;     /* where graphs are planned to run: NULL is the CPU */
static bool device_refused;             /* a graph could not be planned there: --device auto then takes the CPU */

static Shape shape_of(int n, int h, int w, int c)
{
    return (Shape){{n, h, w, c}};
}

static size_t shape_count(Shape s)
{
    return (size_t)s.d[0] * (size_t)s.d[1] * (size_t)s.d[2] * (size_t)s.d[3];
}

static bool shape_equal(Shape a, Shape b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static size_t count_of(const Node *node)
{
    return shape_count(node->shape);
}

/* Zeros, aligned for the widest vector instructions. */
static real *new_reals(size_t count)
{
    real *zeros = places_zeros(count * sizeof *zeros);
    if (!zeros) give_up_memory(count, sizeof *zeros);
    return zeros;
}

static Tensor *tensor_new(const char *name, Shape shape)
{
    Tensor *t = must_alloc(1, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->shape = shape;
    t->data = new_reals(shape_count(shape));
    return t;
}

static void tensor_free(Tensor *t)
{
    if (!t) return;
    if (t->on_device) gpu_device->release(t);
    free(t->data);
    free(t);
}

/* A GPU that fails in the middle of a run was taken away, or has a fault. */
static void device_failed(const char *why)
{
    give_up(1, "%s", why);
}

/* To be called before the program reads a tensor that stays on the GPU, and after it wrote one. */
static const Tensor *fetched(const Tensor *t)
{
    char why[FACEGAN_ERROR];
    if (t->state == DEVICE_NEWER && !gpu_device->fetch((Tensor *)t, why)) device_failed(why);
    return t;
}

static void changed(Tensor *t)
{
    t->state = HOST_NEWER;
}

static Graph *graph_new(void)
{
    return must_alloc(1, sizeof(Graph));
}

static void graph_free(Graph *g)
{
    if (!g) return;
    if (g->on_device) gpu_device->forget(g->on_device);
    for (int i = 0; i < g->count; i++) free(g->nodes[i]);
    for (int i = 0; i < g->n_owned; i++) tensor_free(g->owned[i]);
    free(g->owned);
    free(g->order);
    free(g);
}

/* A row of the table of ops (facegan.h): what chapter 3 gives for each. y is the node; define's `in` are its operands'
 * values; dy and dx are explained there. */
typedef struct Row {
    const char *name, *text;
    int (*shape)(Node *y);                                                  /* sets y's shape; 0 after mistake() */
    void (*define)(const Node *y, const double *const *in, double *out);
    void (*cpu)(Node *y);
    void (*grad)(Node *y, Node *dy, Node **dx, const bool *want);           /* dx[i] for each wanted operand i */
    Node *(*test)(Graph *g, int variant);                                   /* NULL when there are no more variants */
} Row;

static const Row *row_of(Op op);

/* Records a mistake in the model being built, naming the op and its operands' shapes. */
__attribute__((format(printf, 2, 3)))
static int mistake(Node *y, const char *format, ...)
{
    Graph *g = y->graph;
    if (g->error.status) return 0;
    char why[300], shapes[200] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    for (int i = 0; i < MAX_INPUTS; i++) {
        if (!y->in[i]) continue;
        const int *d = y->in[i]->shape.d;
        size_t used = strlen(shapes);
        snprintf(shapes + used, sizeof shapes - used, " (%d,%d,%d,%d)", d[0], d[1], d[2], d[3]);
    }
    return fail(&g->error, 1, "%s:%s %s", row_of(y->op)->name, shapes, why);
}

/* Appends a node to the graph of its first operand (or the one it names) and works out its shape. After a mistake the
 * shape is (1,1,1,1), so that building can go on. */
static Node *append(Node proto)
{
    Graph *g = proto.graph ? proto.graph : proto.in[0]->graph;
    if (g->count == GRAPH_NODES) give_up(1, "a graph of more than %d nodes: a network too deep", GRAPH_NODES);
    Node *y = must_alloc(1, sizeof *y);
    *y = proto;
    y->graph = g;
    y->late = g->planning;
    y->id = g->count;
    g->nodes[g->count++] = y;
    if (!row_of(y->op)->shape(y)) y->shape = shape_of(1, 1, 1, 1);
    return y;
}

/* A value that must still be there after the run: a loss to print, a picture to show. */
static Node *keep(Node *node)
{
    node->kept = true;
    return node;
}

/* ------------------------------------------------------------------------------------------------
 * 2.5  Kernels
 *
 * A kernel is the fast code of an op. On the CPU the kernels are libraries of their own, vendor/kernels.h and, built on
 * it, vendor/arrays.h, which may be skipped: what a kernel computes stands beside its op in chapter 3, as a definition
 * in plain loops. Four of its words come up there:
 *
 *   kernels->pointwise(...)            a kernel, in the version for this processor's instruction set
 *   parallel(tasks, task, argument)    calls task(argument, index, worker) for every index from 0 to tasks - 1, on all
 *                                      threads, and returns when all are done; `worker` is the thread's number
 *   ConvShape, ConvEpilogue            the geometry of a convolution; what is done to its result on the way to memory
 *
 * Here stands which of the library's optimisers is which op.
 * ---------------------------------------------------------------------------------------------- */

#define NAME(name) [OP_##name] = UPDATE_##name,
static const Update update_of_op[OPS] = {KERNELS_UPDATES(NAME)};
#undef NAME

/* ================================================================================================
 * 3  THE OPS
 *
 * One section per row of the table in facegan.h, or per family of rows. A section has the op's constructor (what
 * model code calls), its shape rule, its definition in plain loops over double, the call of its kernel, its gradient
 * rule, which only calls constructors and can therefore be differentiated again, and its test cases. The table itself
 * stands at the chapter's end.
 *
 * A gradient rule is one link of the chain rule. A loss depends on y, and y on its operands x. Given
 *
 *     dy = d loss / d y, as many numbers as y has, called the cotangent of y,
 *
 * the rule makes dx = d loss / d x, for each operand that is wanted: for y = x^2 it is dx = dy 2 x. Chapter 4 puts the
 * links together. Where y is linear in x, y = A x, the rule is dx = A^T dy. That is an op as well, called the adjoint,
 * and its own rule leads back to A: such a pair can be differentiated as often as one likes. Most ops below come in
 * such pairs.
 *
 * A test case is a small graph, number `variant` of the op's. `facegan verify` (chapter 13) holds its kernel against
 * the definition, and its gradient rule against differences of the definition.
 * ============================================================================================== */

#define SHAPE(name)    static int name##_shape(Node *y)
#define DEFINE(name)   static void name##_define(const Node *y, const double *const *in, double *out)
#define CPU(name)      static void name##_cpu(Node *y)
#define GRADIENT(name) \
    static void name##_grad(Node *y __attribute__((unused)), Node *dy __attribute__((unused)), \
                            Node **dx __attribute__((unused)), const bool *want __attribute__((unused)))
#define CASE(name)     static Node *name##_case(Graph *g, int variant)

/* An op without a rule says why: its value does not change with its operands; it is itself a gradient, whose own
 * gradient nobody needs; its nodes are appended when all gradients have been made; or its only reader's rule contains
 * its own. */
#define CONSTANT(name)         GRADIENT(name) {}
#define FIRST_ORDER_ONLY(name) \
    GRADIENT(name) { mistake(y, "has a first-order gradient only; build it from primitive ops to go further"); }
#define AFTER_ALL_GRADIENTS(name)  GRADIENT(name) { mistake(y, "is made after all gradients"); }

enum { ELEMENTS_A_TASK = 1 << 14 };     /* work is cut into pieces of so many numbers, however many threads there are */

static int pieces(size_t count, size_t piece)
{
    return (int)((count + piece - 1) / piece);
}

static int min_int(int a, int b) { return a < b ? a : b; }
static int max_int(int a, int b) { return a > b ? a : b; }

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ------------------------------------------------------------------------------------------------
 * 3.1  Leaves and constants
 *
 * Where a graph begins: tensors that somebody fills from outside (leaf), and a number in every place (fill).
 * ---------------------------------------------------------------------------------------------- */

/* A tensor as a node. Its value is whatever the tensor holds when the graph runs. */
static Node *leaf(Graph *g, Tensor *tensor)
{
    return append((Node){.op = OP_leaf, .graph = g, .tensor = tensor, .shape = tensor->shape});
}

SHAPE(leaf) { return y->tensor != NULL; }
DEFINE(leaf) { (void)in; for (size_t i = 0; i < count_of(y); i++) out[i] = (double)y->tensor->data[i]; }
CPU(leaf) { (void)y; }
CONSTANT(leaf)

static Node *fill(Graph *g, Shape shape, double value)
{
    return append((Node){.op = OP_fill, .graph = g, .shape = shape, .a = value});
}

SHAPE(fill) { return shape_count(y->shape) > 0; }
DEFINE(fill) { (void)in; for (size_t i = 0; i < count_of(y); i++) out[i] = y->a; }
CPU(fill) { for (size_t i = 0; i < count_of(y); i++) y->data[i] = (real)y->a; }
CONSTANT(fill)
CASE(fill) { return variant < 1 ? fill(g, shape_of(2, 3, 1, 5), 0.25) : NULL; }

/* A tensor that lives as long as the graph: constants, test cases. */
static Tensor *graph_tensor(Graph *g, const char *name, Shape shape)
{
    Tensor **more = realloc(g->owned, (size_t)(g->n_owned + 1) * sizeof *more);
    if (!more) give_up_memory(1, sizeof *more);
    g->owned = more;
    return g->owned[g->n_owned++] = tensor_new(name, shape);
}

/* A leaf for test cases: uniform in [low, high), with a random sign if either_sign. With low > 0 its numbers keep away
 * from 0, where |x| and ReLU have no derivative. */
static Node *test_leaf(Graph *g, Shape shape, double low, double high, bool either_sign)
{
    uint64_t which = (uint64_t)g->n_owned;
    Tensor *t = graph_tensor(g, "test", shape);
    for (size_t i = 0; i < shape_count(shape); i++) {
        double u = draw(which, STREAM_TEST, i, 0), sign = either_sign && draw(which, STREAM_TEST, i, 1) < 0.5 ? -1 : 1;
        t->data[i] = (real)(sign * (low + (high - low) * u));
    }
    return leaf(g, t);
}

CASE(leaf) { return variant < 1 ? test_leaf(g, shape_of(1, 2, 3, 4), -1, 1, false) : NULL; }

/* ------------------------------------------------------------------------------------------------
 * 3.2  Pointwise ops
 *
 * y_i depends on the operands' i-th elements alone. A row is one line: POINTWISE(name, number of operands, low, high
 * and either_sign of its test leaves, definition), the definition being one expression in x (and v, the second
 * operand). The kernel is a pointwise loop of vendor/kernels.h.
 * ---------------------------------------------------------------------------------------------- */

static int pointwise_shape(Node *y)
{
    y->shape = y->in[0]->shape;
    if (y->in[1] && !shape_equal(y->in[0]->shape, y->in[1]->shape)) return mistake(y, "operands differ in shape");
    return 1;
}

typedef struct PointwiseJob { Node *y; Pointwise loop; } PointwiseJob;        /* which of the library's loops it is */

static void pointwise_task(void *argument, int index, int worker)
{
    (void)worker;
    const PointwiseJob *job = argument;
    Node *y = job->y;
    size_t from = (size_t)index * ELEMENTS_A_TASK, n = least(ELEMENTS_A_TASK, count_of(y) - from);
    const real *u = y->in[0]->data + from, *v = y->in[1] ? y->in[1]->data + from : NULL;
    kernels->pointwise(job->loop, u, v, (real)y->a, (real)y->b, y->data + from, n);
}

static void pointwise_cpu(Node *y, Pointwise loop)
{
    parallel(pieces(count_of(y), ELEMENTS_A_TASK), pointwise_task, &(PointwiseJob){y, loop});
}

/* Four sizes: less than one SIMD vector, a few vectors and a rest, several tasks, one number. */
static Node *pointwise_case(Graph *g, int variant, Node proto, int operands, double low, double high, bool either_sign)
{
    const Shape sizes[] = {{{1, 1, 1, 3}}, {{2, 3, 5, 7}}, {{1, 90, 91, 5}}, {{1, 1, 1, 1}}};
    if (variant >= 4) return NULL;
    for (int i = 0; i < operands; i++) proto.in[i] = test_leaf(g, sizes[variant], low, high, either_sign);
    return append(proto);
}

#define POINTWISE(name, operands, low, high, either_sign, expression) \
    SHAPE(name) { return pointwise_shape(y); } \
    DEFINE(name) \
    { \
        for (size_t i = 0; i < count_of(y); i++) { \
            double x = in[0][i], v = y->in[1] ? in[1][i] : 0; \
            (void)x, (void)v; \
            out[i] = expression; \
        } \
    } \
    CPU(name) { pointwise_cpu(y, POINTWISE_##name); } \
    CASE(name) \
    { \
        return pointwise_case(g, variant, (Node){.op = OP_##name, .a = 0.3, .b = -0.7}, operands, low, high, \
                              either_sign); \
    }

static Node *broadcast(Node *x, Shape shape);
static Node *sum_to(Node *x, Shape shape);

/* Two operands are first repeated to their common shape. */
static Node *binary(Op op, Node *u, Node *v)
{
    Shape shape;
    for (int i = 0; i < AXES; i++) shape.d[i] = u->shape.d[i] > v->shape.d[i] ? u->shape.d[i] : v->shape.d[i];
    return append((Node){.op = op, .in = {broadcast(u, shape), broadcast(v, shape)}});
}

static Node *add(Node *u, Node *v) { return binary(OP_add, u, v); }
static Node *sub(Node *u, Node *v) { return binary(OP_sub, u, v); }
static Node *mul(Node *u, Node *v) { return binary(OP_mul, u, v); }

static Node *affine(Node *x, double a, double b)
{
    return append((Node){.op = OP_affine, .in = {x}, .a = a, .b = b});
}

static Node *scale(Node *x, double a)      { return affine(x, a, 0); }
static Node *add_number(Node *x, double b) { return affine(x, 1, b); }

static Node *square(Node *x)        { return append((Node){.op = OP_square, .in = {x}}); }
static Node *sqrt_of(Node *x)       { return append((Node){.op = OP_sqrt, .in = {x}}); }
static Node *reciprocal(Node *x)    { return append((Node){.op = OP_reciprocal, .in = {x}}); }
static Node *sin_of(Node *x)        { return append((Node){.op = OP_sin, .in = {x}}); }
static Node *cos_of(Node *x)        { return sin_of(add_number(x, 1.57079632679489661923)); }
static Node *log_of(Node *x)        { return append((Node){.op = OP_log, .in = {x}}); }
static Node *tanh_of(Node *x)       { return append((Node){.op = OP_tanh, .in = {x}}); }
static Node *sigmoid(Node *x)       { return append((Node){.op = OP_sigmoid, .in = {x}}); }
static Node *softplus(Node *x)      { return append((Node){.op = OP_softplus, .in = {x}}); }
static Node *abs_of(Node *x)        { return append((Node){.op = OP_abs, .in = {x}}); }
static Node *sign(Node *x)          { return append((Node){.op = OP_sign, .in = {x}}); }

POINTWISE(add, 2, -1, 1, false, x + v)
GRADIENT(add) { dx[0] = dy, dx[1] = dy; }

POINTWISE(sub, 2, -1, 1, false, x - v)
GRADIENT(sub) { dx[0] = dy; if (want[1]) dx[1] = scale(dy, -1); }

POINTWISE(mul, 2, -1, 1, false, x * v)
GRADIENT(mul) { if (want[0]) dx[0] = mul(dy, y->in[1]); if (want[1]) dx[1] = mul(dy, y->in[0]); }

POINTWISE(affine, 1, -1, 1, false, y->a * x + y->b)
GRADIENT(affine) { dx[0] = scale(dy, y->a); }

POINTWISE(square, 1, -1, 1, false, x * x)
GRADIENT(square) { dx[0] = mul(dy, scale(y->in[0], 2)); }

POINTWISE(sqrt, 1, 0.3, 2, false, sqrt(x))
GRADIENT(sqrt) { dx[0] = mul(dy, scale(reciprocal(y), 0.5)); }

POINTWISE(reciprocal, 1, 0.3, 2, true, x != 0 ? 1 / x : 0)
GRADIENT(reciprocal) { dx[0] = scale(mul(dy, square(y)), -1); }

POINTWISE(exp, 1, -3, 3, false, exp(x))
GRADIENT(exp) { dx[0] = mul(dy, y); }

POINTWISE(log, 1, 0.1, 3, false, log(x))
GRADIENT(log) { dx[0] = mul(dy, reciprocal(y->in[0])); }

POINTWISE(sin, 1, -8, 8, false, sin(x))
GRADIENT(sin) { dx[0] = mul(dy, cos_of(y->in[0])); }

POINTWISE(tanh, 1, -3, 3, false, tanh(x))
GRADIENT(tanh) { dx[0] = mul(dy, affine(square(y), -1, 1)); }

POINTWISE(sigmoid, 1, -6, 6, false, 1 / (1 + exp(-x)))
GRADIENT(sigmoid) { dx[0] = mul(dy, mul(y, affine(y, -1, 1))); }

POINTWISE(softplus, 1, -6, 6, false, (x > 0 ? x : 0) + log1p(exp(-fabs(x))))
GRADIENT(softplus) { dx[0] = mul(dy, sigmoid(y->in[0])); }

POINTWISE(abs, 1, 0.2, 1, true, fabs(x))
GRADIENT(abs) { dx[0] = mul(dy, sign(y->in[0])); }

POINTWISE(sign, 1, 0.2, 1, true, (x > 0) - (x < 0))
CONSTANT(sign)

/* ------------------------------------------------------------------------------------------------
 * 3.3  Leaky ReLU, PReLU                     y = x if x > 0 else a x             (Maas et al. 2013)
 *
 * The gradient op, leaky_mask: dx = dy * (y > 0 ? 1 : a), is linear in dy and takes only y's sign: differentiated again
 * it is itself, applied to the new cotangent. The gradient penalty costs no new kernel here.
 * ---------------------------------------------------------------------------------------------- */

static Node *leaky_relu(Node *x, double slope)
{
    return append((Node){.op = OP_leaky_relu, .in = {x}, .a = slope});
}

static Node *relu(Node *x) { return leaky_relu(x, 0); }

static Node *leaky_mask(Node *dy, Node *y, double slope)
{
    return append((Node){.op = OP_leaky_mask, .in = {dy, y}, .a = slope});
}

POINTWISE(leaky_relu, 1, 0.2, 1, true, x > 0 ? x : y->a * x)
GRADIENT(leaky_relu) { dx[0] = leaky_mask(dy, y, y->a); }

POINTWISE(leaky_mask, 2, 0.2, 1, true, v > 0 ? x : y->a * x)
GRADIENT(leaky_mask) { if (want[0]) dx[0] = leaky_mask(dy, y->in[1], y->a); }

/* PReLU learns its slopes, one a channel (He et al. 2015). With m = dy where x > 0 and 0 elsewhere: dx = m + a (dy - m)
 * and da = sum of dy min(x, 0). A slope may be negative, so the mask is told by x's sign and not by y's. */
static Node *prelu(Node *x, Node *slope)
{
    return append((Node){.op = OP_prelu, .in = {x, slope}});
}

SHAPE(prelu)
{
    y->shape = y->in[0]->shape;
    return shape_equal(y->in[1]->shape, shape_of(1, 1, 1, y->shape.d[3]))
               ? 1
               : mistake(y, "needs a slope for each channel");
}

DEFINE(prelu)
{
    for (size_t i = 0; i < count_of(y); i++)
        out[i] = in[0][i] > 0 ? in[0][i] : in[1][i % (size_t)y->shape.d[3]] * in[0][i];
}

/* The slopes are written one after another until they are as long as a piece of work. */
typedef struct Slopes { Node *y; real *repeated; size_t piece; } Slopes;

static void prelu_task(void *argument, int index, int worker)
{
    (void)worker;
    const Slopes *s = argument;
    size_t from = (size_t)index * s->piece, n = least(s->piece, count_of(s->y) - from);
    kernels->pointwise(POINTWISE_prelu, s->y->in[0]->data + from, s->repeated, 0, 0, s->y->data + from, n);
}

CPU(prelu)
{
    size_t c = (size_t)y->shape.d[3], repeats = (ELEMENTS_A_TASK / 4 + c - 1) / c;
    Slopes s = {.y = y, .piece = repeats * c, .repeated = scratch(repeats * c * sizeof(real))};
    for (size_t i = 0; i < repeats; i++) memcpy(s.repeated + i * c, y->in[1]->data, c * sizeof(real));
    parallel(pieces(count_of(y), s.piece), prelu_task, &s);
}

GRADIENT(prelu)
{
    Node *x = y->in[0], *positive = leaky_mask(dy, x, 0);
    if (want[0]) dx[0] = add(positive, mul(sub(dy, positive), y->in[1]));
    if (want[1]) dx[1] = sum_to(mul(dy, sub(x, relu(x))), y->in[1]->shape);
}

CASE(prelu)
{
    const Shape sizes[] = {{{2, 3, 5, 7}}, {{1, 1, 1, 3}}, {{1, 70, 71, 10}}};
    if (variant >= 3) return NULL;
    Node *x = test_leaf(g, sizes[variant], 0.2, 1, true);
    return prelu(x, test_leaf(g, shape_of(1, 1, 1, sizes[variant].d[3]), -1, 1, false));
}

/* ------------------------------------------------------------------------------------------------
 * 3.4  Sum and broadcast: each other's gradient
 *
 * sum adds up x over some axes, which then have length 1; broadcast repeats x along axes of length 1. What was added up
 * has the sum's cotangent in every place; what was repeated has the sum of its copies' cotangents.
 * ---------------------------------------------------------------------------------------------- */

/* Where element (n,h,w,c) of the larger shape lies in `s`, whose axes of length 1 are repeated. */
static size_t index_repeated(Shape s, int n, int h, int w, int c)
{
    const int i[AXES] = {n, h, w, c};
    size_t index = 0;
    for (int axis = 0; axis < AXES; axis++) index = index * (size_t)s.d[axis] + (size_t)(s.d[axis] == 1 ? 0 : i[axis]);
    return index;
}

#define FOR_EACH_INDEX(shape, n, h, w, c) \
    for (int n = 0; n < (shape).d[0]; n++) \
        for (int h = 0; h < (shape).d[1]; h++) \
            for (int w = 0; w < (shape).d[2]; w++) \
                for (int c = 0; c < (shape).d[3]; c++)

static int check_repeats(Node *y, Shape small, Shape large)
{
    for (int i = 0; i < AXES; i++)
        if (small.d[i] != 1 && small.d[i] != large.d[i]) return mistake(y, "axis %d cannot be repeated", i);
    return 1;
}

/* Sums x over the axes along which `shape` has length 1. */
static Node *sum_to(Node *x, Shape shape)
{
    return shape_equal(x->shape, shape) ? x : append((Node){.op = OP_sum, .in = {x}, .shape = shape});
}

static Node *sum(Node *x)             { return sum_to(x, shape_of(1, 1, 1, 1)); }
static Node *sum_per_picture(Node *x) { return sum_to(x, shape_of(x->shape.d[0], 1, 1, 1)); }
static Node *mean(Node *x)            { return scale(sum(x), 1.0 / (double)count_of(x)); }

SHAPE(sum) { return check_repeats(y, y->shape, y->in[0]->shape); }

DEFINE(sum)
{
    Shape s = y->in[0]->shape;
    for (size_t i = 0; i < count_of(y); i++) out[i] = 0;
    FOR_EACH_INDEX(s, n, h, w, c) out[index_repeated(y->shape, n, h, w, c)] += in[0][index_repeated(s, n, h, w, c)];
}

CPU(sum) { arrays_sum(y->in[0]->data, y->in[0]->shape.d, y->data, y->shape.d, scratch); }
GRADIENT(sum) { dx[0] = broadcast(dy, y->in[0]->shape); }

static const Shape repeat_cases[][2] = {                                /* small, large */
    {{{1, 1, 1, 1}}, {{2, 3, 4, 5}}}, {{{1, 1, 1, 17}}, {{3, 40, 41, 17}}}, {{{4, 1, 1, 1}}, {{4, 30, 30, 20}}},
    {{{2, 1, 1, 6}}, {{2, 9, 8, 6}}}, {{{1, 5, 1, 3}}, {{7, 5, 2, 3}}},     {{{2, 1, 4, 1}}, {{2, 3, 4, 5}}},
    {{{3, 1, 1, 1}}, {{3, 1, 1, 9}}}};
enum { REPEAT_CASES = sizeof repeat_cases / sizeof *repeat_cases };

CASE(sum)
{
    if (variant >= REPEAT_CASES) return NULL;
    return sum_to(test_leaf(g, repeat_cases[variant][1], -1, 1, false), repeat_cases[variant][0]);
}

static Node *broadcast(Node *x, Shape shape)
{
    return shape_equal(x->shape, shape) ? x : append((Node){.op = OP_broadcast, .in = {x}, .shape = shape});
}

SHAPE(broadcast) { return check_repeats(y, y->in[0]->shape, y->shape); }

DEFINE(broadcast)
{
    Shape s = y->shape;
    FOR_EACH_INDEX(s, n, h, w, c)
    out[index_repeated(s, n, h, w, c)] = in[0][index_repeated(y->in[0]->shape, n, h, w, c)];
}

CPU(broadcast) { arrays_broadcast(y->in[0]->data, y->in[0]->shape.d, y->data, y->shape.d); }
GRADIENT(broadcast) { dx[0] = sum_to(dy, y->in[0]->shape); }

CASE(broadcast)
{
    if (variant >= REPEAT_CASES) return NULL;
    return broadcast(test_leaf(g, repeat_cases[variant][0], -1, 1, false), repeat_cases[variant][1]);
}

/* ------------------------------------------------------------------------------------------------
 * 3.5  Concat, slice, pad; reshape and stop_grad
 *
 * Concat puts two tensors one after the other along an axis, slice takes a range of an axis, pad puts zeros around one.
 * In memory each copies blocks: from an axis on, a tensor is a row of numbers, its block, for every place on the axes
 * before (of which there are `outer`). Slice's gradient is pad, pad's is slice, concat's are two slices. Reshape,
 * stop_grad, and a slice of the first axis that is longer than 1 move nothing: they are views, a pointer into their
 * operand's data.
 * ---------------------------------------------------------------------------------------------- */

static size_t outer_of(Shape s, int axis)
{
    size_t outer = 1;
    for (int i = 0; i < axis; i++) outer *= (size_t)s.d[i];
    return outer;
}

static size_t block_of(Shape s, int axis)
{
    return shape_count(s) / outer_of(s, axis);
}

static int check_axis(Node *y, Shape a, Shape b, int axis)
{
    for (int i = 0; i < AXES; i++)
        if (i != axis && a.d[i] != b.d[i]) return mistake(y, "shapes must agree except along axis %d", axis);
    return 1;
}

/* Copies the first `bytes` of each of `outer` blocks; strides are from block to block, in bytes. */
enum { BYTES_A_TASK = 1 << 16 };
typedef struct BlockCopy {
    size_t outer, bytes, to_stride, from_stride;
    char *to;
    const char *from;
    int tasks;
} BlockCopy;

static void block_copy_task(void *argument, int index, int worker)
{
    const BlockCopy *c = argument;
    size_t end = c->outer * ((size_t)index + 1) / (size_t)c->tasks;
    (void)worker;
    for (size_t i = c->outer * (size_t)index / (size_t)c->tasks; i < end; i++)
        memcpy(c->to + i * c->to_stride, c->from + i * c->from_stride, c->bytes);
}

static void copy_blocks(size_t outer, size_t bytes, void *to, size_t to_stride, const void *from, size_t from_stride)
{
    BlockCopy job = {outer, bytes, to_stride, from_stride, to, from, (int)(outer * bytes / BYTES_A_TASK) + 1};
    parallel(job.tasks, block_copy_task, &job);
}

static Node *concat(Node *u, Node *v, int axis) { return append((Node){.op = OP_concat, .in = {u, v}, .axis = axis}); }

static Node *slice(Node *x, int axis, int from, int length)
{
    if (from == 0 && length == x->shape.d[axis]) return x;
    Shape shape = x->shape;
    shape.d[axis] = length;
    return append((Node){.op = OP_slice, .in = {x}, .axis = axis, .from = from, .shape = shape});
}

static Node *pad(Node *x, int axis, int before, int total)
{
    Shape shape = x->shape;
    shape.d[axis] = total;
    return append((Node){.op = OP_pad, .in = {x}, .axis = axis, .from = before, .shape = shape});
}

SHAPE(concat)
{
    y->shape = y->in[0]->shape;
    y->shape.d[y->axis] += y->in[1]->shape.d[y->axis];
    return check_axis(y, y->in[0]->shape, y->in[1]->shape, y->axis);
}

/* The definition (in double) and the kernel (in real) copy the same blocks: one function for both, told the size of a
 * number in bytes. */
static void concat_blocks(const Node *y, const void *u, const void *v, void *out, size_t size)
{
    size_t outer = outer_of(y->shape, y->axis), bu = size * block_of(y->in[0]->shape, y->axis),
           bv = size * block_of(y->in[1]->shape, y->axis);
    copy_blocks(outer, bu, out, bu + bv, u, bu);
    copy_blocks(outer, bv, (char *)out + bu, bu + bv, v, bv);
}

DEFINE(concat) { concat_blocks(y, in[0], in[1], out, sizeof *out); }
CPU(concat) { concat_blocks(y, y->in[0]->data, y->in[1]->data, y->data, sizeof *y->data); }

GRADIENT(concat)
{
    int first = y->in[0]->shape.d[y->axis], second = y->in[1]->shape.d[y->axis];
    if (want[0]) dx[0] = slice(dy, y->axis, 0, first);
    if (want[1]) dx[1] = slice(dy, y->axis, first, second);
}

CASE(concat)                            /* the last one is large enough for several tasks */
{
    if (variant > AXES) return NULL;
    Shape a = variant < AXES ? shape_of(2, 3, 4, 5) : shape_of(2, 40, 41, 24), b = a;
    int axis = variant < AXES ? variant : AXES - 1;
    b.d[axis] = 2;
    return concat(test_leaf(g, a, -1, 1, false), test_leaf(g, b, -1, 1, false), axis);
}

static int check_range(Node *y, Shape inner, Shape outer)
{
    if (y->from < 0 || y->from + inner.d[y->axis] > outer.d[y->axis])
        return mistake(y, "range from %d leaves axis %d", y->from, y->axis);
    return check_axis(y, inner, outer, y->axis);
}

static bool is_view(const Node *y)
{
    return y->op == OP_reshape || y->op == OP_stop_grad || (y->op == OP_slice && outer_of(y->shape, y->axis) == 1);
}

/* How many numbers into its operand's data a view starts. */
static size_t view_start(const Node *y)
{
    return y->op == OP_slice ? (size_t)y->from * (block_of(y->shape, y->axis) / (size_t)y->shape.d[y->axis]) : 0;
}

static void slice_blocks(const Node *y, const void *x, void *out, size_t size)
{
    size_t block = size * block_of(y->shape, y->axis), whole = size * block_of(y->in[0]->shape, y->axis);
    size_t start = block / (size_t)y->shape.d[y->axis] * (size_t)y->from;
    copy_blocks(outer_of(y->shape, y->axis), block, out, block, (const char *)x + start, whole);
}

SHAPE(slice) { return check_range(y, y->shape, y->in[0]->shape); }
DEFINE(slice) { slice_blocks(y, in[0], out, sizeof *out); }
CPU(slice) { if (!is_view(y)) slice_blocks(y, y->in[0]->data, y->data, sizeof *y->data); }
GRADIENT(slice) { dx[0] = pad(dy, y->axis, y->from, y->in[0]->shape.d[y->axis]); }
CASE(slice) { return variant < AXES ? slice(test_leaf(g, shape_of(5, 6, 7, 8), -1, 1, false), variant, 2, 3) : NULL; }

static void pad_blocks(const Node *y, const void *x, void *out, size_t size)
{
    size_t block = size * block_of(y->in[0]->shape, y->axis), whole = size * block_of(y->shape, y->axis);
    size_t start = block / (size_t)y->in[0]->shape.d[y->axis] * (size_t)y->from;
    memset(out, 0, size * count_of(y));
    copy_blocks(outer_of(y->shape, y->axis), block, (char *)out + start, whole, x, block);
}

SHAPE(pad) { return check_range(y, y->in[0]->shape, y->shape); }
DEFINE(pad) { pad_blocks(y, in[0], out, sizeof *out); }
CPU(pad) { pad_blocks(y, y->in[0]->data, y->data, sizeof *y->data); }
GRADIENT(pad) { dx[0] = slice(dy, y->axis, y->from, y->in[0]->shape.d[y->axis]); }
CASE(pad) { return variant < AXES ? pad(test_leaf(g, shape_of(3, 2, 4, 5), -1, 1, false), variant, 2, 9) : NULL; }

static Node *reshape(Node *x, Shape shape) { return append((Node){.op = OP_reshape, .in = {x}, .shape = shape}); }
static Node *stop_grad(Node *x) { return append((Node){.op = OP_stop_grad, .in = {x}, .shape = x->shape}); }

SHAPE(reshape)
{
    return count_of(y) == count_of(y->in[0]) ? 1 : mistake(y, "cannot hold the same numbers in the new shape");
}
DEFINE(reshape) { memcpy(out, in[0], count_of(y) * sizeof *out); }
CPU(reshape) { (void)y; }
GRADIENT(reshape) { dx[0] = reshape(dy, y->in[0]->shape); }
CASE(reshape)
{
    return variant < 1 ? reshape(test_leaf(g, shape_of(2, 3, 4, 5), -1, 1, false), shape_of(2, 1, 1, 60)) : NULL;
}

SHAPE(stop_grad) { return shape_equal(y->shape, y->in[0]->shape); }
DEFINE(stop_grad) { reshape_define(y, in, out); }
CPU(stop_grad) { (void)y; }
CONSTANT(stop_grad)
CASE(stop_grad) { return variant < 1 ? stop_grad(test_leaf(g, shape_of(2, 3, 4, 5), -1, 1, false)) : NULL; }

/* ------------------------------------------------------------------------------------------------
 * 3.6  Softmax and its log-sum: over the channels
 *
 *     softmax(x)_k = p_k = e^x_k / sum over j of e^x_j        logsumexp(x) = log(sum over k of e^x_k)
 *
 * Softmax turns scores into probabilities. logsumexp's gradient is softmax, and softmax's is p (dy - sum over k of p_k
 * dy_k): so the cross-entropy, -log p_label = logsumexp(x) - x_label, can be differentiated any number of times. Both
 * subtract the largest x first, so that no exponential overflows.
 * ---------------------------------------------------------------------------------------------- */

static Shape one_channel(Shape s)
{
    s.d[3] = 1;
    return s;
}

static Node *softmax(Node *x) { return append((Node){.op = OP_softmax, .in = {x}, .shape = x->shape}); }

static Node *logsumexp(Node *x)
{
    return append((Node){.op = OP_logsumexp, .in = {x}, .shape = one_channel(x->shape)});
}

SHAPE(softmax) { return shape_equal(y->shape, y->in[0]->shape); }
SHAPE(logsumexp) { return shape_equal(y->shape, one_channel(y->in[0]->shape)); }

static double log_sum(const double *x, int n)
{
    double largest = x[0], total = 0;
    for (int i = 1; i < n; i++) largest = fmax(largest, x[i]);
    for (int i = 0; i < n; i++) total += exp(x[i] - largest);
    return largest + log(total);
}

DEFINE(softmax)
{
    int n = y->shape.d[3];
    for (size_t i = 0; i < count_of(y); i++) out[i] = exp(in[0][i] - log_sum(in[0] + i / (size_t)n * (size_t)n, n));
}

DEFINE(logsumexp)
{
    int n = y->in[0]->shape.d[3];
    for (size_t i = 0; i < count_of(y); i++) out[i] = log_sum(in[0] + i * (size_t)n, n);
}

/* How many rows of channels there are. */
static size_t rows_of(const Node *x) { return count_of(x) / (size_t)x->shape.d[3]; }

CPU(softmax) { arrays_softmax(y->in[0]->data, rows_of(y), (size_t)y->shape.d[3], y->data); }
CPU(logsumexp)
{
    arrays_logsumexp(y->in[0]->data, rows_of(y), (size_t)y->in[0]->shape.d[3], y->data, scratch);
}

GRADIENT(softmax) { dx[0] = mul(y, sub(dy, sum_to(mul(y, dy), one_channel(y->shape)))); }
GRADIENT(logsumexp) { dx[0] = mul(softmax(y->in[0]), dy); }
CASE(softmax)
{
    return variant < 2 ? softmax(test_leaf(g, shape_of(3, 1, 2, variant ? 1 : 7), -2, 2, false)) : NULL;
}

CASE(logsumexp)
{
    return variant < 2 ? logsumexp(test_leaf(g, shape_of(3, 1, 2, variant ? 1 : 7), -2, 2, false)) : NULL;
}

/* ------------------------------------------------------------------------------------------------
 * 3.7  The largest channel
 *
 * pick_largest takes the operand u where v is largest, put_at_largest brings a number there and leaves 0 elsewhere:
 * each is linear in u and the other's gradient, and v only says where. The maximum over channels is pick_largest(v, v).
 * ---------------------------------------------------------------------------------------------- */

static Node *pick_largest(Node *u, Node *v)
{
    return append((Node){.op = OP_pick_largest, .in = {u, v}, .shape = one_channel(v->shape)});
}

static Node *put_at_largest(Node *u, Node *v)
{
    return append((Node){.op = OP_put_at_largest, .in = {u, v}, .shape = v->shape});
}

static Node *largest(Node *x) { return pick_largest(x, x); }

SHAPE(pick_largest)
{
    return shape_equal(y->in[0]->shape, y->in[1]->shape) ? 1 : mistake(y, "operands differ in shape");
}

SHAPE(put_at_largest)
{
    bool fits = shape_equal(y->in[0]->shape, one_channel(y->in[1]->shape));
    return fits ? 1 : mistake(y, "the first operand needs one channel, else the second's shape");
}

DEFINE(pick_largest)
{
    size_t n = (size_t)y->in[1]->shape.d[3];
    for (size_t i = 0; i < count_of(y); i++) {
        size_t best = 0;
        for (size_t k = 1; k < n; k++) best = in[1][i * n + k] > in[1][i * n + best] ? k : best;
        out[i] = in[0][i * n + best];
    }
}

DEFINE(put_at_largest)
{
    size_t n = (size_t)y->shape.d[3];
    for (size_t i = 0; i < count_of(y) / n; i++) {
        size_t best = 0;
        for (size_t k = 1; k < n; k++) best = in[1][i * n + k] > in[1][i * n + best] ? k : best;
        for (size_t k = 0; k < n; k++) out[i * n + k] = k == best ? in[0][i] : 0;
    }
}

CPU(pick_largest)
{
    const Node *v = y->in[1];
    arrays_pick_largest(y->in[0]->data, v->data, rows_of(v), (size_t)v->shape.d[3], y->data);
}

CPU(put_at_largest)
{
    const Node *v = y->in[1];
    arrays_put_at_largest(y->in[0]->data, v->data, rows_of(v), (size_t)v->shape.d[3], y->data);
}

GRADIENT(pick_largest) { if (want[0]) dx[0] = put_at_largest(dy, y->in[1]); }
GRADIENT(put_at_largest) { if (want[0]) dx[0] = pick_largest(dy, y->in[1]); }

CASE(pick_largest)
{
    Node *v = test_leaf(g, shape_of(3, 2, 2, variant == 1 ? 1 : 7), -2, 2, false);
    if (variant == 2) return mul(largest(v), largest(square(v)));
    return variant < 2 ? pick_largest(test_leaf(g, v->shape, -1, 1, false), v) : NULL;
}

CASE(put_at_largest)
{
    Node *v = test_leaf(g, shape_of(3, 2, 2, variant ? 1 : 7), -2, 2, false);
    return variant < 2 ? put_at_largest(test_leaf(g, one_channel(v->shape), -1, 1, false), v) : NULL;
}

/* ------------------------------------------------------------------------------------------------
 * 3.8  Convolution, its input gradient, its weight gradient
 *
 * A filter w slides over the picture x; at every place, what lies under it is multiplied with it and added up:
 *
 *     y(n,p,q,k) = sum over r, s, c of x(n, p stride + r - pad, q stride + s - pad, c) w(r,s,c,k)       x is 0 outside
 *
 * Multiply by a third tensor g of y's shape and add up everything: T(x, w, g) = sum over n, p, q, k of y g is linear in
 * each of the three, and its derivatives are the three ops:
 *
 *     y = dT/dg (conv2d)      dx = dT/dx (conv2d_input_grad)      dw = dT/dw (conv2d_weight_grad)
 *
 * So the gradient of any of the three with respect to one operand is another of the three: differentiating twice needs
 * nothing new. A transposed convolution, which enlarges, is conv2d_input_grad of a filter; a dense layer is a 1x1
 * convolution. A depthwise convolution treats every channel by itself: groups = C instead of 1.
 *
 * Operand slots: 0 and 1 are the two factors, 2 the bias. The others are set by the planner (chapter 8), which folds an
 * op next to a convolution into it: 3 the mask of a leaky_mask, 4 what an add adds (a map, or a table: conv_takes_table
 * in vendor/kernels.h), 5 the filter as the kernel wants to read it, 6 PReLU's slopes, 7 and 8 filter and bias of a
 * depthwise convolution that comes first (`before`).
 * ---------------------------------------------------------------------------------------------- */

enum { BIAS = 2, MASK, PLUS, FILTER, SLOPES, BEFORE_FILTER, BEFORE_BIAS };

typedef struct Conv { int k, size, stride, pad; } Conv;     /* K, the kernel's side, stride, zeros on each side */

static Shape shape_x(const ConvShape *s) { return shape_of(s->n, s->h, s->w, s->c); }
static Shape shape_y(const ConvShape *s) { return shape_of(s->n, s->ho, s->wo, s->k); }
static Shape shape_w(const ConvShape *s) { return shape_of(s->r, s->s, s->groups == 1 ? s->c : 1, s->k); }

/* The geometry of a convolution of x (N,H,W,C) with a filter w (R,S,C,K). */
static ConvShape conv_shape(Shape x, Shape w, int stride, int pad_before)
{
    int groups = w.d[2] == 1 && x.d[3] == w.d[3] && x.d[3] > 1 ? x.d[3] : 1;
    return (ConvShape){.n = x.d[0], .h = x.d[1], .w = x.d[2], .c = x.d[3], .k = w.d[3], .r = w.d[0], .s = w.d[1],
                       .ho = (x.d[1] + 2 * pad_before - w.d[0]) / stride + 1,
                       .wo = (x.d[2] + 2 * pad_before - w.d[1]) / stride + 1,
                       .stride = stride, .pad_y = pad_before, .pad_x = pad_before, .groups = groups};
}

/* y = leaky(conv(x, w) + bias): bias (1,1,1,K) may be NULL, slope 1 means no activation. */
static Node *conv2d(Node *x, Node *w, Node *bias, double slope, ConvShape s)
{
    return append((Node){.op = OP_conv2d, .in = {x, w, bias}, .a = slope, .conv = s});
}

static Node *conv2d_input_grad(Node *dy, Node *w, ConvShape s)
{
    return append((Node){.op = OP_conv2d_input_grad, .in = {dy, w}, .a = 1, .conv = s});
}

static Node *conv2d_weight_grad(Node *x, Node *dy, ConvShape s)
{
    return append((Node){.op = OP_conv2d_weight_grad, .in = {x, dy}, .a = 1, .conv = s});
}

static int conv_check(Node *y, Shape first, Shape second, Shape result)
{
    y->shape = result;
    if (y->conv.ho < 1 || y->conv.wo < 1) return mistake(y, "the kernel is larger than the padded picture");
    if (!shape_equal(y->in[0]->shape, first) || !shape_equal(y->in[1]->shape, second))
        return mistake(y, "operands do not fit the geometry");
    if (y->in[BIAS] && count_of(y->in[BIAS]) != (size_t)y->conv.k)
        return mistake(y, "the bias needs %d numbers", y->conv.k);
    return 1;
}

SHAPE(conv2d)             { ConvShape *s = &y->conv; return conv_check(y, shape_x(s), shape_w(s), shape_y(s)); }
SHAPE(conv2d_input_grad)  { ConvShape *s = &y->conv; return conv_check(y, shape_y(s), shape_w(s), shape_x(s)); }
SHAPE(conv2d_weight_grad) { ConvShape *s = &y->conv; return conv_check(y, shape_x(s), shape_y(s), shape_w(s)); }

/* One product of T, added to where it belongs. xi, wi and yi say where its factors stand in x, w and y. */
typedef void ConvTerm(const double *u, const double *v, double *out, size_t xi, size_t wi, size_t yi);

/* Calls `term` for every product of T. */
static void conv_terms(const ConvShape *s, ConvTerm *term, const double *u, const double *v, double *out)
{
    Shape ys = shape_y(s), xs = shape_x(s), ws = shape_w(s);
    FOR_EACH_INDEX(ys, n, p, q, k)
        for (int r = 0; r < s->r; r++)
            for (int t = 0; t < s->s; t++)
                for (int c = 0; c < ws.d[2]; c++) {
                    int h = p * s->stride + r - s->pad_y, w = q * s->stride + t - s->pad_x;
                    if (h < 0 || h >= s->h || w < 0 || w >= s->w) continue;
                    term(u, v, out, index_repeated(xs, n, h, w, s->groups == 1 ? c : k), index_repeated(ws, r, t, c, k),
                         index_repeated(ys, n, p, q, k));
                }
}

static void term_y(const double *x, const double *w, double *y, size_t xi, size_t wi, size_t yi)
{
    y[yi] += x[xi] * w[wi];
}

static void term_x(const double *dy, const double *w, double *dx, size_t xi, size_t wi, size_t yi)
{
    dx[xi] += dy[yi] * w[wi];
}

static void term_w(const double *x, const double *dy, double *dw, size_t xi, size_t wi, size_t yi)
{
    dw[wi] += x[xi] * dy[yi];
}

static bool plus_is_table(const Node *y) { return y->in[PLUS] && !shape_equal(y->in[PLUS]->shape, y->shape); }

/* Where the number stands that is added to output i. */
static size_t plus_index(const Node *y, size_t i)
{
    const int *d = y->shape.d, size = y->conv.r;
    int k = (int)(i % (size_t)d[3]), w = (int)(i / (size_t)d[3]) % d[2], line = (int)(i / (size_t)d[3]) / d[2];
    if (!plus_is_table(y)) return i;
    return index_repeated(y->in[PLUS]->shape, line / d[1], conv_table_place(line % d[1], d[1], size),
                          conv_table_place(w, d[2], size), k);
}

/* Any of the three, and what the planner folded into it, in the order of ConvEpilogue (vendor/kernels.h). */
static void conv_define(const Node *y, const double *const *in, double *out, ConvTerm *term)
{
    double *between = y->before ? must_alloc(count_of(y->before), sizeof *between) : NULL;
    if (between)
        conv_define(y->before, (const double *[MAX_INPUTS]){in[0], in[BEFORE_FILTER], in[BEFORE_BIAS]}, between, term);
    memset(out, 0, count_of(y) * sizeof *out);
    conv_terms(&y->conv, term, between ? between : in[0], in[1], out);
    free(between);
    for (size_t i = 0; i < count_of(y); i++) {
        if (y->in[PLUS]) out[i] += in[PLUS][plus_index(y, i)];
        if (y->in[BIAS]) out[i] += in[BIAS][i % (size_t)y->conv.k];
        if (!(out[i] > 0)) out[i] *= y->in[SLOPES] ? in[SLOPES][i % (size_t)y->conv.k] : y->a;
        if (y->in[MASK] && !(in[MASK][i] > 0)) out[i] *= y->b;
    }
}

DEFINE(conv2d)             { conv_define(y, in, out, term_y); }
DEFINE(conv2d_input_grad)  { conv_define(y, in, out, term_x); }
DEFINE(conv2d_weight_grad) { conv_define(y, in, out, term_w); }

static ConvKind conv_kind(const Node *y)
{
    return y->op == OP_conv2d ? CONV_FORWARD : y->op == OP_conv2d_input_grad ? CONV_INPUT_GRAD : CONV_WEIGHT_GRAD;
}

static bool is_conv(const Node *y)
{
    return y->op == OP_conv2d || y->op == OP_conv2d_input_grad || y->op == OP_conv2d_weight_grad;
}

static const real *data_or_null(const Node *node)
{
    return node ? node->data : NULL;
}

static void conv_cpu(Node *y)
{
    bool table = plus_is_table(y);
    ConvEpilogue e = {.plus = table ? NULL : data_or_null(y->in[PLUS]), .table = table ? y->in[PLUS]->data : NULL,
                  .bias = data_or_null(y->in[BIAS]), .slope = (real)y->a,
                  .slopes = data_or_null(y->in[SLOPES]), .mask = data_or_null(y->in[MASK]), .mask_slope = (real)y->b};
    const Node *second = y->in[FILTER] ? y->in[FILTER] : y->in[1];
    if (y->before) {
        const ConvShape *first = &y->before->conv;
        ConvEpilogue e_first = {.bias = data_or_null(y->in[BEFORE_BIAS]), .slope = (real)y->before->a};
        conv_pair_run(first, &y->conv, y->in[0]->data, y->in[BEFORE_FILTER]->data, second->data, &e_first, &e, y->data,
                      scratch(conv_pair_scratch_bytes(first, &y->conv)));
        return;
    }
    conv_run(&y->conv, conv_kind(y), y->in[0]->data, second->data, &e, y->data,
             scratch(conv_scratch_bytes(&y->conv, conv_kind(y))));
}

CPU(conv2d)             { conv_cpu(y); }
CPU(conv2d_input_grad)  { conv_cpu(y); }
CPU(conv2d_weight_grad) { conv_cpu(y); }

/* The weight gradient needs the convolution's x once more, long after it was made. Where x is an instance norm (3.9)
 * without residual, operand 4, it is not kept until then but computed again: that is one pass over memory, and what the
 * norm reads is kept in any case. */
static Node *again(Node *x)
{
    if (x->op != OP_instance_norm || x->in[4]) return x;
    if (!x->again) {
        Node copy = *x;
        copy.kept = false;
        x->again = append(copy);
    }
    return x->again;
}

GRADIENT(conv2d)
{
    Node *d = y->a == 1 ? dy : leaky_mask(dy, y, y->a);
    if (want[0]) dx[0] = conv2d_input_grad(d, y->in[1], y->conv);
    if (want[1]) dx[1] = conv2d_weight_grad(again(y->in[0]), d, y->conv);
    if (want[BIAS]) dx[BIAS] = sum_to(d, y->in[BIAS]->shape);
}

GRADIENT(conv2d_input_grad)
{
    if (want[0]) dx[0] = conv2d(dy, y->in[1], NULL, 1, y->conv);
    if (want[1]) dx[1] = conv2d_weight_grad(dy, again(y->in[0]), y->conv);
}

GRADIENT(conv2d_weight_grad)
{
    if (want[0]) dx[0] = conv2d_input_grad(y->in[1], dy, y->conv);
    if (want[1]) dx[1] = conv2d(y->in[0], dy, NULL, 1, y->conv);
}

/* Geometries from every network of the program, at sizes whose plain loops are quick. The last five: three whose sides
 * are no multiples of the tiles that the kernels cut a map into (Winograd's method in three sizes, vendor/kernels.h),
 * and two depthwise ones with fewer channels than a vector has lanes. */
static const struct { Shape x; Conv conv;
} conv_cases[] = {{{{2, 9, 8, 5}}, {64, 7, 1, 3}}, {{{2, 8, 8, 64}}, {40, 4, 2, 1}}, {{{1, 8, 8, 64}}, {48, 3, 1, 1}},
                  {{{2, 8, 8, 64}}, {1, 7, 1, 3}}, {{{3, 2, 2, 96}}, {5, 2, 1, 0}},  {{{2, 3, 3, 33}}, {1, 3, 1, 1}},
                  {{{4, 1, 1, 50}}, {7, 1, 1, 0}}, {{{2, 7, 7, 6}}, {6, 3, 2, 1}},   {{{1, 11, 5, 3}}, {9, 5, 3, 4}},
                  {{{2, 5, 6, 1}}, {2, 3, 1, 2}},  {{{1, 6, 7, 17}}, {19, 3, 1, 0}},
                  {{{2, 12, 11, 32}}, {48, 3, 1, 1}}, {{{2, 15, 32, 32}}, {32, 4, 2, 1}},
                  {{{2, 19, 16, 32}}, {48, 4, 2, 1}},
                  {{{2, 9, 27, 8}}, {8, 3, 2, 1}},    {{{1, 7, 29, 4}}, {4, 3, 1, 1}}};
enum { CONV_CASES = sizeof conv_cases / sizeof *conv_cases };

static bool is_depthwise_case(int variant) { return variant == 7 || variant >= CONV_CASES - 2; }

static ConvShape conv_case_shape(int variant)
{
    Shape x = conv_cases[variant].x;
    Conv c = conv_cases[variant].conv;
    return conv_shape(x, shape_of(c.size, c.size, is_depthwise_case(variant) ? 1 : x.d[3], c.k), c.stride, c.pad);
}

/* A picture and a label's constant planes, as G's first layer sees them. */
enum { PLANES_CASES = 3 };
static Node *planes_case(Graph *g, int which, ConvShape *s)
{
    const Shape sizes[PLANES_CASES] = {{{2, 9, 8, 3}}, {{3, 7, 30, 1}}, {{1, 5, 6, 2}}};
    Shape x = sizes[which];
    int n = 4 - which, size = which == 2 ? 3 : 7;
    Node *label = test_leaf(g, shape_of(x.d[0], 1, 1, n), -1, 1, false);
    *s = conv_shape(shape_of(x.d[0], x.d[1], x.d[2], x.d[3] + n), shape_of(size, size, x.d[3] + n, 37), 1, size / 2);
    return concat(test_leaf(g, x, -1, 1, false), broadcast(label, shape_of(x.d[0], x.d[1], x.d[2], n)), 3);
}

CASE(conv2d)
{
    if (variant >= CONV_CASES + PLANES_CASES) return NULL;
    if (variant >= CONV_CASES) {
        ConvShape s;
        Node *x = planes_case(g, variant - CONV_CASES, &s), *w = test_leaf(g, shape_w(&s), -1, 1, false);
        Node *bias = variant % 2 ? test_leaf(g, shape_of(1, 1, 1, s.k), -1, 1, false) : NULL;
        return conv2d(x, w, bias, 0.2, s);
    }
    ConvShape s = conv_case_shape(variant);
    Node *bias = variant % 2 ? test_leaf(g, shape_of(1, 1, 1, s.k), -1, 1, false) : NULL;
    return conv2d(test_leaf(g, shape_x(&s), -1, 1, false), test_leaf(g, shape_w(&s), -1, 1, false), bias, 1, s);
}

CASE(conv2d_input_grad)                 /* the last two: of some channels only: the first two; the first and the last */
{
    if (variant >= CONV_CASES + 2) return NULL;
    ConvShape s = conv_case_shape(variant % CONV_CASES);
    Node *dx = conv2d_input_grad(test_leaf(g, shape_y(&s), -1, 1, false), test_leaf(g, shape_w(&s), -1, 1, false), s);
    if (variant < CONV_CASES) return dx;
    return variant == CONV_CASES ? slice(dx, 3, 0, 2) : mul(slice(dx, 3, 0, 1), slice(dx, 3, s.c - 1, 1));
}

CASE(conv2d_weight_grad)
{
    if (variant >= CONV_CASES + PLANES_CASES) return NULL;
    if (variant >= CONV_CASES) {
        ConvShape s;
        Node *x = planes_case(g, variant - CONV_CASES, &s);
        return conv2d_weight_grad(x, test_leaf(g, shape_y(&s), -1, 1, false), s);
    }
    ConvShape s = conv_case_shape(variant);
    return conv2d_weight_grad(test_leaf(g, shape_x(&s), -1, 1, false), test_leaf(g, shape_y(&s), -1, 1, false), s);
}

/* w as a kernel wants to read it. Its numbers have no meaning outside vendor/kernels.h, so there is no definition: the
 * convolution that reads it is held against the definition above, which reads w. */
SHAPE(prepare_filter) { y->shape = shape_of(1, 1, 1, (int)conv_filter_size(&y->conv, (ConvKind)y->axis)); return 1; }
DEFINE(prepare_filter) { (void)in; memset(out, 0, count_of(y) * sizeof *out); }
CPU(prepare_filter) { conv_filter_prepare(&y->conv, (ConvKind)y->axis, y->in[0]->data, y->data); }
AFTER_ALL_GRADIENTS(prepare_filter)
CASE(prepare_filter) { (void)g, (void)variant; return NULL; }

/* ------------------------------------------------------------------------------------------------
 * 3.9  Instance norm, with residual and activation                                (Ulyanov et al. 2016)
 *
 *     m, v = mean and variance (the sum of squares divided by M = H W) of x over H and W, for each picture and channel
 *     h = (x - m) / sqrt(v + eps),  eps = 1e-5         y = leaky(scale h + shift + residual)
 *
 * Its gradient, with d = dy times the activation's slope and sums over H and W:
 *
 *     dx = scale / sqrt(v + eps) (d - sum(d) / M - h sum(d h) / M)
 *     d shift = sum(d) and d scale = sum(d h), both summed over the batch too
 *
 * Four rows: moments gives m and 1 / sqrt(v + eps), instance_norm y, instance_norm_sums the two sums, instance_norm_dx
 * dx. For one picture and channel y is a line in x: y = A x + B with A = scale / sqrt(v + eps), B = shift - m A. The
 * kernels are given these lines. The activation's mask is found again from x, so that y need not be kept. The gradient
 * can be taken once only; that is enough, since a gradient penalty differentiates through D twice, but never through G,
 * which has the norms.
 * ---------------------------------------------------------------------------------------------- */

#define NORM_EPSILON 1e-5

static Node *moments_of(Node *x, double epsilon)
{
    return append((Node){.op = OP_moments, .in = {x}, .a = epsilon});
}

/* With the moments of x itself, or with others: a batch norm in use has fixed ones (5.2). */
static Node *normalised(Node *x, Node *moments, Node *scales, Node *shift, Node *residual, double slope)
{
    return append((Node){.op = OP_instance_norm, .in = {x, moments, scales, shift, residual}, .a = slope});
}

static Node *instance_norm(Node *x, Node *scales, Node *shift, Node *residual, double slope)
{
    return normalised(x, moments_of(x, NORM_EPSILON), scales, shift, residual, slope);
}

/* Two numbers for each picture and channel: (N,1,1,2C), the first of every channel, then the second. */
static Shape pair_shape(Shape x) { return shape_of(x.d[0], 1, 1, 2 * x.d[3]); }

SHAPE(moments) { y->shape = pair_shape(y->in[0]->shape); return 1; }

SHAPE(instance_norm)
{
    y->shape = y->in[0]->shape;
    size_t c = (size_t)y->shape.d[3];
    if (!shape_equal(y->in[1]->shape, pair_shape(y->shape)))
        return mistake(y, "two moments a picture and channel are needed");
    if (count_of(y->in[2]) != c || count_of(y->in[3]) != c) return mistake(y, "scale and shift need %zu numbers", c);
    if (y->in[4] && !shape_equal(y->in[4]->shape, y->shape)) return mistake(y, "the residual differs in shape");
    if (y->in[4] && y->a != 1) return mistake(y, "a residual comes without activation");
    return 1;
}

DEFINE(moments)
{
    Shape s = y->in[0]->shape;
    int c_count = s.d[3], m = s.d[1] * s.d[2];
    for (int n = 0; n < s.d[0]; n++)
        for (int c = 0; c < c_count; c++) {
            const double *x = in[0] + (size_t)n * (size_t)m * (size_t)c_count + c;
            double total = 0, squares = 0;
            for (int i = 0; i < m; i++) total += x[(size_t)i * (size_t)c_count];
            for (int i = 0; i < m; i++) squares += pow(x[(size_t)i * (size_t)c_count] - total / m, 2);
            out[(size_t)n * 2 * (size_t)c_count + (size_t)c] = total / m;
            out[((size_t)n * 2 + 1) * (size_t)c_count + (size_t)c] = 1 / sqrt(squares / m + y->a);
        }
}

CPU(moments) { arrays_moments(y->in[0]->data, y->in[0]->shape.d, (real)y->a, y->data, scratch); }
GRADIENT(moments) { mistake(y, "has no gradient of its own; instance_norm's rule contains it"); }

CASE(moments)
{
    if (variant >= 4) return NULL;
    double epsilon = variant == 3 ? 0.1 : 1e-5;
    return moments_of(test_leaf(g, shape_of(variant % 2 + 1, 5, 3 + variant % 3 * 40, 37), -1, 1, false), epsilon);
}

DEFINE(instance_norm)
{
    Shape s = y->shape;
    size_t c_count = (size_t)s.d[3];
    FOR_EACH_INDEX(s, n, h, w, c) {
        size_t i = index_repeated(s, n, h, w, c);
        const double *m = in[1] + (size_t)n * 2 * c_count + c;
        double v = (in[0][i] - m[0]) * m[c_count] * in[2][c] + in[3][c] + (y->in[4] ? in[4][i] : 0);
        out[i] = v > 0 ? v : y->a * v;
    }
}

/* What vendor/arrays.h wants to know of a norm: x, moments, scale and shift are operand `first` and those behind it. */
static ArraysNorm norm_of(const Node *y, int first)
{
    Node *const *in = y->in + first;
    return (ArraysNorm){in[0]->shape.d, in[0]->data, in[1]->data, in[2]->data, in[3]->data, (real)y->a};
}

CPU(instance_norm)
{
    const ArraysNorm norm = norm_of(y, 0);
    arrays_norm(&norm, y->in[4] ? y->in[4]->data : NULL, y->data, scratch);
}

static Node *norm_sums(Node *y, Node *dy)
{
    return append((Node){.op = OP_instance_norm_sums, .in = {dy, y->in[0], y->in[1], y->in[2], y->in[3]}, .a = y->a});
}

GRADIENT(instance_norm)
{
    Node *sums = norm_sums(y, dy);                                                                      // (N,1,1,2C)
    int c = y->shape.d[3];
    Shape vector = shape_of(1, 1, 1, c);
    bool own_moments = y->in[1]->op == OP_moments;
    Node *scales = reshape(y->in[2], vector), *inverse = slice(y->in[1], 3, c, c);      // (1,1,1,C), (N or 1,1,1,C)
    if (want[0] && own_moments)
        dx[0] = append(
            (Node){.op = OP_instance_norm_dx, .in = {dy, y->in[0], y->in[1], y->in[2], y->in[3], sums}, .a = y->a});
    else if (want[0])                                                   /* y is a line in x */
        dx[0] = mul(y->a == 1 ? dy : leaky_mask(dy, y, y->a), mul(scales, inverse));
    if (want[1] && !own_moments)
        dx[1] = concat(scale(mul(scales, mul(slice(sums, 3, 0, c), inverse)), -1),
                       mul(scales, mul(slice(sums, 3, c, c), reciprocal(inverse))), 3);
    if (want[2]) dx[2] = reshape(sum_to(slice(sums, 3, c, c), vector), y->in[2]->shape);
    if (want[3]) dx[3] = reshape(sum_to(slice(sums, 3, 0, c), vector), y->in[3]->shape);
    if (want[4]) dx[4] = dy;
}

static Node *norm_case(Graph *g, int variant)
{
    const Shape shapes[] = {{{2, 4, 5, 6}}, {{2, 3, 3, 64}}, {{1, 30, 20, 35}}};
    if (variant >= 8) return NULL;
    Shape s = shapes[variant / 2 % 3], vector = shape_of(1, 1, 1, s.d[3]);
    Node *x = test_leaf(g, s, -1, 1, false), *scales = test_leaf(g, vector, 0.5, 1.5, false),
         *shift = test_leaf(g, vector, -1, 1, false);
    if (variant >= 6)                                                   /* moments that stay */
        return normalised(x, test_leaf(g, pair_shape(s), 0.5, 1, false), scales, shift,
                          variant % 2 ? test_leaf(g, s, -1, 1, false) : NULL, variant % 2 ? 1 : 0.2);
    return instance_norm(x, scales, shift, variant % 2 ? test_leaf(g, s, -1, 1, false) : NULL, variant % 2 ? 1 : 0.2);
}

CASE(instance_norm) { return norm_case(g, variant); }

SHAPE(instance_norm_sums)
{
    y->shape = pair_shape(y->in[0]->shape);
    return shape_equal(y->in[0]->shape, y->in[1]->shape);
}

/* d: dy behind the activation; h: the normalised x. */
static double norm_cotangent(const Node *y, const double *const *in, size_t i, size_t n, size_t c, double *h)
{
    size_t c_count = (size_t)y->in[0]->shape.d[3];
    const double *m = in[2] + n * 2 * c_count + c;
    *h = (in[1][i] - m[0]) * m[c_count];
    return *h * in[3][c] + in[4][c] > 0 || y->a == 1 ? in[0][i] : y->a * in[0][i];
}

DEFINE(instance_norm_sums)
{
    Shape s = y->in[0]->shape;
    size_t c_count = (size_t)s.d[3];
    memset(out, 0, count_of(y) * sizeof *out);
    FOR_EACH_INDEX(s, n, row, column, c) {
        double h, d = norm_cotangent(y, in, index_repeated(s, n, row, column, c), (size_t)n, (size_t)c, &h),
                  *to = out + (size_t)n * 2 * c_count + c;
        to[0] += d;
        to[c_count] += d * h;
    }
}

CPU(instance_norm_sums)
{
    const ArraysNorm norm = norm_of(y, 1);
    arrays_norm_sums(&norm, y->in[0]->data, y->data, scratch);
}

FIRST_ORDER_ONLY(instance_norm_sums)

static Node *norm_grad_case(Graph *g, int variant, bool want_dx)
{
    Node *y = norm_case(g, variant);
    if (!y) return NULL;
    Node *dy = test_leaf(g, y->shape, -1, 1, false), *dx[MAX_INPUTS] = {0};
    if (!want_dx) return norm_sums(y, dy);
    instance_norm_grad(y, dy, dx, (bool[MAX_INPUTS]){true});
    return dx[0];
}

CASE(instance_norm_sums) { return norm_grad_case(g, variant, false); }

SHAPE(instance_norm_dx) { y->shape = y->in[0]->shape; return shape_equal(y->in[0]->shape, y->in[1]->shape); }

DEFINE(instance_norm_dx)
{
    Shape s = y->shape;
    size_t c_count = (size_t)s.d[3];
    double m = s.d[1] * s.d[2];
    FOR_EACH_INDEX(s, n, row, column, c) {
        size_t i = index_repeated(s, n, row, column, c), pair = (size_t)n * 2 * c_count + (size_t)c;
        double h, d = norm_cotangent(y, in, i, (size_t)n, (size_t)c, &h);
        out[i] = in[3][c] * in[2][pair + c_count] * (d - in[5][pair] / m - h * in[5][pair + c_count] / m);
    }
}

CPU(instance_norm_dx)
{
    const ArraysNorm norm = norm_of(y, 1);
    arrays_norm_dx(&norm, y->in[0]->data, y->in[5]->data, y->data, scratch);
}

FIRST_ORDER_ONLY(instance_norm_dx)
CASE(instance_norm_dx) { return norm_grad_case(g, variant, true); }

/* ------------------------------------------------------------------------------------------------
 * 3.10  Optimisers and moving averages
 *
 *   adam             m <- b1 m + (1-b1) g    v <- b2 v + (1-b2) g^2
 *                    w <- w - lr m/(1-b1^t) / (sqrt(v/(1-b2^t)) + 1e-8)                 (Kingma & Ba 2015, algorithm 1)
 *   sgd              m <- b1 m + g           w <- w - lr m             (b1: momentum; Polyak 1964)
 *   sgd_nesterov     m <- b1 m + g           w <- w - lr (g + b1 m)    (Sutskever et al. 2013)
 *   rmsprop          v <- b2 v + (1-b2) g^2  w <- w - lr g / (sqrt v + 1e-8)               (Hinton 2012, lecture 6e)
 *   adagrad          v <- v + g^2            w <- w - lr g / (sqrt v + 1e-10)              (Duchi et al. 2011)
 *   moving_average   r <- r + a (s - r)      statistics of batch norm; a generator's averaged weights
 *
 * w is a weight, g the gradient of the loss in it, t the number of the step, lr the learning rate. m and v are means or
 * sums of g and g^2 over the steps so far, called its moments. Each rule is one pass over memory. What changes from
 * step to step stands in a leaf, the schedule: (lr, 1/(1-b1^t), 1/(1-b2^t)). The node's value is w itself, updated in
 * place; the planner runs it after everything else that reads w.
 * ---------------------------------------------------------------------------------------------- */

typedef struct Optimiser {              /* how a network learns */
    Op op;                              /* one of the rows above; OP_leaf, which is 0: not at all */
    double beta1, beta2;
    double clip_value;                  /* every number of a gradient is cut to +- this; 0: not */
    double weight_decay;                /* this much of w is added to its gradient */
} Optimiser;

/* The rows that write over a leaf, their operand 1. */
static bool is_update(Op op)
{
    return op == OP_adam || op == OP_sgd || op == OP_sgd_nesterov || op == OP_rmsprop || op == OP_adagrad ||
           op == OP_moving_average;
}

static bool keeps_first(Op op)  { return op == OP_adam || op == OP_sgd || op == OP_sgd_nesterov; }
static bool keeps_second(Op op) { return op == OP_adam || op == OP_rmsprop || op == OP_adagrad; }

/* One step of the optimiser on w along g; m and v are what it keeps, or NULL. */
static Node *update(const Optimiser *o, Node *g, Node *w, Node *m, Node *v, Node *schedule)
{
    return append((Node){.op = o->op, .in = {g, w, m, v, schedule}, .a = o->beta1, .b = o->beta2});
}

static Node *moving_average(Node *r, Node *s, double share)
{
    return append((Node){.op = OP_moving_average, .in = {s, r}, .a = share});
}

static int update_shape(Node *y)
{
    y->shape = y->in[1]->shape;
    for (int i = 0; i < 4; i++)
        if (y->in[i] && count_of(y->in[i]) != count_of(y))
            return mistake(y, "gradient, weight and moments differ in size");
    if (keeps_first(y->op) != !!y->in[2] || keeps_second(y->op) != !!y->in[3])
        return mistake(y, "has the wrong number of moments");
    return !y->in[4] || count_of(y->in[4]) == 3 ? 1 : mistake(y, "the schedule needs three numbers");
}

static double update_epsilon(Op op)
{
    return op == OP_adagrad ? 1e-10 : 1e-8;
}

static void update_task(void *argument, int index, int worker)
{
    (void)worker;
    Node *y = argument;
    size_t from = (size_t)index * ELEMENTS_A_TASK, n = least(ELEMENTS_A_TASK, count_of(y) - from);
    const real betas[4] = {(real)y->a, (real)(1 - y->a), (real)y->b, (real)(1 - y->b)};
    kernels->update(update_of_op[y->op], y->in[0]->data + from, y->in[2] ? y->in[2]->data + from : NULL,
                    y->in[3] ? y->in[3]->data + from : NULL, y->in[4] ? y->in[4]->data : NULL, betas,
                    (real)update_epsilon(y->op), y->data + from, n);
}

static Node *update_of(Graph *g, Shape s, Op op)
{
    const Optimiser o = {.op = op, .beta1 = 0.5, .beta2 = 0.999};
    Node *w = test_leaf(g, s, -1, 1, false), *m = keeps_first(op) ? test_leaf(g, s, -1, 1, false) : NULL,
         *v = keeps_second(op) ? test_leaf(g, s, 0, 1, false) : NULL;
    Node *gradient = test_leaf(g, s, -1, 1, false);
    if (op == OP_moving_average) return moving_average(w, gradient, 0.1);
    return update(&o, gradient, w, m, v, test_leaf(g, shape_of(1, 1, 1, 3), 0.5, 1, false));
}

static Node *update_case(Graph *g, int variant, Op op)
{
    return variant < 2 ? update_of(g, shape_of(3, 3, 5, variant ? 700 : 3), op) : NULL;
}

/* A row by its definition: the new weight in terms of g, w, m, v (before the step) and the schedule (lr, c1, c2). */
#define UPDATE(name, expression) \
    SHAPE(name) { return update_shape(y); } \
    DEFINE(name) \
    { \
        double b1 = y->a, b2 = y->b, lr = in[4] ? in[4][0] : 0, c1 = in[4] ? in[4][1] : 0, c2 = in[4] ? in[4][2] : 0; \
        double epsilon = update_epsilon(y->op); \
        (void)b1, (void)b2, (void)lr, (void)c1, (void)c2, (void)epsilon; \
        for (size_t i = 0; i < count_of(y); i++) { \
            double g = in[0][i], w = in[1][i], m = in[2] ? in[2][i] : 0, v = in[3] ? in[3][i] : 0; \
            (void)m, (void)v; \
            out[i] = expression; \
        } \
    } \
    CPU(name) { parallel(pieces(count_of(y), ELEMENTS_A_TASK), update_task, y); } \
    AFTER_ALL_GRADIENTS(name) \
    CASE(name) { return update_case(g, variant, OP_##name); }

UPDATE(adam, w - lr * (b1 * m + (1 - b1) * g) * c1 / (sqrt((b2 * v + (1 - b2) * g * g) * c2) + epsilon))
UPDATE(sgd, w - lr * (b1 * m + g))
UPDATE(sgd_nesterov, w - lr * (g + b1 * (b1 * m + g)))
UPDATE(rmsprop, w - lr * g / (sqrt(b2 * v + (1 - b2) * g * g) + epsilon))
UPDATE(adagrad, w - lr * g / (sqrt(v + g * g) + epsilon))
UPDATE(moving_average, w + b1 * (g - w))
#undef UPDATE

/* Adam's three numbers for its t-th step (t from 1). */
static void set_schedule(Tensor *schedule, double lr, double beta1, double beta2, long t)
{
    schedule->data[0] = (real)lr;
    schedule->data[1] = (real)(1 / (1 - pow(beta1, (double)t)));
    schedule->data[2] = (real)(1 / (1 - pow(beta2, (double)t)));
}

/* ------------------------------------------------------------------------------------------------
 * 3.11  Max pooling
 *
 * Written with two operands, max_pool(u, x) takes from each window of u the number that stands where x is largest (the
 * first such place). The usual pooling is max_pool(x, x). With x held fixed both max_pool and max_unpool are linear in
 * u and each is the other's adjoint, so they can be differentiated any number of times. Windows are cut at the border:
 * the padding is never the largest.
 * ---------------------------------------------------------------------------------------------- */

/* Windows of size x size; the last may reach over the border, as if the number of windows were rounded up (`ceil`). */
static ConvShape pool_shape(Shape x, int size, int stride, int pad_before, bool ceil)
{
    ConvShape s = {.n = x.d[0], .h = x.d[1], .w = x.d[2], .c = x.d[3], .k = x.d[3], .r = size, .s = size,
                   .stride = stride, .pad_y = pad_before, .pad_x = pad_before, .groups = x.d[3]};
    int *out[2] = {&s.ho, &s.wo}, length[2] = {s.h, s.w};
    for (int i = 0; i < 2; i++) {
        int room = length[i] + 2 * pad_before - size + (ceil ? stride - 1 : 0);
        *out[i] = room >= 0 ? room / stride + 1 : 0;
        bool only_padding = (*out[i] - 1) * stride >= length[i] + pad_before;
        if (*out[i] > 1 && only_padding) --*out[i];
    }
    return s;
}

static Node *max_pool(Node *u, Node *x, ConvShape s)
{
    return append((Node){.op = OP_max_pool, .in = {u, x}, .conv = s});
}

static Node *max_unpool(Node *dy, Node *x, ConvShape s)
{
    return append((Node){.op = OP_max_unpool, .in = {dy, x}, .conv = s});
}

static int pool_check(Node *y, Shape first, Shape result)
{
    y->shape = result;
    if (y->conv.ho < 1 || y->conv.wo < 1 || 2 * y->conv.pad_y > y->conv.r)
        return mistake(y, "the window does not fit the picture");
    if (shape_equal(y->in[0]->shape, first) && shape_equal(y->in[1]->shape, shape_x(&y->conv))) return 1;
    return mistake(y, "operands do not fit the geometry");
}

SHAPE(max_pool)   { return pool_check(y, shape_x(&y->conv), shape_y(&y->conv)); }
SHAPE(max_unpool) { return pool_check(y, shape_y(&y->conv), shape_x(&y->conv)); }

/* The part of a window that lies in the picture: rows [low, high) of `length`. */
typedef struct Range { int low, high; } Range;

static Range window_inside(int at, int stride, int pad_before, int size, int length)
{
    int low = at * stride - pad_before;
    return (Range){max_int(low, 0), min_int(low + size, length)};
}

/* Where x is largest in window (n,p,q), channel c. */
static size_t largest_in_window(const ConvShape *s, const double *x, int n, int p, int q, int c)
{
    Range rows = window_inside(p, s->stride, s->pad_y, s->r, s->h);
    Range columns = window_inside(q, s->stride, s->pad_x, s->s, s->w);
    size_t best = SIZE_MAX;
    for (int h = rows.low; h < rows.high; h++)
        for (int w = columns.low; w < columns.high; w++) {
            size_t at = index_repeated(shape_of(s->n, s->h, s->w, s->c), n, h, w, c);
            if (best == SIZE_MAX || x[at] > x[best]) best = at;
        }
    return best;
}

DEFINE(max_pool)
{
    size_t i = 0;
    FOR_EACH_INDEX(y->shape, n, p, q, c) out[i++] = in[0][largest_in_window(&y->conv, in[1], n, p, q, c)];
}

DEFINE(max_unpool)
{
    Shape s = shape_y(&y->conv);
    size_t i = 0;
    memset(out, 0, count_of(y) * sizeof *out);
    FOR_EACH_INDEX(s, n, p, q, c) out[largest_in_window(&y->conv, in[1], n, p, q, c)] += in[0][i++];
}

CPU(max_pool)   { arrays_max_pool(y->in[0]->data, y->in[1]->data, &y->conv, y->data, scratch); }
CPU(max_unpool) { arrays_max_unpool(y->in[0]->data, y->in[1]->data, &y->conv, y->data); }
GRADIENT(max_pool) { if (want[0]) dx[0] = max_unpool(dy, y->in[1], y->conv); }
GRADIENT(max_unpool) { if (want[0]) dx[0] = max_pool(dy, y->in[1], y->conv); }

/* MTCNN's pools (3 and 2 wide, stride 2, rounded up), ResNet's (3 wide, padded), and one whose last window would see
 * only padding. */
static const struct { Shape x; int size, stride, pad; bool ceil;
} pool_cases[] = {{{{2, 8, 9, 10}}, 3, 2, 0, true},
                  {{{1, 7, 5, 33}}, 2, 2, 0, true},
                  {{{2, 9, 8, 17}}, 3, 2, 1, false},
                  {{{1, 5, 6, 3}}, 2, 2, 1, true},
                  {{{2, 3, 2, 5}}, 5, 1, 2, false}};          /* no window lies inside */
enum { POOL_CASES = sizeof pool_cases / sizeof *pool_cases };

CASE(max_pool)
{
    if (variant >= 2 * POOL_CASES) return NULL;
    Shape shape = pool_cases[variant % POOL_CASES].x;
    ConvShape s = pool_shape(shape, pool_cases[variant % POOL_CASES].size, pool_cases[variant % POOL_CASES].stride,
                             pool_cases[variant % POOL_CASES].pad, pool_cases[variant % POOL_CASES].ceil);
    Node *x = test_leaf(g, shape, -1, 1, false);
    return max_pool(variant < POOL_CASES ? x : test_leaf(g, shape, -1, 1, false), x, s);
}

CASE(max_unpool)
{
    if (variant >= POOL_CASES) return NULL;
    ConvShape s = pool_shape(pool_cases[variant].x, pool_cases[variant].size, pool_cases[variant].stride,
                             pool_cases[variant].pad, pool_cases[variant].ceil);
    return max_unpool(test_leaf(g, shape_y(&s), -1, 1, false), test_leaf(g, pool_cases[variant].x, -1, 1, false), s);
}

/* ------------------------------------------------------------------------------------------------
 * 3.12  Warp: each pixel from a place of its own                             (Jaderberg et al. 2015, eq. 3 to 7)
 *
 * Pixel centres have coordinates between -1/2 and 1/2, a to the right and b downwards, in x and in y. The map says for
 * each of y's pixels at which place (a,b) of x it is taken, from the four pixels around that place by bilinear weights;
 * beyond x's border there is 0. y may have another size: then a map of its own pixels' places resizes.
 *
 * With the map held fixed, warp is linear in x and unwarp is its adjoint. Where a place moves, y's pixel moves along
 * x's slope there: warp_slope, summed over the channels, is the gradient in the map.
 * ---------------------------------------------------------------------------------------------- */

/* x (N,H,W,C) by map (N,H',W',2) -> (N,H',W',C) */
static Node *warp(Node *x, Node *map)
{
    const int *d = x->shape.d, *to = map->shape.d;
    ConvShape s = {.n = d[0], .h = d[1], .w = d[2], .c = d[3], .ho = to[1], .wo = to[2], .k = d[3]};
    return append((Node){.op = OP_warp, .in = {x, map}, .conv = s});
}

static Node *unwarp(Node *dy, Node *map, ConvShape s)
{
    return append((Node){.op = OP_unwarp, .in = {dy, map}, .conv = s});
}

static Node *warp_slope(Node *dy, Node *x, Node *map, ConvShape s)
{
    return append((Node){.op = OP_warp_slope, .in = {dy, x, map}, .conv = s});
}

static Shape map_shape(const ConvShape *s) { return shape_of(s->n, s->ho, s->wo, 2); }

static int warp_check(Node *y, Shape first, Node *map, Shape result)
{
    y->shape = result;
    if (shape_equal(y->in[0]->shape, first) && shape_equal(map->shape, map_shape(&y->conv))) return 1;
    return mistake(y, "operands do not fit the geometry");
}

SHAPE(warp)       { return warp_check(y, shape_x(&y->conv), y->in[1], shape_y(&y->conv)); }
SHAPE(unwarp)     { return warp_check(y, shape_y(&y->conv), y->in[1], shape_x(&y->conv)); }
SHAPE(warp_slope) { return warp_check(y, shape_y(&y->conv), y->in[2], map_shape(&y->conv)); }

/* What y's pixel at `place` has of x's pixel (h,w): its share, which falls from 1 to 0 as the place goes a pixel away,
 * and how that grows as the place moves to the right and down. */
typedef struct Part { double share, right, down; } Part;

static Part warp_part(const ConvShape *s, const double place[2], int h, int w)
{
    double u = (place[0] + 0.5) * s->w - 0.5 - w, v = (place[1] + 0.5) * s->h - 0.5 - h;
    if (!(u >= -1 && u < 1 && v >= -1 && v < 1)) return (Part){0};
    return (Part){(1 - fabs(u)) * (1 - fabs(v)), (u < 0 ? s->w : -s->w) * (1 - fabs(v)),
                  (v < 0 ? s->h : -s->h) * (1 - fabs(u))};
}

/* out = 0; then `what`, for every number of y (at `to`, its pixel p) and every number of x of the same picture and
 * channel (at `from`), of which it has `part`. */
#define FOR_EACH_PART(s, map, what) \
    do { \
        int outs_ = (s)->ho * (s)->wo, ins_ = (s)->h * (s)->w; \
        memset(out, 0, count_of(y) * sizeof *out); \
        for (int p = 0; p < (s)->n * outs_; p++) \
            for (int i_ = 0; i_ < ins_; i_++) { \
                Part part = warp_part(s, (map) + 2 * p, i_ / (s)->w, i_ % (s)->w); \
                for (int c_ = 0; c_ < (s)->c; c_++) { \
                    int to = p * (s)->c + c_, from = (p / outs_ * ins_ + i_) * (s)->c + c_; \
                    what; \
                } \
            } \
    } while (0)

DEFINE(warp)   { FOR_EACH_PART(&y->conv, in[1], out[to] += part.share * in[0][from]); }
DEFINE(unwarp) { FOR_EACH_PART(&y->conv, in[1], out[from] += part.share * in[0][to]); }

DEFINE(warp_slope)
{
    FOR_EACH_PART(&y->conv, in[2], double v = in[0][to] * in[1][from];
                  out[2 * p] += part.right * v; out[2 * p + 1] += part.down * v);
}

CPU(warp)       { arrays_warp(y->in[0]->data, y->in[1]->data, &y->conv, y->data); }
CPU(unwarp)     { arrays_unwarp(y->in[0]->data, y->in[1]->data, &y->conv, y->data); }
CPU(warp_slope) { arrays_warp_slope(y->in[0]->data, y->in[1]->data, y->in[2]->data, &y->conv, y->data); }

GRADIENT(warp)
{
    Node *x = y->in[0], *map = y->in[1];
    if (want[0]) dx[0] = unwarp(dy, map, y->conv);
    if (want[1]) dx[1] = warp_slope(dy, x, map, y->conv);
}

GRADIENT(unwarp)
{
    if (want[1]) mistake(y, "has a gradient in what it warps only");
    if (want[0]) dx[0] = warp(dy, y->in[1]);
}

FIRST_ORDER_ONLY(warp_slope)

/* Places all over x, and for `wild` 1 as far again beyond its border; between pixels, since at a pixel's centre the
 * slope changes. */
static Node *test_map(Graph *g, Shape x, int height, int width, double wild)
{
    Tensor *map = graph_tensor(g, "test", shape_of(x.d[0], height, width, 2));
    for (size_t i = 0; i < shape_count(map->shape); i++) {
        int length = x.d[i % 2 ? 1 : 2];
        double u = (1 + 2 * wild) * draw(3, STREAM_TEST, i, 0) - wild, between = 0.2 + 0.6 * draw(3, STREAM_TEST, i, 1);
        map->data[i] = (real)((floor(u * length) + between) / length - 0.5);
    }
    return leaf(g, map);
}

/* To the same, a smaller and a larger picture, and far beyond the border. */
static const struct { Shape x; int height, width; double wild; }
warp_cases[] = {{{{2, 8, 9, 3}}, 8, 9, 0}, {{{1, 9, 7, 1}}, 5, 6, 0}, {{{3, 5, 6, 2}}, 11, 8, 0},
                {{{2, 7, 7, 4}}, 6, 9, 1}};
enum { WARP_CASES = sizeof warp_cases / sizeof *warp_cases };

CASE(warp)
{
    if (variant >= WARP_CASES) return NULL;
    Shape x = warp_cases[variant].x;
    return warp(test_leaf(g, x, -1, 1, false),
                test_map(g, x, warp_cases[variant].height, warp_cases[variant].width, warp_cases[variant].wild));
}

CASE(unwarp)
{
    Node *y = warp_case(g, variant);
    return y ? unwarp(test_leaf(g, y->shape, -1, 1, false), stop_grad(y->in[1]), y->conv) : NULL;
}

CASE(warp_slope)
{
    Node *y = warp_case(g, variant);
    return y ? warp_slope(test_leaf(g, y->shape, -1, 1, false), y->in[0], y->in[1], y->conv) : NULL;
}

/* ------------------------------------------------------------------------------------------------
 * 3.13  The table
 *
 * What the sections above have defined, a row for each op, and the loop that runs a graph.
 * ---------------------------------------------------------------------------------------------- */

static const Row op_rows[OPS] = {
#define OP(name, text) {#name, text, name##_shape, name##_define, name##_cpu, name##_grad, name##_case},
    FACEGAN_OPS(OP)
#undef OP
};

static const Row *row_of(Op op)
{
    return &op_rows[op];
}

/* Runs a graph that has been planned (chapter 8): a loop over the rows' kernels, or, all at once, the GPU's. This is
 * the one place that says where a node is computed. */
static void graph_run(Graph *g)
{
    char why[FACEGAN_ERROR];
    if (!g->on_device)
        for (int i = 0; i < g->n_order; i++) row_of(g->order[i]->op)->cpu(g->order[i]);
    else if (!gpu_device->run(g->on_device, why)) device_failed(why);
}

/* ================================================================================================
 * 4  THE GRADIENT, SYMBOL TO SYMBOL
 *
 * grad() walks the nodes between a loss and what is asked for, from last to first, and lets each op's rule append the
 * nodes that compute its operands' cotangents. A node that several others read gets the sum of what they give it. The
 * result is ordinary nodes of the same graph and can be differentiated again: the gradient penalties (WGAN-GP's and R1,
 * 6.2) are written as their papers write them. Where the loss does not depend on what is asked for, nothing is built.
 * ============================================================================================== */

/* out[i] = d loss / d wrt[i] ("with respect to"), for a loss of one number; 0 where it does not depend on it. */
static void grad(Node *loss, Node *const *wrt, int n, Node **out)
{
    Graph *g = loss->graph;
    bool *depends = must_alloc((size_t)loss->id + 1, sizeof *depends);      /* does this node move with any wrt? */
    Node **cotangent = must_alloc((size_t)loss->id + 1, sizeof *cotangent);
    if (count_of(loss) != 1) mistake(loss, "is not one number: only a scalar has a gradient here");
    for (int i = 0; i < n; i++)
        if (wrt[i]->id <= loss->id) depends[wrt[i]->id] = true;
    for (int i = 0; i <= loss->id; i++)
        for (int k = 0; k < MAX_INPUTS; k++) {
            Node *operand = g->nodes[i]->in[k];
            if (operand && depends[operand->id]) depends[i] = true;
        }
    cotangent[loss->id] = fill(g, loss->shape, 1);
    for (int i = loss->id; i >= 0; i--) {
        Node *y = g->nodes[i], *dx[MAX_INPUTS] = {0};
        bool want[MAX_INPUTS];
        if (!depends[i] || !cotangent[i]) continue;
        for (int k = 0; k < MAX_INPUTS; k++) want[k] = y->in[k] && depends[y->in[k]->id];
        row_of(y->op)->grad(y, cotangent[i], dx, want);
        for (int k = 0; k < MAX_INPUTS; k++) {
            if (!want[k] || !dx[k]) continue;
            Node **sum = &cotangent[y->in[k]->id];
            *sum = *sum ? add(*sum, dx[k]) : dx[k];
        }
    }
    for (int i = 0; i < n; i++) {
        Node *found = wrt[i]->id <= loss->id ? cotangent[wrt[i]->id] : NULL;
        out[i] = found ? found : fill(g, wrt[i]->shape, 0);
    }
    free(depends);
    free(cotangent);
}

static Node *grad1(Node *loss, Node *wrt)
{
    Node *out;
    grad(loss, &wrt, 1, &out);
    return out;
}

/* ================================================================================================
 * 5  LAYERS AND NETWORKS
 *
 * A net is a list of named parameters. Its functions are called once for every place a network stands in a graph; the
 * first call makes a parameter, later ones find it by name, so that G(G(x)) shares weights by construction. The names
 * are those of the public PyTorch code, so that its checkpoints load here and ours load there.
 *
 * Parameters (5.1) and layers (5.2) first, then the networks: StarGAN (5.3) and GANmut (5.4), which change the
 * expression of a face in a picture; faces from noise (5.5); classifiers (5.6).
 * ============================================================================================== */

enum { MAX_REPEAT = 24, MAX_PARAMETERS = 384 };     /* ResNet-50 has 53 convolutions with norms of 5 parameters each */
enum { UNNUMBERED = -100 };             /* Net.index for layers that have a name and no number */
enum { HIDDEN_MOST = 2 };               /* hidden layers of a classifier's head */

/* An optimiser moves it; nothing does; the layer itself does, as it runs; it is what a folded norm adds (5.2). */
enum { LEARNT, FROZEN, STATISTIC, FOLDED };

typedef struct Parameter {
    Tensor *w, *m, *v;                  /* the weight and what its optimiser keeps, or NULL; all of one shape */
    Tensor *average;                    /* the moving average of w, where one is kept (net_average) */
    Node *leaf;                         /* w in the graph at hand */
    char role;                          /* LEARNT, FROZEN, STATISTIC, FOLDED */
    int fan_in;                         /* how many products an output sums. It says how to begin: uniform in
                                           +-1/sqrt(fan_in); where it is 0 with all ones, negative with zeros */
    double gain;                        /* unless 0: uniform in +-gain/sqrt(fan_in), or all of them this */
    double deviation;                   /* unless 0: normal instead, around 0, or around 1 where fan_in is 0 */
    bool matrix;                        /* of rank 2 in files: (rows,1,1,columns), or a dense layer's (H,W,C,K) */
    bool by_columns;                    /* and a dense layer's lies there as (K,WHC), not (K,CHW) */
} Parameter;

enum { MAX_MASKS = 24 };                /* of dropout, in both steps of an iteration together */

/* What networks of one kind are told besides; the sections say what it means. */
typedef struct EditorPart {             /* 5.3, G and D of StarGAN and GANmut */
    char keep;                          /* how G keeps the face: 'n' not at all, 'm' a mask, 's' a skip, 'w' a warp */
    bool resizes, modulates;            /* G enlarges by resizing; its blocks are told the condition, too */
    int style;                          /* they are told so many numbers that a layer makes of it; 0: itself */
    double fade;                        /* unless 0: G fades the neutral picture into the full expression, 5.3 */
    bool in_part;                       /* a label of half the strength draws half of the change, 14.1 */
    bool by_class;                      /* D has a map of scores for each class */
    Node *mask, *colour, *moves, *under;        /* what the last drawing in the graph at hand is made of */
} EditorPart;

typedef struct NoisePart {              /* 5.5, networks of GANs that draw from noise */
    char body, joins;                   /* which networks, and where a label comes in */
    bool norm, unstrided, joint;        /* batch norm in D; WACGAN's critic as in Kolbenschlag's code; 1 + n answers */
} NoisePart;

typedef struct ClassifierPart {         /* 5.6 */
    const struct Backbone *backbone;
    const struct Preprocess *preprocess;
    int learn_from, hidden[HIDDEN_MOST];/* the first block that learns; widths of the head's hidden layers, or 0 */
    bool flat;                          /* the head sees the whole map, not its mean */
    double dropout;
} ClassifierPart;

typedef struct Net {
    char letter;                        /* 'G' or 'D', the prefix of its names in files; 'P', 'R', 'O': 11.4 */
    Parameter parameters[MAX_PARAMETERS];
    int count;
    Graph *graph;
    char prefix[32];                    /* of the names of the layers that come now, "main." (5.2) */
    int index;                          /* of the next layer under this prefix */
    bool frozen;                        /* layers that come now stay as they are: 5.6 */
    int width, repeat, classes, channels, size;     /* w; blocks of G, halvings of D; n; X; P */
    int condition;                      /* channels of G's condition: n of a label, or the space's dimension; 0: none */
    int latent;                         /* numbers of noise that G draws from; 0: it draws from a picture */
    char space;                         /* GANmut's, 5.4: 'l' linear, 'g' Gaussian; 0: none */
    Optimiser optimiser;
    bool training;                      /* batch norm by the batch's own statistics, dropout at work */
    double deviation;                   /* of new filters' normal initial values (DCGAN: 0.02); 0: uniform, by fan-in */
    double gain;                        /* of new filters' uniform ones (He et al. 2015); 0: 1 */
    bool folded;                        /* its norms are in the filters before them: 11.2 */
    double norm_share;                  /* how far a batch moves batch norm's running statistics; 0: PyTorch's */
    Tensor *masks[MAX_MASKS];           /* dropout's, in the order in which the training graphs were built */
    double chances[MAX_MASKS];          /* of a number to be dropped */
    int n_masks;
    EditorPart editor;                  /* one of these is filled in */
    NoisePart noise;
    ClassifierPart classifier;
} Net;

/* ------------------------------------------------------------------------------------------------
 * 5.1  Parameters
 *
 * How a net gets them (parameter, called by the layers), what they are at the beginning (net_initialise), and how they
 * move: net_update adds the gradients and the optimiser to the graph of a step, net_average a moving average.
 * ---------------------------------------------------------------------------------------------- */

/* From here on the net's layers stand in graph g, as they are in use. */
static void net_attach(Net *net, Graph *g)
{
    net->graph = g, net->training = false;
    for (int i = 0; i < net->count; i++) net->parameters[i].leaf = NULL;
}

/* The same, as they are in training. */
static void net_train(Net *net, Graph *g)
{
    net_attach(net, g);
    net->training = true;
}

/* An empty network that Adam will move. */
static Net *net_new(char letter, double beta1, double beta2)
{
    Net *net = must_alloc(1, sizeof *net);
    *net = (Net){.letter = letter, .optimiser = {.op = OP_adam, .beta1 = beta1, .beta2 = beta2}};
    return net;
}

static void net_free(Net *net)
{
    for (int i = 0; i < net->count; i++) {
        Parameter *p = &net->parameters[i];
        tensor_free(p->w), tensor_free(p->m), tensor_free(p->v), tensor_free(p->average);
    }
    for (int i = 0; i < net->n_masks; i++) tensor_free(net->masks[i]);
    net->count = net->n_masks = 0;
}

static Parameter *net_find(Net *net, const char *name)
{
    for (int i = 0; i < net->count; i++)
        if (strcmp(net->parameters[i].w->name, name) == 0) return &net->parameters[i];
    return NULL;
}

/* The net's parameter with the current prefix and this name, as a leaf; made at the first call. */
static Node *parameter(Net *net, const char *what, Shape shape, int fan_in)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", net->prefix, what);
    Parameter *p = net_find(net, name);
    if (!p) {
        if (net->count == MAX_PARAMETERS) abort();
        p = &net->parameters[net->count++];
        *p = (Parameter){.w = tensor_new(name, shape), .fan_in = fan_in, .role = net->frozen ? FROZEN : LEARNT};
        p->w->stays = true;
    }
    if (!p->leaf) p->leaf = leaf(net->graph, p->w);
    return p->leaf;
}

/* Uniform in +-bound, element i of parameter number `which`: PyTorch's default for convolutions. */
static void fill_uniform(Tensor *t, double bound, uint64_t seed, uint32_t which)
{
    uint32_t words[4] = {0};
    for (size_t i = 0; i < shape_count(t->shape); i++) {
        if (i % 4 == 0) philox(seed, (uint64_t)STREAM_INIT << 32 | which, i / 4, words);
        t->data[i] = (real)(bound * (2 * (words[i % 4] + 0.5) / 4294967296.0 - 1));
    }
}

static const double TURN = 6.28318530717958647693;

/* Normal numbers by Box and Muller's method: sqrt(-2 log u) cos(2 pi v), u and v uniform in (0,1). Computed with the
 * kernels' log and sin, because the math libraries of two systems may differ in the last bit. */
static void draw_normal(Tensor *to, uint64_t seed, uint32_t stream, uint64_t index, uint32_t first)
{
    size_t n = shape_count(to->shape);
    real *radius = must_alloc(2 * n, sizeof *radius), *wave = radius + n;
    for (size_t i = 0; i < n; i++) {
        radius[i] = (real)draw(seed, stream, index, first + (uint32_t)(2 * i));
        wave[i] = (real)(TURN * draw(seed, stream, index, first + (uint32_t)(2 * i + 1)) + TURN / 4);
    }
    kernels->pointwise(POINTWISE_log, radius, NULL, 0, 0, radius, n);
    kernels->pointwise(POINTWISE_affine, radius, NULL, -2, 0, radius, n);
    kernels->pointwise(POINTWISE_sqrt, radius, NULL, 0, 0, radius, n);
    kernels->pointwise(POINTWISE_sin, wave, NULL, 0, 0, wave, n);
    kernels->pointwise(POINTWISE_mul, radius, wave, 0, 0, to->data, n);
    free(radius);
}

/* Normal around 1 (a norm's scale) or 0. */
static void fill_normal(Tensor *t, double middle, double deviation, uint64_t seed, uint32_t which)
{
    draw_normal(t, seed, STREAM_INIT, which, 0);
    kernels->pointwise(POINTWISE_affine, t->data, NULL, (real)deviation, (real)middle, t->data, shape_count(t->shape));
}

typedef struct Initialisation { Net *net; uint64_t seed; } Initialisation;

/* Where the numbers of a net's parameters begin, for their initial values. */
static uint32_t first_number(const Net *net)
{
    return net->letter == 'D' ? 192 : net->letter == 'R' ? 64 : net->letter == 'O' ? 128 : 0;
}

static void initialise_task(void *argument, int i, int worker)
{
    (void)worker;
    const Initialisation *job = argument;
    Parameter *p = &job->net->parameters[i];
    uint32_t which = first_number(job->net) + (uint32_t)i;
    double gain = p->gain != 0 ? p->gain : 1;
    if (p->deviation > 0) fill_normal(p->w, p->fan_in == 0, p->deviation, job->seed, which);
    else if (p->fan_in > 0) fill_uniform(p->w, gain / sqrt(p->fan_in), job->seed, which);
    else for (size_t k = 0; k < shape_count(p->w->shape); k++) p->w->data[k] = p->fan_in == 0 ? (real)gain : 0;
    changed(p->w);
}

/* The moving average begins where the weights are. */
static void net_restart_average(Net *net)
{
    for (int i = 0; i < net->count; i++) {
        Parameter *p = &net->parameters[i];
        if (!p->average) continue;
        memcpy(p->average->data, p->w->data, shape_count(p->w->shape) * sizeof(real));
        changed(p->average);
    }
}

/* Every parameter to its initial values, which depend on the seed and its number alone. */
static void net_initialise(Net *net, uint64_t seed)
{
    Initialisation job = {net, seed};
    parallel(net->count, initialise_task, &job);
    net_restart_average(net);
}

/* How many numbers its parameters have, together. */
static size_t net_size(const Net *net)
{
    size_t total = 0;
    for (int i = 0; i < net->count; i++) total += shape_count(net->parameters[i].w->shape);
    return total;
}

/* Gradients cut to what the optimiser allows, each number to +-clip_value: what is over that is taken off, so that
 * small ones stay exact. */
static void clip_gradients(const Optimiser *o, Node **gradients, int n)
{
    for (int i = 0; i < n && o->clip_value > 0; i++) {
        Node *excess = relu(add_number(abs_of(gradients[i]), -o->clip_value));
        gradients[i] = sub(gradients[i], mul(sign(gradients[i]), excess));
    }
}

/* Adds the net's optimiser's step for every learnt parameter; `gradients` receives d loss / d parameter, or NULL for
 * one that is not learnt. */
static void net_update(Net *net, Node *loss, Node *schedule, Node **gradients)
{
    const Optimiser *o = &net->optimiser;
    Node *leaves[MAX_PARAMETERS] = {0}, *found[MAX_PARAMETERS] = {0}, *clipped[MAX_PARAMETERS];
    Parameter *learnt[MAX_PARAMETERS];
    int n = 0;
    for (int i = 0; i < net->count; i++)
        if (net->parameters[i].role == LEARNT) learnt[n] = &net->parameters[i], leaves[n++] = net->parameters[i].leaf;
    grad(loss, leaves, n, found);
    memcpy(clipped, found, sizeof clipped);
    clip_gradients(o, clipped, n);
    for (int i = 0, k = 0; i < net->count; i++) gradients[i] = net->parameters[i].role == LEARNT ? found[k++] : NULL;
    for (int i = 0; i < n; i++) {
        Parameter *p = learnt[i];
        if (keeps_first(o->op) && !p->m) p->m = tensor_new(p->w->name, p->w->shape);
        if (keeps_second(o->op) && !p->v) p->v = tensor_new(p->w->name, p->w->shape);
        Node *g = o->weight_decay > 0 ? add(clipped[i], scale(leaves[i], o->weight_decay)) : clipped[i];
        update(o, g, leaves[i], p->m ? leaf(net->graph, p->m) : NULL, p->v ? leaf(net->graph, p->v) : NULL, schedule);
    }
}

/* Keeps a moving average of every parameter, old * decay + new * (1 - decay): weights that swing around a good place
 * have their middle there (Yaz et al. 2019). Called after net_update, it sees the weights as this step leaves them. */
static void net_average(Net *net, double decay)
{
    for (int i = 0; i < net->count; i++) {
        Parameter *p = &net->parameters[i];
        if (!p->average) p->average = tensor_new(p->w->name, p->w->shape);
        p->average->stays = true;
        moving_average(leaf(net->graph, p->average), p->leaf, 1 - decay);
    }
}

/* P P X: how many a picture is. */
static size_t picture_numbers(const Net *net) { return (size_t)(net->size * net->size * net->channels); }

/* Puts averages in the weights' place, or back: a graph built in between reads the averages. */
static void exchange_averages(Net *net)
{
    for (int i = 0; i < net->count; i++) {
        Parameter *p = &net->parameters[i];
        Tensor *w = p->w;
        if (p->average) p->w = p->average, p->average = w;
    }
}

/* ------------------------------------------------------------------------------------------------
 * 5.2  Layers
 *
 * PyTorch calls layers that are applied one after the other a Sequential and numbers them from 0: the names of the
 * public code are "main.3.weight" and the like. So a layer here takes the next index under the current prefix, or the
 * next two where an activation follows, which counts as a layer there though it has no weights.
 * ---------------------------------------------------------------------------------------------- */

static const double RELU = 0, LINEAR = 1;           /* slopes of leaky ReLU */

static void sequential(Net *net, const char *prefix)
{
    snprintf(net->prefix, sizeof net->prefix, "%.31s", prefix);
    net->index = 0;
}

/* The next layer's parameter: its name has the index, unless that is negative. */
static Node *layer_parameter(Net *net, const char *what, Shape shape, int fan_in)
{
    char name[32];
    if (net->index < 0) return parameter(net, what, shape, fan_in);
    snprintf(name, sizeof name, "%d.%s", net->index, what);
    return parameter(net, name, shape, fan_in);
}

/* One that stands beside the Sequential, under its own name. */
static Node *parameter_beside(Net *net, const char *name, Shape shape, int fan_in)
{
    char prefix[sizeof net->prefix];
    memcpy(prefix, net->prefix, sizeof prefix);
    net->prefix[0] = 0;
    Node *w = parameter(net, name, shape, fan_in);
    memcpy(net->prefix, prefix, sizeof prefix);
    return w;
}

/* The parameter whose leaf this is. */
static Parameter *parameter_of(Net *net, const Node *leaf)
{
    for (int i = 0; i < net->count; i++)
        if (net->parameters[i].leaf == leaf) return &net->parameters[i];
    abort();
}

/* A filter, or a norm's scale, with the initial values that the net wants. */
static Node *layer_weight(Net *net, Shape shape, int fan_in)
{
    Node *weight = layer_parameter(net, "weight", shape, fan_in);
    Parameter *p = parameter_of(net, weight);
    p->deviation = net->deviation, p->gain = net->gain;
    return weight;
}

/* A bias starts as PyTorch's does, or at 0 where filters start otherwise (DCGAN, MTCNN). */
static Node *layer_bias(Net *net, int k, int fan_in)
{
    return layer_parameter(net, "bias", shape_of(1, 1, 1, k), net->deviation > 0 || net->gain > 0 ? -1 : fan_in);
}

/* (N,H,W,C) -> (N,H',W',K), without bias */
static Node *conv_layer(Net *net, Node *x, Conv c)
{
    Shape w = shape_of(c.size, c.size, x->shape.d[3], c.k);
    Node *y = conv2d(x, layer_weight(net, w, c.size * c.size * x->shape.d[3]), NULL, LINEAR,
                     conv_shape(x->shape, w, c.stride, c.pad));
    net->index++;
    return y;
}

/* Every channel by itself, without bias: (N,H,W,C) -> (N,H',W',C) */
static Node *depthwise_layer(Net *net, Node *x, int size, int stride)
{
    Shape w = shape_of(size, size, 1, x->shape.d[3]);
    Node *weight = layer_weight(net, w, size * size);
    net->index++;
    return conv2d(x, weight, NULL, LINEAR, conv_shape(x->shape, w, stride, size / 2));
}

/* PReLU, a slope for each channel, at first 1/4. */
static Node *prelu_layer(Net *net, Node *x)
{
    Node *slopes = layer_parameter(net, "weight", shape_of(1, 1, 1, x->shape.d[3]), 0);
    parameter_of(net, slopes)->gain = 0.25;
    net->index++;
    return prelu(x, slopes);
}

/* (N,H,W,C) -> (N,H',W',K), with bias and leaky ReLU */
static Node *conv_bias_leaky(Net *net, Node *x, Conv c, double slope)
{
    int fan_in = c.size * c.size * x->shape.d[3];
    Shape w = shape_of(c.size, c.size, x->shape.d[3], c.k);
    Node *weight = layer_weight(net, w, fan_in), *bias = layer_bias(net, c.k, fan_in);
    net->index += slope == LINEAR ? 1 : 2;
    return conv2d(x, weight, bias, slope, conv_shape(x->shape, w, c.stride, c.pad));
}

/* A transposed convolution, (N,H,W,C) -> (N,H',W',K): the input gradient of a convolution that goes the other way.
 * Padded, it makes the side stride times as large (where that is a row more than its kernel reaches, PyTorch asks for
 * output_padding); unpadded, every pixel adds its whole kernel to the result. */
static Node *deconv_layer(Net *net, Node *x, Conv c)
{
    const int *d = x->shape.d;
    Shape w = shape_of(c.size, c.size, c.k, d[3]),
          y = c.pad ? shape_of(d[0], d[1] * c.stride, d[2] * c.stride, c.k)
                    : shape_of(d[0], (d[1] - 1) * c.stride + c.size, (d[2] - 1) * c.stride + c.size, c.k);
    Node *weight = layer_weight(net, w, c.size * c.size * c.k);
    net->index++;
    return conv2d_input_grad(x, weight, conv_shape(y, w, c.stride, c.pad));
}

/* Instance norm with learned scale and shift, then `slope`'s leaky ReLU, or plus a residual. */
static Node *inorm(Net *net, Node *x, Node *residual, double slope)
{
    Shape vector = shape_of(1, 1, 1, x->shape.d[3]);
    Node *scales = layer_parameter(net, "weight", vector, 0), *shift = layer_parameter(net, "bias", vector, -1);
    net->index += slope == LINEAR ? 1 : 2;
    return instance_norm(x, scales, shift, residual, slope);
}

/* A number for each channel that a layer itself keeps up to date as it runs: saved and loaded with the weights, moved
 * by no optimiser. Starts at 1 if fan_in is 0, at 0 if it is negative. */
static Node *statistic(Net *net, const char *what, int k, int fan_in)
{
    Node *r = layer_parameter(net, what, shape_of(1, 1, 1, k), fan_in);
    parameter_of(net, r)->role = STATISTIC;
    return r;
}

/* Moves a statistic by a share of the way to s. When the network stands in this graph a second time, it reads it
 * moved. */
static void move_statistic(Net *net, Node *r, Node *s, double share)
{
    parameter_of(net, r)->leaf = moving_average(r, s, share);
}

/* The norm of a net whose filters have it in them: it leaves a bias to add to what the convolution x makes. */
static Node *folded_norm(Net *net, const Node *x, Node *residual, double slope)
{
    Node *shift = layer_parameter(net, "bias", shape_of(1, 1, 1, x->shape.d[3]), -1);
    parameter_of(net, shift)->role = FOLDED;
    net->index += slope == LINEAR ? 1 : 2;
    Node *y = conv2d(x->in[0], x->in[1], shift, slope, x->conv);
    return residual ? add(y, residual) : y;
}

/* Batch norm (Ioffe & Szegedy 2015), then `slope`'s leaky ReLU, or plus a residual. In training it is the instance norm
 * of one long picture, all pictures of the batch end to end, and moves the running mean and variance by a share of the
 * way to the batch's (the variance's with m - 1 in place of m). In use the running ones take the place of the batch's,
 * and the norm of a channel is a line, the same for every picture. Names and both defaults are PyTorch's. */
static Node *batch_norm(Net *net, Node *x, Node *residual, double slope)
{
    const int *d = x->shape.d;
    int c = d[3], m = d[0] * d[1] * d[2];
    if (net->folded) return folded_norm(net, x, residual, slope);
    const double epsilon = 1e-5, share = net->norm_share > 0 ? net->norm_share : 0.1;
    Shape end_to_end = shape_of(1, d[0] * d[1], d[2], c);
    Node *scales = layer_weight(net, shape_of(1, 1, 1, c), 0), *shift = layer_parameter(net, "bias", scales->shape, -1);
    Node *running_mean = statistic(net, "running_mean", c, -1), *running_variance = statistic(net, "running_var", c, 0),
         *batches = statistic(net, "num_batches_tracked", 1, -1), *moments;
    net->index += slope == LINEAR ? 1 : 2;
    Node *flat = reshape(x, end_to_end),                                                        // (1,NH,W,C)
         *flat_residual = residual ? reshape(residual, end_to_end) : NULL;
    if (net->training && !net->frozen) {
        moments = moments_of(flat, epsilon);                                                    // (1,1,1,2C)
        Node *biased = add_number(reciprocal(square(slice(moments, 3, c, c))), -epsilon);
        move_statistic(net, running_mean, slice(moments, 3, 0, c), share);
        move_statistic(net, running_variance, scale(biased, m > 1 ? (double)m / (m - 1) : 1), share);
        move_statistic(net, batches, add_number(batches, 1), 1);
    } else
        moments = concat(running_mean, reciprocal(sqrt_of(add_number(running_variance, epsilon))), 3);  // (1,1,1,2C)
    return reshape(normalised(flat, moments, scales, shift, flat_residual, slope), x->shape);
}

/* Dropout (Srivastava et al. 2014): in training each number is 0 with this chance, the others grow to make up for it.
 * The masks (0 or 1 / (1 - chance)) are the net's, filled before each run. */
static Node *dropout(Net *net, Node *x, double chance)
{
    net->index++;
    if (!net->training || chance <= 0) return x;
    if (net->n_masks == MAX_MASKS) abort();
    char name[32];
    snprintf(name, sizeof name, "mask.%c.%d", net->letter, net->n_masks);
    net->chances[net->n_masks] = chance;
    Tensor *mask = net->masks[net->n_masks++] = tensor_new(name, x->shape);
    return mul(x, leaf(net->graph, mask));
}

typedef struct MaskTask { const Net *net; uint64_t seed, index; int which; } MaskTask;

static void mask_task(void *argument, int piece, int worker)
{
    (void)worker;
    const MaskTask *job = argument;
    Tensor *mask = job->net->masks[job->which];
    double chance = job->net->chances[job->which];
    size_t from = (size_t)piece * ELEMENTS_A_TASK, count = shape_count(mask->shape);
    uint64_t stream = (uint64_t)STREAM_DROPOUT << 32 | (uint64_t)job->which << 1 | (job->net->letter == 'D');
    uint32_t words[4] = {0};
    for (size_t i = from; i < least(from + ELEMENTS_A_TASK, count); i++) {
        if (i % 4 == 0) philox(job->seed, stream, job->index << 32 | i / 4, words);
        mask->data[i] = (real)((words[i % 4] + 0.5) / 4294967296.0 < chance ? 0 : 1 / (1 - chance));
    }
}

/* Draws every mask of iteration `index` anew. */
static void fill_masks(const Net *net, uint64_t seed, uint64_t index)
{
    MaskTask job = {net, seed, index, 0};
    for (; job.which < net->n_masks; job.which++)
        parallel(pieces(shape_count(net->masks[job.which]->shape), ELEMENTS_A_TASK), mask_task, &job);
}

/* A dense layer on all of a map: (N,H,W,C) -> (N,1,1,K), with bias and leaky ReLU; (K,CHW) in files. */
static Node *dense(Net *net, Node *x, int k, double slope)
{
    const int *d = x->shape.d;
    Shape w = shape_of(d[1], d[2], d[3], k);
    int fan_in = d[1] * d[2] * d[3];
    Node *weight = layer_weight(net, w, fan_in), *bias = layer_bias(net, k, fan_in);
    parameter_of(net, weight)->matrix = true;
    net->index += slope == LINEAR ? 1 : 2;
    return conv2d(x, weight, bias, slope, conv_shape(x->shape, w, 1, 0));
}

/* A label's row of a learnt table (n,k): (N,1,1,n) one-hot -> (N,1,1,k). Starts normal, as PyTorch's. */
static Node *embedding(Net *net, Node *label, int k)
{
    int n = label->shape.d[3];
    Node *table = layer_parameter(net, "weight", shape_of(n, 1, 1, k), n);                      // (n,1,1,k)
    Parameter *p = parameter_of(net, table);
    p->matrix = true, p->deviation = 1;
    net->index++;
    Shape w = shape_of(1, 1, n, k);
    return conv2d(label, reshape(table, w), NULL, LINEAR, conv_shape(label->shape, w, 1, 0));
}

/* Nearest-neighbour enlargement to h x w, twice the size or one less: each pixel twice along both axes, the rest cut
 * off. */
static Node *enlarge(Node *x, int h, int w)
{
    const int *d = x->shape.d;
    int n = d[0], rows = d[1], columns = d[2], c = d[3];
    x = broadcast(reshape(x, shape_of(n * rows * columns, 1, 1, c)), shape_of(n * rows * columns, 1, 2, c));
    x = broadcast(reshape(x, shape_of(n * rows, 1, 2 * columns, c)), shape_of(n * rows, 2, 2 * columns, c));
    return slice(slice(reshape(x, shape_of(n, 2 * rows, 2 * columns, c)), 1, 0, h), 2, 0, w);
}

/* The map that leaves a picture as it is, or resizes it: where each pixel stands, (1,P,P,2). */
static Node *even_map(Graph *g, int side)
{
    Tensor *map = graph_tensor(g, "places", shape_of(1, side, side, 2));
    for (int i = 0; i < side * side; i++) {
        map->data[2 * i] = (real)((i % side + 0.5) / side - 0.5);
        map->data[2 * i + 1] = (real)((i / side + 0.5) / side - 0.5);
    }
    return leaf(g, map);
}

/* A label (N,1,1,n) as n constant planes beside a picture's channels. */
static Node *with_planes(Node *x, Node *label)
{
    Shape planes = x->shape;
    planes.d[3] = label->shape.d[3];
    return concat(x, broadcast(label, planes), 3);
}

/* ------------------------------------------------------------------------------------------------
 * 5.3  StarGAN                                                            (Choi et al. 2018, tables 4 and 5)
 *
 * G draws a picture of a face again with the expression that a label asks for: two convolutions halve the side,
 * residual blocks work there, two more layers double it again. D has one body and two heads: how real is the picture,
 * and which expression does it show?
 *
 *   P side of the picture    w width of the first layer    n classes    d how often D halves the side
 *
 * What may differ from the paper: G's blocks are told the label as well (Net.editor.modulates), or what a layer makes
 * of it (Net.editor.style), without which a channel's gain could only rise or fall steadily along a direction of
 * GANmut's disc; G enlarges without a transposed convolution (Net.editor.resizes); G's last layer paints over x through
 * a mask, moves its pixels before, or adds to x (Net.editor.keep); GANmut's strength says only how far the picture is
 * on its way from neutral to the full expression (Net.editor.fade).
 * ---------------------------------------------------------------------------------------------- */

typedef Node *NormLayer(Net *net, Node *x, Node *residual, double slope);       /* inorm, batch_norm */

/* ReLU(norm(x) (1 + gain) + offset), gain and offset of every channel being linear in the condition (N,1,1,n).
 * (Dumoulin et al. 2017) In the paper the label comes in as constant planes before the first convolution. They add the
 * same number to all pixels of a channel, except along the border, and the norm behind it subtracts that number again;
 * these stay. */
static Node *modulated_norm(Net *net, Node *x, Node *condition, NormLayer *norm)
{
    int n = condition->shape.d[3], c = x->shape.d[3];
    Shape w = shape_of(1, 1, n, c);
    ConvShape geometry = conv_shape(condition->shape, w, 1, 0);
    Node *gain = layer_parameter(net, "gain.weight", w, n);
    gain = conv2d(condition, gain, NULL, LINEAR, geometry);                                     // (N,1,1,C)
    Node *offset = layer_parameter(net, "offset.weight", w, n);
    offset = conv2d(condition, offset, NULL, LINEAR, geometry);                                 // (N,1,1,C)
    Node *h = norm(net, x, NULL, LINEAR);
    net->index++;
    return relu(add(mul(h, add_number(gain, 1)), offset));
}

/* x + IN(conv(ReLU(IN(conv(x))))), IN being the instance norm; named main.<i>.main.0, .1, .3, .4 */
static Node *residual_block(Net *net, Node *x, Node *condition)
{
    char prefix[32];
    int outer = net->index, k = x->shape.d[3];
    snprintf(prefix, sizeof prefix, "main.%d.main.", outer);
    sequential(net, prefix);
    Node *h = conv_layer(net, x, (Conv){k, 3, 1, 1});                                           // (N,P/4,P/4,4w)
    h = net->editor.modulates ? modulated_norm(net, h, condition, inorm) : inorm(net, h, NULL, RELU);
    h = inorm(net, conv_layer(net, h, (Conv){k, 3, 1, 1}), x, LINEAR);                          // (N,P/4,P/4,4w)
    sequential(net, "main.");
    net->index = outer + 1;
    return h;
}

/* Twice the side: (N,H,W,C) -> (N,2H,2W,k). The paper's transposed convolution leaves checkerboards where its kernel
 * overlaps itself; a convolution on a picture enlarged before does not (Odena et al. 2016). */
static Node *doubled(Net *net, Node *x, int k)
{
    if (!net->editor.resizes) return deconv_layer(net, x, (Conv){k, 4, 2, 1});
    return conv_layer(net, enlarge(x, 2 * x->shape.d[1], 2 * x->shape.d[2]), (Conv){k, 3, 1, 1});
}

/* 'm': y = m colour + (1 - m) x, m in (0,1) for each pixel                             (Pumarola et al. 2018, eq. 1)
 * 'w': y = m colour + (1 - m) x', x' being x whose pixels are taken from elsewhere, by up to an eighth of the side: a
 * brow that rises is the same brow, as sharp as it was (Dorta et al. 2020, "The GAN that warped"). */
static Node *painted(EditorPart *editor, Node *x)
{
    Node *mask = editor->mask, *moves = editor->moves;
    Node *even = moves ? broadcast(even_map(x->graph, moves->shape.d[1]), moves->shape) : NULL; // (N,P,P,2)
    editor->under = moves ? add_number(warp(add_number(x, 1), add(even, moves)), -1) : x;
    return add(mul(mask, editor->colour), mul(affine(mask, -1, 1), editor->under));
}

/* How far pixels are moved, in sides of the picture: said for every fourth, and in between by bilinear weights. */
static Node *moves_of(Net *net, Node *h)
{
    Shape map = h->shape, w = shape_of(7, 7, h->shape.d[3], 2);
    map.d[3] = 2;
    Node *weight = parameter_beside(net, "moves.weight", w, 49 * w.d[2]);
    parameter_of(net, weight)->deviation = 0.001;                                               /* hardly, at first */
    Node *coarse = tanh_of(conv2d(h, weight, NULL, LINEAR, conv_shape(h->shape, w, 4, 3)));     // (N,P/4,P/4,2)
    return scale(warp(coarse, broadcast(even_map(h->graph, map.d[1]), map)), 0.125);            // (N,P,P,2)
}

/* Mask and colour come from one convolution, whose filters lie side by side. */
static void mask_and_colour(Net *net, Node *h)
{
    int c = h->shape.d[3], channels = net->channels;
    Node *paint = layer_weight(net, shape_of(7, 7, c, channels), 49 * c);
    net->index++;
    Node *w = concat(paint, parameter_beside(net, "mask.weight", shape_of(7, 7, c, 1), 49 * c), 3);
    Node *both = conv2d(h, w, NULL, LINEAR, conv_shape(h->shape, w->shape, 1, 3));              // (N,P,P,X+1)
    net->editor.colour = tanh_of(slice(both, 3, 0, channels));                                  // (N,P,P,X)
    net->editor.mask = sigmoid(slice(both, 3, channels, 1));                                    // (N,P,P,1)
}

/* 's': y = tanh(change + artanh(0.97 x))                                        (the skip of US-GAN, arXiv 2112.13002)
 * artanh(v) = 1/2 log((1 + v)/(1 - v)). Without a change y is 0.97 x, since artanh(1) would be infinite. */
static Node *past_skip(Net *net, Node *h, Node *x)
{
    Node *change = conv_layer(net, h, (Conv){net->channels, 7, 1, 3}), *v = scale(x, 0.97);     // (N,P,P,X)
    Node *odds = sub(log_of(add_number(v, 1)), log_of(affine(v, -1, 1)));
    return tanh_of(add(change, scale(odds, 0.5)));
}

/* Picture (N,P,P,X) in [-1,1] and label (N,1,1,n) -> picture (N,P,P,X) in [-1,1]. w is conv_dim, 64 in the paper. */
static Node *drawn_again(Net *net, Node *x, Node *label)
{
    int w = net->width;
    sequential(net, "style.");
    Node *told = net->editor.style ? dense(net, label, net->editor.style, 0.2) : label;         // (N,1,1,n or style)
    sequential(net, "main.");
    Node *h = with_planes(x, label);                                                            // (N,P,P,X+n)
    h = inorm(net, conv_layer(net, h, (Conv){w, 7, 1, 3}), NULL, RELU);                         // (N,P,P,w)
    h = inorm(net, conv_layer(net, h, (Conv){2 * w, 4, 2, 1}), NULL, RELU);                     // (N,P/2,P/2,2w)
    h = inorm(net, conv_layer(net, h, (Conv){4 * w, 4, 2, 1}), NULL, RELU);                     // (N,P/4,P/4,4w)
    for (int i = 0; i < net->repeat; i++) h = residual_block(net, h, told);                     // (N,P/4,P/4,4w)
    h = inorm(net, doubled(net, h, 2 * w), NULL, RELU);                                         // (N,P/2,P/2,2w)
    h = inorm(net, doubled(net, h, w), NULL, RELU);                                             // (N,P,P,w)
    if (net->editor.keep == 's') return past_skip(net, h, x);
    if (net->editor.keep == 'w') net->editor.moves = moves_of(net, h);
    else if (net->editor.keep != 'm') return tanh_of(conv_layer(net, h, (Conv){net->channels, 7, 1, 3}));
    mask_and_colour(net, h);
    return painted(&net->editor, x);                                                            // (N,P,P,X)
}

/* From a to b, of which it has the share s. */
static Node *between(Node *a, Node *b, Node *s)
{
    return add(a, mul(s, sub(b, a)));
}

/* How far strength r (N,1,1,1) is on the straight way from neutral to a full expression, 0 to 1. What a classifier
 * believes of the pictures along it is a sigmoid, flat at both ends; so s is a sigmoid's inverse, and belief is even:
 * s = (1 + logit(e + (1 - 2e) r) / logit(1 - e)) / 2, logit(p) = log(p / (1 - p)), e the belief at the beginning. */
static Node *share_of_way(Node *r, double e)
{
    Node *p = affine(relu(affine(r, -1, 1)), 2 * e - 1, 1 - e);             // e + (1 - 2e) min(r, 1) (N,1,1,1)
    return affine(log_of(mul(p, reciprocal(affine(p, -1, 1)))), 0.5 / log((1 - e) / e), 0.5);
}

/* --fade e: y = (1 - s) G(x,0) + s G(x,z/r), r = |z|, s the share above, for points z (N,1,1,d) of GANmut's disc: what
 * a direction shows grows in a straight line from what the centre shows, where a G told the strength may switch. With a
 * mask m, it, m colour and the movement are mixed so: two pictures that were moved differently would stand double. */
static Node *faded(Net *net, Node *x, Node *z)
{
    Node *r = sqrt_of(add_number(sum_per_picture(square(z)), 1e-8)), *s = share_of_way(r, net->editor.fade);
    Node *start = drawn_again(net, x, scale(z, 0));
    EditorPart weak = net->editor, *full = &net->editor;
    Node *end = drawn_again(net, x, mul(z, reciprocal(r)));                                     // (N,P,P,X)
    if (!full->mask) return between(start, end, s);
    Node *paint = between(mul(weak.mask, weak.colour), mul(full->mask, full->colour), s);       // (N,P,P,X)
    full->mask = between(weak.mask, full->mask, s);                                             // (N,P,P,1)
    full->colour = mul(paint, reciprocal(add_number(full->mask, 1e-6)));                        /* m may become 0 */
    if (full->moves) full->moves = between(weak.moves, full->moves, s);                         // (N,P,P,2)
    return painted(full, x);
}

/* The generator: picture (N,P,P,X), label or point (N,1,1,n) -> picture (N,P,P,X). */
static Node *stargan_generator(Net *net, Node *x, Node *label)
{
    return net->editor.fade ? faded(net, x, label) : drawn_again(net, x, label);
}

/* The discriminator's body: picture (N,P,P,X) -> features (N,P/2^d,P/2^d,w 2^(d-1)). */
static Node *stargan_features(Net *net, Node *x)
{
    sequential(net, "main.");
    for (int i = 0; i < net->repeat; i++)
        x = conv_bias_leaky(net, x, (Conv){net->width << i, 4, 2, 1}, 0.01);                    // (N,P/2,P/2,w) ...
    return x;
}

/* Is it real? features -> a map of scores (N,P/2^d,P/2^d,1), one for each patch. `by_class`: is it a real picture of
 * its class? Every class has a map, and the label (N,1,1,n) says which one counts. (StarGAN v2, section 2.1) */
static Node *stargan_source(Net *net, Node *features, Node *label)
{
    sequential(net, "");
    Shape w = shape_of(3, 3, features->shape.d[3], net->editor.by_class ? net->classes : 1);
    Node *weight = parameter(net, "conv1.weight", w, 9 * features->shape.d[3]);
    ConvShape s = conv_shape(features->shape, w, 1, 1);
    Node *maps = conv2d(features, weight, NULL, LINEAR, s);                                     // (N,P/2^d,P/2^d,1 | n)
    return net->editor.by_class ? sum_to(mul(label, maps), one_channel(maps->shape)) : maps;
}

enum { LARGEST_HEAD = 8 };              /* side of a head that is computed as a convolution */

/* A head that sees the whole picture at once: features -> (N,1,1,k). */
static Node *whole_head(Net *net, const char *name, Node *features, int k)
{
    sequential(net, "");
    int side = features->shape.d[1];
    Shape w = shape_of(side, side, features->shape.d[3], k);
    Node *weight = parameter(net, name, w, side * side * features->shape.d[3]);
    parameter_of(net, weight)->deviation = net->deviation;
    if (side > LARGEST_HEAD) {          /* the same sums as a 1x1 convolution of one pixel, whose kernel is faster */
        int c = side * side * features->shape.d[3];
        features = reshape(features, shape_of(features->shape.d[0], 1, 1, c));
        weight = reshape(weight, shape_of(1, 1, c, k));
        w = weight->shape;
    }
    return conv2d(features, weight, NULL, LINEAR, conv_shape(features->shape, w, 1, 0));
}

/* Which class is it? features -> class scores before the softmax (N,1,1,n). The Gaussian GANmut's head (5.4) has a
 * picture's coordinates in the channels behind them. */
static Node *stargan_classes(Net *net, Node *features)
{
    int behind = net->space == 'g' ? net->condition : 0;
    return slice(whole_head(net, "conv2.weight", features, net->classes + behind), 3, 0, net->classes);
}

/* D halves the side d times: the largest d <= 6 for which P / 2^d is an integer of at least 2. 0: the side does not
 * suit. */
static int default_d_repeat(int size)
{
    int d = 0;
    while (d < 6 && size % (2 << d) == 0 && size / (2 << d) >= 2) d++;
    return d;
}

/* ------------------------------------------------------------------------------------------------
 * 5.4  GANmut                                                              (d'Apolito et al. 2021, section 3)
 *
 * StarGAN's G, but its condition is a point z of a space of d = 2 (or 3) dimensions that is learnt along with it,
 * and a D that also tells where a picture lies in it, its coordinates.
 *   linear    neutral is the centre of the unit disc; every other emotion is a direction, and the distance rho from the
 *             centre is how strong it is
 *   Gaussian  every emotion k is a Gaussian with mean mean_k in [-1,1]^d and covariance C_k
 * Directions or Gaussians are parameters of G. The public code's linear model has a bias that nothing uses; so has
 * ours, for the sake of its checkpoints.
 * ---------------------------------------------------------------------------------------------- */

/* A parameter that is a matrix: (rows,1,1,columns). */
static Node *matrix(Net *net, const char *name, int rows, int columns, int fan_in, double gain)
{
    Node *w = parameter(net, name, shape_of(rows, 1, 1, columns), fan_in);
    Parameter *p = parameter_of(net, w);
    p->matrix = true, p->gain = gain;
    return w;
}

/* The unit vectors of the emotions but neutral, (n-1,1,1,d). Initial values are tiny, so that they turn easily. */
static Node *ganmut_directions(Net *net)
{
    int n = net->classes - 1, d = net->condition;
    sequential(net, "");
    parameter(net, "axes.bias", shape_of(1, 1, 1, n), d);
    Node *axes = matrix(net, "axes.weight", n, d, d, 1e-4);
    return mul(axes, reciprocal(sqrt_of(sum_to(square(axes), shape_of(n, 1, 1, 1)))));
}

/* Labels (N,1,1,n) -> their directions (N,1,1,d); neutral's is 0. */
static Node *ganmut_direction_of(Net *net, Node *label)
{
    Shape w = shape_of(1, 1, net->classes - 1, net->condition);
    Node *emotion = slice(label, 3, 1, net->classes - 1);                                       // (N,1,1,n-1)
    return conv2d(emotion, reshape(ganmut_directions(net), w), NULL, LINEAR, conv_shape(emotion->shape, w, 1, 0));
}

/* Column k of a matrix (n,1,1,d) as a row (1,1,1,n). */
static Node *column(Node *x, int k)
{
    return reshape(slice(x, 3, k, 1), shape_of(1, 1, 1, x->shape.d[0]));
}

/* The means of the Gaussians, (n,1,1,d); `raw`: before the tanh. */
static Node *ganmut_means(Net *net, bool raw)
{
    sequential(net, "");
    Node *mu = matrix(net, "mu.weight", net->classes, net->condition, net->condition, 1);
    return raw ? affine(mu, 1, 0) : tanh_of(mu);
}

enum { SPACE_MOST = 3 };                /* dimensions of a space */

/* Two dimensions: C = R(angle) diag(|axes|) R^T, so C^-1 = R diag(1/|axes|) R^T. Each entry is (1,1,1,n). */
static void ganmut_precision_2(Net *net, Node *p[SPACE_MOST][SPACE_MOST])
{
    sequential(net, "");
    Node *angle = matrix(net, "covariance_angles.weight", 1, net->classes, -1, 1),
         *axes = reciprocal(abs_of(matrix(net, "covariance_axes.weight", net->classes, 2, 0, 1)));
    Node *c = cos_of(angle), *s = sin_of(angle), *first = column(axes, 0), *second = column(axes, 1);
    p[0][0] = add(mul(square(c), first), mul(square(s), second));
    p[1][1] = add(mul(square(s), first), mul(square(c), second));
    p[0][1] = p[1][0] = mul(mul(c, s), sub(first, second));
}

/* Three dimensions: C = A A^T + 1e-3 I with A lower triangular, positive definite whatever A is; inverted by
 * cofactors. */
static void ganmut_precision_3(Net *net, Node *p[SPACE_MOST][SPACE_MOST])
{
    sequential(net, "");
    Node *diagonal = matrix(net, "covariance_diagonal.weight", net->classes, 3, 0, 1),
         *lower = matrix(net, "covariance_lower.weight", net->classes, 3, -1, 1);
    Node *a = column(diagonal, 0), *c = column(diagonal, 1), *f = column(diagonal, 2), *b = column(lower, 0),
         *d = column(lower, 1), *e = column(lower, 2);          /* A has the rows (a 0 0), (b c 0), (d e f) */
    Node *c00 = add_number(square(a), 1e-3), *c11 = add_number(add(square(b), square(c)), 1e-3),
         *c22 = add_number(add(add(square(d), square(e)), square(f)), 1e-3);
    Node *c10 = mul(a, b), *c20 = mul(a, d), *c21 = add(mul(b, d), mul(c, e));
    p[0][0] = sub(mul(c11, c22), square(c21));
    p[0][1] = sub(mul(c20, c21), mul(c10, c22));
    p[0][2] = sub(mul(c10, c21), mul(c20, c11));
    p[1][1] = sub(mul(c00, c22), square(c20));
    p[1][2] = sub(mul(c10, c20), mul(c00, c21));
    p[2][2] = sub(mul(c00, c11), square(c10));
    Node *per_determinant = reciprocal(add(add(mul(c00, p[0][0]), mul(c10, p[0][1])), mul(c20, p[0][2])));
    for (int i = 0; i < 3; i++)
        for (int k = i; k < 3; k++) p[i][k] = p[k][i] = mul(p[i][k], per_determinant);
}

/* (z - mean_k)^T C_k^-1 (z - mean_k) for points z (N,1,1,d) and every emotion k: (N,1,1,n). */
static Node *ganmut_distances(Net *net, Node *z)
{
    Node *means = ganmut_means(net, false), *p[SPACE_MOST][SPACE_MOST], *v[SPACE_MOST], *total = NULL;
    if (net->condition == 2) ganmut_precision_2(net, p);
    else ganmut_precision_3(net, p);
    for (int i = 0; i < net->condition; i++) v[i] = sub(slice(z, 3, i, 1), column(means, i));   // (N,1,1,n)
    for (int i = 0; i < net->condition; i++)
        for (int k = 0; k < net->condition; k++) {
            Node *term = mul(mul(v[i], v[k]), p[i][k]);
            total = total ? add(total, term) : term;
        }
    return total;
}

/* Makes the space's parameters for a net that only draws. */
static void ganmut_space(Net *net)
{
    if (net->space == 'l') ganmut_directions(net);
    if (net->space == 'g') ganmut_distances(net, fill(net->graph, shape_of(1, 1, 1, net->condition), 0));
}

/* StarGAN's G or GANmut's, to draw with: the space's parameters exist though the drawing does not use them. */
static Node *expression_generator(Net *net, Node *x, Node *condition)
{
    ganmut_space(net);
    return stargan_generator(net, x, condition);
}

/* Class scores of pictures (N,P,P,X) -> (N,1,1,n). */
static Node *stargan_judge(Net *d, Node *x)
{
    return stargan_classes(d, stargan_features(d, x));
}

/* Where in the space is it? features -> (N,1,1,d). */
static Node *ganmut_coordinates(Net *d, Node *features)
{
    if (d->space == 'l') return whole_head(d, "conv3.weight", features, d->condition);
    return slice(whole_head(d, "conv2.weight", features, d->classes + d->condition), 3, d->classes, d->condition);
}

/* ------------------------------------------------------------------------------------------------
 * 5.5  Faces from noise                      (Radford et al. 2016, DCGAN; Mirza & Osindero 2014; Kolbenschlag 2020)
 *
 *   G  z (N,1,1,Z) -> (N,s,s,w 2^(d-1)) -> doubled d times, each time half the channels -> (N,P,P,X) in [-1,1]
 *   D  x (N,P,P,X) -> halved d times -> (N,s,s,w 2^(d-1)) -> a score (N,1,1,1), and class scores where D tells classes
 *
 * Z is how many numbers of noise a picture is drawn from, s the side of the smallest map, P = s 2^d. Behind every layer
 * but the first and last of D and the last of G stands a batch norm. A D with a gradient penalty has none: the penalty
 * looks at each picture by itself, which a batch norm mixes with the others. (WGAN-GP, section 4; such a D is called a
 * critic.)
 *
 * Four bodies: DCGAN's; Kolbenschlag's first, which has a layer more and leaky slopes in G; his last (WACGAN), where G
 * enlarges and then convolves 5x5, and D has dropout; and `style`, for photographs, which has what was found since.
 *
 * A label comes in as the row of a learnt table. Either the row becomes a plane beside G's first map, and one beside
 * D's second; or z is multiplied by it, and D is not told the label but has to find it (WACGAN). The published cGAN
 * (Mirza & Osindero 2014) puts D's plane beside the picture; then our faces were grainy. Body `style`: G's norms are
 * told, and D multiplies.
 * ---------------------------------------------------------------------------------------------- */

enum { BODY_DCGAN = 'd', BODY_KOLBENSCHLAG = 'k', BODY_WACGAN = 'w', BODY_STYLE = 's' };
/* Where a label comes in: D's plane stands beside x or beside its second map; or z is multiplied. */
enum { JOINS_NOWHERE = 0, JOINS_FIRST = 'f', JOINS_SECOND = 's', JOINS_TIMES = 't' };
enum { LABEL_NUMBERS = 50 };            /* of a label's row in the table (Brownlee 2019) */

/* P = s 2^d with the smallest s from 3 to 8; 0: there is none. */
static int noise_halvings(int size)
{
    int d = 0;
    while (size % (2 << d) == 0 && size / (2 << d) >= 3) d++;
    return d > 1 && size >> d <= 8 ? d : 0;
}

/* A label as one plane of this side, learnt: (N,side,side,1). Its values start as large as the other channels': with
 * DCGAN's small initial values, G's pictures did not depend on the label even after 300 steps. */
static Node *label_plane(Net *net, Node *label, int side)
{
    double deviation = net->deviation;
    net->deviation = 0;
    sequential(net, "label.");
    Node *plane = dense(net, embedding(net, label, LABEL_NUMBERS), side * side, LINEAR);        // (N,1,1,side side)
    net->deviation = deviation;
    return reshape(plane, shape_of(label->shape.d[0], side, side, 1));
}

/* G is told its label by a plane beside its first map: one channel among many, so that the noise has the larger
 * part. */
static Node *beside_label(Net *net, Node *map, Node *label)
{
    if (!label || net->noise.joins == JOINS_TIMES) return map;
    int index = net->index;
    map = concat(map, label_plane(net, label, map->shape.d[1]), 3);
    sequential(net, "main.");
    net->index = index;
    return map;
}

/* WACGAN's body, Kolbenschlag's last. 0.3 is the leaky slope of Keras, in which it was written. The last kernel is 2x2
 * and reaches one pixel beyond the right and lower border. */
static Node *wacgan_generator(Net *net, Node *z, Node *label)
{
    int n = z->shape.d[0], p = net->size, s = p / 4, w = net->width;
    sequential(net, "main.");
    Node *h = dense(net, dense(net, z, 32 * w, 0.3), s * s * w, 0.3);                           // (N,1,1,P/4 P/4 w)
    h = enlarge(beside_label(net, reshape(h, shape_of(n, s, s, w)), label), p / 2, p / 2);      // (N,P/2,P/2,w or w+1)
    h = conv_bias_leaky(net, h, (Conv){8 * w, 5, 1, 2}, 0.3);                                   // (N,P/2,P/2,8w)
    h = conv_bias_leaky(net, enlarge(h, p, p), (Conv){4 * w, 5, 1, 2}, 0.3);                    // (N,P,P,4w)
    h = pad(pad(h, 1, 0, p + 1), 2, 0, p + 1);                                                  // (N,P+1,P+1,4w)
    return tanh_of(conv_bias_leaky(net, h, (Conv){net->channels, 2, 1, 0}, LINEAR));            // (N,P,P,X)
}

/* The body `style`: z and the label become 8w numbers, the style, from which the smallest map is made and which every
 * norm is told, so that all scales hear what is drawn and nothing but the style makes pictures differ. (StyleGAN,
 * Karras et al. 2019, without its noise for each pixel) The norms are batch norms, as BigGAN's (Brock et al. 2019):
 * instance norms make all pictures' channels alike, and faces fell apart into outlines. Each doubling is a
 * nearest-neighbour enlargement and a convolution, which leaves no checkerboards. */
static Node *style_generator(Net *net, Node *z, Node *label)
{
    int n = z->shape.d[0], w = net->width, s = net->size >> net->repeat;
    sequential(net, "style.");
    if (label) z = concat(z, embedding(net, label, LABEL_NUMBERS), 3);                          // (N,1,1,Z+50)
    Node *style = dense(net, dense(net, z, 8 * w, 0.2), 8 * w, 0.2);                            // (N,1,1,8w)
    sequential(net, "main.");
    Node *h = reshape(dense(net, style, s * s * 8 * w, LINEAR), shape_of(n, s, s, 8 * w));      // (N,s,s,8w)
    h = modulated_norm(net, h, style, batch_norm);
    for (int i = net->repeat - 1; i >= 0; i--) {
        h = conv_layer(net, enlarge(h, 2 * h->shape.d[1], 2 * h->shape.d[2]), (Conv){min_int(8, 1 << i) * w, 3, 1, 1});
        h = modulated_norm(net, h, style, batch_norm);                                          // (N,2s,2s,..)
    }
    return tanh_of(conv_layer(net, h, (Conv){net->channels, 3, 1, 1}));                         // (N,P,P,X)
}

/* Noise (N,1,1,Z) and, where G is told, a label (N,1,1,n) -> picture (N,P,P,X) in [-1,1]. */
static Node *noise_generator(Net *net, Node *z, Node *label)
{
    bool kolbenschlag = net->noise.body == BODY_KOLBENSCHLAG;
    int d = net->repeat, w = net->width;
    double slope = kolbenschlag ? 0.2 : RELU;
    if (net->noise.body == BODY_STYLE) return style_generator(net, z, label);
    sequential(net, "label.");
    if (label && net->noise.joins == JOINS_TIMES) z = mul(z, embedding(net, label, net->latent));
    if (net->noise.body == BODY_WACGAN) return wacgan_generator(net, z, label);
    sequential(net, "main.");
    Node *h = deconv_layer(net, z, (Conv){w << (d - 1), net->size >> d, 1, 0});                 // (N,s,s,w 2^(d-1))
    h = batch_norm(net, h, NULL, slope);
    h = beside_label(net, h, label);
    for (int i = d - 2; i >= 0; i--)
        h = batch_norm(net, deconv_layer(net, h, (Conv){w << i, 4, 2, 1}), NULL, slope);        // (N,2s,2s,..)
    if (kolbenschlag) h = batch_norm(net, deconv_layer(net, h, (Conv){w, 3, 1, 1}), NULL, slope);   // (N,P/2,P/2,w)
    return tanh_of(deconv_layer(net, h, (Conv){net->channels, kolbenschlag ? 3 : 4, 2, 1}));    // (N,P,P,X)
}

/* WACGAN's critic: the Keras recipe halves the side in every other layer; Kolbenschlag's code in none, so that a
 * feature depends on 9x9 pixels only. */
static Node *wacgan_features(Net *net, Node *x)
{
    sequential(net, "main.");
    for (int i = 0; i < 4; i++) {
        int stride = i % 2 || net->noise.unstrided ? 1 : 2;
        x = dropout(net, conv_bias_leaky(net, x, (Conv){net->width << i, 3, stride, 1}, 0.3), 0.3);
    }
    return x;                                                           // (N,P/4,P/4,8w), unstrided (N,P,P,8w)
}

/* Picture (N,P,P,X) and, where D is told, a label -> features (N,s,s,w 2^(d-1)). */
static Node *noise_features(Net *net, Node *x, Node *label)
{
    bool late = net->noise.joins == JOINS_SECOND && net->noise.body != BODY_WACGAN;
    if (net->noise.body == BODY_STYLE) label = NULL;                                            /* see style_score */
    Node *plane = label ? label_plane(net, label, net->size >> (late ? min_int(2, net->repeat - 1) : 0)) : NULL;
    if (net->noise.body == BODY_WACGAN) return wacgan_features(net, plane ? concat(x, plane, 3) : x);
    sequential(net, "main.");
    for (int i = 0; i < net->repeat; i++) {
        Conv c = {net->width << i, 4, 2, 1};
        if (plane && plane->shape.d[1] == x->shape.d[1]) x = concat(x, plane, 3);
        if (i > 0 && net->noise.norm) x = batch_norm(net, conv_layer(net, x, c), NULL, 0.2);
        else x = conv_bias_leaky(net, x, c, 0.2);                                               // (N,P/2,P/2,w) ...
    }
    return x;                                                                                   // (N,s,s,w 2^(d-1))
}

/* One more channel, the same number everywhere: how much the batch's pictures differ, the mean over all features of
 * their standard deviation from picture to picture. A D that sees it notices a G that draws one picture only. (Karras
 * et al. 2018, section 3) */
static Node *with_deviation(Node *h)
{
    const int *d = h->shape.d;
    Shape feature = shape_of(1, d[1], d[2], d[3]), plane = shape_of(d[0], d[1], d[2], 1);
    Node *away = sub(h, scale(sum_to(h, feature), 1.0 / d[0]));                                 // (N,s,s,C)
    Node *variance = scale(sum_to(square(away), feature), 1.0 / d[0]);                          // (1,s,s,C)
    return concat(h, broadcast(mean(sqrt_of(add_number(variance, 1e-8))), plane), 3);           // (N,s,s,C+1)
}

/* The body `style`: features h of the whole picture, score = v h + e_label h / sqrt(C), where the row e_label of a
 * learnt table is what the class looks like (the projection of Miyato & Koyama 2018, eq. 3). (N,1,1,1) */
static Node *style_score(Net *net, Node *features, Node *label)
{
    sequential(net, "whole.");
    Node *h = dense(net, with_deviation(features), 4 * net->width, 0.2);                        // (N,1,1,4w)
    Node *score = dense(net, h, 1, LINEAR);
    if (!label) return score;
    Node *fits = sum_per_picture(mul(h, embedding(net, label, 4 * net->width)));                // (N,1,1,1)
    return add(score, scale(fits, 1 / sqrt(4.0 * net->width)));
}

/* Is it real? (N,1,1,1); in Kolbenschlag's conditional D 1 + n answers: fake, real and of class 1, ... n. The label is
 * for the body `style`, the others' features have it. */
static Node *noise_score(Net *net, Node *features, Node *label)
{
    if (net->noise.body == BODY_STYLE) return style_score(net, features, label);
    return whole_head(net, "score.weight", features, net->noise.joint ? 1 + net->classes : 1);
}

/* Which class is it? (N,1,1,n) */
static Node *noise_classes(Net *net, Node *features)
{
    return whole_head(net, "classes.weight", features, net->classes);
}

/* Class scores of pictures, of a D that tells them: WACGAN's. */
static Node *noise_judge(Net *d, Node *x)
{
    return noise_classes(d, noise_features(d, x, NULL));
}

/* ------------------------------------------------------------------------------------------------
 * 5.6  Classifiers
 *
 *     picture --preprocessing--> body: convolutions in blocks --> map (N,h,w,C) --> head --> class scores (N,1,1,n)
 *
 *   vgg16, vgg19         five blocks of 3x3 convolutions, each block ends in a 2x2 max pool
 *                        (Simonyan & Zisserman 2015, table 1, columns D and E)
 *   resnet18, resnet50   blocks add what they find to their input; batch norm (He et al. 2016, table 1; the stride
 *                        in the 3x3, as torchvision has it)
 *   small, large         ours, for faces of 48 pixels learnt from scratch: 1.35 and 3.4 million parameters, all of
 *                        their work in 3x3 convolutions, which the kernels do best
 *
 * The map's mean over its pixels is what is called a picture's features. Names are those of torchvision (PyTorch's
 * library of networks for pictures), so that its weights load. A frozen block runs as in use even in training: its
 * weights stay, and its norms use their running statistics.
 * ---------------------------------------------------------------------------------------------- */

/* Layers from here on belong to block number `number`; those before the first learnt one are frozen. */
static void begin_block(Net *net, int number)
{
    net->frozen = number < net->classifier.learn_from;
}

/* The next layer is `prefix`name, without a number. */
static void named(Net *net, const char *prefix, const char *name)
{
    snprintf(net->prefix, sizeof net->prefix, "%.15s%.14s.", prefix, name);
    net->index = UNNUMBERED;
}

/* (N,H,W,C) -> (N,H/2,W/2,C): of each 2x2 pixels the largest. */
static Node *halved(Net *net, Node *x)
{
    net->index++;
    return max_pool(x, x, pool_shape(x->shape, 2, 2, 0, false));
}

/* (N,P,P,3) -> (N,P/32,P/32,512) */
static Node *vgg(Net *net, Node *x, const int *convolutions)
{
    sequential(net, "features.");
    for (int b = 0; b < 5; b++) {
        begin_block(net, b + 1);
        for (int i = 0; i < convolutions[b]; i++)
            x = conv_bias_leaky(net, x, (Conv){b < 3 ? 64 << b : 512, 3, 1, 1}, RELU);
        x = halved(net, x);
    }
    return x;
}

static const int vgg16_convolutions[5] = {2, 2, 3, 3, 3}, vgg19_convolutions[5] = {2, 2, 4, 4, 4};

static Node *vgg16(Net *net, Node *x) { return vgg(net, x, vgg16_convolutions); }
static Node *vgg19(Net *net, Node *x) { return vgg(net, x, vgg19_convolutions); }

/* Convolution `number` of a residual block and its norm: <at>conv1, <at>bn1 */
static Node *numbered_conv(Net *net, Node *x, const char *at, int number, Conv c, Node *residual, double slope)
{
    char name[16];
    snprintf(name, sizeof name, "conv%d", number);
    named(net, at, name);
    x = conv_layer(net, x, c);
    snprintf(name, sizeof name, "bn%d", number);
    named(net, at, name);
    return batch_norm(net, x, residual, slope);
}

/* What is added at a block's end: its input, brought to the new shape by a 1x1 convolution where that changes. */
static Node *shortcut(Net *net, Node *x, const char *at, int k, int stride)
{
    if (stride == 1 && x->shape.d[3] == k) return x;
    named(net, at, "downsample.0");
    x = conv_layer(net, x, (Conv){k, 1, stride, 0});
    named(net, at, "downsample.1");
    return batch_norm(net, x, NULL, LINEAR);
}

/* 3x3, 3x3: (N,H,W,C) -> (N,H/stride,W/stride,k) */
static Node *basic_block(Net *net, Node *x, const char *at, int k, int stride)
{
    Node *beside = shortcut(net, x, at, k, stride);
    Node *h = numbered_conv(net, x, at, 1, (Conv){k, 3, stride, 1}, NULL, RELU);
    return relu(numbered_conv(net, h, at, 2, (Conv){k, 3, 1, 1}, beside, LINEAR));
}

/* 1x1 to fewer channels, 3x3, 1x1 to four times as many: (N,H,W,C) -> (N,H/stride,W/stride,4k) */
static Node *narrow_block(Net *net, Node *x, const char *at, int k, int stride)
{
    Node *beside = shortcut(net, x, at, 4 * k, stride);
    Node *h = numbered_conv(net, x, at, 1, (Conv){k, 1, 1, 0}, NULL, RELU);
    h = numbered_conv(net, h, at, 2, (Conv){k, 3, stride, 1}, NULL, RELU);
    return relu(numbered_conv(net, h, at, 3, (Conv){4 * k, 1, 1, 0}, beside, LINEAR));
}

/* (N,P,P,3) -> (N,P/4,P/4,64) to (N,P/32,P/32,512), or four times as many channels with narrow blocks. Block 1 is the
 * stem, block b torchvision's layer b-1, whose map is map[b-2]. Returns the last. */
static Node *resnet(Net *net, const char *prefix, Node *x, const int *blocks,
                    Node *(*block)(Net *, Node *, const char *, int, int), Node *map[4])
{
    char at[40];
    begin_block(net, 1);
    x = numbered_conv(net, x, prefix, 1, (Conv){64, 7, 2, 3}, NULL, RELU);                      // (N,P/2,P/2,64)
    x = max_pool(x, x, pool_shape(x->shape, 3, 2, 1, false));                                   // (N,P/4,P/4,64)
    for (int layer = 0; layer < 4; layer++) {
        begin_block(net, layer + 2);
        for (int i = 0; i < blocks[layer]; i++) {
            snprintf(at, sizeof at, "%.5slayer%d.%d.", prefix, layer + 1, i);
            x = block(net, x, at, 64 << layer, i == 0 && layer > 0 ? 2 : 1);
        }
        map[layer] = x;
    }
    return x;
}

static const int resnet18_blocks[] = {2, 2, 2, 2}, resnet50_blocks[] = {3, 4, 6, 3};

static Node *resnet18(Net *net, Node *x) { return resnet(net, "", x, resnet18_blocks, basic_block, (Node *[4]){0}); }
static Node *resnet50(Net *net, Node *x) { return resnet(net, "", x, resnet50_blocks, narrow_block, (Node *[4]){0}); }

/* Convolution, batch norm, leaky ReLU: (N,H,W,C) -> (N,H',W',K) */
static Node *conv_norm(Net *net, Node *x, Conv c, double slope)
{
    return batch_norm(net, conv_layer(net, x, c), NULL, slope);
}

/* 3x3, ReLU: (N,H,W,C) -> (N,H,W,k) */
static Node *conv_norm_relu(Net *net, Node *x, int k)
{
    return conv_norm(net, x, (Conv){k, 3, 1, 1}, RELU);
}

/* Three times: halve the map, find more in it, and add what two more convolutions find there (after D. Page's ResNet-9,
 * 2018). (N,P,P,X) -> (N,P/8,P/8,channels[3]) */
static Node *our_classifier(Net *net, Node *x, const int channels[4])
{
    sequential(net, "features.");
    begin_block(net, 1);
    x = conv_norm_relu(net, x, channels[0]);                                                    // (N,P,P,channels[0])
    for (int b = 1; b < 4; b++) {
        begin_block(net, b + 1);
        x = conv_norm_relu(net, halved(net, x), channels[b]);                           // (N,P/2,P/2,channels[b]) ...
        x = add(x, conv_norm_relu(net, conv_norm_relu(net, x, channels[b]), channels[b]));
    }
    return x;
}

static Node *small_classifier(Net *net, Node *x) { return our_classifier(net, x, (const int[]){32, 64, 128, 192}); }
static Node *large_classifier(Net *net, Node *x) { return our_classifier(net, x, (const int[]){48, 96, 192, 320}); }

typedef struct Backbone {
    const char *name;
    Node *(*body)(Net *net, Node *x);
    int blocks, channels, divisor;                  /* a picture's channels (0: any), what divides its side */
    const char *preprocess, *pool, *head, *last;    /* what is usual; the name of a head that is a single layer */
    const int *convolutions;                        /* of each block of a VGG, else NULL */
} Backbone;

static const Backbone backbones[] = {
    {"small",    small_classifier, 4, 0,  8, "tanh",        "mean", "",        "classifier.1", NULL},
    {"large",    large_classifier, 4, 0,  8, "tanh",        "mean", "",        "classifier.1", NULL},
    {"vgg16",    vgg16,    5, 3, 32, "torchvision", "flat", "128,128", "classifier.0", vgg16_convolutions},
    {"vgg19",    vgg19,    5, 3, 32, "torchvision", "flat", "128,128", "classifier.0", vgg19_convolutions},
    {"resnet18", resnet18, 5, 3, 32, "torchvision", "mean", "",        "fc", NULL},
    {"resnet50", resnet50, 5, 3, 32, "torchvision", "mean", "",        "fc", NULL},
};
enum { BACKBONES = sizeof backbones / sizeof *backbones };

static const Backbone *find_backbone(const char *name)
{
    for (int i = 0; i < BACKBONES; i++)
        if (strcmp(backbones[i].name, name) == 0) return &backbones[i];
    return NULL;
}

/* What the makers of a network's weights did to a picture before the network saw it: from x in [-1,1], channel by
 * channel, x scale + shift; `bgr` then swaps red and blue. caffe-unit is what EDI's program does: it divides by 255
 * after the means of the caffe convention have been subtracted. */
static const struct Preprocess {
    const char *name;
    bool bgr;
    double scale[3], shift[3];
} preprocessings[] = {
    {"tanh",        false, {1, 1, 1}, {0, 0, 0}},
    {"unit",        false, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}},
    {"torchvision", false, {0.5 / 0.229, 0.5 / 0.224, 0.5 / 0.225},
     {(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225}},
    {"caffe",       true, {127.5, 127.5, 127.5}, {127.5 - 123.68, 127.5 - 116.779, 127.5 - 103.939}},
    {"caffe-unit",  true, {0.5, 0.5, 0.5}, {0.5 - 123.68 / 255, 0.5 - 116.779 / 255, 0.5 - 103.939 / 255}},
};
enum { PREPROCESSINGS = sizeof preprocessings / sizeof *preprocessings };

static const struct Preprocess *find_preprocessing(const char *name)
{
    for (int i = 0; i < PREPROCESSINGS; i++)
        if (strcmp(preprocessings[i].name, name) == 0) return &preprocessings[i];
    return NULL;
}

/* (N,P,P,X) in [-1,1] -> (N,P,P,X) as the network was taught. It is a 1x1 convolution that nobody learns. */
static Node *preprocessed(const struct Preprocess *how, Node *x)
{
    int channels = x->shape.d[3];
    Shape filter = shape_of(1, 1, channels, channels);
    if (how == &preprocessings[0]) return x;
    Tensor *w = graph_tensor(x->graph, "preprocess", filter);
    Tensor *b = graph_tensor(x->graph, "preprocess", shape_of(1, 1, 1, channels));
    for (int c = 0; c < channels; c++) {
        int to = how->bgr ? channels - 1 - c : c;
        w->data[c * channels + to] = (real)how->scale[c];
        b->data[to] = (real)how->shift[c];
    }
    return conv2d(x, leaf(x->graph, w), leaf(x->graph, b), LINEAR, conv_shape(x->shape, filter, 1, 0));
}

/* (N,P,P,3) -> (N,P,P,1): how bright the eye finds a colour. (ITU-R BT.601) */
static Node *luma(Node *x)
{
    static const double share[3] = {0.299, 0.587, 0.114};
    Tensor *w = graph_tensor(x->graph, "luma", shape_of(1, 1, 3, 1));
    for (int c = 0; c < 3; c++) w->data[c] = (real)share[c];
    return conv2d(x, leaf(x->graph, w), NULL, LINEAR, conv_shape(x->shape, w->shape, 1, 0));
}

/* (N,H,W,C) -> (N,1,1,C) */
static Node *mean_over_pixels(Node *x)
{
    const int *d = x->shape.d;
    return scale(sum_to(x, shape_of(d[0], 1, 1, d[3])), 1.0 / (d[1] * d[2]));
}

/* A picture (N,P,P,X) in [-1,1] -> class scores before the softmax (N,1,1,n). *features: (N,1,1,C), unless NULL. */
static Node *classifier_scores(Net *net, Node *x, Node **features)
{
    const ClassifierPart *of = &net->classifier;
    const Backbone *kind = of->backbone;
    Node *map = kind->body(net, preprocessed(of->preprocess, x));                               // (N,h,w,C)
    Node *pooled = mean_over_pixels(map), *h = of->flat ? map : pooled;
    if (features) *features = pooled;
    begin_block(net, kind->blocks + 1);
    if (!of->hidden[0]) {
        h = dropout(net, h, of->dropout);
        named(net, "", kind->last);
        return dense(net, h, net->classes, LINEAR);
    }
    sequential(net, "classifier.");
    for (int i = 0; i < HIDDEN_MOST && of->hidden[i]; i++)
        h = dropout(net, dense(net, h, of->hidden[i], RELU), of->dropout);                      // (N,1,1,hidden)
    return dense(net, h, net->classes, LINEAR);
}

/* ================================================================================================
 * 6  LOSSES AND SETTINGS
 *
 * Each loss stands beside its equation and its source. s is D's scores, one for a picture or a map of them, before any
 * sigmoid; E is the mean over all of them. The penalties use what chapter 4 built: a gradient inside a loss. What the
 * equations leave open, and all else that a user may set, is the table of 6.3.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 6.1  Adversarial losses
 *
 *                    D minimises on real  on fake          G minimises on fake
 *   wgan, wgan-gp    - E s                E s              - E s                (Arjovsky 2017; Gulrajani 2017, eq. 3)
 *   bce              E log(1 + e^-s)      E log(1 + e^s)   E log(1 + e^-s)      (Goodfellow 2014, section 3: -log D)
 *   bce-saturating   the same             the same         - E log(1 + e^s)     (Goodfellow 2014, eq. 1: log(1 - D))
 *   hinge            E max(0, 1 - s)      E max(0, 1 + s)  - E s                (Lim & Ye 2017)
 *   lsgan            E (s - 1)^2          E s^2            E (s - 1)^2          (Mao et al. 2017, a = 0, b = c = 1)
 * ---------------------------------------------------------------------------------------------- */

static Node *minus_mean(Node *s)          { return scale(mean(s), -1); }
static Node *mean_softplus(Node *s)       { return mean(softplus(s)); }
static Node *mean_softplus_minus(Node *s) { return mean(softplus(scale(s, -1))); }
static Node *minus_mean_softplus(Node *s) { return scale(mean(softplus(s)), -1); }
static Node *hinge_below_one(Node *s)     { return mean(relu(affine(s, -1, 1))); }
static Node *hinge_above_minus(Node *s)   { return mean(relu(add_number(s, 1))); }
static Node *distance_to_one(Node *s)     { return mean(square(add_number(s, -1))); }
static Node *distance_to_zero(Node *s)    { return mean(square(s)); }

typedef struct Adversarial {
    const char *name;
    Node *(*d_real)(Node *s), *(*d_fake)(Node *s), *(*g_fake)(Node *s);
} Adversarial;

static const Adversarial adversarial_losses[] = {
    {"wgan-gp",        minus_mean,          mean,              minus_mean},
    {"wgan",           minus_mean,          mean,              minus_mean},
    {"bce",            mean_softplus_minus, mean_softplus,     mean_softplus_minus},
    {"bce-saturating", mean_softplus_minus, mean_softplus,     minus_mean_softplus},
    {"hinge",          hinge_below_one,     hinge_above_minus, minus_mean},
    {"lsgan",          distance_to_one,     distance_to_zero,  distance_to_one},
};
enum { ADVERSARIAL_LOSSES = sizeof adversarial_losses / sizeof *adversarial_losses };

/* ------------------------------------------------------------------------------------------------
 * 6.2  The other terms
 *
 * Is it of the right class, is D smooth enough, is the face still the same, is the picture calm?
 * ---------------------------------------------------------------------------------------------- */

/* E[-log softmax(scores)_label] for classes, of which a picture has one; for attributes, of which it may have several
 * (CelebA), the cross-entropies of each by itself, log(1 + e^score) - label score, summed and divided by N. (StarGAN
 * eq. 2, 3) */
static Node *classification_loss(Node *scores, Node *label, bool attributes)
{
    Node *at_label = mul(label, scores);
    Node *terms = attributes ? sub(softplus(scores), at_label)
                             : sub(logsumexp(scores), sum_to(at_label, one_channel(scores->shape)));
    return scale(sum(terms), 1.0 / scores->shape.d[0]);
}

/* E[w_label (-sum over k of t_k log softmax(scores)_k)], t = (1 - smoothing) label + smoothing / n: a network gains
 * nothing by being surer than t (Szegedy et al. 2016, section 7). `weights` (1,1,1,n): how much a picture of each class
 * counts, or NULL. */
static Node *smoothed_loss(Node *scores, Node *label, double smoothing, Node *weights)
{
    int n = label->shape.d[3];
    Node *target = smoothing > 0 ? affine(label, 1 - smoothing, smoothing / n) : label;         // (N,1,1,n)
    if (!weights) return classification_loss(scores, target, false);
    Shape each = one_channel(scores->shape);
    Node *loss = sub(logsumexp(scores), sum_to(mul(target, scores), each));                     // (N,1,1,1)
    return mean(mul(sum_to(mul(label, weights), each), loss));
}

/* E[(||d sum(s) / d x_hat||_2 - 1)^2], one norm per picture. (WGAN-GP eq. 3; a map of scores is summed up first, as in
 * the public StarGAN code) */
static Node *gradient_penalty(Node *s, Node *x_hat)
{
    Node *norm = sqrt_of(sum_per_picture(square(grad1(sum(s), x_hat))));                         // (N,1,1,1)
    return mean(square(add_number(norm, -1)));
}

/* 1/2 E||d sum(s) / d x||^2 on real pictures. (Mescheder et al. 2018, eq. 9) */
static Node *r1_penalty(Node *s, Node *x)
{
    return scale(mean(sum_per_picture(square(grad1(sum(s), x)))), 0.5);
}

/* E|x - y|, over all numbers. (StarGAN eq. 4) */
static Node *mean_absolute_error(Node *x, Node *y)
{
    return mean(abs_of(sub(x, y)));
}

/* E|dy/dh| + E|dy/dw|: how much y varies from pixel to pixel. (total variation, Rudin et al. 1992) */
static Node *total_variation(Node *y)
{
    Node *total = NULL;
    for (int axis = 1; axis <= 2; axis++) {
        int n = y->shape.d[axis];
        Node *steps = mean_absolute_error(slice(y, axis, 1, n - 1), slice(y, axis, 0, n - 1));
        total = total ? add(total, steps) : steps;
    }
    return total;
}

/* ------------------------------------------------------------------------------------------------
 * 6.3  Settings: what the equations leave open
 *
 * Every number and every choice that a user may set is a row of FACEGAN_SETTINGS (facegan.h): the struct
 * Settings, its usual values, the command line, --help, a run's `config`, and what is refused all come from the rows.
 * The steps of chapter 7 take them as s->lambda_rec and so on; the groups networks, losses and optimiser are worth a
 * look before. What is usual for one model or command only is in 9.1 and 16.
 * ---------------------------------------------------------------------------------------------- */

enum { TEXT = 256 };
enum { FIXED = 1, FREE = 2, COMMAND = 4, OTHER = 8 };

#define FIELD_s(field) char field[TEXT];
#define FIELD_l(field) char field[TEXT * 2];
#define FIELD_p(field) char field[TEXT * 4];
#define FIELD_i(field) long field;
#define FIELD_b(field) long field;
#define FIELD_f(field) double field;
typedef struct Settings {
#define X(kind, field, ...) FIELD_##kind(field)
    FACEGAN_SETTINGS(X)
#undef X
    long reached;                       /* set by train(): the iteration at which it ended */
    double seconds_a_step;              /* set by train() with dry_run: of an iteration */
} Settings;

static const Adversarial *adversarial_of(const Settings *s)
{
    const Adversarial *loss = adversarial_losses;
    while (strcmp(loss->name, s->adv)) loss++;
    return loss;
}

/* Is the word in a list with commas? */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
        size_t size = strcspn(at, ",");
        if (size == length && strncmp(at, word, size) == 0) return true;
    }
    return false;
}

/* 'g' gradient penalty, 'r' R1, 'n' none. */
static char penalty_of(const Settings *s)
{
    return *s->reg ? s->reg[0] : strcmp(s->adv, "wgan-gp") == 0 ? 'g' : 'n';
}

/* ================================================================================================
 * 7  STEPS, AND THE LOOP OF TRAINING
 *
 * A step is the graph of one update: the losses, the gradients of their sum, and an optimiser's step. Random draws and
 * the batch are leaves that are filled before each run. Every system here is two steps, D's and G's, and they share one
 * loop.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 7.1  One iteration of StarGAN
 *
 *   L_D = L_adv(D) + lambda_cls E[-log D_cls(c'|x)] + lambda_gp penalty                           (StarGAN eq. 5 and 8)
 *   L_G = L_adv(G) + lambda_cls E[-log D_cls(c|G(x,c))] + lambda_rec E|x - G(G(x,c),c')|          (StarGAN eq. 6 and 8)
 *
 * x is a real picture and c' its label, c the label that is asked for, D_cls the probabilities of D's class head. L_adv
 * is a row of 6.1, the penalty is of 6.2.
 *
 * What may be added, all but two in GANmut's iteration as well:
 *   --lambda-adv       a weight for L_adv(G)
 *   --penalty-share s  the penalty is measured on this share of the batch
 *   --teacher          + lambda_teacher E[-log T(c|view(G(x,c)))], T a classifier that was trained before and stays as
 *                      it is; view turns, moves, enlarges, lightens the picture and adds noise: only an expression can
 *                      convince T in all of these views  (Santurkar et al. 2019; Athalye et al. 2018, eq. 2)
 *   --lambda-tv        + lambda_tv TV(G(x,c) - x), x with its pixels moved where G moves them
 *   --lambda-mask      + lambda_mask E m, of a G that keeps the face through a mask    (Pumarola et al. 2018, eq. 4)
 *   --lambda-moves     + lambda_moves TV(way in pixels) of a G that moves x's pixels              (Dorta et al. 2020)
 *   --identity s       in this share of the batch x - G(x,c') takes the place of x - G(G(x,c),c')
 *   --source class     not GANmut's: D's scores are asked for each class by itself: is this a real picture of c?
 *                                                                                                (StarGAN v2, eq. 1)
 *   --wrong-labels     not GANmut's: D is shown real pictures under another label as fakes          (Reed et al. 2016)
 *   --diffaugment      D sees every picture, real or drawn, lighter or darker, with more or less contrast, moved, and
 *                      with a square hidden, by chance; G learns through it             (Zhao et al. 2020, section 3.2)
 * ---------------------------------------------------------------------------------------------- */

enum { MAX_TEACHERS = 4 };

typedef struct Teacher {
    Net *net;                           /* a classifier, 5.6 */
    Tensor *class_of;                   /* (1,1,n,its n) 1 where class k of the run is the teacher's class j */
} Teacher;

enum { MAX_DRAWS = 16 };

typedef enum DrawKind {
    DRAW_NORMAL,                        /* N(0,1) */
    DRAW_UNIFORM,                       /* U(-1,1) */
    DRAW_DIRECTION,                     /* an angle in (0,2 pi), then heights in (-1,1) */
    DRAW_STRENGTH                       /* rho in (0.2,1), or below 0.2 where the target is neutral */
} DrawKind;

typedef struct Draw {
    Tensor *values;                     /* (N,1,1,..), "noise_d" */
    DrawKind kind;
    char step;                          /* 'd' or 'g' for D's or G's step, 0 for both; other letters for other uses */
} Draw;

typedef struct Batch {                  /* what a step works on: its leaves */
    Tensor *x;                          /* (N,P,P,X) real pictures in [-1,1] */
    Tensor *label, *target;             /* (N,1,1,n) c' and c, one-hot or 0/1 attributes */
    Tensor *alpha;                      /* (N,1,1,1) where x_hat lies between real and fake */
    Tensor *class_weights;              /* (1,1,1,n) or NULL */
    Tensor *schedule_d, *schedule_g;    /* (1,1,1,3) Adam's learning rate and corrections */
    Draw draws[MAX_DRAWS];              /* the model's own random draws */
    int n_draws;
    const Teacher *teachers;            /* --teacher's classifiers */
    int n_teachers;
    bool keep_gradients;                /* they are asked for afterwards: 12.9 */
} Batch;

enum { MAX_TERMS = 12 };

typedef struct Step {
    Graph *graph;
    const char *names[MAX_TERMS];       /* of the terms, "D.real" */
    Node *terms[MAX_TERMS];
    int n_terms;
    Node *total, *fake;                 /* fake: what G drew; in a classifier's step the class scores */
    Node *gradients[MAX_PARAMETERS];
} Step;

/* Adds weight * term to the step's total and keeps the term for the log. */
static void add_term(Step *step, const char *name, Node *term, double weight)
{
    step->names[step->n_terms] = name;
    step->terms[step->n_terms++] = keep(term);
    Node *weighted = weight == 1 ? term : scale(term, weight);
    step->total = step->total ? add(step->total, weighted) : weighted;
}

/* Adds the gradients of the step's total and the update of the net. */
static void finish_step(Step *step, Net *net, Node *schedule, const Batch *batch)
{
    keep(step->total);
    if (batch->keep_gradients) keep(step->fake);
    net_update(net, step->total, schedule, step->gradients);
    for (int i = 0; batch->keep_gradients && i < net->count; i++)
        if (step->gradients[i]) keep(step->gradients[i]);
}

/* The same for G, and its averaged weights. */
static void finish_g_step(Step *step, Net *generator, const Batch *batch, const Settings *s)
{
    finish_step(step, generator, leaf(step->graph, batch->schedule_g), batch);
    if (s->average > 0) net_average(generator, s->average);
}

/* "noise_d", or "rho" where both steps have the same. */
static void draw_name(const char *what, char step, char name[32])
{
    snprintf(name, 32, step ? "%s_%c" : "%s", what, step);
}

/* One of the model's random draws, by name. */
static Node *draw_leaf(Graph *g, const Batch *batch, const char *what, char step)
{
    char name[32];
    draw_name(what, step, name);
    for (int i = 0; i < batch->n_draws; i++)
        if (strcmp(batch->draws[i].values->name, name) == 0) return leaf(g, batch->draws[i].values);
    abort();
}

/* 1 within `half` of the middle (N,1,1,1) along an axis of n pixels, else 0: (N,n,1,1) or (N,1,n,1). */
static Node *band(Node *middle, int axis, int n, double half)
{
    Node *places = slice(slice(even_map(middle->graph, n), 3, axis == 1, 1), 3 - axis, 0, 1);
    return sign(relu(affine(abs_of(sub(places, middle)), -1, half)));
}

/* A map for warp: mirrored (`mirror` -1 or 1), turned by an angle, scaled and moved; each (N,1,1,1). */
static Node *map_of(Node *mirror, Node *angle, Node *zoom, Node *right, Node *down, int side)
{
    Node *even = even_map(mirror->graph, side), *a = mul(slice(even, 3, 0, 1), mirror), *b = slice(even, 3, 1, 1);
    Node *c = mul(zoom, cos_of(angle)), *s = mul(zoom, sin_of(angle));
    return concat(add(sub(mul(c, a), mul(s, b)), right), add(add(mul(s, a), mul(c, b)), down), 3);      // (N,P,P,2)
}

/* Moves x's values away from each picture's mean, or towards it; factor (N,1,1,1). */
static Node *more_contrast(Node *x, Node *factor)
{
    const int *d = x->shape.d;
    Node *middle = scale(sum_per_picture(x), 1.0 / (d[1] * d[2] * d[3]));
    return add(mul(sub(x, middle), factor), middle);
}

/* Does --diffaugment ask for this change? NULL: for any? */
static bool is_changed(const Settings *s, const char *how)
{
    if (!how) return *s->diffaugment && strcmp(s->diffaugment, "none");
    return has_word(s->diffaugment, how) || has_word(s->diffaugment, "all");
}

enum { VIEW_DRAWS = 6, TEACHER_DRAWS = 8 };

/* What D sees of x (N,P,P,X). Which draws: 'R' for the real pictures and 'F' for the fakes of D's step, 'G' in G's;
 * they are uniform in (-1,1), (N,1,1,6). Moved by up to an eighth of the side, with 0, a middle grey, where nothing
 * was; the hidden square has half the side. (Zhao et al. 2020, the ranges of their public code) */
static Node *augmented(Node *x, const Batch *batch, const Settings *s, char which)
{
    if (!is_changed(s, NULL)) return x;
    Node *u = draw_leaf(x->graph, batch, "view", which), *part[VIEW_DRAWS];
    for (int i = 0; i < VIEW_DRAWS; i++) part[i] = slice(u, 3, i, 1);                           // (N,1,1,1)
    int side = x->shape.d[1];
    if (is_changed(s, "brightness")) x = add(x, scale(part[0], 0.5));
    if (is_changed(s, "contrast")) x = more_contrast(x, affine(part[1], 0.5, 1));
    if (is_changed(s, "translation")) {
        Node *one = affine(part[0], 0, 1);
        x = warp(x, map_of(one, scale(one, 0), one, scale(part[2], 0.125), scale(part[3], 0.125), side));
    }
    if (is_changed(s, "cutout")) {
        Node *hidden = mul(band(scale(part[4], 0.5), 1, side, 0.25), band(scale(part[5], 0.5), 2, side, 0.25));
        x = mul(x, affine(hidden, -1, 1));
    }
    return x;
}

/* D's scores of pictures under these labels. */
typedef Node *Scorer(Net *d, Node *x, Node *label);

static Node *patch_scores(Net *d, Node *x, Node *label) { return stargan_source(d, stargan_features(d, x), label); }

/* The penalty on D's gradient, where there is one: on the first of the batch's pictures, as --penalty-share says. */
static void penalty_term(Step *step, Net *d, Scorer *score, Node *x, Node *fake, Node *label, const Batch *batch,
                         const Settings *s)
{
    int n = max_int(1, (int)(s->penalty_share * s->batch + 0.5));
    Node *part = slice(x, 0, 0, n);
    if (label) label = slice(label, 0, 0, n);
    if (penalty_of(s) == 'g') {
        Node *alpha = slice(leaf(step->graph, batch->alpha), 0, 0, n);
        Node *x_hat = add(mul(alpha, part), mul(affine(alpha, -1, 1), slice(fake, 0, 0, n)));  // (n,P,P,X)
        add_term(step, "D.gp", gradient_penalty(score(d, x_hat, label), x_hat), s->lambda_gp);
    }
    if (penalty_of(s) == 'r') add_term(step, "D.r1", r1_penalty(score(d, part, label), part), s->lambda_gp);
}

/* L_D, on x and the step's fakes. Returns D's features of both, (2N,..): both go through D as one batch, which is
 * faster. */
static Node *discriminator_terms(Step *step, Net *d, Node *x, const Batch *batch, const Settings *s)
{
    Graph *g = step->graph;
    const Adversarial *adversarial = adversarial_of(s);
    Node *label = leaf(g, batch->label), *target = d->editor.by_class ? leaf(g, batch->target) : NULL;
    int n = x->shape.d[0];
    x = augmented(x, batch, s, 'R');
    Node *fake = augmented(step->fake, batch, s, 'F');
    Node *both = stargan_features(d, concat(x, fake, 0));                                       // (2N,..)
    Node *real_features = slice(both, 0, 0, n);
    Node *scores = stargan_source(d, both, d->editor.by_class ? concat(label, target, 0) : NULL); // (2N,P/2^d,P/2^d,1)
    add_term(step, "D.real", adversarial->d_real(slice(scores, 0, 0, n)), 1);
    add_term(step, "D.fake", adversarial->d_fake(slice(scores, 0, n, n)), s->wrong_labels ? 0.5 : 1);
    if (s->wrong_labels)
        add_term(step, "D.wrong", adversarial->d_fake(stargan_source(d, real_features, target)), 0.5);
    add_term(step, "D.cls", classification_loss(stargan_classes(d, real_features), label, *s->attributes),
             s->lambda_cls);
    penalty_term(step, d, patch_scores, x, fake, label, batch, s);
    return both;
}

static Step stargan_d_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_attach(generator, g), net_attach(d, g);
    Node *x = leaf(g, batch->x);
    step.fake = stop_grad(stargan_generator(generator, x, leaf(g, batch->target)));             // (N,P,P,X)
    discriminator_terms(&step, d, x, batch, s);
    finish_step(&step, d, leaf(g, batch->schedule_d), batch);
    return step;
}

/* What a teacher sees of x (N,P,P,X), in the size that it was trained at: turned by up to 9 degrees, moved by up to 6
 * hundredths of the side, mirrored or not, a little larger or smaller, lighter, darker, with more or less contrast, and
 * with noise. What lies beyond x's border is black, as in the pictures that the teacher learnt from. */
static Node *teacher_view(const Teacher *teacher, Node *x, const Batch *batch)
{
    Node *u = draw_leaf(x->graph, batch, "view", 'T'), *noise = draw_leaf(x->graph, batch, "noise", 'T'),
         *part[TEACHER_DRAWS];
    for (int i = 0; i < TEACHER_DRAWS; i++) part[i] = slice(u, 3, i, 1);                        // (N,1,1,1)
    x = add(x, mul(scale(abs_of(part[7]), 0.12), reshape(noise, x->shape)));
    int side = teacher->net->size, channels = teacher->net->channels;
    Node *map = map_of(sign(part[0]), scale(part[1], 0.16), affine(part[2], 0.08, 1), scale(part[3], 0.06),
                       scale(part[4], 0.06), side);                                             // (N,P',P',2)
    if (channels < x->shape.d[3]) x = luma(x);
    x = add_number(warp(add_number(x, 1), map), -1);                                // (N,P',P',X')
    if (channels > x->shape.d[3]) x = concat(x, concat(x, x, 3), 3);
    return add(more_contrast(x, affine(part[5], 0.25, 1)), scale(part[6], 0.2));
}

/* The terms of L_G that may be added: `label` (N,1,1,n) says what G's drawings (of x, where it is not NULL) should
 * show. */
static void further_terms(Step *step, Net *generator, Node *x, Node *label, const Batch *batch, const Settings *s)
{
    Node *total = NULL, *under = generator->editor.under, *moves = generator->editor.moves;
    for (int i = 0; i < batch->n_teachers; i++) {
        const Teacher *teacher = &batch->teachers[i];
        net_attach(teacher->net, step->graph);
        Node *scores = classifier_scores(teacher->net, teacher_view(teacher, step->fake, batch), NULL);
        Node *class_of = leaf(step->graph, teacher->class_of);
        Node *its_label = conv2d(label, class_of, NULL, LINEAR, conv_shape(label->shape, class_of->shape, 1, 0));
        Node *loss = smoothed_loss(scores, its_label, s->smoothing, NULL);
        total = total ? add(total, loss) : loss;
    }
    if (total) add_term(step, "G.teacher", scale(total, 1.0 / batch->n_teachers), s->lambda_teacher);
    if (s->lambda_tv > 0) add_term(step, "G.tv", total_variation(sub(step->fake, under ? under : x)), s->lambda_tv);
    if (generator->editor.mask) add_term(step, "G.mask", mean(generator->editor.mask), s->lambda_mask);
    if (moves) add_term(step, "G.moves", total_variation(scale(moves, moves->shape.d[1])), s->lambda_moves);
}

/* Drawn with x's own condition, the fakes must become x again (the way back), and so must x itself, which takes the
 * fakes' place in a share of the batch (--identity). */
static void reconstruction_term(Step *step, Net *generator, Node *x, Node *own, const Settings *s)
{
    int n = x->shape.d[0], themselves = (int)(s->identity * n + 0.5);
    Node *from = step->fake;
    if (themselves == n) from = x;
    else if (themselves) from = concat(slice(from, 0, 0, n - themselves), slice(x, 0, n - themselves, themselves), 0);
    add_term(step, "G.rec", mean_absolute_error(x, stargan_generator(generator, from, own)), s->lambda_rec);
}

static Step stargan_g_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_attach(generator, g), net_attach(d, g);
    Node *x = leaf(g, batch->x), *label = leaf(g, batch->label), *target = leaf(g, batch->target);
    step.fake = stargan_generator(generator, x, target);                                        // (N,P,P,X)
    Node *features = stargan_features(d, augmented(step.fake, batch, s, 'G'));
    add_term(&step, "G.fake", adversarial_of(s)->g_fake(stargan_source(d, features, target)), s->lambda_adv);
    add_term(&step, "G.cls", classification_loss(stargan_classes(d, features), target, *s->attributes),
             s->lambda_cls);
    further_terms(&step, generator, x, target, batch, s);
    reconstruction_term(&step, generator, x, label, s);
    finish_g_step(&step, generator, batch, s);
    return step;
}

/* ------------------------------------------------------------------------------------------------
 * 7.2  One iteration of GANmut                                               (d'Apolito et al. 2021, eq. 1 to 10)
 *
 * D_coord(x) is where D finds x in the space (5.4), p = D_cls(x) the class probabilities.
 *
 *   L_D = L_D(StarGAN) + lambda_info E(D_coord(G(x,z)) - z)^2
 *
 *   linear    z = rho direction_c + N(0, 0.075^2), or rho times a random direction for the first pictures of a batch
 *     L_G = L_adv(G) + lambda_cls E[-log D_cls(c|G(x,z))] over the pictures whose z has a label
 *         + lambda_rho E(max D_cls(G(x,z)) - rho)^2 where rho > 0.2 + lambda_info E(D_coord(G(x,z)) - z)^2
 *         + lambda_rec E|x - G(G(x,z),z')|
 *
 *   Gaussian  z = the n means, then points uniform in [-1,1]^d;   q_k(z) ~ e^-(z - mean_k)^T C_k^-1 (z - mean_k)
 *     L_G = L_adv(G) + lambda_cls [KL(D_cls||q) + KL(q||D_cls)] + lambda_prediction E[-log D_cls(k|G(x,mean_k))]
 *         + lambda_rec E|x - G(G(x,z),z')|
 *
 * The strength loss (lambda_rho) wants D sure of one emotion even halfway between the directions of two, so that at
 * full strength the face switches from one to the other. Ours, --mix: a random direction u has a label, too,
 *     t_k = softmax_k(8 u . direction_k) for the emotions, or neutral where rho <= 0.2
 * (two directions 60 degrees apart have half each halfway, 98% of their own; the Gaussian model's target is a softmax
 * of distances), the class loss is over all pictures, and certainty in the strength loss is p . t / t . t, which is p_c
 * for one class and the sum of two for equal halves.
 *
 * z' says where x itself lies: D_coord(x), taken as given (eq. 7), or, "approximate", c' times D's certainty of it.
 * ---------------------------------------------------------------------------------------------- */

static const double NEUTRAL_RHO = 0.2, DIRECTION_NOISE = 0.075;     /* below the first the target is neutral */
static const double NEARNESS = 8;       /* how fast another emotion fades as its direction turns away */

static Node *mean_squared_error(Node *x, Node *y)
{
    return mean(square(sub(x, y)));
}

/* How many pictures of a batch take a random direction: never all. */
static int directions_drawn(const Settings *s)
{
    return (int)(s->random_directions < s->batch ? s->random_directions : s->batch - 1);
}

/* Unit vectors in all directions alike, (N,1,1,d). In the plane an angle; in space an angle and a height, since slices
 * of a sphere that are equally high have equal areas (Archimedes). In the public code all three coordinates are
 * positive. */
static Node *random_directions(Node *angle, int dimensions, const Settings *s)
{
    Node *turn = slice(angle, 3, 0, 1), *flat = concat(cos_of(turn), sin_of(turn), 3);
    if (dimensions == 2) return flat;
    Node *height = slice(angle, 3, 1, 1), *width = sqrt_of(affine(square(height), -1, 1));
    Node *direction = concat(mul(width, flat), height, 3);
    return s->as_published ? abs_of(direction) : direction;
}

/* The points (N,1,1,d) of pictures with these labels and strengths; the first n_r have random directions. `step`: whose
 * draws, 'd', 'g', or the way back's 'c'. */
static Node *linear_points(Net *generator, Node *label, Node *rho, const Batch *batch, const Settings *s, char step)
{
    Graph *g = label->graph;
    int n = label->shape.d[0], random = directions_drawn(s);
    Node *z = add(mul(rho, ganmut_direction_of(generator, label)),
                  scale(draw_leaf(g, batch, "noise", step), DIRECTION_NOISE));
    if (!random) return z;
    Node *anywhere = random_directions(draw_leaf(g, batch, "angle", step), generator->condition, s);
    return concat(mul(slice(rho, 0, 0, random), anywhere), slice(z, 0, random, n - random), 0);
}

/* z': where x lies, for the way back. The public code's "original" asks for the place of the fake instead of x's, and
 * its "approximate" adds noise and random directions as if this were a target. */
static Node *linear_way_back(Net *generator, Net *d, Node *x, Node *fake_coordinates, const Batch *batch,
                             const Settings *s)
{
    if (s->cycle[0] != 'a')
        return stop_grad(s->as_published ? fake_coordinates : ganmut_coordinates(d, stargan_features(d, x)));
    Node *label = leaf(x->graph, batch->label);
    Node *certainty = stop_grad(largest(softmax(stargan_classes(d, stargan_features(d, x)))));   // (N,1,1,1)
    if (s->as_published) return linear_points(generator, label, certainty, batch, s, 'c');
    return mul(certainty, ganmut_direction_of(generator, label));
}

/* 1 where rho > 0.2, else 0: (N,1,1,1). */
static Node *is_strong(Node *rho)
{
    return sign(relu(add_number(rho, -NEUTRAL_RHO)));
}

/* sum over pictures with rho > 0.2 of (D's certainty - rho)^2 / their number; 0 without such a picture */
static Node *strength_loss(Node *certainty, Node *rho)
{
    Node *strong = is_strong(rho);
    return mul(sum(mul(strong, square(sub(certainty, rho)))), reciprocal(sum(strong)));
}

/* What both models' D steps do once the points z (N,1,1,d) are drawn. */
static void finish_ganmut_d_step(Step *step, Net *generator, Net *d, Node *x, Node *z, const Batch *batch,
                                 const Settings *s)
{
    int n = x->shape.d[0];
    step->fake = stop_grad(stargan_generator(generator, x, z));                                 // (N,P,P,X)
    Node *fake_features = slice(discriminator_terms(step, d, x, batch, s), 0, n, n);
    add_term(step, "D.info", mean_squared_error(ganmut_coordinates(d, fake_features), z), s->lambda_info);
    finish_step(step, d, leaf(step->graph, batch->schedule_d), batch);
}

static Step linear_d_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_attach(generator, g), net_attach(d, g);
    Node *x = leaf(g, batch->x), *rho = draw_leaf(g, batch, "rho", 0);
    Node *z = stop_grad(linear_points(generator, leaf(g, batch->target), rho, batch, s, 'd'));     // (N,1,1,d)
    finish_ganmut_d_step(&step, generator, d, x, z, batch, s);
    return step;
}

/* The labels (N,1,1,n) with mixed ones for the n_r pictures that take a random direction. stop_grad: the directions are
 * not to be moved by them. */
static Node *mixed_labels(Net *generator, const Batch *batch, Node *target, Node *rho, const Settings *s)
{
    int n = target->shape.d[0], random = directions_drawn(s);
    Node *u = random_directions(draw_leaf(rho->graph, batch, "angle", 'g'), generator->condition, s),
         *directions = ganmut_directions(generator), *cosines = NULL;                           // (n_r,1,1,n-1)
    for (int i = 0; i < generator->condition; i++) {
        Node *term = mul(slice(u, 3, i, 1), column(directions, i));
        cosines = cosines ? add(cosines, term) : term;
    }
    Node *strong = is_strong(slice(rho, 0, 0, random));                                         // (n_r,1,1,1)
    Node *mixed = concat(affine(strong, -1, 1), mul(strong, softmax(scale(cosines, NEARNESS))), 3);
    return stop_grad(concat(mixed, slice(target, 0, random, n - random), 0));
}

/* How sure D is of what a label says, (N,1,1,1). */
static Node *certainty_of(Node *scores, Node *label)
{
    return mul(sum_per_picture(mul(softmax(scores), label)), reciprocal(sum_per_picture(square(label))));
}

/* What a teacher should see of an emotion of strength rho: so much of it, the rest neutral. (N,1,1,n) */
static Node *faded_label(Node *label, Node *rho)
{
    Node *faded = mul(label, rho), *none = affine(sum_to(faded, one_channel(faded->shape)), -1, 1);
    return add(faded, pad(none, 3, 0, label->shape.d[3]));
}

static Step linear_g_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_attach(generator, g), net_attach(d, g);
    Node *x = leaf(g, batch->x), *target = leaf(g, batch->target), *rho = draw_leaf(g, batch, "rho", 0);
    int n = x->shape.d[0], random = directions_drawn(s);
    bool mix = s->mix && random > 0;
    Node *z = linear_points(generator, target, rho, batch, s, 'g');                        // (N,1,1,d)
    step.fake = stargan_generator(generator, x, z);                                             // (N,P,P,X)
    Node *features = stargan_features(d, augmented(step.fake, batch, s, 'G'));
    Node *scores = stargan_classes(d, features), *coordinates = ganmut_coordinates(d, features);
    Node *back = linear_way_back(generator, d, x, coordinates, batch, s);                  // (N,1,1,d)
    add_term(&step, "G.fake", adversarial_of(s)->g_fake(stargan_source(d, features, NULL)), s->lambda_adv);
    Node *label = mix ? mixed_labels(generator, batch, target, rho, s) : slice(target, 0, random, n - random),
         *labelled = mix ? scores : slice(scores, 0, random, n - random);
    add_term(&step, "G.cls", classification_loss(labelled, label, false), s->lambda_cls);
    add_term(&step, "G.rho", strength_loss(mix ? certainty_of(scores, label) : largest(softmax(scores)), rho),
             s->lambda_rho);
    add_term(&step, "G.info", mean_squared_error(coordinates, z), s->lambda_info);
    further_terms(&step, generator, x, faded_label(mix ? label : target, rho), batch, s);
    reconstruction_term(&step, generator, x, back, s);
    finish_g_step(&step, generator, batch, s);
    return step;
}

/* The n means, then uniform points. The public code starts from the means before their tanh. */
static Node *gaussian_points(Net *generator, const Batch *batch, const Settings *s, char step)
{
    Node *means = ganmut_means(generator, s->as_published);                                // (n,1,1,d)
    if (batch->x->shape.d[0] <= generator->classes) return means;
    return concat(means, draw_leaf(generator->graph, batch, "uniform", step), 0);               // (N,1,1,d)
}

/* E[KL(p||q) + KL(q||p)] = E sum over k of (p_k - q_k)(log p_k - log q_k); both scores' log-sums cancel, since p and q
 * sum to the same. */
static Node *symmetric_divergence(Node *p_scores, Node *q_scores)
{
    Node *terms = mul(sub(softmax(p_scores), softmax(q_scores)), sub(p_scores, q_scores));
    return scale(sum(terms), 1.0 / p_scores->shape.d[0]);
}

/* The n labels one after the other, (n,1,1,n). */
static Node *every_label(Graph *g, int n)
{
    Node *labels = NULL;
    for (int k = 0; k < n; k++) {
        Node *label = pad(fill(g, shape_of(1, 1, 1, 1), 1), 3, k, n);
        labels = labels ? concat(labels, label, 0) : label;
    }
    return labels;
}

static Step gaussian_d_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_attach(generator, g), net_attach(d, g);
    Node *x = leaf(g, batch->x);
    ganmut_space(generator);
    Node *z = stop_grad(gaussian_points(generator, batch, s, 'd'));                        // (N,1,1,d)
    finish_ganmut_d_step(&step, generator, d, x, z, batch, s);
    return step;
}

static Step gaussian_g_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_attach(generator, g), net_attach(d, g);
    Node *x = leaf(g, batch->x);
    int classes = generator->classes;
    Node *z = gaussian_points(generator, batch, s, 'g');                                   // (N,1,1,d)
    step.fake = stargan_generator(generator, x, z);                                             // (N,P,P,X)
    Node *features = stargan_features(d, augmented(step.fake, batch, s, 'G'));
    Node *scores = stargan_classes(d, features);                                                // (N,1,1,n)
    Node *back = stop_grad(ganmut_coordinates(d, stargan_features(d, x)));                      // (N,1,1,d)
    Node *wanted = scale(ganmut_distances(generator, z), -1);                                   // (N,1,1,n)
    add_term(&step, "G.fake", adversarial_of(s)->g_fake(stargan_source(d, features, NULL)), s->lambda_adv);
    add_term(&step, "G.cls", symmetric_divergence(scores, wanted), s->lambda_cls);
    add_term(&step, "G.prediction", classification_loss(slice(scores, 0, 0, classes), every_label(g, classes), false),
             s->lambda_prediction);
    further_terms(&step, generator, x, softmax(wanted), batch, s);
    reconstruction_term(&step, generator, x, back, s);
    finish_g_step(&step, generator, batch, s);
    return step;
}

/* ------------------------------------------------------------------------------------------------
 * 7.3  One iteration of a GAN that draws from noise                 (Goodfellow 2014; WGAN; WGAN-GP; Odena et al. 2017)
 *
 *   L_D = L_adv(D) + lambda_gp penalty + lambda_cls E[-log D_cls(c'|x)] + lambda_cls_fake E[-log D_cls(c|G(z,c))]
 *   L_G = L_adv(G) + lambda_cls E[-log D_cls(c|G(z,c))]
 *
 * z ~ N(0,1), c the batch's labels in another order. --diffaugment, --teacher, --wrong-labels and --penalty-share are
 * as in 7.1. The class terms are WACGAN's. The last one of L_D, which Odena's paper and Kolbenschlag have, rewards D
 * for finding the classes of fakes. G and D can then agree on marks for the classes that no real face has: D finds the
 * class of every fake, and no other classifier does. It is off unless asked for. Real and fake pictures go through D
 * apart, so that each batch norm sees one kind. With BCE the answers 1 and 0 may be softened: 1 - smooth - noise u for
 * real, noise u for fake pictures, u ~ U(0,1) (Salimans et al. 2016).
 * ---------------------------------------------------------------------------------------------- */

/* BCE (binary cross-entropy) against an answer t between 0 and 1: log(1 + e^s) - t s, summed over a picture's
 * answers. */
static Node *soft_cross_entropy(Node *s, Node *t)
{
    return scale(sum(sub(softplus(s), mul(s, t))), 1.0 / s->shape.d[0]);
}

/* The 1 + n answers of Kolbenschlag's conditional D: (1,0,..,0) for a fake, (0,label) for a real picture. */
static Node *joint_answer(Node *label, bool is_real)
{
    Node *none = scale(label, 0), *zero = fill(label->graph, shape_of(label->shape.d[0], 1, 1, 1), is_real ? 0 : 1);
    return concat(zero, is_real ? label : none, 3);                                             // (N,1,1,1+n)
}

/* What D minimises, on real pictures or on fakes. */
static Node *discriminator_term(Node *scores, Node *label, bool is_real, const Batch *batch, const Settings *s)
{
    const Adversarial *adversarial = adversarial_of(s);
    if (s->joint) return soft_cross_entropy(scores, joint_answer(label, is_real));
    if (s->label_noise == 0 && s->label_smooth == 0)
        return is_real ? adversarial->d_real(scores) : adversarial->d_fake(scores);
    Node *u = affine(draw_leaf(scores->graph, batch, "uniform", is_real ? 'r' : 'f'), 0.5, 0.5);   // (N,1,1,1) in (0,1)
    Node *answer = is_real ? affine(u, -s->label_noise, 1 - s->label_smooth) : scale(u, s->label_noise);
    return soft_cross_entropy(scores, answer);
}

/* The label as a leaf, or NULL in a GAN without labels. */
static Node *label_leaf(const Net *net, Graph *g, Tensor *label)
{
    return net->condition ? leaf(g, label) : NULL;
}

/* The label, where D is told it. */
static Node *told(const Net *d, Node *label)
{
    return d->noise.joins == JOINS_TIMES || d->noise.joint ? NULL : label;
}

/* D's score of pictures, and their features. */
static Node *scored(Net *d, Node *x, Node *label, Node **features)
{
    return noise_score(d, *features = noise_features(d, x, label), label);
}

static Node *noise_scores(Net *d, Node *x, Node *label)
{
    Node *features;
    return scored(d, x, label, &features);
}

static Step noise_d_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_train(generator, g), net_train(d, g);
    Node *x = leaf(g, batch->x), *label = label_leaf(d, g, batch->label), *target = label_leaf(d, g, batch->target);
    step.fake = stop_grad(noise_generator(generator, draw_leaf(g, batch, "noise", 'd'), target));       // (N,P,P,X)
    x = augmented(x, batch, s, 'R');
    Node *fake = augmented(step.fake, batch, s, 'F'), *real_features, *fake_features;
    Node *on_real = scored(d, x, told(d, label), &real_features),
         *on_fake = scored(d, fake, told(d, target), &fake_features);
    add_term(&step, "D.real", discriminator_term(on_real, label, true, batch, s), 1);
    add_term(&step, "D.fake", discriminator_term(on_fake, target, false, batch, s),
             s->wrong_labels && told(d, target) ? 0.5 : 1);
    if (s->wrong_labels && told(d, target)) {      /* real, but of another class (Reed et al. 2016) */
        Node *unused, *wrong = scored(d, x, told(d, target), &unused);
        add_term(&step, "D.wrong", discriminator_term(wrong, target, false, batch, s), 0.5);
    }
    if (d->noise.joins == JOINS_TIMES) {
        add_term(&step, "D.cls", classification_loss(noise_classes(d, real_features), label, false),
                 s->lambda_cls);
        Node *wanted = s->unrelated ? label : target;
        if (s->lambda_fake > 0)
            add_term(&step, "D.cls_fake", classification_loss(noise_classes(d, fake_features), wanted, false),
                     s->lambda_fake);
    }
    penalty_term(&step, d, noise_scores, x, fake, told(d, label), batch, s);
    finish_step(&step, d, leaf(g, batch->schedule_d), batch);
    return step;
}

static Step noise_g_step(Net *generator, Net *d, const Batch *batch, const Settings *s)
{
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_train(generator, g), net_train(d, g);
    Node *target = label_leaf(d, g, batch->target);
    step.fake = noise_generator(generator, draw_leaf(g, batch, "noise", 'g'), target);                  // (N,P,P,X)
    Node *features, *scores = scored(d, augmented(step.fake, batch, s, 'G'), told(d, target), &features);
    add_term(&step, "G.fake", s->joint ? soft_cross_entropy(scores, joint_answer(target, true))
                                       : adversarial_of(s)->g_fake(scores), 1);
    if (d->noise.joins == JOINS_TIMES) {
        Node *wanted = s->unrelated ? leaf(g, batch->label) : target;
        add_term(&step, "G.cls", classification_loss(noise_classes(d, features), wanted, false), s->lambda_cls);
    }
    further_terms(&step, generator, NULL, target, batch, s);
    finish_g_step(&step, generator, batch, s);
    return step;
}

/* ------------------------------------------------------------------------------------------------
 * 7.4  A classifier's step
 *
 *     L = E[w_label (-sum over k of t_k log softmax(scores)_k)] + l2 |head's filters|^2
 *     t = (1 - smoothing) label + smoothing / n                                       (Szegedy et al. 2016, section 7)
 *
 * It has no generator: D is all of it. w_label is the weight of the picture's class. The accuracy on the batch is a
 * number for the log, no term of the loss.
 *
 * With --mixup m every picture has another one shining through, and its label with it:
 *
 *     x' = (1 - a) x + a x2,  label' = (1 - a) label + a label2,  a ~ U(0,m)                 (Zhang et al. 2018, eq. 2)
 *
 * With --teacher it also learns what networks trained before, T, think of the picture, who know how alike two emotions
 * are where a label knows one only:    + lambda_teacher E[-sum over k of T_k(x) log softmax(scores)_k], T the mean of
 * their probabilities                                                                         (Hinton et al. 2015)
 *
 * With --adversarial r it learns from the worst picture near x instead, one step of length u r, u ~ U(0,1), up the
 * loss:
 *
 *     x' = x + u r dL/dx / ||dL/dx||_2                                (Goodfellow 2015; Madry et al. 2018, eq. 2.1)
 *
 * The gradients of such a network in x look like parts of a face and not like noise (Santurkar et al. 2019), so that a
 * generator can learn from it, as --teacher has it do (7.1).
 * ---------------------------------------------------------------------------------------------- */

/* The share of pictures whose label has the largest score: where it has, `behind` is 0. */
static Node *share_right(Node *scores, Node *label)
{
    Node *behind = sub(largest(scores), sum_to(mul(label, scores), one_channel(scores->shape)));    // (N,1,1,1)
    return affine(mean(sign(behind)), -1, 1);
}

/* The head's filters: the matrices among the learnt parameters. */
static Node *head_squares(const Net *net)
{
    Node *total = NULL;
    for (int i = 0; i < net->count; i++) {
        if (!net->parameters[i].matrix || net->parameters[i].role != LEARNT) continue;
        Node *squares = sum(square(net->parameters[i].leaf));
        total = total ? add(total, squares) : squares;
    }
    return total;
}

/* x moved by u `radius` to where the loss rises fastest; u (N,1,1,1). */
static Node *worst_nearby(Net *d, Node *x, Node *label, Node *u, const Settings *s)
{
    Node *loss = classification_loss(classifier_scores(d, x, NULL), label, *s->attributes);
    Node *uphill = grad1(loss, x), *length = sqrt_of(sum_per_picture(square(uphill)));          // (N,P,P,X), (N,1,1,1)
    Node *share = scale(mul(u, reciprocal(length)), s->adversarial);
    return stop_grad(add(x, mul(share, uphill)));
}

/* A batch with the share a (N,1,1,1) of the next picture's in each. */
static Node *mixed(Node *x, Node *a)
{
    Node *next = concat(slice(x, 0, 1, x->shape.d[0] - 1), slice(x, 0, 0, 1), 0);
    return between(x, next, a);
}

/* The mean of the teachers' probabilities of our classes, (N,1,1,n). */
static Node *taught(const Batch *batch, Node *x)
{
    Node *total = NULL;
    for (int i = 0; i < batch->n_teachers; i++) {
        const Teacher *teacher = &batch->teachers[i];
        net_attach(teacher->net, x->graph);
        Node *scores = classifier_scores(teacher->net, x, NULL), *class_of = leaf(x->graph, teacher->class_of);
        Shape ours = shape_of(x->shape.d[0], 1, 1, class_of->shape.d[2]);
        Node *of_ours = conv2d_input_grad(scores, class_of, conv_shape(ours, class_of->shape, 1, 0));
        total = total ? add(total, softmax(of_ours)) : softmax(of_ours);
    }
    return stop_grad(scale(total, 1.0 / batch->n_teachers));
}

static Step classifier_step(Net *none, Net *d, const Batch *batch, const Settings *s)
{
    (void)none;
    Step step = {.graph = graph_new()};
    Graph *g = step.graph;
    net_train(d, g);
    Node *x = leaf(g, batch->x), *label = leaf(g, batch->label), *own_label = label;
    if (s->mixup > 0) {
        Node *a = scale(abs_of(draw_leaf(g, batch, "uniform", 'm')), s->mixup);                 // (N,1,1,1)
        x = mixed(x, a), label = mixed(label, a);
    }
    if (s->adversarial > 0) x = worst_nearby(d, x, label, abs_of(draw_leaf(g, batch, "uniform", 'a')), s);
    Node *scores = classifier_scores(d, x, NULL);                                               // (N,1,1,n)
    Node *weights = batch->class_weights ? leaf(g, batch->class_weights) : NULL;
    add_term(&step, "D.cls", *s->attributes ? classification_loss(scores, label, true)
                                                : smoothed_loss(scores, label, s->smoothing, weights), 1);
    if (batch->n_teachers)
        add_term(&step, "D.teacher", classification_loss(scores, taught(batch, x), false), s->lambda_teacher);
    if (s->l2 > 0) add_term(&step, "D.l2", head_squares(d), s->l2);
    Node *right = *s->attributes ? affine(mean(abs_of(sub(sigmoid(scores), own_label))), -1, 1)
                                     : share_right(scores, own_label);
    step.names[step.n_terms] = "D.accuracy", step.terms[step.n_terms++] = keep(right);
    step.fake = scores;
    finish_step(&step, d, leaf(g, batch->schedule_d), batch);
    return step;
}

/* Class scores for the judge and in use: (N,P,P,X) -> (N,1,1,n). */
static Node *classifier_judge(Net *d, Node *x)
{
    return classifier_scores(d, x, NULL);
}

/* ------------------------------------------------------------------------------------------------
 * 7.5  The loop
 *
 * Training is the two steps in turn, D's n_critic times for each of G's. What feeds an iteration (a batch of pictures,
 * its labels and random draws into the steps' leaves) and what looks at the networks after it (a line in a log, sample
 * pictures, a checkpoint) does not concern the loop: it is given two functions.
 * ---------------------------------------------------------------------------------------------- */

typedef struct Training {
    Net g, d;
    Batch batch;
    Step d_step, g_step;                /* g_step.graph: NULL where there is no G to train */
    long iteration, iterations;         /* done; wanted */
    long n_critic, d_first;             /* D steps for each G step; before the first G step */
    double clip;                        /* WGAN: D's weights are kept within +-clip; 0: they are not */
    bool forgets;                       /* G's optimiser starts anew with every step */
    double last_d[MAX_TERMS + 1], last_g[MAX_TERMS + 1];    /* the last steps' terms and total */
    bool g_known;                       /* has there been a G step? */
    bool enough;                        /* there is no point in going on */
} Training;

static volatile sig_atomic_t interrupted;           /* by a signal: the loop ends after this iteration */

/* WGAN's way to keep D Lipschitz (Arjovsky 2017, algorithm 1): clip its weights after each step. */
static void clip_weights(Net *d, real limit)
{
    for (int i = 0; i < d->count; i++) {
        Tensor *w = d->parameters[i].w;
        if (d->parameters[i].role != LEARNT) continue;
        fetched(w);
        for (size_t k = 0; k < shape_count(w->shape); k++)
            w->data[k] = w->data[k] > limit ? limit : w->data[k] < -limit ? -limit : w->data[k];
        changed(w);
    }
}

/* The values of a step's terms, and the total behind them. */
static void note_losses(const Step *step, double *last)
{
    for (int i = 0; i < step->n_terms; i++) last[i] = (double)step->terms[i]->data[0];
    last[step->n_terms] = (double)step->total->data[0];
}

/* Sets to zero what the optimiser keeps. */
static void forget(Net *net)
{
    for (int i = 0; i < net->count; i++) {
        Tensor *kept[2] = {net->parameters[i].m, net->parameters[i].v};
        for (int k = 0; k < 2; k++)
            if (kept[k]) memset(kept[k]->data, 0, shape_count(kept[k]->shape) * sizeof(real)), changed(kept[k]);
    }
}

static void run_d_step(Training *t)
{
    graph_run(t->d_step.graph);
    if (t->clip > 0) clip_weights(&t->d, (real)t->clip);
}

/* One iteration: a D step, and every n_critic-th time a G step, once D has had its first ones. */
static void train_iteration(Training *t)
{
    run_d_step(t);
    note_losses(&t->d_step, t->last_d);
    t->iteration++;
    if (!t->g_step.graph || t->iteration <= t->d_first || t->iteration % t->n_critic) return;
    if (t->forgets) forget(&t->g);
    graph_run(t->g_step.graph);
    note_losses(&t->g_step, t->last_g);
    t->g_known = true;
}

/* Both functions are called with `run`, which the loop does not look into. */
static void train_loop(Training *t, void (*feed)(void *run), void (*look)(void *run), void *run)
{
    while (t->iteration < t->iterations && !interrupted && !t->enough) {
        feed(run);
        train_iteration(t);
        look(run);
    }
}

/* ================================================================================================
 * PART II  THE ENGINE
 *
 * How a graph is planned and run, and how settings and weights come in and go out.
 * ============================================================================================== */

/* ================================================================================================
 * 8  PLANNING AND RUNNING A GRAPH
 *
 * Planning happens once. It drops what nothing needs, keeps constant planes out of convolutions, folds a mask or a sum
 * into the convolution that feeds it, asks the kernels how they want each filter prepared, puts every update as early
 * as its weight's last reader allows, and gives each value a place in one arena, from its making to its last use.
 * Running is then a loop over kernels.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 8.1  Rewriting
 *
 * Nodes that compute more in the same time, or the same in less, take the place of others; what they replaced
 * has no reader any more and is dropped. The results are those of the graph as it was written, to rounding.
 * ---------------------------------------------------------------------------------------------- */

/* What the planner makes comes after its readers in the list: its operands are counted when its first reader is met. */
static void use_once(Node *x)
{
    bool first = x->dead && x->late;
    x->dead = false;
    x->uses++;
    for (int k = 0; k < MAX_INPUTS && first; k++)
        if (x->in[k]) use_once(x->in[k]);
}

static void count_uses(Graph *g)
{
    for (int i = 0; i < g->count; i++) g->nodes[i]->uses = 0, g->nodes[i]->dead = true;
    for (int i = g->count - 1; i >= 0; i--) {
        Node *y = g->nodes[i];
        if (y->late) continue;
        if (y->kept || is_update(y->op)) y->dead = false;
        if (y->dead) continue;
        for (int k = 0; k < MAX_INPUTS; k++)
            if (y->in[k]) use_once(y->in[k]);
    }
}

/* The label (N,1,1,n) whose n constant planes are x's last channels, or NULL. */
static Node *label_of_planes(const Node *x)
{
    const Node *planes = x->op == OP_concat && x->axis == 3 ? x->in[1] : NULL;
    if (!planes || planes->op != OP_broadcast) return NULL;
    const int *d = planes->in[0]->shape.d;
    return d[1] == 1 && d[2] == 1 && d[3] == planes->shape.d[3] ? planes->in[0] : NULL;
}

/* x with all but size - 1 lines of an axis, half of them at either end, added up in one. */
static Node *middle_summed(Node *x, int axis, int size)
{
    int half = size / 2;
    Shape one = x->shape;
    one.d[axis] = 1;
    Node *low = slice(x, axis, 0, half), *high = slice(x, axis, x->shape.d[axis] - half, half);
    Node *middle = sub(sum_to(x, one), add(sum_to(low, one), sum_to(high, one)));
    return concat(concat(low, middle, axis), high, axis);
}

/* A label's planes need not be convolved: within the picture they add the same everywhere, and near its border what the
 * taps add that are inside. So a picture as small as the kernel has every case, and its result is a table:
 *
 *     conv(concat(x, planes), w) = conv(x, w_x) + the table conv(small planes, w_planes)         w_x: w of x's channels
 *     dw = concat(dw of (x, dy), dw of (small planes, dy with all pixels of a place added up))
 *
 * (StarGAN's first layer has a picture's channels left, 1 or 3 of 8 or 10 with seven emotions.) */
static void split_planes(Node *y)
{
    Node *label = label_of_planes(y->in[0]), *x = y->in[0]->in[0], *w = y->in[1];
    if (!label) return;
    int size = y->conv.r, c = x->shape.d[3], n = label->shape.d[3];
    ConvShape narrow = y->conv, small = y->conv;
    narrow.c = c, small.c = n;
    small.h = small.w = small.ho = small.wo = size;
    if (!conv_takes_table(&narrow)) return;
    Node *planes = broadcast(label, shape_x(&small));
    if (y->op == OP_conv2d) {
        y->in[PLUS] = conv2d(planes, slice(w, 2, c, n), y->in[BIAS], 1, small);
        y->in[0] = x, y->in[1] = slice(w, 2, 0, c), y->in[BIAS] = NULL;
        y->conv = narrow;
    } else {
        Node *dy = y->in[1], *dw = conv2d_weight_grad(x, dy, narrow);
        y->op = OP_concat, y->axis = 2;
        y->in[0] = dw, y->in[1] = conv2d_weight_grad(planes, middle_summed(middle_summed(dy, 2, size), 1, size), small);
    }
}

/* Are slices of its channels all that is read of x? */
static bool is_read_in_slices(const Node *x)
{
    int slices = 0;
    for (int i = x->id; i < x->graph->count; i++) {
        const Node *y = x->graph->nodes[i];
        slices += !y->dead && y->op == OP_slice && y->axis == 3 && y->in[0] == x;
    }
    return !x->kept && slices == x->uses;
}

/* Some channels of an input gradient are the input gradient of a filter of these channels. */
static void narrow_gradient(Node *y)
{
    Node *whole = y->in[0];
    int n = y->shape.d[3];
    if (y->axis != 3 || whole->conv.groups > 1 || whole->in[BIAS] || whole->a != 1 || !is_read_in_slices(whole)) return;
    *y = (Node){.op = whole->op, .id = y->id, .shape = y->shape, .graph = y->graph, .kept = y->kept, .uses = y->uses,
                .in = {whole->in[0], slice(whole->in[1], 2, y->from, n)}, .a = 1, .conv = whole->conv};
    y->conv.c = n;
    whole->uses--;
}

/* No work for what is the same everywhere, or wanted by nobody. (The GPU's convolutions have no tables.) */
static void narrow_convolutions(Graph *g)
{
    for (int i = 0, n = g->count; i < n && !chosen_device; i++) {
        Node *y = g->nodes[i];
        if (y->dead) continue;
        if (y->op == OP_conv2d || y->op == OP_conv2d_weight_grad) split_planes(y);
        else if (y->op == OP_slice && y->in[0]->op == OP_conv2d_input_grad) narrow_gradient(y);
    }
}

/* A convolution whose result (nothing but a bias was added) has one reader can do that reader's work while the result
 * is in registers. */
static bool can_absorb(const Node *x)
{
    return is_conv(x) && x->uses == 1 && !x->kept && x->a == 1 && !x->in[MASK] && !x->in[SLOPES];
}

/* Makes reader `y` the convolution `x` itself, with one more operand in `slot`. */
static void absorb(Node *y, Node *x, int slot, Node *operand, double mask_slope)
{
    Op op = x->op;
    y->op = op;
    memcpy(y->in, x->in, sizeof y->in);
    y->in[slot] = operand;
    y->conv = x->conv;
    y->a = 1;
    y->b = mask_slope;
    x->dead = true;
}

/* leaky_mask(conv, y) and u + conv, as gradients are full of them, become one convolution each, and so does prelu(conv)
 * (the GPU's epilogue knows one slope only). */
static void fuse_convolutions(Graph *g)
{
    for (int i = 0; i < g->count; i++) {
        Node *y = g->nodes[i], *u = y->in[0], *v = y->in[1];
        if (y->dead) continue;
        if (y->op == OP_prelu && can_absorb(u) && !chosen_device) absorb(y, u, SLOPES, v, 0);
        else if (y->op == OP_leaky_mask && can_absorb(u)) absorb(y, u, MASK, v, y->a);
        else if (y->op == OP_add && can_absorb(v) && !v->in[PLUS] && v->id > u->id) absorb(y, v, PLUS, u, 0);
        else if (y->op == OP_add && can_absorb(u) && !u->in[PLUS]) absorb(y, u, PLUS, v, 0);
    }
}

/* A depthwise convolution with one reader, a 1x1, is done on that one's way in. (The GPU has no such way.) */
static void fuse_pairs(Graph *g)
{
    for (int i = 0; i < g->count && !chosen_device; i++) {
        Node *y = g->nodes[i], *u = y->in[0];
        if (y->dead || y->op != OP_conv2d || u->op != OP_conv2d || u->uses != 1 || u->kept) continue;
        if (u->in[MASK] || u->in[PLUS] || u->in[SLOPES] || !conv_takes_depthwise(&u->conv, &y->conv)) continue;
        y->before = u;
        y->in[0] = u->in[0], y->in[BEFORE_FILTER] = u->in[1], y->in[BEFORE_BIAS] = u->in[BIAS];
        u->dead = true;
    }
}

/* One prepared copy of a filter serves every convolution that wants it in the same layout. */
static Node *prepared_filter(Graph *g, int first, Node *y, int layout)
{
    for (int i = first; i < g->count; i++) {
        Node *p = g->nodes[i];
        if (p->in[0] == y->in[1] && p->layout == layout && p->axis == (int)conv_kind(y)) return p;
    }
    return append(
        (Node){.op = OP_prepare_filter, .in = {y->in[1]}, .conv = y->conv, .axis = (int)conv_kind(y),
               .layout = layout});
}

static void prepare_filters(Graph *g)
{
    int first = g->count;
    for (int i = 0; i < first; i++) {
        Node *y = g->nodes[i];
        if (y->dead || !is_conv(y) || y->op == OP_conv2d_weight_grad) continue;
        int layout = conv_filter_layout(&y->conv, conv_kind(y));
        if (layout) y->in[FILTER] = prepared_filter(g, first, y, layout);
    }
}

/* ------------------------------------------------------------------------------------------------
 * 8.2  Order
 *
 * Nodes run in the order they were made, with two exceptions: what the planner made comes just before its first reader,
 * and an update right after the last reader of its weight, so that its gradient's memory is free again soon. On a GPU,
 * which has the memory, updates come last, for one kernel; but not one whose result is still computed with, as batch
 * norm's count of batches is by a second pass.
 * ---------------------------------------------------------------------------------------------- */

static void place_in_order(Graph *g, Node *y)
{
    if (y->placed) return;
    for (int k = 0; k < MAX_INPUTS; k++)
        if (y->in[k] && y->in[k]->late) place_in_order(g, y->in[k]);
    g->order[g->n_order++] = y;
    y->placed = true;
}

/* Does y read x, itself or through a view of it? */
static bool reads(const Node *y, const Node *x)
{
    for (int k = 0; k < MAX_INPUTS; k++) {
        const Node *operand = y->in[k];
        while (operand && is_view(operand)) operand = operand->in[0];
        if (operand == x) return true;
    }
    return false;
}

/* An update may run once its operands are known and nobody but updates will read its weight any more. */
static int update_position(Graph *g, const Node *update)
{
    int position = 0;
    for (int i = 0; i < g->n_order; i++) {
        const Node *y = g->order[i];
        if (y == update) continue;
        if (!is_update(y->op) && reads(y, update->in[1])) position = i;
        for (int k = 0; k < MAX_INPUTS; k++)
            if (y == update->in[k]) position = i;
    }
    return position;
}

/* Does a node that is no update itself read what this one leaves in its weight? */
static bool is_computed_with(Graph *g, const Node *update)
{
    for (int i = 0; i < g->n_order; i++)
        if (reads(g->order[i], update)) return true;
    return false;
}

static void order_nodes(Graph *g)
{
    Scope inner;
    enter(&inner);
    size_t all = (size_t)g->count;
    int *position = own(all, sizeof *position), n_updates = 0, n = 0;
    Node **updates = own(all, sizeof *updates), **placed = own(all, sizeof *placed);
    Node **merged = must_alloc(all, sizeof *merged);
    free(g->order);
    g->order = placed, g->n_order = 0;
    for (int i = 0; i < g->count; i++) {
        Node *y = g->nodes[i];
        if (y->dead || y->late) continue;
        if (is_update(y->op)) updates[n_updates++] = y;
        else place_in_order(g, y);
    }
    for (int u = 0; u < n_updates; u++) {
        bool last = chosen_device && !is_computed_with(g, updates[u]);
        position[u] = last ? g->n_order - 1 : update_position(g, updates[u]);
    }
    for (int i = 0; i < g->n_order; i++) {
        merged[n++] = g->order[i];
        for (int u = 0; u < n_updates; u++)
            if (position[u] == i) merged[n++] = updates[u];
    }
    g->order = merged, g->n_order = n;
    leave();
}

/* ------------------------------------------------------------------------------------------------
 * 8.3  Places
 *
 * A place is a stretch of the arena that its owner holds from its making to the last use of any value that stands
 * there: views share their operand's place, and a result may take over the place of an operand that dies, where each of
 * its numbers needs that one of the operand's only. Where each place lies, vendor/places.h finds out.
 * ---------------------------------------------------------------------------------------------- */

static Node *place_owner(Node *y)
{
    while (y->place_of) y = y->place_of;
    return y;
}

/* May the result be written over operand k while it is read? Only where element i of both belong together. */
static bool may_overwrite(const Node *y, int k)
{
    if (is_conv(y)) return k == PLUS;
    if (y->op == OP_instance_norm || y->op == OP_instance_norm_dx) return k == 0;
    return y->op >= OP_add && y->op <= OP_prelu;
}

/* The operand whose memory the result takes over, if any: it must die here, not be a leaf, and fill its place alone. */
static Node *operand_to_overwrite(const Node *y)
{
    for (int k = 0; k < MAX_INPUTS; k++) {
        Node *x = y->in[k];
        if (!x || !may_overwrite(y, k)) continue;
        Node *owner = place_owner(x);
        int here = 0;
        for (int j = 0; j < MAX_INPUTS; j++) here += y->in[j] && place_owner(y->in[j]) == owner;
        bool safe = is_conv(y) ? here == 1 : true;              /* a convolution reads its factors to the end */
        if (safe && owner->op != OP_leaf && owner->uses_left == here && count_of(owner) == count_of(y)) return x;
    }
    return NULL;
}

/* Decides what stands in whose place, and from when to when each place is held. */
static void share_places(Graph *g)
{
    for (int i = 0; i < g->n_order; i++) {
        Node *y = g->order[i];
        y->skip = is_view(y) ? view_start(y) : 0;
        y->place_of = is_update(y->op) ? y->in[1] : is_view(y) ? y->in[0] : operand_to_overwrite(y);
        Node *owner = place_owner(y);
        if (owner == y) y->born = i, y->last_use = i;
        owner->uses_left += y->uses + y->kept;                              /* a kept value's last use never comes */
        if (y->kept) owner->last_use = g->n_order;
        for (int k = 0; k < MAX_INPUTS; k++) {
            Node *used = y->in[k] ? place_owner(y->in[k]) : NULL;
            if (!used) continue;
            used->uses_left--;
            if (used->last_use < i) used->last_use = i;
        }
    }
}

/* The places that are held, as vendor/places.h has them. How many? */
static int list_places(const Graph *g, Stretch *places)
{
    int n = 0;
    for (int i = 0; i < g->n_order; i++) {
        const Node *y = g->order[i];
        if (!y->place_of && y->op != OP_leaf)
            places[n++] = (Stretch){.bytes = places_round_up(count_of(y) * sizeof(real), PLACES_ALIGNMENT),
                                    .born = y->born, .last_use = y->last_use, .id = y->id};
    }
    return n;
}

static void plan_places(Graph *g)
{
    share_places(g);
    Stretch *places = own((size_t)g->n_order, sizeof *places);
    int n = list_places(g, places);
    g->arena_bytes = places_give(places, n);
    for (int i = 0; i < n; i++) g->nodes[places[i].id]->offset = places[i].offset;
    give_back(places);
}

/* Makes the planned graph ready on the device, in an arena there of the same layout. */
static int plan_on_device(Graph *g, Error *e)
{
    char why[FACEGAN_ERROR];
    g->on_device = chosen_device->prepare(g->order, g->n_order, g->arena_bytes, why);
    if (g->on_device) return 1;
    device_refused = true;
    return fail(e, 1, "%s", why);
}

/* Plans the graph. Afterwards arena_bytes is what it needs; bind it to an arena, then run. On a GPU the arena here is
 * address space of which only the kept values' pages are ever touched. */
static int graph_plan(Graph *g, Error *e)
{
    if (g->error.status) { *e = g->error; return 0; }
    g->planning = true;
    count_uses(g);
    narrow_convolutions(g);
    count_uses(g);
    fuse_convolutions(g);
    fuse_pairs(g);
    if (!chosen_device) prepare_filters(g);
    count_uses(g);
    order_nodes(g);
    plan_places(g);
    return chosen_device ? plan_on_device(g, e) : 1;
}

/* Tells every node where its value stands. Graphs that never run at the same time may share an arena. */
static void graph_bind(Graph *g, const Arena *arena)
{
    for (int i = 0; i < g->n_order; i++) {
        Node *y = g->order[i];
        if (y->op == OP_leaf) y->data = y->tensor->data;
        else if (y->place_of) y->data = y->place_of->data + y->skip;
        else y->data = (real *)(void *)(arena->base + y->offset);
    }
}

/* Graphs, tensors, networks and arenas that the innermost scope owns. */
static void close_graph(void *graph)   { graph_free(graph); }
static void close_tensor(void *tensor) { tensor_free(tensor); }
static void close_net(void *net)       { net_free(net); }
static void close_arena(void *arena)   { places_release(arena); }

static Graph *own_graph(Graph *g)
{
    on_leaving(close_graph, g);
    return g;
}

static Tensor *own_tensor(const char *name, Shape shape)
{
    Tensor *t = tensor_new(name, shape);
    on_leaving(close_tensor, t);
    return t;
}

/* Plans the graphs and binds them all to one arena; NULL: there is no such graph. */
static const Arena *bind_graphs(Graph *const *graphs, int n)
{
    Arena *arena = own(1, sizeof *arena);
    size_t bytes = 0;
    Error e;
    on_leaving(close_arena, arena);
    for (int i = 0; i < n; i++) {
        if (!graphs[i]) continue;
        if (!graph_plan(graphs[i], &e)) unwind(&e);
        if (graphs[i]->arena_bytes > bytes) bytes = graphs[i]->arena_bytes;
    }
    arena_reserve(arena, bytes);
    for (int i = 0; i < n; i++)
        if (graphs[i]) graph_bind(graphs[i], arena);
    return arena;
}

/* ------------------------------------------------------------------------------------------------
 * 8.4  Running, one by one
 *
 * Every node's kernel in the planned order. A node's value stands in its place until a later node takes that over.
 * ---------------------------------------------------------------------------------------------- */

static void graph_run_one(Graph *g, int i)
{
    char why[FACEGAN_ERROR];
    if (!g->on_device) row_of(g->order[i]->op)->cpu(g->order[i]);
    else if (!gpu_device->run_one(g->on_device, i, why)) device_failed(why);
}

/* The same, and notes how long each node took. */
static void graph_profile(Graph *g)
{
    char why[FACEGAN_ERROR];
    if (g->on_device && !gpu_device->profile(g->on_device, why)) device_failed(why);
    for (int i = 0; i < g->n_order && !g->on_device; i++) {
        double start = progress_seconds();
        graph_run_one(g, i);
        g->order[i]->milliseconds = 1e3 * (progress_seconds() - start);
    }
}

/* Runs the definitions instead of the kernels, in double, on the same leaves. Returns each node's value, by id. */
static double **graph_define(Graph *g)
{
    double **values = must_alloc((size_t)g->count, sizeof *values);
    for (int i = 0; i < g->count; i++) {
        Node *y = g->nodes[i];
        const double *in[MAX_INPUTS];
        for (int k = 0; k < MAX_INPUTS; k++) in[k] = y->in[k] ? values[y->in[k]->id] : NULL;
        values[i] = must_alloc(count_of(y), sizeof **values);
        row_of(y->op)->define(y, in, values[i]);
    }
    return values;
}

static void free_values(double **values, int n)
{
    for (int i = 0; i < n; i++) free(values[i]);
    free(values);
}

/* ================================================================================================
 * 9  SETTINGS AND WEIGHTS
 *
 * The settings of 6.3 at work, and what files of weights look like from here. A checkpoint and a weights file are both:
 * tensors under PyTorch's names, and the settings that they were made with.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 9.1  Settings at work
 *
 * The rows of 6.3 as the table that vendor/options.h reads, and what is usual where it is not what the row says.
 * ---------------------------------------------------------------------------------------------- */

enum { KIND_s = 's', KIND_l = 's', KIND_p = 's', KIND_i = 'i', KIND_b = 'b', KIND_f = 'f' };

static const Option settings_table[] = {
#define X(letter, field, word, value, may_be, whose, commands, models, text)                                           \
    {.name = word, .kind = KIND_##letter, .offset = offsetof(Settings, field), .size = sizeof ((Settings *)0)->field,  \
     .usual = value, may_be, .use = whose, .verbs = commands, .kinds = models, .help = text},
    FACEGAN_SETTINGS(X)
#undef X
};
enum { SETTINGS = sizeof settings_table / sizeof *settings_table };

static const Option *find_setting(const char *name) { return option_find(settings_table, SETTINGS, name); }

static int set_setting(Settings *s, const Option *which, const char *text, Error *e)
{
    char why[OPTIONS_ERROR];
    return option_set(s, which, text, why) ? 1 : fail(e, 2, "%s", why);
}

/* What a table of this program says, "lr=2e-4 decay=none". */
static void set_settings(Settings *s, const char *words)
{
    char why[OPTIONS_ERROR];
    if (options_set(s, settings_table, SETTINGS, words, why)) return;
    fprintf(stderr, "facegan: a table of usual settings: %s\n", why);
    abort();
}

static Settings default_settings(void)
{
    Settings s = {0};
    options_usual(&s, settings_table, SETTINGS);
    return s;
}

/* Do the settings say so? "adv=bce !conditional": options.h's words. */
static bool settings_say(const Settings *s, const char *what)
{
    int so = options_say(s, settings_table, SETTINGS, what);
    if (so < 0) abort();
    return so;
}

/* What is usual for some models, in the order in which it is set. `when` another setting says so.
 *
 *   editors       as in their papers. GANmut's pictures are rotated by 7.5 degrees, moved by 7.5 of 128 pixels and
 *                 enlarged by 1.075 to 1.15
 *   from noise    leaner than the papers (a quarter of the width, half the batch), so that two thousand faces of 48 px
 *                 are learnt in minutes on one core. The falling rate and the averaged weights smooth the last samples
 *   gan           as published: Radford et al. 2016, with Kolbenschlag's softened answers and slower G. On two thousand
 *                 faces its D soon knows every one of them, and G draws one picture for each class: usual is R1 in the
 *                 place of D's batch norm. R1's weight is 1: at 10 faces were grainy
 *   cgan          D is also shown real pictures under another label, as fakes (Kolbenschlag: "fake or with the wrong
 *                 emotion"): what else is right about such a picture, only its label can tell it from a real pair
 *   wacgan        the classes come last: after 14000 iterations 91% are right (models/README.md). Kolbenschlag's code,
 *                 after a Keras recipe: gradient descent for the critic with gradients cut to 0.01, no penalty, classes
 *                 of the fakes that are not theirs, no strides, and an optimiser of G that starts anew every batch
 *   classifier    our own networks learn from nothing; the others start from weights that know pictures, as EDI does:
 *                 only the last block and the head learn, slowly. How long is usual is said in passes */
#define OURS "size=48 channels=1 batch=64 epochs=30 lr=0.08 d-optimiser=sgd_nesterov decay=cosine dropout=0.2 l2=0 "   \
             "patience=0 unfreeze=all erase=0.4 smoothing=0.1 weight-decay=1e-3"
static const struct { const char *models, *when, *settings; } usual_of_models[] = {
    {"ganmut", "", "rotate=7.5 shift=0.05859375 zoom-low=1.075 zoom-high=1.15"},
    {"ganmut", "as-published=1", "cycle=approximate"},
    {"ganmut-gaussian", "", "space=gaussian cycle=original"},
    {"ganmut-gaussian", "as-published=1", "lambda-cls=2"},
    {"editor", "as-published=1", "decay=published"},
    {"noise", "", "decay=linear reg=none batch=32 width=16 n-critic=1 lr=2e-4 iters=8000 log-every=50 average=0.99"},
    {"noise", "as-published=1", "decay=none batch=64 width=64 average=0"},
    {"gan cgan", "", "adv=bce reg=r1 lambda-gp=1"},
    {"gan cgan", "as-published=1", "reg=none"},
    {"gan", "as-published=1", "label-noise=0.2 lr=1.5e-4 d-lr=2e-4"},
    {"cgan", "", "conditional=1 wrong-labels=1 targets=different"},
    {"cgan", "as-published=1", "batch=128 wrong-labels=0 targets=permute"},
    {"wgan", "", "adv=wgan d-optimiser=rmsprop g-optimiser=rmsprop n-critic=2 beta2=0.99"},
    {"wgan", "as-published=1", "n-critic=5 lr=5e-5"},
    {"wgan-gp wacgan", "", "adv=wgan-gp reg=gp n-critic=2 beta2=0.9"},
    {"wgan-gp wacgan", "as-published=1", "n-critic=5 lr=1e-4"},
    {"wacgan", "", "conditional=1 lambda-cls=1 iters=14000"},
    {"wacgan", "as-published=1", "lambda-cls-fake=1"},
    {"wacgan", "recipe=kolbenschlag", "body=wacgan adv=wgan reg=none d-optimiser=sgd g-optimiser=rmsprop clip=0 "
     "clip-gradient=0.01 beta1=0 lr=1e-3 d-lr=0.01 n-critic=1 average=0 decay=none batch=64 width=32 unrelated=1 "
     "unstrided=1 forget=1 lambda-cls-fake=1"},
    {"classifier", "", "size=224 channels=3 rotate=12 shift=0.08 zoom-low=0.88 zoom-high=1.12 brightness=0.1 "
     "contrast=0.25 batch=32 iters=0 epochs=75 lr=1e-5 beta1=0.9 decay=none dropout=0.5 l2=1e-4 patience=10 "
     "unfreeze=block5"},
    {"classifier", "network=small", OURS}, {"classifier", "network=large", OURS},
    {"classifier", "as-published=1", "preprocess=caffe-unit"},
};

/* Sets what is usual for a model of these kinds, as far as it depends on what was given. */
static void set_usual(Settings *s, const char *kinds, const Settings *given)
{
    for (size_t i = 0; i < sizeof usual_of_models / sizeof *usual_of_models; i++) {
        const OptionTaker model = {.kinds = kinds};
        const Option row = {.kinds = usual_of_models[i].models};
        if (option_taken(&model, &row) && settings_say(given, usual_of_models[i].when))
            set_settings(s, usual_of_models[i].settings);
    }
}

/* Around a face's box: what the user asks for, what the model at hand was trained on, or where nobody says, 0.3. */
static double margin_of(const Settings *s, double trained)
{
    return s->margin > -1 ? s->margin : trained > -1 ? trained : 0.3;
}

enum { SAVE_SECONDS = 120 };

/* Is it time for a checkpoint: as --save-every says, or some time after the last? */
static bool save_is_due(const Settings *s, long iteration, double saved)
{
    return s->save_every ? iteration % s->save_every == 0 : progress_seconds() - saved > SAVE_SECONDS;
}

/* ------------------------------------------------------------------------------------------------
 * 9.2  Weights in and out
 *
 * Files keep PyTorch's names and order: a convolution is (K,C,R,S), a transposed one (in,out,R,S), which is its
 * adjoint's (K,C,R,S). Checkpoints of the public code also carry instance norm's running statistics, which it never
 * uses: they are passed over.
 * ---------------------------------------------------------------------------------------------- */

static const TensorType real_type = sizeof(real) == 8 ? TENSOR_F64 : TENSOR_F32;

/* How a tensor lies in a file: its rank there, and which of its axes here comes first, second, ... A dense layer
 * (H,W,C,K) is a filter whose file has one axis for the map, (K,CHW); pictures are (N,X,P,P). */
typedef enum Layout {
    AS_VECTOR, AS_MATRIX, AS_DENSE, AS_PICTURES, AS_FILTER,
    AS_DENSE_WHC, AS_FACENET, AS_FACENET_DENSE          /* detectors' (11.2): (K,WHC); (S,R,C,K); (WHC,K) */
} Layout;
static const struct { int rank, axes[AXES]; } layouts[] = {
    [AS_VECTOR] = {1, {3, 0, 1, 2}}, [AS_MATRIX] = {2, {0, 3, 1, 2}}, [AS_DENSE] = {2, {3, 2, 0, 1}},
    [AS_PICTURES] = {4, {0, 3, 1, 2}}, [AS_FILTER] = {4, {3, 2, 0, 1}}, [AS_DENSE_WHC] = {2, {3, 1, 0, 2}},
    [AS_FACENET] = {4, {1, 0, 2, 3}}, [AS_FACENET_DENSE] = {2, {1, 0, 2, 3}}};

/* Where element i of the file lies here. */
static size_t from_file_order(Shape s, Layout as, size_t i)
{
    size_t at[AXES], place = 0;
    for (int k = AXES - 1; k >= 0; k--) {
        int axis = layouts[as].axes[k];
        at[axis] = i % (size_t)s.d[axis], i /= (size_t)s.d[axis];
    }
    for (int axis = 0; axis < AXES; axis++) place = place * (size_t)s.d[axis] + at[axis];
    return place;
}

/* The file's first axis cuts a tensor into slices that are alike: places[i], where element i of the first lies here, of
 * the others so many steps further. */
typedef struct Slices { size_t n, size, step, *places; } Slices;

static Slices slices_of(Shape s, Layout as)
{
    size_t n = (size_t)s.d[layouts[as].axes[0]], size = shape_count(s) / n;
    Slices all = {n, size, n > 1 ? from_file_order(s, as, size) : 0, own(size, sizeof(size_t))};
    for (size_t i = 0; i < size; i++) all.places[i] = from_file_order(s, as, i);
    return all;
}

/* A file's tensor as it lies here; a few slices at a time, whose numbers are often neighbours here. */
static void read_slices(const TensorEntry *entry, Shape shape, Layout as, real *to)
{
    enum { AT_ONCE = 8 };
    const Slices s = slices_of(shape, as);
    real *numbers = own(AT_ONCE * s.size, sizeof *numbers);
    for (size_t first = 0; first < s.n; first += AT_ONCE) {
        size_t here = least(AT_ONCE, s.n - first);
        const TensorEntry part = tensorfile_part(entry, first * s.size, here * s.size);
        if (sizeof *numbers == sizeof(double)) tensorfile_to_f64(&part, (void *)numbers);
        else tensorfile_to_f32(&part, (void *)numbers);
        for (size_t i = 0; i < s.size; i++)
            for (size_t k = 0; k < here; k++) to[(first + k) * s.step + s.places[i]] = numbers[k * s.size + i];
    }
    give_back(s.places), give_back(numbers);
}

static void file_dimensions(Shape s, Layout as, int64_t dimensions[AXES])
{
    for (int k = 0; k < AXES; k++) dimensions[k] = s.d[layouts[as].axes[k]];
    if (as == AS_DENSE || as == AS_DENSE_WHC) dimensions[1] *= dimensions[2] * dimensions[3];
    if (as == AS_FACENET_DENSE) dimensions[0] *= dimensions[1] * dimensions[2], dimensions[1] = dimensions[3];
}

/* A 1x1x1xK tensor that is a vector (bias, norm) and a convolution's filter differ only in rank: names tell which it
 * is. */
static Layout layout_of(const Parameter *p)
{
    const int *d = p->w->shape.d;
    if (p->by_columns) return AS_DENSE_WHC;
    if (p->matrix) return d[1] > 1 || (d[0] == 1 && d[2] > 1) ? AS_DENSE : AS_MATRIX;
    return p->fan_in > 0 && !strstr(p->w->name, "bias") ? AS_FILTER : AS_VECTOR;
}

/* A run's directory stands for its checkpoint, */
static void weights_path(const char *given, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, is_folder(given) ? "%s/checkpoint.safetensors" : "%s", given);
}

/* a classifier's for its best weights, where there are any. */
static void classifier_path(const char *given, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/best.safetensors", given);
    if (!is_folder(given) || !path_exists(path)) weights_path(given, path);
}

/* Adds a tensor to a file under prefix + name. */
static void store_tensor(TensorFile *file, const char *prefix, const char *name, Shape shape, const real *data,
                         Layout as)
{
    int64_t dimensions[AXES];
    file_dimensions(shape, as, dimensions);
    real *copy = add_tensor(file, textf("%s%s", prefix, name).s, real_type, layouts[as].rank, dimensions);
    const Slices s = slices_of(shape, as);
    for (size_t k = 0; k < s.n; k++)
        for (size_t i = 0; i < s.size; i++) copy[k * s.size + i] = data[k * s.step + s.places[i]];
    give_back(s.places);
}

enum { WEIGHT, FIRST, SECOND, AVERAGE, PARTS };      /* of a parameter: itself, what its optimiser keeps, its average */

static Tensor *part_of(const Parameter *p, int part)
{
    return (Tensor *const[PARTS]){p->w, p->m, p->v, p->average}[part];
}

/* What stands before a parameter's name in a checkpoint. */
static const char *part_prefix(const Net *net, int part)
{
    const char *optimiser = row_of(net->optimiser.op)->name;
    bool moment = part == FIRST || part == SECOND;
    if (moment) return own_text("%s_%c.%c.", optimiser, part == FIRST ? 'm' : 'v', net->letter);
    return own_text("%s%c.", part == AVERAGE ? "average." : "", net->letter);
}

static bool all_finite(const Tensor *t)
{
    for (size_t i = 0; i < shape_count(t->shape); i++)
        if (!isfinite(t->data[i])) return false;
    return true;
}

/* One part of every parameter that has it. */
static void store_part(TensorFile *file, const Net *net, int part, const char *prefix)
{
    for (int i = 0; i < net->count; i++) {
        const Parameter *p = &net->parameters[i];
        Tensor *t = part_of(p, part);
        if (!t) continue;
        if (!all_finite(fetched(t)))
            give_up(1, "%s%s is no longer a number everywhere: the training diverged (the last checkpoint is kept); "
                    "try a smaller --lr", prefix, p->w->name);
        store_tensor(file, prefix, p->w->name, p->w->shape, t->data, layout_of(p));
    }
}

static void store_net(TensorFile *file, const Net *net, bool moments)
{
    for (int part = 0; part < (moments ? PARTS : 1); part++) store_part(file, net, part, part_prefix(net, part));
}

/* Reads one tensor, checking its shape and that every number is finite. */
static void load_tensor(const TensorFile *file, const char *path, const char *name, Layout as, Tensor *to)
{
    const TensorEntry *entry = tensorfile_find(file, name);
    int64_t want[AXES];
    int rank = layouts[as].rank;
    if (!entry) give_up(1, "%s: has no tensor \"%s\": it is a checkpoint of another network", path, name);
    file_dimensions(to->shape, as, want);
    if (entry->rank != rank || memcmp(entry->shape, want, (size_t)rank * sizeof *want))
        give_up(1, "%s: %s has shape (%s), wanted (%s): another size, width or number of classes", path, name,
                shape_text(entry->shape, entry->rank), shape_text(want, rank));
    read_slices(entry, to->shape, as, to->data);
    bool finite = all_finite(to);
    for (size_t i = 0; !finite && i < shape_count(to->shape); i++) {
        double value = (double)(real)tensorfile_get(entry, i);
        if (!isfinite(value))
            give_up(1, "%s: %s[%zu] is %g: these weights are damaged or the training diverged", path, name, i, value);
    }
    changed(to);
}

/* What stands before `name` in the names of a file's tensors: "" or "G." in ours; "module.", "g_ema." and the like
 * where a training wrapped its network or saved several. Of these an averaged one is taken, then a G; the choice is
 * told. How many there are. */
static int find_prefix(const TensorFile *file, const char *path, const char *name, int rank, const int64_t *shape,
                       char prefix[TENSORFILE_PREFIX])
{
    static const char *const wanted[] = {"ema", "average", "G.", "generator", "netG"}, *const ours[] = {
        "", "G.", "D.", "average.G.", "pnet.", "rnet.", "onet."};
    int found = tensorfile_prefix(file, name, rank, shape, wanted, sizeof wanted / sizeof *wanted, prefix);
    bool told = found == 1 && strcmp(prefix, "module.") == 0;               /* wrapped, and nothing to choose from */
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) told |= strcmp(prefix, ours[i]) == 0;
    if (told) return found;
    warn("%s: the network is taken from the tensors %s*%s", path, prefix, found > 1 ? "; there are others" : "");
    return found;
}

/* The same for a net, told by its first parameter: what is usual, where the file has that. */
static bool find_net(const TensorFile *file, const char *path, const Net *net, const char *usual,
                     char prefix[TENSORFILE_PREFIX])
{
    const Parameter *first = net->parameters;
    int64_t shape[AXES];
    snprintf(prefix, TENSORFILE_PREFIX, "%s", usual);
    if (!net->count || tensorfile_find(file, textf("%s%s", usual, first->w->name).s)) return true;
    file_dimensions(first->w->shape, layout_of(first), shape);
    if (find_prefix(file, path, first->w->name, layouts[layout_of(first)].rank, shape, prefix)) return true;
    snprintf(prefix, TENSORFILE_PREFIX, "%s", usual);
    return false;
}

static void load_part(const TensorFile *file, const char *path, const Net *net, int part, const char *prefix)
{
    for (int i = 0; i < net->count; i++) {
        const Parameter *p = &net->parameters[i];
        Tensor *to = part_of(p, part);
        if (to) load_tensor(file, path, textf("%s%s", prefix, p->w->name).s, layout_of(p), to);
    }
}

static void load_net(const TensorFile *file, const char *path, const Net *net, const char *usual, bool moments)
{
    char prefix[TENSORFILE_PREFIX];
    find_net(file, path, net, usual, prefix);
    load_part(file, path, net, WEIGHT, prefix);
    for (int part = FIRST; part < PARTS && moments; part++) load_part(file, path, net, part, part_prefix(net, part));
}

/* ------------------------------------------------------------------------------------------------
 * 9.3  Pretrained weights
 *
 * torchvision's names are ours. Keras calls VGG's layers block1_conv1 ... and fc1, fc2, predictions, and keeps filters
 * as (R,S,C,K) and dense layers as (HWC,K), both as they lie in memory here. Keras' own weights become an .npz by two
 * lines of Python (`facegan man classify`). What the head cannot take, because its widths or the classes differ, starts
 * anew.
 * ---------------------------------------------------------------------------------------------- */

/* features.28.weight of a VGG -> "block5_conv1"; classifier.0 -> "fc1". NULL: it has no such name. */
static const char *keras_name(const Backbone *kind, const char *ours)
{
    static const char *const head[] = {"fc1", "fc2", "predictions"};
    int index, at = 0;
    if (!kind->convolutions) return NULL;
    if (sscanf(ours, "classifier.%d", &index) == 1 && index % 3 == 0 && index <= 6) return head[index / 3];
    if (sscanf(ours, "features.%d", &index) != 1) return NULL;
    for (int b = 0; b < 5; b++, at++)                                       /* the pool has a number, too */
        for (int i = 0; i < kind->convolutions[b]; i++, at += 2)
            if (at == index) return own_text("block%d_conv%d", b + 1, i + 1);
    return NULL;
}

/* Copies a tensor that lies in the file as it does here, where count and last axis agree. */
static bool load_as_it_lies(const TensorEntry *entry, Tensor *to)
{
    if (tensorfile_count(entry) != shape_count(to->shape) || entry->shape[entry->rank - 1] != to->shape.d[3])
        return false;
    for (size_t i = 0; i < shape_count(to->shape); i++) to->data[i] = (real)tensorfile_get(entry, i);
    changed(to);
    return all_finite(to);
}

/* One network's weights in one file. */
typedef struct Loading {
    const TensorFile *file;
    const char *path;
    const Net *net;
    Parameter *p;                       /* the one that is read now */
    char prefix[TENSORFILE_PREFIX];
} Loading;

/* One parameter from either kind of file. */
static void load_parameter(void *loading)
{
    const Loading *l = loading;
    Tensor *w = l->p->w;
    Layout as = layout_of(l->p);
    const char *name = own_text("%s%s", l->prefix, w->name), *layer;
    if (tensorfile_find(l->file, name)) {
        load_tensor(l->file, l->path, name, as, w);
        return;
    }
    if (!(layer = keras_name(l->net->classifier.backbone, w->name)))
        give_up(1, "%s: has no tensor \"%s\"", l->path, name);
    const TensorEntry *entry = tensorfile_with_word(l->file, layer, layouts[as].rank);
    if (!entry) give_up(1, "%s: has neither \"%s\" nor Keras' %s", l->path, name, layer);
    if (!load_as_it_lies(entry, w)) give_up(1, "%s: %s does not fit %s or is damaged", l->path, entry->name, w->name);
}

static bool in_head(const Net *net, const Parameter *p)
{
    const char *last = net->classifier.backbone->last;
    return strncmp(p->w->name, "classifier.", 11) == 0 || strncmp(p->w->name, last, strlen(last)) == 0;
}

/* The body must fit; of the head what fits is taken. PyTorch's count of batches decides nothing and may be missing. */
static void load_pretrained(Net *net, const char *given)
{
    char path[PATH_MAX];
    int anew = 0;
    classifier_path(given, path);
    Loading l = {load_tensors(path), path, net, net->parameters, ""};
    find_net(l.file, path, net, "", l.prefix);
    for (; l.p < net->parameters + net->count; l.p++) {
        Error problem = {0};
        if (attempt(load_parameter, &l, &problem) || strstr(l.p->w->name, "num_batches_tracked")) continue;
        if (!in_head(net, l.p)) unwind(&problem);
        anew++;
    }
    if (anew) warn("%s: %d tensors of the head do not fit these classes and start anew", path, anew);
}

/* A model that comes with the program: in models/, here or beside it, or where `make install` puts it. */
static bool shipped_model(const char *name, char path[PATH_MAX])
{
    static const char *const folders[] = {"models", "@/models", "@/../share/facegan/models"};
    return files_search(folders, 3, own_text("%s.safetensors", name), path);
}

/* ================================================================================================
 * PART III  THE WORKSHOP
 *
 * Data sets, faces in photographs, runs, classifiers and numbers, pictures and pages, experiments, the command line.
 * ============================================================================================== */

/* ================================================================================================
 * 10  DATA: OPENING, CHANCE, THE DATA DOCTOR
 *
 * Every kind of data set ends as one DataSet: a list of pictures, each with a label and a split. How folders and
 * published lists are read, and how classes and a split are chosen, is vendor/dataset.h's matter; how batches are drawn
 * from it and prepared in the background, vendor/loader.h's. Here is what of it is this program's own, and the doctor.
 *
 *     folder, CSV, attributes --own_dataset--> one split, the classes asked for --Loader's thread--> batches in [-1,1]
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 10.1  Opening, and the loader's chance
 * ---------------------------------------------------------------------------------------------- */

static DataSet *own_dataset(const char *path, DataOptions options)
{
    DataSet *set = own(1, sizeof *set);
    options.warn = warn;
    dataset_open(set, path, &options);
    return set;
}

static LoaderChance chance_of(const Settings *s, uint32_t stream)
{
    return (LoaderChance){draw, (uint64_t)s->seed, stream};
}

/* ------------------------------------------------------------------------------------------------
 * 10.2  The data doctor                                                                           (vendor/doctor.h)
 *
 * Most failed trainings fail in the data. The doctor opens every picture once and reports what it finds, each with
 * what to do. --fix writes a list of all pictures but the bad ones, which every verb reads. Where problems are left
 * this gives up: a script can rely on the status.
 * ---------------------------------------------------------------------------------------------- */
static void examine_dataset(const char *path, const DataOptions *options, int size, bool json, const char *fix)
{
    doctor_visit(doctor_examine(path, options, size, "facegan"), stdout, json, fix, warn);
}

/* ================================================================================================
 * 11  FACES IN PHOTOGRAPHS
 *
 * Where are the faces in a photograph? Two networks that answer with boxes, scores and five landmarks: MTCNN (Zhang et
 * al. 2016), three small networks that look closer and closer, and RetinaFace (Deng et al. 2020), one network that
 * sees all sizes at once. Then what one does with an answer: cut the face out, upright or turned so that its landmarks
 * stand where they always stand, and put an edited face back into the photograph without a seam.
 *
 *     photograph --> network(s) --> candidates --> suppression of doubles --> faces --> frame --> cut | paste
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 11.1  Faces
 *
 * A face is a box with a score and five points, in the photograph's pixels; what can be done with boxes is
 * vendor/boxes.h's, averages over areas are vendor/image.h's.
 * ---------------------------------------------------------------------------------------------- */

typedef Box Face;
typedef Boxes Faces;

/* ------------------------------------------------------------------------------------------------
 * 11.2  Networks that look at pictures of any size
 *
 * A finder is a network of a detector (a Net, of chapter 5's layers) and its graphs for the sizes of picture seen
 * lately, which share one arena and one input buffer. Batch norm in use is a fixed scale and shift a channel, so it is
 * folded into the convolution before it when the weights are read; what remains is a bias:
 *
 *     (w * x - m) g / sqrt(v + eps) + b  =  (w s) * x + (b - m s),     s = g / sqrt(v + eps)
 * ---------------------------------------------------------------------------------------------- */

enum { OUTPUTS = 9, GRAPHS_KEPT = 32 };

typedef struct FinderKind {              /* which network; to learn (11.9): scenes of a batch, times --iters */
    const char *name;
    char letter;
    void (*build)(Net *net, Node *x, Node **out);
    int outputs, side, scenes, times;   /* side: of what it sees; RetinaFace: one that will do to build it */
} FinderKind;

typedef struct Sized {                  /* a network's graph for one size of input */
    Graph *graph;
    Tensor input;                       /* its data is the detector's buffer */
    Node *out[OUTPUTS];
    long used;
} Sized;

typedef struct Finder {
    const FinderKind *is;
    Net net;
    Sized sized[GRAPHS_KEPT];
    long runs;
} Finder;

/* A network of this kind for pictures of so many channels: its parameters, which are to be read or to learn. */
static void make_net(Net *net, const FinderKind *kind, int channels)
{
    static const double for_prelu = 6 / (1 + 0.25 * 0.25);      /* He et al. 2015, eq. 15 */
    Node *out[OUTPUTS];
    Graph *g = graph_new();
    *net = (Net){.letter = kind->letter, .gain = sqrt(for_prelu), .folded = true,
                 .optimiser = {.op = OP_adam, .beta1 = 0.9, .beta2 = 0.999}};
    net_attach(net, g);
    kind->build(net, fill(g, shape_of(1, kind->side, kind->side, channels), 0), out);
    graph_free(g);
}

/* Reads what its file has of a folded norm into the filter before it and the bias that remains. */
static void fold_norm(const TensorFile *file, const char *path, const char *prefix, Tensor *filter, Tensor *bias)
{
    static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
    static const double epsilon = 1e-5;
    size_t n = shape_count(bias->shape);
    Tensor part[4];
    for (int i = 0; i < 4; i++) {
        const char *name = own_text("%s%.*s%s", prefix, (int)strlen(bias->name) - 4, bias->name, parts[i]);
        part[i] = (Tensor){.shape = bias->shape, .data = own(n, sizeof(real))};
        load_tensor(file, path, name, AS_VECTOR, &part[i]);
    }
    for (size_t k = 0; k < n; k++) {
        double scale = (double)part[0].data[k] / sqrt((double)part[3].data[k] + epsilon);
        bias->data[k] = (real)((double)part[1].data[k] - (double)part[2].data[k] * scale);
        for (size_t i = k; i < shape_count(filter->shape); i += n)
            filter->data[i] = (real)(scale * (double)filter->data[i]);
    }
}

/* facenet's MTCNN (det1.npy ...) calls dense4.weight conv4.weights, conv4_1.bias conv4-1.biases, and prelu1.weight
 * prelu1.alpha or PReLU1.alpha. */
static const char *facenet_name(const TensorFile *file, const char *ours)
{
    bool slope = strncmp(ours, "prelu", 5) == 0, dense = strncmp(ours, "dense", 5) == 0;
    const char *what = strchr(ours, '.'), *end = slope ? "alpha" : strcmp(what, ".bias") ? "weights" : "biases";
    ours += dense ? 5 : 0;
    char *name = own_text("%s%.*s.%s", dense ? "conv" : "", (int)(what - ours), ours, end);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
    for (size_t i = 0; i < file->count; i++)
        if (strcasecmp(file->tensors[i].name, name) == 0) return file->tensors[i].name;
    return name;
}

/* facenet's arrays keep filters as (S,R,C,K) and dense layers as (WHC,K). */
static void load_facenet(const TensorFile *file, const char *path, const Net *net)
{
    for (int i = 0; i < net->count; i++) {
        const Parameter *p = &net->parameters[i];
        Layout as = layout_of(p);
        as = as == AS_FILTER ? AS_FACENET : as == AS_DENSE_WHC ? AS_FACENET_DENSE : as;
        load_tensor(file, path, facenet_name(file, p->w->name), as, p->w);
    }
}

/* `usual`: what stands before its names in the file, "", "pnet."; where it does not, what does is found out. */
static void load_finder(Finder *finder, const FinderKind *kind, const TensorFile *file, const char *path,
                       const char *usual)
{
    char prefix[TENSORFILE_PREFIX] = "";
    Net *net = &finder->net;
    *finder = (Finder){.is = kind};
    make_net(net, kind, 3);
    if (strcmp(file->format, "npy") == 0) load_facenet(file, path, net);
    else find_net(file, path, net, usual, prefix), load_net(file, path, net, prefix, false);
    for (int i = 1; i < net->count; i++)
        if (net->parameters[i].role == FOLDED)
            fold_norm(file, path, prefix, net->parameters[i - 1].w, net->parameters[i].w);
}

/* Layers with the same input, window and slope become slices of one convolution, which reads the input once: three
 * heads of 4, 8 and 20 channels leave most lanes empty each (RetinaFace's finest took 0.73 ms, together they take
 * 0.33). The single ones are read by nobody and not computed. */
static void join_layers(Node **layer, int n)
{
    Node *w = layer[0]->in[1], *bias = layer[0]->in[BIAS];
    for (int i = 1; i < n; i++) w = concat(w, layer[i]->in[1], 3), bias = concat(bias, layer[i]->in[BIAS], 3);
    ConvShape s = layer[0]->conv;
    s.k = w->shape.d[3];
    Node *all = conv2d(layer[0]->in[0], w, bias, layer[0]->a, s);
    for (int i = 0, at = 0; i < n; at += layer[i]->shape.d[3], i++) layer[i] = slice(all, 3, at, layer[i]->conv.k);
}

/* The graph for inputs of this shape: made at first use, in the place of the one that was not used for longest. */
static Sized *finder_sized(Finder *finder, Shape shape)
{
    Error e = {0};
    Sized *oldest = &finder->sized[0];
    for (int i = 0; i < GRAPHS_KEPT; i++) {
        Sized *s = &finder->sized[i];
        if (s->graph && shape_equal(s->input.shape, shape)) { s->used = ++finder->runs; return s; }
        if (s->used < oldest->used) oldest = s;
    }
    graph_free(oldest->graph);
    *oldest = (Sized){.graph = graph_new(), .input = {.shape = shape}, .used = ++finder->runs};
    net_attach(&finder->net, oldest->graph);
    finder->is->build(&finder->net, leaf(oldest->graph, &oldest->input), oldest->out);
    for (int i = 0; i < finder->is->outputs; i++) keep(oldest->out[i]);
    if (graph_plan(oldest->graph, &e)) return oldest;
    graph_free(oldest->graph);
    *oldest = (Sized){0};
    unwind(&e);
}

/* ------------------------------------------------------------------------------------------------
 * 11.3  The detector
 * ---------------------------------------------------------------------------------------------- */

typedef enum { MTCNN, RETINAFACE } DetectorKind;
static const char *const detector_names[] = {"mtcnn", "retinaface"};
enum { DETECTORS = sizeof detector_names / sizeof *detector_names, FINDERS = 3 };

typedef struct Detector {
    DetectorKind kind;
    Finder finders[FINDERS];               /* MTCNN: P, R, O; RetinaFace: one */
    double threshold;                   /* the least score of a face */
    double handed_on[2];                /* MTCNN: the least at which P and R hand a square on */
    double min_face;                    /* MTCNN: side of the smallest face looked for, in pixels */
    int max_side;                       /* larger pictures are scaled down to this first */
    Arena arena;
    real *input;
    size_t input_room;
    TensorFile *trace;                  /* unless NULL: what goes into and comes out of every run of a network, as */
    int traced;                         /* <number>.<network>.input, .out0, ... */
} Detector;

static void close_detector(void *detector)
{
    Detector *d = detector;
    for (int i = 0; i < FINDERS; i++) {
        net_free(&d->finders[i].net);
        for (int k = 0; k < GRAPHS_KEPT; k++) graph_free(d->finders[i].sized[k].graph);
    }
    places_release(&d->arena);
    free(d->input);
}

/* Where the next network's input is to be written. */
static real *detector_input(Detector *d, Shape shape)
{
    if (shape_count(shape) > d->input_room) {
        free(d->input);
        d->input_room = shape_count(shape);
        d->input = new_reals(d->input_room);
    }
    return d->input;
}

static void trace_run(Detector *d, const FinderKind *kind, const Sized *s)
{
    const char *run = own_text("%d.%s.", d->traced++, kind->name);
    store_tensor(d->trace, run, "input", s->input.shape, d->input, AS_PICTURES);
    for (int i = 0; i < kind->outputs; i++)
        store_tensor(d->trace, run, textf("out%d", i).s, s->out[i]->shape, s->out[i]->data, AS_PICTURES);
}

/* Runs network `which` on the input that stands in the buffer. */
static const Sized *detector_run(Detector *d, int which, Shape shape)
{
    Sized *s = finder_sized(&d->finders[which], shape);
    s->input.data = d->input;
    arena_reserve(&d->arena, s->graph->arena_bytes + 1);
    graph_bind(s->graph, &d->arena);
    graph_run(s->graph);
    if (d->trace) trace_run(d, d->finders[which].is, s);
    return s;
}

/* Of two class scores before the softmax: the probability of the second. */
static double second_of_two(const real *scores)
{
    return 1 / (1 + exp((double)scores[0] - (double)scores[1]));
}

/* ------------------------------------------------------------------------------------------------
 * 11.4  MTCNN                                                              (Zhang et al. 2016, figure 2)
 *
 * The proposal network P sees 12 x 12 pixels and says whether they are a face; slid over a pyramid of ever smaller
 * copies of the photograph it finds faces of every size, badly. R looks at each proposal at 24 x 24, O at 48 x 48, and
 * each corrects the box; O also finds the landmarks. Between the steps: suppression of doubles, and boxes made square.
 *
 *     scales 12/min, x 0.709 ...  P >= 0.6, NMS 0.5 in a scale, 0.7 across
 *         ->  R > 0.7, NMS 0.7  ->  O > 0.7, NMS 0.7 (by the smaller box)
 *
 * Rounding, and where a 1 is added or not, follow the public port whose weights we read; pools are rounded up.
 * ---------------------------------------------------------------------------------------------- */

static const double pyramid_factor = 0.709;
enum { CROWD_MOST = 100000 };           /* candidates: no crowd has so many; weights that see faces everywhere do */

/* Without activation; size 0: dense. */
static Node *linear(Net *net, Node *x, const char *name, int k, int size)
{
    named(net, "", name);
    if (size) return conv_bias_leaky(net, x, (Conv){k, size, 1, 0}, LINEAR);
    x = dense(net, x, k, LINEAR);
    parameter_of(net, x->in[1])->by_columns = true;
    return x;
}

/* Layer number i with its PReLU. */
static Node *mtcnn_layer(Net *net, Node *x, int i, int k, int size)
{
    x = linear(net, x, textf("%s%d", size ? "conv" : "dense", i).s, k, size);
    named(net, "", textf("prelu%d", i).s);
    return prelu_layer(net, x);
}

static Node *mtcnn_pool(Node *x, int size)
{
    return max_pool(x, x, pool_shape(x->shape, size, 2, 0, true));
}

/* (N,H,W,3) -> scores (N,H',W',2) and moves (N,H',W',4), one for each 12 x 12 window, 2 pixels apart */
static void pnet(Net *net, Node *x, Node **out)
{
    Node *h = mtcnn_pool(mtcnn_layer(net, x, 1, 10, 3), 2);                                     // (N,H/2-1,W/2-1,10)
    h = mtcnn_layer(net, mtcnn_layer(net, h, 2, 16, 3), 3, 32, 3);
    out[0] = linear(net, h, "conv4_1", 2, 1);
    out[1] = linear(net, h, "conv4_2", 4, 1);
    join_layers(out, 2);
}

/* (N,24,24,3) -> scores (N,1,1,2), moves (N,1,1,4) */
static void rnet(Net *net, Node *x, Node **out)
{
    Node *h = mtcnn_pool(mtcnn_layer(net, x, 1, 28, 3), 3);                                     // (N,11,11,28)
    h = mtcnn_pool(mtcnn_layer(net, h, 2, 48, 3), 3);                                           // (N,4,4,48)
    h = mtcnn_layer(net, mtcnn_layer(net, h, 3, 64, 2), 4, 128, 0);
    out[0] = linear(net, h, "dense5_1", 2, 0);
    out[1] = linear(net, h, "dense5_2", 4, 0);
    join_layers(out, 2);
}

/* (N,48,48,3) -> scores (N,1,1,2), moves (N,1,1,4), landmarks (N,1,1,10): five x, then five y */
static void onet(Net *net, Node *x, Node **out)
{
    Node *h = mtcnn_pool(mtcnn_layer(net, x, 1, 32, 3), 3);                                     // (N,23,23,32)
    h = mtcnn_pool(mtcnn_layer(net, h, 2, 64, 3), 3);                                           // (N,10,10,64)
    h = mtcnn_pool(mtcnn_layer(net, h, 3, 64, 3), 2);                                           // (N,4,4,64)
    h = mtcnn_layer(net, mtcnn_layer(net, h, 4, 128, 2), 5, 256, 0);
    out[0] = linear(net, h, "dense6_1", 2, 0);
    out[1] = linear(net, h, "dense6_2", 4, 0);
    out[2] = linear(net, h, "dense6_3", 10, 0);
    join_layers(out, 3);
}

/* To learn, P is quick and the others pay for its mistakes; O has the last word. */
static const FinderKind mtcnn_finders[FINDERS] = {{"pnet", 'P', pnet, 2, 12, 2, 4}, {"rnet", 'R', rnet, 2, 24, 2, 2},
                                               {"onet", 'O', onet, 3, 48, 1, 4}};

/* Network `which` on n windows of the photograph at height x width pixels, RGB, as MTCNN wants them:
 * (value - 127.5) / 128. */
static const Sized *show_windows(Detector *d, int which, const ImageSums *sums, const ImageWindow *windows, Shape shape)
{
    const ImageScaling how = {.width = shape.d[2], .height = shape.d[1], .shift = 127.5, .divisor = 128};
    image_average(sums, windows, shape.d[0], &how, detector_input(d, shape), parallel);
    return detector_run(d, which, shape);
}

/* P at one scale: adds the proposals that survive their own scale. */
static void propose(Detector *d, const ImageSums *sums, double scale, Faces *all)
{
    Faces found = {0};
    const ImageWindow whole = {0, 0, sums->width, sums->height};
    const Sized *p = show_windows(d, 0, sums, &whole,
                                  shape_of(1, (int)(sums->height * scale + 1), (int)(sums->width * scale + 1), 3));
    int columns = p->out[0]->shape.d[2], windows = p->out[0]->shape.d[1] * columns;
    for (int at = 0; at < windows; at++) {
        Face f = {.score = second_of_two(p->out[0]->data + 2 * (size_t)at)};
        if (!(f.score >= d->handed_on[0])) continue;
        int x = at % columns, y = at / columns;
        const int corner[4] = {2 * x + 1, 2 * y + 1, 2 * x + 12, 2 * y + 12};
        for (int i = 0; i < 4; i++) {
            f.box[i] = floorf((float)corner[i] / (float)scale);         /* the port's precision: 33/0.6 gives 54 */
            f.move[i] = (double)p->out[1]->data[4 * (size_t)at + (size_t)i];
        }
        boxes_add(&found, f);
    }
    boxes_suppress(&found, BOXES_UNION, 0.5, 0, CROWD_MOST);
    for (int i = 0; i < found.count; i++) boxes_add(all, found.items[i]);
    boxes_free(&found);
}

/* Batches have 64, 16, 4 or 1 pictures, so that few graphs serve any number of candidates. */
static int batch_size(int left)
{
    return left >= 64 ? 64 : left >= 16 ? 16 : left >= 4 ? 4 : 1;
}

/* R (which = 1) or O (2) on every candidate: keeps those above the threshold, with their new scores and moves. O's
 * landmarks are relative to the box it was shown. */
static void refine(Detector *d, int which, const ImageSums *sums, double threshold, Faces *faces)
{
    int side = mtcnn_finders[which].side, kept = 0, count = 0;
    Face *f = faces->items;
    ImageWindow *windows = own((size_t)faces->count, sizeof *windows);
    for (int i = 0; i < faces->count; i++) {
        windows[count] = box_window(&f[i], sums->width, sums->height);
        if (windows[count].width > 0 && windows[count].height > 0) f[count++] = f[i];
    }
    for (int from = 0, n; from < count; from += n) {
        n = batch_size(count - from);
        const Sized *net = show_windows(d, which, sums, windows + from, shape_of(n, side, side, 3));
        for (int i = 0; i < n; i++) {
            Face face = f[from + i];
            face.score = second_of_two(net->out[0]->data + 2 * i);
            for (int k = 0; k < 4; k++) face.move[k] = (double)net->out[1]->data[4 * i + k];
            if (which == 2) box_set_points(&face, 1, net->out[2]->data + 2 * BOX_POINTS * i);
            if (face.score > threshold) f[kept++] = face;
        }
    }
    faces->count = kept;
}

/* The squares that P (last = 0) or P and R (1) take for faces. */
static Faces mtcnn_candidates(Detector *d, const ImageSums *sums, int last)
{
    Faces faces = {0};
    double side = min_int(sums->width, sums->height);
    for (double scale = 12 / d->min_face; side * scale >= 12; scale *= pyramid_factor) propose(d, sums, scale, &faces);
    for (int i = 0; i <= last; i++) {
        if (i > 0) refine(d, i, sums, d->handed_on[i], &faces);
        boxes_suppress(&faces, BOXES_UNION, 0.7, 0, CROWD_MOST);
        boxes_move(&faces, i, true);
    }
    return faces;
}

static Faces mtcnn_detect(Detector *d, const Image *picture)
{
    const ImageSums *sums = own_sums(picture);
    Faces faces = mtcnn_candidates(d, sums, 1);
    refine(d, 2, sums, d->threshold, &faces);
    boxes_move(&faces, 1, false);
    boxes_suppress(&faces, BOXES_SMALLER, 0.7, 1, CROWD_MOST);
    return faces;
}

/* ------------------------------------------------------------------------------------------------
 * 11.5  RetinaFace                                                                   (Deng et al. 2020)
 *
 *     picture -> body -> maps at 1/8, 1/16, 1/32 -> FPN: each level gets the coarser one, enlarged, added
 *             -> SSH: 3x3, 5x5 and 7x7 context (made of 3x3s) side by side
 *             -> heads: score, box, landmarks for two anchors
 *
 * An anchor is a square of a given side at a cell's centre; the heads say how the face differs from it (box_of_anchor).
 * The leaky slope is 0.1 where a level has 64 channels or fewer, else 0.
 * ---------------------------------------------------------------------------------------------- */

enum { LEVELS = 3, ANCHORS = 2, RETINA_MOST = 5000 };   /* RETINA_MOST: candidates, as the published code has it */
static const int level_stride[LEVELS] = {8, 16, 32}, anchor_side[LEVELS][ANCHORS] = {{16, 32}, {64, 128}, {256, 512}};
static const real picture_mean[3] = {104, 117, 123};      /* blue, green, red: the network's order */

/* MobileNet with a quarter of the channels (Howard et al. 2017): of depthwise 3x3 and 1x1 convolutions */
static void mobilenet_body(Net *net, Node *x, Node **level)
{
    static const struct { int stage, index, k, stride; } layers[] = {
        {1, 1, 16, 1}, {1, 2, 32, 2}, {1, 3, 32, 1}, {1, 4, 64, 2}, {1, 5, 64, 1}, {2, 0, 128, 2}, {2, 1, 128, 1},
        {2, 2, 128, 1}, {2, 3, 128, 1}, {2, 4, 128, 1}, {2, 5, 128, 1}, {3, 0, 256, 2}, {3, 1, 256, 1}};
    sequential(net, "body.stage1.0.");
    x = conv_norm(net, x, (Conv){8, 3, 2, 1}, 0.1);                                             // (N,H/2,W/2,8)
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        sequential(net, textf("body.stage%d.%d.", layers[i].stage, layers[i].index).s);
        x = batch_norm(net, depthwise_layer(net, x, 3, layers[i].stride), NULL, 0.1);
        level[layers[i].stage - 1] = x = conv_norm(net, x, (Conv){layers[i].k, 1, 1, 0}, 0.1);
    }
}

/* Feature pyramid (Lin et al. 2017) */
static void pyramid(Net *net, Node **level, int k, double slope)
{
    for (int i = 0; i < LEVELS; i++) {
        sequential(net, textf("fpn.output%d.", i + 1).s);
        level[i] = conv_norm(net, level[i], (Conv){k, 1, 1, 0}, slope);
    }
    for (int i = LEVELS - 2; i >= 0; i--) {
        const int *d = level[i]->shape.d;
        Node *sum = add(level[i], enlarge(level[i + 1], d[1], d[2]));
        sequential(net, textf("fpn.merge%d.", i + 1).s);
        level[i] = conv_norm(net, sum, (Conv){k, 3, 1, 1}, slope);
    }
}

/* 3x3 under a name of level's context. */
static Node *context_layer(Net *net, Node *x, int level, const char *name, int k, double slope)
{
    sequential(net, textf("ssh%d.%s.", level + 1, name).s);
    return conv_norm(net, x, (Conv){k, 3, 1, 1}, slope);
}

/* Context (Najibi et al. 2017): K/2, K/4 and K/4 channels that see 3, 5 and 7 pixels */
static Node *context(Net *net, Node *x, int level, double slope)
{
    int half = x->shape.d[3] / 2, quarter = x->shape.d[3] / 4;
    Node *first[2] = {context_layer(net, x, level, "conv3X3", half, slope),
                      context_layer(net, x, level, "conv5X5_1", quarter, slope)};
    join_layers(first, 2);
    Node *three = relu(first[0]), *shared = first[1];        // (a ReLU after a leaky one is a ReLU)
    Node *five = context_layer(net, shared, level, "conv5X5_2", quarter, RELU);
    Node *seven = context_layer(net, shared, level, "conv7X7_2", quarter, slope);
    seven = context_layer(net, seven, level, "conv7x7_3", quarter, RELU);
    return concat(three, concat(five, seven, 3), 3);
}

/* The maps of the levels -> for each scores (N,h,w,2*2), boxes (N,h,w,2*4), landmarks (N,h,w,2*10) */
static void retinaface_heads(Net *net, Node **level, int k, Node **out)
{
    static const char *const heads[3] = {"ClassHead", "BboxHead", "LandmarkHead"};
    static const int numbers[3] = {2, 4, 2 * BOX_POINTS};
    double slope = k <= 64 ? 0.1 : 0;
    pyramid(net, level, k, slope);
    for (int i = 0; i < LEVELS; i++) {
        Node *features = context(net, level[i], i, slope);
        for (int head = 0; head < 3; head++) {
            named(net, textf("%s.%d.", heads[head], i).s, "conv1x1");
            out[3 * i + head] = conv_bias_leaky(net, features, (Conv){ANCHORS * numbers[head], 1, 1, 0}, LINEAR);
        }
        join_layers(out + 3 * i, 3);
    }
}

/* (N,H,W,3) -> the heads of all levels, one behind the other */
static void retinaface_mobilenet(Net *net, Node *x, Node **out)
{
    Node *level[LEVELS];
    mobilenet_body(net, x, level);
    retinaface_heads(net, level, 64, out);
}

static void retinaface_resnet(Net *net, Node *x, Node **out)
{
    Node *map[4];
    resnet(net, "body.", x, resnet50_blocks, narrow_block, map);
    retinaface_heads(net, map + 1, 256, out);
}

static const FinderKind retinaface_finders[] = {
    {.name = "RetinaFace MobileNet-0.25", .build = retinaface_mobilenet, .outputs = 3 * LEVELS, .side = 32},
    {.name = "RetinaFace ResNet-50", .build = retinaface_resnet, .outputs = 3 * LEVELS, .side = 32}};

static Faces retinaface_detect(Detector *d, const Image *picture)
{
    Faces faces = {0};
    Shape shape = shape_of(1, picture->height, picture->width, 3);
    double least_difference = log(d->threshold / (1 - d->threshold));       // of a face's two scores
    image_bgr(picture, picture_mean, detector_input(d, shape), parallel);
    const Sized *net = detector_run(d, 0, shape);
    for (int level = 0; level < LEVELS; level++) {
        Node *const *out = net->out + 3 * level;
        int columns = out[0]->shape.d[2], stride = level_stride[level];
        for (int i = 0; i < out[0]->shape.d[1] * columns * ANCHORS; i++) {
            double x = (i / ANCHORS % columns + 0.5) * stride, y = (i / ANCHORS / columns + 0.5) * stride;
            const real *scores = out[0]->data + 2 * (size_t)i;
            if (!((double)scores[1] - (double)scores[0] > least_difference)) continue;
            boxes_add(&faces, box_of_anchor(x, y, anchor_side[level][i % ANCHORS], out[1]->data + 4 * (size_t)i,
                                            out[2]->data + 2 * BOX_POINTS * (size_t)i));
            faces.items[faces.count - 1].score = second_of_two(scores);
        }
    }
    boxes_suppress(&faces, BOXES_UNION, 0.4, 1, RETINA_MOST);
    return faces;
}

/* ------------------------------------------------------------------------------------------------
 * 11.6  Opening a detector, and detecting
 * ---------------------------------------------------------------------------------------------- */

static const char *const detector_files[DETECTORS] = {
    "a folder with pnet.pt, rnet.pt and onet.pt (the public PyTorch port facenet-pytorch carries them) or with "
    "det1.npy, det2.npy and det3.npy (facenet, in TensorFlow), or one file that holds all three as pnet.*, rnet.*, "
    "onet.*",
    "a file of the public PyTorch port Pytorch_Retinaface: mobilenet0.25_Final.pth or Resnet50_Final.pth"};

/* folder/pnet.pt, .pth, .safetensors or .npz, or facenet's det1.npy */
static const char *find_weights(const char *folder, int which, const char *name)
{
    static const char *const ends[] = {"pt", "pth", "safetensors", "npz", "npy"};
    for (int i = 0; i < 5; i++) {
        const char *path = i < 4 ? own_text("%s/%s.%s", folder, name, ends[i])
                                 : own_text("%s/det%d.%s", folder, which + 1, ends[i]);
        if (path_exists(path)) return path;
    }
    give_up(1, "%s: has no %s.pt; MTCNN needs %s", folder, name, detector_files[MTCNN]);
}

/* Weights may say from which scores on P, R and O are to be believed. */
static void load_mtcnn(Detector *d, const char *weights)
{
    bool folder = is_folder(weights);
    const TensorFile *file = NULL;
    for (int i = 0; i < FINDERS; i++) {
        const char *name = mtcnn_finders[i].name, *path = folder ? find_weights(weights, i, name) : weights;
        if (folder || i == 0) file = load_tensors(path);
        const char *least = tensorfile_metadata(file, "thresholds");
        load_finder(&d->finders[i], &mtcnn_finders[i], file, path, folder ? "" : own_text("%s.", name));
        if (least && sscanf(least, "%lf %lf %lf", &d->handed_on[0], &d->handed_on[1], &d->threshold) != 3)
            give_up(1, "%s: its thresholds are not three numbers: %s", path, least);
    }
}

static void load_retinaface(Detector *d, const char *weights)
{
    if (is_folder(weights)) give_up(1, "%s is a folder; RetinaFace needs %s", weights, detector_files[RETINAFACE]);
    const TensorFile *file = load_tensors(weights);
    char prefix[TENSORFILE_PREFIX];
    bool resnet = find_prefix(file, weights, "body.conv1.weight", AXES, (const int64_t[AXES]){64, 3, 7, 7}, prefix);
    if (!resnet)
        find_prefix(file, weights, "body.stage1.0.0.weight", AXES, (const int64_t[AXES]){8, 3, 3, 3}, prefix);
    load_finder(&d->finders[0], &retinaface_finders[resnet], file, weights, prefix);
}

/* kind: a name of detector_names. MTCNN's weights may be left out, or both: then those that come with the program are
 * taken, and told. Nothing is ever downloaded: without weights the error says which file is wanted. */
static Detector *new_detector(const char *kind, const char *weights)
{
    char shipped[PATH_MAX];
    int found = 0;
    if (!*weights && (!*kind || strcmp(kind, "mtcnn") == 0) && shipped_model("mtcnn", shipped)) {
        kind = "mtcnn", weights = shipped;
        warn("faces are found with %s", shipped);
    }
    while (found < DETECTORS && strcmp(kind, detector_names[found])) found++;
    if (found == DETECTORS) give_up(2, "--detector %s: must be mtcnn or retinaface", *kind ? kind : "(missing)");
    if (!*weights)
        give_up(2, "--weights is missing: %s needs %s. Nothing is downloaded: put them on this machine, then e.g. "
                "facegan detect photo.jpg --detector %s --weights %s", kind, detector_files[found], kind,
                found == MTCNN ? "mtcnn/" : "mobilenet0.25_Final.pth");
    if (access(weights, R_OK)) give_up(1, "%s: %s; %s needs %s", weights, strerror(errno), kind, detector_files[found]);
    Detector *d = own(1, sizeof *d);
    *d = (Detector){.kind = (DetectorKind)found, .threshold = found == MTCNN ? 0.7 : 0.6, .handed_on = {0.6, 0.7},
                    .min_face = 20, .max_side = 2048};
    on_leaving(close_detector, d);
    Scope inner;
    enter(&inner);
    if (found == MTCNN) load_mtcnn(d, weights);
    else load_retinaface(d, weights);
    leave();
    return d;
}

/* The faces of a picture of three channels, best first. A picture larger than max_side is scaled down for the networks,
 * so that memory is bounded, and the faces are scaled up again. */
static Faces find_faces(Detector *d, const Image *picture)
{
    Scope inner;
    enter(&inner);
    Image seen = *picture;
    int longer = max_int(picture->width, picture->height);
    double shrink = (double)d->max_side / longer;
    if (longer > d->max_side)
        seen = resize_picture(picture, max_int((int)(picture->width * shrink + 0.5), 1),
                              max_int((int)(picture->height * shrink + 0.5), 1));
    Faces faces = d->kind == MTCNN ? mtcnn_detect(d, &seen) : retinaface_detect(d, &seen);
    boxes_scale(&faces, (double)picture->width / seen.width, (double)picture->height / seen.height);
    if (faces.items) hand_out(faces.items);
    leave();
    return faces;
}

/* ------------------------------------------------------------------------------------------------
 * 11.7  Cutting faces out, and pasting them back                       (frames and pixels are vendor/image.h's)
 * ---------------------------------------------------------------------------------------------- */

typedef ImageFrame Frame;
typedef ImageDrawing Drawn;

/* Cuts the frame out of the picture as size x size pixels. */
static Image cut_out(const Image *picture, Frame frame, int size)
{
    Image out = new_picture(size, size, picture->channels);
    image_cut(picture, &frame, &out, parallel);
    return out;
}

/* ------------------------------------------------------------------------------------------------
 * 11.8  The stock that scenes are made of                                        (vendor/scene.h, vendor/stock.h)
 *
 * Who learns to find faces needs photographs of crowds with a box about every face. They are put together out of
 * pictures of single faces, drawn faces and backgrounds. Where in its picture a face lies is told by a teacher, a
 * detector that is there already. Scene number i of a seed is always the same.
 * ---------------------------------------------------------------------------------------------- */

static Faces faces_of(void *detector, const Image *picture) { return find_faces(detector, picture); }

/* kept, of: stock.h's; NULL: no teacher is asked. */
static Stock *open_stock(char *const *faces, int n, const Settings *s, int channels, const char *kept, const char *of)
{
    bool taught = kept && *s->detector;
    return stock_open(faces, n, &(StockOptions){
        .random = draw, .seed = (uint64_t)s->seed, .channels = channels, .kept = kept, .of = of, .warn = warn,
        .backgrounds = *s->backgrounds ? s->backgrounds : NULL, .stop = &interrupted, .find = taught ? faces_of : NULL,
        .context = taught ? new_detector(s->detector, s->weights) : NULL});
}

/* ------------------------------------------------------------------------------------------------
 * 11.9  Learning to detect                                    (Zhang et al. 2016, section II; Shrivastava et al. 2016)
 *
 * P, R and O (11.4) learn one after the other, each from squares cut out of scenes: near faces and anywhere, R besides
 * from what P takes for faces in a scene, right or wrong, and O from what R does. Of sample i the networks answer
 * scores s (two, before the softmax), moves m of the square's sides and, O alone, points l, of which the truth is y, m*
 * and l* (positives, parts and negatives: scene_sample in vendor/scene.h):
 *
 *     L_face  = - log softmax(s)_y         positives and negatives: the 70% of them with the largest L_face in a batch
 *     L_box   = || m - m* ||^2             positives and parts
 *     L_point = || l - l* ||^2             positives and parts whose landmarks are known
 *     L       = mean L_face + 1/2 mean L_box + mean L_point
 *
 * Whoever is right already is left out of L_face: easy negatives are many and would drown the rest (online hard example
 * mining). Moves are in lengths of the square's sides, points in the same from its corner, as 11.4 takes them.
 *
 * The networks learn from grey, since most sets of single faces are. Their first layer has one channel, which is shared
 * out among red, green and blue as the eye sees them (luma, 5.6) when the weights are written: on colours they answer
 * as they would on grey.
 * ---------------------------------------------------------------------------------------------- */

enum { SCENE_SIDE = 256, SAMPLES = 64, SCENES_MOST = 2 };
static const int samples_wanted[SCENE_KINDS] = {36, 14, 14};    /* of a scene: negatives, parts, positives */

/* The leaves of a step and their channels: (N,side,side,1) the squares, then (N,1,1,K) the truth. MOVES and POINTS say
 * of which samples it is told (1 or 0); so does a label, which is (0,0) for parts. */
enum { SQUARES, LABEL, MOVE, MOVES, POINT, POINTS, SCHEDULE, LEAVES };
static const struct { const char *name; int k; } lesson_leaves[LEAVES] = {
    {"x", 1}, {"label", 2}, {"move", 4}, {"moves", 1}, {"point", 2 * BOX_POINTS}, {"points", 1}, {"schedule", 3}};

/* ---- what a network is shown ---- */

/* The square as network `which` sees it, and as it reports it: see propose() and refine(). */
static ImageWindow seen_by(int which, const ImageSums *sums, Face *square)
{
    int side = (int)box_width(square);
    if (which > 0) return box_window(square, sums->width, sums->height);
    const ImageWindow window = {(int)square->box[0], (int)square->box[1], side, side};
    for (int i = 0; i < 2; i++) square->box[i] += side / 12.0;
    return window;
}

/* Sample number `row` of a batch. */
static void write_sample(Tensor *const leaves[LEAVES], int which, int row, const SceneSample *s, const ImageSums *sums)
{
    Face square = s->square;
    int side = mtcnn_finders[which].side;
    bool box = s->kind == SCENE_PART || s->kind == SCENE_POSITIVE, points = box && s->face->score > 0;
    real *to[LEAVES], colours[48 * 3];
    for (int i = 0; i < LEAVES - 1; i++) {
        size_t n = (size_t)lesson_leaves[i].k * (i == SQUARES ? (size_t)(side * side) : 1);
        to[i] = leaves[i]->data + (size_t)row * n;
        memset(to[i], 0, n * sizeof(real));
    }
    const ImageScaling how = {seen_by(which, sums, &square), side, side, 127.5, 128};
    for (int y = 0; y < side && how.from.width > 0 && how.from.height > 0; y++) {
        image_average_row(sums, &how, y, colours);
        for (int x = 0; x < side; x++) to[SQUARES][y * side + x] = colours[3 * x];
    }
    to[LABEL][0] = s->kind == SCENE_NEGATIVE, to[LABEL][1] = s->kind == SCENE_POSITIVE;
    to[MOVES][0] = box, to[POINTS][0] = points;
    box_targets(s->face, &square, which > 0, box ? to[MOVE] : NULL, points ? to[POINT] : NULL);
}

/* ---- the losses ---- */

/* Of the samples that count (1; 0 does not) the share with the largest losses: (N,1,1,1) of 1 and 0. A sample's rank is
 * the number of losses that are larger. */
static Node *hardest(Node *loss, Node *counts, double share)
{
    int n = loss->shape.d[0];
    Node *larger = relu(sign(sub(reshape(loss, shape_of(1, 1, 1, n)), loss)));                  // (N,1,1,N)
    Node *rank = sum_to(larger, loss->shape);                                                   // (N,1,1,1)
    return stop_grad(mul(counts, relu(sign(sub(scale(sum(counts), share), rank)))));
}

/* The mean of the losses of the samples that count. */
static Node *mean_of(Node *loss, Node *counts)
{
    return mul(sum(mul(loss, counts)), reciprocal(sum(counts)));
}

static Node *squared_distance(Node *answer, Node *truth)
{
    return sum_per_picture(square(sub(answer, truth)));
}

/* The terms, and behind them the share of samples that are told right. */
static void add_lesson_terms(Step *step, Node *const leaves[LEAVES], Node **out, int outputs)
{
    Node *label = leaves[LABEL], *counts = sum_per_picture(label), *s = out[0];
    Node *each = mul(counts, sub(logsumexp(s), sum_per_picture(mul(label, s))));                // (N,1,1,1)
    add_term(step, "face", mean_of(each, hardest(each, counts, 0.7)), 1);
    add_term(step, "box", mean_of(squared_distance(out[1], leaves[MOVE]), leaves[MOVES]), 0.5);
    if (outputs > 2) add_term(step, "points", mean_of(squared_distance(out[2], leaves[POINT]), leaves[POINTS]), 1);
    Node *behind = sub(largest(s), sum_per_picture(mul(label, s)));
    step->names[step->n_terms] = "right";
    step->terms[step->n_terms++] = keep(mean_of(affine(sign(behind), -1, 1), counts));
}

/* ---- the training ---- */

typedef struct Pupil {
    const Settings *s;
    const SceneStock *stock;
    Net nets[FINDERS];                   /* for grey */
    int which;                          /* of them learns */
    Training now;                       /* its step: 7.5 */
    Detector *detector;                 /* those that have learnt already, in use */
    Tensor *leaves[LEAVES];
    Scene *scenes;
    const TensorFile *checkpoint;       /* from which the network at hand goes on, or NULL */
    TensorFile *trace;                  /* --trace: the first step of each network, or NULL */
    Progress *progress;
    double saved, mean[MAX_TERMS + 1];  /* when; the terms, over the last hundred iterations or so */
} Pupil;

/* Of Adam's moments in a checkpoint, which has those of one network. */
static const char *moment_prefix(int part) { return part == FIRST ? "adam_m." : "adam_v."; }

static const char *checkpoint_of(const Pupil *p) { return own_text("%s/checkpoint.safetensors", p->s->out); }

/* What stands before the names of network `which`: "pnet." */
static const char *finder_prefix(int which) { return own_text("%s.", mtcnn_finders[which].name); }

static void end_training(void *pupil)
{
    Pupil *p = pupil;
    for (int i = 0; i < FINDERS; i++) net_free(&p->nets[i]);
}

/* The network for three channels that answers as this one would on grey. */
static void colour_net(Net *to, int which, const Net *from)
{
    static const double luma_share[3] = {0.299, 0.587, 0.114};
    make_net(to, &mtcnn_finders[which], 3);
    for (int i = 0; i < to->count; i++) {
        Tensor *t = to->parameters[i].w;
        const real *f = from->parameters[i].w->data;
        size_t k = (size_t)t->shape.d[3], count = shape_count(t->shape);
        bool wider = count > shape_count(from->parameters[i].w->shape);
        for (size_t at = 0; at < count; at++)
            t->data[at] = !wider ? f[at] : (real)(luma_share[at / k % 3] * (double)f[at / (3 * k) * k + at % k]);
    }
}

/* Losses, their gradients, Adam's step: the graph of an iteration of network p->which. */
static void build_lesson(Pupil *p)
{
    const FinderKind *kind = &mtcnn_finders[p->which];
    Net *net = &p->nets[p->which];
    Step *step = &p->now.d_step;
    Node *leaves[LEAVES], *out[OUTPUTS];
    *step = (Step){.graph = own_graph(graph_new())};
    for (int i = 0; i < LEAVES; i++) {
        int side = i == SQUARES ? kind->side : 1, rows = i == SCHEDULE ? 1 : kind->scenes * SAMPLES;
        p->leaves[i] = own_tensor(lesson_leaves[i].name, shape_of(rows, side, side, lesson_leaves[i].k));
        leaves[i] = leaf(step->graph, p->leaves[i]);
    }
    net_train(net, step->graph);
    kind->build(net, leaves[SQUARES], out);
    add_lesson_terms(step, leaves, out, kind->outputs);
    finish_step(step, net, leaves[SCHEDULE], &(Batch){0});
    bind_graphs(&step->graph, 1);
}

static long last_iteration(const Pupil *p) { return p->s->iters * mtcnn_finders[p->which].times; }

/* The batch of the iteration at hand: scenes that no other iteration of this network sees. The rate falls along half a
 * cosine to 0. */
static void fill_lesson(void *pupil)
{
    Pupil *p = pupil;
    int n = mtcnn_finders[p->which].scenes;
    uint64_t first = (uint64_t)p->which << 40 | (uint64_t)(p->now.iteration * n);
    double done = (double)p->now.iteration / (double)last_iteration(p);
    const Optimiser *adam = &p->nets[p->which].optimiser;
    scene_compose_all(p->stock, first, p->scenes, n, parallel);
    for (int i = 0; i < n; i++) {
        Scope inner;
        enter(&inner);
        SceneSample samples[SAMPLES];
        SceneLuck luck = {draw, (uint64_t)p->s->seed, first + (uint64_t)i, 1u << 30};
        const Image picture = with_channels(&p->scenes[i].picture, 3);
        const ImageSums *sums = own_sums(&picture);
        Faces mistakes = {0};
        if (p->which > 0) mistakes = mtcnn_candidates(p->detector, sums, p->which - 1);
        scene_samples(&p->scenes[i], &luck, p->which > 0 ? &mistakes : NULL, samples_wanted, samples);
        for (int k = 0; k < SAMPLES; k++) write_sample(p->leaves, p->which, i * SAMPLES + k, &samples[k], sums);
        leave();
    }
    set_schedule(p->leaves[SCHEDULE], p->s->lr * 0.5 * (1 + image_sine(TURN / 4 + TURN / 2 * done)), adam->beta1,
                 adam->beta2, p->now.iteration + 1);
}

/* What must be the same when a training goes on. */
static const char *run_of(const Pupil *p)
{
    return own_text("seed %ld, iters %ld, lr %g", p->s->seed, p->s->iters, p->s->lr);
}

/* Everything that the next iteration depends on. */
static void save_pupil(Pupil *p)
{
    Scope inner;
    enter(&inner);
    TensorFile *file = new_tensors();
    set_metadata(file, "network", own_text("%d", p->which));
    set_metadata(file, "iteration", own_text("%ld", p->now.iteration));
    set_metadata(file, "run", run_of(p));
    for (int i = 0; i <= p->which && i < FINDERS; i++) store_part(file, &p->nets[i], WEIGHT, finder_prefix(i));
    for (int part = FIRST; part <= SECOND && p->which < FINDERS; part++)
        store_part(file, &p->nets[p->which], part, moment_prefix(part));
    save_tensors(file, checkpoint_of(p), "cannot save (the last one is still good, if there was one): ");
    leave();
    p->saved = progress_seconds();
}

/* What --weights takes: RUN/mtcnn.safetensors. O has learnt from hard negatives and is sure of real faces: what it
 * takes for a face with less is not worth having. */
static void export_pupil(Pupil *p)
{
    Scope inner;
    enter(&inner);
    TensorFile *file = new_tensors();
    set_metadata(file, "generated-by", "facegan " FACEGAN_VERSION);
    set_metadata(file, "thresholds", "0.8 0.7 0.98");
    for (int i = 0; i < FINDERS; i++) {
        Net *colour = own(1, sizeof *colour);
        colour_net(colour, i, &p->nets[i]);
        on_leaving(close_net, colour);
        store_part(file, colour, WEIGHT, finder_prefix(i));
    }
    save_tensors(file, own_text("%s/mtcnn.safetensors", p->s->out), "");
    leave();
}

/* Network p->which begins, by chance or with the weights of the run that --init names, or goes on. Those before it look
 * for its samples. */
static void begin_lesson(Pupil *p)
{
    int which = p->which;
    Net *net = &p->nets[which];
    const char *from = p->s->init;
    if (*from && is_folder(from)) from = own_text("%s/checkpoint.safetensors", from);
    if (p->checkpoint) load_part(p->checkpoint, checkpoint_of(p), net, WEIGHT, finder_prefix(which));
    else if (*from) load_part(load_tensors(from), from, net, WEIGHT, finder_prefix(which));
    else net_initialise(net, (uint64_t)p->s->seed);
    build_lesson(p);
    for (int part = FIRST; part <= SECOND && p->checkpoint; part++)
        load_part(p->checkpoint, checkpoint_of(p), net, part, moment_prefix(part));
    p->checkpoint = NULL;
    p->now.iterations = p->trace ? 1 : last_iteration(p);
    p->progress = own_progress(mtcnn_finders[which].name, p->now.iteration, p->now.iterations);
    memset(p->mean, 0, sizeof p->mean), p->saved = progress_seconds();
}

static void use_net(Pupil *p, int which)
{
    p->detector->finders[which].is = &mtcnn_finders[which];
    colour_net(&p->detector->finders[which].net, which, &p->nets[which]);
}

static void load_pupil(Pupil *p, const char *path)
{
    const TensorFile *file = p->checkpoint = load_tensors(path);
    const char *network = tensorfile_metadata(file, "network"), *iteration = tensorfile_metadata(file, "iteration"),
               *was = tensorfile_metadata(file, "run"), *is = run_of(p);
    if (!network || !iteration || !was) give_up(1, "%s is no checkpoint of facegan train mtcnn", path);
    if (strcmp(was, is)) give_up(2, "%s was trained with %s, now it is %s: choose another --out", path, was, is);
    p->which = max_int(0, min_int(atoi(network), FINDERS));
    p->now.iteration = atol(iteration);
    for (int i = 0; i < p->which; i++) load_part(file, path, &p->nets[i], WEIGHT, finder_prefix(i)), use_net(p, i);
}

/* Traced are the weights before the step and after it, Adam's first moment, which is a tenth of the gradient, what the
 * network was shown, and the terms with their total: pnet.before.conv1.weight ... pnet.x ... pnet.losses. */
static void trace_lesson(const Pupil *p)
{
    const char *prefix = finder_prefix(p->which);
    const Net *net = &p->nets[p->which];
    store_part(p->trace, net, WEIGHT, own_text("%safter.", prefix));
    store_part(p->trace, net, FIRST, own_text("%smoment.", prefix));
    for (int i = 0; i < SCHEDULE; i++)
        store_tensor(p->trace, prefix, p->leaves[i]->name, p->leaves[i]->shape, p->leaves[i]->data, AS_PICTURES);
    real losses[MAX_TERMS + 1];
    int n = p->now.d_step.n_terms + 1;
    for (int i = 0; i < n; i++) losses[i] = (real)p->now.last_d[i];
    store_tensor(p->trace, prefix, "losses", shape_of(1, 1, 1, n), losses, AS_VECTOR);
}

static void keep_lesson(Pupil *p)
{
    save_pupil(p);
    if (p->which == FINDERS - 1) export_pupil(p);
}

static void look_at_lesson(void *pupil)
{
    Pupil *p = pupil;
    const Step *step = &p->now.d_step;
    Scope inner;
    enter(&inner);
    const char *note = "";
    double told = fmin((double)(p->now.iteration - p->progress->first), 100);
    if (p->trace) trace_lesson(p);
    for (int i = 0; i < step->n_terms; i++) {
        p->mean[i] += (p->now.last_d[i] - p->mean[i]) / told;
        note = own_text("%s%s%s %.4f", note, i ? "  " : "", step->names[i], p->mean[i]);
    }
    progress_show(p->progress, p->now.iteration, "%s", note);
    if (!p->trace && save_is_due(p->s, p->now.iteration, p->saved)) keep_lesson(p);
    leave();
}

/* Network p->which learns to the end, or until it is interrupted. */
static void learn(Pupil *p)
{
    Scope inner;
    enter(&inner);
    begin_lesson(p);
    if (p->trace) store_part(p->trace, &p->nets[p->which], WEIGHT, own_text("%sbefore.", finder_prefix(p->which)));
    train_loop(&p->now, fill_lesson, look_at_lesson, p);
    if (!p->trace) keep_lesson(p);
    leave();
    if (p->now.iteration < p->now.iterations) return;
    if (p->which < FINDERS - 1) use_net(p, p->which);
    p->which++, p->now.iteration = 0;
}

/* The data, the teacher's answers, and what was learnt before. */
static void begin_training(Pupil *p, char *const *faces, int n)
{
    const Settings *s = p->s;
    const char *told = own_text("%s/faces.safetensors", s->out),
               *of = own_text("%s, backgrounds %s, detector %s%s%s", joined(faces, n), s->backgrounds, s->detector,
                              *s->weights ? " " : "", s->weights);
    const Stock *stock = open_stock(faces, n, s, 1, told, of);
    p->stock = &stock->scenes;
    warn("%d pictures of faces with a face, of %d; %d backgrounds without one, of %d", p->stock->portraits,
         stock->n_faces, p->stock->backgrounds, stock->count - stock->n_faces);
    for (int i = 0; i < FINDERS; i++) make_net(&p->nets[i], &mtcnn_finders[i], 1);
    if (*s->trace) p->trace = new_tensors();
    else if (path_exists(checkpoint_of(p))) load_pupil(p, checkpoint_of(p));
}

static void train_mtcnn(char *const *faces, int n, const Settings *s)
{
    Pupil *p = own(1, sizeof *p);
    make_folder(s->out), lock_folder(s->out);
    p->s = s, p->detector = own(1, sizeof *p->detector), p->scenes = scene_new(SCENES_MOST, SCENE_SIDE, 1);
    *p->detector = (Detector){.kind = MTCNN, .handed_on = {0.6, 0.15}, .min_face = 20};  /* O learns from R's errors */
    on_leaving(end_training, p), on_leaving(close_detector, p->detector);
    begin_training(p, faces, n);
    while (p->which < FINDERS && !interrupted) learn(p);
    if (p->trace) save_tensors(p->trace, s->trace, "");
    else if (p->which < FINDERS) give_up(1, "stopped; the same command goes on");
    else save_pupil(p), export_pupil(p);
}

/* ================================================================================================
 * 12  RUNS
 *
 * A run is a directory: `config` says every setting in words, `log.csv` has the losses, `samples/` the same faces
 * drawn over and over, and `checkpoint.safetensors` everything that the next iteration depends on, so that an
 * interrupted run goes on bit for bit as if nothing had happened. What iteration i does depends on the weights, the
 * moments, the seed and i alone.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 12.1  A generator at work
 * ---------------------------------------------------------------------------------------------- */

enum { MAX_CLASSES = 64, NAME = NAME_ROOM };

struct Facegan {
    Net g;
    int crop;                           /* as in the training: the centred square that is cut out; 0: the largest */
    double margin;                      /* of its training pictures around a detector's box; -1: not known */
    char class_names[MAX_CLASSES][NAME];
    Scope apart;                        /* owns it all, where the model outlives the call that opened it */
    Graph *graph;
    Tensor *x, *condition;              /* (1,P,P,X), (1,1,1,n) */
    Node *y, *mask, *colour, *moves;    /* the last three: NULL where G has no mask, and where it moves nothing */
};

/* What is said in the file of a picture that a model drew. */
static const ImageText synthetic = {"Software", "facegan " FACEGAN_VERSION ": synthetic, drawn by a generative model"};

/* G(x, c): x (N,P,P,X) a picture or (N,1,1,Z) noise, c (N,1,1,n) a label or a place in the space, or NULL. */
typedef Node *Generator(Net *net, Node *x, Node *condition);

/* A graph that draws G(x, c) for a batch, on the weights that `net` has at the time. */
typedef struct Drawing {
    Graph *graph;
    Tensor *x, *condition;
    Node *y, *mask;                     /* mask: NULL where G has none */
} Drawing;

static Drawing new_drawing(Net *net, Generator *generator, int n)
{
    Drawing d = {.graph = own_graph(graph_new())};
    Shape noise = shape_of(n, 1, 1, net->latent), picture = shape_of(n, net->size, net->size, net->channels);
    d.x = own_tensor("x", net->latent ? noise : picture);
    if (net->condition) d.condition = own_tensor("condition", shape_of(n, 1, 1, net->condition));
    net_attach(net, d.graph);
    d.y = keep(generator(net, leaf(d.graph, d.x), d.condition ? leaf(d.graph, d.condition) : NULL));
    if (net->editor.mask) d.mask = keep(net->editor.mask);
    return d;
}

/* The same, ready to draw; the net's weights may be loaded afterwards. */
static const Drawing *own_drawing(Net *net, Generator *generator, int n)
{
    Drawing *d = own(1, sizeof *d);
    *d = new_drawing(net, generator, n);
    bind_graphs(&d->graph, 1);
    return d;
}

/* What it makes of `count` inputs, each with its condition where it has one. */
static void draw_batches(const Drawing *d, const real *x, const real *condition, int count, real *y)
{
    size_t batch = (size_t)d->x->shape.d[0], in = shape_count(d->x->shape) / batch, out = count_of(d->y) / batch;
    size_t n = d->condition ? shape_count(d->condition->shape) / batch : 0;
    for (size_t from = 0; from < (size_t)count; from += batch) {
        size_t here = least(batch, (size_t)count - from);
        memcpy(d->x->data, x + from * in, here * in * sizeof *x);
        if (n) memcpy(d->condition->data, condition + from * n, here * n * sizeof *condition);
        graph_run(d->graph);
        memcpy(y + from * out, d->y->data, here * out * sizeof *y);
    }
}

/* The settings that a checkpoint or weights file says it was trained with; what it does not say stays as it is. */
static void settings_of_file(const TensorFile *file, const char *path, Settings *s)
{
    Error why = {0};
    for (int i = 0; i < SETTINGS; i++) {
        const char *text = tensorfile_metadata(file, settings_table[i].name);
        if (settings_table[i].use == FIXED && text && !set_setting(s, &settings_table[i], text, &why))
            give_up(1, "%s: its metadata is damaged: %s", path, why.text);
    }
}

/* A run's weights, the file's path, and the settings that it was trained with. */
static TensorFile *open_weights(const char *run, char path[PATH_MAX], Settings *s)
{
    weights_path(run, path);
    TensorFile *file = load_tensors(path);
    *s = default_settings();
    settings_of_file(file, path, s);
    return file;
}

static Settings settings_of_run(const char *run)
{
    char path[PATH_MAX];
    Settings s;
    open_weights(run, path, &s);
    return s;
}

/* GANmut's space as numbers: where each emotion lies, and in the Gaussian model how far it spreads. */
typedef struct Gamut {
    int n, dimensions;
    double mean[MAX_CLASSES][SPACE_MOST];                       /* linear: the unit vector, 0 for neutral */
    double covariance[MAX_CLASSES][SPACE_MOST][SPACE_MOST];     /* 0 in the linear model */
} Gamut;

static const real *space_weight(const Net *net, const char *name)
{
    for (int i = 0; i < net->count; i++)
        if (strcmp(net->parameters[i].w->name, name) == 0) return fetched(net->parameters[i].w)->data;
    return NULL;
}

/* Of emotion k in the Gaussian model: from axes and their angle, or from a lower triangular matrix. */
static void read_covariance(const Net *net, int k, double c[SPACE_MOST][SPACE_MOST])
{
    if (net->condition == 2) {
        const real *axes = space_weight(net, "covariance_axes.weight") + 2 * k;
        double angle = (double)space_weight(net, "covariance_angles.weight")[k];
        stats_turned(fabs((double)axes[0]), fabs((double)axes[1]), angle, c);
        return;
    }
    const real *on = space_weight(net, "covariance_diagonal.weight") + 3 * k,
               *below = space_weight(net, "covariance_lower.weight") + 3 * k;
    stats_by_transposed((const double[3][3]){{(double)on[0]}, {(double)below[0], (double)on[1]},
                                             {(double)below[1], (double)below[2], (double)on[2]}}, 1e-3, c);
}

static Gamut gamut_of(const Net *net)
{
    int d = net->condition;
    Gamut gamut = {.n = net->classes, .dimensions = d};
    const real *axes = space_weight(net, "axes.weight"), *mu = space_weight(net, "mu.weight");
    for (int k = 0; axes && k + 1 < net->classes; k++) {
        double norm = 0;
        for (int i = 0; i < d; i++) norm += (double)axes[k * d + i] * (double)axes[k * d + i];
        for (int i = 0; i < d && norm > 0; i++) gamut.mean[k + 1][i] = (double)axes[k * d + i] / sqrt(norm);
    }
    for (int k = 0; mu && k < net->classes; k++) {
        for (int i = 0; i < d; i++) gamut.mean[k][i] = tanh((double)mu[k * d + i]);
        read_covariance(net, k, gamut.covariance[k]);
    }
    return gamut;
}

/* ------------------------------------------------------------------------------------------------
 * 12.2  The trainer's state
 * ---------------------------------------------------------------------------------------------- */

enum { SAMPLE_FACES = 8, JUDGED = 512, JUDGE_BATCH = 32 };

/* D's class scores for a batch, and the logarithm of the sum of their exponentials: (N,1,1,n), (N,1,1,1). */
typedef struct Judge { Graph *graph; Tensor *x; Node *scores, *logsum; } Judge;

typedef struct Trainer {
    Settings settings;
    const struct Model *model;
    DataSet data, held_out;             /* training pictures, and the validation part, if there is one */
    bool has_held_out;
    Training now;                       /* the networks, their steps, and where they stand: 7.5 */
    Teacher teachers[MAX_TEACHERS];     /* batch.teachers, and the classifiers that they are */
    struct Classifier *judges[MAX_TEACHERS];
    int n_teachers;
    bool keep_gradients;                /* of the steps, for the file of 12.9 */
    Drawing drawing;                    /* the sample sheet's graph: one of its rows */
    Judge judge;                        /* of JUDGE_BATCH held-out pictures; its graph NULL: D tells no classes */
    const Arena *arena;                 /* one for all graphs: they never run at the same time */
    unsigned char *sample_pixels;       /* (SAMPLE_FACES,P,P,X), what a G that edits pictures is shown */
    int n_samples, columns;             /* of the sample sheet: rows, and drawings in a row */
    int *labels, *order;                /* (N) of the batch, and where its targets come from */
    uint8_t *attribute_bytes;           /* (N,n) or NULL */
    struct Lookout *watch;              /* for collapse, of a G that draws from noise; or NULL */
    double best_loss;                   /* the lowest validation loss, or FED, so far, and when that was */
    long best_iteration;                /* 0: not yet */
    long cuts, last_cut;                /* --decay plateau: how often the rate was halved, and when last */
    FILE *log;                          /* log.csv, open at its end; these three while the loop works */
    Loader *loader;
    Progress *progress;
    double saved;                       /* when the last checkpoint was written */
    bool told;                          /* how long it will take */
} Trainer;

/* What D makes of held-out pictures: the share that it puts into their class, and the mean of -log softmax(scores) at
 * their class. Of a G that draws from noise, FED (12.4), which may be NaN. */
typedef struct Judgement { int count, right; double loss, fed; } Judgement;

/* 0: there is none of this name. */
static Op find_optimiser(const char *name)
{
    for (int op = 0; op < OPS; op++)
        if (is_update((Op)op) && op != OP_moving_average && strcmp(row_of((Op)op)->name, name) == 0) return (Op)op;
    return 0;
}

static Batch make_batch(int n, int size, int channels, int classes)
{
    const Shape label = shape_of(n, 1, 1, classes), rate = shape_of(1, 1, 1, 3);
    return (Batch){.x = own_tensor("x", shape_of(n, size, size, channels)),
                   .label = own_tensor("label", label), .target = own_tensor("label_target", label),
                   .alpha = own_tensor("alpha", shape_of(n, 1, 1, 1)),
                   .schedule_d = own_tensor("schedule_d", rate), .schedule_g = own_tensor("schedule_g", rate)};
}

/* "128,64" -> the widths of the head's hidden layers; "none" or nothing: there are none. */
static bool read_head(const char *text, int hidden[HIDDEN_MOST])
{
    char end;
    hidden[0] = hidden[1] = 0;
    if (!*text || strcmp(text, "none") == 0) return true;
    int n = sscanf(text, "%d,%d%c", &hidden[0], &hidden[1], &end);
    return n >= 1 && n <= 2 && hidden[0] > 0 && hidden[0] <= 8192 && hidden[1] >= 0 && hidden[1] <= 8192 &&
           (n == 2 ? hidden[1] > 0 : !strchr(text, ','));
}

/* "all", "head" or "block4" -> the first block that learns; 0: no such block. */
static int read_unfreeze(const char *text, const Backbone *kind)
{
    int block = 0;
    char end;
    if (strcmp(text, "all") == 0) return 1;
    if (strcmp(text, "head") == 0) return kind->blocks + 1;
    return sscanf(text, "block%d%c", &block, &end) == 1 && block >= 1 && block <= kind->blocks ? block : 0;
}

/* What the settings say of a classifier's shape, into its net. */
static void shape_classifier(const Settings *s, Net *net)
{
    ClassifierPart *of = &net->classifier;
    const Backbone *kind = of->backbone = find_backbone(s->network);
    of->preprocess = find_preprocessing(*s->preprocess ? s->preprocess : kind->preprocess);
    of->learn_from = read_unfreeze(*s->unfreeze ? s->unfreeze : "all", kind);
    of->flat = strcmp(*s->pool ? s->pool : kind->pool, "flat") == 0;
    of->dropout = s->dropout;
    if (!of->learn_from)
        give_up(2, "--unfreeze %s: must be all, head, or block1 to block%d", s->unfreeze, kind->blocks);
    if (!read_head(*s->head ? s->head : kind->head, of->hidden))
        give_up(2, "--head %s: must be one or two widths from 1 to 8192, e.g. 128,128, or none", s->head);
    if (kind->channels && s->channels != kind->channels)
        give_up(2, "--channels %ld: %s takes colour pictures (grey ones are repeated)", s->channels, kind->name);
    if (s->channels == 1 && (of->preprocess->bgr || strcmp(of->preprocess->name, "torchvision") == 0))
        give_up(2, "--preprocess %s is for colour pictures", of->preprocess->name);
    if (s->size % kind->divisor)
        give_up(2, "--size %ld: %s halves the picture until a side must be a multiple of %d", s->size, kind->name,
                kind->divisor);
}

static int halvings_of_d(const Settings *s)
{
    return s->d_repeat ? (int)s->d_repeat : default_d_repeat((int)s->size);
}

/* How an editing G is built. */
static EditorPart editor_of(const Settings *s)
{
    return (EditorPart){.keep = s->keep[0], .resizes = strcmp(s->upsample, "resize") == 0, .modulates = s->modulate,
                        .style = (int)s->style, .fade = s->fade};
}

static void make_nets(const Settings *s, int classes, Net *g, Net *d)
{
    const Net any = {.classes = classes, .channels = (int)s->channels, .size = (int)s->size};
    *g = *d = any;
    g->letter = 'G', g->width = (int)s->width, g->repeat = (int)s->g_repeat;
    d->letter = 'D', d->width = (int)(s->d_width ? s->d_width : s->width), d->repeat = halvings_of_d(s);
    g->editor = editor_of(s);
    d->editor = (EditorPart){.by_class = strcmp(s->source, "class") == 0};
    d->gain = penalty_of(s) == 'r' ? sqrt(6) : 0;       /* He et al. 2015: with less, it sees nothing for long */
    g->optimiser = (Optimiser){.op = find_optimiser(s->g_optimiser), .beta1 = s->beta1, .beta2 = s->beta2};
    d->optimiser = (Optimiser){.op = find_optimiser(s->d_optimiser), .beta1 = s->beta1, .beta2 = s->beta2,
                               .clip_value = s->clip_gradient, .weight_decay = s->weight_decay};
}

/* The learning rate of iteration i (from 0). linear: constant for the first half, then a line to 0. The public code
 * subtracts one iteration's share only once every 1000 iterations, so that in truth its rate hardly falls: "published".
 * cosine: up along a line for the first twentieth, then down along half a wave (Loshchilov & Hutter 2017). */
static double learning_rate(const Settings *s, long i)
{
    long half = s->iters / 2, past = i - half, rise = s->iters / 20;
    if (strcmp(s->decay, "cosine") == 0) {
        if (i < rise) return s->lr * (double)(i + 1) / (double)(rise + 1);
        return s->lr * (1 + image_sine(TURN / 4 - TURN / 2 * (double)(i - rise) / (double)(s->iters - rise))) / 2;
    }
    if (past < 0 || strcmp(s->decay, "none") == 0 || strcmp(s->decay, "plateau") == 0) return s->lr;
    if (strcmp(s->decay, "published") == 0) return s->lr * (1 - (double)(past / 1000) / (double)(s->iters - half));
    return s->lr * (double)(s->iters - i) / (double)(s->iters - half);
}

/* The same for a run, with what its plateaus have cut off. */
static double rate_of(const Trainer *t, long i)
{
    return ldexp(learning_rate(&t->settings, i), -(int)t->cuts);
}

/* Writes the batch's labels as vectors: one-hot, or the attributes' shares. */
static void write_labels(const Trainer *t, const int *order, Tensor *to)
{
    int n = t->now.g.classes;
    for (int i = 0; i < t->settings.batch; i++)
        for (int k = 0; k < n; k++) {
            int from = order ? order[i] : i;
            to->data[i * n + k] = t->attribute_bytes ? (real)t->attribute_bytes[from * n + k] / ATTRIBUTE_WHOLE
                                                     : (real)(t->labels[from] == k);
        }
}

/* The targets c: the batch's labels in another order. `different` turns a picture's own label away where another is
 * to be had: by up to N exchanges with the pictures behind it. */
static void draw_targets(const Trainer *t, int *order)
{
    const Settings *s = &t->settings;
    const int *label = t->labels;
    int n = (int)s->batch;
    for (int i = 0; i < n; i++) order[i] = i;
    loader_shuffle(order, n, chance_of(s, STREAM_TARGETS), (uint64_t)t->now.iteration);
    if (strcmp(s->targets, "different") || t->attribute_bytes) return;
    for (int i = 0; i < n; i++)
        for (int k = 1; k < n && label[order[i]] == label[i]; k++) {
            int other = (i + k) % n;
            if (label[order[other]] == label[i] || label[order[i]] == label[other]) continue;
            int was = order[i];
            order[i] = order[other], order[other] = was;
        }
}

/* A system to train is a row: the loop, its files, its pictures and the checks ask nothing else of it. G edits
 * pictures or, with `latent` numbers, draws from noise; without a G (a classifier), D is all there is. */
typedef struct Model {
    const char *name;
    const char *kinds;                                          /* of 6.3's rows: whose settings it takes */
    const char *is, *when;                                      /* it is called `is`, and meant where settings say so */
    char space;                                                 /* GANmut's: Net */
    bool needs_labels;                                          /* else a folder without classes will do */
    void (*check)(const Settings *s, int classes);              /* gives up where it cannot be built so */
    bool from_noise;                                            /* else G edits pictures */
    void (*prepare)(const struct Model *, const Settings *s, Net *g, Net *d);   /* tells its networks more, or NULL */
    void (*add_draws)(Batch *batch, const Settings *s);         /* makes the leaves of its own random draws */
    Step (*d_step)(Net *g, Net *d, const Batch *batch, const Settings *s);
    Step (*g_step)(Net *g, Net *d, const Batch *batch, const Settings *s);      /* NULL: no G */
    Generator *generator;                                       /* to draw with; NULL: no G */
    Node *(*judge)(Net *d, Node *x);                            /* D's class scores; NULL: it tells no classes */
    void (*show)(const Trainer *t, int row, int column, real *x, real *condition);      /* a cell of the samples */
    const char *healthy;                                        /* what its losses should look like, for the report */
    const char *quirks;                                         /* of the public code, for --as-published */
} Model;

/* Channels of G's condition. */
static int condition_size(const Model *model, const Settings *s, int classes)
{
    if (model->space) return (int)s->space_dim;
    return model->from_noise && !s->conditional ? 0 : classes;
}

/* The condition for class k: one-hot, or, for attributes, attribute k alone. */
static void one_hot(real *condition, int n, int k)
{
    for (int i = 0; i < n; i++) condition[i] = (real)(i == k);
}

/* The sample face of a row, as G takes it. */
static void show_face(const Trainer *t, int row, real *x)
{
    size_t bytes = picture_numbers(&t->now.g);
    image_from_bytes(t->sample_pixels + (size_t)row * bytes, bytes, x);
}

static void show_label(const Trainer *t, int row, int column, real *x, real *condition)
{
    show_face(t, row, x);
    one_hot(condition, t->now.g.classes, column);
}

/* Gives up unless the generator (a multiple of 4) and the discriminator (d halvings) can take pictures of this side. */
static void check_stargan(const Settings *s, int classes)
{
    (void)classes;
    int d = halvings_of_d(s);
    if (s->size % 4)
        give_up(2, "--size %ld: G halves the picture twice, so the side must be a multiple of 4; try %ld", s->size,
                (s->size + 2) / 4 * 4);
    if (d < 1 || s->size % (1 << d) || s->size >> d < 2)
        give_up(2, "--size %ld with --d-repeat %d: D halves the side %d times and must keep a whole number of at "
                "least 2; leave --d-repeat out", s->size, d, d);
}

static void check_ganmut(const Settings *s, int classes)
{
    if (classes < 2) give_up(2, "ganmut needs neutral and at least one emotion");
    if (s->space[0] == 'g' && s->batch < classes)
        give_up(2, "--batch %ld: the Gaussian model draws each of the %d means in every batch", s->batch, classes);
    check_stargan(s, classes);
}

/* Draws of one kind for several steps, a letter each; "": for all of an iteration's. */
static void add_draws(Batch *b, DrawKind kind, const char *what, const char *steps, int n, int channels)
{
    char name[32];
    do {
        draw_name(what, *steps, name);
        if (n > 0) b->draws[b->n_draws++] = (Draw){own_tensor(name, shape_of(n, 1, 1, channels)), kind, *steps};
    } while (*steps && *++steps);
}

/* The draws of what 7.1 changes of pictures, and of the teachers. */
static void add_further_draws(Batch *b, const Settings *s)
{
    int n = (int)s->batch;
    if (is_changed(s, NULL)) add_draws(b, DRAW_UNIFORM, "view", "RFG", n, VIEW_DRAWS);
    if (!*s->teacher) return;
    add_draws(b, DRAW_UNIFORM, "view", "T", n, TEACHER_DRAWS);
    add_draws(b, DRAW_NORMAL, "noise", "T", n, (int)(s->size * s->size * s->channels));
}

static void add_linear_draws(Batch *b, const Settings *s)
{
    int n = (int)s->batch, d = (int)s->space_dim, random = directions_drawn(s);
    bool on_the_way_back = s->as_published && strcmp(s->cycle, "approximate") == 0;
    add_draws(b, DRAW_STRENGTH, "rho", "", n, 1);
    add_draws(b, DRAW_NORMAL, "noise", "dg", n, d);
    add_draws(b, DRAW_DIRECTION, "angle", "dg", random, d - 1);
    if (on_the_way_back) add_draws(b, DRAW_NORMAL, "noise", "c", n, d);
    if (on_the_way_back) add_draws(b, DRAW_DIRECTION, "angle", "c", random, d - 1);
    add_further_draws(b, s);
}

static void add_gaussian_draws(Batch *b, const Settings *s)
{
    add_draws(b, DRAW_UNIFORM, "uniform", "dg", (int)s->batch - b->label->shape.d[3], (int)s->space_dim);
    add_further_draws(b, s);
}

/* An emotion's direction at full strength, or its Gaussian's mean. */
static void show_emotion(const Trainer *t, int row, int column, real *x, real *condition)
{
    Gamut gamut = gamut_of(&t->now.g);
    show_face(t, row, x);
    for (int i = 0; i < gamut.dimensions; i++) condition[i] = (real)gamut.mean[column][i];
}

static void check_noise(const Settings *s, int classes)
{
    bool own_size = strcmp(s->body, "wacgan") == 0;
    if (s->conditional && classes < 2)
        give_up(2, "%s is told a class to draw, and %s has only one: it needs two or more, or another model", s->model,
                s->data);
    if (own_size ? s->size % 4 || s->size < 8 : !noise_halvings((int)s->size))
        give_up(2, "--size %ld: the side must be %s, such as 32, 48, 64, 96 or 128", s->size,
                own_size ? "a multiple of 4" : "3 to 8 doubled two times or more");
    if (s->label_noise > 0 && s->label_noise + s->label_smooth >= 0.5)
        give_up(2, "--label-noise and --label-smooth together must stay below 0.5");
}

/* Batch norm in D but where a penalty takes its gradient picture by picture; Keras' norm in Kolbenschlag's body. */
static void prepare_noise(const Model *model, const Settings *s, Net *g, Net *d)
{
    bool wgan = strncmp(s->adv, "wgan", 4) == 0, tells = model->judge != NULL;
    bool penalty = strcmp(*s->reg ? s->reg : "none", "none") || strcmp(s->adv, "wgan-gp") == 0;
    bool style = s->body[0] == BODY_STYLE;
    const NoisePart noise = {.body = s->body[0], .unstrided = s->unstrided, .joint = s->joint,
                             .norm = !penalty && !style,
                             .joins = tells ? JOINS_TIMES : wgan || !s->as_published ? JOINS_SECOND : JOINS_FIRST};
    Net *both[2] = {g, d};
    if (!style) d->gain = 0;                    /* cgan's plain body learnt drawn faces no better from He's values */
    for (int i = 0; i < 2; i++) {
        both[i]->noise = noise;
        both[i]->repeat = noise_halvings((int)s->size);
        both[i]->norm_share = s->body[0] == BODY_KOLBENSCHLAG ? 0.5 : 0;
        both[i]->deviation = !style && (i == 0 || !penalty) ? 0.02 : 0;     /* without norms 0.02 would fade out */
    }
}

static void add_noise_draws(Batch *b, const Settings *s)
{
    add_draws(b, DRAW_NORMAL, "noise", "dg", (int)s->batch, (int)s->latent);
    if (s->label_noise > 0 || s->label_smooth > 0) add_draws(b, DRAW_UNIFORM, "uniform", "rf", (int)s->batch, 1);
    add_further_draws(b, s);
}

/* Latent number `index` of those that are always the same for a seed: of sample sheets, and of `facegan sample`. */
static void fixed_latent(uint64_t seed, uint64_t index, int numbers, real *z)
{
    Tensor view = {.shape = shape_of(1, 1, 1, numbers), .data = z};
    draw_normal(&view, seed, STREAM_LATENT, index, 0);
}

/* A row is one latent as every class, or, without classes, eight latents. */
static void show_latent(const Trainer *t, int row, int column, real *x, real *condition)
{
    uint64_t index = (uint64_t)(condition ? row : row * SAMPLE_FACES + column);
    fixed_latent((uint64_t)t->settings.seed, index, t->now.g.latent, x);
    if (condition) one_hot(condition, t->now.g.classes, column);
}

static void add_classifier_draws(Batch *b, const Settings *s)
{
    if (s->adversarial > 0) add_draws(b, DRAW_UNIFORM, "uniform", "a", (int)s->batch, 1);
    if (s->mixup > 0) add_draws(b, DRAW_UNIFORM, "uniform", "m", (int)s->batch, 1);
}

static void check_classifier(const Settings *s, int classes)
{
    if (classes < 2) give_up(2, "a classifier needs at least two classes");
    shape_classifier(s, own(1, sizeof(Net)));
}

#define FROM_NOISE                                                                                                     \
    .check = check_noise, .from_noise = true, .prepare = prepare_noise, .add_draws = add_noise_draws,          \
    .d_step = noise_d_step, .g_step = noise_g_step, .generator = noise_generator, .show = show_latent,                 \
    .healthy = HEALTHY_NOISE

#define EDITS                                                                                                          \
    .needs_labels = true, .generator = expression_generator, .judge = stargan_judge, .healthy = HEALTHY_EXPRESSIONS

static const Model models[] = {
    {.name = "gan", .kinds = "gan noise", FROM_NOISE,
     .quirks = "  full width, batch norm in D and softened answers for R1, D's rate above G's, no averaged weights\n"},
    {.name = "cgan", .kinds = "cgan noise", FROM_NOISE,
     .quirks = "  full width, batch norm in D for R1, batch 128, no averaged weights\n"},
    {.name = "wgan", .kinds = "wgan noise", FROM_NOISE,
     .quirks = "  full width, 5 D steps, rate 5e-5, no averaged weights\n"},
    {.name = "wgan-gp", .kinds = "wgan-gp noise", FROM_NOISE,
     .quirks = "  full width, 5 D steps, rate 1e-4, no averaged weights\n"},
    {.name = "wacgan", .kinds = "wacgan noise", FROM_NOISE, .judge = noise_judge,
     .quirks = "  full width, 5 D steps, rate 1e-4, no averaged weights (Kolbenschlag's own code: --recipe "
               "kolbenschlag)\n"},
    {.name = "stargan", .kinds = "stargan editor", EDITS, .check = check_stargan, .add_draws = add_further_draws,
     .d_step = stargan_d_step, .g_step = stargan_g_step, .show = show_label, .quirks = "  " PUBLISHED_DECAY "\n"},
    {.name = "ganmut", .kinds = "ganmut editor", EDITS, .space = 'l', .check = check_ganmut,
     .add_draws = add_linear_draws, .d_step = linear_d_step, .g_step = linear_g_step, .show = show_emotion,
     .quirks = "  " PUBLISHED_DECAY "\n"
     "  the way back starts from c' times D's certainty (paper: from D's coordinates of x), with noise and random "
     "directions\n"
     "  --cycle original starts from D's coordinates of the fake (paper: of x)\n"
     "  in three dimensions random directions keep to the octant of positive coordinates (here: the whole sphere)\n"},
    {.name = "ganmut-gaussian", .kinds = "ganmut ganmut-gaussian editor", .is = "ganmut", .when = "space=gaussian",
     EDITS, .space = 'g', .check = check_ganmut, .add_draws = add_gaussian_draws, .d_step = gaussian_d_step,
     .g_step = gaussian_g_step, .show = show_emotion, .quirks = "  " PUBLISHED_DECAY "\n"
     "  pictures are drawn at mu, and judged by Gaussians around tanh mu (paper: the same mean)\n"
     "  lambda-cls is 2 (unless given)\n"},
    {.name = "classifier", .kinds = "classifier", .needs_labels = true, .check = check_classifier,
     .add_draws = add_classifier_draws, .d_step = classifier_step, .judge = classifier_judge,
     .healthy = HEALTHY_CLASSIFIER,
     .quirks = "  the validation part is split off after balancing: copies of a picture stand on both sides\n"
               "  the caffe convention's numbers are divided by 255 once more\n"},
};
enum { MODELS = sizeof models / sizeof *models };

/* Gives up where settings do not go together, or not with so many classes. */
static void check_model(const Model *model, const Settings *s, int classes)
{
    const OptionTaker taker = {.kinds = model->kinds};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (option_taken(&taker, &(Option){.kinds = refusals[i].models}) && settings_say(s, refusals[i].when))
            give_up(2, "%s", refusals[i].wrong);
    model->check(s, classes);
}

/* "ganmut" with --space gaussian is a model of its own. */
static void name_model(Settings *s)
{
    for (int i = 0; i < MODELS; i++)
        if (models[i].is && strcmp(models[i].is, s->model) == 0 && settings_say(s, models[i].when))
            snprintf(s->model, sizeof s->model, "%s", models[i].name);
}

static const Model *find_model(const char *name)
{
    char meant[OPTIONS_MEANT];
    Names known = {0};
    OptionGuess guess = {name, 3, NULL};
    for (int i = 0; i < MODELS; i++) {
        if (strcmp(models[i].name, name) == 0) return &models[i];
        option_guess(&guess, models[i].name);
        if (!models[i].is) names_add(&known, models[i].name);
    }
    give_up(2, "there is no model %s; there are: %s%s", name, joined(known.items, known.count),
            option_meant(&guess, "", meant));
}

/* Number i of a draw, from u uniform in (0,1). */
static double drawn_number(const Trainer *t, const Draw *d, size_t i, double u)
{
    size_t channels = (size_t)d->values->shape.d[3];
    if (d->kind == DRAW_DIRECTION && i % channels == 0) return TURN * u;
    if (d->kind != DRAW_STRENGTH) return 2 * u - 1;
    bool neutral = t->now.batch.target->data[i * (size_t)t->now.g.classes] == 1;
    return neutral ? NEUTRAL_RHO * u : NEUTRAL_RHO + (1 - NEUTRAL_RHO) * u;
}

/* The model's own draws. Every step's letter has its own numbers. */
static void fill_draws(const Trainer *t)
{
    static const uint32_t streams[] = {[DRAW_NORMAL] = STREAM_NOISE, [DRAW_UNIFORM] = STREAM_POINT,
                                       [DRAW_DIRECTION] = STREAM_ANGLE, [DRAW_STRENGTH] = STREAM_STRENGTH};
    uint64_t seed = (uint64_t)t->settings.seed, index = (uint64_t)t->now.iteration;
    for (const Draw *d = t->now.batch.draws; d < t->now.batch.draws + t->now.batch.n_draws; d++) {
        uint32_t first = (uint32_t)(unsigned char)d->step << 20, stream = streams[d->kind];
        if (d->kind == DRAW_NORMAL) draw_normal(d->values, seed, stream, index, first);
        else for (size_t i = 0; i < shape_count(d->values->shape); i++)
            d->values->data[i] = (real)drawn_number(t, d, i, draw(seed, stream, index, first + (uint32_t)i));
    }
}

/* Fills every leaf of the iteration's two steps. */
static void fill_batch(void *trainer)
{
    Trainer *t = trainer;
    const Settings *s = &t->settings;
    Batch *b = &t->now.batch;
    uint64_t seed = (uint64_t)s->seed, i = (uint64_t)t->now.iteration;
    loader_next(t->loader, b->x->data, t->labels, t->attribute_bytes);
    draw_targets(t, t->order);
    write_labels(t, NULL, b->label);
    write_labels(t, t->order, b->target);
    for (int k = 0; k < s->batch; k++) b->alpha->data[k] = (real)draw(seed, STREAM_ALPHA, i, (uint32_t)k);
    fill_draws(t);
    fill_masks(&t->now.g, seed, i), fill_masks(&t->now.d, seed, i);
    long g_steps = t->now.iteration < s->d_first ? 0 : (t->now.iteration - s->d_first) / s->n_critic;
    double lr = rate_of(t, t->now.iteration), d_share = s->d_lr > 0 && s->lr > 0 ? s->d_lr / s->lr : 1;
    set_schedule(b->schedule_d, lr * d_share, s->beta1, s->beta2, t->now.iteration + 1);
    set_schedule(b->schedule_g, lr, s->beta1, s->beta2, g_steps + 1);
}

/* ------------------------------------------------------------------------------------------------
 * 12.3  A classifier at work
 *
 * Opened from a run or a weights file, whose metadata say what it is. It gives probabilities, and the features that the
 * Frechet Emotion Distance compares (13.1): the mean over the pixels of its last map. It has two graphs on the same
 * weights, one for many pictures at once and one for a single picture.
 * ---------------------------------------------------------------------------------------------- */

enum { CLASSIFIED = 32 };               /* pictures at once */

typedef struct Look {
    Graph *graph;
    Tensor *x;                          /* (N,P,P,X) */
    Node *p, *f;                        /* (N,1,1,n) probabilities or attributes' shares, (N,1,1,features) */
} Look;

typedef struct Classifier {
    Net net;
    char class_names[MAX_CLASSES][NAME];
    char path[PATH_MAX];
    int crop, features;                 /* the centred square that is cut out first; how many features there are */
    Look one, many;                     /* at a picture; at CLASSIFIED */
} Classifier;

static Look new_look(Net *net, int n, bool attributes)
{
    Look look = {own_graph(graph_new()), own_tensor("x", shape_of(n, net->size, net->size, net->channels)), NULL, NULL};
    net_attach(net, look.graph);
    Node *scores = classifier_scores(net, leaf(look.graph, look.x), &look.f);
    look.p = keep(attributes ? sigmoid(scores) : softmax(scores));
    keep(look.f);
    return look;
}

static Classifier *own_classifier(const char *given)
{
    Classifier *c = own(1, sizeof *c);
    classifier_path(given, c->path);
    Settings s = default_settings();
    const TensorFile *file = load_tensors(c->path);
    const char *model = tensorfile_metadata(file, "model");
    if (model && strcmp(model, "classifier")) give_up(1, "%s: is a %s, not a classifier", c->path, model);
    if (!model)
        give_up(1, "%s: not a classifier of facegan (its metadata should say model = classifier)", c->path);
    settings_of_file(file, c->path, &s);
    if (s.size < 8 || (s.channels != 1 && s.channels != 3))
        give_up(1, "%s: its metadata's size or channels are damaged", c->path);
    c->net = (Net){.letter = 'D', .channels = (int)s.channels, .size = (int)s.size};
    on_leaving(close_net, &c->net);
    c->crop = (int)s.crop;
    bool attributes = *s.attributes != 0;
    c->net.classes = list_names(attributes ? s.attributes : s.classes, c->class_names, MAX_CLASSES);
    if (c->net.classes < 2) give_up(1, "%s: its metadata names no classes: not a classifier of facegan", c->path);
    shape_classifier(&s, &c->net);
    c->one = new_look(&c->net, 1, attributes), c->many = new_look(&c->net, CLASSIFIED, attributes);
    c->features = c->many.f->shape.d[3];
    bind_graphs((Graph *[]){c->one.graph, c->many.graph}, 2);
    load_net(file, c->path, &c->net, "D.", false);
    return c;
}

/* Pictures (count,P,P,X) in [-1,1] -> probabilities (count,n) and features (count,features); either may be NULL. */
static void classifier_run(Classifier *c, const real *x, int count, double *probabilities, double *features)
{
    const Look *look = count == 1 ? &c->one : &c->many;
    size_t batch = (size_t)look->x->shape.d[0], picture = shape_count(look->x->shape) / batch;
    size_t n = (size_t)c->net.classes, d = (size_t)c->features;
    for (size_t start = 0; start < (size_t)count; start += batch) {
        size_t here = least(batch, (size_t)count - start);
        memcpy(look->x->data, x + start * picture, here * picture * sizeof *x);
        graph_run(look->graph);
        for (size_t i = 0; probabilities && i < here * n; i++) probabilities[start * n + i] = (double)look->p->data[i];
        for (size_t i = 0; features && i < here * d; i++) features[start * d + i] = (double)look->f->data[i];
    }
}

/* The same of a net's pictures. It sees them in bytes, as they would be saved, then in its channels and size. */
static void classifier_look(Classifier *c, const Net *g, const real *x, int count, double *probabilities,
                            double *features)
{
    Scope inner;
    size_t wanted = shape_count(c->one.x->shape), picture = picture_numbers(g);
    enter(&inner);
    real *seen = own((size_t)count * wanted, sizeof *seen);
    for (size_t i = 0; i < (size_t)count; i++) {
        Image shown = new_picture(g->size, g->size, g->channels);
        image_to_bytes(x + i * picture, picture, shown.pixels);
        shown = with_channels(&shown, c->net.channels);
        if (g->size != c->net.size) shown = resize_picture(&shown, c->net.size, c->net.size);
        image_from_bytes(shown.pixels, wanted, seen + i * wanted);
    }
    classifier_run(c, seen, count, probabilities, features);
    leave();
}

/* A set's picture as (size,size,channels) bytes; false, and a warning, where it cannot be read. */
static bool read_or_warn(const DataSet *set, int index, const Net *net, unsigned char *pixels)
{
    Error why = {0};
    if (dataset_read(set, index, net->size, net->channels, pixels, &why)) return true;
    warn("skipped: %s", why.text);
    return false;
}

/* A set's pictures in [-1,1] with their classes, and room for these in another order: as many as can be read of `most`,
 * spread evenly over the set. */
typedef struct PictureSet { real *x; int *label, *target, n; } PictureSet;

static PictureSet read_spread(const DataSet *set, const Net *g, int most)
{
    size_t picture = picture_numbers(g), wanted = (size_t)min_int(set->count, most);
    unsigned char *pixels = own(picture, 1);
    PictureSet all = {.x = own(wanted * picture, sizeof *all.x), .label = own(2 * wanted, sizeof *all.label)};
    all.target = all.label + wanted;
    for (size_t i = 0; i < wanted; i++) {
        int index = (int)(i * (size_t)set->count / wanted);
        if (!read_or_warn(set, index, g, pixels)) continue;
        image_from_bytes(pixels, picture, all.x + (size_t)all.n * picture);
        all.label[all.n++] = set->label[index];
    }
    give_back(pixels);
    return all;
}

/* class_of[k]: its number for name k of n, which are `whose`. */
static void match_classes(const Classifier *c, const char *const *names, int n, const char *whose, int *class_of)
{
    for (int k = 0; k < n; k++)
        if ((class_of[k] = dataset_name_of(c->class_names, c->net.classes, names[k], strlen(names[k]))) < 0)
            give_up(2, "%s does not know %s, a class of %s", c->path, names[k], whose);
}

/* Its features (count,features) of a net's pictures. */
static StatsRows classifier_features(Classifier *c, const Net *g, const real *x, int count)
{
    double *features = own((size_t)count * (size_t)c->features, sizeof *features);
    classifier_look(c, g, x, count, NULL, features);
    return (StatsRows){features, count, c->features};
}

/* The share of a net's pictures that it puts into their class. */
static double classifier_share(Classifier *c, const Net *g, const real *x, int count, const int *class_of,
                               const int *label)
{
    int n = c->net.classes, right = 0;
    double *p = own((size_t)count * (size_t)n, sizeof *p);
    classifier_look(c, g, x, count, p, NULL);
    for (int i = 0; i < count; i++) right += stats_largest(p + i * n, n) == class_of[label[i]];
    return (double)right / count;
}

/* The best one that comes with the program; NULL: none is there. */
static Classifier *shipped_classifier(void)
{
    char path[PATH_MAX];
    return shipped_model("fer2013-7", path) || shipped_model("fer2013-3", path) ? own_classifier(path) : NULL;
}

/* Pictures (count,P,P,X) of bytes -> probabilities (count,n), averaged over their views: `kind` as --views has it. */
static void classify_pixels(Classifier *c, const unsigned char *pixels, int count, const char *kind,
                           double *probabilities)
{
    Scope inner;
    ImageWarp views[IMAGE_VIEWS];
    int n_views = strcmp(kind, "crops") == 0 ? IMAGE_VIEWS : strcmp(kind, "flip") == 0 ? 2 : 1;
    size_t picture = shape_count(c->one.x->shape), numbers = (size_t)count * (size_t)c->net.classes;
    enter(&inner);
    image_views(n_views, c->net.size, views);
    real *x = own((size_t)count * picture, sizeof *x);
    double *seen = own(numbers, sizeof *seen);
    memset(probabilities, 0, numbers * sizeof *probabilities);
    for (int v = 0; v < n_views; v++) {
        for (size_t i = 0; i < (size_t)count; i++)
            if (!image_warp(pixels + i * picture, c->net.size, c->net.channels, views[v], x + i * picture))
                give_up_memory(picture, sizeof *x);
        classifier_run(c, x, count, seen, NULL);
        for (size_t i = 0; i < numbers; i++) probabilities[i] += seen[i] / n_views;
    }
    leave();
}

/* ------------------------------------------------------------------------------------------------
 * 12.4  Watching for collapse
 *
 * A generator that has collapsed draws samples closer to each other than pictures of the data are; one that has
 * memorised draws them closer to the data than the data are to each other; one that has forgotten a kind of picture
 * reaches few of the data's clusters; one that ignores its label draws the same picture for every class. All of it is
 * measured on latents that never change, by vendor/variety.h, which says what the signs are; D, where it tells classes
 * (WACGAN), and --classifier, one that was trained apart, add theirs. At milestones the features of that one, or of the
 * one that comes with the program where it knows the data's classes, give the Frechet Emotion Distance (13.1) between
 * FED_PICTURES that are held out and as many drawn ones of the same classes; the weights of the lowest are kept in
 * best.safetensors. So few pictures make it larger than it is, but alike at every milestone.
 *
 * It is G's own weights that are watched, not their average, which would hide a fall for a while; FED is of those that
 * `facegan sample` takes.
 * ---------------------------------------------------------------------------------------------- */

/* Where the next cluster is started. */
static double draw_centre(void *seed, int c)
{
    return draw(*(const uint64_t *)seed, STREAM_RESAMPLE, (uint64_t)c, 1u << 30);
}

enum { WATCHED = 64, WATCHED_DATA = 512, WATCHED_LATENTS = 1000, FED_PICTURES = 1000, FED_LATENTS = 2000 };
enum { MOST_ROLLBACKS = 5 };
typedef struct Lookout {
    Drawing drawing;                    /* of WATCHED latents */
    Variety *data;
    Classifier *judge;                  /* trained apart, or NULL */
    int judge_class[MAX_CLASSES];       /* what it calls class k */
    double feature_spread;              /* of the data */
    double *held_features;              /* (held, its features) of held-out pictures, and their classes */
    int *held_label, held;              /* 0: not looked at yet */
    VarietySigns signs;                 /* the last look's */
    VarietyAlarm alarm;
    int rollbacks;
} Lookout;

static Lookout *watch_new(Net *g, Generator *generator)
{
    Lookout *w = own(1, sizeof *w);
    w->drawing = new_drawing(g, generator, WATCHED);
    for (int i = 0; i < VARIETY_SIGNS; i++) w->signs.each[i] = NAN;
    return w;
}

/* Which classifier judges, which of its classes are the run's, and what it makes of these training pictures. */
static void watch_with_classifier(Trainer *t, const PictureSet *seen)
{
    Lookout *w = t->watch;
    const Net *g = &t->now.g;
    const char *const *names = (const char *const *)t->data.class_names;
    bool asked = *t->settings.classifier;
    Classifier *c = w->judge = asked ? own_classifier(t->settings.classifier) : shipped_classifier();
    for (int k = 0; w->judge && !asked && k < t->data.n_classes; k++)
        if (dataset_name_of(c->class_names, c->net.classes, names[k], strlen(names[k])) < 0) w->judge = NULL;
    if (!w->judge) return;
    if (g->condition) match_classes(c, names, t->data.n_classes, t->data.path, w->judge_class);
    if (asked) {
        const StatsRows features = classifier_features(c, g, seen->x, seen->n);
        w->feature_spread = stats_pair_distance(&features);
    }
    w->held_features = own(FED_PICTURES, (size_t)c->features * sizeof(double));
    w->held_label = own(FED_PICTURES, sizeof(int));
}

/* What the data say of themselves: of training pictures, spread evenly. */
static void watch_data(Trainer *t)
{
    Lookout *w = t->watch;
    const Settings *s = &t->settings;
    uint64_t seed = (uint64_t)s->seed;
    if (!w) return;
    w->data = variety_new(min_int(t->data.count, WATCHED_DATA), (int)s->size, (int)s->channels);
    const PictureSet seen = read_spread(&t->data, &t->now.g, WATCHED_DATA);
    if (seen.n < 2) give_up(1, "%s: fewer than two pictures can be read", s->data);
    for (int i = 0; i < seen.n; i++)
        variety_add(&w->data->data, seen.x + (size_t)i * picture_numbers(&t->now.g), seen.label[i]);
    watch_with_classifier(t, &seen);
    variety_learn(w->data, WATCHED, draw_centre, &seed);
    give_back(seen.x);
}

/* Draws the watched latents, latent i as class (i + turn) mod n. */
static VarietyPictures watch_draw(Trainer *t, int turn)
{
    Drawing *d = &t->watch->drawing;
    const Net *g = &t->now.g;
    int n = g->classes;
    VarietyPictures drawn = variety_pictures(WATCHED, g->size, g->channels);
    size_t bytes = count_of(d->y) / WATCHED;
    for (int i = 0; i < WATCHED; i++) {
        fixed_latent((uint64_t)t->settings.seed, (uint64_t)(WATCHED_LATENTS + i), g->latent,
                     d->x->data + i * g->latent);
        if (d->condition) one_hot(d->condition->data + i * n, n, (i + turn) % n);
    }
    graph_run(d->graph);
    for (int i = 0; i < WATCHED; i++) variety_add(&drawn, d->y->data + (size_t)i * bytes, (i + turn) % n);
    return drawn;
}

/* Adds what D makes of the `count` pictures in judge.x. */
static void judge_batch(Trainer *t, const int *labels, int count, Judgement *all)
{
    const Judge *j = &t->judge;
    int n = t->now.d.classes;
    graph_run(j->graph);
    for (int i = 0; i < count; i++) {
        const real *scores = j->scores->data + i * n;
        int best = 0;
        for (int c = 1; c < n; c++) best = scores[c] > scores[best] ? c : best;
        all->right += best == labels[i];
        all->loss += (double)(j->logsum->data[i] - scores[labels[i]]);
    }
    all->count += count;
}

/* The share of the drawn pictures that D puts into their class. */
static double watch_agreement(Trainer *t, const int *label)
{
    const Drawing *d = &t->watch->drawing;
    Judgement all = {0};
    size_t pixels = count_of(d->y), batch = pixels / WATCHED * JUDGE_BATCH;
    real *drawn = own(pixels, sizeof *drawn);
    memcpy(drawn, d->y->data, pixels * sizeof *drawn);                  /* the graphs share one arena */
    for (int k = 0; k < WATCHED / JUDGE_BATCH; k++) {
        memcpy(t->judge.x->data, drawn + (size_t)k * batch, batch * sizeof *drawn);
        judge_batch(t, label + k * JUDGE_BATCH, JUDGE_BATCH, &all);
    }
    return (double)all.right / WATCHED;
}

static void watch_look(Trainer *t)
{
    Scope inner;
    Lookout *w = t->watch;
    const Net *g = &t->now.g;
    const real *x = w->drawing.y->data;
    bool told = g->condition;
    enter(&inner);
    VarietyPictures drawn = watch_draw(t, 0), turned;
    VarietySigns *signs = &w->signs;
    *signs = variety_compare(w->data, &drawn, told);
    if (*t->settings.classifier) {
        StatsRows features = classifier_features(w->judge, g, x, WATCHED);
        signs->features = stats_pair_distance(&features) / w->feature_spread;
        if (told) signs->judged = classifier_share(w->judge, g, x, WATCHED, w->judge_class, drawn.label);
    }
    if (t->judge.graph && told) signs->agreement = watch_agreement(t, drawn.label);
    if (told) turned = watch_draw(t, 1), signs->label = variety_moved(&drawn, &turned);
    leave();
}

/* The features of held-out pictures; of training ones, where none are held out. */
static void learn_held_out(const Trainer *t)
{
    Lookout *w = t->watch;
    const Net *g = &t->now.g;
    const PictureSet seen = read_spread(t->has_held_out ? &t->held_out : &t->data, g, FED_PICTURES);
    classifier_look(w->judge, g, seen.x, w->held = seen.n, NULL, w->held_features);
    memcpy(w->held_label, seen.label, (size_t)seen.n * sizeof *seen.label);
}

/* FED of what G draws; NaN: nobody judges, or of too few pictures. */
static double frechet_of_drawn(const Trainer *t)
{
    Scope inner;
    Lookout *w = t->watch;
    const Net *g = &t->now.g;
    size_t latent = (size_t)g->latent, n = (size_t)g->condition, count = FED_PICTURES;
    if (!w || !w->judge) return NAN;
    enter(&inner);
    if (!w->held) learn_held_out(t);
    real *z = own(count, latent * sizeof *z), *condition = own(count, n * sizeof *condition),
         *drawn = own(count, picture_numbers(g) * sizeof *drawn);
    for (int i = 0; i < w->held; i++) {
        fixed_latent((uint64_t)t->settings.seed, (uint64_t)(FED_LATENTS + i), g->latent, z + (size_t)i * latent);
        one_hot(condition + (size_t)i * n, (int)n, w->held_label[i]);
    }
    draw_batches(&t->drawing, z, condition, w->held, drawn);
    StatsRows real_ones = {w->held_features, w->held, w->judge->features},
              drawn_ones = classifier_features(w->judge, g, drawn, w->held);
    double fed = w->held > w->judge->features ? stats_frechet(&real_ones, NULL, &drawn_ones, NULL) : NAN;
    leave();
    return fed;
}

/* Is this the moment to raise the alarm? The samples should be varied when half of the training, and VARIETY_LEARNS
 * iterations, have passed. */
static bool watch_alarm(Trainer *t)
{
    const Settings *s = &t->settings;
    bool late = t->now.iteration >= s->iters / 2 && t->now.iteration >= VARIETY_LEARNS;
    return variety_alarm(&t->watch->alarm, &t->watch->signs, s->collapse_below, late);
}

static void watch_report(const Trainer *t)
{
    char text[VARIETY_WORDS];
    if (!t->watch || isnan(t->watch->signs.pixels) || no_messages) return;          /* stopped before the first look */
    variety_words(&t->watch->signs, t->settings.collapse_below, t->now.iteration, text);
    fprintf(stderr, "%s\n", text);
}

/* ------------------------------------------------------------------------------------------------
 * 12.5  Building a trainer
 * ---------------------------------------------------------------------------------------------- */

static void build_judge(Trainer *t, int batch)
{
    const Net *d = &t->now.d;
    Judge *j = &t->judge;
    *j = (Judge){.graph = own_graph(graph_new())};
    j->x = own_tensor("judged", shape_of(batch, d->size, d->size, d->channels));
    net_attach(&t->now.d, j->graph);
    j->scores = keep(t->model->judge(&t->now.d, leaf(j->graph, j->x)));
    j->logsum = keep(logsumexp(j->scores));
}

/* N / (n N_class): so weighed, every class counts as much as any other. */
static void weigh_classes(Trainer *t, int classes)
{
    Tensor *weights = t->now.batch.class_weights = own_tensor("class_weights", shape_of(1, 1, 1, classes));
    double *pictures = own((size_t)classes, sizeof *pictures);
    for (int i = 0; i < t->data.count; i++) pictures[t->data.label[i]]++;
    for (int k = 0; k < classes; k++)
        weights->data[k] = (real)(pictures[k] > 0 ? t->data.count / (classes * pictures[k]) : 0);
}

/* --teacher's classifiers. Every class of the run must be known to each of them. */
static void open_teachers(Trainer *t)
{
    int class_of[MAX_CLASSES], n = t->data.n_classes;
    Names paths = {0};
    if (*t->settings.teacher) paths = parse_names(t->settings.teacher, "--teacher");
    if (paths.count > MAX_TEACHERS) give_up(2, "--teacher: at most %d classifiers", MAX_TEACHERS);
    for (; t->n_teachers < paths.count; t->n_teachers++) {
        Classifier *c = t->judges[t->n_teachers] = own_classifier(paths.items[t->n_teachers]);
        match_classes(c, (const char *const *)t->data.class_names, t->data.n_classes, t->data.path, class_of);
        if (!t->model->generator && (c->net.size != t->settings.size || c->net.channels != t->settings.channels))
            give_up(2, "--teacher %s sees %d px, %d channels; a classifier learns from one that sees what it sees",
                    paths.items[t->n_teachers], c->net.size, c->net.channels);
        Tensor *known = own_tensor("class_of", shape_of(1, 1, n, c->net.classes));
        for (int i = 0; i < n; i++) known->data[i * c->net.classes + class_of[i]] = 1;
        t->teachers[t->n_teachers] = (Teacher){.net = &c->net, .class_of = known};
    }
}

static void build_steps(Trainer *t, int classes)
{
    const Settings *s = &t->settings;
    const Model *model = t->model;
    Training *now = &t->now;
    Net *g = &now->g, *d = &now->d;
    make_nets(s, classes, g, d);
    on_leaving(close_net, g), on_leaving(close_net, d);
    if (!model->generator) shape_classifier(s, d);
    g->condition = d->condition = condition_size(model, s, classes);
    g->latent = model->from_noise ? (int)s->latent : 0;
    g->space = d->space = model->space;
    if (model->prepare) model->prepare(model, s, g, d);
    now->batch = make_batch((int)s->batch, (int)s->size, (int)s->channels, classes);
    now->batch.teachers = t->teachers, now->batch.n_teachers = t->n_teachers;
    now->batch.keep_gradients = t->keep_gradients;
    if (s->class_weights) weigh_classes(t, classes);
    model->add_draws(&now->batch, s);
    now->iterations = s->iters, now->n_critic = s->n_critic, now->d_first = s->d_first;
    now->forgets = s->forget;
    now->clip = strcmp(s->adv, "wgan") == 0 ? s->clip : 0;
    now->d_step = model->d_step(g, d, &now->batch, s);
    own_graph(now->d_step.graph);
    if (model->g_step) now->g_step = model->g_step(g, d, &now->batch, s), own_graph(now->g_step.graph);
}

static void build_graphs(Trainer *t, int classes)
{
    Net *g = &t->now.g;
    check_model(t->model, &t->settings, classes);
    open_teachers(t);
    build_steps(t, classes);
    t->columns = g->condition ? classes : SAMPLE_FACES;
    if (g->latent) t->watch = watch_new(g, t->model->generator);
    exchange_averages(g);
    if (t->model->generator) t->drawing = new_drawing(g, t->model->generator, t->columns);
    exchange_averages(g);
    if (t->model->judge) build_judge(t, JUDGE_BATCH);
    Graph *graphs[] = {t->now.d_step.graph, t->now.g_step.graph, t->drawing.graph, t->judge.graph,
                       t->watch ? t->watch->drawing.graph : NULL};
    t->arena = bind_graphs(graphs, sizeof graphs / sizeof *graphs);
}

/* A trainer with these settings, which the innermost scope owns. */
static Trainer *new_trainer(const Settings *s)
{
    Trainer *t = own(1, sizeof *t);
    t->settings = *s;
    return t;
}

enum { OWN_SHARE = 5 };                 /* a classifier without a validation part holds out a fifth of each class */

static void balance(DataSet *set, const Settings *s)
{
    if (*s->balance) dataset_balance(set, loader_classes(set, chance_of(s, STREAM_BALANCE)), s->balance);
}

/* Pictures that nothing is learnt from: the set's own validation part, or, where --validation says so or a classifier
 * would have none, a share of each class of the training part. */
static void open_held_out(Trainer *t, DataOptions options)
{
    const Settings *s = &t->settings;
    Error none;
    options.split = SPLIT_VALIDATION;
    t->has_held_out = s->validation <= 0 && dataset_try(&t->held_out, s->data, &options, &none) &&
                      t->held_out.n_classes == t->data.n_classes;
    if (t->has_held_out || (s->validation <= 0 && t->model->generator)) return;
    double share = s->validation > 0 ? s->validation : 1.0 / OWN_SHARE;
    options.split = SPLIT_TRAIN;
    dataset_open(&t->held_out, s->data, &options);
    t->has_held_out = true;
    if (s->as_published) balance(&t->held_out, s);
    dataset_part(&t->held_out, loader_classes(&t->held_out, chance_of(s, STREAM_SPLIT)), share, true);
    dataset_part(&t->data, loader_classes(&t->data, chance_of(s, STREAM_SPLIT)), share, false);
    if (!t->held_out.count || t->data.count < s->batch)
        give_up(2, "--validation %g of %s leaves %d pictures to judge by and %d to learn from", share, s->data,
                t->held_out.count, t->data.count);
}

/* Opens the data, and its validation part if it has one. */
static void open_data(Trainer *t)
{
    Settings *s = &t->settings;
    DataOptions options = {.classes = *s->classes ? s->classes : NULL,
                           .attributes = *s->attributes ? s->attributes : NULL,
                           .split = SPLIT_TRAIN,
                           .unlabelled = !t->model->needs_labels && !s->conditional,
                           .limit = (int)s->limit,
                           .crop = (int)s->crop,
                           .warn = warn};
    dataset_open(&t->data, s->data, &options);
    dataset_check_names(&t->data, MAX_CLASSES, NAME - 1);
    if (s->batch > t->data.count)
        give_up(2, "--batch %ld is more than the %d pictures of %s", s->batch, t->data.count, s->data);
    const char *list = listed((const char *const *)t->data.class_names, t->data.n_classes, ",");
    snprintf(*s->attributes ? s->attributes : s->classes, sizeof s->classes, "%s", list);
    options.classes = *s->attributes ? NULL : list;
    if (s->as_published) balance(&t->data, s);
    open_held_out(t, options);
    if (!s->as_published) balance(&t->data, s);
}

/* GANmut's centre is neutral: its class must be the first. */
static void put_neutral_first(Trainer *t)
{
    Settings *s = &t->settings;
    char list[sizeof s->classes] = "neutral";
    int at = -1;
    for (int k = 0; k < t->data.n_classes; k++) {
        if (strcmp(t->data.class_names[k], "neutral") == 0) { at = k; continue; }
        snprintf(list + strlen(list), sizeof list - strlen(list), ",%s", t->data.class_names[k]);
    }
    if (at == 0) return;
    if (at < 0)
        give_up(2, "%s: ganmut needs a class \"neutral\", the centre of its space; there are: %s", s->data, s->classes);
    snprintf(s->classes, sizeof s->classes, "%s", list);
    open_data(t);
}

/* The faces that a G that edits is shown: the first of each class in turn (of all, where there are attributes), from
 * the validation part where there is one. */
static void choose_samples(Trainer *t)
{
    t->n_samples = t->now.g.latent ? SAMPLE_FACES : 0;
    if (t->now.g.latent || !t->model->generator) return;
    const DataSet *set = t->has_held_out ? &t->held_out : &t->data;
    int size = (int)t->settings.size, channels = (int)t->settings.channels;
    size_t bytes = (size_t)(size * size * channels);
    Error why = {0};
    t->sample_pixels = own(SAMPLE_FACES, bytes);
    for (int i = 0; i < SAMPLE_FACES; i++) {
        int k = dataset_find(set, i % set->n_classes, set->attributes ? i : i / set->n_classes);
        if (k < 0) continue;
        t->n_samples += dataset_read(set, k, size, channels, t->sample_pixels + (size_t)t->n_samples * bytes, &why);
    }
    if (!t->n_samples) give_up(1, "%s: none of the first pictures can be read: %s", t->settings.data, why.text);
}

/* ------------------------------------------------------------------------------------------------
 * 12.6  Checkpoints
 * ---------------------------------------------------------------------------------------------- */

/* A file of the run. */
static const char *run_path(const Settings *s, const char *name)
{
    return own_text("%s/%s", s->out, name);
}

/* What a checkpoint says about itself: every FIXED setting and the iteration; no time, path, host or thread count. */
static void describe(const Settings *s, long iteration, TensorFile *file)
{
    char text[TEXT * 4];
    for (int i = 0; i < SETTINGS; i++) {
        if (settings_table[i].use != FIXED) continue;
        option_text(s, &settings_table[i], text, sizeof text);
        set_metadata(file, settings_table[i].name, text);
    }
    set_metadata(file, "iteration", own_text("%ld", iteration));
    set_metadata(file, "generated-by", "facegan " FACEGAN_VERSION);
}

/* Beside the weights a few numbers that a run must remember. */
static TensorFile *checkpoint_file(const Trainer *t)
{
    const double best[2] = {t->best_loss, (double)t->best_iteration};
    const double plateau[2] = {(double)t->cuts, (double)t->last_cut};
    TensorFile *file = new_tensors();
    describe(&t->settings, t->now.iteration, file);
    store_net(file, &t->now.g, true);
    store_net(file, &t->now.d, true);
    if (t->now.g_known) store_row(file, "log.G", real_type, t->now.g_step.n_terms + 1, t->now.last_g);
    if (t->best_iteration) store_row(file, "log.best", real_type, 2, best);
    if (t->cuts) store_row(file, "log.plateau", real_type, 2, plateau);
    return file;
}

static void save_checkpoint_as(const Trainer *t, const char *name)
{
    Scope inner;
    enter(&inner);
    save_tensors(checkpoint_file(t), run_path(&t->settings, name),
                 "cannot save the checkpoint (the last one is still good, if there was one): ");
    leave();
}

static void save_checkpoint(const Trainer *t) { save_checkpoint_as(t, "checkpoint.safetensors"); }

/* The weights of the lowest validation loss, or FED, so far go to best.safetensors: a classifier's, or the whole
 * checkpoint. The number is kept as the checkpoint keeps it, so that a run that goes on decides as one that was never
 * stopped. A classifier's latest are best where there is no verdict. */
static void keep_best(Trainer *t, const Judgement *judged)
{
    Scope inner;
    bool draws = t->model->generator, told = draws ? !isnan(judged->fed) : judged->count > 0;
    double loss = draws ? judged->fed : told ? judged->loss / judged->count : INFINITY;
    bool better = t->best_iteration == 0 || (double)(real)loss < t->best_loss;
    if (told ? !better : draws) return;
    t->best_loss = (double)(real)loss, t->best_iteration = t->now.iteration;
    enter(&inner);
    TensorFile *file = draws ? checkpoint_file(t) : new_tensors();
    if (!draws) describe(&t->settings, t->now.iteration, file), store_net(file, &t->now.d, false);
    save_tensors(file, run_path(&t->settings, "best.safetensors"), "cannot save the best weights: ");
    leave();
}

/* Names the first FIXED setting in which the checkpoint and the command differ. */
static void must_be_same_run(const Settings *s, const TensorFile *file, const char *path)
{
    char text[TEXT * 4], was[TEXT * 4];
    Settings then = default_settings();                             /* settings younger than the checkpoint stay so */
    settings_of_file(file, path, &then);
    if (!tensorfile_metadata(file, "model") || !tensorfile_metadata(file, "iteration"))
        give_up(1, "%s: does not say its model and iteration: not a checkpoint of facegan train", path);
    for (int i = 0; i < SETTINGS; i++) {
        const Option *which = &settings_table[i];
        if (which->use != FIXED) continue;
        option_text(s, which, text, sizeof text);
        option_text(&then, which, was, sizeof was);
        if (strcmp(was, text))
            give_up(2, "%s was trained with --%s %s, now it is %s: go on with the same, or choose another --out", path,
                    which->name, was, text);
    }
}

static long stored_iteration(const TensorFile *file, const char *path)
{
    const char *text = tensorfile_metadata(file, "iteration");
    char *end;
    errno = 0;
    long iteration = strtol(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno)
        give_up(1, "%s: its metadata is damaged: iteration \"%.40s\" is no whole number", path, text);
    return iteration;
}

/* A remembered iteration, or a number of them: it cannot be more than were done (as a number of the file has them). */
static long earlier(double remembered, long iteration, const char *path)
{
    if (!(remembered >= 0 && remembered <= (double)(real)iteration))
        give_up(1, "%s: is damaged: it remembers iteration %g of %ld", path, remembered, iteration);
    return (long)remembered;
}

static void load_checkpoint(Trainer *t, const char *path)
{
    Scope inner;
    Training *now = &t->now;
    double best[2], cuts[2];
    enter(&inner);
    const TensorFile *file = load_tensors(path);
    must_be_same_run(&t->settings, file, path);
    long done = now->iteration = stored_iteration(file, path);
    load_net(file, path, &now->g, "G.", true);
    load_net(file, path, &now->d, "D.", true);
    now->g_known = stored_row(file, "log.G", now->g_step.n_terms + 1, now->last_g);
    if (stored_row(file, "log.best", 2, best))
        t->best_loss = best[0], t->best_iteration = earlier(best[1], done, path);
    if (stored_row(file, "log.plateau", 2, cuts))
        t->cuts = earlier(cuts[0], done, path), t->last_cut = earlier(cuts[1], done, path);
    leave();
}

/* ------------------------------------------------------------------------------------------------
 * 12.7  Samples, validation, log
 * ---------------------------------------------------------------------------------------------- */

/* Picture k's mask as a grey picture: white where G paints. */
static void mask_bytes(const Node *mask, int k, int channels, unsigned char *bytes)
{
    size_t n = count_of(mask) / (size_t)mask->shape.d[0];
    for (size_t i = 0; i < n * (size_t)channels; i++)
        bytes[i] = (unsigned char)(255 * (double)mask->data[(size_t)k * n + i / (size_t)channels] + 0.5);
}

/* What G draws for a row of the sheet, a picture for each column. */
static void run_row(Trainer *t, int row)
{
    const Drawing *d = &t->drawing;
    const Net *g = &t->now.g;
    size_t inputs = g->latent ? (size_t)g->latent : picture_numbers(g);
    for (int k = 0; k < t->columns; k++)
        t->model->show(t, row, k, d->x->data + (size_t)k * inputs,
                       d->condition ? d->condition->data + k * g->condition : NULL);
    graph_run(d->graph);
}

/* A row of the sheet: what the model shows in each of its columns, behind the face as it is where G edits faces. Below
 * it the masks, where G has them. */
static void draw_row(Trainer *t, int row, Image *sheet)
{
    const Drawing *d = &t->drawing;
    const Net *g = &t->now.g;
    int n = t->columns, side = g->size, first = !g->latent, line = d->mask ? 2 * row : row;
    size_t bytes = picture_numbers(g);
    unsigned char *face = own(bytes, 1);
    run_row(t, row);
    if (first) image_put_cell(sheet, t->sample_pixels + (size_t)row * bytes, side, line, 0);
    for (int k = 0; k < n; k++) {
        image_to_bytes(d->y->data + (size_t)k * bytes, bytes, face);
        image_put_cell(sheet, face, side, line, first + k);
        if (!d->mask) continue;
        mask_bytes(d->mask, k, g->channels, face);
        image_put_cell(sheet, face, side, line + 1, first + k);
    }
}

/* The sample sheet: a row for each sample face or latent. */
static void save_samples(Trainer *t)
{
    const Settings *s = &t->settings;
    int side = (int)s->size, lines = t->n_samples * (t->drawing.mask ? 2 : 1), columns = t->columns + !t->now.g.latent;
    if (!t->model->generator) return;
    Image sheet = new_picture(side * columns, side * lines, (int)s->channels);
    for (int row = 0; row < t->n_samples; row++) draw_row(t, row, &sheet);
    const char *name = own_text("samples/%08ld.png", t->now.iteration);
    save_picture(run_path(s, name), &sheet, s->provenance ? &synthetic : NULL);
}

/* Judges up to `most` held-out pictures, spread evenly over the set; none where there is no judge, or attributes. */
static Judgement judge_held_out(Trainer *t, int most)
{
    Judgement all = {0};
    if (!t->has_held_out || !t->judge.graph || t->attribute_bytes) return all;
    const DataSet *set = &t->held_out;
    const Net *d = &t->now.d;
    int total = min_int(set->count, most), labels[JUDGE_BATCH], n = 0;
    size_t bytes = picture_numbers(d);
    unsigned char *pixels = own(bytes, 1);
    Error unreadable;
    for (int i = 0; i < total; i++) {
        int index = (int)((long)i * set->count / total);
        if (dataset_read(set, index, d->size, d->channels, pixels, &unreadable)) {
            image_from_bytes(pixels, bytes, t->judge.x->data + (size_t)n * bytes);
            labels[n++] = set->label[index];
        }
        if (n == JUDGE_BATCH || (n && i + 1 == total)) judge_batch(t, labels, n, &all), n = 0;
    }
    return all;
}

/* A row of log.csv, and a loss that is no longer a number, or NULL. */
typedef struct LogRow { TableLine line; const char *broken; } LogRow;

static void log_step(LogRow *row, const Step *step, bool known, const char *total, const double *last)
{
    for (int i = 0; i <= step->n_terms && step->graph; i++) {
        const char *name = i < step->n_terms ? step->names[i] : total;
        table_add_number(&row->line, known, name, "%.6g", last[i]);
        if (known && !isfinite(last[i])) row->broken = name;
    }
}

/* The last iteration's; between the milestones nothing is judged. */
static LogRow *log_row(const Trainer *t, const Judgement *judged)
{
    LogRow *row = own(1, sizeof *row);
    TableLine *line = &row->line;
    const Training *now = &t->now;
    Gamut gamut = gamut_of(&now->g);                        /* where every emotion lies by now */
    int n = judged->count;
    table_add_number(line, true, "iteration", "%.0f", (double)now->iteration);
    table_add_number(line, true, "learning_rate", "%.6g", rate_of(t, now->iteration - 1));
    log_step(row, &now->d_step, true, "D.total", now->last_d);
    log_step(row, &now->g_step, now->g_known, "G.total", now->last_g);
    table_add_number(line, n, "validation_accuracy", "%.4f", (double)judged->right / n);
    table_add_number(line, n, "validation_loss", "%.5f", judged->loss / n);
    if (t->watch) table_add_number(line, !isnan(judged->fed), "fed", "%.4f", judged->fed);
    for (int i = 0; t->watch && i < VARIETY_SIGNS; i++) {
        double sign = t->watch->signs.each[i];
        table_add_number(line, !isnan(sign), textf("watch.%s", variety_name(i)).s, "%.4f", sign);
    }
    for (int k = 0; now->g.space && k < gamut.n; k++)
        for (int i = 0; i < gamut.dimensions; i++) {
            Text name = textf("at.%.20s.%c", t->data.class_names[k], "xyz"[i]);
            table_add_number(line, true, name.s, "%.4f", gamut.mean[k][i]);
        }
    return row;
}

/* Opens log.csv to go on after the iterations that are done. */
static FILE *open_log(const Trainer *t)
{
    return continue_csv(run_path(&t->settings, "log.csv"), log_row(t, &(Judgement){0})->line.names, t->now.iteration);
}

/* Returns a loss that is no longer a number, or NULL. */
static const char *write_log(const Trainer *t, const Judgement *judged)
{
    const LogRow *row = log_row(t, judged);
    fprintf(t->log, "%s\n", row->line.numbers);
    if (fflush(t->log) || ferror(t->log))
        give_up_because(errno, own_text("%s/log.csv: cannot be written: %s", t->settings.out, strerror(errno)));
    return row->broken;
}

/* ------------------------------------------------------------------------------------------------
 * 12.8  The loop
 * ---------------------------------------------------------------------------------------------- */

static void write_config(const Settings *s)
{
    FileWriter *w = begin_file(run_path(s, "config"));
    fprintf(w->stream, "# facegan %s; `facegan train` with the same settings goes on with this run\n", FACEGAN_VERSION);
    options_write(w->stream, settings_table, SETTINGS, s, COMMAND | OTHER);
    end_file(w);
}

/* Reads `config` of a run; settings that it does not name stay as they are. */
static void read_config(const char *run, Settings *s)
{
    char path[PATH_MAX], why[OPTIONS_ERROR];
    snprintf(path, sizeof path, "%s/config", run);
    FILE *file = files_open(path);
    if (!file) give_up(1, "%s: %s; is %s the directory of a run?", path, strerror(errno), run);
    int got = options_read(file, path, settings_table, SETTINGS, s, why);
    fclose(file);
    if (got != 1) give_up(got < 0 ? 2 : 1, "%s", why);
}

/* What must be right before the data are opened, and that `config` can hold it. */
static void check_together(const Settings *s)
{
    for (int i = 0; i < SETTINGS; i++) {
        const char *text = (const char *)s + settings_table[i].offset;
        if (settings_table[i].kind == 's' && text[strcspn(text, "\r\n")])
            give_up(2, "--%s: a line break in a name or path cannot be kept in the run's config",
                    settings_table[i].name);
    }
    if (s->zoom_low > s->zoom_high || (s->zoom_high > 0 && s->zoom_low <= 0))
        give_up(2, "--zoom-low %g --zoom-high %g: must both be above 0 and in order, or both 0", s->zoom_low,
                s->zoom_high);
}

/* The first picture that can be read tells the side that is usual, and that the cut-out is no larger than it. */
static void fit_to_pictures(Trainer *t)
{
    Settings *s = &t->settings;
    Scope inner;
    Image first;
    Error why = {0};
    int readable = 0, tried = min_int(t->data.count, 100);
    if (s->size && !s->crop) return;
    enter(&inner);
    while (readable < tried && !dataset_picture(&t->data, readable, 0, &first, &why)) readable++;
    if (readable == tried) give_up(1, "none of the first %d pictures can be read: %s", tried, why.text);
    int side = min_int(first.width, first.height);
    if (s->crop > side) give_up(2, "--crop %ld is larger than the pictures of %s: %d px", s->crop, s->data, side);
    if (!s->size) s->size = min_int(first.width, 128) / 4 * 4;
    leave();
}

/* So many passes' iterations. */
static long iterations_of(const Trainer *t, long passes)
{
    return passes * ((t->data.count + t->settings.batch - 1) / t->settings.batch);
}

/* Passes as iterations; a classifier is judged after each pass, a GAN's samples are drawn 20 times. */
static void set_lengths(Trainer *t)
{
    Settings *s = &t->settings;
    if (s->epochs) s->iters = (s->epochs * t->data.count + s->batch - 1) / s->batch;
    if (s->sample_every) return;
    s->sample_every = !t->model->generator ? iterations_of(t, 1) : s->iters >= 40 ? s->iters / 20 : 1;
}

/* What the settings leave to the data. */
static void complete_settings(Trainer *t)
{
    Settings *s = &t->settings;
    t->model = find_model(s->model);
    check_together(s);
    if (s->wrong_labels && strcmp(s->source, "class") == 0)
        snprintf(s->targets, sizeof s->targets, "different");
    open_data(t);
    if (t->model->space) put_neutral_first(t);
    fit_to_pictures(t);
    set_lengths(t);
}

/* When to draw and to judge; a classifier does so after each pass, wherever its schedule ends. */
static bool milestone(const Trainer *t, long i)
{
    const Settings *s = &t->settings;
    if (i % s->sample_every == 0 || i == s->iters) return true;
    return t->model->generator && (i == s->iters / 4 || i == s->iters / 2 || i == s->iters * 3 / 4);
}

static ImageAugment augmentation(const Settings *s)
{
    return (ImageAugment){.flip = (int)s->flip, .rotate_degrees = (float)s->rotate, .shift = (float)s->shift,
                     .zoom_low = (float)s->zoom_low, .zoom_high = (float)s->zoom_high,
                     .brightness = (float)s->brightness, .contrast = (float)s->contrast, .erase = (float)s->erase};
}

/* Batches are numbered by iteration, so the loader starts where the run goes on. */
static void open_loader(Trainer *t)
{
    const Settings *s = &t->settings;
    t->loader = loader_start(&t->data, (LoaderOptions){
        .batch = (int)s->batch, .size = (int)s->size, .channels = (int)s->channels, .how = augmentation(s),
        .shuffles = chance_of(s, STREAM_SHUFFLE), .warps = chance_of(s, STREAM_AUGMENT),
        .first = (uint64_t)t->now.iteration});
}

/* Has a classifier's validation loss not fallen for so many passes? Such a run is finished. */
static bool out_of_patience(const Trainer *t)
{
    long passes = t->settings.patience;
    return !t->model->generator && passes && t->best_iteration &&
           t->now.iteration - t->best_iteration >= iterations_of(t, passes);
}

enum { PLATEAU_PASSES = 3 };

/* --decay plateau: half the rate, when the validation loss has not fallen for PLATEAU_PASSES since its lowest or the
 * last cut. */
static void cut_rate(Trainer *t)
{
    long since = t->last_cut > t->best_iteration ? t->last_cut : t->best_iteration, now = t->now.iteration;
    if (strcmp(t->settings.decay, "plateau") || !since || now - since < iterations_of(t, PLATEAU_PASSES)) return;
    t->cuts++, t->last_cut = now;
}

static const char healthy_name[] = "healthy.safetensors";

/* G has collapsed: warns, and goes back to healthy weights, on with the next iterations' chance, if --on-collapse says
 * so. Why the training must end, or NULL. */
static const char *collapse_ends(Trainer *t)
{
    const char *healthy = run_path(&t->settings, healthy_name), *how = t->settings.on_collapse;
    long now = t->now.iteration;
    warn("iteration %ld: G's samples have become alike: the least of their diversities is %.2f of the data's, the "
         "alarm is at %.2f", now, variety_least(&t->watch->signs), t->settings.collapse_below);
    if (strcmp(how, "warn") == 0) return NULL;
    if (strcmp(how, "stop") == 0) return "";
    if (!path_exists(healthy)) return " and there are no healthy weights to go back to";
    if (t->watch->rollbacks++ >= MOST_ROLLBACKS) return " again and again";
    load_checkpoint(t, healthy);
    warn("went back to the weights of iteration %ld", t->now.iteration);
    t->now.iteration = now;
    return NULL;
}

/* Looks at G's samples; healthy weights are kept at the milestones. Why the training must end, or NULL. */
static const char *look_out(Trainer *t, bool at_milestone)
{
    bool rolls = strcmp(t->settings.on_collapse, "rollback") == 0;
    if (!t->watch) return NULL;
    watch_look(t);
    if (watch_alarm(t)) return collapse_ends(t);
    if (rolls && at_milestone && t->watch->alarm.armed) save_checkpoint_as(t, healthy_name);
    return NULL;
}

/* A milestone's pictures and verdict, and the row of the log. */
static void note_iteration(Trainer *t, bool at_milestone)
{
    Judgement judged = {.fed = NAN};
    if (t->now.iteration % t->settings.log_every && !at_milestone) return;
    if (at_milestone) {
        judged = judge_held_out(t, t->model->generator ? JUDGED : INT_MAX);
        judged.fed = frechet_of_drawn(t);
        save_samples(t);
        keep_best(t, &judged);
    }
    const char *ends = look_out(t, at_milestone), *broken = write_log(t, &judged);
    if (ends) {
        save_checkpoint(t);
        give_up(1, "stopped at iteration %ld because G collapsed%s; other --lr, --batch, --n-critic or --adv wgan-gp "
                "may help", t->now.iteration, ends);
    }
    if (broken)
        give_up(1, "%s is no longer a number at iteration %ld: the training diverged (the last checkpoint is kept); "
                "try a smaller --lr", broken, t->now.iteration);
    if (at_milestone) cut_rate(t);
}

/* What to say of a training that takes longer than an hour: so many iterations would fit into one. */
static const char *shorter(double iterations)
{
    double round = iterations >= 100 ? 100 : 1;
    return own_text("--iters %.0f would take an hour; a smaller --width or --size is faster",
                    fmax(floor(iterations / round) * round, 1));
}

/* After the first seconds: one who has not planned for a long training is told so while nothing is lost. */
static void tell_length(Trainer *t)
{
    const Settings *s = &t->settings;
    long done = t->now.iteration - t->progress->first;
    double spent = progress_seconds() - t->progress->start, left = (double)(s->iters - t->now.iteration) * spent / done;
    if (t->told || spent < 5 || done % s->n_critic) return;
    t->told = true;
    if (left > 3600)
        warn("this training will take about %s: %s; Ctrl-C keeps what is learnt so far, and the same command goes on",
             own_duration(left), shorter(3600 * (double)done / spent));
}

/* Does G make dark of light in channel c? The correlation of the sample faces (n,P,P,X) and its pictures tells. */
static bool makes_negatives(Trainer *t, int c)
{
    const Drawing *d = &t->drawing;
    size_t channels = (size_t)t->now.g.channels, count = count_of(d->y), all = (size_t)t->n_samples * count, n = 0;
    double *x = own(all, sizeof *x), *y = own(all, sizeof *y);
    for (int row = 0; row < t->n_samples; row++) {
        run_row(t, row);
        for (size_t i = (size_t)c; i < count; i += channels)
            x[n] = (double)d->x->data[i], y[n++] = (double)d->y->data[i];
    }
    return stats_correlation(x, y, (int)n) < 0;
}

enum { TURN_EVERY = 100, TURN_UNTIL = 500 };        /* iterations */

/* A G that begins with negatives goes on so: on the way back it makes positives of them, which is all that the cycle
 * asks for, and D hardly minds in grey pictures. tanh being odd, its last filters (7,7,w,X) with the opposite sign make
 * the positive of each; what the optimiser has gathered for them turns, too. */
static void turn_negatives(Trainer *t)
{
    Net *g = &t->now.g;
    int last = g->count - 1, channels = g->channels;
    if (!t->model->generator || g->latent || g->editor.keep != 'n' || t->settings.as_published) return;
    if (t->now.iteration % TURN_EVERY || t->now.iteration > TURN_UNTIL) return;
    while (g->parameters[last].w->shape.d[0] != 7) last--;
    const Parameter *p = &g->parameters[last];
    Tensor *turned[] = {p->w, p->m, p->average};
    for (int c = 0; c < channels; c++) {
        bool turns = makes_negatives(t, c);
        for (int k = 0; k < 3 && turns; k++) {
            real *w = turned[k] ? fetched(turned[k])->data : NULL;
            for (size_t i = (size_t)c; w && i < shape_count(p->w->shape); i += (size_t)channels) w[i] = -w[i];
            if (w) changed(turned[k]);
        }
    }
}

static void look_at_training(void *trainer)
{
    Scope inner;
    Trainer *t = trainer;
    const Training *now = &t->now;
    const Settings *s = &t->settings;
    enter(&inner);
    turn_negatives(t);
    note_iteration(t, milestone(t, now->iteration));
    if (now->iteration < s->iters && save_is_due(s, now->iteration, t->saved))
        save_checkpoint(t), t->saved = progress_seconds();
    double d = now->last_d[now->d_step.n_terms], g = now->last_g[now->g_step.n_terms];
    if (now->iteration == s->d_first)           /* D's steps alone tell nothing of how long the others take */
        t->progress->first = now->iteration, t->progress->start = progress_seconds();
    else if (now->iteration > s->d_first) tell_length(t);
    if (t->model->g_step) progress_show(t->progress, now->iteration, "D %.3g  G %.3g", d, g);
    else progress_show(t->progress, now->iteration, "loss %.3g", d);
    t->now.enough = out_of_patience(t);
    leave();
}

/* What a user wants to know before the first iteration. */
static void announce(const Trainer *t)
{
    const Settings *s = &t->settings;
    size_t of_g = net_size(&t->now.g), all = of_g + net_size(&t->now.d);
    char of_them[64] = "";
    if (no_messages) return;
    if (t->model->g_step) snprintf(of_them, sizeof of_them, ", %zu of them G's", of_g);
    fprintf(stderr, "%s: %d pictures of %d %s (%s), %ld px, %s; %zu parameters%s; one step's values take %zu MB; %s, "
            "%d threads\n", s->data, t->data.count, t->data.n_classes, t->attribute_bytes ? "attributes" : "classes",
            *s->attributes ? s->attributes : s->classes, s->size, s->channels == 1 ? "grey" : "colour", all, of_them,
            t->arena->size >> 20, kernels->name, thread_count());
    if (s->as_published) fprintf(stderr, "as published:\n%s", t->model->quirks);
}

/* Trains from where the networks stand to the settings' iters. No pictures of an untrained G are drawn: they would take
 * as long as the first iterations. */
static void train_on(Trainer *t)
{
    Scope inner;
    enter(&inner);
    open_loader(t);
    t->log = open_log(t), t->saved = progress_seconds();
    announce(t);
    t->progress = own_progress("train", t->now.iteration, t->settings.iters);
    train_loop(&t->now, fill_batch, look_at_training, t);
    leave();
    save_checkpoint(t);
    watch_report(t);
}

/* G and D as another run left them; optimisers and schedule start anew, and D where only G was kept. */
static void load_pair(Trainer *t, const char *run)
{
    Scope inner;
    char path[PATH_MAX], prefix[TENSORFILE_PREFIX];
    weights_path(run, path);
    enter(&inner);
    const TensorFile *file = load_tensors(path);
    bool has_d = find_net(file, path, &t->now.d, "D.", prefix);         /* a D of another kind is one that is refused */
    for (size_t i = 0; i < file->count; i++) has_d |= strncmp(file->tensors[i].name, "D.", 2) == 0;
    if (!has_d) warn("%s has a G and no D: D starts anew", path);
    load_net(file, path, &t->now.g, "G.", false);
    if (has_d) load_net(file, path, &t->now.d, prefix, false);
    leave();
    net_restart_average(&t->now.g);
}

/* Goes on from the run's checkpoint, or starts anew. */
static void start_or_resume(Trainer *t)
{
    const Settings *s = &t->settings;
    const char *path = run_path(s, "checkpoint.safetensors");
    if (path_exists(path)) {
        load_checkpoint(t, path);
        if (t->now.iteration > s->iters)
            give_up(2, "%s has already done %ld iterations, more than --iters %ld", s->out, t->now.iteration, s->iters);
        warn("going on with %s at iteration %ld", s->out, t->now.iteration);
        return;
    }
    net_initialise(&t->now.g, (uint64_t)s->seed);
    net_initialise(&t->now.d, (uint64_t)s->seed);
    if (!*s->init && t->now.d.classifier.learn_from > 1)
        warn("--network %s starts from chance, and the blocks before --unfreeze %s will stay so: name trained weights "
             "with --init, or learn everything with --unfreeze all", s->network, s->unfreeze);
    if (!*s->init) return;
    if (t->model->generator) load_pair(t, s->init);
    else load_pretrained(&t->now.d, s->init);
}

enum { ONLY_TIMES = 2 };                /* of dry_run: nothing is printed */

/* Measures a few iterations without keeping what they learnt: for --dry-run. */
static void dry_run(Trainer *t)
{
    Settings *s = &t->settings;
    char g_text[64] = "";
    double best_d = 1e30, best_g = 1e30;
    for (int i = 0; i < 3; i++) {
        fill_batch(t);
        double start = progress_seconds();
        graph_run(t->now.d_step.graph);
        double middle = progress_seconds();
        if (t->model->g_step) graph_run(t->now.g_step.graph);
        best_d = fmin(best_d, middle - start), best_g = fmin(best_g, progress_seconds() - middle);
    }
    long left = s->iters - t->now.iteration, waits = s->d_first - t->now.iteration;
    double with_g = (double)(waits > left ? 0 : waits > 0 ? left - waits : left) / fmax(1, (double)left);
    s->seconds_a_step = best_d + best_g * with_g / (double)s->n_critic;
    if (s->dry_run == ONLY_TIMES) return;
    if (t->model->g_step) snprintf(g_text, sizeof g_text, ", %.0f ms a G step", best_g * 1e3);
    size_t kept = (net_size(&t->now.g) + net_size(&t->now.d)) * 3 * sizeof(real);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("time    %s for %ld iterations (%.0f ms a %s%s, %d threads)\n",
           own_duration((double)left * s->seconds_a_step), left, best_d * 1e3,
           t->model->g_step ? "D step" : "step", g_text, thread_count());
    if ((double)left * s->seconds_a_step > 3600) printf("        %s\n", shorter(3600 / s->seconds_a_step));
    printf("memory  %ld MB, of it %zu MB one step's values and %zu MB weights and moments\n", use.ru_maxrss >> 10,
           t->arena->size >> 20, kept >> 20);
    printf("disk    %zu MB for the checkpoint (twice that while it is written), under 1 MB a sample sheet\n",
           kept >> 20);
}

/* Every value of the first D step and G step, by node number and op, to a safetensors file. */
static void trace_steps(Trainer *t)
{
    Step *steps[2] = {&t->now.d_step, &t->now.g_step};
    TensorFile *file = new_tensors();
    char name[80];
    fill_batch(t);
    for (int k = 0; k < 2 && steps[k]->graph; k++) {
        Graph *g = steps[k]->graph;
        for (int i = 0; i < g->n_order; i++) {
            Node *y = g->order[i];
            graph_run_one(g, i);
            if (y->op == OP_prepare_filter) continue;
            bool is_leaf = y->op == OP_leaf;
            snprintf(name, sizeof name, "%c.%04d.%s%s%s", k ? 'G' : 'D', y->id, row_of(y->op)->name, is_leaf ? "." : "",
                     is_leaf ? y->tensor->name : "");
            const int *d = y->shape.d;
            store_tensor(file, "", name, y->shape, y->data, d[0] * d[1] * d[2] == 1 ? AS_VECTOR : AS_FILTER);
        }
    }
    save_tensors(file, t->settings.trace, "");
}

/* Is there nothing to do? Says so. */
static bool is_finished(const Trainer *t)
{
    const Settings *s = &t->settings;
    if (out_of_patience(t))
        warn("%s is finished: its validation loss was lowest at iteration %ld, and has not fallen for %ld passes",
             s->out, t->best_iteration, s->patience);
    else if (t->now.iteration == s->iters)
        warn("%s is finished: %ld iterations are done; a larger --iters goes on%s", s->out, s->iters,
             strcmp(s->decay, "none") ? " (the learning rate's schedule moves with it)" : "");
    else return false;
    return true;
}

/* The run's folder is this process's from now on. */
static void take_folder(const Trainer *t)
{
    const Settings *s = &t->settings;
    make_folder(s->out);
    lock_folder(s->out);
    if (!t->model->generator) return;
    make_folder(run_path(s, "samples"));
    sweep_folder(run_path(s, "samples"));
}

static void train_task(void *settings)
{
    Trainer *t = new_trainer(settings);
    Settings *s = &t->settings;
    complete_settings(t);
    t->labels = own((size_t)s->batch, sizeof *t->labels), t->order = own((size_t)s->batch, sizeof *t->order);
    if (t->data.attributes) t->attribute_bytes = own((size_t)s->batch, (size_t)t->data.n_classes);
    build_graphs(t, t->data.n_classes);
    choose_samples(t);
    watch_data(t);
    bool only_looks = s->dry_run || *s->trace;
    if (!only_looks) take_folder(t);
    start_or_resume(t);
    if (only_looks) open_loader(t);
    if (s->dry_run) dry_run(t);
    else if (*s->trace) trace_steps(t);
    else if (!is_finished(t)) write_config(s), train_on(t);
    s->reached = t->now.iteration;
    *(Settings *)settings = *s;
}

/* The train command's work. The settings may come back completed (classes, size, iterations). */
static void train(Settings *settings) { in_scope(train_task, settings); }

/* ------------------------------------------------------------------------------------------------
 * 12.9  One iteration from a file
 *
 * `facegan step IN OUT` takes weights, a batch and every random draw from a file, makes one D step and then one G
 * step, and writes the losses, the fakes, the gradients and the updated weights: so another implementation can be
 * held against this one. A classifier has one step; its "fakes" are the class scores.
 * ---------------------------------------------------------------------------------------------- */

/* What the file calls a setting: as here with _ for -, except these. */
static const char *step_word(const char *setting)
{
    static const char *const others[][2] = {{"width", "conv_dim"}, {"d-width", "d_conv_dim"},
                                            {"random-directions", "n_r"}, {"classes", "class_names"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i][0], setting) == 0) return others[i][1];
    char *word = own_text("%s", setting);
    for (char *c = word; *c; c++)
        if (*c == '-') *c = '_';
    return word;
}

/* What it must say. */
static const char step_needs[] =
    "model,adv,reg,size,channels,width,g-repeat,d-repeat,batch,lr,beta1,beta2,lambda-cls,lambda-rec,lambda-gp";

/* The file's settings; those of a classifier and from noise stand there under their own names. */
static void read_step_settings(const TensorFile *file, const char *path, Settings *s)
{
    const char *name = tensorfile_metadata(file, "model"), *labels = tensorfile_metadata(file, "labels"),
               *teacher = tensorfile_metadata(file, "teacher");
    const Model *model = name ? find_model(name) : NULL;
    Error e;
    if (teacher && !set_setting(s, find_setting("teacher"), teacher, &e)) unwind(&e);
    if (model && (model->from_noise || !model->generator)) {
        snprintf(s->model, sizeof s->model, "%s", name);
        if (model->generator) set_usual(s, model->kinds, s);
        settings_of_file(file, path, s);
        return;
    }
    if (model && model->when) set_settings(s, model->when);
    for (int i = 0; i < SETTINGS; i++) {
        const Option *which = &settings_table[i];
        const char *value = which->use == FIXED ? tensorfile_metadata(file, step_word(which->name)) : NULL;
        if (value && !set_setting(s, which, value, &e)) unwind(&e);
        if (!value && has_word(step_needs, which->name))
            give_up(1, "%s: its metadata lacks \"%s\"", path, step_word(which->name));
    }
    if (labels && strcmp(labels, "attributes") && strcmp(labels, "classes"))
        give_up(1, "%s: labels = %s: must be classes or attributes", path, labels);
    if (labels && strcmp(labels, "attributes") == 0) snprintf(s->attributes, sizeof s->attributes, "attributes");
}

static const TensorEntry *step_input(const TensorFile *file, const char *path, const char *name, size_t count)
{
    const TensorEntry *entry = tensorfile_find(file, name);
    if (!entry) give_up(1, "%s: has no tensor \"%s\"", path, name);
    if (tensorfile_count(entry) != count) give_up(1, "%s: \"%s\" has not %zu numbers", path, name, count);
    return entry;
}

/* A leaf's numbers; pictures stand in the file as (N,X,P,P), as do dropout's masks. */
static void read_step_leaf(const TensorFile *file, const char *path, Tensor *to)
{
    size_t count = shape_count(to->shape);
    const TensorEntry *entry = step_input(file, path, to->name, count);
    read_slices(entry, to->shape, AS_PICTURES, to->data);
    if (!all_finite(to)) give_up(1, "%s: %s has values that are no numbers", path, to->name);
}

/* Attributes (N,n) of 0 and 1, or a class for each picture. */
static void read_step_labels(const TensorFile *file, const char *path, bool attributes, Tensor *to)
{
    size_t n = (size_t)to->shape.d[0], classes = (size_t)to->shape.d[3];
    const TensorEntry *entry = step_input(file, path, to->name, attributes ? n * classes : n);
    double most = attributes ? 1 : (double)classes - 1;
    for (size_t i = 0; i < n * classes; i++) {
        double value = tensorfile_get(entry, attributes ? i : i / classes);
        if (!(value >= 0 && value <= most && value == floor(value)))
            give_up(1, "%s: %s holds %g, not one of 0 to %g", path, to->name, value, most);
        to->data[i] = (real)(attributes ? value : value == (double)(i % classes));
    }
}

static void read_step_batch(const TensorFile *file, const char *path, const Trainer *t)
{
    const Batch *batch = &t->now.batch;
    const Net *nets[2] = {&t->now.g, &t->now.d};
    bool attributes = *t->settings.attributes;
    read_step_leaf(file, path, batch->x);
    read_step_leaf(file, path, batch->alpha);
    for (int k = 0; k < batch->n_draws; k++) read_step_leaf(file, path, batch->draws[k].values);
    read_step_labels(file, path, attributes, batch->label);
    read_step_labels(file, path, attributes, batch->target);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < nets[k]->n_masks; i++) read_step_leaf(file, path, nets[k]->masks[i]);
}

static void store_step(TensorFile *file, const Step *step, const Net *net, const char *fake_name)
{
    const char *total = own_text("%c.total", net->letter), *before = own_text("grad.%c.", net->letter),
               *after = own_text("after.%c.", net->letter);
    store_tensor(file, "", fake_name, step->fake->shape, step->fake->data, AS_PICTURES);
    store_tensor(file, "", total, step->total->shape, step->total->data, AS_VECTOR);
    for (int i = 0; i < step->n_terms; i++)
        store_tensor(file, "", step->names[i], step->terms[i]->shape, step->terms[i]->data, AS_VECTOR);
    for (int i = 0; i < net->count; i++) {
        const Tensor *w = fetched(net->parameters[i].w);
        const Node *gradient = step->gradients[i];
        Layout as = layout_of(&net->parameters[i]);
        if (gradient) store_tensor(file, before, w->name, w->shape, gradient->data, as);
        store_tensor(file, after, w->name, w->shape, w->data, as);
    }
}

/* How many classes the file's networks know: a classifier's and, from noise, the names say it, else D's second head. */
static int step_classes(const TensorFile *in, const char *path, const Model *model, const Settings *s)
{
    const TensorEntry *head = tensorfile_find(in, "D.conv2.weight");
    int64_t n = 1;
    if (model->from_noise || !model->generator)
        for (const char *at = s->classes; *at; at++) n += *at == ',';
    else if (!head || head->rank != 4) give_up(1, "%s: has no tensor \"D.conv2.weight\"", path);
    else n = head->shape[0] - (model->space == 'g' ? s->space_dim : 0);
    if (n < 1 || n > MAX_CLASSES) give_up(1, "%s: %" PRId64 " classes: must be 1 to %d", path, n, MAX_CLASSES);
    return (int)n;
}

typedef struct StepFiles { const char *in, *out; } StepFiles;

static void step_task(void *files)
{
    const StepFiles *f = files;
    Settings s = default_settings();
    const TensorFile *in = load_tensors(f->in);
    read_step_settings(in, f->in, &s);
    Trainer *t = new_trainer(&s);
    t->model = find_model(s.model);
    t->keep_gradients = true;
    if (*s.teacher) {                   /* teachers are asked for the classes by name */
        Names names = parse_names(s.classes, "classes");
        t->data.class_names = names.items, t->data.n_classes = names.count;
    }
    build_graphs(t, step_classes(in, f->in, t->model, &s));
    load_net(in, f->in, &t->now.g, "G.", false);
    load_net(in, f->in, &t->now.d, "D.", false);
    read_step_batch(in, f->in, t);
    set_schedule(t->now.batch.schedule_d, s.d_lr > 0 ? s.d_lr : s.lr, s.beta1, s.beta2, 1);
    set_schedule(t->now.batch.schedule_g, s.lr, s.beta1, s.beta2, 1);
    TensorFile *file = new_tensors();
    run_d_step(&t->now);
    store_step(file, &t->now.d_step, &t->now.d, "fake_d");
    if (t->now.g_step.graph) graph_run(t->now.g_step.graph);
    if (t->now.g_step.graph) store_step(file, &t->now.g_step, &t->now.g, "fake_g");
    save_tensors(file, f->out, "");
}

/* ================================================================================================
 * 13  NUMBERS, VERIFICATION, SPEED
 *
 * What a generator is judged by (13.1) are plain functions of double arrays, most of them vendor/stats.h's: where the
 * numbers came from, which pictures, which classifier, is the business of `facegan eval` (14.13). A number that cannot
 * be computed is NaN, is left out of averages, and the report says how many were; it never turns into a good score.
 *
 * `facegan verify` (13.2) holds every row of the table against its definition: each instruction set this machine has,
 * each of several thread counts (which must agree bit for bit), and, in the double build, first- and second-order
 * gradients against central differences. `facegan bench` (13.3) times the steps. Comparisons are written `!(error <=
 * limit)`, so that NaN fails.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 13.1  What a generator is judged by
 *
 * Frechet Emotion Distance (Heusel et al. 2017; Surani calls it FED):
 *
 *     FED = |m_r - m_g|^2 + Tr(S_r + S_g - 2 (S_r^1/2 S_g S_r^1/2)^1/2)
 *
 * is the squared distance of two normal distributions with the means and covariances of the real and the generated
 * pictures' features (stats_frechet). From N pictures FED comes out too large, by an amount that falls like d/N.
 * Resampling both sets with replacement shows how large: it adds the same once more. The interval is therefore the
 * basic bootstrap's, 2 FED minus the resampled values' quantiles, which mirrors them to the other side; percentiles
 * would miss on the high side twice.
 *
 * Discriminator F1 (Surani): how well D's scores tell fakes from real pictures, whose scores are higher if D has learnt
 * anything (stats_told_apart). Near 0 for fakes: D takes them for real; near 1: it is not deceived.
 *
 * Smoothness (Surani, section VI.C):
 *
 *     s_j = P(emotion | G(x, z at strength j/10)), j = 1..10    score = max over j of (s_{j+1} - s_j) / (max s - min s)
 *
 * is how much of the whole change comes in one step (stats_curves). A curve that rises in equal steps has 1/9, the
 * least that a rising curve can have; one that jumps has 1. A curve that goes up and down, or falls, can score lower
 * and be worse, so the share of rising curves stands beside every average. A flat curve has no score.
 * ---------------------------------------------------------------------------------------------- */

/* FED with its 95% interval from so many resamplings (none: the interval is NaN). */
static void frechet_distance(const StatsRows *r, const StatsRows *g, int resamplings, uint64_t seed, StatsInterval *fed)
{
    int fewest = min_int(r->n, g->n);
    if (r->d != g->d) give_up(1, "FED needs features of one classifier, not of %d and %d numbers", r->d, g->d);
    if (fewest <= r->d)
        give_up(1, "FED: %d pictures for %d features: the covariance of so few is singular and the distance "
                    "meaningless; it takes at least %d, better ten times as many", fewest, r->d, r->d + 1);
    *fed = (StatsInterval){stats_frechet(r, NULL, g, NULL), NAN, NAN};
    if (!isfinite(fed->value)) give_up(1, "FED: a feature is no finite number");
    if (resamplings < 2) return;
    StatsResampling job = {r, g, draw, seed, STREAM_RESAMPLE, own((size_t)resamplings, sizeof(double))};
    parallel(resamplings, stats_resample, &job);
    for (int i = 0; i < resamplings; i++)
        if (isnan(job.values[i])) give_up_memory((size_t)r->n, sizeof(int));
    *fed = stats_interval(fed->value, job.values, resamplings, 0.025);
    fed->low = fmax(fed->low, 0), fed->high = fmax(fed->high, 0);
}

/* ------------------------------------------------------------------------------------------------
 * 13.2  Verification
 *
 * A row's test cases, and for the GPU fused convolutions and shapes drawn by chance, each with three judges: its kernel
 * against its definition, on each instruction set and several thread counts; its gradient rule against differences (in
 * the double build); the GPU's kernel against the definition or, for shapes drawn by chance, the CPU's kernel, its
 * convolutions in each precision: tf32 keeps 11 bits of a factor, bf16 8, and rounding errors add up like a walk by
 * chance, so that a sum's error relative to the largest sum stays near that of one factor.
 * ---------------------------------------------------------------------------------------------- */

static const char *const isa_names[] = {"avx512", "avx2", "neon", "portable"};
static const char *const precision_names[PRECISIONS] = {"fp32", "tf32", "bf16"};

enum { ISAS = sizeof isa_names / sizeof *isa_names };

typedef struct Verdict { int passed, failed, skipped; } Verdict;

/* Test case `variant` of a row, as make() builds it; NULL where there is none. `how`: the order of the gradient, the
 * GPU's precision. */
typedef Node *CaseMaker(Graph *g, Op op, int variant);
typedef struct Trial { Verdict *verdict; CaseMaker *make; Op op; int variant, how; } Trial;

__attribute__((format(printf, 3, 4)))
static void judge(const Trial *t, bool ok, const char *format, ...)
{
    va_list arguments;
    if (ok) { t->verdict->passed++; return; }
    t->verdict->failed++;
    va_start(arguments, format);
    printf("FAILED %s case %d: ", op_rows[t->op].name, t->variant);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

/* A check that was interrupted has not found everything in order. */
static void give_up_if_interrupted(int done, int all, const char *what)
{
    fflush(stdout);
    if (interrupted) give_up(1, "stopped after %d of %d %s: the result is partial", done, all, what);
}

/* ---- cases ---- */

static Node *row_case(Graph *g, Op op, int variant) { return op_rows[op].test(g, variant); }

static Node *new_case(const Trial *t) { return t->make(own_graph(graph_new()), t->op, t->variant); }

/* Ready to run; or not, and e says why. */
static bool plan_case(Graph *g, Error *e)
{
    if (!graph_plan(g, e)) return false;
    Arena *arena = own(1, sizeof *arena);
    on_leaving(close_arena, arena);
    arena_reserve(arena, g->arena_bytes + 1);
    graph_bind(g, arena);
    return true;
}

enum { RANDOM_CASES = 12 };

/* A convolution and the pointwise op behind it, which the planner makes one; in turn a mask, a sum and both. */
static Node *fused_case(Graph *g, Op op, int variant)
{
    Node *y = is_conv(&(Node){.op = op}) ? row_case(g, op, variant / 3) : NULL;
    if (!y) return NULL;
    y->in[BIAS] = NULL;
    if (variant % 3 != 0) y = add(test_leaf(g, y->shape, -1, 1, false), y);
    if (variant % 3 != 1) y = leaky_mask(y, test_leaf(g, y->shape, -1, 1, false), 0.1);
    return y;
}

/* A whole number from low to high, drawn by chance for case `which`. */
static int some(int which, uint32_t what, int low, int high)
{
    return low + (int)(draw(11, STREAM_TEST, (uint64_t)which, what) * (high - low + 1));
}

static Node *chance_conv(Graph *g, Op op, int which)
{
    int size = some(which, 1, 1, 5), stride = some(which, 2, 1, 3), pad_before = some(which, 3, 0, size - 1);
    bool deep = which % 4 == 3;
    int most = deep ? 260 : 70, side = deep ? 9 : 20, c = some(which, 4, 1, most), k = some(which, 5, 1, most);
    if (which % 6 == 5) k = c;                                  /* depthwise, if there is not just one channel */
    Shape x = shape_of(some(which, 6, 1, 3), some(which, 7, size, side), some(which, 8, size, side), c);
    ConvShape s = conv_shape(x, shape_of(size, size, which % 6 == 5 ? 1 : c, k), stride, pad_before);
    Node *u = test_leaf(g, op == OP_conv2d_input_grad ? shape_y(&s) : shape_x(&s), -1, 1, false);
    Node *v = test_leaf(g, op == OP_conv2d_weight_grad ? shape_y(&s) : shape_w(&s), -1, 1, false);
    if (op == OP_conv2d) return conv2d(u, v, test_leaf(g, shape_of(1, 1, 1, k), -1, 1, false), which % 2 ? 0.01 : 1, s);
    return op == OP_conv2d_input_grad ? conv2d_input_grad(u, v, s) : conv2d_weight_grad(u, v, s);
}

static Node *chance_norm(Graph *g, Op op, Shape s, int which)
{
    Shape vector = shape_of(1, 1, 1, s.d[3]);
    Node *x = test_leaf(g, s, -1, 3, false), *residual = which % 2 ? test_leaf(g, s, -1, 1, false) : NULL;
    Node *weight = test_leaf(g, vector, 0.5, 1.5, false), *bias = test_leaf(g, vector, -1, 1, false);
    Node *y = instance_norm(x, weight, bias, residual, which % 2 ? 1 : 0.2);
    Node *dy = test_leaf(g, s, -1, 1, false), *dx[MAX_INPUTS] = {0};
    if (op == OP_moments) return y->in[1];
    if (op == OP_instance_norm) return y;
    if (op == OP_instance_norm_sums) return norm_sums(y, dy);
    instance_norm_grad(y, dy, dx, (bool[MAX_INPUTS]){true});
    return dx[0];
}

static Node *chance_pool(Graph *g, Op op, Shape s, int which)
{
    int size = some(which, 9, 1, 4);
    ConvShape pool = pool_shape(s, size, some(which, 10, 1, 3), some(which, 11, 0, size / 2), which % 2);
    Node *x = test_leaf(g, s, -1, 1, false);
    if (op == OP_max_pool) return max_pool(test_leaf(g, s, -1, 1, false), x, pool);
    return max_unpool(test_leaf(g, shape_y(&pool), -1, 1, false), x, pool);
}

/* A case of an odd shape; NULL for rows whose own cases are all there is to see, and behind the last. */
static Node *chance_case(Graph *g, Op op, int which)
{
    Shape s = shape_of(some(which, 1, 1, 3), some(which, 2, 4, 40), some(which, 3, 4, 40), some(which, 4, 1, 70));
    Shape part = s;
    int axis = which % AXES;
    if (which >= RANDOM_CASES) return NULL;
    if (is_conv(&(Node){.op = op})) return chance_conv(g, op, which);
    if (is_update(op)) return update_of(g, s, op);
    if (op == OP_max_pool || op == OP_max_unpool) return chance_pool(g, op, s, which);
    if (op == OP_moments || (op >= OP_instance_norm && op <= OP_instance_norm_dx)) return chance_norm(g, op, s, which);
    if (op == OP_sum || op == OP_broadcast) {
        for (int i = 0; i < AXES; i++) part.d[i] = some(which, (uint32_t)(12 + i), 0, 1) ? 1 : part.d[i];
        if (op == OP_sum) return sum_to(test_leaf(g, s, -1, 1, false), part);
        return broadcast(test_leaf(g, part, -1, 1, false), s);
    }
    Node *x = test_leaf(g, s, 0.2, 1.5, op >= OP_abs || op == OP_reciprocal);
    part.d[axis] = some(which, 16, 1, s.d[axis]);
    bool two = op <= OP_mul || op == OP_leaky_mask;
    if (op >= OP_add && op <= OP_leaky_mask)
        return append((Node){.op = op, .in = {x, two ? test_leaf(g, s, 0.2, 1, true) : NULL}, .a = 0.3, .b = 0.1});
    if (op == OP_prelu) return prelu(x, test_leaf(g, shape_of(1, 1, 1, s.d[3]), -1, 1, false));
    if (op == OP_concat) return concat(x, test_leaf(g, part, -1, 1, false), axis);
    if (op == OP_slice) return slice(x, axis, s.d[axis] - part.d[axis], part.d[axis]);
    if (op == OP_pad) return pad(x, axis, which % 3, s.d[axis] + 4);
    if (op == OP_softmax) return softmax(x);
    if (op == OP_logsumexp) return logsumexp(x);
    if (op == OP_pick_largest) return pick_largest(test_leaf(g, s, -1, 1, false), x);
    if (op == OP_put_at_largest) return put_at_largest(test_leaf(g, one_channel(s), -1, 1, false), x);
    return NULL;
}

/* Runs a case on the device in use, on the GPU twice, so that a value from the first run is not taken for the second's.
 * An update's definition knows one step only; against the CPU's kernel it takes two, the second from the moments that
 * the first left. NULL: there is no such case. */
static double *run_case(const Trial *t, size_t *n)
{
    Node *y = new_case(t);
    if (!y) return NULL;
    Error e = {0};
    Graph *g = keep(y)->graph;
    int runs = t->make == row_case && (is_update(t->op) || !chosen_device) ? 1 : 2;
    for (int i = 0; i < g->n_owned; i++) g->owned[i]->stays = t->variant % 2; /* both ways to the GPU */
    *n = count_of(y);
    double *values = own(*n, sizeof *values);
    bool planned = plan_case(g, &e);
    judge(t, planned, "%s", e.text);
    while (planned && runs--) graph_run(g);
    for (size_t i = 0; i < *n; i++) values[i] = planned ? (double)y->data[i] : NAN;
    return values;
}

static double *define_case(const Trial *t)
{
    Node *y = new_case(t);
    size_t n = count_of(y);
    double **values = graph_define(y->graph), *found = own(n, sizeof *found);
    memcpy(found, values[y->id], n * sizeof *found);
    free_values(values, y->graph->count);
    return found;
}

/* ---- the judges ---- */

/* Returns the case's error, or one of these. */
enum { NO_CASE = -1, REFUSED = -2 };
typedef double CaseJudge(const Trial *t);

/* The largest difference over the largest value wanted; NaN if any is NaN. */
static double judge_values(const Trial *t, const double *got, const double *want, size_t n, double limit,
                           const char *where)
{
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(got[i] - want[i]) <= worst)) worst = fabs(got[i] - want[i]);
        largest = fmax(largest, fabs(want[i]));
    }
    worst /= largest;
    judge(t, worst <= limit, "on %s: error %g, allowed %g", where, worst, limit);
    return worst;
}

/* What is allowed: so much for a convolution, more for a norm's gradients than for the rest. */
static double error_limit(Op op, double conv)
{
    return is_conv(&(Node){.op = op}) ? conv : op == OP_instance_norm_sums || op == OP_instance_norm_dx ? 2e-5 : 4e-6;
}

/* On the instruction set in use, on each thread count. Winograd adds and subtracts before it multiplies, which costs a
 * digit. */
static double judge_kernel(const Trial *t)
{
    static const int threads[] = {1, 2, 3, 8};
    double *first = NULL, limit = sizeof(real) == 8 ? 1e-10 : error_limit(t->op, 5e-5);
    size_t n = 0;
    for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
        threads_start(threads[k]);
        double *got = run_case(t, &n);
        if (!got) return NO_CASE;
        if (k) judge(t, !memcmp(first, got, n * sizeof *got), "on %s: %d threads give other bits than 1", kernels->name,
                     threads[k]);
        else first = got;
    }
    return judge_values(t, first, define_case(t), n, limit, kernels->name);
}

static double judge_on_gpu(const Trial *t)
{
    static const double conv_limits[PRECISIONS] = {2e-5, 1e-3, 1e-2};
    const char *where = own_text("the GPU in %s", precision_names[t->how]);
    size_t n = 0;
    chosen_device = gpu_device;
    double *got = run_case(t, &n);
    chosen_device = NULL;
    if (!got) return NO_CASE;
    return judge_values(t, got, t->make == chance_case ? run_case(t, &n) : define_case(t), n,
                        error_limit(t->op, conv_limits[t->how]), where);
}

enum { PROBES = 10 };                   /* elements of each operand that are moved */

/* Moves single elements of the leaves and compares how `value` (a number) answers with what the gradients say. */
static double difference_error(Graph *g, const Node *value, Tensor *const *leaves, Node *const *gradients, int n)
{
    const double h = 2e-5;
    double worst = 0;
    Scope inner;
    enter(&inner);
    for (int i = 0; i < n; i++) {
        size_t count = shape_count(leaves[i]->shape);
        double largest = 0;
        graph_run(g);
        real *gradient = own(count, sizeof *gradient);
        memcpy(gradient, gradients[i]->data, count * sizeof *gradient);
        for (size_t k = 0; k < count; k++) largest = fmax(largest, fabs((double)gradient[k]));
        for (int probe = 0; probe < PROBES; probe++) {
            size_t k = (size_t)(draw(7, STREAM_TEST, (uint64_t)probe, (uint32_t)i) * (double)count);
            real was = leaves[i]->data[k];
            double at[2];
            for (int side = 0; side < 2; side++) {
                leaves[i]->data[k] = (real)((double)was + (side ? h : -h));
                graph_run(g);
                at[side] = (double)value->data[0];
            }
            leaves[i]->data[k] = was;
            double error = fabs((at[1] - at[0]) / (2 * h) - (double)gradient[k]) / fmax(largest, 1e-2);
            if (!(error <= worst)) worst = error;
        }
    }
    leave();
    return worst;
}

/* sum over i of <x_i, a fixed random tensor>: a number whose gradient sees every element. */
static Node *random_projection(Node *const *x, int n)
{
    Node *total = NULL;
    for (int i = 0; i < n; i++) {
        Node *part = sum(mul(x[i], test_leaf(x[i]->graph, x[i]->shape, -1, 1, false)));
        total = total ? add(total, part) : part;
    }
    return keep(total);
}

/* First order (order 1) or the gradient of the gradient (order 2). */
static double judge_gradient(const Trial *t)
{
    Node *y = new_case(t);
    Tensor *leaves[MAX_INPUTS];
    Node *wrt[MAX_INPUTS] = {NULL}, *gradients[MAX_INPUTS], *second[MAX_INPUTS];
    const char *name = op_rows[t->op].name;
    Error e = {0};
    int n = 0;
    if (!y) return NO_CASE;
    Graph *g = y->graph;
    for (int i = 0; i < g->count; i++) {
        Node *x = g->nodes[i];
        if (x->op == OP_leaf && n < MAX_INPUTS) leaves[n] = x->tensor, wrt[n++] = x;
    }
    Node *value = random_projection(&y, 1);
    grad(value, wrt, n, gradients);
    if (t->how == 2) {
        value = random_projection(gradients, n);
        grad(value, wrt, n, second);
        memcpy(gradients, second, sizeof second);
    }
    for (int i = 0; i < n; i++) keep(gradients[i]);
    if (!plan_case(g, &e)) {
        bool by_name = strncmp(e.text, "instance_norm", 13) == 0 || strstr(e.text, name) == e.text;
        judge(t, by_name, "refuses without its name: %s", e.text);
        return REFUSED;
    }
    double error = difference_error(g, value, leaves, gradients, n);
    judge(t, error <= 1e-6, "order %d gradient off by %g", t->how, error);
    return error;
}

/* ---- the walk ---- */

/* Judges all cases from t->variant on and prints the worst error, or `none`. Were there any? */
static bool judge_cases(Trial t, CaseJudge *judge_case, const char *none)
{
    double worst = NO_CASE;
    for (;; t.variant++) {
        Scope inner;
        enter(&inner);
        double error = judge_case(&t);
        leave();
        if (error == NO_CASE) break;
        if (error == REFUSED || worst == REFUSED) worst = REFUSED;
        else if (!(error <= worst)) worst = error;
    }
    if (worst >= 0 || isnan(worst)) printf(" %10.1e", worst);
    else printf(" %10s", worst == REFUSED ? "refused" : none);
    return worst != NO_CASE;
}

/* Not an op without derivative, nor one whose derivative is by design not its slope. */
static bool has_slope(Op op)
{
    return op != OP_leaf && op != OP_fill && op != OP_stop_grad && !is_update(op) && op != OP_prepare_filter &&
           op != OP_sign && op != OP_moments;
}

static void verify_op(Verdict *verdict, Op op)
{
    const Kernels *chosen = kernels;
    char why[KERNELS_ERROR_SIZE];
    printf("%-20s", op_rows[op].name);
    for (int i = 0; i < ISAS; i++) {
        if (!kernels_choose(isa_names[i], why)) printf(" %10s", "-");
        else judge_cases((Trial){verdict, row_case, op, 0, 0}, judge_kernel, "(in conv)");
    }
    kernels = chosen;
    threads_start(1);
    for (int order = 1; order <= 2 && sizeof(real) == 8 && has_slope(op); order++)
        judge_cases((Trial){verdict, row_case, op, 0, order}, judge_gradient, "-");
    printf("\n");
}

static void verify_op_on_gpu(Verdict *verdict, Op op)
{
    static CaseMaker *const makers[] = {row_case, fused_case, chance_case};
    char why[FACEGAN_ERROR];
    for (int precision = 0; precision < (is_conv(&(Node){.op = op}) ? PRECISIONS : 1); precision++) {
        const char *name = precision_names[precision];
        bool can = gpu_device->open((Precision)precision, true, why) && strstr(gpu_device->describe(), name);
        bool seen = op == OP_prepare_filter;                            /* which the planner makes for the CPU only */
        if (!can) { verdict->skipped++; continue; }
        printf("%-20s %-6s", op_rows[op].name, name);
        for (int k = 0; k < 3; k++)
            seen |= judge_cases((Trial){verdict, makers[k], op, 0, precision}, judge_on_gpu, "-");
        printf("\n");
        judge(&(Trial){verdict, row_case, op, 0, 0}, seen, "there is none: its kernel was not tried");
    }
}

/* Every row of the table. */
static void verify(bool gpu)
{
    Verdict verdict = {0};
    int threads = thread_count();
    char why[FACEGAN_ERROR] = "this program was built without a GPU part (`make gpu` builds it, with nvcc)";
    if (gpu && (!gpu_device || !gpu_device->open(PRECISION_TF32, true, why))) give_up(1, "verify --gpu: %s", why);
    if (gpu) printf("%s\n%-20s %-6s %10s %10s %10s\n", gpu_device->describe(), "op", "", "cases", "fused", "by chance");
    else {
        printf("%-20s", "op");
        for (int i = 0; i < ISAS; i++) printf(" %10s", isa_names[i]);
        printf("   %s\n", sizeof(real) == 8 ? "first and second gradient" : "(gradients: facegan64 verify)");
    }
    for (int op = 0; op < OPS; op++) {
        give_up_if_interrupted(op, OPS, "ops");
        if (gpu) verify_op_on_gpu(&verdict, (Op)op);
        else verify_op(&verdict, (Op)op);
    }
    const Kernels *chosen = kernels;
    for (int i = 0; i < ISAS && !gpu; i++) {
        if (kernels_choose(isa_names[i], why)) continue;
        printf("skipped: %s is not on this machine\n", isa_names[i]);
        verdict.skipped++;
    }
    kernels = chosen;
    if (gpu) gpu_device->close();
    else threads_start(threads);
    printf("%d passed, %d failed, %d skipped\n", verdict.passed, verdict.failed, verdict.skipped);
    if (verdict.failed) give_up(1, "%d checks failed", verdict.failed);
}

/* ------------------------------------------------------------------------------------------------
 * 13.3  Speed
 * ---------------------------------------------------------------------------------------------- */

/* Median milliseconds of a graph's run; on a GPU by its own clock. */
static double time_graph(Graph *g, int repeat)
{
    double *times = own((size_t)repeat, sizeof *times);
    char why[FACEGAN_ERROR];
    graph_run(g);
    for (int i = 0; i < repeat; i++) {
        give_up_if_interrupted(i, repeat, "repetitions");
        double start = progress_seconds();
        if (!g->on_device) graph_run(g), times[i] = 1e3 * (progress_seconds() - start);
        else if (!gpu_device->time(g->on_device, &times[i], why)) device_failed(why);
    }
    stats_sort(times, repeat);
    return times[repeat / 2];
}

static double node_operations(const Node *y)
{
    if (!is_conv(y)) return (double)count_of(y);
    return conv_operations(&y->conv) + (y->before ? conv_operations(&y->before->conv) : 0);
}

/* What is really done: Winograd's method needs fewer multiplications than the definition. */
static double node_work(const Node *y)
{
    int outputs, taps;
    double multiplications = is_conv(y) && !chosen_device ? conv_winograd(&y->conv, conv_kind(y), &outputs, &taps) : 0;
    return multiplications > 0 ? 2 * multiplications : node_operations(y);
}

static double node_bytes(const Node *y)
{
    double total = is_view(y) || y->op == OP_leaf ? 0 : (double)count_of(y);
    for (int k = 0; k < MAX_INPUTS; k++)
        if (y->in[k] && !is_view(y) && !(is_conv(y) && k == 1 && y->in[FILTER])) total += (double)count_of(y->in[k]);
    return total * sizeof(real);
}

static RooflineRow roofline_row(const Node *y)
{
    const ConvShape *s = &y->conv, *first = y->before ? &y->before->conv : NULL;
    RooflineRow row = {y->milliseconds, node_operations(y), node_work(y), node_bytes(y), is_conv(y),
                       is_conv(y) || y->op == OP_adam, row_of(y->op)->name, "", ""};
    const int *d = y->shape.d;
    snprintf(row.shape, sizeof row.shape, "(%d,%d,%d,%d)", d[0], d[1], d[2], d[3]);
    if (!is_conv(y)) return row;
    conv_text(s, conv_kind(y), first, chosen_device == NULL, row.geometry, sizeof row.geometry);
    return row;
}

/* Where a graph's time goes, node by node, the best of three runs, against what the machine could do. */
static void print_roofline(Graph *g, const char *title, const RooflinePeaks *peaks)
{
    size_t n = (size_t)g->n_order;
    RooflineRow *rows = own(n, sizeof *rows);
    for (size_t i = 0; i < 3 * n; i++) {
        if (i % n == 0) graph_profile(g);
        double best = i < n ? INFINITY : rows[i % n].milliseconds;
        rows[i % n] = roofline_row(g->order[i % n]);
        rows[i % n].milliseconds = fmin(best, rows[i % n].milliseconds);
    }
    roofline_print(stdout, textf("%s, %zu MB of values", title, g->arena_bytes >> 20).s, rows, n, peaks);
}

/* The most bytes of values that are alive at once: what any planner must provide. */
static size_t alive_bytes(const Graph *g)
{
    Stretch *places = own((size_t)g->n_order, sizeof *places);
    return places_alive(places, list_places(g, places));
}

/* Random pictures and labels: their values do not change the time. */
static void fill_bench(Trainer *t)
{
    const Batch *b = &t->now.batch;
    int n = t->now.d.classes;
    for (size_t i = 0; i < shape_count(b->x->shape); i++) b->x->data[i] = (real)(2 * draw(1, STREAM_TEST, i, 0) - 1);
    for (int i = 0; i < t->settings.batch; i++) {
        one_hot(b->label->data + i * n, n, i % n);
        one_hot(b->target->data + i * n, n, (i + 1) % n);
        b->alpha->data[i] = (real)0.5;
    }
    set_schedule(b->schedule_d, 1e-4, 0.5, 0.999, 1);
    set_schedule(b->schedule_g, 1e-4, 0.5, 0.999, 1);
}

/* What the machine or the GPU can do at best: a layer's rate in the table is to be held against these. */
static RooflinePeaks print_peaks(void)
{
    RooflinePeaks peaks;
    char why[FACEGAN_ERROR];
    if (!chosen_device) {
        real *numbers = own(kernels_peaks_numbers(), sizeof *numbers);
        kernels_peaks(numbers, &peaks.operations, &peaks.bytes);
    } else if (!gpu_device->peaks(&peaks.bytes, &peaks.operations, why)) device_failed(why);
    printf("%s: measured %.0f GB/s copying, %.0f GFLOP/s multiplying\n",
           chosen_device ? gpu_device->describe() : kernels->name, peaks.bytes * 1e-9, peaks.operations * 1e-9);
    return peaks;
}

/* The times, and the memory beside what no program could do without. A classifier has one kind of step. */
static void print_bench(const Trainer *t, Graph *forward)
{
    const Settings *s = &t->settings;
    Graph *d = t->now.d_step.graph, *g = t->now.g_step.graph;
    RooflineSteps all = {.both = g != NULL, .threads = thread_count(), .with = kernels->name};
    struct rusage use;
    all.d = time_graph(d, (int)s->repeat), all.g = g ? time_graph(g, (int)s->repeat) : 0;
    all.forward = time_graph(forward, (int)s->repeat);
    getrusage(RUSAGE_SELF, &use);
    all.peak = chosen_device ? (long)gpu_device->memory() : use.ru_maxrss * 1024;
    if (chosen_device) all.with = gpu_device->describe();
    all.weights = 3 * sizeof(real) * (net_size(&t->now.g) + net_size(&t->now.d)), all.alive = alive_bytes(g ? g : d);
    roofline_steps(stdout, s->json, &all);
}

static void bench_task(void *settings)
{
    enum { CLASSES = 4 };
    Trainer *t = new_trainer(settings);
    const Settings *s = &t->settings;
    t->model = find_model(s->model);
    check_model(t->model, s, CLASSES);
    build_steps(t, CLASSES);
    bool draws = t->model->generator != NULL;
    if (draws) t->drawing = new_drawing(&t->now.g, t->model->generator, (int)s->batch);
    else build_judge(t, (int)s->batch);
    Graph *graphs[] = {t->now.d_step.graph, t->now.g_step.graph, draws ? t->drawing.graph : t->judge.graph};
    static const char *const titles[] = {"D step", "G step", "forward"};
    t->arena = bind_graphs(graphs, 3);
    net_initialise(&t->now.g, 1), net_initialise(&t->now.d, 1);
    fill_bench(t);
    print_bench(t, graphs[2]);
    if (!s->roofline) return;
    RooflinePeaks peaks = print_peaks();
    for (int i = 0; i < 3; i++) {
        if (!graphs[i]) continue;
        give_up_if_interrupted(i, 3, "tables");
        print_roofline(graphs[i], i == 0 && !draws ? "step" : titles[i], &peaks);
    }
}

/* ================================================================================================
 * 14  PICTURES, PAGES, REPORTS
 *
 * What trained networks and their data give people to look at: edited faces (14.1 to 14.3, 14.10), pages about a run
 * and its space (14.4 to 14.6), faces drawn by hand or from noise, data sets as folders (14.7 to 14.9, 14.11), and the
 * numbers of classifiers and generators (14.12, 14.13). A page is one file that needs no other. Last, ONNX files.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 14.1  Opening a generator
 *
 * First, pictures as this chapter handles them: what is made belongs to the innermost scope (2.1).
 * ---------------------------------------------------------------------------------------------- */

/* What was made, unless --quiet. */
static void tell_made(const char *path)
{
    if (!no_messages) printf("%s\n", path);
}

/* Saves a picture, or a film, and tells where. */
static void deliver(const char *path, const Image *picture, const ImageText *text)
{
    save_picture(path, picture, text);
    tell_made(path);
}

static void deliver_canvas(const char *path, PlotCanvas canvas, const ImageText *text)
{
    save_canvas(path, canvas, text);
    tell_made(path);
}

static void deliver_film(const char *path, const Image *frames, int n, int delay_ms)
{
    save_film(path, frames, n, delay_ms);
    tell_made(path);
}

/* Classes, comma-separated in the metadata, or class0, class1, ... */
static void name_classes(Facegan *model, const TensorFile *file)
{
    const char *names = tensorfile_metadata(file, "attributes");
    if (!names || !*names) names = tensorfile_metadata(file, "classes");
    list_names(names ? names : "", model->class_names, MAX_CLASSES);
    for (int i = 0; i < model->g.classes; i++) {
        char *name = model->class_names[i];
        if (*name) continue;
        if (model->g.space && model->g.classes == EMOTIONS) snprintf(name, NAME, "%s", emotion_names[i]);
        else snprintf(name, NAME, "class%d", i);
    }
}

/* A file of weights, and whose names in it are meant. */
typedef struct Weights { const TensorFile *file; const char *path; char prefix[TENSORFILE_PREFIX]; } Weights;

static const TensorEntry *find_weight(const Weights *w, const char *format, int number)
{
    char name[TENSORFILE_PREFIX + 64];
    size_t used = (size_t)snprintf(name, sizeof name, "%s", w->prefix);
    snprintf(name + used, sizeof name - used, format, number);
    return tensorfile_find(w->file, name);
}

/* A GANmut generator has directions or means beside StarGAN's layers: they say how many emotions it knows. */
static int64_t read_space(const Weights *w, int64_t condition, Net *g)
{
    static const struct { const char *name; char space; int more; } kinds[] = {
        {"axes.weight", 'l', 1}, {"mu.weight", 'g', 0}};
    int64_t classes = condition;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const TensorEntry *entry = find_weight(w, kinds[i].name, 0);
        if (!entry) continue;
        if (entry->rank != 2 || entry->shape[1] != condition || condition < 2 || condition > SPACE_MOST)
            give_up(1, "%s: %s%s does not fit a generator with %" PRId64 " condition planes", w->path, w->prefix,
                    kinds[i].name, condition);
        g->space = kinds[i].space;
        classes = entry->shape[0] + kinds[i].more;
    }
    return classes;
}

/* Reads the architecture off the weights' shapes: main.0.weight is (w, X+n, 7, 7), the last convolution's
 * (X, w, 7, 7). */
static void read_architecture(const Weights *w, Net *g)
{
    const char *size = tensorfile_metadata(w->file, "size"), *model = tensorfile_metadata(w->file, "model");
    const TensorEntry *first = find_weight(w, "main.0.weight", 0);
    if (!first && model)
        give_up(1, "%s: is a %s, not a generator that edits pictures (stargan, ganmut)", w->path, model);
    if (!first || first->rank != 4 || first->shape[2] != 7 || first->shape[3] != 7)
        give_up(1, "%s: not a StarGAN generator: it has no 7x7 convolution %smain.0.weight", w->path, w->prefix);
    for (g->repeat = 0; g->repeat <= MAX_REPEAT; g->repeat++)
        if (!find_weight(w, "main.%d.main.0.weight", 9 + g->repeat)) break;
    if (g->repeat > MAX_REPEAT) give_up(1, "%s: more than %d residual blocks", w->path, MAX_REPEAT);
    const TensorEntry *last = find_weight(w, "main.%d.weight", 15 + g->repeat);
    if (!last || last->rank != 4 || (last->shape[0] != 1 && last->shape[0] != 3))
        give_up(1, "%s: not a StarGAN generator: no last convolution %smain.%d.weight", w->path, w->prefix,
                15 + g->repeat);
    int64_t condition = first->shape[1] - last->shape[0], classes = read_space(w, condition, g);
    if (classes < 1 || classes > MAX_CLASSES || first->shape[0] < 1 || first->shape[0] > 1024)
        give_up(1, "%s: %smain.0.weight takes %" PRId64 " channels, of them %" PRId64 " of a picture: needs 1 to %d "
                   "classes and a width of at most 1024", w->path, w->prefix, first->shape[1], last->shape[0],
                MAX_CLASSES);
    int side = size ? atoi(size) : 0;
    g->letter = 'G';
    g->width = (int)first->shape[0], g->channels = (int)last->shape[0];
    g->classes = (int)classes, g->condition = (int)condition;
    g->size = side >= 8 && side <= 1024 && side % 4 == 0 ? side : 128;
}

/* A label of strength r = sum |label_k| draws r times the change that a whole label makes, the only one that G has
 * learnt: its colours, r times its mask and its movement. */
static Node *drawn_in_part(Net *net, Node *x, Node *label)
{
    EditorPart *editor = &net->editor;
    Node *r = sum_to(abs_of(label), one_channel(label->shape));                                 // (N,1,1,1)
    drawn_again(net, x, mul(label, reciprocal(add_number(r, 1e-8))));
    editor->mask = mul(editor->mask, r);                                                        // (N,P,P,1)
    if (editor->moves) editor->moves = mul(editor->moves, r);                                   // (N,P,P,2)
    return painted(editor, x);
}

/* G to edit with. */
static Node *edit_generator(Net *net, Node *x, Node *condition)
{
    return net->editor.in_part ? drawn_in_part(net, x, condition) : expression_generator(net, x, condition);
}

static void fill_generator(Facegan *model, const char *given)
{
    char path[PATH_MAX];
    Settings trained;
    TensorFile *file = open_weights(given, path, &trained);
    Weights w = {.file = file, .path = path};
    find_prefix(w.file, path, "main.0.weight", AXES, (const int64_t[AXES]){0, 0, 7, 7}, w.prefix);
    read_architecture(&w, &model->g);
    model->crop = (int)trained.crop, model->margin = trained.face_margin;
    model->g.editor = editor_of(&trained);
    bool paints = *trained.keep == 'm' || *trained.keep == 'w';
    model->g.editor.in_part = paints && !model->g.space && !*trained.attributes;
    on_leaving(close_net, &model->g);
    Drawing d = new_drawing(&model->g, edit_generator, 1);
    model->graph = d.graph, model->x = d.x, model->condition = d.condition, model->y = d.y;
    if (d.mask) model->mask = d.mask, model->colour = keep(model->g.editor.colour);
    if (model->g.editor.moves) model->moves = keep(model->g.editor.moves);
    name_classes(model, w.file);
    bind_graphs(&model->graph, 1);
    load_net(file, path, &model->g, w.prefix, false);
    tensorfile_free(file);                                              /* the model may live long */
}

void facegan_close(Facegan *model)
{
    if (!model) return;
    end_scope(&model->apart);
    free(model);
}

/* A generator that is closed with the innermost scope. */
static Facegan *own_generator(const char *given)
{
    Facegan *model = own(1, sizeof *model);
    fill_generator(model, given);
    return model;
}

/* The square, scaled picture that the generator works on, into model->x. Crops the picture. */
static void fit_picture(Facegan *model, Image *picture)
{
    image_crop_centre(picture, model->crop);
    Image scaled = resize_picture(picture, model->g.size, model->g.size);
    image_from_bytes(scaled.pixels, count_of(model->y), model->x->data);
}

/* ------------------------------------------------------------------------------------------------
 * 14.2  Pictures one by one, and what is wished of a face
 *
 * Every verb that takes pictures has them from vendor/photos.h: each is read, searched for faces and handed on in a
 * scope of its own. A picture that cannot be read is reported and passed over; it never ends a batch.
 * ---------------------------------------------------------------------------------------------- */

static int find_class(const Facegan *model, const char *name, size_t length)
{
    return dataset_name_of(model->class_names, model->g.classes, name, length);
}

/* The label's numbers, or, in a space, the same shares of the ways from neutral to the emotions: the square of how far
 * that is from the middle. */
static double blend_classes(Facegan *model, const double *shares)
{
    real *z = model->condition->data;
    double norm = 0;
    Gamut gamut = model->g.space ? gamut_of(&model->g) : (Gamut){0};
    for (int i = 0; !model->g.space && i < model->g.classes; i++) z[i] = (real)shares[i];
    for (int i = 0; i < gamut.dimensions; i++) {
        double at = gamut.mean[0][i];
        for (int k = 1; k < gamut.n; k++) at += shares[k] * (gamut.mean[k][i] - gamut.mean[0][i]);
        z[i] = (real)at;
        norm += at * at;
    }
    return norm;
}

/* The condition that shows class k so strongly. */
static void set_class(Facegan *model, int k, double strength)
{
    double shares[MAX_CLASSES] = {0};
    shares[k] = strength;
    blend_classes(model, shares);
}

/* From emotion a to emotion b, `share` of the way: along the arc between two directions, straight elsewhere. */
static void point_between(const Facegan *model, int a, int b, double share, double rho, double *z)
{
    Gamut gamut = gamut_of(&model->g);
    const double *from = gamut.mean[a], *to = gamut.mean[b];
    double dot = 0, u = 1 - share, v = share;
    for (int i = 0; i < gamut.dimensions; i++) dot += from[i] * to[i];
    bool arc = model->g.space == 'l' && a && b && a != b;
    double angle = arc ? acos(fmax(-1, fmin(1, dot))) : 0;
    if (angle > 1e-3 && sin(angle) > 1e-3) u = sin(u * angle) / sin(angle), v = sin(v * angle) / sin(angle);
    for (int i = 0; i < gamut.dimensions; i++) z[i] = rho * (u * from[i] + v * to[i]);
}

/* What an edit asks for: a condition, and what to call it in the file's name. */
typedef struct Wish { const char *name; real condition[MAX_CLASSES]; } Wish;

static Wish wish_for(Facegan *model, int k, double strength)
{
    char name[FILES_NAME];
    files_name(model->class_names[k], name);
    Wish wish = {.name = strength == 1 ? own_text("%s", name) : own_text("%s-%g", name, strength)};
    set_class(model, k, strength);
    memcpy(wish.condition, model->condition->data, (size_t)model->g.condition * sizeof(real));
    return wish;
}

/* "happy" or "happy:0.7". A strength below 1 mixes the label with nothing: one that StarGAN was never shown, so this is
 * extrapolation, but for a G with a mask (drawn_in_part). */
static Wish parse_emotion(Facegan *model, const char *text)
{
    size_t length = strcspn(text, ":");
    char *end = "";
    double strength = text[length] ? strtod(text + length + 1, &end) : 1;
    int k = find_class(model, text, length);
    if (k < 0) {
        char meant[OPTIONS_MEANT];
        OptionGuess guess = {own_text("%.*s", (int)length, text), 3, NULL};
        for (int i = 0; i < model->g.classes; i++) option_guess(&guess, model->class_names[i]);
        give_up(2, "--emotion %s: this model knows: %s%s", text,
                listed(name_list(model->class_names, model->g.classes), model->g.classes, " "),
                option_meant(&guess, "", meant));
    }
    if (text[length] && (end == text + length + 1 || *end || !(strength >= 0 && strength <= 2)))
        give_up(2, "--emotion %s: the strength must be a number from 0 to 2", text);
    return wish_for(model, k, strength);
}

static Wish parse_between(const Facegan *model, const char *text, double rho)
{
    Wish wish = {0};
    size_t first = strcspn(text, ","), second = text[first] ? strcspn(text + first + 1, ":") : 0;
    const char *share_text = text[first] ? text + first + 1 + second : "";
    char *end = "";
    double share = *share_text ? strtod(share_text + 1, &end) : 0.5, z[SPACE_MOST];
    int a = find_class(model, text, first), b = second ? find_class(model, text + first + 1, second) : -1;
    if (a < 0 || b < 0 || *end || !(share >= 0 && share <= 1))
        give_up(2, "--between %s: must be A,B or A,B:SHARE with two of the model's emotions and a share from 0 to 1",
                text);
    point_between(model, a, b, share, rho, z);
    for (int i = 0; i < model->g.condition; i++) wish.condition[i] = (real)z[i];
    char from[FILES_NAME], to[FILES_NAME];
    files_name(model->class_names[a], from), files_name(model->class_names[b], to);
    wish.name = own_text("%s-%s-%g", from, to, share);
    return wish;
}

static Wish parse_theta(const Facegan *model, const char *text, double rho)
{
    char *end;
    double angle = strtod(text, &end);
    bool radians = strcmp(end, "rad") == 0;
    if (model->g.condition != 2)
        give_up(2, "--theta needs a space of two dimensions; this one has %d", model->g.condition);
    if (end == text || !isfinite(angle) || (*end && !radians && strcmp(end, "deg")))
        give_up(2, "--theta %s: must be an angle such as 40deg or 0.7rad", text);
    if (!radians) angle *= TURN / 360;
    return (Wish){own_text("theta%g-rho%g", angle * 360 / TURN, rho),
                  {(real)(rho * cos(angle)), (real)(rho * sin(angle))}};
}

static Wish parse_point(const Facegan *model, const char *text)
{
    Wish wish = {own_text("at%.*s", NAME, text), {0}};
    const char *at = text;
    for (int i = 0; i < model->g.condition; i++) {
        char *end;
        double value = strtod(at, &end);
        if (end == at || !(fabs(value) <= 1) || *end != (i + 1 < model->g.condition ? ',' : 0))
            give_up(2, "--xy %s: must be %d numbers from -1 to 1 with commas between", text, model->g.condition);
        wish.condition[i] = (real)value;
        at = end + 1;
    }
    return wish;
}

static Wish parse_wish(Facegan *model, const Settings *s)
{
    int given = (*s->emotion != 0) + (*s->theta != 0) + (*s->xy != 0) + (*s->between != 0);
    if (given > 1) give_up(2, "give one of --emotion, --theta, --xy and --between");
    if (!*s->emotion && !model->g.space)
        give_up(2, "--theta, --xy and --between need a GANmut model: this one has labels, no space");
    if (*s->between) return parse_between(model, s->between, s->rho);
    if (*s->theta) return parse_theta(model, s->theta, s->rho);
    if (*s->xy) return parse_point(model, s->xy);
    return parse_emotion(model, s->emotion);
}

/* What G makes of the model's x with the condition that it holds, as bytes. */
static void draw_bytes(Facegan *model, unsigned char *bytes)
{
    graph_run(model->graph);
    image_to_bytes(model->y->data, count_of(model->y), bytes);
}

/* Pictures without a side above this are taken for one face, unless a detector is asked for. */
enum { ONE_FACE = 160 };

/* Does a detector have to look at the pictures: one that is asked for, or, at photographs, the one that comes with the
 * program? */
static bool wants_detector(const Settings *s, char *const *inputs, int count)
{
    char shipped[PATH_MAX];
    if (*s->detector || *s->weights) return true;
    return shipped_model("mtcnn", shipped) && photo_any_larger(inputs, count, ONE_FACE, NULL);
}

/* As the options say. */
static Detector *open_detector(const Settings *s)
{
    Detector *d = new_detector(*s->detector ? s->detector : "mtcnn", s->weights);
    if (s->threshold > 0) d->threshold = s->threshold;
    d->min_face = s->min_face;
    d->max_side = (int)s->max_side;
    return d;
}

/* The photographs of a verb; `detect`: a detector searches them. */
static Photos photos_of(const Settings *s, bool detect, void (*each)(void *context, Photo *photo), void *context)
{
    return (Photos){.out = s->out, .channels = 3, .each = each, .context = context, .stop = &interrupted, .warn = warn,
                    .find = detect ? faces_of : NULL, .finder = detect ? open_detector(s) : NULL,
                    .one_face = *s->detector || *s->weights ? 0 : ONE_FACE};
}

/* Face i of a photograph, `size` px; where no margin is asked for, `trained` says which. */
static Image cut_face(const Photo *photo, int i, const Settings *s, double trained, int size)
{
    return cut_out(&photo->image, box_frame(photo->faces.items[i], s->align, margin_of(s, trained)), size);
}

/* What is in a frame of the photograph, into model->x. */
static void take_face(Facegan *model, const Image *photo, Frame frame)
{
    Scope here;
    enter(&here);
    Image cut = cut_out(photo, frame, model->g.size);
    image_from_bytes(with_channels(&cut, model->g.channels).pixels, count_of(model->y), model->x->data);
    leave();
}

/* Draws the face in a frame of the photograph with the condition that the model holds, and pastes it into `result`. */
static void edit_face(Facegan *model, const Image *photo, Frame frame, Image *result)
{
    Scope here;
    enter(&here);
    take_face(model, photo, frame);
    graph_run(model->graph);
    const Node *mask = model->mask, *moves = model->moves;
    const Image before = moves ? with_channels(result, result->channels) : *result;
    const Drawn drawn = {.side = model->g.size, .channels = model->g.channels, .before = model->x->data,
                         .after = mask ? model->colour->data : model->y->data, .mask = mask ? mask->data : NULL,
                         .moves = moves ? moves->data : NULL, .whole = &before,
                         .redrawn = model->g.editor.keep == 'n'};
    image_paste(result, frame, &drawn, parallel);
    leave();
}

/* ------------------------------------------------------------------------------------------------
 * 14.3  The public functions of facegan.h
 *
 * They work inside an attempt() of their own, so that a caller gets an error and nothing is left behind.
 * ---------------------------------------------------------------------------------------------- */

/* The kernels for the instructions that --isa or, where it is "", the environment names; else the widest. */
static void choose_kernels(const char *isa)
{
    char why[KERNELS_ERROR_SIZE];
    const char *said = getenv("FACEGAN_ISA"), *wanted = *isa ? isa : said ? said : "";
    if (!kernels_choose(*wanted ? wanted : NULL, why)) give_up(2, "%s%s", *isa ? "--isa " : "FACEGAN_ISA=", why);
}

static void start_library(void)
{
    if (!kernels) choose_kernels("");
    if (thread_count() == 1) threads_start(0);
}

static int attempt_public(void (*work)(void *context), void *context, char error[FACEGAN_ERROR])
{
    Error e = {0};
    if (attempt(work, context, &e)) return 1;
    snprintf(error, FACEGAN_ERROR, "%.*s", FACEGAN_ERROR - 1, e.text);
    return 0;
}

/* The model outlives the call: it is its caller's, not a scope's. */
typedef struct Opening { const char *path; Facegan *model; } Opening;

static void open_public(void *context)
{
    Opening *opening = context;
    start_library();
    opening->model = must_alloc(1, sizeof *opening->model);
    fill_generator(opening->model, opening->path);
    hand_all(&opening->model->apart);
}

Facegan *facegan_open(const char *path, char error[FACEGAN_ERROR])
{
    Opening *opening = &(Opening){.path = path};
    if (attempt_public(open_public, opening, error)) return opening->model;
    free(opening->model);
    return NULL;
}

int facegan_classes(const Facegan *model)  { return model->g.classes; }
int facegan_size(const Facegan *model)     { return model->g.size; }
int facegan_channels(const Facegan *model) { return model->g.channels; }

const char *facegan_class_name(const Facegan *model, int index)
{
    return index >= 0 && index < model->g.classes ? model->class_names[index] : NULL;
}

typedef struct PublicEdit { Facegan *model; Image picture; const float *condition; unsigned char *out; } PublicEdit;

static void edit_public(void *context)
{
    const PublicEdit *edit = context;
    const Image *given = &edit->picture;
    if (given->width < 1 || given->height < 1 || (given->channels != 1 && given->channels != 3))
        give_up(2, "a picture of %d x %d x %d: needs 1 or 3 channels", given->width, given->height, given->channels);
    Image picture = with_channels(given, edit->model->g.channels);
    double shares[MAX_CLASSES];
    Facegan *model = edit->model;
    fit_picture(model, &picture);
    for (int i = 0; i < model->g.classes; i++) shares[i] = (double)edit->condition[i];
    double norm = blend_classes(model, shares);
    for (int i = 0; i < model->g.condition && model->g.space == 'l' && norm > 1; i++)       /* kept in the disc */
        model->condition->data[i] = (real)((double)model->condition->data[i] / sqrt(norm));
    draw_bytes(edit->model, edit->out);
}

int facegan_edit(Facegan *model, const unsigned char *pixels, int width, int height, int channels,
                 const float *condition, unsigned char *out, char error[FACEGAN_ERROR])
{
    PublicEdit edit = {model, {width, height, channels, (unsigned char *)(uintptr_t)pixels}, condition, out};
    return attempt_public(edit_public, &edit, error);
}

/* ------------------------------------------------------------------------------------------------
 * 14.4  What pages show of a run and its space                        (canvases and pages are vendor/figures.h's)
 * ---------------------------------------------------------------------------------------------- */

enum { MAX_COLUMNS = 24 + SPACE_MOST * MAX_CLASSES, STRENGTHS = EDITS_STRENGTHS };

/* A run's log.csv as columns; an empty field is NaN. */
static TableNumbers *own_log(const char *run)
{
    return own_numbers(own_text("%s/log.csv", run), MAX_COLUMNS);
}

/* Every picture says that it is synthetic. */
static void add_canvas(Page *page, const char *caption, PlotCanvas canvas)
{
    page_canvas(page, caption, canvas, &synthetic);
}

static void tell_page(Page *page, const char *path)
{
    save_page(page, path);
    if (!no_messages) fprintf(stderr, "%s\n", path);
}

/* A row for each emotion but neutral: the face in model->x at strengths 0.1 to 1. */
static PlotCanvas strength_strip(Facegan *model)
{
    static const char *const columns[STRENGTHS] = {"0.1", "0.2", "0.3", "0.4", "0.5",
                                                   "0.6", "0.7", "0.8", "0.9", "1.0"};
    const char *rows[MAX_CLASSES];
    int n = 0, neutral = find_class(model, "neutral", 7);
    size_t size = count_of(model->y);
    unsigned char *faces = own((size_t)(model->g.classes * STRENGTHS), size);
    for (int k = 0; k < model->g.classes; k++) {
        if (k == neutral) continue;
        for (int i = 0; i < STRENGTHS; i++) {
            set_class(model, k, (i + 1.0) / STRENGTHS);
            draw_bytes(model, faces + (size_t)(n * STRENGTHS + i) * size);
        }
        rows[n++] = model->class_names[k];
    }
    return draw_grid(&(Grid){
        .pictures = faces, .side = model->g.size, .channels = model->g.channels, .rows = n, .columns = STRENGTHS,
        .row_names = rows, .column_names = columns});
}

/* ------------------------------------------------------------------------------------------------
 * 14.5  The gamut of emotions
 *
 * GANmut's space as people can look at it: a face at every place of the disc (or the square of the Gaussian model)
 * with the learnt directions around it, a film along a path, and a page on which a point is dragged and the face
 * follows. Of a space of three dimensions the plane through two emotions is shown (--between).
 * ---------------------------------------------------------------------------------------------- */

enum { PAGE_FACES = 12, FRAMES_A_LEG = 10 };

typedef struct Show {
    Facegan *model;
    const Settings *s;
    Gamut gamut;
    FigureSpace space;
    PageFace faces[PAGE_FACES];
    int n;
} Show;

/* The face in model->x at a point of its space. */
static void draw_at(void *model, const double z[SPACE_MOST], unsigned char *face)
{
    const Facegan *m = model;
    for (int i = 0; i < m->g.condition; i++) m->condition->data[i] = (real)z[i];
    draw_bytes(model, face);
}

/* Turns to the plane through the two emotions that --between names. */
static void choose_plane(Show *show, const char *between)
{
    const char *comma = strchr(between, ',');
    int a = *between ? find_class(show->model, between, strcspn(between, ",")) : 1, b = show->gamut.n > 2 ? 2 : 0;
    if (comma) b = find_class(show->model, comma + 1, strlen(comma + 1));
    if (a < 0 || b < 0 || a == b) give_up(2, "--between %s: must name two of the model's emotions", between);
    if (!figure_space_plane(&show->space, show->gamut.mean[a], show->gamut.mean[b]))
        give_up(1, "the two emotions lie on one line: choose others with --between");
}

/* between: NULL for the first two axes. */
static Show *new_show(Facegan *model, const char *between)
{
    Show *show = own(1, sizeof *show);
    show->model = model, show->gamut = gamut_of(&model->g);
    show->space = (FigureSpace){.draw = draw_at, .context = model, .size = model->g.size,
                                .channels = model->g.channels, .round = model->g.space == 'l', .u = {1}, .v = {0, 1}};
    if (between && model->g.condition > 2) choose_plane(show, between);
    for (int k = 0; k < show->gamut.n; k++)
        figure_space_place(&show->space, model->class_names[k], show->gamut.mean[k], show->gamut.covariance[k]);
    return show;
}

/* All emotions but neutral in the order of their angles; their number. */
static int around_the_circle(const Gamut *gamut, int *order)
{
    double angle[MAX_CLASSES];
    int n = 0;
    for (int k = 1; k < gamut->n; k++) {
        int at = n++;
        angle[k] = atan2(gamut->mean[k][1], gamut->mean[k][0]);
        for (; at > 0 && angle[order[at - 1]] > angle[k]; at--) order[at] = order[at - 1];
        order[at] = k;
    }
    return n;
}

/* The emotions that a film passes, by number: those of --path, or neutral, all around the circle, neutral. */
static int film_path(const Show *show, int stops[MAX_CLASSES + 2])
{
    char names[MAX_CLASSES][NAME];
    int n = list_names(show->s->path, names, MAX_CLASSES);
    for (int i = 0; i < n; i++)
        if ((stops[i] = find_class(show->model, names[i], strlen(names[i]))) < 0)
            give_up(2, "--path %s: \"%s\" is not one of the model's emotions", show->s->path, names[i]);
    if (n == 1) give_up(2, "--path %s: needs two emotions or more", show->s->path);
    if (n) return n;
    n = 1 + around_the_circle(&show->gamut, stops + 1);
    stops[0] = stops[n] = 0;
    return n + 1;
}

/* OUT/NAME-gamut.gif: the face along the path, around the rim from one emotion to the next. */
static void gamut_film(const Show *show, const Photo *photo)
{
    int stops[MAX_CLASSES + 2], n = film_path(show, stops), count = 0;
    Image *frames = own((size_t)(n * FRAMES_A_LEG), sizeof *frames);
    for (; count < (n - 1) * FRAMES_A_LEG; count++) {
        int leg = count / FRAMES_A_LEG;
        double z[SPACE_MOST] = {0}, t = (double)(count % FRAMES_A_LEG) / FRAMES_A_LEG;
        point_between(show->model, stops[leg], stops[leg + 1], t * t * (3 - 2 * t), 1, z);  /* slow near the stops */
        frames[count] = figure_space_frame(&show->space, z, 192 * (int)show->s->scale);
    }
    deliver_film(photo_file(photo, "-gamut.gif").s, frames, count, 60);
}

/* Of a photograph the best face: OUT/NAME-gamut.png, the film when asked, and its part of the page. */
static void show_photo(void *context, Photo *photo)
{
    Show *show = context;
    const char *slash = strrchr(photo->path, '/');
    if (!photo->whole && !photo->faces.count) return;
    if (photo->faces.count) photo->image = cut_face(photo, 0, show->s, show->model->margin, 4 * show->model->g.size);
    fit_picture(show->model, &photo->image);
    deliver_canvas(photo_file(photo, "-gamut.png").s, figure_space_all(&show->space, (int)show->s->scale),
                   show->s->provenance ? &synthetic : NULL);
    if (show->s->gif) gamut_film(show, photo);
    if (show->n == PAGE_FACES) return;
    unsigned char *face = own(count_of(show->model->y), 1);
    image_to_bytes(show->model->x->data, count_of(show->model->y), face);
    show->faces[show->n++] = figure_space_face(&show->space, slash ? slash + 1 : photo->path, face);
}

/* `facegan gamut RUN IMAGE...`: a picture, and a film, of each, and OUT/gamut.html. */
static void show_gamut(const char *run, char *const *pictures, int count, const Settings *s)
{
    static const PageSpace about = {
        .title = "The gamut of emotions", .space = "The space of emotions",
        .intro = "Drag the point, touch the space, or use the arrow keys: the face follows. A name brings you to that\n"
                 "emotion. Every large face is drawn by a generative model.",
        .generator = "facegan; the faces are synthetic, drawn by a generative model"};
    Facegan *model = own_generator(run);
    if (!model->g.space) give_up(2, "%s: a StarGAN has labels, no space to show; train ganmut", run);
    Show *show = new_show(model, s->between);
    show->s = s;
    if (*s->between && model->g.condition < 3)
        give_up(2, "--between chooses a plane of a space of three dimensions; that of %s has two", run);
    if (s->gif) film_path(show, (int[MAX_CLASSES + 2]){0});             /* wrong names are told before any work */
    Photos all = photos_of(s, wants_detector(s, pictures, count), show_photo, show);
    all.channels = model->g.channels, all.several = true, all.needs_faces = all.find != NULL;
    photos_each(&all, pictures, count);
    Text path = textf("%s/gamut.html", *s->out ? s->out : ".");
    if (show->n) {
        save_page(figure_space_page(&show->space, about, show->faces, show->n), path.s);
        tell_made(path.s);
    }
    if (all.count - all.unreadable > PAGE_FACES) warn("%s holds the first %d faces", path.s, PAGE_FACES);
    photos_end(&all);
}

/* ------------------------------------------------------------------------------------------------
 * 14.6  The report of a run
 * ---------------------------------------------------------------------------------------------- */

/* A run's report in the making. The sample sheets' columns are the classes; where G edits, what it was shown comes
 * first; without labels they have no names. */
typedef struct Report {
    const char *run;
    Settings s;
    const Model *model;
    const TableNumbers *log;
    Page *page;
    Sheets sheets;
    const char *columns[MAX_CLASSES + 1];
    char class_names[MAX_CLASSES][NAME];
} Report;

static void find_samples(Report *r)
{
    int classes = list_names(*r->s.attributes ? r->s.attributes : r->s.classes, r->class_names, MAX_CLASSES);
    bool named = condition_size(r->model, &r->s, classes) > 0;
    int from = !r->model->from_noise, drawn = named ? classes : SAMPLE_FACES;
    r->columns[0] = "input";
    for (int i = 0; i < drawn; i++) r->columns[from + i] = named ? r->class_names[i] : "";
    r->sheets = (Sheets){.side = (int)r->s.size, .channels = (int)r->s.channels, .columns = from + drawn,
                         .names = r->columns};
    find_sheets(&r->sheets, own_text("%s/samples", r->run));
}

static Report *open_report(const char *run, Page *page)
{
    Report *r = own(1, sizeof *r);
    r->run = run, r->s = default_settings(), r->page = page;
    read_config(run, &r->s);
    r->model = find_model(r->s.model);
    if (r->s.size < 1) give_up(1, "%s/config: it does not say the pictures' size", run);
    if (r->model->generator) find_samples(r);
    return r;
}

/* The first faces, or latents, after so many percent of the training. */
static void add_progress(const Report *r, const char *caption, const int *percent, int n)
{
    for (int face = 0; face < 2; face++)
        page_progress(r->page, caption, &r->sheets, face, r->s.iters, percent, n, &synthetic);
}

/* Ceovic et al.'s figure. */
static void add_quarters(const Report *r)
{
    static const int quarters[] = {25, 50, 75, 100};
    add_progress(r, "After 25, 50, 75 and 100% of the training", quarters, 4);
}

/* The space: where it has got to, how it got there, and what strength does. */
static void add_space(void *context)
{
    const Report *r = context;
    Facegan *model = own_generator(r->run);
    int rows;
    page_heading(r->page, "The space of emotions");
    add_canvas(r->page, model->g.space == 'l'
                            ? "The directions: each trail runs outwards with the training, from the inner circle to "
                              "the rim where it is now"
                            : "The Gaussians now (one standard deviation), and the trails of their means",
               figure_space_trails(&new_show(model, NULL)->space, r->log));
    const unsigned char *cells = read_sheet(&r->sheets, -1, &rows);
    if (!cells) return;
    image_from_bytes(cells, count_of(model->y), model->x->data);
    add_canvas(r->page, "The first sample face with every emotion at strengths 0.1 to 1", strength_strip(model));
}

/* The headline: how far, how long, how D and G stand. */
static void add_facts(const Report *r)
{
    enum { ITERATION, TEACHER, CLS, ACCURACY = 5, FACTS = 7 };
    static const char *const facts[FACTS][2] = {
        {"iteration", "iteration"}, {"G.teacher", "G.teacher"}, {"G.cls", "G.cls"}, {"D.total", "D.total"},
        {"G.rec", "G.rec"}, {"validation_accuracy", "accuracy, held out"}, {"fed", "FED"}};
    const char *names[FACTS], *values[FACTS];
    int n = 0;
    for (int i = 0; i < FACTS; i++) {
        double last = table_last(r->log, facts[i][0]);
        if (isnan(last) || i == (*r->s.teacher ? CLS : TEACHER)) continue;
        names[n] = facts[i][1];
        values[n++] = i == ITERATION ? own_text("%.0f of %ld", last, r->s.iters)
                    : i == ACCURACY ? own_text("%.1f%%", 100 * last) : own_text("%.3g", last);
    }
    page_facts(r->page, names, values, n);
}

static void add_settings(const Report *r)
{
    const char *cells[2 * SETTINGS];
    int n = 0;
    for (int i = 0; i < SETTINGS; i++) {
        if (settings_table[i].use >= COMMAND) continue;
        char *text = own(TEXT, 4);
        option_text(&r->s, &settings_table[i], text, TEXT * 4);
        cells[n++] = settings_table[i].name, cells[n++] = text;
    }
    page_heading(r->page, "Settings");
    page_table(r->page, NULL, 2, cells, n / 2);
}

/* Collapse: the curves of what was watched, and the last look in words. */
static void add_watch(const Report *r)
{
    VarietySigns signs;
    char text[VARIETY_WORDS];
    for (int i = 0; i < VARIETY_SIGNS; i++)
        signs.each[i] = table_last(r->log, textf("watch.%s", variety_name(i)).s);
    if (isnan(signs.pixels)) return;
    page_heading(r->page, "Watching for collapse");
    variety_words(&signs, r->s.collapse_below, (long)table_last(r->log, "iteration"), text);
    page_paragraph(r->page, text);
    page_columns(r->page, r->log, "Samples against the data (pixels, edges, within a class, clusters: 1 is as varied "
                 "as the data)", "watch.", "share");
}

static void add_losses(const Report *r)
{
    page_heading(r->page, "Losses");
    if (r->model->healthy) page_paragraph(r->page, r->model->healthy);
    if (*r->s.teacher && r->model->g_step)
        page_paragraph(r->page, "G.teacher, what the teachers make of G's pictures, falls as G learns the classes. "
                       "Where --lambda-cls is 0, D's own class head does not learn, and D.cls and G.cls stay where "
                       "they are.");
    page_columns(r->page, r->log, r->model->g_step ? "Discriminator" : "Training", "D.", "loss");
    page_columns(r->page, r->log, "Generator", "G.", "loss");
    page_columns(r->page, r->log, "Accuracy on held-out pictures", "validation_accuracy", "share");
    page_columns(r->page, r->log, "Loss on held-out pictures", "validation_loss", "loss");
    page_columns(r->page, r->log, "Frechet Emotion Distance of samples to held-out pictures (the weights of the lowest "
                 "are kept in best.safetensors)", "fed", "distance");
}

static void write_report(void *folder)
{
    const char *run = folder;
    Report *r = open_report(run, NULL);
    Error why = {0};
    r->log = own_log(run);
    r->page = page_begin("facegan training report", textf("%s: %s, %ld px, batch %ld, seed %ld", run, r->s.model,
                                                          r->s.size, r->s.batch, r->s.seed).s);
    add_facts(r);
    if (r->model->generator) {
        page_heading(r->page, "Samples");
        page_sheets(r->page, r->model->from_noise
                        ? "What G draws from the same noise over the training"
                        : "The same faces over the training: the picture as it was, then G's drawings of it",
                    &r->sheets, &synthetic);
        add_quarters(r);
    }
    if (r->model->space && !attempt(add_space, r, &why)) warn("%s: the page cannot show its space: %s", run, why.text);
    add_losses(r);
    add_watch(r);
    page_columns(r->page, r->log, "Learning rate", "learning", "lr");
    add_settings(r);
    save_page(r->page, textf("%s/report.html", run).s);
}

/* Trains, and writes the run's page. */
static void train_run(Settings *s)
{
    Error why = {0};
    train(s);
    if (s->dry_run || *s->trace) return;
    bool reported = attempt_one(write_report, s->out, &why);            /* not if stopped before the log's first row */
    if (interrupted && s->reached < s->iters)                           /* else only its page was to come */
        give_up(1, "stopped at iteration %ld; the same command goes on from there", s->reached);
    if (!reported) unwind(&why);
}

/* ------------------------------------------------------------------------------------------------
 * 14.7  Drawn faces on disk                                                                       (vendor/drawn.h)
 * ---------------------------------------------------------------------------------------------- */

/* How a set of faces is drawn; --emotions "happy,sad", or all seven. */
static FaceSet face_set(const Settings *s)
{
    FaceSet set = {.random = draw, .seed = (uint64_t)s->seed, .size = (int)s->size, .channels = (int)s->channels,
                   .turn = s->pose, .weakest = s->weakest, .blends = s->blends, .viewers = s->viewers};
    drawn_emotions(&set, s->emotions);
    return set;
}

static DrawnOptions drawing_as(const Settings *s)
{
    return (DrawnOptions){.out = s->out, .count = s->count, .force = s->force, .each = parallel, .stop = &interrupted};
}

/* OUT/<emotion>/NNNNN.png and OUT/labels.csv. A classifier that learns from viewers' labels (--viewers) is about as
 * sure of an emotion as it is strong, which is what GANmut's strength loss takes D's certainty for. */
static void draw_faces(const Settings *s)
{
    const FaceSet set = face_set(s);
    const DrawnOptions options = drawing_as(s);
    drawn_faces(&set, &options);
}

/* Draws scenes (11.8) with drawn faces: OUT/00000.png ..., and OUT/faces.csv with a row for every face. */
static void draw_scenes(const Settings *s)
{
    const DrawnOptions options = drawing_as(s);
    begin_set(s->out, NULL, 0, s->force);
    drawn_scenes(&open_stock(NULL, 0, s, (int)s->channels, NULL, NULL)->scenes, (int)s->size, &options);
}

/* A sheet of a data set: for each class a row of its first pictures. */
static void show_data(const char *data, const Settings *s)
{
    enum { SHOWN = 10 };
    DataSet *set = own_dataset(data, (DataOptions){.classes = *s->classes ? s->classes : NULL, .split = SPLIT_ALL,
                                                   .unlabelled = 1});
    const char *out = *s->out ? s->out : "data.png";
    if (dataset_has_picture(set, out))
        give_up(2, "%s is a picture of %s, which would be lost: take another --out", out, data);
    Grid grid = {.side = s->size ? (int)s->size : 96, .channels = s->grey ? 1 : 3, .rows = set->n_classes,
                 .columns = SHOWN, .scale = (int)s->scale, .row_names = (const char *const *)set->class_names};
    size_t bytes = (size_t)(grid.side * grid.side * grid.channels), n_cells = (size_t)set->n_classes * SHOWN;
    const unsigned char **cells = own(n_cells, sizeof *cells);
    int *found = own((size_t)set->n_classes, sizeof *found);
    for (int i = 0; i < set->count; i++) {
        int first = set->label[i] * SHOWN, *n = &found[set->label[i]];
        if (*n == SHOWN) continue;
        unsigned char *cell = own(bytes, 1);
        give_up_if_interrupted(i, set->count, "pictures");
        if (dataset_read(set, i, grid.side, grid.channels, cell, &(Error){0})) cells[first + (*n)++] = cell;
        else give_back(cell);
    }
    grid.cells = cells;
    make_folder_of(out);
    deliver_canvas(out, draw_grid(&grid), NULL);
}

/* ------------------------------------------------------------------------------------------------
 * 14.8  Samples from noise
 *
 * What a generator draws from numbered latents: a sheet (a row for each latent, a column for each class), a strip and a
 * film on the way from one latent to the next, or separate pictures with a list, to train on. Latent i of a seed is
 * always the same. On the way z = cos(t) a + sin(t) b, because the middle of two normal vectors is shorter than either.
 * ---------------------------------------------------------------------------------------------- */

enum { DRAWN_AT_ONCE = 32, SHEET_ROWS = 8, STRIP = 9, FILM_FRAMES = 24 };

typedef struct Sampler {
    const Settings *s;
    Net g;
    const Drawing *drawing;
    const char *names[MAX_CLASSES];     /* the n classes to draw; without condition one, called "sample" */
    int chosen[MAX_CLASSES], n;
    size_t bytes;                       /* of a picture */
    int crop;                           /* of the pictures that it learnt from */
} Sampler;

/* Which classes, of the run's or as --emotions says. */
static void choose_classes(Sampler *m, const char *trained, const char *wanted)
{
    char known[MAX_CLASSES][NAME], names[MAX_CLASSES][NAME];
    int classes = m->g.condition ? list_names(trained, known, MAX_CLASSES) : 0,
        asked = list_names(wanted, names, MAX_CLASSES);
    if (asked && !classes) give_up(2, "--emotions: this generator was told no classes");
    m->n = asked ? asked : classes ? classes : 1;
    m->names[0] = "sample";
    for (int i = 0; classes && i < m->n; i++) {
        int k = asked ? dataset_name_of(known, classes, names[i], strlen(names[i])) : i;
        if (k < 0) give_up(2, "--emotions %s: this generator draws %s", names[i], trained);
        for (int j = 0; j < i; j++)
            if (m->chosen[j] == k) give_up(2, "--emotions: %s is there twice", known[k]);
        m->chosen[i] = k, m->names[i] = own_text("%s", known[k]);
    }
}

static Sampler *open_sampler(const char *run, const Settings *s)
{
    static const char *const prefixes[] = {"average.G.", "G.", ""};
    char path[PATH_MAX];
    Settings trained;
    Sampler *m = own(1, sizeof *m);
    Net unused;
    int classes = 1, which = s->raw;
    const TensorFile *file = open_weights(run, path, &trained);
    const Model *model = find_model(trained.model);
    if (!model->from_noise)
        give_up(2, "%s: %s draws from pictures, not from noise: see facegan edit", path, trained.model);
    for (const char *at = trained.classes; *at; at++) classes += *at == ',';
    check_model(model, &trained, classes);
    on_leaving(close_net, &m->g);
    make_nets(&trained, classes, &m->g, &unused);
    m->s = s, m->g.condition = condition_size(model, &trained, classes), m->g.latent = (int)trained.latent;
    model->prepare(model, &trained, &m->g, &unused);
    m->crop = (int)trained.crop;
    choose_classes(m, trained.classes, s->emotions);
    m->drawing = own_drawing(&m->g, model->generator, DRAWN_AT_ONCE);
    m->bytes = picture_numbers(&m->g);
    while (which < 2 && !tensorfile_find(file, textf("%s%s", prefixes[which], m->g.parameters[0].w->name).s)) which++;
    load_net(file, path, &m->g, prefixes[which], false);
    return m;
}

/* Pictures to draw, one behind the other: picture i from latent z[i] as the sampler's class k[i]. */
typedef struct Order { int count, *k; real *z; } Order;

static Order new_order(const Sampler *m, int count)
{
    return (Order){count, own((size_t)count, sizeof(int)), own((size_t)count * (size_t)m->g.latent, sizeof(real))};
}

/* Pictures `first` and on of all: classes in turn, and so many of them from each latent. */
static Order order_latents(const Sampler *m, long first, int count, int of_each)
{
    const Order o = new_order(m, count);
    for (int i = 0; i < count; i++) {
        o.k[i] = (int)((first + i) % m->n);
        fixed_latent((uint64_t)m->s->seed, (uint64_t)((first + i) / of_each), m->g.latent, o.z + i * m->g.latent);
    }
    return o;
}

/* `steps` pictures of every class on the way from latent 0 to latent 1, class by class. */
static Order order_way(const Sampler *m, int steps)
{
    const Order ends = order_latents(m, 0, 2, 1), o = new_order(m, steps * m->n);
    int latent = m->g.latent;
    for (int i = 0; i < o.count; i++) {
        double t = TURN / 4 * (i % steps) / (steps - 1);
        o.k[i] = i / steps;
        for (int j = 0; j < latent; j++)
            o.z[i * latent + j] = (real)(cos(t) * (double)ends.z[j] + sin(t) * (double)ends.z[latent + j]);
    }
    return o;
}

static unsigned char *draw_order(const Sampler *m, const Order *o)
{
    int n = m->g.condition;
    size_t count = (size_t)o->count;
    unsigned char *pictures = own(count, m->bytes);
    real *conditions = own(count * (size_t)(n + !n), sizeof *conditions), *y = own(count * m->bytes, sizeof *y);
    for (int i = 0; n && i < o->count; i++) one_hot(conditions + i * n, n, m->chosen[o->k[i]]);
    draw_batches(m->drawing, o->z, conditions, o->count, y);
    image_to_bytes(y, count * m->bytes, pictures);
    give_back(conditions), give_back(y);
    return pictures;
}

static int sheet_scale(const Sampler *m)
{
    return m->s->scale > 1 ? (int)m->s->scale : figure_scale(m->g.size);
}

/* OUT/NAME.png, or OUT where that names a picture: pictures in `columns`, by class, or a row for each class. */
static void save_sheet(const Sampler *m, const Order *o, int columns, bool by_class, const char *name)
{
    const Grid grid = {
        .pictures = draw_order(m, o), .side = m->g.size, .channels = m->g.channels, .rows = o->count / columns,
        .columns = columns, .scale = sheet_scale(m), .row_names = m->g.condition && !by_class ? m->names : NULL,
        .column_names = by_class ? m->names : NULL};
    const Text path = photo_is_named(m->s->out) ? textf("%s", m->s->out) : textf("%s/%s.png", m->s->out, name);
    deliver_canvas(path.s, draw_grid(&grid), m->s->provenance ? &synthetic : NULL);
}

/* The sheet: a row for each latent, a column for each class; without classes latents in both directions. */
static void sample_sheet(const Sampler *m)
{
    bool told = m->g.condition > 0;
    int columns = told ? m->n : SHEET_ROWS;
    long rows = told ? m->s->count / columns : (m->s->count + columns - 1) / columns;
    rows = rows < 1 ? 1 : rows < SHEET_ROWS ? rows : SHEET_ROWS;
    const Order o = order_latents(m, 0, (int)rows * columns, m->n);
    save_sheet(m, &o, columns, told, "samples");
}

/* OUT/way.png, a row for each class, and OUT/way.gif, all classes beside each other, there and back again. */
static void sample_way(const Sampler *m)
{
    enum { FRAMES = 2 * FILM_FRAMES - 2 };
    int side = m->g.size, scale = sheet_scale(m);
    Image frames[FRAMES], row = new_picture(side * m->n, side, m->g.channels);
    const Order strip = order_way(m, STRIP), film = order_way(m, FILM_FRAMES);
    save_sheet(m, &strip, STRIP, false, "way");
    const unsigned char *pictures = draw_order(m, &film);
    for (int i = 0; i < FRAMES; i++) {
        int step = i < FILM_FRAMES ? i : FRAMES - i;
        for (int k = 0; k < m->n; k++)
            image_put_cell(&row, pictures + (size_t)(k * FILM_FRAMES + step) * m->bytes, side, 0, k);
        frames[i] = resize_picture(&row, row.width * scale, row.height * scale);
    }
    deliver_film(textf("%s/way.gif", m->s->out).s, frames, FRAMES, 60);
}

/* OUT/CLASS/000001.png, ... and OUT/labels.csv: classes in turn, picture i from latent i. */
static void sample_files(const Sampler *m)
{
    const Settings *s = m->s;
    char (*folders)[FILES_NAME] = begin_set(s->out, m->names, m->n, s->force);
    FileWriter *list = begin_file(textf("%s/labels.csv", s->out).s);
    fprintf(list->stream, "path,label\n");
    Progress *progress = own_progress("sample", 0, s->count);
    for (long first = 0; first < s->count && !interrupted; first += DRAWN_AT_ONCE) {
        Scope here;
        enter(&here);
        int count = s->count - first < DRAWN_AT_ONCE ? (int)(s->count - first) : DRAWN_AT_ONCE;
        const Order o = order_latents(m, first, count, 1);
        unsigned char *pictures = draw_order(m, &o);
        for (int i = 0; i < count; i++) {
            Text name = textf("%s/%06ld.png", folders[o.k[i]], first + i);
            const Image picture = {m->g.size, m->g.size, m->g.channels, pictures + (size_t)i * m->bytes};
            save_picture(textf("%s/%s", s->out, name.s).s, &picture, s->provenance ? &synthetic : NULL);
            fprintf(list->stream, "%s,", name.s);
            table_field(list->stream, m->names[o.k[i]]);
            fprintf(list->stream, "\n");
        }
        leave();
        progress_show(progress, first + count, "%s", s->out);
    }
    if (interrupted) give_up(1, "stopped before all pictures were drawn");
    end_file(list);
    tell_made(textf("%s/labels.csv", s->out).s);
}

/* `facegan sample RUN`. */
static void sample_noise(const char *run, const Settings *s)
{
    const Sampler *m = open_sampler(run, s);
    if (photo_is_named(s->out)) make_folder_of(s->out);
    else make_folder(s->out);
    (s->files ? sample_files : s->interpolate ? sample_way : sample_sheet)(m);
}

/* ------------------------------------------------------------------------------------------------
 * 14.9  Balanced data on disk
 * ---------------------------------------------------------------------------------------------- */

/* As many of each class, in a folder for each. */
static void balance_data(const char *data, const Settings *s)
{
    DataSet *set = own_dataset(data, (DataOptions){.classes = *s->classes ? s->classes : NULL, .split = SPLIT_TRAIN});
    if (set->n_classes > MAX_CLASSES) give_up(2, "%s: more than %d classes", data, MAX_CLASSES);
    const LoaderBalanced *n = loader_balance(set, &(LoaderBalance){
        .out = s->out, .how = s->balance, .force = s->force, .warp = augmentation(s), .stop = &interrupted,
        .shuffles = chance_of(s, STREAM_BALANCE), .warps = chance_of(s, STREAM_AUGMENT)});
    for (int k = 0; k < set->n_classes; k++)
        printf("%-12s %6ld pictures, %ld of them warped copies; there were %ld\n", set->class_names[k], n[k].written,
               n[k].written > n[k].before ? n[k].written - n[k].before : 0, n[k].before);
}

/* ------------------------------------------------------------------------------------------------
 * 14.10  Faces in photographs: detect, crop, edit
 * ---------------------------------------------------------------------------------------------- */

typedef struct Detection { const Settings *s; PhotoList *list; } Detection;

/* Prints the faces, and, unless there is no --out, draws them: OUT/NAME-faces.png */
static void detect_photo(void *context, Photo *photo)
{
    const Detection *d = context;
    photo_list_faces(d->list, photo);
    if (!*d->s->out) return;
    save_canvas(photo_file(photo, "-faces.png").s, photo_annotated(photo), NULL);
}

static void detect_photos(char *const *inputs, int count, const Settings *s)
{
    Detection d = {s, photo_list(stdout, s->json ? TABLE_JSON : s->csv ? TABLE_CSV : TABLE_TEXT, &interrupted)};
    Photos all = photos_of(s, true, detect_photo, &d);
    Detector *detector = all.finder;
    if (*s->trace) detector->trace = new_tensors();
    photos_each(&all, inputs, count);
    if (*s->trace) save_tensors(detector->trace, s->trace, "");
    photos_end(&all);
}

/* Cuts out the best face, or all of them: OUT/NAME.png, or OUT/NAME-1.png ... */
static void crop_photo(void *settings, Photo *photo)
{
    const Settings *s = settings;
    for (int i = 0; i < (s->all ? photo->faces.count : min_int(photo->faces.count, 1)); i++) {
        Image cut = cut_face(photo, i, s, -1, s->size ? (int)s->size : 128);
        deliver(photo_file(photo, s->all ? textf("-%d.png", i + 1).s : ".png").s, &cut, NULL);
    }
}

static void crop_photos(char *const *inputs, int count, Settings *s)
{
    Photos all = photos_of(s, true, crop_photo, s);
    all.needs_faces = true, all.several = s->all;
    photos_each(&all, inputs, count);
    photos_end(&all);
}

typedef struct Editing {
    Facegan *model;
    const Settings *s;
    const ImageText *text;
    bool all;                                   /* every class, not one wish */
    Wish wish;
} Editing;

/* The face in model->x with every class, side by side, the input first: OUT/NAME-all.png */
static void edit_all(const Editing *edit, const Photo *photo)
{
    Facegan *model = edit->model;
    int n = model->g.classes;
    size_t bytes = count_of(model->y);
    unsigned char *faces = own((size_t)n + 1, bytes);
    const char *labels[MAX_CLASSES + 1] = {"input"};
    image_to_bytes(model->x->data, bytes, faces);
    for (int k = 0; k < n; k++) {
        set_class(model, k, 1);
        draw_bytes(model, faces + (size_t)(k + 1) * bytes);
        labels[k + 1] = model->class_names[k];
    }
    const Grid sheet = {.pictures = faces, .side = model->g.size, .channels = model->g.channels, .rows = 1,
                        .columns = n + 1, .scale = (int)edit->s->scale, .column_names = labels};
    deliver_canvas(photo_file(photo, "-all.png").s, draw_grid(&sheet), edit->s->provenance ? &synthetic : NULL);
}

/* The whole picture at its own resolution, edited in n frames: OUT/NAME-EXPRESSION.png */
static void edit_frames(const Editing *edit, const Photo *photo, const Frame *frames, int n, const Wish *wish)
{
    Image result = with_channels(&photo->image, photo->image.channels);
    memcpy(edit->model->condition->data, wish->condition, (size_t)edit->model->g.condition * sizeof(real));
    for (int i = 0; i < n; i++) edit_face(edit->model, &photo->image, frames[i], &result);
    Text path = photo_file(photo, textf("-%s.png", wish->name).s);
    save_photo(path.s, &result, edit->s->metadata ? photo->path : NULL, edit->s->provenance ? edit->text : NULL);
    tell_made(path.s);
}

/* Every face, as wished, or as every class in turn, and the best face's sheet of them. Without a detector the centred
 * square that the model was trained on is the face. */
static void edit_photo(void *context, Photo *photo)
{
    const Editing *edit = context;
    Facegan *model = edit->model;
    const Settings *s = edit->s;
    int n = photo->whole ? 1 : photo->faces.count;
    Frame *frames = own((size_t)n, sizeof *frames);
    for (int i = 0; i < n; i++)
        frames[i] = photo->whole ? image_frame_centred(&photo->image, model->crop)
                                 : box_frame(photo->faces.items[i], s->align, margin_of(s, model->margin));
    if (!photo->of->find && min_int(photo->image.width, photo->image.height) > 2 * model->g.size)
        warn("%s: taken for one face that fills the middle; --detector finds the faces of a photograph", photo->path);
    if (!n) return;
    if (!edit->all) { edit_frames(edit, photo, frames, n, &edit->wish); return; }
    for (int k = 0; photo->of->find && k < model->g.classes; k++) {
        const Wish wish = wish_for(model, k, 1);
        edit_frames(edit, photo, frames, n, &wish);
    }
    if (photo->of->find) take_face(model, &photo->image, frames[0]);
    else fit_picture(model, &photo->image);
    edit_all(edit, photo);
}

static void edit_photos(const char *run, char *const *inputs, int count, const Settings *s)
{
    static const ImageText faces = {"Software", "facegan " FACEGAN_VERSION ": faces drawn by a generative model"};
    bool detect = wants_detector(s, inputs, count);
    Editing edit = {.model = own_generator(run), .s = s, .text = detect ? &faces : &synthetic};
    edit.all = strcmp(s->emotion, "all") == 0 || !(*s->emotion || *s->theta || *s->xy || *s->between);
    if (!edit.all) edit.wish = parse_wish(edit.model, s);
    if (!edit.all && s->scale > 1) give_up(2, "--scale %ld: enlarges the sheet of --emotion all only", s->scale);
    if (detect && edit.model->margin <= -1 && s->margin <= -1)
        warn("%s does not say how its training pictures were cut (--face-margin): if they were drawn, or cut unlike a "
             "detector's boxes, photographs may come out badly", run);
    Photos all = photos_of(s, detect, edit_photo, &edit);
    all.channels = !detect && edit.all ? edit.model->g.channels : 0;
    all.needs_faces = detect, all.several = detect && edit.all;
    photos_each(&all, inputs, count);
    photos_end(&all);
}

/* ------------------------------------------------------------------------------------------------
 * 14.11  Importing a data set
 *
 * A published data set becomes a folder that every verb here reads, row by row, and goes on where it was stopped
 * (vendor/importing.h): OUT/train/happy/0000017.png and so on, labels.csv, import.csv, which says of every row of a
 * wanted class what became of it, and a bar chart as in Surani's figure 8. Whole photographs take a detector, or a list
 * that tells where the faces are.
 * ---------------------------------------------------------------------------------------------- */

static void import_data(char *const *inputs, int count, const Settings *s)
{
    if (count < 2 || !dataset_is_kind(inputs[0]))
        give_up(2, "data import needs one of %s, and then the list or folder", dataset_kinds());
    if (!*s->out) give_up(2, "data import needs --out DIR");
    if (!*s->detector && *s->weights) give_up(2, "--weights without --detector: mtcnn or retinaface?");
    const ImportOptions options = {
        .out = s->out, .classes = *s->classes ? s->classes : NULL, .size = (int)s->size, .grey = s->channels == 1,
        .whole = s->whole, .align = s->align, .margin = margin_of(s, -1), .each = parallel, .stop = &interrupted,
        .warn = warn, .find = *s->detector ? faces_of : NULL, .context = *s->detector ? open_detector(s) : NULL,
        .says = own_text("classes = %s\ndetector = %s\nweights = %s\nthreshold = %g\nmin-face = %g\nmax-side = %ld\n"
                         "size = %ld\nmargin = %g\nalign = %ld\nchannels = %ld\nwhole = %ld\n", s->classes, s->detector,
                         s->weights, s->threshold, s->min_face, s->max_side, s->size, margin_of(s, -1), s->align,
                         s->channels, s->whole)};
    const Import *done = import_pictures(inputs[0], inputs + 1, count - 1, &options);
    if (s->json) import_json(done, stdout);
    else write_table(import_table(done), stdout, TABLE_TEXT), dataset_print_notes(&done->set, stdout);
    if (!done->kept)
        give_up(1, "no picture was kept (%s/import.csv says why); the first row's is %s", s->out,
                dataset_name(&done->set, *done->work));
}

/* ------------------------------------------------------------------------------------------------
 * 14.12  Emotion classifiers: eval, predict
 * ---------------------------------------------------------------------------------------------- */

/* The classifier that the command names, or the best one that comes with the program. */
static Classifier *chosen_classifier(const Settings *s)
{
    Classifier *c = *s->classifier ? own_classifier(s->classifier) : shipped_classifier();
    if (c) return c;
    give_up(2, "no models/fer2013-7.safetensors here or beside the program: copy the folder models there, or "
            "name a classifier's run or weights with --classifier");
}

/* The part of the data that `asked`, --split, names; else the first there is of `parts`, of which there are n. */
static DataSet *use_part(const char *data, DataOptions options, const char *asked, const int *parts, int n)
{
    DataSet *set = own(1, sizeof *set);
    options.warn = warn;
    dataset_open_part(set, data, options, asked, parts, n);
    return set;
}

/* What a classifier made of a set's pictures. Only the classes asked for are told apart. */
typedef struct Answered {
    Answers a;
    const Classifier *c;
    const DataSet *set;
    int unreadable, *index;             /* (count) which picture */
} Answered;

static void answer_all(Answered *all, Classifier *c, const char *views)
{
    enum { AT_ONCE = 128 };
    const DataSet *set = all->set;
    Answers *a = &all->a;
    int asked[MAX_CLASSES], at = 0;
    size_t bytes = shape_count(c->one.x->shape), classes = (size_t)c->net.classes;
    match_classes(c, (const char *const *)set->class_names, set->n_classes, set->path, asked);
    *a = new_answers((const char *const *)set->class_names, set->n_classes, set->count);
    all->index = own((size_t)set->count, sizeof(int));
    unsigned char *pixels = own(AT_ONCE, bytes);
    double *p = own(AT_ONCE * classes, sizeof *p), kept[MAX_CLASSES];
    Progress *progress = own_progress("classify", 0, set->count);
    while (at < set->count && !interrupted) {
        int got = 0, *index = all->index + a->count;
        for (; at < set->count && got < AT_ONCE; at++)
            if (read_or_warn(set, at, &c->net, pixels + (size_t)got * bytes)) index[got++] = at;
            else all->unreadable++;
        if (got) classify_pixels(c, pixels, got, views, p);
        for (int i = 0; i < got; i++) {
            keep_asked(p + (size_t)i * classes, asked, a->n, kept);
            add_answer(a, set->label[index[i]], kept);
        }
        progress_show(progress, at, "%s", set->path);
    }
    if (interrupted) give_up(1, "stopped after %d of %d pictures", at, set->count);
    if (!a->count) give_up(1, "%s: no picture could be read", set->path);
}

/* The classes to tell apart: --classes, or all that it knows. */
static const char *asked_classes(const Classifier *c, const Settings *s)
{
    return *s->classes ? s->classes : listed(name_list(c->class_names, c->net.classes), c->net.classes, ",");
}

/* Asks about the part of the set that --split names: by default the validation part, or everything where there is
 * none. */
static Answered *answer_set(const char *data, Classifier *c, const Settings *s)
{
    static const int parts[] = {SPLIT_VALIDATION, SPLIT_ALL};
    Answered *all = own(1, sizeof *all);
    const DataOptions options = {.limit = (int)s->limit, .crop = c->crop, .classes = asked_classes(c, s)};
    all->c = c, all->set = use_part(data, options, s->split, parts, 2);
    answer_all(all, c, s->views);
    return all;
}

/* In the form that the command asks for. */
static void tell_answers(const Answered *all, const Settings *s)
{
    const Answers *a = &all->a;
    const Classifier *c = all->c;
    const char **paths = own((size_t)a->count, sizeof *paths);
    for (int i = 0; i < a->count; i++) paths[i] = dataset_name(all->set, all->index[i]);
    if (s->csv) write_table(answers_table(a, paths), stdout, TABLE_CSV);
    else if (s->json) {
        table_json(stdout, "{\"classifier\": %q, \"data\": %q, \"pictures\": %d, ", c->path, all->set->path, a->count);
        answers_json(stdout, a);
    } else {
        printf("%s, %s, %d px, views: %s; %d pictures of %s\n\n", c->path, c->net.classifier.backbone->name,
               c->net.size, s->views, a->count, all->set->path);
        answers_text(stdout, a);
    }
}

static void save_shown(const char *path, PlotCanvas canvas)
{
    save_canvas(path, canvas, NULL);
    if (!no_messages) fprintf(stderr, "%s\n", path);
}

/* The pictures that it was most certain of, and wrong. */
static void save_mistakes(const Answered *all, const char *path)
{
    enum { COLUMNS = 8, MOST = 32, SIDE = 120 };
    const Answers *a = &all->a;
    int which[MOST], n = stats_mistakes(a->p, a->truth, a->count, a->n, MOST, which);
    Captioned shown[MOST] = {0};
    for (int i = 0; i < n; i++) {
        const double *p = answer_of(a, which[i]);
        int taken = stats_largest(p, a->n);
        Image picture;
        if (dataset_picture(all->set, all->index[which[i]], 3, &picture, &(Error){0})) {
            image_crop_centre(&picture, all->set->options.crop);
            shown[i].picture = picture;
        }
        shown[i].words[0] = own_text("is %s", a->names[a->truth[which[i]]]);
        shown[i].words[1] = own_text("taken for %s %.2f", a->names[taken], p[taken]);
    }
    if (n) save_shown(path, draw_captioned(shown, n, COLUMNS, SIDE));
}

static void evaluate_classifier(const char *data, const Settings *s)
{
    const Answered *all = answer_set(data, chosen_classifier(s), s);
    const Answers *a = &all->a;
    tell_answers(all, s);
    if (*s->out) {
        const char *title = own_text("%d pictures, accuracy %.3f, macro F1 %.3f", a->count, stats_accuracy(&a->f),
                                     stats_macro_f1(&a->f));
        make_folder(s->out);
        save_shown(own_text("%s/confusion.png", s->out), plot_confusion(&a->f, a->names, title, "is"));
        save_mistakes(all, own_text("%s/mistakes.png", s->out));
    }
    if (all->unreadable) give_up(1, "%d of %d pictures could not be read", all->unreadable, all->set->count);
}

/* ---- predict ---- */

typedef struct Prediction { Classifier *c; const Settings *s; Verdicts *told; } Prediction;

/* One picture of any size and three channels: its centred square, or the face that was cut out of it. */
static void classify_picture(Classifier *c, Image *picture, bool cut, const char *views, double *p)
{
    if (!cut) image_crop_centre(picture, c->crop);
    const Image fitting = with_channels(picture, c->net.channels);
    const Image scaled = resize_picture(&fitting, c->net.size, c->net.size);
    classify_pixels(c, scaled.pixels, 1, views, p);
}

static void predict_picture(const Prediction *out, Image *picture, const char *path, int face, const double *box)
{
    double p[MAX_CLASSES];
    classify_picture(out->c, picture, box != NULL, out->s->views, p);
    add_verdict(out->told, path, face, box, p);
}

static void predict_photo(void *context, Photo *photo)
{
    const Prediction *out = context;
    const Settings *s = out->s;
    for (int i = 0; i < photo->faces.count; i++) {
        Image cut = cut_face(photo, i, s, -1, 4 * out->c->net.size);
        predict_picture(out, &cut, photo->path, i + 1, photo->faces.items[i].box);
    }
    if (photo->whole) predict_picture(out, &photo->image, photo->path, 0, NULL);
}

static void predict_emotions(char *const *inputs, int count, const Settings *s)
{
    Classifier *c = chosen_classifier(s);
    const int form = s->json ? TABLE_JSON : s->csv ? TABLE_CSV : TABLE_TEXT, n = c->net.classes;
    Prediction out = {c, s, new_verdicts(stdout, form, name_list(c->class_names, n), n)};
    Photos all = photos_of(s, wants_detector(s, inputs, count), predict_photo, &out);
    photos_each(&all, inputs, count);
    photos_end(&all);
    if (s->json && !out.told->count) printf("[\n]\n");
}

/* ------------------------------------------------------------------------------------------------
 * 14.13  The numbers of a generator: eval
 *
 * Every picture of a data set is drawn with every emotion, and a classifier that was trained apart looks at what came
 * out (13.1 and vendor/stats.h have the equations):
 *
 *     x --G(x, each emotion)--------> classifier --> confusion, F1         asked for / taken for
 *     x --G(x, another's label)-----> features ----> FED, diversity        as many of each class as there are real ones
 *     x --G(G(x, another's), own)---> |x - back|                           how much of the person is left
 *     neutral x, strengths 0.1 to 1-> classifier --> smoothness            one curve a face and emotion
 *     D(x), D(G(x, another's))------> discriminator F1                     of the training pictures, if the run has a D
 *
 * Of a G that draws from noise latents take the pictures' place, as many of each class as there are real ones; the last
 * three lines are not asked, but how varied samples of one class are, and how near to a training picture.
 *
 * Another classifier gives other numbers, so its file's hash stands beside them.
 * ---------------------------------------------------------------------------------------------- */

enum { EDITED_AT_ONCE = 16, CURVE_FACES = 64, SHOWN_EDITS = 8 };

/* A generator that edits pictures by the batch, or draws them from noise, and the classifier that looks at them. */
typedef struct Editor {
    const char *run;
    const Net *g;
    Facegan *model;                     /* NULL: it draws from noise */
    Classifier *judge;                  /* NULL: nobody looks */
    const Drawing *drawing;
    const char **names;                 /* of the generator's classes, */
    int judged_as[MAX_CLASSES];         /* and the classifier's number for each */
    size_t picture;                     /* numbers in one of the generator's pictures */
    int crop;                           /* the square of a picture that it is for; 0: the largest */
} Editor;

static Editor *use_editor(const char *run, Classifier *judge)
{
    Editor *ed = own(1, sizeof *ed);
    *ed = (Editor){.run = run, .judge = judge, .model = own_generator(run)};
    ed->g = &ed->model->g;
    ed->names = name_list(ed->model->class_names, ed->g->classes);
    if (judge) match_classes(judge, ed->names, ed->g->classes, run, ed->judged_as);
    ed->picture = picture_numbers(ed->g), ed->crop = ed->model->crop;
    ed->drawing = own_drawing(&ed->model->g, edit_generator, EDITED_AT_ONCE);
    return ed;
}

/* The same of a run that draws from noise. */
static Editor *use_sampler(const char *run, Classifier *judge, const Settings *s)
{
    Editor *ed = own(1, sizeof *ed);
    Sampler *m = open_sampler(run, s);
    if (!m->g.condition) give_up(2, "%s: draws no classes that a classifier could find in its pictures", run);
    *ed = (Editor){.run = run, .judge = judge, .g = &m->g, .names = m->names, .picture = m->bytes,
                    .drawing = m->drawing, .crop = m->crop};
    match_classes(judge, ed->names, m->n, run, ed->judged_as);
    return ed;
}

/* G of `count` pictures, or latents, picture i with emotion[i], or where that is NULL all with emotion k, so
 * strongly. */
static void edit_pixels(Editor *ed, const real *x, int count, const int *emotion, int k, double strength, real *out)
{
    size_t n = (size_t)ed->g->condition;
    real *conditions = own((size_t)count * n, sizeof *conditions);
    for (size_t i = 0; i < (size_t)count; i++) {
        int asked = emotion ? emotion[i] : k;
        if (ed->model) set_class(ed->model, asked, strength);
        if (ed->model) memcpy(conditions + i * n, ed->model->condition->data, n * sizeof *conditions);
        else one_hot(conditions + i * n, (int)n, asked);
    }
    draw_batches(ed->drawing, x, conditions, count, out);
    give_back(conditions);
}

/* Pictures with every emotion, row by row, where `inputs` each in front of its edits: (count,inputs + n), in bytes. */
static unsigned char *draw_emotions(Editor *ed, const real *x, int count, bool inputs)
{
    int columns = inputs + ed->g->classes;
    size_t picture = ed->picture;
    unsigned char *bytes = own((size_t)(count * columns), picture);
    real *edits = own((size_t)count, picture * sizeof *edits);
    for (int c = 0; c < columns; c++) {
        const real *column = c < inputs ? x : edits;
        if (c >= inputs) edit_pixels(ed, x, count, NULL, c - inputs, 1, edits);
        for (int i = 0; i < count; i++)
            image_to_bytes(column + (size_t)i * picture, picture, bytes + (size_t)(i * columns + c) * picture);
    }
    give_back(edits);
    return bytes;
}

/* The judge's probabilities (count,n) of the generator's classes, and features (count,d); either may be NULL. */
static void judge_pixels(const Editor *ed, const real *x, int count, double *p, double *features)
{
    size_t n = (size_t)ed->g->classes, all = (size_t)ed->judge->net.classes;
    double *known = own((size_t)count * all, sizeof *known);
    classifier_look(ed->judge, ed->g, x, count, known, features);
    for (size_t i = 0; p && i < (size_t)count; i++) keep_asked(known + i * all, ed->judged_as, (int)n, p + i * n);
    give_back(known);
}

/* All of them, and their classes in another order. */
static PictureSet read_all(const DataSet *set, const Net *g)
{
    PictureSet all = read_spread(set, g, set->count);
    memcpy(all.target, all.label, (size_t)all.n * sizeof *all.target);
    for (int i = all.n - 1; i > 0; i--) {
        int k = (int)(draw(1, STREAM_RESAMPLE, (uint64_t)i, 1u << 31) * (i + 1)), was = all.target[i];
        all.target[i] = all.target[k], all.target[k] = was;
    }
    return all;
}

/* The same, all of them. */
static PictureSet read_whole(const DataSet *set, const Net *g)
{
    const PictureSet all = read_all(set, g);
    if (all.n < set->count) give_up(1, "%s: not all of its pictures can be read", set->path);
    return all;
}

/* The part of the data that `split` names, or the first there is of `parts`. The classes are the generator's. */
static PictureSet read_part(const char *data, const Editor *ed, const char *split, long limit, const int *parts, int n)
{
    const DataOptions options = {.classes = listed(ed->names, ed->g->classes, ","), .limit = (int)limit,
                                 .crop = ed->crop};
    return read_all(use_part(data, options, split, parts, n), ed->g);
}

/* What eval finds out about all pictures. */
typedef struct Evaluation {
    Editor *ed;
    long limit;                                                         /* of the pictures: 0 none */
    PictureSet all;
    real *latents;                                                      /* as many, of a G that draws from noise, */
    double *learnt;                                                     /* and the features that it learnt from */
    Edits *edits;
    int n_neutral;
    real *neutral;                                                      /* (CURVE_FACES, picture) */
} Evaluation;

/* The next pictures through the judge. */
static void evaluate_real(Evaluation *v, int count)
{
    Edits *e = v->edits;
    double p[EDITED_AT_ONCE * MAX_CLASSES];
    judge_pixels(v->ed, v->all.x + (size_t)e->n * v->ed->picture, count, p,
                 e->real_features + (size_t)e->n * (size_t)e->features);
    for (int i = 0; i < count; i++) stats_confusion_add(&e->real, v->all.label[e->n + i], p + i * e->classes);
}

/* They, or as many latents, as emotion[i], or where that is NULL all as emotion k. The judge's answers are counted. */
static void evaluate_drawn(Evaluation *v, const real *in, int count, const int *emotion, int k, real *drawn)
{
    Edits *e = v->edits;
    double p[EDITED_AT_ONCE * MAX_CLASSES];
    edit_pixels(v->ed, in, count, emotion, k, 1, drawn);
    judge_pixels(v->ed, drawn, count, p, NULL);
    for (int i = 0; i < count; i++) stats_confusion_add(&e->edited, emotion ? emotion[i] : k, p + i * e->classes);
}

/* Pictures through everything but the curves. */
static void evaluate_edits(Evaluation *v, int count)
{
    Editor *ed = v->ed;
    Edits *e = v->edits;
    size_t picture = ed->picture, batch = (size_t)count * picture;
    const real *x = v->all.x + (size_t)e->n * picture;
    const int *label = v->all.label + e->n, *target = v->all.target + e->n;
    real *edits = own(3 * batch, sizeof *edits), *back = edits + batch, *itself = back + batch;
    for (int k = 0; k < e->classes; k++) evaluate_drawn(v, x, count, NULL, k, edits);
    edit_pixels(ed, x, count, target, 0, 1, edits);
    edit_pixels(ed, edits, count, label, 0, 1, back);
    edit_pixels(ed, x, count, label, 0, 1, itself);
    judge_pixels(ed, edits, count, NULL, e->edited_features + (size_t)e->n * (size_t)e->features);
    for (size_t i = 0; i < batch; i += picture) add_edit(e, x + i, edits + i, back + i, itself + i);
}

/* Latents: as the classes in turn, for the confusion, and as the pictures' own, for the distance. */
static void evaluate_samples(Evaluation *v, int count)
{
    Edits *e = v->edits;
    int turn[EDITED_AT_ONCE];
    const real *z = v->latents + (size_t)(e->n * v->ed->g->latent);
    real *drawn = own((size_t)count, v->ed->picture * sizeof *drawn);
    for (int i = 0; i < count; i++) turn[i] = (e->n + i) % e->classes;
    evaluate_drawn(v, z, count, turn, 0, drawn);
    edit_pixels(v->ed, z, count, v->all.label + e->n, 0, 1, drawn);
    judge_pixels(v->ed, drawn, count, NULL, e->edited_features + (size_t)e->n * (size_t)e->features);
    e->n += count;
}

/* The probability of each emotion along its way from neutral, for the first neutral faces (all, where no class is). */
static void measure_curves(Evaluation *v)
{
    Edits *e = v->edits;
    int n = e->classes, neutral = find_class(v->ed->model, "neutral", 7), faces = 0;
    size_t picture = v->ed->picture;
    v->neutral = own(CURVE_FACES * picture, sizeof *v->neutral);
    for (int i = 0; i < v->all.n && faces < CURVE_FACES; i++)
        if (neutral < 0 || v->all.label[i] == neutral)
            memcpy(v->neutral + (size_t)faces++ * picture, v->all.x + (size_t)i * picture, picture * sizeof(real));
    double *p = own((size_t)(CURVE_FACES * n), sizeof *p);
    real *edits = own((size_t)faces * picture, sizeof *edits);
    e->curves = own((size_t)(faces * n * STRENGTHS), sizeof *e->curves), e->points = STRENGTHS;
    v->n_neutral = faces;
    for (int k = 0; k < n; k++) {
        if (k == neutral) continue;
        for (int j = 0; j < STRENGTHS; j++) {
            edit_pixels(v->ed, v->neutral, faces, NULL, k, (j + 1.0) / STRENGTHS, edits);
            judge_pixels(v->ed, edits, faces, p, NULL);
            for (int i = 0; i < faces; i++) e->curves[(e->n_curves + i) * STRENGTHS + j] = p[i * n + k];
        }
        e->n_curves += faces;
    }
}

/* D's score of a picture: the mean over its map, where D is asked about each class the mean of all. */
static Node *critic_score(Net *d, Node *x, Node *condition)
{
    (void)condition;
    int n = x->shape.d[0];
    Node *each = fill(x->graph, shape_of(n, 1, 1, d->classes), 1.0 / d->classes);
    Node *map = stargan_source(d, stargan_features(d, x), each);
    return scale(sum_to(map, shape_of(n, 1, 1, 1)), 1.0 / (map->shape.d[1] * map->shape.d[2]));
}

static const Drawing *use_critic(const char *run, int classes)
{
    char path[PATH_MAX];
    Settings s;
    Net *d = own(1, sizeof *d), *unused = own(1, sizeof *unused);
    const TensorFile *file = open_weights(run, path, &s);
    if (!tensorfile_find(file, "D.conv1.weight")) give_up(1, "%s has no D", path);
    on_leaving(close_net, d);
    make_nets(&s, classes, unused, d);
    const Drawing *critic = own_drawing(d, critic_score, EDITED_AT_ONCE);
    load_net(file, path, d, "D.", false);
    return critic;
}

static double *critic_scores(const Drawing *critic, const real *x, int count)
{
    double *scores = own((size_t)count, sizeof *scores);
    real *y = own((size_t)count, sizeof *y);
    draw_batches(critic, x, NULL, count, y);
    for (int i = 0; i < count; i++) scores[i] = (double)y[i];
    return scores;
}

/* D on training pictures and on their edits. */
static void critic_task(void *evaluation)
{
    enum { MOST = 512 };
    static const int parts[] = {SPLIT_TRAIN, SPLIT_ALL};
    Evaluation *v = evaluation;
    const Drawing *critic = use_critic(v->ed->run, v->edits->classes);
    const PictureSet all = read_part(v->edits->data, v->ed, "", v->limit > 0 && v->limit < MOST ? v->limit : MOST,
                                     parts, 2);
    real *edits = own((size_t)all.n * v->ed->picture, sizeof *edits);
    edit_pixels(v->ed, all.x, all.n, all.target, 0, 1, edits);
    const double *real_scores = critic_scores(critic, all.x, all.n);
    add_told_apart(&v->edits->scores, real_scores, critic_scores(critic, edits, all.n), all.n);
}

enum { LEARNT_MOST = 5000 };

/* The features of what a G from noise learnt from, if the set has a part that it did not learn from, and that is
 * judged. */
static void training_task(void *evaluation)
{
    static const int judged[] = {SPLIT_TEST, SPLIT_VALIDATION}, learnt[] = {SPLIT_TRAIN};
    Evaluation *v = evaluation;
    read_part(v->edits->data, v->ed, "", 1, judged, 2);
    const PictureSet all = read_part(v->edits->data, v->ed, "", LEARNT_MOST, learnt, 1);
    classifier_look(v->ed->judge, v->ed->g, all.x, all.n, NULL, v->learnt);
    v->edits->training = (StatsRows){v->learnt, all.n, v->edits->features};
}

/* Latents for as many pictures as the data have. */
static void order_evaluation(Evaluation *v, const Settings *s)
{
    int latent = v->ed->g->latent;
    Error none = {0};
    v->edits->label = v->all.label;
    v->latents = own((size_t)(v->all.n * latent), sizeof *v->latents);
    for (int i = 0; i < v->all.n; i++)
        fixed_latent((uint64_t)s->seed, (uint64_t)i, latent, v->latents + (size_t)(i * latent));
    v->learnt = own(LEARNT_MOST, (size_t)v->edits->features * sizeof *v->learnt);
    if (strcmp(s->split, "train") && strcmp(s->split, "all")) attempt_one(training_task, v, &none);
}

typedef struct Distance { const Edits *e; long resamplings; StatsInterval fed; } Distance;

static void distance_task(void *distance)
{
    Distance *d = distance;
    const Edits *e = d->e;
    frechet_distance(&(StatsRows){e->real_features, e->n, e->features},
                     &(StatsRows){e->edited_features, e->n, e->features}, (int)d->resamplings, 1, &d->fed);
}

static Evaluation *evaluate(Editor *ed, const char *data, const Settings *s)
{
    static const int parts[] = {SPLIT_TEST, SPLIT_VALIDATION, SPLIT_ALL};
    const Net *g = ed->g;
    Evaluation *v = own(1, sizeof *v);
    Error none = {0};
    *v = (Evaluation){.ed = ed, .limit = s->limit, .all = read_part(data, ed, s->split, s->limit, parts, 3)};
    Edits *e = v->edits = new_edits((Edits){
        .of = ed->run, .data = data, .judge = ed->judge->path, .hash = files_hash(ed->judge->path), .names = ed->names,
        .classes = g->classes, .features = ed->judge->features, .side = g->size, .channels = g->channels}, v->all.n);
    if (g->latent) order_evaluation(v, s);
    Progress *progress = own_progress("eval", 0, v->all.n);
    while (e->n < v->all.n && !interrupted) {
        Scope inner;
        enter(&inner);
        int count = min_int(EDITED_AT_ONCE, v->all.n - e->n);
        evaluate_real(v, count);
        (g->latent ? evaluate_samples : evaluate_edits)(v, count);
        leave();
        progress_show(progress, e->n, "%s", ed->run);
    }
    if (interrupted) give_up(1, "stopped after %d of %d pictures", e->n, v->all.n);
    if (!e->n) give_up(1, "%s: no picture could be read", data);
    if (!g->latent) measure_curves(v);
    Distance distance = {e, s->bootstrap, {NAN, NAN, NAN}};
    bool known = attempt_one(distance_task, &distance, &none), few = e->n <= e->features;
    sum_edits(e, distance.fed, known || few ? NULL : none.text, s->bootstrap, draw_centre, &(uint64_t){1});
    if (!g->latent && !attempt_one(critic_task, v, &none))
        add_score(&e->scores, "discriminator.f1", NAN, "not known: %.90s", none.text);
    return v;
}

/* The first pictures, or latents, with every emotion. */
static void add_strip(Page *page, const char *caption, const Evaluation *v, int most)
{
    const Net *g = v->ed->g;
    int rows = min_int(v->all.n, most), edits = !v->latents;
    const char *names[MAX_CLASSES + 1] = {"input"};
    memcpy(names + edits, v->ed->names, (size_t)g->classes * sizeof *names);
    const unsigned char *pictures = draw_emotions(v->ed, edits ? v->all.x : v->latents, rows, edits);
    add_canvas(page, caption, draw_grid(&(Grid){.pictures = pictures, .rows = rows, .columns = g->classes + edits,
                                                .side = g->size, .channels = g->channels, .column_names = names}));
}

/* A face with every emotion at strengths 0.1 to 1. */
static void add_strengths(Page *page, const char *caption, Editor *ed, const real *face)
{
    memcpy(ed->model->x->data, face, ed->picture * sizeof *face);
    add_canvas(page, caption, strength_strip(ed->model));
}

/* The numbers with pictures: confusion matrices, the first faces with every emotion, a face at growing strengths. */
static void show_evaluation(Page *page, const Evaluation *v)
{
    const Edits *e = v->edits;
    show_table(page, score_table(&e->scores));
    add_canvas(page, "What was asked for (rows) and what the classifier takes it for (columns)",
               plot_confusion(&e->edited, e->names, e->label ? "samples" : "edits", "asked for"));
    add_canvas(page, "Real pictures, for comparison", plot_confusion(&e->real, e->names, "real pictures", "is"));
    add_strip(page, "The first pictures with every emotion", v, SHOWN_EDITS);
    for (int i = 0; i < 2 && i < v->n_neutral; i++)
        add_strengths(page, "A face with every emotion at strengths 0.1 to 1", v->ed,
                      v->neutral + (size_t)i * v->ed->picture);
}

static Editor *use_generator(const char *run, Classifier *judge, const Settings *s)
{
    const Settings trained = settings_of_run(run);
    return find_model(trained.model)->from_noise ? use_sampler(run, judge, s) : use_editor(run, judge);
}

static void evaluate_run(const char *run, const char *data, const Settings *s)
{
    if (s->html && !*s->out) give_up(2, "--html needs --out FILE.html");
    const Evaluation *v = evaluate(use_generator(run, chosen_classifier(s), s), data, s);
    const Edits *e = v->edits;
    if (s->csv) write_table(edits_lines(e), stdout, TABLE_CSV);
    else (s->json ? edits_json : edits_text)(stdout, e);
    if (!s->html) return;
    Page *page = page_begin("The numbers of a generator",
                            own_text("%.200s on %.200s, %d pictures; classifier %.200s, hash %016llx", run, data,
                                     e->n, e->judge, e->hash));
    show_evaluation(page, v);
    tell_page(page, s->out);
}

/* ------------------------------------------------------------------------------------------------
 * 14.14  A graph as an ONNX file
 *
 * Node for node: each op of a forward pass has its operator there (the standard's Operators.md, opset 17); a doubling's
 * five nodes are one. Ours and ONNX's order of axes are vendor/onnx.h's business.
 * ---------------------------------------------------------------------------------------------- */

enum { ONNX_OPSET = 17 };

/* What the graph is given in the file: leaves, by their names there. */
typedef struct OnnxInputs { int n; Node *nodes[2]; const char *names[2]; } OnnxInputs;

/* Past what changes nothing: a reshape to the shape it has, as a batch norm of one picture makes. */
static const Node *onnx_origin(const Node *u)
{
    while (u && (u->op == OP_reshape || u->op == OP_stop_grad) && shape_equal(u->shape, u->in[0]->shape)) u = u->in[0];
    return u;
}

/* The operand that is really read: ONNX repeats operands of sums and products by itself, computes an instance norm's
 * moments with the norm, and takes a pool's or a maximum's one operand once. NULL: none. */
static const Node *onnx_operand(const Node *y, int k)
{
    const Node *u = onnx_origin(y->in[k]);
    bool pointwise = y->op == OP_add || y->op == OP_sub || y->op == OP_mul;
    if (k == 1 && (y->op == OP_max_pool || y->op == OP_pick_largest)) return NULL;
    if (k == 1 && y->op == OP_instance_norm && u->op == OP_moments && onnx_origin(u->in[0]) == onnx_origin(y->in[0]))
        return NULL;
    if (!u || !pointwise || u->op != OP_broadcast || y->in[1 - k]->op == OP_broadcast) return u;
    return onnx_origin(u->in[0]);                                       /* the other one has the result's shape */
}

/* How each op of a forward pass is written. Reciprocal is ours but for 1/0, which is 0 here. */
static const struct { OnnxKind kind; const char *op; } onnx_ops[OPS] = {
    [OP_leaf] = {ONNX_CONSTANT, ""}, [OP_stop_grad] = {ONNX_PLAIN, "Identity"}, [OP_prelu] = {ONNX_PLAIN, "PRelu"},
    [OP_add] = {ONNX_PLAIN, "Add"}, [OP_sub] = {ONNX_PLAIN, "Sub"}, [OP_mul] = {ONNX_PLAIN, "Mul"},
    [OP_sqrt] = {ONNX_PLAIN, "Sqrt"}, [OP_reciprocal] = {ONNX_PLAIN, "Reciprocal"}, [OP_exp] = {ONNX_PLAIN, "Exp"},
    [OP_log] = {ONNX_PLAIN, "Log"}, [OP_sin] = {ONNX_PLAIN, "Sin"}, [OP_tanh] = {ONNX_PLAIN, "Tanh"},
    [OP_sigmoid] = {ONNX_PLAIN, "Sigmoid"}, [OP_softplus] = {ONNX_PLAIN, "Softplus"},
    [OP_abs] = {ONNX_PLAIN, "Abs"}, [OP_sign] = {ONNX_PLAIN, "Sign"},
    [OP_softmax] = {ONNX_ALONG, "Softmax"}, [OP_logsumexp] = {ONNX_OVER, "ReduceLogSumExp"},
    [OP_pick_largest] = {ONNX_OVER, "ReduceMax"}, [OP_max_pool] = {ONNX_POOL, "MaxPool"},
    [OP_concat] = {ONNX_CONCAT, "Concat"}, [OP_slice] = {ONNX_SLICE, ""}, [OP_pad] = {ONNX_PAD, ""},
    [OP_reshape] = {ONNX_RESHAPE, ""}, [OP_sum] = {ONNX_SUM, ""}, [OP_broadcast] = {ONNX_EXPAND, ""},
    [OP_fill] = {ONNX_FILL, ""}, [OP_affine] = {ONNX_AFFINE, ""}, [OP_square] = {ONNX_SQUARE, ""},
    [OP_warp] = {ONNX_WARP, ""}, [OP_leaky_relu] = {ONNX_LEAKY, ""}, [OP_instance_norm] = {ONNX_NORM, ""},
    [OP_conv2d] = {ONNX_CONVOLUTION, ""}, [OP_conv2d_input_grad] = {ONNX_CONVOLUTION, ""}};

/* Is y the end of a doubling (enlarge, 5.2), pixels repeated along columns and then rows? Then what is doubled: its
 * nodes count pixels and rows as the batch, which must be free in the file. */
static const Node *doubled_by(const Node *y)
{
    static const Op chain[] = {OP_reshape, OP_broadcast, OP_reshape, OP_broadcast, OP_reshape};
    const Node *x = y;
    for (int i = 0; i < 5; i++, x = x->in[0])
        if (x->op != chain[i]) return NULL;
    const int *d = x->shape.d;
    Shape twice = shape_of(d[0], 2 * d[1], 2 * d[2], d[3]), columns = shape_of(d[0] * d[1] * d[2], 1, 2, d[3]);
    bool is = shape_equal(y->shape, twice) && shape_equal(y->in[0]->in[0]->in[0]->shape, columns);
    return is ? onnx_origin(x) : NULL;
}

static OnnxStep onnx_step_of(const Node *y)
{
    const ConvShape *c = &y->conv;
    const Node *small = doubled_by(y);
    OnnxStep step = {.kind = onnx_ops[y->op].kind, .op = onnx_ops[y->op].op, .a = y->a, .b = y->b, .axis = y->axis,
                     .from = y->from, .transposed = y->op == OP_conv2d_input_grad,
                     .window = {c->h, c->w, c->r, c->s, c->stride, c->pad_y, c->pad_x, c->ho, c->wo, c->groups}};
    bool of_gradient = (y->op == OP_pick_largest || y->op == OP_max_pool) && y->in[1] != y->in[0];
    if (of_gradient || step.kind == ONNX_UNUSED)
        give_up(1, "%s has no place in an ONNX file: it is not of a forward pass", row_of(y->op)->name);
    if (y->op == OP_leaf) step.name = y->tensor->name, step.data = y->tensor->data;
    if (y->op == OP_instance_norm) step.b = y->in[1]->a;
    memcpy(step.shape, y->shape.d, sizeof step.shape);
    for (int k = 0; k < ONNX_OPERANDS; k++) {
        const Node *operand = onnx_operand(y, k);
        step.in[k] = operand ? operand->id : -1;
    }
    if (small) step.kind = ONNX_TWICE, step.in[0] = small->id;
    return step;
}

/* Appends the computation of y from the inputs to a model. The graph must not be planned yet: the planner fuses ops. */
static void export_graph(OnnxModel *model, const Node *y, const char *name, const OnnxInputs *inputs)
{
    OnnxStep *steps = own((size_t)y->id + 1, sizeof *steps);
    bool *needed = own((size_t)y->id + 1, sizeof *needed);
    int numbers[2];
    needed[y->id] = true;
    for (int i = y->id; i >= 0; i--) {
        if (!needed[i]) continue;
        steps[i] = onnx_step_of(y->graph->nodes[i]);
        for (int k = 0; k < ONNX_OPERANDS; k++)
            if (steps[i].in[k] >= 0) needed[steps[i].in[k]] = true;
    }
    for (int i = 0; i < inputs->n; i++) {
        const Node *leaf = inputs->nodes[i];
        numbers[i] = leaf->id;
        steps[leaf->id] = onnx_step_of(leaf);
        steps[leaf->id].kind = ONNX_INPUT, steps[leaf->id].name = inputs->names[i];
    }
    onnx_program(model, steps, y->id + 1, numbers, inputs->n, name);
}

static void close_onnx(void *model) { onnx_free(*(OnnxModel **)model); }

static Node *leaf_of(const Graph *g, const Tensor *tensor)
{
    for (int i = 0; tensor && i < g->count; i++)
        if (g->nodes[i]->op == OP_leaf && g->nodes[i]->tensor == tensor) return g->nodes[i];
    return NULL;
}

/* What a program that runs the file must know: the classes, what pixels are, and where GANmut's emotions lie. */
static void describe_model(OnnxModel *model, const char *const *names, const Net *net)
{
    if (names) onnx_metadata(model, "classes", listed(names, net->classes, ","));
    onnx_metadata(model, "range", "[-1,1]");
    const Gamut gamut = gamut_of(net);
    for (int k = 0; net->space && k < gamut.n; k++) {
        const char *place = "";
        for (int i = 0; i < gamut.dimensions; i++) place = own_text("%s%s%.9g", place, i ? "," : "", gamut.mean[k][i]);
        onnx_metadata(model, own_text("place.%s", names[k]), place);
    }
}

/* A classifier as `probabilities` = softmax of its scores (or sigmoid, for attributes). */
static Drawing classifier_for(OnnxModel *model, const char *run)
{
    Classifier *c = own_classifier(run);
    const Look look = new_look(&c->net, 1, c->many.p->op == OP_sigmoid);
    describe_model(model, name_list(c->class_names, c->net.classes), &c->net);
    return (Drawing){.graph = look.graph, .x = look.x, .y = look.p};
}

/* A generator as `drawn` = G(picture, condition). */
static Drawing generator_for(OnnxModel *model, const char *run)
{
    Facegan *generator = own_generator(run);
    describe_model(model, name_list(generator->class_names, generator->g.classes), &generator->g);
    return new_drawing(&generator->g, edit_generator, 1);
}

/* The same from `noise`, with no condition where it was told no classes. */
static Drawing sampler_for(OnnxModel *model, const char *run)
{
    const Settings usual = default_settings();
    Sampler *m = open_sampler(run, &usual);
    m->s = NULL, describe_model(model, m->g.condition ? m->names : NULL, &m->g);
    return new_drawing(&m->g, noise_generator, 1);
}

static void export_onnx(const char *run, const Model *of, const char *path)
{
    char why[ONNX_ERROR_SIZE];
    Drawing *d = own(1, sizeof *d);
    bool draws = of->generator != NULL;
    OnnxModel **model = own(1, sizeof *model), *whole;
    on_leaving(close_onnx, model);
    *model = onnx_begin(draws ? "facegan generator" : "facegan classifier", "facegan", FACEGAN_VERSION, ONNX_OPSET);
    if (!*model) give_up(1, "out of memory");
    *d = (of->from_noise ? sampler_for : draws ? generator_for : classifier_for)(*model, run);
    const OnnxInputs inputs = {1 + (d->condition != NULL), {leaf_of(d->graph, d->x), leaf_of(d->graph, d->condition)},
                               {of->from_noise ? "noise" : "picture", "condition"}};
    export_graph(*model, d->y, draws ? "drawn" : "probabilities", &inputs);
    FileWriter *file = begin_file(path);
    whole = *model, *model = NULL;                                      /* saving frees it, whatever comes of it */
    if (!onnx_save_to(whole, file->stream, path, why)) give_up_because(errno, why);
    end_file(file);
}

/* ================================================================================================
 * 15  EXPERIMENTS
 *
 * An experiment answers one question with data, several runs and a page of tables and figures: the studies, the first
 * chapter's toy at work, and four documents, reproduced.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 15.1  Steps
 *
 * An experiment is a row of steps: data are made, networks trained and asked. Every step leaves a file or a run under
 * --out and is not done again where that is there, so what was stopped goes on where it was, and a second study with
 * other runs finds its judges trained.
 * ---------------------------------------------------------------------------------------------- */

/* A model's settings as the command line would have them: what is usual for it, then "name=value name=value". */
static Settings settings_of_model(const char *name, const char *words)
{
    Settings given = default_settings(), s = default_settings();
    const Model *model = find_model(name);
    set_settings(&given, words);
    set_usual(&s, model->kinds, &given);
    snprintf(s.model, sizeof s.model, "%s", model->name);
    set_settings(&s, words);
    return s;
}

/* A setting that is a path, in the command or of a step. */
static void set_path(char field[TEXT], const char *path)
{
    if (strlen(path) >= TEXT) give_up(2, "a path is too long: %s", path);
    snprintf(field, TEXT, "%s", path);
}

/* Trains DATA to OUT, or goes on with it. */
static void train_step(Settings *s, const char *data, const char *out)
{
    set_path(s->data, data), set_path(s->out, out);
    train_run(s);
}

static void print_table(const Table *t, bool csv)
{
    write_table(t, stdout, csv ? TABLE_CSV : TABLE_TEXT);
}

/* What is found is printed and goes on the page. */
static void tell_table(const Table *t, bool csv, Page *page)
{
    print_table(t, csv);
    show_table(page, t);
}

/* ------------------------------------------------------------------------------------------------
 * 15.2  study truth: GANmut's space against faces whose expression is known
 *
 * Two small networks learn from drawn faces that no generator saw: one the emotion, one its intensity and the action
 * units (their shares in labels.csv, by sigmoid cross-entropy). How far off they are on yet other faces is printed
 * first, for nothing below can be better known. Then, for neutral faces and each run:
 *   (a) edits at full strength that the first takes for their emotion
 *   (b) Spearman's correlation of the strength asked for and the intensity measured, the least over the emotions
 *   (c) neighbouring directions: is it halfway more often so than at either end that the units of both are there?
 *   (d) the smallest angle between two directions
 *   (e) smoothness, and the share of curves that never fall
 * The last column is of the same faces, drawn anew with what was asked for: what the judges would say of a perfect
 * generator.
 * ---------------------------------------------------------------------------------------------- */

/* One run, or the drawing hand, before the judges: neutral faces, who gives them an expression, and what was found. */
typedef struct Truth {
    Editor *ed;
    Classifier *actions;
    const Settings *hand;               /* of the drawing, which shows exactly what is asked for; NULL: the generator */
    int n_faces, index[CURVE_FACES];    /* index: the drawings' numbers */
    int emotion[MAX_CLASSES];           /* the drawn faces' for each class of the run */
    real *neutral;                      /* (n_faces,picture) */
    EditsTruth found;
} Truth;

/* The judges, the settings of the pictures they see, and where all is kept. */
typedef struct Judges {
    const Settings *s;
    Settings like;
    Classifier *emotions, *actions;
} Judges;

static Truth *new_truth(const Judges *judges, const char *run, const Settings *hand)
{
    Truth *t = own(1, sizeof *t);
    *t = (Truth){.ed = use_editor(run, judges->emotions), .hand = hand, .actions = judges->actions};
    t->found = (EditsTruth){.name = hand ? "the drawing itself" : run, .names = t->ed->names, .n = t->ed->g->classes,
                            .angle = NAN, .least_correlation = 1};
    const Facegan *model = t->ed->model;
    DataSet *set = own_dataset(own_text("%s/unseen", judges->s->out),
                               (DataOptions){.classes = "neutral", .split = SPLIT_ALL, .crop = model->crop,
                                             .limit = CURVE_FACES, .unlabelled = 1});
    const PictureSet faces = read_whole(set, &model->g);
    for (int k = 0; k < model->g.classes; k++) t->emotion[k] = dataset_emotion(model->class_names[k]);
    t->neutral = faces.x, t->n_faces = faces.n;
    for (int i = 0; i < t->n_faces; i++) {
        const char *name = dataset_name(set, i), *slash = strrchr(name, '/');
        t->index[i] = atoi(slash ? slash + 1 : name);                   /* 00042.png: the drawing's number 42 */
    }
    return t;
}

/* Face i, drawn anew with `strength` of an expression that lies `share` of the way from a to b; cut and scaled as the
 * run's training pictures were. */
static void draw_expressed(const Truth *t, int i, int a, int b, double share, double strength, real *out)
{
    const Net *g = &t->ed->model->g;
    Scope inner;
    float au[FACE_AUS] = {0};
    enter(&inner);
    const FaceSet hand = face_set(t->hand);
    Image large = new_picture(hand.size, hand.size, g->channels);
    unsigned char *pixels = own(t->ed->picture, 1);
    face_recipe(au, t->emotion[a], (float)((1 - share) * strength));
    face_recipe(au, t->emotion[b], (float)(share * strength));
    face_set_render(&hand, (uint64_t)t->index[i], au, large.pixels);
    dataset_square(large, t->ed->model->crop, g->size, pixels);
    image_from_bytes(pixels, t->ed->picture, out);
    leave();
}

/* All faces with that expression: (n_faces,picture). */
static void express(const Truth *t, int a, int b, double share, double strength, real *out)
{
    Editor *ed = t->ed;
    int n = ed->model->g.condition;
    double z[SPACE_MOST];
    for (int i = 0; t->hand && i < t->n_faces; i++)
        draw_expressed(t, i, a, b, share, strength, out + (size_t)i * ed->picture);
    if (t->hand) return;
    if (a == b) { edit_pixels(ed, t->neutral, t->n_faces, NULL, a, strength, out); return; }
    real *conditions = own((size_t)(t->n_faces * n), sizeof *conditions);
    point_between(ed->model, a, b, share, strength, z);
    for (int i = 0; i < t->n_faces * n; i++) conditions[i] = (real)z[i % n];
    draw_batches(ed->drawing, t->neutral, conditions, t->n_faces, out);
    give_back(conditions);
}

/* The share of faces on which the units of both emotions are there, at `share` of the way from a to b: each set's mean
 * nearer to half its recipe's, which is what a blend of equal parts has, than to none. The judge's first answer is the
 * intensity, then come all units. */
static double both_there(const Truth *t, int a, int b, double share)
{
    Scope inner;
    enter(&inner);
    int n = t->actions->net.classes, first = t->emotion[a], second = t->emotion[b], there = 0;
    double *shares = own((size_t)(t->n_faces * n), sizeof *shares);
    real *edits = own((size_t)t->n_faces * t->ed->picture, sizeof *edits);
    express(t, a, b, share, 1, edits);
    classifier_look(t->actions, &t->ed->model->g, edits, t->n_faces, shares, NULL);
    for (int i = 0; i < t->n_faces; i++) {
        const double *units = shares + i * n + 1;
        there += face_own_units(units, first, second) > 0.25 && face_own_units(units, second, first) > 0.25;
    }
    leave();
    return (double)there / t->n_faces;
}

/* Counts the pair, unless one of the two has no unit that the other lacks. */
static void measure_pair(Truth *t, int a, int b)
{
    const double none[FACE_AUS] = {0};
    int first = t->emotion[a], second = t->emotion[b];
    if (isnan(face_own_units(none, first, second)) || isnan(face_own_units(none, second, first))) return;
    EditsBlend blend = {.a = a, .b = b};
    for (int at = 0; at < 3; at++) blend.share[at] = both_there(t, a, b, at / 2.0);
    add_blend(&t->found, blend);
}

/* (c) and (d): in the plane neighbours are next to each other around the circle; to the hand all are. */
static void measure_space(Truth *t)
{
    Gamut gamut = gamut_of(&t->ed->model->g);
    int order[MAX_CLASSES], n = around_the_circle(&gamut, order), classes = t->ed->model->g.classes;
    for (int a = 0; t->hand && a < classes; a++)
        for (int b = a + 1; b < classes; b++) measure_pair(t, a, b);
    if (t->hand || t->ed->model->g.space != 'l' || gamut.dimensions != 2) return;
    for (int i = 0; i < n; i++) {
        int a = order[i], b = order[(i + 1) % n];
        double dot = gamut.mean[a][0] * gamut.mean[b][0] + gamut.mean[a][1] * gamut.mean[b][1];
        t->found.angle = fmin(isfinite(t->found.angle) ? t->found.angle : 180,
                              acos(fmax(-1, fmin(1, dot))) * 360 / TURN);
        measure_pair(t, a, b);
    }
}

/* (a), (b) and (e). */
static void measure_strengths(Truth *t)
{
    EditsTruth *found = &t->found;
    int n = t->ed->model->g.classes, units = t->actions->net.classes, faces = t->n_faces, points = faces * STRENGTHS,
        right = 0, ways = 0;
    double *p = own((size_t)(faces * max_int(n, units)), sizeof *p),
           *asked = own((size_t)((2 + n) * points), sizeof *asked), *measured = asked + points,
           *curves = measured + points;                                 /* (way,face,strength) */
    real *edits = own((size_t)faces * t->ed->picture, sizeof *edits);
    for (int k = 0; k < n; k++) {
        if (k == find_class(t->ed->model, "neutral", 7)) continue;
        for (int j = 0; j < STRENGTHS; j++) {
            double strength = (j + 1.0) / STRENGTHS;
            express(t, k, k, 0, strength, edits);
            classifier_look(t->actions, &t->ed->model->g, edits, faces, p, NULL);
            for (int i = 0; i < faces; i++) {
                asked[i * STRENGTHS + j] = strength, measured[i * STRENGTHS + j] = p[i * units];
                found->intensity[k][j] += p[i * units] / faces;
            }
            judge_pixels(t->ed, edits, faces, p, NULL);
            for (int i = 0; i < faces; i++) curves[(ways * faces + i) * STRENGTHS + j] = p[i * n + k];
        }
        for (int i = 0; i < faces; i++) right += stats_largest(p + i * n, n) == k;      /* at full strength */
        found->correlation[k] = stats_rank_correlation(asked, measured, points);
        if (!(found->correlation[k] >= found->least_correlation)) found->least_correlation = found->correlation[k];
        ways++;
    }
    const StatsCurves smooth = stats_curves(curves, ways * faces, STRENGTHS);
    found->right = (double)right / (ways * faces), found->smooth = smooth.step, found->rising = smooth.rising;
}

/* ---- the judges, and their own errors on faces that nobody saw ---- */

/* OUT/unseen with what the judge answers as its labels, and its answers (count,n). */
static DataSet *ask_about_unseen(const char *out, Classifier *judge, bool attributes, const double **answers)
{
    const char *list = listed(name_list(judge->class_names, judge->net.classes), judge->net.classes, ",");
    DataSet *set = own_dataset(own_text("%s/unseen/labels.csv", out),
                               (DataOptions){.attributes = attributes ? list : NULL,
                                             .classes = attributes ? NULL : list, .split = SPLIT_ALL,
                                             .crop = judge->crop});
    const PictureSet all = read_whole(set, &judge->net);
    double *p = own((size_t)(all.n * judge->net.classes), sizeof *p);
    classifier_run(judge, all.x, all.n, p, NULL);
    *answers = p;
    return set;
}

static Table *judge_judges(const Judges *judges)
{
    const double *got, *p;
    const DataSet *shares = ask_about_unseen(judges->s->out, judges->actions, true, &got),
                  *labels = ask_about_unseen(judges->s->out, judges->emotions, false, &p);
    int n = shares->n_classes, classes = labels->n_classes, numbers = shares->count * n, strong = 0, right = 0;
    double *known = own((size_t)numbers, sizeof *known);
    for (int i = 0; i < numbers; i++) known[i] = shares->attributes[i] / (double)ATTRIBUTE_WHOLE;
    Table *table = measured_table("The judges on faces that nobody saw", name_list(judges->actions->class_names, n), n,
                                  known, got, shares->count, 1);
    for (int i = 0; i < labels->count; i++) {                           /* the first attribute: the intensity */
        if (shares->attributes[i * n] <= ATTRIBUTE_WHOLE / 2) continue;
        strong++, right += stats_largest(p + i * classes, classes) == labels->label[i];
    }
    table_row(table, n + 1, "the emotion, of an intensity over a half\t%.1f%% right", 100.0 * right / strong);
    return table;
}

/* Judges that lie in OUT serve again; those that learnt from other faces must not. */
static void check_judges(const Judges *judges)
{
    const Settings *s = judges->s, *like = &judges->like;
    const char *path = own_text("%s/judges.txt", s->out),
               *wanted = own_text("--count %ld --size %ld --pose %g --weakest %g --blends %g --viewers %ld --epochs "
                                  "%ld --seed %ld, pictures of %ld px cut to %ld, %ld channels", s->count, s->size,
                                  s->pose, s->weakest, s->blends, s->viewers, s->epochs, s->seed, like->size,
                                  like->crop, like->channels);
    size_t size;
    if (!path_exists(textf("%s/faces", s->out).s) || !path_exists(path)) {
        write_file(path, wanted, strlen(wanted));
        return;
    }
    const char *found = read_file(path, 1 << 16, &size);
    if (strcmp(found, wanted))
        give_up(2, "%s: its judges were made with %s, not %s; give another --out", s->out, found, wanted);
}

/* The sets differ in their seeds, so that nobody is in two of them. */
enum { FACES, BLENDS, UNSEEN, DRAWN_SETS };
static const struct { const char *name, *words; long count; } drawn_sets[DRAWN_SETS] = {
    [FACES] = {"faces", "", 0}, [BLENDS] = {"blends", "weakest=0 blends=0.7 viewers=0", 0},
    [UNSEEN] = {"unseen", "weakest=0 blends=0.3 viewers=0", 700}};

static Settings drawing_of(const Judges *judges, int which)
{
    Settings hand = *judges->s;
    hand.seed += 1000 + which, hand.size = hand.size ? hand.size : 64, hand.channels = judges->like.channels;
    return hand;
}

/* Draws a set under OUT, unless it is there: the first as --weakest, --blends and --viewers say. */
static void draw_step(const Judges *judges, int which)
{
    Settings hand = drawing_of(judges, which);
    const char *out = own_text("%s/%s", hand.out, drawn_sets[which].name);
    if (judges->like.crop > hand.size)
        give_up(2, "--size %ld: the runs cut out %ld pixels of larger faces", hand.size, judges->like.crop);
    if (path_exists(textf("%s/labels.csv", out).s)) return;
    set_settings(&hand, drawn_sets[which].words);
    if (drawn_sets[which].count) hand.count = drawn_sets[which].count;
    set_path(hand.out, out);
    draw_faces(&hand);
}

/* Trains OUT/name on a set under OUT, its pictures cut and scaled as the runs' are. */
static Classifier *train_judge(const Judges *judges, const char *data, const char *name, const char *attributes)
{
    const Settings *s = judges->s;
    const char *out = own_text("%s/%s", s->out, name);
    Settings judge = settings_of_model("classifier", "network=small validation=0.1");
    judge.crop = judges->like.crop, judge.size = judges->like.size;
    judge.epochs = s->epochs ? s->epochs : 8;
    snprintf(judge.attributes, sizeof judge.attributes, "%s", attributes);
    /* what a finished training leaves */
    if (!path_exists(textf("%s/report.html", out).s)) train_step(&judge, own_text("%s/%s", s->out, data), out);
    return own_classifier(out);
}

/* Draws the faces and trains the two, unless all that is there. */
static void train_judges(Judges *judges)
{
    const char *units = "intensity";
    for (int u = 0; u < FACE_AUS; u++) units = own_text("%s,AU%d", units, face_au_number(u));
    for (int which = 0; which < DRAWN_SETS; which++) draw_step(judges, which);
    judges->emotions = train_judge(judges, "faces", "emotions", "");
    judges->actions = train_judge(judges, "blends/labels.csv", "actions", units);
}

/* The six numbers of one run (`hand`: of the drawn faces themselves), in a column of the table; its strips go on the
 * page. Printed are, for each emotion, the intensity measured at each strength asked for; then how often the units of
 * both emotions are there between two neighbours. */
static void truth_of_run(const Judges *judges, const char *run, const Settings *hand, Table *table, int column,
                         Page *page)
{
    Scope inner;
    enter(&inner);
    Truth *t = new_truth(judges, run, hand);
    measure_strengths(t);
    measure_space(t);
    const Table *blends = truth_blends(&t->found);
    tell_table(truth_strengths(&t->found), judges->s->csv, page);
    if (blends) tell_table(blends, judges->s->csv, page);
    add_truth(table, column, &t->found);
    if (!hand) add_strengths(page, run, t->ed, t->neutral);
    leave();
}

static void study_truth(char *const *runs, int n, const Settings *s)
{
    Judges judges = {.s = s};
    for (int i = n - 1; i >= 0; i--)                                    /* of the first; all are there, and edit */
        judges.like = settings_of_run(runs[i]), own_generator(runs[i]);
    make_folder(s->out);
    check_judges(&judges);
    train_judges(&judges);
    const Settings hand = drawing_of(&judges, UNSEEN);
    Page *page = page_begin("facegan study: the truth", s->out);
    tell_table(judge_judges(&judges), s->csv, page);
    Table *table = truth_summary("GANmut's space against the truth", n + 1);
    for (int i = 0; i <= n; i++)                                        /* the last: the hand that drew them */
        truth_of_run(&judges, runs[i % n], i == n ? &hand : NULL, table, i + 1, page);
    tell_table(table, s->csv, page);
    tell_page(page, own_text("%s/study.html", s->out));
}

/* ------------------------------------------------------------------------------------------------
 * 15.3  study augment: do drawn pictures help a classifier that has seen few real ones?
 *
 * For each seed: so many real pictures of each class, chosen by chance; a GAN that learns from these alone, and draws
 * n - 1 times as many: a StarGAN each of them with every other class's expression, a conditional GAN from noise; then
 * two classifiers, one on the real pictures, one on real and drawn, with the same number of steps, the same initial
 * weights and the same augmentation. Both judge the same pictures that neither saw: UNSEEN, or others of the set. The
 * differences of the pairs are held against chance (stats_compare_pairs).
 * ---------------------------------------------------------------------------------------------- */

enum { UNSEEN_MOST = 200,               /* pictures of a class */
       FEWEST_STEPS = 500 };            /* of a classifier, unless told: ten passes through 60 pictures are too few */

/* FOLDER/real: --count pictures of each class to learn from, a quarter as many for the classifiers' curves, and some
 * that neither sees; then FOLDER/real.csv, which says that all are written. */
static void write_real(const DataSet *set, const Settings *s, uint64_t seed, const char *folder)
{
    const long each[3] = {s->count, (s->count + 3) / 4, UNSEEN_MOST};
    const char *out = own_text("%s/real", folder);
    loader_deal(set, (LoaderChance){draw, seed, STREAM_SPLIT}, each, (int)s->size, (int)s->channels, out);
    dataset_write(own_dataset(out, (DataOptions){.split = SPLIT_ALL}), NULL, own_text("%s/real.csv", folder));
}

/* What draws: a small network of the model that --drawn-by names. */
static Settings augment_gan(const Settings *s, long seed, long pictures)
{
    static const char *const words[] = {
        "g-repeat=2 batch=8 n-critic=2 lr=0.0004 beta2=0.99",
        "batch=16 " DOCUMENTS_STYLES};
    Settings gan = settings_of_model(s->drawn_by, words[strcmp(s->drawn_by, "cgan") == 0]);
    gan.size = s->size, gan.channels = s->channels, gan.width = s->width, gan.iters = s->iters, gan.seed = seed;
    if (gan.batch > pictures) gan.batch = pictures;
    return gan;
}

/* OUT: each real picture with every other class's expression. */
static void draw_edits(const char *run, const DataSet *set, const char *out)
{
    Editor *ed = use_editor(run, NULL);
    const Facegan *model = ed->model;
    const PictureSet all = read_all(set, &model->g);
    const unsigned char *pixels = draw_emotions(ed, all.x, all.n, false);
    for (int i = 0; i < all.n * model->g.classes; i++, pixels += ed->picture) {
        int face = i / model->g.classes;
        const char *name = model->class_names[i % model->g.classes];
        if (strcmp(set->class_names[all.label[face]], name) == 0) continue;
        loader_save(out, name, own_text("drawn-%d", face), pixels, model->g.size, model->g.channels);
    }
}

/* Draws to FOLDER/drawn; LIST: real and drawn. */
static void write_drawn(const char *folder, const Settings *s, long seed, const char *list)
{
    const char *out = own_text("%s/drawn", folder), *run = own_text("%s/gan/checkpoint.safetensors", folder);
    DataSet *sets[2] = {own_dataset(own_text("%s/real.csv", folder), (DataOptions){.split = SPLIT_ALL}), NULL};
    Settings samples = *s;
    samples.files = samples.force = 1, samples.seed = seed, set_path(samples.out, out);
    samples.count = s->count * sets[0]->n_classes * (sets[0]->n_classes - 1);
    if (find_model(s->drawn_by)->from_noise) sample_noise(run, &samples);
    else draw_edits(run, own_dataset(own_text("%s/real.csv", folder), (DataOptions){.split = SPLIT_TRAIN}), out);
    sets[1] = own_dataset(out, (DataOptions){.split = SPLIT_ALL});
    dataset_join(sets, 2, list);
}

/* What a classifier that learnt from FOLDER/name.csv makes of the pictures that it did not see: its last weights, as
 * a few held-out pictures cannot say which are best (the loss on 15 was lowest before any class was learnt). --crop is
 * for UNSEEN's: the others are cut already. */
static StatsConfusion verdict_on(const char *name, const char *unseen, const Settings *s, long seed, long classes,
                                 const char *folder)
{
    Settings c = settings_of_model("classifier", "network=small epochs=0 validation=0"), judged = *s;
    long shown = s->count * classes, epochs = s->epochs ? s->epochs : 10;
    const char *run = own_text("%s/on-%s", folder, name);
    c.size = s->size, c.channels = s->channels, c.seed = seed;
    c.batch = shown < 32 ? shown : 32;
    c.iters = (epochs * shown * classes + c.batch - 1) / c.batch;       /* as many for both */
    if (!s->epochs && c.iters < FEWEST_STEPS) c.iters = FEWEST_STEPS;
    train_step(&c, own_text("%s/%s.csv", folder, name), run);
    judged.limit = 0;
    Classifier *judge = own_classifier(own_text("%s/checkpoint.safetensors", run));
    if (unseen) judge->crop = (int)s->crop;
    else snprintf(judged.split, sizeof judged.split, "%s", split_names[SPLIT_TEST]);
    return answer_set(unseen ? unseen : own_text("%s/real.csv", folder), judge, &judged)->a.f;
}

/* One seed, from the choice of pictures to the two verdicts; what is there already is not made again. */
static void augment_seed(Paired *p, const DataSet *set, const char *unseen, const Settings *s, long seed)
{
    Scope inner;
    enter(&inner);
    const char *folder = own_text("%s/seed-%ld", s->out, seed), *mix = own_text("mixed-%ld", s->iters),
               *list = own_text("%s/%s.csv", folder, mix);
    Settings gan = augment_gan(s, seed, s->count * set->n_classes);
    if (!path_exists(textf("%s/real.csv", folder).s)) write_real(set, s, (uint64_t)seed, folder);
    train_step(&gan, own_text("%s/real.csv", folder), own_text("%s/gan", folder));
    if (!path_exists(list)) write_drawn(folder, s, seed, list);
    const StatsConfusion real_only = verdict_on("real", unseen, s, seed, set->n_classes, folder),
                         mixed = verdict_on(mix, unseen, s, seed, set->n_classes, folder);
    add_pair(p, &real_only, &mixed);
    leave();
}

/* The verdict; `unseen` or NULL. */
static const Table *study_augment(const char *data, const char *unseen, const Settings *s)
{
    Paired *p = own(1, sizeof *p);
    DataSet *set = own_dataset(data, (DataOptions){.classes = *s->classes ? s->classes : NULL, .split = SPLIT_TRAIN,
                                                   .crop = (int)s->crop});
    make_folder(s->out);
    *p = (Paired){.ways = {"real only", "real and drawn"}, .names = (const char *const *)set->class_names};
    for (long seed = 1; seed <= s->repeat; seed++) augment_seed(p, set, unseen, s, seed);
    const Table *pairs = pairs_table(p, "Accuracy, seed by seed", "seed"),
                *verdict = paired_table(p, "Do drawn pictures help?", "on unseen pictures");
    const char *words = paired_words(verdict, "with drawn pictures");
    Page *page = page_begin("facegan study: do drawn pictures help?", s->out);
    print_table(pairs, s->csv), print_table(verdict, s->csv);
    if (!s->csv) printf("\n%s\n", words);
    page_paragraph(page, words);
    show_table(page, verdict), show_table(page, pairs);
    tell_page(page, own_text("%s/study.html", s->out));
    return verdict;
}

/* ------------------------------------------------------------------------------------------------
 * 15.4  study ganmut: Surani's tables and figures
 *
 * A text file says which runs are compared and who judges them, a line each (# begins a comment):
 *
 *     do train ganmut affwild-mtcnn --out runs/aff-1 --seed 1       a command line, carried out first
 *     data faces/test                                              what every generator is judged on
 *     classifier VGG runs/vgg                                      a judge: a name and its run
 *     row "Aff-Wild2 MTCNN" runs/aff-1 runs/aff-2                  a row of the tables: its runs, one a seed
 *
 * Cells are the mean over a row's runs, with the standard deviation between them where there are several. Detectors
 * and data mixes are rows, imported generators too.
 * ---------------------------------------------------------------------------------------------- */

/* A command line as if it had been typed, but for its results, which go to stderr: stdout is the study's. */
static void carry_out(int n, char **given)
{
    char *words[PLAN_WORDS + 1] = {"facegan"};
    for (int i = 0; i < n; i++) words[i + 1] = given[i];
    fflush(stdout);
    int results = dup(1);
    dup2(2, 1);
    int status = facegan_main(n + 1, words);
    dup2(results, 1), close(results);
    if (status) give_up(status, "this step of the study failed: facegan %s %s ...", given[0], n > 1 ? given[1] : "");
}

/* Figures 9 and 10 from a row's first run: a face at growing strengths, and the first faces with every emotion. */
static void show_row(Page *page, const char *name, const Evaluation *v)
{
    page_heading(page, name);
    add_strip(page, "Faces with every emotion", v, 3);
    if (v->n_neutral) add_strengths(page, "Growing strength", v->ed, v->neutral);
}

static void judge_row(Plan *p, int r, int j, Classifier *judge, const Settings *s, Page *page)
{
    for (int i = 0; i < p->n_runs[r]; i++) {
        Scope inner;
        enter(&inner);
        const Evaluation *v = evaluate(use_editor(p->runs[r][i], judge), p->data, s);
        for (int m = 0; m < SURANI_NUMBERS; m++) p->scores[r][j][m][i] = score_of(&v->edits->scores, surani_numbers[m]);
        if (i == 0 && j == 0) show_row(page, p->row_names[r], v);
        leave();
    }
}

static void study_ganmut(const char *path, const Settings *s)
{
    make_folder(s->out);
    Plan *plan = read_plan(path, carry_out);
    Page *page = page_begin("facegan study: GANmut", path);
    for (int j = 0; j < plan->n_judges; j++) {
        Classifier *judge = own_classifier(plan->judges[j]);
        for (int r = 0; r < plan->n_rows; r++) judge_row(plan, r, j, judge, s, page);
        if (!s->csv) printf("%s  %s, hash %016" PRIx64 ", %d features\n", plan->judge_names[j], judge->path,
                            files_hash(judge->path), judge->features);
    }
    for (int k = 0; k < SURANI_TABLES; k++) {
        const Table *t = surani_table(plan, k);
        if (s->csv) printf("%s# %s\n", k ? "\n" : "", t->title);
        tell_table(t, s->csv, page);
    }
    tell_page(page, own_text("%s/study.html", s->out));
}

/* ------------------------------------------------------------------------------------------------
 * 15.5  The toy at work: chapter 1's points, judged and drawn
 * ---------------------------------------------------------------------------------------------- */

enum { TOY_SIDE = 360, LANDSCAPE = 48, TOY_FRAMES = 40, TOY_SEED = 1 };         /* the picture shows -3 to 3 */

static Heaps heaps;                     /* where the real points lie: vendor/heaps.h */

static void draw_toy_batch(Toy *t, long n)
{
    uint64_t batch = (uint64_t)n;
    draw_normal(t->x, TOY_SEED, STREAM_TOY, batch, 0);
    draw_normal(t->z, TOY_SEED, STREAM_TOY_NOISE, batch, 0);
    for (int i = 0; i < CROWD; i++) {
        double point[2] = {(double)t->x->data[2 * i], (double)t->x->data[2 * i + 1]};
        heaps_point(&heaps, draw(TOY_SEED, STREAM_HEAP, batch, (uint32_t)i), point);
        for (int k = 0; k < 2; k++) t->x->data[2 * i + k] = (real)point[k];
        t->alpha->data[i] = (real)draw(TOY_SEED, STREAM_TOY_ALPHA, batch, (uint32_t)i);
    }
}

typedef struct ToyRun {
    Toy toy;
    Graph *drawing, *scoring;           /* G and D as they are */
    Tensor *place;                      /* (N,1,1,2) what D is asked about */
    Node *drawn, *score;
} ToyRun;

static ToyRun *use_toy(ToyLoss loss)
{
    ToyRun *run = own(1, sizeof *run);
    Toy *t = &run->toy;
    const Shape points = shape_of(CROWD, 1, 1, 2), rate = shape_of(1, 1, 1, 3);
    *t = (Toy){.loss = loss, .g = net_new('G', toy_beta1, toy_beta2), .d = net_new('D', toy_beta1, toy_beta2)};
    Net *nets[] = {t->g, t->d};
    for (int i = 0; i < 2; i++) on_leaving(free, nets[i]), on_leaving(close_net, nets[i]);
    t->x = own_tensor("x", points), t->z = own_tensor("z", points), run->place = own_tensor("place", points);
    t->alpha = own_tensor("alpha", shape_of(CROWD, 1, 1, 1));
    t->d_schedule = own_tensor("d_schedule", rate), t->g_schedule = own_tensor("g_schedule", rate);
    build_toy_d_step(t), build_toy_g_step(t);
    run->drawing = graph_new(), run->scoring = graph_new();
    Graph *graphs[] = {t->d_step, t->g_step, run->drawing, run->scoring};
    for (int i = 0; i < 4; i++) own_graph(graphs[i]);
    net_attach(t->g, run->drawing), net_attach(t->d, run->scoring);
    run->drawn = keep(toy_layers(t->g, leaf(run->drawing, t->z), 2));
    run->score = keep(toy_layers(t->d, leaf(run->scoring, run->place), 1));
    bind_graphs(graphs, 4);
    net_initialise(t->g, TOY_SEED), net_initialise(t->d, TOY_SEED);
    return run;
}

/* A batch of G's points, of noise that is always the same: `run->drawn`. */
static const real *draw_toy_points(ToyRun *run, uint64_t batch)
{
    draw_normal(run->toy.z, TOY_SEED, STREAM_LATENT, batch, 0);
    graph_run(run->drawing);
    return run->drawn->data;
}

/* What G draws: how many heaps it reaches, and the share of its points that lie on one. */
static HeapsVerdict judge_toy(ToyRun *run)
{
    enum { BATCHES = 8 };
    HeapsTally drawn = {0};
    for (int b = 0; b < BATCHES; b++) {
        const real *p = draw_toy_points(run, (uint64_t)b);
        for (int i = 0; i < CROWD; i++) heaps_add(&drawn, &heaps, (double)p[2 * i], (double)p[2 * i + 1]);
    }
    return heaps_verdict(&drawn, &heaps);
}

/* D's scores over the plane, (LANDSCAPE,LANDSCAPE). */
static double *toy_landscape(ToyRun *run)
{
    enum { CELLS = LANDSCAPE * LANDSCAPE };
    double *score = own(CELLS, sizeof *score);
    for (int from = 0; from < CELLS; from += CROWD) {
        for (int i = 0; i < CROWD; i++) {
            run->place->data[2 * i] = (real)(6 * ((from + i) % LANDSCAPE + 0.5) / LANDSCAPE - 3);
            run->place->data[2 * i + 1] = (real)(3 - 6 * ((from + i) / LANDSCAPE + 0.5) / LANDSCAPE);
        }
        graph_run(run->scoring);
        for (int i = 0; i < CROWD; i++) score[from + i] = (double)run->score->data[i];
    }
    return score;
}

/* On D's landscape, dark where it takes points for real, the real points blue, G's orange. */
static Image draw_toy(ToyRun *run)
{
    PlotCanvas canvas = new_canvas(TOY_SIDE, TOY_SIDE);
    plot_shades(&canvas, 0, 0, TOY_SIDE, TOY_SIDE, toy_landscape(run), LANDSCAPE, LANDSCAPE, 245, 125);
    const real *points[2] = {run->toy.x->data, draw_toy_points(run, 0)};
    for (int i = 0; i < 2 * CROWD; i++) {
        const real *p = points[i / CROWD] + 2 * (i % CROWD);
        plot_disc(&canvas, TOY_SIDE * ((double)p[0] + 3) / 6, TOY_SIDE * (3 - (double)p[1]) / 6,
                  i < CROWD ? 1.6 : 2.2, i < CROWD ? 0x2563eb : 0xe8710a);
    }
    return image_of(&canvas);
}

/* Runs it, keeping at most TOY_FRAMES pictures for the film; their number. */
static int film_toy(ToyRun *run, long iterations, Image frames[TOY_FRAMES])
{
    int made = 0;
    Progress *progress = own_progress("toy", 0, iterations);
    for (long i = 0; i < iterations; i++) {
        if (interrupted) give_up(1, "stopped after %ld of %ld iterations", i, iterations);
        toy_iteration(&run->toy, i, iterations, draw_toy_batch);
        bool due = (i + 1) * TOY_FRAMES / iterations > i * TOY_FRAMES / iterations;
        if (due && made < TOY_FRAMES) frames[made++] = draw_toy(run);
        progress_show(progress, i + 1, "%s", "");
    }
    return made;
}

static void run_toy_of(const char *kind, const Settings *s)
{
    static const char *const kinds[] = {"gan", "wgan", "wgan-gp"};
    Image frames[TOY_FRAMES];
    int loss = 0;
    const char *out = *s->out ? s->out : own_text("runs/toy-%s", kind);
    while (strcmp(kinds[loss], kind)) loss++;
    heaps = heaps_new(s->shape);
    make_folder(out);
    ToyRun *run = use_toy((ToyLoss)loss);
    int made = film_toy(run, s->iters, frames);
    deliver(own_text("%s/points.png", out), &frames[made - 1], NULL);
    deliver_film(own_text("%s/points.gif", out), frames, made, 80);
    HeapsVerdict v = judge_toy(run);
    printf("%s: G reaches %d of %d heaps, %.0f%% of its points lie on one: %s\n", kind, v.reached, heaps.n,
           100 * v.within, v.reached == heaps.n ? "none is left out" :
           v.within < 0.5 ? "it is still on its way" : "mode collapse, the others are left out");
}

/* ------------------------------------------------------------------------------------------------
 * 15.6  The documents, reproduced
 *
 * A document is two tables (documents.h): its experiments in their order, each a network that is trained, and its
 * published numbers, each beside a number of ours. One engine for all:
 *
 *     plan     three steps of every network are timed; each gets the document's own length, or what its share of
 *              --budget allows. OUT/plan.csv keeps the times, so that the plan is the same when the command goes on
 *     train    OUT/<experiment>, goes on where it was, is passed over when done
 *     facts    OUT/<experiment>/facts-<iterations>.csv: what was measured of it, a name and a number a line
 *     page     OUT/report.html: published | here | why they differ; then a section for each experiment
 * ---------------------------------------------------------------------------------------------- */

enum { EXPERIMENTS_MOST = 24 };

typedef struct Work {
    const Experiment *x;
    Settings s;                         /* as it is trained: s.out is OUT/<experiment>, s.iters as planned */
    long full, passes;                  /* the document's length, in iterations and in passes through the data */
    double seconds;                     /* one of them, here */
    Table *facts;
} Work;

typedef struct Reproduction {
    const Document *document;
    const Settings *s;
    char *const *data;
    int n_data, n;
    double budget;                      /* seconds; INFINITY: all that the document did */
    Work works[EXPERIMENTS_MOST];
} Reproduction;

static Work *find_work(Reproduction *r, const char *name)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->works[i].x->name, name) == 0) return &r->works[i];
    return NULL;
}

/* ---- the plan ---- */

/* The network as the document has it. What the command says of the classifier's document (--network, --init, ...)
 * holds. A dry run, which writes nothing, looks at the first of two sets to be joined. */
static void add_work(Reproduction *r, const Experiment *x)
{
    Work *w = &r->works[r->n++];
    const Document *d = r->document;
    const char *words = own_text("%s %s", x->settings, d->cut && isfinite(r->budget) ? d->cut : "");
    if (strcmp(x->model, "classifier") == 0) words = x->settings;
    bool inherits = d->takes && (!*words || strcmp(r->s->network, "small") == 0);
    *w = (Work){.x = x, .s = inherits ? *r->s : settings_of_model(x->model, words)};
    if (inherits) set_settings(&w->s, words);
    else if (d->takes) {                                                /* another network: the data alone is shared */
        snprintf(w->s.classes, sizeof w->s.classes, "%s", r->s->classes);
        snprintf(w->s.balance, sizeof w->s.balance, "%s", r->s->balance);
        w->s.validation = r->s->validation;
    }
    w->s.seed = r->s->seed, w->s.dry_run = 0, w->passes = w->s.epochs;
    if (x->shrink) w->s.size /= x->shrink;
    if (strcmp(x->model, "classifier") && r->s->width) w->s.width = r->s->width, w->s.d_width = 0;
    const char *data = x->joined && !r->s->dry_run ? join_sets(r->data[x->data], r->data[x->joined], r->s->out, x->name)
                                                    : r->data[min_int(x->data, r->n_data - 1)];
    set_path(w->s.data, data), set_path(w->s.out, own_text("%s/%s", r->s->out, x->name));
    if (x->kind == AUGMENTATION) w->s.count = augmented_count(data, w->s.count);
}

/* Is the data there that it needs? A judge takes what there is. */
static bool can_be_tried(const Reproduction *r, const Experiment *x)
{
    return x->kind == A_CLASSIFIER || max_int(x->data, x->joined) < r->n_data;
}

/* Times a few steps, which are not kept. A study's GAN is trained once a seed, and classifiers after it take as
 * long again. */
static void time_work(Work *w)
{
    bool study = w->x->kind == AUGMENTATION;
    Settings trial = study ? augment_gan(&w->s, 1, 2 * w->s.count) : w->s;
    set_path(trial.data, w->s.data), set_path(trial.out, w->s.out);
    trial.dry_run = ONLY_TIMES;
    train(&trial);
    w->full = trial.iters, w->seconds = trial.seconds_a_step * (study ? 2 * (double)w->s.repeat : 1);
}

/* How long each is trained: four fifths of the budget, the rest is for what is measured. */
static void share_time(Reproduction *r)
{
    double whole[EXPERIMENTS_MOST], weight[EXPERIMENTS_MOST], given[EXPERIMENTS_MOST];
    for (int i = 0; i < r->n; i++)
        whole[i] = (double)r->works[i].full * r->works[i].seconds, weight[i] = r->works[i].x->share;
    progress_share(0.8 * r->budget, r->n, whole, weight, given);
    for (int i = 0; i < r->n; i++) {
        Work *w = &r->works[i];
        w->s.iters = given[i] < whole[i] ? (long)fmax(1, given[i] / w->seconds) : w->full;
        if (w->x->kind != AUGMENTATION) w->s.epochs = 0;                /* a study's are its classifiers' */
        if (w->x->kind == NOISE_GAN) w->s.sample_every = w->s.iters < 10 ? 1 : w->s.iters / 10;
    }
}

static void make_plan(Reproduction *r)
{
    const Document *d = r->document;
    const char *path = own_text("%s/plan.csv", r->s->out);
    for (int i = 0; i < d->n_experiments; i++)
        if (can_be_tried(r, &d->experiments[i])) add_work(r, &d->experiments[i]);
    for (TableReader *rows = path_exists(path) ? open_table(path, 3) : NULL; rows && more_rows(rows);) {
        Work *w = rows->n_fields == 3 ? find_work(r, rows->fields[0]) : NULL;
        if (w) w->full = atol(rows->fields[1]), w->seconds = atof(rows->fields[2]);     /* of an earlier call */
    }
    Table *t = new_table(NULL, r->n, 3);
    table_row(t, 0, "experiment\titerations\tseconds");
    for (int i = 0; i < r->n; i++) {
        Work *w = &r->works[i];
        if (!w->full) time_work(w);
        give_up_if_interrupted(i, r->n, "networks whose training is timed");
        table_row(t, i + 1, "%s\t%ld\t%.6f", w->x->name, w->full, w->seconds);
    }
    share_time(r);
    if (r->s->dry_run) return;
    make_folder(r->s->out);
    save_table(t, path);
}

static Table *plan_table(const Reproduction *r)
{
    Table *t = new_table("The plan", r->n + 1, 6);
    double all = 0;
    table_row(t, 0, "experiment\tdata\tmodel\titerations\tin full\ttime");
    for (int i = 0; i < r->n; i++) {
        const Work *w = &r->works[i];
        double seconds = (double)w->s.iters * w->seconds;
        all += seconds;
        table_row(t, i + 1, "%s\t%s\t%s\t%ld\t%ld\t%s", w->x->name, w->s.data, w->s.model, w->s.iters, w->full,
                  own_duration(seconds));
    }
    table_row(t, r->n + 1, "all\t\t\t\t\t%s", own_duration(all));
    return t;
}

static const char *facts_path(const Work *w)
{
    return own_text("%s/facts-%ld.csv", w->s.out, w->s.iters);
}

static bool is_trained(const Work *w)
{
    Scope inner;
    const char *path = own_text("%s/checkpoint.safetensors", w->s.out);
    if (w->x->kind == AUGMENTATION) return path_exists(facts_path(w));
    if (!path_exists(textf("%s/report.html", w->s.out).s) || !path_exists(path)) return false;
    enter(&inner);
    const char *iteration = tensorfile_metadata(load_tensors(path), "iteration");
    bool done = iteration && atol(iteration) >= w->s.iters;
    leave();
    return done;
}

/* ---- the facts of a network ---- */

/* The classifier on the data's validation and test parts, as far as there are any; all together. */
static StatsConfusion *add_split_facts(Work *w)
{
    Settings asked = w->s;
    Classifier *c = own_classifier(w->s.out);
    StatsConfusion *all = own(1, sizeof *all);
    const DataSet *set = own_dataset(w->s.data, (DataOptions){.classes = asked_classes(c, &asked), .split = SPLIT_ALL});
    for (int part = SPLIT_VALIDATION; part <= SPLIT_TEST; part++) {
        const char *name = split_names[part];
        int pictures = 0;
        for (int k = 0; k < set->n_classes; k++) pictures += dataset_count(set, k, part);
        if (!pictures) continue;
        snprintf(asked.split, sizeof asked.split, "%s", name);
        const Answers *a = &answer_set(w->s.data, c, &asked)->a;
        add_fact(w->facts, own_text("accuracy.%s", name), stats_accuracy(&a->f));
        add_fact(w->facts, own_text("pictures.%s", name), a->count);
        stats_confusion_join(all, &a->f);
    }
    for (int k = 0; k < set->n_classes; k++)
        add_fact(w->facts, own_text("count.%s", set->class_names[k]), dataset_count(set, k, SPLIT_TRAIN));
    return all;
}

/* A classifier: on its last batches, on what was held out where its loss was lowest, and on the data's parts. */
static void measure_classifier(Reproduction *r, Work *w)
{
    const TableNumbers *log = own_log(w->s.out);
    (void)r;
    add_training_facts(w->facts, log);
    add_fact(w->facts, "passes", table_last(log, "iteration") / (double)w->full * (double)w->passes);
    const StatsConfusion *all = add_split_facts(w);
    if (all->n) add_confusion_facts(w->facts, all);
}

/* eval's numbers of a generator by a judge of the document, on as many pictures as there is time for. */
static const Evaluation *evaluate_work(Reproduction *r, const Work *w, const char *judge, const char *data)
{
    Settings s = default_settings();
    s.limit = w->x->kind == EDITOR ? 200 : (long)fmin(2000, fmax(200, r->budget / 6)), s.bootstrap = 0;
    return evaluate(use_generator(w->s.out, own_classifier(find_work(r, judge)->s.out), &s), data, &s);
}

static const Edits *add_evaluation(Reproduction *r, Work *w)
{
    const Edits *e = evaluate_work(r, w, "judge", w->s.data)->edits;
    for (int i = 0; i < e->scores.n; i++) add_fact(w->facts, e->scores.list[i].name, e->scores.list[i].value);
    return e;
}

static void measure_editor(Reproduction *r, Work *w)
{
    const Edits *e = add_evaluation(r, w);
    add_fact(w->facts, "moved", e->moved / e->n);
}

/* A GAN that draws from noise: the signs of collapse in the last line of its log, and what the judge, who knows the
 * first folder's classes, sees in its samples. */
static void measure_noise(Reproduction *r, Work *w)
{
    const TableNumbers *log = own_log(w->s.out);
    for (int i = 0; i < VARIETY_SIGNS; i++)
        add_fact(w->facts, variety_name(i), table_last(log, own_text("watch.%s", variety_name(i))));
    if (!w->x->data && condition_size(find_model(w->s.model), &w->s, 2)) add_evaluation(r, w);
}

/* StarGAN's other attributes: each in turn becomes what it was not, and the judge looks at it and at the others. Both
 * networks learnt from one list, so their attributes have one order. */
static void measure_attributes(Reproduction *r, Work *w)
{
    static const int parts[] = {SPLIT_TEST, SPLIT_VALIDATION, SPLIT_ALL};
    Editor *ed = use_editor(w->s.out, own_classifier(find_work(r, "attributes-judge")->s.out));
    size_t n = (size_t)ed->g->classes;
    const DataOptions options = {.attributes = listed(ed->names, (int)n, ","), .limit = 200, .crop = ed->crop};
    const DataSet *set = use_part(w->s.data, options, "", parts, 3);
    const PictureSet all = read_whole(set, ed->g);
    size_t count = (size_t)all.n * n;
    real *label = own(2 * count, sizeof *label), *seen = label + count,
         *y = own((size_t)all.n, ed->picture * sizeof *y);
    double *p = own(count, sizeof *p), mean = 0;
    classifier_look(ed->judge, ed->g, all.x, all.n, p, NULL);
    for (size_t i = 0; i < count; i++) label[i] = set->attributes[i] > ATTRIBUTE_WHOLE / 2, seen[i] = p[i] > 0.5;
    for (size_t k = 0; k < n; k++)
        add_fact(w->facts, own_text("%s.right", ed->names[k]), agreement(p, label, all.n, n, k));
    for (size_t k = 0; k < n; k++) {
        double turned, kept = 0;
        turn_attribute(label, all.n, n, k);
        draw_batches(ed->drawing, all.x, label, all.n, y);
        classifier_look(ed->judge, ed->g, y, all.n, p, NULL);
        turned = agreement(p, label, all.n, n, k);
        turn_attribute(label, all.n, n, k);
        for (size_t j = 0; j < n; j++) kept += j == k ? 0 : agreement(p, seen, all.n, n, j) / (double)(n - 1);
        add_fact(w->facts, own_text("%s.turned", ed->names[k]), turned);
        add_fact(w->facts, own_text("%s.kept", ed->names[k]), kept);
        mean += turned / (double)n;
    }
    add_fact(w->facts, "turned", mean);
}

/* Kolbenschlag's second future work: its verdict in four numbers. */
static void measure_augmentation(Reproduction *r, Work *w)
{
    static const char *const names[] = {"accuracy.real", "accuracy.mixed", "gain", NULL, "p"};
    const Table *verdict = study_augment(w->s.data, NULL, &w->s);
    (void)r;
    for (int i = 0; i < 5; i++)
        if (names[i]) add_fact(w->facts, names[i], atof(verdict->cells[verdict->columns + 1 + i]));
}

/* A GANmut: the numbers of Surani's tables by both judges, on the faces of its own detector. The distances need more
 * pictures than a judge has features. */
static void measure_space_editor(Reproduction *r, Work *w)
{
    static const char *const judges[] = {"vgg", "resnet"};
    for (int j = 0; j < 2; j++) {
        const Edits *e = evaluate_work(r, w, judges[j], r->data[w->x->data])->edits;
        for (int i = 0; i < SURANI_NUMBERS; i++) {
            bool alone = strncmp(surani_numbers[i], "discriminator", 13) == 0;
            if (alone && j) continue;
            add_fact(w->facts, alone ? surani_numbers[i] : own_text("%s.%s", judges[j], surani_numbers[i]),
                     score_of(&e->scores, surani_numbers[i]));
        }
        add_fact(w->facts, own_text("%s.smoothness.ends", judges[j]),
                 stats_curves(e->curves, e->n_curves, STRENGTHS).ends);
    }
    if (!w->x->joined) return;
    add_fact(w->facts, "faces", import_share_with_face(r->data[w->x->joined]));
    add_fact(w->facts, "pictures", own_dataset(w->s.data, (DataOptions){.split = SPLIT_ALL})->count);
}

/* ---- its section on the page ---- */

/* The document's figure 1: the weights, in the order of the computation. */
static void show_layers(const Net *net, Page *page)
{
    Table *t = new_table("Its layers", net->count, 3);
    table_row(t, 0, "weights\trows x columns, from and to channels\tnumbers");
    t->rows = 0;
    for (int i = 0; i < net->count; i++) {
        const Tensor *w = net->parameters[i].w;
        const int *d = w->shape.d;
        if (d[0] * d[1] * d[2] == 1) continue;                              /* biases and norms */
        table_row(t, ++t->rows, "%s\t%d x %d, %d to %d\t%zu", w->name, d[0], d[1], d[2], d[3], shape_count(w->shape));
    }
    show_table(page, t);
}

/* Its predictions by hand: faces in photographs. */
typedef struct Shown { Classifier *c; Page *page; } Shown;

static void show_prediction(void *context, Photo *photo)
{
    enum { MOST = 12, SIDE = 120 };
    const Shown *to = context;
    const Settings s = default_settings();
    Captioned faces[MOST] = {0};
    double p[MAX_CLASSES];
    int n = photo->whole ? 1 : min_int(photo->faces.count, MOST);
    for (int i = 0; i < n; i++) {
        faces[i].picture = photo->whole ? photo->image : cut_face(photo, i, &s, -1, 2 * SIDE);
        classify_picture(to->c, &faces[i].picture, !photo->whole, "one", p);
        int k = stats_largest(p, to->c->net.classes);
        faces[i].words[0] = own_text("%s %.2f", to->c->class_names[k], p[k]), faces[i].words[1] = "";
    }
    if (n) add_canvas(to->page, photo->name, draw_captioned(faces, n, n, SIDE));
}

static void show_predictions(const Work *w, char *const *photos, Page *page)
{
    const Settings s = default_settings();
    Shown to = {own_classifier(w->s.out), page};
    Photos all = photos_of(&s, wants_detector(&s, photos, 1), show_prediction, &to);
    page_heading(page, "Own pictures");
    photos_each(&all, photos, 1);
    photos_end(&all);
}

/* The loss and accuracy by iteration, and the confusion matrix of the test pictures. */
static void show_classifier(const Work *w, Page *page)
{
    TableNumbers *log = own_log(w->s.out);
    const Classifier *c = own_classifier(w->s.out);
    if (w->x->share > 1) show_layers(&c->net, page);       /* the document's own, not a judge */
    page_columns(page, log, "Loss in training", "D.total", "loss");
    page_columns(page, log, "Loss on held-out pictures", "validation_loss", "loss");
    page_columns(page, log, "Accuracy in training", "D.accuracy", "share");
    page_columns(page, log, "Accuracy on held-out pictures", "validation_accuracy", "share");
    if (isnan(fact_of(w->facts, "accuracy"))) return;
    add_canvas(page, "The test pictures: what they are (rows) and what they are taken for (columns)",
               confusion_figure(w->facts, name_list(c->class_names, c->net.classes), c->net.classes));
}

/* The first faces after each quarter of the training, or latents when Kolbenschlag looked at them, and all sheets
 * behind a slider. */
static void show_samples(const Work *w, Page *page)
{
    static const int looks[] = {10, 50, 100};
    const Report *report = open_report(w->s.out, page);
    if (w->x->kind == NOISE_GAN) add_progress(report, "After 10, 50 and 100% of the training", looks, 3);
    else add_quarters(report);
    page_sheets(page, "The samples over the training", &report->sheets, &synthetic);
}

/* Up to `limit` pictures of a set as the generator takes them, of these classes (NULL: all that it draws). */
static PictureSet some_faces(const Facegan *model, const char *data, const char *classes, int limit)
{
    if (!classes) classes = listed(name_list(model->class_names, model->g.classes), model->g.classes, ",");
    return read_all(own_dataset(data, (DataOptions){.split = SPLIT_ALL, .crop = model->crop, .limit = limit,
                                                    .unlabelled = 1, .classes = classes}), &model->g);
}

static void show_attributes(const Work *w, Page *page)
{
    const Facegan *model = own_generator(w->s.out);
    int n = model->g.classes;
    show_table(page, attributes_table(w->facts, name_list(model->class_names, n), n));
    show_samples(w, page);
}

/* Surani's figures 4 and 9: a face all over the space, and with every emotion at growing strength. */
static void show_space_editor(const Work *w, Page *page)
{
    Editor *ed = use_editor(w->s.out, NULL);
    const Show *show = new_show(ed->model, NULL);
    const PictureSet face = some_faces(ed->model, w->s.data, "neutral", 1);
    memcpy(ed->model->x->data, face.x, ed->picture * sizeof *face.x);
    add_canvas(page, "Figure 4: the gamut of emotions, a face all over the space", figure_space_all(&show->space, 1));
    add_strengths(page, "Figure 9: increasing emotion intensity", ed, face.x);
}

static void show_facts(const Work *w, Page *page)
{
    show_table(page, w->facts);
}

/* ---- Surani's other figures, which are of the data or of all models ---- */

/* What the document shows of its data; `editor` is one of its editors in a space. */
static void show_data_figures(const Reproduction *r, const Work *editor, Page *page)
{
    PlotCanvas cut_out_by_both;
    page_heading(page, "The data");
    if (r->n_data > 1 && detections_figure(r->data[0], r->data[1], &cut_out_by_both))
        add_canvas(page, "Figure 6: original, MTCNN, RetinaFace", cut_out_by_both);
    const Facegan *model = own_generator(editor->s.out);
    const char **names = name_list(model->class_names, model->g.classes);
    const DataOptions faces = {.split = SPLIT_ALL, .crop = model->crop, .limit = 500,
                               .classes = listed(names, model->g.classes, ",")};
    add_canvas(page, "Figure 7: difficult conditions, found in at most 500 faces",
               hard_conditions_figure(r->data[0], &faces, model->g.size, model->g.channels));
    for (int i = 0; i < r->n_data; i++)
        add_canvas(page, "Figure 8: emotion distribution", distribution_figure(r->data[i]));
    for (int i = 0; i < r->n; i++)
        if (r->works[i].x->joined)
            add_canvas(page, "Figure 8, of both together", distribution_figure(r->works[i].s.data));
}

/* 10: the same face by every model of one size, a row each, with every emotion. */
static void show_all_models(const Reproduction *r, Page *page)
{
    const char *rows[EXPERIMENTS_MOST], *columns[MAX_CLASSES];
    const unsigned char *cells[EXPERIMENTS_MOST * MAX_CLASSES];
    const Facegan *first = NULL;
    int n = 0, classes = 0;
    for (int i = 0; i < r->n; i++) {
        if (r->works[i].x->kind != SPACE_EDITOR) continue;
        Editor *ed = use_editor(r->works[i].s.out, NULL);
        const Net *g = &ed->model->g;
        if (first && (g->size != first->g.size || g->classes != classes)) continue;
        if (!first) first = ed->model, classes = g->classes;
        const PictureSet face = some_faces(ed->model, r->data[0], "neutral", 1);
        const unsigned char *edits = draw_emotions(ed, face.x, 1, false);
        for (int k = 0; k < classes; k++)
            cells[n * classes + k] = edits + (size_t)k * ed->picture, columns[k] = ed->model->class_names[k];
        rows[n++] = r->works[i].x->title;
    }
    page_heading(page, "All models");
    const Grid grid = {.cells = cells, .side = first->g.size, .channels = first->g.channels, .rows = n,
                       .columns = classes, .row_names = rows, .column_names = columns};
    add_canvas(page, "Figure 10: every model, every emotion", draw_grid(&grid));
}

/* ---- the page, and the whole ---- */

static const struct {
    void (*measure)(Reproduction *r, Work *w);          /* or NULL */
    void (*show)(const Work *w, Page *page);
    const char *own;                    /* page */
} kinds[] = {
    [A_CLASSIFIER] = {measure_classifier, show_classifier, "report"},
    [EDITOR] = {measure_editor, show_samples, "report"}, [NOISE_GAN] = {measure_noise, show_samples, "report"},
    [SPACE_EDITOR] = {measure_space_editor, show_space_editor, "report"},
    [AUGMENTATION] = {measure_augmentation, show_facts, "study"}, [ATTRIBUTE_JUDGE] = {NULL, show_classifier, "report"},
    [ATTRIBUTES] = {measure_attributes, show_attributes, "report"}};

/* Measures, unless that was done after as many iterations. */
static void gather_facts(Reproduction *r, Work *w)
{
    const char *path = facts_path(w);
    w->facts = new_facts();
    if (read_facts(w->facts, path)) return;
    Scope inner;
    enter(&inner);
    if (kinds[w->x->kind].measure) kinds[w->x->kind].measure(r, w);
    if (interrupted) give_up(1, "stopped while %s was measured; the same command goes on", w->x->name);
    save_table(w->facts, path);
    leave();
}

static void save_report(Reproduction *r, Table *const *facts, const Table *findings, const char *budget)
{
    const Document *d = r->document;
    const Table *ranking = ranking_of(d, facts);
    Page *page = page_begin(d->title, d->cite);
    page_paragraph(page, budget);
    page_paragraph(page, d->differs);
    const Work *editor = NULL;
    for (int i = r->n - 1; i >= 0; i--)
        if (r->works[i].x->kind == SPACE_EDITOR) editor = &r->works[i];
    if (editor) show_data_figures(r, editor, page);
    show_findings(page, d, findings);
    for (int i = 0; i < r->n; i++) {
        const Work *w = &r->works[i];
        Scope inner;
        enter(&inner);
        page_heading(page, w->x->title);
        page_paragraph(page, w->x->text);
        kinds[w->x->kind].show(w, page);
        page_paragraph(page, own_text("%s after %ld iterations; its own page is %s/%s.html.", w->s.model, w->s.iters,
                                      w->s.out, kinds[w->x->kind].own));
        leave();
    }
    if (d->predicts && r->n_data > 1) show_predictions(r->works, r->data + 1, page);
    if (ranking) show_table(page, ranking);
    if (editor) show_all_models(r, page);
    show_table(page, plan_table(r));
    tell_page(page, own_text("%s/report.html", r->s->out));
}

/* `facegan reproduce WHAT DATA...` */
static void reproduce_document(const char *name, char *const *data, int n, Settings *s)
{
    const Document *d = find_document(name);
    Table *facts[EXPERIMENTS_MOST] = {NULL};
    int most = folders_of(d), cut = 0;
    if (n > most) give_up(2, "reproduce %s: %s is one folder too many; it takes %d", name, data[most], most);
    if (!*s->out) set_path(s->out, own_text("runs/reproduce-%s", name));
    Reproduction *r = own(1, sizeof *r);
    *r = (Reproduction){.document = d, .s = s, .data = data, .n_data = n, .budget = parse_budget(s->budget)};
    make_plan(r);
    if (s->dry_run) { write_table(plan_table(r), stdout, TABLE_TEXT); return; }
    for (int i = 0; i < r->n; i++) {
        Work *w = &r->works[i];
        bool done = is_trained(w);
        warn("%d of %d, %s: %ld iterations, %s", i + 1, r->n, w->x->name, w->s.iters,
             done ? "done" : own_duration((double)w->s.iters * w->seconds));
        if (!done && w->x->kind != AUGMENTATION) train_run(&w->s);
        gather_facts(r, w);
        facts[w->x - d->experiments] = w->facts;
        cut += w->s.iters < w->full;
    }
    const Table *findings = findings_of(d, facts);
    const char *budget = budget_words(d, s->budget, cut, r->n, s->width);
    write_table(findings, stdout, TABLE_TEXT);
    printf("\n%s\n%s\n", budget, d->differs);
    save_report(r, facts, findings, budget);
}

/* ================================================================================================
 * 16  THE COMMAND LINE
 *
 *     facegan VERB [WHAT] [INPUT...] [--option value]...
 *
 * One grammar: a row of the verbs' table for each VERB and WHAT, the settings of 6.3, and the models of 12.2. Which
 * options a command takes, its help and what is refused follow from the three tables (vendor/options.h). Exit status: 0
 * done, 1 failed, 2 misuse. Files are written where --out says and nowhere else.
 * ============================================================================================== */

/* ------------------------------------------------------------------------------------------------
 * 16.1  What the verbs do
 * ---------------------------------------------------------------------------------------------- */

enum { MAX_INPUTS_GIVEN = 4096 };

typedef struct Command {
    const OptionProgram *program;
    OptionTaker taker;
    Settings settings;
    bool given[SETTINGS];               /* by the command line */
    const OptionVerb *verb;
    const char *what;                   /* "draw" of data draw, "stargan" of train stargan, or NULL */
    const Model *model;                 /* of a verb that has one */
    char *inputs[MAX_INPUTS_GIVEN];     /* behind the WHAT */
    int n_inputs;
} Command;

/* These look for faces in small pictures, too. */
static Settings *with_detector(Settings *s)
{
    if (!*s->detector && !*s->weights) snprintf(s->detector, sizeof s->detector, "mtcnn");
    return s;
}

/* Pictures, not a run: a picture, by its first bytes, or a folder of them. */
static bool is_to_edit(const char *path)
{
    int width, height;
    if (!is_folder(path)) return image_probe_file(path, &width, &height);
    return !path_exists(textf("%s/checkpoint.safetensors", path).s) && list_folder(path, NAMES_PICTURES).count > 0;
}

/* What is done to pictures with a model. Where the first input is a picture, it is one that comes with the program. */
static void work_with(const Command *c, const char *usual,
                      void (*work)(const char *run, char *const *pictures, int n, const Settings *s))
{
    char *const *in = c->inputs, shipped[PATH_MAX];
    bool left_out = is_to_edit(in[0]) || image_suffix(in[0]);
    if ((left_out || c->n_inputs < 2) && !path_exists(in[0])) give_up(1, "%s: there is no such file", in[0]);
    if (left_out && !shipped_model(usual, shipped))
        give_up(2, "no models/%s.safetensors here or beside the program: copy the folder models there, or name a run "
                "or weights before the pictures", usual);
    for (int i = 1; i < c->n_inputs; i++)
        if (tensorfile_saves(in[i]) || path_exists(textf("%s/checkpoint.safetensors", in[i]).s))
            give_up(2, "%s: the run or weights come first, then the pictures: facegan %s %s %s", in[i], c->verb->name,
                    in[i], in[0]);
    if (!left_out && c->n_inputs < 2)
        give_up(2, "no picture behind %s, itself none; usage: facegan %s [RUN] IMAGE...", in[0], c->verb->name);
    work(left_out ? shipped : in[0], in + !left_out, c->n_inputs - !left_out, &c->settings);
}

static void tell_version(void)
{
#if defined(__clang__)
    const char *compiler = "clang " __clang_version__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
#ifndef FACEGAN_COMMIT
#define FACEGAN_COMMIT "unknown"
#endif
    printf("facegan %s, commit %s, %s, real = %s, kernels %s, %d threads\n", FACEGAN_VERSION, FACEGAN_COMMIT, compiler,
           sizeof(real) == 8 ? "double" : "float", kernels->name, thread_count());
}

/* Is it the first layer of G or D, or G's last, whose three channels go out through 7x7? Then which axis of (K,C,R,S)
 * holds a picture's channels? -1: neither. */
static int picture_axis(const TensorEntry *t)
{
    const char *at = strstr(t->name, "main.");                          /* a block's is main.9.main.0 */
    if (t->rank != AXES || !at) return -1;
    if (strncmp(at, "main.0.weight", 13) == 0 && t->shape[1] >= 3) return 1;
    return t->shape[0] == 3 && t->shape[2] == 7 && t->shape[3] == 7 ? 0 : -1;
}

/* What stands before the names of the network that --strip keeps: of our own files' networks the averaged G, then G,
 * then D; of others' the one whose first filter is known. */
static void prefix_to_strip(const TensorFile *file, const char *path, char prefix[TENSORFILE_PREFIX])
{
    static const char *const ours[] = {"average.G.", "G.", "D."};
    static const struct { const char *name; int64_t shape[AXES]; } firsts[] = {
        {"main.0.weight", {0, 0, 7, 7}}, {"body.conv1.weight", {64, 3, 7, 7}}, {"body.stage1.0.0.weight", {8, 3, 3, 3}},
        {"pnet.conv1.weight", {10, 0, 3, 3}}, {"features.0.weight", {0, 0, 3, 3}}, {"conv1.weight", {0, 0, 7, 7}},
        {"conv1.weight", {0}}, {"main.0.weight", {0}}};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        for (size_t k = 0; k < file->count; k++)
            if (strncmp(file->tensors[k].name, ours[i], strlen(ours[i])) == 0) {
                strcpy(prefix, ours[i]);
                return;
            }
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
        if (find_prefix(file, path, firsts[i].name, AXES, firsts[i].shape, prefix)) return;
    give_up(1, "%s: --strip finds no network in it that is known here; --only PREFIX keeps what you name", path);
}

/* Copies tensors and what the file says of itself into another format; --only G. drops all else (D, Adam's moments),
 * --strip all but one network, whose names then begin with nothing, --half rounds float32 to float16. */
static void convert_weights(const char *from, const char *to, const Settings *s)
{
    char path[PATH_MAX], prefix[TEXT] = "";
    const char *dot = strrchr(to, '.');
    bool onnx = dot && strcmp(dot, ".onnx") == 0;
    weights_path(from, path);
    if (!onnx && !tensorfile_saves(to))
        give_up(2, "%s: the name must end in .safetensors, .pt, .pth, .ckpt, .npz, .npy or .onnx", to);
    if (onnx) {
        if (*s->only || s->half || s->bgr || s->strip)
            give_up(2, "--only, --half, --bgr and --strip are not for ONNX: convert first");
        const Settings of = settings_of_run(from);
        export_onnx(from, find_model(of.model), to);
        return;
    }
    /* an optimiser's memory, as it is called here and by PyTorch */
    static const char *const moments[] = {"_m.G.", "_m.D.", "_v.G.", "_v.D.", "adam_m.", "adam_v.", "optim", "exp_avg",
                                          "momentum_buffer"};
    const TensorFile *in = load_tensors(path);
    TensorFile *out = new_tensors();
    if (s->strip && !*s->only) prefix_to_strip(in, path, prefix);
    else snprintf(prefix, sizeof prefix, "%s", s->only);
    take_tensors(out, in, &(TensorTake){.prefix = prefix, .strip = s->strip != 0, .half = s->half != 0,
                                        .swapped = s->bgr ? picture_axis : NULL, .without = moments,
                                        .n_without = s->strip ? sizeof moments / sizeof *moments : 0});
    if (!in->count) give_up(1, "%s holds no tensor", path);
    if (!out->count) give_up(2, "--only %s: %s has no such tensor", s->only, path);
    if (s->strip) warn("%s: the %zu tensors %s*, of %zu", to, out->count, prefix, in->count);
    save_tensors(out, to, "");
}

/* The program's own chapters, and a line for every op. */
static void tell_chapter(const OptionProgram *program, const char *asked)
{
    char why[OPTIONS_ERROR];
    bool ops = strcmp(asked, "ops") == 0;
    for (int op = 0; ops && op < OPS; op++) printf("%-20s %s\n", row_of((Op)op)->name, row_of((Op)op)->text);
    if (!ops && !options_manual(stdout, program, asked, why)) give_up(2, "%s", why);
}

/* A verb's work, with `c` the command, `s` its settings and `in` its inputs. */
#define RUN(verb, ...)                                                                                                 \
    static void run_##verb(void *command)                                                                              \
    {                                                                                                                  \
        Command *c = command;                                                                                          \
        Settings *s = &c->settings;                                                                                    \
        char *const *in = c->inputs;                                                                                   \
        (void)s, (void)in;                                                                                             \
        __VA_ARGS__;                                                                                                   \
    }
RUN(reproduce, reproduce_document(c->what, in, c->n_inputs, s))
RUN(classify_eval, evaluate_classifier(in[0], s))
RUN(classify_predict, predict_emotions(in, c->n_inputs, s))
RUN(gamut, work_with(c, "photo-gamut", show_gamut))
RUN(sample, sample_noise(in[0], s))
RUN(detect, detect_photos(in, c->n_inputs, with_detector(s)))
RUN(crop, crop_photos(in, c->n_inputs, with_detector(s)))
RUN(eval, evaluate_run(in[0], in[1], s))
RUN(study_truth, study_truth(in, c->n_inputs, s))
RUN(study_augment, study_augment(in[0], c->n_inputs > 1 ? in[1] : NULL, s))
RUN(study_ganmut, study_ganmut(in[0], s))
RUN(toy, run_toy_of(c->what, s))
RUN(report, write_report(in[0]); tell_made(own_text("%s/report.html", in[0])))
RUN(step, in_scope(step_task, &(StepFiles){in[0], in[1]}))
RUN(bench, in_scope(bench_task, s))
RUN(data_draw, s->scenes ? draw_scenes(s) : draw_faces(s))
RUN(data_show, show_data(in[0], s))
RUN(data_balance, balance_data(in[0], s))
RUN(data_import, import_data(in, c->n_inputs, s))
RUN(data_doctor, examine_dataset(in[0], &(DataOptions){.classes = *s->classes ? s->classes : NULL, .split = SPLIT_ALL,
                                                       .attributes = *s->attributes ? s->attributes : NULL,
                                                       .crop = (int)s->crop, .stop = &interrupted},
                                    (int)s->size, s->json, s->fix))
RUN(train_mtcnn, if (!*s->out) set_path(s->out, "runs/mtcnn"); train_mtcnn(in, c->n_inputs, s);
    if (!*s->trace) tell_made(own_text("%s/mtcnn.safetensors", s->out)))
RUN(edit, work_with(c, "photo-stargan", edit_photos))
RUN(info, char path[PATH_MAX]; weights_path(in[0], path); print_tensors(load_tensors(path), path, stdout, s->json))
RUN(convert, convert_weights(in[0], in[1], s); tell_made(in[1]))
RUN(verify, verify(s->gpu))
RUN(man, tell_chapter(c->program, c->n_inputs ? in[0] : c->program->chapters[0].name))
RUN(version, tell_version())

static void run_train(void *command)
{
    Command *c = command;
    Settings *s = &c->settings;
    if (!*s->out) set_path(s->out, own_text("runs/%s", c->verb->kind ? s->network : c->what));
    set_path(s->data, c->inputs[0]);
    train_run(s);
    if (!s->dry_run) tell_made(*s->trace ? s->trace : own_text("%s/report.html", s->out));
}

/* ------------------------------------------------------------------------------------------------
 * 16.2  The verbs
 * ---------------------------------------------------------------------------------------------- */

#include "vendor/manual.h"

enum { VERBS = sizeof verbs / sizeof *verbs, TAKERS = VERBS + MODELS };

static const OptionProgram facegan = {
    "facegan", "changes the expression on faces in photographs, and trains the networks that do so", verbs, VERBS,
    manual, sizeof manual / sizeof *manual};

/* ------------------------------------------------------------------------------------------------
 * 16.3  From words to a command                                            (most of it is vendor/options.h's)
 * ---------------------------------------------------------------------------------------------- */

static bool is_of_models(const OptionVerb *verb) { return verb->what && strcmp(verb->what, "MODEL") == 0; }

/* Who takes options: a verb, its WHAT and its model as far as they are known. */
static OptionTaker taker_of(const OptionVerb *verb, const char *what, const Model *model)
{
    const char *word = what ? own_text("%.*s", (int)strcspn(what, "="), what) : "",
               *command = own_text("%s%s%s", verb->name, what ? " " : "", word);
    bool trainer = model && verb->run == run_train && !verb->kind;
    return (OptionTaker){trainer ? word : command, command,
                         own_text("%s %s.%s", verb->apart ? "" : verb->name, verb->name, word),
                         model ? model->kinds : is_of_models(verb) ? "-" : NULL};
}

/* All who take options, to say whose one is: a row each, a trainer for each model, every model once. */
static int all_takers(OptionTaker list[TAKERS])
{
    const char *known = "";
    int n = 0;
    for (const OptionVerb *verb = verbs; verb < verbs + VERBS; verb++) {
        for (int k = 0; verb->run == run_train && is_of_models(verb) && k < MODELS; k++)
            if (models[k].generator && !models[k].is) list[n++] = taker_of(verb, models[k].name, &models[k]);
        if (is_of_models(verb) || (verb->kind && strcmp(verb->kind, known) == 0)) continue;
        bool one = verb->what && !strchr(verb->what, '|');
        if (verb->kind) known = verb->kind;
        list[n++] = taker_of(verb, one ? verb->what : NULL, verb->kind ? find_model(verb->kind) : NULL);
    }
    return n;
}

static OptionParser parser_of(Command *c, const OptionTaker *who)
{
    return (OptionParser){.program = "facegan", .who = who, .table = settings_table, .n = SETTINGS,
                          .usual = who ? c->verb->usual : NULL, .o = "--out", .values = &c->settings,
                          .given = c->given, .inputs = c->inputs, .n_inputs = c->n_inputs,
                          .most_inputs = MAX_INPUTS_GIVEN};
}

/* Reads the words behind the verb. Without `who` every option is taken. False, and why: a word is wrong. */
static bool parse_words(Command *c, const OptionTaker *who, int n, char **words, char why[OPTIONS_ERROR])
{
    OptionTaker takers[TAKERS];
    c->n_inputs = 0;
    OptionParser parser = parser_of(c, who);
    parser.takers = takers, parser.n_takers = who ? all_takers(takers) : 0;
    memset(c->given, 0, sizeof c->given);
    bool ok = options_parse(&parser, n, words, why);
    c->n_inputs = parser.n_inputs;
    return ok;
}

static bool is_given(const Command *c, const char *name)
{
    return c->given[find_setting(name) - settings_table];
}

/* No option is given that would do nothing. */
static void check_idle(const Command *c)
{
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (option_taken(&c->taker, &(Option){.verbs = idle[i].verbs}) && is_given(c, idle[i].given) &&
            settings_say(&c->settings, idle[i].when)) give_up(2, "%s", idle[i].wrong);
}

/* What the words for a verb's inputs say that they are. */
static bool takes(const Command *c, const char *what) { return strstr(c->verb->inputs, what) != NULL; }

/* Nothing that is written replaces a file that is read. (Photographs are kept by vendor/photos.h.) */
static void check_replaces(const Command *c, const char *out)
{
    const Settings *s = &c->settings;
    const char *given[MAX_INPUTS_GIVEN + 3] = {s->weights, s->init, s->classifier};
    Names files = {0};
    char path[PATH_MAX];
    int n = c->n_inputs - takes(c, "IN OUT");
    memcpy(given + 3, c->inputs, (size_t)n * sizeof *given);
    for (int i = 0; i < n + 3; i++) weights_path(given[i], path), names_add(&files, path);
    const Names real = real_paths(files.items, files.count);
    if (is_among(&real, out)) give_up(2, "%s is read, and would be lost: name another file to write", out);
}

/* Would what is written there be a part of that folder of pictures when it is read again? A run's folder is none, and
 * what eval writes is no picture. */
static bool would_join(const Command *c, const char *folder)
{
    const char *out = c->settings.out;
    bool is_run = path_exists(textf("%s/checkpoint.safetensors", folder).s) || path_exists(textf("%s/config", out).s);
    if (is_run || !is_folder(folder) || c->verb->run == run_eval || !would_lie_in(out, folder)) return false;
    return c->verb->run != run_data_balance || !lies_in(folder, out);   /* itself: vendor/loader.h says more */
}

/* --out is where the verb can write, and not within a folder of pictures that it would then be a part of. */
static void check_outputs(const Command *c)
{
    const Settings *s = &c->settings;
    bool image = takes(c, "IMAGE"), sets = takes(c, "DATA") || takes(c, "FACES") || takes(c, "LIST");
    bool sheet = c->verb->run == run_sample && !s->files && !s->interpolate;
    if (takes(c, "IN OUT")) check_replaces(c, c->inputs[1]);
    if (*s->trace) check_replaces(c, s->trace);
    if (!*s->out) return;
    if (!image) check_replaces(c, s->out);
    if (photo_is_named(s->out) && !image && !sheet && !takes(c, "SHEET"))
        give_up(2, "--out %s names a picture, which is not what %s writes", s->out, c->taker.command);
    if ((takes(c, "SHEET") || (sheet && photo_is_named(s->out))) && !image_saves(s->out))
        give_up(2, "--out %s: must end in .png, .jpg, .pgm or .ppm", s->out);
    for (int i = takes(c, "KIND"); sets && i < c->n_inputs; i++)
        if (would_join(c, c->inputs[i]))
            give_up(2, "--out %s lies in %s, of which it would be a part when that is read again: take a place beside "
                    "it", s->out, c->inputs[i]);
}

/* As many inputs must be there as the verb wants, the options without which it cannot work; and all must agree. */
static void check_given(Command *c)
{
    Settings *s = &c->settings;
    char why[OPTIONS_ERROR];
    const OptionParser parser = parser_of(c, &c->taker);
    if (!options_complete(c->verb, c->what, &parser, why)) give_up(2, "%s", why);
    if (c->model && is_given(c, "epochs") && is_given(c, "iters"))
        give_up(2, "--epochs beside --iters: both say how long; give one");
    if (s->grey && is_given(c, "channels") && s->channels != 1)
        give_up(2, "--grey --channels %ld: grey is one channel", s->channels);
    if (c->model && is_given(c, "iters")) s->epochs = 0;                /* where some passes are usual */
    if (s->grey) s->channels = 1;
    check_idle(c);
    check_outputs(c);
}

/* Takes the WHAT from the inputs, and looks the model up that it or the verb names. */
static void find_what(Command *c, const char *name)
{
    Settings named = c->settings;
    char why[OPTIONS_ERROR], word[TEXT];
    const char *what = c->n_inputs ? c->inputs[0] : NULL;
    c->verb = options_verb(c->program, name, what, why);
    if (!c->verb) give_up(2, "%s", why);
    c->what = c->verb->what && what ? own_text("%s", options_word(c->verb, what, word, sizeof word)) : NULL;
    const char *model = is_of_models(c->verb) ? c->what : c->verb->kind;
    if (!model) return;
    snprintf(named.model, sizeof named.model, "%.*s", TEXT - 1, model);
    name_model(&named);
    c->model = find_model(named.model);
}

/* `train --out RUN` and no data goes on with the run: what its config says is usual. Then the run's data; else NULL. */
static const char *data_of_run(Command *c, Settings *usual)
{
    bool alone = c->n_inputs == (c->verb->kind ? 1 : 0);
    if (c->verb->run != run_train || !alone || !*c->settings.out) return NULL;
    read_config(c->settings.out, usual);
    c->model = find_model(usual->model);
    if (c->verb->kind && strcmp(c->verb->kind, usual->model))
        give_up(2, "%s is a run of %s, no %s: facegan train --out %s goes on with it", c->settings.out, usual->model,
                c->verb->kind, c->settings.out);
    if (!c->what) c->what = c->model->name;
    return own_text("%s", usual->data);
}

/* What is usual depends on verb and model, which are among the words: so they are read twice, first for these. */
static void parse_command(Command *c, const char *name, int n, char **words)
{
    char why[OPTIONS_ERROR];
    c->program = &facegan;
    c->settings = default_settings();
    parse_words(c, NULL, n, words, why);                                /* what is wrong is said the second time */
    find_what(c, name);
    Settings usual = default_settings();
    const char *data = data_of_run(c, &usual);
    if (c->verb->usual) set_settings(&usual, c->verb->usual);
    if (c->model && !data)
        set_usual(&usual, c->model->kinds, &c->settings), snprintf(usual.model, TEXT, "%s", c->model->name);
    c->settings = usual;
    c->taker = taker_of(c->verb, c->what, c->model);
    if (!parse_words(c, &c->taker, n, words, why)) give_up(2, "%s", why);
    if (data) c->inputs[0] = own_text("%s", data), c->n_inputs = 1;
    else if (c->what) memmove(c->inputs, c->inputs + 1, (size_t)--c->n_inputs * sizeof *c->inputs);
}

/* A verb and its WHAT: the options it takes, with what is usual; `all`: every option there is. */
static void print_command(Command *c, bool all)
{
    const OptionVerb *verb = c->verb;
    const OptionParser parser = parser_of(c, all ? NULL : &c->taker);
    Names known = {0};
    for (int i = 0; i < MODELS && is_of_models(verb) && !c->model; i++)
        if (!models[i].is && (models[i].generator || verb->run != run_train)) names_add(&known, models[i].name);
    options_command(stdout, c->program, verb, c->taker.command, joined(known.items, known.count), &parser);
}

typedef struct Asking { Command *c; const char *name; int n; char **words; bool all; } Asking;

/* --help with whatever else was said: the usual values are those that hold with it. */
static void help_command(void *context)
{
    const Asking *a = context;
    parse_command(a->c, a->name, a->n, a->words);
    print_command(a->c, a->all);
}

static void print_help(Command *c, const char *name, int n, char **words, bool all)
{
    Error e;
    bool known = false;
    if (attempt(help_command, &(Asking){c, name, n, words, all}, &e)) return;
    for (int i = 0; i < VERBS; i++) known |= strcmp(verbs[i].name, name) == 0;
    if (!known || c->n_inputs) unwind(&e);
    options_whats(stdout, &facegan, name);
}

/* ------------------------------------------------------------------------------------------------
 * 16.4  Running a command
 * ---------------------------------------------------------------------------------------------- */

/* Opens the GPU if the command asks for one. Where it may also be the CPU, says why it is. */
static void choose_device(const Settings *s)
{
    char why[FACEGAN_ERROR] = "this program was built without a GPU part (`make gpu` builds it, with nvcc)";
    int precision = *s->precision ? 0 : PRECISION_TF32;
    while (*s->precision && strcmp(precision_names[precision], s->precision)) precision++;
    chosen_device = NULL;
    bool either = strcmp(s->device, "auto") == 0, wanted = either || strcmp(s->device, "gpu") == 0;
    if (!wanted && *s->precision && strcmp(s->precision, "fp32"))
        give_up(2, "--precision %s: the CPU computes in fp32; add --device gpu", s->precision);
    if (!wanted) return;
    if (gpu_device && gpu_device->open((Precision)precision, false, why)) chosen_device = gpu_device;
    else if (!either) give_up(1, "--device gpu: %s", why);
    else warn("--device auto takes the CPU: %s", why);
}

static int commands;                    /* that are at work: more than one within a command that carries out others */
static long most_memory;                /* --max-memory */

/* Chooses device, kernels and threads as the command and the environment say. A command within another's work is quiet,
 * and has the other's threads, kernels and memory unless it names its own. */
static void start_machine(const Settings *s)
{
    const char *winograd = getenv("FACEGAN_WINOGRAD");
    bool within = commands > 1;
    if (!within || *s->isa) choose_kernels(s->isa);
    conv_use_winograd(!winograd || strcmp(winograd, "0") != 0);
    be_quiet(within || s->quiet);
    if (!within || s->max_memory) limit_memory(most_memory = s->max_memory);
    if (!within || s->threads) threads_start((int)s->threads);
    choose_device(s);
}

/* Runs the verb; if it fails because the GPU had not the memory, and the CPU would do too, once more from the start. */
static void run_verb(Command *c)
{
    Error e;
    Command *again = own(1, sizeof *again);
    *again = *c;
    device_refused = false;
    if (attempt(c->verb->run, c, &e)) return;
    if (!device_refused || strcmp(again->settings.device, "auto")) unwind(&e);
    warn("%s; --device auto takes the CPU", e.text);
    chosen_device = NULL;
    again->verb->run(again);
}

typedef struct CommandLine { int argc; char **argv; } CommandLine;

static void run_command(void *context)
{
    const CommandLine *line = context;
    Command *c = own(1, sizeof *c);
    char **argv = line->argv;
    bool all = false;
    if (line->argc < 2) {
        options_usage(stderr, &facegan);
        give_up(2, "%s", "");
    }
    const char *name = argv[1];
    int n = line->argc - 2;
    if (strcmp(name, "--version") == 0 || strcmp(name, "-v") == 0) name = "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    bool helps = options_asks_help(&n, argv + 2, &all);
    if (strcmp(name, "help") == 0 && !n && !helps) options_usage(stdout, &facegan);
    else if (strcmp(name, "help") == 0 && n) print_help(c, argv[2], n - 1, argv + 3, all);
    else if (helps) print_help(c, name, n, argv + 2, all);
    else {
        parse_command(c, name, n, argv + 2);
        check_given(c);
        start_machine(&c->settings);
        run_verb(c);
    }
}

/* Also the command lines within another command's work (15.4): what start_machine chose is the outer one's again. */
int facegan_main(int argc, char **argv)
{
    const Device *device = chosen_device;
    const Kernels *instructions = kernels;
    Error e = {0};
    CommandLine line = {argc, argv};
    int threads = thread_count();
    long memory = most_memory;
    bool quiet = no_messages;
    commands++;
    int ok = attempt(run_command, &line, &e);
    commands--;
    if (!ok && e.text[0]) fprintf(stderr, "facegan: %s\n", e.text);
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (commands) {
        threads_start(threads), be_quiet(quiet), limit_memory(most_memory = memory);
        chosen_device = device, kernels = instructions;
    } else {
        threads_stop();
        if (chosen_device) chosen_device->close();
    }
    if (ok && lost) return fprintf(stderr, "facegan: cannot write to stdout: %s\n", strerror(errno)), 1;
    return ok ? 0 : e.status;
}

#ifndef FACEGAN_LIBRARY
/* The first Ctrl-C is answered at once: what is at hand (an iteration, a picture) may take a while. */
static void on_interrupt(int signal)
{
    static const char answer[] = "\nfacegan: stopping as soon as what is done can be kept; once more ends at once\n";
    interrupted = signal;
    if (signal != SIGINT || no_messages) return;
    ssize_t written = write(2, answer, sizeof answer - 1);
    (void)written;
}

int main(int argc, char **argv)
{
    if (!files_occupy_standard()) return 1;
    /* A second signal ends at once; a full disk is an error of write, not a death. */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (signal(SIGHUP, SIG_IGN) != SIG_IGN) sigaction(SIGHUP, &action, NULL);       /* ignored already: nohup's */
    signal(SIGXFSZ, SIG_IGN);
    return facegan_main(argc, argv);
}
#endif
