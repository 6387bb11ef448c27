#include "engine/base/math.h"
#include "engine/ref/ref_loops.h"

enum { LOGITS, LABEL, WEIGHT };
enum { LOSS, PROB };

static pr_status forward(const pr_call *call)
{
    const ref_map map = ref_map_of(&call->in[LOGITS]);
    const double *const logits = call->in[LOGITS].data;
    const int32_t *const label = call->in[LABEL].data;
    const double *const weight = call->in[WEIGHT].data;
    double *const loss = call->out[LOSS].data;
    double *const prob = call->out[PROB].data;

    for (int64_t row = 0; row < map.n_rows; row++) {
        const double *const a = logits + row * map.n_cols;
        double *const p = prob + row * map.n_cols;
        double most = a[0];
        double sum = 0.0;
        for (int64_t k = 1; k < map.n_cols; k++) {
            most = a[k] > most ? a[k] : most;
        }
        for (int64_t k = 0; k < map.n_cols; k++) {
            p[k] = pr_exp(a[k] - most);
            sum += p[k];
        }
        for (int64_t k = 0; k < map.n_cols; k++) {
            p[k] /= sum;
        }
        loss[row] = 0.0;
        if (weight[row] != 0.0) {
            PR_REQUIRE(label[row] >= 0 && label[row] < map.n_cols, PR_ERR_INVALID,
                       "row %lld has label %d, must be 0 to %lld", (long long)row, label[row],
                       (long long)map.n_cols - 1);
            loss[row] = weight[row] * (pr_log(sum) + most - a[label[row]]);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const ref_map map = ref_map_of(&call->in[LOGITS]);
    const int32_t *const label = call->in[LABEL].data;
    const double *const weight = call->in[WEIGHT].data;
    const double *const prob = call->out[PROB].data;
    const double *const d_loss = call->grad_out[LOSS].data;
    const double *const d_prob = call->grad_out[PROB].data;

    for (int64_t row = 0; row < map.n_rows; row++) {
        const int64_t first = row * map.n_cols;
        double along = 0.0;
        for (int64_t k = 0; d_prob != NULL && k < map.n_cols; k++) {
            along += prob[first + k] * d_prob[first + k];
        }
        for (int64_t k = 0; k < map.n_cols; k++) {
            const int64_t i = first + k;
            double grad = d_prob == NULL ? 0.0 : prob[i] * (d_prob[i] - along);
            if (d_loss != NULL && weight[row] != 0.0) {
                grad += weight[row] * d_loss[row] * (prob[i] - (k == label[row] ? 1.0 : 0.0));
            }
            ref_put(call->grad_in[LOGITS].data, i, grad, call->grad_add[LOGITS]);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_softmax_ce = {.forward = forward, .backward = backward};
