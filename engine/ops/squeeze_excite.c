/*
 * squeeze_excite: each channel of an image's map is scaled by a gate that two small linear layers
 * make of the map's mean. Hu et al. 2018, with EfficientNet's SiLU between the layers.
 *
 *     x  [N, H, W, C] real     w1 [R, C, 1, 1], b1 [R]     w2 [C, R, 1, 1], b2 [C]
 *     y  [N, H, W, C]          y[n, ., ., c] = gate[n, c] x[n, ., ., c]
 *     saved: mean [N, C], hidden [N, R], gate [N, C], all f64
 *
 *     mean = mean of x over the pixels        hidden = w1 mean + b1
 *     gate = sigmoid(w2 silu(hidden) + b2)
 *
 * One op, since the pixels of an image are read twice while they are near (once for the mean, once
 * for the product), forward and backward, and nothing but the two maps has the map's size.
 *
 * Backward, with P = H W:
 *     e = gate (1 - gate) sum over pixels of dy x          db2 = sum e,  dw2 = sum e silu(hidden)'
 *     h = silu'(hidden) (w2' e)                            db1 = sum h,  dw1 = sum h mean'
 *     dx = gate dy + (w1' h) / P
 */
#include "engine/ops/expect.h"

enum { X, W1, B1, W2, B2, N_IN };
enum { MEAN, HIDDEN, GATE };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, X, 4));
    PR_TRY(pr__expect_real(sig, W1, 4));

    const pr_dtype real = sig->in[X].dtype;
    const int64_t n = sig->in[X].shape.dims[0];
    const int64_t c = sig->in[X].shape.dims[3];
    const int64_t r = sig->in[W1].shape.dims[0];
    const pr_desc want[N_IN] = {sig->in[X], pr_desc_4(real, r, c, 1, 1), pr_desc_1(real, r),
                                pr_desc_4(real, c, r, 1, 1), pr_desc_1(real, c)};
    for (int i = W1; i < N_IN; i++) {
        PR_TRY(pr__expect(sig, i, &want[i]));
    }
    pr__give(sig, 0, sig->in[X]);
    sig->n_saved = 3;
    sig->saved[MEAN] = pr_desc_2(PR_F64, n, c);
    sig->saved[HIDDEN] = pr_desc_2(PR_F64, n, r);
    sig->saved[GATE] = pr_desc_2(PR_F64, n, c);
    return PR_OK;
}

const pr_op_info pr_op_info_squeeze_excite = {.name = "squeeze_excite",
                                              .infer = infer,
                                              .diff_in = 1U << X | 1U << W1 | 1U << B1 | 1U << W2 |
                                                         1U << B2,
                                              .back_in = 1U << X | 1U << W1 | 1U << W2};
