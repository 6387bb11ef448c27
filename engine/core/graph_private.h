/**
 * What a graph is made of: for the files of engine/core, which plan and store graphs.
 */
#ifndef PR_ENGINE_CORE_GRAPH_PRIVATE_H
#define PR_ENGINE_CORE_GRAPH_PRIVATE_H

#include "engine/core/graph.h"

typedef struct pr__node {
    char *name; /* NULL for results */
    pr_value_kind kind;
    pr_desc desc;
    pr_init init;
    bool wants_grad; /* inputs */
    int maker;       /* results: the op, else -1 */
    int root;        /* the value whose memory this one is: a state, or itself */
    int updated_by;  /* states and their aliases: the op that updates them in place, or -1 */
} pr__node;

typedef struct pr__graph_op {
    pr_op_id op;
    char *name;
    void *attr;
    int in[PR_OP_MAX_IN], out[PR_OP_MAX_OUT];
    pr_op_sig sig; /* its attr is the one above */
} pr__graph_op;

typedef struct pr__graph_output {
    char *name;
    int value;
    bool wants_seed;
} pr__graph_output;

struct pr_graph {
    char *name;
    pr_dtype real;
    pr__node *nodes;
    int n_nodes, room_nodes;
    pr__graph_op *ops;
    int n_ops, room_ops;
    pr__graph_output *outputs;
    int n_outputs, room_outputs;
};

/** The value or output of that name, or -1. */
int pr__graph_find(const pr_graph *graph, const char *name);
int pr__graph_find_output(const pr_graph *graph, const char *name);

/** Puts "op 'NAME' (OP): " into this thread's message, behind its file and line. Gives STATUS. */
pr_status pr__op_failed(pr_status status, pr_op_id op, const char *name);

#endif
