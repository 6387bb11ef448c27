#include "trainer/metrics_internal.h"

#include "dataset/view.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

#define FIELD(name, doc)                                                                           \
    {                                                                                              \
#name, offsetof(pr_metric_set, name), doc                                                  \
    }

/* clang-format off */
static const pr_metric_field fields[] = {
    FIELD(auc, "area under the ROC, ties counted half"),
    FIELD(ap, "average precision, sum of steps"),
    FIELD(eer, "equal error rate: fpr at the point of least |fnr - fpr|"),
    FIELD(eer_thinned, "the same on scikit-learn's thinned curve"),
    FIELD(eer_interpolated, "equal error rate on the line between points"),
    FIELD(acc, "accuracy at the threshold (fake where score >= threshold)"),
    FIELD(acc_real, "accuracy on reals"),
    FIELD(acc_fake, "accuracy on fakes"),
    FIELD(acc_balanced, "mean of the accuracies on reals and on fakes"),
    {"tpr_at_10pct", offsetof(pr_metric_set, tpr_at[0]), "TPR at an FPR of 10 %"},
    {"tpr_at_5pct", offsetof(pr_metric_set, tpr_at[1]), "TPR at an FPR of 5 %"},
    {"tpr_at_1pct", offsetof(pr_metric_set, tpr_at[2]), "TPR at an FPR of 1 %"},
    {"tpr_at_0p1pct", offsetof(pr_metric_set, tpr_at[3]), "TPR at an FPR of 0.1 %"},
    FIELD(score_real, "mean score of reals"),
    FIELD(score_fake, "mean score of fakes"),
};
/* clang-format on */

enum { N_FIELDS = (int)(sizeof(fields) / sizeof(fields[0])) };

const pr_metric_field *pr_metric_fields(int *n)
{
    *n = N_FIELDS;
    return fields;
}

pr_metrics_options pr_metrics_options_default(void)
{
    return (pr_metrics_options){.threshold = 0.5, .video_agg = PR_VIDEO_MEAN, .video_topk = 5};
}

const char *pr_metric_set_lacks(const pr_metric_set *set)
{
    if (set->n == 0) {
        return "no samples";
    }
    if (set->n_fake == 0) {
        return "no fakes";
    }
    return set->n_real == 0 ? "no reals" : NULL;
}

static double field_get(const pr_metric_set *set, const pr_metric_field *field)
{
    double value = 0.0;
    memcpy(&value, (const char *)set + field->offset, sizeof(value));
    return value;
}

static void field_set(pr_metric_set *set, const pr_metric_field *field, double value)
{
    memcpy((char *)set + field->offset, &value, sizeof(value));
}

/* Frame and video metrics of SCORES. */
static pr_status both_levels(const pr_scores *scores, const pr_metrics_options *options,
                             pr_metric_set *frame, pr_metric_set *video)
{
    PR_TRY(pr__metric_set_compute(scores, options, frame));
    pr__video_scores *videos = NULL;
    PR_TRY(pr__video_scores_create(scores, scores->video, false, options, &videos));
    const pr_scores by_video = {.n = videos->n, .score = videos->score, .label = videos->label};
    const pr_status status = pr__metric_set_compute(&by_video, options, video);
    pr__video_scores_destroy(&videos);
    return status;
}

static pr_status compat_video_auc(const pr_scores *scores, const pr_metrics_options *options,
                                  double *out)
{
    *out = NAN;
    if (scores->compat_video == NULL) {
        return PR_OK;
    }
    pr_metrics_options mean = *options;
    mean.video_agg = PR_VIDEO_MEAN;
    pr__video_scores *videos = NULL;
    PR_TRY(pr__video_scores_create(scores, scores->compat_video, true, &mean, &videos));
    const pr_scores by_video = {.n = videos->n, .score = videos->score, .label = videos->label};
    pr_metric_set set = {0};
    const pr_status status = pr__metric_set_compute(&by_video, &mean, &set);
    pr__video_scores_destroy(&videos);
    PR_TRY(status);
    *out = set.auc;
    return PR_OK;
}

enum { MAX_METHODS = 1024 }; /* the largest public collection has 40 */

/* The distinct methods of the fakes, by first appearance. */
static pr_status list_methods(const pr_scores *scores, pr_method_metrics *methods, int *n_methods)
{
    int n = 0;
    for (int64_t i = 0; i < scores->n; i++) {
        if (scores->label[i] != PR_FAKE) {
            continue;
        }
        int k = 0;
        while (k < n && methods[k].method != scores->method[i]) {
            k++;
        }
        PR_REQUIRE(k < MAX_METHODS, PR_ERR_INVALID, "metrics: more than %d methods of forgery",
                   MAX_METHODS);
        if (k == n) {
            methods[n++].method = scores->method[i];
        }
    }
    *n_methods = n;
    return PR_OK;
}

typedef struct subset {
    double *score;
    int8_t *label;
    int32_t *video;
} subset;

static pr_status one_method(const pr_scores *scores, const pr_metrics_options *options,
                            const subset *room, pr_method_metrics *method)
{
    int64_t n = 0;
    for (int64_t i = 0; i < scores->n; i++) {
        if (scores->label[i] == PR_REAL || scores->method[i] == method->method) {
            room->score[n] = scores->score[i];
            room->label[n] = scores->label[i];
            room->video[n] = scores->video[i];
            n++;
        }
    }
    const pr_scores chosen = {
        .n = n, .score = room->score, .label = room->label, .video = room->video};
    return both_levels(&chosen, options, &method->frame, &method->video);
}

/* The mean of each field over the methods; NaN where any has none. */
static void mean_over_methods(const pr_metrics *metrics, bool of_videos, pr_metric_set *mean)
{
    for (int k = 0; k < metrics->n_methods; k++) {
        const pr_metric_set *set =
            of_videos ? &metrics->methods[k].video : &metrics->methods[k].frame;
        mean->n_real = set->n_real; /* the same reals stand against each method */
        mean->n_fake += set->n_fake;
    }
    mean->n = mean->n_real + mean->n_fake;
    for (int f = 0; f < N_FIELDS; f++) {
        double sum = 0.0;
        for (int k = 0; k < metrics->n_methods; k++) {
            sum += field_get(of_videos ? &metrics->methods[k].video : &metrics->methods[k].frame,
                             &fields[f]);
        }
        field_set(mean, &fields[f], sum / (double)metrics->n_methods);
    }
    mean->rccl_tpr = mean->acc_real;
    mean->rccl_fpr = mean->acc_fake;
}

static pr_status all_methods(const pr_scores *scores, pr_metrics *metrics)
{
    metrics->methods = pr_calloc(MAX_METHODS, sizeof(*metrics->methods));
    PR_REQUIRE(metrics->methods != NULL, PR_ERR_NOMEM, "metrics: no memory for the methods");
    PR_TRY(list_methods(scores, metrics->methods, &metrics->n_methods));
    subset room = {.score = pr_calloc(scores->n, sizeof(*room.score)),
                   .label = pr_calloc(scores->n, sizeof(*room.label)),
                   .video = pr_calloc(scores->n, sizeof(*room.video))};
    pr_status status = PR_OK;
    if (room.score == NULL || room.label == NULL || room.video == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "metrics: no memory for the methods of %lld scores",
                         (long long)scores->n);
    }
    for (int k = 0; status == PR_OK && k < metrics->n_methods; k++) {
        status = one_method(scores, &metrics->options, &room, &metrics->methods[k]);
    }
    pr_free(room.score);
    pr_free(room.label);
    pr_free(room.video);
    return status;
}

static pr_status breakdown(const pr_scores *scores, pr_metrics *metrics)
{
    if (scores->method != NULL) {
        PR_TRY(all_methods(scores, metrics));
    }
    /* Without methods 0 / 0 is the NaN that says so. */
    mean_over_methods(metrics, false, &metrics->frame_mean);
    mean_over_methods(metrics, true, &metrics->video_mean);
    return PR_OK;
}

pr_status pr_metrics_compute(const pr_scores *scores, const pr_metrics_options *options,
                             pr_metrics **out)
{
    PR_REQUIRE(options->video_agg != PR_VIDEO_TOPK || options->video_topk >= 1, PR_ERR_INVALID,
               "metrics: video_topk is %lld, must be at least 1", (long long)options->video_topk);
    PR_TRY(pr__scores_check(scores));
    pr_metrics *metrics = pr_calloc(1, sizeof(*metrics));
    PR_REQUIRE(metrics != NULL, PR_ERR_NOMEM, "metrics: out of memory");
    metrics->options = *options;
    pr_status status = both_levels(scores, options, &metrics->frame, &metrics->video);
    if (status == PR_OK) {
        status = compat_video_auc(scores, options, &metrics->compat_video_auc);
    }
    if (status == PR_OK) {
        status = breakdown(scores, metrics);
    }
    if (status != PR_OK) {
        pr_metrics_destroy(&metrics);
        return status;
    }
    *out = metrics;
    return PR_OK;
}

void pr_metrics_destroy(pr_metrics **metrics)
{
    if (*metrics != NULL) {
        pr_free((*metrics)->methods);
        pr_free(*metrics);
        *metrics = NULL;
    }
}

pr_status pr_metric_get(const pr_metrics *metrics, const char *name, double *out)
{
    static const struct {
        const char *prefix;
        size_t offset;
    } levels[] = {{"frame.", offsetof(pr_metrics, frame)},
                  {"centre.", offsetof(pr_metrics, frame)},
                  {"video.", offsetof(pr_metrics, video)},
                  {"methods_mean.frame.", offsetof(pr_metrics, frame_mean)},
                  {"methods_mean.video.", offsetof(pr_metrics, video_mean)}};
    if (strcmp(name, "rccl.TPR") == 0 || strcmp(name, "rccl.FPR") == 0) {
        *out = name[5] == 'T' ? metrics->frame.rccl_tpr : metrics->frame.rccl_fpr;
        return PR_OK;
    }
    if (strcmp(name, "compat.video_auc") == 0) {
        *out = metrics->compat_video_auc;
        return PR_OK;
    }
    for (size_t l = 0; l < sizeof(levels) / sizeof(levels[0]); l++) {
        const size_t n = strlen(levels[l].prefix);
        for (int f = 0; strncmp(name, levels[l].prefix, n) == 0 && f < N_FIELDS; f++) {
            if (strcmp(name + n, fields[f].name) == 0) {
                *out = field_get(
                    (const pr_metric_set *)(const void *)((const char *)metrics + levels[l].offset),
                    &fields[f]);
                return PR_OK;
            }
        }
    }
    return PR_FAIL(PR_ERR_INVALID,
                   "no metric is called '%s': there are frame.*, video.*, methods_mean.frame.*, "
                   "methods_mean.video.* with auc, ap, eer, eer_thinned, eer_interpolated, acc, "
                   "acc_real, acc_fake, acc_balanced, tpr_at_10pct, tpr_at_5pct, tpr_at_1pct, "
                   "tpr_at_0p1pct, score_real, score_fake; rccl.TPR, rccl.FPR, compat.video_auc",
                   name);
}

bool pr_metric_more_is_better(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *word = dot != NULL ? dot + 1 : name;
    return strncmp(word, "eer", 3) != 0 && strncmp(word, "loss", 4) != 0;
}
