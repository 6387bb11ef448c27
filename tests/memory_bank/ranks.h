/**
 * A loss graph on several ranks without MPI: each emulated rank has its own store, plan and
 * executor, and the cut's gather is a copy of rows. What the ranks must agree on is checked.
 */
#ifndef PR_TESTS_MEMORY_BANK_RANKS_H
#define PR_TESTS_MEMORY_BANK_RANKS_H

#include "engine/core/exec.h"
#include "memory_bank/bank.h"

enum { RANKS_MAX = 8 };

typedef struct ranks_setup {
    const pr_rccl_options *rccl; /* NULL: plain SupCon with the next */
    const pr_supcon_options *supcon;
    pr_backend_id backend;
    int64_t n_rows, n_cols;
    int n_micro; /* rows are dealt to the ranks by whole micro-batches */
    int n_ranks;
} ranks_setup;

typedef struct ranks {
    ranks_setup setup;
    pr_graph *graph;
    pr_store *store[RANKS_MAX];
    pr_plan *plan[RANKS_MAX];
    pr_exec *exec[RANKS_MAX];
} ranks;

/** One global batch. Everything is in global order; lambda is as long as pr_rccl_n_lambda. */
typedef struct ranks_batch {
    const double *z;
    const int32_t *label;
    const int64_t *id, *pair;
    int64_t step;
    bool begins_epoch;
    const double *lambda;
} ranks_batch;

/** Options as the config rows have them, with WORDS ("rccl.u=3", NULL-terminated) over them. */
pr_status ranks_rccl_options(const char *const *words, pr_rccl_options *out);
pr_status ranks_supcon_options(const char *const *words, pr_supcon_options *out);

pr_status ranks_create(const ranks_setup *setup, ranks *out);
void ranks_destroy(ranks *r);

/** Forward on all ranks in MODE. LOSS [n_rows] is put together from all ranks' rows. */
pr_status ranks_forward(ranks *r, const ranks_batch *batch, pr_mode mode, double *loss);

/** Backward from ones. DZ [n_rows, n_cols]: each rank's own rows. */
pr_status ranks_backward(ranks *r, double *dz);

/** How many ranks hold other bytes than rank 0 in any state. */
int ranks_n_unequal(const ranks *r);

/** Copies the states of FROM's rank 0 to every rank of TO: a checkpoint and its resume. */
void ranks_copy_states(const ranks *from, ranks *to);

#endif
