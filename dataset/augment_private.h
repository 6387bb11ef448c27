/** The draws of one view and what they do to its pixels. Inside the module only. */
#ifndef PR_DATASET_AUGMENT_PRIVATE_H
#define PR_DATASET_AUGMENT_PRIVATE_H

#include "dataset/augment.h"
#include "dataset/colour.h"
#include "dataset/image.h"
#include "engine/base/draw.h"

typedef enum pr__colour_kind {
    PR__BRIGHTNESS,
    PR__CONTRAST,
    PR__SATURATION,
    PR__HUE,
} pr__colour_kind;

typedef struct pr__colour_op {
    pr__colour_kind kind;
    double amount; /* a factor; of the hue a shift in turns */
} pr__colour_op;

enum { PR__MAX_COLOUR_OPS = 5 };

typedef struct pr__augment_draws {
    pr_rect crop;
    bool flip;
    int n_ops;
    pr__colour_op ops[PR__MAX_COLOUR_OPS]; /* in the order in which they act */
    double blur_sigma;                     /* 0: no blur */
    int jpeg_quality;                      /* 0: no re-encoding */
} pr__augment_draws;

/** What KEY (of purpose PR_FOR_AUGMENT) draws for a crop of WIDTH x HEIGHT; render.h has the numbers. */
void pr__augment_draw(const pr_augment_options *options, const pr_draw_key *key, int width,
                      int height, pr__augment_draws *draws);

/**
 * Runs the operations FROM .. N_OPS - 1; contrast is about the grey level MEAN.
 */
void pr__augment_colour(const pr__augment_draws *draws, int from, int n_ops, double mean,
                        const pr_levels *levels);

/** Where contrast stands among the operations; n_ops where it does not. */
int pr__augment_find_contrast(const pr__augment_draws *draws);

#endif
