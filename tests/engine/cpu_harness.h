/*
 * Runs one CPU kernel, forward and backward, on made-up numbers, with every buffer at a chosen
 * offset between guard bytes; and hashes what it made. For the tests of engine/cpu only.
 */
#ifndef PR_TESTS_ENGINE_CPU_HARNESS_H
#define PR_TESTS_ENGINE_CPU_HARNESS_H

#include "engine/base/hash.h"
#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "tests/check.h"

enum { GUARD_BYTES = 192, AROUND_BYTES = 448, GUARD = 0xa5, MAX_BUFFERS = 64 };

typedef struct cpu_case {
    const char *name;
    const pr_op_info *info;
    const pr_kernel *kernel;
    const void *attr;
    int n_in;
    pr_desc in[6];
    pr_mode mode;
} cpu_case;

typedef struct cpu_buffer {
    unsigned char *memory;
    void *data;
    size_t n_bytes;
} cpu_buffer;

typedef struct cpu_run {
    pr_op_sig sig;
    bool wants[PR_OP_MAX_IN], add[PR_OP_MAX_IN];
    pr_tensor in[6], out[2], saved[4], stat[2], grad_out[2], grad_in[6];
    cpu_buffer buffers[MAX_BUFFERS];
    int n_buffers;
    void *state;
    void *workspace;
} cpu_run;

/* In [-1, 1), the same on every machine; by element, so that a row's numbers are its own. */
static float cpu_number(uint64_t key, int64_t i)
{
    uint64_t z = (key + 1) * 0x9e3779b97f4a7c15ULL + (uint64_t)i * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    z ^= z >> 31U;
    return (float)(z >> 40U) / 8388608.0F - 1.0F;
}

static void cpu_fill(const pr_tensor *t, uint64_t key, bool positive)
{
    for (int64_t i = 0; i < pr_shape_n(&t->shape); i++) {
        const float v = cpu_number(key, i);
        const float value = positive ? 0.5F + v * v : v;
        if (t->dtype == PR_I32) {
            ((int32_t *)t->data)[i] = value > 0.0F ? 1 : 0;
        } else if (t->dtype == PR_F64) {
            ((double *)t->data)[i] = (double)value;
        } else {
            ((float *)t->data)[i] = value;
        }
    }
}

static pr_tensor cpu_tensor(cpu_run *run, const pr_desc *desc, size_t offset)
{
    cpu_buffer *const b = &run->buffers[run->n_buffers++];
    /* f64 and i32 must be aligned to themselves: only f32 and u8 are moved off a line. */
    const size_t shift = desc->dtype == PR_F32 || desc->dtype == PR_U8 ? offset : 0;
    b->n_bytes = pr_desc_bytes(desc);
    b->memory = pr_calloc((int64_t)b->n_bytes + AROUND_BYTES, 1);
    CHECK(b->memory != NULL, "no memory");
    memset(b->memory, GUARD, b->n_bytes + AROUND_BYTES);
    b->data = b->memory + GUARD_BYTES + shift;
    return (pr_tensor){desc->dtype, desc->shape, b->data};
}

static void cpu_check_guards(const cpu_case *c, const cpu_run *run)
{
    for (int i = 0; i < run->n_buffers; i++) {
        const cpu_buffer *const b = &run->buffers[i];
        const size_t before = (size_t)((unsigned char *)b->data - b->memory);
        const size_t total = b->n_bytes + AROUND_BYTES;
        for (size_t at = 0; at < total; at++) {
            if (at >= before && at < before + b->n_bytes) {
                continue;
            }
            if (b->memory[at] != GUARD) {
                CHECK(false, "%s: buffer %d of %zu bytes written %td bytes from its start", c->name,
                      i, b->n_bytes, (ptrdiff_t)at - (ptrdiff_t)before);
                break;
            }
        }
    }
}

static void cpu_make_tensors(const cpu_case *c, cpu_run *run, size_t offset, uint64_t key, bool add)
{
    for (int i = 0; i < c->n_in; i++) {
        run->in[i] = cpu_tensor(run, &c->in[i], offset);
        /* A running variance, the last of five or six inputs, must be positive. */
        cpu_fill(&run->in[i], key + (uint64_t)i, c->n_in >= 5 && i == c->n_in - 1);
        run->wants[i] = c->kernel->backward != NULL && (c->info->diff_in >> i & 1U) != 0;
        run->add[i] = add;
        if (run->wants[i]) {
            run->grad_in[i] = cpu_tensor(run, &c->in[i], offset);
            cpu_fill(&run->grad_in[i], key + 20 + (uint64_t)i, false);
        }
    }
    for (int i = 0; i < run->sig.n_out; i++) {
        run->out[i] = cpu_tensor(run, &run->sig.out[i], offset);
        run->grad_out[i] = cpu_tensor(run, &run->sig.out[i], offset);
        cpu_fill(&run->grad_out[i], key + 40 + (uint64_t)i, false);
    }
    for (int i = 0; i < run->sig.n_saved; i++) {
        run->saved[i] = cpu_tensor(run, &run->sig.saved[i], offset);
    }
    for (int i = 0; i < run->sig.n_stat; i++) {
        run->stat[i] = cpu_tensor(run, &run->sig.stat[i], offset);
        if (c->mode != PR_MODE_TRAIN) {
            run->stat[i].data = NULL;
        }
    }
}

/* Makes RUN, prepared but not yet run. */
static void cpu_begin(const cpu_case *c, size_t offset, uint64_t key, bool add, cpu_run *run)
{
    *run = (cpu_run){0};
    run->sig.attr = c->attr;
    run->sig.n_in = c->n_in;
    memcpy(run->sig.in, c->in, sizeof c->in);
    CHECK_OK(c->info->infer(&run->sig));
    cpu_make_tensors(c, run, offset, key, add);
    size_t n_bytes = 0;
    if (c->kernel->prepare != NULL) {
        CHECK_OK(c->kernel->prepare(&run->sig, run->wants, &run->state, &n_bytes));
    }
    const pr_desc space = {PR_I64, {1, {(int64_t)(n_bytes + 7) / 8}}};
    run->workspace = cpu_tensor(run, &space, 0).data;
}

/* Places in a plan: what a case of an op that draws has as many rows as. */
enum { CPU_ROWS = 3 };

static pr_call cpu_call(const cpu_case *c, cpu_run *run)
{
    static const uint32_t place[CPU_ROWS] = {7, 8, 8};
    static const uint16_t view[CPU_ROWS] = {0, 0, 1};
    static const pr_rows rows = {11, 2, CPU_ROWS, place, view};
    return (pr_call){.attr = c->attr,
                     .n_in = c->n_in,
                     .n_out = run->sig.n_out,
                     .n_saved = run->sig.n_saved,
                     .n_stat = run->sig.n_stat,
                     .in = run->in,
                     .out = run->out,
                     .saved = run->saved,
                     .stat = run->stat,
                     .grad_out = run->grad_out,
                     .grad_in = run->grad_in,
                     .grad_add = run->add,
                     .workspace = run->workspace,
                     .state = run->state,
                     .mode = c->mode,
                     .rows = &rows};
}

static void cpu_end(const cpu_case *c, cpu_run *run)
{
    cpu_check_guards(c, run);
    if (c->kernel->release != NULL) {
        c->kernel->release(run->state);
    }
    for (int i = 0; i < run->n_buffers; i++) {
        pr_free(run->buffers[i].memory);
    }
}

static uint64_t cpu_hash_tensor(const pr_tensor *t, uint64_t seed)
{
    if (t->data == NULL) {
        return seed;
    }
    const pr_desc desc = {t->dtype, t->shape};
    return pr_hash64(t->data, pr_desc_bytes(&desc), seed);
}

/* Of everything that forward and backward made. */
static uint64_t cpu_hash(const cpu_run *run)
{
    uint64_t hash = 1;
    for (int i = 0; i < run->sig.n_out; i++) {
        hash = cpu_hash_tensor(&run->out[i], hash);
    }
    for (int i = 0; i < run->sig.n_saved; i++) {
        hash = cpu_hash_tensor(&run->saved[i], hash);
    }
    for (int i = 0; i < run->sig.n_stat; i++) {
        hash = cpu_hash_tensor(&run->stat[i], hash);
    }
    for (int i = 0; i < run->sig.n_in; i++) {
        hash = cpu_hash_tensor(&run->grad_in[i], hash);
    }
    return hash;
}

static void cpu_forward_backward(const cpu_case *c, cpu_run *run)
{
    const pr_call call = cpu_call(c, run);
    CHECK_OK(c->kernel->forward(&call));
    if (c->kernel->backward != NULL) {
        CHECK_OK(c->kernel->backward(&call));
    }
}

/* The hash of one whole evaluation. */
static inline uint64_t cpu_evaluate(const cpu_case *c, size_t offset, uint64_t key, bool add)
{
    cpu_run run;
    cpu_begin(c, offset, key, add, &run);
    cpu_forward_backward(c, &run);
    const uint64_t hash = cpu_hash(&run);
    cpu_end(c, &run);
    return hash;
}

#endif
