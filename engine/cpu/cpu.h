/**
 * What the kernels of engine/cpu share.
 */
#ifndef PR_ENGINE_CPU_CPU_H
#define PR_ENGINE_CPU_CPU_H

#include "engine/base/alloc.h"
#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "engine/cpu/loops.h"

/** A tensor's elements, NULL where it has no memory. */
static inline float *pr__f32(const pr_tensor *tensor)
{
    return tensor->data;
}

/** Channels: the last dimension. */
static inline int64_t pr__n_cols(const pr_shape *shape)
{
    return shape->dims[shape->n_dims - 1];
}

/** Everything before the channels. */
static inline int64_t pr__n_rows(const pr_shape *shape)
{
    int64_t n = 1;
    for (int d = 0; d + 1 < shape->n_dims; d++) {
        n *= shape->dims[d];
    }
    return n;
}

/** BYTES rounded up so that what follows in a workspace is aligned. */
static inline size_t pr__aligned(size_t n_bytes)
{
    return (n_bytes + PR_ALIGN_BYTES - 1) / PR_ALIGN_BYTES * PR_ALIGN_BYTES;
}

/** to[i] (+)= from[i], rounded to f32 first. */
static inline void pr__give_f64(int64_t n, const double *from, float *to, bool add)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] = add ? to[i] + (float)from[i] : (float)from[i];
    }
}

/** Frees a state that is one allocation: the release of kernels that hold no library objects. */
static inline void pr__release_plain(void *state)
{
    pr_free(state);
}

#endif
