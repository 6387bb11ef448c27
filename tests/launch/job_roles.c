/*
 * Ranks that end in every way a rank can: what jobs.sh runs through launch/run.sh.
 * Usage: job_roles ROLE --run DIR   (DIR "" : a command without a run directory)
 */
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/comm/comm.h"
#include "engine/comm/job.h"
#include "engine/comm/watchdog.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ODD_RANK = 1 };

static const double STALL_S = 2.0;

typedef struct scene {
    pr_comm *comm;
    bool is_odd; /* this rank is the one that something befalls */
} scene;

static pr_status ten_steps(const scene *s)
{
    for (int step = 1; step <= 10; step++) {
        pr_watchdog_step(step);
        PR_TRY(pr_comm_barrier(s->comm, "step"));
    }
    return PR_OK;
}

/* One rank fails; the others wait for it in a collective that never completes. */
static pr_status fail_one(const scene *s)
{
    PR_TRY(ten_steps(s));
    PR_REQUIRE(!s->is_odd, PR_ERR_NUMERIC, "the loss is nan, wanted a number");
    return pr_comm_barrier(s->comm, "after the failure");
}

static pr_status fail_all(const scene *s)
{
    PR_TRY(ten_steps(s));
    return PR_FAIL(PR_ERR_FORMAT, "all of us read one bad file");
}

static pr_status killed(const scene *s)
{
    PR_TRY(ten_steps(s));
    if (s->is_odd) {
        (void)raise(SIGKILL);
    }
    return pr_comm_barrier(s->comm, "after the kill");
}

static pr_status crashed(const scene *s)
{
    if (s->is_odd) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    }
    return pr_comm_barrier(s->comm, "after the crash");
}

/* The others enter a collective that this rank never comes to. */
static pr_status stalled(const scene *s)
{
    PR_TRY(ten_steps(s));
    PR_TRY(pr_comm_barrier(s->comm, "all are well"));
    if (s->is_odd) {
        pr_clock_sleep_s(60.0);
    }
    return pr_comm_barrier(s->comm, "embeddings");
}

/* One rank is slow, and says that it works: nobody may end it. */
static pr_status slow(const scene *s)
{
    for (int i = 0; i < 20; i++) {
        pr_clock_sleep_s(0.2);
        pr_watchdog_progress();
    }
    return pr_comm_barrier(s->comm, "slow");
}

/* Steps until a signal asks for the end; any rank's answer counts for all. */
static pr_status stopped(const scene *s, int *exit_code)
{
    for (int64_t step = 1;; step++) {
        pr_watchdog_step(step);
        pr_clock_sleep_s(0.05);
        double wants = pr_job_wants_stop() ? 1.0 : 0.0;
        double *nodes[1] = {&wants};
        const int n_ranks = pr_comm_n_ranks(s->comm);
        PR_TRY(pr_comm_tree_sum_f64(s->comm, "stop", n_ranks, nodes, 1, PR_REDUCE_FAST));
        if (wants > 0.0) {
            pr_log_info("stopping after step %lld", (long long)step);
            *exit_code = PR_EXIT_STOPPED;
            return PR_OK;
        }
        if (step == 5) {
            pr_log_info("steps are made");
        }
        PR_REQUIRE(step < 1000, PR_ERR_COMM, "nobody asked for the end");
    }
}

static pr_status play(const char *role, const scene *s, int *exit_code)
{
    static const struct {
        const char *name;
        pr_status (*play)(const scene *s);
    } roles[] = {
        {"fail_one", fail_one}, {"fail_all", fail_all}, {"killed", killed},
        {"crashed", crashed},   {"stalled", stalled},   {"slow", slow},
    };
    if (strcmp(role, "stopped") == 0) {
        return stopped(s, exit_code);
    }
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(role, roles[i].name) == 0) {
            return roles[i].play(s);
        }
    }
    return PR_FAIL(PR_ERR_INVALID, "no role '%s'", role);
}

static pr_status run(const char *role, const char *run_dir, int *exit_code)
{
    pr_comm *comm = NULL;
    PR_TRY(pr_comm_create(&comm));
    if (run_dir[0] != '\0') {
        PR_TRY(pr_job_begin(run_dir));
        PR_TRY(pr_watchdog_start(run_dir, STALL_S));
    }
    const scene s = {comm, pr_comm_rank(comm) == ODD_RANK};
    PR_TRY(play(role, &s, exit_code));
    pr_watchdog_stop();
    pr_comm_destroy(&comm);
    return PR_OK;
}

int main(int argc, char **argv)
{
    if (argc != 4 || pr_job_init(&argc, &argv) != PR_OK) {
        (void)fprintf(stderr, "usage: job_roles ROLE --run DIR: %s\n", pr_error_message());
        return EXIT_FAILURE;
    }
    pr_log_begin(pr_job_rank(), pr_job_n_ranks());
    int exit_code = EXIT_SUCCESS;
    const pr_status status = run(argv[1], argv[3], &exit_code);
    if (status != PR_OK) {
        pr_job_abort(pr_job_run_dir(), status);
    }
    pr_job_finish();
    return exit_code;
}
