/**
 * The bank's hard sets as samples: the natural faces least similar to the real centre and the forged ones
 * most similar to it (RCCL, section 3.4; "marginal faces").
 */
#ifndef PR_TRAINER_HARD_SETS_H
#define PR_TRAINER_HARD_SETS_H

#include "dataset/samples.h"
#include "engine/core/store.h"

/**
 * Up to MAX samples of LABEL (PR_REAL, PR_FAKE), hardest first, with their similarities to the
 * centre. Returns how many: 0 where the store has no such bank, or it is empty.
 */
int64_t pr_hard_set_list(const pr_store *store, const pr_samples *samples, int label, int64_t max,
                         int64_t ids[], double scores[]);

#endif
