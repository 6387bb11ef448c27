#include "trainer/test_run.h"

#include "dataset/addg.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "trainer/assess.h"
#include "trainer/data.h"
#include "trainer/eval_table.h"
#include "trainer/trained.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SETS = 128, SET_NAME_BYTES = 128, MAX_NOTES = 3 };

/* One set on its way to the table. */
typedef struct test_set {
    char name[SET_NAME_BYTES];
    pr_samples *samples;
    bool borrows;   /* SAMPLES are of the set before: this is another head's answer to them */
    pr_view *views; /* what is scored where validation is on forged views, else NULL */
    pr_eval_scores scores;
    pr_assess_list list;
    pr_metrics *metrics;
    pr_eval_left_out left_out;
    pr_eval_info info;
    bool has_compressions; /* of one method, several */
    const char *notes[MAX_NOTES];
} test_set;

typedef struct test {
    const pr_test_request *request;
    pr_trained trained;
    uint64_t config_hash;
    double threshold;
    bool fitted;
    const char *notes[MAX_NOTES];
    int n_notes;
    int n_sets;
    test_set sets[MAX_SETS];
} test;

/* A view forged in memory has its category for a method. */
static const char *method_name(void *ctx, int32_t word)
{
    const test_set *const set = ctx;
    const int32_t category = word & ~PR_ASSESS_FORGED;
    if ((word & PR_ASSESS_FORGED) == 0) {
        return pr_samples_word(set->samples, word);
    }
    return category >= 1 && category <= PR_ADDG_N ? PR_ADDG_WORDS[category - 1] : "forged";
}

/* Whether one method is there in more than one compression. */
static bool has_compressions(const pr_samples *samples)
{
    for (int64_t i = 1; i < pr_samples_n(samples); i++) {
        const pr_sample *const a = pr_samples_at(samples, i - 1);
        const pr_sample *const b = pr_samples_at(samples, i);
        if (a->dataset == b->dataset && a->method == b->method &&
            a->compression != b->compression) {
            return true;
        }
    }
    return false;
}

/* A video is numbered by its first sample (trainer/assess.h). */
static const char *video_name(void *ctx, int32_t first)
{
    static char text[256];
    const test_set *const set = ctx;
    const pr_sample *const sample = pr_samples_at(set->samples, first & ~PR_ASSESS_FORGED);
    (void)snprintf(text, sizeof(text), "%s%s%s", pr_samples_word(set->samples, sample->video_key),
                   set->has_compressions ? "/" : "",
                   set->has_compressions ? pr_samples_word(set->samples, sample->compression) : "");
    return text;
}

static const char *sample_name(void *ctx, int64_t i)
{
    static char text[256]; /* the table and the files are written by one thread */
    const test_set *const set = ctx;
    const int64_t of = set->list.of[i];
    return pr_samples_name(set->samples, set->views != NULL ? set->views[of].sample : of, text,
                           sizeof(text));
}

static const char *run_name(const char *run_dir)
{
    const char *const slash = strrchr(run_dir, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : run_dir;
}

static void fill_info(test *t, test_set *set)
{
    const pr_train_options *const options = t->request->options;
    int n_notes = 0;
    set->has_compressions = has_compressions(set->samples);
    for (int i = 0; i < t->n_notes; i++) {
        set->notes[n_notes++] = t->notes[i];
    }
    if (set->has_compressions) {
        set->notes[n_notes++] = "The selection holds a method in several compressions: a video "
                                "counts once in each of them.";
    }
    set->left_out = (pr_eval_left_out){"crop that does not decode", set->scores.n_left_out};
    set->info = (pr_eval_info){
        .set = set->name,
        .run = run_name(t->request->run_dir),
        .stage = t->trained.stage->name,
        .epoch = t->trained.epoch,
        .step = t->trained.step,
        .checkpoint = run_name(t->trained.path),
        .selection = t->trained.selection,
        .init = strcmp(options->model.init, "random") == 0 ? "began at random weights"
                                                           : options->model.init,
        .score = t->trained.stage->classifies ? "P(fake)" : "1 - cos(z, centre)",
        .threshold = t->fitted ? "accuracy on val" : "fixed",
        .config_hash = t->config_hash,
        .data_hash = pr_samples_hash(set->samples),
        .left_out = &set->left_out,
        .n_left_out = set->scores.n_left_out > 0 ? 1 : 0,
        .notes = set->notes,
        .n_notes = n_notes,
        .method_name = method_name,
        .video_name = video_name,
        .sample_name = sample_name,
        .ctx = set,
    };
}

static pr_status write_files(const test *t, const test_set *set)
{
    char folder[PR_PATH_BYTES];
    char path[PR_PATH_BYTES];
    char name[SET_NAME_BYTES + 8];
    PR_TRY(pr_fs_join(folder, t->request->run_dir, "eval"));
    PR_TRY(pr_fs_mkdirs(folder));
    (void)snprintf(name, sizeof(name), "%s.json", set->name);
    PR_TRY(pr_fs_join(path, folder, name));
    PR_TRY(pr_eval_write(path, &set->info, set->metrics, &set->list.scores));
    if (!t->request->write_scores) {
        return PR_OK;
    }
    (void)snprintf(name, sizeof(name), "%s.tsv", set->name);
    PR_TRY(pr_fs_join(path, folder, name));
    return pr_eval_scores_write(path, &set->info, &set->list.scores);
}

/* Metrics of SET's scores; the validation set may have chosen the threshold just before. */
static pr_status judge(test *t, test_set *set, bool chooses)
{
    PR_TRY(pr_assess_list_of_views(set->samples, set->views, &set->scores, &set->list));
    if (chooses) {
        PR_TRY(
            pr_threshold_fit(&set->list.scores, PR_THRESHOLD_ACCURACY, &t->threshold, &t->fitted));
    }
    const pr_metrics_options how =
        pr_eval_options_metrics(&t->request->options->eval, t->threshold);
    PR_TRY(pr_metrics_compute(&set->list.scores, &how, &set->metrics));
    fill_info(t, set);
    return PR_OK;
}

/* The answers of the heads, which lie in the columns of SET's embeddings: a set each. */
static pr_status judge_heads(test *t, const test_set *set)
{
    const pr_eval_scores *const all = &set->scores;
    char name[SET_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%s", set->name);
    for (int64_t head = 0; head < all->n_cols / 2; head++) {
        PR_REQUIRE(t->n_sets < MAX_SETS, PR_ERR_INVALID, "more than %d test sets", MAX_SETS);
        test_set *const one = &t->sets[t->n_sets++];
        (void)snprintf(one->name, sizeof(one->name), "%.96s.task%d", name, (int)head + 1);
        one->samples = set->samples;
        one->borrows = true;
        one->scores = (pr_eval_scores){.n = all->n, .n_left_out = all->n_left_out};
        one->scores.score = pr_calloc(all->n, sizeof(*one->scores.score));
        one->scores.present = pr_calloc(all->n, sizeof(*one->scores.present));
        PR_REQUIRE(one->scores.score != NULL && one->scores.present != NULL, PR_ERR_NOMEM,
                   "no memory for %lld scores", (long long)all->n);
        for (int64_t i = 0; i < all->n; i++) {
            one->scores.score[i] = (double)all->embedding[i * all->n_cols + 2 * head + 1];
            one->scores.present[i] = all->present[i];
        }
        PR_TRY(judge(t, one, false));
    }
    return PR_OK;
}

static pr_status score_samples(test *t, test_set *set, pr_perturb perturb, double value,
                               bool is_val)
{
    pr_trainer *const trainer = t->trained.trainer;
    const pr_stage *const stage = t->trained.stage;
    int64_t n_views = 0;
    if (is_val) {
        PR_TRY(pr_assess_views(trainer, set->samples, &set->views, &n_views));
    }
    if (n_views > 0) {
        return pr_assess_view_scores(trainer, stage, set->samples, set->views, n_views,
                                     &set->scores);
    }
    return t->request->heads
               ? pr_assess_heads(trainer, stage, set->samples, perturb, value, &set->scores)
               : pr_assess_scores(trainer, stage, set->samples, perturb, value, false,
                                  &set->scores);
}

static pr_status score_set(test *t, const char *name, const char *key,
                           const pr_selection_options *selections, int64_t n)
{
    PR_REQUIRE(t->n_sets < MAX_SETS, PR_ERR_INVALID, "more than %d test sets", MAX_SETS);
    const pr_train_options *const options = t->request->options;
    test_set *const set = &t->sets[t->n_sets++];
    pr_perturb perturb = PR_PERTURB_NONE;
    double value = 0.0;
    (void)snprintf(set->name, sizeof(set->name), "%s", name);
    PR_TRY(
        pr_comm_agree(t->request->comm, "data",
                      pr_data_open(options, key, selections, n, &perturb, &value, &set->samples)));
    const bool is_val = strcmp(name, "val") == 0;
    PR_TRY(score_samples(t, set, perturb, value, is_val));
    if (set->scores.n_left_out > 0) {
        pr_log_warn("%s: %" PRId64 " crops do not decode and are left out, first %s", name,
                    set->scores.n_left_out, set->scores.first_bad);
    }
    PR_TRY(judge(t, set, is_val && options->eval.fit_threshold));
    return judge_heads(t, set);
}

static pr_status score_tests(test *t)
{
    const pr_data_options *const data = &t->request->options->data;
    const pr_selection_options *const tests = data->test.at;
    PR_REQUIRE(!t->request->val_only || (data->val.n > 0 && t->request->only == NULL),
               PR_ERR_INVALID, "eval: the validation split alone is asked for, and %s",
               data->val.n > 0 ? "a test list too" : "data.val names nothing");
    if (data->val.n > 0 && (t->request->only == NULL || t->request->options->eval.fit_threshold)) {
        PR_TRY(score_set(t, "val", "data.val", data->val.at, data->val.n));
    }
    bool found = t->request->only == NULL;
    for (int64_t i = 0; i < data->test.n && !t->request->val_only;) {
        int64_t n = 0;
        (void)pr_data_test_find(t->request->options, data->test.names[i], &n);
        if (t->request->only == NULL || strcmp(t->request->only, data->test.names[i]) == 0) {
            char name[SET_NAME_BYTES];
            char key[SET_NAME_BYTES + 8];
            (void)snprintf(name, sizeof(name), "test.%s", data->test.names[i]);
            (void)snprintf(key, sizeof(key), "data.%s", name);
            PR_TRY(score_set(t, name, key, &tests[i], n));
            found = true;
        }
        i += n;
    }
    PR_REQUIRE(found, PR_ERR_INVALID, "data.test has no list named '%s'", t->request->only);
    return PR_OK;
}

static pr_status show_and_write(test *t)
{
    pr_eval_row rows[MAX_SETS];
    pr_text text = {0};
    for (int i = 0; i < t->n_sets; i++) {
        PR_TRY(write_files(t, &t->sets[i]));
        rows[i] = (pr_eval_row){&t->sets[i].info, t->sets[i].metrics};
    }
    const pr_status status = pr_eval_table_text(rows, t->n_sets, &text);
    if (status == PR_OK) {
        pr_log_print("%s", pr_text_chars(&text));
    }
    pr_text_free(&text);
    return status;
}

static pr_status test_all(test *t)
{
    const pr_train_options *const options = t->request->options;
    t->threshold = options->eval.threshold;
    PR_TRY(pr_config_hash(t->request->config, &t->config_hash));
    if (options->eval.choose_on_test) {
        t->notes[t->n_notes++] = "The checkpoint was chosen on the test data.";
    }
    if (options->data.shuffle_labels) {
        t->notes[t->n_notes++] = "Control experiment: the training labels were shuffled.";
    }
    PR_TRY(pr_trained_open(options, t->request->comm, t->request->run_dir, t->request->checkpoint,
                           &t->trained));
    PR_TRY(score_tests(t));
    const bool leads = pr_comm_rank(t->request->comm) == 0;
    return pr_comm_agree(t->request->comm, "results", leads ? show_and_write(t) : PR_OK);
}

pr_status pr_test_run(const pr_test_request *request)
{
    test *const t = pr_calloc(1, sizeof(*t));
    PR_REQUIRE(t != NULL, PR_ERR_NOMEM, "no memory for a test");
    t->request = request;
    const pr_status status = test_all(t);
    for (int i = 0; i < t->n_sets; i++) {
        pr_metrics_destroy(&t->sets[i].metrics);
        pr_assess_list_free(&t->sets[i].list);
        pr_eval_scores_free(&t->sets[i].scores);
        pr_free(t->sets[i].views);
        if (!t->sets[i].borrows) {
            pr_samples_close(&t->sets[i].samples);
        }
    }
    pr_trained_close(&t->trained);
    pr_free(t);
    return status;
}
