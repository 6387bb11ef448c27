/*
 * layer_norm: each row by its own mean and variance (Ba et al. 2016).
 *
 *     x, y [..., D] real, 2 or 3 dims     gamma, beta [D]
 *     saved [rows] f64 twice: mean_r, inv_std_r = 1 / sqrt(var_r + eps), var of D values over D
 *
 *     y = x' gamma + beta,  x' = (x - mean) inv_std
 *     dx = inv_std (g - mean(g) - x' mean(g x')),  g = dy gamma, means over the row
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, GAMMA, BETA, N_IN };

static pr_status infer(pr_op_sig *sig)
{
    const pr_layer_norm_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, X, sig->in[X].shape.n_dims == 3 ? 3 : 2));
    PR_REQUIRE(attr->eps > 0.0, PR_ERR_INVALID, "eps = %g, must be > 0", attr->eps);
    const int64_t n_cols = sig->in[X].shape.dims[sig->in[X].shape.n_dims - 1];
    const pr_desc column = pr_desc_1(sig->in[X].dtype, n_cols);
    PR_TRY(pr__expect(sig, GAMMA, &column));
    PR_TRY(pr__expect(sig, BETA, &column));
    pr__give(sig, 0, sig->in[X]);
    sig->n_saved = 2;
    for (int i = 0; i < 2; i++) {
        sig->saved[i] = pr_desc_1(PR_F64, pr_shape_n(&sig->in[X].shape) / n_cols);
    }
    return PR_OK;
}

const pr_op_info pr_op_info_layer_norm = {.name = "layer_norm",
                                          .attr_bytes = sizeof(pr_layer_norm_attr),
                                          .infer = infer,
                                          .diff_in = 1U << X | 1U << GAMMA | 1U << BETA,
                                          .back_in = 1U << X | 1U << GAMMA};
