/**
 * Mathematics whose bits are the same on every processor and under every compiler: glibc's double
 * functions change with the processor's instructions. Made of + - * / and sqrt alone, no fma.
 *
 * Measured against mpmath (tests/base/test_math.c bounds them against libm): pr_exp, pr_log,
 * pr_pow, pr_sin, pr_cos and pr_erf are all within 1 ulp of the true value, subnormal results
 * included, pr_atan2 within 1.4. Special values are C99's (annex F).
 */
#ifndef PR_ENGINE_BASE_MATH_H
#define PR_ENGINE_BASE_MATH_H

#define PR_PI 3.14159265358979323846

/** Beyond this, pr_sin and pr_cos give NaN: nothing here needs an angle that large. */
#define PR_MAX_ANGLE 1.0e6

double pr_exp(double x);
double pr_log(double x);
double pr_pow(double x, double y);
double pr_sin(double x);
double pr_cos(double x);
double pr_erf(double x);
/** The angle of (x, y), in [-pi, pi]. */
double pr_atan2(double y, double x);

#endif
