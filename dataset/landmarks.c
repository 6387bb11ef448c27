#include "dataset/landmarks.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 1024, N_NUMBERS = 6 + 2 * PR_N_LANDMARKS };

/* A table of text, cut into NUL-terminated fields in place. */
typedef struct tsv {
    const char *name; /* for messages */
    char *text;       /* owned; fields are cut in it */
    char *next;       /* where the next line starts, NULL at the end */
    int line;         /* of the fields below, from 1 */
    char *fields[MAX_COLUMNS];
    int n_fields;
    char *header[MAX_COLUMNS];
    int n_columns;
} tsv;

/* Whose picture a file is. */
typedef struct owner {
    const char *file, *identity;
    bool used;
} owner;

struct pr_face_table {
    tsv landmarks, identities; /* hold the text that faces and owners point into */
    pr_face *faces;
    int64_t n_faces;
    owner *owners;
    int64_t n_owners;
    int64_t n_without;
    const char *first_without;
};

static pr_status split_line(tsv *t, char **fields, int *n_fields)
{
    char *at = t->next;
    char *const end = strchr(at, '\n');
    t->next = end != NULL ? end + 1 : NULL;
    if (end != NULL) {
        *end = '\0';
    }
    t->line++;
    const size_t n_chars = strlen(at);
    if (n_chars > 0 && at[n_chars - 1] == '\r') {
        at[n_chars - 1] = '\0';
    }
    *n_fields = 0;
    for (;;) {
        PR_REQUIRE(*n_fields < MAX_COLUMNS, PR_ERR_FORMAT, "%s:%d: more than %d columns", t->name,
                   t->line, MAX_COLUMNS);
        fields[(*n_fields)++] = at;
        char *const tab = strchr(at, '\t');
        if (tab == NULL) {
            return PR_OK;
        }
        *tab = '\0';
        at = tab + 1;
    }
}

/* Zeroed room for one object of SIZE bytes for each line that is left. */
static pr_status tsv_room(const tsv *t, size_t size, void **out)
{
    int64_t n = 1;
    for (const char *at = t->next; at != NULL && *at != '\0'; at++) {
        n += *at == '\n';
    }
    *out = pr_calloc(n, size);
    PR_REQUIRE(*out != NULL, PR_ERR_NOMEM, "%s: %lld rows", t->name, (long long)n);
    return PR_OK;
}

/* Cuts the header, and gives zeroed room for one object of SIZE bytes a row. */
static pr_status tsv_open(tsv *t, const char *name, const char *text, size_t n_bytes, size_t size,
                          void **room)
{
    t->name = name;
    PR_REQUIRE(memchr(text, '\0', n_bytes) == NULL, PR_ERR_FORMAT,
               "%s: a zero byte stands in the text", name);
    t->text = pr_calloc((int64_t)n_bytes + 1, 1);
    PR_REQUIRE(t->text != NULL, PR_ERR_NOMEM, "%s: %zu bytes of text", name, n_bytes);
    memcpy(t->text, text, n_bytes);
    t->next = t->text;
    PR_TRY(split_line(t, t->header, &t->n_columns));
    return tsv_room(t, size, room);
}

/* Cuts the next line that is not empty; *MORE says whether there was one. */
static pr_status tsv_next(tsv *t, bool *more)
{
    *more = false;
    while (t->next != NULL) {
        if (*t->next == '\0') {
            return PR_OK;
        }
        PR_TRY(split_line(t, t->fields, &t->n_fields));
        if (t->n_fields == 1 && t->fields[0][0] == '\0') {
            continue;
        }
        PR_REQUIRE(t->n_fields == t->n_columns, PR_ERR_FORMAT,
                   "%s:%d: %d columns, the header has %d", t->name, t->line, t->n_fields,
                   t->n_columns);
        *more = true;
        return PR_OK;
    }
    return PR_OK;
}

static pr_status column_of(const tsv *t, const char *word, int *out)
{
    for (int i = 0; i < t->n_columns; i++) {
        if (strcmp(t->header[i], word) == 0) {
            *out = i;
            return PR_OK;
        }
    }
    return PR_FAIL(PR_ERR_FORMAT, "%s:1: the header has no column '%s'", t->name, word);
}

static pr_status number_at(const tsv *t, int column, double *out)
{
    const char *const text = t->fields[column];
    double value = 0;
    PR_REQUIRE(pr_text_to_real(text, &value) && isfinite(value), PR_ERR_FORMAT,
               "%s:%d: %s = '%s' is not a number (column %d)", t->name, t->line, t->header[column],
               text, column + 1);
    *out = value;
    return PR_OK;
}

static bool is_picture(const char *file)
{
    const char *const dot = strrchr(file, '.');
    return dot != NULL && (strcmp(dot, ".jpg") == 0 || strcmp(dot, ".jpeg") == 0 ||
                           strcmp(dot, ".JPG") == 0 || strcmp(dot, ".png") == 0);
}

static int by_owner_file(const void *a, const void *b)
{
    return strcmp(((const owner *)a)->file, ((const owner *)b)->file);
}

static int by_face_file(const void *a, const void *b)
{
    return strcmp(((const pr_face *)a)->file, ((const pr_face *)b)->file);
}

/* One line, if it is a picture's. */
static pr_status read_owner(pr_face_table *table, int file, int identity)
{
    const tsv *const t = &table->identities;
    if (!is_picture(t->fields[file])) {
        return PR_OK;
    }
    PR_REQUIRE(t->fields[identity][0] != '\0', PR_ERR_FORMAT, "%s:%d: '%s' has no identity",
               t->name, t->line, t->fields[file]);
    table->owners[table->n_owners++] =
        (owner){.file = t->fields[file], .identity = t->fields[identity]};
    return PR_OK;
}

static pr_status sort_owners(pr_face_table *table)
{
    if (table->n_owners == 0) {
        return PR_OK;
    }
    qsort(table->owners, (size_t)table->n_owners, sizeof(owner), by_owner_file);
    for (int64_t i = 1; i < table->n_owners; i++) {
        PR_REQUIRE(strcmp(table->owners[i - 1].file, table->owners[i].file) != 0, PR_ERR_FORMAT,
                   "%s: '%s' stands there twice", table->identities.name, table->owners[i].file);
    }
    return PR_OK;
}

static pr_status read_owners(pr_face_table *table, const char *name, const char *text,
                             size_t n_bytes, const char *column)
{
    tsv *const t = &table->identities;
    int file = 0;
    int identity = 0;
    void *room = NULL;
    PR_TRY(tsv_open(t, name, text, n_bytes, sizeof(owner), &room));
    table->owners = room;
    PR_TRY(column_of(t, "file", &file));
    PR_TRY(column_of(t, column, &identity));
    bool more = false;
    PR_TRY(tsv_next(t, &more));
    while (more) {
        PR_TRY(read_owner(table, file, identity));
        PR_TRY(tsv_next(t, &more));
    }
    return sort_owners(table);
}

typedef struct face_columns {
    int file;
    int numbers[N_NUMBERS]; /* width, height, box, points */
} face_columns;

static pr_status find_columns(const tsv *t, face_columns *out)
{
    static const char *const FIRST[6] = {"width", "height", "box_x", "box_y", "box_w", "box_h"};
    PR_TRY(column_of(t, "file", &out->file));
    for (int i = 0; i < N_NUMBERS; i++) {
        char word[16];
        if (i >= 6) {
            (void)snprintf(word, sizeof(word), "%c%d", i % 2 == 0 ? 'x' : 'y', (i - 6) / 2);
        }
        PR_TRY(column_of(t, i < 6 ? FIRST[i] : word, &out->numbers[i]));
    }
    return PR_OK;
}

static pr_status check_face(const tsv *t, const pr_face *face)
{
    enum { MAX_SIDE_PX = 65535 };
    PR_REQUIRE(face->width >= 1 && face->height >= 1, PR_ERR_FORMAT,
               "%s:%d: %s is %d x %d pixels, must be at least 1 x 1 and at most %d a side", t->name,
               t->line, face->file, face->width, face->height, MAX_SIDE_PX);
    /* A detector may let its box hang over the edge, but not miss the picture. */
    PR_REQUIRE(face->box_w > 0 && face->box_h > 0 && face->box_x < face->width &&
                   face->box_y < face->height && face->box_x + face->box_w > 0 &&
                   face->box_y + face->box_h > 0,
               PR_ERR_FORMAT, "%s:%d: the face box %g,%g %g x %g lies outside %s (%d x %d)",
               t->name, t->line, face->box_x, face->box_y, face->box_w, face->box_h, face->file,
               face->width, face->height);
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        const double x = face->points[i][0];
        const double y = face->points[i][1];
        PR_REQUIRE(x >= 0 && y >= 0 && x <= face->width && y <= face->height, PR_ERR_FORMAT,
                   "%s:%d: landmark %d at %g,%g lies outside %s (%d x %d)", t->name, t->line, i, x,
                   y, face->file, face->width, face->height);
    }
    return PR_OK;
}

static pr_status read_face(const tsv *t, const face_columns *columns, pr_face *face)
{
    double v[N_NUMBERS];
    for (int i = 0; i < N_NUMBERS; i++) {
        PR_TRY(number_at(t, columns->numbers[i], &v[i]));
    }
    face->file = t->fields[columns->file];
    face->width = v[0] >= 1 && v[0] <= 65535 ? (int)v[0] : 0;
    face->height = v[1] >= 1 && v[1] <= 65535 ? (int)v[1] : 0;
    face->box_x = v[2];
    face->box_y = v[3];
    face->box_w = v[4];
    face->box_h = v[5];
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        face->points[i][0] = v[6 + 2 * i];
        face->points[i][1] = v[7 + 2 * i];
    }
    return check_face(t, face);
}

/* Marks the picture of FACE as one that has landmarks. */
static pr_status find_owner(pr_face_table *table, pr_face *face)
{
    const tsv *const t = &table->landmarks;
    const owner wanted = {.file = face->file};
    owner *const found = table->n_owners == 0
                             ? NULL
                             : bsearch(&wanted, table->owners, (size_t)table->n_owners,
                                       sizeof(owner), by_owner_file);
    PR_REQUIRE(found != NULL, PR_ERR_FORMAT, "%s:%d: '%s' is not a picture of %s", t->name, t->line,
               face->file, table->identities.name);
    PR_REQUIRE(!found->used, PR_ERR_FORMAT, "%s:%d: '%s' stands there twice", t->name, t->line,
               face->file);
    found->used = true;
    face->identity = found->identity;
    return PR_OK;
}

static pr_status add_face(pr_face_table *table, const face_columns *columns)
{
    pr_face *const face = &table->faces[table->n_faces];
    PR_TRY(read_face(&table->landmarks, columns, face));
    PR_TRY(find_owner(table, face));
    table->n_faces++;
    return PR_OK;
}

static pr_status read_faces(pr_face_table *table, const char *name, const char *text,
                            size_t n_bytes)
{
    tsv *const t = &table->landmarks;
    face_columns columns;
    void *room = NULL;
    PR_TRY(tsv_open(t, name, text, n_bytes, sizeof(pr_face), &room));
    table->faces = room;
    PR_TRY(find_columns(t, &columns));
    bool more = false;
    PR_TRY(tsv_next(t, &more));
    while (more) {
        PR_TRY(add_face(table, &columns));
        PR_TRY(tsv_next(t, &more));
    }
    if (table->n_faces > 0) {
        qsort(table->faces, (size_t)table->n_faces, sizeof(pr_face), by_face_file);
    }
    return PR_OK;
}

static pr_status parse_into(pr_face_table *table, const char *name, const char *text,
                            size_t n_bytes, const char *identity_name, const char *identity_text,
                            size_t n_identity_bytes, bool strict)
{
    PR_TRY(identity_text != NULL
               ? read_owners(table, identity_name, identity_text, n_identity_bytes, "identity")
               : read_owners(table, name, text, n_bytes, "file"));
    PR_TRY(read_faces(table, name, text, n_bytes));
    table->first_without = "";
    for (int64_t i = 0; i < table->n_owners; i++) {
        if (!table->owners[i].used) {
            table->first_without =
                table->n_without == 0 ? table->owners[i].file : table->first_without;
            table->n_without++;
        }
    }
    PR_REQUIRE(!strict || table->n_without == 0, PR_ERR_FORMAT,
               "%s: %lld of the %lld pictures of %s have no landmarks, the first is '%s'", name,
               (long long)table->n_without, (long long)table->n_owners, identity_name,
               table->first_without);
    PR_REQUIRE(table->n_faces > 0, PR_ERR_FORMAT, "%s: not one face", name);
    return PR_OK;
}

pr_status pr_face_table_parse(const char *name, const char *text, size_t n_bytes,
                              const char *identity_name, const char *identity_text,
                              size_t n_identity_bytes, bool strict, pr_face_table **out)
{
    pr_face_table *table = pr_calloc(1, sizeof(*table));
    PR_REQUIRE(table != NULL, PR_ERR_NOMEM, "%s: the table of faces", name);
    const pr_status status = parse_into(table, name, text, n_bytes, identity_name, identity_text,
                                        n_identity_bytes, strict);
    if (status != PR_OK) {
        pr_face_table_destroy(&table);
        return status;
    }
    *out = table;
    return PR_OK;
}

pr_status pr_face_table_read(const char *landmarks, const char *identities, bool strict,
                             pr_face_table **out)
{
    char *text = NULL;
    char *identity_text = NULL;
    size_t n_bytes = 0;
    size_t n_identity_bytes = 0;
    pr_status status = pr_fs_read(landmarks, &text, &n_bytes);
    if (status == PR_OK && identities != NULL) {
        status = pr_fs_read(identities, &identity_text, &n_identity_bytes);
    }
    if (status == PR_OK) {
        status = pr_face_table_parse(landmarks, text, n_bytes, identities, identity_text,
                                     n_identity_bytes, strict, out);
    }
    pr_free(text);
    pr_free(identity_text);
    return status;
}

void pr_face_table_destroy(pr_face_table **table)
{
    if (*table == NULL) {
        return;
    }
    pr_free((*table)->landmarks.text);
    pr_free((*table)->identities.text);
    pr_free((*table)->faces);
    pr_free((*table)->owners);
    pr_free(*table);
    *table = NULL;
}

int64_t pr_face_table_n(const pr_face_table *table)
{
    return table->n_faces;
}

const pr_face *pr_face_table_at(const pr_face_table *table, int64_t i)
{
    return &table->faces[i];
}

int64_t pr_face_table_n_without(const pr_face_table *table, const char **first)
{
    *first = table->first_without;
    return table->n_without;
}
