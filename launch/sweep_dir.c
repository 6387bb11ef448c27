/* A sweep's directory: begun once, the same sweep ever after. */
#include "engine/base/alloc.h"
#include "launch/sweep_internal.h"

#include <stdio.h>
#include <string.h>

/* The spec as it stands in DIR: naming base.yaml, into which `row` and `set` went. */
static pr_status spec_text(const pr_sweep *s, pr_text *text)
{
    pr_text packed = {0};
    pr_settings *copy = NULL;
    PR_TRY(pr_settings_pack(s->spec, &packed));
    pr_status status = pr_settings_unpack(pr_text_chars(&packed), packed.n_chars, &copy);
    pr_text_free(&packed);
    PR_TRY(status);
    const pr_setting config = {"config", "base.yaml", "spec.yaml", 1, false};
    pr_settings *row = NULL;
    status = pr_settings_put(copy, &config);
    if (status == PR_OK && pr_settings_find(copy, "row") != NULL) {
        const pr_setting none = {"row", "", "spec.yaml", 1, false};
        status = pr_settings_put(copy, &none);
    }
    if (status == PR_OK) {
        status = pr_settings_dump(copy, text);
    }
    for (int64_t i = 0; i < pr_settings_n(s->space) && status == PR_OK; i++) {
        pr_setting below = *pr_settings_at(s->space, i);
        char key[1024];
        (void)snprintf(key, sizeof(key), "parameters.%s", below.key);
        below.key = key;
        pr_settings_destroy(&row);
        status = pr_settings_create(&row);
        if (status == PR_OK) {
            status = pr_settings_put(row, &below);
        }
        if (status == PR_OK) {
            status = pr_settings_dump(row, text);
        }
    }
    pr_settings_destroy(&row);
    pr_settings_destroy(&copy);
    return status;
}

/* A file that says this already stays as it is. */
static pr_status write_text(const char *path, const pr_text *text)
{
    char *before = NULL;
    if (pr_fs_exists(path)) {
        PR_TRY(pr_fs_read(path, &before, NULL));
        const bool is_same = strcmp(before, pr_text_chars(text)) == 0;
        pr_free(before);
        if (is_same) {
            return PR_OK;
        }
    }
    return pr_fs_write(path, pr_text_chars(text), text->n_chars);
}

static pr_status write_config(const pr_sweep *s, int64_t trial)
{
    char path[PR_PATH_BYTES];
    pr_text text = {0};
    pr_settings *settings = NULL;
    PR_TRY(pr_sweep_config(s, trial, path));
    PR_TRY(pr_sweep_settings(s, trial, &settings));
    pr_status status = pr_settings_dump(settings, &text);
    if (status == PR_OK) {
        status = write_text(path, &text);
    }
    pr_settings_destroy(&settings);
    pr_text_free(&text);
    return status;
}

/* The spec comes last: with it, all else is there. */
static pr_status write_all(const pr_sweep *s)
{
    char path[PR_PATH_BYTES];
    pr_text text = {0};
    PR_TRY(pr_fs_join(path, s->dir, "configs"));
    PR_TRY(pr_fs_mkdirs(path));
    for (int64_t trial = 0; trial < pr_sweep_n_trials(s); trial++) {
        PR_TRY(write_config(s, trial));
    }
    PR_TRY(pr_fs_join(path, s->dir, "base.yaml"));
    pr_status status = pr_settings_dump(s->base, &text);
    if (status == PR_OK) {
        status = write_text(path, &text);
    }
    pr_text_free(&text);
    PR_TRY(status);
    PR_TRY(pr_fs_join(path, s->dir, "spec.yaml"));
    status = spec_text(s, &text);
    if (status == PR_OK) {
        status = write_text(path, &text);
    }
    pr_text_free(&text);
    return status;
}

/* Whether AT has another value in OTHERS, or none: then *OTHER is that, or "nothing". */
static bool differs(const pr_setting *at, const pr_settings *others, const char **other)
{
    const pr_setting *const found = pr_settings_find(others, at->key);
    *other = found != NULL ? found->value : "nothing";
    return found == NULL || strcmp(found->value, at->value) != 0;
}

/* The first setting in which two lists differ; *THEN and *NOW are "nothing" where a side has none. */
static bool find_change(const pr_settings *before, const pr_settings *now, const char **key,
                        const char **then_value, const char **now_value)
{
    for (int64_t i = 0; i < pr_settings_n(before); i++) {
        const pr_setting *const at = pr_settings_at(before, i);
        *key = at->key;
        *then_value = at->value;
        if (differs(at, now, now_value)) {
            return true;
        }
    }
    for (int64_t i = 0; i < pr_settings_n(now); i++) {
        const pr_setting *const at = pr_settings_at(now, i);
        *key = at->key;
        *now_value = at->value;
        if (differs(at, before, then_value)) {
            return true;
        }
    }
    return false;
}

/* A list's words on one line: the line feeds between them, not the last, become commas. */
static void one_line(const char *value, char out[static 128])
{
    (void)snprintf(out, 128, "%s", value);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '\n' && c[1] == '\0') {
            *c = '\0';
            return;
        }
        if (*c == '\n') {
            *c = ',';
        }
    }
}

static pr_status refuse(const pr_sweep *s, const char *key, const char *before, const char *now)
{
    char then_line[128];
    char now_line[128];
    one_line(before, then_line);
    one_line(now, now_line);
    return PR_FAIL(PR_ERR_INVALID,
                   "%s holds another sweep: %s was %s there and is %s here; take another --out",
                   s->dir, key, then_line, now_line);
}

/* The config may change in what a resume may change: paths, intervals, how jobs are asked for. */
static pr_status check_base(const pr_sweep *s, const pr_sweep *before)
{
    pr_config_change change = {NULL, NULL, NULL};
    pr_config_compare(before->defaults->config, s->defaults->config, &change);
    return change.key == NULL
               ? PR_OK
               : refuse(s, change.key, change.before != NULL ? change.before : "nothing",
                        change.now != NULL ? change.now : "nothing");
}

static pr_status check_same(const pr_sweep *s)
{
    pr_sweep *before = NULL;
    pr_config_change change = {NULL, NULL, NULL};
    const char *key = NULL;
    const char *then_value = NULL;
    const char *now_value = NULL;
    PR_TRY(pr_sweep_of_dir(s->dir, &before));
    pr_config_compare(before->config, s->config, &change);
    pr_status status = PR_OK;
    if (change.key != NULL) {
        status = refuse(s, change.key, change.before != NULL ? change.before : "nothing",
                        change.now != NULL ? change.now : "nothing");
    } else if (find_change(before->space, s->space, &key, &then_value, &now_value)) {
        status = refuse(s, key, then_value, now_value);
    }
    if (status == PR_OK) {
        status = check_base(s, before);
    }
    pr_sweep_destroy(&before);
    return status;
}

pr_status pr_sweep_begin(const pr_sweep *s, pr_fs_lock **lock)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, s->dir, "spec.yaml"));
    PR_TRY(pr_fs_mkdirs(s->dir));
    PR_TRY(pr_fs_lock_take(s->dir, lock));
    pr_status status = pr_fs_exists(path) ? check_same(s) : PR_OK;
    if (status == PR_OK) {
        status = write_all(s);
    }
    if (status != PR_OK) {
        pr_fs_lock_destroy(lock);
    }
    return status;
}
