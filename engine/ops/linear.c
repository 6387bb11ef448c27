/*
 * linear: y = x W^T + b, row by row; a row's bits do not depend on how many rows there are.
 *
 *     x [N, I] real     w [O, I] real     b [O] real, optional     y [N, O]
 *  or x [N, T, I], tokens of images                                y [N, T, O]
 */
#include "engine/ops/expect.h"

enum { X, W, B };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 2, 3));
    PR_TRY(pr__expect_real(sig, X, sig->in[X].shape.n_dims == 3 ? 3 : 2));
    PR_TRY(pr__expect_real(sig, W, 2));

    const pr_dtype real = sig->in[X].dtype;
    const int64_t n_out = sig->in[W].shape.dims[0];
    const int last = sig->in[X].shape.n_dims - 1;
    const pr_desc want_w = pr_desc_2(real, n_out, sig->in[X].shape.dims[last]);
    PR_TRY(pr__expect(sig, W, &want_w));
    if (sig->n_in > B) {
        const pr_desc want_b = pr_desc_1(real, n_out);
        PR_TRY(pr__expect(sig, B, &want_b));
    }
    pr_desc y = sig->in[X];
    y.shape.dims[last] = n_out;
    pr__give(sig, 0, y);
    return PR_OK;
}

const pr_op_info pr_op_info_linear = {.name = "linear",
                                      .infer = infer,
                                      .diff_in = 1U << X | 1U << W | 1U << B,
                                      .back_in = 1U << X | 1U << W};
