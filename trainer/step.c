/*
 * One step of training, top to bottom:
 *
 *     images of this rank's micro-batches -> forward, one lane a micro-batch
 *     -> embeddings, gathered in global order -> loss with the bank, on every rank
 *     -> its gradient with respect to this rank's rows -> backward, one leaf a micro-batch
 *     -> leaves summed in tree order, in the rank and over the ranks -> optimizer
 *
 * Objectives without a gathered term go forward and backward a wave of micro-batches at a time;
 * train.recompute does the same with a second forward. Nothing here knows what is trained.
 */
#include "engine/base/clock.h"
#include "engine/base/tree.h"
#include "trainer/meet.h"
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
    pr_pass pass;
    pr_mode mode;
    int segment;
    void *leaf[MAX_TOGETHER];
} wave;

static void fill_input(const wave *w, const pr_lane *lane, int64_t first_row)
{
    const int64_t n = pr_shape_n(&lane->image.shape);
    const float *const image =
        w->batch->image + (first_row - w->run->first_row) * (n / w->run->n_rows_micro);
    if (lane->image.dtype == PR_F32) {
        memcpy(lane->image.data, image, (size_t)n * sizeof(float));
    } else {
        for (int64_t i = 0; i < n; i++) {
            ((double *)lane->image.data)[i] = (double)image[i];
        }
    }
    for (int64_t i = 0; lane->label.data != NULL && i < w->run->n_rows_micro; i++) {
        const bool is_fake = w->batch->views[first_row + i].label == PR_FAKE;
        ((int32_t *)lane->label.data)[i] = is_fake ? PR_FAKE : PR_REAL;
        pr_tensor_set(&lane->weight, i, 1.0);
    }
}

static pr_status run_lane(void *ctx, int64_t task)
{
    const wave *const w = ctx;
    const pr_lane *const lane = &w->run->lanes[task];
    const int64_t first_row = (w->first + task) * w->run->n_rows_micro;
    const pr_rows rows = {(uint64_t)w->t->options->seed, w->batch->epoch, w->run->n_rows_micro,
                          w->t->place + first_row, w->t->view + first_row};
    if (w->pass == PR_PASS_FORWARD && w->segment == 0) {
        fill_input(w, lane, first_row);
    }
    return pr_exec_run(lane->exec, w->pass, w->segment, w->mode, &rows, w->leaf[task]);
}

/* One pass of one wave, all segments; at a cut the micro-batches and ranks meet. */
static pr_status run_pass(wave *w, pr_pass pass, pr_mode mode)
{
    const int n_segments = pr_plan_n_segments(w->run->model_plan, pass);
    w->pass = pass;
    w->mode = mode;
    for (w->segment = 0; w->segment < n_segments; w->segment++) {
        PR_TRY(pr_team_run(w->t->team, run_lane, w, w->n));
        PR_TRY(pr_sync_lanes(w->t, w->run, pass, w->segment));
    }
    return PR_OK;
}

static void take_leaves(wave *w)
{
    for (int64_t i = 0; i < w->n; i++) {
        w->leaf[i] = pr_fold_leaf(w->t->fold, w->first + i);
    }
}

/* The local term's seed is one over the number of images of the global batch: a count. */
static void seed_local(const wave *w)
{
    for (int64_t i = 0; w->run->phase->has_local && i < w->n; i++) {
        for (int64_t row = 0; row < w->run->n_rows_micro; row++) {
            pr_tensor_set(&w->run->lanes[i].loss_seed, row, 1.0 / (double)w->run->n_rows);
        }
    }
}

static void keep_local_loss(const wave *w)
{
    for (int64_t i = 0; w->run->phase->has_local && i < w->n; i++) {
        const int64_t first_row = (w->first + i) * w->run->n_rows_micro;
        for (int64_t row = 0; row < w->run->n_rows_micro; row++) {
            w->t->row_loss[first_row + row] =
                pr_tensor_get(&w->run->lanes[i].loss, row) / (double)w->run->n_rows;
        }
    }
}

static size_t row_bytes(const pr_phase_run *run, pr_dtype real)
{
    return (size_t)run->n_cols * pr_dtype_bytes(real);
}

static void keep_embeddings(const wave *w)
{
    const size_t n_bytes = row_bytes(w->run, w->t->real) * (size_t)w->run->n_rows_micro;
    for (int64_t i = 0; i < w->n; i++) {
        memcpy((char *)w->t->z + n_bytes * (size_t)(w->first + i), w->run->lanes[i].z.data,
               n_bytes);
    }
}

static void seed_embeddings(const wave *w)
{
    const size_t n_bytes = row_bytes(w->run, w->t->real) * (size_t)w->run->n_rows_micro;
    for (int64_t i = 0; i < w->n; i++) {
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
    wave w = {.t = t, .run = run, .batch = batch, .first = first};
    w.n = n_left < run->n_lanes ? n_left : run->n_lanes;
    return w;
}

/* No gathered term: each wave goes forward and backward before the next begins. */
static pr_status local_step(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch)
{
    for (int64_t first = t->first_micro; first < t->last_micro; first += run->n_lanes) {
        wave w = next_wave(t, run, batch, first);
        take_leaves(&w);
        PR_TRY(run_pass(&w, PR_PASS_FORWARD, run->phase->mode));
        keep_local_loss(&w);
        PR_TRY(pr_trace_keep(t, run, w.first, w.n));
        seed_local(&w);
        PR_TRY(backward_and_merge(&w));
    }
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
        keep_embeddings(&w);
        keep_local_loss(&w);
        PR_TRY(pr_trace_keep(t, run, w.first, w.n));
        *all = w;
    }
    return PR_OK;
}

static pr_status gathered_backward(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch,
                                   wave *all)
{
    if (run->keeps_all) {
        seed_local(all);
        seed_embeddings(all);
        return backward_and_merge(all);
    }
    for (int64_t first = t->first_micro; first < t->last_micro; first += run->n_lanes) {
        wave w = next_wave(t, run, batch, first);
        take_leaves(&w);
        PR_TRY(run_pass(&w, PR_PASS_FORWARD, run->phase->mode));
        seed_local(&w);
        seed_embeddings(&w);
        PR_TRY(backward_and_merge(&w));
    }
    return PR_OK;
}

/*
 * A gathered term: all micro-batches go forward, meet in the loss, and go back. Where lanes are used
 * in waves the second forward makes the activations again: the same bits, and the one that counts
 * for the batch statistics.
 */
static pr_status gathered_step(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch,
                               pr_step_report *report)
{
    wave all = next_wave(t, run, batch, t->first_micro);
    PR_TRY(gathered_forward(t, run, batch, &all));
    const double before_gather_s = pr_clock_s();
    PR_TRY(pr_gather_rows(t, run, "embeddings", t->z, row_bytes(run, t->real)));
    report->gather_s = pr_clock_s() - before_gather_s;
    PR_TRY(pr_loss_run(t, run, batch));
    report->loss_s = pr_clock_s() - before_gather_s - report->gather_s;
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

pr_status pr_step(pr_trainer *t, pr_step_report *report)
{
    pr_phase_run *const run = &t->phases[t->position.phase];
    const double begin_s = pr_clock_s();
    memset(report, 0, sizeof(*report));

    pr_feed_batch batch;
    PR_TRY(pr_feed_next(run->feed, &batch));
    report->wait_s = batch.wait_s;
    for (int64_t row = 0; row < run->n_rows; row++) {
        t->place[row] = batch.views[row].place;
        t->view[row] = batch.views[row].view;
        t->row_loss[row] = 0.0;
    }

    if (run->phase->build_loss != NULL) {
        PR_TRY(gathered_step(t, run, &batch, report));
    } else {
        PR_TRY(local_step(t, run, &batch));
    }
    PR_TRY(sum_loss(t, run, report));

    const double before_reduce_s = pr_clock_s();
    void *sum = NULL;
    PR_TRY(pr_fold_finish(t->fold, t->comm, "gradient", (pr_reduction)t->options->reduction, &sum));
    report->reduce_s = pr_clock_s() - before_reduce_s;
    PR_TRY(pr_update(t, run, sum, report));
    PR_TRY(pr_trace_step(t, run, &batch, report));
    report->step_s = pr_clock_s() - begin_s;
    return PR_OK;
}
