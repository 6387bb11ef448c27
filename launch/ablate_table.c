/* What a paper prints, read from its data file. */
#include "engine/base/alloc.h"
#include "launch/ablate.h"

#include <stdio.h>
#include <string.h>

#define N(rows) ((int64_t)(sizeof(rows) / sizeof((rows)[0])))
#define COLUMN(member, usual, flags, doc)                                                          \
    {                                                                                              \
#member, PR_CONFIG_STRING, usual, 0, 0, NULL, offsetof(pr_ablate_column, member), flags,   \
            doc                                                                                    \
    }

static const pr_config_row COLUMN_ROWS[] = {
    COLUMN(group, "", 0, "the heading above several columns"),
    COLUMN(name, NULL, PR_CONFIG_REQUIRED, "the column's heading"),
    COLUMN(variant, "", 0, "what stands for the * in a row's name"),
    COLUMN(list, NULL, PR_CONFIG_REQUIRED, "the list of data.test"),
    COLUMN(compression, "", 0, "the compression that the column claims"),
    COLUMN(metric, NULL, PR_CONFIG_REQUIRED, "the metric of eval"),
};

static const pr_config_row LINE_ROWS[] = {
    {"name", PR_CONFIG_WORDS, NULL, 0, 0, NULL, offsetof(pr_ablate_line, name), PR_CONFIG_REQUIRED,
     "a word for each label"},
    {"row", PR_CONFIG_STRING, "", 0, 0, NULL, offsetof(pr_ablate_line, row), 0,
     "the row of the config; none: it is not trained here"},
    {"head", PR_CONFIG_INT, "0", 0, 64, NULL, offsetof(pr_ablate_line, head), 0,
     "the sub-task whose head answers"},
    {"printed", PR_CONFIG_WORDS, NULL, 0, 0, NULL, offsetof(pr_ablate_line, printed),
     PR_CONFIG_REQUIRED, "the printed cells"},
};

static const pr_config_group GROUPS[] = {
    {"columns", PR_CONFIG_BY_NUMBER, COLUMN_ROWS, N(COLUMN_ROWS), sizeof(pr_ablate_column),
     offsetof(pr_ablate_table, columns), NULL, "columns in the paper's order"},
    {"rows", PR_CONFIG_BY_NUMBER, LINE_ROWS, N(LINE_ROWS), sizeof(pr_ablate_line),
     offsetof(pr_ablate_table, lines), NULL, "lines in the paper's order"},
};

static const char *const UNITS[] = {"percent", "fraction", NULL};

static const pr_config_row TABLE_ROWS[] = {
    {"title", PR_CONFIG_STRING, NULL, 0, 0, NULL, offsetof(pr_ablate_table, title),
     PR_CONFIG_REQUIRED, "the table's title"},
    {"unit", PR_CONFIG_CHOICE, "percent", 0, 0, UNITS, offsetof(pr_ablate_table, unit), 0,
     "unit of the printed numbers"},
    {"decimals", PR_CONFIG_INT, "2", 0, 6, NULL, offsetof(pr_ablate_table, decimals), 0,
     "decimals of our numbers"},
    {"labels", PR_CONFIG_WORDS, NULL, 0, 0, NULL, offsetof(pr_ablate_table, labels),
     PR_CONFIG_REQUIRED, "headings of the columns that name a line"},
    {"notes", PR_CONFIG_WORDS, "", 0, 0, NULL, offsetof(pr_ablate_table, notes), 0,
     "sentences below the table"},
};

const pr_ablate_column *pr_ablate_column_at(const pr_ablate_table *table, int64_t i)
{
    return (const pr_ablate_column *)table->columns.at + i;
}

const pr_ablate_line *pr_ablate_line_at(const pr_ablate_table *table, int64_t i)
{
    return (const pr_ablate_line *)table->lines.at + i;
}

bool pr_ablate_row_of(const pr_ablate_line *line, const pr_ablate_column *column,
                      char row[static PR_ABLATE_NAME_BYTES])
{
    const char *const star = strchr(line->row, '*');
    if (star == NULL) {
        (void)snprintf(row, PR_ABLATE_NAME_BYTES, "%s", line->row);
    } else {
        (void)snprintf(row, PR_ABLATE_NAME_BYTES, "%.*s%s%s", (int)(star - line->row), line->row,
                       column->variant, star + 1);
    }
    return row[0] != '\0';
}

static pr_status check_lines(const pr_ablate_table *table, const char *path)
{
    PR_REQUIRE(table->labels.n > 0 && table->columns.n > 0 && table->lines.n > 0, PR_ERR_INVALID,
               "%s: %lld labels, %lld columns, %lld rows: one of each is wanted", path,
               (long long)table->labels.n, (long long)table->columns.n, (long long)table->lines.n);
    for (int64_t i = 0; i < table->lines.n; i++) {
        const pr_ablate_line *const line = pr_ablate_line_at(table, i);
        PR_REQUIRE(line->name.n == table->labels.n, PR_ERR_INVALID,
                   "%s: rows.%lld.name has %lld words, and there are %lld labels", path,
                   (long long)i, (long long)line->name.n, (long long)table->labels.n);
        PR_REQUIRE(line->printed.n == table->columns.n, PR_ERR_INVALID,
                   "%s: rows.%lld.printed has %lld cells, and there are %lld columns", path,
                   (long long)i, (long long)line->printed.n, (long long)table->columns.n);
    }
    return PR_OK;
}

/* "configs/rccl/table3.yaml" is the table rccl.table3, printed in configs/rccl/printed/table3.yaml. */
static pr_status find_names(const char *file, char name[static PR_ABLATE_NAME_BYTES],
                            char path[static PR_PATH_BYTES])
{
    char folder[PR_PATH_BYTES];
    char below[PR_ABLATE_NAME_BYTES + 16];
    pr_fs_folder_of(folder, file);
    const char *const slash = strrchr(file, '/');
    const char *const base = slash != NULL ? slash + 1 : file;
    const char *const dot = strrchr(base, '.');
    const int n_stem = (int)(dot != NULL ? (size_t)(dot - base) : strlen(base));
    const char *const above = strrchr(folder, '/');
    const char *const system = above != NULL ? above + 1 : folder;
    PR_REQUIRE(pr_fs_exists(file), PR_ERR_INVALID, "%s: there is no such table config", file);
    const bool has_system = system[0] != '.';
    const int n = snprintf(name, PR_ABLATE_NAME_BYTES, "%s%s%.*s", has_system ? system : "",
                           has_system ? "." : "", n_stem, base);
    PR_REQUIRE(n > 0 && n < PR_ABLATE_NAME_BYTES && strlen(base) < PR_ABLATE_NAME_BYTES,
               PR_ERR_INVALID, "%s: a name of more than %d bytes", file, PR_ABLATE_NAME_BYTES - 1);
    (void)snprintf(below, sizeof(below), "printed/%s", base);
    PR_TRY(pr_fs_join(path, strcmp(folder, ".") == 0 ? "" : folder, below));
    PR_REQUIRE(pr_fs_exists(path), PR_ERR_INVALID,
               "%s is no table of a paper: what the paper prints would be in %s", file, path);
    return PR_OK;
}

static pr_status load(const char *file, pr_ablate_table *table)
{
    char path[PR_PATH_BYTES];
    const pr_config_module module = {"A printed table", TABLE_ROWS, N(TABLE_ROWS), GROUPS,
                                     N(GROUPS),         table};
    PR_TRY(find_names(file, table->name, path));
    PR_TRY(pr_settings_create(&table->settings));
    PR_TRY(pr_settings_add_file(table->settings, path));
    PR_TRY(pr_config_register(&table->schema, &module));
    PR_TRY(pr_config_apply(&table->schema, table->settings, &table->config));
    return check_lines(table, path);
}

pr_status pr_ablate_table_load(const char *file, pr_ablate_table **out)
{
    pr_ablate_table *table = pr_calloc(1, sizeof(*table));
    PR_REQUIRE(table != NULL, PR_ERR_NOMEM, "no memory for a table");
    const pr_status status = load(file, table);
    if (status != PR_OK) {
        pr_ablate_table_destroy(&table);
        return status;
    }
    *out = table;
    return PR_OK;
}

void pr_ablate_table_destroy(pr_ablate_table **table)
{
    if (*table != NULL) {
        pr_config_destroy(&(*table)->config);
        pr_settings_destroy(&(*table)->settings);
        pr_free(*table);
        *table = NULL;
    }
}
