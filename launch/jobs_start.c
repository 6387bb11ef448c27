/* Starting a child: its environment, its share of the machine, what it becomes. */
#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier): glibc's switch for sched_setaffinity
#include "engine/base/alloc.h"
#include "launch/jobs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CANNOT_START = 127 };

/* The SLOT-th of N shares of this process's cores: disjoint as long as there are as many cores. */
static void share_of_cores(int slot, int n, cpu_set_t *share)
{
    cpu_set_t mine;
    CPU_ZERO(&mine);
    CPU_ZERO(share);
    if (sched_getaffinity(0, sizeof(mine), &mine) != 0) {
        return;
    }
    const int n_all = CPU_COUNT(&mine);
    const int first = n <= n_all ? (int)((int64_t)slot * n_all / n) : slot % n_all;
    const int last = n <= n_all ? (int)((int64_t)(slot + 1) * n_all / n) : first + 1;
    int number = 0;
    for (size_t core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, &mine)) {
            if (number >= first && number < last) {
                CPU_SET(core, share);
            }
            number++;
        }
    }
}

/* What another job's launcher left in the environment: its ranks' numbers and addresses, with which a
 * launcher of our own would take itself for one of them. */
static bool is_of_a_launcher(const char *entry)
{
    static const char *const starts[] = {
        "PMIX_",
        "PMI_",
        "PRTE_",
        "OMPI_COMM_WORLD_",
        "OMPI_UNIVERSE_SIZE",
        "OMPI_MCA_orte_",
        "OMPI_MCA_ess_",
        "OMPI_MCA_pmix",
        "OMPI_APP_CTX_",
        "OMPI_ARGV",
        "OMPI_COMMAND",
        "OMPI_FILE_",
        "OMPI_FIRST_",
        "OMPI_NUM_APP_",
        "OMPI_MCA_initial_",
    };
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(entry, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* A run's GPUs: numbers FIRST .. of those that this process was given. */
static pr_status add_gpus(int first, int n, pr__argv *out)
{
    const char *const given = getenv("CUDA_VISIBLE_DEVICES");
    char **names = NULL;
    int64_t n_names = 0;
    pr_text list = {0};
    PR_TRY(pr_text_split(given != NULL ? given : "", ',', &names, &n_names));
    pr_status status =
        given == NULL || first + n <= n_names
            ? PR_OK
            : PR_FAIL(PR_ERR_INVALID,
                      "a run wants GPUs %d to %d of CUDA_VISIBLE_DEVICES=%s, which has %lld", first,
                      first + n - 1, given, (long long)n_names);
    for (int i = first; i < first + n && status == PR_OK; i++) {
        status = given != NULL ? pr_text_add(&list, "%s%s", i > first ? "," : "", names[i])
                               : pr_text_add(&list, "%s%d", i > first ? "," : "", i);
    }
    if (status == PR_OK) {
        status = pr__argv_add(out, "CUDA_VISIBLE_DEVICES=%s", pr_text_chars(&list));
    }
    pr_free((void *)names);
    pr_text_free(&list);
    return status;
}

static pr_status add_mpirun_args(const char *words, pr__argv *out)
{
    const char *const given = getenv("MPIRUN_ARGS");
    return pr__argv_add(out, "MPIRUN_ARGS=%s%s%s", given != NULL ? given : "",
                        given != NULL ? " " : "", words);
}

static pr_status add_host_environment(const pr__place *place, int n_ranks, pr__argv *out)
{
    const pr_jobs_options *const options = place->options;
    pr_text list = {0};
    pr_text words = {0};
    int n_first = 0;
    int offset = 0;
    pr_status status =
        pr__share_of_hosts(options, place->slot * n_ranks, n_ranks, &list, &n_first, &offset);
    if (status == PR_OK) {
        status = pr_text_add(&words, "--host %s", pr_text_chars(&list));
    }
    if (status == PR_OK) {
        status = add_mpirun_args(pr_text_chars(&words), out);
    }
    if (status == PR_OK) {
        status = pr__argv_add(out, "PR_LAUNCHER=mpirun");
    }
    if (status == PR_OK && options->n_gpus > 0) {
        status = add_gpus(offset / n_ranks * options->n_gpus, options->n_gpus, out);
    }
    pr_text_free(&list);
    pr_text_free(&words);
    return status;
}

static pr_status add_step_environment(const pr_jobs_options *options, int n_ranks, pr__argv *out)
{
    pr_text words = {0};
    pr_status status = pr__srun_args(options, n_ranks, &words);
    if (status == PR_OK) {
        status = pr__argv_add(out, "SRUN_ARGS=%s", pr_text_chars(&words));
    }
    pr_text_free(&words);
    PR_TRY(status);
    return pr__argv_add(out, "PR_LAUNCHER=srun");
}

/* Whether ENTRY is one of the variables that carry SET, which then are ours. */
static bool is_ours(const char *entry, const char *const *set)
{
    for (int i = 0; set[i] != NULL; i++) {
        if (strncmp(entry, set[i], strlen(set[i])) == 0) {
            return true;
        }
    }
    return false;
}

static pr_status environment(const pr__place *place, int n_ranks, pr__argv *out)
{
    const pr_jobs_options *const options = place->options;
    const bool is_step = options->carrier == PR_CARRY_SRUN;
    const bool is_narrow = options->carrier == PR_CARRY_HERE && options->at_once > 1 &&
                           pr__n_cores() / options->at_once < n_ranks;
    const char *set[5] = {NULL};
    int n_set = 0;
    if (is_step) {
        set[n_set++] = "SRUN_ARGS=";
    }
    if (is_narrow || options->carrier == PR_CARRY_HOSTS) {
        set[n_set++] = "MPIRUN_ARGS=";
    }
    if (options->carrier != PR_CARRY_HERE) {
        set[n_set++] = "PR_LAUNCHER=";
    }
    if (options->n_gpus > 0 && !is_step) {
        set[n_set++] = "CUDA_VISIBLE_DEVICES=";
    }
    for (char **entry = environ; *entry != NULL; entry++) {
        if (!is_ours(*entry, set) && !is_of_a_launcher(*entry)) {
            PR_TRY(pr__argv_add(out, "%s", *entry));
        }
    }
    if (options->carrier == PR_CARRY_HOSTS) {
        return add_host_environment(place, n_ranks, out);
    }
    if (is_step) {
        return add_step_environment(options, n_ranks, out);
    }
    PR_TRY(is_narrow ? add_mpirun_args("--oversubscribe", out) : PR_OK);
    return options->n_gpus > 0 ? add_gpus(place->slot * options->n_gpus, options->n_gpus, out)
                               : PR_OK;
}

/* In the child: nothing but system calls until the program is another. */
_Noreturn static void become(char *const *argv, char *const *envp, int fd, const cpu_set_t *cores,
                             pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* A group of its own: a terminal's interrupt is for the parent, which asks for a checkpoint. */
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
    if (getppid() != parent) {
        _exit(CANNOT_START); /* it died before we asked to be told */
    }
    if (CPU_COUNT(cores) > 0) {
        (void)sched_setaffinity(0, sizeof(*cores), cores);
    }
    const int null = open("/dev/null", O_RDONLY);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0 &&
        dup2(fd, STDERR_FILENO) >= 0) {
        (void)execvpe(argv[0], argv, envp);
    }
    static const char failed[] = "fatal: the launcher cannot be started\n";
    (void)!write(STDERR_FILENO, failed, sizeof(failed) - 1);
    _exit(CANNOT_START);
}

pr_status pr__start(const pr__place *place, const pr__argv *words, int n_ranks, const char *console,
                    int fd, pid_t *pid)
{
    pr__argv env = {NULL, 0, 0};
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (place->options->carrier == PR_CARRY_HERE) {
        share_of_cores(place->slot, place->options->at_once, &cores);
    }
    pr_status status = environment(place, n_ranks, &env);
    int out = fd;
    if (status == PR_OK && console != NULL) {
        out = open(console, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        status = out >= 0 ? PR_OK : PR_FAIL(PR_ERR_IO, "%s: %s", console, strerror(errno));
    }
    if (status == PR_OK) {
        const pid_t parent = getpid();
        const pid_t child = fork();
        if (child == 0) {
            become(words->at, env.at, out, &cores, parent);
        }
        status = child > 0 ? PR_OK : PR_FAIL(PR_ERR_IO, "fork: %s", strerror(errno));
        *pid = child;
    }
    if (console != NULL && out >= 0) {
        (void)close(out);
    }
    pr__argv_free(&env);
    return status;
}

void pr__last_words(const char *text, char message[static PR_JOBS_MESSAGE_BYTES])
{
    bool has_fatal = false;
    message[0] = '\0';
    while (*text != '\0') {
        const size_t n = strcspn(text, "\n");
        const bool is_fatal = strncmp(text, "fatal:", 6) == 0;
        const bool is_rule = strspn(text, "-") == n; /* mpirun's, or an empty line */
        if (!is_rule && (is_fatal || !has_fatal)) {
            (void)snprintf(message, PR_JOBS_MESSAGE_BYTES, "%.*s", (int)n, text);
        }
        has_fatal = has_fatal || is_fatal;
        text += n + (text[n] == '\n');
    }
}
