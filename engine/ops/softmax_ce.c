/*
 * softmax_ce: each row's probabilities and its weighted cross-entropy in nats.
 *
 *     logits [N, K] real     label [N] i32, 0 .. K - 1     weight [N] real
 *     loss   [N] real        prob  [N, K] real
 *
 *     prob_i = exp(logits_i - m_i) / s_i,  m_i = max_k logits_ik,  s_i = sum_k exp(logits_ik - m_i)
 *     loss_i = weight_i (log s_i + m_i - logits_i,label)
 *
 * A row of weight 0 is padding: its loss is 0, its label may be anything. In other rows a label out
 * of range is PR_ERR_INVALID.
 *
 *     dlogits_ik = weight_i dloss_i (prob_ik - [k = label_i])
 *                + prob_ik (dprob_ik - sum_j prob_ij dprob_ij)
 *
 * Label and weight take no gradient.
 */
#include "engine/ops/expect.h"

enum { LOGITS, LABEL, WEIGHT, N_IN };
enum { LOSS, PROB };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, LOGITS, 2));

    const pr_dtype real = sig->in[LOGITS].dtype;
    const int64_t n_rows = sig->in[LOGITS].shape.dims[0];
    const pr_desc want_label = pr_desc_1(PR_I32, n_rows);
    const pr_desc want_weight = pr_desc_1(real, n_rows);
    PR_TRY(pr__expect(sig, LABEL, &want_label));
    PR_TRY(pr__expect(sig, WEIGHT, &want_weight));
    pr__give(sig, LOSS, want_weight);
    pr__give(sig, PROB, sig->in[LOGITS]);
    return PR_OK;
}

const pr_op_info pr_op_info_softmax_ce = {.name = "softmax_ce",
                                          .infer = infer,
                                          .diff_in = 1U << LOGITS,
                                          .back_in = 1U << LABEL | 1U << WEIGHT,
                                          .back_out = 1U << PROB};
