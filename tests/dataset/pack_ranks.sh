#!/bin/sh
# `pristine pack` and `inspect` as they are run: the same bytes on 1 and 3 ranks and from a shuffled
# manifest; one message and a failure for a bad file on one rank; --verify finds a flipped byte.
set -eu
pristine="$PR_BUILD/pristine"
tree="$PR_BUILD/tests/dataset/test_pack"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ranks="mpirun -q --oversubscribe --bind-to none -n 3"

fail() {
    echo "pack_ranks: $*"
    exit 1
}

mkdir "$work/a" "$work/b"
"$tree" "$work/a"
"$tree" "$work/b" shuffled
cmp -s "$work/a/manifest.tsv" "$work/b/manifest.tsv" && fail "the manifests are in one order"

"$pristine" pack "$work/a" --out "$work/one" --dataset synth --shards 7 >/dev/null 2>&1 ||
    fail "pack on one rank"
$ranks "$pristine" pack "$work/b/manifest.tsv" --out "$work/three" --dataset synth --shards 7 \
    >/dev/null 2>&1 || fail "pack on three ranks"
[ "$(ls "$work/one" | wc -l)" -eq 8 ] || fail "want 7 shards and an index: $(ls "$work/one")"
for file in "$work/one"/*; do
    cmp "$file" "$work/three/$(basename "$file")" || fail "ranks change bytes"
done

"$pristine" inspect "$work/one" --verify >"$work/said" 2>&1 || fail "$(cat "$work/said")"
grep -q '60 crops (40 real, 20 fake) in 7 shards' "$work/said" || fail "$(cat "$work/said")"
grep -q 'verified 60 crops: 0 bad' "$work/said" || fail "$(cat "$work/said")"

# A byte in the middle of a shard is in some image.
size=$(wc -c <"$work/one/part-00003.h5")
at=$((size * 3 / 4))
byte=$(od -An -tu1 -j $at -N 1 "$work/one/part-00003.h5" | tr -d ' ')
printf "\\$(printf %o $((byte ^ 1)))" |
    dd of="$work/one/part-00003.h5" bs=1 seek=$at conv=notrunc 2>/dev/null
code=0
$ranks "$pristine" inspect "$work/one" --verify >"$work/said" 2>&1 || code=$?
[ $code -ne 0 ] || fail "a flipped byte was not found"
grep -q 'part-00003.h5: record .*the CRC of its' "$work/said" || fail "$(cat "$work/said")"
grep -q 'verified 60 crops: 1 bad' "$work/said" || fail "$(cat "$work/said")"

printf 'GIF89a' >"$work/b/crop42.jpg"
code=0
$ranks "$pristine" pack "$work/b" --out "$work/bad" --dataset synth --shards 7 >"$work/said" 2>&1 ||
    code=$?
[ $code -ne 0 ] || fail "a file that is no image was packed"
[ "$(grep -c 'fatal:' "$work/said")" -eq 1 ] || fail "want one message: $(cat "$work/said")"
grep -q 'manifest.tsv:[0-9]*: .*crop42.jpg' "$work/said" || fail "$(cat "$work/said")"
[ ! -e "$work/bad/dataset.h5" ] || fail "an index over a dataset that is not whole"
echo "packed alike on 1 and 3 ranks"
