#include "dataset/codec.h"
#include "dataset/index.h"
#include "dataset/inspect.h"
#include "dataset/shard_reader.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct verifying {
    const pr_index *index;
    const pr_shard *shard;
    int number; /* of the shard */
    int64_t limit;
    pr_verify_result *result;
    uint8_t *bytes;  /* a payload */
    uint8_t *pixels; /* decoded */
    size_t bytes_room, pixels_room;
} verifying;

/* A failure becomes a message of the result; only want of memory ends the work. */
static pr_status note(verifying *job, pr_status status)
{
    if (status == PR_OK || status == PR_ERR_NOMEM) {
        return status;
    }
    char message[1024];
    (void)snprintf(message, sizeof(message), "%s", pr_error_message());
    pr_error_clear();
    job->result->n_bad++;
    return job->result->n_bad <= job->limit ? pr_text_add(&job->result->messages, "%s\n", message)
                                            : PR_OK;
}

static pr_status room_for(uint8_t **memory, size_t *room, size_t n_bytes)
{
    if (n_bytes > *room) {
        pr_free(*memory);
        *room = 0;
        *memory = pr_calloc((int64_t)n_bytes, 1);
        PR_REQUIRE(*memory != NULL, PR_ERR_NOMEM, "verify: no memory for %zu bytes", n_bytes);
        *room = n_bytes;
    }
    return PR_OK;
}

static const char *name_of(const verifying *job, const pr_crop_row *row, char *text, size_t n_bytes)
{
    return pr__crop_row_name(row, job->shard->words, text, n_bytes);
}

/* Header and all pixels of the payload in job->bytes, against what its row says. */
static pr_status decode(verifying *job, const pr_crop_row *row, size_t n_bytes, int channels)
{
    pr_codec codec = PR_CODEC_JPEG;
    pr_image_u8 image = {.channels = channels};
    PR_TRY(pr_image_probe(job->bytes, n_bytes, &codec, &image.width, &image.height));
    const char *const told = channels == 3 ? pr__words_at(job->shard->words, row->codec) : "png";
    PR_REQUIRE(strcmp(pr_codec_name(codec), told) == 0 && image.width == row->width &&
                   image.height == row->height,
               PR_ERR_FORMAT, "is %s of %d x %d, want %s of %d x %d", pr_codec_name(codec),
               image.width, image.height, told, row->width, row->height);
    PR_TRY(room_for(&job->pixels, &job->pixels_room, pr_image_bytes(&image)));
    image.data = job->pixels;
    return channels == 3 ? pr_image_decode_rgb(job->bytes, n_bytes, &image)
                         : pr_image_decode_grey(job->bytes, n_bytes, &image);
}

/* One payload: its CRC, and what it decodes to. */
static pr_status check_payload(verifying *job, int64_t record, const char *what, uint64_t at,
                               size_t n_bytes, uint32_t wanted, int channels)
{
    const pr_crop_row *const row = &job->shard->crops[record];
    const char *const path = job->shard->path;
    char name[256];
    (void)name_of(job, row, name, sizeof(name));
    PR_TRY(room_for(&job->bytes, &job->bytes_room, n_bytes));
    PR_TRY(pr_h5_pread(job->shard->fd, path, job->bytes, n_bytes, at));
    const uint32_t crc = pr_crc32c(job->bytes, n_bytes);
    PR_REQUIRE(crc == wanted, PR_ERR_FORMAT,
               "%s: record %lld, %s: the CRC of its %s is %08x, want %08x", path, (long long)record,
               name, what, crc, wanted);
    const pr_status status = decode(job, row, n_bytes, channels);
    if (status != PR_OK && status != PR_ERR_NOMEM) {
        char why[512];
        (void)snprintf(why, sizeof(why), "%s", pr_error_message());
        pr_error_clear();
        return PR_FAIL(status, "%s: record %lld, %s: its %s: %s", path, (long long)record, name,
                       what, why);
    }
    return status;
}

static pr_status check_record(verifying *job, int64_t record)
{
    const pr_shard *const shard = job->shard;
    const uint64_t image = shard->image_offset[record];
    PR_TRY(note(job, check_payload(job, record, "image", shard->tables[PR_SHARD_IMAGE].at + image,
                                   shard->image_offset[record + 1] - image,
                                   shard->image_crc32c[record], 3)));
    if (shard->mask_offset == NULL) {
        return PR_OK;
    }
    const uint64_t mask = shard->mask_offset[record];
    const size_t n_mask = shard->mask_offset[record + 1] - mask;
    return n_mask == 0 ? PR_OK
                       : note(job, check_payload(job, record, "mask",
                                                 shard->tables[PR_SHARD_MASK].at + mask, n_mask,
                                                 shard->mask_crc32c[record], 1));
}

static bool maps_equal(const double a[6], const double b[6])
{
    int n_equal = 0;
    for (int i = 0; i < 6; i++) {
        n_equal += a[i] == b[i];
    }
    return n_equal == 6;
}

/* Words compare as text, since index and shard number them each in their own way. */
static bool rows_agree(const verifying *job, const pr_index_row *row)
{
    const pr_shard *const shard = job->shard;
    const pr_crop_row *const there = &shard->crops[row->record];
    for (int k = 0; k < PR_ROW_N_WORDS; k++) {
        if (strcmp(pr__words_at(job->index->words, PR_ROW_WORD_OF(&row->crop, k)),
                   pr__words_at(shard->words, PR_ROW_WORD_OF(there, k))) != 0) {
            return false;
        }
    }
    const uint64_t *const offset = shard->image_offset + row->record;
    return row->crop.frame == there->frame && row->crop.face == there->face &&
           row->crop.width == there->width && row->crop.height == there->height &&
           row->crop.has_crop == there->has_crop && maps_equal(row->crop.crop, there->crop) &&
           row->crop.landmark_crc32c == there->landmark_crc32c &&
           row->image_at == shard->tables[PR_SHARD_IMAGE].at + offset[0] &&
           row->image_bytes == offset[1] - offset[0] &&
           row->image_crc32c == shard->image_crc32c[row->record];
}

static pr_status check_rows(verifying *job)
{
    int64_t n_rows = 0;
    for (int64_t i = 0; i < job->index->n_crops; i++) {
        const pr_index_row *const row = &job->index->crops[i];
        if (row->shard != job->number) {
            continue;
        }
        n_rows++;
        PR_REQUIRE(row->record < job->shard->n_crops && rows_agree(job, row), PR_ERR_FORMAT,
                   "%s: row %lld says other things than %s, record %d", job->index->path,
                   (long long)i, job->shard->path, row->record);
    }
    PR_REQUIRE(n_rows == job->shard->n_crops, PR_ERR_FORMAT,
               "%s: has %lld rows of %s, which has %lld", job->index->path, (long long)n_rows,
               job->shard->path, (long long)job->shard->n_crops);
    return PR_OK;
}

/* The shard that the index wants, with its tables whole. */
static pr_status open_shard(const verifying *job, pr_shard **shard)
{
    char path[PR_PATH_BYTES];
    int fd = -1;
    PR_TRY(pr__index_open_shard(job->index, job->number, &fd));
    (void)close(fd);
    PR_TRY(pr__shard_path(path, sizeof(path), job->index->dir, job->number));
    return pr__shard_open(path, shard);
}

static pr_status verify_shard(verifying *job)
{
    pr_shard *shard = NULL;
    PR_TRY(note(job, open_shard(job, &shard)));
    if (shard == NULL) {
        return PR_OK;
    }
    job->shard = shard;
    pr_status status = note(job, check_rows(job));
    for (int64_t i = 0; status == PR_OK && i < shard->n_crops; i++) {
        status = check_record(job, i);
        job->result->n_crops++;
    }
    pr__shard_close(&shard);
    return status;
}

/* Samples read landmarks from the index; those in shards were checked as the shards were opened. */
static pr_status verify_landmarks(verifying *job)
{
    const pr_index *const index = job->index;
    for (int64_t i = 0; i < index->n_crops; i++) {
        const pr_crop_row *const row = &index->crops[i].crop;
        const size_t n_bytes = (size_t)row->n_landmarks * 2 * sizeof(float);
        PR_TRY(room_for(&job->bytes, &job->bytes_room, n_bytes));
        PR_TRY(pr_h5_pread(index->fd, index->path, job->bytes, n_bytes,
                           index->tables[PR_INDEX_LANDMARKS].at +
                               (uint64_t)row->landmark_first * 2 * sizeof(float)));
        const uint32_t crc = n_bytes > 0 ? pr_crc32c(job->bytes, n_bytes) : 0;
        PR_REQUIRE(crc == row->landmark_crc32c, PR_ERR_FORMAT,
                   "%s: row %lld: the CRC of its landmarks is %08x, want %08x", index->path,
                   (long long)i, crc, row->landmark_crc32c);
    }
    return PR_OK;
}

pr_status pr_verify(const char *dir, int rank, int n_ranks, int64_t limit, pr_verify_result *result)
{
    pr_index *index = NULL;
    PR_TRY(pr__index_open(dir, &index));
    verifying job = {.index = index, .limit = limit, .result = result};
    pr_status status = rank == 0 ? note(&job, verify_landmarks(&job)) : PR_OK;
    for (job.number = rank; status == PR_OK && job.number < index->n_shards;
         job.number += n_ranks) {
        status = verify_shard(&job);
    }
    pr_free(job.bytes);
    pr_free(job.pixels);
    pr__index_close(&index);
    return status;
}
