/* Sums over any number of ranks against the recursive definition, bit by bit. */
#include "engine/base/draw.h"
#include "engine/base/tree.h"
#include "engine/comm/comm.h"
#include "engine/comm/job.h"
#include "tests/check.h"

#include <math.h>

/* More than a few pieces of 64 kB, and no multiple of anything. */
enum { N = 70001, MAX_LEAVES = 12 };

/* Element I of leaf LEAF: large ones that cancel, ones that vanish beside them, and zeros of both
 * signs, so that another association gives other bits. */
static double element(int64_t leaf, int64_t i)
{
    static const double values[] = {1e8, 1.0, -1e8, -0.0, 3.0, 1e-3, -1.0};
    const pr_draw_key key = {.seed = 5, .place = (uint32_t)leaf, .purpose = PR_FOR_ORDER};
    /* The first elements are -0 in every leaf: their sum is -0, unless someone added a zero. */
    return i < 3 ? -0.0 : values[pr_draw_below(&key, (uint32_t)i, 7)];
}

/* The recursive definition. */
// NOLINTNEXTLINE(misc-no-recursion)
static float node_f32(int64_t a, int64_t b, int64_t i)
{
    if (b - a == 1) {
        return (float)element(a, i);
    }
    const int64_t mid = (a + b) / 2;
    return node_f32(a, mid, i) + node_f32(mid, b, i);
}

// NOLINTNEXTLINE(misc-no-recursion)
static double node_f64(int64_t a, int64_t b, int64_t i)
{
    if (b - a == 1) {
        return element(a, i) * (1.0 / 3.0);
    }
    const int64_t mid = (a + b) / 2;
    return node_f64(a, mid, i) + node_f64(mid, b, i);
}

static void *memory(int64_t n, size_t size)
{
    void *const out = pr_calloc(n, size);
    CHECK(out != NULL, "no memory");
    if (out == NULL) {
        exit(EXIT_FAILURE);
    }
    return out;
}

static void check_sum_f32(pr_comm *comm, int64_t n_leaves, int64_t n)
{
    pr_tree_node own[PR_TREE_MAX_NODES] = {{0, 0}};
    float *nodes[PR_TREE_MAX_NODES] = {NULL};
    int n_own = pr_comm_tree_nodes(n_leaves, pr_comm_n_ranks(comm), pr_comm_rank(comm), own);
    for (int k = 0; k < n_own || k == 0; k++) {
        nodes[k] = memory(n, sizeof(float));
        for (int64_t i = 0; i < n; i++) {
            nodes[k][i] = k < n_own ? node_f32(own[k].first, own[k].last, i) : 17.0F;
        }
    }
    CHECK_OK(pr_comm_tree_sum_f32(comm, "test sum", n_leaves, nodes, n, PR_REDUCE_STRICT));
    int64_t n_wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        const float wanted = node_f32(0, n_leaves, i);
        n_wrong += nodes[0][i] != wanted || signbit(nodes[0][i]) != signbit(wanted);
    }
    CHECK(n_wrong == 0, "%lld of %lld elements differ at %lld leaves", (long long)n_wrong,
          (long long)n, (long long)n_leaves);
    for (int k = 0; k < n_own || k == 0; k++) {
        pr_free(nodes[k]);
    }
}

static void check_sum_f64(pr_comm *comm, int64_t n_leaves, int64_t n)
{
    pr_tree_node own[PR_TREE_MAX_NODES] = {{0, 0}};
    double *nodes[PR_TREE_MAX_NODES] = {NULL};
    int n_own = pr_comm_tree_nodes(n_leaves, pr_comm_n_ranks(comm), pr_comm_rank(comm), own);
    for (int k = 0; k < n_own || k == 0; k++) {
        nodes[k] = memory(n, sizeof(double));
        for (int64_t i = 0; i < n; i++) {
            nodes[k][i] = k < n_own ? node_f64(own[k].first, own[k].last, i) : 17.0;
        }
    }
    CHECK_OK(pr_comm_tree_sum_f64(comm, "test sum", n_leaves, nodes, n, PR_REDUCE_STRICT));
    int64_t n_wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        const double wanted = node_f64(0, n_leaves, i);
        n_wrong += nodes[0][i] != wanted || signbit(nodes[0][i]) != signbit(wanted);
    }
    CHECK(n_wrong == 0, "%lld elements differ at %lld leaves", (long long)n_wrong,
          (long long)n_leaves);
    for (int k = 0; k < n_own || k == 0; k++) {
        pr_free(nodes[k]);
    }
}

/* Integers in floats: exact in any order, so fast and strict agree with arithmetic. */
static void check_integers(pr_comm *comm, pr_reduction reduction)
{
    enum { N_LEAVES = 7, N_FEW = 1000 };
    pr_tree_node own[PR_TREE_MAX_NODES] = {{0, 0}};
    float *nodes[PR_TREE_MAX_NODES] = {NULL};
    const int n_own = pr_comm_tree_nodes(N_LEAVES, pr_comm_n_ranks(comm), pr_comm_rank(comm), own);
    for (int k = 0; k < n_own || k == 0; k++) {
        nodes[k] = memory(N_FEW, sizeof(float));
        for (int64_t leaf = own[k].first; k < n_own && leaf < own[k].last; leaf++) {
            for (int64_t i = 0; i < N_FEW; i++) {
                nodes[k][i] += (float)(leaf * 1000 + i);
            }
        }
    }
    CHECK_OK(pr_comm_tree_sum_f32(comm, "integers", N_LEAVES, nodes, N_FEW, reduction));
    for (int64_t i = 0; i < N_FEW; i++) {
        CHECK(nodes[0][i] == (float)(21000 + 7 * i), "element %lld is %g", (long long)i,
              (double)nodes[0][i]);
    }
    for (int k = 0; k < n_own || k == 0; k++) {
        pr_free(nodes[k]);
    }
}

int main(int argc, char **argv)
{
    CHECK_OK(pr_job_init(&argc, &argv));
    pr_comm *comm = NULL;
    CHECK_OK(pr_comm_create(&comm));
    if (comm == NULL) {
        return EXIT_FAILURE;
    }
    static const int64_t leaves[] = {1, 2, 5, 6, 7, 8, 12};
    for (size_t k = 0; k < sizeof(leaves) / sizeof(leaves[0]); k++) {
        /* One leaf on four ranks leaves ranks without any: legal for scalars. */
        check_sum_f32(comm, leaves[k], leaves[k] == 12 ? N : 1001);
        check_sum_f64(comm, leaves[k], leaves[k] == 7 ? N : 3);
    }
    check_sum_f64(comm, 5, 1);
    check_sum_f64(comm, 5, 0);
    check_integers(comm, PR_REDUCE_STRICT);
    check_integers(comm, PR_REDUCE_FAST);
    pr_comm_destroy(&comm);
    pr_job_finish();
    return check_exit_code();
}
