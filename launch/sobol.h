/**
 * Sobol sequences: points that fill a cube evenly, whatever their number.
 */
#ifndef PR_LAUNCH_SOBOL_H
#define PR_LAUNCH_SOBOL_H

#include <stdint.h>

enum { PR_SOBOL_MAX_DIMENSIONS = 64 };

/**
 * Coordinate DIMENSION (from 0, below PR_SOBOL_MAX_DIMENSIONS) of point I (from 0, below 2^32) in Gray
 * code order (Antonov and Saleev 1979), as 32 bits behind the point: divided by 2^32 it is in [0, 1).
 * Joe and Kuo's direction numbers (2008). XORed by bits of one's own, the same for all points of a
 * dimension, it is a shifted sequence as even as this.
 */
uint32_t pr_sobol(int dimension, uint32_t i);

#endif
