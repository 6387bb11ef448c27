/** Planes of values as pictures inside a page. Shared by the report's files only. */
#ifndef PR_REPORT_PICTURE_H
#define PR_REPORT_PICTURE_H

#include "report/shown.h"
#include "trainer/page.h"

/** [height, width], rows packed. LOW is black and HIGH white; what lies outside is cut. */
typedef struct pr__plane {
    const double *values;
    int64_t height, width;
    double low, high;
} pr__plane;

/**
 * A <figure>: PLANE as a PNG of its own size, one grey byte a value, floor(255 t + 1/2) of
 * t = (value - low) / (high - low), with low and high in full as data-low and data-high and NAME as
 * data-name; below it CAPTION. ASPECT is the CSS aspect ratio of what is shown ("1"). Not finite values
 * are black; where high = low all is black.
 */
void pr__picture_plane(pr_page *page, const pr__plane *plane, const char *name, const char *aspect,
                       const char *caption);

/** A <figure>: sample I as RUN's model sees it, as a JPEG; its title is the sample's name. */
void pr__picture_sample(pr_page *page, const pr_shown_run *run, const pr_shown *shown, int64_t i,
                        const char *caption);

/**
 * Sample I as RUN's model sees it, in levels of 0 to 255, not rounded: *LEVELS [px, px, 3] is the
 * caller's (pr_free).
 */
pr_status pr__sample_levels(const pr_shown_run *run, const pr_shown *shown, int64_t i,
                            double **levels);

#endif
