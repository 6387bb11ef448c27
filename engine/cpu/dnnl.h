/**
 * Dense convolution by oneDNN: everything that the backend asks of the library. Every call of it
 * stands in dnnl.c and dnnl_desc.c, which compile against its 2.x and 3.x C interfaces.
 *
 * A pr_dnnl_conv is one direction of one shape: the primitive, the reorder between our plain
 * weights [c_out, c_in, kernel, kernel] and the layout that the library chose, and the memory
 * objects; all are made once, under the team of one thread that runs them.
 */
#ifndef PR_ENGINE_CPU_DNNL_H
#define PR_ENGINE_CPU_DNNL_H

#include "engine/base/status.h"
#include "engine/cpu/isa.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pr_dnnl_pass {
    PR_DNNL_FORWARD,     /* y = conv(x, w) + bias */
    PR_DNNL_DATA_GRAD,   /* dx from dy and w */
    PR_DNNL_WEIGHT_GRAD, /* dw from x and dy */
} pr_dnnl_pass;

/** x [n, h, w, c_in], y [n, h_out, w_out, c_out], square kernels. */
typedef struct pr_dnnl_conv_shape {
    int64_t n, h, w, c_in, h_out, w_out, c_out, kernel;
    int stride, pad, dilation; /* pad may be PR_PAD_SAME */
    bool bias;                 /* of the forward pass */
} pr_dnnl_conv_shape;

typedef struct pr_dnnl_conv pr_dnnl_conv;

/** Errors: PR_ERR_DEVICE with the library's word, PR_ERR_NOMEM. */
pr_status pr_dnnl_conv_create(pr_dnnl_pass pass, const pr_dnnl_conv_shape *shape,
                              pr_dnnl_conv **out);
void pr_dnnl_conv_destroy(pr_dnnl_conv **conv);

/** Bytes that a run needs. */
size_t pr_dnnl_conv_workspace(const pr_dnnl_conv *conv);

/**
 * Runs the pass, on a thread that pr_cpu_thread_begin has prepared. What the pass makes (y, dx, dw)
 * is overwritten; the rest is only read. BIAS [c_out] may be NULL where the shape has none.
 * WORKSPACE is aligned to PR_ALIGN_BYTES, tensors to 16 bytes where the level is the baseline.
 *
 * Errors: PR_ERR_INVALID for a tensor that is not aligned so; PR_ERR_DEVICE.
 */
pr_status pr_dnnl_conv_run(pr_dnnl_conv *conv, const float *x, const float *w, const float *bias,
                           const float *y, void *workspace);

/**
 * The weight gradient of a 1x1 convolution that reads every pixel, as a matrix product:
 * dw [c_out, c_in] (+)= dy^T x with x [n_rows, c_in], dy [n_rows, c_out]. Its bits depend on all
 * three numbers, none of which the number of ranks or threads changes. The library takes its own
 * packing memory.
 */
pr_status pr_dnnl_outer(int64_t n_rows, int64_t c_out, int64_t c_in, const float *dy,
                        const float *x, float *dw, bool add);

/**
 * y [n_rows, n_cols] (+)= scale A B, A [n_rows, n_inner] and B [n_inner, n_cols], either stored
 * transposed; strides are floats between the beginnings of stored rows.
 */
typedef struct pr_dnnl_product {
    int64_t n_rows, n_cols, n_inner;
    const float *a, *b;
    float *y;
    int64_t a_stride, b_stride, y_stride;
    bool a_transposed, b_transposed, add;
    float scale;
} pr_dnnl_product;

/**
 * A matrix product whose shape the network fixes (attention within one image): its bits depend on
 * all three sizes, so none of them may be a number of rows of a batch.
 */
pr_status pr_dnnl_product_run(const pr_dnnl_product *product);

/** Limits the library to ISA. AUTO: leaves a limit that its own environment variable sets. */
pr_status pr__dnnl_limit_isa(pr_cpu_isa isa, bool is_auto);

/** The library's version for reports: 20603 is 2.6.3. */
int pr_dnnl_version(void);

#endif
