/**
 * The arithmetic of a run's first steps in RUN/trace.h5, so that anybody can check it against their
 * own. Rank 0 lays the file out in memory and writes it whole, and not only at the end: after each of
 * the first steps, then whenever their number has doubled, so that a run that fails or is killed
 * leaves the steps before that. Tracing changes no bit of the run.
 *
 *     /                      version, step and view counts as attributes; partial is 1 where
 *                            fewer steps were made than were asked for
 *     /config                the effective config, YAML
 *     /sample/id, name       every sample that the traced steps show: its number in the training
 *                            selection, and dataset/method/compression/video/frame/face
 *     /step-000000           stage, phase, epoch, epoch_step, loss, lr, grad_norm as attributes
 *         view/sample, place, view, label, level     [R] rows in global order; equal places are a pair
 *                            (where there are keys these are views, 2 R of them, first views of a
 *                            micro-batch before its second ones; rows below are of first views)
 *         row_loss [R]       their sum in tree order is the loss
 *       where the phase gathers embeddings
 *         z, z_grad [R, D]   embeddings, and the loss's gradient with respect to them
 *         k [R, D]           where there are keys: that of each row
 *         lambda [.]         the mixing weights that the step drew
 *         synthetic/         what the loss graph names: tp, tp_label, tp_valid, mn, mn_valid,
 *                            tp_index, mn_index (engine/ops/rccl_fuse.c)
 *       where it classifies
 *         prob [R, 2]        probabilities of real and fake
 *         map [R, H, W, C], mask [R, px, px], cell [R, H, W], intra_fake, intra_real [R]
 *                            what DCL's graph has of them (trainer/objective_dcl.c)
 *         bank/              every state of the bank after the step (memory_bank/bank.h)
 */
#ifndef PR_TRAINER_TRACE_H
#define PR_TRAINER_TRACE_H

#include "trainer/trainer.h"

/**
 * From here on the trainer's next N_STEPS steps are traced to RUN_DIR/trace.h5; CONFIG is the
 * effective config's text. Every rank calls it alike; nothing is written yet.
 */
pr_status pr_trace_begin(pr_trainer *trainer, const char *run_dir, const char *config,
                         int64_t n_steps);

/** What is traced of N lanes, which are the micro-batches from FIRST on. */
pr_status pr_trace_keep(pr_trainer *trainer, const pr_phase_run *run, int64_t first, int64_t n);

/** Collective where the trainer is traced, otherwise nothing: takes in the step at hand. */
pr_status pr_trace_step(pr_trainer *trainer, const pr_phase_run *run, const pr_feed_batch *batch,
                        const pr_step_report *report);

/** Writes the steps that are not in the file yet: where a run ends before its N_STEPS. */
pr_status pr_trace_finish(pr_trainer *trainer);

/** Frees without writing. Accepts NULL. */
void pr_trace_destroy(pr_trace **trace);

#endif
