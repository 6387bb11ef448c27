#include "trainer/board.h"

#include "engine/base/alloc.h"
#include "trainer/hard_sets.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SHOWN = 16, TAG_BYTES = 160 };

/* Of what a line of the log is shown, and before which slash; an evaluation's has its split there. */
static const char *group_of(const json_t *object)
{
    static const struct {
        const char *type, *group;
    } groups[] = {{"step", "train"}, {"val_loss", "val_loss"}};
    const char *const type = json_string_value(json_object_get(object, "type"));
    if (type == NULL) {
        return NULL;
    }
    if (strcmp(type, "eval") == 0) {
        return json_string_value(json_object_get(object, "split"));
    }
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(type, groups[i].type) == 0) {
            return groups[i].group;
        }
    }
    return NULL;
}

/* An evaluation's chosen metric is "value" in the log beside all of them: under its name here, once. */
static const char *shown_key(const json_t *object, const char *key)
{
    const char *const metric = json_string_value(json_object_get(object, "metric"));
    if (metric == NULL || strcmp(key, "value") != 0) {
        return key;
    }
    return json_object_get(object, metric) == NULL ? metric : NULL;
}

static pr_status add_numbers(pr_events *events, json_t *object, const char *group)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        const char *const name = shown_key(object, key);
        if (json_is_number(value) && name != NULL && strcmp(key, "step") != 0) {
            char tag[TAG_BYTES];
            (void)snprintf(tag, sizeof(tag), "%s/%s", group, name);
            PR_TRY(pr_events_scalar(events, tag, json_number_value(value)));
        }
    }
    return pr_events_flush(events, json_integer_value(json_object_get(object, "step")));
}

pr_status pr_board_line(pr_events *events, const char *line)
{
    json_error_t error;
    json_t *const object = json_loads(line, 0, &error);
    PR_REQUIRE(object != NULL, PR_ERR_FORMAT, "a line of the log is no JSON: %s", error.text);
    const char *const group = group_of(object);
    const pr_status status = group == NULL ? PR_OK : add_numbers(events, object, group);
    json_decref(object);
    return status;
}

static pr_status add_parameters(pr_events *events, const pr_store *store)
{
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *const entry = pr_store_at(store, i);
        if (entry->kind == PR_VALUE_PARAM) {
            const pr_tensor values = {entry->desc.dtype, entry->desc.shape, entry->data};
            char tag[TAG_BYTES];
            (void)snprintf(tag, sizeof(tag), "parameters/%s", entry->name);
            PR_TRY(pr_events_histogram(events, tag, &values));
        }
    }
    return PR_OK;
}

static pr_status add_crop(pr_events *events, const char *tag, const pr_samples *samples, int64_t id)
{
    const size_t n_bytes = pr_samples_payload_bytes(samples, id);
    uint8_t *const bytes = pr_calloc((int64_t)n_bytes, 1);
    int width = 0;
    int height = 0;
    PR_REQUIRE(bytes != NULL, PR_ERR_NOMEM, "no memory for a crop of %zu bytes", n_bytes);
    pr_samples_size_px(samples, id, &width, &height);
    pr_status status = pr_samples_read(samples, id, bytes);
    if (status == PR_OK) {
        status = pr_events_image(events, tag, width, height, bytes, n_bytes);
    } else if (status == PR_ERR_FORMAT) {
        pr_error_clear(); /* a bad crop is the feed's to report */
        status = PR_OK;
    }
    pr_free(bytes);
    return status;
}

static pr_status add_hard_crops(pr_events *events, const pr_store *store, const pr_samples *samples)
{
    static const char *const names[] = {"hard reals", "hard fakes"};
    for (int label = 0; label < 2; label++) {
        int64_t ids[MAX_SHOWN];
        double scores[MAX_SHOWN];
        const int64_t n = pr_hard_set_list(store, samples, label, MAX_SHOWN, ids, scores);
        for (int64_t i = 0; i < n; i++) {
            char tag[TAG_BYTES];
            (void)snprintf(tag, sizeof(tag), "%s/%02d", names[label], (int)i);
            PR_TRY(add_crop(events, tag, samples, ids[i]));
        }
    }
    return PR_OK;
}

pr_status pr_board_epoch(pr_events *events, const pr_trainer *trainer, const pr_samples *samples)
{
    PR_TRY(add_parameters(events, trainer->store));
    PR_TRY(add_hard_crops(events, trainer->store, samples));
    return pr_events_flush(events, trainer->position.step);
}
