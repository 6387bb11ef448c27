#include "dataset/rotate.h"

#include "engine/base/math.h"

#include <math.h>

enum { FRACTION_BITS = 11, ONE = 1 << FRACTION_BITS, STEP_BITS = 32 };

/* ... 2 1 0 1 2 ... n - 2 n - 1 n - 2 ... */
static int64_t mirror(int64_t i, int64_t n)
{
    if (i >= 0 && i < n) {
        return i;
    }
    if (n == 1) {
        return 0;
    }
    const int64_t period = 2 * (n - 1);
    i %= period;
    i += i < 0 ? period : 0;
    return i < n ? i : period - i;
}

/* OUT [channels] becomes IN at (X, Y), which are in units of 2^-STEP_BITS. */
static void sample(const pr_image_u8 *in, int64_t x, int64_t y, uint8_t *out)
{
    const int64_t half = (int64_t)1 << (STEP_BITS - FRACTION_BITS - 1);
    /* To the nearest 1/2048; an arithmetic shift is floor. */
    const int64_t x_fine = (x + half) >> (STEP_BITS - FRACTION_BITS);
    const int64_t y_fine = (y + half) >> (STEP_BITS - FRACTION_BITS);
    const int64_t x0 = x_fine >> FRACTION_BITS;
    const int64_t y0 = y_fine >> FRACTION_BITS;
    const uint32_t fx = (uint32_t)(x_fine & (ONE - 1));
    const uint32_t fy = (uint32_t)(y_fine & (ONE - 1));
    const int64_t left = mirror(x0, in->width);
    const int64_t right = mirror(x0 + 1, in->width);
    const int64_t top = mirror(y0, in->height) * in->width;
    const int64_t bottom = mirror(y0 + 1, in->height) * in->width;
    const int n = in->channels;
    const uint8_t *p00 = in->data + (top + left) * n;
    const uint8_t *p10 = in->data + (top + right) * n;
    const uint8_t *p01 = in->data + (bottom + left) * n;
    const uint8_t *p11 = in->data + (bottom + right) * n;
    for (int c = 0; c < n; c++) {
        const uint32_t upper = p00[c] * (ONE - fx) + p10[c] * fx;
        const uint32_t lower = p01[c] * (ONE - fx) + p11[c] * fx;
        const uint32_t sum = upper * (ONE - fy) + lower * fy;
        out[c] = (uint8_t)((sum + (1U << (2 * FRACTION_BITS - 1))) >> (2 * FRACTION_BITS));
    }
}

static int64_t to_steps(double v)
{
    return (int64_t)floor(v * (double)((int64_t)1 << STEP_BITS) + 0.5);
}

pr_status pr_rotate_window(const pr_image_u8 *in, double angle, const pr_rect *rect,
                           const pr_image_u8 *out)
{
    PR_REQUIRE(in->channels == out->channels && (in->channels == 1 || in->channels == 3),
               PR_ERR_INVALID, "rotate: %d channels to %d, both must be 1 or both 3", in->channels,
               out->channels);
    PR_REQUIRE(pr_rect_is_inside(rect, in->width, in->height) && rect->width == out->width &&
                   rect->height == out->height && isfinite(angle),
               PR_ERR_INVALID, "rotate: a window of %d x %d px into %d x %d, turned by %g",
               rect->width, rect->height, out->width, out->height, angle);
    const double cosine = pr_cos(angle);
    const double sine = pr_sin(angle);
    const double middle_x = 0.5 * (double)(in->width - 1);
    const double middle_y = 0.5 * (double)(in->height - 1);
    const int64_t along_x = to_steps(cosine);
    const int64_t along_y = to_steps(sine);
    for (int j = 0; j < out->height; j++) {
        const double dx = (double)rect->x - middle_x;
        const double dy = (double)(rect->y + j) - middle_y;
        int64_t x = to_steps(middle_x + cosine * dx - sine * dy);
        int64_t y = to_steps(middle_y + sine * dx + cosine * dy);
        uint8_t *row = out->data + (size_t)j * (size_t)out->width * (size_t)out->channels;
        for (int i = 0; i < out->width; i++) {
            sample(in, x, y, row + (size_t)i * (size_t)out->channels);
            x += along_x;
            y += along_y;
        }
    }
    return PR_OK;
}
