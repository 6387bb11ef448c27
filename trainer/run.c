#include "trainer/run.h"

#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "models/weights.h"
#include "trainer/assess.h"
#include "trainer/state.h"
#include "trainer/val_loss.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

pr_status pr_run_share(pr_run *run, pr_image *image)
{
    pr_comm *const comm = run->request->comm;
    int64_t n_bytes = (int64_t)image->n_bytes;
    PR_TRY(pr_comm_broadcast(comm, "checkpoint size", &n_bytes, sizeof(n_bytes), 0));
    pr_status status = PR_OK;
    if (!pr_run_leads(run)) {
        image->n_bytes = (size_t)n_bytes;
        image->bytes = n_bytes == 0 ? NULL : pr_calloc(n_bytes, 1);
        if (n_bytes > 0 && image->bytes == NULL) {
            status = PR_FAIL(PR_ERR_NOMEM, "no memory for a checkpoint of %lld bytes",
                             (long long)n_bytes);
        }
    }
    PR_TRY(pr_comm_agree(comm, "checkpoint memory", status));
    if (n_bytes == 0) {
        return PR_OK;
    }
    return pr_comm_broadcast(comm, "checkpoint", image->bytes, image->n_bytes, 0);
}

static const char *told(const char *value)
{
    return value == NULL ? "nothing" : value;
}

/* The config text of IMAGE against this run's: the first key that a resume may not change. */
static pr_status compare_config(const pr_run *run, const pr_image *image, const char *path)
{
    char *text = NULL;
    pr_settings *settings = NULL;
    pr_config *before = NULL;
    pr_train_options *options = pr_calloc(1, sizeof(*options));
    PR_REQUIRE(options != NULL, PR_ERR_NOMEM, "no memory to compare configs");
    pr_config_schema schema = {.n_modules = 0};
    pr_status status = pr_checkpoint_config(image, path, &text);
    if (status == PR_OK) {
        status = pr_settings_create(&settings);
    }
    if (status == PR_OK) {
        status = pr_settings_add_yaml(settings, path, text, strlen(text));
    }
    if (status == PR_OK) {
        status = pr_train_options_register(&schema, options);
    }
    if (status == PR_OK) {
        status = pr_config_apply(&schema, settings, &before);
    }
    if (status == PR_OK) {
        pr_config_change change = {NULL, NULL, NULL};
        pr_config_compare(before, run->request->config, &change);
        if (change.key != NULL) {
            status = PR_FAIL(PR_ERR_INVALID,
                             "%s was made with %s = %s and this start has %s = %s: a resume may "
                             "not change it (another --run makes a new run)",
                             run->request->run_dir, change.key, told(change.before), change.key,
                             told(change.now));
        }
    }
    pr_config_destroy(&before);
    pr_settings_destroy(&settings);
    pr_free(text);
    pr_free(options);
    return status;
}

static pr_status take_checkpoint(pr_run *run, const pr_image *image, const char *path)
{
    pr_trainer *const t = run->trainer;
    pr_checkpoint_head head;
    PR_TRY(compare_config(run, image, path));
    PR_TRY(pr_state_unpack(t, image, path, false, &head));
    PR_REQUIRE(head.data_hash == run->head.data_hash, PR_ERR_INVALID,
               "%s was trained on other data (hash %016" PRIx64 ", now %016" PRIx64
               "): crops, labels or selections have changed",
               path, head.data_hash, run->head.data_hash);
    t->position = head.position;
    const uint64_t config_hash = run->head.config_hash;
    run->head = head;
    run->head.config_hash = config_hash;
    run->written = head.position;
    pr_log_info("going on from %s: epoch %" PRId64 ", step %" PRId64, path, head.position.epoch,
                head.position.step);
    return PR_OK;
}

pr_status pr_run_restore(pr_run *run, pr_image *image, bool *resumed)
{
    char path[PR_PATH_BYTES] = "";
    pr_status status = PR_OK;
    int n_damaged = 0;
    if (pr_run_leads(run)) {
        status = pr_checkpoint_newest(run->request->run_dir, image, path, sizeof(path), &n_damaged);
    }
    PR_TRY(pr_comm_agree(run->request->comm, "checkpoint", status));
    PR_TRY(pr_run_share(run, image));
    PR_TRY(pr_comm_broadcast(run->request->comm, "checkpoint path", path, sizeof(path), 0));
    *resumed = image->bytes != NULL;
    if (*resumed) {
        return pr_comm_agree(run->request->comm, "checkpoint", take_checkpoint(run, image, path));
    }
    return pr_run_init_weights(run);
}

static bool ends_with(const char *text, const char *tail)
{
    const size_t n = strlen(text);
    const size_t n_tail = strlen(tail);
    return n >= n_tail && strcmp(text + n - n_tail, tail) == 0;
}

/* A safetensors file: every rank reads it. */
static pr_status init_from_safetensors(pr_run *run, const char *path)
{
    const pr_weights_options options = {"backbone.", false,
                                        run->request->options->model.init_partial};
    pr_weights_report *report = NULL;
    PR_TRY(pr_weights_load(path, run->trainer->store, &options, &report));
    pr_log_info("weights of %s: %d matched, %d reshaped, %d skipped, %d missing", path,
                report->n[PR_WEIGHT_MATCHED], report->n[PR_WEIGHT_RESHAPED],
                report->n[PR_WEIGHT_SKIPPED], report->n[PR_WEIGHT_MISSING]);
    pr_weights_report_destroy(&report);
    return PR_OK;
}

/* Rank 0 reads a checkpoint, or a run's newest one. */
static pr_status read_init(const char *path, pr_image *image, char *found, size_t n_found)
{
    if (!pr_fs_is_folder(path)) {
        (void)snprintf(found, n_found, "%s", path);
        return pr_checkpoint_read(path, image);
    }
    int n_damaged = 0;
    PR_TRY(pr_checkpoint_newest(path, image, found, n_found, &n_damaged));
    PR_REQUIRE(image->bytes != NULL, PR_ERR_INVALID, "model.init: %s has no checkpoint", path);
    return PR_OK;
}

static pr_status init_from_checkpoint(pr_run *run, const char *path)
{
    pr_image image = {NULL, 0};
    char found[PR_PATH_BYTES] = "";
    pr_status status = PR_OK;
    if (pr_run_leads(run)) {
        status = read_init(path, &image, found, sizeof(found));
    }
    PR_TRY(pr_comm_agree(run->request->comm, "model.init", status));
    PR_TRY(pr_run_share(run, &image));
    int n_tensors = 0;
    status = pr_state_unpack_weights(run->trainer->store, &image, path, &n_tensors);
    if (status == PR_OK && n_tensors == 0) {
        status = PR_FAIL(PR_ERR_INVALID, "model.init: %s has no tensor of this model", path);
    }
    pr_free(image.bytes);
    PR_TRY(status);
    pr_log_info("model.init: %d of %d tensors from %s", n_tensors, pr_store_n(run->trainer->store),
                found);
    return PR_OK;
}

pr_status pr_run_init_weights(pr_run *run)
{
    const char *const init = run->request->options->model.init;
    if (strcmp(init, "random") == 0) {
        pr_log_info("model.init: random weights from seed %" PRId64, run->request->options->seed);
        return PR_OK;
    }
    /* Any file but a checkpoint: its reader says of what kind it is where it is not its own. */
    bool is_weights = !ends_with(init, ".h5") && !pr_fs_is_folder(init);
    PR_TRY(pr_comm_broadcast(run->request->comm, "model.init", &is_weights, sizeof(is_weights), 0));
    if (is_weights) {
        return pr_comm_agree(run->request->comm, "model.init", init_from_safetensors(run, init));
    }
    return init_from_checkpoint(run, init);
}

pr_status pr_run_checkpoint(pr_run *run)
{
    const pr_trainer *const t = run->trainer;
    if (memcmp(&run->written, &t->position, sizeof(t->position)) == 0) {
        return PR_OK;
    }
    run->head.position = t->position;
    run->written = t->position;
    if (!pr_run_leads(run)) {
        return PR_OK;
    }
    pr_image image = {NULL, 0};
    PR_TRY(pr_state_pack(t, &run->head, pr_text_chars(&run->config_text), &image));
    const pr_status status =
        pr_checkpoint_write(run->request->run_dir, t->position.step, &image,
                            (int)run->request->options->keep, run->head.best_step);
    pr_free(image.bytes);
    return status;
}

/* The stage's metric: of P(fake), or of the distance from the real centre under its own name. */
static const char *metric_name(const pr_run *run)
{
    return run->request->options->eval.metric;
}

/* What the plateau watches, where that is not the metric itself. */
static pr_status watch_loss(pr_run *run, double *value, bool *more)
{
    pr_trainer *const t = run->trainer;
    pr_val_loss loss;
    PR_TRY(pr_val_loss_run(t, run->val, &loss));
    *value = t->stage_options->schedule.watch == PR_WATCH_LOSS ? loss.total : loss.local;
    *more = false;
    pr_log_info("epoch %" PRId64 ", step %" PRId64 ": val loss %.4f, local terms %.4f over %" PRId64
                " batches",
                t->position.epoch, t->position.step, loss.total, loss.local, loss.n_batches);
    return pr_run_leads(run) ? pr_runlog_val_loss(run->log, t, &loss) : PR_OK;
}

static pr_status update_plateau(pr_run *run, double value, bool more)
{
    pr_trainer *const t = run->trainer;
    bool fell = false;
    if (t->stage_options->schedule.kind != PR_SCHEDULE_PLATEAU) {
        return PR_OK;
    }
    if (t->stage_options->schedule.watch != PR_WATCH_METRIC) {
        PR_TRY(watch_loss(run, &value, &more));
    }
    return isfinite(value)
               ? pr_plateau_update(&t->plateau, &t->stage_options->schedule, value, more, &fell)
               : PR_OK;
}

static pr_status judge(pr_run *run, const pr_metrics *metrics, bool *stop)
{
    pr_trainer *const t = run->trainer;
    const char *const name = metric_name(run);
    double value = NAN;
    PR_TRY(pr_metric_get(metrics, name, &value));
    const bool more = pr_metric_more_is_better(name);
    const bool is_first = isnan(run->head.best);
    const bool is_best =
        !isnan(value) && (is_first || (more ? value > run->head.best : value < run->head.best));
    if (is_best) {
        run->head.best = value;
        run->head.best_step = t->position.step;
        run->head.n_bad_epochs = 0;
    } else {
        run->head.n_bad_epochs++;
    }
    *stop = t->stage_options->patience > 0 && run->head.n_bad_epochs >= t->stage_options->patience;
    PR_TRY(update_plateau(run, value, more));
    pr_log_info("epoch %" PRId64 ", step %" PRId64 ": %s %s%s = %.4f%s", t->position.epoch,
                t->position.step, run->request->options->eval.choose_on_test ? "TEST" : "val",
                t->stage->classifies ? "" : "centre ", name, value, is_best ? " (best)" : "");
    if (!pr_run_leads(run)) {
        return PR_OK;
    }
    char label[96];
    (void)snprintf(label, sizeof(label), "%s%s", t->stage->classifies ? "" : "centre.", name);
    return pr_runlog_eval(run->log, t, run->request->options->eval.choose_on_test ? "test" : "val",
                          label, value, is_best, metrics);
}

/*
 * Every rank has the same scores and judges the same: no number is broadcast because none can
 * differ.
 */
static pr_status val_metrics(pr_run *run, pr_metrics **out)
{
    pr_trainer *const t = run->trainer;
    pr_eval_scores scores;
    if (run->n_val_views > 0) {
        return pr_assess_view_metrics(t, t->stage, run->val, run->val_views, run->n_val_views, out);
    }
    PR_TRY(pr_assess_scores(t, t->stage, run->val, PR_PERTURB_NONE, 0.0, false, &scores));
    const pr_status status = pr_assess_metrics(run->request->options, run->val, &scores,
                                               run->request->options->eval.threshold, out);
    pr_eval_scores_free(&scores);
    return status;
}

pr_status pr_run_validate(pr_run *run, bool *stop)
{
    pr_metrics *metrics = NULL;
    pr_status status = val_metrics(run, &metrics);
    if (status == PR_OK) {
        status = judge(run, metrics, stop);
    }
    pr_metrics_destroy(&metrics);
    return status;
}

pr_status pr_run_select(pr_run *run)
{
    pr_trainer *const t = run->trainer;
    if (t->stage_options->select != PR_SELECT_BEST || run->head.best_step < 0 ||
        run->head.best_step == t->position.step) {
        return PR_OK;
    }
    char path[PR_PATH_BYTES];
    PR_TRY(pr_checkpoint_path(path, run->request->run_dir, run->head.best_step));
    pr_log_info("stage '%s' hands on the parameters of step %" PRId64, t->stage->name,
                run->head.best_step);
    return init_from_checkpoint(run, path);
}

/* The tensors of a checkpoint, as the trainer stands: its file is little larger. */
static int64_t checkpoint_bytes(const pr_trainer *t)
{
    int64_t n = pr_store_arena_n(t->store) * (int64_t)pr_dtype_bytes(t->real);
    for (int i = 0; i < pr_optimizer_n_states(t->optimizer); i++) {
        n += (int64_t)pr_desc_bytes(&pr_optimizer_state_at(t->optimizer, i)->desc);
    }
    return n;
}

pr_status pr_run_show_plan(pr_run *run)
{
    enum { N_ROWS_SHOWN = 8 };
    static const char *const levels[PR_LEVEL_COUNT] = {"anchor", "instance", "temporal", "semantic",
                                                       "class"};
    pr_trainer *const t = run->trainer;
    int64_t n_steps = 0;
    int64_t n_epochs = 0;
    int64_t n_bytes = 0;
    pr_log_print("%s", pr_text_chars(&run->config_text));
    pr_log_print("# training samples: %" PRId64 ", hash %016" PRIx64 "; config hash %016" PRIx64
                 "\n",
                 pr_samples_n(run->train), run->head.data_hash, run->head.config_hash);
    for (int s = 0; s < t->objective->n_stages; s++) {
        PR_TRY(pr_stage_begin(t, s));
        n_epochs += t->stage_options->epochs;
        n_steps += t->stage_options->epochs * t->steps_per_epoch;
        const int64_t n_stage_bytes = checkpoint_bytes(t);
        n_bytes = n_stage_bytes > n_bytes ? n_stage_bytes : n_bytes;
        pr_feed_batch batch;
        PR_TRY(pr_feed_next(t->phases[0].feed, &batch));
        for (int64_t row = 0; row < t->phases[0].n_views && row < N_ROWS_SHOWN; row++) {
            char name[256];
            const pr_view *const view = &batch.views[row];
            pr_log_print("# stage %s, step 0, row %" PRId64 ": item %" PRIu32
                         " view %d, %s, %s, %s\n",
                         t->stage->name, row, view->place, (int)view->view,
                         view->label == PR_FAKE ? "fake" : "real", levels[view->level],
                         pr_samples_name(run->train, view->sample, name, sizeof(name)));
        }
    }
    pr_log_print("# the whole run: %" PRId64 " steps in %" PRId64 " epochs; a checkpoint: %" PRId64
                 " bytes\n",
                 n_steps, n_epochs, n_bytes);
    return PR_OK;
}
