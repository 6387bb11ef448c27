/*
 * What a parity script cannot see: values worked out by hand, refusals, one class, the files, and
 * that results do not depend on what memory does. metrics_parity.py judges the numbers at large.
 */
#include "tests/check.h"
#include "trainer/eval_table.h"

#include <math.h>
#include <unistd.h>

enum { N = 8 };

static const double score[N] = {0.1, 0.4, 0.35, 0.8, 0.8, 0.7, 0.2, 0.9};
static const int8_t label[N] = {0, 0, 1, 1, 0, 1, 0, 1};
static const int32_t video[N] = {1, 1, 2, 2, 3, 4, 5, 4};
static const int32_t method[N] = {0, 0, 7, 7, 0, 9, 0, 9};

static pr_scores make_scores(void)
{
    return (pr_scores){N, score, label, video, method, NULL};
}

static double get(const pr_metrics *metrics, const char *name)
{
    double value = -1.0;
    CHECK_OK(pr_metric_get(metrics, name, &value));
    return value;
}

static void test_a_case_by_hand(void)
{
    /* Fakes .35 .7 .8 .9, reals .1 .2 .4 .8. Of 16 pairs: .9 beats 4, .8 beats 3 and ties 1, .7
     * beats 3, .35 beats 2: 12.5. At 0.5: fakes 3 of 4 right, reals 3 of 4. */
    const pr_scores scores = make_scores();
    const pr_metrics_options options = pr_metrics_options_default();
    pr_metrics *metrics = NULL;
    CHECK_OK(pr_metrics_compute(&scores, &options, &metrics));
    CHECK(get(metrics, "frame.auc") == 12.5 / 16.0, "%g", get(metrics, "frame.auc"));
    CHECK(get(metrics, "frame.acc") == 0.75, "%g", get(metrics, "frame.acc"));
    CHECK(get(metrics, "rccl.TPR") == 0.75, "%g", get(metrics, "rccl.TPR"));
    CHECK(get(metrics, "rccl.FPR") == 0.75, "%g", get(metrics, "rccl.FPR"));
    CHECK(get(metrics, "frame.tpr_at_1pct") == 0.25, "%g", get(metrics, "frame.tpr_at_1pct"));
    /* Videos: real .25 .8 .2, fake .575 .8: .575 beats 2, .8 beats 2 and ties 1: 4.5 of 6. */
    CHECK(get(metrics, "video.auc") == 4.5 / 6.0, "%g", get(metrics, "video.auc"));
    CHECK(get(metrics, "centre.auc") == get(metrics, "frame.auc"), "alias");
    CHECK(metrics->n_methods == 2 && metrics->methods[0].method == 7, "%d", metrics->n_methods);
    CHECK(isnan(get(metrics, "compat.video_auc")), "there is no compat_video");
    double value = 0.0;
    CHECK_FAILS(pr_metric_get(metrics, "frame.auk", &value), PR_ERR_INVALID, "'frame.auk'");
    pr_metrics_destroy(&metrics);
    CHECK(metrics == NULL, "destroy must leave NULL");
}

static void test_one_class_is_ordinary(void)
{
    pr_metrics *metrics = NULL;
    const pr_metrics_options options = pr_metrics_options_default();
    const int8_t reals[N] = {0};
    pr_scores scores = make_scores();
    scores.label = reals;
    double threshold = 0.25;
    bool fitted = true;
    CHECK_OK(pr_threshold_fit(&scores, PR_THRESHOLD_YOUDEN, &threshold, &fitted));
    CHECK(!fitted && threshold == 0.25, "%d %g", fitted, threshold);
    CHECK_OK(pr_metrics_compute(&scores, &options, &metrics));
    CHECK(isnan(metrics->frame.auc) && isnan(metrics->frame.acc_fake), "no fakes");
    CHECK(metrics->frame.acc_real == 0.5 && metrics->frame.acc == 0.5, "%g",
          metrics->frame.acc_real);
    CHECK(strcmp(pr_metric_set_lacks(&metrics->frame), "no fakes") == 0, "reason");
    pr_metrics_destroy(&metrics);

    scores.n = 0;
    CHECK_OK(pr_metrics_compute(&scores, &options, &metrics));
    CHECK(strcmp(pr_metric_set_lacks(&metrics->video), "no samples") == 0, "reason");
    pr_metrics_destroy(&metrics);
}

static void test_what_is_refused(void)
{
    pr_metrics *metrics = NULL;
    pr_metrics_options options = pr_metrics_options_default();
    pr_scores scores = make_scores();
    double bad[N];
    memcpy(bad, score, sizeof(bad));
    bad[3] = NAN;
    scores.score = bad;
    CHECK_FAILS(pr_metrics_compute(&scores, &options, &metrics), PR_ERR_NUMERIC, "score 3 of 8");
    bad[3] = INFINITY;
    CHECK_FAILS(pr_metrics_compute(&scores, &options, &metrics), PR_ERR_NUMERIC, "inf");
    scores = make_scores();
    int8_t odd[N];
    memcpy(odd, label, sizeof(odd));
    odd[7] = 0;
    scores.label = odd;
    CHECK_FAILS(pr_metrics_compute(&scores, &options, &metrics), PR_ERR_INVALID,
                "video number 4 has 1 fake and 1 real");
    odd[7] = 2;
    CHECK_FAILS(pr_metrics_compute(&scores, &options, &metrics), PR_ERR_INVALID, "label 7");
    options.video_agg = PR_VIDEO_TOPK;
    options.video_topk = 0;
    CHECK_FAILS(pr_metrics_compute(&scores, &options, &metrics), PR_ERR_INVALID, "video_topk");
    CHECK(metrics == NULL, "a failure must not write its output");
}

static void test_names(void)
{
    char set[128];
    const char *metric = NULL;
    CHECK_OK(pr_eval_split_name("test.celeb.video.auc", set, &metric));
    CHECK(strcmp(set, "test.celeb") == 0 && strcmp(metric, "video.auc") == 0, "%s %s", set, metric);
    CHECK_OK(pr_eval_split_name("val.methods.a.b.frame.eer", set, &metric));
    CHECK(strcmp(set, "val") == 0 && strcmp(metric, "methods.a.b.frame.eer") == 0, "%s", metric);
    CHECK_FAILS(pr_eval_split_name("val.auc", set, &metric), PR_ERR_INVALID, "'val.auc'");
    CHECK(pr_metric_more_is_better("val.frame.auc"), "auc");
    CHECK(!pr_metric_more_is_better("val.frame.eer_thinned"), "eer");
    CHECK(!pr_metric_more_is_better("val.loss"), "loss");
}

static const char *method_name(void *ctx, int32_t number)
{
    (void)ctx;
    return number == 7 ? "Face.Swap" : "F2F";
}

static void test_a_file_gives_back_every_bit(const char *path)
{
    const pr_scores scores = make_scores();
    const pr_metrics_options options = pr_metrics_options_default();
    pr_metrics *metrics = NULL;
    const pr_eval_info info = {.set = "val",
                               .stage = "s",
                               .checkpoint = "c",
                               .selection = "last",
                               .init = "began at random weights",
                               .score = "P(fake)",
                               .threshold = "fixed",
                               .method_name = method_name};
    CHECK_OK(pr_metrics_compute(&scores, &options, &metrics));
    CHECK_OK(pr_eval_write(path, &info, metrics, &scores));
    static const char *const names[] = {"frame.auc",  "frame.ap",        "frame.eer_interpolated",
                                        "video.acc",  "rccl.FPR",        "methods_mean.video.auc",
                                        "centre.eer", "frame.score_fake"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        double value = -1.0;
        CHECK_OK(pr_eval_read_metric(path, names[i], &value));
        CHECK(value == get(metrics, names[i]), "%s: %.17g", names[i], value);
    }
    double value = -1.0;
    CHECK_OK(pr_eval_read_metric(path, "methods.Face.Swap.frame.auc", &value));
    CHECK(value == metrics->methods[0].frame.auc, "%.17g", value);
    CHECK_OK(pr_eval_read_metric(path, "compat.video_auc", &value));
    CHECK(isnan(value), "null is NaN, not %g", value);
    CHECK_FAILS(pr_eval_read_metric(path, "frame.nothing", &value), PR_ERR_INVALID, path);
    CHECK_FAILS(pr_eval_read_metric("/nowhere.json", "frame.auc", &value), PR_ERR_IO, "/nowhere");
    pr_metrics_destroy(&metrics);
}

static void test_every_allocation_may_fail(void)
{
    const pr_scores scores = {N, score, label, video, method, video};
    const pr_metrics_options options = pr_metrics_options_default();
    pr_status status = PR_ERR_NOMEM;
    long n = 0;
    for (; status == PR_ERR_NOMEM; n++) {
        pr_metrics *metrics = NULL;
        pr_error_clear();
        pr_alloc_fail_on(n);
        status = pr_metrics_compute(&scores, &options, &metrics);
        pr_alloc_fail_on(-1);
        pr_metrics_destroy(&metrics);
    }
    CHECK(status == PR_OK && n > 20, "%ld: %s", n, pr_error_message());
}

int main(void)
{
    char path[] = "/tmp/pr_metrics_XXXXXX";
    const int fd = mkstemp(path);
    CHECK(fd >= 0, "mkstemp");
    (void)close(fd);
    test_a_case_by_hand();
    test_one_class_is_ordinary();
    test_what_is_refused();
    test_names();
    test_a_file_gives_back_every_bit(path);
    test_every_allocation_may_fail();
    (void)unlink(path);
    return check_exit_code();
}
