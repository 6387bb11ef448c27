/** What the files of engine/comm share; nobody else includes this. */
#ifndef PR_ENGINE_COMM_COMM_PRIVATE_H
#define PR_ENGINE_COMM_COMM_PRIVATE_H

#include "engine/comm/comm.h"

#include <mpi.h>

/** A failed MPI call as a status, with MPI's own text. */
pr_status pr__mpi_failed(int code, const char *what);

#define PR_TRY_MPI(expr)                                                                           \
    do {                                                                                           \
        const int pr_try_code_ = (expr);                                                           \
        if (pr_try_code_ != MPI_SUCCESS) {                                                         \
            return pr__mpi_failed(pr_try_code_, #expr);                                            \
        }                                                                                          \
    } while (0)

enum { PR__PIECE_BYTES = 65536 }; /* of an exchange: a sum's piece is still in cache when added */

/** All ranks' nodes of a sum in the order of the tree: made anew for each sum, in standing memory. */
typedef struct pr__nodes {
    int n;
    pr_tree_node *at; /* [n] */
    int *owner;       /* [n] */
    int *number;      /* [n]: of the node among its owner's */
    char **part;      /* [n]: the piece that is being summed */
    MPI_Request *requests;
    int n_requests;
} pr__nodes;

struct pr_comm {
    MPI_Comm world; /* our own copy: nobody else's messages can meet ours */
    int rank, n_ranks, local_rank, n_local;
    int *counts;  /* [2 * n_ranks]: of an allgather */
    char *pieces; /* [pieces_bytes]: what other ranks' parts are received into */
    size_t pieces_bytes;
    pr__nodes nodes;
};

/** What differs between float and double in a sum. */
typedef struct pr__real {
    size_t n_bytes;
    MPI_Datatype type;
    void (*add)(void *sum, const void *left, const void *right, int64_t n);
} pr__real;

/** One sum: what all its parts have in common. */
typedef struct pr__summing {
    pr_comm *comm;
    const pr__real *real;
    int64_t n_leaves;
    int64_t n_per_piece;
} pr__summing;

enum { PR__TAG = 7 };

/** X [n], the sum of this rank's leaves, becomes that of all ranks', a power of two of them. */
pr_status pr__sum_by_halving(const pr__summing *s, char *x, int64_t n);

/** Tells the watchdog that this rank enters and leaves a collective. */
void pr__watchdog_enter(const char *name);
void pr__watchdog_leave(void);

#endif
