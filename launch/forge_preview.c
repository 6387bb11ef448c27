#include "launch/forge_preview.h"

#include "dataset/preview.h"
#include "engine/base/config.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"

#include <stdio.h>

static void tell(const pr_forge_preview *p, const char *legend_path)
{
    pr_log_print("%s\n%d faces, each a row of crops and below it the row of their masks; columns:\n"
                 "  0 pristine\n",
                 p->out, p->n_faces);
    for (int i = 0; i < PR_ADDG_N; i++) {
        pr_log_print("  %d %s\n", i + 1, PR_ADDG_WORDS[i]);
    }
    pr_log_print("what each view was drawn to be: %s\n", legend_path);
}

static pr_status write_sheet(const pr_forge_preview *p, const pr_preview_options *options)
{
    pr_image_u8 sheet = {0};
    pr_text legend = {0};
    char legend_path[PR_PATH_BYTES];
    const int n = snprintf(legend_path, sizeof(legend_path), "%s.tsv", p->out);
    PR_REQUIRE(n > 0 && n < (int)sizeof(legend_path), PR_ERR_INVALID, "forge: --out '%s': too long",
               p->out);
    PR_TRY(pr_preview_check_path(p->out));
    PR_TRY(pr_preview_make(options, &sheet, &legend));
    pr_status status = pr_preview_write(&sheet, p->out, p->forge->quality);
    if (status == PR_OK) {
        status = pr_fs_write(legend_path, pr_text_chars(&legend), legend.n_chars);
    }
    if (status == PR_OK) {
        tell(p, legend_path);
    }
    pr_image_destroy(&sheet);
    pr_text_free(&legend);
    return status;
}

static pr_status of_forge(const pr_forge_preview *p, pr_preview_options *options)
{
    pr_forge *forge = NULL;
    PR_TRY(pr_forge_open(p->forge, &forge));
    options->forge = forge;
    const pr_status status = write_sheet(p, options);
    pr_forge_close(&forge);
    return status;
}

static pr_status of_data(const pr_forge_preview *p, pr_preview_options *options)
{
    const pr_selection reals = {.path = p->data, .label = "real"};
    pr_samples *samples = NULL;
    PR_TRY(pr_samples_open(&reals, 1, &samples));
    options->samples = samples;
    const pr_status status = write_sheet(p, options);
    pr_samples_close(&samples);
    return status;
}

/* SETTINGS over ADDG's defaults; CONFIG owns the words of the options. */
static pr_status configure(const char *const *sets, pr_config_schema *schema,
                           pr_settings **settings, pr_config **config, pr_addg_options *addg)
{
    const pr_config_module module = pr_addg_config(addg);
    PR_TRY(pr_config_register(schema, &module));
    PR_TRY(pr_settings_create(settings));
    for (int i = 0; sets[i] != NULL; i++) {
        PR_TRY(pr_settings_add_word(*settings, sets[i]));
    }
    return pr_config_apply(schema, *settings, config);
}

static pr_status make(const pr_forge_preview *p)
{
    pr_config_schema schema = {.n_modules = 0};
    pr_settings *settings = NULL;
    pr_config *config = NULL;
    pr_preview_options options = {.n_faces = p->n_faces, .seed = p->forge->seed};
    pr_status status = configure(p->sets, &schema, &settings, &config, &options.addg);
    if (status == PR_OK) {
        status = p->data != NULL ? of_data(p, &options) : of_forge(p, &options);
    }
    pr_config_destroy(&config);
    pr_settings_destroy(&settings);
    return status;
}

pr_status pr_forge_preview_run(pr_comm *comm, const pr_forge_preview *preview)
{
    return pr_comm_agree(comm, "forge: preview", pr_comm_rank(comm) == 0 ? make(preview) : PR_OK);
}
