#include "trainer/schedule.h"

#include "engine/base/math.h"

#include <math.h>

const char *const pr_schedule_watch_words[] = {"metric", "loss", "local_loss", NULL};
const char *const pr_schedule_words[] = {"constant", "cosine", "linear", "step", "plateau", NULL};

static pr_status check(const pr_schedule_options *o, int64_t step, int64_t horizon)
{
    PR_REQUIRE(step >= 0 && horizon >= 1, PR_ERR_INVALID,
               "schedule: step %lld of a horizon of %lld, must be >= 0 of >= 1", (long long)step,
               (long long)horizon);
    PR_REQUIRE(o->warmup_steps >= 0 && o->warmup_steps < horizon, PR_ERR_INVALID,
               "schedule: %lld warm-up steps in a stage of %lld steps, must be fewer",
               (long long)o->warmup_steps, (long long)horizon);
    for (int64_t i = 1; i < o->milestones.n; i++) {
        PR_REQUIRE(o->milestones.at[i - 1] < o->milestones.at[i], PR_ERR_INVALID,
                   "schedule: milestone %g comes after %g, must ascend", o->milestones.at[i],
                   o->milestones.at[i - 1]);
    }
    return PR_OK;
}

pr_status pr_schedule_factor(const pr_schedule_options *options, int64_t step, int64_t horizon,
                             double *factor)
{
    const pr_schedule_options *o = options;
    PR_TRY(check(o, step, horizon));
    if (step < o->warmup_steps) {
        *factor = (double)(step + 1) / (double)o->warmup_steps;
        return PR_OK;
    }
    const int64_t last = step < horizon ? step : horizon;
    const double t = (double)(last - o->warmup_steps) / (double)(horizon - o->warmup_steps);
    double value = 1.0;
    switch ((pr_schedule_kind)o->kind) {
    case PR_SCHEDULE_COSINE:
        value = o->floor + (1.0 - o->floor) * 0.5 * (1.0 + pr_cos(PR_PI * t));
        break;
    case PR_SCHEDULE_LINEAR:
        value = o->floor + (1.0 - o->floor) * (1.0 - t);
        break;
    case PR_SCHEDULE_STEP:
        for (int64_t i = 0; i < o->milestones.n; i++) {
            if ((double)step >= o->milestones.at[i] * (double)horizon) {
                value *= o->gamma;
            }
        }
        break;
    case PR_SCHEDULE_CONSTANT:
    case PR_SCHEDULE_PLATEAU:
        break;
    }
    *factor = value;
    return PR_OK;
}

pr_plateau pr_plateau_start(void)
{
    return (pr_plateau){.factor = 1.0};
}

pr_status pr_plateau_update(pr_plateau *plateau, const pr_schedule_options *options, double result,
                            bool more_is_better, bool *fell)
{
    PR_REQUIRE(isfinite(result), PR_ERR_NUMERIC,
               "plateau: the validation result is %g, must be finite", result);
    double edge =
        plateau->best * (more_is_better ? 1.0 + options->threshold : 1.0 - options->threshold);
    if (plateau->best < 0.0) {
        edge =
            plateau->best * (more_is_better ? 1.0 - options->threshold : 1.0 + options->threshold);
    }
    const bool better = plateau->n_seen == 0 || (more_is_better ? result > edge : result < edge);
    plateau->n_seen++;
    if (better) {
        plateau->best = result;
        plateau->n_bad = 0;
    } else {
        plateau->n_bad++;
    }
    if (plateau->n_cooling > 0) {
        plateau->n_cooling--;
        plateau->n_bad = 0;
    }
    *fell = plateau->n_bad > options->patience;
    if (*fell) {
        plateau->factor *= options->gamma;
        plateau->n_cooling = options->cooldown;
        plateau->n_bad = 0;
    }
    return PR_OK;
}
