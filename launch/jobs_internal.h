/* Shared by the files jobs*.c only. */
#ifndef PR_LAUNCH_JOBS_INTERNAL_H
#define PR_LAUNCH_JOBS_INTERNAL_H

#include "engine/base/text.h"
#include "launch/jobs.h"

#include <sys/types.h>

/* ---- what a run directory says (jobs_look.c) ---- */

/* What a run's evaluation and directory are held against: from its config. */
typedef struct pr__wanted {
    uint64_t config_hash;
    pr_text sets; /* a line for each file in eval/ that there must be: "val", "test.celeb" */
    bool has_threads, has_memory, has_keep; /* the config says itself what we would add */
    bool has_val;
} pr__wanted;

pr_status pr__wanted_read(const pr_jobs_run *run, pr__wanted *out);

typedef struct pr__seen {
    pr_jobs_state state;
    bool reached;      /* trained as far as wanted */
    int64_t step;      /* the newest logged */
    int64_t eval_step; /* of the checkpoint that eval takes; where REACHED */
} pr__seen;

pr_status pr__look(const pr_jobs_run *run, const pr__wanted *wanted, pr__seen *seen,
                   char message[static PR_JOBS_MESSAGE_BYTES]);

/* Another process's hold on the run. */
pr_status pr__held(const char *run_dir, bool *held, char message[static PR_JOBS_MESSAGE_BYTES]);

/* Of a finished run, removes the checkpoints that KEEP does not keep. */
pr_status pr__prune(const pr_jobs_run *run, int64_t eval_step);

/* ---- children (jobs_words.c, jobs_start.c) ---- */

/* Where a run is started: slot SLOT of the options' at_once. */
typedef struct pr__place {
    const pr_jobs_options *options;
    int slot;
} pr__place;

/* A child's words and environment; each list NULL-terminated, its words owned. */
typedef struct pr__argv {
    char **at;
    int64_t n, n_room;
} pr__argv;

pr_status pr__argv_add(pr__argv *words, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pr__argv_free(pr__argv *words);

/* The words of `train` alone; with WANTED, those that belong to its runner's house-keeping too. */
pr_status pr__add_train(const pr_jobs_run *run, const pr__wanted *wanted, pr__argv *out);

/* The whole command line of `train` (EVALUATE: `eval`) of RUN at PLACE. */
pr_status pr__command(const pr__place *place, const pr_jobs_run *run, const pr__wanted *wanted,
                      bool evaluate, pr__argv *out);

/*
 * Starts WORDS; its output goes to the end of CONSOLE, or to FD where CONSOLE is NULL. The child asks
 * to be told (SIGUSR1) when this process dies.
 */
pr_status pr__start(const pr__place *place, const pr__argv *words, int n_ranks, const char *console,
                    int fd, pid_t *pid);

/* How many runs the hosts of OPTIONS hold at once, N_RANKS each; at_once without hosts. */
pr_status pr__places(const pr_jobs_options *options, int n_ranks, int *n);

/* Ranks FIRST .. FIRST + N - 1 of the hosts as "a:2,b:1"; *N_FIRST the ranks that the first of those
 * hosts holds, *OFFSET which of them is ours. */
pr_status pr__share_of_hosts(const pr_jobs_options *options, int first, int n, pr_text *list,
                             int *n_first, int *offset);

/* The words of srun that make a job step of its own, of N_RANKS: SRUN_ARGS of launch/run.sh. */
pr_status pr__srun_args(const pr_jobs_options *options, int n_ranks, pr_text *out);

/* The cores that this process may use. */
int pr__n_cores(void);

/* The last "fatal:" line of TEXT, or its last line with words; "" where it has none. */
void pr__last_words(const char *text, char message[static PR_JOBS_MESSAGE_BYTES]);

/* ---- runs on their way (jobs.c, jobs_item.c) ---- */

enum { PR__MAX_AT_ONCE = 4096 };
typedef enum pr__phase { PR__QUEUED, PR__WAITS, PR__TRAINS, PR__EVALUATES, PR__ENDED } pr__phase;

typedef struct pr__item {
    pr_jobs_run run; /* its texts are in WORDS */
    pr__argv words, sets;
    pr__wanted wanted;
    pr__seen seen;
    pr__phase phase;
    int slot;
    pid_t pid;
    size_t console_at; /* where its console ended when the child began */
    int64_t step_at;   /* where training began */
    int n_failures;
    bool told_held;
    double next_look_s;
    pr_jobs_result result;
} pr__item;

struct pr_jobs {
    pr_jobs_options options;
    pr__item **items; /* [n] */
    int64_t n, n_room;
    int n_slots;
    pr__item *at[PR__MAX_AT_ONCE]; /* [n_slots]: what is in each */
    bool stops;
    pr_jobs_ended_fn ended;
    void *ctx;
};

/* Starts what IT, which has a slot, needs next; or ends it. */
pr_status pr__advance(pr_jobs *jobs, pr__item *it);

/* IT's child has ended with the wait status CODE. */
pr_status pr__take_end(pr_jobs *jobs, pr__item *it, int code);

#endif
