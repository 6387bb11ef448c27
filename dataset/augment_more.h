/**
 * What DCL and its public code do to a view beside SimCLR's transforms: the draws, the bytes and the
 * floats. Inside the module only; render.h says in which order.
 */
#ifndef PR_DATASET_AUGMENT_MORE_H
#define PR_DATASET_AUGMENT_MORE_H

#include "dataset/augment.h"
#include "dataset/image.h"
#include "dataset/patch.h"
#include "engine/base/draw.h"

typedef enum pr__tone { PR__TONE_NONE, PR__TONE_LINEAR, PR__TONE_PCA, PR__TONE_HSV } pr__tone;

typedef struct pr__more_draws {
    bool whole;   /* the whole crop is kept */
    double angle; /* radians; 0: not turned */
    pr_rect cutout;
    double noise_sigma; /* 0: none */
    pr__tone tone;
    double amount[3]; /* of the tone: brightness, contrast | weights | hue, saturation, value */
    bool srm;
    int patch_k; /* 0: tiles keep their places */
    bool patch_stay;
    int64_t patch_order[PR_PATCH_MAX_K * PR_PATCH_MAX_K];
    pr_draw_key key;
} pr__more_draws;

/** Tables and scratch of one thread. */
typedef struct pr__more {
    int out_px;
    float *noise, *srm, *copy; /* NULL where the options never need them */
    int32_t *patch, *patch_scratch;
} pr__more;

/** Errors: PR_ERR_INVALID naming the option, its value and its range. */
pr_status pr__more_check(const pr_augment_options *options);

/** MORE may be half made on an error: give it to pr__more_free all the same. */
pr_status pr__more_make(const pr_augment_options *options, int out_px, pr__more *more);
void pr__more_free(pr__more *more);

/** What KEY (of purpose PR_FOR_AUGMENT) draws; render.h has the numbers. */
void pr__more_draw(const pr_augment_options *options, const pr_draw_key *key, int out_px,
                   pr__more_draws *draws);

/** Whether the view's bytes are changed at all. */
bool pr__more_has_bytes(const pr__more_draws *draws);

/** Cut-out, noise and tone on the view's RGB bytes. */
void pr__more_bytes(const pr__more *more, const pr__more_draws *draws, const pr_image_u8 *view);

/** SRM and RandomPatch on the view's floats [out_px, out_px, 3]. */
void pr__more_floats(pr__more *more, const pr__more_draws *draws, float *image);

/** RandomPatch on the mask [out_px, out_px], after pr__more_floats of the same draws. */
void pr__more_mask(pr__more *more, const pr__more_draws *draws, float *mask);

#endif
