#include "dataset/patch.h"

#include <stdlib.h>
#include <string.h>

bool pr_patch_parse(const char *words, int64_t n, int64_t *order)
{
    bool taken[PR_PATCH_MAX_K * PR_PATCH_MAX_K] = {false};
    for (int64_t t = 0; t < n; t++) {
        char *end = NULL;
        const long number = strtol(words, &end, 10);
        const bool ends = *end == (t + 1 < n ? '-' : '\0');
        if (*words < '0' || *words > '9' || !ends || number >= n || taken[number]) {
            return false;
        }
        taken[number] = true;
        order[t] = number;
        words = end + 1;
    }
    return true;
}

typedef struct tile {
    int x, y, width, height;
} tile;

static tile tile_at(int px, int k, int64_t number)
{
    const int column = (int)number % k;
    const int row = (int)number / k;
    const int x = (int)((int64_t)column * px / k);
    const int y = (int)((int64_t)row * px / k);
    return (tile){x, y, (int)((int64_t)(column + 1) * px / k) - x,
                  (int)((int64_t)(row + 1) * px / k) - y};
}

/* A tile has at most one row and one column more than another. */
size_t pr_patch_scratch(int px, int k)
{
    return (size_t)k * (size_t)(2 * px + k);
}

/* FROM of tile TO, -1 where tile TAKEN has no such pixel; pixels that TO has no place for go to SPARE. */
static size_t move_tile(int px, const tile *to, const tile *taken, int32_t *from, int32_t *spare)
{
    size_t n_spare = 0;
    for (int y = 0; y < to->height; y++) {
        int32_t *row = from + (size_t)(to->y + y) * (size_t)px + (size_t)to->x;
        for (int x = 0; x < to->width; x++) {
            row[x] = x < taken->width && y < taken->height
                         ? (int32_t)((taken->y + y) * px + taken->x + x)
                         : -1;
        }
    }
    for (int y = 0; y < taken->height; y++) {
        for (int x = y < to->height ? to->width : 0; x < taken->width; x++) {
            spare[n_spare++] = (int32_t)((taken->y + y) * px + taken->x + x);
        }
    }
    return n_spare;
}

void pr_patch_map(int px, int k, bool stay, const int64_t *order, int32_t *from, int32_t *scratch)
{
    const int tiled_px = stay ? px / k * k : px;
    size_t n_spare = 0;
    for (int32_t i = 0; stay && i < px * px; i++) {
        from[i] = i;
    }
    for (int64_t t = 0; t < (int64_t)k * k; t++) {
        const tile to = tile_at(tiled_px, k, t);
        const tile taken = tile_at(tiled_px, k, order[t]);
        n_spare += move_tile(px, &to, &taken, from, scratch + n_spare);
    }
    const int32_t *spare = scratch;
    for (size_t i = 0; n_spare > 0 && i < (size_t)px * (size_t)px; i++) {
        if (from[i] < 0) {
            from[i] = *spare++;
        }
    }
}

void pr_patch_apply(const int32_t *from, int px, int channels, float *image, float *copy)
{
    const size_t n = (size_t)px * (size_t)px;
    memcpy(copy, image, n * (size_t)channels * sizeof(*copy));
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < channels; c++) {
            image[i * (size_t)channels + (size_t)c] =
                copy[(size_t)from[i] * (size_t)channels + (size_t)c];
        }
    }
}
