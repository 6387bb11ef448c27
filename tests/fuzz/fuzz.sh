#!/bin/sh
# Runs one fuzz target for PR_FUZZ_S seconds (20) from a copy of its corpus, which grows in the build
# and is taken up again by the next run. Inputs that break it are kept in BUILD/found.
# Usage: fuzz.sh TARGET CORPUS MAX_LEN BUILD
set -eu
target=$1
corpus=$2
max_len=$3
build=$4
name=$(basename "$target")
name=${name#fuzz_}
[ -d "$corpus" ] || {
    echo "$corpus: no corpus" >&2
    exit 1
}
mkdir -p "$build/found/$name" "$build/corpus/$name"
cp "$corpus"/* "$build/corpus/$name/"
exec "$target" -max_total_time="${PR_FUZZ_S:-20}" -max_len="$max_len" -rss_limit_mb=2048 -timeout=20 \
    -print_final_stats=1 -artifact_prefix="$build/found/$name/" "$build/corpus/$name"
