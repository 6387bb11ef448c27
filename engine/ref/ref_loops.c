#include "engine/ref/ref_loops.h"

#include <string.h>

void ref_clear(const pr_tensor *grad, bool add)
{
    if (grad->data != NULL && !add) {
        memset(grad->data, 0, (size_t)pr_shape_n(&grad->shape) * sizeof(double));
    }
}

static double normalised(const ref_norm *norm, int64_t row, int64_t c)
{
    return (norm->x[row * norm->map.n_cols + c] - norm->mean[c]) * norm->inv_std[c];
}

void ref_norm_apply(const ref_norm *norm, double *y)
{
    for (int64_t row = 0; row < norm->map.n_rows; row++) {
        for (int64_t c = 0; c < norm->map.n_cols; c++) {
            const double value = norm->gamma[c] * normalised(norm, row, c) + norm->beta[c];
            y[row * norm->map.n_cols + c] = norm->relu && !(value > 0.0) ? 0.0 : value;
        }
    }
}

double ref_norm_pass(const ref_norm *norm, const double *dy, int64_t row, int64_t c)
{
    const double value = norm->gamma[c] * normalised(norm, row, c) + norm->beta[c];
    return norm->relu && !(value > 0.0) ? 0.0 : dy[row * norm->map.n_cols + c];
}

void ref_norm_sums(const ref_norm *norm, const double *dy, int64_t c, double *sum_g, double *sum_gx)
{
    *sum_g = 0.0;
    *sum_gx = 0.0;
    for (int64_t row = 0; row < norm->map.n_rows; row++) {
        const double g = ref_norm_pass(norm, dy, row, c);
        *sum_g += g;
        *sum_gx += g * normalised(norm, row, c);
    }
}
