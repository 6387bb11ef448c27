#include "engine/base/math.h"
#include "engine/core/op.h"

enum { LOGITS, LABEL, WEIGHT };
enum { LOSS, PROB };

/* 1 / (1 + exp(-x)), and the log of it. */
static double sigmoid(double x, double *log_of)
{
    const double e = pr_exp(x > 0.0 ? -x : x);
    *log_of = (x > 0.0 ? 0.0 : x) - pr_log(1.0 + e);
    return (x > 0.0 ? 1.0 : e) / (1.0 + e);
}

static pr_status forward(const pr_call *call)
{
    const float *const logits = call->in[LOGITS].data;
    const int32_t *const label = call->in[LABEL].data;
    const float *const weight = call->in[WEIGHT].data;
    float *const loss = call->out[LOSS].data;
    float *const prob = call->out[PROB].data;
    for (int64_t row = 0; row < call->in[LOGITS].shape.dims[0]; row++) {
        const double x = (double)logits[row];
        double log_prob[2];
        prob[2 * row] = (float)sigmoid(-x, &log_prob[0]);
        prob[2 * row + 1] = (float)sigmoid(x, &log_prob[1]);
        loss[row] = 0;
        if (weight[row] != 0) {
            PR_REQUIRE(label[row] == 0 || label[row] == 1, PR_ERR_INVALID,
                       "sigmoid_ce: label %d in row %lld, must be 0 or 1", (int)label[row],
                       (long long)row);
            loss[row] = (float)(-(double)weight[row] * log_prob[label[row]]);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int32_t *const label = call->in[LABEL].data;
    const float *const weight = call->in[WEIGHT].data;
    const float *const prob = call->out[PROB].data;
    const float *const d_loss = call->grad_out[LOSS].data;
    const float *const d_prob = call->grad_out[PROB].data;
    float *const to = call->grad_in[LOGITS].data;
    for (int64_t row = 0; row < call->in[LOGITS].shape.dims[0]; row++) {
        const double real = (double)prob[2 * row];
        const double fake = (double)prob[2 * row + 1];
        double g = 0.0;
        if (d_loss != NULL && weight[row] != 0) {
            g += (double)weight[row] * (double)d_loss[row] * (label[row] == 1 ? -real : fake);
        }
        if (d_prob != NULL) {
            g += real * fake * ((double)d_prob[2 * row + 1] - (double)d_prob[2 * row]);
        }
        to[row] = call->grad_add[LOGITS] ? to[row] + (float)g : (float)g;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_sigmoid_ce = {.forward = forward, .backward = backward};
