#include "dataset/procedural_face.h"

#include <math.h>

/* The point that is drawn, and what is known of it. */
typedef struct spot {
    double x, y; /* in the head's units, in the picture */
    double u, v; /* on the plane of the features */
    double t, z; /* sine and cosine of the angle around the head: -1 .. 1, 0 .. 1 */
    double soft; /* half a pixel's edge */
} spot;

static double cut(double v, double low, double high)
{
    return v < low ? low : (v > high ? high : v);
}

/* 0 outside, 1 inside, for a signed distance that is negative inside. */
static double inside(double distance, double soft)
{
    const double t = cut(0.5 - 0.5 * distance / soft, 0, 1);
    return t * t * (3 - 2 * t);
}

/* A round hill of height 1 and radius 1. */
static double hill(double dx, double dy)
{
    const double left = 1 - dx * dx - dy * dy;
    return left > 0 ? left * left : 0;
}

static void paint(double colour[3], const double with[3], double share)
{
    for (int c = 0; c < 3; c++) {
        colour[c] += share * (with[c] - colour[c]);
    }
}

static void shade(double colour[3], double factor)
{
    for (int c = 0; c < 3; c++) {
        colour[c] *= factor;
    }
}

/* Smooth noise from a table of -1 .. 1 that repeats. */
static double noise(const float *table, double x, double y)
{
    enum { MASK = PR__TEXTURE_SIDE - 1 };
    const double x0 = floor(x);
    const double y0 = floor(y);
    const double fx = x - x0;
    const double fy = y - y0;
    const double sx = fx * fx * (3 - 2 * fx);
    const double sy = fy * fy * (3 - 2 * fy);
    const int ix = (int)x0;
    const int iy = (int)y0;
    const float *const top = table + (ptrdiff_t)(iy & MASK) * PR__TEXTURE_SIDE;
    const float *const low = table + (ptrdiff_t)((iy + 1) & MASK) * PR__TEXTURE_SIDE;
    const double a = top[ix & MASK] + sx * (top[(ix + 1) & MASK] - top[ix & MASK]);
    const double b = low[ix & MASK] + sx * (low[(ix + 1) & MASK] - low[ix & MASK]);
    return a + sy * (b - a);
}

static void draw_background(const pr__scene *s, const spot *p, double colour[3])
{
    const double along = p->x * s->back_angle[0] + p->y * s->back_angle[1];
    const double t =
        cut(0.5 + 0.2 * along + 0.35 * noise(s->texture, 0.7 * p->x, 0.7 * p->y), 0, 1);
    for (int c = 0; c < 3; c++) {
        colour[c] = s->back[0][c] + t * (s->back[1][c] - s->back[0][c]);
    }
    /* Something stands behind: edges of large cells, and grain. */
    const double cell = noise(s->texture, 1.3 * p->x + 17, 1.3 * p->y + 5);
    shade(colour, 1 + 0.25 * inside(0.2 - cell, 6 * p->soft) +
                      0.08 * noise(s->texture, 9 * p->x, 9 * p->y));
}

static void draw_hair_behind(const pr__person *q, const spot *p, double colour[3])
{
    const double reach = q->hair_wide * q->width;
    const double top = q->top - 0.22;
    const double mid = -0.6;
    const double y = p->y < mid ? (p->y - mid) / (top - mid) : 0;
    const double across = p->x / reach;
    const double edge = (sqrt(across * across + y * y) - 1) * reach;
    const double low = (p->y - q->hair_length);
    const double share = inside(edge > low ? edge : low, 2.5 * p->soft);
    double strand[3] = {q->hair[0], q->hair[1], q->hair[2]};
    shade(strand, 0.75 + 0.35 * noise(q->texture, 14 * p->x, 2.5 * p->y));
    paint(colour, strand, share);
}

static void draw_body(const pr__person *q, const pr__scene *s, const spot *p, double colour[3])
{
    double neck[3] = {q->skin[0], q->skin[1], q->skin[2]};
    const double round = cut(p->x / 0.75, -1, 1);
    shade(neck, (s->ambient + 0.6 * s->diffuse * sqrt(1 - round * round)) *
                    (0.72 + 0.2 * cut(p->y - q->chin, 0, 1)));
    const double width = 0.68 * q->width;
    const double sides = (p->x < 0 ? -p->x : p->x) - width;
    paint(colour, neck, p->y > 0 ? inside(sides, p->soft) : 0);

    const double slope = 1.75 + 0.22 * p->x * p->x - 0.25 * hill(p->x / 0.9, 0);
    double cloth[3] = {s->shirt[0], s->shirt[1], s->shirt[2]};
    shade(cloth, 0.8 + 0.25 * noise(s->texture, 3 * p->x, 1.5 * p->y) +
                     0.06 * noise(s->texture, 20 * p->x, 20 * p->y));
    const double collar = 0.35 * hill(p->x / 0.6, 0);
    paint(colour, cloth, inside(slope + collar - p->y, p->soft));
}

/* Light on the round head, and on what stands out of it. */
static double light_on(const pr__person *q, const pr__scene *s, const spot *p)
{
    const double ny = cut(0.55 * (p->v + 0.3), -0.75, 0.75);
    const double nx = p->t * sqrt(1 - ny * ny);
    const double nz = sqrt(cut(1 - nx * nx - ny * ny, 0, 1));
    const double facing = nx * s->light[0] + ny * s->light[1] + nz * s->light[2];
    double level = s->ambient + s->diffuse * cut(facing, 0, 1);

    /* The nose: a ridge whose flanks face left and right, and a ball at its tip. */
    const double bridge = q->eye_y;
    const double along = cut((p->v - bridge) / (q->nose_y - bridge), 0, 1.15);
    const double half = 0.07 + 0.6 * q->nose_w * along;
    const double flank = p->u / half;
    if (flank > -1.6 && flank < 1.6 && p->v > bridge - 0.1 && p->v < q->nose_y + 0.12) {
        const double fall = flank * hill(flank / 1.6, 0) * along;
        level += 1.1 * s->diffuse * fall * s->light[0];
    }
    level += 0.16 * s->diffuse * hill(p->u / 0.13, (p->v - q->nose_y + 0.12) / 0.15);
    level -= 0.22 * hill(p->u / (1.1 * q->nose_w), (p->v - q->nose_y - 0.13) / 0.10);

    /* Sockets, cheeks, the shadow under the lower lip, the chin. */
    for (int side = -1; side <= 1; side += 2) {
        level -=
            0.20 * hill((p->u - side * q->eye_x * 0.85) / 0.38, (p->v - q->eye_y + 0.1) / 0.28);
        level -= 0.10 * hill((p->u - side * q->eye_x) / 0.30, (p->v - q->eye_y - 0.17) / 0.10);
        level += 0.09 * hill((p->u - side * 0.62) / 0.40, (p->v + 0.12) / 0.35);
        level -= 0.10 * hill((p->u - side * (q->nose_w + 0.16)) / 0.09, (p->v - 0.27) / 0.25);
    }
    level -= 0.16 * hill(p->u / 0.30, (p->v - q->mouth_y - q->lip_lower - 0.10) / 0.09);
    level += 0.07 * hill(p->u / 0.30, (p->v - q->chin + 0.22) / 0.2);
    return level;
}

static void draw_skin(const pr__person *q, const spot *p, double colour[3])
{
    for (int c = 0; c < 3; c++) {
        colour[c] = q->skin[c];
    }
    const double blotch = noise(q->texture, 3.1 * p->u, 3.1 * p->v);
    const double pores = noise(q->texture, 19 * p->u + 7, 19 * p->v);
    colour[1] *= 1 - q->blotches * blotch;
    colour[2] *= 1 - 1.3 * q->blotches * blotch;
    shade(colour, 1 + 0.035 * pores + 0.03 * noise(q->texture, 8 * p->u, 8 * p->v + 31));
    if (q->freckles > 0) {
        const double dots = noise(q->texture, 12 * p->u + 40, 12 * p->v + 3);
        const double where = hill(p->u / 1.0, (p->v + 0.15) / 0.55);
        shade(colour, 1 - 0.45 * q->freckles * where * cut(3 * dots - 1.2, 0, 1));
    }
    /* Cheeks and nose are redder. */
    const double red = hill((p->u - 0.6) / 0.45, (p->v + 0.05) / 0.4) +
                       hill((p->u + 0.6) / 0.45, (p->v + 0.05) / 0.4) +
                       0.8 * hill(p->u / 0.2, (p->v - 0.02) / 0.25);
    colour[1] *= 1 - 0.08 * red;
    colour[2] *= 1 - 0.07 * red;
    if (q->beard > 0) {
        const double low = cut(2.5 * (p->v - 0.2) + 1.2 * (p->u * p->u - 0.25), 0, 1);
        const double lip = hill(p->u / 0.45, (p->v - q->mouth_y + 0.16) / 0.13);
        const double grain = 0.7 + 0.5 * noise(q->texture, 26 * p->u, 26 * p->v);
        paint(colour, q->hair, cut(q->beard * (low + lip) * grain, 0, 0.85));
    }
}

static void draw_brow(const pr__person *q, const pr__scene *s, const spot *p, double u,
                      double colour[3])
{
    const double x = (u + q->eye_x + 0.06) / q->brow_w;
    if (x < -1.1 || x > 1.1) {
        return;
    }
    const double off = p->v - pr__brow_line(q, s, x);
    const double thick = q->brow_thick * (0.65 + 0.35 * x) * (x > 0.8 ? (1.1 - x) / 0.3 : 1);
    const double share = inside((off < 0 ? -off : off) - thick, 3 * p->soft);
    paint(colour, q->hair, share * (0.75 + 0.25 * noise(q->texture, 30 * p->u, 9 * p->v)));
}

static void draw_eye(const pr__person *q, const pr__scene *s, const spot *p, double side,
                     double colour[3])
{
    const double dx = p->u - side * q->eye_x;
    const double x = dx / q->eye_w;
    if (x < -1.25 || x > 1.25) {
        return;
    }
    const double inner = cut(x, -1, 1);
    const double dy = p->v - q->eye_y + q->eye_tilt * x * side;
    const double above = -pr__lid_upper(q, inner) - dy;
    const double below = dy - pr__lid_lower(q, inner);
    double edge = above > below ? above : below;
    const double corner = ((x < 0 ? -x : x) - 1) * q->eye_w;
    edge = corner > edge ? corner : edge;

    static const double WHITE[3] = {0.90, 0.88, 0.86};
    static const double PUPIL[3] = {0.03, 0.03, 0.03};
    double eye[3] = {WHITE[0], WHITE[1], WHITE[2]};
    shade(eye, 1 - 0.35 * hill(0, (above + 0.01) / 0.07) - 0.2 * inner * inner);
    const double gx = dx - s->gaze_x;
    const double gy = dy - s->gaze_y + 0.012;
    const double from = sqrt(gx * gx + gy * gy);
    const double iris = 0.088;
    double ring[3] = {q->iris[0], q->iris[1], q->iris[2]};
    shade(ring, 1.25 - 0.9 * cut(from / iris, 0, 1) * cut(from / iris, 0, 1));
    paint(eye, ring, inside(from - iris, p->soft));
    paint(eye, PUPIL, inside(from - 0.04, p->soft));
    const double hx = gx + 0.03 * (s->light[0] < 0 ? 1 : -1);
    const double hy = gy + 0.03;
    static const double GLINT[3] = {1, 1, 1};
    paint(eye, GLINT, 0.9 * inside(sqrt(hx * hx + hy * hy) - 0.018, p->soft));
    paint(colour, eye, inside(edge, p->soft));

    /* Lashes on the upper lid, and the fold above it. */
    double lash[3] = {0.35 * q->hair[0], 0.35 * q->hair[1], 0.35 * q->hair[2]};
    const double lid = (above < 0 ? -above : above) - 0.016;
    paint(colour, lash, 0.85 * inside(lid > corner ? lid : corner, p->soft));
    const double fold = above - 0.055;
    shade(colour,
          1 - 0.22 * inside((fold < 0 ? -fold : fold) - 0.012, 2 * p->soft) * (corner < 0 ? 1 : 0));
}

static void draw_nostrils(const pr__person *q, const spot *p, double colour[3])
{
    for (int side = -1; side <= 1; side += 2) {
        const double dx = (p->u - side * 0.52 * q->nose_w) / (0.33 * q->nose_w);
        const double dy = (p->v - q->nose_y - 0.015) / 0.04;
        shade(colour, 1 - 0.6 * hill(dx, dy));
        const double wing = (p->u - side * q->nose_w) / 0.05;
        shade(colour, 1 - 0.25 * hill(wing, (p->v - q->nose_y + 0.05) / 0.11));
    }
}

static void draw_mouth(const pr__person *q, const pr__scene *s, const spot *p, double colour[3])
{
    const double x = p->u / q->mouth_w;
    if (x <= -1 || x >= 1) {
        return;
    }
    double line[4];
    pr__mouth_lines(q, s, x, line);
    const double outer = line[0] - p->v > p->v - line[3] ? line[0] - p->v : p->v - line[3];
    double lips[3] = {q->lips[0], q->lips[1], q->lips[2]};
    const bool upper = p->v < 0.5 * (line[1] + line[2]);
    shade(lips, upper ? 0.88 : 1.0 + 0.12 * hill(x / 0.5, (p->v - line[2] - 0.05) / 0.05));
    shade(lips, 1 + 0.06 * noise(q->texture, 30 * p->u, 6 * p->v));
    paint(colour, lips, inside(outer, 1.5 * p->soft));

    const double inner = line[1] - p->v > p->v - line[2] ? line[1] - p->v : p->v - line[2];
    static const double DARK[3] = {0.16, 0.06, 0.05};
    static const double TEETH[3] = {0.88, 0.86, 0.80};
    double mouth[3] = {DARK[0], DARK[1], DARK[2]};
    paint(mouth, TEETH, inside(p->v - line[1] - 0.05, p->soft) * cut(1.2 - x * x * 2, 0, 1));
    paint(colour, mouth, 0.9 * inside(inner - 0.008, p->soft));
}

static void draw_ears(const pr__person *q, const pr__scene *s, const spot *p, double colour[3])
{
    for (int side = -1; side <= 1; side += 2) {
        const double dx = (p->x - side * (q->width + 0.03)) / 0.15;
        const double dy = (p->y + 0.42) / 0.34;
        double ear[3] = {q->skin[0], q->skin[1] * 0.93, q->skin[2] * 0.92};
        shade(ear, (s->ambient + s->diffuse * cut(0.5 + 0.5 * side * s->light[0], 0, 1)) *
                       (1 - 0.35 * hill(dx / 0.7, dy / 0.7)));
        paint(colour, ear, inside((sqrt(dx * dx + dy * dy) - 1) * 0.15, p->soft));
    }
}

static void draw_head(const pr__person *q, const pr__scene *s, spot *p, double colour[3])
{
    const double width = pr__head_width(q, p->y);
    const double x = p->x - pr__head_lean(q, s, p->y);
    const double side = x < 0 ? -x : x;
    const double ends = p->y > 0 ? p->y - q->chin : q->top - p->y;
    const double edge = side - width > ends ? side - width : ends;
    if (edge > p->soft || width <= 0) {
        return;
    }
    p->t = cut(x / width, -1, 1);
    p->z = sqrt(1 - p->t * p->t);
    p->u = (p->t * s->cos_yaw - p->z * s->sin_yaw) * q->width;
    p->v = p->y - s->pitch * p->z;

    double face[3];
    draw_skin(q, p, face);
    draw_nostrils(q, p, face);
    draw_mouth(q, s, p, face);
    shade(face, light_on(q, s, p));
    draw_eye(q, s, p, -1, face);
    draw_eye(q, s, p, 1, face);
    draw_brow(q, s, p, p->u, face);
    draw_brow(q, s, p, -p->u, face);
    const double strand = 0.06 * noise(q->texture, 11 * p->u, 3 * p->v);
    const double line = q->hairline + 0.45 * p->u * p->u * p->u * p->u / 1.5 + strand;
    double hair[3] = {q->hair[0], q->hair[1], q->hair[2]};
    shade(hair, (0.75 + 0.35 * noise(q->texture, 15 * p->u, 3 * p->v)) *
                    (s->ambient + s->diffuse * cut(0.4 + p->z, 0, 1)));
    paint(face, hair, inside(p->v - line, 5 * p->soft));
    paint(colour, face, inside(edge, p->soft));
}

static void draw_spot(const pr__person *q, const pr__scene *s, spot *p, uint8_t *out)
{
    double colour[3];
    draw_background(s, p, colour);
    draw_hair_behind(q, p, colour);
    draw_body(q, s, p, colour);
    draw_ears(q, s, p, colour);
    draw_head(q, s, p, colour);
    for (int c = 0; c < 3; c++) {
        out[c] = (uint8_t)(255 * cut(colour[c] * s->tint[c], 0, 1) + 0.5);
    }
}

pr_status pr_procedural_photo(const pr_procedural *what, pr_image_u8 *out)
{
    enum { MAX_NUMBER = 65534, MIN_SIDE_PX = 64 };
    PR_REQUIRE(what->identity >= 0 && what->identity <= MAX_NUMBER && what->video >= 0 &&
                   what->video <= MAX_NUMBER && what->size_px >= MIN_SIDE_PX,
               PR_ERR_INVALID,
               "procedural: person %d, video %d (each in 0 .. %d), %d pixels (at least %d)",
               what->identity, what->video, MAX_NUMBER, what->size_px, MIN_SIDE_PX);
    pr__person person;
    pr__scene scene;
    pr__person_draw(what, &person);
    pr__scene_draw(what, &scene);
    PR_TRY(pr_image_create(what->size_px, what->size_px, 3, out));
    uint8_t *at = out->data;
    for (int y = 0; y < what->size_px; y++) {
        for (int x = 0; x < what->size_px; x++) {
            spot p = {.x = x, .y = y, .soft = 0.8 * scene.units_per_px};
            pr_map_apply(scene.to_units, &p.x, &p.y);
            draw_spot(&person, &scene, &p, at);
            at += 3;
        }
    }
    return PR_OK;
}
