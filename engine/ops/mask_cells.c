/*
 * mask_cells: which cells of a feature map a mask of the image calls forged (Sun et al. 2022, section
 * 3.4; readings C6, 4.6).
 *
 *     mask [N, P, Q] real, how much of each pixel is forged     cell [N, H, W] i32
 *
 * A cell covers P / H x Q / W pixels, parts of pixels too: its mean is the area average. It is 1
 * (forged) where that is above attr.fake_above, 0 (real) where it is at most attr.real_upto, and -1
 * between the two, which exists only where real_upto < fake_above. Computed in f64, in the same order
 * on every backend, so that no cell hangs on rounding. Takes no gradient.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { MASK };

static pr_status infer(pr_op_sig *sig)
{
    const pr_mask_cells_attr *const attr = sig->attr;
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, MASK, 3));
    PR_REQUIRE(attr->real_upto >= 0.0 && attr->real_upto <= attr->fake_above, PR_ERR_INVALID,
               "a cell is real up to %g and forged above %g: must be in this order, from 0",
               attr->real_upto, attr->fake_above);
    const int64_t *const mask = sig->in[MASK].shape.dims;
    PR_REQUIRE(
        attr->height >= 1 && attr->height <= mask[1] && attr->width >= 1 && attr->width <= mask[2],
        PR_ERR_SHAPE, "%lld x %lld cells of a mask of %lld x %lld pixels", (long long)attr->height,
        (long long)attr->width, (long long)mask[1], (long long)mask[2]);
    pr__give(sig, 0, pr_desc_3(PR_I32, mask[0], attr->height, attr->width));
    return PR_OK;
}

const pr_op_info pr_op_info_mask_cells = {
    .name = "mask_cells", .attr_bytes = sizeof(pr_mask_cells_attr), .infer = infer};
