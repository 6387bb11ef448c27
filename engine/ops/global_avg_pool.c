/*
 * global_avg_pool: y[n, c] = the mean of x[n, ., ., c], or of x[n, ., c].
 *
 *     x [N, H, W, C] or [N, T, C] real     y [N, C]
 */
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    const int n_dims = sig->in[X].shape.n_dims == 3 ? 3 : 4;
    PR_TRY(pr__expect_real(sig, X, n_dims));
    const int64_t *const dims = sig->in[X].shape.dims;
    pr__give(sig, 0, pr_desc_2(sig->in[X].dtype, dims[0], dims[n_dims - 1]));
    return PR_OK;
}

const pr_op_info pr_op_info_global_avg_pool = {
    .name = "global_avg_pool", .infer = infer, .diff_in = 1U << X};
