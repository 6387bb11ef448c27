#!/bin/sh
# Builds the fuzz targets with clang and runs each for SECONDS from its committed corpus; what is
# found is kept in build-fuzz/found/<target>.
# Usage: fuzz.sh SECONDS
set -eu
seconds=${1:-20}
cd "$(dirname "$0")/.."
cmake -S . -B build-fuzz -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DPR_FUZZ=ON >/dev/null
cmake --build build-fuzz -j "$(nproc)"
PR_FUZZ_S=$seconds ctest --test-dir build-fuzz --output-on-failure -L fuzz
