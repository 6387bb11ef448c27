#include "engine/ref/ref_loops.h"

static pr_status forward(const pr_call *call)
{
    const int64_t n_all = ref_map_of(&call->out[0]).n_cols;
    double *to = call->out[0].data;
    for (int i = 0; i < call->n_in; i++) {
        const int64_t n = ref_map_of(&call->in[i]).n_cols;
        const double *const x = call->in[i].data;
        for (int64_t r = 0; r < ref_map_of(&call->in[i]).n_rows; r++) {
            for (int64_t c = 0; c < n; c++) {
                to[r * n_all + c] = x[r * n + c];
            }
        }
        to += n;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n_all = ref_map_of(&call->grad_out[0]).n_cols;
    const double *dy = call->grad_out[0].data;
    for (int i = 0; i < call->n_in; i++) {
        const int64_t n = ref_map_of(&call->in[i]).n_cols;
        double *const dx = call->grad_in[i].data;
        for (int64_t r = 0; dx != NULL && r < ref_map_of(&call->in[i]).n_rows; r++) {
            const double *const from = dy + r * n_all;
            for (int64_t c = 0; c < n; c++) {
                ref_put(dx, r * n + c, from[c], call->grad_add[i]);
            }
        }
        dy += n;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_concat = {.forward = forward, .backward = backward};
