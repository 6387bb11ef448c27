/**
 * log.jsonl: one JSON object a line, each with "type" and "step" (finished steps when it was
 * written). Rank 0 writes it; on resume it is cut back to the checkpoint's step, so that it reads
 * like that of a run which was never interrupted.
 */
#ifndef PR_TRAINER_RUNLOG_H
#define PR_TRAINER_RUNLOG_H

#include "dataset/samples.h"
#include "sampler/sampler.h"
#include "trainer/metrics.h"
#include "trainer/trainer.h"
#include "trainer/val_loss.h"

typedef struct pr_runlog pr_runlog;

/**
 * Opens RUN_DIR/log.jsonl and drops what was logged after AT, and what a run that goes on from there
 * says again: the plan of the epoch that begins, the validation of one that has not ended, its end. With
 * TENSORBOARD an event file beside it shows the same numbers (trainer/board.h).
 */
pr_status pr_runlog_open(const char *run_dir, const pr_position *at, bool tensorboard,
                         pr_runlog **out);
void pr_runlog_close(pr_runlog **log);

/** Each flushed as one line. Errors: PR_ERR_IO. RUN_STEPS are the steps of all stages. */
pr_status pr_runlog_start(pr_runlog *log, const pr_trainer *trainer, uint64_t config_hash,
                          uint64_t data_hash, int64_t run_steps);
/** The last line: WHY is "done", "stopped" or "signal". A run that goes on drops it. */
pr_status pr_runlog_end(pr_runlog *log, const pr_trainer *trainer, const char *why);
pr_status pr_runlog_step(pr_runlog *log, const pr_trainer *trainer, const pr_step_report *report);
pr_status pr_runlog_plan(pr_runlog *log, const pr_trainer *trainer, const pr_sampler_stats *stats);
/** Bad crops of one step, over all ranks. FIRST is "" where the first was named before. */
pr_status pr_runlog_bad(pr_runlog *log, const pr_trainer *trainer, int64_t n_bad,
                        int64_t n_replaced, const char *first);
pr_status pr_runlog_eval(pr_runlog *log, const pr_trainer *trainer, const char *split,
                         const char *metric, double value, bool is_best, const pr_metrics *metrics);
/** After an epoch: what the event file shows of parameters and hard sets; SAMPLES are the training's. */
pr_status pr_runlog_epoch(pr_runlog *log, const pr_trainer *trainer, const pr_samples *samples);
pr_status pr_runlog_val_loss(pr_runlog *log, const pr_trainer *trainer, const pr_val_loss *loss);

#endif
