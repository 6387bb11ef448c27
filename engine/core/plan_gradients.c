#include "engine/base/alloc.h"
#include "engine/core/plan_private.h"

#include <string.h>

static bool is_trained(const pr_plan_options *options, const char *name)
{
    bool trained = options->trains == NULL;
    for (int i = 0; i < options->n_trains && !trained; i++) {
        trained = strncmp(name, options->trains[i], strlen(options->trains[i])) == 0;
    }
    return trained;
}

static bool can_take(const pr__graph_op *op, int i)
{
    return (pr_op_info_get(op->op)->diff_in >> i & 1U) != 0;
}

/* Marks what trained things are upstream of, and ops whose statistics are frozen. */
static void mark_forward(pr_plan *plan, const pr_plan_options *options)
{
    const pr_graph *const graph = plan->graph;

    for (int v = 0; v < graph->n_nodes; v++) {
        const pr__node *const node = &graph->nodes[v];
        plan->values[v].takes_grad =
            (node->kind == PR_VALUE_PARAM && is_trained(options, node->name)) ||
            (node->kind == PR_VALUE_INPUT && node->wants_grad);
    }
    for (int k = 0; k < graph->n_ops; k++) {
        const pr__graph_op *const op = &graph->ops[k];
        bool takes = false;
        bool has_param = false;
        bool trains_param = false;
        for (int i = 0; i < op->sig.n_in; i++) {
            const bool is_param = graph->nodes[op->in[i]].kind == PR_VALUE_PARAM;
            takes = takes || (can_take(op, i) && plan->values[op->in[i]].takes_grad);
            has_param = has_param || is_param;
            trains_param = trains_param || (is_param && plan->values[op->in[i]].takes_grad);
        }
        for (int i = 0; i < op->sig.n_out; i++) {
            plan->values[op->out[i]].takes_grad = takes;
        }
        plan->ops[k].frozen = op->sig.n_stat > 0 && has_param && !trains_param;
    }
}

/* Marks, from the seeds down, the gradients that are computed and who adds to which. */
static void mark_backward(pr_plan *plan)
{
    const pr_graph *const graph = plan->graph;

    for (int i = 0; i < graph->n_outputs; i++) {
        pr__plan_value *const value = &plan->values[graph->outputs[i].value];
        value->seeded = value->seeded || graph->outputs[i].wants_seed;
        value->has_grad = value->seeded;
    }
    for (int k = graph->n_ops - 1; k >= 0; k--) {
        const pr__graph_op *const op = &graph->ops[k];
        pr__plan_op *const made = &plan->ops[k];
        bool has_grad = false;
        for (int i = 0; i < op->sig.n_out; i++) {
            has_grad = has_grad || plan->values[op->out[i]].has_grad;
        }
        for (int i = 0; i < op->sig.n_in && has_grad; i++) {
            pr__plan_value *const value = &plan->values[op->in[i]];
            if (!can_take(op, i) || !value->takes_grad) {
                continue;
            }
            made->in_backward = true;
            made->wants_grad[i] = true;
            made->grad_add[i] = value->has_grad;
            value->has_grad = true;
            value->n_grads++;
        }
    }
}

/* The name of a value for messages: its own, or its maker's. */
static const char *name_of(const pr_graph *graph, int value)
{
    const pr__node *const node = &graph->nodes[value];
    return node->name != NULL ? node->name : graph->ops[node->maker].name;
}

/* Input I of op K, which runs backward. */
static pr_status check_input(const pr_plan *plan, int k, int i)
{
    const pr_graph *const graph = plan->graph;
    const pr__graph_op *const op = &graph->ops[k];
    const bool *const wants_grad = plan->ops[k].wants_grad;
    const bool is_read = (pr_op_info_get(op->op)->back_in >> i & 1U) != 0;
    const int updated_by = graph->nodes[op->in[i]].updated_by;

    for (int j = i + 1; j < op->sig.n_in && wants_grad[i]; j++) {
        PR_REQUIRE(op->in[i] != op->in[j] || !wants_grad[j], PR_ERR_INVALID,
                   "op '%s' wants the gradient of '%s' twice, as input %d and as %d", op->name,
                   name_of(graph, op->in[i]), i, j);
    }
    PR_REQUIRE(!is_read || updated_by <= k, PR_ERR_INVALID,
               "backward of op '%s' reads '%s', which op '%s' has updated by then", op->name,
               name_of(graph, op->in[i]), graph->ops[updated_by].name);
    return PR_OK;
}

/* The trainer overwrites the gradient of what a cut sums, so nothing else may add to it. */
static pr_status check_cut(const pr_plan *plan, const pr__graph_op *op)
{
    const pr_graph *const graph = plan->graph;
    const pr__plan_value *const value = &plan->values[op->in[0]];

    PR_REQUIRE(value->n_grads == 1 && !value->seeded &&
                   graph->nodes[op->in[0]].kind == PR_VALUE_RESULT,
               PR_ERR_INVALID, "the input '%s' of the cut '%s' takes a gradient elsewhere too",
               name_of(graph, op->in[0]), op->name);
    return PR_OK;
}

static pr_status check_op(const pr_plan *plan, int k)
{
    const pr__graph_op *const op = &plan->graph->ops[k];

    if (!plan->ops[k].in_backward) {
        return PR_OK;
    }
    for (int i = 0; i < op->sig.n_in; i++) {
        PR_TRY(check_input(plan, k, i));
    }
    return pr_op_info_get(op->op)->sync == PR_SYNC_NONE ? PR_OK : check_cut(plan, op);
}

/* Marks the entries of the store whose place in a leaf is written. */
static pr_status mark_writes(pr_plan *plan)
{
    const pr_graph *const graph = plan->graph;

    for (int v = 0; v < graph->n_nodes; v++) {
        if (graph->nodes[v].kind == PR_VALUE_PARAM && plan->backward) {
            plan->writes[plan->values[v].entry] = plan->values[v].takes_grad;
        }
    }
    for (int k = 0; k < graph->n_ops; k++) {
        const pr__graph_op *const op = &graph->ops[k];
        for (int i = 0; i < op->sig.n_stat && !plan->ops[k].frozen; i++) {
            bool *const writes = &plan->writes[plan->values[op->in[op->sig.stat_in[i]]].entry];
            PR_REQUIRE(*writes == op->sig.stat_adds, PR_ERR_INVALID,
                       "op '%s' %s the statistics of '%s'", op->name,
                       *writes ? "is the second to write" : "adds, and is the first, to",
                       name_of(graph, op->in[op->sig.stat_in[i]]));
            *writes = true;
            plan->writes_stats = true;
        }
    }
    return PR_OK;
}

static pr_status make_order(const pr_plan *plan, pr_pass pass, pr__plan_pass *made)
{
    const pr_graph *const graph = plan->graph;
    const int n = graph->n_ops;

    made->order = pr_calloc(n, sizeof(*made->order));
    made->ends = pr_calloc(n + 1, sizeof(*made->ends));
    PR_REQUIRE(made->order != NULL && made->ends != NULL, PR_ERR_NOMEM, "the order of %d ops", n);
    for (int i = 0; i < n; i++) {
        const int k = pass == PR_PASS_FORWARD ? i : n - 1 - i;
        if (pass == PR_PASS_BACKWARD && !plan->ops[k].in_backward) {
            continue;
        }
        made->order[made->n_order++] = k;
        if (pr_op_info_get(graph->ops[k].op)->sync != PR_SYNC_NONE) {
            made->ends[made->n_segments++] = made->n_order;
        }
    }
    made->ends[made->n_segments++] = made->n_order;
    return PR_OK;
}

pr_status pr__plan_gradients(pr_plan *plan, const pr_plan_options *options)
{
    mark_forward(plan, options);
    if (options->backward) {
        mark_backward(plan);
    }
    for (int k = 0; k < plan->graph->n_ops; k++) {
        PR_TRY(check_op(plan, k));
    }
    PR_TRY(mark_writes(plan));
    PR_TRY(make_order(plan, PR_PASS_FORWARD, &plan->passes[PR_PASS_FORWARD]));
    return make_order(plan, PR_PASS_BACKWARD, &plan->passes[PR_PASS_BACKWARD]);
}
