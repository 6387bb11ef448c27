/*
 * Sums over the ranks' vectors in the order of the tree. For a power of two of ranks tree_halving.c
 * does it; here every rank owns a slice of the vector, gets that slice of all ranks' nodes, and adds
 * them in the tree's order.
 */
#include "engine/base/alloc.h"
#include "engine/base/tree.h"
#include "engine/comm/comm_private.h"

#include <string.h>

/* A vector is summed in parts of this many elements, so that every count fits MPI's int. */
static const int64_t MAX_PART = (int64_t)1 << 28;

static void add_f32(void *sum, const void *left, const void *right, int64_t n)
{
    float *const s = sum;
    const float *const l = left;
    const float *const r = right;
    for (int64_t i = 0; i < n; i++) {
        s[i] = l[i] + r[i];
    }
}

static void add_f64(void *sum, const void *left, const void *right, int64_t n)
{
    double *const s = sum;
    const double *const l = left;
    const double *const r = right;
    for (int64_t i = 0; i < n; i++) {
        s[i] = l[i] + r[i];
    }
}

/* Nodes of [a, b) that lie whole inside [first, last), left to right. */
// NOLINTNEXTLINE(misc-no-recursion): as deep as the tree.
static int list_nodes(int64_t a, int64_t b, int64_t first, int64_t last, pr_tree_node *nodes, int n)
{
    if (a >= last || b <= first || a >= b) {
        return n;
    }
    if (first <= a && b <= last) {
        nodes[n] = (pr_tree_node){a, b};
        return n + 1;
    }
    const int64_t mid = pr_tree_mid(a, b);
    n = list_nodes(a, mid, first, last, nodes, n);
    return list_nodes(mid, b, first, last, nodes, n);
}

int pr_comm_tree_nodes(int64_t n_leaves, int n_ranks, int rank,
                       pr_tree_node nodes[static PR_TREE_MAX_NODES])
{
    int64_t first = 0;
    int64_t last = 0;
    pr_tree_block(n_leaves, n_ranks, rank, &first, &last);
    return list_nodes(0, n_leaves, first, last, nodes, 0);
}

static void list_all_nodes(const pr__summing *s, pr__nodes *all)
{
    pr_tree_node nodes[PR_TREE_MAX_NODES];
    const int n_ranks = s->comm->n_ranks;
    all->n = 0;
    for (int r = 0; r < n_ranks; r++) {
        const int n_own = pr_comm_tree_nodes(s->n_leaves, n_ranks, r, nodes);
        for (int i = 0; i < n_own; i++, all->n++) {
            all->at[all->n] = nodes[i];
            all->owner[all->n] = r;
            all->number[all->n] = i;
        }
    }
}

static pr_status make_room(pr_comm *comm, size_t n_bytes)
{
    if (n_bytes <= comm->pieces_bytes) {
        return PR_OK;
    }
    char *const larger = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(larger != NULL, PR_ERR_NOMEM, "no memory for %zu bytes of a sum", n_bytes);
    pr_free(comm->pieces);
    comm->pieces = larger;
    comm->pieces_bytes = n_bytes;
    return PR_OK;
}

static int64_t slice_begin(int64_t n, int n_ranks, int rank)
{
    return n * rank / n_ranks;
}

/* The part of RANK's slice of [0, n) that round ROUND exchanges. */
static void piece_of(const pr__summing *s, int64_t n, int rank, int64_t round, int64_t *begin,
                     int *n_piece)
{
    const int64_t slice = slice_begin(n, s->comm->n_ranks, rank);
    const int64_t end = slice_begin(n, s->comm->n_ranks, rank + 1);
    *begin = slice + round * s->n_per_piece;
    const int64_t left = end - *begin;
    *n_piece = left <= 0 ? 0 : left < s->n_per_piece ? (int)left : (int)s->n_per_piece;
}

/* Asks for the pieces of this rank's slice from the nodes of all others. */
static pr_status receive_parts(const pr__summing *s, pr__nodes *all, char *const *nodes, int64_t n,
                               int64_t round)
{
    const pr_comm *const comm = s->comm;
    int64_t begin = 0;
    int n_piece = 0;
    piece_of(s, n, comm->rank, round, &begin, &n_piece);
    for (int i = 0; i < all->n; i++) {
        if (all->owner[i] == comm->rank) {
            all->part[i] = nodes[all->number[i]] + (size_t)begin * s->real->n_bytes;
            continue;
        }
        all->part[i] = comm->pieces + (size_t)i * PR__PIECE_BYTES;
        if (n_piece > 0) {
            PR_TRY_MPI(MPI_Irecv(all->part[i], n_piece, s->real->type, all->owner[i],
                                 PR__TAG + all->number[i], comm->world,
                                 &all->requests[all->n_requests++]));
        }
    }
    return PR_OK;
}

/* Sends the pieces of NODE, this rank's number NUMBER, to the owners of their slices. */
static pr_status send_parts(const pr__summing *s, pr__nodes *all, const char *node, int number,
                            int64_t n, int64_t round)
{
    const pr_comm *const comm = s->comm;
    for (int step = 1; step < comm->n_ranks; step++) {
        const int to = (comm->rank + step) % comm->n_ranks;
        int64_t begin = 0;
        int n_piece = 0;
        piece_of(s, n, to, round, &begin, &n_piece);
        if (n_piece > 0) {
            PR_TRY_MPI(MPI_Isend(node + (size_t)begin * s->real->n_bytes, n_piece, s->real->type,
                                 to, PR__TAG + number, comm->world,
                                 &all->requests[all->n_requests++]));
        }
    }
    return PR_OK;
}

static pr_status exchange_round(const pr__summing *s, pr__nodes *all, char *const *nodes, int64_t n,
                                int64_t round)
{
    all->n_requests = 0;
    PR_TRY(receive_parts(s, all, nodes, n, round));
    for (int i = 0; i < all->n; i++) {
        if (all->owner[i] == s->comm->rank) {
            PR_TRY(send_parts(s, all, nodes[all->number[i]], all->number[i], n, round));
        }
    }
    PR_TRY_MPI(MPI_Waitall(all->n_requests, all->requests, MPI_STATUSES_IGNORE));
    return PR_OK;
}

/* The sum of node [a, b), in the memory of its leftmost part; *NEXT is the first part to the right. */
// NOLINTNEXTLINE(misc-no-recursion): as deep as the tree.
static char *sum_node(const pr__summing *s, const pr__nodes *all, int64_t a, int64_t b, int *next,
                      int64_t n)
{
    if (all->at[*next].first == a && all->at[*next].last == b) {
        return all->part[(*next)++];
    }
    const int64_t mid = pr_tree_mid(a, b);
    char *const left = sum_node(s, all, a, mid, next, n);
    const char *const right = sum_node(s, all, mid, b, next, n);
    s->real->add(left, left, right, n);
    return left;
}

static pr_status sum_by_slices(const pr__summing *s, pr__nodes *all, char *const *nodes, int64_t n)
{
    pr_comm *const comm = s->comm;
    const size_t size = s->real->n_bytes;
    int64_t n_rounds = 0;
    for (int r = 0; r < comm->n_ranks; r++) {
        const int64_t n_slice =
            slice_begin(n, comm->n_ranks, r + 1) - slice_begin(n, comm->n_ranks, r);
        const int64_t n_of_rank = (n_slice + s->n_per_piece - 1) / s->n_per_piece;
        n_rounds = n_of_rank > n_rounds ? n_of_rank : n_rounds;
    }
    for (int64_t round = 0; round < n_rounds; round++) {
        PR_TRY(exchange_round(s, all, nodes, n, round));
        int64_t begin = 0;
        int n_piece = 0;
        piece_of(s, n, comm->rank, round, &begin, &n_piece);
        if (n_piece > 0) {
            int next = 0;
            const char *const sum = sum_node(s, all, 0, s->n_leaves, &next, n_piece);
            char *const place = nodes[0] + (size_t)begin * size;
            if (sum != place) {
                memcpy(place, sum, (size_t)n_piece * size);
            }
        }
    }
    for (int r = 0; r < comm->n_ranks; r++) {
        const int64_t begin = slice_begin(n, comm->n_ranks, r);
        const int64_t end = slice_begin(n, comm->n_ranks, r + 1);
        if (end > begin) {
            PR_TRY_MPI(MPI_Bcast(nodes[0] + (size_t)begin * size, (int)(end - begin), s->real->type,
                                 r, comm->world));
        }
    }
    return PR_OK;
}

static pr_status sum_fast(const pr__summing *s, char *const *nodes, int64_t n)
{
    pr_tree_node own[PR_TREE_MAX_NODES];
    const int n_own = pr_comm_tree_nodes(s->n_leaves, s->comm->n_ranks, s->comm->rank, own);
    if (n_own == 0) {
        memset(nodes[0], 0, (size_t)n * s->real->n_bytes);
    }
    for (int i = 1; i < n_own; i++) {
        s->real->add(nodes[0], nodes[0], nodes[i], n);
    }
    PR_TRY_MPI(
        MPI_Allreduce(MPI_IN_PLACE, nodes[0], (int)n, s->real->type, MPI_SUM, s->comm->world));
    return PR_OK;
}

static pr_status sum_strict(const pr__summing *s, pr__nodes *all, char *const *nodes, int64_t n)
{
    const int n_ranks = s->comm->n_ranks;
    return (n_ranks & (n_ranks - 1)) == 0 ? pr__sum_by_halving(s, nodes[0], n)
                                          : sum_by_slices(s, all, nodes, n);
}

static pr_status sum_parts(const pr__summing *s, pr__nodes *all, char *const *nodes, int64_t n,
                           pr_reduction reduction)
{
    char *parts[PR_TREE_MAX_NODES] = {NULL};
    pr_tree_node own[PR_TREE_MAX_NODES];
    int n_own = pr_comm_tree_nodes(s->n_leaves, s->comm->n_ranks, s->comm->rank, own);
    n_own = n_own > 0 ? n_own : 1;
    for (int64_t begin = 0; begin < n; begin += MAX_PART) {
        const int64_t n_part = n - begin < MAX_PART ? n - begin : MAX_PART;
        for (int i = 0; i < n_own; i++) {
            parts[i] = nodes[i] + (size_t)begin * s->real->n_bytes;
        }
        PR_TRY(reduction == PR_REDUCE_FAST ? sum_fast(s, parts, n_part)
                                           : sum_strict(s, all, parts, n_part));
    }
    return PR_OK;
}

static pr_status tree_sum(pr_comm *comm, const pr__real *kind, int64_t n_leaves, char *const *nodes,
                          int64_t n, pr_reduction reduction)
{
    const pr__summing s = {comm, kind, n_leaves, (int64_t)(PR__PIECE_BYTES / kind->n_bytes)};
    if (n_leaves == 0) {
        memset(nodes[0], 0, (size_t)n * kind->n_bytes);
        return PR_OK;
    }
    if (comm->n_ranks == 1) {
        return PR_OK; /* the one node is the whole tree */
    }
    if ((comm->n_ranks & (comm->n_ranks - 1)) != 0 && reduction == PR_REDUCE_STRICT) {
        list_all_nodes(&s, &comm->nodes);
        PR_TRY(make_room(comm, (size_t)comm->nodes.n * PR__PIECE_BYTES));
    }
    return sum_parts(&s, &comm->nodes, nodes, n, reduction);
}

pr_status pr_comm_tree_sum_f32(pr_comm *comm, const char *name, int64_t n_leaves,
                               float *const *nodes, int64_t n, pr_reduction reduction)
{
    const pr__real kind = {sizeof(float), MPI_FLOAT, add_f32};
    char *bytes[PR_TREE_MAX_NODES];
    pr_tree_node own[PR_TREE_MAX_NODES];
    const int n_own = pr_comm_tree_nodes(n_leaves, comm->n_ranks, comm->rank, own);
    for (int i = 0; i < PR_TREE_MAX_NODES; i++) {
        bytes[i] = (char *)nodes[i < n_own ? i : 0];
    }
    pr__watchdog_enter(name);
    const pr_status status = tree_sum(comm, &kind, n_leaves, bytes, n, reduction);
    pr__watchdog_leave();
    return status;
}

pr_status pr_comm_tree_sum_f64(pr_comm *comm, const char *name, int64_t n_leaves,
                               double *const *nodes, int64_t n, pr_reduction reduction)
{
    const pr__real kind = {sizeof(double), MPI_DOUBLE, add_f64};
    char *bytes[PR_TREE_MAX_NODES];
    pr_tree_node own[PR_TREE_MAX_NODES];
    const int n_own = pr_comm_tree_nodes(n_leaves, comm->n_ranks, comm->rank, own);
    for (int i = 0; i < PR_TREE_MAX_NODES; i++) {
        bytes[i] = (char *)nodes[i < n_own ? i : 0];
    }
    pr__watchdog_enter(name);
    const pr_status status = tree_sum(comm, &kind, n_leaves, bytes, n, reduction);
    pr__watchdog_leave();
    return status;
}
