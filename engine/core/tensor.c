#include "engine/core/tensor.h"

#include <stdio.h>

static const struct {
    const char *name;
    size_t n_bytes;
} dtypes[PR_DTYPE_COUNT] = {
    [PR_F32] = {"f32", sizeof(float)},   [PR_F64] = {"f64", sizeof(double)},
    [PR_I32] = {"i32", sizeof(int32_t)}, [PR_I64] = {"i64", sizeof(int64_t)},
    [PR_U8] = {"u8", sizeof(uint8_t)},
};

size_t pr_dtype_bytes(pr_dtype dtype)
{
    return dtypes[dtype].n_bytes;
}

const char *pr_dtype_name(pr_dtype dtype)
{
    return dtypes[dtype].name;
}

int64_t pr_shape_n(const pr_shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->n_dims; i++) {
        n *= shape->dims[i];
    }
    return n;
}

bool pr_shape_equal(const pr_shape *a, const pr_shape *b)
{
    bool equal = a->n_dims == b->n_dims;
    for (int i = 0; equal && i < a->n_dims; i++) {
        equal = a->dims[i] == b->dims[i];
    }
    return equal;
}

size_t pr_desc_bytes(const pr_desc *desc)
{
    return (size_t)pr_shape_n(&desc->shape) * pr_dtype_bytes(desc->dtype);
}

const char *pr_shape_text(const pr_shape *shape, char text[static 96])
{
    size_t n = 0;
    text[n++] = '[';
    for (int i = 0; i < shape->n_dims; i++) {
        /* Four numbers of 20 characters at most fit. */
        n += (size_t)snprintf(text + n, 96 - n, "%s%lld", i == 0 ? "" : ", ",
                              (long long)shape->dims[i]);
    }
    text[n++] = ']';
    text[n] = '\0';
    return text;
}
