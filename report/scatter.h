/* Points of several groups in a plane. */
#ifndef PR_REPORT_SCATTER_H
#define PR_REPORT_SCATTER_H

#include "trainer/page.h"

#include <stdint.h>

typedef struct pr__scatter {
    const char *title;
    const char *x_label, *y_label; /* NULL: the axes mean nothing */
    const double *xy;              /* [n, 2] */
    const int32_t *group;          /* [n]; 0 is always drawn in the colour of reals */
    int64_t n;
    const char *const *names; /* [n_groups] */
    int n_groups;
} pr__scatter;

/** A card with one scale on both axes, the groups' names and how many points each has. */
void pr__svg_scatter(pr_page *page, const pr__scatter *scatter);

#endif
