/* The message for a key that no row takes. */
#include "engine/base/alloc.h"
#include "engine/base/config_private.h"

#include <string.h>

/* All keys that there are: those of the config, and one example of each row of each group. */
static pr_status list_keys(const pr_config *config, pr_text *lines)
{
    for (int64_t i = 0; i < config->n_values; i++) {
        PR_TRY(pr_text_add(lines, "%s\n", config->values[i].key));
    }
    static const char *const members[] = {"0", "NAME", "NAME.0"};
    const pr_config_schema *const schema = config->schema;
    for (int i = 0; i < schema->n_modules; i++) {
        const pr_config_module *const module = &schema->modules[i];
        for (int64_t g = 0; g < module->n_groups; g++) {
            const pr_config_group *const group = &module->groups[g];
            for (int64_t r = 0; r < group->n_rows; r++) {
                PR_TRY(pr_text_add(lines, "%s.%s.%s\n", group->prefix, members[group->naming],
                                   group->rows[r].key));
            }
        }
    }
    return PR_OK;
}

static pr_status fail_for(const pr_setting *s, char *const *keys, int64_t n_keys)
{
    char place[PLACE_BYTES];
    (void)pr__place_text((pr__place){s->file, s->line}, place);
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n_keys && status == PR_OK; i++) {
        const char *rest = NULL;
        if (pr__key_is_below(keys[i], s->key, &rest)) {
            status = PR_FAIL(PR_ERR_INVALID, "%s%s is no key but a section (%s)", place, s->key,
                             keys[i]);
        }
    }
    if (status == PR_OK) {
        const char *const near = pr_text_nearest(s->key, (const char *const *)keys, n_keys);
        status = PR_FAIL(PR_ERR_INVALID, "%sunknown key %s%s%s%s", place, s->key,
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                         near != NULL ? "?" : "");
    }
    return status;
}

pr_status pr__unknown_key(const pr_config *config, const pr_setting *setting)
{
    pr_text lines = {0};
    char **keys = NULL;
    int64_t n_keys = 0;
    pr_status status = list_keys(config, &lines);
    if (status == PR_OK) {
        status = pr_text_split(pr_text_chars(&lines), '\n', &keys, &n_keys);
    }
    if (status == PR_OK) {
        /* The last line feed leaves an empty part. */
        status = fail_for(setting, keys, n_keys > 0 ? n_keys - 1 : 0);
    }
    pr_free(keys);
    pr_text_free(&lines);
    return status;
}
