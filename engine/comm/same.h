/**
 * What has to be the same on every rank: builds, data sets.
 */
#ifndef PR_ENGINE_COMM_SAME_H
#define PR_ENGINE_COMM_SAME_H

#include "engine/comm/comm.h"

/**
 * Collective: VALUE is compared with rank 0's. NAME is a literal.
 *
 * Errors, the same on every rank: PR_ERR_INVALID "ranks 1, 3-5 of 8 (on n07, n08): another NAME than
 * rank 0's (on n01): 0123…, wanted 89ab…"; PR_ERR_NOMEM, PR_ERR_COMM.
 */
pr_status pr_comm_same(pr_comm *comm, const char *name, uint64_t value);

#endif
