#include "engine/base/math.h"
#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

#include <math.h>

static const double SMALLEST = 1e-6;

typedef struct bin {
    double re, im;
} bin;

static double grey_of(const pr_patch_spectrum_attr *attr, const double *pixel)
{
    double c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = pixel[i] * attr->std[i] + attr->mean[i];
    }
    return attr->grey == PR_GREY_BT601 ? 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
                                       : (c[0] + c[1] + c[2]) / 3.0;
}

/* F(U, V) of the patch whose first pixel is FIRST of an image WIDTH pixels wide. */
static bin transform(const pr_patch_spectrum_attr *attr, const double *first, int64_t width,
                     int64_t u, int64_t v)
{
    const int64_t px = attr->patch_px;
    bin f = {0.0, 0.0};
    for (int64_t x = 0; x < px; x++) {
        for (int64_t y = 0; y < px; y++) {
            const double grey = grey_of(attr, first + (x * width + y) * 3);
            const double angle = 2.0 * PR_PI * (double)((u * x + v * y) % px) / (double)px;
            f.re += grey * pr_cos(angle);
            f.im -= grey * pr_sin(angle);
        }
    }
    f.re /= (double)(px * px);
    f.im /= (double)(px * px);
    const bool is_real = 2 * u % px == 0 && 2 * v % px == 0;
    f.im = is_real ? 0.0 : f.im;
    return f;
}

static double phase_of(const pr_patch_spectrum_attr *attr, bin f, double amplitude)
{
    if (amplitude <= SMALLEST) {
        return 0.0;
    }
    f.re = fabs(f.re) <= SMALLEST ? 0.0 : f.re;
    f.im = fabs(f.im) <= SMALLEST ? 0.0 : f.im;
    return attr->phase_of_ratio ? pr_atan2(f.re < 0.0 ? -f.im : f.im, fabs(f.re))
                                : pr_atan2(f.im, f.re);
}

static pr_status forward(const pr_call *call)
{
    const pr_patch_spectrum_attr *const attr = call->attr;
    const int64_t *const dims = call->in[0].shape.dims;
    const int64_t px = attr->patch_px;
    const int64_t n_across = dims[2] / px;
    const int64_t n_tokens = dims[1] / px * n_across;
    const double *const image = call->in[0].data;
    double *const amplitude = call->out[0].data;
    double *const phase = call->out[1].data;

    for (int64_t i = 0; i < dims[0] * n_tokens * px * px; i++) {
        const int64_t n = i / (n_tokens * px * px);
        const int64_t token = i / (px * px) % n_tokens;
        const int64_t row = n * dims[1] + token / n_across * px;
        const double *const first = image + (row * dims[2] + token % n_across * px) * 3;
        const bin f = transform(attr, first, dims[2], i / px % px, i % px);
        const double size = sqrt(f.re * f.re + f.im * f.im);
        amplitude[i] = attr->log_amplitude ? pr_log(1.0 + size) : size;
        phase[i] = phase_of(attr, f, size);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_patch_spectrum = {.forward = forward};
