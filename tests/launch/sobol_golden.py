#!/usr/bin/python3
"""Writes sobol_golden.h: points 1, 1000 and 123456 of SciPy's Sobol sequence in 64 dimensions, as 32 bits.

SciPy's has 30 bits: the two behind them are 0 in points below 2^30 (a point below 2^n has n bits).
"""
from scipy.stats import qmc

POINTS = (1, 1000, 123456)
rows = []
for i in POINTS:
    sampler = qmc.Sobol(64, scramble=False)
    sampler.fast_forward(i)
    rows.append([int(x * 2**32) for x in sampler.random(1)[0]])
print("/* Made by sobol_golden.py with SciPy. */\n/* clang-format off */")
for d in range(64):
    print("{%s}," % ", ".join("%dU" % row[d] for row in rows))
