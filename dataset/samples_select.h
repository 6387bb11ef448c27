/**
 * Which crops of one directory a selection picks.
 */
#ifndef PR_DATASET_SAMPLES_SELECT_H
#define PR_DATASET_SAMPLES_SELECT_H

#include "dataset/index.h"
#include "dataset/samples.h"

/**
 * Sets PICKED [n_crops] to 1 for the crops of INDEX that SELECTION picks; others keep what they are.
 * Frames are counted a video (dataset, method, compression, video), a frame with all its faces.
 * PR_FRAMES_RANDOM draws by (dataset, method, video), so that all compressions of a video that have
 * the same frames give the same ones.
 *
 * Errors: PR_ERR_INVALID where it names a word that the directory does not have, or picks nothing.
 */
pr_status pr__select(const pr_index *index, const pr_selection *selection, uint8_t *picked);

#endif
