#include "dataset/preview_faces.h"

#include "dataset/forge_bench.h"
#include "engine/base/alloc.h"

#include <string.h>

static pr_status list_reals(pr__faces *faces)
{
    const pr_samples *const samples = faces->samples;
    int64_t n_without = 0;
    int64_t first = -1;
    faces->reals = pr_calloc(pr_samples_n(samples), sizeof(*faces->reals));
    PR_REQUIRE(faces->reals != NULL, PR_ERR_NOMEM, "preview: a list of %lld crops",
               (long long)pr_samples_n(samples));
    for (int64_t i = 0; i < pr_samples_n(samples); i++) {
        int n_points = 0;
        int width = 0;
        int height = 0;
        if (pr_samples_at(samples, i)->label != PR_REAL) {
            continue;
        }
        (void)pr_samples_landmarks(samples, i, &n_points);
        if (n_points < PR_N_LANDMARKS) {
            first = n_without++ == 0 ? i : first;
            continue;
        }
        faces->reals[faces->n++] = i;
        pr_samples_size_px(samples, i, &width, &height);
        faces->width = width > faces->width ? width : faces->width;
        faces->height = height > faces->height ? height : faces->height;
    }
    char name[512];
    PR_REQUIRE(
        n_without == 0, PR_ERR_INVALID,
        "preview: %lld of %lld reals have no %d landmarks, which forged views are made from; "
        "the first is %s: pack the dataset with them",
        (long long)n_without, (long long)(faces->n + n_without), PR_N_LANDMARKS,
        pr_samples_name(samples, first, name, sizeof(name)));
    return PR_OK;
}

/* A shape has neither place nor size: a photograph's landmarks do for its crop's. */
static void shape_of(const pr__faces *faces, int64_t i, float shape[PR_SHAPE_N])
{
    int n = 0;
    float points[PR_SHAPE_N];
    if (faces->forge == NULL) {
        pr_shape_of(pr_samples_landmarks(faces->samples, faces->reals[i], &n), shape);
        return;
    }
    for (ptrdiff_t k = 0; k < PR_SHAPE_N; k++) {
        points[k] = (float)faces->forge->photos[i].face.points[k / 2][k % 2];
    }
    pr_shape_of(points, shape);
}

pr_status pr__faces_open(const pr_preview_options *options, pr__faces *faces)
{
    *faces = (pr__faces){.forge = options->forge, .samples = options->samples};
    if (faces->forge != NULL) {
        faces->n = faces->forge->n_photos;
        faces->width = faces->forge->options.size_px;
        faces->height = faces->width;
    } else {
        PR_TRY(list_reals(faces));
    }
    faces->shapes = pr_calloc(faces->n, PR_SHAPE_N * sizeof(float));
    PR_REQUIRE(faces->shapes != NULL, PR_ERR_NOMEM, "preview: the shapes of %lld faces",
               (long long)faces->n);
    for (int64_t i = 0; i < faces->n; i++) {
        shape_of(faces, i, faces->shapes + i * PR_SHAPE_N);
    }
    return PR_OK;
}

void pr__faces_close(pr__faces *faces)
{
    pr_free(faces->reals);
    pr_free(faces->shapes);
    *faces = (pr__faces){0};
}

bool pr__faces_same_video(const pr__faces *faces, int64_t a, int64_t b)
{
    if (faces->forge != NULL) {
        return a == b;
    }
    return pr_samples_at(faces->samples, faces->reals[a])->video_key ==
           pr_samples_at(faces->samples, faces->reals[b])->video_key;
}

bool pr__faces_same_person(const pr__faces *faces, int64_t a, int64_t b)
{
    if (faces->forge != NULL) {
        return faces->forge->photos[a].identity_idx == faces->forge->photos[b].identity_idx;
    }
    const pr_word one = pr_samples_at(faces->samples, faces->reals[a])->bg_id;
    const pr_word other = pr_samples_at(faces->samples, faces->reals[b])->bg_id;
    return one != 0 && other != 0 ? one == other : pr__faces_same_video(faces, a, b);
}

const char *pr__faces_name(const pr__faces *faces, int64_t i, char *text, size_t n_bytes)
{
    return faces->forge != NULL ? faces->forge->photos[i].video
                                : pr_samples_name(faces->samples, faces->reals[i], text, n_bytes);
}

/* What the dataset's first frame of the photograph would be, before it is encoded. */
static pr_status cut(const pr__bench *bench, const pr_image_u8 *frame, pr_addg_face *out)
{
    const pr__frame *const plan = &bench->plan[0];
    for (ptrdiff_t k = 0; k < PR_SHAPE_N; k++) {
        out->points[k / 2][k % 2] = plan->landmarks[k];
    }
    return pr_image_shrink(frame, plan->crop_to_frame, &out->image);
}

static pr_status cut_photo(pr_forge *forge, int64_t i, pr_addg_face *out)
{
    const int size_px = forge->options.size_px;
    const pr_image_u8 *picture = NULL;
    pr__bench bench = {0};
    pr_image_u8 frame = {0};
    PR_TRY(pr_image_create(size_px, size_px, 3, &out->image));
    PR_TRY(pr__forge_picture(forge, i, &picture));
    pr_status status = pr__bench_create(forge, &forge->photos[i], picture, &bench);
    if (status == PR_OK) {
        status = pr_image_create(bench.side, bench.side, 3, &frame);
    }
    if (status == PR_OK) {
        status = pr__bench_film(&bench, 0, &bench.pristine, &frame);
    }
    if (status == PR_OK) {
        status = cut(&bench, &frame, out);
    }
    pr_image_destroy(&frame);
    pr__bench_destroy(&bench);
    return status;
}

static pr_status read_crop(const pr_samples *samples, int64_t sample, pr_addg_face *out)
{
    int n = 0;
    int width = 0;
    int height = 0;
    const float *const points = pr_samples_landmarks(samples, sample, &n);
    const size_t n_bytes = pr_samples_payload_bytes(samples, sample);
    for (ptrdiff_t k = 0; k < PR_SHAPE_N; k++) {
        out->points[k / 2][k % 2] = points[k];
    }
    pr_samples_size_px(samples, sample, &width, &height);
    PR_TRY(pr_image_create(width, height, 3, &out->image));
    uint8_t *const bytes = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(bytes != NULL, PR_ERR_NOMEM, "preview: a crop of %zu bytes", n_bytes);
    pr_status status = pr_samples_read(samples, sample, bytes);
    if (status == PR_OK) {
        status = pr_image_decode_rgb(bytes, n_bytes, &out->image);
    }
    pr_free(bytes);
    return status;
}

pr_status pr__faces_read(const pr__faces *faces, int64_t i, pr_addg_face *out)
{
    return faces->forge != NULL ? cut_photo(faces->forge, i, out)
                                : read_crop(faces->samples, faces->reals[i], out);
}
