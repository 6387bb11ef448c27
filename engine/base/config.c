#include "engine/base/config.h"

#include "engine/base/alloc.h"
#include "engine/base/config_private.h"

#include <stdio.h>
#include <string.h>

pr_status pr_config_register(pr_config_schema *schema, const pr_config_module *module)
{
    PR_REQUIRE(schema->n_modules < PR_CONFIG_MAX_MODULES, PR_ERR_INVALID,
               "more than %d modules have config rows", PR_CONFIG_MAX_MODULES);
    schema->modules[schema->n_modules++] = *module;
    return PR_OK;
}

pr_status pr__config_keep(pr_config *config, int64_t n, size_t size, void **out)
{
    void *kept = config->kept;
    PR_TRY(pr__grow(&kept, config->n_kept, &config->n_kept_room, sizeof(void *)));
    config->kept = kept;
    void *const memory = pr_calloc(n, size);
    PR_REQUIRE(memory != NULL, PR_ERR_NOMEM, "no memory for %lld values of a config", (long long)n);
    config->kept[config->n_kept++] = memory;
    *out = memory;
    return PR_OK;
}

static pr__value *find_value(const pr_config *config, const char *key)
{
    for (int64_t i = 0; i < config->n_values; i++) {
        if (strcmp(config->values[i].key, key) == 0) {
            return &config->values[i];
        }
    }
    return NULL;
}

static pr_status new_value(pr_config *config, const pr_config_row *row, const char *prefix,
                           pr__value **out)
{
    void *values = config->values;
    PR_TRY(pr__grow(&values, config->n_values, &config->n_room, sizeof(*config->values)));
    config->values = values;
    pr_text key = {0};
    const pr_status status =
        pr_text_add(&key, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", row->key);
    if (status != PR_OK) {
        pr_text_free(&key);
        return status;
    }
    pr__value *const value = &config->values[config->n_values++];
    *value = (pr__value){.row = row, .key = key.chars};
    *out = value;
    return PR_OK;
}

/* The row's own default: read in any case, so that an ill-typed one is met by the first test. */
static pr_status read_default(pr_config *config, pr__value *value, void *member)
{
    if (value->row->default_value == NULL) {
        return PR_OK;
    }
    char *text = NULL;
    bool is_list = false;
    PR_TRY(pr__default_of(value->row, &text, &is_list));
    const pr__place place = {"the default", 0};
    const pr_status status = pr__value_read(config, value->row, value->key, text, is_list, place,
                                            member, &value->default_text);
    pr_free(text);
    return status;
}

static pr_status set_from(pr_config *config, pr__value *value, const char *text, bool is_list,
                          pr__place place, void *member)
{
    return pr__value_read(config, value->row, value->key, text, is_list, place, member,
                          &value->text);
}

pr_status pr__apply_row(pr__applier *a, const pr_config_row *row, const char *prefix,
                        const char *fallback_prefix, void *target)
{
    pr_config *const config = a->config;
    pr__value *value = NULL;
    PR_TRY(new_value(config, row, prefix, &value));
    void *const member = target != NULL ? (char *)target + row->offset : NULL;
    PR_TRY(read_default(config, value, member));

    const pr_setting *const setting = pr_settings_find(a->settings, value->key);
    if (setting != NULL) {
        a->is_used[setting - a->settings->at] = true;
        value->is_set = true;
        return set_from(config, value, setting->value, setting->is_list,
                        (pr__place){setting->file, setting->line}, member);
    }
    if (fallback_prefix != NULL) {
        char key[MAX_KEY_BYTES];
        (void)snprintf(key, sizeof(key), "%s%s%s", fallback_prefix,
                       fallback_prefix[0] != '\0' ? "." : "", row->key);
        const pr__value *const outside = find_value(config, key);
        if (outside != NULL && outside->text != NULL) {
            const bool is_list = row->type == PR_CONFIG_WORDS || row->type == PR_CONFIG_REALS;
            return set_from(config, value, outside->text, is_list, (pr__place){outside->key, 0},
                            member);
        }
    }
    PR_REQUIRE(value->default_text != NULL, PR_ERR_INVALID, "%s must be given: %s", value->key,
               row->doc);
    value->text = pr_strdup(value->default_text);
    PR_REQUIRE(value->text != NULL, PR_ERR_NOMEM, "no memory for the config's key %s", value->key);
    return PR_OK;
}

static pr_status apply_all(pr__applier *a)
{
    const pr_config_schema *const schema = a->config->schema;
    /* Plain rows first: groups fall back on them, whichever module they are of. */
    for (int i = 0; i < schema->n_modules; i++) {
        const pr_config_module *const module = &schema->modules[i];
        for (int64_t r = 0; r < module->n_rows; r++) {
            PR_TRY(pr__apply_row(a, &module->rows[r], "", NULL, module->target));
        }
    }
    for (int i = 0; i < schema->n_modules; i++) {
        const pr_config_module *const module = &schema->modules[i];
        for (int64_t g = 0; g < module->n_groups; g++) {
            PR_TRY(pr__apply_group(a, &module->groups[g], module->target));
        }
    }
    for (int64_t i = 0; i < a->settings->n; i++) {
        if (!a->is_used[i]) {
            return pr__unknown_key(a->config, &a->settings->at[i]);
        }
    }
    return PR_OK;
}

pr_status pr_config_apply(const pr_config_schema *schema, const pr_settings *settings,
                          pr_config **out)
{
    pr_config *config = pr_calloc(1, sizeof(*config));
    PR_REQUIRE(config != NULL, PR_ERR_NOMEM, "no memory for a config");
    config->schema = schema;
    pr__applier a = {config, settings, pr_calloc(settings->n, sizeof(bool))};
    pr_status status = a.is_used != NULL ? PR_OK : PR_FAIL(PR_ERR_NOMEM, "no memory for a config");
    if (status == PR_OK) {
        status = apply_all(&a);
    }
    pr_free(a.is_used);
    if (status != PR_OK) {
        pr_config_destroy(&config);
        return status;
    }
    *out = config;
    return PR_OK;
}

void pr_config_destroy(pr_config **config)
{
    pr_config *const old = *config;
    if (old == NULL) {
        return;
    }
    for (int64_t i = 0; i < old->n_values; i++) {
        pr_free(old->values[i].key);
        pr_free(old->values[i].text);
        pr_free(old->values[i].default_text);
    }
    for (int64_t i = 0; i < old->n_kept; i++) {
        pr_free(old->kept[i]);
    }
    pr_free(old->values);
    pr_free(old->kept);
    pr_free(old);
    *config = NULL;
}
