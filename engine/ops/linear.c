/*
 * linear: y = x W^T + b, row by row; a row's bits do not depend on how many rows there are.
 *
 *     x [N, I] real     w [O, I] real     b [O] real, optional     y [N, O]
 */
#include "engine/ops/expect.h"

enum { X, W, B };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 2, 3));
    PR_TRY(pr__expect_real(sig, X, 2));
    PR_TRY(pr__expect_real(sig, W, 2));

    const pr_dtype real = sig->in[X].dtype;
    const int64_t n_out = sig->in[W].shape.dims[0];
    const pr_desc want_w = pr_desc_2(real, n_out, sig->in[X].shape.dims[1]);
    PR_TRY(pr__expect(sig, W, &want_w));
    if (sig->n_in > B) {
        const pr_desc want_b = pr_desc_1(real, n_out);
        PR_TRY(pr__expect(sig, B, &want_b));
    }
    pr__give(sig, 0, pr_desc_2(real, sig->in[X].shape.dims[0], n_out));
    return PR_OK;
}

const pr_op_info pr_op_info_linear = {.name = "linear",
                                      .infer = infer,
                                      .diff_in = 1U << X | 1U << W | 1U << B,
                                      .back_in = 1U << X | 1U << W};
