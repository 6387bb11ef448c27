#include "engine/cpu/dnnl_desc.h"

#include "engine/core/op_attr.h"

typedef struct conv_geometry {
    dnnl_dims_t x, w, bias, y, stride, dilation, before, after;
} conv_geometry;

static int64_t pad_before(const pr_dnnl_conv_shape *s, int64_t size)
{
    return pr_pad_before(s->pad, size, s->kernel, s->stride, s->dilation);
}

/* The library takes the same padding on both sides even where the last pixels are used by no
 * window; SAME pads as much as the last window reaches past the map. */
static int64_t pad_after(const pr_dnnl_conv_shape *s, int64_t size, int64_t n_out)
{
    if (s->pad != PR_PAD_SAME) {
        return s->pad;
    }
    const int64_t past = (n_out - 1) * s->stride + s->dilation * (s->kernel - 1) + 1 - size;
    return past > 0 ? past - pad_before(s, size) : 0;
}

static conv_geometry geometry_of(const pr_dnnl_conv_shape *s)
{
    /* The library counts dilation from zero. */
    return (conv_geometry){
        .x = {s->n, s->c_in, s->h, s->w},
        .w = {s->c_out, s->c_in, s->kernel, s->kernel},
        .bias = {s->c_out},
        .y = {s->n, s->c_out, s->h_out, s->w_out},
        .stride = {s->stride, s->stride},
        .dilation = {s->dilation - 1, s->dilation - 1},
        .before = {pad_before(s, s->h), pad_before(s, s->w)},
        .after = {pad_after(s, s->h, s->h_out), pad_after(s, s->w, s->w_out)},
    };
}

/* Scratch memory is ours (the executor's workspace): the library allocates none in a call. */
static pr_status make_attr(dnnl_primitive_attr_t *out)
{
    PR_TRY_DNNL("attributes", dnnl_primitive_attr_create(out));
    PR_TRY_DNNL("attributes",
                dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user));
    return PR_OK;
}

static const char *pass_name(pr_dnnl_pass pass)
{
    static const char *const name[] = {"convolution forward", "convolution data gradient",
                                       "convolution weight gradient"};
    return name[pass];
}

#if DNNL_VERSION_MAJOR >= 3

typedef struct conv_mds {
    dnnl_memory_desc_t x, w, bias, y;
} conv_mds;

static void destroy_mds(conv_mds *m)
{
    dnnl_memory_desc_t *all[] = {&m->x, &m->w, &m->bias, &m->y};
    for (int i = 0; i < 4; i++) {
        if (*all[i] != NULL) {
            (void)dnnl_memory_desc_destroy(*all[i]);
        }
    }
}

static pr_status make_mds(const conv_geometry *g, conv_mds *m)
{
    PR_TRY_DNNL("x", dnnl_memory_desc_create_with_tag(&m->x, 4, g->x, dnnl_f32, dnnl_nhwc));
    PR_TRY_DNNL("w",
                dnnl_memory_desc_create_with_tag(&m->w, 4, g->w, dnnl_f32, dnnl_format_tag_any));
    PR_TRY_DNNL("bias", dnnl_memory_desc_create_with_tag(&m->bias, 1, g->bias, dnnl_f32, dnnl_a));
    PR_TRY_DNNL("y", dnnl_memory_desc_create_with_tag(&m->y, 4, g->y, dnnl_f32, dnnl_nhwc));
    return PR_OK;
}

static dnnl_status_t make_pd(dnnl_engine_t engine, pr_dnnl_pass pass, const conv_geometry *g,
                             const conv_mds *m, bool bias, dnnl_primitive_attr_t attr,
                             dnnl_primitive_desc_t *out)
{
    switch (pass) {
    case PR_DNNL_FORWARD:
        return dnnl_convolution_forward_primitive_desc_create(
            out, engine, dnnl_forward_training, dnnl_convolution_direct, m->x, m->w,
            bias ? m->bias : NULL, m->y, g->stride, g->dilation, g->before, g->after, attr);
    case PR_DNNL_DATA_GRAD:
        return dnnl_convolution_backward_data_primitive_desc_create(
            out, engine, dnnl_convolution_direct, m->x, m->w, m->y, g->stride, g->dilation,
            g->before, g->after, NULL, attr);
    case PR_DNNL_WEIGHT_GRAD:
        break;
    }
    return dnnl_convolution_backward_weights_primitive_desc_create(
        out, engine, dnnl_convolution_direct, m->x, m->w, NULL, m->y, g->stride, g->dilation,
        g->before, g->after, NULL, attr);
}

pr_status pr__dnnl_plain_weights(dnnl_engine_t engine, const pr_dnnl_conv_shape *shape,
                                 dnnl_memory_t *out)
{
    const conv_geometry g = geometry_of(shape);
    dnnl_memory_desc_t md = NULL;
    PR_TRY_DNNL("w", dnnl_memory_desc_create_with_tag(&md, 4, g.w, dnnl_f32, dnnl_oihw));
    const dnnl_status_t status = dnnl_memory_create(out, md, engine, DNNL_MEMORY_NONE);
    (void)dnnl_memory_desc_destroy(md);
    PR_TRY_DNNL("w", status);
    return PR_OK;
}

#else

typedef struct conv_mds {
    dnnl_memory_desc_t x, w, bias, y;
} conv_mds;

static void destroy_mds(conv_mds *m)
{
    (void)m; /* plain structs in this version */
}

static pr_status make_mds(const conv_geometry *g, conv_mds *m)
{
    PR_TRY_DNNL("x", dnnl_memory_desc_init_by_tag(&m->x, 4, g->x, dnnl_f32, dnnl_nhwc));
    PR_TRY_DNNL("w", dnnl_memory_desc_init_by_tag(&m->w, 4, g->w, dnnl_f32, dnnl_format_tag_any));
    PR_TRY_DNNL("bias", dnnl_memory_desc_init_by_tag(&m->bias, 1, g->bias, dnnl_f32, dnnl_a));
    PR_TRY_DNNL("y", dnnl_memory_desc_init_by_tag(&m->y, 4, g->y, dnnl_f32, dnnl_nhwc));
    return PR_OK;
}

static dnnl_status_t make_pd(dnnl_engine_t engine, pr_dnnl_pass pass, const conv_geometry *g,
                             const conv_mds *m, bool bias, dnnl_primitive_attr_t attr,
                             dnnl_primitive_desc_t *out)
{
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_success;
    switch (pass) {
    case PR_DNNL_FORWARD:
        status = dnnl_dilated_convolution_forward_desc_init(
            &desc, dnnl_forward_training, dnnl_convolution_direct, &m->x, &m->w,
            bias ? &m->bias : NULL, &m->y, g->stride, g->dilation, g->before, g->after);
        break;
    case PR_DNNL_DATA_GRAD:
        status = dnnl_dilated_convolution_backward_data_desc_init(&desc, dnnl_convolution_direct,
                                                                  &m->x, &m->w, &m->y, g->stride,
                                                                  g->dilation, g->before, g->after);
        break;
    case PR_DNNL_WEIGHT_GRAD:
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &desc, dnnl_convolution_direct, &m->x, &m->w, NULL, &m->y, g->stride, g->dilation,
            g->before, g->after);
        break;
    }
    if (status != dnnl_success) {
        return status;
    }
    return dnnl_primitive_desc_create(out, &desc, attr, engine, NULL);
}

pr_status pr__dnnl_plain_weights(dnnl_engine_t engine, const pr_dnnl_conv_shape *shape,
                                 dnnl_memory_t *out)
{
    const conv_geometry g = geometry_of(shape);
    dnnl_memory_desc_t md;
    PR_TRY_DNNL("w", dnnl_memory_desc_init_by_tag(&md, 4, g.w, dnnl_f32, dnnl_oihw));
    PR_TRY_DNNL("w", dnnl_memory_create(out, &md, engine, DNNL_MEMORY_NONE));
    return PR_OK;
}

#endif

pr_status pr__dnnl_conv_pd(dnnl_engine_t engine, pr_dnnl_pass pass, const pr_dnnl_conv_shape *shape,
                           dnnl_primitive_desc_t *out)
{
    const conv_geometry g = geometry_of(shape);
    conv_mds mds = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t made = dnnl_runtime_error;
    pr_status status = make_attr(&attr);
    if (status == PR_OK) {
        status = make_mds(&g, &mds);
    }
    if (status == PR_OK) {
        made = make_pd(engine, pass, &g, &mds, shape->bias, attr, out);
        if (made != dnnl_success) {
            status = PR_FAIL(PR_ERR_DEVICE, "oneDNN: %s of [%lld, %lld, %lld, %lld]: %s",
                             pass_name(pass), (long long)shape->n, (long long)shape->h,
                             (long long)shape->w, (long long)shape->c_in, dnnl_status2str(made));
        }
    }
    destroy_mds(&mds);
    if (attr != NULL) {
        (void)dnnl_primitive_attr_destroy(attr);
    }
    return status;
}

pr_status pr__dnnl_memory_md(dnnl_memory_t memory, pr__dnnl_md *out)
{
    PR_TRY_DNNL("memory descriptor", dnnl_memory_get_memory_desc(memory, out));
    return PR_OK;
}
