/**
 * The config of a run as commands read it: files, --row and --set on rank 0, broadcast as text, and
 * parsed by every rank.
 */
#ifndef PR_LAUNCH_RUN_CONFIG_H
#define PR_LAUNCH_RUN_CONFIG_H

#include "engine/base/config.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_run_config {
    pr_train_options options;
    pr_config_schema schema;
    pr_settings *settings;
    pr_config *config;
} pr_run_config;

/**
 * Collective. FILE is a YAML file, or NULL for none; TABLE_ROW a row of its table, or NULL; SETS a
 * NULL-terminated list of "key=value". Derived options (threads, pairing probabilities) are filled in.
 * COMM may be NULL: one process that trains nothing itself and wants to know a config.
 *
 * Errors: those of engine/base/config.h and pr_train_options_check, the same on every rank.
 */
pr_status pr_run_config_load(pr_comm *comm, const char *file, const char *table_row,
                             const char *const *sets, pr_run_config **out);

/**
 * The same of SETTINGS that are gathered already, in one process. They become the config's, *SETTINGS
 * is NULL afterwards.
 */
pr_status pr_run_config_take(pr_settings **settings, pr_run_config **out);

/** Collective: the same from RUN_DIR/config.yaml, the effective config of a run that has begun. */
pr_status pr_run_config_of_run(pr_comm *comm, const char *run_dir, const char *const *sets,
                               pr_run_config **out);
void pr_run_config_destroy(pr_run_config **config);

#endif
