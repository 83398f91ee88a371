/* test_tensorfile.c: vendor/tensorfile.h against known files, hostile files and failing disks.
 *
 * Small files are built here byte by byte; three come from torch.save and numpy.savez_compressed, as hexadecimal text.
 * tests/torch_tensorfile.py compares many more with PyTorch, NumPy and safetensors, where these are installed. */
#define TENSORFILE_IMPLEMENTATION
#include "../vendor/tensorfile.h"
#include "check.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* torch.save of an OrderedDict in both layouts (torch 2.13): {"weight": arange(6.).reshape(2, 3).t(),
 * "inner": {"row": weight[1], "bias": Parameter([1.5, -2.] half)}, "epoch": 3, "list": [tensor(7)]} */
static const char torch_zip[] =
    "504b03040000080800000000000000000000000000000000000010001200617263686976652f646174612e706b6c46420e005a5a5a5a"
    "5a5a5a5a5a5a5a5a5a5a800263636f6c6c656374696f6e730a4f726465726564446963740a7100295271012858060000007765696768"
    "74710263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a71032828580700000073746f726167657104"
    "63746f7263680a466c6f617453746f726167650a71055801000000307106580300000063707571074b06747108514b004b034b028671"
    "094b014b0386710a8968002952710b74710c52710d5805000000696e6e6572710e7d710f285803000000726f77711068032828680468"
    "05680668074b06747111514b014b028571124b0385711389680029527114747115527116580400000062696173711763746f7263682e"
    "5f7574696c730a5f72656275696c645f706172616d657465720a711868032828680463746f7263680a48616c6653746f726167650a71"
    "19580100000031711a68074b0274711b514b004b0285711c4b0185711d8968002952711e74711f527120886800295271218771225271"
    "2375580500000065706f636871244b0358040000006c69737471255d712668032828680463746f7263680a4c6f6e6753746f72616765"
    "0a7127580100000032712868074b01747129514b0029298968002952712a74712b52712c61752e504b0708bc373d29cd010000cd0100"
    "00504b03040000080800000000000000000000000000000000000017002e00617263686976652f2e666f726d61745f76657273696f6e"
    "46422a005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a31504b0708b7efdc"
    "830100000001000000504b0304000008080000000000000000000000000000000000001a003700617263686976652f2e73746f726167"
    "655f616c69676e6d656e74464233005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
    "5a5a5a5a5a5a5a5a5a5a5a5a3634504b07083f7771e90200000002000000504b03040000080800000000000000000000000000000000"
    "000011003f00617263686976652f627974656f7264657246423b005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a6c6974746c65504b0708853de3190600000006000000"
    "504b0304000008080000000000000000000000000000000000000e003e00617263686976652f646174612f3046423a005a5a5a5a5a5a"
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a0000"
    "00000000803f0000004000004040000080400000a040504b07081790e7911800000018000000504b0304000008080000000000000000"
    "000000000000000000000e002c00617263686976652f646174612f31464228005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a003e00c0504b070836d5d5940400000004000000504b0304000008080000000000000000"
    "000000000000000000000e004000617263686976652f646174612f3246423c005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a0700000000000000504b070870d6e76f"
    "0800000008000000504b0304000008080000000000000000000000000000000000000f003b00617263686976652f76657273696f6e46"
    "4237005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
    "5a5a5a5a330a504b0708d19e67550200000002000000504b0304000008080000000000000000000000000000000000001e0032006172"
    "63686976652f2e646174612f73657269616c697a6174696f6e5f696446422e005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a303834393438383834373936353034383733353031353131383633373336"
    "34373930333538353337504b070863b81c9e2800000028000000504b0102000000000808000000000000bc373d29cd010000cd010000"
    "100000000000000000000000000000000000617263686976652f646174612e706b6c504b0102000000000808000000000000b7efdc83"
    "010000000100000017000000000000000000000000001d020000617263686976652f2e666f726d61745f76657273696f6e504b010200"
    "00000008080000000000003f7771e902000000020000001a0000000000000000000000000091020000617263686976652f2e73746f72"
    "6167655f616c69676e6d656e74504b0102000000000808000000000000853de319060000000600000011000000000000000000000000"
    "0012030000617263686976652f627974656f72646572504b01020000000008080000000000001790e79118000000180000000e000000"
    "0000000000000000000096030000617263686976652f646174612f30504b010200000000080800000000000036d5d594040000000400"
    "00000e0000000000000000000000000028040000617263686976652f646174612f31504b010200000000080800000000000070d6e76f"
    "08000000080000000e0000000000000000000000000094040000617263686976652f646174612f32504b010200000000080800000000"
    "0000d19e675502000000020000000f0000000000000000000000000018050000617263686976652f76657273696f6e504b0102000000"
    "00080800000000000063b81c9e28000000280000001e0000000000000000000000000092050000617263686976652f2e646174612f73"
    "657269616c697a6174696f6e5f6964504b06062c000000000000001e032d000000000000000000090000000000000009000000000000"
    "0047020000000000003806000000000000504b0607000000007f0800000000000001000000504b050600000000090009004702000038"
    "0600000000";

static const char torch_legacy[] =
    "80028a0a6cfc9c46f9206aa850192e80024de9032e80027d710028581000000070726f746f636f6c5f76657273696f6e71014de90358"
    "0d0000006c6974746c655f656e6469616e710288580a000000747970655f73697a657371037d710428580500000073686f727471054b"
    "025803000000696e7471064b0458040000006c6f6e6771074b0475752e800263636f6c6c656374696f6e730a4f726465726564446963"
    "740a710029527101285806000000776569676874710263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f7632"
    "0a71032828580700000073746f72616765710463746f7263680a466c6f617453746f726167650a7105580e0000003934353732353534"
    "3536323330347106580300000063707571074b064e747108514b004b034b028671094b014b0386710a8968002952710b74710c52710d"
    "5805000000696e6e6572710e7d710f285803000000726f7771106803282868046805580e000000393435373235353435363233303471"
    "1168074b064e747112514b014b028571134b0385711489680029527115747116527117580400000062696173711863746f7263682e5f"
    "7574696c730a5f72656275696c645f706172616d657465720a711968032828680463746f7263680a48616c6653746f726167650a711a"
    "580e0000003934353732343638313034373230711b68074b024e74711c514b004b0285711d4b0185711e8968002952711f7471205271"
    "218868002952712287712352712475580500000065706f636871254b0358040000006c69737471265d712768032828680463746f7263"
    "680a4c6f6e6753746f726167650a7128580e0000003934353732343639333331313834712968074b014e74712a514b00292989680029"
    "52712b74712c52712d61752e80025d710028580e00000039343537323436383130343732307101580e00000039343537323436393333"
    "313138347102580e00000039343537323535343536323330347103652e0200000000000000003e00c001000000000000000700000000"
    "0000000600000000000000000000000000803f0000004000004040000080400000a040";

/* numpy.savez_compressed(a=arange(40, dtype=int32).reshape(5, 8) // 3, b=[1.5, 2.5]) */
static const char numpy_deflated[] =
    "504b03042d0000000800000021008a44f747ffffffffffffffff05001400612e6e70790100100020010000000000006b000000000000"
    "009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a2aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416"
    "a402f91aa63a0a169a3a0ab50a64032e0624c0888499903033126641c2ac48980d09b323610e24cc8984b990303712e641c2bc400c00"
    "504b03042d00000008000000210094de11c8ffffffffffffffff05001400622e6e70790100100090000000000000004c000000000000"
    "009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a1aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416"
    "a402f91a463a9a3a0ab50a14002e0630f8610fa1591c00504b01022d032d0000000800000021008a44f7476b00000020010000050000"
    "000000000000000000800100000000612e6e7079504b01022d032d00000008000000210094de11c84c00000090000000050000000000"
    "0000000000008001a2000000622e6e7079504b0506000000000200020066000000250100000000";

/* numpy.save({"conv1": {"weights": arange(6, dtype=float32).reshape(2, 3), "biases": [1.5, -2.0]}, "step": 7}) */
static const char numpy_dict[] =
    "934e554d5059010076007b276465736372273a20277c4f272c2027666f727472616e5f6f72646572273a2046616c73652c2027736861"
    "7065273a2028292c207d2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "202020202020202020202020202020202020200a8004955e010000000000008c166e756d70792e5f636f72652e6d756c746961727261"
    "79948c0c5f7265636f6e7374727563749493948c056e756d7079948c076e6461727261799493944b0085944301629487945294284b01"
    "2968038c0564747970659493948c024f3894898887945294284b038c017c944e4e4e4affffffff4affffffff4b3f749462895d947d94"
    "288c05636f6e7631947d94288c077765696768747394680268054b008594680787945294284b014b024b038694680b8c026634948988"
    "87945294284b038c013c944e4e4e4affffffff4affffffff4b00749462894318000000000000803f0000004000004040000080400000"
    "a040947494628c0662696173657394680268054b008594680787945294284b014b028594680b8c02663894898887945294284b03681d"
    "4e4e4e4affffffff4affffffff4b00749462894310000000000000f83f00000000000000c094749462758c0473746570944b07756174"
    "94622e";

static char folder[] = "/tmp/test_tensorfile-XXXXXX";

typedef struct {
    unsigned char bytes[8192];
    size_t size;
} Sample;

static Sample of_hex(const char *hex)
{
    Sample sample = {{0}, strlen(hex) / 2};
    for (size_t i = 0; i < sample.size; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        sample.bytes[i] = (unsigned char)byte;
    }
    return sample;
}

static void append(Sample *sample, const void *bytes, size_t size)
{
    memcpy(sample->bytes + sample->size, bytes, size);
    sample->size += size;
}

static Sample safetensors(const char *header, size_t data_size)
{
    Sample sample = {{0}, 8};
    uint64_t length = strlen(header);
    memcpy(sample.bytes, &length, 8);
    append(&sample, header, length);
    for (size_t i = 0; i < data_size; i++) sample.bytes[sample.size++] = (unsigned char)i;
    return sample;
}

static Sample npy(const char *header, const void *data, size_t data_size)
{
    Sample sample = {"\x93NUMPY\1", 10};
    sample.bytes[8] = (unsigned char)strlen(header);
    append(&sample, header, strlen(header));
    append(&sample, data, data_size);
    return sample;
}

/* A legacy file whose object is the given pickle, with no storages. */
static Sample pickle(const char *program, size_t size)
{
    Sample sample = {{0}, 0};
    append(&sample, "\x80\2\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.M\xe9\3.}.", 21);
    append(&sample, program, size);
    append(&sample, ".].", 3);
    return sample;
}

/* Decodes from memory of exactly the right size, so that a sanitizer sees every byte too far. */
static int decode_exact(const void *bytes, size_t size, TensorFile *file, char *error, void **copy)
{
    *copy = malloc(size ? size : 1);
    memcpy(*copy, bytes, size);
    return tensorfile_decode(*copy, size, file, error);
}

static void expect_error(const Sample *sample, const char *wanted)
{
    char error[TENSORFILE_ERROR_SIZE] = "";
    void *copy;
    TensorFile file;
    int ok = decode_exact(sample->bytes, sample->size, &file, error, &copy);
    CHECK_MSG(!ok && strstr(error, wanted), "'%s' expected, not '%.200s'", wanted, ok ? "success" : error);
    tensorfile_free(&file);
    free(copy);
}

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static size_t read_file(const char *path, unsigned char *bytes, size_t room)
{
    FILE *stream = fopen(path, "rb");
    size_t size = stream ? fread(bytes, 1, room, stream) : 0;
    if (stream) fclose(stream);
    return size;
}

static int files_in_folder(void)
{
    DIR *directory = opendir(folder);
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) count += entry->d_name[0] != '.';
    if (directory) closedir(directory);
    return count;
}

/* ---- numbers ---- */

static float half_to_float(uint16_t half)
{
    TensorEntry entry = {0};
    float value;
    entry.type = TENSOR_F16;
    entry.bytes = 2;
    entry.data = &half;
    tensorfile_to_f32(&entry, &value);
    return value;
}

static void test_part(void)
{
    static const float numbers[6] = {1, 2, 3, 4, 5, 6};
    TensorEntry whole = {.type = TENSOR_F32, .rank = 2, .shape = {2, 3}, .data = numbers, .bytes = sizeof numbers};
    const TensorEntry part = tensorfile_part(&whole, 2, 3);
    CHECK(part.rank == 1 && tensorfile_count(&part) == 3 && part.bytes == 3 * sizeof(float));
    CHECK(tensorfile_get(&part, 0) == 3 && tensorfile_get(&part, 2) == 5 && whole.rank == 2 && whole.shape[0] == 2);
}

static uint16_t float_to_half(float value)
{
    uint16_t half;
    tensorfile_f32_to_f16(&value, &half, 1);
    return half;
}

static void test_half_precision(void)
{
    int exact = 0, nan = 0, rounded = 0;
    for (uint32_t h = 0; h < 65536; h++) {
        float value = half_to_float((uint16_t)h);
        double scale = ldexp(1, (int)(h >> 10 & 31) - 15 - 10), mantissa = (h & 0x3FF) + 1024.0;
        if ((h >> 10 & 31) == 0) scale = ldexp(1, -24), mantissa = h & 0x3FF;
        exact += float_to_half(value) == h &&
                 ((h >> 10 & 31) == 31 || value == (h & 0x8000 ? -1 : 1) * mantissa * scale);
        nan += isnan(value) && isnan(half_to_float(float_to_half(value)));
    }
    for (uint32_t h = 0; h < 0x7BFF; h++) { /* around the middle of every pair of neighbours, ties to even */
        float low = half_to_float((uint16_t)h), high = half_to_float((uint16_t)(h + 1)), middle = (low + high) / 2;
        rounded += float_to_half(middle) == h + (h & 1) && float_to_half(nextafterf(middle, low)) == h &&
                   float_to_half(nextafterf(middle, high)) == h + 1 &&
                   float_to_half(-middle) == (0x8000 | (h + (h & 1)));
    }
    CHECK(exact == 65536);
    CHECK(nan == 2 * 1023);
    CHECK(rounded == 0x7BFF);
    CHECK(float_to_half(65519.996f) == 0x7BFF && float_to_half(65520) == 0x7C00 && float_to_half(-1e30f) == 0xFC00);
    CHECK(float_to_half(INFINITY) == 0x7C00 && float_to_half(ldexpf(1, -25)) == 0 && float_to_half(1e-40f) == 0);
    CHECK(isnan(half_to_float(float_to_half(NAN))));
}

static const union {
    unsigned char bytes[192];
    double align;
} numbers = {{0x00, 0x3C, 0x00, 0xC0, 0x80, 0x3F, 0x20, 0x41, 1,    0,    2,    255,
              7,    8,    9,    10,   0,    0,    0x80, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF}};

/* One tensor of each type and some odd shapes. */
static TensorFile all_types(void)
{
    static const int64_t shapes[][8] = {{2, 3}, {0, 5}, {1, 2, 1, 3}, {6}, {2, 1, 1, 1, 1, 1, 1, 3}};
    static const int ranks[] = {2, 2, 4, 1, 8};
    TensorFile file = {0};
    for (int type = 0; type < 10; type++) {
        for (int i = 0; i < 5; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s.%d", tensorfile_type_name((TensorType)type), i);
            CHECK(tensorfile_add(&file, name, (TensorType)type, ranks[i], shapes[i], numbers.bytes));
        }
    }
    CHECK(tensorfile_add(&file, "scalar", TENSOR_F64, 0, NULL, numbers.bytes + 16));
    return file;
}

static void test_conversion(void)
{
    TensorFile file = all_types();
    const TensorEntry *half = tensorfile_find(&file, "F16.0"), *brain = tensorfile_find(&file, "BF16.0");
    CHECK(tensorfile_get(half, 0) == 1 && tensorfile_get(half, 1) == -2 && tensorfile_count(half) == 6);
    CHECK(tensorfile_get(brain, 2) == 1 && tensorfile_get(brain, 3) == 10);
    CHECK(tensorfile_get(tensorfile_find(&file, "I8.3"), 3) == -64 &&
          tensorfile_get(tensorfile_find(&file, "U8.3"), 3) == 0xC0);
    CHECK(tensorfile_get(tensorfile_find(&file, "BOOL.3"), 3) == 1 &&
          tensorfile_get(tensorfile_find(&file, "BOOL.3"), 0) == 0);
    CHECK(tensorfile_get(tensorfile_find(&file, "I16.0"), 1) == -16384 &&
          tensorfile_get(tensorfile_find(&file, "I32.0"), 5) == -1);
    CHECK(tensorfile_get(tensorfile_find(&file, "F32.0"), 4) == 1 &&
          tensorfile_count(tensorfile_find(&file, "F32.1")) == 0);
    for (size_t i = 0; i < file.count; i++) {
        float floats[8];
        double doubles[8];
        tensorfile_to_f32(&file.tensors[i], floats);
        tensorfile_to_f64(&file.tensors[i], doubles);
        for (size_t j = 0; j < tensorfile_count(&file.tensors[i]); j++) {
            double value = tensorfile_get(&file.tensors[i], j);
            CHECK(memcmp(&value, &doubles[j], 8) == 0 && (floats[j] == (float)value || isnan(value)));
        }
    }
    tensorfile_free(&file);
    CHECK(file.count == 0 && file.tensors == NULL);
}

static void test_list(void)
{
    TensorFile file = {0};
    int64_t shape[9] = {2, 2, 1, 1, 1, 1, 1, 1, 1}, negative = -1, huge[3] = {INT64_MAX, 0, 3},
            large[2] = {INT64_MAX / 2, 3};
    CHECK(tensorfile_add(&file, "a", TENSOR_U8, 2, shape, numbers.bytes));
    CHECK(!tensorfile_add(&file, "a", TENSOR_U8, 2, shape, numbers.bytes));
    CHECK(!tensorfile_add(&file, "b", TENSOR_U8, 9, shape, numbers.bytes) &&
          !tensorfile_add(&file, "b", TENSOR_U8, -1, shape, numbers.bytes));
    CHECK(!tensorfile_add(&file, "b", TENSOR_U8, 1, &negative, numbers.bytes) &&
          !tensorfile_add(&file, "b", TENSOR_U8, 1, shape, NULL));
    CHECK(!tensorfile_add(&file, "b", TENSOR_F32, 3, huge, NULL) &&
          !tensorfile_add(&file, "b", TENSOR_U8, 2, large, numbers.bytes));
    CHECK(!tensorfile_add(&file, "b", (TensorType)10, 1, shape, numbers.bytes) && file.count == 1);
    CHECK(tensorfile_set_metadata(&file, "x", "1") && tensorfile_set_metadata(&file, "y", "2") &&
          tensorfile_set_metadata(&file, "x", "3"));
    CHECK(file.n_metadata == 2 && strcmp(tensorfile_metadata(&file, "x"), "3") == 0 &&
          !tensorfile_metadata(&file, "z"));
    CHECK(!tensorfile_find(&file, "b") && tensorfile_type_size(TENSOR_BF16) == 2);
    tensorfile_free(&file);
}

/* ---- round trips ---- */

static void expect_equal(const TensorFile *a, const TensorFile *b)
{
    CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        const TensorEntry *x = &a->tensors[i], *y = &b->tensors[i];
        CHECK(strcmp(x->name, y->name) == 0 && x->type == y->type && x->rank == y->rank && x->bytes == y->bytes);
        CHECK(memcmp(x->shape, y->shape, sizeof x->shape) == 0 &&
              (x->bytes == 0 || memcmp(x->data, y->data, x->bytes) == 0));
        CHECK((uintptr_t)y->data % tensorfile_type_size(y->type) == 0);
    }
}

static void test_round_trip(const char *name, TensorFile *file)
{
    static unsigned char first[65536], second[65536];
    char error[TENSORFILE_ERROR_SIZE] = "";
    const char *path = path_of(name), *again = path_of(strchr(name, '.') - 1);
    TensorFile loaded = {0};
    int ok = tensorfile_save(path, file, error);
    CHECK_MSG(ok, "saving %s: %s", name, error);
    ok = tensorfile_load(path, &loaded, error);
    CHECK_MSG(ok, "loading %s: %s", name, error);
    expect_equal(file, &loaded);
    CHECK(loaded.n_metadata == (strstr(name, ".safe") ? file->n_metadata : 0));
    for (size_t i = 0; i < loaded.n_metadata; i++)
        CHECK(strcmp(loaded.keys[i], file->keys[i]) == 0 && strcmp(loaded.values[i], file->values[i]) == 0);
    CHECK(tensorfile_save(again, &loaded, error));
    size_t size = read_file(path, first, sizeof first);
    CHECK(size > 0 && size < sizeof first && size == read_file(again, second, sizeof second) &&
          memcmp(first, second, size) == 0);
    CHECK(tensorfile_save(path, &loaded, error) && files_in_folder() == 2);         /* over the file that is mapped */
    tensorfile_free(&loaded);
    remove(path);
    remove(again);
}

static void test_round_trips(void)
{
    TensorFile file = all_types(), one = {0}, empty = {0};
    int64_t shape[1] = {3};
    char error[TENSORFILE_ERROR_SIZE] = "";
    CHECK(tensorfile_add(&file, "odd \" \\ \n \t \x01 r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s \xf0\x9f\x98\x80", TENSOR_U8, 1,
                         shape, numbers.bytes));
    CHECK(tensorfile_add(&file, "unaligned", TENSOR_F64, 1, shape, numbers.bytes));
    CHECK(tensorfile_set_metadata(&file, "z", "last\nline \"quoted\"") && tensorfile_set_metadata(&file, "a", ""));
    test_round_trip("types.safetensors", &file);
    test_round_trip("types.pt", &file);
    test_round_trip("empty.pth", &empty);
    CHECK(!tensorfile_save(path_of("x.npz"), &file, error) && strstr(error, "BF16"));
    for (size_t i = 0; i < file.count; i++)
        if (file.tensors[i].type == TENSOR_BF16) file.tensors[i].type = TENSOR_I16;
    test_round_trip("types.npz", &file);
    test_round_trip("empty.npz", &empty);
    test_round_trip("empty.safetensors", &empty);
    CHECK(tensorfile_add(&one, "data", TENSOR_I8, 1, shape, numbers.bytes));
    test_round_trip("one.npy", &one);
    tensorfile_free(&file);
    tensorfile_free(&one);
}

/* ---- safetensors ---- */

#define TENSOR(name, dtype, shape, offsets) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

static void test_safetensors(void)
{
    Sample sample = safetensors(" {\"__metadata__\" : {\"k\":\"\\u00e4\\ud83d\\ude00\\n\"},\n"
                                TENSOR("b", "U8", "3", "0, 3") " ," TENSOR("a", "F32", "2,1", "3,11") ","
                                TENSOR("none", "F16", "4,0", "3,3") "}  ", 11);
    sample.bytes[8] = '{', sample.bytes[9] = ' ';
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    int ok = tensorfile_decode(sample.bytes, sample.size, &file, error);
    CHECK_MSG(ok, "%s", error);
    CHECK(file.count == 3 && strcmp(file.tensors[1].name, "none") == 0 && strcmp(file.tensors[2].name, "a") == 0);
    CHECK(file.count == 3 && file.tensors[2].owned + ((uintptr_t)(sample.bytes + sample.size - 8) % 4 == 0) == 1);
    CHECK(strcmp(tensorfile_metadata(&file, "k"), "\xc3\xa4\xf0\x9f\x98\x80\n") == 0 &&
          strcmp(file.format, "safetensors") == 0);
    tensorfile_free(&file);
}

static void expect_contents(const char *what, const Sample *sample, const char *wanted);

static void test_safetensors_kinds(void)
{
    Sample sample = safetensors("{\"__metadata__\" : null ,\n" TENSOR("a", "U8", "2", "0,2") "}", 2);
    expect_contents("null metadata", &sample, "a U8[2]=0,1 ");
    sample = safetensors("{" TENSOR("a", "U16", "2,2", "0,8") "," TENSOR("b", "U32", "1", "8,12") ","
                         TENSOR("c", "U64", "", "12,20") "," TENSOR("d", "F6_E2M3", "8", "20,26") ","
                         TENSOR("e", "I8", "1", "26,27") "," TENSOR("f", "U64", "2,0", "27,27") "}", 27);
    expect_contents("foreign types", &sample, "a I32[2,2]=256,770,1284,1798 b I64[1]=185207048 "
                    "c I64[]=1.3741795969711506e+18 e I8[1]=26 f I64[2,0]= "
                    "!d(of type F6_E2M3, which has no equal here) ");
    sample.bytes[sample.size - 27 + 19] = 0x80;
    expect_contents("past 2^63", &sample, "a I32[2,2]=256,770,1284,1798 b I64[1]=185207048 e I8[1]=26 f I64[2,0]= "
                    "!c(U64 with numbers past 2^63) !d(of type F6_E2M3, which has no equal here) ");
}

static void test_safetensors_errors(void)
{
    static const struct {
        const char *header;
        size_t data_size;
        const char *error;
    } cases[] = {
        {"{" TENSOR("a", "F32", "2", "0,8") "," TENSOR("b", "F32", "1", "4,8") "}", 8, "'b' overlaps another"},
        {"{" TENSOR("a", "F32", "2", "0,8") "," TENSOR("b", "U8", "1", "9,10") "}", 10, "'b' leaves a hole"},
        {"{" TENSOR("a", "F32", "2", "4,12") "}", 12, "'a' leaves a hole: it begins at 4 where 0"},
        {"{" TENSOR("a", "F32", "2", "0,8") "}", 9, "end at data byte 8, the file at 9"},
        {"{" TENSOR("a", "F32", "2", "0,8") "}", 7, "[0, 8] are not within the 7"},
        {"{" TENSOR("a", "F32", "2", "8,0") "}", 8, "not within"},
        {"{" TENSOR("a", "F32", "3", "0,8") "}", 8, "8 bytes do not fit its dtype F32"},
        {"{" TENSOR("a", "F32", "4611686018427387904,4", "0,0") "}", 0, "do not fit"},
        {"{" TENSOR("a", "F8_E4M3", "7", "0,8") "}", 8, "8 bytes do not fit its dtype F8_E4M3"},
        {"{" TENSOR("a", "U32", "1", "0,8") "}", 8, "8 bytes do not fit its dtype U32"},
        {"{" TENSOR("a", "F4", "8", "0,4") "}", 4, "nothing in it can be held: 'a' is left out (of type F4, "},
        {"{" TENSOR("a", "F4", "8", "0,4") "," TENSOR("b", "U8", "4", "3,7") "}", 7, "'b' overlaps another"},
        {"{" TENSOR("a", "F4", "8", "0,9") "}", 4, "[0, 9] are not within the 4"},
        {"{\"__metadata__\":nul}", 0, "expected '{'"},
        {"{\"__metadata__\":null,\"__metadata__\":null}", 0, "only one __metadata__"},
        {"{" TENSOR("a", "U8", "1", "0,1") "," TENSOR("a", "U8", "1", "1,2") "}", 2, "two tensors are named 'a'"},
        {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "two metadata keys are named 'k'"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "only one __metadata__"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "byte 21: expected '\"'"},
        {"{" TENSOR("a", "U8", "1,1,1,1,1,1,1,1,1", "0,1") "}", 1, "shape of at most 8"},
        {"{" TENSOR("a", "U8", "1", "0,1,1") "}", 1, "two data_offsets"},
        {"{" TENSOR("a", "U8", "1", "0") "}", 1, "two data_offsets"},
        {"{" TENSOR("a", "U8", "-1", "0,1") "}", 1, "non-negative integer"},
        {"{" TENSOR("a", "U8", "01", "0,1") "}", 1, "non-negative integer"},
        {"{" TENSOR("a", "U8", "1.0", "0,1") "}", 1, "expected ','"},
        {"{" TENSOR("a", "U8", "99999999999999999999", "0,1") "}", 1, "below 2^63"},
        {"{" TENSOR("a", "U8", "1,", "0,1") "}", 1, "non-negative integer"},
        {"{" TENSOR("a", "U8", "1", "0,1") ",}", 1, "expected '\"'"},
        {"{" TENSOR("a", "U8", "1", "0,1") "} x", 1, "only spaces"},
        {"{" TENSOR("a", "U8", "1", "0,1"), 1, "expected ','"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "lacks dtype, shape"},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 1, "field 'dtype' is unknown or given twice"},
        {"{\"a\":{\"extra\":1}}", 1, "field 'extra' is unknown"},
        {"{\"a\":[]}", 0, "expected '{'"},
        {"{\"a\\u0000\":{}}", 0, "zero byte"},
        {"{\"a\\ud800\":{}}", 0, "surrogate"},
        {"{\"a\\ude00\":{}}", 0, "surrogate"},
        {"{\"a\\q\":{}}", 0, "one of"},
        {"{\"a\\u12g4\":{}}", 0, "hexadecimal"},
        {"{\"a\n\":{}}", 0, "UTF-8"},
        {"{\"a\xc0\x80\":{}}", 0, "UTF-8"},
        {"{\"a\xed\xa0\x80\":{}}", 0, "UTF-8"},
        {"{\"a\xf4\x90\x80\x80\":{}}", 0, "UTF-8"},
        {"{\"a", 0, "expected '\"'"},
        {"{\"a\\", 0, "an escape"},
        {"{", 0, "expected '\"'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Sample sample = safetensors(cases[i].header, cases[i].data_size);
        expect_error(&sample, cases[i].error);
    }
    Sample sample = safetensors("{}", 0);
    sample.bytes[0] = 3;
    expect_error(&sample, "header of 3 bytes, but only 2 bytes follow");
    sample.bytes[7] = 0x7F;
    expect_error(&sample, "at most 100 MB");
    sample.size = 8;
    expect_error(&sample, "too few");
    sample = safetensors("[]", 0);
    expect_error(&sample, "not a safetensors, PyTorch, .npy or .npz file");
}

/* What weights are taken for by mistake is called by its name. */
static void test_strangers(void)
{
    static const struct { const char *bytes, *says; } files[] = {
        {"\x89HDF\r\n\x1a\n....", "an HDF5 file, as Keras saves: save its weights with numpy.savez"},
        {"version https://git-lfs.github.com/spec/v1", "git lfs pull"}, {"\x1f\x8b\x08.........", "compressed (gzip)"},
        {"7z\xbc\xaf\x27\x1c......", "an archive (7z)"}, {"Rar!\x1a\x07......", "an archive (RAR)"},
        {"<!DOCTYPE html><html>", "a web page"}, {"\x89PNG\r\n\x1a\n.....", "a picture (PNG)"}, {"\xff\xd8\xff\xe0........", "a picture (JPEG)"},
        {"\x08\x07\x12\x07pytorch", "an ONNX model"}, {"{\"metadata\":{}}", "a JSON text"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        Sample sample = safetensors(files[i].bytes, 0);
        sample.size -= 8;
        memmove(sample.bytes, sample.bytes + 8, sample.size);
        expect_error(&sample, files[i].says);
    }
    Sample zeros = safetensors("            ", 0);
    memset(zeros.bytes, 0, zeros.size);
    expect_error(&zeros, "bytes are zero");
    CHECK(tensorfile_saves("a/b.safetensors") && tensorfile_saves("x.npy") && !tensorfile_saves("x.onnx") && !tensorfile_saves(".pt"));
}

/* ---- NumPy ---- */

/* A dict of arrays as NumPy 2 writes it, and as Python 2 did: raw bytes as a string, in Fortran order. */
#define RECONSTRUCT "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\1btR(K\1"
#define DTYPE(name, order) "cnumpy\ndtype\n(U\2" name "K\0K\1tR(K\3U\1" order "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
#define IN_ARRAY(item) "\x80\2" RECONSTRUCT "(t" DTYPE("O8", "|") "\x89](" item "etb."
#define PAIR_OF_BYTES(order, data) RECONSTRUCT "(K\2K\2t" DTYPE("i2", order) "\x88U" data "tb"

static void test_numpy_objects(void)
{
    char error[TENSORFILE_ERROR_SIZE] = "";
    Sample sample = of_hex(numpy_dict);
    TensorFile file;
    CHECK_MSG(tensorfile_decode(sample.bytes, sample.size, &file, error) && file.count == 2, "%s", error);
    const TensorEntry *weights = tensorfile_find(&file, "conv1.weights"), *biases = tensorfile_find(&file, "conv1.biases");
    CHECK(weights && weights->type == TENSOR_F32 && weights->rank == 2 && weights->shape[1] == 3);
    CHECK(weights && tensorfile_get(weights, 0) == 0 && tensorfile_get(weights, 5) == 5);
    CHECK(biases && biases->type == TENSOR_F64 && tensorfile_get(biases, 1) == -2);
    tensorfile_free(&file);
    static const char header[] = "{'descr': '|O', 'fortran_order': False, 'shape': (), }\n";
    static const char old[] = IN_ARRAY("}U\1x" PAIR_OF_BYTES("<", "\x08\1\0\2\0\3\0\4\0") "s");
    sample = npy(header, old, sizeof old - 1);
    CHECK_MSG(tensorfile_decode(sample.bytes, sample.size, &file, error) && file.count == 1, "%s", error);
    weights = tensorfile_find(&file, "x");
    CHECK(weights && weights->rank == 2 && tensorfile_get(weights, 1) == 3 && tensorfile_get(weights, 2) == 2);
    tensorfile_free(&file);
    static const struct { const char *pickle; size_t size; const char *error; } cases[] = {
#define CASE(text, error) {text, sizeof text - 1, error}
        CASE(IN_ARRAY("}U\1x" PAIR_OF_BYTES("<", "\x06\1\0\2\0\3\0") "s"), "6 bytes does not fit"),
        CASE(IN_ARRAY("}U\1xK\1s"), "without an array of numbers"),
        CASE(IN_ARRAY("cnumpy.core.multiarray\nscalar\n)R"), "'data' is left out (a single NumPy number)"),
        CASE(IN_ARRAY("}U\1x" RECONSTRUCT "(K\1t" DTYPE("f8", "<") "\x89" "c_codecs\nencode\n(X\1\0\0\0at" "Rtbs"),
             "'x' is left out (a NumPy array that is not"),
        CASE(IN_ARRAY("}U\1x" RECONSTRUCT "(K\1t" DTYPE("c8", "<") "\x89U\1atbs"), "NumPy type 'c8'"),
        CASE("\x80\2" RECONSTRUCT "tb.", "a NumPy array that is not understood"),
        CASE("\x80\2cnumpy.core.multiarray\n_reconstruct\n)R.", "a NumPy array without content"),
        CASE("\x80\2cnumpy\ndtype\n(U\2f4K\0K\1tR(K\3tb.", "byte order"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample = npy(header, cases[i].pickle, cases[i].size);
        expect_error(&sample, cases[i].error);
    }
}

static void expect_npy(const char *header, const void *data, size_t size, TensorType type, const double *wanted)
{
    Sample sample = npy(header, data, size);
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    int ok = tensorfile_decode(sample.bytes, sample.size, &file, error) && file.count == 1;
    CHECK_MSG(ok && file.tensors[0].type == type, "%s: %s", header, error);
    for (size_t i = 0; ok && i < tensorfile_count(file.tensors); i++)
        CHECK(tensorfile_get(file.tensors, i) == wanted[i]);
    tensorfile_free(&file);
}

static void test_npy(void)
{
    const int16_t little[6] = {1, 2, 3, 4, 5, 6}, big[2] = {0x0100, (int16_t)0xFE00};
    expect_npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }\n", little, 12, TENSOR_I16,
               (double[]){1, 2, 3, 4, 5, 6});
    expect_npy("{'descr': '<i2', 'fortran_order': True, 'shape': (2L, 3L), }", little, 12, TENSOR_I16,
               (double[]){1, 3, 5, 2, 4, 6});
    expect_npy("{\"shape\":(3,2,1),\"descr\":\"<i2\",\"fortran_order\":True}", little, 12, TENSOR_I16,
               (double[]){1, 4, 2, 5, 3, 6});
    expect_npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", big, 4, TENSOR_I16, (double[]){1, 254});
    expect_npy("{'descr': '|b1', 'fortran_order': False, 'shape': (), }", "\1", 1, TENSOR_BOOL, (double[]){1});
    expect_npy("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 3), }", "", 0, TENSOR_F32, NULL);
    expect_npy("{'descr': '<u2', 'fortran_order': True, 'shape': (3, 2), }", little, 12, TENSOR_I32,
               (double[]){1, 4, 2, 5, 3, 6});
    expect_npy("{'descr': '>u2', 'fortran_order': False, 'shape': (2,), }", big, 4, TENSOR_I32, (double[]){1, 254});
    expect_npy("{'descr': '>u4', 'fortran_order': False, 'shape': (1,), }", big, 4, TENSOR_I64, (double[]){65790});
    expect_npy("{'descr': '<u4', 'fortran_order': False, 'shape': (1, 0), }", "", 0, TENSOR_I64, NULL);
    static const char *const errors[][2] = {
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (), }", "NumPy type '<c8' is not supported"},
        {"{'descr': '<U5', 'fortran_order': False, 'shape': (), }", "NumPy type '<U5' is not supported"},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (), }", "1 data bytes do not fit its shape and type U16"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (), }", "pickle, byte 1"},
        {"{'descr': 'i2', 'fortran_order': False, 'shape': (), }", "NumPy type 'i2'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (), }", "NumPy type ''"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }", "not a structured one"},
        {"{'descr': '|u1', 'fortran_order': 0, 'shape': (), }", "True or False"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (,), }", "non-negative integer"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "at most 8"},
        {"{'descr': '|u1', 'fortran_order': False, }", "expected descr, fortran_order and shape"},
        {"{'descr': '|u1', 'descr': '|u1', 'shape': (), }", "each once"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (), } x", "only spaces"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "1 data bytes do not fit"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "1 data bytes do not fit"},
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        Sample sample = npy(errors[i][0], "\1", 1);
        expect_error(&sample, errors[i][1]);
    }
    Sample sample = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "\1", 1);
    sample.bytes[6] = 4;
    expect_error(&sample, "version 4.0");
    sample.bytes[6] = 2;
    expect_error(&sample, "header of");
}

static void test_npz(void)
{
    Sample sample = of_hex(numpy_deflated);
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    int ok = tensorfile_decode(sample.bytes, sample.size, &file, error);
    CHECK_MSG(ok, "%s", error);
    const TensorEntry *a = tensorfile_find(&file, "a"), *b = tensorfile_find(&file, "b");
    CHECK(strcmp(file.format, "npz") == 0 && file.count == 2 && a && b && a->rank == 2 && a->shape[1] == 8 &&
          a->type == TENSOR_I32);
    for (size_t i = 0; a && i < 40; i++) CHECK(tensorfile_get(a, i) == (double)(i / 3));
    CHECK(b && b->type == TENSOR_F64 && tensorfile_get(b, 1) == 2.5);
    tensorfile_free(&file);
}

/* Builds one stored zip entry with the given name and otherwise honest fields, to be damaged by the caller. */
static Sample zip_of(const char *name, const char *content)
{
    Sample sample = {{0}, 0};
    uint32_t size = (uint32_t)strlen(content), length = (uint32_t)strlen(name);
    unsigned char local[30] = "PK\3\4", entry[46] = "PK\1\2", end[22] = "PK\5\6";
    local[26] = (unsigned char)length;
    entry[28] = (unsigned char)length;
    memcpy(entry + 20, &size, 4);
    memcpy(entry + 24, &size, 4);
    end[8] = end[10] = 1;
    append(&sample, local, 30);
    append(&sample, name, length);
    append(&sample, content, size);
    uint32_t directory = (uint32_t)sample.size, directory_size = 46 + length;
    memcpy(end + 12, &directory_size, 4);
    memcpy(end + 16, &directory, 4);
    append(&sample, entry, 46);
    append(&sample, name, length);
    append(&sample, end, 22);
    return sample;
}

/* An archive of several members; size: what the directory says of the unpacked data. */
typedef struct {
    unsigned char bytes[8192], directory[2048];
    size_t size, directory_size;
    int count;
} Archive;

static void archive_add(Archive *archive, const char *name, const void *data, size_t packed, int method, uint32_t size)
{
    unsigned char local[30] = "PK\3\4", entry[46] = "PK\1\2";
    uint32_t at = (uint32_t)archive->size, stored = (uint32_t)packed;
    size_t length = strlen(name);
    local[26] = entry[28] = (unsigned char)length;
    entry[10] = (unsigned char)method;
    memcpy(entry + 20, &stored, 4);
    memcpy(entry + 24, &size, 4);
    memcpy(entry + 42, &at, 4);
    memcpy(archive->bytes + at, local, 30);
    memcpy(archive->bytes + at + 30, name, length);
    memcpy(archive->bytes + at + 30 + length, data, packed);
    archive->size += 30 + length + packed;
    memcpy(archive->directory + archive->directory_size, entry, 46);
    memcpy(archive->directory + archive->directory_size + 46, name, length);
    archive->directory_size += 46 + length;
    archive->count++;
}

static Sample archive_end(const Archive *archive)
{
    Sample sample = {{0}, 0};
    unsigned char end[22] = "PK\5\6";
    uint32_t at = (uint32_t)archive->size, size = (uint32_t)archive->directory_size;
    end[8] = end[10] = (unsigned char)archive->count;
    memcpy(end + 12, &size, 4);
    memcpy(end + 16, &at, 4);
    append(&sample, archive->bytes, archive->size);
    append(&sample, archive->directory, archive->directory_size);
    append(&sample, end, 22);
    return sample;
}

/* Arrays of other things beside arrays of numbers. */
static void test_npz_odd(void)
{
    Archive archive = {{0}, {0}, 0, 0, 0};
    static const char *const names[] = {"s.npy", "o.npy", "d.npy", "r.npy", "u.npy", "w.npy"};
    Sample arrays[6] = {
        npy("{'descr': '<U5', 'fortran_order': False, 'shape': (2,), }\n",
            "0123456789012345678901234567890123456789", 40),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", "\x80\2cposix\nsystem\n(U\2lstR.", 24),
        npy("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }\n", "01234567", 8),
        npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", "0123", 4),
        npy("{'descr': '<u4', 'fortran_order': False, 'shape': (2,), }\n", "\1\0\0\0\xff\xff\xff\xff", 8),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", "\0\0\x80\x3f", 4),
    };
    for (int i = 0; i < 6; i++)
        archive_add(&archive, names[i], arrays[i].bytes, arrays[i].size, 0, (uint32_t)arrays[i].size);
    archive_add(&archive, "readme.txt", "hello", 5, 0, 5);
    archive_add(&archive, "packed.xz", "hello", 5, 95, 50);             /* a method that nobody need know */
    Sample sample = archive_end(&archive);
#define KNOWN " is not supported (known: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1)) "
    expect_contents("odd .npz", &sample, "u I64[2]=1,4294967295 w F32[1]=1 !s(NumPy type '<U5'" KNOWN
                    "!o(NumPy type '|O'" KNOWN "!d(NumPy type '<M8[ns]'" KNOWN
                    "!r(.npy header, byte 10: expected a plain type, not a structured one) "
                    "!readme.txt(not an array (.npy)) !packed.xz(not an array (.npy)) ");
    Archive strings = {{0}, {0}, 0, 0, 0};
    archive_add(&strings, "s.npy", arrays[0].bytes, arrays[0].size, 0, (uint32_t)arrays[0].size);
    sample = archive_end(&strings);
    expect_error(&sample, "nothing in it can be held: 's' is left out (NumPy type '<U5'");
}

/* Bits from the low end, for Huffman words from their high end. */
typedef struct {
    unsigned char bytes[4096];
    size_t bits;
} Bits;

static void put_bits(Bits *out, unsigned value, int n, int high_first)
{
    for (int i = 0; i < n; i++, out->bits++)
        out->bytes[out->bits / 8] |= (unsigned char)((value >> (high_first ? n - 1 - i : i) & 1) << out->bits % 8);
}

/* Zeros packed at 158 to 1, behind a true header: unpacked only within the limit, which the caller may set. */
static void test_npz_bomb(void)
{
    Sample header = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (258000,), }\n", "", 0);
    Bits bits = {{0}, 0};
    put_bits(&bits, 1, 1, 0);
    put_bits(&bits, 1, 2, 0);                               /* the fixed code */
    for (size_t i = 0; i < header.size; i++) {
        unsigned byte = header.bytes[i];
        put_bits(&bits, byte < 144 ? 0x30 + byte : 0x190 + byte - 144, byte < 144 ? 8 : 9, 1);
    }
    for (int i = 0; i < 258; i++) put_bits(&bits, 0x30, 8, 1);
    for (int i = 0; i < 999; i++) {
        put_bits(&bits, 0xC5, 8, 1);                        /* 258 bytes ... */
        put_bits(&bits, 0, 5, 1);                           /* ... from one byte back */
    }
    put_bits(&bits, 0, 7, 1);
    Archive archive = {{0}, {0}, 0, 0, 0};
    archive_add(&archive, "z.npy", bits.bytes, (bits.bits + 7) / 8, 8, (uint32_t)header.size + 258000);
    Sample sample = archive_end(&archive);
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    static const uint64_t limits[] = {0, 600000, 300000, 100000, 1000};
    for (int i = 0; i < 5; i++) {
        int ok = tensorfile_decode_within(sample.bytes, sample.size, limits[i], &file, error);
        CHECK_MSG(ok == (i < 2), "limit %d: %s", (int)limits[i], error);
        CHECK(ok ? file.count == 1 && tensorfile_count(file.tensors) == 258000 : strstr(error, "limit") != NULL);
        tensorfile_free(&file);
    }
    /* By its directory alone: 600 kB that say they are 560 MB is what deflate could do, and more than is allowed. */
    size_t packed = 600000, size = 30 + 5 + packed + 46 + 5 + 22;
    unsigned char *large = (unsigned char *)calloc(1, size);
    if (!large) return;
    uint32_t sizes[2] = {(uint32_t)packed, 560000000}, directory[2] = {51, (uint32_t)(30 + 5 + packed)};
    memcpy(large, "PK\3\4", 4);
    large[26] = 5;
    memcpy(large + 30, "z.npy", 5);
    unsigned char *entry = large + 35 + packed;
    memcpy(entry, "PK\1\2", 4);
    entry[10] = 8;
    memcpy(entry + 20, sizes, 8);
    entry[28] = 5;
    memcpy(entry + 46, "z.npy", 5);
    memcpy(entry + 51, "PK\5\6", 4);
    entry[51 + 8] = entry[51 + 10] = 1;
    memcpy(entry + 51 + 12, directory, 8);
    CHECK(!tensorfile_decode(large, size, &file, error) && strstr(error, "(560000000 bytes) would take more memory"));
    free(large);
}

/* A torch archive whose pickle is deflated: an array inside it must not point into what is freed. */
static void test_array_in_packed_pickle(void)
{
    static const char program[] = "}X\1\0\0\0a" RECONSTRUCT "K\2\x85" DTYPE("f4", "<")
                                  "\x89U\x08\0\0\x80\x3f\0\0\0@tbs.";
    unsigned char packed[sizeof program + 5] = {1, sizeof program - 1, 0, (unsigned char)~(sizeof program - 1), 0xFF};
    memcpy(packed + 5, program, sizeof program - 1);
    Archive archive = {{0}, {0}, 0, 0, 0};
    archive_add(&archive, "x/data.pkl", packed, 5 + sizeof program - 1, 8, sizeof program - 1);
    Sample sample = archive_end(&archive);
    expect_contents("array in a deflated pickle", &sample, "a F32[2]=1,2 ");
}

static void test_zip_errors(void)
{
    Sample sample = zip_of("readme.txt", "hello");
    size_t entry = 30 + 10 + 5;
    expect_error(&sample, "neither of torch.save nor of numpy.savez: it holds 'readme.txt'");
    sample.bytes[sample.size - 1] = 9;
    expect_error(&sample, "without an end record");
    sample = zip_of("hello.npy", "hello");
    entry = 30 + 9 + 5;
    expect_error(&sample, "'hello.npy': not an .npy file");
    sample.bytes[entry + 16] = 1;
    expect_error(&sample, "CRC-32 differs");
    sample.bytes[entry + 10] = 12;
    expect_error(&sample, "other than deflate");
    sample.bytes[entry + 8] = 1;
    expect_error(&sample, "is encrypted");
    sample = zip_of("hello.npy", "hello");
    sample.bytes[entry + 10] = 8;
    expect_error(&sample, "damaged deflate data");
    sample.bytes[entry + 26] = 255;
    expect_error(&sample, "larger than deflate could make it");
    sample = zip_of("hello.npy", "hello");
    sample.bytes[entry + 20] = 200;
    expect_error(&sample, "exceeds the file, or entries overlap");
    sample.bytes[entry + 20] = 4;
    expect_error(&sample, "two sizes differ");
    sample.bytes[entry + 42] = 4;
    expect_error(&sample, "no local header");
    sample = zip_of("hello.npy", "hello");
    sample.bytes[sample.size - 12] = 2;
    expect_error(&sample, "zip directory does not fit the file: 2 entries");
    sample = zip_of("model/data.pkl", ".");
    expect_error(&sample, "stack is empty");
    sample = zip_of("model/data.pkl", "(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI1\ntQ.");
    expect_error(&sample, "'model/data/0' is missing");
}

/* ---- PyTorch ---- */

static void test_torch(const char *hex, const char *format)
{
    static const char *const names[] = {"weight", "inner.row", "inner.bias", "list.0"};
    static const double weight[6] = {0, 3, 1, 4, 2, 5};
    Sample sample = of_hex(hex);
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    int ok = tensorfile_decode(sample.bytes, sample.size, &file, error);
    CHECK_MSG(ok, "%s", error);
    CHECK(file.format && strcmp(file.format, format) == 0 && file.count == 4);
    if (file.count != 4) return;
    for (size_t i = 0; i < 4; i++) CHECK(strcmp(file.tensors[i].name, names[i]) == 0);
    const TensorEntry *t = file.tensors;
    CHECK(t[0].type == TENSOR_F32 && t[0].rank == 2 && t[0].shape[0] == 3 && t[0].shape[1] == 2 && t[0].owned);
    for (size_t i = 0; i < 6; i++) CHECK(tensorfile_get(&t[0], i) == weight[i]);
    CHECK(t[1].rank == 1 && t[1].bytes == 8 && tensorfile_get(&t[1], 0) == 1 && tensorfile_get(&t[1], 1) == 4);
    CHECK(t[2].type == TENSOR_F16 && tensorfile_get(&t[2], 0) == 1.5 && tensorfile_get(&t[2], 1) == -2);
    CHECK(t[3].type == TENSOR_I64 && t[3].rank == 0 && tensorfile_get(&t[3], 0) == 7);
    tensorfile_free(&file);
}

#define STORAGE "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuK\4tQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n("

static void test_pickle_errors(void)
{
#define PROGRAM(text, error) {text, sizeof text - 1, error}
    static const struct {
        const char *program;
        size_t size;
        const char *error;
    } cases[] = {
        PROGRAM("", "stack is empty"),
        PROGRAM("cposix\nsystem\nX\4\0\0\0true\x85R", "no tensors but a pickled object (posix.system)"),
        PROGRAM("ctorch.storage\n_load_from_bytes\nC\1x\x85R", "no tensors but a pickled object (torch.storage._load"),
        PROGRAM("ctorch._utils\n_rebuild_sparse_tensor\n)R", "'data' is left out (a sparse tensor)"),
        PROGRAM(REBUILD "K\1K\0)))tR", "not from an integer"),
        PROGRAM(REBUILD STORAGE "K\0K\5\x85K\1\x85tR", "past the end of its storage of 4"),
        PROGRAM(REBUILD STORAGE "K\4K\1\x85K\1\x85tR", "past the end"),
        PROGRAM(REBUILD STORAGE "K\0K\2K\3\x86K\2K\1\x86tR", "past the end"),
        PROGRAM(REBUILD STORAGE "K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\2\x86K\1K\1\x86tR", "past the end"),
        PROGRAM(REBUILD STORAGE "K\0K\2\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85tR", "past the end"),
        PROGRAM(REBUILD STORAGE "K\0K\2\x85)tR", "size and stride"),
        PROGRAM(REBUILD STORAGE "K\0K\2\x85J\xff\xff\xff\xff\x85tR", "size and stride"),
        PROGRAM(REBUILD STORAGE "J\xff\xff\xff\xffK\2\x85K\1\x85tR", "size and stride"),
        PROGRAM(STORAGE, "storage '0' has no data"),
        PROGRAM("(X\7\0\0\0storagectorch\nComplexFloatStorage\nX\1\0\0\0"
                "0X\3\0\0\0cpuK\4tQ",
                "storage '0' has no data"),
        PROGRAM("K\1Q", "persistent id must be"),
        PROGRAM("P0\n", "opcode 0x50 is not supported"),
        PROGRAM("\x80\6", "protocol 6"),
        PROGRAM("h\5", "memo 5 is empty"),
        PROGRAM("Nr\xff\xff\xff\x7f", "memo index too large"),
        PROGRAM("t", "no mark"),
        PROGRAM("(0a", "stack is empty"),
        PROGRAM("K\1K\2a", "items for a list, but it is an integer"),
        PROGRAM("}(K\1u", "key without a value"),
        PROGRAM("X\xff\xff\xff\x7f", "cut short"),
        PROGRAM("I1x\n", "decimal number"),
        PROGRAM("NNR", "arguments must be a tuple"),
        PROGRAM("]q\0h\0a", "nests deeper than 64"),
        PROGRAM("}NN\x86]Nas", "'(a tuple)' is left out (its key is"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Sample sample = pickle(cases[i].program, cases[i].size);
        expect_error(&sample, cases[i].error);
    }
}

/* Everything in a file as one text: "name TYPE[sides]=numbers " for a tensor, "!name(reason) " for what is left out. */
static void describe(const TensorFile *file, char *text, size_t room)
{
    size_t n = 0;
#define SAY(...) n += n < room ? (size_t)snprintf(text + n, room - n, __VA_ARGS__) : 0
    text[0] = 0;
    for (size_t i = 0; i < file->count; i++) {
        const TensorEntry *t = &file->tensors[i];
        SAY("%s %s[", t->name, tensorfile_type_name(t->type));
        for (int d = 0; d < t->rank; d++) SAY(d ? ",%lld" : "%lld", (long long)t->shape[d]);
        SAY("]=");
        for (size_t j = 0; j < tensorfile_count(t); j++) SAY(j ? ",%.17g" : "%.17g", tensorfile_get(t, j));
        SAY(" ");
    }
    for (size_t i = 0; i < file->n_skipped; i++) SAY("!%s(%s) ", file->skipped[i].name, file->skipped[i].reason);
#undef SAY
}

static void expect_contents(const char *what, const Sample *sample, const char *wanted)
{
    char error[TENSORFILE_ERROR_SIZE] = "", text[4096] = "";
    void *copy;
    TensorFile file;
    int ok = decode_exact(sample->bytes, sample->size, &file, error, &copy);
    if (ok) describe(&file, text, sizeof text);
    CHECK_MSG(ok && strcmp(text, wanted) == 0, "%.60s: '%.200s' expected, not '%.200s'", what, wanted,
              ok ? text : error);
    tensorfile_free(&file);
    CHECK(file.skipped == NULL && file.n_skipped == 0);
    free(copy);
}

/* A legacy file of one dict: "w" is a tensor of four floats, and beside it are the given items. Behind it come the
 * storages: "1" of 16 bytes, then "0" with the floats. `mentioned`: whether the items use storage "1". */
static Sample beside(const char *items, size_t size, int mentioned)
{
    static const char weight[] = "X\1\0\0\0w" REBUILD STORAGE "K\0K\4\x85K\1\x85tR";
    static const float values[4] = {1, 2, 3, 4};
    char program[4096] = "}(";
    memcpy(program + 2, items, size);
    memcpy(program + 2 + size, weight, sizeof weight - 1);
    program[2 + size + sizeof weight - 1] = 'u';
    Sample sample = pickle(program, 2 + size + sizeof weight);
    sample.size -= 2;                                       /* the empty list of keys gets them */
    if (mentioned) append(&sample, "](U\1" "1U\1" "0e.\2\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08\0\0\0\0\0\0\0\x80", 34);
    if (mentioned && memmem(items, size, "Untyped", 7)) sample.bytes[sample.size - 24] = 16;
    if (!mentioned) append(&sample, "]U\1" "0a.", 6);
    append(&sample, "\4\0\0\0\0\0\0\0", 8);
    append(&sample, values, sizeof values);
    return sample;
}

#define W " F32[4]=1,2,3,4 "
#define KEY(letter) "X\1\0\0\0" letter
#define OTHER(type, count) "(X\7\0\0\0storage" type "X\1\0\0\0" "1X\3\0\0\0cpuK" count "tQ"
#define UNTYPED OTHER("ctorch.storage\nUntypedStorage\n", "\x10")
#define REBUILD3 "ctorch._utils\n_rebuild_tensor_v3\n("
#define LATIN(length, text) "c_codecs\nencode\n(X" length "\0\0\0" text "X\6\0\0\0latin1tR"
#define ARRAY(type, order, length, text) RECONSTRUCT "K\2\x85" DTYPE(type, order) "\x89" LATIN(length, text) "tb"

/* One odd item beside the weights: the weights are read, the item is read if it can be, and else named. */
static void test_odd_items(void)
{
#define ITEM(text, mentioned, wanted) {text, sizeof text - 1, mentioned, wanted}
    static const struct {
        const char *items;
        size_t size;
        int mentioned;
        const char *wanted;
    } cases[] = {
        ITEM("", 0, "w" W),
        ITEM(KEY("a") "K\1" KEY("b") "G........" KEY("c") "N" KEY("d") KEY("x"), 0, "w" W),      /* Python's own */
        ITEM(KEY("a") "cnumpy.core.multiarray\nscalar\n(" DTYPE("f8", "<") LATIN("\x08", "abcdefgh") "tR", 0,
             "w" W "!a(a single NumPy number) "),
        ITEM(KEY("a") ARRAY("u4", "<", "\x0A", "\1\0\0\0\xc3\xbf\xc3\xbf\0\0"), 0, "a I64[2]=1,65535 w" W),
        ITEM(KEY("a") ARRAY("f4", ">", "\x0A", "\xc2\xbf\xc2\x80\0\0@\0\0\0"), 0, "a F32[2]=-1,2 w" W),
        ITEM(KEY("a") ARRAY("c4", "<", "\x08", "abcdefgh"), 0, "w" W "!a(an array of NumPy type 'c4') "),
        ITEM(KEY("a") "cnumpy._core.numeric\n_frombuffer\n(C\4\1\0\2\0" DTYPE("u2", "<") "K\2\x85" KEY("C") "tR", 0,
             "a I32[2]=1,2 w" W),
        ITEM(KEY("a") RECONSTRUCT "K\0\x85" DTYPE("f8", "<") "\x89" "c__builtin__\nbytes\n)Rtb", 0, "a F64[0]= w" W),
        ITEM(KEY("a") "c__main__\nNet\n)\x81}X\1\0\0\0xK\1sb", 0, "w" W "!a(a Python object (__main__.Net)) "),
        ITEM(KEY("a") "(i__main__\nOld\n}b", 0, "w" W "!a(a Python object (__main__.Old)) "),
        ITEM(KEY("a") "(c__main__\nOld\nK\1o", 0, "w" W "!a(a Python object (__main__.Old)) "),
        ITEM(KEY("a") "cposix\nsystem\nX\4\0\0\0true\x85R", 0, "w" W "!a(a Python object (posix.system)) "),
        ITEM(KEY("a") "c__main__\nMyDict\n)\x81X\1\0\0\0v" REBUILD STORAGE "K\1K\2\x85K\1\x85tRs", 0,
             "a.v F32[2]=2,3 w" W),
        ITEM(KEY("a") "}c__main__\nModelCheckpoint\n}X\1\0\0\0s" REBUILD STORAGE "K\3))tRss", 0,
             "a.__main__.ModelCheckpoint.s F32[]=4 w" W),
        ITEM(KEY("a") "}(NN\x86" REBUILD STORAGE "K\0K\2\x85K\1\x85tRK\7" REBUILD STORAGE "K\1))tRu", 0,
             "a.7 F32[]=2 w" W "!a.(a tuple)(its key is neither a string nor a number nor a class) "),
        ITEM(KEY("a") "S'a\\x41'\n", 0, "w" W),
        ITEM(KEY("w") "]" KEY("x") REBUILD STORAGE "K\2))tR", 0, "x F32[]=3 w" W),
        ITEM(KEY("w") REBUILD STORAGE "K\2))tR", 0, "w F32[]=3 !w(another tensor has the same name) "),
        ITEM("X\2\0\0\0a\0" REBUILD STORAGE "K\2))tR", 0, "w" W "!a?(its name has a zero byte) "),
        ITEM(KEY("a") "c__builtin__\nset\n]\x85R", 0, "w" W "!a(a Python object (__builtin__.set)) "),
        ITEM(KEY("a") "\x8f(K\1\x90", 0, "w" W "!a(a Python object) "),
        ITEM(KEY("a") "ctorch._utils\n_rebuild_sparse_tensor\n(K\1tR", 0, "w" W "!a(a sparse tensor) "),
        ITEM(KEY("a") "ctorch._utils\n_rebuild_qtensor\n)R", 0, "w" W "!a(a quantised tensor) "),
        ITEM(KEY("a") REBUILD OTHER("ctorch\nComplexFloatStorage\n", "\2") "K\0K\2\x85K\1\x85tR", 1,
             "w" W "!a(a tensor of torch.ComplexFloatStorage, which has no equal here) "),
        ITEM(KEY("a") "ctorch._utils\n_rebuild_parameter\n(" REBUILD OTHER("ctorch\nComplexFloatStorage\n", "\2")
             "K\0K\2\x85K\1\x85tR\x88)tR", 1,
             "w" W "!a(a tensor of torch.ComplexFloatStorage, which has no equal here) "),
        ITEM(KEY("a") OTHER("ctorch\nComplexFloatStorage\n", "\2"), 1, "w" W "!a(a storage without a tensor) "),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\1K\3\x85K\1\x85\x89)ctorch\nuint16\ntR", 1, "a I32[3]=1027,1541,2055 w" W),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\0K\2\x85K\2\x85\x89)ctorch\nuint32\ntR", 1,
             "a I64[2]=67305985,0 w" W),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\0K\1\x85K\1\x85\x89)ctorch\nuint64\ntR", 1,
             "a I64[1]=5.784376957523072e+17 w" W),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\1K\1\x85K\1\x85\x89)ctorch\nuint64\ntR", 1,
             "w" W "!a(U64 with numbers past 2^63) "),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\7K\2\x85K\x08\x85\x89)ctorch\nfloat8_e4m3fn\ntR", 1,
             "a F16[2]=0.015625,-0 w" W),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\3K\2\x85K\x0c\x85\x89)ctorch\nfloat8_e5m2\ntR", 1,
             "a F16[2]=6.103515625e-05,-0 w" W),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\0K\2\x85K\1\x85\x89)ctorch\nint16\ntR", 1, "a I16[2]=513,1027 w" W),
        ITEM(KEY("a") REBUILD3 UNTYPED "K\0K\2\x85K\1\x85\x89)ctorch\nfloat8_e8m0fnu\ntR", 1,
             "w" W "!a(a tensor of torch.float8_e8m0fnu, which has no equal here) "),
        ITEM(KEY("a") "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nc__main__\nSub\n("
             STORAGE "K\1K\2\x85K\1\x85t}tR", 0, "a F32[2]=2,3 w" W),
        ITEM(KEY("a") REBUILD STORAGE "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1ttR", 0,
             "w" W "!a(a tensor of more than 8 dimensions) "),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[32];
        snprintf(what, sizeof what, "odd item %d", (int)i);
        Sample sample = beside(cases[i].items, cases[i].size, cases[i].mentioned);
        expect_contents(what, &sample, cases[i].wanted);
    }
    static const char past[] = KEY("a") REBUILD3 UNTYPED "K\6K\3\x85K\1\x85\x89)ctorch\nuint16\ntR";
    static const char unknown[] = KEY("a") OTHER("ctorch\nNewStorage\n", "\2");
    Sample sample = beside(past, sizeof past - 1, 1);
    expect_error(&sample, "past the end of its storage of 8 elements");
    sample = beside(unknown, sizeof unknown - 1, 1);
    expect_error(&sample, "storage type torch.NewStorage is not known");
    Sample deep = {"]", 1};                                 /* a list in a list in a list ... beside the weights */
    for (int i = 0; i < 200; i++) append(&deep, "(", 1);
    append(&deep, "K\1", 2);
    for (int i = 0; i < 200; i++) append(&deep, "t", 1);
    Sample items = {"X\1\0\0\0a", 6};
    append(&items, deep.bytes + 1, deep.size - 1);
    sample = beside((char *)items.bytes, items.size, 0);
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    CHECK_MSG(tensorfile_decode(sample.bytes, sample.size, &file, error) && file.count == 1, "%s", error);
    CHECK(file.n_skipped == 1 && strcmp(file.skipped[0].reason, "nests deeper than 64 levels") == 0);
    tensorfile_free(&file);
}

/* All 256 numbers of both float8 types, against their definition. */
static void test_float8(void)
{
    Sample sample = safetensors("{" TENSOR("a", "F8_E4M3", "256", "0,256") ","
                                TENSOR("b", "F8_E5M2", "256", "256,512") "}", 512);
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    int right = 0;
    CHECK_MSG(tensorfile_decode(sample.bytes, sample.size, &file, error) && file.count == 2, "%s", error);
    for (int i = 0; i < 256 && file.count == 2; i++)
        for (int kind = 0; kind < 2; kind++) {
            int bits = kind ? 2 : 3, bias = kind ? 15 : 7, e = (i & 127) >> bits, m = i & ((1 << bits) - 1);
            double wanted = e ? ldexp(1 + ldexp(m, -bits), e - bias) : ldexp(m, 1 - bias - bits);
            double got = tensorfile_get(&file.tensors[kind], (size_t)i);
            if (kind && e == 31 && m == 0) wanted = INFINITY;
            if (i & 128) wanted = -wanted;
            int nan = kind ? e == 31 && m : (i & 127) == 127;
            right += nan ? isnan(got) : got == wanted && signbit(got) == signbit(wanted);
        }
    CHECK(right == 512);
    tensorfile_free(&file);
}

/* What torch before 1.0 and Python 2 wrote: an OrderedDict made from pairs, a storage that is a part of another one. */
static void test_old_torch(void)
{
    static const char program[] = "ccollections\nOrderedDict\n(]]U\1wa" REBUILD
                                  "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuK\4"
                                  "(X\1\0\0\0vK\1K\2ttQK\0K\2\x85K\1\x85tRaatR";
    static const float values[4] = {1, 2, 3, 4};
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    Sample sample = pickle(program, sizeof program - 1);
    sample.size -= 2;                                       /* the empty list of keys becomes ["0"] */
    append(&sample, "]U\1" "0a.\4\0\0\0\0\0\0\0", 14);
    append(&sample, values, sizeof values);
    int ok = tensorfile_decode(sample.bytes, sample.size, &file, error);
    CHECK_MSG(ok && file.count == 1 && strcmp(file.tensors[0].name, "w") == 0, "%s", error);
    CHECK(ok && tensorfile_count(file.tensors) == 2 && tensorfile_get(file.tensors, 1) == 3);
    tensorfile_free(&file);
    unsigned char *part = (unsigned char *)memmem(sample.bytes, sample.size, "vK\1K\2", 5);
    CHECK(part != NULL);
    if (!part) return;
    part[4] = 4;
    expect_error(&sample, "part of a storage reaches past its end");
}

/* Sixty lists, each holding the one before it twice: 2^60 visits if nobody counts. */
static void test_pickle_bomb(void)
{
    Sample program = {"]q\0", 3};
    for (int i = 0; i < 60; i++)
        append(&program, (char[]){'0', ']', 'q', (char)(i + 1), '(', 'h', (char)i, 'h', (char)i, 'e'}, 10);
    Sample sample = pickle((char *)program.bytes, program.size);
    expect_error(&sample, "repeats its values too often");
}

static void test_other_files(void)
{
    Sample tar = {"sys_info", 1024}, plain = {"\x80\2}q\0.........", 14};
    memcpy(tar.bytes + 257, "ustar", 5);
    expect_error(&tar, "tar archive");
    expect_error(&plain, "a plain pickle");
}

/* ---- damage ---- */

static void test_damage(const char *name, const Sample *sample)
{
    char error[TENSORFILE_ERROR_SIZE];
    void *copy;
    TensorFile file;
    int short_successes = 0, silent = 0, total = 0;
    for (size_t size = 0; size < sample->size; size++) {
        short_successes += decode_exact(sample->bytes, size, &file, error, &copy);
        tensorfile_free(&file);
        free(copy);
    }
    CHECK_MSG(short_successes == 0, "%s: %d truncations were accepted", name, short_successes);
    for (size_t bit = 0; bit < sample->size * 8; bit++) {
        Sample flipped = *sample;
        flipped.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        error[0] = 0;
        int ok = decode_exact(flipped.bytes, flipped.size, &file, error, &copy);
        silent += !ok && (!error[0] || file.count || file.tensors);
        for (size_t i = 0; i < file.count; i++)
            for (size_t j = 0; j < tensorfile_count(&file.tensors[i]); j++)
                total += tensorfile_get(&file.tensors[i], j) > 0;       /* so that every element is read */
        tensorfile_free(&file);
        free(copy);
    }
    CHECK_MSG(silent == 0 && total > 0, "%s: %d failures without a message", name, silent);
}

static void test_all_damage(void)
{
    char error[TENSORFILE_ERROR_SIZE];
    TensorFile file = all_types();
    for (size_t i = file.count; i-- > 0;)                       /* a smaller file: only the first shape of each type */
        if (!strstr(file.tensors[i].name, ".0")) {
            free(file.tensors[i].name);
            file.tensors[i] = file.tensors[--file.count];
        } else if (file.tensors[i].type == TENSOR_BF16) file.tensors[i].type = TENSOR_F16;
    CHECK(tensorfile_set_metadata(&file, "key", "value") && tensorfile_save(path_of("a.safetensors"), &file, error));
    CHECK(tensorfile_save(path_of("a.npz"), &file, error));
    Sample samples[6] = {of_hex(torch_zip), of_hex(torch_legacy), of_hex(numpy_deflated)};
    samples[3].size = read_file(path_of("a.safetensors"), samples[3].bytes, sizeof samples[3].bytes);
    samples[4].size = read_file(path_of("a.npz"), samples[4].bytes, sizeof samples[4].bytes);
    samples[5] = npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", numbers.bytes, 12);
    for (int i = 0; i < 6; i++) {
        static const char *const names[] = {"torch zip",   "torch legacy", "deflated .npz",
                                            "safetensors", ".npz",         ".npy"};
        CHECK(samples[i].size > 0 && samples[i].size < sizeof samples[i].bytes);
        test_damage(names[i], &samples[i]);
    }
    remove(path_of("a.safetensors"));
    remove(path_of("a.npz"));
    tensorfile_free(&file);
}

/* ---- files and disks ---- */

static void expect_save_error(const char *path, const TensorFile *file, const char *wanted)
{
    char error[TENSORFILE_ERROR_SIZE] = "";
    int before = files_in_folder();
    int ok = tensorfile_save(path, file, error);
    CHECK_MSG(!ok && strstr(error, wanted), "'%s' expected, not '%.200s'", wanted, ok ? "success" : error);
    CHECK(files_in_folder() == before);
}

/* A stream gets the bytes that the file has; one that takes none is an error. */
static void test_save_to(const char *name, const TensorFile *file)
{
    static unsigned char saved[200000], streamed[200000];
    char error[TENSORFILE_ERROR_SIZE] = "";
    size_t size = read_file(path_of(name), saved, sizeof saved);
    FILE *to = tmpfile(), *full = fopen("/dev/full", "wb");
    CHECK(to && tensorfile_save_to(to, name, file, error));
    rewind(to);
    CHECK(fread(streamed, 1, sizeof streamed, to) == size && memcmp(saved, streamed, size) == 0);
    CHECK(full && !tensorfile_save_to(full, name, file, error) && strstr(error, name) && strstr(error, "write failed"));
    CHECK(!tensorfile_save_to(full, "x.onnx", file, error) && strstr(error, "must end in"));
    fclose(to), fclose(full);
}

static void test_disk_full(const char *name)
{
    static unsigned char before[4096], after[4096], data[100000];
    char error[TENSORFILE_ERROR_SIZE] = "";
    int64_t small = 4, large = sizeof data;
    TensorFile old_file = {0}, new_file = {0};
    struct rlimit limit, restricted;
    CHECK(tensorfile_add(&old_file, "data", TENSOR_U8, 1, &small, data) &&
          tensorfile_add(&new_file, "data", TENSOR_U8, 1, &large, data));
    CHECK(tensorfile_save(path_of(name), &old_file, error));
    size_t size = read_file(path_of(name), before, sizeof before);
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    restricted = limit;
    restricted.rlim_cur = 50000;
    CHECK(setrlimit(RLIMIT_FSIZE, &restricted) == 0);
    expect_save_error(path_of(name), &new_file, "write failed after");
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, SIG_DFL);
    CHECK(size > 0 && read_file(path_of(name), after, sizeof after) == size && memcmp(before, after, size) == 0);
    CHECK(tensorfile_save(path_of(name), &new_file, error) && files_in_folder() == 1);
    test_save_to(name, &new_file);
    remove(path_of(name));
    tensorfile_free(&old_file);
    tensorfile_free(&new_file);
}

static void test_save_errors(void)
{
    int64_t shape = 4;
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file = {0}, bad = {0}, reserved = {0};
    CHECK(tensorfile_add(&file, "data", TENSOR_U8, 1, &shape, numbers.bytes));
    CHECK(tensorfile_add(&bad, "\xff", TENSOR_U8, 1, &shape, numbers.bytes));
    CHECK(tensorfile_add(&reserved, "__metadata__", TENSOR_U8, 1, &shape, numbers.bytes));
    expect_save_error(path_of("x.onnx"), &file, "must end in .safetensors, .pt, .pth, .ckpt, .npz or .npy");
    expect_save_error(path_of("x.pt"), &bad, "UTF-8");
    expect_save_error(path_of("missing/x.npz"), &file, "No such file");
    expect_save_error(path_of("x.safetensors"), &bad, "UTF-8");
    expect_save_error(path_of("x.npz"), &bad, "UTF-8");
    expect_save_error(path_of("x.safetensors"), &reserved, "__metadata__");
    CHECK(tensorfile_save(path_of("x.npy"), &file, error));
    expect_save_error(path_of("x.npy/y.npy"), &file, "Not a directory");
    CHECK(tensorfile_add(&file, "second", TENSOR_U8, 1, &shape, numbers.bytes));
    expect_save_error(path_of("x.npy"), &file, ".npy holds one tensor, not 2");
    CHECK(mkdir(path_of("d.npz"), 0777) == 0);
    expect_save_error(path_of("d.npz"), &file, "cannot be replaced");
    remove(path_of("d.npz"));
    remove(path_of("x.npy"));
    tensorfile_free(&file);
    tensorfile_free(&bad);
    tensorfile_free(&reserved);
}

static void expect_load_error(const char *path, const char *wanted)
{
    char error[TENSORFILE_ERROR_SIZE] = "";
    TensorFile file;
    int ok = tensorfile_load(path, &file, error);
    CHECK_MSG(!ok && strstr(error, wanted), "'%s' expected, not '%.200s'", wanted, ok ? "success" : error);
    CHECK(!tensorfile_load(path, &file, NULL) && file.count == 0);
}

static void test_load_errors(void)
{
    expect_load_error(path_of("missing.npy"), "missing.npy: No such file");
    expect_load_error(folder, "not a regular file but a folder");
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK(mkfifo(path_of("pipe.pt"), 0600) == 0);
    expect_load_error(path_of("pipe.pt"), "not a regular file but a pipe");
    expect_load_error("/dev/zero", "not a regular file but a device");
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path_of("socket.pt"));
    int named = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(named >= 0 && bind(named, (struct sockaddr *)&address, sizeof address) == 0);
    expect_load_error(path_of("socket.pt"), "device or a socket");
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK(end.tv_sec - start.tv_sec < 5);                   /* at once: nobody waits for a pipe's writer */
    close(named);
    remove(path_of("socket.pt"));
    remove(path_of("pipe.pt"));
    FILE *stream = fopen(path_of("empty.pt"), "wb");
    if (stream) fclose(stream);
    expect_load_error(path_of("empty.pt"), "the file is empty");
    stream = fopen(path_of("empty.pt"), "wb");
    if (stream) fclose((fputs("what is \x1b[31m this?", stream), stream));
    expect_load_error(path_of("empty.pt"), "not a safetensors, PyTorch, .npy or .npz file");
    expect_load_error(path_of("empty.pt/x"), "Not a directory");
    remove(path_of("empty.pt"));
}

/* What stands before a name, in files in which a training wrapped its network or saved several. */
static void test_prefix(void)
{
    static const struct { const char *names[3], *prefix; int found; } files[] = {
        {{"main.weight"}, "", 1},
        {{"domain.weight"}, "", 0},
        {{"a.domain.weight", "module.main.weight"}, "module.", 1},
        {{"long.a.main.weight", "b.main.weight"}, "b.", 2},
        {{"generator.main.weight", "g_ema.main.weight", "main.weight"}, "g_ema.", 3}};
    static const char *const wanted[] = {"ema", "generator"};
    static const float numbers[12];
    const int64_t shape[2] = {3, 4};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        TensorFile file = {0};
        char prefix[TENSORFILE_PREFIX];
        for (int k = 0; k < 3 && files[i].names[k]; k++)
            CHECK(tensorfile_add(&file, files[i].names[k], TENSOR_F32, 2, shape, numbers));
        CHECK(tensorfile_prefix(&file, "main.weight", 2, (int64_t[]){0, 4}, wanted, 2, prefix) == files[i].found);
        CHECK(strcmp(prefix, files[i].prefix) == 0);
        CHECK(tensorfile_prefix(&file, "main.weight", 2, (int64_t[]){4, 4}, wanted, 2, prefix) == 0 && !*prefix);
        CHECK(tensorfile_prefix(&file, "main.weight", 1, shape, wanted, 2, prefix) == 0);
        tensorfile_free(&file);
    }
}

static void test_words(void)
{
    static const char *const names[] = {"a/block10/w", "a/block1/b", "a/block1/w", "block1"};
    static const float numbers[4] = {0};
    const int64_t shape[2] = {2, 2};
    TensorFile file = {0};
    for (int i = 0; i < 4; i++) CHECK(tensorfile_add(&file, names[i], TENSOR_F32, i == 1 ? 1 : 2, shape, numbers));
    CHECK(tensorfile_with_word(&file, "block1", 2) == tensorfile_find(&file, "a/block1/w"));
    CHECK(tensorfile_with_word(&file, "block1", 1) == tensorfile_find(&file, "a/block1/b"));
    CHECK(tensorfile_with_word(&file, "block10", 2) == tensorfile_find(&file, "a/block10/w"));
    CHECK(!tensorfile_with_word(&file, "block1", 3) && !tensorfile_with_word(&file, "lock", 2));
    tensorfile_free(&file);
}

static void test_exchange(void)
{
    const float numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, rows[12] = {8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3},
                columns[12] = {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9};           /* (3,2,2), and its first two axes exchanged */
    const TensorEntry entry = {.type = TENSOR_F32, .rank = 3, .shape = {3, 2, 2}, .bytes = sizeof numbers, .data = numbers};
    float out[12];
    tensorfile_exchange(&entry, 0, 0, 2, out);
    CHECK(memcmp(out, rows, sizeof out) == 0);
    tensorfile_exchange(&entry, 1, 0, 1, out);
    CHECK(memcmp(out, columns, sizeof out) == 0);
    tensorfile_exchange(&entry, 2, 1, 1, out);
    CHECK(memcmp(out, numbers, sizeof out) == 0);
}

/* The middle axis of "G.a". */
static int axis_of_a(const TensorEntry *entry) { return strcmp(entry->name, "G.a") == 0 ? 1 : -1; }

/* Of four tensors what is asked for, as it is or changed; what the file says of itself comes with it. */
/* So many that to look for each among all would take minutes. */
static void test_take_many(void)
{
    enum { MANY = 200000 };
    char error[TENSORFILE_ERROR_SIZE];
    TensorFile from = {0}, taken = {0};
    TensorEntry *tensors = calloc(MANY, sizeof *tensors);
    for (int i = 0; tensors && i < MANY; i++) {
        tensors[i].name = malloc(16);
        snprintf(tensors[i].name, 16, "t%d", i), tensors[i].rank = 1;
    }
    from.tensors = tensors, from.count = from.capacity = tensors ? MANY : 0;
    clock_t start = clock();
    CHECK(tensorfile_take(&taken, &from, &(TensorTake){.prefix = "t"}, error) && taken.count == MANY);
    CHECK((double)(clock() - start) / CLOCKS_PER_SEC < 10);
    tensorfile_free(&taken), tensorfile_free(&from);
}

static void test_take(void)
{
    const float numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, swapped[12] = {4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7};
    const int64_t shape[3] = {2, 3, 2}, whole[1] = {2};
    const int64_t counts[2] = {7, 8};
    const char *const without[] = {"_m.", "optim"};
    char error[TENSORFILE_ERROR_SIZE];
    uint16_t halves[12];
    TensorFile from = {0}, all = {0}, some = {0};
    CHECK(tensorfile_add(&from, "G.a", TENSOR_F32, 3, shape, numbers) && tensorfile_add(&from, "G.b", TENSOR_I64, 1, whole, counts));
    CHECK(tensorfile_add(&from, "D.a", TENSOR_F32, 3, shape, numbers) && tensorfile_add(&from, "G.adam_m.a", TENSOR_F32, 3, shape, numbers));
    CHECK(tensorfile_set_metadata(&from, "model", "stargan"));
    CHECK(tensorfile_take(&all, &from, &(TensorTake){.prefix = ""}, error) && all.count == 4);
    CHECK(tensorfile_find(&all, "D.a")->data == numbers && strcmp(tensorfile_metadata(&all, "model"), "stargan") == 0);
    CHECK(!tensorfile_take(&all, &from, &(TensorTake){.prefix = "D."}, error) && strstr(error, "cannot keep D.a"));
    const TensorTake what = {.prefix = "G.", .strip = 1, .half = 1, .without = without, .n_without = 2, .swapped = axis_of_a};
    CHECK(tensorfile_take(&some, &from, &what, error) && some.count == 2);
    const TensorEntry *a = tensorfile_find(&some, "a"), *b = tensorfile_find(&some, "b");
    tensorfile_f32_to_f16(swapped, halves, 12);
    CHECK(a && a->type == TENSOR_F16 && a->bytes == sizeof halves && memcmp(a->data, halves, sizeof halves) == 0);
    CHECK(b && b->type == TENSOR_I64 && b->data == counts);
    tensorfile_free(&some);
    CHECK(tensorfile_take(&some, &from, &(TensorTake){.prefix = "G.a", .swapped = axis_of_a}, error) && some.count == 2);
    CHECK(memcmp(tensorfile_find(&some, "G.a")->data, swapped, sizeof swapped) == 0);
    CHECK(tensorfile_find(&some, "G.adam_m.a")->data == numbers);
    tensorfile_free(&some);
    const float counted[2] = {65519, 65520};                            /* the second would be infinite as a half */
    const int64_t one[1] = {1};
    CHECK(tensorfile_add(&from, "n.fits", TENSOR_F32, 1, one, counted) && tensorfile_add(&from, "n.not", TENSOR_F32, 1, one, counted + 1));
    CHECK(tensorfile_take(&some, &from, &(TensorTake){.prefix = "n.", .half = 1}, error) && some.count == 2);
    CHECK(some.tensors[0].type == TENSOR_F16 && tensorfile_get(&some.tensors[0], 0) == 65504);
    CHECK(some.tensors[1].type == TENSOR_F32 && tensorfile_get(&some.tensors[1], 0) == 65520);
    tensorfile_free(&some), tensorfile_free(&all), tensorfile_free(&from);
}

int main(void)
{
    test_prefix();
    test_words();
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    test_half_precision();
    test_part();
    test_conversion();
    test_exchange();
    test_take();
    test_take_many();
    test_strangers();
    test_list();
    test_round_trips();
    test_safetensors();
    test_safetensors_kinds();
    test_safetensors_errors();
    test_npy();
    test_numpy_objects();
    test_npz();
    test_npz_odd();
    test_npz_bomb();
    test_array_in_packed_pickle();
    test_zip_errors();
    test_torch(torch_zip, "pytorch zip");
    test_torch(torch_legacy, "pytorch legacy");
    test_pickle_errors();
    test_odd_items();
    test_float8();
    test_old_torch();
    test_pickle_bomb();
    test_other_files();
    test_all_damage();
    test_disk_full("full.safetensors");
    test_disk_full("full.npz");
    test_disk_full("full.pt");
    test_save_errors();
    test_load_errors();
    CHECK(rmdir(folder) == 0);
    return check_report();
}
