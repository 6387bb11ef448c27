#include "trainer/metrics_internal.h"

#include "dataset/view.h"
#include "engine/base/alloc.h"
#include "engine/base/tree.h"

#include <math.h>
#include <stdlib.h>

const double pr_metrics_fpr[PR_METRICS_N_FPR] = {0.1, 0.05, 0.01, 0.001};

typedef struct ranked {
    double score;
    int64_t i;
    int8_t label;
} ranked;

/* Highest score first; the order is total, so that no sort may choose. */
static int compare_ranked(const void *left, const void *right)
{
    const ranked *a = left;
    const ranked *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return a->i < b->i ? -1 : a->i > b->i;
}

pr_status pr__scores_check(const pr_scores *scores)
{
    for (int64_t i = 0; i < scores->n; i++) {
        PR_REQUIRE(isfinite(scores->score[i]), PR_ERR_NUMERIC,
                   "metrics: score %lld of %lld is %g, must be finite", (long long)i,
                   (long long)scores->n, scores->score[i]);
        PR_REQUIRE(scores->label[i] == PR_REAL || scores->label[i] == PR_FAKE, PR_ERR_INVALID,
                   "metrics: label %lld of %lld is %d, must be 0 (real) or 1 (fake)", (long long)i,
                   (long long)scores->n, scores->label[i]);
    }
    return PR_OK;
}

static void fill_points(const ranked *order, int64_t n, pr_roc *roc)
{
    roc->n_points = 1;
    roc->threshold[0] = INFINITY;
    for (int64_t i = 0; i < n; i++) {
        roc->n_fake += order[i].label == PR_FAKE;
        roc->n_real += order[i].label == PR_REAL;
        if (i + 1 == n || order[i + 1].score != order[i].score) {
            roc->threshold[roc->n_points] = order[i].score;
            roc->n_true[roc->n_points] = roc->n_fake;
            roc->n_false[roc->n_points] = roc->n_real;
            roc->n_points++;
        }
    }
}

pr_status pr_roc_create(const pr_scores *scores, pr_roc **out)
{
    PR_TRY(pr__scores_check(scores));
    const int64_t n = scores->n;
    ranked *order = pr_calloc(n, sizeof(*order));
    pr_roc *roc = pr_calloc(1, sizeof(*roc));
    if (roc != NULL) {
        roc->n_false = pr_calloc(n + 1, sizeof(*roc->n_false));
        roc->n_true = pr_calloc(n + 1, sizeof(*roc->n_true));
        roc->threshold = pr_calloc(n + 1, sizeof(*roc->threshold));
    }
    if (order == NULL || roc == NULL || roc->n_false == NULL || roc->n_true == NULL ||
        roc->threshold == NULL) {
        pr_roc_destroy(&roc);
        pr_free(order);
        return PR_FAIL(PR_ERR_NOMEM, "metrics: no memory for the ROC of %lld scores", (long long)n);
    }
    for (int64_t i = 0; i < n; i++) {
        order[i] = (ranked){scores->score[i], i, scores->label[i]};
    }
    if (n > 0) {
        qsort(order, (size_t)n, sizeof(*order), compare_ranked);
    }
    fill_points(order, n, roc);
    pr_free(order);
    *out = roc;
    return PR_OK;
}

void pr_roc_destroy(pr_roc **roc)
{
    if (*roc != NULL) {
        pr_free((*roc)->n_false);
        pr_free((*roc)->n_true);
        pr_free((*roc)->threshold);
        pr_free(*roc);
        *roc = NULL;
    }
}

static double fpr_at(const pr_roc *roc, int64_t i)
{
    return (double)roc->n_false[i] / (double)roc->n_real;
}

static double tpr_at(const pr_roc *roc, int64_t i)
{
    return (double)roc->n_true[i] / (double)roc->n_fake;
}

/* Twice the area in units of one real times one fake: whole numbers, so there is no rounding. */
static double area(const pr_roc *roc)
{
    int64_t twice = 0;
    for (int64_t i = 1; i < roc->n_points; i++) {
        twice += (roc->n_false[i] - roc->n_false[i - 1]) * (roc->n_true[i] + roc->n_true[i - 1]);
    }
    return (double)twice / (2.0 * (double)roc->n_real * (double)roc->n_fake);
}

static pr_status average_precision(const pr_roc *roc, double *out)
{
    double *terms = pr_calloc(roc->n_points, sizeof(*terms));
    PR_REQUIRE(terms != NULL, PR_ERR_NOMEM, "metrics: no memory for %lld terms of precision",
               (long long)roc->n_points);
    for (int64_t i = 1; i < roc->n_points; i++) {
        const double precision =
            (double)roc->n_true[i] / (double)(roc->n_true[i] + roc->n_false[i]);
        terms[i] = (double)(roc->n_true[i] - roc->n_true[i - 1]) * precision;
    }
    *out = pr_tree_sum(terms, roc->n_points) / (double)roc->n_fake;
    pr_free(terms);
    return PR_OK;
}

/* scikit-learn's roc_curve drops a point, (0, 0) and the ends excepted, where both counts go on in a
 * straight line. */
static bool is_dropped_when_thinned(const pr_roc *roc, int64_t i)
{
    if (roc->n_points <= 3 || i <= 1 || i == roc->n_points - 1) {
        return false;
    }
    const int64_t bend_false = roc->n_false[i + 1] - 2 * roc->n_false[i] + roc->n_false[i - 1];
    const int64_t bend_true = roc->n_true[i + 1] - 2 * roc->n_true[i] + roc->n_true[i - 1];
    return bend_false == 0 && bend_true == 0;
}

static double equal_error_nearest(const pr_roc *roc, bool thinned)
{
    double least = INFINITY;
    double eer = NAN;
    for (int64_t i = 0; i < roc->n_points; i++) {
        if (thinned && is_dropped_when_thinned(roc, i)) {
            continue;
        }
        const double fpr = fpr_at(roc, i);
        const double gap = fabs((1.0 - tpr_at(roc, i)) - fpr);
        if (gap < least) {
            least = gap;
            eer = fpr;
        }
    }
    return eer;
}

/* 1 - fpr - tpr falls from 1 to -1 along the curve, strictly: it crosses zero on one segment. */
static double equal_error_interpolated(const pr_roc *roc)
{
    double above = 1.0;
    for (int64_t i = 1; i < roc->n_points; i++) {
        const double here = 1.0 - fpr_at(roc, i) - tpr_at(roc, i);
        if (here <= 0.0) {
            const double t = above / (above - here);
            return fpr_at(roc, i - 1) + t * (fpr_at(roc, i) - fpr_at(roc, i - 1));
        }
        above = here;
    }
    return NAN;
}

static double true_rate_at(const pr_roc *roc, double fpr, bool interpolated)
{
    int64_t last = 0; /* of the points with FPR <= fpr; the TPR never falls along the curve */
    for (int64_t i = 0; i < roc->n_points && fpr_at(roc, i) <= fpr; i++) {
        last = i;
    }
    const double tpr = tpr_at(roc, last);
    if (!interpolated || last + 1 == roc->n_points) {
        return tpr;
    }
    const double t = (fpr - fpr_at(roc, last)) / (fpr_at(roc, last + 1) - fpr_at(roc, last));
    return tpr + t * (tpr_at(roc, last + 1) - tpr);
}

static void fill_accuracies(const pr_scores *scores, double threshold, pr_metric_set *out)
{
    int64_t n_real_right = 0;
    int64_t n_fake_right = 0;
    for (int64_t i = 0; i < scores->n; i++) {
        const bool called_fake = scores->score[i] >= threshold;
        n_fake_right += scores->label[i] == PR_FAKE && called_fake;
        n_real_right += scores->label[i] == PR_REAL && !called_fake;
    }
    /* Where a class is missing 0 / 0 is the NaN that says so. */
    out->acc = (double)(n_real_right + n_fake_right) / (double)out->n;
    out->acc_real = (double)n_real_right / (double)out->n_real;
    out->acc_fake = (double)n_fake_right / (double)out->n_fake;
    out->acc_balanced = 0.5 * (out->acc_real + out->acc_fake);
    out->rccl_tpr = out->acc_real;
    out->rccl_fpr = out->acc_fake;
}

static pr_status fill_mean_scores(const pr_scores *scores, pr_metric_set *out)
{
    double *terms = pr_calloc(scores->n, sizeof(*terms));
    PR_REQUIRE(terms != NULL, PR_ERR_NOMEM, "metrics: no memory for %lld scores",
               (long long)scores->n);
    for (int label = PR_REAL; label <= PR_FAKE; label++) {
        int64_t n = 0;
        for (int64_t i = 0; i < scores->n; i++) {
            if (scores->label[i] == label) {
                terms[n++] = scores->score[i];
            }
        }
        const double mean = pr_tree_sum(terms, n) / (double)n;
        *(label == PR_REAL ? &out->score_real : &out->score_fake) = mean;
    }
    pr_free(terms);
    return PR_OK;
}

pr_status pr__metric_set_compute(const pr_scores *scores, const pr_metrics_options *options,
                                 pr_metric_set *out)
{
    pr_roc *roc = NULL;
    PR_TRY(pr_roc_create(scores, &roc));
    pr_metric_set set = {.n = scores->n, .n_real = roc->n_real, .n_fake = roc->n_fake};
    set.auc = set.ap = set.eer = set.eer_thinned = set.eer_interpolated = NAN;
    for (int i = 0; i < PR_METRICS_N_FPR; i++) {
        set.tpr_at[i] = NAN;
    }
    fill_accuracies(scores, options->threshold, &set);
    pr_status status = fill_mean_scores(scores, &set);
    if (status == PR_OK && set.n_real > 0 && set.n_fake > 0) {
        set.auc = area(roc);
        set.eer = equal_error_nearest(roc, false);
        set.eer_thinned = equal_error_nearest(roc, true);
        set.eer_interpolated = equal_error_interpolated(roc);
        for (int i = 0; i < PR_METRICS_N_FPR; i++) {
            set.tpr_at[i] = true_rate_at(roc, pr_metrics_fpr[i], options->tpr_interpolated);
        }
        status = average_precision(roc, &set.ap);
    }
    pr_roc_destroy(&roc);
    PR_TRY(status);
    *out = set;
    return PR_OK;
}

/* The middle between the scores that the point separates (contract in the header). */
static double point_threshold(const pr_roc *roc, int64_t i)
{
    const int64_t last = roc->n_points - 1;
    if (i == 0) {
        return nextafter(roc->threshold[1], INFINITY);
    }
    if (i == last) {
        return roc->threshold[last];
    }
    const double low = roc->threshold[i + 1];
    const double middle = low + 0.5 * (roc->threshold[i] - low);
    return middle > low && isfinite(middle) ? middle : roc->threshold[i];
}

pr_status pr_threshold_fit(const pr_scores *scores, pr_threshold_rule rule, double *threshold,
                           bool *fitted)
{
    pr_roc *roc = NULL;
    PR_TRY(pr_roc_create(scores, &roc));
    int64_t best = -1;
    double best_worth = 0.0;
    double best_gap = 0.0;
    for (int64_t i = 0; roc->n_real > 0 && roc->n_fake > 0 && i < roc->n_points; i++) {
        /* Whole numbers below 2^53: equal worths compare equal. */
        const double right_fake = (double)roc->n_true[i];
        const double right_real = (double)(roc->n_real - roc->n_false[i]);
        const double scaled_fake = right_fake * (double)roc->n_real;
        const double scaled_real = right_real * (double)roc->n_fake;
        const double worth =
            rule == PR_THRESHOLD_ACCURACY ? right_fake + right_real : scaled_fake + scaled_real;
        const double gap = fabs(scaled_fake - scaled_real);
        if (best < 0 || worth > best_worth || (worth == best_worth && gap <= best_gap)) {
            best = i;
            best_worth = worth;
            best_gap = gap;
        }
    }
    *fitted = best >= 0;
    if (best >= 0) {
        *threshold = point_threshold(roc, best);
    }
    pr_roc_destroy(&roc);
    return PR_OK;
}
