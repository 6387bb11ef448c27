/**
 * `pristine forge`: from pristine photographs with landmarks, or from procedural faces, a dataset
 * of real and forged crops in short sequences.
 *
 * A photograph is one real video. For each of its donors there is one forged video: in every frame the
 * donor's face is laid onto the photograph's landmarks, matched in colour and blended in under a
 * soft mask (forge_swap.h). Real and forged stills then go through the same motion, light and noise
 * (sequence.h), optionally through H.264, and the same crop is cut from the frame and encoded once. So
 * a forged crop and the real crop of the same video and frame are aligned, and differ where the forging
 * changed them.
 *
 * Fields of the records: dataset as asked; label real | fake; method "pristine" | "swap"; compression
 * "raw", or "c23" for --crf 23; split "train" | "val" | "test", or "fold0" ..., by identity, so that
 * donor and background are of one split; video: the file's name without its ending, '/' written as
 * '_', and for a forged one "BACKGROUND+DONOR"; frame from 0; face 0; bg_video and face_video: the videos of
 * the photographs; bg_id and face_id: their identities. The crop map goes from the frame to the crop.
 *
 * The working picture, in which everything is done, is the photograph's neighbourhood of the face,
 * shrunk so that the crop's square has DETAIL times the crop's side (never enlarged). It is 1.25
 * times as wide as the crop, for the motion to have something to show: its frames are what is
 * compressed.
 *
 * Draws are keyed by (seed, topic, hash of the photograph's name, frame): a photograph's crops do not
 * depend on which others there are, its donors and split do. Nothing depends on ranks.
 */
#ifndef PR_DATASET_FORGE_H
#define PR_DATASET_FORGE_H

#include "dataset/codec.h"
#include "dataset/forge_swap.h"
#include "dataset/sequence.h"

enum { PR_FORGE_MAX_CRF = 4, PR_FORGE_MAX_DONORS = 64 };

/** Texts are borrowed for the life of the pr_forge. */
typedef struct pr_forge_options {
    const char *out;     /* the dataset's folder; it must exist */
    const char *dataset; /* the word in the records */

    const char *photos, *landmarks, *identities; /* photographs; photos NULL: procedural faces */
    bool strict;                                 /* a picture without landmarks is an error */
    bool unnamed; /* identities may be NULL: each picture another person's; for previews */
    int64_t n_people, n_videos; /* procedural: how many, and videos of each */
    int64_t limit_identities;   /* the first so many, bytewise; 0: all */

    double margin; /* side of the crop's square / the longer side of the face box */
    int size_px;   /* of the crops */
    double detail; /* side of the crop's square in the working picture / size_px */
    pr_codec codec;
    int quality; /* JPEG, 4:4:4 */

    int n_frames, n_donors; /* of a photograph */
    int n_crf;              /* how many of crf are used; raw crops are always written */
    int crf[PR_FORGE_MAX_CRF];
    bool no_asm; /* libx264 without assembler */

    int n_folds;     /* 0: SPLIT counts */
    double split[3]; /* shares of the identities: train, val, test; they sum to 1 */

    int64_t photos_per_shard;
    int64_t n_shards; /* 0: as many as photos_per_shard makes; else that many, about even */
    uint64_t seed;
    pr_swap_style style;
    pr_sequence_options sequence;
} pr_forge_options;

/** Defaults of everything but the texts; procedural faces. */
pr_forge_options pr_forge_options_default(void);

typedef struct pr_forge pr_forge;

/**
 * Reads the tables, assigns splits, draws donors. Not collective; every rank gets the same plan.
 *
 * Errors: PR_ERR_INVALID naming the option, or a split with one identity (a swap needs two);
 * PR_ERR_IO, PR_ERR_FORMAT from the tables; PR_ERR_NOMEM.
 */
pr_status pr_forge_open(const pr_forge_options *options, pr_forge **out);
void pr_forge_close(pr_forge **forge);

typedef struct pr_forge_counts {
    int64_t n_photos, n_identities, n_shards, n_crops, n_fake_crops;
    int64_t n_without_landmarks;
    const char *first_without; /* "" if none */
} pr_forge_counts;

void pr_forge_count(const pr_forge *forge, pr_forge_counts *out);

/**
 * Writes shard SHARD unless it is there whole and made from the same things (options, landmarks,
 * the bytes of its photographs and their donors). *WROTE says whether it had to be made.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT for a picture that does not decode or has another size than its
 * landmarks say; PR_ERR_NOMEM.
 */
pr_status pr_forge_shard(pr_forge *forge, int shard, bool *wrote);

/** Writes the index and the provenance, when all shards are there. Called by one rank. */
pr_status pr_forge_finish(const pr_forge *forge);

#endif
