/* Shared by the files sweep*.c only. */
#ifndef PR_LAUNCH_SWEEP_INTERNAL_H
#define PR_LAUNCH_SWEEP_INTERNAL_H

#include "launch/sweep.h"

/* TEXT (of pr_strdup) lives as long as the sweep from here on; on an error it is freed. */
pr_status pr__sweep_keep_take(pr_sweep *sweep, char *text);

/* What stands below `parameters` (sweep_parameters.c). */
pr_status pr__parameters_read(pr_sweep *sweep);

/*
 * The value of P at U in [0, 1) as text, to pr_free: lists cut [0, 1) into equal parts, ranges map it
 * to six digits.
 */
pr_status pr__parameter_at(const pr_sweep_parameter *p, double u, char **out);
/* Point I of the N that a grid takes of P, to pr_free. */
pr_status pr__parameter_point(const pr_sweep_parameter *p, int64_t i, char **out);

/* All points of the space (sweep_points.c). */
pr_status pr__points_make(pr_sweep *sweep);

/* Whether the rungs fit TRIAL's stages (sweep_rungs.c). */
pr_status pr__rungs_check(const pr_sweep *sweep, int64_t trial, const pr_train_options *options);

#endif
