#include "tests/engine/op_run.h"

#include "engine/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POISON = 0xFF };

double op_number(uint64_t key, int64_t i)
{
    uint64_t z = (key + 1) * 0x9e3779b97f4a7c15ULL + (uint64_t)i * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    z ^= z >> 31U;
    const double u = (double)(z >> 44U) / 1048576.0; /* 20 bits */
    const double size = 0.0625 + 0.9375 * u;
    return (double)(float)((z & 1U) != 0 ? size : -size);
}

const char *op_case_name(const op_case *c)
{
    static char name[96];
    (void)snprintf(name, sizeof(name), "%s, %s", pr_op_info_get(c->op)->name, c->what);
    return name;
}

double op_get(const pr_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case PR_F32:
        return (double)((const float *)t->data)[i];
    case PR_F64:
        return ((const double *)t->data)[i];
    case PR_I32:
        return ((const int32_t *)t->data)[i];
    case PR_I64:
        return (double)((const int64_t *)t->data)[i];
    default:
        return ((const uint8_t *)t->data)[i];
    }
}

static void put(const pr_tensor *t, int64_t i, double value)
{
    switch (t->dtype) {
    case PR_F32:
        ((float *)t->data)[i] = (float)value;
        break;
    case PR_F64:
        ((double *)t->data)[i] = value;
        break;
    case PR_I32:
        ((int32_t *)t->data)[i] = (int32_t)value;
        break;
    case PR_I64:
        ((int64_t *)t->data)[i] = (int64_t)value;
        break;
    default:
        ((uint8_t *)t->data)[i] = (uint8_t)value;
        break;
    }
}

/* A test without memory is no test. */
static pr_tensor tensor_new(const pr_desc *desc)
{
    pr_tensor t = {desc->dtype, desc->shape, pr_calloc(1, pr_desc_bytes(desc) + 1)};
    if (t.data == NULL) {
        (void)fprintf(stderr, "no memory for a test's tensor\n");
        exit(EXIT_FAILURE);
    }
    memset(t.data, POISON, pr_desc_bytes(desc));
    return t;
}

static void fill(const pr_tensor *t, uint64_t key)
{
    const int64_t n = pr_shape_n(&t->shape);
    for (int64_t i = 0; i < n; i++) {
        put(t, i, op_is_float(t) ? op_number(key, i) : (op_number(key, i) > 0.0 ? 1.0 : 0.0));
    }
}

static void fill_input(const op_case *c, int i, const pr_tensor *t)
{
    if (c->fill == NULL) {
        fill(t, (uint64_t)i);
        return;
    }
    /* The case writes doubles; integers it writes as they are. */
    const pr_desc wide = {op_is_float(t) ? PR_F64 : t->dtype, t->shape};
    const pr_tensor made = tensor_new(&wide);
    c->fill(i, pr_shape_n(&t->shape), made.data);
    for (int64_t k = 0; k < pr_shape_n(&t->shape); k++) {
        put(t, k, op_is_float(t) ? (double)(float)op_get(&made, k) : op_get(&made, k));
    }
    pr_free(made.data);
}

void op_run_create(const op_case *c, pr_backend_id backend, op_run *run)
{
    const pr_op_info *const info = pr_op_info_get(c->op);
    const pr_dtype real = backend == PR_BACKEND_REF ? PR_F64 : PR_F32;
    size_t workspace_bytes = 0;

    *run = (op_run){.c = c};
    if (pr_kernel_get(c->op, backend, &run->kernel) != PR_OK) {
        (void)fprintf(stderr, "%s: %s\n", op_case_name(c), pr_error_message());
        exit(EXIT_FAILURE);
    }
    run->sig.attr = c->attr;
    run->sig.n_in = c->n_in;
    for (int i = 0; i < c->n_in; i++) {
        run->sig.in[i] = c->in[i];
        if (c->in[i].dtype == PR_F64 && (c->always_f64 >> i & 1U) == 0) {
            run->sig.in[i].dtype = real;
        }
        run->in[i] = tensor_new(&run->sig.in[i]);
        fill_input(c, i, &run->in[i]);
        run->wants[i] = (info->diff_in >> i & 1U) != 0;
        if (run->wants[i]) {
            run->grad_in[i] = tensor_new(&run->sig.in[i]);
        }
    }
    pr_status status = info->infer(&run->sig);
    for (int i = 0; i < run->sig.n_out; i++) {
        const int alias = run->sig.out_alias[i];
        run->out[i] = alias >= 0 ? run->in[alias] : tensor_new(&run->sig.out[i]);
        run->grad_out[i] = tensor_new(&run->sig.out[i]);
        fill(&run->grad_out[i], 40 + (uint64_t)i);
        if (!op_is_float(&run->grad_out[i])) {
            pr_free(run->grad_out[i].data);
            run->grad_out[i].data = NULL;
        }
    }
    for (int i = 0; i < run->sig.n_saved; i++) {
        run->saved[i] = tensor_new(&run->sig.saved[i]);
    }
    for (int i = 0; i < run->sig.n_stat; i++) {
        run->stat[i] = tensor_new(&run->sig.stat[i]);
    }
    if (status == PR_OK && run->kernel->prepare != NULL) {
        status = run->kernel->prepare(&run->sig, run->wants, &run->state, &workspace_bytes);
    }
    if (status != PR_OK) {
        (void)fprintf(stderr, "%s: %s\n", op_case_name(c), pr_error_message());
        exit(EXIT_FAILURE);
    }
    const pr_desc space = pr_desc_1(PR_U8, (int64_t)workspace_bytes);
    run->workspace = tensor_new(&space).data;
}

void op_run_destroy(op_run *run)
{
    if (run->kernel->release != NULL) {
        run->kernel->release(run->state);
    }
    for (int i = 0; i < run->c->n_in; i++) {
        pr_free(run->in[i].data);
        pr_free(run->grad_in[i].data);
    }
    for (int i = 0; i < run->sig.n_out; i++) {
        if (run->sig.out_alias[i] < 0) {
            pr_free(run->out[i].data);
        }
        pr_free(run->grad_out[i].data);
    }
    for (int i = 0; i < run->sig.n_saved; i++) {
        pr_free(run->saved[i].data);
    }
    for (int i = 0; i < run->sig.n_stat; i++) {
        pr_free(run->stat[i].data);
    }
    pr_free(run->workspace);
}

void op_run_prepare_grads(op_run *run, bool add)
{
    for (int i = 0; i < run->c->n_in; i++) {
        const pr_desc desc = {run->grad_in[i].dtype, run->grad_in[i].shape};
        run->add[i] = add;
        if (run->wants[i] && add) {
            fill(&run->grad_in[i], 60 + (uint64_t)i);
        } else if (run->wants[i]) {
            memset(run->grad_in[i].data, POISON, pr_desc_bytes(&desc));
        }
    }
}

static pr_call call_of(op_run *run)
{
    static const uint32_t place[OP_ROWS] = {7, 8, 8, 1000000};
    static const uint16_t view[OP_ROWS] = {0, 0, 1, 0};
    static const pr_rows rows = {11, 2, OP_ROWS, place, view};
    return (pr_call){.attr = run->c->attr,
                     .n_in = run->c->n_in,
                     .n_out = run->sig.n_out,
                     .n_saved = run->sig.n_saved,
                     .n_stat = run->sig.n_stat,
                     .in = run->in,
                     .out = run->out,
                     .saved = run->saved,
                     .stat = run->stat,
                     .workspace = run->workspace,
                     .state = run->state,
                     .mode = run->c->mode,
                     .rows = &rows};
}

pr_status op_run_forward(op_run *run)
{
    pr_tensor no_stat[PR_OP_MAX_STAT] = {{0}};
    pr_call call = call_of(run);
    if (call.mode != PR_MODE_TRAIN) {
        call.stat = no_stat;
    }
    return run->kernel->forward(&call);
}

pr_status op_run_backward(op_run *run)
{
    pr_tensor no_stat[PR_OP_MAX_STAT] = {{0}};
    pr_tensor grad_in[PR_OP_MAX_IN];
    pr_call call = call_of(run);
    for (int i = 0; i < run->c->n_in; i++) {
        grad_in[i] = run->grad_in[i];
        if (!run->wants[i]) {
            grad_in[i].data = NULL;
        }
    }
    call.stat = no_stat;
    call.grad_out = run->grad_out;
    call.grad_in = grad_in;
    call.grad_add = run->add;
    return run->kernel->backward(&call);
}
