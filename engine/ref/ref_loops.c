#include "engine/ref/ref_loops.h"

#include "engine/base/math.h"

#include <string.h>

double ref_sigmoid(double v)
{
    return 1.0 / (1.0 + pr_exp(-v));
}

double ref_act(pr_act act, double v)
{
    switch (act) {
    case PR_ACT_RELU:
        return v > 0.0 ? v : 0.0;
    case PR_ACT_SILU:
        return v * ref_sigmoid(v);
    case PR_ACT_NONE:
        break;
    }
    return v;
}

double ref_act_slope(pr_act act, double v)
{
    if (act == PR_ACT_SILU) {
        const double s = ref_sigmoid(v);
        return s * (1.0 + v * (1.0 - s));
    }
    return act == PR_ACT_NONE || v > 0.0 ? 1.0 : 0.0;
}

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
            y[row * norm->map.n_cols + c] = ref_act(norm->act, value);
        }
    }
}

double ref_norm_pass(const ref_norm *norm, const double *dy, int64_t row, int64_t c)
{
    const double value = norm->gamma[c] * normalised(norm, row, c) + norm->beta[c];
    return dy[row * norm->map.n_cols + c] * ref_act_slope(norm->act, value);
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
