/**
 * The manifest of a tree of crops: a table with a header line and tabs between its columns, one crop
 * a line. What its columns mean is in docs/format.md.
 *
 * Lines end in LF or CRLF, paths are divided by / or \, a byte order mark is passed over, empty
 * lines too. The order of lines means nothing.
 */
#ifndef PR_DATASET_MANIFEST_H
#define PR_DATASET_MANIFEST_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One crop. Texts are never NULL, and "" where unknown. */
typedef struct pr_manifest_row {
    int64_t line;                        /* of the manifest, from 1 */
    const char *path, *mask, *landmarks; /* files, relative to the manifest's folder */
    const char *dataset, *label, *method, *compression, *split, *video;
    const char *bg_video, *bg_id, *face_id, *face_video;
    int32_t frame, face;
    bool has_crop;
    double crop[6];
} pr_manifest_row;

typedef struct pr_manifest {
    char *name;            /* of the file, for messages */
    char *folder;          /* that its paths are relative to */
    char *text;            /* that the rows point into */
    pr_manifest_row *rows; /* [n] in key order */
    int64_t n;
} pr_manifest;

/**
 * Reads the manifest PATH, or PATH/manifest.tsv where PATH is a folder. DATASET, if not NULL, is the
 * dataset of every crop; then the manifest has no such column. The files of the crops are not looked
 * at.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT with the number of the line: a column that is missing or unknown,
 * a cell that is empty or no number, a label other than real and fake, two crops of one key;
 * PR_ERR_NOMEM.
 */
pr_status pr_manifest_read(const char *path, const char *dataset, pr_manifest **out);

/** The same from N_BYTES of text. NAME is for messages. */
pr_status pr_manifest_parse(const char *name, const char *text, size_t n_bytes, const char *dataset,
                            pr_manifest **out);

void pr_manifest_destroy(pr_manifest **manifest);

/**
 * Points from text: a line each, x and y with blanks, a tab or a comma between. *POINTS [n][2] goes
 * to pr_free.
 *
 * Errors: PR_ERR_FORMAT with NAME and line; PR_ERR_NOMEM.
 */
pr_status pr_points_parse(const char *name, const char *text, float **points, int *n);

#endif
