#include "dataset/procedural_face.h"

#include "engine/base/draw.h"
#include "engine/base/math.h"

#include <math.h>

/* Draws: epoch is the topic, place the person, view the video (from 1; 0 is the person). */
enum { TOPIC_PERSON = 1, TOPIC_PERSON_TEXTURE = 2, TOPIC_SCENE = 3, TOPIC_SCENE_TEXTURE = 4 };

static pr_draw_key key_of(const pr_procedural *what, uint32_t topic)
{
    const bool is_scene = topic == TOPIC_SCENE || topic == TOPIC_SCENE_TEXTURE;
    return (pr_draw_key){.seed = what->seed,
                         .epoch = topic,
                         .place = (uint32_t)what->identity,
                         .view = (uint16_t)(is_scene ? what->video + 1 : 0),
                         .purpose = PR_FOR_SHAPE};
}

/* The draws of one topic, numbered as they are taken. */
typedef struct drawer {
    pr_draw_key key;
    uint32_t number;
} drawer;

static double between(drawer *d, double low, double high)
{
    return pr_draw_between(&d->key, d->number++, low, high);
}

static void texture_of(const pr_draw_key *key, float *out)
{
    for (uint32_t i = 0; i < PR__TEXTURE_SIDE * PR__TEXTURE_SIDE / 4; i++) {
        uint32_t bits[4];
        pr_draw_bits(key, i, bits);
        for (int j = 0; j < 4; j++) {
            *out++ = (float)(bits[j] >> 8) * (2.0F / 16777216.0F) - 1.0F;
        }
    }
}

static void mix(const double a[3], const double b[3], double t, double out[3])
{
    for (int c = 0; c < 3; c++) {
        out[c] = a[c] + t * (b[c] - a[c]);
    }
}

static void draw_colours(drawer *d, pr__person *p)
{
    static const double FAIR[3] = {0.95, 0.79, 0.70};
    static const double DARK[3] = {0.40, 0.26, 0.19};
    static const double BLACK_HAIR[3] = {0.08, 0.06, 0.05};
    static const double FAIR_HAIR[3] = {0.78, 0.62, 0.38};
    static const double BROWN[3] = {0.25, 0.15, 0.08};
    static const double BLUE[3] = {0.35, 0.50, 0.62};
    const double melanin = between(d, 0, 1);
    mix(FAIR, DARK, melanin * melanin, p->skin);
    p->skin[1] *= between(d, 0.96, 1.04);
    p->skin[2] *= between(d, 0.92, 1.08);
    const double blond = between(d, 0, 1) * (1 - melanin);
    mix(BLACK_HAIR, FAIR_HAIR, blond, p->hair);
    p->hair[0] *= between(d, 0.9, 1.25);
    mix(BROWN, BLUE, between(d, 0, 1) * (1 - melanin), p->iris);
    const double red = between(d, 0.05, 0.3);
    p->lips[0] = p->skin[0] * (0.95 - 0.2 * red);
    p->lips[1] = p->skin[1] * (0.80 - 0.7 * red);
    p->lips[2] = p->skin[2] * (0.82 - 0.6 * red);
    p->freckles = between(d, -0.5, 1);
    p->blotches = between(d, 0.02, 0.09);
    p->beard = between(d, -1, 0.9);
}

void pr__person_draw(const pr_procedural *what, pr__person *p)
{
    drawer d = {.key = key_of(what, TOPIC_PERSON)};
    p->width = between(&d, 1.08, 1.26);
    p->chin = between(&d, 1.12, 1.32);
    p->top = between(&d, -2.15, -1.9);
    p->jaw = between(&d, 0.15, 0.95);
    p->eye_x = between(&d, 0.46, 0.54);
    p->eye_y = between(&d, -0.64, -0.55);
    p->eye_w = between(&d, 0.175, 0.225);
    p->eye_h = between(&d, 0.065, 0.105);
    p->eye_tilt = between(&d, -0.03, 0.05);
    p->brow_y = p->eye_y - between(&d, 0.24, 0.36);
    p->brow_w = between(&d, 0.27, 0.35);
    p->brow_arch = between(&d, 0.02, 0.12);
    p->brow_thick = between(&d, 0.03, 0.07);
    p->nose_y = between(&d, 0.07, 0.2);
    p->nose_w = between(&d, 0.16, 0.27);
    p->mouth_y = between(&d, 0.44, 0.56);
    p->mouth_w = between(&d, 0.34, 0.47);
    p->lip_upper = between(&d, 0.05, 0.11);
    p->lip_lower = between(&d, 0.08, 0.15);
    p->hairline = between(&d, -1.65, -1.35);
    p->hair_length = between(&d, -0.9, 2.2);
    p->hair_wide = between(&d, 1.06, 1.25);
    draw_colours(&d, p);
    const pr_draw_key key = key_of(what, TOPIC_PERSON_TEXTURE);
    texture_of(&key, p->texture);
}

/* Places the head: its units become pixels by a scale, a roll and a shift. */
static void draw_pose(drawer *d, int size_px, pr__scene *s)
{
    const double yaw = between(d, -0.30, 0.30);
    s->sin_yaw = pr_sin(yaw);
    s->cos_yaw = pr_cos(yaw);
    s->pitch = between(d, -0.12, 0.12);
    const double scale = size_px * between(d, 0.165, 0.19);
    const double roll = between(d, -0.12, 0.12);
    const double x = size_px * between(d, 0.46, 0.54);
    const double y = size_px * between(d, 0.52, 0.58);
    const double a = scale * pr_cos(roll);
    const double b = scale * pr_sin(roll);
    const double map[6] = {a, -b, x, b, a, y};
    const double n = a * a + b * b;
    const double back[6] = {a / n, b / n, -(a * x + b * y) / n, -b / n, a / n, (b * x - a * y) / n};
    for (int i = 0; i < 6; i++) {
        s->to_pixels[i] = map[i];
        s->to_units[i] = back[i];
    }
    s->units_per_px = 1 / scale;
}

void pr__scene_draw(const pr_procedural *what, pr__scene *s)
{
    drawer d = {.key = key_of(what, TOPIC_SCENE)};
    draw_pose(&d, what->size_px, s);
    s->smile = between(&d, -0.03, 0.10);
    s->open = between(&d, -0.10, 0.14);
    s->open = s->open > 0 ? s->open : 0;
    s->brow_raise = between(&d, -0.04, 0.05);
    s->gaze_x = between(&d, -0.05, 0.05);
    s->gaze_y = between(&d, -0.02, 0.02);

    const double lx = between(&d, -0.85, 0.85);
    const double ly = between(&d, -0.65, 0.05);
    const double n = sqrt(lx * lx + ly * ly + 0.7 * 0.7);
    s->light[0] = lx / n;
    s->light[1] = ly / n;
    s->light[2] = 0.7 / n;
    s->ambient = between(&d, 0.40, 0.62);
    s->diffuse = between(&d, 0.98, 1.10) - s->ambient;
    const double warm = between(&d, -0.05, 0.05);
    s->tint[0] = 1 + warm;
    s->tint[1] = 1;
    s->tint[2] = 1 - warm;
    for (int side = 0; side < 2; side++) { /* walls are paler than clothes */
        const double grey = between(&d, 0.2, 0.8);
        for (int c = 0; c < 3; c++) {
            s->back[side][c] = grey + between(&d, -0.15, 0.15);
        }
    }
    for (int c = 0; c < 3; c++) {
        s->shirt[c] = between(&d, 0.08, 0.85);
    }
    const double angle = between(&d, 0, 2 * PR_PI);
    s->back_angle[0] = pr_cos(angle);
    s->back_angle[1] = pr_sin(angle);
    const pr_draw_key key = key_of(what, TOPIC_SCENE_TEXTURE);
    texture_of(&key, s->texture);
}

/* The cheeks' height, where the head is widest. */
static const double CHEEK = -0.45;

double pr__head_width(const pr__person *p, double v)
{
    const double s = v < CHEEK ? (v - CHEEK) / (p->top - CHEEK) : (v - CHEEK) / (p->chin - CHEEK);
    const double oval = v < CHEEK ? 0.7 : p->jaw;
    const double left = 1 - oval * s * s - (1 - oval) * s * s * s * s;
    return left > 0 ? p->width * sqrt(left) : 0;
}

double pr__head_lean(const pr__person *p, const pr__scene *s, double v)
{
    const double below = v > CHEEK ? (v - CHEEK) / (p->chin - CHEEK) : 0;
    return 0.5 * s->sin_yaw * below * below;
}

double pr__lid_upper(const pr__person *p, double x)
{
    return p->eye_h * (1 - x * x);
}

double pr__lid_lower(const pr__person *p, double x)
{
    return 0.65 * p->eye_h * (1 - x * x);
}

double pr__brow_line(const pr__person *p, const pr__scene *s, double x)
{
    return p->brow_y - s->brow_raise - p->brow_arch * (1 - (x + 0.2) * (x + 0.2)) + 0.03 * (1 - x);
}

void pr__mouth_lines(const pr__person *p, const pr__scene *s, double x, double out[4])
{
    const double arc = 1 - x * x;
    const double middle = p->mouth_y - s->smile * x * x;
    const double dip = x * x < 0.09 ? 1 - x * x / 0.09 : 0; /* Cupid's bow */
    out[1] = middle - 0.3 * s->open * arc;
    out[2] = middle + 0.7 * s->open * arc;
    out[0] = out[1] - p->lip_upper * arc * (1 - 0.25 * dip);
    out[3] = out[2] + p->lip_lower * arc;
}

/* From the plane of the features to pixels. */
static void place(const pr__person *p, const pr__scene *s, double u, double v, double out[2])
{
    const double sine = u / p->width;
    const double depth = sqrt(1 - sine * sine);
    const double t = sine * s->cos_yaw + depth * s->sin_yaw;
    const double z = depth * s->cos_yaw - sine * s->sin_yaw;
    const double y = v + s->pitch * z;
    out[0] = t * pr__head_width(p, y) + pr__head_lean(p, s, y);
    out[1] = y;
    pr_map_apply(s->to_pixels, &out[0], &out[1]);
}

/* The outline is where the head ends in the picture, whatever its pose. */
static void place_jaw(const pr__person *p, const pr__scene *s, double points[][2])
{
    static const double HEIGHT[9] = {-0.47, -0.21, 0.03, 0.25, 0.48, 0.67, 0.80, 0.92, 1};
    for (int i = 0; i < 17; i++) {
        const double v = HEIGHT[i < 8 ? i : 16 - i] * p->chin;
        const double w = pr__head_width(p, v) * (i < 8 ? -1 : (i > 8 ? 1 : 0));
        points[i][0] = w + pr__head_lean(p, s, v);
        points[i][1] = v;
        pr_map_apply(s->to_pixels, &points[i][0], &points[i][1]);
    }
}

static void place_eyes_and_brows(const pr__person *p, const pr__scene *s, double points[][2])
{
    static const double EYE_X[6] = {-1, -1.0 / 3, 1.0 / 3, 1, 1.0 / 3, -1.0 / 3};
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < 5; i++) {
            const double x = -1 + 0.5 * i; /* outer to inner */
            const double u = -p->eye_x - 0.06 + x * p->brow_w;
            const int n = side == 0 ? 17 + i : 26 - i;
            place(p, s, side == 0 ? u : -u, pr__brow_line(p, s, x), points[n]);
        }
        for (int i = 0; i < 6; i++) {
            /* The outer corner is at -1 of the left eye and at +1 of the right one. */
            const double x = EYE_X[i];
            const double lid = i < 3 ? -pr__lid_upper(p, x) : pr__lid_lower(p, x);
            const double outward = side == 0 ? -x : x;
            const double v = p->eye_y + lid - p->eye_tilt * outward;
            place(p, s, (side == 0 ? -p->eye_x : p->eye_x) + x * p->eye_w, v,
                  points[(side == 0 ? 36 : 42) + i]);
        }
    }
}

static void place_nose_and_mouth(const pr__person *p, const pr__scene *s, double points[][2])
{
    static const double OUTER[7] = {-1, -0.66, -0.22, 0, 0.22, 0.66, 1};
    static const double INNER[5] = {-0.92, -0.31, 0, 0.31, 0.92};
    const double bridge = p->eye_y;
    for (int i = 0; i < 4; i++) {
        place(p, s, 0, bridge + (p->nose_y - 0.1 - bridge) * i / 3, points[27 + i]);
    }
    for (int i = 0; i < 5; i++) {
        const double x = -1 + 0.5 * i;
        place(p, s, x * p->nose_w, p->nose_y + 0.04 * (1 - x * x), points[31 + i]);
    }
    double line[4];
    for (int i = 0; i < 7; i++) {
        pr__mouth_lines(p, s, OUTER[i], line);
        place(p, s, OUTER[i] * p->mouth_w, line[0], points[48 + i]);
        if (i > 0 && i < 6) {
            place(p, s, OUTER[i] * p->mouth_w, line[3], points[60 - i]);
        }
    }
    for (int i = 0; i < 5; i++) {
        pr__mouth_lines(p, s, INNER[i], line);
        place(p, s, INNER[i] * p->mouth_w, line[1], points[60 + i]);
        if (i > 0 && i < 4) {
            place(p, s, INNER[i] * p->mouth_w, line[2], points[68 - i]);
        }
    }
}

void pr_procedural_face(const pr_procedural *what, pr_face *out)
{
    pr__person person;
    pr__scene scene;
    pr__person_draw(what, &person);
    pr__scene_draw(what, &scene);
    place_jaw(&person, &scene, out->points);
    place_eyes_and_brows(&person, &scene, out->points);
    place_nose_and_mouth(&person, &scene, out->points);

    double low[2] = {out->points[0][0], out->points[0][1]};
    double high[2] = {low[0], low[1]};
    for (int i = 1; i < PR_N_LANDMARKS; i++) {
        for (int c = 0; c < 2; c++) {
            low[c] = fmin(low[c], out->points[i][c]);
            high[c] = fmax(high[c], out->points[i][c]);
        }
    }
    /* Detectors' boxes hold the forehead: about a quarter of what lies between brows and chin. */
    low[1] -= 0.28 * (high[1] - low[1]);
    out->box_x = low[0];
    out->box_y = low[1];
    out->box_w = high[0] - low[0];
    out->box_h = high[1] - low[1];
    out->width = what->size_px;
    out->height = what->size_px;
    out->file = "";
    out->identity = "";
}
