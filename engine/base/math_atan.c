#include "engine/base/math.h"

#include <math.h>

/* atan(i / 16) as the sum of two doubles. */
static const double ATAN_TABLE[17][2] = {
    {0x0.0p+0, 0x0.0p+0},
    {0x1.ff55bb72cfdeap-5, -0x1.c934d86d23f1dp-60},
    {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59},
    {0x1.7b97b4bce5b02p-3, 0x1.347b0b4f881cap-58},
    {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57},
    {0x1.362773707ebccp-2, -0x1.963a544b672d8p-57},
    {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56},
    {0x1.a64eec3cc23fdp-2, -0x1.24dec1b50b7ffp-56},
    {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56},
    {0x1.0657e94db30d0p-1, -0x1.d5b495f6349e6p-56},
    {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58},
    {0x1.345f01cce37bbp-1, 0x1.1021137c71102p-55},
    {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56},
    {0x1.5d58987169b18p-1, 0x1.0028e4bc5e7cap-57},
    {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56},
    {0x1.819d0b7158a4dp-1, -0x1.bf76229d3b917p-56},
    {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55},
};
static const double PI_LOW = 0x1.1a62633145c07p-53;

typedef struct angle {
    double hi, lo;
} angle;

/*
 * atan(a / b) for 0 <= a <= b, b > 0: with c the nearest multiple of 1/16,
 * atan(a / b) = atan(c) + atan(d), d = (a - c b) / (b + c a), |d| <= 1/32.
 */
static angle atan_of_ratio(double a, double b)
{
    const int i = (int)(a / b * 16.0 + 0.5);
    const double c = (double)i * 0.0625;
    const double d = (a - c * b) / (b + c * a);
    const double z = d * d;
    const double series =
        z * (-1.0 / 3 +
             z * (1.0 / 5 + z * (-1.0 / 7 + z * (1.0 / 9 + z * (-1.0 / 11 + z * (1.0 / 13))))));
    return (angle){ATAN_TABLE[i][0], ATAN_TABLE[i][1] + (d + d * series)};
}

/* Both to sizes whose sums and products neither overflow nor lose bits; the ratio stays. */
static void bring_near_one(double *a, double *b)
{
    if (isinf(*a) || isinf(*b)) {
        *a = isinf(*a) ? 1.0 : 0.0;
        *b = isinf(*b) ? 1.0 : 0.0;
    }
    const double most = *a > *b ? *a : *b;
    const double factor = most > 0x1p900 ? 0x1p-200 : (most < 0x1p-700 ? 0x1p400 : 1.0);
    *a *= factor;
    *b *= factor;
}

double pr_atan2(double y, double x)
{
    if (isnan(x) || isnan(y)) {
        return x + y;
    }
    double a = fabs(y);
    double b = fabs(x);
    angle sum = {0.0, 0.0};
    bring_near_one(&a, &b);
    if (a != 0.0 || b != 0.0) {
        const angle small = a <= b ? atan_of_ratio(a, b) : atan_of_ratio(b, a);
        sum = small;
        if (a > b) { /* pi / 2 less it */
            const double hi = 0.5 * PR_PI - small.hi;
            sum = (angle){hi, ((0.5 * PR_PI - hi) - small.hi) + (0.5 * PI_LOW - small.lo)};
        }
    }
    if (signbit(x) != 0) { /* pi less it */
        const double hi = PR_PI - sum.hi;
        sum = (angle){hi, ((PR_PI - hi) - sum.hi) + (PI_LOW - sum.lo)};
    }
    const double size = sum.hi + sum.lo;
    return signbit(y) != 0 ? -size : size;
}
