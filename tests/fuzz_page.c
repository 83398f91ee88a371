/* Fuzz target for vendor/page.h: texts, tables, numbers and pictures are all taken from the input. No input may cross a
 * bound, and none may get out of its quotes: what the page holds of the input must not contain an open tag of our choice.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_page.c -lm -o fuzz_page */
#define PAGE_IMPLEMENTATION
#define PAGE_STATIC
#include "../vendor/page.h"

enum { TEXTS = 8, LENGTH = 24, POINTS = 300 };

typedef struct Input { const uint8_t *at; size_t left; } Input;

static int take_byte(Input *in)
{
    return in->left ? in->left--, *in->at++ : 0;
}

/* Any bytes but 0, and every third time a tag that must come out harmless. */
static void take_text(Input *in, char *text)
{
    int length = take_byte(in) % (LENGTH - 1);
    for (int i = 0; i < length; i++) text[i] = (char)(take_byte(in) | (i == length - 1));
    text[length] = 0;
    if (length % 3 == 1) strcpy(text, "</h2><script>evil()");
}

static double take_number(Input *in)
{
    uint64_t bits = 0;
    double value;
    int kind = take_byte(in);
    if (kind < 200) return kind - 100;
    for (int i = 0; i < 8; i++) bits = bits << 8 | (uint64_t)take_byte(in);
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void take_chart(Input *in, Page *page, char texts[TEXTS][LENGTH])
{
    static double x[POINTS], y[POINTS];
    size_t count = (size_t)(take_byte(in) | take_byte(in) << 8) % POINTS;
    for (size_t i = 0; i < count; i++) x[i] = take_number(in), y[i] = take_number(in);
    const PageSeries series[2] = {{texts[0], take_byte(in) % 2 ? x : NULL, y, count}, {texts[1], y, x, count / 2}};
    page_chart(page, texts[2], texts[3], texts[4], series, 1 + take_byte(in) % 2, take_byte(in) % 2);
}

/* The page must hold the tag only as text. */
static void check_page(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) abort();
    char line[1 << 16];
    while (fgets(line, sizeof line, file))
        if (strstr(line, "<script>evil()")) abort();
    fclose(file);
}

static Page *take_space(Input *in, const char *const *names, const uint8_t *data, size_t size)
{
    double numbers[5 * TEXTS];
    for (int i = 0; i < 5 * TEXTS; i++) numbers[i] = take_number(in);
    const PageFace faces[2] = {{names[0], in->at, data, in->left, size}, {names[1], NULL, data, 0, size}};
    const PageSpace space = {names[2], names[3], names[4], names[5], take_byte(in), take_byte(in) % 2, 5, 32, 13, 16,
                             names, numbers, numbers + 2 * TEXTS, take_byte(in) % TEXTS, faces, take_byte(in) % 3,
                             names[6]};
    return page_space(&space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input in = {data, size};
    char texts[TEXTS][LENGTH], error[256], path[64];
    const char *names[TEXTS];
    for (int i = 0; i < TEXTS; i++) take_text(&in, texts[i]), names[i] = texts[i];
    int kind = take_byte(&in) % 8;
    Page *page = kind > 5 ? take_space(&in, names, data, size) : page_begin(texts[0], kind ? texts[1] : NULL);
    for (int i = 0; kind < 6 && i < 6 && in.left; i++) {
        int columns = 1 + take_byte(&in) % 4;
        const void *pictures[2] = {in.at, data};
        size_t sizes[2] = {in.left, size};
        switch (take_byte(&in) % 8) {
        case 0: page_heading(page, texts[2]); break;
        case 1: page_paragraph(page, texts[3]); break;
        case 2: page_pre(page, texts[4]); break;
        case 3: page_table(page, take_byte(&in) % 2 ? names : NULL, columns, names, TEXTS / columns); break;
        case 4: page_facts(page, names, names + 4, take_byte(&in) % 5); break;
        case 5: take_chart(&in, page, texts); break;
        case 6: page_image(page, texts[5], in.at, in.left, texts[6]); break;
        default: page_slider(page, texts[7], names, pictures, sizes, take_byte(&in) % 3, "image/png");
        }
    }
    snprintf(path, sizeof path, "/tmp/fuzz_page.%ld.html", (long)getpid());
    if (!page_save(page, path, error)) abort();
    check_page(path);
    unlink(path);
    return 0;
}
