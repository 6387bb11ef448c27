/** Images that tests make themselves: smooth light, hard edges and noise, a function of the seed. */
#ifndef PR_TESTS_DATASET_PIXELS_H
#define PR_TESTS_DATASET_PIXELS_H

#include "dataset/codec.h"
#include "tests/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

static inline uint32_t pixels_noise(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352dU;
    x = (x ^ (x >> 15)) * 0x846ca68bU;
    return x ^ (x >> 16);
}

static inline pr_image_u8 pixels_make(int width, int height, int channels, uint32_t seed)
{
    pr_image_u8 image = {0, 0, 0, NULL};
    CHECK_OK(pr_image_create(width, height, channels, &image));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const int edge = ((x + (int)seed) / 23 + y / 17) % 2 == 0 ? 70 : 0;
            for (int c = 0; c < channels; c++) {
                const uint32_t at = (uint32_t)((y * width + x) * channels + c);
                const int noise = (int)(pixels_noise(at * 31U + seed) % 24U);
                const int light = (x * (3 + c) + y * (5 - c)) / 8 % 160;
                const int v = light + edge + noise;
                image.data[at] = (uint8_t)(v < 255 ? v : 255);
            }
        }
    }
    return image;
}

/** A draw below N that tests use to pick rectangles. */
static inline int pixels_below(uint32_t *state, int n)
{
    *state += 0x9e3779b9U;
    return (int)(pixels_noise(*state) % (uint32_t)n);
}

static inline uint64_t pixels_hash(uint64_t hash, const void *bytes, size_t n_bytes)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n_bytes; i++) {
        hash = (hash ^ p[i]) * 1099511628211U;
    }
    return hash;
}

static inline double pixels_triangle(double x)
{
    return fabs(x) < 1.0 ? 1.0 - fabs(x) : 0.0;
}

static inline int pixels_reflected(int i, int n)
{
    while (n > 1 && (i < 0 || i >= n)) {
        i = i < 0 ? -i : 2 * (n - 1) - i;
    }
    return n > 1 ? i : 0;
}

/** The blur that blur.h defines, at pixel (X, Y) of a grey image. */
static inline double pixels_blurred(const pr_image_u8 *in, double sigma, int x, int y)
{
    const int r = (int)ceil(3.0 * sigma);
    double sum = 0.0;
    double weights = 0.0;
    for (int j = -r; j <= r; j++) {
        for (int i = -r; i <= r; i++) {
            const double w = exp(-(double)(i * i + j * j) / (2.0 * sigma * sigma));
            sum += w * in->data[pixels_reflected(y + j, in->height) * in->width +
                                pixels_reflected(x + i, in->width)];
            weights += w;
        }
    }
    return sum / weights;
}

/** For floats whose bits are what is compared. */
static inline bool pixels_equal(const void *a, const void *b, size_t n_bytes)
{
    return memcmp(a, b, n_bytes) == 0;
}

/** The bytes of IMAGE as JPEG or (quality 0) PNG; pr_free them. */
static inline uint8_t *pixels_encode(const pr_image_u8 *image, int quality,
                                     pr_subsampling subsampling, size_t *n_bytes)
{
    const pr_codec codec = quality == 0 ? PR_CODEC_PNG : PR_CODEC_JPEG;
    const size_t room = pr_image_encode_bound(codec, image->width, image->height, image->channels);
    uint8_t *bytes = pr_calloc((int64_t)room, 1);
    *n_bytes = 0;
    if (quality == 0) {
        CHECK_OK(pr_image_encode_png(image, bytes, room, n_bytes));
    } else {
        CHECK_OK(pr_image_encode_jpeg(image, quality, subsampling, bytes, room, n_bytes));
    }
    return bytes;
}

#endif
