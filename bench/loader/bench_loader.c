/*
 * The loader's speed on one thread, in views per second of processor time, and the floor under it:
 * decoding alone.
 * Usage: bench_loader FOLDER OUT_PX SECONDS JPEG...
 * FOLDER receives a dataset of the JPEG files (removed by the caller).
 */
#include "dataset/codec.h"
#include "dataset/loader.h"
#include "dataset/shard_writer.h"
#include "engine/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_VIEWS = 32, N_AHEAD = 2 };

/* Processor time of all threads: what others do on the machine enters less than into the clock on
   the wall. The calling thread sleeps while the loader's one thread works. */
static double cpu_s(void)
{
    return (double)clock() / (double)CLOCKS_PER_SEC;
}

typedef struct files {
    int n;
    pr_record *records;
    char (*videos)[16];
    uint8_t **bytes;
} files;

static pr_status read_file(const char *path, uint8_t **bytes, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    PR_REQUIRE(file != NULL, PR_ERR_IO, "%s: cannot be opened", path);
    enum { ROOM = 1 << 22 };
    *bytes = pr_calloc(ROOM, 1);
    *n_bytes = *bytes != NULL ? fread(*bytes, 1, ROOM, file) : 0;
    (void)fclose(file);
    PR_REQUIRE(*n_bytes > 0, PR_ERR_IO, "%s: cannot be read", path);
    return PR_OK;
}

static pr_status read_all(files *all, char **paths)
{
    for (int i = 0; i < all->n; i++) {
        pr_record *r = &all->records[i];
        size_t n_bytes = 0;
        PR_TRY(read_file(paths[i], &all->bytes[i], &n_bytes));
        (void)snprintf(all->videos[i], sizeof all->videos[i], "%06d", i);
        *r = (pr_record){.dataset = "bench",
                         .label = i % 2 == 0 ? "real" : "fake",
                         .method = i % 2 == 0 ? "original" : "swap",
                         .compression = "raw",
                         .split = "train",
                         .video = all->videos[i],
                         .bg_video = all->videos[i - i % 2],
                         .bg_id = "",
                         .face_id = "",
                         .face_video = "",
                         .image = all->bytes[i],
                         .image_bytes = n_bytes};
        PR_TRY(pr_image_probe(r->image, n_bytes, NULL, &r->width, &r->height));
    }
    return PR_OK;
}

/* Whole decodes a second. */
static pr_status time_decode(const files *all, double seconds)
{
    uint8_t *pixels = pr_calloc((int64_t)4096 * 4096, 3);
    PR_REQUIRE(pixels != NULL, PR_ERR_NOMEM, "no memory for pixels");
    const double begin_s = cpu_s();
    pr_status status = PR_OK;
    int64_t n = 0;
    while (status == PR_OK && cpu_s() - begin_s < seconds) {
        const pr_record *r = &all->records[n++ % all->n];
        const pr_image_u8 image = {r->width, r->height, 3, pixels};
        status = pr_image_decode_rgb(r->image, r->image_bytes, &image);
    }
    (void)printf("decode alone %.0f\n", (double)n / (cpu_s() - begin_s));
    pr_free(pixels);
    return status;
}

static pr_augment_options simclr(bool blur)
{
    return (pr_augment_options){.enabled = true,
                                .crop_scale_min = 0.2,
                                .crop_scale_max = 1.0,
                                .crop_ratio_min = 0.75,
                                .crop_ratio_max = 4.0 / 3.0,
                                .flip_prob = 0.5,
                                .jitter_prob = 0.8,
                                .brightness = 0.4,
                                .contrast = 0.4,
                                .saturation = 0.4,
                                .hue = 0.1,
                                .grey_prob = 0.2,
                                .blur_prob = blur ? 0.5 : 0.0,
                                .blur_sigma_min = 0.1,
                                .blur_sigma_max = 2.0,
                                .mean = {0.5, 0.5, 0.5},
                                .std = {0.5, 0.5, 0.5}};
}

static pr_status submit(pr_loader *loader, const pr_samples *samples, int64_t batch, pr_view *views,
                        float *image, bool *present)
{
    for (int64_t i = 0; i < N_VIEWS; i++) {
        const int64_t at = batch * N_VIEWS + i;
        views[i] =
            (pr_view){.sample = at % pr_samples_n(samples), .mate = -1, .place = (uint32_t)at};
    }
    pr_batch b = {.views = views, .n_views = N_VIEWS};
    b.image = image;
    b.present = present;
    return pr_loader_submit(loader, &b);
}

/* Views a second on one thread while the calling thread only waits. */
static pr_status time_loader(const pr_samples *samples, const pr_augment_options *augment,
                             int out_px, double seconds, const char *name)
{
    const pr_loader_options options = {.samples = samples,
                                       .augment = *augment,
                                       .out_px = out_px,
                                       .seed = 1,
                                       .n_threads = 1,
                                       .n_batches_ahead = N_AHEAD,
                                       .on_bad_sample = PR_BAD_STOP};
    const int64_t n_floats = (int64_t)N_VIEWS * out_px * out_px * 3;
    static pr_view views[N_AHEAD][N_VIEWS];
    static bool present[N_AHEAD][N_VIEWS];
    float *images = pr_calloc(N_AHEAD * n_floats, sizeof *images);
    PR_REQUIRE(images != NULL, PR_ERR_NOMEM, "no memory for batches");
    pr_loader *loader = NULL;
    pr_status status = pr_loader_create(&options, &loader);
    int64_t n_submitted = 0;
    int64_t n_done = 0;
    double begin_s = 0.0;
    while (status == PR_OK && (n_done < 2 || cpu_s() - begin_s < seconds)) {
        while (status == PR_OK && n_submitted < n_done + N_AHEAD) {
            const int64_t at = n_submitted % N_AHEAD;
            status = submit(loader, samples, n_submitted++, views[at], images + at * n_floats,
                            present[at]);
        }
        status = status == PR_OK ? pr_loader_wait(loader, NULL) : status;
        begin_s = n_done++ == 0 ? cpu_s() : begin_s; /* the first batch warms up */
    }
    (void)printf("%s %.0f\n", name, (double)((n_done - 1) * N_VIEWS) / (cpu_s() - begin_s));
    pr_loader_destroy(&loader);
    pr_free(images);
    return status;
}

static pr_status run(const char *folder, int out_px, double seconds, files *all, char **paths)
{
    const pr_selection selection = {.path = folder};
    const pr_augment_options full = simclr(true);
    const pr_augment_options plain = simclr(false);
    pr_augment_options evaluation = simclr(false);
    pr_samples *samples = NULL;
    evaluation.enabled = false;
    PR_TRY(read_all(all, paths));
    PR_TRY(pr_shard_write(folder, 0, 1, all->records, all->n));
    PR_TRY(pr_dataset_finish(folder, 1, "bench_loader"));
    PR_TRY(pr_samples_open(&selection, 1, &samples));
    pr_status status = time_decode(all, seconds);
    if (status == PR_OK) {
        status = time_loader(samples, &evaluation, out_px, seconds, "evaluation");
    }
    if (status == PR_OK) {
        status = time_loader(samples, &plain, out_px, seconds, "SimCLR without blur");
    }
    if (status == PR_OK) {
        status = time_loader(samples, &full, out_px, seconds, "SimCLR");
    }
    pr_samples_close(&samples);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        (void)fprintf(stderr, "usage: bench_loader FOLDER OUT_PX SECONDS JPEG...\n");
        return EXIT_FAILURE;
    }
    files all = {.n = argc - 4};
    all.records = pr_calloc(all.n, sizeof *all.records);
    all.videos = pr_calloc(all.n, sizeof *all.videos);
    all.bytes = pr_calloc(all.n, sizeof *all.bytes);
    pr_status status = PR_ERR_NOMEM;
    if (all.records != NULL && all.videos != NULL && all.bytes != NULL) {
        status =
            run(argv[1], (int)strtol(argv[2], NULL, 10), strtod(argv[3], NULL), &all, argv + 4);
    }
    if (status != PR_OK) {
        (void)fprintf(stderr, "bench_loader: %s\n", pr_error_message());
    }
    for (int i = 0; all.bytes != NULL && i < all.n; i++) {
        pr_free(all.bytes[i]);
    }
    pr_free(all.records);
    pr_free(all.videos);
    pr_free(all.bytes);
    return status == PR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
