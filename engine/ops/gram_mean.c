/*
 * gram_mean: the row means of each image's Gram matrix of channels, G_ij = sum over pixels k of
 * F_ki F_kj, divided by attr.norm (MC-LCR, section 3.1, equation 1).
 *
 *     x [N, H, W, C] real     y [N, C]     saved [N, H, W] f64: each pixel's sum over channels, s
 *
 *     y_i  = 1 / (C norm) sum_j G_ij = 1 / (C norm) sum_k F_ki s_k,     s_k = sum_j F_kj
 *     dF_ki = 1 / (C norm) (dy_i s_k + sum_j dy_j F_kj)
 *
 * so that G itself, C x C, is never made: H W C products instead of H W C C.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, 4));
    const int64_t *const dims = sig->in[X].shape.dims;
    pr__give(sig, 0, pr_desc_2(sig->in[X].dtype, dims[0], dims[3]));
    sig->n_saved = 1;
    sig->saved[0] = pr_desc_3(PR_F64, dims[0], dims[1], dims[2]);
    return PR_OK;
}

const pr_op_info pr_op_info_gram_mean = {.name = "gram_mean",
                                         .attr_bytes = sizeof(pr_gram_mean_attr),
                                         .infer = infer,
                                         .diff_in = 1U << X,
                                         .back_in = 1U << X};
