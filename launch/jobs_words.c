/* How a run's ranks are started: the words of the launcher and of the program. */
#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier): glibc's switch for sched_getaffinity
#include "engine/base/alloc.h"
#include "launch/files.h"
#include "launch/jobs_internal.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_BYTES = 256 };

static pr_status make_room(pr__argv *words)
{
    if (words->n + 1 < words->n_room) {
        return PR_OK;
    }
    const int64_t n_more = words->n_room > 0 ? 2 * words->n_room : 32;
    char **const more = pr_calloc(n_more, sizeof(*more));
    PR_REQUIRE(more != NULL, PR_ERR_NOMEM, "no memory for %lld words", (long long)n_more);
    for (int64_t i = 0; i < words->n; i++) {
        more[i] = words->at[i];
    }
    pr_free((void *)words->at);
    words->at = more;
    words->n_room = n_more;
    return PR_OK;
}

pr_status pr__argv_add(pr__argv *words, const char *fmt, ...)
{
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    char *const text = n >= 0 ? pr_calloc((int64_t)n + 1, 1) : NULL;
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    va_end(args);
    PR_REQUIRE(text != NULL, PR_ERR_NOMEM, "no memory for a word of %d bytes", n);
    const pr_status status = make_room(words);
    if (status != PR_OK) {
        pr_free(text);
        return status;
    }
    words->at[words->n++] = text;
    return PR_OK;
}

void pr__argv_free(pr__argv *words)
{
    for (int64_t i = 0; i < words->n; i++) {
        pr_free(words->at[i]);
    }
    pr_free((void *)words->at);
    *words = (pr__argv){NULL, 0, 0};
}

/* "node7:4" */
static pr_status read_host(const char *word, char name[static HOST_BYTES], int *n_ranks)
{
    const char *const colon = strrchr(word, ':');
    int64_t n = 0;
    const bool is_good = colon != NULL && colon != word && colon - word < HOST_BYTES &&
                         pr_text_to_int(colon + 1, &n) && n >= 1 && n <= 65536;
    PR_REQUIRE(is_good, PR_ERR_INVALID, "hosts: '%s', wanted NAME:RANKS, such as node7:4", word);
    memcpy(name, word, (size_t)(colon - word));
    name[colon - word] = '\0';
    *n_ranks = (int)n;
    return PR_OK;
}

pr_status pr__places(const pr_jobs_options *options, int n_ranks, int *n)
{
    *n = options->at_once;
    if (options->carrier != PR_CARRY_HOSTS) {
        return PR_OK;
    }
    int n_all = 0;
    for (int i = 0; options->hosts != NULL && options->hosts[i] != NULL; i++) {
        char name[HOST_BYTES];
        int n_here = 0;
        PR_TRY(read_host(options->hosts[i], name, &n_here));
        n_all += n_here;
    }
    PR_REQUIRE(n_all >= n_ranks, PR_ERR_INVALID,
               "the hosts hold %d ranks, and a run has %d: name more of them (NAME:RANKS)", n_all,
               n_ranks);
    *n = *n < n_all / n_ranks ? *n : n_all / n_ranks;
    return PR_OK;
}

pr_status pr__share_of_hosts(const pr_jobs_options *options, int first, int n, pr_text *list,
                             int *n_first, int *offset)
{
    int at = 0;
    *n_first = *offset = 0;
    for (int i = 0; options->hosts[i] != NULL; i++) {
        char name[HOST_BYTES];
        int n_here = 0;
        PR_TRY(read_host(options->hosts[i], name, &n_here));
        const int begin = first > at ? first : at;
        const int end = first + n < at + n_here ? first + n : at + n_here;
        if (end > begin) {
            if (list->n_chars == 0) {
                *n_first = n_here;
                *offset = begin - at;
            }
            PR_TRY(pr_text_add(list, "%s%s:%d", list->n_chars > 0 ? "," : "", name, end - begin));
        }
        at += n_here;
    }
    return PR_OK;
}

int pr__n_cores(void)
{
    cpu_set_t mine;
    CPU_ZERO(&mine);
    return sched_getaffinity(0, sizeof(mine), &mine) == 0 ? CPU_COUNT(&mine) : 1;
}

static int env_int(const char *name, int without)
{
    const char *const text = getenv(name);
    int64_t value = 0;
    return text != NULL && pr_text_to_int(text, &value) && value >= 1 && value < 1 << 20
               ? (int)value
               : without;
}

/* Cores of a node of the allocation: Slurm tells tasks, and others by the list "72(x2),36". */
static int node_cores(void)
{
    char digits[16];
    const char *const list = getenv("SLURM_JOB_CPUS_PER_NODE");
    int64_t n = 1;
    (void)snprintf(digits, sizeof(digits), "%.*s",
                   list != NULL ? (int)strspn(list, "0123456789") : 0, list != NULL ? list : "");
    if (!pr_text_to_int(digits, &n) || n < 1 || n > 1 << 20) {
        n = 1;
    }
    return env_int("SLURM_CPUS_ON_NODE", (int)n);
}

/* Cores of each rank of a job step: asked for, or an even share of the allocation. */
static int step_cores(const pr_jobs_options *options, int n_ranks)
{
    const int n_all = env_int("SLURM_JOB_NUM_NODES", 1) * node_cores();
    const int n = n_all / (options->at_once * n_ranks);
    return options->n_cpus > 0 ? options->n_cpus : n > 1 ? n : 1;
}

pr_status pr__srun_args(const pr_jobs_options *options, int n_ranks, pr_text *out)
{
    const int n_each = step_cores(options, n_ranks);
    const int n_node = node_cores();
    const int per_node = n_node / n_each > 1 ? n_node / n_each : 1;
    /* Without --mem the first step takes all of the allocation's memory and the others wait. */
    PR_TRY(pr_text_add(out, "--exact --mem=0 --nodes=%d --cpus-per-task=%d",
                       (n_ranks + per_node - 1) / per_node, n_each));
    if (options->n_gpus > 0) {
        PR_TRY(pr_text_add(out, " --gpus=%d", options->n_gpus));
    }
    return options->srun_words != NULL && options->srun_words[0] != '\0'
               ? pr_text_add(out, " %s", options->srun_words)
               : PR_OK;
}

/* The computing threads of a rank where its cpuset does not tell: on hosts that runs share. */
static pr_status host_threads(const pr__place *place, int n_ranks, int *n)
{
    pr_text list = {0};
    int n_first = 0;
    int offset = 0;
    const pr_status status = pr__share_of_hosts(place->options, place->slot * n_ranks, n_ranks,
                                                &list, &n_first, &offset);
    pr_text_free(&list);
    *n = place->options->n_cpus > 0 ? place->options->n_cpus
                                    : pr__n_cores() / (n_first > 0 ? n_first : 1);
    *n = *n > 1 ? *n : 1;
    return status;
}

/* Settings that the run's own config leaves open: its share of threads and memory. They are none of
 * the run's bits. */
static pr_status add_share(const pr__place *place, const pr_jobs_run *run, const pr__wanted *wanted,
                           pr__argv *out)
{
    if (!wanted->has_threads && place->options->carrier == PR_CARRY_HOSTS) {
        int n = 0;
        PR_TRY(host_threads(place, run->n_ranks, &n));
        PR_TRY(pr__argv_add(out, "--set"));
        PR_TRY(pr__argv_add(out, "cpu.threads=%d", n));
    }
    if (!wanted->has_memory && place->options->carrier == PR_CARRY_HERE &&
        place->options->at_once > 1) {
        const int64_t bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
        PR_TRY(pr__argv_add(out, "--set"));
        PR_TRY(pr__argv_add(out, "train.memory_mb=%lld",
                            (long long)(bytes / 1000000 / place->options->at_once / run->n_ranks)));
    }
    return PR_OK;
}

pr_status pr__add_train(const pr_jobs_run *run, const pr__wanted *wanted, pr__argv *out)
{
    PR_TRY(pr__argv_add(out, "train"));
    PR_TRY(pr__argv_add(out, "--config"));
    PR_TRY(pr__argv_add(out, "%s", run->config));
    PR_TRY(pr__argv_add(out, "--run"));
    PR_TRY(pr__argv_add(out, "%s", run->run_dir));
    if (run->row != NULL) {
        PR_TRY(pr__argv_add(out, "--row"));
        PR_TRY(pr__argv_add(out, "%s", run->row));
    }
    for (int i = 0; run->sets != NULL && run->sets[i] != NULL; i++) {
        PR_TRY(pr__argv_add(out, "--set"));
        PR_TRY(pr__argv_add(out, "%s", run->sets[i]));
    }
    if (wanted != NULL && !wanted->has_keep && run->keep != PR_JOBS_KEEP_ALL) {
        PR_TRY(pr__argv_add(out, "--set"));
        PR_TRY(pr__argv_add(out, "train.keep=1"));
    }
    if (run->stop_at != NULL && run->stop_at[0] != '\0') {
        PR_TRY(pr__argv_add(out, "--set"));
        PR_TRY(pr__argv_add(out, "train.stop_at=%s", run->stop_at));
    }
    return PR_OK;
}

static pr_status add_eval(const pr_jobs_run *run, pr__argv *out)
{
    PR_TRY(pr__argv_add(out, "eval"));
    PR_TRY(pr__argv_add(out, "%s", run->run_dir));
    PR_TRY(pr__argv_add(out, "--checkpoint"));
    PR_TRY(pr__argv_add(out, "%s", run->checkpoint));
    return run->val_only ? pr__argv_add(out, "--val") : PR_OK;
}

pr_status pr__command(const pr__place *place, const pr_jobs_run *run, const pr__wanted *wanted,
                      bool evaluate, pr__argv *out)
{
    char program[PR_PATH_BYTES];
    char script[PR_PATH_BYTES];
    PR_TRY(pr_files_program(program));
    PR_TRY(pr_files_launch("run.sh", script));
    PR_TRY(pr__argv_add(out, "/bin/sh"));
    PR_TRY(pr__argv_add(out, "%s", script));
    PR_TRY(pr__argv_add(out, "%d", run->n_ranks));
    PR_TRY(pr__argv_add(out, "%s", program));
    PR_TRY(evaluate ? add_eval(run, out) : pr__add_train(run, wanted, out));
    return add_share(place, run, wanted, out);
}
