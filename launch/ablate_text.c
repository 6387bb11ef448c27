/* The table as Markdown, which reads as plain text too, and as LaTeX. */
#include "engine/base/alloc.h"
#include "launch/ablate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the two languages write otherwise. */
typedef struct language {
    const char *plus_minus, *dagger, *tick;
    const char *escaped; /* characters that get a backslash */
} language;

static const language MARKDOWN = {" ± ", " †", "✓", "|"};
static const language LATEX = {" $\\pm$ ", "$^\\dagger$", "$\\surd$", "&%$#_{}"};

/* The shown cells as text, labels first; line 0 are the headings. */
typedef struct grid {
    pr_text *at; /* [n_lines][n_columns] */
    int64_t n_lines, n_columns;
} grid;

static pr_text *at(const grid *g, int64_t line, int64_t column)
{
    return &g->at[line * g->n_columns + column];
}

static void free_grid(grid *g)
{
    for (int64_t i = 0; g->at != NULL && i < g->n_lines * g->n_columns; i++) {
        pr_text_free(&g->at[i]);
    }
    pr_free(g->at);
}

static pr_status add_escaped(pr_text *text, const language *in, const char *word)
{
    static const char tick[] = "✓";
    while (*word != '\0') {
        if (strncmp(word, tick, sizeof(tick) - 1) == 0) {
            PR_TRY(pr_text_add(text, "%s", in->tick));
            word += sizeof(tick) - 1;
            continue;
        }
        const bool is_special = strchr(in->escaped, *word) != NULL;
        PR_TRY(pr_text_add(text, "%s%c", is_special ? "\\" : "", *word));
        word++;
    }
    return PR_OK;
}

/* "94.7 ± 0.3 (94.8)"; of a cell that was not measured "(94.8)". */
static pr_status add_cell(pr_text *text, const language *in, const pr_ablate_table *table,
                          const pr_ablate_cell *cell)
{
    char number[PR_ABLATE_NAME_BYTES];
    const bool is_printed = strcmp(cell->printed, "~") != 0 && strcmp(cell->printed, "-") != 0;
    if (cell->n > 0) {
        PR_TRY(pr_text_add(text, "%s", pr_ablate_number(table, cell->mean, number)));
    }
    if (cell->n > 1) {
        PR_TRY(
            pr_text_add(text, "%s%s", in->plus_minus, pr_ablate_number(table, cell->sd, number)));
    }
    if (is_printed) {
        return pr_text_add(text, "%s(%s)", cell->n > 0 ? " " : "", cell->printed);
    }
    return cell->n == 0 && cell->printed[0] == '-' ? pr_text_add(text, "-") : PR_OK;
}

static pr_status fill_headings(const grid *g, const language *in, const pr_ablate_numbers *numbers)
{
    const pr_ablate_table *const table = numbers->plan->table;
    const bool has_groups = in == &MARKDOWN; /* LaTeX has a line of its own for them */
    int64_t to = 0;
    for (int64_t i = 0; i < table->labels.n; i++) {
        PR_TRY(add_escaped(at(g, 0, to++), in, table->labels.at[i]));
    }
    for (int64_t j = 0; j < table->columns.n; j++) {
        const pr_ablate_column *const column = pr_ablate_column_at(table, j);
        if (!numbers->is_shown[j]) {
            continue;
        }
        if (has_groups && column->group[0] != '\0') {
            PR_TRY(add_escaped(at(g, 0, to), in, column->group));
            PR_TRY(pr_text_add(at(g, 0, to), " "));
        }
        PR_TRY(add_escaped(at(g, 0, to++), in, column->name));
    }
    return PR_OK;
}

static pr_status fill_line(const grid *g, const language *in, const pr_ablate_numbers *numbers,
                           int64_t i)
{
    const pr_ablate_table *const table = numbers->plan->table;
    const pr_ablate_line *const line = pr_ablate_line_at(table, i);
    int64_t to = 0;
    for (int64_t k = 0; k < table->labels.n; k++) {
        char label[PR_ABLATE_NAME_BYTES];
        PR_TRY(add_escaped(at(g, i + 1, to), in, pr_ablate_label(line, k, label)));
        if (k + 1 == table->labels.n && line->row[0] == '\0') {
            PR_TRY(pr_text_add(at(g, i + 1, to), "%s", in->dagger));
        }
        to++;
    }
    for (int64_t j = 0; j < table->columns.n; j++) {
        if (numbers->is_shown[j]) {
            PR_TRY(add_cell(at(g, i + 1, to++), in, table, pr_ablate_cell_at(numbers, i, j)));
        }
    }
    return PR_OK;
}

static pr_status make_grid(const language *in, const pr_ablate_numbers *numbers, grid *g)
{
    const pr_ablate_table *const table = numbers->plan->table;
    g->n_lines = table->lines.n + 1;
    g->n_columns = table->labels.n + numbers->n_shown;
    g->at = pr_calloc(g->n_lines * g->n_columns, sizeof(*g->at));
    PR_REQUIRE(g->at != NULL, PR_ERR_NOMEM, "no memory for a table of %lld lines",
               (long long)g->n_lines);
    pr_status status = fill_headings(g, in, numbers);
    for (int64_t i = 0; i < table->lines.n && status == PR_OK; i++) {
        status = fill_line(g, in, numbers, i);
    }
    if (status != PR_OK) {
        free_grid(g);
    }
    return status;
}

/* Characters of UTF-8 text. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0U) != 0x80U;
    }
    return n;
}

static int column_width(const grid *g, int64_t column)
{
    int width = 3;
    for (int64_t i = 0; i < g->n_lines; i++) {
        const int n = width_of(pr_text_chars(at(g, i, column)));
        width = n > width ? n : width;
    }
    return width;
}

static pr_status add_markdown_line(const grid *g, int64_t line, int64_t n_labels, pr_text *text)
{
    for (int64_t j = 0; j < g->n_columns; j++) {
        const char *const word = pr_text_chars(at(g, line, j));
        const int pad = column_width(g, j) - width_of(word);
        PR_TRY(pr_text_add(text, "| %*s%s%*s ", j < n_labels ? 0 : pad, "", word,
                           j < n_labels ? pad : 0, ""));
    }
    return pr_text_add(text, "|\n");
}

static pr_status add_markdown_rule(const grid *g, int64_t n_labels, pr_text *text)
{
    for (int64_t j = 0; j < g->n_columns; j++) {
        PR_TRY(pr_text_add(text, "|-"));
        for (int i = 0; i < column_width(g, j); i++) {
            PR_TRY(pr_text_add(text, "-"));
        }
        PR_TRY(pr_text_add(text, j < n_labels ? "-" : ":"));
    }
    return pr_text_add(text, "|\n");
}

static pr_status add_grid(const grid *g, int64_t n_labels, pr_text *text)
{
    for (int64_t i = 0; i < g->n_lines; i++) {
        PR_TRY(add_markdown_line(g, i, n_labels, text));
        if (i == 0) {
            PR_TRY(add_markdown_rule(g, n_labels, text));
        }
    }
    return PR_OK;
}

/* Each line of the notes behind PREFIX. */
static pr_status add_notes(const pr_ablate_numbers *numbers, const char *prefix, pr_text *text)
{
    for (const char *note = pr_text_chars(&numbers->notes); *note != '\0';) {
        const size_t n = strcspn(note, "\n");
        PR_TRY(pr_text_add(text, "%s%.*s\n", prefix, (int)n, note));
        note += n + (note[n] == '\n');
    }
    return PR_OK;
}

static pr_status add_key(const pr_ablate_plan *plan, const char *prefix, pr_text *text)
{
    const int64_t n = plan->request->n_seeds;
    const int64_t first = plan->runs[0].seed;
    if (n > 1) {
        return pr_text_add(text,
                           "%sMean ± standard deviation (of n - 1) over seeds %" PRId64
                           " to %" PRId64
                           "; in parentheses what the paper prints; † is not trained here.\n",
                           prefix, first, first + n - 1);
    }
    return pr_text_add(
        text, "%sSeed %" PRId64 "; in parentheses what the paper prints; † is not trained here.\n",
        prefix, first);
}

static pr_status add_run(const pr_ablate_run *run, const char *prefix, pr_text *text)
{
    pr_ablate_made made;
    PR_TRY(pr_ablate_made_read(run, &made));
    return pr_text_add(text, "%s    %s: config %s, data %s, build %s, %s\n", prefix, run->name,
                       made.config, made.data, made.build[0] != '\0' ? made.build : "unknown",
                       pr_jobs_state_word(run->state));
}

/* Runs that have begun, and what they were made of. */
static pr_status add_runs(const pr_ablate_plan *plan, const char *prefix, pr_text *text)
{
    char build[PR_ABLATE_NAME_BYTES];
    int64_t n = 0;
    PR_TRY(pr_ablate_build(build));
    PR_TRY(pr_text_add(text, "%sPrinted by pristine %s.", prefix, build));
    for (int64_t k = 0; k < plan->n_runs; k++) {
        if (plan->runs[k].made != NULL) {
            PR_TRY(
                pr_text_add(text, "%s", n++ == 0 ? " Config, data and build of each run:\n" : ""));
            PR_TRY(add_run(&plan->runs[k], prefix, text));
        }
    }
    return n > 0 ? PR_OK : pr_text_add(text, " No run has begun.\n");
}

static pr_status markdown(const pr_ablate_numbers *numbers, const grid *g, pr_text *text)
{
    const pr_ablate_plan *const plan = numbers->plan;
    PR_TRY(pr_text_add(text, "# %s\n\n", plan->table->title));
    PR_TRY(add_grid(g, plan->table->labels.n, text));
    PR_TRY(pr_text_add(text, "\n"));
    PR_TRY(add_key(plan, "- ", text));
    PR_TRY(add_notes(numbers, "- ", text));
    PR_TRY(pr_text_add(text, "\n"));
    return add_runs(plan, "", text);
}

pr_status pr_ablate_markdown(const pr_ablate_numbers *numbers, pr_text *text)
{
    grid g = {0};
    PR_TRY(make_grid(&MARKDOWN, numbers, &g));
    const pr_status status = markdown(numbers, &g, text);
    free_grid(&g);
    return status;
}

/* Headings above several columns. */
static pr_status latex_groups(const pr_ablate_numbers *numbers, pr_text *text)
{
    const pr_ablate_table *const table = numbers->plan->table;
    bool has_groups = false;
    for (int64_t j = 0; j < table->columns.n; j++) {
        has_groups = has_groups || pr_ablate_column_at(table, j)->group[0] != '\0';
    }
    if (!has_groups) {
        return PR_OK;
    }
    for (int64_t i = 1; i < table->labels.n; i++) {
        PR_TRY(pr_text_add(text, " &"));
    }
    for (int64_t j = 0; j < table->columns.n;) {
        const char *const group = pr_ablate_column_at(table, j)->group;
        int64_t n = 0;
        for (; j < table->columns.n && strcmp(pr_ablate_column_at(table, j)->group, group) == 0;
             j++) {
            n += numbers->is_shown[j];
        }
        if (n > 0) {
            PR_TRY(pr_text_add(text, " & \\multicolumn{%" PRId64 "}{c}{", n));
            PR_TRY(add_escaped(text, &LATEX, group));
            PR_TRY(pr_text_add(text, "}"));
        }
    }
    return pr_text_add(text, " \\\\\n");
}

static pr_status latex(const pr_ablate_numbers *numbers, const grid *g, pr_text *text)
{
    const pr_ablate_plan *const plan = numbers->plan;
    PR_TRY(pr_text_add(text, "%% %s\n", plan->table->title));
    PR_TRY(add_key(plan, "% ", text));
    PR_TRY(add_notes(numbers, "% ", text));
    PR_TRY(add_runs(plan, "% ", text));
    PR_TRY(pr_text_add(text, "\\begin{tabular}{"));
    for (int64_t j = 0; j < g->n_columns; j++) {
        PR_TRY(pr_text_add(text, j < plan->table->labels.n ? "l" : "r"));
    }
    PR_TRY(pr_text_add(text, "}\n\\hline\n"));
    PR_TRY(latex_groups(numbers, text));
    for (int64_t i = 0; i < g->n_lines; i++) {
        for (int64_t j = 0; j < g->n_columns; j++) {
            PR_TRY(pr_text_add(text, "%s%s", j > 0 ? " & " : "", pr_text_chars(at(g, i, j))));
        }
        PR_TRY(pr_text_add(text, " \\\\\n%s", i == 0 ? "\\hline\n" : ""));
    }
    return pr_text_add(text, "\\hline\n\\end{tabular}\n");
}

pr_status pr_ablate_latex(const pr_ablate_numbers *numbers, pr_text *text)
{
    grid g = {0};
    PR_TRY(make_grid(&LATEX, numbers, &g));
    const pr_status status = latex(numbers, &g, text);
    free_grid(&g);
    return status;
}
