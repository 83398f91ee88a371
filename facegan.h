/* facegan.h: the public face of facegan, and (below FACEGAN_INTERNAL) the words of facegan.c itself.
 *
 * facegan synthesises facial expressions with the systems of a set of seminar papers; facegan.c tells the whole
 * story. This header is for programs that want to use a trained generator without the command line. Compiles as C11
 * and as C++17.
 *
 *     char error[FACEGAN_ERROR];
 *     Facegan *model = facegan_open("models/drawn-faces.safetensors", error);
 *     if (!model) { fprintf(stderr, "%s\n", error); return 1; }
 *     facegan_edit(model, pixels, 200, 180, 3, happy, edited, error);
 *     facegan_close(model);
 */
#ifndef FACEGAN_H
#define FACEGAN_H
#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define FACEGAN_VERSION "0.1.0"
#define FACEGAN_ERROR 512                      /* bytes that every `error` argument must have room for */

typedef struct Facegan Facegan;                /* a generator, loaded and ready to edit pictures */

/* Runs one command line, as `facegan argv[1] argv[2] ...` does. Returns the exit status: 0 done, 1 failed, 2 misuse.
 * Messages go to stderr, results to stdout. */
int facegan_main(int argc, char **argv);

/* Opens a generator: a run directory, a checkpoint of one, or a weights file (safetensors, PyTorch .pt/.pth/.ckpt,
 * .npz) with the names of the public StarGAN code (`main.0.weight` ..., optionally after `G.`). Width, number of
 * residual blocks, picture channels and number of classes are told by the weights' shapes; side and class names by
 * the file's metadata where it has them (default 128 and class0, class1, ...). Returns NULL and fills `error` when
 * the file cannot be read or is of another network. */
Facegan *facegan_open(const char *path, char error[FACEGAN_ERROR]);
void facegan_close(Facegan *model);

int facegan_classes(const Facegan *model);                          /* n, the number of classes (or attributes) */
const char *facegan_class_name(const Facegan *model, int index);    /* 0 <= index < n; NULL outside */
int facegan_size(const Facegan *model);                             /* P, the side of its pictures in pixels */
int facegan_channels(const Facegan *model);                         /* X: 1 grey, 3 colour */

/* Draws `pixels` with another expression: G(x, c) of Choi et al. 2018 (StarGAN), section 3.
 * pixels: height x width x channels bytes (1 grey, 3 RGB), rows from the top; the centre square is cut out and
 * resized to P. condition: n numbers, the label c (one-hot; between 0 and 1 and mixtures are allowed and are
 * extrapolation).
 * A GANmut takes the same n numbers as shares of the ways from neutral to each emotion's place in its space.
 * out: P x P x X bytes. Returns 1, or 0 with `error` filled. */
int facegan_edit(Facegan *model, const unsigned char *pixels, int width, int height, int channels,
                 const float *condition, unsigned char *out, char error[FACEGAN_ERROR]);

#ifdef __cplusplus
}
#endif

/* ================================================================================================
 * Internal from here on: the vocabulary of facegan.c's chapters 2 to 5.
 * ============================================================================================== */
#ifdef FACEGAN_INTERNAL

#ifdef REAL_DOUBLE
#define KERNELS_DOUBLE          /* `make facegan64`: the same program, to tell a wrong equation from rounding */
#endif
#include "vendor/kernels.h"     /* real: float, or double in facegan64; ConvShape: the geometry of a convolution */

/* Letters, used on every tensor from here to the end:
 *   N batch    H W rows and columns of a map (P: the side of a square picture)    C input channels    K output channels
 *   R S rows and columns of a kernel                                              X a picture's channels    n classes
 * Activations are (N,H,W,C), weights (R,S,C,K), vectors (1,1,1,C), a number per picture (N,1,1,1), a number (1,1,1,1).
 * The axes are counted from 0; the last one varies fastest in memory. */

/* The table of ops: one row is an op's whole life. A row NAME must have, in facegan.c,
 *   NAME_shape      the shape rule, which also checks the operands
 *   NAME_define     its definition: plain loops over double, the reference for every kernel
 *   NAME_cpu        its CPU kernel
 *   NAME_grad       its gradient rule, made of op constructors, or the reason why it has none (chapter 3 lists three)
 *   NAME_case       its test cases
 * A row that lacks one does not compile. The text is what `facegan man ops` prints. In it x is an op's operand (u and v
 * where it has two), y its value, dy and dx are the derivatives of a loss in y and in x. An adjoint of an op that is
 * linear in x is the op that leads from dy to dx: a picture's slice has pad as its adjoint, a broadcast has the sum. */
#define FACEGAN_OPS(OP) \
    OP(leaf,                 "a buffer that outlives the run: parameter, moment, batch, random draw, learning rate") \
    OP(fill,                 "y = a everywhere") \
    OP(add,                  "y = u + v") \
    OP(sub,                  "y = u - v") \
    OP(mul,                  "y = u v") \
    OP(affine,               "y = a x + b") \
    OP(square,               "y = x^2") \
    OP(sqrt,                 "y = sqrt(x)") \
    OP(reciprocal,           "y = 1/x, and 0 at x = 0, so that a norm's gradient at 0 is 0") \
    OP(exp,                  "y = e^x") \
    OP(log,                  "y = log x") \
    OP(sin,                  "y = sin x") \
    OP(tanh,                 "y = tanh x") \
    OP(sigmoid,              "y = 1/(1 + e^-x)") \
    OP(softplus,             "y = log(1 + e^x)") \
    OP(abs,                  "y = |x|") \
    OP(sign,                 "y = -1, 0, 1") \
    OP(leaky_relu,           "y = x if x > 0 else a x") \
    OP(leaky_mask,           "dx = dy if y > 0 else a dy: linear in dy, constant in y's sign") \
    OP(prelu,                "y = x if x > 0 else a_c x: a slope for each channel") \
    OP(sum,                  "sum over every axis along which the result has length 1") \
    OP(broadcast,            "repeat along every axis along which x has length 1") \
    OP(concat,               "u and v one after the other along an axis") \
    OP(slice,                "a range of an axis") \
    OP(pad,                  "zeros before and after along an axis: slice's adjoint") \
    OP(reshape,              "the same numbers under another shape") \
    OP(stop_grad,            "y = x, a constant to every gradient") \
    OP(softmax,              "y_k = e^x_k / sum over channels of e^x") \
    OP(logsumexp,            "y = log of the sum over channels of e^x") \
    OP(pick_largest,         "u at the first channel that holds v's largest: pick_largest(v, v) is max over channels") \
    OP(put_at_largest,       "u at the first channel that holds v's largest, 0 at the others: pick_largest's adjoint") \
    OP(conv2d,               "convolution, with bias and leaky ReLU when asked") \
    OP(conv2d_input_grad,    "its adjoint in x: also the transposed convolution") \
    OP(conv2d_weight_grad,   "its adjoint in w") \
    OP(max_pool,             "of each window, u where x is largest; u is x itself unless this is a gradient") \
    OP(max_unpool,           "its adjoint in u: dy goes to where x is largest; constant in x") \
    OP(warp,                 "x where each picture's own affine map says, by bilinear weights; 0 outside") \
    OP(unwarp,               "its adjoint in x") \
    OP(prepare_filter,       "w as a kernel wants to read it, in panels; made by the planner") \
    OP(moments,              "each picture's and channel's mean and 1/sqrt(variance + eps)") \
    OP(instance_norm,        "(x - mean)/std * scale + shift, plus a residual, then leaky ReLU, when asked") \
    OP(instance_norm_sums,   "the two sums over H and W that its gradients need") \
    OP(instance_norm_dx,     "its gradient in x") \
    OP(adam,                 "one step of Adam on a parameter and its two moments, in place") \
    OP(sgd,                  "one step of gradient descent with momentum, in place") \
    OP(sgd_nesterov,         "the same, with the momentum looked ahead (Nesterov)") \
    OP(rmsprop,              "one step of RMSprop on a parameter and its mean squared gradient, in place") \
    OP(adagrad,              "one step of Adagrad on a parameter and its summed squared gradient, in place") \
    OP(moving_average,       "r <- r + a (s - r), in place: running statistics, averaged weights")

typedef enum Op {
#define OP(name, text) OP_##name,
    FACEGAN_OPS(OP)
#undef OP
    OPS
} Op;

enum { AXES = 4, MAX_INPUTS = 9 };

typedef struct Shape { int d[AXES]; } Shape;    /* (N,H,W,C), or (R,S,C,K) */

/* Which of a tensor and its copy on a GPU was written last. */
typedef enum TensorState { HOST_NEWER, BOTH_ALIKE, DEVICE_NEWER } TensorState;

/* A tensor is a buffer with a name that outlives any run of a graph. When graphs run on a GPU, a tensor that `stays` (a
 * weight, a moment, a statistic) has its copy there for as long as it lives; any other (a batch, a draw, a learning
 * rate) is sent along with every run. */
typedef struct Tensor {
    char name[64];
    Shape shape;
    real *data;
    real *on_device;                    /* the copy on the GPU, or NULL */
    char stays;
    TensorState state;                  /* of one that stays */
} Tensor;

typedef struct Graph Graph;

/* A node is one op applied to operands. Constructors append it to its graph; nothing is computed until the graph
 * runs. */
typedef struct Node {
    Op op;
    int id;                             /* its place among the graph's nodes: operands come before results */
    Shape shape;
    struct Node *in[MAX_INPUTS];        /* operands; NULL where an optional one is absent */
    Graph *graph;
    double a, b;                        /* the op's constants; leaky slope is `a` */
    int axis, from;                     /* concat, slice, pad */
    ConvShape conv;                     /* max pooling too: its window is the kernel */
    Tensor *tensor;                     /* leaf */
    real *data;                         /* where its value stands: known once planned */
    real *on_device;                    /* where it stands on the GPU, if the graph runs there */
    /* the planner's notes */
    struct Node *place_of;              /* a node whose memory this one shares (views, results in place), or NULL */
    struct Node *again;                 /* a later copy, recomputed instead of kept */
    struct Node *before;                /* conv: the depthwise convolution that is done on its way in; or NULL */
    size_t offset;                      /* bytes into the arena */
    size_t skip;                        /* how many numbers into its operand's data a view starts */
    int uses, uses_left;                /* readers in all, and readers still to come of any value in its place */
    int born, last_use;                 /* when its place is taken and when it is free again, as places in the order */
    int layout;                         /* prepare_filter: the kernels' name for how the filter is laid out */
    char kept, dead, placed, late;      /* late: made by the planner, after its readers */
    double milliseconds;                /* of the last profiled run */
} Node;

/* A device other than the CPU. gpu.cu fills one in, with a kernel for every row of the table; a program built without
 * it has none. What can fail returns 0 (or NULL) and says why in `error`. */
typedef struct DeviceGraph DeviceGraph;     /* a planned graph, made ready to run there */

typedef enum Precision { PRECISION_FP32, PRECISION_TF32, PRECISION_BF16, PRECISIONS } Precision;

typedef struct Device {
    /* Finds the device; called again, changes the precision. Convolutions too small to gain from less than fp32 are
     * computed in fp32, unless it is wanted `everywhere`. */
    int (*open)(Precision precision, bool everywhere, char *error);
    void (*close)(void);
    const char *(*describe)(void);                      /* its name, and the arithmetic of convolutions */
    /* Takes all memory that the graph needs. */
    DeviceGraph *(*prepare)(Node *const *order, int n, size_t arena_bytes, char *error);
    int (*run)(DeviceGraph *g, char *error);            /* sends leaves, computes, brings kept values to Node.data */
    int (*run_one)(DeviceGraph *g, int i, char *error); /* node i alone (0 sends the leaves) and its value back */
    int (*time)(DeviceGraph *g, double *milliseconds, char *error);     /* of one run, by the device's clock */
    int (*profile)(DeviceGraph *g, char *error);        /* of every node: Node.milliseconds */
    void (*forget)(DeviceGraph *g);
    int (*fetch)(Tensor *t, char *error);               /* brings a tensor that stays up to date here */
    void (*release)(Tensor *t);                         /* gives its copy's memory back */
    int (*peaks)(double *bytes, double *operations, char *error);       /* measured, per second */
    size_t (*memory)(void);                             /* bytes taken there */
} Device;

#ifdef FACEGAN_WORDS
/* The words that facegan.c's first chapter is written in; chapters 2 to 7 define them. A Tensor is an array of numbers
 * that the program fills or reads; a Node is a value that a graph computes when it runs. A batch of N vectors is
 * (N,1,1,C). */
typedef struct Net Net;                                         /* a network's weights, and what its optimiser keeps */
static Net *net_new(char letter, double beta1, double beta2);   /* an empty one, which Adam will move */
static void net_attach(Net *net, Graph *g);                     /* the layers that come now stand in graph g */
static void sequential(Net *net, const char *prefix);           /* and are named prefix0.weight, prefix1... in files */
static Node *dense(Net *net, Node *x, int k, double slope);     /* (N,1,1,C) -> (N,1,1,k), leaky ReLU; slope 1: none */
static void net_update(Net *net, Node *loss, Node *schedule, Node **gradients);     /* moves weights down the loss */
static void clip_weights(Net *net, real limit);                 /* every weight to within +-limit */
static void set_schedule(Tensor *schedule, double lr, double beta1, double beta2, long t);  /* Adam's numbers, step t */

static Graph *graph_new(void);
static void graph_run(Graph *g);                                /* one that has been planned */
static Node *leaf(Graph *g, Tensor *tensor);                    /* a tensor as a node */
static Node *keep(Node *x);                                     /* its value is wanted after the run */
static Node *add(Node *u, Node *v);                             /* pointwise, as sub, mul; axes of length 1 repeat */
static Node *sub(Node *u, Node *v);
static Node *mul(Node *u, Node *v);
static Node *affine(Node *x, double a, double b);               /* a x + b */
static Node *scale(Node *x, double a);
static Node *add_number(Node *x, double b);
static Node *square(Node *x);
static Node *sqrt_of(Node *x);
static Node *softplus(Node *x);                                 /* log(1 + e^x) */
static Node *sum(Node *x);                                      /* of all numbers: (1,1,1,1) */
static Node *mean(Node *x);
static Node *sum_per_picture(Node *x);                          /* (N,H,W,C) -> (N,1,1,1) */
static Node *stop_grad(Node *x);                                /* x, but a constant to every gradient */
static Node *grad1(Node *loss, Node *x);                        /* d loss / d x, which can be differentiated again */
#endif /* FACEGAN_WORDS */

#endif /* FACEGAN_INTERNAL */
#endif /* FACEGAN_H */
