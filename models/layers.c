#include "models/layers.h"

#include <math.h>
#include <stdio.h>

enum { NAME_BYTES = 160, WIDTH_STEP = 8 };

static const double BATCH_NORM_EPS = 1e-5;

/* PREFIX, NAME and SUFFIX together. */
static pr_status join(const pr_builder *builder, const char *name, const char *suffix,
                      char out[static NAME_BYTES])
{
    const int n = snprintf(out, NAME_BYTES, "%s%s%s", builder->prefix, name, suffix);
    PR_REQUIRE(n >= 0 && n < NAME_BYTES, PR_ERR_INVALID,
               "the name '%s%s%s' has %d bytes, most is %d", builder->prefix, name, suffix, n,
               NAME_BYTES - 1);
    return PR_OK;
}

static pr_status param(const pr_builder *builder, const char *name, const char *suffix,
                       pr_desc desc, pr_init init, pr_value *out)
{
    char whole[NAME_BYTES];
    PR_TRY(join(builder, name, suffix, whole));
    return pr_graph_param(builder->graph, whole, desc, init, out);
}

static pr_status buffer(const pr_builder *builder, const char *name, const char *suffix,
                        pr_desc desc, pr_init init, pr_value *out)
{
    char whole[NAME_BYTES];
    PR_TRY(join(builder, name, suffix, whole));
    return pr_graph_buffer(builder->graph, whole, desc, init, out);
}

static pr_status op(const pr_builder *builder, pr_op_id id, const char *name, const void *attr,
                    const pr_value *in, int n_in, pr_value *out)
{
    char whole[NAME_BYTES];
    PR_TRY(join(builder, name, "", whole));
    return pr_graph_op(builder->graph, id, whole, attr, in, n_in, out, 1);
}

static pr_init kaiming(int64_t fan_out)
{
    return (pr_init){PR_INIT_NORMAL, sqrt(2.0 / (double)fan_out)};
}

static pr_init conv_init(const pr_conv *conv, int64_t n_in)
{
    const int64_t n_taps = conv->kernel * conv->kernel;
    switch (conv->init) {
    case PR_CONV_INIT_TORCH:
        return (pr_init){PR_INIT_UNIFORM, 1.0 / sqrt((double)(n_in * n_taps))};
    case PR_CONV_INIT_GLOROT:
        return (pr_init){PR_INIT_UNIFORM, sqrt(6.0 / (double)((n_in + conv->n_out) * n_taps))};
    case PR_CONV_INIT_FAN_OUT:
        break;
    }
    return kaiming(conv->n_out * n_taps);
}

/* Channels of a map, or of a row. */
static int64_t channels(const pr_builder *builder, pr_value x)
{
    const pr_shape *const shape = &pr_graph_desc(builder->graph, x)->shape;
    return shape->dims[shape->n_dims - 1];
}

pr_status pr_conv_build(const pr_builder *builder, const char *name, const pr_conv *conv,
                        pr_value x, pr_value *out)
{
    const pr_conv2d_attr attr = {.stride = conv->stride,
                                 .pad = conv->pad,
                                 .dilation = conv->dilation == 0 ? 1 : conv->dilation};
    const pr_dtype real = pr_graph_real(builder->graph);
    const int64_t n_in = channels(builder, x);
    const pr_desc desc = pr_desc_4(real, conv->n_out, n_in, conv->kernel, conv->kernel);
    pr_value in[3] = {x};

    PR_TRY(param(builder, name, ".weight", desc, conv_init(conv, n_in), &in[1]));
    if (conv->bias) {
        const pr_init zero = {PR_INIT_ZERO, 0.0};
        PR_TRY(param(builder, name, ".bias", pr_desc_1(real, conv->n_out), zero, &in[2]));
    }
    return op(builder, PR_OP_conv2d, name, &attr, in, conv->bias ? 3 : 2, out);
}

pr_status pr_depthwise_build(const pr_builder *builder, const char *name, int64_t kernel,
                             int stride, int pad, pr_value x, pr_value *out)
{
    const pr_depthwise_attr attr = {
        .stride = stride, .pad = pad, .dilation = 1, .act_in = PR_ACT_NONE};
    const pr_desc desc =
        pr_desc_4(pr_graph_real(builder->graph), channels(builder, x), 1, kernel, kernel);
    pr_value in[2] = {x};

    PR_TRY(param(builder, name, ".weight", desc, kaiming(kernel * kernel), &in[1]));
    return op(builder, PR_OP_depthwise, name, &attr, in, 2, out);
}

pr_status pr_squeeze_build(const pr_builder *builder, const char *name, int64_t n_hidden,
                           pr_value x, pr_value *out)
{
    const pr_dtype real = pr_graph_real(builder->graph);
    const int64_t n = channels(builder, x);
    const pr_init zero = {PR_INIT_ZERO, 0.0};
    pr_value in[5] = {x};

    PR_TRY(param(builder, name, ".conv_reduce.weight", pr_desc_4(real, n_hidden, n, 1, 1),
                 kaiming(n_hidden), &in[1]));
    PR_TRY(param(builder, name, ".conv_reduce.bias", pr_desc_1(real, n_hidden), zero, &in[2]));
    PR_TRY(param(builder, name, ".conv_expand.weight", pr_desc_4(real, n, n_hidden, 1, 1),
                 kaiming(n), &in[3]));
    PR_TRY(param(builder, name, ".conv_expand.bias", pr_desc_1(real, n), zero, &in[4]));
    return op(builder, PR_OP_squeeze_excite, name, NULL, in, 5, out);
}

pr_status pr_dropout_build(const pr_builder *builder, const char *name, const pr_dropout_attr *attr,
                           pr_value x, pr_value *out)
{
    if (attr->rate == 0.0) {
        *out = x;
        return PR_OK;
    }
    return op(builder, PR_OP_dropout, name, attr, &x, 1, out);
}

pr_status pr_separable_build(const pr_builder *builder, const char *name, int64_t n_out,
                             pr_act act_in, pr_value x, pr_value *out)
{
    enum { KERNEL = 3 };
    const pr_depthwise_attr attr = {.stride = 1, .pad = 1, .dilation = 1, .act_in = act_in};
    const int64_t n_in = channels(builder, x);
    const pr_desc desc = pr_desc_4(pr_graph_real(builder->graph), n_in, 1, KERNEL, KERNEL);
    char depthwise[NAME_BYTES];
    char pointwise[NAME_BYTES];
    pr_value in[2] = {x};
    pr_value middle;

    (void)snprintf(depthwise, sizeof(depthwise), "%s.conv1", name);
    (void)snprintf(pointwise, sizeof(pointwise), "%s.pointwise", name);
    PR_TRY(param(builder, depthwise, ".weight", desc, kaiming(n_in * KERNEL * KERNEL), &in[1]));
    PR_TRY(op(builder, PR_OP_depthwise, depthwise, &attr, in, 2, &middle));
    return pr_conv_build(builder, pointwise, &(pr_conv){.n_out = n_out, .kernel = 1, .stride = 1},
                         middle, out);
}

pr_status pr_norm_build(const pr_builder *builder, const char *name, pr_act act, pr_value x,
                        pr_value *out)
{
    const pr_norm norm = {.act = act, .eps = BATCH_NORM_EPS};
    return pr_norm_as_build(builder, name, &norm, x, out);
}

/* The middle op of a batch norm over the global batch, of layer use USE of NAME. */
static pr_status sum_build(const pr_builder *builder, const char *name, int use, pr_value x,
                           pr_value *sums)
{
    char layer[NAME_BYTES];
    char again[16] = "";
    if (use > 0) {
        (void)snprintf(again, sizeof(again), "%d", use);
    }
    (void)snprintf(layer, sizeof(layer), "%s.stats%s", name, again);
    PR_TRY(op(builder, PR_OP_bn_stats, layer, NULL, &x, 1, sums));
    (void)snprintf(layer, sizeof(layer), "%s.sum%s", name, again);
    return op(builder, PR_OP_sync_sum, layer, NULL, sums, 1, sums);
}

pr_status pr_norm_as_build(const pr_builder *builder, const char *name, const pr_norm *norm,
                           pr_value x, pr_value *out)
{
    const pr_shape *const shape = &pr_graph_desc(builder->graph, x)->shape;
    const int64_t n_pixels = shape->n_dims == 4 ? shape->dims[1] * shape->dims[2] : 1;
    const pr_batch_norm_attr attr = {.eps = norm->eps,
                                     .act = norm->act,
                                     .n_samples = builder->n_sync_views * n_pixels,
                                     .use = norm->use,
                                     .n_uses = norm->n_uses};
    const pr_desc desc = pr_desc_1(pr_graph_real(builder->graph), channels(builder, x));
    const pr_init zero = {PR_INIT_ZERO, 0.0};
    const pr_init one = {PR_INIT_ONE, 0.0};
    pr_value in[6] = {x};
    pr_value sums;

    PR_TRY(param(builder, name, ".weight", desc, one, &in[1]));
    PR_TRY(param(builder, name, ".bias", desc, zero, &in[2]));
    PR_TRY(buffer(builder, name, ".running_mean", desc, zero, &in[3]));
    PR_TRY(buffer(builder, name, ".running_var", desc, one, &in[4]));
    if (builder->n_sync_views == 0) {
        return op(builder, PR_OP_batch_norm, name, &attr, in, 5, out);
    }
    PR_TRY(sum_build(builder, name, norm->use, x, &sums));
    const pr_value apply[6] = {x, sums, in[1], in[2], in[3], in[4]};
    return op(builder, PR_OP_bn_apply, name, &attr, apply, 6, out);
}

pr_status pr_linear_build(const pr_builder *builder, const char *name, int64_t n_out, pr_value x,
                          pr_value *out)
{
    const pr_dtype real = pr_graph_real(builder->graph);
    const int64_t n_in = channels(builder, x);
    const pr_init init = {PR_INIT_UNIFORM, 1.0 / sqrt((double)n_in)};
    pr_value in[3] = {x};

    PR_TRY(param(builder, name, ".weight", pr_desc_2(real, n_out, n_in), init, &in[1]));
    PR_TRY(param(builder, name, ".bias", pr_desc_1(real, n_out), init, &in[2]));
    return op(builder, PR_OP_linear, name, NULL, in, 3, out);
}

int64_t pr_scale_width(int64_t n, double factor)
{
    const int64_t scaled =
        WIDTH_STEP * (int64_t)floor((double)n * factor / (double)WIDTH_STEP + 0.5);
    return scaled < WIDTH_STEP ? WIDTH_STEP : scaled;
}
