/*
 * attention: scaled dot-product attention of h heads (Vaswani et al. 2017), image by image.
 *
 *     q, k, v, y [N, T, D] real; head i has the columns [i d, (i + 1) d), d = D / h
 *     saved [N h, T, T] real: P, the weights
 *
 *     P = softmax over rows of (scale Q K^T),  Y = P V,  for each image and head
 *     dV = P^T dY,  dP = dY V^T,  dS = P (dP - rowsum(P dP)),  dQ = scale dS K,  dK = scale dS^T Q
 *
 * No call's shape depends on how many images there are, so neither do an image's bits.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { Q, K, V, N_IN };

static pr_status infer(pr_op_sig *sig)
{
    const pr_attention_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, Q, 3));
    PR_TRY(pr__expect(sig, K, &sig->in[Q]));
    PR_TRY(pr__expect(sig, V, &sig->in[Q]));
    const int64_t *const dims = sig->in[Q].shape.dims;
    PR_REQUIRE(attr->n_heads >= 1 && dims[2] % attr->n_heads == 0, PR_ERR_INVALID,
               "%lld heads for %lld columns, must be a divisor", (long long)attr->n_heads,
               (long long)dims[2]);
    PR_REQUIRE(attr->scale > 0.0, PR_ERR_INVALID, "scale = %g, must be > 0", attr->scale);
    pr__give(sig, 0, sig->in[Q]);
    sig->n_saved = 1;
    sig->saved[0] = pr_desc_3(sig->in[Q].dtype, dims[0] * attr->n_heads, dims[1], dims[1]);
    return PR_OK;
}

const pr_op_info pr_op_info_attention = {.name = "attention",
                                         .attr_bytes = sizeof(pr_attention_attr),
                                         .infer = infer,
                                         .diff_in = 1U << Q | 1U << K | 1U << V,
                                         .back_in = 1U << Q | 1U << K | 1U << V};
