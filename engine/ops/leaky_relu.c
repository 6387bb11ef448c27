/*
 * leaky_relu: y = x where x > 0, else slope x; dx = dy or slope dy likewise.     x, y any shape, real
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    const pr_leaky_relu_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, sig->in[X].shape.n_dims));
    /* So that y tells which side x was on. */
    PR_REQUIRE(attr->slope > 0.0 && attr->slope < 1.0, PR_ERR_INVALID,
               "slope = %g, must be in (0, 1)", attr->slope);
    pr__give(sig, 0, sig->in[X]);
    return PR_OK;
}

const pr_op_info pr_op_info_leaky_relu = {.name = "leaky_relu",
                                          .attr_bytes = sizeof(pr_leaky_relu_attr),
                                          .infer = infer,
                                          .diff_in = 1U << X,
                                          .back_out = 1U << 0};
