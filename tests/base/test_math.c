/*
 * Our mathematics against the long double functions of libm, over dense samples; special values; and
 * the bits themselves, which are the same on every processor and under every compiler.
 */
#include "engine/base/math.h"

#include "engine/base/draw.h"
#include "engine/base/hash.h"
#include "tests/check.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

enum { N = 200000 };

/* Long double has 11 more bits on x86; elsewhere libm's own error adds to ours. */
static const double MARGIN = LDBL_MANT_DIG >= 64 ? 0.0 : 0.7;

static double uniform(int64_t i, double low, double high)
{
    const pr_draw_key key = {.seed = 11, .purpose = PR_FOR_ORDER};
    return pr_draw_between(&key, (uint32_t)i, low, high);
}

static double error_ulp(double got, long double wanted)
{
    const double near = (double)wanted;
    if (isinf(near) || isnan(near)) {
        return got == near ? 0.0 : HUGE_VAL;
    }
    const double size = fabs(near);
    const double ulp = nextafter(size, HUGE_VAL) - size;
    return (double)fabsl(((long double)got - wanted) / (long double)ulp);
}

typedef struct range {
    const char *name;
    double (*ours)(double);
    long double (*theirs)(long double);
    double low, high;
    double bound_ulp;
} range;

static const range RANGES[] = {
    {"exp", pr_exp, expl, -745.0, 709.7, 0.76}, {"exp", pr_exp, expl, -1.0, 1.0, 0.52},
    {"log", pr_log, logl, 0.5, 1.5, 0.51},      {"log", pr_log, logl, 1e-300, 1e3, 0.51},
    {"log", pr_log, logl, 0.0, 1e-310, 0.51},   {"sin", pr_sin, sinl, -7.0, 7.0, 0.78},
    {"sin", pr_sin, sinl, -1e6, 1e6, 0.78},     {"cos", pr_cos, cosl, -7.0, 7.0, 0.78},
    {"cos", pr_cos, cosl, -1e6, 1e6, 0.78},     {"erf", pr_erf, erfl, -6.5, 6.5, 0.85},
    {"erf", pr_erf, erfl, -0.6, 0.6, 0.85},     {"erf", pr_erf, erfl, -1e-300, 1e-300, 0.85},
};

static void test_ranges(void)
{
    for (size_t k = 0; k < sizeof(RANGES) / sizeof(RANGES[0]); k++) {
        const range *const r = &RANGES[k];
        double worst = 0.0;
        double worst_x = 0.0;
        for (int64_t i = 0; i < N; i++) {
            const double x = uniform(i, r->low, r->high);
            const double error = error_ulp(r->ours(x), r->theirs((long double)x));
            if (error > worst) {
                worst = error;
                worst_x = x;
            }
        }
        (void)printf("%s [%g, %g]: %.3f ulp at %.17g\n", r->name, r->low, r->high, worst, worst_x);
        CHECK(worst <= r->bound_ulp + MARGIN, "%s: %.3f ulp at %.17g, bound %.3f", r->name, worst,
              worst_x, r->bound_ulp);
    }
}

static void test_pow(void)
{
    /* x, y ranges: learning-rate schedules, beta^t, and the edge of overflow and of subnormals. */
    static const double ranges[][4] = {
        {0.0, 1.0, 0.0, 1.0},   {0.9, 0.9999, 0.0, 1e5}, {1e-9, 1e9, -30.0, 30.0},
        {1.5, 9.0, 300.0, 330}, {1.5, 9.0, -480, -310},  {-9.0, -1.0, 3.0, 3.0},
    };
    for (size_t k = 0; k < sizeof(ranges) / sizeof(ranges[0]); k++) {
        const double *const r = ranges[k];
        double worst = 0.0;
        double worst_x = 0.0;
        for (int64_t i = 0; i < N; i++) {
            const double x = uniform(2 * i, r[0], r[1]);
            const double y = r[2] == r[3] ? r[2] : uniform(2 * i + 1, r[2], r[3]);
            const double error = error_ulp(pr_pow(x, y), powl((long double)x, (long double)y));
            if (error > worst) {
                worst = error;
                worst_x = x;
            }
        }
        (void)printf("pow [%g, %g] ^ [%g, %g]: %.3f ulp\n", r[0], r[1], r[2], r[3], worst);
        CHECK(worst <= 0.76 + MARGIN, "pow: %.3f ulp at x = %.17g", worst, worst_x);
    }
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

static void test_special(void)
{
    static const double values[] = {0.0,  -0.0,   1.0,    -1.0,    2.0,     -2.0,     0.5,
                                    -0.5, 3.0,    -3.0,   1e300,   -1e300,  HUGE_VAL, -HUGE_VAL,
                                    NAN,  1e-310, 0x1p53, -0x1p53, 0x1.8p60};
    const size_t n = sizeof(values) / sizeof(values[0]);
    for (size_t i = 0; i < n; i++) {
        const double x = values[i];
        CHECK(same(pr_exp(x), exp(x)) || isfinite(x), "exp(%g) = %g", x, pr_exp(x));
        CHECK(same(pr_log(x), log(x)) || (isfinite(x) && x > 0.0), "log(%g) = %g", x, pr_log(x));
        CHECK(same(pr_erf(x), erf(x)) || isfinite(x), "erf(%g) = %g", x, pr_erf(x));
        for (size_t k = 0; k < n; k++) {
            const double wanted = pow(x, values[k]);
            const double got = pr_pow(x, values[k]);
            const bool is_exact = wanted == 0.0 || !isfinite(wanted) || fabs(wanted) == 1.0;
            CHECK(same(got, wanted) || (!is_exact && fabs(got / wanted - 1.0) < 1e-15),
                  "pow(%g, %g) = %g, wanted %g", x, values[k], got, wanted);
        }
    }
    CHECK(same(pr_sin(-0.0), -0.0) && same(pr_cos(0.0), 1.0) && same(pr_erf(-0.0), -0.0), "zeros");
    CHECK(pr_exp(0.0) == 1.0 && pr_log(1.0) == 0.0 && !signbit(pr_log(1.0)), "ones");
    CHECK(isnan(pr_sin(1e7)) && isnan(pr_cos(HUGE_VAL)) && isnan(pr_sin(NAN)), "beyond the range");
    CHECK(pr_exp(710.0) == HUGE_VAL && pr_exp(-746.0) == 0.0, "the ends of exp");
    CHECK(pr_exp(-745.0) == 0x1p-1074, "the smallest: %g", pr_exp(-745.0));
}

static void test_atan2(void)
{
    static const double values[] = {0.0, -0.0, 1.0, -1.0, HUGE_VAL, -HUGE_VAL, 1e300, -1e-300};
    const size_t n = sizeof(values) / sizeof(values[0]);
    double worst = 0.0;
    for (int64_t i = 0; i < N; i++) {
        /* Ratios of all sizes, many of them near 1, and near the quadrants' edges. */
        const double y = uniform(2 * i, -1.0, 1.0) * (i % 3 == 0 ? 1e-9 : 1.0);
        const double x = uniform(2 * i + 1, -1.0, 1.0) * (i % 5 == 0 ? 1e-7 : 1.0);
        const double error = error_ulp(pr_atan2(y, x), atan2l((long double)y, (long double)x));
        worst = error > worst ? error : worst;
    }
    (void)printf("atan2: %.3f ulp\n", worst);
    CHECK(worst <= 1.4 + MARGIN, "atan2: %.3f ulp, bound 1.4", worst);
    for (size_t i = 0; i < n * n; i++) {
        const double y = values[i / n];
        const double x = values[i % n];
        const double wanted = atan2(y, x);
        const double got = pr_atan2(y, x);
        CHECK(fabs(got - wanted) <= 1e-15 * fabs(wanted) && signbit(got) == signbit(wanted),
              "atan2(%g, %g) = %.17g, wanted %.17g", y, x, got, wanted);
    }
    CHECK(isnan(pr_atan2(NAN, 1.0)) && isnan(pr_atan2(1.0, NAN)), "atan2 of NaN");
}

/* Found once and never to change: another compiler, processor or library may not move a bit.
 * same_bits.sh compares the printed lines under other variants of libm, whose own hash shows that
 * there is something to compare. */
static void test_bits(void)
{
    uint64_t ours = 0;
    uint64_t libm = 0;
    for (int64_t i = 0; i < 20000; i++) {
        const double x = uniform(i, -20.0, 20.0);
        const double results[] = {pr_exp(x), pr_log(fabs(x)), pr_pow(fabs(x), 0.37 * x),
                                  pr_sin(x), pr_cos(x),       pr_erf(0.2 * x)};
        const double others[] = {exp(x), log(fabs(x)), pow(fabs(x), 0.37 * x),
                                 sin(x), cos(x),       erf(0.2 * x)};
        ours = pr_hash64(results, sizeof(results), ours);
        libm = pr_hash64(others, sizeof(others), libm);
    }
    (void)printf("bits %016llx\nlibm %016llx\n", (unsigned long long)ours,
                 (unsigned long long)libm);
    CHECK(ours == 0x81ba9edf20e83493U, "the bits' hash is 0x%016llx", (unsigned long long)ours);
    uint64_t angles = 0;
    for (int64_t i = 0; i < 20000; i++) {
        const double angle = pr_atan2(uniform(2 * i, -1.0, 1.0), uniform(2 * i + 1, -1.0, 1.0));
        angles = pr_hash64(&angle, sizeof(angle), angles);
    }
    CHECK(angles == 0x1323999e74f9d682U, "the angles' hash is 0x%016llx",
          (unsigned long long)angles);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bits") == 0) {
        test_bits(); /* same_bits.sh */
        return check_exit_code();
    }
    test_ranges();
    test_pow();
    test_special();
    test_atan2();
    test_bits();
    return check_exit_code();
}
