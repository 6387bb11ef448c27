/*
 * conv2d: a dense convolution, 1x1 included.
 *
 *     x  [N, H, W, I] real     w [O, I, k, k] real     b [O] real, optional
 *     y  [N, H', W', O]        H' = floor((H + 2 pad - dilation (k - 1) - 1) / stride) + 1,
 *                             or ceil(H / stride) where pad is PR_PAD_SAME
 *
 *     y[n, i, j, o] = b[o] + sum over u, v, c of
 *         w[o, c, u, v] x[n, i stride - pad + u dilation, j stride - pad + v dilation, c]
 *
 * where x is 0 outside of the map.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, W, B };

static pr_status infer(pr_op_sig *sig)
{
    const pr_conv2d_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, 2, 3));
    PR_TRY(pr__expect_real(sig, X, 4));
    PR_TRY(pr__expect_real(sig, W, 4));

    const int64_t *const x = sig->in[X].shape.dims;
    const int64_t *const w = sig->in[W].shape.dims;
    const pr_desc want_w = pr_desc_4(sig->in[X].dtype, w[0], x[3], w[2], w[2]);
    PR_TRY(pr__expect(sig, W, &want_w));
    if (sig->n_in > B) {
        const pr_desc want_b = pr_desc_1(sig->in[X].dtype, w[0]);
        PR_TRY(pr__expect(sig, B, &want_b));
    }

    int64_t n_out[2];
    for (int d = 0; d < 2; d++) {
        const pr__slide slide = {x[1 + d], w[2], attr->stride, attr->pad, attr->dilation};
        PR_TRY(pr__slide_n(&slide, &n_out[d]));
    }
    pr__give(sig, 0, pr_desc_4(sig->in[X].dtype, x[0], n_out[0], n_out[1], w[0]));
    return PR_OK;
}

const pr_op_info pr_op_info_conv2d = {.name = "conv2d",
                                      .attr_bytes = sizeof(pr_conv2d_attr),
                                      .infer = infer,
                                      .diff_in = 1U << X | 1U << W | 1U << B,
                                      .back_in = 1U << X | 1U << W};
