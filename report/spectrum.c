#include "report/spectrum.h"

#include "engine/base/alloc.h"
#include "engine/base/math.h"

#include <math.h>
#include <stdbool.h>

static const double SMALLEST = 1e-6;

/* Tables and scratch of one block. */
typedef struct transform {
    int64_t side;
    double *cosine, *sine;   /* [side] of 2 pi k / side */
    double *row_re, *row_im; /* [side, side] after the rows */
    double *re, *im;         /* [side, side] */
} transform;

static pr_status open_transform(int64_t side, transform *t)
{
    t->side = side;
    t->cosine = pr_calloc(2 * side + 4 * side * side, sizeof(double));
    PR_REQUIRE(t->cosine != NULL, PR_ERR_NOMEM, "no memory for a spectrum of %lld x %lld",
               (long long)side, (long long)side);
    t->sine = t->cosine + side;
    t->row_re = t->sine + side;
    t->row_im = t->row_re + side * side;
    t->re = t->row_im + side * side;
    t->im = t->re + side * side;
    for (int64_t k = 0; k < side; k++) {
        const double angle = 2 * PR_PI * (double)k / (double)side;
        t->cosine[k] = pr_cos(angle);
        t->sine[k] = pr_sin(angle);
    }
    return PR_OK;
}

/* Along the rows of the block whose first pixel is GREY, in an image STRIDE pixels wide. */
static void transform_rows(transform *t, const double *grey, int64_t stride)
{
    const int64_t n = t->side;
    for (int64_t x = 0; x < n; x++) {
        for (int64_t v = 0; v < n; v++) {
            double re = 0;
            double im = 0;
            int64_t k = 0;
            for (int64_t y = 0; y < n; y++) {
                re += grey[x * stride + y] * t->cosine[k];
                im -= grey[x * stride + y] * t->sine[k];
                k = k + v >= n ? k + v - n : k + v;
            }
            t->row_re[x * n + v] = re;
            t->row_im[x * n + v] = im;
        }
    }
}

/* Then along the columns: one row U of frequencies at a time, so that memory is read in order. */
static void transform_columns(transform *t)
{
    const int64_t n = t->side;
    for (int64_t u = 0; u < n; u++) {
        double *const re = t->re + u * n;
        double *const im = t->im + u * n;
        for (int64_t v = 0; v < n; v++) {
            re[v] = 0;
            im[v] = 0;
        }
        int64_t k = 0;
        for (int64_t x = 0; x < n; x++) {
            const double c = t->cosine[k];
            const double s = t->sine[k];
            const double *const row_re = t->row_re + x * n;
            const double *const row_im = t->row_im + x * n;
            for (int64_t v = 0; v < n; v++) {
                re[v] += row_re[v] * c + row_im[v] * s;
                im[v] += row_im[v] * c - row_re[v] * s;
            }
            k = k + u >= n ? k + u - n : k + u;
        }
    }
}

static void write_block(const transform *t, int64_t stride, double *amplitude, double *phase)
{
    const int64_t n = t->side;
    const double least = SMALLEST * 255 * (double)(n * n);
    for (int64_t u = 0; u < n; u++) {
        for (int64_t v = 0; v < n; v++) {
            const bool is_real = 2 * u % n == 0 && 2 * v % n == 0;
            const double re = t->re[u * n + v];
            const double im = is_real ? 0 : t->im[u * n + v];
            const double size = sqrt(re * re + im * im);
            const int64_t at = (u + n / 2) % n * stride + (v + n / 2) % n;
            amplitude[at] = pr_log(1 + size);
            phase[at] =
                size > least ? pr_atan2(fabs(im) > least ? im : 0, fabs(re) > least ? re : 0) : 0;
        }
    }
}

pr_status pr__spectrum(const double *grey, int64_t n, int64_t side, double *amplitude,
                       double *phase)
{
    transform t = {0};
    PR_REQUIRE(side >= 1 && n % side == 0, PR_ERR_INVALID, "blocks of %lld pixels do not fill %lld",
               (long long)side, (long long)n);
    PR_TRY(open_transform(side, &t));
    for (int64_t top = 0; top < n; top += side) {
        for (int64_t left = 0; left < n; left += side) {
            const int64_t at = top * n + left;
            transform_rows(&t, grey + at, n);
            transform_columns(&t);
            write_block(&t, n, amplitude + at, phase + at);
        }
    }
    pr_free(t.cosine);
    return PR_OK;
}
