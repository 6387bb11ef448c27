#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier): glibc's switch for dladdr
#include "launch/same_build.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"
#include "engine/comm/same.h"

#include <dlfcn.h>
#include <string.h>

static pr_status add_file(const char *path, uint64_t *hash)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    *hash = pr_hash64(bytes, n_bytes, *hash);
    pr_free(bytes);
    return PR_OK;
}

pr_status pr_build_hash(uint64_t *hash)
{
    static const char anchor = 0; /* lies where this code lies */
    Dl_info found;
    *hash = 0;
    PR_TRY(add_file("/proc/self/exe", hash));
    if (dladdr(&anchor, &found) != 0 && strstr(found.dli_fname, ".so") != NULL) {
        PR_TRY(add_file(found.dli_fname, hash));
    }
    return PR_OK;
}

pr_status pr_same_build(pr_comm *comm)
{
    uint64_t hash = 0;
    if (pr_comm_n_ranks(comm) == 1) {
        return PR_OK;
    }
    PR_TRY(pr_comm_agree(comm, "build", pr_build_hash(&hash)));
    return pr_comm_same(comm, "build of the program", hash);
}
