#include "trainer/hard_sets.h"

/* Slots of reals come first, then those of fakes; a key's first number is the sample. */
enum { N_KEY = 3 };

int64_t pr_hard_set_list(const pr_store *store, const pr_samples *samples, int label, int64_t max,
                         int64_t ids[], double scores[])
{
    const pr_store_entry *const key = pr_store_find(store, "bank.hard_key");
    const pr_store_entry *const score = pr_store_find(store, "bank.hard_score");
    const pr_store_entry *const count = pr_store_find(store, "bank.hard_count");
    if (key == NULL || score == NULL || count == NULL) {
        return 0;
    }
    const int64_t n_kept = key->desc.shape.dims[0] / 2;
    const int64_t n = ((const int64_t *)count->data)[label];
    int64_t n_listed = 0;
    for (int64_t i = 0; i < n && i < max; i++) {
        const int64_t slot = label * n_kept + i;
        const int64_t id = ((const int64_t *)key->data)[slot * N_KEY];
        if (id >= 0 && id < pr_samples_n(samples)) {
            ids[n_listed] = id;
            scores[n_listed++] = ((const double *)score->data)[slot];
        }
    }
    return n_listed;
}
