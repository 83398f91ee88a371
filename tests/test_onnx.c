/* test_onnx.c: vendor/onnx.h writes messages that a reader of the wire format takes apart again; section 14.14 writes
 * every op of a forward pass, and whole networks, without an error. With a directory it also leaves each there
 * (.onnx), with inputs and this program's results (.npz), for tests/onnx_check.py to run in another program. */
#include "library.h"
#include "check.h"

static char folder[256];

/* ------------------------------------------------------------------------------------------------
 * The wire format, read back
 * ---------------------------------------------------------------------------------------------- */

typedef struct Wire { const uint8_t *at, *end; bool broken; } Wire;

static uint64_t read_varint(Wire *w)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (w->at == w->end) break;
        uint8_t byte = *w->at++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return value;
    }
    w->broken = true;
    return 0;
}

/* The next field: its number, and its value as an integer or as the bytes of `inside`. 0: no more. */
static int read_field(Wire *w, uint64_t *integer, Wire *inside)
{
    if (w->broken || w->at == w->end) return 0;
    uint64_t key = read_varint(w), length = 4;
    if ((key & 7) == 0) *integer = read_varint(w);
    else {
        if ((key & 7) == 2) length = read_varint(w);
        else if ((key & 7) != 5) w->broken = true;
        if (w->broken || length > (uint64_t)(w->end - w->at)) { w->broken = true; return 0; }
        *inside = (Wire){w->at, w->at + length, false};
        w->at += length;
    }
    return w->broken ? 0 : (int)(key >> 3);
}

static int count_fields(Wire w, int wanted, Wire *last)
{
    uint64_t integer;
    Wire inside;
    int n = 0;
    for (int field; (field = read_field(&w, &integer, &inside));)
        if (field == wanted) n++, *last = inside;
    CHECK(!w.broken);
    return n;
}

static bool says(Wire w, const char *text)
{
    return (size_t)(w.end - w.at) == strlen(text) && memcmp(w.at, text, strlen(text)) == 0;
}

static uint8_t *read_bytes(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = must_alloc(*size, 1);
    CHECK(fread(bytes, 1, *size, f) == *size);
    fclose(f);
    return bytes;
}

/* Random models: what was put in comes out, in number, in text and in numbers. */
static void test_writer(void)
{
    char path[300], why[ONNX_ERROR_SIZE], name[40];
    snprintf(path, sizeof path, "%s/random.onnx", folder);
    for (int trial = 0; trial < 30; trial++) {
        int nodes = (int)(12 * draw(1, STREAM_TEST, (uint64_t)trial, 0)), weights = (int)(6 * draw(1, STREAM_TEST,
            (uint64_t)trial, 1));
        OnnxModel *model = onnx_begin("g", "p", "v", 17);
        float numbers[300];
        int64_t length = 1 + (int)(299 * draw(1, STREAM_TEST, (uint64_t)trial, 2)), shape[2] = {ONNX_BATCH, length};
        for (int i = 0; i < length; i++) numbers[i] = (float)draw(2, STREAM_TEST, (uint64_t)i, 0);
        onnx_input(model, "in", 2, shape);
        for (int i = 0; i < weights; i++) snprintf(name, sizeof name, "w%d", i), onnx_floats(model, name, 1, &length,
            numbers);
        for (int i = 0; i < nodes; i++) {
            snprintf(name, sizeof name, "n%d", i);
            onnx_node(model, "LeakyRelu", name, 1, (const char *[]){"in"});
            onnx_attribute_float(model, "alpha", 0.25f);
            onnx_attribute_ints(model, "many", 3, (int64_t[]){-1, 300, 1LL << 40});
        }
        onnx_output(model, "out", 2, shape);
        FILE *stream = trial % 2 ? fopen(path, "wb") : NULL;
        CHECK_MSG(stream ? onnx_save_to(model, stream, path, why) : onnx_save(model, path, why), "%s", why);
        if (stream) CHECK(fclose(stream) == 0);
        size_t size = 0;
        uint8_t *bytes = read_bytes(path, &size);
        Wire whole = {bytes, bytes + size, false}, graph, last, inside;
        CHECK(count_fields(whole, 7, &graph) == 1);
        CHECK(count_fields(whole, 8, &last) == 1);
        CHECK(count_fields(graph, 1, &last) == nodes);
        if (nodes) {
            Wire node = last;
            CHECK(count_fields(node, 5, &last) == 2 && count_fields(last, 8, &inside) == 3);
            CHECK(count_fields(node, 4, &last) == 1 && says(last, "LeakyRelu"));
            snprintf(name, sizeof name, "n%d", nodes - 1);
            CHECK(count_fields(node, 2, &last) == 1 && says(last, name));
        }
        CHECK(count_fields(graph, 5, &last) == weights);
        if (weights) {
            CHECK(count_fields(last, 9, &inside) == 1 && (size_t)(inside.end - inside.at) == (size_t)length * 4);
            CHECK(memcmp(inside.at, numbers, (size_t)length * 4) == 0);
        }
        CHECK(count_fields(graph, 11, &last) == 1 && count_fields(graph, 12, &last) == 1);
        free(bytes);
    }
}

static void test_mistakes(void)
{
    char why[ONNX_ERROR_SIZE];
    float number = 1;
    OnnxModel *model = onnx_begin("g", "p", "v", 17);
    onnx_attribute_int(model, "axis", 1);
    CHECK(!onnx_save(model, "/nowhere/x.onnx", why) && strstr(why, "without its operator"));
    FILE *full = fopen("/dev/full", "wb");
    CHECK(full && !onnx_save_to(onnx_begin("g", "p", "v", 17), full, "x.onnx", why) && strstr(why, "x.onnx: cannot be"));
    if (full) fclose(full);
    CHECK(!onnx_save_to(NULL, stdout, "x.onnx", why) && strstr(why, "memory"));
    model = onnx_begin("g", "p", "v", 17);
    onnx_floats(model, "w", 2, (int64_t[]){1LL << 40, 1LL << 40}, &number);
    CHECK(!onnx_save(model, "/nowhere/x.onnx", why) && strstr(why, "size is out of range"));
    model = onnx_begin("g", "p", "v", 17);
    onnx_input(model, "x", 9, (int64_t[9]){0});
    CHECK(!onnx_save(model, "/nowhere/x.onnx", why) && strstr(why, "rank"));
    CHECK(!onnx_save(onnx_begin("g", "p", "v", 17), "/nowhere/x.onnx", why) && strstr(why, "/nowhere/x.onnx"));
    CHECK(!onnx_save(NULL, "x", why));
}

/* A program with its channels last: constants are turned, shapes are renamed, the batch of what depends on the input is
 * free. */
static void test_program(void)
{
    static const real filter[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, map[6] = {0, 1, 2, 3, 4, 5};
    static const float turned[12] = {0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11}, turned_map[6] = {0, 2, 4, 1, 3, 5};
    char path[300], why[ONNX_ERROR_SIZE] = "";
    OnnxStep steps[4] = {
        {.kind = ONNX_INPUT, .name = "in", .shape = {1, 1, 3, 2}, .in = {-1, -1, -1, -1, -1}},
        {.kind = ONNX_CONSTANT, .name = "w", .shape = {1, 3, 2, 2}, .in = {-1, -1, -1, -1, -1}, .data = filter},
        {.kind = ONNX_CONVOLUTION, .shape = {1, 1, 1, 2}, .in = {0, 1, -1, -1, -1}, .a = 1,
         .window = {.h = 1, .w = 3, .rows = 1, .columns = 3, .stride = 1, .h_out = 1, .w_out = 1, .groups = 1}},
        {.kind = ONNX_CONSTANT, .name = "m", .shape = {1, 1, 3, 2}, .in = {-1, -1, -1, -1, -1}, .data = map}};
    snprintf(path, sizeof path, "%s/program.onnx", folder);
    for (int last = 2; last < 4; last++) {                              /* the convolution; the map */
        OnnxModel *model = onnx_begin("g", "p", "v", 17);
        size_t size = 0;
        onnx_program(model, steps, last + 1, (int[]){0}, 1, "out");
        CHECK_MSG(onnx_save(model, path, why), "%s", why);
        uint8_t *bytes = read_bytes(path, &size);
        Wire whole = {bytes, bytes + size, false}, graph, weight, inside, type = whole;
        CHECK(count_fields(whole, 7, &graph) == 1 && count_fields(graph, 1, &inside) == 2);
        CHECK(count_fields(graph, 5, &weight) == last - 1 && count_fields(weight, 9, &inside) == 1);
        CHECK(memcmp(inside.at, last == 2 ? turned : turned_map, last == 2 ? sizeof turned : sizeof turned_map) == 0);
        CHECK(count_fields(weight, 8, &inside) == 1 && says(inside, last == 2 ? "w" : "m.map"));
        CHECK(count_fields(graph, 12, &inside) == 1 && count_fields(inside, 2, &type) == 1);
        CHECK(count_fields(type, 1, &inside) == 1 && count_fields(inside, 2, &type) == 1);
        CHECK(count_fields(type, 1, &inside) == (last == 2 ? 2 : 4));   /* N and its numbers, flat; all four */
        free(bytes);
        memset(steps[1].written, 0, sizeof steps[1].written);
        steps[0].name = "in";
    }
}

/* ------------------------------------------------------------------------------------------------
 * Ops and networks
 * ---------------------------------------------------------------------------------------------- */

/* Adds a map to a file in ONNX's order, or, where it is a row for each picture, as (N,n). */
static void note_tensor(TensorFile *file, const char *name, Shape s, const double *data, bool flat, float **kept)
{
    const int64_t shape[AXES] = {s.d[0], s.d[3], s.d[1], s.d[2]};
    float *numbers = *kept = must_alloc(shape_count(s), sizeof *numbers);
    size_t i = 0;
    for (int n = 0; n < s.d[0]; n++)
        for (int c = 0; c < s.d[3]; c++)
            for (int p = 0; p < s.d[1] * s.d[2]; p++)
                numbers[i++] = (float)data[index_repeated(s, n, p / s.d[2], p % s.d[2], c)];
    CHECK(tensorfile_add(file, name, TENSOR_F32, flat ? 2 : AXES, shape, numbers));
}

static void save_numbers(TensorFile *file, const char *name)
{
    char path[300], why[TENSORFILE_ERROR_SIZE] = "";
    snprintf(path, sizeof path, "%s/%s.npz", folder, name);
    CHECK_MSG(tensorfile_save(path, file, why), "%s", why);
    tensorfile_free(file);
}

typedef struct OpFile { OnnxModel *model; const Node *y; } OpFile;

static void export_op(void *context)
{
    const OpFile *op = context;
    export_graph(op->model, op->y, "y", &(OnnxInputs){0});
}

/* Every row's own test cases: those that can be written are, and at least these ops are among them. */
static void test_ops(void)
{
    static const Op expected[] = {OP_add, OP_sub, OP_mul, OP_affine, OP_square, OP_sqrt, OP_reciprocal, OP_exp,
           OP_log, OP_sin, OP_tanh, OP_sigmoid,
                                  OP_softplus, OP_abs, OP_sign, OP_leaky_relu, OP_prelu, OP_sum, OP_broadcast,
                                      OP_concat, OP_slice, OP_pad,
                                  OP_reshape, OP_stop_grad, OP_softmax, OP_logsumexp, OP_conv2d, OP_conv2d_input_grad,
                                      OP_max_pool, OP_instance_norm};
    bool written[OPS] = {0};
    for (int op = 0; op < OPS; op++)
        for (int variant = 0;; variant++) {
            char name[64], path[300], why[ONNX_ERROR_SIZE] = "";
            Graph *g = graph_new();
            Node *y = op_rows[op].test(g, variant);
            Error e = {0};
            if (!y) { graph_free(g); break; }
            snprintf(name, sizeof name, "op.%s.%d", op_rows[op].name, variant);
            snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
            OnnxModel *model = onnx_begin(name, "facegan", FACEGAN_VERSION, ONNX_OPSET);
            if (attempt(export_op, &(OpFile){model, y}, &e)) {
                float *kept;
                TensorFile file = {0};
                double **values = graph_define(g);
                CHECK_MSG(onnx_save(model, path, why), "%s", why);
                note_tensor(&file, "y", y->shape, values[y->id], false, &kept);
                save_numbers(&file, name);
                free_values(values, g->count), free(kept);
                written[op] = true;
            } else {
                CHECK_MSG(strstr(e.text, "not of a forward pass") != NULL, "%s: %s", name, e.text);
                onnx_free(model);
            }
            graph_free(g);
        }
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        CHECK_MSG(written[expected[i]], "%s cannot be written", op_rows[expected[i]].name);
}

/* A network on three pictures (the file was made for one: the batch is free), held against the definitions. */
static void test_network(const char *name, char space, bool discriminator, EditorPart editor)
{
    enum { N = 3, SIDE = 16, CHANNELS = 3, CLASSES = 4 };
    char path[300], why[ONNX_ERROR_SIZE] = "";
    Net net = {.letter = 'G', .width = 4, .repeat = 2, .classes = CLASSES, .channels = CHANNELS, .size = SIDE,
        .space = space, .condition = space ? 2 : CLASSES, .editor = editor};
    Graph *graphs[2];
    Node *results[2], *inputs[2][2];
    Tensor *x[2], *c[2];
    for (int k = 0; k < 2; k++) {                                       /* one picture for the file, three to compute */
        Graph *g = graphs[k] = graph_new();
        x[k] = tensor_new("x", shape_of(k ? N : 1, SIDE, SIDE, CHANNELS));
        c[k] = tensor_new("c", shape_of(k ? N : 1, 1, 1, net.condition));
        net_attach(&net, g);
        inputs[k][0] = leaf(g, x[k]), inputs[k][1] = leaf(g, c[k]);
        results[k] = discriminator ? softmax(stargan_classes(&net, stargan_features(&net, inputs[k][0])))
                                   : stargan_generator(&net, inputs[k][0], inputs[k][1]);
        net_initialise(&net, 7);
    }
    fill_uniform(x[1], 1, 5, 0), fill_uniform(c[1], 1, 5, 1);
    OnnxModel *model = onnx_begin(name, "facegan", FACEGAN_VERSION, ONNX_OPSET);
    export_graph(model, results[0], "y", &(OnnxInputs){discriminator ? 1 : 2, {inputs[0][0], inputs[0][1]}, {"picture", "condition"}});
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    CHECK_MSG(onnx_save(model, path, why), "%s", why);
    double **values = graph_define(graphs[1]);
    float *kept[3];
    TensorFile file = {0};
    note_tensor(&file, "picture", x[1]->shape, values[inputs[1][0]->id], false, &kept[0]);
    note_tensor(&file, "condition", c[1]->shape, values[inputs[1][1]->id], true, &kept[1]);
    note_tensor(&file, "y", results[1]->shape, values[results[1]->id], discriminator, &kept[2]);
    save_numbers(&file, name);
    free_values(values, graphs[1]->count);
    for (int k = 0; k < 3; k++) free(kept[k]);
    for (int k = 0; k < 2; k++) graph_free(graphs[k]), tensor_free(x[k]), tensor_free(c[k]);
    net_free(&net);
}

/* How many operators of a kind the file of that network has. */
static int operators(const char *name, const char *kind)
{
    char path[300];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    uint8_t *bytes = read_bytes(path, &size), n = 0;
    uint64_t integer;
    Wire whole = {bytes, bytes + size, false}, graph, inside, op = whole;
    CHECK(count_fields(whole, 7, &graph) == 1);
    for (int field; (field = read_field(&graph, &integer, &inside));)
        if (field == 1 && count_fields(inside, 4, &op) == 1) n += says(op, kind);
    free(bytes);
    return n;
}

/* A classifier as it is at work: batch norm on running statistics that are not those it starts with. */
static void test_classifier(const char *network, const char *name)
{
    enum { N = 3, SIDE = 32, CLASSES = 4 };
    char path[300], why[ONNX_ERROR_SIZE] = "";
    Settings s = default_settings();
    static Net net;
    Graph *graphs[2];
    Node *results[2], *inputs[2];
    Tensor *x[2];
    net = (Net){.letter = 'D', .classes = CLASSES, .channels = 3, .size = SIDE};
    snprintf(s.network, sizeof s.network, "%s", network), snprintf(s.preprocess, sizeof s.preprocess, "torchvision");
    s.size = SIDE;
    shape_classifier(&s, &net);
    for (int k = 0; k < 2; k++) {
        graphs[k] = graph_new();
        x[k] = tensor_new("x", shape_of(k ? N : 1, SIDE, SIDE, 3));
        net_attach(&net, graphs[k]);
        inputs[k] = leaf(graphs[k], x[k]);
        results[k] = softmax(classifier_scores(&net, inputs[k], NULL));
    }
    net_initialise(&net, 3);
    fill_uniform(x[1], 1, 5, 0);
    for (int i = 0; i < net.count; i++) {
        Tensor *w = net.parameters[i].w;
        for (size_t k = 0; k < shape_count(w->shape); k++)
            if (strstr(w->name, "running")) w->data[k] += (real)(0.3 * draw(1, STREAM_TEST, (uint64_t)i, (uint32_t)k));
    }
    OnnxModel *model = onnx_begin(name, "facegan", FACEGAN_VERSION, ONNX_OPSET);
    export_graph(model, results[0], "y", &(OnnxInputs){1, {inputs[0]}, {"picture"}});
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    CHECK_MSG(onnx_save(model, path, why), "%s", why);
    double **values = graph_define(graphs[1]);
    float *kept[2];
    TensorFile file = {0};
    note_tensor(&file, "picture", x[1]->shape, values[inputs[1]->id], false, &kept[0]);
    note_tensor(&file, "y", results[1]->shape, values[results[1]->id], true, &kept[1]);
    save_numbers(&file, name);
    free_values(values, graphs[1]->count);
    for (int k = 0; k < 2; k++) free(kept[k]), graph_free(graphs[k]), tensor_free(x[k]);
    net_free(&net);
}

/* A generator that draws from noise, with running statistics that are not those it starts with; a model without classes
 * (joins 0) has one input. */
static void test_noise(const char *name, char body, char joins)
{
    enum { N = 3, SIDE = 16, LATENT = 6, CLASSES = 4 };
    char path[300], why[ONNX_ERROR_SIZE] = "";
    static Net net;
    Graph *graphs[2];
    Node *results[2], *inputs[2][2] = {{NULL}};
    Tensor *x[2], *c[2] = {NULL};
    net = (Net){.letter = 'G', .width = 4, .repeat = noise_halvings(SIDE), .classes = CLASSES, .channels = 3, .size = SIDE,
                .latent = LATENT, .condition = joins ? CLASSES : 0, .noise = {.body = body, .joins = joins}};
    for (int k = 0; k < 2; k++) {
        graphs[k] = graph_new();
        x[k] = tensor_new("x", shape_of(k ? N : 1, 1, 1, LATENT));
        if (joins) c[k] = tensor_new("c", shape_of(k ? N : 1, 1, 1, CLASSES));
        net_attach(&net, graphs[k]);
        inputs[k][0] = leaf(graphs[k], x[k]);
        if (joins) inputs[k][1] = leaf(graphs[k], c[k]);
        results[k] = noise_generator(&net, inputs[k][0], inputs[k][1]);
    }
    net_initialise(&net, 3);
    fill_uniform(x[1], 1, 5, 0);
    if (joins) fill_uniform(c[1], 1, 5, 1);
    for (int i = 0; i < net.count; i++) {
        Tensor *w = net.parameters[i].w;
        for (size_t k = 0; k < shape_count(w->shape); k++)
            if (strstr(w->name, "running")) w->data[k] += (real)(0.3 * draw(1, STREAM_TEST, (uint64_t)i, (uint32_t)k));
    }
    OnnxModel *model = onnx_begin(name, "facegan", FACEGAN_VERSION, ONNX_OPSET);
    export_graph(model, results[0], "y", &(OnnxInputs){joins ? 2 : 1, {inputs[0][0], inputs[0][1]}, {"noise", "condition"}});
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    CHECK_MSG(onnx_save(model, path, why), "%s", why);
    double **values = graph_define(graphs[1]);
    float *kept[3] = {NULL};
    TensorFile file = {0};
    note_tensor(&file, "noise", x[1]->shape, values[inputs[1][0]->id], true, &kept[0]);
    if (joins) note_tensor(&file, "condition", c[1]->shape, values[inputs[1][1]->id], true, &kept[1]);
    note_tensor(&file, "y", results[1]->shape, values[results[1]->id], false, &kept[2]);
    save_numbers(&file, name);
    free_values(values, graphs[1]->count);
    for (int k = 0; k < 3; k++) free(kept[k]);
    for (int k = 0; k < 2; k++) {
        graph_free(graphs[k]), tensor_free(x[k]);
        if (c[k]) tensor_free(c[k]);
    }
    net_free(&net);
}

int main(int argc, char **argv)
{
    Scope all;
    enter(&all);
    start_library();
    snprintf(folder, sizeof folder, "%s", argc > 1 ? argv[1] : "build/test_onnx.tmp");
    make_folder(folder);
    test_writer();
    test_mistakes();
    test_program();
    test_ops();
    test_network("net.stargan", 0, false, (EditorPart){0});
    test_network("net.ganmut", 'l', false, (EditorPart){0});
    test_network("net.discriminator", 0, true, (EditorPart){0});
    test_network("net.photo", 0, false, (EditorPart){.keep = 'm', .resizes = true, .modulates = true, .style = 5});
    test_network("net.skip", 'l', false, (EditorPart){.keep = 's', .resizes = true});
    test_network("net.fade", 'l', false, (EditorPart){.keep = 'm', .resizes = true, .fade = 0.01});
    test_network("net.glide", 'l', false, (EditorPart){.keep = 'w', .fade = 0.01});
    test_network("net.warp", 0, false, (EditorPart){.keep = 'w', .resizes = true, .modulates = true});
    test_classifier("small", "net.small");
    test_classifier("resnet18", "net.resnet18");
    test_noise("net.gan", BODY_DCGAN, JOINS_NOWHERE);
    test_noise("net.cgan", BODY_DCGAN, JOINS_SECOND);
    test_noise("net.kolbenschlag", BODY_KOLBENSCHLAG, JOINS_FIRST);
    test_noise("net.wacgan", BODY_WACGAN, JOINS_TIMES);
    test_noise("net.style", BODY_STYLE, JOINS_SECOND);
    CHECK(operators("net.photo", "Resize") == 2 && operators("net.style", "Resize") == 2 && operators("net.photo", "Reshape") == 1);
    leave();
    return check_report();
}
