#!/bin/sh
# Runs `pristine` on RANKS ranks of this machine (or of the hosts that mpirun knows):
#
#     launch/run.sh RANKS PRISTINE COMMAND [options]
#
# Every failure leaves one line that begins with "fatal:". Where the program could not say it (a rank
# was killed, or out of memory), this script does, also in RUN/FAILED. SIGTERM becomes a request to
# stop: the run writes a checkpoint and exits with code 75, and starting it again goes on.
# MPIRUN_ARGS holds further words for mpirun; PR_MPIRUN another mpirun.
set -u
if [ $# -lt 2 ]; then
    echo "usage: launch/run.sh RANKS PRISTINE COMMAND [options]" >&2
    exit 11
fi
ranks=$1
shift

run_dir=
previous=
for word in "$@"; do
    case $word in
    --run=*) run_dir=${word#--run=} ;;
    *) [ "$previous" = --run ] && run_dir=$word ;;
    esac
    previous=$word
done
# A FAILED of an earlier run is not this one's.
[ -n "$run_dir" ] && rm -f "$run_dir/FAILED"

# shellcheck disable=SC2086 # MPIRUN_ARGS is words.
"${PR_MPIRUN:-mpirun}" -q --bind-to none ${MPIRUN_ARGS:-} -n "$ranks" "$@" <&0 &
mpirun_pid=$!
# mpirun hands SIGUSR1 on to the ranks; its own SIGTERM would end them within a second.
trap 'kill -USR1 "$mpirun_pid" 2>/dev/null' TERM USR1
trap 'kill -INT "$mpirun_pid" 2>/dev/null' INT

code=0
wait "$mpirun_pid" || code=$?
# A trapped signal ends `wait` early; the job is over only when its process is.
while kill -0 "$mpirun_pid" 2>/dev/null; do
    code=0
    wait "$mpirun_pid" || code=$?
done

# 11 to 18 are the program's own: it has spoken. 75 is a stop on request.
if [ "$code" -ne 0 ] && [ "$code" -ne 75 ] && { [ "$code" -lt 11 ] || [ "$code" -gt 18 ]; } &&
    ! { [ -n "$run_dir" ] && [ -e "$run_dir/FAILED" ]; }; then
    message="fatal: the job ended with code $code and no rank said why: killed, or out of memory"
    echo "$message" >&2
    if [ -n "$run_dir" ] && [ -d "$run_dir" ]; then
        echo "$message" >"$run_dir/FAILED"
    fi
fi
exit "$code"
