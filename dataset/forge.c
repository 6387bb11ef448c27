#include "dataset/forge.h"

#include "dataset/forge_plan.h"
#include "dataset/shard_writer.h"
#include "dataset/video.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_PHOTOS_PER_SHARD = 16 };

pr_forge_options pr_forge_options_default(void)
{
    return (pr_forge_options){.dataset = "forged",
                              .n_people = 40,
                              .n_videos = 4,
                              .margin = 1.3,
                              .size_px = 128,
                              .detail = 2,
                              .codec = PR_CODEC_JPEG,
                              .quality = 95,
                              .n_frames = 8,
                              .n_donors = 1,
                              .split = {0.6, 0.2, 0.2},
                              .photos_per_shard = DEFAULT_PHOTOS_PER_SHARD,
                              .style = pr_swap_style_default(),
                              .sequence = pr_sequence_default()};
}

static pr_status check_range(const char *name, double value, double min, double max)
{
    PR_REQUIRE(value >= min && value <= max, PR_ERR_INVALID, "forge: %s = %g, must be in [%g, %g]",
               name, value, min, max);
    return PR_OK;
}

static pr_status check_split(const pr_forge_options *o)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        PR_TRY(check_range("split", o->split[i], 0, 1));
        sum += o->split[i];
    }
    PR_REQUIRE(o->n_folds > 0 || fabs(sum - 1) < 1e-6, PR_ERR_INVALID,
               "forge: split = %g, %g, %g sums to %g, must be 1", o->split[0], o->split[1],
               o->split[2], sum);
    PR_REQUIRE(o->n_folds == 0 || (o->n_folds >= 2 && o->n_folds <= 64), PR_ERR_INVALID,
               "forge: folds = %d, must be 0 or in 2 .. 64", o->n_folds);
    return PR_OK;
}

static pr_status check_crf(const pr_forge_options *o)
{
    PR_TRY(check_range("number of crf", o->n_crf, 0, PR_FORGE_MAX_CRF));
    for (int i = 0; i < o->n_crf; i++) {
        PR_TRY(check_range("crf", o->crf[i], 0, 51));
        for (int j = 0; j < i; j++) {
            PR_REQUIRE(o->crf[i] != o->crf[j], PR_ERR_INVALID, "forge: crf %d is asked for twice",
                       o->crf[i]);
        }
    }
    return PR_OK;
}

static pr_status check_ranges(const pr_forge_options *o)
{
    const struct {
        const char *name;
        double value, min, max;
    } rows[] = {{"identities", (double)o->n_people, 1, 65535},
                {"videos", (double)o->n_videos, 1, 65535},
                {"limit-identities", (double)o->limit_identities, 0, 1e9},
                {"margin", o->margin, 0.5, 4},
                {"size", o->size_px, 16, 1024},
                {"detail", o->detail, 1, 4},
                {"quality", o->quality, 1, 100},
                {"frames", o->n_frames, 1, 4096},
                {"donors", o->n_donors, 0, PR_FORGE_MAX_DONORS},
                {"photos-per-shard", (double)o->photos_per_shard, 1, 1e6},
                {"shards", (double)o->n_shards, 0, 99999},
                {"motion", o->sequence.motion, 0, 4},
                {"light", o->sequence.light, 0, 4},
                {"noise", o->sequence.noise, 0, 10},
                {"jitter", o->sequence.jitter, 0, 4}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        PR_TRY(check_range(rows[i].name, rows[i].value, rows[i].min, rows[i].max));
    }
    return PR_OK;
}

static pr_status check(const pr_forge_options *o)
{
    PR_REQUIRE(o->out != NULL && o->dataset != NULL && o->dataset[0] != '\0', PR_ERR_INVALID,
               "forge: a folder and a word for the dataset are needed");
    PR_REQUIRE(o->photos == NULL || (o->landmarks != NULL && (o->identities != NULL || o->unnamed)),
               PR_ERR_INVALID, "forge: photographs need landmarks and identities");
    PR_TRY(check_ranges(o));
    PR_TRY(check_split(o));
    PR_TRY(check_crf(o));
    return pr_swap_style_check(&o->style);
}

pr_status pr_forge_open(const pr_forge_options *options, pr_forge **out)
{
    PR_TRY(check(options));
    pr_forge *forge = pr_calloc(1, sizeof(*forge));
    PR_REQUIRE(forge != NULL, PR_ERR_NOMEM, "forge: its plan");
    forge->options = *options;
    for (int i = 0; i < PR__MAX_PICTURES; i++) {
        forge->pictures[i].photo = -1;
    }
    pr_status status = pr__forge_list(forge);
    if (status == PR_OK) {
        status = pr__forge_assign(forge);
    }
    if (status == PR_OK && options->n_shards > forge->n_photos) {
        status = PR_FAIL(PR_ERR_INVALID, "forge: %lld shards of %lld photographs",
                         (long long)options->n_shards, (long long)forge->n_photos);
    }
    if (status != PR_OK) {
        pr_forge_close(&forge);
        return status;
    }
    *out = forge;
    return PR_OK;
}

void pr_forge_close(pr_forge **forge)
{
    pr_forge *const f = *forge;
    if (f == NULL) {
        return;
    }
    for (int i = 0; i < PR__MAX_PICTURES; i++) {
        pr_image_destroy(&f->pictures[i].image);
    }
    for (int64_t i = 0; i < f->n_photos; i++) {
        pr_free(f->photos[i].video);
    }
    pr_free(f->photos);
    pr_free(f->identities);
    pr_free(f->names);
    pr_free(f->split_of);
    pr_face_table_destroy(&f->table);
    pr_free(f);
    *forge = NULL;
}

void pr_forge_count(const pr_forge *forge, pr_forge_counts *out)
{
    const pr_forge_options *const o = &forge->options;
    const int64_t n_each = (int64_t)o->n_frames * (1 + o->n_crf);
    *out = (pr_forge_counts){
        .n_photos = forge->n_photos, .n_identities = forge->n_identities, .first_without = ""};
    out->n_shards = o->n_shards > 0
                        ? o->n_shards
                        : (forge->n_photos + o->photos_per_shard - 1) / o->photos_per_shard;
    for (int64_t i = 0; i < forge->n_photos; i++) {
        out->n_fake_crops += n_each * forge->photos[i].n_donors;
    }
    out->n_crops = out->n_fake_crops + n_each * forge->n_photos;
    if (forge->table != NULL) {
        out->n_without_landmarks = pr_face_table_n_without(forge->table, &out->first_without);
    }
}

static pr_status describe_style(const pr_forge_options *o, pr_text *out)
{
    const pr_swap_style *const s = &o->style;
    const pr_sequence_options *const q = &o->sequence;
    PR_TRY(pr_text_add(out,
                       "mask: %s%s\nshrink: %.17g\nsoftness: %.17g\nstrength: %.17g\n"
                       "colour: %.17g\nplace: %s\nflicker: %.17g\n",
                       PR_MASK_WORDS[s->mask], s->outer ? " outer" : "", s->shrink, s->softness,
                       s->strength, s->colour, PR_PLACE_WORDS[s->place], s->flicker));
    return pr_text_add(out, "motion: %.17g\nlight: %.17g\nnoise: %.17g\njitter: %.17g\n", q->motion,
                       q->light, q->noise, q->jitter);
}

/* Frames, donors, compressions and splits. */
static pr_status describe_videos(const pr_forge_options *o, pr_text *out)
{
    PR_TRY(pr_text_add(out, "frames: %d\ndonors: %d\ncrf:", o->n_frames, o->n_donors));
    for (int i = 0; i < o->n_crf; i++) {
        PR_TRY(pr_text_add(out, " %d", o->crf[i]));
    }
    return o->n_folds > 0 ? pr_text_add(out, "\nfolds: %d\n", o->n_folds)
                          : pr_text_add(out, "\nsplit: %.17g %.17g %.17g\n", o->split[0],
                                        o->split[1], o->split[2]);
}

pr_status pr__forge_describe(const pr_forge *forge, pr_text *out)
{
    const pr_forge_options *const o = &forge->options;
    PR_TRY(pr_text_add(out, "made by: forge, version 1\nfaces: %s\ndataset: %s\n",
                       o->photos != NULL ? "photographs" : "procedural", o->dataset));
    PR_TRY(pr_text_add(out, "identities: %lld\nphotos: %lld\nseed: %llu\n",
                       (long long)forge->n_identities, (long long)forge->n_photos,
                       (unsigned long long)o->seed));
    PR_TRY(pr_text_add(out, "margin: %.17g\nsize: %d\ndetail: %.17g\ncodec: %s\nquality: %d\n",
                       o->margin, o->size_px, o->detail, pr_codec_name(o->codec), o->quality));
    PR_TRY(describe_videos(o, out));
    PR_TRY(describe_style(o, out));
    return pr_text_add(out, "codecs: %s; %s\n", pr_codec_versions(), pr_video_versions());
}

pr_status pr_forge_finish(const pr_forge *forge)
{
    pr_forge_counts counts;
    pr_forge_count(forge, &counts);
    pr_text text = {0};
    pr_status status = pr__forge_describe(forge, &text);
    if (status == PR_OK) {
        status = pr_dataset_finish(forge->options.out, (int)counts.n_shards, pr_text_chars(&text));
    }
    pr_text_free(&text);
    return status;
}
