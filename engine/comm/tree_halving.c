/* Sums in the order of the tree over a power of two of ranks, each of which owns one node of it. */
#include "engine/base/tree.h"
#include "engine/comm/comm_private.h"

#include <stdbool.h>
#include <string.h>

typedef enum combine { ADD, KEEP_MINE, TAKE_THEIRS } combine;

/* How the sums of my group of ranks and of its sibling become one: where there are fewer leaves
 * than ranks, a group may have none, and a leaf is copied, never added to zero. */
static combine how_to_combine(const pr__summing *s, int group, int sibling, int n_in_group)
{
    const int begins[2] = {group, sibling};
    bool is_empty[2];
    for (int i = 0; i < 2; i++) {
        int64_t first = 0;
        int64_t last = 0;
        int64_t unused = 0;
        pr_tree_block(s->n_leaves, s->comm->n_ranks, begins[i], &first, &unused);
        pr_tree_block(s->n_leaves, s->comm->n_ranks, begins[i] + n_in_group - 1, &unused, &last);
        is_empty[i] = first == last;
    }
    return is_empty[1] ? KEEP_MINE : is_empty[0] ? TAKE_THEIRS : ADD;
}

/* Sends N_GIVEN elements to PARTNER and combines the N_KEPT that come back with mine, by pieces. */
static pr_status exchange_half(const pr__summing *s, int partner, const char *given,
                               int64_t n_given, char *kept, int64_t n_kept, combine how)
{
    const size_t size = s->real->n_bytes;
    char *const piece = s->comm->pieces;
    const int64_t n_most = n_given > n_kept ? n_given : n_kept;
    for (int64_t at = 0; at < n_most; at += s->n_per_piece) {
        const int64_t n_out = at + s->n_per_piece < n_given ? s->n_per_piece : n_given - at;
        const int64_t n_in = at + s->n_per_piece < n_kept ? s->n_per_piece : n_kept - at;
        PR_TRY_MPI(MPI_Sendrecv(given + (size_t)at * size, n_out > 0 ? (int)n_out : 0,
                                s->real->type, partner, PR__TAG, piece, n_in > 0 ? (int)n_in : 0,
                                s->real->type, partner, PR__TAG, s->comm->world,
                                MPI_STATUS_IGNORE));
        if (n_in <= 0 || how == KEEP_MINE) {
            continue;
        }
        char *const mine = kept + (size_t)at * size;
        if (how == TAKE_THEIRS) {
            memcpy(mine, piece, (size_t)n_in * size);
        } else if (s->comm->rank < partner) {
            s->real->add(mine, mine, piece, n_in);
        } else {
            s->real->add(mine, piece, mine, n_in);
        }
    }
    return PR_OK;
}

enum { MAX_LEVELS = 31 };

/*
 * Recursive halving: at level l my group of 2^l ranks and its sibling, which are sibling nodes of
 * the tree, exchange halves of what they hold; then doubling, the same way back. Rank r ends the
 * halving with the whole sum of one slice.
 */
pr_status pr__sum_by_halving(const pr__summing *s, char *x, int64_t n)
{
    const pr_comm *const comm = s->comm;
    const size_t size = s->real->n_bytes;
    int64_t begins[MAX_LEVELS + 1] = {0};
    int64_t ends[MAX_LEVELS + 1] = {n};
    int level = 0;
    for (; (1 << level) < comm->n_ranks; level++) {
        const int distance = 1 << level;
        const int group = comm->rank & ~(distance - 1);
        const int64_t begin = begins[level];
        const int64_t end = ends[level];
        const int64_t mid = begin + (end - begin) / 2;
        const bool is_left = (comm->rank & distance) == 0;
        begins[level + 1] = is_left ? begin : mid;
        ends[level + 1] = is_left ? mid : end;
        const int64_t given = is_left ? mid : begin;
        PR_TRY(exchange_half(s, comm->rank ^ distance, x + (size_t)given * size,
                             (end - begin) - (ends[level + 1] - begins[level + 1]),
                             x + (size_t)begins[level + 1] * size,
                             ends[level + 1] - begins[level + 1],
                             how_to_combine(s, group, group ^ distance, distance)));
    }
    while (level-- > 0) {
        const int partner = comm->rank ^ (1 << level);
        const int64_t begin = begins[level + 1];
        const int64_t n_mine = ends[level + 1] - begin;
        const int64_t other = begin == begins[level] && n_mine < ends[level] - begins[level]
                                  ? ends[level + 1]
                                  : begins[level];
        const int64_t n_other = (ends[level] - begins[level]) - n_mine;
        PR_TRY_MPI(MPI_Sendrecv(x + (size_t)begin * size, (int)n_mine, s->real->type, partner,
                                PR__TAG, x + (size_t)other * size, (int)n_other, s->real->type,
                                partner, PR__TAG, comm->world, MPI_STATUS_IGNORE));
    }
    return PR_OK;
}
