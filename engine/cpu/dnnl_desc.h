/**
 * What differs between oneDNN's 2.x and 3.x C interfaces: memory descriptors (structs there, opaque
 * here) and the way to a convolution's primitive descriptor.
 */
#ifndef PR_ENGINE_CPU_DNNL_DESC_H
#define PR_ENGINE_CPU_DNNL_DESC_H

#include "engine/cpu/dnnl.h"

#include <dnnl.h>
#include <dnnl_debug.h>

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t pr__dnnl_md; /* borrowed from a primitive descriptor */
#else
typedef const dnnl_memory_desc_t *pr__dnnl_md;
#endif

/** Turns the library's codes into ours, with its text. */
#define PR_TRY_DNNL(what, expr)                                                                    \
    do {                                                                                           \
        const dnnl_status_t pr_dnnl_status_ = (expr);                                              \
        if (pr_dnnl_status_ != dnnl_success) {                                                     \
            return PR_FAIL(PR_ERR_DEVICE, "oneDNN %d.%d.%d: %s: %s", dnnl_version()->major,        \
                           dnnl_version()->minor, dnnl_version()->patch, (what),                   \
                           dnnl_status2str(pr_dnnl_status_));                                      \
        }                                                                                          \
    } while (0)

/** The primitive descriptor of PASS: activations NHWC, weights as the library likes them. */
pr_status pr__dnnl_conv_pd(dnnl_engine_t engine, pr_dnnl_pass pass, const pr_dnnl_conv_shape *shape,
                           dnnl_primitive_desc_t *out);

/** A memory object (without memory) of plain weights of SHAPE. */
pr_status pr__dnnl_plain_weights(dnnl_engine_t engine, const pr_dnnl_conv_shape *shape,
                                 dnnl_memory_t *out);

/** The descriptor of MEMORY, borrowed from it. */
pr_status pr__dnnl_memory_md(dnnl_memory_t memory, pr__dnnl_md *out);

#endif
