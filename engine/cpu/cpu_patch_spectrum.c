/*
 * One patch at a time in double: rows, then columns of half the bins; the other half is the first
 * one's conjugate. A transform of 16 pixels has no need of a fast algorithm.
 */
#include "engine/base/math.h"
#include "engine/cpu/cpu.h"

#include <math.h>

enum { MAX_PX = 64 };

static const double SMALLEST = 1e-6;

typedef struct turns {
    double cosine[MAX_PX], sine[MAX_PX]; /* of 2 pi i / P */
} turns;

typedef struct patch {
    const pr_patch_spectrum_attr *attr;
    const turns *turns;
    int64_t px;
    double *grey;    /* [P, P] */
    double *re, *im; /* [P, P]: of the rows, bins up to P / 2 */
    float *amplitude, *phase;
} patch;

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const pr_patch_spectrum_attr *const attr = sig->attr;
    turns *const t = pr_calloc(1, sizeof *t);

    (void)wants_grad;
    PR_REQUIRE(t != NULL, PR_ERR_NOMEM, "no memory for a table of angles");
    for (int64_t i = 0; i < attr->patch_px; i++) {
        const double angle = 2.0 * PR_PI * (double)i / (double)attr->patch_px;
        t->cosine[i] = pr_cos(angle);
        t->sine[i] = pr_sin(angle);
    }
    *state = t;
    *workspace_bytes = 3 * (size_t)(attr->patch_px * attr->patch_px) * sizeof(double);
    return PR_OK;
}

static void make_grey(const patch *p, const float *first, int64_t width)
{
    const double *const mean = p->attr->mean;
    const double *const std = p->attr->std;
    for (int64_t x = 0; x < p->px; x++) {
        const float *const row = first + x * width * 3;
        for (int64_t y = 0; y < p->px; y++) {
            double c[3];
            for (int i = 0; i < 3; i++) {
                c[i] = (double)row[y * 3 + i] * std[i] + mean[i];
            }
            p->grey[x * p->px + y] = p->attr->grey == PR_GREY_BT601
                                         ? 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
                                         : (c[0] + c[1] + c[2]) / 3.0;
        }
    }
}

static void transform_rows(const patch *p)
{
    for (int64_t x = 0; x < p->px; x++) {
        const double *const grey = p->grey + x * p->px;
        for (int64_t v = 0; v <= p->px / 2; v++) {
            double re = 0.0;
            double im = 0.0;
            for (int64_t y = 0; y < p->px; y++) {
                const int64_t turn = v * y % p->px;
                re += grey[y] * p->turns->cosine[turn];
                im -= grey[y] * p->turns->sine[turn];
            }
            p->re[x * p->px + v] = re;
            p->im[x * p->px + v] = im;
        }
    }
}

/* Bin (U, V) from R and I, and its conjugate's. */
static void put_bin(const patch *p, int64_t u, int64_t v, double re, double im)
{
    const int64_t at = u * p->px + v;
    const int64_t mirrored = (p->px - u) % p->px * p->px + (p->px - v) % p->px;
    const double size = sqrt(re * re + im * im);
    double phase = 0.0;

    im = at == mirrored || fabs(im) <= SMALLEST ? 0.0 : im;
    re = fabs(re) <= SMALLEST ? 0.0 : re;
    if (size > SMALLEST) {
        phase =
            p->attr->phase_of_ratio ? pr_atan2(re < 0.0 ? -im : im, fabs(re)) : pr_atan2(im, re);
    }
    p->amplitude[at] = (float)(p->attr->log_amplitude ? pr_log(1.0 + size) : size);
    p->phase[at] = (float)phase;
    if (at != mirrored) {
        p->amplitude[mirrored] = p->amplitude[at];
        p->phase[mirrored] = im == 0.0 ? (float)phase : (float)(0.0 - phase);
    }
}

static void transform_columns(const patch *p)
{
    const double n_pixels = (double)(p->px * p->px);
    for (int64_t v = 0; v <= p->px / 2; v++) {
        /* These two columns are their own conjugates, so half of each is enough. */
        const bool is_own = 2 * v % p->px == 0;
        const int64_t last = is_own ? p->px / 2 : p->px - 1;
        for (int64_t u = 0; u <= last; u++) {
            double re = 0.0;
            double im = 0.0;
            for (int64_t x = 0; x < p->px; x++) {
                const int64_t turn = u * x % p->px;
                const double a = p->re[x * p->px + v];
                const double b = p->im[x * p->px + v];
                re += a * p->turns->cosine[turn] + b * p->turns->sine[turn];
                im += b * p->turns->cosine[turn] - a * p->turns->sine[turn];
            }
            put_bin(p, u, v, re / n_pixels, im / n_pixels);
        }
    }
}

static pr_status forward(const pr_call *call)
{
    const pr_patch_spectrum_attr *const attr = call->attr;
    const int64_t *const dims = call->in[0].shape.dims;
    const int64_t px = attr->patch_px;
    const int64_t n_bins = px * px;
    const int64_t n_across = dims[2] / px;
    const int64_t n_tokens = dims[1] / px * n_across;
    double *const space = call->workspace;
    patch p = {.attr = attr,
               .turns = call->state,
               .px = px,
               .grey = space,
               .re = space + n_bins,
               .im = space + 2 * n_bins};

    for (int64_t i = 0; i < dims[0] * n_tokens; i++) {
        const int64_t row = i / n_tokens * dims[1] + i % n_tokens / n_across * px;
        const int64_t col = i % n_tokens % n_across * px;
        p.amplitude = pr__f32(&call->out[0]) + i * n_bins;
        p.phase = pr__f32(&call->out[1]) + i * n_bins;
        make_grey(&p, pr__f32(&call->in[0]) + (row * dims[2] + col) * 3, dims[2]);
        transform_rows(&p);
        transform_columns(&p);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_patch_spectrum = {
    .prepare = prepare, .release = pr__release_plain, .forward = forward};
