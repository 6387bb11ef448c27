#include "engine/base/alloc.h"
#include "engine/base/config_private.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 16 };

pr_status pr__grow(void **at, int64_t n, int64_t *n_room, size_t size)
{
    if (n < *n_room) {
        return PR_OK;
    }
    const int64_t n_more = *n_room > 0 ? 2 * *n_room : FIRST_ROOM;
    void *const larger = pr_calloc(n_more, size);
    PR_REQUIRE(larger != NULL, PR_ERR_NOMEM, "no memory for %lld entries of a config",
               (long long)n_more);
    if (n > 0) {
        memcpy(larger, *at, (size_t)n * size);
    }
    pr_free(*at);
    *at = larger;
    *n_room = n_more;
    return PR_OK;
}

pr_status pr_settings_create(pr_settings **out)
{
    pr_settings *const settings = pr_calloc(1, sizeof(*settings));
    PR_REQUIRE(settings != NULL, PR_ERR_NOMEM, "no memory for a config");
    *out = settings;
    return PR_OK;
}

static void free_setting(pr_setting *setting)
{
    pr_free((void *)setting->key);
    pr_free((void *)setting->value);
    pr_free((void *)setting->file);
    *setting = (pr_setting){0};
}

void pr_settings_destroy(pr_settings **settings)
{
    pr_settings *const old = *settings;
    if (old == NULL) {
        return;
    }
    for (int64_t i = 0; i < old->n; i++) {
        free_setting(&old->at[i]);
    }
    for (int64_t i = 0; i < old->n_lists; i++) {
        pr_free(old->lists[i]);
    }
    pr_free(old->at);
    pr_free(old->lists);
    pr_free(old);
    *settings = NULL;
}

int64_t pr_settings_n(const pr_settings *settings)
{
    return settings->n;
}

const pr_setting *pr_settings_at(const pr_settings *settings, int64_t i)
{
    return &settings->at[i];
}

static int64_t index_of(const pr_settings *settings, const char *key)
{
    for (int64_t i = 0; i < settings->n; i++) {
        if (strcmp(settings->at[i].key, key) == 0) {
            return i;
        }
    }
    return -1;
}

const pr_setting *pr_settings_find(const pr_settings *settings, const char *key)
{
    const int64_t i = index_of(settings, key);
    return i >= 0 ? &settings->at[i] : NULL;
}

static pr_status copy_setting(const pr_setting *setting, pr_setting *out)
{
    *out = *setting;
    out->key = pr_strdup(setting->key);
    out->value = pr_strdup(setting->value);
    out->file = pr_strdup(setting->file);
    if (out->key == NULL || out->value == NULL || out->file == NULL) {
        free_setting(out);
        return PR_FAIL(PR_ERR_NOMEM, "no memory for the config's key %s", setting->key);
    }
    return PR_OK;
}

pr_status pr__settings_append(pr_settings *settings, const pr_setting *setting)
{
    void *at = settings->at;
    PR_TRY(pr__grow(&at, settings->n, &settings->n_room, sizeof(*settings->at)));
    settings->at = at;
    PR_TRY(copy_setting(setting, &settings->at[settings->n]));
    settings->n++;
    return PR_OK;
}

pr_status pr__settings_put(pr_settings *settings, const pr_setting *setting)
{
    const int64_t i = index_of(settings, setting->key);
    if (i < 0) {
        return pr__settings_append(settings, setting);
    }
    pr_setting copy;
    PR_TRY(copy_setting(setting, &copy));
    free_setting(&settings->at[i]);
    settings->at[i] = copy;
    return PR_OK;
}

pr_status pr__settings_note_list(pr_settings *settings, const char *key)
{
    void *lists = settings->lists;
    PR_TRY(pr__grow(&lists, settings->n_lists, &settings->n_lists_room, sizeof(char *)));
    settings->lists = lists;
    char *const copy = pr_strdup(key);
    PR_REQUIRE(copy != NULL, PR_ERR_NOMEM, "no memory for the config's key %s", key);
    settings->lists[settings->n_lists++] = copy;
    return PR_OK;
}

bool pr__key_is_below(const char *key, const char *prefix, const char **rest)
{
    const size_t n = strlen(prefix);
    if (strncmp(key, prefix, n) != 0 || (key[n] != '.' && key[n] != '\0')) {
        return false;
    }
    *rest = key[n] == '.' ? key + n + 1 : key + n;
    return true;
}

void pr__settings_remove(pr_settings *settings, const char *key)
{
    int64_t n_left = 0;
    for (int64_t i = 0; i < settings->n; i++) {
        const char *rest = NULL;
        if (pr__key_is_below(settings->at[i].key, key, &rest)) {
            free_setting(&settings->at[i]);
        } else {
            settings->at[n_left++] = settings->at[i];
        }
    }
    settings->n = n_left;
}

pr_status pr__settings_merge(pr_settings *settings, const pr_settings *upper)
{
    for (int64_t i = 0; i < upper->n_lists; i++) {
        pr__settings_remove(settings, upper->lists[i]);
        PR_TRY(pr__settings_note_list(settings, upper->lists[i]));
    }
    for (int64_t i = 0; i < upper->n; i++) {
        PR_TRY(pr__settings_put(settings, &upper->at[i]));
    }
    return PR_OK;
}

pr_status pr_settings_pack(const pr_settings *settings, pr_text *text)
{
    for (int64_t i = 0; i < settings->n; i++) {
        const pr_setting *const s = &settings->at[i];
        char numbers[32];
        (void)snprintf(numbers, sizeof(numbers), "%d %d", s->line, s->is_list ? 1 : 0);
        const char *const parts[] = {s->key, s->value, s->file, numbers};
        for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
            PR_TRY(pr_text_add_bytes(text, parts[p], strlen(parts[p]) + 1));
        }
    }
    return PR_OK;
}

/* The next NUL-terminated part, or NULL. */
static const char *next_part(const char **text, const char *end)
{
    const char *const part = *text;
    const char *const nul = part < end ? memchr(part, '\0', (size_t)(end - part)) : NULL;
    if (nul == NULL) {
        return NULL;
    }
    *text = nul + 1;
    return part;
}

static pr_status unpack_one(const char **text, const char *end, pr_settings *settings)
{
    const char *parts[4];
    for (int p = 0; p < 4; p++) {
        parts[p] = next_part(text, end);
        PR_REQUIRE(parts[p] != NULL, PR_ERR_FORMAT, "a packed config ends within entry %lld",
                   (long long)settings->n);
    }
    int64_t line = 0;
    const char *const blank = strchr(parts[3], ' ');
    char number[16] = "";
    if (blank != NULL && blank - parts[3] < (long)sizeof(number)) {
        memcpy(number, parts[3], (size_t)(blank - parts[3]));
    }
    PR_REQUIRE(blank != NULL && pr_text_to_int(number, &line) && line >= 0 && line < INT32_MAX,
               PR_ERR_FORMAT, "a packed config's entry %lld has the line '%s'",
               (long long)settings->n, parts[3]);
    const pr_setting setting = {.key = parts[0],
                                .value = parts[1],
                                .file = parts[2],
                                .line = (int)line,
                                .is_list = blank[1] == '1'};
    return pr__settings_append(settings, &setting);
}

pr_status pr_settings_unpack(const char *text, size_t n_bytes, pr_settings **out)
{
    pr_settings *settings = NULL;
    PR_TRY(pr_settings_create(&settings));
    const char *const end = text + n_bytes;
    while (text < end) {
        const pr_status status = unpack_one(&text, end, settings);
        if (status != PR_OK) {
            pr_settings_destroy(&settings);
            return status;
        }
    }
    *out = settings;
    return PR_OK;
}
