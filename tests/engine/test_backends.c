/*
 * The other backends against ref, on the cases of the gradient check: outputs, statistics and
 * gradients, with backward adding and overwriting.
 */
#include "engine/core/op_attr.h"
#include "engine/cpu/thread.h"
#include "tests/check.h"
#include "tests/engine/op_cases.h"

#include <math.h>

static const double BOUND = 2e-6;

static void compare(const op_case *c, const char *part, int i, const pr_tensor *want,
                    const pr_tensor *got)
{
    const double bound = c->bound > 0.0 ? c->bound : BOUND;
    const int64_t n = pr_shape_n(&want->shape);
    double most = 1e-3;
    double error = 0.0;
    int64_t at = 0;

    for (int64_t k = 0; k < n; k++) {
        most = fmax(most, fabs(op_get(want, k)));
    }
    for (int64_t k = 0; k < n; k++) {
        const double off = fabs(op_get(want, k) - op_get(got, k)) / most;
        if (!(off <= error)) { /* a NaN is an error too */
            error = off;
            at = k;
        }
    }
    CHECK(error <= bound, "%s: %s %d [%lld] is %.9g, on ref %.9g; %.2g of the largest, bound %.2g",
          op_case_name(c), part, i, (long long)at, op_get(got, at), op_get(want, at), error, bound);
}

static void compare_grads(op_run *ref, op_run *other, bool add)
{
    op_run_prepare_grads(ref, add);
    op_run_prepare_grads(other, add);
    CHECK_OK(op_run_backward(ref));
    CHECK_OK(op_run_backward(other));
    for (int i = 0; i < ref->c->n_in; i++) {
        if (ref->wants[i]) {
            compare(ref->c, add ? "added gradient" : "gradient", i, &ref->grad_in[i],
                    &other->grad_in[i]);
        }
    }
}

static void check_case(const op_case *c, pr_backend_id backend)
{
    op_run ref;
    op_run other;

    op_run_create(c, PR_BACKEND_REF, &ref);
    op_run_create(c, backend, &other);
    CHECK_OK(op_run_forward(&ref));
    CHECK_OK(op_run_forward(&other));
    for (int i = 0; i < ref.sig.n_out; i++) {
        compare(c, "output", i, &ref.out[i], &other.out[i]);
    }
    for (int i = 0; i < ref.sig.n_stat && c->mode == PR_MODE_TRAIN; i++) {
        compare(c, "statistic", i, &ref.stat[i], &other.stat[i]);
    }
    if (pr_op_info_get(c->op)->diff_in != 0) {
        compare_grads(&ref, &other, true);
        compare_grads(&ref, &other, false);
    }
    op_run_destroy(&ref);
    op_run_destroy(&other);
}

static void fill_equal(int i, int64_t n, void *data)
{
    for (int64_t k = 0; k < n; k++) {
        ((double *)data)[k] = -1.0 - i;
    }
}

/* Of equal values in a window the first wins, and takes all of the gradient. */
static void test_ties(pr_backend_id backend)
{
    enum { PX = 4, COLS = 17 };
    const op_case c = {.op = PR_OP_max_pool,
                       .what = "ties",
                       .attr = &(const pr_pool_attr){.window = 2, .stride = 2},
                       .n_in = 1,
                       .in = {{PR_F64, {4, {1, PX, PX, COLS}}}},
                       .fill = fill_equal};
    op_run run;
    op_run_create(&c, backend, &run);
    op_run_prepare_grads(&run, false);
    CHECK_OK(op_run_forward(&run));
    CHECK_OK(op_run_backward(&run));
    for (int64_t k = 0; k < (int64_t)PX * PX * COLS; k++) {
        const int64_t row = k / COLS / PX;
        const int64_t col = k / COLS % PX;
        const bool is_first = row % 2 == 0 && col % 2 == 0;
        CHECK((op_get(&run.grad_in[0], k) != 0.0) == is_first, "backend %d, element %lld: %g",
              backend, (long long)k, op_get(&run.grad_in[0], k));
    }
    op_run_destroy(&run);
}

/* A backend says by name what it lacks. */
static void test_missing_kernel(void)
{
    const pr_kernel *kernel = NULL;
    CHECK_FAILS(pr_kernel_get(PR_OP_relu, PR_BACKEND_CUDA, &kernel), PR_ERR_DEVICE,
                "op 'relu' has no cuda kernel");
}

int main(void)
{
    CHECK_OK(pr_cpu_thread_begin());
    for (int i = 0; i < n_op_cases; i++) {
        check_case(&op_cases[i], PR_BACKEND_CPU);
    }
    test_ties(PR_BACKEND_REF);
    test_ties(PR_BACKEND_CPU);
    test_missing_kernel();
    return check_exit_code();
}
