#include "dataset/forge_plan.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Identity number ORDER[i] gets the split in whose share of the list i falls. */
static void deal_splits(pr_forge *forge, const int64_t *order)
{
    const int64_t n = forge->n_identities;
    double edge = forge->options.split[0];
    int split = 0;
    for (int64_t i = 0; i < n; i++) {
        /* The middle of the identity's own share decides, so that each split's count is rounded. */
        while (split < 2 && ((double)i + 0.5) / (double)n > edge + 1e-9) {
            edge += forge->options.split[++split];
        }
        forge->split_of[order[i]] = split;
    }
}

/* The identity with most photographs that has no fold yet, the first in ORDER of equal ones. */
static int64_t largest_left(const pr_forge *forge, const int64_t *order, const int64_t *n_photos)
{
    int64_t best = -1;
    for (int64_t i = 0; i < forge->n_identities; i++) {
        if (forge->split_of[order[i]] < 0 && (best < 0 || n_photos[order[i]] > n_photos[best])) {
            best = order[i];
        }
    }
    return best;
}

/*
 * Identities with most photographs first, each to the fold with fewest so far (of equal ones, the one
 * with fewest identities, then the first): folds are of one size although a few people have most of
 * the photographs.
 */
static void deal_folds(pr_forge *forge, const int64_t *order, const int64_t *n_photos)
{
    int64_t photos_in[64] = {0};
    int64_t identities_in[64] = {0};
    for (int64_t i = 0; i < forge->n_identities; i++) {
        forge->split_of[i] = -1;
    }
    for (int64_t i = 0; i < forge->n_identities; i++) {
        const int64_t identity = largest_left(forge, order, n_photos);
        int fold = 0;
        for (int k = 1; k < forge->options.n_folds; k++) {
            if (photos_in[k] < photos_in[fold] ||
                (photos_in[k] == photos_in[fold] && identities_in[k] < identities_in[fold])) {
                fold = k;
            }
        }
        forge->split_of[identity] = fold;
        photos_in[fold] += n_photos[identity];
        identities_in[fold]++;
    }
}

static void name_splits(pr_forge *forge)
{
    static const char *const WORDS[3] = {"train", "val", "test"};
    const int n_folds = forge->options.n_folds;
    for (int i = 0; i < n_folds; i++) {
        (void)snprintf(forge->split_words[i], PR__MAX_WORD, "fold%d", i);
    }
    for (int i = 0; i < 3 && n_folds == 0; i++) {
        (void)snprintf(forge->split_words[i], PR__MAX_WORD, "%s", WORDS[i]);
    }
    forge->n_splits = n_folds > 0 ? n_folds : 3;
}

static pr_status assign_splits(pr_forge *forge)
{
    const int64_t n = forge->n_identities;
    forge->split_of = pr_calloc(n, sizeof(*forge->split_of));
    int64_t *const order = pr_calloc(2 * n, sizeof(*order));
    if (forge->split_of == NULL || order == NULL) {
        pr_free(order);
        return PR_FAIL(PR_ERR_NOMEM, "forge: splits of %lld identities", (long long)n);
    }
    int64_t *const n_photos = order + n;
    for (int64_t i = 0; i < forge->n_photos; i++) {
        n_photos[forge->photos[i].identity_idx]++;
    }
    const pr_draw_key key = {.seed = forge->options.seed, .purpose = PR_FOR_FOLD};
    pr_draw_permutation(&key, n, order);
    if (forge->options.n_folds > 0) {
        deal_folds(forge, order, n_photos);
    } else {
        deal_splits(forge, order);
    }
    pr_free(order);
    name_splits(forge);

    int64_t count[64] = {0};
    for (int64_t i = 0; i < n; i++) {
        count[forge->split_of[i]]++;
    }
    for (int i = 0; i < forge->n_splits; i++) {
        PR_REQUIRE(forge->options.n_donors == 0 || count[i] != 1, PR_ERR_INVALID,
                   "forge: split '%s' has 1 of the %lld identities, a swap needs 2",
                   forge->split_words[i], (long long)n);
    }
    for (int64_t i = 0; i < forge->n_photos; i++) {
        forge->photos[i].split = forge->split_of[forge->photos[i].identity_idx];
    }
    return PR_OK;
}

/*
 * How far two faces' landmarks are apart after the similarity that brings them closest, as a share
 * of the eye distance: faces of one pose and one expression are near.
 */
static pr_status pose_distance(const pr_face *a, const pr_face *b, double *out)
{
    float from[2 * PR_N_LANDMARKS];
    float to[2 * PR_N_LANDMARKS];
    for (ptrdiff_t i = 0; i < PR_N_LANDMARKS; i++) {
        for (ptrdiff_t c = 0; c < 2; c++) {
            from[2 * i + c] = (float)b->points[i][c];
            to[2 * i + c] = (float)a->points[i][c];
        }
    }
    double map[6];
    PR_TRY(pr_map_fit_similarity(from, to, PR_N_LANDMARKS, map));
    double sum = 0;
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        double x = b->points[i][0];
        double y = b->points[i][1];
        pr_map_apply(map, &x, &y);
        sum += (x - a->points[i][0]) * (x - a->points[i][0]) +
               (y - a->points[i][1]) * (y - a->points[i][1]);
    }
    *out = sqrt(sum / PR_N_LANDMARKS) / (pr_eye_distance(a->points) + 1e-9);
    return PR_OK;
}

typedef struct candidate {
    int64_t photo;
    double distance;
} candidate;

enum { POOL_PER_DONOR = 4, MIN_POOL = 8, MAX_POOL = POOL_PER_DONOR * PR_FORGE_MAX_DONORS };

typedef struct pool {
    candidate at[MAX_POOL];
    int n, n_wanted;
} pool;

static bool fits(const pr_forge *forge, const pool *p, int64_t photo, int64_t donor)
{
    const pr__photo *const a = &forge->photos[photo];
    const pr__photo *const b = &forge->photos[donor];
    if (a->identity_idx == b->identity_idx || a->split != b->split) {
        return false;
    }
    for (int i = 0; i < p->n; i++) {
        if (p->at[i].photo == donor) {
            return false;
        }
    }
    return true;
}

/* Insertion by distance, then by number. */
static pr_status take(const pr_forge *forge, pool *p, int64_t photo, int64_t donor)
{
    candidate c = {.photo = donor};
    PR_TRY(pose_distance(&forge->photos[photo].face, &forge->photos[donor].face, &c.distance));
    int at = p->n++;
    while (at > 0 && (p->at[at - 1].distance > c.distance ||
                      (p->at[at - 1].distance == c.distance && p->at[at - 1].photo > donor))) {
        p->at[at] = p->at[at - 1];
        at--;
    }
    p->at[at] = c;
    return PR_OK;
}

/*
 * A pool of candidates is drawn, so that donors vary, and its nearest are taken, so that poses agree
 * (Li et al. 2020 take the nearest of a random subset). Draws that do not fit are skipped; where
 * they do not fill the pool, those that follow a drawn place do.
 */
static pr_status fill_pool(const pr_forge *forge, int64_t photo, pool *p)
{
    enum { ATTEMPTS = 16 };
    const int64_t n = forge->n_photos;
    const pr_draw_key key = {.seed = forge->options.seed,
                             .epoch = PR__TOPIC_DONOR,
                             .place = forge->photos[photo].place,
                             .purpose = PR_FOR_FORGE};
    const uint32_t n_attempts = (uint32_t)(ATTEMPTS * p->n_wanted);
    for (uint32_t i = 1; i <= n_attempts && p->n < p->n_wanted; i++) {
        const int64_t donor = pr_draw_below(&key, i, n);
        if (fits(forge, p, photo, donor)) {
            PR_TRY(take(forge, p, photo, donor));
        }
    }
    const int64_t first = pr_draw_below(&key, 0, n);
    for (int64_t i = 0; i < n && p->n < p->n_wanted; i++) {
        if (fits(forge, p, photo, (first + i) % n)) {
            PR_TRY(take(forge, p, photo, (first + i) % n));
        }
    }
    return PR_OK;
}

static bool has_identity(const pr_forge *forge, const pr__photo *photo, int64_t identity)
{
    for (int i = 0; i < photo->n_donors; i++) {
        if (forge->photos[photo->donors[i]].identity_idx == identity) {
            return true;
        }
    }
    return false;
}

/* The nearest first, each person once; if that is not enough, the nearest of those left. */
static pr_status choose_donors(pr_forge *forge, int64_t photo)
{
    pool p = {.n_wanted = POOL_PER_DONOR * forge->options.n_donors};
    p.n_wanted = p.n_wanted < MIN_POOL ? MIN_POOL : p.n_wanted;
    pr__photo *const target = &forge->photos[photo];
    PR_TRY(fill_pool(forge, photo, &p));
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < p.n && target->n_donors < forge->options.n_donors; i++) {
            const int64_t donor = p.at[i].photo;
            if (donor >= 0 &&
                (pass == 1 || !has_identity(forge, target, forge->photos[donor].identity_idx))) {
                target->donors[target->n_donors++] = (int32_t)donor;
                p.at[i].photo = -1;
            }
        }
    }
    return PR_OK;
}

pr_status pr__forge_assign(pr_forge *forge)
{
    PR_TRY(assign_splits(forge));
    for (int64_t i = 0; i < forge->n_photos && forge->options.n_donors > 0; i++) {
        PR_TRY(choose_donors(forge, i));
    }
    return PR_OK;
}
