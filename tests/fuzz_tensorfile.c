/* fuzz_tensorfile.c: hostile files of every format that tensorfile.h reads.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_tensorfile.c -o fuzz_tensorfile
 *     ./fuzz_tensorfile -max_len=8192 SEEDS
 *
 * Good seeds are small files of each format; zip archives with a CRC-32 of 0 in their directory (not checked), so that
 * changed data is not refused before anybody parses it. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[TENSORFILE_ERROR_SIZE];
    uint8_t inflated[4096];
    TensorFile file;
    tensorfile_inflate(data, size, inflated, sizeof inflated);
    if (!tensorfile_decode(data, size, &file, error)) {
        require(error[0] && strlen(error) < sizeof error && !file.tensors && !file.count && !file.n_metadata);
        return 0;
    }
    require(file.format != NULL);
    for (size_t i = 0; i < file.count && i < 1000; i++) check_entry(&file, &file.tensors[i]);
    for (size_t i = 0; i < file.n_metadata; i++) require(tensorfile_metadata(&file, file.keys[i]) == file.values[i]);
    tensorfile_free(&file);
    return 0;
}
