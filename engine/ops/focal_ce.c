/*
 * focal_ce: cross-entropy that rows of a well-known class count less in. Lin et al. 2017, eq. 5.
 *
 *     logits [N, K] real     label [N] i32, 0 .. K - 1     weight [N] real
 *     loss   [N] real        prob  [N, K] real             saved: [N, 2] f64, log p and 1 - p
 *
 *     p = prob of the label     loss = -weight a (1 - p)^gamma log p
 *     a = alpha for class 1, 1 - alpha for class 0, or 1 where alpha is 0
 *
 * Rows of weight 0 are padding, as in softmax_ce, and labels are checked as there. 1 - p is the sum
 * of the other probabilities, so that it is right where p is nearly 1.
 *
 *     dlogits_k = weight a dloss ((1 - p)^gamma + gamma p (1 - p)^gamma l) (prob_k - [k = label])
 *               + prob_k (dprob_k - sum_j prob_j dprob_j),   l = -log p / (1 - p), 1 where p = 1
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { LOGITS, LABEL, WEIGHT, N_IN };
enum { LOSS, PROB };

static pr_status infer(pr_op_sig *sig)
{
    const pr_focal_ce_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, LOGITS, 2));

    const pr_dtype real = sig->in[LOGITS].dtype;
    const int64_t n_rows = sig->in[LOGITS].shape.dims[0];
    const pr_desc want_label = pr_desc_1(PR_I32, n_rows);
    const pr_desc want_weight = pr_desc_1(real, n_rows);
    PR_TRY(pr__expect(sig, LABEL, &want_label));
    PR_TRY(pr__expect(sig, WEIGHT, &want_weight));
    PR_REQUIRE(attr->gamma >= 0.0, PR_ERR_INVALID, "gamma = %g, must be at least 0", attr->gamma);
    PR_REQUIRE(attr->alpha >= 0.0 && attr->alpha < 1.0, PR_ERR_INVALID,
               "alpha = %g, must be at least 0 and below 1", attr->alpha);
    PR_REQUIRE(attr->alpha == 0.0 || sig->in[LOGITS].shape.dims[1] == 2, PR_ERR_SHAPE,
               "alpha weighs two classes, and there are %lld",
               (long long)sig->in[LOGITS].shape.dims[1]);
    pr__give(sig, LOSS, want_weight);
    pr__give(sig, PROB, sig->in[LOGITS]);
    sig->n_saved = 1;
    sig->saved[0] = pr_desc_2(PR_F64, n_rows, 2);
    return PR_OK;
}

const pr_op_info pr_op_info_focal_ce = {.name = "focal_ce",
                                        .attr_bytes = sizeof(pr_focal_ce_attr),
                                        .infer = infer,
                                        .diff_in = 1U << LOGITS,
                                        .back_in = 1U << LABEL | 1U << WEIGHT,
                                        .back_out = 1U << PROB};
