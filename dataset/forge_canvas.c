#include "dataset/forge_canvas.h"

#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

enum { MAX_SAMPLES = 16 };

static pr_status check_size(int width, int height)
{
    PR_REQUIRE(width >= 1 && height >= 1 && width <= PR_IMAGE_MAX_PX && height <= PR_IMAGE_MAX_PX,
               PR_ERR_INVALID, "a picture of %d x %d pixels, sides must be in 1 .. %d", width,
               height, PR_IMAGE_MAX_PX);
    return PR_OK;
}

static pr_status floats(int width, int height, int channels, float **out)
{
    PR_TRY(check_size(width, height));
    float *const data = pr_calloc((int64_t)width * height * channels, sizeof(float));
    PR_REQUIRE(data != NULL, PR_ERR_NOMEM, "a picture of %d x %d pixels", width, height);
    *out = data;
    return PR_OK;
}

pr_status pr_canvas_create(int width, int height, pr_canvas *out)
{
    float *data = NULL;
    PR_TRY(floats(width, height, 3, &data));
    *out = (pr_canvas){.width = width, .height = height, .data = data};
    return PR_OK;
}

void pr_canvas_destroy(pr_canvas *canvas)
{
    pr_free(canvas->data);
    *canvas = (pr_canvas){0};
}

pr_status pr_field_create(int width, int height, pr_field *out)
{
    float *data = NULL;
    PR_TRY(floats(width, height, 2, &data));
    *out = (pr_field){.width = width, .height = height, .data = data};
    return PR_OK;
}

void pr_field_destroy(pr_field *field)
{
    pr_free(field->data);
    *field = (pr_field){0};
}

static int clamp_int(int64_t i, int n)
{
    return i < 0 ? 0 : (i >= n ? n - 1 : (int)i);
}

/* Adds the bilinear sample at (x, y) to SUM. */
static void add_bilinear(const pr_image_u8 *in, double x, double y, float *sum)
{
    /* Far outside, every place is the edge's; the cut also keeps the conversion in range. */
    x = x < -1 ? -1 : (x > in->width ? in->width : x);
    y = y < -1 ? -1 : (y > in->height ? in->height : y);
    const double x0 = floor(x);
    const double y0 = floor(y);
    const float fx = (float)(x - x0);
    const float fy = (float)(y - y0);
    const int n = in->channels;
    const ptrdiff_t left = (ptrdiff_t)clamp_int((int64_t)x0, in->width) * n;
    const ptrdiff_t right = (ptrdiff_t)clamp_int((int64_t)x0 + 1, in->width) * n;
    const ptrdiff_t row = (ptrdiff_t)in->width * n;
    const uint8_t *const top = in->data + clamp_int((int64_t)y0, in->height) * row;
    const uint8_t *const bottom = in->data + clamp_int((int64_t)y0 + 1, in->height) * row;
    for (int c = 0; c < n; c++) {
        const float a = (float)top[left + c] * (1 - fx) + (float)top[right + c] * fx;
        const float b = (float)bottom[left + c] * (1 - fx) + (float)bottom[right + c] * fx;
        sum[c] += a * (1 - fy) + b * fy;
    }
}

/* How many samples a pixel needs along one axis: the map's larger scale, rounded up. */
static pr_status samples_of(const double map[6], int *out)
{
    for (int i = 0; i < 6; i++) {
        PR_REQUIRE(isfinite(map[i]), PR_ERR_INVALID, "a map with an element %g", map[i]);
    }
    const double x = sqrt(map[0] * map[0] + map[3] * map[3]);
    const double y = sqrt(map[1] * map[1] + map[4] * map[4]);
    const double scale = x > y ? x : y;
    /* 1 + 1e-9 is still one sample: a scale that is 1 but for rounding. */
    const double n = ceil(scale - 1e-6);
    *out = n < 1 ? 1 : (n > MAX_SAMPLES ? MAX_SAMPLES : (int)n);
    return PR_OK;
}

static void shrink_pixel(const pr_image_u8 *in, const double map[6], int n, int x, int y,
                         float *sum)
{
    for (int j = 0; j < n; j++) {
        const double v = y + (j + 0.5) / n - 0.5;
        for (int i = 0; i < n; i++) {
            const double u = x + (i + 0.5) / n - 0.5;
            add_bilinear(in, map[0] * u + map[1] * v + map[2], map[3] * u + map[4] * v + map[5],
                         sum);
        }
    }
}

pr_status pr_canvas_shrink(const pr_image_u8 *in, const double out_to_in[6], int width, int height,
                           float *out)
{
    int n = 0;
    PR_TRY(samples_of(out_to_in, &n));
    const float share = 1.0F / (float)(n * n);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float sum[3] = {0, 0, 0};
            shrink_pixel(in, out_to_in, n, x, y, sum);
            for (int c = 0; c < in->channels; c++) {
                *out++ = sum[c] * share;
            }
        }
    }
    return PR_OK;
}

static uint8_t to_byte(float v)
{
    return v <= 0 ? 0 : (v >= 255 ? 255 : (uint8_t)(v + 0.5F));
}

pr_status pr_image_shrink(const pr_image_u8 *in, const double out_to_in[6], const pr_image_u8 *out)
{
    int n = 0;
    PR_REQUIRE(in->channels == out->channels, PR_ERR_INVALID, "%d channels cannot become %d",
               in->channels, out->channels);
    PR_TRY(samples_of(out_to_in, &n));
    const float share = 1.0F / (float)(n * n);
    uint8_t *at = out->data;
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++) {
            float sum[3] = {0, 0, 0};
            shrink_pixel(in, out_to_in, n, x, y, sum);
            for (int c = 0; c < in->channels; c++) {
                *at++ = to_byte(sum[c] * share);
            }
        }
    }
    return PR_OK;
}

void pr_field_from_map(const double out_to_in[6], const pr_field *out)
{
    float *at = out->data;
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++) {
            *at++ = (float)(out_to_in[0] * x + out_to_in[1] * y + out_to_in[2]);
            *at++ = (float)(out_to_in[3] * x + out_to_in[4] * y + out_to_in[5]);
        }
    }
}

/* Keys's weights of the four neighbours at fraction T. */
static void cubic_weights(float t, float w[4])
{
    w[0] = t * (-0.5F + t * (1.0F - 0.5F * t));
    w[1] = 1.0F + t * t * (-2.5F + 1.5F * t);
    w[2] = t * (0.5F + t * (2.0F - 1.5F * t));
    w[3] = t * t * (-0.5F + 0.5F * t);
}

static float cut(float v, float low, float high)
{
    return v < low ? low : (v > high ? high : v);
}

static void sample_cubic(const pr_canvas *in, float x, float y, float *out)
{
    x = cut(x, -2.0F, (float)in->width + 1.0F);
    y = cut(y, -2.0F, (float)in->height + 1.0F);
    const float x0 = floorf(x);
    const float y0 = floorf(y);
    float wx[4];
    float wy[4];
    cubic_weights(x - x0, wx);
    cubic_weights(y - y0, wy);
    ptrdiff_t column[4];
    for (int i = 0; i < 4; i++) {
        column[i] = (ptrdiff_t)clamp_int((int64_t)x0 - 1 + i, in->width) * 3;
    }
    float sum[3] = {0, 0, 0};
    for (int j = 0; j < 4; j++) {
        const float *const row =
            in->data + (ptrdiff_t)clamp_int((int64_t)y0 - 1 + j, in->height) * in->width * 3;
        for (int c = 0; c < 3; c++) {
            const float v = row[column[0] + c] * wx[0] + row[column[1] + c] * wx[1] +
                            row[column[2] + c] * wx[2] + row[column[3] + c] * wx[3];
            sum[c] += v * wy[j];
        }
    }
    for (int c = 0; c < 3; c++) {
        out[c] = cut(sum[c], 0.0F, 255.0F);
    }
}

void pr_canvas_sample(const pr_canvas *in, const pr_field *field, const pr_rect *rect,
                      const pr_canvas *out)
{
    const pr_rect whole = {.width = field->width, .height = field->height};
    const pr_rect *const r = rect != NULL ? rect : &whole;
    for (int y = r->y; y < r->y + r->height; y++) {
        for (int x = r->x; x < r->x + r->width; x++) {
            const ptrdiff_t at = (ptrdiff_t)y * field->width + x;
            sample_cubic(in, field->data[2 * at], field->data[2 * at + 1], out->data + 3 * at);
        }
    }
}

void pr_canvas_round(const pr_canvas *in, const pr_image_u8 *out)
{
    const int64_t n = (int64_t)in->width * in->height * 3;
    for (int64_t i = 0; i < n; i++) {
        out->data[i] = to_byte(in->data[i]);
    }
}
