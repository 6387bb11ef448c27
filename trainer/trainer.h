/**
 * The state of one training run on one rank. Module-internal: the files of trainer/ that make a step,
 * a stage and a run share it; launch/ sees trainer/train.h only.
 */
#ifndef PR_TRAINER_TRAINER_H
#define PR_TRAINER_TRAINER_H

#include "engine/base/team.h"
#include "engine/comm/comm.h"
#include "engine/core/exec.h"
#include "trainer/feed.h"
#include "trainer/fold.h"
#include "trainer/objective.h"
#include "trainer/optimizer.h"
#include "trainer/position.h"
#include "trainer/schedule.h"

typedef struct pr_trace pr_trace; /* trainer/trace.h */

enum { PR_MAX_PHASES = 16, PR_MAX_STAGES = 4 };

/** The graphs of one stage, by phase; loss NULL where nothing is gathered, key where there are none. */
typedef struct pr_stage_graphs {
    pr_graph *model[PR_MAX_PHASES], *loss[PR_MAX_PHASES], *key[PR_MAX_PHASES];
} pr_stage_graphs;

/** One executor of a model graph with its tensors at hand; data NULL where the graph has none. */
typedef struct pr_lane {
    pr_exec *exec;
    pr_tensor image, label, weight, mask;
    pr_tensor term[PR_MAX_TERMS], term_seed[PR_MAX_TERMS], term_valid[PR_MAX_TERMS];
    pr_tensor z, z_seed; /* what is gathered; of a key lane, z is "k" */
} pr_lane;

/** The executor of a loss graph. */
typedef struct pr_loss_lane {
    pr_exec *exec;
    pr_tensor z, z_grad, k, label, pair, id, range, info, lambda;
    pr_tensor row_loss, row_loss_seed;
} pr_loss_lane;

/** What one phase of the current stage runs on. */
typedef struct pr_phase_run {
    const pr_phase *phase;
    int number;           /* of the phase in its stage */
    uint64_t seed;        /* of its draws: the run's in phase 0 */
    int n_per_cycle;      /* how often a cycle has it */
    const pr_term *terms; /* the local ones */
    int n_terms;
    pr_plan *model_plan, *loss_plan, *key_plan; /* owned while the stage runs, as what follows */
    int n_lanes;
    pr_lane *lanes;
    pr_lane *key_lanes; /* [n_lanes], NULL where there are no keys; in the memory of lanes */
    pr_loss_lane loss;
    pr_feed *feed;
    pr_ema *ema[PR_MAX_EMA];

    bool meets_first; /* all micro-batches go forward before the first goes back */
    bool keeps_all;   /* every local micro-batch has its lane; otherwise lanes are used in waves */
    int64_t n_views;  /* of the feed; R of them, or 2 R where there are keys */
    int64_t n_rows, n_rows_micro, n_cols; /* R, V, D */
    int64_t first_row, last_row;          /* this rank's */
} pr_phase_run;

/** One term of a loss as the log has it, unweighted. */
typedef struct pr_term_value {
    const char *name;
    double value, weight;
    int64_t n; /* what its sum was divided by; 0 where nothing was counted */
} pr_term_value;

/** What is known of a step when it is done; times are this rank's. */
typedef struct pr_step_report {
    double loss, grad_norm, lr;
    int n_terms; /* 0: the loss is one unnamed term */
    pr_term_value terms[PR_MAX_TERMS + 2];
    double wait_s, gather_s, loss_s, reduce_s, step_s;
} pr_step_report;

/** Centre of the training reals' embeddings, by which a stage without a classifier is scored. */
typedef struct pr_centre {
    int64_t n_cols;
    double *sum;  /* [n_cols] of the reals shown in this epoch, in global order */
    double *last; /* [n_cols] the sum over the last whole epoch, or zeros */
    int64_t n, n_last;
} pr_centre;

typedef struct pr_trainer {
    const pr_train_options *options; /* borrowed */
    const pr_objective *objective;
    const pr_samples *samples; /* of data.train; borrowed */
    pr_comm *comm;             /* borrowed */
    pr_team *team;
    int n_loader_threads;
    pr_dtype real;
    pr_backend_id backend;
    pr_store *store;
    pr_stage_graphs graphs[PR_MAX_STAGES]; /* owned for the whole run */

    const pr_stage *stage; /* the current one */
    const pr_stage_options *stage_options;
    int n_phases;
    int n_cycle; /* steps of a cycle of phases */
    pr_phase_run phases[PR_MAX_PHASES];
    const pr_phase_run *last_run; /* the phase whose leaves the fold has, or NULL */
    int n_lane_memory;
    void **lane_memory; /* [n_lane_memory] what lanes of all phases compute in, in turn */
    int64_t n_micro, first_micro, last_micro;
    int64_t steps_per_epoch;
    pr_optimizer *optimizer;
    pr_fold *fold;

    /* Of the current step, over the global batch. */
    int64_t max_rows, max_cols;
    void *z;                             /* [R, D] real */
    void *k;                             /* [R, D] real: keys by slot, then by row */
    void *k_of;                          /* [R, D] real */
    double *row_loss;                    /* [R] */
    double *term_rows[PR_MAX_TERMS + 1]; /* [R] each: local terms, then the gathered one */
    int64_t *term_valid[PR_MAX_TERMS];   /* [R] each: 1 where the row counts */
    int64_t term_n[PR_MAX_TERMS];        /* what each local term is divided by */
    double *sync;                        /* [lanes, max_sync]: batch norm over the global batch */
    int64_t max_sync;
    size_t *bytes_of; /* [n_ranks] */
    uint32_t *place;  /* [R] */
    uint16_t *view;   /* [R] */

    pr_position position;
    pr_centre centre;
    pr_plateau plateau;
    pr_trace *trace; /* of the steps at hand, or NULL; the same on all ranks */
} pr_trainer;

/**
 * Builds every stage's graphs and the store that they share, with initial weights from the seed. All
 * arguments are borrowed and must outlive the trainer. Not collective.
 */
pr_status pr_trainer_create(const pr_train_options *options, const pr_samples *samples,
                            pr_comm *comm, pr_trainer **out);
void pr_trainer_destroy(pr_trainer **trainer);

/**
 * Makes stage number STAGE of the objective the current one, its feed standing at the trainer's
 * position: plans, lanes, optimizer, fold. Prints the memory plan and refuses a run that does not fit.
 * Not collective.
 *
 * Errors: PR_ERR_INVALID (more ranks than micro-batches, a batch that does not divide), PR_ERR_NOMEM
 * with the bytes wanted and the keys that lower them.
 */
pr_status pr_stage_begin(pr_trainer *trainer, int stage);
void pr_stage_end(pr_trainer *trainer);

/** Micro-batches of STAGE: train.n_micro, or the largest power of two that leaves 32 views in each. */
int64_t pr_stage_n_micro(const pr_train_options *options, int64_t n_views);

/** Views in a global batch of PHASE; and its rows: views, or items where there are keys. */
int64_t pr_phase_n_views(const pr_train_options *options, const pr_stage_options *stage,
                         const pr_phase *phase);
int64_t pr_phase_n_rows(const pr_train_options *options, const pr_stage_options *stage,
                        const pr_phase *phase);

/** Steps of a cycle of STAGE, and the phase of its step I. */
int pr_stage_n_cycle(const pr_train_options *options, const pr_stage *stage);
int pr_stage_cycle_phase(const pr_train_options *options, const pr_stage *stage, int i);

/** The phase of the step at place I of the current stage's cycle. */
pr_phase_run *pr_cycle_run(pr_trainer *trainer, int64_t i);

/**
 * Collective: one phase on one global batch, and its update. Errors: PR_ERR_NUMERIC naming step and
 * term where a loss or the gradient's norm is not finite.
 */
pr_status pr_step(pr_trainer *trainer, pr_step_report *report);

#endif
