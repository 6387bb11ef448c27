/**
 * Which message passing library the ranks speak through, for reports.
 */
#ifndef PR_ENGINE_COMM_VERSION_H
#define PR_ENGINE_COMM_VERSION_H

#include <stddef.h>

/** "Open MPI v4.1.4, package: …": the first line of what the library says of itself. */
void pr_comm_version(char *text, size_t n_bytes);

#endif
