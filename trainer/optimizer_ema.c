#include "trainer/optimizer_internal.h"

#include "engine/base/alloc.h"

#include <string.h>

typedef struct pair {
    int64_t key, online; /* elements into the arena */
    int64_t n;
} pair;

struct pr_ema {
    pr_store *store; /* borrowed */
    pair *chunks;    /* [n_chunks] owned */
    int64_t n_chunks;
};

/* The entry called PREFIX + REST, or NULL. */
static const pr_store_entry *find_joined(const pr_store *store, const char *prefix,
                                         const char *rest)
{
    const size_t n_prefix = strlen(prefix);
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        if (entry->kind == PR_VALUE_PARAM && strncmp(entry->name, prefix, n_prefix) == 0 &&
            strcmp(entry->name + n_prefix, rest) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* Each parameter below FROM needs its like below TO; *N_CHUNKS is how many chunks they are. */
static pr_status check_pairs(const pr_store *store, const char *from, const char *to,
                             int64_t *n_chunks)
{
    *n_chunks = 0;
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        if (entry->kind != PR_VALUE_PARAM || strncmp(entry->name, from, strlen(from)) != 0) {
            continue;
        }
        const char *rest = entry->name + strlen(from);
        const pr_store_entry *like = find_joined(store, to, rest);
        PR_REQUIRE(like != NULL, PR_ERR_INVALID, "ema: '%s' has no counterpart '%s%s'", entry->name,
                   to, rest);
        PR_REQUIRE(pr_shape_equal(&entry->desc.shape, &like->desc.shape), PR_ERR_SHAPE,
                   "ema: '%s' and '%s' differ in shape", entry->name, like->name);
        *n_chunks += (pr_shape_n(&entry->desc.shape) + PR__CHUNK - 1) / PR__CHUNK;
    }
    PR_REQUIRE(*n_chunks > 0, PR_ERR_INVALID, "ema: no parameter begins with '%s'", from);
    return PR_OK;
}

static void fill_chunks(pr_ema *ema, const char *online_prefix, const char *key_prefix)
{
    int64_t n = 0;
    for (int i = 0; i < pr_store_n(ema->store); i++) {
        const pr_store_entry *online = pr_store_at(ema->store, i);
        if (online->kind != PR_VALUE_PARAM ||
            strncmp(online->name, online_prefix, strlen(online_prefix)) != 0) {
            continue;
        }
        const pr_store_entry *key =
            find_joined(ema->store, key_prefix, online->name + strlen(online_prefix));
        const int64_t n_elements = pr_shape_n(&online->desc.shape);
        for (int64_t first = 0; first < n_elements; first += PR__CHUNK) {
            const int64_t left = n_elements - first;
            ema->chunks[n++] = (pair){key->offset + first, online->offset + first,
                                      left < PR__CHUNK ? left : PR__CHUNK};
        }
    }
    ema->n_chunks = n;
}

pr_status pr_ema_create(pr_store *store, const char *online_prefix, const char *key_prefix,
                        pr_ema **out)
{
    int64_t n_chunks = 0;
    PR_TRY(check_pairs(store, key_prefix, online_prefix, &n_chunks));
    PR_TRY(check_pairs(store, online_prefix, key_prefix, &n_chunks));
    pr_ema *ema = pr_calloc(1, sizeof(*ema));
    PR_REQUIRE(ema != NULL, PR_ERR_NOMEM, "ema: out of memory");
    ema->store = store;
    ema->chunks = pr_calloc(n_chunks, sizeof(*ema->chunks));
    if (ema->chunks == NULL) {
        pr_ema_destroy(&ema);
        return PR_FAIL(PR_ERR_NOMEM, "ema: no memory for %lld chunks", (long long)n_chunks);
    }
    fill_chunks(ema, online_prefix, key_prefix);
    *out = ema;
    return PR_OK;
}

void pr_ema_destroy(pr_ema **ema)
{
    if (*ema != NULL) {
        pr_free((*ema)->chunks);
        pr_free(*ema);
        *ema = NULL;
    }
}

int64_t pr_ema_n_chunks(const pr_ema *ema)
{
    return ema->n_chunks;
}

void pr_ema_chunk(pr_ema *ema, double m, int64_t chunk)
{
    const pair *p = &ema->chunks[chunk];
    const pr_dtype real = pr_store_real(ema->store);
    char *arena = pr_store_arena(ema->store);
    const size_t n_bytes = pr_dtype_bytes(real);
    pr__ema_run(real, arena + (size_t)p->key * n_bytes, arena + (size_t)p->online * n_bytes, m,
                p->n);
}

enum { CHUNKS_PER_TASK = 64 };

typedef struct ema_call {
    pr_ema *ema;
    double m;
} ema_call;

static pr_status run_task(void *ctx, int64_t task)
{
    const ema_call *const call = ctx;
    const int64_t first = task * CHUNKS_PER_TASK;
    for (int64_t i = first; i < first + CHUNKS_PER_TASK && i < call->ema->n_chunks; i++) {
        pr_ema_chunk(call->ema, call->m, i);
    }
    return PR_OK;
}

pr_status pr_ema_step(pr_ema *ema, pr_team *team, double m)
{
    ema_call call = {ema, m};
    const int64_t n_tasks = (ema->n_chunks + CHUNKS_PER_TASK - 1) / CHUNKS_PER_TASK;
    if (team != NULL) {
        return pr_team_run(team, run_task, &call, n_tasks);
    }
    for (int64_t task = 0; task < n_tasks; task++) {
        PR_TRY(run_task(&call, task));
    }
    return PR_OK;
}
