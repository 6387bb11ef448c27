/** The plan of a forging: photographs, splits, donors, pictures. Inside of forge*.c only. */
#ifndef PR_DATASET_FORGE_PLAN_H
#define PR_DATASET_FORGE_PLAN_H

#include "dataset/forge.h"
#include "engine/base/draw.h"
#include "engine/base/text.h"

/* Topics of PR_FOR_FORGE draws; sequence.c has 1 to 3. Never renumbered. */
enum { PR__TOPIC_DONOR = 4, PR__TOPIC_FLICKER = 5, PR__TOPIC_PREVIEW = 6 };

typedef struct pr__photo {
    char *video;          /* owned */
    const char *identity; /* borrowed from the table or the plan */
    pr_face face;
    int person, number;          /* procedural */
    int64_t identity_idx, split; /* numbers of identity and split word */
    uint32_t place;              /* hash of video: what draws are keyed by */
    int32_t donors[PR_FORGE_MAX_DONORS];
    int n_donors;
} pr__photo;

typedef struct pr__picture {
    int64_t photo; /* -1: empty */
    pr_image_u8 image;
    int64_t used; /* when last, for what to drop */
} pr__picture;

enum { PR__MAX_PICTURES = 256, PR__MAX_WORD = 32 };

struct pr_forge {
    pr_forge_options options;
    pr_face_table *table; /* NULL for procedural faces */
    pr__photo *photos;    /* in bytewise order of video */
    int64_t n_photos;
    const char **identities; /* [n_identities], bytewise; borrowed from table or names */
    int64_t n_identities;
    char *names;       /* of procedural people */
    int64_t *split_of; /* [n_identities] */
    char split_words[64][PR__MAX_WORD];
    int n_splits;

    pr__picture pictures[PR__MAX_PICTURES]; /* pictures read last */
    int64_t picture_bytes, clock;
};

/** Fills photos and identities. */
pr_status pr__forge_list(pr_forge *forge);
/** Assigns splits and donors. */
pr_status pr__forge_assign(pr_forge *forge);
/** The picture of a photograph; valid until the next call but one. */
pr_status pr__forge_picture(pr_forge *forge, int64_t photo, const pr_image_u8 **out);
/** A hash over what a photograph is made of. */
pr_status pr__forge_photo_hash(pr_forge *forge, int64_t photo, uint64_t *out);
/** The options, as text, one a line: for the recipe and the provenance. */
pr_status pr__forge_describe(const pr_forge *forge, pr_text *out);

#endif
