#include "dataset/forge_bench.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

/* The square that is cut out of a photograph, and how it is shrunk. */
typedef struct square {
    double x, y, side; /* middle and side, in pixels of the photograph */
    double scale;      /* pixels of the working picture a pixel of the photograph */
} square;

static double keep_inside(double middle, double side, double length)
{
    const double half = side / 2;
    const double high = length - 0.5 - half; /* pixel centres are whole numbers */
    const double v = middle < half - 0.5 ? half - 0.5 : middle;
    return v > high ? high : v;
}

/*
 * MARGIN times the longer side of the face box, about its middle; shrunk and moved where it would
 * leave the photograph, so that no crop shows what is not there.
 */
static square square_of(const pr_forge_options *o, const pr_face *face)
{
    square s = {.side = o->margin * fmax(face->box_w, face->box_h)};
    s.side = fmin(s.side, fmin(face->width, face->height));
    s.x = keep_inside(face->box_x + face->box_w / 2, s.side, face->width);
    s.y = keep_inside(face->box_y + face->box_h / 2, s.side, face->height);
    s.scale = fmin(1, o->detail * o->size_px / s.side);
    return s;
}

static void map_points(const double map[6], const double in[PR_N_LANDMARKS][2],
                       double out[PR_N_LANDMARKS][2])
{
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        out[i][0] = in[i][0];
        out[i][1] = in[i][1];
        pr_map_apply(map, &out[i][0], &out[i][1]);
    }
}

static int between(double v, int high)
{
    return v < 0 ? 0 : (v > high ? high : (int)v);
}

/* What of the frame has to be made: all of it for H.264, else what the crop reaches. */
static pr_rect shown_rect(const pr__bench *bench, double x, double y, double side)
{
    const int n = bench->side;
    if (bench->options->n_crf > 0) {
        return (pr_rect){.width = n, .height = n};
    }
    const double reach = side / 2 + 2;
    pr_rect rect = {.x = between(floor(x - reach), n - 1), .y = between(floor(y - reach), n - 1)};
    rect.width = between(ceil(x + reach), n - 1) - rect.x + 1;
    rect.height = between(ceil(y + reach), n - 1) - rect.y + 1;
    return rect;
}

static pr_status plan_frame(const pr__bench *bench, const square *s, double face_px, int frame,
                            pr__frame *out)
{
    const pr_forge_options *const o = bench->options;
    const double middle = (bench->side - 1) / 2.0;
    const double centre[2] = {middle, middle};
    pr_sequence_draw(&o->sequence, &bench->key, frame, centre, face_px, &out->seen);

    const double side = s->side * s->scale * out->seen.zoom * out->seen.jitter_scale;
    const double x = out->seen.centre_x + out->seen.jitter_x * side;
    const double y = out->seen.centre_y + out->seen.jitter_y * side;
    const double step = side / o->size_px; /* pixels of the frame a pixel of the crop */
    const double half = (o->size_px - 1) / 2.0;
    const double back[6] = {step, 0, x - half * step, 0, step, y - half * step};
    memcpy(out->crop_to_frame, back, sizeof(back));
    out->shown = shown_rect(bench, x, y, side);
    PR_TRY(pr_map_invert(back, out->crop_map));

    double to_still[6];
    PR_TRY(pr_map_invert(out->seen.motion, to_still));
    pr_map_compose(to_still, back, out->crop_to_still);
    for (ptrdiff_t i = 0; i < PR_N_LANDMARKS; i++) {
        double px = bench->points[i][0];
        double py = bench->points[i][1];
        pr_map_apply(out->seen.motion, &px, &py);
        pr_map_apply(out->crop_map, &px, &py);
        out->landmarks[2 * i] = (float)px;
        out->landmarks[2 * i + 1] = (float)py;
    }
    return PR_OK;
}

static pr_status create_pictures(pr__bench *b)
{
    PR_TRY(pr_canvas_create(b->side, b->side, &b->pristine));
    PR_TRY(pr_canvas_create(b->side, b->side, &b->forged));
    PR_TRY(pr_canvas_create(b->side, b->side, &b->aligned));
    PR_TRY(pr_canvas_create(b->side, b->side, &b->moved));
    PR_TRY(pr_field_create(b->side, b->side, &b->field));
    return pr_image_create(b->side, b->side, 1, &b->mask);
}

pr_status pr__bench_create(const pr_forge *forge, const pr__photo *photo,
                           const pr_image_u8 *picture, pr__bench *bench)
{
    const pr_forge_options *const o = &forge->options;
    const square s = square_of(o, &photo->face);
    *bench = (pr__bench){.options = o, .key = {.seed = o->seed, .place = photo->place}};

    /* A quarter wider than the crop, and whole macroblocks of 16 pixels for H.264. */
    bench->side = 16 * (int)ceil(1.25 * s.side * s.scale / 16 - 1e-9);
    PR_TRY(create_pictures(bench));
    const double middle = (bench->side - 1) / 2.0;
    const double to_work[6] = {s.scale, 0,       middle - s.scale * s.x,
                               0,       s.scale, middle - s.scale * s.y};
    double to_photo[6];
    PR_TRY(pr_map_invert(to_work, to_photo));
    PR_TRY(pr_canvas_shrink(picture, to_photo, bench->side, bench->side, bench->pristine.data));
    map_points(to_work, photo->face.points, bench->points);

    bool any = false;
    PR_TRY(pr_swap_mask(&o->style, (const double(*)[2])bench->points, &bench->mask));
    pr_swap_mask_bounds(&bench->mask, &bench->bounds, &any);

    bench->plan = pr_calloc(o->n_frames, sizeof(*bench->plan));
    PR_REQUIRE(bench->plan != NULL, PR_ERR_NOMEM, "forge: %d frames", o->n_frames);
    const double face_px = s.scale * fmax(photo->face.box_w, photo->face.box_h);
    for (int i = 0; i < o->n_frames; i++) {
        PR_TRY(plan_frame(bench, &s, face_px, i, &bench->plan[i]));
    }
    return PR_OK;
}

void pr__bench_destroy(pr__bench *bench)
{
    pr_canvas_destroy(&bench->pristine);
    pr_canvas_destroy(&bench->forged);
    pr_canvas_destroy(&bench->aligned);
    pr_canvas_destroy(&bench->moved);
    pr_canvas_destroy(&bench->donor);
    pr_field_destroy(&bench->field);
    pr_image_destroy(&bench->mask);
    pr_free(bench->plan);
    *bench = (pr__bench){0};
}

typedef struct extent {
    double x, y;   /* middle of the landmarks */
    double spread; /* their root mean square distance from it */
    double reach;  /* their largest distance from it, along an axis */
} extent;

static extent extent_of(const double points[PR_N_LANDMARKS][2])
{
    extent e = {0};
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        e.x += points[i][0] / PR_N_LANDMARKS;
        e.y += points[i][1] / PR_N_LANDMARKS;
    }
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        const double x = points[i][0] - e.x;
        const double y = points[i][1] - e.y;
        e.spread += (x * x + y * y) / PR_N_LANDMARKS;
        e.reach = fmax(e.reach, fmax(fabs(x), fabs(y)));
    }
    e.spread = sqrt(e.spread);
    return e;
}

pr_status pr__bench_set_donor(pr__bench *bench, const pr_face *face, const pr_image_u8 *picture)
{
    const extent donor = extent_of(face->points);
    const extent target = extent_of((const double(*)[2])bench->points);
    PR_REQUIRE(donor.spread > 0, PR_ERR_FORMAT, "forge: the landmarks of '%s' are one point",
               face->file);
    /* A donor is shrunk here and never enlarged: enlarging is left to the sampling at its place.
     * Twice the landmarks' reach shows what any mask of the face can ask for. */
    const double scale = fmin(1, target.spread / donor.spread);
    const int side = (int)ceil(4 * donor.reach * scale) + 8;
    const double middle = (side - 1) / 2.0;
    const double to_work[6] = {scale, 0,     middle - scale * donor.x,
                               0,     scale, middle - scale * donor.y};
    double to_photo[6];
    PR_TRY(pr_map_invert(to_work, to_photo));
    pr_canvas_destroy(&bench->donor);
    PR_TRY(pr_canvas_create(side, side, &bench->donor));
    PR_TRY(pr_canvas_shrink(picture, to_photo, side, side, bench->donor.data));
    map_points(to_work, face->points, bench->donor_points);
    return PR_OK;
}

static pr_nudge nudge_of(const pr__bench *bench, int frame, int slot)
{
    const pr_draw_key key = {.seed = bench->key.seed,
                             .epoch = PR__TOPIC_FLICKER,
                             .place = bench->key.place,
                             .view = (uint16_t)frame,
                             .purpose = PR_FOR_FORGE};
    const double size = bench->options->style.flicker;
    const uint32_t first = 4 * (uint32_t)slot;
    return (pr_nudge){.x = size * pr_draw_between(&key, first, -1, 1),
                      .y = size * pr_draw_between(&key, first + 1, -1, 1),
                      .turn = size * pr_draw_between(&key, first + 2, -1, 1),
                      .scale = 1 + size * pr_draw_between(&key, first + 3, -1, 1)};
}

pr_status pr__bench_swap(pr__bench *bench, int frame, int slot)
{
    const pr_swap_style *const style = &bench->options->style;
    const pr_nudge nudge = nudge_of(bench, frame, slot);
    PR_TRY(pr_swap_place(style->place, (const double(*)[2])bench->points,
                         (const double(*)[2])bench->donor_points, &nudge, &bench->bounds,
                         &bench->field));
    pr_canvas_sample(&bench->donor, &bench->field, &bench->bounds, &bench->aligned);
    pr_swap_match_colour(&bench->pristine, &bench->mask, &bench->bounds, style->colour,
                         &bench->aligned);
    memcpy(bench->forged.data, bench->pristine.data,
           sizeof(float) * 3 * (size_t)bench->side * (size_t)bench->side);
    pr_swap_blend(&bench->pristine, &bench->aligned, &bench->mask, &bench->bounds, style->strength,
                  &bench->forged);
    return PR_OK;
}

pr_status pr__bench_film(pr__bench *bench, int frame, const pr_canvas *still,
                         const pr_image_u8 *out)
{
    const pr__frame *const plan = &bench->plan[frame];
    return pr_sequence_render(&plan->seen, &bench->key, frame, still, &plan->shown, &bench->field,
                              &bench->moved, out);
}

pr_status pr__bench_mask_crop(const pr__bench *bench, int frame, const pr_image_u8 *out)
{
    PR_TRY(pr_image_shrink(&bench->mask, bench->plan[frame].crop_to_still, out));
    const double strength = bench->options->style.strength;
    if (strength < 1) {
        for (int64_t i = 0; i < (int64_t)out->width * out->height; i++) {
            out->data[i] = (uint8_t)(strength * out->data[i] + 0.5);
        }
    }
    return PR_OK;
}
