/* Fuzz target for vendor/video.h: whatever a program writes, a picture is as large as it says or there is none.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_video.c -o fuzz_video */
#define VIDEO_IMPLEMENTATION
#define VIDEO_STATIC
#include "../vendor/video.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VideoFrame frame;
    static unsigned char text[1 << 16] = "P6 0 1 255\n";                /* a head is hard to guess: it is there, with a width */
    if (size < 2 || size > sizeof text - 11) return 0;
    text[3] = (unsigned char)('0' + data[0] % 10);
    memcpy(text + 11, data, size);
    bool headed = data[1] & 1;
    FILE *file = fmemopen(headed ? text : (void *)(uintptr_t)data, size += headed ? 11 : 0, "rb");
    if (!file) return 0;
    while (video_read(file, &frame)) {
        size_t bytes = 3 * (size_t)frame.width * (size_t)frame.height, sum = 0;
        if (!bytes || bytes > size) abort();
        for (size_t i = 0; i < bytes; i++) sum += frame.pixels[i];
        if (sum > 255 * bytes) abort();
        free(frame.pixels);
    }
    if (frame.pixels) abort();
    fclose(file);
    return 0;
}
