#include "engine/base/math.h"
#include "engine/cpu/cpu.h"

enum { LOGITS, LABEL, WEIGHT };
enum { LOSS, PROB };

/* Rows are few and short, so that everything is done in f64 and rounded at the end. */
static double softmax_row(const float *logits, int64_t n, float *prob)
{
    double most = (double)logits[0];
    for (int64_t k = 1; k < n; k++) {
        most = (double)logits[k] > most ? (double)logits[k] : most;
    }
    double sum = 0.0;
    for (int64_t k = 0; k < n; k++) {
        sum += pr_exp((double)logits[k] - most);
    }
    for (int64_t k = 0; k < n; k++) {
        prob[k] = (float)(pr_exp((double)logits[k] - most) / sum);
    }
    return pr_log(sum) + most;
}

static pr_status forward(const pr_call *call)
{
    const int64_t n_cols = call->in[LOGITS].shape.dims[1];
    const int32_t *const label = call->in[LABEL].data;
    const float *const weight = pr__f32(&call->in[WEIGHT]);
    float *const loss = pr__f32(&call->out[LOSS]);
    for (int64_t r = 0; r < call->in[LOGITS].shape.dims[0]; r++) {
        const float *const logits = pr__f32(&call->in[LOGITS]) + r * n_cols;
        const double log_sum = softmax_row(logits, n_cols, pr__f32(&call->out[PROB]) + r * n_cols);
        if (weight[r] == 0.0F) {
            loss[r] = 0.0F;
            continue;
        }
        PR_REQUIRE(label[r] >= 0 && label[r] < n_cols, PR_ERR_INVALID,
                   "softmax_ce: label %d in row %lld, must be 0 to %lld", (int)label[r],
                   (long long)r, (long long)n_cols - 1);
        loss[r] = (float)((double)weight[r] * (log_sum - (double)logits[label[r]]));
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n_cols = call->out[PROB].shape.dims[1];
    const int32_t *const label = call->in[LABEL].data;
    const float *const weight = pr__f32(&call->in[WEIGHT]);
    const float *const dloss = pr__f32(&call->grad_out[LOSS]);
    for (int64_t r = 0; r < call->out[PROB].shape.dims[0]; r++) {
        const float *const prob = pr__f32(&call->out[PROB]) + r * n_cols;
        const float *const dprob =
            call->grad_out[PROB].data == NULL ? NULL : pr__f32(&call->grad_out[PROB]) + r * n_cols;
        float *const to = pr__f32(&call->grad_in[LOGITS]) + r * n_cols;
        const bool counts = dloss != NULL && weight[r] != 0.0F;
        const double scale = counts ? (double)weight[r] * (double)dloss[r] : 0.0;
        double along = 0.0;
        for (int64_t k = 0; dprob != NULL && k < n_cols; k++) {
            along += (double)prob[k] * (double)dprob[k];
        }
        for (int64_t k = 0; k < n_cols; k++) {
            const double hit = counts && k == label[r] ? 1.0 : 0.0;
            double g = scale * ((double)prob[k] - hit);
            if (dprob != NULL) {
                g += (double)prob[k] * ((double)dprob[k] - along);
            }
            to[k] = call->grad_add[LOGITS] ? to[k] + (float)g : (float)g;
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_softmax_ce = {.forward = forward, .backward = backward};
