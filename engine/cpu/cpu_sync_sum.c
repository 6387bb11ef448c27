#include "engine/cpu/cut.h"

const pr_kernel pr_kernel_cpu_sync_sum = {.forward = pr__cut_forward, .backward = pr__cut_backward};
