/** What the files config*.c and settings*.c share; nobody else includes this. */
#ifndef PR_ENGINE_BASE_CONFIG_PRIVATE_H
#define PR_ENGINE_BASE_CONFIG_PRIVATE_H

#include "engine/base/config.h"

/** A growing list of settings, and the keys under which files have lists of maps. */
struct pr_settings {
    pr_setting *at; /* [n], all texts owned */
    int64_t n, n_room;
    char **lists; /* [n_lists], owned */
    int64_t n_lists, n_lists_room;
};

/** Appends a copy. The key must not be there. */
pr_status pr__settings_append(pr_settings *settings, const pr_setting *setting);
/** Appends a copy, or takes the place of the setting of that key. */
pr_status pr__settings_put(pr_settings *settings, const pr_setting *setting);
/** Notes that KEY is a list of maps: merged over another file's, it replaces all of it. */
pr_status pr__settings_note_list(pr_settings *settings, const char *key);
/** Removes KEY and all keys below it. */
void pr__settings_remove(pr_settings *settings, const char *key);
/** Writes UPPER over SETTINGS. */
pr_status pr__settings_merge(pr_settings *settings, const pr_settings *upper);
/** Whether KEY is PREFIX or stands below it; *REST is then what follows the dot, or "". */
bool pr__key_is_below(const char *key, const char *prefix, const char **rest);

/**
 * Flattens the YAML text into SETTINGS, whose keys begin with PREFIX ("" for a file, which must be a
 * map then).
 */
pr_status pr__yaml_flatten(const char *file, const char *yaml, size_t n_bytes, const char *prefix,
                           pr_settings *settings);

/** One effective value: a row of the schema, or of one element of a group. */
typedef struct pr__value {
    const pr_config_row *row;
    char *key;          /* whole */
    char *text;         /* canonical; NULL: not set yet */
    char *default_text; /* canonical; NULL: the row has none */
    bool is_set;
} pr__value;

struct pr_config {
    const pr_config_schema *schema;
    pr__value *values; /* [n_values]; plain rows of all modules, then the groups' */
    int64_t n_values, n_room;
    void **kept; /* [n_kept]: what the structs point to */
    int64_t n_kept, n_kept_room;
};

/** Memory that lives as long as CONFIG. */
pr_status pr__config_keep(pr_config *config, int64_t n, size_t size, void **out);

enum { PLACE_BYTES = 512 };

/** Where a value stands; line 0 where there are no lines: "--set", "the default". */
typedef struct pr__place {
    const char *file;
    int line;
} pr__place;

/** "exp.yaml:3: " or "--set " into TEXT, which it returns: the beginning of a message. */
const char *pr__place_text(pr__place place, char text[static PLACE_BYTES]);

/** Makes room for one more in the array *AT of *N_ROOM elements, N of them used. */
pr_status pr__grow(void **at, int64_t n, int64_t *n_room, size_t size);

/* Of a key in a file or in --set; and room for one with a group's prefix. */
enum { MAX_KEY_CHARS = 256, MAX_KEY_BYTES = 1024 };

/** What one application works on. */
typedef struct pr__applier {
    pr_config *config;
    const pr_settings *settings;
    bool *is_used; /* [settings->n] */
} pr__applier;

/**
 * Makes the value of ROW below PREFIX ("": a plain row) from its setting, from the row of the same
 * key below FALLBACK_PREFIX (NULL: none) or from its default, and writes it into TARGET (or NULL).
 */
pr_status pr__apply_row(pr__applier *a, const pr_config_row *row, const char *prefix,
                        const char *fallback_prefix, void *target);
pr_status pr__apply_group(pr__applier *a, const pr_config_group *group, void *target);

/** The failure for a setting that no row takes. */
pr_status pr__unknown_key(const pr_config *config, const pr_setting *setting);

/**
 * Reads VALUE (a list's words each end with "\n") as ROW says, checks it, writes its canonical text
 * to *TEXT (to pr_free) and, where MEMBER is not NULL, itself to MEMBER.
 */
pr_status pr__value_read(pr_config *config, const pr_config_row *row, const char *key,
                         const char *value, bool is_list, pr__place place, void *member,
                         char **text);

/** The default of ROW as a setting's value; *VALUE to pr_free. */
pr_status pr__default_of(const pr_config_row *row, char **value, bool *is_list);

#endif
