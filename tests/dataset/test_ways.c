/* A training view comes from planes and by rows: what that is worth beside evaluation's way. */
#include "dataset/augment_private.h"
#include "tests/dataset/views.h"

#include <math.h>

/* Options under which a training view is what evaluation sees. */
static pr_augment_options nothing_drawn(void)
{
    pr_augment_options o = simclr();
    o.crop_scale_min = 1.0;
    o.crop_ratio_min = 90.0 / 70.0;
    o.crop_ratio_max = 90.0 / 70.0;
    o.flip_prob = 0.0;
    o.jitter_prob = 0.0;
    o.grey_prob = 0.0;
    o.blur_prob = 0.0;
    o.jpeg_prob = 0.0;
    return o;
}

/* Renders F under OPTIONS; the floats are grey levels, as mean and std then say. */
static void render_levels(const pr_augment_options *options, const file *f, float *image)
{
    pr_augment_options o = *options;
    pr_renderer *renderer = NULL;
    const pr_draw_key key = {7, 0, 3, 1, 0};
    for (int c = 0; c < 3; c++) {
        o.mean[c] = 0.0;
        o.std[c] = 1.0 / 255.0;
    }
    CHECK_OK(pr_renderer_create(&o, 90, 70, OUT, &renderer));
    CHECK_OK(pr_render(renderer, &key, f->image_bytes, f->n_image_bytes, NULL, 0, image, NULL));
    pr_renderer_destroy(&renderer);
}

/* The way of training, from planes and by rows, comes to what evaluation's way does: within its rounding
   to bytes for a PNG, and near for a JPEG, whose chroma are not resampled twice. */
static void test_both_ways(void)
{
    static float training[N_OUT * 3];
    static float want[N_OUT * 3];
    const pr_augment_options options = nothing_drawn();
    const pr_augment_options eval = evaluation();
    for (int quality = 0; quality <= 90; quality += 90) {
        file f = make_file(quality);
        double most = 0.0;
        double sum = 0.0;
        render_levels(&options, &f, training);
        render_levels(&eval, &f, want);
        for (int i = 0; i < N_OUT * 3; i++) {
            const double off = fabs((double)training[i] - (double)want[i]);
            most = fmax(most, off);
            sum += off;
        }
        CHECK(most < (quality == 0 ? 0.6 : 12.0) && sum / (N_OUT * 3) < 0.8,
              "quality %d: off by %g, %g on average", quality, most, sum / (N_OUT * 3));
        free_file(&f);
    }
}

/* Contrast turns about the mean grey of the picture as the operations before it leave it. */
static void test_contrast(void)
{
    static float training[N_OUT * 3];
    static float plain[N_OUT * 3];
    pr_augment_options options = nothing_drawn();
    file f = make_file(0);
    render_levels(&options, &f, plain);
    options.jitter_prob = 1.0;
    options.brightness = 0.0;
    options.saturation = 0.0;
    options.hue = 0.0;
    render_levels(&options, &f, training);
    double mean = 0.0;
    for (int i = 0; i < N_OUT; i++) {
        const float *p = plain + (size_t)3 * (size_t)i;
        mean += (0.299 * (double)p[0] + 0.587 * (double)p[1] + 0.114 * (double)p[2]) / N_OUT;
    }
    const pr_draw_key key = {7, 0, 3, 1, PR_FOR_AUGMENT};
    pr__augment_draws d;
    pr__augment_draw(&options, &key, 90, 70, &d);
    double most = 0.0;
    for (int i = 0; i < N_OUT * 3; i++) {
        const double factor = d.ops[0].amount;
        const double want = factor * (double)plain[i] + (1.0 - factor) * mean;
        most = fmax(most, fabs((double)training[i] - fmin(fmax(want, 0.0), 255.0)));
    }
    CHECK(d.n_ops == 1 && fabs(d.ops[0].amount - 1.0) > 0.1, "%d operations by %g", d.n_ops,
          d.ops[0].amount);
    CHECK(most < 0.5, "contrast by %g is off by %g", d.ops[0].amount, most);
    free_file(&f);
}

int main(void)
{
    test_both_ways();
    test_contrast();
    return check_exit_code();
}
