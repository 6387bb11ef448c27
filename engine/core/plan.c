#include "engine/base/alloc.h"
#include "engine/core/plan_private.h"

/* Finds the tensors of the graph in the store. */
static pr_status bind_store(pr_plan *plan)
{
    const pr_graph *const graph = plan->graph;

    for (int v = 0; v < graph->n_nodes; v++) {
        const pr__node *const node = &graph->nodes[v];
        plan->values[v].entry = -1;
        if (node->kind == PR_VALUE_INPUT || node->kind == PR_VALUE_RESULT) {
            continue;
        }
        const pr_store_entry *const entry = pr_store_find(plan->store, node->name);
        PR_REQUIRE(entry != NULL && entry->data != NULL, PR_ERR_INVALID,
                   "graph '%s': '%s' is not in the store, or the store is not allocated",
                   graph->name, node->name);
        PR_REQUIRE(entry->kind == node->kind && entry->desc.dtype == node->desc.dtype &&
                       pr_shape_equal(&entry->desc.shape, &node->desc.shape),
                   PR_ERR_SHAPE, "graph '%s': '%s' is another tensor in the store", graph->name,
                   node->name);
        plan->values[v].entry = (int)(entry - pr_store_at(plan->store, 0));
    }
    return PR_OK;
}

/* Finds every op's kernel, by preparing it learns its workspace. */
static pr_status bind_kernels(pr_plan *plan)
{
    for (int k = 0; k < plan->graph->n_ops; k++) {
        const pr__graph_op *const op = &plan->graph->ops[k];
        pr__plan_op *const made = &plan->ops[k];
        pr_status status = pr_kernel_get(op->op, plan->backend, &made->kernel);
        if (status == PR_OK && made->in_backward && made->kernel->backward == NULL) {
            status = PR_FAIL(PR_ERR_DEVICE, "no kernel for its gradient");
        }
        if (status == PR_OK && made->kernel->prepare != NULL) {
            void *state = NULL;
            size_t workspace_bytes = 0;
            status = made->kernel->prepare(&op->sig, made->wants_grad, &state, &workspace_bytes);
            if (status == PR_OK && made->kernel->release != NULL) {
                made->kernel->release(state);
            }
            if (workspace_bytes > plan->memory.workspace_bytes) {
                plan->memory.workspace_bytes = workspace_bytes;
            }
        }
        if (status != PR_OK) {
            return pr__op_failed(status, op->op, op->name);
        }
    }
    return PR_OK;
}

static pr_status check_types(const pr_graph *graph, const pr_store *store,
                             const pr_plan_options *options)
{
    const pr_dtype want = options->backend == PR_BACKEND_REF ? PR_F64 : PR_F32;

    PR_REQUIRE(graph->real == want, PR_ERR_SHAPE, "graph '%s' computes in %s, its backend wants %s",
               graph->name, pr_dtype_name(graph->real), pr_dtype_name(want));
    PR_REQUIRE(pr_store_real(store) == want, PR_ERR_SHAPE,
               "graph '%s' computes in %s, the store holds %s", graph->name,
               pr_dtype_name(graph->real), pr_dtype_name(pr_store_real(store)));
    PR_REQUIRE(graph->n_ops > 0, PR_ERR_INVALID, "graph '%s' has no ops", graph->name);
    return PR_OK;
}

static pr_status fill(pr_plan *plan, const pr_plan_options *options)
{
    plan->values = pr_calloc(plan->graph->n_nodes, sizeof(*plan->values));
    plan->ops = pr_calloc(plan->graph->n_ops, sizeof(*plan->ops));
    plan->writes = pr_calloc(pr_store_n(plan->store), sizeof(*plan->writes));
    PR_REQUIRE(plan->values != NULL && plan->ops != NULL && plan->writes != NULL, PR_ERR_NOMEM,
               "graph '%s': a plan of %d values", plan->graph->name, plan->graph->n_nodes);
    plan->memory.leaf_bytes =
        (size_t)pr_store_arena_n(plan->store) * pr_dtype_bytes(pr_store_real(plan->store));
    PR_TRY(bind_store(plan));
    PR_TRY(pr__plan_gradients(plan, options));
    PR_TRY(pr__plan_memory(plan));
    return bind_kernels(plan);
}

pr_status pr_plan_create_checked(const pr_graph *graph, pr_store *store,
                                 const pr_plan_options *options, bool poison, bool unpacked,
                                 pr_plan **out)
{
    PR_TRY(check_types(graph, store, options));
    pr_plan *plan = pr_calloc(1, sizeof(*plan));
    PR_REQUIRE(plan != NULL, PR_ERR_NOMEM, "graph '%s': a plan", graph->name);
    plan->graph = graph;
    plan->store = store;
    plan->backend = options->backend;
    plan->backward = options->backward;
    plan->poison = poison;
    plan->unpacked = unpacked;

    const pr_status status = fill(plan, options);
    if (status != PR_OK) {
        pr_plan_destroy(&plan);
        return status;
    }
    *out = plan;
    return PR_OK;
}

pr_status pr_plan_create(const pr_graph *graph, pr_store *store, const pr_plan_options *options,
                         pr_plan **out)
{
    return pr_plan_create_checked(graph, store, options, false, false, out);
}

void pr_plan_destroy(pr_plan **plan)
{
    if (*plan == NULL) {
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        pr_free((*plan)->passes[pass].order);
        pr_free((*plan)->passes[pass].ends);
    }
    pr_free((*plan)->values);
    pr_free((*plan)->ops);
    pr_free((*plan)->blocks);
    pr_free((*plan)->writes);
    pr_free(*plan);
    *plan = NULL;
}

const pr_plan_memory *pr_plan_memory_get(const pr_plan *plan)
{
    return &plan->memory;
}

int pr_plan_n_segments(const pr_plan *plan, pr_pass pass)
{
    return plan->passes[pass].n_segments;
}

bool pr_plan_writes(const pr_plan *plan, int entry)
{
    return plan->writes[entry];
}
