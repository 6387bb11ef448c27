#include "engine/base/math.h"
#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

enum { Q, K, V };

/* One head of one image: element (t, c) of a matrix of tokens is at first[t * n_cols + c]. */
typedef struct head {
    int64_t n_tokens, n_cols, n_width; /* n_cols of all heads, n_width of this one */
    int64_t first;                     /* of q, k, v, y */
    double *prob;                      /* [T, T] */
    double scale;
} head;

static head head_of(const pr_call *call, int64_t i)
{
    const pr_attention_attr *const attr = call->attr;
    const int64_t *const dims = call->in[Q].shape.dims;
    const int64_t width = dims[2] / attr->n_heads;
    return (head){.n_tokens = dims[1],
                  .n_cols = dims[2],
                  .n_width = width,
                  .first = i / attr->n_heads * dims[1] * dims[2] + i % attr->n_heads * width,
                  .prob = (double *)call->saved[0].data + i * dims[1] * dims[1],
                  .scale = attr->scale};
}

static double row_dot(const head *h, const double *a, int64_t s, const double *b, int64_t t)
{
    double sum = 0.0;
    for (int64_t c = 0; c < h->n_width; c++) {
        sum += a[h->first + s * h->n_cols + c] * b[h->first + t * h->n_cols + c];
    }
    return sum;
}

static void softmax_row(double *x, int64_t n)
{
    double most = x[0];
    double sum = 0.0;
    for (int64_t i = 1; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    for (int64_t i = 0; i < n; i++) {
        x[i] = pr_exp(x[i] - most);
        sum += x[i];
    }
    for (int64_t i = 0; i < n; i++) {
        x[i] /= sum;
    }
}

static void forward_head(const pr_call *call, const head *h)
{
    const double *const v = call->in[V].data;
    double *const y = call->out[0].data;
    const int64_t n = h->n_tokens;

    for (int64_t s = 0; s < n; s++) {
        for (int64_t t = 0; t < n; t++) {
            h->prob[s * n + t] = h->scale * row_dot(h, call->in[Q].data, s, call->in[K].data, t);
        }
        softmax_row(h->prob + s * n, n);
        for (int64_t c = 0; c < h->n_width; c++) {
            double sum = 0.0;
            for (int64_t t = 0; t < n; t++) {
                sum += h->prob[s * n + t] * v[h->first + t * h->n_cols + c];
            }
            y[h->first + s * h->n_cols + c] = sum;
        }
    }
}

static pr_status forward(const pr_call *call)
{
    const pr_attention_attr *const attr = call->attr;
    for (int64_t i = 0; i < call->in[Q].shape.dims[0] * attr->n_heads; i++) {
        const head h = head_of(call, i);
        forward_head(call, &h);
    }
    return PR_OK;
}

/* Row T of GRAD gets WEIGHT times row S of X; GRAD NULL is not wanted. */
static void give_row(const head *h, double *grad, int64_t t, double weight, const double *x,
                     int64_t s)
{
    for (int64_t c = 0; grad != NULL && c < h->n_width; c++) {
        grad[h->first + t * h->n_cols + c] += weight * x[h->first + s * h->n_cols + c];
    }
}

static void backward_head(const pr_call *call, const head *h)
{
    const double *const dy = call->grad_out[0].data;
    const int64_t n = h->n_tokens;

    for (int64_t s = 0; s < n; s++) {
        double along = 0.0;
        for (int64_t t = 0; t < n; t++) {
            along += h->prob[s * n + t] * row_dot(h, dy, s, call->in[V].data, t);
        }
        for (int64_t t = 0; t < n; t++) {
            const double p = h->prob[s * n + t];
            const double ds = h->scale * p * (row_dot(h, dy, s, call->in[V].data, t) - along);
            give_row(h, call->grad_in[Q].data, s, ds, call->in[K].data, t);
            give_row(h, call->grad_in[K].data, t, ds, call->in[Q].data, s);
            give_row(h, call->grad_in[V].data, t, p, dy, s);
        }
    }
}

static pr_status backward(const pr_call *call)
{
    const pr_attention_attr *const attr = call->attr;
    for (int i = 0; i < 3; i++) {
        ref_clear(&call->grad_in[i], call->grad_add[i]);
    }
    for (int64_t i = 0; i < call->in[Q].shape.dims[0] * attr->n_heads; i++) {
        const head h = head_of(call, i);
        backward_head(call, &h);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_attention = {.forward = forward, .backward = backward};
