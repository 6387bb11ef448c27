#include "trainer/events.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { N_BINS = 30, MAX_FILES = 1000000 };

/* A message that grows. Once memory is short it stays FAILED, and is never written. */
typedef struct message {
    uint8_t *bytes;
    size_t n, capacity;
    bool failed;
} message;

struct pr_events {
    FILE *file;
    char path[PR_PATH_BYTES];
    message summary, value, inner, event; /* memory that is used again and again */
};

/* Wire types of protocol buffers. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void put_bytes(message *m, const void *bytes, size_t n)
{
    if (m->n + n > m->capacity) {
        const size_t capacity = 2 * (m->n + n) + 256;
        uint8_t *const grown = pr_calloc((int64_t)capacity, 1);
        if (grown == NULL) {
            m->failed = true;
            return;
        }
        if (m->n > 0) {
            memcpy(grown, m->bytes, m->n);
        }
        pr_free(m->bytes);
        m->bytes = grown;
        m->capacity = capacity;
    }
    if (n > 0) {
        memcpy(m->bytes + m->n, bytes, n);
        m->n += n;
    }
}

static void put_varint(message *m, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
        n++;
    } while (value > 0);
    put_bytes(m, bytes, n);
}

static void put_key(message *m, int field, int wire)
{
    put_varint(m, (uint64_t)field << 3 | (uint64_t)wire);
}

/* Little-endian, as the wire wants it, on any machine. */
static void put_fixed(message *m, uint64_t bits, size_t n_bytes)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] = (uint8_t)(bits >> (8 * i));
    }
    put_bytes(m, bytes, n_bytes);
}

static void put_double(message *m, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    put_fixed(m, bits, 8);
}

static void put_int_field(message *m, int field, int64_t value)
{
    put_key(m, field, VARINT);
    put_varint(m, (uint64_t)value);
}

static void put_double_field(message *m, int field, double value)
{
    put_key(m, field, FIXED64);
    put_double(m, value);
}

static void put_bytes_field(message *m, int field, const void *bytes, size_t n)
{
    put_key(m, field, BYTES);
    put_varint(m, n);
    put_bytes(m, bytes, n);
}

static void put_message_field(message *m, int field, const message *inner)
{
    put_bytes_field(m, field, inner->bytes, inner->n);
    m->failed = m->failed || inner->failed;
}

static void reset(message *m)
{
    m->n = 0;
    m->failed = false;
}

/* The CRC of a record, rotated and shifted so that a CRC of data that holds CRCs is no weaker. */
static uint32_t masked_crc(const void *bytes, size_t n)
{
    const uint32_t crc = pr_crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* An Event whose body is bytes FIELD (3 file_version, 5 summary, 7 session_log), at once on disk. */
static pr_status write_event(pr_events *events, int64_t step, int field, const void *body,
                             size_t n_body)
{
    message *const event = &events->event;
    message *const frame = &events->inner;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    reset(event);
    put_double_field(event, 1, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    put_int_field(event, 2, step);
    put_bytes_field(event, field, body, n_body);

    reset(frame);
    put_fixed(frame, event->n, 8);
    put_fixed(frame, masked_crc(frame->bytes, frame->n), 4);
    put_bytes(frame, event->bytes, event->n);
    put_fixed(frame, masked_crc(event->bytes, event->n), 4);
    PR_REQUIRE(!event->failed && !frame->failed, PR_ERR_NOMEM, "no memory for an event");
    const bool written =
        fwrite(frame->bytes, 1, frame->n, events->file) == frame->n && fflush(events->file) == 0;
    PR_REQUIRE(written, PR_ERR_IO, "%s: %s", events->path, strerror(errno));
    return PR_OK;
}

/* The first number that no start before took. */
static pr_status open_file(pr_events *events, const char *folder)
{
    for (int number = 1; number < MAX_FILES; number++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "events.out.tfevents.%06d", number);
        PR_TRY(pr_fs_join(events->path, folder, name));
        events->file = fopen(events->path, "wxe");
        if (events->file != NULL) {
            return PR_OK;
        }
        PR_REQUIRE(errno == EEXIST, PR_ERR_IO, "%s: %s", events->path, strerror(errno));
    }
    return PR_FAIL(PR_ERR_IO, "%s has %d event files", folder, MAX_FILES);
}

static pr_status begin_session(pr_events *events, int64_t step)
{
    static const char version[] = "brain.Event:2";
    enum { START = 1 };
    PR_TRY(write_event(events, step + 1, 3, version, sizeof(version) - 1));
    reset(&events->value);
    put_int_field(&events->value, 1, START);
    PR_REQUIRE(!events->value.failed, PR_ERR_NOMEM, "no memory for an event");
    return write_event(events, step + 1, 7, events->value.bytes, events->value.n);
}

pr_status pr_events_open(const char *folder, int64_t step, pr_events **out)
{
    pr_events *events = pr_calloc(1, sizeof(*events));
    PR_REQUIRE(events != NULL, PR_ERR_NOMEM, "no memory for an event file");
    pr_status status = open_file(events, folder);
    if (status == PR_OK) {
        status = begin_session(events, step);
    }
    if (status != PR_OK) {
        pr_events_close(&events);
        return status;
    }
    *out = events;
    return PR_OK;
}

void pr_events_close(pr_events **events)
{
    pr_events *const e = *events;
    if (e == NULL) {
        return;
    }
    if (e->file != NULL) {
        (void)fclose(e->file);
    }
    pr_free(e->summary.bytes);
    pr_free(e->value.bytes);
    pr_free(e->inner.bytes);
    pr_free(e->event.bytes);
    pr_free(e);
    *events = NULL;
}

static message *begin_value(pr_events *events, const char *tag)
{
    reset(&events->value);
    put_bytes_field(&events->value, 1, tag, strlen(tag));
    return &events->value;
}

static pr_status end_value(pr_events *events)
{
    put_message_field(&events->summary, 1, &events->value);
    PR_REQUIRE(!events->summary.failed, PR_ERR_NOMEM, "no memory for an event");
    return PR_OK;
}

pr_status pr_events_scalar(pr_events *events, const char *tag, double value)
{
    message *const m = begin_value(events, tag);
    const float narrow = (float)value;
    uint32_t bits = 0;
    memcpy(&bits, &narrow, sizeof(bits));
    put_key(m, 2, FIXED32);
    put_fixed(m, bits, 4);
    return end_value(events);
}

typedef struct histogram {
    double min, max, n, sum, sum_squares;
    double bins[N_BINS];
} histogram;

static void take_value(histogram *h, double value)
{
    if (isfinite(value)) {
        h->min = h->n == 0.0 || value < h->min ? value : h->min;
        h->max = h->n == 0.0 || value > h->max ? value : h->max;
        h->n += 1.0;
        h->sum += value;
        h->sum_squares += value * value;
    }
}

static void bin_value(histogram *h, double value)
{
    if (isfinite(value)) {
        const double width = (h->max - h->min) / N_BINS;
        const int bin = width > 0.0 ? (int)((value - h->min) / width) : 0;
        h->bins[bin < N_BINS ? bin : N_BINS - 1] += 1.0;
    }
}

static pr_status put_histogram(pr_events *events, const char *tag, const histogram *h)
{
    message *const m = &events->inner;
    const double width = (h->max - h->min) / N_BINS;
    reset(m);
    put_double_field(m, 1, h->min);
    put_double_field(m, 2, h->max);
    put_double_field(m, 3, h->n);
    put_double_field(m, 4, h->sum);
    put_double_field(m, 5, h->sum_squares);
    put_key(m, 6, BYTES);
    put_varint(m, N_BINS * sizeof(double));
    for (int i = 0; i < N_BINS; i++) {
        put_double(m, i + 1 < N_BINS ? h->min + width * (i + 1) : h->max);
    }
    put_key(m, 7, BYTES);
    put_varint(m, N_BINS * sizeof(double));
    for (int i = 0; i < N_BINS; i++) {
        put_double(m, h->bins[i]);
    }
    put_message_field(begin_value(events, tag), 5, m);
    return end_value(events);
}

static double value_at(const pr_tensor *values, int64_t i)
{
    return values->dtype == PR_F64 ? ((const double *)values->data)[i]
                                   : (double)((const float *)values->data)[i];
}

pr_status pr_events_histogram(pr_events *events, const char *tag, const pr_tensor *values)
{
    const int64_t n = pr_shape_n(&values->shape);
    histogram h = {0};
    PR_REQUIRE(values->dtype == PR_F32 || values->dtype == PR_F64, PR_ERR_INVALID,
               "histogram '%s' of %s, wanted f32 or f64", tag, pr_dtype_name(values->dtype));
    for (int64_t i = 0; i < n; i++) {
        take_value(&h, value_at(values, i));
    }
    for (int64_t i = 0; i < n; i++) {
        bin_value(&h, value_at(values, i));
    }
    return put_histogram(events, tag, &h);
}

pr_status pr_events_image(pr_events *events, const char *tag, int width, int height,
                          const uint8_t *bytes, size_t n_bytes)
{
    enum { RGB = 3 };
    message *const m = &events->inner;
    reset(m);
    put_int_field(m, 1, height);
    put_int_field(m, 2, width);
    put_int_field(m, 3, RGB);
    put_bytes_field(m, 4, bytes, n_bytes);
    put_message_field(begin_value(events, tag), 4, m);
    return end_value(events);
}

pr_status pr_events_flush(pr_events *events, int64_t step)
{
    if (events->summary.n == 0) {
        return PR_OK;
    }
    const pr_status status = write_event(events, step, 5, events->summary.bytes, events->summary.n);
    reset(&events->summary);
    return status;
}
