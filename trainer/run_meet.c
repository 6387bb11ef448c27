/*
 * What the ranks tell each other after a step, so that all judge alike: whether one was asked to
 * stop, and which crops were bad, counted over the job and logged where they were met.
 */
#include "engine/base/log.h"
#include "engine/comm/job.h"
#include "trainer/run.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_RANKS = 4096 };

typedef struct report {
    int64_t wants_stop, n_bad, n_replaced;
} report;

/* This rank's, since its last report. FIRST is the first bad crop that it ever met. */
static report report_of(pr_run *run, char first[static PR_RUN_NOTE_BYTES])
{
    pr_trainer *const t = run->trainer;
    int64_t n_bad = 0;
    int64_t n_replaced = 0;
    for (int p = 0; p < t->n_phases; p++) {
        pr_bad_counts counts;
        pr_feed_bad_counts(t->phases[p].feed, &counts);
        n_bad += counts.n_bad;
        n_replaced += counts.n_replaced;
        if (first[0] == '\0') {
            memcpy(first, counts.first, PR_RUN_NOTE_BYTES);
        }
    }
    const report since = {pr_job_wants_stop() ? 1 : 0, n_bad - run->n_bad,
                          n_replaced - run->n_replaced};
    run->n_bad = n_bad;
    run->n_replaced = n_replaced;
    return since;
}

/* Ranks hold rows in order: the first rank that met one has the batch's first. */
static pr_status tell_bad(pr_run *run, const report *sum, int speaker,
                          char first[static PR_RUN_NOTE_BYTES])
{
    if (run->told_bad) {
        first[0] = '\0';
    } else {
        PR_TRY(pr_comm_broadcast(run->request->comm, "first bad crop", first, PR_RUN_NOTE_BYTES,
                                 speaker));
        pr_log_warn("a bad crop is replaced by another of its class, as will be all that follow: "
                    "%s",
                    first);
        run->told_bad = true;
    }
    return pr_run_leads(run)
               ? pr_runlog_bad(run->log, run->trainer, sum->n_bad, sum->n_replaced, first)
               : PR_OK;
}

pr_status pr_run_meet(pr_run *run, bool *stop)
{
    pr_comm *const comm = run->request->comm;
    const int n_ranks = pr_comm_n_ranks(comm);
    report reports[MAX_RANKS];
    size_t bytes_of[MAX_RANKS];
    char first[PR_RUN_NOTE_BYTES] = "";
    PR_REQUIRE(n_ranks <= MAX_RANKS, PR_ERR_INVALID, "%d ranks, at most %d", n_ranks, MAX_RANKS);
    for (int rank = 0; rank < n_ranks; rank++) {
        bytes_of[rank] = sizeof(report);
    }
    const report mine = report_of(run, first);
    PR_TRY(pr_comm_allgather(comm, "reports of a step", &mine, reports, bytes_of));

    report sum = {0, 0, 0};
    int speaker = -1;
    for (int rank = 0; rank < n_ranks; rank++) {
        sum.wants_stop += reports[rank].wants_stop;
        sum.n_bad += reports[rank].n_bad;
        sum.n_replaced += reports[rank].n_replaced;
        speaker = speaker < 0 && reports[rank].n_bad > 0 ? rank : speaker;
    }
    *stop = sum.wants_stop > 0;
    return sum.n_bad > 0 ? tell_bad(run, &sum, speaker, first) : PR_OK;
}
