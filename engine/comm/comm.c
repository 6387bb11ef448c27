#include "engine/comm/comm.h"

#include "engine/base/alloc.h"
#include "engine/comm/comm_private.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* MPI counts are ints; larger transfers go in parts of this. */
static const size_t MAX_PART_BYTES = (size_t)1 << 30;

/* Runs EXPR as a collective that the watchdog knows by name. */
#define COLLECTIVE(name, expr)                                                                     \
    do {                                                                                           \
        pr__watchdog_enter(name);                                                                  \
        const pr_status collective_status_ = (expr);                                               \
        pr__watchdog_leave();                                                                      \
        return collective_status_;                                                                 \
    } while (0)

static pr_status join_ranks(pr_comm *comm)
{
    PR_TRY_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &comm->world));
    PR_TRY_MPI(MPI_Comm_set_errhandler(comm->world, MPI_ERRORS_RETURN));
    PR_TRY_MPI(MPI_Comm_rank(comm->world, &comm->rank));
    PR_TRY_MPI(MPI_Comm_size(comm->world, &comm->n_ranks));
    MPI_Comm local = MPI_COMM_NULL;
    PR_TRY_MPI(
        MPI_Comm_split_type(comm->world, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &local));
    PR_TRY_MPI(MPI_Comm_rank(local, &comm->local_rank));
    PR_TRY_MPI(MPI_Comm_size(local, &comm->n_local));
    PR_TRY_MPI(MPI_Comm_free(&local));
    return PR_OK;
}

/* All that collectives work in, so that nothing is allocated in a step. */
static pr_status take_memory(pr_comm *comm)
{
    const int64_t n_nodes = (int64_t)comm->n_ranks * PR_TREE_MAX_NODES;
    pr__nodes *const nodes = &comm->nodes;
    comm->counts = pr_calloc(2 * (int64_t)comm->n_ranks, sizeof(int));
    comm->pieces = pr_calloc(PR__PIECE_BYTES, 1);
    comm->pieces_bytes = PR__PIECE_BYTES;
    nodes->at = pr_calloc(n_nodes, sizeof(*nodes->at));
    nodes->owner = pr_calloc(n_nodes, sizeof(*nodes->owner));
    nodes->number = pr_calloc(n_nodes, sizeof(*nodes->number));
    nodes->part = pr_calloc(n_nodes, sizeof(*nodes->part));
    nodes->requests = pr_calloc(2 * n_nodes, sizeof(MPI_Request));
    PR_REQUIRE(comm->counts != NULL && comm->pieces != NULL && nodes->at != NULL &&
                   nodes->owner != NULL && nodes->number != NULL && nodes->part != NULL &&
                   nodes->requests != NULL,
               PR_ERR_NOMEM, "no memory for a communicator of %d ranks", comm->n_ranks);
    return PR_OK;
}

pr_status pr_comm_create(pr_comm **out)
{
    pr_comm *comm = pr_calloc(1, sizeof(*comm));
    PR_REQUIRE(comm != NULL, PR_ERR_NOMEM, "no memory for the communicator");
    comm->world = MPI_COMM_NULL;
    pr_status status = join_ranks(comm);
    if (status == PR_OK) {
        status = take_memory(comm);
    }
    if (status != PR_OK) {
        pr_comm_destroy(&comm);
        return status;
    }
    *out = comm;
    return PR_OK;
}

void pr_comm_destroy(pr_comm **comm)
{
    pr_comm *const old = *comm;
    if (old == NULL) {
        return;
    }
    if (old->world != MPI_COMM_NULL) {
        (void)MPI_Comm_free(&old->world);
    }
    pr_free(old->counts);
    pr_free(old->pieces);
    pr_free(old->nodes.at);
    pr_free(old->nodes.owner);
    pr_free(old->nodes.number);
    pr_free(old->nodes.part);
    pr_free(old->nodes.requests);
    pr_free(old);
    *comm = NULL;
}

int pr_comm_rank(const pr_comm *comm)
{
    return comm->rank;
}

int pr_comm_n_ranks(const pr_comm *comm)
{
    return comm->n_ranks;
}

int pr_comm_n_local(const pr_comm *comm)
{
    return comm->n_local;
}

int pr_comm_local_rank(const pr_comm *comm)
{
    return comm->local_rank;
}

static pr_status barrier(pr_comm *comm)
{
    PR_TRY_MPI(MPI_Barrier(comm->world));
    return PR_OK;
}

pr_status pr_comm_barrier(pr_comm *comm, const char *name)
{
    COLLECTIVE(name, barrier(comm));
}

static pr_status broadcast(pr_comm *comm, void *data, size_t n_bytes, int root)
{
    char *bytes = data;
    while (n_bytes > 0) {
        const size_t n = n_bytes < MAX_PART_BYTES ? n_bytes : MAX_PART_BYTES;
        PR_TRY_MPI(MPI_Bcast(bytes, (int)n, MPI_BYTE, root, comm->world));
        bytes += n;
        n_bytes -= n;
    }
    return PR_OK;
}

pr_status pr_comm_broadcast(pr_comm *comm, const char *name, void *data, size_t n_bytes, int root)
{
    COLLECTIVE(name, broadcast(comm, data, n_bytes, root));
}

/* Everything fits MPI's ints: one call. */
static pr_status allgather_at_once(pr_comm *comm, void *all, const size_t *bytes_of)
{
    int *const begins = comm->counts + comm->n_ranks;
    int n = 0;
    for (int r = 0; r < comm->n_ranks; r++) {
        comm->counts[r] = (int)bytes_of[r];
        begins[r] = n;
        n += comm->counts[r];
    }
    PR_TRY_MPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, comm->counts, begins,
                              MPI_BYTE, comm->world));
    return PR_OK;
}

static pr_status allgather(pr_comm *comm, const void *mine, char *all, const size_t *bytes_of)
{
    size_t n_before = 0;
    size_t n_all = 0;
    for (int r = 0; r < comm->n_ranks; r++) {
        n_before += r < comm->rank ? bytes_of[r] : 0;
        n_all += bytes_of[r];
    }
    char *const own = all + n_before;
    if (mine != own && bytes_of[comm->rank] > 0) {
        memmove(own, mine, bytes_of[comm->rank]);
    }
    if (n_all <= MAX_PART_BYTES) {
        return allgather_at_once(comm, all, bytes_of);
    }
    for (int r = 0; r < comm->n_ranks; r++) {
        PR_TRY(broadcast(comm, all, bytes_of[r], r));
        all += bytes_of[r];
    }
    return PR_OK;
}

pr_status pr_comm_allgather(pr_comm *comm, const char *name, const void *mine, void *all,
                            const size_t *bytes_of)
{
    COLLECTIVE(name, allgather(comm, mine, all, bytes_of));
}

enum { MESSAGE_BYTES = 1024 };

static pr_status agree(pr_comm *comm, pr_status mine)
{
    /* The lowest rank that failed, or n_ranks: one reduction says whether, and who. */
    int first = mine != PR_OK ? comm->rank : comm->n_ranks;
    PR_TRY_MPI(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm->world));
    if (first == comm->n_ranks) {
        return PR_OK;
    }
    struct {
        int status;
        char message[MESSAGE_BYTES];
    } cause = {0};
    if (first == comm->rank) {
        cause.status = (int)mine;
        (void)snprintf(cause.message, sizeof(cause.message), "%s", pr_error_message());
    }
    PR_TRY(broadcast(comm, &cause, sizeof(cause), first));
    if (first != comm->rank) {
        /* Another rank's own failure, a higher one's, gives way. */
        char told[MESSAGE_BYTES + 32];
        (void)snprintf(told, sizeof(told), "on rank %d: %s", first, cause.message);
        pr_error_clear();
        pr_error_adopt(told);
    }
    return (pr_status)cause.status;
}

pr_status pr_comm_agree(pr_comm *comm, const char *name, pr_status mine)
{
    COLLECTIVE(name, agree(comm, mine));
}
