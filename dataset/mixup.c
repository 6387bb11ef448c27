#include "dataset/mixup.h"

#include <math.h>

enum { STEPS = 65536 };

pr_status pr_mixup(const pr_image_u8 *fake, const pr_image_u8 *real, double share,
                   const pr_image_u8 *out)
{
    PR_REQUIRE(share >= 0.0 && share <= 1.0, PR_ERR_INVALID, "mixup: share %g, must be in [0, 1]",
               share);
    PR_REQUIRE(pr_image_bytes(fake) == pr_image_bytes(real) && fake->width == real->width &&
                   pr_image_bytes(fake) == pr_image_bytes(out) && fake->width == out->width,
               PR_ERR_INVALID, "mixup: %d x %d px with %d x %d into %d x %d", fake->width,
               fake->height, real->width, real->height, out->width, out->height);
    const uint32_t of_fake = (uint32_t)floor(share * STEPS + 0.5);
    const uint32_t of_real = STEPS - of_fake;
    const size_t n = pr_image_bytes(out);
    for (size_t i = 0; i < n; i++) {
        out->data[i] =
            (uint8_t)((fake->data[i] * of_fake + real->data[i] * of_real + STEPS / 2) / STEPS);
    }
    return PR_OK;
}
