/*
 * The body of each loops_<isa>.c. Everything included here is static, so that the levels do not
 * meet in the linker; the table PR_LOOPS_TABLE is all that leaves. No include guard: once a file.
 */
#include "engine/cpu/loops.h"

#include "engine/cpu/loops_depthwise.h"
#include "engine/cpu/loops_depthwise_any.h"
#include "engine/cpu/loops_gate.h"
#include "engine/cpu/loops_norm.h"
#include "engine/cpu/loops_point.h"
#include "engine/cpu/loops_pool.h"
#include "engine/cpu/loops_tokens.h"

const pr__loops PR_LOOPS_TABLE = {
    .relu = relu,
    .relu_grad = relu_grad,
    .sum_of_two = sum_of_two,
    .add_to = add_to,
    .gelu = gelu,
    .product = product,
    .softmax = softmax,
    .softmax_grad = softmax_grad,
    .column_sums = column_sums,
    .norm_sums = norm_sums,
    .norm_apply = norm_apply,
    .norm_grad_sums = norm_grad_sums,
    .norm_grad_apply = norm_grad_apply,
    .dw_forward = dw_forward,
    .dw_backward = dw_backward,
    .max_pool = max_pool,
    .max_pool_grad = max_pool_grad,
    .outer_sums = outer_sums,
    .gate_sums = gate_sums,
    .gate_apply = gate_apply,
    .rows_times = rows_times,
    .times_rows = times_rows,
};
