/**
 * What a list of scores is worth: frame and video metrics, one method at a time and together.
 *
 * Fake is the positive class and a score is higher the more a crop looks forged; a crop is called
 * fake where score >= threshold. Everything is computed on one rank from all scores in key order,
 * so no bit depends on who scored what. A selection of one class is ordinary: what needs the other
 * class is NaN here, null in files and "n/a (no fakes)" in tables.
 *
 * Readings of the papers: RCCL's tables call *real* the positive class, so its TPR is the accuracy
 * on reals, and its "FPR" column is the accuracy on *fakes*; both stand under their own names.
 */
#ifndef PR_TRAINER_METRICS_H
#define PR_TRAINER_METRICS_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Scores in key order. All arrays are borrowed. */
typedef struct pr_scores {
    int64_t n;
    const double *score;
    const int8_t *label;         /* PR_REAL or PR_FAKE */
    const int32_t *video;        /* equal numbers, one video */
    const int32_t *method;       /* of fakes; NULL: no breakdown */
    const int32_t *compat_video; /* the bare folder name, without method; NULL: not computed */
} pr_scores;

typedef enum pr_video_agg {
    PR_VIDEO_MEAN,
    PR_VIDEO_MAX,
    PR_VIDEO_MEDIAN, /* of an even number: the mean of the middle two */
    PR_VIDEO_TOPK,   /* the mean of the k highest, or of all where there are fewer */
} pr_video_agg;

typedef struct pr_metrics_options {
    double threshold;
    pr_video_agg video_agg;
    int64_t video_topk;    /* PR_VIDEO_TOPK: k >= 1 */
    bool tpr_interpolated; /* TPR at an FPR on the line between two points, not the largest TPR of
                              a point with FPR <= x */
} pr_metrics_options;

/** Threshold 0.5, video score = mean of its frames' scores. */
pr_metrics_options pr_metrics_options_default(void);

enum { PR_METRICS_N_FPR = 4 };
/** The FPRs at which the TPR is reported: 0.1, 0.05, 0.01, 0.001. */
extern const double pr_metrics_fpr[PR_METRICS_N_FPR];

/** The metrics of one list of scores (frames or videos). NaN: not defined for these classes. */
typedef struct pr_metric_set {
    int64_t n, n_real, n_fake;
    double auc;              /* area under the ROC, ties counted half */
    double ap;               /* sum of (recall step) * precision, not interpolated */
    double eer;              /* fpr at the first point of least |fnr - fpr|, on all points */
    double eer_thinned;      /* the same on scikit-learn's thinned curve: moves up to 0.05 */
    double eer_interpolated; /* where the line of points crosses fpr = 1 - tpr */
    double acc;
    double acc_real, acc_fake;
    double acc_balanced;             /* mean of the two */
    double tpr_at[PR_METRICS_N_FPR]; /* at pr_metrics_fpr */
    double rccl_tpr, rccl_fpr;       /* acc_real and acc_fake, by RCCL's names */
    double score_real, score_fake;   /* mean score of each class */
} pr_metric_set;

typedef struct pr_method_metrics {
    int32_t method; /* as in pr_scores */
    pr_metric_set frame, video;
} pr_method_metrics;

typedef struct pr_metrics {
    pr_metrics_options options;
    pr_metric_set frame, video;
    pr_method_metrics *methods; /* [n_methods], each method's fakes against all reals, in order of
                                   first appearance; owned */
    int n_methods;
    pr_metric_set frame_mean, video_mean; /* arithmetic means over the methods */
    double compat_video_auc; /* DeepfakeBench's: videos merged by bare folder name, whatever the
                                method, label = integer part of the mean label */
} pr_metrics;

/**
 * Errors: PR_ERR_NUMERIC for a score that is not finite, by its number; PR_ERR_INVALID for a label
 * that is neither class, or a video that holds both classes; PR_ERR_NOMEM.
 */
pr_status pr_metrics_compute(const pr_scores *scores, const pr_metrics_options *options,
                             pr_metrics **out);
void pr_metrics_destroy(pr_metrics **metrics);

/** Why a set lacks what needs two classes: "no samples", "no fakes", "no reals", or NULL. */
const char *pr_metric_set_lacks(const pr_metric_set *set);

/* ---- the curve ---- */

/** The ROC: point 0 is (0, 0) at threshold +inf, then one point for each distinct score. */
typedef struct pr_roc {
    int64_t n_real, n_fake;
    int64_t n_points;
    int64_t *n_false; /* [n_points] reals called fake at the point's threshold; owned */
    int64_t *n_true;  /* [n_points] fakes called fake; owned */
    double *threshold;
} pr_roc;

/** Errors: PR_ERR_NUMERIC, PR_ERR_INVALID as above; PR_ERR_NOMEM. */
pr_status pr_roc_create(const pr_scores *scores, pr_roc **out);
void pr_roc_destroy(pr_roc **roc);

typedef enum pr_threshold_rule {
    PR_THRESHOLD_ACCURACY, /* most samples right */
    PR_THRESHOLD_YOUDEN,   /* largest TPR - FPR: the mean of both classes' accuracies */
} pr_threshold_rule;

/**
 * The threshold that serves SCORES (a validation set) best: the middle between the two neighbouring
 * distinct scores it separates; the lowest score where all are called fake; just above the highest
 * where none is. Of equals the one whose classes' accuracies lie closest, then the lowest.
 * *FITTED is false, and *THRESHOLD as it was, where a class is missing.
 *
 * Errors: as pr_roc_create.
 */
pr_status pr_threshold_fit(const pr_scores *scores, pr_threshold_rule rule, double *threshold,
                           bool *fitted);

/* ---- metrics by name ---- */

/**
 * A metric by its dotted name: "frame.auc", "video.eer", "rccl.TPR", "rccl.FPR" (frame level),
 * "compat.video_auc", "methods_mean.frame.auc"; "centre.auc" is "frame.auc" by the name that it has
 * where scores are 1 - cos(z, centre). NaN where it is not defined.
 *
 * Errors: PR_ERR_INVALID for an unknown name, with those there are.
 */
pr_status pr_metric_get(const pr_metrics *metrics, const char *name, double *out);

/** Whether more is better: false for error rates and losses (a last word "eer…" or "loss…"). */
bool pr_metric_more_is_better(const char *name);

/** The fields of a set, in print order: name, where it lies, and what it is in one line. */
typedef struct pr_metric_field {
    const char *name; /* "auc" */
    size_t offset;    /* of the double in pr_metric_set */
    const char *doc;
} pr_metric_field;

const pr_metric_field *pr_metric_fields(int *n);

#endif
