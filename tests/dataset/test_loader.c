/* The loader: the same views from any number of threads and in any company; bad crops; bad disks. */
#include "dataset/loader.h"
#include "tests/dataset/pixels.h"
#include "tests/dataset/synthetic.h"

enum { N = 60, OUT = 32, N_VIEWS = 24 };

static const size_t IMAGE_FLOATS = (size_t)OUT * OUT * 3;
static const size_t MASK_FLOATS = (size_t)OUT * OUT;

/* Crop NUMBER of the synthetic world with the end of its image cut off: a whole record (its checksum
   fits), whose content is bad. */
static void make_dataset(const char *dir, const int *bad, int n_bad)
{
    synthetic *const crops = pr_calloc(N, sizeof(*crops));
    pr_record *const records = pr_calloc(N, sizeof(*records));
    for (int i = 0; i < N; i++) {
        synthetic_make(i, &crops[i]);
        for (int k = 0; k < n_bad; k++) {
            if (bad[k] == i) {
                crops[i].record.image_bytes -= 40;
            }
        }
        records[i] = crops[i].record;
    }
    CHECK_OK(pr_shard_write(dir, 0, 77, records, N));
    CHECK_OK(pr_dataset_finish(dir, 1, "made by a test"));
    pr_free(records);
    pr_free(crops);
}

static pr_samples *open_all(const char *dir)
{
    const pr_selection all = {.path = dir};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&all, 1, &samples));
    return samples;
}

static pr_loader_options options_of(const pr_samples *samples, int n_threads, pr_bad_sample policy)
{
    return (pr_loader_options){.samples = samples,
                               .augment = {.enabled = true,
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
                                           .blur_prob = 0.5,
                                           .blur_sigma_min = 0.1,
                                           .blur_sigma_max = 2.0,
                                           .mean = {0.5, 0.5, 0.5},
                                           .std = {0.5, 0.5, 0.5}},
                               .out_px = OUT,
                               .seed = 11,
                               .n_threads = n_threads,
                               .n_batches_ahead = 3,
                               .on_bad_sample = policy};
}

typedef struct batch_memory {
    pr_view views[N_VIEWS];
    float image[N_VIEWS * OUT * OUT * 3], mask[N_VIEWS * OUT * OUT];
    bool present[N_VIEWS];
    pr_batch batch;
} batch_memory;

/* Views of batch B: places 24 B and on, each of another sample. */
static void fill_batch(batch_memory *memory, const pr_samples *samples, int b)
{
    for (int i = 0; i < N_VIEWS; i++) {
        const int64_t sample = (b * N_VIEWS + i * 7) % N;
        const int8_t label = pr_samples_at(samples, sample)->label;
        memory->views[i] = (pr_view){.sample = sample,
                                     .mate = -1,
                                     .place = (uint32_t)(b * N_VIEWS + i),
                                     .view = (uint16_t)(i % 2),
                                     .label = label,
                                     .want_mask = i % 3 == 0};
    }
    memory->batch = (pr_batch){.views = memory->views,
                               .n_views = N_VIEWS,
                               .epoch = 4,
                               .image = memory->image,
                               .mask = memory->mask,
                               .present = memory->present};
}

/* What a batch has become, view by view, summed so that the order of views does not matter. */
static uint64_t hash_batch(const batch_memory *memory)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < (size_t)memory->batch.n_views; i++) {
        const pr_view *view = &memory->views[i];
        uint64_t hash = pixels_hash(view->place + 1U, memory->image + i * IMAGE_FLOATS,
                                    IMAGE_FLOATS * sizeof(float));
        if (view->want_mask) {
            hash = pixels_hash(hash, memory->mask + i * MASK_FLOATS, MASK_FLOATS * sizeof(float));
        }
        sum += hash;
    }
    return sum;
}

/* Six batches, three in flight, on N_THREADS; BACKWARDS turns each batch's views round. */
static uint64_t hash_epoch(const pr_samples *samples, int n_threads, bool backwards)
{
    enum { N_BATCHES = 6, AHEAD = 3 };
    batch_memory *memory = pr_calloc(AHEAD, sizeof(*memory));
    const pr_loader_options options = options_of(samples, n_threads, PR_BAD_STOP);
    pr_loader *loader = NULL;
    uint64_t hash = 1;
    CHECK_OK(pr_loader_create(&options, &loader));
    for (int b = 0; b < N_BATCHES + AHEAD; b++) {
        batch_memory *m = &memory[b % AHEAD];
        if (b >= AHEAD) {
            double wait_s = -1.0;
            CHECK_OK(pr_loader_wait(loader, &wait_s));
            CHECK(wait_s >= 0.0, "waited %g s", wait_s);
            hash = hash * 31U + hash_batch(m);
        }
        if (b < N_BATCHES) {
            fill_batch(m, samples, b);
            for (int i = 0; backwards && i < N_VIEWS / 2; i++) {
                const pr_view view = m->views[i];
                m->views[i] = m->views[N_VIEWS - 1 - i];
                m->views[N_VIEWS - 1 - i] = view;
            }
            memset(m->image, 0xff, sizeof m->image);
            CHECK_OK(pr_loader_submit(loader, &m->batch));
        }
    }
    pr_loader_destroy(&loader);
    pr_free(memory);
    return hash;
}

static void test_threads(const pr_samples *samples)
{
    const uint64_t want = hash_epoch(samples, 0, false);
    static const int counts[] = {1, 2, 4, 7};
    for (int k = 0; k < 4; k++) {
        CHECK(hash_epoch(samples, counts[k], false) == want, "%d threads: other views", counts[k]);
    }
    CHECK(hash_epoch(samples, 2, true) == want, "the order in a batch changes views");
}

/* One batch under a policy; *STATUS and the counts are what came of it. */
static uint64_t run_batch(const pr_samples *samples, int n_threads, pr_bad_sample policy,
                          batch_memory *memory, pr_status *status, pr_bad_counts *counts)
{
    const pr_loader_options options = options_of(samples, n_threads, policy);
    pr_loader *loader = NULL;
    fill_batch(memory, samples, 0);
    CHECK_OK(pr_loader_create(&options, &loader));
    CHECK_OK(pr_loader_submit(loader, &memory->batch));
    pr_error_clear();
    *status = pr_loader_wait(loader, NULL);
    pr_loader_bad_counts(loader, counts);
    pr_loader_destroy(&loader);
    return hash_batch(memory);
}

static void test_bad_crops(const char *dir)
{
    /* Batch 0 shows samples 0, 7, 14, ...; the order of keys is not the order of numbers, so every
       fifth crop is bad and some of them will be among the 24. */
    int bad[N / 5];
    for (int i = 0; i < N / 5; i++) {
        bad[i] = 5 * i + 2;
    }
    make_dataset(dir, bad, N / 5);
    pr_samples *samples = open_all(dir);
    batch_memory *memory = pr_calloc(1, sizeof(*memory));
    pr_status status = PR_OK;
    pr_bad_counts first;
    pr_bad_counts again;

    for (int n_threads = 0; n_threads <= 3; n_threads++) {
        static char message[1024];
        (void)run_batch(samples, n_threads, PR_BAD_STOP, memory, &status, &first);
        CHECK(status == PR_ERR_FORMAT, "status %d", (int)status);
        CHECK(strstr(pr_error_message(), "frame ") != NULL &&
                  strstr(pr_error_message(), "part-00000.h5") != NULL &&
                  strstr(pr_error_message(), ": JPEG: ") != NULL,
              "the message does not name crop and cause: %s", pr_error_message());
        CHECK(n_threads == 0 || strcmp(message, pr_error_message()) == 0,
              "%d threads tell another crop: %s, not %s", n_threads, pr_error_message(), message);
        (void)snprintf(message, sizeof message, "%s", pr_error_message());
        pr_error_clear();
    }

    const uint64_t left = run_batch(samples, 0, PR_BAD_LEAVE_OUT, memory, &status, &first);
    CHECK(status == PR_OK, "%s", pr_error_message());
    int n_absent = 0;
    for (size_t i = 0; i < N_VIEWS; i++) {
        if (!memory->present[i]) {
            n_absent++;
            CHECK(memory->image[i * IMAGE_FLOATS] == 0.0F &&
                      memory->image[(i + 1) * IMAGE_FLOATS - 1] == 0.0F,
                  "view %zu is absent and has pixels", i);
        }
    }
    CHECK(n_absent > 0 && first.n_left_out == n_absent && first.n_bad == n_absent &&
              first.n_replaced == 0,
          "%d absent; %lld bad, %lld left out", n_absent, (long long)first.n_bad,
          (long long)first.n_left_out);
    CHECK(strstr(first.first, "JPEG: ") != NULL || strstr(first.first, "part-") != NULL,
          "the first bad crop: '%s'", first.first);
    CHECK(run_batch(samples, 3, PR_BAD_LEAVE_OUT, memory, &status, &again) == left &&
              memcmp(&first, &again, sizeof first) == 0,
          "3 threads leave out other crops");

    const uint64_t replaced = run_batch(samples, 0, PR_BAD_REPLACE, memory, &status, &first);
    CHECK(status == PR_OK, "%s", pr_error_message());
    CHECK(first.n_replaced == n_absent && first.n_left_out == 0 && first.n_bad >= n_absent,
          "%lld replaced of %d", (long long)first.n_replaced, n_absent);
    for (int i = 0; i < N_VIEWS; i++) {
        CHECK(memory->present[i], "view %d was replaced and is absent", i);
    }
    CHECK(run_batch(samples, 3, PR_BAD_REPLACE, memory, &status, &again) == replaced &&
              memcmp(&first, &again, sizeof first) == 0,
          "3 threads replace by other crops");

    /* Half of the batch, as another rank would load it, holds the same views. */
    const pr_loader_options options = options_of(samples, 2, PR_BAD_REPLACE);
    batch_memory *half = pr_calloc(1, sizeof(*half));
    pr_loader *loader = NULL;
    fill_batch(half, samples, 0);
    memmove(half->views, half->views + N_VIEWS / 2, N_VIEWS / 2 * sizeof(pr_view));
    half->batch.n_views = N_VIEWS / 2;
    CHECK_OK(pr_loader_create(&options, &loader));
    CHECK_OK(pr_loader_submit(loader, &half->batch));
    CHECK_OK(pr_loader_wait(loader, NULL));
    CHECK(pixels_equal(half->image, memory->image + N_VIEWS / 2 * IMAGE_FLOATS,
                       N_VIEWS / 2 * IMAGE_FLOATS * sizeof(float)),
          "another rank's half of the batch differs");
    pr_loader_destroy(&loader);
    pr_free(half);
    pr_free(memory);
    pr_samples_close(&samples);
}

/* A class without a whole crop cannot be replaced, and says so. */
static void test_all_bad(const char *dir)
{
    int bad[N];
    for (int i = 0; i < N; i++) {
        bad[i] = i;
    }
    make_dataset(dir, bad, N);
    pr_samples *samples = open_all(dir);
    batch_memory *memory = pr_calloc(1, sizeof(*memory));
    pr_status status = PR_OK;
    pr_bad_counts counts;
    (void)run_batch(samples, 2, PR_BAD_REPLACE, memory, &status, &counts);
    CHECK(status == PR_ERR_FORMAT && strstr(pr_error_message(), "8 crops drawn") != NULL,
          "status %d: %s", (int)status, pr_error_message());
    pr_error_clear();
    pr_free(memory);
    pr_samples_close(&samples);
}

/* A disk that fails ends the run whatever the policy for bad content. */
static void test_disk(const char *dir)
{
    char path[512];
    make_dataset(dir, NULL, 0);
    pr_samples *samples = open_all(dir);
    batch_memory *memory = pr_calloc(1, sizeof(*memory));
    pr_status status = PR_OK;
    pr_bad_counts counts;
    (void)snprintf(path, sizeof path, "%.480s/part-00000.h5", dir);
    CHECK(truncate(path, 600) == 0, "truncate");
    (void)run_batch(samples, 2, PR_BAD_REPLACE, memory, &status, &counts);
    CHECK(status == PR_ERR_IO && strstr(pr_error_message(), "part-00000.h5") != NULL,
          "status %d: %s", (int)status, pr_error_message());
    CHECK(counts.n_bad == 0, "a failing disk was counted as %lld bad crops",
          (long long)counts.n_bad);
    pr_error_clear();
    pr_free(memory);
    pr_samples_close(&samples);
}

static void test_refused(const pr_samples *samples)
{
    batch_memory *memory = pr_calloc(1, sizeof(*memory));
    pr_loader_options options = options_of(samples, 1, PR_BAD_STOP);
    pr_loader *loader = NULL;
    options.n_batches_ahead = 0;
    CHECK_FAILS(pr_loader_create(&options, &loader), PR_ERR_INVALID, "0 batches ahead");
    options.n_batches_ahead = 1;
    options.n_threads = -1;
    CHECK_FAILS(pr_loader_create(&options, &loader), PR_ERR_INVALID, "-1 threads");
    options.n_threads = 2;
    options.augment.hue = 3.0;
    CHECK_FAILS(pr_loader_create(&options, &loader), PR_ERR_INVALID, "hue from 3");
    options.augment.hue = 0.1;
    for (long n = 0; n < 12; n++) {
        pr_alloc_fail_on(n);
        CHECK_FAILS(pr_loader_create(&options, &loader), PR_ERR_NOMEM, "memory");
    }
    pr_alloc_fail_on(-1);
    CHECK_OK(pr_loader_create(&options, &loader));
    CHECK_FAILS(pr_loader_wait(loader, NULL), PR_ERR_INVALID, "nothing was submitted");
    fill_batch(memory, samples, 0);
    memory->views[3].sample = N;
    CHECK_FAILS(pr_loader_submit(loader, &memory->batch), PR_ERR_INVALID,
                "sample 60, there are 60");
    memory->views[3].sample = 3;
    memory->batch.mask = NULL;
    CHECK_FAILS(pr_loader_submit(loader, &memory->batch), PR_ERR_INVALID, "view 0 wants a mask");
    memory->batch.mask = memory->mask;
    memory->views[5].generator = 9;
    CHECK_OK(pr_loader_submit(loader, &memory->batch));
    CHECK_FAILS(pr_loader_submit(loader, &memory->batch), PR_ERR_INVALID, "1 batches wait");
    CHECK_FAILS(pr_loader_wait(loader, NULL), PR_ERR_INVALID, "view 5 wants generator 9");
    /* An empty batch is a batch; and one that is still under way when the loader goes. */
    memory->batch.n_views = 0;
    CHECK_OK(pr_loader_submit(loader, &memory->batch));
    CHECK_OK(pr_loader_wait(loader, NULL));
    memory->views[5].generator = PR_GEN_NONE;
    memory->batch.n_views = N_VIEWS;
    pr_alloc_fail_on(0); /* a step allocates nothing */
    CHECK_OK(pr_loader_submit(loader, &memory->batch));
    CHECK_OK(pr_loader_wait(loader, NULL));
    pr_alloc_fail_on(-1);
    CHECK_OK(pr_loader_submit(loader, &memory->batch));
    pr_loader_destroy(&loader);
    pr_free(memory);
}

int main(void)
{
    char dir[256];
    char sub[512];
    synthetic_folder(dir);
    synthetic_path(sub, dir, "whole");
    CHECK(mkdir(sub, 0777) == 0, "%s", sub);
    make_dataset(sub, NULL, 0);
    pr_samples *samples = open_all(sub);
    test_threads(samples);
    test_refused(samples);
    pr_samples_close(&samples);
    synthetic_path(sub, dir, "some");
    CHECK(mkdir(sub, 0777) == 0, "%s", sub);
    test_bad_crops(sub);
    synthetic_path(sub, dir, "all");
    CHECK(mkdir(sub, 0777) == 0, "%s", sub);
    test_all_bad(sub);
    synthetic_path(sub, dir, "disk");
    CHECK(mkdir(sub, 0777) == 0, "%s", sub);
    test_disk(sub);
    synthetic_remove(dir);
    return check_exit_code();
}
