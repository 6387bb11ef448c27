/**
 * What makes an export a detector that PyTorch runs: notes in the weights' file, and the program
 * models/detector.py beside it, which reads both and needs torch alone.
 */
#ifndef PR_TRAINER_DETECTOR_H
#define PR_TRAINER_DETECTOR_H

#include "engine/base/config.h"
#include "models/safetensors.h"
#include "trainer/trained.h"

enum { PR_DETECTOR_MAX_NOTES = 24 };

/** Whether detector.py knows the network: objectives and backbones of the tree, not registered ones. */
bool pr_detector_knows(const pr_train_options *options);

/**
 * The notes of a run's CONFIG, whose strings they borrow: how its crops are normalised and what of
 * the network its tensors do not show.
 */
pr_status pr_detector_notes(const pr_config *config,
                            pr_safetensor_note notes[static PR_DETECTOR_MAX_NOTES], int *n_notes);

/**
 * Whether TRAINED is scored by the distance from a centre; *CENTRE is it, "centre" [D], then, of any
 * length. Borrowed. Errors: PR_ERR_INVALID where no real was shown yet.
 */
pr_status pr_detector_centre(const pr_trained *trained, bool *has_centre,
                             pr_safetensor_source *centre);

/** Writes detector.py into the folder of WEIGHTS; its path to PATH. Errors: PR_ERR_IO. */
pr_status pr_detector_write(const char *weights, char path[static PR_PATH_BYTES]);

#endif
