#include "trainer/optimizer_internal.h"

#include "engine/base/tree.h"

#include <math.h>

#define REAL    float
#define SQRT    sqrtf
#define NAME(x) x##_f32
#include "trainer/optimizer_loops.h"

#define REAL    double
#define SQRT    sqrt
#define NAME(x) x##_f64
#include "trainer/optimizer_loops.h"

void pr__update_run(pr_dtype real, const pr__update *update)
{
    const bool is_sgd = update->options->kind == PR_OPTIM_SGD;
    if (real == PR_F64) {
        (is_sgd ? loop_sgd_f64 : loop_adam_f64)(update);
    } else {
        (is_sgd ? loop_sgd_f32 : loop_adam_f32)(update);
    }
}

double pr__sum_squares(pr_dtype real, const void *x, int64_t n)
{
    return real == PR_F64 ? sum_squares_f64(x, n) : sum_squares_f32(x, n);
}

void pr__ema_run(pr_dtype real, void *key, const void *online, double m, int64_t n)
{
    (real == PR_F64 ? loop_ema_f64 : loop_ema_f32)(key, online, m, n);
}
