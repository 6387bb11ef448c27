#include "engine/ops/contrast.h"

#include "engine/core/op_attr.h"

pr_status pr__contrast_expect_n(const pr_op_sig *sig, int n_in)
{
    PR_REQUIRE(sig->n_in == n_in, PR_ERR_INVALID, "%d inputs, must be %d", sig->n_in, n_in);
    PR_REQUIRE(sig->in[0].shape.n_dims == 2, PR_ERR_SHAPE, "z has %d dims, must have 2",
               sig->in[0].shape.n_dims);
    PR_REQUIRE(sig->in[0].dtype == PR_F32 || sig->in[0].dtype == PR_F64, PR_ERR_SHAPE,
               "z is %s, must be f32 or f64", pr_dtype_name(sig->in[0].dtype));
    return PR_OK;
}

pr_status pr__contrast_expect(const pr_op_sig *sig, const pr_desc *want, int n)
{
    for (int i = 0; i < n; i++) {
        char have_text[96];
        char want_text[96];
        PR_REQUIRE(sig->in[i].dtype == want[i].dtype &&
                       pr_shape_equal(&sig->in[i].shape, &want[i].shape),
                   PR_ERR_SHAPE, "input %d is %s %s, must be %s %s", i,
                   pr_dtype_name(sig->in[i].dtype), pr_shape_text(&sig->in[i].shape, have_text),
                   pr_dtype_name(want[i].dtype), pr_shape_text(&want[i].shape, want_text));
    }
    return PR_OK;
}

pr_status pr__contrast_check_margin(const pr_op_sig *sig)
{
    const pr_margin_attr *const attr = sig->attr;

    PR_REQUIRE(attr->tau > 0.0, PR_ERR_INVALID, "tau = %g, must be > 0", attr->tau);
    PR_REQUIRE(attr->synthetic ||
                   (!attr->transformed && !attr->mixed_as_fake && attr->margin != PR_MARGIN_MIXED),
               PR_ERR_INVALID, "synthetic features are used, but there are none");
    PR_REQUIRE(!attr->mixed_as_fake || attr->margin == PR_MARGIN_NONE, PR_ERR_INVALID,
               "mixed features used as fakes leave no margin, but there is one");
    return PR_OK;
}
