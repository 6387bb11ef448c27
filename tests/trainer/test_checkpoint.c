/*
 * Checkpoints: every byte comes back; what is damaged, of another shape or absent is refused by name;
 * every allocation may fail; and which files stay in a run's folder.
 */
#include "trainer/checkpoint.h"

#include "tests/check.h"

#include <sys/stat.h>
#include <unistd.h>

enum { N_PARTS = 5, N_ALLOCATIONS = 64 };

typedef struct contents {
    float weight[6];
    double moment[4];
    int32_t count[3];
    int64_t key[2];
    uint8_t empty[1];
} contents;

/* Bit for bit. */
static bool is_same(const void *a, const void *b, size_t n_bytes)
{
    return memcmp(a, b, n_bytes) == 0;
}

static void list_parts(contents *c, pr_part parts[static N_PARTS])
{
    parts[0] = (pr_part){"model/conv.weight", {PR_F32, {2, {2, 3}}, c->weight}};
    parts[1] = (pr_part){"optim/momentum/conv.weight", {PR_F64, {1, {4}}, c->moment}};
    parts[2] = (pr_part){"bank/count", {PR_I32, {1, {3}}, c->count}};
    parts[3] = (pr_part){"bank/key", {PR_I64, {1, {2}}, c->key}};
    parts[4] = (pr_part){"bank/none", {PR_U8, {1, {0}}, c->empty}};
}

static const contents full = {{1.0F, -0.0F, 3e-40F, 4.0F, 5.0F, -6.0F},
                              {1e-310, -0.0, 0.1, 1e300},
                              {1, -2, 3},
                              {INT64_MAX, INT64_MIN},
                              {0}};

static pr_checkpoint_head head_of(int64_t step)
{
    return (pr_checkpoint_head){.position = {1, 2, 3, 4, 5, step, 1},
                                .config_hash = UINT64_MAX,
                                .best = 0.1,
                                .best_step = 3};
}

static pr_status pack(int64_t step, pr_image *image)
{
    contents c = full;
    pr_part parts[N_PARTS];
    const pr_checkpoint_head head = head_of(step);
    list_parts(&c, parts);
    return pr_checkpoint_pack(&head, "seed: 1\n", parts, N_PARTS, image);
}

static void test_round_trip(const pr_image *image)
{
    contents c;
    pr_part parts[N_PARTS];
    pr_checkpoint_head head;
    pr_image again = {0};
    char *config = NULL;
    memset(&c, 0x55, sizeof(c));
    list_parts(&c, parts);
    CHECK_OK(pr_checkpoint_unpack(image, "here", &head, parts, N_PARTS));
    c.empty[0] = 0;
    const pr_checkpoint_head wanted = head_of(7);
    CHECK(is_same(&head, &wanted, sizeof(head)), "the head differs");
    CHECK(is_same(c.weight, full.weight, sizeof(full.weight)), "floats differ");
    CHECK(is_same(c.moment, full.moment, sizeof(full.moment)), "doubles differ");
    CHECK(is_same(c.count, full.count, sizeof(full.count)), "words differ");
    CHECK(is_same(c.key, full.key, sizeof(full.key)), "long words differ");
    CHECK_OK(pr_checkpoint_config(image, "here", &config));
    CHECK(config != NULL && strcmp(config, "seed: 1\n") == 0, "config is '%s'", config);
    pr_free(config);
    CHECK_OK(pr_checkpoint_verify(image, "here"));
    CHECK_OK(pack(7, &again));
    CHECK(again.n_bytes == image->n_bytes && is_same(again.bytes, image->bytes, again.n_bytes),
          "two checkpoints of one state differ");
    pr_free(again.bytes);
}

static void test_refusals(const pr_image *image)
{
    contents c = full;
    pr_part parts[N_PARTS];
    int n_found = -1;
    list_parts(&c, parts);
    parts[0].tensor.shape = (pr_shape){2, {3, 2}};
    CHECK_FAILS(pr_checkpoint_unpack(image, "here", NULL, parts, 1), PR_ERR_FORMAT,
                "here: 'model/conv.weight' has another shape");
    list_parts(&c, parts);
    parts[2].tensor.dtype = PR_F32;
    CHECK_FAILS(pr_checkpoint_unpack(image, "here", NULL, parts, N_PARTS), PR_ERR_FORMAT,
                "'bank/count' has another shape or type");
    list_parts(&c, parts);
    parts[1].name = "optim/momentum/fc.weight";
    CHECK_FAILS(pr_checkpoint_unpack(image, "here", NULL, parts, N_PARTS), PR_ERR_FORMAT,
                "has no 'optim/momentum/fc.weight'");
    parts[3].name = "elsewhere/key";
    CHECK_OK(pr_checkpoint_unpack_found(image, "here", "", parts, N_PARTS, &n_found));
    CHECK(n_found == N_PARTS - 2, "%d parts found", n_found);

    /* Another objective's head stays as it is; a backbone of another shape is refused. */
    list_parts(&c, parts);
    parts[0].tensor.shape = (pr_shape){2, {3, 2}};
    CHECK_OK(
        pr_checkpoint_unpack_found(image, "here", "model/backbone.", parts, N_PARTS, &n_found));
    CHECK(n_found == N_PARTS - 1, "%d parts found", n_found);
    CHECK_FAILS(pr_checkpoint_unpack_found(image, "here", "model/conv.", parts, N_PARTS, &n_found),
                PR_ERR_FORMAT, "here: 'model/conv.weight' has another shape");
}

/* A flipped bit may fall where nobody looks (padding); where a tensor lies it is always found. */
static void test_damage(const pr_image *image)
{
    contents c;
    pr_part parts[N_PARTS];
    int64_t n_silent = 0;
    pr_image broken = {pr_calloc((int64_t)image->n_bytes, 1), image->n_bytes};
    CHECK(broken.bytes != NULL, "no memory");
    if (broken.bytes == NULL) {
        return;
    }
    for (size_t at = 0; at < image->n_bytes; at += 13) {
        memcpy(broken.bytes, image->bytes, image->n_bytes);
        memcpy(&c, &full, sizeof(c));
        broken.bytes[at] ^= 0x08;
        list_parts(&c, parts);
        pr_checkpoint_head head = head_of(7);
        const bool whole = pr_checkpoint_unpack(&broken, "broken", &head, parts, N_PARTS) == PR_OK;
        const pr_checkpoint_head wanted = head_of(7);
        n_silent +=
            whole && (!is_same(&c, &full, sizeof(c)) || !is_same(&head, &wanted, sizeof(head)));
        pr_error_clear();
    }
    CHECK(n_silent == 0, "%d flipped bits changed what was read and were not found", (int)n_silent);
    for (size_t n = 0; n < image->n_bytes; n += 97) {
        const pr_image cut = {image->bytes, n};
        list_parts(&c, parts);
        CHECK(pr_checkpoint_unpack(&cut, "cut", NULL, parts, N_PARTS) == PR_ERR_FORMAT,
              "%zu of %zu bytes were taken for a checkpoint", n, image->n_bytes);
        pr_error_clear();
    }
    pr_free(broken.bytes);
}

static void test_allocations(const char *folder, const pr_image *image)
{
    int n_failed = 0;
    for (long n = 0; n < N_ALLOCATIONS; n++) {
        contents c = full;
        pr_part parts[N_PARTS];
        pr_image made = {0};
        pr_image found = {0};
        char *config = NULL;
        char path[PR_PATH_BYTES];
        int n_damaged = 0;
        list_parts(&c, parts);
        pr_alloc_fail_on(n);
        pr_status status = pack(9, &made);
        if (status == PR_OK) {
            status = pr_checkpoint_write(folder, 9, &made, 2, -1);
        }
        if (status == PR_OK) {
            status = pr_checkpoint_newest(folder, &found, path, sizeof(path), &n_damaged);
        }
        if (status == PR_OK) {
            status = pr_checkpoint_config(image, "here", &config);
        }
        pr_alloc_fail_on(-1);
        CHECK(status == PR_OK || status == PR_ERR_NOMEM, "allocation %ld: %s", n,
              pr_error_message());
        CHECK(n_damaged == 0, "allocation %ld: a whole checkpoint is called damaged", n);
        n_failed += status != PR_OK;
        pr_error_clear();
        pr_free(made.bytes);
        pr_free(found.bytes);
        pr_free(config);
    }
    CHECK(n_failed >= 4 && n_failed < N_ALLOCATIONS, "%d allocations were met", n_failed);
}

static bool has_file(const char *folder, const char *name)
{
    char path[PR_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/checkpoints/%s", folder, name);
    return pr_fs_exists(path);
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t n_bytes)
{
    char path[PR_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/checkpoints/%s", folder, name);
    CHECK_OK(pr_fs_write(path, bytes, n_bytes));
}

static void write_step(const char *folder, int64_t step, int keep, int64_t kept_step)
{
    pr_image image = {0};
    CHECK_OK(pack(step, &image));
    CHECK_OK(pr_checkpoint_write(folder, step, &image, keep, kept_step));
    pr_free(image.bytes);
}

/* Two newest and the best stay; halves go; a damaged newer one is passed over and displaces none. */
static void test_files(const char *folder, const pr_image *image)
{
    char path[PR_PATH_BYTES];
    char newest[PR_PATH_BYTES];
    int n_damaged = 0;
    pr_image found = {0};
    CHECK_OK(pr_checkpoint_newest(folder, &found, path, sizeof(path), &n_damaged));
    CHECK(found.bytes == NULL, "a checkpoint in an empty folder");
    for (int64_t step = 1; step <= 4; step++) {
        write_step(folder, step, 2, 1);
    }
    CHECK(has_file(folder, "step-00000001.h5") && !has_file(folder, "step-00000002.h5") &&
              has_file(folder, "step-00000003.h5") && has_file(folder, "step-00000004.h5"),
          "other files than the best and the newest two stayed");

    write_file(folder, "step-00000007.h5", image->bytes, image->n_bytes / 2);
    write_file(folder, "step-00000006.h5.tmp-host-12", image->bytes, 100);
    write_file(folder, "step-00000008.txt", "no", 2);
    CHECK_OK(pr_checkpoint_newest(folder, &found, path, sizeof(path), &n_damaged));
    CHECK_OK(pr_checkpoint_path(newest, folder, 4));
    CHECK(strcmp(path, newest) == 0 && n_damaged == 1, "%s, %d damaged", path, n_damaged);
    pr_free(found.bytes);
    write_step(folder, 5, 1, -1);
    CHECK(has_file(folder, "step-00000005.h5") && !has_file(folder, "step-00000004.h5"),
          "a damaged newer file takes the place of a whole one");
    CHECK(!has_file(folder, "step-00000006.h5.tmp-host-12"), "half a checkpoint stayed");
    CHECK(has_file(folder, "step-00000008.txt"), "a file that is not ours went");
}

int main(void)
{
    char folder[] = "/tmp/pristine-checkpoint-XXXXXX";
    char command[128];
    pr_image image = {0};
    CHECK(mkdtemp(folder) != NULL, "mkdtemp");
    CHECK_OK(pack(7, &image));
    test_round_trip(&image);
    test_refusals(&image);
    test_damage(&image);
    test_files(folder, &image);
    test_allocations(folder, &image);
    pr_free(image.bytes);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0, "%s", command); /* NOLINT(cert-env33-c): a fixed word and our own */
    return check_exit_code();
}
