#include "engine/base/math.h"
#include "engine/cpu/cells.h"

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const int64_t *const x = sig->in[0].shape.dims;
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = pr__cells_bytes(x[1] * x[2], x[3]);
    return PR_OK;
}

static pr_status forward(const pr_call *call)
{
    double *const sums = call->out[0].data;
    for (int i = 0; i < PR_CELL_SUMS; i++) {
        sums[i] = 0.0;
    }
    for (int64_t number = 0; number < call->in[0].shape.dims[0]; number++) {
        const pr__cells im = pr__cells_take(call, number);
        const double real = im.has_real ? pr_exp(im.log_real) : 0.0;
        sums[im.is_fake ? PR_CELL_SUM_PAIRS : PR_CELL_SUM_REAL_PAIRS] += real;
        sums[im.is_fake ? PR_CELL_SUM_FAKES : PR_CELL_SUM_REALS] += 1.0;
        sums[PR_CELL_SUM_MIXED] += im.is_fake && im.has_mixed ? pr_exp(im.log_mixed) : 0.0;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_cell_sums = {.prepare = prepare, .forward = forward};
