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
    onnx_field_text(model, &model->node, 3, output);            /* outputs are distinct, so they name the operators too */
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
 * 3  Saving
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
