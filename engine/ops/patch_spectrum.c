/*
 * patch_spectrum: amplitude and phase of the discrete Fourier transform of an image's grey patches
 * (MC-LCR, section 3.2, equations 2 to 4; readings M5, M6). Takes no gradient.
 *
 *     image [N, H, W, 3] real, normalised; H and W are multiples of P = attr.patch_px
 *     amplitude, phase [N, (H / P) (W / P), P P] real: patches row by row, of each the bins (u, v)
 *     row by row, without shift
 *
 *     f = grey(image std + mean), F(u, v) = 1 / P^2 sum_xy f(x, y) exp(-2 pi j (u x + v y) / P)
 *
 * with x down and y across, as numpy.fft.fft2. Bins that are their own conjugates (u and v each 0
 * or P / 2) have I = +0. Rounding chooses no phase: phi = 0 where |F| <= 1e-6, and where R or I is
 * within 1e-6 of 0 phi takes it for +0, since greys are whole numbers whose sums are often 0 exactly,
 * and noise of 1e-17 would say whether phi is +pi or -pi. The other half of the bins is made from the
 * first: F(-u, -v) is F's conjugate, exactly.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { IMAGE };
enum { N_COLOURS = 3, LEAST_PX = 2, MOST_PX = 64 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_patch_spectrum_attr *const attr = sig->attr;
    char text[96];

    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, IMAGE, 4));
    const pr_shape *const shape = &sig->in[IMAGE].shape;
    const int64_t px = attr->patch_px;
    PR_REQUIRE(px >= LEAST_PX && px <= MOST_PX, PR_ERR_INVALID, "patch_px = %lld, must be %d to %d",
               (long long)px, LEAST_PX, MOST_PX);
    PR_REQUIRE(shape->dims[3] == N_COLOURS && shape->dims[1] % px == 0 && shape->dims[2] % px == 0,
               PR_ERR_SHAPE, "images are %s, must be [N, H, W, 3] with H and W multiples of %lld",
               pr_shape_text(shape, text), (long long)px);
    for (int c = 0; c < N_COLOURS; c++) {
        PR_REQUIRE(attr->std[c] > 0.0, PR_ERR_INVALID, "std[%d] = %g, must be > 0", c,
                   attr->std[c]);
    }
    const int64_t n_tokens = shape->dims[1] / px * (shape->dims[2] / px);
    for (int i = 0; i < 2; i++) {
        pr__give(sig, i, pr_desc_3(sig->in[IMAGE].dtype, shape->dims[0], n_tokens, px * px));
    }
    return PR_OK;
}

const pr_op_info pr_op_info_patch_spectrum = {
    .name = "patch_spectrum", .attr_bytes = sizeof(pr_patch_spectrum_attr), .infer = infer};
