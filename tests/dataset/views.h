/** What tests of views share: options, and a file of 90 x 70 pixels. */
#ifndef PR_TESTS_DATASET_VIEWS_H
#define PR_TESTS_DATASET_VIEWS_H

#include "dataset/render.h"
#include "tests/dataset/pixels.h"

enum { OUT = 48, N_OUT = OUT * OUT };

static inline pr_augment_options simclr(void)
{
    return (pr_augment_options){.enabled = true,
                                .crop_scale_min = 0.2,
                                .crop_scale_max = 1.0,
                                .crop_ratio_min = 0.75,
                                .crop_ratio_max = 4.0 / 3.0,
                                .flip_prob = 0.5,
                                .jitter_prob = 0.8,
                                .brightness = 0.4,
                                .contrast = 0.4,
                                .saturation = 0.4,
                                .hue = 0.1,
                                .grey_prob = 0.2,
                                .blur_prob = 0.5,
                                .blur_sigma_min = 0.1,
                                .blur_sigma_max = 2.0,
                                .jpeg_prob = 0.3,
                                .jpeg_quality_min = 60,
                                .jpeg_quality_max = 80,
                                .mean = {0.5, 0.5, 0.5},
                                .std = {0.5, 0.5, 0.5}};
}

static inline pr_augment_options evaluation(void)
{
    return (pr_augment_options){.mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
}

/* A test file: a crop of 90 x 70 and a mask of the same size that looks like its red channel. */
typedef struct file {
    pr_image_u8 image, mask;
    uint8_t *image_bytes, *mask_bytes;
    size_t n_image_bytes, n_mask_bytes;
} file;

static inline file make_file(int quality)
{
    file f = {.image = pixels_make(90, 70, 3, 1), .mask = pixels_make(90, 70, 1, 1)};
    for (size_t i = 0; i < (size_t)90 * 70; i++) {
        f.mask.data[i] = f.image.data[3 * i];
    }
    f.image_bytes = pixels_encode(&f.image, quality, PR_CHROMA_420, &f.n_image_bytes);
    f.mask_bytes = pixels_encode(&f.mask, 0, PR_CHROMA_444, &f.n_mask_bytes);
    return f;
}

static inline void free_file(file *f)
{
    pr_image_destroy(&f->image);
    pr_image_destroy(&f->mask);
    pr_free(f->image_bytes);
    pr_free(f->mask_bytes);
}

#endif
