/*
 * flatten: a map as one row an image.     x [N, H, W, C] real     y [N, H W C]
 *
 *     y[n, (i W + j) C + c] = x[n, i, j, c], or y[n, (c H + i) W + j] where channels come first
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, 4));
    const int64_t *const x = sig->in[X].shape.dims;
    pr__give(sig, 0, pr_desc_2(sig->in[X].dtype, x[0], x[1] * x[2] * x[3]));
    return PR_OK;
}

const pr_op_info pr_op_info_flatten = {
    .name = "flatten", .attr_bytes = sizeof(pr_flatten_attr), .infer = infer, .diff_in = 1U << X};
