/*
 * One step of training, top to bottom:
 *
 *     where there are keys: key parameters follow, key images -> keys, gathered
 *     images of this rank's micro-batches -> forward, one lane a micro-batch
 *     -> embeddings, gathered in global order -> loss with the bank, on every rank
 *     -> its gradient with respect to this rank's rows -> backward, one leaf a micro-batch
 *     -> leaves summed in tree order, in the rank and over the ranks -> optimizer
 *
 * Where neither a gathered term nor a divisor needs the whole batch first, a wave of micro-batches at
 * a time goes forward and backward; train.recompute does the same with a second forward. Nothing here
 * knows what is trained.
 */
#include "engine/base/clock.h"
#include "engine/base/tree.h"
#include "trainer/meet.h"
#include "trainer/terms.h"
#include "trainer/trace.h"
#include "trainer/update.h"

#include <math.h>
#include <string.h>

enum { MAX_TOGETHER = 1024 };

/* The tasks of one call of the team: task i is micro-batch `first` + i on lane i. */
typedef struct wave {
    pr_trainer *t;
    pr_phase_run *run;
    const pr_feed_batch *batch;
    int64_t first, n;
    const pr_plan *plan; /* the model's, or the keys' */
    pr_lane *lanes;
    pr_pass pass;
    pr_mode mode;
    int segment;
    void *leaf[MAX_TOGETHER];
} wave;

static bool has_keys(const pr_phase_run *run)
{
    return run->key_plan != NULL;
}

static const pr_view *view_of(const pr_phase_run *run, const pr_feed_batch *batch, int64_t row)
{
    return &batch->views[pr_feed_view_of(row, run->n_rows_micro, has_keys(run))];
}

/* TENSOR becomes the rows from FIRST_ROW on of FROM, which has this rank's. */
static void fill_pixels(const pr_phase_run *run, const float *from, int64_t first_row,
                        const pr_tensor *tensor)
{
    const int64_t n = pr_shape_n(&tensor->shape);
    const float *const pixels = from + (first_row - run->first_row) * (n / run->n_rows_micro);
    if (tensor->dtype == PR_F32) {
        memcpy(tensor->data, pixels, (size_t)n * sizeof(float));
    } else {
        for (int64_t i = 0; i < n; i++) {
            ((double *)tensor->data)[i] = (double)pixels[i];
        }
    }
}

static void fill_input(const wave *w, const pr_lane *lane, int64_t first_row)
{
    const bool is_key = w->lanes == w->run->key_lanes;
    fill_pixels(w->run, is_key ? w->batch->key : w->batch->image, first_row, &lane->image);
    if (lane->mask.data != NULL) {
        fill_pixels(w->run, w->batch->mask, first_row, &lane->mask);
    }
    for (int64_t i = 0; lane->label.data != NULL && i < w->run->n_rows_micro; i++) {
        const bool is_fake = view_of(w->run, w->batch, first_row + i)->label == PR_FAKE;
        ((int32_t *)lane->label.data)[i] = is_fake ? PR_FAKE : PR_REAL;
        pr_tensor_set(&lane->weight, i, 1.0);
    }
}

static pr_status run_lane(void *ctx, int64_t task)
{
    const wave *const w = ctx;
    const pr_lane *const lane = &w->lanes[task];
    const int64_t first_row = (w->first + task) * w->run->n_rows_micro;
    const int64_t at = first_row + (w->lanes == w->run->key_lanes ? w->t->max_rows : 0);
    const pr_rows rows = {w->run->seed, w->batch->epoch, w->run->n_rows_micro, w->t->place + at,
                          w->t->view + at};
    if (w->pass == PR_PASS_FORWARD && w->segment == 0) {
        fill_input(w, lane, first_row);
    }
    return pr_exec_run(lane->exec, w->pass, w->segment, w->mode, &rows, w->leaf[task]);
}

/* One pass of one wave, all segments; at a cut the micro-batches and ranks meet. */
static pr_status run_pass(wave *w, pr_pass pass, pr_mode mode)
{
    const int n_segments = pr_plan_n_segments(w->plan, pass);
    w->pass = pass;
    w->mode = mode;
    for (w->segment = 0; w->segment < n_segments; w->segment++) {
        PR_TRY(pr_team_run(w->t->team, run_lane, w, w->n));
        PR_TRY(pr_sync_lanes(w->t, w->lanes, (int)w->n, pass, w->segment));
    }
    return PR_OK;
}

static void take_leaves(wave *w)
{
    for (int64_t i = 0; i < w->n; i++) {
        w->leaf[i] = pr_fold_leaf(w->t->fold, w->first + i);
    }
}

static size_t row_bytes(const pr_phase_run *run, pr_dtype real)
{
    return (size_t)run->n_cols * pr_dtype_bytes(real);
}

static void keep_embeddings(const wave *w, void *to)
{
    const size_t n_bytes = row_bytes(w->run, w->t->real) * (size_t)w->run->n_rows_micro;
    for (int64_t i = 0; i < w->n; i++) {
        memcpy((char *)to + n_bytes * (size_t)(w->first + i), w->lanes[i].z.data, n_bytes);
    }
}

static void seed_all(const wave *w)
{
    const size_t n_bytes = row_bytes(w->run, w->t->real) * (size_t)w->run->n_rows_micro;
    pr_terms_seed(w->t, w->run, w->first, w->n);
    for (int64_t i = 0; w->run->loss_plan != NULL && i < w->n; i++) {
        memcpy(w->run->lanes[i].z_seed.data,
               (const char *)w->run->loss.z_grad.data + n_bytes * (size_t)(w->first + i), n_bytes);
    }
}

static pr_status backward_and_merge(wave *w)
{
    PR_TRY(run_pass(w, PR_PASS_BACKWARD, w->run->phase->mode));
    return pr_fold_merge(w->t->fold, w->t->team, w->first, w->first + w->n);
}

static wave next_wave(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch, int64_t first)
{
    const int64_t n_left = t->last_micro - first;
    wave w = {.t = t,
              .run = run,
              .batch = batch,
              .first = first,
              .plan = run->model_plan,
              .lanes = run->lanes};
    w.n = n_left < run->n_lanes ? n_left : run->n_lanes;
    return w;
}

/*
 * Keys take no gradient and their running statistics are never read, so that the key encoder runs
 * once, in the mode that has batch statistics and writes none.
 */
static pr_status key_forward(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch)
{
    for (int64_t first = t->first_micro; first < t->last_micro; first += run->n_lanes) {
        wave w = next_wave(t, run, batch, first);
        w.plan = run->key_plan;
        w.lanes = run->key_lanes;
        PR_TRY(run_pass(&w, PR_PASS_FORWARD, PR_MODE_RECOMPUTE));
        keep_embeddings(&w, t->k_of);
    }
    return pr_gather_keys(t, run, batch);
}

/* No meeting before backward: each wave goes forward and backward before the next begins. */
static pr_status local_step(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch)
{
    PR_TRY(pr_terms_divide(t, run));
    for (int64_t first = t->first_micro; first < t->last_micro; first += run->n_lanes) {
        wave w = next_wave(t, run, batch, first);
        take_leaves(&w);
        PR_TRY(run_pass(&w, PR_PASS_FORWARD, run->phase->mode));
        pr_terms_keep(t, run, w.first, w.n);
        PR_TRY(pr_trace_keep(t, run, w.first, w.n));
        pr_terms_seed(t, run, w.first, w.n);
        PR_TRY(backward_and_merge(&w));
    }
    pr_terms_add(t, run);
    return PR_OK;
}

/* Forward of a gathered term, of all micro-batches; *ALL is the wave where there is but one. */
static pr_status gathered_forward(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch,
                                  wave *all)
{
    const bool counts_now = run->keeps_all || run->phase->mode == PR_MODE_EVAL;
    const pr_mode mode = counts_now ? run->phase->mode : PR_MODE_RECOMPUTE;
    for (int64_t first = t->first_micro; first < t->last_micro; first += run->n_lanes) {
        wave w = next_wave(t, run, batch, first);
        if (run->keeps_all) {
            take_leaves(&w);
        }
        PR_TRY(run_pass(&w, PR_PASS_FORWARD, mode));
        if (run->loss_plan != NULL) {
            keep_embeddings(&w, t->z);
        }
        pr_terms_keep(t, run, w.first, w.n);
        PR_TRY(pr_trace_keep(t, run, w.first, w.n));
        *all = w;
    }
    return PR_OK;
}

static pr_status gathered_backward(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch,
                                   wave *all)
{
    if (run->keeps_all) {
        seed_all(all);
        return backward_and_merge(all);
    }
    for (int64_t first = t->first_micro; first < t->last_micro; first += run->n_lanes) {
        wave w = next_wave(t, run, batch, first);
        take_leaves(&w);
        PR_TRY(run_pass(&w, PR_PASS_FORWARD, run->phase->mode));
        seed_all(&w);
        PR_TRY(backward_and_merge(&w));
    }
    return PR_OK;
}

/*
 * A gathered term, or divisors that are counted: all micro-batches go forward, meet, and go back.
 * Where lanes are used in waves the second forward makes the activations again: the same bits, and
 * the one that counts for the batch statistics.
 */
static pr_status gathered_step(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch,
                               pr_step_report *report)
{
    wave all = next_wave(t, run, batch, t->first_micro);
    PR_TRY(gathered_forward(t, run, batch, &all));
    const double before_gather_s = pr_clock_s();
    PR_TRY(pr_terms_divide(t, run));
    pr_terms_add(t, run);
    if (run->loss_plan != NULL) {
        PR_TRY(pr_gather_rows(t, run, "embeddings", t->z, row_bytes(run, t->real)));
        report->gather_s = pr_clock_s() - before_gather_s;
        PR_TRY(pr_loss_run(t, run, batch));
        report->loss_s = pr_clock_s() - before_gather_s - report->gather_s;
    }
    return gathered_backward(t, run, batch, &all);
}

/* The loss over the global batch, from one number a row, in tree order. */
static pr_status sum_loss(pr_trainer *t, pr_phase_run *run, pr_step_report *report)
{
    PR_TRY(pr_gather_rows(t, run, "row losses", t->row_loss, sizeof(double)));
    report->loss = pr_tree_sum(t->row_loss, run->n_rows);
    PR_REQUIRE(isfinite(report->loss), PR_ERR_NUMERIC, "step %lld: the loss of '%s' is %g",
               (long long)t->position.step, run->phase->name, report->loss);
    return PR_OK;
}

/* The leaves of the phase before have other parts written than this one's will. */
static void begin_leaves(pr_trainer *t, const pr_phase_run *run)
{
    if (t->last_run != NULL && t->last_run != run) {
        pr_fold_zero(t->fold);
    }
    t->last_run = run;
}

/* At a stage's beginning the key parameters are copies. */
static pr_status follow(pr_trainer *t, pr_phase_run *run)
{
    const double m = t->position.stage_step == 0 ? 0.0 : run->phase->ema_decay(t->options);
    for (int i = 0; i < run->phase->n_ema; i++) {
        PR_TRY(pr_ema_step(run->ema[i], t->team, m));
    }
    return PR_OK;
}

static pr_status run_phase(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch,
                           pr_step_report *report)
{
    if (has_keys(run)) {
        PR_TRY(follow(t, run));
        PR_TRY(key_forward(t, run, batch));
    }
    begin_leaves(t, run);
    return run->meets_first ? gathered_step(t, run, batch, report) : local_step(t, run, batch);
}

/* The gradient's sum over the job, with the term of parameters in it. */
static pr_status sum_gradient(pr_trainer *t, const pr_phase_run *run, void **sum,
                              pr_step_report *report)
{
    const pr_phase *const phase = run->phase;
    PR_TRY(pr_fold_finish(t->fold, t->comm, "gradient", (pr_reduction)t->options->reduction, sum));
    if (phase->param_term == NULL) {
        return PR_OK;
    }
    pr_term_value *const value = &report->terms[report->n_terms++];
    *value = (pr_term_value){.name = phase->param_name, .weight = 1.0, .n = 1};
    PR_TRY(phase->param_term(t->options, t->store, *sum, &value->value));
    report->loss += value->value;
    PR_REQUIRE(isfinite(value->value), PR_ERR_NUMERIC, "step %lld: the term '%s' of '%s' is %g",
               (long long)t->position.step, phase->param_name, phase->name, value->value);
    return PR_OK;
}

/* Where the rows of model and key graphs stand in the plan: what draws inside of them are keyed by. */
static void place_rows(pr_trainer *t, const pr_phase_run *run, const pr_feed_batch *batch)
{
    for (int64_t row = 0; row < run->n_rows; row++) {
        t->place[row] = view_of(run, batch, row)->place;
        t->view[row] = view_of(run, batch, row)->view;
        t->row_loss[row] = 0.0;
        if (has_keys(run)) {
            const pr_view *const key = view_of(run, batch, batch->key_of[row]) + run->n_rows_micro;
            t->place[t->max_rows + row] = key->place;
            t->view[t->max_rows + row] = key->view;
        }
    }
}

pr_status pr_step(pr_trainer *t, pr_step_report *report)
{
    pr_phase_run *const run = pr_cycle_run(t, t->position.phase);
    const double begin_s = pr_clock_s();
    memset(report, 0, sizeof(*report));

    pr_feed_batch batch;
    PR_TRY(pr_feed_next(run->feed, &batch));
    report->wait_s = batch.wait_s;
    place_rows(t, run, &batch);
    PR_TRY(run_phase(t, run, &batch, report));
    PR_TRY(pr_terms_report(t, run, report));
    PR_TRY(sum_loss(t, run, report));

    const double before_reduce_s = pr_clock_s();
    void *sum = NULL;
    PR_TRY(sum_gradient(t, run, &sum, report));
    report->reduce_s = pr_clock_s() - before_reduce_s;
    PR_TRY(pr_update(t, run, sum, report));
    PR_TRY(pr_trace_step(t, run, &batch, report));
    report->step_s = pr_clock_s() - begin_s;
    return PR_OK;
}
