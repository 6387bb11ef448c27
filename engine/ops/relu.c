/*
 * relu: y = x where x > 0, else 0; dx = dy where y > 0.     x, y any shape, real
 */
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, sig->in[X].shape.n_dims));
    pr__give(sig, 0, sig->in[X]);
    return PR_OK;
}

const pr_op_info pr_op_info_relu = {
    .name = "relu", .infer = infer, .diff_in = 1U << X, .back_out = 1U << 0};
