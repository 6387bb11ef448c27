#include "memory_bank/replica.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <stdio.h>

enum { MAX_NAME_BYTES = 256 };

typedef struct part {
    char name[MAX_NAME_BYTES];
    const void *data;
    size_t n_bytes;
} part;

struct pr_replica {
    pr_comm *comm;
    int n_parts, max_parts;
    part *parts;
    uint64_t *hashes; /* [n_ranks, n_parts] */
    size_t *bytes_of; /* [n_ranks] */
};

pr_status pr_replica_create(pr_comm *comm, int n_parts, pr_replica **out)
{
    const int n_ranks = pr_comm_n_ranks(comm);
    pr_replica *replica = pr_calloc(1, sizeof(*replica));

    PR_REQUIRE(replica != NULL, PR_ERR_NOMEM, "replica: out of memory");
    replica->comm = comm;
    replica->max_parts = n_parts;
    replica->parts = pr_calloc(n_parts, sizeof(*replica->parts));
    replica->hashes = pr_calloc((int64_t)n_parts * n_ranks, sizeof(*replica->hashes));
    replica->bytes_of = pr_calloc(n_ranks, sizeof(*replica->bytes_of));
    if (replica->parts == NULL || replica->hashes == NULL || replica->bytes_of == NULL) {
        pr_replica_destroy(&replica);
        return PR_FAIL(PR_ERR_NOMEM, "replica: no memory for the hashes of %d tensors on %d ranks",
                       n_parts, n_ranks);
    }
    *out = replica;
    return PR_OK;
}

void pr_replica_destroy(pr_replica **replica)
{
    if (*replica != NULL) {
        pr_free((*replica)->parts);
        pr_free((*replica)->hashes);
        pr_free((*replica)->bytes_of);
        pr_free(*replica);
        *replica = NULL;
    }
}

pr_status pr_replica_add(pr_replica *replica, const char *prefix, const char *name,
                         const void *data, size_t n_bytes)
{
    PR_REQUIRE(replica->n_parts < replica->max_parts, PR_ERR_INVALID,
               "replica: '%s%s' is one more than the %d tensors there is room for", prefix, name,
               replica->max_parts);
    part *const added = &replica->parts[replica->n_parts];
    const int n = snprintf(added->name, sizeof(added->name), "%s%s", prefix, name);
    PR_REQUIRE(n >= 0 && n < MAX_NAME_BYTES, PR_ERR_INVALID,
               "replica: the name '%s%s' has %d bytes, at most %d fit", prefix, name, n,
               MAX_NAME_BYTES - 1);
    added->data = data;
    added->n_bytes = n_bytes;
    replica->n_parts++;
    return PR_OK;
}

pr_status pr_replica_add_store(pr_replica *replica, const char *prefix, const pr_store *store)
{
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *const entry = pr_store_at(store, i);
        PR_TRY(
            pr_replica_add(replica, prefix, entry->name, entry->data, pr_desc_bytes(&entry->desc)));
    }
    return PR_OK;
}

static pr_status compare(const pr_replica *replica, int64_t step)
{
    for (int i = 0; i < replica->n_parts; i++) {
        for (int rank = 1; rank < pr_comm_n_ranks(replica->comm); rank++) {
            PR_REQUIRE(replica->hashes[(int64_t)rank * replica->n_parts + i] == replica->hashes[i],
                       PR_ERR_COMM, "step %lld: '%s' of rank %d is not that of rank 0",
                       (long long)step, replica->parts[i].name, rank);
        }
    }
    return PR_OK;
}

pr_status pr_replica_check(pr_replica *replica, int64_t step, uint64_t *hash)
{
    const int rank = pr_comm_rank(replica->comm);
    const size_t n_bytes = (size_t)replica->n_parts * sizeof(*replica->hashes);
    uint64_t *const mine = replica->hashes + (int64_t)rank * replica->n_parts;

    for (int i = 0; i < replica->n_parts; i++) {
        mine[i] = pr_hash64(replica->parts[i].data, replica->parts[i].n_bytes, (uint64_t)i);
    }
    for (int r = 0; r < pr_comm_n_ranks(replica->comm); r++) {
        replica->bytes_of[r] = n_bytes;
    }
    PR_TRY(
        pr_comm_allgather(replica->comm, "replica hash", mine, replica->hashes, replica->bytes_of));
    PR_TRY(compare(replica, step));
    *hash = pr_hash64(replica->hashes, n_bytes, 0);
    return PR_OK;
}
