/**
 * Evaluation: every sample once, and the same bits on any number of ranks. Batches are cut by the
 * sample's number, the last one padded with rows that nobody reads; each rank takes a contiguous
 * block of batches, each thread one batch at a time.
 */
#ifndef PR_TRAINER_EVALUATE_H
#define PR_TRAINER_EVALUATE_H

#include "dataset/loader.h"
#include "engine/base/team.h"
#include "engine/comm/comm.h"
#include "engine/core/exec.h"

typedef struct pr_evaluator pr_evaluator;

typedef struct pr_evaluator_options {
    pr_comm *comm; /* borrowed, as all that follows */
    pr_team *team;
    pr_store *store;
    /* Forward only: input "image" [B, px, px, 3]; outputs "prob" [B, 2] and "features" [B, D], or
     * "z" [B, D]. */
    const pr_graph *graph;
    pr_backend_id backend;
    /* [D], of unit length: where given, the score is 1 - cos(z, centre); otherwise P(fake). */
    const double *centre;
    /* Where given, no score is made: this output [B, ...], each row flattened, takes the place of
     * the embeddings, and "prob" and "z" may be missing. */
    const char *output;
    pr_augment_options augment; /* mean, std; `enabled` is taken as false */
    pr_addg_options addg;       /* how views are forged, where some are */
    int n_loader_threads;
    bool stop_on_bad; /* a bad crop stops the run; otherwise it is left out and counted */
} pr_evaluator_options;

/** What evaluation gives, the same on every rank. */
typedef struct pr_eval_scores {
    int64_t n;     /* samples, in key order; or views */
    double *score; /* [n] pr_free; so below */
    bool *present; /* [n] false: a bad crop, left out */
    int64_t n_left_out;
    char first_bad[256];
    int64_t n_cols;   /* D where embeddings were asked for */
    float *embedding; /* [n, D] or NULL */
} pr_eval_scores;

pr_status pr_evaluator_create(const pr_evaluator_options *options, pr_evaluator **out);
void pr_evaluator_destroy(pr_evaluator **evaluator);

/**
 * Collective: scores all of SAMPLES. PERTURB and its value change the crops first. EMBEDDINGS asks
 * for "z", or a classifier's "features", too.
 *
 * Errors: PR_ERR_NUMERIC for a score that is not finite, naming the sample.
 */
pr_status pr_evaluate(pr_evaluator *evaluator, const pr_samples *samples, pr_perturb perturb,
                      double perturb_value, bool embeddings, pr_eval_scores *out);

/**
 * Collective: the same for N views of SAMPLES, which may be forged in memory. Draws are keyed by SEED
 * and epoch 0.
 */
pr_status pr_evaluate_views(pr_evaluator *evaluator, const pr_samples *samples,
                            const pr_view *views, int64_t n, uint64_t seed, pr_eval_scores *out);

/**
 * Makes image I: IMAGE [px, px, 3], normalised. Any thread of the team. A bad image that is left out
 * is PR_OK with *PRESENT = false; an error ends the evaluation.
 */
typedef pr_status (*pr_image_fn)(void *ctx, int64_t i, int px, float *image, bool *present);

/** Collective: the same for N images that FN makes, on the thread that scores them. */
pr_status pr_evaluate_images(pr_evaluator *evaluator, int64_t n, pr_image_fn fn, void *ctx,
                             bool embeddings, pr_eval_scores *out);

/** Memory for N samples and their N_COLS (0: none) embeddings, all zero. Errors: PR_ERR_NOMEM. */
pr_status pr_eval_scores_create(int64_t n, int64_t n_cols, pr_eval_scores *out);
void pr_eval_scores_free(pr_eval_scores *scores);

#endif
