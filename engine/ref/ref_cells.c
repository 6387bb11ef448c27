#include "engine/ref/ref_cells.h"

#include <math.h>

enum { X, CELL, LABEL };

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

size_t pr__ref_cells_bytes(int64_t n, int64_t n_cols)
{
    return (size_t)(n + n * n) * sizeof(double) + (size_t)((n + 1) * n_cols) * sizeof(double);
}

bool pr__ref_cells_pair(const pr__ref_cells *im, int64_t i, int64_t j)
{
    const bool both = !im->is_fake || (im->cell[i] == 0 && im->cell[j] == 0);
    return both && !(im->attr->exclude_self && i == j);
}

bool pr__ref_cells_mixed(const pr__ref_cells *im, int64_t i, int64_t j)
{
    return im->is_fake && im->cell[i] == 1 && im->cell[j] == 0;
}

typedef bool (*is_fn)(const pr__ref_cells *, int64_t, int64_t);

/* The exponent of the pair (i, j) in the sum over pairs that IS says: -infinity for one left out. */
static double exponent(const pr__ref_cells *im, is_fn is, int64_t i, int64_t j)
{
    if (is(im, i, j)) {
        return im->s[i * im->n + j];
    }
    return im->attr->masked ? 0.0 : -INFINITY;
}

/* The log of the sum of exp(s) over those pairs; *ANY is false where there is none. */
static double log_sum(const pr__ref_cells *im, is_fn is, bool *any)
{
    double most = -INFINITY;
    double sum = 0.0;
    for (int64_t i = 0; i < im->n; i++) {
        for (int64_t j = 0; j < im->n; j++) {
            const double s = exponent(im, is, i, j);
            most = s > most ? s : most;
        }
    }
    *any = most > -INFINITY;
    for (int64_t i = 0; *any && i < im->n; i++) {
        for (int64_t j = 0; j < im->n; j++) {
            const double s = exponent(im, is, i, j);
            sum += s > -INFINITY ? exp(s - most) : 0.0;
        }
    }
    return *any ? most + log(sum) : 0.0;
}

static void normalise(pr__ref_cells *im)
{
    for (int64_t i = 0; i < im->n; i++) {
        const double *const x = im->x + i * im->n_cols;
        const double length = sqrt(dot(x, x, im->n_cols));
        im->length[i] = length > im->attr->eps ? length : im->attr->eps;
        for (int64_t c = 0; c < im->n_cols; c++) {
            im->unit[i * im->n_cols + c] = x[c] / im->length[i];
        }
    }
}

pr__ref_cells pr__ref_cells_take(const pr_call *call, int64_t number)
{
    const int64_t *const dims = call->in[X].shape.dims;
    pr__ref_cells im = {.attr = call->attr, .n = dims[1] * dims[2], .n_cols = dims[3]};
    im.x = (const double *)call->in[X].data + number * im.n * im.n_cols;
    im.cell = (const int32_t *)call->in[CELL].data + number * im.n;
    im.is_fake = ((const int32_t *)call->in[LABEL].data)[number] == PR_LABEL_FAKE;
    im.length = call->workspace;
    im.s = im.length + im.n;
    im.unit = (double *)(im.s + im.n * im.n);
    im.spare = im.unit + im.n * im.n_cols;
    normalise(&im);
    for (int64_t i = 0; i < im.n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            const double *const a = im.unit + i * im.n_cols;
            const double *const b = im.unit + j * im.n_cols;
            const double s = dot(a, b, im.n_cols) / im.attr->tau;
            im.s[i * im.n + j] = s;
            im.s[j * im.n + i] = s;
        }
    }
    im.log_real = log_sum(&im, pr__ref_cells_pair, &im.has_real);
    im.log_mixed = log_sum(&im, pr__ref_cells_mixed, &im.has_mixed);
    return im;
}
