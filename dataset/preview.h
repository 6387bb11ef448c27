/**
 * A contact sheet of forged views, as Hong and Du 2021 (DADD), figure 2: rows are faces, columns the
 * pristine crop and its nine categories; below each row of crops stands the row of their masks. Made by
 * the generator that training uses (addg.h).
 */
#ifndef PR_DATASET_PREVIEW_H
#define PR_DATASET_PREVIEW_H

#include "dataset/addg.h"
#include "dataset/forge.h"
#include "dataset/samples.h"
#include "engine/base/text.h"

enum { PR_PREVIEW_COLUMNS = 1 + PR_ADDG_N, PR_PREVIEW_GAP_PX = 4 };

/** Faces are FORGE's, one of each photograph and cut as the dataset would be, or the reals of SAMPLES. */
typedef struct pr_preview_options {
    pr_forge *forge;           /* borrowed; NULL: SAMPLES is used */
    const pr_samples *samples; /* borrowed */
    int n_faces;               /* rows; each of another person where persons are known */
    uint64_t seed;             /* of which faces, and of each view's draws */
    pr_addg_options addg;
} pr_preview_options;

/**
 * SHEET becomes (n_faces * 2) rows of PR_PREVIEW_COLUMNS cells on white with gaps between them and
 * around; a cell has the side of the largest crop. The caller destroys it. Row r's category c has the
 * draws of the key (seed, epoch 0, place r, view c): SB-Rand's donor is a face of another video that is
 * drawn, SB-Sim's the one of another person whose landmarks are most alike.
 *
 * LEGEND becomes a table: row, column, category, face, donor, mask, edge and strength of every forged
 * cell, tab-separated, with a header. A function of its arguments; not collective.
 *
 * Errors: PR_ERR_INVALID for fewer people than rows, one person alone (SB needs donors), reals
 * without landmarks (named); PR_ERR_IO, PR_ERR_FORMAT for a picture; PR_ERR_NOMEM.
 */
pr_status pr_preview_make(const pr_preview_options *options, pr_image_u8 *sheet, pr_text *legend);

/**
 * Writes SHEET to PATH, which ends in .png, .jpg or .jpeg (4:4:4 at QUALITY).
 *
 * Errors: PR_ERR_INVALID for another ending, PR_ERR_IO.
 */
pr_status pr_preview_write(const pr_image_u8 *sheet, const char *path, int quality);

/** PR_ERR_INVALID where pr_preview_write would refuse the name: to be asked before the work. */
pr_status pr_preview_check_path(const char *path);

#endif
