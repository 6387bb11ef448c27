#include "trainer/dadd.h"

#include "dataset/addg.h"
#include "trainer/options.h"

static const char *const source_words[] = {"files", "addg", "fwa", "bi", NULL};
static const char *const group_words[] = {"subtask", "feature", NULL};
static const char *const val_words[] = {"generated", "data", NULL};

/* clang-format off */
#define ROW(member, key, kind, def, min, max, words, doc)                                          \
    {"dadd." key, kind, def, min, max, words, offsetof(pr_dadd_options, member),                   \
     PR_CONFIG_IDENTITY, doc}

static const pr_config_row rows[] = {
    ROW(source, "source", PR_CONFIG_CHOICE, "files", 0, 0, source_words,
        "where fakes come from: the dataset, or reals forged in memory (dadd itself: addg)"),
    ROW(first_category, "first_category", PR_CONFIG_INT, "1", 1, 9, NULL,
        "addg: first category of forged views (A1)"),
    ROW(n_categories, "categories", PR_CONFIG_INT, "9", 1, 9, NULL,
        "addg: how many categories from there on"),
    ROW(xp_prob, "real_xp_prob", PR_CONFIG_REAL, "0.5", 0, 1, NULL,
        "addg: share of reals that are shown perturbed as a whole (A7)"),
    ROW(bi_subset, "bi_subset", PR_CONFIG_INT, "64", 1, 1e6, NULL,
        "bi: crops drawn, of which the one with the nearest landmarks is the donor (A26)"),
    ROW(val, "val", PR_CONFIG_CHOICE, "generated", 0, 0, val_words,
        "validation on views forged from data.val's reals, or on data.val as it is (A18)"),
    ROW(k, "k", PR_CONFIG_INT, "1", 1, 1000, NULL,
        "passes over the nine sub-tasks in a cycle (A13)"),
    ROW(t, "t", PR_CONFIG_INT, "1", 1, 1000, NULL, "steps of the final task in a cycle"),
    ROW(n_private, "private", PR_CONFIG_INT, "256", 1, 65536, NULL,
        "F, the width of a sub-task's private features (A10)"),
    ROW(n_hidden, "head_hidden", PR_CONFIG_INT, "0", 0, 65536, NULL,
        "hidden width of each head; 0: heads are linear"),
    ROW(lambda, "lambda", PR_CONFIG_REAL, "0.1", 0, 1e6, NULL,
        "weight of the l2,1 norm in the final task's loss; 0: none"),
    ROW(groups, "l21", PR_CONFIG_CHOICE, "subtask", 0, 0, group_words,
        "groups of that norm: the weights of a sub-task, or of a feature (A11)"),
    ROW(final_freeze_backbone, "final_freeze_backbone", PR_CONFIG_BOOL, "false", 0, 0, NULL,
        "the final task trains heads alone, on the backbone in evaluation mode (A14)"),
};
/* clang-format on */

pr_config_module pr_dadd_config(pr_dadd_options *target)
{
    return (pr_config_module){
        .title = "DADD, and training on forged views",
        .rows = rows,
        .n_rows = (int64_t)(sizeof(rows) / sizeof(rows[0])),
        .target = target,
    };
}

static const int GENERATORS[] = {PR_GEN_NONE, PR_GEN_ADDG, PR_GEN_FWA, PR_GEN_BI};

void pr_dadd_sampler(const pr_train_options *options, int phase, pr_sampler_options *sampler)
{
    const pr_dadd_options *const o = &options->dadd;
    (void)phase;
    sampler->generated = (pr_generated_options){.on = o->source != PR_DADD_FILES,
                                                .generator = GENERATORS[o->source],
                                                .first_category = (int)o->first_category,
                                                .n_categories = (int)o->n_categories,
                                                .xp_prob = o->xp_prob,
                                                .bi_subset = o->bi_subset};
}

bool pr_dadd_val_sampler(const pr_train_options *options, pr_sampler_options *sampler)
{
    pr_dadd_sampler(options, 0, sampler);
    sampler->items_per_batch = 2; /* so that no view is left out */
    sampler->balance = PR_BALANCE_EPOCH;
    return sampler->generated.on && options->dadd.val == PR_DADD_VAL_GENERATED;
}

pr_status pr_dadd_check(const pr_train_options *options)
{
    const pr_dadd_options *const o = &options->dadd;
    PR_REQUIRE(o->first_category + o->n_categories <= PR_ADDG_N + 1, PR_ERR_INVALID,
               "dadd.categories: %lld from dadd.first_category %lld on, there are %d",
               (long long)o->n_categories, (long long)o->first_category, PR_ADDG_N);
    PR_REQUIRE(o->source == PR_DADD_FILES || options->sampler.balance != PR_BALANCE_NONE,
               PR_ERR_INVALID,
               "dadd.source: forged views are as many as reals, sampler.balance must not be none");
    return PR_OK;
}
