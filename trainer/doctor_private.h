/** What the files of the doctor share; nobody else includes this. */
#ifndef PR_TRAINER_DOCTOR_PRIVATE_H
#define PR_TRAINER_DOCTOR_PRIVATE_H

#include "trainer/doctor.h"

typedef struct pr__visit {
    const pr_doctor_request *request;
    pr_text *text;
    int n_bad;
} pr__visit;

/** Build and libraries; the ranks, their processors and threads. Collective. */
pr_status pr__doctor_machine(pr__visit *visit);

/** Whether a run can live in the folder, and all ranks see it. Collective. */
pr_status pr__doctor_folder(pr__visit *visit);

/** Times of the collectives that a step uses. Collective. */
pr_status pr__doctor_collectives(pr__visit *visit);

#endif
