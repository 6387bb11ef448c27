#include "trainer/detector.h"

#include "engine/base/fs.h"

#include <string.h>

/* models/detector.py, made into C by cmake/PrEmbed.cmake. */
extern const unsigned char pr_detector_text[];
extern const size_t pr_detector_text_bytes;

static const char *const known_objectives[] = {
#define PR_OBJECTIVE(name) #name,
#include "trainer/objective_list.h"
#undef PR_OBJECTIVE
    NULL};

static const char *const known_backbones[] = {
#define PR_BACKBONE(name) #name,
#include "models/model_list.h"
#undef PR_BACKBONE
    NULL};

static const char *const keys[] = {"objective",
                                   "model.name",
                                   "model.px",
                                   "data.augment.mean_red",
                                   "data.augment.mean_green",
                                   "data.augment.mean_blue",
                                   "data.augment.std_red",
                                   "data.augment.std_green",
                                   "data.augment.std_blue",
                                   "mc_lcr.ssrb",
                                   "mc_lcr.ssrb_tap",
                                   "mc_lcr.gram_norm",
                                   "mc_lcr.gf",
                                   "mc_lcr.papda",
                                   "mc_lcr.gray",
                                   "mc_lcr.amp",
                                   "mc_lcr.phase",
                                   "mc_lcr.patch_px",
                                   "mc_lcr.heads",
                                   "mc_lcr.attn_scale"};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static bool has(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

bool pr_detector_knows(const pr_train_options *options)
{
    return has(known_objectives, options->objective) && has(known_backbones, options->model.name);
}

pr_status pr_detector_notes(const pr_config *config,
                            pr_safetensor_note notes[static PR_DETECTOR_MAX_NOTES], int *n_notes)
{
    for (int i = 0; i < N_KEYS; i++) {
        const char *const value = pr_config_value(config, keys[i]);
        PR_REQUIRE(value != NULL, PR_ERR_INVALID, "export: the config has no key %s", keys[i]);
        notes[i] = (pr_safetensor_note){keys[i], value};
    }
    *n_notes = N_KEYS;
    return PR_OK;
}

pr_status pr_detector_centre(const pr_trained *trained, bool *has_centre,
                             pr_safetensor_source *centre)
{
    const pr_centre *const c = &trained->trainer->centre;
    *has_centre = !trained->stage->classifies;
    if (!*has_centre) {
        return PR_OK;
    }
    PR_REQUIRE(c->n_last > 0 || c->n > 0, PR_ERR_INVALID,
               "export: no real has been shown yet, whose centre a stage without a classifier is "
               "scored by");
    *centre = (pr_safetensor_source){"centre", pr_desc_1(PR_F64, c->n_cols),
                                     c->n_last > 0 ? c->last : c->sum};
    return PR_OK;
}

pr_status pr_detector_write(const char *weights, char path[static PR_PATH_BYTES])
{
    char folder[PR_PATH_BYTES];
    pr_fs_folder_of(folder, weights);
    PR_TRY(pr_fs_join(path, folder, "detector.py"));
    return pr_fs_write(path, pr_detector_text, pr_detector_text_bytes);
}
