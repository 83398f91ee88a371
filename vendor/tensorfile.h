/* tensorfile.h: named arrays of numbers in files, read and written without the framework that made them.
 *
 *   format            written by                       read  written  layout
 *   safetensors       safetensors, this library        yes   yes      JSON header, then raw bytes     (sections 4, 5)
 *   .npy, .npz        numpy.save, numpy.savez,         yes   yes      text header, then raw bytes;    (sections 6 to 8)
 *                     numpy.savez_compressed                          an .npz is a zip archive of them
 *   .npy of a dict    numpy.save({"conv1": array})     yes   no       text header, then a pickle       (sections 9, 12)
 *   .pt .pth .ckpt    torch.save, since 1.6            yes   yes      zip of a pickle and raw bytes   (9, 10, 11)
 *   .pt .pth .ckpt    torch.save, before 1.6           yes   no       pickles, then raw bytes         (sections 9, 10)
 *
 * In ONE source file write
 *
 *     #define TENSORFILE_IMPLEMENTATION
 *     #include "tensorfile.h"
 *
 * and include it plainly elsewhere. `#define TENSORFILE_STATIC` before it makes every function static. It needs C11 or
 * C++17 and POSIX.1-2008 (with a strict -std=c11 pass -D_GNU_SOURCE or -D_POSIX_C_SOURCE=200809L), nothing else.
 *
 *     char error[TENSORFILE_ERROR_SIZE];
 *     TensorFile file;
 *     if (!tensorfile_load("weights.safetensors", &file, error)) { puts(error); return 1; }
 *     TensorEntry *bias = tensorfile_find(&file, "conv1.bias");
 *     float *values = malloc(tensorfile_count(bias) * sizeof *values);
 *     tensorfile_to_f32(bias, values);
 *     tensorfile_free(&file);
 *
 *     TensorFile out = {0};
 *     int64_t shape[2] = {3, 4};
 *     tensorfile_add(&out, "matrix", TENSOR_F32, 2, shape, values);
 *     if (!tensorfile_save("out.safetensors", &out, error)) puts(error);
 *     tensorfile_free(&out);
 *
 * What is no array of numbers of a type below is left out and named, so that one odd item does not close a file whose
 * weights are wanted: file.skipped says which items and why. Python's own numbers, strings and None are no arrays and
 * not listed.
 *
 *   type in the file                               becomes
 *   float 16, 32, 64, bfloat16, int 8 to 64,       the same
 *   uint8, bool
 *   uint16, uint32, uint64                         I32, I64, I64 (left out where a number is 2^63 or more)
 *   float8 (e4m3fn, e5m2)                          F16, exactly
 *   big-endian NumPy arrays                        the same, little-endian
 *   complex, sparse, quantised and nested          left out
 *   tensors, other float8, strings, dates,
 *   structures, objects, single NumPy numbers
 *
 * In a dict a class as a key gives its name ("torch.optim.Adam"); what lies under a tuple or None is left out.
 *
 * Files may be hostile: every number in them is checked before it is used, memory is bounded by the file's size and by
 * a limit of yours, nothing in a file is ever executed, and nothing is recursive. A loaded regular file is mapped, not
 * copied, where its tensors are aligned: do not truncate a file while it is loaded (tensorfile_save never does: it
 * renames a new file over the old). */
#ifndef TENSORFILE_H
#define TENSORFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensorfile.h: the files are little-endian and are mapped as they are; this host is big-endian"
#endif

#ifdef TENSORFILE_STATIC
#if defined(__GNUC__)
#define TENSORFILE_API __attribute__((unused)) static
#else
#define TENSORFILE_API static
#endif
#else
#define TENSORFILE_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TENSORFILE_ERROR_SIZE 256
#define TENSORFILE_MAX_RANK 8
#define TENSORFILE_PREFIX 128

typedef enum {
    TENSOR_F32, TENSOR_F64, TENSOR_F16, TENSOR_BF16,
    TENSOR_I64, TENSOR_I32, TENSOR_I16, TENSOR_I8, TENSOR_U8, TENSOR_BOOL
} TensorType;

typedef struct {
    char *name;
    TensorType type;
    int rank;                               /* 0 for a single number */
    int64_t shape[TENSORFILE_MAX_RANK];     /* shape[0] varies slowest */
    size_t bytes;
    const void *data;                       /* contiguous, row-major, little-endian; of a loaded file also aligned */
    int owned;                              /* 1: tensorfile_free frees data */
} TensorEntry;

/* An item that was left out: its path in the file, and why. */
typedef struct {
    char *name, *reason;
} TensorSkipped;

typedef struct {
    TensorEntry *tensors;
    size_t count, capacity;
    char **keys, **values;                  /* metadata: n_metadata pairs of strings, safetensors only */
    size_t n_metadata;
    const char *format;                     /* "safetensors", "pytorch zip", "pytorch legacy", "npz", "npy", or NULL */
    void *mapping;                          /* the mapped file, or NULL */
    size_t mapping_size;
    TensorSkipped *skipped;                 /* what a load left out */
    size_t n_skipped;
} TensorFile;

/* Functions that return int give 1 when they worked and 0 when they failed; `error` (TENSORFILE_ERROR_SIZE bytes, or
 * NULL) then says what was wrong. A failed load leaves *out empty. */

/* Reads a regular file of any format; the content tells which. A nameless array (.npy, a lone torch tensor) is called
 * "data". A file in which everything had to be left out is an error. */
TENSORFILE_API int tensorfile_load(const char *path, TensorFile *out, char error[]);

/* The same from memory. Tensors may point into `bytes`, which must outlive *out. */
TENSORFILE_API int tensorfile_decode(const void *bytes, size_t size, TensorFile *out, char error[]);

/* The same with a limit on the memory beside the file itself: what is unpacked, copied or converted. A few kilobytes
 * can be packed so that they fill gigabytes. 0: the limit of the two above, 512 MiB and 32 times the file's size. */
TENSORFILE_API int tensorfile_load_within(const char *path, uint64_t max_memory, TensorFile *out, char error[]);
TENSORFILE_API int tensorfile_decode_within(const void *bytes, size_t size, uint64_t max_memory, TensorFile *out,
                                            char error[]);

/* Can a file be saved under this name? It says the format: .safetensors, .pt, .pth, .ckpt, .npz, .npy. */
TENSORFILE_API int tensorfile_saves(const char *path);

/* Frees everything and zeroes *file. A zeroed TensorFile is a valid empty one. */
TENSORFILE_API void tensorfile_free(TensorFile *file);

/* The tensor of that name, or NULL. */
TENSORFILE_API TensorEntry *tensorfile_find(const TensorFile *file, const char *name);

/* The first tensor of that rank whose name has the word in it, with no letter or digit behind it; NULL: none. */
TENSORFILE_API const TensorEntry *tensorfile_with_word(const TensorFile *file, const char *word, int rank);

/* A training wraps its network ("module.") or saves several ("G.", "g_ema."). What stands, up to a dot or nothing,
 * before `name` in the names of tensors of this rank and shape (0 in it: any)? Of several the one with the first of the
 * `wanted` words in it, of these the shortest. Returns how many there are; 0: prefix is "". */
TENSORFILE_API int tensorfile_prefix(const TensorFile *file, const char *name, int rank, const int64_t *shape,
                                     const char *const *wanted, int n_wanted, char prefix[TENSORFILE_PREFIX]);

/* The metadata value of that key, or NULL. */
TENSORFILE_API const char *tensorfile_metadata(const TensorFile *file, const char *key);

/* Appends a tensor. `data` is borrowed: it must live until the file is saved. 0: out of memory, a bad type, rank or
 * shape, or a name that is already there. */
TENSORFILE_API int tensorfile_add(TensorFile *file, const char *name, TensorType type, int rank, const int64_t *shape,
                                  const void *data);

/* Sets or replaces one metadata pair; both strings are copied. 0: out of memory. */
TENSORFILE_API int tensorfile_set_metadata(TensorFile *file, const char *key, const char *value);

/* What to take of a file: tensors whose names begin with `prefix` (strip: their names go on without it) and hold none
 * of n words. half: float32 is rounded to float16, but for tensors with a number that is too large for that. swapped:
 * the axis of which slices 0 and 2 are exchanged, such as a picture's red and blue, -1 for none; NULL: no tensor has
 * one. */
typedef struct {
    const char *prefix;
    int strip, half;
    const char *const *without;
    int n_without;
    int (*swapped)(const TensorEntry *entry);
} TensorTake;

/* Appends that, and sets all that the file says of itself. What stays as it is is borrowed: `from` must live until the
 * file is saved. */
TENSORFILE_API int tensorfile_take(TensorFile *file, const TensorFile *from, const TensorTake *what, char error[]);

/* Writes .safetensors, .pt (.pth, .ckpt), .npz or .npy (one tensor), by the path's ending; the same content gives the
 * same bytes. The file appears whole or not at all: on any failure the old one is untouched and the temporary one is
 * removed. A symbolic link is replaced, not followed. */
TENSORFILE_API int tensorfile_save(const char *path, const TensorFile *file, char error[]);

/* The same into a stream of yours, which is left open and flushed; `name` is only looked at for its ending. */
TENSORFILE_API int tensorfile_save_to(FILE *to, const char *name, const TensorFile *file, char error[]);

TENSORFILE_API size_t tensorfile_count(const TensorEntry *entry);             /* number of elements */
TENSORFILE_API double tensorfile_get(const TensorEntry *entry, size_t index); /* element `index` of any type */
TENSORFILE_API void tensorfile_to_f32(const TensorEntry *entry, float *out);  /* all elements, converted */
TENSORFILE_API void tensorfile_to_f64(const TensorEntry *entry, double *out);

/* `count` elements of it from `from` on, as a tensor of rank 1 that has them in the same memory. */
TENSORFILE_API TensorEntry tensorfile_part(const TensorEntry *entry, size_t from, size_t count);

/* Rounds to the nearest half-precision number, ties to even; past 65504 gives infinity; a NaN stays a NaN. */
TENSORFILE_API void tensorfile_f32_to_f16(const float *in, uint16_t *out, size_t n);

/* A copy of the tensor with two slices of an axis exchanged; `out` has room for entry->bytes. */
TENSORFILE_API void tensorfile_exchange(const TensorEntry *entry, int axis, int64_t i, int64_t j, void *out);

TENSORFILE_API const char *tensorfile_type_name(TensorType type);             /* "F32", ...: safetensors' names */
TENSORFILE_API size_t tensorfile_type_size(TensorType type);                  /* bytes of one element */

#ifdef __cplusplus
}
#endif
#endif /* TENSORFILE_H */

#ifdef TENSORFILE_IMPLEMENTATION
#ifndef TENSORFILE_IMPLEMENTED
#define TENSORFILE_IMPLEMENTED

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------------------------
 * 1  Ground: errors, numbers in files, growing text
 *
 * Every failing function returns tensorfile_fail(...), which is 0. Names in messages come from files that nobody
 * vouches for, so control characters are replaced before anybody's terminal sees them.
 * ---------------------------------------------------------------------------------------------------------------- */

#if defined(__GNUC__)
#define TENSORFILE_PRINTF(format_argument) __attribute__((format(printf, format_argument, format_argument + 1)))
#else
#define TENSORFILE_PRINTF(format_argument)
#endif

TENSORFILE_PRINTF(2) static int tensorfile_fail(char *error, const char *format, ...)
{
    if (!error) return 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, TENSORFILE_ERROR_SIZE, format, arguments);
    va_end(arguments);
    for (char *c = error; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    return 0;
}

/* Numbers in files have no alignment; byte by byte is right everywhere and compilers turn it into one load. */
static uint32_t tensorfile_u16(const uint8_t *p) { return (uint32_t)(p[0] | p[1] << 8); }
static uint32_t tensorfile_u32(const uint8_t *p) { return tensorfile_u16(p) | tensorfile_u16(p + 2) << 16; }
static uint64_t tensorfile_u64(const uint8_t *p) { return tensorfile_u32(p) | (uint64_t)tensorfile_u32(p + 4) << 32; }

/* A string that grows. After a failed allocation it ignores what follows; `failed` is asked once at the end. */
typedef struct {
    char *data;
    size_t length, capacity;
    int failed;
} TensorFileText;

static void tensorfile_text_append(TensorFileText *text, const void *bytes, size_t size)
{
    if (text->failed) return;
    if (size > text->capacity - text->length) {
        size_t capacity = (text->length + size) * 2 + 256;
        char *data = size > PTRDIFF_MAX / 4 ? NULL : (char *)realloc(text->data, capacity);
        if (!data) {
            text->failed = 1;
            return;
        }
        text->data = data;
        text->capacity = capacity;
    }
    if (size) memcpy(text->data + text->length, bytes, size);
    text->length += size;
}

TENSORFILE_PRINTF(2) static void tensorfile_text_print(TensorFileText *text, const char *format, ...)
{
    char line[128];                                     /* only numbers and fixed words are printed through here */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof line) text->failed = 1;
    else tensorfile_text_append(text, line, (size_t)length);
}

/* The length of the UTF-8 character at p (RFC 3629), 0 if it is none: cut short, overlong, a surrogate, past
 * U+10FFFF. */
static int tensorfile_utf8_length(const uint8_t *p, const uint8_t *end)
{
    if (p[0] < 0x80) return 1;
    int length = p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;
    if (!length || end - p < length) return 0;
    for (int i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) return 0;
    if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return 0;
    return length;
}

static int tensorfile_is_utf8(const char *text)
{
    const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);
    while (p < end) {
        int length = tensorfile_utf8_length(p, end);
        if (!length) return 0;
        p += length;
    }
    return 1;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 2  Element types
 *
 * Half precision (IEEE 754 binary16) is sign 1, exponent 5, fraction 10 bits; bfloat16 is the upper half of a float.
 *
 *      binary16   s eeeee ffffffffff                       value = (-1)^s  2^(e-15)  1.f      0 < e < 31
 *      bfloat16   s eeeeeeee fffffff                               (-1)^s  2^(-14)   0.f      e = 0  (denormal)
 *      binary32   s eeeeeeee fffffffffffffffffffffff               infinity or NaN            e = 31
 * ---------------------------------------------------------------------------------------------------------------- */

#define TENSORFILE_N_TYPES 10

typedef struct {
    const char *name;               /* in safetensors */
    const char *numpy;              /* in .npy: kind and size; NULL: numpy has no such type */
    const char *torch_storage;      /* the class torch.save names */
    const char *torch;              /* torch's name of the type */
    size_t size;
} TensorFileTypeRow;

static const TensorFileTypeRow *tensorfile_type_row(TensorType type)
{
    static const TensorFileTypeRow rows[TENSORFILE_N_TYPES] = {     /* in the order of TensorType */
        {"F32",  "f4", "FloatStorage", "float32", 4}, {"F64",  "f8", "DoubleStorage",   "float64",  8},
        {"F16",  "f2", "HalfStorage",  "float16", 2}, {"BF16", NULL, "BFloat16Storage", "bfloat16", 2},
        {"I64",  "i8", "LongStorage",  "int64",   8}, {"I32",  "i4", "IntStorage",      "int32",    4},
        {"I16",  "i2", "ShortStorage", "int16",   2}, {"I8",   "i1", "CharStorage",     "int8",     1},
        {"U8",   "u1", "ByteStorage",  "uint8",   1}, {"BOOL", "b1", "BoolStorage",     "bool",     1},
    };
    return (unsigned)type < TENSORFILE_N_TYPES ? &rows[type] : NULL;
}

TENSORFILE_API const char *tensorfile_type_name(TensorType type)
{
    const TensorFileTypeRow *row = tensorfile_type_row(type);
    return row ? row->name : "?";
}

TENSORFILE_API size_t tensorfile_type_size(TensorType type)
{
    const TensorFileTypeRow *row = tensorfile_type_row(type);
    return row ? row->size : 0;
}

/* The bytes of an array of elements of `total` bytes; 0 (failed) for a bad rank or shape, or if an empty array's other
 * sides could not exist. */
static int tensorfile_measure_elements(size_t total, int rank, const int64_t *shape, size_t *bytes)
{
    int empty = 0;
    if (total == 0 || rank < 0 || rank > TENSORFILE_MAX_RANK) return 0;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0) return 0;
        if (shape[i] == 0) empty = 1;
        else if ((uint64_t)shape[i] > (uint64_t)PTRDIFF_MAX / total) return 0;
        else total *= (size_t)shape[i];
    }
    *bytes = empty ? 0 : total;
    return 1;
}

static int tensorfile_measure(TensorType type, int rank, const int64_t *shape, size_t *bytes)
{
    return tensorfile_measure_elements(tensorfile_type_size(type), rank, shape, bytes);
}

static float tensorfile_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float tensorfile_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = (uint32_t)(half & 0x7FFF) << 13, bits;
    float denormal = (float)(half & 0x3FF) * (1.0f / 16777216); /* a multiple of 2^-24, exact in a float */
    memcpy(&bits, &denormal, sizeof bits);
    if (magnitude >= 0x00800000) bits = magnitude + ((127u - 15) << 23);
    if (magnitude >= 0x0F800000) bits = magnitude | 0x7F800000;
    return tensorfile_float_of_bits(sign | bits);
}

static uint16_t tensorfile_f16_of_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF, half;
    if (magnitude > 0x7F800000) {                   /* NaN: keep what fits of its payload, but never none */
        half = 0x7C00 | (magnitude >> 13 & 0x3FF);
        if (half == 0x7C00) half = 0x7E00;
    } else if (magnitude >= 0x477FF000) {           /* 65520 and above round to 2^16: infinity */
        half = 0x7C00;
    } else if (magnitude >= 0x38800000) {           /* normal: rebias, then round; a carry moves the exponent */
        uint32_t rebiased = magnitude - ((127u - 15) << 23);
        half = (rebiased + 0xFFF + (rebiased >> 13 & 1)) >> 13;
    } else {                                        /* denormal: count units of 2^-24 */
        uint32_t shift = 126 - (magnitude >> 23), fraction = (magnitude & 0x7FFFFF) | 0x800000;
        half = 0;
        if (shift <= 24) {
            uint32_t rest = fraction & ((1u << shift) - 1), middle = 1u << (shift - 1);
            half = fraction >> shift;
            half += rest > middle || (rest == middle && (half & 1));
        }
    }
    return (uint16_t)(sign | half);
}

TENSORFILE_API void tensorfile_exchange(const TensorEntry *entry, int axis, int64_t i, int64_t j, void *out)
{
    size_t slice = tensorfile_type_size(entry->type), length = (size_t)entry->shape[axis];
    for (int k = axis + 1; k < entry->rank; k++) slice *= (size_t)entry->shape[k];
    char *copy = (char *)memcpy(out, entry->data, entry->bytes);
    for (size_t at = 0; at < entry->bytes; at += slice * length) {
        memcpy(copy + at + slice * (size_t)i, (const char *)entry->data + at + slice * (size_t)j, slice);
        memcpy(copy + at + slice * (size_t)j, (const char *)entry->data + at + slice * (size_t)i, slice);
    }
}

TENSORFILE_API void tensorfile_f32_to_f16(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = tensorfile_f16_of_f32(in[i]);
}

/* Types that are not ours but whose numbers one of ours holds exactly, and those whose storages torch may put between
 * others in its old layout, where one must know their size to find the next. */
typedef struct {
    const char *name, *numpy, *torch, *torch_storage;
    size_t size;
    int to;                                     /* the TensorType, or -1: none holds it */
} TensorFileForeign;

static const TensorFileForeign tensorfile_foreign[] = {
    {"U16", "u2", "uint16", NULL, 2, TENSOR_I32},
    {"U32", "u4", "uint32", NULL, 4, TENSOR_I64},
    {"U64", "u8", "uint64", NULL, 8, TENSOR_I64},
    {"F8_E4M3", NULL, "float8_e4m3fn", NULL, 1, TENSOR_F16},
    {"F8_E5M2", NULL, "float8_e5m2", NULL, 1, TENSOR_F16},
    {NULL, NULL, NULL, "ComplexHalfStorage", 4, -1},
    {NULL, NULL, NULL, "ComplexFloatStorage", 8, -1},
    {NULL, NULL, NULL, "ComplexDoubleStorage", 16, -1},
    {NULL, NULL, NULL, "QInt8Storage", 1, -1},
    {NULL, NULL, NULL, "QUInt8Storage", 1, -1},
    {NULL, NULL, NULL, "QInt32Storage", 4, -1},
    {NULL, NULL, NULL, "QUInt4x2Storage", 1, -1},
    {NULL, NULL, NULL, "QUInt2x4Storage", 1, -1},
    {NULL, NULL, NULL, "UntypedStorage", 1, -1},
};
#define TENSORFILE_N_FOREIGN (sizeof tensorfile_foreign / sizeof *tensorfile_foreign)

/* The row whose name of that kind (0: safetensors, 1: NumPy, 2: torch, 3: torch's storage) is this; NULL if none is. */
static const TensorFileForeign *tensorfile_find_foreign(int kind, const char *name, size_t length)
{
    for (size_t i = 0; i < TENSORFILE_N_FOREIGN; i++) {
        const TensorFileForeign *row = &tensorfile_foreign[i];
        const char *names[4] = {row->name, row->numpy, row->torch, row->torch_storage};
        if (names[kind] && strlen(names[kind]) == length && memcmp(names[kind], name, length) == 0) return row;
    }
    return NULL;
}

/* float8 e4m3fn: sign 1, exponent 4 (bias 7), fraction 3 bits; no infinity, all ones is NaN. */
static uint16_t tensorfile_f16_of_e4m3(uint8_t byte)
{
    int exponent = byte >> 3 & 15, fraction = byte & 7;
    float value = exponent ? (float)(8 + fraction) * (float)(1 << exponent) / 1024.0f : (float)fraction / 512.0f;
    uint16_t sign = (uint16_t)((byte & 0x80) << 8);
    return (byte & 0x7F) == 0x7F ? sign | 0x7F80 : sign | tensorfile_f16_of_f32(value);
}

/* One element at p, in the type that holds it; 0 if that one cannot. */
static int tensorfile_convert_foreign(const TensorFileForeign *foreign, const uint8_t *p, int big_endian, uint8_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < foreign->size; i++)
        value |= (uint64_t)p[big_endian ? foreign->size - 1 - i : i] << 8 * i;
    if (foreign->to == TENSOR_F16) {
        uint16_t half = foreign->name[4] == '5' ? (uint16_t)(value << 8) : tensorfile_f16_of_e4m3((uint8_t)value);
        memcpy(out, &half, sizeof half);
    } else if (foreign->to == TENSOR_I32) {
        int32_t number = (int32_t)value;
        memcpy(out, &number, sizeof number);
    } else {
        if (value > INT64_MAX) return 0;
        memcpy(out, &value, sizeof value);
    }
    return 1;
}

TENSORFILE_API size_t tensorfile_count(const TensorEntry *entry)
{
    return entry->bytes / tensorfile_type_size(entry->type);
}

/* One loop per type, so that none converts through a wider type and rounds twice; memcpy because data may be
 * unaligned. */
#define TENSORFILE_LOOP(element, converted)                         \
    for (size_t i = 0; i < count; i++) {                            \
        element x;                                                  \
        memcpy(&x, source + i * sizeof x, sizeof x);                \
        out[i] = converted;                                         \
    }                                                               \
    break

#define TENSORFILE_CONVERT(entry, real)                                                             \
    switch ((entry)->type) {                                                                        \
    case TENSOR_F32:  TENSORFILE_LOOP(float, (real)x);                                              \
    case TENSOR_F64:  TENSORFILE_LOOP(double, (real)x);                                             \
    case TENSOR_F16:  TENSORFILE_LOOP(uint16_t, (real)tensorfile_f16_to_f32(x));                    \
    case TENSOR_BF16: TENSORFILE_LOOP(uint16_t, (real)tensorfile_float_of_bits((uint32_t)x << 16)); \
    case TENSOR_I64:  TENSORFILE_LOOP(int64_t, (real)x);                                            \
    case TENSOR_I32:  TENSORFILE_LOOP(int32_t, (real)x);                                            \
    case TENSOR_I16:  TENSORFILE_LOOP(int16_t, (real)x);                                            \
    case TENSOR_I8:   TENSORFILE_LOOP(int8_t, (real)x);                                             \
    case TENSOR_U8:   TENSORFILE_LOOP(uint8_t, (real)x);                                            \
    case TENSOR_BOOL: TENSORFILE_LOOP(uint8_t, (real)(x != 0));                                     \
    }

TENSORFILE_API void tensorfile_to_f32(const TensorEntry *entry, float *out)
{
    size_t count = tensorfile_count(entry);
    const uint8_t *source = (const uint8_t *)entry->data;
    TENSORFILE_CONVERT(entry, float)
}

TENSORFILE_API void tensorfile_to_f64(const TensorEntry *entry, double *out)
{
    size_t count = tensorfile_count(entry);
    const uint8_t *source = (const uint8_t *)entry->data;
    TENSORFILE_CONVERT(entry, double)
}

TENSORFILE_API TensorEntry tensorfile_part(const TensorEntry *entry, size_t from, size_t count)
{
    TensorEntry part = *entry;
    size_t element = tensorfile_type_size(entry->type);
    part.rank = 1, part.shape[0] = (int64_t)count;
    part.data = (const uint8_t *)part.data + from * element, part.bytes = count * element;
    return part;
}

TENSORFILE_API double tensorfile_get(const TensorEntry *entry, size_t index)
{
    const size_t count = 1;
    const uint8_t *source = (const uint8_t *)entry->data + index * tensorfile_type_size(entry->type);
    double out[1] = {0};
    TENSORFILE_CONVERT(entry, double)
    return out[0];
}

#undef TENSORFILE_CONVERT
#undef TENSORFILE_LOOP

/* ------------------------------------------------------------------------------------------------------------------
 * 3  The list of tensors
 *
 * A TensorFile is an array of entries in file order. tensorfile_add looks for its name in the whole list, which is fine
 * for the thousands of tensors a model has; readers append unchecked and sort all names once at the end, because a file
 * may hold millions. tensorfile_take trusts that the names it takes are different, and looks among the older ones.
 * ---------------------------------------------------------------------------------------------------------------- */

TENSORFILE_API void tensorfile_free(TensorFile *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->tensors[i].name);
        if (file->tensors[i].owned) free((void *)(uintptr_t)file->tensors[i].data);
    }
    for (size_t i = 0; i < file->n_metadata; i++) {
        free(file->keys[i]);
        free(file->values[i]);
    }
    for (size_t i = 0; i < file->n_skipped; i++) {
        free(file->skipped[i].name);
        free(file->skipped[i].reason);
    }
    free(file->skipped);
    free(file->tensors);
    free(file->keys);
    free(file->values);
    if (file->mapping) munmap(file->mapping, file->mapping_size);
    memset(file, 0, sizeof *file);
}

/* The tensor of that name among the first of the file. */
static TensorEntry *tensorfile_find_in(const TensorFile *file, size_t first, const char *name)
{
    for (size_t i = 0; i < first; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

TENSORFILE_API TensorEntry *tensorfile_find(const TensorFile *file, const char *name)
{
    return tensorfile_find_in(file, file->count, name);
}

TENSORFILE_API const TensorEntry *tensorfile_with_word(const TensorFile *file, const char *word, int rank)
{
    for (size_t i = 0; i < file->count; i++) {
        const char *found = strstr(file->tensors[i].name, word);
        int whole = found && !isalnum((unsigned char)found[strlen(word)]);
        if (whole && file->tensors[i].rank == rank) return &file->tensors[i];
    }
    return NULL;
}

static size_t tensorfile_metadata_index(const TensorFile *file, const char *key)
{
    size_t i = 0;
    while (i < file->n_metadata && strcmp(file->keys[i], key) != 0) i++;
    return i;
}

/* The place among `wanted` of the first word in the prefix. */
static int tensorfile_wanted(const char *prefix, const char *const *wanted, int n_wanted)
{
    for (int i = 0; i < n_wanted; i++)
        if (strstr(prefix, wanted[i])) return i;
    return n_wanted;
}

/* Does the tensor's name end in this one, behind a dot or nothing? */
static int tensorfile_ends_in(const TensorEntry *t, const char *name, int rank, const int64_t *shape)
{
    size_t all = strlen(t->name), length = strlen(name);
    if (all < length || all - length >= TENSORFILE_PREFIX || strcmp(t->name + all - length, name)) return 0;
    if ((all > length && t->name[all - length - 1] != '.') || t->rank != rank) return 0;
    for (int k = 0; k < rank; k++)
        if (shape[k] && t->shape[k] != shape[k]) return 0;
    return 1;
}

TENSORFILE_API int tensorfile_prefix(const TensorFile *file, const char *name, int rank, const int64_t *shape,
                                     const char *const *wanted, int n_wanted, char prefix[TENSORFILE_PREFIX])
{
    int found = 0;
    *prefix = 0;
    for (size_t i = 0; i < file->count; i++) {
        const TensorEntry *t = &file->tensors[i];
        char other[TENSORFILE_PREFIX];
        if (!tensorfile_ends_in(t, name, rank, shape)) continue;
        size_t before = strlen(t->name) - strlen(name);
        memcpy(other, t->name, before), other[before] = 0;
        int better = tensorfile_wanted(prefix, wanted, n_wanted) - tensorfile_wanted(other, wanted, n_wanted);
        if (!found++ || better > 0 || (better == 0 && before < strlen(prefix))) memcpy(prefix, other, before + 1);
    }
    return found;
}

TENSORFILE_API const char *tensorfile_metadata(const TensorFile *file, const char *key)
{
    size_t i = tensorfile_metadata_index(file, key);
    return i < file->n_metadata ? file->values[i] : NULL;
}

static char *tensorfile_duplicate(const char *text, size_t length)
{
    char *copy = (char *)malloc(length + 1);
    if (!copy) return NULL;
    if (length) memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

/* Appends a pair and takes both strings (frees them if it fails). The arrays double whenever the count is a power of
 * two. */
static int tensorfile_append_metadata(TensorFile *file, char *key, char *value)
{
    size_t n = file->n_metadata;
    int ok = key && value;
    if (ok && (n & (n - 1)) == 0) {
        size_t capacity = n ? n * 2 : 1;
        char **keys = (char **)realloc(file->keys, capacity * sizeof *keys);
        if (keys) file->keys = keys;
        char **values = (char **)realloc(file->values, capacity * sizeof *values);
        if (values) file->values = values;
        ok = keys && values;
    }
    if (!ok) {
        free(key);
        free(value);
        return 0;
    }
    file->keys[n] = key;
    file->values[n] = value;
    file->n_metadata = n + 1;
    return 1;
}

TENSORFILE_API int tensorfile_set_metadata(TensorFile *file, const char *key, const char *value)
{
    size_t i = tensorfile_metadata_index(file, key);
    char *copy = tensorfile_duplicate(value, strlen(value));
    if (i == file->n_metadata) return tensorfile_append_metadata(file, tensorfile_duplicate(key, strlen(key)), copy);
    if (!copy) return 0;
    free(file->values[i]);
    file->values[i] = copy;
    return 1;
}

/* Appends an entry and takes its name and, if owned, its data (frees them if it fails). */
static int tensorfile_append(TensorFile *file, const TensorEntry *entry)
{
    if (entry->name && file->count == file->capacity) {
        size_t capacity = file->capacity ? file->capacity * 2 : 16;
        TensorEntry *tensors = (TensorEntry *)realloc(file->tensors, capacity * sizeof *tensors);
        if (tensors) {
            file->tensors = tensors;
            file->capacity = capacity;
        }
    }
    if (!entry->name || file->count == file->capacity) {
        free(entry->name);
        if (entry->owned) free((void *)(uintptr_t)entry->data);
        return 0;
    }
    file->tensors[file->count++] = *entry;
    return 1;
}

TENSORFILE_API int tensorfile_add(TensorFile *file, const char *name, TensorType type, int rank, const int64_t *shape,
                                  const void *data)
{
    TensorEntry entry;
    memset(&entry, 0, sizeof entry);
    if (!name || !tensorfile_measure(type, rank, shape, &entry.bytes) || tensorfile_find(file, name)) return 0;
    if (entry.bytes && !data) return 0;
    entry.name = tensorfile_duplicate(name, strlen(name));
    entry.type = type;
    entry.rank = rank;
    for (int i = 0; i < rank; i++) entry.shape[i] = shape[i];
    entry.data = data;
    return tensorfile_append(file, &entry);
}

/* A float32 tensor of which no number would become infinite as a half. (A counter of batches soon is too large.) */
static int tensorfile_fits_half(const TensorEntry *entry)
{
    if (entry->type != TENSOR_F32) return 0;
    for (size_t i = 0; i < tensorfile_count(entry); i++) {
        double value = tensorfile_get(entry, i);
        if (!(value > -65520 && value < 65520)) return 0;
    }
    return 1;
}

/* Gives the entry numbers of its own, two slices of an axis (-1: none) exchanged, then rounded to float16. 0: there is
 * no memory. */
static int tensorfile_change(TensorEntry *entry, int axis, int half)
{
    const TensorEntry was = *entry;
    void *swapped = axis >= 0 ? malloc(was.bytes + 1) : NULL;
    if (axis >= 0 && !swapped) return 0;
    if (swapped) {
        tensorfile_exchange(&was, axis, 0, 2, swapped);
        entry->data = swapped, entry->owned = 1;
    }
    if (!half) return 1;
    uint16_t *halves = (uint16_t *)malloc(was.bytes / 2 + 1);
    if (halves) tensorfile_f32_to_f16((const float *)entry->data, halves, tensorfile_count(&was));
    free(swapped);
    entry->data = halves, entry->owned = 1;
    entry->type = TENSOR_F16, entry->bytes /= 2;
    return halves != NULL;
}

TENSORFILE_API int tensorfile_take(TensorFile *file, const TensorFile *from, const TensorTake *what, char error[])
{
    size_t length = strlen(what->prefix), before = file->count, said = file->n_metadata;
    for (size_t i = 0; i < from->n_metadata; i++) {
        const char *key = from->keys[i], *value = from->values[i];
        int ok = said ? tensorfile_set_metadata(file, key, value)
                      : tensorfile_append_metadata(file, tensorfile_duplicate(key, strlen(key)),
                                                   tensorfile_duplicate(value, strlen(value)));
        if (!ok) return tensorfile_fail(error, "out of memory");
    }
    for (size_t i = 0; i < from->count; i++) {
        TensorEntry entry = from->tensors[i];
        const char *name = entry.name;
        int axis = what->swapped ? what->swapped(&entry) : -1, half = what->half && tensorfile_fits_half(&entry);
        if (strncmp(name, what->prefix, length)) continue;
        if (tensorfile_wanted(name, what->without, what->n_without) < what->n_without) continue;
        if (what->strip) name += length;
        entry.owned = 0;
        int ok = !tensorfile_find_in(file, before, name) && tensorfile_change(&entry, axis, half);
        entry.name = ok ? tensorfile_duplicate(name, strlen(name)) : NULL;
        if (!tensorfile_append(file, &entry))
            return tensorfile_fail(error, "cannot keep %.150s: out of memory, or a name that is there twice or empty",
                                   from->tensors[i].name);
    }
    return 1;
}

static int tensorfile_compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Fails if two of the strings are equal; sorts the array of pointers. */
static int tensorfile_check_distinct(const char **names, size_t count, const char *what, char *error)
{
    if (count) qsort(names, count, sizeof *names, tensorfile_compare_names);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return tensorfile_fail(error, "two %s are named '%.80s'", what, names[i]);
    return 1;
}

static int tensorfile_check_names(const TensorFile *file, char *error)
{
    size_t most = file->count > file->n_metadata ? file->count : file->n_metadata;
    const char **names = (const char **)malloc((most + 1) * sizeof *names);
    if (!names) return tensorfile_fail(error, "out of memory");
    for (size_t i = 0; i < file->count; i++) names[i] = file->tensors[i].name;
    int ok = tensorfile_check_distinct(names, file->count, "tensors", error);
    for (size_t i = 0; i < file->n_metadata; i++) names[i] = file->keys[i];
    ok = ok && tensorfile_check_distinct(names, file->n_metadata, "metadata keys", error);
    free(names);
    return ok;
}

/* What a reader works on. `budget` is what is left of the `limit` on memory for copies (names, unaligned or strided
 * tensors, inflated data): without it a few bytes of file could ask for terabytes by naming one tensor a million
 * times. */
typedef struct {
    const uint8_t *bytes;
    size_t size;
    TensorFile *file;
    uint64_t budget, limit;
    char *error;
} TensorFileReader;

static void *tensorfile_allocate(TensorFileReader *reader, size_t size)
{
    if (size >= reader->budget) {
        tensorfile_fail(reader->error, "needs far more memory than its %zu bytes can plausibly hold (the limit is %llu "
                                       "bytes)", reader->size, (unsigned long long)reader->limit);
        return NULL;
    }
    void *memory = malloc(size ? size : 1);
    if (memory) reader->budget -= size;
    else tensorfile_fail(reader->error, "out of memory (%zu bytes)", size);
    return memory;
}

/* Notes an item that is left out, and why; its name may be that of a part ("net.optimizer"). */
TENSORFILE_PRINTF(4) static int tensorfile_skip(TensorFileReader *reader, const char *name, size_t length,
                                                const char *format, ...)
{
    TensorFile *file = reader->file;
    size_t n = file->n_skipped;
    char reason[TENSORFILE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if ((n & (n - 1)) == 0) {
        TensorSkipped *grown = (TensorSkipped *)realloc(file->skipped, (n ? n * 2 : 1) * sizeof *grown);
        if (!grown) return tensorfile_fail(reader->error, "out of memory");
        file->skipped = grown;
    }
    if (length == 0) name = "data", length = 4;
    TensorSkipped item = {NULL, NULL};
    item.name = (char *)tensorfile_allocate(reader, length + 1);
    item.reason = item.name ? (char *)tensorfile_allocate(reader, strlen(reason) + 1) : NULL;
    if (!item.reason) {
        free(item.name);
        return 0;
    }
    memcpy(item.name, name, length);
    item.name[length] = 0;
    strcpy(item.reason, reason);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)item.name[i] < 32 || item.name[i] == 127) item.name[i] = '?';
    for (char *c = item.reason; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    file->skipped[file->n_skipped++] = item;
    return 1;
}

/* Points entry->data at the file's bytes, or at a copy if they are not aligned for its type or will go away
 * (!borrow). */
static int tensorfile_place(TensorFileReader *reader, TensorEntry *entry, const uint8_t *data, int borrow)
{
    entry->data = data;
    if (borrow && (uintptr_t)data % tensorfile_type_size(entry->type) == 0) return 1;
    void *copy = tensorfile_allocate(reader, entry->bytes);
    if (!copy) return 0;
    if (entry->bytes) memcpy(copy, data, entry->bytes);
    entry->data = copy;
    entry->owned = 1;
    return 1;
}

/* Copies n elements that lie `stride` bytes apart; the switch lets the compiler see a constant size. */
static void tensorfile_gather_row(uint8_t *out, const uint8_t *in, int64_t n, int64_t stride, size_t size)
{
    switch (size) {
    case 1: for (int64_t i = 0; i < n; i++) out[i] = in[i * stride]; break;
    case 2: for (int64_t i = 0; i < n; i++) memcpy(out + i * 2, in + i * stride, 2); break;
    case 4: for (int64_t i = 0; i < n; i++) memcpy(out + i * 4, in + i * stride, 4); break;
    default: for (int64_t i = 0; i < n; i++) memcpy(out + i * 8, in + i * stride, 8); break;
    }
}

/* Moves index and offset on along dimensions 0 to d, counting up like an odometer; 0 at the end. */
static int tensorfile_step(const TensorEntry *entry, const int64_t *strides, int d, int64_t *index, int64_t *offset)
{
    for (; d >= 0; d--) {
        if (index[d] + 1 < entry->shape[d]) {
            index[d]++;
            *offset += strides[d];
            return 1;
        }
        if (index[d]) *offset -= strides[d] * index[d];
        index[d] = 0;
    }
    return 0;
}

/* Like tensorfile_place, for a tensor whose element (i, j, ...) is at data[i strides[0] + j strides[1] + ...]
 * (counted in elements, all within the data: the caller checked). Anything but row-major order is copied into it,
 * row by row. */
static int tensorfile_place_strided(TensorFileReader *reader, TensorEntry *entry, const uint8_t *data,
                                    const int64_t *strides, int borrow)
{
    int64_t expected = 1, index[TENSORFILE_MAX_RANK] = {0};
    int row_major = 1, last = entry->rank - 1;
    for (int d = last; d >= 0; d--) {
        if (entry->shape[d] != 1 && strides[d] != expected) row_major = 0;
        expected *= entry->shape[d];
        if (entry->bytes == 0) return tensorfile_place(reader, entry, data, borrow);
    }
    if (row_major) return tensorfile_place(reader, entry, data, borrow);
    uint8_t *out = (uint8_t *)tensorfile_allocate(reader, entry->bytes);
    if (!out) return 0;
    entry->data = out;
    entry->owned = 1;
    int64_t size = (int64_t)tensorfile_type_size(entry->type), offset = 0;
    for (;;) {
        tensorfile_gather_row(out, data + offset * size, entry->shape[last], strides[last] * size, (size_t)size);
        out += entry->shape[last] * size;
        if (!tensorfile_step(entry, strides, last - 1, index, &offset)) return 1;
    }
}

static void tensorfile_swap_bytes(TensorEntry *entry)
{
    uint8_t *p = (uint8_t *)(uintptr_t)entry->data;
    size_t size = tensorfile_type_size(entry->type);
    for (size_t i = 0; i < entry->bytes; i += size) {
        for (size_t j = 0; j < size / 2; j++) {
            uint8_t byte = p[i + j];
            p[i + j] = p[i + size - 1 - j];
            p[i + size - 1 - j] = byte;
        }
    }
}

static void tensorfile_row_major(const TensorEntry *entry, int fortran, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = 0; i < entry->rank; i++) {
        int d = fortran ? i : entry->rank - 1 - i;
        strides[d] = stride;
        if (entry->bytes) stride *= entry->shape[d];            /* of an empty array the product may be too large */
    }
}

/* Any array in a file: of our types or, converted, of a foreign one. entry's type and bytes are those of the result.
 * -1: it holds a number that its type here cannot hold. */
static int tensorfile_place_any(TensorFileReader *reader, TensorEntry *entry, const TensorFileForeign *foreign,
                                const uint8_t *data, const int64_t *strides, int borrow, int big_endian)
{
    if (!foreign) {
        if (!tensorfile_place_strided(reader, entry, data, strides, borrow && !big_endian)) return 0;
        if (big_endian) tensorfile_swap_bytes(entry);
        return 1;
    }
    int64_t offset = 0, index[TENSORFILE_MAX_RANK] = {0};
    uint8_t *out = (uint8_t *)tensorfile_allocate(reader, entry->bytes);
    if (!out) return 0;
    for (size_t at = 0; at < entry->bytes; at += tensorfile_type_size(entry->type)) {
        const uint8_t *p = data + offset * (int64_t)foreign->size;
        if (!tensorfile_convert_foreign(foreign, p, big_endian, out + at)) {
            free(out);
            return -1;
        }
        tensorfile_step(entry, strides, entry->rank - 1, index, &offset);
    }
    entry->data = out;
    entry->owned = 1;
    return 1;
}

/* Copies the name and appends; frees owned data if it fails. */
static int tensorfile_append_named(TensorFileReader *reader, TensorEntry *entry, const char *name, size_t length)
{
    if (memchr(name, 0, length)) {
        if (entry->owned) free((void *)(uintptr_t)entry->data);
        return tensorfile_fail(reader->error, "a tensor's name has a zero byte: '%.80s'", name);
    }
    entry->name = (char *)tensorfile_allocate(reader, length + 1);
    if (entry->name) {
        memcpy(entry->name, name, length);
        entry->name[length] = 0;
    }
    if (tensorfile_append(reader->file, entry)) return 1;
    return entry->name ? tensorfile_fail(reader->error, "out of memory") : 0;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 4  Reading safetensors
 *
 *      +--------------+--------------------------------------------------+-------------------------------+
 *      | u64: size N  | N bytes: JSON, padded with spaces                | the tensors' bytes, no holes  |
 *      +--------------+--------------------------------------------------+-------------------------------+
 *                       {"__metadata__": {"key": "text", ...},
 *                        "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * Offsets count from the end of the header. The reader knows only this JSON (RFC 8259: its strings and whitespace,
 * plain non-negative integers) and refuses everything that two programs could understand differently: names given
 * twice, unknown fields, ranges that overlap, leave a hole, miss the end of the file or disagree with dtype and shape.
 * ---------------------------------------------------------------------------------------------------------------- */

#define TENSORFILE_MAX_HEADER 100000000u            /* the limit that safetensors itself keeps */

/* Reads text item by item; also the header of .npy, which is a Python dict (section 6). */
typedef struct {
    const char *what;
    const uint8_t *begin, *at, *end;
    char *error;
} TensorFileScanner;

static int tensorfile_scan_fail(TensorFileScanner *scan, const char *wanted)
{
    return tensorfile_fail(scan->error, "%s, byte %zu: expected %s", scan->what, (size_t)(scan->at - scan->begin),
                           wanted);
}

static void tensorfile_scan_space(TensorFileScanner *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

static int tensorfile_scan_take(TensorFileScanner *scan, char c)
{
    tensorfile_scan_space(scan);
    if (scan->at == scan->end || *scan->at != (uint8_t)c) {
        char wanted[4] = {'\'', c, '\'', 0};
        return tensorfile_scan_fail(scan, wanted);
    }
    scan->at++;
    return 1;
}

/* Inside { } or [ ]: 1 if another item follows (its comma is eaten), 0 if the closing character was, -1 on an error. */
static int tensorfile_scan_more(TensorFileScanner *scan, char closing, int *first)
{
    tensorfile_scan_space(scan);
    if (scan->at < scan->end && *scan->at == (uint8_t)closing) {
        scan->at++;
        return 0;
    }
    if (!*first && !tensorfile_scan_take(scan, ',')) return -1;
    *first = 0;
    return 1;
}

static int tensorfile_json_hex(const uint8_t *p, const uint8_t *end, uint32_t *value)
{
    *value = 0;
    if (end - p < 4) return 0;
    for (int i = 0; i < 4; i++) {
        int digit = p[i] >= '0' && p[i] <= '9'   ? p[i] - '0'
                    : p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10
                    : p[i] >= 'A' && p[i] <= 'F' ? p[i] - 'A' + 10 : -1;
        if (digit < 0) return 0;
        *value = *value << 4 | (uint32_t)digit;
    }
    return 1;
}

static int tensorfile_utf8_encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    int length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00 >> length & 0xFF) | code);                   /* 110xxxxx, 1110xxxx, 11110xxx */
    return length;
}

/* The escape at scan->at, just after its backslash, as UTF-8; the number of bytes written, 0 on an error. */
static int tensorfile_json_escape(TensorFileScanner *scan, char *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t code, low;
    if (scan->at == scan->end) return tensorfile_scan_fail(scan, "an escape");
    if (*scan->at != 'u') {
        const char *name = *scan->at ? strchr(names, *scan->at) : NULL;
        if (!name) return tensorfile_scan_fail(scan, "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u");
        scan->at++;
        out[0] = values[name - names];
        return 1;
    }
    if (!tensorfile_json_hex(scan->at + 1, scan->end, &code))
        return tensorfile_scan_fail(scan, "four hexadecimal digits");
    if (code == 0) return tensorfile_scan_fail(scan, "a string without a zero byte");
    scan->at += 5;
    if (code >= 0xD800 && code < 0xE000) {      /* past U+FFFF JSON writes a pair: high surrogate, low surrogate */
        if (code >= 0xDC00 || scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u' ||
            !tensorfile_json_hex(scan->at + 2, scan->end, &low) || low < 0xDC00 || low >= 0xE000)
            return tensorfile_scan_fail(scan, "the other half of a surrogate pair");
        scan->at += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    return tensorfile_utf8_encode(code, out);
}

/* A string, decoded into fresh memory; NULL on an error. No escape decodes to more bytes than it is written with. */
static char *tensorfile_json_string(TensorFileScanner *scan)
{
    if (!tensorfile_scan_take(scan, '"')) return NULL;
    const uint8_t *quote = scan->at;
    while (quote < scan->end && *quote != '"') quote += *quote == '\\' && scan->end - quote > 1 ? 2 : 1;
    char *text = (char *)malloc((size_t)(quote - scan->at) + 1), *out = text;
    if (!text) {
        tensorfile_fail(scan->error, "out of memory");
        return NULL;
    }
    int length = 1;
    while (length && scan->at < scan->end && *scan->at != '"') {
        if (*scan->at == '\\') {
            scan->at++;
            length = tensorfile_json_escape(scan, out);
        } else {
            length = *scan->at < 32 ? 0 : tensorfile_utf8_length(scan->at, scan->end);
            if (!length) tensorfile_scan_fail(scan, "UTF-8 text");
            for (int i = 0; i < length; i++) out[i] = (char)*scan->at++;
        }
        out += length;
    }
    *out = 0;
    if (length && tensorfile_scan_take(scan, '"')) return text;
    free(text);
    return NULL;
}

static int tensorfile_scan_integer(TensorFileScanner *scan, int64_t *value)
{
    tensorfile_scan_space(scan);
    const uint8_t *start = scan->at;
    *value = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        int digit = *scan->at - '0';
        if (*value > (INT64_MAX - digit) / 10) return tensorfile_scan_fail(scan, "an integer below 2^63");
        *value = *value * 10 + digit;
        scan->at++;
    }
    if (scan->at == start || (*start == '0' && scan->at - start > 1))
        return tensorfile_scan_fail(scan, "a non-negative integer");
    return 1;
}

/* "[1, 2, 3]" with at most `most` numbers; their count, -1 on an error. */
static int tensorfile_scan_integers(TensorFileScanner *scan, int64_t *values, int most)
{
    int n = 0, first = 1, more;
    if (!tensorfile_scan_take(scan, '[')) return -1;
    while ((more = tensorfile_scan_more(scan, ']', &first)) == 1) {
        if (n == most) {
            tensorfile_scan_fail(scan, most == 2 ? "two data_offsets" : "a shape of at most 8 numbers");
            return -1;
        }
        if (!tensorfile_scan_integer(scan, &values[n++])) return -1;
    }
    return more < 0 ? -1 : n;
}

/* Where a tensor's bytes lie; `index` keeps the header's order among empty tensors, which share their offset. */
typedef struct {
    int64_t begin, end;
    TensorEntry entry;
    const TensorFileForeign *foreign;           /* the type in the file, if it is none of ours */
    char strange[24];                           /* the dtype's name, if nothing is known about it: it is left out */
    size_t index;
} TensorFileSpan;

static int tensorfile_json_dtype(TensorFileScanner *scan, TensorFileSpan *span)
{
    char *text = tensorfile_json_string(scan);
    if (!text) return 0;
    int t = 0;
    while (t < TENSORFILE_N_TYPES && strcmp(text, tensorfile_type_name((TensorType)t)) != 0) t++;
    span->entry.type = (TensorType)t;
    if (t == TENSORFILE_N_TYPES) {
        span->foreign = tensorfile_find_foreign(0, text, strlen(text));
        if (span->foreign) span->entry.type = (TensorType)span->foreign->to;
        else snprintf(span->strange, sizeof span->strange, "%.22s", *text ? text : "?");
    }
    free(text);
    return 1;
}

static int tensorfile_json_tensor(TensorFileScanner *scan, TensorFileSpan *span, const char *name)
{
    int has_type = 0, n_offsets = 0, rank = -1, first = 1, more;
    int64_t offsets[2];
    if (!tensorfile_scan_take(scan, '{')) return 0;
    while ((more = tensorfile_scan_more(scan, '}', &first)) == 1) {
        char *field = tensorfile_json_string(scan);
        int ok = field && tensorfile_scan_take(scan, ':');
        if (ok && strcmp(field, "dtype") == 0 && !has_type) {
            ok = has_type = tensorfile_json_dtype(scan, span);
        } else if (ok && strcmp(field, "shape") == 0 && rank < 0) {
            ok = (rank = tensorfile_scan_integers(scan, span->entry.shape, TENSORFILE_MAX_RANK)) >= 0;
        } else if (ok && strcmp(field, "data_offsets") == 0 && !n_offsets) {
            ok = (n_offsets = tensorfile_scan_integers(scan, offsets, 2)) >= 0;
        } else if (ok) {
            ok = tensorfile_fail(scan->error, "tensor '%.60s': field '%.40s' is unknown or given twice", name, field);
        }
        free(field);
        if (!ok) return 0;
    }
    if (more < 0) return 0;
    if (!has_type || rank < 0 || n_offsets != 2)
        return tensorfile_fail(scan->error, "tensor '%.80s' lacks dtype, shape or two data_offsets", name);
    span->entry.rank = rank;
    span->begin = offsets[0];
    span->end = offsets[1];
    return 1;
}

/* Pairs of strings; null, as some programs write it, stands for none. */
static int tensorfile_json_metadata(TensorFileScanner *scan, TensorFile *file)
{
    int first = 1, more;
    tensorfile_scan_space(scan);
    if (scan->end - scan->at >= 4 && memcmp(scan->at, "null", 4) == 0) {
        scan->at += 4;
        return 1;
    }
    if (!tensorfile_scan_take(scan, '{')) return 0;
    while ((more = tensorfile_scan_more(scan, '}', &first)) == 1) {
        char *key = tensorfile_json_string(scan);
        char *value = key && tensorfile_scan_take(scan, ':') ? tensorfile_json_string(scan) : NULL;
        if (!value) {
            free(key);
            return 0;
        }
        if (!tensorfile_append_metadata(file, key, value)) return tensorfile_fail(scan->error, "out of memory");
    }
    return more == 0;
}

typedef struct {
    TensorFileSpan *spans;
    size_t count, capacity;
} TensorFileSpans;

static int tensorfile_append_span(TensorFileSpans *list, TensorFileSpan *span, char *error)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        TensorFileSpan *spans = (TensorFileSpan *)realloc(list->spans, capacity * sizeof *spans);
        if (!spans) {
            free(span->entry.name);
            return tensorfile_fail(error, "out of memory");
        }
        list->spans = spans;
        list->capacity = capacity;
    }
    span->index = list->count;
    list->spans[list->count++] = *span;
    return 1;
}

static int tensorfile_json_header(TensorFileScanner *scan, TensorFile *file, TensorFileSpans *list)
{
    int first = 1, more, has_metadata = 0;
    if (!tensorfile_scan_take(scan, '{')) return 0;
    while ((more = tensorfile_scan_more(scan, '}', &first)) == 1) {
        TensorFileSpan span;
        memset(&span, 0, sizeof span);
        char *name = tensorfile_json_string(scan);
        int is_metadata = name && strcmp(name, "__metadata__") == 0;
        int ok = name && tensorfile_scan_take(scan, ':');
        if (ok && is_metadata && has_metadata) ok = tensorfile_scan_fail(scan, "only one __metadata__");
        else if (ok && is_metadata) ok = has_metadata = tensorfile_json_metadata(scan, file);
        else if (ok) ok = tensorfile_json_tensor(scan, &span, name);
        if (!ok || is_metadata) {
            free(name);
        } else {
            span.entry.name = name;
            ok = tensorfile_append_span(list, &span, scan->error);
        }
        if (!ok) return 0;
    }
    tensorfile_scan_space(scan);
    if (more == 0 && scan->at < scan->end) return tensorfile_scan_fail(scan, "only spaces after the closing '}'");
    return more == 0;
}

static int tensorfile_compare_spans(const void *a, const void *b)
{
    const TensorFileSpan *x = (const TensorFileSpan *)a, *y = (const TensorFileSpan *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Sorted by offset, every tensor must begin where the one before it ended, and the last must end with the file. */
static int tensorfile_check_spans(const TensorFileSpans *list, size_t data_size, char *error)
{
    int64_t end = 0;
    for (size_t i = 0; i < list->count; i++) {
        const TensorFileSpan *span = &list->spans[i];
        size_t bytes, size = span->foreign ? span->foreign->size : tensorfile_type_size(span->entry.type);
        if (span->end < span->begin || (uint64_t)span->end > data_size)
            return tensorfile_fail(error, "tensor '%.60s': data_offsets [%lld, %lld] are not within the %zu data bytes",
                                   span->entry.name, (long long)span->begin, (long long)span->end, data_size);
        if (!span->strange[0] && (!tensorfile_measure_elements(size, span->entry.rank, span->entry.shape, &bytes) ||
                                  bytes != (size_t)(span->end - span->begin)))
            return tensorfile_fail(error, "tensor '%.60s': %lld bytes do not fit its dtype %s and shape",
                                   span->entry.name, (long long)(span->end - span->begin),
                                   span->foreign ? span->foreign->name : tensorfile_type_name(span->entry.type));
        if (span->begin != end)
            return tensorfile_fail(error, "tensor '%.60s' %s: it begins at %lld where %lld was expected",
                                   span->entry.name, span->begin < end ? "overlaps another" : "leaves a hole",
                                   (long long)span->begin, (long long)end);
        end = span->end;
    }
    if ((uint64_t)end != data_size)
        return tensorfile_fail(error, "the tensors end at data byte %lld, the file at %zu", (long long)end, data_size);
    return 1;
}

/* Moves the spans' entries into the file; each entry's name has one owner at any time. */
static int tensorfile_take_spans(TensorFileReader *reader, TensorFileSpans *list, const uint8_t *data)
{
    for (size_t i = 0; i < list->count; i++) {
        const TensorFileSpan *span = &list->spans[i];
        TensorEntry entry = span->entry;
        int64_t strides[TENSORFILE_MAX_RANK];
        int placed = -1;
        if (!span->strange[0]) {
            if (!tensorfile_measure(entry.type, entry.rank, entry.shape, &entry.bytes))
                return tensorfile_fail(reader->error, "tensor '%.60s' is too large", entry.name);
            tensorfile_row_major(&entry, 0, strides);
            placed = tensorfile_place_any(reader, &entry, span->foreign, data + span->begin, strides, 1, 0);
        }
        if (placed == 0) return 0;
        if (placed < 0) {
            const char *type = span->strange[0] ? span->strange : span->foreign->name;
            if (!tensorfile_skip(reader, entry.name, strlen(entry.name), span->strange[0] ?
                                 "of type %s, which has no equal here" : "%s with numbers past 2^63", type)) return 0;
            continue;
        }
        list->spans[i].entry.name = NULL;
        if (!tensorfile_append(reader->file, &entry)) return tensorfile_fail(reader->error, "out of memory");
    }
    return 1;
}

static int tensorfile_read_safetensors(TensorFileReader *reader)
{
    uint64_t header = tensorfile_u64(reader->bytes);
    if (header > TENSORFILE_MAX_HEADER)
        return tensorfile_fail(reader->error, "safetensors header of %llu bytes: at most 100 MB are allowed",
                               (unsigned long long)header);
    if (header > reader->size - 8)
        return tensorfile_fail(reader->error, "safetensors header of %llu bytes, but only %zu bytes follow: cut short?",
                               (unsigned long long)header, reader->size - 8);
    const uint8_t *text = reader->bytes + 8, *data = text + header;
    TensorFileScanner scan = {"safetensors header", text, text, data, reader->error};
    TensorFileSpans list = {NULL, 0, 0};
    reader->file->format = "safetensors";
    int ok = tensorfile_json_header(&scan, reader->file, &list);
    if (ok && list.count) qsort(list.spans, list.count, sizeof *list.spans, tensorfile_compare_spans);
    ok = ok && tensorfile_check_spans(&list, reader->size - 8 - (size_t)header, reader->error) &&
         tensorfile_take_spans(reader, &list, data);
    for (size_t i = 0; i < list.count; i++) free(list.spans[i].entry.name);
    free(list.spans);
    return ok;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 5  Writing safetensors
 *
 * Only the header is assembled in memory; the tensors' bytes go to the file from where they are.
 * ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    FILE *file;
    uint64_t offset;            /* bytes written so far */
    char *error;
} TensorFileWriter;

static int tensorfile_write(TensorFileWriter *writer, const void *bytes, size_t size)
{
    errno = 0;
    if (size > 0 && fwrite(bytes, 1, size, writer->file) != size)
        return tensorfile_fail(writer->error, "write failed after %llu bytes: %s", (unsigned long long)writer->offset,
                               errno ? strerror(errno) : "no progress");
    writer->offset += (uint64_t)size;
    return 1;
}

static int tensorfile_write_text(TensorFileWriter *writer, TensorFileText *text)
{
    int ok = text->failed ? tensorfile_fail(writer->error, "out of memory")
                          : tensorfile_write(writer, text->data, text->length);
    free(text->data);
    return ok;
}

static void tensorfile_text_json(TensorFileText *text, const char *string)
{
    tensorfile_text_append(text, "\"", 1);
    for (const char *c = string; *c; c++) {
        if (*c == '"' || *c == '\\') tensorfile_text_print(text, "\\%c", *c);
        else if ((unsigned char)*c < 32) tensorfile_text_print(text, "\\u%04x", (unsigned)*c);
        else tensorfile_text_append(text, c, 1);
    }
    tensorfile_text_append(text, "\"", 1);
}

static void tensorfile_text_metadata(TensorFileText *text, const TensorFile *file)
{
    tensorfile_text_print(text, "\"__metadata__\":{");
    for (size_t i = 0; i < file->n_metadata; i++) {
        if (i) tensorfile_text_append(text, ",", 1);
        tensorfile_text_json(text, file->keys[i]);
        tensorfile_text_append(text, ":", 1);
        tensorfile_text_json(text, file->values[i]);
    }
    tensorfile_text_append(text, "}", 1);
}

static int tensorfile_check_writable(const TensorFile *file, char *error)
{
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        if (strcmp(name, "__metadata__") == 0 || !tensorfile_is_utf8(name))
            return tensorfile_fail(error, "tensor name '%.80s': must be UTF-8, and __metadata__ is reserved", name);
    }
    for (size_t i = 0; i < file->n_metadata; i++)
        if (!tensorfile_is_utf8(file->keys[i]) || !tensorfile_is_utf8(file->values[i]))
            return tensorfile_fail(error, "metadata '%.80s' is not UTF-8", file->keys[i]);
    return 1;
}

static int tensorfile_write_safetensors(TensorFileWriter *writer, const TensorFile *file)
{
    TensorFileText text = {NULL, 0, 0, 0};
    uint64_t offset = 0;
    if (!tensorfile_check_writable(file, writer->error)) return 0;
    tensorfile_text_append(&text, "\0\0\0\0\0\0\0\0{", 9);
    if (file->n_metadata) tensorfile_text_metadata(&text, file);
    for (size_t i = 0; i < file->count; i++) {
        const TensorEntry *entry = &file->tensors[i];
        if (i || file->n_metadata) tensorfile_text_append(&text, ",", 1);
        tensorfile_text_json(&text, entry->name);
        tensorfile_text_print(&text, ":{\"dtype\":\"%s\",\"shape\":[", tensorfile_type_name(entry->type));
        for (int d = 0; d < entry->rank; d++)
            tensorfile_text_print(&text, d ? ",%lld" : "%lld", (long long)entry->shape[d]);
        tensorfile_text_print(&text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset,
                              (unsigned long long)(offset + entry->bytes));
        offset += entry->bytes;
    }
    tensorfile_text_append(&text, "}", 1);
    while (!text.failed && text.length % 8) tensorfile_text_append(&text, " ", 1);  /* aligns the data */
    uint64_t header = text.length - 8;
    for (int i = 0; !text.failed && i < 8; i++) text.data[i] = (char)(header >> 8 * i);
    if (!text.failed && header > TENSORFILE_MAX_HEADER) {
        free(text.data);
        return tensorfile_fail(writer->error, "the header would need %llu bytes, more than safetensors' 100 MB",
                               (unsigned long long)header);
    }
    int ok = tensorfile_write_text(writer, &text);
    for (size_t i = 0; ok && i < file->count; i++)
        ok = tensorfile_write(writer, file->tensors[i].data, file->tensors[i].bytes);
    return ok;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 6  NumPy's .npy
 *
 *      +------------+-----+-----+--------------+---------------------------------------------------+----------------+
 *      | 93 "NUMPY" | 1   | 0   | u16: size N  | N bytes of text, padded with spaces, ends in \n   | the elements   |
 *      +------------+-----+-----+--------------+---------------------------------------------------+----------------+
 *                   version     u32 from 2.0    {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 *
 * The text is a Python literal. descr is byte order ('<' little, '>' big, '|' does not matter), kind and size in bytes;
 * fortran_order means that the first index varies fastest. Version 2 has a longer size, version 3 allows UTF-8.
 * ---------------------------------------------------------------------------------------------------------------- */

/* Like tensorfile_scan_more, but Python allows a comma before the closing bracket. */
static int tensorfile_npy_more(TensorFileScanner *scan, char closing, int *first)
{
    int more = tensorfile_scan_more(scan, closing, first);
    tensorfile_scan_space(scan);
    if (more != 1 || scan->at == scan->end || *scan->at != (uint8_t)closing) return more;
    scan->at++;
    return 0;
}

/* A quoted string without escapes, into out[32]. */
static int tensorfile_npy_string(TensorFileScanner *scan, char *out)
{
    tensorfile_scan_space(scan);
    uint8_t quote = scan->at < scan->end ? *scan->at : 0;
    if (quote == '[') return tensorfile_scan_fail(scan, "a plain type, not a structured one");
    if (quote != '\'' && quote != '"') return tensorfile_scan_fail(scan, "a quoted string");
    scan->at++;
    int n = 0;
    while (n < 31 && scan->at < scan->end && *scan->at != quote) out[n++] = (char)*scan->at++;
    out[n] = 0;
    return tensorfile_scan_take(scan, (char)quote);
}

static int tensorfile_npy_shape(TensorFileScanner *scan, TensorEntry *entry)
{
    int first = 1, more;
    if (!tensorfile_scan_take(scan, '(')) return 0;
    while ((more = tensorfile_npy_more(scan, ')', &first)) == 1) {
        if (entry->rank == TENSORFILE_MAX_RANK) return tensorfile_scan_fail(scan, "a shape of at most 8 numbers");
        if (!tensorfile_scan_integer(scan, &entry->shape[entry->rank++])) return 0;
        if (scan->at < scan->end && *scan->at == 'L') scan->at++;       /* Python 2 wrote its long integers so */
    }
    return more == 0;
}

/* What an .npy header says. */
typedef struct {
    TensorEntry entry;
    const TensorFileForeign *foreign;
    int fortran, big_endian;
    int strange;                            /* the type is none that is known here: the array is left out */
} TensorFileArray;

static int tensorfile_npy_type(TensorFileScanner *scan, TensorFileArray *array)
{
    char text[32];
    array->strange = 1;
    if (!tensorfile_npy_string(scan, text)) return 0;
    const char *name = text + (text[0] != 0);
    int t = 0;
    for (; t < TENSORFILE_N_TYPES; t++) {
        const TensorFileTypeRow *row = tensorfile_type_row((TensorType)t);
        if (row->numpy && strcmp(name, row->numpy) == 0) break;
    }
    if (t == TENSORFILE_N_TYPES) array->foreign = tensorfile_find_foreign(1, name, strlen(name));
    if (array->foreign) t = array->foreign->to;
    size_t size = array->foreign ? array->foreign->size : tensorfile_type_size((TensorType)t);
    if (t == TENSORFILE_N_TYPES || (text[0] != '<' && text[0] != '>' && (text[0] != '|' || size > 1)))
        return tensorfile_fail(scan->error, "NumPy type '%s' is not supported (known: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 "
                                            "b1)", text);
    array->entry.type = (TensorType)t;
    array->big_endian = text[0] == '>';
    array->strange = 0;
    return 1;
}

static int tensorfile_npy_bool(TensorFileScanner *scan, int *value)
{
    tensorfile_scan_space(scan);
    size_t left = (size_t)(scan->end - scan->at);
    *value = left >= 4 && memcmp(scan->at, "True", 4) == 0;
    if (!*value && (left < 5 || memcmp(scan->at, "False", 5) != 0)) return tensorfile_scan_fail(scan, "True or False");
    scan->at += *value ? 4 : 5;
    return 1;
}

static int tensorfile_npy_header(TensorFileScanner *scan, TensorFileArray *array)
{
    int first = 1, more, seen[3] = {0, 0, 0};
    char key[32];
    if (!tensorfile_scan_take(scan, '{')) return 0;
    while ((more = tensorfile_npy_more(scan, '}', &first)) == 1) {
        if (!tensorfile_npy_string(scan, key) || !tensorfile_scan_take(scan, ':')) return 0;
        int ok = 0;
        if (strcmp(key, "descr") == 0 && !seen[0]++) ok = tensorfile_npy_type(scan, array);
        else if (strcmp(key, "fortran_order") == 0 && !seen[1]++) ok = tensorfile_npy_bool(scan, &array->fortran);
        else if (strcmp(key, "shape") == 0 && !seen[2]++) ok = tensorfile_npy_shape(scan, &array->entry);
        else tensorfile_scan_fail(scan, "descr, fortran_order and shape, each once");
        if (!ok) return 0;
    }
    if (more < 0) return 0;
    if (!seen[0] || !seen[1] || !seen[2]) return tensorfile_scan_fail(scan, "descr, fortran_order and shape");
    tensorfile_scan_space(scan);
    return scan->at == scan->end ? 1 : tensorfile_scan_fail(scan, "only spaces after the closing '}'");
}

/* The scanner over the header's text; where it ends the elements begin. */
static int tensorfile_npy_open(TensorFileScanner *scan, const uint8_t *bytes, size_t size, char *error)
{
    if (size < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return tensorfile_fail(error, "not an .npy file, or cut short");
    if (bytes[6] < 1 || bytes[6] > 3)
        return tensorfile_fail(error, ".npy version %d.%d: only 1 to 3 are known", bytes[6], bytes[7]);
    size_t start = bytes[6] == 1 ? 10 : 12;
    size_t length = start == 10 ? tensorfile_u16(bytes + 8) : tensorfile_u32(bytes + 8);
    if (length > size - start)
        return tensorfile_fail(error, ".npy header of %zu bytes, but only %zu follow", length, size - start);
    scan->what = ".npy header";
    scan->begin = scan->at = bytes + start;
    scan->end = scan->begin + length;
    scan->error = error;
    return 1;
}

static int tensorfile_read_array(TensorFileReader *reader, const uint8_t *bytes, size_t size, const char *name,
                                 size_t name_length, int borrow)
{
    TensorFileScanner scan;
    TensorFileArray array;
    TensorEntry *entry = &array.entry;
    char detail[TENSORFILE_ERROR_SIZE];
    int64_t strides[TENSORFILE_MAX_RANK];
    memset(&array, 0, sizeof array);
    if (!tensorfile_npy_open(&scan, bytes, size, reader->error)) return 0;
    scan.error = detail;
    if (!tensorfile_npy_header(&scan, &array))
        return array.strange ? tensorfile_skip(reader, name, name_length, "%s", detail)
                             : tensorfile_fail(reader->error, "%s", detail);
    size_t present = (size_t)(bytes + size - scan.end), bytes_there;
    size_t element = array.foreign ? array.foreign->size : tensorfile_type_size(entry->type);
    if (!tensorfile_measure_elements(element, entry->rank, entry->shape, &bytes_there) || bytes_there != present ||
        !tensorfile_measure(entry->type, entry->rank, entry->shape, &entry->bytes))
        return tensorfile_fail(reader->error, ".npy array: %zu data bytes do not fit its shape and type %s", present,
                               array.foreign ? array.foreign->name : tensorfile_type_name(entry->type));
    tensorfile_row_major(entry, array.fortran, strides);
    int placed = tensorfile_place_any(reader, entry, array.foreign, scan.end, strides, borrow, array.big_endian);
    if (placed < 0) return tensorfile_skip(reader, name, name_length, "%s with numbers past 2^63", array.foreign->name);
    return placed && tensorfile_append_named(reader, entry, name, name_length);
}

static int tensorfile_read_npy(TensorFileReader *reader)
{
    reader->file->format = "npy";
    return tensorfile_read_array(reader, reader->bytes, reader->size, "data", 4, 1);
}

/* The bytes before the elements: version 1.0, padded so that the elements begin at a multiple of 64. */
static int tensorfile_npy_text(TensorFileText *text, const TensorEntry *entry, char *error)
{
    const TensorFileTypeRow *row = tensorfile_type_row(entry->type);
    if (!row->numpy)
        return tensorfile_fail(error, "tensor '%.80s': NumPy has no type for %s; convert it or save .safetensors",
                               entry->name, row->name);
    tensorfile_text_append(text, "\x93NUMPY\1\0\0\0", 10);
    tensorfile_text_print(text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", row->size == 1 ? '|' : '<',
                          row->numpy);
    for (int d = 0; d < entry->rank; d++)
        tensorfile_text_print(text, d ? " %lld," : "%lld,", (long long)entry->shape[d]);
    if (entry->rank > 1 && !text->failed) text->length--;               /* (2, 3) but (2,) */
    tensorfile_text_print(text, "), }");
    while (!text->failed && text->length % 64 != 63) tensorfile_text_append(text, " ", 1);
    tensorfile_text_append(text, "\n", 1);
    if (text->failed) return tensorfile_fail(error, "out of memory");
    text->data[8] = (char)(text->length - 10);
    text->data[9] = (char)((text->length - 10) >> 8);
    return 1;
}

static int tensorfile_write_npy(TensorFileWriter *writer, const TensorFile *file)
{
    TensorFileText text = {NULL, 0, 0, 0};
    if (file->count != 1)
        return tensorfile_fail(writer->error, ".npy holds one tensor, not %zu; save .npz or .safetensors", file->count);
    int ok = tensorfile_npy_text(&text, file->tensors, writer->error) &&
             tensorfile_write(writer, text.data, text.length) &&
             tensorfile_write(writer, file->tensors[0].data, file->tensors[0].bytes);
    free(text.data);
    return ok;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 7  Zip archives                                                  (PKWARE's APPNOTE 6.3; RFC 1951 for deflate)
 *
 *      +--------------+------+--------------+------+-----+--------------------------+----------------+
 *      | local header | data | local header | data | ... | central directory:       | end record:    |
 *      | 30 + name    |      |              |      |     | 46 + name for each entry | where, how many|
 *      +--------------+------+--------------+------+-----+--------------------------+----------------+
 *
 * One reads from the end: end record, central directory, and only then the data. Sizes and offsets are 32 bits; where
 * these are full of ones the true 64-bit numbers stand in an extra field (zip64). The central directory is believed,
 * the local header is asked only for its own length. The compressed sizes together must fit into the file: thus entries
 * cannot share data, and memory is bounded by deflate's best ratio, 1032 : 1, and by the reader's budget.
 * ---------------------------------------------------------------------------------------------------------------- */

/* CRC-32 eight bytes at a step: table[k][b] is the remainder of byte b followed by k zero bytes. */
typedef struct {
    uint32_t table[8][256];
} TensorFileCrc;

static void tensorfile_crc_prepare(TensorFileCrc *crc)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t remainder = b;
        for (int bit = 0; bit < 8; bit++) remainder = remainder >> 1 ^ (remainder & 1 ? 0xEDB88320u : 0);
        crc->table[0][b] = remainder;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++)
            crc->table[k][b] = crc->table[k - 1][b] >> 8 ^ crc->table[0][crc->table[k - 1][b] & 255];
}

/* The CRC of what came before (0 at the start) and `size` further bytes. */
static uint32_t tensorfile_crc_update(const TensorFileCrc *crc, uint32_t value, const uint8_t *p, size_t size)
{
    const uint32_t (*table)[256] = crc->table;
    value = ~value;
    for (; size >= 8; size -= 8, p += 8) {
        uint32_t low = tensorfile_u32(p) ^ value, high = tensorfile_u32(p + 4);
        value = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
                table[3][high & 255] ^ table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; size > 0; size--, p++) value = value >> 8 ^ table[0][(value ^ *p) & 255];
    return ~value;
}

/* Inflate. A deflate stream is a chain of blocks: stored, or Huffman-coded with a fixed code or with one that the
 * block describes. Symbols below 256 are bytes, 256 ends the block, the others are lengths of copies from earlier
 * output, each followed by a distance. Bits are taken from the low end of each byte; a Huffman code's first bit
 * comes first. */
typedef struct {
    const uint8_t *in, *in_end;
    uint8_t *out;
    size_t position, size;
    uint64_t bits;
    int n_bits;
} TensorFileInflate;

#define TENSORFILE_FAST_BITS 9

/* A canonical code: codes of one length are consecutive numbers. Short codes are looked up, longer ones found by
 * length. */
typedef struct {
    uint16_t fast[1 << TENSORFILE_FAST_BITS];   /* by the next 9 bits: symbol << 4 | length, 0 if the code is longer */
    uint16_t symbols[288];                      /* in the order of their codes */
    uint32_t first_code[16], first_index[16], n_codes[16];
} TensorFileHuffman;

static void tensorfile_refill(TensorFileInflate *s)
{
    for (; s->n_bits <= 56 && s->in < s->in_end; s->n_bits += 8) s->bits |= (uint64_t)*s->in++ << s->n_bits;
}

/* The next n bits (n <= 16); -1 if the input ends before. */
static int tensorfile_bits(TensorFileInflate *s, int n)
{
    tensorfile_refill(s);
    if (s->n_bits < n) return -1;
    int value = (int)(s->bits & ((1u << n) - 1));
    s->bits >>= n;
    s->n_bits -= n;
    return value;
}

static uint32_t tensorfile_reverse_bits(uint32_t code, int length)
{
    uint32_t reversed = 0;
    for (int i = 0; i < length; i++) reversed |= (code >> i & 1) << (length - 1 - i);
    return reversed;
}

/* Builds the code from the symbols' code lengths (0: unused); fails if more codes are asked for than fit. */
static int tensorfile_huffman(TensorFileHuffman *h, const uint8_t *lengths, int n)
{
    uint32_t code = 0, index = 0, next[16];
    memset(h, 0, sizeof *h);
    for (int i = 0; i < n; i++) h->n_codes[lengths[i]] += lengths[i] != 0;
    for (int length = 1; length < 16; length++) {
        code = (code + h->n_codes[length - 1]) << 1;
        if (code + h->n_codes[length] > 1u << length) return 0;
        h->first_code[length] = code;
        h->first_index[length] = next[length] = index;
        index += h->n_codes[length];
    }
    for (int i = 0; i < n; i++) {
        int length = lengths[i];
        if (length == 0) continue;
        uint32_t at = next[length]++, this_code = h->first_code[length] + at - h->first_index[length];
        h->symbols[at] = (uint16_t)i;
        if (length > TENSORFILE_FAST_BITS) continue;
        uint32_t slot = tensorfile_reverse_bits(this_code, length);
        for (; slot < 1u << TENSORFILE_FAST_BITS; slot += 1u << length)
            h->fast[slot] = (uint16_t)(i << 4 | length);
    }
    return 1;
}

/* The next symbol; -1 if the input ends or its bits are no code. */
static int tensorfile_symbol(TensorFileInflate *s, const TensorFileHuffman *h)
{
    tensorfile_refill(s);
    uint32_t entry = h->fast[s->bits & ((1u << TENSORFILE_FAST_BITS) - 1)], code = 0;
    int length = (int)(entry & 15), symbol = entry ? (int)(entry >> 4) : -1;
    while (symbol < 0 && length < 15) {
        code = code << 1 | (uint32_t)(s->bits >> length++ & 1);
        uint32_t rank = code - h->first_code[length];
        if (code >= h->first_code[length] && rank < h->n_codes[length])
            symbol = h->symbols[h->first_index[length] + rank];
    }
    if (symbol < 0 || length > s->n_bits) return -1;
    s->bits >>= length;
    s->n_bits -= length;
    return symbol;
}

static int tensorfile_inflate_stored(TensorFileInflate *s)
{
    tensorfile_bits(s, s->n_bits % 8);                                  /* to the next byte */
    int length = tensorfile_bits(s, 16), complement = tensorfile_bits(s, 16);
    if (length < 0 || complement < 0 || (length ^ complement) != 0xFFFF) return 0;
    s->in -= s->n_bits / 8;                                             /* give back the bytes that were read ahead */
    s->bits = 0;
    s->n_bits = 0;
    if (length > s->in_end - s->in || (size_t)length > s->size - s->position) return 0;
    if (length) memcpy(s->out + s->position, s->in, (size_t)length);
    s->in += length;
    s->position += (size_t)length;
    return 1;
}

static int tensorfile_inflate_copy(TensorFileInflate *s, int symbol, const TensorFileHuffman *distances)
{
    static const uint16_t length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                             31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                            2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[30] = {1,   2,   3,   4,   5,    7,    9,    13,   17,   25,
                                               33,  49,  65,  97,  129,  193,  257,  385,  513,  769,
                                               1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    if (symbol > 285) return 0;
    int more = tensorfile_bits(s, length_bits[symbol - 257]), code = tensorfile_symbol(s, distances);
    if (more < 0 || code < 0 || code > 29) return 0;
    int far = tensorfile_bits(s, code < 2 ? 0 : code / 2 - 1);
    size_t length = (size_t)(length_base[symbol - 257] + more), distance = (size_t)(distance_base[code] + far);
    if (far < 0 || distance > s->position || length > s->size - s->position) return 0;
    for (size_t i = 0; i < length; i++, s->position++) s->out[s->position] = s->out[s->position - distance];
    return 1;
}

static int tensorfile_inflate_coded(TensorFileInflate *s, const TensorFileHuffman *symbols,
                                    const TensorFileHuffman *distances)
{
    for (;;) {
        int symbol = tensorfile_symbol(s, symbols);
        if (symbol < 0) return 0;
        if (symbol == 256) return 1;
        if (symbol > 256) {
            if (!tensorfile_inflate_copy(s, symbol, distances)) return 0;
        } else {
            if (s->position == s->size) return 0;
            s->out[s->position++] = (uint8_t)symbol;
        }
    }
}

/* The code lengths of a dynamic block are themselves Huffman-coded, with repeats: 16 the last one, 17 and 18 zeros. */
static int tensorfile_inflate_lengths(TensorFileInflate *s, uint8_t *lengths, int n)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    TensorFileHuffman code;
    uint8_t code_lengths[19] = {0};
    int n_code_lengths = tensorfile_bits(s, 4) + 4;
    for (int i = 0; i < n_code_lengths; i++) {
        int length = tensorfile_bits(s, 3);
        if (length < 0) return 0;
        code_lengths[order[i]] = (uint8_t)length;
    }
    if (!tensorfile_huffman(&code, code_lengths, 19)) return 0;
    for (int i = 0; i < n;) {
        int symbol = tensorfile_symbol(s, &code);
        if (symbol < 0 || (symbol == 16 && i == 0)) return 0;
        int extra = symbol < 16 ? 0 : tensorfile_bits(s, symbol == 16 ? 2 : symbol == 17 ? 3 : 7);
        int repeat = symbol < 16 ? 1 : extra + (symbol == 18 ? 11 : 3);
        if (extra < 0 || repeat > n - i) return 0;
        uint8_t value = (uint8_t)(symbol < 16 ? symbol : symbol == 16 ? lengths[i - 1] : 0);
        for (; repeat > 0; repeat--) lengths[i++] = value;
    }
    return 1;
}

static int tensorfile_inflate_block(TensorFileInflate *s, int dynamic)
{
    TensorFileHuffman symbols, distances;
    uint8_t lengths[288 + 32] = {0};
    int n_symbols = 288, n_distances = 30;
    if (dynamic) {
        n_symbols = tensorfile_bits(s, 5) + 257;
        n_distances = tensorfile_bits(s, 5) + 1;
        if (n_symbols > 286 || n_distances > 30 || n_symbols < 257 || n_distances < 1) return 0;
        if (!tensorfile_inflate_lengths(s, lengths, n_symbols + n_distances)) return 0;
    } else {
        for (int i = 0; i < 288; i++) lengths[i] = (uint8_t)(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
        memset(lengths + 288, 5, 30);
    }
    return tensorfile_huffman(&symbols, lengths, n_symbols) &&
           tensorfile_huffman(&distances, lengths + n_symbols, n_distances) &&
           tensorfile_inflate_coded(s, &symbols, &distances);
}

/* Inflates into exactly `size` bytes. */
static int tensorfile_inflate(const uint8_t *in, size_t in_size, uint8_t *out, size_t size)
{
    TensorFileInflate s = {in, in + in_size, out, 0, size, 0, 0};
    int last = 0;
    while (!last) {
        last = tensorfile_bits(&s, 1);
        int kind = tensorfile_bits(&s, 2);
        if (last < 0 || kind < 0 || kind > 2) return 0;
        if (!(kind == 0 ? tensorfile_inflate_stored(&s) : tensorfile_inflate_block(&s, kind == 2))) return 0;
    }
    return s.position == size;
}

typedef struct {
    const char *name;                       /* in the file, not terminated */
    size_t name_length;
    uint32_t flags, method, crc;
    uint64_t compressed, size, header;      /* header: offset of the local header */
    int ready;                              /* data is found and its CRC checked */
    const uint8_t *data;
    uint8_t *inflated;                      /* data, if it had to be inflated */
} TensorFileMember;

typedef struct {
    TensorFileMember *members;              /* in the directory's order */
    TensorFileMember **by_name;             /* the same, sorted */
    size_t count;
    uint64_t directory;                     /* offset of the central directory, where the data ends */
    TensorFileCrc crc;
} TensorFileZip;

static int tensorfile_compare_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int order = shorter ? memcmp(a, b, shorter) : 0;
    return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int tensorfile_compare_members(const void *a, const void *b)
{
    const TensorFileMember *x = *(TensorFileMember *const *)a, *y = *(TensorFileMember *const *)b;
    return tensorfile_compare_text(x->name, x->name_length, y->name, y->name_length);
}

static TensorFileMember *tensorfile_zip_find(const TensorFileZip *zip, const char *name, size_t length)
{
    TensorFileMember wanted, *key = &wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.name = name;
    wanted.name_length = length;
    if (!zip->count) return NULL;
    void *found = bsearch(&key, zip->by_name, zip->count, sizeof key, tensorfile_compare_members);
    return found ? *(TensorFileMember **)found : NULL;
}

/* Finds the end record (a comment may follow it) and, from it or its zip64 form, the central directory. */
static int tensorfile_zip_end(TensorFileReader *reader, TensorFileZip *zip, uint64_t *count, uint64_t *size)
{
    const uint8_t *bytes = reader->bytes;
    size_t end = reader->size, comment = 0;
    while (comment <= 0xFFFF && comment + 22 <= reader->size) {
        size_t at = reader->size - 22 - comment;
        if (memcmp(bytes + at, "PK\5\6", 4) == 0 && tensorfile_u16(bytes + at + 20) == comment) {
            end = at;
            break;
        }
        comment++;
    }
    if (end == reader->size)
        return tensorfile_fail(reader->error, "zip archive without an end record: file cut short?");
    *count = tensorfile_u16(bytes + end + 10);
    *size = tensorfile_u32(bytes + end + 12);
    zip->directory = tensorfile_u32(bytes + end + 16);
    if (end >= 20 && memcmp(bytes + end - 20, "PK\6\7", 4) == 0) {
        uint64_t at = tensorfile_u64(bytes + end - 12);
        end -= 20;
        if (end < 56 || at > end - 56 || memcmp(bytes + at, "PK\6\6", 4) != 0)
            return tensorfile_fail(reader->error, "zip64 end record is not at offset %llu", (unsigned long long)at);
        *count = tensorfile_u64(bytes + at + 32);
        *size = tensorfile_u64(bytes + at + 40);
        zip->directory = tensorfile_u64(bytes + at + 48);
        end = (size_t)at;
    }
    if (zip->directory > end || *size > end - zip->directory || *count > *size / 46)
        return tensorfile_fail(reader->error, "zip directory does not fit the file: %llu entries in %llu bytes at %llu",
                               (unsigned long long)*count, (unsigned long long)*size,
                               (unsigned long long)zip->directory);
    return 1;
}

/* Extra field 1 holds, in this order, those of the three numbers that were too large for 32 bits. */
static int tensorfile_zip64_extra(TensorFileMember *member, const uint8_t *p, size_t size)
{
    uint64_t *numbers[3] = {&member->size, &member->compressed, &member->header};
    while (size >= 4) {
        size_t length = tensorfile_u16(p + 2);
        if (length > size - 4) return 0;
        const uint8_t *field = p + 4;
        for (int i = 0; tensorfile_u16(p) == 1 && i < 3; i++) {
            if (*numbers[i] != 0xFFFFFFFFu) continue;
            if (length - (size_t)(field - p - 4) < 8) return 0;
            *numbers[i] = tensorfile_u64(field);
            field += 8;
        }
        p += 4 + length;
        size -= 4 + length;
    }
    return 1;
}

static int tensorfile_zip_members(TensorFileReader *reader, TensorFileZip *zip, uint64_t directory_size)
{
    const uint8_t *p = reader->bytes + zip->directory, *end = p + directory_size;
    uint64_t left = zip->directory;
    for (size_t i = 0; i < zip->count; i++) {
        TensorFileMember *member = &zip->members[i];
        if (end - p < 46 || memcmp(p, "PK\1\2", 4) != 0)
            return tensorfile_fail(reader->error, "zip directory entry expected at offset %zu",
                                   (size_t)(p - reader->bytes));
        size_t name = tensorfile_u16(p + 28), extra = tensorfile_u16(p + 30), comment = tensorfile_u16(p + 32);
        member->flags = tensorfile_u16(p + 8);
        member->method = tensorfile_u16(p + 10);
        member->crc = tensorfile_u32(p + 16);
        member->compressed = tensorfile_u32(p + 20);
        member->size = tensorfile_u32(p + 24);
        member->header = tensorfile_u32(p + 42);
        member->name = (const char *)p + 46;
        member->name_length = name;
        if ((size_t)(end - p) - 46 < name + extra + comment || !tensorfile_zip64_extra(member, p + 46 + name, extra))
            return tensorfile_fail(reader->error, "zip directory entry at offset %zu is damaged",
                                   (size_t)(p - reader->bytes));
        if (member->compressed > left)
            return tensorfile_fail(reader->error, "zip entry '%.*s': its size exceeds the file, or entries overlap",
                                   (int)name, member->name);
        left -= member->compressed;
        p += 46 + name + extra + comment;
    }
    return 1;
}

static void tensorfile_zip_close(TensorFileZip *zip)
{
    for (size_t i = 0; i < zip->count; i++) free(zip->members[i].inflated);
    free(zip->members);
    free(zip->by_name);
}

/* Reads the directory; tensorfile_zip_close in every case. */
static int tensorfile_zip_open(TensorFileReader *reader, TensorFileZip *zip)
{
    uint64_t count = 0, size = 0;
    memset(zip, 0, sizeof *zip);
    tensorfile_crc_prepare(&zip->crc);
    if (!tensorfile_zip_end(reader, zip, &count, &size)) return 0;
    zip->members = (TensorFileMember *)calloc((size_t)count + 1, sizeof *zip->members);
    zip->by_name = (TensorFileMember **)calloc((size_t)count + 1, sizeof *zip->by_name);
    if (!zip->members || !zip->by_name) return tensorfile_fail(reader->error, "out of memory");
    zip->count = (size_t)count;
    if (!tensorfile_zip_members(reader, zip, size)) return 0;
    for (size_t i = 0; i < zip->count; i++) zip->by_name[i] = &zip->members[i];
    qsort(zip->by_name, zip->count, sizeof *zip->by_name, tensorfile_compare_members);
    for (size_t i = 1; i < zip->count; i++)
        if (tensorfile_compare_members(&zip->by_name[i - 1], &zip->by_name[i]) == 0)
            return tensorfile_fail(reader->error, "two zip entries are named '%.*s'", (int)zip->by_name[i]->name_length,
                                   zip->by_name[i]->name);
    return 1;
}

/* Finds, inflates if needed and checks a member's data. Returns NULL, or why that failed. */
static const char *tensorfile_zip_extract(TensorFileReader *reader, const TensorFileZip *zip, TensorFileMember *member)
{
    uint64_t end = zip->directory;
    if (member->flags & 1) return "is encrypted";
    if (member->method != 0 && member->method != 8) return "is compressed with a method other than deflate";
    if (end < 30 || member->header > end - 30 || memcmp(reader->bytes + member->header, "PK\3\4", 4) != 0)
        return "has no local header where the directory says";
    const uint8_t *local = reader->bytes + member->header;
    uint64_t start = member->header + 30 + tensorfile_u16(local + 26) + tensorfile_u16(local + 28);
    if (start > end || member->compressed > end - start) return "reaches past the end of the data";
    member->data = reader->bytes + start;
    if (member->method == 0 && member->size != member->compressed) return "is stored, but its two sizes differ";
    if (member->method == 8) {
        if (member->size / 1032 > member->compressed || member->size >= (uint64_t)PTRDIFF_MAX)
            return "claims to be larger than deflate could make it";
        if (member->size >= reader->budget) return "would take more memory than the limit allows";
        member->inflated = (uint8_t *)malloc((size_t)member->size + 1);
        if (!member->inflated) return "is too large for the memory";
        if (!tensorfile_inflate(member->data, (size_t)member->compressed, member->inflated, (size_t)member->size))
            return "holds damaged deflate data";
        member->data = member->inflated;
        reader->budget -= member->size;
    }
    /* 0: torch can be told not to compute it (torch.serialization.set_crc32_options). */
    if (member->crc && tensorfile_crc_update(&zip->crc, 0, member->data, (size_t)member->size) != member->crc)
        return "is damaged (CRC-32 differs)";
    member->ready = 1;
    return NULL;
}

static int tensorfile_zip_read(TensorFileReader *reader, const TensorFileZip *zip, TensorFileMember *member)
{
    const char *problem = member->ready ? NULL : tensorfile_zip_extract(reader, zip, member);
    if (!problem) return 1;
    return tensorfile_fail(reader->error, "zip entry '%.*s' (%llu bytes) %s",
                           (int)(member->name_length < 80 ? member->name_length : 80), member->name,
                           (unsigned long long)member->size, problem);
}

/* ------------------------------------------------------------------------------------------------------------------
 * 8  NumPy's .npz: a zip archive of .npy files
 *
 * Written members are stored, not deflated (trained weights hardly compress). Every member gets zip64 fields, as NumPy
 * itself writes them: one code for all sizes, so that the one for 4 GB is the one that is tested. The header comes
 * before the data and holds its CRC-32, so the data is read twice rather than copied. A second extra field, which
 * readers skip, pads the header so that the elements begin at a multiple of 64 and can be mapped.
 * ---------------------------------------------------------------------------------------------------------------- */

static int tensorfile_read_npz(TensorFileReader *reader, TensorFileZip *zip)
{
    char detail[TENSORFILE_ERROR_SIZE], *error = reader->error;
    const TensorFileMember *other = NULL;
    size_t arrays = 0;
    int keras = 0;
    reader->file->format = "npz";
    for (size_t i = 0; i < zip->count; i++) {
        TensorFileMember *member = &zip->members[i];
        size_t length = member->name_length;
        keras = keras || (length == 16 && memcmp(member->name, "model.weights.h5", 16) == 0);
        if (length < 4 || memcmp(member->name + length - 4, ".npy", 4) != 0) {
            if (!other) other = member;
            if (!tensorfile_skip(reader, member->name, length, "not an array (.npy)")) return 0;
            continue;
        }
        arrays++;
        if (!tensorfile_zip_read(reader, zip, member)) return 0;
        reader->error = detail;
        int ok = tensorfile_read_array(reader, member->data, (size_t)member->size, member->name, length - 4,
                                       !member->inflated);
        reader->error = error;
        if (!ok) return tensorfile_fail(error, "'%.*s': %s", (int)(length < 60 ? length : 60), member->name, detail);
        if (member->inflated) reader->budget += member->size;
        free(member->inflated);
        member->inflated = NULL;
    }
    if (arrays || !other) return 1;
    if (keras) return tensorfile_fail(error, "a Keras file (.keras): save its weights with numpy.savez instead");
    return tensorfile_fail(error, "a zip archive neither of torch.save nor of numpy.savez: it holds '%.*s'",
                           (int)(other->name_length < 60 ? other->name_length : 60), other->name);
}

static void tensorfile_text_number(TensorFileText *text, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8) {
        char byte = (char)(value & 255);
        tensorfile_text_append(text, &byte, 1);
    }
}

typedef struct {
    uint64_t offset, size;
    uint32_t crc;
} TensorFileStored;

/* What local header and directory entry share, from "version needed" to the name's length. No time: same content, same
 * bytes (1 January 1980 is the earliest day that zip can say). Flag 0x800: the name is UTF-8. */
static void tensorfile_zip_common(TensorFileText *text, const TensorFileStored *stored, size_t name_length)
{
    tensorfile_text_number(text, 45, 2);                        /* version 4.5: zip64 */
    tensorfile_text_number(text, 0x800, 2);
    tensorfile_text_number(text, 0, 2);                         /* method: stored */
    tensorfile_text_number(text, 0x00210000, 4);
    tensorfile_text_number(text, stored->crc, 4);
    tensorfile_text_number(text, 0xFFFFFFFFFFFFFFFFu, 8);       /* both sizes: see the zip64 field */
    tensorfile_text_number(text, name_length, 2);
}

typedef struct {
    TensorFileWriter *writer;
    TensorFileCrc crc;
    TensorFileText directory;           /* goes behind the last member */
    uint64_t count;
} TensorFileZipWriter;

static void tensorfile_text_directory_entry(TensorFileText *text, const char *name, const TensorFileStored *stored)
{
    size_t length = strlen(name);
    tensorfile_text_append(text, "PK\1\2", 4);
    tensorfile_text_number(text, 45, 2);                        /* made by version 4.5 */
    tensorfile_zip_common(text, stored, length);
    tensorfile_text_number(text, 28, 2);                        /* bytes of extra fields */
    tensorfile_text_number(text, 0, 2);                         /* comment */
    tensorfile_text_number(text, 0, 8);                         /* disk, attributes */
    tensorfile_text_number(text, 0xFFFFFFFFu, 4);               /* offset: see the zip64 field */
    tensorfile_text_append(text, name, length);
    tensorfile_text_number(text, 24 << 16 | 1, 4);              /* zip64: field 1, 24 bytes */
    tensorfile_text_number(text, stored->size, 8);
    tensorfile_text_number(text, stored->size, 8);
    tensorfile_text_number(text, stored->offset, 8);
}

/* Writes one member, `head` (freed) and then `bytes` of data, so that the data stand at a multiple of 64 where the
 * head's length is one. */
static int tensorfile_write_member(TensorFileZipWriter *zip, const char *name, TensorFileText *head, const void *data,
                                   size_t bytes)
{
    static const char zeros[64] = {0};
    TensorFileWriter *writer = zip->writer;
    TensorFileText header = {NULL, 0, 0, 0};
    size_t length = strlen(name);
    TensorFileStored stored = {writer->offset, head->length + bytes, 0};
    int ok = !head->failed || tensorfile_fail(writer->error, "out of memory");
    if (ok && length > 0xFFFF)
        ok = tensorfile_fail(writer->error, "tensor '%.60s...': the name is too long for zip", name);
    if (ok) {
        if (head->length) stored.crc = tensorfile_crc_update(&zip->crc, 0, (const uint8_t *)head->data, head->length);
        if (bytes) stored.crc = tensorfile_crc_update(&zip->crc, stored.crc, (const uint8_t *)data, bytes);
        tensorfile_text_append(&header, "PK\3\4", 4);
        tensorfile_zip_common(&header, &stored, length);
        size_t padding = (size_t)(64 - (stored.offset + 30 + length + 24) % 64) % 64;
        tensorfile_text_number(&header, 24 + padding, 2);           /* bytes of extra fields */
        tensorfile_text_append(&header, name, length);
        tensorfile_text_number(&header, 16 << 16 | 1, 4);           /* zip64: field 1, 16 bytes */
        tensorfile_text_number(&header, stored.size, 8);
        tensorfile_text_number(&header, stored.size, 8);
        tensorfile_text_number(&header, padding << 16 | 0x4246, 4); /* padding: the field torch.save uses for it */
        tensorfile_text_append(&header, zeros, padding);
        tensorfile_text_append(&header, head->data, head->length);
        tensorfile_text_directory_entry(&zip->directory, name, &stored);
        zip->count++;
        ok = tensorfile_write_text(writer, &header) && tensorfile_write(writer, data, bytes);
    }
    free(head->data);
    return ok;
}

static void tensorfile_text_end(TensorFileText *text, uint64_t count, uint64_t directory)
{
    uint64_t size = text->length;
    tensorfile_text_append(text, "PK\6\6", 4);                  /* zip64 end record */
    tensorfile_text_number(text, 44, 8);                        /* its size from here */
    tensorfile_text_number(text, 45 << 16 | 45, 4);             /* made by, needed */
    tensorfile_text_number(text, 0, 8);                         /* disks */
    tensorfile_text_number(text, count, 8);
    tensorfile_text_number(text, count, 8);
    tensorfile_text_number(text, size, 8);
    tensorfile_text_number(text, directory, 8);
    tensorfile_text_append(text, "PK\6\7", 4);                  /* its locator */
    tensorfile_text_number(text, 0, 4);
    tensorfile_text_number(text, directory + size, 8);
    tensorfile_text_number(text, 1, 4);
    tensorfile_text_append(text, "PK\5\6", 4);                  /* end record */
    tensorfile_text_number(text, 0, 4);
    tensorfile_text_number(text, count < 0xFFFF ? count : 0xFFFF, 2);
    tensorfile_text_number(text, count < 0xFFFF ? count : 0xFFFF, 2);
    tensorfile_text_number(text, size < 0xFFFFFFFFu ? size : 0xFFFFFFFFu, 4);
    tensorfile_text_number(text, directory < 0xFFFFFFFFu ? directory : 0xFFFFFFFFu, 4);
    tensorfile_text_number(text, 0, 2);
}

/* The directory and the zip's end, unless something failed before. */
static int tensorfile_zip_finish(TensorFileZipWriter *zip, int ok)
{
    if (ok) tensorfile_text_end(&zip->directory, zip->count, zip->writer->offset);
    if (ok) return tensorfile_write_text(zip->writer, &zip->directory);
    free(zip->directory.data);
    return 0;
}

static TensorFileZipWriter tensorfile_zip_begin(TensorFileWriter *writer)
{
    TensorFileZipWriter zip;
    memset(&zip, 0, sizeof zip);
    zip.writer = writer;
    tensorfile_crc_prepare(&zip.crc);
    return zip;
}

static int tensorfile_write_npz(TensorFileWriter *writer, const TensorFile *file)
{
    TensorFileZipWriter zip = tensorfile_zip_begin(writer);
    int ok = 1;
    for (size_t i = 0; ok && i < file->count; i++) {
        const TensorEntry *entry = &file->tensors[i];
        TensorFileText name = {NULL, 0, 0, 0}, array = {NULL, 0, 0, 0};
        ok = tensorfile_is_utf8(entry->name) ||
             tensorfile_fail(writer->error, "tensor name '%.80s' is not UTF-8", entry->name);
        tensorfile_text_append(&name, entry->name, strlen(entry->name));
        tensorfile_text_append(&name, ".npy", 5);               /* with its final zero */
        if (name.failed) ok = tensorfile_fail(writer->error, "out of memory");
        ok = ok && tensorfile_npy_text(&array, entry, writer->error);
        if (ok) ok = tensorfile_write_member(&zip, name.data, &array, entry->data, entry->bytes);
        else free(array.data);
        free(name.data);
    }
    return tensorfile_zip_finish(&zip, ok);
}

/* ------------------------------------------------------------------------------------------------------------------
 * 9  Pickles, read as data
 *
 * A pickle is a program for a stack machine: push a number, push a string, collect what lies above the mark into a
 * list, store the top in the memo, call a function. Python executes it, and therefore a pickle can do anything. This
 * machine (protocols 0 to 5, see CPython's pickletools) only builds a tree of values. A "call" is a lookup in a short
 * list: what builds tensors and ordered dicts is understood, anything else becomes an opaque value that nobody looks
 * into; only what is put into it as into a dict or a list is kept.
 *
 *      X bias        c torch._utils _rebuild_tensor_v2   ( ( X storage  c torch FloatStorage  X 0 X cpu K 8 t Q .. t R
 *      push string   push global                         |   `--------- tuple -> storage "0", 8 floats --'      |
 *                                                        `----------------- tuple of arguments -----------------' call
 *
 * Every opcode makes at most one value and pushes at most one pointer, so memory is proportional to the pickle's
 * length.
 * ---------------------------------------------------------------------------------------------------------------- */

#define TENSORFILE_PICKLE_MEMORY ((size_t)1 << 30)

typedef enum {
    TENSORFILE_PLAIN,               /* None, a float, bytes (text): values that no torch tensor needs */
    TENSORFILE_INTEGER,             /* also True and False */
    TENSORFILE_STRING,
    TENSORFILE_TUPLE,
    TENSORFILE_LIST,
    TENSORFILE_DICT,                /* items: key, value, key, value, ... */
    TENSORFILE_GLOBAL,              /* text: "module.name" of a class or function */
    TENSORFILE_STORAGE,
    TENSORFILE_VIEW,                /* a tensor: a view of a storage */
    TENSORFILE_ARRAY,               /* a NumPy array that BUILD will fill */
    TENSORFILE_DTYPE,               /* text: "f4"; integer: whether it is big-endian */
    TENSORFILE_OPAQUE               /* text: what made it, or NULL; integer: 1 if text says what it is instead */
} TensorFileKind;

static const char *tensorfile_kind_name(TensorFileKind kind)
{
    static const char *const names[] = {"None, a float or bytes", "an integer", "a string",     "a tuple",
                                        "a list",                 "a dict",     "a class",      "a storage",
                                        "a tensor",               "an array",   "a NumPy type", "an object"};
    return names[kind];
}

typedef struct TensorFileStorage {
    struct TensorFileStorage *next;
    TensorType type;
    const char *foreign;            /* the storage's class, if it is none of our types */
    size_t size;                    /* bytes of an element; 0: not known */
    const char *key;
    size_t key_length;
    int64_t root_count;             /* elements under this key in the file */
    int64_t begin, count;           /* the part of them that this storage is */
    const uint8_t *data;            /* filled in after the pickle, with borrow: whether it lives as long as the input */
    int borrow;
} TensorFileStorage;

typedef struct {
    TensorFileStorage *storage;
    TensorEntry entry;              /* its type, shape and bytes as they will be here */
    const TensorFileForeign *foreign;
    int big_endian;
    int64_t offset, strides[TENSORFILE_MAX_RANK];           /* in elements as they are in the file */
} TensorFileView;

typedef struct TensorFileValue {
    TensorFileKind kind;
    int64_t integer;
    const char *text;
    size_t length;                              /* of text, or of items */
    size_t capacity;
    struct TensorFileValue **items;
    union {
        TensorFileStorage *storage;
        TensorFileView *view;
    };
} TensorFileValue;

typedef struct TensorFileChunk {
    struct TensorFileChunk *next;
    size_t used, size;
} TensorFileChunk;

typedef struct {
    TensorFileReader *reader;
    const uint8_t *begin, *at, *end;
    int borrow;                                 /* whether the program lives as long as the input */
    TensorFileChunk *chunks;                    /* memory of all values, freed as a whole */
    size_t memory;
    TensorFileValue **stack, **memo;
    size_t *marks;
    size_t depth, stack_capacity, n_memo, memo_capacity, n_marks, marks_capacity;
    TensorFileStorage *storages;                /* all, newest first */
    const char *opaque;                         /* the first object that was left out */
} TensorFilePickle;

TENSORFILE_PRINTF(2) static int tensorfile_pickle_fail(TensorFilePickle *pickle, const char *format, ...)
{
    char detail[TENSORFILE_ERROR_SIZE - 40];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return tensorfile_fail(pickle->reader->error, "pickle, byte %zu: %s", (size_t)(pickle->at - pickle->begin), detail);
}

/* Zeroed memory that lives until tensorfile_pickle_free. */
static void *tensorfile_pickle_allocate(TensorFilePickle *pickle, size_t size)
{
    const size_t header = (sizeof(TensorFileChunk) + 15) & ~(size_t)15;
    TensorFileChunk *chunk = pickle->chunks;
    size_t most = pickle->reader->limit < TENSORFILE_PICKLE_MEMORY ? (size_t)pickle->reader->limit
                                                                   : TENSORFILE_PICKLE_MEMORY;
    if (size > most - (pickle->memory < most ? pickle->memory : most)) {
        tensorfile_pickle_fail(pickle, "needs more than %zu MiB of memory", most >> 20);
        return NULL;
    }
    size = (size + 15) & ~(size_t)15;
    if (!chunk || size > chunk->size - chunk->used) {
        size_t room = size > 16384 - header ? size : 16384 - header;
        chunk = (TensorFileChunk *)calloc(1, header + room);
        if (!chunk) {
            tensorfile_pickle_fail(pickle, "out of memory");
            return NULL;
        }
        chunk->size = room;
        chunk->next = pickle->chunks;
        pickle->chunks = chunk;
        size_t left = TENSORFILE_PICKLE_MEMORY - pickle->memory;
        pickle->memory += room < left ? room : left;
    }
    void *memory = (char *)chunk + header + chunk->used;
    chunk->used += size;
    return memory;
}

static void tensorfile_pickle_free(TensorFilePickle *pickle)
{
    while (pickle->chunks) {
        TensorFileChunk *next = pickle->chunks->next;
        free(pickle->chunks);
        pickle->chunks = next;
    }
    free(pickle->stack);
    free(pickle->memo);
    free(pickle->marks);
}

/* Makes room for element `index` of a heap array. */
static int tensorfile_pickle_grow(TensorFilePickle *pickle, void **array, size_t *capacity, size_t index,
                                  size_t element)
{
    if (index < *capacity) return 1;
    size_t wanted = (index + 1) * 2 + 64;
    void *grown = realloc(*array, wanted * element);
    if (!grown) return tensorfile_pickle_fail(pickle, "out of memory");
    memset((char *)grown + *capacity * element, 0, (wanted - *capacity) * element);
    *array = grown;
    *capacity = wanted;
    return 1;
}

static TensorFileValue *tensorfile_pickle_value(TensorFilePickle *pickle, TensorFileKind kind)
{
    TensorFileValue *value = (TensorFileValue *)tensorfile_pickle_allocate(pickle, sizeof *value);
    if (value) value->kind = kind;
    return value;
}

static int tensorfile_pickle_push(TensorFilePickle *pickle, TensorFileValue *value)
{
    void *stack = pickle->stack;
    if (!value ||
        !tensorfile_pickle_grow(pickle, &stack, &pickle->stack_capacity, pickle->depth, sizeof *pickle->stack))
        return 0;
    pickle->stack = (TensorFileValue **)stack;
    pickle->stack[pickle->depth++] = value;
    return 1;
}

static int tensorfile_pickle_push_integer(TensorFilePickle *pickle, int64_t integer)
{
    TensorFileValue *value = tensorfile_pickle_value(pickle, TENSORFILE_INTEGER);
    if (value) value->integer = integer;
    return tensorfile_pickle_push(pickle, value);
}

/* A value that nobody looks into; text says what made it or, if is_description, what it is. */
static TensorFileValue *tensorfile_pickle_opaque(TensorFilePickle *pickle, const char *text, int is_description)
{
    TensorFileValue *value = tensorfile_pickle_value(pickle, TENSORFILE_OPAQUE);
    if (!value) return NULL;
    value->text = text;
    value->integer = is_description;
    return value;
}

/* The same with a description that is put together; `format` has one %s, and what it makes is cut at 120 bytes. */
static TensorFileValue *tensorfile_pickle_describe(TensorFilePickle *pickle, const char *format, const char *what)
{
    char *text = (char *)tensorfile_pickle_allocate(pickle, 120);
    if (text) snprintf(text, 120, format, what);
    return text ? tensorfile_pickle_opaque(pickle, text, 1) : NULL;
}

static int tensorfile_pickle_push_kind(TensorFilePickle *pickle, TensorFileKind kind)
{
    return tensorfile_pickle_push(pickle, tensorfile_pickle_value(pickle, kind));
}

/* The n-th value from the top (0: the top itself) above the last mark; NULL if there is none. */
static TensorFileValue *tensorfile_pickle_top(TensorFilePickle *pickle, size_t n)
{
    size_t floor = pickle->n_marks ? pickle->marks[pickle->n_marks - 1] : 0;
    if (pickle->depth - floor > n) return pickle->stack[pickle->depth - 1 - n];
    tensorfile_pickle_fail(pickle, "the stack is empty");
    return NULL;
}

static TensorFileValue *tensorfile_pickle_pop(TensorFilePickle *pickle)
{
    TensorFileValue *value = tensorfile_pickle_top(pickle, 0);
    if (value) pickle->depth--;
    return value;
}

/* Takes everything above the last mark, and the mark; the values stay readable on the stack until the next push. */
static int tensorfile_pickle_pop_mark(TensorFilePickle *pickle, TensorFileValue ***values, size_t *count)
{
    if (pickle->n_marks == 0) return tensorfile_pickle_fail(pickle, "no mark on the stack");
    size_t floor = pickle->marks[--pickle->n_marks];
    *count = pickle->depth - floor;
    *values = *count ? pickle->stack + floor : NULL;
    pickle->depth = floor;
    return 1;
}

/* Appends to a tuple, list or dict. */
static int tensorfile_pickle_append(TensorFilePickle *pickle, TensorFileValue *to, TensorFileValue **values,
                                    size_t count)
{
    if (count == 0) return 1;
    if (count > to->capacity - to->length) {
        size_t capacity = to->kind == TENSORFILE_TUPLE ? count : (to->length + count) * 2;
        TensorFileValue **items = (TensorFileValue **)tensorfile_pickle_allocate(pickle, capacity * sizeof *items);
        if (!items) return 0;
        if (to->length) memcpy(items, to->items, to->length * sizeof *items);
        to->items = items;
        to->capacity = capacity;
    }
    memcpy(to->items + to->length, values, count * sizeof *values);
    to->length += count;
    return 1;
}

static int tensorfile_pickle_append_to(TensorFilePickle *pickle, TensorFileValue *to, TensorFileKind kind,
                                       TensorFileValue **values, size_t count)
{
    if (!to) return 0;
    if (to->kind == TENSORFILE_OPAQUE) {                    /* a class made from dict or list: now one knows which */
        to->kind = kind;
        to->text = NULL;
    }
    if (to->kind != kind)
        return tensorfile_pickle_fail(pickle, "items for %s, but it is %s", tensorfile_kind_name(kind),
                                      tensorfile_kind_name(to->kind));
    if (kind == TENSORFILE_DICT && count % 2) return tensorfile_pickle_fail(pickle, "a dict's key without a value");
    return tensorfile_pickle_append(pickle, to, values, count);
}

/* A new tuple, list or dict of the topmost n values (n < 4), or of those above the mark. */
static int tensorfile_pickle_collect(TensorFilePickle *pickle, TensorFileKind kind, int n)
{
    TensorFileValue **values = NULL, *container = tensorfile_pickle_value(pickle, kind);
    size_t count = (size_t)n;
    if (!container) return 0;
    if (n < 0) {
        if (!tensorfile_pickle_pop_mark(pickle, &values, &count)) return 0;
    } else if (n > 0) {
        if (!tensorfile_pickle_top(pickle, count - 1)) return 0;
        pickle->depth -= count;
        values = pickle->stack + pickle->depth;
    }
    return tensorfile_pickle_append_to(pickle, container, kind, values, count) &&
           tensorfile_pickle_push(pickle, container);
}

/* The next `size` bytes of the program; NULL if it ends before. */
static const uint8_t *tensorfile_pickle_take(TensorFilePickle *pickle, uint64_t size)
{
    if (size > (uint64_t)(pickle->end - pickle->at)) {
        tensorfile_pickle_fail(pickle, "cut short: %llu bytes expected, %zu left", (unsigned long long)size,
                               (size_t)(pickle->end - pickle->at));
        return NULL;
    }
    const uint8_t *bytes = pickle->at;
    pickle->at += size;
    return bytes;
}

/* The text up to the next newline; protocols 0 and 1 write numbers and names so. */
static const char *tensorfile_pickle_line(TensorFilePickle *pickle, size_t *length)
{
    const uint8_t *start = pickle->at, *newline = (const uint8_t *)memchr(start, '\n', (size_t)(pickle->end - start));
    if (!newline) {
        tensorfile_pickle_fail(pickle, "a line without an end");
        return NULL;
    }
    *length = (size_t)(newline - start);
    pickle->at = newline + 1;
    return (const char *)start;
}

/* A little-endian two's complement integer; those past 64 bits only occur as the legacy format's magic number. */
static int tensorfile_pickle_long(TensorFilePickle *pickle, uint64_t size)
{
    const uint8_t *p = tensorfile_pickle_take(pickle, size);
    if (!p) return 0;
    if (size > 8) return tensorfile_pickle_push_kind(pickle, TENSORFILE_PLAIN);
    uint64_t value = size && p[size - 1] & 0x80 ? UINT64_MAX : 0;
    for (uint64_t i = size; i > 0; i--) value = value << 8 | p[i - 1];
    return tensorfile_pickle_push_integer(pickle, (int64_t)value);
}

static int tensorfile_pickle_decimal(TensorFilePickle *pickle)
{
    size_t length, i = 0;
    const char *line = tensorfile_pickle_line(pickle, &length);
    if (!line) return 0;
    int64_t value = 0;
    int negative = length > 0 && line[0] == '-';
    if (length > 0 && line[length - 1] == 'L') length--;
    if (length > 18) return tensorfile_pickle_push_kind(pickle, TENSORFILE_PLAIN);
    for (i = (size_t)negative; i < length && line[i] >= '0' && line[i] <= '9'; i++)
        value = value * 10 + (line[i] - '0');
    if (i != length || length == (size_t)negative)
        return tensorfile_pickle_fail(pickle, "a decimal number was expected");
    return tensorfile_pickle_push_integer(pickle, negative ? -value : value);
}

static int tensorfile_pickle_push_text(TensorFilePickle *pickle, uint64_t length, TensorFileKind kind)
{
    const uint8_t *bytes = tensorfile_pickle_take(pickle, length);
    TensorFileValue *value = bytes ? tensorfile_pickle_value(pickle, kind) : NULL;
    if (value) {
        value->text = (const char *)bytes;
        value->length = (size_t)length;
    }
    return tensorfile_pickle_push(pickle, value);
}

static int tensorfile_pickle_push_string(TensorFilePickle *pickle, uint64_t length)
{
    return tensorfile_pickle_push_text(pickle, length, TENSORFILE_STRING);
}

static int tensorfile_pickle_push_bytes(TensorFilePickle *pickle, uint64_t length)
{
    return tensorfile_pickle_push_text(pickle, length, TENSORFILE_PLAIN);
}

/* A string of protocol 0, in quotes or not. One with escapes, which no model's names need, loses its text. */
static int tensorfile_pickle_push_line(TensorFilePickle *pickle, int quoted)
{
    size_t length;
    const char *line = tensorfile_pickle_line(pickle, &length);
    if (!line) return 0;
    if (quoted && (length < 2 || line[0] != line[length - 1] || (line[0] != '\'' && line[0] != '"')))
        return tensorfile_pickle_fail(pickle, "a quoted string was expected");
    int escapes = memchr(line, '\\', length) != NULL;
    TensorFileValue *value = tensorfile_pickle_value(pickle, escapes ? TENSORFILE_PLAIN : TENSORFILE_STRING);
    if (value && !escapes) {
        value->text = line + (quoted ? 1 : 0);
        value->length = length - (quoted ? 2 : 0);
    }
    return tensorfile_pickle_push(pickle, value);
}

/* Names a class or function; nothing is looked up. */
static int tensorfile_pickle_global(TensorFilePickle *pickle, const char *module, size_t module_length,
                                    const char *name, size_t name_length)
{
    TensorFileValue *value = tensorfile_pickle_value(pickle, TENSORFILE_GLOBAL);
    char *text = value ? (char *)tensorfile_pickle_allocate(pickle, module_length + name_length + 2) : NULL;
    if (!text) return 0;
    memcpy(text, module, module_length);
    text[module_length] = '.';
    memcpy(text + module_length + 1, name, name_length);
    value->text = text;
    value->length = module_length + 1 + name_length;
    return tensorfile_pickle_push(pickle, value);
}

static int tensorfile_pickle_global_lines(TensorFilePickle *pickle)
{
    size_t module_length = 0, name_length = 0;
    const char *module = tensorfile_pickle_line(pickle, &module_length);
    const char *name = module ? tensorfile_pickle_line(pickle, &name_length) : NULL;
    return name && tensorfile_pickle_global(pickle, module, module_length, name, name_length);
}

static int tensorfile_pickle_stack_global(TensorFilePickle *pickle)
{
    TensorFileValue *name = tensorfile_pickle_pop(pickle), *module = name ? tensorfile_pickle_pop(pickle) : NULL;
    if (!module) return 0;
    if (name->kind != TENSORFILE_STRING || module->kind != TENSORFILE_STRING)
        return tensorfile_pickle_fail(pickle, "a class must be named by two strings");
    return tensorfile_pickle_global(pickle, module->text, module->length, name->text, name->length);
}

static int tensorfile_pickle_get(TensorFilePickle *pickle, uint64_t index)
{
    if (index >= pickle->n_memo || !pickle->memo[index])
        return tensorfile_pickle_fail(pickle, "memo %llu is empty", (unsigned long long)index);
    return tensorfile_pickle_push(pickle, pickle->memo[index]);
}

/* Picklers number the memo from 0 up, so that an index past the program's length is no honest one. */
static int tensorfile_pickle_put(TensorFilePickle *pickle, uint64_t index)
{
    TensorFileValue *value = tensorfile_pickle_top(pickle, 0);
    void *memo = pickle->memo;
    if (!value) return 0;
    if (index >= (uint64_t)(pickle->end - pickle->begin)) return tensorfile_pickle_fail(pickle, "memo index too large");
    if (!tensorfile_pickle_grow(pickle, &memo, &pickle->memo_capacity, (size_t)index, sizeof *pickle->memo)) return 0;
    pickle->memo = (TensorFileValue **)memo;
    pickle->memo[index] = value;
    if (pickle->n_memo <= index) pickle->n_memo = (size_t)index + 1;
    return 1;
}

static int tensorfile_pickle_mark(TensorFilePickle *pickle)
{
    void *marks = pickle->marks;
    if (!tensorfile_pickle_grow(pickle, &marks, &pickle->marks_capacity, pickle->n_marks, sizeof *pickle->marks))
        return 0;
    pickle->marks = (size_t *)marks;
    pickle->marks[pickle->n_marks++] = pickle->depth;
    return 1;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 10  PyTorch
 *
 *      zip (torch 1.6 and later)                  legacy
 *      NAME/data.pkl     the object               pickle: the magic number 0x1950a86a20f9469cfc6c
 *      NAME/byteorder    "little"                 pickle: 1001          pickle: sys_info
 *      NAME/data/0       raw storage "0"          pickle: the object
 *      NAME/data/1       raw storage "1"          pickle: the list of storage keys, in the order of
 *      ...                                        [u64 count][raw elements]  [u64 count][raw elements] ...
 *
 * The object is usually a dict of tensors, maybe nested. A tensor is a storage key, an offset and, for each dimension,
 * a size and a stride, all counted in elements; a transposed weight is a storage with its strides exchanged, and
 * tensors may share a storage. Both layouts say storages as the persistent id ("storage", type, key, device, count).
 * ---------------------------------------------------------------------------------------------------------------- */

#define TENSORFILE_MAX_DEPTH 64
#define TENSORFILE_MAX_NAME 1024

/* What torch's name of a storage's class, or of a type, stands for: one of our types, or else maybe a foreign one. */
static int tensorfile_torch_type(const char *name, int is_storage, TensorType *type, const TensorFileForeign **foreign)
{
    *foreign = NULL;
    if (strncmp(name, "torch.", 6) != 0) return 0;
    name = strrchr(name, '.') + 1;
    for (int t = 0; t < TENSORFILE_N_TYPES; t++) {
        const TensorFileTypeRow *row = tensorfile_type_row((TensorType)t);
        if (strcmp(name, is_storage ? row->torch_storage : row->torch) != 0) continue;
        *type = (TensorType)t;
        return 1;
    }
    *foreign = tensorfile_find_foreign(is_storage ? 3 : 2, name, strlen(name));
    return 0;
}

static int tensorfile_item_is(const TensorFileValue *tuple, size_t index, TensorFileKind kind)
{
    return index < tuple->length && tuple->items[index]->kind == kind;
}

/* An old storage may be a part of another one: (key of the part, first element, elements). */
static int tensorfile_torch_part(TensorFilePickle *pickle, TensorFileStorage *storage, const TensorFileValue *part)
{
    if (!tensorfile_item_is(part, 1, TENSORFILE_INTEGER) || !tensorfile_item_is(part, 2, TENSORFILE_INTEGER))
        return tensorfile_pickle_fail(pickle, "a part of a storage must be (key, offset, size)");
    storage->begin = part->items[1]->integer;
    storage->count = part->items[2]->integer;
    if (storage->begin < 0 || storage->count < 0 || storage->begin > storage->root_count ||
        storage->count > storage->root_count - storage->begin)
        return tensorfile_pickle_fail(pickle, "a part of a storage reaches past its end");
    return 1;
}

/* A persistent id: ("storage", type, key, device, count) and in the legacy layout maybe a part; or ("module", class,
 * ...). */
static int tensorfile_torch_persistent(TensorFilePickle *pickle)
{
    TensorFileValue *id = tensorfile_pickle_pop(pickle);
    if (!id) return 0;
    if (id->kind != TENSORFILE_TUPLE || !tensorfile_item_is(id, 0, TENSORFILE_STRING) ||
        !tensorfile_item_is(id, 1, TENSORFILE_GLOBAL))
        return tensorfile_pickle_fail(pickle, "a persistent id must be (\"storage\", type, key, device, count)");
    TensorFileValue *kind = id->items[0], *class_value = id->items[1];
    if (kind->length == 6 && memcmp(kind->text, "module", 6) == 0) return tensorfile_pickle_push(pickle, class_value);
    if (kind->length != 7 || memcmp(kind->text, "storage", 7) != 0 || !tensorfile_item_is(id, 2, TENSORFILE_STRING) ||
        !tensorfile_item_is(id, 4, TENSORFILE_INTEGER))
        return tensorfile_pickle_fail(pickle, "a persistent id must be (\"storage\", type, key, device, count)");
    TensorFileValue *value = tensorfile_pickle_value(pickle, TENSORFILE_STORAGE);
    if (!value) return 0;
    TensorFileStorage *storage = (TensorFileStorage *)tensorfile_pickle_allocate(pickle, sizeof *storage);
    if (!storage) return 0;
    const TensorFileForeign *foreign = NULL;
    int known = tensorfile_torch_type(class_value->text, 1, &storage->type, &foreign);
    if (!known) storage->foreign = class_value->text;
    storage->size = known ? tensorfile_type_size(storage->type) : foreign ? foreign->size : 0;
    storage->key = id->items[2]->text;
    storage->key_length = id->items[2]->length;
    storage->root_count = storage->count = id->items[4]->integer;
    if (storage->count < 0 || (uint64_t)storage->count > (uint64_t)PTRDIFF_MAX / (storage->size ? storage->size : 1))
        return tensorfile_pickle_fail(pickle, "a storage of %lld elements", (long long)storage->count);
    if (tensorfile_item_is(id, 5, TENSORFILE_TUPLE) && !tensorfile_torch_part(pickle, storage, id->items[5])) return 0;
    storage->next = pickle->storages;
    pickle->storages = storage;
    value->storage = storage;
    return tensorfile_pickle_push(pickle, value);
}

/* Copies a tuple of integers that are not negative; their number, -1 if it is something else. */
static int tensorfile_torch_integers(const TensorFileValue *tuple, int64_t *out)
{
    if ((tuple->kind != TENSORFILE_TUPLE && tuple->kind != TENSORFILE_LIST) || tuple->length > TENSORFILE_MAX_RANK)
        return -1;
    for (size_t i = 0; i < tuple->length; i++) {
        if (tuple->items[i]->kind != TENSORFILE_INTEGER || tuple->items[i]->integer < 0) return -1;
        out[i] = tuple->items[i]->integer;
    }
    return (int)tuple->length;
}

/* The largest offset is that of the last element of each dimension; it must lie within the storage's elements. */
static int tensorfile_torch_within(const TensorFileView *view, int64_t limit)
{
    int64_t last = view->offset;
    for (int d = 0; d < view->entry.rank; d++)
        if (view->entry.shape[d] == 0) return 1;
    for (int d = 0; d < view->entry.rank; d++) {
        int64_t steps = view->entry.shape[d] - 1;
        if (last >= limit || (steps > 0 && view->strides[d] > (limit - 1 - last) / steps)) return 0;
        last += steps * view->strides[d];
    }
    return last < limit;
}

/* The type of the tensor's elements: that of its storage, or the one that newer tensors name. NULL, or what the tensor
 * is if there is none here. */
static const char *tensorfile_torch_elements(const TensorFileValue *arguments, TensorFileView *view)
{
    const char *storage = view->storage->foreign;
    view->entry.type = view->storage->type;
    if (view->storage->size == 0 || !tensorfile_item_is(arguments, 6, TENSORFILE_GLOBAL)) return storage;
    const char *type = arguments->items[6]->text;
    if (tensorfile_torch_type(type, 0, &view->entry.type, &view->foreign)) return NULL;
    if (!view->foreign) return type;
    view->entry.type = (TensorType)view->foreign->to;
    return NULL;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks), and _v3 with the type behind them */
static TensorFileValue *tensorfile_torch_tensor(TensorFilePickle *pickle, const TensorFileValue *arguments)
{
    TensorFileValue *value = tensorfile_pickle_value(pickle, TENSORFILE_VIEW);
    TensorFileView *view = value ? (TensorFileView *)tensorfile_pickle_allocate(pickle, sizeof *view) : NULL;
    size_t bytes;
    if (!view) return NULL;
    if (tensorfile_item_is(arguments, 0, TENSORFILE_OPAQUE)) return arguments->items[0];
    if (arguments->length < 4 || !tensorfile_item_is(arguments, 0, TENSORFILE_STORAGE) ||
        !tensorfile_item_is(arguments, 1, TENSORFILE_INTEGER)) {
        tensorfile_pickle_fail(pickle, "a tensor must be made from (storage, offset, size, stride, ...), not from %s",
                               arguments->length ? tensorfile_kind_name(arguments->items[0]->kind) : "nothing");
        return NULL;
    }
    view->storage = arguments->items[0]->storage;
    const char *strange = tensorfile_torch_elements(arguments, view);
    if (strange) return tensorfile_pickle_describe(pickle, "a tensor of %.60s, which has no equal here", strange);
    if (arguments->items[2]->kind == TENSORFILE_TUPLE && arguments->items[2]->length > TENSORFILE_MAX_RANK)
        return tensorfile_pickle_opaque(pickle, "a tensor of more than 8 dimensions", 1);
    view->offset = arguments->items[1]->integer;
    view->entry.rank = tensorfile_torch_integers(arguments->items[2], view->entry.shape);
    if (view->entry.rank < 0 || view->offset < 0 ||
        tensorfile_torch_integers(arguments->items[3], view->strides) != view->entry.rank) {
        tensorfile_pickle_fail(pickle, "a tensor's size and stride must be tuples of at most 8 integers");
        return NULL;
    }
    size_t size = view->foreign ? view->foreign->size : tensorfile_type_size(view->entry.type);
    int64_t elements = view->storage->count * (int64_t)view->storage->size / (int64_t)size;
    if (!tensorfile_measure(view->entry.type, view->entry.rank, view->entry.shape, &bytes) ||
        !tensorfile_torch_within(view, elements)) {
        tensorfile_pickle_fail(pickle, "a tensor reaches past the end of its storage of %lld elements",
                               (long long)elements);
        return NULL;
    }
    view->entry.bytes = bytes;
    value->view = view;
    return value;
}

/* OrderedDict() or, from Python 2, OrderedDict([[key, value], ...]) */
static TensorFileValue *tensorfile_torch_dict(TensorFilePickle *pickle, const TensorFileValue *arguments)
{
    TensorFileValue *dict = tensorfile_pickle_value(pickle, TENSORFILE_DICT);
    const TensorFileValue *pairs = tensorfile_item_is(arguments, 0, TENSORFILE_LIST) ? arguments->items[0] : NULL;
    for (size_t i = 0; dict && pairs && i < pairs->length; i++) {
        TensorFileValue *pair = pairs->items[i];
        if ((pair->kind != TENSORFILE_LIST && pair->kind != TENSORFILE_TUPLE) || pair->length != 2) {
            tensorfile_pickle_fail(pickle, "an OrderedDict must be made from pairs");
            return NULL;
        }
        if (!tensorfile_pickle_append(pickle, dict, pair->items, 2)) return NULL;
    }
    return dict;
}

/* dtype's state is (3, "<", ...): the order of the bytes. */
static int tensorfile_numpy_order(TensorFilePickle *pickle, TensorFileValue *dtype, const TensorFileValue *state)
{
    if (state->kind != TENSORFILE_TUPLE || !tensorfile_item_is(state, 1, TENSORFILE_STRING) ||
        state->items[1]->length != 1)
        return tensorfile_pickle_fail(pickle, "a NumPy type's state must be (version, byte order, ...)");
    dtype->integer = state->items[1]->text[0] == '>';
    return 1;
}

/* Bytes that protocols 0 to 2 cannot say are said as text, _codecs.encode("...", "latin1"): one byte a character. */
static TensorFileValue *tensorfile_pickle_latin1(TensorFilePickle *pickle, const TensorFileValue *text)
{
    TensorFileValue *value = tensorfile_pickle_value(pickle, TENSORFILE_PLAIN);
    char *bytes = value ? (char *)tensorfile_pickle_allocate(pickle, text->length + 1) : NULL;
    if (!bytes) return NULL;
    for (size_t i = 0; i < text->length; i++) {
        uint8_t byte = (uint8_t)text->text[i];
        if (byte >= 0x80 && i + 1 < text->length) byte = (uint8_t)(byte << 6 | (text->text[++i] & 0x3F));
        bytes[value->length++] = (char)byte;
    }
    value->text = bytes;
    return value;
}

/* Makes the value a view of an array's bytes, which lie in the pickle. */
static int tensorfile_numpy_view(TensorFilePickle *pickle, TensorFileValue *array, const TensorFileValue *dtype,
                                 const TensorFileValue *shape, int fortran, const TensorFileValue *data)
{
    TensorFileView *view = (TensorFileView *)tensorfile_pickle_allocate(pickle, sizeof *view);
    TensorFileStorage *storage = (TensorFileStorage *)tensorfile_pickle_allocate(pickle, sizeof *storage);
    int type = 0;
    size_t bytes = 0;
    if (!view || !storage) return 0;
    for (; type < TENSORFILE_N_TYPES; type++) {
        const char *name = tensorfile_type_row((TensorType)type)->numpy;
        if (name && strlen(name) == dtype->length && memcmp(name, dtype->text, dtype->length) == 0) break;
    }
    if (type == TENSORFILE_N_TYPES) view->foreign = tensorfile_find_foreign(1, dtype->text, dtype->length);
    if (view->foreign) type = view->foreign->to;
    if (type == TENSORFILE_N_TYPES || shape->length > TENSORFILE_MAX_RANK) {
        char name[24];
        snprintf(name, sizeof name, "%.*s", (int)(dtype->length < 20 ? dtype->length : 20), dtype->text);
        const TensorFileValue *strange = tensorfile_pickle_describe(
            pickle, type == TENSORFILE_N_TYPES ? "an array of NumPy type '%s'" :
                    "an array of NumPy type '%s' and of more than 8 dimensions", name);
        if (strange) *array = *strange;
        return strange != NULL;
    }
    size_t size = view->foreign ? view->foreign->size : tensorfile_type_size((TensorType)type);
    view->entry.type = (TensorType)type;
    view->entry.rank = tensorfile_torch_integers(shape, view->entry.shape);
    if (view->entry.rank < 0 ||
        !tensorfile_measure_elements(size, view->entry.rank, view->entry.shape, &bytes) || bytes != data->length ||
        !tensorfile_measure(view->entry.type, view->entry.rank, view->entry.shape, &view->entry.bytes))
        return tensorfile_pickle_fail(pickle, "a NumPy array of %zu bytes does not fit its shape", data->length);
    tensorfile_row_major(&view->entry, fortran, view->strides);
    view->big_endian = dtype->integer && size > 1;
    storage->type = view->entry.type;
    storage->size = size;
    storage->root_count = storage->count = (int64_t)(bytes / size);
    storage->data = (const uint8_t *)data->text;
    storage->borrow = pickle->borrow && storage->data >= pickle->begin && storage->data < pickle->end;
    view->storage = storage;
    array->kind = TENSORFILE_VIEW;
    array->view = view;
    return 1;
}

/* ndarray's state is (version, shape, dtype, Fortran order, data): data is raw bytes, or for objects a list of them. */
static int tensorfile_numpy_fill(TensorFilePickle *pickle, TensorFileValue *array, const TensorFileValue *state)
{
    array->kind = TENSORFILE_OPAQUE;
    array->text = "a NumPy array that is not understood";
    array->integer = 1;
    if (state->kind != TENSORFILE_TUPLE || state->length != 5 || !tensorfile_item_is(state, 2, TENSORFILE_DTYPE) ||
        !tensorfile_item_is(state, 3, TENSORFILE_INTEGER))
        return 1;
    const TensorFileValue *dtype = state->items[2], *data = state->items[4];
    int objects = dtype->length > 0 && dtype->text[0] == 'O';
    if (objects && data->kind == TENSORFILE_LIST && data->length == 1) *array = *data->items[0];
    else if (objects && data->kind == TENSORFILE_LIST) *array = *data;
    else if (!objects && data->text && (data->kind == TENSORFILE_PLAIN || data->kind == TENSORFILE_STRING))
        return tensorfile_numpy_view(pickle, array, dtype, state->items[1], state->items[3]->integer != 0, data);
    return 1;
}

/* NumPy's functions: _reconstruct makes an array that BUILD fills, _frombuffer (protocol 5) one from its bytes; scalar
 * is a single number and as little an array as Python's own. */
static TensorFileValue *tensorfile_numpy_call(TensorFilePickle *pickle, const char *name, TensorFileValue *arguments)
{
    const char *function = strrchr(name, '.') + 1;
    if (strcmp(function, "_reconstruct") == 0) return tensorfile_pickle_value(pickle, TENSORFILE_ARRAY);
    if (strcmp(function, "scalar") == 0) return tensorfile_pickle_opaque(pickle, "a single NumPy number", 1);
    if (strcmp(function, "dtype") == 0 && tensorfile_item_is(arguments, 0, TENSORFILE_STRING)) {
        TensorFileValue *dtype = tensorfile_pickle_value(pickle, TENSORFILE_DTYPE);
        if (!dtype) return NULL;
        dtype->text = arguments->items[0]->text;
        dtype->length = arguments->items[0]->length;
        return dtype;
    }
    if (strcmp(function, "_frombuffer") == 0 && tensorfile_item_is(arguments, 0, TENSORFILE_PLAIN) &&
        tensorfile_item_is(arguments, 1, TENSORFILE_DTYPE) && tensorfile_item_is(arguments, 3, TENSORFILE_STRING) &&
        arguments->items[0]->text) {
        TensorFileValue *array = tensorfile_pickle_value(pickle, TENSORFILE_ARRAY), **item = arguments->items;
        int fortran = item[3]->length == 1 && item[3]->text[0] == 'F';
        return array && tensorfile_numpy_view(pickle, array, item[1], item[2], fortran, item[0]) ? array : NULL;
    }
    return tensorfile_pickle_opaque(pickle, name, 0);
}

/* BUILD gives the object below the top its state; only NumPy's arrays and types need theirs. */
static int tensorfile_pickle_build(TensorFilePickle *pickle)
{
    TensorFileValue *state = tensorfile_pickle_pop(pickle), *object = state ? tensorfile_pickle_top(pickle, 0) : NULL;
    if (!object) return 0;
    if (object->kind == TENSORFILE_DTYPE) return tensorfile_numpy_order(pickle, object, state);
    return object->kind != TENSORFILE_ARRAY || tensorfile_numpy_fill(pickle, object, state);
}

/* The list of what is understood. Parameters are tensors; Size is a tuple; of the rest only the name is kept. */
static TensorFileValue *tensorfile_torch_call(TensorFilePickle *pickle, const TensorFileValue *callee,
                                              TensorFileValue *arguments)
{
    const char *name = callee->kind == TENSORFILE_GLOBAL ? callee->text : "object";
    /* A tensor of a class made from Tensor: (function, class, its arguments, state). */
    for (int i = 0; i < 4 && strncmp(name, "torch._tensor._rebuild_from_type", 32) == 0; i++) {
        if (!tensorfile_item_is(arguments, 0, TENSORFILE_GLOBAL) ||
            !tensorfile_item_is(arguments, 2, TENSORFILE_TUPLE)) break;
        name = arguments->items[0]->text;
        arguments = arguments->items[2];
    }
    int holds_tensor = tensorfile_item_is(arguments, 0, TENSORFILE_VIEW) ||
                       tensorfile_item_is(arguments, 0, TENSORFILE_OPAQUE);
    if (strcmp(name, "collections.OrderedDict") == 0 || strcmp(name, "collections.defaultdict") == 0)
        return tensorfile_torch_dict(pickle, arguments);
    if (strcmp(name, "torch._utils._rebuild_tensor_v2") == 0 || strcmp(name, "torch._utils._rebuild_tensor") == 0 ||
        strcmp(name, "torch._utils._rebuild_tensor_v3") == 0)
        return tensorfile_torch_tensor(pickle, arguments);
    if (holds_tensor && (strncmp(name, "torch._utils._rebuild_parameter", 31) == 0 ||
                         strcmp(name, "torch._utils._rebuild_device_tensor_from_numpy") == 0))
        return arguments->items[0];
    if (strcmp(name, "torch.Size") == 0 && tensorfile_item_is(arguments, 0, TENSORFILE_TUPLE))
        return arguments->items[0];
    if (strncmp(name, "numpy.", 6) == 0) return tensorfile_numpy_call(pickle, name, arguments);
    if (strcmp(name, "_codecs.encode") == 0 && tensorfile_item_is(arguments, 0, TENSORFILE_STRING) &&
        tensorfile_item_is(arguments, 1, TENSORFILE_STRING) && arguments->items[1]->length >= 5 &&
        memcmp(arguments->items[1]->text, "latin", 5) == 0)
        return tensorfile_pickle_latin1(pickle, arguments->items[0]);
    if ((strcmp(name, "__builtin__.bytes") == 0 || strcmp(name, "builtins.bytes") == 0) && arguments->length == 0) {
        TensorFileValue *empty = tensorfile_pickle_value(pickle, TENSORFILE_PLAIN);
        if (empty) empty->text = "";
        return empty;
    }
    if (strcmp(name, "torch._utils._rebuild_sparse_tensor") == 0)
        return tensorfile_pickle_opaque(pickle, "a sparse tensor", 1);
    if (strcmp(name, "torch._utils._rebuild_qtensor") == 0)
        return tensorfile_pickle_opaque(pickle, "a quantised tensor", 1);
    return tensorfile_pickle_opaque(pickle, name, 0);
}

/* REDUCE and NEWOBJ: callee, arguments; NEWOBJ_EX has keyword arguments on top. */
static int tensorfile_pickle_call(TensorFilePickle *pickle, int has_keywords)
{
    if (has_keywords && !tensorfile_pickle_pop(pickle)) return 0;
    TensorFileValue *arguments = tensorfile_pickle_pop(pickle);
    TensorFileValue *callee = arguments ? tensorfile_pickle_pop(pickle) : NULL;
    if (!callee) return 0;
    if (arguments->kind != TENSORFILE_TUPLE)
        return tensorfile_pickle_fail(pickle, "a call's arguments must be a tuple");
    return tensorfile_pickle_push(pickle, tensorfile_torch_call(pickle, callee, arguments));
}

/* Opcodes that push a number, a string or another constant; -1: not one of them. */
static int tensorfile_pickle_constant(TensorFilePickle *pickle, uint8_t opcode)
{
    static const char fixed[] = "\x95\x4a\x4b\x4d\x8a\x8b\x47\x54\x55\x58\x8c\x8d\x42\x43\x8e\x96";
    static const uint8_t operand[] = {8, 4, 1, 2, 1, 4, 8, 4, 1, 4, 1, 8, 4, 1, 8, 8};
    const char *found = opcode ? strchr(fixed, (char)opcode) : NULL;
    const uint8_t *p = found ? tensorfile_pickle_take(pickle, operand[found - fixed]) : NULL;
    if (found && !p) return 0;
    size_t length;
    switch (opcode) {
    case 0x95: return 1;                                                                    /* FRAME: only a hint */
    case 'J': return tensorfile_pickle_push_integer(pickle, (int32_t)tensorfile_u32(p));    /* BININT */
    case 'K': return tensorfile_pickle_push_integer(pickle, p[0]);                          /* BININT1 */
    case 'M': return tensorfile_pickle_push_integer(pickle, (int32_t)tensorfile_u16(p));    /* BININT2 */
    case 0x8A: return tensorfile_pickle_long(pickle, p[0]);                                 /* LONG1 */
    case 0x8B: return tensorfile_pickle_long(pickle, tensorfile_u32(p));                    /* LONG4 */
    case 'G': return tensorfile_pickle_push_kind(pickle, TENSORFILE_PLAIN);                 /* BINFLOAT */
    case 'T': case 'X': return tensorfile_pickle_push_string(pickle, tensorfile_u32(p));    /* BINSTRING, BINUNICODE */
    case 'U': case 0x8C: return tensorfile_pickle_push_string(pickle, p[0]);                /* SHORT_... */
    case 0x8D: return tensorfile_pickle_push_string(pickle, tensorfile_u64(p));             /* BINUNICODE8 */
    case 'B': return tensorfile_pickle_push_bytes(pickle, tensorfile_u32(p));               /* BINBYTES */
    case 'C': return tensorfile_pickle_push_bytes(pickle, p[0]);                            /* SHORT_BINBYTES */
    case 0x8E: case 0x96: return tensorfile_pickle_push_bytes(pickle, tensorfile_u64(p));   /* BINBYTES8, BYTEARRAY8 */
    case 'I': case 'L': return tensorfile_pickle_decimal(pickle);                           /* INT, 00 and 01; LONG */
    case 'F':                                                                               /* FLOAT */
        return tensorfile_pickle_line(pickle, &length) && tensorfile_pickle_push_kind(pickle, TENSORFILE_PLAIN);
    case 'S': return tensorfile_pickle_push_line(pickle, 1);                                /* STRING */
    case 'V': return tensorfile_pickle_push_line(pickle, 0);                                /* UNICODE */
    case 'N': return tensorfile_pickle_push_kind(pickle, TENSORFILE_PLAIN);                 /* NONE */
    case 0x88: return tensorfile_pickle_push_integer(pickle, 1);                            /* NEWTRUE */
    case 0x89: return tensorfile_pickle_push_integer(pickle, 0);                            /* NEWFALSE */
    default: return -1;
    }
}

/* Opcodes that make and fill tuples, lists, dicts and sets; -1: not one of them. */
static int tensorfile_pickle_container(TensorFilePickle *pickle, uint8_t opcode)
{
    TensorFileValue **values = NULL, *pair[2];
    size_t count = 0;
    switch (opcode) {
    case ')': return tensorfile_pickle_collect(pickle, TENSORFILE_TUPLE, 0);
    case 0x85: case 0x86: case 0x87: return tensorfile_pickle_collect(pickle, TENSORFILE_TUPLE, opcode - 0x84);
    case 't': return tensorfile_pickle_collect(pickle, TENSORFILE_TUPLE, -1);
    case ']': return tensorfile_pickle_collect(pickle, TENSORFILE_LIST, 0);
    case 'l': return tensorfile_pickle_collect(pickle, TENSORFILE_LIST, -1);
    case '}': return tensorfile_pickle_collect(pickle, TENSORFILE_DICT, 0);
    case 'd': return tensorfile_pickle_collect(pickle, TENSORFILE_DICT, -1);
    case 0x8F: return tensorfile_pickle_push_kind(pickle, TENSORFILE_OPAQUE);               /* EMPTY_SET */
    case 0x91:                                                                              /* FROZENSET */
        return tensorfile_pickle_pop_mark(pickle, &values, &count) &&
               tensorfile_pickle_push_kind(pickle, TENSORFILE_OPAQUE);
    case 'a':                                                                               /* APPEND */
        if (!(pair[0] = tensorfile_pickle_pop(pickle))) return 0;
        return tensorfile_pickle_append_to(pickle, tensorfile_pickle_top(pickle, 0), TENSORFILE_LIST, pair, 1);
    case 's':                                                                               /* SETITEM */
        if (!(pair[1] = tensorfile_pickle_pop(pickle)) || !(pair[0] = tensorfile_pickle_pop(pickle))) return 0;
        return tensorfile_pickle_append_to(pickle, tensorfile_pickle_top(pickle, 0), TENSORFILE_DICT, pair, 2);
    case 'e': case 'u':                                                                     /* APPENDS, SETITEMS */
        if (!tensorfile_pickle_pop_mark(pickle, &values, &count)) return 0;
        return tensorfile_pickle_append_to(pickle, tensorfile_pickle_top(pickle, 0),
                                           opcode == 'e' ? TENSORFILE_LIST : TENSORFILE_DICT, values, count);
    case 0x90:                                                                              /* ADDITEMS: to a set */
        return tensorfile_pickle_pop_mark(pickle, &values, &count) && tensorfile_pickle_top(pickle, 0) != NULL;
    default: return -1;
    }
}

/* Opcodes for the stack, the memo and calls; -1: not one of them. */
static int tensorfile_pickle_control(TensorFilePickle *pickle, uint8_t opcode)
{
    TensorFileValue **values = NULL, *top = NULL;
    size_t count = 0;
    const uint8_t *p;
    switch (opcode) {
    case 0x80: return (p = tensorfile_pickle_take(pickle, 1)) == NULL ? 0 : p[0] <= 5 ? 1 :
                      tensorfile_pickle_fail(pickle, "protocol %d: only 0 to 5 are known", p[0]);
    case '(': return tensorfile_pickle_mark(pickle);
    case '1': return tensorfile_pickle_pop_mark(pickle, &values, &count);                   /* POP_MARK */
    case '0':                                                                               /* POP: also a mark */
        if (pickle->n_marks && pickle->marks[pickle->n_marks - 1] == pickle->depth) return pickle->n_marks--, 1;
        return tensorfile_pickle_pop(pickle) != NULL;
    case '2': return (top = tensorfile_pickle_top(pickle, 0)) && tensorfile_pickle_push(pickle, top);
    case 'h': return (p = tensorfile_pickle_take(pickle, 1)) && tensorfile_pickle_get(pickle, p[0]);
    case 'j': return (p = tensorfile_pickle_take(pickle, 4)) && tensorfile_pickle_get(pickle, tensorfile_u32(p));
    case 'q': return (p = tensorfile_pickle_take(pickle, 1)) && tensorfile_pickle_put(pickle, p[0]);
    case 'r': return (p = tensorfile_pickle_take(pickle, 4)) && tensorfile_pickle_put(pickle, tensorfile_u32(p));
    case 0x94: return tensorfile_pickle_put(pickle, pickle->n_memo);                        /* MEMOIZE */
    case 'g': case 'p':                                                                     /* GET, PUT */
        if (!tensorfile_pickle_decimal(pickle) || !(top = tensorfile_pickle_pop(pickle))) return 0;
        if (top->kind != TENSORFILE_INTEGER || top->integer < 0)
            return tensorfile_pickle_fail(pickle, "not a memo index");
        return opcode == 'g' ? tensorfile_pickle_get(pickle, (uint64_t)top->integer)
                             : tensorfile_pickle_put(pickle, (uint64_t)top->integer);
    case 'c': return tensorfile_pickle_global_lines(pickle);
    case 'i': case 'o':                                                                     /* INST, OBJ: Python 2's */
        if (opcode == 'i' && !tensorfile_pickle_global_lines(pickle)) return 0;
        if (opcode == 'i' && !(top = tensorfile_pickle_pop(pickle))) return 0;
        if (!tensorfile_pickle_pop_mark(pickle, &values, &count)) return 0;
        if (opcode == 'o') top = count ? values[0] : NULL;
        return tensorfile_pickle_push(pickle, tensorfile_pickle_opaque(
            pickle, top && top->kind == TENSORFILE_GLOBAL ? top->text : NULL, 0));
    case 0x93: return tensorfile_pickle_stack_global(pickle);
    case 'Q': return tensorfile_torch_persistent(pickle);                                   /* BINPERSID */
    case 'R': case 0x81: return tensorfile_pickle_call(pickle, 0);                          /* REDUCE, NEWOBJ */
    case 0x92: return tensorfile_pickle_call(pickle, 1);                                    /* NEWOBJ_EX */
    case 'b': return tensorfile_pickle_build(pickle);                                       /* BUILD */
    default: return -1;
    }
}

/* Runs the program at pickle->at up to its STOP; the value that is then on top, NULL on an error. */
static TensorFileValue *tensorfile_pickle_run(TensorFilePickle *pickle)
{
    pickle->depth = pickle->n_marks = pickle->n_memo = 0;
    for (;;) {
        const uint8_t *opcode = tensorfile_pickle_take(pickle, 1);
        if (!opcode) return NULL;
        if (*opcode == '.') return tensorfile_pickle_pop(pickle);
        int ok = tensorfile_pickle_constant(pickle, *opcode);
        if (ok < 0) ok = tensorfile_pickle_container(pickle, *opcode);
        if (ok < 0) ok = tensorfile_pickle_control(pickle, *opcode);
        if (ok < 0) tensorfile_pickle_fail(pickle, "opcode 0x%02x is not supported", *opcode);
        if (ok <= 0) return NULL;
    }
}

static int tensorfile_torch_emit(TensorFilePickle *pickle, const TensorFileView *view, const char *name, size_t length)
{
    TensorEntry entry = view->entry;
    const TensorFileStorage *storage = view->storage;
    size_t size = view->foreign ? view->foreign->size : tensorfile_type_size(entry.type);
    if (length == 0) name = "data", length = 4;
    if (memchr(name, 0, length)) return tensorfile_skip(pickle->reader, name, length, "its name has a zero byte");
    const uint8_t *data = storage->data;
    if (entry.bytes) data += (size_t)storage->begin * storage->size + (size_t)view->offset * size;
    int placed = tensorfile_place_any(pickle->reader, &entry, view->foreign, data, view->strides, storage->borrow,
                                      view->big_endian);              /* an empty tensor's offset may point anywhere */
    if (placed < 0)
        return tensorfile_skip(pickle->reader, name, length, "%s with numbers past 2^63", view->foreign->name);
    return placed && tensorfile_append_named(pickle->reader, &entry, name, length);
}

/* Names a value that is left out, if it could have held an array. */
static int tensorfile_torch_left_out(TensorFilePickle *pickle, const TensorFileValue *value, const char *name,
                                     size_t length)
{
    TensorFileReader *reader = pickle->reader;
    switch (value->kind) {
    case TENSORFILE_STORAGE: return tensorfile_skip(reader, name, length, "a storage without a tensor");
    case TENSORFILE_ARRAY: return tensorfile_skip(reader, name, length, "a NumPy array without content");
    case TENSORFILE_OPAQUE:
        if (value->integer) return tensorfile_skip(reader, name, length, "%s", value->text);
        if (!value->text) return tensorfile_skip(reader, name, length, "a Python object");
        if (!pickle->opaque) pickle->opaque = value->text;
        return tensorfile_skip(reader, name, length, "a Python object (%.100s)", value->text);
    default: return 1;
    }
}

typedef struct {
    const TensorFileValue *container;
    size_t next;                                /* the item to visit next */
    size_t name_length;                         /* of the container's own name */
} TensorFileFrame;

/* Appends ".key" to the name, whatever the key is; its new length. Lists number their items from 0. *odd becomes why no
 * tensor can have that name, or stays NULL. */
static size_t tensorfile_torch_name(char *name, size_t length, const TensorFileValue *key, size_t index,
                                    const char **odd)
{
    char number[64];
    const char *text = number;
    size_t added;
    if (key && key->text && key->length && (key->kind == TENSORFILE_STRING || key->kind == TENSORFILE_GLOBAL ||
                                            key->kind == TENSORFILE_PLAIN)) {
        text = key->text;                                   /* a class is as good a name as a string */
        added = key->length;
    } else if (!key || key->kind == TENSORFILE_INTEGER) {
        added = (size_t)snprintf(number, sizeof number, "%lld", key ? (long long)key->integer : (long long)index);
    } else if (key->kind == TENSORFILE_STRING) {
        added = 0;
    } else {
        added = (size_t)snprintf(number, sizeof number, "(%s)", tensorfile_kind_name(key->kind));
        *odd = "its key is neither a string nor a number nor a class";
    }
    size_t room = TENSORFILE_MAX_NAME - 2 - length;
    if (added > room) {
        added = room;
        *odd = "its name is too long";
    }
    if (length) name[length++] = '.';
    if (added) memcpy(name + length, text, added);
    name[length + added] = 0;
    return length + added;
}

static int tensorfile_pickle_nests(const TensorFileValue *value)
{
    return value->kind == TENSORFILE_DICT || value->kind == TENSORFILE_LIST || value->kind == TENSORFILE_TUPLE;
}

/* Whether the value is a tensor, or something that may have one inside and must be named if it is left out. */
static int tensorfile_pickle_may_hold(const TensorFileValue *value)
{
    return value->kind == TENSORFILE_VIEW || value->kind == TENSORFILE_OPAQUE || value->kind == TENSORFILE_STORAGE ||
           value->kind == TENSORFILE_ARRAY;
}

/* Walks the tree without recursion and appends every tensor under its path's name. Values may be shared, so that a
 * short pickle can describe an endless tree: depth is bounded, and so are the visits. */
static int tensorfile_torch_flatten(TensorFilePickle *pickle, const TensorFileValue *root)
{
    TensorFileFrame frames[TENSORFILE_MAX_DEPTH] = {{root, 0, 0}};
    uint64_t visits = (uint64_t)pickle->reader->size * 2 + (2 << 20);
    char name[TENSORFILE_MAX_NAME] = "";
    int depth = tensorfile_pickle_nests(root);
    if (root->kind == TENSORFILE_VIEW) return tensorfile_torch_emit(pickle, root->view, name, 0);
    if (!depth) return tensorfile_torch_left_out(pickle, root, name, 0);
    while (depth > 0) {
        TensorFileFrame *frame = &frames[depth - 1];
        const TensorFileValue *container = frame->container, *key = NULL;
        size_t i = frame->next, prefix = frame->name_length;
        if (i == container->length) {
            depth--;
            continue;
        }
        if (container->kind == TENSORFILE_DICT) key = container->items[frame->next++];
        const TensorFileValue *value = container->items[frame->next++];
        int nests = tensorfile_pickle_nests(value);
        if (visits-- == 0)
            return tensorfile_fail(pickle->reader->error, "the pickle repeats its values too often");
        if (nests ? value->length == 0 : !tensorfile_pickle_may_hold(value)) continue;
        const char *odd = NULL;
        size_t length = tensorfile_torch_name(name, prefix, key, i, &odd);
        if (nests && depth == TENSORFILE_MAX_DEPTH) odd = "nests deeper than 64 levels";
        int ok = 1;
        if (odd && (nests || value->kind == TENSORFILE_VIEW))
            ok = tensorfile_skip(pickle->reader, name, length, "%s", odd);
        else if (value->kind == TENSORFILE_VIEW) ok = tensorfile_torch_emit(pickle, value->view, name, length);
        else if (!nests) ok = tensorfile_torch_left_out(pickle, value, name, length);
        if (!ok) return 0;
        if (nests && !odd) {
            frames[depth].container = value;
            frames[depth].next = 0;
            frames[depth++].name_length = length;
        }
    }
    return 1;
}

static int tensorfile_compare_entries(const void *a, const void *b)
{
    const TensorEntry *const *x = (const TensorEntry *const *)a, *const *y = (const TensorEntry *const *)b;
    int order = strcmp((*x)->name, (*y)->name);
    return order ? order : *x < *y ? -1 : *x > *y;
}

/* Two paths may spell one name: {"a.b": ..., "a": {"b": ...}}. The first keeps it. */
static int tensorfile_torch_distinct(TensorFileReader *reader)
{
    TensorFile *file = reader->file;
    TensorEntry **sorted = (TensorEntry **)malloc((file->count + 1) * sizeof *sorted);
    if (!sorted) return tensorfile_fail(reader->error, "out of memory");
    size_t kept = 0, first = 0;
    int ok = 1;
    for (size_t i = 0; i < file->count; i++) sorted[i] = &file->tensors[i];
    if (file->count) qsort(sorted, file->count, sizeof *sorted, tensorfile_compare_entries);
    for (size_t i = 1; ok && i < file->count; i++) {
        if (strcmp(sorted[i]->name, sorted[first]->name) != 0) {
            first = i;
            continue;
        }
        ok = tensorfile_skip(reader, sorted[i]->name, strlen(sorted[i]->name), "another tensor has the same name");
        sorted[i]->rank = ok ? -1 : sorted[i]->rank;
    }
    free(sorted);
    for (size_t i = 0; ok && i < file->count; i++) {
        TensorEntry entry = file->tensors[i];
        if (entry.rank >= 0) {
            file->tensors[kept++] = entry;
            continue;
        }
        free(entry.name);
        if (entry.owned) free((void *)(uintptr_t)entry.data);
    }
    if (ok) file->count = kept;
    return ok;
}

static int tensorfile_torch_finish(TensorFilePickle *pickle, const TensorFileValue *root)
{
    if (!tensorfile_torch_flatten(pickle, root) || !tensorfile_torch_distinct(pickle->reader)) return 0;
    if (pickle->reader->file->count == 0 && pickle->opaque)
        return tensorfile_fail(pickle->reader->error, "no tensors but a pickled object (%.80s): save its state_dict()",
                               pickle->opaque);
    return 1;
}

/* Finds the data of one storage in the archive. */
static int tensorfile_torch_resolve(TensorFileReader *reader, const TensorFileZip *zip, TensorFileStorage *storage,
                                    const char *folder, size_t folder_length)
{
    char name[TENSORFILE_MAX_NAME];
    size_t length = folder_length + 5 + storage->key_length;
    if (storage->size == 0) return 1;                           /* then no tensor is made from it */
    if (storage->key_length > 64 || length > sizeof name)
        return tensorfile_fail(reader->error, "a storage key is too long");
    memcpy(name, folder, folder_length);
    memcpy(name + folder_length, "data/", 5);
    memcpy(name + folder_length + 5, storage->key, storage->key_length);
    TensorFileMember *member = tensorfile_zip_find(zip, name, length);
    if (!member) return tensorfile_fail(reader->error, "storage '%.*s' is missing from the archive", (int)length, name);
    if (!tensorfile_zip_read(reader, zip, member)) return 0;
    if (member->size != (uint64_t)storage->root_count * storage->size)
        return tensorfile_fail(reader->error, "storage '%.*s' has %llu bytes where %lld elements of %zu were expected",
                               (int)length, name, (unsigned long long)member->size, (long long)storage->root_count,
                               storage->size);
    storage->data = member->data;
    storage->borrow = !member->inflated;
    return 1;
}

/* data.pkl, whose folder is the archive's name; `length` becomes that of "NAME/". NULL: not an archive of torch. */
static TensorFileMember *tensorfile_torch_main(TensorFileZip *zip, size_t *length)
{
    for (size_t i = 0; i < zip->count; i++) {
        TensorFileMember *member = &zip->members[i];
        const char *slash = (const char *)memchr(member->name, '/', member->name_length);
        *length = slash ? (size_t)(slash - member->name) + 1 : 0;
        if (slash && *length <= 512 && member->name_length == *length + 8 && memcmp(slash + 1, "data.pkl", 8) == 0)
            return member;
    }
    return NULL;
}

/* The archive's member of that name in the folder, read; NULL if there is none. */
static TensorFileMember *tensorfile_torch_member(const TensorFileZip *zip, const char *folder, size_t length,
                                                 const char *file)
{
    char name[TENSORFILE_MAX_NAME];
    memcpy(name, folder, length);
    strcpy(name + length, file);
    return tensorfile_zip_find(zip, name, length + strlen(file));
}

static int tensorfile_read_torch(TensorFileReader *reader, TensorFileZip *zip, TensorFileMember *main_member,
                                 size_t folder)
{
    TensorFileMember *order = tensorfile_torch_member(zip, main_member->name, folder, "byteorder");
    reader->file->format = "pytorch zip";
    if (tensorfile_torch_member(zip, main_member->name, folder, "constants.pkl"))
        return tensorfile_fail(reader->error, "a TorchScript program: save its state_dict() with torch.save instead");
    if (order && !tensorfile_zip_read(reader, zip, order)) return 0;
    if (order && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return tensorfile_fail(reader->error, "written on a big-endian machine; load and save it on another one");
    if (!tensorfile_zip_read(reader, zip, main_member)) return 0;
    TensorFilePickle pickle;
    memset(&pickle, 0, sizeof pickle);
    pickle.reader = reader;
    pickle.begin = pickle.at = main_member->data;
    pickle.end = pickle.begin + main_member->size;
    pickle.borrow = !main_member->inflated;
    TensorFileValue *root = tensorfile_pickle_run(&pickle);
    int ok = root != NULL;
    for (TensorFileStorage *s = pickle.storages; ok && s; s = s->next)
        ok = tensorfile_torch_resolve(reader, zip, s, main_member->name, folder);
    ok = ok && tensorfile_torch_finish(&pickle, root);
    tensorfile_pickle_free(&pickle);
    return ok;
}

static int tensorfile_read_zip(TensorFileReader *reader)
{
    TensorFileZip zip;
    size_t folder = 0;
    int ok = tensorfile_zip_open(reader, &zip);
    TensorFileMember *main_member = ok ? tensorfile_torch_main(&zip, &folder) : NULL;
    if (ok)
        ok = main_member ? tensorfile_read_torch(reader, &zip, main_member, folder) : tensorfile_read_npz(reader, &zip);
    tensorfile_zip_close(&zip);
    return ok;
}

/* The magic number's ten bytes stand right after the first opcodes, or in decimal in protocols 0 and 1. */
static int tensorfile_is_legacy(const uint8_t *bytes, size_t size)
{
    static const char magic[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", decimal[] = "L119547037146038801333356L";
    if (size >= 26 && memcmp(bytes, decimal, 26) == 0) return 1;
    for (size_t i = 0; i < 16 && i + 10 <= size && bytes[0] == 0x80; i++)
        if (memcmp(bytes + i, magic, 10) == 0) return 1;
    return 0;
}

static int tensorfile_compare_storages(const void *a, const void *b)
{
    const TensorFileStorage *x = *(TensorFileStorage *const *)a, *y = *(TensorFileStorage *const *)b;
    return tensorfile_compare_text(x->key, x->key_length, y->key, y->key_length);
}

/* The raw storages follow each other in the order of the key list. Each key may stand for several storages of the
 * pickle (they are sorted by key); `at` moves over one of them. */
static int tensorfile_legacy_storage(TensorFilePickle *pickle, TensorFileStorage **sorted, size_t count,
                                     const TensorFileValue *key)
{
    size_t low = 0, high = count;
    while (low < high) {                                        /* the first storage that is not before the key */
        size_t middle = (low + high) / 2;
        if (tensorfile_compare_text(sorted[middle]->key, sorted[middle]->key_length, key->text, key->length) < 0)
            low = middle + 1;
        else high = middle;
    }
    const uint8_t *header = tensorfile_pickle_take(pickle, 8);
    if (!header) return 0;
    if (low == count || tensorfile_compare_text(sorted[low]->key, sorted[low]->key_length, key->text, key->length) != 0)
        return tensorfile_pickle_fail(pickle, "storage '%.*s' belongs to no tensor",
                                      (int)(key->length < 40 ? key->length : 40), key->text);
    if (sorted[low]->data) return tensorfile_pickle_fail(pickle, "a storage key is listed twice");
    size_t size = sorted[low]->size;
    int64_t elements = sorted[low]->root_count;
    if (size == 0)
        return tensorfile_pickle_fail(pickle, "storage type %.60s is not known, nor where its data end",
                                      sorted[low]->foreign);
    if (tensorfile_u64(header) != (uint64_t)elements)
        return tensorfile_pickle_fail(pickle, "storage of %llu elements where %lld were expected",
                                      (unsigned long long)tensorfile_u64(header), (long long)elements);
    const uint8_t *data = tensorfile_pickle_take(pickle, (uint64_t)elements * size);
    if (!data) return 0;
    for (size_t i = low; i < count && tensorfile_compare_storages(&sorted[i], &sorted[low]) == 0; i++) {
        if (sorted[i]->size != size || sorted[i]->root_count != elements)
            return tensorfile_pickle_fail(pickle, "two storages share a key but differ in type or size");
        sorted[i]->data = data;
        sorted[i]->borrow = 1;
    }
    return 1;
}

static int tensorfile_legacy_storages(TensorFilePickle *pickle, const TensorFileValue *keys)
{
    size_t count = 0;
    for (TensorFileStorage *s = pickle->storages; s; s = s->next) count++;
    TensorFileStorage **sorted = (TensorFileStorage **)tensorfile_pickle_allocate(pickle, (count + 1) * sizeof *sorted);
    if (!sorted) return 0;
    count = 0;
    for (TensorFileStorage *s = pickle->storages; s; s = s->next) sorted[count++] = s;
    if (count) qsort(sorted, count, sizeof *sorted, tensorfile_compare_storages);
    if (keys->kind != TENSORFILE_LIST) return tensorfile_pickle_fail(pickle, "a list of storage keys was expected");
    for (size_t i = 0; i < keys->length; i++) {
        if (keys->items[i]->kind != TENSORFILE_STRING)
            return tensorfile_pickle_fail(pickle, "a storage key must be a string");
        if (!tensorfile_legacy_storage(pickle, sorted, count, keys->items[i])) return 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!sorted[i]->data)
            return tensorfile_fail(pickle->reader->error, "storage '%.*s' has no data in the file",
                                   (int)(sorted[i]->key_length < 40 ? sorted[i]->key_length : 40), sorted[i]->key);
    return 1;
}

static int tensorfile_read_legacy(TensorFileReader *reader)
{
    TensorFilePickle pickle;
    memset(&pickle, 0, sizeof pickle);
    pickle.reader = reader;
    pickle.begin = pickle.at = reader->bytes;
    pickle.end = reader->bytes + reader->size;
    pickle.borrow = 1;
    reader->file->format = "pytorch legacy";
    TensorFileValue *magic = tensorfile_pickle_run(&pickle), *protocol = magic ? tensorfile_pickle_run(&pickle) : NULL;
    int ok = protocol != NULL;
    if (ok && (protocol->kind != TENSORFILE_INTEGER || protocol->integer != 1001))
        ok = tensorfile_pickle_fail(&pickle, "torch's protocol version 1001 was expected");
    TensorFileValue *system_info = ok ? tensorfile_pickle_run(&pickle) : NULL;
    TensorFileValue *root = system_info ? tensorfile_pickle_run(&pickle) : NULL;
    TensorFileValue *keys = root ? tensorfile_pickle_run(&pickle) : NULL;
    ok = keys && tensorfile_legacy_storages(&pickle, keys) && tensorfile_torch_finish(&pickle, root);
    tensorfile_pickle_free(&pickle);
    return ok;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 11  Writing PyTorch
 *
 * The zip layout of section 10, as torch.load(..., weights_only=True) takes it: a dict from names to tensors, each
 * tensor the call _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks) on a storage of its own.
 * The pickle is of protocol 2:
 *
 *     80 02  }  (                                   protocol, empty dict, mark
 *       X <name>  c torch._utils\n_rebuild_tensor_v2\n
 *         (  ( X storage  c torch\nFloatStorage\n  X 0  X cpu  J <count>  t  Q          the persistent id
 *            K 0   ( sizes t   ( strides t   89   c collections\nOrderedDict\n ) R  t
 *         R                                         call
 *       ...
 *     u  .                                          put all pairs into the dict, stop
 *
 * Metadata have no place there and are left out.
 * ---------------------------------------------------------------------------------------------------------------- */

/* A whole number in the shortest of the forms that hold it: 4 bytes, or as many as are counted before them. */
static void tensorfile_put_integer(TensorFileText *text, int64_t value)
{
    int small = value >= INT32_MIN && value <= INT32_MAX;
    tensorfile_text_append(text, small ? "J" : "\x8a\x08", small ? 1 : 2);
    tensorfile_text_number(text, (uint64_t)value, small ? 4 : 8);
}

static void tensorfile_put_string(TensorFileText *text, const char *string)
{
    tensorfile_text_append(text, "X", 1);
    tensorfile_text_number(text, strlen(string), 4);
    tensorfile_text_append(text, string, strlen(string));
}

static void tensorfile_put_words(TensorFileText *text, const char *words)
{
    tensorfile_text_append(text, words, strlen(words));
}

/* The pair of a name and a tensor on storage `number`. */
static void tensorfile_put_tensor(TensorFileText *text, const TensorEntry *entry, size_t number)
{
    int64_t strides[TENSORFILE_MAX_RANK], elements = 1;
    char key[24];
    snprintf(key, sizeof key, "%llu", (unsigned long long)number);
    tensorfile_put_string(text, entry->name);
    tensorfile_put_words(text, "ctorch._utils\n_rebuild_tensor_v2\n((");
    tensorfile_put_string(text, "storage");
    tensorfile_put_words(text, "ctorch\n");
    tensorfile_put_words(text, tensorfile_type_row(entry->type)->torch_storage);
    tensorfile_put_words(text, "\n");
    tensorfile_put_string(text, key);
    tensorfile_put_string(text, "cpu");
    tensorfile_put_integer(text, (int64_t)tensorfile_count(entry));
    tensorfile_put_words(text, "tQ");
    tensorfile_put_integer(text, 0);
    tensorfile_put_words(text, "(");
    for (int d = 0; d < entry->rank; d++) tensorfile_put_integer(text, entry->shape[d]);
    tensorfile_put_words(text, "t(");
    for (int d = entry->rank - 1; d >= 0; d--) {
        strides[d] = elements;
        elements *= entry->shape[d] > 1 ? entry->shape[d] : 1;
    }
    for (int d = 0; d < entry->rank; d++) tensorfile_put_integer(text, strides[d]);
    tensorfile_put_words(text, "t\x89" "ccollections\nOrderedDict\n)RtR");
}

static int tensorfile_write_torch(TensorFileWriter *writer, const TensorFile *file)
{
    TensorFileZipWriter zip = tensorfile_zip_begin(writer);
    TensorFileText pickle = {NULL, 0, 0, 0};
    char name[40];
    int ok = 1;
    tensorfile_text_append(&pickle, "\x80\x02}(", 4);
    for (size_t i = 0; ok && i < file->count; i++) {
        ok = tensorfile_is_utf8(file->tensors[i].name) ||
             tensorfile_fail(writer->error, "tensor name '%.80s' is not UTF-8", file->tensors[i].name);
        tensorfile_put_tensor(&pickle, &file->tensors[i], i);
    }
    tensorfile_put_words(&pickle, "u.");
    if (ok) ok = tensorfile_write_member(&zip, "archive/data.pkl", &pickle, NULL, 0);
    else free(pickle.data);
    for (size_t i = 0; ok && i < file->count; i++) {
        TensorFileText none = {NULL, 0, 0, 0};
        snprintf(name, sizeof name, "archive/data/%llu", (unsigned long long)i);
        ok = tensorfile_write_member(&zip, name, &none, file->tensors[i].data, file->tensors[i].bytes);
    }
    TensorFileText none = {NULL, 0, 0, 0};
    if (ok) ok = tensorfile_write_member(&zip, "archive/byteorder", &none, "little", 6);
    if (ok) ok = tensorfile_write_member(&zip, "archive/version", &none, "3\n", 2);
    return tensorfile_zip_finish(&zip, ok);
}

/* ------------------------------------------------------------------------------------------------------------------
 * 12  A dict of arrays in .npy
 *
 * numpy.save of anything but an array of numbers writes descr '|O' and then a pickle: an array of objects, in it
 * usually one dict, in that the arrays. They are named by their path, "conv1.weights".
 * ---------------------------------------------------------------------------------------------------------------- */

static int tensorfile_is_object(const uint8_t *bytes, size_t size)
{
    TensorFileScanner scan;
    char ignored[TENSORFILE_ERROR_SIZE];
    memset(&scan, 0, sizeof scan);
    if (!tensorfile_npy_open(&scan, bytes, size, ignored)) return 0;
    for (const uint8_t *p = scan.begin; p + 4 <= scan.end; p++)
        if (memcmp(p, "'|O'", 4) == 0) return 1;
    return 0;
}

static int tensorfile_read_object(TensorFileReader *reader)
{
    TensorFileScanner scan;
    TensorFilePickle pickle;
    memset(&scan, 0, sizeof scan);
    memset(&pickle, 0, sizeof pickle);
    reader->file->format = "npy";
    if (!tensorfile_npy_open(&scan, reader->bytes, reader->size, reader->error)) return 0;
    pickle.reader = reader;
    pickle.begin = pickle.at = scan.end;
    pickle.end = reader->bytes + reader->size;
    pickle.borrow = 1;
    TensorFileValue *root = tensorfile_pickle_run(&pickle);
    int ok = root && !pickle.storages;
    if (root && !ok) tensorfile_pickle_fail(&pickle, "a torch tensor in a NumPy file");
    ok = ok && tensorfile_torch_finish(&pickle, root);
    if (ok && !reader->file->count && !reader->file->n_skipped)
        ok = tensorfile_fail(reader->error, "an array of objects without an array of numbers");
    tensorfile_pickle_free(&pickle);
    return ok;
}

/* ------------------------------------------------------------------------------------------------------------------
 * 13  Loading: the content tells the format
 *
 *      byte 0   50 4b 03 04                        zip: .npz or torch (50 4b 05 06 or 06 06: an empty one)
 *               93 N U M P Y                       .npy
 *               80 02 8a 0a 6c fc 9c 46 ...        legacy torch: a pickled magic number
 *               8 bytes, '{'                       safetensors
 * ---------------------------------------------------------------------------------------------------------------- */

/* What is taken for weights, known by its bytes, and what to do. */
static const struct { const char *mark; size_t offset, length; const char *is; } tensorfile_strangers[] = {
    {"\x89HDF\r\n\x1a\n", 0, 8, "an HDF5 file, as Keras saves: save its weights with numpy.savez instead"},
    {"version https://git-lfs.", 0, 24, "a pointer of Git LFS: fetch the file with git lfs pull"},
    {"\x1f\x8b", 0, 2, "compressed (gzip): unpack it first"},
    {"BZh", 0, 3, "compressed (bzip2): unpack it first"},
    {"\xfd" "7zXZ", 0, 5, "compressed (xz): unpack it first"},
    {"\x28\xb5\x2f\xfd", 0, 4, "compressed (Zstandard): unpack it first"},
    {"7z\xbc\xaf", 0, 4, "an archive (7z): unpack it first"},
    {"Rar!", 0, 4, "an archive (RAR): unpack it first"},
    {"ustar", 257, 5, "a tar archive: torch's layout of 2016 is not supported; save it again with a newer torch"},
    {"TFL3", 4, 4, "a TensorFlow Lite model, which is not read here"},
    {"GGUF", 0, 4, "a GGUF file, which is not read here"},
    {"\x89PNG", 0, 4, "a picture (PNG)"},
    {"\xff\xd8\xff", 0, 3, "a picture (JPEG)"},
    {"GIF8", 0, 4, "a picture (GIF)"},
    {"%PDF-", 0, 5, "a PDF"},
    {"<", 0, 1, "a web page, which is what a failed download leaves, or XML"},
    {"{", 0, 1, "a JSON text: the tensors are in another file"},
};

/* Says what a file is that holds no tensors that can be read here, as far as its bytes tell. */
static int tensorfile_refuse(TensorFileReader *reader)
{
    const uint8_t *p = reader->bytes;
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof tensorfile_strangers / sizeof *tensorfile_strangers; i++)
        if (reader->size >= tensorfile_strangers[i].offset + tensorfile_strangers[i].length &&
            !memcmp(p + tensorfile_strangers[i].offset, tensorfile_strangers[i].mark, tensorfile_strangers[i].length))
            return tensorfile_fail(reader->error, "%s", tensorfile_strangers[i].is);
    while (zeros < reader->size && !p[zeros]) zeros++;
    if (zeros == reader->size)
        return tensorfile_fail(reader->error, "all its %zu bytes are zero: it was never written or downloaded to its "
                                              "end", zeros);
    if (p[0] == 8 && p[1] && p[1] < 32 && (p[2] == 0x12 || p[2] == 0x3a))      /* ir_version; producer or graph */
        return tensorfile_fail(reader->error, "an ONNX model, which is not read here: take the file that it was made "
                                              "of");
    return tensorfile_fail(reader->error,
                           "not a safetensors, PyTorch, .npy or .npz file (it begins %02x %02x %02x %02x)", p[0], p[1],
                           p[2], p[3]);
}

static int tensorfile_read(TensorFileReader *reader)
{
    const uint8_t *p = reader->bytes;
    size_t size = reader->size;
    if (size < 9) return tensorfile_fail(reader->error, "%zu bytes are too few for any file of tensors", size);
    if (memcmp(p, "PK\3\4", 4) == 0 || memcmp(p, "PK\5\6", 4) == 0 || memcmp(p, "PK\6\6", 4) == 0)
        return tensorfile_read_zip(reader);
    if (memcmp(p, "\x93NUMPY", 6) == 0)
        return tensorfile_is_object(p, reader->size) ? tensorfile_read_object(reader) : tensorfile_read_npy(reader);
    if (tensorfile_is_legacy(p, size)) return tensorfile_read_legacy(reader);
    if (p[8] == '{') return tensorfile_read_safetensors(reader);
    if (p[0] == 0x80 && p[1] <= 5)
        return tensorfile_fail(reader->error, "a plain pickle, not a file of torch.save, safetensors or NumPy");
    return tensorfile_refuse(reader);
}

TENSORFILE_API int tensorfile_decode_within(const void *bytes, size_t size, uint64_t max_memory, TensorFile *out,
                                            char error[])
{
    char detail[TENSORFILE_ERROR_SIZE] = "";
    memset(out, 0, sizeof *out);
    /* A copy of everything (unaligned), names, tensors that share or repeat storage and data that was worth compressing
     * fit well within this. */
    if (max_memory == 0) max_memory = (uint64_t)size * 32 + ((uint64_t)512 << 20);
    TensorFileReader reader = {(const uint8_t *)bytes, size, out, max_memory, max_memory, detail};
    int ok = tensorfile_read(&reader) && tensorfile_check_names(out, detail);
    if (ok && out->count == 0 && out->n_skipped > 0)
        ok = tensorfile_fail(detail, "nothing in it can be held: '%.60s' is left out (%.150s)", out->skipped[0].name,
                             out->skipped[0].reason);
    if (error) memcpy(error, detail, sizeof detail);
    if (!ok) tensorfile_free(out);
    return ok;
}

TENSORFILE_API int tensorfile_decode(const void *bytes, size_t size, TensorFile *out, char error[])
{
    return tensorfile_decode_within(bytes, size, 0, out, error);
}

/* Only a regular file is opened: a pipe would wait for its writer, and a device may do anything. */
static int tensorfile_open(const char *path, struct stat *status, char *error)
{
    int descriptor = -1, found = stat(path, status) == 0;
    if (found && S_ISREG(status->st_mode)) {
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        found = descriptor >= 0 && fstat(descriptor, status) == 0;          /* it may be another one by now */
    }
    if (found && S_ISREG(status->st_mode)) return descriptor;
    if (!found) tensorfile_fail(error, "%.150s: %s", path, strerror(errno));
    else tensorfile_fail(error, "%.150s: not a regular file but a %s", path, S_ISDIR(status->st_mode) ? "folder" :
                         S_ISFIFO(status->st_mode) ? "pipe" : "device or a socket");
    if (descriptor >= 0) close(descriptor);
    return -1;
}

static int tensorfile_map(const char *path, void **mapping, size_t *size, char *error)
{
    struct stat status;
    int descriptor = tensorfile_open(path, &status, error), ok = 0;
    if (descriptor < 0) return 0;
    if (status.st_size == 0) tensorfile_fail(error, "%.150s: the file is empty", path);
    else if ((uint64_t)status.st_size > (uint64_t)PTRDIFF_MAX)
        tensorfile_fail(error, "%.150s: the file is too large", path);
    else {
        *size = (size_t)status.st_size;
        *mapping = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        ok = *mapping != MAP_FAILED;
        if (!ok) tensorfile_fail(error, "%.150s: cannot be mapped: %s", path, strerror(errno));
    }
    close(descriptor);
    return ok;
}

TENSORFILE_API int tensorfile_load_within(const char *path, uint64_t max_memory, TensorFile *out, char error[])
{
    void *mapping = NULL;
    size_t size = 0;
    char detail[TENSORFILE_ERROR_SIZE];
    memset(out, 0, sizeof *out);
    if (!tensorfile_map(path, &mapping, &size, error)) return 0;
    if (!tensorfile_decode_within(mapping, size, max_memory, out, detail)) {
        munmap(mapping, size);
        size_t length = strlen(path), room = 80; /* a long path gives way: its end says more than its beginning */
        return tensorfile_fail(error, "%s%s: %s", length > room ? "..." : "",
                               length > room ? path + length - room : path, detail);
    }
    out->mapping = mapping;
    out->mapping_size = size;
    return 1;
}

TENSORFILE_API int tensorfile_load(const char *path, TensorFile *out, char error[])
{
    return tensorfile_load_within(path, 0, out, error);
}

/* ------------------------------------------------------------------------------------------------------------------
 * 14  Saving: the whole file or none
 *
 *      open path.tmp-PID  ->  write, write, ...  ->  fsync  ->  close  ->  rename to path  ->  fsync the directory
 *
 * rename() replaces the old file in one step (POSIX), so whoever opens `path` at any moment, also after a crash, finds
 * either the old content or the new. Without the first fsync a crash could leave a new name with no content behind it;
 * without the second the new name itself could be lost.
 * ---------------------------------------------------------------------------------------------------------------- */

typedef int (*TensorFileBody)(TensorFileWriter *writer, const TensorFile *file);

static TensorFileBody tensorfile_body_for(const char *path, char *error)
{
    static const struct {
        const char *ending;
        TensorFileBody body;
    } formats[] = {
        {".safetensors", tensorfile_write_safetensors}, {".npz", tensorfile_write_npz}, {".npy", tensorfile_write_npy},
        {".pt", tensorfile_write_torch}, {".pth", tensorfile_write_torch}, {".ckpt", tensorfile_write_torch}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t length = strlen(path), ending = strlen(formats[i].ending);
        if (length > ending && strcmp(path + length - ending, formats[i].ending) == 0) return formats[i].body;
    }
    tensorfile_fail(error, "%.150s: the name must end in .safetensors, .pt, .pth, .ckpt, .npz or .npy", path);
    return NULL;
}

TENSORFILE_API int tensorfile_saves(const char *path)
{
    char ignored[TENSORFILE_ERROR_SIZE];
    return tensorfile_body_for(path, ignored) != NULL;
}

static int tensorfile_write_body(FILE *to, TensorFileBody body, const TensorFile *file, char *error)
{
    TensorFileWriter writer = {to, 0, error};
    if (!body(&writer, file)) return 0;
    errno = 0;
    return fflush(to) == 0 || tensorfile_fail(error, "write failed: %s", errno ? strerror(errno) : "no progress");
}

TENSORFILE_API int tensorfile_save_to(FILE *to, const char *name, const TensorFile *file, char error[])
{
    char detail[TENSORFILE_ERROR_SIZE];
    TensorFileBody body = tensorfile_body_for(name, error);
    if (!body) return 0;
    return tensorfile_write_body(to, body, file, detail) || tensorfile_fail(error, "%.150s: %s", name, detail);
}

static int tensorfile_write_temporary(const char *temporary, TensorFileBody body, const TensorFile *file, char *error)
{
    unlink(temporary); /* left by a crashed process of the same number; O_EXCL: never follow a link */
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!stream) {
        tensorfile_fail(error, "%.150s: %s", temporary, strerror(errno));
        if (descriptor >= 0) close(descriptor), unlink(temporary);
        return 0;
    }
    char detail[TENSORFILE_ERROR_SIZE];
    int ok = tensorfile_write_body(stream, body, file, detail);
    if (ok && fsync(descriptor) != 0) ok = tensorfile_fail(detail, "fsync failed: %s", strerror(errno));
    if (fclose(stream) != 0 && ok) ok = tensorfile_fail(detail, "close failed: %s", strerror(errno));
    if (!ok) {
        unlink(temporary);
        tensorfile_fail(error, "%.120s: %s", temporary, detail);
    }
    return ok;
}

/* Some file systems cannot sync a directory and say so with EINVAL; the file itself is safe by then. */
static int tensorfile_sync_directory(const char *path, char *error)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? tensorfile_duplicate(path, slash == path ? 1 : (size_t)(slash - path))
                            : tensorfile_duplicate(".", 1);
    if (!directory) return tensorfile_fail(error, "out of memory");
    int descriptor = open(directory, O_RDONLY | O_CLOEXEC), ok = 1;
    free(directory);
    if (descriptor < 0) return 1;           /* a directory that may be written but not read */
    if (fsync(descriptor) != 0 && errno != EINVAL && errno != ENOTSUP)
        ok = tensorfile_fail(error, "%.150s: was written, but its directory could not be synced: %s", path,
                             strerror(errno));
    close(descriptor);
    return ok;
}

TENSORFILE_API int tensorfile_save(const char *path, const TensorFile *file, char error[])
{
    if (error) error[0] = 0;
    TensorFileBody body = tensorfile_body_for(path, error);
    if (!body) return 0;
    size_t room = strlen(path) + 32;
    char *temporary = (char *)malloc(room);
    if (!temporary) return tensorfile_fail(error, "out of memory");
    snprintf(temporary, room, "%s.tmp-%ld", path, (long)getpid());
    int ok = tensorfile_write_temporary(temporary, body, file, error);
    if (ok && rename(temporary, path) != 0) {
        ok = tensorfile_fail(error, "%.150s: cannot be replaced: %s", path, strerror(errno));
        unlink(temporary);
    }
    free(temporary);
    return ok && tensorfile_sync_directory(path, error);
}

#endif /* TENSORFILE_IMPLEMENTED */
#endif /* TENSORFILE_IMPLEMENTATION */
