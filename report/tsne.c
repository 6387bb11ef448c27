#include "engine/base/alloc.h"
#include "engine/base/math.h"
#include "report/embed.h"

#include <math.h>
#include <stdbool.h>

static const double TINY = 2.220446049250313e-16; /* the smallest probability: double's epsilon */

/* Of one layout. Matrices are whole: rows are read in order. */
typedef struct layout {
    int64_t n;
    double *p;    /* [n, n] joint probabilities of the rows */
    double *near; /* [n, n] 1 / (1 + squared distance) of the layout */
    double *step; /* [n, 2] the last one */
    double *gain; /* [n, 2] */
    double *grad; /* [n, 2] */
    double *y;    /* [n, 2] borrowed */
} layout;

pr_tsne_options pr_tsne_options_default(void)
{
    return (pr_tsne_options){
        .perplexity = 30.0, .exaggeration = 12.0, .n_early = 250, .n_iterations = 1000};
}

static double distance(const double *gram, int64_t n, int64_t i, int64_t j)
{
    return fmax(gram[i * n + i] + gram[j * n + j] - 2.0 * gram[i * n + j], 0.0);
}

/* Row I of P for a width: its entropy in nats. P holds the squared distances in FROM's place. */
static double row_entropy(const double *from, int64_t n, int64_t i, double beta, double *p)
{
    double least = INFINITY;
    double sum = 0.0;
    double weighted = 0.0;
    for (int64_t j = 0; j < n; j++) {
        least = j != i && from[j] < least ? from[j] : least;
    }
    for (int64_t j = 0; j < n; j++) { /* about the nearest, so that no row is all zeros */
        p[j] = j == i ? 0.0 : pr_exp(-(from[j] - least) * beta);
        sum += p[j];
    }
    for (int64_t j = 0; j < n; j++) {
        p[j] /= sum;
        weighted += p[j] * (from[j] - least);
    }
    return pr_log(sum) + beta * weighted;
}

/* The width at which row I's entropy is log(perplexity), by bisection. */
static void fit_row(const double *from, int64_t n, int64_t i, double wanted, double *p)
{
    double beta = 1.0;
    double low = 0.0;
    double high = INFINITY;
    for (int round = 0; round < 200; round++) {
        const double excess = row_entropy(from, n, i, beta, p) - wanted;
        if (fabs(excess) <= 1e-5) {
            return;
        }
        if (excess > 0.0) {
            low = beta;
            beta = isfinite(high) ? 0.5 * (beta + high) : 2.0 * beta;
        } else {
            high = beta;
            beta = 0.5 * (beta + low);
        }
    }
}

static pr_status fill_p(layout *l, const double *gram, double perplexity)
{
    const int64_t n = l->n;
    double *const from = pr_calloc(n, sizeof(*from));
    double sum = 0.0;
    PR_REQUIRE(from != NULL, PR_ERR_NOMEM, "no memory for %lld distances", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            from[j] = distance(gram, n, i, j);
        }
        fit_row(from, n, i, pr_log(perplexity), l->p + i * n);
    }
    pr_free(from);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < i; j++) {
            const double both = l->p[i * n + j] + l->p[j * n + i];
            l->p[i * n + j] = l->p[j * n + i] = both;
            sum += 2.0 * both;
        }
    }
    for (int64_t k = 0; k < n * n; k++) {
        l->p[k] = fmax(l->p[k] / sum, TINY);
    }
    return PR_OK;
}

/* How near the layout's points are to each other; the sum over all ordered pairs. */
static double fill_near(layout *l)
{
    double sum = 0.0;
    for (int64_t i = 0; i < l->n; i++) {
        const double x = l->y[2 * i];
        const double y = l->y[2 * i + 1];
        double *const near = l->near + i * l->n;
        for (int64_t j = 0; j < l->n; j++) {
            const double dx = x - l->y[2 * j];
            const double dy = y - l->y[2 * j + 1];
            near[j] = 1.0 / (1.0 + dx * dx + dy * dy);
        }
        near[i] = 0.0;
        double mine[4] = {0.0, 0.0, 0.0, 0.0};
        for (int64_t j = 0; j < l->n; j++) {
            mine[j % 4] += near[j];
        }
        sum += (mine[0] + mine[1]) + (mine[2] + mine[3]);
    }
    return sum;
}

/* 4 sum_j (factor p_ij - q_ij) near_ij (y_i - y_j): equation 5. */
static void fill_gradient(layout *l, double factor)
{
    const double sum = fill_near(l);
    for (int64_t i = 0; i < l->n; i++) {
        const double *const p = l->p + i * l->n;
        const double *const near = l->near + i * l->n;
        double gx[2] = {0.0, 0.0};
        double gy[2] = {0.0, 0.0};
        for (int64_t j = 0; j < l->n; j++) {
            const double pull = (factor * p[j] - fmax(near[j] / sum, TINY)) * near[j];
            gx[j % 2] += pull * (l->y[2 * i] - l->y[2 * j]);
            gy[j % 2] += pull * (l->y[2 * i + 1] - l->y[2 * j + 1]);
        }
        l->grad[2 * i] = 4.0 * (gx[0] + gx[1]);
        l->grad[2 * i + 1] = 4.0 * (gy[0] + gy[1]);
    }
}

/* Descent with a gain each coordinate: it grows while the sign stays, and shrinks where it turns. */
static void descend(layout *l, int n_iterations, double factor, double momentum, double rate)
{
    for (int64_t k = 0; k < 2 * l->n; k++) {
        l->step[k] = 0.0;
        l->gain[k] = 1.0;
    }
    for (int i = 0; i < n_iterations; i++) {
        fill_gradient(l, factor);
        for (int64_t k = 0; k < 2 * l->n; k++) {
            const bool goes_on = l->step[k] * l->grad[k] < 0.0;
            l->gain[k] = fmax(goes_on ? l->gain[k] + 0.2 : l->gain[k] * 0.8, 0.01);
            l->step[k] = momentum * l->step[k] - rate * l->gain[k] * l->grad[k];
            l->y[k] += l->step[k];
        }
    }
}

static double divergence(layout *l)
{
    const double sum = fill_near(l);
    double kl = 0.0;
    for (int64_t i = 0; i < l->n; i++) {
        for (int64_t j = 0; j < i; j++) {
            const double p = l->p[i * l->n + j];
            kl += 2.0 * p * pr_log(p / fmax(l->near[i * l->n + j] / sum, TINY));
        }
    }
    return kl;
}

/* Y at SCORES, with a deviation of 1e-4 along the first axis. */
static pr_status begin(const double *scores, int64_t n, double *y)
{
    double squares = 0.0;
    for (int64_t i = 0; i < n; i++) { /* their mean is 0 */
        squares += scores[2 * i] * scores[2 * i];
    }
    const double deviation = sqrt(squares / (double)n);
    PR_REQUIRE(deviation > 0.0, PR_ERR_INVALID, "t-SNE: all %lld rows are equal", (long long)n);
    for (int64_t k = 0; k < 2 * n; k++) {
        y[k] = scores[k] / deviation * 1e-4;
    }
    return PR_OK;
}

static pr_status lay_out(layout *l, const double *gram, const pr_tsne_options *options,
                         double perplexity)
{
    const double rate = fmax((double)l->n / options->exaggeration / 4.0, 50.0);
    PR_TRY(fill_p(l, gram, perplexity));
    descend(l, options->n_early, options->exaggeration, 0.5, rate);
    descend(l, options->n_iterations - options->n_early, 1.0, 0.8, rate);
    return PR_OK;
}

pr_status pr_tsne(const double *gram, const double *scores, int64_t n,
                  const pr_tsne_options *options, double *y, pr_tsne_result *result)
{
    PR_REQUIRE(n >= 4, PR_ERR_INVALID, "t-SNE of %lld rows, wanted at least 4", (long long)n);
    const double perplexity = fmin(options->perplexity, (double)(n - 1) / 3.0);
    PR_TRY(begin(scores, n, y));
    double *const memory = pr_calloc(2 * n * n + 6 * n, sizeof(*memory));
    PR_REQUIRE(memory != NULL, PR_ERR_NOMEM, "no memory for t-SNE of %lld rows", (long long)n);
    double *const rest = memory + 2 * n * n;
    layout l = {n, memory, memory + n * n, rest, rest + 2 * n, rest + 4 * n, y};
    const pr_status status = lay_out(&l, gram, options, perplexity);
    if (status == PR_OK) {
        *result = (pr_tsne_result){perplexity, divergence(&l)};
    }
    pr_free(memory);
    return status;
}
