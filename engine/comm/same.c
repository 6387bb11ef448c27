#include "engine/comm/same.h"

#include "engine/base/alloc.h"
#include "engine/base/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { HOST_BYTES = 64 };

typedef struct told {
    uint64_t value;
    char host[HOST_BYTES];
} told;

/* "1, 3-5" of those that differ from rank 0. */
static pr_status add_ranks(pr_text *text, const told *all, int n_ranks)
{
    for (int first = 1; first < n_ranks; first++) {
        if (all[first].value == all[0].value) {
            continue;
        }
        int last = first;
        while (last + 1 < n_ranks && all[last + 1].value != all[0].value) {
            last++;
        }
        PR_TRY(pr_text_add(text, "%s%d", text->n_chars == 0 ? "" : ", ", first));
        PR_TRY(last == first ? PR_OK : pr_text_add(text, "-%d", last));
        first = last;
    }
    return PR_OK;
}

/* Their hosts, each once. */
static pr_status add_hosts(pr_text *text, const told *all, int n_ranks)
{
    for (int r = 1; r < n_ranks; r++) {
        bool is_told = all[r].value == all[0].value;
        for (int before = 1; before < r && !is_told; before++) {
            is_told =
                all[before].value != all[0].value && strcmp(all[before].host, all[r].host) == 0;
        }
        PR_TRY(is_told ? PR_OK
                       : pr_text_add(text, "%s%s", text->n_chars == 0 ? "" : ", ", all[r].host));
    }
    return PR_OK;
}

static pr_status judge(const char *name, const told *all, int n_ranks)
{
    int other = 0;
    pr_text ranks = {0};
    pr_text hosts = {0};
    for (int r = n_ranks - 1; r > 0; r--) {
        other = all[r].value != all[0].value ? r : other;
    }
    if (other == 0) {
        return PR_OK;
    }
    pr_status status = add_ranks(&ranks, all, n_ranks);
    if (status == PR_OK) {
        status = add_hosts(&hosts, all, n_ranks);
    }
    if (status == PR_OK) {
        status = PR_FAIL(PR_ERR_INVALID,
                         "ranks %s of %d (on %s): another %s than rank 0's (on %s): %016" PRIx64
                         ", wanted %016" PRIx64,
                         pr_text_chars(&ranks), n_ranks, pr_text_chars(&hosts), name, all[0].host,
                         all[other].value, all[0].value);
    }
    pr_text_free(&ranks);
    pr_text_free(&hosts);
    return status;
}

pr_status pr_comm_same(pr_comm *comm, const char *name, uint64_t value)
{
    const int n_ranks = pr_comm_n_ranks(comm);
    told mine = {.value = value};
    told *const all = pr_calloc(n_ranks, sizeof(*all));
    size_t *const bytes_of = pr_calloc(n_ranks, sizeof(*bytes_of));
    pr_status status = PR_OK;
    (void)gethostname(mine.host, sizeof(mine.host) - 1);
    if (all == NULL || bytes_of == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for %d ranks", n_ranks);
    }
    status = pr_comm_agree(comm, name, status);
    if (status == PR_OK && all != NULL && bytes_of != NULL) { /* NULL anywhere failed everywhere */
        for (int r = 0; r < n_ranks; r++) {
            bytes_of[r] = sizeof(*all);
        }
        status = pr_comm_allgather(comm, name, &mine, all, bytes_of);
        if (status == PR_OK) {
            status = judge(name, all, n_ranks);
        }
    }
    pr_free(all);
    pr_free(bytes_of);
    return status;
}
