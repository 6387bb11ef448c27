#include "dataset/codec.h"

#include "dataset/codec_private.h"

#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <spng.h>

#define TEXT_OF_(token) #token
#define TEXT_OF(token)  TEXT_OF_(token)

const char *pr_codec_name(pr_codec codec)
{
    return codec == PR_CODEC_JPEG ? "jpeg" : "png";
}

const char *pr_codec_versions(void)
{
    return "libjpeg-turbo " TEXT_OF(LIBJPEG_TURBO_VERSION) ", libspng " TEXT_OF(
        SPNG_VERSION_MAJOR) "." TEXT_OF(SPNG_VERSION_MINOR) "." TEXT_OF(SPNG_VERSION_PATCH);
}

pr_status pr__codec_check_size(const char *codec, int64_t width, int64_t height)
{
    PR_REQUIRE(width > 0 && height > 0 && width <= PR_IMAGE_MAX_PX && height <= PR_IMAGE_MAX_PX,
               PR_ERR_FORMAT, "%s: %lld x %lld px, a side must be 1 to %d", codec, (long long)width,
               (long long)height, PR_IMAGE_MAX_PX);
    return PR_OK;
}

pr_status pr__codec_check_rect(const char *codec, int width, int height, const pr_rect *rect,
                               const pr_image_u8 *out, pr_rect *wanted)
{
    if (rect == NULL) {
        PR_REQUIRE(out->width == width && out->height == height, PR_ERR_FORMAT,
                   "%s: the image has %d x %d px, expected were %d x %d", codec, width, height,
                   out->width, out->height);
        *wanted = (pr_rect){0, 0, width, height};
        return PR_OK;
    }
    PR_REQUIRE(pr_rect_is_inside(rect, width, height), PR_ERR_FORMAT,
               "%s: the region %d x %d at (%d, %d) is not inside the image of %d x %d px", codec,
               rect->width, rect->height, rect->x, rect->y, width, height);
    *wanted = *rect;
    return PR_OK;
}

static pr_status codec_of(const uint8_t *bytes, size_t n_bytes, pr_codec *codec)
{
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    PR_REQUIRE(n_bytes > 0, PR_ERR_FORMAT, "image: no bytes, wanted a JPEG or PNG");
    if (n_bytes >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff) {
        *codec = PR_CODEC_JPEG;
        return PR_OK;
    }
    if (n_bytes >= sizeof png && memcmp(bytes, png, sizeof png) == 0) {
        *codec = PR_CODEC_PNG;
        return PR_OK;
    }
    return PR_FAIL(PR_ERR_FORMAT,
                   "image: %zu bytes that begin with 0x%02x are neither JPEG (ff d8 ff) nor PNG "
                   "(89 50 4e 47)",
                   n_bytes, (unsigned)bytes[0]);
}

pr_status pr_image_probe(const uint8_t *bytes, size_t n_bytes, pr_codec *codec, int *width,
                         int *height)
{
    pr_codec found = PR_CODEC_JPEG;
    PR_TRY(codec_of(bytes, n_bytes, &found));
    int w = 0;
    int h = 0;
    if (found == PR_CODEC_JPEG) {
        PR_TRY(pr__jpeg_probe(bytes, n_bytes, &w, &h));
    } else {
        PR_TRY(pr__png_probe(bytes, n_bytes, &w, &h));
    }
    if (codec != NULL) {
        *codec = found;
    }
    if (width != NULL) {
        *width = w;
    }
    if (height != NULL) {
        *height = h;
    }
    return PR_OK;
}

static pr_status decode(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                        const pr_image_u8 *out)
{
    pr_codec codec = PR_CODEC_JPEG;
    PR_TRY(codec_of(bytes, n_bytes, &codec));
    return codec == PR_CODEC_JPEG ? pr__jpeg_decode(bytes, n_bytes, rect, out)
                                  : pr__png_decode(bytes, n_bytes, rect, out);
}

pr_status pr_image_decode_rgb(const uint8_t *bytes, size_t n_bytes, const pr_image_u8 *out)
{
    PR_REQUIRE(out->channels == 3, PR_ERR_INVALID, "decode_rgb: %d channels, must be 3",
               out->channels);
    return decode(bytes, n_bytes, NULL, out);
}

pr_status pr_image_decode_grey(const uint8_t *bytes, size_t n_bytes, const pr_image_u8 *out)
{
    PR_REQUIRE(out->channels == 1, PR_ERR_INVALID, "decode_grey: %d channels, must be 1",
               out->channels);
    return decode(bytes, n_bytes, NULL, out);
}

pr_status pr_image_decode_region(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                                 const pr_image_u8 *out)
{
    PR_REQUIRE(out->channels == 1 || out->channels == 3, PR_ERR_INVALID,
               "decode_region: %d channels, must be 1 or 3", out->channels);
    PR_REQUIRE(out->width == rect->width && out->height == rect->height, PR_ERR_INVALID,
               "decode_region: the output is %d x %d px, the region %d x %d", out->width,
               out->height, rect->width, rect->height);
    return decode(bytes, n_bytes, rect, out);
}

/* Sides of planes are whole MCU, 32 pixels at most. */
static size_t plane_bound(int width, int height)
{
    return (((size_t)width + 31U) & ~(size_t)31U) * (((size_t)height + 31U) & ~(size_t)31U);
}

enum { PLANES_PAD = 64 };

size_t pr_image_planes_bound(int width, int height)
{
    return 6 * plane_bound(width, height) + PLANES_PAD;
}

void pr_image_split(const pr_image_u8 *image, uint8_t *memory, pr_image_planes *planes)
{
    const size_t n = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < n; i++) {
        memory[i] = image->data[3 * i];
        memory[n + i] = image->data[3 * i + 1];
        memory[2 * n + i] = image->data[3 * i + 2];
    }
    *planes = (pr_image_planes){.is_ycc = false};
    for (size_t c = 0; c < 3; c++) {
        planes->data[c] = memory + c * n;
        planes->stride[c] = image->width;
        planes->shrink_x[c] = 1;
        planes->shrink_y[c] = 1;
    }
}

/* RECT as RGB behind the planes, then dealt to them. */
static pr_status decode_split(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                              uint8_t *memory, pr_image_planes *planes)
{
    const size_t n = (size_t)rect->width * (size_t)rect->height;
    const pr_image_u8 image = {rect->width, rect->height, 3, memory + 3 * n};
    PR_TRY(decode(bytes, n_bytes, rect, &image));
    pr_image_split(&image, memory, planes);
    planes->x = rect->x;
    planes->y = rect->y;
    return PR_OK;
}

pr_status pr_image_decode_planes(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                                 uint8_t *memory, pr_image_planes *planes)
{
    pr_codec codec = PR_CODEC_JPEG;
    bool done = false;
    PR_TRY(codec_of(bytes, n_bytes, &codec));
    if (codec == PR_CODEC_JPEG) {
        PR_TRY(pr__jpeg_decode_planes(bytes, n_bytes, rect, memory, planes, &done));
    }
    return done ? PR_OK : decode_split(bytes, n_bytes, rect, memory, planes);
}

size_t pr_image_encode_bound(pr_codec codec, int width, int height, int channels)
{
    const size_t raw_bytes = (size_t)width * (size_t)height * (size_t)channels;
    if (codec == PR_CODEC_PNG) {
        /* Stored deflate blocks, a filter byte a row, and the headers of 8 KiB chunks. */
        return raw_bytes + raw_bytes / 256 + 6 * (size_t)height + 4096;
    }
    /* libjpeg-turbo's own bound for 4:4:4 (tjBufSize): a coefficient never needs more than two
       bytes, in blocks padded to 16 pixels. */
    const size_t padded_px =
        (((size_t)width + 15) & ~(size_t)15) * (((size_t)height + 15) & ~(size_t)15);
    return 6 * padded_px + 2048;
}
