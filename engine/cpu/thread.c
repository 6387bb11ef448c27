#include "engine/cpu/thread.h"

#include <xmmintrin.h>

enum { MXCSR_DEFAULT = 0x1f80 };

/*
 * The OpenMP runtime that oneDNN runs on. Declared here because clang without its own runtime has
 * no omp.h; the library is the one that oneDNN links (cmake/PrDependencies.cmake).
 */
void omp_set_dynamic(int dynamic);
void omp_set_num_threads(int n);
int omp_get_dynamic(void);
int omp_get_max_threads(void);
int omp_in_parallel(void);

pr_status pr_cpu_thread_begin(void)
{
    if (_mm_getcsr() != MXCSR_DEFAULT) {
        _mm_setcsr(MXCSR_DEFAULT);
    }
    if (omp_get_max_threads() == 1 && omp_get_dynamic() == 0) {
        return PR_OK;
    }
    omp_set_dynamic(0);
    omp_set_num_threads(1);
    PR_REQUIRE(omp_get_max_threads() == 1 && omp_get_dynamic() == 0, PR_ERR_DEVICE,
               "a computing thread has an OpenMP team of %d (dynamic %d), must be 1 (dynamic 0)",
               omp_get_max_threads(), omp_get_dynamic());
    PR_REQUIRE(omp_in_parallel() == 0, PR_ERR_DEVICE,
               "a computing thread is inside a parallel region of OpenMP, must be outside");
    return PR_OK;
}
