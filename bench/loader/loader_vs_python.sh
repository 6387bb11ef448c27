#!/bin/sh
# The loader beside Python's pipelines: the same crops (299 px, quality 90, 4:2:0), one core each, one
# after the other, in views per second of processor time. Prints a Markdown table.
#
# PR_BUILD    a build folder with bench_loader (cmake -DPR_BENCH=ON)
# PR_FACES    a folder of photographs; PR_SECONDS a pipeline (default 5)
# PR_PYTHONS  the Pythons to try (default /usr/bin/python3)
set -eu
here=$(dirname "$0")
build=${PR_BUILD:?a build folder with bench_loader}
faces=${PR_FACES:?a folder of photographs}
seconds=${PR_SECONDS:-5}
pythons=${PR_PYTHONS:-/usr/bin/python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/crops" "$work/set"
/usr/bin/python3 - "$faces" "$work/crops" <<'PY'
import glob, random, sys
from PIL import Image
random.seed(1)
paths = sorted(glob.glob(sys.argv[1] + "/**/*.jpg", recursive=True))
for k, path in enumerate(random.sample(paths, min(200, len(paths)))):
    image = Image.open(path).convert("RGB")
    side = int(min(image.size) * 0.8)
    x, y = (image.size[0] - side) // 2, (image.size[1] - side) // 2
    image = image.crop((x, y, x + side, y + side)).resize((299, 299), Image.BICUBIC)
    image.save(f"{sys.argv[2]}/{k:03d}.jpg", quality=90, subsampling=2)
PY
echo "$(date -u +%Y-%m-%d), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), one core of" \
    "$(nproc), load average $(cut -d' ' -f1 /proc/loadavg) before," \
    "$(ls "$work/crops" | wc -l) crops of $(($(cat "$work"/crops/*.jpg | wc -c) / \
    $(ls "$work/crops" | wc -l))) bytes"
echo
echo "| pipeline | views/s |"
echo "|---|---|"
taskset -c 0 "$build/bench/bench_loader" "$work/set" 299 "$seconds" "$work"/crops/*.jpg |
    sed 's/^\(.*\) \([0-9]*\)$/| \1, pristine | \2 |/'
for python in $pythons; do
    OMP_NUM_THREADS=1 taskset -c 0 "$python" "$here/loader_vs_python.py" "$work/crops" 299 "$seconds" \
        2>/dev/null | sed 's/^/| /; s/$/ |/'
done
