#include "engine/base/log.h"
#include "engine/comm/job.h"
#include "launch/command.h"
#include "launch/sweep_results.h"

#include <inttypes.h>
#include <string.h>

static const char synopsis[] =
    "pristine sweep SPEC.yaml --out DIR [--dry-run]   all trials of a spec; again: what is left\n"
    "pristine sweep trial DIR NUMBER [--rung R]       one trial, as a task of a job array does\n"
    "pristine sweep collect DIR                       DIR/sweep.sqlite from the run directories\n"
    "pristine sweep report DIR                        best trials; DIR/report.html, trials.csv\n"
    "docs/sweeps.md describes the spec.";

enum { MAX_WORDS = 3 };

typedef struct sweep_words {
    const char *out, *how;
    int64_t at_once, rung;
    bool dry_run, go;
    const char *words[MAX_WORDS];
    int n;
} sweep_words;

static pr_status take_how(const sweep_words *words, pr_sweep *sweep)
{
    static const char *const hows[] = {"here", "allocation", "array"};
    for (int i = 0; words->how != NULL && i < 3; i++) {
        if (strcmp(words->how, hows[i]) == 0) {
            sweep->options.how = i;
            return PR_OK;
        }
    }
    PR_REQUIRE(words->how == NULL, PR_ERR_INVALID,
               "sweep: --how %s: there are here, allocation and array", words->how);
    return PR_OK;
}

static pr_status say_end(pr_command_call *call, const pr_sweep *sweep, bool stopped,
                         int64_t n_failed)
{
    if (stopped) {
        pr_log_info("stopped: the same command goes on");
        call->exit_code = PR_EXIT_STOPPED;
    } else if (n_failed > 0) {
        pr_log_warn("%" PRId64 " trials failed; %s/trial-*/FAILED and failures.txt say why",
                    n_failed, sweep->dir);
        call->exit_code = 1;
    }
    return PR_OK;
}

static pr_status go(pr_command_call *call, const sweep_words *words, pr_sweep *sweep)
{
    pr_fs_lock *lock = NULL;
    bool stopped = false;
    int64_t n_failed = 0;
    PR_TRY(pr_sweep_check(sweep));
    PR_TRY(pr_sweep_begin(sweep, &lock));
    pr_status status = pr_sweep_show(sweep, false);
    if (status == PR_OK && sweep->options.how == PR_SWEEP_ARRAY) {
        status = pr_sweep_submit(sweep, words->go);
    } else if (status == PR_OK) {
        status = pr_sweep_go(sweep, &stopped, &n_failed);
    }
    pr_fs_lock_destroy(&lock);
    PR_TRY(status);
    return say_end(call, sweep, stopped, n_failed);
}

static pr_status sweep_all(pr_command_call *call, const sweep_words *words)
{
    pr_sweep *sweep = NULL;
    PR_REQUIRE(words->n == 1, PR_ERR_INVALID,
               "sweep: '%s' is one word too many (pristine sweep "
               "--help)",
               words->words[1]);
    PR_REQUIRE(words->out != NULL || words->dry_run, PR_ERR_INVALID,
               "sweep: --out DIR must be given: where the trials are to lie");
    PR_TRY(pr_sweep_read(words->words[0], words->out, &sweep));
    if (words->at_once > 0) {
        sweep->options.at_once = words->at_once;
    }
    pr_status status = take_how(words, sweep);
    if (status == PR_OK) {
        status = words->dry_run ? pr_sweep_show(sweep, true) : go(call, words, sweep);
    }
    pr_sweep_destroy(&sweep);
    return status;
}

static pr_status sweep_trial(pr_command_call *call, const sweep_words *words)
{
    pr_sweep *sweep = NULL;
    int64_t number = 0;
    bool stopped = false;
    int64_t n_failed = 0;
    PR_REQUIRE(words->n == 3 && pr_text_to_int(words->words[2], &number) && number >= 0,
               PR_ERR_INVALID, "sweep trial: wanted DIR and the trial's number");
    PR_TRY(pr_sweep_of_dir(words->words[1], &sweep));
    pr_status status = words->rung < pr_sweep_n_rungs(sweep)
                           ? PR_OK
                           : PR_FAIL(PR_ERR_INVALID, "sweep trial: rung %" PRId64 ", there are %d",
                                     words->rung, pr_sweep_n_rungs(sweep));
    if (status == PR_OK) {
        status = pr_sweep_one(sweep, number, (int)words->rung, &stopped, &n_failed);
    }
    if (status == PR_OK) {
        status = say_end(call, sweep, stopped, n_failed);
    }
    pr_sweep_destroy(&sweep);
    return status;
}

/* What reads a sweep's directory: `collect` and `report`. Collecting writes, so it takes the lock. */
static pr_status sweep_read(const sweep_words *words, bool collects)
{
    pr_sweep *sweep = NULL;
    pr_fs_lock *lock = NULL;
    PR_REQUIRE(words->n == 2, PR_ERR_INVALID, "sweep %s: wanted one DIR", words->words[0]);
    PR_TRY(pr_sweep_of_dir(words->words[1], &sweep));
    pr_status status = collects ? pr_fs_lock_take(sweep->dir, &lock) : PR_OK;
    if (status == PR_OK) {
        status = collects ? pr_sweep_db_collect(sweep) : pr_sweep_report(sweep);
    }
    pr_fs_lock_destroy(&lock);
    pr_sweep_destroy(&sweep);
    return status;
}

pr_status pr_cmd_sweep(pr_command_call *call)
{
    sweep_words words = {0};
    const pr_option options[] = {
        {"out", PR_OPTION_WORD, NULL, 0, 0, &words.out, "the sweep's directory, made if not there"},
        {"dry-run", PR_OPTION_FLAG, "false", 0, 0, &words.dry_run,
         "print the trials, their steps and the disk they need; run nothing"},
        {"how", PR_OPTION_WORD, NULL, 0, 0, &words.how,
         "here, allocation or array, over the spec's"},
        {"at-once", PR_OPTION_INT, "0", 0, 4096, &words.at_once,
         "trials at a time, over the spec's"},
        {"go", PR_OPTION_FLAG, "false", 0, 0, &words.go, "array: submit what was written"},
        {"rung", PR_OPTION_INT, "0", 0, PR_SWEEP_MAX_RUNGS, &words.rung,
         "trial: as far as this rung"},
    };
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            words.words, MAX_WORDS, &words.n, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(words.n >= 1, PR_ERR_INVALID, "sweep: no spec (pristine sweep --help)");
    const char *const what = words.words[0];
    if (strcmp(what, "collect") == 0 || strcmp(what, "report") == 0) {
        return sweep_read(&words, strcmp(what, "collect") == 0);
    }
    return strcmp(what, "trial") == 0 ? sweep_trial(call, &words) : sweep_all(call, &words);
}
