/** The faces a preview chooses from, and the one that it shows. Inside of preview*.c only. */
#ifndef PR_DATASET_PREVIEW_FACES_H
#define PR_DATASET_PREVIEW_FACES_H

#include "dataset/preview.h"
#include "dataset/shape.h"

typedef struct pr__faces {
    pr_forge *forge;           /* or NULL */
    const pr_samples *samples; /* or NULL */
    int64_t *reals;            /* [n] numbers in SAMPLES; NULL with FORGE */
    int64_t n;
    float *shapes;     /* [n, PR_SHAPE_N] */
    int width, height; /* of the largest crop */
} pr__faces;

/** Errors: PR_ERR_INVALID for reals without landmarks; FACES may then be half built: free it. */
pr_status pr__faces_open(const pr_preview_options *options, pr__faces *faces);
void pr__faces_close(pr__faces *faces);

bool pr__faces_same_video(const pr__faces *faces, int64_t a, int64_t b);

/** Where one of the two is unknown, the same video. */
bool pr__faces_same_person(const pr__faces *faces, int64_t a, int64_t b);

/** What face I is called; TEXT or a borrowed word. */
const char *pr__faces_name(const pr__faces *faces, int64_t i, char *text, size_t n_bytes);

/** The crop of face I and its landmarks; the caller destroys OUT's image, also where this failed. */
pr_status pr__faces_read(const pr__faces *faces, int64_t i, pr_addg_face *out);

#endif
