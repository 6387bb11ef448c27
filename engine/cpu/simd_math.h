/**
 * Exponentials over sixteen lanes, of + - * / alone, so that every level and compiler gives the same
 * bits. Only for the sources of loops_<isa>.c.
 */
#ifndef PR_ENGINE_CPU_SIMD_MATH_H
#define PR_ENGINE_CPU_SIMD_MATH_H

#include "engine/core/act.h"
#include "engine/cpu/simd.h"

/**
 * exp(v) within 2 ulp for |v| <= 87; farther out it is exp(+-87). A NaN stays one. Reduction by
 * log 2 in two parts and Cephes' polynomial of degree 5.
 */
PR_INLINE pr_f32x16 pr_exp16(pr_f32x16 v)
{
    /* Adding this rounds to the nearest whole number, which then stands in the lowest bits. */
    const float to_whole = 12582912.0F;
    const int32_t whole_bits = 0x4b400000;
    const pr_f32x16 high = pr_splat(87.0F);
    v = pr_select(v > high, high, v);
    v = pr_select(v < -high, -high, v);
    const pr_f32x16 shifted = v * 1.44269504088896341F + to_whole;
    const pr_f32x16 n = shifted - to_whole;
    const pr_f32x16 r = (v - n * 0.693359375F) - n * -2.12194440e-4F;
    pr_f32x16 p = r * 1.9875691500e-4F + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = (p * (r * r) + r) + 1.0F;
    const pr_i32x16 power = ((pr_i32x16)shifted - whole_bits + 127) << 23;
    return p * (pr_f32x16)power;
}

/** 1 / (1 + exp(-v)). */
PR_INLINE pr_f32x16 pr_sigmoid16(pr_f32x16 v)
{
    return pr_splat(1.0F) / (pr_exp16(-v) + 1.0F);
}

/** The activation of V. ACT is a constant wherever this is called. */
PR_INLINE pr_f32x16 pr_act16(pr_act act, pr_f32x16 v)
{
    if (act == PR_ACT_RELU) {
        return pr_relu(v);
    }
    return act == PR_ACT_SILU ? v * pr_sigmoid16(v) : v;
}

/** DY times the activation's slope at V. */
PR_INLINE pr_f32x16 pr_act_grad16(pr_act act, pr_f32x16 v, pr_f32x16 dy)
{
    if (act == PR_ACT_RELU) {
        return pr_keep(v > (pr_f32x16){0}, dy);
    }
    if (act == PR_ACT_SILU) {
        const pr_f32x16 s = pr_sigmoid16(v);
        return dy * (s * ((pr_splat(1.0F) - s) * v + 1.0F));
    }
    return dy;
}

#endif
