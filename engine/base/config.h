/**
 * Table-driven configuration: one row per key is the parser, the range check, the default, the help
 * text and the page docs/config.md at once. Each module owns its rows and the struct they fill.
 *
 * Two halves. pr_settings gathers text (files, inherited files, a chosen row of a table, --set) into
 * one flat list of (dotted key, value, file, line); rank 0 does that and broadcasts the list as text.
 * pr_config_apply writes such a list into the structs of a schema; every rank does that.
 *
 *     data:                        data.train.0.path     = faces     (exp.yaml:3)
 *       train:                     data.train.0.split    = train     (exp.yaml:4)
 *         - path: faces
 *           split: train
 *
 * A list of plain values is one value whose words stand in `words`; a list of maps is numbered.
 */
#ifndef PR_ENGINE_BASE_CONFIG_H
#define PR_ENGINE_BASE_CONFIG_H

#include "engine/base/status.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pr_config_type {
    PR_CONFIG_INT,    /* int64_t */
    PR_CONFIG_REAL,   /* double */
    PR_CONFIG_BOOL,   /* bool: true, false */
    PR_CONFIG_CHOICE, /* int: the number of the word in `words` */
    PR_CONFIG_STRING, /* const char *, owned by the config; "" only where the default is "" */
    PR_CONFIG_WORDS,  /* pr_config_words */
    PR_CONFIG_REALS,  /* pr_config_reals */
} pr_config_type;

/** A list of words, NULL-terminated (an empty one has its NULL too). Owned by the config. */
typedef struct pr_config_words {
    const char *const *at;
    int64_t n;
} pr_config_words;

typedef struct pr_config_reals {
    const double *at;
    int64_t n;
} pr_config_reals;

/** Column flags of a row. */
enum {
    PR_CONFIG_IDENTITY = 1,       /* part of what the run is: enters the config hash */
    PR_CONFIG_FREE_ON_RESUME = 2, /* a resume may change it (paths, intervals, log, threads) */
    PR_CONFIG_REQUIRED = 4,       /* has no default and must be given; default_value is NULL */
};

typedef struct pr_config_row {
    const char *key; /* "optim.lr"; inside a group without the group's prefix: "path" */
    pr_config_type type;
    const char *default_value; /* as text; a list's words are separated by ", "; never changed once
                                  released */
    double min, max;           /* inclusive, of numbers (each of a list's); both 0: no bound */
    const char *const
        *words;    /* CHOICE, WORDS: the allowed words, NULL-terminated; WORDS: or NULL */
    size_t offset; /* of the member in the struct */
    unsigned flags;
    const char *doc; /* whole phrase with the unit: "base learning rate, per step" */
} pr_config_row;

/** How the members of a repeated group are named. */
typedef enum pr_config_naming {
    PR_CONFIG_BY_NUMBER,      /* "data.train" -> data.train.0.path, data.train.1.path */
    PR_CONFIG_BY_NAME,        /* "stage" -> stage.contrastive.epochs */
    PR_CONFIG_BY_NAME_NUMBER, /* "data.test" -> data.test.ff.0.path: a named list of structs */
} pr_config_naming;

/**
 * A repeated group: an array of structs that grows with the keys that are given. An empty group is
 * empty; a group whose members are named keeps the order in which names first appear.
 */
typedef struct pr_config_group {
    const char *prefix; /* "data.train" */
    pr_config_naming naming;
    const pr_config_row *rows; /* offsets within one element */
    int64_t n_rows;
    size_t element_bytes;
    size_t offset; /* of a pr_config_array in the module's struct */
    /* Where an element's row is not given, its default is the value of the row of this prefix and
     * the same key outside of the group, as stage.<name>.optim.lr falls back to optim.lr. NULL: the
     * row's own default. "" is the whole schema. */
    const char *fallback_prefix;
    const char *doc;
} pr_config_group;

/** What a group fills. Owned by the config. */
typedef struct pr_config_array {
    void *at; /* [n] structs of element_bytes */
    int64_t n;
    const char *const
        *names; /* [n]: BY_NAME and BY_NAME_NUMBER; elements of one name are adjacent */
} pr_config_array;

/** The rows and groups of one module and the struct that they fill. All borrowed. */
typedef struct pr_config_module {
    const char *title; /* the heading in docs/config.md */
    const pr_config_row *rows;
    int64_t n_rows;
    const pr_config_group *groups;
    int64_t n_groups;
    void *target; /* may be NULL where only the documentation is wanted */
} pr_config_module;

enum { PR_CONFIG_MAX_MODULES = 32 };

typedef struct pr_config_schema {
    pr_config_module modules[PR_CONFIG_MAX_MODULES];
    int n_modules;
} pr_config_schema;

/** Adds MODULE (copied, what it points to is borrowed). Errors: PR_ERR_INVALID: no room left. */
pr_status pr_config_register(pr_config_schema *schema, const pr_config_module *module);

/* Half one: gathering text. */

typedef struct pr_setting {
    const char *key;   /* dotted */
    const char *value; /* each word of a list ends with "\n", so an empty list is "" */
    const char *file;  /* "--set" for the command line */
    int line;
    bool is_list;
} pr_setting;

typedef struct pr_settings pr_settings;

pr_status pr_settings_create(pr_settings **out);
void pr_settings_destroy(pr_settings **settings);
int64_t pr_settings_n(const pr_settings *settings);
const pr_setting *pr_settings_at(const pr_settings *settings, int64_t i);
/** The setting of KEY, or NULL. Borrowed. */
const pr_setting *pr_settings_find(const pr_settings *settings, const char *key);

/**
 * Reads FILE and what it inherits (`inherit: FILE`, relative to the inheriting file, chains), over
 * what is there already. The inheriting file wins; a list is replaced whole, also a list of maps.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT with file and line for text that is not YAML; PR_ERR_INVALID for
 * a key given twice, an alias, a circle of inheritance.
 */
pr_status pr_settings_add_file(pr_settings *settings, const char *file);

/** The same from memory; FILE is the name in messages, and `inherit` is relative to it. */
pr_status pr_settings_add_yaml(pr_settings *settings, const char *file, const char *yaml,
                               size_t n_bytes);

/** One "key=value" of the command line; VALUE is YAML ("[a, b]" is a list). */
pr_status pr_settings_add_word(pr_settings *settings, const char *key_value);

/**
 * A table file has `varies: [key, …]` and `rows: {name: {key: value}}` besides ordinary keys. This
 * moves the keys of row NAME over the others and drops both; NAME = NULL only drops them where
 * the settings have no rows. A row without keys, `name: {}`, is the table's ordinary keys.
 *
 * Errors: PR_ERR_INVALID: no such row (with the nearest), a table without a chosen row (with their
 * names), a row that sets a key which `varies` does not list.
 */
pr_status pr_settings_choose_row(pr_settings *settings, const char *name);

/** The names of the rows, in the file's order: one block, to pr_free. */
pr_status pr_settings_rows(const pr_settings *settings, char ***names, int64_t *n_names);

/** Moves what stands below PREFIX ("set": set.model.px) into a list of its own, as model.px. */
pr_status pr_settings_take(pr_settings *settings, const char *prefix, pr_settings **out);

/** Writes UPPER over SETTINGS, as a file over what it inherits: a list of maps replaces all of it. */
pr_status pr_settings_merge(pr_settings *settings, const pr_settings *upper);

/** Sets one value, in the place of SETTING's key or as a new one. Copied. */
pr_status pr_settings_put(pr_settings *settings, const pr_setting *setting);

/** The list as YAML, a line each with its whole key: read again, it is the same list. */
pr_status pr_settings_dump(const pr_settings *settings, pr_text *text);

/** The list as text and back: what rank 0 broadcasts. */
pr_status pr_settings_pack(const pr_settings *settings, pr_text *text);
pr_status pr_settings_unpack(const char *text, size_t n_bytes, pr_settings **out);

/* Half two: applying it. */

/** Owns what the structs point to; they are valid as long as it lives. */
typedef struct pr_config pr_config;

/**
 * Writes defaults, then SETTINGS, into the structs of SCHEMA's modules. SCHEMA is borrowed and must
 * outlive the config.
 *
 * Errors: PR_ERR_INVALID with file and line: an unknown key (with the nearest known one), a value
 * that does not parse or is out of range (with the range or the words), a required key that is
 * missing (with its doc), a numbered group with a hole.
 */
pr_status pr_config_apply(const pr_config_schema *schema, const pr_settings *settings,
                          pr_config **out);
void pr_config_destroy(pr_config **config);

/** The complete effective config as YAML, every key, one line each, in the schema's order. */
pr_status pr_config_dump(const pr_config *config, pr_text *text);

/** Whether KEY was set (by a file or --set) rather than left at its default. */
bool pr_config_is_set(const pr_config *config, const char *key);

/**
 * The value of KEY as text (of a double the shortest that reads back the same; each word of a list
 * ends with "\n"), or NULL where there is no such key. Borrowed.
 */
const char *pr_config_value(const pr_config *config, const char *key);

/** Over the identity keys that differ from their default: key and value, doubles as %.17g. */
pr_status pr_config_hash(const pr_config *config, uint64_t *hash);

/**
 * Compares the config of a run (its dump, applied to a schema without targets) with that of its
 * resume: the first key that differs and that a resume may not change, and its values, NULL where
 * one side does not have the key.
 */
typedef struct pr_config_change {
    const char *key, *before, *now; /* borrowed from the two configs; key NULL: nothing forbidden */
} pr_config_change;
void pr_config_compare(const pr_config *before, const pr_config *now, pr_config_change *change);

/** docs/config.md: a table for each module. */
pr_status pr_config_document(const pr_config_schema *schema, pr_text *text);

#endif
