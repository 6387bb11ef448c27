/*
 * depthwise: one filter a channel, of act(x), so that Xception's leading ReLUs cost no map.
 *
 *     x  [N, H, W, C] real     w [C, 1, k, k] real
 *     y  [N, H', W', C]        H' = floor((H + 2 pad - dilation (k - 1) - 1) / stride) + 1,
 *                             or ceil(H / stride) where pad is PR_PAD_SAME
 *
 *     y[n, i, j, c] = sum over u, v of
 *         w[c, 0, u, v] act(x[n, i stride - pad + u dilation, j stride - pad + v dilation, c])
 *
 * where x is 0 outside of the map. The ReLU passes a gradient where x > 0.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, W };

static pr_status infer(pr_op_sig *sig)
{
    const pr_depthwise_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, 2, 2));
    PR_REQUIRE(attr->act_in != PR_ACT_SILU, PR_ERR_INVALID, "x can be read through a ReLU only");
    PR_TRY(pr__expect_real(sig, X, 4));
    PR_TRY(pr__expect_real(sig, W, 4));

    const int64_t *const x = sig->in[X].shape.dims;
    const int64_t *const w = sig->in[W].shape.dims;
    const pr_desc want_w = pr_desc_4(sig->in[X].dtype, x[3], 1, w[2], w[2]);
    PR_TRY(pr__expect(sig, W, &want_w));

    int64_t n_out[2];
    for (int d = 0; d < 2; d++) {
        const pr__slide slide = {x[1 + d], w[2], attr->stride, attr->pad, attr->dilation};
        PR_TRY(pr__slide_n(&slide, &n_out[d]));
    }
    pr__give(sig, 0, pr_desc_4(sig->in[X].dtype, x[0], n_out[0], n_out[1], x[3]));
    return PR_OK;
}

const pr_op_info pr_op_info_depthwise = {.name = "depthwise",
                                         .attr_bytes = sizeof(pr_depthwise_attr),
                                         .infer = infer,
                                         .diff_in = 1U << X | 1U << W,
                                         .back_in = 1U << X | 1U << W};
