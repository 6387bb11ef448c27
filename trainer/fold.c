#include "trainer/fold.h"

#include "engine/base/alloc.h"
#include "engine/base/tree.h"

#include <stdbool.h>
#include <string.h>

enum { CHUNK = 1 << 16 }; /* elements a task adds: half of an L2 cache at two streams of f32 */

struct pr_fold {
    int64_t first, last; /* this rank's micro-batches */
    int64_t n_micro, n;
    pr_dtype real;
    int n_nodes;
    pr_tree_node nodes[PR_TREE_MAX_NODES];
    int n_buffers;
    void **buffers; /* [n_buffers] owned */
    bool *taken;    /* [n_buffers] */
    int *holder; /* [last - first]: buffer that holds the node which begins at this leaf, or -1 */
};

static int depth_of(int64_t n_leaves)
{
    int depth = 0;
    while (((int64_t)1 << depth) < n_leaves) {
        depth++;
    }
    return depth;
}

/* One pending left sibling a level of the tree for each owned node, and the leaves in the making. */
static int n_buffers_for(int64_t n_micro, int rank, int n_ranks, int n_together)
{
    int64_t first = 0;
    int64_t last = 0;
    pr_tree_block(n_micro, n_ranks, rank, &first, &last);
    pr_tree_node nodes[PR_TREE_MAX_NODES];
    const int n_nodes = pr_comm_tree_nodes(n_micro, n_ranks, rank, nodes);
    const int64_t wanted = n_nodes + depth_of(last - first) + n_together;
    return (int)(wanted < last - first ? wanted : last - first);
}

size_t pr_fold_bytes(int64_t n_micro, int rank, int n_ranks, int64_t n, pr_dtype real,
                     int n_together)
{
    return (size_t)n_buffers_for(n_micro, rank, n_ranks, n_together) * (size_t)n *
           pr_dtype_bytes(real);
}

pr_status pr_fold_create(int64_t n_micro, int rank, int n_ranks, int64_t n, pr_dtype real,
                         int n_together, pr_fold **out)
{
    PR_REQUIRE(n_ranks <= n_micro, PR_ERR_INVALID, "%d ranks for %lld micro-batches", n_ranks,
               (long long)n_micro);
    pr_fold *fold = pr_calloc(1, sizeof(*fold));
    PR_REQUIRE(fold != NULL, PR_ERR_NOMEM, "no memory for a fold");
    fold->n_micro = n_micro;
    fold->n = n;
    fold->real = real;
    pr_tree_block(n_micro, n_ranks, rank, &fold->first, &fold->last);
    fold->n_nodes = pr_comm_tree_nodes(n_micro, n_ranks, rank, fold->nodes);
    fold->n_buffers = n_buffers_for(n_micro, rank, n_ranks, n_together);

    fold->buffers = pr_calloc(fold->n_buffers, sizeof(*fold->buffers));
    fold->taken = pr_calloc(fold->n_buffers, sizeof(*fold->taken));
    fold->holder = pr_calloc(fold->last - fold->first, sizeof(*fold->holder));
    bool whole = fold->buffers != NULL && fold->taken != NULL && fold->holder != NULL;
    for (int i = 0; whole && i < fold->n_buffers; i++) {
        fold->buffers[i] = pr_calloc(n, pr_dtype_bytes(real));
        whole = fold->buffers[i] != NULL;
    }
    if (!whole) {
        const int n_wanted = fold->n_buffers;
        pr_fold_destroy(&fold);
        return PR_FAIL(PR_ERR_NOMEM, "no memory for %d gradient buffers of %lld elements", n_wanted,
                       (long long)n);
    }
    for (int64_t m = 0; m < fold->last - fold->first; m++) {
        fold->holder[m] = -1;
    }
    *out = fold;
    return PR_OK;
}

void pr_fold_destroy(pr_fold **fold)
{
    if (*fold == NULL) {
        return;
    }
    for (int i = 0; (*fold)->buffers != NULL && i < (*fold)->n_buffers; i++) {
        pr_free((*fold)->buffers[i]);
    }
    pr_free((*fold)->buffers);
    pr_free((*fold)->taken);
    pr_free((*fold)->holder);
    pr_free(*fold);
    *fold = NULL;
}

void *pr_fold_leaf(pr_fold *fold, int64_t m)
{
    if (m == fold->first) {
        memset(fold->taken, 0, (size_t)fold->n_buffers * sizeof(*fold->taken));
    }
    int i = 0;
    while (fold->taken[i]) {
        i++; /* n_buffers_for() left one free: a merged node holds one buffer a level at most */
    }
    fold->taken[i] = true;
    fold->holder[m - fold->first] = i;
    return fold->buffers[i];
}

typedef struct add_task {
    void *sum;
    const void *other;
    int64_t n;
    pr_dtype real;
} add_task;

static pr_status add_chunk(void *ctx, int64_t chunk)
{
    const add_task *const task = ctx;
    const int64_t first = chunk * CHUNK;
    const int64_t last = first + CHUNK < task->n ? first + CHUNK : task->n;
    if (task->real == PR_F32) {
        float *const sum = task->sum;
        const float *const other = task->other;
        for (int64_t i = first; i < last; i++) {
            sum[i] += other[i];
        }
    } else {
        double *const sum = task->sum;
        const double *const other = task->other;
        for (int64_t i = first; i < last; i++) {
            sum[i] += other[i];
        }
    }
    return PR_OK;
}

/* Merges the nodes of [a, b) whose right end lies in (done, now]; inner nodes first. */
static pr_status merge_node(pr_fold *fold, pr_team *team, int64_t a, int64_t b, int64_t done,
                            int64_t now)
{
    if (b - a <= 1 || b <= done) {
        return PR_OK;
    }
    const int64_t mid = pr_tree_mid(a, b);
    PR_TRY(merge_node(fold, team, a, mid, done, now));
    PR_TRY(merge_node(fold, team, mid, b, done, now));
    if (b > now) {
        return PR_OK;
    }
    int *const right = &fold->holder[mid - fold->first];
    add_task task = {fold->buffers[fold->holder[a - fold->first]], fold->buffers[*right], fold->n,
                     fold->real};
    PR_TRY(pr_team_run(team, add_chunk, &task, (fold->n + CHUNK - 1) / CHUNK));
    fold->taken[*right] = false;
    *right = -1;
    return PR_OK;
}

pr_status pr_fold_merge(pr_fold *fold, pr_team *team, int64_t first, int64_t last)
{
    for (int i = 0; i < fold->n_nodes; i++) {
        if (fold->nodes[i].first < last && fold->nodes[i].last > first) {
            PR_TRY(merge_node(fold, team, fold->nodes[i].first, fold->nodes[i].last, first, last));
        }
    }
    return PR_OK;
}

pr_status pr_fold_finish(pr_fold *fold, pr_comm *comm, const char *name, pr_reduction reduction,
                         void **sum)
{
    float *nodes_f32[PR_TREE_MAX_NODES];
    double *nodes_f64[PR_TREE_MAX_NODES];
    for (int i = 0; i < fold->n_nodes; i++) {
        void *const node = fold->buffers[fold->holder[fold->nodes[i].first - fold->first]];
        nodes_f32[i] = node;
        nodes_f64[i] = node;
    }
    if (fold->real == PR_F32) {
        PR_TRY(pr_comm_tree_sum_f32(comm, name, fold->n_micro, nodes_f32, fold->n, reduction));
        *sum = nodes_f32[0];
    } else {
        PR_TRY(pr_comm_tree_sum_f64(comm, name, fold->n_micro, nodes_f64, fold->n, reduction));
        *sum = nodes_f64[0];
    }
    return PR_OK;
}

void pr_fold_zero(pr_fold *fold)
{
    for (int i = 0; i < fold->n_buffers; i++) {
        memset(fold->buffers[i], 0, (size_t)fold->n * pr_dtype_bytes(fold->real));
    }
}
