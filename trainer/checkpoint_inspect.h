/**
 * What a checkpoint holds, in numbers.
 */
#ifndef PR_TRAINER_CHECKPOINT_INSPECT_H
#define PR_TRAINER_CHECKPOINT_INSPECT_H

#include "engine/base/text.h"

/**
 * Adds to TEXT where the run stood, its hashes, a line for each tensor, and last a line
 *
 *     content 0123456789abcdef
 *
 * which is a hash over names, types, shapes and bytes of all tensors, without the config: two
 * checkpoints with equal lines hold the same numbers. Checks every checksum. Not collective.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT for a file that is no whole checkpoint.
 */
pr_status pr_checkpoint_inspect(const char *path, pr_text *text);

#endif
