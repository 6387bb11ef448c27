/** The perturbations of a whole crop, each into OUT of the crop's size. Inside of addg*.c only. */
#ifndef PR_DATASET_ADDG_PRIVATE_H
#define PR_DATASET_ADDG_PRIVATE_H

#include "dataset/addg.h"
#include "dataset/forge_swap.h"
#include "dataset/resize.h"

enum { PR__ADDG_MAX_BLUR = 31, PR__ADDG_MAX_POISSON = 1024 };

typedef struct pr__polygon {
    int n;
    int landmarks[PR_N_LANDMARKS];
} pr__polygon;

struct pr_addg {
    pr_addg_options options;
    int max_width, max_height;
    pr__polygon masks[PR_ADDG_MAX_MASKS + 1]; /* the one behind the last is FWA's and BI's */
    int n_masks;

    pr_resizer *resizer;
    uint8_t *perturbed, *small; /* [max_height, max_width, 3] */
    uint8_t *edge;              /* [max_height, max_width]: a mask where the caller wants none */
    float *rows;                /* [max_height, max_width, 3], between two passes */
    float *line;                /* [max_width + 2 PR__ADDG_MAX_BLUR, 3] */
    float *hls;                 /* [max_height, max_width, 3] */
    float *canvas[2];           /* [max_height, max_width, 3] */
    uint16_t *blur;
    double poisson[PR__ADDG_MAX_POISSON]; /* cumulative */
};

/** Gaussian of K x K about each pixel, the picture mirrored at its edges (reflect-101). */
void pr__addg_blur(pr_addg *addg, const pr_image_u8 *in, int k, const pr_image_u8 *out);

/** IN as OUT's smaller or equal size: the mean over the area that an output pixel covers. */
void pr__addg_shrink(pr_addg *addg, const pr_image_u8 *in, const pr_image_u8 *out);

/** ISO noise; the draws of KEY from 65536 on. */
void pr__addg_iso(pr_addg *addg, const pr_image_u8 *in, double shift, double intensity,
                  const pr_draw_key *key, const pr_image_u8 *out);

#endif
