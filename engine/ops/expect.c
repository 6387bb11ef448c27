#include "engine/ops/expect.h"

pr_status pr__expect_n(const pr_op_sig *sig, int least, int most)
{
    PR_REQUIRE(sig->n_in >= least && sig->n_in <= most, PR_ERR_INVALID,
               "%d inputs, must be %d to %d", sig->n_in, least, most);
    return PR_OK;
}

pr_status pr__expect_real(const pr_op_sig *sig, int i, int n_dims)
{
    char text[96];

    PR_REQUIRE(sig->in[i].dtype == PR_F32 || sig->in[i].dtype == PR_F64, PR_ERR_SHAPE,
               "input %d is %s, must be f32 or f64", i, pr_dtype_name(sig->in[i].dtype));
    PR_REQUIRE(sig->in[i].shape.n_dims == n_dims, PR_ERR_SHAPE, "input %d is %s, must have %d dims",
               i, pr_shape_text(&sig->in[i].shape, text), n_dims);
    for (int d = 0; d < n_dims; d++) {
        PR_REQUIRE(sig->in[i].shape.dims[d] >= 1, PR_ERR_SHAPE,
                   "input %d is %s, every dim must be at least 1", i,
                   pr_shape_text(&sig->in[i].shape, text));
    }
    return PR_OK;
}

pr_status pr__expect(const pr_op_sig *sig, int i, const pr_desc *want)
{
    char have_text[96];
    char want_text[96];

    PR_REQUIRE(sig->in[i].dtype == want->dtype && pr_shape_equal(&sig->in[i].shape, &want->shape),
               PR_ERR_SHAPE, "input %d is %s %s, must be %s %s", i, pr_dtype_name(sig->in[i].dtype),
               pr_shape_text(&sig->in[i].shape, have_text), pr_dtype_name(want->dtype),
               pr_shape_text(&want->shape, want_text));
    return PR_OK;
}

void pr__give(pr_op_sig *sig, int i, pr_desc desc)
{
    sig->out[i] = desc;
    sig->out_alias[i] = -1;
    if (sig->n_out <= i) {
        sig->n_out = i + 1;
    }
}

pr_status pr__slide_n(const pr__slide *slide, int64_t *out)
{
    PR_REQUIRE(slide->window >= 1, PR_ERR_INVALID, "window = %lld, must be at least 1",
               (long long)slide->window);
    PR_REQUIRE(slide->stride >= 1, PR_ERR_INVALID, "stride = %d, must be at least 1",
               slide->stride);
    PR_REQUIRE(slide->pad >= 0 || slide->pad == PR_PAD_SAME, PR_ERR_INVALID,
               "pad = %d, must be at least 0", slide->pad);
    PR_REQUIRE(slide->dilation >= 1, PR_ERR_INVALID, "dilation = %d, must be at least 1",
               slide->dilation);
    if (slide->pad == PR_PAD_SAME) {
        *out = (slide->size + slide->stride - 1) / slide->stride;
        return PR_OK;
    }

    const int64_t reach = slide->dilation * (slide->window - 1) + 1;
    const int64_t padded = slide->size + 2 * (int64_t)slide->pad;
    PR_REQUIRE(padded >= reach, PR_ERR_SHAPE,
               "a window that reaches over %lld pixels, but only %lld with padding",
               (long long)reach, (long long)padded);
    *out = (padded - reach) / slide->stride + 1;
    return PR_OK;
}

pr_status pr__expect_norm(pr_op_sig *sig, int first, const pr_batch_norm_attr *attr)
{
    PR_REQUIRE(attr->eps > 0.0, PR_ERR_INVALID, "eps = %g, must be > 0", attr->eps);
    PR_REQUIRE(attr->use >= 0 && attr->use <= (attr->n_uses > 0 ? attr->n_uses - 1 : 0),
               PR_ERR_INVALID, "use %d of %d", attr->use, attr->n_uses);
    PR_TRY(pr__expect_real(sig, 0, sig->in[0].shape.n_dims == 2 ? 2 : 4));

    const int64_t n_channels = sig->in[0].shape.dims[sig->in[0].shape.n_dims - 1];
    const pr_desc channel = pr_desc_1(sig->in[0].dtype, n_channels);
    for (int i = 0; i < 4; i++) {
        PR_TRY(pr__expect(sig, first + i, &channel));
    }
    pr__give(sig, 0, sig->in[0]);
    sig->n_saved = 2;
    sig->saved[0] = pr_desc_1(PR_F64, n_channels);
    sig->saved[1] = pr_desc_1(PR_F64, n_channels);
    sig->n_stat = 2;
    sig->stat_adds = attr->use > 0;
    for (int i = 0; i < 2; i++) {
        sig->stat[i] = channel;
        sig->stat_in[i] = first + 2 + i;
    }
    return PR_OK;
}
