#!/bin/sh
# libjpeg-turbo must encode and decode to the same bytes with and without its assembler.
set -eu
with=$("$PR_BUILD/tests/dataset/test_codec" hash)
without=$(JSIMD_FORCENONE=1 "$PR_BUILD/tests/dataset/test_codec" hash)
if [ -z "$with" ] || [ "$with" != "$without" ]; then
    echo "bytes differ: $with with SIMD, $without without" >&2
    exit 1
fi
