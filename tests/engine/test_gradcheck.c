/*
 * Every op of the list on ref: what backward gives against central differences of what forward
 * gives, in double. Backward starts once from numbers, to which it must add, and once from NaN,
 * which it must overwrite.
 */
#include "tests/check.h"
#include "tests/engine/op_cases.h"

#include <math.h>

static const double STEP = 1e-5;
static const double BOUND = 1e-7;

/* The number whose gradient backward computes: outputs, each element times grad_out's. */
static double objective(op_run *run)
{
    double sum = 0.0;
    CHECK_OK(op_run_forward(run));
    for (int o = 0; o < run->sig.n_out; o++) {
        for (int64_t k = 0; run->grad_out[o].data != NULL && k < pr_shape_n(&run->out[o].shape);
             k++) {
            sum += op_get(&run->out[o], k) * op_get(&run->grad_out[o], k);
        }
    }
    return sum;
}

static double difference(op_run *run, int i, int64_t k)
{
    double *const x = (double *)run->in[i].data + k;
    const double kept = *x;
    *x = kept + STEP;
    const double above = objective(run);
    *x = kept - STEP;
    const double below = objective(run);
    *x = kept;
    return (above - below) / (2.0 * STEP);
}

/* Input I's gradient, which started from BEFORE (NULL: from nothing), against differences. */
static void check_input(op_run *run, int i, const double *before, const double *got)
{
    for (int64_t k = 0; k < pr_shape_n(&run->in[i].shape); k++) {
        const double want = difference(run, i, k) + (before == NULL ? 0.0 : before[k]);
        const double error = fabs(got[k] - want) / fmax(1.0, fabs(want));
        CHECK(error <= BOUND, "%s: d input %d [%lld] is %.12g, differences say %.12g",
              op_case_name(run->c), i, (long long)k, got[k], want);
        if (!(error <= BOUND)) {
            return;
        }
    }
}

/* A copy of N doubles. */
static double *copy_of(const void *data, int64_t n)
{
    double *const copy = pr_calloc(n, sizeof(*copy));
    CHECK(copy != NULL, "no memory");
    memcpy(copy, data, (size_t)n * sizeof(*copy));
    return copy;
}

static void check_gradients(op_run *run, bool add)
{
    double *before[PR_OP_MAX_IN] = {NULL};
    double *got[PR_OP_MAX_IN] = {NULL};

    op_run_prepare_grads(run, add);
    for (int i = 0; i < run->c->n_in; i++) {
        if (run->wants[i]) {
            before[i] = copy_of(run->grad_in[i].data, pr_shape_n(&run->in[i].shape));
        }
    }
    CHECK_OK(op_run_forward(run));
    CHECK_OK(op_run_backward(run));
    for (int i = 0; i < run->c->n_in; i++) {
        if (run->wants[i]) {
            got[i] = copy_of(run->grad_in[i].data, pr_shape_n(&run->in[i].shape));
            check_input(run, i, add ? before[i] : NULL, got[i]);
        }
        pr_free(before[i]);
        pr_free(got[i]);
    }
}

/* Each gradient alone has the bits that it has among all. */
static void check_alone(op_run *run)
{
    bool wants[PR_OP_MAX_IN];
    memcpy(wants, run->wants, sizeof(wants));
    for (int i = 0; i < run->c->n_in; i++) {
        if (!wants[i]) {
            continue;
        }
        const int64_t n = pr_shape_n(&run->in[i].shape);
        CHECK_OK(op_run_forward(run));
        op_run_prepare_grads(run, false);
        CHECK_OK(op_run_backward(run));
        double *const among = copy_of(run->grad_in[i].data, n);
        memset(run->wants, 0, sizeof(run->wants));
        run->wants[i] = true;
        op_run_prepare_grads(run, false);
        CHECK_OK(op_run_backward(run));
        memcpy(run->wants, wants, sizeof(wants));
        CHECK(memcmp(among, run->grad_in[i].data, (size_t)n * sizeof(*among)) == 0,
              "%s: d input %d differs where it alone is wanted", op_case_name(run->c), i);
        pr_free(among);
    }
}

/* An output without gradient counts as zero. */
static void check_missing_seeds(op_run *run)
{
    for (int o = 0; o < run->sig.n_out && run->sig.n_out > 1; o++) {
        void *const kept = run->grad_out[o].data;
        run->grad_out[o].data = NULL;
        check_gradients(run, false);
        run->grad_out[o].data = kept;
    }
}

static void check_case(const op_case *c)
{
    op_run run;
    op_run_create(c, PR_BACKEND_REF, &run);
    if (pr_op_info_get(c->op)->diff_in == 0) {
        CHECK_OK(op_run_forward(&run));
    } else {
        check_gradients(&run, true);
        check_gradients(&run, false);
        check_alone(&run);
        check_missing_seeds(&run);
    }
    op_run_destroy(&run);
}

/*
 * Of the margin loss only the whole has the gradient that its backward gives: normalisers depend on
 * the features too. tests/memory_bank/test_margin.c checks that.
 */
static bool is_elsewhere(pr_op_id op)
{
    return op == PR_OP_margin_loss;
}

int main(void)
{
    bool covered[PR_OP_COUNT] = {false};

    for (int i = 0; i < n_op_cases; i++) {
        check_case(&op_cases[i]);
        covered[op_cases[i].op] = true;
    }
    for (int op = 0; op < PR_OP_COUNT; op++) {
        CHECK(covered[op] || is_elsewhere((pr_op_id)op), "op '%s' has no case",
              pr_op_info_get((pr_op_id)op)->name);
    }
    return check_exit_code();
}
