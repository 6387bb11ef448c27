#include "launch/sobol.h"

enum { N_BITS = 32, MAX_DEGREE = 9 };

typedef struct direction {
    int degree;
    uint32_t inner;
    uint32_t m[MAX_DEGREE];
} direction;

static const direction DIRECTIONS[PR_SOBOL_MAX_DIMENSIONS] = {
    {0, 0, {0}},
#include "launch/sobol_table.h"
};

uint32_t pr_sobol(int dimension, uint32_t i)
{
    uint32_t v[N_BITS];
    const direction *const d = &DIRECTIONS[dimension];
    for (int k = 0; k < N_BITS; k++) {
        if (dimension == 0) {
            v[k] = 1U << (N_BITS - 1 - k);
        } else if (k < d->degree) {
            v[k] = d->m[k] << (N_BITS - 1 - k);
        } else {
            v[k] = v[k - d->degree] ^ (v[k - d->degree] >> d->degree);
            for (int j = 1; j < d->degree; j++) {
                v[k] ^= ((d->inner >> (d->degree - 1 - j)) & 1U) * v[k - j];
            }
        }
    }
    uint32_t x = 0;
    const uint32_t gray = i ^ (i >> 1U);
    for (int k = 0; k < N_BITS; k++) {
        x ^= ((gray >> k) & 1U) * v[k];
    }
    return x;
}
