/**
 * The ranks of a job and what they say to each other. MPI and NCCL are included here and nowhere
 * else; everything above takes rank and n_ranks as two ints, or a pr_comm.
 *
 * Every function says whether it is collective. Nothing here stands inside a condition that ranks
 * could judge differently. Each collective is counted and named for the watchdog (job.h).
 */
#ifndef PR_ENGINE_COMM_COMM_H
#define PR_ENGINE_COMM_COMM_H

#include "engine/base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pr_comm pr_comm;

typedef enum pr_reduction {
    PR_REDUCE_STRICT, /* ordered tree: the same bits on any number of ranks */
    PR_REDUCE_FAST,   /* MPI_Allreduce */
} pr_reduction;

/** Collective, over all ranks of the job, after pr_job_begin. */
pr_status pr_comm_create(pr_comm **out);
void pr_comm_destroy(pr_comm **comm);

int pr_comm_rank(const pr_comm *comm);
int pr_comm_n_ranks(const pr_comm *comm);
/** Ranks on this host, and this rank's number among them. */
int pr_comm_n_local(const pr_comm *comm);
int pr_comm_local_rank(const pr_comm *comm);

/** Collective. NAME (a literal: it is read later) appears in the watchdog's report; so below. */
pr_status pr_comm_barrier(pr_comm *comm, const char *name);

/** Collective: N_BYTES at DATA become those of rank ROOT. Any size. */
pr_status pr_comm_broadcast(pr_comm *comm, const char *name, void *data, size_t n_bytes, int root);

/**
 * Collective: rank r contributes BYTES_OF[r] bytes; ALL receives them in rank order on every rank.
 * MINE may be where this rank's part lies in ALL.
 */
pr_status pr_comm_allgather(pr_comm *comm, const char *name, const void *mine, void *all,
                            const size_t *bytes_of);

/**
 * Collective: the sum in tree order (engine/base/tree.h) of N_LEAVES vectors of N floats (or
 * doubles), of which rank r owns the contiguous block that pr_tree_block gives it. NODES holds the
 * partial sums of the nodes that this rank owns whole, as pr_comm_tree_nodes lists them (one node
 * where the number of ranks is a power of two; a rank without a leaf still passes nodes[0]). On
 * return nodes[0] holds the whole sum, the same bits on every rank; the others are scratch.
 *
 * With PR_REDUCE_FAST the nodes are added and MPI_Allreduce does the rest.
 */
pr_status pr_comm_tree_sum_f32(pr_comm *comm, const char *name, int64_t n_leaves,
                               float *const *nodes, int64_t n, pr_reduction reduction);
pr_status pr_comm_tree_sum_f64(pr_comm *comm, const char *name, int64_t n_leaves,
                               double *const *nodes, int64_t n, pr_reduction reduction);

typedef struct pr_tree_node {
    int64_t first, last; /* leaves [first, last) */
} pr_tree_node;

enum { PR_TREE_MAX_NODES = 128 };

/** Not collective: the maximal nodes inside RANK's block, left to right; returns how many. */
int pr_comm_tree_nodes(int64_t n_leaves, int n_ranks, int rank,
                       pr_tree_node nodes[static PR_TREE_MAX_NODES]);

/**
 * Collective: every rank passes the status of its own part of a piece of work; all return PR_OK or
 * all fail, with the message of the lowest rank that failed. For errors that ranks meet alone and
 * must leave together (opening data, reading a checkpoint), never inside a step.
 */
pr_status pr_comm_agree(pr_comm *comm, const char *name, pr_status mine);

#endif
