#include "engine/ref/ref_contrast.h"

#include <math.h>

static pr_status forward(const pr_call *call)
{
    const ref_margin m = ref_margin_of(call, 3);
    const int64_t n_columns = m.n_rows + m.n_tp + m.n_mn;
    double *const norm = call->out[0].data;

    for (int64_t i = 0; i < m.n_rows; i++) {
        double largest = -INFINITY;
        double sum = 0.0;

        for (int64_t c = 0; c < n_columns; c++) {
            if (ref_margin_weight(&m, i, c) > 0.0) {
                largest = fmax(largest, ref_margin_exponent(&m, i, c));
            }
        }
        for (int64_t c = 0; c < n_columns; c++) {
            const double weight = ref_margin_weight(&m, i, c);
            if (weight > 0.0) {
                sum += weight * exp(ref_margin_exponent(&m, i, c) - largest);
            }
        }
        const bool mine = i >= m.range[0] && i < m.range[1];
        norm[i * 2] = mine && sum > 0.0 ? largest : 0.0;
        norm[i * 2 + 1] = mine ? sum : 0.0;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_margin_norm = {.forward = forward};
