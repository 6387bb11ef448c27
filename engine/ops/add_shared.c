/*
 * add_shared: y[n, ...] = x[n, ...] + p[...], the same P for each image; dp is dy summed over n.
 *
 *     x, y [N, T, D] real     p [T, D]
 */
#include "engine/ops/expect.h"

enum { X, P };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 2, 2));
    PR_TRY(pr__expect_real(sig, X, 3));
    const int64_t *const dims = sig->in[X].shape.dims;
    const pr_desc want = pr_desc_2(sig->in[X].dtype, dims[1], dims[2]);
    PR_TRY(pr__expect(sig, P, &want));
    pr__give(sig, 0, sig->in[X]);
    return PR_OK;
}

const pr_op_info pr_op_info_add_shared = {
    .name = "add_shared", .infer = infer, .diff_in = 1U << X | 1U << P};
