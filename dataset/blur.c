#include "dataset/blur.h"

#include "dataset/simd.h"
#include "engine/base/alloc.h"
#include "engine/base/math.h"

#include <math.h>
#include <string.h>

enum { MAX_RADIUS = 96 }; /* ceil(3 PR_BLUR_MAX_SIGMA) */

/*
 * Between the passes a value is a grey level times 128. A pair of taps weighs (a + b) w with w in
 * 1/65536, the centre c w0 with w0 in 1/32768, and each product keeps its upper 16 bits: that cuts
 * off up to one unit (1/128 grey level) a tap, of which the bias gives half back.
 */
typedef struct kernel {
    int radius;
    uint16_t bias;
    uint16_t weight[MAX_RADIUS + 1];
} kernel;

static void kernel_make(double sigma, kernel *k)
{
    double exact[MAX_RADIUS + 1];
    const double radius = ceil(3.0 * sigma);
    k->radius = (int)radius;
    double sum = 1.0;
    exact[0] = 1.0;
    for (int i = 1; i <= k->radius; i++) {
        exact[i] = pr_exp(-(double)i * (double)i / (2.0 * sigma * sigma));
        sum += 2.0 * exact[i];
    }
    /* The centre takes what rounding leaves over, so that a flat image stays flat. */
    int32_t rest = 32768;
    for (int i = 1; i <= k->radius; i++) {
        const int32_t w = (int32_t)floor(exact[i] / sum * 65536.0 + 0.5);
        k->weight[i] = (uint16_t)w;
        rest -= w;
    }
    k->weight[0] = (uint16_t)rest;
    k->bias = (uint16_t)((k->radius + 1) / 2);
}

/* Index I mirrored at the ends of 0 .. n - 1, the ends themselves not repeated. */
static int mirror(int i, int n)
{
    if (i >= 0 && i < n) {
        return i;
    }
    if (n == 1) {
        return 0;
    }
    const int period = 2 * (n - 1);
    const int j = ((i % period) + period) % period;
    return j < n ? j : period - j;
}

/* The bytes' pass goes along x, over a row with its margins; the words' pass along y. */
PR__BODY bytes_begin_body(const uint8_t *restrict row, uint16_t w, uint16_t bias, int n,
                          uint16_t *restrict sum)
{
    for (int x = 0; x < n; x++) {
        const uint16_t v = (uint16_t)(row[x] << 8);
        sum[x] = (uint16_t)((uint16_t)(((uint32_t)v * w) >> 16) + bias);
    }
}
PR__KERNEL(bytes_begin,
           (const uint8_t *restrict row, uint16_t w, uint16_t bias, int n, uint16_t *restrict sum),
           (row, w, bias, n, sum))

PR__BODY bytes_add_body(const uint8_t *restrict a, const uint8_t *restrict b, uint16_t w, int n,
                        uint16_t *restrict sum)
{
    for (int x = 0; x < n; x++) {
        const uint16_t pair = (uint16_t)((a[x] + b[x]) << 7);
        sum[x] = (uint16_t)(sum[x] + (uint16_t)(((uint32_t)pair * w) >> 16));
    }
}
PR__KERNEL(bytes_add,
           (const uint8_t *restrict a, const uint8_t *restrict b, uint16_t w, int n,
            uint16_t *restrict sum),
           (a, b, w, n, sum))

PR__BODY words_begin_body(const uint16_t *restrict row, uint16_t w, uint16_t bias, int n,
                          uint16_t *restrict sum)
{
    for (int x = 0; x < n; x++) {
        const uint16_t twice = (uint16_t)(row[x] << 1);
        sum[x] = (uint16_t)((uint16_t)(((uint32_t)twice * w) >> 16) + bias);
    }
}
PR__KERNEL(words_begin,
           (const uint16_t *restrict row, uint16_t w, uint16_t bias, int n, uint16_t *restrict sum),
           (row, w, bias, n, sum))

PR__BODY words_add_body(const uint16_t *restrict a, const uint16_t *restrict b, uint16_t w, int n,
                        uint16_t *restrict sum)
{
    for (int x = 0; x < n; x++) {
        const uint16_t pair = (uint16_t)(a[x] + b[x]);
        sum[x] = (uint16_t)(sum[x] + (uint16_t)(((uint32_t)pair * w) >> 16));
    }
}
PR__KERNEL(words_add,
           (const uint16_t *restrict a, const uint16_t *restrict b, uint16_t w, int n,
            uint16_t *restrict sum),
           (a, b, w, n, sum))

PR__BODY words_end_body(const uint16_t *restrict sum, int n, uint8_t *restrict row)
{
    for (int x = 0; x < n; x++) {
        const uint16_t v = (uint16_t)((uint16_t)(sum[x] + 64U) >> 7);
        row[x] = (uint8_t)(v < 255 ? v : 255);
    }
}
PR__KERNEL(words_end, (const uint16_t *restrict sum, int n, uint8_t *restrict row), (sum, n, row))

/* Rows of words are whole vectors long, so that loops over them have no tail. */
static size_t stride_of(int width)
{
    return ((size_t)width + 31U) & ~(size_t)31U;
}

/* Words [height][stride], one row of sums, and a row of bytes with its margins. */
size_t pr_blur_scratch(int width, int height)
{
    return stride_of(width) * ((size_t)height + 2U) + 2U * (size_t)MAX_RADIUS;
}

/* One row along x; PADDED has the radius on both sides, and then up to a vector more. */
static void blur_along_x(const uint8_t *row, int width, const kernel *k, uint8_t *padded,
                         uint16_t *words)
{
    const int r = k->radius;
    const int n = (int)stride_of(width);
    for (int x = 0; x < r; x++) {
        padded[x] = row[mirror(x - r, width)];
        padded[r + width + x] = row[mirror(width + x, width)];
    }
    memcpy(padded + r, row, (size_t)width);
    bytes_begin(padded + r, k->weight[0], k->bias, n, words);
    for (int i = 1; i <= r; i++) {
        bytes_add(padded + r - i, padded + r + i, k->weight[i], n, words);
    }
}

static void blur_along_y(const uint16_t *words, int y, int width, int height, const kernel *k,
                         uint16_t *sum, uint8_t *row)
{
    const size_t stride = stride_of(width);
    const int n = (int)stride;
    words_begin(words + (size_t)y * stride, k->weight[0], k->bias, n, sum);
    for (int i = 1; i <= k->radius; i++) {
        words_add(words + (size_t)mirror(y - i, height) * stride,
                  words + (size_t)mirror(y + i, height) * stride, k->weight[i], n, sum);
    }
    words_end(sum, width, row);
}

pr_status pr_blur_plane(uint8_t *plane, int width, int height, double sigma, uint16_t *scratch)
{
    PR_REQUIRE(sigma > 0.0 && sigma <= PR_BLUR_MAX_SIGMA, PR_ERR_INVALID,
               "blur: sigma = %g px, must be above 0 and at most %g", sigma, PR_BLUR_MAX_SIGMA);
    kernel k;
    kernel_make(sigma, &k);
    const size_t stride = stride_of(width);
    uint16_t *sum = scratch + stride * (size_t)height;
    uint8_t *padded = (uint8_t *)(sum + stride);
    for (int y = 0; y < height; y++) {
        blur_along_x(plane + (size_t)y * (size_t)width, width, &k, padded,
                     scratch + (size_t)y * stride);
    }
    for (int y = 0; y < height; y++) {
        blur_along_y(scratch, y, width, height, &k, sum, plane + (size_t)y * (size_t)width);
    }
    return PR_OK;
}

pr_status pr_blur_image(const pr_image_u8 *image, double sigma)
{
    const size_t n = (size_t)image->width * (size_t)image->height;
    const size_t n_channels = (size_t)image->channels;
    uint16_t *scratch =
        pr_calloc((int64_t)pr_blur_scratch(image->width, image->height), sizeof *scratch);
    uint8_t *plane = pr_calloc((int64_t)n, 1);
    pr_status status = PR_OK;
    if (scratch == NULL || plane == NULL) {
        status =
            PR_FAIL(PR_ERR_NOMEM, "blur: no memory for %d x %d px", image->width, image->height);
    }
    for (size_t c = 0; status == PR_OK && c < n_channels; c++) {
        for (size_t i = 0; i < n; i++) {
            plane[i] = image->data[i * n_channels + c];
        }
        status = pr_blur_plane(plane, image->width, image->height, sigma, scratch);
        for (size_t i = 0; status == PR_OK && i < n; i++) {
            image->data[i * n_channels + c] = plane[i];
        }
    }
    pr_free(plane);
    pr_free(scratch);
    return status;
}
