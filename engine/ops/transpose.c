/*
 * transpose: y[n, d, t] = x[n, t, d].     x [N, T, D] real, y [N, D, T]
 */
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, 3));
    const int64_t *const dims = sig->in[X].shape.dims;
    pr__give(sig, 0, pr_desc_3(sig->in[X].dtype, dims[0], dims[2], dims[1]));
    return PR_OK;
}

const pr_op_info pr_op_info_transpose = {.name = "transpose", .infer = infer, .diff_in = 1U << X};
