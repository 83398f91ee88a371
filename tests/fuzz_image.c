/* Fuzz target for vendor/image.h.
 *     clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined tests/fuzz_image.c -o fuzz_image
 * The first byte of the input chooses what is done with the rest: decode it, or take it as pixels and encode them. */
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
    if (size < 3) return 0;
    int choice = data[0] & 3;
    if (data[0] < 0xF8) fuzz_decode(data + 1, size - 1, channels[choice]);
    else fuzz_encode(data + 3, size - 3, channels[choice ? choice : 1], 1 + data[1] % 64, 1 + data[2] % 100);
    return 0;
}
