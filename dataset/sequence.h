/**
 * What a camera does to a still picture: it moves, the light changes, the sensor adds noise. A
 * pristine picture and what was forged from it go through the same sequence, drawn from the
 * picture's own key, so that frame by frame they differ where the forging changed them and nowhere
 * else.
 */
#ifndef PR_DATASET_SEQUENCE_H
#define PR_DATASET_SEQUENCE_H

#include "dataset/forge_canvas.h"

/** Each is a strength; 0 turns it off. */
typedef struct pr_sequence_options {
    double motion; /* 1: shifts of about 3 % of the face, turns of 3 degrees, zoom of 3 % */
    double light;  /* 1: gain and tint within about 10 %, a slope of 10 % across the face */
    double noise;  /* 1: a standard deviation of 1 to 4 grey levels at mid grey */
    double jitter; /* 1: the crop's square is off by up to 2 % of its side, as a detector's is */
} pr_sequence_options;

/** Defaults: all strengths 1. */
pr_sequence_options pr_sequence_default(void);

/** Whose sequence it is: SEED of the run, PLACE a hash of the picture's name. */
typedef struct pr_sequence_key {
    uint64_t seed;
    uint32_t place;
} pr_sequence_key;

/** One frame of it. */
typedef struct pr_sequence_frame {
    double motion[6];          /* from the still picture to the frame, both in pixels */
    double gain[3];            /* of the channels */
    double slope_x, slope_y;   /* of the gain, a pixel, away from the centre */
    double centre_x, centre_y; /* of the face in the frame */
    double zoom;               /* the motion's scale */
    double noise_sigma;        /* grey levels at mid grey */
    double jitter_x, jitter_y; /* of the crop's centre, share of its side */
    double jitter_scale;       /* of the crop's side */
} pr_sequence_frame;

/**
 * Frame number FRAME of the sequence. CENTRE is the face's in the still picture, FACE_PX its size
 * there, in pixels.
 */
void pr_sequence_draw(const pr_sequence_options *options, const pr_sequence_key *key, int frame,
                      const double centre[2], double face_px, pr_sequence_frame *out);

/**
 * OUT becomes STILL as the camera sees it in frame FRAME: moved, lit, with noise, rounded to bytes;
 * inside RECT, and is left alone outside. All have one size. FIELD and MOVED are scratch.
 *
 * Errors: PR_ERR_INVALID where the motion has no inverse.
 */
pr_status pr_sequence_render(const pr_sequence_frame *plan, const pr_sequence_key *key, int frame,
                             const pr_canvas *still, const pr_rect *rect, const pr_field *field,
                             const pr_canvas *moved, const pr_image_u8 *out);

#endif
