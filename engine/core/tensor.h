/**
 * Tensors: a type, a shape, and memory that somebody else owns.
 *
 * Images and feature maps are NHWC. Weights are kept as PyTorch names and shapes them: [out, in /
 * groups, height, width] for convolutions, [out, in] for linear layers; what a kernel wants in
 * another layout it derives. Everything is contiguous, the last dimension fastest.
 */
#ifndef PR_ENGINE_CORE_TENSOR_H
#define PR_ENGINE_CORE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PR_MAX_DIMS = 4 };

typedef enum pr_dtype { PR_F32, PR_F64, PR_I32, PR_I64, PR_U8, PR_DTYPE_COUNT } pr_dtype;

typedef struct pr_shape {
    int n_dims;
    int64_t dims[PR_MAX_DIMS];
} pr_shape;

/** What a tensor is, without its memory. */
typedef struct pr_desc {
    pr_dtype dtype;
    pr_shape shape;
} pr_desc;

typedef struct pr_tensor {
    pr_dtype dtype;
    pr_shape shape;
    void *data; /* borrowed; NULL where a call says that it may be */
} pr_tensor;

/** Bytes of one element. */
size_t pr_dtype_bytes(pr_dtype dtype);

/** "f32", "f64", "i32", "i64", "u8". */
const char *pr_dtype_name(pr_dtype dtype);

/** The number of elements; 1 for a shape of no dimensions. */
int64_t pr_shape_n(const pr_shape *shape);

bool pr_shape_equal(const pr_shape *a, const pr_shape *b);

/** Bytes of the whole tensor. */
size_t pr_desc_bytes(const pr_desc *desc);

/** "[8, 19, 19, 728]" into TEXT, which it also returns. */
const char *pr_shape_text(const pr_shape *shape, char text[static 96]);

/* A desc of one to four dimensions: pr_desc_2(PR_F32, 8, 128). */
static inline pr_desc pr_desc_1(pr_dtype dtype, int64_t a)
{
    return (pr_desc){dtype, {1, {a}}};
}
static inline pr_desc pr_desc_2(pr_dtype dtype, int64_t a, int64_t b)
{
    return (pr_desc){dtype, {2, {a, b}}};
}
static inline pr_desc pr_desc_3(pr_dtype dtype, int64_t a, int64_t b, int64_t c)
{
    return (pr_desc){dtype, {3, {a, b, c}}};
}
static inline pr_desc pr_desc_4(pr_dtype dtype, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (pr_desc){dtype, {4, {a, b, c, d}}};
}

/** Element I of a tensor of f32 or f64, for the few places that are not hot. */
static inline double pr_tensor_get(const pr_tensor *tensor, int64_t i)
{
    return tensor->dtype == PR_F32 ? (double)((const float *)tensor->data)[i]
                                   : ((const double *)tensor->data)[i];
}
static inline void pr_tensor_set(const pr_tensor *tensor, int64_t i, double value)
{
    if (tensor->dtype == PR_F32) {
        ((float *)tensor->data)[i] = (float)value;
    } else {
        ((double *)tensor->data)[i] = value;
    }
}

/** A tensor over memory that will only be read: pr_tensor has no const of its own. */
static inline pr_tensor pr_tensor_over(pr_desc desc, const void *data)
{
    pr_tensor tensor = {desc.dtype, desc.shape, NULL};
    memcpy(&tensor.data, &data, sizeof(data));
    return tensor;
}

#endif
