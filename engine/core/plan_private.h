/**
 * What a plan is made of: for plan*.c, which make it, and exec.c, which runs it.
 *
 * Time, for lifetimes: forward runs op k of n at time k, backward at time 2 n - k.
 */
#ifndef PR_ENGINE_CORE_PLAN_PRIVATE_H
#define PR_ENGINE_CORE_PLAN_PRIVATE_H

#include "engine/core/exec.h"
#include "engine/core/graph_private.h"

/** A piece of the arena that is alive from time BORN to time DIES, both included. */
typedef struct pr__block {
    size_t n_bytes, offset;
    int born, dies;
} pr__block;

typedef struct pr__plan_value {
    int entry;       /* of the store: parameters, buffers, states; else -1 */
    int block;       /* else the value's memory; -1 for what is in the store or shares memory */
    int grad_block;  /* -1: none, or in the leaf */
    int n_grads;     /* how many ops write its gradient */
    bool takes_grad; /* something that is trained is upstream */
    bool has_grad;   /* and what is seeded is downstream: its gradient is computed */
    bool seeded;
} pr__plan_value;

typedef struct pr__plan_op {
    const pr_kernel *kernel;
    bool in_backward, frozen;
    bool wants_grad[PR_OP_MAX_IN], grad_add[PR_OP_MAX_IN];
    int saved_block[PR_OP_MAX_SAVED];
} pr__plan_op;

typedef struct pr__plan_pass {
    int *order; /* ops as they run */
    int n_order;
    int *ends; /* segment s ends before order[ends[s]] */
    int n_segments;
} pr__plan_pass;

struct pr_plan {
    const pr_graph *graph;
    pr_store *store;
    pr_backend_id backend;
    bool backward, poison, unpacked;
    pr__plan_value *values;
    pr__plan_op *ops;
    pr__block *blocks;
    int n_blocks;
    pr__plan_pass passes[2];
    bool *writes; /* by entry of the store */
    bool writes_stats;
    pr_plan_memory memory;
};

/** Fills in what gradients are computed, by whom and in which order they are added. */
pr_status pr__plan_gradients(pr_plan *plan, const pr_plan_options *options);

/** Fills in blocks and their places, given the gradients. */
pr_status pr__plan_memory(pr_plan *plan);

/** Gives each block its offset; writes the bytes of all. */
pr_status pr__plan_pack(pr__block *blocks, int n_blocks, bool unpacked, size_t *n_bytes);

/** When backward runs op K. */
static inline int pr__plan_back_time(const pr_plan *plan, int k)
{
    return 2 * plan->graph->n_ops - k;
}

#endif
