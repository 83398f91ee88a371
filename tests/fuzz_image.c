/* Fuzz target for vendor/image.h.
 *     clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined tests/fuzz_image.c -o fuzz_image
 * The first byte of the input chooses what is done with the rest: decode it; decode it as a PNG whose CRCs are made to
 * match, for they would stop nearly every mutation; inflate it; unfilter it; expand it as a BMP's run lengths; read it
 * as an EXIF block; or take it for pixels and encode it.
 *
 * Every branch of a decoder is reached by a picture of a few blocks, and a small one is decoded a thousand times while
 * a large one is once: so pictures are small here. -DIMAGE_MAX_PIXELS=65536 -DFUZZ_BYTES=65536 is for a long night. */
#ifndef IMAGE_MAX_PIXELS
#define IMAGE_MAX_PIXELS 1024
#endif
#ifndef FUZZ_BYTES
#define FUZZ_BYTES 2048
#endif
#define IMAGE_IMPLEMENTATION
#include "../vendor/image.h"

static void require(int condition)
{
    if (!condition) abort();
}

/* What decodes must agree with its header and survive every other function. */
static void fuzz_decode(const uint8_t *data, size_t size, int channels)
{
    char error[IMAGE_ERROR_SIZE], value[64];
    Image image, small;
    int width, height, stored;
    image_png_text(data, size, "Comment", value, sizeof value);
    ImageNotes notes;
    if (image_read_notes(data, size, &notes, error)) image_notes_free(&notes);
    int probed = image_probe(data, size, &width, &height, &stored, NULL, error);
    if (!image_decode(data, size, channels, &image, error)) {
        require(!image.pixels);
        return;
    }
    require(probed && image.width == width && image.height == height);
    require(image.channels == (channels ? channels : stored));
    if (image_resize(&image, 1 + width / 3, 1 + height / 2, &small, error)) image_free(&small);
    image_free(&image);
}

static void fuzz_png(const uint8_t *data, size_t size, int channels)
{
    unsigned char *copy = (unsigned char *)malloc(size);
    memcpy(copy, data, size);
    for (size_t at = 8; size >= 12 && at <= size - 12;) {
        size_t length = image_be32(copy + at);
        if (length > size - 12 - at) break;
        uint32_t crc = image_crc32(0, copy + at + 4, length + 4);
        for (size_t i = 0; i < 4; i++) copy[at + 8 + length + i] = (unsigned char)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
    fuzz_decode(copy, size, channels);
    free(copy);
}

static void fuzz_inflate(const uint8_t *data, size_t size, size_t out_size)
{
    char error[IMAGE_ERROR_SIZE];
    unsigned char *out = (unsigned char *)malloc(out_size);
    image_inflate(data, size, out, out_size, out_size, error);
    free(out);
}

/* Rows of any kind of PNG, from bytes that no checksum guards. */
static void fuzz_unpack(const uint8_t *data, size_t size)
{
    static const int kinds[15][2] = { { 0, 1 }, { 0, 2 }, { 0, 4 }, { 0, 8 }, { 0, 16 }, { 2, 8 }, { 2, 16 }, { 3, 1 },
                                      { 3, 2 }, { 3, 4 }, { 3, 8 }, { 4, 8 }, { 4, 16 }, { 6, 8 }, { 6, 16 } };
    char error[IMAGE_ERROR_SIZE];
    ImagePng png;
    Image image;
    memset(&png, 0, sizeof png);
    png.type = kinds[data[0] % 15][0];
    png.depth = kinds[data[0] % 15][1];
    png.interlaced = data[1] & 1;
    png.transparent = png.type < 4 && (data[1] & 2);
    png.palette_size = 1 + data[1];
    png.width = 1 + data[2] % 30;
    png.height = 1 + data[3] % 30;
    png.error = error;
    size_t n = image_png_raw_size(&png);
    unsigned char *raw = (unsigned char *)calloc(n, 1);
    memcpy(raw, data + 4, size - 4 < n ? size - 4 : n);
    require(image_new(png.width, png.height, image_png_channels(&png), &image, error));
    image_png_unpack(&png, raw, &image);
    image_free(&image);
    free(raw);
}

/* A BMP of run lengths from any bytes: 4 or 8 bits, a palette of 16, from the top or the bottom. */
static void fuzz_runs(const uint8_t *data, size_t size)
{
    static const uint8_t head[54] = { 'B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, 118, 0, 0, 0, 40 };
    uint8_t *copy = (uint8_t *)malloc(118 + size - 3);
    memcpy(copy, head, sizeof head);
    memset(copy + 54, data[2], 64);
    copy[18] = (uint8_t)(1 + data[0] % 30);
    copy[22] = (uint8_t)(1 + data[1] % 30);
    copy[26] = 1;
    copy[28] = data[2] & 1 ? 4 : 8;
    copy[30] = data[2] & 1 ? 2 : 1;
    copy[46] = 16;
    memcpy(copy + 118, data + 3, size - 3);
    fuzz_decode(copy, 118 + size - 3, 0);
    free(copy);
}

/* Memory that ends where the block ends, so that a byte too far is seen. */
static void fuzz_exif(const uint8_t *data, size_t size)
{
    uint8_t *block = (uint8_t *)malloc(size);
    memcpy(block, data, size);
    int orientation = image_exif_orientation(block, size);
    require(orientation >= 0 && orientation <= 8);
    image_exif_update(block, size);
    require(image_exif_orientation(block, size) <= 8);
    free(block);
}

/* What is encoded must come back: exactly from PNG, and from GIF if it is grey. One format a run: encoders are slow. */
static void fuzz_encode(const uint8_t *data, size_t size, int channels, int width, int choice)
{
    char error[IMAGE_ERROR_SIZE];
    int height = (int)(size / (size_t)(width * channels)), format = choice % 3;
    if (height > IMAGE_MAX_PIXELS / 4 / width) height = IMAGE_MAX_PIXELS / 4 / width;
    if (height < 1) return;
    Image image, back;
    unsigned char *bytes;
    size_t n, total = (size_t)width * (size_t)height * (size_t)channels;
    require(image_new(width, height, channels, &image, error));
    memcpy(image.pixels, data, total);
    if (format == 0) require(image_encode_png(&image, NULL, 0, &bytes, &n, error));
    if (format == 1) require(image_encode_jpeg(&image, 1 + choice % 100, &bytes, &n, error));
    if (format == 2) require(image_encode_gif(&image, 1, choice, &bytes, &n, error));
    require(image_decode(bytes, n, format == 2 ? channels : 0, &back, error));
    require(back.width == width && back.height == height);
    require(format == 1 || back.channels == channels);
    if (format == 0 || (format == 2 && channels == 1)) require(memcmp(back.pixels, image.pixels, total) == 0);
    image_free(&back);
    free(bytes);
    image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int channels[4] = { 0, 1, 3, 4 };
    if (size < 8) return 0;
    if (size > FUZZ_BYTES) size = FUZZ_BYTES;
    int choice = data[0] & 3;
    if (data[0] < 0xB0) fuzz_decode(data + 1, size - 1, channels[choice]);
    else if (data[0] < 0xB8) fuzz_runs(data + 1, size - 1);
    else if (data[0] < 0xC0) fuzz_exif(data + 1, size - 1);
    else if (data[0] < 0xD8) fuzz_png(data + 1, size - 1, channels[choice]);
    else if (data[0] < 0xE8) fuzz_inflate(data + 3, size - 3, 1 + 16u * data[1] + data[2]);
    else if (data[0] < 0xFC) fuzz_unpack(data + 1, size - 1);
    else fuzz_encode(data + 3, size - 3, channels[choice ? choice : 1], 1 + data[1] % 64, data[2]);
    return 0;
}
