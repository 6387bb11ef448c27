/** One photograph on the bench: the stills, their frames, the crops. Inside of forge*.c only. */
#ifndef PR_DATASET_FORGE_BENCH_H
#define PR_DATASET_FORGE_BENCH_H

#include "dataset/forge_plan.h"

/** One frame of a photograph's sequence; its real and forged videos share it. */
typedef struct pr__frame {
    pr_sequence_frame seen;
    double crop_map[6];                  /* from the frame to the crop */
    double crop_to_frame[6];             /* back */
    double crop_to_still[6];             /* to the working picture before the motion */
    pr_rect shown;                       /* what of the frame is made */
    float landmarks[2 * PR_N_LANDMARKS]; /* in the crop */
} pr__frame;

/** All pictures but the donor are SIDE x SIDE. */
typedef struct pr__bench {
    const pr_forge_options *options; /* borrowed */
    pr_sequence_key key;
    int side;
    double points[PR_N_LANDMARKS][2]; /* in the working picture */
    pr__frame *plan;                  /* [n_frames] */

    pr_canvas pristine, forged, aligned, moved;
    pr_field field;
    pr_image_u8 mask;
    pr_rect bounds; /* of the mask; without area where it is empty */

    pr_canvas donor; /* the donor's working picture */
    double donor_points[PR_N_LANDMARKS][2];
} pr__bench;

/**
 * The working picture of PHOTO, of which PICTURE is the whole, with mask and plan of the frames.
 * Destroy it also where this failed.
 */
pr_status pr__bench_create(const pr_forge *forge, const pr__photo *photo,
                           const pr_image_u8 *picture, pr__bench *bench);
void pr__bench_destroy(pr__bench *bench);

/** Takes the next donor: its picture shrunk so that its face has the target's size. */
pr_status pr__bench_set_donor(pr__bench *bench, const pr_face *face, const pr_image_u8 *picture);

/** FORGED becomes frame FRAME's still with donor number SLOT swapped in. */
pr_status pr__bench_swap(pr__bench *bench, int frame, int slot);

/** OUT (side x side) becomes STILL as frame FRAME shows it. */
pr_status pr__bench_film(pr__bench *bench, int frame, const pr_canvas *still,
                         const pr_image_u8 *out);

/** The blending mask of frame FRAME in its crop: OUT is size_px x size_px, one channel. */
pr_status pr__bench_mask_crop(const pr__bench *bench, int frame, const pr_image_u8 *out);

#endif
