/* Texts that grow, JSON, word lists, near words, numbers, and how long things take. */
#include "engine/base/clock.h"
#include "engine/base/text.h"
#include "tests/check.h"

#include <math.h>

static void test_growth(void)
{
    pr_text text = {0};
    CHECK(strcmp(pr_text_chars(&text), "") == 0, "empty");
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(pr_text_add(&text, "%d,", i));
    }
    CHECK(text.n_chars == strlen(text.chars) && text.n_chars == 3890, "%zu", text.n_chars);
    char **parts = NULL;
    int64_t n = 0;
    CHECK_OK(pr_text_split(text.chars, ',', &parts, &n));
    CHECK(n == 1001 && strcmp(parts[999], "999") == 0 && parts[1000][0] == '\0' &&
              parts[1001] == NULL,
          "%lld parts", (long long)n);
    pr_free(parts);
    pr_text_free(&text);
    for (long k = 0; k < 2; k++) {
        pr_alloc_fail_on(k);
        const pr_status first = pr_text_add(&text, "%300d", 1);
        const pr_status second = first == PR_OK ? pr_text_add(&text, "%9000d", 2) : first;
        pr_alloc_fail_on(-1);
        CHECK(second == PR_ERR_NOMEM, "allocation %ld", k);
        pr_error_clear();
        pr_text_free(&text);
    }
}

static void test_split(void)
{
    char **parts = NULL;
    int64_t n = 0;
    CHECK_OK(pr_text_split(" a , b c,,d ", ',', &parts, &n));
    CHECK(n == 4 && strcmp(parts[0], "a") == 0 && strcmp(parts[1], "b c") == 0 &&
              parts[2][0] == '\0' && strcmp(parts[3], "d") == 0,
          "%lld", (long long)n);
    pr_free(parts);
    CHECK_OK(pr_text_split("", ',', &parts, &n));
    CHECK(n == 0 && parts[0] == NULL, "no parts");
    pr_free(parts);
}

static void test_json(void)
{
    pr_text text = {0};
    CHECK_OK(pr_text_add_json(&text, "a\"b\\c\nd\te\x01\xc3\xbc"));
    CHECK(strcmp(text.chars, "\"a\\\"b\\\\c\\nd\\te\\u0001\xc3\xbc\"") == 0, "%s", text.chars);
    pr_text_free(&text);
    CHECK_OK(pr_text_add_json_real(&text, 0.1));
    CHECK_OK(pr_text_add_json_real(&text, NAN));
    CHECK(strcmp(text.chars, "0.10000000000000001null") == 0, "%s", text.chars);
    pr_text_free(&text);
}

static void test_nearest(void)
{
    static const char *const words[] = {"optim.lr", "optim.momentum", "train.n_micro"};
    CHECK(pr_text_distance("abc", "abc") == 0 && pr_text_distance("abc", "acb") == 1 &&
              pr_text_distance("", "abc") == 3 && pr_text_distance("kitten", "sitting") == 3,
          "distances");
    const char *const near = pr_text_nearest("optim.momemtum", words, 3);
    CHECK(near == words[1], "%s", near);
    CHECK(pr_text_nearest("zzzzzzzzzz", words, 3) == NULL, "nothing is near");
    CHECK(pr_text_nearest("a", words, 0) == NULL, "no words");
}

static void test_clean(void)
{
    static const char *const clean[] = {
        "",         "a b",          "\xc3\xbc",        "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\xc2\xa0", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"};
    /* Controls; pieces of characters; too long encodings; surrogates; marks; beyond Unicode. */
    static const char *const dirty[] = {
        "a\tb",         "a\n",          "\x7f",         "\xc2\x85",     "\xe2\x80\xa8",
        "\x80",         "\xff",         "\xc3",         "\xe2\x82",     "\xe2(\xa1",
        "\xf0\x9f\x98", "\xc0\xaf",     "\xc1\xbf",     "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
        "\xed\xa0\x80", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
        CHECK(pr_text_is_clean(clean[i], strlen(clean[i])), "clean text %zu", i);
    }
    for (size_t i = 0; i < sizeof(dirty) / sizeof(dirty[0]); i++) {
        CHECK(!pr_text_is_clean(dirty[i], strlen(dirty[i])), "dirty text %zu", i);
    }
    CHECK(!pr_text_is_clean("a\0b", 3), "a zero byte");
}

static void test_numbers(void)
{
    int64_t i = 5;
    double x = 5.0;
    CHECK(pr_text_to_int("-12", &i) && i == -12, "%lld", (long long)i);
    CHECK(!pr_text_to_int("1x", &i) && !pr_text_to_int("", &i) && !pr_text_to_int(" 1", &i) &&
              !pr_text_to_int("9223372036854775808", &i) && i == -12,
          "no whole numbers");
    CHECK(pr_text_to_real("1e-3", &x) && x == 1e-3, "%g", x);
    CHECK(!pr_text_to_real("inf", &x) && !pr_text_to_real("nan", &x) &&
              !pr_text_to_real("1e400", &x) && !pr_text_to_real("1,5", &x) && x == 1e-3,
          "no numbers");
    char text[PR_CLOCK_TEXT_BYTES];
    pr_clock_duration(text, 3725.0);
    CHECK(strcmp(text, "1 h 02 min") == 0, "%s", text);
    pr_clock_duration(text, 65.4);
    CHECK(strcmp(text, "1 min 05 s") == 0, "%s", text);
    pr_clock_duration(text, 1.25);
    CHECK(strcmp(text, "1.2 s") == 0, "%s", text);
    pr_clock_now(text);
    CHECK(strlen(text) == 20 && text[19] == 'Z', "%s", text);
}

int main(void)
{
    test_growth();
    test_split();
    test_json();
    test_nearest();
    test_clean();
    test_numbers();
    return check_exit_code();
}
