/* DCL's frame shift and mix-up: what a view of the plan shows in the end. */
#include "engine/base/draw.h"
#include "sampler/plan.h"

/* Numbers of the draws of a view, under PR_FOR_VARY. */
enum { DRAW_SHIFT = 0, DRAW_FRAME = 1, DRAW_MIXUP = 2 };

static bool chance(const pr_draw_key *key, uint32_t number, double prob)
{
    return prob > 0.0 && pr_draw_uniform(key, number) < prob;
}

pr__shown pr__plan_shown(const pr_sampler *sampler, int64_t number, uint16_t view, int label,
                         int64_t sample)
{
    const pr_sampler_options *const options = &sampler->options;
    const pr__table *const table = &sampler->table;
    const pr_draw_key key = {.seed = options->seed,
                             .epoch = (uint32_t)sampler->epoch,
                             .place = (uint32_t)number,
                             .view = view,
                             .purpose = PR_FOR_VARY};
    pr__shown shown = {.sample = sample, .real = -1};

    if (chance(&key, DRAW_SHIFT, options->frame_shift_prob)) {
        const int64_t n_frames = pr__groups_n_others(&table->clip, sample);
        shown.shifted = n_frames > 0;
        shown.not_shifted = n_frames == 0;
        if (n_frames > 0) {
            shown.sample =
                pr__groups_other(&table->clip, sample, pr_draw_below(&key, DRAW_FRAME, n_frames));
        }
    }
    if (label == PR_FAKE && chance(&key, DRAW_MIXUP, options->mixup_prob)) {
        shown.real = table->aligned[shown.sample];
    }
    return shown;
}
