/* The fixed keys of a spec, and the config that it names. */
#include "engine/base/alloc.h"
#include "launch/sweep_internal.h"
#include "trainer/eval_table.h"
#include "trainer/metrics.h"

#include <stdio.h>
#include <string.h>

static const char *const search_words[] = {"grid", "random", "sobol", NULL};
static const char *const checkpoint_words[] = {"best", "last", NULL};
static const char *const keep_words[] = {"all", "newest", "best", NULL};
static const char *const how_words[] = {"here", "allocation", "array", NULL};

/* clang-format off */
enum { ID = PR_CONFIG_IDENTITY, FREE = PR_CONFIG_FREE_ON_RESUME, MUST = PR_CONFIG_REQUIRED };
#define ROW(member, key, kind, def, min, max, words, flags, doc)                                   \
    {key, kind, def, min, max, words, offsetof(pr_sweep_options, member), flags, doc}
static const pr_config_row rows[] = {
    ROW(config, "config", PR_CONFIG_STRING, NULL, 0, 0, NULL, FREE | MUST,
        "the config that varies, relative to the spec"),
    ROW(row, "row", PR_CONFIG_STRING, "", 0, 0, NULL, FREE, "of a table config, the row"),
    ROW(search, "search", PR_CONFIG_CHOICE, "grid", 0, 0, search_words, ID,
        "every combination, independent draws, or a Sobol sequence"),
    ROW(n_trials, "trials", PR_CONFIG_INT, "0", 0, 100000, NULL, ID,
        "points of random and sobol, each trained once a seed"),
    ROW(seed, "seed", PR_CONFIG_INT, "1", 0, 9e15, NULL, ID, "what the draws are keyed by"),
    ROW(scramble, "scramble", PR_CONFIG_BOOL, "true", 0, 0, NULL, ID,
        "sobol: shift each dimension by bits of the seed"),
    ROW(seeds, "seeds", PR_CONFIG_REALS, "", 0, 9e15, NULL, ID,
        "the config's seed, one trial each; empty: the config's own"),
    ROW(metric, "metric", PR_CONFIG_STRING, "val.frame.auc", 0, 0, NULL, ID,
        "what the best is chosen by, of the validation split"),
    ROW(checkpoint, "checkpoint", PR_CONFIG_CHOICE, "best", 0, 0, checkpoint_words, ID,
        "which of a run's checkpoints is evaluated"),
    ROW(n_rungs, "halving.rungs", PR_CONFIG_INT, "1", 1, PR_SWEEP_MAX_RUNGS, NULL, ID,
        "successive halving: in how many parts runs are trained"),
    ROW(eta, "halving.eta", PR_CONFIG_INT, "3", 2, 64, NULL, ID,
        "of how many points of a rung one goes on, and the ratio of the rungs' epochs"),
    ROW(rung_epochs, "halving.epochs", PR_CONFIG_REALS, "", 1, 1e9, NULL, ID,
        "epochs at the ends of all rungs but the last, where the ratio is not wanted"),
    ROW(retries, "retries", PR_CONFIG_INT, "1", 0, 1000, NULL, FREE, "further starts of a failed trial"),
    ROW(keep, "keep", PR_CONFIG_CHOICE, "best", 0, 0, keep_words, FREE,
        "which checkpoints of a finished trial stay"),
    ROW(at_once, "at_once", PR_CONFIG_INT, "1", 1, 4096, NULL, FREE, "trials at a time"),
    ROW(ranks, "ranks", PR_CONFIG_INT, "1", 1, 65536, NULL, FREE, "of a trial"),
    ROW(cpus, "cpus", PR_CONFIG_INT, "0", 0, 4096, NULL, FREE,
        "cores of a rank; 0: its share of what there is"),
    ROW(gpus, "gpus", PR_CONFIG_INT, "0", 0, 1024, NULL, FREE, "of a trial; 0: none are given"),
    ROW(how, "how", PR_CONFIG_CHOICE, "here", 0, 0, how_words, FREE,
        "on this machine, inside this allocation, or as a Slurm job array"),
    ROW(hosts, "hosts", PR_CONFIG_WORDS, "", 0, 0, NULL, FREE,
        "allocation: NAME:RANKS of each host, where there is no Slurm"),
    ROW(srun, "srun", PR_CONFIG_STRING, "", 0, 0, NULL, FREE, "allocation: further words for srun"),
};
/* clang-format on */

static pr_status fail_at(const pr_setting *at, const char *text)
{
    return PR_FAIL(PR_ERR_INVALID, "%s:%d: %s", at->file, at->line, text);
}

/* The key's place in the spec, for messages: "spec.yaml:3: metric". */
static void place_of(const pr_sweep *s, const char *key, char *out, size_t n)
{
    const pr_setting *const at = pr_settings_find(s->spec, key);
    if (at != NULL) {
        (void)snprintf(out, n, "%.400s:%d: %s", at->file, at->line, key);
    } else {
        (void)snprintf(out, n, "%s", key);
    }
}

static pr_status check_metric(const pr_sweep *s)
{
    const char *const metric = s->options.metric;
    char place[512];
    place_of(s, "metric", place, sizeof(place));
    PR_REQUIRE(strncmp(metric, "test", 4) != 0, PR_ERR_INVALID,
               "%s = %s is of test data: a sweep chooses by the validation split (val.…)", place,
               metric);
    PR_REQUIRE(strncmp(metric, "val.", 4) == 0, PR_ERR_INVALID,
               "%s = %s is no metric of the validation split, such as val.frame.auc", place,
               metric);
    if (strncmp(metric, "val.methods.", 12) == 0) {
        return PR_OK; /* by names that only the data know */
    }
    pr_metrics none;
    double value = 0.0;
    memset(&none, 0, sizeof(none));
    if (pr_metric_get(&none, metric + 4, &value) == PR_OK) {
        return PR_OK;
    }
    char why[512];
    (void)snprintf(why, sizeof(why), "%s",
                   strstr(pr_error_message(), "no metric") != NULL
                       ? strstr(pr_error_message(), "no metric")
                       : pr_error_message());
    pr_error_clear();
    return PR_FAIL(PR_ERR_INVALID, "%s: %s", place, why);
}

static pr_status check_options(const pr_sweep *s)
{
    const pr_sweep_options *const o = &s->options;
    PR_TRY(check_metric(s));
    PR_REQUIRE(o->search == PR_SWEEP_GRID || o->n_trials > 0, PR_ERR_INVALID,
               "%s: search: %s needs trials: N, the number of its points",
               pr_settings_at(s->spec, 0)->file, search_words[o->search]);
    PR_REQUIRE(o->search != PR_SWEEP_GRID || o->n_trials == 0, PR_ERR_INVALID,
               "%s: trials: %lld, but a grid has as many points as it has (leave the key away, or "
               "choose search: random or sobol)",
               pr_settings_at(s->spec, 0)->file, (long long)o->n_trials);
    PR_REQUIRE(o->rung_epochs.n == 0 || o->n_rungs == 1 || o->n_rungs == o->rung_epochs.n + 1,
               PR_ERR_INVALID,
               "%s: halving.epochs ends %lld rungs and the run's end one more, but "
               "halving.rungs is %lld",
               pr_settings_at(s->spec, 0)->file, (long long)o->rung_epochs.n,
               (long long)o->n_rungs);
    return PR_OK;
}

/* The config, its row, and what the spec sets in it. */
static pr_status read_base(pr_sweep *s, const char *file, pr_settings *set)
{
    char folder[PR_PATH_BYTES];
    char path[PR_PATH_BYTES];
    pr_settings *copy = NULL;
    pr_text text = {0};
    pr_fs_folder_of(folder, file);
    PR_TRY(pr_fs_join(path, strcmp(folder, ".") == 0 ? "" : folder, s->options.config));
    if (!pr_fs_exists(path)) {
        return fail_at(pr_settings_find(s->spec, "config"), "config: there is no such file");
    }
    PR_TRY(pr_settings_create(&s->base));
    PR_TRY(pr_settings_add_file(s->base, path));
    PR_TRY(pr_settings_choose_row(s->base, s->options.row[0] != '\0' ? s->options.row : NULL));
    PR_TRY(pr_settings_merge(s->base, set));
    /* Applying a config takes its settings, and the base is needed for every trial. */
    pr_status status = pr_settings_pack(s->base, &text);
    if (status == PR_OK) {
        status = pr_settings_unpack(pr_text_chars(&text), text.n_chars, &copy);
    }
    pr_text_free(&text);
    PR_TRY(status);
    PR_TRY(pr_run_config_take(&copy, &s->defaults));
    PR_REQUIRE(s->defaults->options.data.val.n > 0, PR_ERR_INVALID,
               "%s: the config has no data.val: there is nothing that trials are chosen by", path);
    PR_REQUIRE(!s->defaults->options.eval.choose_on_test, PR_ERR_INVALID,
               "%s: eval.choose_on_test: a sweep chooses by the validation split", path);
    return PR_OK;
}

static pr_status read_parts(pr_sweep *s, const char *file, pr_settings **set)
{
    PR_TRY(pr_settings_create(&s->spec));
    PR_REQUIRE(pr_fs_exists(file), PR_ERR_IO, "%s: there is no such file", file);
    PR_TRY(pr_settings_add_file(s->spec, file));
    PR_REQUIRE(pr_settings_n(s->spec) > 0, PR_ERR_INVALID, "%s: nothing is in it", file);
    PR_TRY(pr_settings_take(s->spec, "parameters", &s->space));
    PR_TRY(pr_settings_take(s->spec, "set", set));
    const pr_config_module module = {"A sweep", rows, (int64_t)(sizeof(rows) / sizeof(rows[0])),
                                     NULL,      0,    &s->options};
    PR_TRY(pr_config_register(&s->schema, &module));
    PR_TRY(pr_config_apply(&s->schema, s->spec, &s->config));
    PR_TRY(check_options(s));
    return read_base(s, file, *set);
}

/* Every trial's config, as `train` will check it. */
static pr_status check_trials(const pr_sweep *s)
{
    for (int64_t trial = 0; trial < pr_sweep_n_trials(s); trial++) {
        pr_settings *settings = NULL;
        pr_run_config *config = NULL;
        PR_TRY(pr_sweep_settings(s, trial, &settings));
        PR_TRY(pr_run_config_take(&settings, &config));
        const pr_status status = pr__rungs_check(s, trial, &config->options);
        pr_run_config_destroy(&config);
        PR_TRY(status);
    }
    return PR_OK;
}

pr_status pr_sweep_read(const char *file, const char *dir, pr_sweep **out)
{
    pr_sweep *s = pr_calloc(1, sizeof(*s));
    pr_settings *set = NULL;
    PR_REQUIRE(s != NULL, PR_ERR_NOMEM, "no memory for a sweep");
    (void)snprintf(s->dir, sizeof(s->dir), "%s", dir != NULL ? dir : "");
    pr_status status = read_parts(s, file, &set);
    pr_settings_destroy(&set);
    if (status == PR_OK) {
        status = pr__parameters_read(s);
    }
    if (status == PR_OK) {
        status = pr__points_make(s);
    }
    if (status == PR_OK) {
        status = check_trials(s);
    }
    if (status != PR_OK) {
        pr_sweep_destroy(&s);
        return status;
    }
    *out = s;
    return PR_OK;
}

pr_status pr_sweep_of_dir(const char *dir, pr_sweep **out)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, dir, "spec.yaml"));
    PR_REQUIRE(pr_fs_exists(path), PR_ERR_INVALID,
               "%s: no sweep's directory: spec.yaml is not in it (pristine sweep SPEC --out DIR "
               "begins one)",
               dir);
    return pr_sweep_read(path, dir, out);
}

void pr_sweep_destroy(pr_sweep **sweep)
{
    pr_sweep *const s = *sweep;
    if (s == NULL) {
        return;
    }
    for (int p = 0; p < s->n_parameters; p++) {
        pr_free((void *)s->parameters[p].words);
    }
    for (int64_t i = 0; i < s->n_kept; i++) {
        pr_free(s->kept[i]);
    }
    pr_free((void *)s->kept);
    pr_free((void *)s->values);
    pr_free(s->parameters);
    pr_run_config_destroy(&s->defaults);
    pr_config_destroy(&s->config);
    pr_settings_destroy(&s->base);
    pr_settings_destroy(&s->space);
    pr_settings_destroy(&s->spec);
    pr_free(s);
    *sweep = NULL;
}
