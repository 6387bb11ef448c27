/*
 * A crop that is shown several times in an epoch: as both views of a pair, as the only mate of two
 * anchors, in two epochs. The plan's rows go through the loader; no two of them have one image.
 */
#include "dataset/loader.h"
#include "sampler/sampler.h"
#include "tests/dataset/pixels.h"
#include "tests/dataset/synthetic.h"

enum { N_FRAMES = 3, OUT = 32, N_EPOCHS = 2, N_STEPS = N_FRAMES, BATCH_VIEWS = 4 };
enum { N_ROWS = N_EPOCHS * N_STEPS * BATCH_VIEWS, IMAGE_FLOATS = OUT * OUT * 3 };

/* Everything that two epochs show. */
typedef struct shown {
    pr_view views[N_ROWS];
    uint32_t epoch[N_ROWS];
    uint64_t image[N_ROWS]; /* hashes */
} shown;

/* One real and one fake video of three frames, ten apart: frame 10 is the only mate of 0 and of 20. */
static void make_dataset(const char *dir)
{
    static const int numbers[] = {0, 1, 2, 20, 21, 22};
    enum { N = 2 * N_FRAMES };
    synthetic *const crops = pr_calloc(N, sizeof(*crops));
    pr_record records[N];
    for (int i = 0; i < N; i++) {
        synthetic_make(numbers[i], &crops[i]);
        records[i] = crops[i].record;
    }
    CHECK_OK(pr_shard_write(dir, 0, 77, records, N));
    CHECK_OK(pr_dataset_finish(dir, 1, "made by a test"));
    pr_free(crops);
}

static pr_loader_options loader_options(const pr_samples *samples)
{
    return (pr_loader_options){.samples = samples,
                               .augment = {.enabled = true,
                                           .crop_scale_min = 0.2,
                                           .crop_scale_max = 1.0,
                                           .crop_ratio_min = 0.75,
                                           .crop_ratio_max = 4.0 / 3.0,
                                           .flip_prob = 0.5,
                                           .jitter_prob = 1.0,
                                           .brightness = 0.4,
                                           .contrast = 0.4,
                                           .mean = {0.5, 0.5, 0.5},
                                           .std = {0.5, 0.5, 0.5}},
                               .out_px = OUT,
                               .seed = 11,
                               .n_threads = 1,
                               .n_batches_ahead = 1,
                               .on_bad_sample = PR_BAD_STOP};
}

static void show(const pr_samples *samples, pr_pair_level level, shown *all)
{
    pr_sampler_options options = {.seed = 11,
                                  .items_per_batch = BATCH_VIEWS / 2,
                                  .views_per_item = 2,
                                  .n_micro = 1,
                                  .pairing = PR_PAIR_TEMPORAL,
                                  .max_gap = 10,
                                  .balance = PR_BALANCE_EPOCH};
    const pr_loader_options load = loader_options(samples);
    pr_sampler *sampler = NULL;
    pr_loader *loader = NULL;
    float *const images = pr_calloc((int64_t)BATCH_VIEWS * IMAGE_FLOATS, sizeof(*images));
    bool present[BATCH_VIEWS];
    int row = 0;
    options.pair_probs[level] = 1.0;
    CHECK_OK(pr_sampler_create(samples, &options, &sampler));
    CHECK_OK(pr_loader_create(&load, &loader));
    CHECK(pr_sampler_n_steps(sampler) == N_STEPS, "%lld steps",
          (long long)pr_sampler_n_steps(sampler));
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int step = 0; step < N_STEPS; step++, row += BATCH_VIEWS) {
            pr_batch batch = {.views = all->views + row,
                              .n_views = BATCH_VIEWS,
                              .epoch = epoch,
                              .image = images,
                              .present = present};
            CHECK_OK(pr_sampler_step(sampler, step, all->views + row));
            CHECK_OK(pr_loader_submit(loader, &batch));
            CHECK_OK(pr_loader_wait(loader, NULL));
            for (int i = 0; i < BATCH_VIEWS; i++) {
                all->epoch[row + i] = epoch;
                all->image[row + i] = pixels_hash(1, images + (ptrdiff_t)i * IMAGE_FLOATS,
                                                  IMAGE_FLOATS * sizeof(float));
            }
        }
    }
    pr_loader_destroy(&loader);
    pr_sampler_destroy(&sampler);
    pr_free(images);
}

/* What two rows that show one crop have in common besides. */
typedef struct tally {
    int n_pairs, n_mates, n_epochs; /* one pair's views; mates of two anchors; two epochs */
} tally;

static tally compare_rows(const shown *all)
{
    tally t = {0, 0, 0};
    for (int i = 0; i < N_ROWS; i++) {
        for (int j = 0; j < i; j++) {
            const pr_view *const a = &all->views[i];
            const pr_view *const b = &all->views[j];
            if (a->sample != b->sample) {
                continue;
            }
            const bool same_epoch = all->epoch[i] == all->epoch[j];
            t.n_pairs += same_epoch && a->place == b->place ? 1 : 0;
            t.n_mates += same_epoch && a->place != b->place && a->view == 1 && b->view == 1 ? 1 : 0;
            t.n_epochs += !same_epoch && a->place == b->place && a->view == b->view ? 1 : 0;
            CHECK(all->image[i] != all->image[j],
                  "sample %lld: epoch %u, place %u, view %d and epoch %u, place %u, view %d have "
                  "one image",
                  (long long)a->sample, all->epoch[i], a->place, a->view, all->epoch[j], b->place,
                  b->view);
        }
    }
    return t;
}

int main(void)
{
    char dir[256];
    synthetic_folder(dir);
    make_dataset(dir);
    const pr_selection selection = {.path = dir};
    pr_samples *samples = NULL;
    shown *const all = pr_calloc(1, sizeof(*all));
    CHECK_OK(pr_samples_open(&selection, 1, &samples));

    show(samples, PR_LEVEL_INSTANCE, all);
    tally t = compare_rows(all);
    CHECK(t.n_pairs == N_EPOCHS * 2 * N_FRAMES && t.n_epochs > 0,
          "%d pairs of one crop, %d rows again in the next epoch", t.n_pairs, t.n_epochs);

    show(samples, PR_LEVEL_TEMPORAL, all);
    t = compare_rows(all);
    CHECK(t.n_pairs == 0 && t.n_mates == N_EPOCHS * 2,
          "%d pairs of one crop, %d mates of two anchors", t.n_pairs, t.n_mates);

    pr_samples_close(&samples);
    pr_free(all);
    synthetic_remove(dir);
    return check_exit_code();
}
