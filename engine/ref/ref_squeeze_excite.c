#include "engine/ref/ref_loops.h"

enum { X, W1, B1, W2, B2 };
enum { MEAN, HIDDEN, GATE };

/* Of one image: its map, and its rows of what is saved. */
typedef struct image {
    int64_t n_pixels, c, r;
    const double *x;
    double *mean, *hidden, *gate;
} image;

static image image_of(const pr_call *call, int64_t i)
{
    const int64_t *const x = call->in[X].shape.dims;
    const int64_t n_pixels = x[1] * x[2];
    const int64_t r = call->in[B1].shape.dims[0];
    return (image){.n_pixels = n_pixels,
                   .c = x[3],
                   .r = r,
                   .x = (const double *)call->in[X].data + i * n_pixels * x[3],
                   .mean = (double *)call->saved[MEAN].data + i * x[3],
                   .hidden = (double *)call->saved[HIDDEN].data + i * r,
                   .gate = (double *)call->saved[GATE].data + i * x[3]};
}

static void make_gate(const pr_call *call, const image *m)
{
    const double *const w1 = call->in[W1].data;
    const double *const b1 = call->in[B1].data;
    const double *const w2 = call->in[W2].data;
    const double *const b2 = call->in[B2].data;

    for (int64_t c = 0; c < m->c; c++) {
        m->mean[c] = 0.0;
        for (int64_t p = 0; p < m->n_pixels; p++) {
            m->mean[c] += m->x[p * m->c + c];
        }
        m->mean[c] /= (double)m->n_pixels;
    }
    for (int64_t r = 0; r < m->r; r++) {
        m->hidden[r] = b1[r];
        for (int64_t c = 0; c < m->c; c++) {
            m->hidden[r] += w1[r * m->c + c] * m->mean[c];
        }
    }
    for (int64_t c = 0; c < m->c; c++) {
        double sum = b2[c];
        for (int64_t r = 0; r < m->r; r++) {
            sum += w2[c * m->r + r] * ref_act(PR_ACT_SILU, m->hidden[r]);
        }
        m->gate[c] = ref_sigmoid(sum);
    }
}

static pr_status forward(const pr_call *call)
{
    for (int64_t i = 0; i < call->in[X].shape.dims[0]; i++) {
        const image m = image_of(call, i);
        double *const y = (double *)call->out[0].data + i * m.n_pixels * m.c;
        make_gate(call, &m);
        for (int64_t k = 0; k < m.n_pixels * m.c; k++) {
            y[k] = m.gate[k % m.c] * m.x[k];
        }
    }
    return PR_OK;
}

/* The gradient before the sigmoid of channel C. */
static double excite_grad(const image *m, const double *dy, int64_t c)
{
    double sum = 0.0;
    for (int64_t p = 0; p < m->n_pixels; p++) {
        sum += dy[p * m->c + c] * m->x[p * m->c + c];
    }
    return m->gate[c] * (1.0 - m->gate[c]) * sum;
}

/* What e of channel C gives to w2, b2. */
static void give_excite(const pr_call *call, const image *m, int64_t c, double e)
{
    double *const dw2 = call->grad_in[W2].data;
    double *const db2 = call->grad_in[B2].data;
    for (int64_t r = 0; dw2 != NULL && r < m->r; r++) {
        dw2[c * m->r + r] += e * ref_act(PR_ACT_SILU, m->hidden[r]);
    }
    if (db2 != NULL) {
        db2[c] += e;
    }
}

/* The gradient of hidden unit R, and what it gives to w1, b1. */
static double squeeze_grad(const pr_call *call, const image *m, const double *dy, int64_t r)
{
    const double *const w2 = call->in[W2].data;
    double *const dw1 = call->grad_in[W1].data;
    double *const db1 = call->grad_in[B1].data;
    double h = 0.0;
    for (int64_t c = 0; c < m->c; c++) {
        h += w2[c * m->r + r] * excite_grad(m, dy, c);
    }
    h *= ref_act_slope(PR_ACT_SILU, m->hidden[r]);
    for (int64_t c = 0; dw1 != NULL && c < m->c; c++) {
        dw1[r * m->c + c] += h * m->mean[c];
    }
    if (db1 != NULL) {
        db1[r] += h;
    }
    return h;
}

static pr_status backward(const pr_call *call)
{
    const double *const w1 = call->in[W1].data;
    double *const dx = call->grad_in[X].data;

    for (int i = 0; i < call->n_in; i++) {
        ref_clear(&call->grad_in[i], call->grad_add[i]);
    }
    for (int64_t i = 0; i < call->in[X].shape.dims[0]; i++) {
        const image m = image_of(call, i);
        const int64_t at = i * m.n_pixels * m.c;
        const double *const dy = (const double *)call->grad_out[0].data + at;
        for (int64_t c = 0; c < m.c; c++) {
            give_excite(call, &m, c, excite_grad(&m, dy, c));
        }
        for (int64_t k = 0; dx != NULL && k < m.n_pixels * m.c; k++) {
            dx[at + k] += m.gate[k % m.c] * dy[k];
        }
        for (int64_t r = 0; r < m.r; r++) {
            const double h = squeeze_grad(call, &m, dy, r);
            for (int64_t k = 0; dx != NULL && k < m.n_pixels * m.c; k++) {
                dx[at + k] += h * w1[r * m.c + k % m.c] / (double)m.n_pixels;
            }
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_squeeze_excite = {.forward = forward, .backward = backward};
