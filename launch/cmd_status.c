#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/comm/job.h"
#include "launch/command.h"
#include "trainer/run_status.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char synopsis[] =
    "pristine status RUN [RUN ...] [--watch SECONDS]\n"
    "A line a run: state, stage, steps, views a second, loss, best metric, time left, last sign of "
    "life.";

enum { MAX_RUNS = 1024, CELL_BYTES = 48, N_CELLS = 8 };

static void say_real(char cell[static CELL_BYTES], double value, int n_decimals)
{
    if (isnan(value)) {
        (void)snprintf(cell, CELL_BYTES, "-");
    } else {
        (void)snprintf(cell, CELL_BYTES, "%.*f", n_decimals, value);
    }
}

static void say_duration(char cell[static CELL_BYTES], double seconds)
{
    char text[PR_CLOCK_TEXT_BYTES] = "-";
    if (!isnan(seconds)) {
        pr_clock_duration(text, seconds);
    }
    (void)snprintf(cell, CELL_BYTES, "%s", text);
}

static void say_steps(char cell[static CELL_BYTES], const pr_run_status *s)
{
    if (s->n_steps > 0) {
        (void)snprintf(cell, CELL_BYTES, "%" PRId64 "/%" PRId64, s->step, s->n_steps);
    } else {
        (void)snprintf(cell, CELL_BYTES, "%" PRId64, s->step);
    }
}

/* The last part of a path: what tells runs of one folder apart. */
static const char *name_of(const char *run_dir)
{
    const char *const slash = strrchr(run_dir, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : run_dir;
}

static void print_run(const char *run_dir, const pr_run_status *s)
{
    char cells[N_CELLS][CELL_BYTES];
    const bool is_live = s->state == PR_RUN_RUNNING;
    say_steps(cells[0], s);
    say_real(cells[1], s->views_per_s, 0);
    say_real(cells[2], s->loss, 4);
    say_real(cells[3], s->best, 4);
    say_duration(cells[4], is_live ? s->left_s : NAN);
    say_duration(cells[5], s->silent_s);
    pr_log_print("%-28s %-8s %-12s %14s %8s %8s %8s %-16s %12s %12s  %s\n", name_of(run_dir),
                 pr_run_state_word(s->state), s->stage[0] != '\0' ? s->stage : "-", cells[0],
                 cells[1], cells[2], cells[3], s->metric[0] != '\0' ? s->metric : "-", cells[4],
                 cells[5], s->words);
}

static pr_status print_all(const char *const *dirs, int n)
{
    pr_log_print("%-28s %-8s %-12s %14s %8s %8s %8s %-16s %12s %12s\n", "run", "state", "stage",
                 "steps", "views/s", "loss", "best", "of", "left", "last sign");
    for (int i = 0; i < n; i++) {
        pr_run_status s;
        PR_TRY(pr_run_status_read(dirs[i], &s));
        print_run(dirs[i], &s);
    }
    return PR_OK;
}

pr_status pr_cmd_status(pr_command_call *call)
{
    static const char clear[] = "\033[H\033[J"; /* to the screen's corner, and empty from there */
    const char *dirs[MAX_RUNS] = {NULL};
    double every_s = 0.0;
    const pr_option options[] = {
        {"watch", PR_OPTION_REAL, "0", 0, 86400, &every_s,
         "again every so many seconds, until it is interrupted; 0: once"},
    };
    int n = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            dirs, MAX_RUNS, &n, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n >= 1, PR_ERR_INVALID, "status: no run directory (pristine status --help)");
    PR_TRY(print_all(dirs, n));
    while (every_s > 0.0 && !pr_job_wants_stop()) {
        pr_clock_sleep_s(every_s);
        pr_log_print("%s", clear);
        PR_TRY(print_all(dirs, n));
    }
    return PR_OK;
}
