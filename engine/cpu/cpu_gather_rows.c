#include "engine/cpu/cut.h"

const pr_kernel pr_kernel_cpu_gather_rows = {.forward = pr__cut_forward};
