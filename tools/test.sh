#!/bin/sh
# The whole suite on a clean tree: style, both compilers, sanitizers, fuzzing, and then the tests of
# the Release build, whose summary is the last thing printed.
# Usage: test.sh JOBS
set -eu
jobs=${1:-2}
cd "$(dirname "$0")/.."
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

say() { printf '\n== %s (%s s)\n' "$1" "$(($(date +%s) - started))"; }
started=$(date +%s)

say "format"
git ls-files '*.c' '*.h' | xargs clang-format-14 --dry-run --Werror

say "build with gcc, Release"
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=gcc -DPR_BENCH=ON >/dev/null
cmake --build build -j "$jobs"

say "build with clang, Debug"
cmake -S . -B build-clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang >/dev/null
cmake --build build-clang -j "$jobs"

say "clang-tidy"
git ls-files '*.c' | grep -v -e '^tests/fuzz/' -e '^bench/' |
    xargs -P "$jobs" -n 1 clang-tidy-14 -p build-clang --quiet 2>/dev/null

say "AddressSanitizer and UndefinedBehaviorSanitizer"
cmake -S . -B build-asan -DCMAKE_BUILD_TYPE=Release -DPR_SANITIZE=ON >/dev/null
cmake --build build-asan -j "$jobs"
ctest --test-dir build-asan --output-on-failure -j "$jobs" -LE slow

say "fuzz targets"
tools/fuzz.sh 20

say "tests"
ctest --test-dir build --output-on-failure -j "$jobs"
