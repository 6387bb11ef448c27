/* Tables of landmarks: what they say, and every way of saying it wrong. */
#include "dataset/landmarks.h"
#include "engine/base/text.h"
#include "tests/check.h"

/* A table of N faces of FILE; WRONG, unless NULL, stands in COLUMN of the last row. */
static pr_text table_of(const char *const *files, int n, int column, const char *wrong)
{
    pr_text text = {0};
    CHECK_OK(pr_text_add(&text, "file\twidth\theight\tscore\tbox_x\tbox_y\tbox_w\tbox_h"));
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        CHECK_OK(pr_text_add(&text, "\tx%d\ty%d", i, i));
    }
    for (int row = 0; row < n; row++) {
        CHECK_OK(pr_text_add(&text, "\n%s", files[row]));
        for (int c = 1; c < 8 + 2 * PR_N_LANDMARKS; c++) {
            static const int first[] = {0, 100, 80, 1, 20, 10, 50, 60};
            const double value = c < 8 ? first[c] : 20 + 0.25 * c + row;
            if (row == n - 1 && c == column) {
                CHECK_OK(pr_text_add(&text, "%s%s", wrong[0] == '\0' ? "" : "\t", wrong));
            } else {
                CHECK_OK(pr_text_add(&text, "\t%g", value));
            }
        }
    }
    CHECK_OK(pr_text_add(&text, "\r\n"));
    return text;
}

static pr_status parse(const pr_text *text, const char *owners, bool strict, pr_face_table **out)
{
    return pr_face_table_parse("marks.tsv", pr_text_chars(text), text->n_chars, "who.tsv", owners,
                               owners != NULL ? strlen(owners) : 0, strict, out);
}

static const char *const FILES[2] = {"b/2.jpg", "a/1.png"};
static const char *const OWNERS = "licence\tidentity\tfile\n"
                                  "x\tbob\tb/2.jpg\nx\tann\ta/1.png\nx\tann\ta/1.tem\n";

static void check_reading(void)
{
    pr_face_table *table = NULL;
    const char *first = NULL;
    pr_text text = table_of(FILES, 2, -1, NULL);
    CHECK_OK(parse(&text, OWNERS, true, &table));
    CHECK(pr_face_table_n(table) == 2, "%lld faces", (long long)pr_face_table_n(table));
    const pr_face *const face = pr_face_table_at(table, 0);
    CHECK(strcmp(face->file, "a/1.png") == 0 && strcmp(face->identity, "ann") == 0, "%s of %s",
          face->file, face->identity);
    CHECK(face->width == 100 && face->height == 80 && face->box_h == 60, "size");
    CHECK(face->points[67][0] == 20 + 0.25 * 142 + 1 && face->points[0][1] == 20 + 0.25 * 9 + 1,
          "points are %g, %g", face->points[67][0], face->points[0][1]);
    CHECK(pr_face_table_n_without(table, &first) == 0 && first[0] == '\0', "none is without");
    pr_face_table_destroy(&table);

    /* Without owners every picture is its own. */
    CHECK_OK(parse(&text, NULL, true, &table));
    CHECK(pr_face_table_n(table) == 2, "%lld faces alone", (long long)pr_face_table_n(table));
    CHECK(strcmp(pr_face_table_at(table, 1)->identity, "b/2.jpg") == 0, "of %s",
          pr_face_table_at(table, 1)->identity);
    pr_face_table_destroy(&table);

    /* A picture without landmarks is counted, or refused. */
    const char *const three = "file\tidentity\nb/2.jpg\tbob\na/1.png\tann\nc.jpg\teve\n";
    CHECK_OK(parse(&text, three, false, &table));
    CHECK(pr_face_table_n_without(table, &first) == 1 && strcmp(first, "c.jpg") == 0, "%s", first);
    pr_face_table_destroy(&table);
    CHECK_FAILS(parse(&text, three, true, &table), PR_ERR_FORMAT,
                "1 of the 3 pictures of who.tsv have no landmarks, the first is 'c.jpg'");
    pr_text_free(&text);
}

static void check_wrong(int column, const char *wrong, const char *message)
{
    pr_face_table *table = NULL;
    pr_text text = table_of(FILES, 2, column, wrong);
    CHECK_FAILS(parse(&text, OWNERS, false, &table), PR_ERR_FORMAT, message);
    CHECK(table == NULL, "a table came out of '%s'", wrong);
    pr_text_free(&text);
}

static void check_refusals(void)
{
    check_wrong(9, "12x", "marks.tsv:3: y0 = '12x' is not a number (column 10)");
    check_wrong(9, "nan", "y0 = 'nan' is not a number");
    check_wrong(9, "1e999", "y0 = '1e999' is not a number");
    check_wrong(9, "", "marks.tsv:3: 143 columns, the header has 144");
    check_wrong(9, "4\t5", "marks.tsv:3: 145 columns, the header has 144");
    check_wrong(9, "81", "landmark 0 at 23,81 lies outside a/1.png (100 x 80)");
    check_wrong(8, "-1", "landmark 0 at -1,");
    check_wrong(1, "0", "must be at least 1 x 1");
    check_wrong(1, "1e300", "must be at least 1 x 1 and at most 65535");
    check_wrong(4, "100", "the face box 100,10 50 x 60 lies outside");
    check_wrong(6, "-3", "the face box");

    pr_face_table *table = NULL;
    pr_text text = table_of(FILES, 2, -1, NULL);
    CHECK_FAILS(parse(&text, "file\tidentity\nb/2.jpg\tbob\n", false, &table), PR_ERR_FORMAT,
                "marks.tsv:3: 'a/1.png' is not a picture of who.tsv");
    CHECK_FAILS(parse(&text, "file\tidentity\nb/2.jpg\t\n", false, &table), PR_ERR_FORMAT,
                "who.tsv:2: 'b/2.jpg' has no identity");
    CHECK_FAILS(parse(&text, "file\tidentity\na.jpg\tx\na.jpg\ty\n", false, &table), PR_ERR_FORMAT,
                "'a.jpg' stands there twice");
    CHECK_FAILS(parse(&text, "file\tname\n", false, &table), PR_ERR_FORMAT,
                "who.tsv:1: the header has no column 'identity'");
    pr_text_free(&text);
    const char *const twice[2] = {"a/1.png", "a/1.png"};
    text = table_of(twice, 2, -1, NULL);
    CHECK_FAILS(parse(&text, OWNERS, false, &table), PR_ERR_FORMAT,
                "marks.tsv:3: 'a/1.png' stands there twice");
    pr_text_free(&text);
    text = table_of(FILES, 0, -1, NULL);
    CHECK_FAILS(parse(&text, OWNERS, false, &table), PR_ERR_FORMAT, "not one face");
    pr_text_free(&text);
    CHECK_FAILS(pr_face_table_read("/nowhere/marks.tsv", "/nowhere/who.tsv", false, &table),
                PR_ERR_IO, "/nowhere/marks.tsv");
}

/* Each allocation made to fail in turn: a message, and nothing is left. */
static void check_memory(void)
{
    pr_text text = table_of(FILES, 2, -1, NULL);
    int n_failed = 0;
    for (long n = 0; n < 100; n++) {
        pr_face_table *table = NULL;
        pr_alloc_fail_on(n);
        const pr_status status = parse(&text, OWNERS, false, &table);
        pr_alloc_fail_on(-1);
        pr_face_table_destroy(&table);
        if (status == PR_OK) {
            break;
        }
        CHECK(status == PR_ERR_NOMEM, "allocation %ld gave %d", n, (int)status);
        pr_error_clear();
        n_failed++;
    }
    CHECK(n_failed == 5, "%d allocations", n_failed);
    pr_text_free(&text);
}

int main(void)
{
    check_reading();
    check_refusals();
    check_memory();
    return check_exit_code();
}
