#include "engine/base/math.h"
#include "engine/cpu/contrast.h"
#include "engine/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { Q, KEY, LABEL, RANGE, QUEUE, COUNT };
enum { TILE = 64 };

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = pr__aligned((size_t)sig->in[Q].shape.dims[1] * sizeof(double)) +
                       pr__aligned((size_t)sig->in[Q].shape.dims[1] * sizeof(float));
    return PR_OK;
}

/* Slots that count against rows of LABEL: those of the other label's queue. */
static int64_t n_against(const pr_call *call, int32_t label)
{
    const pr_queue_nce_attr *const attr = call->attr;
    return attr->starts_full ? call->in[QUEUE].shape.dims[1]
                             : ((const int64_t *)call->in[COUNT].data)[1 - label];
}

static double n_queries(const pr_call *call)
{
    int64_t n = 0;
    for (int64_t r = 0; r < call->in[Q].shape.dims[0]; r++) {
        n += n_against(call, ((const int32_t *)call->in[LABEL].data)[r]) > 0;
    }
    return (double)n;
}

/* A row on its way through the queue: sums are of exp(exponent - most). */
typedef struct running {
    const pr_queue_nce_attr *attr;
    const float *q;
    int64_t n_cols;
    double most, sum;
    double *weighted; /* [n_cols]: sum of exp(exponent - most) x */
    float *tile;      /* [n_cols] */
} running;

/* What the exponents of N slots from X on are, and by what each slot is multiplied. */
static double exponents(const running *run, const float *x, int64_t n, double exponent[TILE],
                        double scale[TILE])
{
    double most = -INFINITY;
    for (int64_t j = 0; j < n; j++) {
        const float *const key = x + j * run->n_cols;
        scale[j] = 1.0;
        if (run->attr->starts_full) {
            const double length = sqrt((double)pr__contrast_dot(key, key, run->n_cols));
            scale[j] = 1.0 / (length > 1e-12 ? length : 1e-12);
        }
        exponent[j] =
            (double)pr__contrast_dot(run->q, key, run->n_cols) * scale[j] / run->attr->tau;
        most = exponent[j] > most ? exponent[j] : most;
    }
    return most;
}

static void take_tile(running *run, const float *x, int64_t n)
{
    double exponent[TILE];
    double scale[TILE];
    double lane[PR__CONTRAST_LANES] = {0};
    const double most = exponents(run, x, n, exponent, scale);

    if (most > run->most) {
        const double shrink = pr_exp(run->most - most);
        run->sum *= shrink;
        for (int64_t d = 0; d < run->n_cols; d++) {
            run->weighted[d] *= shrink;
        }
        run->most = most;
    }
    memset(run->tile, 0, (size_t)run->n_cols * sizeof(*run->tile));
    for (int64_t j = 0; j < n; j++) {
        const double e = pr_exp(exponent[j] - run->most);
        const float weight = (float)(e * scale[j]);
        const float *const key = x + j * run->n_cols;
        lane[j % PR__CONTRAST_LANES] += e;
        for (int64_t d = 0; d < run->n_cols; d++) {
            run->tile[d] += weight * key[d];
        }
    }
    run->sum += pr__contrast_tree(lane);
    for (int64_t d = 0; d < run->n_cols; d++) {
        run->weighted[d] += (double)run->tile[d];
    }
}

static double row(const pr_call *call, int64_t r, double n_rows, double *slope)
{
    const pr_queue_nce_attr *const attr = call->attr;
    const int32_t label = ((const int32_t *)call->in[LABEL].data)[r];
    const int64_t n_cols = call->in[Q].shape.dims[1];
    const int64_t n = n_against(call, label);
    const float *const q = pr__f32(&call->in[Q]) + r * n_cols;
    const float *const k = pr__f32(&call->in[KEY]) + r * n_cols;
    const float *const queue =
        pr__f32(&call->in[QUEUE]) + (1 - label) * call->in[QUEUE].shape.dims[1] * n_cols;
    const double positive = (double)pr__contrast_dot(q, k, n_cols) / attr->tau;
    running run = {.attr = attr, .q = q, .n_cols = n_cols, .most = positive};
    run.weighted = call->workspace;
    run.tile = (float *)((char *)call->workspace + pr__aligned((size_t)n_cols * sizeof(double)));

    memset(run.weighted, 0, (size_t)n_cols * sizeof(double));
    for (int64_t first = 0; first < n; first += TILE) {
        take_tile(&run, queue + first * n_cols, n - first < TILE ? n - first : TILE);
    }
    /* The positive's probability less 1 is minus what the queue has: no difference of near numbers. */
    const double total = pr_exp(positive - run.most) + run.sum;
    const double inverse = 1.0 / (total * attr->tau * n_rows);
    for (int64_t d = 0; d < n_cols; d++) {
        slope[d] = (run.weighted[d] - run.sum * (double)k[d]) * inverse;
    }
    return (pr_log(total) + run.most - positive) / n_rows;
}

static pr_status forward(const pr_call *call)
{
    const int64_t *const range = call->in[RANGE].data;
    const int64_t n_cols = call->in[Q].shape.dims[1];
    const double n_rows = n_queries(call);
    double *const loss = call->out[0].data;
    double *const slope = call->saved[0].data;

    memset(slope, 0, (size_t)pr_shape_n(&call->saved[0].shape) * sizeof(*slope));
    for (int64_t r = 0; r < call->in[Q].shape.dims[0]; r++) {
        loss[r] = 0.0;
        if (r >= range[0] && r < range[1] &&
            n_against(call, ((const int32_t *)call->in[LABEL].data)[r]) > 0) {
            loss[r] = row(call, r, n_rows, slope + r * n_cols);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t *const range = call->in[RANGE].data;
    const int64_t n_cols = call->in[Q].shape.dims[1];
    const double *const seed = call->grad_out[0].data;
    const double *const slope = call->saved[0].data;
    float *const dq = pr__f32(&call->grad_in[Q]);

    for (int64_t i = 0; i < call->in[Q].shape.dims[0] * n_cols; i++) {
        const int64_t r = i / n_cols;
        const bool counts = seed != NULL && r >= range[0] && r < range[1];
        const float g = counts ? (float)(seed[r] * slope[i]) : 0.0F;
        dq[i] = call->grad_add[Q] ? dq[i] + g : g;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_queue_nce = {
    .prepare = prepare, .forward = forward, .backward = backward};
