/*
 * Which nodes of the tree every rank holds, for more ranks than a machine has: they are nodes, they
 * cover the leaves in order, few enough to be exchanged, and their sum by the tree's own association
 * is the recursive definition's, also where there are more ranks than leaves.
 */
#include "engine/base/tree.h"
#include "engine/comm/comm.h"
#include "tests/check.h"

#include <math.h>
#include <stdbool.h>

enum { MAX_LEAVES = 70, MAX_RANKS = 80, MAX_NODES = 2 * MAX_LEAVES };

static double leaf(int64_t i)
{
    static const double values[] = {1e8, 1.0, -1e8, -0.0, 3.0, 1e-3, -1.0};
    return values[(i * i + 5 * i + 2) % 7];
}

// NOLINTNEXTLINE(misc-no-recursion)
static double by_definition(int64_t a, int64_t b)
{
    if (b - a == 1) {
        return leaf(a);
    }
    const int64_t mid = (a + b) / 2;
    return by_definition(a, mid) + by_definition(mid, b);
}

/* All ranks' nodes and the sum of each, as a rank makes it from its own leaves. */
typedef struct held {
    pr_tree_node at[MAX_NODES];
    double sums[MAX_NODES];
    int n, next;
} held;

/* The sum of [a, b) from whole nodes alone; NaN where they do not make up the tree. */
// NOLINTNEXTLINE(misc-no-recursion)
static double assemble(held *h, int64_t a, int64_t b)
{
    if (h->next < h->n && h->at[h->next].first == a && h->at[h->next].last == b) {
        return h->sums[h->next++];
    }
    if (b - a <= 1) {
        return (double)NAN;
    }
    const int64_t mid = (a + b) / 2;
    const double left = assemble(h, a, mid);
    return left + assemble(h, mid, b);
}

static void check(int64_t n_leaves, int n_ranks)
{
    held h = {.n = 0};
    int64_t at = 0;
    for (int rank = 0; rank < n_ranks; rank++) {
        pr_tree_node nodes[PR_TREE_MAX_NODES];
        const int n = pr_comm_tree_nodes(n_leaves, n_ranks, rank, nodes);
        int64_t first = 0;
        int64_t last = 0;
        pr_tree_block(n_leaves, n_ranks, rank, &first, &last);
        CHECK(n <= PR_TREE_MAX_NODES && h.n + n <= MAX_NODES, "rank %d has %d nodes", rank, n);
        CHECK((n == 0) == (first == last), "rank %d: %d nodes of [%lld, %lld)", rank, n,
              (long long)first, (long long)last);
        const bool is_power = (n_ranks & (n_ranks - 1)) == 0;
        CHECK(!is_power || n <= 1, "rank %d of %d has %d nodes, wanted one", rank, n_ranks, n);
        for (int i = 0; i < n; i++) {
            CHECK(nodes[i].first == at, "rank %d: a gap at %lld", rank, (long long)at);
            at = nodes[i].last;
            h.at[h.n] = nodes[i];
            h.sums[h.n++] = by_definition(nodes[i].first, nodes[i].last);
        }
        CHECK(at == last, "rank %d: its nodes end at %lld of %lld", rank, (long long)at,
              (long long)last);
    }
    const double got = assemble(&h, 0, n_leaves);
    const double wanted = by_definition(0, n_leaves);
    CHECK(got == wanted && signbit(got) == signbit(wanted) && h.next == h.n,
          "%lld leaves on %d ranks: %.17g, wanted %.17g", (long long)n_leaves, n_ranks, got,
          wanted);
}

int main(void)
{
    for (int64_t n_leaves = 1; n_leaves <= MAX_LEAVES; n_leaves++) {
        for (int n_ranks = 1; n_ranks <= n_leaves + 3 && n_ranks <= MAX_RANKS; n_ranks++) {
            check(n_leaves, n_ranks);
        }
    }
    /* A large batch on an awkward number of ranks stays within the fixed room for nodes. */
    pr_tree_node nodes[PR_TREE_MAX_NODES];
    for (int rank = 0; rank < 999; rank++) {
        CHECK(pr_comm_tree_nodes((int64_t)1 << 40, 999, rank, nodes) <= PR_TREE_MAX_NODES,
              "rank %d", rank);
    }
    return check_exit_code();
}
