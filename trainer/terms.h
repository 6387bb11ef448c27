/**
 * Local terms of a step: what each row has of them, what they are divided by, and the seeds of their
 * gradients. Divisors are counts over the global batch, known before backward and applied to the
 * seeds: nothing is scaled after the sum. Module-internal.
 */
#ifndef PR_TRAINER_TERMS_H
#define PR_TRAINER_TERMS_H

#include "trainer/trainer.h"

/** The terms of PHASE: its own, or one output "loss" over all rows. */
void pr_terms_find(const pr_phase *phase, const pr_term **terms, int *n);

/** Whether a divisor of RUN is known only after all micro-batches went forward. */
bool pr_terms_count_rows(const pr_phase_run *run);

/** Keeps what lanes [0, N) computed, which are the micro-batches from FIRST on. */
void pr_terms_keep(pr_trainer *trainer, const pr_phase_run *run, int64_t first, int64_t n);

/** Collective where rows are counted: after all forward, before the first seed. */
pr_status pr_terms_divide(pr_trainer *trainer, const pr_phase_run *run);

/** The seeds of lanes [0, N). */
void pr_terms_seed(const pr_trainer *trainer, const pr_phase_run *run, int64_t first, int64_t n);

/** The gathered term's weight in this step. */
double pr_terms_gathered_weight(const pr_trainer *trainer, const pr_phase_run *run);

/** Adds this rank's rows of all local terms, divided and weighted, to the row losses. */
void pr_terms_add(pr_trainer *trainer, const pr_phase_run *run);

/** Collective: the terms of REPORT, each summed in tree order; none where there is but one. */
pr_status pr_terms_report(pr_trainer *trainer, const pr_phase_run *run, pr_step_report *report);

#endif
