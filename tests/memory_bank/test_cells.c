/*
 * The intra-instance losses where a batch has one of each (cell_sums, then cell_contrast with its sums):
 * the mean over images is the loss of the sums, and its gradient is that of finite differences which
 * make the sums anew, though cell_contrast holds them.
 */
#include "engine/core/op_attr.h"
#include "tests/check.h"
#include "tests/engine/op_run.h"

#include <math.h>
#include <string.h>

enum { X, CELL, LABEL, SUMS };
enum { FAKE, FAKE_VALID, REAL, REAL_VALID };
enum { N = 5, H = 2, W = 3, C = 4, N_CELLS = H * W, N_X = N * N_CELLS * C };

static const double WEIGHT_FAKE = 0.7;
static const double WEIGHT_REAL = 0.3;

/* Images 0 and 3 are real; image 2 is a fake without a forged cell. */
static void fill_inputs(int i, int64_t n, void *data)
{
    for (int64_t k = 0; k < n; k++) {
        if (i == CELL) {
            ((int32_t *)data)[k] = k / N_CELLS == 2 ? 0 : (int32_t)(k % 3 == 0);
        } else if (i == LABEL) {
            ((int32_t *)data)[k] = k != 0 && k != 3;
        } else {
            ((double *)data)[k] = op_number((uint64_t)i, k);
        }
    }
}

static const pr_cell_contrast_attr plain = {.tau = 0.5, .eps = 1e-12};
static const pr_cell_contrast_attr masked = {.tau = 0.5, .eps = 1e-12, .masked = true};

typedef struct both {
    op_run sums, loss;
} both;

/* Fills in the sums, then the values, of the X that is there. */
static void run_both(both *b)
{
    memcpy(b->sums.in[X].data, b->loss.in[X].data, N_X * sizeof(double));
    CHECK_OK(op_run_forward(&b->sums));
    memcpy(b->loss.in[SUMS].data, b->sums.out[0].data, PR_CELL_SUMS * sizeof(double));
    CHECK_OK(op_run_forward(&b->loss));
}

static double mean_of(const both *b, int value, int valid, double *n)
{
    double sum = 0.0;
    *n = 0.0;
    for (int k = 0; k < N; k++) {
        sum += ((const double *)b->loss.out[value].data)[k];
        *n += ((const int32_t *)b->loss.out[valid].data)[k];
    }
    return sum / *n;
}

static double total_of(both *b)
{
    double n = 0.0;
    run_both(b);
    const double fake = mean_of(b, FAKE, FAKE_VALID, &n);
    return WEIGHT_FAKE * fake + WEIGHT_REAL * mean_of(b, REAL, REAL_VALID, &n);
}

static void check_values(both *b)
{
    double n = 0.0;
    run_both(b);
    const double *const sums = b->sums.out[0].data;
    const double fake = log(1.0 + sums[PR_CELL_SUM_MIXED] / sums[PR_CELL_SUM_PAIRS]);
    const double real = -log(sums[PR_CELL_SUM_REAL_PAIRS]);
    const double got_fake = mean_of(b, FAKE, FAKE_VALID, &n);
    CHECK(n == 3.0 && fabs(got_fake - fake) < 1e-12,
          "equation 7 is %.15g over %g images, not %.15g", got_fake, n, fake);
    const double got_real = mean_of(b, REAL, REAL_VALID, &n);
    CHECK(n == 2.0 && fabs(got_real - real) < 1e-12,
          "equation 8 is %.15g over %g images, not %.15g", got_real, n, real);
}

static void check_gradient(both *b)
{
    static const double STEP = 1e-5;
    double got[N_X];
    op_run_prepare_grads(&b->loss, false);
    for (int k = 0; k < N; k++) {
        ((double *)b->loss.grad_out[FAKE].data)[k] = WEIGHT_FAKE / 3.0;
        ((double *)b->loss.grad_out[REAL].data)[k] = WEIGHT_REAL / 2.0;
    }
    run_both(b);
    CHECK_OK(op_run_backward(&b->loss));
    memcpy(got, b->loss.grad_in[X].data, sizeof(got));
    double *const x = b->loss.in[X].data;
    double largest = 0.0;
    for (int k = 0; k < N_X; k++) {
        const double kept = x[k];
        x[k] = kept + STEP;
        const double above = total_of(b);
        x[k] = kept - STEP;
        const double slope = (above - total_of(b)) / (2.0 * STEP);
        x[k] = kept;
        CHECK(fabs(got[k] - slope) < 1e-8, "d x[%d] is %.10g, finite differences say %.10g", k,
              got[k], slope);
        largest = fmax(largest, fabs(slope));
    }
    CHECK(largest > 1e-3, "the gradient is at most %g", largest);
}

static void check_mode(const pr_cell_contrast_attr *attr)
{
    const op_case sums = {
        .op = PR_OP_cell_sums,
        .what = "of a batch",
        .attr = attr,
        .n_in = 3,
        .in = {{PR_F64, {4, {N, H, W, C}}}, {PR_I32, {3, {N, H, W}}}, {PR_I32, {1, {N}}}},
        .mode = PR_MODE_TRAIN,
        .fill = fill_inputs};
    op_case loss = sums;
    both b;
    loss.op = PR_OP_cell_contrast;
    loss.n_in = 4;
    loss.in[SUMS] = (pr_desc){PR_F64, {1, {PR_CELL_SUMS}}};
    loss.always_f64 = 1U << SUMS;
    op_run_create(&sums, PR_BACKEND_REF, &b.sums);
    op_run_create(&loss, PR_BACKEND_REF, &b.loss);
    check_values(&b);
    check_gradient(&b);
    op_run_destroy(&b.loss);
    op_run_destroy(&b.sums);
}

int main(void)
{
    check_mode(&plain);
    check_mode(&masked);
    return check_exit_code();
}
