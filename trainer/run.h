/**
 * A run on one rank: the trainer, where it writes, and what it knows of its best. Module-internal.
 */
#ifndef PR_TRAINER_RUN_H
#define PR_TRAINER_RUN_H

#include "engine/base/fs.h"
#include "memory_bank/replica.h"
#include "trainer/checkpoint.h"
#include "trainer/runlog.h"
#include "trainer/train.h"
#include "trainer/trainer.h"

enum { PR_RUN_NOTE_BYTES = sizeof(((pr_bad_counts *)0)->first) };

typedef struct pr_run {
    const pr_train_request *request;
    pr_samples *train, *val; /* val NULL where none is named */
    pr_view *val_views;      /* [n_val_views] of val, where the objective draws them; or NULL */
    int64_t n_val_views;
    pr_trainer *trainer;
    pr_replica *replica;
    pr_runlog *log; /* rank 0 */
    pr_text config_text;
    pr_checkpoint_head head;       /* hashes, best; the position is the trainer's */
    pr_position written;           /* of the newest checkpoint; step -1: none */
    int64_t stop_epoch, stop_step; /* train.stop_at; -1: none */
    int64_t n_later_steps;         /* of the stages to come */
    int64_t n_bad, n_replaced;     /* bad crops of this rank and stage that are in the log */
    bool told_bad;                 /* the job's first was named */
} pr_run;

/** Rank 0 of the run speaks, writes and decides. */
static inline bool pr_run_leads(const pr_run *run)
{
    return pr_comm_rank(run->request->comm) == 0;
}

/**
 * Collective: where the run begins. The newest whole checkpoint if the run directory has one, after
 * comparing config, data and model; otherwise the weights of model.init.
 */
pr_status pr_run_restore(pr_run *run, pr_image *image, bool *resumed);

/** Collective: weights from model.init (a safetensors file, a checkpoint, a run's folder, random). */
pr_status pr_run_init_weights(pr_run *run);

/** Collective: rank 0 writes a checkpoint of where the trainer stands, unless that is written. */
pr_status pr_run_checkpoint(pr_run *run);

/**
 * Collective, after each step: *STOP where any rank was asked to stop; bad crops of the step are
 * logged, and the job's first is named.
 */
pr_status pr_run_meet(pr_run *run, bool *stop);

/** Collective: validates, and keeps the best. *STOP is set where the stage's patience is over. */
pr_status pr_run_validate(pr_run *run, bool *stop);

/** Collective: the stage's end: its best parameters where it hands those on. */
pr_status pr_run_select(pr_run *run);

/** Rank 0: prints and logs what the plan of the epoch that begins shows. */
pr_status pr_run_log_plan(pr_run *run);

/** Prints what the run would do: memory, stages, the first rows of the plan. */
pr_status pr_run_show_plan(pr_run *run);

/** Collective: IMAGE of rank 0 to every rank. */
pr_status pr_run_share(pr_run *run, pr_image *image);

#endif
