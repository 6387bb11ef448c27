/* Sobol points against SciPy's, in every dimension (sobol_golden.py made the numbers). */
#include "launch/sobol.h"
#include "tests/check.h"

static const uint32_t GOLDEN[PR_SOBOL_MAX_DIMENSIONS][3] = {
#include "tests/launch/sobol_golden.h"
};

int main(void)
{
    static const uint32_t points[3] = {1, 1000, 123456};
    for (int d = 0; d < PR_SOBOL_MAX_DIMENSIONS; d++) {
        CHECK(pr_sobol(d, 0) == 0, "dimension %d does not begin at 0", d);
        for (int i = 0; i < 3; i++) {
            CHECK(pr_sobol(d, points[i]) == GOLDEN[d][i], "dimension %d, point %u: %u, not %u", d,
                  points[i], pr_sobol(d, points[i]), GOLDEN[d][i]);
        }
    }
    return check_exit_code();
}
