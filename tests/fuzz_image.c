/* Fuzz target for vendor/image.h.
 *     clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined tests/fuzz_image.c -o fuzz_image
 * The first byte of the input chooses what is done with the rest: decode it; decode it as a PNG whose CRCs are made to
 * match, for they would stop nearly every mutation; inflate it; unfilter it; or take it for pixels and encode it. */
#define IMAGE_MAX_PIXELS (64 * 1024)
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
    image_inflate(data, size, out, out_size, error);
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
    png.width = 1 + data[2] % 40;
    png.height = 1 + data[3] % 40;
    png.error = error;
    size_t n = image_png_raw_size(&png);
    unsigned char *raw = (unsigned char *)calloc(n, 1);
    memcpy(raw, data + 4, size - 4 < n ? size - 4 : n);
    require(image_new(png.width, png.height, image_png_channels(&png), &image, error));
    image_png_unpack(&png, raw, &image);
    image_free(&image);
    free(raw);
}

/* What is encoded must come back: exactly from PNG, and from GIF if it is grey. */
static void fuzz_encode(const uint8_t *data, size_t size, int channels, int width, int quality)
{
    char error[IMAGE_ERROR_SIZE];
    int height = (int)(size / (size_t)(width * channels));
    if (height < 1) return;
    Image image, back;
    require(image_new(width, height, channels, &image, error));
    size_t total = (size_t)width * (size_t)height * (size_t)channels;
    memcpy(image.pixels, data, total);
    unsigned char *bytes;
    size_t n;
    require(image_encode_png(&image, NULL, 0, &bytes, &n, error) && image_decode(bytes, n, 0, &back, error));
    require(back.channels == channels && memcmp(back.pixels, image.pixels, total) == 0);
    image_free(&back);
    free(bytes);
    require(image_encode_jpeg(&image, quality, &bytes, &n, error) && image_decode(bytes, n, 0, &back, error));
    require(back.width == width && back.height == height);
    image_free(&back);
    free(bytes);
    require(image_encode_gif(&image, 1, quality, &bytes, &n, error) && image_decode(bytes, n, channels, &back, error));
    require(channels != 1 || memcmp(back.pixels, image.pixels, total) == 0);
    image_free(&back);
    free(bytes);
    image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int channels[4] = { 0, 1, 3, 4 };
    if (size < 8) return 0;
    int choice = data[0] & 3;
    if (data[0] < 0xC0) fuzz_decode(data + 1, size - 1, channels[choice]);
    else if (data[0] < 0xD8) fuzz_png(data + 1, size - 1, channels[choice]);
    else if (data[0] < 0xE8) fuzz_inflate(data + 3, size - 3, 1 + 16u * data[1] + data[2]);
    else if (data[0] < 0xF8) fuzz_unpack(data + 1, size - 1);
    else fuzz_encode(data + 3, size - 3, channels[choice ? choice : 1], 1 + data[1] % 64, 1 + data[2] % 100);
    return 0;
}
