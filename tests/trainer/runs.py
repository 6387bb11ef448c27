"""Whole runs of the program for the tests beside this file: data, configs, ranks, kills, and what two
runs have to have in common to the last bit. PR_BUILD names the build folder."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy

BINARY = os.path.join(os.environ["PR_BUILD"], "pristine")
TIMEOUT_S = 240

CONFIG = """
objective: rccl
seed: 3
model: {width: 0.125, depth: 0, px: 48, init: random}
data:
  root: %s
  train: [{path: faces, split: train}]
  val: [{path: faces, split: val}]
  test: {all: [{path: faces, split: test}]}
train: {n_micro: 4, hash_every: 3, checkpoint_every: 5, keep: 100}
cpu: {threads: 1}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.001}
stage:
  contrastive: {epochs: 3, optim.group: [backbone.], optim.group_rate: [0.5]}
  classifier: {epochs: 1, batch: 32}
"""


class Lab:
    """A folder of data and runs, gone at the end unless a check failed."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pristine-")
        self.config = self.path("run.yaml")
        with open(self.config, "w") as file:
            file.write(CONFIG % self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def close(self):
        shutil.rmtree(self.folder)

    def forge(self, name, *options):
        """Procedural faces, the same crops in any number of shards."""
        done = subprocess.run([BINARY, "forge", "--procedural", "--out", self.path(name),
                               "--identities", "12", "--videos", "2", "--frames", "4", "--size",
                               "48", *options], capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"forge {name}: {done.stderr}")

    def command(self, run, ranks, sets):
        words = [BINARY, "train", "--config", self.config, "--run", self.path(run)]
        for word in sets:
            words += ["--set", word]
        return ["mpirun", "-q", "-n", str(ranks)] + words

    def start(self, run, ranks, *sets):
        return subprocess.Popen(self.command(run, ranks, sets), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def train(self, run, ranks, *sets, code=0):
        """The output of a start that has to end with exit code CODE (None: any but 0)."""
        return self.finish(self.start(run, ranks, *sets), run, code)

    def finish(self, process, run, code=0):
        try:
            output, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            output, _ = process.communicate()
            check(False, f"{run} hung:\n{output}")
        got = process.returncode
        check(got == code or (code is None and got != 0), f"{run}: exit {got}, not {code}:\n{output}")
        return output

    def log(self, run, kind="step"):
        """The lines of one type; what is no whole line yet is left out."""
        path = self.path(run, "log.jsonl")
        if not os.path.exists(path):
            return []
        with open(path) as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return [line for line in lines if line["type"] == kind]

    def checkpoints(self, run):
        folder = self.path(run, "checkpoints")
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [os.path.join(folder, name) for name in names if name.endswith(".h5")]

    def is_writing(self, run):
        folder = self.path(run, "checkpoints")
        return os.path.isdir(folder) and any(".tmp-" in name for name in os.listdir(folder))


def check(holds, message):
    if not holds:
        print(f"failed: {message}", file=sys.stderr, flush=True)
        sys.exit(1)


def ranks_of(mpirun):
    """The processes that mpirun started."""
    pids = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            if name.isdigit() and parent == mpirun.pid:
                pids.append(int(name))
        except (OSError, IndexError, ValueError):
            pass
    return sorted(pids)


def wait_for(lab, process, run, step, writing=False):
    """Until STEP is in the log (and a checkpoint is half written); False where the run ended first."""
    while process.poll() is None:
        lines = lab.log(run)
        if lines and lines[-1]["step"] >= step:
            if not writing:
                return True
            while process.poll() is None:
                if lab.is_writing(run):
                    return True
        time.sleep(0.001)
    return False


def kill_one(lab, run, ranks, step, writing, *sets):
    """Starts RUN, and kills one rank as by a power cut. False where it ended before."""
    process = lab.start(run, ranks, "train.checkpoint_every=1", *sets)
    hit = wait_for(lab, process, run, step, writing)
    if hit:
        if not writing:
            time.sleep(random.random() * 0.03)
        pids = ranks_of(process)
        hit = len(pids) > 0
        for pid in random.sample(pids, min(len(pids), 1)):
            try:
                # The first rank writes, and is the one to hit where that is what is tested.
                os.kill(pids[0] if writing else pid, signal.SIGKILL)
            except ProcessLookupError:
                hit = False
    output, _ = process.communicate(timeout=TIMEOUT_S)
    check(process.returncode in (0, 137), f"{run}: a kill ended with {process.returncode}:\n{output}")
    return hit and process.returncode != 0


def contents(path):
    """Every dataset and attribute of a checkpoint but the config's text."""
    found = {}
    with h5py.File(path, "r") as file:
        for name, value in file.attrs.items():
            found["@" + name] = numpy.asarray(value)

        def visit(name, node):
            if isinstance(node, h5py.Dataset) and name != "config":
                found[name] = node[()]

        file.visititems(visit)
    return found


def compare_files(name, left, right, leave_out=()):
    """Both files hold the same tensors with the same bytes."""
    a, b = contents(left), contents(right)
    keys = [key for key in sorted(set(a) | set(b)) if key not in leave_out]
    unlike = [key for key in keys if key not in a or key not in b or a[key].shape != b[key].shape or
              a[key].tobytes() != b[key].tobytes()]
    check(not unlike, f"{name}: {len(unlike)} of {len(keys)} tensors differ in {left} and {right}: "
          f"{', '.join(unlike[:6])}")
    return keys


def compare(lab, left, right):
    """Losses, steering numbers and every checkpoint of LEFT, which RIGHT must have too."""
    for kind, columns in (("step", ("step", "epoch", "stage", "loss", "lr", "grad_norm")),
                          ("eval", ("step", "epoch", "metric", "value", "best", "frame.ap")),
                          ("plan", ("step", "epoch", "items", "instance", "max_repeats"))):
        a = [[line[key] for key in columns] for line in lab.log(left, kind)]
        b = [[line[key] for key in columns] for line in lab.log(right, kind)]
        check(len(a) == len(b), f"{right}: {len(b)} {kind} lines, {left} has {len(a)}")
        for one, other in zip(a, b):
            check(one == other, f"{right}, {kind}: {other}, {left} has {one}")
    names = [os.path.basename(path) for path in lab.checkpoints(left)]
    keys = set()
    for name in names:
        other = lab.path(right, "checkpoints", name)
        check(os.path.exists(other), f"{right} has no {name}")
        keys.update(compare_files(right, lab.path(left, "checkpoints", name), other))
    check(any(key.startswith("optim/") for key in keys), f"{left}: no optimizer in any checkpoint")
    print(f"ok: {right} = {left} ({len(names)} checkpoints of {len(keys)} tensors, "
          f"{len(lab.log(left))} losses)", flush=True)
