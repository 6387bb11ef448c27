/*
 * gelu: y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016, the erf form).
 *
 *     x, y any shape, real     saved, as x: the slope Phi(x) + x phi(x), so that backward needs
 *                              neither x nor a second exponential
 */
#include "engine/ops/expect.h"

enum { X };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, sig->in[X].shape.n_dims));
    pr__give(sig, 0, sig->in[X]);
    sig->n_saved = 1;
    sig->saved[0] = sig->in[X];
    return PR_OK;
}

const pr_op_info pr_op_info_gelu = {.name = "gelu", .infer = infer, .diff_in = 1U << X};
