#include "dataset/addg.h"
#include "engine/base/log.h"
#include "trainer/run.h"

#include <inttypes.h>
#include <stdio.h>

/* What the phases of a cycle forge in memory. */
static pr_status show_forged(pr_trainer *t)
{
    for (int p = 0; p < t->n_phases; p++) {
        pr_sampler_stats stats;
        char counts[256] = "";
        size_t n = 0;
        if (t->phases[p].n_per_cycle == 0) {
            continue;
        }
        PR_TRY(pr_feed_stats(t->phases[p].feed, (uint32_t)t->position.epoch, &stats));
        for (int c = 0; c < PR_SAMPLER_N_CATEGORIES; c++) {
            if (stats.by_category[c] > 0) {
                n += (size_t)snprintf(counts + n, sizeof(counts) - n, " %s %" PRId64,
                                      c == 0 ? "each" : PR_ADDG_WORDS[c - 1], stats.by_category[c]);
            }
        }
        if (stats.n_generated > 0) {
            pr_log_info("  %s: %" PRId64 " views forged from reals (%s ), %" PRId64
                        " reals perturbed as a whole",
                        t->phases[p].phase->name, stats.n_generated, counts, stats.n_xp);
        }
    }
    return PR_OK;
}

/* DCL's variations of what the plan shows, where any is asked for. */
static void show_variation(const pr_train_options *options, const pr_sampler_stats *stats)
{
    if (options->sampler.frame_shift_prob > 0.0) {
        pr_log_info("  %" PRId64 " views show another frame, %" PRId64
                    " more would but their video has none",
                    stats->n_shifted, stats->n_not_shifted);
    }
    if (options->sampler.mixup_prob > 0.0) {
        const double fakes = stats->n_fake_views > 0 ? (double)stats->n_fake_views : 1.0;
        pr_log_info("  %" PRId64 " fake views are mixed with their real; %" PRId64 " of %" PRId64
                    " (%.1f %%) have no aligned real",
                    stats->n_mixed, stats->n_unaligned, stats->n_fake_views,
                    100.0 * (double)stats->n_unaligned / fakes);
    }
}

pr_status pr_run_log_plan(pr_run *run)
{
    pr_trainer *const t = run->trainer;
    if (!pr_run_leads(run)) {
        return PR_OK;
    }
    pr_sampler_stats stats;
    PR_TRY(pr_feed_stats(t->phases[0].feed, (uint32_t)t->position.epoch, &stats));
    pr_log_info("epoch %" PRId64 " draws %" PRId64 " items (%" PRId64 " real, %" PRId64
                " fake) of %" PRId64 " identities in %" PRId64 " videos; pairs: %" PRId64
                " instance, %" PRId64 " temporal, %" PRId64 " semantic, %" PRId64 " class, %" PRId64
                " fallbacks; one crop at most %" PRId64 " times; %" PRId64 " left out",
                t->position.epoch, stats.n_items, stats.items_by_label[PR_REAL],
                stats.items_by_label[PR_FAKE], stats.n_identities, stats.n_videos,
                stats.views_by_level[PR_LEVEL_INSTANCE], stats.views_by_level[PR_LEVEL_TEMPORAL],
                stats.views_by_level[PR_LEVEL_SEMANTIC], stats.views_by_level[PR_LEVEL_CLASS],
                stats.n_fallback, stats.max_repeats, stats.n_left_out);
    show_variation(run->request->options, &stats);
    PR_TRY(show_forged(t));
    return pr_runlog_plan(run->log, t, &stats);
}
