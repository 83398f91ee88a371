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
 * resized to P. condition: n numbers, the label c (one-hot; mixtures, and numbers between 0 and 1, are extrapolation;
 * of a G with a mask their sum says how much of the change is made).
 * A GANmut takes the same n numbers as shares of the ways from neutral to each emotion's place in its space.
 * out: P x P x X bytes. Returns 1, or 0 with `error` filled. */
int facegan_edit(Facegan *model, const unsigned char *pixels, int width, int height, int channels,
                 const float *condition, unsigned char *out, char error[FACEGAN_ERROR]);

#ifdef __cplusplus
}
#endif

/* ================================================================================================
 * Internal from here on: the vocabulary of facegan.c, its table of ops and its table of settings.
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
 *   NAME_grad       its gradient rule, made of op constructors, or the reason why it has none (listed at the head of
 *                   chapter 3)
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
    OP(warp,                 "x where a map says for each pixel, by bilinear weights; 0 outside") \
    OP(unwarp,               "its adjoint in x") \
    OP(warp_slope,           "its gradient in the map") \
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
    int axis, from;                     /* concat, slice, pad; prepare_filter: for which kernel */
    ConvShape conv;                     /* max pooling, whose window is the kernel, and warp, too */
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
/* Settings, a row each. A row is everything about an option: its place in the struct Settings, its usual value, what it
 * may be, who takes it, its help. (`facegan man option` tells how to add one.)
 *
 *   kind     s text, l and p longer ones; i whole number, f number, b switch
 *   values   what it may be: RANGE of a number, ONEOF these words; ANY text
 *   use      FIXED: it makes the run what it is, going on with another value would be another run; FREE: it may differ
 *            when a run goes on; COMMAND: of one command, never written down; OTHER: of commands that train nothing
 *   verbs    the commands that take it, "data" or "data.draw"
 *   models   the models that take it, or kinds of them: editor, StarGAN and GANmut, whose G edits a picture; noise,
 *            whose G draws from noise; classifier. Commands without a model do not ask */
#define TRAIN    "train classify.train reproduce.classifier "
#define BENCH    TRAIN "bench "
#define PHOTOS   "detect crop edit gamut classify.predict data.import "
#define ON_GPU   BENCH "reproduce sample classify edit gamut detect crop step "
#define COMPUTES ON_GPU "data eval study toy train.mtcnn "
#define DRAW     "data.draw study.truth "
#define BALANCE  TRAIN "data.balance "
#define GANS     "editor noise"

#define RANGE(least, most) .low = least, .high = most
#define ONEOF(words)       .choices = words
#define SWITCH             .high = 1
#define ANY                .choices = NULL
#define IN(heading)        , .group = heading        /* this row and those behind it */
#define EVERY              ""

#define FACEGAN_SETTINGS(X)                                                                                            \
    X(p, out, "out", "", ANY IN("basics"), COMMAND,                                                                    \
      TRAIN "train.mtcnn sample classify.eval edit gamut detect crop data.draw data.show data.balance data.import "    \
      "eval study reproduce toy", EVERY, "where to write, also -o: a folder, or the file of one picture (by default "  \
      "training: runs/MODEL; edit and gamut: the folder you are in)")                                                  \
    X(i, size, "size", "0", RANGE(8, 1024), FIXED,                                                                     \
      BENCH "crop data.draw data.show data.import data.doctor study.truth study.augment", EVERY, "P: side of the "     \
      "pictures in pixels (0, where that is usual: the pictures' own, at most 128)")                                   \
    X(b, grey, "grey", "0", SWITCH, COMMAND, BENCH "data.draw data.show data.import study.augment", EVERY,             \
      "the same as --channels 1")                                                                                      \
    X(l, classes, "classes", "", ANY, FIXED,                                                                           \
      TRAIN "classify.eval data.show data.balance data.import data.doctor study.augment", EVERY, "a,b,c: these "       \
      "classes only (default: all there are)")                                                                         \
    X(i, count, "count", "2000", RANGE(1, 1e7), OTHER, DRAW "sample study.augment", EVERY, "how many pictures")        \
    X(s, emotions, "emotions", "", ANY, OTHER, "data.draw sample", EVERY,                                              \
      "a,b,c: which emotions to draw (default: all there are)")                                                        \
    X(s, emotion, "emotion", "", ANY, OTHER, "edit", EVERY,                                                            \
      "NAME[:STRENGTH] or all: the expression to draw, e.g. happy or happy:0.7")                                       \
    X(i, batch, "batch", "16", RANGE(1, 4096), FIXED, BENCH, EVERY, "N: pictures in a batch")                          \
    X(i, iters, "iters", "200000", RANGE(1, 1e9), FREE, TRAIN "train.mtcnn study.augment toy", EVERY,                  \
      "iterations, each one D step; every n-critic-th also a G step (mtcnn: R twice, P and O four times as many)")     \
    X(i, epochs, "epochs", "0", RANGE(0, 1e6), COMMAND, TRAIN "study.truth study.augment", EVERY,                      \
      "the same in passes through the data")                                                                           \
    X(i, width, "width", "64", RANGE(1, 1024), FIXED, BENCH "study.augment reproduce", GANS,                           \
      "w, conv_dim: channels of the first layer")                                                                      \
    X(s, network, "network", "small", ONEOF("small|large|vgg16|vgg19|resnet18|resnet50"), FIXED, BENCH,                \
      "classifier", "the body")                                                                                        \
    X(f, lr, "lr", "1e-4", RANGE(0, 1), FIXED, TRAIN "train.mtcnn", EVERY, "Adam's learning rate")                     \
    X(i, seed, "seed", "1", RANGE(0, 9e15), FIXED, BALANCE DRAW "train.mtcnn sample reproduce", EVERY,                 \
      "all chance follows from it")                                                                                    \
    X(s, model, "model", "stargan", ANY IN("data"), FIXED, "-", EVERY, "which system")                                 \
    X(p, data, "data", "", ANY, FREE, "-", EVERY, "folder or list of pictures")                                        \
    X(i, channels, "channels", "3", RANGE(1, 3), FIXED, BENCH "data.draw data.import study.augment", EVERY,            \
      "X: 1 grey, 3 colour")                                                                                           \
    X(l, attributes, "attributes", "", ANY, FIXED, TRAIN "data.doctor", "stargan classifier",                          \
      "a,b,c, or all: binary attributes of a CelebA-style list instead of classes")                                    \
    X(i, crop, "crop", "0", RANGE(0, 100000), FIXED, TRAIN "data.doctor study.augment", EVERY,                         \
      "cut this centred square out first, in source pixels (178 for CelebA; 0: the largest)")                          \
    X(f, face_margin, "face-margin", "-1", RANGE(-1, 4), FIXED, TRAIN, "editor",                                       \
      "how the pictures are cut: so much more than a detector's box; edit then cuts photographs alike (-1: not "       \
      "known)")                                                                                                        \
    X(i, limit, "limit", "0", RANGE(0, 1e9), FIXED, TRAIN "classify.eval eval study.ganmut", EVERY,                    \
      "use only so many pictures (0: all)")                                                                            \
    X(s, balance, "balance", "", ONEOF("oversample|undersample|augment:#"), FIXED, BALANCE, EVERY,                     \
      "as many pictures of every class: the largest's, the smallest's, or N with changed copies")                      \
    X(f, validation, "validation", "0", RANGE(0, 0.9), FIXED, TRAIN, EVERY,                                            \
      "hold out this share of the training pictures, of each class (0: the set's own part)")                           \
    X(s, split, "split", "", ONEOF("train|validation|test|all"), OTHER, "classify.eval eval study.ganmut", EVERY,      \
      "which part of the set")                                                                                         \
    X(i, d_width, "d-width", "0", RANGE(0, 1024) IN("networks"), FIXED, TRAIN, GANS,                                   \
      "the width of D alone (0: as --width says)")                                                                     \
    X(i, g_repeat, "g-repeat", "6", RANGE(0, MAX_REPEAT), FIXED, BENCH, "editor", "residual blocks in G")              \
    X(i, d_repeat, "d-repeat", "0", RANGE(0, 8), FIXED, BENCH, "editor",                                               \
      "halvings in D (0: as many as the size allows, at most 6)")                                                      \
    X(s, keep, "keep", "none", ONEOF("none|mask|skip|warp"), FIXED, BENCH, "editor",                                   \
      "how G keeps the face: not at all (paper); it paints through a mask; it adds a change to the picture; it moves"  \
      " the picture's pixels and paints through a mask")                                                               \
    X(s, upsample, "upsample", "deconv", ONEOF("deconv|resize"), FIXED, BENCH, "editor",                               \
      "how G enlarges: as in the paper, or by nearest pixels, then a convolution, without checkerboards")              \
    X(b, modulate, "modulate", "0", SWITCH, FIXED, BENCH, "editor",                                                    \
      "G's residual blocks hear the label in their norms, too, not only at the picture's border")                      \
    X(i, style, "style", "0", RANGE(0, 1024), FIXED, BENCH, "editor",                                                  \
      "modulate: so many numbers, that a layer makes of the label, take its place (0: itself)")                        \
    X(f, fade, "fade", "0", RANGE(0, 0.4), FIXED, BENCH, "ganmut",                                                     \
      "G fades the neutral picture into that of full strength, evenly for one who believes so much of the emotion at"  \
      " first and doubts as much in the end (0: it is told the strength)")                                             \
    X(s, source, "source", "one", ONEOF("one|class"), FIXED, TRAIN, "stargan",                                         \
      "D's scores of real and fake: one, or one for each class")                                                       \
    X(s, space, "space", "linear", ONEOF("linear|gaussian"), FIXED, BENCH, "ganmut",                                   \
      "the space: directions in a disc, or Gaussians")                                                                 \
    X(i, space_dim, "space-dim", "2", RANGE(2, SPACE_MOST), FIXED, BENCH, "ganmut", "dimensions of the space, 2 or 3") \
    X(s, body, "body", "dcgan", ONEOF("dcgan|kolbenschlag=seed|wacgan|style"), FIXED, TRAIN, "noise",                  \
      "the networks: DCGAN's, Kolbenschlag's first, Kolbenschlag's last, or with styles and projection")               \
    X(i, latent, "latent", "100", RANGE(1, 4096), FIXED, TRAIN, "noise", "how many numbers G draws from")              \
    X(b, conditional, "conditional", "0", SWITCH, FIXED, TRAIN, "noise", "G is told the class to draw")                \
    X(b, unstrided, "unstrided", "0", SWITCH, FIXED, TRAIN, "noise",                                                   \
      "body wacgan: the critic strides no layer (Kolbenschlag's code)")                                                \
    X(s, preprocess, "preprocess", "", ONEOF("tanh|unit|torchvision|caffe|caffe-unit"), FIXED, TRAIN, "classifier",    \
      "how the weights' makers fed them (default: the network's)")                                                     \
    X(s, unfreeze, "unfreeze", "", ONEOF("all|head|block#"), FIXED, BENCH, "classifier",                               \
      "what learns: all, the head, or blockN and those behind it")                                                     \
    X(s, head, "head", "", ANY, FIXED, TRAIN, "classifier",                                                            \
      "widths of the hidden layers before the scores, e.g. 128,128; none (default: the network's)")                    \
    X(s, pool, "pool", "", ONEOF("mean|flat"), FIXED, TRAIN, "classifier",                                             \
      "the head sees the map's mean or all of it (default: the network's)")                                            \
    X(f, dropout, "dropout", "0", RANGE(0, 0.95), FIXED, TRAIN, "classifier",                                          \
      "chance that a number in the head is left out")                                                                  \
    X(s, adv, "adv", "wgan-gp", ONEOF("wgan-gp|wgan|bce|bce-saturating|hinge|lsgan") IN("losses"), FIXED, BENCH, GANS, \
      "adversarial loss")                                                                                              \
    X(s, reg, "reg", "", ONEOF("gp|r1|none"), FIXED, BENCH, GANS,                                                      \
      "penalty on D's gradient (default gp for wgan-gp, else none)")                                                   \
    X(f, lambda_gp, "lambda-gp", "10", RANGE(0, 1e6), FIXED, TRAIN, GANS, "weight of the penalty")                     \
    X(f, penalty_share, "penalty-share", "1", RANGE(0, 1), FIXED, TRAIN, GANS,                                         \
      "the penalty is measured on this share of a batch")                                                              \
    X(f, clip, "clip", "0.01", RANGE(0, 10), FIXED, TRAIN, GANS,                                                       \
      "adv wgan: D's weights are kept within +-clip (0: not)")                                                         \
    X(f, lambda_adv, "lambda-adv", "1", RANGE(0, 1e6), FIXED, TRAIN, "editor", "weight of G's adversarial loss")       \
    X(f, lambda_cls, "lambda-cls", "1", RANGE(0, 1e6), FIXED, TRAIN, "editor wacgan",                                  \
      "weight of the classification loss")                                                                             \
    X(f, lambda_fake, "lambda-cls-fake", "0", RANGE(0, 1e6), FIXED, TRAIN, "wacgan",                                   \
      "weight of D's classification loss on fakes")                                                                    \
    X(f, lambda_rec, "lambda-rec", "10", RANGE(0, 1e6), FIXED, TRAIN, "editor", "weight of the reconstruction loss")   \
    X(f, identity, "identity", "0", RANGE(0, 1), FIXED, TRAIN, "editor",                                               \
      "in this share of a batch G's second drawing is of the picture itself, with its own label, not the way back")    \
    X(f, lambda_tv, "lambda-tv", "0", RANGE(0, 1e6), FIXED, TRAIN, "editor",                                           \
      "weight of the total variation of the change that G makes")                                                      \
    X(f, lambda_mask, "lambda-mask", "0", RANGE(0, 1e6), FIXED, TRAIN, "editor",                                       \
      "keep mask, warp: weight of the mask's mean")                                                                    \
    X(f, lambda_moves, "lambda-moves", "0", RANGE(0, 1e6), FIXED, TRAIN, "editor",                                     \
      "keep warp: weight of how differently neighbouring pixels move")                                                 \
    X(p, teacher, "teacher", "", ANY, FREE, TRAIN, EVERY,                                                              \
      "A,B: classifiers (runs or weights) that stay as they are: G must convince them; a classifier learns what they"  \
      " answer")                                                                                                       \
    X(f, lambda_teacher, "lambda-teacher", "1", RANGE(0, 1e6), FIXED, TRAIN, EVERY, "weight of the teachers' loss")    \
    X(f, smoothing, "smoothing", "0", RANGE(0, 0.9), FIXED, TRAIN, GANS " classifier",                                 \
      "this share of a label is spread over all classes: a classifier's, or what teachers ask of G")                   \
    X(s, diffaugment, "diffaugment", "", ONEOF(",brightness|contrast|translation|cutout|all|none"), FIXED, TRAIN,      \
      GANS, "what D sees is changed by chance, and G learns through it")                                               \
    X(s, targets, "targets", "permute", ONEOF("permute|different"), FIXED, TRAIN, GANS,                                \
      "the labels asked for: the batch's own, shuffled (paper); never a picture's own")                                \
    X(b, wrong_labels, "wrong-labels", "0", SWITCH, FIXED, TRAIN, "stargan gan cgan wgan wgan-gp",                     \
      "where D is told the class: real pictures under another label are shown to it as fakes")                         \
    X(s, cycle, "cycle", "original", ONEOF("original|approximate"), FIXED, BENCH, "ganmut",                            \
      "linear: the way back as in the paper, or as in the public code")                                                \
    X(i, random_directions, "random-directions", "5", RANGE(0, 4096), FIXED, TRAIN, "ganmut",                          \
      "linear: so many pictures of a batch go anywhere")                                                               \
    X(f, lambda_info, "lambda-info", "1", RANGE(0, 1e6), FIXED, TRAIN, "ganmut", "weight of the coordinates' losses")  \
    X(f, lambda_rho, "lambda-rho", "1", RANGE(0, 1e6), FIXED, TRAIN, "ganmut", "linear: weight of the strength loss")  \
    X(b, mix, "mix", "0", SWITCH, FIXED, TRAIN, "ganmut",                                                              \
      "linear: random directions have labels, too, which mix the emotions nearby")                                     \
    X(f, lambda_prediction, "lambda-prediction", "0.5", RANGE(0, 1e6), FIXED, TRAIN, "ganmut",                         \
      "gaussian: weight of the means' classification")                                                                 \
    X(f, label_noise, "label-noise", "0", RANGE(0, 0.5), FIXED, TRAIN, "noise",                                        \
      "bce: D's answers are off by up to this, by chance")                                                             \
    X(f, label_smooth, "label-smooth", "0", RANGE(0, 0.5), FIXED, TRAIN, "noise",                                      \
      "bce: D's answer to a real picture is 1 less this")                                                              \
    X(b, joint, "joint", "0", SWITCH, FIXED, TRAIN, "cgan",                                                            \
      "D answers fake, class 1, .. n instead of being told the class (Kolbenschlag)")                                  \
    X(b, unrelated, "unrelated", "0", SWITCH, FIXED, TRAIN, "wacgan",                                                  \
      "the fakes' class is another picture's (Kolbenschlag's code)")                                                   \
    X(f, l2, "l2", "0", RANGE(0, 10), FIXED, TRAIN, "classifier",                                                      \
      "weight of the sum of squares of the head's filters")                                                            \
    X(f, mixup, "mixup", "0", RANGE(0, 1), FIXED, TRAIN, "classifier",                                                 \
      "up to this share of another picture shines through each, and of its label")                                     \
    X(f, adversarial, "adversarial", "0", RANGE(0, 100), FIXED, TRAIN, "classifier",                                   \
      "learn from the worst picture within this distance (the length of the change of numbers in -1..1)")              \
    X(b, class_weights, "class-weights", "0", SWITCH, FIXED, TRAIN, "classifier",                                      \
      "rare classes count more, N / (n N_class)")                                                                      \
    X(f, beta1, "beta1", "0.5", RANGE(0, 0.9999) IN("optimiser"), FIXED, TRAIN, EVERY,                                 \
      "Adam's decay of the first moment; others' momentum")                                                            \
    X(f, beta2, "beta2", "0.999", RANGE(0, 0.99999), FIXED, TRAIN, EVERY,                                              \
      "Adam's decay of the second moment; RMSProp's of the mean square")                                               \
    X(s, decay, "decay", "linear", ONEOF("linear|cosine|none|published|plateau"), FIXED, TRAIN, EVERY,                 \
      "of the rate: constant for the first half, then falling to 0 (paper); half a cosine; constant; the public "      \
      "code's; classifiers: halved after 3 passes without a lower validation loss")                                    \
    X(i, n_critic, "n-critic", "5", RANGE(1, 1000), FIXED, TRAIN, GANS, "D steps for each G step")                     \
    X(i, d_first, "d-first", "0", RANGE(0, 1e9), FIXED, TRAIN, GANS,                                                   \
      "so many D steps before the first of G, which may have learnt before (--init)")                                  \
    X(f, d_lr, "d-lr", "0", RANGE(0, 1), FIXED, TRAIN, GANS, "D's learning rate (0: --lr)")                            \
    X(s, d_optimiser, "d-optimiser", "adam", ONEOF("adam|rmsprop|sgd|sgd_nesterov|adagrad"), FIXED, TRAIN, EVERY,      \
      "how D's weights move (a classifier is a D)")                                                                    \
    X(s, g_optimiser, "g-optimiser", "adam", ONEOF("adam|rmsprop|sgd|sgd_nesterov|adagrad"), FIXED, TRAIN, GANS,       \
      "how G's move")                                                                                                  \
    X(f, clip_gradient, "clip-gradient", "0", RANGE(0, 1e6), FIXED, TRAIN, EVERY,                                      \
      "D's gradients are cut to +- this (0: not)")                                                                     \
    X(f, weight_decay, "weight-decay", "0", RANGE(0, 1), FIXED, TRAIN, EVERY,                                          \
      "this share of every weight of D is added to its gradient")                                                      \
    X(f, average, "average", "0", RANGE(0, 0.99999), FIXED, TRAIN, GANS,                                               \
      "pictures are drawn with G's averaged weights, of which this share stays a step (0: not)")                       \
    X(b, forget, "forget", "0", SWITCH, FIXED, TRAIN, "noise",                                                         \
      "G's optimiser forgets after every step what it keeps (Kolbenschlag's code)")                                    \
    X(b, flip, "flip", "1", SWITCH IN("augmentation"), FIXED, BALANCE, EVERY, "mirror pictures by chance")             \
    X(f, rotate, "rotate", "0", RANGE(0, 180), FIXED, BALANCE, EVERY, "rotate by up to so many degrees")               \
    X(f, shift, "shift", "0", RANGE(0, 0.5), FIXED, BALANCE, EVERY, "shift by up to this share of the side")           \
    X(f, zoom_low, "zoom-low", "0", RANGE(0, 4), FIXED, BALANCE, EVERY, "zoom at least (0: none)")                     \
    X(f, zoom_high, "zoom-high", "0", RANGE(0, 4), FIXED, BALANCE, EVERY, "zoom at most")                              \
    X(f, brightness, "brightness", "0", RANGE(0, 1), FIXED, BALANCE, EVERY,                                            \
      "lighter or darker by up to this share of the range")                                                            \
    X(f, contrast, "contrast", "0", RANGE(0, 1), FIXED, BALANCE, EVERY,                                                \
      "contrast stronger or weaker by up to this share")                                                               \
    X(f, erase, "erase", "0", RANGE(0, 1), FIXED, TRAIN, EVERY,                                                        \
      "the chance that a rectangle of the picture is hidden")                                                          \
    X(b, as_published, "as-published", "0", SWITCH IN("run"), FIXED, TRAIN, EVERY,                                     \
      "the public code, quirk by quirk, instead of the paper")                                                         \
    X(s, recipe, "recipe", "", ONEOF("kolbenschlag=seed"), FIXED, TRAIN, "wacgan",                                     \
      "the settings of Kolbenschlag's code, as far as it is known")                                                    \
    X(p, init, "init", "", ANY, FREE, TRAIN "train.mtcnn", EVERY,                                                      \
      "start from these weights: a run's, or for classifiers torchvision's or Keras'")                                 \
    X(i, patience, "patience", "0", RANGE(0, 1e6), FREE, TRAIN, "classifier",                                          \
      "stop after so many passes without a lower validation loss (0: never)")                                          \
    X(s, on_collapse, "on-collapse", "warn", ONEOF("warn|stop|rollback"), FREE, TRAIN, "noise",                        \
      "when samples become alike: say so, stop, or go back to the last healthy weights")                               \
    X(f, collapse_below, "collapse-below", "0.35", RANGE(0, 1), FREE, TRAIN, "noise",                                  \
      "alarm when the samples' diversity falls below this share of the data's")                                        \
    X(i, sample_every, "sample-every", "0", RANGE(0, 1e9), FREE, TRAIN, EVERY,                                         \
      "draw the sample faces every so many iterations (0: 20 times a run)")                                            \
    X(i, save_every, "save-every", "0", RANGE(0, 1e9), FREE, TRAIN "train.mtcnn", EVERY,                               \
      "write the checkpoint every so many iterations (0: about every 2 minutes)")                                      \
    X(i, log_every, "log-every", "10", RANGE(1, 1e9), FREE, TRAIN, EVERY,                                              \
      "a line in log.csv every so many iterations")                                                                    \
    X(b, dry_run, "dry-run", "0", SWITCH, COMMAND, TRAIN "reproduce", EVERY,                                           \
      "tell time, memory and disk, train nothing")                                                                     \
    X(s, budget, "budget", "2h", ANY, OTHER, "reproduce", EVERY,                                                       \
      "how long it may take, 2h or 30m, or full: as long as the document did")                                         \
    X(p, trace, "trace", "", ANY, COMMAND, TRAIN "train.mtcnn detect", EVERY,                                          \
      "FILE.safetensors: every tensor of the first steps, then stop")                                                  \
    X(b, provenance, "provenance", "1", SWITCH, COMMAND, TRAIN "sample edit gamut", EVERY,                             \
      "pictures that a model drew say so in their file")                                                               \
    X(b, metadata, "metadata", "1", SWITCH, OTHER, "edit", EVERY,                                                      \
      "edited photographs keep their EXIF data (place, time, camera) and colour profile")                              \
    X(s, theta, "theta", "", ANY IN("drawing"), OTHER, "edit", EVERY,                                                  \
      "ganmut: the direction, 40deg or 0.7rad, of strength --rho")                                                     \
    X(f, rho, "rho", "1", RANGE(0, 1), OTHER, "edit", EVERY, "ganmut: the strength for --theta and --between")         \
    X(s, xy, "xy", "", ANY, OTHER, "edit", EVERY, "ganmut: the point x,y (or x,y,z) of the space")                     \
    X(s, between, "between", "", ANY, OTHER, "edit gamut", EVERY,                                                      \
      "ganmut: A,B[:SHARE]: between two emotions, e.g. happy,surprise:0.5")                                            \
    X(b, gif, "gif", "0", SWITCH, OTHER, "gamut", EVERY, "also a GIF along a path")                                    \
    X(l, path, "path", "", ANY, OTHER, "gamut", EVERY,                                                                 \
      "a,b,c: the emotions that the GIF passes (default: all, in the order of their angles)")                          \
    X(s, shape, "shape", "ring", ONEOF("ring|grid|spiral"), OTHER, "toy", EVERY, "where the real points lie")          \
    X(b, files, "files", "0", SWITCH, OTHER, "sample", EVERY,                                                          \
      "--count separate pictures in folders by class, and labels.csv, to train on")                                    \
    X(b, force, "force", "0", SWITCH, OTHER, "sample data.draw data.balance", EVERY,                                   \
      "into a folder that is not empty: what is there stays, or is replaced where names are the same")                 \
    X(b, interpolate, "interpolate", "0", SWITCH, OTHER, "sample", EVERY,                                              \
      "a strip and a GIF on the way from one latent to another")                                                       \
    X(b, raw, "raw", "0", SWITCH, OTHER, "sample", EVERY, "with G's last weights though averaged ones are there")      \
    X(f, pose, "pose", "1", RANGE(0, 1), OTHER, DRAW, EVERY,                                                           \
      "how far heads turn, tilt and shift: 0 not at all, 1 as far as they go")                                         \
    X(f, weakest, "weakest", "0.6", RANGE(0, 1), OTHER, DRAW, EVERY, "the least intensity of an emotion")              \
    X(f, blends, "blends", "0", RANGE(0, 1), OTHER, DRAW, EVERY,                                                       \
      "in this share of the pictures a second, weaker emotion is mixed in")                                            \
    X(b, viewers, "viewers", "0", SWITCH, OTHER, DRAW, EVERY,                                                          \
      "labels are an unsure viewer's: right as often as the emotion is strong, else a guess")                          \
    X(i, scale, "scale", "1", RANGE(1, 16), OTHER, "sample edit gamut data.show", EVERY,                               \
      "enlarge pictures by a whole factor")                                                                            \
    X(b, scenes, "scenes", "0", SWITCH, OTHER, "data.draw", EVERY,                                                     \
      "photographs with several faces, none or what looks like one, and a list of boxes and landmarks")                \
    X(p, backgrounds, "backgrounds", "", ANY, OTHER, "data.draw train.mtcnn", EVERY,                                   \
      "pictures of anything but faces, to paste them on and to learn what is none")                                    \
    X(s, detector, "detector", "", ONEOF("mtcnn|retinaface") IN("faces"), OTHER, PHOTOS "train.mtcnn", EVERY,          \
      "who finds the faces (default: mtcnn; train mtcnn: the teacher who says where a picture's face is)")             \
    X(p, weights, "weights", "", ANY, OTHER, PHOTOS "train.mtcnn", EVERY,                                              \
      "the detector's weights: a folder (mtcnn) or a file (default: models/mtcnn.safetensors)")                        \
    X(f, threshold, "threshold", "0", RANGE(0, 1), OTHER, PHOTOS, EVERY,                                               \
      "least score of a face (0: as the weights say, else mtcnn 0.7, retinaface 0.6)")                                 \
    X(f, min_face, "min-face", "20", RANGE(12, 10000), OTHER, PHOTOS, EVERY,                                           \
      "mtcnn: side of the smallest face looked for, in pixels")                                                        \
    X(i, max_side, "max-side", "2048", RANGE(32, 16384), OTHER, PHOTOS, EVERY,                                         \
      "larger pictures are scaled down to this for the detector: bounds its memory")                                   \
    X(f, margin, "margin", "-1", RANGE(-1, 4), OTHER, "crop edit gamut classify.predict data.import", EVERY,           \
      "so much more than the face's box, as a share of its side (-1: as the model was trained, else 0.3)")             \
    X(b, align, "align", "0", SWITCH, OTHER, "crop edit gamut classify.predict data.import", EVERY,                    \
      "turn faces so that eyes, nose and mouth stand in their places")                                                 \
    X(b, all, "all", "0", SWITCH, OTHER, "crop", EVERY, "every face of a picture, not only the best")                  \
    X(b, whole, "whole", "0", SWITCH, OTHER, "data.import", EVERY,                                                     \
      "whole pictures, even where the list has the face's box")                                                        \
    X(p, classifier, "classifier", "", ANY IN("numbers"), OTHER, TRAIN "classify.eval classify.predict eval", "noise", \
      "a classifier's run or weights (default: the one in models/); in training it watches for collapse, too")         \
    X(s, views, "views", "one", ONEOF("one|flip|crops"), OTHER, "classify.eval classify.predict", EVERY,               \
      "mean over a picture's views (its mirror image, too; five cut-outs and their mirror images)")                    \
    X(i, bootstrap, "bootstrap", "200", RANGE(0, 100000), OTHER, "eval study.ganmut", EVERY,                           \
      "resamplings for FED's 95% interval (0: no interval)")                                                           \
    X(s, drawn_by, "drawn-by", "stargan", ONEOF("stargan|cgan"), OTHER, "study.augment", EVERY,                        \
      "what draws: stargan edits the real pictures, cgan begins with noise")                                           \
    X(i, repeat, "repeat", "5", RANGE(1, 1e9), OTHER, "bench study.augment", EVERY,                                   \
      "how often: timed repetitions; seeds")                                                                           \
    X(b, roofline, "roofline", "0", SWITCH, OTHER, "bench", EVERY, "time and rate of every node, slowest first")       \
    X(b, json, "json", "0", SWITCH, OTHER,                                                                             \
      "detect classify.eval classify.predict data.doctor data.import eval bench info", EVERY, "print JSON")            \
    X(p, fix, "fix", "", ANY, OTHER, "data.doctor", EVERY,                                                             \
      "FILE.csv: write a list of the pictures without damaged ones, repeats and contradictions")                       \
    X(b, csv, "csv", "0", SWITCH, OTHER, "detect classify.eval classify.predict eval study", EVERY, "print CSV")       \
    X(b, html, "html", "0", SWITCH, OTHER, "eval", EVERY, "also a page with pictures, to --out FILE.html")             \
    X(s, only, "only", "", ANY, OTHER, "convert", EVERY, "keep only tensors whose name begins so")                     \
    X(b, half, "half", "0", SWITCH, OTHER, "convert", EVERY, "store float32 as float16")                               \
    X(b, bgr, "bgr", "0", SWITCH, OTHER, "convert", EVERY,                                                             \
      "swap blue and red in the first and last layers (the public GANmut code's pictures are BGR)")                    \
    X(b, strip, "strip", "0", SWITCH, OTHER, "convert", EVERY,                                                         \
      "keep one network alone (the averaged G, else G, else D; or that of --only), its names without prefix")          \
    X(b, gpu, "gpu", "0", SWITCH, OTHER, "verify", EVERY,                                                              \
      "hold the GPU's kernels against the definitions and the CPU's")                                                  \
    X(i, threads, "threads", "0", RANGE(0, KERNELS_MAX_THREADS) IN("machine"), COMMAND, COMPUTES "verify", EVERY,      \
      "worker threads (0: one a processor); results do not depend on it")                                              \
    X(s, device, "device", "cpu", ONEOF("cpu|gpu|auto"), COMMAND, ON_GPU, EVERY,                                       \
      "where to compute (gpu: a program built by `make gpu`; auto: the GPU if there is one)")                          \
    X(s, precision, "precision", "", ONEOF("tf32|bf16|fp32"), COMMAND, ON_GPU, EVERY,                                  \
      "of the GPU's convolutions, tf32 unless given; the CPU has fp32")                                                \
    X(s, isa, "isa", "", ONEOF("avx512|avx2|portable|neon"), COMMAND, COMPUTES, EVERY,                                 \
      "instruction set (default: the best here)")                                                                      \
    X(i, max_memory, "max-memory", "0", RANGE(0, 1e8), COMMAND, EVERY, EVERY,                                          \
      "of the program's memory, in MiB: what wants more is refused (0: only files that unpack to far more)")           \
    X(b, quiet, "quiet", "0", SWITCH, COMMAND, EVERY, EVERY, "say nothing but errors")

/* What losses should look like, for reports. */
#define HEALTHY_EXPRESSIONS                                                                                            \
    "Healthy: D.gp stays small, D.real and D.fake keep some distance without running away, D.cls falls first and "     \
    "G.cls follows it, G.rec falls slowly. G.cls near ln(classes) means that G has not yet learnt what the classes are."
#define HEALTHY_NOISE                                                                                                  \
    "Healthy: D.real and D.fake keep some distance and neither runs away; diversity climbs to 0.7 of the data's or "   \
    "more and stays. Diversity near 0: G draws one picture, whatever the noise. Nearest much below 1: G draws the "    \
    "data's own pictures. Label near 0: G does not listen to the class. With --adv bce, D.real and D.fake both at "    \
    "0.69 (log 2): D sees nothing; give it a higher --d-lr, more steps (--n-critic) or a start of its own (--d-first)."
#define HEALTHY_CLASSIFIER                                                                                             \
    "Healthy: D.cls falls, D.accuracy and the validation accuracy rise together. When the validation loss turns up "   \
    "while D.cls still falls, the network begins to learn the pictures by heart: the best weights are kept."

/* What the public code does otherwise, printed at the start of an --as-published run. */
#define PUBLISHED_DECAY                                                                                                \
    "the learning rate falls by one iteration's share every 1000 iterations (paper: every iteration)"

/* What does not go together, whatever the data. `when`: all that settings say then, "set !unset name=value". */
static const struct { const char *models, *when, *wrong; } refusals[] = {
    {"", "channels=2", "--channels 2: must be 1 (grey) or 3 (colour)"},
    {"editor noise", "decay=plateau", "--decay plateau is for classifiers"},
    {"editor", "style !modulate", "--style is what G's norms are told: it needs --modulate"},
    {"editor", "wrong-labels source!=class", "--wrong-labels needs a D that is asked for each class: --source class"},
    {"editor", "teacher attributes", "--teacher judges classes, not --attributes"},
    {"ganmut", "batch=1", "--batch 1: ganmut needs at least two pictures"},
    {"ganmut", "teacher !mix random-directions", "--teacher needs to know what a random direction should show: --mix, "
     "or --random-directions 0"},
    {"ganmut", "mix !random-directions", "--mix labels random directions: --random-directions 0 leaves none"},
    {"ganmut-gaussian", "space!=gaussian", "ganmut-gaussian has --space gaussian; take the model ganmut for another"},
    {"ganmut-gaussian", "cycle!=original", "--cycle approximate needs directions: --space linear"},
    {"ganmut-gaussian", "mix", "--mix needs directions: --space linear"},
    {"ganmut-gaussian", "fade", "--fade needs a centre that is neutral: --space linear"},
    {"ganmut-gaussian", "as-published space-dim=3", "--as-published --space-dim 3: the public code's covariances need "
     "not be positive definite, so this is not imitated"},
    {"noise", "batch=1", "--batch 1: batch norm needs at least two pictures"},
    {"noise", "label-noise adv!=bce", "--label-noise and --label-smooth belong to --adv bce"},
    {"noise", "label-smooth adv!=bce", "--label-noise and --label-smooth belong to --adv bce"},
    {"noise", "joint body=style", "--joint: body style is told the class by projection"},
    {"noise", "joint adv!=bce", "--joint belongs to cgan with --adv bce"},
    {"noise", "joint !conditional", "--joint belongs to cgan, whose D is told the class"},
    {"noise", "teacher !conditional", "--teacher: this model draws no classes that a teacher could ask for"},
    {"noise", "wrong-labels !conditional", "--wrong-labels: this model's D is told no labels"},
    {"classifier", "attributes class-weights", "--class-weights are for classes, not for attributes"},
    {"classifier", "attributes teacher", "--teacher is for classes, not for attributes"},
};

/* Options that would do nothing: `given` on the command line, while the settings say `when`. */
static const struct { const char *verbs, *given, *when, *wrong; } idle[] = {
    {"sample", "interpolate", "files", "--files --interpolate: give one"},
    {"sample", "count", "interpolate", "--count: the way that --interpolate draws is between two latents"},
    {"sample", "scale", "files", "--scale: --files has pictures as the generator draws them"},
    {"sample", "force", "!files", "--force is for --files: a sheet or a way replaces the one before"},
    {"edit", "rho", "!theta !between", "--rho is the strength for --theta and --between; --emotion NAME:STRENGTH "
     "has its own"},
    {"edit", "emotion", "!emotion", "--emotion is empty: name one, or all"},
    {"edit", "theta", "!theta", "--theta is empty: it is an angle such as 40deg"},
    {"edit", "xy", "!xy", "--xy is empty: it is a point such as 0.3,-0.5"},
    {"edit", "between", "!between", "--between is empty: it is two emotions, such as happy,sad"},
    {"gamut", "path", "!gif", "--path is what the GIF passes: add --gif"},
    {"data.draw", "backgrounds", "!scenes", "--backgrounds are for --scenes"},
    {"", "min-face", "detector=retinaface", "--min-face is mtcnn's; retinaface looks for faces of all sizes"},
    {"", "csv", "json", "--csv --json: give one"},
};

/* The words that facegan.c's first chapter is written in; chapters 2 to 7 define them. A Tensor is an array of numbers
 * that the program fills or reads; a Node is a value that a graph computes when it runs. A batch of N vectors is
 * (N,1,1,C). `real` is float, or double in a program built as facegan64. */
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
