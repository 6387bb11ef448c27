/*
 * global_avg_pool: y[n, c] = the mean of x[n, ., ., c].     x [N, H, W, C] real, y [N, C]
 */
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, 4));
    pr__give(sig, 0,
             pr_desc_2(sig->in[X].dtype, sig->in[X].shape.dims[0], sig->in[X].shape.dims[3]));
    return PR_OK;
}

const pr_op_info pr_op_info_global_avg_pool = {
    .name = "global_avg_pool", .infer = infer, .diff_in = 1U << X};
