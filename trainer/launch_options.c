#include "trainer/launch_options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { FREE = PR_CONFIG_FREE_ON_RESUME };

static const char *const with_words[] = {"srun", "mpirun", NULL};
static const char *const bind_words[] = {"none", "core", "socket", "numa", NULL};

/* clang-format off */
#define ROW(member, key, kind, def, min, max, words, doc)                                          \
    {key, kind, def, min, max, words, offsetof(pr_launch_options, member), FREE, doc}

static const pr_config_row rows[] = {
    ROW(nodes, "launch.nodes", PR_CONFIG_STRING, "1", 0, 0, NULL,
        "nodes of a job: a number, or a range as 2-4, of which it gets what there is"),
    ROW(ranks_per_node, "launch.ranks_per_node", PR_CONFIG_INT, "1", 1, 4096, NULL,
        "ranks on each node"),
    ROW(cpus_per_task, "launch.cpus_per_task", PR_CONFIG_INT, "0", 0, 4096, NULL,
        "cores of a rank; 0: the site's default"),
    ROW(gpus_per_node, "launch.gpus_per_node", PR_CONFIG_INT, "0", 0, 4096, NULL,
        "GPUs of a node; 0: none are asked for"),
    ROW(memory, "launch.memory", PR_CONFIG_STRING, "", 0, 0, NULL,
        "memory of a node in Slurm's words, as 64G; empty: the site's default"),
    ROW(with, "launch.with", PR_CONFIG_CHOICE, "srun", 0, 0, with_words,
        "what starts the ranks: srun (with PMIx), or mpirun, which asks Slurm for its hosts"),
    ROW(bind, "launch.bind", PR_CONFIG_CHOICE, "none", 0, 0, bind_words,
        "what a rank is bound to"),
    ROW(time, "launch.time", PR_CONFIG_STRING, "01:00:00", 0, 0, NULL,
        "time limit of one start in Slurm's words, as 30, 12:00:00 or 2-00:00:00"),
    ROW(signal_s, "launch.signal_s", PR_CONFIG_INT, "180", 1, 65535, NULL,
        "seconds before the time limit at which the run is asked to write a checkpoint and end; Slurm "
        "may ask a minute earlier"),
    ROW(requeue_max, "launch.requeue_max", PR_CONFIG_INT, "20", 0, 1e6, NULL,
        "how often a job is put back into the queue at most"),
    ROW(name, "launch.name", PR_CONFIG_STRING, "", 0, 0, NULL,
        "the job's name; empty: that of the run directory"),
    ROW(partition, "launch.partition", PR_CONFIG_STRING, "", 0, 0, NULL,
        "partition; empty: the site's default"),
    ROW(account, "launch.account", PR_CONFIG_STRING, "", 0, 0, NULL,
        "account; empty: the user's default"),
    ROW(qos, "launch.qos", PR_CONFIG_STRING, "", 0, 0, NULL,
        "quality of service; empty: the account's default"),
    ROW(extra, "launch.extra", PR_CONFIG_WORDS, "", 0, 0, NULL,
        "further words for sbatch, as --constraint=ib"),
    ROW(modules, "launch.modules", PR_CONFIG_WORDS, "", 0, 0, NULL,
        "environment modules that the job loads, in this order"),
    ROW(environment, "launch.environment", PR_CONFIG_WORDS, "", 0, 0, NULL,
        "NAME=value words that the job exports"),
};
/* clang-format on */

pr_config_module pr_launch_config(pr_launch_options *target)
{
    return (pr_config_module){
        .title = "On a cluster",
        .rows = rows,
        .n_rows = (int64_t)(sizeof(rows) / sizeof(rows[0])),
        .target = target,
    };
}

const char *pr_launch_with_word(const pr_launch_options *options)
{
    return with_words[options->with];
}

const char *pr_launch_bind_word(const pr_launch_options *options)
{
    return bind_words[options->bind];
}

pr_status pr_launch_nodes(const pr_launch_options *options, int64_t *fewest, int64_t *most)
{
    char first[32];
    const char *const dash = strchr(options->nodes, '-');
    const size_t n = dash == NULL ? strlen(options->nodes) : (size_t)(dash - options->nodes);
    int64_t low = 0;
    (void)snprintf(first, sizeof(first), "%.*s", n < sizeof(first) ? (int)n : 0, options->nodes);
    bool parsed = pr_text_to_int(first, &low);
    int64_t high = low;
    if (dash != NULL) {
        parsed = parsed && pr_text_to_int(dash + 1, &high);
    }
    PR_REQUIRE(parsed && low >= 1 && high >= low, PR_ERR_INVALID,
               "launch.nodes = '%s', wanted a number from 1 on, or FEWEST-MOST", options->nodes);
    *fewest = low;
    *most = high;
    return PR_OK;
}
