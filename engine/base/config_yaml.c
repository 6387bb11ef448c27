/* YAML text to flat settings, by libyaml's events: nothing is held but the way to the current key. */
#include "engine/base/config_private.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 16 };

typedef struct frame {
    bool is_list;
    bool wants_key;     /* map */
    size_t n_prefix;    /* characters of the way down to here */
    int64_t n_elements; /* list */
    bool has_words, has_maps;
    bool has_keys; /* map */
    int line;
} frame;

typedef struct flattener {
    const char *file;
    int line;
    bool needs_map; /* the text must be a map: a file, not the value of --set */
    int n_documents;
    pr_text way;   /* the current key */
    pr_text words; /* of the list that is open */
    frame frames[MAX_DEPTH];
    int depth;
    pr_settings *settings;
} flattener;

#define REQUIRE_AT(f, cond, ...) REQUIRE_AT_((f), (cond), __VA_ARGS__, "")
#define REQUIRE_AT_(f, cond, fmt, ...)                                                             \
    PR_REQUIRE(cond, PR_ERR_INVALID, "%s:%d: " fmt "%s", (f)->file, (f)->line, __VA_ARGS__)

static frame *top(flattener *f)
{
    return f->depth > 0 ? &f->frames[f->depth - 1] : NULL;
}

static void cut_way(flattener *f, size_t n_chars)
{
    f->way.n_chars = n_chars;
    f->way.chars[n_chars] = '\0';
}

static pr_status extend_way(flattener *f, size_t n_prefix, const char *name)
{
    cut_way(f, n_prefix);
    PR_TRY(pr_text_add(&f->way, "%s%s", n_prefix > 0 ? "." : "", name));
    REQUIRE_AT(f, f->way.n_chars <= MAX_KEY_CHARS, "a key longer than 256 characters: %.40s...",
               f->way.chars);
    return PR_OK;
}

static pr_status add_setting(flattener *f, const char *value, bool is_list, int line)
{
    const pr_setting *const before = pr_settings_find(f->settings, f->way.chars);
    if (before != NULL) {
        return PR_FAIL(PR_ERR_INVALID, "%s:%d: %s is given in line %d already", f->file, line,
                       f->way.chars, before->line);
    }
    const pr_setting setting = {f->way.chars, value, f->file, line, is_list};
    return pr__settings_append(f->settings, &setting);
}

static pr_status take_key(flattener *f, frame *map, const char *text)
{
    const bool is_row_name = map->n_prefix == 4 && strncmp(f->way.chars, "rows", 4) == 0;
    REQUIRE_AT(f,
               text[0] != '\0' && text[0] != '.' && text[strlen(text) - 1] != '.' &&
                   strstr(text, "..") == NULL,
               "'%s' is no key", text);
    REQUIRE_AT(f, !is_row_name || strchr(text, '.') == NULL, "the row's name '%s' has a dot in it",
               text);
    map->wants_key = false;
    map->has_keys = true;
    return extend_way(f, map->n_prefix, text);
}

static pr_status take_scalar(flattener *f, const yaml_event_t *event)
{
    const char *const text = (const char *)event->data.scalar.value;
    REQUIRE_AT(f, pr_text_is_clean(text, event->data.scalar.length),
               "a control character or line feed in a text");
    frame *const here = top(f);
    if (here != NULL && !here->is_list && here->wants_key) {
        return take_key(f, here, text);
    }
    REQUIRE_AT(f, text[0] != '\0' || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE,
               "%s has no value (the empty text is \"\")", f->way.chars);
    if (here == NULL) {
        REQUIRE_AT(f, !f->needs_map, "'%.40s' where `key: value` was wanted", text);
        return add_setting(f, text, false, f->line);
    }
    if (here->is_list) {
        REQUIRE_AT(f, !here->has_maps, "%s is a list of maps and of words", f->way.chars);
        here->has_words = true;
        return pr_text_add(&f->words, "%s\n", text);
    }
    here->wants_key = true;
    return add_setting(f, text, false, f->line);
}

static pr_status open_frame(flattener *f, bool is_list)
{
    frame *const here = top(f);
    REQUIRE_AT(f, f->depth < MAX_DEPTH, "more than 16 levels of nesting at %s", f->way.chars);
    REQUIRE_AT(f, here == NULL || here->is_list || !here->wants_key,
               "a key must be a word, not a %s", is_list ? "list" : "map");
    REQUIRE_AT(f, !is_list || here != NULL || !f->needs_map,
               "a list where `key: value` was wanted");
    if (here != NULL && here->is_list) {
        REQUIRE_AT(f, !is_list, "%s: a list within a list", f->way.chars);
        REQUIRE_AT(f, !here->has_words, "%s is a list of words and of maps", f->way.chars);
        here->has_maps = true;
        char number[24];
        (void)snprintf(number, sizeof(number), "%lld", (long long)here->n_elements++);
        PR_TRY(extend_way(f, here->n_prefix, number));
    } else if (here != NULL) {
        here->wants_key = true; /* once this value is over */
    }
    if (is_list) {
        f->words.n_chars = 0;
        PR_TRY(pr_text_add_bytes(&f->words, "", 0));
    }
    f->frames[f->depth++] =
        (frame){.is_list = is_list, .wants_key = true, .n_prefix = f->way.n_chars, .line = f->line};
    return PR_OK;
}

/* Whether the way leads to a row of a table. */
static bool is_at_row(const flattener *f)
{
    const char *name = NULL;
    return pr__key_is_below(f->way.chars, "rows", &name) && strchr(name, '.') == NULL;
}

/* An empty map says nothing, but for a row that is the table's other keys as they are. */
static pr_status close_frame(flattener *f)
{
    const frame closed = f->frames[--f->depth];
    cut_way(f, closed.n_prefix);
    if (!closed.is_list) {
        return closed.has_keys || !is_at_row(f) ? PR_OK : add_setting(f, "", false, closed.line);
    }
    PR_TRY(pr__settings_note_list(f->settings, f->way.chars));
    return closed.has_maps ? PR_OK : add_setting(f, f->words.chars, true, closed.line);
}

static pr_status take_event(flattener *f, const yaml_event_t *event)
{
    f->line = (int)event->start_mark.line + 1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        f->n_documents++;
        REQUIRE_AT(f, f->n_documents == 1, "a second YAML document; one was wanted");
        return PR_OK;
    case YAML_ALIAS_EVENT:
        REQUIRE_AT(f, false, "an alias (*%s): write the value out",
                   (const char *)event->data.alias.anchor);
        return PR_OK;
    case YAML_SCALAR_EVENT:
        return take_scalar(f, event);
    case YAML_MAPPING_START_EVENT:
        return open_frame(f, false);
    case YAML_SEQUENCE_START_EVENT:
        return open_frame(f, true);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return close_frame(f);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return PR_OK;
}

static pr_status take_all(flattener *f, yaml_parser_t *parser)
{
    for (bool ends = false; !ends;) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0) {
            const size_t line = parser->problem_mark.line + 1;
            PR_REQUIRE(parser->error != YAML_MEMORY_ERROR, PR_ERR_NOMEM, "%s: no memory to read it",
                       f->file);
            return PR_FAIL(PR_ERR_FORMAT, "%s:%zu: not YAML: %s", f->file, line,
                           parser->problem != NULL ? parser->problem : "unknown error");
        }
        ends = event.type == YAML_STREAM_END_EVENT;
        const pr_status status = take_event(f, &event);
        yaml_event_delete(&event);
        PR_TRY(status);
    }
    return PR_OK;
}

pr_status pr__yaml_flatten(const char *file, const char *yaml, size_t n_bytes, const char *prefix,
                           pr_settings *settings)
{
    yaml_parser_t parser;
    PR_REQUIRE(yaml_parser_initialize(&parser) == 1, PR_ERR_NOMEM, "%s: no memory to read it",
               file);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, n_bytes);
    flattener f = {.file = file, .needs_map = prefix[0] == '\0', .settings = settings};
    pr_status status = pr_text_add(&f.way, "%s", prefix);
    if (status == PR_OK) {
        status = take_all(&f, &parser);
    }
    pr_text_free(&f.way);
    pr_text_free(&f.words);
    yaml_parser_delete(&parser);
    return status;
}
