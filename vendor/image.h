/* image.h: read, write, convert and resize pictures, warp them, cut pieces out and paste them back, as bytes and as a
 * network's numbers from -1 to 1. One header, no dependency but the C library and libm.
 *
 *     #define IMAGE_IMPLEMENTATION             in exactly one source file of the program
 *     #define IMAGE_STATIC                     optional: keeps every function private to that file
 *     #include "image.h"
 *
 *     char error[IMAGE_ERROR_SIZE];
 *     Image photo;
 *     if (!image_load("photo.jpg", 3, &photo, error)) { puts(error); return 1; }
 *     ... photo.pixels[(y * photo.width + x) * photo.channels + c] ...
 *     if (!image_save("copy.png", &photo, NULL, 0, error)) puts(error);
 *     image_free(&photo);
 *
 *              reads                                                     writes
 *     JPEG     baseline, progressive; grey, YCbCr, RGB, CMYK, YCCK;      baseline, Huffman tables fitted to the
 *              EXIF rotation; frames of motion JPEG                      picture
 *     PNG      every colour type and depth, interlaced, transparency,    8 bit grey, RGB, RGBA; text chunks
 *              EXIF rotation
 *     GIF      the first frame                                           animations
 *     PNM      P1 to P6                                                  P5 (.pgm) and P6 (.ppm)
 *     BMP      1, 4, 8, 16, 24 and 32 bits, run lengths (RLE4, RLE8)     -
 *
 * Other formats (WebP, HEIC, AVIF, TIFF, JPEG XL, PSD, SVG, PDF ...) are told by their content, and the message names
 * them and says how to convert them.
 *
 * What other readers forgive is forgiven where every pixel is there: Huffman tables left out because the standard's own
 * are meant, stray bytes before a restart marker, rows too many, a wrong checksum of a PNG chunk that one can do
 * without, a BMP whose alpha is 0 everywhere (it is shown opaque), a GIF frame larger than its canvas.
 *
 * Every function that can fail returns 1 or 0; on 0 `error` (which may be NULL) holds one line that says what was
 * wrong, and `out` is empty: it may be passed to image_free, which also forgives a second call. Nothing is printed.
 * After image_load and image_decode failed, errno is 0 where the picture is to blame, and ENOMEM, EMFILE, EACCES,
 * EIO ... where the system is: the same file may be read another time.
 * There is no mutable global state, so threads may decode and encode at the same time.
 *
 * Input is expected to be hostile: sizes are checked before they are used, a header that promises more pixels than its
 * file could hold is refused before memory is taken for them, and a damaged or truncated file is an error, never a
 * picture that is silently half grey. No picture may have more than IMAGE_MAX_PIXELS pixels. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define IMAGE_ERROR_SIZE 256
#ifndef IMAGE_MAX_PIXELS
#define IMAGE_MAX_PIXELS (64 * 1024 * 1024)
#endif
#ifndef IMAGE_MAX_FILE_BYTES
#define IMAGE_MAX_FILE_BYTES (1024 * 1024 * 1024)
#endif
#if IMAGE_MAX_PIXELS > 256 * 1024 * 1024
#error "IMAGE_MAX_PIXELS: sizes of rows are computed in int, which allows 256 Mpixel at most"
#endif

#ifdef IMAGE_STATIC
#ifdef __GNUC__
#define IMAGE_API static __attribute__((unused))
#else
#define IMAGE_API static
#endif
#else
#define IMAGE_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* 8 bits a sample, samples interleaved, rows from top to bottom without padding; 1 (grey), 3 (RGB) or 4 (RGBA, alpha
 * not premultiplied) channels. */
typedef struct Image { int width, height, channels; unsigned char *pixels; } Image;
typedef struct ImageText { const char *key, *value; } ImageText;

/* channels: 0 as the file stores it, or 1, 3, 4 to convert. Grey is 0.299 R + 0.587 G + 0.114 B; alpha that is dropped
 * lays the picture over white. A palette becomes RGB; 16 bit samples are rounded to 8. */
IMAGE_API int image_decode(const void *bytes, size_t size, int channels, Image *out, char error[IMAGE_ERROR_SIZE]);

/* The format is told by the file's content, never by its name. Only regular files (and links to them) are read. */
IMAGE_API int image_load(const char *path, int channels, Image *out, char error[IMAGE_ERROR_SIZE]);

/* What image_decode with channels 0 would give, from the headers alone; any of the results may be NULL. */
IMAGE_API int image_probe(const void *bytes, size_t size, int *width, int *height, int *channels, const char **format,
                          char error[IMAGE_ERROR_SIZE]);

/* How large a file's picture is, from the file's first megabyte; 0: it cannot be read or is no picture. */
IMAGE_API int image_probe_file(const char *path, int *width, int *height);

/* What the first bytes say that it is: "JPEG", "PNG", "GIF", "PNM" or "BMP", the name of a format that is not read
 * ("WebP", "a zip archive"), or NULL. */
IMAGE_API const char *image_format_name(const void *bytes, size_t size);

/* What the ending of a name promises: 2 a format that is read, 1 a picture's format that is not (.webp, .heic, .tif,
 * ...), 0 neither. Hidden files (".x.jpg") are asked like others; a name that is nothing but an ending is none. */
IMAGE_API int image_suffix(const char *path);

/* The encoders hand over a block from malloc. quality: 1 to 100, from 90 on with full colour resolution.
 * Text keys are 1 to 79 printable ASCII characters. The frames of a GIF have one size; its colours are exact where a
 * frame has at most 256 of them (so grey always is); delay_ms is rounded to hundredths of a second, at least 2 of them,
 * because viewers play anything faster slowly. */
IMAGE_API int image_encode_png(const Image *image, const ImageText *texts, int n_texts, unsigned char **bytes,
                               size_t *size, char error[IMAGE_ERROR_SIZE]);
IMAGE_API int image_encode_jpeg(const Image *image, int quality, unsigned char **bytes, size_t *size,
                                char error[IMAGE_ERROR_SIZE]);
IMAGE_API int image_encode_gif(const Image *frames, int n_frames, int delay_ms, unsigned char **bytes, size_t *size,
                               char error[IMAGE_ERROR_SIZE]);

/* Can a picture be saved under this name? */
IMAGE_API int image_saves(const char *path);

/* By the path's ending: .png, .jpg or .jpeg (quality 95), .pgm, .ppm. The file appears whole or not at all.
 * Texts go into PNG files, and as comments "key: value" into JPEG files; the other formats have no place for them. */
IMAGE_API int image_save(const char *path, const Image *image, const ImageText *texts, int n_texts,
                         char error[IMAGE_ERROR_SIZE]);

/* What a JPEG or PNG file says of its picture beside the pixels: the EXIF block (where, when and how it was taken) and
 * the colour profile; NULL: nothing. What no longer holds of a changed picture that was turned upright is taken out of
 * the EXIF block: the orientation and the small preview. To be handed on to the changed picture's file. */
typedef struct ImageNotes { unsigned char *exif, *profile; size_t exif_size, profile_size; } ImageNotes;
IMAGE_API int image_read_notes(const void *bytes, size_t size, ImageNotes *out, char error[IMAGE_ERROR_SIZE]);
IMAGE_API void image_notes_free(ImageNotes *notes);
IMAGE_API int image_save_notes(const char *path, const Image *image, const ImageNotes *notes, const ImageText *texts,
                               int n_texts, char error[IMAGE_ERROR_SIZE]);

/* The same into a stream of yours, which is left open and flushed; `name` is only looked at for its ending. */
IMAGE_API int image_save_to(FILE *to, const char *name, const Image *image, const ImageText *texts, int n_texts,
                            char error[IMAGE_ERROR_SIZE]);

IMAGE_API int image_new(int width, int height, int channels, Image *out, char error[IMAGE_ERROR_SIZE]);
IMAGE_API void image_free(Image *image);

/* Bilinear when growing, and the same triangle stretched to cover every source pixel when shrinking. */
IMAGE_API int image_resize(const Image *in, int width, int height, Image *out, char error[IMAGE_ERROR_SIZE]);

/* The value stored under `key` in a PNG file's text chunks. 0 if there is none or it does not fit: then value is "". */
IMAGE_API int image_png_text(const void *bytes, size_t size, const char *key, char *value, size_t capacity);

/* ---- Pictures as numbers: IMAGE_REAL, float unless it was defined before, -1 for black to 1 for white ---- */

#ifndef IMAGE_REAL
#define IMAGE_REAL float
#endif

/* Cuts the picture to its centred square of `side` pixels (0, or more than there are: the largest). */
IMAGE_API void image_crop_centre(Image *image, int side);

/* Copies a square picture of the sheet's channels into its cell (row, column) of that side. */
IMAGE_API void image_put_cell(Image *sheet, const unsigned char *square, int side, int row, int column);

/* A square of bytes (size, size, channels) -> numbers, turned, zoomed, shifted and mirrored at once; what that uncovers
 * is black. The angle is in radians, at most 3; shifts in pixels; zoom 0: none. 0: no memory. */
typedef struct ImageWarp { int mirror; double angle, shift_x, shift_y, zoom; } ImageWarp;
IMAGE_API int image_warp(const unsigned char *in, int size, int channels, ImageWarp how, IMAGE_REAL *out);

/* Views of a square picture, for a judgement that is averaged over them. n 1: itself. 2: its mirror image, too. 10: a
 * window of nine tenths of the side in the middle and in each corner, each with its mirror image. */
enum { IMAGE_VIEWS = 10 };
IMAGE_API void image_views(int n, int size, ImageWarp views[IMAGE_VIEWS]);

/* The same by chance, and more: dice are 13 numbers from [0, 1). */
typedef struct ImageAugment {
    int flip;                           /* mirror every other picture */
    float rotate_degrees;               /* up to so far to either side */
    float shift;                        /* up to this share of the side, in both directions */
    float zoom_low, zoom_high;          /* enlarged by a factor between these; both 0: not at all */
    float brightness, contrast;         /* lighter or darker, of more or less contrast, by up to this share */
    float erase;                        /* the chance that a rectangle is hidden */
} ImageAugment;
enum { IMAGE_DICE = 13 };
IMAGE_API int image_augment(const unsigned char *in, int size, int channels, const ImageAugment *how,
                            const double dice[IMAGE_DICE], IMAGE_REAL *out);

/* Numbers from -1 to 1 as bytes, those outside and NaN cut to 0 or 255; and back. */
IMAGE_API void image_to_bytes(const IMAGE_REAL *x, size_t count, unsigned char *bytes);
IMAGE_API void image_from_bytes(const unsigned char *bytes, size_t count, IMAGE_REAL *x);

/* The same bits on every machine, which libm's is not; of an angle that is at most a few turns. */
IMAGE_API double image_sine(double x);

/* The mean of the channels of each pixel, 0 to 1; by how much numbers differ, in the mean. */
IMAGE_API void image_grey(const IMAGE_REAL *x, size_t pixels, int channels, double *grey);
IMAGE_API double image_difference(const IMAGE_REAL *u, const IMAGE_REAL *v, size_t n);

/* A hash of what is seen, the same for a grey picture in one channel and in three; is every pixel the same; is it
 * stored in colours that are all grey? */
typedef struct ImageLook { uint64_t hash; int flat, grey; } ImageLook;
IMAGE_API ImageLook image_look(const Image *image);

/* Does a row of tasks, on threads, as kernels.h's parallel() does; where NULL stands for it, one after the other. */
typedef void ImageEach(int tasks, void (*task)(void *argument, int index, int worker), void *argument);

/* The mean of any rectangle of a picture of three channels in four reads. 0: no memory. */
typedef struct ImageSums { int width, height; uint32_t *sums; } ImageSums;
typedef struct ImageWindow { int x, y, width, height; } ImageWindow;
IMAGE_API int image_sums(const Image *picture, ImageSums *out);
IMAGE_API void image_sums_free(ImageSums *sums);

/* A window of the picture scaled to width x height by averaging: one row of that, (mean - shift) / divisor. */
typedef struct ImageScaling { ImageWindow from; int width, height; double shift, divisor; } ImageScaling;
IMAGE_API void image_average_row(const ImageSums *sums, const ImageScaling *how, int row, IMAGE_REAL *to);

/* The whole of n windows, one behind the other; how->from is not looked at. */
IMAGE_API void image_average(const ImageSums *sums, const ImageWindow *windows, int n, const ImageScaling *how,
                             IMAGE_REAL *to, ImageEach *each);

/* A picture of three channels as numbers, blue, green and red in this order, less the mean of each. */
IMAGE_API void image_bgr(const Image *picture, const IMAGE_REAL mean[3], IMAGE_REAL *to, ImageEach *each);

/* Where a cut-out lies in its photograph: point = turn * p + origin for p in the unit square, as complex numbers. */
typedef struct ImageFrame { double turn_x, turn_y, x, y; } ImageFrame;
IMAGE_API void image_frame_point(const ImageFrame *frame, double u, double v, double *x, double *y);
IMAGE_API void image_frame_invert(const ImageFrame *frame, double x, double y, double *u, double *v);
IMAGE_API double image_frame_side(const ImageFrame *frame);

/* About the same centre, its side `factor` times as long. */
IMAGE_API ImageFrame image_frame_grown(ImageFrame frame, double factor);

/* The upright centred square of `side` pixels (0, or more than there are: the largest). */
IMAGE_API ImageFrame image_frame_centred(const Image *picture, int side);

/* The frame that takes n points `from` to `to` (x, y, x, y, ...) with the least squared error; 0: there is none. */
IMAGE_API int image_frame_fit(const double *from, const double *to, int n, ImageFrame *out);

/* Cuts the frame out of the picture: rows first to end - 1 of the square `out`, which has as many channels. */
IMAGE_API void image_cut_rows(const Image *picture, const ImageFrame *frame, Image *out, int first, int end);
IMAGE_API void image_cut(const Image *picture, const ImageFrame *frame, Image *out, ImageEach *each);      /* all */

/* What became of a cut-out: squares of one side, of 1 channel or as many as the photograph has. With a mask (side,
 * side) from 0 to 1 `after` is painted through it; without, the change from before to after is added. With moves (side,
 * side, 2), shares of the frame's side to the right and down, each pixel is first taken from as far away in `whole`, a
 * copy of the photograph. redrawn: its brightness may be off everywhere. */
typedef struct ImageDrawing {
    int side, channels;
    const IMAGE_REAL *before, *after, *mask, *moves;
    const Image *whole;
    int redrawn;
} ImageDrawing;
typedef struct ImageMatch { double gain, offset; } ImageMatch;
typedef struct ImagePaste {
    Image *photo;
    ImageFrame frame;
    const ImageDrawing *drawing;
    ImageMatch match[3];
    int seam[4], left, top, right, bottom;      /* the rectangle of the photograph that changes */
} ImagePaste;

/* Puts it back: begin, then rows of paste->top to paste->bottom, in any order, each once; or all of it at once. */
IMAGE_API ImagePaste image_paste_begin(Image *photo, ImageFrame frame, const ImageDrawing *drawing);
IMAGE_API void image_paste_row(const ImagePaste *paste, int row);
IMAGE_API void image_paste(Image *photo, ImageFrame frame, const ImageDrawing *drawing, ImageEach *each);

#ifdef __cplusplus
}
#endif
#endif /* IMAGE_H */

#if defined(IMAGE_IMPLEMENTATION) && !defined(IMAGE_IMPLEMENTED)
#define IMAGE_IMPLEMENTED

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#define IMAGE_POSIX                         /* with a strict -std=c11 pass -D_GNU_SOURCE or -D_POSIX_C_SOURCE=200809L */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

/* ==== Ground ========================================================================================================
 * Errors, integers in both byte orders, growing byte buffers, and the picture itself. Everything below the public
 * functions trusts only what it has compared with a size. */

#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
static int image_fail(char *error, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error, IMAGE_ERROR_SIZE, format, arguments);
        va_end(arguments);
    }
    return 0;
}

static unsigned image_be16(const unsigned char *p) { return (unsigned)p[0] << 8 | p[1]; }
static unsigned image_le16(const unsigned char *p) { return (unsigned)p[1] << 8 | p[0]; }
static uint32_t image_be32(const unsigned char *p) { return (uint32_t)image_be16(p) << 16 | image_be16(p + 2); }
static uint32_t image_le32(const unsigned char *p) { return (uint32_t)image_le16(p + 2) << 16 | image_le16(p); }

static int image_clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }
static inline unsigned char image_byte(int value)
{
    return (unsigned char)((unsigned)value <= 255 ? value : value < 0 ? 0 : 255);
}

/* Bytes that grow. A failed allocation is remembered rather than reported, so that writers need only one check. */
typedef struct ImageBuffer { unsigned char *bytes; size_t size, capacity; int failed; } ImageBuffer;

static int image_reserve(ImageBuffer *buffer, size_t more)
{
    if (buffer->failed) return 0;
    if (more <= buffer->capacity - buffer->size) return 1;
    size_t wanted = buffer->size + more, capacity = buffer->capacity + buffer->capacity / 2 + 256;
    if (capacity < wanted) capacity = wanted;
    unsigned char *grown = wanted < more ? NULL : (unsigned char *)realloc(buffer->bytes, capacity);
    if (!grown) {
        buffer->failed = 1;
        return 0;
    }
    buffer->bytes = grown;
    buffer->capacity = capacity;
    return 1;
}

static void image_put(ImageBuffer *buffer, const void *bytes, size_t size)
{
    if (size == 0 || !image_reserve(buffer, size)) return;
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

static inline void image_put8(ImageBuffer *buffer, unsigned value)
{
    if (buffer->size == buffer->capacity && !image_reserve(buffer, 1)) return;
    if (buffer->failed) return;
    buffer->bytes[buffer->size++] = (unsigned char)value;
}

static void image_put16be(ImageBuffer *buffer, unsigned value)
{
    image_put8(buffer, value >> 8);
    image_put8(buffer, value);
}

static void image_put16le(ImageBuffer *buffer, unsigned value)
{
    image_put8(buffer, value);
    image_put8(buffer, value >> 8);
}

static void image_put32be(ImageBuffer *buffer, uint32_t value)
{
    image_put16be(buffer, value >> 16);
    image_put16be(buffer, value & 0xFFFF);
}

/* Hands the buffer's bytes to the caller of an encoder, or frees them if the encoding had failed. */
static int image_deliver(ImageBuffer *buffer, int ok, unsigned char **bytes, size_t *size, char *error)
{
    if (ok && buffer->failed) ok = image_fail(error, "out of memory while encoding");
    if (!ok) free(buffer->bytes);
    *bytes = ok ? buffer->bytes : NULL;
    *size = ok ? buffer->size : 0;
    return ok;
}

/* What a header promises. */
typedef struct ImageInfo { int width, height, channels; } ImageInfo;

/* Stands between every header and the first allocation; `what` names the format in messages. */
static int image_check_size(const char *what, int64_t width, int64_t height, char *error)
{
    if (width < 1 || height < 1 || width > INT_MAX || height > INT_MAX)
        return image_fail(error, "%s: a size of %lld x %lld pixels is no picture", what, (long long)width,
                          (long long)height);
    if (width > IMAGE_MAX_PIXELS / height)
        return image_fail(error, "%s: %lld x %lld pixels are more than the limit of %lld", what, (long long)width,
                          (long long)height, (long long)IMAGE_MAX_PIXELS);
    return 1;
}

IMAGE_API int image_new(int width, int height, int channels, Image *out, char error[IMAGE_ERROR_SIZE])
{
    memset(out, 0, sizeof *out);
    if (channels != 1 && channels != 3 && channels != 4)
        return image_fail(error, "a picture has 1, 3 or 4 channels, not %d", channels);
    if (!image_check_size("picture", width, height, error)) return 0;
    out->pixels = (unsigned char *)calloc((size_t)width * (size_t)height, (size_t)channels);
    if (!out->pixels) return image_fail(error, "no memory for a picture of %d x %d pixels", width, height);
    out->width = width;
    out->height = height;
    out->channels = channels;
    return 1;
}

IMAGE_API void image_free(Image *image)
{
    free(image->pixels);
    memset(image, 0, sizeof *image);
}

static size_t image_pixel_count(const Image *image) { return (size_t)image->width * (size_t)image->height; }

/* Encoders look at what a caller made by hand before they believe it. */
static int image_check(const Image *image, char *error)
{
    if (!image || !image->pixels) return image_fail(error, "the picture has no pixels");
    if (image->channels != 1 && image->channels != 3 && image->channels != 4)
        return image_fail(error, "a picture has 1, 3 or 4 channels, not %d", image->channels);
    return image_check_size("picture", image->width, image->height, error);
}

/* ==== Colour ========================================================================================================
 * Grey is the luma of ITU-R BT.601 in 16 bit fixed point; the weights add up to 65536, so that a grey RGB pixel keeps
 * its value. Dropping alpha composes the pixel over white. */

static unsigned char image_luma(int red, int green, int blue)
{
    return (unsigned char)((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16);
}

static unsigned char image_over_white(int value, int alpha)
{
    return (unsigned char)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* One pixel as opaque RGB, whatever its channels. */
static inline void image_rgb(const unsigned char *pixel, int channels, unsigned char rgb[3])
{
    for (int c = 0; c < 3; c++) rgb[c] = channels == 1 ? pixel[0] : pixel[c];
    if (channels == 4)
        for (int c = 0; c < 3; c++) rgb[c] = image_over_white(rgb[c], pixel[3]);
}

/* A copy of `in` with other channels; a copy as it is if they are the same. */
static int image_converted(const Image *in, int channels, Image *out, char *error)
{
    if (!image_new(in->width, in->height, channels, out, error)) return 0;
    size_t count = image_pixel_count(in);
    const unsigned char *from = in->pixels;
    unsigned char *to = out->pixels, rgb[3];
    if (channels == in->channels) {
        memcpy(to, from, count * (size_t)channels);
        return 1;
    }
    for (size_t i = 0; i < count; i++, from += in->channels, to += channels) {
        if (channels == 4 && in->channels == 3) memcpy(rgb, from, 3);
        else image_rgb(from, in->channels, rgb);
        if (channels == 1) {
            to[0] = image_luma(rgb[0], rgb[1], rgb[2]);
        } else {
            memcpy(to, rgb, 3);
            if (channels == 4) to[3] = 255;
        }
    }
    return 1;
}

/* ==== Checksums =====================================================================================================
 * PNG ends every chunk with the CRC-32 of ISO 3309, zlib (RFC 1950) its stream with Adler-32. The CRC goes four bits at
 * a time: a table of 16 entries is enough. */

static uint32_t image_crc32(uint32_t crc, const unsigned char *bytes, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static uint32_t image_adler32(const unsigned char *bytes, size_t size)
{
    uint32_t a = 1, b = 0;
    while (size > 0) {
        size_t run = size < 5552 ? size : 5552;             /* the longest run after which b still fits into 32 bits */
        size -= run;
        while (run-- > 0) {
            a += *bytes++;
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    return b << 16 | a;
}

/* ==== Inflate =======================================================================================================
 * DEFLATE (RFC 1951) mixes two ideas. LZ77 replaces a string that occurred before by a pair (length, distance);
 * a Huffman code then writes frequent symbols in few bits. A stream is a chain of blocks:
 *
 *     | last:1 | type:2 | 0: stored   length:16 ~length:16 bytes...                                   |
 *                       | 1: fixed    symbols in a code that the standard fixes                       |
 *                       | 2: dynamic  the lengths of the codes' words, themselves Huffman coded, then |
 *                       |             symbols: 0-255 a byte, 256 end of block, 257-285 a match        |
 *
 * A Huffman code is canonical, that is, given by the lengths of its words alone: words of one length are consecutive
 * numbers. Words of up to 10 bits are found by one look into a table, the rare longer ones bit by bit. */

#define IMAGE_FAST_BITS 10

static const uint16_t image_length_base[29] = {
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
};
static const unsigned char image_length_extra[29] = {
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
};
static const uint16_t image_distance_base[30] = {
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
};
static const unsigned char image_distance_extra[30] = {
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
};
/* The order in which a dynamic block stores the word lengths of its code for word lengths: likely ones first. */
static const unsigned char image_code_order[19] = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
};

typedef struct ImageCode {
    uint16_t fast[1 << IMAGE_FAST_BITS];                    /* symbol << 4 | length, or 0 for a longer word */
    uint16_t count[16];                                     /* words of each length */
    uint16_t symbol[288];                                   /* symbols in the order of their words */
} ImageCode;

typedef struct ImageInflate {
    const unsigned char *in;
    size_t in_size, in_at;
    unsigned char *out;
    size_t out_size, out_at, out_room;                      /* what must come, what has come, what may come */
    uint64_t bits;                                          /* the next bit is the lowest; past the end come zeros, */
    int bit_count;                                          /* and then this count falls below zero */
    ImageCode literals, distances;
    char *error;
} ImageInflate;

static void image_inflate_refill(ImageInflate *s)
{
    while (s->bit_count <= 56 && s->in_at < s->in_size) {
        s->bits |= (uint64_t)s->in[s->in_at++] << s->bit_count;
        s->bit_count += 8;
    }
}

static unsigned image_inflate_bits(ImageInflate *s, int n)
{
    unsigned value = (unsigned)(s->bits & (((uint64_t)1 << n) - 1));
    s->bits >>= n;
    s->bit_count -= n;
    return value;
}

static unsigned image_reverse_bits(unsigned value, int n)
{
    unsigned reversed = 0;
    for (int i = 0; i < n; i++) reversed |= (value >> i & 1) << (n - 1 - i);
    return reversed;
}

/* Fails if the lengths need more words than there are, or leave words unused (one lonely word may). */
static int image_code_build(ImageCode *code, const unsigned char *lengths, int n)
{
    memset(code, 0, sizeof *code);
    for (int i = 0; i < n; i++)
        if (lengths[i]) code->count[lengths[i]]++;
    int unused = 1, words = 0;
    unsigned next_word[16], next_index[16], word = 0;
    for (int length = 1; length < 16; length++) {
        unused = unused * 2 - code->count[length];
        if (unused < 0) return 0;
        word <<= 1;
        next_word[length] = word;
        next_index[length] = (unsigned)words;
        word += code->count[length];
        words += code->count[length];
    }
    for (int i = 0; i < n; i++) {
        int length = lengths[i];
        if (!length) continue;
        code->symbol[next_index[length]++] = (uint16_t)i;
        unsigned reversed = image_reverse_bits(next_word[length]++, length);
        if (length > IMAGE_FAST_BITS) continue;
        for (unsigned at = reversed; at < 1u << IMAGE_FAST_BITS; at += 1u << length)
            code->fast[at] = (uint16_t)(i << 4 | length);
    }
    return unused == 0 || words <= 1;
}

static inline int image_code_read(ImageInflate *s, const ImageCode *code)
{
    unsigned entry = code->fast[s->bits & ((1u << IMAGE_FAST_BITS) - 1)];
    if (entry) {
        image_inflate_bits(s, entry & 15);
        return (int)(entry >> 4);
    }
    int word = 0, first = 0, index = 0;
    for (int length = 1; length < 16; length++) {
        word |= (int)(s->bits >> (length - 1) & 1);
        if (word - first < code->count[length]) {
            image_inflate_bits(s, length);
            return code->symbol[index + word - first];
        }
        index += code->count[length];
        first = (first + code->count[length]) << 1;
        word <<= 1;
    }
    return -1;
}

static int image_inflate_ended(ImageInflate *s)
{
    return image_fail(s->error, "PNG: the compressed data ends after %zu of the picture's %zu bytes", s->out_at,
                      s->out_size);
}

static int image_inflate_damaged(ImageInflate *s, const char *what)
{
    return image_fail(s->error, "PNG: damaged compressed data (%s) near its byte %zu, at byte %zu of the picture's %zu",
                      what, s->in_at, s->out_at, s->out_size);
}

static int image_inflate_stored(ImageInflate *s)
{
    image_inflate_bits(s, s->bit_count & 7);
    image_inflate_refill(s);
    unsigned length = image_inflate_bits(s, 16), complement = image_inflate_bits(s, 16);
    if (s->bit_count < 0) return image_inflate_ended(s);
    if ((length ^ complement) != 0xFFFF) return image_inflate_damaged(s, "length of a stored block");
    s->in_at -= (size_t)s->bit_count / 8;                   /* whole bytes wait in the bit buffer: give them back */
    s->bits = 0;
    s->bit_count = 0;
    if (length > s->in_size - s->in_at) return image_inflate_ended(s);
    if (length > s->out_room - s->out_at) return image_inflate_damaged(s, "more data than pixels");
    memcpy(s->out + s->out_at, s->in + s->in_at, length);
    s->in_at += length;
    s->out_at += length;
    return 1;
}

static int image_inflate_match(ImageInflate *s, int symbol)
{
    if (symbol > 285) return image_inflate_damaged(s, "impossible length");
    size_t length = image_length_base[symbol - 257] + image_inflate_bits(s, image_length_extra[symbol - 257]);
    int code = image_code_read(s, &s->distances);
    if (code < 0 || code > 29) return image_inflate_damaged(s, "impossible distance");
    size_t distance = image_distance_base[code] + image_inflate_bits(s, image_distance_extra[code]);
    if (s->bit_count < 0) return image_inflate_ended(s);
    if (distance > s->out_at) return image_inflate_damaged(s, "distance beyond the start");
    if (length > s->out_room - s->out_at) return image_inflate_damaged(s, "more data than pixels");
    unsigned char *to = s->out + s->out_at;
    const unsigned char *from = to - distance;
    if (distance >= length) memcpy(to, from, length);
    else for (size_t i = 0; i < length; i++) to[i] = from[i];        /* overlapping: what was just written repeats */
    s->out_at += length;
    return 1;
}

static int image_inflate_symbols(ImageInflate *s)
{
    for (;;) {
        image_inflate_refill(s);                            /* 57 bits: a match needs 15 + 5 + 15 + 13 at most */
        int symbol = image_code_read(s, &s->literals);
        if (s->bit_count < 0) return image_inflate_ended(s);
        if (symbol < 0) return image_inflate_damaged(s, "unknown word");
        if (symbol == 256) return 1;
        if (symbol > 256) {
            if (!image_inflate_match(s, symbol)) return 0;
        } else {
            if (s->out_at == s->out_room) return image_inflate_damaged(s, "more data than pixels");
            s->out[s->out_at++] = (unsigned char)symbol;
        }
    }
}

static void image_inflate_fixed(ImageInflate *s)
{
    unsigned char lengths[288];
    for (int i = 0; i < 288; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    image_code_build(&s->literals, lengths, 288);
    memset(lengths, 5, 32);
    image_code_build(&s->distances, lengths, 32);
}

/* Reads the word lengths of both codes: one list, in which 16 repeats the last length and 17 and 18 repeat zero. */
static int image_inflate_dynamic(ImageInflate *s)
{
    image_inflate_refill(s);
    int n_literals = 257 + (int)image_inflate_bits(s, 5), n_distances = 1 + (int)image_inflate_bits(s, 5);
    int n_codes = 4 + (int)image_inflate_bits(s, 4), total = n_literals + n_distances;
    unsigned char lengths[288 + 32];
    memset(lengths, 0, sizeof lengths);
    for (int i = 0; i < n_codes; i++) {
        image_inflate_refill(s);
        lengths[image_code_order[i]] = (unsigned char)image_inflate_bits(s, 3);
    }
    if (!image_code_build(&s->distances, lengths, 19)) return image_inflate_damaged(s, "code of the code lengths");
    for (int n = 0; n < total;) {
        image_inflate_refill(s);
        int symbol = image_code_read(s, &s->distances), repeat = 1, value = symbol;
        if (symbol == 16) repeat = 3 + (int)image_inflate_bits(s, 2);
        if (symbol == 17) repeat = 3 + (int)image_inflate_bits(s, 3);
        if (symbol == 18) repeat = 11 + (int)image_inflate_bits(s, 7);
        if (symbol == 16) value = n > 0 ? lengths[n - 1] : -1;
        if (symbol > 16) value = 0;
        if (s->bit_count < 0) return image_inflate_ended(s);
        if (value < 0 || repeat > total - n) return image_inflate_damaged(s, "code lengths");
        memset(lengths + n, value, (size_t)repeat);
        n += repeat;
    }
    if (n_literals > 286 || lengths[256] == 0 || !image_code_build(&s->literals, lengths, n_literals))
        return image_inflate_damaged(s, "code of the literals");
    if (!image_code_build(&s->distances, lengths + n_literals, n_distances))
        return image_inflate_damaged(s, "code of the distances");
    return 1;
}

static int image_inflate_blocks(ImageInflate *s)
{
    for (int last = 0; !last;) {
        image_inflate_refill(s);
        last = (int)image_inflate_bits(s, 1);
        unsigned type = image_inflate_bits(s, 2);
        if (s->bit_count < 0) return image_inflate_ended(s);
        if (type == 3) return image_inflate_damaged(s, "block type");
        if (type == 0) {
            if (!image_inflate_stored(s)) return 0;
            continue;
        }
        if (type == 1) image_inflate_fixed(s);
        else if (!image_inflate_dynamic(s)) return 0;
        if (!image_inflate_symbols(s)) return 0;
    }
    if (s->out_at < s->out_size) return image_inflate_ended(s);
    image_inflate_bits(s, s->bit_count & 7);
    s->in_at -= (size_t)s->bit_count / 8;
    return 1;
}

/* A zlib stream (RFC 1950) that must give out_size bytes and at most out_room: 2 bytes of header, DEFLATE blocks,
 * Adler-32. */
static int image_inflate(const unsigned char *in, size_t in_size, unsigned char *out, size_t out_size, size_t out_room,
                         char *error)
{
    if (in_size < 6) return image_fail(error, "PNG: %zu bytes of compressed data are too few", in_size);
    if ((in[0] & 15) != 8 || in[0] >> 4 > 7 || image_be16(in) % 31 != 0 || (in[1] & 32))
        return image_fail(error, "PNG: the compressed data does not begin like a zlib stream");
    ImageInflate *s = (ImageInflate *)calloc(1, sizeof *s);
    if (!s) return image_fail(error, "PNG: no memory to decompress");
    s->in = in;
    s->in_size = in_size;
    s->in_at = 2;
    s->out = out;
    s->out_size = out_size;
    s->out_room = out_room;
    s->error = error;
    int ok = image_inflate_blocks(s);
    int summed = in_size - s->in_at >= 4;                   /* not all writers do; chunks have checksums of their own */
    if (ok && summed && image_be32(in + s->in_at) != image_adler32(out, s->out_at))
        ok = image_fail(error, "PNG: the pixels do not match their checksum (Adler-32)");
    free(s);
    return ok;
}

/* ==== Orientation ===================================================================================================
 * Cameras store the picture as the sensor lies and say in EXIF how to turn it. An EXIF block is a small TIFF file:
 * "II*" or "MM*" (little or big endian), where the entries are, their number, entries | tag:16 | type:16 | count:32 |
 * value:32 |.
 * A value of fewer than four bytes stands at the field's beginning, so that in big endian files a SHORT and a LONG lie
 * at different places; both occur. JPEG has the block in its APP1 segment, PNG in its eXIf chunk. */

static unsigned image_tiff16(const unsigned char *p, int big) { return big ? image_be16(p) : image_le16(p); }
static uint32_t image_tiff32(const unsigned char *p, int big) { return big ? image_be32(p) : image_le32(p); }

/* 1 to 8, or 0 if the block says nothing that can be understood. */
static int image_exif_orientation(const unsigned char *p, size_t size)
{
    if (size < 8 || (memcmp(p, "II*", 4) != 0 && memcmp(p, "MM\0*", 4) != 0)) return 0;
    int big = p[0] == 'M';
    size_t at = image_tiff32(p + 4, big);
    if (at > size || size - at < 2) return 0;
    unsigned n = image_tiff16(p + at, big);
    for (at += 2; n > 0 && size - at >= 12; n--, at += 12) {
        if (image_tiff16(p + at, big) != 0x0112) continue;
        unsigned type = image_tiff16(p + at + 2, big);
        uint32_t value = 0;
        if (type == 1 || type == 6) value = p[at + 8];                                      /* BYTE, SBYTE */
        if (type == 3 || type == 8) value = image_tiff16(p + at + 8, big);                  /* SHORT, SSHORT */
        if (type == 4 || type == 9) value = image_tiff32(p + at + 8, big);                  /* LONG, SLONG */
        return value <= 8 ? (int)value : 0;
    }
    return 0;
}

/* EXIF orientations 2 to 8 mirror and turn: from 5 on rows and columns are exchanged, the rest are mirrorings. */
static int image_oriented(Image *image, int orientation, char *error)
{
    if (orientation <= 1) return 1;
    int turned = orientation >= 5, width = image->width, height = image->height;
    int mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    int mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    Image out;
    if (!image_new(turned ? height : width, turned ? width : height, image->channels, &out, error)) return 0;
    size_t channels = (size_t)image->channels;
    unsigned char *to = out.pixels;
    for (int y = 0; y < out.height; y++) {
        for (int x = 0; x < out.width; x++, to += channels) {
            int from_x = turned ? y : x, from_y = turned ? x : y;
            if (mirror_x) from_x = width - 1 - from_x;
            if (mirror_y) from_y = height - 1 - from_y;
            memcpy(to, image->pixels + ((size_t)from_y * (size_t)width + (size_t)from_x) * channels, channels);
        }
    }
    image_free(image);
    *image = out;
    return 1;
}

/* ==== Reading PNG ===================================================================================================
 * ISO/IEC 15948. A signature of 8 bytes, then chunks:
 *
 *     | length:32 | type: 4 letters | data ... | CRC-32 of type and data |
 *
 * IHDR (size, depth, colour type) comes first, PLTE and tRNS (palette, transparency) before the IDAT chunks, whose data
 * joined is one zlib stream, and IEND last. The stream holds rows, each preceded by the number of a filter that
 * predicts every byte from its left, upper and upper left neighbours, so that what is stored is mostly small numbers.
 * An interlaced picture (Adam7) is stored as seven small pictures, of which each fills in a finer grid. */

typedef struct ImagePng {
    const unsigned char *bytes;
    size_t size, at;
    int width, height, depth, type, interlaced;
    int palette_size, transparent;                          /* transparent: there was a tRNS chunk */
    unsigned char palette[256][4];
    unsigned key[3];                                        /* the transparent colour of a grey or RGB picture */
    char *error;
} ImagePng;

typedef struct ImagePngChunk { char name[5]; int damaged; const unsigned char *data; size_t length; } ImagePngChunk;

static int image_png_recognise(const unsigned char *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0;
}

/* A chunk whose name begins with a small letter is one that a reader may do without: where its checksum is wrong it is
 * passed over, as libpng does. */
static int image_png_chunk(ImagePng *png, ImagePngChunk *chunk)
{
    size_t left = png->size - png->at;
    if (left < 12) return image_fail(png->error, "PNG: the file ends at byte %zu, before its IEND chunk", png->size);
    const unsigned char *p = png->bytes + png->at;
    chunk->length = image_be32(p);
    memcpy(chunk->name, p + 4, 4);
    chunk->name[4] = 0;
    for (int i = 0; i < 4; i++)
        if ((unsigned)((p[4 + i] | 32) - 'a') > 25)
            return image_fail(png->error, "PNG: no chunk type at byte %zu: %08X", png->at + 4, image_be32(p + 4));
    if (chunk->length > left - 12)
        return image_fail(png->error, "PNG: the file ends in chunk %s at byte %zu: %zu more bytes were promised",
                          chunk->name, png->at, chunk->length - (left - 12));
    chunk->data = p + 8;
    chunk->damaged = image_be32(p + 8 + chunk->length) != image_crc32(0, p + 4, chunk->length + 4);
    if (chunk->damaged && !(p[4] & 32))
        return image_fail(png->error, "PNG: chunk %s at byte %zu does not match its checksum (CRC-32)", chunk->name,
                          png->at);
    png->at += 12 + chunk->length;
    return 1;
}

static int image_png_samples(const ImagePng *png)
{
    return png->type == 2 ? 3 : png->type == 4 ? 2 : png->type == 6 ? 4 : 1;
}

static int image_png_channels(const ImagePng *png)
{
    if (png->type >= 4 || png->transparent) return 4;
    return png->type == 0 ? 1 : 3;
}

static int image_png_ihdr(ImagePng *png, const ImagePngChunk *chunk)
{
    if (strcmp(chunk->name, "IHDR") != 0 || chunk->length != 13)
        return image_fail(png->error, "PNG: the first chunk is %s of %zu bytes, not IHDR of 13", chunk->name,
                          chunk->length);
    const unsigned char *p = chunk->data;
    if (!image_check_size("PNG", image_be32(p), image_be32(p + 4), png->error)) return 0;
    png->width = (int)image_be32(p);
    png->height = (int)image_be32(p + 4);
    png->depth = p[8];
    png->type = p[9];
    png->interlaced = p[12];
    static const int depths[7] = { 1 | 2 | 4 | 8 | 16, 0, 8 | 16, 1 | 2 | 4 | 8, 8 | 16, 0, 8 | 16 };
    int power = png->depth > 0 && (png->depth & (png->depth - 1)) == 0;
    if (png->type > 6 || !power || !(depths[png->type] & png->depth))
        return image_fail(png->error, "PNG: colour type %d with %d bits does not exist", png->type, png->depth);
    if (p[10] || p[11] || png->interlaced > 1)
        return image_fail(png->error, "PNG: unknown compression, filter or interlace method (%d, %d, %d)", p[10], p[11],
                          p[12]);
    return 1;
}

static int image_png_palette(ImagePng *png, const ImagePngChunk *chunk)
{
    if (chunk->length % 3 || chunk->length < 3 || chunk->length > 768 || png->palette_size)
        return image_fail(png->error, "PNG: a second palette, or one of %zu bytes", chunk->length);
    png->palette_size = (int)chunk->length / 3;
    for (int i = 0; i < png->palette_size; i++) {
        memcpy(png->palette[i], chunk->data + 3 * i, 3);
        png->palette[i][3] = 255;
    }
    return 1;
}

/* A chunk that does not fit the picture is passed over. */
static void image_png_transparency(ImagePng *png, const ImagePngChunk *chunk)
{
    size_t wanted = png->type == 0 ? 2 : png->type == 2 ? 6 : (size_t)png->palette_size;
    if (png->type > 3 || chunk->length > wanted || (png->type != 3 && chunk->length != wanted)) return;
    for (size_t i = 0; i < chunk->length && png->type == 3; i++) png->palette[i][3] = chunk->data[i];
    for (size_t i = 0; i < chunk->length / 2 && png->type != 3; i++) png->key[i] = image_be16(chunk->data + 2 * i);
    png->transparent = 1;
}

/* Everything up to the first IDAT chunk, which need not be complete. */
static int image_png_header(ImagePng *png, const unsigned char *bytes, size_t size, char *error)
{
    memset(png, 0, sizeof *png);
    png->bytes = bytes;
    png->size = size;
    png->at = 8;
    png->error = error;
    ImagePngChunk chunk;
    if (!image_png_chunk(png, &chunk) || !image_png_ihdr(png, &chunk)) return 0;
    while (size - png->at < 8 || memcmp(bytes + png->at + 4, "IDAT", 4) != 0) {
        if (!image_png_chunk(png, &chunk)) return 0;
        int is_palette = strcmp(chunk.name, "PLTE") == 0;
        if (is_palette && !image_png_palette(png, &chunk)) return 0;
        if (strcmp(chunk.name, "tRNS") == 0 && !chunk.damaged) image_png_transparency(png, &chunk);
        if (!is_palette && !(chunk.name[0] & 32))
            return image_fail(error, "PNG: unexpected chunk %s before the pixels", chunk.name);
    }
    if (png->type == 3 && !png->palette_size) return image_fail(error, "PNG: the palette is missing");
    return 1;
}

/* The orientation in the eXIf chunk, which may also come after the pixels: chunks are passed over by their lengths. */
static int image_png_orientation(const unsigned char *bytes, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        const unsigned char *p = bytes + at;
        size_t length = image_be32(p), left = size - at - 12;
        if (length > left || memcmp(p + 4, "IEND", 4) == 0) return 0;
        if (memcmp(p + 4, "eXIf", 4) == 0 && image_be32(p + 8 + length) == image_crc32(0, p + 4, length + 4)) {
            int prefix = length >= 6 && memcmp(p + 8, "Exif\0\0", 6) == 0 ? 6 : 0;     /* some writers copy a JPEG's */
            return image_exif_orientation(p + 8 + prefix, length - (size_t)prefix);
        }
        at += 12 + length;
    }
    return 0;
}

static int image_png_probe(const unsigned char *bytes, size_t size, ImageInfo *info, char *error)
{
    ImagePng png;
    if (!image_png_header(&png, bytes, size, error)) return 0;
    int turned = image_png_orientation(bytes, size) >= 5;
    info->width = turned ? png.height : png.width;
    info->height = turned ? png.width : png.height;
    info->channels = image_png_channels(&png);
    return 1;
}

/* Joins the IDAT chunks and walks to IEND, or, behind pixels, to where the file ends: that they are all there their
 * stream says. */
static int image_png_join(ImagePng *png, ImageBuffer *data)
{
    for (;;) {
        ImagePngChunk chunk;
        if (data->size && png->at == png->size) break;
        if (!image_png_chunk(png, &chunk)) return 0;
        if (strcmp(chunk.name, "IEND") == 0) break;
        if (strcmp(chunk.name, "IDAT") == 0) image_put(data, chunk.data, chunk.length);
        else if (!(chunk.name[0] & 32) && strcmp(chunk.name, "PLTE") != 0)
            return image_fail(png->error, "PNG: unexpected chunk %s after the pixels", chunk.name);
    }
    return data->failed ? image_fail(png->error, "PNG: no memory for the compressed data") : 1;
}

/* The seven passes of Adam7: first column and row, then the steps. A plain picture is the eighth row of the table. */
typedef struct ImagePngPass { int x, y, step_x, step_y; } ImagePngPass;
static const ImagePngPass image_png_passes[8] = {
    { 0, 0, 8, 8 }, { 4, 0, 8, 8 }, { 0, 4, 4, 8 }, { 2, 0, 4, 4 }, { 0, 2, 2, 4 }, { 1, 0, 2, 2 }, { 0, 1, 1, 2 },
    { 0, 0, 1, 1 },
};

static int image_png_pass_width(const ImagePng *png, const ImagePngPass *pass)
{
    return (png->width - pass->x + pass->step_x - 1) / pass->step_x;
}

static int image_png_pass_height(const ImagePng *png, const ImagePngPass *pass)
{
    return (png->height - pass->y + pass->step_y - 1) / pass->step_y;
}

static size_t image_png_row_bytes(const ImagePng *png, int width)
{
    return ((size_t)width * (size_t)(image_png_samples(png) * png->depth) + 7) / 8;
}

static size_t image_png_raw_size(const ImagePng *png)
{
    size_t total = 0;
    for (int i = png->interlaced ? 0 : 7; i < (png->interlaced ? 7 : 8); i++) {
        int width = image_png_pass_width(png, &image_png_passes[i]);
        if (width > 0) total += (1 + image_png_row_bytes(png, width)) *
                                (size_t)image_png_pass_height(png, &image_png_passes[i]);
    }
    return total;
}

/* Of left + up - upper left, the neighbour that comes closest. */
static inline int image_paeth(int left, int up, int corner)
{
    int by_left = abs(up - corner), by_up = abs(left - corner), by_corner = abs(left + up - 2 * corner);
    if (by_left <= by_up && by_left <= by_corner) return left;
    return by_up <= by_corner ? up : corner;
}

/* Undoes a row's filter in place; `above` is the row before it or zeros, `step` the bytes of a whole pixel. */
static int image_png_unfilter(int filter, unsigned char *row, const unsigned char *above, size_t n, size_t step)
{
    if (filter > 4) return 0;
    for (size_t i = 0; i < step && i < n; i++) {            /* the first pixel has no left neighbour */
        if (filter == 2 || filter == 4) row[i] = (unsigned char)(row[i] + above[i]);
        if (filter == 3) row[i] = (unsigned char)(row[i] + above[i] / 2);
    }
    if (filter == 1)
        for (size_t i = step; i < n; i++) row[i] = (unsigned char)(row[i] + row[i - step]);
    if (filter == 2)
        for (size_t i = step; i < n; i++) row[i] = (unsigned char)(row[i] + above[i]);
    if (filter == 3)
        for (size_t i = step; i < n; i++) row[i] = (unsigned char)(row[i] + (row[i - step] + above[i]) / 2);
    if (filter == 4)
        for (size_t i = step; i < n; i++)
            row[i] = (unsigned char)(row[i] + image_paeth(row[i - step], above[i], above[i - step]));
    return 1;
}

static inline unsigned image_png_sample(const unsigned char *row, size_t index, int depth)
{
    if (depth == 8) return row[index];
    if (depth == 16) return image_be16(row + 2 * index);
    size_t bit = index * (size_t)depth;
    return row[bit >> 3] >> (8 - depth - (int)(bit & 7)) & ((1u << depth) - 1);
}

static inline unsigned char image_scale(unsigned value, unsigned maximum)
{
    return (unsigned char)(maximum == 255 ? value : (value * 255 + maximum / 2) / maximum);
}

/* Writes a row's pixels `step` bytes apart. */
static int image_png_pixels(const ImagePng *png, const unsigned char *row, int count, unsigned char *out, size_t step)
{
    int samples = image_png_samples(png), depth = png->depth, colours = png->type & 2 ? 3 : 1;
    int channels = image_png_channels(png);
    unsigned maximum = (1u << depth) - 1;
    size_t at = 0;
    for (int i = 0; i < count; i++, out += step) {
        unsigned value[4];
        for (int c = 0; c < samples; c++) value[c] = image_png_sample(row, at++, depth);
        if (png->type == 3) {
            if ((int)value[0] >= png->palette_size)
                return image_fail(png->error, "PNG: colour %u of a palette of %d", value[0], png->palette_size);
            memcpy(out, png->palette[value[0]], (size_t)channels);
            continue;
        }
        if (channels == 1) {
            out[0] = image_scale(value[0], maximum);
            continue;
        }
        for (int c = 0; c < 3; c++) out[c] = image_scale(value[colours == 3 ? c : 0], maximum);
        if (png->type >= 4) out[3] = image_scale(value[samples - 1], maximum);
        else if (channels == 4) out[3] = memcmp(value, png->key, (size_t)colours * sizeof value[0]) == 0 ? 0 : 255;
    }
    return 1;
}

static int image_png_unpack(const ImagePng *png, unsigned char *raw, Image *out)
{
    size_t step = (size_t)(image_png_samples(png) * png->depth + 7) / 8, channels = (size_t)out->channels;
    unsigned char *zeros = (unsigned char *)calloc(image_png_row_bytes(png, png->width), 1);
    if (!zeros) return image_fail(png->error, "PNG: no memory for a row");
    int ok = 1;
    for (int i = png->interlaced ? 0 : 7; ok && i < (png->interlaced ? 7 : 8); i++) {
        const ImagePngPass *pass = &image_png_passes[i];
        int width = image_png_pass_width(png, pass), height = image_png_pass_height(png, pass);
        if (width <= 0) continue;
        const unsigned char *above = zeros;
        size_t n = image_png_row_bytes(png, width);
        for (int row = 0; ok && row < height; row++, above = raw + 1, raw += 1 + n) {
            size_t y = (size_t)(pass->y + row * pass->step_y);
            unsigned char *to = out->pixels + (y * (size_t)out->width + (size_t)pass->x) * channels;
            if (!image_png_unfilter(raw[0], raw + 1, above, n, step))
                ok = image_fail(png->error, "PNG: row %zu has the unknown filter %d", y, raw[0]);
            else ok = image_png_pixels(png, raw + 1, width, to, (size_t)pass->step_x * channels);
        }
    }
    free(zeros);
    return ok;
}

static int image_png_decode(const unsigned char *bytes, size_t size, Image *out, char *error)
{
    ImagePng png;
    ImageBuffer data;
    memset(&data, 0, sizeof data);
    if (!image_png_header(&png, bytes, size, error)) return 0;
    size_t raw_size = image_png_raw_size(&png);
    unsigned char *raw = NULL;
    int ok = image_png_join(&png, &data);
    if (ok && raw_size / 1032 > data.size)                  /* 258 bytes by 2 bits is the best that DEFLATE can do */
        ok = image_fail(error, "PNG: %d x %d pixels cannot be in %zu bytes of compressed data", png.width, png.height,
                        data.size);
    size_t room = raw_size + raw_size / 8 + 65536;          /* some writers store a row too many */
    if (room / 1032 > data.size) room = raw_size;
    if (ok) raw = (unsigned char *)malloc(room);
    if (ok && !raw) ok = image_fail(error, "PNG: no memory for %zu bytes", room);
    ok = ok && image_inflate(data.bytes, data.size, raw, raw_size, room, error);
    ok = ok && image_new(png.width, png.height, image_png_channels(&png), out, error);
    ok = ok && image_png_unpack(&png, raw, out) && image_oriented(out, image_png_orientation(bytes, size), error);
    free(raw);
    free(data.bytes);
    return ok;
}

/* tEXt is | key | 0 | value |, and iTXt, for text beyond ASCII, | key | 0 | packed | 0 | language 0 | key 0 | value |;
 * only the plain kind without a language is understood. */
IMAGE_API int image_png_text(const void *bytes, size_t size, const char *key, char *value, size_t capacity)
{
    ImagePng png;
    memset(&png, 0, sizeof png);
    png.bytes = (const unsigned char *)bytes;
    png.size = size;
    png.at = 8;
    if (capacity > 0) value[0] = 0;
    if (!bytes || !image_png_recognise(png.bytes, size)) return 0;
    size_t key_size = strlen(key) + 1;
    ImagePngChunk chunk;
    while (image_png_chunk(&png, &chunk)) {
        int international = strcmp(chunk.name, "iTXt") == 0;
        if (chunk.damaged || (!international && strcmp(chunk.name, "tEXt") != 0)) continue;
        size_t before = key_size + (international ? 4 : 0);
        if (chunk.length < before || memcmp(chunk.data, key, key_size) != 0) continue;
        if (international && memcmp(chunk.data + key_size, "\0\0\0\0", 4) != 0) continue;
        if (chunk.length - before >= capacity) return 0;
        memcpy(value, chunk.data + before, chunk.length - before);
        value[chunk.length - before] = 0;
        return 1;
    }
    return 0;
}

/* ==== Reading JPEG ==================================================================================================
 * ITU-T T.81. The file is a chain of segments | FF | marker | length:16 | data |:
 *
 *     SOI  APPn (JFIF, EXIF, Adobe)  DQT (quantisation)  SOF (size, components)  DHT (Huffman)  SOS scan ...  EOI
 *
 * A picture is cut into blocks of 8 x 8 samples per component; each is a sum of 64 cosine patterns, whose weights
 * (coefficients) are divided by a table, rounded, and Huffman coded in zigzag order from coarse to fine. Chroma is
 * often stored at half the resolution. A sequential file holds every coefficient once. A progressive file holds them in
 * several scans: first DC and low frequencies or high bits, later scans refine. The reader therefore runs in two steps:
 *
 *     entropy-coded scans --> all coefficients
 *     coefficients --> inverse DCT --> upsampling --> RGB --> EXIF rotation
 *
 * Inside a scan a byte FF is written FF 00, and any other FF xx is a marker, so the end of a scan's data, and the loss
 * of a part of it, can be seen. */

/* The place in a block (row by row) of the k-th coefficient in zigzag order. */
static const unsigned char image_zigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

typedef struct ImageJpegCode {
    int defined;
    uint16_t fast[512];                                     /* by the next 9 bits: length << 8 | symbol, or 0 */
    uint32_t limit[17];                                     /* 16 bits below this begin with a word of this length */
    int offset[17];                                         /* from a word of this length to its place in symbols */
    unsigned char symbols[256];
} ImageJpegCode;

typedef struct ImageJpegComponent {
    int id, h, v, table;                                    /* sampling factors; which quantisation table */
    int width, height;                                      /* samples that belong to the picture */
    int blocks_wide, blocks_high;                           /* what is stored: whole groups of blocks */
    int16_t *coefficients;
    unsigned char *plane;
    int quantised;                                          /* the table is taken when the first scan begins */
    uint16_t quant[64];
    signed char missing_bits[64];                           /* what later scans still refine; -1: nothing seen yet */
    int dc_code, ac_code, dc;
} ImageJpegComponent;

typedef struct ImageJpeg {
    const unsigned char *bytes;
    size_t size, at;
    char *error;
    int width, height, n_components, progressive, restart_interval;
    int jfif, adobe, orientation;                           /* adobe: its transform, or -1 */
    int h_max, v_max, groups_wide, groups_high;             /* a group of blocks is what the standard calls an MCU */
    ImageJpegComponent components[4];
    int table_defined[4];
    uint16_t tables[4][64];
    ImageJpegCode codes[2][4];                              /* DC, AC */
    uint64_t bits;                                          /* the next bit is the highest; past the end come zeros, */
    int bit_count;                                          /* and then this count falls below zero */
    int at_marker;                                          /* the scan's data has ended at `at` */
    int n_scans, n_in_scan, in_scan[4], first, last, high, low, skip_blocks;
} ImageJpeg;

static int image_jpeg_recognise(const unsigned char *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

/* ---- Segments ---- */

static int image_jpeg_quantisation(ImageJpeg *j, const unsigned char *p, size_t size)
{
    while (size > 0) {
        int wide = p[0] >> 4, id = p[0] & 15;
        size_t wanted = wide ? 129 : 65;
        if (wide > 1 || id > 3 || size < wanted)
            return image_fail(j->error, "JPEG: malformed quantisation table before byte %zu", j->at);
        for (int k = 0; k < 64; k++) {
            unsigned value = wide ? image_be16(p + 1 + 2 * k) : p[1 + k];
            if (value == 0) return image_fail(j->error, "JPEG: a quantisation table before byte %zu has a zero", j->at);
            j->tables[id][image_zigzag[k]] = (uint16_t)value;
        }
        j->table_defined[id] = 1;
        p += wanted;
        size -= wanted;
    }
    return 1;
}

/* Words of one length are consecutive numbers; `counts` says how many there are of each of the 16 lengths. */
static int image_jpeg_code_build(ImageJpegCode *code, const unsigned char *counts, const unsigned char *symbols)
{
    memset(code, 0, sizeof *code);
    uint32_t word = 0;
    int index = 0;
    for (int length = 1; length <= 16; length++) {
        code->offset[length] = index - (int)word;
        for (int i = 0; i < counts[length - 1]; i++, word++, index++) {
            if (word >> length) return 0;
            code->symbols[index] = symbols[index];
            if (length > 9) continue;
            for (uint32_t at = 0; at < 1u << (9 - length); at++)
                code->fast[(word << (9 - length)) + at] = (uint16_t)(length << 8 | symbols[index]);
        }
        code->limit[length] = word << (16 - length);
        word <<= 1;
    }
    code->defined = 1;
    return 1;
}

static int image_jpeg_codes(ImageJpeg *j, const unsigned char *p, size_t size)
{
    while (size > 0) {
        int kind = p[0] >> 4, id = p[0] & 15;
        size_t total = 0;
        for (int i = 1; i <= 16 && size >= 17; i++) total += p[i];
        if (kind > 1 || id > 3 || total > 256 || size < 17 + total ||
            !image_jpeg_code_build(&j->codes[kind][id], p + 1, p + 17))
            return image_fail(j->error, "JPEG: malformed Huffman table before byte %zu", j->at);
        p += 17 + total;
        size -= 17 + total;
    }
    return 1;
}

/* The codes of the standard's annex K.3, for luma and for chroma. A frame of motion JPEG, as a webcam sends it, has no
 * tables because these are meant; what a file defines itself comes before them. */
static const unsigned char image_jpeg_usual_dc[2][16 + 12] = {
    { 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
    { 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
};
static const unsigned char image_jpeg_usual_ac[2][16 + 162] = {
    {
       0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125, 1, 2, 3, 0, 4, 17, 5, 18, 33, 49, 65, 6, 19, 81, 97, 7, 34,
       113, 20, 50, 129, 145, 161, 8, 35, 66, 177, 193, 21, 82, 209, 240, 36, 51, 98, 114, 130, 9, 10, 22, 23, 24, 25,
       26, 37, 38, 39, 40, 41, 42, 52, 53, 54, 55, 56, 57, 58, 67, 68, 69, 70, 71, 72, 73, 74, 83, 84, 85, 86, 87, 88,
       89, 90, 99, 100, 101, 102, 103, 104, 105, 106, 115, 116, 117, 118, 119, 120, 121, 122, 131, 132, 133, 134, 135,
       136, 137, 138, 146, 147, 148, 149, 150, 151, 152, 153, 154, 162, 163, 164, 165, 166, 167, 168, 169, 170, 178,
       179, 180, 181, 182, 183, 184, 185, 186, 194, 195, 196, 197, 198, 199, 200, 201, 202, 210, 211, 212, 213, 214,
       215, 216, 217, 218, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234, 241, 242, 243, 244, 245, 246, 247, 248,
       249, 250,
    },
    {
       0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119, 0, 1, 2, 3, 17, 4, 5, 33, 49, 6, 18, 65, 81, 7, 97, 113, 19,
       34, 50, 129, 8, 20, 66, 145, 161, 177, 193, 9, 35, 51, 82, 240, 21, 98, 114, 209, 10, 22, 36, 52, 225, 37, 241,
       23, 24, 25, 26, 38, 39, 40, 41, 42, 53, 54, 55, 56, 57, 58, 67, 68, 69, 70, 71, 72, 73, 74, 83, 84, 85, 86, 87,
       88, 89, 90, 99, 100, 101, 102, 103, 104, 105, 106, 115, 116, 117, 118, 119, 120, 121, 122, 130, 131, 132, 133,
       134, 135, 136, 137, 138, 146, 147, 148, 149, 150, 151, 152, 153, 154, 162, 163, 164, 165, 166, 167, 168, 169,
       170, 178, 179, 180, 181, 182, 183, 184, 185, 186, 194, 195, 196, 197, 198, 199, 200, 201, 202, 210, 211, 212,
       213, 214, 215, 216, 217, 218, 226, 227, 228, 229, 230, 231, 232, 233, 234, 242, 243, 244, 245, 246, 247, 248,
       249, 250,
    },
};

static void image_jpeg_usual_codes(ImageJpeg *j)
{
    for (int id = 0; id < 2; id++)
        for (int kind = 0; kind < 2; kind++) {
            const unsigned char *table = kind ? image_jpeg_usual_ac[id] : image_jpeg_usual_dc[id];
            if (!j->codes[kind][id].defined) image_jpeg_code_build(&j->codes[kind][id], table, table + 16);
        }
}

static void image_jpeg_application(ImageJpeg *j, int marker, const unsigned char *p, size_t size)
{
    if (j->n_components > 0) return;                        /* all that matters here comes before the frame header */
    if (marker == 0xE0 && size >= 5 && memcmp(p, "JFIF", 5) == 0) j->jfif = 1;
    if (marker == 0xE1 && size >= 6 && memcmp(p, "Exif\0\0", 6) == 0 && !j->orientation)
        j->orientation = image_exif_orientation(p + 6, size - 6);
    if (marker == 0xEE && size >= 12 && memcmp(p, "Adobe", 5) == 0) j->adobe = p[11];
}

static const char *image_jpeg_refused(int marker)
{
    if (marker == 0xC3) return "lossless coding";
    if (marker == 0xF7) return "JPEG-LS coding";
    if (marker >= 0xC9) return "arithmetic coding";
    return marker >= 0xC5 ? "hierarchical coding" : NULL;
}

static int image_jpeg_component(ImageJpeg *j, int index, const unsigned char *p)
{
    ImageJpegComponent *c = &j->components[index];
    c->id = p[0];
    c->h = p[1] >> 4;
    c->v = p[1] & 15;
    c->table = p[2];
    if (c->h < 1 || c->h > 4 || c->v < 1 || c->v > 4 || c->table > 3)
        return image_fail(j->error, "JPEG: component %d has impossible sampling factors %d x %d or table %d", index,
                          c->h, c->v, c->table);
    if (c->h > j->h_max) j->h_max = c->h;
    if (c->v > j->v_max) j->v_max = c->v;
    memset(c->missing_bits, -1, sizeof c->missing_bits);
    return 1;
}

/* Sizes that follow from the sampling factors. Every block costs at least one bit, which bounds what is believed. */
static int image_jpeg_layout(ImageJpeg *j)
{
    j->groups_wide = (j->width + 8 * j->h_max - 1) / (8 * j->h_max);
    j->groups_high = (j->height + 8 * j->v_max - 1) / (8 * j->v_max);
    size_t blocks = 0;
    for (int i = 0; i < j->n_components; i++) {
        ImageJpegComponent *c = &j->components[i];
        if (j->h_max % c->h || j->v_max % c->v)
            return image_fail(j->error, "JPEG: fractional sampling %d:%d x %d:%d is not supported", j->h_max, c->h,
                              j->v_max, c->v);
        c->width = (j->width * c->h + j->h_max - 1) / j->h_max;
        c->height = (j->height * c->v + j->v_max - 1) / j->v_max;
        c->blocks_wide = j->groups_wide * c->h;
        c->blocks_high = j->groups_high * c->v;
        blocks += (size_t)((c->width + 7) / 8) * (size_t)((c->height + 7) / 8);
    }
    if (blocks / 8 > j->size)
        return image_fail(j->error, "JPEG: %d x %d pixels cannot be in a file of %zu bytes", j->width, j->height,
                          j->size);
    return 1;
}

static int image_jpeg_frame(ImageJpeg *j, int marker, const unsigned char *p, size_t size)
{
    const char *refused = image_jpeg_refused(marker);
    if (refused) return image_fail(j->error, "JPEG: %s (marker FF%02X) is not supported", refused, (unsigned)marker);
    if (j->n_components) return image_fail(j->error, "JPEG: a second frame before byte %zu", j->at);
    if (size < 6 || size < 6 + 3 * (size_t)p[5]) return image_fail(j->error, "JPEG: the frame header is too short");
    if (p[0] != 8) return image_fail(j->error, "JPEG: samples of %d bits are not supported, only of 8", p[0]);
    if (p[5] != 1 && p[5] != 3 && p[5] != 4)
        return image_fail(j->error, "JPEG: %d components are not supported", p[5]);
    j->height = (int)image_be16(p + 1);
    j->width = (int)image_be16(p + 3);
    if (j->height == 0) return image_fail(j->error, "JPEG: a height told after the scan (DNL) is not supported");
    if (!image_check_size("JPEG", j->width, j->height, j->error)) return 0;
    j->progressive = marker == 0xC2;
    j->n_components = p[5];
    j->h_max = j->v_max = 1;
    for (int i = 0; i < j->n_components; i++)
        if (!image_jpeg_component(j, i, p + 6 + 3 * i)) return 0;
    return image_jpeg_layout(j);
}

/* ---- Bits ---- */

/* Takes up to 8 bytes; stops in front of a marker or at the end of the file. */
static void image_jpeg_refill(ImageJpeg *j)
{
    while (j->bit_count <= 56 && !j->at_marker) {
        if (j->at >= j->size) {
            j->at_marker = 1;
            return;
        }
        unsigned byte = j->bytes[j->at];
        if (byte == 0xFF) {
            while (j->at + 1 < j->size && j->bytes[j->at + 1] == 0xFF) j->at++;           /* fill bytes */
            if (j->at + 1 >= j->size || j->bytes[j->at + 1] != 0) {
                if (j->at + 1 >= j->size) j->at = j->size;
                j->at_marker = 1;
                return;
            }
            j->at++;
        }
        j->at++;
        j->bits |= (uint64_t)byte << (56 - j->bit_count);
        j->bit_count += 8;
    }
}

static inline int image_jpeg_bits(ImageJpeg *j, int n)
{
    if (n == 0) return 0;
    if (j->bit_count < n) image_jpeg_refill(j);
    int value = (int)(j->bits >> (64 - n));
    j->bits <<= n;
    j->bit_count -= n;
    return value;
}

/* A number of n bits: the upper half of their range is positive, the lower half stands for its negatives. */
static inline int image_jpeg_number(ImageJpeg *j, int n)
{
    int value = image_jpeg_bits(j, n);
    return n && value < 1 << (n - 1) ? value - (1 << n) + 1 : value;
}

static inline int image_jpeg_symbol(ImageJpeg *j, const ImageJpegCode *code)
{
    if (j->bit_count < 32) image_jpeg_refill(j);
    unsigned next = (unsigned)(j->bits >> 48), entry = code->fast[next >> 7];
    int length = entry ? (int)(entry >> 8) : 10;
    if (!entry) {
        while (length <= 16 && next >= code->limit[length]) length++;
        if (length > 16) return -1;
        entry = code->symbols[(int)(next >> (16 - length)) + code->offset[length]];
    }
    j->bits <<= length;
    j->bit_count -= length;
    return (int)(entry & 255);
}

/* ---- Blocks: each function reads what one scan says about one block, and returns 0 if that makes no sense ---- */

/* The DC coefficient is stored as the difference from the block before. */
static int image_jpeg_dc(ImageJpeg *j, ImageJpegComponent *c)
{
    int n = image_jpeg_symbol(j, &j->codes[0][c->dc_code]);
    if (n < 0 || n > 15) return 0;
    c->dc += image_jpeg_number(j, n);
    return c->dc >= -32768 && c->dc <= 32767;
}

/* AC coefficients come as symbols run << 4 | size: `run` zeros, then a number of `size` bits. */
static int image_jpeg_block_sequential(ImageJpeg *j, ImageJpegComponent *c, int16_t *block)
{
    if (!image_jpeg_dc(j, c)) return 0;
    block[0] = (int16_t)c->dc;
    const ImageJpegCode *code = &j->codes[1][c->ac_code];
    for (int k = 1; k < 64; k++) {
        int symbol = image_jpeg_symbol(j, code);
        if (symbol < 0) return 0;
        int run = symbol >> 4, size = symbol & 15;
        if (size == 0 && run < 15) break;                   /* the rest of the block is zero */
        k += run;
        if (k > 63) return 0;
        if (size > 0) block[image_zigzag[k]] = (int16_t)image_jpeg_number(j, size);
    }
    return 1;
}

static int image_jpeg_block_dc_first(ImageJpeg *j, ImageJpegComponent *c, int16_t *block)
{
    if (!image_jpeg_dc(j, c)) return 0;
    block[0] = (int16_t)(c->dc * (1 << j->low));
    return 1;
}

static int image_jpeg_block_dc_refine(ImageJpeg *j, ImageJpegComponent *c, int16_t *block)
{
    (void)c;
    if (image_jpeg_bits(j, 1)) block[0] = (int16_t)(block[0] | 1 << j->low);
    return 1;
}

/* Here a symbol with size 0 and run r < 15 ends this band in 2^r and more blocks at once. */
static int image_jpeg_block_ac_first(ImageJpeg *j, ImageJpegComponent *c, int16_t *block)
{
    if (j->skip_blocks > 0) {
        j->skip_blocks--;
        return 1;
    }
    for (int k = j->first; k <= j->last; k++) {
        int symbol = image_jpeg_symbol(j, &j->codes[1][c->ac_code]);
        if (symbol < 0) return 0;
        int run = symbol >> 4, size = symbol & 15;
        if (size == 0 && run < 15) {
            j->skip_blocks = (1 << run) + image_jpeg_bits(j, run) - 1;
            return 1;
        }
        k += run;
        if (k > 63) return 0;
        if (size > 0) block[image_zigzag[k]] = (int16_t)(image_jpeg_number(j, size) * (1 << j->low));
    }
    return 1;
}

/* From coefficient k on, gives every nonzero its next bit; stops at the zero after `zeros` zeros, or past the end. */
static int image_jpeg_refine(ImageJpeg *j, int16_t *block, int k, int zeros)
{
    for (; k <= j->last; k++) {
        int16_t *coefficient = &block[image_zigzag[k]];
        if (*coefficient == 0) {
            if (zeros-- == 0) return k;
        } else if (image_jpeg_bits(j, 1) && (*coefficient & 1 << j->low) == 0) {
            *coefficient = (int16_t)(*coefficient + (*coefficient > 0 ? 1 : -1) * (1 << j->low));
        }
    }
    return k;
}

static int image_jpeg_block_ac_refine(ImageJpeg *j, ImageJpegComponent *c, int16_t *block)
{
    int k = j->first;
    while (j->skip_blocks == 0 && k <= j->last) {
        int symbol = image_jpeg_symbol(j, &j->codes[1][c->ac_code]);
        if (symbol < 0 || (symbol & 15) > 1) return 0;
        int run = symbol >> 4, value = 0;
        if (symbol & 1) value = (image_jpeg_bits(j, 1) ? 1 : -1) * (1 << j->low);
        else if (run < 15) {
            j->skip_blocks = (1 << run) + image_jpeg_bits(j, run);
            break;
        }
        k = image_jpeg_refine(j, block, k, run);
        if (value && k > j->last) return 0;
        if (value) block[image_zigzag[k]] = (int16_t)value;
        k++;
    }
    if (j->skip_blocks > 0) {
        image_jpeg_refine(j, block, k, 64);
        j->skip_blocks--;
    }
    return 1;
}

typedef int (*ImageJpegBlockReader)(ImageJpeg *j, ImageJpegComponent *c, int16_t *block);

static ImageJpegBlockReader image_jpeg_block_reader(const ImageJpeg *j)
{
    if (!j->progressive) return image_jpeg_block_sequential;
    if (j->first == 0) return j->high ? image_jpeg_block_dc_refine : image_jpeg_block_dc_first;
    return j->high ? image_jpeg_block_ac_refine : image_jpeg_block_ac_first;
}

/* ---- Scans ---- */

static int16_t *image_jpeg_block(ImageJpegComponent *c, int x, int y)
{
    return c->coefficients + ((size_t)y * (size_t)c->blocks_wide + (size_t)x) * 64;
}

/* A scan of one component holds its blocks row by row; a scan of several holds groups of h x v blocks of each. */
static int image_jpeg_unit(ImageJpeg *j, ImageJpegBlockReader read, size_t unit)
{
    if (j->n_in_scan == 1) {
        ImageJpegComponent *c = &j->components[j->in_scan[0]];
        size_t wide = (size_t)(c->width + 7) / 8;
        return read(j, c, image_jpeg_block(c, (int)(unit % wide), (int)(unit / wide)));
    }
    int group_x = (int)(unit % (size_t)j->groups_wide), group_y = (int)(unit / (size_t)j->groups_wide);
    for (int i = 0; i < j->n_in_scan; i++) {
        ImageJpegComponent *c = &j->components[j->in_scan[i]];
        for (int b = 0; b < c->h * c->v; b++)
            if (!read(j, c, image_jpeg_block(c, group_x * c->h + b % c->h, group_y * c->v + b / c->h))) return 0;
    }
    return 1;
}

static size_t image_jpeg_units(const ImageJpeg *j)
{
    if (j->n_in_scan > 1) return (size_t)j->groups_wide * (size_t)j->groups_high;
    const ImageJpegComponent *c = &j->components[j->in_scan[0]];
    return (size_t)((c->width + 7) / 8) * (size_t)((c->height + 7) / 8);
}

/* Says what is missing when a scan's data ends too early or cannot be understood. */
static int image_jpeg_cut(ImageJpeg *j, size_t unit, size_t units)
{
    double missing = 100.0 * (double)(units - unit) / (double)units;
    if (j->bit_count >= 0)
        return image_fail(j->error, "JPEG: damaged data near byte %zu, in block group %zu of %zu of scan %d", j->at,
                          unit, units, j->n_scans);
    if (j->at >= j->size)
        return image_fail(j->error, "JPEG: the file ends at byte %zu inside scan %d: %zu of %zu block groups (%.1f%%) "
                          "are missing", j->size, j->n_scans, units - unit, units, missing);
    return image_fail(j->error, "JPEG: scan %d ends early at byte %zu with marker FF%02X: %zu of %zu block groups "
                      "(%.1f%%) are missing", j->n_scans, j->at, j->bytes[j->at + 1], units - unit, units, missing);
}

static void image_jpeg_restart(ImageJpeg *j)
{
    j->bits = 0;
    j->bit_count = 0;
    j->at_marker = 0;
    j->skip_blocks = 0;
    for (int i = 0; i < j->n_components; i++) j->components[i].dc = 0;
}

/* Restart markers RST0 to RST7, in turn, let a decoder find its way after damage; here they show that there is none.
 * Everything before the marker has been read by now, so that stray bytes in front of it, which some cameras leave, cost
 * nothing. */
static int image_jpeg_pass_restart_marker(ImageJpeg *j, size_t unit, size_t units)
{
    unsigned expected = 0xD0 + (unsigned)((unit / (size_t)j->restart_interval - 1) & 7);
    image_jpeg_refill(j);
    while (!j->at_marker) {
        j->bit_count = 0;
        image_jpeg_refill(j);
    }
    if (j->at >= j->size) {
        j->bit_count = -1;
        return image_jpeg_cut(j, unit, units);
    }
    if (j->bytes[j->at + 1] != expected)
        return image_fail(j->error, "JPEG: no restart marker FF%02X near byte %zu, after block group %zu of %zu of "
                          "scan %d", expected, j->at, unit, units, j->n_scans);
    j->at += 2;
    image_jpeg_restart(j);
    return 1;
}

static int image_jpeg_scan_data(ImageJpeg *j)
{
    ImageJpegBlockReader read = image_jpeg_block_reader(j);
    size_t units = image_jpeg_units(j);
    image_jpeg_restart(j);
    for (size_t unit = 0; unit < units; unit++) {
        if (j->restart_interval && unit && unit % (size_t)j->restart_interval == 0)
            if (!image_jpeg_pass_restart_marker(j, unit, units)) return 0;
        int ok = image_jpeg_unit(j, read, unit);
        if (!ok || j->bit_count < 0) return image_jpeg_cut(j, unit, units);
    }
    image_jpeg_refill(j);
    j->at -= j->at_marker ? 0 : (size_t)j->bit_count / 8;   /* at worst a little early: the next marker is searched */
    return 1;
}

/* Every coefficient may be sent once and each of its bits refined once: this also bounds the number of scans. */
static int image_jpeg_progress(ImageJpeg *j, ImageJpegComponent *c)
{
    int first = j->progressive ? j->first : 0, last = j->progressive ? j->last : 63;
    int seen = j->progressive && j->high ? j->high : -1, low = j->progressive ? j->low : 0;
    if (first > 0 && c->missing_bits[0] < 0)
        return image_fail(j->error, "JPEG: scan %d comes before the DC scan of its component", j->n_scans);
    for (int k = first; k <= last; k++) {
        if (c->missing_bits[k] != seen)
            return image_fail(j->error, "JPEG: scan %d sends coefficient %d again or out of order", j->n_scans, k);
        c->missing_bits[k] = (signed char)low;
    }
    return 1;
}

static int image_jpeg_scan_component(ImageJpeg *j, int i, const unsigned char *p)
{
    int index = 0;
    while (index < j->n_components && j->components[index].id != p[0]) index++;
    for (int before = 0; before < i; before++)
        if (j->in_scan[before] == index) index = j->n_components;
    if (index == j->n_components) return image_fail(j->error, "JPEG: scan %d has no component %d", j->n_scans, p[0]);
    ImageJpegComponent *c = &j->components[index];
    j->in_scan[i] = index;
    c->dc_code = p[1] >> 4;
    c->ac_code = p[1] & 15;
    int needs_dc = !j->progressive || (j->first == 0 && !j->high), needs_ac = !j->progressive || j->first > 0;
    if ((needs_dc && (c->dc_code > 3 || !j->codes[0][c->dc_code].defined)) ||
        (needs_ac && (c->ac_code > 3 || !j->codes[1][c->ac_code].defined)))
        return image_fail(j->error, "JPEG: scan %d uses a Huffman table (%d, %d) that is not there", j->n_scans,
                          c->dc_code, c->ac_code);
    if (!c->quantised && !j->table_defined[c->table])
        return image_fail(j->error, "JPEG: quantisation table %d is not there", c->table);
    if (!c->quantised) memcpy(c->quant, j->tables[c->table], sizeof c->quant);
    c->quantised = 1;
    size_t count = (size_t)c->blocks_wide * (size_t)c->blocks_high * 64;
    if (!c->coefficients) c->coefficients = (int16_t *)calloc(count, sizeof *c->coefficients);
    return c->coefficients ? 1 : image_fail(j->error, "JPEG: no memory for %zu coefficients", count);
}

static int image_jpeg_scan(ImageJpeg *j, const unsigned char *p, size_t size)
{
    j->n_scans++;
    if (!j->n_components) return image_fail(j->error, "JPEG: a scan at byte %zu before the frame header", j->at);
    int n = size > 0 ? p[0] : 0;
    if (n < 1 || n > j->n_components || size != 4 + 2 * (size_t)n)
        return image_fail(j->error, "JPEG: malformed header of scan %d before byte %zu", j->n_scans, j->at);
    const unsigned char *parameters = p + 1 + 2 * n;
    j->n_in_scan = n;
    j->first = parameters[0];
    j->last = parameters[1];
    j->high = parameters[2] >> 4;
    j->low = parameters[2] & 15;
    int band_ok = j->first == 0 ? j->last == 0 : j->first <= j->last && j->last <= 63 && n == 1;
    if (j->progressive && (!band_ok || j->low > 13 || (j->high && j->high != j->low + 1)))
        return image_fail(j->error, "JPEG: scan %d has impossible parameters %d-%d, bits %d to %d", j->n_scans,
                          j->first, j->last, j->high, j->low);
    int blocks = 0;
    if (!j->progressive) image_jpeg_usual_codes(j);
    for (int i = 0; i < n; i++) {
        if (!image_jpeg_scan_component(j, i, p + 1 + 2 * i)) return 0;
        ImageJpegComponent *c = &j->components[j->in_scan[i]];
        if (!image_jpeg_progress(j, c)) return 0;
        blocks += c->h * c->v;
    }
    if (n > 1 && blocks > 10) return image_fail(j->error, "JPEG: %d blocks in a group, at most 10 are allowed", blocks);
    return image_jpeg_scan_data(j);
}

/* ---- The file ---- */

/* The next marker, or -1 at the end of the file. Stray bytes between segments are skipped: some writers leave them. */
static int image_jpeg_next_marker(ImageJpeg *j)
{
    while (j->size - j->at >= 2) {
        const unsigned char *p = j->bytes + j->at;
        if (p[0] == 0xFF && p[1] != 0 && p[1] != 0xFF) {
            j->at += 2;
            return p[1];
        }
        j->at++;
    }
    return -1;
}

static int image_jpeg_segment(ImageJpeg *j, int marker)
{
    size_t left = j->size - j->at, start = j->at;
    size_t length = left >= 2 ? image_be16(j->bytes + j->at) : 2;
    if (length > left)
        return image_fail(j->error, "JPEG: the file ends at byte %zu inside segment FF%02X: %zu more bytes were "
                          "promised", j->size, (unsigned)marker, length - left);
    if (length < 2)
        return image_fail(j->error, "JPEG: segment FF%02X at byte %zu has no length", (unsigned)marker, start);
    const unsigned char *p = j->bytes + start + 2;
    j->at += length;
    length -= 2;
    if (marker == 0xDB) return image_jpeg_quantisation(j, p, length);
    if (marker == 0xC4) return image_jpeg_codes(j, p, length);
    if (marker == 0xDA) return image_jpeg_scan(j, p, length);
    if (marker == 0xCC) return image_fail(j->error, "JPEG: arithmetic coding (marker FFCC) is not supported");
    if ((marker >= 0xC0 && marker <= 0xCF && marker != 0xC8) || marker == 0xF7)
        return image_jpeg_frame(j, marker, p, length);
    if (marker == 0xDD) {
        if (length != 2) return image_fail(j->error, "JPEG: malformed restart interval at byte %zu", start);
        j->restart_interval = (int)image_be16(p);
    }
    image_jpeg_application(j, marker, p, length);
    return 1;
}

/* A sequential file that lacks nothing but its end marker is whole; a progressive one may miss refinements. */
static int image_jpeg_complete(ImageJpeg *j, int end_marker)
{
    if (!j->n_components)
        return image_fail(j->error, "JPEG: the file ends at byte %zu without a frame header", j->size);
    for (int i = 0; i < j->n_components; i++)
        if (j->components[i].missing_bits[0] < 0)
            return image_fail(j->error, "JPEG: the file ends at byte %zu, before the data of component %d of %d", j->at,
                              i + 1, j->n_components);
    if (j->progressive && !end_marker)
        return image_fail(j->error, "JPEG: the file ends at byte %zu after %d scans without an end marker: later scans "
                          "are missing", j->size, j->n_scans);
    return 1;
}

static int image_jpeg_read(ImageJpeg *j, int header_only)
{
    j->at = 2;
    j->adobe = -1;
    for (;;) {
        int marker = image_jpeg_next_marker(j);
        if (marker < 0 || marker == 0xD9) return image_jpeg_complete(j, marker == 0xD9);
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;         /* markers without a segment */
        if (!image_jpeg_segment(j, marker)) return 0;
        if (header_only && j->n_components) return 1;
    }
}

static int image_jpeg_probe(const unsigned char *bytes, size_t size, ImageInfo *info, char *error)
{
    ImageJpeg *j = (ImageJpeg *)calloc(1, sizeof *j);
    if (!j) return image_fail(error, "JPEG: out of memory");
    j->bytes = bytes;
    j->size = size;
    j->error = error;
    int ok = image_jpeg_read(j, 1), turned = j->orientation >= 5;
    info->width = turned ? j->height : j->width;
    info->height = turned ? j->width : j->height;
    info->channels = j->n_components == 1 ? 1 : 3;
    free(j);
    return ok;
}

/* ---- From coefficients to samples ----
 * The inverse DCT by the flow graph of Loeffler, Ligtenberg and Moschytz (1989) in 13 bit fixed point: first the
 * columns, which keep 2 more bits, then the rows. Integers make the result the same on every machine; unsigned ones
 * because damaged files may overflow them, which wraps here instead of being undefined. */

enum { IMAGE_DCT_BITS = 13, IMAGE_DCT_PASS_BITS = 2 };
#define IMAGE_DCT_CONSTANT(x) ((int32_t)((x) * (1 << IMAGE_DCT_BITS) + ((x) < 0 ? -0.5 : 0.5)))

/* Eight values `step` apart, scaled by 2^13 and the square root of 8, then shifted down and rounded. */
static inline void image_idct_line(int32_t *line, int step, int shift)
{
    uint32_t x[8];
    for (int i = 0; i < 8; i++) x[i] = (uint32_t)line[i * step];

    uint32_t turn = (x[2] + x[6]) * IMAGE_DCT_CONSTANT(0.541196100);
    uint32_t low = turn + x[2] * IMAGE_DCT_CONSTANT(0.765366865), high = turn - x[6] * IMAGE_DCT_CONSTANT(1.847759065);
    uint32_t sum = (x[0] + x[4]) << IMAGE_DCT_BITS, difference = (x[0] - x[4]) << IMAGE_DCT_BITS;
    uint32_t even[4] = { sum + low, difference + high, difference - high, sum - low };

    uint32_t a = (x[7] + x[3] + x[5] + x[1]) * IMAGE_DCT_CONSTANT(1.175875602);
    uint32_t b = (x[7] + x[3]) * IMAGE_DCT_CONSTANT(-1.961570560) + a;
    uint32_t c = (x[5] + x[1]) * IMAGE_DCT_CONSTANT(-0.390180644) + a;
    uint32_t d = (x[7] + x[1]) * IMAGE_DCT_CONSTANT(-0.899976223);
    uint32_t e = (x[5] + x[3]) * IMAGE_DCT_CONSTANT(-2.562915447);
    uint32_t odd[4] = {
        x[1] * IMAGE_DCT_CONSTANT(1.501321110) + d + c, x[3] * IMAGE_DCT_CONSTANT(3.072711026) + e + b,
        x[5] * IMAGE_DCT_CONSTANT(2.053119869) + e + c, x[7] * IMAGE_DCT_CONSTANT(0.298631336) + d + b,
    };

    uint32_t half = 1u << (shift - 1);
    for (int i = 0; i < 4; i++) {
        line[i * step] = (int32_t)(even[i] + odd[i] + half) >> shift;
        line[(7 - i) * step] = (int32_t)(even[i] - odd[i] + half) >> shift;
    }
}

static void image_idct_block(const int16_t *coefficients, const uint16_t *quant, unsigned char *out, size_t stride)
{
    int32_t work[64];
    int any_ac = 0;
    for (int i = 1; i < 64; i++) any_ac |= coefficients[i];
    if (!any_ac) {                                          /* a flat block, and in smooth pictures most are */
        int32_t dc = (coefficients[0] * quant[0] + 4) >> 3;
        for (int y = 0; y < 8; y++) memset(out + (size_t)y * stride, image_byte(dc + 128), 8);
        return;
    }
    for (int i = 0; i < 64; i++) work[i] = coefficients[i] * quant[i];
    for (int x = 0; x < 8; x++) {
        const int16_t *c = coefficients + x;
        if (c[8] | c[16] | c[24] | c[32] | c[40] | c[48] | c[56])
            image_idct_line(work + x, 8, IMAGE_DCT_BITS - IMAGE_DCT_PASS_BITS);
        else for (int y = 7; y >= 0; y--) work[8 * y + x] = (int32_t)((uint32_t)work[x] << IMAGE_DCT_PASS_BITS);
    }
    for (int y = 0; y < 8; y++) {
        int32_t *row = work + 8 * y;
        image_idct_line(row, 1, IMAGE_DCT_BITS + IMAGE_DCT_PASS_BITS + 3);
        for (int x = 0; x < 8; x++) out[(size_t)y * stride + (size_t)x] = image_byte(row[x] + 128);
    }
}

static int image_jpeg_plane(ImageJpeg *j, ImageJpegComponent *c)
{
    size_t stride = (size_t)c->blocks_wide * 8;
    c->plane = (unsigned char *)malloc(stride * (size_t)c->blocks_high * 8);
    if (!c->plane) return image_fail(j->error, "JPEG: no memory for the samples");
    for (int y = 0; y < c->blocks_high; y++) {
        unsigned char *row = c->plane + (size_t)y * 8 * stride;
        for (int x = 0; x < c->blocks_wide; x++)
            image_idct_block(image_jpeg_block(c, x, y), c->quant, row + (size_t)x * 8, stride);
    }
    free(c->coefficients);
    c->coefficients = NULL;
    return 1;
}

/* Row y of a component at the picture's full width. A sample that stands for two pixels lies between their centres, so
 * each pixel takes 3/4 from the nearer and 1/4 from the farther sample (a triangle filter), along both axes. The two
 * rounding constants alternate, so that no direction is favoured. Other ratios, which are rare, repeat the sample. */
static void image_jpeg_row(const ImageJpegComponent *c, int h_ratio, int v_ratio, int y, int *mix, unsigned char *row)
{
    size_t stride = (size_t)c->blocks_wide * 8;
    int width = c->width, near_y = y / v_ratio, upper = y % v_ratio == 0;
    const unsigned char *nearer = c->plane + (size_t)near_y * stride;
    if (!(h_ratio == 2 && v_ratio <= 2 && width > 2) && !(h_ratio == 1 && v_ratio == 2)) {
        if (h_ratio == 1) memcpy(row, nearer, (size_t)width);
        else for (int x = 0; x < width * h_ratio; x++) row[x] = nearer[x / h_ratio];
        return;
    }
    int far_y = image_clamp(near_y + (upper ? -1 : 1), 0, c->height - 1);
    const unsigned char *farther = c->plane + (size_t)far_y * stride;
    for (int x = 0; x < width; x++) mix[x] = v_ratio == 2 ? 3 * nearer[x] + farther[x] : nearer[x];
    if (h_ratio == 1) {
        for (int x = 0; x < width; x++) row[x] = (unsigned char)((mix[x] + (upper ? 1 : 2)) >> 2);
        return;
    }
    int shift = v_ratio == 2 ? 4 : 2, left_half = v_ratio == 2 ? 8 : 1, right_half = v_ratio == 2 ? 7 : 2;
    for (int x = 0; x < width; x++) {
        int left = mix[x > 0 ? x - 1 : 0], right = mix[x < width - 1 ? x + 1 : width - 1];
        row[2 * x] = (unsigned char)((3 * mix[x] + left + left_half) >> shift);
        row[2 * x + 1] = (unsigned char)((3 * mix[x] + right + right_half) >> shift);
    }
}

/* YCbCr as JFIF defines it, in 16 bit fixed point. */
static void image_ycc_to_rgb(const unsigned char *y, const unsigned char *cb, const unsigned char *cr, int n,
                             unsigned char *out)
{
    for (int i = 0; i < n; i++, out += 3) {
        int blue = cb[i] - 128, red = cr[i] - 128;
        out[0] = image_byte(y[i] + ((91881 * red + 32768) >> 16));
        out[1] = image_byte(y[i] + ((-22554 * blue - 46802 * red + 32768) >> 16));
        out[2] = image_byte(y[i] + ((116130 * blue + 32768) >> 16));
    }
}

/* Three components are YCbCr unless an Adobe marker, or without any marker their names, say that they are RGB. */
static int image_jpeg_is_rgb(const ImageJpeg *j)
{
    if (j->jfif) return 0;
    if (j->adobe >= 0) return j->adobe == 0;
    return j->components[0].id == 'R' && j->components[1].id == 'G' && j->components[2].id == 'B';
}

/* Four components are ink: cyan, magenta, yellow and black. Programs for print store ink upside down, 255 for none, so
 * that a colour is simply its ink times the black; readers take every file so, with an Adobe marker or without. Unless
 * that marker says 0, the first three inks are stored as a YCbCr picture of what they leave white (YCCK). */
static void image_jpeg_inks(const ImageJpeg *j, const unsigned char *rows, size_t row_size, unsigned char *out)
{
    int is_ycc = j->adobe > 0;
    if (is_ycc) image_ycc_to_rgb(rows, rows + row_size, rows + 2 * row_size, j->width, out);
    for (int x = 0; x < j->width; x++, out += 3)
        for (int c = 0; c < 3; c++) {
            int stored = is_ycc ? 255 - out[c] : rows[(size_t)c * row_size + (size_t)x];
            int black = rows[3 * row_size + (size_t)x];
            int ink = (255 - stored) * black + 128;         /* of 255 and rounded, once as ink: as Pillow does */
            out[c] = image_byte(black - ((ink + (ink >> 8)) >> 8));
        }
}

static int image_jpeg_output(ImageJpeg *j, Image *out)
{
    if (!image_new(j->width, j->height, j->n_components == 1 ? 1 : 3, out, j->error)) return 0;
    size_t row_size = (size_t)j->groups_wide * 8 * (size_t)j->h_max, channels = (size_t)out->channels;
    unsigned char *rows = (unsigned char *)malloc((size_t)j->n_components * row_size);
    int *mix = (int *)malloc(row_size * sizeof *mix), is_rgb = j->n_components == 3 && image_jpeg_is_rgb(j);
    for (int y = 0; rows && mix && y < j->height; y++) {
        unsigned char *to = out->pixels + (size_t)y * (size_t)j->width * channels;
        for (int i = 0; i < j->n_components; i++) {
            const ImageJpegComponent *c = &j->components[i];
            image_jpeg_row(c, j->h_max / c->h, j->v_max / c->v, y, mix, rows + (size_t)i * row_size);
        }
        if (channels == 1) memcpy(to, rows, (size_t)j->width);
        else if (j->n_components == 4) image_jpeg_inks(j, rows, row_size, to);
        else if (!is_rgb) image_ycc_to_rgb(rows, rows + row_size, rows + 2 * row_size, j->width, to);
        else for (size_t i = 0; i < 3 * (size_t)j->width; i++) to[i] = rows[i % 3 * row_size + i / 3];
    }
    int ok = rows && mix ? 1 : image_fail(j->error, "JPEG: no memory for rows");
    free(rows);
    free(mix);
    return ok;
}

static int image_jpeg_decode(const unsigned char *bytes, size_t size, Image *out, char *error)
{
    ImageJpeg *j = (ImageJpeg *)calloc(1, sizeof *j);
    if (!j) return image_fail(error, "JPEG: out of memory");
    j->bytes = bytes;
    j->size = size;
    j->error = error;
    int ok = image_jpeg_read(j, 0);
    for (int i = 0; ok && i < j->n_components; i++) ok = image_jpeg_plane(j, &j->components[i]);
    ok = ok && image_jpeg_output(j, out) && image_oriented(out, j->orientation, error);
    for (int i = 0; i < 4; i++) {
        free(j->components[i].coefficients);
        free(j->components[i].plane);
    }
    free(j);
    return ok;
}

/* ==== Reading PNM ===================================================================================================
 * Netpbm's formats: "P" and a digit, then width, height and (not for bitmaps) the largest value as decimal numbers with
 * white space or # comments between them, then the samples:
 *
 *              bitmap   grey   RGB
 *     text       P1      P2     P3       numbers (P1: digits 0 and 1)
 *     binary     P4      P5     P6       one white space, then bits (P4) or bytes, two each if the largest value > 255
 *
 * In a bitmap 1 is black. */

typedef struct ImagePnm {
    const unsigned char *bytes;
    size_t size, at;
    int kind, width, height, channels, maximum;
    char *error;
} ImagePnm;

static int image_pnm_recognise(const unsigned char *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
           (bytes[2] == '#' || bytes[2] == ' ' || (bytes[2] >= 9 && bytes[2] <= 13));
}

/* From the # of a comment to the end of its line: LF, CR (old Macintosh), or both. */
static void image_pnm_comment(ImagePnm *pnm)
{
    while (pnm->at + 1 < pnm->size && pnm->bytes[pnm->at] != '\n' && pnm->bytes[pnm->at] != '\r') pnm->at++;
    if (pnm->at + 1 < pnm->size && pnm->bytes[pnm->at] == '\r' && pnm->bytes[pnm->at + 1] == '\n') pnm->at++;
}

static void image_pnm_skip(ImagePnm *pnm)
{
    for (; pnm->at < pnm->size; pnm->at++) {
        unsigned char byte = pnm->bytes[pnm->at];
        if (byte == '#') image_pnm_comment(pnm);
        else if (byte != ' ' && (byte < 9 || byte > 13)) return;
    }
}

/* A number of at most `digits` digits and at most `maximum`. */
static int image_pnm_number(ImagePnm *pnm, int digits, int maximum, int *value)
{
    image_pnm_skip(pnm);
    if (pnm->at == pnm->size)
        return image_fail(pnm->error, "PNM: the file ends at byte %zu where a number was expected", pnm->size);
    int number = 0, n = 0;
    for (; n < digits && pnm->at < pnm->size; n++, pnm->at++) {
        int digit = pnm->bytes[pnm->at] - '0';
        if (digit < 0 || digit > 9) break;
        number = number > maximum ? number : number * 10 + digit;
    }
    if (n == 0) return image_fail(pnm->error, "PNM: no number at byte %zu", pnm->at);
    if (number > maximum) return image_fail(pnm->error, "PNM: a number before byte %zu is above %d", pnm->at, maximum);
    *value = number;
    return 1;
}

static int image_pnm_header(ImagePnm *pnm, const unsigned char *bytes, size_t size, char *error)
{
    memset(pnm, 0, sizeof *pnm);
    pnm->bytes = bytes;
    pnm->size = size;
    pnm->at = 2;
    pnm->kind = bytes[1] - '0';
    pnm->channels = pnm->kind == 3 || pnm->kind == 6 ? 3 : 1;
    pnm->maximum = 1;
    pnm->error = error;
    if (!image_pnm_number(pnm, 9, 99999999, &pnm->width) || !image_pnm_number(pnm, 9, 99999999, &pnm->height)) return 0;
    if (pnm->kind != 1 && pnm->kind != 4 && !image_pnm_number(pnm, 9, 65535, &pnm->maximum)) return 0;
    if (pnm->maximum == 0) return image_fail(error, "PNM: the largest value is 0");
    if (pnm->kind >= 4) {                                   /* exactly one white space; more would be samples */
        if (pnm->at < size && bytes[pnm->at] == '#') image_pnm_comment(pnm);
        pnm->at++;
    }
    return image_check_size("PNM", pnm->width, pnm->height, error);
}

static int image_pnm_probe(const unsigned char *bytes, size_t size, ImageInfo *info, char *error)
{
    ImagePnm pnm;
    if (!image_pnm_header(&pnm, bytes, size, error)) return 0;
    info->width = pnm.width;
    info->height = pnm.height;
    info->channels = pnm.channels;
    return 1;
}

static int image_pnm_text_samples(ImagePnm *pnm, unsigned char *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int value = 0;
        if (!image_pnm_number(pnm, pnm->kind == 1 ? 1 : 9, pnm->maximum, &value)) return 0;
        out[i] = image_scale((unsigned)(pnm->kind == 1 ? 1 - value : value), (unsigned)pnm->maximum);
    }
    return 1;
}

static int image_pnm_binary_samples(ImagePnm *pnm, unsigned char *out, size_t count)
{
    const unsigned char *p = pnm->bytes + pnm->at;
    unsigned maximum = (unsigned)pnm->maximum;
    size_t row_bytes = ((size_t)pnm->width + 7) / 8;
    for (size_t i = 0; i < count; i++) {
        unsigned value;
        if (pnm->kind == 4) {
            size_t x = i % (size_t)pnm->width, y = i / (size_t)pnm->width;
            value = 1 - (p[y * row_bytes + x / 8] >> (7 - x % 8) & 1u);
        } else value = maximum > 255 ? image_be16(p + 2 * i) : p[i];
        if (value > maximum) return image_fail(pnm->error, "PNM: sample %zu is %u, above %u", i, value, maximum);
        out[i] = image_scale(value, maximum);
    }
    return 1;
}

static int image_pnm_decode(const unsigned char *bytes, size_t size, Image *out, char *error)
{
    ImagePnm pnm;
    if (!image_pnm_header(&pnm, bytes, size, error)) return 0;
    size_t count = (size_t)pnm.width * (size_t)pnm.height * (size_t)pnm.channels, wanted = count;
    if (pnm.kind == 2 || pnm.kind == 3) wanted = 2 * count;             /* a digit and a separator, but for the last */
    if (pnm.kind == 4) wanted = ((size_t)pnm.width + 7) / 8 * (size_t)pnm.height;
    if (pnm.kind > 4 && pnm.maximum > 255) wanted = 2 * count;
    size_t left = pnm.at < size ? size - pnm.at : 0, slack = pnm.kind < 4 ? 1 : 0;
    if (left + slack < wanted)
        return image_fail(error, "PNM: %zu of the %zu bytes that %d x %d pixels need are missing", wanted - left,
                          wanted, pnm.width, pnm.height);
    if (!image_new(pnm.width, pnm.height, pnm.channels, out, error)) return 0;
    return pnm.kind < 4 ? image_pnm_text_samples(&pnm, out->pixels, count)
                        : image_pnm_binary_samples(&pnm, out->pixels, count);
}

/* ==== Reading BMP ===================================================================================================
 * The bitmap of Windows and OS/2, little endian:
 *
 *     | "BM" | file size:32 | 0:32 | where the pixels begin:32 |
 *     | header size:32 | width | height | planes:16 | bits:16 | compression:32 | ... | masks of the colours |
 *     | palette: B G R 0 ... | rows, from bottom to top, padded to 4 bytes |
 *
 * A negative height means rows from top to bottom. 16 and 32 bit pixels may be divided into colours by masks. Rows of 4
 * and 8 bits may be run-length coded (RLE4, RLE8), as pairs of bytes:
 *
 *     | n > 0 | colour |                      n pixels; in RLE4 the byte's two halves take turns
 *     | 0 | 0: end of the row |               | 0 | 1: end of the picture |
 *     | 0 | 2 | dx | dy |                     go on so much to the right and up
 *     | 0 | n > 2 | colours ... |             n pixels as they are, padded to 2 bytes
 *
 * Pixels that are passed over have colour 0. */

typedef struct ImageBmp {
    const unsigned char *bytes;
    size_t size, pixels, row_bytes;
    int width, height, top_down, bits, run_lengths, palette_size, palette_step;
    uint32_t masks[4];                                      /* red, green, blue, alpha */
    size_t palette;
    char *error;
} ImageBmp;

static int image_bmp_recognise(const unsigned char *bytes, size_t size)
{
    return size >= 18 && bytes[0] == 'B' && bytes[1] == 'M' && (bytes[14] == 12 || bytes[14] >= 40) && bytes[15] == 0;
}

/* A mask must be one run of ones; its sample is then a shift away. */
static unsigned char image_bmp_field(uint32_t pixel, uint32_t mask)
{
    if (mask == 0) return 0;
    int shift = 0;
    while (!(mask >> shift & 1)) shift++;
    uint32_t value = (pixel & mask) >> shift, maximum = mask >> shift;
    return (unsigned char)(((uint64_t)value * 255 + maximum / 2) / maximum);
}

static int image_bmp_masks(ImageBmp *bmp, uint32_t header, uint32_t compression)
{
    static const uint32_t standard[2][3] = { { 0x7C00, 0x3E0, 0x1F }, { 0xFF0000, 0xFF00, 0xFF } };
    memcpy(bmp->masks, standard[bmp->bits == 32], 3 * sizeof bmp->masks[0]);
    if (compression < 3) return 1;
    if (bmp->size < 14 + 40 + 16) return image_fail(bmp->error, "BMP: the file ends in its header");
    int has_alpha = header >= 56 || compression == 6;
    for (int i = 0; i < 3 + has_alpha; i++) {
        uint32_t mask = image_le32(bmp->bytes + 54 + 4 * i), low = mask & (~mask + 1);
        bmp->masks[i] = mask;
        if ((mask == 0 && i < 3) || (mask && ((mask / low) & (mask / low + 1)) != 0))
            return image_fail(bmp->error, "BMP: colour mask %d is %08X, not a run of ones", i, (unsigned)mask);
    }
    if (header == 40) bmp->palette += has_alpha ? 16 : 12;
    return 1;
}

static int image_bmp_refuse_compression(ImageBmp *bmp, uint32_t compression)
{
    static const char *const names[7] = { "", "run lengths", "run lengths", "masks", "JPEG", "PNG", "masks" };
    if (compression == 0 || ((compression == 3 || compression == 6) && (bmp->bits == 16 || bmp->bits == 32))) return 1;
    bmp->run_lengths = (compression == 1 && bmp->bits == 8) || (compression == 2 && bmp->bits == 4);
    if (bmp->run_lengths) return 1;
    return image_fail(bmp->error, "BMP: %d bits with compression %u (%s) are not supported", bmp->bits,
                      (unsigned)compression, compression < 7 ? names[compression] : "unknown");
}

static int image_bmp_header(ImageBmp *bmp, const unsigned char *bytes, size_t size, char *error)
{
    memset(bmp, 0, sizeof *bmp);
    bmp->bytes = bytes;
    bmp->size = size;
    bmp->error = error;
    uint32_t header = image_le32(bytes + 14), compression = 0, colours = 0;
    if (header > 1024 || size < 14 + (size_t)header) return image_fail(error, "BMP: the file ends in its header");
    int64_t width, height;
    if (header == 12) {
        width = image_le16(bytes + 18);
        height = image_le16(bytes + 20);
    } else {
        width = (int32_t)image_le32(bytes + 18);
        height = (int32_t)image_le32(bytes + 22);
        compression = image_le32(bytes + 30);
        colours = image_le32(bytes + 46);
    }
    bmp->bits = (int)image_le16(bytes + (header == 12 ? 24 : 28));
    bmp->top_down = height < 0;
    if (!image_check_size("BMP", width, height < 0 ? -height : height, error)) return 0;
    bmp->width = (int)width;
    bmp->height = (int)(height < 0 ? -height : height);
    if (bmp->bits == 0 && (compression == 4 || compression == 5))
        return image_fail(error, "BMP: holds a %s picture, which is not read from within it: convert it to PNG",
                          compression == 4 ? "JPEG" : "PNG");
    if (bmp->bits != 1 && bmp->bits != 4 && bmp->bits != 8 && bmp->bits != 16 && bmp->bits != 24 && bmp->bits != 32)
        return image_fail(error, "BMP: %d bits a pixel are not supported", bmp->bits);
    bmp->palette = 14 + (size_t)header;
    bmp->palette_step = header == 12 ? 3 : 4;
    if (bmp->bits <= 8) bmp->palette_size = colours && colours < 1u << bmp->bits ? (int)colours : 1 << bmp->bits;
    bmp->pixels = image_le32(bytes + 10);
    bmp->row_bytes = ((size_t)bmp->width * (size_t)bmp->bits + 31) / 32 * 4;
    return image_bmp_refuse_compression(bmp, compression) && image_bmp_masks(bmp, header, compression);
}

static int image_bmp_probe(const unsigned char *bytes, size_t size, ImageInfo *info, char *error)
{
    ImageBmp bmp;
    if (!image_bmp_header(&bmp, bytes, size, error)) return 0;
    info->width = bmp.width;
    info->height = bmp.height;
    info->channels = bmp.masks[3] ? 4 : 3;
    return 1;
}

/* Expands run lengths to a palette index a pixel, rows from the bottom. Fails if the data ends before the picture. */
static int image_bmp_expand(const ImageBmp *bmp, unsigned char *indices)
{
    const unsigned char *in = bmp->bytes;
    size_t at = bmp->pixels < bmp->size ? bmp->pixels : bmp->size, width = (size_t)bmp->width;
    size_t x = 0, y = 0, height = (size_t)bmp->height;
    int half = bmp->bits == 4;
    for (;;) {
        if (bmp->size - at < 2)                             /* the end need not be marked if every pixel has come */
            return y + (x >= width) >= height ? 1 :
                   image_fail(bmp->error, "BMP: the file ends at byte %zu inside row %zu of %zu", bmp->size, y, height);
        size_t n = in[at], code = in[at + 1];
        at += 2;
        if (n == 0 && code == 1) return 1;
        if (n == 0 && code == 2 && bmp->size - at < 2) continue;
        if (n == 0 && code == 0) y++, x = 0;
        if (n == 0 && code == 2) x += in[at], y += in[at + 1], at += 2;
        if (n == 0 && code < 3) continue;
        size_t count = n ? n : code, bytes = n ? 0 : half ? (code + 1) / 2 : code;
        if (bytes > bmp->size - at) bytes = count = 0, at = bmp->size;
        for (size_t i = 0; i < count && x < width && y < height; i++, x++) {
            size_t value = n ? code : in[at + (half ? i / 2 : i)];
            indices[y * width + x] = (unsigned char)(!half ? value : i % 2 ? value & 15 : value >> 4);
        }
        at += bytes + (bytes & 1 && at + bytes < bmp->size);
    }
}

static int image_bmp_colour(const ImageBmp *bmp, unsigned index, unsigned char *out)
{
    if ((int)index >= bmp->palette_size)
        return image_fail(bmp->error, "BMP: colour %u of a palette of %d", index, bmp->palette_size);
    const unsigned char *bgr = bmp->bytes + bmp->palette + index * (size_t)bmp->palette_step;
    for (int c = 0; c < 3; c++) out[c] = bgr[2 - c];
    return 1;
}

static int image_bmp_runs(const ImageBmp *bmp, Image *out)
{
    size_t width = (size_t)bmp->width, height = (size_t)bmp->height;
    if (width * height > 1 << 20 && width * height / 4096 > bmp->size)
        return image_fail(bmp->error, "BMP: %d x %d pixels cannot be in a file of %zu bytes", bmp->width, bmp->height,
                          bmp->size);
    unsigned char *indices = (unsigned char *)calloc(width, height);
    if (!indices) return image_fail(bmp->error, "BMP: no memory for %zu pixels", width * height);
    int ok = image_bmp_expand(bmp, indices) && image_new(bmp->width, bmp->height, 3, out, bmp->error);
    for (size_t y = 0; ok && y < height; y++)
        for (size_t x = 0; ok && x < width; x++) {
            size_t row = bmp->top_down ? y : height - 1 - y;
            ok = image_bmp_colour(bmp, indices[row * width + x], out->pixels + (y * width + x) * 3);
        }
    free(indices);
    return ok;
}

static int image_bmp_row(const ImageBmp *bmp, const unsigned char *row, unsigned char *out)
{
    int channels = bmp->masks[3] ? 4 : 3;
    for (int x = 0; x < bmp->width; x++, out += channels) {
        if (bmp->bits <= 8) {
            if (!image_bmp_colour(bmp, image_png_sample(row, (size_t)x, bmp->bits), out)) return 0;
        } else if (bmp->bits == 24) {
            for (int c = 0; c < 3; c++) out[c] = row[3 * x + 2 - c];
        } else {
            uint32_t pixel = bmp->bits == 16 ? image_le16(row + 2 * x) : image_le32(row + 4 * x);
            for (int c = 0; c < channels; c++) out[c] = image_bmp_field(pixel, bmp->masks[c]);
        }
    }
    return 1;
}

/* Screen grabs leave the fourth byte 0 and yet call it alpha. A picture that nobody could see is meant to be opaque. */
static void image_bmp_reveal(Image *image)
{
    size_t count = image_pixel_count(image), i = 0;
    while (i < count && image->pixels[4 * i + 3] == 0) i++;
    for (size_t p = 0; i == count && p < count; p++) image->pixels[4 * p + 3] = 255;
}

static int image_bmp_decode(const unsigned char *bytes, size_t size, Image *out, char *error)
{
    ImageBmp bmp;
    if (!image_bmp_header(&bmp, bytes, size, error)) return 0;
    if (bmp.palette + (size_t)bmp.palette_size * (size_t)bmp.palette_step > size)
        return image_fail(error, "BMP: the file ends at byte %zu, inside its palette", size);
    if (bmp.run_lengths) return image_bmp_runs(&bmp, out);
    size_t used = ((size_t)bmp.width * (size_t)bmp.bits + 7) / 8;       /* the last row may lack its padding */
    size_t wanted = bmp.row_bytes * ((size_t)bmp.height - 1) + used, left = bmp.pixels < size ? size - bmp.pixels : 0;
    if (left < wanted)
        return image_fail(error, "BMP: %zu of the %zu bytes that %d x %d pixels need are missing", wanted - left,
                          wanted, bmp.width, bmp.height);
    if (!image_new(bmp.width, bmp.height, bmp.masks[3] ? 4 : 3, out, error)) return 0;
    for (int y = 0; y < bmp.height; y++) {
        size_t row = (size_t)(bmp.top_down ? y : bmp.height - 1 - y);
        size_t at = (size_t)y * (size_t)bmp.width * (size_t)out->channels;
        if (!image_bmp_row(&bmp, bytes + bmp.pixels + row * bmp.row_bytes, out->pixels + at)) return 0;
    }
    if (out->channels == 4) image_bmp_reveal(out);
    return 1;
}

/* ==== Reading GIF ===================================================================================================
 * GIF 87a and 89a:
 *
 *     | "GIF89a" | canvas width:16 height:16 | flags | background | aspect | global palette |
 *     | 21: extension (F9: delay, transparent colour) | ...
 *     | 2C: frame, x y width height flags | local palette | LZW data | ...
 *     | 3B: end |
 *
 * LZW data comes in blocks | size:8 | bytes |, of which an empty one is the last. LZW learns strings as it goes: codes
 * below `clear` are colours; every code that is read teaches one more, the string before extended by the first colour
 * of the string now. Codes begin with one bit more than colours need, and widen up to 12 bits as the table fills. */

typedef struct ImageGif {
    const unsigned char *bytes;
    size_t size, at;
    int width, height;
    int transparent;                                        /* the index of the transparent colour, or -1 */
    int frame_x, frame_y, frame_width, frame_height, interlaced, palette_size;
    const unsigned char *palette;
    char *error;
} ImageGif;

static int image_gif_recognise(const unsigned char *bytes, size_t size)
{
    return size >= 6 && (memcmp(bytes, "GIF87a", 6) == 0 || memcmp(bytes, "GIF89a", 6) == 0);
}

static int image_gif_need(ImageGif *gif, size_t n, const char *what)
{
    if (n <= gif->size - gif->at) return 1;
    return image_fail(gif->error, "GIF: the file ends at byte %zu inside its %s: %zu more bytes were expected",
                      gif->size, what, n - (gif->size - gif->at));
}

static int image_gif_take_palette(ImageGif *gif, int flags)
{
    if (!(flags & 0x80)) return 1;
    gif->palette_size = 2 << (flags & 7);
    if (!image_gif_need(gif, 3 * (size_t)gif->palette_size, "palette")) return 0;
    gif->palette = gif->bytes + gif->at;
    gif->at += 3 * (size_t)gif->palette_size;
    return 1;
}

static int image_gif_extension(ImageGif *gif)
{
    if (!image_gif_need(gif, 2, "extension")) return 0;
    int is_control = gif->bytes[gif->at++] == 0xF9;
    for (;;) {
        if (!image_gif_need(gif, 1, "extension")) return 0;
        size_t n = gif->bytes[gif->at++];
        if (n == 0) return 1;
        if (!image_gif_need(gif, n, "extension")) return 0;
        const unsigned char *p = gif->bytes + gif->at;
        if (is_control && n >= 4) gif->transparent = p[0] & 1 ? p[3] : -1;
        is_control = 0;
        gif->at += n;
    }
}

static int image_gif_frame(ImageGif *gif)
{
    if (!image_gif_need(gif, 10, "frame header")) return 0;
    const unsigned char *p = gif->bytes + gif->at;
    gif->frame_x = (int)image_le16(p + 1);
    gif->frame_y = (int)image_le16(p + 3);
    gif->frame_width = (int)image_le16(p + 5);
    gif->frame_height = (int)image_le16(p + 7);
    gif->interlaced = p[9] >> 6 & 1;
    gif->at += 10;
    if (!image_gif_take_palette(gif, p[9])) return 0;
    if (!gif->palette) return image_fail(gif->error, "GIF: the first frame has no palette");
    if (gif->frame_width < 1 || gif->frame_height < 1)
        return image_fail(gif->error, "GIF: the first frame has %d x %d pixels", gif->frame_width, gif->frame_height);
    int right = gif->frame_x + gif->frame_width, bottom = gif->frame_y + gif->frame_height;
    if (right > gif->width) gif->width = right;             /* a frame that is larger than its canvas makes it grow */
    if (bottom > gif->height) gif->height = bottom;
    return image_check_size("GIF", gif->width, gif->height, gif->error);
}

static int image_gif_header(ImageGif *gif, const unsigned char *bytes, size_t size, char *error)
{
    memset(gif, 0, sizeof *gif);
    gif->bytes = bytes;
    gif->size = size;
    gif->error = error;
    gif->transparent = -1;
    if (!image_gif_need(gif, 13, "header")) return 0;
    gif->width = (int)image_le16(bytes + 6);
    gif->height = (int)image_le16(bytes + 8);
    gif->at = 13;
    if (!image_gif_take_palette(gif, bytes[10])) return 0;
    for (;;) {
        if (!image_gif_need(gif, 1, "blocks")) return 0;
        int kind = bytes[gif->at];
        if (kind == 0x2C) return image_gif_frame(gif);
        if (kind == 0x3B) return image_fail(error, "GIF: the file has no frame");
        if (kind != 0x21) return image_fail(error, "GIF: unknown block %02X at byte %zu", (unsigned)kind, gif->at);
        gif->at++;
        if (!image_gif_extension(gif)) return 0;
    }
}

/* A frame that leaves a part of the canvas open leaves it transparent. */
static int image_gif_channels(const ImageGif *gif)
{
    int covers = gif->frame_width == gif->width && gif->frame_height == gif->height;
    return covers && gif->transparent < 0 ? 3 : 4;
}

static int image_gif_probe(const unsigned char *bytes, size_t size, ImageInfo *info, char *error)
{
    ImageGif gif;
    if (!image_gif_header(&gif, bytes, size, error)) return 0;
    info->width = gif.width;
    info->height = gif.height;
    info->channels = image_gif_channels(&gif);
    return 1;
}

/* LZW strings: each is a shorter string (prefix) and one more colour (last). */
typedef struct ImageLzw {
    uint16_t prefix[4096], length[4096];
    unsigned char first[4096], last[4096];
} ImageLzw;

/* Writes a string from its end to its beginning, clipped to the room there is. */
static size_t image_lzw_write(const ImageLzw *lzw, int code, unsigned char *out, size_t room)
{
    size_t length = lzw->length[code];
    for (size_t i = length; i-- > 0; code = lzw->prefix[code])
        if (i < room) out[i] = lzw->last[code];
    return length < room ? length : room;
}

/* Expands codes until `count` colours are there; says how many there were. -1 for a code that cannot be. */
static int64_t image_lzw_decode(ImageLzw *lzw, const unsigned char *in, size_t size, int colour_bits,
                                unsigned char *out, size_t count)
{
    int clear = 1 << colour_bits, next = clear + 2, width = colour_bits + 1, before = -1;
    for (int i = 0; i < clear; i++) {
        lzw->length[i] = 1;
        lzw->first[i] = lzw->last[i] = (unsigned char)i;
        lzw->prefix[i] = 0;
    }
    size_t done = 0, at = 0;
    uint32_t bits = 0;
    int bit_count = 0;
    while (done < count) {
        for (; bit_count < width && at < size; bit_count += 8) bits |= (uint32_t)in[at++] << bit_count;
        if (bit_count < width) break;
        int code = (int)(bits & ((1u << width) - 1));
        bits >>= width;
        bit_count -= width;
        if (code == clear) {
            next = clear + 2;
            width = colour_bits + 1;
            before = -1;
            continue;
        }
        if (code == clear + 1) break;
        if (code > next || (code == next && before < 0) || (before < 0 && code > clear)) return -1;
        if (before >= 0 && next < 4096) {
            lzw->prefix[next] = (uint16_t)before;
            lzw->length[next] = (uint16_t)(lzw->length[before] + 1);
            lzw->first[next] = lzw->first[before];
            lzw->last[next] = lzw->first[code == next ? before : code];
            next++;
            if (next == 1 << width && width < 12) width++;
        } else if (code >= next) return -1;
        done += image_lzw_write(lzw, code, out + done, count - done);
        before = code;
    }
    return (int64_t)done;
}

/* Joins the data blocks of a frame, as many as the file has. */
static void image_gif_join(ImageGif *gif, ImageBuffer *data)
{
    while (gif->at < gif->size) {
        size_t n = gif->bytes[gif->at++], left = gif->size - gif->at;
        if (n == 0) return;
        image_put(data, gif->bytes + gif->at, n < left ? n : left);
        gif->at += n < left ? n : left;
    }
}

/* Interlaced rows come in four passes: 0, 8, 16 ...; 4, 12 ...; 2, 6 ...; 1, 3 ... */
static int image_gif_interlaced_row(int row, int height)
{
    static const int start[4] = { 0, 4, 2, 1 }, step[4] = { 8, 8, 4, 2 };
    int pass = 0;
    for (; pass < 3; pass++) {
        int rows = (height - start[pass] + step[pass] - 1) / step[pass];
        if (rows < 0) rows = 0;
        if (row < rows) break;
        row -= rows;
    }
    return start[pass] + row * step[pass];
}

static int image_gif_paint(const ImageGif *gif, const unsigned char *indices, Image *out)
{
    for (int row = 0; row < gif->frame_height; row++) {
        int y = gif->frame_y + (gif->interlaced ? image_gif_interlaced_row(row, gif->frame_height) : row);
        size_t at = ((size_t)y * (size_t)out->width + (size_t)gif->frame_x) * (size_t)out->channels;
        unsigned char *to = out->pixels + at;
        for (int x = 0; x < gif->frame_width; x++, to += out->channels) {
            int index = *indices++;
            if (index == gif->transparent) continue;
            if (index >= gif->palette_size)
                return image_fail(gif->error, "GIF: colour %d of a palette of %d", index, gif->palette_size);
            memcpy(to, gif->palette + 3 * index, 3);
            if (out->channels == 4) to[3] = 255;
        }
    }
    return 1;
}

static int image_gif_pixels(ImageGif *gif, ImageBuffer *data, unsigned char *indices, int colour_bits, Image *out)
{
    size_t count = (size_t)gif->frame_width * (size_t)gif->frame_height;
    ImageLzw *lzw = (ImageLzw *)malloc(sizeof *lzw);
    if (!lzw || !indices || data->failed) {
        free(lzw);
        return image_fail(gif->error, "GIF: no memory for %zu pixels", count);
    }
    int64_t done = image_lzw_decode(lzw, data->bytes, data->size, colour_bits, indices, count);
    free(lzw);
    if (done < 0) return image_fail(gif->error, "GIF: damaged LZW data before byte %zu", gif->at);
    if ((size_t)done < count)
        return image_fail(gif->error, "GIF: the first frame's data ends at byte %zu: %zu of %zu pixels are missing",
                          gif->at, count - (size_t)done, count);
    return image_new(gif->width, gif->height, image_gif_channels(gif), out, gif->error) &&
           image_gif_paint(gif, indices, out);
}

static int image_gif_decode(const unsigned char *bytes, size_t size, Image *out, char *error)
{
    ImageGif gif;
    if (!image_gif_header(&gif, bytes, size, error) || !image_gif_need(&gif, 1, "first frame")) return 0;
    int colour_bits = bytes[gif.at++];
    if (colour_bits < 1 || colour_bits > 8)
        return image_fail(error, "GIF: LZW codes for colours of %d bits at byte %zu", colour_bits, gif.at - 1);
    /* A code of 12 bits stands for 4096 pixels at most, so that a byte cannot hold more than 2731. */
    if ((size_t)gif.width * (size_t)gif.height / 2731 > size)
        return image_fail(error, "GIF: %d x %d pixels cannot be in a file of %zu bytes", gif.width, gif.height, size);
    ImageBuffer data;
    memset(&data, 0, sizeof data);
    image_gif_join(&gif, &data);
    unsigned char *indices = (unsigned char *)malloc((size_t)gif.frame_width * (size_t)gif.frame_height);
    int ok = image_gif_pixels(&gif, &data, indices, colour_bits, out);
    free(indices);
    free(data.bytes);
    return ok;
}

/* ==== Any format ====================================================================================================
 * One row per format, told by its first bytes. What is not read is at least called by its name, for "not a picture"
 * sends people looking for damage where there is none. */

typedef struct ImageFormat {
    const char *name;
    int (*recognise)(const unsigned char *bytes, size_t size);
    int (*probe)(const unsigned char *bytes, size_t size, ImageInfo *info, char *error);
    int (*decode)(const unsigned char *bytes, size_t size, Image *out, char *error);
} ImageFormat;

/* Formats that are not read: where their mark stands, and what can be done. */
typedef struct ImageStranger { const char *name; int offset, length; const char *mark; int advice; } ImageStranger;

enum { IMAGE_CONVERT, IMAGE_RASTER, IMAGE_FRAMES, IMAGE_UNPACK, IMAGE_NO_PICTURE };
static const char *const image_advice[] = {
    ", which is not read here: convert it to PNG or JPEG first (magick FILE out.png)",
    ", which is not read here: turn it into pixels first (magick -density 150 FILE out.png)",
    ", not a picture: take its frames out first (ffmpeg -i FILE frames/%06d.png)",
    ", not a picture: unpack it first",
    ", not a picture",
};

static const ImageStranger image_strangers[] = {
    { "WebP", 8, 4, "WEBP", IMAGE_CONVERT },
    { "AVIF", 4, 8, "ftypavif", IMAGE_CONVERT },
    { "AVIF (a sequence)", 4, 8, "ftypavis", IMAGE_CONVERT },
    { "HEIC", 4, 7, "ftyphei", IMAGE_CONVERT },
    { "HEIC", 4, 7, "ftyphev", IMAGE_CONVERT },
    { "HEIF", 4, 8, "ftypmif1", IMAGE_CONVERT },
    { "HEIF", 4, 8, "ftypmsf1", IMAGE_CONVERT },
    { "CR3 (a camera's raw file)", 4, 8, "ftypcrx ", IMAGE_CONVERT },
    { "a video (MP4 or MOV)", 4, 4, "ftyp", IMAGE_FRAMES },
    { "TIFF", 0, 4, "II*", IMAGE_CONVERT },
    { "TIFF", 0, 4, "MM\0*", IMAGE_CONVERT },
    { "TIFF (BigTIFF)", 0, 4, "II+", IMAGE_CONVERT },
    { "TIFF (BigTIFF)", 0, 4, "MM\0+", IMAGE_CONVERT },
    { "JPEG XL", 0, 2, "\xFF\x0A", IMAGE_CONVERT },
    { "JPEG XL", 4, 4, "JXL ", IMAGE_CONVERT },
    { "JPEG 2000", 4, 4, "jP  ", IMAGE_CONVERT },
    { "JPEG 2000", 0, 4, "\xFF\x4F\xFF\x51", IMAGE_CONVERT },
    { "JPEG XR", 0, 3, "II\xBC", IMAGE_CONVERT },
    { "Photoshop (PSD)", 0, 4, "8BPS", IMAGE_CONVERT },
    { "GIMP (XCF)", 0, 8, "gimp xcf", IMAGE_CONVERT },
    { "OpenEXR", 0, 4, "\x76\x2F\x31\x01", IMAGE_CONVERT },
    { "Radiance HDR", 0, 6, "#?RADI", IMAGE_CONVERT },
    { "QOI", 0, 4, "qoif", IMAGE_CONVERT },
    { "DDS", 0, 4, "DDS ", IMAGE_CONVERT },
    { "an icon (ICO)", 0, 4, "\0\0\1", IMAGE_CONVERT },
    { "an icon (ICNS)", 0, 4, "icns", IMAGE_CONVERT },
    { "DICOM", 128, 4, "DICM", IMAGE_CONVERT },
    { "PAM", 0, 3, "P7\n", IMAGE_CONVERT },
    { "PFM", 0, 3, "PF\n", IMAGE_CONVERT },
    { "PFM", 0, 3, "Pf\n", IMAGE_CONVERT },
    { "PDF", 0, 5, "%PDF-", IMAGE_RASTER },
    { "PostScript", 0, 4, "%!PS", IMAGE_RASTER },
    { "a video (Matroska or WebM)", 0, 4, "\x1A\x45\xDF\xA3", IMAGE_FRAMES },
    { "a video (AVI)", 8, 4, "AVI ", IMAGE_FRAMES },
    { "a zip archive", 0, 4, "PK\3\4", IMAGE_UNPACK },
    { "compressed (gzip)", 0, 3, "\x1F\x8B\x08", IMAGE_UNPACK },
    { "an archive (7z)", 0, 6, "7z\xBC\xAF\x27\x1C", IMAGE_UNPACK },
    { "an archive (RAR)", 0, 6, "Rar!\x1A\x07", IMAGE_UNPACK },
    { "an archive (tar)", 257, 5, "ustar", IMAGE_UNPACK },
    { "a NumPy array", 0, 6, "\x93NUMPY", IMAGE_NO_PICTURE },
    { "what macOS keeps beside a file (AppleDouble)", 0, 4, "\0\5\x16\7", IMAGE_NO_PICTURE },
    { "a pointer of Git LFS (fetch the file: git lfs pull)", 0, 24, "version https://git-lfs.", IMAGE_NO_PICTURE },
};
static const ImageStranger image_svg = { "SVG", 0, 0, "", IMAGE_RASTER };
static const ImageStranger image_html = { "a web page (what a failed download leaves)", 0, 0, "", IMAGE_NO_PICTURE };

/* Whether `word` (in small letters) stands in the first n bytes, in small or capital letters. */
static int image_mentions(const unsigned char *bytes, size_t n, const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= n; at++) {
        size_t i = 0;
        while (i < length && (bytes[at + i] >= 'A' && bytes[at + i] <= 'Z' ? bytes[at + i] + 32 : bytes[at + i]) ==
                             (unsigned char)word[i]) i++;
        if (i == length) return 1;
    }
    return 0;
}

static const ImageStranger *image_stranger(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof image_strangers / sizeof *image_strangers; i++) {
        const ImageStranger *s = &image_strangers[i];
        size_t offset = (size_t)s->offset, length = (size_t)s->length;
        int known = size >= offset + length && memcmp(bytes + offset, s->mark, length) == 0;
        if (known && strncmp(s->name, "HEIF", 4) == 0 && image_mentions(bytes, size < 64 ? size : 64, "avif"))
            return &image_strangers[1];                     /* a general brand first, and then that of the coding */
        if (known) return s;
    }
    size_t start = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;        /* the byte order mark of UTF-8 */
    while (start < size && (bytes[start] == ' ' || (bytes[start] >= 9 && bytes[start] <= 13))) start++;
    size_t n = size - start < 4096 ? size - start : 4096;
    if (n == 0 || bytes[start] != '<') return NULL;
    if (image_mentions(bytes + start, n < 256 ? n : 256, "<html") ||
        image_mentions(bytes + start, n < 256 ? n : 256, "<!doctype html")) return &image_html;
    return image_mentions(bytes + start, n, "<svg") ? &image_svg : NULL;
}

static int image_all_zero(const unsigned char *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && bytes[i] == 0) i++;
    return i == size;
}

static const ImageFormat *image_format(const unsigned char *bytes, size_t size, char *error)
{
    static const ImageFormat formats[] = {
        { "JPEG", image_jpeg_recognise, image_jpeg_probe, image_jpeg_decode },
        { "PNG", image_png_recognise, image_png_probe, image_png_decode },
        { "GIF", image_gif_recognise, image_gif_probe, image_gif_decode },
        { "PNM", image_pnm_recognise, image_pnm_probe, image_pnm_decode },
        { "BMP", image_bmp_recognise, image_bmp_probe, image_bmp_decode },
    };
    for (size_t i = 0; bytes && i < sizeof formats / sizeof *formats; i++)
        if (formats[i].recognise(bytes, size)) return &formats[i];
    const ImageStranger *stranger = bytes ? image_stranger(bytes, size) : NULL;
    unsigned char start[4] = { 0, 0, 0, 0 };
    if (bytes) memcpy(start, bytes, size < 4 ? size : 4);
    if (!bytes || size == 0) image_fail(error, "the file is empty");
    else if (stranger) image_fail(error, "is %s%s", stranger->name, image_advice[stranger->advice]);
    else if (image_all_zero(bytes, size))
        image_fail(error, "all its %zu bytes are zero: it was never written or downloaded to its end", size);
    else image_fail(error, "not a JPEG, PNG, GIF, PNM or BMP picture: %zu bytes that begin with %02X %02X %02X %02X",
                    size, start[0], start[1], start[2], start[3]);
    return NULL;
}

IMAGE_API const char *image_format_name(const void *bytes, size_t size)
{
    const ImageFormat *format = bytes ? image_format((const unsigned char *)bytes, size, NULL) : NULL;
    const ImageStranger *stranger = !format && bytes ? image_stranger((const unsigned char *)bytes, size) : NULL;
    return format ? format->name : stranger ? stranger->name : NULL;
}

IMAGE_API int image_suffix(const char *path)
{
    static const char *const read[] = { "jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp", "jif", "jfi", "png", "apng",
                                        "gif", "bmp", "dib", "pnm", "pbm", "pgm", "ppm" };
    static const char *const known[] = { "webp", "heic", "heif", "hif", "heics", "avif", "avifs", "tif", "tiff", "jxl",
                                         "jp2", "j2k", "jpx", "psd", "psb", "svg", "svgz", "pdf", "ico", "exr", "qoi",
                                         "dng", "cr2", "cr3", "nef", "arw", "raf", "orf", "rw2",
                                         "tga", "pam", "pfm", "pcx", "dds", "sgi", "ras", "hdr", "jxr", "wdp", "bpg",
                                         "flif", "jpf", "jpm", "xpm", "xbm", "icns" };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    char ending[8];
    size_t n = dot && dot > name ? strlen(dot + 1) : 0;
    if (n == 0 || n >= sizeof ending) return 0;
    for (size_t i = 0; i <= n; i++)
        ending[i] = (char)(dot[1 + i] >= 'A' && dot[1 + i] <= 'Z' ? dot[1 + i] + 32 : dot[1 + i]);
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (strcmp(ending, read[i]) == 0) return 2;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(ending, known[i]) == 0) return 1;
    return 0;
}

IMAGE_API int image_decode(const void *bytes, size_t size, int channels, Image *out, char error[IMAGE_ERROR_SIZE])
{
    memset(out, 0, sizeof *out);
    errno = 0;
    if (channels != 0 && channels != 1 && channels != 3 && channels != 4)
        return image_fail(error, "a picture has 1, 3 or 4 channels, not %d", channels);
    const ImageFormat *format = image_format((const unsigned char *)bytes, size, error);
    if (!format) return 0;
    if (!format->decode((const unsigned char *)bytes, size, out, error)) {
        image_free(out);
        return 0;
    }
    if (channels == 0 || channels == out->channels) return 1;
    Image stored = *out;
    int ok = image_converted(&stored, channels, out, error);
    image_free(&stored);
    return ok;
}

IMAGE_API int image_probe(const void *bytes, size_t size, int *width, int *height, int *channels, const char **name,
                          char error[IMAGE_ERROR_SIZE])
{
    ImageInfo info;
    memset(&info, 0, sizeof info);
    const ImageFormat *format = image_format((const unsigned char *)bytes, size, error);
    int ok = format && format->probe((const unsigned char *)bytes, size, &info, error);
    if (width) *width = ok ? info.width : 0;
    if (height) *height = ok ? info.height : 0;
    if (channels) *channels = ok ? info.channels : 0;
    if (name) *name = ok ? format->name : NULL;
    return ok;
}

/* Puts the path in front of a message, and shortens the path if both do not fit. */
static int image_fail_at(char *error, const char *path, const char *message)
{
    size_t size = strlen(path), room = IMAGE_ERROR_SIZE - 1 - 5 - strlen(message);
    if (strlen(message) + 5 >= IMAGE_ERROR_SIZE - 1) room = 0;
    if (size > room) return image_fail(error, "...%s: %s", path + (size - room), message);
    return image_fail(error, "%s: %s", path, message);
}

#ifdef IMAGE_POSIX
/* Only a regular file is opened: a pipe would wait for its writer, a device may do anything, and neither is ever a
 * picture among others. O_NONBLOCK is for what changes between the two questions. */
static FILE *image_open(const char *path, char *error)
{
    struct stat status;
    int descriptor = -1, found = stat(path, &status) == 0;
    if (found && S_ISREG(status.st_mode)) {
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        found = descriptor >= 0 && fstat(descriptor, &status) == 0;
    }
    FILE *file = found && S_ISREG(status.st_mode) ? fdopen(descriptor, "rb") : NULL;
    if (file) return file;
    int reason = found && !S_ISREG(status.st_mode) ? 0 : errno;
    if (descriptor >= 0) close(descriptor);
    image_fail_at(error, path, reason ? strerror(reason) : S_ISDIR(status.st_mode) ? "is a folder, not a file" :
                  S_ISFIFO(status.st_mode) ? "is a pipe, not a regular file" :
                  "is a device or a socket, not a regular file");
    errno = reason;
    return NULL;
}
#else
static FILE *image_open(const char *path, char *error)
{
    FILE *file = fopen(path, "rb");
    if (!file) image_fail_at(error, path, strerror(errno));
    return file;
}
#endif

static int image_read_file(const char *path, ImageBuffer *buffer, char *error)
{
    FILE *file = image_open(path, error);
    if (!file) return 0;
    size_t got = 1;
    int reason = 0;
    while (got > 0 && buffer->size <= IMAGE_MAX_FILE_BYTES && image_reserve(buffer, 65536)) {
        got = fread(buffer->bytes + buffer->size, 1, buffer->capacity - buffer->size, file);
        buffer->size += got;
    }
    if (ferror(file)) image_fail_at(error, path, strerror(reason = errno));
    else if (buffer->failed) image_fail_at(error, path, strerror(reason = ENOMEM));
    else if (buffer->size > IMAGE_MAX_FILE_BYTES) image_fail_at(error, path, strerror(reason = EFBIG));
    fclose(file);
    errno = reason;
    return reason == 0;
}

IMAGE_API int image_probe_file(const char *path, int *width, int *height)
{
    enum { HEAD = 1 << 20 };
    char why[IMAGE_ERROR_SIZE];
    FILE *file = image_open(path, why);
    unsigned char *head = file ? (unsigned char *)malloc(HEAD) : NULL;
    int known = head && image_probe(head, fread(head, 1, HEAD, file), width, height, NULL, NULL, why);
    if (file) fclose(file);
    free(head);
    return known;
}

IMAGE_API int image_load(const char *path, int channels, Image *out, char error[IMAGE_ERROR_SIZE])
{
    char message[IMAGE_ERROR_SIZE];
    ImageBuffer buffer;
    memset(&buffer, 0, sizeof buffer);
    memset(out, 0, sizeof *out);
    int ok = image_read_file(path, &buffer, error), reason = errno;
    if (ok && !image_decode(buffer.bytes, buffer.size, channels, out, message)) {
        reason = errno == ENOMEM ? ENOMEM : 0;
        ok = image_fail_at(error, path, message);
    }
    free(buffer.bytes);
    errno = reason;
    return ok;
}

/* ==== Huffman codes to write ========================================================================================
 * Shared by PNG and JPEG. Huffman's method joins the two rarest nodes until one is left; a symbol's word is as long as
 * its leaf is deep. With the leaves sorted, two queues suffice, because joined nodes arise in ascending order too.
 * Words longer than the format allows are shortened, and shorter words of rare symbols lengthened to make room. */

enum { IMAGE_MAX_SYMBOLS = 288 };

/* Used symbols from rare to frequent; of equals the larger symbol first. Returns their number. */
static int image_sort_symbols(const uint32_t *frequency, int n, uint16_t *sorted)
{
    int used = 0;
    for (int i = n - 1; i >= 0; i--) {
        if (!frequency[i]) continue;
        int at = used++;
        for (; at > 0 && frequency[sorted[at - 1]] > frequency[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = (uint16_t)i;
    }
    return used;
}

/* How many words there are of each length, for `used` >= 2 symbols. Nodes: the leaves first, then the joined ones. */
static void image_count_lengths(const uint32_t *frequency, const uint16_t *sorted, int used, int limit, int *count)
{
    uint64_t weight[2 * IMAGE_MAX_SYMBOLS];
    int parent[2 * IMAGE_MAX_SYMBOLS], depth[2 * IMAGE_MAX_SYMBOLS], leaf = 0, joined = used;
    for (int i = 0; i < used; i++) weight[i] = frequency[sorted[i]];
    for (int node = used; node < 2 * used - 1; node++) {
        weight[node] = 0;
        for (int i = 0; i < 2; i++) {
            int rarest = leaf < used && (joined == node || weight[leaf] <= weight[joined]) ? leaf++ : joined++;
            weight[node] += weight[rarest];
            parent[rarest] = node;
        }
    }
    depth[2 * used - 2] = 0;
    for (int node = 2 * used - 3; node >= 0; node--) depth[node] = depth[parent[node]] + 1;
    for (int i = 0; i < used; i++) count[depth[i] < limit ? depth[i] : limit]++;
    uint32_t taken = 0;                                     /* in units of the longest word; Kraft: at most 2^limit */
    for (int length = 1; length <= limit; length++) taken += (uint32_t)count[length] << (limit - length);
    for (; taken > 1u << limit; taken--) {
        int length = limit - 1;
        while (count[length] == 0) length--;
        count[length]--;                                    /* this word becomes two, for itself and a longest one */
        count[length + 1] += 2;
        count[limit]--;
    }
}

static void image_huffman_lengths(const uint32_t *frequency, int n, int limit, unsigned char *lengths)
{
    uint16_t sorted[IMAGE_MAX_SYMBOLS];
    int count[33] = { 0 }, used = image_sort_symbols(frequency, n, sorted);
    memset(lengths, 0, n > 0 ? (size_t)n : 0);              /* gcc 12 fears a negative n */
    if (used == 1) count[1] = 1;
    if (used > 1) image_count_lengths(frequency, sorted, used, limit, count);
    for (int length = limit, i = 0; length > 0; length--)
        for (int left = count[length]; left > 0; left--) lengths[sorted[i++]] = (unsigned char)length;
}

/* Words of one length are consecutive numbers in the order of their symbols. */
static void image_huffman_words(const unsigned char *lengths, int n, uint16_t *words)
{
    unsigned word = 0;
    for (int length = 1; length <= 16; length++, word <<= 1)
        for (int i = 0; i < n; i++)
            if (lengths[i] == length) words[i] = (uint16_t)word++;
}

/* ==== Deflate =======================================================================================================
 * The writer's side of DEFLATE. Three bytes are hashed to a chain of earlier positions with the same hash; the longest
 * match on the chain wins, unless the next position has a longer one (lazy matching). Literals and matches are
 * collected as tokens; every so many tokens a block is written with Huffman codes made for it. */

enum { IMAGE_WINDOW = 32768, IMAGE_BLOCK_TOKENS = 24576, IMAGE_CHAIN = 128, IMAGE_LAZY = 32, IMAGE_LONGEST = 258 };

typedef struct ImageDeflate {
    ImageBuffer *out;
    uint64_t bits;
    int bit_count;
    const unsigned char *in;
    size_t size;
    int shortest;
    int32_t head[IMAGE_WINDOW], before[IMAGE_WINDOW];       /* last position of a hash; of its kind before it */
    uint32_t tokens[IMAGE_BLOCK_TOKENS];                    /* a byte, or length << 16 | distance */
    int n_tokens;
} ImageDeflate;

static inline void image_deflate_bits(ImageDeflate *d, uint32_t value, int n)
{
    d->bits |= (uint64_t)value << d->bit_count;
    for (d->bit_count += n; d->bit_count >= 8; d->bit_count -= 8, d->bits >>= 8)
        image_put8(d->out, (unsigned)d->bits & 255);
}

static int image_length_code(int length)
{
    int code = 0;
    while (code < 28 && image_length_base[code + 1] <= length) code++;
    return code;
}

static int image_distance_code(int distance)
{
    int low = 0, high = 29;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (image_distance_base[middle] <= distance) low = middle;
        else high = middle - 1;
    }
    return low;
}

/* One of the two codes of a block, its words already in the order of DEFLATE's bits. */
typedef struct ImageDeflateCode {
    unsigned char lengths[IMAGE_MAX_SYMBOLS];
    uint16_t words[IMAGE_MAX_SYMBOLS];
} ImageDeflateCode;

static void image_deflate_code(ImageDeflateCode *code, const uint32_t *frequency, int n, int limit)
{
    image_huffman_lengths(frequency, n, limit, code->lengths);
    image_huffman_words(code->lengths, n, code->words);
    for (int i = 0; i < n; i++) code->words[i] = (uint16_t)image_reverse_bits(code->words[i], code->lengths[i]);
}

static void image_deflate_symbol(ImageDeflate *d, const ImageDeflateCode *code, int symbol)
{
    image_deflate_bits(d, code->words[symbol], code->lengths[symbol]);
}

/* The lengths of both codes as symbols: 0-15 a length, 16 repeats the last 3-6 times, 17 is 3-10 zeros, 18 is 11-138
 * zeros. Each symbol is stored as | repetitions beyond the least:8 | symbol:8 |. */
static int image_deflate_pack_lengths(const unsigned char *lengths, int n, uint16_t *packed)
{
    int n_packed = 0;
    for (int i = 0; i < n;) {
        int run = 1, value = lengths[i];
        while (i + run < n && lengths[i + run] == value) run++;
        if (value == 0 && run >= 3) {
            run = run < 138 ? run : 138;
            packed[n_packed++] = (uint16_t)(run < 11 ? (run - 3) << 8 | 17 : (run - 11) << 8 | 18);
        } else if (i > 0 && lengths[i - 1] == value && run >= 3) {
            run = run < 6 ? run : 6;
            packed[n_packed++] = (uint16_t)((run - 3) << 8 | 16);
        } else {
            run = 1;
            packed[n_packed++] = (uint16_t)value;
        }
        i += run;
    }
    return n_packed;
}

static void image_deflate_header(ImageDeflate *d, const ImageDeflateCode *literals, const ImageDeflateCode *distances)
{
    static const unsigned char extra_bits[3] = { 2, 3, 7 };
    unsigned char lengths[286 + 30];
    uint16_t packed[286 + 30];
    uint32_t frequency[19] = { 0 };
    int n_literals = 286, n_distances = 30, n_codes = 19;
    while (n_literals > 257 && !literals->lengths[n_literals - 1]) n_literals--;
    while (n_distances > 1 && !distances->lengths[n_distances - 1]) n_distances--;
    memcpy(lengths, literals->lengths, (size_t)n_literals);
    memcpy(lengths + n_literals, distances->lengths, (size_t)n_distances);
    int n_packed = image_deflate_pack_lengths(lengths, n_literals + n_distances, packed);
    for (int i = 0; i < n_packed; i++) frequency[packed[i] & 255]++;
    ImageDeflateCode code;
    image_deflate_code(&code, frequency, 19, 7);
    while (n_codes > 4 && !code.lengths[image_code_order[n_codes - 1]]) n_codes--;
    image_deflate_bits(d, (uint32_t)(n_literals - 257), 5);
    image_deflate_bits(d, (uint32_t)(n_distances - 1), 5);
    image_deflate_bits(d, (uint32_t)(n_codes - 4), 4);
    for (int i = 0; i < n_codes; i++) image_deflate_bits(d, code.lengths[image_code_order[i]], 3);
    for (int i = 0; i < n_packed; i++) {
        int symbol = packed[i] & 255;
        image_deflate_symbol(d, &code, symbol);
        if (symbol >= 16) image_deflate_bits(d, packed[i] >> 8, extra_bits[symbol - 16]);
    }
}

static void image_deflate_block(ImageDeflate *d, int last)
{
    uint32_t literal_frequency[286] = { 0 }, distance_frequency[30] = { 0 };
    for (int i = 0; i < d->n_tokens; i++) {
        int length = (int)(d->tokens[i] >> 16);
        literal_frequency[length ? 257 + image_length_code(length) : (int)d->tokens[i]]++;
        if (length) distance_frequency[image_distance_code((int)(d->tokens[i] & 0xFFFF))]++;
    }
    literal_frequency[256] = 1;
    ImageDeflateCode literals, distances;
    image_deflate_code(&literals, literal_frequency, 286, 15);
    image_deflate_code(&distances, distance_frequency, 30, 15);
    image_deflate_bits(d, last ? 1 : 0, 1);
    image_deflate_bits(d, 2, 2);
    image_deflate_header(d, &literals, &distances);
    for (int i = 0; i < d->n_tokens; i++) {
        int length = (int)(d->tokens[i] >> 16), distance = (int)(d->tokens[i] & 0xFFFF);
        if (!length) {
            image_deflate_symbol(d, &literals, distance);
            continue;
        }
        int code = image_length_code(length);
        image_deflate_symbol(d, &literals, 257 + code);
        image_deflate_bits(d, (uint32_t)(length - image_length_base[code]), image_length_extra[code]);
        code = image_distance_code(distance);
        image_deflate_symbol(d, &distances, code);
        image_deflate_bits(d, (uint32_t)(distance - image_distance_base[code]), image_distance_extra[code]);
    }
    image_deflate_symbol(d, &literals, 256);
    d->n_tokens = 0;
}

static void image_deflate_token(ImageDeflate *d, uint32_t token)
{
    if (d->n_tokens == IMAGE_BLOCK_TOKENS) image_deflate_block(d, 0);
    d->tokens[d->n_tokens++] = token;
}

static unsigned image_hash(const unsigned char *p)
{
    return (((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]) * 2654435761u) >> 17;
}

static void image_deflate_insert(ImageDeflate *d, size_t at)
{
    if (d->size - at < 3) return;
    unsigned hash = image_hash(d->in + at);
    d->before[at % IMAGE_WINDOW] = d->head[hash];
    d->head[hash] = (int32_t)at;
}

static int image_common_length(const unsigned char *a, const unsigned char *b, int limit)
{
    int n = 0;
    while (n + 8 <= limit && memcmp(a + n, b + n, 8) == 0) n += 8;
    while (n < limit && a[n] == b[n]) n++;
    return n;
}

/* The longest earlier string that beats `best` bytes: its length, or 0. Of equals the nearest. */
static int image_deflate_match(const ImageDeflate *d, size_t at, int best, int *distance)
{
    int limit = d->size - at < IMAGE_LONGEST ? (int)(d->size - at) : IMAGE_LONGEST, found = 0;
    if (limit < 3 || best >= limit) return 0;
    int32_t candidate = d->head[image_hash(d->in + at)];
    for (int chain = IMAGE_CHAIN; chain > 0 && candidate >= 0 && (int32_t)at - candidate <= IMAGE_WINDOW; chain--) {
        const unsigned char *from = d->in + candidate;
        if (from[best] == d->in[at + (size_t)best]) {
            int length = image_common_length(from, d->in + at, limit);
            if (length > best) {
                best = found = length;
                *distance = (int32_t)at - candidate;
                if (length == limit) break;
            }
        }
        candidate = d->before[candidate % IMAGE_WINDOW];
    }
    return found;
}

/* Short matches from far away cost more bits than their bytes. */
static int image_deflate_pays(int length, int distance) { return length > 3 || (length == 3 && distance <= 4096); }

static void image_deflate_run(ImageDeflate *d)
{
    for (int i = 0; i < IMAGE_WINDOW; i++) d->head[i] = -1;
    int length = 0, distance = 0;                           /* the match at `at`, if already known */
    for (size_t at = 0; at < d->size;) {
        if (length == 0) length = image_deflate_match(d, at, d->shortest - 1, &distance);
        image_deflate_insert(d, at);
        int next_length = 0, next_distance = 0;
        if (length > 0 && length < IMAGE_LAZY && at + 1 < d->size)
            next_length = image_deflate_match(d, at + 1, length, &next_distance);
        if (next_length > length || !image_deflate_pays(length, distance)) {
            image_deflate_token(d, d->in[at++]);
            length = next_length;
            distance = next_distance;
            continue;
        }
        image_deflate_token(d, (uint32_t)length << 16 | (uint32_t)distance);
        for (int i = 1; i < length; i++) image_deflate_insert(d, at + (size_t)i);
        at += (size_t)length;
        length = 0;
    }
    image_deflate_block(d, 1);
    image_deflate_bits(d, 0, 7);                            /* fill the last byte */
}

/* Appends a zlib stream. Matches below `shortest` bytes are not worth it in data that a good prediction has left. */
static int image_deflate(const unsigned char *in, size_t size, int shortest, ImageBuffer *out, char *error)
{
    ImageDeflate *d = (ImageDeflate *)malloc(sizeof *d);
    if (!d) return image_fail(error, "PNG: no memory to compress");
    d->out = out;
    d->bits = 0;
    d->bit_count = 0;
    d->in = in;
    d->size = size;
    d->shortest = shortest;
    d->n_tokens = 0;
    image_put16be(out, 0x789C);                             /* DEFLATE with a window of 32 KiB, usual effort */
    image_deflate_run(d);
    image_put32be(out, image_adler32(in, size));
    free(d);
    return 1;
}

/* ==== Writing PNG ===================================================================================================
 * Each row is filtered in the way that leaves the smallest sum of absolute differences, a good guess for photographs.
 * Drawings often do better without filters, so both are compressed and the smaller is kept. */

/* Writes the filter's number and the row as differences from its predictions; returns the sum of their sizes. In front
 * of both rows there is a pixel of zeros. */
static uint64_t image_png_filter(int filter, const unsigned char *row, const unsigned char *above, size_t n,
                                 size_t step, unsigned char *out)
{
    const unsigned char *left = row - step, *corner = above - step;
    *out++ = (unsigned char)filter;
    if (filter == 0) memcpy(out, row, n);
    if (filter == 1)
        for (size_t i = 0; i < n; i++) out[i] = (unsigned char)(row[i] - left[i]);
    if (filter == 2)
        for (size_t i = 0; i < n; i++) out[i] = (unsigned char)(row[i] - above[i]);
    if (filter == 3)
        for (size_t i = 0; i < n; i++) out[i] = (unsigned char)(row[i] - (left[i] + above[i]) / 2);
    if (filter == 4)
        for (size_t i = 0; i < n; i++) out[i] = (unsigned char)(row[i] - image_paeth(left[i], above[i], corner[i]));
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (uint64_t)(out[i] < 128 ? out[i] : 256 - out[i]);
    return sum;
}

/* All rows, filtered (`adaptive`) or as they are. `scratch` holds three rows with a pixel in front: this one, the one
 * above, and an attempt to filter. */
static void image_png_filter_rows(const Image *image, int adaptive, unsigned char *scratch, unsigned char *out)
{
    size_t step = (size_t)image->channels, n = (size_t)image->width * step;
    unsigned char *row = scratch + step, *above = row + n + step, *attempt = above + n;
    memset(scratch, 0, 2 * (n + step));
    for (int y = 0; y < image->height; y++, out += n + 1) {
        memcpy(row, image->pixels + (size_t)y * n, n);
        uint64_t best = image_png_filter(0, row, above, n, step, out);
        for (int filter = 1; adaptive && filter <= 4; filter++) {
            uint64_t sum = image_png_filter(filter, row, above, n, step, attempt);
            if (sum >= best) continue;
            best = sum;
            memcpy(out, attempt, n + 1);
        }
        memcpy(above, row, n);
    }
}

static int image_png_compress(const Image *image, ImageBuffer *best, char *error)
{
    size_t n = (size_t)image->width * (size_t)image->channels, size = (n + 1) * (size_t)image->height;
    unsigned char *raw = (unsigned char *)malloc(size), *scratch = (unsigned char *)malloc(3 * n + 16);
    int ok = raw && scratch ? 1 : image_fail(error, "PNG: no memory for %zu bytes", size);
    for (int adaptive = 0; ok && adaptive < 2; adaptive++) {
        ImageBuffer attempt;
        memset(&attempt, 0, sizeof attempt);
        image_png_filter_rows(image, adaptive, scratch, raw);
        ok = image_deflate(raw, size, adaptive ? 6 : 3, &attempt, error);
        if (ok && attempt.failed) ok = image_fail(error, "PNG: no memory for the compressed data");
        int better = ok && (!best->bytes || attempt.size < best->size);
        free(better ? best->bytes : attempt.bytes);
        if (better) *best = attempt;
    }
    free(raw);
    free(scratch);
    if (ok && best->size > 0x7FFFFFFF) ok = image_fail(error, "PNG: %zu bytes are too many for a chunk", best->size);
    return ok;
}

static void image_put_chunk(ImageBuffer *out, const char *name, const unsigned char *data, size_t size)
{
    image_put32be(out, (uint32_t)size);
    image_put(out, name, 4);
    image_put(out, data, size);
    image_put32be(out, image_crc32(image_crc32(0, (const unsigned char *)name, 4), data, size));
}

static int image_put_text(ImageBuffer *out, const ImageText *text, char *error)
{
    size_t key_size = text->key ? strlen(text->key) : 0, value_size = text->value ? strlen(text->value) : 0;
    int plain = key_size >= 1 && key_size <= 79;
    for (size_t i = 0; plain && i < key_size; i++) plain = text->key[i] >= 32 && text->key[i] <= 126;
    if (!plain || !text->value || value_size > 0x7FFFFFFF - 100)
        return image_fail(error, "PNG: a text needs a value and a key of 1 to 79 printable ASCII characters");
    int international = 0;
    for (size_t i = 0; i < value_size; i++) international |= (unsigned char)text->value[i] >= 128;
    ImageBuffer data;
    memset(&data, 0, sizeof data);
    image_put(&data, text->key, key_size + 1);
    if (international) image_put(&data, "\0\0\0\0", 4);
    image_put(&data, text->value, value_size);
    if (data.failed) out->failed = 1;
    else image_put_chunk(out, international ? "iTXt" : "tEXt", data.bytes, data.size);
    free(data.bytes);
    return 1;
}

IMAGE_API int image_encode_png(const Image *image, const ImageText *texts, int n_texts, unsigned char **bytes,
                               size_t *size, char error[IMAGE_ERROR_SIZE])
{
    ImageBuffer out, data;
    memset(&out, 0, sizeof out);
    memset(&data, 0, sizeof data);
    int ok = image_check(image, error) && image_png_compress(image, &data, error);
    if (ok) {
        unsigned char header[13] = { 0 };
        for (int i = 0; i < 4; i++) {
            header[i] = (unsigned char)(image->width >> (24 - 8 * i));
            header[4 + i] = (unsigned char)(image->height >> (24 - 8 * i));
        }
        header[8] = 8;
        header[9] = image->channels == 1 ? 0 : image->channels == 3 ? 2 : 6;
        image_put(&out, "\x89PNG\r\n\x1A\n", 8);
        image_put_chunk(&out, "IHDR", header, sizeof header);
        for (int i = 0; ok && i < n_texts; i++) ok = image_put_text(&out, &texts[i], error);
        image_put_chunk(&out, "IDAT", data.bytes, data.size);
        image_put_chunk(&out, "IEND", NULL, 0);
    }
    free(data.bytes);
    return image_deliver(&out, ok, bytes, size, error);
}

/* ==== Writing JPEG ==================================================================================================
 * Baseline: RGB --> YCbCr --> chroma at half resolution below quality 90 --> DCT --> division by a table --> Huffman.
 * The blocks are walked twice, first to count symbols, then to write them with the tables that the counts make best. */

/* The example tables of ITU-T T.81 annex K, for luma and chroma at quality 50. */
static const unsigned char image_jpeg_luma_table[64] = {
    16,  11,  10,  16,  24,  40,  51,  61,  12,  12,  14,  19,  26,  58,  60,  55,
    14,  13,  16,  24,  40,  57,  69,  56,  14,  17,  22,  29,  51,  87,  80,  62,
    18,  22,  37,  56,  68,  109, 103, 77,  24,  35,  55,  64,  81,  104, 113, 92,
    49,  64,  78,  87,  103, 121, 120, 101, 72,  92,  95,  98,  112, 100, 103, 99,
};
static const unsigned char image_jpeg_chroma_table[64] = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
};

typedef struct ImageJpegWriter {
    ImageBuffer out;
    int n_components, h, v, groups_wide, groups_high;       /* h, v: luma blocks in a group along each axis */
    uint16_t quant[2][64];                                  /* luma, chroma */
    int16_t *coefficients[3];
    int counting;
    uint32_t frequency[4][257];                             /* luma DC, luma AC, chroma DC, chroma AC */
    unsigned char lengths[4][257];
    uint16_t words[4][257];
    uint64_t bits;
    int bit_count;
} ImageJpegWriter;

static void image_jpeg_write_bits(ImageJpegWriter *w, uint32_t value, int n)
{
    w->bits = w->bits << n | value;
    for (w->bit_count += n; w->bit_count >= 8; w->bit_count -= 8) {
        unsigned byte = (unsigned)(w->bits >> (w->bit_count - 8)) & 255;
        image_put8(&w->out, byte);
        if (byte == 255) image_put8(&w->out, 0);
    }
}

/* A symbol and the number that follows it: n bits, negatives as the lower half of their range. */
static void image_jpeg_write(ImageJpegWriter *w, int table, int symbol, int number, int n)
{
    if (w->counting) {
        w->frequency[table][symbol]++;
        return;
    }
    image_jpeg_write_bits(w, w->words[table][symbol], w->lengths[table][symbol]);
    uint32_t value = (uint32_t)(number < 0 ? number - 1 : number);
    image_jpeg_write_bits(w, value & ((1u << n) - 1), n);
}

static int image_bit_length(int value)
{
    int n = 0;
    for (value = abs(value); value > 0; value >>= 1) n++;
    return n;
}

static void image_jpeg_write_block(ImageJpegWriter *w, const int16_t *block, int *dc, int is_chroma)
{
    int difference = block[0] - *dc, size = image_bit_length(difference), run = 0;
    *dc = block[0];
    image_jpeg_write(w, 2 * is_chroma, size, difference, size);
    for (int k = 1; k < 64; k++) {
        int value = block[image_zigzag[k]];
        if (value == 0) {
            run++;
            continue;
        }
        for (; run > 15; run -= 16) image_jpeg_write(w, 2 * is_chroma + 1, 0xF0, 0, 0);
        size = image_bit_length(value);
        image_jpeg_write(w, 2 * is_chroma + 1, run << 4 | size, value, size);
        run = 0;
    }
    if (run > 0) image_jpeg_write(w, 2 * is_chroma + 1, 0x00, 0, 0);
}

static void image_jpeg_write_blocks(ImageJpegWriter *w)
{
    int dc[3] = { 0, 0, 0 };
    for (int y = 0; y < w->groups_high; y++) {
        for (int x = 0; x < w->groups_wide; x++) {
            for (int i = 0; i < w->n_components; i++) {
                int h = i == 0 ? w->h : 1, v = i == 0 ? w->v : 1;
                for (int b = 0; b < h * v; b++) {
                    size_t row = (size_t)(y * v + b / h), column = (size_t)(x * h + b % h);
                    size_t at = (row * (size_t)(w->groups_wide * h) + column) * 64;
                    image_jpeg_write_block(w, w->coefficients[i] + at, &dc[i], i > 0);
                }
            }
        }
    }
}

/* Eight values `step` apart: the mirror image of image_idct_line. The result is larger by the square root of 8, and the
 * 13 bits of the constants are shifted out again but for what `shift` leaves. */
static void image_dct_line(int32_t *line, int step, int shift)
{
    int32_t sum[4], x[4], out[8];
    for (int i = 0; i < 4; i++) {
        sum[i] = line[i * step] + line[(7 - i) * step];
        x[i] = line[i * step] - line[(7 - i) * step];
    }
    int32_t outer = sum[0] - sum[3], inner = sum[1] - sum[2], turn = (outer + inner) * IMAGE_DCT_CONSTANT(0.541196100);
    out[0] = (sum[0] + sum[3] + sum[1] + sum[2]) * (1 << IMAGE_DCT_BITS);
    out[4] = (sum[0] + sum[3] - sum[1] - sum[2]) * (1 << IMAGE_DCT_BITS);
    out[2] = turn + outer * IMAGE_DCT_CONSTANT(0.765366865);
    out[6] = turn + inner * IMAGE_DCT_CONSTANT(-1.847759065);

    int32_t a = (x[0] + x[1] + x[2] + x[3]) * IMAGE_DCT_CONSTANT(1.175875602);
    int32_t b = (x[3] + x[1]) * IMAGE_DCT_CONSTANT(-1.961570560) + a;
    int32_t c = (x[2] + x[0]) * IMAGE_DCT_CONSTANT(-0.390180644) + a;
    int32_t d = (x[3] + x[0]) * IMAGE_DCT_CONSTANT(-0.899976223);
    int32_t e = (x[2] + x[1]) * IMAGE_DCT_CONSTANT(-2.562915447);
    out[1] = x[0] * IMAGE_DCT_CONSTANT(1.501321110) + d + c;
    out[3] = x[1] * IMAGE_DCT_CONSTANT(3.072711026) + e + b;
    out[5] = x[2] * IMAGE_DCT_CONSTANT(2.053119869) + e + c;
    out[7] = x[3] * IMAGE_DCT_CONSTANT(0.298631336) + d + b;
    for (int i = 0; i < 8; i++) line[i * step] = (out[i] + (1 << (shift - 1))) >> shift;
}

/* DCT and division of one block; the samples arrive in `work`, from -128 to 127. */
static void image_dct_block(int32_t *work, const uint16_t *quant, int16_t *out)
{
    for (int y = 0; y < 8; y++) image_dct_line(work + 8 * y, 1, IMAGE_DCT_BITS - IMAGE_DCT_PASS_BITS);
    for (int x = 0; x < 8; x++) image_dct_line(work + x, 8, IMAGE_DCT_BITS + IMAGE_DCT_PASS_BITS);
    for (int i = 0; i < 64; i++) {
        int divisor = 8 * quant[i], half = divisor / 2;     /* two passes have left a factor of 8 */
        out[i] = (int16_t)((work[i] < 0 ? work[i] - half : work[i] + half) / divisor);
    }
}

/* A picture's planes: luma, and for colour two of chroma, padded to whole groups by repeating the edge. */
static void image_jpeg_split(const Image *image, size_t stride, int rows, unsigned char *planes)
{
    size_t plane = stride * (size_t)rows;
    for (int y = 0; y < rows; y++) {
        int from_y = y < image->height ? y : image->height - 1;
        const unsigned char *row = image->pixels + (size_t)from_y * (size_t)image->width * (size_t)image->channels;
        for (int x = 0; x < (int)stride; x++) {
            int from_x = x < image->width ? x : image->width - 1;
            const unsigned char *pixel = row + (size_t)from_x * (size_t)image->channels;
            unsigned char *to = planes + (size_t)y * stride + (size_t)x, rgb[3];
            if (image->channels == 1) {
                *to = *pixel;
                continue;
            }
            image_rgb(pixel, image->channels, rgb);
            to[0] = image_luma(rgb[0], rgb[1], rgb[2]);
            to[plane] = image_byte((-11059 * rgb[0] - 21709 * rgb[1] + 32768 * rgb[2] + (128 << 16) + 32767) >> 16);
            to[2 * plane] = image_byte((32768 * rgb[0] - 27439 * rgb[1] - 5329 * rgb[2] + (128 << 16) + 32767) >> 16);
        }
    }
}

/* All blocks of a component; `h` and `v` are how many samples of the plane are averaged along each axis. */
static void image_jpeg_transform(const unsigned char *plane, size_t stride, int rows, int h, int v,
                                 const uint16_t *quant, int16_t *out)
{
    for (int y = 0; y < rows / v; y += 8) {
        for (int x = 0; x < (int)stride / h; x += 8, out += 64) {
            int32_t work[64];
            for (int i = 0; i < 64; i++) {
                const unsigned char *from = plane + (size_t)((y + i / 8) * v) * stride + (size_t)((x + i % 8) * h);
                int sum = 0;
                for (int s = 0; s < h * v; s++) sum += from[(size_t)(s / h) * stride + (size_t)(s % h)];
                work[i] = (sum + h * v / 2) / (h * v) - 128;
            }
            image_dct_block(work, quant, out);
        }
    }
}

/* 50 keeps the example tables, 100 makes all divisors 1. */
static void image_jpeg_scale_tables(ImageJpegWriter *w, int quality)
{
    int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int i = 0; i < 64; i++) {
        w->quant[0][i] = (uint16_t)image_clamp((image_jpeg_luma_table[i] * scale + 50) / 100, 1, 255);
        w->quant[1][i] = (uint16_t)image_clamp((image_jpeg_chroma_table[i] * scale + 50) / 100, 1, 255);
    }
}

/* The word of ones alone is forbidden: a symbol 256 that never occurs takes it. */
static void image_jpeg_fit_codes(ImageJpegWriter *w)
{
    for (int table = 0; table < (w->n_components == 3 ? 4 : 2); table++) {
        w->frequency[table][256] = 1;
        image_huffman_lengths(w->frequency[table], 257, 16, w->lengths[table]);
        image_huffman_words(w->lengths[table], 257, w->words[table]);
    }
}

static void image_jpeg_put_codes(ImageJpegWriter *w)
{
    for (int table = 0; table < (w->n_components == 3 ? 4 : 2); table++) {
        unsigned char counts[17] = { 0 }, symbols[256];
        int n = 0;
        for (int length = 1; length <= 16; length++) {
            for (int symbol = 0; symbol < 256; symbol++) {
                if (w->lengths[table][symbol] != length) continue;
                counts[length]++;
                symbols[n++] = (unsigned char)symbol;
            }
        }
        image_put16be(&w->out, 0xFFC4);
        image_put16be(&w->out, (unsigned)(2 + 17 + n));
        image_put8(&w->out, (unsigned)((table & 1) << 4 | table >> 1));
        image_put(&w->out, counts + 1, 16);
        image_put(&w->out, symbols, (size_t)n);
    }
}

static void image_jpeg_put_headers(ImageJpegWriter *w, int width, int height)
{
    unsigned n = (unsigned)w->n_components;
    image_put(&w->out, "\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 20);
    for (unsigned table = 0; table < (n == 3 ? 2u : 1u); table++) {
        image_put16be(&w->out, 0xFFDB);
        image_put16be(&w->out, 67);
        image_put8(&w->out, table);
        for (int k = 0; k < 64; k++) image_put8(&w->out, w->quant[table][image_zigzag[k]]);
    }
    image_put16be(&w->out, 0xFFC0);
    image_put16be(&w->out, 8 + 3 * n);
    image_put8(&w->out, 8);
    image_put16be(&w->out, (unsigned)height);
    image_put16be(&w->out, (unsigned)width);
    image_put8(&w->out, n);
    for (unsigned i = 0; i < n; i++) {
        image_put8(&w->out, i + 1);
        image_put8(&w->out, i == 0 ? (unsigned)(w->h << 4 | w->v) : 0x11);
        image_put8(&w->out, i > 0);
    }
    image_jpeg_put_codes(w);
    image_put16be(&w->out, 0xFFDA);
    image_put16be(&w->out, 6 + 2 * n);
    image_put8(&w->out, n);
    for (unsigned i = 0; i < n; i++) {
        image_put8(&w->out, i + 1);
        image_put8(&w->out, i > 0 ? 0x11 : 0);
    }
    image_put(&w->out, "\0\x3F\0", 3);
}

static int image_jpeg_write_picture(ImageJpegWriter *w, const Image *image, char *error)
{
    size_t stride = (size_t)w->groups_wide * 8 * (size_t)w->h;
    int rows = w->groups_high * 8 * w->v;
    size_t plane = stride * (size_t)rows, n = (size_t)w->n_components;
    unsigned char *planes = (unsigned char *)malloc(n * plane);
    int ok = planes ? 1 : image_fail(error, "JPEG: no memory for %zu samples", n * plane);
    if (ok) image_jpeg_split(image, stride, rows, planes);
    for (int i = 0; ok && i < w->n_components; i++) {
        int h = i == 0 ? 1 : w->h, v = i == 0 ? 1 : w->v;
        size_t count = plane / (size_t)(h * v);
        w->coefficients[i] = (int16_t *)malloc(count * sizeof *w->coefficients[i]);
        if (!w->coefficients[i]) ok = image_fail(error, "JPEG: no memory for %zu coefficients", count);
        else image_jpeg_transform(planes + (size_t)i * plane, stride, rows, h, v, w->quant[i > 0], w->coefficients[i]);
    }
    free(planes);
    if (!ok) return 0;
    w->counting = 1;
    image_jpeg_write_blocks(w);
    image_jpeg_fit_codes(w);
    image_jpeg_put_headers(w, image->width, image->height);
    w->counting = 0;
    image_jpeg_write_blocks(w);
    image_jpeg_write_bits(w, 0x7F, 7);                      /* the last byte is filled with ones */
    image_put16be(&w->out, 0xFFD9);
    return 1;
}

IMAGE_API int image_encode_jpeg(const Image *image, int quality, unsigned char **bytes, size_t *size,
                                char error[IMAGE_ERROR_SIZE])
{
    *bytes = NULL;
    *size = 0;
    if (!image_check(image, error)) return 0;
    if (quality < 1 || quality > 100) return image_fail(error, "JPEG: the quality is %d, not 1 to 100", quality);
    if (image->width > 65535 || image->height > 65535)
        return image_fail(error, "JPEG: %d x %d pixels are more than the format's 65535", image->width, image->height);
    ImageJpegWriter *w = (ImageJpegWriter *)calloc(1, sizeof *w);
    if (!w) return image_fail(error, "JPEG: out of memory");
    w->n_components = image->channels == 1 ? 1 : 3;
    w->h = w->v = w->n_components == 3 && quality < 90 ? 2 : 1;
    w->groups_wide = (image->width + 8 * w->h - 1) / (8 * w->h);
    w->groups_high = (image->height + 8 * w->v - 1) / (8 * w->v);
    image_jpeg_scale_tables(w, quality);
    int ok = image_jpeg_write_picture(w, image, error);
    ok = image_deliver(&w->out, ok, bytes, size, error);
    for (int i = 0; i < 3; i++) free(w->coefficients[i]);
    free(w);
    return ok;
}

/* ==== Writing GIF ===================================================================================================
 * Every frame has a palette of its own. Up to 256 colours are kept as they are. More are quantised by median cut in the
 * form of Wan, Prusinkiewicz and Wong: the colours start in one box; the box with the largest squared error is split at
 * its mean along its widest axis, until there are 256; each gives its mean. Floyd-Steinberg dithering then hands the
 * error of every pixel to its neighbours that are still to come, in rows that run to and fro. */

typedef struct ImagePalette {
    int size;
    unsigned char colours[256][3];
    int exact;
    int16_t slots[1024];                                    /* exact: a hash table of colours; -1 is empty */
} ImagePalette;

static int image_palette_slot(const ImagePalette *palette, const unsigned char rgb[3])
{
    unsigned slot = (((unsigned)rgb[0] << 16 | (unsigned)rgb[1] << 8 | rgb[2]) * 2654435761u) >> 22;
    while (palette->slots[slot] >= 0 && memcmp(palette->colours[palette->slots[slot]], rgb, 3) != 0)
        slot = (slot + 1) & 1023;
    return (int)slot;
}

/* Collects the colours; fails if there are more than 256. */
static int image_palette_exact(ImagePalette *palette, const Image *image)
{
    memset(palette->slots, -1, sizeof palette->slots);
    palette->size = 0;
    palette->exact = 1;
    size_t count = image_pixel_count(image);
    for (size_t i = 0; i < count; i++) {
        unsigned char rgb[3];
        image_rgb(image->pixels + i * (size_t)image->channels, image->channels, rgb);
        int slot = image_palette_slot(palette, rgb);
        if (palette->slots[slot] >= 0) continue;
        if (palette->size == 256) return 0;
        memcpy(palette->colours[palette->size], rgb, 3);
        palette->slots[slot] = (int16_t)palette->size++;
    }
    return 1;
}

/* The histogram has 32 x 32 x 32 cells; a cell remembers the sum of its colours, so that means stay exact. */
typedef struct ImageColourCell { double count, sum[3]; } ImageColourCell;
typedef struct ImageColourBox { int start, n, axis; double error, mean[3]; } ImageColourBox;

static void image_measure_box(const ImageColourCell *cells, ImageColourBox *box)
{
    double count = 0, sum[3] = { 0, 0, 0 }, squares[3] = { 0, 0, 0 }, widest = -1;
    for (int i = box->start; i < box->start + box->n; i++) {
        count += cells[i].count;
        for (int c = 0; c < 3; c++) {
            sum[c] += cells[i].sum[c];
            squares[c] += cells[i].sum[c] * cells[i].sum[c] / cells[i].count;
        }
    }
    box->error = 0;
    for (int c = 0; c < 3; c++) {
        double spread = squares[c] - sum[c] * sum[c] / count;
        box->mean[c] = sum[c] / count;
        box->error += spread;
        if (spread > widest) {
            widest = spread;
            box->axis = c;
        }
    }
    if (box->n < 2) box->error = 0;
}

/* Moves the cells below the mean to the front of the box; the rest become a box of their own. */
static int image_split_box(ImageColourCell *cells, ImageColourBox *box, ImageColourBox *rest)
{
    int front = box->start, end = box->start + box->n, axis = box->axis;
    for (int i = box->start; i < end; i++) {
        if (cells[i].sum[axis] >= box->mean[axis] * cells[i].count) continue;
        ImageColourCell cell = cells[i];
        cells[i] = cells[front];
        cells[front++] = cell;
    }
    if (front == box->start || front == end) return 0;
    rest->start = front;
    rest->n = end - front;
    box->n = front - box->start;
    image_measure_box(cells, box);
    image_measure_box(cells, rest);
    return 1;
}

static void image_palette_cut(ImagePalette *palette, ImageColourCell *cells, int n)
{
    ImageColourBox boxes[256];
    boxes[0].start = 0;
    boxes[0].n = n;
    image_measure_box(cells, &boxes[0]);
    int used = 1;
    while (used < 256) {
        int worst = 0;
        for (int i = 1; i < used; i++)
            if (boxes[i].error > boxes[worst].error) worst = i;
        if (boxes[worst].error <= 0) break;
        if (image_split_box(cells, &boxes[worst], &boxes[used])) used++;
        else boxes[worst].error = 0;
    }
    palette->size = used;
    palette->exact = 0;
    for (int i = 0; i < used; i++)
        for (int c = 0; c < 3; c++) palette->colours[i][c] = image_byte((int)(boxes[i].mean[c] + 0.5));
}

static int image_palette_quantise(ImagePalette *palette, const Image *image, char *error)
{
    ImageColourCell *cells = (ImageColourCell *)calloc(32768, sizeof *cells);
    if (!cells) return image_fail(error, "GIF: no memory for a histogram");
    size_t count = image_pixel_count(image);
    for (size_t i = 0; i < count; i++) {
        unsigned char rgb[3];
        image_rgb(image->pixels + i * (size_t)image->channels, image->channels, rgb);
        ImageColourCell *cell = &cells[(rgb[0] >> 3) << 10 | (rgb[1] >> 3) << 5 | rgb[2] >> 3];
        cell->count++;
        for (int c = 0; c < 3; c++) cell->sum[c] += rgb[c];
    }
    int n = 0;
    for (int i = 0; i < 32768; i++)
        if (cells[i].count > 0) cells[n++] = cells[i];
    image_palette_cut(palette, cells, n);
    free(cells);
    return 1;
}

/* The nearest colour of the palette, remembered for each of 64 x 64 x 64 cells of colours. */
static int image_nearest_colour(const ImagePalette *palette, const int rgb[3], int16_t *memory)
{
    int16_t *known = &memory[(rgb[0] >> 2) << 12 | (rgb[1] >> 2) << 6 | rgb[2] >> 2];
    if (*known >= 0) return *known;
    int nearest = 0, least = INT_MAX;
    for (int i = 0; i < palette->size; i++) {
        int distance = 0;
        for (int c = 0; c < 3; c++) {
            int difference = (rgb[c] & ~3) + 2 - palette->colours[i][c];
            distance += difference * difference;
        }
        if (distance < least) {
            least = distance;
            nearest = i;
        }
    }
    return *known = (int16_t)nearest;
}

/* One dithered row. `now` and `next` hold 16 times the errors handed to this row and the next, with a margin of a pixel
 * on either side; of an error 7/16 go ahead, 3/16 below behind, 5/16 below, 1/16 below ahead. */
static void image_dither_row(const Image *image, const ImagePalette *palette, int y, int *now, int *next,
                             int16_t *memory, unsigned char *out)
{
    int width = image->width, channels = image->channels, ahead = y % 2 == 0 ? 1 : -1;
    const unsigned char *row = image->pixels + (size_t)y * (size_t)width * (size_t)channels;
    for (int i = 0; i < width; i++) {
        int x = ahead > 0 ? i : width - 1 - i, wanted[3], at = 3 * (x + 1);
        unsigned char rgb[3];
        image_rgb(row + (size_t)x * (size_t)channels, channels, rgb);
        for (int c = 0; c < 3; c++) {
            int handed = now[at + c];
            wanted[c] = image_clamp(rgb[c] + (handed < 0 ? handed - 8 : handed + 8) / 16, 0, 255);
        }
        int index = image_nearest_colour(palette, wanted, memory);
        out[(size_t)y * (size_t)width + (size_t)x] = (unsigned char)index;
        for (int c = 0; c < 3; c++) {
            int error = wanted[c] - palette->colours[index][c];
            now[at + 3 * ahead + c] += 7 * error;
            next[at - 3 * ahead + c] += 3 * error;
            next[at + c] += 5 * error;
            next[at + 3 * ahead + c] += error;
        }
    }
}

static int image_dither(const Image *image, const ImagePalette *palette, unsigned char *out, char *error)
{
    size_t row = 3 * ((size_t)image->width + 2);
    int *errors = (int *)calloc(2 * row, sizeof *errors);
    int16_t *memory = (int16_t *)malloc(262144 * sizeof *memory);
    int ok = errors && memory ? 1 : image_fail(error, "GIF: no memory to dither");
    if (ok) memset(memory, -1, 262144 * sizeof *memory);
    for (int y = 0; ok && y < image->height; y++) {
        int *now = errors + (y % 2 ? row : 0), *next = errors + (y % 2 ? 0 : row);
        memset(next, 0, row * sizeof *next);
        image_dither_row(image, palette, y, now, next, memory, out);
    }
    free(errors);
    free(memory);
    return ok;
}

/* Collects bits from the lowest, in blocks of at most 255 bytes. */
typedef struct ImageGifBits {
    ImageBuffer *out;
    uint32_t bits;
    int bit_count, n;
    unsigned char block[255];
} ImageGifBits;

static void image_gif_flush(ImageGifBits *b)
{
    if (b->n == 0) return;
    image_put8(b->out, (unsigned)b->n);
    image_put(b->out, b->block, (size_t)b->n);
    b->n = 0;
}

static void image_gif_bits(ImageGifBits *b, int code, int width)
{
    b->bits |= (uint32_t)code << b->bit_count;
    for (b->bit_count += width; b->bit_count >= 8; b->bit_count -= 8, b->bits >>= 8) {
        b->block[b->n++] = (unsigned char)b->bits;
        if (b->n == 255) image_gif_flush(b);
    }
}

/* The strings known so far, in a hash table: a string is the code of its prefix and one more colour. */
enum { IMAGE_LZW_SLOTS = 16384 };
typedef struct ImageLzwTable { uint32_t keys[IMAGE_LZW_SLOTS]; uint16_t codes[IMAGE_LZW_SLOTS]; } ImageLzwTable;

static unsigned image_lzw_slot(const ImageLzwTable *table, uint32_t key)
{
    unsigned slot = (key * 2654435761u) >> 18;
    while (table->keys[slot] != 0 && table->keys[slot] != key) slot = (slot + 1) % IMAGE_LZW_SLOTS;
    return slot;
}

static void image_lzw_encode(ImageLzwTable *table, const unsigned char *indices, size_t count, int colour_bits,
                             ImageBuffer *out)
{
    ImageGifBits b;
    memset(&b, 0, sizeof b);
    b.out = out;
    int clear = 1 << colour_bits, next = clear + 2, width = colour_bits + 1, code = indices[0];
    memset(table->keys, 0, sizeof table->keys);
    image_put8(out, (unsigned)colour_bits);
    image_gif_bits(&b, clear, width);
    for (size_t i = 1; i < count; i++) {
        uint32_t key = ((uint32_t)code << 8 | indices[i]) + 1;
        unsigned slot = image_lzw_slot(table, key);
        if (table->keys[slot] == key) {
            code = table->codes[slot];
            continue;
        }
        image_gif_bits(&b, code, width);
        code = indices[i];
        if (next == 4096) {                                 /* full: start again */
            image_gif_bits(&b, clear, width);
            memset(table->keys, 0, sizeof table->keys);
            next = clear + 2;
            width = colour_bits + 1;
            continue;
        }
        table->keys[slot] = key;
        table->codes[slot] = (uint16_t)next;
        if (next++ == 1 << width) width++;                  /* this code is the first that needs another bit */
    }
    image_gif_bits(&b, code, width);
    if (next == 1 << width && width < 12) width++;          /* the reader has learnt one more string by now */
    image_gif_bits(&b, clear + 1, width);
    image_gif_bits(&b, 0, 7);
    image_gif_flush(&b);
    image_put8(out, 0);
}

static int image_gif_put_frame(ImageBuffer *out, const Image *image, int delay, ImagePalette *palette,
                               ImageLzwTable *table, unsigned char *indices, char *error)
{
    size_t count = image_pixel_count(image);
    if (image_palette_exact(palette, image)) {
        for (size_t i = 0; i < count; i++) {
            unsigned char rgb[3];
            image_rgb(image->pixels + i * (size_t)image->channels, image->channels, rgb);
            indices[i] = (unsigned char)palette->slots[image_palette_slot(palette, rgb)];
        }
    } else if (!image_palette_quantise(palette, image, error) || !image_dither(image, palette, indices, error)) {
        return 0;
    }
    int bits = 1;
    while (1 << bits < palette->size) bits++;
    image_put(out, "\x21\xF9\x04\x04", 4);                  /* graphic control: leave the frame in place */
    image_put16le(out, (unsigned)delay);
    image_put(out, "\0\0\x2C\0\0\0\0", 7);
    image_put16le(out, (unsigned)image->width);
    image_put16le(out, (unsigned)image->height);
    image_put8(out, 0x80 | (unsigned)(bits - 1));
    for (int i = palette->size; i < 1 << bits; i++) memset(palette->colours[i], 0, 3);
    image_put(out, palette->colours, 3 * ((size_t)1 << bits));
    image_lzw_encode(table, indices, count, bits < 2 ? 2 : bits, out);
    return 1;
}

static int image_gif_check(const Image *frames, int n_frames, int delay_ms, char *error)
{
    if (!frames || n_frames < 1) return image_fail(error, "GIF: an animation needs a frame");
    if (delay_ms < 0 || delay_ms > 655350)
        return image_fail(error, "GIF: a delay of %d ms is not 0 to 655350", delay_ms);
    for (int i = 0; i < n_frames; i++) {
        if (!image_check(&frames[i], error)) return 0;
        if (frames[i].width != frames[0].width || frames[i].height != frames[0].height)
            return image_fail(error, "GIF: frame %d has %d x %d pixels, the first %d x %d", i, frames[i].width,
                              frames[i].height, frames[0].width, frames[0].height);
    }
    if (frames[0].width > 65535 || frames[0].height > 65535)
        return image_fail(error, "GIF: %d x %d pixels are more than the format's 65535", frames[0].width,
                          frames[0].height);
    return 1;
}

IMAGE_API int image_encode_gif(const Image *frames, int n_frames, int delay_ms, unsigned char **bytes, size_t *size,
                               char error[IMAGE_ERROR_SIZE])
{
    *bytes = NULL;
    *size = 0;
    if (!image_gif_check(frames, n_frames, delay_ms, error)) return 0;
    ImageBuffer out;
    memset(&out, 0, sizeof out);
    ImagePalette *palette = (ImagePalette *)malloc(sizeof *palette);
    ImageLzwTable *table = (ImageLzwTable *)malloc(sizeof *table);
    unsigned char *indices = (unsigned char *)malloc(image_pixel_count(&frames[0]));
    int ok = palette && table && indices ? 1 : image_fail(error, "GIF: out of memory");
    int delay = image_clamp((delay_ms + 5) / 10, 2, 65535);
    image_put(&out, "GIF89a", 6);
    image_put16le(&out, (unsigned)frames[0].width);
    image_put16le(&out, (unsigned)frames[0].height);
    image_put(&out, "\x70\0\0", 3);                         /* 8 bits a colour, no global palette */
    if (n_frames > 1) image_put(&out, "\x21\xFF\x0BNETSCAPE2.0\3\1\0\0", 19);          /* loop for ever */
    for (int i = 0; ok && i < n_frames; i++)
        ok = image_gif_put_frame(&out, &frames[i], delay, palette, table, indices, error);
    image_put8(&out, 0x3B);
    free(palette);
    free(table);
    free(indices);
    return image_deliver(&out, ok, bytes, size, error);
}

/* ==== Notes =========================================================================================================
 * EXIF and colour profiles are handed from file to file as they are. JPEG keeps them in segments behind the first two
 * bytes, profiles cut into parts of less than 64 KB; PNG in the chunks eXIf and iCCP, profiles compressed. */

enum { IMAGE_PROFILE_MOST = 1 << 22, IMAGE_SEGMENT_MOST = 65533 };

/* Where in the EXIF block the entry of a tag stands, in the directory at `at`; 0: nowhere. *end: where it ends. */
static size_t image_exif_entry(const unsigned char *p, size_t size, size_t at, unsigned tag, size_t *end)
{
    int big = p[0] == 'M';
    size_t found = 0;
    *end = 0;
    if (at < 8 || at > size || size - at < 2) return 0;
    unsigned n = image_tiff16(p + at, big);
    for (at += 2; n > 0 && size - at >= 12; n--, at += 12)
        if (image_tiff16(p + at, big) == tag && !found) found = at;
    if (n == 0 && size - at >= 4) *end = at;
    return found;
}

/* The picture is upright now, and the preview of what it was is hidden: overwritten, and its directory unlinked. */
static void image_exif_update(unsigned char *p, size_t size)
{
    if (size < 8 || (memcmp(p, "II*", 4) != 0 && memcmp(p, "MM\0*", 4) != 0)) return;
    int big = p[0] == 'M';
    size_t end, unused, at = image_exif_entry(p, size, image_tiff32(p + 4, big), 0x0112, &end);
    if (at) memcpy(p + at + 2, big ? "\0\3\0\0\0\1\0\1\0" : "\3\0\1\0\0\0\1\0\0", 10);
    if (!end) return;
    size_t next = image_tiff32(p + end, big);
    size_t start = image_exif_entry(p, size, next, 0x0201, &unused);
    size_t length = image_exif_entry(p, size, next, 0x0202, &unused);
    size_t from = start && length ? image_tiff32(p + start + 8, big) : size;
    size_t bytes = from < size ? image_tiff32(p + length + 8, big) : 0;
    if (bytes) memset(p + from, 0, bytes < size - from ? bytes : size - from);
    memset(p + end, 0, 4);
}

static void image_jpeg_notes(const unsigned char *p, size_t size, ImageBuffer *exif, ImageBuffer *profile)
{
    unsigned part = 0;
    for (size_t at = 2; size - at >= 4 && p[at] == 0xFF && p[at + 1] != 0xDA && p[at + 1] != 0xD9;) {
        size_t length = image_be16(p + at + 2);
        const unsigned char *data = p + at + 4;
        if (length < 2 || length > size - at - 2) return;
        if (p[at + 1] == 0xE1 && length >= 8 && memcmp(data, "Exif\0\0", 6) == 0 && !exif->size)
            image_put(exif, data + 6, length - 8);
        if (p[at + 1] == 0xE2 && length >= 16 && memcmp(data, "ICC_PROFILE\0", 12) == 0 && data[12] == ++part)
            image_put(profile, data + 14, length - 16);
        at += 2 + length;
    }
}

/* An iCCP chunk: a name and its 0, a 0, the profile compressed, which tells its size in its first bytes. */
static void image_png_profile(const unsigned char *data, size_t length, ImageBuffer *profile)
{
    const unsigned char *end = length ? (const unsigned char *)memchr(data, 0, length) : NULL;
    size_t used = end ? (size_t)(end - data) + 2 : length;
    unsigned char *room = (unsigned char *)malloc(IMAGE_PROFILE_MOST);
    if (room && used < length && image_inflate(data + used, length - used, room, 4, IMAGE_PROFILE_MOST, NULL)) {
        size_t size = image_be32(room);
        if (size >= 128 && size <= IMAGE_PROFILE_MOST) image_put(profile, room, size);
    }
    free(room);
}

static void image_png_notes(const unsigned char *bytes, size_t size, ImageBuffer *exif, ImageBuffer *profile)
{
    for (size_t at = 8; size - at >= 12;) {
        const unsigned char *p = bytes + at;
        size_t length = image_be32(p), left = size - at - 12;
        if (length > left || memcmp(p + 4, "IEND", 4) == 0) return;
        int whole = image_be32(p + 8 + length) == image_crc32(0, p + 4, length + 4);
        if (whole && memcmp(p + 4, "eXIf", 4) == 0 && !exif->size) {
            size_t prefix = length >= 6 && memcmp(p + 8, "Exif\0\0", 6) == 0 ? 6 : 0;
            image_put(exif, p + 8 + prefix, length - prefix);
        }
        if (whole && memcmp(p + 4, "iCCP", 4) == 0 && !profile->size) image_png_profile(p + 8, length, profile);
        at += 12 + length;
    }
}

IMAGE_API int image_read_notes(const void *bytes, size_t size, ImageNotes *out, char error[IMAGE_ERROR_SIZE])
{
    const unsigned char *p = (const unsigned char *)bytes;
    ImageBuffer exif, profile;
    memset(&exif, 0, sizeof exif), memset(&profile, 0, sizeof profile), memset(out, 0, sizeof *out);
    if (size >= 4 && p[0] == 0xFF && p[1] == 0xD8) image_jpeg_notes(p, size, &exif, &profile);
    if (size >= 8 && memcmp(p, "\x89PNG\r\n\x1A\n", 8) == 0) image_png_notes(p, size, &exif, &profile);
    if (exif.size) image_exif_update(exif.bytes, exif.size);
    if (exif.failed || profile.failed) {
        free(exif.bytes), free(profile.bytes);
        return image_fail(error, "out of memory");
    }
    out->exif = exif.bytes, out->exif_size = exif.size;
    out->profile = profile.bytes, out->profile_size = profile.size;
    return 1;
}

IMAGE_API void image_notes_free(ImageNotes *notes)
{
    free(notes->exif), free(notes->profile);
    memset(notes, 0, sizeof *notes);
}

/* A profile is for grey or for coloured pictures. */
static int image_profile_fits(const ImageNotes *notes, const Image *image)
{
    return notes->profile_size >= 128 && memcmp(notes->profile + 16, image->channels == 1 ? "GRAY" : "RGB ", 4) == 0;
}

static void image_put_segment(ImageBuffer *out, int marker, const char *name, size_t name_size,
                              const unsigned char *data, size_t size)
{
    if (size > IMAGE_SEGMENT_MOST - name_size) return;
    image_put8(out, 0xFF), image_put8(out, (unsigned)marker);
    image_put16be(out, (unsigned)(2 + name_size + size));
    image_put(out, name, name_size);
    image_put(out, data, size);
}

static void image_jpeg_put_notes(ImageBuffer *out, const Image *image, const ImageNotes *notes, const ImageText *texts,
                                 int n_texts)
{
    enum { PART = IMAGE_SEGMENT_MOST - 14 };
    if (notes->exif_size) image_put_segment(out, 0xE1, "Exif\0\0", 6, notes->exif, notes->exif_size);
    size_t parts = image_profile_fits(notes, image) ? (notes->profile_size + PART - 1) / PART : 0;
    for (size_t i = 0; i < parts && parts < 256; i++) {
        char name[14] = "ICC_PROFILE";
        size_t left = notes->profile_size - i * PART;
        name[12] = (char)(i + 1), name[13] = (char)parts;
        image_put_segment(out, 0xE2, name, 14, notes->profile + i * PART, left < PART ? left : (size_t)PART);
    }
    for (int i = 0; i < n_texts; i++) {
        char text[1000];
        int n = snprintf(text, sizeof text, "%s: %s", texts[i].key, texts[i].value);
        image_put_segment(out, 0xFE, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1, NULL, 0);
    }
}

static int image_png_put_notes(ImageBuffer *out, const Image *image, const ImageNotes *notes, char *error)
{
    ImageBuffer data;
    int ok = 1;
    memset(&data, 0, sizeof data);
    if (image_profile_fits(notes, image)) {
        image_put(&data, "profile\0", 9);
        ImageBuffer packed;
        memset(&packed, 0, sizeof packed);
        ok = image_deflate(notes->profile, notes->profile_size, 3, &packed, error);
        image_put(&data, packed.bytes, packed.size);
        free(packed.bytes);
        if (data.failed) out->failed = 1;
        else if (ok) image_put_chunk(out, "iCCP", data.bytes, data.size);
        free(data.bytes);
    }
    if (ok && notes->exif_size) image_put_chunk(out, "eXIf", notes->exif, notes->exif_size);
    return ok;
}

/* Puts the notes where they belong in an encoded file: a JPEG's behind its JFIF segment, a PNG's behind IHDR. Texts are
 * in a PNG already. */
static int image_add_notes(const Image *image, const ImageNotes *notes, const ImageText *texts, int n_texts,
                           unsigned char **bytes, size_t *size, char *error)
{
    static const ImageNotes none = { NULL, NULL, 0, 0 };
    ImageBuffer out;
    unsigned char *old = *bytes;
    int jpeg = old[0] == 0xFF && old[1] == 0xD8, png = old[0] == 0x89, ok = 1;
    if (!notes) notes = &none;
    if ((!jpeg && !png) || (!notes->exif_size && !notes->profile_size && (png || !n_texts))) return 1;
    size_t head = png ? 33 : old[3] == 0xE0 ? 4 + (size_t)image_be16(old + 4) : 2;
    memset(&out, 0, sizeof out);
    image_put(&out, old, head);
    if (jpeg) image_jpeg_put_notes(&out, image, notes, texts, n_texts);
    else ok = image_png_put_notes(&out, image, notes, error);
    image_put(&out, old + head, *size - head);
    free(old);
    return image_deliver(&out, ok, bytes, size, error);
}

/* ==== Saving ========================================================================================================
 * The file is written under a temporary name beside its place and renamed when it is complete: a full disk or the end
 * of the program leaves the old file, or none, but never a part. It is not synced, as pictures come in thousands: after
 * a power cut the latest may be empty. Who needs more syncs a stream of his own, with image_save_to. */

static int image_encode_pnm(const Image *image, int channels, unsigned char **bytes, size_t *size, char *error)
{
    *bytes = NULL;
    *size = 0;
    Image converted;
    if (!image_check(image, error) || !image_converted(image, channels, &converted, error)) return 0;
    char header[64];
    ImageBuffer out;
    memset(&out, 0, sizeof out);
    int kind = channels == 1 ? 5 : 6;
    int n = snprintf(header, sizeof header, "P%d\n%d %d\n255\n", kind, image->width, image->height);
    image_put(&out, header, (size_t)n);
    image_put(&out, converted.pixels, image_pixel_count(&converted) * (size_t)channels);
    image_free(&converted);
    return image_deliver(&out, 1, bytes, size, error);
}

static int image_ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    if (n <= m) return 0;
    for (size_t i = 0; i < m; i++) {
        char c = path[n - m + i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != ending[i]) return 0;
    }
    return 1;
}

static int image_write_all(FILE *file, const unsigned char *bytes, size_t size, char *message)
{
    errno = 0;
    int ok = fwrite(bytes, 1, size, file) == size && fflush(file) == 0;
    if (!ok) image_fail(message, "writing %zu bytes failed: %s", size, errno ? strerror(errno) : "short write");
    return ok;
}

static int image_close(FILE *file, int ok, char *message)
{
    if (fclose(file) != 0 && ok) ok = image_fail(message, "closing the file failed: %s", strerror(errno));
    return ok;
}

static int image_write_file(const char *path, const unsigned char *bytes, size_t size, char *error)
{
    char message[IMAGE_ERROR_SIZE];
    size_t room = strlen(path) + 16;
    char *temporary = (char *)malloc(room);
    if (!temporary) return image_fail_at(error, path, "out of memory");
    FILE *file = NULL;
    for (int i = 0; !file && i < 100; i++) {                /* "x": never a file that is there already */
        snprintf(temporary, room, "%s.tmp%d", path, i);
        file = fopen(temporary, "wbx");
        if (!file && errno != EEXIST) break;
    }
    int ok = 1;
    if (!file) ok = image_fail_at(error, path, strerror(errno));
    else if (!image_close(file, image_write_all(file, bytes, size, message), message))
        ok = image_fail_at(error, path, message);
    else if (rename(temporary, path) != 0) ok = image_fail_at(error, path, strerror(errno));
    if (file && !ok) remove(temporary);
    free(temporary);
    return ok;
}

IMAGE_API int image_saves(const char *path)
{
    static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".pgm", ".ppm" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (image_ends_in(path, endings[i])) return 1;
    return 0;
}

/* In the format that the name ends in. */
static int image_encode(const char *name, const Image *image, const ImageNotes *notes, const ImageText *texts,
                        int n_texts, unsigned char **bytes, size_t *size, char *error)
{
    char message[IMAGE_ERROR_SIZE] = "";
    int ok;
    *bytes = NULL;
    if (image_ends_in(name, ".png")) ok = image_encode_png(image, texts, n_texts, bytes, size, message);
    else if (image_ends_in(name, ".jpg") || image_ends_in(name, ".jpeg"))
        ok = image_encode_jpeg(image, 95, bytes, size, message);
    else if (image_ends_in(name, ".pgm")) ok = image_encode_pnm(image, 1, bytes, size, message);
    else if (image_ends_in(name, ".ppm")) ok = image_encode_pnm(image, 3, bytes, size, message);
    else ok = image_fail(message, "the name ends in none of .png, .jpg, .jpeg, .pgm, .ppm");
    ok = ok && image_add_notes(image, notes, texts, n_texts, bytes, size, message);
    return ok || image_fail_at(error, name, message);
}

IMAGE_API int image_save_notes(const char *path, const Image *image, const ImageNotes *notes, const ImageText *texts,
                               int n_texts, char error[IMAGE_ERROR_SIZE])
{
    unsigned char *bytes;
    size_t size;
    int ok = image_encode(path, image, notes, texts, n_texts, &bytes, &size, error) &&
             image_write_file(path, bytes, size, error);
    free(bytes);
    return ok;
}

IMAGE_API int image_save(const char *path, const Image *image, const ImageText *texts, int n_texts,
                         char error[IMAGE_ERROR_SIZE])
{
    return image_save_notes(path, image, NULL, texts, n_texts, error);
}

IMAGE_API int image_save_to(FILE *to, const char *name, const Image *image, const ImageText *texts, int n_texts,
                            char error[IMAGE_ERROR_SIZE])
{
    char message[IMAGE_ERROR_SIZE];
    unsigned char *bytes;
    size_t size;
    int ok = image_encode(name, image, NULL, texts, n_texts, &bytes, &size, error);
    if (ok && !image_write_all(to, bytes, size, message)) ok = image_fail_at(error, name, message);
    free(bytes);
    return ok;
}

/* ==== Resizing ======================================================================================================
 * A target pixel is a weighted mean of the source pixels around its centre, first along rows, then along columns. The
 * weights are a triangle: one source pixel wide on either side when growing (bilinear interpolation), and as many as
 * become one pixel when shrinking, so that no source pixel is skipped and fine patterns turn grey, not into moire.
 *
 *     centre of target i in the source = (i + 1/2) * source / target - 1/2
 *
 * Everything is integer: samples times 255, or times their alpha so that invisible pixels lend no colour; weights in
 * 1/32768, which add up to 1 exactly. A flat picture therefore stays flat, and all machines agree. */

/* The source pixels first to first + n - 1; `weights` is where their weights begin in a list. */
typedef struct ImageTaps { int first, n; size_t weights; } ImageTaps;

static double image_triangle(double x) { return x < -1 || x > 1 ? 0 : x < 0 ? 1 + x : 1 - x; }

/* Computes the taps of every target pixel; the list has room for 4 + 2 * scale weights of each. The sum of the weights
 * so far is what is rounded, so that the rounding errors of many small ones cannot add up. */
static void image_resize_taps(int source, int target, ImageTaps *taps, uint16_t *list)
{
    double scale = (double)source / target, support = scale > 1 ? scale : 1;
    size_t used = 0;
    for (int i = 0; i < target; i++) {
        double centre = (i + 0.5) * scale - 0.5, total = 0, sum = 0;
        int first = image_clamp((int)(centre - support + 1), 0, source - 1), given = 0;
        int last = image_clamp((int)(centre + support), first, source - 1);
        taps[i].first = first;
        taps[i].n = last - first + 1;
        taps[i].weights = used;
        for (int s = first; s <= last; s++) total += image_triangle((s - centre) / support);
        for (int s = first; s <= last; s++) {
            sum += image_triangle((s - centre) / support);
            int rounded = (int)(sum / total * 32768 + 0.5);
            list[used++] = (uint16_t)(rounded - given);
            given = rounded;
        }
    }
}

/* One source row at full precision: values from 0 to 255 * 255. */
static void image_widen_row(const unsigned char *in, int width, int channels, uint16_t *out)
{
    for (int x = 0; x < width; x++, in += channels, out += channels) {
        for (int c = 0; c < channels; c++) out[c] = (uint16_t)(in[c] * (channels == 4 && c < 3 ? in[3] : 255));
    }
}

/* The mean of samples `step` apart under one pixel's weights. */
static uint16_t image_weighted(const uint16_t *in, size_t step, const ImageTaps *taps, const uint16_t *list)
{
    const uint16_t *weights = list + taps->weights;
    uint32_t sum = 16384;
    in += (size_t)taps->first * step;
    for (int i = 0; i < taps->n; i++, in += step) sum += (uint32_t)weights[i] * *in;
    return (uint16_t)(sum >> 15);
}

static void image_narrow_pixel(const uint16_t *in, int channels, unsigned char *out)
{
    unsigned alpha = channels == 4 ? in[3] : 65025;
    for (int c = 0; c < channels; c++) {
        unsigned divisor = c == 3 ? 65025 : alpha;
        unsigned value = divisor ? (in[c] * 255u + divisor / 2) / divisor : 0;
        out[c] = (unsigned char)(value < 255 ? value : 255);
    }
}

static size_t image_resize_room(int source, int target)
{
    return (size_t)target * (4 + 2 * ((size_t)source / (size_t)target + 1));
}

IMAGE_API int image_resize(const Image *in, int width, int height, Image *out, char error[IMAGE_ERROR_SIZE])
{
    memset(out, 0, sizeof *out);
    if (!image_check(in, error) || !image_new(width, height, in->channels, out, error)) return 0;
    size_t channels = (size_t)in->channels, row = (size_t)width * channels;
    uint16_t *wide = (uint16_t *)malloc((size_t)in->width * channels * sizeof *wide);
    uint16_t *middle = (uint16_t *)malloc((size_t)in->height * row * sizeof *middle);
    uint16_t *list_x = (uint16_t *)malloc(image_resize_room(in->width, width) * sizeof *list_x);
    uint16_t *list_y = (uint16_t *)malloc(image_resize_room(in->height, height) * sizeof *list_y);
    ImageTaps *taps = (ImageTaps *)malloc(((size_t)width + (size_t)height) * sizeof *taps);
    int ok = wide && middle && list_x && list_y && taps;
    if (ok) {
        image_resize_taps(in->width, width, taps, list_x);
        image_resize_taps(in->height, height, taps + width, list_y);
        for (size_t y = 0; y < (size_t)in->height; y++) {
            image_widen_row(in->pixels + y * (size_t)in->width * channels, in->width, in->channels, wide);
            for (size_t i = 0; i < row; i++)
                middle[y * row + i] = image_weighted(wide + i % channels, channels, &taps[i / channels], list_x);
        }
        for (size_t y = 0; y < (size_t)height; y++) {
            for (size_t x = 0; x < (size_t)width; x++) {
                uint16_t pixel[4];
                for (size_t c = 0; c < channels; c++)
                    pixel[c] = image_weighted(middle + x * channels + c, row, &taps[(size_t)width + y], list_y);
                image_narrow_pixel(pixel, in->channels, out->pixels + y * row + x * channels);
            }
        }
    }
    free(wide);
    free(middle);
    free(list_x);
    free(list_y);
    free(taps);
    if (ok) return 1;
    image_free(out);
    return image_fail(error, "no memory to resize to %d x %d", width, height);
}

/* ==== Warps =========================================================================================================
 * A warp works backwards: for every pixel of the result, where does it come from?
 *
 *     u - m = R(-angle) (x - m - shift) / zoom         m: the centre, (size - 1) / 2
 *
 * It is read there with bilinear interpolation. */

IMAGE_API void image_put_cell(Image *sheet, const unsigned char *square, int side, int row, int column)
{
    size_t line = (size_t)side * (size_t)sheet->channels, stride = (size_t)sheet->width * (size_t)sheet->channels;
    for (int y = 0; y < side; y++)
        memcpy(sheet->pixels + (size_t)(row * side + y) * stride + (size_t)column * line, square + (size_t)y * line,
               line);
}

IMAGE_API void image_crop_centre(Image *image, int side)
{
    int largest = image->width < image->height ? image->width : image->height;
    side = side > 0 && side < largest ? side : largest;
    size_t left = (size_t)(image->width - side) / 2, top = (size_t)(image->height - side) / 2;
    size_t channels = (size_t)image->channels, row = (size_t)side * channels;
    for (size_t y = 0; y < (size_t)side; y++)
        memmove(image->pixels + y * row, image->pixels + ((top + y) * (size_t)image->width + left) * channels, row);
    image->width = image->height = side;
}

/* The picture in [-1, 1] with one pixel of black before and two after it, so that a sample taken at any place in
 * [-1, size] finds its four neighbours without a question being asked. */
static float *image_padded(const unsigned char *in, int size, int channels)
{
    size_t row = (size_t)(size + 3) * (size_t)channels, n = (size_t)(size + 3) * row;
    float *padded = (float *)malloc(n * sizeof *padded), *to = padded + row + channels;
    if (!padded) return NULL;
    for (size_t i = 0; i < n; i++) padded[i] = -1;
    for (int y = 0; y < size; y++, to += row)
        for (int i = 0; i < size * channels; i++) to[i] = (float)*in++ / 127.5f - 1;
    return padded;
}

static const double image_pi = 3.14159265358979323846;

IMAGE_API double image_sine(double x)
{
    if (fabs(x) > 5) x -= 2 * image_pi * floor(x / (2 * image_pi) + 0.5);
    double term = x, sum = x;           /* its power series */
    for (int k = 2; k < 32; k += 2) {
        term *= -x * x / (k * (k + 1));
        sum += term;
    }
    return sum;
}

IMAGE_API void image_grey(const IMAGE_REAL *x, size_t pixels, int channels, double *grey)
{
    for (size_t i = 0; i < pixels; i++) {
        double sum = 0;
        for (int c = 0; c < channels; c++) sum += (double)x[i * (size_t)channels + (size_t)c];
        grey[i] = (sum / channels + 1) / 2;
    }
}

IMAGE_API double image_difference(const IMAGE_REAL *u, const IMAGE_REAL *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fabs((double)u[i] - (double)v[i]);
    return sum / (double)n;
}

static float image_within(float x, float low, float high)
{
    return x > low ? x < high ? x : high : low;      /* low, too, where x is not a number */
}

IMAGE_API void image_views(int n, int size, ImageWarp views[IMAGE_VIEWS])
{
    const double zoom = 10.0 / 9, step = (zoom - 1) * size / 2;
    for (int i = 0; i < n; i++) {
        int place = i / 2;
        views[i] = (ImageWarp){.mirror = i % 2};
        if (n < IMAGE_VIEWS) continue;
        views[i].zoom = zoom;
        if (place) views[i].shift_x = place % 2 ? step : -step, views[i].shift_y = place > 2 ? step : -step;
    }
}

IMAGE_API int image_warp(const unsigned char *in, int size, int channels, ImageWarp how, IMAGE_REAL *out)
{
    float middle = (float)(size - 1) / 2, *padded = image_padded(in, size, channels);
    float scale = how.zoom > 0 ? (float)(1 / how.zoom) : 1, shift_x = (float)how.shift_x, shift_y = (float)how.shift_y;
    float cosine = scale * (float)image_sine(how.angle + image_pi / 2), sine = scale * (float)image_sine(how.angle);
    size_t row = (size_t)(size + 3) * (size_t)channels;
    if (!padded) return 0;
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            float dx = (float)(how.mirror ? size - 1 - x : x) - middle - shift_x, dy = (float)y - middle - shift_y;
            float u = image_within(middle + cosine * dx + sine * dy, -1, (float)size) + 1;
            float v = image_within(middle - sine * dx + cosine * dy, -1, (float)size) + 1;
            int left = (int)u, top = (int)v;                       /* the floor, as neither is negative */
            float a = u - (float)left, b = v - (float)top;
            const float *upper = padded + (size_t)top * row + (size_t)(left * channels), *lower = upper + row;
            for (int c = 0; c < channels; c++) {
                float first = upper[c] + a * (upper[c + channels] - upper[c]);
                float second = lower[c] + a * (lower[c + channels] - lower[c]);
                *out++ = (IMAGE_REAL)(first + b * (second - first));
            }
        }
    free(padded);
    return 1;
}

/* Hides a rectangle of 2 to 25 hundredths of the picture, one to three times as long as wide. u: five from [0, 1). */
static void image_erase(IMAGE_REAL *picture, int size, int channels, const double *u)
{
    double area = 0.02 + 0.23 * u[0], longer = sqrt(area * (1 + 2 * u[1])), shorter = area / longer;
    int tall = u[4] < 0.5, height = (int)((tall ? longer : shorter) * size + 0.5);
    int width = (int)((tall ? shorter : longer) * size + 0.5);
    int top = (int)(u[2] * (size - height + 1)), left = (int)(u[3] * (size - width + 1));
    IMAGE_REAL shade = (IMAGE_REAL)(4 * fabs(u[4] - 0.5) - 1);      /* of the same number: each half is all shades */
    for (int y = top; y < top + height; y++)
        for (int i = left * channels; i < (left + width) * channels; i++) picture[y * size * channels + i] = shade;
}

IMAGE_API void image_to_bytes(const IMAGE_REAL *x, size_t count, unsigned char *bytes)
{
    for (size_t i = 0; i < count; i++) {
        double v = ((double)x[i] + 1) * 127.5 + 0.5;
        bytes[i] = (unsigned char)(v >= 255 ? 255 : v > 0 ? v : 0);
    }
}

IMAGE_API void image_from_bytes(const unsigned char *bytes, size_t count, IMAGE_REAL *x)
{
    for (size_t i = 0; i < count; i++) x[i] = (IMAGE_REAL)(bytes[i] / 127.5 - 1);
}

/* First ONE warp, so that the picture is blurred once and not four times. Then its light changes, and a rectangle of it
 * may be hidden behind one shade (Zhong et al. 2017, random erasing), so that no single part decides alone. */
IMAGE_API int image_augment(const unsigned char *in, int size, int channels, const ImageAugment *how,
                            const double dice[IMAGE_DICE], IMAGE_REAL *out)
{
    ImageWarp w;
    w.mirror = how->flip && dice[0] < 0.5;
    w.angle = how->rotate_degrees * (image_pi / 180) * (2 * dice[1] - 1);
    w.shift_x = how->shift * (float)size * (float)(2 * dice[2] - 1);
    w.shift_y = how->shift * (float)size * (float)(2 * dice[3] - 1);
    w.zoom = how->zoom_low + (how->zoom_high - how->zoom_low) * dice[4];
    if (!image_warp(in, size, channels, w, out)) return 0;
    if (how->brightness > 0 || how->contrast > 0) {
        float lighter = 2 * how->brightness * (float)(2 * dice[5] - 1);
        float stronger = 1 + how->contrast * (float)(2 * dice[6] - 1);
        for (int i = 0; i < size * size * channels; i++)
            out[i] = (IMAGE_REAL)image_within(stronger * (float)out[i] + lighter, -1, 1);
    }
    if (how->erase > 0 && dice[7] < how->erase) image_erase(out, size, channels, dice + 8);
    return 1;
}

IMAGE_API ImageLook image_look(const Image *image)
{
    size_t channels = (size_t)image->channels, n = image_pixel_count(image) * channels;
    int colour = channels >= 3;
    ImageLook look = { (uint64_t)image->width << 32 | (uint64_t)image->height, 1, colour };
    for (const unsigned char *p = image->pixels, *end = p + n; p < end; p += channels) {
        unsigned red = p[0], green = colour ? p[1] : red, blue = colour ? p[2] : red;
        look.grey &= red == green && green == blue;
        look.flat &= memcmp(p, image->pixels, channels) == 0;
        look.hash = (look.hash ^ (red | green << 8 | blue << 16)) * 0x9E3779B97F4A7C15u;
        look.hash ^= look.hash >> 29;
    }
    return look;
}

/* ==== Any rectangle's mean in four reads ============================================ (Crow 1984, summed-area tables)
 * sums(y,x) is the sum of all pixels above and to the left, so a rectangle's sum is four corners'. Many scales and
 * hundreds of little crops then cost a few reads a pixel, whatever the rectangles' sizes. Sums may wrap around 2^32:
 * their differences come out right as long as a rectangle has fewer than 2^24 pixels.
 *
 * Cell i of `out` cells covers the source pixels floor(i in/out) to ceil((i+1) in/out): the "area" interpolation of
 * PyTorch's adaptive pooling when it shrinks, and a mean of neighbours when it enlarges. */

IMAGE_API int image_sums(const Image *picture, ImageSums *out)
{
    size_t row = 3 * ((size_t)picture->width + 1);
    out->width = picture->width, out->height = picture->height;
    out->sums = (uint32_t *)calloc(row * ((size_t)picture->height + 1), sizeof *out->sums);
    if (!out->sums) return 0;
    for (size_t y = 0; y < (size_t)picture->height; y++) {
        const unsigned char *from = picture->pixels + y * 3 * (size_t)picture->width;
        const uint32_t *above = out->sums + y * row + 3;
        uint32_t *to = out->sums + (y + 1) * row + 3, red = 0, green = 0, blue = 0;
        for (int x = 0; x < picture->width; x++, from += 3, above += 3, to += 3) {
            to[0] = above[0] + (red += from[0]);
            to[1] = above[1] + (green += from[1]);
            to[2] = above[2] + (blue += from[2]);
        }
    }
    return 1;
}

IMAGE_API void image_sums_free(ImageSums *sums)
{
    free(sums->sums);
    sums->sums = NULL;
}

IMAGE_API void image_average_row(const ImageSums *sums, const ImageScaling *how, int row, IMAGE_REAL *to)
{
    size_t stride = 3 * ((size_t)sums->width + 1);
    int low = (int)((int64_t)row * how->from.height / how->height);
    int high = (int)(((int64_t)(row + 1) * how->from.height + how->height - 1) / how->height);
    const uint32_t *above = sums->sums + (size_t)(how->from.y + low) * stride + 3 * (size_t)how->from.x;
    const uint32_t *below = sums->sums + (size_t)(how->from.y + high) * stride + 3 * (size_t)how->from.x;
    int whole = how->from.width / how->width, rest = how->from.width % how->width, first = 0, over = 0;
    double offset = how->shift / how->divisor;
    for (int x = 0; x < how->width; x++) {                      /* first + over / width = x * from.width / width */
        int next = first + whole, end;
        if ((over += rest) >= how->width) over -= how->width, next++;
        end = next + (over > 0);
        double scale = 1 / (how->divisor * (high - low) * (end - first));
        for (size_t c = 0, left = 3 * (size_t)first, right = 3 * (size_t)end; c < 3; c++, left++, right++)
            *to++ = (IMAGE_REAL)(scale * (double)(uint32_t)(below[right] - below[left] - above[right] + above[left]) -
                                 offset);
        first = next;
    }
}

static void image_do_each(ImageEach *each, int tasks, void (*task)(void *argument, int index, int worker), void *job)
{
    if (each) each(tasks, task, job);
    else for (int i = 0; i < tasks; i++) task(job, i, 0);
}

typedef struct ImageAveraging {
    const ImageSums *sums;
    const ImageWindow *windows;
    ImageScaling how;
    IMAGE_REAL *to;
} ImageAveraging;

/* A task is a row of one of the windows. */
static void image_average_task(void *job, int row, int worker)
{
    const ImageAveraging *a = (const ImageAveraging *)job;
    ImageScaling how = a->how;
    (void)worker;
    how.from = a->windows[row / how.height];
    image_average_row(a->sums, &how, row % how.height, a->to + (size_t)row * (size_t)how.width * 3);
}

IMAGE_API void image_average(const ImageSums *sums, const ImageWindow *windows, int n, const ImageScaling *how,
                             IMAGE_REAL *to, ImageEach *each)
{
    ImageAveraging job = { sums, windows, *how, to };
    image_do_each(each, n * how->height, image_average_task, &job);
}

/* A table of the 256 bytes for each channel: a difference is looked up, not computed. */
typedef struct ImageBgr { const Image *picture; IMAGE_REAL *to, of_byte[3][256]; } ImageBgr;

static void image_bgr_task(void *job, int y, int worker)
{
    const ImageBgr *b = (const ImageBgr *)job;
    size_t w = (size_t)b->picture->width;
    const unsigned char *from = b->picture->pixels + (size_t)y * w * 3;
    IMAGE_REAL *to = b->to + (size_t)y * w * 3;
    (void)worker;
    for (size_t x = 0; x < w; x++, from += 3, to += 3)
        for (int c = 0; c < 3; c++) to[c] = b->of_byte[c][from[2 - c]];
}

IMAGE_API void image_bgr(const Image *picture, const IMAGE_REAL mean[3], IMAGE_REAL *to, ImageEach *each)
{
    ImageBgr job;
    job.picture = picture, job.to = to;
    for (int i = 0; i < 3 * 256; i++) job.of_byte[i / 256][i % 256] = (IMAGE_REAL)(i % 256) - mean[i / 256];
    image_do_each(each, picture->height, image_bgr_task, &job);
}

/* ==== Frames ========================================================================================================
 * A frame is a similarity (a turn, a scale, a shift) from the unit square to the photograph. An upright square and a
 * face aligned by its landmarks are then the same thing, and so are cutting out (read the photograph at the frame's
 * points) and pasting back (invert: which point of the square is this?). */

IMAGE_API void image_frame_point(const ImageFrame *f, double u, double v, double *x, double *y)
{
    *x = f->turn_x * u - f->turn_y * v + f->x;
    *y = f->turn_y * u + f->turn_x * v + f->y;
}

IMAGE_API void image_frame_invert(const ImageFrame *f, double x, double y, double *u, double *v)
{
    double dx = x - f->x, dy = y - f->y, size = f->turn_x * f->turn_x + f->turn_y * f->turn_y;
    *u = (f->turn_x * dx + f->turn_y * dy) / size;
    *v = (f->turn_x * dy - f->turn_y * dx) / size;
}

IMAGE_API double image_frame_side(const ImageFrame *f) { return hypot(f->turn_x, f->turn_y); }

IMAGE_API ImageFrame image_frame_centred(const Image *picture, int side)
{
    int most = picture->width < picture->height ? picture->width : picture->height;
    if (side <= 0 || side > most) side = most;
    ImageFrame f = {side, 0, (picture->width - side) / 2, (picture->height - side) / 2};
    return f;
}

IMAGE_API ImageFrame image_frame_grown(ImageFrame f, double factor)
{
    double x, y;
    image_frame_point(&f, 0.5, 0.5, &x, &y);
    f.turn_x *= factor, f.turn_y *= factor;
    f.x = x - 0.5 * (f.turn_x - f.turn_y);
    f.y = y - 0.5 * (f.turn_y + f.turn_x);
    return f;
}

/* With both about their means, p and q, and as complex numbers, the least of sum |a p - q|^2 is at
 * a = sum conj(p) q / sum |p|^2. */
IMAGE_API int image_frame_fit(const double *from, const double *to, int n, ImageFrame *out)
{
    double p[2] = { 0, 0 }, q[2] = { 0, 0 }, real_part = 0, imaginary = 0, size = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) p[k] += from[2 * i + k] / n, q[k] += to[2 * i + k] / n;
    for (int i = 0; i < n; i++) {
        double px = from[2 * i] - p[0], py = from[2 * i + 1] - p[1], qx = to[2 * i] - q[0], qy = to[2 * i + 1] - q[1];
        real_part += px * qx + py * qy;
        imaginary += px * qy - py * qx;
        size += px * px + py * py;
    }
    if (!(size > 0)) return 0;
    out->turn_x = real_part / size, out->turn_y = imaginary / size;
    out->x = q[0] - (out->turn_x * p[0] - out->turn_y * p[1]);
    out->y = q[1] - (out->turn_y * p[0] + out->turn_x * p[1]);
    return isfinite(out->x) && isfinite(out->y) && image_frame_side(out) > 1e-6;
}

/* The picture at a point, bilinearly interpolated; pixel i covers [i, i+1), beyond the border its pixels go on. */
static double image_sample(const Image *picture, double x, double y, size_t channel)
{
    x = fmin(fmax(x - 0.5, 0), picture->width - 1), y = fmin(fmax(y - 0.5, 0), picture->height - 1);
    size_t left = (size_t)x, top = (size_t)y, c = (size_t)picture->channels, row = (size_t)picture->width * c;
    size_t right = left + 1 < (size_t)picture->width ? left + 1 : left;
    const unsigned char *above = picture->pixels + top * row + channel;
    const unsigned char *below = top + 1 < (size_t)picture->height ? above + row : above;
    double u = x - (double)left, v = y - (double)top;
    return (1 - v) * ((1 - u) * above[left * c] + u * above[right * c]) +
           v * ((1 - u) * below[left * c] + u * below[right * c]);
}

/* Where the frame shrinks, each pixel is the mean of as many samples as there are source pixels under it (at most
 * 16 x 16), so that nothing is skipped. */
IMAGE_API void image_cut_rows(const Image *picture, const ImageFrame *frame, Image *out, int first, int end)
{
    int size = out->width, channels = out->channels;
    int n = (int)fmin(fmax(ceil(image_frame_side(frame) / size), 1), 16);
    unsigned char *to = out->pixels + (size_t)first * (size_t)size * (size_t)channels;
    for (int row = first; row < end; row++)
        for (int i = 0; i < size * channels; i++) {
            double total = 0, x, y;
            for (int k = 0; k < n * n; k++) {
                image_frame_point(frame, (i / channels + (k % n + 0.5) / n) / size, (row + (k / n + 0.5) / n) / size,
                                  &x, &y);
                total += image_sample(picture, x, y, (size_t)(i % channels));
            }
            *to++ = (unsigned char)(total / (n * n) + 0.5);
        }
}

typedef struct ImageCutting { const Image *picture; const ImageFrame *frame; Image *out; } ImageCutting;

static void image_cut_task(void *job, int row, int worker)
{
    const ImageCutting *c = (const ImageCutting *)job;
    (void)worker;
    image_cut_rows(c->picture, c->frame, c->out, row, row + 1);
}

IMAGE_API void image_cut(const Image *picture, const ImageFrame *frame, Image *out, ImageEach *each)
{
    ImageCutting job = { picture, frame, out };
    image_do_each(each, out->height, image_cut_task, &job);
}

/* ==== Pasting back ==================================================================================================
 * Whoever edits a cut-out looks at few pixels, but what goes back is the change that was made, enlarged: the
 * photograph's own pixels keep their detail, and where nothing changes, bits stay. A photograph's value v becomes
 *
 *     v + w (after - before)         w rises smoothly from 0 at the frame's edge to 1 a feather's width inside; an edge
 *     v + w m (colour - v)           that lies on the photograph's border has no feather: nothing meets it there
 *
 * the second where it is painted through a mask m. Where pixels are moved, v is the photograph's own w times as far
 * away as the move says. What was redrawn altogether has shifted in brightness, too: where
 * that would show at a seam, `after` is first given before's mean and spread, measured in the feather alone, channel by
 * channel. A drawing in grey changes brightness only: colours stay the photograph's. */

static double image_smooth_step(double t)
{
    t = fmin(fmax(t, 0), 1);
    return t * t * (3 - 2 * t);
}

/* How much of the edit shows at point (u,v) of the frame. seam: which of its left, top, right and bottom edges meet the
 * photograph. */
static double image_paste_weight(double u, double v, const int seam[4])
{
    const double inside[4] = { u, v, 1 - u, 1 - v }, feather = 0.15;       /* of the frame's side */
    double weight = 1;
    for (int i = 0; i < 4; i++) weight *= seam[i] ? image_smooth_step(inside[i] / feather) : inside[i] >= 0;
    return weight;
}

/* after * gain + offset has the mean and the spread of `before` in the feather. The gain is kept near 1: a border of
 * one colour has no spread to match. */
static ImageMatch image_match(const ImageDrawing *d, int channel)
{
    static const int all_around[4] = { 1, 1, 1, 1 };
    double n = 0, sum[2] = { 0, 0 }, squares[2] = { 0, 0 }, mean[2], spread[2];
    const IMAGE_REAL *pictures[2] = { d->before, d->after };
    ImageMatch match = { 1, 0 };
    for (int at = 0; at < d->side * d->side; at++) {
        double u = (at % d->side + 0.5) / d->side, v = (at / d->side + 0.5) / d->side;
        if (image_paste_weight(u, v, all_around) >= 1) continue;
        for (int i = 0; i < 2; i++) {
            double value = (double)pictures[i][at * d->channels + channel];
            sum[i] += value, squares[i] += value * value;
        }
        n++;
    }
    if (!(n > 0)) return match;
    for (int i = 0; i < 2; i++) mean[i] = sum[i] / n, spread[i] = sqrt(fmax(squares[i] / n - mean[i] * mean[i], 0));
    match.gain = spread[1] > 0.01 ? fmin(fmax(spread[0] / spread[1], 0.8), 1.25) : 1;
    match.offset = mean[0] - match.gain * mean[1];
    return match;
}

/* Catmull and Rom's weights of four neighbours, t of the way from the second to the third (1974). */
static void image_cubic_weights(double t, double w[4])
{
    w[0] = t * (-0.5 + t * (1 - 0.5 * t)), w[1] = 1 + t * t * (1.5 * t - 2.5);
    w[2] = t * (0.5 + t * (2 - 1.5 * t)), w[3] = t * t * (0.5 * t - 0.5);
}

/* The photograph at a point, by the same weights. */
static double image_cubic_sample(const Image *picture, double x, double y, int channel)
{
    double across[4], down[4], total = 0;
    int left = (int)floor(x - 0.5), top = (int)floor(y - 0.5), channels = picture->channels;
    image_cubic_weights(x - 0.5 - left, across), image_cubic_weights(y - 0.5 - top, down);
    for (int i = 0; i < 16; i++) {
        size_t row = (size_t)image_clamp(top - 1 + i / 4, 0, picture->height - 1);
        size_t column = (size_t)image_clamp(left - 1 + i % 4, 0, picture->width - 1);
        size_t at = (row * (size_t)picture->width + column) * (size_t)channels + (size_t)channel;
        total += down[i / 4] * across[i % 4] * picture->pixels[at];
    }
    return fmin(fmax(total, 0), 255);
}

/* A square picture at a point of the unit square, smoothly: enlarged ten times it shows no edges of its pixels. */
static double image_smooth_sample(const IMAGE_REAL *picture, int side, int channels, double u, double v, int channel)
{
    double x = u * side - 0.5, y = v * side - 0.5, across[4], down[4], total = 0;
    int left = (int)floor(x), top = (int)floor(y);
    image_cubic_weights(x - left, across), image_cubic_weights(y - top, down);
    for (int i = 0; i < 16; i++) {
        int row = image_clamp(top - 1 + i / 4, 0, side - 1), column = image_clamp(left - 1 + i % 4, 0, side - 1);
        total += down[i / 4] * across[i % 4] * (double)picture[(row * side + column) * channels + channel];
    }
    return total;
}

/* What changes at point (u,v) of the frame, in bytes; `here`: the photograph's own value. */
static double image_change_at(const ImagePaste *p, double u, double v, int channel, double here)
{
    const ImageDrawing *d = p->drawing;
    double after = image_smooth_sample(d->after, d->side, d->channels, u, v, channel);
    if (d->mask)
        return fmin(fmax(image_smooth_sample(d->mask, d->side, 1, u, v, 0), 0), 1) * ((after + 1) * 127.5 - here);
    after = p->match[channel].gain * after + p->match[channel].offset;
    return 127.5 * (after - image_smooth_sample(d->before, d->side, d->channels, u, v, channel));
}

/* The photograph's own values that belong at point (u,v) of the frame, where it has `here`. */
static void image_values_at(const ImagePaste *p, double u, double v, double weight, const unsigned char *here,
                            double values[3])
{
    const ImageDrawing *d = p->drawing;
    int colours = p->photo->channels < 3 ? p->photo->channels : 3;
    double moved[2] = { 0, 0 }, x, y;
    for (int k = 0; d->moves && k < 2; k++) moved[k] = weight * image_smooth_sample(d->moves, d->side, 2, u, v, k);
    image_frame_point(&p->frame, u + moved[0], v + moved[1], &x, &y);
    for (int c = 0; c < colours; c++)
        values[c] = moved[0] != 0 || moved[1] != 0 ? image_cubic_sample(d->whole, x, y, c) : here[c];
}

IMAGE_API void image_paste_row(const ImagePaste *p, int row)
{
    int channels = p->photo->channels, colours = channels < 3 ? channels : 3, from = p->drawing->channels;
    for (int x = p->left; x < p->right; x++) {
        unsigned char *to = p->photo->pixels + ((size_t)row * (size_t)p->photo->width + (size_t)x) * (size_t)channels;
        double u, v, change = 0, own[3];
        image_frame_invert(&p->frame, x + 0.5, row + 0.5, &u, &v);
        double weight = image_paste_weight(u, v, p->seam);
        if (!(weight > 0)) continue;
        image_values_at(p, u, v, weight, to, own);
        if (from == 1)
            change = image_change_at(p, u, v, 0,
                                     colours == 3 ? 0.299 * own[0] + 0.587 * own[1] + 0.114 * own[2] : own[0]);
        for (int c = 0; c < colours; c++) {
            if (from > 1) change = image_change_at(p, u, v, c, own[c]);
            to[c] = (unsigned char)fmin(fmax(own[c] + weight * change + 0.5, 0), 255);
        }
    }
}

/* Is there photograph beyond an edge of the frame? (0 left, 1 top, 2 right, 3 bottom) */
static int image_meets(const Image *photo, const ImageFrame *frame, int edge)
{
    double x, y, u = edge == 0 ? 0 : edge == 2 ? 1 : 0.5, v = edge == 1 ? 0 : edge == 3 ? 1 : 0.5;
    image_frame_point(frame, u, v, &x, &y);
    return x > 0.75 && y > 0.75 && x < photo->width - 0.75 && y < photo->height - 0.75;
}

static int image_bounded(double x, int high) { return (int)fmin(fmax(x, 0), high); }

IMAGE_API ImagePaste image_paste_begin(Image *photo, ImageFrame frame, const ImageDrawing *drawing)
{
    double low[2] = { 1e9, 1e9 }, high[2] = { -1e9, -1e9 }, at[2];
    static const ImageMatch as_it_is = { 1, 0 };
    ImagePaste p;
    int seam = 0;
    p.photo = photo, p.frame = frame, p.drawing = drawing;
    for (int corner = 0; corner < 4; corner++) {
        image_frame_point(&frame, corner % 2, corner / 2, &at[0], &at[1]);
        for (int k = 0; k < 2; k++) low[k] = fmin(low[k], at[k]), high[k] = fmax(high[k], at[k]);
    }
    p.left = image_bounded(floor(low[0]), photo->width), p.top = image_bounded(floor(low[1]), photo->height);
    p.right = image_bounded(ceil(high[0]), photo->width), p.bottom = image_bounded(ceil(high[1]), photo->height);
    for (int i = 0; i < 4; i++) seam |= p.seam[i] = image_meets(photo, &frame, i);
    for (int c = 0; c < 3; c++)
        p.match[c] = seam && drawing->redrawn && c < drawing->channels ? image_match(drawing, c) : as_it_is;
    return p;
}

static void image_paste_task(void *paste, int i, int worker)
{
    const ImagePaste *p = (const ImagePaste *)paste;
    (void)worker;
    image_paste_row(p, p->top + i);
}

IMAGE_API void image_paste(Image *photo, ImageFrame frame, const ImageDrawing *drawing, ImageEach *each)
{
    ImagePaste paste = image_paste_begin(photo, frame, drawing);
    if (paste.bottom > paste.top) image_do_each(each, paste.bottom - paste.top, image_paste_task, &paste);
}

#endif /* IMAGE_IMPLEMENTATION */
