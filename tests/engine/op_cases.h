/*
 * The cases on which every op is checked: against finite differences on ref, and on the other
 * backends against ref. A new op needs a row here, or test_gradcheck fails.
 */
#ifndef PR_TESTS_ENGINE_OP_CASES_H
#define PR_TESTS_ENGINE_OP_CASES_H

#include "tests/engine/op_run.h"

extern const op_case op_cases[];
extern const int n_op_cases;

#endif
