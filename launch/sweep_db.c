/* sweep.sqlite. A rollback journal, which lives on network file systems where a write-ahead log does
 * not; one writer, who holds the sweep's lock. All of it can be made again from the run directories. */
#include "engine/base/alloc.h"
#include "launch/sweep_results.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS sweep (key TEXT PRIMARY KEY, value TEXT);"
    "CREATE TABLE IF NOT EXISTS trials (number INTEGER PRIMARY KEY, name TEXT, point INTEGER,"
    " state TEXT, rung INTEGER, step INTEGER, value REAL, failures INTEGER, message TEXT);"
    "CREATE TABLE IF NOT EXISTS parameters (trial INTEGER, key TEXT, value TEXT,"
    " PRIMARY KEY (trial, key));"
    "CREATE TABLE IF NOT EXISTS evaluations (trial INTEGER, rung INTEGER, checkpoint TEXT,"
    " step INTEGER, epoch INTEGER, value REAL, config_hash TEXT, data_hash TEXT, version TEXT,"
    " PRIMARY KEY (trial, rung));"
    "CREATE TABLE IF NOT EXISTS metrics (trial INTEGER, rung INTEGER, name TEXT, value REAL,"
    " PRIMARY KEY (trial, rung, name));";

typedef struct db {
    sqlite3 *handle;
    char path[PR_PATH_BYTES];
} db;

static pr_status failed(const db *d)
{
    return PR_FAIL(PR_ERR_IO, "%s: %s", d->path,
                   d->handle != NULL ? sqlite3_errmsg(d->handle) : "no memory");
}

static pr_status run(const db *d, const char *sql)
{
    return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? PR_OK : failed(d);
}

/*
 * Runs SQL with values by KINDS: i int64_t, r double (NaN is NULL), t text (copied). A value is bound in
 * the order of the question marks.
 */
typedef struct value {
    char kind;
    int64_t i;
    double r;
    const char *t;
} value;

static int bind(sqlite3_stmt *statement, int place, const value *v)
{
    if (v->kind == 'i') {
        return sqlite3_bind_int64(statement, place, v->i);
    }
    if (v->kind == 'r') {
        return isnan(v->r) ? sqlite3_bind_null(statement, place)
                           : sqlite3_bind_double(statement, place, v->r);
    }
    return sqlite3_bind_text(statement, place, v->t, -1, SQLITE_TRANSIENT);
}

static pr_status put(const db *d, const char *sql, const value *values, int n)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(d->handle, sql, -1, &statement, NULL) != SQLITE_OK) {
        return failed(d);
    }
    int code = SQLITE_OK;
    for (int i = 0; i < n && code == SQLITE_OK; i++) {
        code = bind(statement, i + 1, &values[i]);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    const pr_status status = code == SQLITE_DONE ? PR_OK : failed(d);
    (void)sqlite3_finalize(statement);
    return status;
}

#define INT(x)                                                                                     \
    {                                                                                              \
        .kind = 'i', .i = (x)                                                                      \
    }
#define REAL(x)                                                                                    \
    {                                                                                              \
        .kind = 'r', .r = (x)                                                                      \
    }
#define TEXT(x)                                                                                    \
    {                                                                                              \
        .kind = 't', .t = (x)                                                                      \
    }
#define N(values) ((int)(sizeof(values) / sizeof((values)[0])))

static pr_status put_evaluation(const db *d, int64_t trial, const pr_sweep_evaluation *e)
{
    const value row[] = {INT(trial),           INT(e->rung),       TEXT(e->checkpoint),
                         INT(e->step),         INT(e->epoch),      REAL(e->value),
                         TEXT(e->config_hash), TEXT(e->data_hash), TEXT(PR_VERSION)};
    PR_TRY(put(d, "INSERT INTO evaluations VALUES (?,?,?,?,?,?,?,?,?)", row, N(row)));
    for (int i = 0; i < e->n_metrics; i++) {
        const value metric[] = {INT(trial), INT(e->rung), TEXT(e->metrics[i].name),
                                REAL(e->metrics[i].value)};
        PR_TRY(put(d, "INSERT INTO metrics VALUES (?,?,?,?)", metric, N(metric)));
    }
    return PR_OK;
}

static pr_status put_parameters(const db *d, const pr_sweep *s, int64_t trial)
{
    for (int p = 0; p < s->n_parameters; p++) {
        const char *const text = pr_sweep_value(s, trial, p);
        const value row[] = {INT(trial), TEXT(s->parameters[p].key), TEXT(text)};
        PR_TRY(text != NULL ? put(d, "INSERT INTO parameters VALUES (?,?,?)", row, N(row)) : PR_OK);
    }
    if (s->options.seeds.n == 0) {
        return PR_OK;
    }
    char seed[32];
    (void)snprintf(seed, sizeof(seed), "%.0f", s->options.seeds.at[trial % s->n_seeds]);
    const value row[] = {INT(trial), TEXT("seed"), TEXT(seed)};
    return put(d, "INSERT INTO parameters VALUES (?,?,?)", row, N(row));
}

static pr_status put_trial(const db *d, const pr_sweep *s, int64_t trial)
{
    static const char *const tables[] = {"trials WHERE number", "parameters WHERE trial",
                                         "evaluations WHERE trial", "metrics WHERE trial"};
    pr_sweep_result *const r = pr_calloc(1, sizeof(*r));
    char name[PR_SWEEP_NAME_BYTES];
    PR_REQUIRE(r != NULL, PR_ERR_NOMEM, "no memory for a result");
    pr_status status = pr_sweep_result_read(s, trial, r);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && status == PR_OK; i++) {
        char sql[80];
        (void)snprintf(sql, sizeof(sql), "DELETE FROM %s = ?", tables[i]);
        status = put(d, sql, &(value)INT(trial), 1);
    }
    if (status == PR_OK) {
        const pr_sweep_evaluation *const last = r->n > 0 ? &r->evaluations[r->n - 1] : NULL;
        pr_sweep_name(trial, name);
        const value row[] = {INT(trial),
                             TEXT(name),
                             INT(trial / s->n_seeds),
                             TEXT(r->state),
                             INT(last != NULL ? last->rung : -1),
                             INT(last != NULL ? last->step : 0),
                             REAL(pr_sweep_result_value(r)),
                             INT(r->n_failures),
                             TEXT(r->message)};
        status = put(d, "INSERT INTO trials VALUES (?,?,?,?,?,?,?,?,?)", row, N(row));
    }
    if (status == PR_OK) {
        status = put_parameters(d, s, trial);
    }
    for (int i = 0; i < r->n && status == PR_OK; i++) {
        status = put_evaluation(d, trial, &r->evaluations[i]);
    }
    pr_free(r);
    return status;
}

static pr_status open_db(const pr_sweep *s, db *d)
{
    *d = (db){.handle = NULL};
    PR_TRY(pr_fs_join(d->path, s->dir, "sweep.sqlite"));
    const int code = sqlite3_open(d->path, &d->handle);
    pr_status status = code == SQLITE_OK ? PR_OK : failed(d);
    if (status == PR_OK) {
        status = run(d, "PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE;");
    }
    if (status == PR_OK) {
        status = run(d, schema);
    }
    if (status != PR_OK) {
        (void)sqlite3_close(d->handle);
    }
    return status;
}

/* Commits where STATUS is good, and closes in any case: what was not committed is rolled back. */
static pr_status close_db(db *d, pr_status status)
{
    if (status == PR_OK) {
        status = run(d, "COMMIT");
    }
    (void)sqlite3_close(d->handle);
    return status;
}

static pr_status put_all(const db *d, const pr_sweep *s)
{
    PR_TRY(run(d, "BEGIN IMMEDIATE; DELETE FROM sweep; DELETE FROM trials; DELETE FROM parameters;"
                  "DELETE FROM evaluations; DELETE FROM metrics;"));
    for (int64_t i = 0; i < pr_settings_n(s->spec); i++) {
        const pr_setting *const at = pr_settings_at(s->spec, i);
        const value row[] = {TEXT(at->key), TEXT(at->value)};
        PR_TRY(put(d, "INSERT INTO sweep VALUES (?,?)", row, N(row)));
    }
    for (int64_t trial = 0; trial < pr_sweep_n_trials(s); trial++) {
        PR_TRY(put_trial(d, s, trial));
    }
    return PR_OK;
}

pr_status pr_sweep_db_collect(const pr_sweep *s)
{
    db d;
    PR_TRY(open_db(s, &d));
    return close_db(&d, put_all(&d, s));
}

pr_status pr_sweep_db_put(const pr_sweep *s, int64_t trial)
{
    db d;
    PR_TRY(open_db(s, &d));
    pr_status status = run(&d, "BEGIN IMMEDIATE");
    if (status == PR_OK) {
        status = put_trial(&d, s, trial);
    }
    return close_db(&d, status);
}
