#include "trainer/canned.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "trainer/terms.h"

#include <inttypes.h>
#include <string.h>

enum { CANNED_SEED = 20260101, MAX_RANKS = 4096 };

/* Everything the canned micro-batch runs on; none of it is the run's. */
typedef struct canned {
    pr_trainer *t;
    const pr_phase *phase;
    pr_train_options *options;
    pr_graph *graph;
    pr_store *store;
    pr_plan *plan;
    pr_exec *exec;
    void *leaf;
    int64_t n_rows;
    uint32_t *place;
    uint16_t *view;
    uint64_t hash;
} canned;

static void fill(const pr_tensor *tensor, uint32_t place)
{
    const pr_draw_key key = {CANNED_SEED, 0, place, 0, PR_FOR_SHAPE};
    for (int64_t i = 0; i < pr_shape_n(&tensor->shape); i++) {
        pr_tensor_set(tensor, i, pr_draw_between(&key, (uint32_t)i, -1.0, 1.0));
    }
}

static pr_status fill_inputs(canned *c)
{
    pr_tensor image;
    PR_TRY(pr_exec_value(c->exec, "image", &image));
    fill(&image, 0);
    if (c->phase->wants_mask) {
        pr_tensor mask;
        PR_TRY(pr_exec_value(c->exec, "mask", &mask));
        fill(&mask, 3);
    }
    if (!c->phase->has_local) {
        return PR_OK;
    }
    pr_tensor label;
    pr_tensor weight;
    PR_TRY(pr_exec_value(c->exec, "label", &label));
    PR_TRY(pr_exec_value(c->exec, "weight", &weight));
    for (int64_t i = 0; i < c->n_rows; i++) {
        ((int32_t *)label.data)[i] = (int32_t)(i % 2);
        pr_tensor_set(&weight, i, 1.0);
    }
    return PR_OK;
}

/* On a thread of the team, as every micro-batch is. */
static pr_status run_canned(void *ctx, int64_t task)
{
    canned *const c = ctx;
    (void)task;
    const pr_rows rows = {CANNED_SEED, 0, c->n_rows, c->place, c->view};
    pr_tensor seed;
    PR_TRY(fill_inputs(c));
    PR_TRY(pr_exec_run_all(c->exec, PR_PASS_FORWARD, c->phase->mode, &rows, c->leaf));
    const pr_term *terms = NULL;
    int n_terms = 0;
    pr_terms_find(c->phase, &terms, &n_terms);
    for (int i = 0; i < n_terms; i++) {
        PR_TRY(pr_exec_grad(c->exec, terms[i].name, &seed));
        fill(&seed, 1);
    }
    if (c->phase->build_loss != NULL) {
        PR_TRY(pr_exec_grad(c->exec, "z", &seed));
        fill(&seed, 2);
    }
    PR_TRY(pr_exec_run_all(c->exec, PR_PASS_BACKWARD, c->phase->mode, &rows, c->leaf));
    const size_t n_bytes = (size_t)pr_store_arena_n(c->store) * pr_dtype_bytes(c->t->real);
    c->hash = pr_hash64(c->leaf, n_bytes, 0);
    return PR_OK;
}

static pr_status build(canned *c)
{
    const pr_stage *const stage = &c->t->objective->stages[0];
    const pr_stage_options *stage_options = NULL;
    PR_TRY(pr_stage_options_find(c->t->options, stage->name, &stage_options));
    const int64_t n_views = pr_phase_n_views(c->t->options, stage_options, c->phase);
    const int64_t n_rows = pr_phase_n_rows(c->t->options, stage_options, c->phase);
    c->n_rows = n_rows / pr_stage_n_micro(c->t->options, n_views);
    /* What is taken over the global batch has cuts: here it is taken over the micro-batch. */
    *c->options = *c->t->options;
    c->options->model.sync_bn = false;
    c->options->dcl.compat_log = PR_DCL_LOG_IMAGE;
    const pr_build how = {.options = c->options,
                          .n_rows = c->n_rows,
                          .n_views = n_rows,
                          .mode = c->phase->mode,
                          .wants_loss = c->phase->has_local};
    const pr_plan_options plan = {c->t->backend, true, stage->trains, stage->n_trains};
    PR_TRY(pr_graph_create("canned", c->t->real, &c->graph));
    PR_TRY(c->phase->build_model(&how, c->graph));
    PR_TRY(pr_store_create(c->t->real, &c->store));
    PR_TRY(pr_store_add(c->store, c->graph));
    PR_TRY(pr_store_allocate(c->store));
    PR_TRY(pr_store_init(c->store, CANNED_SEED));
    PR_TRY(pr_plan_create(c->graph, c->store, &plan, &c->plan));
    PR_TRY(pr_exec_create(c->plan, &c->exec));
    c->leaf = pr_calloc(pr_store_arena_n(c->store), pr_dtype_bytes(c->t->real));
    c->place = pr_calloc(c->n_rows, sizeof(*c->place));
    c->view = pr_calloc(c->n_rows, sizeof(*c->view));
    PR_REQUIRE(c->leaf != NULL && c->place != NULL && c->view != NULL, PR_ERR_NOMEM,
               "no memory for a canned micro-batch");
    return PR_OK;
}

static pr_status compare(pr_trainer *t, uint64_t hash)
{
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

pr_status pr_canned_check(pr_trainer *t, uint64_t *hash)
{
    canned c = {.t = t, .phase = &t->objective->stages[0].phases[0]};
    c.options = pr_calloc(1, sizeof(*c.options));
    PR_REQUIRE(c.options != NULL, PR_ERR_NOMEM, "no memory for a canned micro-batch");
    pr_status status = build(&c);
    if (status == PR_OK) {
        status = pr_team_run(t->team, run_canned, &c, 1);
    }
    pr_exec_destroy(&c.exec);
    pr_plan_destroy(&c.plan);
    pr_graph_destroy(&c.graph);
    pr_store_destroy(&c.store);
    pr_free(c.leaf);
    pr_free(c.place);
    pr_free(c.view);
    pr_free(c.options);
    PR_TRY(pr_comm_agree(t->comm, "canned micro-batch", status));
    PR_TRY(compare(t, c.hash));
    if (*hash != 0 && *hash != c.hash) {
        pr_log_warn("this build or processor computes other bits than the one this run began on: "
                    "it goes on, and its results are not those of an uninterrupted run");
    }
    *hash = c.hash;
    return PR_OK;
}
