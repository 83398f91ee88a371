/* test_edits.c: vendor/edits.h. Ten pictures, of which every second one is edited, to half its contrast, against right
 * values worked out by hand. */
#include "../vendor/all.h"
#include <stdlib.h>
#include <string.h>
#include "check.h"

enum { SIDE = 12, PIXELS = SIDE * SIDE };

static const char *const names[2] = {"cat", "dog"};

static double chance(void *context, int c)
{
    (void)context;
    return c ? 0.75 : 0.25;
}

/* A chequered board, and what stays of it when it is so much of itself. */
static void board(IMAGE_REAL *x, double share)
{
    for (int i = 0; i < PIXELS; i++) x[i] = (IMAGE_REAL)(share * ((i % SIDE + i / SIDE) % 2 ? 0.5 : -0.5));
}

/* Ten pictures; every second one is edited to half its contrast, the others stay; the way back is always whole. */
static Edits *ten_pictures(void)
{
    IMAGE_REAL x[PIXELS], half[PIXELS];
    Edits *e = new_edits((Edits){.of = "run", .data = "faces", .judge = "judge", .hash = 0xabc, .names = names,
                                 .classes = 2, .features = 1, .side = SIDE, .channels = 1}, 10);
    board(x, 1), board(half, 0.5);
    for (int i = 0; i < 10; i++) {
        const double right[2] = {i % 2 == 0, i % 2 == 1};
        e->real_features[i] = i, e->edited_features[i] = i % 2;
        stats_confusion_add(&e->real, i % 2, right), stats_confusion_add(&e->edited, 0, right);
        add_edit(e, x, i % 2 ? half : x, x, half);
    }
    return e;
}

static void test_sums(void)
{
    static double curves[6] = {0, 0.5, 1, 1, 0, 1};                     /* rises in equal steps; falls, then jumps */
    Edits *e = ten_pictures();
    const Scores *s = &e->scores;
    CHECK(e->n == 10 && e->measures[EDITS_PERSON][0] == 1 && e->measures[EDITS_PERSON][1] < 1);
    CLOSE(e->measures[EDITS_DETAIL][1], 0.25, 1e-6);                    /* half the contrast: a quarter of the variance */
    e->curves = curves, e->n_curves = 2, e->points = 3;
    sum_edits(e, (StatsInterval){4, 3, 6}, NULL, 7, chance, NULL);
    CHECK(score_of(s, "accuracy.real") == 1 && score_of(s, "accuracy.edited") == 0.5);
    CLOSE(score_of(s, "f1.edited.cat"), 2.0 / 3, 1e-15);                /* of ten cats asked for five came out */
    CHECK(score_of(s, "f1.edited.dog") == 0 && score_of(s, "fed") == 4 && score_of(s, "smoothness.rising") == 0.5);
    CLOSE(score_of(s, "smoothness"), 0.75, 1e-15);                      /* steps of a half and of all */
    CHECK(score_of(s, "cycle.l1") == 0);
    CLOSE(e->moved / e->n, 0.125, 1e-7);                                /* every second picture moves by a quarter */
    CLOSE(e->kept / e->n, 0.5, 1e-12);                                  /* by more than a tenth of the range: by none */
    CLOSE(score_of(s, "detail"), (0.25 + 1) / 2, 1e-6);
    CLOSE(score_of(s, "diversity.pairs"), 25.0 / 45 / (165.0 / 45), 1e-12);     /* 25 pairs of 45 are 1 apart */
    CHECK(score_of(s, "diversity.nearest") == 0 && score_of(s, "diversity.clusters") == 0.5);
    Edits *few = ten_pictures();
    few->curves = curves, few->n_curves = 2, few->points = 3;
    sum_edits(few, (StatsInterval){NAN, NAN, NAN}, NULL, 0, chance, NULL);
    CHECK(isnan(score_of(&few->scores, "fed")) && strstr(score_table(&few->scores)->cells[4 * 7 + 3], "refused: 10"));
    Edits *odd = ten_pictures();
    odd->curves = curves, odd->n_curves = 2, odd->points = 3;
    sum_edits(odd, (StatsInterval){NAN, NAN, NAN}, "odd", 0, chance, NULL);
    CHECK(strcmp(score_table(&odd->scores)->cells[4 * 7 + 3], "not known: odd") == 0);
}

/* Features 0..9 of real pictures, half as much of drawn ones: the halves' means are 1 apart, classes half as varied. */
static void test_drawn(void)
{
    static const double training[2] = {0, 9};
    int label[10];
    Edits *e = new_edits((Edits){.of = "run", .data = "faces", .judge = "judge", .names = names, .classes = 2,
                                 .features = 1, .side = SIDE, .channels = 1, .label = label}, 10);
    for (int i = 0; i < 10; i++) {
        const double right[2] = {i % 2 == 0, i % 2 == 1};
        label[i] = i % 2, e->real_features[i] = i, e->edited_features[i] = i / 2.0, e->n++;
        stats_confusion_add(&e->real, i % 2, right), stats_confusion_add(&e->edited, 0, right);
    }
    e->training = (StatsRows){training, 2, 1};
    sum_edits(e, (StatsInterval){4, 3, 6}, NULL, 7, chance, NULL);
    const Scores *s = &e->scores;
    CHECK(score_of(s, "accuracy.drawn") == 0.5 && score_of(s, "fed") == 4 && isnan(score_of(s, "accuracy.edited")));
    CHECK(isnan(score_of(s, "ssim.edit")) && isnan(score_of(s, "smoothness")));
    CLOSE(score_of(s, "fed.halves"), 1, 1e-9);
    CLOSE(score_of(s, "diversity.pairs"), 0.5, 1e-12);
    CLOSE(score_of(s, "diversity.within"), 0.5, 1e-12);
    CLOSE(score_of(s, "diversity.training"), 2.25 / 2, 1e-12);          /* nearest to 0 or 9: 2.25 of drawn, 2 of real ones */
}

static void test_texts(void)
{
    static const double real[4] = {3, 3, 3, 3}, edited[4] = {1, 1, 1, 5};
    char text[4000] = "";
    Edits *e = ten_pictures();
    add_told_apart(&e->scores, real, edited, 4);                        /* threshold 2.5 of the even, F1s of the odd */
    CLOSE(score_of(&e->scores, "discriminator.f1.real"), 4.0 / 5, 1e-15);
    CLOSE(score_of(&e->scores, "discriminator.f1.fake"), 2.0 / 3, 1e-15);
    FILE *file = fmemopen(text, sizeof text, "w");
    edits_text(file, e);
    fclose(file);
    CHECK(strstr(text, "run on faces, 10 pictures\nclassifier judge, hash 0000000000000abc, 1 features\n\n") == text);
    CHECK(strstr(text, "discriminator.f1.real") && strstr(text, "real, is") && strstr(text, "drawn as"));
    file = fmemopen(text, sizeof text, "w");
    edits_json(file, e);
    fclose(file);
    CHECK(strstr(text, "\"confusion_real\": [[5, 0], [0, 5]],\n \"confusion_edited\": [[5, 5], [0, 0]]}\n"));
    const Table *t = edits_lines(e);
    CHECK(t->rows == 3 + 4 && strcmp(t->cells[7 * 5], "confusion.cat.dog") == 0 && strcmp(t->cells[7 * 5 + 1], "5") == 0);
    CHECK(strcmp(t->cells[7 * 7 + 6], "0000000000000abc") == 0 && strcmp(t->cells[7 + 4], "10") == 0);
}

/* The cell of row and column. */
static bool says(const Table *t, int row, int column, const char *text)
{
    const char *cell = t->cells[row * t->columns + column];
    return strcmp(cell ? cell : "", text) == 0;
}

static void test_truth(void)
{
    static const char *const three[3] = {"neutral", "cat", "dog"};
    EditsTruth *t = own(1, sizeof *t), *bare = own(1, sizeof *bare);
    *t = (EditsTruth){.name = "run", .names = three, .n = 3, .right = 0.875, .correlation = {0, 0.9876, 0.5},
                      .least_correlation = 0.5, .angle = 41.6, .smooth = 0.1234, .rising = 0.25};
    *bare = (EditsTruth){.name = "bare", .names = three, .n = 3, .angle = NAN};
    for (int j = 0; j < EDITS_STRENGTHS; j++) t->intensity[1][j] = 0.1 * j, t->intensity[2][j] = 1;
    add_blend(t, (EditsBlend){1, 2, {0.5, 0.75, 0.25}}), add_blend(t, (EditsBlend){2, 1, {0.5, 0.5, 0.25}});
    CHECK(t->n_blends == 2 && t->blended == 1);
    const Table *strengths = truth_strengths(t), *blends = truth_blends(t);
    CHECK(strcmp(strengths->title, "The intensity measured at each strength: run") == 0 && strengths->rows == 2);
    CHECK(says(strengths, 0, 0, "strength") && says(strengths, 0, 10, "1.0") && says(strengths, 0, 11, "Spearman"));
    CHECK(says(strengths, 1, 0, "cat") && says(strengths, 1, 4, "0.30") && says(strengths, 1, 11, "0.988"));
    CHECK(says(strengths, 2, 0, "dog") && says(strengths, 2, 1, "1.00"));
    CHECK(blends->rows == 2 && says(blends, 1, 0, "cat, dog") && says(blends, 1, 2, "75%") && says(blends, 2, 3, "25%"));
    CHECK(!truth_blends(bare));
    Table *all = truth_summary("all", 2);
    add_truth(all, 1, t), add_truth(all, 2, bare);
    CHECK(all->columns == 4 && says(all, 0, 1, "run") && says(all, 0, 2, "bare") && says(all, 0, 3, "aim"));
    CHECK(says(all, 1, 1, "87.5%") && says(all, 2, 1, "0.500") && says(all, 3, 1, "1 of 2") && says(all, 4, 1, "42 deg"));
    CHECK(says(all, 5, 1, "0.123") && says(all, 6, 1, "25%") && says(all, 3, 2, "-") && says(all, 4, 2, "-"));
    CHECK(says(all, 4, 0, "(d) smallest angle") && says(all, 4, 3, "20 deg"));
}

int main(void)
{
    Scope all;
    enter(&all);
    test_sums();
    test_drawn();
    test_texts();
    test_truth();
    leave();
    return check_report();
}
