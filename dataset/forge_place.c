#include "dataset/forge_swap.h"

#include "engine/base/math.h"

#include <math.h>

enum { N_RING = 8, N_CORNERS = PR_N_LANDMARKS + N_RING };

/*
 * The Delaunay triangles of the mean of 330 frontal faces, made symmetric, and of a ring of eight
 * points around it (numbers 68 to 75, at angles of 0, 45, ... degrees, three eye distances from the
 * middle), which move with the similarity: so the map is continuous well beyond the hull.
 */
static const uint8_t TRIANGLES[][3] = {
    {0, 1, 36},   {0, 1, 72},   {0, 17, 36},  {0, 17, 73},  {0, 72, 73},  {1, 2, 41},
    {1, 2, 72},   {1, 36, 41},  {2, 3, 31},   {2, 3, 72},   {2, 31, 41},  {3, 4, 48},
    {3, 4, 72},   {3, 31, 48},  {4, 5, 48},   {4, 5, 71},   {4, 71, 72},  {5, 6, 48},
    {5, 6, 71},   {6, 7, 59},   {6, 7, 71},   {6, 48, 59},  {7, 8, 58},   {7, 8, 70},
    {7, 58, 59},  {7, 70, 71},  {8, 9, 56},   {8, 9, 70},   {8, 56, 57},  {8, 57, 58},
    {9, 10, 55},  {9, 10, 69},  {9, 55, 56},  {9, 69, 70},  {10, 11, 54}, {10, 11, 69},
    {10, 54, 55}, {11, 12, 54}, {11, 12, 69}, {12, 13, 54}, {12, 13, 68}, {12, 68, 69},
    {13, 14, 35}, {13, 14, 68}, {13, 35, 54}, {14, 15, 46}, {14, 15, 68}, {14, 35, 46},
    {15, 16, 45}, {15, 16, 68}, {15, 45, 46}, {16, 26, 45}, {16, 26, 75}, {16, 68, 75},
    {17, 18, 36}, {17, 18, 73}, {18, 19, 37}, {18, 19, 74}, {18, 36, 37}, {18, 73, 74},
    {19, 20, 37}, {19, 20, 74}, {20, 21, 38}, {20, 21, 74}, {20, 37, 38}, {21, 22, 27},
    {21, 22, 74}, {21, 27, 39}, {21, 38, 39}, {22, 23, 43}, {22, 23, 74}, {22, 27, 42},
    {22, 42, 43}, {23, 24, 44}, {23, 24, 74}, {23, 43, 44}, {24, 25, 44}, {24, 25, 74},
    {25, 26, 45}, {25, 26, 75}, {25, 44, 45}, {25, 74, 75}, {27, 28, 39}, {27, 28, 42},
    {28, 29, 40}, {28, 29, 47}, {28, 39, 40}, {28, 42, 47}, {29, 30, 31}, {29, 30, 35},
    {29, 31, 40}, {29, 35, 47}, {30, 31, 32}, {30, 32, 33}, {30, 33, 34}, {30, 34, 35},
    {31, 32, 50}, {31, 40, 41}, {31, 48, 49}, {31, 49, 50}, {32, 33, 50}, {33, 34, 52},
    {33, 50, 51}, {33, 51, 52}, {34, 35, 52}, {35, 46, 47}, {35, 52, 53}, {35, 53, 54},
    {36, 37, 41}, {37, 38, 41}, {38, 39, 40}, {38, 40, 41}, {42, 43, 47}, {43, 44, 46},
    {43, 46, 47}, {44, 45, 46}, {48, 49, 60}, {48, 59, 60}, {49, 50, 61}, {49, 59, 60},
    {49, 59, 67}, {49, 61, 67}, {50, 51, 62}, {50, 61, 62}, {51, 52, 62}, {52, 53, 63},
    {52, 62, 63}, {53, 54, 64}, {53, 55, 64}, {53, 55, 65}, {53, 63, 65}, {54, 55, 64},
    {55, 56, 65}, {56, 57, 66}, {56, 65, 66}, {57, 58, 66}, {58, 59, 67}, {58, 66, 67},
    {61, 62, 67}, {62, 63, 65}, {62, 65, 66}, {62, 66, 67},
};

static void to_floats(const double points[PR_N_LANDMARKS][2], float *out)
{
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        *out++ = (float)points[i][0];
        *out++ = (float)points[i][1];
    }
}

/* The jaw's outline is the least certain part and not what is looked at: brows, nose, eyes and
 * mouth fix the similarity. */
static pr_status fit(const double target[PR_N_LANDMARKS][2], const double donor[PR_N_LANDMARKS][2],
                     double map[6])
{
    enum { FIRST = 17 };
    float from[2 * PR_N_LANDMARKS];
    float to[2 * PR_N_LANDMARKS];
    to_floats(target, from);
    to_floats(donor, to);
    return pr_map_fit_similarity(from + (ptrdiff_t)2 * FIRST, to + (ptrdiff_t)2 * FIRST,
                                 PR_N_LANDMARKS - FIRST, map);
}

static void middle(const double points[PR_N_LANDMARKS][2], double out[2])
{
    out[0] = 0;
    out[1] = 0;
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        out[0] += points[i][0] / PR_N_LANDMARKS;
        out[1] += points[i][1] / PR_N_LANDMARKS;
    }
}

static void nudge_points(const double points[PR_N_LANDMARKS][2], const pr_nudge *nudge,
                         double out[PR_N_LANDMARKS][2])
{
    double m[2];
    middle(points, m);
    const double eyes = pr_eye_distance(points);
    const double a = nudge->scale * pr_cos(nudge->turn);
    const double b = nudge->scale * pr_sin(nudge->turn);
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        const double x = points[i][0] - m[0];
        const double y = points[i][1] - m[1];
        out[i][0] = m[0] + a * x - b * y + nudge->x * eyes;
        out[i][1] = m[1] + b * x + a * y + nudge->y * eyes;
    }
}

static int cut(double v, int low, int high)
{
    return v < low ? low : (v > high ? high : (int)v);
}

/* Twice the signed area of (a, b, p). */
static double side(const double *a, const double *b, double x, double y)
{
    return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
}

/* Pixels of triangle T get the place that its corners' places give by area coordinates. */
static void fill_triangle(const double from[N_CORNERS][2], const double to[N_CORNERS][2],
                          const uint8_t t[3], const pr_field *field)
{
    const double *const a = from[t[0]];
    const double *const b = from[t[1]];
    const double *const c = from[t[2]];
    const double area = side(a, b, c[0], c[1]);
    if (!(fabs(area) > 1e-9)) {
        return; /* it covers no pixel's centre */
    }
    const int x0 = cut(ceil(fmin(a[0], fmin(b[0], c[0]))), 0, field->width);
    const int x1 = cut(floor(fmax(a[0], fmax(b[0], c[0]))), -1, field->width - 1);
    const int y0 = cut(ceil(fmin(a[1], fmin(b[1], c[1]))), 0, field->height);
    const int y1 = cut(floor(fmax(a[1], fmax(b[1], c[1]))), -1, field->height - 1);
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            const double wa = side(b, c, x, y) / area;
            const double wb = side(c, a, x, y) / area;
            const double wc = 1 - wa - wb;
            if (wa < -1e-9 || wb < -1e-9 || wc < -1e-9) {
                continue;
            }
            float *const at = field->data + 2 * ((ptrdiff_t)y * field->width + x);
            at[0] = (float)(wa * to[t[0]][0] + wb * to[t[1]][0] + wc * to[t[2]][0]);
            at[1] = (float)(wa * to[t[0]][1] + wb * to[t[1]][1] + wc * to[t[2]][1]);
        }
    }
}

static void place_piecewise(const double target[PR_N_LANDMARKS][2],
                            const double donor[PR_N_LANDMARKS][2], const double map[6],
                            const pr_field *field)
{
    double from[N_CORNERS][2];
    double to[N_CORNERS][2];
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        for (int c = 0; c < 2; c++) {
            from[i][c] = target[i][c];
            to[i][c] = donor[i][c];
        }
    }
    double m[2];
    middle(target, m);
    const double radius = 3 * pr_eye_distance(target);
    for (int i = 0; i < N_RING; i++) {
        const double angle = 2 * PR_PI * i / N_RING;
        double x = m[0] + radius * pr_cos(angle);
        double y = m[1] + radius * pr_sin(angle);
        from[PR_N_LANDMARKS + i][0] = x;
        from[PR_N_LANDMARKS + i][1] = y;
        pr_map_apply(map, &x, &y);
        to[PR_N_LANDMARKS + i][0] = x;
        to[PR_N_LANDMARKS + i][1] = y;
    }
    const int n = (int)(sizeof(TRIANGLES) / sizeof(TRIANGLES[0]));
    for (int i = 0; i < n; i++) {
        fill_triangle((const double(*)[2])from, (const double(*)[2])to, TRIANGLES[i], field);
    }
}

pr_status pr_swap_place(pr_place_kind kind, const double target[PR_N_LANDMARKS][2],
                        const double donor[PR_N_LANDMARKS][2], const pr_nudge *nudge,
                        const pr_rect *rect, const pr_field *field)
{
    double moved[PR_N_LANDMARKS][2];
    double map[6];
    nudge_points(target, nudge, moved);
    PR_TRY(fit((const double(*)[2])moved, donor, map));
    pr_field_from_map(map, rect, field);
    if (kind == PR_PLACE_PIECEWISE) {
        place_piecewise((const double(*)[2])moved, donor, map, field);
    }
    return PR_OK;
}
