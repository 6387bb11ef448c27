/**
 * TensorBoard's event files: records of protocol buffers (tensorflow/core/util/event.proto, summary.proto
 * there), framed with masked CRC-32Cs. Each opening begins a file of its own, numbered, with a session
 * start at the step that comes next: TensorBoard then drops what an earlier file has from there on,
 * so that a run that goes on reads like one that was never interrupted.
 *
 * Not collective: rank 0 writes. Written by hand, since the five messages take fewer lines than a
 * protocol compiler takes in a build.
 */
#ifndef PR_TRAINER_EVENTS_H
#define PR_TRAINER_EVENTS_H

#include "engine/base/status.h"
#include "engine/core/tensor.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pr_events pr_events;

/** Begins FOLDER/events.out.tfevents.N; STEP is the number of finished steps. */
pr_status pr_events_open(const char *folder, int64_t step, pr_events **out);
/** Closes; accepts a NULL. */
void pr_events_close(pr_events **events);

/**
 * Each adds one value under TAG ("train/loss") to the event of STEP that pr_events_flush writes.
 * Errors: PR_ERR_NOMEM.
 */
pr_status pr_events_scalar(pr_events *events, const char *tag, double value);
/** VALUES (f32 or f64) in 30 bins of one width; non-finite ones are left out, there may be none. */
pr_status pr_events_histogram(pr_events *events, const char *tag, const pr_tensor *values);
/** BYTES is a whole JPEG or PNG file. */
pr_status pr_events_image(pr_events *events, const char *tag, int width, int height,
                          const uint8_t *bytes, size_t n_bytes);

/** Writes what was added since the last call as one event of STEP. Errors: PR_ERR_IO. */
pr_status pr_events_flush(pr_events *events, int64_t step);

#endif
