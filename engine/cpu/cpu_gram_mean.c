#include "engine/cpu/cpu.h"

#include <string.h>

enum { LANES = 16 };

/* Images, pixels of each, channels; what the sums are divided by. */
typedef struct gram {
    int64_t n, n_pixels, n_cols;
    double divisor;
} gram;

static gram gram_of(const pr_call *call)
{
    const pr_gram_mean_attr *const attr = call->attr;
    const int64_t *const dims = call->in[0].shape.dims;
    gram g = {.n = dims[0], .n_pixels = dims[1] * dims[2], .n_cols = dims[3]};
    g.divisor = (double)g.n_cols;
    g.divisor *= attr->norm == PR_GRAM_NONE ? 1.0 : (double)g.n_pixels;
    g.divisor *= attr->norm == PR_GRAM_CHW ? (double)g.n_cols : 1.0;
    return g;
}

static double tree(double lane[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] += lane[l + half];
        }
    }
    return lane[0];
}

static double sum_of(const float *x, int64_t n)
{
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            lane[l] += (double)x[i + l];
        }
    }
    for (int l = 0; i + l < n; l++) {
        lane[l] += (double)x[i + l];
    }
    return tree(lane);
}

static double dot(const float *a, const float *b, int64_t n)
{
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            lane[l] += (double)a[i + l] * (double)b[i + l];
        }
    }
    for (int l = 0; i + l < n; l++) {
        lane[l] += (double)a[i + l] * (double)b[i + l];
    }
    return tree(lane);
}

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)pr__n_cols(&sig->in[0].shape) * sizeof(double);
    return PR_OK;
}

static pr_status forward(const pr_call *call)
{
    const gram g = gram_of(call);
    double *const total = call->workspace;
    double *const sums = call->saved[0].data;
    float *const y = pr__f32(&call->out[0]);

    for (int64_t n = 0; n < g.n; n++) {
        memset(total, 0, (size_t)g.n_cols * sizeof(*total));
        for (int64_t p = n * g.n_pixels; p < (n + 1) * g.n_pixels; p++) {
            const float *const x = pr__f32(&call->in[0]) + p * g.n_cols;
            const double sum = sum_of(x, g.n_cols);
            sums[p] = sum;
            for (int64_t c = 0; c < g.n_cols; c++) {
                total[c] += (double)x[c] * sum;
            }
        }
        for (int64_t c = 0; c < g.n_cols; c++) {
            y[n * g.n_cols + c] = (float)(total[c] / g.divisor);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const gram g = gram_of(call);
    const double *const sums = call->saved[0].data;
    const bool add = call->grad_add[0];

    for (int64_t p = 0; p < g.n * g.n_pixels; p++) {
        const float *const x = pr__f32(&call->in[0]) + p * g.n_cols;
        const float *const dy = pr__f32(&call->grad_out[0]) + p / g.n_pixels * g.n_cols;
        float *const dx = pr__f32(&call->grad_in[0]) + p * g.n_cols;
        const double along = dot(dy, x, g.n_cols) / g.divisor;
        const double scale = sums[p] / g.divisor;
        for (int64_t c = 0; c < g.n_cols; c++) {
            const float value = (float)((double)dy[c] * scale + along);
            dx[c] = add ? dx[c] + value : value;
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_gram_mean = {
    .prepare = prepare, .forward = forward, .backward = backward};
