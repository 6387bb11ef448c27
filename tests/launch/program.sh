#!/bin/sh
# The program itself: words that nobody knows, a run directory that is taken, a stop and what follows.
# PR_BUILD names the build folder.
set -eu
pristine="$PR_BUILD/pristine"
work=$(mktemp -d)
first=
trap '[ -z "$first" ] || kill -9 "$first" 2>/dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "program.sh: $1" >&2
    cat "$work/err" >&2
    exit 1
}

# refused CODE TEXT WORDS...: ends with CODE and one fatal line on stderr, which has TEXT in it.
refused() {
    wanted=$1
    text=$2
    shift 2
    code=0
    "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" -eq "$wanted" ] || fail "wanted exit code $wanted, not $code: $*"
    [ "$(grep -c '^fatal: ' "$work/err")" -eq 1 ] || fail "wanted one line: $*"
    grep '^fatal: ' "$work/err" | grep -qF -- "$text" || fail "wanted '$text': $*"
}

# wait_for FILE TEXT: until a line of FILE has it.
wait_for() {
    n=0
    until grep -q "$2" "$1" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 600 ] || { cp "$1" "$work/err"; fail "no '$2' within a minute"; }
        sleep 0.1
    done
}

refused 11 "unknown command 'trian'; did you mean 'train'?" "$pristine" trian
refused 11 "train: unknown option --confg; did you mean --config?" "$pristine" train --confg x
refused 11 "train: --config FILE must be given" "$pristine" train
for words in "" "--help" "--version" "train --help" "forge --help"; do
    # shellcheck disable=SC2086 # words
    "$pristine" $words >"$work/out" 2>"$work/err" || fail "pristine $words"
    [ -s "$work/out" ] || fail "pristine $words says nothing"
done

"$pristine" forge --procedural --out "$work/faces" --identities 12 --videos 2 --frames 4 --size 48 \
    >"$work/out" 2>"$work/err" || fail "forge"
cat >"$work/run.yaml" <<YAML
objective: cross_entropy
model: {width: 0.125, depth: 0, px: 48, init: random}
data:
  root: $work
  train: [{path: faces, split: train}]
  val: [{path: faces, split: val}]
train: {n_micro: 4, checkpoint_every: 5}
cpu: {threads: 1}
batch: 16
optim: {name: adamw, lr: 0.001}
stage:
  classifier: {epochs: 4}
YAML

refused 11 "did you mean model.width?" launch/run.sh 2 "$pristine" train --config "$work/run.yaml" \
    --run "$work/bad" --set modle.width=1
refused 11 "--set model.width is a list; one value was wanted" launch/run.sh 2 "$pristine" train \
    --config "$work/run.yaml" --run "$work/bad" --set seed=1 --set "model.width=[0.125, 1]"

# A run that would go on for long: a second writer is refused and leaves it alone.
launch/run.sh 2 "$pristine" train --config "$work/run.yaml" --run "$work/run" \
    --set stage.classifier.epochs=10000 >"$work/first" 2>&1 &
first=$!
wait_for "$work/run/log.jsonl" '"step"'
refused 11 "in use by $(uname -n), process $(sed 's/.*process //' "$work/run/lock")" \
    "$pristine" train --config "$work/run.yaml" --run "$work/run"
refused 11 "run/lock: in use by " launch/run.sh 2 "$pristine" train --config "$work/run.yaml" \
    --run "$work/run"
[ ! -e "$work/run/FAILED" ] || fail "a writer that was refused left FAILED in another's run"
kill -0 "$first" || fail "the first writer is gone"

# SIGTERM: a checkpoint, and exit code 75; then the same command goes on.
kill -TERM "$first"
code=0
wait "$first" || code=$?
cp "$work/first" "$work/err"
[ "$code" -eq 75 ] || fail "wanted exit code 75 after SIGTERM, not $code"
first=
grep -q "stopped by a signal" "$work/err" || fail "no word about the stop"
n_steps=$(grep -c '"type": *"step"' "$work/run/log.jsonl")
launch/run.sh 1 "$pristine" train --config "$work/run.yaml" --run "$work/run" \
    --set stage.classifier.epochs=10000 --set "train.stop_at=step $((n_steps + 3))" \
    >"$work/out" 2>"$work/err" || fail "the run does not go on"
[ "$(grep -c '"type": *"step"' "$work/run/log.jsonl")" -eq $((n_steps + 3)) ] ||
    fail "wanted 3 more steps than $n_steps"
