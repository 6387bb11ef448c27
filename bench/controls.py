#!/usr/bin/python3
"""Controls of the demo: what chance gives, and what trivial numbers of a crop give.

    bench/controls.py BUILD DEMO [--seeds N]
    bench/controls.py BUILD --small

Trains the demo's two runs with shuffled training labels, once for each of N seeds (3), into DEMO/control-*,
and prints the test frame AUC of each and their mean, which must lie between 0.4 and 0.6. Prints for
DEMO/faces what file size, mean brightness and mean gradient of a test crop alone tell of its label, as
max(AUC, 1 - AUC), which must stay below 0.7. DEMO is made by `make demo`.

--small does the same in well under a minute on fewer and smaller faces of its own: the demo's first run alone,
with one seed and between 0.3 and 0.7; with true labels it must come above 0.8. Run from the repository's root.
"""
import argparse
import io
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

SMALL = ("model.px=48", "stage.classifier.epochs=%d", "data.test.small.0.path=faces",
         "data.test.small.0.split=test")
SMALL_EPOCHS = 20


def check(holds, message):
    if not holds:
        sys.exit(f"failed: {message}")


def crops(folder):
    """(label, encoded bytes) of the test split's crops."""
    n_shards = len([name for name in os.listdir(folder) if name.startswith("part-")])
    for shard in range(n_shards):
        with h5py.File(f"{folder}/part-{shard:05d}.h5", "r") as part:
            words = [word.decode() if isinstance(word, bytes) else word for word in part["words"][:]]
            words = [word.rstrip("\0") for word in words]
            offset, image = part["image_offset"][:], part["image"][:]
            for row, crop in enumerate(part["crops"][:]):
                if words[crop["split"]] == "test":
                    yield words[crop["label"]], image[offset[row]:offset[row + 1]].tobytes()


def trivial(folder):
    labels, numbers = [], {"file size": [], "mean brightness": [], "mean gradient": []}
    for label, data in crops(folder):
        grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"), dtype=float)
        labels.append(label == "fake")
        numbers["file size"].append(len(data))
        numbers["mean brightness"].append(grey.mean())
        numbers["mean gradient"].append(np.abs(np.diff(grey, axis=0)).mean()
                                        + np.abs(np.diff(grey, axis=1)).mean())
    for name, values in numbers.items():
        auc = roc_auc_score(labels, values)
        print(f"{name} alone: {max(auc, 1 - auc):.3f} ({len(labels)} test crops)", flush=True)
        check(max(auc, 1 - auc) < 0.7, f"{name} alone tells reals from fakes")


def launch(*words):
    done = subprocess.run(["launch/run.sh", "2", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    check(done.returncode == 0, f"{' '.join(words)}: exit {done.returncode}:\n{done.stdout}")


def train(pristine, config, run, *sets):
    words = []
    for key_value in sets:
        words += ["--set", key_value]
    launch(pristine, "train", "--config", config, "--run", run, *words)


def test_auc(pristine, run, name):
    launch(pristine, "eval", run)
    with open(f"{run}/eval/test.{name}.json") as file:
        return json.load(file)["frame"]["auc"]


def shuffled(pristine, demo, seed):
    warm, run = f"{demo}/control-warm-{seed}", f"{demo}/control-rccl-{seed}"
    common = (f"seed={seed}", "data.shuffle_labels=true")
    train(pristine, "configs/rccl/demo_warm.yaml", warm, *common)
    train(pristine, "configs/rccl/demo.yaml", run, *common, f"model.init={warm}")
    return test_auc(pristine, run, "procedural")


def small(pristine):
    with tempfile.TemporaryDirectory(prefix="pristine-") as folder:
        launch(pristine, "forge", "--procedural", "--out", f"{folder}/faces", "--identities", "120",
               "--videos", "2", "--frames", "4", "--size", "48", "--split", "0.7,0.1,0.2")
        trivial(f"{folder}/faces")
        sets = (f"data.root={folder}", *(word.replace("%d", str(SMALL_EPOCHS)) for word in SMALL))
        for name, more, low, high in (("true", (), 0.8, 1.0),
                                      ("shuffled", ("data.shuffle_labels=true",), 0.3, 0.7)):
            train(pristine, "configs/rccl/demo_warm.yaml", f"{folder}/{name}", *sets, *more)
            auc = test_auc(pristine, f"{folder}/{name}", "small")
            print(f"{name} labels: test frame AUC {auc:.4f}", flush=True)
            check(low <= auc <= high, f"{name} labels: {auc:.4f} is not between {low} and {high}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("demo", nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    pristine, demo = f"{options.build}/pristine", options.demo
    if options.small:
        small(pristine)
        return
    if demo is None:
        parser.error("DEMO is missing")
    trivial(f"{demo}/faces")
    values = []
    for seed in range(1, options.seeds + 1):
        values.append(shuffled(pristine, demo, seed))
        print(f"shuffled labels, seed {seed}: test frame AUC {values[-1]:.4f}", flush=True)
    print(f"mean {np.mean(values):.4f}")
    check(0.4 <= np.mean(values) <= 0.6, "shuffled labels are learnt")


if __name__ == "__main__":
    main()
