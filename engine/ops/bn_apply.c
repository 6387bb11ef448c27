/*
 * bn_apply: batch norm over the global batch, from sums that bn_stats made and sync_sum added.
 *
 *     x            [N, H, W, C] or [N, C] real     sums [2, C] f64
 *     gamma, beta  [C]      running_mean, running_var [C], buffers
 *     y            as x
 *     saved        mean [C] f64, inv_std [C] f64
 *     stat         mean [C], var [C]: of the global batch, the latter unbiased
 *
 * With n = attr.n_samples, the values a channel has in the whole batch:
 *     mean = sums[0] / n, var = max(sums[1] / n - mean^2, 0), inv_std = 1 / sqrt(var + eps)
 *     y = act(gamma (x - mean) inv_std + beta)
 * In evaluation the running statistics stand for mean and var, and sums are not read.
 *
 * Backward, with g = dy act'(its argument), x' = (x - mean) inv_std and S = sum of g,
 * T = sum of g x' over this micro-batch:
 *     dbeta = S,  dgamma = T,  dx = gamma inv_std g
 *     d sums[1] = -gamma inv_std^2 T / (2 n)
 *     d sums[0] = -gamma inv_std S / n - 2 mean d sums[1]
 * In evaluation the gradient of sums is zero; where var was raised to 0, d sums[1] is zero.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, SUMS, GAMMA, BETA, N_IN = 6 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_batch_norm_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_norm(sig, GAMMA, attr));

    const int64_t *const x = sig->in[X].shape.dims;
    const int n_dims = sig->in[X].shape.n_dims;
    const pr_desc want_sums = pr_desc_2(PR_F64, 2, x[n_dims - 1]);
    PR_TRY(pr__expect(sig, SUMS, &want_sums));

    const int64_t n_here = n_dims == 2 ? x[0] : x[0] * x[1] * x[2];
    PR_REQUIRE(attr->n_samples >= n_here && attr->n_samples >= 2, PR_ERR_INVALID,
               "n_samples = %lld, must be at least 2 and the %lld of this micro-batch",
               (long long)attr->n_samples, (long long)n_here);
    return PR_OK;
}

const pr_op_info pr_op_info_bn_apply = {.name = "bn_apply",
                                        .attr_bytes = sizeof(pr_batch_norm_attr),
                                        .infer = infer,
                                        .diff_in = 1U << X | 1U << SUMS | 1U << GAMMA | 1U << BETA,
                                        .back_in = 1U << X | 1U << GAMMA | 1U << BETA};
