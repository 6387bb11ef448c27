#!/bin/sh
# A view's bits do not depend on the processor: not on libjpeg-turbo's assembler, not on our AVX2
# loops, not on which variants of its functions the C library picks.
set -eu
program=$PR_BUILD/tests/dataset/test_render
here=$("$program" wide)
other=$(JSIMD_FORCENONE=1 GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-AVX2,-AVX2_Usable,-FMA_Usable \
    "$program" plain)
if [ -z "$here" ] || [ "$here" != "$other" ]; then
    echo "views differ: $here here, $other on a plain processor" >&2
    exit 1
fi
