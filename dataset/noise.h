/** What hides or disturbs pixels: noise of a sensor, a square cut out. */
#ifndef PR_DATASET_NOISE_H
#define PR_DATASET_NOISE_H

#include "dataset/image.h"
#include "engine/base/draw.h"

enum { PR_NOISE_LEVELS = 4096 };

/** TABLE [PR_NOISE_LEVELS] becomes the normal's quantiles at (i + 1/2) / PR_NOISE_LEVELS. */
void pr_noise_table(float *table);

/**
 * Every byte of RGB gets its own normal of standard deviation SIGMA grey levels, rounded and cut to
 * 0 .. 255. A normal is one of 4096 quantiles (which reach to 3.7 SIGMA), picked by 12 of a draw's 128
 * bits: byte i takes bits 4 .. 15 of halfword i % 8 (the lower half of a word first) of draw NUMBER +
 * i / 8.
 */
void pr_noise_add(const pr_image_u8 *rgb, double sigma, const float *table, const pr_draw_key *key,
                  uint32_t number);

/** RECT of IMAGE, which lies inside, becomes black. */
void pr_cut_out(const pr_image_u8 *image, const pr_rect *rect);

#endif
