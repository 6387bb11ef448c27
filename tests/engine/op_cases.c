#include "tests/engine/op_cases.h"

#include "engine/core/op_attr.h"

#include <stddef.h>

/* clang-format off */
#define MAP(n, h, w, c) {PR_F64, {4, {n, h, w, c}}}
#define MATRIX(n, c) {PR_F64, {2, {n, c}}}
#define TOKENS(n, t, d) {PR_F64, {3, {n, t, d}}}
#define VECTOR(n) {PR_F64, {1, {n}}}
#define LABELS(n) {PR_I32, {1, {n}}}
#define NUMBERS(n) {PR_I64, {1, {n}}}
/* clang-format on */

#define CONV(what_, n, h, w, ci, co, k, stride_, pad_, dilation_, bias)                            \
    {                                                                                              \
        .op = PR_OP_conv2d, .what = (what_),                                                       \
        .attr =                                                                                    \
            &(const pr_conv2d_attr){.stride = (stride_), .pad = (pad_), .dilation = (dilation_)},  \
        .n_in = (bias) ? 3 : 2, .in = {                                                            \
            MAP(n, h, w, ci),                                                                      \
            MAP(co, ci, k, k),                                                                     \
            VECTOR(co)                                                                             \
        }                                                                                          \
    }
#define DEPTHWISE(what_, n, h, w, c, k, stride_, pad_, dilation_, act)                             \
    {                                                                                              \
        .op = PR_OP_depthwise, .what = (what_),                                                    \
        .attr = &(const pr_depthwise_attr){(stride_), (pad_), (dilation_), act}, .n_in = 2,        \
        .in = {                                                                                    \
            MAP(n, h, w, c),                                                                       \
            MAP(c, 1, k, k)                                                                        \
        }                                                                                          \
    }
#define NORM(what_, desc, c, act_, mode_)                                                          \
    {                                                                                              \
        .op = PR_OP_batch_norm, .what = (what_),                                                   \
        .attr = &(const pr_batch_norm_attr){.eps = 1e-5, .act = (act_)}, .n_in = 5,                \
        .in = {desc, VECTOR(c), VECTOR(c), VECTOR(c), VECTOR(c)}, .mode = (mode_),                 \
        .fill = fill_norm, .bound = 1e-5                                                           \
    }
#define APPLY(what_, desc, c, act_, n_samples_, mode_)                                             \
    {                                                                                              \
        .op = PR_OP_bn_apply, .what = (what_),                                                     \
        .attr =                                                                                    \
            &(const pr_batch_norm_attr){.eps = 1e-5, .act = (act_), .n_samples = (n_samples_)},    \
        .n_in = 6, .in = {desc, MATRIX(2, c), VECTOR(c), VECTOR(c), VECTOR(c), VECTOR(c)},         \
        .always_f64 = 1U << 1U, .mode = (mode_), .fill = fill_apply, .bound = 1e-5                 \
    }
#define POOL(what_, n, h, w, c, window_, stride_, pad_, ceil)                                      \
    {                                                                                              \
        .op = PR_OP_max_pool, .what = (what_),                                                     \
        .attr = &(const pr_pool_attr){(window_), (stride_), (pad_), (ceil)}, .n_in = 1, .in = {    \
            MAP(n, h, w, c)                                                                        \
        }                                                                                          \
    }
#define SPECTRUM(what_, n, h, w, px, grey_, log_, ratio_)                                          \
    {                                                                                              \
        .op = PR_OP_patch_spectrum, .what = (what_),                                               \
        .attr = &(const pr_patch_spectrum_attr){.patch_px = (px),                                  \
                                                .mean = {0.5, 0.5, 0.4},                           \
                                                .std = {0.5, 0.5, 0.3},                            \
                                                .grey = (grey_),                                   \
                                                .log_amplitude = (log_),                           \
                                                .phase_of_ratio = (ratio_)},                       \
        .n_in = 1, .in = {                                                                         \
            MAP(n, h, w, 3)                                                                        \
        }                                                                                          \
    }
#define GRAM(what_, n, h, w, c, norm_)                                                             \
    {                                                                                              \
        .op = PR_OP_gram_mean, .what = (what_), .attr = &(const pr_gram_mean_attr){(norm_)},       \
        .n_in = 1, .in = {                                                                         \
            MAP(n, h, w, c)                                                                        \
        }                                                                                          \
    }
#define LAYER_NORM(what_, c, ...)                                                                  \
    {                                                                                              \
        .op = PR_OP_layer_norm, .what = (what_), .attr = &(const pr_layer_norm_attr){1e-5},        \
        .n_in = 3, .in = {                                                                         \
            __VA_ARGS__,                                                                           \
            VECTOR(c),                                                                             \
            VECTOR(c)                                                                              \
        }                                                                                          \
    }
#define ATTENTION(what_, n, t, d, heads, scale_)                                                   \
    {                                                                                              \
        .op = PR_OP_attention, .what = (what_),                                                    \
        .attr = &(const pr_attention_attr){(heads), (scale_)}, .n_in = 3, .in = {                  \
            TOKENS(n, t, d),                                                                       \
            TOKENS(n, t, d),                                                                       \
            TOKENS(n, t, d)                                                                        \
        }                                                                                          \
    }
#define ADD(what_, act_, ...)                                                                      \
    {                                                                                              \
        .op = PR_OP_add, .what = (what_), .attr = &(const pr_add_attr){(act_)}, .n_in = 2,         \
        .in = {__VA_ARGS__, __VA_ARGS__}, .fill = fill_add                                         \
    }
#define PLAIN(op_, what_, ...)                                                                     \
    {                                                                                              \
        .op = PR_OP_##op_, .what = (what_), .n_in = 1, .in = { __VA_ARGS__ }                       \
    }
#define SQUEEZE(what_, n, h, w, c, r)                                                              \
    {                                                                                              \
        .op = PR_OP_squeeze_excite, .what = (what_), .n_in = 5, .in = {                            \
            MAP(n, h, w, c),                                                                       \
            MAP(r, c, 1, 1),                                                                       \
            VECTOR(r),                                                                             \
            MAP(c, r, 1, 1),                                                                       \
            VECTOR(c)                                                                              \
        }                                                                                          \
    }
#define DROPOUT(what_, rate_, whole_, mode_, ...)                                                  \
    {                                                                                              \
        .op = PR_OP_dropout, .what = (what_),                                                      \
        .attr = &(const pr_dropout_attr){(rate_), 3, whole_}, .n_in = 1, .in = {__VA_ARGS__},      \
        .mode = (mode_)                                                                            \
    }
#define FOCAL(what_, gamma_, alpha_, ...)                                                          \
    {                                                                                              \
        .op = PR_OP_focal_ce, .what = (what_),                                                     \
        .attr = &(const pr_focal_ce_attr){(gamma_), (alpha_)}, .n_in = 3, .in = {__VA_ARGS__},     \
        .fill = fill_labelled                                                                      \
    }
#define FUSE(what_, n_lambda_, fusion_, mixing_)                                                   \
    {                                                                                              \
        .op = PR_OP_rccl_fuse, .what = (what_),                                                    \
        .attr = &(const pr_rccl_fuse_attr){.fusion = (fusion_),                                    \
                                           .mixing = (mixing_),                                    \
                                           .n_kept = CONTRAST_KEPT,                                \
                                           .n_near = 3,                                            \
                                           .n_smooth = 2,                                          \
                                           .n_local = 2,                                           \
                                           .n_mixed = 2,                                           \
                                           .synth_grad = true},                                    \
        .n_in = 9,                                                                                 \
        .in = {MATRIX(CONTRAST_ROWS, CONTRAST_COLS),                                               \
               LABELS(CONTRAST_ROWS),                                                              \
               NUMBERS(2),                                                                         \
               MATRIX(CONTRAST_SLOTS, CONTRAST_COLS),                                              \
               {PR_I64, {2, {CONTRAST_SLOTS, 3}}},                                                 \
               NUMBERS(2),                                                                         \
               VECTOR(CONTRAST_COLS),                                                              \
               NUMBERS(1),                                                                         \
               VECTOR(n_lambda_)},                                                                 \
        .always_f64 = 1U << 6U | 1U << 8U, .fill = fill_fuse                                       \
    }

static void fill_number(int i, int64_t n, void *data)
{
    for (int64_t k = 0; k < n; k++) {
        ((double *)data)[k] = op_number((uint64_t)i, k);
    }
}

/* The last input, a running variance, is positive. */
static void fill_norm(int i, int64_t n, void *data)
{
    fill_number(i, n, data);
    for (int64_t k = 0; k < n && i == 4; k++) {
        ((double *)data)[k] = 1.0 + 0.5 * ((double *)data)[k];
    }
}

/* Sums over 60 values of mean about 0.1 and variance about 1. */
static void fill_apply(int i, int64_t n, void *data)
{
    fill_number(i, n, data);
    for (int64_t k = 0; k < n; k++) {
        double *const value = (double *)data + k;
        if (i == 1) {
            *value = (k < n / 2 ? 6.0 : 60.0) * (1.0 + 0.25 * *value);
        } else if (i == 5) {
            *value = 1.0 + 0.5 * *value;
        }
    }
}

/* From -9 to 9: both ends of GELU are there. */
static void fill_far(int i, int64_t n, void *data)
{
    fill_number(i, n, data);
    for (int64_t k = 0; k < n; k++) {
        ((double *)data)[k] *= 9.0;
    }
}

/* |a + b| >= 1/32: no sum sits on the ReLU's kink. */
static void fill_add(int i, int64_t n, void *data)
{
    fill_number(i, n, data);
    for (int64_t k = 0; k < n; k++) {
        double *const value = (double *)data + k;
        *value = i == 0 ? *value + (*value > 0.0 ? 1.0 : -1.0) : *value;
    }
}

/* Row 1 is shorter than an eps of 0.5; the others are not. */
static void fill_short(int i, int64_t n, void *data)
{
    fill_number(i, n, data);
    for (int64_t k = 5; k < 10 && k < n; k++) {
        ((double *)data)[k] *= 0.125;
    }
}

/* Labels 0 to 2, weights of which one is zero (with a label out of range) and some are not 1. */
static void fill_labelled(int i, int64_t n, void *data)
{
    if (i == 0) {
        fill_number(i, n, data);
        return;
    }
    for (int64_t k = 0; k < n; k++) {
        if (i == 1) {
            ((int32_t *)data)[k] = k == 3 ? -7 : (int32_t)(k * k % 3);
        } else {
            ((double *)data)[k] = k == 3 ? 0.0 : 0.5 + 0.25 * (double)k;
        }
    }
}

static void fill_two_classes(int i, int64_t n, void *data)
{
    fill_labelled(i, n, data);
    for (int64_t k = 0; k < n && i == 1; k++) {
        ((int32_t *)data)[k] = (int32_t)(k % 2);
    }
}

/*
 * Labels change with each pair of rows. Both slots of each label are kept: the first of one is row 1
 * of this step, all others are from earlier ones.
 */
enum { CONTRAST_ROWS = 8, CONTRAST_COLS = 5, CONTRAST_KEPT = 2, CONTRAST_SLOTS = 4 };

static void fill_contrast(int i, int64_t n, void *data, int label, int info, int key, int count)
{
    fill_number(i, i == label || i == info || i == key || i == count ? 0 : n, data);
    for (int64_t k = 0; k < n; k++) {
        if (i == label) {
            ((int32_t *)data)[k] = (int32_t)(k / 2 % 2);
        } else if (i == info) {
            ((int64_t *)data)[k] = k == 0 ? 3 : 0;
        } else if (i == key) {
            /* id, step, place: slot 1 is row 1 of this step. */
            ((int64_t *)data)[k] = k / 3 == 1 ? (k % 3 == 1 ? 3 : 1) : (k % 3 == 1 ? 2 : k);
        } else if (i == count) {
            ((int64_t *)data)[k] = CONTRAST_KEPT;
        }
    }
}

static void fill_update(int i, int64_t n, void *data)
{
    fill_contrast(i, n, data, 1, 3, 9, 10);
    for (int64_t k = 0; k < n; k++) {
        if (i == 2) {
            ((int64_t *)data)[k] = k / 3;
        } else if (i == 5) {
            ((int64_t *)data)[k] = 4;
        }
    }
}

static void fill_fuse(int i, int64_t n, void *data)
{
    fill_contrast(i, n, data, 1, 2, 4, 5);
    for (int64_t k = 0; k < n; k++) {
        if (i == 7) {
            ((int64_t *)data)[k] = 4;
        } else if (i == 8) {
            ((double *)data)[k] = 0.5 + 0.375 * op_number(8, k);
        }
    }
}

static void fill_margin(int i, int64_t n, void *data)
{
    fill_number(i, i == 0 || i == 3 || i == 6 ? n : 0, data);
    for (int64_t k = 0; k < n; k++) {
        if (i == 2) {
            ((int64_t *)data)[k] = k == 0 ? 2 : 6;
        } else if (i != 0 && i != 3 && i != 6) {
            ((int32_t *)data)[k] = i == 1 || i == 4 ? (int32_t)(k % 2) : k != 1;
        }
    }
}

/* Images are real, fake, fake, ...; the third has no forged cell, and one cell is neither. */
static void fill_cells(int i, int64_t n, void *data)
{
    fill_number(i, i == 0 ? n : 0, data);
    for (int64_t k = 0; k < n; k++) {
        if (i == 1) {
            ((int32_t *)data)[k] = k == 7 ? -1 : (k < n / 2 ? (int32_t)(k % 3 == 0) : 0);
        } else if (i == 2) {
            ((int32_t *)data)[k] = k > 0;
        }
    }
}

/* The same beside a batch's sums. */
static void fill_summed(int i, int64_t n, void *data)
{
    static const double sums[PR_CELL_SUMS] = {60.0, 25.0, 5.0, 90.0, 2.0};
    fill_cells(i, i == 3 ? 0 : n, data);
    for (int64_t k = 0; i == 3 && k < n; k++) {
        ((double *)data)[k] = sums[k];
    }
}

/* Rows 1 to 6; the queue of the reals, which is against fakes, holds more than a tile. */
enum { QUEUE_ROWS = 8, QUEUE_SLOTS = 70, QUEUE_COLS = 5 };

static void fill_queue(int i, int64_t n, void *data)
{
    fill_number(i, i == 2 || i == 3 || i == 5 ? 0 : n, data);
    for (int64_t k = 0; k < n; k++) {
        if (i == 2) {
            ((int32_t *)data)[k] = (int32_t)(k % 2);
        } else if (i == 3) {
            ((int64_t *)data)[k] = k == 0 ? 1 : 7;
        } else if (i == 5) {
            ((int64_t *)data)[k] = k == 0 ? QUEUE_SLOTS : 3;
        }
    }
}

/* Both prototypes exist; the queue of the fakes goes round. */
static void fill_push(int i, int64_t n, void *data)
{
    static const int64_t numbers[7][2] = {
        [3] = {5, 5}, [5] = {2, QUEUE_SLOTS - 1}, [6] = {2, QUEUE_SLOTS}};
    fill_number(i, i == 0 || i == 2 || i == 4 ? n : 0, data);
    for (int64_t k = 0; k < n; k++) {
        if (i == 1) {
            ((int32_t *)data)[k] = (int32_t)(k % 3 == 0);
        } else if (k < 2 && (i == 3 || i == 5 || i == 6)) {
            ((int64_t *)data)[k] = numbers[i][k];
        }
    }
}

#define CELLS(what_, self_, masked_, h, w, c)                                                      \
    {                                                                                              \
        .op = PR_OP_cell_contrast, .what = (what_),                                                \
        .attr = &(const pr_cell_contrast_attr){0.5, 1e-12, self_, masked_}, .n_in = 3,             \
        .in = {MAP(4, h, w, c), {PR_I32, {3, {4, h, w}}}, LABELS(4)}, .fill = fill_cells,          \
        .bound = 2e-5                                                                              \
    }
#define SUMMED(what_, masked_, h, w, c)                                                            \
    {                                                                                              \
        .op = PR_OP_cell_contrast, .what = (what_),                                                \
        .attr = &(const pr_cell_contrast_attr){0.5, 1e-12, false, masked_}, .n_in = 4,             \
        .in = {MAP(4, h, w, c), {PR_I32, {3, {4, h, w}}}, LABELS(4), VECTOR(PR_CELL_SUMS)},        \
        .always_f64 = 1U << 3U, .fill = fill_summed, .bound = 2e-5                                 \
    }
#define SUMS(what_, masked_, h, w, c)                                                              \
    {                                                                                              \
        .op = PR_OP_cell_sums, .what = (what_),                                                    \
        .attr = &(const pr_cell_contrast_attr){0.5, 1e-12, false, masked_}, .n_in = 3,             \
        .in = {MAP(4, h, w, c), {PR_I32, {3, {4, h, w}}}, LABELS(4)}, .fill = fill_cells,          \
        .bound = 2e-5                                                                              \
    }
#define NCE(what_, full_)                                                                          \
    {                                                                                              \
        .op = PR_OP_queue_nce, .what = (what_), .attr = &(const pr_queue_nce_attr){0.5, full_},    \
        .n_in = 6,                                                                                 \
        .in = {MATRIX(QUEUE_ROWS, QUEUE_COLS),                                                     \
               MATRIX(QUEUE_ROWS, QUEUE_COLS),                                                     \
               LABELS(QUEUE_ROWS),                                                                 \
               NUMBERS(2),                                                                         \
               TOKENS(2, QUEUE_SLOTS, QUEUE_COLS),                                                 \
               NUMBERS(2)},                                                                        \
        .fill = fill_queue                                                                         \
    }
#define PUSH(what_, gate_)                                                                         \
    {                                                                                              \
        .op = PR_OP_queue_update, .what = (what_),                                                 \
        .attr =                                                                                    \
            &(const pr_queue_update_attr){                                                         \
                .alpha = 0.9, .gate = (gate_), .theta = 0.1, .n_top = 2, .n_least = 2},            \
        .n_in = 7,                                                                                 \
        .in = {MATRIX(QUEUE_ROWS, QUEUE_COLS),                                                     \
               LABELS(QUEUE_ROWS),                                                                 \
               MATRIX(2, QUEUE_COLS),                                                              \
               NUMBERS(2),                                                                         \
               TOKENS(2, QUEUE_SLOTS, QUEUE_COLS),                                                 \
               NUMBERS(2),                                                                         \
               NUMBERS(2)},                                                                        \
        .always_f64 = 1U << 2U, .fill = fill_push                                                  \
    }

const op_case op_cases[] = {
    CONV("3x3", 2, 5, 6, 3, 4, 3, 1, 1, 1, false),
    CONV("3x3 of stride 2 without pad", 2, 7, 8, 3, 5, 3, 2, 0, 1, true),
    CONV("1x1", 2, 3, 4, 5, 3, 1, 1, 0, 1, false),
    CONV("1x1 of stride 2", 1, 5, 6, 3, 7, 1, 2, 0, 1, true),
    CONV("3x3 of dilation 2", 1, 7, 6, 2, 3, 3, 1, 2, 2, false),
    CONV("5x5 on one pixel", 1, 1, 1, 3, 2, 5, 1, 2, 1, true),
    CONV("odd channels", 2, 4, 3, 13, 17, 3, 1, 1, 1, true),
    CONV("3x3 of stride 3, pad 2", 1, 6, 5, 2, 2, 3, 3, 2, 1, false),
    DEPTHWISE("3x3", 2, 4, 5, 3, 3, 1, 1, 1, PR_ACT_NONE),
    DEPTHWISE("3x3 with ReLU", 2, 4, 5, 7, 3, 1, 1, 1, PR_ACT_RELU),
    DEPTHWISE("5x5 of stride 2", 1, 7, 6, 3, 5, 2, 2, 1, PR_ACT_RELU),
    DEPTHWISE("3x3 of dilation 2 without pad", 1, 6, 7, 2, 3, 1, 0, 2, PR_ACT_NONE),
    CONV("3x3 of stride 2, SAME, odd one behind", 2, 6, 7, 3, 2, 3, 2, PR_PAD_SAME, 1, false),
    CONV("5x5 of stride 2, SAME", 1, 5, 8, 2, 17, 5, 2, PR_PAD_SAME, 1, true),
    CONV("1x1 of stride 2, SAME", 1, 5, 6, 3, 7, 1, 2, PR_PAD_SAME, 1, false),
    DEPTHWISE("5x5", 2, 7, 9, 5, 5, 1, 2, 1, PR_ACT_NONE),
    DEPTHWISE("5x5 of stride 2, SAME", 1, 8, 11, 3, 5, 2, PR_PAD_SAME, 1, PR_ACT_NONE),
    DEPTHWISE("3x3 of stride 2, SAME", 1, 6, 13, 2, 3, 2, PR_PAD_SAME, 1, PR_ACT_NONE),
    DEPTHWISE("7x7 of stride 3", 1, 11, 13, 2, 7, 3, 3, 1, PR_ACT_NONE),
    DEPTHWISE("on one pixel", 3, 1, 1, 5, 3, 1, 1, 1, PR_ACT_RELU),
    DEPTHWISE("17 channels", 1, 3, 4, 17, 3, 1, 1, 1, PR_ACT_RELU),
    {.op = PR_OP_linear, .what = "bias", .n_in = 3, .in = {MATRIX(5, 4), MATRIX(3, 4), VECTOR(3)}},
    {.op = PR_OP_linear, .what = "no bias", .n_in = 2, .in = {MATRIX(1, 7), MATRIX(2, 7)}},
    {.op = PR_OP_linear,
     .what = "one input",
     .n_in = 3,
     .in = {MATRIX(3, 1), MATRIX(5, 1), VECTOR(5)}},
    {.op = PR_OP_linear,
     .what = "tokens",
     .n_in = 3,
     .in = {TOKENS(2, 3, 5), MATRIX(7, 5), VECTOR(7)}},
    {.op = PR_OP_linear,
     .what = "tokens, wide",
     .n_in = 3,
     .in = {TOKENS(2, 5, 19), MATRIX(17, 19), VECTOR(17)}},
    NORM("of a map", MAP(2, 3, 2, 3), 3, PR_ACT_NONE, PR_MODE_TRAIN),
    NORM("of a map, with ReLU", MAP(2, 3, 4, 5), 5, PR_ACT_RELU, PR_MODE_TRAIN),
    NORM("of a map, with SiLU", MAP(2, 3, 4, 5), 5, PR_ACT_SILU, PR_MODE_TRAIN),
    NORM("in evaluation, with SiLU", MAP(2, 3, 2, 17), 17, PR_ACT_SILU, PR_MODE_EVAL),
    NORM("of rows", MATRIX(6, 3), 3, PR_ACT_NONE, PR_MODE_TRAIN),
    NORM("of two rows, with ReLU", MATRIX(3, 17), 17, PR_ACT_RELU, PR_MODE_TRAIN),
    NORM("again", MAP(1, 3, 4, 5), 5, PR_ACT_RELU, PR_MODE_RECOMPUTE),
    NORM("in evaluation", MAP(2, 3, 2, 4), 4, PR_ACT_NONE, PR_MODE_EVAL),
    NORM("of one row in evaluation, with ReLU", MATRIX(1, 9), 9, PR_ACT_RELU, PR_MODE_EVAL),
    PLAIN(bn_stats, "of a map", MAP(2, 3, 2, 5)),
    PLAIN(bn_stats, "of rows", MATRIX(3, 17)),
    PLAIN(sync_sum, "of sums", MATRIX(2, 5)),
    APPLY("of a map", MAP(2, 3, 2, 3), 3, PR_ACT_NONE, 60, PR_MODE_TRAIN),
    APPLY("of a map, with ReLU", MAP(2, 3, 2, 5), 5, PR_ACT_RELU, 60, PR_MODE_TRAIN),
    APPLY("of a map, with SiLU", MAP(2, 3, 2, 5), 5, PR_ACT_SILU, 60, PR_MODE_TRAIN),
    APPLY("of rows", MATRIX(4, 17), 17, PR_ACT_RELU, 60, PR_MODE_TRAIN),
    APPLY("in evaluation", MAP(1, 2, 2, 3), 3, PR_ACT_RELU, 60, PR_MODE_EVAL),
    PLAIN(relu, "of a map", MAP(2, 3, 2, 3)),
    PLAIN(relu, "of a vector", VECTOR(37)),
    {.op = PR_OP_leaky_relu,
     .what = "of a map",
     .attr = &(const pr_leaky_relu_attr){0.1},
     .n_in = 1,
     .in = {MAP(2, 3, 2, 3)}},
    SQUEEZE("of a map", 2, 3, 4, 5, 2),
    SQUEEZE("of a pixel", 1, 1, 1, 33, 7),
    SQUEEZE("of one channel", 3, 5, 2, 1, 1),
    DROPOUT("of rows", 0.5, false, PR_MODE_TRAIN, MATRIX(OP_ROWS, 37)),
    DROPOUT("again, of maps", 0.25, false, PR_MODE_RECOMPUTE, MAP(OP_ROWS, 2, 3, 2)),
    DROPOUT("whole rows", 0.5, true, PR_MODE_TRAIN, MATRIX(OP_ROWS, 3)),
    DROPOUT("in evaluation", 0.5, false, PR_MODE_EVAL, MATRIX(OP_ROWS, 3)),
    {.op = PR_OP_concat,
     .what = "of maps",
     .n_in = 4,
     .in = {MAP(2, 3, 2, 1), MAP(2, 3, 2, 4), MAP(2, 3, 2, 17), MAP(2, 3, 2, 2)}},
    {.op = PR_OP_concat, .what = "of rows", .n_in = 2, .in = {MATRIX(3, 5), MATRIX(3, 1)}},
    {.op = PR_OP_flatten,
     .what = "channels first",
     .attr = &(const pr_flatten_attr){true},
     .n_in = 1,
     .in = {MAP(2, 3, 4, 5)}},
    {.op = PR_OP_flatten,
     .what = "channels last",
     .attr = &(const pr_flatten_attr){false},
     .n_in = 1,
     .in = {MAP(2, 3, 4, 5)}},
    ADD("plain", PR_ACT_NONE, MAP(2, 2, 3, 3)),
    ADD("with ReLU", PR_ACT_RELU, MATRIX(3, 13)),
    POOL("3x3 of stride 2, pad 1", 2, 5, 6, 3, 3, 2, 1, false),
    POOL("2x2", 1, 5, 4, 2, 2, 2, 0, false),
    POOL("2x2, ceiling", 1, 5, 7, 2, 2, 2, 0, true),
    POOL("3x3 of stride 2, ceiling drops a window", 1, 4, 6, 5, 3, 2, 1, true),
    POOL("3x3 on one pixel", 2, 1, 1, 17, 3, 2, 1, false),
    PLAIN(global_avg_pool, "of a map", MAP(2, 3, 4, 5)),
    PLAIN(global_avg_pool, "of a pixel", MAP(3, 1, 1, 17)),
    PLAIN(global_avg_pool, "of tokens", TOKENS(2, 5, 7)),
    GRAM("of a map", 2, 3, 4, 5, PR_GRAM_HW),
    GRAM("not divided", 1, 2, 3, 17, PR_GRAM_NONE),
    GRAM("divided by channels too", 2, 2, 2, 3, PR_GRAM_CHW),
    SPECTRUM("of patches of 4", 2, 8, 12, 4, PR_GREY_BT601, false, false),
    SPECTRUM("of patches of 5", 1, 5, 10, 5, PR_GREY_MEAN, true, false),
    SPECTRUM("of patches of 16, ratio", 1, 32, 16, 16, PR_GREY_BT601, true, true),
    LAYER_NORM("of rows", 5, MATRIX(3, 5)),
    LAYER_NORM("of tokens", 19, TOKENS(2, 3, 19)),
    PLAIN(gelu, "of tokens", TOKENS(2, 3, 7)),
    {.op = PR_OP_gelu, .what = "far out", .n_in = 1, .in = {VECTOR(37)}, .fill = fill_far},
    ATTENTION("of one head", 2, 3, 5, 1, 0.5),
    ATTENTION("of three heads", 2, 5, 6, 3, 0.7),
    ATTENTION("of 17 tokens", 1, 17, 4, 2, 3.0),
    PLAIN(transpose, "of tokens", TOKENS(2, 3, 5)),
    PLAIN(transpose, "of many", TOKENS(1, 19, 17)),
    {.op = PR_OP_add_shared, .what = "tokens", .n_in = 2, .in = {TOKENS(3, 2, 5), MATRIX(2, 5)}},
    {.op = PR_OP_l2norm,
     .what = "rows",
     .attr = &(const pr_l2norm_attr){1e-12},
     .n_in = 1,
     .in = {MATRIX(3, 7)}},
    {.op = PR_OP_l2norm,
     .what = "one short row",
     .attr = &(const pr_l2norm_attr){0.5},
     .n_in = 1,
     .in = {MATRIX(3, 5)},
     .fill = fill_short},
    {.op = PR_OP_softmax_ce,
     .what = "three classes, one row masked",
     .n_in = 3,
     .in = {MATRIX(5, 3), LABELS(5), VECTOR(5)},
     .fill = fill_labelled},
    {.op = PR_OP_softmax_ce,
     .what = "two classes",
     .n_in = 3,
     .in = {MATRIX(17, 2), LABELS(17), VECTOR(17)},
     .fill = fill_two_classes},
    {.op = PR_OP_sigmoid_ce,
     .what = "one logit",
     .n_in = 3,
     .in = {MATRIX(17, 1), LABELS(17), VECTOR(17)},
     .fill = fill_two_classes},
    FOCAL("three classes, one row masked", 2.0, 0.0, MATRIX(5, 3), LABELS(5), VECTOR(5)),
    FOCAL("of no power", 0.0, 0.0, MATRIX(5, 3), LABELS(5), VECTOR(5)),
    {.op = PR_OP_focal_ce,
     .what = "two weighed classes",
     .attr = &(const pr_focal_ce_attr){0.5, 0.25},
     .n_in = 3,
     .in = {MATRIX(17, 2), LABELS(17), VECTOR(17)},
     .fill = fill_two_classes},
    PLAIN(gather_rows, "of rows", MATRIX(3, 2)),
    {.op = PR_OP_rccl_update,
     .what = "into kept features",
     .attr = &(const pr_rccl_update_attr){PR_RCCL_CENTRE_EPOCH, 0.9, 2, CONTRAST_KEPT, true, false},
     .n_in = 11,
     .in = {MATRIX(CONTRAST_ROWS, CONTRAST_COLS),
            LABELS(CONTRAST_ROWS),
            NUMBERS(CONTRAST_ROWS),
            NUMBERS(2),
            VECTOR(CONTRAST_COLS),
            NUMBERS(1),
            VECTOR(CONTRAST_COLS),
            MATRIX(CONTRAST_SLOTS, CONTRAST_COLS),
            VECTOR(CONTRAST_SLOTS),
            {PR_I64, {2, {CONTRAST_SLOTS, 3}}},
            NUMBERS(2)},
     .always_f64 = 1U << 4U | 1U << 6U | 1U << 8U,
     .fill = fill_update},
    FUSE("smooth", 4, PR_RCCL_FUSE_SMOOTH, PR_RCCL_MIX_PAIR),
    FUSE("linear", 16, PR_RCCL_FUSE_LINEAR, PR_RCCL_MIX_PAIR),
    FUSE("linear, then smooth, mixed with a mean", 14, PR_RCCL_FUSE_LINEAR_SMOOTH,
         PR_RCCL_MIX_MEAN),
    {.op = PR_OP_margin_norm,
     .what = "of four rows",
     .attr =
         &(const pr_margin_attr){
             .tau = 0.5, .synthetic = true, .transformed = true, .margin = PR_MARGIN_MIXED},
     .n_in = 8,
     .in = {MATRIX(8, 5), LABELS(8), NUMBERS(2), MATRIX(4, 5), LABELS(4), LABELS(4), MATRIX(3, 5),
            LABELS(3)},
     .fill = fill_margin},
    {.op = PR_OP_mask_cells,
     .what = "parts of pixels",
     .attr = &(const pr_mask_cells_attr){3, 2, 0.1, -0.0},
     .n_in = 1,
     .in = {TOKENS(2, 7, 5)}},
    CELLS("with themselves", false, false, 2, 3, 5),
    CELLS("without themselves", true, false, 3, 3, 19),
    CELLS("with masked pairs", false, true, 2, 3, 5),
    SUMMED("of a batch", false, 2, 3, 5),
    SUMMED("of a batch with masked pairs", true, 3, 2, 7),
    SUMS("of cells", false, 2, 3, 5),
    SUMS("of cells with masked pairs", true, 3, 3, 19),
    NCE("of six rows", false),
    NCE("of full queues", true),
    PUSH("no gate", PR_GATE_NONE),
    PUSH("a threshold", PR_GATE_THETA),
    PUSH("the highest", PR_GATE_TOPK),
};

const int n_op_cases = sizeof(op_cases) / sizeof(*op_cases);
