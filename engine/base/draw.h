/**
 * Random draws that are counter-based: a draw is a function of what it is for, never of a stream,
 * a rank, a thread or the time. Philox4x32-10, Salmon et al. 2011 ("Parallel random numbers: as
 * easy as 1, 2, 3").
 */
#ifndef PR_ENGINE_BASE_DRAW_H
#define PR_ENGINE_BASE_DRAW_H

#include <stdint.h>

/** What a draw is for. A purpose is never renumbered: the numbers are part of a run's bits. */
typedef enum pr_purpose {
    PR_FOR_ORDER = 1,     /* the order of an epoch's anchors */
    PR_FOR_SUBSET = 2,    /* which crops of the larger class an epoch shows; random frames */
    PR_FOR_LEVEL = 3,     /* an anchor's pairing level */
    PR_FOR_MATE = 4,      /* which mate */
    PR_FOR_AUGMENT = 5,   /* a view's augmentation */
    PR_FOR_GENERATOR = 6, /* a view's forging, in memory */
    PR_FOR_INIT = 7,      /* initial weights; place = hash of the tensor's name */
    PR_FOR_MIX = 8,       /* the mixing weight of a synthetic feature */
    PR_FOR_DROPOUT = 9,
    PR_FOR_LABELS = 10,  /* data.shuffle_labels */
    PR_FOR_FOLD = 11,    /* identities to folds and splits */
    PR_FOR_FORGE = 12,   /* pristine forge: motion, light, noise, donors */
    PR_FOR_SHAPE = 13,   /* procedural faces */
    PR_FOR_DEAL = 14,    /* views to micro-batches */
    PR_FOR_REPLACE = 15, /* the crop that stands in for a corrupt one */
    PR_FOR_KEYS = 16,    /* keys to micro-batches (shuffling batch norm) */
    PR_FOR_PHASE = 17,   /* the seed of a phase after the first */
    PR_FOR_PATCH = 18,   /* the order of a view's tiles */
    PR_FOR_VARY = 19,    /* another frame, or a mix-up, in place of a view */
    PR_FOR_SWEEP = 20,   /* a sweep's parameters; number = hash of the key, place = the trial */
} pr_purpose;

/** The key of a series of draws; a draw is the key and its number. */
typedef struct pr_draw_key {
    uint64_t seed;
    uint32_t epoch;   /* counted over all stages */
    uint32_t place;   /* in the epoch's plan, or what the purpose says */
    uint16_t view;    /* of that place */
    uint16_t purpose; /* pr_purpose */
} pr_draw_key;

/** 128 bits: what all other draws are made of. */
void pr_draw_bits(const pr_draw_key *key, uint32_t number, uint32_t bits[4]);

/** Uniform in [0, 1), a multiple of 2^-53. */
double pr_draw_uniform(const pr_draw_key *key, uint32_t number);

/** Uniform in [low, high). */
double pr_draw_between(const pr_draw_key *key, uint32_t number, double low, double high);

/** Uniform in 0 .. n - 1; n > 0. The bias is under n / 2^64. */
int64_t pr_draw_below(const pr_draw_key *key, uint32_t number, int64_t n);

/** Standard normal (Box-Muller over one call's bits, with this project's log, sin and cos). */
double pr_draw_normal(const pr_draw_key *key, uint32_t number);

/**
 * Beta(alpha, beta), alpha and beta > 0: Johnk's method for both at most 1, Cheng's otherwise. Attempt
 * a uses numbers from NUMBER + a * 2^16 on, so a rejected attempt is a number too.
 */
double pr_draw_beta(const pr_draw_key *key, uint32_t number, double alpha, double beta);

/** ORDER [n] becomes a permutation of 0 .. n - 1 (Fisher-Yates from the end; draw i swaps i). */
void pr_draw_permutation(const pr_draw_key *key, int64_t n, int64_t *order);

#endif
