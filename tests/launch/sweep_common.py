"""What the sweep's tests share: the program, faces, a config that trains in a second."""
import json
import os
import subprocess

FAILED = []
CONFIG = """
objective: cross_entropy
seed: 3
model: {name: xception, width: 0.125, depth: 0, px: 32, init: random}
data:
  train: [{path: %(data)s, split: train}]
  val: [{path: %(data)s, split: val}]
  test: {all: [{path: %(data)s, split: test}]}
train: {n_micro: 2, checkpoint_every: 2}
cpu: {loader_threads: 0}
eval: {batch: 8}
batch: 8
optim: {name: adamw, lr: 0.002}
stage:
  classifier: {epochs: %(epochs)d}
"""


def check(ok, text):
    if not ok:
        FAILED.append(text)
        print("FAILED: " + text, flush=True)


class Program:
    def __init__(self, path, folder):
        self.path, self.folder = path, folder

    def __call__(self, *words, code=0, env=None):
        """Stdout and stderr; the exit code must be CODE (None: any but 0)."""
        done = subprocess.run([self.path, *words], capture_output=True, text=True,
                              env=dict(os.environ, **(env or {})))
        good = done.returncode != 0 if code is None else done.returncode == code
        check(good, "%s: exit code %d, want %s\n%s%s" % (words, done.returncode, code, done.stdout, done.stderr))
        return done.stdout, done.stderr

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def faces(self, identities=8):
        data = os.path.join(self.folder, "faces")
        self("forge", "--procedural", "--out", data, "--identities", str(identities), "--videos", "1", "--frames",
             "2", "--size", "40", "--split", "0.5,0.3,0.2")
        return data


def lines(run, kind=None):
    with open(os.path.join(run, "log.jsonl")) as file:
        parsed = [json.loads(line) for line in file]
    return [line for line in parsed if kind is None or line["type"] == kind]


def metric(run):
    with open(os.path.join(run, "eval", "val.json")) as file:
        return json.load(file)["frame"]["auc"]


def trials(out):
    return sorted(name for name in os.listdir(out) if name.startswith("trial-"))
