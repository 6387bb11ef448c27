/** Spectra of grey pictures, in double. Shared by the report's files only. */
#ifndef PR_REPORT_SPECTRUM_H
#define PR_REPORT_SPECTRUM_H

#include "engine/base/status.h"

#include <stdint.h>

/**
 * The two-dimensional spectrum of each block of SIDE x SIDE pixels of GREY [n, n] (SIDE divides n; one
 * block where they are equal), in levels of 0 to 255, written into the block's own place with the zero
 * frequency at row and column SIDE / 2, rounded down:
 *
 *     F(u, v) = sum over rows x and columns y of grey e^(-2 pi i (u x + v y) / SIDE)
 *     AMPLITUDE = log(1 + |F|)     PHASE = the angle of F in (-pi, pi]
 *
 * The phase is 0 where |F| <= e = 1e-6 * 255 SIDE^2 and takes a part within e of 0 for +0, so that no
 * rounding chooses it; frequencies that are their own mirror image are real: all as the op
 * patch_spectrum has it (engine/ops/patch_spectrum.c, where F is divided by
 * 255 SIDE^2). Both outputs are [n, n]. Not collective.
 *
 * Errors: PR_ERR_NOMEM; PR_ERR_INVALID where SIDE does not divide N.
 */
pr_status pr__spectrum(const double *grey, int64_t n, int64_t side, double *amplitude,
                       double *phase);

#endif
