#include "dataset/blur_rows.h"

#include "dataset/colour.h"
#include "dataset/simd.h"
#include "engine/base/alloc.h"
#include "engine/base/math.h"

#include <math.h>
#include <string.h>

enum { MAX_RADIUS = 96 }; /* ceil(3 PR_BLUR_MAX_SIGMA) */

/*
 * Levels here are in 1/128, so that two of them and a weight in 1/65536 fit into 16 bits, and a pair of
 * taps costs one product. Each product cuts off up to one unit; the bias gives half of that back.
 */
typedef struct kernel {
    int radius; /* of the taps that have a weight */
    uint16_t bias;
    uint16_t weight[MAX_RADIUS + 1];
} kernel;

/* The centre, and the pairs of rows at the distances 1 .. radius from it. */
typedef struct taps {
    const uint16_t *before[MAX_RADIUS + 1], *after[MAX_RADIUS + 1];
} taps;

struct pr__row_blur {
    int side, stride, max_radius;
    int n_slots; /* a power of two: rows are found without a division */
    int pushed, pulled;
    kernel k;
    taps t;
    uint16_t *padded; /* a row and its mirrored margins */
    uint16_t *ring;   /* [n_slots][3][stride], blurred along x */
};

pr_status pr__row_blur_create(int side, int stride, double max_sigma, pr__row_blur **out)
{
    PR_REQUIRE(max_sigma > 0.0 && max_sigma <= PR_BLUR_MAX_SIGMA, PR_ERR_INVALID,
               "blur: sigma = %g px, must be above 0 and at most %g", max_sigma, PR_BLUR_MAX_SIGMA);
    pr__row_blur *b = pr_calloc(1, sizeof *b);
    PR_REQUIRE(b != NULL, PR_ERR_NOMEM, "blur: no memory");
    b->side = side;
    b->stride = stride;
    b->max_radius = (int)ceil(3.0 * max_sigma);
    b->n_slots = 1;
    while (b->n_slots < 2 * b->max_radius + 1) {
        b->n_slots *= 2;
    }
    b->padded = pr_calloc(stride + 2 * (int64_t)MAX_RADIUS, sizeof *b->padded);
    b->ring = pr_calloc((int64_t)b->n_slots * 3 * stride, sizeof *b->ring);
    if (b->padded == NULL || b->ring == NULL) {
        pr__row_blur_destroy(&b);
        return PR_FAIL(PR_ERR_NOMEM, "blur: no memory for rows of %d px", side);
    }
    *out = b;
    return PR_OK;
}

void pr__row_blur_destroy(pr__row_blur **blur)
{
    if (*blur == NULL) {
        return;
    }
    pr_free((*blur)->padded);
    pr_free((*blur)->ring);
    pr_free(*blur);
    *blur = NULL;
}

void pr__row_blur_begin(pr__row_blur *blur, double sigma)
{
    kernel *k = &blur->k;
    double exact[MAX_RADIUS + 1];
    const int radius = (int)ceil(3.0 * sigma);
    double sum = 1.0;
    for (int i = 1; i <= radius; i++) {
        exact[i] = pr_exp(-(double)i * (double)i / (2.0 * sigma * sigma));
        sum += 2.0 * exact[i];
    }
    /* The centre takes what rounding leaves over, so that a flat image stays flat. */
    int32_t rest = 65535;
    k->radius = 0;
    for (int i = 1; i <= radius; i++) {
        const int32_t w = (int32_t)floor(exact[i] / sum * 65536.0 + 0.5);
        k->weight[i] = (uint16_t)w;
        k->radius = w > 0 ? i : k->radius;
        rest -= 2 * w;
    }
    k->weight[0] = (uint16_t)rest;
    k->bias = (uint16_t)(k->radius / 2 + 1);
    blur->pushed = 0;
    blur->pulled = 0;
}

/* Index I mirrored at the ends of 0 .. n - 1, the ends themselves not repeated. */
static int mirror(int i, int n)
{
    if (i >= 0 && i < n) {
        return i;
    }
    if (i < 0 && -i < n) {
        return -i;
    }
    if (i >= n && i <= 2 * (n - 1)) {
        return 2 * (n - 1) - i;
    }
    if (n == 1) {
        return 0;
    }
    const int period = 2 * (n - 1);
    const int j = ((i % period) + period) % period;
    return j < n ? j : period - j;
}

/*
 * Along x levels come in 1/64: they are doubled by twice the weights, and the centre by adding it to
 * itself. Along y they come in 1/128, go in 1/64 and are cut at white.
 */
static void sum_plain(const taps *t, const kernel *k, bool along_y, int n, uint16_t *out)
{
    const unsigned doubled = along_y ? 0 : 1;
    for (int x = 0; x < n; x++) {
        const uint32_t centre = (uint32_t)t->before[0][x] << doubled;
        uint32_t sum = k->bias + ((centre * k->weight[0]) >> 16);
        for (int i = 1; i <= k->radius; i++) {
            const uint32_t pair = (uint32_t)t->before[i][x] + t->after[i][x];
            sum += (pair * ((uint32_t)k->weight[i] << doubled)) >> 16;
        }
        const uint32_t half = sum >> 1 < PR_LEVEL_WHITE ? sum >> 1 : PR_LEVEL_WHITE;
        out[x] = (uint16_t)(along_y ? half : sum);
    }
}

#if defined(PR__WIDE)
/* Sums of 16 N_SUMS columns from column X on stay in registers while the taps pass over them. */
PR__WIDE PR__INLINE void sum_columns(const taps *t, const kernel *k, bool along_y, size_t x,
                                     size_t n_sums, uint16_t *out)
{
    __m256i sum[8];
    const __m256i bias = _mm256_set1_epi16((short)k->bias);
    const __m256i centre = _mm256_set1_epi16((short)k->weight[0]);
    for (size_t j = 0; j < n_sums; j++) {
        const __m256i level = pr__load(t->before[0] + x + 16 * j);
        const __m256i in_128 = along_y ? level : _mm256_add_epi16(level, level);
        sum[j] = _mm256_add_epi16(bias, _mm256_mulhi_epu16(in_128, centre));
    }
    for (int i = 1; i <= k->radius; i++) {
        const uint16_t *a = t->before[i] + x;
        const uint16_t *b = t->after[i] + x;
        const __m256i weight = _mm256_set1_epi16((short)(k->weight[i] << (along_y ? 0 : 1)));
        for (size_t j = 0; j < n_sums; j++) {
            const __m256i pair = _mm256_add_epi16(pr__load(a + 16 * j), pr__load(b + 16 * j));
            sum[j] = _mm256_add_epi16(sum[j], _mm256_mulhi_epu16(pair, weight));
        }
    }
    const __m256i white = _mm256_set1_epi16(PR_LEVEL_WHITE);
    for (size_t j = 0; j < n_sums; j++) {
        const __m256i half = _mm256_min_epu16(_mm256_srli_epi16(sum[j], 1), white);
        pr__store(out + x + 16 * j, along_y ? half : sum[j]);
    }
}

PR__WIDE PR__INLINE void sum_row(const taps *t, const kernel *k, bool along_y, int n, uint16_t *out)
{
    int x = 0;
    for (; x + 128 <= n; x += 128) {
        sum_columns(t, k, along_y, (size_t)x, 8, out);
    }
    if (x < n) {
        sum_columns(t, k, along_y, (size_t)x, 4, out);
    }
}

PR__WIDE static void sum_wide(const taps *t, const kernel *k, bool along_y, int n, uint16_t *out)
{
    if (along_y) {
        sum_row(t, k, true, n, out);
    } else {
        sum_row(t, k, false, n, out);
    }
}
#endif

/* N is a multiple of 64. */
static void sum_taps(const taps *t, const kernel *k, bool along_y, int n, uint16_t *out)
{
#if defined(PR__WIDE)
    if (pr__simd_is_wide()) {
        sum_wide(t, k, along_y, n, out);
        return;
    }
#endif
    sum_plain(t, k, along_y, n, out);
}

/* The three planes of row Y, one behind the other. */
static uint16_t *slot(const pr__row_blur *b, int y)
{
    const size_t at = (size_t)y & (size_t)(b->n_slots - 1);
    return b->ring + at * 3 * (size_t)b->stride;
}

/* ROW's pixels and their mirror images beyond both ends. */
static void pad(const pr__row_blur *b, const uint16_t *row, uint16_t *first)
{
    const int last = b->side - 1;
    memcpy(first, row, (size_t)b->stride * sizeof *row);
    if (last >= b->k.radius) {
        for (int x = 1; x <= b->k.radius; x++) {
            first[-x] = row[x];
            first[last + x] = row[last - x];
        }
        return;
    }
    for (int x = 1; x <= b->k.radius; x++) {
        first[-x] = row[mirror(-x, b->side)];
        first[last + x] = row[mirror(last + x, b->side)];
    }
}

void pr__row_blur_push(pr__row_blur *b, const uint16_t *row, int apart)
{
    const kernel *k = &b->k;
    uint16_t *first = b->padded + MAX_RADIUS;
    for (int i = 0; i <= k->radius; i++) {
        b->t.before[i] = first - i;
        b->t.after[i] = first + i;
    }
    for (int c = 0; c < 3; c++) {
        pad(b, row + (ptrdiff_t)c * apart, first);
        sum_taps(&b->t, k, false, b->stride, slot(b, b->pushed) + (ptrdiff_t)c * b->stride);
    }
    b->pushed++;
}

bool pr__row_blur_pull(pr__row_blur *b, uint16_t *rows)
{
    const kernel *k = &b->k;
    const int y = b->pulled;
    if (y >= b->side || (b->pushed <= y + k->radius && b->pushed < b->side)) {
        return false;
    }
    for (int i = 0; i <= k->radius; i++) {
        b->t.before[i] = slot(b, mirror(y - i, b->side));
        b->t.after[i] = slot(b, mirror(y + i, b->side));
    }
    sum_taps(&b->t, k, true, 3 * b->stride, rows);
    b->pulled++;
    return true;
}
