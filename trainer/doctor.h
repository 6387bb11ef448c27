/**
 * What this machine and launch can do, as text: build, libraries, processors, ranks, whether all
 * ranks compute the same bits, whether a run can live in a folder, and how fast the ranks talk.
 */
#ifndef PR_TRAINER_DOCTOR_H
#define PR_TRAINER_DOCTOR_H

#include "engine/base/text.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_doctor_request {
    const pr_train_options *options; /* the model of the canned micro-batch; threads */
    pr_comm *comm;
    const char *folder;     /* where runs will be written; a folder is made in it, and removed */
    bool times_collectives; /* broadcast, ordered sum and allgather of a few sizes, and MPI's own */
    bool looks_at_data;     /* options name data: all ranks open them, and see the same */
    uint64_t build_hash;    /* of this rank's program, which is that of all (launch/same_build.h) */
} pr_doctor_request;

/**
 * Collective: adds the report to TEXT (rank 0's is whole). *N_BAD counts what would keep a run from
 * working here or make it slow; each has its line, beginning with "!!".
 *
 * Errors: only those that leave nothing to report: PR_ERR_COMM, PR_ERR_NOMEM.
 */
pr_status pr_doctor(const pr_doctor_request *request, pr_text *text, int *n_bad);

#endif
