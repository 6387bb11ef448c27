#include "dataset/tone.h"

#include <math.h>

enum { SWEEPS = 16 }; /* of Jacobi's rotations: 3 x 3 is diagonal to the last bit in fewer than 8 */

static uint8_t to_byte(double v)
{
    return v <= 0.0 ? 0 : (v >= 255.0 ? 255 : (uint8_t)floor(v + 0.5));
}

/* TABLE[c] is of channel c. */
static void look_up(uint8_t table[3][256], const pr_image_u8 *rgb)
{
    const size_t n = pr_image_bytes(rgb);
    for (size_t i = 0; i < n; i += 3) {
        for (size_t c = 0; c < 3; c++) {
            rgb->data[i + c] = table[c][rgb->data[i + c]];
        }
    }
}

void pr_tone_brightness_contrast(const pr_image_u8 *rgb, double brightness, double contrast)
{
    uint8_t table[3][256];
    for (int v = 0; v < 256; v++) {
        table[0][v] = to_byte((double)v * (1.0 + contrast) + 255.0 * brightness);
        table[1][v] = table[0][v];
        table[2][v] = table[0][v];
    }
    look_up(table, rgb);
}

/* Of pixels in [0, 1], divided by n - 1; integer sums, so that it does not depend on their order. */
static void covariance(const pr_image_u8 *rgb, double cov[3][3])
{
    const size_t n_bytes = pr_image_bytes(rgb);
    int64_t sum[3] = {0, 0, 0};
    int64_t product[3][3] = {{0}};
    for (size_t i = 0; i < n_bytes; i += 3) {
        const uint8_t *const p = rgb->data + i;
        for (int a = 0; a < 3; a++) {
            sum[a] += p[a];
            for (int b = a; b < 3; b++) {
                product[a][b] += (int64_t)p[a] * p[b];
            }
        }
    }
    const double n = (double)rgb->width * (double)rgb->height;
    const double unit = 255.0 * 255.0 * (n > 1.0 ? n - 1.0 : 1.0);
    for (int a = 0; a < 3; a++) {
        for (int b = a; b < 3; b++) {
            cov[a][b] = ((double)product[a][b] - (double)sum[a] * (double)sum[b] / n) / unit;
            cov[b][a] = cov[a][b];
        }
    }
}

/* One rotation of Jacobi's, which makes m[p][q] zero; the columns of V become eigenvectors. */
static void rotate(double m[3][3], double v[3][3], int p, int q)
{
    if (m[p][q] == 0.0) {
        return;
    }
    const double theta = (m[q][q] - m[p][p]) / (2.0 * m[p][q]);
    const double t = (theta < 0.0 ? -1.0 : 1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
    const double c = 1.0 / sqrt(t * t + 1.0);
    const double s = t * c;
    for (int i = 0; i < 3; i++) {
        const double at_p = m[i][p];
        const double at_q = m[i][q];
        m[i][p] = c * at_p - s * at_q;
        m[i][q] = s * at_p + c * at_q;
    }
    for (int i = 0; i < 3; i++) {
        const double at_p = m[p][i];
        const double at_q = m[q][i];
        m[p][i] = c * at_p - s * at_q;
        m[q][i] = s * at_p + c * at_q;
    }
    for (int i = 0; i < 3; i++) {
        const double at_p = v[i][p];
        const double at_q = v[i][q];
        v[i][p] = c * at_p - s * at_q;
        v[i][q] = s * at_p + c * at_q;
    }
}

/* The largest component of column K is to be positive. */
static double sign_of(double v[3][3], int k)
{
    int at = 0;
    for (int i = 1; i < 3; i++) {
        at = fabs(v[i][k]) > fabs(v[at][k]) ? i : at;
    }
    return v[at][k] < 0.0 ? -1.0 : 1.0;
}

/* What WEIGHTS add to each channel, in grey levels. */
static void principal(const pr_image_u8 *rgb, const double weights[3], double add[3])
{
    double m[3][3];
    double v[3][3] = {{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 1.0}};
    bool taken[3] = {false, false, false};
    covariance(rgb, m);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        rotate(m, v, 0, 1);
        rotate(m, v, 0, 2);
        rotate(m, v, 1, 2);
    }
    for (int i = 0; i < 3; i++) {
        int k = -1;
        for (int j = 0; j < 3; j++) {
            if (!taken[j] && (k < 0 || m[j][j] > m[k][k])) {
                k = j;
            }
        }
        taken[k] = true;
        const double scale = 255.0 * weights[i] * m[k][k] * sign_of(v, k);
        for (int c = 0; c < 3; c++) {
            add[c] += scale * v[c][k];
        }
    }
}

void pr_tone_pca(const pr_image_u8 *rgb, const double weights[3])
{
    double add[3] = {0.0, 0.0, 0.0};
    uint8_t table[3][256];
    principal(rgb, weights, add);
    for (int c = 0; c < 3; c++) {
        for (int p = 0; p < 256; p++) {
            table[c][p] = to_byte((double)p + add[c]);
        }
    }
    look_up(table, rgb);
}

static float cut(float v)
{
    return v < 0.0F ? 0.0F : (v > 1.0F ? 1.0F : v);
}

/* Sixths of a turn, in [0, 6). */
static float hue_of(float r, float g, float b, float high, float spread)
{
    if (spread == 0.0F) {
        return 0.0F;
    }
    if (high == r) {
        const float h = (g - b) / spread;
        return h < 0.0F ? h + 6.0F : h;
    }
    return high == g ? 2.0F + (b - r) / spread : 4.0F + (r - g) / spread;
}

/* A channel of HSV's inverse: N is 5 for red, 3 for green, 1 for blue. */
static uint8_t channel_of(float n, float hue, float saturation, float value)
{
    float k = n + hue;
    k -= k >= 6.0F ? 6.0F : 0.0F;
    const float ramp = cut(k < 4.0F - k ? k : 4.0F - k);
    return (uint8_t)(255.0F * (value - value * saturation * ramp) + 0.5F);
}

void pr_tone_hsv(const pr_image_u8 *rgb, double hue, double saturation, double value)
{
    const float turn = (float)(6.0 * (hue - floor(hue)));
    const size_t n = pr_image_bytes(rgb);
    for (size_t i = 0; i < n; i += 3) {
        uint8_t *const p = rgb->data + i;
        const float r = (float)p[0] / 255.0F;
        const float g = (float)p[1] / 255.0F;
        const float b = (float)p[2] / 255.0F;
        const float high = r > g ? (r > b ? r : b) : (g > b ? g : b);
        const float low = r < g ? (r < b ? r : b) : (g < b ? g : b);
        const float spread = high - low;
        float h = hue_of(r, g, b, high, spread) + turn;
        h -= h >= 6.0F ? 6.0F : 0.0F;
        const float s = cut((high > 0.0F ? spread / high : 0.0F) + (float)saturation);
        const float v = cut(high + (float)value);
        p[0] = channel_of(5.0F, h, s, v);
        p[1] = channel_of(3.0F, h, s, v);
        p[2] = channel_of(1.0F, h, s, v);
    }
}
