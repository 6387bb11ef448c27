/*
 * Forged datasets: the same bytes on any number of ranks, in any shards, after a restart; the same
 * crops in every compression; folds; what is refused.
 */
#include "tests/dataset/forged.h"

static void check_ranks_and_restart(void)
{
    pr_forge_options o = small_options(path_of("one"));
    int64_t n_files = 0;
    CHECK(forge(&o, 1) == 7, "20 photographs in shards of 3");
    o.out = path_of("three");
    CHECK(forge(&o, 3) == 7, "three ranks write all shards");
    CHECK(same_files(path_of("one"), path_of("three"), &n_files) && n_files == 8,
          "files on 3 ranks differ from those on 1, of %lld", (long long)n_files);
    CHECK(forge(&o, 2) == 0, "a restart made shards again");

    /* Another option makes another recipe; sharding changes no crop. */
    o.style.softness = 0.06;
    CHECK(forge(&o, 1) == 7, "another softness left shards as they were");
    o = small_options(path_of("resharded"));
    o.n_shards = 2;
    CHECK(forge(&o, 1) == 2, "2 shards");
    pr_samples *a = open_set(path_of("one"), NULL);
    pr_samples *b = open_set(path_of("resharded"), NULL);
    CHECK(pr_samples_n(a) == 180 && pr_samples_hash(a) == pr_samples_hash(b),
          "%lld crops, other in 2 shards", (long long)pr_samples_n(a));
    pr_samples_close(&a);
    pr_samples_close(&b);
    o.seed = 5;
    (void)forge(&o, 1);
    a = open_set(path_of("one"), NULL);
    b = open_set(path_of("resharded"), NULL);
    CHECK(pr_samples_hash(a) != pr_samples_hash(b), "another seed gave the same crops");
    pr_samples_close(&a);
    pr_samples_close(&b);
}

/* raw, c23 and c40 hold the same crops; raw ones are what they are without the others. */
static void check_compressions(void)
{
    pr_forge_options o = small_options(path_of("crf"));
    o.n_crf = 2;
    o.crf[0] = 23;
    o.crf[1] = 40;
    (void)forge(&o, 1);
    o.out = path_of("no_asm");
    o.no_asm = true;
    (void)forge(&o, 1);
    pr_samples *all[4];
    static const char *const words[4] = {"raw", "raw", "c23", "c40"};
    for (int k = 0; k < 4; k++) {
        all[k] = open_set(path_of(k == 0 ? "one" : "crf"), words[k]);
        CHECK(pr_samples_n(all[k]) == pr_samples_n(all[0]), "%s has %lld crops", words[k],
              (long long)pr_samples_n(all[k]));
    }
    CHECK(pr_samples_hash(all[0]) == pr_samples_hash(all[1]), "--crf changes raw crops");
    for (int64_t i = 0; i < pr_samples_n(all[1]); i++) {
        const pr_sample *const raw = pr_samples_at(all[1], i);
        for (int k = 2; k < 4; k++) {
            const pr_sample *const s = pr_samples_at(all[k], i);
            CHECK(
                strcmp(pr_samples_word(all[1], raw->video), pr_samples_word(all[k], s->video)) ==
                        0 &&
                    raw->frame == s->frame && raw->label == s->label &&
                    same_values(pr_samples_crop_map(all[1], i), pr_samples_crop_map(all[k], i), 6),
                "crop %lld of %s", (long long)i, words[k]);
        }
    }
    for (int k = 0; k < 4; k++) {
        pr_samples_close(&all[k]);
    }
    int64_t n_files = 0;
    CHECK(same_files(path_of("crf"), path_of("no_asm"), &n_files),
          "x264's assembler changes the dataset");
}

static void check_folds(void)
{
    pr_forge_options o = small_options(path_of("folds"));
    o.n_folds = 5;
    o.n_donors = 1;
    o.n_frames = 1;
    o.codec = PR_CODEC_PNG;
    (void)forge(&o, 1);
    pr_samples *s = open_set(o.out, NULL);
    int count[5] = {0};
    for (int64_t i = 0; i < pr_samples_n(s); i++) {
        const char *const word = pr_samples_word(s, pr_samples_at(s, i)->split);
        CHECK(strncmp(word, "fold", 4) == 0 && word[4] >= '0' && word[4] <= '4', "'%s'", word);
        count[word[4] - '0']++;
    }
    for (int k = 0; k < 5; k++) { /* two people, two videos each, one fake of each */
        CHECK(count[k] == 8, "fold%d has %d crops", k, count[k]);
    }
    pr_samples_close(&s);
}

static void check_refusals(void)
{
    pr_forge *f = NULL;
    pr_forge_options o = small_options(path_of("refused"));
    o.n_people = 4;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "has 1 of the 4 identities");
    o = small_options(o.out);
    o.split[0] = 0.7;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "sums to 1.1, must be 1");
    o = small_options(o.out);
    o.n_crf = 2;
    o.crf[0] = o.crf[1] = 23;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "crf 23 is asked for twice");
    o = small_options(o.out);
    o.style.softness = 0.7;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "softness = 0.7");
    o = small_options(o.out);
    o.n_shards = 21;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "21 shards of 20 photographs");
    CHECK(f == NULL, "a forge came out");

    /* Each allocation of the plan made to fail in turn. */
    o = small_options(o.out);
    for (long n = 0; n < 1000; n++) {
        pr_alloc_fail_on(n);
        const pr_status status = pr_forge_open(&o, &f);
        pr_alloc_fail_on(-1);
        pr_forge_close(&f);
        if (status == PR_OK) {
            CHECK(n > 20, "%ld allocations", n);
            break;
        }
        CHECK(status == PR_ERR_NOMEM, "allocation %ld gave %d", n, (int)status);
        pr_error_clear();
    }
}

int main(void)
{
    begin_sets();
    check_ranks_and_restart();
    check_compressions();
    check_folds();
    check_refusals();
    end_sets();
    return check_exit_code();
}
