#include "report/crop.h"

#include "engine/base/alloc.h"
#include "report/report_internal.h"

#include <string.h>

pr_status pr__crop_read(const pr_samples *samples, int64_t i, uint8_t **bytes, pr_report_image *out)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G'};
    const size_t n_bytes = pr_samples_payload_bytes(samples, i);
    uint8_t *const read = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(read != NULL, PR_ERR_NOMEM, "no memory for a crop of %zu bytes", n_bytes);
    const pr_status status = pr_samples_read(samples, i, read);
    if (status != PR_OK) {
        pr_free(read);
        return status;
    }
    const bool is_png = n_bytes > sizeof(png) && memcmp(read, png, sizeof(png)) == 0;
    *out = (pr_report_image){read, n_bytes, is_png ? "image/png" : "image/jpeg", NULL};
    *bytes = read;
    return PR_OK;
}

pr_status pr__crop_add(pr_page *page, const pr_samples *samples, int64_t i, const char *caption)
{
    uint8_t *bytes = NULL;
    pr_report_image image = {0};
    PR_TRY(pr__crop_read(samples, i, &bytes, &image));
    image.caption = caption;
    pr_page_put(page, "<figure>");
    pr__html_image(page, &image);
    pr_page_put(page, "<figcaption>");
    pr_page_html(page, caption);
    pr_page_put(page, "</figcaption></figure>\n");
    pr_free(bytes);
    return PR_OK;
}
