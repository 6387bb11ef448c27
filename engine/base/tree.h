/**
 * The one tree by which everything is summed: node [a, b) = [a, m) + [m, b) with m = (a + b) / 2
 * rounded down; a node of one element is that leaf, copied. Local sums, the exchange between ranks
 * and scalars all use this association, so a sum's bits do not depend on who held which leaf.
 */
#ifndef PR_ENGINE_BASE_TREE_H
#define PR_ENGINE_BASE_TREE_H

#include <stdint.h>

/** Where node [a, b) splits. */
static inline int64_t pr_tree_mid(int64_t a, int64_t b)
{
    return a + (b - a) / 2;
}

/**
 * The leaves of RANK when N_LEAVES are spread over N_RANKS: contiguous blocks whose sizes differ by
 * at most one; for a power of two of ranks each block is one node of the tree.
 */
void pr_tree_block(int64_t n_leaves, int n_ranks, int rank, int64_t *first, int64_t *last);

/** The sum of x[0 .. n) in tree order; 0 for n = 0. */
double pr_tree_sum(const double *x, int64_t n);

#endif
