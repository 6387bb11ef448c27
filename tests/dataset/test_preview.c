/* The sheet of forged views: its cells are the generator's views of the faces that it names. */
#include "dataset/preview.h"
#include "tests/dataset/forged.h"
#include "tests/dataset/synthetic.h"

enum { PX = 48, N_FACES = 3, STEP = PX + PR_PREVIEW_GAP_PX };

static const uint8_t *cell(const pr_image_u8 *sheet, int row, int column, int x, int y)
{
    const ptrdiff_t left = PR_PREVIEW_GAP_PX + (ptrdiff_t)column * STEP + x;
    const ptrdiff_t top = PR_PREVIEW_GAP_PX + (ptrdiff_t)row * STEP + y;
    return sheet->data + (top * sheet->width + left) * 3;
}

static void check_size(const pr_image_u8 *sheet, const pr_text *legend)
{
    const int width = PR_PREVIEW_GAP_PX + 10 * STEP;
    const int height = PR_PREVIEW_GAP_PX + 2 * N_FACES * STEP;
    int n_lines = 0;
    for (size_t i = 0; i < legend->n_chars; i++) {
        n_lines += pr_text_chars(legend)[i] == '\n';
    }
    CHECK(sheet->width == width && sheet->height == height && sheet->channels == 3,
          "a sheet of %d x %d px, wanted %d x %d", sheet->width, sheet->height, width, height);
    CHECK(n_lines == 1 + 9 * N_FACES, "%d lines of legend", n_lines);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)sheet->width * PR_PREVIEW_GAP_PX * 3; i++) {
        CHECK(sheet->data[i] == 255, "the gap above is not white at %td", i);
    }
}

/* Equation 1 where its mask is 0, and that something changed where it is not. */
static void check_cells(const pr_image_u8 *sheet)
{
    for (int face = 0; face < N_FACES; face++) {
        for (int category = 1; category <= PR_ADDG_N; category++) {
            int n_changed = 0;
            int n_masked = 0;
            for (int y = 0; y < PX; y++) {
                for (int x = 0; x < PX; x++) {
                    const uint8_t *const mask = cell(sheet, 2 * face + 1, category, x, y);
                    const bool same = memcmp(cell(sheet, 2 * face, category, x, y),
                                             cell(sheet, 2 * face, 0, x, y), 3) == 0;
                    CHECK(mask[0] == mask[1] && mask[0] == mask[2], "a mask in colours");
                    CHECK(mask[0] > 0 || same, "face %d, category %d changes (%d, %d) outside",
                          face, category, x, y);
                    n_changed += !same;
                    n_masked += mask[0] > 0;
                }
            }
            CHECK(n_changed > 20 && n_changed <= n_masked,
                  "face %d, category %d: %d px changed of %d under the mask", face, category,
                  n_changed, n_masked);
        }
        for (int y = 0; y < PX; y++) {
            CHECK(cell(sheet, 2 * face + 1, 0, 0, y)[0] == 0, "a mask of the pristine crop");
        }
    }
}

static pr_status sheet_of(const pr_forge_options *forge_options, const pr_samples *samples,
                          int n_faces, uint64_t seed, pr_image_u8 *sheet, pr_text *legend)
{
    pr_forge *forge = NULL;
    if (forge_options != NULL) {
        PR_TRY(pr_forge_open(forge_options, &forge));
    }
    const pr_preview_options o = {.forge = forge,
                                  .samples = samples,
                                  .n_faces = n_faces,
                                  .seed = seed,
                                  .addg = pr_addg_options_default()};
    const pr_status status = pr_preview_make(&o, sheet, legend);
    pr_forge_close(&forge);
    return status;
}

static void check_sheets(const pr_forge_options *forge_options, const pr_samples *samples)
{
    pr_image_u8 sheets[3] = {{0}};
    pr_text legends[3] = {{0}};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(sheet_of(forge_options, samples, N_FACES, i < 2 ? 1 : 2, &sheets[i], &legends[i]));
    }
    if (sheets[2].data != NULL) {
        check_size(&sheets[0], &legends[0]);
        check_cells(&sheets[0]);
        const size_t n = pr_image_bytes(&sheets[0]);
        CHECK(memcmp(sheets[0].data, sheets[1].data, n) == 0, "the same sheet twice differs");
        CHECK(memcmp(sheets[0].data, sheets[2].data, n) != 0, "two seeds make one sheet");
        CHECK(strcmp(pr_text_chars(&legends[0]), pr_text_chars(&legends[1])) == 0, "two legends");
        CHECK(strstr(pr_text_chars(&legends[0]), "\t9\tsb_sim\t") != NULL, "no SB-Sim: %s",
              pr_text_chars(&legends[0]));
    }
    for (int i = 0; i < 3; i++) {
        pr_image_destroy(&sheets[i]);
        pr_text_free(&legends[i]);
    }
}

static void read_face(const pr_samples *samples, int64_t i, pr_addg_face *face)
{
    int n = 0;
    const float *const p = pr_samples_landmarks(samples, i, &n);
    CHECK_OK(pr_image_create(PX, PX, 3, &face->image));
    read_crop(samples, i, &face->image);
    for (ptrdiff_t k = 0; k < PR_N_LANDMARKS; k++) {
        face->points[k][0] = p[2 * k];
        face->points[k][1] = p[2 * k + 1];
    }
}

/* The sample that a row of the legend names in its column FIELD; -1 where it names none. */
static int64_t named(const pr_samples *samples, const char *line, int field)
{
    char name[512];
    for (int i = 0; i < field; i++) {
        line = strchr(line, '\t') + 1;
    }
    for (int64_t i = 0; i < pr_samples_n(samples); i++) {
        const size_t n = strlen(pr_samples_name(samples, i, name, sizeof(name)));
        if (strncmp(line, name, n) == 0 && line[n] == '\t') {
            return i;
        }
    }
    return -1;
}

/* Every cell made anew, by hand, from the samples that the legend names. */
static void check_by_hand(const pr_samples *samples)
{
    const pr_addg_options options = pr_addg_options_default();
    pr_image_u8 sheet = {0};
    pr_text legend = {0};
    pr_addg *addg = NULL;
    CHECK_OK(pr_addg_create(&options, PX, PX, &addg));
    CHECK_OK(sheet_of(NULL, samples, N_FACES, 7, &sheet, &legend));
    const char *line = pr_text_chars(&legend);
    for (int i = 0; i < N_FACES * PR_ADDG_N && sheet.data != NULL; i++) {
        line = strchr(line, '\n') + 1;
        const int row = i / PR_ADDG_N;
        const int category = i % PR_ADDG_N + 1;
        const pr_draw_key key = {7, 0, (uint32_t)row, (uint16_t)category, 0};
        const int64_t face = named(samples, line, 3);
        const int64_t mate = named(samples, line, 4);
        pr_addg_draws draws;
        pr_addg_face target = {0};
        pr_addg_face donor = {0};
        pr_image_u8 want = {0};
        CHECK(face >= 0 && (mate >= 0) == (category >= PR_ADDG_SB_RAND), "%.80s", line);
        read_face(samples, face, &target);
        read_face(samples, mate >= 0 ? mate : 0, &donor);
        CHECK_OK(pr_image_create(PX, PX, 3, &want));
        CHECK_OK(pr_addg_draw(addg, &key, PR_GEN_ADDG, category, &draws));
        CHECK_OK(pr_addg_make(addg, &draws, &target, mate >= 0 ? &donor : NULL, &want, NULL));
        for (int y = 0; y < PX; y++) {
            CHECK(memcmp(cell(&sheet, 2 * row, category, 0, y), want.data + (ptrdiff_t)y * PX * 3,
                         (size_t)PX * 3) == 0,
                  "face %d, category %d, line %d is not the generator's", row, category, y);
        }
        pr_image_destroy(&target.image);
        pr_image_destroy(&donor.image);
        pr_image_destroy(&want);
    }
    pr_addg_destroy(&addg);
    pr_image_destroy(&sheet);
    pr_text_free(&legend);
}

static void check_refusals(const pr_samples *samples)
{
    pr_image_u8 sheet = {0};
    pr_text legend = {0};
    CHECK_FAILS(sheet_of(NULL, samples, 5, 1, &sheet, &legend), PR_ERR_INVALID,
                "5 faces of different people are wanted, there are 4 among 16");
    CHECK_FAILS(pr_preview_check_path("sheet.gif"), PR_ERR_INVALID,
                "'sheet.gif' must end in .png, .jpg or .jpeg");
    pr_forge_options o = small_options("sheet.png");
    o.n_donors = 0;
    o.n_people = 1;
    o.n_videos = 1;
    CHECK_FAILS(sheet_of(&o, NULL, 1, 1, &sheet, &legend), PR_ERR_INVALID,
                "sb_rand needs the face of another video, there is one alone among 1 faces");
    o.n_videos = 2;
    CHECK_FAILS(sheet_of(&o, NULL, 1, 1, &sheet, &legend), PR_ERR_INVALID,
                "sb_sim needs the face of another person, there is one alone among 2 faces");
}

/* Crops with five landmarks. */
static void check_landmarks(void)
{
    const char *const dir = path_of("five");
    synthetic *const crops = pr_calloc(4, sizeof(*crops));
    pr_record records[4];
    pr_image_u8 sheet = {0};
    pr_text legend = {0};
    CHECK_OK(pr_fs_mkdirs(dir));
    for (int i = 0; i < 4; i++) {
        synthetic_make(2 * i, &crops[i]);
        records[i] = crops[i].record;
    }
    CHECK_OK(pr_shard_write(dir, 0, 1, records, 4));
    CHECK_OK(pr_dataset_finish(dir, 1, "made by a test"));
    pr_samples *samples = open_set(dir, NULL);
    CHECK_FAILS(sheet_of(NULL, samples, 1, 1, &sheet, &legend), PR_ERR_INVALID,
                "reals have no 68 landmarks, which forged views are made from");
    pr_samples_close(&samples);
    pr_free(crops);
}

int main(void)
{
    begin_sets();
    pr_forge_options o = small_options(path_of("real"));
    o.n_donors = 0;
    o.n_people = 4;
    o.n_frames = 2;
    check_sheets(&o, NULL);
    (void)forge(&o, 1);
    pr_samples *samples = open_set(o.out, NULL);
    if (samples != NULL) {
        check_sheets(NULL, samples);
        check_by_hand(samples);
        check_refusals(samples);
    }
    pr_samples_close(&samples);
    check_landmarks();
    end_sets();
    return check_exit_code();
}
