/**
 * What batch_norm and bn_apply share: from mean and deviation to the coefficients that the loops
 * apply, and back from the loops' sums to gradients. All in f64 by channel, rounded to f32 once.
 */
#ifndef PR_ENGINE_CPU_NORM_H
#define PR_ENGINE_CPU_NORM_H

#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "engine/cpu/loops.h"

/** Memory for one call on C channels, laid out in a workspace. */
typedef struct pr__norm_space {
    int64_t c;
    double *sum, *other;  /* [c] each */
    float *scale, *shift; /* y = act(scale x + shift) */
    float *a, *b, *k;     /* dx = a g + b x + k */
} pr__norm_space;

/** Bytes of a workspace for C channels. */
size_t pr__norm_bytes(int64_t c);
pr__norm_space pr__norm_space_at(void *workspace, int64_t c);

/** Fills scale and shift from MEAN, INV_STD [c] f64 and GAMMA, BETA [c]. */
void pr__norm_scale(pr__norm_space *space, const double *mean, const double *inv_std,
                    const float *gamma, const float *beta);

/** The coefficients as the loops take them. */
pr__norm_coef pr__norm_coef_of(const pr__norm_space *space, pr_act act);

/** mean = running_mean, inv_std = 1 / sqrt(running_var + eps). */
void pr__norm_running(int64_t c, const float *running_mean, const float *running_var, double eps,
                      double *mean, double *inv_std);

/**
 * From sums of x and x^2 over N values: mean, inv_std and, where not NULL, the statistic leaves,
 * the variance of which is unbiased.
 */
void pr__norm_statistics(int64_t c, int64_t n, const double *sum, const double *square,
                         const pr_batch_norm_attr *attr, double *mean, double *inv_std,
                         float *stat_mean, float *stat_var);

/**
 * space->sum = sum of g and space->other = sum of g x' (x' the normalised x), from x and dy, with
 * scale and shift as the forward had them.
 */
void pr__norm_grad_sums(const pr__loops *loops, pr__norm_space *space, int64_t n_rows, pr_act act,
                        const double *mean, const double *inv_std, const float *x, const float *dy);

#endif
