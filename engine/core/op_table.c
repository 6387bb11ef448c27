#include "engine/core/op.h"

#include <stddef.h>

#define KERNEL_0(backend, op) NULL
#define KERNEL_1(backend, op) &pr_kernel_##backend##_##op
#define DECLARE_0(backend, op)
#define DECLARE_1(backend, op) extern const pr_kernel pr_kernel_##backend##_##op;

#define PR_OP(name, has_ref, has_cpu, has_cuda)                                                    \
    extern const pr_op_info pr_op_info_##name;                                                     \
    DECLARE_##has_ref(ref, name) DECLARE_##has_cpu(cpu, name) DECLARE_##has_cuda(cuda, name)
#include "engine/core/op_list.h"
#undef PR_OP

static const pr_op_info *const infos[PR_OP_COUNT] = {
#define PR_OP(name, has_ref, has_cpu, has_cuda) [PR_OP_##name] = &pr_op_info_##name,
#include "engine/core/op_list.h"
#undef PR_OP
};

static const pr_kernel *const kernels[PR_OP_COUNT][PR_BACKEND_COUNT] = {
#define PR_OP(name, has_ref, has_cpu, has_cuda)                                                    \
    [PR_OP_##name] = {KERNEL_##has_ref(ref, name), KERNEL_##has_cpu(cpu, name),                    \
                      KERNEL_##has_cuda(cuda, name)},
#include "engine/core/op_list.h"
#undef PR_OP
};

const pr_op_info *pr_op_info_get(pr_op_id op)
{
    return infos[op];
}

pr_status pr_kernel_get(pr_op_id op, pr_backend_id backend, const pr_kernel **out)
{
    static const char *const backend_names[PR_BACKEND_COUNT] = {"ref", "cpu", "cuda"};

    PR_REQUIRE(kernels[op][backend] != NULL, PR_ERR_DEVICE, "op '%s' has no %s kernel",
               infos[op]->name, backend_names[backend]);
    *out = kernels[op][backend];
    return PR_OK;
}
