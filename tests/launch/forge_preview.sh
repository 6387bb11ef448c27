#!/bin/sh
# pristine forge --preview: the same bytes on any number of ranks and twice, from drawn faces, a dataset
# and photographs; what cannot be shown is refused in one line. PR_BUILD names the build folder.
set -eu
pristine="$PR_BUILD/pristine"
faces=${PR_FACES:-../shared/data/faces}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "forge_preview.sh: $1" >&2
    cat "$work/err" >&2
    exit 1
}

show() {
    "$@" >"$work/out" 2>"$work/err" || fail "$*"
}

# refused CODE TEXT WORDS...: ends with CODE and one fatal line on stderr, which has TEXT in it.
refused() {
    wanted=$1
    text=$2
    shift 2
    code=0
    "$pristine" forge --preview "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" -eq "$wanted" ] || fail "wanted exit code $wanted, not $code: $*"
    [ "$(grep -c '^fatal: ' "$work/err")" -eq 1 ] || fail "wanted one line: $*"
    grep '^fatal: ' "$work/err" | grep -qF -- "$text" || fail "wanted '$text': $*"
}

# same_sheets NAME WORDS...: one rank, one again and two write the same files.
same_sheets() {
    name=$1
    shift
    show "$pristine" forge --preview addg "$@" --out "$work/$name-1.png"
    grep -q "9 sb_sim" "$work/out" || fail "$name: the columns are not told"
    show "$pristine" forge --preview addg "$@" --out "$work/$name-1b.png"
    show launch/run.sh 2 "$pristine" forge --preview addg "$@" --out "$work/$name-2.png"
    for other in 1b 2; do
        cmp "$work/$name-1.png" "$work/$name-$other.png" || fail "$name: $other is another sheet"
        cmp "$work/$name-1.png.tsv" "$work/$name-$other.png.tsv" || fail "$name: another legend"
    done
    [ "$(wc -l <"$work/$name-1.png.tsv")" -eq 28 ] || fail "$name: the legend is not 28 lines"
}

same_sheets drawn --procedural --identities 6 --videos 1 --size 64 --faces 3
show "$pristine" forge --procedural --identities 6 --videos 1 --frames 2 --size 48 --donors 0 \
    --out "$work/set"
same_sheets packed --data "$work/set" --faces 3
show "$pristine" forge --preview addg --data "$work/set" --faces 3 --set addg.blur_min=31 \
    --set addg.blur_max=31 --set 'addg.masks=[mouth, 36-41+42-47]' --out "$work/set.jpg"
grep -q "blur of 31 x 31 px" "$work/set.jpg.tsv" || fail "--set addg.blur_max has no effect"
cut -f 6 "$work/set.jpg.tsv" | grep -v "mouth\|36-41\|mask" && fail "--set addg.masks has no effect"
show "$pristine" forge --preview addg --procedural --identities 3 --faces 1 --out "$work/one.jpg"

if [ -e "$faces/landmarks68.tsv" ]; then
    same_sheets photos --photos "$faces" --landmarks "$faces/landmarks68.tsv" --size 64 --faces 3
else
    echo "skipped: a sheet of photographs ($faces is not there)"
fi

drawn="--procedural --identities 4 --videos 1 --size 32"
# shellcheck disable=SC2086 # words
{
    refused 11 "--preview 'adgd' is not known; did you mean 'addg'?" adgd $drawn --out "$work/a.png"
    refused 11 "there are 4 among 4" addg $drawn --faces 9 --out "$work/a.png"
    refused 11 "must end in .png, .jpg or .jpeg" addg $drawn --out "$work/a.gif"
    refused 14 "$work/none/a.png" addg $drawn --out "$work/none/a.png"
    refused 11 "addg.blur_mx" addg $drawn --set addg.blur_mx=3 --out "$work/a.png"
}
refused 11 "--photos needs --landmarks" addg --photos "$work" --out "$work/a.png"
refused 14 "$work/none.tsv" addg --photos "$work" --landmarks "$work/none.tsv" --out "$work/a.png"
refused 11 "have no use" addg --data "$work/set" --procedural --out "$work/a.png"
printf 'file\twidth\theight\n' >"$work/few.tsv"
refused 15 "few.tsv" addg --photos "$work" --landmarks "$work/few.tsv" --out "$work/a.png"
[ ! -e "$work/a.png" ] || fail "a refused sheet is there"
