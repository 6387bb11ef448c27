/*
 * bn_stats: what batch norm over the global batch adds up over micro-batches.
 *
 *     x    [N, H, W, C] or [N, C] real
 *     sums [2, C] f64:  sums[0, c] = sum of x, sums[1, c] = sum of x^2 over the channel's values
 *
 * The squares are of x itself, not of what is left after a shift, so that sums of micro-batches
 * simply add up. They are formed and added in f64: the variance that bn_apply subtracts from them
 * has a relative error of about 1e-16 mean^2 / var times the square root of the count, which is
 * below f32's own until a channel's mean is a thousand times its deviation.
 *
 *     dx = d sums[0] + 2 x d sums[1]
 */
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));

    const int n_dims = sig->in[X].shape.n_dims == 2 ? 2 : 4;
    PR_TRY(pr__expect_real(sig, X, n_dims));
    pr__give(sig, 0, pr_desc_2(PR_F64, 2, sig->in[X].shape.dims[n_dims - 1]));
    return PR_OK;
}

const pr_op_info pr_op_info_bn_stats = {
    .name = "bn_stats", .infer = infer, .diff_in = 1U << X, .back_in = 1U << X};
