/* Parts of a list of settings, one list over another, and a list as YAML. */
#include "engine/base/alloc.h"
#include "engine/base/config_private.h"

#include <ctype.h>
#include <string.h>

pr_status pr_settings_merge(pr_settings *settings, const pr_settings *upper)
{
    return pr__settings_merge(settings, upper);
}

pr_status pr_settings_put(pr_settings *settings, const pr_setting *setting)
{
    return pr__settings_put(settings, setting);
}

static pr_status copy_below(const pr_settings *settings, const char *prefix, pr_settings *out)
{
    for (int64_t i = 0; i < settings->n; i++) {
        pr_setting moved = settings->at[i];
        if (pr__key_is_below(settings->at[i].key, prefix, &moved.key)) {
            PR_REQUIRE(moved.key[0] != '\0', PR_ERR_INVALID,
                       "%s:%d: %s is a section, not one value", moved.file, moved.line, prefix);
            PR_TRY(pr__settings_append(out, &moved));
        }
    }
    for (int64_t i = 0; i < settings->n_lists; i++) {
        const char *key = NULL;
        if (pr__key_is_below(settings->lists[i], prefix, &key) && key[0] != '\0') {
            PR_TRY(pr__settings_note_list(out, key));
        }
    }
    return PR_OK;
}

pr_status pr_settings_take(pr_settings *settings, const char *prefix, pr_settings **out)
{
    pr_settings *below = NULL;
    PR_TRY(pr_settings_create(&below));
    const pr_status status = copy_below(settings, prefix, below);
    if (status != PR_OK) {
        pr_settings_destroy(&below);
        return status;
    }
    pr__settings_remove(settings, prefix);
    *out = below;
    return PR_OK;
}

/* What YAML reads as itself, numbers among it; all else stands in JSON's quotes, which YAML has. */
static bool is_plain(const char *word)
{
    const char *const digits = word[0] == '-' || word[0] == '.' ? word + 1 : word;
    if (isalnum((unsigned char)digits[0]) == 0 ||
        (digits != word && isdigit((unsigned char)digits[0]) == 0)) {
        return false;
    }
    for (const char *c = digits; *c != '\0'; c++) {
        if (isalnum((unsigned char)*c) == 0 && strchr("_-./()+", *c) == NULL) {
            return false;
        }
    }
    return true;
}

static pr_status add_word(pr_text *text, const char *word)
{
    return is_plain(word) ? pr_text_add(text, "%s", word) : pr_text_add_json(text, word);
}

static pr_status add_list(pr_text *text, const char *value)
{
    char **words = NULL;
    int64_t n = 0;
    PR_TRY(pr_text_split(value, '\n', &words, &n));
    pr_status status = pr_text_add(text, "[");
    /* The last line feed leaves an empty part. */
    for (int64_t i = 0; status == PR_OK && i + 1 < n; i++) {
        status = pr_text_add(text, "%s", i > 0 ? ", " : "");
        if (status == PR_OK) {
            status = add_word(text, words[i]);
        }
    }
    pr_free(words);
    PR_TRY(status);
    return pr_text_add(text, "]");
}

pr_status pr_settings_dump(const pr_settings *settings, pr_text *text)
{
    for (int64_t i = 0; i < settings->n; i++) {
        const pr_setting *const s = &settings->at[i];
        PR_TRY(add_word(text, s->key));
        PR_TRY(pr_text_add(text, ": "));
        PR_TRY(s->is_list ? add_list(text, s->value) : add_word(text, s->value));
        PR_TRY(pr_text_add(text, "\n"));
    }
    return PR_OK;
}
