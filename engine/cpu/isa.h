/**
 * Which instructions the CPU backend uses. Our own loops give the same bits at every level; the
 * library's kernels do not, so the level is part of what a run is: `auto` takes the highest that
 * the processor has, and a run over unlike machines lowers all of them to one.
 */
#ifndef PR_ENGINE_CPU_ISA_H
#define PR_ENGINE_CPU_ISA_H

#include "engine/base/status.h"

typedef enum pr_cpu_isa {
    PR_CPU_ISA_BASELINE, /* x86-64 itself for our loops, SSE4.1 for oneDNN */
    PR_CPU_ISA_AVX2,
    PR_CPU_ISA_AVX512, /* F, BW, DQ, VL */
    PR_CPU_ISA_COUNT
} pr_cpu_isa;

/**
 * Lowers the level to WORD: "auto", "baseline", "avx2" or "avx512". To be called before the first
 * kernel is prepared, since oneDNN takes its limit only once. Without a call the environment's
 * PR_CPU_ISA is taken, and without that "auto". Not for concurrent use.
 *
 * Errors: PR_ERR_INVALID for another word, or when it comes too late to have an effect;
 * PR_ERR_DEVICE if this processor lacks the level.
 */
pr_status pr_cpu_isa_set(const char *word);

/** The level in use. The first call fixes it. Errors: those of PR_CPU_ISA's word. */
pr_status pr_cpu_isa_get(pr_cpu_isa *out);

/** "baseline", "avx2", "avx512". */
const char *pr_cpu_isa_name(pr_cpu_isa isa);

#endif
