#include "engine/base/math.h"

#include "engine/cpu/cpu.h"

enum { LOGITS, LABEL, WEIGHT };
enum { LOSS, PROB };

/* Probabilities of one row; NOTE: log p and 1 - p of the label, where there is one. */
static void softmax_row(const float *logits, int64_t n, int32_t label, float *prob, double *note)
{
    double most = (double)logits[0];
    double sum = 0.0;
    double others = 0.0;
    for (int64_t k = 1; k < n; k++) {
        most = (double)logits[k] > most ? (double)logits[k] : most;
    }
    for (int64_t k = 0; k < n; k++) {
        sum += pr_exp((double)logits[k] - most);
    }
    for (int64_t k = 0; k < n; k++) {
        const double p = pr_exp((double)logits[k] - most) / sum;
        prob[k] = (float)p;
        others += k == label ? 0.0 : p;
    }
    note[0] = label < 0 ? 0.0 : (double)logits[label] - most - pr_log(sum);
    note[1] = others;
}

static double class_weight(const pr_focal_ce_attr *attr, int32_t label)
{
    if (attr->alpha == 0.0) {
        return 1.0;
    }
    return label == 1 ? attr->alpha : 1.0 - attr->alpha;
}

static pr_status forward(const pr_call *call)
{
    const pr_focal_ce_attr *const attr = call->attr;
    const int64_t n = call->in[LOGITS].shape.dims[1];
    const int32_t *const label = call->in[LABEL].data;
    const float *const weight = call->in[WEIGHT].data;
    float *const loss = call->out[LOSS].data;
    for (int64_t r = 0; r < call->in[LOGITS].shape.dims[0]; r++) {
        const float *const logits = (const float *)call->in[LOGITS].data + r * n;
        double *const note = (double *)call->saved[0].data + 2 * r;
        const bool counts = weight[r] != 0.0F;
        PR_REQUIRE(!counts || (label[r] >= 0 && label[r] < n), PR_ERR_INVALID,
                   "focal_ce: label %d in row %lld, must be 0 to %lld", (int)label[r], (long long)r,
                   (long long)n - 1);
        softmax_row(logits, n, counts ? label[r] : -1, (float *)call->out[PROB].data + r * n, note);
        loss[r] = 0.0F;
        if (counts) {
            const double scale = (double)weight[r] * class_weight(attr, label[r]);
            loss[r] = (float)(-scale * pr_pow(note[1], attr->gamma) * note[0]);
        }
    }
    return PR_OK;
}

/* What prob - [k = label] is multiplied by in row R. */
static double row_scale(const pr_call *call, int64_t r)
{
    const pr_focal_ce_attr *const attr = call->attr;
    const int32_t *const label = call->in[LABEL].data;
    const float *const weight = call->in[WEIGHT].data;
    const float *const dloss = call->grad_out[LOSS].data;
    const double *const note = (const double *)call->saved[0].data + 2 * r;
    if (dloss == NULL || weight[r] == 0.0F) {
        return 0.0;
    }
    const double p = pr_exp(note[0]);
    const double steep = note[1] > 0.0 ? -note[0] / note[1] : 1.0;
    return (double)weight[r] * (double)dloss[r] * class_weight(attr, label[r]) *
           pr_pow(note[1], attr->gamma) * (1.0 + attr->gamma * p * steep);
}

static pr_status backward(const pr_call *call)
{
    const int64_t n = call->out[PROB].shape.dims[1];
    const int32_t *const label = call->in[LABEL].data;
    const float *const d_prob = call->grad_out[PROB].data;
    for (int64_t r = 0; r < call->out[PROB].shape.dims[0]; r++) {
        const float *const prob = (const float *)call->out[PROB].data + r * n;
        float *const to = (float *)call->grad_in[LOGITS].data + r * n;
        const double scale = row_scale(call, r);
        double along = 0.0;
        for (int64_t k = 0; d_prob != NULL && k < n; k++) {
            along += (double)prob[k] * (double)d_prob[r * n + k];
        }
        for (int64_t k = 0; k < n; k++) {
            double g = scale * ((double)prob[k] - (k == label[r] ? 1.0 : 0.0));
            if (d_prob != NULL) {
                g += (double)prob[k] * ((double)d_prob[r * n + k] - along);
            }
            to[k] = call->grad_add[LOGITS] ? to[k] + (float)g : (float)g;
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_focal_ce = {.forward = forward, .backward = backward};
