/**
 * The contrastive losses as graphs: plain supervised contrastive (Khosla et al. 2020), and RCCL's
 * (Zha et al., section 3.4) with its bank of real centre and hard sets. The bank is replicated:
 * every rank runs one such graph over the whole global batch, in global order, and updates the same
 * states by the same arithmetic; the rows of the loss are shared out by "range".
 *
 * A loss graph has these inputs, R rows of D columns:
 *
 *     z      [R, D] real   embeddings of unit length, of all ranks; takes the gradient
 *     label  [R] i32       0 real, 1 fake
 *     pair   [R] i64       equal within an item (read with pos = pair only)
 *     range  [2] i64       this rank's rows [first, last)
 *   and RCCL's also
 *     id     [R] i64       samples (read with hard_unique only)
 *     info   [2] i64       step within the epoch; 1 at an epoch's first step, else 0
 *     lambda [.] f64       what pr_rccl_draw gives
 *
 * and the output "row_loss" [R] f64, 0 outside of the range: its sum over all rows of all ranks is
 * the loss. It wants a seed, ones in all R rows on every rank; divisors are applied inside. A step:
 *
 *     forward, segment 0         bank, synthesis, this rank's normalisers
 *     the cut (PR_SYNC_GATHER)   rows [first, last) of [R, 2] f64 come together
 *     forward, segment 1         this rank's row_loss
 *     backward                   the gradient of z, to be used in this rank's rows only
 *
 * The bits of a row's loss and gradient depend neither on the range nor on the number of ranks.
 * RCCL names as outputs, for traces: "tp", "tp_label", "tp_valid", "mn", "mn_valid", "tp_index",
 * "mn_index" (engine/ops/rccl_fuse.c) and its states (engine/ops/rccl_update.c) live in the store
 * as "bank.centre_sum", "bank.centre_count", "bank.centre", "bank.hard", "bank.hard_score",
 * "bank.hard_key" and "bank.hard_count".
 */
#ifndef PR_MEMORY_BANK_BANK_H
#define PR_MEMORY_BANK_BANK_H

#include "engine/base/config.h"
#include "engine/core/graph.h"

/* The words of the rows below, in their order. */
enum { PR_RCCL_CENTRE_IS_EPOCH, PR_RCCL_CENTRE_IS_EMA, PR_RCCL_CENTRE_IS_BATCH };
enum { PR_RCCL_UPDATE_FIRST, PR_RCCL_UPDATE_LAST };
enum { PR_RCCL_SMOOTH, PR_RCCL_LINEAR, PR_RCCL_LINEAR_SMOOTH };
enum { PR_RCCL_PAIR, PR_RCCL_MEAN };
enum { PR_RCCL_A_N, PR_RCCL_A, PR_RCCL_NO_MARGIN };
enum { PR_RCCL_ANCHOR_ALL, PR_RCCL_ANCHOR_REAL };
enum { PR_RCCL_AS_MARGIN, PR_RCCL_AS_FAKE };
enum { PR_POS_LABEL, PR_POS_PAIR };
enum { PR_RCCL_NORM_P, PR_RCCL_NORM_P_PRIME };
enum { PR_REDUCE_MEAN, PR_REDUCE_SUM };
enum { PR_DENOMINATOR_ALL, PR_DENOMINATOR_NEG };

/** rccl.*: filled by the rows of pr_rccl_config. */
typedef struct pr_rccl_options {
    int64_t k, u, s, v, m_pos, m_smooth;
    double tau, ema_decay, mix_beta;
    bool rescore, hard_unique, synth_grad, transform;
    int centre, order, fuse, mix, margin_set, margin_anchor, mixed_as, pos, norm, reduce;
} pr_rccl_options;

/** supcon.*: filled by the rows of pr_supcon_config. */
typedef struct pr_supcon_options {
    double tau;
    int pos, reduce, denominator;
} pr_supcon_options;

/** The rows, with TARGET to be filled (or NULL for the documentation alone). */
pr_config_module pr_rccl_config(pr_rccl_options *target);
pr_config_module pr_supcon_config(pr_supcon_options *target);

/**
 * Adds RCCL's bank and loss over N_ROWS embeddings of N_COLS to GRAPH. Not collective.
 *
 * Errors: PR_ERR_INVALID for options that do not go together, with their keys.
 */
pr_status pr_rccl_build(pr_graph *graph, const pr_rccl_options *options, int64_t n_rows,
                        int64_t n_cols);
pr_status pr_supcon_build(pr_graph *graph, const pr_supcon_options *options, int64_t n_rows,
                          int64_t n_cols);

/** How many mixing weights a step draws. */
int64_t pr_rccl_n_lambda(const pr_rccl_options *options);

/**
 * The step's mixing weights, Beta(mix_beta, mix_beta) each (R12): LAMBDA [pr_rccl_n_lambda]. Keyed
 * by (seed, epoch, PLACE of the step's first item in the epoch's plan, number).
 */
void pr_rccl_draw(const pr_rccl_options *options, uint64_t seed, uint32_t epoch, uint32_t place,
                  double *lambda);

#endif
