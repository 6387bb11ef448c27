#include "engine/cpu/dnnl.h"

#include "engine/base/alloc.h"
#include "engine/cpu/dnnl_desc.h"
#include "engine/cpu/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARGS = 5, N_MEMORIES = 7 };

struct pr_dnnl_conv {
    pr_dnnl_pass pass;
    bool bias;
    bool reorders; /* the library's weights are not plain */
    size_t align_bytes;
    size_t weights_bytes, scratch_bytes;
    dnnl_stream_t stream;
    dnnl_primitive_t conv, reorder;
    dnnl_memory_t x, w, b, y;
    dnnl_memory_t w_plain;
    dnnl_memory_t scratch, reorder_scratch;
    size_t reorder_scratch_bytes;
};

/* One engine for the process: the library's own caches hang on it. It is never destroyed, since
 * executors may outlive any moment at which that could be done. */
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine_of_process;
static dnnl_status_t engine_status;

static void engine_make(void)
{
    engine_status = dnnl_engine_create(&engine_of_process, dnnl_cpu, 0);
}

static pr_status engine_get(dnnl_engine_t *out)
{
    /* Only these run where pr_cpu_thread_begin says: one computing thread in the calling one. */
    const unsigned runtime = dnnl_version()->cpu_runtime;
    PR_REQUIRE(runtime == DNNL_RUNTIME_OMP || runtime == DNNL_RUNTIME_SEQ, PR_ERR_DEVICE,
               "oneDNN was built for CPU runtime %u, must be OpenMP (%u) or sequential (%u)",
               runtime, DNNL_RUNTIME_OMP, DNNL_RUNTIME_SEQ);
    PR_REQUIRE(pthread_once(&engine_once, engine_make) == 0, PR_ERR_DEVICE, "pthread_once failed");
    PR_TRY_DNNL("CPU engine", engine_status);
    *out = engine_of_process;
    return PR_OK;
}

int pr_dnnl_version(void)
{
    const dnnl_version_t *v = dnnl_version();
    return v->major * 10000 + v->minor * 100 + v->patch;
}

pr_status pr__dnnl_limit_isa(pr_cpu_isa isa, bool is_auto)
{
    /* AVX-512 is held to its common core, so that processors with and without bf16 or AMX
     * instructions run the same f32 kernels. */
    static const dnnl_cpu_isa_t limit[PR_CPU_ISA_COUNT] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2,
                                                           dnnl_cpu_isa_avx512_core};
    if (is_auto && (getenv("ONEDNN_MAX_CPU_ISA") != NULL || getenv("DNNL_MAX_CPU_ISA") != NULL)) {
        return PR_OK;
    }
    PR_TRY_DNNL("limit of instructions", dnnl_set_max_cpu_isa(limit[isa]));
    return PR_OK;
}

static size_t round_up(size_t n_bytes)
{
    return (n_bytes + PR_ALIGN_BYTES - 1) / PR_ALIGN_BYTES * PR_ALIGN_BYTES;
}

static pr_status make_memory(dnnl_engine_t engine, const_dnnl_primitive_desc_t pd,
                             dnnl_query_t what, dnnl_memory_t *out, size_t *n_bytes)
{
    pr__dnnl_md md = dnnl_primitive_desc_query_md(pd, what, 0);
    PR_REQUIRE(md != NULL, PR_ERR_DEVICE, "oneDNN: no memory descriptor for query %d", (int)what);
    *n_bytes = round_up(dnnl_memory_desc_get_size(md));
    PR_TRY_DNNL("memory", dnnl_memory_create(out, md, engine, DNNL_MEMORY_NONE));
    return PR_OK;
}

/* The scratch memory of a primitive, which may need none. */
static pr_status make_scratch(dnnl_engine_t engine, const_dnnl_primitive_desc_t pd,
                              dnnl_memory_t *out, size_t *n_bytes)
{
    *n_bytes = 0;
    pr__dnnl_md md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    if (md == NULL || dnnl_memory_desc_get_size(md) == 0) {
        return PR_OK;
    }
    return make_memory(engine, pd, dnnl_query_scratchpad_md, out, n_bytes);
}

static pr_status make_memories(pr_dnnl_conv *c, dnnl_engine_t engine,
                               const_dnnl_primitive_desc_t pd)
{
    const bool data = c->pass == PR_DNNL_DATA_GRAD;
    const bool weight = c->pass == PR_DNNL_WEIGHT_GRAD;
    size_t ignored = 0;
    PR_TRY(make_memory(engine, pd, data ? dnnl_query_diff_src_md : dnnl_query_src_md, &c->x,
                       &ignored));
    PR_TRY(make_memory(engine, pd, weight ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
                       &c->w, &c->weights_bytes));
    PR_TRY(make_memory(engine, pd,
                       c->pass == PR_DNNL_FORWARD ? dnnl_query_dst_md : dnnl_query_diff_dst_md,
                       &c->y, &ignored));
    if (c->bias) {
        pr__dnnl_md md = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1);
        PR_TRY_DNNL("bias", dnnl_memory_create(&c->b, md, engine, DNNL_MEMORY_NONE));
    }
    return make_scratch(engine, pd, &c->scratch, &c->scratch_bytes);
}

static pr_status make_reorder(pr_dnnl_conv *c, dnnl_engine_t engine)
{
    pr__dnnl_md plain = NULL;
    pr__dnnl_md own = NULL;
    PR_TRY(pr__dnnl_memory_md(c->w_plain, &plain));
    PR_TRY(pr__dnnl_memory_md(c->w, &own));
    c->reorders = dnnl_memory_desc_equal(plain, own) == 0;
    if (!c->reorders) {
        return PR_OK;
    }
    const bool weight = c->pass == PR_DNNL_WEIGHT_GRAD;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    PR_TRY_DNNL("attributes", dnnl_primitive_attr_create(&attr));
    dnnl_status_t made = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (made == dnnl_success) {
        made = dnnl_reorder_primitive_desc_create(&pd, weight ? own : plain, engine,
                                                  weight ? plain : own, engine, attr);
    }
    (void)dnnl_primitive_attr_destroy(attr);
    PR_TRY_DNNL("reorder of weights", made);
    made = dnnl_primitive_create(&c->reorder, pd);
    const pr_status status =
        make_scratch(engine, pd, &c->reorder_scratch, &c->reorder_scratch_bytes);
    (void)dnnl_primitive_desc_destroy(pd);
    PR_TRY_DNNL("reorder of weights", made);
    return status;
}

static pr_status conv_make(pr_dnnl_conv *c, const pr_dnnl_conv_shape *shape)
{
    pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
    PR_TRY(pr_cpu_isa_get(&isa));
    PR_TRY(pr_cpu_thread_begin());
    dnnl_engine_t engine = NULL;
    dnnl_primitive_desc_t pd = NULL;
    /* Its SSE4.1 kernels add straight from memory, which faults off a multiple of 16 bytes. */
    c->align_bytes = isa == PR_CPU_ISA_BASELINE ? 16 : sizeof(float);
    PR_TRY(engine_get(&engine));
    PR_TRY_DNNL("stream", dnnl_stream_create(&c->stream, engine, dnnl_stream_default_flags));
    PR_TRY(pr__dnnl_conv_pd(engine, c->pass, shape, &pd));
    const dnnl_status_t made = dnnl_primitive_create(&c->conv, pd);
    const pr_status status = make_memories(c, engine, pd);
    (void)dnnl_primitive_desc_destroy(pd);
    PR_TRY_DNNL("convolution", made);
    PR_TRY(status);
    PR_TRY(pr__dnnl_plain_weights(engine, shape, &c->w_plain));
    return make_reorder(c, engine);
}

pr_status pr_dnnl_conv_create(pr_dnnl_pass pass, const pr_dnnl_conv_shape *shape,
                              pr_dnnl_conv **out)
{
    pr_dnnl_conv *c = pr_calloc(1, sizeof *c);
    PR_REQUIRE(c != NULL, PR_ERR_NOMEM, "no memory for a convolution");
    c->pass = pass;
    c->bias = shape->bias && pass == PR_DNNL_FORWARD;
    const pr_status status = conv_make(c, shape);
    if (status != PR_OK) {
        pr_dnnl_conv_destroy(&c);
        return status;
    }
    *out = c;
    return PR_OK;
}

void pr_dnnl_conv_destroy(pr_dnnl_conv **conv)
{
    pr_dnnl_conv *c = *conv;
    if (c == NULL) {
        return;
    }
    const dnnl_memory_t all[N_MEMORIES] = {
        c->x, c->w, c->b, c->y, c->w_plain, c->scratch, c->reorder_scratch};
    for (int i = 0; i < N_MEMORIES; i++) {
        if (all[i] != NULL) {
            (void)dnnl_memory_destroy(all[i]);
        }
    }
    if (c->reorder != NULL) {
        (void)dnnl_primitive_destroy(c->reorder);
    }
    if (c->conv != NULL) {
        (void)dnnl_primitive_destroy(c->conv);
    }
    if (c->stream != NULL) {
        (void)dnnl_stream_destroy(c->stream);
    }
    pr_free(c);
    *conv = NULL;
}

size_t pr_dnnl_conv_workspace(const pr_dnnl_conv *conv)
{
    const size_t scratch = conv->scratch_bytes > conv->reorder_scratch_bytes
                               ? conv->scratch_bytes
                               : conv->reorder_scratch_bytes;
    return scratch + (conv->reorders ? conv->weights_bytes : 0);
}

/* A memory object and where it is for this run; no memory object where the run has no use for it. */
typedef struct placed {
    dnnl_memory_t memory;
    const void *data;
} placed;

/* The library's handles are not const; it only reads what a pass does not make. */
static pr_status place(const placed *all, int n, size_t align_bytes)
{
    for (int i = 0; i < n; i++) {
        if (all[i].memory == NULL) {
            continue;
        }
        PR_REQUIRE((uintptr_t)all[i].data % align_bytes == 0, PR_ERR_INVALID,
                   "a tensor of a convolution begins at a multiple of %zu bytes, must be of %zu",
                   (size_t)((uintptr_t)all[i].data & -(uintptr_t)all[i].data), align_bytes);
        void *handle = NULL;
        memcpy(&handle, &all[i].data, sizeof handle);
        PR_TRY_DNNL("memory handle", dnnl_memory_set_data_handle(all[i].memory, handle));
    }
    return PR_OK;
}

static pr_status run_reorder(const pr_dnnl_conv *c)
{
    const bool weight = c->pass == PR_DNNL_WEIGHT_GRAD;
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_FROM, weight ? c->w : c->w_plain},
        {DNNL_ARG_TO, weight ? c->w_plain : c->w},
        {DNNL_ARG_SCRATCHPAD, c->reorder_scratch},
    };
    const int n_args = c->reorder_scratch != NULL ? 3 : 2;
    PR_TRY_DNNL("reorder of weights", dnnl_primitive_execute(c->reorder, c->stream, n_args, args));
    return PR_OK;
}

static pr_status run_conv(const pr_dnnl_conv *c)
{
    static const int arg_x[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_SRC, DNNL_ARG_SRC};
    static const int arg_w[] = {DNNL_ARG_WEIGHTS, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_WEIGHTS};
    static const int arg_y[] = {DNNL_ARG_DST, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_DST};
    dnnl_exec_arg_t args[MAX_ARGS] = {
        {arg_x[c->pass], c->x},
        {arg_w[c->pass], c->w},
        {arg_y[c->pass], c->y},
    };
    int n_args = 3;
    if (c->bias) {
        args[n_args++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, c->b};
    }
    if (c->scratch != NULL) {
        args[n_args++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, c->scratch};
    }
    PR_TRY_DNNL("convolution", dnnl_primitive_execute(c->conv, c->stream, n_args, args));
    return PR_OK;
}

pr_status pr_dnnl_conv_run(pr_dnnl_conv *conv, const float *x, const float *w, const float *bias,
                           const float *y, void *workspace)
{
    const pr_dnnl_conv *const c = conv;
    char *const weights = workspace;
    char *const scratch = weights + (c->reorders ? c->weights_bytes : 0);
    const bool makes_weights = c->pass == PR_DNNL_WEIGHT_GRAD;
    const placed all[N_MEMORIES] = {
        {c->x, x},
        {c->w, c->reorders ? (const void *)weights : (const void *)w},
        {c->b, bias},
        {c->y, y},
        {c->w_plain, w},
        {c->scratch, scratch},
        {c->reorder_scratch, scratch},
    };
    PR_TRY(pr_cpu_thread_begin());
    PR_TRY(place(all, N_MEMORIES, c->align_bytes));
    if (c->reorders && !makes_weights) {
        PR_TRY(run_reorder(c));
    }
    PR_TRY(run_conv(c));
    if (c->reorders && makes_weights) {
        PR_TRY(run_reorder(c));
    }
    PR_TRY_DNNL("stream", dnnl_stream_wait(c->stream));
    return PR_OK;
}

pr_status pr_dnnl_outer(int64_t n_rows, int64_t c_out, int64_t c_in, const float *dy,
                        const float *x, float *dw, bool add)
{
    PR_TRY(pr_cpu_thread_begin());
    PR_TRY_DNNL("weight gradient", dnnl_sgemm('T', 'N', c_out, c_in, n_rows, 1.0F, dy, c_out, x,
                                              c_in, add ? 1.0F : 0.0F, dw, c_in));
    return PR_OK;
}

pr_status pr_dnnl_product_run(const pr_dnnl_product *p)
{
    PR_TRY(pr_cpu_thread_begin());
    PR_TRY_DNNL("matrix product",
                dnnl_sgemm(p->a_transposed ? 'T' : 'N', p->b_transposed ? 'T' : 'N', p->n_rows,
                           p->n_cols, p->n_inner, p->scale, p->a, p->a_stride, p->b, p->b_stride,
                           p->add ? 1.0F : 0.0F, p->y, p->y_stride));
    return PR_OK;
}
