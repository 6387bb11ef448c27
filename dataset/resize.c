#include "dataset/resize.h"

#include "dataset/simd.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

/* What one axis needs: output i is the sum over t of weight[i * n_taps + t] * input[first[i] + t].
   All outputs have equally many taps; those that need fewer have zero weights. */
typedef struct axis {
    int n_in, n_out, n_taps;
    bool flip;
    int32_t *first; /* [n_out] */
    float *weight;  /* [n_out, n_taps] */
} axis;

struct pr_resizer {
    int max_in_px, max_out_px;
    int64_t max_weights;
    axis x, y;
    float *sum;     /* one row after the pass along y: max_in_px * 3, and a pixel to read past it */
    float *pixels;  /* one output row, four lanes a pixel */
    uint8_t *bytes; /* the same as bytes */
};

/* Weights of an axis from N_IN to N_OUT are at most this many. */
static int64_t weights_needed(int64_t n_in, int64_t n_out)
{
    return 2 * n_in + 4 * n_out;
}

pr_status pr_resizer_create(int max_in_px, int max_out_px, pr_resizer **out)
{
    PR_REQUIRE(max_in_px >= 1 && max_in_px <= PR_IMAGE_MAX_PX && max_out_px >= 1 &&
                   max_out_px <= PR_IMAGE_MAX_PX,
               PR_ERR_INVALID, "resizer: %d to %d px, a side must be 1 to %d", max_in_px,
               max_out_px, PR_IMAGE_MAX_PX);
    pr_resizer *resizer = pr_calloc(1, sizeof *resizer);
    PR_REQUIRE(resizer != NULL, PR_ERR_NOMEM, "resizer: no memory");
    resizer->max_in_px = max_in_px;
    resizer->max_out_px = max_out_px;
    resizer->max_weights = weights_needed(max_in_px, max_out_px);
    resizer->sum = pr_calloc(3 * (int64_t)max_in_px + 4, sizeof(float));
    resizer->pixels = pr_calloc(4 * (int64_t)max_out_px, sizeof(float));
    resizer->bytes = pr_calloc(4 * (int64_t)max_out_px, 1);
    bool whole = resizer->sum != NULL && resizer->pixels != NULL && resizer->bytes != NULL;
    axis *const axes[2] = {&resizer->x, &resizer->y};
    for (int i = 0; i < 2; i++) {
        axes[i]->first = pr_calloc(max_out_px, sizeof(int32_t));
        axes[i]->weight = pr_calloc(resizer->max_weights, sizeof(float));
        whole = whole && axes[i]->first != NULL && axes[i]->weight != NULL;
    }
    if (!whole) {
        pr_resizer_destroy(&resizer);
        return PR_FAIL(PR_ERR_NOMEM, "resizer: no memory for %d to %d px", max_in_px, max_out_px);
    }
    *out = resizer;
    return PR_OK;
}

void pr_resizer_destroy(pr_resizer **resizer)
{
    if (*resizer == NULL) {
        return;
    }
    pr_free((*resizer)->x.first);
    pr_free((*resizer)->x.weight);
    pr_free((*resizer)->y.first);
    pr_free((*resizer)->y.weight);
    pr_free((*resizer)->sum);
    pr_free((*resizer)->pixels);
    pr_free((*resizer)->bytes);
    pr_free(*resizer);
    *resizer = NULL;
}

/* Inputs FIRST .. LAST - 1 are those whose centres lie within the support of output I. */
static void taps_of(const axis *a, int i, int *first, int *last)
{
    const double scale = (double)a->n_in / (double)a->n_out;
    const double support = scale > 1.0 ? scale : 1.0;
    const double centre = scale * ((double)i + 0.5);
    const int low = (int)floor(centre - support + 0.5);
    const int high = (int)floor(centre + support + 0.5);
    *first = low > 0 ? low : 0;
    *last = high < a->n_in ? high : a->n_in;
}

static void weigh(axis *a, int i)
{
    const double scale = (double)a->n_in / (double)a->n_out;
    const double support = scale > 1.0 ? scale : 1.0;
    const double centre = scale * ((double)i + 0.5);
    int low = 0;
    int high = 0;
    taps_of(a, i, &low, &high);
    /* A window that would reach past the end begins earlier; what it gains has no weight. */
    const int first = low + a->n_taps <= a->n_in ? low : a->n_in - a->n_taps;
    const int at = a->flip ? a->n_out - 1 - i : i;
    float *weight = a->weight + (size_t)at * (size_t)a->n_taps;
    double sum = 0.0;
    for (int j = low; j < high; j++) {
        sum += 1.0 - fabs((double)j + 0.5 - centre) / support;
    }
    for (int t = 0; t < a->n_taps; t++) {
        const int j = first + t;
        const double w = 1.0 - fabs((double)j + 0.5 - centre) / support;
        weight[t] = j >= low && j < high ? (float)(w / sum) : 0.0F;
    }
    a->first[at] = first;
}

/* Tables stay as they are where the axis is as before, which evaluation's nearly always is. */
static void axis_prepare(axis *a, int n_in, int n_out, bool flip)
{
    if (a->n_in == n_in && a->n_out == n_out && a->flip == flip) {
        return;
    }
    a->n_in = n_in;
    a->n_out = n_out;
    a->flip = flip;
    a->n_taps = 1;
    for (int i = 0; i < n_out; i++) {
        int first = 0;
        int last = 0;
        taps_of(a, i, &first, &last);
        a->n_taps = last - first > a->n_taps ? last - first : a->n_taps;
    }
    for (int i = 0; i < n_out; i++) {
        weigh(a, i);
    }
}

/* SUM [n] = the weighted rows ROWS, ROWS + STRIDE, ... of bytes. */
PR__BODY rows_add_body(const uint8_t *restrict rows, int64_t stride, const float *restrict weight,
                       int n_taps, int64_t n, float *restrict sum)
{
    if (n_taps == 2) {
        const uint8_t *restrict next = rows + stride;
        for (int64_t k = 0; k < n; k++) {
            sum[k] = (float)rows[k] * weight[0] + (float)next[k] * weight[1];
        }
        return;
    }
    for (int64_t k = 0; k < n; k++) {
        sum[k] = (float)rows[k] * weight[0];
    }
    for (int t = 1; t < n_taps; t++) {
        const uint8_t *restrict row = rows + t * stride;
        for (int64_t k = 0; k < n; k++) {
            sum[k] += (float)row[k] * weight[t];
        }
    }
}
PR__KERNEL(rows_add,
           (const uint8_t *restrict rows, int64_t stride, const float *restrict weight, int n_taps,
            int64_t n, float *restrict sum),
           (rows, stride, weight, n_taps, n, sum))

typedef float lanes4 __attribute__((vector_size(16)));

static inline lanes4 lanes_at(const float *p)
{
    lanes4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* PIXELS [n_out][4] along x, from pixels of three floats; the fourth lane is the next pixel's. Written
   with four lanes, since neighbouring taps overlap and compilers then give up on the loop. */
PR__BODY pixels_add_body(const float *restrict sum, const axis *a, float *restrict pixels)
{
    const int n_taps = a->n_taps;
    const int n_out = a->n_out;
    const int32_t *restrict first = a->first;
    const float *restrict weight = a->weight;
    if (n_taps == 2) {
        for (size_t i = 0; i < (size_t)n_out; i++) {
            const float *in = sum + 3 * (size_t)first[i];
            const lanes4 v = lanes_at(in) * weight[2 * i] + lanes_at(in + 3) * weight[2 * i + 1];
            memcpy(pixels + 4 * i, &v, sizeof v);
        }
        return;
    }
    for (int i = 0; i < n_out; i++) {
        const float *in = sum + 3 * (size_t)first[i];
        const float *w = weight + (size_t)i * (size_t)n_taps;
        lanes4 v = lanes_at(in) * w[0];
        for (int t = 1; t < n_taps; t++) {
            v += lanes_at(in + 3 * (size_t)t) * w[t];
        }
        memcpy(pixels + 4 * (size_t)i, &v, sizeof v);
    }
}
PR__KERNEL(pixels_add, (const float *restrict sum, const axis *a, float *restrict pixels),
           (sum, a, pixels))

/* Sums of bytes under weights of total 1 are not negative and pass 255 by rounding only. */
PR__BODY to_bytes_body(const float *restrict from, int64_t n, uint8_t *restrict to)
{
    for (int64_t k = 0; k < n; k++) {
        const int32_t v = (int32_t)(from[k] + 0.5F);
        to[k] = (uint8_t)(v < 255 ? v : 255);
    }
}
PR__KERNEL(to_bytes, (const float *restrict from, int64_t n, uint8_t *restrict to), (from, n, to))

PR__BODY deal_body(const uint8_t *restrict bytes, int64_t n, uint8_t *restrict r,
                   uint8_t *restrict g, uint8_t *restrict b)
{
    for (int64_t i = 0; i < n; i++) {
        r[i] = bytes[4 * i];
        g[i] = bytes[4 * i + 1];
        b[i] = bytes[4 * i + 2];
    }
}
PR__KERNEL(deal,
           (const uint8_t *restrict bytes, int64_t n, uint8_t *restrict r, uint8_t *restrict g,
            uint8_t *restrict b),
           (bytes, n, r, g, b))

static void grey_add(const float *sum, const axis *a, float *out)
{
    for (int i = 0; i < a->n_out; i++) {
        const float *in = sum + a->first[i];
        const float *weight = a->weight + (size_t)i * (size_t)a->n_taps;
        float v = in[0] * weight[0];
        for (int t = 1; t < a->n_taps; t++) {
            v += in[t] * weight[t];
        }
        out[i] = v;
    }
}

static pr_status prepare(pr_resizer *resizer, const pr_image_u8 *in, bool flip, int out_width,
                         int out_height)
{
    const int in_px = in->width > in->height ? in->width : in->height;
    const int out_px = out_width > out_height ? out_width : out_height;
    PR_REQUIRE(in->width >= 1 && in->height >= 1 && in_px <= resizer->max_in_px, PR_ERR_INVALID,
               "resize: the input is %d x %d px, a side must be 1 to %d", in->width, in->height,
               resizer->max_in_px);
    PR_REQUIRE(out_width >= 1 && out_height >= 1 && out_px <= resizer->max_out_px, PR_ERR_INVALID,
               "resize: the output is %d x %d px, a side must be 1 to %d", out_width, out_height,
               resizer->max_out_px);
    axis_prepare(&resizer->x, in->width, out_width, flip);
    axis_prepare(&resizer->y, in->height, out_height, false);
    return PR_OK;
}

static void sum_rows(const pr_resizer *resizer, const pr_image_u8 *in, int y)
{
    const axis *a = &resizer->y;
    const int64_t stride = (int64_t)in->width * in->channels;
    rows_add(in->data + (int64_t)a->first[y] * stride, stride,
             a->weight + (size_t)y * (size_t)a->n_taps, a->n_taps, stride, resizer->sum);
}

pr_status pr_resize(pr_resizer *resizer, const pr_image_u8 *in, bool flip, const pr_image_u8 *out)
{
    PR_REQUIRE(in->channels == out->channels && (in->channels == 1 || in->channels == 3),
               PR_ERR_INVALID, "resize: %d channels to %d, both must be 1 or both 3", in->channels,
               out->channels);
    PR_TRY(prepare(resizer, in, flip, out->width, out->height));
    for (int y = 0; y < out->height; y++) {
        uint8_t *to = out->data + (size_t)y * (size_t)out->width * (size_t)out->channels;
        sum_rows(resizer, in, y);
        if (out->channels == 1) {
            grey_add(resizer->sum, &resizer->x, resizer->pixels);
            to_bytes(resizer->pixels, out->width, to);
            continue;
        }
        pixels_add(resizer->sum, &resizer->x, resizer->pixels);
        to_bytes(resizer->pixels, 4 * (int64_t)out->width, resizer->bytes);
        for (int x = 0; x < out->width; x++) {
            memcpy(to + (size_t)x * 3, resizer->bytes + (size_t)x * 4, 3);
        }
    }
    return PR_OK;
}

pr_status pr_resize_to_planes(pr_resizer *resizer, const pr_image_u8 *in, bool flip, int out_px,
                              uint8_t *const planes[3])
{
    PR_REQUIRE(in->channels == 3, PR_ERR_INVALID, "resize: %d channels, planes need 3",
               in->channels);
    PR_TRY(prepare(resizer, in, flip, out_px, out_px));
    for (int y = 0; y < out_px; y++) {
        const size_t at = (size_t)y * (size_t)out_px;
        sum_rows(resizer, in, y);
        pixels_add(resizer->sum, &resizer->x, resizer->pixels);
        to_bytes(resizer->pixels, 4 * (int64_t)out_px, resizer->bytes);
        deal(resizer->bytes, out_px, planes[0] + at, planes[1] + at, planes[2] + at);
    }
    return PR_OK;
}
