/**
 * Data on the nodes' own disks: `data.stage` names a folder there, into which the datasets that a run trains
 * and validates on are copied, once a node, and read from then on. A copy that is there already is taken where
 * its source has not changed since and its bytes still have the hash that they had; otherwise it is made again.
 */
#ifndef PR_TRAINER_STAGED_H
#define PR_TRAINER_STAGED_H

#include "engine/base/fs.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

/**
 * Collective: stages what OPTIONS name, where they have a data.stage, and notes that in them, so that
 * pr_data_open reads the copies. Messages and checksums stay those of the data: bits do not change.
 *
 * Errors: PR_ERR_IO naming the file: no room, or a copy that does not read back.
 */
pr_status pr_staged_make(pr_train_options *options, pr_comm *comm);

/** Where the copy of FOLDER lies below STAGE. Not collective. Errors: PR_ERR_IO: no such folder. */
pr_status pr_staged_folder(const char *stage, const char *folder, char out[static PR_PATH_BYTES]);

#endif
