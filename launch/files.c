#include "launch/files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

pr_status pr_files_program(char out[static PR_PATH_BYTES])
{
    const ssize_t n = readlink("/proc/self/exe", out, PR_PATH_BYTES - 1);
    PR_REQUIRE(n > 0, PR_ERR_IO, "/proc/self/exe: %s", strerror(errno));
    out[n] = '\0';
    return PR_OK;
}

pr_status pr_files_launch(const char *name, char out[static PR_PATH_BYTES])
{
    char program[PR_PATH_BYTES];
    char bin[PR_PATH_BYTES];
    char share[PR_PATH_BYTES];
    char installed[PR_PATH_BYTES];
    char source[PR_PATH_BYTES];
    PR_TRY(pr_files_program(program));
    pr_fs_folder_of(bin, program);
    PR_TRY(pr_fs_join(share, bin, "../share/pristine/launch"));
    PR_TRY(pr_fs_join(installed, share, name));
    PR_TRY(pr_fs_join(source, PR_SOURCE_ROOT "/launch", name));
    PR_REQUIRE(pr_fs_exists(installed) || pr_fs_exists(source), PR_ERR_IO,
               "launch/%s is neither at %s nor at %s", name, installed, source);
    memcpy(out, pr_fs_exists(installed) ? installed : source, PR_PATH_BYTES);
    return PR_OK;
}
