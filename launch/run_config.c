#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier): glibc's switch for sched_getaffinity
#include "launch/run_config.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"

#include <sched.h>
#include <string.h>

static pr_status gather(const char *file, const char *table_row, const char *const *sets,
                        pr_settings *settings)
{
    if (file != NULL) {
        PR_TRY(pr_settings_add_file(settings, file));
    }
    PR_TRY(pr_settings_choose_row(settings, table_row));
    for (int i = 0; sets != NULL && sets[i] != NULL; i++) {
        PR_TRY(pr_settings_add_word(settings, sets[i]));
    }
    return PR_OK;
}

/* Rank 0's text to every rank, so that all parse the same. */
static pr_status share(pr_comm *comm, pr_status gathered, pr_run_config *config)
{
    pr_text text = {0};
    pr_status status = gathered;
    if (pr_comm_rank(comm) == 0 && status == PR_OK) {
        status = pr_settings_pack(config->settings, &text);
    }
    status = pr_comm_agree(comm, "config", status);
    uint64_t n_bytes = text.n_chars;
    char *received = NULL;
    if (status == PR_OK) {
        status = pr_comm_broadcast(comm, "config size", &n_bytes, sizeof(n_bytes), 0);
    }
    if (status == PR_OK) {
        received = pr_calloc((int64_t)n_bytes + 1, 1);
        status = pr_comm_agree(comm, "config memory",
                               received == NULL ? PR_FAIL(PR_ERR_NOMEM, "no memory for the config")
                                                : PR_OK);
    }
    if (status == PR_OK) {
        if (pr_comm_rank(comm) == 0 && received != NULL) {
            memcpy(received, pr_text_chars(&text), n_bytes);
        }
        status = pr_comm_broadcast(comm, "config", received, n_bytes, 0);
    }
    if (status == PR_OK) {
        pr_settings_destroy(&config->settings);
        status = pr_settings_unpack(received, n_bytes, &config->settings);
    }
    pr_free(received);
    pr_text_free(&text);
    return status;
}

/* How many threads a rank computes with: its cpuset, divided by the ranks of the node sharing it. */
static int64_t default_threads(int n_local)
{
    cpu_set_t mine;
    CPU_ZERO(&mine);
    int64_t n_cpus = 1;
    if (sched_getaffinity(0, sizeof(mine), &mine) == 0) {
        n_cpus = CPU_COUNT(&mine);
    }
    const int64_t n = n_cpus / n_local;
    return n < 1 ? 1 : n;
}

/* From the batch of one of options->batch_ranks ranks to the global one. */
static void share_batch(pr_train_options *options)
{
    pr_stage_options *const stages = options->stages.at;
    for (int64_t i = 0; i < options->stages.n; i++) {
        stages[i].batch *= options->batch_ranks;
    }
    options->stage.batch *= options->batch_ranks;
    options->n_micro *= options->batch_ranks;
    options->batch_ranks = 1;
}

static void derive(const pr_comm *comm, pr_train_options *options)
{
    static const pr_pair_level levels[] = {PR_LEVEL_INSTANCE, PR_LEVEL_TEMPORAL, PR_LEVEL_SEMANTIC,
                                           PR_LEVEL_CLASS};
    if (options->cpu_threads == 0) {
        options->cpu_threads = default_threads(comm == NULL ? 1 : pr_comm_n_local(comm));
    }
    for (int64_t i = 0; i < options->pair_probs.n && i < 4; i++) {
        options->sampler.pair_probs[levels[i]] = options->pair_probs.at[i];
    }
    if (comm == NULL) {
        return;
    }
    pr_log_info("%d ranks, %d on this node, %lld computing threads each", pr_comm_n_ranks(comm),
                pr_comm_n_local(comm), (long long)options->cpu_threads);
}

/* From the settings to the options. */
static pr_status apply(const pr_comm *comm, pr_run_config *config)
{
    PR_TRY(pr_train_options_register(&config->schema, &config->options));
    PR_TRY(pr_config_apply(&config->schema, config->settings, &config->config));
    share_batch(&config->options);
    PR_TRY(pr_train_options_check(&config->options));
    derive(comm, &config->options);
    return PR_OK;
}

static pr_status load(pr_comm *comm, const char *file, const char *table_row,
                      const char *const *sets, pr_run_config *config)
{
    PR_TRY(pr_settings_create(&config->settings));
    pr_status gathered = PR_OK;
    if (comm == NULL || pr_comm_rank(comm) == 0) {
        gathered = gather(file, table_row, sets, config->settings);
    }
    PR_TRY(comm == NULL ? gathered : share(comm, gathered, config));
    return apply(comm, config);
}

pr_status pr_run_config_take(pr_settings **settings, pr_run_config **out)
{
    pr_run_config *config = pr_calloc(1, sizeof(*config));
    if (config == NULL) {
        pr_settings_destroy(settings);
        return PR_FAIL(PR_ERR_NOMEM, "no memory for a config");
    }
    config->settings = *settings;
    *settings = NULL;
    const pr_status status = apply(NULL, config);
    if (status != PR_OK) {
        pr_run_config_destroy(&config);
        return status;
    }
    *out = config;
    return PR_OK;
}

pr_status pr_run_config_load(pr_comm *comm, const char *file, const char *table_row,
                             const char *const *sets, pr_run_config **out)
{
    pr_run_config *config = pr_calloc(1, sizeof(*config));
    PR_REQUIRE(config != NULL, PR_ERR_NOMEM, "no memory for a config");
    const pr_status status = load(comm, file, table_row, sets, config);
    if (status != PR_OK) {
        pr_run_config_destroy(&config);
        return status;
    }
    *out = config;
    return PR_OK;
}

pr_status pr_run_config_of_run(pr_comm *comm, const char *run_dir, const char *const *sets,
                               pr_run_config **out)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, run_dir, "config.yaml"));
    return pr_run_config_load(comm, path, NULL, sets, out);
}

void pr_run_config_destroy(pr_run_config **config)
{
    if (*config != NULL) {
        pr_config_destroy(&(*config)->config);
        pr_settings_destroy(&(*config)->settings);
        pr_free(*config);
        *config = NULL;
    }
}
