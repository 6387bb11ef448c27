#!/bin/sh
# The CPU kernels' bits do not depend on the environment that the process is started in: OpenMP's
# variables, or a floating-point mode that flushes denormals. Usage: cpu_environment.sh PROGRAM
set -eu
program=$1
want=$(env -u OMP_NUM_THREADS "$program" hash)
echo "hash $want"
check() {
    got=$(env "$@" "$program" hash) || { echo "failed under $*"; exit 1; }
    [ "$got" = "$want" ] || { echo "under $*: $got, want $want"; exit 1; }
}
check OMP_NUM_THREADS=1
check OMP_NUM_THREADS=4
check OMP_NUM_THREADS=4 OMP_DYNAMIC=true
check OMP_THREAD_LIMIT=1
check OMP_NUM_THREADS=4 OMP_THREAD_LIMIT=2 OMP_NESTED=true OMP_MAX_ACTIVE_LEVELS=3
check OMP_PROC_BIND=true OMP_WAIT_POLICY=active
got=$("$program" hash ftz)
[ "$got" = "$want" ] || { echo "started under FTZ: $got, want $want"; exit 1; }
