#include "dataset/samples_private.h"

#include "dataset/h5.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <stdio.h>
#include <unistd.h>

static int compare(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

int pr__sample_compare(const pr_sample *a, const pr_sample *b)
{
    const int order[6] = {
        compare(a->dataset, b->dataset),
        compare(a->method, b->method),
        compare(a->compression, b->compression),
        compare(a->video, b->video),
        compare(a->frame, b->frame),
        compare(a->face, b->face),
    };
    int i = 0;
    while (i < 5 && order[i] == 0) {
        i++;
    }
    return order[i];
}

void pr_samples_close(pr_samples **samples)
{
    if (*samples != NULL) {
        for (int32_t i = 0; i < (*samples)->n_files; i++) {
            if ((*samples)->files[i].fd >= 0) {
                (void)close((*samples)->files[i].fd);
            }
            pr_free((*samples)->files[i].path);
        }
        pr_free((*samples)->files);
        pr_free((*samples)->entries);
        pr_free((*samples)->crops);
        pr_free((*samples)->landmarks);
        pr_free((*samples)->aligned);
        pr__words_destroy(&(*samples)->words);
        pr_free(*samples);
        *samples = NULL;
    }
}

int64_t pr_samples_n(const pr_samples *samples)
{
    return samples->n;
}

const pr_sample *pr_samples_at(const pr_samples *samples, int64_t i)
{
    return &samples->entries[i].sample;
}

const char *pr_samples_word(const pr_samples *samples, pr_word word)
{
    return pr__words_at(samples->words, word);
}

uint64_t pr_samples_hash(const pr_samples *samples)
{
    return samples->hash;
}

const char *pr_samples_name(const pr_samples *samples, int64_t i, char *text, size_t n_bytes)
{
    const pr_sample_entry *const entry = &samples->entries[i];
    const pr_sample *const sample = &entry->sample;
    char face[32] = "";
    if (sample->face != 0) {
        (void)snprintf(face, sizeof(face), "/face %d", sample->face);
    }
    (void)snprintf(
        text, n_bytes, "%s/%s/%s/%s/frame %d%s (%s, record %d)",
        pr_samples_word(samples, sample->dataset), pr_samples_word(samples, sample->method),
        pr_samples_word(samples, sample->compression), pr_samples_word(samples, sample->video),
        sample->frame, face, samples->files[entry->file].path, entry->record);
    return text;
}

void pr_samples_size_px(const pr_samples *samples, int64_t i, int *width, int *height)
{
    *width = samples->entries[i].width;
    *height = samples->entries[i].height;
}

const float *pr_samples_landmarks(const pr_samples *samples, int64_t i, int *n)
{
    *n = samples->entries[i].n_landmarks;
    return *n > 0 ? samples->landmarks + 2 * samples->entries[i].landmark_first : NULL;
}

const double *pr_samples_crop_map(const pr_samples *samples, int64_t i)
{
    const int64_t crop = samples->entries[i].crop;
    return crop >= 0 ? samples->crops + 6 * crop : NULL;
}

size_t pr_samples_payload_bytes(const pr_samples *samples, int64_t i)
{
    return samples->entries[i].image_bytes;
}

size_t pr_samples_mask_bytes(const pr_samples *samples, int64_t i)
{
    return samples->entries[i].mask_bytes;
}

static pr_status read_payload(const pr_samples *samples, int64_t i, const char *what, uint64_t at,
                              uint32_t n_bytes, uint32_t wanted, uint8_t *bytes)
{
    const pr_sample_file *const file = &samples->files[samples->entries[i].file];
    PR_TRY(pr_h5_pread(file->fd, file->path, bytes, n_bytes, at));
    const uint32_t crc = pr_crc32c(bytes, n_bytes);
    if (crc != wanted) {
        char name[512];
        return PR_FAIL(PR_ERR_FORMAT, "%s: the CRC of its %s is %08x, want %08x",
                       pr_samples_name(samples, i, name, sizeof(name)), what, crc, wanted);
    }
    return PR_OK;
}

pr_status pr_samples_read(const pr_samples *samples, int64_t i, uint8_t *bytes)
{
    const pr_sample_entry *const entry = &samples->entries[i];
    return read_payload(samples, i, "image", entry->image_at, entry->image_bytes,
                        entry->image_crc32c, bytes);
}

pr_status pr_samples_read_mask(const pr_samples *samples, int64_t i, uint8_t *bytes)
{
    const pr_sample_entry *const entry = &samples->entries[i];
    return read_payload(samples, i, "mask", entry->mask_at, entry->mask_bytes, entry->mask_crc32c,
                        bytes);
}
