#include "dataset/forge_swap.h"

#include "dataset/blur.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

const char *const PR_MASK_WORDS[PR_MASK_KINDS] = {"face", "inner", "lower", "centre", "mouth"};
const char *const PR_PLACE_WORDS[PR_PLACE_KINDS] = {"similarity", "piecewise"};

/* Landmarks FIRST .. LAST of a mask. */
typedef struct span {
    int first, last;
} span;

/*
 * iBUG: 0-16 outline of the jaw, 17-26 eyebrows, 27-35 nose (30 its tip), 36-47 eyes, 48-67 mouth.
 */
enum { MAX_SPANS = 3 };
static const span SPANS[PR_MASK_KINDS][MAX_SPANS] = {
    [PR_MASK_FACE] = {{0, 67}, {0, -1}, {0, -1}},
    [PR_MASK_INNER] = {{17, 67}, {6, 10}, {0, -1}},
    [PR_MASK_LOWER] = {{30, 35}, {3, 13}, {48, 67}},
    [PR_MASK_CENTRE] = {{27, 67}, {0, -1}, {0, -1}},
    [PR_MASK_MOUTH] = {{48, 67}, {0, -1}, {0, -1}},
};

pr_swap_style pr_swap_style_default(void)
{
    return (pr_swap_style){.mask = PR_MASK_FACE,
                           .shrink = 0.04,
                           .softness = 0.02,
                           .strength = 1,
                           .colour = 0.8,
                           .place = PR_PLACE_SIMILARITY,
                           .flicker = 0.01};
}

pr_status pr_swap_style_check(const pr_swap_style *style)
{
    PR_REQUIRE(style->shrink >= 0 && style->shrink < 1, PR_ERR_INVALID,
               "swap: shrink = %g, must be in [0, 1)", style->shrink);
    PR_REQUIRE(style->softness >= 0 && style->softness <= 0.5, PR_ERR_INVALID,
               "swap: softness = %g, must be in [0, 0.5]", style->softness);
    PR_REQUIRE(style->strength > 0 && style->strength <= 1, PR_ERR_INVALID,
               "swap: strength = %g, must be in (0, 1]", style->strength);
    PR_REQUIRE(style->colour >= 0 && style->colour <= 1, PR_ERR_INVALID,
               "swap: colour = %g, must be in [0, 1]", style->colour);
    PR_REQUIRE(style->flicker >= 0 && style->flicker <= 1, PR_ERR_INVALID,
               "swap: flicker = %g, must be in [0, 1]", style->flicker);
    PR_REQUIRE(style->mask < PR_MASK_KINDS && style->place < PR_PLACE_KINDS, PR_ERR_INVALID,
               "swap: mask kind %d of %d, place kind %d of %d", (int)style->mask,
               (int)PR_MASK_KINDS, (int)style->place, (int)PR_PLACE_KINDS);
    return PR_OK;
}

static double distance(double ax, double ay, double bx, double by)
{
    return sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by));
}

double pr_eye_distance(const double points[PR_N_LANDMARKS][2])
{
    double eye[2][2] = {{0, 0}, {0, 0}};
    for (int i = 0; i < 12; i++) {
        eye[i / 6][0] += points[36 + i][0] / 6;
        eye[i / 6][1] += points[36 + i][1] / 6;
    }
    return distance(eye[0][0], eye[0][1], eye[1][0], eye[1][1]);
}

double pr_face_width(const double points[PR_N_LANDMARKS][2])
{
    return distance(points[0][0], points[0][1], points[16][0], points[16][1]);
}

typedef struct point {
    double x, y;
} point;

static double turn_of(point a, point b, point c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/* Andrew's monotone chain: sorts P and writes the convex hull to HULL [2 n]; returns its corners. */
static int hull_of(point *p, int n, point *hull)
{
    for (int i = 1; i < n; i++) { /* 68 points: insertion sort, and its order is total */
        const point q = p[i];
        int j = i;
        while (j > 0 && (p[j - 1].x > q.x || (p[j - 1].x == q.x && p[j - 1].y > q.y))) {
            p[j] = p[j - 1];
            j--;
        }
        p[j] = q;
    }
    int k = 0;
    for (int i = 0; i < n; i++) {
        while (k >= 2 && turn_of(hull[k - 2], hull[k - 1], p[i]) <= 0) {
            k--;
        }
        hull[k++] = p[i];
    }
    const int lower = k + 1;
    for (int i = n - 2; i >= 0; i--) {
        while (k >= lower && turn_of(hull[k - 2], hull[k - 1], p[i]) <= 0) {
            k--;
        }
        hull[k++] = p[i];
    }
    return k - 1;
}

int pr_mask_landmarks(pr_mask_kind kind, int indices[PR_N_LANDMARKS])
{
    int n = 0;
    for (int s = 0; s < MAX_SPANS; s++) {
        for (int i = SPANS[kind][s].first; i <= SPANS[kind][s].last; i++) {
            indices[n++] = i;
        }
    }
    return n;
}

static int shrunken_hull(const double points[PR_N_LANDMARKS][2], const int *indices, int n,
                         double shrink, point *hull)
{
    point p[PR_N_LANDMARKS];
    for (int i = 0; i < n; i++) {
        p[i] = (point){points[indices[i]][0], points[indices[i]][1]};
    }
    const int n_hull = hull_of(p, n, hull);
    point mid = {0, 0};
    for (int i = 0; i < n_hull; i++) {
        mid.x += hull[i].x / n_hull;
        mid.y += hull[i].y / n_hull;
    }
    for (int i = 0; i < n_hull; i++) {
        hull[i].x += (mid.x - hull[i].x) * shrink;
        hull[i].y += (mid.y - hull[i].y) * shrink;
    }
    return n_hull;
}

/* Where the line at height Y enters and leaves the convex polygon; false where it misses it. */
static bool cross(const point *hull, int n, double y, double *left, double *right)
{
    bool any = false;
    for (int i = 0; i < n; i++) {
        const point a = hull[i];
        const point b = hull[(i + 1) % n];
        if ((a.y <= y) == (b.y <= y)) {
            continue;
        }
        const double x = a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
        *left = any ? fmin(*left, x) : x;
        *right = any ? fmax(*right, x) : x;
        any = true;
    }
    return any;
}

/* Each pixel's covered area: four lines a row, exact along x. */
static void fill(const point *hull, int n, const pr_image_u8 *mask)
{
    enum { LINES = 4 };
    for (int y = 0; y < mask->height; y++) {
        double left[LINES];
        double right[LINES];
        int n_lines = 0;
        for (int k = 0; k < LINES; k++) {
            n_lines += cross(hull, n, y + (k + 0.5) / LINES - 0.5, &left[n_lines], &right[n_lines]);
        }
        for (int x = 0; x < mask->width; x++) {
            double area = 0;
            for (int k = 0; k < n_lines; k++) {
                const double covered = fmin(right[k], x + 0.5) - fmax(left[k], x - 0.5);
                area += covered > 0 ? covered / LINES : 0;
            }
            mask->data[(ptrdiff_t)y * mask->width + x] = (uint8_t)(255 * area + 0.5);
        }
    }
}

pr_status pr_mask_fill(const double points[PR_N_LANDMARKS][2], const int *indices, int n,
                       double shrink, const pr_image_u8 *mask)
{
    enum { MIN_CORNERS = 3 };
    point hull[2 * PR_N_LANDMARKS] = {{0, 0}};
    const int n_corners = shrunken_hull(points, indices, n, shrink, hull);
    PR_REQUIRE(n_corners >= MIN_CORNERS, PR_ERR_INVALID,
               "swap: the mask's landmarks have a hull of %d corners, must be at least %d",
               n_corners, MIN_CORNERS);
    fill(hull, n_corners, mask);
    return PR_OK;
}

pr_status pr_swap_mask(const pr_swap_style *style, const double points[PR_N_LANDMARKS][2],
                       const pr_image_u8 *mask)
{
    int indices[PR_N_LANDMARKS];
    const int n = pr_mask_landmarks(style->mask, indices);
    PR_TRY(pr_mask_fill(points, indices, n, style->shrink, mask));
    const double sigma = fmin(style->softness * pr_face_width(points), PR_BLUR_MAX_SIGMA);
    if (sigma > 0.1) { /* below, the edge's own pixel holds all of the blur */
        uint16_t *const scratch =
            pr_calloc((int64_t)pr_blur_scratch(mask->width, mask->height), sizeof(uint16_t));
        PR_REQUIRE(scratch != NULL, PR_ERR_NOMEM, "swap: a mask of %d x %d", mask->width,
                   mask->height);
        const pr_status status =
            pr_blur_plane(mask->data, mask->width, mask->height, sigma, scratch);
        pr_free(scratch);
        PR_TRY(status);
    }
    if (style->outer) {
        const int64_t n_pixels = (int64_t)mask->width * mask->height;
        for (int64_t i = 0; i < n_pixels; i++) {
            mask->data[i] = (uint8_t)(255 - mask->data[i]);
        }
    }
    return PR_OK;
}

void pr_swap_mask_bounds(const pr_image_u8 *mask, pr_rect *out, bool *any)
{
    int x0 = mask->width;
    int x1 = -1;
    int y0 = mask->height;
    int y1 = -1;
    for (int y = 0; y < mask->height; y++) {
        for (int x = 0; x < mask->width; x++) {
            if (mask->data[(ptrdiff_t)y * mask->width + x] != 0) {
                x0 = x < x0 ? x : x0;
                x1 = x > x1 ? x : x1;
                y0 = y < y0 ? y : y0;
                y1 = y;
            }
        }
    }
    *any = x1 >= 0;
    *out = *any ? (pr_rect){.x = x0, .y = y0, .width = x1 - x0 + 1, .height = y1 - y0 + 1}
                : (pr_rect){0};
}
