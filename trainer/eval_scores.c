#include "engine/base/alloc.h"
#include "trainer/evaluate.h"

#include <string.h>

pr_status pr_eval_scores_create(int64_t n, int64_t n_cols, pr_eval_scores *out)
{
    memset(out, 0, sizeof(*out));
    out->n = n;
    out->n_cols = n_cols;
    out->score = pr_calloc(n, sizeof(*out->score));
    out->present = pr_calloc(n, sizeof(*out->present));
    out->embedding = n_cols > 0 ? pr_calloc(n * n_cols, sizeof(*out->embedding)) : NULL;
    if (out->score == NULL || out->present == NULL || (n_cols > 0 && out->embedding == NULL)) {
        pr_eval_scores_free(out);
        return PR_FAIL(PR_ERR_NOMEM, "no memory for the scores of %lld samples", (long long)n);
    }
    return PR_OK;
}

void pr_eval_scores_free(pr_eval_scores *scores)
{
    pr_free(scores->score);
    pr_free(scores->present);
    pr_free(scores->embedding);
    memset(scores, 0, sizeof(*scores));
}
