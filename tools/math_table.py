#!/usr/bin/env python3
"""Writes engine/base/math_table.h: the numbers that engine/base/math.c stands on.

Usage: tools/math_table.py > engine/base/math_table.h   (needs mpmath)

Every pair (hi, lo) is the number to about 106 bits; an inverse has 9 bits behind the point, so that
its product with half a mantissa is exact.
"""
from mpmath import mp, mpf, exp, log, erf, sqrt, pi, floor

mp.prec = 400


def double(x):
    return float(x)


def pair(x):
    hi = double(x)
    return hi, double(x - mpf(hi))


def cut(x, bits):
    """The leading BITS bits of x, as a double."""
    scale = mpf(2) ** (bits - 1 - int(floor(log(abs(x), 2))))
    return double(floor(x * scale) / scale)


def text(x):
    return float(x).hex() if x else "0.0"


def row(*values):
    print("    {" + ", ".join(text(v) for v in values) + "},")


print("""/* Made by tools/math_table.py; not to be edited. */
#ifndef PR_ENGINE_BASE_MATH_TABLE_H
#define PR_ENGINE_BASE_MATH_TABLE_H

enum { N_EXP = 128, N_LOG = 128, N_ERF = 97 };
/* clang-format off */
""")

n_exp, n_log = 128, 128
ln2 = log(mpf(2))
step = ln2 / n_exp
step_hi = cut(step, 34)
print("/* ln 2 / N_EXP: the first has 34 bits, so a multiple below 2^19 is exact. */")
print(f"static const double EXP_STEP[2] = {{{text(step_hi)}, {text(step - mpf(step_hi))}}};")
print(f"static const double EXP_STEPS_PER_ONE = {text(1 / step)};")
ln2_hi = cut(ln2, 40)
print("/* ln 2: the first has 40 bits, so its product with an exponent is exact. */")
print(f"static const double LN2[2] = {{{text(ln2_hi)}, {text(ln2 - mpf(ln2_hi))}}};")
rest = pi / 2
parts = []
for _ in range(3):
    parts.append(cut(rest, 33))
    rest -= mpf(parts[-1])
parts.append(double(rest))
print("/* pi / 2 in three parts of 33 bits, whose multiples below 2^20 are exact, and a rest. */")
print("static const double HALF_PI[4] = {" + ", ".join(text(p) for p in parts) + "};")
print(f"static const double TWO_OVER_PI = {text(2 / pi)};")
print("/* 2 / sqrt(pi), less 1 in the second. */")
print(f"static const double TWO_OVER_SQRT_PI = {text(2 / sqrt(pi))};")
print(f"static const double TWO_OVER_SQRT_PI_LESS_1 = {text(2 / sqrt(pi) - 1)};")

print("\n/* 2^(i / N_EXP) */\nstatic const double EXP_TABLE[N_EXP][2] = {")
for i in range(n_exp):
    row(*pair(mpf(2) ** (mpf(i) / n_exp)))
print("};")

print("""
/* Of mantissas z in [0.6875, 1.375): slot i of the bits of z; 1/c by 9 bits, and -log(1/c). */
static const double LOG_TABLE[N_LOG][3] = {""")
for i in range(n_log):
    # Slot i begins where (bits(z) - bits(0.6875)) >> 45 becomes i.
    mantissa = 0x3FE6000000000000 + (i << 45)
    exponent = (mantissa >> 52) - 1023
    low = mpf(2) ** exponent * (1 + mpf(mantissa & ((1 << 52) - 1)) / 2 ** 52)
    width = mpf(2) ** exponent / 128
    inverse = floor(512 / (low + width / 2) + mpf(1) / 2) / 512
    if low == 1 or low + width == 1:
        inverse = mpf(1)
    row(double(inverse), *(pair(-log(inverse)) if inverse != 1 else (0.0, 0.0)))
print("};")

print("\n/* At c = i / 16: erf(c), and its slope 2 / sqrt(pi) exp(-c^2). */")
print("static const double ERF_TABLE[N_ERF][3] = {")
for i in range(97):
    c = mpf(i) / 16
    row(*pair(erf(c)), double(2 / sqrt(pi) * exp(-c * c)))
print("};")
print("/* clang-format on */\n\n#endif")
