#!/usr/bin/env python3
"""A real run's trace.h5 against an independent transcription of RCCL's equations 1 to 5.

A small network is trained on procedural faces with --trace; its embeddings, labels, pairs and mixing
weights are fed to the transcription of tests/memory_bank/rccl_reference.py, which replays the bank
over two epochs on its own. Centre, hard sets (as samples), synthetic features, loss and the
embeddings' gradient must agree at every step; so must the classifier's cross-entropy. The traced
run's checkpoint has the untraced one's bytes, and three ranks write the same trace.

Usage: replay.py PRISTINE
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "memory_bank"))
import rccl_reference as rccl  # noqa: E402  (prints why and ends where PyTorch is missing)

try:
    import h5py
    import numpy as np
except ImportError as error:
    print("skipped: replay.py needs h5py and NumPy (%s)" % error)
    sys.exit(0)

BOUND = 1e-4
CONFIG = """
objective: rccl
seed: 3
model: {name: xception, width: 0.125, depth: 0, px: 48, proj_out: 16, init: random}
data:
  train: [{path: %s, split: train}]
train: {n_micro: 4}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.002}
stage:
  contrastive: {epochs: 2}
  classifier: {epochs: 1}
"""


def run(pristine, words, n_ranks=1):
    launch = [] if n_ranks == 1 else ["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", str(n_ranks)]
    done = subprocess.run(launch + [pristine] + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(done.stdout.decode())
        sys.exit("%s failed with %d" % (words[0], done.returncode))
    return done.stdout.decode()


def read_steps(file):
    """The traced steps in order: attributes, and every dataset by its path in the group."""
    steps = []
    for name in sorted(n for n in file if n.startswith("step-")):
        step = {"attrs": dict(file[name].attrs)}
        file[name].visititems(lambda key, item: step.update({key: item[()]}) if hasattr(item, "shape") else None)
        steps.append(step)
    return steps


def check_order(steps):
    """Steps are whole and in order: epochs follow each other, and pairs are two views."""
    for number, step in enumerate(steps):
        rccl.check(step["attrs"]["step"] == number, "step %d is numbered %d" % (number, step["attrs"]["step"]))
        before = steps[number - 1]["attrs"] if number else None
        follows = before is None or step["attrs"]["epoch"] > before["epoch"] or \
            step["attrs"]["epoch_step"] == before["epoch_step"] + 1
        rccl.check(follows, "step %d does not follow the one before it" % number)


def replay(steps):
    """Compares contrastive steps with the transcription; returns the worst relative error."""
    fed = []
    for step in steps:
        label, pair = step["view/label"], step["view/place"]
        fed.append([label, step["view/sample"], pair, int(step["attrs"]["epoch_step"]),
                    int(step["attrs"]["epoch_step"] == 0), int(pair[0]), step["z"].astype("<f8")])
        order = np.sort(pair)
        rccl.check(np.array_equal(order[0::2], order[1::2]), "a place is not shown by two views")
        lengths = np.linalg.norm(step["z"].astype("<f8"), axis=1)
        rccl.check(np.allclose(lengths, 1, atol=1e-5), "an embedding is not of unit length")
    have = []
    for step in steps:
        names = {"loss": "row_loss", "dz": "z_grad"}
        names.update({n: "synthetic/" + n for n in ("tp", "tp_valid", "mn", "mn_valid", "tp_index", "mn_index")})
        names.update({"bank." + n: "bank/" + n for n in ("centre", "hard", "hard_key", "hard_count")})
        have.append({to: step[of] for to, of in names.items()})
    o = dict(rccl.DEFAULTS, u=4, k=2)
    want = rccl.reference(o, fed, [step["lambda"] for step in steps], False)
    for step, wanted in zip(steps, want):
        rccl.close("the step's loss", [step["attrs"]["loss"]], [wanted["loss"].sum()], BOUND)
    return rccl.compare("replay", o, have, want, False, BOUND)


def check_classifier(steps):
    """Cross-entropy of the traced probabilities, over the count of the global batch (R19)."""
    for step in steps:
        p = step["prob"].astype("<f8")
        rccl.check(np.allclose(p.sum(axis=1), 1, atol=1e-6), "probabilities do not sum to one")
        rows = -np.log(p[np.arange(len(p)), step["view/label"]]) / len(p)
        rccl.close("cross-entropy", step["row_loss"], rows, BOUND)


def check_names(file, steps):
    """Each shown sample has its name; a pristine one's method is that of the originals."""
    names = dict(zip(file["sample/id"][:].tolist(), file["sample/name"][:].tolist()))
    methods = {0: set(), 1: set()}
    for step in steps:
        for sample, label in zip(step["view/sample"], step["view/label"]):
            methods[int(label)].add(names[int(sample)].decode().split("/")[1])
    rccl.check(methods[0] and methods[1] and not methods[0] & methods[1],
               "reals and fakes share a method: %s" % methods)
    rccl.check(len(set(names.values())) == len(names), "two samples have one name")


def same_bytes(a, b):
    rccl.check(open(a, "rb").read() == open(b, "rb").read(), "%s and %s differ" % (a, b))


def main(pristine):
    with tempfile.TemporaryDirectory() as folder:
        data, config = os.path.join(folder, "data"), os.path.join(folder, "config.yaml")
        runs = [os.path.join(folder, name) for name in ("plain", "traced", "ranks")]
        run(pristine, ["forge", "--procedural", "--identities", "12", "--videos", "2", "--frames", "4",
                       "--size", "48", "--out", data])
        with open(config, "w") as f:
            f.write(CONFIG % data)
        run(pristine, ["train", "--config", config, "--run", runs[0]])
        run(pristine, ["train", "--config", config, "--run", runs[1], "--trace", "1000"])
        run(pristine, ["train", "--config", config, "--run", runs[2], "--trace", "1000"], 3)
        last = sorted(os.listdir(os.path.join(runs[0], "checkpoints")))[-1]
        for other in runs[1:]:
            same_bytes(os.path.join(runs[0], "checkpoints", last), os.path.join(other, "checkpoints", last))
        same_bytes(os.path.join(runs[1], "trace.h5"), os.path.join(runs[2], "trace.h5"))
        os.remove(os.path.join(runs[1], "trace.h5"))
        said = run(pristine, ["train", "--config", config, "--run", runs[1], "--trace", "1000"])
        rccl.check("only its first start is traced" in said and not os.path.exists(os.path.join(runs[1], "trace.h5")),
                   "a resume traces: %s" % said)
        with h5py.File(os.path.join(runs[2], "trace.h5"), "r") as file:
            steps = read_steps(file)
            check_names(file, steps)
        check_order(steps)
        contrastive = [s for s in steps if s["attrs"]["stage"] == b"contrastive"]
        linear = [s for s in steps if s["attrs"]["stage"] == b"classifier"]
        epochs = [int(s["attrs"]["epoch"]) for s in contrastive]
        rccl.check(sorted(set(epochs)) == [0, 1] and linear, "want two contrastive epochs and a classifier's")
        worst = replay(contrastive)
        check_classifier(linear)
        print("%d contrastive steps in 2 epochs, %d of the classifier: at most %.1e apart"
              % (len(contrastive), len(linear), worst))
    return 1 if rccl.FAILED else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
