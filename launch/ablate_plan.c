/* The rows and seeds of a table as runs. */
#include "engine/base/alloc.h"
#include "engine/base/names.h"
#include "launch/ablate.h"
#include "launch/ablate_data.h"
#include "launch/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const pr_ablate_row *find_row(const pr_ablate_plan *plan, const char *name)
{
    for (int64_t i = 0; i < plan->n_rows; i++) {
        if (strcmp(plan->rows[i].name, name) == 0) {
            return &plan->rows[i];
        }
    }
    return NULL;
}

static pr_status refuse_row(const pr_ablate_plan *plan, const char *what, const char *name)
{
    pr_text text = {0};
    pr_status status =
        pr_names_unknown(&text, name, (const char *const *)plan->row_names, plan->n_rows);
    if (status == PR_OK) {
        status = PR_FAIL(PR_ERR_INVALID, "%s: no row %s%s", what, pr_text_chars(&text),
                         plan->n_rows > 0 ? "" : "; it has none");
    }
    pr_text_free(&text);
    return status;
}

static pr_status read_rows(pr_ablate_plan *plan)
{
    pr_settings *settings = NULL;
    PR_TRY(pr_settings_create(&settings));
    pr_status status = pr_settings_add_file(settings, plan->request->file);
    if (status == PR_OK) {
        status = pr_settings_rows(settings, &plan->row_names, &plan->n_rows);
    }
    pr_settings_destroy(&settings);
    PR_TRY(status);
    PR_REQUIRE(plan->n_rows > 0, PR_ERR_INVALID, "%s has no `rows`", plan->request->file);
    plan->rows = pr_calloc(plan->n_rows, sizeof(*plan->rows));
    PR_REQUIRE(plan->rows != NULL, PR_ERR_NOMEM, "no memory for %lld rows",
               (long long)plan->n_rows);
    const char *const *const chosen = plan->request->rows;
    for (int64_t i = 0; i < plan->n_rows; i++) {
        plan->rows[i].name = plan->row_names[i];
        plan->rows[i].is_chosen = chosen == NULL || chosen[0] == NULL;
    }
    for (int64_t i = 0; chosen != NULL && chosen[i] != NULL; i++) {
        pr_ablate_row *const row = (pr_ablate_row *)find_row(plan, chosen[i]);
        if (row == NULL) {
            return refuse_row(plan, plan->request->file, chosen[i]);
        }
        row->is_chosen = true;
    }
    return PR_OK;
}

/* Every row that a line of the printed table names is one of the config's. */
static pr_status check_lines(const pr_ablate_plan *plan)
{
    const pr_ablate_table *const table = plan->table;
    for (int64_t i = 0; i < table->lines.n; i++) {
        for (int64_t j = 0; j < table->columns.n; j++) {
            char row[PR_ABLATE_NAME_BYTES];
            if (pr_ablate_row_of(pr_ablate_line_at(table, i), pr_ablate_column_at(table, j), row) &&
                find_row(plan, row) == NULL) {
                return refuse_row(plan, table->title, row);
            }
        }
    }
    return PR_OK;
}

/* The config of RUN: the request's words, and the seed over them. */
static pr_status load_config(const pr_ablate_plan *plan, const char *row, int64_t seed,
                             pr_run_config **out)
{
    const char *sets[PR_OPTION_LIST_MAX + 1] = {NULL};
    char seed_word[40];
    int n = 0;
    for (; plan->request->sets != NULL && plan->request->sets[n] != NULL; n++) {
        sets[n] = plan->request->sets[n];
    }
    if (seed >= 0) {
        (void)snprintf(seed_word, sizeof(seed_word), "seed=%" PRId64, seed);
        sets[n] = seed_word;
    }
    return pr_run_config_load(NULL, plan->request->file, row, sets, out);
}

static pr_status fill_run(pr_ablate_plan *plan, const pr_ablate_row *row, int64_t seed,
                          pr_ablate_run *run)
{
    run->row = row;
    run->seed = seed;
    PR_TRY(load_config(plan, row->name, seed, &run->config));
    PR_TRY(pr_config_hash(run->config->config, &run->config_hash));
    const int n = snprintf(run->name, sizeof(run->name), "%s.seed%" PRId64, row->name, seed);
    PR_REQUIRE(n > 0 && n < (int)sizeof(run->name), PR_ERR_INVALID, "a row's name of %zu bytes",
               strlen(row->name));
    return pr_fs_join(run->dir, plan->folder, run->name);
}

static pr_status fill_runs(pr_ablate_plan *plan)
{
    const int64_t n_seeds = plan->request->n_seeds;
    pr_ablate_data *data = NULL;
    PR_TRY(pr_ablate_data_create(&data));
    pr_status status = PR_OK;
    for (int64_t i = 0; i < plan->n_rows && status == PR_OK; i++) {
        pr_ablate_row *const row = &plan->rows[i];
        pr_run_config *first = NULL;
        status = load_config(plan, row->name, -1, &first);
        const int64_t seed = status == PR_OK ? first->options.seed : 0;
        if (status == PR_OK) {
            status = pr_ablate_data_look(data, &first->options, row);
        }
        pr_run_config_destroy(&first);
        for (int64_t k = 0; k < n_seeds && status == PR_OK; k++) {
            status = fill_run(plan, row, seed + k, &plan->runs[plan->n_runs++]);
        }
    }
    pr_ablate_data_destroy(&data);
    return status;
}

static pr_status make(pr_ablate_plan *plan)
{
    const pr_ablate_request *const request = plan->request;
    PR_TRY(pr_fs_join(plan->folder, request->out, plan->table->name));
    PR_TRY(read_rows(plan));
    PR_TRY(check_lines(plan));
    plan->runs = pr_calloc(plan->n_rows * request->n_seeds, sizeof(*plan->runs));
    PR_REQUIRE(plan->runs != NULL, PR_ERR_NOMEM, "no memory for %lld runs",
               (long long)(plan->n_rows * request->n_seeds));
    return fill_runs(plan);
}

pr_status pr_ablate_plan_create(const pr_ablate_request *request, const pr_ablate_table *table,
                                pr_ablate_plan **out)
{
    pr_ablate_plan *plan = pr_calloc(1, sizeof(*plan));
    PR_REQUIRE(plan != NULL, PR_ERR_NOMEM, "no memory for a table's runs");
    plan->request = request;
    plan->table = table;
    const pr_status status = make(plan);
    if (status != PR_OK) {
        pr_ablate_plan_destroy(&plan);
        return status;
    }
    *out = plan;
    return PR_OK;
}

void pr_ablate_plan_destroy(pr_ablate_plan **plan)
{
    if (*plan != NULL) {
        for (int64_t i = 0; i < (*plan)->n_runs; i++) {
            pr_run_config_destroy(&(*plan)->runs[i].config);
            pr_settings_destroy(&(*plan)->runs[i].made);
        }
        pr_free((*plan)->runs);
        pr_free((*plan)->rows);
        pr_free((void *)(*plan)->row_names);
        pr_free(*plan);
        *plan = NULL;
    }
}

const char *pr_ablate_list_left_out(const pr_ablate_row *row, const char *list)
{
    for (int i = 0; i < row->n_left_out; i++) {
        if (strcmp(row->left_out[i].list, list) == 0) {
            return row->left_out[i].why;
        }
    }
    return NULL;
}

/* Whether KEY is of a list of data.test that ROW leaves out. */
static bool is_left_out(const pr_ablate_row *row, const char *key)
{
    for (int i = 0; i < row->n_left_out; i++) {
        const char *const list = row->left_out[i].list;
        const size_t n = strlen(list);
        if (strncmp(key, "data.test.", 10) == 0 && strncmp(key + 10, list, n) == 0 &&
            (key[10 + n] == '.' || key[10 + n] == '\0')) {
            return true;
        }
    }
    return false;
}

static pr_status add_value(pr_text *text, const pr_setting *setting)
{
    if (!setting->is_list) {
        return pr_text_add_json(text, setting->value);
    }
    char **words = NULL;
    int64_t n = 0;
    PR_TRY(pr_text_split(setting->value, '\n', &words, &n));
    pr_status status = pr_text_add(text, "[");
    for (int64_t i = 0; i + 1 < n && status == PR_OK; i++) {
        status = pr_text_add(text, "%s", i > 0 ? ", " : "");
        if (status == PR_OK) {
            status = pr_text_add_json(text, words[i]);
        }
    }
    pr_free((void *)words);
    PR_TRY(status);
    return pr_text_add(text, "]");
}

static pr_status write_file(pr_ablate_run *run)
{
    const pr_settings *const settings = run->config->settings;
    pr_text text = {0};
    pr_status status =
        pr_text_add(&text, "# Written by `pristine ablate`: the config of %s.\n", run->name);
    for (int64_t i = 0; i < pr_settings_n(settings) && status == PR_OK; i++) {
        const pr_setting *const setting = pr_settings_at(settings, i);
        if (is_left_out(run->row, setting->key)) {
            continue;
        }
        status = pr_text_add(&text, "%s: ", setting->key);
        if (status == PR_OK) {
            status = add_value(&text, setting);
        }
        if (status == PR_OK) {
            status = pr_text_add(&text, "\n");
        }
    }
    if (status == PR_OK) {
        status = pr_fs_write(run->file, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return status;
}

pr_status pr_ablate_plan_write(pr_ablate_plan *plan, const char *folder)
{
    for (int64_t i = 0; i < plan->n_runs; i++) {
        pr_ablate_run *const run = &plan->runs[i];
        char name[PR_ABLATE_NAME_BYTES + 8];
        (void)snprintf(name, sizeof(name), "%s.yaml", run->name);
        PR_TRY(pr_fs_join(run->file, folder != NULL ? folder : plan->folder, name));
        PR_TRY(write_file(run));
    }
    return PR_OK;
}

pr_jobs_run pr_ablate_job(const pr_ablate_run *run, int n_ranks)
{
    return (pr_jobs_run){.name = run->name,
                         .run_dir = run->dir,
                         .config = run->file,
                         .n_ranks = n_ranks,
                         .stop_at = run->config->options.stop_at,
                         .checkpoint = "best",
                         .keep = PR_JOBS_KEEP_ALL};
}
