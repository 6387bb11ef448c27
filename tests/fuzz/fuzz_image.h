/** What any bytes do to the image codecs: nothing but a status and a message. */
#ifndef PR_TESTS_FUZZ_IMAGE_H
#define PR_TESTS_FUZZ_IMAGE_H

#include "dataset/codec.h"
#include "engine/base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* A progressive JPEG keeps its coefficients: larger images only show how slow a fuzzer is. */
enum { FUZZ_MAX_PX = 1024 };

/** Ends the program, so that the fuzzer keeps the input. */
static inline void fuzz_require(int holds)
{
    if (!holds) {
        abort();
    }
}

/**
 * Where the whole image decodes, a region of it (which the input's size picks) must be the same
 * pixels; and a failure must leave a message.
 */
static inline void fuzz_image(const uint8_t *bytes, size_t n_bytes)
{
    int width = 0;
    int height = 0;
    pr_codec codec = PR_CODEC_JPEG;
    pr_error_clear();
    if (pr_image_probe(bytes, n_bytes, &codec, &width, &height) != PR_OK) {
        fuzz_require(pr_error_message()[0] != '\0');
        return;
    }
    fuzz_require(width >= 1 && width <= PR_IMAGE_MAX_PX && height >= 1 &&
                 height <= PR_IMAGE_MAX_PX);
    if (width > FUZZ_MAX_PX || height > FUZZ_MAX_PX) {
        return;
    }
    const size_t row_bytes = (size_t)width * 3;
    pr_image_u8 whole = {width, height, 3, pr_calloc((int64_t)height, row_bytes)};
    pr_image_u8 part = {width, height, 3, pr_calloc((int64_t)height, row_bytes)};
    fuzz_require(whole.data != NULL && part.data != NULL);
    const pr_status status = pr_image_decode_rgb(bytes, n_bytes, &whole);
    fuzz_require(status == PR_OK || pr_error_message()[0] != '\0');
    const int cut = (int)(n_bytes % 7);
    const pr_rect rect = {width * cut / 16, height * cut / 16, (width + 1) / 2, (height + 1) / 2};
    part.width = rect.width;
    part.height = rect.height;
    pr_error_clear();
    if (pr_image_decode_region(bytes, n_bytes, &rect, &part) == PR_OK && status == PR_OK) {
        for (int y = 0; y < rect.height; y++) {
            fuzz_require(memcmp(whole.data + (size_t)(rect.y + y) * row_bytes + (size_t)rect.x * 3,
                                part.data + (size_t)y * (size_t)rect.width * 3,
                                (size_t)rect.width * 3) == 0);
        }
    }
    pr_image_planes planes;
    uint8_t *memory = pr_calloc((int64_t)pr_image_planes_bound(width, height), 1);
    fuzz_require(memory != NULL);
    (void)pr_image_decode_planes(bytes, n_bytes, &rect, memory, &planes);
    pr_free(memory);
    pr_free(whole.data);
    pr_free(part.data);
}

#endif
