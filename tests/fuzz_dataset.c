/* Fuzz target for vendor/dataset.h: whatever lists hold, under whatever name, no bound is crossed, and what is listed has a label,
 * a split and a place. The first byte chooses the files, a byte 0xFF parts the first from the second.
 *
 *     clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined tests/fuzz_dataset.c -lm -o fuzz_dataset */
#include "../vendor/all.h"
#include <unistd.h>

typedef struct Case { const char *kind, *first, *second; } Case;

/* kind NULL: the folder is opened as it is. */
static const Case cases[] = {
    {"affectnet", "training.csv", NULL}, {"affectnet", "training.csv", "validation.csv"}, {"fer2013", "fer2013.csv", NULL},
    {"ferplus", "fer2013new.csv", "fer2013.csv"}, {"rafdb", "list_patition_label.txt", NULL}, {"folder", "list.txt", "list2.txt"},
    {NULL, "list_attr_celeba.txt", "list_eval_partition.txt"}, {NULL, "Train_Set/video_left.txt", "Test_Set/video.txt"},
    {NULL, "train_set/annotations/1_exp.npy", "train_set/annotations/2_exp.npy"}, {NULL, "list.csv", NULL}
};

typedef struct Input { const char *folder, *first, *second; const Case *from; int bits; } Input;

static void check_set(const DataSet *set)
{
    char path[DATASET_PATH];
    size_t picture = (size_t)set->raw_side * (size_t)set->raw_side;
    for (int i = 0; i < set->count; i++) {
        if (set->label[i] < -1 || set->label[i] >= set->n_classes || set->split[i] >= SPLITS) abort();
        if (set->raw ? set->where[i] + picture > set->raw_used : set->where[i] >= set->text_used) abort();
        if (!set->raw && !*dataset_path(set, i, path)) abort();
        if (set->place && set->place[i].box[2] < 0) abort();
    }
    for (int k = 0; k < set->n_classes; k++) dataset_count(set, k, SPLIT_ALL);
}

static void use(void *input)
{
    const Input *in = input;
    char *parts[] = {(char *)in->first, (char *)in->second};
    DataOptions options = {.split = SPLIT_ALL, .every_label = in->bits & 1, .unlabelled = in->bits >> 1 & 1,
                           .attributes = in->bits & 4 ? "Smiling" : NULL};
    DataSet set;
    unsigned char pixels[16];
    Error why;
    if (in->from->kind) dataset_gather(&set, in->from->kind, parts, in->from->second ? 2 : 1, &options);
    else dataset_list(&set, in->folder, &options);
    check_set(&set);
    dataset_choose(&set);
    check_set(&set);
    for (int i = 0; i < set.count && i < 3; i++) dataset_read(&set, i, 4, 1, pixels, &why);
    int *order = own((size_t)set.count, sizeof *order);
    for (int i = 0; i < set.count; i++) order[i] = set.count - 1 - i;
    dataset_part(&set, order, 0.5, in->bits & 8);
    check_set(&set);
}

static char folder[64];

static void remove_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command)) fprintf(stderr, "%s is left\n", folder);
}

static void put(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char picture[2][120];
    char first[200], second[200];
    Error e;
    if (size < 2) return 0;
    if (!*folder) {
        snprintf(folder, sizeof folder, "/tmp/fuzz_dataset.%ld", (long)getpid());
        const char *const inside[] = {"Train_Set", "Test_Set", "video", "train_set/images", "train_set/annotations"};
        for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
            char path[200], why[FILES_ERROR];
            snprintf(path, sizeof path, "%s/%s", folder, inside[i]);
            if (!files_make_folder(path, why)) abort();
        }
        atexit(remove_folder);
    }
    const Case *from = &cases[data[0] % (sizeof cases / sizeof *cases)];
    const uint8_t *end = memchr(data + 2, 0xFF, size - 2);
    size_t length = end ? (size_t)(end - data) - 2 : size - 2, rest = end ? size - length - 3 : 0;
    snprintf(first, sizeof first, "%s/%s", folder, from->first);
    snprintf(second, sizeof second, "%s/%s", folder, from->second ? from->second : "");
    bool annotated = strstr(from->first, "npy") != NULL;
    for (int i = 0; i < 2 && annotated; i++) {                  /* their pictures */
        snprintf(picture[i], sizeof picture[i], "%s/train_set/images/%d.pgm", folder, i + 1);
        put(picture[i], (const uint8_t *)"P5 1 1 255 a", 12);
    }
    put(first, data + 2, length);
    if (from->second) put(second, end ? end + 1 : data, rest);
    Input in = {folder, first, second, from, data[1]};
    if (!attempt(use, &in, &e) && !*e.text) abort();
    remove(first);
    if (from->second) remove(second);
    for (int i = 0; i < 2 && annotated; i++) remove(picture[i]);
    return 0;
}
