#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier): glibc's switch for sched_getaffinity
#include "trainer/doctor_private.h"

#include "dataset/codec.h"
#include "dataset/video.h"
#include "engine/base/alloc.h"
#include "engine/base/version.h"
#include "engine/comm/version.h"
#include "engine/cpu/dnnl.h"
#include "engine/cpu/isa.h"
#include "trainer/checkpoint_h5.h"

#include <inttypes.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORD_BYTES = 96 };

/* What each rank tells of itself. */
typedef struct told {
    char host[WORD_BYTES], cpu[WORD_BYTES], cores[WORD_BYTES], gpus[WORD_BYTES];
    int64_t n_cores, n_online, n_threads, n_local, memory_mb;
    int isa;
} told;

static pr_status add_build(pr__visit *v)
{
    char mpi[256];
    unsigned h5[3] = {0, 0, 0};
    const int dnnl = pr_dnnl_version();
    pr_comm_version(mpi, sizeof(mpi));
    (void)H5get_libversion(&h5[0], &h5[1], &h5[2]);
    PR_TRY(pr_text_add(v->text, "build\n  %s\n  %s\n", pr_build_version(), mpi));
    return pr_text_add(v->text, "  oneDNN %d.%d.%d, HDF5 %u.%u.%u, %s, %s, jansson %s, %s\n",
                       dnnl / 10000, dnnl / 100 % 100, dnnl % 100, h5[0], h5[1], h5[2],
                       pr_codec_versions(), pr_base_versions(), JANSSON_VERSION,
                       pr_video_versions());
}

/* "0-3,8" of SET. */
static void cores_text(const cpu_set_t *set, char text[static WORD_BYTES])
{
    size_t at = 0;
    text[0] = '\0';
    for (int first = 0; first < CPU_SETSIZE && at + 16 < WORD_BYTES; first++) {
        if (!CPU_ISSET((size_t)first, set)) {
            continue;
        }
        int last = first;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET((size_t)last + 1, set)) {
            last++;
        }
        const char *const comma = at == 0 ? "" : ",";
        const int n = first == last
                          ? snprintf(text + at, WORD_BYTES - at, "%s%d", comma, first)
                          : snprintf(text + at, WORD_BYTES - at, "%s%d-%d", comma, first, last);
        at += n > 0 ? (size_t)n : 0;
        first = last;
    }
}

static void cpu_name(char text[static WORD_BYTES])
{
    static const char key[] = "model name";
    char line[256];
    (void)snprintf(text, WORD_BYTES, "a processor of unknown name");
    FILE *const file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *const colon = strchr(line, ':');
        if (strncmp(line, key, sizeof(key) - 1) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(text, WORD_BYTES, "%.*s", WORD_BYTES - 1, colon + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static pr_status look(const pr__visit *v, told *mine)
{
    cpu_set_t set;
    pr_cpu_isa isa = PR_CPU_ISA_BASELINE;
    memset(mine, 0, sizeof(*mine));
    CPU_ZERO(&set);
    PR_TRY(pr_cpu_isa_get(&isa));
    mine->isa = (int)isa;
    (void)gethostname(mine->host, sizeof(mine->host) - 1);
    cpu_name(mine->cpu);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        mine->n_cores = CPU_COUNT(&set);
        cores_text(&set, mine->cores);
    }
    const char *const gpus = getenv("CUDA_VISIBLE_DEVICES");
    (void)snprintf(mine->gpus, sizeof(mine->gpus), "%s", gpus == NULL ? "" : gpus);
    mine->n_online = sysconf(_SC_NPROCESSORS_ONLN);
    mine->n_threads = v->request->options->cpu_threads;
    mine->n_local = pr_comm_n_local(v->request->comm);
    mine->memory_mb = sysconf(_SC_PHYS_PAGES) / 1000 * sysconf(_SC_PAGESIZE) / 1000;
    return PR_OK;
}

static pr_status complain(pr__visit *v, int rank, const told *t)
{
    if (t->n_cores * t->n_local < t->n_online && t->n_cores < t->n_online) {
        v->n_bad++;
        PR_TRY(pr_text_add(v->text,
                           "  !! rank %d may use %" PRId64 " of the host's %" PRId64
                           " cores, which %" PRId64 " ranks share: mpirun --bind-to none, or "
                           "--map-by slot:PE=n\n",
                           rank, t->n_cores, t->n_online, t->n_local));
    }
    if (t->n_threads > t->n_cores) {
        v->n_bad++;
        PR_TRY(pr_text_add(v->text,
                           "  !! rank %d computes with %" PRId64 " threads on %" PRId64
                           " cores (cpu.threads)\n",
                           rank, t->n_threads, t->n_cores));
    }
    return PR_OK;
}

static pr_status add_ranks(pr__visit *v, const told *all, int n_ranks)
{
    PR_TRY(pr_text_add(v->text, "ranks\n"));
    for (int r = 0; r < n_ranks; r++) {
        const told *const t = &all[r];
        PR_TRY(pr_text_add(v->text,
                           "  rank %d: %s, cores %s (%" PRId64 " of %" PRId64 "), %" PRId64
                           " computing threads, %" PRId64 " MB of memory, %s, %s, device cpu%s%s\n",
                           r, t->host, t->cores, t->n_cores, t->n_online, t->n_threads,
                           t->memory_mb, t->cpu, pr_cpu_isa_name((pr_cpu_isa)t->isa),
                           t->gpus[0] == '\0' ? "" : ", given GPUs ", t->gpus));
    }
    for (int r = 0; r < n_ranks; r++) {
        PR_TRY(complain(v, r, &all[r]));
        if (all[r].isa != all[0].isa) {
            v->n_bad++;
            PR_TRY(pr_text_add(v->text,
                               "  !! rank %d has other instructions than rank 0: cpu.isa lowers "
                               "all to one\n",
                               r));
        }
    }
    return PR_OK;
}

pr_status pr__doctor_machine(pr__visit *v)
{
    const int n_ranks = pr_comm_n_ranks(v->request->comm);
    told mine;
    told *const all = pr_calloc(n_ranks, sizeof(*all));
    size_t *const bytes_of = pr_calloc(n_ranks, sizeof(*bytes_of));
    pr_status status = look(v, &mine);
    if (status == PR_OK && (all == NULL || bytes_of == NULL)) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for %d ranks", n_ranks);
    }
    status = pr_comm_agree(v->request->comm, "doctor", status);
    if (status == PR_OK && all != NULL && bytes_of != NULL) { /* NULL anywhere failed everywhere */
        for (int r = 0; r < n_ranks; r++) {
            bytes_of[r] = sizeof(*all);
        }
        status = pr_comm_allgather(v->request->comm, "doctor", &mine, all, bytes_of);
    }
    if (status == PR_OK) {
        status = add_build(v);
    }
    if (status == PR_OK && all != NULL) {
        status = add_ranks(v, all, n_ranks);
    }
    pr_free(all);
    pr_free(bytes_of);
    return status;
}
