/**
 * One loop, compiled for several instruction sets, chosen when it is called.
 *
 * PR__KERNEL(name, PARAMETERS, ARGUMENTS) defines the function `name` from a `name_body` that is
 * plain C. Bodies compute each element by itself in a written order, so that the bits do not depend
 * on the width that the compiler vectorises for; nothing here is contracted to fma.
 *
 * Where PR__WIDE is defined, loops that compilers do not vectorise (gathers, interleaving) are also
 * written with AVX2's own words, beside the plain C that every processor runs to the same bits.
 */
#ifndef PR_DATASET_SIMD_H
#define PR_DATASET_SIMD_H

#include <stdbool.h>
#include <stdint.h>

#define PR__BODY static inline __attribute__((always_inline)) void

/** Test only: FORCED makes every kernel run its plainest variant. */
void pr__simd_force_plain(bool forced);

/** Whether the AVX2 variants are to run. */
bool pr__simd_is_wide(void);

#if defined(__x86_64__)
#include <immintrin.h>

#define PR__WIDE   __attribute__((target("avx2")))
#define PR__INLINE static inline __attribute__((always_inline))

/** 16 values of 16 bits, at any address. */
PR__WIDE PR__INLINE __m256i pr__load(const uint16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PR__WIDE PR__INLINE void pr__store(uint16_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

/** 16 bytes, at any address. */
PR__WIDE PR__INLINE __m128i pr__load_half(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

#define PR__KERNEL(name, parameters, arguments)                                                    \
    static void name##_plain parameters                                                            \
    {                                                                                              \
        name##_body arguments;                                                                     \
    }                                                                                              \
    __attribute__((target("avx2"))) static void name##_avx2 parameters                             \
    {                                                                                              \
        name##_body arguments;                                                                     \
    }                                                                                              \
    static void name parameters                                                                    \
    {                                                                                              \
        if (pr__simd_is_wide()) {                                                                  \
            name##_avx2 arguments;                                                                 \
        } else {                                                                                   \
            name##_plain arguments;                                                                \
        }                                                                                          \
    }
#else
#define PR__KERNEL(name, parameters, arguments)                                                    \
    static void name parameters                                                                    \
    {                                                                                              \
        name##_body arguments;                                                                     \
    }
#endif

#endif
