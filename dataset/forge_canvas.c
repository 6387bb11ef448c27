#include "dataset/forge_canvas.h"

#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

enum { MAX_SAMPLES = 16, MAX_TAPS = MAX_SAMPLES + 3 };

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

static void shrink_turned(const pr_image_u8 *in, const double map[6], int n, int width, int height,
                          float *out)
{
    const float share = 1.0F / (float)(n * n);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float sum[3] = {0, 0, 0};
            shrink_pixel(in, map, n, x, y, sum);
            for (int c = 0; c < in->channels; c++) {
                *out++ = sum[c] * share;
            }
        }
    }
}

/* The inputs of one output along an axis: the mean of n bilinear samples, as weights. */
typedef struct taps {
    int first, n;
    float weight[MAX_TAPS];
} taps;

/* SCALE and SHIFT take outputs to inputs, of which there are LENGTH; places beyond are the edge's. */
static void find_taps(double scale, double shift, int n, int length, int i, taps *out)
{
    const float share = 1.0F / (float)n;
    *out = (taps){.first = -1};
    for (int j = 0; j < n; j++) {
        double at = scale * (i + (j + 0.5) / n - 0.5) + shift;
        at = at < -1 ? -1 : (at > length ? length : at);
        const double low = floor(at);
        const float fraction = (float)(at - low);
        const int a = clamp_int((int64_t)low, length);
        const int b = clamp_int((int64_t)low + 1, length);
        out->first = out->first < 0 ? a : out->first;
        out->weight[a - out->first] += (1 - fraction) * share;
        out->weight[b - out->first] += fraction * share;
        out->n = b - out->first + 1;
    }
}

/* ROW [width, channels] becomes row Y of IN shrunk along x. */
static void shrink_row(const pr_image_u8 *in, const taps *columns, int width, int y, float *row)
{
    const int n = in->channels;
    const uint8_t *const from = in->data + (ptrdiff_t)y * in->width * n;
    for (int x = 0; x < width; x++) {
        const taps *const t = &columns[x];
        float sum[3] = {0, 0, 0};
        for (int k = 0; k < t->n; k++) {
            for (int c = 0; c < n; c++) {
                sum[c] += t->weight[k] * (float)from[(t->first + k) * n + c];
            }
        }
        for (int c = 0; c < n; c++) {
            row[(ptrdiff_t)x * n + c] = sum[c];
        }
    }
}

/* The same samples where the axes stay axes and are not mirrored: first along x, then along y. */
static pr_status shrink_straight(const pr_image_u8 *in, const double map[6], int n, int width,
                                 int height, float *out)
{
    const ptrdiff_t row_n = (ptrdiff_t)width * in->channels;
    taps *const columns = pr_calloc(width, sizeof(*columns));
    float *const rows = pr_calloc(row_n * in->height, sizeof(float));
    if (columns == NULL || rows == NULL) {
        pr_free(columns);
        pr_free(rows);
        return PR_FAIL(PR_ERR_NOMEM, "shrinking to %d x %d pixels", width, height);
    }
    for (int x = 0; x < width; x++) {
        find_taps(map[0], map[2], n, in->width, x, &columns[x]);
    }
    int n_made = 0; /* rows below are made; what lies above the first tap never is */
    for (int y = 0; y < height; y++) {
        taps t;
        find_taps(map[4], map[5], n, in->height, y, &t);
        n_made = n_made < t.first ? t.first : n_made;
        for (; n_made < t.first + t.n; n_made++) {
            shrink_row(in, columns, width, n_made, rows + n_made * row_n);
        }
        float *const to = out + y * row_n;
        memset(to, 0, (size_t)row_n * sizeof(float));
        for (int k = 0; k < t.n; k++) {
            const float *const row = rows + (t.first + k) * row_n;
            for (ptrdiff_t i = 0; i < row_n; i++) {
                to[i] += t.weight[k] * row[i];
            }
        }
    }
    pr_free(columns);
    pr_free(rows);
    return PR_OK;
}

pr_status pr_canvas_shrink(const pr_image_u8 *in, const double out_to_in[6], int width, int height,
                           float *out)
{
    int n = 0;
    PR_REQUIRE(in->channels == 1 || in->channels == 3, PR_ERR_INVALID,
               "a picture of %d channels, must be 1 or 3", in->channels);
    PR_TRY(samples_of(out_to_in, &n));
    const bool is_straight = out_to_in[1] == 0 && out_to_in[3] == 0 && out_to_in[0] > 0 &&
                             out_to_in[4] > 0 && out_to_in[0] <= MAX_SAMPLES &&
                             out_to_in[4] <= MAX_SAMPLES;
    if (is_straight) {
        return shrink_straight(in, out_to_in, n, width, height, out);
    }
    shrink_turned(in, out_to_in, n, width, height, out);
    return PR_OK;
}

static uint8_t to_byte(float v)
{
    return v <= 0 ? 0 : (v >= 255 ? 255 : (uint8_t)floorf(v + 0.5F));
}

pr_status pr_image_shrink(const pr_image_u8 *in, const double out_to_in[6], const pr_image_u8 *out)
{
    PR_REQUIRE(in->channels == out->channels, PR_ERR_INVALID, "%d channels cannot become %d",
               in->channels, out->channels);
    const int64_t n = (int64_t)out->width * out->height * out->channels;
    float *const floats_of = pr_calloc(n, sizeof(float));
    PR_REQUIRE(floats_of != NULL, PR_ERR_NOMEM, "shrinking to %d x %d pixels", out->width,
               out->height);
    const pr_status status = pr_canvas_shrink(in, out_to_in, out->width, out->height, floats_of);
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        out->data[i] = to_byte(floats_of[i]);
    }
    pr_free(floats_of);
    return status;
}

void pr_field_from_map(const double out_to_in[6], const pr_rect *rect, const pr_field *out)
{
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        float *at = out->data + 2 * ((ptrdiff_t)y * out->width + rect->x);
        for (int x = rect->x; x < rect->x + rect->width; x++) {
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

/* The four weighted pixels from each of ROWS, COLUMN apart, times the rows' weights. */
static void weigh(const float *const rows[4], const ptrdiff_t column[4], const float wx[4],
                  const float wy[4], float *out)
{
    float sum[3] = {0, 0, 0};
    for (int j = 0; j < 4; j++) {
        for (int c = 0; c < 3; c++) {
            const float v = rows[j][column[0] + c] * wx[0] + rows[j][column[1] + c] * wx[1] +
                            rows[j][column[2] + c] * wx[2] + rows[j][column[3] + c] * wx[3];
            sum[c] += v * wy[j];
        }
    }
    for (int c = 0; c < 3; c++) {
        out[c] = cut(sum[c], 0.0F, 255.0F);
    }
}

static void sample_cubic(const pr_canvas *in, float x, float y, float *out)
{
    static const ptrdiff_t NEXT[4] = {0, 3, 6, 9};
    x = cut(x, -2.0F, (float)in->width + 1.0F);
    y = cut(y, -2.0F, (float)in->height + 1.0F);
    const float x0 = floorf(x);
    const float y0 = floorf(y);
    const int left = (int)x0 - 1;
    const int top = (int)y0 - 1;
    const ptrdiff_t stride = (ptrdiff_t)in->width * 3;
    float wx[4];
    float wy[4];
    const float *rows[4];
    cubic_weights(x - x0, wx);
    cubic_weights(y - y0, wy);
    if (left >= 0 && top >= 0 && left + 3 < in->width && top + 3 < in->height) {
        const float *const first = in->data + top * stride + (ptrdiff_t)3 * left;
        for (int j = 0; j < 4; j++) {
            rows[j] = first + j * stride;
        }
        weigh(rows, NEXT, wx, wy, out);
        return;
    }
    ptrdiff_t column[4];
    for (int i = 0; i < 4; i++) {
        column[i] = (ptrdiff_t)clamp_int((int64_t)left + i, in->width) * 3;
        rows[i] = in->data + clamp_int((int64_t)top + i, in->height) * stride;
    }
    weigh(rows, column, wx, wy, out);
}

void pr_canvas_sample(const pr_canvas *in, const pr_field *field, const pr_rect *rect,
                      const pr_canvas *out)
{
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        for (int x = rect->x; x < rect->x + rect->width; x++) {
            const ptrdiff_t at = (ptrdiff_t)y * field->width + x;
            sample_cubic(in, field->data[2 * at], field->data[2 * at + 1], out->data + 3 * at);
        }
    }
}
