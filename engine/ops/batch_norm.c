/*
 * batch_norm: each channel is normalised over the micro-batch, scaled and shifted.
 * Ioffe and Szegedy 2015.
 *
 *     x            [N, H, W, C] or [N, C] real
 *     gamma, beta  [C]      running_mean, running_var [C], buffers
 *     y            as x
 *     saved        mean [C] f64, inv_std [C] f64: what y was made from, in either mode
 *     stat         mean [C], var [C]: of the micro-batch, the latter unbiased (divided by n - 1),
 *                  as PyTorch's running update takes them
 *
 * Training: over the n = N H W values of a channel,
 *     mean = sum x / n, var = sum (x - mean)^2 / n, inv_std = 1 / sqrt(var + eps)
 *     y = act(gamma (x - mean) inv_std + beta)
 * Evaluation: the same with mean = running_mean and var = running_var, which are constants.
 *
 * act is nothing, ReLU or SiLU (v / (1 + exp(-v))). Backward, with g = dy act'(its argument), x' = (x - mean) inv_std:
 *     dbeta = sum g,  dgamma = sum g x'
 *     dx = gamma inv_std (g - dbeta / n - x' dgamma / n)   training
 *     dx = gamma inv_std g                                 evaluation
 *
 * Training needs n > 1; a kernel fails with PR_ERR_INVALID otherwise. PR_MODE_RECOMPUTE is training
 * without stat.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, GAMMA, BETA, N_IN = 5 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_batch_norm_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    return pr__expect_norm(sig, GAMMA, attr);
}

const pr_op_info pr_op_info_batch_norm = {.name = "batch_norm",
                                          .attr_bytes = sizeof(pr_batch_norm_attr),
                                          .infer = infer,
                                          .diff_in = 1U << X | 1U << GAMMA | 1U << BETA,
                                          .back_in = 1U << X | 1U << GAMMA | 1U << BETA};
