/**
 * All ranks have to be the same program: the same bits come from the same instructions, and unlike
 * programs may not even speak alike.
 */
#ifndef PR_LAUNCH_SAME_BUILD_H
#define PR_LAUNCH_SAME_BUILD_H

#include "engine/comm/comm.h"

/** What the program's file, and the library's where this code lies in one, hold. Not collective. */
pr_status pr_build_hash(uint64_t *hash);

/** Collective. Errors: PR_ERR_INVALID naming the ranks that run another build than rank 0. */
pr_status pr_same_build(pr_comm *comm);

#endif
