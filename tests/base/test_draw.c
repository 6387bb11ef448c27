/* Philox against its authors' vectors; the distributions' moments; permutations. */
#include "engine/base/draw.h"
#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "tests/check.h"

#include <math.h>
#include <stdbool.h>

typedef struct vector {
    uint32_t counter[4], key[2], bits[4];
} vector;

/* kat_vectors of the Random123 library, philox4x32 with 10 rounds. */
static const vector VECTORS[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void test_vectors(void)
{
    for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
        const vector *const v = &VECTORS[i];
        const pr_draw_key key = {.seed = v->key[0] | (uint64_t)v->key[1] << 32,
                                 .place = v->counter[1],
                                 .epoch = v->counter[2],
                                 .view = (uint16_t)v->counter[3],
                                 .purpose = (uint16_t)(v->counter[3] >> 16)};
        uint32_t bits[4];
        pr_draw_bits(&key, v->counter[0], bits);
        CHECK(memcmp(bits, v->bits, sizeof(bits)) == 0, "vector %zu: %08x %08x %08x %08x", i,
              bits[0], bits[1], bits[2], bits[3]);
    }
}

enum { N = 100000 };

/* Each part of the key alone changes the draw. */
static void test_key(void)
{
    const pr_draw_key keys[] = {{1, 2, 3, 4, 5}, {9, 2, 3, 4, 5}, {1 + (1ULL << 40), 2, 3, 4, 5},
                                {1, 9, 3, 4, 5}, {1, 2, 9, 4, 5}, {1, 2, 3, 9, 5},
                                {1, 2, 3, 4, 9}};
    const size_t n = sizeof(keys) / sizeof(keys[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            CHECK(pr_draw_uniform(&keys[i], 0) != pr_draw_uniform(&keys[k], 0), "%zu and %zu", i,
                  k);
        }
    }
    CHECK(pr_draw_uniform(&keys[0], 0) != pr_draw_uniform(&keys[0], 1), "the number");
}

static const pr_draw_key KEY = {.seed = 77, .place = 3, .purpose = PR_FOR_AUGMENT};

static void test_uniform(void)
{
    double sum = 0.0;
    int64_t counts[10] = {0};
    for (uint32_t i = 0; i < N; i++) {
        const double u = pr_draw_uniform(&KEY, i);
        CHECK(u >= 0.0 && u < 1.0, "%g", u);
        sum += u;
        const double x = pr_draw_between(&KEY, i, -2.0, 3.0);
        CHECK(x >= -2.0 && x < 3.0, "%g", x);
        const int64_t n = pr_draw_below(&KEY, i, 10);
        CHECK(n >= 0 && n < 10, "%lld", (long long)n);
        counts[n]++;
    }
    CHECK(fabs(sum / N - 0.5) < 5.0 * sqrt(1.0 / 12.0 / N), "mean %g", sum / N);
    double chi2 = 0.0;
    for (int i = 0; i < 10; i++) {
        const double excess = (double)counts[i] - N / 10.0;
        chi2 += excess * excess / (N / 10.0);
    }
    CHECK(chi2 < 30.0, "chi^2 = %g of 9 degrees", chi2);
    CHECK(pr_draw_below(&KEY, 0, 1) == 0, "below 1");
    CHECK(pr_draw_below(&KEY, 0, INT64_MAX) > INT64_MAX / 1000, "a large n uses the high bits");
    CHECK(pr_draw_between(&KEY, 0, 1.0, 1.0) == 1.0, "an empty interval");
}

static void test_normal(void)
{
    double moments[5] = {0.0};
    for (uint32_t i = 0; i < N; i++) {
        double power = 1.0;
        const double x = pr_draw_normal(&KEY, i);
        for (int k = 0; k < 5; k++) {
            moments[k] += power / N;
            power *= x;
        }
    }
    CHECK(fabs(moments[1]) < 5.0 / sqrt(N), "mean %g", moments[1]);
    CHECK(fabs(moments[2] - 1.0) < 5.0 * sqrt(2.0 / N), "variance %g", moments[2]);
    CHECK(fabs(moments[4] - 3.0) < 5.0 * sqrt(96.0 / N), "fourth moment %g", moments[4]);
}

/* Mean, variance and mean logarithm: the last tells small values apart. */
static void test_beta(void)
{
    static const double cases[][2] = {{1, 1},   {0.5, 0.5}, {0.2, 0.2}, {0.01, 0.02},
                                      {2, 3},   {3, 2},     {8, 8},     {0.4, 2},
                                      {2, 0.4}, {1, 5},     {1.5, 1.5}, {30, 0.5}};
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        const double a = cases[k][0];
        const double b = cases[k][1];
        double sum = 0.0;
        double sum2 = 0.0;
        for (uint32_t i = 0; i < N; i++) {
            const pr_draw_key key = {.seed = 5, .place = i, .purpose = PR_FOR_MIX};
            const double x = pr_draw_beta(&key, 0, a, b);
            CHECK(x >= 0.0 && x <= 1.0, "beta(%g, %g) gave %g", a, b, x);
            sum += x;
            sum2 += x * x;
        }
        const double mean = a / (a + b);
        const double variance = a * b / ((a + b) * (a + b) * (a + b + 1.0));
        const double got = sum2 / N - sum / N * (sum / N);
        CHECK(fabs(sum / N - mean) < 5.0 * sqrt(variance / N), "beta(%g, %g): mean %g, wanted %g",
              a, b, sum / N, mean);
        CHECK(fabs(got - variance) < 0.03 * variance + 1e-4, "beta(%g, %g): variance %g, wanted %g",
              a, b, got, variance);
    }
}

static void test_permutation(void)
{
    enum { N_ORDER = 1000, N_FIRST = 4, N_TRIES = 20000 };
    static int64_t order[N_ORDER];
    static bool seen[N_ORDER];
    pr_draw_permutation(&KEY, N_ORDER, order);
    int64_t n_moved = 0;
    for (int i = 0; i < N_ORDER; i++) {
        CHECK(order[i] >= 0 && order[i] < N_ORDER && !seen[order[i]], "place %d", i);
        seen[order[i]] = true;
        n_moved += order[i] != i;
    }
    CHECK(n_moved > N_ORDER - 10, "%lld moved", (long long)n_moved);

    int64_t counts[N_FIRST][N_FIRST] = {{0}};
    for (uint32_t i = 0; i < N_TRIES; i++) {
        const pr_draw_key key = {.seed = 1, .epoch = i, .purpose = PR_FOR_ORDER};
        pr_draw_permutation(&key, N_FIRST, order);
        for (int k = 0; k < N_FIRST; k++) {
            counts[k][order[k]]++;
        }
    }
    for (int i = 0; i < N_FIRST; i++) {
        for (int k = 0; k < N_FIRST; k++) {
            CHECK(fabs((double)counts[i][k] - N_TRIES / 4.0) < 5.0 * sqrt(N_TRIES * 3.0 / 16.0),
                  "%d at %d: %lld", k, i, (long long)counts[i][k]);
        }
    }
    pr_draw_permutation(&KEY, 0, order);
    pr_draw_permutation(&KEY, 1, order);
    CHECK(order[0] == 0, "one element");
}

/* A run's bits stand on these: they never change. */
static void test_bits(void)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        const double x[] = {pr_draw_normal(&KEY, i), pr_draw_beta(&KEY, i, 0.4, 0.4),
                            pr_draw_beta(&KEY, i, 2.0, 0.5), pr_draw_beta(&KEY, i, 8.0, 2.0),
                            pr_draw_between(&KEY, i, -1.0, 1.0)};
        hash = pr_hash64(x, sizeof(x), hash);
    }
    (void)printf("bits %016llx\n", (unsigned long long)hash);
    CHECK(hash == 0x0a2f402bcf400369U, "the bits' hash is 0x%016llx", (unsigned long long)hash);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bits") == 0) {
        test_bits(); /* same_bits.sh */
        return check_exit_code();
    }
    test_vectors();
    test_key();
    test_uniform();
    test_normal();
    test_beta();
    test_permutation();
    test_bits();
    return check_exit_code();
}
