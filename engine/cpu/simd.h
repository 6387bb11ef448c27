/**
 * Sixteen lanes, the same on every instruction set: the compiler makes one, two or four registers
 * of a vector of ours, and lane by lane the arithmetic is the same. Only for the sources of
 * loops_<isa>.c, which are compiled once for each level.
 *
 * A part of a vector (the last channels) goes through the same code as a whole one: lanes past N
 * are loaded as zeros and not stored. There is no fused multiply-add: on processors whose multiply
 * and add pipes are separate it gains nothing here, and the baseline has none.
 */
#ifndef PR_ENGINE_CPU_SIMD_H
#define PR_ENGINE_CPU_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

enum { PR_LANES = 16 };

typedef float pr_f32x16 __attribute__((vector_size(64)));
typedef int32_t pr_i32x16 __attribute__((vector_size(64)));
typedef float pr_f32x16_in_memory __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t pr_i32x16_in_memory __attribute__((vector_size(64), aligned(1), may_alias));

/* Half a vector, widened. */
typedef float pr_f32x8 __attribute__((vector_size(32)));
typedef double pr_f64x8 __attribute__((vector_size(64)));
typedef double pr_f64x8_in_memory __attribute__((vector_size(64), aligned(8), may_alias));

#define PR_INLINE static inline __attribute__((always_inline, unused))

PR_INLINE pr_f32x16 pr_splat(float value)
{
    return value - (pr_f32x16){0};
}

/** The first N lanes from P; the others are zero and their memory is not touched. */
PR_INLINE pr_f32x16 pr_load_n(const float *p, int n)
{
    if (n == PR_LANES) {
        return (pr_f32x16)(*(const pr_f32x16_in_memory *)p);
    }
#if defined(__AVX512F__)
    return (pr_f32x16)_mm512_maskz_loadu_ps((__mmask16)((1U << n) - 1U), p);
#else
    pr_f32x16 v = {0};
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
#endif
}

/** Stores the first N lanes. */
PR_INLINE void pr_store_n(float *p, pr_f32x16 v, int n)
{
    if (n == PR_LANES) {
        *(pr_f32x16_in_memory *)p = v;
        return;
    }
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1U << n) - 1U), (__m512)v);
#else
    memcpy(p, &v, (size_t)n * sizeof(float));
#endif
}

/** Lanes 0 to 7, and 8 to 15, as doubles. */
PR_INLINE pr_f64x8 pr_widen_low(pr_f32x16 v)
{
    const pr_f32x8 half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
    return __builtin_convertvector(half, pr_f64x8);
}
PR_INLINE pr_f64x8 pr_widen_high(pr_f32x16 v)
{
    const pr_f32x8 half = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    return __builtin_convertvector(half, pr_f64x8);
}

/** Adds LOW and HIGH to the sixteen doubles at P. */
PR_INLINE void pr_add_f64(double *p, pr_f64x8 low, pr_f64x8 high)
{
    *(pr_f64x8_in_memory *)p += low;
    *(pr_f64x8_in_memory *)(p + 8) += high;
}

/** A where MASK has all bits of a lane set, zero elsewhere. */
PR_INLINE pr_f32x16 pr_keep(pr_i32x16 mask, pr_f32x16 a)
{
    return (pr_f32x16)(mask & (pr_i32x16)a);
}

/** A where MASK is set, B elsewhere. */
PR_INLINE pr_f32x16 pr_select(pr_i32x16 mask, pr_f32x16 a, pr_f32x16 b)
{
    return (pr_f32x16)((mask & (pr_i32x16)a) | (~mask & (pr_i32x16)b));
}

PR_INLINE pr_i32x16 pr_select_i(pr_i32x16 mask, pr_i32x16 a, pr_i32x16 b)
{
    return (mask & a) | (~mask & b);
}

/** All bits of the lanes that hold a NaN. */
PR_INLINE pr_i32x16 pr_is_nan(pr_f32x16 v)
{
    const pr_i32x16 magnitude = (pr_i32x16)v & 0x7fffffff;
    return magnitude > 0x7f800000;
}

PR_INLINE pr_f32x16 pr_relu(pr_f32x16 v)
{
    return pr_keep(v > (pr_f32x16){0}, v);
}

#endif
