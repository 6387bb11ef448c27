/*
 * add: y = act(a + b); da = db = dy where y > 0, or dy without act.     a, b, y any shape, real
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { A, B };

static pr_status infer(pr_op_sig *sig)
{
    const pr_add_attr *const attr = sig->attr;
    PR_TRY(pr__expect_n(sig, 2, 2));
    PR_REQUIRE(attr->act != PR_ACT_SILU, PR_ERR_INVALID, "a sum can go through a ReLU only");
    PR_TRY(pr__expect_real(sig, A, sig->in[A].shape.n_dims));
    PR_TRY(pr__expect(sig, B, &sig->in[A]));
    pr__give(sig, 0, sig->in[A]);
    return PR_OK;
}

const pr_op_info pr_op_info_add = {.name = "add",
                                   .attr_bytes = sizeof(pr_add_attr),
                                   .infer = infer,
                                   .diff_in = 1U << A | 1U << B,
                                   .back_out = 1U << 0};
