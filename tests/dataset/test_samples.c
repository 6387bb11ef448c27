/* What was written is what is read: keys, pixels, masks, geometry, in any sharding; selections. */
#include "dataset/samples.h"
#include "tests/dataset/synthetic.h"

enum { N = 120 };

static pr_samples *open_all(const char *dir)
{
    const pr_selection all = {.path = dir};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&all, 1, &samples));
    return samples;
}

static void check_sample(const pr_samples *samples, int64_t i)
{
    static synthetic crop;
    const pr_sample *const sample = pr_samples_at(samples, i);
    /* Which crop it must be follows from its key. */
    const int video = atoi(pr_samples_word(samples, sample->video)); /* NOLINT(cert-err34-c) */
    const int raw = strcmp(pr_samples_word(samples, sample->compression), "raw") == 0;
    const int number = (2 * video + raw) * 5 + sample->frame / 10;
    synthetic_make(number, &crop);
    const pr_record *const record = &crop.record;
    CHECK(strcmp(pr_samples_word(samples, sample->method), record->method) == 0, "%d", number);
    CHECK(strcmp(pr_samples_word(samples, sample->split), record->split) == 0, "%d", number);
    CHECK(strcmp(pr_samples_word(samples, sample->bg_video), record->bg_video) == 0, "%d", number);
    CHECK(strcmp(pr_samples_word(samples, sample->bg_id), record->bg_id) == 0, "%d", number);
    CHECK(strcmp(pr_samples_word(samples, sample->face_id), record->face_id) == 0, "%d", number);
    CHECK(sample->face_video == 0, "%d", number);
    CHECK(sample->label == (strcmp(record->label, "fake") == 0), "%d", number);
    char key[128];
    (void)snprintf(key, sizeof(key), "synth/%s/%s", record->method, record->video);
    CHECK(strcmp(pr_samples_word(samples, sample->video_key), key) == 0, "%s", key);

    uint8_t bytes[SYN_BYTES];
    CHECK(pr_samples_payload_bytes(samples, i) == record->image_bytes, "%d", number);
    CHECK_OK(pr_samples_read(samples, i, bytes));
    CHECK(memcmp(bytes, record->image, record->image_bytes) == 0, "crop %d", number);
    CHECK(pr_samples_mask_bytes(samples, i) == record->mask_bytes, "%d", number);
    CHECK_OK(pr_samples_read_mask(samples, i, bytes));
    CHECK(record->mask_bytes == 0 || memcmp(bytes, record->mask, record->mask_bytes) == 0, "%d",
          number);
    int n_landmarks = -1;
    const float *const landmarks = pr_samples_landmarks(samples, i, &n_landmarks);
    CHECK(n_landmarks == record->n_landmarks, "%d: %d", number, n_landmarks);
    for (int k = 0; k < 2 * n_landmarks; k++) {
        CHECK(landmarks[k] == crop.landmarks[k], "crop %d", number);
    }
    const double *const map = pr_samples_crop_map(samples, i);
    CHECK((map != NULL) == (record->crop_map != NULL), "crop %d", number);
    for (int k = 0; map != NULL && k < 6; k++) {
        CHECK(map[k] == crop.crop_map[k], "crop %d", number);
    }
    int width = 0;
    int height = 0;
    pr_samples_size_px(samples, i, &width, &height);
    CHECK(width == 24 && height == 20, "%d x %d", width, height);
}

static void test_round_trip(const char *dir)
{
    synthetic_dataset(dir, N, 3);
    pr_samples *samples = open_all(dir);
    CHECK(pr_samples_n(samples) == N, "%lld", (long long)pr_samples_n(samples));
    for (int64_t i = 0; i < N; i++) {
        check_sample(samples, i);
    }
    char name[512];
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted), "synth/original/c23/000/frame 20 (%s/part-00000.h5, ",
                   dir);
    (void)pr_samples_name(samples, 2, name, sizeof(name));
    CHECK(strncmp(name, wanted, strlen(wanted)) == 0, "%s", name);
    pr_samples_close(&samples);
}

/* The order of samples, and the hash over them, do not depend on the shards. */
static void test_resharded(const char *dir)
{
    static const int shards[] = {3, 1, 7};
    uint64_t hash[3];
    for (int k = 0; k < 3; k++) {
        synthetic_dataset(dir, N, shards[k]);
        pr_samples *samples = open_all(dir);
        hash[k] = pr_samples_hash(samples);
        for (int64_t i = 1; i < pr_samples_n(samples); i++) {
            const pr_sample *const a = pr_samples_at(samples, i - 1);
            const pr_sample *const b = pr_samples_at(samples, i);
            char x[256];
            char y[256];
            (void)snprintf(x, sizeof(x), "%s/%s/%s/%05d", pr_samples_word(samples, a->method),
                           pr_samples_word(samples, a->compression),
                           pr_samples_word(samples, a->video), a->frame);
            (void)snprintf(y, sizeof(y), "%s/%s/%s/%05d", pr_samples_word(samples, b->method),
                           pr_samples_word(samples, b->compression),
                           pr_samples_word(samples, b->video), b->frame);
            CHECK(strcmp(x, y) < 0, "%s before %s", x, y);
        }
        pr_samples_close(&samples);
    }
    CHECK(hash[0] == hash[1] && hash[0] == hash[2], "%llx %llx %llx", (unsigned long long)hash[0],
          (unsigned long long)hash[1], (unsigned long long)hash[2]);
    char path[512];
    synthetic_dataset(dir, N, 2);
    synthetic_path(path, dir, "part-00002.h5");
    CHECK(access(path, F_OK) != 0, "%s is left from an earlier run", path);
}

static int64_t count(const pr_selection *selections, int n)
{
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(selections, n, &samples));
    const int64_t n_samples = samples != NULL ? pr_samples_n(samples) : -1;
    pr_samples_close(&samples);
    return n_samples;
}

static void test_selections(const char *dir)
{
    static const char *const train[] = {"train", NULL};
    static const char *const both[] = {"train", "test", NULL};
    static const char *const raw[] = {"raw", NULL};
    static const char *const wrong[] = {"trian", NULL};
    const pr_selection fakes = {.path = dir, .label = "fake"};
    const pr_selection raw_train = {.path = dir, .split = train, .compression = raw};
    const pr_selection two[] = {raw_train, {.path = dir, .split = both}};
    CHECK(count(&fakes, 1) == 40, "%lld", (long long)count(&fakes, 1));
    CHECK(count(&raw_train, 1) == 45, "%lld", (long long)count(&raw_train, 1));
    CHECK(count(two, 2) == N, "a crop picked twice is one sample: %lld", (long long)count(two, 2));

    pr_samples *samples = NULL;
    const pr_selection typo = {.path = dir, .split = wrong};
    CHECK_FAILS(pr_samples_open(&typo, 1, &samples), PR_ERR_INVALID,
                "has no split 'trian'; it has test, train");
    const pr_selection method = {.path = dir, .method = train};
    CHECK_FAILS(pr_samples_open(&method, 1, &samples), PR_ERR_INVALID, "it has original, swap");
    static const char *const swap[] = {"swap", NULL};
    const pr_selection none = {.path = dir, .label = "real", .method = swap};
    CHECK_FAILS(pr_samples_open(&none, 1, &samples), PR_ERR_INVALID, "none of its 120 crops");
    const pr_selection nowhere = {.path = "/nowhere/at/all"};
    CHECK_FAILS(pr_samples_open(&nowhere, 1, &samples), PR_ERR_IO, "/nowhere/at/all");
    const pr_selection no_frames = {.path = dir, .frame_rule = PR_FRAMES_FIRST};
    CHECK_FAILS(pr_samples_open(&no_frames, 1, &samples), PR_ERR_INVALID, "frames.n = 0");
    CHECK_FAILS(pr_samples_open(&fakes, 0, &samples), PR_ERR_INVALID, "no selection");
}

/* The frames that a rule leaves of each video, as a set of bits. */
static int frames_of(const char *dir, pr_frame_rule rule, uint64_t seed, const char *compression)
{
    const char *const words[] = {compression, NULL};
    const pr_selection selection = {
        .path = dir, .compression = words, .n_frames = 2, .frame_rule = rule, .frame_seed = seed};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&selection, 1, &samples));
    CHECK(pr_samples_n(samples) == 24, "%lld", (long long)pr_samples_n(samples));
    int hash = 0;
    for (int64_t i = 0; i < pr_samples_n(samples); i++) {
        hash = (hash * 5 + pr_samples_at(samples, i)->frame / 10) % 1000003;
    }
    const int first = pr_samples_at(samples, 0)->frame;
    const int second = pr_samples_at(samples, 1)->frame;
    if (rule == PR_FRAMES_FIRST) {
        CHECK(first == 0 && second == 10, "%d %d", first, second);
    } else if (rule == PR_FRAMES_UNIFORM) {
        CHECK(first == 0 && second == 20, "%d %d", first, second);
    }
    pr_samples_close(&samples);
    return hash;
}

static void test_frames(const char *dir)
{
    (void)frames_of(dir, PR_FRAMES_FIRST, 0, "raw");
    (void)frames_of(dir, PR_FRAMES_UNIFORM, 0, "raw");
    const int one = frames_of(dir, PR_FRAMES_RANDOM, 1, "raw");
    CHECK(one == frames_of(dir, PR_FRAMES_RANDOM, 1, "c23"), "compressions differ in frames");
    CHECK(one != frames_of(dir, PR_FRAMES_RANDOM, 2, "raw"), "two seeds agree");
    const pr_selection all = {.path = dir, .n_frames = 9, .frame_rule = PR_FRAMES_RANDOM};
    CHECK(count(&all, 1) == N, "fewer frames than asked for are all of them");
}

static void test_merge(const char *dir)
{
    char other[256];
    synthetic_folder(other);
    synthetic_dataset(other, 60, 2);
    const pr_selection two[] = {{.path = other}, {.path = dir}};
    const pr_selection turned[] = {{.path = dir}, {.path = other}};
    CHECK(count(two, 2) == N, "%lld", (long long)count(two, 2));
    pr_samples *a = NULL;
    pr_samples *b = NULL;
    CHECK_OK(pr_samples_open(two, 2, &a));
    CHECK_OK(pr_samples_open(turned, 2, &b));
    CHECK(pr_samples_hash(a) == pr_samples_hash(b), "the order of selections changes the hash");
    for (int64_t i = 0; i < N; i++) {
        check_sample(a, i);
    }
    pr_samples_close(&a);
    pr_samples_close(&b);

    static synthetic crop;
    synthetic_make(3, &crop);
    crop.record.image_bytes = synthetic_image(99, false, 3, crop.image);
    CHECK_OK(pr_shard_write(other, 0, 1, &crop.record, 1));
    CHECK_OK(pr_dataset_finish(other, 1, ""));
    CHECK_FAILS(pr_samples_open(two, 2, &a), PR_ERR_INVALID,
                "both hold synth/original/c23/000/frame 30, and they differ");
    synthetic_remove(other);
}

/* Every allocation made to fail in turn: an error each time, nothing lost, and then success. */
static void test_out_of_memory(const char *dir)
{
    const pr_selection all = {.path = dir, .n_frames = 3, .frame_rule = PR_FRAMES_RANDOM};
    const long n_live = pr_alloc_n_live();
    pr_status status = PR_ERR_NOMEM;
    long n = 0;
    for (; status != PR_OK && n < 10000; n++) {
        pr_samples *samples = NULL;
        pr_error_clear();
        pr_alloc_fail_on(n);
        status = pr_samples_open(&all, 1, &samples);
        pr_alloc_fail_on(-1);
        CHECK(status == PR_OK || (status == PR_ERR_NOMEM && samples == NULL), "allocation %ld: %s",
              n, pr_error_message());
        pr_samples_close(&samples);
        CHECK(pr_alloc_n_live() == n_live, "allocation %ld: %ld left", n,
              pr_alloc_n_live() - n_live);
    }
    CHECK(status == PR_OK && n > 20, "%ld allocations, %s", n, pr_error_message());
    pr_error_clear();
}

int main(void)
{
    char dir[256];
    synthetic_folder(dir);
    test_round_trip(dir);
    test_resharded(dir);
    test_selections(dir);
    test_frames(dir);
    test_merge(dir);
    test_out_of_memory(dir);
    synthetic_remove(dir);
    return check_exit_code();
}
