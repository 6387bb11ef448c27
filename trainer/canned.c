#include "trainer/canned.h"

#include "engine/base/draw.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"

#include <inttypes.h>
#include <string.h>

enum { CANNED_SEED = 20260101 };

static void fill(const pr_tensor *tensor, uint32_t place)
{
    const pr_draw_key key = {CANNED_SEED, 0, place, 0, PR_FOR_SHAPE};
    for (int64_t i = 0; i < pr_shape_n(&tensor->shape); i++) {
        pr_tensor_set(tensor, i, pr_draw_between(&key, (uint32_t)i, -1.0, 1.0));
    }
}

static void seed_outputs(const pr_lane *lane)
{
    if (lane->loss_seed.data != NULL) {
        fill(&lane->loss_seed, 1);
    }
    if (lane->z_seed.data != NULL) {
        fill(&lane->z_seed, 2);
    }
}

typedef struct canned {
    pr_trainer *t;
    pr_lane *lane;
    void *leaf;
    uint64_t hash;
} canned;

/*
 * Runs on a thread of the team, as every micro-batch does. Statistics of a graph with cuts meet
 * those of other micro-batches; here each segment sees what memory holds, the same zeros everywhere.
 */
static pr_status run_canned(void *ctx, int64_t task)
{
    canned *const c = ctx;
    (void)task;
    fill(&c->lane->image, 0);
    for (int64_t i = 0; c->lane->label.data != NULL && i < pr_shape_n(&c->lane->label.shape); i++) {
        ((int32_t *)c->lane->label.data)[i] = (int32_t)(i % 2);
        pr_tensor_set(&c->lane->weight, i, 1.0);
    }
    const pr_phase_run *const run = &c->t->phases[0];
    const uint32_t *const place = c->t->place; /* zeros at a stage's begin */
    const pr_rows rows = {CANNED_SEED, 0, run->n_rows_micro, place, c->t->view};
    PR_TRY(pr_exec_run_all(c->lane->exec, PR_PASS_FORWARD, run->phase->mode, &rows, c->leaf));
    seed_outputs(c->lane);
    PR_TRY(pr_exec_run_all(c->lane->exec, PR_PASS_BACKWARD, run->phase->mode, &rows, c->leaf));
    const size_t n_bytes = (size_t)pr_store_arena_n(c->t->store) * pr_dtype_bytes(c->t->real);
    c->hash = pr_hash64(c->leaf, n_bytes, 0);
    return PR_OK;
}

static pr_status compare(pr_trainer *t, uint64_t hash)
{
    enum { MAX_RANKS = 4096 };
    uint64_t hashes[MAX_RANKS];
    size_t bytes_of[MAX_RANKS];
    const int n_ranks = pr_comm_n_ranks(t->comm);
    PR_REQUIRE(n_ranks <= MAX_RANKS, PR_ERR_INVALID, "%d ranks, at most %d", n_ranks, MAX_RANKS);
    for (int rank = 0; rank < n_ranks; rank++) {
        bytes_of[rank] = sizeof(uint64_t);
    }
    PR_TRY(pr_comm_allgather(t->comm, "canned micro-batch", &hash, hashes, bytes_of));
    for (int rank = 1; rank < n_ranks; rank++) {
        PR_REQUIRE(hashes[rank] == hashes[0], PR_ERR_COMM,
                   "rank %d computes a canned micro-batch to other bits than rank 0 (%016" PRIx64
                   ", %016" PRIx64 "): unlike processors or libraries; cpu.isa lowers all to one",
                   rank, hashes[rank], hashes[0]);
    }
    return PR_OK;
}

pr_status pr_canned_check(pr_trainer *t, uint64_t *before)
{
    pr_phase_run *const run = &t->phases[0];
    if (pr_plan_n_segments(run->model_plan, PR_PASS_FORWARD) > 1) {
        return PR_OK; /* batch norm over the global batch: no micro-batch runs by itself */
    }
    pr_fold_zero(t->fold);
    canned c = {t, &run->lanes[0], pr_fold_leaf(t->fold, t->first_micro), 0};
    PR_TRY(pr_team_run(t->team, run_canned, &c, 1));
    pr_fold_zero(t->fold);
    PR_TRY(compare(t, c.hash));
    if (*before != 0 && *before != c.hash) {
        pr_log_warn("this build or processor computes other bits than the one this run began on: "
                    "it goes on, and its results are not those of an uninterrupted run");
    }
    *before = c.hash;
    return PR_OK;
}
