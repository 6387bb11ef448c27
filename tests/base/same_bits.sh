#!/bin/sh
# Our mathematics and draws under other variants of glibc's libm: the same bits. That libm's own bits
# do change is printed, since only then the comparison means something.
# Usage: same_bits.sh TEST_MATH TEST_DRAW
set -eu
bits() {
    "$1" bits | grep '^bits '
    "$2" bits | grep '^bits '
}
libm() {
    "$1" bits | grep '^libm '
}
plain=$(bits "$@")
plain_libm=$(libm "$1")
n_changed=0
for hwcaps in -FMA,-AVX2 -FMA,-FMA4,-AVX2,-AVX; do
    GLIBC_TUNABLES=glibc.cpu.hwcaps=$hwcaps
    export GLIBC_TUNABLES
    other=$(bits "$@")
    if [ "$other" != "$plain" ]; then
        echo "under GLIBC_TUNABLES=$GLIBC_TUNABLES: $other"
        echo "without: $plain"
        exit 1
    fi
    [ "$(libm "$1")" = "$plain_libm" ] || n_changed=$((n_changed + 1))
    unset GLIBC_TUNABLES
done
echo "the same bits; libm's own changed under $n_changed of 2 variants"
