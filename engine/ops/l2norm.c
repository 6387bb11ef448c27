/*
 * l2norm: y_i = x_i / max(|x_i|, eps), for each row i.
 *
 *     x, y  [N, D] real     saved [N] f64: |x_i|
 *
 *     dx_i = (dy_i - y_i <y_i, dy_i>) / |x_i|, or dy_i / eps for a row with |x_i| <= eps
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    const pr_l2norm_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, 2));
    PR_REQUIRE(attr->eps > 0.0, PR_ERR_INVALID, "eps = %g, must be > 0", attr->eps);
    pr__give(sig, 0, sig->in[X]);
    sig->n_saved = 1;
    sig->saved[0] = pr_desc_1(PR_F64, sig->in[X].shape.dims[0]);
    return PR_OK;
}

const pr_op_info pr_op_info_l2norm = {.name = "l2norm",
                                      .attr_bytes = sizeof(pr_l2norm_attr),
                                      .infer = infer,
                                      .diff_in = 1U << X,
                                      .back_out = 1U << 0};
