#include "engine/core/exec.h"

#include "engine/base/alloc.h"
#include "engine/core/plan_private.h"

#include <string.h>

enum { POISON = 0xFF }; /* as f32 or f64 a NaN */

struct pr_exec {
    const pr_plan *plan;
    bool borrows; /* arena and workspace are another's */
    char *arena;
    void *workspace;
    void **states;  /* by op: what prepare() made */
    int n_prepared; /* ops whose state is to be released */
    pr_tensor cut_in, cut_out;
};

static size_t aligned(size_t n_bytes)
{
    return (n_bytes + PR_ALIGN_BYTES - 1) / PR_ALIGN_BYTES * PR_ALIGN_BYTES;
}

size_t pr_plan_exec_bytes(const pr_plan *plan)
{
    return aligned(plan->memory.activation_bytes) + aligned(plan->memory.workspace_bytes);
}

/* MEMORY is NULL where the executor has its own. */
static pr_status create(const pr_plan *plan, char *memory, pr_exec **out)
{
    pr_status status = PR_OK;
    pr_exec *exec = pr_calloc(1, sizeof(*exec));
    PR_REQUIRE(exec != NULL, PR_ERR_NOMEM, "graph '%s': an executor", plan->graph->name);
    exec->plan = plan;
    exec->borrows = memory != NULL;
    exec->arena = exec->borrows ? memory : pr_calloc((int64_t)plan->memory.activation_bytes, 1);
    exec->workspace = exec->borrows ? memory + aligned(plan->memory.activation_bytes)
                                    : pr_calloc((int64_t)plan->memory.workspace_bytes, 1);
    exec->states = pr_calloc(plan->graph->n_ops, sizeof(*exec->states));
    if (exec->arena == NULL || exec->workspace == NULL || exec->states == NULL) {
        status =
            PR_FAIL(PR_ERR_NOMEM, "graph '%s': %zu bytes of activations and %zu of workspace",
                    plan->graph->name, plan->memory.activation_bytes, plan->memory.workspace_bytes);
        goto failed;
    }
    for (int k = 0; k < plan->graph->n_ops; k++) {
        const pr__graph_op *const op = &plan->graph->ops[k];
        const pr_kernel *const kernel = plan->ops[k].kernel;
        size_t workspace_bytes = 0;
        if (kernel->prepare != NULL) {
            status = kernel->prepare(&op->sig, plan->ops[k].wants_grad, &exec->states[k],
                                     &workspace_bytes);
            if (status != PR_OK) {
                (void)pr__op_failed(status, op->op, op->name);
                goto failed;
            }
        }
        exec->n_prepared = k + 1;
        if (workspace_bytes > plan->memory.workspace_bytes) {
            status =
                PR_FAIL(PR_ERR_DEVICE, "op '%s' wants %zu bytes of workspace, planned were %zu",
                        op->name, workspace_bytes, plan->memory.workspace_bytes);
            goto failed;
        }
    }
    *out = exec;
    return PR_OK;

failed:
    pr_exec_destroy(&exec);
    return status;
}

pr_status pr_exec_create(const pr_plan *plan, pr_exec **out)
{
    return create(plan, NULL, out);
}

pr_status pr_exec_create_over(const pr_plan *plan, void *memory, pr_exec **out)
{
    return create(plan, memory, out);
}

void pr_exec_destroy(pr_exec **exec)
{
    if (*exec == NULL) {
        return;
    }
    for (int k = 0; (*exec)->states != NULL && k < (*exec)->n_prepared; k++) {
        const pr_kernel *const kernel = (*exec)->plan->ops[k].kernel;
        if (kernel->release != NULL) {
            kernel->release((*exec)->states[k]);
        }
    }
    if (!(*exec)->borrows) {
        pr_free((*exec)->arena);
        pr_free((*exec)->workspace);
    }
    pr_free((*exec)->states);
    pr_free(*exec);
    *exec = NULL;
}

static void *block_data(const pr_exec *exec, int block)
{
    return block < 0 ? NULL : exec->arena + exec->plan->blocks[block].offset;
}

/* Where the store's entry ENTRY stands in LEAF; NULL without a leaf. */
static void *leaf_data(const pr_plan *plan, int entry, void *leaf)
{
    const int64_t offset = pr_store_at(plan->store, entry)->offset;
    const size_t n_bytes = (size_t)offset * pr_dtype_bytes(pr_store_real(plan->store));
    return leaf == NULL ? NULL : (char *)leaf + n_bytes;
}

static pr_tensor tensor_of(const pr_desc *desc, void *data)
{
    return (pr_tensor){.dtype = desc->dtype, .shape = desc->shape, .data = data};
}

static pr_tensor value_of(const pr_exec *exec, int value)
{
    const pr_plan *const plan = exec->plan;
    const pr__plan_value *const root = &plan->values[plan->graph->nodes[value].root];
    return tensor_of(&plan->graph->nodes[value].desc,
                     root->entry >= 0 ? pr_store_at(plan->store, root->entry)->data
                                      : block_data(exec, root->block));
}

static pr_tensor grad_of(const pr_exec *exec, int value, void *leaf)
{
    const pr_plan *const plan = exec->plan;
    const pr__plan_value *const made = &plan->values[value];
    return tensor_of(&plan->graph->nodes[value].desc, made->entry >= 0
                                                          ? leaf_data(plan, made->entry, leaf)
                                                          : block_data(exec, made->grad_block));
}

pr_status pr_exec_value(pr_exec *exec, const char *name, pr_tensor *out)
{
    const pr_graph *const graph = exec->plan->graph;
    const int output = pr__graph_find_output(graph, name);
    const int value = output >= 0 ? graph->outputs[output].value : pr__graph_find(graph, name);

    PR_REQUIRE(value >= 0 && (output >= 0 || graph->nodes[value].kind == PR_VALUE_INPUT),
               PR_ERR_INVALID, "graph '%s' has no input or output '%s'", graph->name, name);
    *out = value_of(exec, value);
    return PR_OK;
}

pr_status pr_exec_grad(pr_exec *exec, const char *name, pr_tensor *out)
{
    const pr_graph *const graph = exec->plan->graph;
    const int output = pr__graph_find_output(graph, name);
    const int value = output >= 0 ? graph->outputs[output].value : pr__graph_find(graph, name);

    PR_REQUIRE(value >= 0 && (output >= 0 || graph->nodes[value].kind == PR_VALUE_INPUT),
               PR_ERR_INVALID, "graph '%s' has no input or output '%s'", graph->name, name);
    PR_REQUIRE(exec->plan->values[value].grad_block >= 0 &&
                   (output < 0 || exec->plan->values[value].seeded),
               PR_ERR_INVALID, "graph '%s': no gradient of '%s' was planned", graph->name, name);
    *out = grad_of(exec, value, NULL);
    return PR_OK;
}

/* A call and the arrays that it borrows. */
typedef struct op_call {
    pr_call call;
    pr_tensor in[PR_OP_MAX_IN], out[PR_OP_MAX_OUT], saved[PR_OP_MAX_SAVED], stat[PR_OP_MAX_STAT];
    pr_tensor grad_out[PR_OP_MAX_OUT], grad_in[PR_OP_MAX_IN];
} op_call;

static void call_make(const pr_exec *exec, int k, pr_pass pass, pr_mode mode, const pr_rows *rows,
                      void *leaf, op_call *made)
{
    const pr_plan *const plan = exec->plan;
    const pr__graph_op *const op = &plan->graph->ops[k];
    const pr_op_sig *const sig = &op->sig;
    const bool is_back = pass == PR_PASS_BACKWARD;
    const pr_mode own_mode = plan->ops[k].frozen ? PR_MODE_EVAL : mode;

    made->call = (pr_call){.attr = op->attr,
                           .n_in = sig->n_in,
                           .n_out = sig->n_out,
                           .n_saved = sig->n_saved,
                           .n_stat = sig->n_stat,
                           .in = made->in,
                           .out = made->out,
                           .saved = made->saved,
                           .stat = made->stat,
                           .grad_out = is_back ? made->grad_out : NULL,
                           .grad_in = is_back ? made->grad_in : NULL,
                           .grad_add = is_back ? plan->ops[k].grad_add : NULL,
                           .workspace = exec->workspace,
                           .state = exec->states[k],
                           .mode = own_mode,
                           .rows = rows};
    for (int i = 0; i < sig->n_in; i++) {
        made->in[i] = value_of(exec, op->in[i]);
        made->grad_in[i] = grad_of(exec, op->in[i], leaf);
        if (!plan->ops[k].wants_grad[i]) {
            made->grad_in[i].data = NULL;
        }
    }
    for (int i = 0; i < sig->n_out; i++) {
        made->out[i] = value_of(exec, op->out[i]);
        made->grad_out[i] = grad_of(exec, op->out[i], NULL);
    }
    for (int i = 0; i < sig->n_saved; i++) {
        made->saved[i] = tensor_of(&sig->saved[i], block_data(exec, plan->ops[k].saved_block[i]));
    }
    for (int i = 0; i < sig->n_stat; i++) {
        const int entry = plan->values[op->in[sig->stat_in[i]]].entry;
        const bool is_written = own_mode == PR_MODE_TRAIN && !is_back;
        made->stat[i] = tensor_of(&sig->stat[i], is_written ? leaf_data(plan, entry, leaf) : NULL);
    }
}

static void poison(const pr_tensor *tensor)
{
    const pr_desc desc = {tensor->dtype, tensor->shape};
    if (tensor->data != NULL) {
        memset(tensor->data, POISON, pr_desc_bytes(&desc));
    }
}

/* Poisons what op K is about to write without reading it. */
static void poison_before(const pr_exec *exec, int k, pr_pass pass, const op_call *made)
{
    const pr_op_sig *const sig = &exec->plan->graph->ops[k].sig;

    memset(exec->workspace, POISON, exec->plan->memory.workspace_bytes);
    if (pass == PR_PASS_BACKWARD) {
        for (int i = 0; i < sig->n_in; i++) {
            if (!exec->plan->ops[k].grad_add[i]) {
                poison(&made->grad_in[i]);
            }
        }
        return;
    }
    for (int i = 0; i < sig->n_out; i++) {
        if (sig->out_alias[i] < 0) {
            poison(&made->out[i]);
        }
    }
    for (int i = 0; i < sig->n_saved; i++) {
        poison(&made->saved[i]);
    }
    for (int i = 0; i < sig->n_stat; i++) {
        poison(&made->stat[i]);
    }
}

/* Poisons the blocks that die at a time from FIRST to LAST. */
static void poison_dead(const pr_exec *exec, int first, int last)
{
    for (int i = 0; i < exec->plan->n_blocks; i++) {
        const pr__block *const block = &exec->plan->blocks[i];
        if (block->dies >= first && block->dies <= last) {
            memset(exec->arena + block->offset, POISON, block->n_bytes);
        }
    }
}

static pr_status run_op(pr_exec *exec, int k, pr_pass pass, pr_mode mode, const pr_rows *rows,
                        void *leaf)
{
    const pr_plan *const plan = exec->plan;
    const pr__graph_op *const op = &plan->graph->ops[k];
    const bool is_back = pass == PR_PASS_BACKWARD;
    op_call made;

    call_make(exec, k, pass, mode, rows, leaf, &made);
    if (plan->poison) {
        poison_before(exec, k, pass, &made);
    }
    const pr_kernel *const kernel = plan->ops[k].kernel;
    const pr_status status = is_back ? kernel->backward(&made.call) : kernel->forward(&made.call);
    if (status != PR_OK) {
        return pr__op_failed(status, op->op, op->name);
    }
    if (plan->poison) {
        const int now = is_back ? pr__plan_back_time(plan, k) : k;
        poison_dead(exec, now, now);
    }
    return PR_OK;
}

/* Trained parameters that no gradient reaches have a gradient of zero. */
static void clear_unreached(const pr_plan *plan, void *leaf)
{
    for (int v = 0; v < plan->graph->n_nodes; v++) {
        const pr__node *const node = &plan->graph->nodes[v];
        const pr__plan_value *const value = &plan->values[v];
        if (node->kind == PR_VALUE_PARAM && value->takes_grad && !value->has_grad) {
            memset(leaf_data(plan, value->entry, leaf), 0, pr_desc_bytes(&node->desc));
        }
    }
}

static bool needs_leaf(const pr_plan *plan, pr_pass pass, pr_mode mode)
{
    bool needs = pass == PR_PASS_FORWARD && mode == PR_MODE_TRAIN && plan->writes_stats;
    for (int v = 0; v < plan->graph->n_nodes && pass == PR_PASS_BACKWARD && !needs; v++) {
        needs = plan->graph->nodes[v].kind == PR_VALUE_PARAM && plan->values[v].takes_grad;
    }
    return needs;
}

pr_status pr_exec_run(pr_exec *exec, pr_pass pass, int segment, pr_mode mode, const pr_rows *rows,
                      void *leaf)
{
    const pr_plan *const plan = exec->plan;
    const pr__plan_pass *const made = &plan->passes[pass];

    PR_REQUIRE(segment >= 0 && segment < made->n_segments, PR_ERR_INVALID,
               "graph '%s': segment %d, there are %d", plan->graph->name, segment,
               made->n_segments);
    PR_REQUIRE(pass == PR_PASS_FORWARD || plan->backward, PR_ERR_INVALID,
               "graph '%s' was planned without backward", plan->graph->name);
    PR_REQUIRE(leaf != NULL || !needs_leaf(plan, pass, mode), PR_ERR_INVALID,
               "graph '%s' has gradients or statistics to write, but no leaf", plan->graph->name);
    if (segment == 0 && pass == PR_PASS_FORWARD && plan->poison) {
        poison_dead(exec, 0, 2 * plan->graph->n_ops);
    }
    if (segment == 0 && pass == PR_PASS_BACKWARD && leaf != NULL) {
        clear_unreached(plan, leaf);
    }
    for (int i = segment == 0 ? 0 : made->ends[segment - 1]; i < made->ends[segment]; i++) {
        PR_TRY(run_op(exec, made->order[i], pass, mode, rows, leaf));
    }
    return PR_OK;
}

pr_status pr_exec_cut(pr_exec *exec, pr_pass pass, int segment, pr_cut *out)
{
    const pr_plan *const plan = exec->plan;
    const pr__plan_pass *const made = &plan->passes[pass];

    PR_REQUIRE(segment >= 0 && segment < made->n_segments, PR_ERR_INVALID,
               "graph '%s': segment %d, there are %d", plan->graph->name, segment,
               made->n_segments);
    *out = (pr_cut){.sync = PR_SYNC_NONE};
    if (segment + 1 == made->n_segments) {
        return PR_OK;
    }

    const pr__graph_op *const op = &plan->graph->ops[made->order[made->ends[segment] - 1]];
    if (pass == PR_PASS_FORWARD) {
        exec->cut_in = value_of(exec, op->in[0]);
        exec->cut_out = value_of(exec, op->out[0]);
    } else {
        exec->cut_in = grad_of(exec, op->out[0], NULL);
        exec->cut_out = grad_of(exec, op->in[0], NULL);
    }
    *out =
        (pr_cut){.sync = pr_op_info_get(op->op)->sync, .in = &exec->cut_in, .out = &exec->cut_out};
    return PR_OK;
}

pr_status pr_exec_run_all(pr_exec *exec, pr_pass pass, pr_mode mode, const pr_rows *rows,
                          void *leaf)
{
    PR_REQUIRE(exec->plan->passes[pass].n_segments == 1, PR_ERR_INVALID,
               "graph '%s' has %d cuts, run it segment by segment", exec->plan->graph->name,
               exec->plan->passes[pass].n_segments - 1);
    return pr_exec_run(exec, pass, 0, mode, rows, leaf);
}
