#include "engine/core/op.h"
#include "engine/core/op_attr.h"

/*
 * Pixels [first, last] of N that cell I of N_CELLS covers; the first and the last one in part.
 */
typedef struct span {
    int64_t first, last;
    double low, high; /* in pixels */
} span;

static span span_of(int64_t i, int64_t n_cells, int64_t n)
{
    const double low = (double)(i * n) / (double)n_cells;
    const double high = (double)((i + 1) * n) / (double)n_cells;
    const int64_t last = ((i + 1) * n + n_cells - 1) / n_cells - 1;
    return (span){i * n / n_cells, last, low, high};
}

static double share(const span *s, int64_t i)
{
    const double from = (double)i > s->low ? (double)i : s->low;
    const double to = (double)(i + 1) < s->high ? (double)(i + 1) : s->high;
    return to - from;
}

/* The area average over rows Y and columns X of MASK. */
static double mean_of(const double *mask, int64_t n_cols, const span *y, const span *x)
{
    double sum = 0.0;
    for (int64_t i = y->first; i <= y->last; i++) {
        double row = 0.0;
        for (int64_t j = x->first; j <= x->last; j++) {
            row += share(x, j) * mask[i * n_cols + j];
        }
        sum += share(y, i) * row;
    }
    return sum / ((y->high - y->low) * (x->high - x->low));
}

static int32_t kind_of(const pr_mask_cells_attr *attr, double mean)
{
    if (mean > attr->fake_above) {
        return 1;
    }
    return mean <= attr->real_upto ? 0 : -1;
}

static pr_status forward(const pr_call *call)
{
    const pr_mask_cells_attr *const attr = call->attr;
    const int64_t *const dims = call->in[0].shape.dims;
    int32_t *cell = call->out[0].data;
    for (int64_t n = 0; n < dims[0]; n++) {
        const double *const mask = (const double *)call->in[0].data + n * dims[1] * dims[2];
        for (int64_t y = 0; y < attr->height; y++) {
            const span rows = span_of(y, attr->height, dims[1]);
            for (int64_t x = 0; x < attr->width; x++) {
                const span cols = span_of(x, attr->width, dims[2]);
                *cell++ = kind_of(attr, mean_of(mask, dims[2], &rows, &cols));
            }
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_mask_cells = {.forward = forward};
