#include "dataset/mask.h"

#include <stdlib.h>

/* OUT(x, y) = the least (or, INVERTED, the largest) of IN over the 3 x 3 pixels about it that are
   inside. */
static void erode(const uint8_t *in, int width, int height, uint8_t inverted, uint8_t *out)
{
    for (int y = 0; y < height; y++) {
        const int top = y > 0 ? y - 1 : 0;
        const int bottom = y + 1 < height ? y + 1 : y;
        for (int x = 0; x < width; x++) {
            const int left = x > 0 ? x - 1 : 0;
            const int right = x + 1 < width ? x + 1 : x;
            unsigned all = 255;
            for (int j = top; j <= bottom; j++) {
                for (int i = left; i <= right; i++) {
                    all &= (unsigned)in[(size_t)j * (size_t)width + (size_t)i] ^ inverted;
                }
            }
            out[(size_t)y * (size_t)width + (size_t)x] = (uint8_t)(all ^ inverted);
        }
    }
}

pr_status pr_mask_difference(const pr_image_u8 *fake, const pr_image_u8 *real, double threshold,
                             const pr_image_u8 *mask, uint8_t *scratch)
{
    PR_REQUIRE(fake->width == real->width && fake->height == real->height &&
                   fake->width == mask->width && fake->height == mask->height &&
                   fake->channels == 3 && real->channels == 3 && mask->channels == 1,
               PR_ERR_INVALID, "mask: %d x %d x %d against %d x %d x %d into %d x %d x %d",
               fake->width, fake->height, fake->channels, real->width, real->height, real->channels,
               mask->width, mask->height, mask->channels);
    const double limit = threshold * (3.0 * 255.0);
    const size_t n = (size_t)fake->width * (size_t)fake->height;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *f = fake->data + 3 * i;
        const uint8_t *r = real->data + 3 * i;
        const int sum = abs(f[0] - r[0]) + abs(f[1] - r[1]) + abs(f[2] - r[2]);
        mask->data[i] = (double)sum > limit ? 255 : 0;
    }
    erode(mask->data, mask->width, mask->height, 0, scratch);
    erode(scratch, mask->width, mask->height, 255, mask->data);
    return PR_OK;
}
