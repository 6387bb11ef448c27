/** Maps inside a run's backbone, for what a page shows. */
#ifndef PR_REPORT_SHOWN_MAPS_H
#define PR_REPORT_SHOWN_MAPS_H

#include "models/backbone.h"
#include "report/shown.h"

/** Starts as {0}. */
typedef struct pr_shown_maps {
    int64_t n, height, width, channels;
    pr_shown_rows rows; /* [n, height, width, channels] */
} pr_shown_maps;

/** 0: the last map before pooling; 1 .. PR_BACKBONE_MAX_TAPS: a tap (models/backbone.h). */
typedef int pr_shown_map;

/** Of MAP of RUN's backbone, for one image. Not collective. PR_ERR_INVALID where it has no such tap. */
pr_status pr_shown_map_shape(const pr_shown_run *run, pr_shown_map map, int64_t *height,
                             int64_t *width, int64_t *channels);

/** How many taps RUN's backbone has; 0 also where it cannot be built. Not collective. */
int pr_shown_n_taps(const pr_shown_run *run);

/**
 * Collective: MAP of the samples AT [n], as RUN's model computes it in evaluation. The bits are those
 * of pr_shown_output. *OUT is the caller's (pr_shown_maps_free).
 *
 * Errors: as pr_shown_output; PR_ERR_INVALID where the backbone has no such tap.
 */
pr_status pr_shown_maps_of(pr_shown_run *run, const pr_shown *shown, pr_shown_map map,
                           const int64_t *at, int64_t n, pr_shown_maps *out);
void pr_shown_maps_free(pr_shown_maps *maps);

#endif
