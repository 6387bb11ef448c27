/**
 * A table of a paper, made again: its printed form from a data file, the runs of its rows for each
 * seed, and their means and deviations beside the printed numbers. What `pristine ablate` is made of;
 * docs/ablations.md is its manual.
 *
 * A table config configs/rccl/table3.yaml says what its rows train and test; configs/rccl/printed/
 * table3.yaml says what the paper prints. All runs of table T lie below DIR/T, so tables of several
 * papers share a DIR. Nothing here is collective: the caller is one process without MPI.
 */
#ifndef PR_LAUNCH_ABLATE_H
#define PR_LAUNCH_ABLATE_H

#include "engine/base/config.h"
#include "engine/base/fs.h"
#include "launch/jobs.h"
#include "launch/run_config.h"

enum {
    PR_ABLATE_NAME_BYTES = 128,
    PR_ABLATE_WHY_BYTES = 512,
    PR_ABLATE_MAX_LISTS = 32, /* of data.test, in one row */
};

/* What the paper prints. */

typedef enum pr_ablate_unit { PR_ABLATE_PERCENT, PR_ABLATE_FRACTION } pr_ablate_unit;

typedef struct pr_ablate_column {
    const char *group,
        *name;               /* the heading above several columns, "": none; and the column's own */
    const char *variant;     /* stands for the '*' of a line's row; "" where rows have none */
    const char *list;        /* of data.test */
    const char *compression; /* that the column claims; "": it claims none */
    const char *metric;      /* as pr_eval_read_metric knows it */
} pr_ablate_column;

/** A line of the printed table. A name or number that the paper's text has lost is "~". */
typedef struct pr_ablate_line {
    pr_config_words name;    /* a word for each of the table's labels */
    const char *row;         /* of the config, perhaps with a '*'; "": it is not trained here */
    int64_t head;            /* of the sub-task that answers, from 1; 0: the run itself */
    pr_config_words printed; /* a word for each column; "-": the paper has none either */
} pr_ablate_line;

typedef struct pr_ablate_table {
    char name[PR_ABLATE_NAME_BYTES]; /* "rccl.table3" */
    const char *title;
    int unit;               /* pr_ablate_unit */
    int64_t decimals;       /* of our numbers */
    pr_config_words labels; /* the headings of the first columns */
    pr_config_words notes;  /* whole sentences */
    pr_config_array columns, lines;
    pr_config_schema schema; /* these three own the texts */
    pr_settings *settings;
    pr_config *config;
} pr_ablate_table;

/**
 * Reads what the paper prints of the table config FILE.
 *
 * Errors: PR_ERR_INVALID where FILE or the data file beside it is not there, and for a line that has
 * not a word for each label and column; those of engine/base/config.h.
 */
pr_status pr_ablate_table_load(const char *file, pr_ablate_table **out);
void pr_ablate_table_destroy(pr_ablate_table **table);

const pr_ablate_column *pr_ablate_column_at(const pr_ablate_table *table, int64_t i);
const pr_ablate_line *pr_ablate_line_at(const pr_ablate_table *table, int64_t i);

/** The config row that the cell of LINE and COLUMN comes from; false where it is not trained here. */
bool pr_ablate_row_of(const pr_ablate_line *line, const pr_ablate_column *column,
                      char row[static PR_ABLATE_NAME_BYTES]);

/* The runs. */

typedef struct pr_ablate_request {
    const char *file;        /* the table config */
    const char *out;         /* DIR */
    const char *const *rows; /* that are run, NULL-terminated; empty: all */
    const char *const *sets; /* "key=value" over every row */
    int64_t n_seeds;
} pr_ablate_request;

typedef struct pr_ablate_left_out {
    char list[PR_ABLATE_NAME_BYTES];
    char why[PR_ABLATE_WHY_BYTES];
} pr_ablate_left_out;

/** A row of the config, for all seeds. */
typedef struct pr_ablate_row {
    const char *name;
    bool is_chosen;
    char absent[PR_ABLATE_WHY_BYTES];                 /* why it cannot be trained; "" */
    pr_ablate_left_out left_out[PR_ABLATE_MAX_LISTS]; /* lists that cannot be tested */
    int n_left_out;
} pr_ablate_row;

typedef struct pr_ablate_run {
    const pr_ablate_row *row;
    int64_t seed;
    char name[PR_ABLATE_NAME_BYTES]; /* "instance.seed1" */
    char dir[PR_PATH_BYTES];
    char file[PR_PATH_BYTES]; /* its config, without the lists that are left out */
    pr_run_config *config;    /* the same in memory, with them */
    uint64_t config_hash;
    pr_jobs_state state;
    char message[PR_JOBS_MESSAGE_BYTES];
    pr_settings *made; /* RUN/config.yaml; NULL where the run has not begun */
} pr_ablate_run;

typedef struct pr_ablate_plan {
    const pr_ablate_request *request;
    const pr_ablate_table *table;
    char folder[PR_PATH_BYTES]; /* DIR/rccl.table3 */
    char **row_names;           /* owns the names */
    pr_ablate_row *rows;
    int64_t n_rows;
    pr_ablate_run *runs; /* [n_rows * n_seeds], row by row */
    int64_t n_runs;
} pr_ablate_plan;

/**
 * Expands the table: a run for each row and seed (from the config's `seed` on), each with its config,
 * and what data sets it lacks. Reads indices; writes nothing. REQUEST and TABLE are borrowed.
 *
 * Errors: PR_ERR_INVALID for an unknown row (with those there are), and for a line of TABLE whose row
 * the config has not; those of pr_run_config_load and pr_samples_open but for data that are not there.
 */
pr_status pr_ablate_plan_create(const pr_ablate_request *request, const pr_ablate_table *table,
                                pr_ablate_plan **out);
void pr_ablate_plan_destroy(pr_ablate_plan **plan);

/**
 * Writes each run's config to its file, which the runs' own folder gets, or FOLDER where nothing may
 * be written there. It has the keys that are given and no more: what is left to this machine stays
 * left to it.
 */
pr_status pr_ablate_plan_write(pr_ablate_plan *plan, const char *folder);

/** RUN as launch/jobs.h wants it. Borrows from RUN. */
pr_jobs_run pr_ablate_job(const pr_ablate_run *run, int n_ranks);

/**
 * Fills in what the run directories say; the files must have been written. A run that was tested on
 * other lists than it would be now counts as trained, not as finished.
 *
 * Errors: PR_ERR_INVALID naming the run and the key where the directory holds the run of another
 * config, or of other data.
 */
pr_status pr_ablate_plan_look(pr_ablate_plan *plan);

/**
 * Before such a run is tested again: its config gets the lists of now, which a resume may change, and
 * its evaluations go.
 */
pr_status pr_ablate_retest(pr_ablate_run *run);

/** Why RUN's row is not tested on LIST: the data that it lacks. NULL where it is. */
const char *pr_ablate_list_left_out(const pr_ablate_row *row, const char *list);

/* The numbers. */

typedef struct pr_ablate_cell {
    int64_t n;           /* seeds in it */
    double mean, sd;     /* in the table's unit; sd (of n - 1) is NaN for one seed */
    const char *printed; /* borrowed */
} pr_ablate_cell;

typedef struct pr_ablate_numbers {
    const pr_ablate_plan *plan;
    pr_ablate_cell *cells; /* [lines][columns] */
    bool *is_shown;        /* [columns]: tested as it claims, by the config of a row at least */
    int64_t n_shown;
    pr_text notes; /* lines: whole sentences */
} pr_ablate_numbers;

/**
 * Gathers what finished runs measured.
 *
 * Errors: PR_ERR_IO, PR_ERR_FORMAT of an evaluation's file.
 */
pr_status pr_ablate_numbers_create(const pr_ablate_plan *plan, pr_ablate_numbers **out);
void pr_ablate_numbers_destroy(pr_ablate_numbers **numbers);

const pr_ablate_cell *pr_ablate_cell_at(const pr_ablate_numbers *numbers, int64_t line,
                                        int64_t column);

/** Label I of LINE as it is shown: the paper's, "" where it is lost; where all are, "(row)". */
const char *pr_ablate_label(const pr_ablate_line *line, int64_t i,
                            char text[static PR_ABLATE_NAME_BYTES]);

/** VALUE of the table's unit with its decimals, in TEXT; "" where it is not a number. */
const char *pr_ablate_number(const pr_ablate_table *table, double value,
                             char text[static PR_ABLATE_NAME_BYTES]);

/** What made a run, for the lists of runs: its config's hash, its data's, and builds. */
typedef struct pr_ablate_made {
    char config[24], data[24];
    char build[PR_ABLATE_NAME_BYTES]; /* the programs that trained it, "+" between them */
} pr_ablate_made;

pr_status pr_ablate_made_read(const pr_ablate_run *run, pr_ablate_made *made);

/** Notes that the program that runs now had RUN in its hands. */
pr_status pr_ablate_made_note(const pr_ablate_run *run);

/** "0.1.0-0123456789abcdef": version, and hash of the program's file. Errors: PR_ERR_IO. */
pr_status pr_ablate_build(char text[static PR_ABLATE_NAME_BYTES]);

/** The table, appended. Markdown aligns its columns, so that it reads as plain text too. */
pr_status pr_ablate_markdown(const pr_ablate_numbers *numbers, pr_text *text);
pr_status pr_ablate_latex(const pr_ablate_numbers *numbers, pr_text *text);
/** A line a cell; and a line for each run and list that it was tested on. */
pr_status pr_ablate_csv(const pr_ablate_numbers *numbers, pr_text *text);
pr_status pr_ablate_runs_csv(const pr_ablate_plan *plan, pr_text *text);

#endif
