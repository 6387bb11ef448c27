/*
 * max_pool: the greatest value of each window, by channel, as PyTorch's MaxPool2d.
 *
 *     x     [N, H, W, C] real      y [N, H', W', C]
 *     saved [N, H', W', C] u8: the winner's number in its window, row by row (u window + v)
 *
 *     H' = floor((H + 2 pad - window) / stride) + 1, or with the ceiling under ceil_mode, when a
 *     last window that would begin beyond the map and its leading pad is dropped.
 *
 * Pixels outside of the map take no part. Of equal values the first, row by row, wins; a NaN wins
 * over all that is not. The gradient goes to the winner.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, MAX_WINDOW = 15 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_pool_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, 4));
    PR_REQUIRE(attr->window >= 1 && attr->window <= MAX_WINDOW, PR_ERR_INVALID,
               "window = %d, must be 1 to %d", attr->window, MAX_WINDOW);
    PR_REQUIRE(attr->pad >= 0 && 2 * attr->pad <= attr->window, PR_ERR_INVALID,
               "pad = %d, must be 0 to half the window of %d", attr->pad, attr->window);

    const int64_t *const x = sig->in[X].shape.dims;
    int64_t n_out[2];
    for (int d = 0; d < 2; d++) {
        const int64_t size = x[1 + d];
        const pr__slide slide = {size, attr->window, attr->stride, attr->pad, 1};
        PR_TRY(pr__slide_n(&slide, &n_out[d]));
        const bool is_cut = (size + 2 * (int64_t)attr->pad - attr->window) % attr->stride != 0;
        if (attr->ceil_mode && is_cut && n_out[d] * attr->stride < size + attr->pad) {
            n_out[d]++;
        }
    }
    pr__give(sig, 0, pr_desc_4(sig->in[X].dtype, x[0], n_out[0], n_out[1], x[3]));
    sig->n_saved = 1;
    sig->saved[0] = pr_desc_4(PR_U8, x[0], n_out[0], n_out[1], x[3]);
    return PR_OK;
}

const pr_op_info pr_op_info_max_pool = {
    .name = "max_pool", .attr_bytes = sizeof(pr_pool_attr), .infer = infer, .diff_in = 1U << X};
