/**
 * The parts that a forgery is made of, after Li et al. 2020 (Face X-ray): lay a donor's face onto a
 * target's landmarks, choose a mask, match colours inside it, blend. Each part stands alone, so that
 * generators that perturb, mask or blend otherwise use the same ones.
 *
 * Points are the 68 landmarks (iBUG order) in pixels of the picture they belong to.
 */
#ifndef PR_DATASET_FORGE_SWAP_H
#define PR_DATASET_FORGE_SWAP_H

#include "dataset/forge_canvas.h"
#include "dataset/landmarks.h"

/** Which part of the face is replaced: the convex hull of these landmarks. */
typedef enum pr_mask_kind {
    PR_MASK_FACE,   /* all of them */
    PR_MASK_INNER,  /* eyebrows to chin without the cheeks' outline */
    PR_MASK_LOWER,  /* from the tip of the nose down */
    PR_MASK_CENTRE, /* eyes, nose and mouth */
    PR_MASK_MOUTH,
    PR_MASK_KINDS
} pr_mask_kind;

/** How a donor is laid onto the target. */
typedef enum pr_place_kind {
    PR_PLACE_SIMILARITY, /* turn, scale and shift: the donor's proportions stay */
    PR_PLACE_PIECEWISE,  /* an affine map a triangle: the target's proportions and pose */
    PR_PLACE_KINDS
} pr_place_kind;

/** Words for options, in the order of the enums. */
extern const char *const PR_MASK_WORDS[PR_MASK_KINDS];
extern const char *const PR_PLACE_WORDS[PR_PLACE_KINDS];

/** How hard a forgery is to see. */
typedef struct pr_swap_style {
    pr_mask_kind mask;
    bool outer;      /* the mask's reverse: all but that part is replaced */
    double shrink;   /* of the mask towards its middle, share of its size, in [0, 1) */
    double softness; /* sigma of the mask's edge, share of the face's width, in [0, 0.5] */
    double strength; /* of the blending: 1 shows the donor alone where the mask is whole; (0, 1] */
    double colour;   /* 1: mean and spread of colours become the target's; 0: stay; in [0, 1] */
    pr_place_kind place;
    double flicker; /* how far the donor's place is off in a frame, share of the eye distance */
} pr_swap_style;

/** The face's hull, shrunk by 0.04, softness 0.02, full strength, colour 0.8, similarity. */
pr_swap_style pr_swap_style_default(void);

/** Errors: PR_ERR_INVALID naming the member, its value and its range. */
pr_status pr_swap_style_check(const pr_swap_style *style);

/** Distance between the middles of the eyes; width between the ends of the jaw's outline. */
double pr_eye_distance(const double points[PR_N_LANDMARKS][2]);
double pr_face_width(const double points[PR_N_LANDMARKS][2]);

/** The landmarks that make the hull of KIND; returns how many of INDICES are used. */
int pr_mask_landmarks(pr_mask_kind kind, int indices[PR_N_LANDMARKS]);

/**
 * MASK (one channel, bytes of the caller's) becomes, in 255ths, how much of each pixel the convex
 * hull of the N landmarks INDICES covers: hard but for the edge's own pixels. SHRINK as in the style.
 *
 * Errors: PR_ERR_INVALID where the landmarks have no area.
 */
pr_status pr_mask_fill(const double points[PR_N_LANDMARKS][2], const int *indices, int n,
                       double shrink, const pr_image_u8 *mask);

/**
 * MASK (one channel, bytes of the caller's) becomes 255 where STYLE replaces the face at POINTS, 0
 * elsewhere, with the soft edge. Allocates its scratch.
 *
 * Errors: PR_ERR_NOMEM; PR_ERR_INVALID where the landmarks have no area.
 */
pr_status pr_swap_mask(const pr_swap_style *style, const double points[PR_N_LANDMARKS][2],
                       const pr_image_u8 *mask);

/** The rectangle outside of which MASK is 0; *ANY is false where it is 0 everywhere. */
void pr_swap_mask_bounds(const pr_image_u8 *mask, pr_rect *out, bool *any);

/**
 * A small error of alignment: a shift as a share of the eye distance, a turn in radians, a scale.
 */
typedef struct pr_nudge {
    double x, y, turn, scale;
} pr_nudge;

/**
 * FIELD becomes, for each pixel of the target, its place in the donor, such that TARGET's landmarks
 * meet DONOR's (in least squares, or each), the target's being moved by NUDGE about their middle first. Only
 * places inside RECT are sure to be written.
 *
 * Errors: PR_ERR_INVALID where the landmarks are one point.
 */
pr_status pr_swap_place(pr_place_kind kind, const double target[PR_N_LANDMARKS][2],
                        const double donor[PR_N_LANDMARKS][2], const pr_nudge *nudge,
                        const pr_rect *rect, const pr_field *field);

/**
 * Gives DONOR, inside RECT, TARGET's mean and standard deviation of each channel, taken inside MASK with its
 * values as weights. Channels are decorrelated first (after Reinhard et al. 2001, without their
 * logarithm): (r + g + b) / sqrt 3, (r + g - 2 b) / sqrt 6, (r - g) / sqrt 2. STRENGTH in [0, 1] is the
 * share of the way.
 */
void pr_swap_match_colour(const pr_canvas *target, const pr_image_u8 *mask, const pr_rect *rect,
                          double strength, const pr_canvas *donor);

/**
 * OUT = TARGET + strength mask / 255 (DONOR - TARGET), inside RECT; outside it is left alone. OUT may
 * be TARGET.
 */
void pr_swap_blend(const pr_canvas *target, const pr_canvas *donor, const pr_image_u8 *mask,
                   const pr_rect *rect, double strength, const pr_canvas *out);

#endif
