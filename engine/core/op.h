/**
 * Ops: what one computes on any device (pr_op_info), how one backend does it (pr_kernel), and one
 * evaluation of it (pr_call).
 *
 * Backends: `ref` computes in double with plain loops and is the judge; `cpu` computes in f32.
 * The "real" type of a graph is f64 on ref and f32 on cpu; statistics are f64 on both.
 */
#ifndef PR_ENGINE_CORE_OP_H
#define PR_ENGINE_CORE_OP_H

#include "engine/base/status.h"
#include "engine/core/tensor.h"

#include <stdint.h>

enum { PR_OP_MAX_IN = 24, PR_OP_MAX_OUT = 12, PR_OP_MAX_SAVED = 4, PR_OP_MAX_STAT = 2 };

typedef enum pr_op_id {
#define PR_OP(name, has_ref, has_cpu, has_cuda) PR_OP_##name,
#include "engine/core/op_list.h"
#undef PR_OP
    PR_OP_COUNT
} pr_op_id;

typedef enum pr_backend_id {
    PR_BACKEND_REF,
    PR_BACKEND_CPU,
    PR_BACKEND_CUDA,
    PR_BACKEND_COUNT
} pr_backend_id;

typedef enum pr_mode {
    PR_MODE_TRAIN,     /* batch statistics, dropout; statistic leaves are written */
    PR_MODE_EVAL,      /* running statistics, no dropout */
    PR_MODE_RECOMPUTE, /* as train, same bits, but no statistic leaf is written a second time */
} pr_mode;

/**
 * Where the rows of a micro-batch stand in the epoch's plan: what dropout and any other draw inside
 * an op is keyed by. place and view have one entry a row.
 */
typedef struct pr_rows {
    uint64_t seed;
    uint32_t epoch;
    int64_t n;
    const uint32_t *place;
    const uint16_t *view;
} pr_rows;

/**
 * The signature of one use of an op: infer() reads the first block and fills the second.
 *
 * out_alias[i] is the input whose memory output i shares (a state that is updated in place), or -1.
 * stat[i] is a leaf that the op writes in PR_MODE_TRAIN, of the same desc as the buffer that is
 * input stat_in[i]: the batch statistic which the running one takes in once a step.
 */
typedef struct pr_op_sig {
    const void *attr;
    int n_in;
    pr_desc in[PR_OP_MAX_IN];

    int n_out;
    pr_desc out[PR_OP_MAX_OUT];
    int out_alias[PR_OP_MAX_OUT];
    int n_saved;
    pr_desc saved[PR_OP_MAX_SAVED];
    int n_stat;
    pr_desc stat[PR_OP_MAX_STAT];
    int stat_in[PR_OP_MAX_STAT];
    bool stat_adds; /* to what an op before it has written there */
} pr_op_sig;

/** At a sync op the executor stops and the trainer lets all micro-batches and ranks meet. */
typedef enum pr_sync {
    PR_SYNC_NONE,
    PR_SYNC_SUM,    /* out = in summed over all micro-batches in tree order; backward likewise */
    PR_SYNC_GATHER, /* out = in with every rank's rows filled in; takes no gradient */
} pr_sync;

typedef struct pr_op_info {
    const char *name;
    size_t attr_bytes;
    /** Checks the inputs and the attributes and works out the rest of the signature. */
    pr_status (*infer)(pr_op_sig *sig);
    uint32_t diff_in;  /* bit i: input i can take a gradient */
    uint32_t back_in;  /* bit i: backward reads the value of input i */
    uint32_t back_out; /* bit i: backward reads the value of output i */
    pr_sync sync;
} pr_op_info;

/**
 * One evaluation of an op. Every pointer is borrowed for the call. Outputs and gradients do not
 * overlap inputs, except where out_alias says so.
 */
typedef struct pr_call {
    const void *attr;
    int n_in, n_out, n_saved, n_stat;
    const pr_tensor *in;
    pr_tensor *out;
    pr_tensor *saved;          /* written by forward, read by backward */
    pr_tensor *stat;           /* data NULL outside PR_MODE_TRAIN */
    const pr_tensor *grad_out; /* backward: dL/d out[i]; data NULL stands for zero */
    pr_tensor *grad_in;        /* backward: dL/d in[i]; data NULL where it is not wanted */
    const bool *grad_add;      /* backward: add to grad_in[i] rather than overwrite it */
    void *workspace;           /* as large as prepare() asked, aligned to PR_ALIGN_BYTES */
    void *state;               /* what prepare() made */
    pr_mode mode;
    const pr_rows *rows; /* may be NULL where no op of the graph draws */
} pr_call;

typedef struct pr_kernel {
    /**
     * Makes what the kernel needs once for a signature (library primitives), one for each executor,
     * under the thread count that will run it, and says how much workspace a call needs. May be
     * NULL. WANTS_GRAD [n_in] is all false for a graph that only runs forward.
     */
    pr_status (*prepare)(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes);
    void (*release)(void *state);
    pr_status (*forward)(const pr_call *call);
    pr_status (*backward)(const pr_call *call); /* NULL where nothing takes a gradient */
} pr_kernel;

const pr_op_info *pr_op_info_get(pr_op_id op);

/**
 * The kernel of OP on BACKEND. There is no silent fallback: a graph that needs a kernel its backend
 * lacks is refused when it is planned, by name.
 *
 * Errors: PR_ERR_DEVICE if the backend has no such kernel.
 */
pr_status pr_kernel_get(pr_op_id op, pr_backend_id backend, const pr_kernel **out);

#endif
