#include "engine/comm/plain.h"

#include "engine/comm/comm_private.h"

pr_status pr_comm_plain_broadcast(pr_comm *comm, void *data, size_t n_bytes)
{
    PR_TRY_MPI(MPI_Bcast(data, (int)n_bytes, MPI_BYTE, 0, comm->world));
    return PR_OK;
}

pr_status pr_comm_plain_sum_f32(pr_comm *comm, float *x, size_t n)
{
    PR_TRY_MPI(MPI_Allreduce(MPI_IN_PLACE, x, (int)n, MPI_FLOAT, MPI_SUM, comm->world));
    return PR_OK;
}

pr_status pr_comm_plain_allgather(pr_comm *comm, void *all, size_t n_bytes)
{
    PR_TRY_MPI(MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, (int)n_bytes, MPI_BYTE,
                             comm->world));
    return PR_OK;
}
