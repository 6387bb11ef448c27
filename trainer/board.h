/**
 * What TensorBoard shows of a run while it trains: the numbers of log.jsonl as scalars, the parameters'
 * histograms and the hard sets' crops after each epoch. Rank 0 writes; nothing that is computed
 * depends on it.
 */
#ifndef PR_TRAINER_BOARD_H
#define PR_TRAINER_BOARD_H

#include "dataset/samples.h"
#include "trainer/events.h"
#include "trainer/trainer.h"

/**
 * The numbers of LINE, an object of log.jsonl: "train/KEY" of a step's, "val/KEY" of a
 * validation's. Lines of other types, and what is no number, are passed over.
 */
pr_status pr_board_line(pr_events *events, const char *line);

/** Parameters ("parameters/NAME") and hard crops ("hard reals/0" …; of SAMPLES) as TRAINER stands. */
pr_status pr_board_epoch(pr_events *events, const pr_trainer *trainer, const pr_samples *samples);

#endif
