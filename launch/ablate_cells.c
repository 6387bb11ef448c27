/* What finished runs measured, as cells of the table, and what there is to say about them. */
#include "engine/base/alloc.h"
#include "launch/ablate.h"
#include "trainer/data.h"
#include "trainer/eval_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const pr_ablate_cell *pr_ablate_cell_at(const pr_ablate_numbers *numbers, int64_t line,
                                        int64_t column)
{
    return &numbers->cells[line * numbers->plan->table->columns.n + column];
}

const char *pr_ablate_number(const pr_ablate_table *table, double value,
                             char text[static PR_ABLATE_NAME_BYTES])
{
    text[0] = '\0';
    if (!isnan(value)) {
        (void)snprintf(text, PR_ABLATE_NAME_BYTES, "%.*f", (int)table->decimals, value);
    }
    return text;
}

const char *pr_ablate_label(const pr_ablate_line *line, int64_t i,
                            char text[static PR_ABLATE_NAME_BYTES])
{
    bool is_lost = true;
    for (int64_t k = 0; k < line->name.n; k++) {
        is_lost = is_lost && strcmp(line->name.at[k], "~") == 0;
    }
    text[0] = '\0';
    if (is_lost && i == 0 && line->row[0] != '\0') {
        (void)snprintf(text, PR_ABLATE_NAME_BYTES, "(%.120s)", line->row);
    } else if (strcmp(line->name.at[i], "~") != 0) {
        (void)snprintf(text, PR_ABLATE_NAME_BYTES, "%s", line->name.at[i]);
    }
    return text;
}

/* Whether RUN's config tests COLUMN's list as the column claims: unperturbed, and at its compression
 * alone. WHY says what is otherwise. */
static bool is_tested(const pr_ablate_run *run, const pr_ablate_column *column,
                      char why[static PR_ABLATE_WHY_BYTES])
{
    const pr_train_options *const options = &run->config->options;
    int64_t n = 0;
    const int64_t first = pr_data_test_find(options, column->list, &n);
    const char *const left_out = run->row->absent[0] != '\0'
                                     ? run->row->absent
                                     : pr_ablate_list_left_out(run->row, column->list);
    why[0] = '\0';
    if (first < 0 || left_out != NULL) {
        (void)snprintf(why, PR_ABLATE_WHY_BYTES, "%.400s",
                       left_out != NULL ? left_out : "the config has no such list");
        return false;
    }
    const pr_selection_options *const tests = options->data.test.at;
    for (int64_t i = first; i < first + n; i++) {
        const pr_config_words *const words = &tests[i].compression;
        const bool is_one = words->n == 1 && strcmp(words->at[0], column->compression) == 0;
        if (strcmp(tests[i].perturb, "none") != 0) {
            (void)snprintf(why, PR_ABLATE_WHY_BYTES, "it was tested under perturb %.100s",
                           tests[i].perturb);
            return false;
        }
        if (column->compression[0] != '\0' && !is_one) {
            (void)snprintf(why, PR_ABLATE_WHY_BYTES, "it was tested at compression %.100s",
                           words->n > 0 ? words->at[0] : "any");
            return false;
        }
    }
    return true;
}

/* One seed's number, in the table's unit; *IS_THERE is false where the run did not measure it. */
static pr_status measure(pr_ablate_numbers *numbers, const pr_ablate_run *run,
                         const pr_ablate_line *line, const pr_ablate_column *column, double *value,
                         bool *is_there)
{
    char name[PR_ABLATE_NAME_BYTES + 64];
    char path[PR_PATH_BYTES];
    char head[24] = "";
    *is_there = false;
    if (line->head > 0) {
        (void)snprintf(head, sizeof(head), ".task%d", (int)line->head);
    }
    (void)snprintf(name, sizeof(name), "eval/test.%s%s.json", column->list, head);
    PR_TRY(pr_fs_join(path, run->dir, name));
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    const pr_status status = pr_eval_read_metric(path, column->metric, value);
    if (status == PR_ERR_INVALID) { /* a method that the test data have not */
        pr_error_clear();
        return pr_text_add(&numbers->notes, "%s: %s has no %s.\n", run->name, name, column->metric);
    }
    PR_TRY(status);
    *is_there = !isnan(*value);
    *value *= numbers->plan->table->unit == PR_ABLATE_PERCENT ? 100.0 : 1.0;
    return PR_OK;
}

/* Mean and deviation of N values: the second pass keeps the digits that a sum of squares loses. */
static void summarise(const double *values, int64_t n, pr_ablate_cell *cell)
{
    double sum = 0.0;
    double squares = 0.0;
    cell->n = n;
    cell->mean = NAN;
    cell->sd = NAN;
    for (int64_t i = 0; i < n; i++) {
        sum += values[i];
    }
    if (n > 0) {
        cell->mean = sum / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        squares += (values[i] - cell->mean) * (values[i] - cell->mean);
    }
    if (n > 1) {
        cell->sd = sqrt(squares / (double)(n - 1));
    }
}

static pr_status fill_cell(pr_ablate_numbers *numbers, int64_t i, int64_t j, double *values)
{
    const pr_ablate_plan *const plan = numbers->plan;
    const pr_ablate_line *const line = pr_ablate_line_at(plan->table, i);
    const pr_ablate_column *const column = pr_ablate_column_at(plan->table, j);
    pr_ablate_cell *const cell = &numbers->cells[i * plan->table->columns.n + j];
    char row[PR_ABLATE_NAME_BYTES];
    char why[PR_ABLATE_WHY_BYTES];
    int64_t n = 0;
    cell->printed = line->printed.at[j];
    const bool is_trained = pr_ablate_row_of(line, column, row);
    for (int64_t k = 0; k < plan->n_runs && is_trained; k++) {
        const pr_ablate_run *const run = &plan->runs[k];
        if (strcmp(run->row->name, row) != 0 || !is_tested(run, column, why)) {
            continue;
        }
        numbers->is_shown[j] = true;
        bool is_there = false;
        if (run->state == PR_JOBS_FINISHED) {
            PR_TRY(measure(numbers, run, line, column, &values[n], &is_there));
        }
        n += is_there;
    }
    summarise(values, n, cell);
    return PR_OK;
}

/* Why column J is not tested as it claims: its first row's reason. */
static void find_why(const pr_ablate_numbers *numbers, int64_t j,
                     char why[static PR_ABLATE_WHY_BYTES])
{
    const pr_ablate_plan *const plan = numbers->plan;
    const pr_ablate_column *const column = pr_ablate_column_at(plan->table, j);
    char row[PR_ABLATE_NAME_BYTES] = "";
    why[0] = '\0';
    for (int64_t i = 0; i < plan->table->lines.n && row[0] == '\0'; i++) {
        (void)pr_ablate_row_of(pr_ablate_line_at(plan->table, i), column, row);
    }
    for (int64_t k = 0; k < plan->n_runs; k++) {
        if (strcmp(plan->runs[k].row->name, row) == 0) {
            (void)is_tested(&plan->runs[k], column, why);
            return;
        }
    }
}

/* One sentence for all columns from FIRST on that are not tested for one reason and share a fate. */
static pr_status note_columns_like(pr_ablate_numbers *numbers, int64_t first, bool *is_told)
{
    const pr_ablate_table *const table = numbers->plan->table;
    const bool claims = pr_ablate_column_at(table, first)->compression[0] != '\0';
    char why[PR_ABLATE_WHY_BYTES];
    find_why(numbers, first, why);
    PR_TRY(pr_text_add(&numbers->notes, "%s: ", claims ? "Left out" : "The paper's alone"));
    for (int64_t j = first; j < table->columns.n; j++) {
        const pr_ablate_column *const column = pr_ablate_column_at(table, j);
        char other[PR_ABLATE_WHY_BYTES];
        find_why(numbers, j, other);
        if (numbers->is_shown[j] || (column->compression[0] != '\0') != claims ||
            strcmp(other, why) != 0) {
            continue;
        }
        is_told[j] = true;
        PR_TRY(pr_text_add(&numbers->notes, "%s%s%s%s", j > first ? ", " : "", column->group,
                           column->group[0] != '\0' ? " " : "", column->name));
    }
    return pr_text_add(&numbers->notes, "; %s.\n", why);
}

/* A column that claims a compression at which nothing was tested is left out; another then has the
 * paper's numbers alone, as all have where no row can be trained. */
static pr_status note_columns(pr_ablate_numbers *numbers, bool *is_told)
{
    const pr_ablate_plan *const plan = numbers->plan;
    bool is_trained = false;
    for (int64_t i = 0; i < plan->n_rows; i++) {
        is_trained = is_trained || plan->rows[i].absent[0] == '\0';
    }
    for (int64_t j = 0; j < plan->table->columns.n && is_trained; j++) {
        if (!numbers->is_shown[j] && !is_told[j]) {
            PR_TRY(note_columns_like(numbers, j, is_told));
        }
    }
    for (int64_t j = 0; j < plan->table->columns.n; j++) {
        numbers->is_shown[j] = numbers->is_shown[j] || !is_trained ||
                               pr_ablate_column_at(plan->table, j)->compression[0] == '\0';
        numbers->n_shown += numbers->is_shown[j];
    }
    return PR_OK;
}

/* One sentence for row FIRST and those behind it that lack the same data. */
static pr_status note_absent(pr_ablate_numbers *numbers, int64_t first)
{
    const pr_ablate_plan *const plan = numbers->plan;
    const char *const why = plan->rows[first].absent;
    for (int64_t i = 0; i < first; i++) {
        if (strcmp(plan->rows[i].absent, why) == 0) {
            return PR_OK; /* told with that one */
        }
    }
    PR_TRY(pr_text_add(&numbers->notes, "Not trained: "));
    for (int64_t i = first; i < plan->n_rows; i++) {
        if (strcmp(plan->rows[i].absent, why) == 0) {
            PR_TRY(pr_text_add(&numbers->notes, "%s%s", i > first ? ", " : "", plan->rows[i].name));
        }
    }
    return pr_text_add(&numbers->notes, "; %s.\n", why);
}

/* What became of a row's runs, where they are not all finished. */
static pr_status note_row(pr_ablate_numbers *numbers, const pr_ablate_row *row)
{
    const pr_ablate_plan *const plan = numbers->plan;
    int64_t n = 0;
    int64_t n_finished = 0;
    for (int64_t k = 0; k < plan->n_runs; k++) {
        const pr_ablate_run *const run = &plan->runs[k];
        if (run->row != row) {
            continue;
        }
        n++;
        n_finished += run->state == PR_JOBS_FINISHED;
        if (run->state == PR_JOBS_FAILED) {
            PR_TRY(pr_text_add(&numbers->notes, "%s failed: %s\n", run->name, run->message));
        }
    }
    return n_finished == n ? PR_OK
                           : pr_text_add(&numbers->notes, "Row %s: %lld of %lld seeds.\n",
                                         row->name, (long long)n_finished, (long long)n);
}

static pr_status gather(pr_ablate_numbers *numbers, double *values)
{
    const pr_ablate_plan *const plan = numbers->plan;
    const pr_ablate_table *const table = plan->table;
    for (int64_t i = 0; i < table->notes.n; i++) {
        PR_TRY(pr_text_add(&numbers->notes, "%s\n", table->notes.at[i]));
    }
    for (int64_t i = 0; i < table->lines.n; i++) {
        for (int64_t j = 0; j < table->columns.n; j++) {
            PR_TRY(fill_cell(numbers, i, j, values));
        }
    }
    bool *const is_told = pr_calloc(table->columns.n, sizeof(*is_told));
    PR_REQUIRE(is_told != NULL, PR_ERR_NOMEM, "no memory for %lld columns",
               (long long)table->columns.n);
    pr_status status = note_columns(numbers, is_told);
    pr_free(is_told);
    for (int64_t i = 0; i < plan->n_rows && status == PR_OK; i++) {
        status = plan->rows[i].absent[0] != '\0' ? note_absent(numbers, i)
                                                 : note_row(numbers, &plan->rows[i]);
    }
    return status;
}

static pr_status make(const pr_ablate_plan *plan, pr_ablate_numbers *numbers)
{
    const int64_t n_columns = plan->table->columns.n;
    numbers->plan = plan;
    numbers->cells = pr_calloc(plan->table->lines.n * n_columns, sizeof(*numbers->cells));
    numbers->is_shown = pr_calloc(n_columns, sizeof(*numbers->is_shown));
    PR_REQUIRE(numbers->cells != NULL && numbers->is_shown != NULL, PR_ERR_NOMEM,
               "no memory for the numbers of %lld columns", (long long)n_columns);
    double *const values = pr_calloc(plan->request->n_seeds, sizeof(*values));
    PR_REQUIRE(values != NULL, PR_ERR_NOMEM, "no memory for %lld seeds",
               (long long)plan->request->n_seeds);
    const pr_status status = gather(numbers, values);
    pr_free(values);
    return status;
}

pr_status pr_ablate_numbers_create(const pr_ablate_plan *plan, pr_ablate_numbers **out)
{
    pr_ablate_numbers *numbers = pr_calloc(1, sizeof(*numbers));
    PR_REQUIRE(numbers != NULL, PR_ERR_NOMEM, "no memory for a table's numbers");
    const pr_status status = make(plan, numbers);
    if (status != PR_OK) {
        pr_ablate_numbers_destroy(&numbers);
        return status;
    }
    *out = numbers;
    return PR_OK;
}

void pr_ablate_numbers_destroy(pr_ablate_numbers **numbers)
{
    if (*numbers != NULL) {
        pr_text_free(&(*numbers)->notes);
        pr_free((*numbers)->is_shown);
        pr_free((*numbers)->cells);
        pr_free(*numbers);
        *numbers = NULL;
    }
}
