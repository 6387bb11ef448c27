/**
 * Forged views from pristine crops alone: the artifact-discrepant data generator of Hong and Du
 * 2021 (DADD, 3.1), and the two generators that it is compared with, Li and Lyu 2019 (FWA) and Li
 * et al. 2020 (face X-ray's blended images, BI).
 *
 * A view is X_N = X_P M + X (1 - M) (equation 1), in bytes: X is the target's crop, X_P the whole
 * crop perturbed and rounded to bytes, M a mask from the target's own 68 landmarks (iBUG order).
 * X_P alone is still pristine: shown as real it keeps a detector from learning the perturbation.
 *
 *     category          perturbation of the whole crop
 *     1, 2  inner, outer blur      Gaussian of k x k, sigma = 0.3 ((k - 1) / 2 - 1) + 0.8
 *     3, 4  inner, outer scaling   down by area, up linearly
 *     5, 6  inner, outer ISO noise Albumentations' ISONoise: hue normal, luminance Poisson
 *     7     rotation               about the middle of the landmarks
 *     8     SB-Rand                another person's crop, its landmarks laid onto the target's
 *     9     SB-Sim                 the same, of a face with similar landmarks
 *
 * Outer categories take the mask's reverse, 1 - M. FWA shrinks, blurs and enlarges the face and
 * then changes the whole picture's brightness; BI blends a donor in whose colours were matched.
 *
 * Nothing here draws from a stream: draws are of purpose PR_FOR_GENERATOR, keyed as the view is,
 * numbered (0 to 15 are the sampler's):
 *   16  k of the blur    17  scale    18, 19  ISO: colour shift, intensity    20  angle
 *   21  sign of the angle    22  which mask    23  whether its edge is soft    24  sigma of it
 *   25  brightness    32 .. 35  matrix of the deformation    36, 37  its shift
 *   64 + 2 i, 65 + 2 i  landmark i's own shift    65536 + i  noise of pixels 2 i and 2 i + 1
 */
#ifndef PR_DATASET_ADDG_H
#define PR_DATASET_ADDG_H

#include "dataset/image.h"
#include "dataset/landmarks.h"
#include "dataset/view.h"
#include "engine/base/config.h"
#include "engine/base/draw.h"

enum { PR_ADDG_MAX_MASKS = 16 };

/** "inner_blur" ... by category - 1. */
extern const char *const PR_ADDG_WORDS[PR_ADDG_N];

/** Whether views of GENERATOR and CATEGORY need a donor. */
bool pr_addg_needs_donor(pr_generator generator, int category);

typedef struct pr_addg_options {
    int64_t blur_min, blur_max;          /* k, odd */
    double scale_min, scale_max;         /* sides of the shrunken crop / the crop's */
    double iso_shift_min, iso_shift_max; /* of the hue, in turns, times the intensity */
    double iso_intensity_min, iso_intensity_max;
    double rotation_min, rotation_max; /* degrees */
    pr_config_words masks; /* each a word of PR_MASK_WORDS, or landmarks as "17-26+30+31-35" */
    double deform;         /* share of the face's width */
    double soft_prob;
    double soft_min, soft_max; /* sigma, pixels of the crop */
    bool sb_align;             /* false: the donor's crop as it lies */
    double sb_colour;          /* share of the way to the target's colours, [0, 1] */
    double fwa_scale_min, fwa_scale_max;
    int64_t fwa_blur;
    double fwa_brightness; /* factor within 1 +- this */
    double bi_colour;
} pr_addg_options;

/** The defaults of the rows below. */
pr_addg_options pr_addg_options_default(void);

/** The rows addg.*, to fill TARGET (NULL: the documentation alone). */
pr_config_module pr_addg_config(pr_addg_options *target);

typedef enum pr_addg_perturb {
    PR_ADDG_BLUR,
    PR_ADDG_SCALE,
    PR_ADDG_ISO,
    PR_ADDG_ROTATE,
    PR_ADDG_SWAP,
    PR_ADDG_WARP /* FWA's: down, blur, up */
} pr_addg_perturb;

/** All that one view leaves to chance. */
typedef struct pr_addg_draws {
    pr_addg_perturb perturb;
    int blur_px;
    double scale;
    double shift, intensity;
    double angle;      /* radians */
    double colour;     /* share of the way to the target's colours */
    double brightness; /* factor on the whole view; 1: none */
    bool align;        /* a donor is laid onto the target's landmarks */
    bool masked;       /* false: the view is X_P itself */
    bool outer;
    int mask;                         /* number in pr_addg_options.masks */
    double sigma;                     /* of the mask's edge; 0: hard */
    double matrix[2][2];              /* landmark p goes to m + (1 + matrix) (p - m) + shift */
    double move[2];                   /* the shift, in widths of the face */
    double wiggle[PR_N_LANDMARKS][2]; /* each landmark's own shift, in widths of the face */
    pr_draw_key key;                  /* of the noise */
} pr_addg_draws;

/** A crop with its landmarks, in pixels of it. */
typedef struct pr_addg_face {
    pr_image_u8 image; /* three channels */
    double points[PR_N_LANDMARKS][2];
} pr_addg_face;

/** Tables and scratch of one thread. */
typedef struct pr_addg pr_addg;

/**
 * For targets of up to MAX_WIDTH x MAX_HEIGHT pixels.
 *
 * Errors: PR_ERR_INVALID naming the option, its value and its range, or a mask that is neither a
 * word nor landmarks; PR_ERR_NOMEM.
 */
pr_status pr_addg_create(const pr_addg_options *options, int max_width, int max_height,
                         pr_addg **out);
void pr_addg_destroy(pr_addg **addg);

/**
 * What KEY (its purpose is set here) draws for a view of GENERATOR: PR_GEN_ADDG and PR_GEN_XP take
 * a category of 1 .. PR_ADDG_N, PR_GEN_FWA and PR_GEN_BI none.
 *
 * Errors: PR_ERR_INVALID for another generator or category.
 */
pr_status pr_addg_draw(const pr_addg *addg, const pr_draw_key *key, pr_generator generator,
                       int category, pr_addg_draws *draws);

/**
 * OUT becomes the view, MASK (one channel, 255 where X_P shows) what was replaced: all zero where
 * the view is not masked. Both have the target's size. DONOR may be NULL where none is needed. A
 * pure function of its arguments; allocates nothing.
 *
 * Errors: PR_ERR_INVALID for a target larger than ADDG's, landmarks without an area, a donor that
 * is missing.
 */
pr_status pr_addg_make(pr_addg *addg, const pr_addg_draws *draws, const pr_addg_face *target,
                       const pr_addg_face *donor, const pr_image_u8 *out, const pr_image_u8 *mask);

/** The landmarks of mask MASK: their number, and INDICES [PR_N_LANDMARKS]. */
int pr_addg_mask_landmarks(const pr_addg *addg, int mask, int indices[PR_N_LANDMARKS]);
int pr_addg_n_masks(const pr_addg *addg);

#endif
