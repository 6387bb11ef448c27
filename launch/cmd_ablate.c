#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "engine/comm/job.h"
#include "launch/ablate.h"
#include "launch/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] =
    "pristine ablate TABLE.yaml --out DIR [--seeds N] [--rows a,b] [--set key=value ...]\n"
    "Trains and tests every row of a paper's table for each seed, as far as that was not done, "
    "and\n"
    "prints the table beside the paper's numbers: DIR/TABLE.md, .tex, .csv and .runs.csv.";

typedef struct ablate_words {
    const char *out, *carrier;
    const char *rows[PR_OPTION_LIST_MAX], *sets[PR_OPTION_LIST_MAX];
    int64_t n_seeds, at_once, n_ranks, n_retries;
    bool dry_run, print_only;
} ablate_words;

/* One call. */
typedef struct ablation {
    const ablate_words *words;
    pr_ablate_table *table;
    pr_ablate_plan *plan;
    int64_t *by_id; /* of pr_jobs: the run's place in the plan */
    int64_t n_wanted, n_ended, n_failed;
    bool stopped;
    const pr_ablate_row *priced; /* the row that PRICE is of: seeds cost the same */
    pr_jobs_price price;
} ablation;

static pr_status write_text(const ablation *a, const char *end, const pr_text *text)
{
    char path[PR_PATH_BYTES];
    char name[PR_ABLATE_NAME_BYTES + 16];
    (void)snprintf(name, sizeof(name), "%s%s", a->table->name, end);
    PR_TRY(pr_fs_join(path, a->words->out, name));
    return pr_fs_write(path, pr_text_chars(text), text->n_chars);
}

static pr_status write_form(const ablation *a, const pr_ablate_numbers *numbers, const char *end,
                            pr_status (*form)(const pr_ablate_numbers *, pr_text *), bool prints)
{
    pr_text text = {0};
    pr_status status = form(numbers, &text);
    if (status == PR_OK) {
        status = write_text(a, end, &text);
    }
    if (status == PR_OK && prints) {
        pr_log_print("%s", pr_text_chars(&text));
    }
    pr_text_free(&text);
    return status;
}

static pr_status runs_csv(const pr_ablate_numbers *numbers, pr_text *text)
{
    return pr_ablate_runs_csv(numbers->plan, text);
}

static pr_status print_table(const ablation *a)
{
    pr_ablate_numbers *numbers = NULL;
    PR_TRY(pr_ablate_plan_look(a->plan));
    PR_TRY(pr_ablate_numbers_create(a->plan, &numbers));
    pr_status status = write_form(a, numbers, ".md", pr_ablate_markdown, true);
    if (status == PR_OK) {
        status = write_form(a, numbers, ".tex", pr_ablate_latex, false);
    }
    if (status == PR_OK) {
        status = write_form(a, numbers, ".csv", pr_ablate_csv, false);
    }
    if (status == PR_OK) {
        status = write_form(a, numbers, ".runs.csv", runs_csv, false);
    }
    pr_ablate_numbers_destroy(&numbers);
    return status;
}

static bool is_to_run(const pr_ablate_run *run)
{
    return run->row->is_chosen && run->row->absent[0] == '\0';
}

static pr_status ended(void *ctx, const pr_jobs_result *result)
{
    ablation *const a = ctx;
    const char *const name = a->plan->runs[a->by_id[result->id]].name;
    a->n_ended++;
    a->n_failed += result->state == PR_JOBS_FAILED;
    pr_log_info("%s: %s%s%s%s (%" PRId64 " of %" PRId64 ")", name,
                pr_jobs_state_word(result->state), result->n_starts == 0 ? " before" : "",
                result->message[0] != '\0' ? ": " : "", result->message, a->n_ended, a->n_wanted);
    return PR_OK;
}

static pr_status add_jobs(ablation *a, pr_jobs *jobs)
{
    for (int64_t k = 0; k < a->plan->n_runs; k++) {
        pr_ablate_run *const run = &a->plan->runs[k];
        int64_t id = 0;
        if (!is_to_run(run)) {
            continue;
        }
        if (run->state != PR_JOBS_FINISHED) {
            PR_TRY(pr_ablate_retest(run));
            PR_TRY(pr_ablate_made_note(run));
        }
        const pr_jobs_run job = pr_ablate_job(run, (int)a->words->n_ranks);
        PR_TRY(pr_jobs_add(jobs, &job, &id));
        a->by_id[id] = k;
        a->n_wanted++;
    }
    return PR_OK;
}

static pr_status run_all(ablation *a)
{
    const pr_jobs_options options = {
        .at_once = (int)a->words->at_once,
        .n_retries = (int)a->words->n_retries,
        .carrier = strcmp(a->words->carrier, "srun") == 0 ? PR_CARRY_SRUN : PR_CARRY_HERE};
    pr_jobs *jobs = NULL;
    PR_TRY(pr_jobs_create(&options, &jobs));
    pr_status status = add_jobs(a, jobs);
    if (status == PR_OK) {
        status = pr_jobs_go(jobs, ended, a, &a->stopped);
    }
    pr_jobs_destroy(&jobs);
    return status;
}

/* Under the lock of the table's folder, so that two calls do not run the same rows. */
static pr_status run_locked(ablation *a)
{
    pr_fs_lock *lock = NULL;
    PR_TRY(pr_fs_mkdirs(a->plan->folder));
    PR_TRY(pr_fs_lock_take(a->plan->folder, &lock));
    pr_status status = pr_ablate_plan_write(a->plan, NULL);
    if (status == PR_OK) {
        status = pr_ablate_plan_look(a->plan);
    }
    if (status == PR_OK && !a->words->print_only) {
        status = run_all(a);
    }
    if (status == PR_OK) {
        status = print_table(a);
    }
    pr_fs_lock_destroy(&lock);
    return status;
}

static pr_status find_price(ablation *a, const pr_ablate_run *run)
{
    const pr_jobs_run job = pr_ablate_job(run, (int)a->words->n_ranks);
    if (a->priced != run->row) {
        PR_TRY(pr_jobs_cost(&job, &a->price));
        a->priced = run->row;
    }
    return PR_OK;
}

/* What one run would cost, and how far it is. */
static pr_status show_run(ablation *a, const pr_ablate_run *run, int64_t *n_steps)
{
    static const char *const words[] = {
        "would be trained and tested", "would go on",         "would be tested", "is finished",
        "failed and would go on",      "is at work elsewhere"};
    const bool is_done = run->state == PR_JOBS_FINISHED || run->state == PR_JOBS_TRAINED;
    const bool is_absent = run->row->absent[0] != '\0';
    if (is_absent || !run->row->is_chosen || is_done) {
        pr_log_print("%-36s %10s  %s%s\n", run->name, "-",
                     is_absent              ? "cannot be trained: "
                     : !run->row->is_chosen ? "is not among --rows"
                                            : words[run->state],
                     run->row->absent);
        return PR_OK;
    }
    PR_TRY(find_price(a, run));
    *n_steps += a->price.n_steps;
    pr_log_print("%-36s %10" PRId64 "  %s (%" PRId64 " epochs)\n", run->name, a->price.n_steps,
                 words[run->state], a->price.n_epochs);
    return PR_OK;
}

static pr_status show_runs(ablation *a)
{
    int64_t n_steps = 0;
    PR_TRY(pr_ablate_plan_look(a->plan));
    pr_log_print("%s\n%-36s %10s\n", a->table->title, "run", "steps");
    for (int64_t k = 0; k < a->plan->n_runs; k++) {
        PR_TRY(show_run(a, &a->plan->runs[k], &n_steps));
    }
    for (int64_t i = 0; i < a->plan->n_rows; i++) {
        const pr_ablate_row *const row = &a->plan->rows[i];
        for (int j = 0; j < row->n_left_out && row->absent[0] == '\0'; j++) {
            pr_log_print("%s: test.%s is left out: %s\n", row->name, row->left_out[j].list,
                         row->left_out[j].why);
        }
    }
    pr_log_print("%" PRId64 " steps in all\n", n_steps);
    return PR_OK;
}

/* Nothing is written to --out: the configs of the runs lie in a folder of their own meanwhile. */
static pr_status dry_run(ablation *a)
{
    char folder[PR_PATH_BYTES];
    const char *const tmp = getenv("TMPDIR");
    PR_TRY(pr_fs_join(folder, tmp != NULL ? tmp : "/tmp", "pristine-ablate-XXXXXX"));
    PR_REQUIRE(mkdtemp(folder) != NULL, PR_ERR_IO, "%s: cannot be made", folder);
    pr_status status = pr_ablate_plan_write(a->plan, folder);
    if (status == PR_OK) {
        status = show_runs(a);
    }
    for (int64_t k = 0; k < a->plan->n_runs; k++) {
        (void)unlink(a->plan->runs[k].file);
    }
    (void)rmdir(folder);
    return status;
}

static pr_status work(ablation *a, const pr_ablate_request *request)
{
    PR_TRY(pr_ablate_table_load(request->file, &a->table));
    PR_TRY(pr_ablate_plan_create(request, a->table, &a->plan));
    a->by_id = pr_calloc(a->plan->n_runs, sizeof(*a->by_id));
    PR_REQUIRE(a->by_id != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " runs", a->plan->n_runs);
    return a->words->dry_run ? dry_run(a) : run_locked(a);
}

static pr_status check_words(const ablate_words *words, int n_positional)
{
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID,
               "ablate: no table config (pristine ablate --help)");
    PR_REQUIRE(strcmp(words->carrier, "here") == 0 || strcmp(words->carrier, "srun") == 0,
               PR_ERR_INVALID, "ablate: --carrier %s, must be here or srun", words->carrier);
    return PR_OK;
}

pr_status pr_cmd_ablate(pr_command_call *call)
{
    ablate_words words = {0};
    const pr_option options[] = {
        {"out", PR_OPTION_WORD, "!", 0, 0, &words.out, "folder of the runs and the printed tables"},
        {"seeds", PR_OPTION_INT, "1", 1, 1000, &words.n_seeds,
         "runs of each row, whose seeds count from the config's on"},
        {"rows", PR_OPTION_LIST, NULL, 0, 0, words.rows, "the rows that are run; none: all"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, words.sets, "key=value over every row; repeatable"},
        {"at-once", PR_OPTION_INT, "1", 1, 4096, &words.at_once, "runs at a time"},
        {"ranks", PR_OPTION_INT, "1", 1, 65536, &words.n_ranks, "of each run"},
        {"retries", PR_OPTION_INT, "0", 0, 1000, &words.n_retries,
         "further starts of a run that failed"},
        {"carrier", PR_OPTION_WORD, "here", 0, 0, &words.carrier,
         "here, or srun: each run a job step of this allocation"},
        {"dry-run", PR_OPTION_FLAG, "false", 0, 0, &words.dry_run,
         "show what would run and its cost in steps"},
        {"print", PR_OPTION_FLAG, "false", 0, 0, &words.print_only,
         "run nothing, print the table from the runs that there are"},
    };
    const char *file = NULL;
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            &file, 1, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_TRY(check_words(&words, n_positional));
    const pr_ablate_request request = {file, words.out, words.rows, words.sets, words.n_seeds};
    ablation a = {.words = &words};
    const pr_status status = work(&a, &request);
    if (status == PR_OK) {
        call->exit_code = a.stopped ? PR_EXIT_STOPPED : a.n_failed > 0 ? EXIT_FAILURE : 0;
    }
    pr_free(a.by_id);
    pr_ablate_plan_destroy(&a.plan);
    pr_ablate_table_destroy(&a.table);
    return status;
}
