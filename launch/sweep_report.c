/* The best of a sweep: as text, as a table for programs, as a page. */
#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "engine/base/math.h"
#include "launch/sweep_results.h"
#include "report/sweep_page.h"
#include "trainer/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_BEST = 10, N_PARTS = 4, WORD_BYTES = 32 };

typedef struct best {
    int64_t point;
    double mean, deviation; /* over the seeds that have a value; NaN */
    int64_t n;
} best;

typedef struct making {
    const pr_sweep *sweep;
    pr_sweep_result *results; /* [n] */
    int64_t n;
    int n_axes;           /* parameters, and the seed where there are several */
    best *bests;          /* [n_points] */
    int64_t *order;       /* [n] trials, best first */
    const char **words;   /* [n, n_axes] */
    double *at;           /* [n, n_axes] */
    double *matters;      /* [n_axes] */
    const char **axes;    /* [n_axes] */
    pr_sweep_line *lines; /* [n] */
    char (*logs)[PR_PATH_BYTES];
    char (*names)[PR_SWEEP_NAME_BYTES];
    char (*seeds)[WORD_BYTES];
} making;

static bool is_more(const making *m)
{
    return pr_metric_more_is_better(m->sweep->options.metric);
}

/* Positive where A is worse than B: a value is better than none. */
static int compare_values(double a, double b, bool more)
{
    if (isfinite(a) != isfinite(b)) {
        return isfinite(a) ? -1 : 1;
    }
    if (!isfinite(a) || a == b) {
        return 0;
    }
    return (a > b) == more ? -1 : 1;
}

/* Insertion sorts: stable, so that equals stay in the order of their numbers. A trial that came to a later
 * rung stands before those that did not. */
static void sort_trials(making *m)
{
    for (int64_t i = 0; i < m->n; i++) {
        const pr_sweep_result *const r = &m->results[i];
        int64_t k = i;
        while (k > 0) {
            const pr_sweep_result *const other = &m->results[m->order[k - 1]];
            const bool is_further = r->n > other->n;
            if (!is_further && (r->n < other->n ||
                                compare_values(pr_sweep_result_value(r),
                                               pr_sweep_result_value(other), is_more(m)) >= 0)) {
                break;
            }
            m->order[k] = m->order[k - 1];
            k--;
        }
        m->order[k] = i;
    }
}

/* A point by its seeds; only those that came furthest count. */
static best point_best(const making *m, int64_t point)
{
    best b = {.point = point, .mean = NAN, .deviation = NAN};
    double sum = 0.0;
    double squares = 0.0;
    for (int64_t i = 0; i < m->sweep->n_seeds; i++) {
        const pr_sweep_result *const r = &m->results[point * m->sweep->n_seeds + i];
        const double value = pr_sweep_result_value(r);
        if (isfinite(value) && r->n == pr_sweep_n_rungs(m->sweep)) {
            sum += value;
            squares += value * value;
            b.n++;
        }
    }
    if (b.n > 0) {
        b.mean = sum / (double)b.n;
    }
    if (b.n > 1) {
        const double variance = (squares - sum * b.mean) / (double)(b.n - 1);
        b.deviation = variance > 0.0 ? sqrt(variance) : 0.0;
    }
    return b;
}

static void sort_points(making *m)
{
    for (int64_t i = 0; i < m->sweep->n_points; i++) {
        const best b = point_best(m, i);
        int64_t k = i;
        while (k > 0 && compare_values(b.mean, m->bests[k - 1].mean, is_more(m)) < 0) {
            m->bests[k] = m->bests[k - 1];
            k--;
        }
        m->bests[k] = b;
    }
}

/* Where VALUE lies on the axis of P, 0 to 1. */
static double place_of(const pr_sweep_parameter *p, const char *value)
{
    double x = 0.0;
    if (p->kind == PR_SWEEP_LIST) {
        for (int64_t i = 0; i < p->n; i++) {
            if (strcmp(p->words[i], value) == 0) {
                return p->n > 1 ? (double)i / (double)(p->n - 1) : 0.5;
            }
        }
        return NAN;
    }
    if (!pr_text_to_real(value, &x)) {
        return NAN;
    }
    const bool is_log = p->kind == PR_SWEEP_LOG || p->kind == PR_SWEEP_LOG_INTEGER;
    return is_log ? (pr_log(x) - pr_log(p->low)) / (pr_log(p->high) - pr_log(p->low))
                  : (x - p->low) / (p->high - p->low);
}

static void fill_axes(making *m)
{
    const pr_sweep *const s = m->sweep;
    for (int axis = 0; axis < m->n_axes; axis++) {
        m->axes[axis] = axis < s->n_parameters ? s->parameters[axis].key : "seed";
    }
    for (int64_t i = 0; i < m->n; i++) {
        for (int axis = 0; axis < m->n_axes; axis++) {
            const char **const word = &m->words[i * m->n_axes + axis];
            double *const at = &m->at[i * m->n_axes + axis];
            if (axis < s->n_parameters) {
                *word = pr_sweep_value(s, i, axis);
                *at = *word != NULL ? place_of(&s->parameters[axis], *word) : NAN;
            } else {
                (void)snprintf(m->seeds[i], WORD_BYTES, "%.0f",
                               s->options.seeds.at[i % s->n_seeds]);
                *word = m->seeds[i];
                *at = s->n_seeds > 1 ? (double)(i % s->n_seeds) / (double)(s->n_seeds - 1) : 0.5;
            }
        }
    }
}

/* The group of a place on AXIS: a list's words each make one, a range's values N_PARTS. */
static int group_of(const making *m, int axis, double at)
{
    const pr_sweep *const s = m->sweep;
    const bool is_list = axis >= s->n_parameters || s->parameters[axis].kind == PR_SWEEP_LIST;
    if (is_list) {
        const int64_t n = axis >= s->n_parameters ? s->n_seeds : s->parameters[axis].n;
        return (int)(at * (double)(n - 1) + 0.5);
    }
    const int part = (int)(at * N_PARTS + 1e-9); /* a logarithm's last bit moves nobody */
    return part < N_PARTS ? part : N_PARTS - 1;
}

/* Of the trials of the first rung: later ones have only the best of it. */
static pr_status weigh(making *m, int axis)
{
    double *const values = pr_calloc(m->n, sizeof(*values));
    int *const groups = pr_calloc(m->n, sizeof(*groups));
    pr_status status = PR_OK;
    if (values == NULL || groups == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for %" PRId64 " values", m->n);
    }
    int64_t n = 0;
    for (int64_t i = 0; i < m->n && status == PR_OK; i++) {
        const pr_sweep_result *const r = &m->results[i];
        const double at = m->at[i * m->n_axes + axis];
        if (r->n > 0 && isfinite(r->evaluations[0].value) && isfinite(at)) {
            values[n] = r->evaluations[0].value;
            groups[n++] = group_of(m, axis, at);
        }
    }
    if (status == PR_OK) {
        m->matters[axis] = pr_sweep_share(values, groups, n);
    }
    pr_free(values);
    pr_free(groups);
    return status;
}

static pr_status read_all(making *m)
{
    for (int64_t i = 0; i < m->n; i++) {
        PR_TRY(pr_sweep_result_read(m->sweep, i, &m->results[i]));
    }
    fill_axes(m);
    sort_trials(m);
    sort_points(m);
    for (int axis = 0; axis < m->n_axes; axis++) {
        PR_TRY(weigh(m, axis));
    }
    return PR_OK;
}

static pr_status print_best(const making *m)
{
    const pr_sweep *const s = m->sweep;
    pr_log_print("| place | trials | %s |", s->options.metric);
    pr_log_print(s->n_seeds > 1 ? " +/- | seeds |" : "");
    for (int p = 0; p < s->n_parameters; p++) {
        pr_log_print(" %s |", s->parameters[p].key);
    }
    pr_log_print("\n|%s", s->n_seeds > 1 ? "--:|---|--:|--:|--:|" : "--:|---|--:|");
    for (int p = 0; p < s->n_parameters; p++) {
        pr_log_print("---|");
    }
    pr_log_print("\n");
    for (int64_t i = 0; i < s->n_points && i < N_BEST && isfinite(m->bests[i].mean); i++) {
        const best *const b = &m->bests[i];
        char name[PR_SWEEP_NAME_BYTES];
        pr_sweep_name(b->point * s->n_seeds, name);
        pr_log_print("| %" PRId64 " | %s | %.6f |", i + 1, name, b->mean);
        if (s->n_seeds > 1) {
            pr_log_print(" %.6f | %" PRId64 " |", b->deviation, b->n);
        }
        for (int p = 0; p < s->n_parameters; p++) {
            const char *const value = pr_sweep_value(s, b->point * s->n_seeds, p);
            pr_log_print(" %s |", value != NULL ? value : "-");
        }
        pr_log_print("\n");
    }
    return PR_OK;
}

/* A word of a table with commas: in quotes, as RFC 4180 has it, where it needs them. */
static pr_status add_cell(pr_text *text, const char *word)
{
    if (strpbrk(word, ",\"\n") == NULL) {
        return pr_text_add(text, ",%s", word);
    }
    PR_TRY(pr_text_add(text, ",\""));
    for (const char *c = word; *c != '\0'; c++) {
        PR_TRY(pr_text_add(text, *c == '"' ? "\"\"" : "%c", *c));
    }
    return pr_text_add(text, "\"");
}

static pr_status add_csv_row(const making *m, int64_t trial, pr_text *text)
{
    const pr_sweep_result *const r = &m->results[trial];
    const pr_sweep_evaluation *const last = r->n > 0 ? &r->evaluations[r->n - 1] : NULL;
    char name[PR_SWEEP_NAME_BYTES];
    pr_sweep_name(trial, name);
    PR_TRY(pr_text_add(text, "%s,%" PRId64 ",%s,%" PRId64 ",", name, trial / m->sweep->n_seeds,
                       r->state, r->n_failures));
    if (last != NULL) {
        PR_TRY(
            pr_text_add(text, "%d,%" PRId64 ",%" PRId64 ",", last->rung, last->step, last->epoch));
        PR_TRY(isfinite(last->value) ? pr_text_add(text, "%.17g", last->value) : PR_OK);
        PR_TRY(pr_text_add(text, ",%s,%s", last->config_hash, last->data_hash));
    } else {
        PR_TRY(pr_text_add(text, ",,,,,"));
    }
    for (int axis = 0; axis < m->n_axes; axis++) {
        const char *const word = m->words[trial * m->n_axes + axis];
        PR_TRY(add_cell(text, word != NULL ? word : ""));
    }
    return pr_text_add(text, "\n");
}

static pr_status fill_csv(const making *m, pr_text *text)
{
    PR_TRY(pr_text_add(text, "trial,point,state,failures,rung,step,epoch,%s,config_hash,data_hash",
                       m->sweep->options.metric));
    for (int axis = 0; axis < m->n_axes; axis++) {
        PR_TRY(add_cell(text, m->axes[axis]));
    }
    PR_TRY(pr_text_add(text, "\n"));
    for (int64_t i = 0; i < m->n; i++) {
        PR_TRY(add_csv_row(m, i, text));
    }
    return PR_OK;
}

static pr_status write_csv(const making *m)
{
    char path[PR_PATH_BYTES];
    pr_text text = {0};
    PR_TRY(pr_fs_join(path, m->sweep->dir, "trials.csv"));
    pr_status status = fill_csv(m, &text);
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return status;
}

static pr_status write_page(making *m)
{
    const pr_sweep *const s = m->sweep;
    char path[PR_PATH_BYTES];
    char summary[256];
    int64_t n_finished = 0;
    for (int64_t i = 0; i < m->n; i++) {
        const int64_t trial = m->order[i];
        const pr_sweep_result *const r = &m->results[trial];
        char dir[PR_PATH_BYTES];
        pr_sweep_name(trial, m->names[i]);
        PR_TRY(pr_sweep_run_dir(s, trial, dir));
        PR_TRY(pr_fs_join(m->logs[i], dir, "log.jsonl"));
        n_finished += strcmp(r->state, "finished") == 0 ? 1 : 0;
        m->lines[i] = (pr_sweep_line){.name = m->names[i],
                                      .state = r->state,
                                      .words = &m->words[trial * m->n_axes],
                                      .at = &m->at[trial * m->n_axes],
                                      .value = pr_sweep_result_value(r),
                                      .step = r->n > 0 ? r->evaluations[r->n - 1].step : 0,
                                      .log_path = r->n > 0 ? m->logs[i] : NULL};
    }
    (void)snprintf(summary, sizeof(summary),
                   "%" PRId64 " trials, %" PRId64 " of them trained to the end, by pristine %s.",
                   m->n, n_finished, PR_VERSION);
    const pr_sweep_page page = {.title = s->dir,
                                .summary = summary,
                                .metric = s->options.metric,
                                .more_is_better = is_more(m),
                                .axes = m->axes,
                                .matters = m->matters,
                                .n_axes = m->n_axes,
                                .lines = m->lines,
                                .n = m->n};
    PR_TRY(pr_fs_join(path, s->dir, "report.html"));
    return pr_sweep_page_write(path, &page);
}

static pr_status make(making *m)
{
    const int64_t n_cells = m->n * m->n_axes;
    m->results = pr_calloc(m->n, sizeof(*m->results));
    m->bests = pr_calloc(m->sweep->n_points, sizeof(*m->bests));
    m->order = pr_calloc(m->n, sizeof(*m->order));
    m->words = pr_calloc(n_cells, sizeof(*m->words));
    m->at = pr_calloc(n_cells, sizeof(*m->at));
    m->matters = pr_calloc(m->n_axes, sizeof(*m->matters));
    m->axes = pr_calloc(m->n_axes, sizeof(*m->axes));
    m->lines = pr_calloc(m->n, sizeof(*m->lines));
    m->logs = pr_calloc(m->n, sizeof(*m->logs));
    m->names = pr_calloc(m->n, sizeof(*m->names));
    m->seeds = pr_calloc(m->n, sizeof(*m->seeds));
    PR_REQUIRE(m->results != NULL && m->bests != NULL && m->order != NULL && m->words != NULL &&
                   m->at != NULL && m->matters != NULL && m->axes != NULL && m->lines != NULL &&
                   m->logs != NULL && m->names != NULL && m->seeds != NULL,
               PR_ERR_NOMEM, "no memory for the results of %" PRId64 " trials", m->n);
    PR_TRY(read_all(m));
    PR_TRY(print_best(m));
    PR_TRY(write_csv(m));
    return write_page(m);
}

pr_status pr_sweep_report(const pr_sweep *s)
{
    making m = {.sweep = s, .n = pr_sweep_n_trials(s)};
    m.n_axes = s->n_parameters + (s->options.seeds.n > 0 ? 1 : 0);
    const pr_status status = make(&m);
    pr_free(m.results);
    pr_free(m.bests);
    pr_free(m.order);
    pr_free((void *)m.words);
    pr_free(m.at);
    pr_free(m.matters);
    pr_free((void *)m.axes);
    pr_free(m.lines);
    pr_free(m.logs);
    pr_free(m.names);
    pr_free(m.seeds);
    return status;
}
