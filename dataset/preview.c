#include "dataset/preview.h"

#include "dataset/forge_plan.h"
#include "dataset/preview_faces.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <string.h>

/* One sheet in the making. */
typedef struct maker {
    const pr_preview_options *options;
    pr__faces faces;
    int64_t *order; /* [faces.n] in which faces are taken; the first n_faces are the rows */
    pr_addg *addg;
    pr_image_u8 view, mask; /* scratch of the largest crop */
    pr_image_u8 sheet;
    pr_text legend;
} maker;

static pr_draw_key key_of(const maker *m, int row, int category, pr_purpose purpose)
{
    return (pr_draw_key){.seed = m->options->seed,
                         .place = (uint32_t)row,
                         .view = (uint16_t)category,
                         .purpose = (uint16_t)purpose};
}

/* The faces in a drawn order, those of a person who was not met before moved to the front. */
static pr_status choose_rows(maker *m)
{
    const int n_wanted = m->options->n_faces;
    const pr_draw_key key = {
        .seed = m->options->seed, .epoch = PR__TOPIC_PREVIEW, .purpose = PR_FOR_FORGE};
    m->order = pr_calloc(m->faces.n, sizeof(*m->order));
    PR_REQUIRE(m->order != NULL, PR_ERR_NOMEM, "preview: the order of %lld faces",
               (long long)m->faces.n);
    pr_draw_permutation(&key, m->faces.n, m->order);
    int n_found = 0;
    for (int64_t k = 0; k < m->faces.n && n_found < n_wanted; k++) {
        const int64_t face = m->order[k];
        bool met = false;
        for (int i = 0; i < n_found && !met; i++) {
            met = pr__faces_same_person(&m->faces, face, m->order[i]);
        }
        if (!met) {
            m->order[k] = m->order[n_found];
            m->order[n_found++] = face;
        }
    }
    PR_REQUIRE(n_found == n_wanted, PR_ERR_INVALID,
               "preview: %d faces of different people are wanted, there are %d among %lld",
               n_wanted, n_found, (long long)m->faces.n);
    return PR_OK;
}

/* SB-Rand: any face of another video, each as likely. -1 where there is none. */
static int64_t random_donor(const maker *m, int row, int64_t face)
{
    const pr_draw_key key = key_of(m, row, PR_ADDG_SB_RAND, PR_FOR_MATE);
    int64_t n = 0;
    for (int64_t i = 0; i < m->faces.n; i++) {
        n += !pr__faces_same_video(&m->faces, i, face);
    }
    int64_t left = n > 0 ? pr_draw_below(&key, 0, n) : 0;
    for (int64_t i = 0; i < m->faces.n; i++) {
        if (!pr__faces_same_video(&m->faces, i, face) && left-- == 0) {
            return i;
        }
    }
    return -1;
}

/* SB-Sim: the face of another person whose landmarks are most alike. -1 where there is none. */
static int64_t similar_donor(const maker *m, int64_t face)
{
    const float *const shapes = m->faces.shapes;
    int64_t found = -1;
    double least = 0;
    for (int64_t i = 0; i < m->faces.n; i++) {
        const double d = pr_shape_distance(shapes + face * PR_SHAPE_N, shapes + i * PR_SHAPE_N);
        if (!pr__faces_same_person(&m->faces, i, face) && (found < 0 || d < least)) {
            found = i;
            least = d;
        }
    }
    return found;
}

static void paste(const maker *m, const pr_image_u8 *image, int row, int column)
{
    const pr_image_u8 *const sheet = &m->sheet;
    const int x0 = PR_PREVIEW_GAP_PX + column * (m->faces.width + PR_PREVIEW_GAP_PX);
    const int y0 = PR_PREVIEW_GAP_PX + row * (m->faces.height + PR_PREVIEW_GAP_PX);
    for (int y = 0; y < image->height; y++) {
        uint8_t *const to = sheet->data + ((ptrdiff_t)(y0 + y) * sheet->width + x0) * 3;
        const uint8_t *const from = image->data + (ptrdiff_t)y * image->width * image->channels;
        for (ptrdiff_t x = 0; x < image->width; x++) {
            for (ptrdiff_t c = 0; c < 3; c++) {
                to[3 * x + c] = from[x * image->channels + (image->channels == 3 ? c : 0)];
            }
        }
    }
}

/* What the view was drawn to be, in words. */
static pr_status tell_strength(const pr_addg_draws *d, pr_text *text)
{
    static const double DEGREES = 57.295779513082323;
    switch (d->perturb) {
    case PR_ADDG_BLUR:
        return pr_text_add(text, "blur of %d x %d px", d->blur_px, d->blur_px);
    case PR_ADDG_SCALE:
        return pr_text_add(text, "shrunk to %.3f", d->scale);
    case PR_ADDG_ISO:
        return pr_text_add(text, "hue %.3f, intensity %.3f", d->shift, d->intensity);
    case PR_ADDG_ROTATE:
        return pr_text_add(text, "%.2f degrees", d->angle * DEGREES);
    default:
        return pr_text_add(text, "colours matched by %.2f", d->colour);
    }
}

static pr_status tell(maker *m, int row, int category, int64_t face, int64_t donor,
                      const pr_addg_draws *d)
{
    char names[2][512];
    PR_TRY(pr_text_add(
        &m->legend, "%d\t%d\t%s\t%s\t%s\t%s%s\t", row, category, PR_ADDG_WORDS[category - 1],
        pr__faces_name(&m->faces, face, names[0], sizeof(names[0])),
        donor < 0 ? "-" : pr__faces_name(&m->faces, donor, names[1], sizeof(names[1])),
        d->outer ? "outside of " : "", m->options->addg.masks.at[d->mask]));
    PR_TRY(d->sigma > 0 ? pr_text_add(&m->legend, "soft, sigma %.2f px\t", d->sigma)
                        : pr_text_add(&m->legend, "hard\t"));
    PR_TRY(tell_strength(d, &m->legend));
    return pr_text_add(&m->legend, "\n");
}

static pr_status make_cell(maker *m, int row, int category, const pr_addg_face *target)
{
    const pr_draw_key key = key_of(m, row, category, PR_FOR_GENERATOR);
    const int64_t face = m->order[row];
    const int64_t donor = category == PR_ADDG_SB_RAND  ? random_donor(m, row, face)
                          : category == PR_ADDG_SB_SIM ? similar_donor(m, face)
                                                       : -1;
    PR_REQUIRE(donor >= 0 || !pr_addg_needs_donor(PR_GEN_ADDG, category), PR_ERR_INVALID,
               "preview: %s needs the face of another %s, there is one alone among %lld faces",
               PR_ADDG_WORDS[category - 1], category == PR_ADDG_SB_SIM ? "person" : "video",
               (long long)m->faces.n);
    pr_addg_draws draws;
    pr_addg_face other = {0};
    const pr_image_u8 view = {target->image.width, target->image.height, 3, m->view.data};
    const pr_image_u8 mask = {target->image.width, target->image.height, 1, m->mask.data};
    pr_status status = pr_addg_draw(m->addg, &key, PR_GEN_ADDG, category, &draws);
    if (status == PR_OK && donor >= 0) {
        status = pr__faces_read(&m->faces, donor, &other);
    }
    if (status == PR_OK) {
        status = pr_addg_make(m->addg, &draws, target, donor >= 0 ? &other : NULL, &view, &mask);
    }
    if (status == PR_OK) {
        paste(m, &view, 2 * row, category);
        paste(m, &mask, 2 * row + 1, category);
        status = tell(m, row, category, face, donor, &draws);
    }
    pr_image_destroy(&other.image);
    return status;
}

static pr_status make_row(maker *m, int row)
{
    pr_addg_face target = {0};
    pr_status status = pr__faces_read(&m->faces, m->order[row], &target);
    if (status == PR_OK) {
        const pr_image_u8 none = {target.image.width, target.image.height, 1, m->mask.data};
        memset(none.data, 0, pr_image_bytes(&none));
        paste(m, &target.image, 2 * row, 0);
        paste(m, &none, 2 * row + 1, 0);
    }
    for (int category = 1; category <= PR_ADDG_N && status == PR_OK; category++) {
        status = make_cell(m, row, category, &target);
    }
    pr_image_destroy(&target.image);
    return status;
}

static pr_status make(maker *m)
{
    const pr_preview_options *const o = m->options;
    PR_REQUIRE(o->n_faces >= 1, PR_ERR_INVALID, "preview: %d faces, must be at least 1",
               o->n_faces);
    PR_TRY(pr__faces_open(o, &m->faces));
    PR_TRY(choose_rows(m));
    const int width = m->faces.width;
    const int height = m->faces.height;
    PR_TRY(pr_addg_create(&o->addg, width, height, &m->addg));
    PR_TRY(pr_image_create(width, height, 3, &m->view));
    PR_TRY(pr_image_create(width, height, 1, &m->mask));
    PR_TRY(pr_image_create(PR_PREVIEW_GAP_PX + PR_PREVIEW_COLUMNS * (width + PR_PREVIEW_GAP_PX),
                           PR_PREVIEW_GAP_PX + 2 * o->n_faces * (height + PR_PREVIEW_GAP_PX), 3,
                           &m->sheet));
    memset(m->sheet.data, 255, pr_image_bytes(&m->sheet));
    PR_TRY(pr_text_add(&m->legend, "row\tcolumn\tcategory\tface\tdonor\tmask\tedge\tstrength\n"));
    for (int row = 0; row < o->n_faces; row++) {
        PR_TRY(make_row(m, row));
    }
    return PR_OK;
}

pr_status pr_preview_make(const pr_preview_options *options, pr_image_u8 *sheet, pr_text *legend)
{
    maker m = {.options = options};
    const pr_status status = make(&m);
    pr__faces_close(&m.faces);
    pr_addg_destroy(&m.addg);
    pr_free(m.order);
    pr_image_destroy(&m.view);
    pr_image_destroy(&m.mask);
    if (status != PR_OK) {
        pr_image_destroy(&m.sheet);
        pr_text_free(&m.legend);
        return status;
    }
    *sheet = m.sheet;
    *legend = m.legend;
    return PR_OK;
}

static bool ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path);
    const size_t n_ending = strlen(ending);
    return n > n_ending && strcmp(path + n - n_ending, ending) == 0;
}

pr_status pr_preview_check_path(const char *path)
{
    PR_REQUIRE(ends_in(path, ".png") || ends_in(path, ".jpg") || ends_in(path, ".jpeg"),
               PR_ERR_INVALID, "preview: '%s' must end in .png, .jpg or .jpeg", path);
    return PR_OK;
}

pr_status pr_preview_write(const pr_image_u8 *sheet, const char *path, int quality)
{
    PR_TRY(pr_preview_check_path(path));
    const pr_codec codec = ends_in(path, ".png") ? PR_CODEC_PNG : PR_CODEC_JPEG;
    const size_t room = pr_image_encode_bound(codec, sheet->width, sheet->height, 3);
    size_t n_bytes = 0;
    uint8_t *const bytes = pr_calloc((int64_t)room, 1);
    PR_REQUIRE(bytes != NULL, PR_ERR_NOMEM, "preview: %zu bytes for %s", room, path);
    pr_status status = codec == PR_CODEC_PNG ? pr_image_encode_png(sheet, bytes, room, &n_bytes)
                                             : pr_image_encode_jpeg(sheet, quality, PR_CHROMA_444,
                                                                    bytes, room, &n_bytes);
    if (status == PR_OK) {
        status = pr_fs_write(path, bytes, n_bytes);
    }
    pr_free(bytes);
    return status;
}
