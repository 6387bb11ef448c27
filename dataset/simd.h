/**
 * One loop, compiled for several instruction sets, chosen when it is called.
 *
 * PR__KERNEL(name, PARAMETERS, ARGUMENTS) defines the function `name` from a `name_body` that is
 * plain C. Bodies compute each element by itself in a written order, so that the bits do not depend
 * on the width that the compiler vectorises for; nothing here is contracted to fma.
 */
#ifndef PR_DATASET_SIMD_H
#define PR_DATASET_SIMD_H

#include <stdbool.h>

#define PR__BODY static inline __attribute__((always_inline)) void

/** Test only: FORCED makes every kernel run its plainest variant. */
void pr__simd_force_plain(bool forced);

/** Whether the AVX2 variants are to run. */
bool pr__simd_is_wide(void);

#if defined(__x86_64__)
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
