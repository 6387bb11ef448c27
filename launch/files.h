/**
 * Where the program itself lies, and the files that it is shipped with.
 */
#ifndef PR_LAUNCH_FILES_H
#define PR_LAUNCH_FILES_H

#include "engine/base/fs.h"

/** The path of the running program. Errors: PR_ERR_IO. */
pr_status pr_files_program(char out[static PR_PATH_BYTES]);

/**
 * The file NAME ("run.sh", "slurm/job.sh") of the folder launch/: installed, it lies in
 * share/pristine/launch beside the program's bin; in a build, in the source tree.
 *
 * Errors: PR_ERR_IO with both places where there is none.
 */
pr_status pr_files_launch(const char *name, char out[static PR_PATH_BYTES]);

#endif
