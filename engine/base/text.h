/**
 * Text that grows, JSON's escapes, word lists, and the word that was probably meant.
 */
#ifndef PR_ENGINE_BASE_TEXT_H
#define PR_ENGINE_BASE_TEXT_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Starts as {0}; CHARS is NUL-terminated as soon as it is not NULL. */
typedef struct pr_text {
    char *chars;
    size_t n_chars;
    size_t n_bytes; /* allocated */
} pr_text;

/** The text, "" where nothing was added. Borrowed. */
const char *pr_text_chars(const pr_text *text);
void pr_text_free(pr_text *text);

/** Appends. Errors: PR_ERR_NOMEM. */
pr_status pr_text_add(pr_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
pr_status pr_text_add_bytes(pr_text *text, const char *bytes, size_t n_bytes);
/** WORD in double quotes, escaped as JSON wants it; bytes above 127 are taken for UTF-8. */
pr_status pr_text_add_json(pr_text *text, const char *word);
/** VALUE as JSON: %.17g, or null where it is not finite. */
pr_status pr_text_add_json_real(pr_text *text, double value);

/**
 * The parts of TEXT between SEPARATORS (",": "a,,b" has three), without surrounding blanks; one
 * block with a NULL behind the last, to pr_free. "" has no parts.
 */
pr_status pr_text_split(const char *text, char separator, char ***parts, int64_t *n_parts);

/** Changes (insert, delete, replace a character, swap neighbours) that make A of B. */
int pr_text_distance(const char *a, const char *b);

/** The candidate nearest to WORD, or NULL where none is near enough to have been meant. */
const char *pr_text_nearest(const char *word, const char *const *candidates, int64_t n);

/**
 * Whether the bytes are UTF-8 that can stand in a line of YAML or JSON as it is: no control
 * characters, line feeds and tabs among them, no surrogates, no byte order mark.
 */
bool pr_text_is_clean(const char *text, size_t n_bytes);

/** Whether TEXT is all of a number; writes *VALUE only then. */
bool pr_text_to_int(const char *text, int64_t *value);
bool pr_text_to_real(const char *text, double *value);

#endif
