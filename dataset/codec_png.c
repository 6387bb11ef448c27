#include "dataset/codec_private.h"
#include "engine/base/alloc.h"

#include <string.h>

#include <spng.h>

/* Makes a decoder and reads the header. */
static pr_status png_open(const uint8_t *bytes, size_t n_bytes, spng_ctx **out,
                          struct spng_ihdr *header)
{
    spng_ctx *png = spng_ctx_new(0);
    PR_REQUIRE(png != NULL, PR_ERR_NOMEM, "PNG: no memory for a decoder");
    int error = spng_set_image_limits(png, PR_IMAGE_MAX_PX, PR_IMAGE_MAX_PX);
    if (error == 0) {
        /* Metadata are not read, whatever their size. */
        error = spng_set_chunk_limits(png, (size_t)64 << 20, (size_t)64 << 20);
    }
    if (error == 0) {
        error = spng_set_png_buffer(png, bytes, n_bytes);
    }
    if (error == 0) {
        error = spng_get_ihdr(png, header);
    }
    if (error != 0) {
        spng_ctx_free(png);
        return PR_FAIL(PR_ERR_FORMAT, "PNG: %s", spng_strerror(error));
    }
    *out = png;
    return PR_OK;
}

pr_status pr__png_probe(const uint8_t *bytes, size_t n_bytes, int *width, int *height)
{
    spng_ctx *png = NULL;
    struct spng_ihdr header;
    PR_TRY(png_open(bytes, n_bytes, &png, &header));
    spng_ctx_free(png);
    PR_TRY(pr__codec_check_size("PNG", header.width, header.height));
    *width = (int)header.width;
    *height = (int)header.height;
    return PR_OK;
}

/* Pixels x .. x + width - 1 of an RGB row, as the output wants them. */
static void put_row(const uint8_t *rgb, const pr_rect *rect, int y, const pr_image_u8 *out)
{
    const uint8_t *from = rgb + (size_t)rect->x * 3;
    const size_t width = (size_t)rect->width;
    uint8_t *to = out->data + (size_t)y * width * (size_t)out->channels;
    if (out->channels == 3) {
        memcpy(to, from, width * 3);
        return;
    }
    for (size_t x = 0; x < width; x++) {
        const uint32_t r = from[3 * x];
        const uint32_t g = from[3 * x + 1];
        const uint32_t b = from[3 * x + 2];
        to[x] = (uint8_t)((19595U * r + 38470U * g + 7471U * b + 32768U) >> 16);
    }
}

/* Rows come one by one, and rows below the rectangle are not inflated. */
static int decode_rows(spng_ctx *png, int height, const pr_rect *rect, const pr_image_u8 *out,
                       uint8_t *row, size_t row_bytes)
{
    int error = spng_decode_image(png, NULL, 0, SPNG_FMT_RGB8, SPNG_DECODE_PROGRESSIVE);
    for (int y = 0; error == 0 && y < rect->y + rect->height; y++) {
        error = spng_decode_row(png, row, row_bytes);
        if (error == SPNG_EOI && y == height - 1) {
            error = 0;
        }
        if (error == 0 && y >= rect->y) {
            put_row(row, rect, y - rect->y, out);
        }
    }
    if (error == 0 && rect->y + rect->height == height) {
        error = spng_decode_chunks(png);
    }
    return error;
}

/* An interlaced file has no first row before it has all of them. */
static pr_status decode_interlaced(spng_ctx *png, int width, int height, const pr_rect *rect,
                                   const pr_image_u8 *out)
{
    const size_t row_bytes = (size_t)width * 3;
    const size_t n_bytes = row_bytes * (size_t)height;
    uint8_t *rgb = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(rgb != NULL, PR_ERR_NOMEM, "PNG: no memory for %zu bytes of pixels", n_bytes);
    const int error = spng_decode_image(png, rgb, n_bytes, SPNG_FMT_RGB8, 0);
    for (int y = 0; error == 0 && y < rect->height; y++) {
        put_row(rgb + (size_t)(rect->y + y) * row_bytes, rect, y, out);
    }
    pr_free(rgb);
    PR_REQUIRE(error == 0, PR_ERR_FORMAT, "PNG: %s", spng_strerror(error));
    return PR_OK;
}

pr_status pr__png_decode(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                         const pr_image_u8 *out)
{
    uint8_t row[PR__ROW_BYTES];
    spng_ctx *png = NULL;
    struct spng_ihdr header;
    pr_rect wanted;
    PR_TRY(png_open(bytes, n_bytes, &png, &header));
    pr_status status = pr__codec_check_size("PNG", header.width, header.height);
    const int width = (int)header.width;
    const int height = (int)header.height;
    if (status == PR_OK) {
        status = pr__codec_check_rect("PNG", width, height, rect, out, &wanted);
    }
    if (status == PR_OK && header.interlace_method != SPNG_INTERLACE_NONE) {
        status = decode_interlaced(png, width, height, &wanted, out);
    } else if (status == PR_OK) {
        const int error = decode_rows(png, height, &wanted, out, row, (size_t)width * 3);
        if (error != 0) {
            status = PR_FAIL(PR_ERR_FORMAT, "PNG: %s", spng_strerror(error));
        }
    }
    spng_ctx_free(png);
    return status;
}

typedef struct png_sink {
    uint8_t *bytes;
    size_t capacity, n_bytes;
} png_sink;

static int sink_write(spng_ctx *png, void *user, void *data, size_t n_bytes)
{
    (void)png;
    png_sink *sink = user;
    if (n_bytes > sink->capacity - sink->n_bytes) {
        return SPNG_IO_ERROR;
    }
    memcpy(sink->bytes + sink->n_bytes, data, n_bytes);
    sink->n_bytes += n_bytes;
    return 0;
}

pr_status pr_image_encode_png(const pr_image_u8 *image, uint8_t *bytes, size_t capacity,
                              size_t *n_bytes)
{
    const size_t bound =
        pr_image_encode_bound(PR_CODEC_PNG, image->width, image->height, image->channels);
    PR_REQUIRE(capacity >= bound, PR_ERR_INVALID, "encode_png: room for %zu bytes, needs %zu",
               capacity, bound);
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    PR_REQUIRE(png != NULL, PR_ERR_NOMEM, "encode_png: no memory for an encoder");
    uint8_t *const first = bytes;
    png_sink sink = {first, capacity, 0};
    struct spng_ihdr header = {.width = (uint32_t)image->width,
                               .height = (uint32_t)image->height,
                               .bit_depth = 8,
                               .color_type = image->channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR
                                                                  : SPNG_COLOR_TYPE_GRAYSCALE};
    int error = spng_set_png_stream(png, sink_write, &sink);
    if (error == 0) {
        error = spng_set_option(png, SPNG_IMG_COMPRESSION_LEVEL, 6);
    }
    if (error == 0) {
        error = spng_set_ihdr(png, &header);
    }
    if (error == 0) {
        error = spng_encode_image(png, image->data, pr_image_bytes(image), SPNG_FMT_PNG,
                                  SPNG_ENCODE_FINALIZE);
    }
    spng_ctx_free(png);
    PR_REQUIRE(error == 0, PR_ERR_INVALID, "encode_png: %s", spng_strerror(error));
    *n_bytes = sink.n_bytes;
    return PR_OK;
}
