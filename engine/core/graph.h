/**
 * A static graph: values and the ops between them, built once by plain calls. Shapes are checked
 * as ops are added. A graph says nothing of devices, memory or ranks; engine/core/exec.h runs it.
 */
#ifndef PR_ENGINE_CORE_GRAPH_H
#define PR_ENGINE_CORE_GRAPH_H

#include "engine/core/op.h"

typedef struct pr_graph pr_graph;

/** A value of one graph. */
typedef struct pr_value {
    int id;
} pr_value;

typedef enum pr_value_kind {
    PR_VALUE_INPUT,  /* the caller fills it before each run */
    PR_VALUE_PARAM,  /* learnt; lives in a pr_store under its name */
    PR_VALUE_BUFFER, /* a running statistic; lives in the store, has a statistic leaf */
    PR_VALUE_STATE,  /* the bank: lives in the store, ops update it in place */
    PR_VALUE_RESULT, /* an op's output */
} pr_value_kind;

typedef enum pr_init_kind {
    PR_INIT_ZERO,
    PR_INIT_ONE,
    PR_INIT_UNIFORM, /* in [-scale, scale) */
    PR_INIT_NORMAL,  /* of standard deviation scale */
} pr_init_kind;

typedef struct pr_init {
    pr_init_kind kind;
    double scale;
} pr_init;

/** REAL is the type of feature maps: PR_F64 for the ref backend, PR_F32 for the others. */
pr_status pr_graph_create(const char *name, pr_dtype real, pr_graph **out);
void pr_graph_destroy(pr_graph **graph);
pr_dtype pr_graph_real(const pr_graph *graph);
const char *pr_graph_name(const pr_graph *graph);

/** An input that the caller fills before each run. WANTS_GRAD: its gradient can be asked for. */
pr_status pr_graph_input(pr_graph *graph, const char *name, pr_desc desc, bool wants_grad,
                         pr_value *out);

/**
 * A tensor of the store, by its full name ("backbone.conv1.weight"). Several graphs may name the
 * same tensor; they must agree on kind and desc.
 */
pr_status pr_graph_param(pr_graph *graph, const char *name, pr_desc desc, pr_init init,
                         pr_value *out);
pr_status pr_graph_buffer(pr_graph *graph, const char *name, pr_desc desc, pr_init init,
                          pr_value *out);
pr_status pr_graph_state(pr_graph *graph, const char *name, pr_desc desc, pr_init init,
                         pr_value *out);

/**
 * Adds OP named NAME (for messages and profiles). ATTR is copied. OUT receives the op's outputs and
 * must have room for N_OUT, which must be what the op has.
 *
 * Errors: PR_ERR_SHAPE, PR_ERR_INVALID from the op's own checks, prefixed with the op's name.
 */
pr_status pr_graph_op(pr_graph *graph, pr_op_id op, const char *name, const void *attr,
                      const pr_value *in, int n_in, pr_value *out, int n_out);

/**
 * Names VALUE as an output: it outlives the run and is found by name. WANTS_SEED: backward starts
 * from a gradient that the caller writes.
 */
pr_status pr_graph_output(pr_graph *graph, const char *name, pr_value value, bool wants_seed);

/** The desc of the output NAME; borrowed. Errors: PR_ERR_INVALID where there is none. */
pr_status pr_graph_output_desc(const pr_graph *graph, const char *name, const pr_desc **out);

/** The desc of VALUE. */
const pr_desc *pr_graph_desc(const pr_graph *graph, pr_value value);

#endif
