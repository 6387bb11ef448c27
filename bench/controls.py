#!/usr/bin/python3
"""Controls of the demo: what chance gives, and what trivial numbers of a crop give.

    bench/controls.py BUILD DEMO [SEEDS]

Trains the demo's two runs with shuffled training labels, once for each of SEEDS (3), into DEMO/control-*,
and prints the test frame AUC of each and their mean, which must lie between 0.4 and 0.6. Prints for
DEMO/faces what file size, mean brightness and mean gradient of a test crop alone tell of its label, as
max(AUC, 1 - AUC), which must stay below 0.7. Run from the repository's root; DEMO is made by `make demo`.
"""
import io
import json
import os
import subprocess
import sys

import h5py
import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score


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
        print(f"{name} alone: {max(auc, 1 - auc):.3f} ({len(labels)} test crops)")
        assert max(auc, 1 - auc) < 0.7, name


def train(pristine, config, run, *sets):
    words = ["launch/run.sh", "2", pristine, "train", "--config", config, "--run", run]
    for key_value in sets:
        words += ["--set", key_value]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)


def shuffled(pristine, demo, seed):
    warm, run = f"{demo}/control-warm-{seed}", f"{demo}/control-rccl-{seed}"
    common = (f"seed={seed}", "data.shuffle_labels=true")
    train(pristine, "configs/rccl/demo_warm.yaml", warm, *common)
    train(pristine, "configs/rccl/demo.yaml", run, *common, f"model.init={warm}")
    subprocess.run(["launch/run.sh", "2", pristine, "eval", run], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{run}/eval/test.procedural.json") as file:
        return json.load(file)["frame"]["auc"]


def main():
    pristine, demo = f"{sys.argv[1]}/pristine", sys.argv[2]
    n_seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    trivial(f"{demo}/faces")
    values = []
    for seed in range(1, n_seeds + 1):
        values.append(shuffled(pristine, demo, seed))
        print(f"shuffled labels, seed {seed}: test frame AUC {values[-1]:.4f}", flush=True)
    print(f"mean {np.mean(values):.4f}")
    assert 0.4 <= np.mean(values) <= 0.6


if __name__ == "__main__":
    main()
