/* The table for programs: a line a cell, and a line for each run and list that it was tested on. */
#include "engine/base/alloc.h"
#include "launch/ablate.h"
#include "trainer/eval_table.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* FIELD and the SEPARATOR behind it; in quotes where RFC 4180 wants them. */
static pr_status add_field(pr_text *text, const char *field, const char *separator)
{
    if (strpbrk(field, ",\"\r\n") == NULL) {
        return pr_text_add(text, "%s%s", field, separator);
    }
    PR_TRY(pr_text_add(text, "\""));
    for (; *field != '\0'; field++) {
        PR_TRY(pr_text_add(text, "%s%c", *field == '"' ? "\"" : "", *field));
    }
    return pr_text_add(text, "\"%s", separator);
}

/* All digits, since this is for programs; nothing where it is no number. */
static pr_status add_number(pr_text *text, double value)
{
    return isnan(value) ? pr_text_add(text, ",") : pr_text_add(text, "%.17g,", value);
}

static pr_status add_cell(const pr_ablate_numbers *numbers, int64_t i, int64_t j, pr_text *text)
{
    const pr_ablate_table *const table = numbers->plan->table;
    const pr_ablate_line *const line = pr_ablate_line_at(table, i);
    const pr_ablate_column *const column = pr_ablate_column_at(table, j);
    const pr_ablate_cell *const cell = pr_ablate_cell_at(numbers, i, j);
    const bool is_lost = strcmp(cell->printed, "~") == 0;
    char word[PR_ABLATE_NAME_BYTES];
    for (int64_t k = 0; k < table->labels.n; k++) {
        PR_TRY(add_field(text, pr_ablate_label(line, k, word), ","));
    }
    (void)pr_ablate_row_of(line, column, word);
    PR_TRY(add_field(text, word, ","));
    PR_TRY(pr_text_add(text, "%" PRId64 ",", line->head));
    const char *const fields[] = {column->group, column->name, column->list, column->compression,
                                  column->metric};
    for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {
        PR_TRY(add_field(text, fields[k], ","));
    }
    PR_TRY(pr_text_add(text, "%" PRId64 ",", cell->n));
    PR_TRY(add_number(text, cell->mean));
    PR_TRY(add_number(text, cell->sd));
    PR_TRY(add_field(text, is_lost ? "" : cell->printed, ","));
    return add_field(text, table->unit == PR_ABLATE_PERCENT ? "percent" : "fraction", "\r\n");
}

pr_status pr_ablate_csv(const pr_ablate_numbers *numbers, pr_text *text)
{
    const pr_ablate_table *const table = numbers->plan->table;
    for (int64_t k = 0; k < table->labels.n; k++) {
        PR_TRY(add_field(text, table->labels.at[k], ","));
    }
    PR_TRY(pr_text_add(text, "row,head,group,column,list,compression,metric,n,mean,sd,printed,"
                             "unit\r\n"));
    for (int64_t i = 0; i < table->lines.n; i++) {
        for (int64_t j = 0; j < table->columns.n; j++) {
            if (numbers->is_shown[j]) {
                PR_TRY(add_cell(numbers, i, j, text));
            }
        }
    }
    return PR_OK;
}

/* The hash of the data that the evaluation in PATH saw. */
static pr_status read_data_hash(const char *path, char hash[static PR_ABLATE_NAME_BYTES])
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    json_error_t error = {.line = 0};
    hash[0] = '\0';
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    json_t *const root = json_loadb(bytes, n_bytes, 0, &error);
    pr_free(bytes);
    PR_REQUIRE(root != NULL, PR_ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
    const char *const word = json_string_value(json_object_get(root, "data_hash"));
    (void)snprintf(hash, PR_ABLATE_NAME_BYTES, "%s", word != NULL ? word : "");
    json_decref(root);
    return PR_OK;
}

static pr_status add_run(const pr_ablate_run *run, const char *list, pr_text *text)
{
    pr_ablate_made made;
    char name[PR_ABLATE_NAME_BYTES + 16];
    char path[PR_PATH_BYTES];
    char hash[PR_ABLATE_NAME_BYTES];
    const char *const left_out = pr_ablate_list_left_out(run->row, list);
    (void)snprintf(name, sizeof(name), "eval/test.%.127s.json", list);
    PR_TRY(pr_fs_join(path, run->dir, name));
    PR_TRY(read_data_hash(path, hash));
    PR_TRY(pr_ablate_made_read(run, &made));
    PR_TRY(add_field(text, run->name, ","));
    PR_TRY(add_field(text, run->row->name, ","));
    PR_TRY(pr_text_add(text, "%" PRId64 ",%s,%s,%s,%s,", run->seed, pr_jobs_state_word(run->state),
                       made.config, made.data, made.build));
    PR_TRY(add_field(text, list, ","));
    PR_TRY(pr_text_add(text, "%s,", hash));
    return add_field(text,
                     run->row->absent[0] != '\0' ? run->row->absent
                     : left_out != NULL          ? left_out
                                                 : run->message,
                     "\r\n");
}

pr_status pr_ablate_runs_csv(const pr_ablate_plan *plan, pr_text *text)
{
    PR_TRY(pr_text_add(text, "run,row,seed,state,config_hash,data_hash,build,list,test_data_hash,"
                             "message\r\n"));
    for (int64_t k = 0; k < plan->n_runs; k++) {
        const pr_config_array *const tests = &plan->runs[k].config->options.data.test;
        for (int64_t i = 0; i < tests->n; i++) {
            if (i == 0 || strcmp(tests->names[i], tests->names[i - 1]) != 0) {
                PR_TRY(add_run(&plan->runs[k], tests->names[i], text));
            }
        }
    }
    return PR_OK;
}
