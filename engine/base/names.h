/**
 * Names that a list knows: what may be one, and what to say of a word that is none.
 */
#ifndef PR_ENGINE_BASE_NAMES_H
#define PR_ENGINE_BASE_NAMES_H

#include "engine/base/text.h"

/** Whether NAME is one or more of a-z, 0-9 and _. */
bool pr_name_is_plain(const char *name);

/**
 * Appends "'WORD' (did you mean 'NEAREST'?); there are A, B and C": the end of a message about a word
 * that is none of the N names, of which there is one at least. Errors: PR_ERR_NOMEM.
 */
pr_status pr_names_unknown(pr_text *text, const char *word, const char *const *names, int64_t n);

#endif
