/*
 * Loops over elements, left to the compiler: without reassociation its bits are those of the
 * written order at any vector length.
 */
#ifndef PR_ENGINE_CPU_LOOPS_POINT_H
#define PR_ENGINE_CPU_LOOPS_POINT_H

#include <stdbool.h>
#include <stdint.h>

static void relu(int64_t n, const float *restrict x, float *restrict y)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] = x[i] > 0.0F ? x[i] : 0.0F;
    }
}

static void relu_grad(int64_t n, const float *restrict x_or_y, const float *restrict dy,
                      float *restrict dx, bool add)
{
    if (add) {
        for (int64_t i = 0; i < n; i++) {
            dx[i] += x_or_y[i] > 0.0F ? dy[i] : 0.0F;
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        dx[i] = x_or_y[i] > 0.0F ? dy[i] : 0.0F;
    }
}

static void sum_of_two(int64_t n, const float *restrict a, const float *restrict b,
                       float *restrict y, bool with_relu)
{
    if (with_relu) {
        for (int64_t i = 0; i < n; i++) {
            const float v = a[i] + b[i];
            y[i] = v > 0.0F ? v : 0.0F;
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        y[i] = a[i] + b[i];
    }
}

static void add_to(int64_t n, const float *restrict x, float *restrict y)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

static void column_sums(int64_t n_rows, int64_t n_cols, const float *restrict x,
                        double *restrict sum)
{
    for (int64_t c = 0; c < n_cols; c++) {
        sum[c] = 0.0;
    }
    for (int64_t r = 0; r < n_rows; r++) {
        for (int64_t c = 0; c < n_cols; c++) {
            sum[c] += (double)x[r * n_cols + c];
        }
    }
}

static void outer_sums(int64_t n_rows, int64_t n_out, int64_t n_in, const float *restrict dy,
                       const float *restrict x, double *restrict dw)
{
    for (int64_t o = 0; o < n_out; o++) {
        double *restrict row = dw + o * n_in;
        for (int64_t i = 0; i < n_in; i++) {
            row[i] = 0.0;
        }
        for (int64_t r = 0; r < n_rows; r++) {
            const double g = (double)dy[r * n_out + o];
            for (int64_t i = 0; i < n_in; i++) {
                row[i] += g * (double)x[r * n_in + i];
            }
        }
    }
}

#endif
