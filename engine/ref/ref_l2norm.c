#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

#include <math.h>

static pr_status forward(const pr_call *call)
{
    const pr_l2norm_attr *const attr = call->attr;
    const ref_map map = ref_map_of(&call->in[0]);
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;
    double *const length = call->saved[0].data;

    for (int64_t row = 0; row < map.n_rows; row++) {
        double squares = 0.0;
        for (int64_t c = 0; c < map.n_cols; c++) {
            squares += x[row * map.n_cols + c] * x[row * map.n_cols + c];
        }
        length[row] = sqrt(squares);
        for (int64_t c = 0; c < map.n_cols; c++) {
            y[row * map.n_cols + c] = x[row * map.n_cols + c] / fmax(length[row], attr->eps);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr_l2norm_attr *const attr = call->attr;
    const ref_map map = ref_map_of(&call->in[0]);
    const double *const y = call->out[0].data;
    const double *const dy = call->grad_out[0].data;
    const double *const length = call->saved[0].data;

    for (int64_t row = 0; row < map.n_rows; row++) {
        const bool is_short = length[row] <= attr->eps;
        double along = 0.0;
        for (int64_t c = 0; !is_short && c < map.n_cols; c++) {
            along += y[row * map.n_cols + c] * dy[row * map.n_cols + c];
        }
        for (int64_t c = 0; c < map.n_cols; c++) {
            const int64_t i = row * map.n_cols + c;
            ref_put(call->grad_in[0].data, i,
                    (dy[i] - along * y[i]) / (is_short ? attr->eps : length[row]),
                    call->grad_add[0]);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_l2norm = {.forward = forward, .backward = backward};
