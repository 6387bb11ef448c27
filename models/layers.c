#include "models/layers.h"

#include <math.h>
#include <stdio.h>

enum { NAME_BYTES = 160, WIDTH_STEP = 8 };

static const double BATCH_NORM_EPS = 1e-5;

/* PREFIX, NAME and SUFFIX together. */
static pr_status join(const pr__builder *builder, const char *name, const char *suffix,
                      char out[static NAME_BYTES])
{
    const int n = snprintf(out, NAME_BYTES, "%s%s%s", builder->prefix, name, suffix);
    PR_REQUIRE(n >= 0 && n < NAME_BYTES, PR_ERR_INVALID,
               "the name '%s%s%s' has %d bytes, most is %d", builder->prefix, name, suffix, n,
               NAME_BYTES - 1);
    return PR_OK;
}

static pr_status param(const pr__builder *builder, const char *name, const char *suffix,
                       pr_desc desc, pr_init init, pr_value *out)
{
    char whole[NAME_BYTES];
    PR_TRY(join(builder, name, suffix, whole));
    return pr_graph_param(builder->graph, whole, desc, init, out);
}

static pr_status buffer(const pr__builder *builder, const char *name, const char *suffix,
                        pr_desc desc, pr_init init, pr_value *out)
{
    char whole[NAME_BYTES];
    PR_TRY(join(builder, name, suffix, whole));
    return pr_graph_buffer(builder->graph, whole, desc, init, out);
}

static pr_status op(const pr__builder *builder, pr_op_id id, const char *name, const void *attr,
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

/* Channels of a map, or of a row. */
static int64_t channels(const pr__builder *builder, pr_value x)
{
    const pr_shape *const shape = &pr_graph_desc(builder->graph, x)->shape;
    return shape->dims[shape->n_dims - 1];
}

pr_status pr__conv_build(const pr__builder *builder, const char *name, const pr__conv *conv,
                         pr_value x, pr_value *out)
{
    const pr_conv2d_attr attr = {.stride = conv->stride, .pad = conv->pad, .dilation = 1};
    const pr_desc desc = pr_desc_4(pr_graph_real(builder->graph), conv->n_out, channels(builder, x),
                                   conv->kernel, conv->kernel);
    pr_value in[2] = {x};

    PR_TRY(param(builder, name, ".weight", desc, kaiming(conv->n_out * conv->kernel * conv->kernel),
                 &in[1]));
    return op(builder, PR_OP_conv2d, name, &attr, in, 2, out);
}

pr_status pr__separable_build(const pr__builder *builder, const char *name, int64_t n_out,
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
    return pr__conv_build(builder, pointwise, &(pr__conv){n_out, 1, 1, 0}, middle, out);
}

pr_status pr__norm_build(const pr__builder *builder, const char *name, pr_act act, pr_value x,
                         pr_value *out)
{
    const pr_shape *const shape = &pr_graph_desc(builder->graph, x)->shape;
    const int64_t n_pixels = shape->n_dims == 4 ? shape->dims[1] * shape->dims[2] : 1;
    const pr_batch_norm_attr attr = {
        .eps = BATCH_NORM_EPS, .act = act, .n_samples = builder->n_sync_views * n_pixels};
    const pr_desc desc = pr_desc_1(pr_graph_real(builder->graph), channels(builder, x));
    const pr_init zero = {PR_INIT_ZERO, 0.0};
    const pr_init one = {PR_INIT_ONE, 0.0};
    char stats[NAME_BYTES];
    char sum[NAME_BYTES];
    pr_value in[6] = {x};
    pr_value sums[2];

    PR_TRY(param(builder, name, ".weight", desc, one, &in[1]));
    PR_TRY(param(builder, name, ".bias", desc, zero, &in[2]));
    PR_TRY(buffer(builder, name, ".running_mean", desc, zero, &in[3]));
    PR_TRY(buffer(builder, name, ".running_var", desc, one, &in[4]));
    if (builder->n_sync_views == 0) {
        return op(builder, PR_OP_batch_norm, name, &attr, in, 5, out);
    }
    (void)snprintf(stats, sizeof(stats), "%s.stats", name);
    (void)snprintf(sum, sizeof(sum), "%s.sum", name);
    PR_TRY(op(builder, PR_OP_bn_stats, stats, NULL, &x, 1, &sums[0]));
    PR_TRY(op(builder, PR_OP_sync_sum, sum, NULL, &sums[0], 1, &sums[1]));
    const pr_value apply[6] = {x, sums[1], in[1], in[2], in[3], in[4]};
    return op(builder, PR_OP_bn_apply, name, &attr, apply, 6, out);
}

pr_status pr__linear_build(const pr__builder *builder, const char *name, int64_t n_out, pr_value x,
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

int64_t pr__scale_width(int64_t n, double factor)
{
    const int64_t scaled =
        WIDTH_STEP * (int64_t)floor((double)n * factor / (double)WIDTH_STEP + 0.5);
    return scaled < WIDTH_STEP ? WIDTH_STEP : scaled;
}
