#!/bin/sh
# The main job on built-in data: forge a data set, train RCCL's two stages on two ranks, evaluate,
# write the report. Everything lands in demo/.
# Usage: demo.sh BUILD
set -eu
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd)
pristine=$build/pristine
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

if [ ! -f demo/faces/dataset.h5 ]; then
    echo "== making faces"
    launch/run.sh 2 "$pristine" forge --procedural --out demo/faces --identities 240 --videos 2 \
        --frames 4 --size 72 --split 0.7,0.1,0.2
fi
echo "== a short cross-entropy run to begin from"
launch/run.sh 2 "$pristine" train --config configs/rccl/demo_warm.yaml --run demo/warm
echo "== RCCL, contrastive stage and classifier"
launch/run.sh 2 "$pristine" train --config configs/rccl/demo.yaml --run demo/rccl
echo "== evaluating"
launch/run.sh 2 "$pristine" eval demo/rccl
"$pristine" report demo/rccl
echo "The report: $(pwd)/demo/rccl/report.html"
