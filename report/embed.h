/**
 * Two dimensions out of many: principal components, and exact t-SNE. In double, on this project's exp
 * and log, so that a drawing has the same bits on any machine. Not collective, nothing is drawn at
 * random.
 */
#ifndef PR_REPORT_EMBED_H
#define PR_REPORT_EMBED_H

#include "engine/base/status.h"

#include <stdint.h>

/** Inner products of the N rows of X [n, n_cols] about their mean: GRAM [n, n], overwritten. */
pr_status pr_gram(const float *x, int64_t n, int64_t n_cols, double *gram);

/**
 * The rows' coordinates along the first two principal axes, SCORES [n, 2], and the SHARES [2] of the
 * variance that lie along them. The sign of an axis makes the coordinate farthest from 0 positive;
 * axes of equal variance may be any two that span the same plane.
 */
pr_status pr_pca(const double *gram, int64_t n, double *scores, double *shares);

/** van der Maaten and Hinton 2008, as scikit-learn's TSNE(method="exact") takes them. */
typedef struct pr_tsne_options {
    double perplexity; /* 30; at most (n - 1) / 3 is used */
    double
        exaggeration; /* 12, of the first N_EARLY iterations, with momentum 0.5 (0.8 after them) */
    int n_early, n_iterations;
} pr_tsne_options;

pr_tsne_options pr_tsne_options_default(void);

/** What a layout came to. */
typedef struct pr_tsne_result {
    double perplexity; /* that was used */
    double kl;         /* divergence of P from Q at the end, in nats */
} pr_tsne_result;

/**
 * Y [n, 2] becomes the layout of N >= 4 rows by their GRAM, begun at SCORES [n, 2] of pr_pca (scaled
 * to a deviation of 1e-4 along the first axis). The rate is n / 12 / 4 and at least 50: with the factor
 * 4 of the gradient, n / 12 (Belkina et al. 2019). Time and memory grow with n^2.
 *
 * Errors: PR_ERR_INVALID for fewer rows, or rows that are all equal; PR_ERR_NOMEM.
 */
pr_status pr_tsne(const double *gram, const double *scores, int64_t n,
                  const pr_tsne_options *options, double *y, pr_tsne_result *result);

#endif
