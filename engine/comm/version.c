#include "engine/comm/version.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>

void pr_comm_version(char *text, size_t n_bytes)
{
    char said[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int n = 0;
    if (MPI_Get_library_version(said, &n) != MPI_SUCCESS) {
        (void)snprintf(said, sizeof(said), "MPI of unknown version");
    }
    said[strcspn(said, "\n")] = '\0';
    (void)snprintf(text, n_bytes, "%s", said);
}
