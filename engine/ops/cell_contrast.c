/*
 * cell_contrast: the intra-instance losses of DCL (Sun et al. 2022, equations 7 and 8; readings C6, C7
 * and 4.6), one value an image.
 *
 *     x     [N, H, W, C] real       features p of the cells, taken by direction: u = p / max(|p|, eps)
 *     cell  [N, H, W] i32           as mask_cells gives them: 1 forged, 0 real, -1 neither
 *     label [N] i32                 0 real, 1 fake
 *     sums  [PR_CELL_SUMS] f64      those of cell_sums over the whole batch, or not given
 *     fake  [N] real    fake_valid [N] i32
 *     real  [N] real    real_valid [N] i32
 *
 * With s_ij = u_i.u_j / tau, R the real and F the forged cells of a fake image,
 *
 *     fake = log(1 + sum over f in F, r in R of exp(s_fr) / sum over i, j in R of exp(s_ij))    (7)
 *
 * i = j included, or not with attr.exclude_self. A fake image without a forged cell or without a pair
 * of real ones does not count: value 0, valid 0. For a real image, over all of its cells whatever the
 * mask says,
 *
 *     real = -log sum over i, j of exp(s_ij)                                                    (8)
 *
 * which is negative. It counts wherever it has a pair. Backward sums over cells in their order.
 *
 * attr.masked: a pair that a sum leaves out stays in it with s = 0, as where features are multiplied by
 * the mask; every image then counts.
 *
 * With sums there is one loss for the batch's fakes, log(1 + M / P) with M and P the sums of (7) over
 * all of them, and one for its reals, -log Q. An image's value is that loss and its own part m, p or q
 * of what the sums are made of, to first order:
 *
 *     fake = log(1 + M / P) + n M / (M + P) (m / M - p / P)       real = -log Q + 1 - n q / Q
 *
 * where n is the number of the batch's fakes or reals. The mean of these over the batch is the loss,
 * since the parts add up to the sums, and their gradient with the sums held is the loss's gradient.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, CELL, LABEL, SUMS, N_IN };
enum { FAKE, FAKE_VALID, REAL, REAL_VALID };

static pr_status infer(pr_op_sig *sig)
{
    const pr_cell_contrast_attr *const attr = sig->attr;
    PR_TRY(pr__expect_n(sig, SUMS, N_IN));
    PR_TRY(pr__expect_real(sig, X, 4));
    PR_REQUIRE(attr->tau > 0.0 && attr->eps > 0.0, PR_ERR_INVALID,
               "tau = %g and eps = %g, both must be > 0", attr->tau, attr->eps);
    const int64_t *const x = sig->in[X].shape.dims;
    const pr_desc cell = pr_desc_3(PR_I32, x[0], x[1], x[2]);
    const pr_desc per_image = pr_desc_1(PR_I32, x[0]);
    const pr_desc value = pr_desc_1(sig->in[X].dtype, x[0]);
    PR_TRY(pr__expect(sig, CELL, &cell));
    PR_TRY(pr__expect(sig, LABEL, &per_image));
    if (sig->n_in > SUMS) {
        const pr_desc sums = pr_desc_1(PR_F64, PR_CELL_SUMS);
        PR_TRY(pr__expect(sig, SUMS, &sums));
    }
    pr__give(sig, FAKE, value);
    pr__give(sig, FAKE_VALID, per_image);
    pr__give(sig, REAL, value);
    pr__give(sig, REAL_VALID, per_image);
    return PR_OK;
}

const pr_op_info pr_op_info_cell_contrast = {.name = "cell_contrast",
                                             .attr_bytes = sizeof(pr_cell_contrast_attr),
                                             .infer = infer,
                                             .diff_in = 1U << X,
                                             .back_in =
                                                 1U << X | 1U << CELL | 1U << LABEL | 1U << SUMS};
