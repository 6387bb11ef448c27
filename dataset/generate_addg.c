/* Scenes of ADDG, X_P, FWA and BI: landmarks from the samples, pixels from addg.c. */
#include "dataset/generate_private.h"

#include <string.h>

static pr_status read_points(const pr_samples *samples, int64_t sample,
                             double points[PR_N_LANDMARKS][2])
{
    char name[512];
    int n = 0;
    const float *const p = pr_samples_landmarks(samples, sample, &n);
    PR_REQUIRE(n >= PR_N_LANDMARKS, PR_ERR_INVALID,
               "loader: %s has %d landmarks, a forged view needs the %d of iBUG's order",
               pr_samples_name(samples, sample, name, sizeof(name)), n, PR_N_LANDMARKS);
    for (ptrdiff_t i = 0; i < PR_N_LANDMARKS; i++) {
        points[i][0] = p[2 * i];
        points[i][1] = p[2 * i + 1];
    }
    return PR_OK;
}

pr_status pr__compose_forged(pr__generators *g, pr__scene *scene)
{
    pr_addg_draws draws;
    pr_addg_face target = {.image = scene->target};
    pr_addg_face donor = {.image = scene->donor};
    PR_REQUIRE(g->addg != NULL, PR_ERR_INVALID,
               "loader: a view of generator %d, and forging is off in the loader's options",
               (int)scene->view->generator);
    PR_TRY(read_points(scene->samples, scene->sample, target.points));
    if (scene->mate >= 0) {
        PR_TRY(read_points(scene->samples, scene->mate, donor.points));
    }
    PR_TRY(pr_addg_draw(g->addg, &scene->key, (pr_generator)scene->view->generator,
                        scene->view->category, &draws));
    return pr_addg_make(g->addg, &draws, &target, scene->mate >= 0 ? &donor : NULL, &scene->image,
                        &scene->mask);
}

/* Another person's where a similar face is wanted and both are known; otherwise another video's. */
static bool may_donate(const pr__scene *scene, const pr_sample *own, const pr_sample *other)
{
    const bool known = own->bg_id != 0 && other->bg_id != 0;
    if (scene->view->category == PR_ADDG_SB_SIM && known && own->bg_id == other->bg_id) {
        return false;
    }
    return other->label == PR_REAL && other->video_key != own->video_key;
}

/*
 * Where a bad crop was replaced, the donor may have been the bad one: another one is drawn, or the
 * view's own mate stays where some draws found none. It is a drawn one for SB-Sim too: what is
 * rare need not be similar.
 */
int64_t pr__mate_of_forged(const pr__scene *scene)
{
    enum { ATTEMPTS = 64, FIRST = 65536 };
    pr_draw_key key = scene->key;
    key.purpose = PR_FOR_REPLACE;
    if (scene->view->mate < 0) {
        return -1;
    }
    const pr_sample *const own = pr_samples_at(scene->samples, scene->sample);
    for (uint32_t a = 0; a < ATTEMPTS; a++) {
        const uint32_t number = FIRST + (uint32_t)scene->sample * ATTEMPTS + a;
        const int64_t i = pr_draw_below(&key, number, pr_samples_n(scene->samples));
        if (may_donate(scene, own, pr_samples_at(scene->samples, i))) {
            return i;
        }
    }
    return scene->view->mate;
}
