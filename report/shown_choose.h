/* A balanced choice of samples by a hash of their keys. Of report/shown.c only. */
#ifndef PR_REPORT_SHOWN_CHOOSE_H
#define PR_REPORT_SHOWN_CHOOSE_H

#include "report/shown.h"

typedef struct pr__choice {
    const pr_samples *samples;
    const int64_t *at;    /* [n] sample numbers, ascending; NULL: place k is sample k */
    const int32_t *group; /* [n] below PR_SHOWN_MAX_GROUPS */
    int64_t n;
    /* Whether the candidate at PLACE can be shown; asked of few more than are chosen. NULL: all. */
    pr_status (*check)(void *ctx, int64_t place, bool *is_good);
    void *ctx;
} pr__choice;

/**
 * PLACES [*N], ascending, are at most N_MAX of the candidates, as many of each group as far as there
 * are; pr_free. *N_LEFT_OUT grows by those that failed the check.
 */
pr_status pr__choose(const pr__choice *choice, int64_t n_max, int64_t *n_left_out, int64_t **places,
                     int64_t *n);

#endif
