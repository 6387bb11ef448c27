"""The same sweep of 12 trials over rate and temperature here, in one allocation of four ranks, and as a job array
of which a node dies: the same trials, the same bits, and the array's lost tasks come back by their own numbers.
Usage: array.py"""
import os
import sqlite3
import sys
import time

from slurm import Slurm, check, inside, say, wait_until
from cluster_lab import BINARY, ClusterLab
from runs import compare_files

CONFIG = """
objective: rccl
model: {width: 0.125, depth: 0, px: 32, init: random}
data:
  root: %s
  train: [{path: faces, split: train}]
  val: [{path: faces, split: val}]
train: {n_micro: 2, checkpoint_every: 2}
cpu: {threads: 1, loader_threads: 0}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.002}
launch: {time: 10, environment: ["LD_PRELOAD=%s"]}
stage:
  contrastive: {epochs: 1}
  classifier: {epochs: 1}
"""
SPEC = """
config: run.yaml
parameters:
  optim.lr: [0.001, 0.002, 0.004, 0.008]
  rccl.tau: [0.05, 0.1, 0.2]
metric: val.frame.auc
at_once: 4
"""
N_TRIALS = 12


def results(lab, out):
    """What the sweep's own table says of each trial."""
    lab.slurm.run([BINARY, "sweep", "collect", lab.path(out)])
    with sqlite3.connect(lab.path(out, "sweep.sqlite")) as table:
        return sorted(table.execute("select trial, rung, name, value from metrics").fetchall())


def same(lab, out):
    """Every trial of OUT has what the one that was trained here has."""
    names = sorted(name for name in os.listdir(lab.path("here")) if name.startswith("trial-"))
    check(len(names) == N_TRIALS, f"trials: {names}")
    for name in names:
        files = sorted(os.listdir(lab.path("here", name, "checkpoints")))
        others = sorted(os.listdir(lab.path(out, name, "checkpoints")))
        check(files and files == others, f"{out}/{name} has {others}, wanted {files}")
        for file in files:
            compare_files(f"{out}/{name}", lab.path("here", name, "checkpoints", file),
                          lab.path(out, name, "checkpoints", file))
        losses = [[line["loss"] for line in lab.log(os.path.join(way, name))] for way in ("here", out)]
        check(losses[0] and losses[0] == losses[1], f"{out}/{name}: losses {losses[1]}, wanted {losses[0]}")
    say(f"{out}: the bits of {N_TRIALS} trials that were trained here")


def wait_for_array(slurm, job):
    """Until no task is left; one that comes back does not wait its two minutes."""
    end = time.monotonic() + 300
    since = {}
    while True:
        lines = slurm.run(["squeue", "--noheader", "--array", f"--jobs={job}", "--format=%i %T %r"], code=None)
        tasks = [line.split() for line in lines.splitlines() if line.startswith(str(job))]
        if not tasks:
            return
        for task, state, *reason in tasks:
            if state == "PENDING" and reason == ["BeginTime"]:
                if time.monotonic() > since.setdefault(task, time.monotonic()) + 3:
                    slurm.run(["scontrol", "update", f"JobId={task}", "StartTime=now"], code=None)
        check(time.monotonic() < end, f"the array is not done: {tasks}")
        time.sleep(0.5)


def check_array(lab):
    slurm = lab.slurm
    said = slurm.run([BINARY, "sweep", lab.path("spec.yaml"), "--out", lab.path("array"), "--how", "array", "--go"])
    job = int(said.split("job ")[1].split(":")[0])
    began = [lab.path("array", f"trial-{number:04d}", "checkpoints") for number in range(N_TRIALS)]
    wait_until("the array's first checkpoint", lambda: any(map(os.path.isdir, began)), 60, 0.02)
    wait_until("tasks on a node", lambda: any(slurm.on_node(node, "pristine") for node in slurm.nodes()), 60)
    node = [name for name in slurm.nodes() if slurm.on_node(name, "pristine")][0]
    slurm.kill_node(node)
    say(f"{node} is dead")
    wait_for_array(slurm, job)
    starts = [len(lab.attempts(f"array/trial-{number:04d}")) for number in range(N_TRIALS)]
    say(f"starts of the array's tasks: {starts}")
    check(max(starts) == 2 and min(starts) == 1, f"starts of the array's tasks: {starts}")
    slurm.start_node(node)
    wait_until("four nodes", lambda: slurm.idle() == 4, 60)


def main():
    inside()
    with Slurm() as slurm:
        lab = ClusterLab(slurm, 1)
        with open(lab.config, "w") as file:
            file.write(CONFIG % (lab.folder, os.path.join(os.environ["PR_BUILD"], "tests", "cluster",
                                                          "libslow_disk.so")))
        with open(lab.path("spec.yaml"), "w") as file:
            file.write(SPEC)
        slurm.run([BINARY, "sweep", lab.path("spec.yaml"), "--out", lab.path("here")], timeout_s=300)
        say("12 trials here")
        check_array(lab)
        same(lab, "array")
        slurm.run(["salloc", "--nodes=4", "--ntasks=4", "--quiet", BINARY, "sweep", lab.path("spec.yaml"), "--out",
                   lab.path("allocation"), "--how", "allocation"], timeout_s=300)
        same(lab, "allocation")
        tables = [results(lab, out) for out in ("here", "array", "allocation")]
        check(tables[0] and tables[0] == tables[1] == tables[2], f"the tables of the three ways differ: {tables}")
        lab.close()
    say("all is well")


if __name__ == "__main__":
    sys.exit(main())
