/* Crops of a data set as pictures of a page, byte for byte. */
#ifndef PR_REPORT_CROP_H
#define PR_REPORT_CROP_H

#include "dataset/samples.h"
#include "report/report.h"
#include "trainer/page.h"

/**
 * OUT (but for its caption) is sample I as it is encoded; its bytes are *BYTES, to pr_free.
 *
 * Errors: those of pr_samples_read.
 */
pr_status pr__crop_read(const pr_samples *samples, int64_t i, uint8_t **bytes,
                        pr_report_image *out);

/** <figure> with sample I and CAPTION, for a <div class="faces">. */
pr_status pr__crop_add(pr_page *page, const pr_samples *samples, int64_t i, const char *caption);

#endif
