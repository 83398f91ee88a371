/* fuzz_tensorfile.c: hostile files of every format that tensorfile.h reads.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_tensorfile.c -o fuzz_tensorfile
 *     ./fuzz_tensorfile -max_len=8192 SEEDS
 *
 * Good seeds are small files of each format; zip archives with a CRC-32 of 0 in their directory (not checked), so that
 * changed data is not refused before anybody parses it. A first byte of F0 or more takes the rest for a pickle or an
 * array alone and builds the file around it. */
#define TENSORFILE_IMPLEMENTATION
#include "../vendor/tensorfile.h"

static void require(int condition)
{
    if (!condition) abort();
}

/* What the header promises of every tensor it returns. */
static void check_entry(const TensorFile *file, const TensorEntry *entry)
{
    size_t bytes, count = tensorfile_count(entry);
    require(tensorfile_measure(entry->type, entry->rank, entry->shape, &bytes) && bytes == entry->bytes);
    require((uintptr_t)entry->data % tensorfile_type_size(entry->type) == 0);
    require(tensorfile_find(file, entry->name) == entry);
    if (count > 65536) return;
    double *values = (double *)malloc((count + 1) * sizeof *values);
    float *floats = (float *)malloc((count + 1) * sizeof *floats);
    require(values && floats);
    tensorfile_to_f64(entry, values);
    tensorfile_to_f32(entry, floats);
    for (size_t i = 0; i < count; i++) {
        double value = tensorfile_get(entry, i);
        require(value == values[i] || value != value);
    }
    free(values);
    free(floats);
}

/* A file of which nothing is known: it is read or refused with a message, within the limit. */
static void fuzz_file(const uint8_t *data, size_t size, uint64_t max_memory)
{
    char error[TENSORFILE_ERROR_SIZE];
    TensorFile file;
    if (!tensorfile_decode_within(data, size, max_memory, &file, error)) {
        require(error[0] && strlen(error) < sizeof error && !file.tensors && !file.count && !file.n_metadata);
        require(!file.skipped && !file.n_skipped);
        return;
    }
    require(file.format != NULL);
    size_t owned = 0;
    for (size_t i = 0; i < file.count; i++) owned += file.tensors[i].owned ? file.tensors[i].bytes : 0;
    require(max_memory == 0 || owned <= max_memory);
    for (size_t i = 0; i < file.count && i < 1000; i++) check_entry(&file, &file.tensors[i]);
    for (size_t i = 0; i < file.n_metadata; i++) require(tensorfile_metadata(&file, file.keys[i]) == file.values[i]);
    for (size_t i = 0; i < file.n_skipped; i++)
        require(file.skipped[i].name[0] && file.skipped[i].reason[0] &&
                strlen(file.skipped[i].reason) < TENSORFILE_ERROR_SIZE);
    tensorfile_free(&file);
}

static void put(uint8_t *file, size_t *size, const void *bytes, size_t n)
{
    memcpy(file + *size, bytes, n);
    *size += n;
}

/* The data as the object's pickle in a file of the old layout, with storages "0" to "2" of 16 bytes each. */
static void fuzz_pickle(const uint8_t *data, size_t size)
{
    static const uint8_t numbers[16] = {0, 0, 128, 63, 1, 2, 3, 4, 255, 255, 255, 255, 0, 0, 0, 128};
    uint8_t *file = (uint8_t *)malloc(size + 128);
    size_t n = 0;
    put(file, &n, "\x80\2\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.M\xe9\3.}.", 21);
    put(file, &n, data, size);
    put(file, &n, ".](U\1" "0U\1" "1U\1" "2e.", 13);
    for (int i = 0; i < 3; i++) {
        uint64_t count = i == 0 ? 4 : i == 1 ? 2 : 16;              /* float; complex64; bytes */
        put(file, &n, &count, 8);
        put(file, &n, numbers, 16);
    }
    fuzz_file(file, n, 1 << 20);
    free(file);
}

/* The data as a torch archive's pickle or as an array of an .npz, stored or (in stored blocks) deflated, with a true
 * directory and no CRC. */
static void fuzz_archive(const uint8_t *data, size_t size, int is_torch, int deflated)
{
    const char *name = is_torch ? "x/data.pkl" : "x.npy";
    uint32_t length = (uint32_t)strlen(name), inner = (uint32_t)size, outer = inner + (deflated ? 5 : 0);
    uint8_t *file = (uint8_t *)malloc(size + 256), local[30] = "PK\3\4", entry[46] = "PK\1\2", end[22] = "PK\5\6";
    uint8_t block[5] = {1, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size, (uint8_t)(~size >> 8)};
    size_t n = 0;
    local[26] = entry[28] = (uint8_t)length;
    entry[10] = deflated ? 8 : 0;
    memcpy(entry + 20, &outer, 4);
    memcpy(entry + 24, &inner, 4);
    put(file, &n, local, 30);
    put(file, &n, name, length);
    if (deflated) put(file, &n, block, 5);
    put(file, &n, data, size);
    uint32_t directory[2] = {46 + length, (uint32_t)n};
    put(file, &n, entry, 46);
    put(file, &n, name, length);
    end[8] = end[10] = 1;
    memcpy(end + 12, directory, 8);
    put(file, &n, end, 22);
    fuzz_file(file, n, 1 << 20);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t inflated[4096];
    if (size > 0 && data[0] >= 0xF0 && size < 60000) {              /* no file begins so: ways past the containers */
        if (data[0] < 0xF8) fuzz_pickle(data + 1, size - 1);
        else fuzz_archive(data + 1, size - 1, data[0] & 1, data[0] & 2);
        return 0;
    }
    tensorfile_inflate(data, size, inflated, sizeof inflated);
    fuzz_file(data, size, 0);
    fuzz_file(data, size, 4096);
    return 0;
}
