#!/bin/sh
# One start of a job, and what becomes of the job after it. The batch script ends with
#
#     exec attempt.sh RUN REQUEUE_MAX COMMAND [WORD ...]
#
# RUN is the run directory; in an array, %04d and the like in it stand for the task's number (and %%
# for %). COMMAND writes a checkpoint and RUN/checkpointed when it is sent SIGUSR1, and goes on from
# RUN/checkpoints when it is started again.
#
# Slurm requeues nobody for an exit code, so this does, at most REQUEUE_MAX times:
#   - after a stop on request (time limit, preemption) that left a mark of this very start: the code
#     alone is not believed, for it may be a launcher's;
#   - after a lost rank or node, whatever that left;
#   - never a second time from the same checkpoint.
# A mistake that the program names itself (exit codes 11 to 16 and 18) ends the job, as does an
# allocation that is too short for a checkpoint: with one line, here and in RUN/FAILED, and no loop.
# RUN/attempts/JOB has a line a start: its number, and the checkpoint that it found.
set -u
if [ $# -lt 3 ] || [ -z "${SLURM_JOB_ID:-}" ]; then
    echo "usage: attempt.sh RUN REQUEUE_MAX COMMAND [WORD ...], in a job of Slurm" >&2
    exit 11
fi
# shellcheck disable=SC2059 # RUN is the format.
run=$(printf "$1" "${SLURM_ARRAY_TASK_ID:-0}")
requeue_max=$2
shift 2

job=$SLURM_JOB_ID
[ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
restart=${SLURM_RESTART_COUNT:-0}
PR_ATTEMPT=$job.$restart
export PR_ATTEMPT
book=$run/attempts/$job
mkdir -p "$run/attempts" || exit 14

say() { echo "$(date '+%F %T') job $job, start $restart: $1"; }

# The job ends here, with code $2.
give_up() {
    message="fatal: job $job: $1"
    echo "$message" >&2
    [ -e "$run/FAILED" ] || echo "$message" >"$run/FAILED"
    exit "$2"
}

newest() {
    last=none
    for path in "$run"/checkpoints/step-*.h5; do
        [ ! -e "$path" ] || last=${path##*/}
    done
    echo "$last"
}

# How many of the last starts, this one among them once it is in the book, found no other checkpoint
# than is there now.
n_in_vain() {
    [ -e "$book" ] || { echo 0 && return; }
    awk -v now="$(newest)" '$2 == now { n++; next } { n = 0 } END { print n + 0 }' "$book"
}

marked() { grep -qx "attempt $PR_ATTEMPT" "$run/checkpointed" 2>/dev/null; }

# Somebody ended the job (scancel): nobody wants it back. Preemption is told by its time; during its
# grace the job still runs.
was_cancelled() {
    shown=$(scontrol --oneliner show job "$SLURM_JOB_ID" 2>/dev/null)
    case $shown in
    *" PreemptTime="[0-9]*) false ;;
    *" JobState=RUNNING "*) false ;;
    *) true ;;
    esac
}

requeue() {
    if [ "$restart" -ge "$requeue_max" ]; then
        give_up "$1, and it was requeued $restart times already (launch.requeue_max); the newest checkpoint is $(newest)" 17
    fi
    if [ "$(n_in_vain)" -ge 2 ]; then
        give_up "$1, and two starts wrote no checkpoint after $(newest)" 17
    fi
    say "$1; the newest checkpoint is $(newest): back into the queue"
    rm -f "$run/FAILED"
    scontrol requeue "$job" || give_up "$1, and \`scontrol requeue\` failed" 17
    exit 75
}

# Slurm requeues the job of a dead node by itself, so what holds for ours is looked at here too.
if [ "$restart" -gt "$requeue_max" ]; then
    give_up "it was requeued $restart times (launch.requeue_max is $requeue_max)" 17
fi
if [ "$(n_in_vain)" -ge 2 ]; then
    give_up "two starts wrote no checkpoint after $(newest): a third one would not either" 17
fi
say "begins at $(newest) on ${SLURM_JOB_NODELIST:-?}"
echo "$restart $(newest)" >>"$book"

asked=
ended=
cancelled=
too_short="the time limit came before a checkpoint was written: the allocation is too short, or launch.signal_s too little"
on_usr1() {
    signalled=1
    say "SIGUSR1: the time limit is near"
    asked=1
    kill -USR1 "$child" 2>/dev/null
}
# At the time limit SIGKILL follows in seconds, so what may have to be said is said now.
on_term() {
    signalled=1
    ended=1
    say "SIGTERM: the job is being ended"
    kill -TERM "$child" 2>/dev/null
    if [ -n "$asked" ]; then
        marked || echo "fatal: job $job: $too_short" >"$run/FAILED"
    elif was_cancelled; then
        cancelled=1
    fi
}

# A slurmstepd that was killed leaves the socket of its PMIx server on its node, named after job and step,
# and no step of that name starts there again. So a start's first step has the start's number.
if [ "${PR_LAUNCHER:-}" = srun ]; then
    step=$((restart % 8))
    while [ "$step" -gt 0 ]; do
        srun --nodes=1 --ntasks=1 --ntasks-per-node=1 --mpi=none true >/dev/null 2>&1
        step=$((step - 1))
    done
fi

"$@" &
child=$!
trap on_usr1 USR1
trap on_term TERM
# A trapped signal ends `wait` early, with a code of its own; 127 then says that the code before was
# the child's after all.
last=
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
done
trap '' USR1
say "ended with code $code"

if [ "$code" -eq 0 ] && ! marked; then
    exit 0
fi
if [ -n "$cancelled" ]; then
    say "was cancelled: sbatch goes on from $(newest)"
    exit "$code"
fi
if marked; then
    requeue "it was asked to stop and wrote a checkpoint"
fi
case $code in
1[1-6] | 18) exit "$code" ;;
esac
if [ -n "$asked$ended" ]; then
    rm -f "$run/FAILED"
    give_up "$too_short" 17
fi
requeue "a rank or a node was lost (code $code)"
