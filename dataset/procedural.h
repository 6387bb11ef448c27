/**
 * Faces drawn by rule: photographs of people who do not exist, with exact landmarks, for data that
 * are at hand wherever the program is. They go through the same forging as real photographs.
 *
 * A person has a head's shape, features, skin with its own texture, hair; a video of them has pose,
 * expression, light, clothes and background. Everything is drawn from (seed, person, video).
 */
#ifndef PR_DATASET_PROCEDURAL_H
#define PR_DATASET_PROCEDURAL_H

#include "dataset/image.h"
#include "dataset/landmarks.h"

typedef struct pr_procedural {
    uint64_t seed;
    int identity, video; /* 0 .. 65534 each */
    int size_px;         /* the photograph is square; at least 64 */
} pr_procedural;

/** Landmarks, face box (brow to chin with the forehead, as detectors draw it) and size. */
void pr_procedural_face(const pr_procedural *what, pr_face *out);

/**
 * The photograph, size_px x size_px RGB; the caller destroys it. The same bytes on every machine.
 *
 * Errors: PR_ERR_INVALID for numbers out of range, PR_ERR_NOMEM.
 */
pr_status pr_procedural_photo(const pr_procedural *what, pr_image_u8 *out);

#endif
