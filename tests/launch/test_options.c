/* The parser of a command's words: every kind, lists with and without commas, every message. */
#include "launch/command.h"
#include "tests/check.h"

typedef struct values {
    bool flag;
    const char *word, *must;
    int64_t number;
    double real;
    const char *list[PR_OPTION_LIST_MAX], *set[PR_OPTION_LIST_MAX];
    const char *positional[2];
    int n_positional;
    bool helped;
} values;

enum { MAX_WORDS = 160, WORD_BYTES = 64 };

/* Parses the command "toy" with WORDS, one string with a line feed behind each. Options point into
 * the words, as they do into argv. */
static pr_status parse(const char *words, values *v)
{
    static char text[MAX_WORDS * WORD_BYTES];
    static char name[] = "toy";
    char *argv[MAX_WORDS + 1] = {name};
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", words);
    for (char *at = text; *at != '\0' && argc < MAX_WORDS;) {
        argv[argc++] = at;
        at += strcspn(at, "\n");
        *at++ = '\0';
    }
    *v = (values){0};
    const pr_option options[] = {
        {"flag", PR_OPTION_FLAG, "false", 0, 0, &v->flag, "a flag"},
        {"word", PR_OPTION_WORD, "usual", 0, 0, &v->word, "a word"},
        {"must", PR_OPTION_WORD, "!", 0, 0, &v->must, "what must be given"},
        {"number", PR_OPTION_INT, "7", 1, 100, &v->number, "a number"},
        {"real", PR_OPTION_REAL, "0.5", 0, 0, &v->real, "a real number"},
        {"list", PR_OPTION_LIST, "0.6,0.4", 0, 0, v->list, "words"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, v->set, "key=value"},
    };
    const pr_command_call call = {.argc = argc, .argv = argv};
    return pr_options_parse(&call, "toy", options, (int)(sizeof(options) / sizeof(options[0])),
                            v->positional, 2, &v->n_positional, &v->helped);
}

static bool is_list(const char *const *list, const char *a, const char *b, const char *c)
{
    const char *const wanted[] = {a, b, c};
    int i = 0;
    for (; i < 3 && wanted[i] != NULL; i++) {
        if (list[i] == NULL || strcmp(list[i], wanted[i]) != 0) {
            return false;
        }
    }
    return list[i] == NULL;
}

static void test_values(void)
{
    values v;
    CHECK_OK(parse("--must\nx\n", &v));
    CHECK(!v.flag && strcmp(v.word, "usual") == 0 && v.number == 7 && v.real == 0.5, "defaults");
    CHECK(is_list(v.list, "0.6", "0.4", NULL) && v.set[0] == NULL, "a list's default");
    CHECK_OK(parse("one\n--must=\n--flag\n--number=100\n--real\n-1e-3\n--word\n--flag\n--\n--two\n",
                   &v));
    CHECK(v.flag && v.must[0] == '\0' && v.number == 100 && v.real == -1e-3, "given");
    CHECK(strcmp(v.word, "--flag") == 0, "the next word is a value, whatever it looks like");
    CHECK(v.n_positional == 2 && strcmp(v.positional[1], "--two") == 0, "behind --");
    CHECK_OK(parse("--must\nx\n--flag=true\n--flag=false\n", &v));
    CHECK(!v.flag, "the last one stands");
}

static void test_lists(void)
{
    values v;
    CHECK_OK(parse("--must\nx\n--list\na,b\n--list=c\n", &v));
    CHECK(is_list(v.list, "a", "b", "c"), "commas and repetition");
    CHECK_OK(parse("--must\nx\n--set\ndata.train.0.split=[a, b]\n--set=model.width=2\n", &v));
    CHECK(is_list(v.set, "data.train.0.split=[a, b]", "model.width=2", NULL),
          "the commas of a value stay: %s", v.set[0]);
    CHECK_OK(parse("--must\nx\n--set=a={b: 1, c: [2, 3]}\n", &v));
    CHECK(is_list(v.set, "a={b: 1, c: [2, 3]}", NULL, NULL), "%s", v.set[0]);
    static const char one_more[] = "--set\nk=v\n";
    char many[MAX_WORDS * 8] = "--must\nx\n";
    char *end = many + strlen(many);
    for (int i = 0; i < PR_OPTION_LIST_MAX; i++, end += sizeof(one_more) - 1) {
        memcpy(end, one_more, sizeof(one_more));
    }
    CHECK_FAILS(parse(many, &v), PR_ERR_INVALID, "--set has more than 63 words");
}

static void test_messages(void)
{
    static const struct {
        const char *words, *message;
    } cases[] = {
        {"", "toy: --must must be given: what must be given"},
        {"--must\n", "--must without its value"},
        {"--must\nx\n--nubmer\n3\n", "unknown option --nubmer; did you mean --number?"},
        {"--must\nx\n--hlep\n", "did you mean --help?"},
        {"--must\nx\n--zzzzzzzzzz\n", "unknown option --zzzzzzzzzz (pristine toy --help)"},
        {"--must\nx\n-n\n3\n", "unknown option -n; options are --name"},
        {"--must\nx\n--number\n0\n", "--number 0, must be between 1 and 100"},
        {"--must\nx\n--number\n1.5\n", "--number 1.5 is not a whole number"},
        {"--must\nx\n--real\nx\n", "--real x is not a number"},
        {"--must\nx\n--flag=maybe\n", "--flag=maybe, must be true or false"},
        {"--must\nx\na\nb\nc\n", "'c' is one word too many; it takes 2"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        values v;
        CHECK_FAILS(parse(cases[i].words, &v), PR_ERR_INVALID, cases[i].message);
    }
    values v;
    pr_alloc_fail_on(0);
    CHECK_FAILS(parse("--must\nx\n", &v), PR_ERR_NOMEM, "no memory for 7 options");
    pr_alloc_fail_on(-1);
}

int main(void)
{
    test_values();
    test_lists();
    test_messages();
    return check_exit_code();
}
