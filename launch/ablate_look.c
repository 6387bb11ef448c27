/* What the directories of a table's runs hold, against what is wanted. */
#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "launch/ablate.h"
#include "launch/files.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool ends(const char *text, const char *end)
{
    const size_t n = strlen(text);
    const size_t n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* RUN's wanted config, every key of it, without the lists that are left out. */
static pr_status wanted_settings(const pr_ablate_run *run, pr_text *text, pr_settings **out)
{
    pr_settings *settings = NULL;
    pr_run_config *config = NULL;
    PR_TRY(pr_settings_create(&settings));
    pr_status status = pr_run_config_load(NULL, run->file, NULL, NULL, &config);
    if (status == PR_OK) {
        status = pr_config_dump(config->config, text);
    }
    if (status == PR_OK) {
        status = pr_settings_add_yaml(settings, run->file, pr_text_chars(text), text->n_chars);
    }
    pr_run_config_destroy(&config);
    if (status != PR_OK) {
        pr_settings_destroy(&settings);
        return status;
    }
    *out = settings;
    return PR_OK;
}

/* The first key below PREFIX, folders aside, whose value A has and B has not; NULL: none. */
static const pr_setting *first_other(const pr_settings *a, const pr_settings *b, const char *prefix)
{
    for (int64_t i = 0; i < pr_settings_n(a); i++) {
        const pr_setting *const setting = pr_settings_at(a, i);
        if (!begins(setting->key, prefix) || ends(setting->key, ".path")) {
            continue;
        }
        const pr_setting *const other = pr_settings_find(b, setting->key);
        if (other == NULL || strcmp(other->value, setting->value) != 0) {
            return setting;
        }
    }
    return NULL;
}

static const char *value_in(const pr_settings *settings, const char *key,
                            char text[static PR_ABLATE_NAME_BYTES])
{
    const pr_setting *const setting = pr_settings_find(settings, key);
    (void)snprintf(text, PR_ABLATE_NAME_BYTES, "%.100s", setting != NULL ? setting->value : "none");
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            *c = c[1] != '\0' ? ',' : '\0';
        }
    }
    return text;
}

/* What was trained on, which a config's hash leaves to the data's own. */
static pr_status check_data(const pr_ablate_run *run, const pr_settings *wanted)
{
    static const char *const prefixes[] = {"data.train.", "data.val."};
    for (int i = 0; i < 2; i++) {
        const pr_setting *other = first_other(wanted, run->made, prefixes[i]);
        if (other == NULL) {
            other = first_other(run->made, wanted, prefixes[i]);
        }
        if (other != NULL) {
            char made[PR_ABLATE_NAME_BYTES];
            char now[PR_ABLATE_NAME_BYTES];
            return PR_FAIL(PR_ERR_INVALID,
                           "%s holds the run of another config: %s = %s there, %s is wanted: take "
                           "another --out",
                           run->dir, other->key, value_in(run->made, other->key, made),
                           value_in(wanted, other->key, now));
        }
    }
    return PR_OK;
}

/* Reads RUN/config.yaml and compares it; *OTHER_TESTS where only its test lists differ. */
static pr_status look_at_config(pr_ablate_run *run, bool *other_tests)
{
    char path[PR_PATH_BYTES];
    pr_text text = {0};
    pr_settings *wanted = NULL;
    *other_tests = false;
    PR_TRY(pr_fs_join(path, run->dir, "config.yaml"));
    pr_settings_destroy(&run->made);
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    PR_TRY(pr_settings_create(&run->made));
    PR_TRY(pr_settings_add_file(run->made, path));
    pr_status status = wanted_settings(run, &text, &wanted);
    if (status == PR_OK) {
        status = check_data(run, wanted);
    }
    if (status == PR_OK) {
        *other_tests = first_other(wanted, run->made, "data.test.") != NULL ||
                       first_other(run->made, wanted, "data.test.") != NULL ||
                       first_other(wanted, run->made, "eval.") != NULL;
    }
    pr_settings_destroy(&wanted);
    pr_text_free(&text);
    return status;
}

static pr_status look(pr_ablate_run *run)
{
    const pr_jobs_run job = pr_ablate_job(run, 1);
    bool other_tests = false;
    PR_TRY(pr_jobs_look(&job, &run->state, run->message));
    PR_TRY(look_at_config(run, &other_tests));
    if (other_tests && run->state == PR_JOBS_FINISHED) {
        run->state = PR_JOBS_TRAINED;
    }
    return PR_OK;
}

pr_status pr_ablate_plan_look(pr_ablate_plan *plan)
{
    for (int64_t i = 0; i < plan->n_runs; i++) {
        PR_TRY(look(&plan->runs[i]));
    }
    return PR_OK;
}

static pr_status remove_evaluations(const char *run_dir)
{
    char folder[PR_PATH_BYTES];
    char **names = NULL;
    int64_t n = 0;
    PR_TRY(pr_fs_join(folder, run_dir, "eval"));
    if (!pr_fs_is_folder(folder)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_list(folder, &names, &n));
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        char path[PR_PATH_BYTES];
        status = pr_fs_join(path, folder, names[i]);
        if (status == PR_OK && ends(names[i], ".json")) {
            status = pr_fs_remove(path);
        }
    }
    pr_free((void *)names);
    return status;
}

pr_status pr_ablate_retest(pr_ablate_run *run)
{
    bool other_tests = false;
    PR_TRY(look_at_config(run, &other_tests));
    if (run->state != PR_JOBS_TRAINED || !other_tests) {
        return PR_OK;
    }
    char path[PR_PATH_BYTES];
    pr_text text = {0};
    pr_settings *wanted = NULL;
    PR_TRY(pr_fs_join(path, run->dir, "config.yaml"));
    pr_status status = remove_evaluations(run->dir);
    if (status == PR_OK) {
        status = wanted_settings(run, &text, &wanted);
    }
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_settings_destroy(&wanted);
    pr_text_free(&text);
    return status;
}

pr_status pr_ablate_build(char text[static PR_ABLATE_NAME_BYTES])
{
    static char known[PR_ABLATE_NAME_BYTES];
    if (known[0] == '\0') {
        char path[PR_PATH_BYTES];
        char *bytes = NULL;
        size_t n = 0;
        PR_TRY(pr_files_program(path));
        PR_TRY(pr_fs_read(path, &bytes, &n));
        (void)snprintf(known, sizeof(known), "%s-%016" PRIx64, PR_VERSION, pr_hash64(bytes, n, 0));
        pr_free(bytes);
    }
    memcpy(text, known, sizeof(known));
    return PR_OK;
}

/* The builds that had RUN in their hands, a line each. */
static pr_status read_builds(const pr_ablate_run *run, char path[static PR_PATH_BYTES],
                             char lines[static PR_ABLATE_NAME_BYTES])
{
    char *bytes = NULL;
    lines[0] = '\0';
    PR_TRY(pr_fs_join(path, run->dir, "builds"));
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, NULL));
    (void)snprintf(lines, PR_ABLATE_NAME_BYTES, "%s", bytes);
    pr_free(bytes);
    return PR_OK;
}

pr_status pr_ablate_made_note(const pr_ablate_run *run)
{
    char build[PR_ABLATE_NAME_BYTES];
    char path[PR_PATH_BYTES];
    char lines[PR_ABLATE_NAME_BYTES];
    char all[2 * PR_ABLATE_NAME_BYTES + 2];
    PR_TRY(pr_ablate_build(build));
    PR_TRY(pr_fs_mkdirs(run->dir));
    PR_TRY(read_builds(run, path, lines));
    if (strstr(lines, build) != NULL) {
        return PR_OK;
    }
    const int n = snprintf(all, sizeof(all), "%s%s\n", lines, build);
    return pr_fs_write(path, all, (size_t)n);
}

/* The training data's hash is in the log's first line. */
static pr_status read_start(const pr_ablate_run *run, pr_ablate_made *made)
{
    char path[PR_PATH_BYTES];
    char *bytes = NULL;
    PR_TRY(pr_fs_join(path, run->dir, "log.jsonl"));
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, NULL));
    json_t *const line = json_loadb(bytes, strcspn(bytes, "\n"), 0, NULL);
    const char *const data = json_string_value(json_object_get(line, "data_hash"));
    (void)snprintf(made->data, sizeof(made->data), "%s", data != NULL ? data : "");
    json_decref(line);
    pr_free(bytes);
    return PR_OK;
}

pr_status pr_ablate_made_read(const pr_ablate_run *run, pr_ablate_made *made)
{
    char path[PR_PATH_BYTES];
    *made = (pr_ablate_made){{0}, {0}, {0}};
    (void)snprintf(made->config, sizeof(made->config), "%016" PRIx64, run->config_hash);
    PR_TRY(read_start(run, made));
    PR_TRY(read_builds(run, path, made->build));
    for (char *c = made->build; *c != '\0'; c++) {
        if (*c == '\n') {
            *c = c[1] != '\0' ? '+' : '\0';
        }
    }
    return PR_OK;
}
