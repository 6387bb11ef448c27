#include "engine/cpu/norm.h"

#include "engine/cpu/cpu.h"

#include <math.h>

size_t pr__norm_bytes(int64_t c)
{
    return 2 * pr__aligned((size_t)c * sizeof(double)) + 5 * pr__aligned((size_t)c * sizeof(float));
}

pr__norm_space pr__norm_space_at(void *workspace, int64_t c)
{
    const size_t n_f64 = pr__aligned((size_t)c * sizeof(double));
    const size_t n_f32 = pr__aligned((size_t)c * sizeof(float));
    char *const at = workspace;
    char *const f32 = at + 2 * n_f64;
    return (pr__norm_space){.c = c,
                            .sum = (double *)at,
                            .other = (double *)(at + n_f64),
                            .scale = (float *)f32,
                            .shift = (float *)(f32 + n_f32),
                            .a = (float *)(f32 + 2 * n_f32),
                            .b = (float *)(f32 + 3 * n_f32),
                            .k = (float *)(f32 + 4 * n_f32)};
}

void pr__norm_scale(pr__norm_space *space, const double *mean, const double *inv_std,
                    const float *gamma, const float *beta)
{
    for (int64_t c = 0; c < space->c; c++) {
        const double scale = (double)gamma[c] * inv_std[c];
        space->scale[c] = (float)scale;
        space->shift[c] = (float)((double)beta[c] - mean[c] * scale);
    }
}

pr__norm_coef pr__norm_coef_of(const pr__norm_space *space, pr_act act)
{
    return (pr__norm_coef){.scale = space->scale,
                           .shift = space->shift,
                           .a = space->a,
                           .b = space->b,
                           .k = space->k,
                           .act = act};
}

void pr__norm_running(int64_t c, const float *running_mean, const float *running_var, double eps,
                      double *mean, double *inv_std)
{
    for (int64_t i = 0; i < c; i++) {
        mean[i] = (double)running_mean[i];
        inv_std[i] = 1.0 / sqrt((double)running_var[i] + eps);
    }
}

void pr__norm_statistics(int64_t c, int64_t n, const double *sum, const double *square,
                         const pr_batch_norm_attr *attr, double *mean, double *inv_std,
                         float *stat_mean, float *stat_var)
{
    const double count = (double)n;
    for (int64_t i = 0; i < c; i++) {
        const double m = sum[i] / count;
        const double rest = square[i] / count - m * m;
        /* Rounding may leave a constant channel a hair below zero; a NaN must stay one. */
        const double var = rest < 0.0 ? 0.0 : rest;
        mean[i] = m;
        inv_std[i] = 1.0 / sqrt(var + attr->eps);
        if (stat_mean != NULL) {
            stat_mean[i] = (float)pr_stat_after(attr, (double)stat_mean[i], m);
        }
        if (stat_var != NULL) {
            const double unbiased = var * (count / (count - 1.0));
            stat_var[i] = (float)pr_stat_after(attr, (double)stat_var[i], unbiased);
        }
    }
}

void pr__norm_grad_sums(const pr__loops *loops, pr__norm_space *space, int64_t n_rows, pr_act act,
                        const double *mean, const double *inv_std, const float *x, const float *dy)
{
    const pr__norm_coef coef = pr__norm_coef_of(space, act);
    loops->norm_grad_sums(n_rows, space->c, &coef, x, dy, space->sum, space->other);
    for (int64_t c = 0; c < space->c; c++) {
        space->other[c] = (space->other[c] - mean[c] * space->sum[c]) * inv_std[c];
    }
}
