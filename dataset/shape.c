#include "dataset/shape.h"

#include <math.h>

void pr_shape_of(const float *points, float shape[PR_SHAPE_N])
{
    double mean[2] = {0, 0};
    double square = 0;
    for (int i = 0; i < PR_SHAPE_N; i++) {
        mean[i % 2] += (double)points[i] / PR_N_LANDMARKS;
    }
    for (int i = 0; i < PR_SHAPE_N; i++) {
        const double d = (double)points[i] - mean[i % 2];
        square += d * d;
    }
    const double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (int i = 0; i < PR_SHAPE_N; i++) {
        shape[i] = (float)(((double)points[i] - mean[i % 2]) * scale);
    }
}

double pr_shape_distance(const float *a, const float *b)
{
    double sum[4] = {0, 0, 0, 0};
    for (int i = 0; i < PR_SHAPE_N; i += 4) {
        for (int k = 0; k < 4; k++) {
            const double d = (double)a[i + k] - (double)b[i + k];
            sum[k] += d * d;
        }
    }
    return sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}
