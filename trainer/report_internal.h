/* Shared by the report's files only. */
#ifndef PR_TRAINER_REPORT_INTERNAL_H
#define PR_TRAINER_REPORT_INTERNAL_H

#include "engine/base/text.h"
#include "trainer/report.h"

#include <jansson.h>

/* ---- text (report_html.c) ---- */

/** WORDS as text between tags or inside double quotes; what XML cannot hold becomes U+FFFD. */
pr_status pr__html_add(pr_text *text, const char *words);
/** "<img …/>" with its bytes inside. */
pr_status pr__html_image(pr_text *text, const pr_report_image *image);
pr_status pr__html_begin(pr_text *text, const char *title);

/* ---- drawings (report_svg.c) ---- */

typedef struct pr__curve {
    const char *name;
    const double *x, *y; /* not finite: left out */
    int64_t n;
    bool with_points; /* few values, each worth a dot */
} pr__curve;

typedef struct pr__chart {
    const char *title, *x_label;
    const pr__curve *curves;
    int n_curves;
    bool log_y;     /* where all values are positive and lie far apart */
    bool from_zero; /* the axis begins at 0 */
    bool unit;      /* both axes are 0 to 1, with the diagonal: an ROC */
} pr__chart;

enum { PR__N_COLORS = 6 };

pr_status pr__svg_chart(pr_text *text, const pr__chart *chart);

/** Counts [n_bins] of two classes over [low, high], with the threshold where it is in that range. */
pr_status pr__svg_histogram(pr_text *text, const char *title, const double *real,
                            const double *fake, int n_bins, double low, double high,
                            double threshold);

/** Bars of N_PARTS stacked values each; VALUES [n_bars, n_parts]. */
pr_status pr__svg_stack(pr_text *text, const char *title, const char *x_label,
                        const char *const *parts, int n_parts, const double *bars_x,
                        const double *values, int64_t n_bars);

/* ---- the log (report_log.c) ---- */

typedef struct pr__series {
    char stage[64], key[64];
    double *x, *y; /* owned */
    int64_t n, room;
} pr__series;

enum { PR__MAX_SERIES = 64, PR__N_LEVELS = 4 };

typedef struct pr__log {
    pr__series series[PR__MAX_SERIES]; /* "loss", "loss.…", "lr", "grad_norm", "rate" of a stage */
    int n_series;
    pr__series evals[PR__MAX_SERIES]; /* stage: the split; key: the metric */
    int n_evals;
    pr__series levels[PR__N_LEVELS]; /* views by pairing level over epochs */
    int64_t n_cut_lines;             /* 1: the last line is not whole */
    int64_t n_bad, n_replaced;       /* of the last plan line */
    char first_bad[256];
} pr__log;

extern const char *const pr__level_names[PR__N_LEVELS];

pr_status pr__log_read(const char *path, pr__log **out);
void pr__log_destroy(pr__log **log);

/* ---- sections ---- */

pr_status pr__report_curves(pr_text *text, const pr__log *log);
/** EVALS [n] are parsed files, PATHS their names. */
pr_status pr__report_headline(pr_text *text, json_t *const *evals, int n);
pr_status pr__report_evals(pr_text *text, json_t *const *evals, const char *const *paths, int n);

#endif
