/**
 * The one place where the loader turns a row of the plan into pixels in memory: the crops decoded,
 * the mask of the sample itself, then the row's generator. Inside the module only.
 *
 * A generator is one function and one row of the table in generate.c. It gets a scene, composes into
 * scene->image, and changes scene->mask where it forges; both then go through the view's geometry
 * together (pr_render_pixels).
 */
#ifndef PR_DATASET_GENERATE_PRIVATE_H
#define PR_DATASET_GENERATE_PRIVATE_H

#include "dataset/addg.h"
#include "dataset/generate.h"
#include "dataset/image.h"
#include "dataset/samples.h"
#include "engine/base/draw.h"

/** One view in the making. */
typedef struct pr__scene {
    const pr_samples *samples;
    const pr_view *view;
    int64_t sample, mate; /* whose crops these are: the view's, or what stands in for a bad one */
    pr_draw_key key;      /* of purpose PR_FOR_GENERATOR; numbers 0 to 15 are the sampler's */
    pr_image_u8 target;   /* RGB crop of SAMPLE */
    pr_image_u8 donor;    /* RGB crop of MATE, of its own size; data NULL where there is none */
    pr_image_u8 image;    /* of the target's size, RGB: to be composed */
    pr_image_u8 mask; /* of the target's size, grey: on entry SAMPLE's own where the view wants a
                             mask, else undefined */
} pr__scene;

/** Options, tables and scratch of one thread. */
typedef struct pr__generators {
    pr_generate_options options;
    uint8_t *bytes;                                   /* [max_bytes] one encoded payload */
    uint8_t *target, *donor, *image, *mask, *scratch; /* of the largest crop */
    pr_addg *addg;                                    /* NULL: nothing is forged */
} pr__generators;

/**
 * For crops of up to MAX_WIDTH x MAX_HEIGHT and payloads of up to MAX_BYTES.
 *
 * Errors: PR_ERR_INVALID, PR_ERR_NOMEM.
 */
pr_status pr__generators_create(const pr_generate_options *options, int max_width, int max_height,
                                size_t max_bytes, pr__generators **out);
void pr__generators_destroy(pr__generators **generators);

/**
 * Whether VIEW of SAMPLE is the crop's own pixels, and its mask, where one is wanted, its own file
 * or zero: then only a region need be decoded.
 */
bool pr__generate_is_plain(const pr__generators *generators, const pr_samples *samples,
                           const pr_view *view, int64_t sample);

/**
 * Whether VIEW, number NUMBER of its batch, can be made.
 *
 * Errors: PR_ERR_INVALID for a generator that there is not, or a mate that it needs and has not.
 */
pr_status pr__generate_check_view(const pr_view *view, int64_t number, int64_t n_samples);

/**
 * SCENE becomes VIEW made of SAMPLE, which is the view's own or stands in for a bad one; KEY is the
 * view's. Its images are the thread's own until the next call.
 *
 * Errors: PR_ERR_FORMAT naming a crop that is bad; PR_ERR_IO; PR_ERR_INVALID for a mask that is
 * wanted and cannot be had.
 */
pr_status pr__generate(pr__generators *generators, const pr_samples *samples, const pr_view *view,
                       int64_t sample, const pr_draw_key *key, pr__scene *scene);

/** The generators ADDG, XP, FWA and BI, and the donor of a sample that stands in for a bad one. */
pr_status pr__compose_forged(pr__generators *generators, pr__scene *scene);
int64_t pr__mate_of_forged(const pr__scene *scene);

#endif
