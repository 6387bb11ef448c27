/*
 * Any bytes as a config: YAML up to the first zero byte, then words of --set, a zero byte between.
 * Refused with a message, or an effective config whose dump reads back as the same config.
 */
#include "engine/base/alloc.h"
#include "engine/base/config.h"
#include "trainer/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Success without a message, or failure with one. */
static pr_status checked(pr_status status)
{
    require((status == PR_OK) == (pr_error_message()[0] == '\0'));
    return status;
}

/* `inherit` may name any file of this machine: not what is looked for here. */
static bool names_a_path(const char *text, size_t n_bytes)
{
    return strstr(text, "inherit") != NULL &&
           (memchr(text, '/', n_bytes) != NULL || memchr(text, '\\', n_bytes) != NULL);
}

static pr_status gather(const char *text, size_t n_bytes, pr_settings *settings)
{
    const size_t n_yaml = strlen(text);
    PR_TRY(pr_settings_add_yaml(settings, "/nonexistent/fuzz.yaml", text, n_yaml));
    char **rows = NULL;
    int64_t n_rows = 0;
    PR_TRY(pr_settings_rows(settings, &rows, &n_rows));
    const pr_status status = pr_settings_choose_row(settings, n_rows > 0 ? rows[0] : NULL);
    pr_free(rows);
    PR_TRY(status);
    for (size_t at = n_yaml + 1; at < n_bytes; at += strlen(text + at) + 1) {
        PR_TRY(pr_settings_add_word(settings, text + at));
    }
    return PR_OK;
}

/* What rank 0 broadcasts is what it has. */
static void check_packing(const pr_settings *settings)
{
    pr_text packed = {0};
    pr_settings *copy = NULL;
    require(pr_settings_pack(settings, &packed) == PR_OK);
    require(pr_settings_unpack(pr_text_chars(&packed), packed.n_chars, &copy) == PR_OK);
    require(pr_settings_n(copy) == pr_settings_n(settings));
    for (int64_t i = 0; i < pr_settings_n(copy); i++) {
        const pr_setting *const a = pr_settings_at(settings, i);
        const pr_setting *const b = pr_settings_at(copy, i);
        require(strcmp(a->key, b->key) == 0 && strcmp(a->value, b->value) == 0 &&
                strcmp(a->file, b->file) == 0 && a->line == b->line && a->is_list == b->is_list);
    }
    pr_settings_destroy(&copy);
    pr_text_free(&packed);
}

static void check_dump(const pr_config *config)
{
    pr_config_schema schema = {.n_modules = 0}; /* without a target: what CONFIG filled stays */
    pr_text dump = {0};
    pr_text again = {0};
    pr_settings *settings = NULL;
    pr_config *other = NULL;
    uint64_t hash = 0;
    uint64_t other_hash = 1;
    require(pr_train_options_register(&schema, NULL) == PR_OK);
    require(pr_config_dump(config, &dump) == PR_OK);
    require(pr_settings_create(&settings) == PR_OK);
    require(pr_settings_add_yaml(settings, "dump", pr_text_chars(&dump), dump.n_chars) == PR_OK);
    require(pr_config_apply(&schema, settings, &other) == PR_OK);
    require(pr_config_dump(other, &again) == PR_OK);
    require(strcmp(pr_text_chars(&dump), pr_text_chars(&again)) == 0);
    require(pr_config_hash(config, &hash) == PR_OK);
    require(pr_config_hash(other, &other_hash) == PR_OK && hash == other_hash);
    pr_config_change change = {0};
    pr_config_compare(config, other, &change);
    require(change.key == NULL);
    pr_config_destroy(&other);
    pr_settings_destroy(&settings);
    pr_text_free(&dump);
    pr_text_free(&again);
}

static void apply(const pr_settings *settings)
{
    static pr_train_options options;
    pr_config_schema schema = {.n_modules = 0};
    pr_config *config = NULL;
    memset(&options, 0, sizeof(options));
    require(pr_train_options_register(&schema, &options) == PR_OK);
    if (checked(pr_config_apply(&schema, settings, &config)) != PR_OK) {
        require(config == NULL);
        return;
    }
    check_dump(config);
    (void)checked(pr_train_options_check(&options));
    pr_config_destroy(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char *const text = pr_calloc((int64_t)n_bytes + 1, 1);
    pr_settings *settings = NULL;
    require(text != NULL && pr_settings_create(&settings) == PR_OK);
    memcpy(text, bytes, n_bytes);
    pr_error_clear();
    if (!names_a_path(text, n_bytes) && checked(gather(text, n_bytes, settings)) == PR_OK) {
        check_packing(settings);
        apply(settings);
    }
    pr_settings_destroy(&settings);
    pr_settings *unpacked = NULL;
    pr_error_clear();
    (void)checked(pr_settings_unpack((const char *)bytes, n_bytes, &unpacked));
    pr_settings_destroy(&unpacked);
    pr_free(text);
    require(pr_alloc_n_live() == 0);
    return 0;
}
