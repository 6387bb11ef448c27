/**
 * The sum of one vector from each of this rank's micro-batches, by the tree of engine/base/tree.h,
 * while they are still being made: leaves are merged as soon as both sides of a node are there, so
 * that no more than log2(micro-batches) + concurrent ones live at a time.
 *
 * The vectors are *leaves* of a store (gradients and batch statistics); their elements are added in
 * the type that they have, in the tree's association, whatever the number of threads.
 */
#ifndef PR_TRAINER_FOLD_H
#define PR_TRAINER_FOLD_H

#include "engine/base/status.h"
#include "engine/base/team.h"
#include "engine/comm/comm.h"
#include "engine/core/tensor.h"

typedef struct pr_fold pr_fold;

/**
 * N_MICRO micro-batches over the job; this rank owns those that pr_tree_block gives it. N elements
 * of REAL a leaf; at most N_TOGETHER leaves are made at the same time.
 */
pr_status pr_fold_create(int64_t n_micro, int rank, int n_ranks, int64_t n, pr_dtype real,
                         int n_together, pr_fold **out);
void pr_fold_destroy(pr_fold **fold);

/** Bytes of all leaf buffers of such a fold, for the memory plan. */
size_t pr_fold_bytes(int64_t n_micro, int rank, int n_ranks, int64_t n, pr_dtype real,
                     int n_together);

/**
 * A buffer for the leaf of micro-batch M (numbered over the job), owned by the fold until it is
 * merged. Leaves are asked for in increasing order, from one thread. Its old content is another
 * leaf's: where nothing is written, pr_fold_zero must have been called since the graph changed.
 */
void *pr_fold_leaf(pr_fold *fold, int64_t m);

/** The leaves of [first, last) are written: merges what became whole, on TEAM. */
pr_status pr_fold_merge(pr_fold *fold, pr_team *team, int64_t first, int64_t last);

/**
 * Collective, after the last merge: the sum over all micro-batches of the job. *SUM is valid until
 * the next leaf is asked for.
 */
pr_status pr_fold_finish(pr_fold *fold, pr_comm *comm, const char *name, pr_reduction reduction,
                         void **sum);

/** Zeroes every buffer: when another graph is about to write other parts of the leaves. */
void pr_fold_zero(pr_fold *fold);

#endif
