/*
 * Any bytes as dataset.h5 and as a shard: refused with a message, or read.
 *
 * Nearly every change of a whole file is met by a checksum, HDF5's or ours. So the first byte says
 * what the rest is: 0 a whole file; 1 and 2 changes (place, place, byte) to the tables of a good
 * index or shard, whose checksum is made anew: what a hostile writer could do.
 */
#include "dataset/index.h"
#include "dataset/inspect.h"
#include "dataset/shard_reader.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static char dir[64], index_path[96], shard_path[96];

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void remove_folder(void)
{
    (void)unlink(index_path);
    (void)unlink(shard_path);
    (void)rmdir(dir);
}

static void make_folder(void)
{
    if (dir[0] == '\0') {
        (void)snprintf(dir, sizeof(dir), "/dev/shm/pristine-fuzz-XXXXXX");
        require(mkdtemp(dir) != NULL);
        (void)snprintf(index_path, sizeof(index_path), "%s/dataset.h5", dir);
        (void)snprintf(shard_path, sizeof(shard_path), "%s/part-00000.h5", dir);
        require(atexit(remove_folder) == 0);
    }
}

static void read_index(void)
{
    pr_text text = {0};
    pr_error_clear();
    const pr_status status = pr_inspect(dir, &text);
    require((status == PR_OK) == (pr_error_message()[0] == '\0'));
    pr_text_free(&text);
    pr_verify_result result = {0};
    pr_error_clear();
    (void)pr_verify(dir, 0, 1, 3, &result);
    pr_text_free(&result.messages);
}

static void read_shard(void)
{
    pr_shard *shard = NULL;
    pr_error_clear();
    const pr_status status = pr__shard_open(shard_path, &shard);
    require((status == PR_OK) == (pr_error_message()[0] == '\0'));
    pr__shard_close(&shard);
}

static void write_file(const char *path, const uint8_t *bytes, size_t n_bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, bytes, n_bytes) == (ssize_t)n_bytes && close(fd) == 0);
}

/* The tables' data again, to be written to. */
static uint8_t *memory[PR_SHARD_N_TABLES];

static void set(pr_h5_table *tables, int i, void *data, int64_t n_rows)
{
    tables[i].data = data;
    tables[i].n_rows = n_rows;
    memory[i] = data;
}

/* The changes, over the bytes of all tables one behind the other. */
static void change(const pr_h5_table *tables, int n_tables, const uint8_t *bytes, size_t n_bytes)
{
    size_t n_all = 0;
    for (int i = 0; i < n_tables; i++) {
        n_all += tables[i].data != NULL ? pr_h5_table_bytes(&tables[i]) : 0;
    }
    for (size_t k = 0; k + 3 <= n_bytes; k += 3) {
        size_t at = ((size_t)bytes[k] << 8 | bytes[k + 1]) % n_all;
        for (int i = 0; i < n_tables; i++) {
            const size_t n = tables[i].data != NULL ? pr_h5_table_bytes(&tables[i]) : 0;
            if (at < n) {
                memory[i][at] = bytes[k + 2];
                break;
            }
            at -= n;
        }
    }
}

static void write_tables(const char *path, pr_h5_table *tables, int n_tables, int n_summed,
                         pr_h5_attr *attrs, int n_attrs)
{
    int fd = -1;
    require(pr__tables_checksum(tables, n_summed, &attrs[n_attrs - 1].value) == PR_OK);
    require(pr_h5_lay_out(path, tables, n_tables, attrs, n_attrs, &fd) == PR_OK);
    require(pr_h5_fill(fd, path, tables, n_tables) == PR_OK);
    (void)close(fd);
}

static const pr_crop_row good_crop = {.dataset = 1,
                                      .label = 5,
                                      .video = 6,
                                      .bg_video = 6,
                                      .codec = 3,
                                      .width = 4,
                                      .height = 4,
                                      .has_crop = 1,
                                      .n_landmarks = 1,
                                      .crop = {1.0, 0.0, 0.0, 0.0, 1.0, 0.0}};
enum { N_WORDS = 7, WIDTH = 5, N_CROPS = 3 };
static const char good_words[N_WORDS][WIDTH] = {"", "a", "fake", "jpeg", "png", "real", "v"};

static pr_crop_row crop_at(int i, const float *landmarks)
{
    pr_crop_row row = good_crop;
    row.frame = i / 2;
    row.label = i % 2 == 0 ? 5 : 2;
    row.face = i % 2;
    row.landmark_first = i;
    row.landmark_crc32c = pr_crc32c(landmarks + 2 * (ptrdiff_t)i, 2 * sizeof(*landmarks));
    return row;
}

static void fuzz_index(const uint8_t *bytes, size_t n_bytes)
{
    pr_index_row crops[N_CROPS];
    pr_shard_row shard = {4096, 0, 0, N_CROPS};
    char words[N_WORDS][WIDTH];
    char provenance[] = "by a fuzzer\n";
    float landmarks[2 * N_CROPS] = {1.0F, 2.0F};
    for (int i = 0; i < N_CROPS; i++) {
        crops[i] = (pr_index_row){
            .crop = crop_at(i, landmarks), .record = i, .image_at = 2048, .image_bytes = 64};
    }
    memcpy(words, good_words, sizeof(words));
    pr_h5_table tables[PR_INDEX_N_TABLES];
    pr__index_tables(tables);
    tables[PR_INDEX_WORDS].item_bytes = WIDTH;
    tables[PR_INDEX_PROVENANCE].item_bytes = sizeof(provenance) - 1;
    set(tables, PR_INDEX_CROPS, crops, N_CROPS);
    set(tables, PR_INDEX_WORDS, words, N_WORDS);
    set(tables, PR_INDEX_SHARDS, &shard, 1);
    set(tables, PR_INDEX_PROVENANCE, provenance, 1);
    set(tables, PR_INDEX_LANDMARKS, landmarks, N_CROPS);
    change(tables, PR_INDEX_N_TABLES, bytes, n_bytes);
    pr_h5_attr attrs[] = {{"format_version", PR_FORMAT_VERSION, 0}, {"metadata_checksum", 0, 0}};
    write_tables(index_path, tables, PR_INDEX_N_TABLES, PR_INDEX_LANDMARKS, attrs, 2);
    read_index();
}

static void fuzz_tables(const uint8_t *bytes, size_t n_bytes)
{
    pr_crop_row crops[N_CROPS];
    char words[N_WORDS][WIDTH];
    uint64_t image[N_CROPS + 1] = {0, 8, 16, 24};
    uint64_t mask[N_CROPS + 1] = {0, 0, 8, 8};
    uint32_t image_crc[N_CROPS] = {0};
    uint32_t mask_crc[N_CROPS] = {0};
    float landmarks[2 * N_CROPS] = {1.0F, 2.0F};
    for (int i = 0; i < N_CROPS; i++) {
        crops[i] = crop_at(i, landmarks);
    }
    memcpy(words, good_words, sizeof(words));
    pr_h5_table tables[PR_SHARD_N_TABLES];
    pr__shard_tables(tables);
    tables[PR_SHARD_WORDS].item_bytes = WIDTH;
    set(tables, PR_SHARD_CROPS, crops, N_CROPS);
    set(tables, PR_SHARD_WORDS, words, N_WORDS);
    set(tables, PR_SHARD_IMAGE_OFFSET, image, N_CROPS + 1);
    set(tables, PR_SHARD_IMAGE_CRC, image_crc, N_CROPS);
    set(tables, PR_SHARD_MASK_OFFSET, mask, N_CROPS + 1);
    set(tables, PR_SHARD_MASK_CRC, mask_crc, N_CROPS);
    set(tables, PR_SHARD_LANDMARKS, landmarks, N_CROPS);
    set(tables, PR_SHARD_IMAGE, NULL, 24);
    set(tables, PR_SHARD_MASK, NULL, 8);
    change(tables, PR_SHARD_N_TABLES, bytes, n_bytes);
    pr_h5_attr attrs[PR_SHARD_N_ATTRS];
    pr__shard_attrs(attrs);
    write_tables(shard_path, tables, PR_SHARD_N_TABLES, PR_SHARD_LANDMARKS, attrs,
                 PR_SHARD_N_ATTRS);
    read_shard();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    make_folder();
    if (n_bytes == 0) {
        return 0;
    }
    if (bytes[0] == 1) {
        fuzz_index(bytes + 1, n_bytes - 1);
    } else if (bytes[0] == 2) {
        fuzz_tables(bytes + 1, n_bytes - 1);
    } else {
        write_file(index_path, bytes + 1, n_bytes - 1);
        write_file(shard_path, bytes + 1, n_bytes - 1);
        read_index();
        read_shard();
    }
    require(pr_alloc_n_live() == 0);
    return 0;
}
