/**
 * Dense convolution, all directions of one use of it: what conv2d and linear share. A linear layer
 * is a 1x1 convolution on 1x1 maps, because then a row's bits do not depend on how many rows there
 * are, which they do in every GEMM measured.
 */
#ifndef PR_ENGINE_CPU_DENSE_H
#define PR_ENGINE_CPU_DENSE_H

#include "engine/core/op.h"
#include "engine/cpu/dnnl.h"

/** SHAPE of the call and which of x, w, b want a gradient. The state is a pr__dense. */
pr_status pr__dense_prepare(const pr_dnnl_conv_shape *shape, const bool *wants_grad, int n_in,
                            void **state, size_t *workspace_bytes);
void pr__dense_release(void *state);
pr_status pr__dense_forward(const pr_call *call);
pr_status pr__dense_backward(const pr_call *call);

#endif
