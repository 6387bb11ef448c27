/*
 * Plans and executors: gradients of a whole graph, packing that changes no bit, what is frozen,
 * recomputed, cut and refused.
 */
#include "engine/cpu/thread.h"
#include "tests/check.h"
#include "tests/engine/net.h"

#include <math.h>

enum { VIEWS = 4, N_PARTS = 2, ALL_VIEWS = N_PARTS * VIEWS };

/* One executor on one plan, with a leaf that begins as sevens. */
typedef struct job {
    pr_plan *plan;
    pr_exec *exec;
    void *leaf;
    size_t n_leaf;
} job;

static void job_create(const net *n, const pr_plan_options *options, bool poison, bool unpacked,
                       job *out)
{
    *out = (job){.plan = NULL};
    CHECK_OK(pr_plan_create_checked(n->graph, n->store, options, poison, unpacked, &out->plan));
    CHECK_OK(pr_exec_create(out->plan, &out->exec));
    out->n_leaf = pr_plan_memory_get(out->plan)->leaf_bytes;
    out->leaf = pr_calloc(1, out->n_leaf);
    memset(out->leaf, 7, out->n_leaf);
    net_fill(out->exec, 0);
}

static void job_destroy(job *j)
{
    pr_free(j->leaf);
    pr_exec_destroy(&j->exec);
    pr_plan_destroy(&j->plan);
}

static void job_run(job *j, pr_mode mode)
{
    CHECK_OK(pr_exec_run_all(j->exec, PR_PASS_FORWARD, mode, NULL, j->leaf));
    net_seed(j->exec, 0);
    CHECK_OK(pr_exec_run_all(j->exec, PR_PASS_BACKWARD, mode, NULL, j->leaf));
}

static double *leaf_at(const net *n, const job *j, const char *name)
{
    return (double *)j->leaf + pr_store_find(n->store, name)->offset;
}

/* Every parameter's gradient, and the image's, against differences through the whole graph. */
static void test_gradients(void)
{
    const double step = 1e-5;
    const pr_plan_options options = {.backend = PR_BACKEND_REF, .backward = true};
    net n;
    job j;
    net_create(PR_F64, VIEWS, 0, true, &n);
    job_create(&n, &options, false, false, &j);
    job_run(&j, PR_MODE_TRAIN);
    double *const grads = pr_calloc(1, j.n_leaf);
    memcpy(grads, j.leaf, j.n_leaf);

    for (int e = 0; e < pr_store_n(n.store); e++) {
        const pr_store_entry *const entry = pr_store_at(n.store, e);
        CHECK(pr_plan_writes(j.plan, e), "'%s' is not written", entry->name);
        for (int64_t i = 0; entry->kind == PR_VALUE_PARAM && i < pr_shape_n(&entry->desc.shape);
             i++) {
            double *const w = (double *)entry->data + i;
            const double kept = *w;
            double sides[2];
            for (int s = 0; s < 2; s++) {
                *w = kept + (s == 0 ? step : -step);
                CHECK_OK(pr_exec_run_all(j.exec, PR_PASS_FORWARD, PR_MODE_TRAIN, NULL, j.leaf));
                sides[s] = net_objective(j.exec, 0);
            }
            *w = kept;
            const double want = (sides[0] - sides[1]) / (2.0 * step);
            const double got = grads[entry->offset + i];
            CHECK(fabs(got - want) <= 1e-7 * fmax(1.0, fabs(want)), "%s[%lld]: %.12g, want %.12g",
                  entry->name, (long long)i, got, want);
        }
    }
    pr_free(grads);
    job_destroy(&j);
    net_destroy(&n);
}

/* Statistics are the batch's own: of bn1, whose input no activation has touched. */
static void test_statistics(void)
{
    const pr_plan_options options = {.backend = PR_BACKEND_REF, .backward = true};
    net n;
    job j;
    net_create(PR_F64, VIEWS, 0, true, &n);
    job_create(&n, &options, false, false, &j);
    job_run(&j, PR_MODE_TRAIN);
    const double first = leaf_at(&n, &j, "body.bn1.running_var")[0];
    CHECK(first > 0.01 && first < 100.0, "variance %g", first);
    memset(j.leaf, 7, j.n_leaf);
    job_run(&j, PR_MODE_RECOMPUTE);
    double sevens;
    memset(&sevens, 7, sizeof(sevens));
    CHECK(leaf_at(&n, &j, "body.bn1.running_var")[0] == sevens, "written when recomputed");
    CHECK(leaf_at(&n, &j, "unused.weight")[1] == 0.0, "no gradient is not zero");
    job_destroy(&j);
    net_destroy(&n);
}

static bool equal(const job *a, const job *b, const char *name, bool grad)
{
    pr_tensor s;
    pr_tensor t;
    CHECK_OK((grad ? pr_exec_grad : pr_exec_value)(a->exec, name, &s));
    CHECK_OK((grad ? pr_exec_grad : pr_exec_value)(b->exec, name, &t));
    const pr_desc desc = {s.dtype, s.shape};
    return memcmp(s.data, t.data, pr_desc_bytes(&desc)) == 0;
}

/* Packed, poisoned and unpacked plans, and a second run of each: the same bits. */
static void test_packing(pr_backend_id backend)
{
    const pr_plan_options options = {.backend = backend, .backward = true};
    const pr_mode modes[3] = {PR_MODE_TRAIN, PR_MODE_EVAL, PR_MODE_RECOMPUTE};
    net n;
    job plain;
    net_create(backend == PR_BACKEND_REF ? PR_F64 : PR_F32, VIEWS, 0, true, &n);
    job_create(&n, &options, false, true, &plain);
    for (int m = 0; m < 3; m++) {
        memset(plain.leaf, 7, plain.n_leaf);
        job_run(&plain, modes[m]);
        for (int kind = 0; kind < 2; kind++) {
            job packed;
            job_create(&n, &options, kind == 1, false, &packed);
            for (int run = 0; run < 2; run++) {
                memset(packed.leaf, 7, packed.n_leaf);
                job_run(&packed, modes[m]);
                CHECK(memcmp(packed.leaf, plain.leaf, plain.n_leaf) == 0,
                      "gradients or statistics, mode %d, kind %d", m, kind);
                CHECK(equal(&packed, &plain, "features", false), "features, kind %d", kind);
                CHECK(equal(&packed, &plain, "loss", false), "loss, kind %d", kind);
                CHECK(equal(&packed, &plain, "prob", false), "prob, kind %d", kind);
                CHECK(equal(&packed, &plain, "image", true), "image's gradient, kind %d", kind);
            }
            CHECK(pr_plan_memory_get(packed.plan)->activation_bytes <
                      pr_plan_memory_get(plain.plan)->activation_bytes * 7 / 10,
                  "%zu bytes packed, %zu not", pr_plan_memory_get(packed.plan)->activation_bytes,
                  pr_plan_memory_get(plain.plan)->activation_bytes);
            job_destroy(&packed);
        }
    }
    job_destroy(&plain);
    net_destroy(&n);
}

/* Without backward a plan needs less, and evaluates to the same bits. */
static void test_forward_only(void)
{
    const pr_plan_options train = {.backend = PR_BACKEND_REF, .backward = true};
    const pr_plan_options eval = {.backend = PR_BACKEND_REF};
    net n;
    job a;
    job b;
    pr_tensor t;
    net_create(PR_F64, VIEWS, 0, true, &n);
    job_create(&n, &train, false, false, &a);
    job_create(&n, &eval, true, false, &b);
    CHECK_OK(pr_exec_run_all(a.exec, PR_PASS_FORWARD, PR_MODE_EVAL, NULL, NULL));
    CHECK_OK(pr_exec_run_all(b.exec, PR_PASS_FORWARD, PR_MODE_EVAL, NULL, NULL));
    CHECK(equal(&a, &b, "prob", false), "probabilities differ");
    CHECK(pr_plan_memory_get(b.plan)->activation_bytes <
              pr_plan_memory_get(a.plan)->activation_bytes * 2 / 3,
          "%zu and %zu", pr_plan_memory_get(b.plan)->activation_bytes,
          pr_plan_memory_get(a.plan)->activation_bytes);
    CHECK_FAILS(pr_exec_run_all(b.exec, PR_PASS_BACKWARD, PR_MODE_EVAL, NULL, b.leaf),
                PR_ERR_INVALID, "planned without backward");
    CHECK_FAILS(pr_exec_grad(b.exec, "loss", &t), PR_ERR_INVALID, "no gradient of 'loss'");
    CHECK_FAILS(pr_exec_run_all(b.exec, PR_PASS_FORWARD, PR_MODE_TRAIN, NULL, NULL), PR_ERR_INVALID,
                "but no leaf");
    job_destroy(&a);
    job_destroy(&b);
    net_destroy(&n);
}

/* With a frozen body only the head's leaf is written, and the body runs as in evaluation. */
static void test_frozen(void)
{
    const char *const heads[] = {"head."};
    const pr_plan_options all = {.backend = PR_BACKEND_REF, .backward = true};
    const pr_plan_options some = {
        .backend = PR_BACKEND_REF, .backward = true, .trains = heads, .n_trains = 1};
    net n;
    job a;
    job b;
    net_create(PR_F64, VIEWS, 0, true, &n);
    job_create(&n, &all, false, false, &a);
    job_create(&n, &some, true, false, &b);
    job_run(&a, PR_MODE_EVAL);
    job_run(&b, PR_MODE_TRAIN);
    CHECK(equal(&a, &b, "features", false), "the frozen body does not run in evaluation");
    double sevens;
    memset(&sevens, 7, sizeof(sevens));
    for (int e = 0; e < pr_store_n(n.store); e++) {
        const pr_store_entry *const entry = pr_store_at(n.store, e);
        const bool is_head = strncmp(entry->name, "head.", 5) == 0;
        const double got = ((double *)b.leaf)[entry->offset];
        const double want = is_head ? ((double *)a.leaf)[entry->offset] : sevens;
        CHECK(got == want, "%s: %g, want %g", entry->name, got, want);
        CHECK(pr_plan_writes(b.plan, e) == is_head, "%s", entry->name);
    }
    /* The image still asks for its gradient, so the body is not pruned but for its weights. */
    CHECK(equal(&a, &b, "image", true), "the image's gradient");
    job_destroy(&a);
    job_destroy(&b);
    net_destroy(&n);
}

/* Nothing is computed upstream of what is trained: no cut of the body is met in backward. */
static void test_pruning(void)
{
    const char *const heads[] = {"head."};
    const pr_plan_options options = {
        .backend = PR_BACKEND_REF, .backward = true, .trains = heads, .n_trains = 1};
    net n;
    pr_plan *plan = NULL;
    net_create(PR_F64, VIEWS, ALL_VIEWS, false, &n);
    CHECK_OK(pr_plan_create(n.graph, n.store, &options, &plan));
    CHECK(pr_plan_n_segments(plan, PR_PASS_FORWARD) == 4, "%d segments forward",
          pr_plan_n_segments(plan, PR_PASS_FORWARD));
    CHECK(pr_plan_n_segments(plan, PR_PASS_BACKWARD) == 1, "%d segments backward",
          pr_plan_n_segments(plan, PR_PASS_BACKWARD));
    pr_plan_destroy(&plan);
    net_destroy(&n);
}

/* Sums over micro-batches, as the trainer has them: cut.out of each becomes the sum of cut.in. */
static void meet(job *jobs, int n_jobs, pr_pass pass, int segment)
{
    pr_cut cuts[4];
    for (int k = 0; k < n_jobs; k++) {
        CHECK_OK(pr_exec_cut(jobs[k].exec, pass, segment, &cuts[k]));
    }
    if (cuts[0].sync == PR_SYNC_NONE) {
        CHECK(segment + 1 == pr_plan_n_segments(jobs[0].plan, pass), "a segment %d", segment);
        return;
    }
    CHECK(cuts[0].sync == PR_SYNC_SUM, "sync %d", cuts[0].sync);
    for (int64_t i = 0; i < pr_shape_n(&cuts[0].in->shape); i++) {
        double sum = 0.0;
        for (int k = 0; k < n_jobs; k++) {
            sum += ((double *)cuts[k].in->data)[i];
            CHECK(((double *)cuts[k].in->data)[i] == ((double *)cuts[k].out->data)[i],
                  "no copy of what goes into the cut");
        }
        for (int k = 0; k < n_jobs; k++) {
            ((double *)cuts[k].out->data)[i] = sum;
        }
    }
}

/* Two micro-batches with synchronised batch norm are one batch of both. */
static void test_cuts(void)
{
    const pr_plan_options options = {.backend = PR_BACKEND_REF, .backward = true};
    net whole;
    net parts;
    job one;
    job jobs[N_PARTS];
    net_create(PR_F64, ALL_VIEWS, 0, true, &whole);
    net_create(PR_F64, VIEWS, ALL_VIEWS, true, &parts);
    job_create(&whole, &options, false, false, &one);
    job_run(&one, PR_MODE_TRAIN);
    for (int k = 0; k < N_PARTS; k++) {
        job_create(&parts, &options, true, false, &jobs[k]);
        net_fill(jobs[k].exec, (int64_t)k * VIEWS);
    }
    CHECK_FAILS(pr_exec_run_all(jobs[0].exec, PR_PASS_FORWARD, PR_MODE_TRAIN, NULL, jobs[0].leaf),
                PR_ERR_INVALID, "has 3 cuts");
    for (int pass = 0; pass < 2; pass++) {
        const int n_segments = pr_plan_n_segments(jobs[0].plan, (pr_pass)pass);
        CHECK(n_segments == 4, "%d segments", n_segments);
        for (int k = 0; k < N_PARTS && pass == 1; k++) {
            net_seed(jobs[k].exec, (int64_t)k * VIEWS);
        }
        for (int s = 0; s < n_segments; s++) {
            for (int k = 0; k < N_PARTS; k++) {
                CHECK_OK(
                    pr_exec_run(jobs[k].exec, (pr_pass)pass, s, PR_MODE_TRAIN, NULL, jobs[k].leaf));
            }
            meet(jobs, N_PARTS, (pr_pass)pass, s);
        }
    }
    CHECK_FAILS(pr_exec_run(jobs[0].exec, PR_PASS_FORWARD, 4, PR_MODE_TRAIN, NULL, jobs[0].leaf),
                PR_ERR_INVALID, "segment 4, there are 4");
    for (int e = 0; e < pr_store_n(whole.store); e++) {
        const pr_store_entry *const entry = pr_store_at(whole.store, e);
        const bool is_param = entry->kind == PR_VALUE_PARAM;
        for (int64_t i = 0; i < pr_shape_n(&entry->desc.shape); i++) {
            const double want = leaf_at(&whole, &one, entry->name)[i];
            const double a = leaf_at(&parts, &jobs[0], entry->name)[i];
            const double b = leaf_at(&parts, &jobs[1], entry->name)[i];
            CHECK(fabs((is_param ? a + b : a) - want) < 1e-11,
                  "%s[%lld]: %.17g + %.17g, want %.17g", entry->name, (long long)i, a, b, want);
            CHECK(is_param || a == b, "%s: statistics %.17g and %.17g", entry->name, a, b);
        }
    }
    for (int k = 0; k < N_PARTS; k++) {
        job_destroy(&jobs[k]);
    }
    job_destroy(&one);
    net_destroy(&whole);
    net_destroy(&parts);
}

/* Makes a plan of G on ref with a store of its own; gives the plan's status. */
static pr_status plan_alone(const pr_graph *g, bool backward)
{
    const pr_plan_options options = {.backend = PR_BACKEND_REF, .backward = backward};
    pr_store *store = NULL;
    pr_plan *plan = NULL;
    CHECK_OK(pr_store_create(pr_graph_real(g), &store));
    CHECK_OK(pr_store_add(store, g));
    CHECK_OK(pr_store_allocate(store));
    const pr_status status = pr_plan_create(g, store, &options, &plan);
    pr_plan_destroy(&plan);
    pr_store_destroy(&store);
    return status;
}

static void test_refusals(void)
{
    const pr_add_attr add = {PR_ACT_NONE};
    pr_graph *g = NULL;
    pr_value x;
    pr_value y;
    pr_value in[2];

    CHECK_OK(pr_graph_create("g", PR_F32, &g));
    CHECK_OK(pr_graph_input(g, "x", pr_desc_1(PR_F32, 3), true, &x));
    CHECK_FAILS(plan_alone(g, true), PR_ERR_SHAPE, "computes in f32, its backend wants f64");
    pr_graph_destroy(&g);

    CHECK_OK(pr_graph_create("g", PR_F64, &g));
    CHECK_OK(pr_graph_input(g, "x", pr_desc_1(PR_F64, 3), true, &x));
    CHECK_FAILS(plan_alone(g, true), PR_ERR_INVALID, "has no ops");
    in[0] = in[1] = x;
    CHECK_OK(pr_graph_op(g, PR_OP_add, "double", &add, in, 2, &y, 1));
    CHECK_OK(pr_graph_output(g, "y", y, true));
    CHECK_OK(plan_alone(g, false));
    CHECK_FAILS(plan_alone(g, true), PR_ERR_INVALID,
                "op 'double' wants the gradient of 'x' twice, as input 0 and as 1");
    pr_graph_destroy(&g);

    CHECK_OK(pr_graph_create("g", PR_F64, &g));
    CHECK_OK(pr_graph_input(g, "x", pr_desc_1(PR_F64, 3), true, &x));
    CHECK_OK(pr_graph_op(g, PR_OP_relu, "r", NULL, &x, 1, &x, 1));
    CHECK_OK(pr_graph_op(g, PR_OP_sync_sum, "sum", NULL, &x, 1, &in[0], 1));
    in[1] = x;
    CHECK_OK(pr_graph_op(g, PR_OP_add, "both", &add, in, 2, &y, 1));
    CHECK_OK(pr_graph_output(g, "y", y, true));
    CHECK_FAILS(plan_alone(g, true), PR_ERR_INVALID,
                "the input 'r' of the cut 'sum' takes a gradient elsewhere too");
    pr_graph_destroy(&g);

    CHECK_OK(pr_graph_create("g", PR_F64, &g));
    CHECK_OK(pr_graph_input(g, "x", pr_desc_4(PR_F64, 2, 2, 2, 3), false, &x));
    x = net_norm(g, "bn", PR_ACT_NONE, 0, x);
    x = net_norm(g, "bn", PR_ACT_NONE, 0, x);
    CHECK_FAILS(plan_alone(g, false), PR_ERR_INVALID,
                "op 'bn' is the second to write the statistics of 'bn.running_mean'");
    pr_graph_destroy(&g);

    net n;
    pr_store *empty = NULL;
    pr_plan *plan = NULL;
    const pr_plan_options options = {.backend = PR_BACKEND_REF};
    net_create(PR_F64, VIEWS, 0, true, &n);
    CHECK_OK(pr_store_create(PR_F64, &empty));
    CHECK_FAILS(pr_plan_create(n.graph, empty, &options, &plan), PR_ERR_INVALID,
                "'body.conv1.weight' is not in the store");
    pr_store_destroy(&empty);

    /* What a kernel finds wrong is said with the op's name. */
    job j;
    pr_tensor t;
    job_create(&n, &options, false, false, &j);
    CHECK_OK(pr_exec_value(j.exec, "label", &t));
    ((int32_t *)t.data)[2] = 17;
    CHECK_FAILS(pr_exec_run_all(j.exec, PR_PASS_FORWARD, PR_MODE_EVAL, NULL, NULL), PR_ERR_INVALID,
                "op 'ce' (softmax_ce): row 2 has label 17, must be 0 to 2");
    CHECK_FAILS(pr_exec_value(j.exec, "head.weight", &t), PR_ERR_INVALID,
                "no input or output 'head.weight'");
    job_destroy(&j);
    net_destroy(&n);
}

static void test_allocations(void)
{
    const pr_plan_options options = {.backend = PR_BACKEND_CPU, .backward = true};
    net n;
    net_create(PR_F32, VIEWS, 0, true, &n);
    const long n_live = pr_alloc_n_live();
    pr_status status = PR_ERR_NOMEM;
    long at = 0;
    for (; status != PR_OK && at < 2000; at++) {
        pr_plan *plan = NULL;
        pr_exec *exec = NULL;
        pr_error_clear();
        pr_alloc_fail_on(at);
        status = pr_plan_create(n.graph, n.store, &options, &plan);
        if (status == PR_OK) {
            status = pr_exec_create(plan, &exec);
        }
        pr_alloc_fail_on(-1);
        CHECK(status == PR_OK || status == PR_ERR_NOMEM, "allocation %ld: %s", at,
              pr_error_message());
        pr_exec_destroy(&exec);
        pr_plan_destroy(&plan);
        CHECK(pr_alloc_n_live() == n_live, "allocation %ld: %ld left", at,
              pr_alloc_n_live() - n_live);
    }
    CHECK(at > 10 && at < 2000, "%ld allocations", at);
    pr_error_clear();
    net_destroy(&n);
}

int main(void)
{
    CHECK_OK(pr_cpu_thread_begin());
    test_gradients();
    test_statistics();
    test_packing(PR_BACKEND_REF);
    test_packing(PR_BACKEND_CPU);
    test_forward_only();
    test_frozen();
    test_pruning();
    test_cuts();
    test_refusals();
    test_allocations();
    return check_exit_code();
}
