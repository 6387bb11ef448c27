#include "engine/cpu/isa.h"

#include "engine/cpu/dnnl.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const isa_name[PR_CPU_ISA_COUNT] = {"baseline", "avx2", "avx512"};

static pthread_mutex_t isa_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool isa_fixed; /* set once, after isa_used */
static pr_cpu_isa isa_used;

const char *pr_cpu_isa_name(pr_cpu_isa isa)
{
    return isa_name[isa];
}

static pr_cpu_isa isa_highest(void)
{
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        return PR_CPU_ISA_AVX512;
    }
    return __builtin_cpu_supports("avx2") ? PR_CPU_ISA_AVX2 : PR_CPU_ISA_BASELINE;
}

static pr_status isa_of_word(const char *word, pr_cpu_isa *out)
{
    const pr_cpu_isa highest = isa_highest();
    if (strcmp(word, "auto") == 0) {
        *out = highest;
        return PR_OK;
    }
    for (int i = 0; i < PR_CPU_ISA_COUNT; i++) {
        if (strcmp(word, isa_name[i]) != 0) {
            continue;
        }
        PR_REQUIRE(i <= (int)highest, PR_ERR_DEVICE, "cpu.isa = %s, but this processor has %s",
                   word, isa_name[highest]);
        *out = (pr_cpu_isa)i;
        return PR_OK;
    }
    return PR_FAIL(PR_ERR_INVALID, "cpu.isa = '%s', must be auto, baseline, avx2 or avx512", word);
}

/* With the lock held. */
static pr_status isa_fix(const char *word)
{
    pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
    PR_TRY(isa_of_word(word, &isa));
    PR_TRY(pr__dnnl_limit_isa(isa, strcmp(word, "auto") == 0));
    isa_used = isa;
    isa_fixed = true;
    return PR_OK;
}

pr_status pr_cpu_isa_set(const char *word)
{
    pr_status status = PR_OK;
    (void)pthread_mutex_lock(&isa_lock);
    if (isa_fixed) {
        pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
        status = isa_of_word(word, &isa);
        if (status == PR_OK && isa != isa_used) {
            status = PR_FAIL(PR_ERR_INVALID, "cpu.isa = %s comes too late: %s is in use", word,
                             isa_name[isa_used]);
        }
    } else {
        status = isa_fix(word);
    }
    (void)pthread_mutex_unlock(&isa_lock);
    return status;
}

pr_status pr_cpu_isa_get(pr_cpu_isa *out)
{
    if (atomic_load(&isa_fixed)) {
        *out = isa_used;
        return PR_OK;
    }
    pr_status status = PR_OK;
    (void)pthread_mutex_lock(&isa_lock);
    if (!isa_fixed) {
        const char *word = getenv("PR_CPU_ISA");
        status = isa_fix(word == NULL ? "auto" : word);
    }
    if (status == PR_OK) {
        *out = isa_used;
    }
    (void)pthread_mutex_unlock(&isa_lock);
    return status;
}
