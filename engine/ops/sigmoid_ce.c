/*
 * sigmoid_ce: binary cross-entropy of one logit a row, and the probabilities of both classes.
 *
 *     logits [N, 1] real     label [N] i32, 0 or 1     weight [N] real
 *     loss   [N] real        prob  [N, 2] real
 *
 *     prob_1 = 1 / (1 + exp(-logit))     prob_0 = 1 / (1 + exp(logit))     loss = -weight log prob_label
 *
 * which is softmax_ce of the logits (0, logit). Rows of weight 0 are padding, as there, and labels are
 * checked as there.
 *
 *     dlogit = weight dloss (prob_1 - label) + prob_0 prob_1 (dprob_1 - dprob_0)
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
    const pr_desc want_logits = pr_desc_2(real, n_rows, 1);
    const pr_desc want_label = pr_desc_1(PR_I32, n_rows);
    const pr_desc want_weight = pr_desc_1(real, n_rows);
    PR_TRY(pr__expect(sig, LOGITS, &want_logits));
    PR_TRY(pr__expect(sig, LABEL, &want_label));
    PR_TRY(pr__expect(sig, WEIGHT, &want_weight));
    pr__give(sig, LOSS, want_weight);
    pr__give(sig, PROB, pr_desc_2(real, n_rows, 2));
    return PR_OK;
}

const pr_op_info pr_op_info_sigmoid_ce = {.name = "sigmoid_ce",
                                          .infer = infer,
                                          .diff_in = 1U << LOGITS,
                                          .back_in = 1U << LABEL | 1U << WEIGHT,
                                          .back_out = 1U << PROB};
