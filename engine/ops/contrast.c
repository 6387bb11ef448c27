#include "engine/ops/contrast.h"

#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

pr_status pr__contrast_expect_n(const pr_op_sig *sig, int n_in)
{
    PR_TRY(pr__expect_n(sig, n_in, n_in));
    return pr__expect_real(sig, 0, 2);
}

pr_status pr__contrast_expect(const pr_op_sig *sig, const pr_desc *want, int n)
{
    for (int i = 0; i < n; i++) {
        PR_TRY(pr__expect(sig, i, &want[i]));
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
