/*
 * One op on one backend with made-up numbers: memory for all that a call touches. The numbers are a
 * function of the case and the tensor's place in it, rounded to f32, so that two backends get the
 * same.
 */
#ifndef PR_TESTS_ENGINE_OP_RUN_H
#define PR_TESTS_ENGINE_OP_RUN_H

#include "engine/core/op.h"

/* Places in a plan: what a case of an op that draws has as many rows as. */
enum { OP_ROWS = 4 };

typedef struct op_case {
    pr_op_id op;
    int n_in;
    const char *what; /* sets it apart from other cases of the op */
    const void *attr;
    pr_desc in[PR_OP_MAX_IN]; /* PR_F64 stands for the graph's real type, but for... */
    uint32_t always_f64;      /* ...bit i: input i is f64 on every backend */
    pr_mode mode;
    /* Writes the inputs (f64 ones in double) where the usual numbers will not do; or NULL. */
    void (*fill)(int i, int64_t n, void *data);
    double bound; /* of other backends against ref, relative to a tensor's largest value; 0: 2e-6 */
} op_case;

typedef struct op_run {
    const op_case *c;
    const pr_kernel *kernel;
    pr_op_sig sig;
    bool wants[PR_OP_MAX_IN], add[PR_OP_MAX_IN];
    pr_tensor in[PR_OP_MAX_IN], grad_in[PR_OP_MAX_IN];
    pr_tensor out[PR_OP_MAX_OUT], grad_out[PR_OP_MAX_OUT];
    pr_tensor saved[PR_OP_MAX_SAVED], stat[PR_OP_MAX_STAT];
    void *state, *workspace;
} op_run;

/** In (-1, 1), never nearer to 0 than 1/16, of f32 precision: a function of KEY and I. */
double op_number(uint64_t key, int64_t i);

/** A case's name for messages, in static memory. */
const char *op_case_name(const op_case *c);

/** Makes RUN with filled inputs and gradients of outputs; reports failures as failed checks. */
void op_run_create(const op_case *c, pr_backend_id backend, op_run *run);
void op_run_destroy(op_run *run);

/** Fills the gradients of inputs that are wanted: with numbers to be added to, or with NaN. */
void op_run_prepare_grads(op_run *run, bool add);

pr_status op_run_forward(op_run *run);
pr_status op_run_backward(op_run *run);

/** Element I, whatever the type. */
double op_get(const pr_tensor *t, int64_t i);

static inline bool op_is_float(const pr_tensor *t)
{
    return t->dtype == PR_F32 || t->dtype == PR_F64;
}

#endif
