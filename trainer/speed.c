#include "trainer/speed.h"

#include "engine/base/clock.h"
#include "trainer/data.h"
#include "trainer/trainer.h"

#include <inttypes.h>

typedef pr_status (*run_fn)(const pr_speed_request *request, pr_trainer *t, pr_text *text);

static void advance(pr_trainer *t)
{
    pr_position *const at = &t->position;
    at->step++;
    at->stage_step++;
    at->epoch_step++;
    at->phase = (at->phase + 1) % t->n_cycle;
    if (at->epoch_step == t->steps_per_epoch) {
        at->epoch_step = 0;
        at->epoch++;
        at->stage_epoch++;
    }
}

static pr_status time_steps(const pr_speed_request *request, pr_trainer *t, pr_text *text)
{
    pr_step_report sum = {0};
    double begin_s = 0.0;
    int64_t n_views = 0;
    for (int64_t i = 0; i < request->n_warm + request->n_steps; i++) {
        pr_step_report report;
        if (i == request->n_warm) {
            PR_TRY(pr_comm_barrier(request->comm, "bench"));
            begin_s = pr_clock_s();
        }
        const int64_t n_rows = pr_cycle_run(t, t->position.phase)->n_views;
        PR_TRY(pr_step(t, &report));
        advance(t);
        if (i >= request->n_warm) {
            n_views += n_rows;
            sum.wait_s += report.wait_s;
            sum.gather_s += report.gather_s;
            sum.loss_s += report.loss_s;
            sum.reduce_s += report.reduce_s;
            sum.step_s += report.step_s;
        }
    }
    PR_TRY(pr_comm_barrier(request->comm, "bench"));
    const double seconds = pr_clock_s() - begin_s;
    const double n = (double)request->n_steps;
    return pr_text_add(text,
                       "step: %.1f views/s, %.2f ms a step (waiting for data %.2f, gathering %.2f, "
                       "loss and bank %.2f, summing gradients %.2f), %" PRId64 " steps of %" PRId64
                       " views on %d ranks\n",
                       (double)n_views / seconds, sum.step_s / n * 1e3, sum.wait_s / n * 1e3,
                       sum.gather_s / n * 1e3, sum.loss_s / n * 1e3, sum.reduce_s / n * 1e3,
                       request->n_steps, n_views / request->n_steps,
                       pr_comm_n_ranks(request->comm));
}

static pr_status time_loader(const pr_speed_request *request, pr_trainer *t, pr_text *text)
{
    pr_phase_run *const run = &t->phases[0];
    double begin_s = 0.0;
    for (int64_t i = 0; i < request->n_warm + request->n_steps; i++) {
        pr_feed_batch batch;
        if (i == request->n_warm) {
            PR_TRY(pr_comm_barrier(request->comm, "bench"));
            begin_s = pr_clock_s();
        }
        PR_TRY(pr_feed_next(run->feed, &batch));
    }
    PR_TRY(pr_comm_barrier(request->comm, "bench"));
    const double seconds = pr_clock_s() - begin_s;
    return pr_text_add(
        text,
        "loader: %.1f views/s of %" PRId64 " px, %d decoding threads a rank, %" PRId64
        " batches of %" PRId64 " views on %d ranks\n",
        (double)(request->n_steps * run->n_views) / seconds, t->options->model.px,
        t->n_loader_threads, request->n_steps, run->n_views, pr_comm_n_ranks(request->comm));
}

static pr_status begin_and_run(const pr_speed_request *request, pr_trainer *t, run_fn fn,
                               pr_text *text)
{
    PR_TRY(pr_comm_agree(request->comm, "bench", pr_stage_begin(t, 0)));
    const int64_t n_all = t->steps_per_epoch * t->stage_options->epochs;
    PR_REQUIRE(request->n_warm + request->n_steps <= n_all, PR_ERR_INVALID,
               "%" PRId64 " steps are asked for, and stage '%s' has %" PRId64
               " (stage.%s.epochs, --steps, --warm)",
               request->n_warm + request->n_steps, t->stage->name, n_all, t->stage->name);
    return fn(request, t, text);
}

static pr_status run_first_stage(const pr_speed_request *request, run_fn fn, pr_text *text)
{
    const pr_data_options *const data = &request->options->data;
    pr_samples *samples = NULL;
    pr_trainer *trainer = NULL;
    PR_TRY(pr_comm_agree(request->comm, "data",
                         pr_data_open(request->options, "data.train", data->train.at, data->train.n,
                                      NULL, NULL, &samples)));
    pr_status status = pr_trainer_create(request->options, samples, request->comm, &trainer);
    status = pr_comm_agree(request->comm, "bench", status);
    if (status == PR_OK) {
        status = begin_and_run(request, trainer, fn, text);
    }
    pr_trainer_destroy(&trainer);
    pr_samples_close(&samples);
    return status;
}

pr_status pr_speed_step(const pr_speed_request *request, pr_text *text)
{
    return run_first_stage(request, time_steps, text);
}

pr_status pr_speed_loader(const pr_speed_request *request, pr_text *text)
{
    return run_first_stage(request, time_loader, text);
}
