#include "engine/cpu/loops.h"

#include "engine/cpu/isa.h"

pr_status pr__loops_get(const pr__loops **out)
{
    static const pr__loops *const table[PR_CPU_ISA_COUNT] = {
        [PR_CPU_ISA_BASELINE] = &pr__loops_baseline,
        [PR_CPU_ISA_AVX2] = &pr__loops_avx2,
        [PR_CPU_ISA_AVX512] = &pr__loops_avx512,
    };
    pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
    PR_TRY(pr_cpu_isa_get(&isa));
    *out = table[isa];
    return PR_OK;
}
