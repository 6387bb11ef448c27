/* Shared by the report's files only. */
#ifndef PR_REPORT_REPORT_INTERNAL_H
#define PR_REPORT_REPORT_INTERNAL_H

#include "report/report.h"
#include "trainer/page.h"

#include <jansson.h>

/* ---- text (report_html.c) ---- */

/** "<img …/>" with its bytes inside. */
void pr__html_image(pr_page *page, const pr_report_image *image);
void pr__html_begin(pr_page *page, const char *title);

/* ---- drawings (report_svg.c) ---- */

typedef struct pr__curve {
    const char *name;
    const double *x, *y; /* not finite: left out */
    int64_t n;           /* 0: neither drawn nor named, but its colour is kept */
    bool with_points;    /* few values, each worth a dot */
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

void pr__svg_chart(pr_page *page, const pr__chart *chart);

/** Two classes over [low, high]. */
typedef struct pr__histogram {
    const char *title;
    const double *counts[2]; /* [n_bins] of reals, of fakes */
    int n_bins;
    double low, high;
    double threshold;    /* drawn where it lies inside */
    const char *x_label; /* NULL: of scores */
} pr__histogram;

void pr__svg_histogram(pr_page *page, const pr__histogram *histogram);

/** A bar of N_PARTS stacked values for each of X. */
typedef struct pr__stack {
    const char *title, *x_label;
    const char *const *parts;
    int n_parts;
    const double *x;      /* [n_bars] */
    const double *values; /* [n_bars, n_parts] */
    int64_t n_bars;
} pr__stack;

void pr__svg_stack(pr_page *page, const pr__stack *stack);

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
    int64_t n_bad, n_replaced;       /* over all "bad" lines */
    char first_bad[256];
} pr__log;

extern const char *const pr__level_names[PR__N_LEVELS];

pr_status pr__log_read(const char *path, pr__log **out);
void pr__log_destroy(pr__log **log);

/* ---- evaluations (report.c, report_eval.c) ---- */

/** The file that `eval` wrote, parsed; *OUT is the caller's. Errors: PR_ERR_IO, PR_ERR_FORMAT. */
pr_status pr__eval_read(const char *path, json_t **out);

/** The file's value as a percentage, with all its digits beside it. */
void pr__html_percent(pr_page *page, double value);

/** Whether the file has a curve to draw; and it, NAME being borrowed, *X and *Y the caller's. */
bool pr__roc_exists(const json_t *eval);
pr_status pr__roc_read(const json_t *eval, const char *path, const char *name, double **x,
                       double **y, pr__curve *curve);

/** OBJECT's word and number under KEY; "" and NaN where it has none. */
const char *pr__json_word(const json_t *object, const char *key);
double pr__json_number(const json_t *object, const char *key);

/* ---- sections ---- */

void pr__report_curves(pr_page *page, const pr__log *log);
/** EVALS [n] are parsed files, PATHS their names. */
void pr__report_headline(pr_page *page, json_t *const *evals, int n);
void pr__report_evals(pr_page *page, json_t *const *evals, const char *const *paths, int n);

#endif
