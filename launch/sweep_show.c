/* What a sweep will do and what that costs, before it does it. */
#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "launch/sweep_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MAX_PRICES = 256 };

/* Prices of trials that differ in what a price depends on. */
typedef struct prices {
    pr_text keys[MAX_PRICES];
    pr_jobs_price at[MAX_PRICES];
    int n;
} prices;

/* Rates, losses and schedules change neither steps nor sizes. */
static bool matters(const char *key)
{
    static const char *const starts[] = {"optim.", "schedule.", "augment.", "focal.", "supcon."};
    const char *const stage = strncmp(key, "stage.", 6) == 0 ? strchr(key + 6, '.') : NULL;
    const char *const own = stage != NULL ? stage + 1 : key;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(own, starts[i], strlen(starts[i])) == 0) {
            return false;
        }
    }
    return true;
}

static pr_status price_key(const pr_sweep *s, int64_t trial, pr_text *key)
{
    for (int p = 0; p < s->n_parameters; p++) {
        const char *const value = pr_sweep_value(s, trial, p);
        if (value != NULL && matters(s->parameters[p].key)) {
            PR_TRY(pr_text_add(key, "%s=%s\n", s->parameters[p].key, value));
        }
    }
    return PR_OK;
}

static pr_status scratch_file(char path[static PR_PATH_BYTES])
{
    const char *const folder = getenv("TMPDIR");
    PR_TRY(pr_fs_join(path, folder != NULL ? folder : "/tmp", "pristine-sweep-XXXXXX"));
    const int fd = mkstemp(path);
    PR_REQUIRE(fd >= 0, PR_ERR_IO, "%s: %s", path, strerror(errno));
    (void)close(fd);
    return PR_OK;
}

/* `train --dry-run` of the trial's config, from a file that goes again. */
static pr_status ask(const pr_sweep *s, int64_t trial, pr_jobs_price *out)
{
    char name[PR_SWEEP_NAME_BYTES];
    char path[PR_PATH_BYTES];
    pr_text text = {0};
    pr_settings *settings = NULL;
    pr_sweep_name(trial, name);
    PR_TRY(scratch_file(path));
    PR_TRY(pr_sweep_settings(s, trial, &settings));
    pr_status status = pr_settings_dump(settings, &text);
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    if (status == PR_OK) {
        const pr_jobs_run run = {.name = name, .config = path, .run_dir = "none", .n_ranks = 1};
        status = pr_jobs_cost(&run, out);
    }
    pr_settings_destroy(&settings);
    pr_text_free(&text);
    const pr_status removed = pr_fs_remove(path);
    return status != PR_OK ? status : removed;
}

static pr_status price_of(const pr_sweep *s, int64_t trial, prices *known, pr_jobs_price *out)
{
    pr_text key = {0};
    pr_status status = price_key(s, trial, &key);
    int i = 0;
    while (i < known->n && strcmp(pr_text_chars(&known->keys[i]), pr_text_chars(&key)) != 0) {
        i++;
    }
    if (status == PR_OK && i < known->n) {
        *out = known->at[i];
    } else if (status == PR_OK) {
        status = ask(s, trial, out);
        if (status != PR_OK) {
            /* It may fail in its turn; that is no reason not to begin the others. */
            pr_log_warn("%s", pr_error_message());
            pr_error_clear();
            *out = (pr_jobs_price){.n_epochs = 1};
            status = PR_OK;
        }
        if (status == PR_OK && known->n < MAX_PRICES) {
            known->at[known->n] = *out;
            known->keys[known->n++] = key;
            return PR_OK;
        }
    }
    pr_text_free(&key);
    return status;
}

/* The part of N steps that is over at the rung's end. */
static pr_status rung_steps(const pr_sweep *s, int64_t trial, int rung, const pr_jobs_price *price,
                            int64_t *n)
{
    int64_t epoch = 0;
    PR_TRY(pr_sweep_rung_epoch(s, trial, rung, &epoch));
    *n = epoch == 0 ? price->n_steps
                    : (price->n_steps * epoch + price->n_epochs - 1) / price->n_epochs;
    return PR_OK;
}

/* The most that all rungs can take: of each, its dearest trials. The steps of the trials of a sweep
 * without rungs are exact. */
static pr_status total_steps(const pr_sweep *s, prices *known, int64_t *all, int64_t *whole)
{
    *all = *whole = 0;
    for (int rung = 0; rung < pr_sweep_n_rungs(s); rung++) {
        int64_t most = 0;
        int64_t sum = 0;
        for (int64_t trial = 0; trial < pr_sweep_n_trials(s); trial++) {
            pr_jobs_price price;
            int64_t end = 0;
            int64_t begin = 0;
            PR_TRY(price_of(s, trial, known, &price));
            PR_TRY(rung_steps(s, trial, rung, &price, &end));
            if (rung > 0) {
                PR_TRY(rung_steps(s, trial, rung - 1, &price, &begin));
            }
            most = end - begin > most ? end - begin : most;
            sum += end - begin;
            *whole += rung == 0 ? price.n_steps : 0;
        }
        *all += rung == 0 ? sum : most * pr_sweep_rung_points(s, rung) * s->n_seeds;
    }
    return PR_OK;
}

static pr_status show_trials(const pr_sweep *s, prices *known)
{
    for (int64_t trial = 0; trial < pr_sweep_n_trials(s); trial++) {
        char name[PR_SWEEP_NAME_BYTES];
        pr_text text = {0};
        pr_jobs_price price;
        PR_TRY(price_of(s, trial, known, &price));
        pr_sweep_name(trial, name);
        const pr_status status = pr_sweep_describe(s, trial, &text);
        pr_log_print("%s  %8" PRId64 " steps  %s\n", name, price.n_steps, pr_text_chars(&text));
        pr_text_free(&text);
        PR_TRY(status);
    }
    return PR_OK;
}

static void show_disk(const pr_sweep *s, const prices *known)
{
    static const char *const words[] = {"what training leaves", "the newest", "the best"};
    int64_t each = 0;
    for (int i = 0; i < known->n; i++) {
        each = known->at[i].checkpoint_bytes > each ? known->at[i].checkpoint_bytes : each;
    }
    const int64_t n_trials = pr_sweep_n_trials(s);
    const int64_t kept = s->options.keep == PR_JOBS_KEEP_ALL ? 3 : pr_sweep_n_rungs(s) > 1 ? 2 : 1;
    const int64_t n = n_trials * kept + 3 * s->options.at_once;
    const double mb = (double)(n * each) * 1e-6;
    struct statvfs info;
    pr_log_print("disk: about %.0f MB: %s checkpoint of %" PRId64 " trials, %.1f MB each\n", mb,
                 words[s->options.keep], n_trials, (double)each * 1e-6);
    if (s->dir[0] != '\0' && statvfs(s->dir, &info) == 0) {
        const double free_mb = (double)info.f_bavail * (double)info.f_frsize * 1e-6;
        if (free_mb < mb) {
            pr_log_warn("%s has %.0f MB free, and the sweep needs about %.0f MB", s->dir, free_mb,
                        mb);
        }
    }
}

static pr_status show(const pr_sweep *s, bool all, prices *known)
{
    int64_t n_steps = 0;
    int64_t n_whole = 0;
    if (all) {
        PR_TRY(show_trials(s, known));
    }
    PR_TRY(total_steps(s, known, &n_steps, &n_whole));
    pr_log_print("%" PRId64 " trials (%" PRId64 " points, %" PRId64 " seeds), %s%" PRId64 " steps",
                 pr_sweep_n_trials(s), s->n_points, s->n_seeds,
                 pr_sweep_n_rungs(s) > 1 ? "at most " : "", n_steps);
    if (pr_sweep_n_rungs(s) > 1) {
        pr_log_print(" in %d rungs; %" PRId64 " without them", pr_sweep_n_rungs(s), n_whole);
    }
    pr_log_print("\n");
    show_disk(s, known);
    return PR_OK;
}

pr_status pr_sweep_show(const pr_sweep *s, bool all)
{
    prices *const known = pr_calloc(1, sizeof(*known));
    PR_REQUIRE(known != NULL, PR_ERR_NOMEM, "no memory for the prices of trials");
    const pr_status status = show(s, all, known);
    for (int i = 0; i < known->n; i++) {
        pr_text_free(&known->keys[i]);
    }
    pr_free(known);
    return status;
}
