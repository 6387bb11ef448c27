#include "trainer/optimizer_internal.h"

#include "engine/base/math.h"
#include "engine/base/tree.h"

#include <math.h>

static char *at(const pr_optimizer *optimizer, void *arena, const pr__chunk *chunk)
{
    const size_t n_bytes = pr_dtype_bytes(optimizer->real);
    return arena == NULL ? NULL
                         : (char *)arena + (size_t)(chunk->entry->offset + chunk->first) * n_bytes;
}

static const char *grad_at(const pr_optimizer *optimizer, const void *grad, const pr__chunk *chunk)
{
    const size_t n_bytes = pr_dtype_bytes(optimizer->real);
    return (const char *)grad + (size_t)(chunk->entry->offset + chunk->first) * n_bytes;
}

void pr_optimizer_norm_chunk(pr_optimizer *optimizer, const void *grad, int64_t chunk)
{
    const pr__chunk *c = &optimizer->chunks[chunk];
    if (optimizer->groups[c->group].active) {
        optimizer->squares[chunk] =
            pr__sum_squares(optimizer->real, grad_at(optimizer, grad, c), c->n);
    }
}

/* The tree is over the chunks that step, in the order of the store. */
static pr_status find_norm(pr_optimizer *optimizer, double *norm)
{
    int64_t n = 0;
    for (int64_t i = 0; i < optimizer->n_chunks; i++) {
        if (optimizer->groups[optimizer->chunks[i].group].active) {
            optimizer->summed[n++] = optimizer->squares[i];
        }
    }
    const double found = sqrt(pr_tree_sum(optimizer->summed, n));
    for (int64_t i = 0; !isfinite(found) && i < optimizer->n_chunks; i++) {
        const pr__chunk *c = &optimizer->chunks[i];
        PR_REQUIRE(!optimizer->groups[c->group].active || isfinite(optimizer->squares[i]),
                   PR_ERR_NUMERIC,
                   "the gradient of '%s' is not finite (elements %lld to %lld of its tensor)",
                   c->entry->name, (long long)c->first, (long long)(c->first + c->n - 1));
    }
    PR_REQUIRE(isfinite(found), PR_ERR_NUMERIC, "the norm of the gradient is %g", found);
    *norm = found;
    return PR_OK;
}

pr_status pr_optimizer_begin(pr_optimizer *optimizer, double rate, double *grad_norm)
{
    PR_REQUIRE(isfinite(rate) && rate >= 0.0, PR_ERR_INVALID,
               "optimizer: the rate of a step is %g, must be >= 0", rate);
    double norm = 0.0;
    PR_TRY(find_norm(optimizer, &norm));
    const pr_optim_options *o = &optimizer->options;
    optimizer->rate = rate;
    optimizer->clip = 1.0;
    if (o->clip_norm > 0.0 && o->clip_norm / (norm + 1e-6) < 1.0) {
        optimizer->clip = o->clip_norm / (norm + 1e-6); /* the 1e-6 is PyTorch's */
    }
    for (int g = 0; g < optimizer->n_groups; g++) {
        pr__group *group = &optimizer->groups[g];
        if (group->active) {
            group->n_steps++;
            const double t = (double)group->n_steps;
            group->correction1 = 1.0 - pr_pow(o->beta1, t);
            group->correction2_root = sqrt(1.0 - pr_pow(o->beta2, t));
        }
    }
    *grad_norm = norm;
    return PR_OK;
}

void pr_optimizer_step_chunk(pr_optimizer *optimizer, const void *grad, int64_t chunk)
{
    const pr__chunk *c = &optimizer->chunks[chunk];
    const pr__group *group = &optimizer->groups[c->group];
    if (!group->active) {
        return;
    }
    const bool decays = optimizer->options.decay_norm_bias || c->entry->desc.shape.n_dims > 1;
    const pr__update update = {
        .options = &optimizer->options,
        .param = at(optimizer, pr_store_arena(optimizer->store), c),
        .first = at(optimizer, optimizer->first, c),
        .second = at(optimizer, optimizer->second, c),
        .grad = grad_at(optimizer, grad, c),
        .n = c->n,
        .rate = optimizer->rate * group->rate_factor,
        .decay = decays ? group->weight_decay : 0.0,
        .clip = optimizer->clip,
        .correction1 = group->correction1,
        .correction2_root = group->correction2_root,
    };
    pr__update_run(optimizer->real, &update);
}

/* A task is a run of chunks: one chunk of 4096 elements is too little to hand out. */
enum { CHUNKS_PER_TASK = 64 };

typedef struct step_call {
    pr_optimizer *optimizer;
    const void *grad;
    void (*fn)(pr_optimizer *optimizer, const void *grad, int64_t chunk);
} step_call;

static pr_status run_task(void *ctx, int64_t task)
{
    const step_call *call = ctx;
    const int64_t first = task * CHUNKS_PER_TASK;
    for (int64_t i = first;
         i < first + CHUNKS_PER_TASK && i < pr_optimizer_n_chunks(call->optimizer); i++) {
        call->fn(call->optimizer, call->grad, i);
    }
    return PR_OK;
}

static pr_status run_all(pr_team *team, step_call *call)
{
    const int64_t n_tasks =
        (pr_optimizer_n_chunks(call->optimizer) + CHUNKS_PER_TASK - 1) / CHUNKS_PER_TASK;
    if (team != NULL) {
        return pr_team_run(team, run_task, call, n_tasks);
    }
    for (int64_t task = 0; task < n_tasks; task++) {
        PR_TRY(run_task(call, task));
    }
    return PR_OK;
}

pr_status pr_optimizer_step(pr_optimizer *optimizer, pr_team *team, const void *grad, double rate,
                            double *grad_norm)
{
    step_call call = {optimizer, grad, pr_optimizer_norm_chunk};
    PR_TRY(run_all(team, &call));
    PR_TRY(pr_optimizer_begin(optimizer, rate, grad_norm));
    call.fn = pr_optimizer_step_chunk;
    return run_all(team, &call);
}
