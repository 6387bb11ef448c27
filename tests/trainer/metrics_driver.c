/*
 * Reads cases from standard input and writes the metrics of each on a line, in the order of
 * metrics_parity.py, which judges them. A case is "n threshold agg topk interpolated" and n lines
 * "score label video method compat_video".
 */
#include "engine/base/alloc.h"
#include "trainer/metrics.h"

#include <stdio.h>
#include <stdlib.h>

static void print_set(const pr_metric_set *set)
{
    int n = 0;
    const pr_metric_field *fields = pr_metric_fields(&n);
    (void)printf("%lld %lld %lld", (long long)set->n, (long long)set->n_real,
                 (long long)set->n_fake);
    for (int f = 0; f < n; f++) {
        const double *value = (const double *)(const void *)((const char *)set + fields[f].offset);
        (void)printf(" %.17g", *value);
    }
    (void)printf("\n");
}

static int run_case(int64_t n, const pr_metrics_options *options)
{
    double *score = pr_calloc(n, sizeof(*score));
    int8_t *label = pr_calloc(n, sizeof(*label));
    int32_t *ids = pr_calloc(3 * n, sizeof(*ids));
    int failed = score == NULL || label == NULL || ids == NULL;
    for (int64_t i = 0; !failed && i < n; i++) {
        char word[64];
        int one_label = 0;
        failed = scanf("%63s %d %d %d %d", word, &one_label, &ids[i], /* NOLINT(cert-err34-c) */
                       &ids[n + i], &ids[2 * n + i]) != 5;
        score[i] = strtod(word, NULL);
        label[i] = (int8_t)one_label;
    }
    const pr_scores scores = {n, score, label, ids, ids + n, ids + 2 * n};
    pr_metrics *metrics = NULL;
    if (!failed && pr_metrics_compute(&scores, options, &metrics) == PR_OK) {
        double fit[2] = {-1.0, -1.0};
        bool fitted = false;
        for (int rule = 0; rule < 2; rule++) {
            failed |=
                pr_threshold_fit(&scores, (pr_threshold_rule)rule, &fit[rule], &fitted) != PR_OK;
        }
        (void)printf("%d %.17g %d %.17g %.17g\n", metrics->n_methods, metrics->compat_video_auc,
                     fitted, fit[0], fit[1]);
        print_set(&metrics->frame);
        print_set(&metrics->video);
        print_set(&metrics->frame_mean);
        print_set(&metrics->video_mean);
        for (int k = 0; k < metrics->n_methods; k++) {
            (void)printf("%d ", metrics->methods[k].method);
            print_set(&metrics->methods[k].frame);
            print_set(&metrics->methods[k].video);
        }
    } else {
        (void)fprintf(stderr, "%s\n", pr_error_message());
        failed = 1;
    }
    pr_metrics_destroy(&metrics);
    pr_free(ids);
    pr_free(label);
    pr_free(score);
    return failed;
}

int main(void)
{
    long long n = 0;
    long long topk = 0;
    int agg = 0;
    int interpolated = 0;
    char word[64];
    int failed = 0;
    while (!failed &&
           scanf("%lld %63s %d %lld %d", &n, word, &agg, &topk, /* NOLINT(cert-err34-c) */
                 &interpolated) == 5) {
        const pr_metrics_options options = {.threshold = strtod(word, NULL),
                                            .video_agg = (pr_video_agg)agg,
                                            .video_topk = topk,
                                            .tpr_interpolated = interpolated != 0};
        failed = run_case(n, &options);
    }
    return failed || pr_alloc_n_live() != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
