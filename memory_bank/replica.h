/**
 * Whether all ranks hold the same: a hash of every tensor that outlives a step, compared across the
 * ranks every few steps, so that replicas that part are found at the step and by the tensor's name.
 */
#ifndef PR_MEMORY_BANK_REPLICA_H
#define PR_MEMORY_BANK_REPLICA_H

#include "engine/comm/comm.h"
#include "engine/core/store.h"

typedef struct pr_replica pr_replica;

/** Room for N_PARTS tensors. Not collective; COMM is borrowed and must outlive it. */
pr_status pr_replica_create(pr_comm *comm, int n_parts, pr_replica **out);
void pr_replica_destroy(pr_replica **replica);

/**
 * Adds N_BYTES at DATA under PREFIX + NAME; DATA is borrowed. All ranks add the same in the same
 * order. PREFIX may be "".
 *
 * Errors: PR_ERR_INVALID if there is no room left.
 */
pr_status pr_replica_add(pr_replica *replica, const char *prefix, const char *name,
                         const void *data, size_t n_bytes);

/** Adds every tensor of STORE, under PREFIX + its name. */
pr_status pr_replica_add_store(pr_replica *replica, const char *prefix, const pr_store *store);

/**
 * Collective. Hashes all parts and compares them; *HASH is the hash of all of them, the same on all
 * ranks. Nothing is allocated.
 *
 * Errors: PR_ERR_COMM on all ranks, naming STEP, the first tensor that differs and the lowest rank
 * whose copy is not rank 0's.
 */
pr_status pr_replica_check(pr_replica *replica, int64_t step, uint64_t *hash);

#endif
