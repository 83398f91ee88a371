/* test_scores.c: vendor/scores.h. Numbers and confusions in every form, against right values worked out by hand. */
#include "../vendor/all.h"
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "folder.h"

static const char *const names[2] = {"cat", "dog"};

static const char *cell(const Table *t, int row, int column)
{
    const char *text = t->cells[row * t->columns + column];
    return text ? text : "";
}

static void test_numbers(void)
{
    char text[400] = "";
    Scores s = {0};
    Score *first = add_score(&s, "accuracy", 0.75, "of %d", 8);
    first->low = 0.5, first->high = 0.875;
    add_score(&s, "unknown", NAN, "%s", "no pictures");
    CHECK(score_of(&s, "accuracy") == 0.75 && isnan(score_of(&s, "none")) && s.n == 2);
    const Table *t = score_table(&s);
    CHECK(strcmp(cell(t, 0, 2), "95% interval") == 0 && strcmp(cell(t, 1, 1), "0.75") == 0);
    CHECK(strcmp(cell(t, 1, 2), "0.5 to 0.875") == 0 && strcmp(cell(t, 1, 3), "of 8") == 0);
    CHECK(strcmp(cell(t, 2, 1), "-") == 0 && strcmp(cell(t, 2, 2), "") == 0);
    FILE *file = fmemopen(text, sizeof text, "w");
    scores_json(file, &s);
    fclose(file);
    CHECK(strcmp(text, "{\n  \"accuracy\": {\"value\": 0.75000, \"low\": 0.50000, \"high\": 0.87500},"
                       "\n  \"unknown\": {\"value\": null}}") == 0);
    while (s.n < SCORES_MOST) add_score(&s, "more", 1, " ");
    add_score(&s, "last", 2, " ");
    CHECK(s.n == SCORES_MOST && score_of(&s, "last") == 2);
}

/* Three cats, one taken for a dog; two dogs, both right, and one that is undecided. */
static void test_confusions(void)
{
    static const double cat[2] = {0.9, 0.1}, dog[2] = {0.2, 0.8}, neither[2] = {NAN, 0};
    char text[600] = "";
    StatsConfusion f = {.n = 2};
    for (int i = 0; i < 3; i++) stats_confusion_add(&f, 0, i ? cat : dog);
    for (int i = 0; i < 3; i++) stats_confusion_add(&f, 1, i ? dog : neither);
    const Table *t = confusion_table(&f, names, "taken for");
    CHECK(strcmp(cell(t, 0, 0), "taken for") == 0 && strcmp(cell(t, 0, 3), "undecided") == 0);
    CHECK(strcmp(cell(t, 1, 1), "2") == 0 && strcmp(cell(t, 1, 2), "1") == 0 && strcmp(cell(t, 2, 3), "1") == 0);
    const Table *c = class_scores_table(&f, names);
    CHECK(strcmp(cell(c, 1, 0), "cat") == 0 && strcmp(cell(c, 1, 1), "1.0000") == 0);
    CHECK(strcmp(cell(c, 1, 2), "0.6667") == 0 && strcmp(cell(c, 2, 1), "0.6667") == 0);
    CHECK(strcmp(cell(c, 1, 3), "0.8000") == 0 && strcmp(cell(c, 2, 4), "3") == 0);
    FILE *file = fmemopen(text, sizeof text, "w");
    confusion_json(file, &f);
    class_scores_json(file, &f, names);
    fclose(file);
    CHECK(strstr(text, "[[2, 1], [0, 2]][\n  {\"name\": \"cat\", \"pictures\": 3, \"precision\": 1.00000, \"recall\": "
                       "0.66667, \"f1\": 0.80000, \"taken_for\": [2, 1]},\n  {\"name\": \"dog\""));
    const PlotCanvas canvas = plot_confusion(&f, names, "", "is");
    CHECK(canvas.width == 440 && canvas.height == 320);
}

static void test_answers(void)
{
    static const char *const things[3] = {"a.png", "b,c.png", "d.png"};
    static const double p[3][2] = {{0.75, 0.25}, {0.5, 0.5}, {NAN, 0}};
    char text[600] = "";
    Answers a = new_answers(names, 2, 3);
    for (int i = 0; i < 3; i++) add_answer(&a, i > 0, p[i]);
    CHECK(a.count == 3 && answer_of(&a, 1)[0] == 0.5 && a.f.count[0][0] == 1 && a.f.count[1][0] == 1);
    FILE *file = fmemopen(text, sizeof text, "w");
    write_table(answers_table(&a, things), file, TABLE_CSV);
    fclose(file);
    CHECK(strcmp(text, "path,class,answer,cat,dog\na.png,cat,cat,0.75000,0.25000\n\"b,c.png\",dog,cat,0.50000,0.50000\n"
                       "d.png,dog,?,,0.00000\n") == 0);
    file = fmemopen(text, sizeof text, "w");
    answers_json(file, &a);
    fclose(file);
    CHECK(strstr(text, "\"accuracy\": 0.33333, \"macro_f1\": 0.33333, ") == text && text[strlen(text) - 2] == '}');
    file = fmemopen(text, sizeof text, "w");
    answers_text(file, &a);
    fclose(file);
    CHECK(strstr(text, "accuracy 0.3333   macro F1 0.3333   ") == text && strstr(text, "taken for:"));
    double kept[2];
    keep_asked((const double[4]){0.25, 0.375, 0.25, 0.125}, (const int[2]){3, 1}, 2, kept);
    CHECK(kept[0] == 0.25 && kept[1] == 0.75);
}

/* What `form` prints of two verdicts. */
static const char *verdicts(int form)
{
    static char text[600];
    static const double box[4] = {1, 2, 3.25, 4}, p[2] = {0.25, 0.75}, unknown[2] = {NAN, 0};
    Scope inner;
    memset(text, 0, sizeof text);
    FILE *file = fmemopen(text, sizeof text, "w");
    enter(&inner);
    Verdicts *v = new_verdicts(file, form, names, 2);
    add_verdict(v, "a.png", 0, NULL, p), add_verdict(v, "b.png", 2, box, unknown);
    CHECK(v->count == 2);
    leave();
    fclose(file);
    return text;
}

static void test_verdicts(void)
{
    CHECK(strcmp(verdicts(TABLE_CSV), "path,face,emotion,cat,dog\na.png,0,dog,0.25000,0.75000\nb.png,2,?,,0.00000\n") == 0);
    CHECK(strcmp(verdicts(TABLE_JSON),
                 "[\n  {\"path\": \"a.png\", \"emotion\": \"dog\", \"probabilities\": {\"cat\": 0.25000, \"dog\": 0.75000}},\n"
                 "  {\"path\": \"b.png\", \"face\": 2, \"box\": [1.0, 2.0, 3.2, 4.0], \"emotion\": \"?\", "
                 "\"probabilities\": {\"cat\": null, \"dog\": 0.00000}}\n]\n") == 0);
    CHECK(strstr(verdicts(TABLE_TEXT), "picture                      face emotion        cat      dog\n") != NULL);
}

/* Three trials: the second way is better by 0.25 each time, but for one in which it is not. */
static void test_pairs(void)
{
    static const int right[2][3] = {{4, 6, 4}, {6, 8, 4}};              /* of 8 */
    static const double yes[2] = {1, 0}, no[2] = {0, 1};
    Paired p = {.ways = {"before", "after"}, .names = names};
    for (int i = 0; i < 3; i++) {
        StatsConfusion ways[2] = {{.n = 2}, {.n = 2}};
        for (int k = 0; k < 16; k++) stats_confusion_add(&ways[k / 8], 0, k % 8 < right[k / 8][i] ? yes : no);
        add_pair(&p, &ways[0], &ways[1]);
    }
    CHECK(p.pairs == 3 && p.n == 4 && p.score[0][0][1] == 0.75 && p.score[1][0][1] == 1);
    const Table *each = pairs_table(&p, "Each", "trial"), *t = paired_table(&p, "All", "measured");
    CHECK(each->rows == 3 && strcmp(cell(each, 3, 1), "0.5000") == 0 && strcmp(cell(each, 0, 2), "after") == 0);
    CHECK(strcmp(cell(t, 1, 0), "accuracy") == 0 && strcmp(cell(t, 4, 0), "F1 of dog") == 0);
    CHECK(strcmp(cell(t, 1, 1), "0.5833") == 0 && strcmp(cell(t, 1, 2), "0.7500") == 0);
    CHECK(strcmp(cell(t, 1, 3), "+0.1667") == 0 && strcmp(cell(t, 1, 5), "0.1835") == 0);       /* t = 2 of 2 degrees */
    CHECK(strcmp(paired_words(t, "with care"), "Accuracy +0.1667 with care (p = 0.1835): no difference beyond chance. The "
                                               "rows below it are shown without correction for their number.") == 0);
}

static void test_measured(void)
{
    static const double known[6] = {0, 1, 0.5, 0.5, 1, 0}, measured[6] = {0.25, 0, 0.5, 0.5, 0.75, 1};
    const Table *t = measured_table("Errors", names, 2, known, measured, 3, 1);
    CHECK(t->rows == 3 && strcmp(cell(t, 1, 1), "0.167") == 0 && strcmp(cell(t, 1, 2), "1.000") == 0);
    CHECK(strcmp(cell(t, 2, 0), "dog") == 0 && strcmp(cell(t, 2, 1), "0.667") == 0 && strcmp(cell(t, 2, 2), "-1.000") == 0);
    CHECK(strcmp(spread_text((double[]){1, 3, NAN}, 3), "2 +- 1.4") == 0 && strcmp(spread_text(known + 2, 1), "0.5") == 0);
    CHECK(strcmp(spread_text((double[]){NAN}, 1), "-") == 0);
}

static void one_too_many(void *facts)
{
    for (;;) add_fact(facts, "more", 1);
}

/* What was kept is found again, the same. */
static void test_facts(void)
{
    Error e;
    Table *facts = new_facts(), *again = new_facts();
    add_fact(facts, "a, b", 1 / 3.0), add_fact(facts, "unknown", NAN), add_fact(facts, "pictures", 1e6);
    CHECK(facts->rows == 3 && fact_of(facts, "a, b") == 0.333333333 && isnan(fact_of(facts, "unknown")) && isnan(fact_of(facts, "c")));
    CHECK(begin_folder("scores") && !read_facts(again, at("none.csv")) && again->rows == 0);
    save_table(facts, at("facts.csv"));
    CHECK(read_facts(again, at("facts.csv")) && again->rows == 3 && fact_of(again, "pictures") == 1e6);
    CHECK(fact_of(again, "a, b") == fact_of(facts, "a, b") && isnan(fact_of(again, "unknown")) && end_folder());
    CHECK(!attempt(one_too_many, facts, &e) && facts->rows == FACTS_MOST && strstr(e.text, "no room for more"));
}

int main(void)
{
    Scope all;
    enter(&all);
    test_numbers();
    test_confusions();
    test_answers();
    test_verdicts();
    test_pairs();
    test_measured();
    test_facts();
    leave();
    return check_report();
}
