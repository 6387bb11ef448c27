#include "dataset/render_rows.h"

#include "dataset/blur_rows.h"
#include "dataset/resize_rows.h"
#include "engine/base/alloc.h"

/* Rows that go through the colour operations together: few enough for the first cache. */
enum { N_ROWS = 4 };

/* Floats in 64 bytes, which memory gives at a time. */
enum { LINE_FLOATS = 16 };

/* Contrast's mean is that of a grid of GRID x GRID pixels. */
enum { GRID = 32, N_GRID = GRID * GRID };

struct pr__row_renderer {
    int out_px, stride;
    pr__row_resizer *resizer;
    pr__row_blur *blur; /* NULL: nothing blurs */
    uint16_t *rows;     /* [3][N_ROWS][stride] */
    uint16_t *blurred;  /* [3][stride] */
    uint16_t *grid;     /* [3][N_GRID] */
};

pr_status pr__row_renderer_create(int max_in_px, int out_px, double max_sigma,
                                  pr__row_renderer **out)
{
    pr__row_renderer *r = pr_calloc(1, sizeof *r);
    PR_REQUIRE(r != NULL, PR_ERR_NOMEM, "render: no memory");
    r->out_px = out_px;
    r->stride = pr__row_stride(out_px);
    r->rows = pr_calloc((int64_t)3 * N_ROWS * r->stride, sizeof *r->rows);
    r->blurred = pr_calloc(3 * (int64_t)r->stride, sizeof *r->blurred);
    r->grid = pr_calloc(3 * (int64_t)N_GRID, sizeof *r->grid);
    pr_status status = PR_OK;
    if (r->rows == NULL || r->blurred == NULL || r->grid == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "render: no memory for rows of %d px", out_px);
    }
    if (status == PR_OK) {
        status = pr__row_resizer_create(max_in_px, out_px, &r->resizer);
    }
    if (status == PR_OK && max_sigma > 0.0) {
        status = pr__row_blur_create(out_px, r->stride, max_sigma, &r->blur);
    }
    if (status != PR_OK) {
        pr__row_renderer_destroy(&r);
        return status;
    }
    *out = r;
    return PR_OK;
}

void pr__row_renderer_destroy(pr__row_renderer **renderer)
{
    pr__row_renderer *r = *renderer;
    if (r == NULL) {
        return;
    }
    pr__row_resizer_destroy(&r->resizer);
    pr__row_blur_destroy(&r->blur);
    pr_free(r->rows);
    pr_free(r->blurred);
    pr_free(r->grid);
    pr_free(r);
    *renderer = NULL;
}

/* The decoded samples nearest to the centres of GRID x GRID equal parts of the region. */
static void sample_grid(const pr__row_renderer *r, const pr_image_planes *planes,
                        const pr_rect *rect)
{
    for (int c = 0; c < 3; c++) {
        uint16_t *level = r->grid + (size_t)c * N_GRID;
        int column[GRID];
        for (int i = 0; i < GRID; i++) {
            const int x = rect->x - planes->x + (2 * i + 1) * rect->width / (2 * GRID);
            column[i] = x / planes->shrink_x[c];
        }
        for (int j = 0; j < GRID; j++) {
            const int y = rect->y - planes->y + (2 * j + 1) * rect->height / (2 * GRID);
            const uint8_t *row =
                planes->data[c] + (size_t)(y / planes->shrink_y[c]) * (size_t)planes->stride[c];
            for (int i = 0; i < GRID; i++) {
                level[j * GRID + i] = (uint16_t)(row[column[i]] * PR_LEVEL_ONE);
            }
        }
    }
}

/* The grey level about which contrast turns, as the operations before it leave it. */
static double contrast_mean(const pr__row_renderer *r, const pr_image_planes *planes,
                            const pr__augment_draws *draws)
{
    const int n_before = pr__augment_find_contrast(draws);
    const pr_levels levels = {r->grid, N_GRID};
    if (n_before == draws->n_ops) {
        return 0.0;
    }
    sample_grid(r, planes, &draws->crop);
    if (planes->is_ycc) {
        pr_colour_from_ycc(&levels);
    }
    pr__augment_colour(draws, 0, n_before, 0.0, &levels);
    return pr_colour_grey_mean(&levels);
}

/* Where the view's rows go. */
typedef struct sink {
    const pr__normaliser *normaliser;
    float *image;
    const pr_planes *view;
    int width;
    size_t y;        /* the next row */
    size_t expected; /* the first float whose memory has not been asked for */
} sink;

/*
 * Asks for the memory of the next half row of floats. Batches are larger than the caches: memory that
 * is asked for in small portions comes while levels are computed, where writing a row would wait for
 * all of it. It goes to the second cache, since the first is full of levels, and as if to be read:
 * what some compilers make of "to be written" goes to the first.
 */
static void expect_floats(sink *s)
{
    const size_t row = 3 * (size_t)s->width;
    const size_t all = row * (size_t)s->width;
    const size_t later = s->expected + row / 2 + 1;
    const size_t end = later < all ? later : all;
    if (s->image == NULL) {
        return;
    }
    for (; s->expected < end; s->expected += LINE_FLOATS) {
        __builtin_prefetch(s->image + s->expected, 0, 2);
    }
}

static void sink_row(sink *s, const pr_levels *levels)
{
    const size_t at = s->y++ * (size_t)s->width;
    if (s->image != NULL) {
        pr__normalise_levels(s->normaliser, levels, s->width, s->image + 3 * at);
    } else {
        pr_colour_to_bytes(levels, s->width, s->view, (int64_t)at);
    }
}

/* Rows Y .. Y + N_ROWS - 1 of the view, resized and in their colours; rows past the end are not made. */
static void make_rows(pr__row_renderer *r, const pr_image_planes *planes,
                      const pr__augment_draws *draws, double mean, int y, sink *s)
{
    const size_t stride = (size_t)r->stride;
    const size_t apart = N_ROWS * stride;
    const pr_levels levels = {r->rows, N_ROWS * r->stride};
    for (int k = 0; k < N_ROWS && y + k < r->out_px; k++) {
        uint16_t *row = r->rows + (size_t)k * stride;
        uint16_t *const out[3] = {row, row + apart, row + 2 * apart};
        pr__row_resizer_next(r->resizer, y + k, out);
        expect_floats(s);
    }
    if (planes->is_ycc) {
        pr_colour_from_ycc(&levels);
    }
    pr__augment_colour(draws, 0, draws->n_ops, mean, &levels);
}

void pr__row_render(pr__row_renderer *r, const pr_image_planes *planes,
                    const pr__augment_draws *draws, const pr__normaliser *normaliser, float *image,
                    const pr_planes *view)
{
    sink s = {.normaliser = normaliser, .view = view, .width = r->out_px};
    const double mean = contrast_mean(r, planes, draws);
    s.image = image;
    const bool blurs = draws->blur_sigma > 0.0;
    pr__row_resizer_begin(r->resizer, planes, &draws->crop, draws->flip);
    if (blurs) {
        pr__row_blur_begin(r->blur, draws->blur_sigma);
    }
    for (int k = 0; k < N_ROWS; k++) {
        expect_floats(&s);
    }
    for (int y = 0; y < r->out_px; y += N_ROWS) {
        make_rows(r, planes, draws, mean, y, &s);
        for (int k = 0; k < N_ROWS && y + k < r->out_px; k++) {
            const pr_levels row = {r->rows + (size_t)k * (size_t)r->stride, N_ROWS * r->stride};
            const pr_levels blurred = {r->blurred, r->stride};
            expect_floats(&s);
            if (!blurs) {
                sink_row(&s, &row);
                continue;
            }
            pr__row_blur_push(r->blur, row.level, row.n);
            while (pr__row_blur_pull(r->blur, blurred.level)) {
                sink_row(&s, &blurred);
            }
        }
    }
}
