#include "dataset/resize_rows.h"

#include "dataset/simd.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

/*
 * One axis: output i is the sum over t of weight[t][i] * input[first[i] + t], weights in 1/65536.
 * Eight outputs are gathered from 16 bytes that begin at base[i / 8]: place holds where in them the
 * first tap lies, as byte shuffles want it (upper byte; the lower one asks for zero).
 */
typedef struct axis {
    int n_taps, last; /* last: the highest input */
    bool near;        /* every eight outputs begin within 16 bytes */
    uint16_t bias;    /* what the products' cut-off fractions come to */
    int32_t *first, *base;
    uint16_t *place;
    uint16_t *weight;
} axis;

struct pr__row_resizer {
    int max_in_px, out_px, stride, max_taps;
    int n_slots;     /* rows kept of a plane: a power of two, found without a division */
    axis x[2], y[2]; /* of plane 0, and of planes 1 and 2 */
    pr_image_planes planes;
    int made[3];   /* inputs' rows so far, of each plane */
    uint16_t *row; /* [3][n_slots][stride]: rows after the pass along x, in 1/256 grey level */
    uint16_t *sum; /* [stride] */
};

int pr__row_stride(int n)
{
    return (n + PR__ROW_PAD - 1) / PR__ROW_PAD * PR__ROW_PAD;
}

static bool axis_create(axis *a, int stride, int max_taps)
{
    a->first = pr_calloc(stride, sizeof *a->first);
    a->base = pr_calloc(stride / 8, sizeof *a->base);
    a->place = pr_calloc(stride, sizeof *a->place);
    a->weight = pr_calloc((int64_t)stride * max_taps, sizeof *a->weight);
    return a->first != NULL && a->base != NULL && a->place != NULL && a->weight != NULL;
}

static void axis_destroy(axis *a)
{
    pr_free(a->first);
    pr_free(a->base);
    pr_free(a->place);
    pr_free(a->weight);
}

pr_status pr__row_resizer_create(int max_in_px, int out_px, pr__row_resizer **out)
{
    PR_REQUIRE(max_in_px >= 1 && max_in_px <= PR_IMAGE_MAX_PX && out_px >= 1 &&
                   out_px <= PR_IMAGE_MAX_PX,
               PR_ERR_INVALID, "rows: %d to %d px, a side must be 1 to %d", max_in_px, out_px,
               PR_IMAGE_MAX_PX);
    pr__row_resizer *r = pr_calloc(1, sizeof *r);
    PR_REQUIRE(r != NULL, PR_ERR_NOMEM, "rows: no memory");
    r->max_in_px = max_in_px;
    r->out_px = out_px;
    r->stride = pr__row_stride(out_px);
    r->max_taps = 2 * (max_in_px / out_px + 1) + 2;
    r->n_slots = 1;
    while (r->n_slots < r->max_taps) {
        r->n_slots *= 2;
    }
    bool whole = true;
    for (int i = 0; i < 2; i++) {
        whole = axis_create(&r->x[i], r->stride, r->max_taps) && whole;
        whole = axis_create(&r->y[i], r->stride, r->max_taps) && whole;
    }
    r->row = pr_calloc(3 * (int64_t)r->n_slots * r->stride, sizeof *r->row);
    r->sum = pr_calloc(r->stride, sizeof *r->sum);
    if (!whole || r->row == NULL || r->sum == NULL) {
        pr__row_resizer_destroy(&r);
        return PR_FAIL(PR_ERR_NOMEM, "rows: no memory for %d to %d px", max_in_px, out_px);
    }
    *out = r;
    return PR_OK;
}

void pr__row_resizer_destroy(pr__row_resizer **resizer)
{
    pr__row_resizer *r = *resizer;
    if (r == NULL) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        axis_destroy(&r->x[i]);
        axis_destroy(&r->y[i]);
    }
    pr_free(r->row);
    pr_free(r->sum);
    pr_free(r);
    *resizer = NULL;
}

/* A region along one axis: SPAN picture pixels from AT on, in a plane that has 1/SHRINK of them. */
typedef struct stretch {
    int at, span, shrink, n_out;
    bool flip;
} stretch;

static int place_of(const stretch *s, int i)
{
    return s->flip ? s->n_out - 1 - i : i;
}

/* Enlarging: two taps. Positions are in 1/2^32 sample, LOW .. LAST the region's samples. */
static void weigh_two(axis *a, const stretch *s, int stride, int low)
{
    const int64_t one = (int64_t)1 << 32;
    const int64_t parts = 2 * (int64_t)s->n_out * s->shrink;
    const int64_t step = 2 * (int64_t)s->span * one / parts;
    const int64_t begin =
        ((2 * (int64_t)s->n_out * s->at + s->span) * (one / 2) / parts) * 2 - one / 2;
    for (int i = 0; i < s->n_out; i++) {
        const int64_t at = begin + i * step;
        int first = (int)(at >> 32);
        int64_t part = (at & (one - 1)) >> 16;
        if (first < low || first >= a->last) {
            first = first < low ? low : a->last;
            part = 0;
        }
        /* A weight of 1 in 65536 takes nothing off a byte: so both fit into 16 bits. */
        part = part < 1 ? 1 : part;
        const int k = place_of(s, i);
        a->first[k] = first;
        a->weight[k] = (uint16_t)(65536 - part);
        a->weight[stride + k] = (uint16_t)part;
    }
}

/* The inputs that count for output I, whose centre is at CENTRE (in samples). */
static void taps_of(const axis *a, double centre, double support, int low, int *first, int *end)
{
    const int from = (int)floor(centre - support + 0.5);
    const int to = (int)floor(centre + support + 0.5);
    *first = from > low ? from : low;
    *end = to <= a->last ? to : a->last + 1;
}

/* Inputs FIRST .. END - 1 count under a triangle of half width SCALE about CENTRE. */
typedef struct window {
    double centre, scale;
    int first, end;
} window;

/* Where an input lies at the triangle's very foot rounding can put it a hair below: it counts nothing. */
static double triangle(const window *w, int j)
{
    const double height = 1.0 - fabs((double)j + 0.5 - w->centre) / w->scale;
    return height > 0.0 ? height : 0.0;
}

/* A window that would reach past the last input begins earlier; what it gains has no weight. What
   rounding leaves over goes to the middle. */
static void weigh_output(axis *a, const stretch *s, int stride, int i, const window *w)
{
    const int begin = w->first + a->n_taps <= a->last + 1 ? w->first : a->last + 1 - a->n_taps;
    uint16_t *weight = a->weight + place_of(s, i);
    double total = 0.0;
    for (int j = w->first; j < w->end; j++) {
        total += triangle(w, j);
    }
    int rest = 65535;
    for (int t = 0; t < a->n_taps; t++) {
        const int j = begin + t;
        const bool counts = j >= w->first && j < w->end;
        const int part = counts ? (int)floor(triangle(w, j) / total * 65535.0) : 0;
        weight[(size_t)t * (size_t)stride] = (uint16_t)part;
        rest -= part;
    }
    uint16_t *middle = weight + (size_t)((w->first + w->end) / 2 - begin) * (size_t)stride;
    *middle = (uint16_t)(*middle + rest);
    a->first[place_of(s, i)] = begin;
}

/* Shrinking: as many taps as the widest output has. */
static void weigh_many(axis *a, const stretch *s, int stride, int low)
{
    const double scale = (double)s->span / ((double)s->n_out * (double)s->shrink);
    const double begin = (double)s->at / (double)s->shrink;
    a->n_taps = 1;
    for (int i = 0; i < s->n_out; i++) {
        int first = 0;
        int end = 0;
        taps_of(a, begin + scale * ((double)i + 0.5), scale, low, &first, &end);
        a->n_taps = end - first > a->n_taps ? end - first : a->n_taps;
    }
    for (int i = 0; i < s->n_out; i++) {
        const double centre = begin + scale * ((double)i + 0.5);
        int first = 0;
        int end = 0;
        taps_of(a, centre, scale, low, &first, &end);
        weigh_output(a, s, stride, i, &(window){centre, scale, first, end});
    }
}

/* Outputs in the row's padding repeat the last one, without weight. */
static void axis_group(axis *a, int n_out, int stride)
{
    for (int k = n_out; k < stride; k++) {
        a->first[k] = a->first[n_out - 1];
        for (int t = 0; t < a->n_taps; t++) {
            a->weight[(size_t)t * (size_t)stride + (size_t)k] = 0;
        }
    }
    a->near = true;
    for (int k = 0; k < stride; k += 8) {
        int32_t base = a->first[k];
        for (int i = 1; i < 8; i++) {
            base = a->first[k + i] < base ? a->first[k + i] : base;
        }
        a->base[k / 8] = base;
        for (int i = 0; i < 8; i++) {
            const int32_t after = a->first[k + i] - base;
            a->near = a->near && after < 16;
            a->place[k + i] = (uint16_t)(((uint32_t)after & 15U) << 8 | 0x80U);
        }
    }
}

static void axis_make(axis *a, const stretch *s, int stride)
{
    const int low = s->at / s->shrink;
    a->last = (s->at + s->span + s->shrink - 1) / s->shrink - 1;
    a->n_taps = 2;
    if (s->span <= s->n_out * s->shrink) {
        weigh_two(a, s, stride, low);
    } else {
        weigh_many(a, s, stride, low);
    }
    a->bias = (uint16_t)(a->n_taps / 2 < 64 ? a->n_taps / 2 : 64);
    axis_group(a, s->n_out, stride);
}

void pr__row_resizer_begin(pr__row_resizer *r, const pr_image_planes *planes, const pr_rect *rect,
                           bool flip)
{
    r->planes = *planes;
    for (int i = 0; i < 2; i++) {
        const stretch x = {rect->x - planes->x, rect->width, planes->shrink_x[i], r->out_px, flip};
        const stretch y = {rect->y - planes->y, rect->height, planes->shrink_y[i], r->out_px,
                           false};
        axis_make(&r->x[i], &x, r->stride);
        axis_make(&r->y[i], &y, r->stride);
    }
    for (int c = 0; c < 3; c++) {
        r->made[c] = 0;
    }
}

static inline uint16_t high(uint16_t a, uint16_t b)
{
    return (uint16_t)(((uint32_t)a * (uint32_t)b) >> 16);
}

static void along_x_plain(const uint8_t *bytes, const axis *a, int stride, uint16_t *out)
{
    for (int i = 0; i < stride; i++) {
        uint16_t sum = a->bias;
        for (int t = 0; t < a->n_taps; t++) {
            const uint16_t level = (uint16_t)(bytes[a->first[i] + t] << 8);
            sum = (uint16_t)(sum + high(level, a->weight[(size_t)t * (size_t)stride + (size_t)i]));
        }
        out[i] = sum;
    }
}

#if defined(PR__WIDE)
PR__WIDE PR__INLINE void along_x_taps(const uint8_t *bytes, const axis *a, int stride, int n_taps,
                                      uint16_t *out)
{
    for (int i = 0; i < stride; i += 16) {
        const uint8_t *left = bytes + a->base[i / 8];
        const uint8_t *right = bytes + a->base[i / 8 + 1];
        const __m256i place = pr__load(a->place + i);
        __m256i sum = _mm256_set1_epi16((short)a->bias);
        for (int t = 0; t < n_taps; t++) {
            const __m256i near = _mm256_inserti128_si256(
                _mm256_castsi128_si256(pr__load_half(left + t)), pr__load_half(right + t), 1);
            const __m256i level = _mm256_shuffle_epi8(near, place);
            const __m256i weight = pr__load(a->weight + (size_t)t * (size_t)stride + (size_t)i);
            sum = _mm256_add_epi16(sum, _mm256_mulhi_epu16(level, weight));
        }
        pr__store(out + i, sum);
    }
}

PR__WIDE static void along_x_wide(const uint8_t *bytes, const axis *a, int stride, uint16_t *out)
{
    if (a->n_taps == 2) {
        along_x_taps(bytes, a, stride, 2, out);
    } else {
        along_x_taps(bytes, a, stride, a->n_taps, out);
    }
}
#endif

static void along_x(const uint8_t *bytes, const axis *a, int stride, uint16_t *out)
{
#if defined(PR__WIDE)
    if (a->near && pr__simd_is_wide()) {
        along_x_wide(bytes, a, stride, out);
        return;
    }
#endif
    along_x_plain(bytes, a, stride, out);
}

/* Two rows in 1/256 grey level to one in 1/64. */
PR__BODY mix_two_body(const uint16_t *restrict a, const uint16_t *restrict b, uint16_t of_a,
                      uint16_t of_b, int n, uint16_t *restrict out)
{
    for (int i = 0; i < n; i++) {
        const uint16_t sum = (uint16_t)(high(a[i], of_a) + high(b[i], of_b) + 1);
        out[i] = (uint16_t)(sum >> 2);
    }
}
PR__KERNEL(mix_two,
           (const uint16_t *restrict a, const uint16_t *restrict b, uint16_t of_a, uint16_t of_b,
            int n, uint16_t *restrict out),
           (a, b, of_a, of_b, n, out))

PR__BODY mix_add_body(const uint16_t *restrict row, uint16_t weight, int n, uint16_t *restrict sum)
{
    for (int i = 0; i < n; i++) {
        sum[i] = (uint16_t)(sum[i] + high(row[i], weight));
    }
}
PR__KERNEL(mix_add, (const uint16_t *restrict row, uint16_t weight, int n, uint16_t *restrict sum),
           (row, weight, n, sum))

PR__BODY mix_end_body(const uint16_t *restrict sum, int n, uint16_t *restrict out)
{
    for (int i = 0; i < n; i++) {
        const uint16_t v = (uint16_t)(sum[i] >> 2);
        out[i] = (uint16_t)(v < 255 * 64 ? v : 255 * 64);
    }
}
PR__KERNEL(mix_end, (const uint16_t *restrict sum, int n, uint16_t *restrict out), (sum, n, out))

/* Input row J of plane C after the pass along x: made when first asked for, kept as long as an
   output can want it. */
static const uint16_t *row_of(pr__row_resizer *r, int c, int j)
{
    const axis *a = &r->x[c > 0];
    const int last = r->y[c > 0].last;
    const int wanted = j < last ? j : last;
    const size_t n_slots = (size_t)r->n_slots;
    uint16_t *rows = r->row + (size_t)c * n_slots * (size_t)r->stride;
    uint16_t *out = rows + ((size_t)wanted & (n_slots - 1)) * (size_t)r->stride;
    if (r->made[c] <= wanted) {
        const uint8_t *bytes = r->planes.data[c] + (size_t)wanted * (size_t)r->planes.stride[c];
        along_x(bytes, a, r->stride, out);
        r->made[c] = wanted + 1;
    }
    return out;
}

void pr__row_resizer_next(pr__row_resizer *r, int y, uint16_t *const out[3])
{
    for (int c = 0; c < 3; c++) {
        const axis *a = &r->y[c > 0];
        const uint16_t *weight = a->weight + y;
        const int first = a->first[y];
        const size_t stride = (size_t)r->stride;
        if (a->n_taps == 2) {
            const uint16_t *upper = row_of(r, c, first);
            const uint16_t *lower = row_of(r, c, first + 1);
            mix_two(upper, lower, weight[0], weight[stride], r->stride, out[c]);
            continue;
        }
        for (int i = 0; i < r->stride; i++) {
            r->sum[i] = a->bias;
        }
        for (int t = 0; t < a->n_taps; t++) {
            mix_add(row_of(r, c, first + t), weight[(size_t)t * stride], r->stride, r->sum);
        }
        mix_end(r->sum, r->stride, out[c]);
    }
}
