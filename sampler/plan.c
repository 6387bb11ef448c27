#include "sampler/plan.h"

#include "engine/base/draw.h"

/* Draws of an item: what one is for, and its number under that purpose. */
enum { DRAW_RELATION = 0, DRAW_MEMBER = 1 };

static int64_t n_mates_of(const pr_sampler *sampler, int64_t anchor, int level)
{
    const pr__table *const table = &sampler->table;
    int64_t n_semantic[2];

    switch (level) {
    case PR_LEVEL_INSTANCE:
        return 1;
    case PR_LEVEL_TEMPORAL:
        return table->neighbour[anchor] >= 0 ? 1 : 0;
    case PR_LEVEL_SEMANTIC:
        pr__table_n_semantic(table, anchor, n_semantic);
        return n_semantic[0] + n_semantic[1];
    case PR_LEVEL_CLASS:
        return table->n_pool[table->label[anchor]] - 1;
    default:
        return 0;
    }
}

/* R2: uniform over the levels that the anchor has. */
static int draw_uniform_level(const pr_sampler *sampler, int64_t anchor, const pr_draw_key *key)
{
    int available[PR_LEVEL_COUNT];
    int n_available = 0;

    for (int level = PR_LEVEL_INSTANCE; level <= (int)sampler->options.pairing; level++) {
        if (n_mates_of(sampler, anchor, level) > 0) {
            available[n_available++] = level;
        }
    }
    return available[pr_draw_below(key, 0, n_available)];
}

static int draw_weighted_level(const pr_sampler *sampler, const pr_draw_key *key)
{
    const double u = pr_draw_uniform(key, 0);
    double below = 0.0;
    int drawn = PR_LEVEL_INSTANCE;

    for (int level = PR_LEVEL_INSTANCE; level <= (int)sampler->options.pairing; level++) {
        /* The last level with a probability takes what rounding leaves of the sum. */
        if (sampler->level_probs[level] > 0.0) {
            drawn = level;
        }
        below += sampler->level_probs[level];
        if (u < below) {
            break;
        }
    }
    return drawn;
}

/*
 * A semantic mate: first by what it is related (background or face, equally often where there are
 * both), then which of those samples.
 */
static int64_t draw_semantic(const pr__table *table, int64_t anchor, const pr_draw_key *key)
{
    int64_t n_semantic[2];

    pr__table_n_semantic(table, anchor, n_semantic);
    int64_t relation = n_semantic[0] > 0 ? 0 : 1;
    if (n_semantic[0] > 0 && n_semantic[1] > 0) {
        relation = pr_draw_below(key, DRAW_RELATION, 2);
    }
    const pr__groups *const groups = relation == 0 ? &table->background : &table->face;
    return pr__groups_other(groups, anchor, pr_draw_below(key, DRAW_MEMBER, n_semantic[relation]));
}

static int64_t draw_mate(const pr_sampler *sampler, int64_t anchor, int level,
                         const pr_draw_key *key)
{
    const pr__table *const table = &sampler->table;
    const unsigned label = table->label[anchor];

    switch (level) {
    case PR_LEVEL_TEMPORAL:
        return table->neighbour[anchor];
    case PR_LEVEL_SEMANTIC:
        return draw_semantic(table, anchor, key);
    case PR_LEVEL_CLASS: {
        const int64_t i = pr_draw_below(key, DRAW_MEMBER, table->n_pool[label] - 1);
        return table->pool[label][i < table->place_in_pool[anchor] ? i : i + 1];
    }
    default:
        return anchor;
    }
}

static void pair_up(const pr_sampler *sampler, int64_t number, pr__item *item)
{
    pr_draw_key key = {.seed = sampler->options.seed,
                       .epoch = (uint32_t)sampler->epoch,
                       .place = (uint32_t)number,
                       .view = 1,
                       .purpose = PR_FOR_LEVEL};
    const bool weighted = sampler->level_probs[PR_LEVEL_NONE] > 0.0;
    int level = weighted ? draw_weighted_level(sampler, &key)
                         : draw_uniform_level(sampler, item->anchor, &key);

    while (n_mates_of(sampler, item->anchor, level) == 0) {
        level--;
        item->fell_back = true;
    }
    key.purpose = PR_FOR_MATE;
    item->level = (uint8_t)level;
    item->mate = draw_mate(sampler, item->anchor, level, &key);
}

/*
 * Reals by their own pool, forged views by the other. In the control experiment a sample is forged or
 * not by a coin of its own, the same in every epoch, whatever its label.
 */
static void make_up(const pr_sampler *sampler, int64_t number, int64_t turn, pr__item *item)
{
    const pr_sampler_options *const options = &sampler->options;
    const pr_draw_key key = {
        .seed = options->seed, .epoch = (uint32_t)sampler->epoch, .place = (uint32_t)number};
    bool forged = item->label == PR_FAKE;
    if (options->shuffle_labels) {
        const pr_draw_key coin = {.seed = options->seed,
                                  .place = (uint32_t)item->anchor,
                                  .view = (uint16_t)item->label,
                                  .purpose = PR_FOR_LABELS};
        forged = pr_draw_below(&coin, 0, 2) == 1;
    }
    item->making = pr__generated_make(sampler->donors, options, &key, item->anchor, forged, turn);
}

pr__item pr__plan_item(const pr_sampler *sampler, int64_t item)
{
    const int64_t n_reals = item * sampler->share_real / sampler->share_all;
    const bool real = (item + 1) * sampler->share_real / sampler->share_all > n_reals;
    const int label = real ? PR_REAL : PR_FAKE;
    pr__item planned = {.anchor = sampler->order[label][real ? n_reals : item - n_reals],
                        .mate = -1,
                        .label = (int8_t)label,
                        .making = {.generator = PR_GEN_NONE, .donor = -1}};

    planned.shown[0] = pr__plan_shown(sampler, item, 0, label, planned.anchor);
    if (sampler->options.views_per_item > 1) {
        pair_up(sampler, item, &planned);
        planned.shown[1] = pr__plan_shown(sampler, item, 1, label, planned.mate);
    }
    if (sampler->donors != NULL) {
        const int64_t n_shown = sampler->n_steps * sampler->options.items_per_batch / 2;
        make_up(sampler, item, sampler->epoch * n_shown + item - n_reals, &planned);
    }
    return planned;
}
