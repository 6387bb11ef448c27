#include "trainer/val_loss.h"

#include "engine/base/alloc.h"
#include "engine/base/tree.h"
#include "trainer/terms.h"

#include <math.h>
#include <string.h>

enum { TOTAL, LOCAL, N_RESULTS };

/* One thread's executors and the batch that is in its hands. */
typedef struct lane {
    pr_exec *model, *loss;
    pr_view *views; /* [R] */
    float *image;   /* [R, px, px, 3] */
} lane;

typedef struct work {
    pr_trainer *t;
    const pr_phase *phase;
    const pr_term *terms;
    int n_terms;
    int64_t n_rows; /* R: a whole batch goes through one executor */
    int64_t n_batches, first, last;
    int64_t wave_first;
    pr_graph *model_graph, *loss_graph;
    pr_plan *model_plan, *loss_plan;
    pr_sampler *sampler;
    pr_loader *loader;
    int n_lanes;
    lane *lanes;
    double *result; /* [n_batches, N_RESULTS] */
} work;

static pr_status check(const work *w)
{
    const pr_phase *const phase = w->phase;
    bool counts = false;
    for (int i = 0; i < w->n_terms; i++) {
        counts = counts || w->terms[i].divisor != PR_DIVISOR_ALL;
    }
    PR_REQUIRE(w->t->stage->n_phases == 1 && phase->views_per_item == 1 &&
                   phase->build_key == NULL && !phase->wants_mask && phase->draw == NULL && !counts,
               PR_ERR_INVALID,
               "schedule.watch: stage '%s' has no loss on single views of data.val; wanted "
               "schedule.watch: metric",
               w->t->stage->name);
    return PR_OK;
}

static pr_status build_graphs(work *w)
{
    const pr_build model = {
        .options = w->t->options, .n_rows = w->n_rows, .n_views = w->n_rows, .mode = PR_MODE_EVAL};
    const pr_plan_options forward = {.backend = w->t->backend, .backward = false};
    PR_TRY(pr_graph_create("validation loss", w->t->real, &w->model_graph));
    PR_TRY(w->phase->build_model(&model, w->model_graph));
    PR_TRY(pr_plan_create(w->model_graph, w->t->store, &forward, &w->model_plan));
    if (w->phase->build_loss == NULL) {
        return PR_OK;
    }
    const pr_desc *z = NULL;
    PR_TRY(pr_graph_output_desc(w->model_graph, "z", &z));
    const pr_build loss = {
        .options = w->t->options, .n_rows = w->n_rows, .n_cols = z->shape.dims[1]};
    PR_TRY(pr_graph_create("validation loss of rows", w->t->real, &w->loss_graph));
    PR_TRY(w->phase->build_loss(&loss, w->loss_graph));
    return pr_plan_create(w->loss_graph, w->t->store, &forward, &w->loss_plan);
}

static pr_status open_lanes(work *w)
{
    const int64_t n_pixels = w->t->options->model.px * w->t->options->model.px * 3;
    w->n_lanes = pr_team_n_threads(w->t->team);
    w->lanes = pr_calloc(w->n_lanes, sizeof(*w->lanes));
    w->result = pr_calloc(w->n_batches * N_RESULTS, sizeof(*w->result));
    PR_REQUIRE(w->lanes != NULL && w->result != NULL, PR_ERR_NOMEM,
               "no memory for a validation loss of %lld batches", (long long)w->n_batches);
    for (int i = 0; i < w->n_lanes; i++) {
        lane *const l = &w->lanes[i];
        PR_TRY(pr_exec_create(w->model_plan, &l->model));
        if (w->loss_plan != NULL) {
            PR_TRY(pr_exec_create(w->loss_plan, &l->loss));
        }
        l->views = pr_calloc(w->n_rows, sizeof(*l->views));
        l->image = pr_calloc(w->n_rows * n_pixels, sizeof(*l->image));
        PR_REQUIRE(l->views != NULL && l->image != NULL, PR_ERR_NOMEM,
                   "no memory for a batch of %lld images", (long long)w->n_rows);
    }
    return PR_OK;
}

static pr_status open_data(work *w, const pr_samples *val)
{
    const pr_train_options *const options = w->t->options;
    pr_sampler_options sampler = options->sampler;
    pr_loader_options loader = {.samples = val,
                                .augment = options->augment,
                                .out_px = (int)options->model.px,
                                .seed = (uint64_t)options->seed,
                                .n_threads = w->t->n_loader_threads,
                                .n_batches_ahead = pr_team_n_threads(w->t->team),
                                .on_bad_sample = (pr_bad_sample)options->data.on_bad_sample};
    loader.augment.enabled = false;
    sampler.seed = (uint64_t)options->seed;
    sampler.items_per_batch = w->n_rows;
    sampler.views_per_item = 1;
    sampler.n_micro = 1;
    sampler.pairing = PR_PAIR_NONE;
    sampler.shuffle_labels = false;
    sampler.frame_shift_prob = 0.0;
    sampler.mixup_prob = 0.0;
    PR_TRY(pr_sampler_create(val, &sampler, &w->sampler));
    PR_TRY(pr_sampler_begin_epoch(w->sampler, 0));
    w->n_batches = pr_sampler_n_steps(w->sampler);
    pr_tree_block(w->n_batches, pr_comm_n_ranks(w->t->comm), pr_comm_rank(w->t->comm), &w->first,
                  &w->last);
    return pr_loader_create(&loader, &w->loader);
}

static pr_status fill_model(const work *w, const lane *l)
{
    pr_tensor image;
    pr_tensor label;
    pr_tensor weight;
    PR_TRY(pr_exec_value(l->model, "image", &image));
    PR_TRY(pr_exec_value(l->model, "label", &label));
    PR_TRY(pr_exec_value(l->model, "weight", &weight));
    for (int64_t i = 0; i < pr_shape_n(&image.shape); i++) {
        pr_tensor_set(&image, i, (double)l->image[i]);
    }
    for (int64_t row = 0; row < w->n_rows; row++) {
        ((int32_t *)label.data)[row] = l->views[row].label == PR_FAKE ? PR_FAKE : PR_REAL;
        pr_tensor_set(&weight, row, 1.0);
    }
    return PR_OK;
}

/* Every row is this executor's, so that the cut where ranks would meet has nothing to fill in. */
static pr_status run_loss(const work *w, const lane *l, double *sum)
{
    pr_tensor to;
    pr_tensor z;
    PR_TRY(pr_exec_value(l->model, "z", &z));
    PR_TRY(pr_exec_value(l->loss, "z", &to));
    const pr_desc desc = {z.dtype, z.shape};
    memcpy(to.data, z.data, pr_desc_bytes(&desc));
    PR_TRY(pr_exec_value(l->loss, "range", &to));
    ((int64_t *)to.data)[0] = 0;
    ((int64_t *)to.data)[1] = w->n_rows;
    PR_TRY(pr_exec_value(l->loss, "label", &to));
    for (int64_t row = 0; row < w->n_rows; row++) {
        ((int32_t *)to.data)[row] = l->views[row].label == PR_FAKE ? PR_FAKE : PR_REAL;
    }
    PR_TRY(pr_exec_value(l->loss, "pair", &to));
    for (int64_t row = 0; row < w->n_rows; row++) {
        ((int64_t *)to.data)[row] = (int64_t)l->views[row].place;
    }
    for (int s = 0; s < pr_plan_n_segments(w->loss_plan, PR_PASS_FORWARD); s++) {
        pr_cut cut;
        PR_TRY(pr_exec_run(l->loss, PR_PASS_FORWARD, s, PR_MODE_EVAL, NULL, NULL));
        PR_TRY(pr_exec_cut(l->loss, PR_PASS_FORWARD, s, &cut));
    }
    PR_TRY(pr_exec_value(l->loss, "row_loss", &to));
    *sum = pr_tree_sum(to.data, w->n_rows);
    return PR_OK;
}

static pr_status add_local(const work *w, const lane *l, double *result)
{
    for (int i = 0; i < w->n_terms; i++) {
        const pr_term *const term = &w->terms[i];
        pr_tensor rows;
        PR_TRY(pr_exec_value(l->model, term->name, &rows));
        double sum = 0.0;
        for (int64_t row = 0; row < w->n_rows; row++) {
            sum += pr_tensor_get(&rows, row);
        }
        const double value = sum / (double)w->n_rows;
        const double weight =
            term->weight == NULL ? 1.0 : term->weight(w->t->options, w->t->position.stage_epoch);
        result[LOCAL] += value;
        result[TOTAL] += weight * value;
    }
    return PR_OK;
}

static pr_status run_batch(void *ctx, int64_t task)
{
    work *const w = ctx;
    const lane *const l = &w->lanes[task];
    double *const result = w->result + (w->wave_first + task) * N_RESULTS;
    PR_TRY(fill_model(w, l));
    PR_TRY(pr_exec_run_all(l->model, PR_PASS_FORWARD, PR_MODE_EVAL, NULL, NULL));
    PR_TRY(add_local(w, l, result));
    if (w->loss_plan != NULL) {
        double sum = 0.0;
        PR_TRY(run_loss(w, l, &sum));
        const double weight =
            w->phase->gathered_weight == NULL
                ? 1.0
                : w->phase->gathered_weight(w->t->options, w->t->position.stage_epoch);
        result[TOTAL] += weight * sum;
    }
    return PR_OK;
}

static pr_status run_batches(work *w)
{
    for (w->wave_first = w->first; w->wave_first < w->last; w->wave_first += w->n_lanes) {
        const int64_t n_left = w->last - w->wave_first;
        const int64_t n = n_left < w->n_lanes ? n_left : w->n_lanes;
        for (int64_t i = 0; i < n; i++) {
            const lane *const l = &w->lanes[i];
            PR_TRY(pr_sampler_step(w->sampler, w->wave_first + i, l->views));
            const pr_batch batch = {.views = l->views, .n_views = w->n_rows, .image = l->image};
            PR_TRY(pr_loader_submit(w->loader, &batch));
        }
        for (int64_t i = 0; i < n; i++) {
            PR_TRY(pr_loader_wait(w->loader, NULL));
        }
        PR_TRY(pr_team_run(w->t->team, run_batch, w, n));
    }
    return PR_OK;
}

/* Collective: every rank's batches, and their mean in tree order. */
static pr_status finish(work *w, pr_val_loss *out)
{
    const int n_ranks = pr_comm_n_ranks(w->t->comm);
    double *const one = pr_calloc(w->n_batches, sizeof(*one));
    PR_REQUIRE(one != NULL, PR_ERR_NOMEM, "no memory for %lld losses", (long long)w->n_batches);
    for (int rank = 0; rank < n_ranks; rank++) {
        int64_t first = 0;
        int64_t last = 0;
        pr_tree_block(w->n_batches, n_ranks, rank, &first, &last);
        w->t->bytes_of[rank] = (size_t)((last - first) * N_RESULTS) * sizeof(double);
    }
    pr_status status = pr_comm_allgather(
        w->t->comm, "validation loss", w->result + w->first * N_RESULTS, w->result, w->t->bytes_of);
    double mean[N_RESULTS] = {0.0, 0.0};
    for (int k = 0; status == PR_OK && k < N_RESULTS; k++) {
        for (int64_t i = 0; i < w->n_batches; i++) {
            one[i] = w->result[i * N_RESULTS + k];
        }
        mean[k] = pr_tree_sum(one, w->n_batches) / (double)w->n_batches;
    }
    pr_free(one);
    PR_TRY(status);
    PR_REQUIRE(isfinite(mean[TOTAL]) && isfinite(mean[LOCAL]), PR_ERR_NUMERIC,
               "the validation loss is %g (local terms %g)", mean[TOTAL], mean[LOCAL]);
    *out = (pr_val_loss){w->n_batches, mean[TOTAL], mean[LOCAL]};
    return PR_OK;
}

static void close_work(work *w)
{
    pr_loader_destroy(&w->loader); /* first: its threads write into the lanes */
    pr_sampler_destroy(&w->sampler);
    for (int i = 0; w->lanes != NULL && i < w->n_lanes; i++) {
        pr_exec_destroy(&w->lanes[i].model);
        pr_exec_destroy(&w->lanes[i].loss);
        pr_free(w->lanes[i].views);
        pr_free(w->lanes[i].image);
    }
    pr_free(w->lanes);
    pr_free(w->result);
    pr_plan_destroy(&w->model_plan);
    pr_plan_destroy(&w->loss_plan);
    pr_graph_destroy(&w->model_graph);
    pr_graph_destroy(&w->loss_graph);
}

pr_status pr_val_loss_run(pr_trainer *t, const pr_samples *val, pr_val_loss *out)
{
    work w = {.t = t, .phase = &t->stage->phases[0], .n_rows = t->phases[0].n_views};
    pr_terms_find(w.phase, &w.terms, &w.n_terms);
    pr_status status = check(&w);
    if (status == PR_OK) {
        status = build_graphs(&w);
    }
    if (status == PR_OK) {
        status = open_data(&w, val);
    }
    if (status == PR_OK) {
        status = open_lanes(&w);
    }
    if (status == PR_OK) {
        status = run_batches(&w);
    }
    if (status == PR_OK) {
        status = finish(&w, out);
    }
    close_work(&w);
    return status;
}
