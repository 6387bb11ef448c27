#!/bin/sh
# What takes hours: many kills of whole runs, from many seeds, and the other scripts once more.
# Usage: test_long.sh BUILD. PR_LONG_KILLS and PR_LONG_SEEDS say how much (300 kills of 4 seeds each).
set -u
cd "$(dirname "$0")/.."
PR_BUILD=$(cd "${1:?usage: test_long.sh BUILD}" && pwd)
kills=${PR_LONG_KILLS:-300}
seeds=${PR_LONG_SEEDS:-4}
export PR_BUILD PR_TESTS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_btl_vader_single_copy_mechanism=none
python=$(sed -n 's/^PR_PYTHON:FILEPATH=//p' "$PR_BUILD/CMakeCache.txt")
folder=$(mktemp -d)
summary=$folder/summary
n_failed=0

# one NAME COMMAND...: runs it, and keeps its last line for the summary.
one() {
    name=$1
    shift
    printf '== %s\n' "$name"
    began=$(date +%s)
    if "$@" >"$folder/output" 2>&1; then
        result=passed
    else
        result=FAILED
        n_failed=$((n_failed + 1))
        cat "$folder/output"
    fi
    printf '%-28s %s  %5d s  %s\n' "$name" "$result" $(($(date +%s) - began)) \
        "$(tail -n 1 "$folder/output")" | tee -a "$summary"
}

seed=1
while [ "$seed" -le "$seeds" ]; do
    one "identity, seed $seed" "$python" tests/trainer/identity.py "$kills" "$seed"
    seed=$((seed + 1))
done
one evaluation "$python" tests/trainer/evaluation.py
one "bad input" "$python" tests/trainer/bad_input.py

printf '\n== summary: %d failed\n' "$n_failed"
cat "$summary"
rm -rf "$folder"
[ "$n_failed" -eq 0 ]
