/**
 * A table of words, each once: shards, indices and samples hold numbers into one. Number 0 is the
 * empty word, which means unknown.
 */
#ifndef PR_DATASET_WORDS_H
#define PR_DATASET_WORDS_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PR_WORD_MAX_BYTES = 255 }; /* of a word in a dataset; joined words in memory are longer */

/** What forbids TEXT as a word of a dataset (its length, control characters), or NULL. */
const char *pr__word_check(const char *text);

typedef struct pr_words pr_words;

pr_status pr__words_create(pr_words **out);
void pr__words_destroy(pr_words **words);

int32_t pr__words_n(const pr_words *words);

/** Word NUMBER, borrowed until the next pr__words_add. */
const char *pr__words_at(const pr_words *words, int32_t number);

/** The number of the N_BYTES at TEXT, which is new or known. Errors: PR_ERR_NOMEM. */
pr_status pr__words_add(pr_words *words, const char *text, size_t n_bytes, int32_t *number);

/** The number of TEXT, or -1. */
int32_t pr__words_find(const pr_words *words, const char *text);

/**
 * Renumbers the words in bytewise order (the empty word stays 0): NEW_OF_OLD [n words] tells how.
 * From then on the order of numbers is the order of words. Errors: PR_ERR_NOMEM.
 */
pr_status pr__words_sort(pr_words *words, int32_t *new_of_old);

/** The words as rows of a fixed width (the longest's, at least 1), padded with NUL; to pr_free. */
pr_status pr__words_to_rows(const pr_words *words, char **rows, size_t *width);

/**
 * Adds N rows of WIDTH bytes, as above; NUMBER [n] receives what they became. With SORTED they must
 * be in bytewise order, each once, the empty word first.
 *
 * Errors: PR_ERR_FORMAT where they are not, or a row is longer than PR_WORD_MAX_BYTES (PATH is
 * named); PR_ERR_NOMEM.
 */
pr_status pr__words_add_rows(pr_words *words, const char *path, const char *rows, int64_t n,
                             size_t width, bool sorted, int32_t *number);

#endif
