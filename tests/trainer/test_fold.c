/*
 * The fold on one rank of many: every owned node has the bits of the recursive definition, whatever
 * number of leaves is made together, and the buffers that were promised are enough.
 */
#include "trainer/fold.h"

#include "engine/base/tree.h"
#include "engine/comm/job.h"
#include "tests/check.h"

#include <math.h>
#include <stdbool.h>

enum { N = 70001, MAX_MICRO = 12 }; /* more elements than one task adds */

/* Leaves whose sum depends on the association, zeros of both signs among them. */
static double leaf_value(int64_t m, int64_t i)
{
    static const double values[7] = {1e8, 1.0, -1e8, -0.0, 3.0, 1e-3, -1.0};
    return values[(m * 3 + i) % 7];
}

static double node_value(int64_t a, int64_t b, int64_t i, pr_dtype real)
{
    if (b - a == 1) {
        return real == PR_F32 ? (double)(float)leaf_value(a, i) : leaf_value(a, i);
    }
    const int64_t mid = a + (b - a) / 2;
    const double left = node_value(a, mid, i, real);
    const double right = node_value(mid, b, i, real);
    return real == PR_F32 ? (double)((float)left + (float)right) : left + right;
}

static double element(const void *data, int64_t i, pr_dtype real)
{
    return real == PR_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void write_leaf(void *leaf, int64_t m, pr_dtype real)
{
    for (int64_t i = 0; i < N; i++) {
        if (real == PR_F32) {
            ((float *)leaf)[i] = (float)leaf_value(m, i);
        } else {
            ((double *)leaf)[i] = leaf_value(m, i);
        }
    }
}

/* One rank alone: the whole sum. Twice, since buffers keep what the step before left in them. */
static void test_whole(pr_comm *comm, pr_team *team, int64_t n_micro, int n_together, pr_dtype real)
{
    pr_fold *fold = NULL;
    CHECK_OK(pr_fold_create(n_micro, 0, 1, N, real, n_together, &fold));
    for (int step = 0; step < 2; step++) {
        for (int64_t first = 0; first < n_micro; first += n_together) {
            const int64_t last = first + n_together < n_micro ? first + n_together : n_micro;
            void *leaves[MAX_MICRO];
            for (int64_t m = first; m < last; m++) {
                leaves[m] = pr_fold_leaf(fold, m);
                for (int64_t other = first; other < m; other++) {
                    CHECK(leaves[other] != leaves[m], "micro-batches %d and %d share a leaf",
                          (int)other, (int)m);
                }
            }
            for (int64_t m = last - 1; m >= first; m--) {
                write_leaf(leaves[m], m, real);
            }
            CHECK_OK(pr_fold_merge(fold, team, first, last));
        }
        void *sum = NULL;
        CHECK_OK(pr_fold_finish(fold, comm, "sum", PR_REDUCE_STRICT, &sum));
        int64_t n_unlike = 0;
        for (int64_t i = 0; i < N; i++) {
            const double wanted = node_value(0, n_micro, i, real);
            const double got = element(sum, i, real);
            n_unlike += got != wanted || signbit(got) != signbit(wanted);
        }
        CHECK(n_unlike == 0, "%d micro-batches, %d together: %d of %d elements", (int)n_micro,
              n_together, (int)n_unlike, N);
    }
    pr_fold_destroy(&fold);
}

/* Every rank of every job: leaves and merges only, for what they hold and how much. */
static void test_buffers(pr_team *team, int64_t n_micro, int n_ranks, int rank, int n_together)
{
    enum { N_SMALL = 3 };
    int64_t first = 0;
    int64_t last = 0;
    pr_fold *fold = NULL;
    pr_tree_block(n_micro, n_ranks, rank, &first, &last);
    const int64_t n_buffers =
        (int64_t)(pr_fold_bytes(n_micro, rank, n_ranks, N_SMALL, PR_F64, n_together) /
                  (N_SMALL * sizeof(double)));
    int64_t depth = 0;
    while (((int64_t)1 << depth) < last - first) {
        depth++;
    }
    CHECK(n_buffers <= last - first && n_buffers <= PR_TREE_MAX_NODES + depth + n_together,
          "%d buffers for %d leaves", (int)n_buffers, (int)(last - first));
    CHECK_OK(pr_fold_create(n_micro, rank, n_ranks, N_SMALL, PR_F64, n_together, &fold));
    for (int64_t m = first; m < last; m += n_together) {
        const int64_t end = m + n_together < last ? m + n_together : last;
        for (int64_t i = m; i < end; i++) {
            double *const leaf = pr_fold_leaf(fold, i);
            for (int k = 0; k < N_SMALL; k++) {
                leaf[k] = 1.0;
            }
        }
        CHECK_OK(pr_fold_merge(fold, team, m, end));
    }
    pr_fold_destroy(&fold);
}

int main(int argc, char **argv)
{
    static const int64_t sizes[] = {1, 2, 5, 6, 7, 8, 12};
    pr_comm *comm = NULL;
    pr_team *team = NULL;
    CHECK_OK(pr_job_init(&argc, &argv));
    CHECK_OK(pr_comm_create(&comm));
    CHECK_OK(pr_team_create(2, NULL, NULL, &team));
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (int n_together = 1; n_together <= sizes[s]; n_together++) {
            test_whole(comm, team, sizes[s], n_together, n_together % 2 ? PR_F32 : PR_F64);
        }
    }
    for (int64_t n_micro = 1; n_micro <= 40; n_micro++) {
        for (int n_ranks = 1; n_ranks <= n_micro && n_ranks <= 9; n_ranks++) {
            for (int rank = 0; rank < n_ranks; rank++) {
                for (int n_together = 1; n_together <= 4; n_together++) {
                    test_buffers(team, n_micro, n_ranks, rank, n_together);
                }
            }
        }
    }
    pr_fold *fold = NULL;
    CHECK_FAILS(pr_fold_create(2, 0, 3, 4, PR_F32, 1, &fold), PR_ERR_INVALID,
                "3 ranks for 2 micro-batches");
    for (long n = 0; n < 8; n++) {
        pr_alloc_fail_on(n);
        CHECK_FAILS(pr_fold_create(8, 0, 1, 4, PR_F32, 1, &fold), PR_ERR_NOMEM, "no memory");
    }
    pr_alloc_fail_on(-1);
    pr_team_destroy(&team);
    pr_comm_destroy(&comm);
    pr_job_finish();
    return check_exit_code();
}
