#include "dataset/forge.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "launch/command.h"
#include "launch/forge_preview.h"

#include <stdlib.h>
#include <string.h>

pr_status pr_cmd_forge(pr_command_call *call);

/* Options as the parser leaves them, before they are pr_forge_options. */
typedef struct words {
    const char *photos, *landmarks, *identities, *out, *dataset;
    const char *codec, *mask, *place;
    const char *preview, *data;
    const char *sets[PR_OPTION_LIST_MAX];
    const char *split[PR_OPTION_LIST_MAX], *crf[PR_OPTION_LIST_MAX];
    bool procedural, strict, outer, no_asm;
    int64_t videos, limit, size, quality, frames, donors, folds, per_shard, shards, seed, faces;
    double margin, detail, shrink, softness, strength, colour, flicker;
    double motion, light, noise, jitter;
} words;

static pr_status choose(const char *option, const char *word, const char *const *known, int n,
                        int *out)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(word, known[i]) == 0) {
            *out = i;
            return PR_OK;
        }
    }
    const char *const near = pr_text_nearest(word, known, n);
    return PR_FAIL(PR_ERR_INVALID, "forge: --%s '%s' is not known; did you mean '%s'?", option,
                   word, near != NULL ? near : known[0]);
}

static pr_status parse_split(const words *w, pr_forge_options *o)
{
    int n = 0;
    for (; w->split[n] != NULL; n++) {
        PR_REQUIRE(n < 3 && pr_text_to_real(w->split[n], &o->split[n]), PR_ERR_INVALID,
                   "forge: --split takes three shares (train, val, test), number %d is '%s'", n + 1,
                   w->split[n]);
    }
    PR_REQUIRE(n == 3, PR_ERR_INVALID, "forge: --split has %d shares, must be 3", n);
    return PR_OK;
}

static pr_status parse_crf(const words *w, pr_forge_options *o)
{
    for (int n = 0; w->crf[n] != NULL; n++) {
        int64_t value = 0;
        PR_REQUIRE(n < PR_FORGE_MAX_CRF && pr_text_to_int(w->crf[n], &value) && value >= 0 &&
                       value <= 51,
                   PR_ERR_INVALID,
                   "forge: --crf takes at most %d whole numbers in 0 .. 51, number %d is '%s'",
                   PR_FORGE_MAX_CRF, n + 1, w->crf[n]);
        o->crf[o->n_crf++] = (int)value;
    }
    return PR_OK;
}

/* A dataset's crops are previewed as they are. */
static pr_status check_data(const words *w)
{
    PR_REQUIRE(w->preview != NULL, PR_ERR_INVALID, "forge: --data is for --preview alone");
    PR_REQUIRE(!w->procedural && w->photos == NULL && w->landmarks == NULL && w->identities == NULL,
               PR_ERR_INVALID,
               "forge: --data '%s' brings its faces and landmarks, --photos, --landmarks, "
               "--identities and --procedural have no use",
               w->data);
    return PR_OK;
}

/* --identities is a table of photographs' identities, or how many procedural people there are. */
static pr_status parse_source(const words *w, pr_forge_options *o)
{
    if (w->data != NULL) {
        return check_data(w);
    }
    PR_REQUIRE(w->procedural != (w->photos != NULL), PR_ERR_INVALID,
               "forge: either --photos with --landmarks and --identities, or --procedural%s",
               w->preview != NULL ? ", or --data" : "");
    if (w->procedural) {
        PR_REQUIRE(w->landmarks == NULL, PR_ERR_INVALID,
                   "forge: procedural faces bring their landmarks, --landmarks '%s' has no use",
                   w->landmarks);
        PR_REQUIRE(w->identities == NULL || pr_text_to_int(w->identities, &o->n_people),
                   PR_ERR_INVALID, "forge: --identities '%s' with --procedural: must be a number",
                   w->identities);
    } else {
        PR_REQUIRE(w->landmarks != NULL && (w->identities != NULL || w->preview != NULL),
                   PR_ERR_INVALID,
                   "forge: --photos needs --landmarks and --identities, tables of text");
        o->photos = w->photos;
        o->landmarks = w->landmarks;
        o->identities = w->identities;
        o->unnamed = w->identities == NULL;
    }
    return PR_OK;
}

/* A sheet needs no swaps, so any split and a single frame do. */
static pr_status preview(const words *w, pr_forge_options *o, pr_comm *comm)
{
    PR_REQUIRE(strcmp(w->preview, "addg") == 0, PR_ERR_INVALID,
               "forge: --preview '%s' is not known; did you mean 'addg'?", w->preview);
    o->n_donors = 0;
    o->n_frames = 1;
    o->n_crf = 0;
    const pr_forge_preview p = {
        .forge = o, .data = w->data, .out = w->out, .n_faces = (int)w->faces, .sets = w->sets};
    return pr_forge_preview_run(comm, &p);
}

static pr_status to_options(const words *w, pr_forge_options *o)
{
    static const char *const CODECS[2] = {"jpeg", "png"};
    int codec = 0;
    int mask = 0;
    int place = 0;
    PR_TRY(choose("codec", w->codec, CODECS, 2, &codec));
    PR_TRY(choose("mask", w->mask, PR_MASK_WORDS, PR_MASK_KINDS, &mask));
    PR_TRY(choose("place", w->place, PR_PLACE_WORDS, PR_PLACE_KINDS, &place));
    *o = pr_forge_options_default();
    PR_TRY(parse_source(w, o));
    PR_TRY(parse_split(w, o));
    PR_TRY(parse_crf(w, o));
    o->out = w->out;
    o->dataset = w->dataset;
    o->strict = w->strict;
    o->n_videos = w->videos;
    o->limit_identities = w->limit;
    o->margin = w->margin;
    o->size_px = (int)w->size;
    o->detail = w->detail;
    o->codec = (pr_codec)codec;
    o->quality = (int)w->quality;
    o->n_frames = (int)w->frames;
    o->n_donors = (int)w->donors;
    o->no_asm = w->no_asm;
    o->n_folds = (int)w->folds;
    o->photos_per_shard = w->per_shard;
    o->n_shards = w->shards;
    o->seed = (uint64_t)w->seed;
    o->style = (pr_swap_style){.mask = (pr_mask_kind)mask,
                               .outer = w->outer,
                               .shrink = w->shrink,
                               .softness = w->softness,
                               .strength = w->strength,
                               .colour = w->colour,
                               .place = (pr_place_kind)place,
                               .flicker = w->flicker};
    o->sequence = (pr_sequence_options){
        .motion = w->motion, .light = w->light, .noise = w->noise, .jitter = w->jitter};
    return PR_OK;
}

static void tell(const pr_forge_options *o, const pr_forge_counts *counts)
{
    pr_log_info("forge: %lld photographs of %lld people -> %lld crops (%lld forged) in %lld shards",
                (long long)counts->n_photos, (long long)counts->n_identities,
                (long long)counts->n_crops, (long long)counts->n_fake_crops,
                (long long)counts->n_shards);
    if (counts->n_without_landmarks > 0) {
        pr_log_warn("forge: %lld pictures have no landmarks in %s and are left out, the first is "
                    "'%s'",
                    (long long)counts->n_without_landmarks, o->landmarks, counts->first_without);
    }
    const int64_t n_each = (int64_t)o->n_frames * (1 + o->n_crf);
    const int64_t n_wanted = n_each * counts->n_photos * o->n_donors;
    if (counts->n_fake_crops < n_wanted) {
        pr_log_warn("forge: %lld forged crops instead of %lld: some splits have fewer photographs "
                    "of other people than --donors %d",
                    (long long)counts->n_fake_crops, (long long)n_wanted, o->n_donors);
    }
}

/* This rank's shards; ranks fail together afterwards. */
static pr_status make_shards(pr_forge *forge, int rank, int n_ranks, int64_t n_shards)
{
    pr_progress progress;
    int64_t n_kept = 0;
    pr_progress_begin(&progress, "shards", 0, (n_shards - rank + n_ranks - 1) / n_ranks);
    int64_t n_done = 0;
    for (int64_t shard = rank; shard < n_shards; shard += n_ranks) {
        bool wrote = false;
        PR_TRY(pr_forge_shard(forge, (int)shard, &wrote));
        n_kept += !wrote;
        pr_progress_show(&progress, ++n_done, NULL);
    }
    pr_progress_end(&progress, n_done);
    if (n_kept > 0) {
        pr_log_info("forge: %lld shards of rank 0 were there already", (long long)n_kept);
    }
    return PR_OK;
}

static pr_status forge_all(const pr_forge_options *o, pr_comm *comm)
{
    const int rank = pr_comm_rank(comm);
    pr_forge *forge = NULL;
    pr_forge_counts counts = {0};
    pr_status status = pr_fs_mkdirs(o->out);
    if (status == PR_OK) {
        status = pr_forge_open(o, &forge);
    }
    status = pr_comm_agree(comm, "forge: plan", status);
    if (status == PR_OK) {
        pr_forge_count(forge, &counts);
        tell(o, &counts);
        status = pr_comm_agree(comm, "forge: shards",
                               make_shards(forge, rank, pr_comm_n_ranks(comm), counts.n_shards));
    }
    if (status == PR_OK) {
        status = pr_comm_agree(comm, "forge: index", rank == 0 ? pr_forge_finish(forge) : PR_OK);
    }
    pr_forge_close(&forge);
    return status;
}

pr_status pr_cmd_forge(pr_command_call *call)
{
    words w = {0};
    const pr_option options[] = {
        {"photos", PR_OPTION_WORD, NULL, 0, 0, &w.photos, "folder of pristine photographs"},
        {"landmarks", PR_OPTION_WORD, NULL, 0, 0, &w.landmarks,
         "table: file, width, height, box_x ..., x0, y0 ... y67 (tab-separated, with a header)"},
        {"identities", PR_OPTION_WORD, NULL, 0, 0, &w.identities,
         "table: file, identity; with --procedural the number of people (40)"},
        {"strict", PR_OPTION_FLAG, NULL, 0, 0, &w.strict,
         "refuse a picture without landmarks instead of leaving it out"},
        {"procedural", PR_OPTION_FLAG, NULL, 0, 0, &w.procedural, "faces drawn by rule"},
        {"videos", PR_OPTION_INT, "4", 1, 65535, &w.videos, "procedural videos of each person"},
        {"out", PR_OPTION_WORD, "!", 0, 0, &w.out,
         "folder of the dataset, or with --preview the sheet's file: .png, .jpg or .jpeg"},
        {"preview", PR_OPTION_WORD, NULL, 0, 0, &w.preview,
         "no dataset but a sheet of DADD's forged views and their masks: addg"},
        {"data", PR_OPTION_WORD, NULL, 0, 0, &w.data,
         "with --preview: a packed dataset, whose reals are shown"},
        {"faces", PR_OPTION_INT, "4", 1, 64, &w.faces, "with --preview: how many are shown"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, (void *)w.sets,
         "with --preview: a config's key=value, as addg.blur_max=21"},
        {"dataset", PR_OPTION_WORD, "forged", 0, 0, &w.dataset, "its word in the records"},
        {"limit-identities", PR_OPTION_INT, "0", 0, 1e9, &w.limit,
         "only the first so many people, in bytewise order; 0: all"},
        {"margin", PR_OPTION_REAL, "1.3", 0.5, 4, &w.margin,
         "side of the crop / longer side of the face box"},
        {"size", PR_OPTION_INT, "128", 16, 1024, &w.size, "of the crops, pixels"},
        {"detail", PR_OPTION_REAL, "2", 1, 4, &w.detail,
         "working resolution / resolution of the crop"},
        {"codec", PR_OPTION_WORD, "jpeg", 0, 0, &w.codec, "jpeg (4:4:4) or png"},
        {"quality", PR_OPTION_INT, "95", 1, 100, &w.quality, "of the JPEG"},
        {"frames", PR_OPTION_INT, "8", 1, 4096, &w.frames, "of a photograph"},
        {"donors", PR_OPTION_INT, "1", 0, PR_FORGE_MAX_DONORS, &w.donors,
         "forged videos of a photograph"},
        {"split", PR_OPTION_LIST, "0.6,0.2,0.2", 0, 0, (void *)w.split,
         "shares of people: train, val, test"},
        {"folds", PR_OPTION_INT, "0", 0, 64, &w.folds, "fold0, fold1 ... instead of a split"},
        {"crf", PR_OPTION_LIST, NULL, 0, 0, (void *)w.crf,
         "also through libx264 at these constant rate factors"},
        {"no-asm", PR_OPTION_FLAG, NULL, 0, 0, &w.no_asm, "libx264 without assembler"},
        {"photos-per-shard", PR_OPTION_INT, "16", 1, 1e6, &w.per_shard, "photographs in a shard"},
        {"shards", PR_OPTION_INT, "0", 0, 99999, &w.shards,
         "how many, instead of --photos-per-shard"},
        {"seed", PR_OPTION_INT, "1", 0, 9e15, &w.seed, "of every draw"},
        {"mask", PR_OPTION_WORD, "face", 0, 0, &w.mask,
         "what is replaced: face, inner, lower, centre, mouth"},
        {"outer", PR_OPTION_FLAG, NULL, 0, 0, &w.outer, "all but that is replaced"},
        {"shrink", PR_OPTION_REAL, "0.04", 0, 0.9, &w.shrink, "of the mask, share of its size"},
        {"softness", PR_OPTION_REAL, "0.02", 0, 0.5, &w.softness,
         "of the mask's edge, share of the face's width"},
        {"strength", PR_OPTION_REAL, "1", 0.01, 1, &w.strength, "of the blending"},
        {"colour", PR_OPTION_REAL, "0.8", 0, 1, &w.colour, "how far colours are matched"},
        {"place", PR_OPTION_WORD, "similarity", 0, 0, &w.place, "similarity or piecewise"},
        {"flicker", PR_OPTION_REAL, "0.01", 0, 1, &w.flicker,
         "error of a donor's place in a frame, share of the eye distance"},
        {"motion", PR_OPTION_REAL, "1", 0, 4, &w.motion, "strength of the camera's motion"},
        {"light", PR_OPTION_REAL, "1", 0, 4, &w.light, "strength of changes of light"},
        {"noise", PR_OPTION_REAL, "1", 0, 10, &w.noise, "strength of the sensor's noise"},
        {"jitter", PR_OPTION_REAL, "1", 0, 4, &w.jitter, "error of the crop's place"},
    };
    bool helped = false;
    int n_positional = 0;
    pr_forge_options o;
    PR_TRY(pr_options_parse(call,
                            "pristine forge (--photos DIR --landmarks TSV --identities TSV | "
                            "--procedural) --out DIR\n"
                            "       pristine forge --preview addg (--photos DIR --landmarks TSV | "
                            "--procedural | --data DIR) --out SHEET.png",
                            options, (int)(sizeof(options) / sizeof(options[0])), NULL, 0,
                            &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_TRY(to_options(&w, &o));
    if (w.preview != NULL) {
        return preview(&w, &o, call->comm);
    }
    PR_REQUIRE(w.sets[0] == NULL, PR_ERR_INVALID, "forge: --set '%s' is for --preview alone",
               w.sets[0]);
    return forge_all(&o, call->comm);
}
