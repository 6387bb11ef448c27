/* Manifests: what is accepted in which form, and what each mistake says. */
#include "dataset/manifest.h"
#include "tests/check.h"

static pr_status parse(const char *text, const char *dataset, pr_manifest **out)
{
    return pr_manifest_parse("tree/manifest.tsv", text, strlen(text), dataset, out);
}

static void test_accepted(void)
{
    pr_manifest *unix_lines = NULL;
    pr_manifest *dos_lines = NULL;
    CHECK_OK(parse("dataset\tpath\tlabel\tvideo\tframe\tface_id\n"
                   "d\tx/b.jpg\treal\t001\t10\tp\n"
                   "\n"
                   "d\tx/a.jpg\tfake\t001\t9\t\n",
                   NULL, &unix_lines));
    CHECK_OK(parse("\xef\xbb\xbfpath\tframe\t#note\tlabel\tvideo\tbg_id\r\n"
                   "x\\a.jpg\t9\tany\tfake\t001\t\r\n"
                   "x\\b.jpg\t10\t\treal\t001\tp",
                   "d", &dos_lines));
    const pr_manifest *const both[] = {unix_lines, dos_lines};
    for (int k = 0; k < 2; k++) {
        const pr_manifest *const manifest = both[k];
        CHECK(manifest->n == 2 && strcmp(manifest->folder, "tree") == 0, "%lld in %s",
              (long long)manifest->n, manifest->folder);
        const pr_manifest_row *const a = &manifest->rows[0];
        const pr_manifest_row *const b = &manifest->rows[1];
        CHECK(a->frame == 9 && b->frame == 10, "frames are numbers: %d, %d", a->frame, b->frame);
        CHECK(strcmp(a->path, "x/a.jpg") == 0 && strcmp(b->path, "x/b.jpg") == 0, "%s", a->path);
        CHECK(strcmp(a->dataset, "d") == 0 && strcmp(a->method, "") == 0, "%s", a->dataset);
        CHECK(strcmp(a->bg_video, "") == 0, "a fake's background is not guessed: %s", a->bg_video);
        CHECK(strcmp(b->bg_video, "001") == 0, "a real's is its own: %s", b->bg_video);
        CHECK(strcmp(b->bg_id, "p") == 0 && strcmp(b->face_id, "p") == 0, "%s %s", b->bg_id,
              b->face_id);
    }
    CHECK(unix_lines->rows[0].line == 4 && unix_lines->rows[1].line == 2, "lines");
    pr_manifest_destroy(&unix_lines);
    pr_manifest_destroy(&dos_lines);

    CHECK_OK(parse("path\tlabel\tvideo\tframe\tcrop0\tcrop1\tcrop2\tcrop3\tcrop4\tcrop5\n"
                   "a\treal\tv\t0\t0.5\t0\t-3\t0\t.5\t1e2\n"
                   "b\treal\tv\t1\t\t\t\t\t\t\n",
                   "d", &unix_lines));
    CHECK(unix_lines->rows[0].has_crop && unix_lines->rows[0].crop[5] == 100.0, "crop map");
    CHECK(!unix_lines->rows[1].has_crop, "an empty crop map is unknown");
    pr_manifest_destroy(&unix_lines);
}

#define HEAD "dataset\tpath\tlabel\tvideo\tframe\n"

static void test_mistakes(void)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "manifest.tsv: has no header line"},
        {HEAD, "manifest.tsv: lists no crops"},
        {"dataset\tpath\tlabel\tframe\n", ":1: no column 'video'"},
        {"path\tlabel\tvideo\tframe\n", ":1: no column 'dataset', and no --dataset"},
        {"dataset\tpath\tlabel\tvideo\tfrane\n",
         ":1: unknown column 'frane', did you mean 'frame'?"},
        {"dataset\tpath\tpath\tlabel\tvideo\tframe\n", ":1: two columns 'path'"},
        {"dataset\tpath\tlabel\tvideo\tframe\tcrop0\n", ":1: no column 'crop1'"},
        {"dataset\tpath\tlabel\tvideo\tframe\tcrop3\n", ":1: no column 'crop0'"},
        {HEAD "d\ta\treal\tv\n", ":2: 4 cells, the header has 5"},
        {HEAD "d\ta\tFAKE\tv\t1\n", ":2: label 'FAKE', want real or fake"},
        {HEAD "d\ta\treal\tv\t1\nd\tb\treal\tv\tx1\n", ":3: frame 'x1', want a whole number"},
        {HEAD "d\ta\treal\tv\t-1\n", ":2: frame '-1'"},
        {HEAD "d\ta\treal\tv\t3000000000\n", ":2: frame '3000000000'"},
        {HEAD "d\t\treal\tv\t1\n", ":2: an empty 'path'"},
        {HEAD "d\ta\treal\t\t1\n", ":2: an empty 'video'"},
        {HEAD "a/b\ta\treal\tv\t1\n", ":2: '/' in dataset 'a/b'"},
        {HEAD "d\ta\treal\tv\x01\t1\n", "has a control character"},
        {HEAD "d\ta\treal\tv\t1\nd\tc\treal\tv\t2\nd\tb\tfake\tv\t1\n",
         ":4: the same crop as in line 2: d///v, frame 1, face 0"},
        {"dataset\tpath\tlabel\tvideo\tframe\tbg_video\nd\ta\treal\tv\t1\tw\n",
         ":2: bg_video 'w' of a real crop of video 'v'"},
        {"dataset\tpath\tlabel\tvideo\tframe\tbg_id\tface_id\nd\ta\treal\tv\t1\tp\tq\n",
         ":2: a real crop of two persons"},
        {"dataset\tpath\tlabel\tvideo\tframe\tcrop0\tcrop1\tcrop2\tcrop3\tcrop4\tcrop5\n"
         "d\ta\treal\tv\t1\t1\t2\t3\t\t5\t6\n",
         ":2: 5 of crop0 to crop5 are given"},
        {"dataset\tpath\tlabel\tvideo\tframe\tcrop0\tcrop1\tcrop2\tcrop3\tcrop4\tcrop5\n"
         "d\ta\treal\tv\t1\t1\t2\t3\tnan\t5\t6\n",
         ":2: crop3 'nan', want a number"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        pr_manifest *manifest = NULL;
        CHECK_FAILS(parse(cases[i].text, NULL, &manifest), PR_ERR_FORMAT, cases[i].says);
        CHECK(manifest == NULL, "case %zu", i);
    }
    pr_manifest *manifest = NULL;
    CHECK_FAILS(parse(HEAD "d\ta\treal\tv\t1\n", "e", &manifest), PR_ERR_FORMAT,
                "--dataset e was given too");
    CHECK_FAILS(pr_manifest_parse("m", "dataset\0path", 12, NULL, &manifest), PR_ERR_FORMAT,
                "a NUL at byte 7");
    CHECK_FAILS(pr_manifest_read("/nowhere/manifest.tsv", NULL, &manifest), PR_ERR_IO, "/nowhere");
    CHECK_FAILS(pr_manifest_read("/nowhere", "", &manifest), PR_ERR_INVALID, "is empty");

    char video[257] = "";
    char word[400];
    memset(video, 'v', 256);
    (void)snprintf(word, sizeof(word), HEAD "d\ta\treal\t%s\t1\n", video);
    CHECK_FAILS(parse(word, NULL, &manifest), PR_ERR_FORMAT, "is longer than 255 bytes");
}

static void test_points(void)
{
    float *points = NULL;
    int n = 0;
    CHECK_OK(pr_points_parse("p", "1 2\n\n3.5,\t-4\r\n 5\t6e1 ", &points, &n));
    CHECK(n == 3 && points[2] == 3.5F && points[3] == -4.0F && points[5] == 60.0F, "%d points", n);
    pr_free(points);
    CHECK_FAILS(pr_points_parse("p", "1 2\n3\n4 5\n", &points, &n), PR_ERR_FORMAT,
                "p:2: want two numbers");
    CHECK_FAILS(pr_points_parse("p", "1 2 3\n", &points, &n), PR_ERR_FORMAT, "p:1: want two");
    CHECK_FAILS(pr_points_parse("p", "1 nan\n", &points, &n), PR_ERR_FORMAT, "p:1: want two");
    CHECK_FAILS(pr_points_parse("p", "x y\n", &points, &n), PR_ERR_FORMAT, "p:1: want two");
    CHECK_FAILS(pr_points_parse("p", "\n \n", &points, &n), PR_ERR_FORMAT, "p: holds no points");
}

int main(void)
{
    test_accepted();
    test_mistakes();
    test_points();
    return check_exit_code();
}
