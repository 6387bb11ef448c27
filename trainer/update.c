#include "trainer/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* running = (1 - momentum) running + momentum mean, the mean being over the micro-batches. */
static void take_in(const pr_store_entry *entry, const void *sum, double momentum, int64_t n_micro)
{
    const int64_t n = pr_shape_n(&entry->desc.shape);
    const pr_tensor running = {entry->desc.dtype, entry->desc.shape, entry->data};
    const size_t offset_bytes = (size_t)entry->offset * pr_dtype_bytes(entry->desc.dtype);
    const pr_tensor total = pr_tensor_over(entry->desc, (const char *)sum + offset_bytes);
    for (int64_t i = 0; i < n; i++) {
        const double mean = pr_tensor_get(&total, i) / (double)n_micro;
        const double before = pr_tensor_get(&running, i);
        pr_tensor_set(&running, i, (1.0 - momentum) * before + momentum * mean);
    }
}

static void update_statistics(pr_trainer *t, const pr_phase_run *run, const void *sum)
{
    for (int i = 0; run->phase->mode == PR_MODE_TRAIN && i < pr_store_n(t->store); i++) {
        const pr_store_entry *const entry = pr_store_at(t->store, i);
        if (entry->kind == PR_VALUE_BUFFER && pr_plan_writes(run->model_plan, i)) {
            take_in(entry, sum, t->options->model.bn_momentum, t->n_micro);
        }
    }
}

/* The optimizer knows which tensor is not finite; when, and of which term, is known here. */
static pr_status name_step(const pr_trainer *t, const pr_phase_run *run, pr_status status)
{
    char text[512];
    if (status == PR_ERR_NUMERIC) {
        (void)snprintf(text, sizeof(text), "step %" PRId64 ", '%s': %s", t->position.step,
                       run->phase->name, pr_error_message());
        pr_error_clear();
        pr_error_adopt(text);
    }
    return status;
}

pr_status pr_update(pr_trainer *t, const pr_phase_run *run, const void *sum, pr_step_report *report)
{
    pr_optimizer_set_phase(t->optimizer, run->number);
    const int64_t horizon = t->stage_options->epochs * t->steps_per_epoch;
    double factor = 1.0;
    PR_TRY(
        pr_schedule_factor(&t->stage_options->schedule, t->position.stage_step, horizon, &factor));
    report->lr = t->stage_options->optim.lr * factor * t->plateau.factor;
    PR_TRY(name_step(
        t, run, pr_optimizer_step(t->optimizer, t->team, sum, report->lr, &report->grad_norm)));
    update_statistics(t, run, sum);
    return PR_OK;
}
