/**
 * What is drawn: inside of procedural*.c only.
 *
 * Features live on a plane (u, v) whose unit is about the distance of the eyes, u to the right and v
 * down, with the bridge of the nose near (0, -0.5). The head is a stack of circles: at height v
 * its outline is at half-width w(v), and u is the sine of an angle around the vertical axis. Yaw turns that
 * angle, pitch shifts v by the depth, so that both directions, plane to picture and picture to plane,
 * have closed forms and landmarks are exact.
 */
#ifndef PR_DATASET_PROCEDURAL_FACE_H
#define PR_DATASET_PROCEDURAL_FACE_H

#include "dataset/procedural.h"

enum { PR__TEXTURE_SIDE = 64 };

typedef struct pr__person {
    double width, chin, top, jaw; /* half-width at the cheeks; heights of chin and top; 1: oval */
    double eye_x, eye_y, eye_w, eye_h, eye_tilt;
    double brow_y, brow_w, brow_arch, brow_thick;
    double nose_y, nose_w;
    double mouth_y, mouth_w, lip_upper, lip_lower;
    double hairline, hair_length, hair_wide;
    double skin[3], hair[3], iris[3], lips[3];
    double freckles, blotches, beard;
    float texture[PR__TEXTURE_SIDE * PR__TEXTURE_SIDE]; /* -1 .. 1 */
} pr__person;

typedef struct pr__scene {
    double sin_yaw, cos_yaw, pitch;
    double smile, open, brow_raise, gaze_x, gaze_y;
    double light[3], ambient, diffuse, tint[3];
    double to_pixels[6], to_units[6]; /* between the head's units and pixels */
    double units_per_px;
    double back[2][3], back_angle[2], shirt[3];
    float texture[PR__TEXTURE_SIDE * PR__TEXTURE_SIDE];
} pr__scene;

void pr__person_draw(const pr_procedural *what, pr__person *p);
void pr__scene_draw(const pr_procedural *what, pr__scene *s);

/** The head's half-width at height V of the picture; 0 above the top and below the chin. */
double pr__head_width(const pr__person *person, double v);

/** How far the head's axis leans at height V: the chin goes with the yaw. */
double pr__head_lean(const pr__person *person, const pr__scene *scene, double v);

/** The lids: their height above and below the line of the eye's corners, at X in -1 .. 1 of it. */
double pr__lid_upper(const pr__person *person, double x);
double pr__lid_lower(const pr__person *person, double x);

/** An eyebrow's middle line at X in -1 .. 1 of its width, from outer to inner end. */
double pr__brow_line(const pr__person *person, const pr__scene *scene, double x);

/** The mouth at X in -1 .. 1 of its width: upper edge, upper inner, lower inner, lower edge. */
void pr__mouth_lines(const pr__person *person, const pr__scene *scene, double x, double out[4]);

#endif
