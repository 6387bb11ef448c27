#include "report/shown_maps.h"

enum { MAX_MAPS = PR_BACKBONE_MAX_TAPS + 1 };

static const char *const names[MAX_MAPS] = {"map", "tap1", "tap2", "tap3", "tap4"};

/* From "image" to one map: a graph computes what its outputs need, and no more. */
static pr_status build(const pr_build *build, pr_graph *graph, pr_shown_map map)
{
    const pr_model_options *const model = &build->options->model;
    const pr_backbone_options options = {.width = model->width,
                                         .depth = model->depth,
                                         .dropout = model->dropout,
                                         .drop_path = model->drop_path};
    pr_value image;
    pr_backbone_out out = {.map = {-1}};
    PR_TRY(pr_graph_input(graph, "image",
                          pr_desc_4(pr_graph_real(graph), build->n_rows, model->px, model->px, 3),
                          false, &image));
    PR_TRY(pr_backbone_build(graph, model->name, &options, "backbone.", image, &out));
    PR_REQUIRE(map <= out.n_taps && out.map.id >= 0, PR_ERR_INVALID,
               "%s has %d taps, number %d is wanted, or no map", model->name, out.n_taps, map);
    return pr_graph_output(graph, names[map], map == 0 ? out.map : out.taps[map - 1], false);
}

static pr_status build_map(const pr_build *how, pr_graph *graph)
{
    return build(how, graph, 0);
}

static pr_status build_tap1(const pr_build *how, pr_graph *graph)
{
    return build(how, graph, 1);
}

static pr_status build_tap2(const pr_build *how, pr_graph *graph)
{
    return build(how, graph, 2);
}

static pr_status build_tap3(const pr_build *how, pr_graph *graph)
{
    return build(how, graph, 3);
}

static pr_status build_tap4(const pr_build *how, pr_graph *graph)
{
    return build(how, graph, 4);
}

static const pr_build_fn builds[MAX_MAPS] = {build_map, build_tap1, build_tap2, build_tap3,
                                             build_tap4};

pr_status pr_shown_map_shape(const pr_shown_run *run, pr_shown_map map, int64_t *height,
                             int64_t *width, int64_t *channels)
{
    const pr_build how = {.options = run->options, .n_rows = 1, .mode = PR_MODE_EVAL};
    const pr_desc *desc = NULL;
    pr_graph *graph = NULL;
    PR_REQUIRE(map >= 0 && map < MAX_MAPS, PR_ERR_INVALID, "map %d, must be in 0 .. %d", map,
               MAX_MAPS - 1);
    PR_TRY(pr_graph_create("map", run->trained.trainer->real, &graph));
    pr_status status = build(&how, graph, map);
    if (status == PR_OK) {
        status = pr_graph_output_desc(graph, names[map], &desc);
    }
    if (status == PR_OK) {
        *height = desc->shape.dims[1];
        *width = desc->shape.dims[2];
        *channels = desc->shape.dims[3];
    }
    pr_graph_destroy(&graph);
    return status;
}

int pr_shown_n_taps(const pr_shown_run *run)
{
    int64_t dims[3];
    int n = 0;
    while (n + 1 < MAX_MAPS &&
           pr_shown_map_shape(run, n + 1, &dims[0], &dims[1], &dims[2]) == PR_OK) {
        n++;
    }
    pr_error_clear();
    return n;
}

pr_status pr_shown_maps_of(pr_shown_run *run, const pr_shown *shown, pr_shown_map map,
                           const int64_t *at, int64_t n, pr_shown_maps *out)
{
    pr_shown_maps maps = {.n = n};
    PR_TRY(pr_shown_map_shape(run, map, &maps.height, &maps.width, &maps.channels));
    PR_TRY(pr_shown_output(run, shown, builds[map], names[map], at, n, &maps.rows));
    *out = maps;
    return PR_OK;
}

void pr_shown_maps_free(pr_shown_maps *maps)
{
    pr_shown_rows_free(&maps->rows);
    *maps = (pr_shown_maps){0};
}
