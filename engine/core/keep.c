#include "engine/core/keep.h"

#include "engine/base/draw.h"

#include <string.h>

enum { PER_DRAW = 4, NUMBER_SHIFT = 24 };

static void draw_row(const pr_dropout_attr *attr, const pr_draw_key *key, int64_t n, uint8_t *keep)
{
    const double limit = attr->rate * 4294967296.0;
    const uint32_t first = (uint32_t)attr->number << NUMBER_SHIFT;
    uint32_t bits[PER_DRAW];
    for (int64_t i = 0; i < n; i++) {
        if (i % PER_DRAW == 0) {
            pr_draw_bits(key, first + (uint32_t)(i / PER_DRAW), bits);
        }
        keep[i] = (double)bits[i % PER_DRAW] >= limit ? 1 : 0;
    }
}

pr_status pr_keep_draw(const pr_dropout_attr *attr, const pr_rows *rows, int64_t n_rows,
                       int64_t n_cols, uint8_t *keep)
{
    PR_REQUIRE(rows != NULL && rows->n == n_rows, PR_ERR_INVALID,
               "dropout of %lld rows is given the places of %lld", (long long)n_rows,
               rows == NULL ? 0LL : (long long)rows->n);
    for (int64_t r = 0; r < n_rows; r++) {
        const pr_draw_key key = {rows->seed, rows->epoch, rows->place[r], rows->view[r],
                                 PR_FOR_DROPOUT};
        draw_row(attr, &key, attr->whole_rows ? 1 : n_cols, keep + r * n_cols);
        if (attr->whole_rows) {
            memset(keep + r * n_cols, keep[r * n_cols], (size_t)n_cols);
        }
    }
    return PR_OK;
}
