#include "trainer/evaluate.h"

#include "engine/base/alloc.h"
#include "engine/base/tree.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct lane {
    pr_exec *exec;
    pr_tensor image, prob, z;
} lane;

/* A batch on its way: decoded ahead of its forward pass. */
typedef struct slot {
    pr_view *views; /* [n_rows] */
    float *image;
    bool *present;
    int64_t n; /* rows in use */
} slot;

struct pr_evaluator {
    pr_evaluator_options options;
    pr_plan *plan;
    int64_t n_rows, n_pixels, n_cols;
    int px;
    int n_lanes;
    lane *lanes;
    int n_slots;
    slot *slots;
};

/* One run over a list of samples. */
typedef struct pass {
    pr_evaluator *e;
    const pr_samples *samples;
    const pr_view *views; /* [out->n] of the samples, or NULL: each once, as it is */
    uint64_t seed;
    pr_loader *loader;
    pr_eval_scores *out;
    int64_t first_batch, last_batch; /* this rank's */
    int64_t n_submitted;
    int64_t wave_first; /* batch of the team's task 0 */
    pr_image_fn fn;     /* images that are no samples; then samples and loader are NULL */
    void *ctx;
} pass;

static pr_status open_lane(pr_evaluator *e, lane *l)
{
    PR_TRY(pr_exec_create(e->plan, &l->exec));
    PR_TRY(pr_exec_value(l->exec, "image", &l->image));
    if (e->options.output != NULL) {
        return pr_exec_value(l->exec, e->options.output, &l->z);
    }
    if (e->options.centre == NULL) {
        PR_TRY(pr_exec_value(l->exec, "prob", &l->prob));
    }
    /* A classifier has no embeddings but the features that it classifies. */
    if (pr_exec_value(l->exec, "z", &l->z) != PR_OK) {
        PR_REQUIRE(e->options.centre == NULL, PR_ERR_INVALID, "the graph has no embeddings 'z'");
        pr_error_clear();
        PR_TRY(pr_exec_value(l->exec, "features", &l->z));
    }
    return PR_OK;
}

static pr_status open_slots(pr_evaluator *e)
{
    e->n_slots = 2 * e->n_lanes;
    e->slots = pr_calloc(e->n_slots, sizeof(*e->slots));
    PR_REQUIRE(e->slots != NULL, PR_ERR_NOMEM, "no memory for %d batches", e->n_slots);
    for (int i = 0; i < e->n_slots; i++) {
        slot *const s = &e->slots[i];
        s->views = pr_calloc(e->n_rows, sizeof(*s->views));
        s->image = pr_calloc(e->n_rows * e->n_pixels, sizeof(*s->image));
        s->present = pr_calloc(e->n_rows, sizeof(*s->present));
        PR_REQUIRE(s->views != NULL && s->image != NULL && s->present != NULL, PR_ERR_NOMEM,
                   "no memory for a batch of %lld images", (long long)e->n_rows);
    }
    return PR_OK;
}

static pr_status open_parts(pr_evaluator *e)
{
    const pr_plan_options plan = {.backend = e->options.backend, .backward = false};
    PR_TRY(pr_plan_create(e->options.graph, e->options.store, &plan, &e->plan));
    e->n_lanes = pr_team_n_threads(e->options.team);
    e->lanes = pr_calloc(e->n_lanes, sizeof(*e->lanes));
    PR_REQUIRE(e->lanes != NULL, PR_ERR_NOMEM, "no memory for %d lanes", e->n_lanes);
    for (int i = 0; i < e->n_lanes; i++) {
        PR_TRY(open_lane(e, &e->lanes[i]));
    }
    const pr_shape *const shape = &e->lanes[0].image.shape;
    e->n_rows = shape->dims[0];
    e->px = (int)shape->dims[1];
    e->n_pixels = shape->dims[1] * shape->dims[2] * shape->dims[3];
    const pr_shape *const rows = &e->lanes[0].z.shape;
    PR_REQUIRE(rows->n_dims >= 1 && rows->dims[0] == e->n_rows, PR_ERR_SHAPE,
               "evaluation: '%s' does not have a row for each of %lld images",
               e->options.output != NULL ? e->options.output : "z", (long long)e->n_rows);
    e->n_cols = 1;
    for (int i = 1; i < rows->n_dims; i++) {
        e->n_cols *= rows->dims[i];
    }
    return open_slots(e);
}

pr_status pr_evaluator_create(const pr_evaluator_options *options, pr_evaluator **out)
{
    pr_evaluator *e = pr_calloc(1, sizeof(*e));
    PR_REQUIRE(e != NULL, PR_ERR_NOMEM, "no memory for an evaluator");
    e->options = *options;
    const pr_status status = open_parts(e);
    if (status != PR_OK) {
        pr_evaluator_destroy(&e);
        return status;
    }
    *out = e;
    return PR_OK;
}

void pr_evaluator_destroy(pr_evaluator **evaluator)
{
    pr_evaluator *const e = *evaluator;
    if (e == NULL) {
        return;
    }
    for (int i = 0; e->slots != NULL && i < e->n_slots; i++) {
        pr_free(e->slots[i].views);
        pr_free(e->slots[i].image);
        pr_free(e->slots[i].present);
    }
    pr_free(e->slots);
    for (int i = 0; e->lanes != NULL && i < e->n_lanes; i++) {
        pr_exec_destroy(&e->lanes[i].exec);
    }
    pr_free(e->lanes);
    pr_plan_destroy(&e->plan);
    pr_free(e);
    *evaluator = NULL;
}

static pr_status submit(pass *p, int64_t batch)
{
    pr_evaluator *const e = p->e;
    slot *const s = &e->slots[p->n_submitted % e->n_slots];
    const int64_t first = batch * e->n_rows;
    const int64_t n = p->out->n;
    s->n = n - first < e->n_rows ? n - first : e->n_rows;
    memset(s->views, 0, (size_t)e->n_rows * sizeof(*s->views));
    memset(s->image, 0, (size_t)(e->n_rows * e->n_pixels) * sizeof(*s->image));
    for (int64_t i = 0; i < s->n; i++) {
        s->views[i].sample = first + i;
        s->views[i].mate = -1;
        s->views[i].place = (uint32_t)(first + i);
        s->views[i].label = pr_samples_at(p->samples, p->views == NULL ? first + i : 0)->label;
        if (p->views != NULL) {
            s->views[i] = p->views[first + i];
        }
        s->present[i] = true;
    }
    const pr_batch request = {
        .views = s->views, .n_views = s->n, .image = s->image, .present = s->present};
    PR_TRY(pr_loader_submit(p->loader, &request));
    p->n_submitted++;
    return PR_OK;
}

static double score_of(const pr_evaluator *e, const lane *l, int64_t row)
{
    if (e->options.output != NULL) {
        return 0.0;
    }
    if (e->options.centre == NULL) {
        return pr_tensor_get(&l->prob, row * 2 + 1);
    }
    double along = 0.0;
    for (int64_t col = 0; col < e->n_cols; col++) {
        along += pr_tensor_get(&l->z, row * e->n_cols + col) * e->options.centre[col];
    }
    return 1.0 - along;
}

static pr_status score_batch(pass *p, lane *l, const slot *s, int64_t batch)
{
    pr_evaluator *const e = p->e;
    for (int64_t i = 0; i < e->n_rows * e->n_pixels; i++) {
        pr_tensor_set(&l->image, i, (double)s->image[i]);
    }
    PR_TRY(pr_exec_run_all(l->exec, PR_PASS_FORWARD, PR_MODE_EVAL, NULL, NULL));
    for (int64_t i = 0; i < s->n; i++) {
        const int64_t sample = batch * e->n_rows + i;
        p->out->present[sample] = s->present[i];
        p->out->score[sample] = s->present[i] ? score_of(e, l, i) : 0.0;
        for (int64_t col = 0; p->out->embedding != NULL && col < e->n_cols; col++) {
            p->out->embedding[sample * e->n_cols + col] =
                (float)pr_tensor_get(&l->z, i * e->n_cols + col);
        }
    }
    return PR_OK;
}

static pr_status run_batch(void *ctx, int64_t task)
{
    pass *const p = ctx;
    const int64_t batch = p->wave_first + task;
    const slot *const s = &p->e->slots[(batch - p->first_batch) % p->e->n_slots];
    return score_batch(p, &p->e->lanes[task], s, batch);
}

/* The same where the images are made by the thread that scores them. */
static pr_status make_and_score(void *ctx, int64_t task)
{
    pass *const p = ctx;
    pr_evaluator *const e = p->e;
    slot *const s = &e->slots[task];
    const int64_t batch = p->wave_first + task;
    const int64_t first = batch * e->n_rows;
    s->n = p->out->n - first < e->n_rows ? p->out->n - first : e->n_rows;
    memset(s->image, 0, (size_t)(e->n_rows * e->n_pixels) * sizeof(*s->image));
    for (int64_t i = 0; i < s->n; i++) {
        s->present[i] = true;
        PR_TRY(p->fn(p->ctx, first + i, e->px, s->image + i * e->n_pixels, &s->present[i]));
    }
    return score_batch(p, &e->lanes[task], s, batch);
}

static pr_status run_batches(pass *p)
{
    pr_evaluator *const e = p->e;
    int64_t next = p->first_batch;
    for (p->wave_first = p->first_batch; p->wave_first < p->last_batch;
         p->wave_first += e->n_lanes) {
        const int64_t n_left = p->last_batch - p->wave_first;
        const int64_t n = n_left < e->n_lanes ? n_left : e->n_lanes;
        while (next < p->last_batch && next - p->wave_first < e->n_slots) {
            PR_TRY(submit(p, next++));
        }
        for (int64_t i = 0; i < n; i++) {
            PR_TRY(pr_loader_wait(p->loader, NULL));
        }
        PR_TRY(pr_team_run(e->options.team, run_batch, p, n));
    }
    return PR_OK;
}

/* Collective: what each rank found of its samples comes together. */
static pr_status gather(const pass *p, pr_comm *comm)
{
    enum { MAX_RANKS = 4096 };
    const int n_ranks = pr_comm_n_ranks(comm);
    size_t bytes_of[MAX_RANKS];
    PR_REQUIRE(n_ranks <= MAX_RANKS, PR_ERR_COMM, "%d ranks, at most %d", n_ranks, MAX_RANKS);
    const int64_t n = p->out->n;
    const int64_t n_batches = (n + p->e->n_rows - 1) / p->e->n_rows;
    const int64_t first = p->first_batch * p->e->n_rows;
    char *const parts[] = {(char *)p->out->score, (char *)p->out->present,
                           (char *)p->out->embedding};
    const size_t widths[] = {sizeof(double), sizeof(bool), (size_t)p->out->n_cols * sizeof(float)};
    for (int part = 0; part < 3; part++) {
        for (int rank = 0; rank < n_ranks; rank++) {
            int64_t a = 0;
            int64_t b = 0;
            pr_tree_block(n_batches, n_ranks, rank, &a, &b);
            const int64_t last = b * p->e->n_rows < n ? b * p->e->n_rows : n;
            const int64_t n_mine = last > a * p->e->n_rows ? last - a * p->e->n_rows : 0;
            bytes_of[rank] = (size_t)n_mine * widths[part];
        }
        if (parts[part] != NULL) {
            PR_TRY(pr_comm_allgather(comm, "scores", parts[part] + (size_t)first * widths[part],
                                     parts[part], bytes_of));
        }
    }
    return PR_OK;
}

static pr_status count(const pass *p)
{
    pr_eval_scores *const out = p->out;
    for (int64_t i = 0; i < out->n; i++) {
        char name[sizeof(out->first_bad)];
        if (p->samples == NULL) {
            (void)snprintf(name, sizeof(name), "image %lld", (long long)i);
        } else {
            (void)pr_samples_name(p->samples, p->views == NULL ? i : p->views[i].sample, name,
                                  sizeof(name));
        }
        PR_REQUIRE(isfinite(out->score[i]), PR_ERR_NUMERIC, "the score of %s is %g", name,
                   out->score[i]);
        if (!out->present[i]) {
            out->n_left_out++;
            if (out->n_left_out == 1) {
                (void)snprintf(out->first_bad, sizeof(out->first_bad), "%s", name);
            }
        }
    }
    return PR_OK;
}

static pr_status evaluate(pass *p, int64_t n, pr_perturb perturb, double perturb_value,
                          bool embeddings)
{
    pr_evaluator *const e = p->e;
    PR_TRY(pr_eval_scores_create(n, embeddings ? e->n_cols : 0, p->out));
    pr_loader_options loader = {.samples = p->samples,
                                .seed = p->seed,
                                .augment = e->options.augment,
                                .out_px = e->px,
                                .n_threads = e->options.n_loader_threads,
                                .n_batches_ahead = e->n_slots,
                                .on_bad_sample =
                                    e->options.stop_on_bad ? PR_BAD_STOP : PR_BAD_LEAVE_OUT};
    loader.generate.forges = p->views != NULL;
    loader.generate.addg = e->options.addg;
    loader.augment.enabled = false;
    loader.augment.perturb = perturb;
    loader.augment.perturb_value = perturb_value;
    PR_TRY(pr_loader_create(&loader, &p->loader));
    const pr_status status = run_batches(p);
    pr_loader_destroy(&p->loader);
    PR_TRY(status);
    PR_TRY(gather(p, e->options.comm));
    return count(p);
}

static void share_out(pass *p, int64_t n)
{
    const pr_evaluator *const e = p->e;
    const int64_t n_batches = (n + e->n_rows - 1) / e->n_rows;
    pr_tree_block(n_batches, pr_comm_n_ranks(e->options.comm), pr_comm_rank(e->options.comm),
                  &p->first_batch, &p->last_batch);
}

/* What was made in SCORES goes to OUT, unless STATUS says that it failed. */
static pr_status hand_over(pr_status status, pr_eval_scores *scores, pr_eval_scores *out)
{
    if (status != PR_OK) {
        pr_eval_scores_free(scores);
        return status;
    }
    *out = *scores;
    return PR_OK;
}

pr_status pr_evaluate(pr_evaluator *e, const pr_samples *samples, pr_perturb perturb,
                      double perturb_value, bool embeddings, pr_eval_scores *out)
{
    pr_eval_scores scores = {.n = 0};
    pass p = {.e = e, .samples = samples, .out = &scores};
    share_out(&p, pr_samples_n(samples));
    const pr_status status =
        evaluate(&p, pr_samples_n(samples), perturb, perturb_value, embeddings);
    return hand_over(status, &scores, out);
}

pr_status pr_evaluate_views(pr_evaluator *e, const pr_samples *samples, const pr_view *views,
                            int64_t n, uint64_t seed, pr_eval_scores *out)
{
    pr_eval_scores scores = {.n = 0};
    pass p = {.e = e, .samples = samples, .views = views, .seed = seed, .out = &scores};
    share_out(&p, n);
    const pr_status status = evaluate(&p, n, PR_PERTURB_NONE, 0.0, false);
    return hand_over(status, &scores, out);
}

static pr_status evaluate_images(pass *p, int64_t n, bool embeddings)
{
    pr_evaluator *const e = p->e;
    PR_TRY(pr_eval_scores_create(n, embeddings ? e->n_cols : 0, p->out));
    for (p->wave_first = p->first_batch; p->wave_first < p->last_batch;
         p->wave_first += e->n_lanes) {
        const int64_t n_left = p->last_batch - p->wave_first;
        PR_TRY(pr_team_run(e->options.team, make_and_score, p,
                           n_left < e->n_lanes ? n_left : e->n_lanes));
    }
    PR_TRY(gather(p, e->options.comm));
    return count(p);
}

pr_status pr_evaluate_images(pr_evaluator *e, int64_t n, pr_image_fn fn, void *ctx, bool embeddings,
                             pr_eval_scores *out)
{
    pr_eval_scores scores = {.n = 0};
    pass p = {.e = e, .out = &scores, .fn = fn, .ctx = ctx};
    share_out(&p, n);
    const pr_status status = evaluate_images(&p, n, embeddings);
    return hand_over(status, &scores, out);
}
