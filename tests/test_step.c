/* test_step.c: `facegan step` against recorded iterations.
 *
 * tests/parity/NAME.in.safetensors holds weights, a batch and every random draw of one training iteration;
 * NAME.want.safetensors what one D step and then one G step must give: losses, fakes, gradients, updated weights,
 * computed in float64 from the equations by another program. Compared is the relative error of a whole tensor, ||got -
 * want|| / ||want||; of an updated weight, the STEP it made, after - before: the weights themselves hardly move and
 * would hide a wrong update.
 *
 *              loss   picture  gradient  step
 *   float      2e-5   1e-4     3e-2      0.25     a kink of ReLU or |x| that flips moves a whole gradient, and Adam's
 *   double     1e-6   2e-6     1e-5      1e-2     first step is a sign, which is noise where the true gradient is zero
 *
 *   tf32       1e-3   5e-3     0.2       0.6
 *
 * So the float build shows that the kernels are right, the double build that the equations are.
 * test_step COMMAND [tf32]: the same with another command, e.g. "./facegan step --device gpu --precision fp32". */
#define TENSORFILE_IMPLEMENTATION
#define TENSORFILE_STATIC
#include "vendor/tensorfile.h"
#include "check.h"
#include <stdbool.h>

enum { PATH_BYTES = 256 };

typedef enum { LOSS, PICTURE, GRADIENT, STEP, KINDS } Kind;

static const char *const kind_names[KINDS] = {"loss", "picture", "gradient", "step"};
static double limits[2][KINDS] = {{2e-5, 1e-4, 3e-2, 0.25}, {1e-6, 2e-6, 1e-5, 1e-2}};  /* [is it the double build?] */
static const double tf32_limits[KINDS] = {1e-3, 5e-3, 0.2, 0.6};
static const char *given;               /* the command on the command line, or NULL */

static const char *const recorded[] = {"stargan-wgan-gp", "stargan-bce-grey", "stargan-bce-saturating",
                                       "stargan-hinge-attributes", "stargan-lsgan-r1",
                                       "ganmut-linear", "ganmut-linear-approximate-r1", "ganmut-gaussian",
                                       "gan-soft", "cgan-wrong-r1", "wgan-told", "wgan-gp-told", "wacgan", "wacgan-seed"};

static char folder[PATH_BYTES];         /* of everything this test writes */

static Kind kind_of(const char *name)
{
    if (strncmp(name, "grad.", 5) == 0) return GRADIENT;
    if (strncmp(name, "after.", 6) == 0) return STEP;
    return strncmp(name, "fake", 4) == 0 ? PICTURE : LOSS;
}

static bool same_shape(const TensorEntry *a, const TensorEntry *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++) same = a->shape[i] == b->shape[i];
    return same;
}

/* The error of one tensor; `before` is the weight before the update, NULL for other kinds. NaN where anything is NaN.
 */
static double tensor_error(Kind kind, const TensorEntry *before, const TensorEntry *want, const TensorEntry *got)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < tensorfile_count(want); i++) {
        double from = before ? tensorfile_get(before, i) : 0;
        double w = tensorfile_get(want, i) - from, g = tensorfile_get(got, i) - from;
        difference += (g - w) * (g - w);
        norm += w * w;
    }
    difference = sqrt(difference), norm = sqrt(norm);
    if (kind == LOSS && difference <= 2e-6) return 0;
    if (kind == GRADIENT && norm <= 1e-6) return difference <= 1e-6 ? 0 : difference;
    return norm > 1e-7 ? difference / norm : difference;
}

/* Loads all three files or none. */
static bool load_three(const char *paths[3], TensorFile files[3])
{
    char error[TENSORFILE_ERROR_SIZE];
    for (int i = 0; i < 3; i++) {
        if (tensorfile_load(paths[i], &files[i], error)) continue;
        CHECK_MSG(0, "%s", error);
        while (i > 0) tensorfile_free(&files[--i]);
        return false;
    }
    return true;
}

/* One check for each tensor that is wanted, and the worst error of each kind for the reader. */
static void compare(const char *name, const TensorFile *before, const TensorFile *want, const TensorFile *got,
                    bool is_double)
{
    double worst[KINDS] = {0};
    CHECK_MSG(want->count > 20, "%s: only %zu tensors to compare", name, want->count);
    for (size_t i = 0; i < want->count; i++) {
        const TensorEntry *w = &want->tensors[i], *g = tensorfile_find(got, w->name);
        Kind kind = kind_of(w->name);
        const TensorEntry *b = kind == STEP ? tensorfile_find(before, w->name + 6) : NULL;
        bool there = g && same_shape(w, g) && (kind != STEP || b);
        CHECK_MSG(there, "%s: %s is missing or has another shape", name, w->name);
        if (!there) continue;
        double error = tensor_error(kind, b, w, g);
        if (!(error <= worst[kind])) worst[kind] = error;
        CHECK_MSG(error <= limits[is_double][kind], "%s%s: %s is off by %g, allowed %g", name,
                  is_double ? " (double)" : "", w->name, error, limits[is_double][kind]);
    }
    printf("%-26s %-6s", name, is_double ? "double" : "float");
    for (int k = 0; k < KINDS; k++) printf("  %s %.1e", kind_names[k], worst[k]);
    printf("\n");
}

/* A comparison that cannot fail proves nothing: a hundredth of a tensor's norm, or a NaN, on one element must be seen.
 */
static void check_sensitivity(const TensorFile *before, const TensorFile *want)
{
    for (size_t i = 0; i < want->count; i++) {
        const TensorEntry *w = &want->tensors[i];
        Kind kind = kind_of(w->name);
        const TensorEntry *b = kind == STEP ? tensorfile_find(before, w->name + 6) : NULL;
        size_t count = tensorfile_count(w);
        double *values = malloc(count * sizeof *values), norm = 0;
        TensorEntry spoilt = *w;
        tensorfile_to_f64(w, values);
        for (size_t k = 0; k < count; k++) norm += pow(values[k] - (b ? tensorfile_get(b, k) : 0), 2);
        spoilt.type = TENSOR_F64;
        spoilt.data = values;
        values[count / 2] += norm > 0 ? 0.011 * sqrt(norm) + 3e-6 : 0.011;         /* a weight that nothing uses: 0 */
        CHECK_MSG(tensor_error(kind, b, w, &spoilt) > limits[1][kind], "a wrong %s passes", w->name);
        values[count / 2] = NAN;
        CHECK_MSG(!(tensor_error(kind, b, w, &spoilt) <= limits[0][kind]), "a NaN in %s passes", w->name);
        free(values);
    }
}

static void check_recorded(const char *name, bool is_double)
{
    char in[PATH_BYTES], want[PATH_BYTES], got[PATH_BYTES + 32], command[4 * PATH_BYTES];
    TensorFile files[3];
    snprintf(in, sizeof in, "tests/parity/%s.in.safetensors", name);
    snprintf(want, sizeof want, "tests/parity/%s.want.safetensors", name);
    snprintf(got, sizeof got, "%s/got.safetensors", folder);
    const char *usual = is_double ? "./facegan64 step" : "./facegan step";
    snprintf(command, sizeof command, "%s %s %s --quiet", given ? given : usual, in, got);
    int status = system(command);
    CHECK_MSG(status == 0, "%.400s ended with %d", command, status);
    if (status == 0 && load_three((const char *[]){in, want, got}, files)) {
        compare(name, &files[0], &files[1], &files[2], is_double);
        if (!is_double && !given) check_sensitivity(&files[0], &files[1]);
        for (int i = 0; i < 3; i++) tensorfile_free(&files[i]);
    }
    remove(got);
}

int main(int argc, char **argv)
{
    if (argc > 1) given = argv[1];
    if (argc > 2 && strcmp(argv[2], "tf32") == 0) memcpy(limits[0], tf32_limits, sizeof tf32_limits);
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/facegan-step-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(folder)) {
        CHECK_MSG(0, "cannot make a temporary directory: %s", strerror(errno));
        return check_report();
    }
    for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++)
        for (int is_double = 0; is_double < (given ? 1 : 2); is_double++) check_recorded(recorded[i], is_double);
    rmdir(folder);
    return check_report();
}
