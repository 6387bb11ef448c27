/**
 * Photographs with 68 landmarks each (Sagonas et al. 2013, iBUG order), read from two tables of
 * tab-separated text: one says where faces are, the other whose they are.
 *
 * Coordinates are pixels of the picture, x to the right and y down; the picture covers
 * [0, width] x [0, height].
 */
#ifndef PR_DATASET_LANDMARKS_H
#define PR_DATASET_LANDMARKS_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PR_N_LANDMARKS = 68 };

/** One face of one picture. */
typedef struct pr_face {
    const char *file;     /* as the tables spell it, relative to the folder of photographs */
    const char *identity; /* who it is */
    int width, height;    /* of the picture */
    double box_x, box_y, box_w, box_h;
    double points[PR_N_LANDMARKS][2];
} pr_face;

typedef struct pr_face_table pr_face_table;

/**
 * Reads LANDMARKS, whose header has the columns file, width, height, box_x, box_y, box_w, box_h and
 * x0, y0 ... x67, y67 (others are left alone), and IDENTITIES, whose header has file and identity
 * (pictures are its rows that end in .jpg, .jpeg or .png). Faces come out in bytewise order of file.
 *
 * A picture of IDENTITIES without a row in LANDMARKS is left out and counted, or with STRICT refused.
 * IDENTITIES may be NULL: then every picture of LANDMARKS is taken for another person's, whose name is
 * the file's.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT naming file, line and column for a missing column, another
 * number of columns than the header's, what is not a number, a landmark or box outside the picture,
 * a file named twice, a face whose picture IDENTITIES does not have; PR_ERR_NOMEM.
 */
pr_status pr_face_table_read(const char *landmarks, const char *identities, bool strict,
                             pr_face_table **out);
void pr_face_table_destroy(pr_face_table **table);

int64_t pr_face_table_n(const pr_face_table *table);
const pr_face *pr_face_table_at(const pr_face_table *table, int64_t i);

/** Pictures that had no landmarks, and the first of them ("" if none). */
int64_t pr_face_table_n_without(const pr_face_table *table, const char **first);

/**
 * The same from memory; TEXT and IDENTITY_TEXT (which may be NULL) are N_BYTES and N_IDENTITY_BYTES
 * long and need no NUL. The names are for messages.
 */
pr_status pr_face_table_parse(const char *name, const char *text, size_t n_bytes,
                              const char *identity_name, const char *identity_text,
                              size_t n_identity_bytes, bool strict, pr_face_table **out);

#endif
