/*
 * concat: maps or rows side by side.     x_i [..., C_i] real, equal but for C_i     y [..., sum C_i]
 */
#include "engine/ops/expect.h"

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, PR_OP_MAX_IN));
    const int last = sig->in[0].shape.n_dims - 1;
    pr_desc joined = sig->in[0];
    PR_TRY(pr__expect_real(sig, 0, last + 1));
    for (int i = 1; i < sig->n_in; i++) {
        pr_desc want = sig->in[0];
        PR_TRY(pr__expect_real(sig, i, last + 1));
        want.shape.dims[last] = sig->in[i].shape.dims[last];
        PR_TRY(pr__expect(sig, i, &want));
        joined.shape.dims[last] += want.shape.dims[last];
    }
    pr__give(sig, 0, joined);
    return PR_OK;
}

const pr_op_info pr_op_info_concat = {
    .name = "concat", .infer = infer, .diff_in = (1U << PR_OP_MAX_IN) - 1U};
