/*
 * Bits that must not depend on something: our loops on the level of instructions, the compiler and
 * its options (one golden hash); a row of a linear layer and an image of a convolution on how many
 * others the call has.
 */
#include "engine/cpu/isa.h"
#include "engine/cpu/loops.h"
#include "tests/engine/cpu_cases.h"

/* Of our loops over made-up numbers: any compiler and level must give it. */
static const uint64_t GOLDEN = 0xf6f1e44463b0c835;
static const uint64_t GOLDEN_TOKENS = 0xef8119360dff5e00;

enum { MAX_N = 200 * 19, N_NUMBERS = 9 * MAX_N };

static float numbers[6][N_NUMBERS];
static double sums[2][25 * 200];
static uint8_t bytes[MAX_N];

static uint64_t add_hash(uint64_t hash, const void *data, size_t n_bytes)
{
    return pr_hash64(data, n_bytes, hash);
}

static uint64_t hash_points(const pr__loops *l, int64_t n, uint64_t hash)
{
    const size_t n_bytes = (size_t)n * sizeof(float);
    l->relu(n, numbers[0], numbers[2]);
    hash = add_hash(hash, numbers[2], n_bytes);
    l->sum_of_two(n, numbers[0], numbers[1], numbers[2], true);
    hash = add_hash(hash, numbers[2], n_bytes);
    l->relu_grad(n, numbers[0], numbers[1], numbers[2], true);
    l->add_to(n, numbers[0], numbers[2]);
    return add_hash(hash, numbers[2], n_bytes);
}

static uint64_t hash_norm(const pr__loops *l, int64_t c, uint64_t hash)
{
    enum { ROWS = 19 };
    const size_t n_bytes = (size_t)ROWS * (size_t)c * sizeof(float);
    const float *const v = numbers[3];
    const pr__norm_coef coef = {v, v + c, v + 2 * c, v + 3 * c, v + 4 * c, (pr_act)(c % 3)};
    l->norm_sums(ROWS, c, numbers[0], sums[0], sums[1]);
    hash = add_hash(hash, sums, sizeof sums);
    l->column_sums(ROWS, c, numbers[0], sums[0]);
    l->norm_grad_sums(ROWS, c, &coef, numbers[0], numbers[1], sums[0], sums[1]);
    hash = add_hash(hash, sums, sizeof sums);
    l->norm_apply(ROWS, c, &coef, numbers[0], numbers[2]);
    hash = add_hash(hash, numbers[2], n_bytes);
    l->norm_grad_apply(ROWS, c, &coef, numbers[0], numbers[1], numbers[2], c % 3 == 0);
    return add_hash(hash, numbers[2], n_bytes);
}

static uint64_t hash_windows(const pr__loops *l, int64_t c, uint64_t hash)
{
    const size_t n_bytes = (size_t)(135 * c) * sizeof(float);
    const bool odd = c % 2 == 1;
    const pr__dw_shape same = {1, 5, 27, c, 5, 27, 3, 1, 1, 1, 1, odd};
    const pr__dw_shape other = {1, 5, 3, c, 3, 2, 3, 2, 1, 1, 1, odd};
    const pr__pool_shape pool = {1, 5, 3, c, 3, 2, 3, 2, 1};
    const pr__dw_shape wide = {1, 5, 27, c, 5, 27, 5, 1, 2, 2, 1, false};
    const pr__dw_shape half = {1, 5, 27, c, 3, 14, 5, 2, 2, 2, 1, false};
    const pr__dw_shape *const shapes[] = {&same, &other, &wide, &half};
    for (int i = 0; i < 4; i++) {
        memset(sums, 0, sizeof sums);
        l->dw_forward(shapes[i], numbers[0], numbers[3], numbers[2]);
        l->dw_backward(shapes[i], numbers[0], numbers[3], numbers[1], numbers[4], odd, sums[0]);
        hash = add_hash(hash, numbers[2], n_bytes);
        hash = add_hash(hash, numbers[4], n_bytes);
        hash = add_hash(hash, sums, sizeof sums);
    }
    l->max_pool(&pool, numbers[0], numbers[2], bytes);
    l->max_pool_grad(&pool, bytes, numbers[1], numbers[4]);
    hash = add_hash(hash, numbers[2], (size_t)(6 * c) * sizeof(float));
    hash = add_hash(hash, numbers[4], n_bytes);
    l->outer_sums(3, 5, c, numbers[0], numbers[1], sums[0]);
    return add_hash(hash, sums, sizeof sums);
}

static uint64_t hash_gate(const pr__loops *l, int64_t c, uint64_t hash)
{
    enum { ROWS = 19, OUT = 5 };
    const size_t n_bytes = (size_t)ROWS * (size_t)c * sizeof(float);
    l->gate_sums(ROWS, c, numbers[0], c % 2 == 0 ? NULL : numbers[1], sums[0]);
    hash = add_hash(hash, sums, sizeof sums);
    l->gate_apply(ROWS, c, numbers[0], numbers[3], c % 2 == 0 ? NULL : numbers[4], numbers[2],
                  c % 3 == 0);
    hash = add_hash(hash, numbers[2], n_bytes);
    l->rows_times(OUT, c, numbers[0], sums[0], sums[1]);
    l->times_rows(OUT, c, numbers[0], sums[1], sums[0]);
    return add_hash(hash, sums, sizeof sums);
}

static uint64_t hash_loops(const pr__loops *l)
{
    uint64_t hash = 0;
    memset(sums, 0, sizeof sums);
    for (int a = 0; a < 6; a++) {
        for (int64_t i = 0; i < N_NUMBERS; i++) {
            /* Of all sizes and with full mantissas: sums of tidy numbers would be exact in f64. */
            const float v = cpu_number((uint64_t)a, i);
            numbers[a][i] = v * v * v / 3.0F;
        }
    }
    for (int64_t n = 1; n <= 200; n++) {
        hash = hash_points(l, n, hash);
        hash = hash_norm(l, n, hash);
        hash = hash_windows(l, n, hash);
        hash = hash_gate(l, n, hash);
    }
    return hash;
}

static uint64_t hash_tokens(const pr__loops *l)
{
    uint64_t hash = 0;
    for (int64_t n = 1; n <= 200; n++) {
        const size_t n_bytes = (size_t)n * sizeof(float);
        for (int64_t i = 0; i < n; i++) {
            numbers[0][i] = 9.0F * cpu_number(1, n + i);
            numbers[1][i] = cpu_number(2, n + i);
        }
        l->gelu(n, numbers[0], numbers[2], numbers[3]);
        l->product(n, numbers[1], numbers[3], numbers[2], n % 2 == 0);
        l->softmax(n, numbers[0]);
        l->softmax_grad(n, numbers[0], numbers[1]);
        for (int a = 0; a < 4; a++) {
            hash = add_hash(hash, numbers[a], n_bytes);
        }
    }
    return hash;
}

static void check_levels(void)
{
    static const pr__loops *const table[] = {&pr__loops_baseline, &pr__loops_avx2,
                                             &pr__loops_avx512};
    pr_cpu_isa highest = PR_CPU_ISA_BASELINE;
    CHECK_OK(pr_cpu_isa_get(&highest));
    for (int i = 0; i < PR_CPU_ISA_COUNT && i <= (int)highest; i++) {
        const uint64_t hash = hash_loops(table[i]);
        CHECK(hash == GOLDEN, "%s loops give %016llx, want %016llx", pr_cpu_isa_name((pr_cpu_isa)i),
              (unsigned long long)hash, (unsigned long long)GOLDEN);
        const uint64_t tokens = hash_tokens(table[i]);
        CHECK(tokens == GOLDEN_TOKENS, "%s loops of tokens give %016llx, want %016llx",
              pr_cpu_isa_name((pr_cpu_isa)i), (unsigned long long)tokens,
              (unsigned long long)GOLDEN_TOKENS);
    }
}

/* Output and data gradient of the first N_LEAST rows, which all counts of rows share. */
static uint64_t hash_first(const cpu_run *run, int64_t n_first)
{
    const int64_t n = run->in[0].shape.dims[0];
    const int64_t n_y = pr_shape_n(&run->out[0].shape) / n * n_first;
    const int64_t n_x = pr_shape_n(&run->in[0].shape) / n * n_first;
    const uint64_t hash = pr_hash64(run->out[0].data, (size_t)n_y * sizeof(float), 0);
    return pr_hash64(run->grad_in[0].data, (size_t)n_x * sizeof(float), hash);
}

/* The last row alone, moved to another place: its bits must go with it. */
static void check_row_place(const cpu_case *c, cpu_run *many, int64_t n)
{
    cpu_case one_case = *c;
    one_case.in[0].shape.dims[0] = 1;
    cpu_run one;
    cpu_begin(&one_case, 0, 11, false, &one);
    const int64_t n_x = pr_shape_n(&one.in[0].shape);
    const int64_t n_y = pr_shape_n(&one.out[0].shape);
    memcpy(one.in[0].data, (float *)many->in[0].data + (n - 1) * n_x, (size_t)n_x * sizeof(float));
    memcpy(one.grad_out[0].data, (float *)many->grad_out[0].data + (n - 1) * n_y,
           (size_t)n_y * sizeof(float));
    cpu_forward_backward(&one_case, &one);
    CHECK(memcmp(one.out[0].data, (float *)many->out[0].data + (n - 1) * n_y,
                 (size_t)n_y * sizeof(float)) == 0,
          "%s: the last of %lld rows has other bits alone", c->name, (long long)n);
    CHECK(memcmp(one.grad_in[0].data, (float *)many->grad_in[0].data + (n - 1) * n_x,
                 (size_t)n_x * sizeof(float)) == 0,
          "%s: the last of %lld rows has another gradient alone", c->name, (long long)n);
    cpu_end(&one_case, &one);
}

static void check_rows(const cpu_case *like, int64_t most)
{
    uint64_t first = 0;
    for (int64_t n = 1; n <= most; n++) {
        cpu_case c = *like;
        c.in[0].shape.dims[0] = n;
        cpu_run run;
        cpu_begin(&c, 0, 11, false, &run);
        cpu_forward_backward(&c, &run);
        const uint64_t hash = hash_first(&run, 1);
        first = n == 1 ? hash : first;
        CHECK(hash == first, "%s %lld -> %lld: the first of %lld rows has other bits", c.name,
              (long long)c.in[1].shape.dims[1], (long long)c.in[1].shape.dims[0], (long long)n);
        check_row_place(&c, &run, n);
        cpu_end(&c, &run);
    }
}

static const cpu_case linears[] = {LINEAR(1, 2048, 128), LINEAR(1, 2048, 2),  LINEAR(1, 512, 512),
                                   LINEAR(1, 512, 128),  LINEAR(1, 128, 128), LINEAR(1, 45, 19)};
static const cpu_case convs[] = {
    CONV(1, 19, 19, 182, 182, 1, 1, 0, 1), CONV(1, 4, 4, 182, 256, 1, 1, 0, 1),
    CONV(1, 2, 2, 384, 512, 1, 1, 0, 1),   CONV(1, 31, 31, 3, 8, 3, 2, 0, 1),
    CONV(1, 15, 15, 32, 64, 3, 1, 0, 1),   CONV(1, 15, 15, 16, 32, 1, 2, 0, 1)};

int main(void)
{
    check_levels();
    for (size_t i = 0; i < sizeof linears / sizeof *linears; i++) {
        check_rows(&linears[i], 65);
    }
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) {
        check_rows(&convs[i], 9);
    }
    return check_exit_code();
}
