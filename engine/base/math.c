#include "engine/base/math.h"

#include "engine/base/math_table.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A number as an unevaluated sum: hi is the sum rounded. */
typedef struct two {
    double hi, lo;
} two;

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* Knuth: a + b exactly. */
static two exact_sum(double a, double b)
{
    const double sum = a + b;
    const double b_part = sum - a;
    return (two){sum, (a - (sum - b_part)) + (b - b_part)};
}

/* The leading 26 bits of x; the other 27 are x less that, exactly. */
static double leading(double x)
{
    return from_bits(bits_of(x) & 0xfffffffff8000000U);
}

/* Dekker: a * b exactly (to the last bit of the smallest part product). */
static two exact_product(double a, double b)
{
    const double a_hi = leading(a);
    const double a_lo = a - a_hi;
    const double b_hi = leading(b);
    const double b_lo = b - b_hi;
    const double product = a * b;
    return (two){product, ((a_hi * b_hi - product) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo};
}

/* Nearest whole number, for |x| < 2^51: past 2^52 a double has no fraction left. */
static double nearest_whole(double x)
{
    return (x + 0x1.8p52) - 0x1.8p52;
}

/* x * 2^k for x in [1, 2] and any k that a result can have, with one rounding. */
static double scaled(double x, int k)
{
    if (k > 1023) {
        return x * 0x1p1023 * from_bits((uint64_t)(k - 1023 + 1023) << 52);
    }
    if (k < -1021) {
        return x * from_bits((uint64_t)(k + 1000 + 1023) << 52) * 0x1p-1000;
    }
    return x * from_bits((uint64_t)(k + 1023) << 52);
}

/* e^(hi + lo) for hi in [-746, 710]: 2^k 2^(j / N_EXP) e^r with |r| <= ln 2 / (2 N_EXP). */
static double exp_of_two(double hi, double lo)
{
    const double n = nearest_whole(hi * EXP_STEPS_PER_ONE);
    const double r = ((hi - n * EXP_STEP[0]) - n * EXP_STEP[1]) + lo;
    const int64_t step = (int64_t)n;
    const int j = (int)(step & (N_EXP - 1));
    const int k = (int)((step - j) / N_EXP);
    const double less_1 = r + r * r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120))));
    const double *const power = EXP_TABLE[j];
    return scaled(power[0] + (power[1] + power[0] * less_1), k);
}

double pr_exp(double x)
{
    if (isnan(x)) {
        return x;
    }
    if (x > 710.0) {
        return HUGE_VAL;
    }
    if (x < -746.0) {
        return 0.0;
    }
    return exp_of_two(x, 0.0);
}

/*
 * log x for positive finite x, to about 68 bits: x = 2^k z, z = c (1 + r) with 1 / c from the table,
 * log x = k log 2 + log c + r - r^2 / 2 + r^3 (1/3 - r/4 + ...). r and r^2 are exact pairs; |r| <=
 * 2^-7, so the rest of the series may be rounded. The slots next to 1 have c = 1: nothing cancels.
 */
static two log_as_two(double x)
{
    uint64_t bits = bits_of(x);
    int k_first = 0;
    if (bits < 0x0010000000000000U) {
        bits = bits_of(x * 0x1p54);
        k_first = -54;
    }
    const uint64_t above = bits - 0x3fe6000000000000U; /* 0.6875, where slot 0 begins */
    const int slot = (int)((above >> 45) % N_LOG);
    const double k = (double)(((int64_t)above >> 52) + k_first);
    const double z = from_bits(bits - (above & 0xfff0000000000000U));
    const double *const c = LOG_TABLE[slot];

    const double z_hi = leading(z);
    const two r = exact_sum(z_hi * c[0] - 1.0, (z - z_hi) * c[0]);
    const double r_hi = leading(r.hi);
    const double r_lo = r.hi - r_hi;
    const double t = r.hi;
    const double series =
        1.0 / 3 +
        t * (-1.0 / 4 +
             t * (1.0 / 5 +
                  t * (-1.0 / 6 +
                       t * (1.0 / 7 + t * (-1.0 / 8 + t * (1.0 / 9 + t * (-1.0 / 10)))))));
    const two front = exact_sum(r.hi, -0.5 * r_hi * r_hi);
    const double back =
        (front.lo + (r.lo - r.hi * r.lo)) - (r_hi * r_lo + 0.5 * r_lo * r_lo) + t * t * t * series;

    const two coarse = exact_sum(k * LN2[0], c[1]);
    const two sum = exact_sum(coarse.hi, front.hi);
    const double rest = sum.lo + (coarse.lo + (c[2] + k * LN2[1]) + back);
    return exact_sum(sum.hi, rest);
}

double pr_log(double x)
{
    if (isnan(x) || x == HUGE_VAL) {
        return x;
    }
    if (x == 0.0) {
        return -HUGE_VAL;
    }
    return x < 0.0 ? (double)NAN : log_as_two(x).hi;
}

/* 0: y is no whole number, 1: odd, 2: even. */
static int parity(double y)
{
    const double size = fabs(y);
    if (size >= 0x1p53) {
        return 2;
    }
    if (floor(size) != size) {
        return 0;
    }
    return ((int64_t)size & 1) != 0 ? 1 : 2;
}

/* x is zero or infinite, y neither zero nor NaN. */
static double pow_of_extreme(double x, double y)
{
    const bool is_large = (x != 0.0) == (y > 0.0);
    const double size = is_large ? HUGE_VAL : 0.0;
    return signbit(x) != 0 && parity(y) == 1 ? -size : size;
}

double pr_pow(double x, double y)
{
    if (x == 1.0 || y == 0.0) {
        return 1.0;
    }
    if (isnan(x) || isnan(y)) {
        return x + y;
    }
    if (isinf(y)) {
        if (x == -1.0) {
            return 1.0;
        }
        return (fabs(x) > 1.0) == (y > 0.0) ? HUGE_VAL : 0.0;
    }
    if (x == 0.0 || isinf(x)) {
        return pow_of_extreme(x, y);
    }
    if (x < 0.0 && parity(y) == 0) {
        return (double)NAN;
    }
    const double sign = x < 0.0 && parity(y) == 1 ? -1.0 : 1.0;
    if (x == -1.0) {
        return sign;
    }
    const two log_x = log_as_two(fabs(x));
    const double rough = y * log_x.hi;
    if (rough > 710.0) {
        return sign * HUGE_VAL;
    }
    if (rough < -746.0) {
        return sign * 0.0;
    }
    const two exact = exact_product(y, log_x.hi);
    return sign * exp_of_two(exact.hi, exact.lo + y * log_x.lo);
}

/* x less its nearest multiple of pi / 2, and that multiple's number modulo 4. */
static two reduced_angle(double x, int *quadrant)
{
    const double n = nearest_whole(x * TWO_OVER_PI);
    *quadrant = (int)((int64_t)n & 3);
    const two first = exact_sum(x - n * HALF_PI[0], -n * HALF_PI[1]);
    const two second = exact_sum(first.hi, -n * HALF_PI[2]);
    return exact_sum(second.hi, second.lo + (first.lo - n * HALF_PI[3]));
}

/* Both on [-pi/4, pi/4], by Taylor: the first term left out is below 3e-18. */
static double sin_near_zero(two r)
{
    const double z = r.hi * r.hi;
    const double series =
        -1.0 / 6 +
        z * (1.0 / 120 +
             z * (-1.0 / 5040 +
                  z * (1.0 / 362880 +
                       z * (-1.0 / 39916800 +
                            z * (1.0 / 6227020800.0 +
                                 z * (-1.0 / 1307674368000.0 + z * (1.0 / 355687428096000.0)))))));
    return r.hi + (z * r.hi * series + r.lo * (1.0 - 0.5 * z));
}

static double cos_near_zero(two r)
{
    const double z = r.hi * r.hi;
    const double series =
        1.0 / 24 +
        z * (-1.0 / 720 +
             z * (1.0 / 40320 + z * (-1.0 / 3628800 +
                                     z * (1.0 / 479001600 + z * (-1.0 / 87178291200.0 +
                                                                 z * (1.0 / 20922789888000.0))))));
    const double front = 1.0 - 0.5 * z;
    return front + (((1.0 - front) - 0.5 * z) + (z * z * series - r.hi * r.lo));
}

static double sin_of(double x, int quarter_turns)
{
    if (!(fabs(x) <= PR_MAX_ANGLE)) {
        return (double)NAN;
    }
    int quadrant = 0;
    const two r = reduced_angle(x, &quadrant);
    quadrant = (quadrant + quarter_turns) & 3;
    const double size = (quadrant & 1) != 0 ? cos_near_zero(r) : sin_near_zero(r);
    return quadrant >= 2 ? -size : size;
}

double pr_sin(double x)
{
    return fabs(x) < 0x1p-27 ? x : sin_of(x, 0); /* also keeps the sign of zero */
}

double pr_cos(double x)
{
    return sin_of(x, 1);
}

/* 2 / sqrt(pi) times the sum of (-1)^n x^(2n+1) / (n! (2n+1)), for |x| < 1/2. */
static double erf_near_zero(double x)
{
    static const double coefs[] = {
        -1.0 / 3,       1.0 / 10,       -1.0 / 42,          1.0 / 216,
        -1.0 / 1320,    1.0 / 9360,     -1.0 / 75600,       1.0 / 685440,
        -1.0 / 6894720, 1.0 / 76204800, -1.0 / 918086400.0, 1.0 / 11975040000.0,
    };
    const double z = x * x;
    double series = 0.0;
    for (int n = (int)(sizeof(coefs) / sizeof(coefs[0])) - 1; n >= 0; n--) {
        series = coefs[n] + z * series;
    }
    return x + x * (TWO_OVER_SQRT_PI_LESS_1 + TWO_OVER_SQRT_PI * z * series);
}

/* Taylor at the nearest multiple of 1/16; the derivatives of exp(-x^2) by Hermite's recurrence. */
static double erf_by_table(double x)
{
    enum { N_TERMS = 11 };
    const int i = (int)(x * 16.0 + 0.5);
    const double c = (double)i * 0.0625;
    const double d = x - c;
    double before = 0.0;
    double term = ERF_TABLE[i][2];
    double sum = term * d;
    for (int n = 1; n < N_TERMS; n++) {
        const double next = (-2.0 * c * d * term - 2.0 * d * d * before) / n;
        before = term;
        term = next;
        sum += term * d / (n + 1);
    }
    return ERF_TABLE[i][0] + (ERF_TABLE[i][1] + sum);
}

double pr_erf(double x)
{
    const double size = fabs(x);
    if (isnan(x)) {
        return x;
    }
    if (size < 0.5) {
        return erf_near_zero(x);
    }
    const double value = size >= 6.0 ? 1.0 : erf_by_table(size);
    return x < 0.0 ? -value : value;
}
