/**
 * Which data a row's lists name that are not there. Module-internal: launch/ablate_plan.c.
 */
#ifndef PR_LAUNCH_ABLATE_DATA_H
#define PR_LAUNCH_ABLATE_DATA_H

#include "launch/ablate.h"

/** Remembers what was looked at: the rows of a table mostly name the same selections. */
typedef struct pr_ablate_data pr_ablate_data;

pr_status pr_ablate_data_create(pr_ablate_data **out);
void pr_ablate_data_destroy(pr_ablate_data **data);

/**
 * Fills in ROW's `absent` and `left_out` from its OPTIONS: a data set that is not there, and a
 * selection that picks nothing of one that is.
 *
 * Errors: PR_ERR_IO and PR_ERR_FORMAT for a data set that is there and cannot be read.
 */
pr_status pr_ablate_data_look(pr_ablate_data *data, const pr_train_options *options,
                              pr_ablate_row *row);

#endif
