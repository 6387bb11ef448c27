#include "bench/common/profile.h"

#include "engine/base/alloc.h"
#include "engine/core/op.h"
#include "engine/core/op_attr.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { MAX_CONVS = 128, MAX_IN = 3 };

typedef struct conv {
    pr_op_sig sig;
    pr_conv2d_attr attr;
    bool wants[PR_OP_MAX_IN];
} conv;

typedef struct op_time {
    double forward_s, backward_s;
    long n_forward, n_backward;
} op_time;

static bool is_enabled, is_noting;
static const pr_kernel *inner[PR_OP_COUNT];
static op_time times[PR_OP_COUNT];
static pthread_mutex_t times_lock = PTHREAD_MUTEX_INITIALIZER;
static conv convs[MAX_CONVS];
static int n_convs;

/* What the linker's --wrap makes of calls of pr_kernel_get: the names are the linker's. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
pr_status __real_pr_kernel_get(pr_op_id op, pr_backend_id backend, const pr_kernel **out);
pr_status __wrap_pr_kernel_get(pr_op_id op, pr_backend_id backend, const pr_kernel **out);
/* NOLINTEND(bugprone-reserved-identifier) */

/* Time that this thread computed, so that other programs on the machine do not count. */
static double thread_s(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) {
        return 0.0;
    }
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static pr_status timed(pr_op_id op, bool backward, const pr_call *call)
{
    const double start = thread_s();
    const pr_status status = backward ? inner[op]->backward(call) : inner[op]->forward(call);
    const double seconds = thread_s() - start;
    (void)pthread_mutex_lock(&times_lock);
    if (backward) {
        times[op].backward_s += seconds;
        times[op].n_backward++;
    } else {
        times[op].forward_s += seconds;
        times[op].n_forward++;
    }
    (void)pthread_mutex_unlock(&times_lock);
    return status;
}

static pr_status prepare_noting(const pr_op_sig *sig, const bool *wants_grad, void **state,
                                size_t *workspace_bytes)
{
    if (is_noting && n_convs < MAX_CONVS) {
        conv *const c = &convs[n_convs++];
        c->sig = *sig;
        memcpy(&c->attr, sig->attr, sizeof c->attr);
        c->sig.attr = &c->attr;
        memcpy(c->wants, wants_grad, (size_t)sig->n_in * sizeof *wants_grad);
    }
    return inner[PR_OP_conv2d]->prepare(sig, wants_grad, state, workspace_bytes);
}

#define PR_OP(name, has_ref, has_cpu, has_cuda)                                                    \
    static pr_status forward_##name(const pr_call *call)                                           \
    {                                                                                              \
        return timed(PR_OP_##name, false, call);                                                   \
    }                                                                                              \
    static pr_status backward_##name(const pr_call *call)                                          \
    {                                                                                              \
        return timed(PR_OP_##name, true, call);                                                    \
    }
#include "engine/core/op_list.h"
#undef PR_OP

static pr_kernel outer[PR_OP_COUNT] = {
#define PR_OP(name, has_ref, has_cpu, has_cuda)                                                    \
    [PR_OP_##name] = {.forward = forward_##name, .backward = backward_##name},
#include "engine/core/op_list.h"
#undef PR_OP
};

pr_status __wrap_pr_kernel_get(pr_op_id op, pr_backend_id backend, const pr_kernel **out)
{
    PR_TRY(__real_pr_kernel_get(op, backend, out));
    if (backend != PR_BACKEND_CPU || (!is_enabled && op != PR_OP_conv2d)) {
        return PR_OK;
    }
    inner[op] = *out;
    pr_kernel *const wrapped = &outer[op];
    wrapped->prepare = op == PR_OP_conv2d ? prepare_noting : inner[op]->prepare;
    wrapped->release = inner[op]->release;
    if (!is_enabled) {
        wrapped->forward = inner[op]->forward;
        wrapped->backward = inner[op]->backward;
    } else if (inner[op]->backward == NULL) {
        wrapped->backward = NULL;
    }
    *out = wrapped;
    return PR_OK;
}

void bench_profile_enable(void)
{
    is_enabled = true;
}

void bench_profile_reset(void)
{
    memset(times, 0, sizeof times);
}

void bench_profile_note(bool on)
{
    is_noting = on;
}

void bench_profile_print(FILE *file, int n_steps)
{
    double total = 0.0;
    (void)fprintf(file, "%-18s %10s %10s %8s\n", "op (ms a step)", "forward", "backward", "calls");
    for (int op = 0; op < PR_OP_COUNT; op++) {
        const op_time *const t = &times[op];
        if (t->n_forward == 0) {
            continue;
        }
        total += t->forward_s + t->backward_s;
        (void)fprintf(file, "%-18s %10.2f %10.2f %8ld\n", pr_op_info_get((pr_op_id)op)->name,
                      t->forward_s * 1e3 / n_steps, t->backward_s * 1e3 / n_steps,
                      t->n_forward / n_steps);
    }
    (void)fprintf(file, "%-18s %10.2f thread milliseconds\n", "sum", total * 1e3 / n_steps);
}

/* One convolution with memory of its own. */
typedef struct conv_run {
    pr_tensor in[MAX_IN], grad_in[MAX_IN], out, grad_out;
    bool add[MAX_IN];
    void *state, *workspace;
} conv_run;

static pr_status allocate(const pr_desc *desc, pr_tensor *out)
{
    *out = (pr_tensor){desc->dtype, desc->shape, pr_calloc((int64_t)pr_desc_bytes(desc), 1)};
    PR_REQUIRE(out->data != NULL, PR_ERR_NOMEM, "no memory for a convolution's tensors");
    const int64_t n = pr_shape_n(&desc->shape);
    for (int64_t i = 0; i < n; i++) {
        ((float *)out->data)[i] = (float)(i * 7919 % 1013) / 500.0F - 1.0F;
    }
    return PR_OK;
}

static pr_status conv_begin(const conv *c, conv_run *run)
{
    size_t n_bytes = 0;
    PR_TRY(inner[PR_OP_conv2d]->prepare(&c->sig, c->wants, &run->state, &n_bytes));
    run->workspace = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(run->workspace != NULL, PR_ERR_NOMEM, "no memory for a convolution's workspace");
    pr_status status = allocate(&c->sig.out[0], &run->out);
    status = status == PR_OK ? allocate(&c->sig.out[0], &run->grad_out) : status;
    for (int i = 0; i < c->sig.n_in && status == PR_OK; i++) {
        status = allocate(&c->sig.in[i], &run->in[i]);
        if (c->wants[i] && status == PR_OK) {
            status = allocate(&c->sig.in[i], &run->grad_in[i]);
        }
    }
    return status;
}

static void conv_end(conv_run *run)
{
    if (run->state != NULL) {
        inner[PR_OP_conv2d]->release(run->state);
    }
    pr_free(run->workspace);
    pr_free(run->out.data);
    pr_free(run->grad_out.data);
    for (int i = 0; i < MAX_IN; i++) {
        pr_free(run->in[i].data);
        pr_free(run->grad_in[i].data);
    }
}

static pr_status conv_time(const conv *c, conv_run *run, int n_runs, double *seconds)
{
    const pr_call call = {.attr = &c->attr,
                          .n_in = c->sig.n_in,
                          .n_out = 1,
                          .in = run->in,
                          .out = &run->out,
                          .grad_out = &run->grad_out,
                          .grad_in = run->grad_in,
                          .grad_add = run->add,
                          .workspace = run->workspace,
                          .state = run->state,
                          .mode = PR_MODE_TRAIN};
    double best = 1e30;
    for (int i = 0; i <= n_runs; i++) {
        const double start = thread_s();
        PR_TRY(inner[PR_OP_conv2d]->forward(&call));
        if (c->wants[0] || c->wants[1]) {
            PR_TRY(inner[PR_OP_conv2d]->backward(&call));
        }
        const double took = thread_s() - start;
        best = i > 0 && took < best ? took : best;
    }
    *seconds += best;
    return PR_OK;
}

pr_status bench_profile_floor(int n_runs, double *seconds)
{
    *seconds = 0.0;
    for (int i = 0; i < n_convs; i++) {
        conv_run run = {0};
        pr_status status = conv_begin(&convs[i], &run);
        if (status == PR_OK) {
            status = conv_time(&convs[i], &run, n_runs, seconds);
        }
        conv_end(&run);
        PR_TRY(status);
    }
    return PR_OK;
}
