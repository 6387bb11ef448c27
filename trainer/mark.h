/**
 * RUN/checkpointed: the run was asked to stop, and everything that it did is in its newest
 * checkpoint. Whoever starts runs in allocations that end (launch/slurm/attempt.sh) asks for another
 * one only where the mark is of the start that it made itself: an exit code may be that of a launcher,
 * and a file's time is that of another host's clock, so the mark names the start.
 *
 *     step 120
 *     attempt 4711.2
 */
#ifndef PR_TRAINER_MARK_H
#define PR_TRAINER_MARK_H

#include "engine/base/status.h"

#include <stdint.h>

/**
 * Writes the mark whole: STEP, and the start's name as the environment variable PR_ATTEMPT has it
 * ("none" without one). Not collective.
 *
 * Errors: PR_ERR_IO.
 */
pr_status pr_mark_write(const char *run_dir, int64_t step);

/** A run that begins has none. Errors: PR_ERR_IO. */
pr_status pr_mark_remove(const char *run_dir);

#endif
