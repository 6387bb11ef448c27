#!/bin/sh
# `pristine doctor`: all is well on one rank and on three; ranks that compute other bits, a rank that
# is bound to one core of several, and a folder that is not there are told, and the exit code is 1.
set -u
pristine="$PR_BUILD/pristine"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mpirun="mpirun -q --oversubscribe --bind-to none"

fail() {
    echo "doctor: $*"
    cat "$work/said"
    exit 1
}
# The report, and what it must say: expect CODE TEXT, of the command before.
expect() {
    [ "$code" -eq "$1" ] || fail "exit code $code, want $1"
    grep -q -- "$2" "$work/said" || fail "it does not say: $2"
}

"$pristine" doctor --folder "$work" >"$work/said" 2>&1
code=$?
expect 0 'Nothing is wrong'
expect 0 "rank 0: $(uname -n), cores "
expect 0 'all 1 ranks compute'
expect 0 'HDF5 checkpoints work'
[ "$(ls "$work")" = said ] || fail "it leaves files: $(ls "$work")"

$mpirun -n 3 "$pristine" doctor --mpi --folder "$work" >"$work/said" 2>&1
code=$?
expect 0 'all 3 ranks compute'
expect 0 'collectives of 3 ranks, 3 on rank'
expect 0 'ordered sum *4 KB [0-9.]* us (MPI [0-9.]*), 1 MB [0-9.]* us (MPI [0-9.]*)'
expect 0 'all 3 ranks run the build [0-9a-f]\{16\}'
expect 0 'rank 2: .* device cpu'

$mpirun -n 1 "$pristine" doctor --folder "$work" : \
    -n 1 env ONEDNN_MAX_CPU_ISA=SSE41 "$pristine" doctor --folder "$work" >"$work/said" 2>&1
code=$?
[ "$code" -ne 0 ] || fail "unlike ranks, and the exit code is 0"
grep -q '!! .*rank 1 computes a canned micro-batch to other bits' "$work/said" || fail "unlike ranks are not told"

"$pristine" doctor --folder "$work/none" >"$work/said" 2>&1
code=$?
expect 1 '!! .*there is no such folder'

if [ "$(nproc)" -gt 1 ]; then
    taskset -c 0 "$pristine" doctor --folder "$work" >"$work/said" 2>&1
    code=$?
    expect 1 '!! rank 0 may use 1 of the host'
fi
