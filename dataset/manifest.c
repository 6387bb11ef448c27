#include "dataset/manifest.h"

#include "dataset/words.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/text.h"

#include <stdlib.h>
#include <string.h>

typedef enum cell { CELL_PATH, CELL_WORD, CELL_NUMBER, CELL_CROP } cell;

typedef struct column {
    const char *name;
    cell kind;
    bool wanted; /* a manifest without it is refused */
    size_t offset;
} column;

#define COLUMN(member, kind, wanted)                                                               \
    {                                                                                              \
#member, kind, wanted, offsetof(pr_manifest_row, member)                                   \
    }
#define CROP_COLUMN(i)                                                                             \
    {                                                                                              \
        "crop" #i, CELL_CROP, false, offsetof(pr_manifest_row, crop) + (i) * sizeof(double)        \
    }

enum { N_COLUMNS = 21, N_MAX_CELLS = 64, DATASET_COLUMN = 0, CROP0_COLUMN = 15 };

static const column columns[N_COLUMNS] = {
    COLUMN(dataset, CELL_WORD, true), /* but see the option of the same name */
    COLUMN(path, CELL_PATH, true),
    COLUMN(label, CELL_WORD, true),
    COLUMN(video, CELL_WORD, true),
    COLUMN(frame, CELL_NUMBER, true),
    COLUMN(face, CELL_NUMBER, false),
    COLUMN(method, CELL_WORD, false),
    COLUMN(compression, CELL_WORD, false),
    COLUMN(split, CELL_WORD, false),
    COLUMN(bg_video, CELL_WORD, false),
    COLUMN(bg_id, CELL_WORD, false),
    COLUMN(face_id, CELL_WORD, false),
    COLUMN(face_video, CELL_WORD, false),
    COLUMN(mask, CELL_PATH, false),
    COLUMN(landmarks, CELL_PATH, false),
    CROP_COLUMN(0),
    CROP_COLUMN(1),
    CROP_COLUMN(2),
    CROP_COLUMN(3),
    CROP_COLUMN(4),
    CROP_COLUMN(5),
};

/* The manifest while it is read. */
typedef struct parsing {
    pr_manifest *manifest;
    const char *dataset;             /* of every crop, or NULL */
    int column_of_cell[N_MAX_CELLS]; /* -1: passed over */
    int n_cells;
    bool has[N_COLUMNS];
} parsing;

/* Cuts LINE at its tabs; returns how many cells there are, which may be more than were kept. */
static int cut(char *line, char *cells[static N_MAX_CELLS])
{
    int n = 0;
    for (char *at = line; at != NULL; n++) {
        char *const tab = strchr(at, '\t');
        if (n < N_MAX_CELLS) {
            cells[n] = at;
        }
        if (tab != NULL) {
            *tab = '\0';
        }
        at = tab != NULL ? tab + 1 : NULL;
    }
    return n;
}

static pr_status find_column(const char *manifest, const char *name, int *found)
{
    const char *names[N_COLUMNS];
    for (int i = 0; i < N_COLUMNS; i++) {
        names[i] = columns[i].name;
        if (strcmp(name, columns[i].name) == 0) {
            *found = i;
            return PR_OK;
        }
    }
    const char *const nearest = pr_text_nearest(name, names, N_COLUMNS);
    return PR_FAIL(PR_ERR_FORMAT,
                   "%s:1: unknown column '%s'%s%s%s (a column whose name begins with # is passed "
                   "over)",
                   manifest, name, nearest != NULL ? ", did you mean '" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static pr_status check_header(parsing *job)
{
    const char *const name = job->manifest->name;
    const bool has_crop = job->has[CROP0_COLUMN];
    PR_REQUIRE(job->dataset == NULL || !job->has[DATASET_COLUMN], PR_ERR_FORMAT,
               "%s:1: has a column 'dataset', and --dataset %s was given too", name, job->dataset);
    job->has[DATASET_COLUMN] |= job->dataset != NULL;
    PR_REQUIRE(job->has[DATASET_COLUMN], PR_ERR_FORMAT,
               "%s:1: no column 'dataset', and no --dataset", name);
    for (int i = 0; i < N_COLUMNS; i++) {
        const bool together = columns[i].kind != CELL_CROP || job->has[i] == has_crop;
        PR_REQUIRE(together, PR_ERR_FORMAT, "%s:1: no column '%s' (crop0 to crop5 come together)",
                   name, has_crop ? columns[i].name : "crop0");
        PR_REQUIRE(job->has[i] || !columns[i].wanted, PR_ERR_FORMAT, "%s:1: no column '%s'", name,
                   columns[i].name);
    }
    return PR_OK;
}

static pr_status read_header(parsing *job, char *line)
{
    const char *const name = job->manifest->name;
    char *cells[N_MAX_CELLS];
    job->n_cells = cut(line, cells);
    PR_REQUIRE(job->n_cells <= N_MAX_CELLS, PR_ERR_FORMAT, "%s:1: %d columns, at most %d", name,
               job->n_cells, N_MAX_CELLS);
    for (int i = 0; i < job->n_cells; i++) {
        job->column_of_cell[i] = -1;
        if (cells[i][0] != '#') {
            int found = -1;
            PR_TRY(find_column(name, cells[i], &found));
            PR_REQUIRE(!job->has[found], PR_ERR_FORMAT, "%s:1: two columns '%s'", name, cells[i]);
            job->has[found] = true;
            job->column_of_cell[i] = found;
        }
    }
    return check_header(job);
}

static pr_status read_number(const char *name, int64_t line, const char *column_name,
                             const char *text, int32_t *number)
{
    int64_t value = 0;
    PR_REQUIRE(pr_text_to_int(text, &value) && value >= 0 && value <= INT32_MAX, PR_ERR_FORMAT,
               "%s:%lld: %s '%s', want a whole number from 0 to %d", name, (long long)line,
               column_name, text, INT32_MAX);
    *number = (int32_t)value;
    return PR_OK;
}

static void set_text(pr_manifest_row *row, const column *col, const char *text)
{
    *(const char **)(void *)((char *)row + col->offset) = text;
}

static pr_status read_cell(const char *name, const column *col, char *text, pr_manifest_row *row,
                           int *n_crop)
{
    char *const member = (char *)row + col->offset;
    if (text[0] == '\0') {
        PR_REQUIRE(!col->wanted, PR_ERR_FORMAT, "%s:%lld: an empty '%s'", name,
                   (long long)row->line, col->name);
        return PR_OK;
    }
    const char *wrong = NULL;
    double value = 0.0;
    switch (col->kind) {
    case CELL_PATH:
        for (char *at = text; *at != '\0'; at++) {
            if (*at == '\\') {
                *at = '/';
            }
        }
        set_text(row, col, text);
        break;
    case CELL_WORD:
        wrong = pr__word_check(text);
        PR_REQUIRE(wrong == NULL, PR_ERR_FORMAT, "%s:%lld: %s '%.60s' %s", name,
                   (long long)row->line, col->name, text, wrong);
        set_text(row, col, text);
        break;
    case CELL_NUMBER:
        return read_number(name, row->line, col->name, text, (int32_t *)(void *)member);
    case CELL_CROP:
        PR_REQUIRE(pr_text_to_real(text, &value), PR_ERR_FORMAT, "%s:%lld: %s '%s', want a number",
                   name, (long long)row->line, col->name, text);
        memcpy(member, &value, sizeof(value));
        *n_crop += 1;
        break;
    }
    return PR_OK;
}

/* What must hold of a whole row. A real crop shows its own background and one person. */
static pr_status check_row(const char *name, pr_manifest_row *row)
{
    const long long line = (long long)row->line;
    const bool real = strcmp(row->label, "real") == 0;
    PR_REQUIRE(real || strcmp(row->label, "fake") == 0, PR_ERR_FORMAT,
               "%s:%lld: label '%s', want real or fake", name, line, row->label);
    PR_REQUIRE(strchr(row->dataset, '/') == NULL && strchr(row->method, '/') == NULL, PR_ERR_FORMAT,
               "%s:%lld: '/' in dataset '%s' or method '%s'", name, line, row->dataset,
               row->method);
    if (real) {
        row->bg_video = row->bg_video[0] != '\0' ? row->bg_video : row->video;
        PR_REQUIRE(strcmp(row->bg_video, row->video) == 0, PR_ERR_FORMAT,
                   "%s:%lld: bg_video '%s' of a real crop of video '%s', want its own or none",
                   name, line, row->bg_video, row->video);
        row->bg_id = row->bg_id[0] != '\0' ? row->bg_id : row->face_id;
        row->face_id = row->face_id[0] != '\0' ? row->face_id : row->bg_id;
        PR_REQUIRE(strcmp(row->bg_id, row->face_id) == 0, PR_ERR_FORMAT,
                   "%s:%lld: a real crop of two persons: bg_id '%s', face_id '%s'", name, line,
                   row->bg_id, row->face_id);
    }
    return PR_OK;
}

static pr_status read_row(const parsing *job, int64_t number, char *line, pr_manifest_row *row)
{
    const char *const name = job->manifest->name;
    char *cells[N_MAX_CELLS];
    const int n_cells = cut(line, cells);
    PR_REQUIRE(n_cells == job->n_cells, PR_ERR_FORMAT, "%s:%lld: %d cells, the header has %d", name,
               (long long)number, n_cells, job->n_cells);
    *row = (pr_manifest_row){.line = number};
    for (int i = 0; i < N_COLUMNS; i++) {
        if (columns[i].kind == CELL_PATH || columns[i].kind == CELL_WORD) {
            set_text(row, &columns[i], "");
        }
    }
    int n_crop = 0;
    for (int i = 0; i < n_cells; i++) {
        if (job->column_of_cell[i] >= 0) {
            PR_TRY(read_cell(name, &columns[job->column_of_cell[i]], cells[i], row, &n_crop));
        }
    }
    PR_REQUIRE(n_crop == 0 || n_crop == 6, PR_ERR_FORMAT,
               "%s:%lld: %d of crop0 to crop5 are given, want all or none", name, (long long)number,
               n_crop);
    row->has_crop = n_crop == 6;
    row->dataset = job->dataset != NULL ? job->dataset : row->dataset;
    return check_row(name, row);
}

static int by_key(const void *a, const void *b)
{
    const pr_manifest_row *const x = a;
    const pr_manifest_row *const y = b;
    const int words[4] = {strcmp(x->dataset, y->dataset), strcmp(x->method, y->method),
                          strcmp(x->compression, y->compression), strcmp(x->video, y->video)};
    for (int i = 0; i < 4; i++) {
        if (words[i] != 0) {
            return words[i];
        }
    }
    const int frames = (x->frame > y->frame) - (x->frame < y->frame);
    return frames != 0 ? frames : (x->face > y->face) - (x->face < y->face);
}

static int by_key_then_line(const void *a, const void *b)
{
    const int order = by_key(a, b);
    const int64_t x = ((const pr_manifest_row *)a)->line;
    const int64_t y = ((const pr_manifest_row *)b)->line;
    return order != 0 ? order : (x > y) - (x < y);
}

static pr_status sort_rows(pr_manifest *manifest)
{
    qsort(manifest->rows, (size_t)manifest->n, sizeof(*manifest->rows), by_key_then_line);
    for (int64_t i = 1; i < manifest->n; i++) {
        const pr_manifest_row *const row = &manifest->rows[i];
        PR_REQUIRE(by_key(row - 1, row) != 0, PR_ERR_FORMAT,
                   "%s:%lld: the same crop as in line %lld: %s/%s/%s/%s, frame %d, face %d",
                   manifest->name, (long long)row->line, (long long)row[-1].line, row->dataset,
                   row->method, row->compression, row->video, row->frame, row->face);
    }
    return PR_OK;
}

/* The next line without its end, and *TEXT behind it; NULL after the last. */
static char *next_line(char **text)
{
    char *const line = *text;
    if (line == NULL || *line == '\0') {
        return NULL;
    }
    char *const end = strchr(line, '\n');
    *text = end != NULL ? end + 1 : NULL;
    char *const last = end != NULL ? end : line + strlen(line);
    *last = '\0';
    if (last > line && last[-1] == '\r') {
        last[-1] = '\0';
    }
    return line;
}

static pr_status parse_rows(parsing *job, char *text)
{
    pr_manifest *const manifest = job->manifest;
    int64_t number = 2;
    for (char *line = next_line(&text); line != NULL; line = next_line(&text)) {
        if (line[0] != '\0') {
            PR_TRY(read_row(job, number, line, &manifest->rows[manifest->n]));
            manifest->n++;
        }
        number++;
    }
    PR_REQUIRE(manifest->n > 0, PR_ERR_FORMAT, "%s: lists no crops", manifest->name);
    return sort_rows(manifest);
}

static pr_status parse(parsing *job, size_t n_bytes)
{
    pr_manifest *const manifest = job->manifest;
    char *text = manifest->text;
    PR_REQUIRE(strlen(text) == n_bytes, PR_ERR_FORMAT, "%s: a NUL at byte %zu: no text",
               manifest->name, strlen(text));
    int64_t n_lines = 1;
    for (const char *at = text; *at != '\0'; at++) {
        n_lines += *at == '\n';
    }
    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    char *const line = next_line(&text);
    PR_REQUIRE(line != NULL && line[0] != '\0', PR_ERR_FORMAT, "%s: has no header line",
               manifest->name);
    PR_TRY(read_header(job, line));
    manifest->rows = pr_calloc(n_lines, sizeof(*manifest->rows));
    PR_REQUIRE(manifest->rows != NULL, PR_ERR_NOMEM, "%s: no memory for %lld lines", manifest->name,
               (long long)n_lines);
    return parse_rows(job, text);
}

/* TEXT_TAKE belongs to the manifest from here on, whatever happens. */
static pr_status parse_take(const char *name, char *text_take, size_t n_bytes, const char *dataset,
                            pr_manifest **out)
{
    pr_manifest *manifest = pr_calloc(1, sizeof(*manifest));
    if (manifest == NULL) {
        pr_free(text_take);
        return PR_FAIL(PR_ERR_NOMEM, "%s: out of memory", name);
    }
    manifest->text = text_take;
    char folder[PR_PATH_BYTES];
    pr_fs_folder_of(folder, name);
    manifest->name = pr_strdup(name);
    manifest->folder = pr_strdup(folder);
    pr_status status = PR_OK;
    if (manifest->name == NULL || manifest->folder == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "%s: no memory for the path", name);
    }
    parsing job = {.manifest = manifest, .dataset = dataset};
    status = status == PR_OK ? parse(&job, n_bytes) : status;
    if (status != PR_OK) {
        pr_manifest_destroy(&manifest);
        return status;
    }
    *out = manifest;
    return PR_OK;
}

pr_status pr_manifest_parse(const char *name, const char *text, size_t n_bytes, const char *dataset,
                            pr_manifest **out)
{
    char *const copy = pr_calloc((int64_t)n_bytes + 1, 1);
    PR_REQUIRE(copy != NULL, PR_ERR_NOMEM, "%s: no memory for %zu bytes", name, n_bytes);
    memcpy(copy, text, n_bytes);
    return parse_take(name, copy, n_bytes, dataset, out);
}

pr_status pr_manifest_read(const char *path, const char *dataset, pr_manifest **out)
{
    char name[PR_PATH_BYTES];
    char *text = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_join(name, "", path));
    if (pr_fs_is_folder(path)) {
        PR_TRY(pr_fs_join(name, path, "manifest.tsv"));
    }
    const char *const wrong = dataset != NULL ? pr__word_check(dataset) : NULL;
    PR_REQUIRE(wrong == NULL && (dataset == NULL || dataset[0] != '\0'), PR_ERR_INVALID,
               "--dataset '%.60s' %s", dataset, wrong != NULL ? wrong : "is empty");
    PR_TRY(pr_fs_read(name, &text, &n_bytes));
    return parse_take(name, text, n_bytes, dataset, out);
}

void pr_manifest_destroy(pr_manifest **manifest)
{
    if (*manifest != NULL) {
        pr_free((*manifest)->name);
        pr_free((*manifest)->folder);
        pr_free((*manifest)->text);
        pr_free((*manifest)->rows);
        pr_free(*manifest);
        *manifest = NULL;
    }
}
