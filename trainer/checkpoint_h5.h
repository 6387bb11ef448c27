/**
 * HDF5 files that are laid out in memory (the core driver), as checkpoints and traces are: HDF5 1.10.8
 * crashes at exit where its own metadata met a full disk, so it never sees one. Module-internal.
 */
#ifndef PR_TRAINER_CHECKPOINT_H5_H
#define PR_TRAINER_CHECKPOINT_H5_H

#include "trainer/checkpoint.h"

#include <hdf5.h>

#define PR__TRY_H5(expr, what) PR_REQUIRE((expr) >= 0, PR_ERR_FORMAT, "HDF5 refused to %s", (what))

/** A new file in memory, to be closed with H5Fclose; no other open one has its NAME. Its bytes. */
pr_status pr__h5_create(const char *name, hid_t *out);
pr_status pr__h5_image(hid_t file, pr_image *out);

/** Opens IMAGE, called NAME in messages, as a file in memory; HDF5 copies the bytes. */
pr_status pr__h5_open(const pr_image *image, const char *name, hid_t *out);

/** The type in a file of elements of DTYPE, which is also that in memory. */
hid_t pr__h5_type(pr_dtype dtype);

/** A scalar attribute. FILE is for messages. */
pr_status pr__h5_write_attribute(hid_t object, const char *name, hid_t type, const void *value);
pr_status pr__h5_read_attribute(hid_t object, const char *file, const char *name, hid_t type,
                                void *value);

/** TENSOR as the dataset NAME, whose groups are made, with its hash in the attribute "xxh3". */
pr_status pr__h5_write_tensor(hid_t file, const char *name, const pr_tensor *tensor);
uint64_t pr__h5_hash(const pr_tensor *tensor);

#endif
