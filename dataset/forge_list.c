#include "dataset/forge_plan.h"
#include "dataset/procedural.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 16 };

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_video(const void *a, const void *b)
{
    return strcmp(((const pr__photo *)a)->video, ((const pr__photo *)b)->video);
}

/* The file's name without its ending, in one word. */
static pr_status video_word(const char *file, char **out)
{
    char *const word = pr_strdup(file);
    PR_REQUIRE(word != NULL, PR_ERR_NOMEM, "forge: the name '%s'", file);
    char *const dot = strrchr(word, '.');
    if (dot != NULL) {
        *dot = '\0';
    }
    for (char *at = word; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '_';
        }
    }
    *out = word;
    return PR_OK;
}

/* Sorts the N words and leaves one of each; returns how many. */
static int64_t unique(const char **words, int64_t n)
{
    int64_t n_kept = 0;
    qsort(words, (size_t)n, sizeof(*words), by_text);
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(words[i], words[n_kept - 1]) != 0) {
            words[n_kept++] = words[i];
        }
    }
    return n_kept;
}

static pr_status list_table(pr_forge *forge)
{
    const pr_forge_options *const o = &forge->options;
    PR_TRY(pr_face_table_read(o->landmarks, o->identities, o->strict, &forge->table));
    const int64_t n = pr_face_table_n(forge->table);
    forge->identities = pr_calloc(n, sizeof(*forge->identities));
    forge->photos = pr_calloc(n, sizeof(*forge->photos));
    PR_REQUIRE(forge->identities != NULL && forge->photos != NULL, PR_ERR_NOMEM,
               "forge: %lld photographs", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        forge->identities[i] = pr_face_table_at(forge->table, i)->identity;
    }
    forge->n_identities = unique(forge->identities, n);
    if (o->limit_identities > 0 && o->limit_identities < forge->n_identities) {
        forge->n_identities = o->limit_identities;
    }
    for (int64_t i = 0; i < n; i++) {
        const pr_face *const face = pr_face_table_at(forge->table, i);
        if (strcmp(face->identity, forge->identities[forge->n_identities - 1]) <= 0) {
            pr__photo *const photo = &forge->photos[forge->n_photos++];
            PR_TRY(video_word(face->file, &photo->video));
            photo->face = *face;
            photo->identity = face->identity;
        }
    }
    return PR_OK;
}

/* A face's photograph is four crops wide, so that the head fills the crop at the default margin. */
static pr_procedural procedural_of(const pr_forge *forge, const pr__photo *photo)
{
    const int size_px = (int)(2 * forge->options.detail * forge->options.size_px);
    return (pr_procedural){.seed = forge->options.seed,
                           .identity = photo->person,
                           .video = photo->number,
                           .size_px = size_px < 128 ? 128 : size_px};
}

static pr_status list_procedural(pr_forge *forge)
{
    const pr_forge_options *const o = &forge->options;
    int64_t n_people = o->n_people;
    if (o->limit_identities > 0 && o->limit_identities < n_people) {
        n_people = o->limit_identities;
    }
    const int64_t n = n_people * o->n_videos;
    forge->names = pr_calloc(n_people, NAME_BYTES);
    forge->identities = pr_calloc(n_people, sizeof(*forge->identities));
    forge->photos = pr_calloc(n, sizeof(*forge->photos));
    PR_REQUIRE(forge->names != NULL && forge->identities != NULL && forge->photos != NULL,
               PR_ERR_NOMEM, "forge: %lld procedural faces", (long long)n);
    forge->n_identities = n_people;
    for (int64_t i = 0; i < n_people; i++) {
        char *const name = forge->names + i * NAME_BYTES;
        (void)snprintf(name, NAME_BYTES, "id_%05d", (int)i);
        forge->identities[i] = name;
        for (int64_t j = 0; j < o->n_videos; j++) {
            pr__photo *const photo = &forge->photos[forge->n_photos++];
            char word[2 * NAME_BYTES];
            (void)snprintf(word, sizeof(word), "%s_%05d", name, (int)j);
            photo->video = pr_strdup(word);
            PR_REQUIRE(photo->video != NULL, PR_ERR_NOMEM, "forge: the name '%s'", word);
            photo->identity = name;
            photo->person = (int)i;
            photo->number = (int)j;
            const pr_procedural what = procedural_of(forge, photo);
            pr_procedural_face(&what, &photo->face);
        }
    }
    return PR_OK;
}

pr_status pr__forge_list(pr_forge *forge)
{
    PR_TRY(forge->options.photos != NULL ? list_table(forge) : list_procedural(forge));
    qsort(forge->photos, (size_t)forge->n_photos, sizeof(pr__photo), by_video);
    for (int64_t i = 0; i < forge->n_photos; i++) {
        pr__photo *const photo = &forge->photos[i];
        PR_REQUIRE(i == 0 || strcmp(photo->video, photo[-1].video) != 0, PR_ERR_FORMAT,
                   "forge: '%s' and '%s' both give the video '%s'", photo[-1].face.file,
                   photo->face.file, photo->video);
        photo->place = (uint32_t)pr_hash64(photo->video, strlen(photo->video), 0);
        const char **const at =
            bsearch(&photo->identity, forge->identities, (size_t)forge->n_identities,
                    sizeof(*forge->identities), by_text);
        PR_REQUIRE(at != NULL, PR_ERR_FORMAT, "forge: no identity '%s'", photo->identity);
        photo->identity_idx = at - forge->identities;
    }
    return PR_OK;
}

static pr_status decode(const pr_face *face, const char *path, const char *bytes, size_t n_bytes,
                        pr_image_u8 *out)
{
    int width = 0;
    int height = 0;
    const uint8_t *const data = (const uint8_t *)bytes;
    pr_status status = pr_image_probe(data, n_bytes, NULL, &width, &height);
    if (status == PR_OK && (width != face->width || height != face->height)) {
        return PR_FAIL(PR_ERR_FORMAT, "%s: %d x %d pixels, its landmarks are for %d x %d", path,
                       width, height, face->width, face->height);
    }
    if (status == PR_OK) {
        status = pr_image_create(width, height, 3, out);
    }
    if (status == PR_OK) {
        status = pr_image_decode_rgb(data, n_bytes, out);
    }
    if (status == PR_ERR_FORMAT) { /* the codec does not know the file */
        char why[512];
        (void)snprintf(why, sizeof(why), "%s", pr_error_message());
        pr_error_clear();
        status = PR_FAIL(PR_ERR_FORMAT, "%s: %s", path, why);
    }
    return status;
}

static pr_status load(const pr_forge *forge, const pr__photo *photo, pr_image_u8 *out)
{
    if (forge->options.photos == NULL) {
        const pr_procedural what = procedural_of(forge, photo);
        return pr_procedural_photo(&what, out);
    }
    char path[PR_PATH_BYTES];
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_join(path, forge->options.photos, photo->face.file));
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    const pr_status status = decode(&photo->face, path, bytes, n_bytes, out);
    pr_free(bytes);
    return status;
}

static void drop(pr_forge *forge, pr__picture *picture)
{
    forge->picture_bytes -= (int64_t)pr_image_bytes(&picture->image);
    pr_image_destroy(&picture->image);
    picture->photo = -1;
}

/* The picture used longest ago, and of two the first; NULL where none is held. */
static pr__picture *oldest(pr_forge *forge)
{
    pr__picture *found = NULL;
    for (int i = 0; i < PR__MAX_PICTURES; i++) {
        pr__picture *const p = &forge->pictures[i];
        if (p->photo >= 0 && (found == NULL || p->used < found->used)) {
            found = p;
        }
    }
    return found;
}

pr_status pr__forge_picture(pr_forge *forge, int64_t photo, const pr_image_u8 **out)
{
    static const int64_t MAX_BYTES = (int64_t)64 << 20; /* what may be kept, the last two apart */
    int n_held = 0;
    pr__picture *empty = NULL;
    for (int i = 0; i < PR__MAX_PICTURES; i++) {
        pr__picture *const p = &forge->pictures[i];
        if (p->photo == photo) {
            p->used = ++forge->clock;
            *out = &p->image;
            return PR_OK;
        }
        n_held += p->photo >= 0;
        empty = p->photo < 0 ? p : empty;
    }
    while ((n_held > 1 && forge->picture_bytes > MAX_BYTES) || empty == NULL) {
        empty = oldest(forge);
        drop(forge, empty);
        n_held--;
    }
    pr_image_u8 image = {0};
    const pr_status status = load(forge, &forge->photos[photo], &image);
    if (status != PR_OK) {
        pr_image_destroy(&image);
        return status;
    }
    *empty = (pr__picture){.photo = photo, .image = image, .used = ++forge->clock};
    forge->picture_bytes += (int64_t)pr_image_bytes(&image);
    *out = &empty->image;
    return PR_OK;
}

pr_status pr__forge_photo_hash(pr_forge *forge, int64_t photo, uint64_t *out)
{
    const pr__photo *const p = &forge->photos[photo];
    uint64_t hash = pr_hash64(p->video, strlen(p->video), 0);
    hash = pr_hash64(p->identity, strlen(p->identity), hash);
    hash = pr_hash64(p->face.points, sizeof(p->face.points), hash);
    const double box[4] = {p->face.box_x, p->face.box_y, p->face.box_w, p->face.box_h};
    hash = pr_hash64(box, sizeof(box), hash);
    if (forge->options.photos != NULL) {
        char path[PR_PATH_BYTES];
        char *bytes = NULL;
        size_t n_bytes = 0;
        PR_TRY(pr_fs_join(path, forge->options.photos, p->face.file));
        PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
        hash = pr_hash64(bytes, n_bytes, hash);
        pr_free(bytes);
    }
    *out = hash;
    return PR_OK;
}
