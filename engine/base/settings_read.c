/* Files with what they inherit, and words of the command line. */
#include "engine/base/alloc.h"
#include "engine/base/config_private.h"
#include "engine/base/fs.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CHAIN = 16, MAX_FILE_BYTES = 1 << 24 };

/* The files that are being read, outermost first. */
typedef struct chain {
    const struct chain *outer;
    const char *file;
    int length;
} chain;

static bool is_same_file(const char *a, const char *b)
{
    char *const whole_a = realpath(a, NULL);
    char *const whole_b = realpath(b, NULL);
    const bool is_same = whole_a != NULL && whole_b != NULL && strcmp(whole_a, whole_b) == 0;
    free(whole_a);
    free(whole_b);
    return is_same || strcmp(a, b) == 0;
}

static pr_status add_file(pr_settings *settings, const char *file, const chain *outer);

/* Reads what OWN inherits into SETTINGS, and drops the key. */
// NOLINTNEXTLINE(misc-no-recursion): MAX_CHAIN files at most.
static pr_status add_inherited(pr_settings *settings, pr_settings *own, const chain *here)
{
    const pr_setting *const inherit = pr_settings_find(own, "inherit");
    if (inherit == NULL) {
        return PR_OK;
    }
    PR_REQUIRE(!inherit->is_list, PR_ERR_INVALID, "%s:%d: inherit is a list; one file was wanted",
               inherit->file, inherit->line);
    char folder[PR_PATH_BYTES];
    char path[PR_PATH_BYTES];
    pr_fs_folder_of(folder, here->file);
    PR_TRY(pr_fs_join(path, strcmp(folder, ".") == 0 ? "" : folder, inherit->value));
    for (const chain *c = here; c != NULL; c = c->outer) {
        PR_REQUIRE(!is_same_file(c->file, path), PR_ERR_INVALID,
                   "%s:%d: inherit: %s: a circle, that file inherits this one", inherit->file,
                   inherit->line, inherit->value);
    }
    PR_REQUIRE(here->length < MAX_CHAIN, PR_ERR_INVALID,
               "%s:%d: inherit: %s: more than %d files in a chain", inherit->file, inherit->line,
               inherit->value, MAX_CHAIN);
    PR_REQUIRE(pr_fs_exists(path), PR_ERR_IO, "%s:%d: inherit: %s: there is no such file",
               inherit->file, inherit->line, path);
    PR_TRY(add_file(settings, path, here));
    pr__settings_remove(own, "inherit");
    return PR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion)
static pr_status add_text(pr_settings *settings, const char *yaml, size_t n_bytes,
                          const chain *here)
{
    pr_settings *own = NULL;
    PR_TRY(pr_settings_create(&own));
    pr_status status = pr__yaml_flatten(here->file, yaml, n_bytes, "", own);
    if (status == PR_OK) {
        status = add_inherited(settings, own, here);
    }
    if (status == PR_OK) {
        status = pr__settings_merge(settings, own);
    }
    pr_settings_destroy(&own);
    return status;
}

// NOLINTNEXTLINE(misc-no-recursion)
static pr_status add_file(pr_settings *settings, const char *file, const chain *outer)
{
    const chain here = {outer, file, outer != NULL ? outer->length + 1 : 1};
    char *yaml = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(file, &yaml, &n_bytes));
    pr_status status = PR_OK;
    if (n_bytes > MAX_FILE_BYTES) {
        status = PR_FAIL(PR_ERR_FORMAT, "%s: %zu bytes, a config has at most %d", file, n_bytes,
                         MAX_FILE_BYTES);
    }
    if (status == PR_OK) {
        status = add_text(settings, yaml, n_bytes, &here);
    }
    pr_free(yaml);
    return status;
}

pr_status pr_settings_add_file(pr_settings *settings, const char *file)
{
    return add_file(settings, file, NULL);
}

pr_status pr_settings_add_yaml(pr_settings *settings, const char *file, const char *yaml,
                               size_t n_bytes)
{
    const chain here = {NULL, file, 1};
    return add_text(settings, yaml, n_bytes, &here);
}

pr_status pr_settings_add_word(pr_settings *settings, const char *key_value)
{
    const char *const equals = strchr(key_value, '=');
    PR_REQUIRE(equals != NULL && equals != key_value, PR_ERR_INVALID, "--set %s: wanted key=value",
               key_value);
    PR_REQUIRE(equals - key_value <= MAX_KEY_CHARS, PR_ERR_INVALID,
               "--set %.40s...: a key longer than %d characters", key_value, MAX_KEY_CHARS);
    PR_REQUIRE(pr_text_is_clean(key_value, strlen(key_value)), PR_ERR_INVALID,
               "--set %s: a control character or line feed in it, or it is no UTF-8", key_value);
    char *const key = pr_strdup(key_value);
    PR_REQUIRE(key != NULL, PR_ERR_NOMEM, "no memory for --set");
    key[equals - key_value] = '\0';
    const char *const value = equals + 1;

    pr_settings *own = NULL;
    pr_status status = pr_settings_create(&own);
    if (status == PR_OK && value[0] != '\0' && strchr("[{\"'", value[0]) != NULL) {
        status = pr__yaml_flatten("--set", value, strlen(value), key, own);
    } else if (status == PR_OK) {
        /* A bare word is itself, whatever YAML would see in its colons and stars. */
        const pr_setting setting = {key, value, "--set", 0, false};
        status = pr__settings_append(own, &setting);
    }
    if (status == PR_OK) {
        for (int64_t i = 0; i < own->n; i++) {
            own->at[i].line = 0;
        }
        status = pr__settings_merge(settings, own);
    }
    pr_settings_destroy(&own);
    pr_free(key);
    return status;
}
