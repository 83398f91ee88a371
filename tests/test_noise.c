/* test_noise.c: what the networks that draw from noise stand on, in double: batch norm in training and in use, dropout,
 * embeddings, dense layers, clipped gradients, averaged weights. */
#define REAL_DOUBLE
#include "library.h"
#include "check.h"

static int plan_and_run(Graph *g, Arena *arena)
{
    Error e = {0};
    *arena = (Arena){0};
    int ok = graph_plan(g, &e);
    CHECK_MSG(ok, "the graph cannot be planned: %s", e.text);
    if (!ok) return 0;
    arena_reserve(arena, g->arena_bytes + 1);
    graph_bind(g, arena);
    graph_run(g);
    return 1;
}

static void shake(Net *net)
{
    for (int i = 0; i < net->count; i++)
        for (size_t k = 0; k < shape_count(net->parameters[i].w->shape); k++)
            net->parameters[i].w->data[k] += (real)(0.3 * draw(11, STREAM_TEST, k, (uint32_t)i));
}

/* A network of every layer there is here: label -> embedding -> dense -> picture -> conv, batch norm (with or without
 * residual), enlargement, a transposed convolution. */
static Node *every_layer(Net *net, Node *x, Node *label, bool residual)
{
    sequential(net, "main.");
    Node *h = dense(net, embedding(net, label, 3), 5 * 4 * 2, 0.2);
    h = concat(x, reshape(h, shape_of(x->shape.d[0], 5, 4, 2)), 3);
    h = conv_layer(net, h, (Conv){6, 3, 1, 1});
    h = residual ? batch_norm(net, h, scale(h, 0.5), LINEAR) : batch_norm(net, h, NULL, 0.2);
    h = enlarge(h, 10, 8);
    return deconv_layer(net, h, (Conv){3, 3, 2, 1});
}

/* First-order gradients of every learnt parameter and of the input, in training and in use. */
static void test_layer_gradients(bool training, bool residual)
{
    Graph *g = graph_new();
    Net net = {.letter = 'G', .norm_share = 0.3};
    if (training) net_train(&net, g);
    else net_attach(&net, g);
    Node *x = test_leaf(g, shape_of(3, 5, 4, 2), -1, 1, false), *label = test_leaf(g, shape_of(3, 1, 1, 4), 0, 1, false);
    Node *y = every_layer(&net, x, label, residual), *value = random_projection(&y, 1);
    net_initialise(&net, 3), shake(&net);
    Node *wrt[MAX_PARAMETERS], *gradients[MAX_PARAMETERS];
    Tensor *tensors[MAX_PARAMETERS];
    int n = 0;
    for (int i = 0; i < net.count; i++)
        if (net.parameters[i].role == LEARNT) tensors[n] = net.parameters[i].w, wrt[n++] = net.parameters[i].leaf;
    tensors[n] = x->tensor, wrt[n++] = x;
    CHECK(y->shape.d[1] == 20 && y->shape.d[2] == 16 && y->shape.d[3] == 3);
    grad(value, wrt, n, gradients);
    for (int i = 0; i < n; i++) keep(gradients[i]);
    Arena arena;
    if (plan_and_run(g, &arena)) {
        double error = difference_error(g, value, tensors, gradients, n);
        CHECK_MSG(error <= 1e-6, "gradients through every layer (training %d, residual %d) are off by %g", training,
                  residual, error);
    }
    places_release(&arena), graph_free(g), net_free(&net);
}

/* y, the running statistics after one batch, and the same layer in use, against sums written out. */
static void test_batch_norm(void)
{
    enum { N = 4, H = 3, W = 5, C = 19, M = N * H * W };
    Graph *g = graph_new(), *use = graph_new();
    Net net = {.letter = 'D'};
    net_train(&net, g);
    Node *x = test_leaf(g, shape_of(N, H, W, C), -1, 2, false), *y = keep(batch_norm(&net, x, NULL, 0.1));
    net_initialise(&net, 1), shake(&net);
    for (int c = 0; c < C; c++) net_find(&net, "0.running_mean")->w->data[c] = (real)(0.01 * c);
    net_find(&net, "0.num_batches_tracked")->w->data[0] = 6;
    double variance_before[C];
    for (int c = 0; c < C; c++) variance_before[c] = net_find(&net, "0.running_var")->w->data[c];
    Arena arena, second;
    if (!plan_and_run(g, &arena)) return;
    const real *weight = net_find(&net, "0.weight")->w->data, *bias = net_find(&net, "0.bias")->w->data,
               *mean_ = net_find(&net, "0.running_mean")->w->data, *variance = net_find(&net, "0.running_var")->w->data;
    for (int c = 0; c < C; c++) {
        double m = 0, v = 0;
        for (int i = 0; i < M; i++) m += x->tensor->data[i * C + c] / M;
        for (int i = 0; i < M; i++) v += pow(x->tensor->data[i * C + c] - m, 2) / M;
        for (int i = 0; i < M; i++) {
            double h = (x->tensor->data[i * C + c] - m) / sqrt(v + 1e-5) * weight[c] + bias[c];
            CLOSE(y->data[i * C + c], h > 0 ? h : 0.1 * h, 1e-12);
        }
        CLOSE(mean_[c], 0.9 * 0.01 * c + 0.1 * m, 1e-12);
        CLOSE(variance[c], 0.9 * variance_before[c] + 0.1 * v * M / (M - 1), 1e-12);
    }
    CHECK(net_find(&net, "0.num_batches_tracked")->w->data[0] == 7);
    net_attach(&net, use);
    sequential(&net, "");
    Node *in_use = keep(batch_norm(&net, leaf(use, x->tensor), NULL, 0.1));
    if (plan_and_run(use, &second))
        for (int i = 0; i < M * C; i++) {
            int c = i % C;
            double h = (x->tensor->data[i] - mean_[c]) / sqrt(variance[c] + 1e-5) * weight[c] + bias[c];
            CLOSE(in_use->data[i], h > 0 ? h : 0.1 * h, 1e-12);
        }
    places_release(&arena), places_release(&second), graph_free(g), graph_free(use), net_free(&net);
}

/* Two passes through one batch norm, as D's over real and fake pictures, move its statistics one after the other. */
static void test_two_passes(void)
{
    Graph *g = graph_new();
    Net net = {.letter = 'D'};
    net_train(&net, g);
    Node *first = test_leaf(g, shape_of(2, 1, 1, 1), 1, 2, false), *second = test_leaf(g, shape_of(2, 1, 1, 1), 5, 6, false);
    sequential(&net, "");
    keep(batch_norm(&net, first, NULL, LINEAR));
    sequential(&net, "");
    keep(batch_norm(&net, second, NULL, LINEAR));
    net_initialise(&net, 1);
    Arena arena;
    if (plan_and_run(g, &arena)) {
        double a = (first->tensor->data[0] + first->tensor->data[1]) / 2, b = (second->tensor->data[0] + second->tensor->data[1]) / 2;
        CLOSE(net_find(&net, "0.running_mean")->w->data[0], 0.9 * 0.1 * a + 0.1 * b, 1e-12);
        CHECK(net_find(&net, "0.num_batches_tracked")->w->data[0] == 2);
    }
    places_release(&arena), graph_free(g), net_free(&net);
}

/* The share that is dropped, the values, a new mask each iteration, the same on any number of threads, none in use. */
static void test_dropout(void)
{
    Graph *g = graph_new();
    Net net = {.letter = 'D'};
    net_train(&net, g);
    Node *x = test_leaf(g, shape_of(4, 50, 50, 10), 1, 2, false);
    Node *y = dropout(&net, x, 0.3);
    Tensor *mask = net.masks[0];
    size_t n = shape_count(mask->shape), dropped = 0, same = 0;
    CHECK(y != x && net.n_masks == 1);
    threads_start(3);
    fill_masks(&net, 5, 7);
    real *copy = must_alloc(n, sizeof *copy);
    memcpy(copy, mask->data, n * sizeof *copy);
    threads_start(1);
    fill_masks(&net, 5, 7);
    CHECK(memcmp(copy, mask->data, n * sizeof *copy) == 0);
    for (size_t i = 0; i < n; i++) {
        dropped += copy[i] == 0;
        CHECK(copy[i] == 0 || fabs(copy[i] - 1 / 0.7) < 1e-12);
    }
    CLOSE((double)dropped / (double)n, 0.3, 0.005);
    fill_masks(&net, 5, 8);
    for (size_t i = 0; i < n; i++) same += copy[i] == mask->data[i];
    CLOSE((double)same / (double)n, 0.3 * 0.3 + 0.7 * 0.7, 0.01);
    net_attach(&net, g);
    CHECK(dropout(&net, x, 0.3) == x);
    free(copy), graph_free(g), net_free(&net);
}

/* One step of plain descent on sum (w - a)^2 with clipped gradients; a frozen weight stays; the average sees the weight as
 * the step leaves it. */
static void test_clipping(void)
{
    const double limits[] = {0, 0.5};
    const double target[4] = {0.1, -3, 0.2, 2};
    for (int k = 0; k < 2; k++) {
        Graph *g = graph_new();
        Net net = {.letter = 'D', .optimiser = {.op = OP_sgd, .clip_value = limits[k]}};
        Tensor *schedule = tensor_new("schedule", shape_of(1, 1, 1, 3)), *a = tensor_new("a", shape_of(1, 1, 1, 4));
        for (int i = 0; i < 4; i++) a->data[i] = target[i];
        schedule->data[0] = 0.1;
        net_train(&net, g);
        sequential(&net, "");
        Node *w = parameter(&net, "w", a->shape, -1), *still = parameter(&net, "still", a->shape, 0), *gradients[MAX_PARAMETERS];
        net_find(&net, "still")->role = FROZEN;
        Node *loss = sum(square(sub(add(w, still), add_number(leaf(g, a), 1))));
        net_initialise(&net, 1);
        net_update(&net, loss, leaf(g, schedule), gradients);
        net_average(&net, 0.75);
        Arena arena;
        CHECK(gradients[0] != NULL && gradients[1] == NULL);
        if (plan_and_run(g, &arena)) {
            for (int i = 0; i < 4; i++) {
                double gradient = -2 * target[i];
                if (limits[k] > 0) gradient = fmax(-0.5, fmin(0.5, gradient));
                CLOSE(net_find(&net, "w")->w->data[i], -0.1 * gradient, 1e-12);
                CLOSE(net_find(&net, "w")->average->data[i], -0.025 * gradient, 1e-12);
                CLOSE(net_find(&net, "still")->average->data[i], 0.25, 1e-12);
                CHECK(net_find(&net, "still")->w->data[i] == 1);
            }
        }
        places_release(&arena), graph_free(g), net_free(&net), tensor_free(schedule), tensor_free(a);
    }
}

/* Normal initial values: around 0 for filters, around 1 for a norm's scale. */
static void test_normal_start(void)
{
    Graph *g = graph_new();
    Net net = {.letter = 'G', .deviation = 0.02};
    net_train(&net, g);
    Node *x = test_leaf(g, shape_of(1, 4, 4, 64), -1, 1, false);
    keep(batch_norm(&net, conv_layer(&net, x, (Conv){64, 4, 2, 1}), NULL, LINEAR));
    net_initialise(&net, 9);
    for (int k = 0; k < 2; k++) {
        const Tensor *w = net_find(&net, k ? "1.weight" : "0.weight")->w;
        double n = (double)shape_count(w->shape), mean_ = 0, squares = 0;
        for (size_t i = 0; i < shape_count(w->shape); i++) mean_ += w->data[i] / n, squares += w->data[i] * w->data[i] / n;
        CLOSE(mean_, k, k ? 0.01 : 0.0005);
        CLOSE(sqrt(squares - mean_ * mean_), 0.02, k ? 0.006 : 0.0005);
    }
    graph_free(g), net_free(&net);
}

/* D begins with He's values where R1 is its penalty, but for the plain bodies: the largest of very many weights is just
 * below gain / sqrt(fan-in). */
static void test_start_of_d(void)
{
    static const struct { const char *model, *words; double gain; } cases[] = {
        {"stargan", "size=16 d-repeat=2", 1}, {"stargan", "size=16 d-repeat=2 adv=bce reg=r1", sqrt(6)},
        {"ganmut", "size=16 d-repeat=2 adv=bce reg=r1", sqrt(6)}, {"cgan", "size=16 body=style reg=r1", sqrt(6)},
        {"cgan", "size=16 body=style reg=none", 1}, {"cgan", "size=16 reg=r1", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Settings s = settings_of_model(cases[i].model, cases[i].words);
        const Model *model = find_model(cases[i].model);
        Graph *g = graph_new();
        Net generator, d;
        make_nets(&s, 3, &generator, &d);
        if (model->prepare) model->prepare(model, &s, &generator, &d);
        net_attach(&d, g);
        Node *x = test_leaf(g, shape_of(1, 16, 16, d.channels), -1, 1, false);
        if (model->from_noise) noise_features(&d, x, NULL);
        else stargan_features(&d, x);
        net_initialise(&d, 9);
        const Tensor *w = net_find(&d, "main.2.weight")->w;                                     /* (4,4,C,2C) */
        double most = 0;
        for (size_t k = 0; k < shape_count(w->shape); k++) most = fmax(most, fabs((double)w->data[k]));
        CHECK_MSG(fabs(most * sqrt(16.0 * w->shape.d[2]) / cases[i].gain - 1) < 0.01, "%s %s: %g", cases[i].model,
                  cases[i].words, most * sqrt(16.0 * w->shape.d[2]));
        graph_free(g), net_free(&d);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Collapse
 * ---------------------------------------------------------------------------------------------- */

static char folder[256];

/* `facegan ...`, words between spaces, %s standing for the test's folder. */
static int command(const char *words)
{
    char line[2000], *argv[64] = {"facegan"};
    int argc = 1;
    const char *f = folder;
    snprintf(line, sizeof line, words, f, f, f);
    for (char *word = strtok(line, " "); word && argc < 64; word = strtok(NULL, " ")) argv[argc++] = word;
    return facegan_main(argc, argv);
}

/* The number in column `name` of the log's last row; NaN where there is none. */
static double last_logged(const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/run/log.csv", folder);
    if (access(path, R_OK)) return NAN;
    snprintf(path, sizeof path, "%s/run", folder);
    const TableNumbers *log = own_log(path);
    const double *column = table_column(log, name);
    return column ? column[log->rows - 1] : NAN;
}

/* Zeroes the last layer of G in the run's checkpoint, so that every noise gives the same grey; leaves the old one as
 * healthy.safetensors, as a run with --on-collapse rollback would have. */
static void plant_collapse(void)
{
    char path[400], healthy[400], why[TENSORFILE_ERROR_SIZE];
    TensorFile file;
    snprintf(path, sizeof path, "%s/run/checkpoint.safetensors", folder);
    snprintf(healthy, sizeof healthy, "%s/run/healthy.safetensors", folder);
    CHECK(tensorfile_load(path, &file, why) && tensorfile_save(healthy, &file, why));
    static const double zeros[4096];
    int zeroed = 0;
    for (size_t i = 0; i < file.count; i++)
        if (strcmp(file.tensors[i].name, "G.main.9.weight") == 0 && tensorfile_count(&file.tensors[i]) <= 4096)
            file.tensors[i].data = (void *)(uintptr_t)zeros, zeroed++;
    CHECK(zeroed == 1 && tensorfile_save(path, &file, why));
    tensorfile_free(&file);
}

/* A G forced to one output is noticed at the very next line of the log: it stops, or goes back. */
static void test_planted_collapse(void)
{
    CHECK(command("data draw --out %s/faces --count 40 --size 32 --quiet") == 0);
    const char *train_ = "train gan %s/faces --out %s/run --grey --size 32 --width 4 --batch 4 --log-every 5 --quiet --iters ";
    char line[500];
    snprintf(line, sizeof line, "%s200", train_);
    CHECK(command(line) == 0);
    plant_collapse();
    snprintf(line, sizeof line, "%s400 --on-collapse stop", train_);
    CHECK(command(line) == 1);
    CHECK(last_logged("iteration") > 200 && last_logged("iteration") <= 205 && last_logged("watch.pixels") < 0.1);
    snprintf(line, sizeof line, "%s400 --on-collapse rollback", train_);
    plant_collapse();
    CHECK(command(line) == 0);
    CHECK(last_logged("iteration") == 400 && last_logged("watch.pixels") >= 0);
}

/* Of a small network on the drawn faces, its weights not yet drawn. */
static Trainer *small_trainer(const char *model, int channels)
{
    Settings s = settings_of_model(model, "size=32 width=4 batch=4 iters=1000");
    s.channels = channels;
    snprintf(s.data, sizeof s.data, "%s/faces", folder);
    Trainer *t = new_trainer(&s);
    complete_settings(t);
    build_graphs(t, t->data.n_classes);
    return t;
}

/* A trainer whose G draws very different pictures is healthy; its last layer gone, the alarm goes off at once, once. */
static void test_alarm(void)
{
    char text[VARIETY_WORDS];
    Scope inner;
    enter(&inner);
    Trainer *t = small_trainer("wacgan", 1);
    Settings *s = &t->settings;
    watch_data(t);
    net_initialise(&t->now.g, 1), net_initialise(&t->now.d, 1);
    Tensor *last = net_find(&t->now.g, "main.9.weight")->w;
    for (int i = 0; i < t->now.g.count; i++) {
        Tensor *w = t->now.g.parameters[i].w;
        for (size_t k = 0; w->shape.d[0] > 1 && k < shape_count(w->shape); k++) w->data[k] *= 15;
    }
    watch_look(t);
    variety_words(&t->watch->signs, 0.35, 400, text);
    CHECK_MSG(variety_least(&t->watch->signs) > 0.5, "a healthy G: %s", text);
    CHECK_MSG(!watch_alarm(t) && t->watch->alarm.armed && strstr(text, "collapsed") == NULL, "a healthy G: %s", text);
    for (int i = 0; i < VARIETY_SIGNS; i++) CHECK(isfinite(t->watch->signs.each[i]) == (i < 7));    /* nobody apart looks */
    memset(last->data, 0, shape_count(last->shape) * sizeof *last->data);
    watch_look(t);
    variety_words(&t->watch->signs, 0.35, 400, text);
    CHECK(variety_least(&t->watch->signs) == 0 && t->watch->signs.label == 0);
    CHECK(watch_alarm(t) && !watch_alarm(t));
    CHECK_MSG(strstr(text, "collapsed") && strstr(text, "hardly listens"), "a collapsed G: %s", text);
    no_messages = true;
    snprintf(s->out, sizeof s->out, "%s/run", folder);
    CHECK(!collapse_ends(t));                                           /* --on-collapse warn */
    snprintf(s->on_collapse, sizeof s->on_collapse, "rollback");
    t->watch->rollbacks = MOST_ROLLBACKS;
    CHECK(strcmp(collapse_ends(t), " again and again") == 0);
    snprintf(s->out, sizeof s->out, "%s/no-run", folder);
    CHECK(strstr(collapse_ends(t), "no healthy weights"));
    leave();
}

/* A StarGAN that begins with negatives is turned, in the first iterations, channel by channel; one with a mask never. */
static void test_turned_negatives(void)
{
    Scope inner;
    enter(&inner);
    Trainer *t = small_trainer("stargan", 3);
    choose_samples(t);
    net_initialise(&t->now.g, 1);
    const Parameter *last = &t->now.g.parameters[t->now.g.count - 1];
    size_t n = shape_count(last->w->shape);
    real *before = own(n, sizeof *before);
    memcpy(before, last->w->data, n * sizeof *before);
    for (size_t i = 0; i < n; i++) last->m->data[i] = 1;
    bool dark[3];
    for (int c = 0; c < 3; c++) {                                       /* light, dark, light of light */
        dark[c] = makes_negatives(t, c) != (c == 1);
        for (size_t i = (size_t)c; i < n && dark[c]; i += 3) last->w->data[i] = -last->w->data[i];
    }
    changed(last->w);
    for (int c = 0; c < 3; c++) CHECK(makes_negatives(t, c) == (c == 1));
    t->now.iteration = TURN_EVERY + 1, turn_negatives(t);
    CHECK(makes_negatives(t, 1) && last->m->data[1] > 0);
    t->now.iteration = TURN_UNTIL + TURN_EVERY, turn_negatives(t);
    CHECK(makes_negatives(t, 1) && last->m->data[1] > 0);
    t->now.iteration = TURN_EVERY, turn_negatives(t);
    for (int c = 0; c < 3; c++) CHECK(!makes_negatives(t, c) && last->m->data[c] == (c == 1 ? -1 : 1));
    for (size_t i = 0; i < n; i++) CHECK(last->w->data[i] == (dark[i % 3] != (i % 3 == 1) ? -before[i] : before[i]));
    t->settings.as_published = true;
    memcpy(before, last->w->data, n * sizeof *before);
    for (size_t i = 0; i < n; i++) last->w->data[i] = -last->w->data[i];
    changed(last->w), turn_negatives(t);
    for (int c = 0; c < 3; c++) CHECK(makes_negatives(t, c));
    t->now.g.editor.keep = 'm', t->settings.as_published = false, turn_negatives(t);
    for (int c = 0; c < 3; c++) CHECK(makes_negatives(t, c));
    leave();
}

int main(void)
{
    Scope all;
    enter(&all);
    char why[256];
    if (!kernels_choose(getenv("FACEGAN_ISA"), why)) { CHECK_MSG(0, "%s", why); return check_report(); }
    for (int i = 0; i < 4; i++) test_layer_gradients(i & 1, i & 2);
    test_batch_norm();
    test_two_passes();
    test_dropout();
    test_clipping();
    test_normal_start();
    test_start_of_d();
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/facegan-noise-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (mkdtemp(folder)) {
        test_planted_collapse();
        threads_start(1);
        test_alarm();
        test_turned_negatives();
        char line[300];
        snprintf(line, sizeof line, "rm -rf '%s'", folder);
        CHECK(system(line) == 0);
    }
    threads_stop();
    leave();
    return check_report();
}
