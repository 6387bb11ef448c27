/**
 * MPI's own collectives, for comparison with ours: what the machine could do where the order of a sum
 * did not matter. Nothing that trains calls these.
 */
#ifndef PR_ENGINE_COMM_PLAIN_H
#define PR_ENGINE_COMM_PLAIN_H

#include "engine/comm/comm.h"

/** Collective: MPI_Bcast from rank 0 of at most 2^30 bytes. */
pr_status pr_comm_plain_broadcast(pr_comm *comm, void *data, size_t n_bytes);

/** Collective: MPI_Allreduce, in place, of at most 2^30 floats. */
pr_status pr_comm_plain_sum_f32(pr_comm *comm, float *x, size_t n);

/** Collective: MPI_Allgather, in place, of N_BYTES a rank at their places in ALL. */
pr_status pr_comm_plain_allgather(pr_comm *comm, void *all, size_t n_bytes);

#endif
