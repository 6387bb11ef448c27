"""DADD in whole runs of the program: the alternation of algorithm 1 and what steps in each phase, the
l2,1 term, the same bits on any number of ranks and after a resume inside a cycle, every head's own
evaluation, and cross-entropy on forged views."""
import json
import os
import subprocess

import h5py
import numpy

from runs import BINARY, Lab, check, compare, contents

CONFIG = """
objective: dadd
seed: 3
model: {width: 0.125, depth: 0, px: 48, init: random}
data:
  root: %s
  train: [{path: faces, split: train, frames: {n: 1, rule: first}}]
  val: [{path: faces, split: val, label: real, frames: {n: 3, rule: first}}]
  test: {all: [{path: faces, split: test}]}
  augment: {crop_scale_min: 1, crop_ratio_min: 1, crop_ratio_max: 1, jitter_prob: 0, grey_prob: 0,
            blur_prob: 0, jpeg_prob: 1}
train: {n_micro: 4, hash_every: 3, checkpoint_every: 1, keep: 1000}
cpu: {threads: 1}
batch: 16
optim: {name: adam, lr: 0.001, weight_decay: 0.00001}
dadd: {private: 16}
stage:
  tasks: {epochs: 3}
"""


def tensors_of(lab, run, step):
    return contents(lab.path(run, "checkpoints", f"step-{step:08d}.h5"))


def changed(before, after):
    """Heads of the parameters' names that differ between two checkpoints; statistics left out."""
    names = set()
    for key in after:
        statistic = "running_" in key or "num_batches" in key
        if key.startswith("model/") and not statistic and after[key].tobytes() != before[key].tobytes():
            parts = key[len("model/"):].split(".")
            names.add(parts[0] if parts[0] in ("backbone", "fc", "fc_hidden") else ".".join(parts[:2]))
    return names


def check_alternation(lab, run, k, t, frozen=False):
    """The order of phases, and which parameters each one moves."""
    lines = lab.log(run)
    cycle = [f"task{n}" for _ in range(k) for n in range(1, 10)] + ["final"] * t
    check(len(lines) >= len(cycle) and len(lines) % len(cycle) == 0, f"{run}: {len(lines)} steps")
    want = cycle * (len(lines) // len(cycle))
    check([line["phase"] for line in lines] == want, f"{run}: phases are not those of a cycle")
    privates = {f"task{n}.private" for n in range(1, 10)}
    for step in range(1, len(cycle)):
        phase = want[step]
        after = {"backbone", f"{phase}.private", f"{phase}.head"}
        if phase == "final":
            after = privates | {"fc"} | (set() if frozen else {"backbone"})
        moved = changed(tensors_of(lab, run, step), tensors_of(lab, run, step + 1))
        check(moved == after, f"{run}: {phase} moves {sorted(moved)}, not {sorted(after)}")
        check(("term.l21" in lines[step]) == (phase == "final"), f"{run}: l21 in {phase}")
    with h5py.File(lab.path(run, "checkpoints", f"step-{len(cycle):08d}.h5"), "r") as file:
        counts = {name: int(value[0]) for name, value in file["optim/steps"].items()}
    # Groups are named by the phases that move them: bits 0 to 8 the sub-tasks, 9 and 10 the final.
    want = {"@3ff": 9 * k + (0 if frozen else t), "@600": t}
    for n in range(9):
        want[f"@{1 << n:x}"] = k
        want[f"@{0x600 | 1 << n:x}"] = k + t
    check(counts == want, f"{run}: groups stepped {counts}, not {want}")


def check_l21(lab, run, by_feature, weight):
    """The logged term against the weights it was taken of, the fc layer's before the step."""
    lines = lab.log(run)
    n_seen = 0
    for step in range(1, len(lines)):
        if lines[step]["phase"] == "final":
            w = tensors_of(lab, run, step)["model/fc.weight"].astype(float)
            groups = w.T if by_feature else w.reshape(2, 9, -1).transpose(1, 0, 2).reshape(9, -1)
            want = weight * numpy.sqrt((groups ** 2).sum(axis=1)).sum()
            got = lines[step]["term.l21"]
            check(abs(got - want) < 1e-6 * want, f"{run}: l21 is {got}, the weights say {want}")
            n_seen += 1
    check(n_seen > 0, f"{run}: no final step")


def check_bits(lab):
    n_steps = len(lab.log("one"))
    lab.train("two", 2, "cpu.threads=2", "cpu.loader_threads=3")
    compare(lab, "one", "two")
    lab.train("four", 4, "cpu.loader_threads=0")
    compare(lab, "one", "four")
    for stop in (4, 9, 16):
        lab.train(f"stop_{stop}", 2, f"train.stop_at=step {stop}")
        check(len(lab.log(f"stop_{stop}")) == stop < n_steps, f"stop_{stop} did not stop")
        lab.train(f"stop_{stop}", 1 if stop == 9 else 4)
        compare(lab, "one", f"stop_{stop}")


def evaluate(lab, run, ranks, *words):
    done = subprocess.run(["mpirun", "-q", "-n", str(ranks), BINARY, "eval", lab.path(run), *words],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"eval {run}: {done.stderr}")
    found = {}
    folder = lab.path(run, "eval")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            found[name] = json.load(file)
    return found


def check_heads(lab):
    plain = evaluate(lab, "one", 1)
    check(sorted(plain) == ["test.all.json", "val.json"], f"eval writes {sorted(plain)}")
    val = plain["val.json"]["frame"]
    check(val["n_real"] == val["n_fake"] > 0, f"validation has {val['n_real']} and {val['n_fake']}")
    methods = plain["val.json"]["methods"]
    check("sb_sim" in json.dumps(methods) and "inner_blur" in json.dumps(methods),
          f"validation's methods are {json.dumps(methods)[:200]}")
    heads = evaluate(lab, "one", 1, "--heads")
    names = [f"test.all.task{n}.json" for n in range(1, 10)]
    check(all(name in heads for name in names), f"eval --heads writes {sorted(heads)}")
    check(heads["test.all.json"]["frame"] == plain["test.all.json"]["frame"],
          "--heads changes the final answer")
    aucs = [heads[name]["frame"]["score_fake"] for name in names]
    check(len(set(aucs)) == 9, f"heads answer alike: {aucs}")
    again = evaluate(lab, "one", 2, "--heads")
    check(all(again[name]["frame"] == heads[name]["frame"] for name in names),
          "heads answer otherwise on two ranks")


def check_cross_entropy(lab):
    """Xcep-ADDG, Xcep-FWA, Xcep-BI: the same bits on 1 and 3 ranks, and no fake needed."""
    for source in ("addg", "fwa", "bi"):
        sets = ["objective=cross_entropy", f"dadd.source={source}", "train.n_micro=4",
                "stage.classifier.epochs=3"]
        lab.train(source + "_1", 1, *sets)
        lab.train(source + "_3", 3, *sets)
        compare(lab, source + "_1", source + "_3")
        plan = lab.log(source + "_1", "plan")[0]
        check(plan["generated"] == plan["fakes"] == plan["reals"], f"{source}: {plan}")
    lab.train("files", 1, "objective=rccl", "dadd.source=addg", "stage.contrastive.epochs=1",
              "stage.classifier.epochs=1", code=None)


def main():
    lab = Lab()
    with open(lab.config, "w") as file:
        file.write(CONFIG % lab.folder)
    lab.forge("faces")
    lab.train("one", 1)
    check_alternation(lab, "one", 1, 1)
    check_l21(lab, "one", False, 0.1)
    check_bits(lab)
    check_heads(lab)
    lab.train("feature", 1, "dadd.k=2", "dadd.t=2", "dadd.l21=feature", "dadd.lambda=0.3",
              "stage.tasks.epochs=2", "batch=8")
    check_alternation(lab, "feature", 2, 2)
    check_l21(lab, "feature", True, 0.3)
    lab.train("frozen", 1, "dadd.final_freeze_backbone=true", "stage.tasks.epochs=2")
    check_alternation(lab, "frozen", 1, 1, frozen=True)
    check_cross_entropy(lab)
    lab.close()
    print("the phases of a cycle, what they move, and their bits")


main()
