#include "dataset/sequence.h"

#include "engine/base/draw.h"
#include "engine/base/math.h"

#include <math.h>

/*
 * Draws are keyed by (seed, epoch = topic, place = the picture, view = the frame), purpose
 * PR_FOR_FORGE. What belongs to the sequence as a whole has frame 0 of its topic. Topics are never
 * renumbered: 1 path, 2 noise of a frame, 3 jitter of a frame; 4 to 6 are forge's.
 */
enum { TOPIC_PATH = 1, TOPIC_NOISE = 2, TOPIC_JITTER = 3 };

/* Draws of TOPIC_PATH: a wave takes three numbers from the first on. */
enum {
    DRAW_X = 0,
    DRAW_Y = 3,
    DRAW_TURN = 6,
    DRAW_ZOOM = 9,
    DRAW_GAIN = 12,
    DRAW_SLOPE_X = 15,
    DRAW_SLOPE_Y = 18,
    DRAW_TINT = 21, /* and 22, 23 */
    DRAW_NOISE = 24,
    DRAW_LEVEL = 25,
};

static pr_draw_key key_of(const pr_sequence_key *key, uint32_t topic, int frame)
{
    return (pr_draw_key){.seed = key->seed,
                         .epoch = topic,
                         .place = key->place,
                         .view = (uint16_t)frame,
                         .purpose = PR_FOR_FORGE};
}

/*
 * A smooth path within -1 .. 1: a slow and a faster wave (a hand that drifts and shakes), of drawn
 * phases and a drawn period between 16 and 60 frames.
 */
static double wave(const pr_draw_key *key, uint32_t number, int frame)
{
    const double period = pr_draw_between(key, number, 16, 60);
    const double slow = pr_draw_between(key, number + 1, 0, 2 * PR_PI);
    const double fast = pr_draw_between(key, number + 2, 0, 2 * PR_PI);
    const double t = 2 * PR_PI * (frame % 4096) / period;
    return 0.75 * pr_sin(t + slow) + 0.25 * pr_sin(3.7 * t + fast);
}

pr_sequence_options pr_sequence_default(void)
{
    return (pr_sequence_options){.motion = 1, .light = 1, .noise = 1, .jitter = 1};
}

void pr_sequence_draw(const pr_sequence_options *options, const pr_sequence_key *key, int frame,
                      const double centre[2], double face_px, pr_sequence_frame *out)
{
    const pr_draw_key path = key_of(key, TOPIC_PATH, 0);
    const double step = 0.03 * options->motion;
    const double shift_x = step * face_px * wave(&path, DRAW_X, frame);
    const double shift_y = step * face_px * wave(&path, DRAW_Y, frame);
    const double turn = 3 * PR_PI / 180 * options->motion * wave(&path, DRAW_TURN, frame);
    out->zoom = 1 + step * wave(&path, DRAW_ZOOM, frame);

    const double a = out->zoom * pr_cos(turn);
    const double b = out->zoom * pr_sin(turn);
    out->centre_x = centre[0] + shift_x;
    out->centre_y = centre[1] + shift_y;
    out->motion[0] = a;
    out->motion[1] = -b;
    out->motion[2] = out->centre_x - a * centre[0] + b * centre[1];
    out->motion[3] = b;
    out->motion[4] = a;
    out->motion[5] = out->centre_y - b * centre[0] - a * centre[1];

    const double light = 0.1 * options->light;
    const double gain = 1 + light * (0.6 * wave(&path, DRAW_GAIN, frame) +
                                     pr_draw_between(&path, DRAW_LEVEL, -1, 1));
    for (uint32_t c = 0; c < 3; c++) {
        out->gain[c] = gain * (1 + 0.4 * light * pr_draw_between(&path, DRAW_TINT + c, -1, 1));
    }
    out->slope_x = light * wave(&path, DRAW_SLOPE_X, frame) / face_px;
    out->slope_y = light * wave(&path, DRAW_SLOPE_Y, frame) / face_px;
    out->noise_sigma = options->noise * pr_draw_between(&path, DRAW_NOISE, 1, 4);

    const pr_draw_key jitter = key_of(key, TOPIC_JITTER, frame);
    out->jitter_x = 0.02 * options->jitter * pr_draw_between(&jitter, 0, -1, 1);
    out->jitter_y = 0.02 * options->jitter * pr_draw_between(&jitter, 1, -1, 1);
    out->jitter_scale = 1 + 0.02 * options->jitter * pr_draw_between(&jitter, 2, -1, 1);
}

/*
 * The noise of one pixel's channels from one draw: each the sum of four bytes, which is near enough to
 * a normal for a sensor (it ends at 3.4 sigma) and many times cheaper than logarithms. The sum of
 * four uniform bytes has mean 510 and variance 4 (256^2 - 1) / 12 = 21845.
 */
static void noise_of(const pr_draw_key *key, uint32_t pixel, float out[3])
{
    static const float SCALE = 1.0F / 147.80054F; /* 1 / sqrt(21845) */
    uint32_t bits[4];
    pr_draw_bits(key, pixel, bits);
    for (int i = 0; i < 3; i++) {
        const uint32_t sum =
            (bits[i] & 255U) + (bits[i] >> 8 & 255U) + (bits[i] >> 16 & 255U) + (bits[i] >> 24);
        out[i] = ((float)sum - 510.0F) * SCALE;
    }
}

/* One sample as the sensor gives it. */
static uint8_t seen(float lit, float sigma, float noise)
{
    /* Read-out noise and shot noise, whose variance grows with the light: equal at mid grey. */
    const float spread = sigma * sqrtf(0.5F + lit / 256.0F);
    const float v = lit + spread * noise + 0.5F;
    return v < 0 ? 0 : (v > 255 ? 255 : (uint8_t)v);
}

pr_status pr_sequence_render(const pr_sequence_frame *plan, const pr_sequence_key *key, int frame,
                             const pr_canvas *still, const pr_rect *rect, const pr_field *field,
                             const pr_canvas *moved, const pr_image_u8 *out)
{
    double back[6];
    PR_TRY(pr_map_invert(plan->motion, back));
    pr_field_from_map(back, rect, field);
    pr_canvas_sample(still, field, rect, moved);

    const pr_draw_key noise_key = key_of(key, TOPIC_NOISE, frame);
    const float sigma = (float)plan->noise_sigma;
    const float gain[3] = {(float)plan->gain[0], (float)plan->gain[1], (float)plan->gain[2]};
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        for (int x = rect->x; x < rect->x + rect->width; x++) {
            const float slope = (float)(1 + plan->slope_x * (x - plan->centre_x) +
                                        plan->slope_y * (y - plan->centre_y));
            const float light = slope > 0 ? slope : 0.0F;
            const int64_t pixel = (int64_t)y * out->width + x;
            float noise[3];
            noise_of(&noise_key, (uint32_t)pixel, noise);
            for (int c = 0; c < 3; c++) {
                const float lit = moved->data[3 * pixel + c] * gain[c] * light;
                out->data[3 * pixel + c] = seen(lit, sigma, noise[c]);
            }
        }
    }
    return PR_OK;
}
