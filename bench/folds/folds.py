#!/usr/bin/env python3
"""The fold table: every system on swapped photographs, at the same budget of views.

    bench/folds/folds.py --pristine build/pristine --photos DIR --out OUT [--seeds 1] [--folds 5]
                         [--systems rccl,supcon,cross_entropy] [--tests raw,c23,c40] [--size 144]

Forges PHOTOS (a folder with landmarks68.tsv and manifest.tsv) into five identity folds, raw, c23 and
c40; for each seed and fold (fold k tests, k + 1 validates, the others train on raw) trains each system,
those that cannot begin from random weights from a cross-entropy run whose views count; tests on all
compressions and perturbations; DADD and its baseline train on reals alone; prints the table and writes OUT/table.md. What OUT has already is not
run again. With --shuffle the training labels are shuffled: the control. Needs Python's standard
library only.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# A test: the compression of its crops, and what is done to them before they are shown.
TESTS = {"raw": ("raw", None), "c23": ("c23", None), "c40": ("c40", None),
         "jpeg40": ("raw", "jpeg(40)"), "scale50": ("raw", "scale(0.5)")}
# A system, and the run that it begins from; NAME.yaml has its settings.
WARM = {"rccl": "warm", "dcl": "dcl_warm", "mc_lcr": None, "dadd": "dadd_warm", "supcon": "warm",
        "cross_entropy": None, "dcl_baseline": None, "dadd_baseline": None}
SYSTEMS = tuple(WARM)
# They are shown no fake: theirs are forged in memory.
OF_REALS = ("dadd", "dadd_warm", "dadd_baseline")
METRICS = (("frame", "auc"), ("video", "auc"), ("frame", "eer"), ("frame", "acc_real"),
           ("frame", "acc_fake"))
N_FOLDS = 5


def call(args, ranks, words):
    command = [str(ROOT / "launch/run.sh"), str(ranks), args.pristine, *words]
    done = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")


def forge(args, faces):
    if (faces / "dataset.h5").exists():
        return
    call(args, 2, ["forge", "--photos", args.photos, "--landmarks", f"{args.photos}/landmarks68.tsv",
                   "--identities", f"{args.photos}/manifest.tsv", "--out", str(faces),
                   "--folds", str(N_FOLDS), "--margin", "1.25", "--size", str(args.size), "--frames", "6",
                   "--donors", "4", "--crf", "23,40"])


def test_lines(faces, fold, tests):
    lines = ["  test:"]
    for name in tests:
        compression, perturb = TESTS[name]
        change = f", perturb: {perturb}" if perturb else ""
        lines.append(f"    {name}: [{{path: {faces}, split: fold{fold}, compression: {compression}"
                     f"{change}}}]")
    return lines


def write_config(args, path, name, faces, fold, seed, init):
    train = [f"fold{(fold + 2 + i) % N_FOLDS}" for i in range(N_FOLDS - 2)]
    real = ", label: real" if name in OF_REALS else ""
    lines = [f"inherit: {HERE / (name + '.yaml')}", f"seed: {seed}"]
    if init:
        lines.append(f"model: {{init: {init}}}")
    lines += ["data:", f"  shuffle_labels: {'true' if args.shuffle else 'false'}",
              f"  train: [{{path: {faces}, split: [{', '.join(train)}], compression: raw{real}}}]",
              f"  val: [{{path: {faces}, split: fold{(fold + 1) % N_FOLDS}, compression: raw{real}}}]"]
    lines += test_lines(faces, fold, args.tests)
    path.write_text("\n".join(lines) + "\n")


def train(args, out, name, faces, fold, seed, init):
    run = out / f"{name}{'-shuffled' if args.shuffle else ''}-fold{fold}-seed{seed}"
    if all((run / f"eval/test.{test}.json").exists() for test in args.tests):
        return run
    run.mkdir(parents=True, exist_ok=True)
    config = run.with_suffix(".yaml")
    write_config(args, config, name, faces, fold, seed, init)
    begun = time.time()
    call(args, args.ranks, ["train", "--config", str(config), "--run", str(run)])
    call(args, args.ranks, ["eval", str(run)])
    print(f"{run.name}: {time.time() - begun:.0f} s, {args.tests[0]} frame AUC "
          f"{metric(run, args.tests[0], 'frame', 'auc'):.3f}", flush=True)
    return run


def metric(run, test, level, name):
    data = json.loads((run / f"eval/test.{test}.json").read_text())
    return data[level][name]


def table(runs, tests):
    lines = ["| system | tested on | frame AUC | video AUC | frame EER | acc. reals | acc. fakes |",
             "|---|---|---|---|---|---|---|"]
    for name, done in runs.items():
        for test in tests:
            cells = []
            for level, key in METRICS:
                values = [metric(run, test, level, key) for run in done]
                sd = statistics.stdev(values) if len(values) > 1 else 0.0
                cells.append(f"{statistics.mean(values):.3f} ± {sd:.3f}")
            lines.append(f"| {name} | {test} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pristine", default=str(ROOT / "build/pristine"))
    parser.add_argument("--photos", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--folds", type=int, default=N_FOLDS, help="how many of the five are run")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--size", type=int, default=144, help="pixels of a forged crop")
    parser.add_argument("--systems", default=",".join(SYSTEMS), type=lambda s: s.split(","))
    parser.add_argument("--tests", default=",".join(TESTS), type=lambda s: s.split(","))
    parser.add_argument("--shuffle", action="store_true", help="the control: shuffled labels")
    args = parser.parse_args()
    for name in set(args.systems) - set(WARM) or set(args.tests) - set(TESTS):
        parser.error(f"unknown name '{name}'")

    out = pathlib.Path(args.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    faces = out / "faces"
    begun = time.time()
    forge(args, faces)
    runs = {name: [] for name in args.systems}
    for seed in range(1, args.seeds + 1):
        for fold in range(args.folds):
            for name in runs:
                warm = WARM[name]
                init = train(args, out, warm, faces, fold, seed, None) if warm else None
                runs[name].append(train(args, out, name, faces, fold, seed, init))
    text = table(runs, args.tests)
    print(text)
    print(f"{time.time() - begun:.0f} s in this call")
    (out / ("table-shuffled.md" if args.shuffle else "table.md")).write_text(text + "\n")


if __name__ == "__main__":
    main()
