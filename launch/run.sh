#!/bin/sh
# Runs `pristine` on RANKS ranks of this machine, of the hosts that mpirun knows, or of a Slurm allocation:
#
#     launch/run.sh RANKS PRISTINE COMMAND [options]
#
# Every failure of a job leaves one line that begins with "fatal:", also in RUN/FAILED. Where a rank could not
# say it (it was killed, or crashed), the shell that started it on its host says which one it was and
# by which signal; where none could, this script does. SIGTERM becomes a request to stop: the run
# writes a checkpoint and exits with code 75, and starting it again goes on.
# PR_BIND is what a rank is bound to (none; or core, socket, numa). MPIRUN_ARGS holds further words
# for mpirun; PR_MPIRUN another mpirun. With PR_LAUNCHER=srun the ranks are started by Slurm inside an
# allocation, SRUN_ARGS holding further words; without --kill-on-bad-exit the others of a killed rank
# would hang there.
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
[ -n "$run_dir" ] && rm -f "$run_dir/FAILED" "$run_dir/stopped"

# Sets $code to the exit code of $child. A trapped signal, which sets $signalled, ends `wait` early
# with a code of its own; 127 then means that the code before was the child's after all. The shell's
# own word about a signal ("Killed") is not wanted: the message below says more.
# shellcheck disable=SC2016 # expanded by `eval`, here and in the rank's shell.
wait_for='last=
    while :; do
        signalled=
        code=0
        wait "$child" 2>/dev/null || code=$?
        if [ "$code" -eq 127 ] && [ -n "$last" ]; then
            code=$last
            break
        fi
        [ -n "$signalled" ] || break
        last=$code
    done'

# One rank. A launcher takes every code but 0 for a failure and ends the others in the middle of their
# farewell, so a stop on request is told by a file. mpirun sends its signals to all of a rank's process group, this shell among it; SIGTERM
# comes when the job is ended because of another rank, and that one has spoken.
# shellcheck disable=SC2016
rank='
run_dir=$1
shift
ended=
trap "signalled=1" USR1
trap "signalled=1 ended=1" TERM
"$@" <&0 &
child=$!
'"$wait_for"'
if [ "$code" -gt 128 ] && [ -z "$ended" ]; then
    message="fatal: rank ${OMPI_COMM_WORLD_RANK:-${SLURM_PROCID:-?}}"
    message="$message of ${OMPI_COMM_WORLD_SIZE:-${SLURM_STEP_NUM_TASKS:-?}} on $(uname -n)"
    message="$message: process $child was killed by signal $((code - 128))"
    [ "$code" -ne 137 ] || message="$message; out of memory?"
    set -C
    if [ -z "$run_dir" ] || [ ! -d "$run_dir" ]; then
        echo "$message" >&2
    elif (echo "$message" >"$run_dir/FAILED") 2>/dev/null; then
        echo "$message" >&2
    fi
    exit 17
fi
if [ "$code" -eq 75 ] && [ -n "$run_dir" ] && : >"$run_dir/stopped"; then
    code=0
fi
exit "$code"
'

interrupted=
code=0
bind=${PR_BIND:-none}
interrupt=INT
# shellcheck disable=SC2086 # SRUN_ARGS and MPIRUN_ARGS are words.
case ${PR_LAUNCHER:-mpirun} in
srun)
    case $bind in
    core | socket) bind=${bind}s ;;
    numa) bind=ldoms ;;
    esac
    interrupt=TERM
    set -- srun --mpi=pmix --kill-on-bad-exit=1 "--cpu-bind=$bind" ${SRUN_ARGS:-} \
        --ntasks="$ranks" /bin/sh -c "$rank" rank "$run_dir" "$@"
    ;;
mpirun)
    set -- "${PR_MPIRUN:-mpirun}" -q --bind-to "$bind" ${MPIRUN_ARGS:-} -n "$ranks" \
        /bin/sh -c "$rank" rank "$run_dir" "$@"
    ;;
*)
    echo "fatal: PR_LAUNCHER is '$PR_LAUNCHER', wanted mpirun or srun" >&2
    exit 11
    ;;
esac
"$@" <&0 &
child=$!
# A host that cannot be reached any more keeps mpirun waiting for its daemon: once a rank has said why the
# job ends, mpirun has PR_END_S seconds more.
reaper=
if [ -n "$run_dir" ]; then
    (
        while kill -0 "$child" && [ ! -e "$run_dir/FAILED" ]; do sleep 1; done
        sleep "${PR_END_S:-20}"
        kill -KILL "$child"
    ) >/dev/null 2>&1 &
    reaper=$!
fi
# SIGUSR1 is handed on to the ranks; mpirun's own SIGTERM would end them within a second. One SIGINT
# only makes srun tell how its tasks are.
trap 'signalled=1; kill -USR1 "$child" 2>/dev/null' TERM USR1
trap 'signalled=1; interrupted=1; kill -"$interrupt" "$child" 2>/dev/null' INT
eval "$wait_for"
[ -z "$reaper" ] || kill "$reaper" 2>/dev/null
if [ "$code" -eq 137 ] && [ -n "$run_dir" ] && [ -e "$run_dir/FAILED" ]; then
    code=17
fi

if [ -n "$run_dir" ] && [ -e "$run_dir/stopped" ]; then
    rm -f "$run_dir/stopped"
    [ "$code" -ne 0 ] || code=75
fi

# Open MPI starts nothing for root unless two variables allow it, and says so itself at length.
refuses_root() {
    [ "$code" -eq 1 ] && [ "$(id -u)" -eq 0 ] && [ "${PR_LAUNCHER:-mpirun}" = mpirun ] &&
        [ "${OMPI_ALLOW_RUN_AS_ROOT:-}${OMPI_ALLOW_RUN_AS_ROOT_CONFIRM:-}" != 11 ] &&
        case " ${MPIRUN_ARGS:-} " in *" --allow-run-as-root "*) false ;; esac
}

# 11 to 18 are the program's own or the rank's shell's: it has spoken. 75 is a stop on request.
if ! refuses_root && [ "$code" -ne 0 ] && [ "$code" -ne 75 ] && { [ "$code" -lt 11 ] || [ "$code" -gt 18 ]; } &&
    ! { [ -n "$run_dir" ] && [ -e "$run_dir/FAILED" ]; }; then
    message="fatal: the job ended with code $code and no rank said why"
    [ -z "$interrupted" ] || message="fatal: interrupted"
    echo "$message" >&2
    if [ -n "$run_dir" ] && [ -d "$run_dir" ]; then
        echo "$message" >"$run_dir/FAILED"
    fi
fi
exit "$code"
