/**
 * Where the micro-batches and the ranks meet inside a step: synchronised sums between segments,
 * rows gathered in global order, and the loss graph between forward and backward.
 */
#ifndef PR_TRAINER_MEET_H
#define PR_TRAINER_MEET_H

#include "trainer/trainer.h"

/**
 * Collective where a cut stands behind SEGMENT, otherwise nothing: the tensor of each of N_LANES LANES
 * is summed over all micro-batches of the job in tree order and given to every lane.
 */
pr_status pr_sync_lanes(pr_trainer *trainer, const pr_lane *lanes, int n_lanes, pr_pass pass,
                        int segment);

/**
 * Collective: ROWS [R] of N_BYTES each, of which every rank has filled its own, become whole on
 * every rank.
 */
pr_status pr_gather_rows(pr_trainer *trainer, const pr_phase_run *run, const char *name, void *rows,
                         size_t n_bytes);

/** Collective: keys of all ranks' slots, trainer->k_of, come together as those of rows, trainer->k. */
pr_status pr_gather_keys(pr_trainer *trainer, const pr_phase_run *run, const pr_feed_batch *batch);

/**
 * Collective: runs the phase's loss graph on trainer->z, forward and backward. Adds its row losses
 * to trainer->row_loss and leaves the embeddings' gradient in run->loss.z_grad, this rank's rows.
 */
pr_status pr_loss_run(pr_trainer *trainer, pr_phase_run *run, const pr_feed_batch *batch);

/** The largest tensor that a cut of PLAN sums, in elements: what the scratch must hold a lane. */
pr_status pr_sync_max_n(const pr_plan *plan, pr_exec *exec, int64_t *max_n);

#endif
