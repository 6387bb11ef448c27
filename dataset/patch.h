/** RandomPatch (DCL, 3.2): an image cut into k x k tiles, which change places. */
#ifndef PR_DATASET_PATCH_H
#define PR_DATASET_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Tiles along a side at most. */
enum { PR_PATCH_MAX_K = 32 };

/** int32 values that pr_patch_map needs as scratch. */
size_t pr_patch_scratch(int px, int k);

/** The words "2-0-1-3" as ORDER [n]. False where they are no permutation of 0 to N - 1. */
bool pr_patch_parse(const char *words, int64_t n, int64_t *order);

/**
 * FROM [px, px] becomes the pixel that each pixel takes: tile t shows tile ORDER[t] (ORDER [k k] is a
 * permutation, tiles are numbered along rows). Tile i of a side is [floor(i px / k), floor((i + 1)
 * px / k)). Where px is not divisible by k tiles differ by one row or column: what a tile has too few
 * is filled with what others have too many, in their order, so that FROM is a permutation of all
 * pixels whatever px and k. With STAY tiles have floor(px / k) pixels a side, and the pixels beyond the
 * last ones keep their places.
 */
void pr_patch_map(int px, int k, bool stay, const int64_t *order, int32_t *from, int32_t *scratch);

/** IMAGE [px, px, channels] becomes IMAGE[FROM]; COPY is of its size. */
void pr_patch_apply(const int32_t *from, int px, int channels, float *image, float *copy);

#endif
