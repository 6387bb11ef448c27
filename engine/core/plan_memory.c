#include "engine/base/alloc.h"
#include "engine/core/plan_private.h"

#include <string.h>

/* How many blocks the graph can need. */
static int count_room(const pr_graph *graph)
{
    int n = 2 * graph->n_nodes;
    for (int k = 0; k < graph->n_ops; k++) {
        n += graph->ops[k].sig.n_saved;
    }
    return n;
}

static int block_new(pr_plan *plan, const pr_desc *desc, int born, int dies)
{
    const size_t n_bytes = pr_desc_bytes(desc);
    plan->blocks[plan->n_blocks] =
        (pr__block){.n_bytes = (n_bytes + PR_ALIGN_BYTES - 1) / PR_ALIGN_BYTES * PR_ALIGN_BYTES,
                    .born = born,
                    .dies = dies};
    return plan->n_blocks++;
}

/* The block of VALUE lives at TIME too, if it has one. */
static void block_reach(pr_plan *plan, int block, int time)
{
    if (block >= 0 && plan->blocks[block].dies < time) {
        plan->blocks[block].dies = time;
    }
}

static int end_of_time(const pr_plan *plan)
{
    return 2 * plan->graph->n_ops + 1;
}

/* The trainer reads what goes into a cut after the op has run. */
static int after_cut(const pr__graph_op *op)
{
    return pr_op_info_get(op->op)->sync == PR_SYNC_NONE ? 0 : 1;
}

/* Blocks of values, alive from their makers to their last readers. */
static void place_values(pr_plan *plan)
{
    const pr_graph *const graph = plan->graph;

    for (int v = 0; v < graph->n_nodes; v++) {
        const pr__node *const node = &graph->nodes[v];
        plan->values[v].block = -1;
        if (node->kind == PR_VALUE_INPUT) {
            plan->values[v].block = block_new(plan, &node->desc, -1, end_of_time(plan));
        } else if (node->kind == PR_VALUE_RESULT && node->root == v) {
            plan->values[v].block = block_new(plan, &node->desc, node->maker, node->maker);
        }
    }
    for (int k = 0; k < graph->n_ops; k++) {
        const pr__graph_op *const op = &graph->ops[k];
        const pr_op_info *const info = pr_op_info_get(op->op);
        const bool back = plan->ops[k].in_backward;
        for (int i = 0; i < op->sig.n_in; i++) {
            const bool is_read = back && (info->back_in >> i & 1U) != 0;
            block_reach(plan, plan->values[op->in[i]].block,
                        is_read ? pr__plan_back_time(plan, k) : k + after_cut(op));
        }
        for (int i = 0; i < op->sig.n_out; i++) {
            const bool is_read = back && (info->back_out >> i & 1U) != 0;
            block_reach(plan, plan->values[op->out[i]].block,
                        is_read ? pr__plan_back_time(plan, k) : k);
        }
    }
    for (int i = 0; i < graph->n_outputs; i++) {
        block_reach(plan, plan->values[graph->outputs[i].value].block, end_of_time(plan));
    }
}

static void place_saved(pr_plan *plan)
{
    for (int k = 0; k < plan->graph->n_ops; k++) {
        const pr_op_sig *const sig = &plan->graph->ops[k].sig;
        for (int i = 0; i < sig->n_saved; i++) {
            plan->ops[k].saved_block[i] =
                block_new(plan, &sig->saved[i], k,
                          plan->ops[k].in_backward ? pr__plan_back_time(plan, k) : k);
        }
    }
}

/* Blocks of gradients, alive from their first writers to the ops that made the values. */
static void place_gradients(pr_plan *plan)
{
    const pr_graph *const graph = plan->graph;

    for (int v = 0; v < graph->n_nodes; v++) {
        pr__plan_value *const value = &plan->values[v];
        value->grad_block = -1;
        if (value->seeded) {
            value->grad_block = block_new(plan, &graph->nodes[v].desc, -1, end_of_time(plan));
        }
    }
    for (int i = 0; i < plan->passes[PR_PASS_BACKWARD].n_order; i++) {
        const int k = plan->passes[PR_PASS_BACKWARD].order[i];
        const int now = pr__plan_back_time(plan, k);
        const pr__graph_op *const op = &graph->ops[k];
        for (int o = 0; o < op->sig.n_out; o++) {
            block_reach(plan, plan->values[op->out[o]].grad_block, now + after_cut(op));
        }
        for (int j = 0; j < op->sig.n_in; j++) {
            pr__plan_value *const value = &plan->values[op->in[j]];
            const pr_value_kind kind = graph->nodes[op->in[j]].kind;
            if (!plan->ops[k].wants_grad[j] || kind == PR_VALUE_PARAM) {
                continue;
            }
            if (value->grad_block < 0) {
                value->grad_block = block_new(plan, &graph->nodes[op->in[j]].desc, now, now);
            }
            block_reach(plan, value->grad_block, kind == PR_VALUE_INPUT ? end_of_time(plan) : now);
        }
    }
}

/* Of the gaps between the placed blocks that live while BLOCK does, the narrowest that takes it. */
static size_t find_gap(const pr__block *block, pr__block *const *placed, int n_placed)
{
    size_t cursor = 0;
    size_t best = 0;
    size_t best_width = SIZE_MAX;

    for (int i = 0; i < n_placed; i++) {
        const pr__block *const other = placed[i];
        if (other->born > block->dies || block->born > other->dies) {
            continue;
        }
        if (other->offset > cursor) {
            const size_t width = other->offset - cursor;
            if (width >= block->n_bytes && width < best_width) {
                best = cursor;
                best_width = width;
            }
        }
        if (other->offset + other->n_bytes > cursor) {
            cursor = other->offset + other->n_bytes;
        }
    }
    return best_width == SIZE_MAX ? cursor : best;
}

static void insert_by_offset(pr__block **placed, int n_placed, pr__block *block)
{
    int at = n_placed;
    while (at > 0 && placed[at - 1]->offset > block->offset) {
        placed[at] = placed[at - 1];
        at--;
    }
    placed[at] = block;
}

/* Larger blocks first; of equal ones the earlier in the list. Insertion keeps it simple. */
static void sort_by_size(pr__block *blocks, int n_blocks, pr__block **sorted)
{
    for (int i = 0; i < n_blocks; i++) {
        int at = i;
        while (at > 0 && sorted[at - 1]->n_bytes < blocks[i].n_bytes) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = &blocks[i];
    }
}

/*
 * The largest blocks are placed first, each where it fits most tightly among those that live at the
 * same time. Optimal packing is NP-hard; on these graphs this comes within a few percent of the
 * largest sum of what lives at once.
 */
pr_status pr__plan_pack(pr__block *blocks, int n_blocks, bool unpacked, size_t *n_bytes)
{
    pr__block **const sorted = pr_calloc(n_blocks, sizeof(pr__block *));
    pr__block **const placed = pr_calloc(n_blocks, sizeof(pr__block *));
    if (sorted == NULL || placed == NULL) {
        pr_free(sorted);
        pr_free(placed);
        return PR_FAIL(PR_ERR_NOMEM, "a list of %d blocks", n_blocks);
    }

    size_t end = 0;
    sort_by_size(blocks, n_blocks, sorted);
    for (int i = 0; i < n_blocks; i++) {
        sorted[i]->offset = unpacked ? end : find_gap(sorted[i], placed, i);
        insert_by_offset(placed, i, sorted[i]);
        if (sorted[i]->offset + sorted[i]->n_bytes > end) {
            end = sorted[i]->offset + sorted[i]->n_bytes;
        }
    }
    *n_bytes = end;
    pr_free(sorted);
    pr_free(placed);
    return PR_OK;
}

pr_status pr__plan_memory(pr_plan *plan)
{
    plan->blocks = pr_calloc(count_room(plan->graph), sizeof(*plan->blocks));
    PR_REQUIRE(plan->blocks != NULL, PR_ERR_NOMEM, "%d blocks of memory", count_room(plan->graph));
    place_values(plan);
    place_saved(plan);
    place_gradients(plan);
    return pr__plan_pack(plan->blocks, plan->n_blocks, plan->unpacked,
                         &plan->memory.activation_bytes);
}
