#include "models/xception.h"

#include "models/layers.h"

#include <math.h>
#include <stdio.h>

enum { LAYER_BYTES = 64, MOST_MIDDLE = 64, N_SHALLOW = 3 };

/* N_REPS separable convolutions, then pooling by STRIDE unless that is 1, plus a skip. */
typedef struct block {
    int64_t n_out;
    int n_reps, stride;
    bool starts_with_relu;
    bool grows_first; /* the first convolution widens, else the last */
} block;

static const int64_t stem[2] = {32, 64};
static const block entry[] = {
    {128, 2, 2, false, true},
    {256, 2, 2, true, true},
    {728, 2, 2, true, true},
};
static const block middle = {728, 3, 1, true, true};
enum { N_MIDDLE = 8 };
static const block last = {1024, 2, 2, true, false};
static const int64_t top[2] = {1536, 2048};

/* The way through a block but for the skip: rep.0 to rep.8, numbered as PyTorch's Sequential. */
static pr_status reps_build(const pr_builder *builder, const char *name, const block *b,
                            int64_t n_out, pr_value x, pr_value *out)
{
    const pr_shape *const shape = &pr_graph_desc(builder->graph, x)->shape;
    const int64_t n_in = shape->dims[3];
    int at = 0;

    for (int i = 0; i < b->n_reps; i++) {
        const bool is_last = i + 1 == b->n_reps;
        const int64_t width = b->grows_first || is_last ? n_out : n_in;
        char layer[LAYER_BYTES];
        /*
         * The ReLU between two convolutions is the first one's batch norm's. The one at the start
         * is the depthwise convolution's, since the skip reads what is before it.
         */
        const pr_act act_in = i == 0 && b->starts_with_relu ? PR_ACT_RELU : PR_ACT_NONE;
        at += i > 0 || b->starts_with_relu ? 1 : 0;
        (void)snprintf(layer, sizeof(layer), "%s.rep.%d", name, at++);
        PR_TRY(pr_separable_build(builder, layer, width, act_in, x, &x));
        (void)snprintf(layer, sizeof(layer), "%s.rep.%d", name, at++);
        PR_TRY(pr_norm_build(builder, layer, is_last ? PR_ACT_NONE : PR_ACT_RELU, x, &x));
    }
    *out = x;
    if (b->stride != 1) {
        const pr_pool_attr pool = {.window = 3, .stride = b->stride, .pad = 1};
        char layer[LAYER_BYTES];
        (void)snprintf(layer, sizeof(layer), "%s%s.rep.%d", builder->prefix, name, at);
        return pr_graph_op(builder->graph, PR_OP_max_pool, layer, &pool, &x, 1, out, 1);
    }
    return PR_OK;
}

static pr_status block_build(const pr_builder *builder, int number, const block *b, double width,
                             pr_value x, pr_value *out)
{
    const int64_t n_in = pr_graph_desc(builder->graph, x)->shape.dims[3];
    const int64_t n_out = pr_scale_width(b->n_out, width);
    const pr_add_attr add = {.act = PR_ACT_NONE};
    char name[LAYER_BYTES / 2];
    char layer[LAYER_BYTES];
    pr_value in[2];

    (void)snprintf(name, sizeof(name), "block%d", number);
    PR_TRY(reps_build(builder, name, b, n_out, x, &in[0]));
    in[1] = x;
    if (n_out != n_in || b->stride != 1) {
        (void)snprintf(layer, sizeof(layer), "%s.skip", name);
        PR_TRY(pr_conv_build(builder, layer,
                             &(pr_conv){.n_out = n_out, .kernel = 1, .stride = b->stride}, x,
                             &in[1]));
        (void)snprintf(layer, sizeof(layer), "%s.skipbn", name);
        PR_TRY(pr_norm_build(builder, layer, PR_ACT_NONE, in[1], &in[1]));
    }
    (void)snprintf(layer, sizeof(layer), "%s%s.add", builder->prefix, name);
    return pr_graph_op(builder->graph, PR_OP_add, layer, &add, in, 2, out, 1);
}

static pr_status stem_build(const pr_builder *builder, double width, pr_value x, pr_value *out)
{
    const pr_conv conv1 = {.n_out = pr_scale_width(stem[0], width), .kernel = 3, .stride = 2};
    const pr_conv conv2 = {.n_out = pr_scale_width(stem[1], width), .kernel = 3, .stride = 1};

    PR_TRY(pr_conv_build(builder, "conv1", &conv1, x, &x));
    PR_TRY(pr_norm_build(builder, "bn1", PR_ACT_RELU, x, &x));
    PR_TRY(pr_conv_build(builder, "conv2", &conv2, x, &x));
    return pr_norm_build(builder, "bn2", PR_ACT_RELU, x, out);
}

static pr_status top_build(const pr_builder *builder, double width, pr_value x,
                           pr_backbone_out *out)
{
    char pool[LAYER_BYTES];

    PR_TRY(pr_separable_build(builder, "conv3", pr_scale_width(top[0], width), PR_ACT_NONE, x, &x));
    PR_TRY(pr_norm_build(builder, "bn3", PR_ACT_RELU, x, &x));
    PR_TRY(pr_separable_build(builder, "conv4", pr_scale_width(top[1], width), PR_ACT_NONE, x, &x));
    PR_TRY(pr_norm_build(builder, "bn4", PR_ACT_RELU, x, &out->map));
    (void)snprintf(pool, sizeof(pool), "%sglobal_pool", builder->prefix);
    return pr_graph_op(builder->graph, PR_OP_global_avg_pool, pool, NULL, &out->map, 1,
                       &out->features, 1);
}

static pr_status features_build(const pr_builder *builder, const pr_backbone_options *options,
                                pr_value pooled, pr_value *features)
{
    const pr_dropout_attr attr = {.rate = options->dropout > 0.0 ? options->dropout : 0.0};
    return pr_dropout_build(builder, "dropout", &attr, pooled, features);
}

/* How many middle blocks OPTIONS ask for, having checked these and the image. */
static pr_status check(const pr_desc *image, const pr_backbone_options *options, int *n_middle)
{
    const double n = floor(N_MIDDLE * options->depth + 0.5);
    char text[96];

    PR_REQUIRE(image->shape.n_dims == 4 && image->shape.dims[3] == 3, PR_ERR_SHAPE,
               "xception: images are %s, must be [N, H, W, 3]", pr_shape_text(&image->shape, text));
    PR_REQUIRE(options->width > 0.0, PR_ERR_INVALID, "xception: width = %g, must be > 0",
               options->width);
    PR_REQUIRE(n >= 0.0 && n <= MOST_MIDDLE, PR_ERR_INVALID,
               "xception: depth = %g gives %g middle blocks, must be 0 to %d", options->depth, n,
               MOST_MIDDLE);
    *n_middle = (int)n;
    return PR_OK;
}

pr_status pr_xception_build(pr_graph *graph, const pr_backbone_options *options, const char *prefix,
                            pr_value image, pr_backbone_out *out)
{
    const pr_builder builder = {graph, prefix, options->n_sync_views};
    const int n_entry = sizeof(entry) / sizeof(*entry);
    int n_middle = 0;
    pr_value x = image;

    PR_TRY(check(pr_graph_desc(graph, image), options, &n_middle));
    PR_TRY(stem_build(&builder, options->width, x, &x));
    *out = (pr_backbone_out){.taps = {x}, .n_taps = 1};
    for (int i = 0; i < n_entry + n_middle + 1; i++) {
        const block *const b = i < n_entry ? &entry[i] : (i < n_entry + n_middle ? &middle : &last);
        PR_TRY(block_build(&builder, i + 1, b, options->width, x, &x));
        if (out->n_taps < N_SHALLOW) {
            out->taps[out->n_taps++] = x;
        }
    }
    out->taps[out->n_taps++] = x;
    PR_TRY(top_build(&builder, options->width, x, out));
    return features_build(&builder, options, out->features, &out->features);
}
