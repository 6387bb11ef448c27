/* Shared by the metrics' files only. */
#ifndef PR_TRAINER_METRICS_INTERNAL_H
#define PR_TRAINER_METRICS_INTERNAL_H

#include "trainer/metrics.h"

/** Everything of OUT from one list of scores. */
pr_status pr__metric_set_compute(const pr_scores *scores, const pr_metrics_options *options,
                                 pr_metric_set *out);

/** Scores of videos: arrays of their own, [n] each. */
typedef struct pr__video_scores {
    int64_t n;
    double *score;
    int8_t *label;
    int32_t *method;
} pr__video_scores;

/**
 * One score for each distinct number in VIDEO, in order of first appearance. MIXED: a video may hold
 * both classes, and its label is the integer part of the mean.
 */
pr_status pr__video_scores_create(const pr_scores *scores, const int32_t *video, bool mixed,
                                  const pr_metrics_options *options, pr__video_scores **out);
void pr__video_scores_destroy(pr__video_scores **videos);

/** PR_ERR_NUMERIC, PR_ERR_INVALID: what no metric can be made of. */
pr_status pr__scores_check(const pr_scores *scores);

#endif
