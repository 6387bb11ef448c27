/*
 * margin_loss by itself: a gradient that is added to what is there, one that is wanted alone, and
 * rows outside of the range. What the gradient is, test_bank and rccl_reference.py check.
 */
#include "engine/core/op_attr.h"
#include "tests/check.h"
#include "tests/engine/op_run.h"

#include <math.h>

enum { Z, LABEL, RANGE, NORM, PAIR, TP, TP_LABEL, TP_VALID, MN, MN_VALID, N_IN };

static void fill_inputs(int i, int64_t n, void *data)
{
    for (int64_t k = 0; k < n; k++) {
        switch (i) {
        case LABEL:
        case TP_LABEL:
            ((int32_t *)data)[k] = (int32_t)(k % 2);
            break;
        case TP_VALID:
        case MN_VALID:
            ((int32_t *)data)[k] = k != 2;
            break;
        case RANGE:
            ((int64_t *)data)[k] = k == 0 ? 2 : 5;
            break;
        case PAIR:
            ((int64_t *)data)[k] = k / 2;
            break;
        case NORM:
            ((double *)data)[k] = 2.0 + 0.125 * (double)k;
            break;
        default:
            ((double *)data)[k] = 0.5 * op_number((uint64_t)i, k);
        }
    }
}

static const op_case loss_case = {
    .op = PR_OP_margin_loss,
    .what = "with everything",
    .attr =
        &(const pr_margin_attr){
            .tau = 0.5, .synthetic = true, .transformed = true, .margin = PR_MARGIN_MIXED},
    .n_in = N_IN,
    .in = {{PR_F64, {2, {8, 5}}},
           {PR_I32, {1, {8}}},
           {PR_I64, {1, {2}}},
           {PR_F64, {2, {8, 2}}},
           {PR_I64, {1, {8}}},
           {PR_F64, {2, {4, 5}}},
           {PR_I32, {1, {4}}},
           {PR_I32, {1, {4}}},
           {PR_F64, {2, {3, 5}}},
           {PR_I32, {1, {3}}}},
    .always_f64 = 1U << NORM,
    .mode = PR_MODE_TRAIN,
    .fill = fill_inputs,
};

/* The gradient of input I into GOT, alone or among all, added or not. */
static void gradient(op_run *run, int i, bool add, bool alone, double *got)
{
    const int64_t n = pr_shape_n(&run->in[i].shape);
    bool wants[PR_OP_MAX_IN];

    memcpy(wants, run->wants, sizeof(wants));
    for (int k = 0; alone && k < N_IN; k++) {
        run->wants[k] = k == i;
    }
    CHECK_OK(op_run_forward(run));
    op_run_prepare_grads(run, add);
    for (int64_t k = 0; k < n; k++) {
        got[k] = add ? -op_get(&run->grad_in[i], k) : 0.0;
    }
    CHECK_OK(op_run_backward(run));
    for (int64_t k = 0; k < n; k++) {
        got[k] += op_get(&run->grad_in[i], k);
    }
    memcpy(run->wants, wants, sizeof(wants));
}

static void check_backend(pr_backend_id backend)
{
    static const int grads[] = {Z, TP, MN};
    const double bound = backend == PR_BACKEND_REF ? 1e-13 : 1e-6;
    double plain[64] = {0};
    double added[64] = {0};
    double alone[64] = {0};
    op_run run;

    op_run_create(&loss_case, backend, &run);
    for (int g = 0; g < 3; g++) {
        const int i = grads[g];
        const int64_t n = pr_shape_n(&run.in[i].shape);
        double largest = 0.0;

        gradient(&run, i, false, false, plain);
        gradient(&run, i, true, false, added);
        gradient(&run, i, false, true, alone);
        for (int64_t k = 0; k < n; k++) {
            const bool outside = i == Z && (k / 5 < 2 || k / 5 >= 5);
            const bool unused = i != Z && k / 5 == 2;
            CHECK(fabs(plain[k] - added[k]) <= bound && plain[k] == alone[k],
                  "d input %d [%lld]: %g, added %g, alone %g", i, (long long)k, plain[k], added[k],
                  alone[k]);
            CHECK(!(outside || unused) || plain[k] == 0.0, "d input %d [%lld] is %g, must be 0", i,
                  (long long)k, plain[k]);
            largest = fmax(largest, fabs(plain[k]));
        }
        CHECK(largest > 1e-3, "d input %d is at most %g", i, largest);
    }
    for (int64_t k = 0; k < 8; k++) {
        const double loss = op_get(&run.out[0], k);
        CHECK((loss == 0.0) == (k < 2 || k >= 5), "row %lld has loss %g", (long long)k, loss);
    }
    op_run_destroy(&run);
}

int main(void)
{
    check_backend(PR_BACKEND_REF);
    check_backend(PR_BACKEND_CPU);
    return check_exit_code();
}
