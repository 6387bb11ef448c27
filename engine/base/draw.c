#include "engine/base/draw.h"

#include "engine/base/math.h"

#include <math.h>

enum { N_ROUNDS = 10, ATTEMPT_STRIDE = 1 << 16 };

void pr_draw_bits(const pr_draw_key *key, uint32_t number, uint32_t bits[4])
{
    /* Salmon et al. 2011, section 3.3 and table 2: multipliers and Weyl constants. */
    uint32_t c0 = number;
    uint32_t c1 = key->place;
    uint32_t c2 = key->epoch;
    uint32_t c3 = (uint32_t)key->view | ((uint32_t)key->purpose << 16);
    uint32_t k0 = (uint32_t)key->seed;
    uint32_t k1 = (uint32_t)(key->seed >> 32);
    for (int i = 0; i < N_ROUNDS; i++) {
        const uint64_t p0 = (uint64_t)0xd2511f53U * c0;
        const uint64_t p1 = (uint64_t)0xcd9e8d57U * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9e3779b9U;
        k1 += 0xbb67ae85U;
    }
    bits[0] = c0;
    bits[1] = c1;
    bits[2] = c2;
    bits[3] = c3;
}

static uint64_t first_64(const uint32_t bits[4])
{
    return bits[0] | ((uint64_t)bits[1] << 32);
}

static uint64_t last_64(const uint32_t bits[4])
{
    return bits[2] | ((uint64_t)bits[3] << 32);
}

double pr_draw_uniform(const pr_draw_key *key, uint32_t number)
{
    uint32_t bits[4];
    pr_draw_bits(key, number, bits);
    return (double)(first_64(bits) >> 11) * 0x1p-53;
}

/* In (0, 1]: what may stand in a logarithm. */
static double positive_uniform(uint64_t bits)
{
    return (double)((bits >> 11) + 1) * 0x1p-53;
}

double pr_draw_between(const pr_draw_key *key, uint32_t number, double low, double high)
{
    const double value = low + (high - low) * pr_draw_uniform(key, number);
    /* Rounding may reach HIGH where the interval is narrow. */
    return value < high || high <= low ? value : low;
}

/* The upper 64 bits of a * b; ISO C has no 128-bit type. */
static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    const uint64_t a_low = (uint32_t)a;
    const uint64_t a_high = a >> 32;
    const uint64_t b_low = (uint32_t)b;
    const uint64_t b_high = b >> 32;
    const uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
    const uint64_t other = a_low * b_high + (uint32_t)middle;
    return a_high * b_high + (middle >> 32) + (other >> 32);
}

int64_t pr_draw_below(const pr_draw_key *key, uint32_t number, int64_t n)
{
    uint32_t bits[4];
    pr_draw_bits(key, number, bits);
    return (int64_t)multiply_high(first_64(bits), (uint64_t)n);
}

double pr_draw_normal(const pr_draw_key *key, uint32_t number)
{
    uint32_t bits[4];
    pr_draw_bits(key, number, bits);
    const double radius = sqrt(-2.0 * pr_log(positive_uniform(first_64(bits))));
    const double turn = (double)(last_64(bits) >> 11) * 0x1p-53;
    return radius * pr_cos(2.0 * PR_PI * turn);
}

/* Johnk 1964: U^(1/a) / (U^(1/a) + V^(1/b)) where the sum is at most 1. In logarithms, since both
 * powers underflow for small alpha and beta. */
static double beta_johnk(const pr_draw_key *key, uint32_t number, double alpha, double beta)
{
    for (;; number += ATTEMPT_STRIDE) {
        uint32_t bits[4];
        pr_draw_bits(key, number, bits);
        const double log_x = pr_log(positive_uniform(first_64(bits))) / alpha;
        const double log_y = pr_log(positive_uniform(last_64(bits))) / beta;
        const double larger = log_x > log_y ? log_x : log_y;
        const double log_sum = larger + pr_log(pr_exp(log_x - larger) + pr_exp(log_y - larger));
        if (log_sum <= 0.0) {
            return pr_exp(log_x - log_sum);
        }
    }
}

/* Cheng 1978, algorithm BB without its quick test: both above 1. */
static double beta_cheng_bb(const pr_draw_key *key, uint32_t number, double alpha, double beta)
{
    const double a = alpha < beta ? alpha : beta;
    const double b = alpha < beta ? beta : alpha;
    const double sum = a + b;
    const double scale = sqrt((sum - 2.0) / (2.0 * a * b - sum));
    const double gamma = a + 1.0 / scale;
    for (;; number += ATTEMPT_STRIDE) {
        uint32_t bits[4];
        pr_draw_bits(key, number, bits);
        const double u1 = positive_uniform(first_64(bits));
        const double u2 = positive_uniform(last_64(bits));
        if (u1 == 1.0) {
            continue; /* log(u1 / (1 - u1)) has no value there */
        }
        const double v = scale * pr_log(u1 / (1.0 - u1));
        const double w = a * pr_exp(v);
        const double z = u1 * u1 * u2;
        const double r = gamma * v - 1.38629436111989061883; /* log 4 */
        if (r + sum * pr_log(sum / (b + w)) >= pr_log(z)) {
            return alpha < beta ? w / (b + w) : b / (b + w);
        }
    }
}

/* Cheng 1978, algorithm BC without its quick tests: the smaller at most 1. Here a is the larger. */
static double beta_cheng_bc(const pr_draw_key *key, uint32_t number, double alpha, double beta)
{
    const double a = alpha > beta ? alpha : beta;
    const double b = alpha > beta ? beta : alpha;
    const double sum = a + b;
    for (;; number += ATTEMPT_STRIDE) {
        uint32_t bits[4];
        pr_draw_bits(key, number, bits);
        const double u1 = positive_uniform(first_64(bits));
        const double u2 = positive_uniform(last_64(bits));
        if (u1 == 1.0) {
            continue;
        }
        const double v = pr_log(u1 / (1.0 - u1)) / b;
        /* exp(v) may be infinite for a small b: w / (b + w) is 1 there, and the log term -inf. */
        const double w = a * pr_exp(v < 700.0 ? v : 700.0);
        const double z = u1 * u1 * u2;
        if (sum * (pr_log(sum / (b + w)) + v) - 1.38629436111989061883 >= pr_log(z)) {
            return alpha > beta ? w / (b + w) : b / (b + w);
        }
    }
}

double pr_draw_beta(const pr_draw_key *key, uint32_t number, double alpha, double beta)
{
    if (alpha <= 1.0 && beta <= 1.0) {
        return beta_johnk(key, number, alpha, beta);
    }
    if (alpha > 1.0 && beta > 1.0) {
        return beta_cheng_bb(key, number, alpha, beta);
    }
    return beta_cheng_bc(key, number, alpha, beta);
}

void pr_draw_permutation(const pr_draw_key *key, int64_t n, int64_t *order)
{
    for (int64_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = pr_draw_below(key, (uint32_t)i, i + 1);
        const int64_t moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}
