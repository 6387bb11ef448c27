/*
 * Any bytes as a checkpoint. The first byte says what the rest is: 0 a whole file; 1 changes (place,
 * place, byte) to a good one, which its seal must meet; 2 what a checkpoint holds (shapes, types, head
 * and config), which must come back or be refused.
 * Usage: fuzz_checkpoint --make FILE writes the corpus' whole file.
 */
#include "engine/base/alloc.h"
#include "trainer/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { N_PARTS = 3, PART_BYTES = 64 };

static const char good_config[] = "seed: 1\nobjective: rccl\n";
static const pr_desc good_descs[N_PARTS] = {
    {PR_F32, {2, {2, 3}}}, {PR_I64, {1, {3}}}, {PR_U8, {0, {0}}}};
static const char *const names[N_PARTS] = {"model/a.weight", "bank/cursor", "model/flag"};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static pr_status checked(pr_status status)
{
    require((status == PR_OK) == (pr_error_message()[0] == '\0'));
    pr_error_clear();
    return status;
}

/* DATA [N_PARTS][PART_BYTES] stands for memory of PARTS. */
static void lay_parts(pr_part *parts, const pr_desc *descs, double data[][PART_BYTES / 8])
{
    for (int i = 0; i < N_PARTS; i++) {
        parts[i] = (pr_part){names[i], {descs[i].dtype, descs[i].shape, data[i]}};
    }
}

static void make_good(pr_image *image)
{
    double data[N_PARTS][PART_BYTES / 8] = {{1.0, 2.0, 3.0}, {4.0}, {5.0}};
    pr_part parts[N_PARTS];
    const pr_checkpoint_head head = {.position = {.step = 7}, .config_hash = 99, .best = 0.5};
    lay_parts(parts, good_descs, data);
    require(pr_checkpoint_pack(&head, good_config, parts, N_PARTS, image) == PR_OK);
    require(image->n_bytes > 0);
}

/* Reads IMAGE in every way; whether all of it was as in the good one. */
static bool reads_as_good(const pr_image *image)
{
    double data[N_PARTS][PART_BYTES / 8] = {{0.0}};
    pr_part parts[N_PARTS];
    pr_checkpoint_head head = {.position = {.step = -1}};
    char *config = NULL;
    int n_found = 0;
    lay_parts(parts, good_descs, data);
    pr_error_clear();
    const bool unpacks =
        checked(pr_checkpoint_unpack(image, "fuzz", &head, parts, N_PARTS)) == PR_OK;
    require(unpacks || head.position.step == -1);
    const bool is_found =
        checked(pr_checkpoint_unpack_found(image, "fuzz", "", parts, N_PARTS, &n_found)) == PR_OK;
    const bool is_whole = checked(pr_checkpoint_verify(image, "fuzz")) == PR_OK;
    const bool has_config = checked(pr_checkpoint_config(image, "fuzz", &config)) == PR_OK;
    const bool is_good = unpacks && is_found && is_whole && has_config && n_found == N_PARTS &&
                         strcmp(config, good_config) == 0 && head.position.step == 7 &&
                         head.config_hash == 99;
    pr_free(config);
    return is_good;
}

static void fuzz_file(const uint8_t *bytes, size_t n_bytes)
{
    /* A copy of its own, so that a read beyond the end is seen. */
    const pr_image image = {pr_calloc((int64_t)n_bytes, 1), n_bytes};
    require(image.bytes != NULL);
    memcpy(image.bytes, bytes, n_bytes);
    (void)reads_as_good(&image);
    pr_free(image.bytes);
}

static void fuzz_changes(const uint8_t *bytes, size_t n_bytes)
{
    pr_image good = {0};
    pr_image image = {0};
    make_good(&good);
    make_good(&image);
    require(good.n_bytes == image.n_bytes && memcmp(good.bytes, image.bytes, good.n_bytes) == 0);
    for (size_t k = 0; k + 3 <= n_bytes; k += 3) {
        const size_t at = (size_t)bytes[k] << 8 | bytes[k + 1];
        image.bytes[at % image.n_bytes] = bytes[k + 2];
    }
    /* An odd last byte cuts the file. */
    image.n_bytes -= n_bytes % 3 == 1 ? bytes[n_bytes - 1] : 0;
    const bool is_same =
        image.n_bytes == good.n_bytes && memcmp(good.bytes, image.bytes, good.n_bytes) == 0;
    require(reads_as_good(&image) == is_same);
    pr_free(good.bytes);
    pr_free(image.bytes);
}

/* Shapes of at most PART_BYTES from a few bytes. */
static pr_desc desc_from(const uint8_t *bytes)
{
    pr_desc desc = {(pr_dtype)(bytes[0] % PR_DTYPE_COUNT), {bytes[1] % 4, {0}}};
    for (int i = 0; i < desc.shape.n_dims; i++) {
        desc.shape.dims[i] = bytes[2] >> (2 * i) & 3;
    }
    if (pr_desc_bytes(&desc) > PART_BYTES) {
        desc.shape = (pr_shape){1, {1}};
    }
    return desc;
}

static void fuzz_contents(const uint8_t *bytes, size_t n_bytes)
{
    enum { N_DESC_BYTES = 3 * N_PARTS };
    char config[256] = "";
    double data[N_PARTS][PART_BYTES / 8] = {{0.0}};
    pr_desc descs[N_PARTS];
    pr_part parts[N_PARTS];
    pr_checkpoint_head head = {.best_step = 3};
    if (n_bytes < N_DESC_BYTES + sizeof(data)) {
        return;
    }
    bool is_alike = true;
    for (int i = 0; i < N_PARTS; i++) {
        descs[i] = desc_from(bytes + 3 * (size_t)i);
        is_alike = is_alike && descs[i].dtype == good_descs[i].dtype &&
                   pr_shape_equal(&descs[i].shape, &good_descs[i].shape);
    }
    bytes += N_DESC_BYTES;
    n_bytes -= N_DESC_BYTES;
    memcpy(data, bytes, sizeof(data));
    memcpy(&head, bytes, sizeof(head));
    const size_t n_config = n_bytes < sizeof(config) ? n_bytes : sizeof(config) - 1;
    memcpy(config, bytes, n_config);
    lay_parts(parts, descs, data);

    pr_image image = {0};
    require(pr_checkpoint_pack(&head, config, parts, N_PARTS, &image) == PR_OK);
    require(pr_checkpoint_verify(&image, "fuzz") == PR_OK);
    double read[N_PARTS][PART_BYTES / 8] = {{0.0}};
    pr_checkpoint_head head_read;
    pr_part wanted[N_PARTS];
    lay_parts(wanted, descs, read);
    require(pr_checkpoint_unpack(&image, "fuzz", &head_read, wanted, N_PARTS) == PR_OK);
    /* Eight bytes each without padding, and a NaN is to come back with its bits. */
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
    require(memcmp(&head, &head_read, sizeof(head)) == 0);
    for (int i = 0; i < N_PARTS; i++) {
        require(memcmp(data[i], read[i], pr_desc_bytes(&descs[i])) == 0);
    }
    char *config_read = NULL;
    require(pr_checkpoint_config(&image, "fuzz", &config_read) == PR_OK);
    require(strcmp(config, config_read) == 0);
    pr_free(config_read);
    lay_parts(wanted, good_descs, read);
    pr_error_clear();
    require((checked(pr_checkpoint_unpack(&image, "fuzz", NULL, wanted, N_PARTS)) == PR_OK) ==
            is_alike);
    pr_free(image.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes == 0) {
        return 0;
    }
    if (bytes[0] == 1) {
        fuzz_changes(bytes + 1, n_bytes - 1);
    } else if (bytes[0] == 2) {
        fuzz_contents(bytes + 1, n_bytes - 1);
    } else {
        fuzz_file(bytes + 1, n_bytes - 1);
    }
    require(pr_alloc_n_live() == 0);
    return 0;
}

// NOLINTNEXTLINE(readability-non-const-parameter): the fuzzer's own signature.
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc == 3 && strcmp((*argv)[1], "--make") == 0) {
        pr_image image = {0};
        make_good(&image);
        FILE *const file = fopen((*argv)[2], "wb");
        const bool is_written =
            file != NULL && fputc(0, file) == 0 && fwrite(image.bytes, image.n_bytes, 1, file) == 1;
        exit(file != NULL && fclose(file) == 0 && is_written ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return 0;
}
