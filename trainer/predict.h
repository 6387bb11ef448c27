/**
 * Scores for images that nobody has labelled, and for datasets: what `pristine predict` does.
 */
#ifndef PR_TRAINER_PREDICT_H
#define PR_TRAINER_PREDICT_H

#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_predict_request {
    const pr_train_options *options; /* borrowed, as all here */
    pr_comm *comm;
    const char *run_dir;
    const char *checkpoint; /* "best", "last", or a file */
    /* Image files; folders, whose .jpg, .jpeg and .png files are taken at any depth, in bytewise order
     * of their paths; dataset folders, whose samples are taken in key order. */
    const char *const *paths;
    int n_paths;
    const char *out;        /* the table; NULL: stdout */
    const char *embeddings; /* features of what was scored, in the table's order; NULL: none */
} pr_predict_request;

typedef struct pr_predict_counts {
    int64_t n_scored, n_left_out;
} pr_predict_counts;

/**
 * Collective. Writes a line for each image: path or sample's name, score (%.17g), and for datasets
 * the label; separated by tabs. An image alone gets the bits that it gets within its dataset. A bad
 * one is reported with its reason and left out.
 *
 * EMBEDDINGS becomes a NumPy file, f32 [images scored, D], and EMBEDDINGS.tsv the lines of its rows:
 * z of a stage without a classifier, otherwise the features that are classified.
 *
 * Errors: PR_ERR_INVALID for a path that is not there or holds no image; PR_ERR_IO for one that
 * cannot be read.
 */
pr_status pr_predict(const pr_predict_request *request, pr_predict_counts *counts);

#endif
