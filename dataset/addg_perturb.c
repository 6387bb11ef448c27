/* Blur and area shrinking of a whole crop, each with sums in a fixed order and one rounding. */
#include "dataset/addg_private.h"
#include "engine/base/math.h"

#include <math.h>
#include <string.h>

/* Index I mirrored at the ends of 0 .. n - 1, the ends themselves not repeated. */
static int mirror(int i, int n)
{
    const int period = n > 1 ? 2 * (n - 1) : 1;
    const int j = ((i % period) + period) % period;
    return j < n ? j : period - j;
}

/* Weights of the K taps, which sum to one. */
static void weights_of(int k, float *weight)
{
    const double sigma = 0.3 * ((k - 1) / 2.0 - 1) + 0.8;
    double exact[PR__ADDG_MAX_BLUR];
    double sum = 0;
    for (int i = 0; i < k; i++) {
        const double d = i - (k - 1) / 2.0;
        exact[i] = pr_exp(-d * d / (2 * sigma * sigma));
        sum += exact[i];
    }
    for (int i = 0; i < k; i++) {
        weight[i] = (float)(exact[i] / sum);
    }
}

static uint8_t to_byte(float v)
{
    return (uint8_t)(v < 0 ? 0.0F : (v > 254.5F ? 255.0F : v + 0.5F));
}

static void add_scaled(const float *restrict in, float weight, int n, float *restrict sum)
{
    for (int i = 0; i < n; i++) {
        sum[i] += weight * in[i];
    }
}

void pr__addg_blur(pr_addg *addg, const pr_image_u8 *in, int k, const pr_image_u8 *out)
{
    float weight[PR__ADDG_MAX_BLUR];
    const int r = k / 2;
    const int n = 3 * in->width;
    weights_of(k, weight);
    for (int y = 0; y < in->height; y++) {
        const uint8_t *const row = in->data + (ptrdiff_t)y * n;
        for (int x = -r; x < in->width + r; x++) {
            for (int c = 0; c < 3; c++) {
                addg->line[3 * (x + r) + c] = row[3 * mirror(x, in->width) + c];
            }
        }
        float *const sum = addg->rows + (ptrdiff_t)y * n;
        memset(sum, 0, (size_t)n * sizeof(*sum));
        for (int i = 0; i < k; i++) {
            add_scaled(addg->line + (ptrdiff_t)3 * i, weight[i], n, sum);
        }
    }
    for (int y = 0; y < in->height; y++) {
        memset(addg->line, 0, (size_t)n * sizeof(*addg->line));
        for (int i = 0; i < k; i++) {
            add_scaled(addg->rows + (ptrdiff_t)mirror(y + i - r, in->height) * n, weight[i], n,
                       addg->line);
        }
        for (int x = 0; x < n; x++) {
            out->data[(ptrdiff_t)y * n + x] = to_byte(addg->line[x]);
        }
    }
}

/* Of input pixels FIRST .. LAST - 1 output I of N covers all, but at its two ends only a part. */
typedef struct cover {
    int first, last;
    double low, high, scale;
} cover;

static cover cover_of(int i, int n, int span)
{
    cover c = {.scale = (double)span / n};
    c.low = i * c.scale;
    c.high = (i + 1) * c.scale;
    c.first = (int)floor(c.low);
    c.last = (int)ceil(c.high);
    c.first = c.first < 0 ? 0 : c.first;
    c.last = c.last > span ? span : c.last;
    return c;
}

static float share_of(const cover *c, int j)
{
    return (float)((fmin(c->high, j + 1) - fmax(c->low, j)) / c->scale);
}

void pr__addg_shrink(pr_addg *addg, const pr_image_u8 *in, const pr_image_u8 *out)
{
    const int n = 3 * out->width;
    for (int x = 0; x < out->width; x++) {
        const cover c = cover_of(x, out->width, in->width);
        for (int y = 0; y < in->height; y++) {
            float sum[3] = {0, 0, 0};
            for (int j = c.first; j < c.last; j++) {
                const float share = share_of(&c, j);
                const uint8_t *const p = in->data + 3 * ((ptrdiff_t)y * in->width + j);
                for (int k = 0; k < 3; k++) {
                    sum[k] += share * (float)p[k];
                }
            }
            memcpy(addg->rows + (ptrdiff_t)y * n + (ptrdiff_t)3 * x, sum, sizeof(sum));
        }
    }
    for (int y = 0; y < out->height; y++) {
        const cover c = cover_of(y, out->height, in->height);
        memset(addg->line, 0, (size_t)n * sizeof(*addg->line));
        for (int j = c.first; j < c.last; j++) {
            add_scaled(addg->rows + (ptrdiff_t)j * n, share_of(&c, j), n, addg->line);
        }
        for (int x = 0; x < n; x++) {
            out->data[(ptrdiff_t)y * n + x] = to_byte(addg->line[x]);
        }
    }
}
