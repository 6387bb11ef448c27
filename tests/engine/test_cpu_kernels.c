/*
 * Every CPU kernel at every offset of its buffers within a cache line gives the same bits and
 * writes nothing outside of them; a gradient that is added is the one that would have been written,
 * added; all of it is what the reference kernel makes of the same numbers. With the argument
 * "hash", prints the hash of all cases instead: the test of the environment compares it.
 */
#include "engine/cpu/isa.h"
#include "engine/cpu/thread.h"
#include "tests/engine/cpu_cases.h"

#include <math.h>
#include <xmmintrin.h>

static void check_offsets(const cpu_case *c, int number)
{
    pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
    CHECK_OK(pr_cpu_isa_get(&isa));
    const bool is_library = c >= library_cases && c < library_cases + N_LIBRARY_CASES;
    const size_t apart = is_library && isa == PR_CPU_ISA_BASELINE ? 16 : sizeof(float);
    const uint64_t first = cpu_evaluate(c, 0, 7, false);
    for (size_t offset = apart; offset < 64; offset += apart) {
        const uint64_t hash = cpu_evaluate(c, offset, 7, false);
        CHECK(hash == first, "%s %d: other bits at an offset of %zu bytes", c->name, number,
              offset);
    }
}

static void check_add(const cpu_case *c, int number)
{
    if (c->kernel->backward == NULL) {
        return;
    }
    cpu_run plain;
    cpu_run added;
    cpu_begin(c, 0, 3, false, &plain);
    cpu_begin(c, 0, 3, true, &added);
    cpu_forward_backward(c, &plain);
    cpu_forward_backward(c, &added);
    for (int i = 0; i < c->n_in; i++) {
        if (!plain.wants[i] || c->in[i].dtype != PR_F32) {
            continue;
        }
        const float *const want = plain.grad_in[i].data;
        const float *const got = added.grad_in[i].data;
        for (int64_t k = 0; k < pr_shape_n(&c->in[i].shape); k++) {
            const float before = cpu_number(3 + 20 + (uint64_t)i, k);
            const float error = got[k] - (before + want[k]);
            CHECK(error <= 1e-5F && error >= -1e-5F,
                  "%s %d: gradient %d [%lld] is %g, before %g, alone %g", c->name, number, i,
                  (long long)k, (double)got[k], (double)before, (double)want[k]);
            if (check_n_failed > 20) {
                break;
            }
        }
    }
    cpu_end(c, &plain);
    cpu_end(c, &added);
}

static double element(const pr_tensor *t, int64_t i)
{
    return t->dtype == PR_U8 ? (double)((const uint8_t *)t->data)[i] : pr_tensor_get(t, i);
}

static void compare(const cpu_case *c, int number, const char *part, const pr_tensor *want,
                    const pr_tensor *got)
{
    double most = 1e-3;
    double error = 0.0;
    if (want->data == NULL) {
        return;
    }
    for (int64_t i = 0; i < pr_shape_n(&want->shape); i++) {
        most = fmax(most, fabs(element(want, i)));
    }
    for (int64_t i = 0; i < pr_shape_n(&want->shape); i++) {
        error = fmax(error, fabs(element(want, i) - element(got, i)) / most);
    }
    CHECK(error <= 3e-6, "%s %d: %s is off by %.2g of the largest", c->name, number, part, error);
}

/* The same numbers through the judge. */
static void check_reference(const cpu_case *c, int number)
{
    cpu_case judge = *c;
    cpu_run got;
    cpu_run want;
    for (int op = 0; op < PR_OP_COUNT; op++) {
        if (pr_op_info_get((pr_op_id)op) == c->info) {
            CHECK_OK(pr_kernel_get((pr_op_id)op, PR_BACKEND_REF, &judge.kernel));
        }
    }
    for (int i = 0; i < c->n_in; i++) {
        judge.in[i].dtype = c->in[i].dtype == PR_F32 ? PR_F64 : c->in[i].dtype;
    }
    cpu_begin(c, 0, 5, false, &got);
    cpu_begin(&judge, 0, 5, false, &want);
    cpu_forward_backward(c, &got);
    cpu_forward_backward(&judge, &want);
    for (int i = 0; i < got.sig.n_out; i++) {
        compare(c, number, "an output", &want.out[i], &got.out[i]);
    }
    for (int i = 0; i < got.sig.n_saved; i++) {
        compare(c, number, "what is saved", &want.saved[i], &got.saved[i]);
    }
    for (int i = 0; i < got.sig.n_stat; i++) {
        compare(c, number, "a statistic", &want.stat[i], &got.stat[i]);
    }
    for (int i = 0; i < c->n_in; i++) {
        compare(c, number, "a gradient", &want.grad_in[i], &got.grad_in[i]);
    }
    cpu_end(c, &got);
    cpu_end(&judge, &want);
}

/* Every allocation of prepare made to fail in turn: refused each time, and nothing is left over. */
static void check_no_memory(const cpu_case *c, int number)
{
    enum { MOST = 16 };
    pr_op_sig sig = {.attr = c->attr, .n_in = c->n_in};
    bool wants[PR_OP_MAX_IN] = {false};
    memcpy(sig.in, c->in, sizeof c->in);
    CHECK_OK(c->info->infer(&sig));
    for (int i = 0; i < c->n_in; i++) {
        wants[i] = (c->info->diff_in >> i & 1U) != 0;
    }
    for (int n = 0; c->kernel->prepare != NULL && n < MOST; n++) {
        const long before = pr_alloc_n_live();
        void *state = NULL;
        size_t n_bytes = 0;
        pr_alloc_fail_on(n);
        const pr_status status = c->kernel->prepare(&sig, wants, &state, &n_bytes);
        pr_alloc_fail_on(-1);
        if (status == PR_OK) {
            if (c->kernel->release != NULL) {
                c->kernel->release(state);
            }
            return;
        }
        CHECK(status == PR_ERR_NOMEM, "%s %d: %s", c->name, number, pr_error_message());
        CHECK(pr_alloc_n_live() == before, "%s %d: allocation %d failed, and %ld are left over",
              c->name, number, n, pr_alloc_n_live() - before);
        pr_error_clear();
    }
}

/* Off a multiple of 16 bytes the library's SSE4.1 kernels would crash: refused instead. */
static void check_alignment(void)
{
    pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
    CHECK_OK(pr_cpu_isa_get(&isa));
    if (isa != PR_CPU_ISA_BASELINE) {
        return;
    }
    cpu_run run;
    cpu_begin(&library_cases[0], 4, 1, false, &run);
    const pr_call call = cpu_call(&library_cases[0], &run);
    CHECK_FAILS(library_cases[0].kernel->forward(&call), PR_ERR_INVALID, "must be of 16");
    cpu_end(&library_cases[0], &run);
}

static void check_isa(void)
{
    pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
    CHECK_OK(pr_cpu_isa_get(&isa));
    CHECK_OK(pr_cpu_isa_set(pr_cpu_isa_name(isa)));
    CHECK_FAILS(pr_cpu_isa_set("sse9"), PR_ERR_INVALID, "sse9");
    if (isa != PR_CPU_ISA_BASELINE) {
        CHECK_FAILS(pr_cpu_isa_set("baseline"), PR_ERR_INVALID, "too late");
    }
}

static void for_all(void (*check)(const cpu_case *, int))
{
    for (int i = 0; i < N_LIBRARY_CASES; i++) {
        check(&library_cases[i], i);
    }
    for (int i = 0; i < N_OWN_CASES; i++) {
        check(&own_cases[i], i);
    }
}

/* Sums of numbers so small that a floating-point mode which flushes denormals makes them zero. */
static uint64_t hash_of_denormals(void)
{
    static const pr_add_attr attr = {PR_ACT_NONE};
    const cpu_case c = {.name = "add",
                        .info = &pr_op_info_add,
                        .kernel = &pr_kernel_cpu_add,
                        .attr = &attr,
                        .n_in = 2,
                        .in = {{PR_F32, {2, {3, 37}}}, {PR_F32, {2, {3, 37}}}}};
    cpu_run run;
    cpu_begin(&c, 0, 1, false, &run);
    for (int i = 0; i < 2; i++) {
        const uint32_t smallest = 77U + (uint32_t)i;
        for (int64_t k = 0; k < pr_shape_n(&run.in[i].shape); k++) {
            memcpy((float *)run.in[i].data + k, &smallest, sizeof smallest);
        }
    }
    cpu_forward_backward(&c, &run);
    const uint64_t hash = cpu_hash(&run);
    cpu_end(&c, &run);
    return hash;
}

static void print_hash(void)
{
    uint64_t hash = hash_of_denormals();
    for (int i = 0; i < N_LIBRARY_CASES; i++) {
        hash = hash * 31 + cpu_evaluate(&library_cases[i], 0, 7, false);
    }
    for (int i = 0; i < N_OWN_CASES; i++) {
        hash = hash * 31 + cpu_evaluate(&own_cases[i], 0, 7, false);
    }
    printf("%016llx\n", (unsigned long long)hash);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "hash") == 0) {
        if (argc > 2 && strcmp(argv[2], "ftz") == 0) {
            _mm_setcsr(_mm_getcsr() | 0x8040U);
        }
        CHECK_OK(pr_cpu_thread_begin());
        print_hash();
        return check_exit_code();
    }
    CHECK_OK(pr_cpu_thread_begin());
    for_all(check_offsets);
    for_all(check_add);
    for_all(check_reference);
    for_all(check_no_memory);
    check_isa();
    check_alignment();
    return check_exit_code();
}
