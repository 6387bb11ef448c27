/**
 * The samples that a run's selections name.
 */
#ifndef PR_TRAINER_DATA_H
#define PR_TRAINER_DATA_H

#include "dataset/samples.h"
#include "engine/base/fs.h"
#include "trainer/options.h"

/**
 * Opens SELECTIONS [n] (data.train, data.val or one name of data.test; KEY is for messages). Not
 * collective. SEED draws frames where the rule is random. *PERTURB, unless NULL, receives what the
 * selections ask for, which must be the same for all.
 *
 * Errors: those of pr_samples_open, PR_ERR_INVALID for a selection without a folder, or a perturb
 * that does not parse.
 */
pr_status pr_data_open(const pr_train_options *options, const char *key,
                       const pr_selection_options *selections, int64_t n, pr_perturb *perturb,
                       double *perturb_value, pr_samples **out);

/** The folder that FROM, of the list KEY, names: the source, whether staged or not. */
pr_status pr_data_folder(const pr_train_options *options, const char *key,
                         const pr_selection_options *from, char out[static PR_PATH_BYTES]);

/** One name of data.test: how many selections it has, from which on. -1 where there is none. */
int64_t pr_data_test_find(const pr_train_options *options, const char *name, int64_t *n);

/**
 * A hash of what training sees of SAMPLES: pr_samples_hash, and every sample's label, background,
 * persons and faces, from which labels and pairs come. The same in any sharding.
 */
uint64_t pr_data_hash(const pr_samples *samples);

#endif
