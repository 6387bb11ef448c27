#!/bin/sh
# Measures a training step against Debian's PyTorch and, where a virtual environment is given, the
# one installed there (python3 -m venv DIR && DIR/bin/pip install torch).
# Usage: step_vs_pytorch.sh BUILD_FOLDER [VENV] [option of step_vs_pytorch.py]...
set -eu
here=$(dirname "$0")
build=$1
shift
venv=
if [ $# -gt 0 ] && [ -x "$1/bin/python" ]; then
    venv=$1/bin/python
    shift
fi
exec /usr/bin/python3 "$here/step_vs_pytorch.py" "$build/bench/bench_step" /usr/bin/python3 \
    ${venv:+"$venv"} "$@"
