#!/usr/bin/env python3
"""What a sweep refuses, each with one message that says what was wrong and where; a trial that can only fail;
and which trials a spec has: grids with conditions, draws that depend on their own key alone, SciPy's Sobol
points.

Usage: sweep_bad.py PRISTINE
"""
import os
import subprocess
import sys
import tempfile

from sweep_common import CONFIG, FAILED, Program, check, trials

try:
    from scipy.stats import qmc
except ImportError:
    qmc = None

GOOD = """config: run.yaml
parameters:
  optim.lr: {log: [1e-4, 1e-2]}
search: random
trials: 3
"""


def refused(pristine, spec, *words, more=(), env=None):
    """SPEC is refused by one line that has all WORDS in it."""
    file = pristine.file("bad.yaml", spec)
    said = pristine("sweep", file, "--out", os.path.join(pristine.folder, "refused"), *more, code=None, env=env)[1]
    check(said.count("fatal: ") == 1, "not one message: " + said)
    check(all(word in said for word in words), "wanted %s in: %s" % (words, said))
    check(not os.path.exists(os.path.join(pristine.folder, "refused", "trial-0000")), "a trial was begun")


def test_spec(pristine):
    refused(pristine, GOOD.replace("search", "serch"), "bad.yaml:4: unknown key serch; did you mean search?")
    refused(pristine, GOOD.replace("optim.lr", "optm.lr"), "bad.yaml:3: unknown key optm.lr; did you mean optim.lr?")
    refused(pristine, GOOD.replace("{log: [1e-4, 1e-2]}", "{log: [1e-2, 1e-2]}"), "bad.yaml:3", "an empty range")
    refused(pristine, GOOD.replace("{log: [1e-4, 1e-2]}", "{log: [0, 1e-2]}"), "must be above 0")
    refused(pristine, GOOD.replace("{log: [1e-4, 1e-2]}", "{choice: []}"), "bad.yaml:3", "an empty list")
    refused(pristine, GOOD.replace("log:", "lgo:"), "'lgo' is no way to vary a key; did you mean log?")
    refused(pristine, GOOD.replace("trials", "  model.dropout: [7]\ntrials").replace("search: random\n", "")
            .replace("trials: 3", "search: random\ntrials: 3"), "bad.yaml:4: model.dropout = 7, must be between")
    refused(pristine, GOOD + "metric: val.frame.acu\n", "bad.yaml:6: metric: no metric is called 'frame.acu'")
    refused(pristine, GOOD + "metric: test.all.frame.auc\n", "is of test data")
    refused(pristine, GOOD + "metric: frame.auc\n", "is no metric of the validation split")
    refused(pristine, GOOD.replace("trials: 3\n", ""), "search: random needs trials")
    refused(pristine, GOOD.replace("random", "grid"), "a grid has as many points as it has")
    refused(pristine, GOOD.replace("random", "grid").replace("trials: 3", ""), "a range in a grid needs points: N")
    refused(pristine, GOOD.replace("run.yaml", "none.yaml"), "bad.yaml:1: config: there is no such file")
    refused(pristine, GOOD + "halving: {rungs: 4}\n", "of the 2 epochs of trial-0000, rung 0 ends at 1")
    refused(pristine, GOOD + "set: {data.val: []}\n", "data.val")
    refused(pristine, GOOD.replace("1e-2]}", "1e-2], when: {objective: rccl, modle.px: 3}}"), "there is no key modle.px")
    refused(pristine, GOOD + "how: allocation\n", "this is no Slurm allocation", "names no hosts")
    refused(pristine, GOOD + "how: allocation\nhosts: [a]\n", "'a', wanted NAME:RANKS")
    refused(pristine, GOOD + "how: allocation\nhosts: [a:2]\nranks: 3\n", "the hosts hold 2 ranks, and a run has 3")
    refused(pristine, GOOD, "sweep was started as 2 ranks",
            env={"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"})
    spec = pristine.file("good.yaml", GOOD)
    said = pristine("sweep", spec, code=11)[1]
    check("--out DIR must be given" in said, said)
    said = pristine("sweep", "trial", pristine.folder, "0", code=11)[1]
    check("no sweep's directory" in said, said)


def test_folder(pristine):
    """Another sweep's folder, a folder in use, a run of another version, one that cannot be written."""
    good = pristine.file("good.yaml", GOOD.replace("trials: 3", "trials: 1"))
    out = os.path.join(pristine.folder, "out")
    pristine("sweep", good, "--out", out)
    other = pristine.file("other.yaml", GOOD)
    said = pristine("sweep", other, "--out", out, code=11)[1]
    check("holds another sweep: trials was 1 there and is 3 here" in said, said)
    other = pristine.file("other.yaml", GOOD.replace("trials: 3", "trials: 1").replace("1e-2", "2e-2"))
    said = pristine("sweep", other, "--out", out, code=11)[1]
    check("optim.lr.log was 1e-4,1e-2 there and is 1e-4,2e-2 here" in said, said)

    holder = "import fcntl,sys,time; f=open(sys.argv[1],'r+'); fcntl.lockf(f,fcntl.LOCK_EX); " \
             "f.write('n07, process 77\\n'); f.truncate(); f.flush(); print('held',flush=True); time.sleep(60)"
    held = subprocess.Popen([sys.executable, "-c", holder, os.path.join(out, "lock")], stdout=subprocess.PIPE)
    held.stdout.readline()
    said = pristine("sweep", good, "--out", out, code=11)[1]
    check("in use by n07, process 77" in said, said)
    held.kill()
    held.wait()

    log = os.path.join(out, "trial-0000", "log.jsonl")
    with open(log) as file:
        text = file.read()
    with open(log, "w") as file:
        file.write(text.replace('"version":"', '"version":"9.'))
    said = pristine("sweep", good, "--out", out, code=11)[1]
    check("trial-0000 was begun by pristine 9." in said, said)
    said = pristine("sweep", good, "--out", "/proc/none/sweep", code=14)[1]
    check(said.count("fatal: ") == 1 and "/proc" in said, said)
    # What is no part of the trials may change, in the spec and in the config; the rest of it may not.
    free = pristine.file("free.yaml", GOOD.replace("trials: 3", "trials: 1") + "keep: all\nset: {train.log_every: 2}\n")
    other = pristine.file("other.yaml", GOOD.replace("trials: 3", "trials: 1") + "set: {batch: 16}\n")
    with open(log, "w") as file:
        file.write(text)
    said = pristine("sweep", free, "--out", out)[1]
    check("trial-0000" in said and "was finished" in said, said)
    said = pristine("sweep", other, "--out", out, code=11)[1]
    check("batch was 8 there and is 16 here" in said, said)
    if os.geteuid() == 0:
        said = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && '
                               'exec "$2" sweep "$3" --out "$1"', "sh", out, pristine.path, good], text=True,
                              capture_output=True).stderr
        if "Read-only" not in said and "mount" in said:
            print("skipped: a read-only folder needs mount, which is not allowed here: " + said)
        else:
            check(said.count("fatal: ") == 1 and "Read-only file system" in said, said)


def test_array(pristine):
    """The batch script of a job array; no sbatch; ranks that the config's nodes do not have."""
    spec = pristine.file("array.yaml", GOOD + "how: array\nat_once: 2\nset: {launch.time: 5}\n")
    out = os.path.join(pristine.folder, "array")
    said = pristine("sweep", spec, "--out", out)[0]
    check("sbatch %s/array-0.sbatch" % os.path.realpath(out) in said, said)
    with open(os.path.join(out, "array-0.sbatch")) as file:
        script = file.read()
    check("#SBATCH --array=0-2%2\n" in script and "#SBATCH --job-name=array\n" in script, script)
    check('sweep trial %s "$SLURM_ARRAY_TASK_ID" --rung 0\n' % os.path.realpath(out) in script, script)
    check("/trial-%04d " in script, script)
    said = pristine("sweep", spec, "--out", out, "--go", code=14, env={"PATH": "/nonexistent"})[1]
    check(said.count("fatal: ") == 1 and "sbatch" in said, said)
    refused(pristine, GOOD + "how: array\nranks: 3\nset: {launch.nodes: 2}\n", "a trial has 3 ranks", "launch.nodes (2)")


def test_failing(pristine):
    """One trial can only fail: it is started again as often as was said, and the other is finished."""
    spec = pristine.file("fail.yaml", "config: run.yaml\nset: {optim.name: sgd}\n"
                         "parameters: {optim.lr: [1e6, 1e-3]}\nretries: 2\n")
    out = os.path.join(pristine.folder, "fail")
    said = pristine("sweep", spec, "--out", out, code=1)[1]
    check(said.count("it is started again") == 2 and "1 trials failed" in said, said)
    with open(os.path.join(out, "trial-0000", "FAILED")) as file:
        why = file.read()
    check(why.startswith("fatal: ") and why.strip() in said, "FAILED: %s; said: %s" % (why, said))
    with open(os.path.join(out, "trial-0000", "failures.txt")) as file:
        check(file.read().count("fatal: ") == 3, "not three failures")
    check(os.path.exists(os.path.join(out, "trial-0001", "eval", "val.json")), "the good trial is not finished")
    check(len(trials(out)) == 2, "trials: %s" % trials(out))


def points(pristine, spec):
    """The trials of a spec as dictionaries."""
    said = pristine("sweep", pristine.file("points.yaml", spec), "--dry-run")[0].splitlines()
    return [dict(word.split("=") for word in line.split("steps")[1].split()) for line in said
            if line.startswith("trial-")]


def test_points(pristine):
    grid = points(pristine, "config: run.yaml\nparameters:\n  model.dropout: [0, 0.5]\n"
                  "  optim.lr: {log: [1e-4, 1e-2], points: 3, when: {model.dropout: 0.5}}\n"
                  "  optim.weight_decay: {choice: [0, 0.1], when: {optim.name: [sgd, adamw]}}\n"
                  "  optim.momentum: {choice: [0, 0.1], when: {optim.name: sgd}}\nseeds: [4, 5]\n")
    want = [dict([("model.dropout", d)] + ([("optim.lr", lr)] if lr else []) +
                 [("optim.weight_decay", w), ("seed", s)])
            for d, lrs in (("0", [None]), ("0.5", ["0.0001", "0.001", "0.01"])) for lr in lrs
            for w in ("0", "0.1") for s in ("4", "5")]
    check(grid == want, "the grid: %s, not %s" % (grid, want))

    # What is drawn for a key does not change when another is added, or when more trials are drawn.
    more = GOOD.replace("  optim.lr", "  optim.weight_decay: {linear: [0, 1]}\n  optim.lr").replace("trials: 3", "trials: 5")
    few, many = points(pristine, GOOD), points(pristine, more)
    check([p["optim.lr"] for p in few] == [p["optim.lr"] for p in many][:3], "%s, %s" % (few, many))
    check(len({p["optim.lr"] for p in many}) == 5 and all(1e-4 <= float(p["optim.lr"]) <= 1e-2 for p in many), many)
    other = points(pristine, GOOD + "seed: 2\n")
    check([p["optim.lr"] for p in few] != [p["optim.lr"] for p in other], "another seed, the same draws")

    sobol = "config: run.yaml\nsearch: sobol\nscramble: false\ntrials: 9\nparameters:\n" + "".join(
        "  %s: {linear: [0, 0.5]}\n" % key for key in ("optim.weight_decay", "model.bn_momentum", "model.drop_path")) + \
        "  model.px: {integer: [32, 35]}\n"
    if qmc is None:
        print("skipped: SciPy is not there, Sobol points were not compared")
        return
    want = qmc.Sobol(4, scramble=False).random(16)[:9]
    for mine, theirs in zip(points(pristine, sobol), want):
        got = [2 * float(mine[key]) for key in ("optim.weight_decay", "model.bn_momentum", "model.drop_path")]
        check(max(abs(a - b) for a, b in zip(got, theirs)) < 1e-5, "Sobol: %s, not %s" % (got, theirs))
        check(int(mine["model.px"]) == 32 + int(4 * theirs[3]), "whole numbers: %s of %s" % (mine, theirs))
    shifted = points(pristine, sobol.replace("scramble: false", "scramble: true"))
    check(len({p["optim.weight_decay"] for p in shifted}) == 9 and shifted != points(pristine, sobol), "the shift")


def main():
    with tempfile.TemporaryDirectory() as folder:
        pristine = Program(sys.argv[1], folder)
        pristine.file("run.yaml", CONFIG % {"data": pristine.faces(), "epochs": 2})
        test_spec(pristine)
        test_points(pristine)
        test_folder(pristine)
        test_array(pristine)
        test_failing(pristine)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
