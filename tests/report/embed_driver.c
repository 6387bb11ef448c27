/*
 * Principal components and t-SNE of rows from stdin: "n n_cols", then n x n_cols numbers. Writes "shares
 * a b", "kl d", "perplexity p", and a line "score score x y" for each row. "pca" as an argument leaves
 * t-SNE out.
 */
#include "engine/base/alloc.h"
#include "engine/base/text.h"
#include "report/embed.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_VALUES = 1 << 24 };

static pr_status run(const float *x, int64_t n, int64_t n_cols, bool with_tsne)
{
    const pr_tsne_options options = pr_tsne_options_default();
    pr_tsne_result result = {0.0, 0.0};
    double shares[2];
    double *const gram = pr_calloc(n * n + 4 * n, sizeof(*gram));
    PR_REQUIRE(gram != NULL, PR_ERR_NOMEM, "no memory");
    double *const scores = gram + n * n;
    double *const y = scores + 2 * n;
    pr_status status = pr_gram(x, n, n_cols, gram);
    if (status == PR_OK) {
        status = pr_pca(gram, n, scores, shares);
    }
    if (status == PR_OK && with_tsne) {
        status = pr_tsne(gram, scores, n, &options, y, &result);
    }
    if (status == PR_OK) {
        (void)printf("shares %.17g %.17g\nkl %.17g\nperplexity %.17g\n", shares[0], shares[1],
                     result.kl, result.perplexity);
    }
    for (int64_t i = 0; status == PR_OK && i < n; i++) {
        (void)printf("%.17g %.17g %.17g %.17g\n", scores[2 * i], scores[2 * i + 1], y[2 * i],
                     y[2 * i + 1]);
    }
    pr_free(gram);
    return status;
}

static bool read_number(double *value)
{
    char word[64];
    return scanf("%63s", word) == 1 && pr_text_to_real(word, value);
}

/* The numbers behind the sizes; NULL where they are not all there. */
static float *read_rows(int64_t *n, int64_t *n_cols)
{
    double sizes[2];
    double value = 0.0;
    if (!read_number(&sizes[0]) || !read_number(&sizes[1]) || sizes[0] < 1.0 || sizes[1] < 1.0 ||
        sizes[0] * sizes[1] > MAX_VALUES) {
        return NULL;
    }
    *n = (int64_t)sizes[0];
    *n_cols = (int64_t)sizes[1];
    float *const x = pr_calloc(*n * *n_cols, sizeof(*x));
    for (int64_t i = 0; x != NULL && i < *n * *n_cols; i++) {
        if (!read_number(&value)) {
            pr_free(x);
            return NULL;
        }
        x[i] = (float)value;
    }
    return x;
}

int main(int argc, char **argv)
{
    int64_t n = 0;
    int64_t n_cols = 0;
    (void)argv;
    float *const x = read_rows(&n, &n_cols);
    if (x == NULL) {
        return EXIT_FAILURE;
    }
    const pr_status status = run(x, n, n_cols, argc == 1);
    pr_free(x);
    if (status != PR_OK) {
        (void)fprintf(stderr, "%s\n", pr_error_message());
    }
    return status == PR_OK && pr_alloc_n_live() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
