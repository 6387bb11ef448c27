#include "dataset/forge_bench.h"
#include "dataset/shard_writer.h"
#include "dataset/video.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <stdio.h>
#include <string.h>

enum { CRF_WORD_BYTES = 8 };

/* A crop of the shard, with what it owns. */
typedef struct crop {
    char *video;
    uint8_t *image, *mask;
    double crop_map[6];
    float landmarks[2 * PR_N_LANDMARKS];
} crop;

/* A shard while it is made. */
typedef struct press {
    pr_forge *forge;
    pr_record *records;
    crop *crops;
    int64_t n_crops, n_room;

    pr_image_u8 view, mask_view; /* the crop, its mask */
    uint8_t *bytes, *mask_bytes; /* their encoded forms */
    size_t room, mask_room;

    pr_image_u8 *frames, *coded; /* of one video, and what H.264 left of them */
    int n_held;                  /* frames held at a time: one, if nothing is compressed */
    char crf_words[PR_FORGE_MAX_CRF][CRF_WORD_BYTES];
} press;

/* Whose video is being made. */
typedef struct clip {
    const pr__photo *photo, *donor; /* no donor: the real one */
    char *video;
} clip;

static pr_status copy_bytes(const uint8_t *bytes, size_t n_bytes, uint8_t **out)
{
    *out = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(*out != NULL, PR_ERR_NOMEM, "forge: a crop of %zu bytes", n_bytes);
    memcpy(*out, bytes, n_bytes);
    return PR_OK;
}

static pr_status encode(const press *p, size_t *n_bytes)
{
    const pr_forge_options *const o = &p->forge->options;
    return o->codec == PR_CODEC_PNG ? pr_image_encode_png(&p->view, p->bytes, p->room, n_bytes)
                                    : pr_image_encode_jpeg(&p->view, o->quality, PR_CHROMA_444,
                                                           p->bytes, p->room, n_bytes);
}

/* The crop's picture, and for a fake its mask, encoded into memory of its own. */
static pr_status cut_crop(press *p, const pr__bench *bench, bool is_fake, int frame,
                          const pr_image_u8 *image, crop *out, pr_record *record)
{
    PR_TRY(pr_image_shrink(image, bench->plan[frame].crop_to_frame, &p->view));
    PR_TRY(encode(p, &record->image_bytes));
    PR_TRY(copy_bytes(p->bytes, record->image_bytes, &out->image));
    record->image = out->image;
    if (!is_fake) {
        return PR_OK;
    }
    PR_TRY(pr__bench_mask_crop(bench, frame, &p->mask_view));
    PR_TRY(pr_image_encode_png(&p->mask_view, p->mask_bytes, p->mask_room, &record->mask_bytes));
    PR_TRY(copy_bytes(p->mask_bytes, record->mask_bytes, &out->mask));
    record->mask = out->mask;
    return PR_OK;
}

/* Cuts the crop out of IMAGE, which is frame FRAME of CLIP, and records it. */
static pr_status add_crop(press *p, const pr__bench *bench, const clip *c, const char *compression,
                          int frame, const pr_image_u8 *image)
{
    const pr__frame *const plan = &bench->plan[frame];
    const bool is_fake = c->donor != NULL;
    const pr__photo *const face = is_fake ? c->donor : c->photo;
    PR_REQUIRE(p->n_crops < p->n_room, PR_ERR_INVALID, "forge: more than the planned %lld crops",
               (long long)p->n_room);
    crop *const out = &p->crops[p->n_crops];
    pr_record *const record = &p->records[p->n_crops++];
    out->video = pr_strdup(c->video);
    PR_REQUIRE(out->video != NULL, PR_ERR_NOMEM, "forge: the name '%s'", c->video);
    memcpy(out->crop_map, plan->crop_map, sizeof(out->crop_map));
    memcpy(out->landmarks, plan->landmarks, sizeof(out->landmarks));
    *record = (pr_record){.dataset = p->forge->options.dataset,
                          .label = is_fake ? "fake" : "real",
                          .method = is_fake ? "swap" : "pristine",
                          .compression = compression,
                          .split = p->forge->split_words[c->photo->split],
                          .video = out->video,
                          .frame = frame,
                          .bg_video = c->photo->video,
                          .bg_id = c->photo->identity,
                          .face_id = face->identity,
                          .face_video = face->video,
                          .width = p->view.width,
                          .height = p->view.height,
                          .crop_map = out->crop_map,
                          .landmarks = out->landmarks,
                          .n_landmarks = PR_N_LANDMARKS};
    return cut_crop(p, bench, is_fake, frame, image, out, record);
}

static pr_status film(press *p, pr__bench *bench, const clip *c, int slot)
{
    for (int i = 0; i < p->forge->options.n_frames; i++) {
        const pr_image_u8 *const frame = &p->frames[p->n_held > 1 ? i : 0];
        if (c->donor != NULL) {
            PR_TRY(pr__bench_swap(bench, i, slot));
        }
        PR_TRY(
            pr__bench_film(bench, i, c->donor != NULL ? &bench->forged : &bench->pristine, frame));
        PR_TRY(add_crop(p, bench, c, "raw", i, frame));
    }
    return PR_OK;
}

static pr_status compress(press *p, const pr__bench *bench, const clip *c)
{
    const pr_forge_options *const o = &p->forge->options;
    for (int k = 0; k < o->n_crf; k++) {
        const pr_video_options options = {.crf = o->crf[k], .gop = 250, .no_asm = o->no_asm};
        for (int i = 0; i < o->n_frames; i++) {
            memcpy(p->coded[i].data, p->frames[i].data, pr_image_bytes(&p->frames[i]));
        }
        PR_TRY(pr_video_compress(&options, p->coded, o->n_frames, NULL));
        for (int i = 0; i < o->n_frames; i++) {
            PR_TRY(add_crop(p, bench, c, p->crf_words[k], i, &p->coded[i]));
        }
    }
    return PR_OK;
}

static void free_frames(press *p)
{
    for (int i = 0; i < p->n_held; i++) {
        if (p->frames != NULL) {
            pr_image_destroy(&p->frames[i]);
        }
        if (p->coded != NULL) {
            pr_image_destroy(&p->coded[i]);
        }
    }
    pr_free(p->frames);
    pr_free(p->coded);
    p->frames = NULL;
    p->coded = NULL;
}

static pr_status alloc_frames(press *p, int side)
{
    const bool is_compressed = p->forge->options.n_crf > 0;
    p->n_held = is_compressed ? p->forge->options.n_frames : 1;
    p->frames = pr_calloc(p->n_held, sizeof(*p->frames));
    p->coded = pr_calloc(p->n_held, sizeof(*p->coded));
    PR_REQUIRE(p->frames != NULL && p->coded != NULL, PR_ERR_NOMEM, "forge: %d frames", p->n_held);
    for (int i = 0; i < p->n_held; i++) {
        PR_TRY(pr_image_create(side, side, 3, &p->frames[i]));
        if (is_compressed) {
            PR_TRY(pr_image_create(side, side, 3, &p->coded[i]));
        }
    }
    return PR_OK;
}

static pr_status make_clip(press *p, pr__bench *bench, const pr__photo *photo, int slot)
{
    clip c = {.photo = photo, .video = photo->video};
    char *name = NULL;
    if (slot >= 0) {
        const pr_image_u8 *picture = NULL;
        c.donor = &p->forge->photos[photo->donors[slot]];
        PR_TRY(pr__forge_picture(p->forge, photo->donors[slot], &picture));
        PR_TRY(pr__bench_set_donor(bench, &c.donor->face, picture));
        const size_t n_bytes = strlen(photo->video) + strlen(c.donor->video) + 2;
        name = pr_calloc((int64_t)n_bytes, 1);
        PR_REQUIRE(name != NULL, PR_ERR_NOMEM, "forge: a name of %zu bytes", n_bytes);
        (void)snprintf(name, n_bytes, "%s+%s", photo->video, c.donor->video);
        c.video = name;
    }
    pr_status status = film(p, bench, &c, slot);
    if (status == PR_OK) {
        status = compress(p, bench, &c);
    }
    pr_free(name);
    return status;
}

static pr_status make_videos(press *p, pr__bench *bench, const pr__photo *photo)
{
    PR_TRY(alloc_frames(p, bench->side));
    for (int slot = -1; slot < photo->n_donors; slot++) {
        PR_TRY(make_clip(p, bench, photo, slot));
    }
    return PR_OK;
}

static pr_status make_photo(press *p, int64_t i)
{
    const pr_image_u8 *picture = NULL;
    const pr__photo *const photo = &p->forge->photos[i];
    pr__bench bench = {0};
    PR_TRY(pr__forge_picture(p->forge, i, &picture));
    pr_status status = pr__bench_create(p->forge, photo, picture, &bench);
    if (status == PR_OK) {
        status = make_videos(p, &bench, photo);
    }
    free_frames(p);
    pr__bench_destroy(&bench);
    return status;
}

static pr_status open_press(pr_forge *forge, int64_t first, int64_t last, press *p)
{
    const pr_forge_options *const o = &forge->options;
    for (int k = 0; k < o->n_crf; k++) {
        (void)snprintf(p->crf_words[k], CRF_WORD_BYTES, "c%d", o->crf[k]);
    }
    for (int64_t i = first; i < last; i++) {
        p->n_room += (int64_t)(1 + forge->photos[i].n_donors) * o->n_frames * (1 + o->n_crf);
    }
    p->records = pr_calloc(p->n_room, sizeof(*p->records));
    p->crops = pr_calloc(p->n_room, sizeof(*p->crops));
    p->room = pr_image_encode_bound(o->codec, o->size_px, o->size_px, 3);
    p->mask_room = pr_image_encode_bound(PR_CODEC_PNG, o->size_px, o->size_px, 1);
    p->bytes = pr_calloc((int64_t)p->room, 1);
    p->mask_bytes = pr_calloc((int64_t)p->mask_room, 1);
    PR_REQUIRE(p->records != NULL && p->crops != NULL && p->bytes != NULL && p->mask_bytes != NULL,
               PR_ERR_NOMEM, "forge: a shard of %lld crops", (long long)p->n_room);
    PR_TRY(pr_image_create(o->size_px, o->size_px, 3, &p->view));
    return pr_image_create(o->size_px, o->size_px, 1, &p->mask_view);
}

static void close_press(press *p)
{
    for (int64_t i = 0; i < p->n_crops; i++) {
        pr_free(p->crops[i].video);
        pr_free(p->crops[i].image);
        pr_free(p->crops[i].mask);
    }
    pr_free(p->records);
    pr_free(p->crops);
    pr_free(p->bytes);
    pr_free(p->mask_bytes);
    pr_image_destroy(&p->view);
    pr_image_destroy(&p->mask_view);
}

/* What shard [first, last) is made from: options, its photographs, their splits, their donors. */
static pr_status recipe_of(pr_forge *forge, int64_t first, int64_t last, uint64_t *out)
{
    pr_text text = {0};
    const pr_status status = pr__forge_describe(forge, &text);
    uint64_t hash = pr_hash64(pr_text_chars(&text), text.n_chars, 0);
    pr_text_free(&text);
    PR_TRY(status);
    for (int64_t i = first; i < last; i++) {
        const pr__photo *const photo = &forge->photos[i];
        hash = pr_hash64(&photo->split, sizeof(photo->split), hash);
        for (int slot = -1; slot < photo->n_donors; slot++) {
            uint64_t one = 0;
            PR_TRY(pr__forge_photo_hash(forge, slot < 0 ? i : photo->donors[slot], &one));
            hash = pr_hash64(&one, sizeof(one), hash);
        }
    }
    *out = hash;
    return PR_OK;
}

pr_status pr_forge_shard(pr_forge *forge, int shard, bool *wrote)
{
    pr_forge_counts counts;
    pr_forge_count(forge, &counts);
    PR_REQUIRE(shard >= 0 && shard < counts.n_shards, PR_ERR_INVALID, "forge: shard %d of %lld",
               shard, (long long)counts.n_shards);
    const int64_t first = shard * forge->n_photos / counts.n_shards;
    const int64_t last = (shard + 1) * forge->n_photos / counts.n_shards;
    uint64_t recipe = 0;
    PR_TRY(recipe_of(forge, first, last, &recipe));
    *wrote = false;
    if (pr_shard_is_done(forge->options.out, shard, recipe)) {
        return PR_OK;
    }
    press p = {.forge = forge};
    pr_status status = open_press(forge, first, last, &p);
    for (int64_t i = first; i < last && status == PR_OK; i++) {
        status = make_photo(&p, i);
    }
    if (status == PR_OK) {
        status = pr_shard_write(forge->options.out, shard, recipe, p.records, p.n_crops);
    }
    close_press(&p);
    *wrote = status == PR_OK;
    return status;
}
