/**
 * What the kernels of cuts do: copy. The trainer puts the sum or the other ranks' rows in place.
 */
#ifndef PR_ENGINE_CPU_CUT_H
#define PR_ENGINE_CPU_CUT_H

#include "engine/core/op.h"

/** out[0] = in[0], of any type. */
pr_status pr__cut_forward(const pr_call *call);

/** grad_in[0] (+)= grad_out[0], f32 or f64. */
pr_status pr__cut_backward(const pr_call *call);

#endif
