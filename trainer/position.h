/**
 * Where a run stands. Epochs and steps are counted over all stages; a step is one phase.
 */
#ifndef PR_TRAINER_POSITION_H
#define PR_TRAINER_POSITION_H

#include <stdint.h>

typedef struct pr_position {
    int64_t stage;       /* index into the objective's stages; n_stages when all are done */
    int64_t stage_epoch; /* finished epochs of this stage */
    int64_t epoch;       /* finished epochs over all stages: the key of draws */
    int64_t epoch_step;  /* finished steps of the current epoch */
    int64_t stage_step;  /* finished steps of this stage: the schedule's clock */
    int64_t step;        /* finished steps over all stages */
    int64_t phase;       /* which phase of the cycle the next step is */
} pr_position;

#endif
