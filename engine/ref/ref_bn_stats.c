#include "engine/ref/ref_loops.h"

enum { X };

static pr_status forward(const pr_call *call)
{
    const ref_map map = ref_map_of(&call->in[X]);
    const double *const x = call->in[X].data;
    double *const sums = call->out[0].data;

    for (int64_t c = 0; c < map.n_cols; c++) {
        double sum = 0.0;
        double squares = 0.0;
        for (int64_t row = 0; row < map.n_rows; row++) {
            const double value = x[row * map.n_cols + c];
            sum += value;
            squares += value * value;
        }
        sums[c] = sum;
        sums[map.n_cols + c] = squares;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const ref_map map = ref_map_of(&call->in[X]);
    const double *const x = call->in[X].data;
    const double *const d_sums = call->grad_out[0].data;

    for (int64_t i = 0; i < map.n_rows * map.n_cols; i++) {
        const int64_t c = i % map.n_cols;
        ref_put(call->grad_in[X].data, i, d_sums[c] + 2.0 * x[i] * d_sums[map.n_cols + c],
                call->grad_add[X]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_bn_stats = {.forward = forward, .backward = backward};
