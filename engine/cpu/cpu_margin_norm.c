#include "engine/base/math.h"
#include "engine/cpu/contrast.h"

enum { FIRST_SYNTHETIC = 3, TILE = 64 };

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const pr_margin_attr *const attr = sig->attr;
    int64_t n_columns = sig->in[0].shape.dims[0];

    (void)wants_grad;
    if (attr->synthetic) {
        n_columns += sig->in[FIRST_SYNTHETIC].shape.dims[0];
        n_columns += sig->in[FIRST_SYNTHETIC + 3].shape.dims[0];
    }
    *state = NULL;
    *workspace_bytes = (size_t)n_columns * sizeof(double);
    return PR_OK;
}

/* The terms of columns [first, last) of row I, at most a tile of them: 16 lanes and the tree. */
static double tile_sum(const pr__margin *m, int64_t i, int64_t first, int64_t last, double largest,
                       const double *exponent)
{
    double lane[PR__CONTRAST_LANES] = {0};

    for (int64_t c = first; c < last; c++) {
        const int weight = pr__margin_weight(m, i, c);
        if (weight > 0) {
            lane[(c - first) % PR__CONTRAST_LANES] +=
                (double)weight * pr_exp(exponent[c] - largest);
        }
    }
    return pr__contrast_tree(lane);
}

static void row_norm(const pr__margin *m, int64_t i, double *exponent, double norm[2])
{
    const int64_t n_columns = pr__margin_n_columns(m);
    double largest = 0.0;
    bool any = false;

    for (int64_t c = 0; c < n_columns; c++) {
        if (pr__margin_weight(m, i, c) > 0) {
            exponent[c] = pr__margin_exponent(m, i, c);
            largest = !any || exponent[c] > largest ? exponent[c] : largest;
            any = true;
        }
    }
    norm[0] = largest;
    norm[1] = 0.0;
    for (int64_t c = 0; c < n_columns; c += TILE) {
        const int64_t last = c + TILE < n_columns ? c + TILE : n_columns;
        norm[1] += tile_sum(m, i, c, last, largest, exponent);
    }
}

static pr_status forward(const pr_call *call)
{
    const pr__margin m = pr__margin_of(call, FIRST_SYNTHETIC);
    double *const norm = call->out[0].data;

    for (int64_t i = 0; i < m.n_rows; i++) {
        norm[i * 2] = 0.0;
        norm[i * 2 + 1] = 0.0;
        if (i >= m.range[0] && i < m.range[1]) {
            row_norm(&m, i, call->workspace, norm + i * 2);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_margin_norm = {.prepare = prepare, .forward = forward};
