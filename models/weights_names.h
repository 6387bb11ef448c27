/**
 * Names of tensors in other programs' files. Shared by the files of models only.
 */
#ifndef PR_MODELS_WEIGHTS_NAMES_H
#define PR_MODELS_WEIGHTS_NAMES_H

#include "models/weights.h"

/**
 * The store's tensor that NAME of a file means, or -1; then *SKIP is the reason to leave it out, or
 * "" where there is none. IS_OURS: pr_weights_export wrote the file.
 */
int pr__weights_resolve(const pr_store *store, const pr_weights_options *options, bool is_ours,
                        const char *name, const char **skip);

#endif
