#!/bin/sh
# What takes hours: many kills of whole runs, from many seeds, the demo's controls, and the other scripts
# once more. Usage: test_long.sh BUILD. PR_LONG_KILLS and PR_LONG_SEEDS say how much (300 kills of 4 seeds
# each). Leaves BUILD/test_long.md, to be kept as bench/results/test_long.md.
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
for name in surroundings faults; do
    one "$name" "$python" "tests/trainer/$name.py" "$PR_BUILD/tests/trainer/libshim.so"
done
one "EfficientNet in f32, full" "$python" tests/models/parity_efficientnet.py \
    "$PR_BUILD/tests/models/model_driver" full

# Chance and trivial numbers of the demo's faces (bench/controls.py): shuffled labels, three seeds.
rm -rf demo/control-*
if [ ! -f demo/faces/dataset.h5 ]; then
    one "demo's faces" launch/run.sh 2 "$PR_BUILD/pristine" forge --procedural --out demo/faces \
        --identities 240 --videos 2 --frames 4 --size 72 --split 0.7,0.1,0.2
fi
one controls "$python" bench/controls.py "$PR_BUILD" demo --seeds 3

printf '\n== summary: %d failed\n' "$n_failed"
cat "$summary"
{
    printf '# The long tests\n\n%s, %s, %s cores, commit %s: %d failed. ' "$(date -u +%F)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
        "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" "$n_failed"
    printf 'Made by `make test-long` (%s kills from each of %s seeds).\n\n```\n' "$kills" "$seeds"
    cat "$summary"
    printf '```\n'
} >"$PR_BUILD/test_long.md"
rm -rf "$folder"
[ "$n_failed" -eq 0 ]
