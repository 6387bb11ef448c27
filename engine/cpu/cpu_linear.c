#include "engine/cpu/cpu.h"
#include "engine/cpu/dense.h"

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    /* The tokens of an image are the pixels of a map one pixel wide. */
    const int64_t n_tokens = sig->in[0].shape.n_dims == 3 ? sig->in[0].shape.dims[1] : 1;
    const pr_dnnl_conv_shape shape = {.n = sig->in[0].shape.dims[0],
                                      .h = n_tokens,
                                      .w = 1,
                                      .c_in = sig->in[1].shape.dims[1],
                                      .h_out = n_tokens,
                                      .w_out = 1,
                                      .c_out = sig->in[1].shape.dims[0],
                                      .kernel = 1,
                                      .stride = 1,
                                      .pad = 0,
                                      .dilation = 1,
                                      .bias = sig->n_in > 2};
    return pr__dense_prepare(&shape, wants_grad, sig->n_in, state, workspace_bytes);
}

const pr_kernel pr_kernel_cpu_linear = {.prepare = prepare,
                                        .release = pr__dense_release,
                                        .forward = pr__dense_forward,
                                        .backward = pr__dense_backward};
