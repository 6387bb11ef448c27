#include "dataset/simd.h"

#include <stdatomic.h>

static atomic_bool forced_plain;

void pr__simd_force_plain(bool forced)
{
    atomic_store_explicit(&forced_plain, forced, memory_order_relaxed);
}

bool pr__simd_is_wide(void)
{
#if defined(__x86_64__)
    return !atomic_load_explicit(&forced_plain, memory_order_relaxed) &&
           __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}
