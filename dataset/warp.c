#include "dataset/warp.h"

#include <math.h>
#include <string.h>

enum { STEPS = 32768 }; /* of a weight: two of them and a byte stay inside 64 bits by far */

/* Index I mirrored at the ends of 0 .. n - 1, the ends themselves not repeated. */
static int64_t mirror(int64_t i, int64_t n)
{
    const int64_t period = n > 1 ? 2 * (n - 1) : 1;
    const int64_t j = ((i % period) + period) % period;
    return j < n ? j : period - j;
}

/* The channels of the pixel at (x, y), or black. */
static const uint8_t *pixel_at(const pr_image_u8 *in, int64_t x, int64_t y, pr_border border)
{
    static const uint8_t black[3] = {0, 0, 0};
    const int64_t right = in->width - 1;
    const int64_t bottom = in->height - 1;
    if (border == PR_BORDER_BLACK && (x < 0 || y < 0 || x > right || y > bottom)) {
        return black;
    }
    if (border == PR_BORDER_MIRROR) {
        x = mirror(x, in->width);
        y = mirror(y, in->height);
    }
    x = x < 0 ? 0 : (x > right ? right : x);
    y = y < 0 ? 0 : (y > bottom ? bottom : y);
    return in->data + (size_t)((y * in->width + x) * in->channels);
}

/* A point far outside would not fit an integer; all that matters of it is that it is outside. */
static double within(double v, int side, pr_border border)
{
    const double room = border == PR_BORDER_MIRROR ? (double)PR_IMAGE_MAX_PX : 1.0;
    const double limit = (double)side + room;
    return v < -1.0 - room ? -1.0 - room : (v > limit ? limit : v);
}

static void sample(const pr_image_u8 *in, double x, double y, pr_border border, uint8_t *out)
{
    x = within(x, in->width, border);
    y = within(y, in->height, border);
    const double x_floor = floor(x);
    const double y_floor = floor(y);
    const int64_t x0 = (int64_t)x_floor;
    const int64_t y0 = (int64_t)y_floor;
    const int64_t fx = (int64_t)floor((x - x_floor) * STEPS + 0.5);
    const int64_t fy = (int64_t)floor((y - y_floor) * STEPS + 0.5);
    const uint8_t *p00 = pixel_at(in, x0, y0, border);
    const uint8_t *p10 = pixel_at(in, x0 + 1, y0, border);
    const uint8_t *p01 = pixel_at(in, x0, y0 + 1, border);
    const uint8_t *p11 = pixel_at(in, x0 + 1, y0 + 1, border);
    const int64_t one = (int64_t)STEPS * STEPS;
    for (int c = 0; c < in->channels && c < 3; c++) {
        const int64_t top = p00[c] * (STEPS - fx) + p10[c] * fx;
        const int64_t low = p01[c] * (STEPS - fx) + p11[c] * fx;
        out[c] = (uint8_t)((top * (STEPS - fy) + low * fy + one / 2) / one);
    }
}

pr_status pr_warp(const pr_image_u8 *in, const double out_to_in[6], pr_border border,
                  const pr_image_u8 *out)
{
    PR_REQUIRE(in->channels == out->channels && (in->channels == 1 || in->channels == 3),
               PR_ERR_INVALID, "warp: %d channels to %d, both must be 1 or both 3", in->channels,
               out->channels);
    for (int i = 0; i < 6; i++) {
        PR_REQUIRE(isfinite(out_to_in[i]), PR_ERR_INVALID, "warp: element %d of the map is %g", i,
                   out_to_in[i]);
    }
    for (int y = 0; y < out->height; y++) {
        uint8_t *row = out->data + (size_t)y * (size_t)out->width * (size_t)out->channels;
        for (int x = 0; x < out->width; x++) {
            double from_x = (double)x;
            double from_y = (double)y;
            pr_map_apply(out_to_in, &from_x, &from_y);
            sample(in, from_x, from_y, border, row + (size_t)x * (size_t)out->channels);
        }
    }
    return PR_OK;
}
