#include "engine/core/graph.h"

#include "engine/base/alloc.h"
#include "engine/core/graph_private.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 32, MESSAGE_BYTES = 1024 };

pr_status pr_graph_create(const char *name, pr_dtype real, pr_graph **out)
{
    PR_REQUIRE(real == PR_F32 || real == PR_F64, PR_ERR_INVALID,
               "graph '%s': real is %s, must be f32 or f64", name, pr_dtype_name(real));
    pr_graph *graph = pr_calloc(1, sizeof(*graph));
    PR_REQUIRE(graph != NULL, PR_ERR_NOMEM, "graph '%s': %zu bytes", name, sizeof(*graph));
    graph->real = real;
    graph->name = pr_strdup(name);
    if (graph->name == NULL) {
        pr_graph_destroy(&graph);
        return PR_FAIL(PR_ERR_NOMEM, "graph '%s': its name", name);
    }
    *out = graph;
    return PR_OK;
}

void pr_graph_destroy(pr_graph **graph)
{
    if (*graph == NULL) {
        return;
    }
    for (int i = 0; i < (*graph)->n_nodes; i++) {
        pr_free((*graph)->nodes[i].name);
    }
    for (int i = 0; i < (*graph)->n_ops; i++) {
        pr_free((*graph)->ops[i].name);
        pr_free((*graph)->ops[i].attr);
    }
    for (int i = 0; i < (*graph)->n_outputs; i++) {
        pr_free((*graph)->outputs[i].name);
    }
    pr_free((*graph)->nodes);
    pr_free((*graph)->ops);
    pr_free((*graph)->outputs);
    pr_free((*graph)->name);
    pr_free(*graph);
    *graph = NULL;
}

pr_dtype pr_graph_real(const pr_graph *graph)
{
    return graph->real;
}

const char *pr_graph_name(const pr_graph *graph)
{
    return graph->name;
}

const pr_desc *pr_graph_desc(const pr_graph *graph, pr_value value)
{
    return &graph->nodes[value.id].desc;
}

int pr__graph_find(const pr_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].name != NULL && strcmp(graph->nodes[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

int pr__graph_find_output(const pr_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_outputs; i++) {
        if (strcmp(graph->outputs[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Makes ARRAY, of N objects of SIZE bytes with room for ROOM, at least WANTED long. */
static pr_status grow(void **array, int n, int *room, int wanted, size_t size)
{
    if (wanted <= *room) {
        return PR_OK;
    }
    int more = *room == 0 ? FIRST_ROOM : 2 * *room;
    if (more < wanted) {
        more = wanted;
    }
    void *const longer = pr_calloc(more, size);
    PR_REQUIRE(longer != NULL, PR_ERR_NOMEM, "a graph of %d parts of %zu bytes", more, size);
    if (n > 0) {
        memcpy(longer, *array, (size_t)n * size);
    }
    pr_free(*array);
    *array = longer;
    *room = more;
    return PR_OK;
}

/* There is room for another node. */
static int node_push(pr_graph *graph, pr__node node)
{
    const int id = graph->n_nodes++;
    node.root = node.root < 0 ? id : node.root;
    node.updated_by = -1;
    graph->nodes[id] = node;
    return id;
}

static pr_status node_named(pr_graph *graph, const char *name, pr__node node, pr_value *out)
{
    void *nodes = graph->nodes;

    PR_REQUIRE(pr__graph_find_output(graph, name) < 0, PR_ERR_INVALID,
               "graph '%s': '%s' is the name of an output", graph->name, name);
    PR_TRY(grow(&nodes, graph->n_nodes, &graph->room_nodes, graph->n_nodes + 1,
                sizeof(*graph->nodes)));
    graph->nodes = nodes;
    node.name = pr_strdup(name);
    PR_REQUIRE(node.name != NULL, PR_ERR_NOMEM, "graph '%s': the name '%s'", graph->name, name);
    node.maker = -1;
    node.root = -1;
    out->id = node_push(graph, node);
    return PR_OK;
}

pr_status pr_graph_input(pr_graph *graph, const char *name, pr_desc desc, bool wants_grad,
                         pr_value *out)
{
    PR_REQUIRE(pr__graph_find(graph, name) < 0, PR_ERR_INVALID,
               "graph '%s': the name '%s' is taken", graph->name, name);
    const pr__node node = {.kind = PR_VALUE_INPUT, .desc = desc, .wants_grad = wants_grad};
    return node_named(graph, name, node, out);
}

/* A tensor that is named again is the same value, if it is the same tensor. */
static pr_status stored(pr_graph *graph, const char *name, pr__node node, pr_value *out)
{
    const int id = pr__graph_find(graph, name);
    if (id < 0) {
        return node_named(graph, name, node, out);
    }

    const pr__node *const known = &graph->nodes[id];
    char have_text[96];
    char want_text[96];
    PR_REQUIRE(known->kind == node.kind, PR_ERR_INVALID,
               "graph '%s': '%s' is named a second time as something else", graph->name, name);
    PR_REQUIRE(known->desc.dtype == node.desc.dtype &&
                   pr_shape_equal(&known->desc.shape, &node.desc.shape),
               PR_ERR_SHAPE, "graph '%s': '%s' is %s %s here and was %s %s", graph->name, name,
               pr_dtype_name(node.desc.dtype), pr_shape_text(&node.desc.shape, have_text),
               pr_dtype_name(known->desc.dtype), pr_shape_text(&known->desc.shape, want_text));
    out->id = id;
    return PR_OK;
}

static pr_status expect_real(const pr_graph *graph, const char *name, const pr_desc *desc)
{
    PR_REQUIRE(desc->dtype == graph->real, PR_ERR_SHAPE, "graph '%s': '%s' is %s, must be %s",
               graph->name, name, pr_dtype_name(desc->dtype), pr_dtype_name(graph->real));
    return PR_OK;
}

pr_status pr_graph_param(pr_graph *graph, const char *name, pr_desc desc, pr_init init,
                         pr_value *out)
{
    PR_TRY(expect_real(graph, name, &desc));
    return stored(graph, name, (pr__node){.kind = PR_VALUE_PARAM, .desc = desc, .init = init}, out);
}

pr_status pr_graph_buffer(pr_graph *graph, const char *name, pr_desc desc, pr_init init,
                          pr_value *out)
{
    PR_TRY(expect_real(graph, name, &desc));
    return stored(graph, name, (pr__node){.kind = PR_VALUE_BUFFER, .desc = desc, .init = init},
                  out);
}

pr_status pr_graph_state(pr_graph *graph, const char *name, pr_desc desc, pr_init init,
                         pr_value *out)
{
    return stored(graph, name, (pr__node){.kind = PR_VALUE_STATE, .desc = desc, .init = init}, out);
}

pr_status pr__op_failed(pr_status status, pr_op_id op, const char *name)
{
    char whole[MESSAGE_BYTES];
    const char *const message = pr_error_message();
    const char *const colon = strstr(message, ": ");
    const int n_place = colon == NULL ? 0 : (int)(colon + 2 - message);

    (void)snprintf(whole, sizeof(whole), "%.*sop '%s' (%s): %s", n_place, message, name,
                   pr_op_info_get(op)->name, message + n_place);
    pr_error_clear();
    pr_error_adopt(whole);
    return status;
}

/* Takes in the inputs of OP, which must be values that still are what they were. */
static pr_status op_inputs(const pr_graph *graph, pr__graph_op *op, const pr_value *in, int n_in)
{
    PR_REQUIRE(n_in >= 1 && n_in <= PR_OP_MAX_IN, PR_ERR_INVALID, "%d inputs, must be 1 to %d",
               n_in, PR_OP_MAX_IN);
    op->sig.attr = op->attr;
    op->sig.n_in = n_in;
    for (int i = 0; i < n_in; i++) {
        PR_REQUIRE(in[i].id >= 0 && in[i].id < graph->n_nodes, PR_ERR_INVALID,
                   "input %d is value %d, but the graph has %d", i, in[i].id, graph->n_nodes);
        const pr__node *const node = &graph->nodes[in[i].id];
        PR_REQUIRE(node->updated_by < 0, PR_ERR_INVALID,
                   "input %d is the state '%s' as it was before op '%s' updated it", i,
                   graph->nodes[node->root].name, graph->ops[node->updated_by].name);
        op->in[i] = in[i].id;
        op->sig.in[i] = node->desc;
    }
    return PR_OK;
}

/* Infers the rest of OP's signature: what is updated in place must be a state, and so on. */
static pr_status op_infer(const pr_graph *graph, pr__graph_op *op, int n_out)
{
    const pr_op_sig *const sig = &op->sig;

    PR_TRY(pr_op_info_get(op->op)->infer(&op->sig));
    PR_REQUIRE(n_out == sig->n_out, PR_ERR_INVALID, "%d outputs asked for, it has %d", n_out,
               sig->n_out);
    for (int i = 0; i < n_out; i++) {
        const int alias = sig->out_alias[i];
        const int root = alias < 0 ? -1 : graph->nodes[op->in[alias]].root;
        PR_REQUIRE(root < 0 || graph->nodes[root].kind == PR_VALUE_STATE, PR_ERR_INVALID,
                   "input %d is updated in place, must be a state", alias);
    }
    for (int i = 0; i < sig->n_stat; i++) {
        PR_REQUIRE(graph->nodes[op->in[sig->stat_in[i]]].kind == PR_VALUE_BUFFER, PR_ERR_INVALID,
                   "input %d is a running statistic, must be a buffer", sig->stat_in[i]);
    }
    return PR_OK;
}

/* Appends OP, for which everything is allocated, and its outputs. */
static void op_push(pr_graph *graph, const pr__graph_op *op, pr_value *out)
{
    const int id = graph->n_ops++;
    pr__graph_op *const kept = &graph->ops[id];

    *kept = *op;
    for (int i = 0; i < op->sig.n_out; i++) {
        const int alias = op->sig.out_alias[i];
        pr__node node = {.kind = PR_VALUE_RESULT, .desc = op->sig.out[i], .maker = id, .root = -1};
        if (alias >= 0) {
            node.root = graph->nodes[op->in[alias]].root;
        }
        kept->out[i] = node_push(graph, node);
        out[i].id = kept->out[i];
    }
    for (int i = 0; i < op->sig.n_out; i++) {
        if (op->sig.out_alias[i] >= 0) {
            graph->nodes[op->in[op->sig.out_alias[i]]].updated_by = id;
        }
    }
}

pr_status pr_graph_op(pr_graph *graph, pr_op_id op, const char *name, const void *attr,
                      const pr_value *in, int n_in, pr_value *out, int n_out)
{
    const pr_op_info *const info = pr_op_info_get(op);
    pr__graph_op made = {.op = op};
    void *nodes = graph->nodes;
    void *ops = graph->ops;

    PR_TRY(grow(&nodes, graph->n_nodes, &graph->room_nodes, graph->n_nodes + PR_OP_MAX_OUT,
                sizeof(*graph->nodes)));
    graph->nodes = nodes;
    PR_TRY(grow(&ops, graph->n_ops, &graph->room_ops, graph->n_ops + 1, sizeof(*graph->ops)));
    graph->ops = ops;

    pr_status status = PR_OK;
    made.name = pr_strdup(name);
    made.attr = pr_calloc(1, info->attr_bytes);
    if (made.name == NULL || made.attr == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "%zu bytes of attributes", info->attr_bytes);
        goto failed;
    }
    if ((attr == NULL) != (info->attr_bytes == 0)) {
        status = PR_FAIL(PR_ERR_INVALID, "attributes of %zu bytes must%s be given",
                         info->attr_bytes, info->attr_bytes == 0 ? " not" : "");
        goto failed;
    }
    if (info->attr_bytes > 0) {
        memcpy(made.attr, attr, info->attr_bytes);
    }
    status = op_inputs(graph, &made, in, n_in);
    if (status == PR_OK) {
        status = op_infer(graph, &made, n_out);
    }
    if (status != PR_OK) {
        goto failed;
    }
    op_push(graph, &made, out);
    return PR_OK;

failed:
    pr_free(made.name);
    pr_free(made.attr);
    return pr__op_failed(status, op, name);
}

pr_status pr_graph_output(pr_graph *graph, const char *name, pr_value value, bool wants_seed)
{
    void *outputs = graph->outputs;

    PR_REQUIRE(value.id >= 0 && value.id < graph->n_nodes, PR_ERR_INVALID,
               "graph '%s': output '%s' is value %d, but there are %d", graph->name, name, value.id,
               graph->n_nodes);
    PR_REQUIRE(pr__graph_find(graph, name) < 0 && pr__graph_find_output(graph, name) < 0,
               PR_ERR_INVALID, "graph '%s': the name '%s' is taken", graph->name, name);
    PR_REQUIRE(graph->nodes[value.id].kind == PR_VALUE_RESULT, PR_ERR_INVALID,
               "graph '%s': output '%s' is '%s', must be the result of an op", graph->name, name,
               graph->nodes[value.id].name);
    PR_TRY(grow(&outputs, graph->n_outputs, &graph->room_outputs, graph->n_outputs + 1,
                sizeof(*graph->outputs)));
    graph->outputs = outputs;

    char *const copy = pr_strdup(name);
    PR_REQUIRE(copy != NULL, PR_ERR_NOMEM, "graph '%s': the name '%s'", graph->name, name);
    graph->outputs[graph->n_outputs++] =
        (pr__graph_output){.name = copy, .value = value.id, .wants_seed = wants_seed};
    return PR_OK;
}

pr_status pr_graph_output_desc(const pr_graph *graph, const char *name, const pr_desc **out)
{
    const int i = pr__graph_find_output(graph, name);
    PR_REQUIRE(i >= 0, PR_ERR_INVALID, "graph '%s' has no output '%s'", graph->name, name);
    *out = &graph->nodes[graph->outputs[i].value].desc;
    return PR_OK;
}
