/* Blocks and sums against the recursive definition. */
#include "engine/base/tree.h"
#include "tests/check.h"

#include <math.h>
#include <stdbool.h>

/* Whether [first, last) is a node of the tree over [a, b). */
// NOLINTNEXTLINE(misc-no-recursion)
static bool is_node(int64_t a, int64_t b, int64_t first, int64_t last)
{
    if (a == first && b == last) {
        return true;
    }
    if (b - a <= 1 || first < a || last > b) {
        return false;
    }
    const int64_t mid = (a + b) / 2;
    return is_node(a, mid, first, last) || is_node(mid, b, first, last);
}

static void check_blocks(int64_t n_leaves, int n_ranks)
{
    int64_t at = 0;
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (int rank = 0; rank < n_ranks; rank++) {
        int64_t first = -1;
        int64_t last = -1;
        pr_tree_block(n_leaves, n_ranks, rank, &first, &last);
        CHECK(first == at && last >= first, "%lld leaves, rank %d of %d: [%lld, %lld)",
              (long long)n_leaves, rank, n_ranks, (long long)first, (long long)last);
        at = last;
        least = last - first < least ? last - first : least;
        most = last - first > most ? last - first : most;
        if ((n_ranks & (n_ranks - 1)) == 0 && n_ranks <= n_leaves) {
            CHECK(is_node(0, n_leaves, first, last), "[%lld, %lld) of %lld is no node",
                  (long long)first, (long long)last, (long long)n_leaves);
        }
    }
    CHECK(at == n_leaves, "the blocks end at %lld of %lld", (long long)at, (long long)n_leaves);
    CHECK(most - least <= 1, "%lld leaves on %d ranks: blocks of %lld to %lld", (long long)n_leaves,
          n_ranks, (long long)least, (long long)most);
}

// NOLINTNEXTLINE(misc-no-recursion)
static double by_definition(const double *x, int64_t a, int64_t b)
{
    if (b - a == 1) {
        return x[a];
    }
    const int64_t mid = (a + b) / 2;
    return by_definition(x, a, mid) + by_definition(x, mid, b);
}

static void check_sum(int64_t n)
{
    static const double values[] = {1e8, 1.0, -1e8, -0.0, 1e-9, -1.0, 3.0};
    double x[100] = {0.0};
    for (int64_t i = 0; i < n; i++) {
        x[i] = values[(i * i + 3 * i) % 7];
    }
    const double wanted = by_definition(x, 0, n);
    const double got = pr_tree_sum(x, n);
    CHECK(got == wanted && signbit(got) == signbit(wanted), "%lld leaves: %.17g, wanted %.17g",
          (long long)n, got, wanted);
}

int main(void)
{
    for (int64_t n_leaves = 1; n_leaves <= 70; n_leaves++) {
        for (int n_ranks = 1; n_ranks <= n_leaves + 3; n_ranks++) {
            check_blocks(n_leaves, n_ranks);
        }
        check_sum(n_leaves);
    }
    const double zeros[] = {-0.0, -0.0, -0.0};
    CHECK(signbit(pr_tree_sum(zeros, 1)) && signbit(pr_tree_sum(zeros, 3)), "-0 is copied");
    CHECK(pr_tree_sum(zeros, 0) == 0.0 && !signbit(pr_tree_sum(zeros, 0)), "an empty sum");
    return check_exit_code();
}
