/**
 * What an evaluation leaves behind: a table for people, eval/<set>.json for programs, a list of
 * scores for whoever wants to check, and metrics read back by name.
 *
 * Every output says what it was made from: configuration and data by hash, the checkpoint and the
 * rule that chose it, how the run began, which samples were left out. Numbers in files are %.17g;
 * a metric that a one-class set does not have is null there and "n/a" in the table.
 */
#ifndef PR_TRAINER_EVAL_TABLE_H
#define PR_TRAINER_EVAL_TABLE_H

#include "engine/base/text.h"
#include "trainer/metrics.h"

/** Samples that no score was made for. */
typedef struct pr_eval_left_out {
    const char *why; /* "corrupt crop" */
    int64_t n;
} pr_eval_left_out;

typedef struct pr_eval_info {
    const char *set; /* "val", "test.celeb" */
    const char *run; /* name of the run directory, or "" */
    const char *stage;
    int64_t epoch, step;
    const char *checkpoint; /* its id, or what stands for it */
    const char *selection;  /* "best val.video.auc of 10 epochs", "last", "named by the caller" */
    const char *init;       /* "began at random weights" */
    const char *score;      /* what a score is: "P(fake)", "1 - cos(z, centre)" */
    const char *threshold;  /* where it comes from: "fixed", "accuracy on val" */
    uint64_t config_hash, data_hash;
    const pr_eval_left_out *left_out;
    int n_left_out;
    const char *const *notes; /* whole sentences that every output must carry */
    int n_notes;
    /* Names of numbers in pr_scores; CTX is handed through. Borrowed texts. */
    const char *(*method_name)(void *ctx, int32_t method);
    const char *(*video_name)(void *ctx, int32_t video);
    const char *(*sample_name)(void *ctx, int64_t i);
    void *ctx;
} pr_eval_info;

/** One set's row for the table. All borrowed. */
typedef struct pr_eval_row {
    const pr_eval_info *info;
    const pr_metrics *metrics;
} pr_eval_row;

/** Appends the table of N sets (percentages, columns aligned) and what its numbers stand on. */
pr_status pr_eval_table_text(const pr_eval_row *rows, int n, pr_text *text);

/**
 * Writes PATH (JSON): INFO, every metric, and from SCORES the ROC (at most 512 points) and a
 * histogram of each class, from which reports draw.
 *
 * Errors: PR_ERR_IO; PR_ERR_NOMEM; what pr_roc_create returns.
 */
pr_status pr_eval_write(const char *path, const pr_eval_info *info, const pr_metrics *metrics,
                        const pr_scores *scores);

/** Writes PATH (tab-separated, a header line): sample, label, method, video, score. */
pr_status pr_eval_scores_write(const char *path, const pr_eval_info *info, const pr_scores *scores);

/**
 * Cuts "test.celeb.frame.auc" into the set "test.celeb" and the metric's name, which *METRIC points
 * at within NAME.
 *
 * Errors: PR_ERR_INVALID where no part of NAME begins a metric.
 */
pr_status pr_eval_split_name(const char *name, char set[static 128], const char **metric);

/**
 * The metric of that name (without the set) in the file that pr_eval_write wrote: "frame.auc",
 * "methods.Deepfakes.video.auc". NaN where the file has null.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT; PR_ERR_INVALID for a name that the file has not.
 */
pr_status pr_eval_read_metric(const char *path, const char *metric, double *out);

#endif
