#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "report/embed.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A block of BLOCK vectors is multiplied by the Gram matrix until the first two are eigenvectors: the
 * error shrinks by lambda_13 / lambda_2 each time. */
enum { BLOCK = 12, MAX_ROUNDS = 400, N_SWEEPS = 30 };

static const double TOLERANCE = 1e-11; /* of a residual, over the largest eigenvalue */

/* Four sums, so that additions do not wait for each other; in an order of their own on any machine. */
static double dot(const double *a, const double *b, int64_t n)
{
    double s[4] = {0.0, 0.0, 0.0, 0.0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s[0] += a[i] * b[i];
        s[1] += a[i + 1] * b[i + 1];
        s[2] += a[i + 2] * b[i + 2];
        s[3] += a[i + 3] * b[i + 3];
    }
    for (; i < n; i++) {
        s[0] += a[i] * b[i];
    }
    return (s[0] + s[1]) + (s[2] + s[3]);
}

pr_status pr_gram(const float *x, int64_t n, int64_t n_cols, double *gram)
{
    double *const rows = pr_calloc(n * n_cols, sizeof(*rows));
    PR_REQUIRE(rows != NULL, PR_ERR_NOMEM, "no memory for %lld rows of %lld", (long long)n,
               (long long)n_cols);
    for (int64_t col = 0; col < n_cols; col++) {
        double mean = 0.0;
        for (int64_t i = 0; i < n; i++) {
            mean += (double)x[i * n_cols + col];
        }
        mean /= (double)n;
        for (int64_t i = 0; i < n; i++) {
            rows[i * n_cols + col] = (double)x[i * n_cols + col] - mean;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            gram[i * n + j] = gram[j * n + i] = dot(rows + i * n_cols, rows + j * n_cols, n_cols);
        }
    }
    pr_free(rows);
    return PR_OK;
}

/* One rotation of rows and columns P and Q of A [BLOCK, BLOCK], and of the columns of V. */
static void rotate(double a[BLOCK][BLOCK], double v[BLOCK][BLOCK], int p, int q)
{
    const double theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    const double t = (theta >= 0.0 ? 1.0 : -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
    const double c = 1.0 / sqrt(t * t + 1.0);
    const double s = t * c;
    for (int k = 0; k < BLOCK; k++) {
        const double left = a[k][p];
        const double right = a[k][q];
        a[k][p] = c * left - s * right;
        a[k][q] = s * left + c * right;
    }
    for (int k = 0; k < BLOCK; k++) {
        const double upper = a[p][k];
        const double lower = a[q][k];
        a[p][k] = c * upper - s * lower;
        a[q][k] = s * upper + c * lower;
    }
    for (int k = 0; k < BLOCK; k++) {
        const double left = v[k][p];
        const double right = v[k][q];
        v[k][p] = c * left - s * right;
        v[k][q] = s * left + c * right;
    }
}

/* Jacobi's method: the diagonal of A becomes its eigenvalues, columns of V their vectors; ORDER counts
 * them from the largest. */
static void solve_small(double a[BLOCK][BLOCK], double v[BLOCK][BLOCK], int order[BLOCK])
{
    for (int i = 0; i < BLOCK; i++) {
        order[i] = i;
        for (int j = 0; j < BLOCK; j++) {
            v[i][j] = i == j ? 1.0 : 0.0;
        }
    }
    for (int sweep = 0; sweep < N_SWEEPS; sweep++) {
        for (int p = 0; p < BLOCK; p++) {
            for (int q = p + 1; q < BLOCK; q++) {
                if (fabs(a[p][q]) > 1e-18 * (fabs(a[p][p]) + fabs(a[q][q]))) {
                    rotate(a, v, p, q);
                }
            }
        }
    }
    for (int i = 1; i < BLOCK; i++) {
        for (int k = i; k > 0 && a[order[k]][order[k]] > a[order[k - 1]][order[k - 1]]; k--) {
            const int other = order[k];
            order[k] = order[k - 1];
            order[k - 1] = other;
        }
    }
}

/* BLOCK vectors of length N each become orthonormal; one that the others span becomes zero. */
static void orthonormalise(double *q, int64_t n)
{
    for (int k = 0; k < BLOCK; k++) {
        double *const mine = q + k * n;
        const double before = sqrt(dot(mine, mine, n));
        for (int pass = 0; pass < 2; pass++) {
            for (int other = 0; other < k; other++) {
                const double along = dot(q + other * n, mine, n);
                for (int64_t i = 0; i < n; i++) {
                    mine[i] -= along * q[other * n + i];
                }
            }
        }
        const double length = sqrt(dot(mine, mine, n));
        const double scale = length > 1e-13 * before ? 1.0 / length : 0.0;
        for (int64_t i = 0; i < n; i++) {
            mine[i] *= scale;
        }
    }
}

/* FROM [BLOCK, n] times the small matrix whose columns are chosen by ORDER: TO [BLOCK, n]. */
static void turn(const double *from, double v[BLOCK][BLOCK], const int order[BLOCK], int64_t n,
                 double *to)
{
    memset(to, 0, (size_t)(BLOCK * n) * sizeof(*to));
    for (int k = 0; k < BLOCK; k++) {
        for (int j = 0; j < BLOCK; j++) {
            for (int64_t i = 0; i < n; i++) {
                to[k * n + i] += v[j][order[k]] * from[j * n + i];
            }
        }
    }
}

/* The blocks of the iteration. */
typedef struct block {
    double *q, *gq;           /* [BLOCK, n] orthonormal vectors, and the matrix times them */
    double *ritz, *gram_ritz; /* [BLOCK, n] the same, turned to the eigenvectors of their span */
    double value[BLOCK];
} block;

/* One multiplication; whether the first two have come to rest. */
static bool iterate(const double *gram, int64_t n, block *b)
{
    double a[BLOCK][BLOCK];
    double v[BLOCK][BLOCK];
    int order[BLOCK];
    for (int k = 0; k < BLOCK; k++) {
        for (int64_t i = 0; i < n; i++) {
            b->gq[k * n + i] = dot(gram + i * n, b->q + k * n, n);
        }
    }
    for (int j = 0; j < BLOCK; j++) {
        for (int k = 0; k <= j; k++) {
            a[j][k] = a[k][j] = dot(b->q + j * n, b->gq + k * n, n);
        }
    }
    solve_small(a, v, order);
    turn(b->q, v, order, n, b->ritz);
    turn(b->gq, v, order, n, b->gram_ritz);
    double most = 0.0;
    for (int k = 0; k < BLOCK; k++) {
        b->value[k] = a[order[k]][order[k]];
    }
    for (int k = 0; k < 2; k++) {
        double squares = 0.0;
        for (int64_t i = 0; i < n; i++) {
            const double r = b->gram_ritz[k * n + i] - b->value[k] * b->ritz[k * n + i];
            squares += r * r;
        }
        most = fmax(most, sqrt(squares));
    }
    memcpy(b->q, b->gram_ritz, (size_t)(BLOCK * n) * sizeof(*b->q));
    orthonormalise(b->q, n);
    return most <= TOLERANCE * b->value[0];
}

static void take_scores(const block *b, const double *gram, int64_t n, double *scores,
                        double *shares)
{
    double trace = 0.0;
    for (int64_t i = 0; i < n; i++) {
        trace += gram[i * n + i];
    }
    for (int k = 0; k < 2; k++) {
        const double value = fmax(b->value[k], 0.0);
        double farthest = 0.0;
        for (int64_t i = 0; i < n; i++) {
            const double x = b->ritz[k * n + i];
            farthest = fabs(x) > fabs(farthest) ? x : farthest;
        }
        for (int64_t i = 0; i < n; i++) {
            scores[i * 2 + k] =
                sqrt(value) * (farthest < 0.0 ? -b->ritz[k * n + i] : b->ritz[k * n + i]);
        }
        shares[k] = trace > 0.0 ? value / trace : 0.0;
    }
}

pr_status pr_pca(const double *gram, int64_t n, double *scores, double *shares)
{
    static const pr_draw_key start = {.purpose = PR_FOR_INIT}; /* any start leads to one result */
    const int64_t n_block = BLOCK * n;
    double *const memory = pr_calloc(4 * n_block, sizeof(*memory));
    PR_REQUIRE(memory != NULL, PR_ERR_NOMEM, "no memory for principal components of %lld rows",
               (long long)n);
    block b = {memory, memory + n_block, memory + 2 * n_block, memory + 3 * n_block, {0.0}};
    for (int64_t i = 0; i < n_block; i++) {
        b.q[i] = pr_draw_normal(&start, (uint32_t)i);
    }
    orthonormalise(b.q, n);
    for (int round = 0; round < MAX_ROUNDS; round++) {
        if (iterate(gram, n, &b)) {
            break;
        }
    }
    take_scores(&b, gram, n, scores, shares);
    pr_free(memory);
    return PR_OK;
}
