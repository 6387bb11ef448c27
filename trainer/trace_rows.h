/**
 * What a trace keeps of model graphs, whose lanes are used in waves: named tensors with one entry a
 * row, of the whole global batch. Shared by the trace's files only.
 */
#ifndef PR_TRAINER_TRACE_ROWS_H
#define PR_TRAINER_TRACE_ROWS_H

#include "trainer/trainer.h"

enum { PR__TRACE_MAX_ROWS = 6 };

typedef struct pr__trace_rows {
    const char *name[PR__TRACE_MAX_ROWS];
    pr_tensor tensor[PR__TRACE_MAX_ROWS]; /* [R, ...]; data NULL where the phase has none */
    const pr_phase_run *run;              /* which they are of */
} pr__trace_rows;

/** Keeps what lanes [0, N) hold, the micro-batches from FIRST on: prob, mask, map, cells, values. */
pr_status pr__trace_rows_keep(pr__trace_rows *rows, const pr_trainer *trainer,
                              const pr_phase_run *run, int64_t first, int64_t n);

/** Collective: they become whole on every rank. */
pr_status pr__trace_rows_gather(pr__trace_rows *rows, pr_trainer *trainer);

void pr__trace_rows_free(pr__trace_rows *rows);

#endif
