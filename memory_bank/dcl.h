/**
 * DCL's inter-instance loss as a graph, with its bank (Sun et al. 2022, section 3.3): prototypes of
 * both labels and two queues of keys behind a gate. As RCCL's bank (memory_bank/bank.h) it is
 * replicated: every rank runs one such graph over the whole global batch, in global order, and updates
 * the same states by the same arithmetic; the rows of the loss are shared out by "range".
 *
 * Inputs, R rows of D columns:
 *
 *     z     [R, D] real   queries of unit length; takes the gradient
 *     k     [R, D] real   their keys of unit length
 *     label [R] i32       0 real, 1 fake
 *     range [2] i64       this rank's rows [first, last)
 *
 * and the output "row_loss" [R] f64, 0 outside of the range: its sum over all rows is the loss. There
 * is no cut: a row's loss and gradient need its own query, its key and the queue.
 *
 * The states are "bank.proto" [2, D] f64, "bank.proto_count" [2] i64, "bank.queue" [2, K, D] real,
 * "bank.cursor" [2] i64 and "bank.count" [2] i64 (engine/ops/queue_update.c). A checkpoint has them
 * slot by slot. By default the queues take the batch in after its loss (reading C5).
 */
#ifndef PR_MEMORY_BANK_DCL_H
#define PR_MEMORY_BANK_DCL_H

#include "engine/base/config.h"
#include "engine/core/graph.h"

/* The words of the rows below, in their order. */
enum { PR_DCL_GATE_THETA, PR_DCL_GATE_TOPK, PR_DCL_GATE_NONE };
enum { PR_DCL_QUEUE_EMPTY, PR_DCL_QUEUE_RANDOM };
enum { PR_DCL_PROTO_MEAN, PR_DCL_PROTO_RANDOM };
enum { PR_DCL_HEAD_SOFTMAX2, PR_DCL_HEAD_SIGMOID1 };
enum { PR_DCL_LOG_IMAGE, PR_DCL_LOG_BATCH };
enum { PR_DCL_CELLS_GATHER, PR_DCL_CELLS_MULTIPLY };

/** dcl.*: filled by the rows of pr_dcl_config. */
typedef struct pr_dcl_options {
    double tau, theta, alpha, ema;
    int64_t queue, topk, min_neg;
    int gate, queue_init, proto_init;
    bool enqueue_first;

    int head;             /* equation 2 */
    double phi, phi_warm; /* equation 10 */
    int64_t warm_epochs;
    double w_inter, w_intra_fake, w_intra_real;

    double mask_thr_fake, mask_thr_real;
    bool exclude_self;
    int compat_log, compat_cells; /* equations 7 and 8 as the public code has them */
    bool shuffle_bn;
} pr_dcl_options;

/** The rows, with TARGET to be filled (or NULL for the documentation alone). */
pr_config_module pr_dcl_config(pr_dcl_options *target);

/**
 * Adds the bank and the loss over N_ROWS queries of N_COLS to GRAPH. Not collective.
 *
 * Errors: PR_ERR_INVALID, PR_ERR_SHAPE from the ops' own checks.
 */
pr_status pr_dcl_build(pr_graph *graph, const pr_dcl_options *options, int64_t n_rows,
                       int64_t n_cols);

/** phi of equation 10 when EPOCH epochs of the stage are done. */
double pr_dcl_phi(const pr_dcl_options *options, int64_t epoch);

#endif
