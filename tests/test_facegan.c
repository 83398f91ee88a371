/* test_facegan.c: the core of facegan.c, piece by piece. `facegan verify` holds every op's kernels against its
 * definition; here is what stands around them: chance, the planner, the gradient, losses, schedules, settings,
 * weights in and out, and the public functions. tests/test_facegan64.c builds the same checks with `real` = double,
 * where the limits are tight. */
#include "library.h"
#include "check.h"

static const bool is_double = sizeof(real) == 8;

static char folder[256];                /* of everything this test writes */

/* ------------------------------------------------------------------------------------------------
 * Chance
 * ---------------------------------------------------------------------------------------------- */

/* Known answers of Random123 (Salmon et al. 2011), kat_vectors: philox4x32, 10 rounds. */
static void test_philox(void)
{
    static const struct { uint64_t key, high, low; uint32_t want[4]; } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {~0ull, ~0ull, ~0ull, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t got[4];
        philox(known[i].key, known[i].high, known[i].low, got);
        for (int k = 0; k < 4; k++)
            CHECK_MSG(got[k] == known[i].want[k], "philox vector %zu word %d: %08x, wanted %08x", i, k, got[k],
                      known[i].want[k]);
    }
}

/* Inside (0,1), of mean 1/2 and variance 1/12, and another number for another seed, stream, index or place. */
static void test_draw(void)
{
    enum { DRAWS = 20000 };
    double sum = 0, squares = 0, low = 1, high = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = draw(3, STREAM_TEST, (uint64_t)i / 8, (uint32_t)i % 8);
        sum += u, squares += u * u, low = fmin(low, u), high = fmax(high, u);
    }
    CHECK(low > 0 && high < 1);
    CLOSE(sum / DRAWS, 0.5, 0.01);
    CLOSE(squares / DRAWS - pow(sum / DRAWS, 2), 1.0 / 12, 0.002);
    double here = draw(1, 2, 3, 4);
    CHECK(here == draw(1, 2, 3, 4));
    CHECK(here != draw(2, 2, 3, 4) && here != draw(1, 3, 3, 4) && here != draw(1, 2, 4, 4) &&
          here != draw(1, 2, 3, 5) && here != draw(1, 2, 3, 8));
}

/* ------------------------------------------------------------------------------------------------
 * Graphs: the helpers
 * ---------------------------------------------------------------------------------------------- */

/* Random numbers for building graphs: a sequence, reproducible by its seed. */
typedef struct Dice { uint64_t seed, thrown; } Dice;

static int throw_below(Dice *dice, int n)
{
    return (int)(draw(dice->seed, STREAM_TEST, dice->thrown++, 0) * n);
}

/* Plans the graph and runs it in an arena that was filled with NaN: whoever reads what nobody wrote is found out. */
static bool plan_and_run(Graph *g, Arena *arena)
{
    Error e = {0};
    *arena = (Arena){0};
    if (!graph_plan(g, &e)) {
        CHECK_MSG(0, "the plan failed: %s", e.text);
        return false;
    }
    arena_reserve(arena, g->arena_bytes + 1);
    memset(arena->base, 0xFF, arena->size);
    graph_bind(g, arena);
    graph_run(g);
    return true;
}

/* ------------------------------------------------------------------------------------------------
 * The planner on random graphs
 *
 * A graph of random ops on maps of one shape, some of its values kept, often with gradients and Adam updates behind it.
 * What was kept must be what the definitions give, each computed with memory of its own: a place given away too early
 * shows at once.
 * ---------------------------------------------------------------------------------------------- */

enum { MAPS = 24, GRAPHS = 300 };

/* A convolution of the family that gives a map of the same shape again. */
static Node *random_conv(Graph *g, Dice *dice, Node *x, bool kinks)
{
    int c = x->shape.d[3], size = 1 + 2 * throw_below(dice, 2), what = throw_below(dice, 3);
    double bound = 1.7 / (size * sqrt(c));
    Shape w_shape = shape_of(size, size, c, c);
    Node *w = test_leaf(g, w_shape, -bound, bound, false);
    ConvShape geometry = conv_shape(x->shape, w_shape, 1, size / 2);
    if (what == 0) return conv2d_input_grad(x, w, geometry);
    Node *bias = throw_below(dice, 2) ? test_leaf(g, shape_of(1, 1, 1, c), -1, 1, false) : NULL;
    return conv2d(x, w, bias, kinks && what == 1 ? 0.2 : 1, geometry);
}

/* A depthwise convolution and a 1x1, which the planner makes one, or a convolution with PReLU, which it makes one, too. */
static Node *random_pair(Graph *g, Dice *dice, Node *x, bool kinks)
{
    int c = x->shape.d[3];
    Shape first = shape_of(3, 3, 1, c), second = shape_of(1, 1, c, c), vector = shape_of(1, 1, 1, c);
    double bound = 1.7 / sqrt(c);
    Node *bias = throw_below(dice, 2) ? test_leaf(g, vector, -1, 1, false) : NULL;
    double slope = kinks && throw_below(dice, 2) ? 0.2 : 1;
    int stride = 1 + throw_below(dice, 2), side = x->shape.d[1];
    Node *h = conv2d(x, test_leaf(g, first, -0.5, 0.5, false), bias, slope, conv_shape(x->shape, first, stride, 1));
    h = conv2d(h, test_leaf(g, second, -bound, bound, false), bias, slope, conv_shape(h->shape, second, 1, 0));
    if (stride == 2) h = enlarge(h, side, side);
    return kinks ? prelu(random_conv(g, dice, h, false), test_leaf(g, vector, -1, 1, false)) : h;
}

/* Down to half the side and up again, by a convolution and the adjoint of another. */
static Node *down_and_up(Graph *g, Dice *dice, Node *x)
{
    int c = x->shape.d[3], k = 1 + throw_below(dice, 2 * c);
    Shape w_shape = shape_of(4, 4, c, k);
    ConvShape geometry = conv_shape(x->shape, w_shape, 2, 1);
    Node *h = conv2d(x, test_leaf(g, w_shape, -0.3, 0.3, false), NULL, 1, geometry);
    return conv2d_input_grad(h, test_leaf(g, w_shape, -0.3, 0.3, false), geometry);
}

static Node *random_norm(Graph *g, Dice *dice, Node *x, Node *residual, bool kinks)
{
    Shape vector = shape_of(1, 1, 1, x->shape.d[3]);
    bool plus = throw_below(dice, 2);
    return instance_norm(x, test_leaf(g, vector, 0.5, 1, false), test_leaf(g, vector, -1, 1, false),
                         plus ? residual : NULL, !plus && kinks ? 0.1 : 1);
}

/* Takes x apart and puts it together otherwise: slices, pads, concats, reshapes. */
static Node *rearranged(Dice *dice, Node *x, Node *other)
{
    int axis = throw_below(dice, AXES), length = x->shape.d[axis], cut = throw_below(dice, length + 1);
    Shape s = x->shape;
    switch (throw_below(dice, 4)) {
    case 0: return slice(concat(x, other, axis), axis, cut, length);
    case 1:
        return length > 1
                   ? concat(slice(x, axis, length / 2, length - length / 2), slice(other, axis, 0, length / 2), axis)
                   : x;
    case 2: return length > 1 ? pad(slice(x, axis, 1, length - 1), axis, throw_below(dice, 2), length) : other;
    default: return reshape(tanh_of(reshape(x, shape_of(s.d[0] * s.d[1], s.d[2], 1, s.d[3]))), s);
    }
}

/* A new map from earlier ones. Without kinks it is smooth, so that its gradient does not depend on rounding; masks,
 * which jump where a sign does, are computed values in double only. */
static Node *random_map(Graph *g, Dice *dice, Node *x, Node *other, bool kinks)
{
    Node *mask = is_double ? other : test_leaf(g, x->shape, -1, 1, false);
    Shape per_picture = shape_of(x->shape.d[0], 1, 1, x->shape.d[3]);
    double area = x->shape.d[1] * x->shape.d[2];
    switch (throw_below(dice, 16)) {
    case 0: return tanh_of(x);
    case 1: return sigmoid(add(x, other));
    case 2: return affine(x, -0.7, 0.1);
    case 3: return scale(add(x, other), 0.5);
    case 4: return sub(tanh_of(x), other);
    case 5: return mul(sigmoid(x), other);
    case 6: return kinks ? leaky_relu(x, 0.3) : softplus(x);
    case 7: return kinks ? leaky_mask(x, mask, 0.3) : tanh_of(mul(x, other));
    case 8: return tanh_of(random_conv(g, dice, x, kinks));
    case 9:
        return tanh_of(add(random_conv(g, dice, x, kinks),
                           kinks ? leaky_mask(random_conv(g, dice, other, false), mask, 0.2) : other));
    case 10: return tanh_of(down_and_up(g, dice, x));
    case 11: return random_norm(g, dice, x, other, kinks);
    case 12: return rearranged(dice, x, other);
    case 13: return tanh_of(random_pair(g, dice, x, kinks));
    case 14: return add(other, scale(sum_to(x, per_picture), 1 / area));
    default: return throw_below(dice, 2) ? softmax(x) : add(stop_grad(x), logsumexp(other));
    }
}

/* Gradients of a number in all leaves made so far, some of them kept, and Adam updates by some of them. */
static int random_gradients(Graph *g, Dice *dice, Node *last, Node **watched)
{
    enum { LEAVES = 12 };
    Node *leaves[LEAVES], *gradients[LEAVES];
    int n = 0, kept = 0;
    for (int i = 0; i < g->count && n < LEAVES; i++)
        if (g->nodes[i]->op == OP_leaf) leaves[n++] = g->nodes[i];
    grad(scale(sum(square(last)), 0.1), leaves, n, gradients);
    Node *schedule = test_leaf(g, shape_of(1, 1, 1, 3), 0.5, 1, false);
    for (int i = 0; i < n; i++) {
        if (throw_below(dice, 2)) watched[kept++] = keep(gradients[i]);
        if (gradients[i]->op == OP_fill || throw_below(dice, 2)) continue;
        Shape s = leaves[i]->shape;
        const Optimiser o = {.op = OP_adam, .beta1 = 0.5, .beta2 = 0.9};
        watched[kept++] = update(&o, gradients[i], leaves[i], test_leaf(g, s, 1, 2, false), test_leaf(g, s, 1, 2, false),
                                 schedule);
    }
    return kept;
}

/* How far off a value is, relative to its largest number, if that is not tiny: a gradient may be mere rounding. */
static double value_error(const Node *y, const double *want)
{
    double worst = 0, largest = 0.1;
    for (size_t i = 0; i < count_of(y); i++) {
        double error = fabs((double)y->data[i] - want[i]);
        if (!(error <= worst)) worst = error;
        largest = fmax(largest, fabs(want[i]));
    }
    return worst / largest;
}

/* The worst error over what is watched. */
static double random_graph_error(uint64_t seed, bool large)
{
    Dice dice = {.seed = seed};
    Graph *g = graph_new();
    bool gradients = throw_below(&dice, 2), kinks = is_double || !gradients;
    int n = 1 + throw_below(&dice, 3), side = 4 * (1 + throw_below(&dice, 2)), c = 1 + throw_below(&dice, 20),
        n_watched = 0;
    Shape shape = large ? shape_of(3, 16, 16, 32) : shape_of(n, side, side, c);
    Node *maps[MAPS], *watched[MAPS + 24];
    int count = large ? 8 : 4 + throw_below(&dice, MAPS - 4);
    for (int i = 0; i < count; i++) {
        if (i < 2) { maps[i] = test_leaf(g, shape, -1, 1, false); continue; }
        maps[i] = random_map(g, &dice, maps[i - 1 - throw_below(&dice, 2)], maps[throw_below(&dice, i)], kinks);
        if (throw_below(&dice, 4) == 0) watched[n_watched++] = keep(maps[i]);
    }
    watched[n_watched++] = keep(maps[count - 1]);
    if (gradients) n_watched += random_gradients(g, &dice, maps[count - 1], watched + n_watched);
    double **want = graph_define(g), worst = 0;
    int defined = g->count;
    Arena arena;
    if (!plan_and_run(g, &arena)) worst = NAN;
    for (int i = 0; i < n_watched; i++) {
        if (isnan(worst)) break;
        double error = value_error(watched[i], want[watched[i]->id]);
        if (!(error <= worst)) worst = error;
    }
    free_values(want, defined);
    graph_free(g);
    places_release(&arena);
    return worst;
}

static void test_planner(void)
{
    double limit = is_double ? 1e-9 : 2e-3, worst = 0;
    for (int i = 0; i < GRAPHS; i++) {
        bool large = i % 50 == 49;
        double error = random_graph_error((uint64_t)i, large);
        CHECK_MSG(error <= limit, "random graph %d: off by %g, allowed %g", i, error, limit);
        if (!(error <= worst)) worst = error;
    }
    printf("%d random graphs, worst error %.1e\n", GRAPHS, worst);
}

/* A label's planes are no channels of a convolution any more, neither forward nor backward, and the values are the same. */
static void test_planes(void)
{
    Graph *g = graph_new();
    Shape s = shape_of(2, 10, 12, 3);
    Node *x = test_leaf(g, s, -1, 1, false), *label = test_leaf(g, shape_of(2, 1, 1, 4), -1, 1, false),
         *w = test_leaf(g, shape_of(7, 7, 7, 20), -0.1, 0.1, false), *gradients[3];
    Node *y = conv2d(with_planes(x, label), w, NULL, LINEAR, conv_shape(shape_of(2, 10, 12, 7), w->shape, 1, 3));
    grad(sum(square(tanh_of(y))), (Node *[]){x, label, w}, 3, gradients);
    Node *watched[4] = {keep(y), keep(gradients[0]), keep(gradients[1]), keep(gradients[2])};
    double **want = graph_define(g);
    int defined = g->count;
    Arena arena;
    if (plan_and_run(g, &arena)) {
        for (int i = 0; i < 4; i++) CLOSE(value_error(watched[i], want[watched[i]->id]), 0, is_double ? 1e-12 : 1e-5);
        for (int i = 0; i < g->n_order; i++) {
            const Node *node = g->order[i];
            CHECK_MSG(!is_conv(node) || node->conv.c <= 4, "%s still has %d channels", op_rows[node->op].name, node->conv.c);
            CHECK_MSG(node->op != OP_concat || node->shape.d[2] != s.d[2], "the planes are still made");
        }
        places_release(&arena);
    }
    free_values(want, defined);
    graph_free(g);
}

/* The table itself, without the planner: the kernel's way out against the definition, with fewer channels than a panel. */
static void test_table(void)
{
    Graph *g = graph_new();
    Node *x = test_leaf(g, shape_of(2, 9, 31, 2), -1, 1, false), *w = test_leaf(g, shape_of(5, 5, 2, 21), -1, 1, false);
    Node *table = test_leaf(g, shape_of(2, 5, 5, 21), -9, 9, false);
    Node *y = keep(conv2d(x, w, NULL, 0.2, conv_shape(x->shape, w->shape, 1, 2)));
    CHECK(conv_takes_table(&y->conv));
    y->in[PLUS] = table;
    double **want = graph_define(g);
    int defined = g->count;
    Arena arena;
    if (plan_and_run(g, &arena)) {
        CLOSE(value_error(y, want[y->id]), 0, is_double ? 1e-12 : 1e-5);
        places_release(&arena);
    }
    free_values(want, defined);
    graph_free(g);
}

/* ------------------------------------------------------------------------------------------------
 * The gradient
 * ---------------------------------------------------------------------------------------------- */

/* Instance norm as the paper writes it, op by op. */
static Node *norm_by_hand(Node *x, Node *scale_, Node *shift, Node *residual, double slope)
{
    Shape per_picture = shape_of(x->shape.d[0], 1, 1, x->shape.d[3]);
    double area = (double)x->shape.d[1] * x->shape.d[2];
    Node *centred = sub(x, scale(sum_to(x, per_picture), 1 / area));
    Node *variance = scale(sum_to(square(centred), per_picture), 1 / area);
    Node *y = add(mul(mul(centred, reciprocal(sqrt_of(add_number(variance, 1e-5)))), scale_), shift);
    if (residual) y = add(y, residual);
    return slope == 1 ? y : leaky_relu(y, slope);
}

static void test_norm(bool with_residual, double slope)
{
    Graph *g = graph_new();
    Shape s = shape_of(2, 5, 4, 19), vector = shape_of(1, 1, 1, 19);
    Node *leaves[4] = {test_leaf(g, s, -1, 2, false), test_leaf(g, vector, 0.5, 1.5, false),
                       test_leaf(g, vector, -1, 1, false), test_leaf(g, s, -1, 1, false)};
    Node *pull = test_leaf(g, s, -1, 1, false), *y[2], *gradients[2][4];
    int n = with_residual ? 4 : 3;
    for (int k = 0; k < 2; k++) {
        y[k] = keep((k ? norm_by_hand : instance_norm)(leaves[0], leaves[1], leaves[2],
                                                       with_residual ? leaves[3] : NULL, slope));
        grad(sum(mul(y[k], pull)), leaves, n, gradients[k]);
        for (int i = 0; i < n; i++) keep(gradients[k][i]);
    }
    Arena arena;
    double limit = is_double ? 1e-12 : 2e-5;
    if (plan_and_run(g, &arena)) {
        for (int i = -1; i < n; i++) {
            Node *fused = i < 0 ? y[0] : gradients[0][i], *by_hand = i < 0 ? y[1] : gradients[1][i];
            double worst = 0, largest = 1e-30;
            for (size_t k = 0; k < count_of(fused); k++) {
                double error = fabs((double)fused->data[k] - (double)by_hand->data[k]);
                if (!(error <= worst)) worst = error;
                largest = fmax(largest, fabs((double)by_hand->data[k]));
            }
            CHECK_MSG(worst <= limit * largest, "instance norm, residual %d, slope %g: %s %d off by %g of %g",
                      with_residual, slope, i < 0 ? "value" : "gradient in operand", i, worst, largest);
        }
        places_release(&arena);
    }
    graph_free(g);
}

static int nodes_added(Node *loss, Node *const *wrt, int n, Node **out)
{
    int before = loss->graph->count;
    grad(loss, wrt, n, out);
    return loss->graph->count - before;
}

/* --fade's share of the way against a logistic inverted in double, its ends, and strengths past 1. */
static void test_share_of_way(void)
{
    const double believed[] = {0.003, 0.01, 0.2}, strengths[] = {0, 0.05, 0.25, 0.5, 0.75, 0.95, 1, 1.7};
    enum { STRENGTHS = sizeof strengths / sizeof *strengths };
    for (int k = 0; k < 3; k++) {
        double e = believed[k], slope = log((1 - e) / e);
        Graph *g = graph_new();
        Node *r = test_leaf(g, shape_of(STRENGTHS, 1, 1, 1), 0, 1, false), *s = keep(share_of_way(r, e));
        for (int i = 0; i < STRENGTHS; i++) r->tensor->data[i] = (real)strengths[i];
        Arena arena;
        if (plan_and_run(g, &arena)) {
            for (int i = 0; i < STRENGTHS; i++) {
                double belief = 1 / (1 + exp(-slope * (2 * (double)s->data[i] - 1)));
                CLOSE((belief - e) / (1 - 2 * e), fmin(strengths[i], 1), is_double ? 1e-12 : 1e-5);
            }
            CLOSE(s->data[0], 0, is_double ? 1e-12 : 1e-5);
            CLOSE(s->data[3], 0.5, is_double ? 1e-12 : 1e-5);
            CLOSE(s->data[STRENGTHS - 1], 1, is_double ? 1e-12 : 1e-5);
            places_release(&arena);
        }
        graph_free(g);
    }
}

/* What a loss does not depend on has gradient zero, and asking for it builds nothing but that zero. */
static void test_unrelated(void)
{
    Graph *g = graph_new();
    Shape s = shape_of(1, 2, 2, 3);
    Node *x = test_leaf(g, s, -1, 1, false), *unrelated = test_leaf(g, s, -1, 1, false), *out[2];
    Node *branch = mean(square(tanh_of(unrelated)));
    (void)branch;
    Node *loss = sum(square(x)), *later = test_leaf(g, s, -1, 1, false);
    int alone = nodes_added(loss, (Node *[]){x}, 1, out);
    int both = nodes_added(loss, (Node *[]){x, unrelated}, 2, out);
    CHECK(both == alone + 1);
    CHECK(shape_equal(out[1]->shape, s));
    keep(out[0]), keep(out[1]);
    Node *after, *stopped;
    CHECK(nodes_added(loss, &unrelated, 1, &after) <= 2);
    CHECK(nodes_added(loss, &later, 1, &after) <= 2);                       /* made after the loss */
    grad(sum(mul(stop_grad(x), x)), &x, 1, &stopped);                       /* d(c x)/dx = c */
    keep(after), keep(stopped);
    Arena arena;
    if (plan_and_run(g, &arena)) {
        for (size_t i = 0; i < count_of(x); i++) {
            CHECK(out[1]->data[i] == 0 && after->data[i] == 0);
            CLOSE(out[0]->data[i], 2 * x->tensor->data[i], 1e-6);
            CHECK(stopped->data[i] == x->tensor->data[i]);
        }
        places_release(&arena);
    }
    graph_free(g);
}

/* The fused norm has a first-order rule only: going further must end with its name, never with a silent zero. */
static void test_second_order_refusal(void)
{
    Graph *g = graph_new();
    Shape s = shape_of(1, 3, 3, 4), vector = shape_of(1, 1, 1, 4);
    Node *x = test_leaf(g, s, -1, 1, false);
    Node *y = instance_norm(x, test_leaf(g, vector, 1, 2, false), test_leaf(g, vector, 1, 2, false), NULL, 0);
    Error e = {0};
    keep(grad1(sum(square(grad1(sum(square(y)), x))), x));
    CHECK(!graph_plan(g, &e) && e.status == 1);
    CHECK_MSG(strncmp(e.text, "instance_norm", 13) == 0 && strstr(e.text, "first-order"), "the refusal says \"%s\"",
              e.text);
    graph_free(g);
}

static void test_mistakes(void)
{
    Graph *g = graph_new();
    Error e = {0};
    Node *x = test_leaf(g, shape_of(1, 4, 4, 3), -1, 1, false);
    keep(concat(x, test_leaf(g, shape_of(1, 4, 5, 3), -1, 1, false), 3));
    CHECK(!graph_plan(g, &e));
    CHECK_MSG(strncmp(e.text, "concat:", 7) == 0 && strstr(e.text, "(1,4,5,3)"), "the mistake is told as \"%s\"",
              e.text);
    graph_free(g);
}

/* ------------------------------------------------------------------------------------------------
 * StarGAN: the penalty, the steps' parts
 * ---------------------------------------------------------------------------------------------- */

/* D's scores for a batch of small pictures, and the penalty on their gradient. */
static void test_penalty(char which)
{
    Graph *g = graph_new();
    Net d = {.letter = 'D', .width = 3, .repeat = 2, .classes = 2, .channels = 2, .size = 8};
    net_attach(&d, g);
    Node *x = test_leaf(g, shape_of(2, 8, 8, 2), -1, 1, false), *leaves[MAX_PARAMETERS + 1],
         *gradients[MAX_PARAMETERS + 1];
    Node *scores = stargan_source(&d, stargan_features(&d, x), NULL);
    Tensor *tensors[MAX_PARAMETERS + 1];
    net_initialise(&d, 5);
    Node *slope = keep(grad1(sum(scores), x));
    Node *penalty = keep(which == 'g' ? gradient_penalty(scores, x) : r1_penalty(scores, x));
    for (int i = 0; i < d.count; i++) {
        leaves[i] = d.parameters[i].leaf, tensors[i] = d.parameters[i].w;
        for (size_t k = 0; k < shape_count(tensors[i]->shape); k++)
            tensors[i]->data[k] *= 3; /* a gradient worth a penalty */
    }
    leaves[d.count] = x, tensors[d.count] = x->tensor;
    grad(penalty, leaves, d.count + 1, gradients);
    for (int i = 0; i <= d.count; i++) keep(gradients[i]);
    Arena arena;
    if (plan_and_run(g, &arena)) {
        double wanted = 0;
        for (int n = 0; n < 2; n++) {
            double squares = 0;
            for (int i = 0; i < 8 * 8 * 2; i++) squares += pow((double)slope->data[n * 128 + i], 2);
            wanted += which == 'g' ? pow(sqrt(squares) - 1, 2) / 2 : squares / 4;
        }
        CLOSE(penalty->data[0], wanted, is_double ? 1e-12 : 1e-5);
        double error = is_double ? difference_error(g, penalty, tensors, gradients, d.count + 1) : 0;
        CHECK_MSG(error <= 1e-6, "penalty %c: its gradient is off by %g", which, error);
        places_release(&arena);
    }
    net_free(&d);
    graph_free(g);
}

/* A picture on which D's slope is 0 costs 1, and its gradient there is 0, not NaN. */
static void test_penalty_at_zero(void)
{
    Graph *g = graph_new();
    Node *x = test_leaf(g, shape_of(2, 4, 4, 1), -1, 1, false), *w = test_leaf(g, shape_of(3, 3, 1, 1), 0, 0, false),
         *dw;
    Node *penalty = keep(gradient_penalty(conv2d(x, w, NULL, 1, conv_shape(x->shape, w->shape, 1, 1)), x));
    grad(penalty, &w, 1, &dw);
    keep(dw);
    Arena arena;
    if (plan_and_run(g, &arena)) {
        CHECK(penalty->data[0] == 1);
        for (size_t i = 0; i < count_of(dw); i++) CHECK(dw->data[i] == 0);
        places_release(&arena);
    }
    graph_free(g);
}

static void test_adversarial(void)
{
    const double s[4] = {-2, -0.5, 0.25, 3};
    for (size_t i = 0; i < sizeof adversarial_losses / sizeof *adversarial_losses; i++) {
        const Adversarial *a = &adversarial_losses[i];
        double want[3] = {0};
        for (int k = 0; k < 4; k++) {
            double minus = log1p(exp(-s[k])), plus = log1p(exp(s[k]));
            bool bce = strncmp(a->name, "bce", 3) == 0, hinge = strcmp(a->name, "hinge") == 0,
                 lsgan = strcmp(a->name, "lsgan") == 0;
            want[0] += bce ? minus : hinge ? fmax(0, 1 - s[k]) : lsgan ? pow(s[k] - 1, 2) : -s[k];
            want[1] += bce ? plus : hinge ? fmax(0, 1 + s[k]) : lsgan ? pow(s[k], 2) : s[k];
            want[2] += strcmp(a->name, "bce-saturating") == 0 ? -plus : bce ? minus : lsgan ? pow(s[k] - 1, 2) : -s[k];
        }
        Graph *g = graph_new();
        Node *scores = test_leaf(g, shape_of(2, 2, 1, 1), 0, 0, false);
        for (int k = 0; k < 4; k++) scores->tensor->data[k] = (real)s[k];
        Node *got[3] = {keep(a->d_real(scores)), keep(a->d_fake(scores)), keep(a->g_fake(scores))};
        Arena arena;
        if (plan_and_run(g, &arena)) {
            for (int k = 0; k < 3; k++)
                CHECK_MSG(fabs((double)got[k]->data[0] - want[k] / 4) < 1e-6, "%s loss %d: %g, wanted %g", a->name, k,
                          (double)got[k]->data[0], want[k] / 4);
            places_release(&arena);
        }
        graph_free(g);
    }
}

static void test_d_repeat(void)
{
    static const int table[][2] = {{128, 6}, {64, 5},  {48, 4},  {96, 5}, {32, 4}, {16, 3},
                                   {256, 6}, {160, 5}, {112, 4}, {4, 1},  {20, 2}, {7, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        CHECK_MSG(default_d_repeat(table[i][0]) == table[i][1], "side %d: %d halvings, wanted %d", table[i][0],
                  default_d_repeat(table[i][0]), table[i][1]);
}

/* ------------------------------------------------------------------------------------------------
 * Training: schedule, targets
 * ---------------------------------------------------------------------------------------------- */

static void test_learning_rate(void)
{
    Settings s = default_settings();
    s.lr = 0.5, s.iters = 10;
    static const double linear[10] = {1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2};
    for (int i = 0; i < 10; i++) CLOSE(learning_rate(&s, i), 0.5 * linear[i], 1e-12);
    snprintf(s.decay, sizeof s.decay, "none");
    CHECK(learning_rate(&s, 0) == 0.5 && learning_rate(&s, 9) == 0.5);
    snprintf(s.decay, sizeof s.decay, "published");
    s.iters = 200000; /* the public code: lr - lr/100000 every 1000 iterations */
    CLOSE(learning_rate(&s, 0), 0.5, 0);
    CLOSE(learning_rate(&s, 100999), 0.5, 0);
    CLOSE(learning_rate(&s, 101000), 0.5 * (1 - 1e-5), 1e-12);
    CLOSE(learning_rate(&s, 199999), 0.5 * (1 - 99e-5), 1e-12);
    s.iters = 1;
    snprintf(s.decay, sizeof s.decay, "linear");
    CLOSE(learning_rate(&s, 0), 0.5, 0);
}

/* A permutation for every iteration; `different` leaves as few pictures with their own label as can be. */
static void test_targets(void)
{
    enum { N = 9 };
    static const int batches[][N] = {{0, 1, 2, 0, 1, 2, 0, 1, 2},
                                     {0, 0, 0, 0, 1, 1, 1, 1, 2},
                                     {0, 0, 0, 0, 0, 0, 0, 1, 2},
                                     {0, 0, 0, 0, 0, 0, 0, 0, 0},
                                     {0, 0, 0, 0, 0, 1, 1, 1, 1}};
    static Trainer t;
    int labels[N], changed = 0;
    t.settings = default_settings();
    t.settings.batch = N;
    t.labels = labels;
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (t.now.iteration = 0; t.now.iteration < 100; t.now.iteration++)
            for (int different = 0; different < 2; different++) {
                int order[N], seen[N] = {0}, of_label[3] = {0}, own = 0, most = 0;
                snprintf(t.settings.targets, sizeof t.settings.targets, different ? "different" : "permute");
                memcpy(labels, batches[b], sizeof labels);
                draw_targets(&t, order);
                for (int i = 0; i < N; i++) {
                    if (order[i] >= 0 && order[i] < N) seen[order[i]]++;
                    changed += order[i] != i;
                }
                int once = 0;
                for (int i = 0; i < N; i++) {
                    once += seen[i] == 1;
                    own += labels[order[i]] == labels[i];
                    most = ++of_label[labels[i]] > most ? of_label[labels[i]] : most;
                }
                CHECK_MSG(once == N, "iteration %ld: the targets are no permutation", t.now.iteration);
                int fewest = 2 * most > N ? 2 * most - N : 0;
                CHECK_MSG(!different || own == fewest, "batch %zu iteration %ld: %d pictures keep their label, %d must",
                          b, t.now.iteration, own, fewest);
            }
    CHECK(changed > 100 * N);
    t = (Trainer){0};
}

/* ------------------------------------------------------------------------------------------------
 * Files: order of weights, settings
 * ---------------------------------------------------------------------------------------------- */

static void test_file_order(void)
{
    static const Shape shapes[] = {{{2, 3, 4, 5}}, {{1, 1, 1, 7}}, {{7, 7, 6, 4}}, {{4, 4, 3, 8}}, {{1, 1, 5, 2}}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t count = shape_count(shapes[i]), once = 0;
        int *hits = must_alloc(count, sizeof *hits);
        for (size_t k = 0; k < count; k++)
            if (from_file_order(shapes[i], AS_FILTER, k) < count) hits[from_file_order(shapes[i], AS_FILTER, k)]++;
        for (size_t k = 0; k < count; k++) once += hits[k] == 1;
        CHECK(once == count);
        free(hits);
    }
    /* R=2 S=3 C=4 K=5. In the file (K,C,R,S) the next number is the next s, after 3 the next r, after 6 the next c,
     * after 24 the next k; here (R,S,C,K) they are 20, 60, 5 and 1 apart. */
    static const size_t hand[][2] = {
        {0, 0}, {1, 20}, {2, 40}, {3, 60}, {6, 5}, {24, 1}, {24 + 6 + 3 + 1, 1 + 5 + 60 + 20}, {119, 119}};
    for (size_t i = 0; i < sizeof hand / sizeof *hand; i++) {
        CHECK(from_file_order(shapes[0], AS_FILTER, hand[i][0]) == hand[i][1]);
        CHECK(from_file_order(shapes[0], AS_DENSE, hand[i][0]) == hand[i][1]);
    }
    Shape pictures = shape_of(2, 3, 4, 5); /* (N,P,P,X) from (N,X,P,P): x, rows, pictures, channels */
    static const size_t also[][2] = {{0, 0}, {1, 5}, {4, 20}, {12, 1}, {60, 60}, {119, 119}};
    for (size_t i = 0; i < sizeof also / sizeof *also; i++)
        CHECK(from_file_order(pictures, AS_PICTURES, also[i][0]) == also[i][1]);
    CHECK(from_file_order(shape_of(1, 1, 1, 9), AS_VECTOR, 7) == 7);
    CHECK(from_file_order(shape_of(4, 1, 1, 9), AS_MATRIX, 23) == 23);
    int64_t d[AXES];
    file_dimensions(shapes[0], AS_DENSE, d);
    CHECK(d[0] == 5 && d[1] == 24);
    file_dimensions(shape_of(4, 1, 1, 9), AS_MATRIX, d);
    CHECK(d[0] == 4 && d[1] == 9);
    file_dimensions(pictures, AS_PICTURES, d);
    CHECK(d[0] == 2 && d[1] == 5 && d[2] == 3 && d[3] == 4);
}

/* Every setting, said and read back, at its usual value and at both ends. */
static void test_settings(void)
{
    Settings usual = default_settings();
    Error e;
    char text[TEXT * 4], again[TEXT * 4], number[64];
    for (int i = 0; i < SETTINGS; i++) {
        const Option *which = &settings_table[i];
        Settings s = usual;
        CHECK(find_setting(which->name) == which);
        for (int end = 0; end < 3; end++) {
            snprintf(number, sizeof number, "%.17g", end == 1 ? which->low : which->high);
            option_text(&usual, which, text, sizeof text);
            const char *given = end == 0 ? text : which->kind != 's' ? number : which->choices ? text : "some text, with = signs";
            double low = which->low, usual_value = atof(text);
            if (end == 0 && which->kind != 's' && usual_value < low) continue; /* 0: to be found out from the data */
            CHECK_MSG(set_setting(&s, which, given, &e), "--%s %s: %s", which->name, given, e.text);
            option_text(&s, which, again, sizeof again);
            CHECK_MSG(which->kind == 's' ? strcmp(again, given) == 0 : atof(again) == atof(given),
                      "--%s %s comes back as %s", which->name, given, again);
        }
        CHECK_MSG(!which->choices || !set_setting(&s, which, "neither of them", &e), "--%s takes anything", which->name);
        CHECK_MSG(which->help && *which->help && (which->use & (FIXED | FREE | COMMAND | OTHER)), "--%s: no help", which->name);
        if (which->kind == 's') continue;
        snprintf(number, sizeof number, "%.17g", which->high + 1);
        CHECK_MSG(!set_setting(&s, which, number, &e) && e.status == 2, "--%s takes %s", which->name, number);
        snprintf(number, sizeof number, "%.17g", which->low - 1);
        CHECK_MSG(!set_setting(&s, which, number, &e), "--%s takes %s", which->name, number);
        CHECK_MSG(!set_setting(&s, which, "nan", &e) && !set_setting(&s, which, "", &e) &&
                      !set_setting(&s, which, "1x", &e),
                  "--%s takes what is no number", which->name);
    }
}

static void read_config_there(void *settings)
{
    read_config(folder, settings);
}

static void test_config(void)
{
    Settings s = default_settings(), read = default_settings();
    Error e = {0};
    char path[PATH_MAX], a[TEXT * 4], b[TEXT * 4];
    snprintf(s.out, sizeof s.out, "%s", folder);
    snprintf(s.classes, sizeof s.classes, "one,two = 2,three");
    snprintf(s.data, sizeof s.data, "/some where/#faces = here");
    s.size = 48, s.lr = 0.000123456, s.seed = 9000000000000000, s.flip = 0, s.lambda_gp = 1e-6;
    write_config(&s);
    CHECK_MSG(attempt(read_config_there, &read, &e), "%s", e.text);
    for (int i = 0; i < SETTINGS; i++) {
        if (settings_table[i].use == COMMAND) continue;
        option_text(&s, &settings_table[i], a, sizeof a), option_text(&read, &settings_table[i], b, sizeof b);
        CHECK_MSG(strcmp(a, b) == 0, "config: %s was %s and is %s", settings_table[i].name, a, b);
    }
    snprintf(path, sizeof path, "%s/config", folder);
    remove(path);
    CHECK(!attempt(read_config_there, &read, &e) && e.status == 1);
}

typedef struct Stored { const char *text; long found; } Stored;

static void find_iteration(void *stored)
{
    Stored *s = stored;
    TensorFile *file = new_tensors();
    set_metadata(file, "iteration", s->text);
    s->found = stored_iteration(file, "a file");
}

/* A checkpoint's iteration is a whole number, or the file is refused; what it remembers lies before it. */
static void test_stored_iteration(void)
{
    static const char *const wrong[] = {"abc", "", "-4", "4x", " 4", "1e3", "+4", "99999999999999999999"};
    Error e = {0};
    Stored right = {"120", -1};
    CHECK(attempt(find_iteration, &right, &e) && right.found == 120);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Stored s = {wrong[i], -1};
        CHECK_MSG(!attempt(find_iteration, &s, &e) && e.status == 1 && strstr(e.text, "damaged"), "\"%s\" is taken for %ld",
                  wrong[i], s.found);
    }
    CHECK(earlier(7, 7, "a file") == 7 && earlier(0, 7, "a file") == 0);
}

/* ------------------------------------------------------------------------------------------------
 * The public functions
 * ---------------------------------------------------------------------------------------------- */

/* Writes a small generator with random weights, and draws one picture with it the internal way. */
static bool write_generator(const char *path, const char *prefix, int channels, const unsigned char *picture,
                            const float *condition, unsigned char *drawn)
{
    Net net = {.letter = 'G', .width = 3, .repeat = 2, .classes = 3, .condition = 3, .channels = channels, .size = 16};
    Scope inner;
    enter(&inner);
    Drawing drawing = new_drawing(&net, expression_generator, 1);
    TensorFile file = {0};
    char why[TENSORFILE_ERROR_SIZE] = "";
    net_initialise(&net, 17);
    for (int i = 0; i < net.count; i++)
        store_tensor(&file, prefix, net.parameters[i].w->name, net.parameters[i].w->shape,
                     net.parameters[i].w->data, layout_of(&net.parameters[i]));
    tensorfile_set_metadata(&file, "size", "16");
    tensorfile_set_metadata(&file, "classes", "calm,glad");
    bool ok = tensorfile_save(path, &file, why);
    CHECK_MSG(ok, "writing %s: %s", path, why);
    tensorfile_free(&file);
    Arena arena;
    if (ok && plan_and_run(drawing.graph, &arena)) {
        image_from_bytes(picture, (size_t)(16 * 16 * channels), drawing.x->data);
        for (int i = 0; i < 3; i++) drawing.condition->data[i] = (real)condition[i];
        graph_run(drawing.graph);
        image_to_bytes(drawing.y->data, (size_t)(16 * 16 * channels), drawn);
        places_release(&arena);
    }
    leave();
    net_free(&net);
    return ok;
}

static void test_public(const char *prefix, int channels)
{
    char path[PATH_MAX], error[FACEGAN_ERROR] = "";
    unsigned char picture[16 * 16 * 3], want[16 * 16 * 3], got[16 * 16 * 3], large[40 * 24 * 3];
    const float condition[3] = {0, 0.75f, 0.25f};
    size_t bytes = (size_t)(16 * 16 * channels);
    for (size_t i = 0; i < sizeof picture; i++) picture[i] = (unsigned char)(255 * draw(1, STREAM_TEST, i, 0));
    snprintf(path, sizeof path, "%s/generator.safetensors", folder);
    if (!write_generator(path, prefix, channels, picture, condition, want)) return;
    Facegan *model = facegan_open(path, error);
    CHECK_MSG(model, "facegan_open: %s", error);
    if (!model) return;
    CHECK(facegan_classes(model) == 3 && facegan_size(model) == 16 && facegan_channels(model) == channels);
    CHECK(strcmp(facegan_class_name(model, 0), "calm") == 0 && strcmp(facegan_class_name(model, 1), "glad") == 0);
    CHECK(strcmp(facegan_class_name(model, 2), "class2") == 0);
    CHECK(!facegan_class_name(model, 3) && !facegan_class_name(model, -1));
    CHECK_MSG(facegan_edit(model, picture, 16, 16, channels, condition, got, error), "facegan_edit: %s", error);
    CHECK(memcmp(got, want, bytes) == 0);
    CHECK(facegan_edit(model, picture, 16, 16, channels, (const float[3]){1, 0, 0}, got, error) &&
          memcmp(got, want, bytes) != 0);
    for (int y = 0; y < 24; y++) /* the centre of a wider one, each pixel doubled and cut at the sides */
        for (int x = 0; x < 40; x++)
            for (int c = 0; c < channels; c++) large[(y * 40 + x) * channels + c] = 128;
    CHECK(facegan_edit(model, large, 40, 24, channels, condition, got, error));
    CHECK(facegan_edit(model, picture, 16, 16, 4 - channels, condition, got, error) ==
          1); /* grey for colour and the reverse */
    CHECK(facegan_edit(model, picture, 1, 1, channels, condition, got, error));
    error[0] = 0;
    CHECK(!facegan_edit(model, picture, 0, 16, channels, condition, got, error) && error[0]);
    CHECK(!facegan_edit(model, picture, 16, -1, channels, condition, got, error));
    CHECK(!facegan_edit(model, picture, 16, 16, 2, condition, got, error) && strstr(error, "channels"));
    facegan_close(model);
    remove(path);
    CHECK(!facegan_open(path, error) && strstr(error, path));
    facegan_close(NULL);
}

/* A StarGAN that paints: strength 0 leaves the picture, 1 is the label as G has learnt it to the bit, and through a mask
 * 0.5 is half of the change, twice as much as 0.25. */
static void test_in_part(char how)
{
    enum { SIDE = 16, PIXELS = SIDE * SIDE, STRENGTHS = 4 };
    static const real strengths[STRENGTHS] = {1, 0, 0.5, 0.25};
    real drawn[2][STRENGTHS][PIXELS], *x = NULL;
    for (int in_part = 0; in_part < 2; in_part++) {
        Net net = {.letter = 'G', .width = 4, .repeat = 1, .classes = 2, .condition = 2, .channels = 1, .size = SIDE,
                   .editor = {.keep = how, .in_part = in_part}};
        Scope inner;
        enter(&inner);
        Drawing d = new_drawing(&net, edit_generator, 1);
        net_initialise(&net, 17);
        Arena arena;
        bool ok = plan_and_run(d.graph, &arena);
        for (int s = 0; ok && s < STRENGTHS; s++) {
            for (size_t i = 0; i < PIXELS; i++) d.x->data[i] = (real)(2 * draw(1, STREAM_TEST, i, 0) - 1);
            d.condition->data[0] = 0, d.condition->data[1] = strengths[s];
            graph_run(d.graph);
            memcpy(drawn[in_part][s], d.y->data, sizeof drawn[in_part][s]);
        }
        x = d.x->data;
        for (size_t i = 0; ok && in_part && i < PIXELS; i++) {
            CLOSE(drawn[1][1][i], x[i], 1e-6);
            CLOSE(drawn[1][0][i], drawn[0][0][i], is_double ? 1e-6 : 0);
            if (how == 'm') CLOSE(drawn[1][2][i] - x[i], 2 * (drawn[1][3][i] - x[i]), 1e-6);
            if (how == 'm') CLOSE(drawn[1][0][i] - x[i], 2 * (drawn[1][2][i] - x[i]), 1e-6);
        }
        if (ok) places_release(&arena);
        leave();
        net_free(&net);
    }
}

/* --fade divides by a mask made of two: where both are next to nothing, its gradient is finite all the same. */
static void test_fade_without_paint(void)
{
    Graph *g = graph_new();
    Net net = {.letter = 'G', .width = 4, .repeat = 1, .classes = 3, .condition = 2, .channels = 1, .size = 16,
               .space = 'l', .graph = g, .editor = {.keep = 'm', .fade = 0.01}};
    Node *x = test_leaf(g, shape_of(1, 16, 16, 1), -1, 1, false), *z = test_leaf(g, shape_of(1, 1, 1, 2), 0.2, 0.5, false),
         *slope = keep(grad1(sum(square(stargan_generator(&net, x, z))), z));
    net_initialise(&net, 17);
    for (int i = 0; i < net.count; i++) {
        Tensor *w = net.parameters[i].w;
        for (size_t k = 0; strstr(w->name, "mask.weight") && k < shape_count(w->shape); k++) w->data[k] = -2;
    }
    Arena arena;
    if (plan_and_run(g, &arena)) {
        CHECK(isfinite(slope->data[0]) && isfinite(slope->data[1]));
        places_release(&arena);
    }
    graph_free(g);
    net_free(&net);
}

/* facegan.h is for other programs, also those in C++; its inner part is for gpu.cu. */
static void test_header(void)
{
    static const char *const commands[][2] = {
        {"c++", "-std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++"},
        {"c++", "-std=c++17 -Wall -Wextra -Werror -fsyntax-only -DFACEGAN_INTERNAL -x c++"},
        {"cc", "-std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c"},
        {"cc", "-std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -DFACEGAN_INTERNAL -x c"},
    };
    char source[300], command[800];
    snprintf(source, sizeof source, "%s/includes.h", folder);
    FILE *file = fopen(source, "w");
    CHECK(file != NULL);
    if (!file) return;
    fprintf(file, "#include \"facegan.h\"\n#include \"facegan.h\"\nint use(const Facegan *model);\nint use(const "
                  "Facegan *model) { return facegan_classes(model); }\n");
    fclose(file);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", commands[i][0]);
        if (system(command) != 0) { SKIP("no compiler to read facegan.h with"); continue; }
        snprintf(command, sizeof command, "%s %s -I. '%s'", commands[i][0], commands[i][1], source);
        CHECK_MSG(system(command) == 0, "facegan.h does not compile with %s %s", commands[i][0], commands[i][1]);
    }
    remove(source);
}

/* ------------------------------------------------------------------------------------------------ */

/* The network inside files in which a training wrapped it, or saved several. */
static void test_prefixes(void)
{
    static const struct { const char *names[3], *wanted; } files[] = {
        {{"main.0.weight"}, ""},
        {{"module.main.0.weight"}, "module."},
        {{"state_dict.module.main.0.weight", "optimizer.main.0.weight"}, "optimizer."},
        {{"generator.main.0.weight", "g_ema.main.0.weight"}, "g_ema."},
        {{"D.main.0.weight", "G.main.0.weight", "average.G.main.0.weight"}, "average.G."},
        {{"domain.0.weight", "netG.main.0.weight"}, "netG."},
        {{"domain.0.weight"}, ""},
    };
    const int64_t shape[AXES] = {4, 8, 7, 7};
    static float numbers[4 * 8 * 7 * 7];
    no_messages = true;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        TensorFile file = {0};
        char prefix[TENSORFILE_PREFIX];
        for (int k = 0; k < 3 && files[i].names[k]; k++)
            CHECK(tensorfile_add(&file, files[i].names[k], TENSOR_F32, AXES, shape, numbers));
        find_prefix(&file, "file", "main.0.weight", AXES, (const int64_t[AXES]){0, 0, 7, 7}, prefix);
        CHECK(strcmp(prefix, files[i].wanted) == 0);
        find_prefix(&file, "file", "main.0.weight", AXES, (const int64_t[AXES]){0, 0, 4, 4}, prefix);
        CHECK(*prefix == 0);
        tensorfile_free(&file);
    }
    no_messages = false;
}

/* A command within another's work, as a study carries them out, leaves the machine as it was. */
static void test_within(void)
{
    char *words[] = {"facegan", "data", "draw", "--isa", "portable", "--threads", "3", "--max-memory", "4096", "--out",
                     "/dev/null/no"};
    const Kernels *chosen = kernels;
    struct rlimit limit;
    if (SANITIZED) { SKIP("a limit of memory, under AddressSanitizer"); return; }
    no_messages = false, commands = 1;
    CHECK(facegan_main(sizeof words / sizeof *words, words) == 1);
    commands = 0;
    getrlimit(RLIMIT_DATA, &limit);
    CHECK(kernels == chosen && thread_count() == 2 && !no_messages && most_memory == 0 && limit.rlim_cur == limit.rlim_max);
}

/* The library refuses an instruction set that is none, as the command line does. */
static void test_wrong_kernels(void)
{
    const Kernels *chosen = kernels;
    char error[FACEGAN_ERROR] = "", *said = getenv("FACEGAN_ISA"), *kept = said ? own_text("%s", said) : NULL;
    kernels = NULL;
    setenv("FACEGAN_ISA", "abacus", 1);
    CHECK(!facegan_open("nowhere", error) && strncmp(error, "FACEGAN_ISA=abacus: expected", 28) == 0);
    if (kept) setenv("FACEGAN_ISA", kept, 1);
    else unsetenv("FACEGAN_ISA");
    kernels = chosen;
}

int main(void)
{
    Scope all;
    enter(&all);
    char why[256];
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/facegan-core-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(folder) || !kernels_choose(getenv("FACEGAN_ISA"), why)) {
        CHECK_MSG(0, "no temporary directory, or no such FACEGAN_ISA");
        return check_report();
    }
    test_prefixes();
    test_philox();
    test_draw();
    threads_start(2);
    test_planner();
    test_planes();
    test_table();
    static const double slopes[] = {1, 0, 0.2};
    for (int i = 0; i < 3; i++) test_norm(false, slopes[i]);
    test_norm(true, 1);
    test_share_of_way();
    test_in_part('m');
    test_in_part('w');
    test_fade_without_paint();
    test_unrelated();
    test_second_order_refusal();
    test_mistakes();
    test_penalty('g');
    test_penalty('r');
    test_penalty_at_zero();
    test_adversarial();
    test_d_repeat();
    test_learning_rate();
    test_targets();
    test_within();
    test_wrong_kernels();
    test_file_order();
    test_settings();
    test_config();
    test_stored_iteration();
    test_public("G.", 3);
    test_public("", 1);
    test_header();
    rmdir(folder);
    threads_stop();
    leave();
    return check_report();
}
