/*
 * DCL's bank: what the public code does wrong does not happen here. A class may be missing or have one
 * sample, a queue may be empty or go round, ties are in global order, a batch may be larger than a
 * queue; rows have the same bits whoever computes them, and states put into another bank go on.
 */
#include "engine/core/exec.h"
#include "memory_bank/dcl.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

enum { N_ROWS = 8, N_COLS = 3, N_SLOTS = 6 };

typedef struct bank {
    pr_graph *graph;
    pr_store *store;
    pr_plan *plan;
    pr_exec *exec;
} bank;

static pr_dcl_options defaults(void)
{
    return (pr_dcl_options){.tau = 0.5,
                            .theta = 0.5,
                            .alpha = 0.9,
                            .queue = N_SLOTS,
                            .topk = 1,
                            .min_neg = 0,
                            .gate = PR_DCL_GATE_NONE};
}

static bank open_bank(const pr_dcl_options *options)
{
    const pr_plan_options plan = {.backend = PR_BACKEND_CPU, .backward = true};
    bank b = {0};
    CHECK_OK(pr_graph_create("queues", PR_F32, &b.graph));
    CHECK_OK(pr_dcl_build(b.graph, options, N_ROWS, N_COLS));
    CHECK_OK(pr_store_create(PR_F32, &b.store));
    CHECK_OK(pr_store_add(b.store, b.graph));
    CHECK_OK(pr_store_allocate(b.store));
    CHECK_OK(pr_store_init(b.store, 7));
    CHECK_OK(pr_plan_create(b.graph, b.store, &plan, &b.plan));
    CHECK_OK(pr_exec_create(b.plan, &b.exec));
    return b;
}

static void close_bank(bank *b)
{
    pr_exec_destroy(&b->exec);
    pr_plan_destroy(&b->plan);
    pr_store_destroy(&b->store);
    pr_graph_destroy(&b->graph);
}

static void *state(const bank *b, const char *name)
{
    const pr_store_entry *const entry = pr_store_find(b->store, name);
    CHECK(entry != NULL, "no state %s", name);
    return entry->data;
}

static const int64_t *counts(const bank *b)
{
    return state(b, "bank.count");
}

static void *value(const bank *b, const char *name)
{
    pr_tensor tensor = {.data = NULL};
    CHECK_OK(pr_exec_value(b->exec, name, &tensor));
    return tensor.data;
}

/* Unit vectors; LABELS is a word of '0', '1'. Rows [first, last) are this rank's. */
static void step(bank *b, int seed, const char *labels, int64_t first, int64_t last,
                 double loss[N_ROWS], float slope[N_ROWS * N_COLS])
{
    float *const z = value(b, "z");
    float *const k = value(b, "k");
    int32_t *const label = value(b, "label");
    int64_t *const range = value(b, "range");
    for (ptrdiff_t r = 0; r < N_ROWS; r++) {
        const double angle = 0.7 * (double)(seed * (ptrdiff_t)N_ROWS + r);
        label[r] = labels[r] - '0';
        z[r * N_COLS] = (float)cos(angle);
        z[r * N_COLS + 1] = (float)sin(angle);
        z[r * N_COLS + 2] = 0.0F;
        k[r * N_COLS] = (float)cos(angle + 0.3);
        k[r * N_COLS + 1] = 0.0F;
        k[r * N_COLS + 2] = (float)sin(angle + 0.3);
    }
    range[0] = first;
    range[1] = last;
    CHECK_OK(pr_exec_run_all(b->exec, PR_PASS_FORWARD, PR_MODE_TRAIN, NULL, NULL));
    memcpy(loss, value(b, "row_loss"), N_ROWS * sizeof(*loss));
    pr_tensor seeds = {.data = NULL};
    pr_tensor grad = {.data = NULL};
    CHECK_OK(pr_exec_grad(b->exec, "row_loss", &seeds));
    CHECK_OK(pr_exec_grad(b->exec, "z", &grad));
    for (int64_t r = 0; r < N_ROWS; r++) {
        pr_tensor_set(&seeds, r, 1.0);
    }
    CHECK_OK(pr_exec_run_all(b->exec, PR_PASS_BACKWARD, PR_MODE_TRAIN, NULL, NULL));
    memcpy(slope, grad.data, sizeof(float) * N_ROWS * N_COLS);
}

/* What is promised is equal bytes, a zero's sign included. */
static bool same_bytes(const void *a, const void *b, size_t n_bytes)
{
    return memcmp(a, b, n_bytes) == 0;
}

/* Queues are empty at first: no loss, no gradient, no NaN. Then one class is missing, then one alone. */
static void test_what_is_missing(void)
{
    const pr_dcl_options options = defaults();
    bank b = open_bank(&options);
    double loss[N_ROWS];
    float slope[N_ROWS * N_COLS];
    step(&b, 0, "00000000", 0, N_ROWS, loss, slope);
    for (ptrdiff_t r = 0; r < N_ROWS; r++) {
        CHECK(loss[r] == 0.0 && slope[r * N_COLS] == 0.0F, "row %d of empty queues: %g", (int)r,
              loss[r]);
    }
    CHECK(counts(&b)[0] == N_SLOTS && counts(&b)[1] == 0, "eight keys into six slots");
    CHECK(((const int64_t *)state(&b, "bank.cursor"))[0] == 2, "the cursor went round");
    CHECK(((const int64_t *)state(&b, "bank.proto_count"))[1] == 0, "no fake was there");

    step(&b, 1, "00010000", 0, N_ROWS, loss, slope);
    for (int r = 0; r < N_ROWS; r++) {
        CHECK(isfinite(loss[r]) && (r == 3 ? loss[r] > 0.0 : loss[r] == 0.0), "row %d: %g", r,
              loss[r]);
    }
    const double *const proto = state(&b, "bank.proto");
    const float *const k = value(&b, "k");
    for (int d = 0; d < N_COLS; d++) {
        CHECK(proto[N_COLS + d] == (double)k[3 * N_COLS + d], "a class of one is its prototype");
        CHECK(isfinite(proto[d]), "the reals' prototype is %g", proto[d]);
    }
    CHECK(counts(&b)[1] == 1, "one fake is kept, and %d are", (int)counts(&b)[1]);
    double before[N_COLS];
    memcpy(before, proto + N_COLS, sizeof(before));
    step(&b, 2, "00000000", 0, N_ROWS, loss, slope);
    CHECK(same_bytes(before, proto + N_COLS, sizeof(before)), "a missing class moved");
    for (int r = 0; r < N_ROWS; r++) {
        CHECK(loss[r] > 0.0, "row %d has a queue of one and loss %g", r, loss[r]);
    }
    close_bank(&b);
}

/* The divisor counts the whole batch's queries; a row's bits are its own. */
static void test_ranks_have_the_same_bits(void)
{
    pr_dcl_options options = defaults();
    options.gate = PR_DCL_GATE_THETA;
    options.theta = 0.1;
    options.min_neg = 2;
    bank whole = open_bank(&options);
    bank parts[3] = {open_bank(&options), open_bank(&options), open_bank(&options)};
    const int64_t ends[] = {0, 3, 5, N_ROWS};
    for (int s = 0; s < 5; s++) {
        double loss[2][N_ROWS];
        float slope[2][N_ROWS * N_COLS];
        step(&whole, s, "01011010", 0, N_ROWS, loss[0], slope[0]);
        for (int p = 0; p < 3; p++) {
            step(&parts[p], s, "01011010", ends[p], ends[p + 1], loss[1], slope[1]);
            for (int64_t r = 0; r < N_ROWS; r++) {
                const bool mine = r >= ends[p] && r < ends[p + 1];
                CHECK(loss[1][r] == (mine ? loss[0][r] : 0.0), "step %d, row %d", s, (int)r);
                CHECK(!mine || same_bytes(&slope[0][r * N_COLS], &slope[1][r * N_COLS],
                                          sizeof(float) * N_COLS),
                      "step %d: the gradient of row %d", s, (int)r);
            }
            for (int i = 0; i < pr_store_n(whole.store); i++) {
                const pr_store_entry *const a = pr_store_at(whole.store, i);
                const pr_store_entry *const c = pr_store_at(parts[p].store, i);
                CHECK(memcmp(a->data, c->data, pr_desc_bytes(&a->desc)) == 0, "step %d: %s", s,
                      a->name);
            }
        }
    }
    close_bank(&whole);
    for (int p = 0; p < 3; p++) {
        close_bank(&parts[p]);
    }
}

/* States with wrapped queues, put into another bank, go on to the same bits. */
static void test_states_resume(void)
{
    const pr_dcl_options options = defaults();
    bank first = open_bank(&options);
    bank second = open_bank(&options);
    double loss[2][N_ROWS];
    float slope[2][N_ROWS * N_COLS];
    for (int s = 0; s < 3; s++) {
        step(&first, s, "01010111", 0, N_ROWS, loss[0], slope[0]);
    }
    CHECK(((const int64_t *)state(&first, "bank.cursor"))[1] != 0, "the queue did not go round");
    for (int i = 0; i < pr_store_n(first.store); i++) {
        const pr_store_entry *const from = pr_store_at(first.store, i);
        memcpy(pr_store_at(second.store, i)->data, from->data, pr_desc_bytes(&from->desc));
    }
    for (int s = 3; s < 5; s++) {
        step(&first, s, "01010111", 0, N_ROWS, loss[0], slope[0]);
        step(&second, s, "01010111", 0, N_ROWS, loss[1], slope[1]);
        CHECK(same_bytes(loss[0], loss[1], sizeof(loss[0])), "step %d: losses", s);
        CHECK(same_bytes(state(&first, "bank.queue"), state(&second, "bank.queue"),
                         sizeof(float) * 2 * N_SLOTS * N_COLS),
              "step %d: queues", s);
    }
    close_bank(&first);
    close_bank(&second);
}

/* The gate is over the whole batch; where few are held, all enter; a queue may begin full. */
static void test_gates(void)
{
    pr_dcl_options options = defaults();
    options.gate = PR_DCL_GATE_TOPK;
    bank b = open_bank(&options);
    double loss[N_ROWS];
    float slope[N_ROWS * N_COLS];
    step(&b, 0, "01010101", 0, N_ROWS, loss, slope);
    CHECK(counts(&b)[0] == 1 && counts(&b)[1] == 1, "one key of each label enters");
    close_bank(&b);

    options.min_neg = 1;
    b = open_bank(&options);
    step(&b, 0, "01010101", 0, N_ROWS, loss, slope);
    CHECK(counts(&b)[0] == 4 && counts(&b)[1] == 4, "an empty queue takes all");
    step(&b, 1, "01010101", 0, N_ROWS, loss, slope);
    CHECK(counts(&b)[0] == 5 && counts(&b)[1] == 5, "and then the highest");
    close_bank(&b);

    options.gate = PR_DCL_GATE_THETA;
    options.min_neg = 0;
    options.theta = 1.0;
    b = open_bank(&options);
    step(&b, 0, "01010101", 0, N_ROWS, loss, slope);
    CHECK(counts(&b)[0] == 0 && counts(&b)[1] == 0, "nothing is above a cosine of 1");
    close_bank(&b);

    options = defaults();
    options.queue_init = PR_DCL_QUEUE_RANDOM;
    options.enqueue_first = true;
    b = open_bank(&options);
    step(&b, 0, "01010101", 0, N_ROWS, loss, slope);
    for (int r = 0; r < N_ROWS; r++) {
        CHECK(loss[r] > 0.0, "row %d against a full queue: %g", r, loss[r]);
    }
    CHECK(counts(&b)[0] == 4, "random slots are not counted as keys");
    close_bank(&b);
}

int main(void)
{
    test_what_is_missing();
    test_ranks_have_the_same_bits();
    test_states_resume();
    test_gates();
    return check_exit_code();
}
