#!/bin/sh
# How a job ends, through launch/run.sh: one message, the right exit code, in seconds.
# Usage: jobs.sh CASE JOB_ROLES
set -eu
case=$1
roles=$2
ranks=3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run="$work/run"

fail() {
    echo "jobs.sh $case: $1" >&2
    echo "exit code $code after $took s; stderr:" >&2
    cat "$work/err" >&2
    exit 1
}

# job ROLE [DIR]: runs it; sets $code, $took, $line (what it said on stderr).
job() {
    began=$(date +%s)
    code=0
    launch/run.sh $ranks "$roles" "$1" --run "${2-$run}" >"$work/out" 2>"$work/err" || code=$?
    took=$(($(date +%s) - began))
    line=$(cat "$work/err")
}

# Exactly one line, beginning so, with all these words in it; the same in FAILED; within 10 s.
says() {
    wanted_code=$1
    shift
    [ "$code" -eq "$wanted_code" ] || fail "wanted exit code $wanted_code"
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "wanted one line on stderr"
    for word in "fatal: " "$@"; do
        case $line in
        *"$word"*) ;;
        *) fail "wanted '$word' in the message" ;;
        esac
    done
    [ "$took" -lt 10 ] || fail "wanted the end within 10 s"
}
same_in_failed() {
    [ "$(cat "$run/FAILED")" = "$line" ] || fail "FAILED says: $(cat "$run/FAILED")"
}

case $case in
fail_rank)
    job fail_one
    says 18 "rank 1 of $ranks on " "job_roles.c" "the loss is nan"
    same_in_failed
    job fail_all
    says 15 " of $ranks on " "all of us read one bad file"
    same_in_failed
    # Without a run directory; the same rules.
    job fail_one ""
    says 18 "rank 1 of $ranks on " "the loss is nan"
    job fail_all ""
    says 15 " of $ranks on " "all of us read one bad file"
    # One rank alone, and a FAILED of the run before that is gone after a success.
    ranks=1
    job fail_all
    says 15 "rank 0 of 1 on "
    same_in_failed
    job slow
    [ "$code" -eq 0 ] || fail "wanted success"
    [ ! -e "$run/FAILED" ] || fail "wanted no FAILED"
    ;;
killed_rank)
    job killed
    says 17 "rank 1 of $ranks on $(uname -n)" "killed by signal 9; out of memory?"
    same_in_failed
    job crashed
    says 17 "rank 1 of $ranks on " "killed by signal 11"
    same_in_failed
    job killed ""
    says 17 "rank 1 of $ranks on " "killed by signal 9"
    # Where the ranks cannot be started at all, the script itself says so.
    code=0
    PR_MPIRUN=/nonexistent launch/run.sh 2 "$roles" slow --run "$run" 2>"$work/err" || code=$?
    [ "$code" -eq 127 ] || fail "wanted exit code 127"
    grep -q '^fatal: the job ended with code 127' "$work/err" || fail "wanted a message about mpirun"
    ;;
stalled_rank)
    job stalled
    says 17 "no progress for " "(launch.stall_s); furthest behind is rank 1 (" "step 10" \
        "past collective 11 'all are well'"
    same_in_failed
    [ "$took" -ge 2 ] || fail "wanted at least stall_s = 2 s"
    # Slow is not stalled.
    job slow
    [ "$code" -eq 0 ] || fail "wanted success"
    ;;
as_root)
    # Open MPI's own message is enough where it starts nothing for root; ours comes where it does.
    if [ "$(id -u)" -ne 0 ]; then
        echo "skipped: what Open MPI says to root (this is not root)"
        exit 0
    fi
    allowed="$OMPI_ALLOW_RUN_AS_ROOT$OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"
    [ "$allowed" = 11 ] || { echo "the tests' environment allows root" >&2 && exit 1; }
    unset OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
    job slow
    [ "$code" -eq 1 ] || fail "wanted exit code 1"
    grep -q "attempt to run as root" "$work/err" || fail "wanted Open MPI's message"
    ! grep -q "fatal: " "$work/err" || fail "two messages about one failure"
    MPIRUN_ARGS=--allow-run-as-root
    export MPIRUN_ARGS
    job slow
    [ "$code" -eq 0 ] || fail "wanted success where mpirun's own word allows root"
    job fail_one
    says 18 "rank 1 of $ranks on " "the loss is nan"
    ;;
stop)
    launch/run.sh $ranks "$roles" stopped --run "$run" >"$work/out" 2>"$work/err" &
    script=$!
    n=0
    took=0
    until grep -q "steps are made" "$work/err"; do
        n=$((n + 1))
        [ $n -lt 200 ] || { code=-1 && fail "no steps"; }
        sleep 0.1
    done
    kill -TERM $script
    code=0
    wait $script || code=$?
    [ "$code" -eq 75 ] || fail "wanted exit code 75"
    [ "$(grep -c "stopping after step" "$work/err")" -eq 1 ] || fail "wanted a word about the stop"
    [ ! -e "$run/FAILED" ] || fail "a stop on request leaves no FAILED"
    ! grep -q fatal "$work/err" || fail "a stop on request is no failure"
    ;;
*)
    echo "no case $case" >&2
    exit 1
    ;;
esac
