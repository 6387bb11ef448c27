#include "trainer/train.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/comm/same.h"
#include "engine/comm/watchdog.h"
#include "trainer/assess.h"
#include "trainer/canned.h"
#include "trainer/data.h"
#include "trainer/mark.h"
#include "trainer/run.h"
#include "trainer/state.h"
#include "trainer/trace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "epoch 3" or "step 120". */
static pr_status parse_stop_at(pr_run *run)
{
    static const char epoch[] = "epoch ";
    static const char step[] = "step ";
    const char *const text = run->request->options->stop_at;
    run->stop_epoch = -1;
    run->stop_step = -1;
    bool parsed = text[0] == '\0';
    if (strncmp(text, epoch, sizeof(epoch) - 1) == 0) {
        parsed = pr_text_to_int(text + sizeof(epoch) - 1, &run->stop_epoch);
    } else if (strncmp(text, step, sizeof(step) - 1) == 0) {
        parsed = pr_text_to_int(text + sizeof(step) - 1, &run->stop_step);
    }
    PR_REQUIRE(parsed, PR_ERR_INVALID, "train.stop_at = '%s', wanted `epoch N` or `step N`", text);
    return PR_OK;
}

static bool is_at_stop(const pr_run *run)
{
    const pr_position *const at = &run->trainer->position;
    return (run->stop_epoch >= 0 && at->epoch >= run->stop_epoch) ||
           (run->stop_step >= 0 && at->step >= run->stop_step);
}

static pr_status log_step(pr_run *run, const pr_step_report *report)
{
    const pr_trainer *const t = run->trainer;
    const pr_train_options *const options = run->request->options;
    pr_watchdog_step(t->position.step);
    if (!pr_run_leads(run) || t->position.step % options->log_every != 0) {
        return PR_OK;
    }
    return pr_runlog_step(run->log, t, report);
}

/* One step and what follows it; *STOP where the run shall end here. */
static pr_status one_step(pr_run *run, pr_progress *progress, bool *stop, pr_train_end *end)
{
    pr_trainer *const t = run->trainer;
    const pr_train_options *const options = run->request->options;
    pr_step_report report;
    PR_TRY(pr_step(t, &report));
    t->position.step++;
    t->position.stage_step++;
    t->position.epoch_step++;
    t->position.phase = (t->position.phase + 1) % t->n_cycle;
    PR_TRY(log_step(run, &report));

    char note[96];
    (void)snprintf(note, sizeof(note), "loss %.4f, lr %.2e", report.loss, report.lr);
    pr_progress_show(progress, t->position.stage_step, note);

    if (t->position.step % options->hash_every == 0) {
        uint64_t hash = 0;
        PR_TRY(pr_replica_check(run->replica, t->position.step, &hash));
    }
    bool signalled = false;
    PR_TRY(pr_run_meet(run, &signalled));
    const bool due =
        options->checkpoint_every > 0 && t->position.step % options->checkpoint_every == 0;
    if (signalled || due) {
        PR_TRY(pr_run_checkpoint(run));
    }
    if (signalled) {
        *stop = true;
        *end = PR_TRAIN_SIGNAL;
    } else if (run->stop_step >= 0 && t->position.step >= run->stop_step) {
        PR_TRY(pr_run_checkpoint(run));
        *stop = true;
        *end = PR_TRAIN_STOPPED;
    }
    return PR_OK;
}

static void begin_epoch(pr_trainer *t)
{
    memset(t->centre.sum, 0, (size_t)t->centre.n_cols * sizeof(*t->centre.sum));
    t->centre.n = 0;
}

static void end_epoch(pr_trainer *t)
{
    memcpy(t->centre.last, t->centre.sum, (size_t)t->centre.n_cols * sizeof(*t->centre.sum));
    t->centre.n_last = t->centre.n;
    t->position.epoch_step = 0;
    t->position.epoch++;
    t->position.stage_epoch++;
}

static pr_status run_epoch(pr_run *run, pr_progress *progress, bool *stop, pr_train_end *end)
{
    pr_trainer *const t = run->trainer;
    if (t->position.epoch_step == 0) {
        begin_epoch(t);
        PR_TRY(pr_run_log_plan(run));
    }
    while (t->position.epoch_step < t->steps_per_epoch && !*stop) {
        PR_TRY(one_step(run, progress, stop, end));
    }
    if (!*stop) {
        end_epoch(t);
    }
    return PR_OK;
}

static bool validates_now(const pr_run *run)
{
    const pr_trainer *const t = run->trainer;
    const int64_t every = run->request->options->eval.every_epochs;
    const bool is_last = t->position.stage_epoch >= t->stage_options->epochs;
    return run->val != NULL && (is_last || (every > 0 && t->position.stage_epoch % every == 0));
}

/* Epochs of the current stage from where the trainer stands. */
static pr_status run_stage(pr_run *run, bool *stop, pr_train_end *end)
{
    pr_trainer *const t = run->trainer;
    pr_progress progress;
    pr_progress_begin(&progress, t->stage->name, t->position.stage_step,
                      t->stage_options->epochs * t->steps_per_epoch);
    bool out_of_patience =
        t->stage_options->patience > 0 && run->head.n_bad_epochs >= t->stage_options->patience;
    while (t->position.stage_epoch < t->stage_options->epochs && !*stop && !out_of_patience) {
        PR_TRY(run_epoch(run, &progress, stop, end));
        if (t->position.epoch_step != 0) {
            break; /* stopped inside of the epoch, where its checkpoint was written */
        }
        if (validates_now(run)) {
            PR_TRY(pr_run_validate(run, &out_of_patience));
        }
        if (pr_run_leads(run)) {
            PR_TRY(pr_runlog_epoch(run->log, t, run->train));
        }
        PR_TRY(pr_run_checkpoint(run));
        if (!*stop && is_at_stop(run)) {
            *stop = true;
            *end = PR_TRAIN_STOPPED;
        }
    }
    pr_progress_end(&progress, t->position.stage_step);
    return PR_OK;
}

static void next_stage(pr_run *run)
{
    pr_position *const at = &run->trainer->position;
    at->stage++;
    at->stage_epoch = 0;
    at->stage_step = 0;
    at->epoch_step = 0;
    at->phase = 0;
    if (at->stage >= run->trainer->objective->n_stages) {
        return; /* the last stage's best is the run's */
    }
    run->head.best = NAN;
    run->head.best_step = -1;
    run->head.n_bad_epochs = 0;
    run->trainer->plateau = pr_plateau_start();
}

/* What a stage needs is printed once, before the first step: those that try_stages began are known. */
static pr_status begin_stage(pr_trainer *t, bool is_known)
{
    if (!is_known) {
        return pr_stage_begin(t, (int)t->position.stage);
    }
    const pr_log_level level = pr_log_set_level(PR_LOG_WARN);
    const pr_status status = pr_stage_begin(t, (int)t->position.stage);
    (void)pr_log_set_level(level);
    PR_TRY(status);
    pr_log_info("stage '%s' begins", t->stage->name);
    return PR_OK;
}

static pr_status run_stages(pr_run *run, const pr_image *image, bool resumed, pr_train_end *end)
{
    pr_trainer *const t = run->trainer;
    const int64_t first = t->position.stage;
    bool stop = is_at_stop(run);
    *end = stop ? PR_TRAIN_STOPPED : PR_TRAIN_DONE;
    while (t->position.stage < t->objective->n_stages && !stop) {
        PR_TRY(begin_stage(t, t->position.stage > first));
        const int64_t n_steps = t->steps_per_epoch * t->stage_options->epochs;
        run->n_later_steps -= t->position.stage > first ? n_steps : 0;
        if (resumed && t->position.stage_step > 0) {
            PR_TRY(pr_state_unpack(t, image, "checkpoint", true, NULL));
        }
        resumed = false;
        pr_replica_destroy(&run->replica);
        PR_TRY(pr_state_replica(t, &run->replica));
        run->n_bad = 0; /* the stage's feed begins to count */
        run->n_replaced = 0;
        if (pr_run_leads(run)) {
            PR_TRY(pr_runlog_start(run->log, t, run->head.config_hash, run->head.data_hash,
                                   t->position.step - t->position.stage_step + n_steps +
                                       run->n_later_steps));
        }
        PR_TRY(run_stage(run, &stop, end));
        if (t->position.stage_epoch >= t->stage_options->epochs || !stop) {
            PR_TRY(pr_run_select(run));
            pr_stage_end(t);
            next_stage(run);
            PR_TRY(pr_run_checkpoint(run));
        }
    }
    return PR_OK;
}

/*
 * Begins the stages that are still to come, and ends them: a stage that asks for too much memory, too
 * many ranks or a class that is not there is refused now, and not after days of the one before.
 */
static pr_status try_stages(pr_run *run)
{
    pr_trainer *const t = run->trainer;
    pr_status status = PR_OK;
    for (int s = (int)t->position.stage + 1; s < t->objective->n_stages && status == PR_OK; s++) {
        status = pr_stage_begin(t, s);
        if (status == PR_OK) {
            run->n_later_steps += t->steps_per_epoch * t->stage_options->epochs;
        }
        pr_stage_end(t);
    }
    return status;
}

static pr_status open_data(pr_run *run)
{
    const pr_train_options *const options = run->request->options;
    const pr_data_options *const data = &options->data;
    PR_TRY(pr_data_open(options, "data.train", data->train.at, data->train.n, NULL, NULL,
                        &run->train));
    if (options->eval.choose_on_test) {
        PR_REQUIRE(data->test.n > 0, PR_ERR_INVALID,
                   "eval.choose_on_test: true, but data.test names nothing");
        int64_t n = 0;
        const int64_t first = pr_data_test_find(options, data->test.names[0], &n);
        const pr_selection_options *const tests = data->test.at;
        pr_log_warn("the best checkpoint is chosen ON THE TEST DATA (eval.choose_on_test)");
        return pr_data_open(options, "data.test", tests + first, n, NULL, NULL, &run->val);
    }
    if (data->val.n > 0) {
        PR_TRY(pr_data_open(options, "data.val", data->val.at, data->val.n, NULL, NULL, &run->val));
    }
    return PR_OK;
}

/* A class that the objective needs and data.train has not. */
static pr_status check_classes(pr_run *run)
{
    const pr_objective *const objective = run->trainer->objective;
    int has = 0;
    for (int64_t i = 0; i < pr_samples_n(run->train); i++) {
        has |= pr_samples_at(run->train, i)->label == PR_FAKE ? PR_NEEDS_FAKE : PR_NEEDS_REAL;
    }
    const int missing = objective->needs & ~has;
    PR_REQUIRE(missing == 0, PR_ERR_INVALID, "objective '%s' needs %s, and data.train has none",
               objective->name, (missing & PR_NEEDS_REAL) != 0 ? "reals" : "fakes");
    return run->val == NULL
               ? PR_OK
               : pr_assess_views(run->trainer, run->val, &run->val_views, &run->n_val_views);
}

/* Both what is trained on and what the best is chosen on; folders may change, crops may not. */
static uint64_t data_hash(const pr_run *run)
{
    const uint64_t hashes[2] = {pr_data_hash(run->train),
                                run->val == NULL ? 0 : pr_data_hash(run->val)};
    return pr_hash64(hashes, sizeof(hashes), 0);
}

static pr_status write_config(pr_run *run)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, run->request->run_dir, "config.yaml"));
    return pr_fs_write(path, pr_text_chars(&run->config_text), run->config_text.n_chars);
}

static pr_status begin_trace(pr_run *run, bool resumed)
{
    const int64_t n_steps = run->request->n_trace_steps;
    if (n_steps == 0) {
        return PR_OK;
    }
    if (resumed) {
        pr_log_warn("--trace: this run goes on from a checkpoint; only its first start is traced");
        return PR_OK;
    }
    return pr_trace_begin(run->trainer, run->request->run_dir, pr_text_chars(&run->config_text),
                          n_steps);
}

static pr_status train(pr_run *run, pr_train_end *end)
{
    const pr_train_request *const request = run->request;
    pr_image image = {NULL, 0};
    bool resumed = false;
    PR_TRY(parse_stop_at(run));
    PR_TRY(pr_config_dump(request->config, &run->config_text));
    PR_TRY(pr_config_hash(request->config, &run->head.config_hash));
    PR_TRY(pr_comm_agree(request->comm, "data", open_data(run)));
    run->head.data_hash = data_hash(run);
    PR_TRY(pr_comm_same(request->comm, "data set", run->head.data_hash));
    PR_TRY(pr_trainer_create(request->options, run->train, request->comm, &run->trainer));
    run->head.model_hash = pr_state_model_hash(run->trainer->store);
    PR_TRY(pr_comm_agree(request->comm, "data", check_classes(run)));
    if (request->dry_run) {
        return pr_run_show_plan(run);
    }
    PR_TRY(pr_run_restore(run, &image, &resumed));
    pr_status status = try_stages(run);
    if (status == PR_OK && pr_run_leads(run)) {
        status = write_config(run);
        if (status == PR_OK) {
            status = pr_mark_remove(request->run_dir);
        }
        if (status == PR_OK) {
            status = pr_runlog_open(request->run_dir, &run->trainer->position,
                                    request->options->tensorboard, &run->log);
        }
    }
    status = pr_comm_agree(request->comm, "run directory", status);
    if (status == PR_OK) {
        status = pr_canned_check(run->trainer, &run->head.canned_hash);
    }
    if (status == PR_OK) {
        status = begin_trace(run, resumed);
    }
    if (status == PR_OK) {
        status = run_stages(run, &image, resumed, end);
    }
    if (status == PR_OK) {
        status = pr_trace_finish(run->trainer);
    }
    if (status == PR_OK && pr_run_leads(run)) {
        static const char *const why[] = {"done", "stopped", "signal"};
        status = pr_runlog_end(run->log, run->trainer, why[*end]);
        if (status == PR_OK && *end == PR_TRAIN_SIGNAL) {
            status = pr_mark_write(request->run_dir, run->trainer->position.step);
        }
    }
    pr_free(image.bytes);
    return status;
}

pr_status pr_train(const pr_train_request *request, pr_train_end *end)
{
    pr_run run = {.request = request, .written = {.step = -1}};
    run.head.best = NAN;
    run.head.best_step = -1;
    *end = PR_TRAIN_DONE;
    const pr_status status = train(&run, end);
    pr_runlog_close(&run.log);
    pr_replica_destroy(&run.replica);
    pr_trainer_destroy(&run.trainer);
    pr_samples_close(&run.train);
    pr_samples_close(&run.val);
    pr_free(run.val_views);
    pr_text_free(&run.config_text);
    return status;
}
