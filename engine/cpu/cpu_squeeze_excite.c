#include "engine/base/math.h"
#include "engine/cpu/cpu.h"

#include <string.h>

enum { X, W1, B1, W2, B2 };
enum { MEAN, HIDDEN, GATE };

/*
 * A workspace: rows for one image as the loops take them, and gradients of the parameters, summed
 * over the images in their order.
 */
typedef struct space {
    double *c0, *r0, *r1; /* [C], [R], [R] */
    float *gate, *shift;  /* [C] */
    double *sums[B2 + 1]; /* of a parameter's size, NULL for x */
} space;

typedef struct squeeze_state {
    const pr__loops *loops;
    int64_t n_pixels, c, r;
} squeeze_state;

static void *take(char **at, int64_t n, size_t each)
{
    void *const from = *at;
    *at += pr__aligned((size_t)n * each);
    return from;
}

static space space_at(const squeeze_state *s, void *workspace, size_t *n_bytes)
{
    const int64_t n[B2 + 1] = {0, s->r * s->c, s->r, s->c * s->r, s->c};
    char *at = workspace;
    space made = {.c0 = take(&at, s->c, sizeof(double)),
                  .r0 = take(&at, s->r, sizeof(double)),
                  .r1 = take(&at, s->r, sizeof(double)),
                  .gate = take(&at, s->c, sizeof(float)),
                  .shift = take(&at, s->c, sizeof(float))};
    for (int i = W1; i <= B2; i++) {
        made.sums[i] = take(&at, n[i], sizeof(double));
    }
    *n_bytes = (size_t)(at - (char *)workspace);
    return made;
}

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const int64_t *const x = sig->in[X].shape.dims;
    static char nowhere[PR_ALIGN_BYTES];
    (void)wants_grad;
    squeeze_state *const s = pr_calloc(1, sizeof *s);
    PR_REQUIRE(s != NULL, PR_ERR_NOMEM, "no memory for squeeze-excite's state");
    *s = (squeeze_state){NULL, x[1] * x[2], x[3], sig->in[B1].shape.dims[0]};
    const pr_status status = pr__loops_get(&s->loops);
    if (status != PR_OK) {
        pr_free(s);
        return status;
    }
    (void)space_at(s, nowhere, workspace_bytes);
    *state = s;
    return PR_OK;
}

static double sigmoid(double v)
{
    return 1.0 / (1.0 + pr_exp(-v));
}

static void make_gate(const squeeze_state *s, const pr_call *call, const space *m, double *mean,
                      double *hidden, double *gate)
{
    const float *const b1 = pr__f32(&call->in[B1]);
    const float *const b2 = pr__f32(&call->in[B2]);
    for (int64_t c = 0; c < s->c; c++) {
        mean[c] /= (double)s->n_pixels;
    }
    s->loops->rows_times(s->r, s->c, pr__f32(&call->in[W1]), mean, hidden);
    for (int64_t r = 0; r < s->r; r++) {
        hidden[r] += (double)b1[r];
        m->r0[r] = hidden[r] * sigmoid(hidden[r]);
    }
    s->loops->rows_times(s->c, s->r, pr__f32(&call->in[W2]), m->r0, gate);
    for (int64_t c = 0; c < s->c; c++) {
        gate[c] = sigmoid(gate[c] + (double)b2[c]);
    }
}

static pr_status forward(const pr_call *call)
{
    const squeeze_state *const s = call->state;
    const int64_t n_map = s->n_pixels * s->c;
    size_t n_bytes = 0;
    const space m = space_at(s, call->workspace, &n_bytes);
    for (int64_t i = 0; i < call->in[X].shape.dims[0]; i++) {
        const float *const x = pr__f32(&call->in[X]) + i * n_map;
        double *const mean = (double *)call->saved[MEAN].data + i * s->c;
        double *const hidden = (double *)call->saved[HIDDEN].data + i * s->r;
        double *const gate = (double *)call->saved[GATE].data + i * s->c;
        s->loops->gate_sums(s->n_pixels, s->c, x, NULL, mean);
        make_gate(s, call, &m, mean, hidden, gate);
        for (int64_t c = 0; c < s->c; c++) {
            m.gate[c] = (float)gate[c];
        }
        s->loops->gate_apply(s->n_pixels, s->c, x, m.gate, NULL, pr__f32(&call->out[0]) + i * n_map,
                             false);
    }
    return PR_OK;
}

/* sums [n_a, n_b] += a b' */
static void add_outer(int64_t n_a, int64_t n_b, const double *a, const double *b, double *sums)
{
    for (int64_t i = 0; i < n_a; i++) {
        for (int64_t j = 0; j < n_b; j++) {
            sums[i * n_b + j] += a[i] * b[j];
        }
    }
}

static void add_to(int64_t n, const double *a, double *sums)
{
    for (int64_t i = 0; i < n; i++) {
        sums[i] += a[i];
    }
}

/*
 * From c0 = sum over pixels of dy x of image I to the parameters' sums, and to the shift of dx.
 */
static void through_layers(const squeeze_state *s, const pr_call *call, const space *m, int64_t i)
{
    const double *const mean = (const double *)call->saved[MEAN].data + i * s->c;
    const double *const hidden = (const double *)call->saved[HIDDEN].data + i * s->r;
    const double *const gate = (const double *)call->saved[GATE].data + i * s->c;
    for (int64_t c = 0; c < s->c; c++) {
        m->c0[c] *= gate[c] * (1.0 - gate[c]);
        m->gate[c] = (float)gate[c];
    }
    s->loops->times_rows(s->c, s->r, pr__f32(&call->in[W2]), m->c0, m->r0);
    for (int64_t r = 0; r < s->r; r++) {
        const double t = sigmoid(hidden[r]);
        m->r0[r] *= t * (1.0 + hidden[r] * (1.0 - t));
        m->r1[r] = hidden[r] * t;
    }
    add_outer(s->c, s->r, m->c0, m->r1, m->sums[W2]);
    add_to(s->c, m->c0, m->sums[B2]);
    add_outer(s->r, s->c, m->r0, mean, m->sums[W1]);
    add_to(s->r, m->r0, m->sums[B1]);
    s->loops->times_rows(s->r, s->c, pr__f32(&call->in[W1]), m->r0, m->c0);
    for (int64_t c = 0; c < s->c; c++) {
        m->shift[c] = (float)(m->c0[c] / (double)s->n_pixels);
    }
}

static pr_status backward(const pr_call *call)
{
    const squeeze_state *const s = call->state;
    const int64_t n_map = s->n_pixels * s->c;
    float *const dx = pr__f32(&call->grad_in[X]);
    size_t n_bytes = 0;
    const space m = space_at(s, call->workspace, &n_bytes);
    memset(m.sums[W1], 0, n_bytes - (size_t)((char *)m.sums[W1] - (char *)call->workspace));
    for (int64_t i = 0; i < call->in[X].shape.dims[0]; i++) {
        const float *const x = pr__f32(&call->in[X]) + i * n_map;
        const float *const dy = pr__f32(&call->grad_out[0]) + i * n_map;
        s->loops->gate_sums(s->n_pixels, s->c, x, dy, m.c0);
        through_layers(s, call, &m, i);
        if (dx != NULL) {
            s->loops->gate_apply(s->n_pixels, s->c, dy, m.gate, m.shift, dx + i * n_map,
                                 call->grad_add[X]);
        }
    }
    for (int i = W1; i <= B2; i++) {
        if (call->grad_in[i].data != NULL) {
            pr__give_f64(pr_shape_n(&call->grad_in[i].shape), m.sums[i], pr__f32(&call->grad_in[i]),
                         call->grad_add[i]);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_squeeze_excite = {
    .prepare = prepare, .release = pr__release_plain, .forward = forward, .backward = backward};
