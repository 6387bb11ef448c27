#include "engine/cpu/cpu.h"
#include "engine/cpu/dense.h"

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const pr_conv2d_attr *const attr = sig->attr;
    const int64_t *const x = sig->in[0].shape.dims;
    const int64_t *const w = sig->in[1].shape.dims;
    const int64_t *const y = sig->out[0].shape.dims;
    const pr_dnnl_conv_shape shape = {.n = x[0],
                                      .h = x[1],
                                      .w = x[2],
                                      .c_in = x[3],
                                      .h_out = y[1],
                                      .w_out = y[2],
                                      .c_out = y[3],
                                      .kernel = w[2],
                                      .stride = attr->stride,
                                      .pad = attr->pad,
                                      .dilation = attr->dilation,
                                      .bias = sig->n_in > 2};
    return pr__dense_prepare(&shape, wants_grad, sig->n_in, state, workspace_bytes);
}

const pr_kernel pr_kernel_cpu_conv2d = {.prepare = prepare,
                                        .release = pr__dense_release,
                                        .forward = pr__dense_forward,
                                        .backward = pr__dense_backward};
