/*
 * cell_sums: what equations 7 and 8 of DCL sum over the pairs of cells of all images, for a loss that
 * is one of the whole batch, as the paper's public code has it.
 *
 *     x [N, H, W, C] real     cell [N, H, W] i32     label [N] i32, as cell_contrast has them
 *     sums [PR_CELL_SUMS] f64
 *
 * In the order of PR_CELL_SUM_*: over fake images the sums of exp(s) over pairs of real cells and over
 * pairs of a forged and a real cell, and the number of these images; over real images the sum over
 * pairs of cells, and their number. Sums of micro-batches simply add up. Takes no gradient:
 * cell_contrast has all of it.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, CELL, LABEL, N_IN };

/* The largest exponent is 1 / tau: its sums must stay finite numbers. */
static const double LEAST_TAU = 1.0 / 512.0;

static pr_status infer(pr_op_sig *sig)
{
    const pr_cell_contrast_attr *const attr = sig->attr;
    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, X, 4));
    PR_REQUIRE(attr->tau >= LEAST_TAU && attr->eps > 0.0, PR_ERR_INVALID,
               "tau = %g, must be at least %g for sums over a batch; eps = %g, must be > 0",
               attr->tau, LEAST_TAU, attr->eps);
    const int64_t *const x = sig->in[X].shape.dims;
    const pr_desc cell = pr_desc_3(PR_I32, x[0], x[1], x[2]);
    const pr_desc per_image = pr_desc_1(PR_I32, x[0]);
    PR_TRY(pr__expect(sig, CELL, &cell));
    PR_TRY(pr__expect(sig, LABEL, &per_image));
    pr__give(sig, 0, pr_desc_1(PR_F64, PR_CELL_SUMS));
    return PR_OK;
}

const pr_op_info pr_op_info_cell_sums = {
    .name = "cell_sums", .attr_bytes = sizeof(pr_cell_contrast_attr), .infer = infer};
