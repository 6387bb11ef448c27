#include "engine/base/tree.h"

void pr_tree_block(int64_t n_leaves, int n_ranks, int rank, int64_t *first, int64_t *last)
{
    /* Down the tree as long as the ranks split evenly, so that a power of two of ranks ends at one
     * node each; an odd number of ranks shares the leaves of its node evenly. */
    int64_t a = 0;
    int64_t b = n_leaves;
    while (n_ranks > 1 && n_ranks % 2 == 0) {
        n_ranks /= 2;
        if (rank < n_ranks) {
            b = pr_tree_mid(a, b);
        } else {
            a = pr_tree_mid(a, b);
            rank -= n_ranks;
        }
    }
    *first = a + (b - a) * rank / n_ranks;
    *last = a + (b - a) * (rank + 1) / n_ranks;
}

/* Below eight leaves the recursion costs more than the additions; the association is written out
 * by the same halving. The depth is log2(n). */
// NOLINTNEXTLINE(misc-no-recursion)
static double node_sum(const double *x, int64_t n)
{
    if (n == 1) {
        return x[0];
    }
    if (n == 2) {
        return x[0] + x[1];
    }
    const int64_t n_left = pr_tree_mid(0, n);
    return node_sum(x, n_left) + node_sum(x + n_left, n - n_left);
}

double pr_tree_sum(const double *x, int64_t n)
{
    return n == 0 ? 0.0 : node_sum(x, n);
}
