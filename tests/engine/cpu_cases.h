/*
 * The cases that the tests of engine/cpu run: Xception's kinds of shape and awkward ones (odd
 * channel counts, maps of one pixel, batches of one, a window past the edge).
 */
#ifndef PR_TESTS_ENGINE_CPU_CASES_H
#define PR_TESTS_ENGINE_CPU_CASES_H

#include "tests/engine/cpu_harness.h"

#define DECLARE(op)                                                                                \
    extern const pr_op_info pr_op_info_##op;                                                       \
    extern const pr_kernel pr_kernel_cpu_##op;
DECLARE(conv2d)
DECLARE(depthwise)
DECLARE(linear)
DECLARE(batch_norm)
DECLARE(bn_stats)
DECLARE(bn_apply)
DECLARE(relu)
DECLARE(add)
DECLARE(max_pool)
DECLARE(global_avg_pool)
DECLARE(l2norm)
DECLARE(softmax_ce)
DECLARE(leaky_relu)
DECLARE(squeeze_excite)
DECLARE(dropout)
DECLARE(concat)
DECLARE(flatten)
DECLARE(focal_ce)
#undef DECLARE

#define OP(op) .name = #op, .info = &pr_op_info_##op, .kernel = &pr_kernel_cpu_##op
#define MAP(n, h, w, c)                                                                            \
    {                                                                                              \
        PR_F32,                                                                                    \
        {                                                                                          \
            4,                                                                                     \
            {                                                                                      \
                n, h, w, c                                                                         \
            }                                                                                      \
        }                                                                                          \
    }
#define MATRIX(n, c)                                                                               \
    {                                                                                              \
        PR_F32,                                                                                    \
        {                                                                                          \
            2,                                                                                     \
            {                                                                                      \
                n, c                                                                               \
            }                                                                                      \
        }                                                                                          \
    }
#define VECTOR(c)                                                                                  \
    {                                                                                              \
        PR_F32,                                                                                    \
        {                                                                                          \
            1,                                                                                     \
            {                                                                                      \
                c                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define CONV(n, h, w, ci, co, k, stride, pad, dilation)                                            \
    {                                                                                              \
        OP(conv2d), &(const pr_conv2d_attr){stride, pad, dilation}, 3,                             \
            {MAP(n, h, w, ci), MAP(co, ci, k, k), VECTOR(co)}, PR_MODE_TRAIN                       \
    }
#define DEPTHWISE(n, h, w, c, k, stride, pad, dilation, act)                                       \
    {                                                                                              \
        OP(depthwise), &(const pr_depthwise_attr){stride, pad, dilation, act}, 2,                  \
            {MAP(n, h, w, c), MAP(c, 1, k, k)}, PR_MODE_TRAIN                                      \
    }
#define LINEAR(n, ci, co)                                                                          \
    {                                                                                              \
        OP(linear), NULL, 3, {MATRIX(n, ci), MATRIX(co, ci), VECTOR(co)}, PR_MODE_TRAIN            \
    }
#define NORM(desc, c, act_, mode)                                                                  \
    {                                                                                              \
        OP(batch_norm), &(const pr_batch_norm_attr){.eps = 1e-5, .act = (act_)}, 5,                \
            {desc, VECTOR(c), VECTOR(c), VECTOR(c), VECTOR(c)}, mode                               \
    }
#define SQUEEZE(n, h, w, c, r)                                                                     \
    {                                                                                              \
        OP(squeeze_excite), NULL, 5,                                                               \
            {MAP(n, h, w, c), MAP(r, c, 1, 1), VECTOR(r), MAP(c, r, 1, 1), VECTOR(c)},             \
            PR_MODE_TRAIN                                                                          \
    }
#define POOL(n, h, w, c, window, stride, pad, ceil)                                                \
    {                                                                                              \
        OP(max_pool), &(const pr_pool_attr){window, stride, pad, ceil}, 1, {MAP(n, h, w, c)},      \
            PR_MODE_TRAIN                                                                          \
    }

/* Whose bits are oneDNN's: equal on one level of instructions. */
static const cpu_case library_cases[] = {
    CONV(2, 9, 9, 3, 8, 3, 2, 0, 1),
    CONV(2, 7, 8, 8, 16, 3, 1, 0, 1),
    CONV(1, 5, 5, 17, 33, 3, 1, 1, 2),
    CONV(2, 9, 8, 4, 4, 3, 1, 2, 2),
    CONV(1, 11, 10, 2, 5, 3, 2, PR_PAD_SAME, 3),
    CONV(2, 6, 5, 16, 32, 1, 1, 0, 1),
    CONV(2, 7, 7, 32, 64, 1, 2, 0, 1),
    CONV(3, 4, 4, 182, 182, 1, 1, 0, 1),
    CONV(1, 1, 1, 45, 19, 1, 1, 0, 1),
    CONV(2, 5, 5, 3, 40, 1, 1, 0, 1),
    CONV(2, 5, 4, 40, 5, 1, 2, 0, 1),
    CONV(1, 3, 3, 1, 1, 1, 1, 0, 1),
    CONV(1, 4, 4, 1, 1, 3, 1, 1, 1),
    CONV(2, 5, 5, 7, 9, 5, 2, 2, 1),
    CONV(2, 5, 5, 24, 20, 1, 1, 1, 1),
    CONV(2, 6, 7, 8, 24, 1, 3, 1, 1),
    CONV(2, 8, 9, 3, 24, 3, 2, PR_PAD_SAME, 1),
    CONV(1, 8, 8, 16, 16, 5, 2, PR_PAD_SAME, 1),
    LINEAR(1, 512, 128),
    LINEAR(33, 182, 2),
    LINEAR(5, 3, 7),
    LINEAR(16, 128, 128),
    LINEAR(9, 260, 150),
    CONV(2, 3, 3, 182, 185, 1, 1, 0, 1),
};

/* Whose bits are ours: equal everywhere. */
static const cpu_case own_cases[] = {
    DEPTHWISE(2, 6, 7, 32, 3, 1, 1, 1, PR_ACT_NONE),
    DEPTHWISE(2, 5, 5, 45, 3, 1, 1, 1, PR_ACT_RELU),
    DEPTHWISE(1, 1, 1, 182, 3, 1, 1, 1, PR_ACT_RELU),
    DEPTHWISE(2, 2, 9, 5, 3, 1, 1, 1, PR_ACT_NONE),
    DEPTHWISE(1, 33, 40, 64, 3, 1, 1, 1, PR_ACT_RELU),
    DEPTHWISE(2, 7, 8, 20, 5, 2, 2, 1, PR_ACT_RELU),
    DEPTHWISE(1, 9, 9, 7, 3, 1, 2, 2, PR_ACT_NONE),
    DEPTHWISE(1, 9, 9, 7, 3, 2, 0, 1, PR_ACT_RELU),
    DEPTHWISE(2, 9, 31, 48, 5, 1, 2, 1, PR_ACT_NONE),
    DEPTHWISE(2, 10, 40, 35, 5, 2, 2, 1, PR_ACT_NONE),
    DEPTHWISE(1, 11, 52, 32, 3, 2, PR_PAD_SAME, 1, PR_ACT_NONE),
    DEPTHWISE(1, 12, 53, 19, 5, 2, PR_PAD_SAME, 1, PR_ACT_NONE),
    DEPTHWISE(1, 30, 30, 320, 5, 1, 2, 1, PR_ACT_NONE),
    DEPTHWISE(1, 13, 14, 5, 7, 3, 3, 1, PR_ACT_RELU),
    NORM(MAP(3, 5, 5, 45), 45, PR_ACT_SILU, PR_MODE_TRAIN),
    NORM(MATRIX(33, 128), 128, PR_ACT_SILU, PR_MODE_EVAL),
    NORM(MAP(2, 3, 5, 16), 16, PR_ACT_NONE, PR_MODE_TRAIN),
    NORM(MAP(3, 5, 5, 45), 45, PR_ACT_RELU, PR_MODE_TRAIN),
    NORM(MAP(3, 5, 5, 45), 45, PR_ACT_RELU, PR_MODE_RECOMPUTE),
    NORM(MATRIX(4, 3), 3, PR_ACT_RELU, PR_MODE_TRAIN),
    NORM(MATRIX(33, 128), 128, PR_ACT_RELU, PR_MODE_EVAL),
    {OP(bn_stats), NULL, 1, {MAP(2, 3, 3, 19)}, PR_MODE_TRAIN},
    {OP(bn_apply),
     &(const pr_batch_norm_attr){.eps = 1e-5, .act = PR_ACT_RELU, .n_samples = 40},
     6,
     {MAP(2, 3, 3, 19), {PR_F64, {2, {2, 19}}}, VECTOR(19), VECTOR(19), VECTOR(19), VECTOR(19)},
     PR_MODE_TRAIN},
    {OP(relu), NULL, 1, {MAP(1, 3, 5, 13)}, PR_MODE_TRAIN},
    {OP(add), &(const pr_add_attr){PR_ACT_NONE}, 2, {MATRIX(3, 37), MATRIX(3, 37)}, PR_MODE_TRAIN},
    {OP(add), &(const pr_add_attr){PR_ACT_RELU}, 2, {MATRIX(3, 37), MATRIX(3, 37)}, PR_MODE_TRAIN},
    POOL(2, 7, 8, 19, 3, 2, 1, false),
    POOL(1, 1, 1, 3, 3, 2, 1, false),
    POOL(1, 6, 6, 33, 3, 2, 0, true),
    POOL(1, 12, 12, 16, 2, 2, 0, false),
    {OP(global_avg_pool), NULL, 1, {MAP(3, 2, 5, 21)}, PR_MODE_TRAIN},
    {OP(global_avg_pool), NULL, 1, {MAP(1, 1, 1, 512)}, PR_MODE_TRAIN},
    {OP(l2norm), &(const pr_l2norm_attr){1e-12}, 1, {MATRIX(3, 128)}, PR_MODE_TRAIN},
    {OP(l2norm), &(const pr_l2norm_attr){2.0}, 1, {MATRIX(2, 5)}, PR_MODE_TRAIN},
    SQUEEZE(2, 5, 7, 45, 6),
    SQUEEZE(3, 1, 1, 16, 1),
    SQUEEZE(1, 9, 9, 144, 6),
    {OP(leaky_relu), &(const pr_leaky_relu_attr){0.1}, 1, {MATRIX(5, 16)}, PR_MODE_TRAIN},
    {OP(dropout),
     &(const pr_dropout_attr){0.5, 1, false},
     1,
     {MATRIX(CPU_ROWS, 39)},
     PR_MODE_TRAIN},
    {OP(concat), NULL, 2, {MAP(2, 3, 3, 1), MAP(2, 3, 3, 18)}, PR_MODE_TRAIN},
    {OP(flatten), &(const pr_flatten_attr){true}, 1, {MAP(2, 3, 5, 18)}, PR_MODE_TRAIN},
    {OP(focal_ce),
     &(const pr_focal_ce_attr){2.0, 0.25},
     3,
     {MATRIX(9, 2), {PR_I32, {1, {9}}}, VECTOR(9)},
     PR_MODE_TRAIN},
    {OP(softmax_ce), NULL, 3, {MATRIX(9, 2), {PR_I32, {1, {9}}}, VECTOR(9)}, PR_MODE_TRAIN},
};

enum {
    N_LIBRARY_CASES = sizeof library_cases / sizeof *library_cases,
    N_OWN_CASES = sizeof own_cases / sizeof *own_cases,
};

#endif
