#include "dataset/samples_private.h"

#include "dataset/index.h"
#include "dataset/samples_select.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One directory while the samples are opened. */
typedef struct source {
    pr_index *index;
    uint8_t *picked; /* [n_crops] */
    int32_t *word;   /* [n words] its words' numbers in the samples' table */
    int32_t *file;   /* [n_shards] number in the samples' files, or -1 */
    int64_t n_picked;
} source;

typedef struct opening {
    source *sources;
    int n_sources;
    pr_samples *samples;
    int64_t n_crops, n_landmarks; /* of the samples */
} opening;

static pr_status open_source(const char *path, source *from)
{
    PR_TRY(pr__index_open(path, &from->index));
    const pr_index *const index = from->index;
    from->picked = pr_calloc(index->n_crops, 1);
    from->word = pr_calloc(pr__words_n(index->words), sizeof(*from->word));
    from->file = pr_calloc(index->n_shards, sizeof(*from->file));
    PR_REQUIRE(from->picked != NULL && from->word != NULL && from->file != NULL, PR_ERR_NOMEM,
               "%s: no memory for %lld crops", index->path, (long long)index->n_crops);
    for (int s = 0; s < index->n_shards; s++) {
        from->file[s] = -1;
        PR_TRY(pr__index_stat_shard(index, s));
    }
    return PR_OK;
}

/* Each directory is read once, however many selections name it. */
static pr_status select_all(opening *job, const pr_selection *selections, int n_selections)
{
    for (int k = 0; k < n_selections; k++) {
        int s = 0;
        while (s < job->n_sources && strcmp(job->sources[s].index->dir, selections[k].path) != 0) {
            s++;
        }
        if (s == job->n_sources) {
            job->n_sources++;
            PR_TRY(open_source(selections[k].path, &job->sources[s]));
        }
        PR_TRY(pr__select(job->sources[s].index, &selections[k], job->sources[s].picked));
    }
    for (int s = 0; s < job->n_sources; s++) {
        for (int64_t i = 0; i < job->sources[s].index->n_crops; i++) {
            job->sources[s].n_picked += job->sources[s].picked[i];
        }
        job->samples->n += job->sources[s].n_picked;
    }
    return PR_OK;
}

static pr_status take_words(opening *job)
{
    for (int s = 0; s < job->n_sources; s++) {
        const pr_words *const words = job->sources[s].index->words;
        for (int32_t w = 0; w < pr__words_n(words); w++) {
            const char *const text = pr__words_at(words, w);
            PR_TRY(
                pr__words_add(job->samples->words, text, strlen(text), &job->sources[s].word[w]));
        }
    }
    return PR_OK;
}

/* The word of (dataset, method, video); rows come in key order, so a video's is made once a run. */
static pr_status video_key(pr_samples *samples, const pr_index *index, const pr_index_row *row,
                           const pr_sample *before, pr_sample *sample)
{
    if (before != NULL && before->source == sample->source && before->dataset == sample->dataset &&
        before->method == sample->method && before->video == sample->video) {
        sample->video_key = before->video_key;
        return PR_OK;
    }
    char text[3 * (PR_WORD_MAX_BYTES + 1)];
    const int n = snprintf(
        text, sizeof(text), "%s/%s/%s", pr__words_at(index->words, row->crop.dataset),
        pr__words_at(index->words, row->crop.method), pr__words_at(index->words, row->crop.video));
    return pr__words_add(samples->words, text, (size_t)n, &sample->video_key);
}

static void fill_entry(const source *from, int s, int64_t i, int32_t fake, pr_sample_entry *entry)
{
    const pr_index_row *const row = &from->index->crops[i];
    const pr_crop_row *const crop = &row->crop;
    const int32_t *const word = from->word;
    *entry = (pr_sample_entry){
        .sample = {.dataset = word[crop->dataset],
                   .method = word[crop->method],
                   .compression = word[crop->compression],
                   .video = word[crop->video],
                   .frame = crop->frame,
                   .face = crop->face,
                   .label = crop->label == fake ? PR_FAKE : PR_REAL,
                   .split = word[crop->split],
                   .bg_video = word[crop->bg_video],
                   .bg_id = word[crop->bg_id],
                   .face_id = word[crop->face_id],
                   .face_video = word[crop->face_video],
                   .source = s,
                   .row = i},
        .record = row->record,
        .image_at = row->image_at,
        .mask_at = row->mask_at,
        .image_bytes = row->image_bytes,
        .mask_bytes = row->mask_bytes,
        .image_crc32c = row->image_crc32c,
        .mask_crc32c = row->mask_crc32c,
        .width = crop->width,
        .height = crop->height,
        .n_landmarks = crop->n_landmarks,
    };
}

static pr_status take_entries(opening *job)
{
    pr_samples *const samples = job->samples;
    samples->entries = pr_calloc(samples->n, sizeof(*samples->entries));
    PR_REQUIRE(samples->entries != NULL, PR_ERR_NOMEM, "samples: no memory for %lld samples",
               (long long)samples->n);
    int64_t n = 0;
    for (int s = 0; s < job->n_sources; s++) {
        const source *const from = &job->sources[s];
        const int32_t fake = pr__words_find(from->index->words, "fake");
        for (int64_t i = 0; i < from->index->n_crops; i++) {
            if (from->picked[i] != 0) {
                pr_sample_entry *const entry = &samples->entries[n];
                fill_entry(from, s, i, fake, entry);
                PR_TRY(video_key(samples, from->index, &from->index->crops[i],
                                 n > 0 ? &entry[-1].sample : NULL, &entry->sample));
                n++;
            }
        }
    }
    return PR_OK;
}

/* Words in bytewise order: from then on numbers compare as words do. */
static pr_status sort_words(pr_samples *samples)
{
    const int32_t n_words = pr__words_n(samples->words);
    int32_t *const new_of_old = pr_calloc(n_words, sizeof(*new_of_old));
    PR_REQUIRE(new_of_old != NULL, PR_ERR_NOMEM, "samples: no memory for %d words", n_words);
    const pr_status status = pr__words_sort(samples->words, new_of_old);
    for (int64_t i = 0; status == PR_OK && i < samples->n; i++) {
        pr_sample *const sample = &samples->entries[i].sample;
        pr_word *const words[] = {&sample->dataset,   &sample->method, &sample->compression,
                                  &sample->video,     &sample->split,  &sample->video_key,
                                  &sample->bg_video,  &sample->bg_id,  &sample->face_id,
                                  &sample->face_video};
        for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++) {
            *words[k] = new_of_old[*words[k]];
        }
    }
    pr_free(new_of_old);
    return status;
}

static int by_key(const void *a, const void *b)
{
    const pr_sample *const x = &((const pr_sample_entry *)a)->sample;
    const pr_sample *const y = &((const pr_sample_entry *)b)->sample;
    const int order = pr__sample_compare(x, y);
    return order != 0 ? order : (x->source > y->source) - (x->source < y->source);
}

/* A crop that two directories hold is one sample if they agree on it, and an error if not. */
static pr_status merge_sources(opening *job)
{
    pr_samples *const samples = job->samples;
    if (job->n_sources == 1) {
        return PR_OK; /* an index is in key order already */
    }
    qsort(samples->entries, (size_t)samples->n, sizeof(*samples->entries), by_key);
    int64_t n_kept = 1;
    for (int64_t i = 1; i < samples->n; i++) {
        const pr_sample_entry *const entry = &samples->entries[i];
        const pr_sample_entry *const kept = &samples->entries[n_kept - 1];
        if (pr__sample_compare(&kept->sample, &entry->sample) != 0) {
            samples->entries[n_kept++] = *entry;
            continue;
        }
        PR_REQUIRE(kept->image_bytes == entry->image_bytes &&
                       kept->image_crc32c == entry->image_crc32c &&
                       kept->sample.label == entry->sample.label,
                   PR_ERR_INVALID, "%s and %s both hold %s/%s/%s/%s/frame %d, and they differ",
                   job->sources[kept->sample.source].index->dir,
                   job->sources[entry->sample.source].index->dir,
                   pr_samples_word(samples, entry->sample.dataset),
                   pr_samples_word(samples, entry->sample.method),
                   pr_samples_word(samples, entry->sample.compression),
                   pr_samples_word(samples, entry->sample.video), entry->sample.frame);
    }
    samples->n = n_kept;
    return PR_OK;
}

static pr_status open_file(opening *job, const source *from, int shard)
{
    char path[PR_PATH_BYTES];
    pr_samples *const samples = job->samples;
    PR_TRY(pr__shard_path(path, sizeof(path), from->index->dir, shard));
    pr_sample_file *const file = &samples->files[samples->n_files];
    file->fd = -1;
    samples->n_files++;
    file->path = pr_strdup(path);
    PR_REQUIRE(file->path != NULL, PR_ERR_NOMEM, "%s: no memory for the path", path);
    return pr__index_open_shard(from->index, shard, &file->fd);
}

/* Opens the shards that hold a sample, and no others. */
static pr_status open_files(opening *job)
{
    pr_samples *const samples = job->samples;
    int64_t n_shards = 0;
    for (int s = 0; s < job->n_sources; s++) {
        n_shards += job->sources[s].index->n_shards;
    }
    samples->files = pr_calloc(n_shards, sizeof(*samples->files));
    PR_REQUIRE(samples->files != NULL, PR_ERR_NOMEM, "samples: no memory for %lld shards",
               (long long)n_shards);
    for (int64_t i = 0; i < samples->n; i++) {
        pr_sample_entry *const entry = &samples->entries[i];
        const source *const from = &job->sources[entry->sample.source];
        const pr_index_row *const row = &from->index->crops[entry->sample.row];
        int32_t *const file = &from->file[row->shard];
        if (*file < 0) {
            PR_TRY(open_file(job, from, row->shard));
            *file = samples->n_files - 1;
        }
        entry->file = *file;
        entry->crop = row->crop.has_crop == 1 ? job->n_crops++ : -1;
        entry->landmark_first = job->n_landmarks;
        job->n_landmarks += entry->n_landmarks;
    }
    return PR_OK;
}

/* Landmarks of samples [first, last), which stand one after the other in one index. */
static pr_status read_landmarks(const opening *job, int64_t first, int64_t last)
{
    const pr_samples *const samples = job->samples;
    const pr_sample_entry *const entry = &samples->entries[first];
    const pr_index *const index = job->sources[entry->sample.source].index;
    float *const to = samples->landmarks + 2 * entry->landmark_first;
    const pr_sample_entry *const end = &samples->entries[last - 1];
    const int64_t n = end->landmark_first + end->n_landmarks - entry->landmark_first;
    const uint64_t at =
        index->tables[PR_INDEX_LANDMARKS].at +
        (uint64_t)index->crops[entry->sample.row].crop.landmark_first * 2 * sizeof(float);
    return n > 0 ? pr_h5_pread(index->fd, index->path, to, (size_t)n * 2 * sizeof(float), at)
                 : PR_OK;
}

static bool follows(const opening *job, int64_t i)
{
    const pr_sample *const before = &job->samples->entries[i - 1].sample;
    const pr_sample *const sample = &job->samples->entries[i].sample;
    const pr_index *const index = job->sources[sample->source].index;
    const pr_crop_row *const crop = &index->crops[before->row].crop;
    return before->source == sample->source && crop->landmark_first + crop->n_landmarks ==
                                                   index->crops[sample->row].crop.landmark_first;
}

static pr_status take_one(const opening *job, const pr_sample_entry *entry)
{
    const pr_samples *const samples = job->samples;
    const pr_index *const index = job->sources[entry->sample.source].index;
    const pr_crop_row *const crop = &index->crops[entry->sample.row].crop;
    if (entry->crop >= 0) {
        memcpy(samples->crops + 6 * entry->crop, crop->crop, sizeof(crop->crop));
    }
    const uint32_t crc = entry->n_landmarks > 0
                             ? pr_crc32c(samples->landmarks + 2 * entry->landmark_first,
                                         (size_t)entry->n_landmarks * 2 * sizeof(float))
                             : 0;
    PR_REQUIRE(crc == crop->landmark_crc32c, PR_ERR_FORMAT,
               "%s: row %lld: the CRC of its landmarks is %08x, want %08x", index->path,
               (long long)entry->sample.row, crc, crop->landmark_crc32c);
    return PR_OK;
}

/* Crop maps and landmarks of the samples alone, those that stand together in one read. */
static pr_status take_geometry(opening *job)
{
    pr_samples *const samples = job->samples;
    samples->crops = pr_calloc(job->n_crops, 6 * sizeof(*samples->crops));
    samples->landmarks = pr_calloc(job->n_landmarks, 2 * sizeof(*samples->landmarks));
    PR_REQUIRE(samples->crops != NULL && samples->landmarks != NULL, PR_ERR_NOMEM,
               "samples: no memory for %lld crop maps and %lld landmarks", (long long)job->n_crops,
               (long long)job->n_landmarks);
    int64_t first = 0;
    for (int64_t i = 1; job->n_landmarks > 0 && i <= samples->n; i++) {
        if (i == samples->n || !follows(job, i)) {
            PR_TRY(read_landmarks(job, first, i));
            first = i;
        }
    }
    for (int64_t i = 0; i < samples->n; i++) {
        PR_TRY(take_one(job, &samples->entries[i]));
    }
    return PR_OK;
}

static pr_status take_hash(pr_samples *samples)
{
    pr_hash *hash = NULL;
    PR_TRY(pr_hash_create(0, &hash));
    for (int64_t i = 0; i < samples->n; i++) {
        const pr_sample_entry *const entry = &samples->entries[i];
        const pr_sample *const sample = &entry->sample;
        const pr_word words[] = {sample->dataset, sample->method, sample->compression,
                                 sample->video};
        for (int k = 0; k < 4; k++) {
            const char *const word = pr_samples_word(samples, words[k]);
            pr_hash_add(hash, word, strlen(word) + 1);
        }
        const uint32_t numbers[] = {(uint32_t)sample->frame, (uint32_t)sample->face,
                                    entry->image_bytes,      entry->image_crc32c,
                                    entry->mask_bytes,       entry->mask_crc32c};
        pr_hash_add(hash, numbers, sizeof(numbers));
    }
    samples->hash = pr_hash_value(hash);
    pr_hash_destroy(&hash);
    return PR_OK;
}

static pr_status pick_all(opening *job, const pr_selection *selections, int n_selections)
{
    job->sources = pr_calloc(n_selections, sizeof(*job->sources));
    PR_REQUIRE(job->sources != NULL, PR_ERR_NOMEM, "samples: no memory for %d selections",
               n_selections);
    PR_TRY(pr__words_create(&job->samples->words));
    PR_TRY(select_all(job, selections, n_selections));
    PR_TRY(take_words(job));
    PR_TRY(take_entries(job));
    PR_TRY(sort_words(job->samples));
    return merge_sources(job);
}

static pr_status complete(opening *job)
{
    PR_TRY(open_files(job));
    PR_TRY(take_geometry(job));
    PR_TRY(pr__samples_align(job->samples));
    return take_hash(job->samples);
}

pr_status pr_samples_open(const pr_selection *selections, int n_selections, pr_samples **out)
{
    PR_REQUIRE(n_selections > 0, PR_ERR_INVALID, "samples: no selection");
    opening job = {.samples = pr_calloc(1, sizeof(*job.samples))};
    PR_REQUIRE(job.samples != NULL, PR_ERR_NOMEM, "samples: out of memory");
    pr_status status = pick_all(&job, selections, n_selections);
    status = status == PR_OK ? complete(&job) : status;
    for (int s = 0; job.sources != NULL && s < job.n_sources; s++) {
        pr__index_close(&job.sources[s].index);
        pr_free(job.sources[s].picked);
        pr_free(job.sources[s].word);
        pr_free(job.sources[s].file);
    }
    pr_free(job.sources);
    if (status != PR_OK) {
        pr_samples_close(&job.samples);
        return status;
    }
    *out = job.samples;
    return PR_OK;
}
