#include "sampler/plan.h"

#include <string.h>

static void show(pr_sampler *sampler, int64_t sample)
{
    const pr__table *const table = &sampler->table;

    sampler->n_shown[sample]++;
    sampler->video_shown[table->video[sample]] = 1;
    for (int i = 0; i < 2; i++) {
        if (table->person[i][sample] >= 0) {
            sampler->person_shown[table->person[i][sample]] = 1;
        }
    }
}

static void count_shown(const pr_sampler *sampler, pr_sampler_stats *stats)
{
    const int64_t n = sampler->table.n;

    for (int64_t i = 0; i < n; i++) {
        stats->n_samples += sampler->n_shown[i] > 0;
        stats->n_videos += sampler->video_shown[i];
        stats->n_identities += sampler->person_shown[i] + sampler->person_shown[n + i];
        if (sampler->n_shown[i] > stats->max_repeats) {
            stats->max_repeats = sampler->n_shown[i];
        }
    }
}

static void count_view(const pr_sampler *sampler, const pr__shown *shown, const pr__item *item,
                       pr_sampler_stats *stats)
{
    /* What is forged in memory has no real that it could be aligned with: it is made of one. */
    const bool fake = item->label == PR_FAKE && item->making.generator == PR_GEN_NONE;

    stats->n_shifted += shown->shifted;
    stats->n_not_shifted += shown->not_shifted;
    stats->n_mixed += shown->real >= 0;
    stats->n_fake_views += fake;
    stats->n_unaligned += fake && sampler->table.aligned[shown->sample] < 0;
}

pr_status pr_sampler_stats_get(pr_sampler *sampler, pr_sampler_stats *out)
{
    const int64_t n = sampler->table.n;

    PR_REQUIRE(sampler->epoch >= 0, PR_ERR_INVALID,
               "sampler: statistics before any epoch was begun");
    if (sampler->stats_epoch != sampler->epoch) {
        pr_sampler_stats stats = {.n_steps = sampler->n_steps};

        stats.n_items = sampler->n_steps * sampler->options.items_per_batch;
        stats.n_left_out = sampler->n_pass - stats.n_items;
        memset(sampler->n_shown, 0, (size_t)n * sizeof(*sampler->n_shown));
        memset(sampler->video_shown, 0, (size_t)n);
        memset(sampler->person_shown, 0, 2 * (size_t)n);
        for (int64_t i = 0; i < stats.n_items; i++) {
            const pr__item item = pr__plan_item(sampler, i);
            stats.items_by_label[item.label]++;
            stats.views_by_level[PR_LEVEL_NONE]++;
            if (item.making.generator == PR_GEN_XP) {
                stats.n_xp++;
            } else if (item.making.generator != PR_GEN_NONE) {
                stats.n_generated++;
                stats.by_category[item.making.category]++;
            }
            show(sampler, item.shown[0].sample);
            count_view(sampler, &item.shown[0], &item, &stats);
            if (item.mate >= 0) {
                stats.views_by_level[item.level]++;
                stats.n_fallback += item.fell_back;
                count_view(sampler, &item.shown[1], &item, &stats);
            }
            /* An instance mate is the anchor's own crop: the item shows it once. */
            if (item.mate >= 0 && item.shown[1].sample != item.shown[0].sample) {
                show(sampler, item.shown[1].sample);
            }
        }
        count_shown(sampler, &stats);
        sampler->stats = stats;
        sampler->stats_epoch = sampler->epoch;
    }
    *out = sampler->stats;
    return PR_OK;
}

/* FNV-1a over the bytes of X, lowest first: it does not know the machine's byte order. */
static uint64_t mix(uint64_t hash, uint64_t x)
{
    for (int i = 0; i < 8; i++) {
        hash = (hash ^ (x >> (8 * i) & 0xff)) * 0x100000001b3U;
    }
    return hash;
}

pr_status pr_sampler_hash(pr_sampler *sampler, uint64_t *out)
{
    uint64_t hash = 0xcbf29ce484222325U;
    const bool varies =
        sampler->options.frame_shift_prob > 0.0 || sampler->options.mixup_prob > 0.0;

    PR_REQUIRE(sampler->epoch >= 0, PR_ERR_INVALID, "sampler: a hash before any epoch was begun");
    for (int64_t i = 0; i < sampler->n_steps * sampler->options.items_per_batch; i++) {
        const pr__item item = pr__plan_item(sampler, i);
        hash = mix(hash, (uint64_t)item.anchor);
        hash = mix(hash, (uint64_t)item.mate);
        hash = mix(hash, (uint64_t)item.label << 8 | item.level);
        /* Only where views vary, so that other plans keep the hashes they had. */
        for (int v = 0; varies && v < sampler->options.views_per_item; v++) {
            hash = mix(hash, (uint64_t)item.shown[v].sample);
            hash = mix(hash, (uint64_t)item.shown[v].real);
        }
        if (sampler->donors != NULL) {
            hash = mix(hash, (uint64_t)item.making.donor);
            hash = mix(hash, (uint64_t)item.making.category << 8 | item.making.generator);
        }
    }
    *out = hash;
    return PR_OK;
}
