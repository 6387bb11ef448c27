#include "tests/memory_bank/ranks.h"

#include "engine/base/tree.h"

#include <string.h>

static pr_status options_from(const char *const *words, const pr_config_module *module)
{
    pr_config_schema schema = {.n_modules = 0};
    pr_settings *settings = NULL;
    pr_config *config = NULL;
    pr_status status = pr_config_register(&schema, module);

    if (status == PR_OK) {
        status = pr_settings_create(&settings);
    }
    for (int i = 0; status == PR_OK && words[i] != NULL; i++) {
        status = pr_settings_add_word(settings, words[i]);
    }
    if (status == PR_OK) {
        status = pr_config_apply(&schema, settings, &config);
    }
    pr_config_destroy(&config);
    pr_settings_destroy(&settings);
    return status;
}

pr_status ranks_rccl_options(const char *const *words, pr_rccl_options *out)
{
    const pr_config_module module = pr_rccl_config(out);
    return options_from(words, &module);
}

pr_status ranks_supcon_options(const char *const *words, pr_supcon_options *out)
{
    const pr_config_module module = pr_supcon_config(out);
    return options_from(words, &module);
}

static pr_status build(ranks *r)
{
    const ranks_setup *const setup = &r->setup;
    const pr_dtype real = setup->backend == PR_BACKEND_REF ? PR_F64 : PR_F32;
    const pr_plan_options options = {.backend = setup->backend, .backward = true};

    PR_TRY(pr_graph_create("loss", real, &r->graph));
    if (setup->rccl != NULL) {
        PR_TRY(pr_rccl_build(r->graph, setup->rccl, setup->n_rows, setup->n_cols));
    } else {
        PR_TRY(pr_supcon_build(r->graph, setup->supcon, setup->n_rows, setup->n_cols));
    }
    for (int rank = 0; rank < setup->n_ranks; rank++) {
        PR_TRY(pr_store_create(real, &r->store[rank]));
        PR_TRY(pr_store_add(r->store[rank], r->graph));
        PR_TRY(pr_store_allocate(r->store[rank]));
        PR_TRY(pr_store_init(r->store[rank], 1));
        PR_TRY(pr_plan_create(r->graph, r->store[rank], &options, &r->plan[rank]));
        PR_TRY(pr_exec_create(r->plan[rank], &r->exec[rank]));
    }
    return PR_OK;
}

pr_status ranks_create(const ranks_setup *setup, ranks *out)
{
    *out = (ranks){.setup = *setup};
    const pr_status status = build(out);
    if (status != PR_OK) {
        ranks_destroy(out);
    }
    return status;
}

void ranks_destroy(ranks *r)
{
    for (int rank = 0; rank < RANKS_MAX; rank++) {
        pr_exec_destroy(&r->exec[rank]);
        pr_plan_destroy(&r->plan[rank]);
        pr_store_destroy(&r->store[rank]);
    }
    pr_graph_destroy(&r->graph);
}

static void range_of(const ranks *r, int rank, int64_t range[2])
{
    const int64_t n_views = r->setup.n_rows / r->setup.n_micro;
    pr_tree_block(r->setup.n_micro, r->setup.n_ranks, rank, &range[0], &range[1]);
    range[0] *= n_views;
    range[1] *= n_views;
}

static void from_double(const double *x, int64_t n, const pr_tensor *to)
{
    for (int64_t i = 0; i < n; i++) {
        if (to->dtype == PR_F64) {
            ((double *)to->data)[i] = x[i];
        } else {
            ((float *)to->data)[i] = (float)x[i];
        }
    }
}

static pr_status write_input(pr_exec *exec, const char *name, const void *data)
{
    pr_tensor tensor;
    PR_TRY(pr_exec_value(exec, name, &tensor));
    memcpy(tensor.data, data, (size_t)pr_shape_n(&tensor.shape) * pr_dtype_bytes(tensor.dtype));
    return PR_OK;
}

static pr_status write_inputs(const ranks *r, int rank, const ranks_batch *batch)
{
    pr_exec *const exec = r->exec[rank];
    const int64_t info[2] = {batch->step, batch->begins_epoch};
    int64_t range[2];
    pr_tensor z;

    range_of(r, rank, range);
    PR_TRY(pr_exec_value(exec, "z", &z));
    from_double(batch->z, r->setup.n_rows * r->setup.n_cols, &z);
    PR_TRY(write_input(exec, "label", batch->label));
    PR_TRY(write_input(exec, "pair", batch->pair));
    PR_TRY(write_input(exec, "range", range));
    if (r->setup.rccl != NULL) {
        PR_TRY(write_input(exec, "id", batch->id));
        PR_TRY(write_input(exec, "info", info));
        PR_TRY(write_input(exec, "lambda", batch->lambda));
    }
    return PR_OK;
}

/* The gather: each rank's rows of the normalisers reach all ranks. */
static pr_status gather(const ranks *r, int segment)
{
    pr_cut cut[RANKS_MAX];

    for (int rank = 0; rank < r->setup.n_ranks; rank++) {
        PR_TRY(pr_exec_cut(r->exec[rank], PR_PASS_FORWARD, segment, &cut[rank]));
        PR_REQUIRE(cut[rank].sync == PR_SYNC_GATHER, PR_ERR_INVALID, "no gather after segment %d",
                   segment);
    }
    for (int from = 0; from < r->setup.n_ranks; from++) {
        int64_t range[2];
        range_of(r, from, range);
        for (int to = 0; to < r->setup.n_ranks; to++) {
            memcpy((double *)cut[to].out->data + range[0] * 2,
                   (const double *)cut[from].in->data + range[0] * 2,
                   (size_t)(range[1] - range[0]) * 2 * sizeof(double));
        }
    }
    return PR_OK;
}

pr_status ranks_forward(ranks *r, const ranks_batch *batch, pr_mode mode, double *loss)
{
    const int n_segments = pr_plan_n_segments(r->plan[0], PR_PASS_FORWARD);

    PR_REQUIRE(n_segments == 2, PR_ERR_INVALID, "%d segments, must be 2", n_segments);
    for (int rank = 0; rank < r->setup.n_ranks; rank++) {
        PR_TRY(write_inputs(r, rank, batch));
    }
    for (int segment = 0; segment < 2; segment++) {
        for (int rank = 0; rank < r->setup.n_ranks; rank++) {
            PR_TRY(pr_exec_run(r->exec[rank], PR_PASS_FORWARD, segment, mode, NULL, NULL));
        }
        if (segment == 0) {
            PR_TRY(gather(r, segment));
        }
    }
    for (int rank = 0; rank < r->setup.n_ranks; rank++) {
        pr_tensor rows;
        int64_t range[2];
        range_of(r, rank, range);
        PR_TRY(pr_exec_value(r->exec[rank], "row_loss", &rows));
        memcpy(loss + range[0], (const double *)rows.data + range[0],
               (size_t)(range[1] - range[0]) * sizeof(double));
    }
    return PR_OK;
}

pr_status ranks_backward(ranks *r, double *dz)
{
    const int64_t n_cols = r->setup.n_cols;

    for (int rank = 0; rank < r->setup.n_ranks; rank++) {
        pr_exec *const exec = r->exec[rank];
        pr_tensor seed;
        pr_tensor grad;
        int64_t range[2];

        range_of(r, rank, range);
        PR_TRY(pr_exec_grad(exec, "row_loss", &seed));
        for (int64_t i = 0; i < r->setup.n_rows; i++) {
            ((double *)seed.data)[i] = 1.0;
        }
        for (int s = 0; s < pr_plan_n_segments(r->plan[rank], PR_PASS_BACKWARD); s++) {
            PR_TRY(pr_exec_run(exec, PR_PASS_BACKWARD, s, PR_MODE_TRAIN, NULL, NULL));
        }
        PR_TRY(pr_exec_grad(exec, "z", &grad));
        for (int64_t i = range[0] * n_cols; i < range[1] * n_cols; i++) {
            dz[i] = grad.dtype == PR_F64 ? ((const double *)grad.data)[i]
                                         : (double)((const float *)grad.data)[i];
        }
    }
    return PR_OK;
}

int ranks_n_unequal(const ranks *r)
{
    int n_unequal = 0;
    for (int rank = 1; rank < r->setup.n_ranks; rank++) {
        bool equal = true;
        for (int i = 0; i < pr_store_n(r->store[0]); i++) {
            const pr_store_entry *const a = pr_store_at(r->store[0], i);
            const pr_store_entry *const b = pr_store_at(r->store[rank], i);
            equal = equal && memcmp(a->data, b->data, pr_desc_bytes(&a->desc)) == 0;
        }
        n_unequal += !equal;
    }
    return n_unequal;
}

void ranks_copy_states(const ranks *from, ranks *to)
{
    for (int rank = 0; rank < to->setup.n_ranks; rank++) {
        for (int i = 0; i < pr_store_n(from->store[0]); i++) {
            const pr_store_entry *const a = pr_store_at(from->store[0], i);
            memcpy(pr_store_at(to->store[rank], i)->data, a->data, pr_desc_bytes(&a->desc));
        }
    }
}
