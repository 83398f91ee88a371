/* onnx.h: writes neural networks as ONNX files, which other programs run without the one that trained them.
 *
 * In ONE source file write
 *
 *     #define ONNX_IMPLEMENTATION
 *     #include "onnx.h"
 *
 * and include it plainly elsewhere. `#define ONNX_STATIC` before it makes every function static. It needs C11 or C++17
 * and POSIX.1-2008, nothing else.
 *
 *     OnnxModel *model = onnx_begin("two layers", "my program", "1.0", 17);
 *     int64_t shape[4] = {ONNX_BATCH, 3, 48, 48}, filter[4] = {8, 3, 3, 3}, ones[2] = {1, 1};
 *     onnx_input(model, "x", 4, shape);
 *     onnx_floats(model, "w", 4, filter, weights);
 *     onnx_node(model, "Conv", "h", 2, (const char *[]){"x", "w"});
 *     onnx_attribute_ints(model, "strides", 2, ones);
 *     onnx_node(model, "Relu", "y", 1, (const char *[]){"h"});
 *     onnx_output(model, "y", 4, (int64_t[]){ONNX_BATCH, 8, 46, 46});
 *     char error[ONNX_ERROR_SIZE];
 *     if (!onnx_save(model, "two.onnx", error)) puts(error);       // frees the model in any case
 *
 * An ONNX file is one protocol buffer message. A message is a row of fields; a field is a key (number and wire type)
 * and a value, and a message within a message is a value of known length:
 *
 *     ModelProto   08 08 | 42 04 .... | 3a <length> GraphProto ...
 *                  |  |                 |
 *                  |  ir_version = 8    key 7 << 3 | 2: graph, length-delimited
 *                  key 1 << 3 | 0: a varint, 7 bits a byte, the lowest first, the top bit says that more follow
 *
 *     GraphProto   node*  name  initializer*  input*  output*        fields may come in any order: as they are made
 *
 * What is named is not checked against the standard (github.com/onnx/onnx, onnx.proto and Operators.md): a checker for
 * that comes with it. Tensors are float32 and int64, little-endian, which the file says of them all ("raw"). */
#ifndef ONNX_H
#define ONNX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "onnx.h: numbers are written as they lie in memory, and the file is little-endian; this host is big-endian"
#endif

#ifdef ONNX_STATIC
#if defined(__GNUC__)
#define ONNX_API __attribute__((unused)) static
#else
#define ONNX_API static
#endif
#else
#define ONNX_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ONNX_ERROR_SIZE 256
#define ONNX_MAX_RANK 8
#define ONNX_BATCH (-1)                 /* a dimension that is known only when the model runs; it is called N */

typedef struct OnnxModel OnnxModel;

/* An empty model for version `opset` of the standard's operators. Never NULL but when memory is out. */
ONNX_API OnnxModel *onnx_begin(const char *graph_name, const char *producer, const char *producer_version, int opset);
ONNX_API void onnx_free(OnnxModel *model);

/* What the model is given and gives: float tensors. */
ONNX_API void onnx_input(OnnxModel *model, const char *name, int rank, const int64_t *shape);
ONNX_API void onnx_output(OnnxModel *model, const char *name, int rank, const int64_t *shape);

/* Tensors that the file carries; the numbers are copied. */
ONNX_API void onnx_floats(OnnxModel *model, const char *name, int rank, const int64_t *shape, const float *data);
ONNX_API void onnx_integers(OnnxModel *model, const char *name, int rank, const int64_t *shape, const int64_t *data);

/* An operator with one output; its attributes follow, until the next call of another kind. An input "" is left out. */
ONNX_API void onnx_node(OnnxModel *model, const char *op, const char *output, int n, const char *const *inputs);
ONNX_API void onnx_attribute_int(OnnxModel *model, const char *name, int64_t value);
ONNX_API void onnx_attribute_ints(OnnxModel *model, const char *name, int n, const int64_t *values);
ONNX_API void onnx_attribute_float(OnnxModel *model, const char *name, float value);

/* A pair of texts that readers show: where the model comes from, what its outputs mean. */
ONNX_API void onnx_metadata(OnnxModel *model, const char *key, const char *value);

/* Writes the file, whole or not at all, and frees the model. 0: failed, for the reason in `error` (or NULL). Mistakes
 * of the calls before (no memory, a rank or size out of range, an attribute without its node) are reported here, the
 * first of them. */
ONNX_API int onnx_save(OnnxModel *model, const char *path, char error[]);

/* The same into a stream of yours, which is left open and flushed; `name` is for the error. */
ONNX_API int onnx_save_to(OnnxModel *model, FILE *to, const char *name, char error[]);

/* ---- programs ----
 *
 * Whole computations in another order of axes: networks that keep channels last. ONNX puts channels before rows and
 * columns,
 *
 *     a step's  map (N,H,W,C)  filter (R,S,C,K)          there  (N,C,H,W)  (K,C,R,S)
 *
 * so axes are renamed, filters are turned, and only a reshape, which counts elements in the old order, stands between
 * two transpositions. Sides are fixed, the batch N is free: it is the first axis of what depends on an input, and of
 * nothing else. Inputs and results (N,1,1,n) are (N,n) there. Written for opset 17. */
#ifndef ONNX_REAL
#define ONNX_REAL float
#endif

typedef enum OnnxKind {
    ONNX_UNUSED, ONNX_INPUT, ONNX_CONSTANT,     /* a constant's numbers are `data` */
    ONNX_PLAIN,                                 /* the operator `op` has the same operands and no attributes */
    ONNX_ALONG, ONNX_OVER,                      /* op along the channels; op that leaves one of them */
    ONNX_POOL, ONNX_CONVOLUTION,                /* with a window; operands x, filter, bias; a: as for LEAKY, after it */
    ONNX_NORM,                                  /* x, moments (-1: x's own), scale, shift, what is added; a: as for
                                                 * LEAKY, where nothing is added; b: epsilon */
    ONNX_LEAKY, ONNX_AFFINE, ONNX_SQUARE,       /* a: slope below 0; a x + b; x x */
    ONNX_FILL, ONNX_EXPAND, ONNX_SUM,           /* a everywhere; to the step's shape; down to it */
    ONNX_TWICE,                                 /* each pixel twice along rows and columns */
    ONNX_WARP,                                  /* x at the places of a map (N,H',W',2): from -1/2 to 1/2, the way to
                                                 * the right first; bilinear, 0 outside */
    ONNX_RESHAPE, ONNX_CONCAT, ONNX_SLICE, ONNX_PAD             /* the last three along `axis`, two of them at `from` */
} OnnxKind;

/* Zeros stand pad_y above and pad_x left of h x w, and below and right as many as h_out x w_out asks for; of a
 * transposed convolution both are meant from its result to its operand. */
typedef struct OnnxWindow { int h, w, rows, columns, stride, pad_y, pad_x, h_out, w_out, groups; } OnnxWindow;

enum { ONNX_OPERANDS = 5 };
typedef struct OnnxStep {
    OnnxKind kind;
    const char *op, *name;                      /* name: of an input or constant; else it is made here */
    int shape[4], in[ONNX_OPERANDS];            /* N H W C; the operands' numbers, lower than its own, -1: none */
    double a, b;
    int axis, from, transposed;
    OnnxWindow window;
    const ONNX_REAL *data;
    const char *written[3];                     /* zeros: what a constant is called as a map, a filter, a vector */
    int varies;                                 /* zero: does it depend on an input? */
} OnnxStep;

/* Writes steps 0 to n-1; the inputs are those of the model, in this order, and the last step is its output. */
ONNX_API void onnx_program(OnnxModel *model, OnnxStep *steps, int n, const int *inputs, int n_inputs,
                           const char *output);

#ifdef __cplusplus
}
#endif
#endif /* ONNX_H */

#ifdef ONNX_IMPLEMENTATION
#ifndef ONNX_IMPLEMENTED
#define ONNX_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------------------------
 * 1  Messages in memory
 *
 * A message is put together in a buffer of its own and then appended to the one around it, because its length stands
 * before it. The first failure is kept and everything after it does nothing.
 * ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t *bytes;
    size_t size, room;
} OnnxBuffer;

struct OnnxModel {
    OnnxBuffer head, graph, node;       /* node: the operator whose attributes may still come */
    char **names;                       /* those that were made here */
    int n_names, names_room;
    const char *mistake;                /* the first one, or NULL */
};

#define ONNX_MOST 0x7FFFFFFFu           /* readers of protocol buffers take no message of 2 GiB or more */

static void onnx_append(OnnxModel *model, OnnxBuffer *to, const void *bytes, size_t size)
{
    if (model->mistake) return;
    if (size > ONNX_MOST - to->size) {
        model->mistake = "the model takes 2 GiB or more, which ONNX cannot hold in one file";
        return;
    }
    if (to->size + size > to->room) {
        size_t room = to->size + size + to->size / 2 + 64;
        uint8_t *larger = (uint8_t *)realloc(to->bytes, room);
        if (!larger) {
            model->mistake = "out of memory";
            return;
        }
        to->bytes = larger, to->room = room;
    }
    if (size) memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void onnx_varint(OnnxModel *model, OnnxBuffer *to, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; value > 127; value >>= 7) bytes[n++] = (uint8_t)(value | 128);
    bytes[n++] = (uint8_t)value;
    onnx_append(model, to, bytes, n);
}

enum { ONNX_VARINT = 0, ONNX_LENGTH = 2, ONNX_FIXED32 = 5 };

static void onnx_field_integer(OnnxModel *model, OnnxBuffer *to, int field, int64_t value)
{
    onnx_varint(model, to, (uint64_t)field << 3 | ONNX_VARINT);
    onnx_varint(model, to, (uint64_t)value);
}

static void onnx_field_bytes(OnnxModel *model, OnnxBuffer *to, int field, const void *bytes, size_t size)
{
    onnx_varint(model, to, (uint64_t)field << 3 | ONNX_LENGTH);
    onnx_varint(model, to, size);
    onnx_append(model, to, bytes, size);
}

static void onnx_field_text(OnnxModel *model, OnnxBuffer *to, int field, const char *text)
{
    onnx_field_bytes(model, to, field, text, strlen(text));
}

/* Appends a finished message as a field of another, and empties it. */
static void onnx_field_message(OnnxModel *model, OnnxBuffer *to, int field, OnnxBuffer *message)
{
    onnx_field_bytes(model, to, field, message->bytes, message->size);
    free(message->bytes);
    memset(message, 0, sizeof *message);
}

/* ------------------------------------------------------------------------------------------------------------------
 * 2  The model's parts
 *
 *     GraphProto      1 node    2 name         5 initializer  11 input   12 output
 *     NodeProto       1 input   2 output       3 name          4 op_type  5 attribute
 *     AttributeProto  1 name    2 f (float)    3 i             8 ints    20 type (1 float, 2 int, 7 ints)
 *     TensorProto     1 dims    2 data_type (1 float32, 7 int64)          8 name    9 raw_data
 *     ValueInfoProto  1 name    2 type:  1 tensor_type:  1 elem_type  2 shape:  1 dim*:  1 dim_value  2 dim_param
 * ---------------------------------------------------------------------------------------------------------------- */

static void onnx_end_node(OnnxModel *model)
{
    if (model->node.size) onnx_field_message(model, &model->graph, 1, &model->node);
}

ONNX_API OnnxModel *onnx_begin(const char *graph_name, const char *producer, const char *producer_version, int opset)
{
    OnnxModel *model = (OnnxModel *)calloc(1, sizeof *model);
    OnnxBuffer set = {NULL, 0, 0};
    if (!model) return NULL;
    onnx_field_integer(model, &model->head, 1, 8);              /* ir_version 8: of January 2022, opsets up to 18 */
    onnx_field_text(model, &model->head, 2, producer);
    onnx_field_text(model, &model->head, 3, producer_version);
    onnx_field_text(model, &set, 1, "");                        /* the standard's own domain */
    onnx_field_integer(model, &set, 2, opset);
    onnx_field_message(model, &model->head, 8, &set);
    onnx_field_text(model, &model->graph, 2, graph_name);
    return model;
}

ONNX_API void onnx_free(OnnxModel *model)
{
    if (!model) return;
    free(model->head.bytes), free(model->graph.bytes), free(model->node.bytes);
    for (int i = 0; i < model->n_names; i++) free(model->names[i]);
    free(model->names);
    free(model);
}

static int onnx_check_rank(OnnxModel *model, int rank)
{
    if (rank < 0 || rank > ONNX_MAX_RANK) model->mistake = model->mistake ? model->mistake : "a rank is out of range";
    return model->mistake == NULL;
}

static void onnx_value(OnnxModel *model, int field, const char *name, int rank, const int64_t *shape)
{
    OnnxBuffer value = {NULL, 0, 0}, type = {NULL, 0, 0}, tensor = {NULL, 0, 0}, dims = {NULL, 0, 0};
    OnnxBuffer dim = {NULL, 0, 0};
    onnx_end_node(model);
    if (!onnx_check_rank(model, rank)) return;
    for (int i = 0; i < rank; i++) {
        if (shape[i] == ONNX_BATCH) onnx_field_text(model, &dim, 2, "N");
        else onnx_field_integer(model, &dim, 1, shape[i]);
        onnx_field_message(model, &dims, 1, &dim);
    }
    onnx_field_integer(model, &tensor, 1, 1);
    onnx_field_message(model, &tensor, 2, &dims);
    onnx_field_message(model, &type, 1, &tensor);
    onnx_field_text(model, &value, 1, name);
    onnx_field_message(model, &value, 2, &type);
    onnx_field_message(model, &model->graph, field, &value);
}

ONNX_API void onnx_input(OnnxModel *model, const char *name, int rank, const int64_t *shape)
{
    onnx_value(model, 11, name, rank, shape);
}

ONNX_API void onnx_output(OnnxModel *model, const char *name, int rank, const int64_t *shape)
{
    onnx_value(model, 12, name, rank, shape);
}

static void onnx_tensor(OnnxModel *model, const char *name, int type, size_t size, int rank, const int64_t *shape,
                        const void *data)
{
    OnnxBuffer tensor = {NULL, 0, 0};
    size_t bytes = size;
    onnx_end_node(model);
    if (!onnx_check_rank(model, rank)) return;
    for (int i = 0; i < rank; i++) {
        int fits = shape[i] >= 1 && (uint64_t)shape[i] <= ONNX_MOST / bytes;
        if (!fits && !model->mistake) model->mistake = "a tensor's size is out of range";
        bytes = fits ? bytes * (size_t)shape[i] : 0;
        if (!fits) break;
    }
    for (int i = 0; i < rank; i++) onnx_field_integer(model, &tensor, 1, shape[i]);
    onnx_field_integer(model, &tensor, 2, type);
    onnx_field_text(model, &tensor, 8, name);
    onnx_field_bytes(model, &tensor, 9, data, bytes);
    onnx_field_message(model, &model->graph, 5, &tensor);
}

ONNX_API void onnx_floats(OnnxModel *model, const char *name, int rank, const int64_t *shape, const float *data)
{
    onnx_tensor(model, name, 1, sizeof *data, rank, shape, data);
}

ONNX_API void onnx_integers(OnnxModel *model, const char *name, int rank, const int64_t *shape, const int64_t *data)
{
    onnx_tensor(model, name, 7, sizeof *data, rank, shape, data);
}

ONNX_API void onnx_node(OnnxModel *model, const char *op, const char *output, int n, const char *const *inputs)
{
    onnx_end_node(model);
    for (int i = 0; i < n; i++) onnx_field_text(model, &model->node, 1, inputs[i]);
    onnx_field_text(model, &model->node, 2, output);
    onnx_field_text(model, &model->node, 3, output);            /* outputs are distinct: they name the operators, too */
    onnx_field_text(model, &model->node, 4, op);
}

/* Adds a finished attribute, but for its name and type. */
static void onnx_attribute(OnnxModel *model, const char *name, int type, OnnxBuffer *attribute)
{
    if (!model->node.size && !model->mistake) model->mistake = "an attribute comes without its operator";
    onnx_field_text(model, attribute, 1, name);
    onnx_field_integer(model, attribute, 20, type);
    onnx_field_message(model, &model->node, 5, attribute);
}

ONNX_API void onnx_attribute_int(OnnxModel *model, const char *name, int64_t value)
{
    OnnxBuffer attribute = {NULL, 0, 0};
    onnx_field_integer(model, &attribute, 3, value);
    onnx_attribute(model, name, 2, &attribute);
}

ONNX_API void onnx_attribute_ints(OnnxModel *model, const char *name, int n, const int64_t *values)
{
    OnnxBuffer attribute = {NULL, 0, 0};
    for (int i = 0; i < n; i++) onnx_field_integer(model, &attribute, 8, values[i]);
    onnx_attribute(model, name, 7, &attribute);
}

ONNX_API void onnx_attribute_float(OnnxModel *model, const char *name, float value)
{
    OnnxBuffer attribute = {NULL, 0, 0};
    onnx_varint(model, &attribute, 2 << 3 | ONNX_FIXED32);
    onnx_append(model, &attribute, &value, sizeof value);
    onnx_attribute(model, name, 1, &attribute);
}

ONNX_API void onnx_metadata(OnnxModel *model, const char *key, const char *value)
{
    OnnxBuffer pair = {NULL, 0, 0};
    onnx_field_text(model, &pair, 1, key);
    onnx_field_text(model, &pair, 2, value);
    onnx_field_message(model, &model->head, 14, &pair);
}

/* ------------------------------------------------------------------------------------------------------------------
 * 3  Programs
 * ---------------------------------------------------------------------------------------------------------------- */

enum { ONNX_MAP, ONNX_FILTER, ONNX_VECTOR };                    /* how numbers stand: (N,C,H,W), (K,C,R,S), (C) */

static const int64_t onnx_there[4] = {0, 2, 3, 1};              /* where the axes N H W C are there */
static const int64_t onnx_here[4] = {0, 3, 1, 2};               /* which of them stands at each place there */

/* A name that the model keeps. */
static const char *onnx_name(OnnxModel *model, const char *text, int number, int numbered)
{
    size_t room = strlen(text) + 16;
    char *name = (char *)malloc(room);
    if (name && model->n_names == model->names_room) {
        int more = 2 * model->names_room + 64;
        char **larger = (char **)realloc(model->names, (size_t)more * sizeof *larger);
        if (larger) model->names = larger, model->names_room = more;
        else free(name), name = NULL;
    }
    if (!name) return model->mistake = model->mistake ? model->mistake : "out of memory", "";
    snprintf(name, room, numbered ? "%s%d" : "%s", text, number);
    return model->names[model->n_names++] = name;
}

static const char *onnx_fresh(OnnxModel *model)
{
    return onnx_name(model, "t", model->n_names, 1);
}

static const char *onnx_number(OnnxModel *model, double value)
{
    const char *name = onnx_fresh(model);
    float number = (float)value;
    onnx_floats(model, name, 0, NULL, &number);
    return name;
}

static const char *onnx_list(OnnxModel *model, int n, const int64_t *values)
{
    const char *name = onnx_fresh(model);
    int64_t length = n;
    onnx_integers(model, name, 1, &length, values);
    return name;
}

/* result = op(a, b), b being absent where it is NULL; a result without a name gets one. */
static const char *onnx_apply(OnnxModel *model, const char *op, const char *a, const char *b, const char *result)
{
    const char *in[2] = {a, b};
    if (!result) result = onnx_fresh(model);
    onnx_node(model, op, result, b ? 2 : 1, in);
    return result;
}

static const char *onnx_transpose(OnnxModel *model, const char *in, const int64_t order[4])
{
    const char *result = onnx_apply(model, "Transpose", in, NULL, NULL);
    onnx_attribute_ints(model, "perm", 4, order);
    return result;
}

/* The range from `from` to before `end` of an axis. */
static const char *onnx_slice(OnnxModel *model, const char *in, int64_t axis, int64_t from, int64_t end,
                              const char *result)
{
    if (!result) result = onnx_fresh(model);
    const char *first = onnx_list(model, 1, &from), *last = onnx_list(model, 1, &end);
    const char *all[4] = {in, first, last, onnx_list(model, 1, &axis)};
    onnx_node(model, "Slice", result, 4, all);
    return result;
}

static void onnx_leaky(OnnxModel *model, const char *in, double slope, const char *result)
{
    onnx_apply(model, slope == 1 ? "Identity" : slope == 0 ? "Relu" : "LeakyRelu", in, NULL, result);
    if (slope != 0 && slope != 1) onnx_attribute_float(model, "alpha", (float)slope);
}

/* The shape in the other order; the batch of what varies is free. */
static void onnx_shape(const OnnxStep *y, int64_t shape[4])
{
    for (int i = 0; i < 4; i++) shape[i] = y->shape[onnx_here[i]];
    if (y->varies) shape[0] = ONNX_BATCH;
}

/* A constant's numbers, turned from [a][p][b][c] to [c][b][a][p] (a filter (R,S,C,K)) or [a][c][p][b] (a map). */
static float *onnx_turned(const OnnxStep *y, int as)
{
    const int *d = y->shape;
    size_t pixels = (size_t)d[1] * (size_t)d[2], c = (size_t)d[3], n = (size_t)d[0] * pixels * c;
    float *numbers = (float *)malloc((n + !n) * sizeof *numbers);
    for (size_t i = 0; numbers && i < n; i++) {
        size_t at = i;
        if (as == ONNX_MAP) at = (i / (pixels * c) * pixels + i % pixels) * c + i / pixels % c;
        if (as == ONNX_FILTER) {
            size_t s = (size_t)d[1], rs = (size_t)d[0] * s, in = (size_t)d[2];
            at = (i % rs * in + i / rs % in) * c + i / rs / in;
        }
        numbers[i] = (float)y->data[at];
    }
    return numbers;
}

static int onnx_is_name(const OnnxModel *model, const char *name)
{
    for (int i = 0; i < model->n_names; i++)
        if (strcmp(model->names[i], name) == 0) return 1;
    return 0;
}

/* A constant is written where it is first read, in each of the forms that are wanted. */
static const char *onnx_constant(OnnxModel *model, const OnnxStep *steps, OnnxStep *y, int as)
{
    const int *d = y->shape;
    const int64_t shapes[3][4] = {{d[0], d[3], d[1], d[2]}, {d[3], d[2], d[0], d[1]},
                                  {(int64_t)d[0] * d[1] * d[2] * d[3], 0, 0, 0}};
    if (y->written[as]) return y->written[as];
    char *text = (char *)malloc(strlen(y->name) + 24);
    float *numbers = onnx_turned(y, as);
    if (text) sprintf(text, "%s%s", y->name, as == ONNX_MAP ? ".map" : "");
    if (text && onnx_is_name(model, text)) sprintf(text, "%s.%d", y->name, (int)(y - steps));
    if (text && numbers) onnx_floats(model, text, as == ONNX_VECTOR ? 1 : 4, shapes[as], numbers);
    else if (!model->mistake) model->mistake = "out of memory";
    y->written[as] = onnx_name(model, text ? text : "", 0, 0);
    free(text), free(numbers);
    return y->written[as];
}

/* What operand k of y is called, as the operator wants it; "": it has none. */
static const char *onnx_read(OnnxModel *model, OnnxStep *steps, const OnnxStep *y, int k, int as)
{
    static const int64_t turned[4] = {1, 3, 0, 2}, all = -1;    /* a computed filter is (R,K,S,C) there */
    if (y->in[k] < 0) return "";
    OnnxStep *u = &steps[y->in[k]];
    if (u->kind == ONNX_CONSTANT) return onnx_constant(model, steps, u, as);
    if (as == ONNX_VECTOR) return onnx_apply(model, "Reshape", u->name, onnx_list(model, 1, &all), NULL);
    return as == ONNX_MAP ? u->name : onnx_transpose(model, u->name, turned);
}

/* Kernel, stride and the zeros on every side; what a transposed convolution's last stride did not reach comes as
 * output_padding. */
static void onnx_window(OnnxModel *model, const OnnxWindow *s, int transposed)
{
    int64_t below = (s->h_out - 1) * s->stride + s->rows - s->h - s->pad_y;
    int64_t right = (s->w_out - 1) * s->stride + s->columns - s->w - s->pad_x;
    const int64_t kernel[2] = {s->rows, s->columns}, strides[2] = {s->stride, s->stride};
    const int64_t missing[2] = {below < 0 ? -below : 0, right < 0 ? -right : 0};
    const int64_t pads[4] = {s->pad_y, s->pad_x, below > 0 ? below : 0, right > 0 ? right : 0};
    onnx_attribute_ints(model, "kernel_shape", 2, kernel);
    onnx_attribute_ints(model, "strides", 2, strides);
    onnx_attribute_ints(model, "pads", 4, pads);
    if (transposed) onnx_attribute_ints(model, "output_padding", 2, missing);
}

static void onnx_convolution(OnnxModel *model, OnnxStep *steps, const OnnxStep *y, const char *x)
{
    const char *sum = y->a == 1 ? y->name : onnx_fresh(model), *in[3] = {x, NULL, NULL};
    in[1] = onnx_read(model, steps, y, 1, ONNX_FILTER), in[2] = onnx_read(model, steps, y, 2, ONNX_VECTOR);
    onnx_node(model, y->transposed ? "ConvTranspose" : "Conv", sum, *in[2] ? 3 : 2, in);
    onnx_window(model, &y->window, y->transposed);
    onnx_attribute_int(model, "group", y->window.groups);
    if (sum != y->name) onnx_leaky(model, sum, y->a, y->name);
}

/* With moments that do not come from x, as a batch norm at work has them: (x - mean) (1/deviation) scale + shift. */
static void onnx_norm_apart(OnnxModel *model, OnnxStep *steps, const OnnxStep *y, const char *x, const char *result)
{
    const char *moments = onnx_read(model, steps, y, 1, ONNX_MAP);
    int c = y->shape[3];
    const char *h = onnx_apply(model, "Sub", x, onnx_slice(model, moments, 1, 0, c, NULL), NULL);
    h = onnx_apply(model, "Mul", h, onnx_slice(model, moments, 1, c, 2 * c, NULL), NULL);
    h = onnx_apply(model, "Mul", h, onnx_read(model, steps, y, 2, ONNX_MAP), NULL);
    onnx_apply(model, "Add", h, onnx_read(model, steps, y, 3, ONNX_MAP), result);
}

static void onnx_norm(OnnxModel *model, OnnxStep *steps, const OnnxStep *y, const char *x)
{
    int more = y->in[4] >= 0 || y->a != 1;
    const char *normed = more ? onnx_fresh(model) : y->name;
    if (y->in[1] >= 0) onnx_norm_apart(model, steps, y, x, normed);
    else {
        const char *in[3] = {x, NULL, NULL};
        in[1] = onnx_read(model, steps, y, 2, ONNX_VECTOR), in[2] = onnx_read(model, steps, y, 3, ONNX_VECTOR);
        onnx_node(model, "InstanceNormalization", normed, 3, in);
        onnx_attribute_float(model, "epsilon", (float)y->b);
    }
    if (y->in[4] >= 0) onnx_apply(model, "Add", normed, onnx_read(model, steps, y, 4, ONNX_MAP), y->name);
    else if (more) onnx_leaky(model, normed, y->a, y->name);
}

/* The same numbers in the old order under another shape; the batch is copied (0) where it is free. */
static void onnx_reshape(OnnxModel *model, const OnnxStep *y, const char *x)
{
    const int64_t shape[4] = {y->varies ? 0 : y->shape[0], y->shape[1], y->shape[2], y->shape[3]};
    const char *ours = onnx_transpose(model, x, onnx_there), *list = onnx_list(model, 4, shape);
    const char *there = onnx_transpose(model, onnx_apply(model, "Reshape", ours, list, NULL), onnx_here);
    onnx_apply(model, "Identity", there, NULL, y->name);
}

/* What Resize does unless told otherwise is the nearest neighbour. */
static void onnx_twice(OnnxModel *model, const OnnxStep *y, const char *x)
{
    static const float scales[4] = {1, 1, 2, 2};
    static const int64_t four = 4;
    const char *in[3] = {x, "", onnx_fresh(model)};
    onnx_floats(model, in[2], 1, &four, scales);
    onnx_node(model, "Resize", y->name, 3, in);
}

/* GridSample wants places from -1 to 1, (N,H',W',2), for every picture: a map that is the same for all is repeated. */
static void onnx_warp(OnnxModel *model, OnnxStep *steps, const OnnxStep *y, const char *x)
{
    const OnnxStep *map = &steps[y->in[1]];
    const int64_t rest[3] = {map->shape[1], map->shape[2], map->shape[3]};
    const char *places = onnx_transpose(model, onnx_read(model, steps, y, 1, ONNX_MAP), onnx_there);
    if (!map->varies) {
        const char *all = onnx_slice(model, onnx_apply(model, "Shape", x, NULL, NULL), 0, 0, 1, NULL);
        all = onnx_apply(model, "Concat", all, onnx_list(model, 3, rest), NULL);
        onnx_attribute_int(model, "axis", 0);
        places = onnx_apply(model, "Expand", places, all, NULL);
    }
    onnx_apply(model, "GridSample", x, onnx_apply(model, "Mul", places, onnx_number(model, 2), NULL), y->name);
}

static void onnx_affine(OnnxModel *model, const OnnxStep *y, const char *x)
{
    if (y->a != 1) x = onnx_apply(model, "Mul", x, onnx_number(model, y->a), y->b == 0 ? y->name : NULL);
    if (y->b != 0) onnx_apply(model, "Add", x, onnx_number(model, y->b), y->name);
    else if (y->a == 1) onnx_apply(model, "Identity", x, NULL, y->name);
}

static void onnx_sum(OnnxModel *model, const OnnxStep *steps, const OnnxStep *y, const char *x)
{
    int64_t axes[4];
    int n = 0;
    for (int i = 0; i < 4; i++)
        if (y->shape[i] < steps[y->in[0]].shape[i]) axes[n++] = onnx_there[i];
    onnx_apply(model, n ? "ReduceSum" : "Identity", x, n ? onnx_list(model, n, axes) : NULL, y->name);
}

/* slice: from, to, axis; pad: the zeros before and after every axis. */
static void onnx_slice_or_pad(OnnxModel *model, const OnnxStep *steps, const OnnxStep *y, const char *x)
{
    int64_t axis = onnx_there[y->axis], n = y->shape[y->axis], pads[8] = {0};
    pads[axis] = y->from, pads[4 + axis] = n - y->from - steps[y->in[0]].shape[y->axis];
    if (y->kind == ONNX_PAD) onnx_apply(model, "Pad", x, onnx_list(model, 8, pads), y->name);
    else onnx_slice(model, x, axis, y->from, y->from + n, y->name);
}

/* The batch is not repeated: it is 1 there, and Expand takes the longer of the two. */
static void onnx_expand(OnnxModel *model, const OnnxStep *y, const char *x)
{
    int64_t shape[4];
    onnx_shape(y, shape);
    if (y->varies) shape[0] = 1;
    onnx_apply(model, "Expand", x, onnx_list(model, 4, shape), y->name);
}

static void onnx_step(OnnxModel *model, OnnxStep *steps, OnnxStep *y)
{
    static const int64_t channels = 1;
    const char *x = onnx_read(model, steps, y, 0, ONNX_MAP), *second = NULL;
    if ((y->kind == ONNX_PLAIN || y->kind == ONNX_CONCAT) && y->in[1] >= 0)
        second = onnx_read(model, steps, y, 1, ONNX_MAP);
    switch (y->kind) {
    case ONNX_UNUSED: case ONNX_INPUT: case ONNX_CONSTANT: break;
    case ONNX_CONVOLUTION: onnx_convolution(model, steps, y, x); break;
    case ONNX_NORM: onnx_norm(model, steps, y, x); break;
    case ONNX_LEAKY: onnx_leaky(model, x, y->a, y->name); break;
    case ONNX_AFFINE: onnx_affine(model, y, x); break;
    case ONNX_SQUARE: onnx_apply(model, "Mul", x, x, y->name); break;
    case ONNX_FILL: onnx_expand(model, y, onnx_number(model, y->a)); break;
    case ONNX_EXPAND: onnx_expand(model, y, x); break;
    case ONNX_SUM: onnx_sum(model, steps, y, x); break;
    case ONNX_TWICE: onnx_twice(model, y, x); break;
    case ONNX_WARP: onnx_warp(model, steps, y, x); break;
    case ONNX_RESHAPE: onnx_reshape(model, y, x); break;
    case ONNX_SLICE: case ONNX_PAD: onnx_slice_or_pad(model, steps, y, x); break;
    case ONNX_PLAIN: case ONNX_CONCAT: case ONNX_POOL: case ONNX_ALONG: case ONNX_OVER:
        onnx_apply(model, y->op, x, second, y->name);
        if (y->kind == ONNX_CONCAT) onnx_attribute_int(model, "axis", onnx_there[y->axis]);
        if (y->kind == ONNX_POOL) onnx_window(model, &y->window, 0);
        if (y->kind == ONNX_ALONG) onnx_attribute_int(model, "axis", channels);
        if (y->kind == ONNX_OVER) onnx_attribute_ints(model, "axes", 1, &channels);
    }
}

static int onnx_is_flat(const OnnxStep *y)
{
    return y->varies && y->shape[1] == 1 && y->shape[2] == 1;
}

ONNX_API void onnx_program(OnnxModel *model, OnnxStep *steps, int n, const int *inputs, int n_inputs,
                           const char *output)
{
    static const int64_t unfolded[4] = {0, 0, 1, 1};
    int64_t shape[4];
    for (int i = 0; i < n_inputs; i++) {
        OnnxStep *x = &steps[inputs[i]];
        x->varies = 1;
        onnx_shape(x, shape);
        onnx_input(model, x->name, onnx_is_flat(x) ? 2 : 4, shape);
        if (onnx_is_flat(x)) x->name = onnx_apply(model, "Reshape", x->name, onnx_list(model, 4, unfolded), NULL);
    }
    for (int i = 0; i < n; i++) {
        OnnxStep *y = &steps[i];
        if (y->kind == ONNX_UNUSED || y->kind == ONNX_INPUT) continue;
        for (int k = 0; k < ONNX_OPERANDS && y->kind != ONNX_CONSTANT; k++)
            if (y->in[k] >= 0) y->varies |= steps[y->in[k]].varies;
        const char *name = onnx_name(model, "v", i, 1);
        if (y->kind == ONNX_CONSTANT) continue;
        y->name = name;
        onnx_step(model, steps, y);
    }
    OnnxStep *last = &steps[n - 1];
    const char *value = last->kind == ONNX_CONSTANT ? onnx_constant(model, steps, last, ONNX_MAP) : last->name;
    onnx_shape(last, shape);
    onnx_apply(model, onnx_is_flat(last) ? "Flatten" : "Identity", value, NULL, output);
    onnx_output(model, output, onnx_is_flat(last) ? 2 : 4, shape);
}

/* ------------------------------------------------------------------------------------------------------------------
 * 4  Saving
 *
 * Under another name first, renamed once every byte has reached the disk: whoever opens the path finds the old file or
 * the new one, never half of it.
 * ---------------------------------------------------------------------------------------------------------------- */

static int onnx_write(int descriptor, const OnnxBuffer *buffer)
{
    for (size_t at = 0; at < buffer->size;) {
        size_t left = buffer->size - at, chunk = left < (size_t)1 << 30 ? left : (size_t)1 << 30;
        ssize_t written = write(descriptor, buffer->bytes + at, chunk);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return 0;
        at += (size_t)written;
    }
    return 1;
}

static int onnx_write_file(const OnnxModel *model, const char *path, char *error)
{
    size_t room = strlen(path) + 32;
    char *temporary = (char *)malloc(room);
    if (!temporary) return snprintf(error, ONNX_ERROR_SIZE, "out of memory"), 0;
    snprintf(temporary, room, "%s.tmp-%ld", path, (long)getpid());
    unlink(temporary);                                          /* left by a crashed process of the same number */
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int ok = descriptor >= 0 && onnx_write(descriptor, &model->head) && fsync(descriptor) == 0;
    if (descriptor >= 0 && close(descriptor) != 0) ok = 0;
    if (ok) ok = rename(temporary, path) == 0;
    if (!ok) snprintf(error, ONNX_ERROR_SIZE, "%.150s: cannot be written: %s", path, strerror(errno));
    if (!ok) unlink(temporary);
    free(temporary);
    return ok;
}

/* Puts the file's parts together; 0: one of the calls before failed. */
static int onnx_finish(OnnxModel *model, const char *name, char *why)
{
    why[0] = 0;
    if (!model) return snprintf(why, ONNX_ERROR_SIZE, "out of memory"), 0;
    onnx_end_node(model);
    onnx_field_message(model, &model->head, 7, &model->graph);
    if (model->mistake) snprintf(why, ONNX_ERROR_SIZE, "%.150s: %s", name, model->mistake);
    return model->mistake == NULL;
}

ONNX_API int onnx_save(OnnxModel *model, const char *path, char error[])
{
    char unheard[ONNX_ERROR_SIZE], *why = error ? error : unheard;
    int ok = onnx_finish(model, path, why) && onnx_write_file(model, path, why);
    onnx_free(model);
    return ok;
}

ONNX_API int onnx_save_to(OnnxModel *model, FILE *to, const char *name, char error[])
{
    char unheard[ONNX_ERROR_SIZE], *why = error ? error : unheard;
    int ok = onnx_finish(model, name, why);
    errno = 0;
    if (ok && (fwrite(model->head.bytes, 1, model->head.size, to) != model->head.size || fflush(to) != 0)) {
        ok = 0;
        snprintf(why, ONNX_ERROR_SIZE, "%.150s: cannot be written: %s", name, errno ? strerror(errno) : "short write");
    }
    onnx_free(model);
    return ok;
}

#endif /* ONNX_IMPLEMENTED */
#endif /* ONNX_IMPLEMENTATION */
