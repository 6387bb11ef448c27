#include "trainer/doctor_private.h"

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/comm/plain.h"

#include <string.h>

enum { N_KINDS = 3 };

/* What a step sends, at a size. */
typedef struct timing {
    pr_comm *comm;
    char *bytes;      /* [n_bytes] */
    size_t n_bytes;   /* of the whole message, vector or table */
    size_t *bytes_of; /* [n_ranks] */
} timing;

static pr_status once_plain(const timing *t, int kind)
{
    switch (kind) {
    case 0:
        return pr_comm_plain_broadcast(t->comm, t->bytes, t->n_bytes);
    case 1:
        return pr_comm_plain_sum_f32(t->comm, (float *)(void *)t->bytes,
                                     t->n_bytes / sizeof(float));
    default:
        return pr_comm_plain_allgather(t->comm, t->bytes, t->bytes_of[0]);
    }
}

static pr_status once(const timing *t, int kind, bool is_plain)
{
    if (is_plain) {
        return once_plain(t, kind);
    }
    float *nodes[PR_TREE_MAX_NODES] = {(float *)(void *)t->bytes};
    const int n_ranks = pr_comm_n_ranks(t->comm);
    switch (kind) {
    case 0:
        return pr_comm_broadcast(t->comm, "doctor", t->bytes, t->n_bytes, 0);
    case 1:
        return pr_comm_tree_sum_f32(t->comm, "doctor", n_ranks, nodes,
                                    (int64_t)(t->n_bytes / sizeof(float)), PR_REDUCE_STRICT);
    default:
        return pr_comm_allgather(t->comm, "doctor",
                                 t->bytes + (size_t)pr_comm_rank(t->comm) * t->bytes_of[0],
                                 t->bytes, t->bytes_of);
    }
}

/* Seconds of one, from TIMES in a row between two barriers. */
static pr_status measure(const timing *t, int kind, bool is_plain, int times, double *seconds)
{
    PR_TRY(once(t, kind, is_plain));
    PR_TRY(pr_comm_barrier(t->comm, "doctor"));
    const double begin_s = pr_clock_s();
    for (int i = 0; i < times; i++) {
        PR_TRY(once(t, kind, is_plain));
    }
    PR_TRY(pr_comm_barrier(t->comm, "doctor"));
    *seconds = (pr_clock_s() - begin_s) / times;
    return PR_OK;
}

static pr_status add_times(pr__visit *v, timing *t)
{
    static const char *const kinds[N_KINDS] = {"broadcast", "ordered sum", "allgather"};
    static const struct {
        size_t n_bytes;
        int times;
        const char *name;
    } sizes[] = {{(size_t)1 << 12, 200, "4 KB"},
                 {(size_t)1 << 20, 20, "1 MB"},
                 {(size_t)1 << 24, 4, "16 MB"}};
    const int n_ranks = pr_comm_n_ranks(t->comm);
    for (int kind = 0; kind < N_KINDS; kind++) {
        PR_TRY(pr_text_add(v->text, "  %-12s", kinds[kind]));
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            double seconds = 0.0;
            double plain_s = 0.0;
            t->n_bytes = sizes[s].n_bytes;
            for (int r = 0; r < n_ranks; r++) {
                t->bytes_of[r] = t->n_bytes / (size_t)n_ranks;
            }
            PR_TRY(measure(t, kind, false, sizes[s].times, &seconds));
            PR_TRY(measure(t, kind, true, sizes[s].times, &plain_s));
            PR_TRY(pr_text_add(v->text, "%s %s %.1f us (MPI %.1f)", s == 0 ? "" : ",",
                               sizes[s].name, seconds * 1e6, plain_s * 1e6));
        }
        PR_TRY(pr_text_add(v->text, "\n"));
    }
    return PR_OK;
}

pr_status pr__doctor_collectives(pr__visit *v)
{
    enum { MAX_BYTES = 1 << 24 };
    pr_comm *const comm = v->request->comm;
    const int n_ranks = pr_comm_n_ranks(comm);
    timing t = {.comm = comm,
                .bytes = pr_calloc(MAX_BYTES, 1),
                .bytes_of = pr_calloc(n_ranks, sizeof(size_t))};
    pr_status status = PR_OK;
    if (t.bytes == NULL || t.bytes_of == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for %d bytes", (int)MAX_BYTES);
    }
    status = pr_comm_agree(comm, "doctor", status);
    if (status == PR_OK) {
        status = pr_text_add(v->text,
                             "collectives of %d ranks, %d on rank 0's node; in brackets MPI's own, "
                             "whose sums have no order\n",
                             n_ranks, pr_comm_n_local(comm));
    }
    if (status == PR_OK) {
        status = add_times(v, &t);
    }
    pr_free(t.bytes);
    pr_free(t.bytes_of);
    return status;
}
