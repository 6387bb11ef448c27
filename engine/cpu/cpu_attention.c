#include "engine/cpu/cpu.h"
#include "engine/cpu/dnnl.h"

enum { Q, K, V };

/* One head of one image: rows of N_WIDTH numbers, N_COLS apart. */
typedef struct head {
    int64_t n_tokens, n_cols, n_width;
    int64_t first; /* of q, k, v, y and their gradients */
    float *prob;   /* [T, T] */
    float scale;
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
                  .prob = pr__f32(&call->saved[0]) + i * dims[1] * dims[1],
                  .scale = (float)attr->scale};
}

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const int64_t n_tokens = sig->in[Q].shape.dims[1];
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)(n_tokens * n_tokens) * sizeof(float);
    return PR_OK;
}

/* OUT [T, T] = SCALE A B^T, of rows of heads. */
static pr_status
row_products(const head *h, float scale, const float *a, const float *b,
             // NOLINTNEXTLINE(readability-non-const-parameter): the library writes it
             float *out)
{
    const pr_dnnl_product product = {.n_rows = h->n_tokens,
                                     .n_cols = h->n_tokens,
                                     .n_inner = h->n_width,
                                     .a = a + h->first,
                                     .b = b + h->first,
                                     .y = out,
                                     .a_stride = h->n_cols,
                                     .b_stride = h->n_cols,
                                     .y_stride = h->n_tokens,
                                     .b_transposed = true,
                                     .scale = scale};
    return pr_dnnl_product_run(&product);
}

/* The head's rows of Y (+)= SCALE WEIGHT X, or its transpose WEIGHT^T X; WEIGHT [T, T]. */
static pr_status weigh_rows(const head *h, float scale, const float *weight, bool transposed,
                            // NOLINTNEXTLINE(readability-non-const-parameter): the library writes y
                            const float *x, float *y, bool add)
{
    const pr_dnnl_product product = {.n_rows = h->n_tokens,
                                     .n_cols = h->n_width,
                                     .n_inner = h->n_tokens,
                                     .a = weight,
                                     .b = x + h->first,
                                     .y = y + h->first,
                                     .a_stride = h->n_tokens,
                                     .b_stride = h->n_cols,
                                     .y_stride = h->n_cols,
                                     .a_transposed = transposed,
                                     .scale = scale,
                                     .add = add};
    return pr_dnnl_product_run(&product);
}

static pr_status forward(const pr_call *call)
{
    const pr_attention_attr *const attr = call->attr;
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    for (int64_t i = 0; i < call->in[Q].shape.dims[0] * attr->n_heads; i++) {
        const head h = head_of(call, i);
        PR_TRY(row_products(&h, h.scale, pr__f32(&call->in[Q]), pr__f32(&call->in[K]), h.prob));
        for (int64_t t = 0; t < h.n_tokens; t++) {
            loops->softmax(h.n_tokens, h.prob + t * h.n_tokens);
        }
        PR_TRY(weigh_rows(&h, 1.0F, h.prob, false, pr__f32(&call->in[V]), pr__f32(&call->out[0]),
                          false));
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr_attention_attr *const attr = call->attr;
    const float *const dy = pr__f32(&call->grad_out[0]);
    float *const grad[] = {pr__f32(&call->grad_in[Q]), pr__f32(&call->grad_in[K]),
                           pr__f32(&call->grad_in[V])};
    float *const slope = call->workspace;
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    for (int64_t i = 0; i < call->in[Q].shape.dims[0] * attr->n_heads; i++) {
        const head h = head_of(call, i);
        if (grad[V] != NULL) {
            PR_TRY(weigh_rows(&h, 1.0F, h.prob, true, dy, grad[V], call->grad_add[V]));
        }
        if (grad[Q] == NULL && grad[K] == NULL) {
            continue;
        }
        PR_TRY(row_products(&h, 1.0F, dy, pr__f32(&call->in[V]), slope));
        for (int64_t t = 0; t < h.n_tokens; t++) {
            loops->softmax_grad(h.n_tokens, h.prob + t * h.n_tokens, slope + t * h.n_tokens);
        }
        if (grad[Q] != NULL) {
            PR_TRY(weigh_rows(&h, h.scale, slope, false, pr__f32(&call->in[K]), grad[Q],
                              call->grad_add[Q]));
        }
        if (grad[K] != NULL) {
            PR_TRY(weigh_rows(&h, h.scale, slope, true, pr__f32(&call->in[Q]), grad[K],
                              call->grad_add[K]));
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_attention = {
    .prepare = prepare, .forward = forward, .backward = backward};
