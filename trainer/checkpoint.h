/**
 * Checkpoints: everything that a run needs to go on with the same bits, in one HDF5 file with plain
 * logical layouts, a checksum for each part, and nothing that depends on ranks or threads.
 *
 * A checkpoint is laid out in memory first (HDF5's core driver), which is the copy at a step's end,
 * and then written by one rank: temporary name, fsync, rename. A full disk or a kill leaves the one
 * before it as it was. Behind the end of the HDF5 file stands a seal over all its bytes, which is
 * checked before HDF5 sees any of them; h5py and h5dump open the file all the same.
 */
#ifndef PR_TRAINER_CHECKPOINT_H
#define PR_TRAINER_CHECKPOINT_H

#include "engine/base/fs.h"
#include "engine/base/status.h"
#include "engine/core/tensor.h"
#include "trainer/position.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One named tensor: "model/backbone.conv1.weight", "optim/momentum/…", "bank/…". */
typedef struct pr_part {
    const char *name; /* '/' makes groups */
    pr_tensor tensor; /* data borrowed: read when saving, written when loading */
} pr_part;

typedef struct pr_checkpoint_head {
    pr_position position;
    uint64_t config_hash; /* of the identity rows */
    uint64_t data_hash;   /* of training and validation samples */
    uint64_t model_hash;  /* of names, kinds and shapes of all parts */
    uint64_t canned_hash; /* of the canned micro-batch: which arithmetic made this */
    double best;          /* the best validation metric of the stage, or NaN */
    int64_t best_step;
    int64_t n_bad_epochs; /* epochs since best, for early stopping and plateaus */
} pr_checkpoint_head;

/** A checkpoint as bytes: what saving makes and loading reads. */
typedef struct pr_image {
    uint8_t *bytes; /* pr_free */
    size_t n_bytes;
} pr_image;

/** Lays HEAD, the PARTS and CONFIG (text) out in *OUT. Not collective. */
pr_status pr_checkpoint_pack(const pr_checkpoint_head *head, const char *config,
                             const pr_part *parts, int n_parts, pr_image *out);

/**
 * Reads IMAGE (called NAME in messages): checks version and checksums, then fills HEAD (may be NULL)
 * and the PARTS. A part that the file lacks, or has in another shape or type, is refused by name.
 * Not collective.
 *
 * Errors: PR_ERR_FORMAT.
 */
pr_status pr_checkpoint_unpack(const pr_image *image, const char *name, pr_checkpoint_head *head,
                               const pr_part *parts, int n_parts);

/**
 * The same for those PARTS that the file has; what it lacks stays as it is. So does, and is named in
 * the log, what has another shape there, unless its name begins with HELD ("": every part does).
 * *N_FOUND counts what was read.
 */
pr_status pr_checkpoint_unpack_found(const pr_image *image, const char *name, const char *held,
                                     const pr_part *parts, int n_parts, int *n_found);

/** Checks the checksum of every dataset in IMAGE, known or not. Errors: PR_ERR_FORMAT. */
pr_status pr_checkpoint_verify(const pr_image *image, const char *name);

/** Where the checkpoint after STEP steps lies. */
pr_status pr_checkpoint_path(char out[static PR_PATH_BYTES], const char *run_dir, int64_t step);

/** The config text of IMAGE into a string the caller frees. */
pr_status pr_checkpoint_config(const pr_image *image, const char *name, char **out);

/**
 * Writes IMAGE to DIR/checkpoints/step-NNNNNNNN.h5 and then removes all but the newest KEEP, never
 * KEPT_STEP's (the best; -1: none). The new file is read back and verified before one is removed.
 */
pr_status pr_checkpoint_write(const char *run_dir, int64_t step, const pr_image *image, int keep,
                              int64_t kept_step);

/**
 * The newest whole checkpoint of RUN_DIR into *OUT, its path into PATH. A damaged newer one is
 * reported through *N_DAMAGED and a log line that names it. *OUT has no bytes where there is none.
 */
pr_status pr_checkpoint_newest(const char *run_dir, pr_image *out, char *path, size_t n_path,
                               int *n_damaged);

/** Reads one file. Errors: PR_ERR_IO, PR_ERR_FORMAT. */
pr_status pr_checkpoint_read(const char *path, pr_image *out);

#endif
