#!/usr/bin/env python3
"""A sweep is its trials, however they are started: one at a time, three at a time, on shares of a host, and
each alone by its number; and each is the run that its config gives when it is trained by hand. A trial
that is killed, and a sweep that is killed half way, are gone on with; what was finished is not touched.

Usage: sweep.py PRISTINE same|killed
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

from sweep_common import CONFIG, FAILED, Program, check, lines, metric, trials

SPEC = """
config: run.yaml
set: {train.hash_every: 4}
parameters:
  optim.lr: {log: [1e-4, 1e-2]}
  model.width: {choice: [0.125, 0.25]}
  model.bn_momentum: {linear: [0.1, 0.5], when: {model.width: 0.25}}
search: random
seed: 5
trials: 3
seeds: [1]
keep: best
"""


def content(pristine, run, checkpoint=None):
    """What distinguishes a run's results: the content of its last checkpoint, or of that, and its metric."""
    folder = os.path.join(run, "checkpoints")
    names = sorted(os.listdir(folder))
    said = pristine("inspect", os.path.join(folder, checkpoint or names[-1]))[0]
    return [line for line in said.splitlines() if line.startswith("content ")] + [names, metric(run)]


def contents(pristine, out):
    return {name: content(pristine, os.path.join(out, name)) for name in trials(out)}


def test_same(pristine):
    spec = pristine.file("spec.yaml", SPEC)
    one, three = os.path.join(pristine.folder, "one"), os.path.join(pristine.folder, "three")
    said = pristine("sweep", spec, "--out", one)[0]
    check("3 trials (3 points, 1 seeds), " in said and "disk: about" in said, said)
    want = contents(pristine, one)
    check(len(want) == 3 and len({str(v[0]) for v in want.values()}) == 3, "trials: %s" % want)
    check(all(len(v[1]) == 1 for v in want.values()), "more than the best checkpoint is left: %s" % want)

    pristine("sweep", spec, "--out", three, "--at-once", "3")
    check(contents(pristine, three) == want, "three at a time: %s, not %s" % (contents(pristine, three), want))

    # By their numbers alone, as tasks of a job array do, in another order.
    alone = os.path.join(pristine.folder, "alone")
    os.makedirs(os.path.join(alone, "configs"))
    for name in ["spec.yaml", "base.yaml"]:
        os.link(os.path.join(one, name), os.path.join(alone, name))
    for name in os.listdir(os.path.join(one, "configs")):
        os.link(os.path.join(one, "configs", name), os.path.join(alone, "configs", name))
    for number in "201":
        pristine("sweep", "trial", alone, number)
    check(contents(pristine, alone) == want, "by number: %s, not %s" % (contents(pristine, alone), want))

    # On shares of a host, with two ranks each; and the config by hand.
    shares = os.path.join(pristine.folder, "shares")
    hosts = pristine.file("hosts.yaml", SPEC + "hosts: [localhost:4]\nhow: allocation\nranks: 2\nat_once: 3\n")
    pristine("sweep", hosts, "--out", shares)
    check(contents(pristine, shares) == want, "on shares: %s, not %s" % (contents(pristine, shares), want))
    hand = os.path.join(pristine.folder, "hand")
    pristine("train", "--config", os.path.join(one, "configs", "trial-0001.yaml"), "--run", hand, "--set",
             "train.keep=1")
    pristine("eval", hand)
    names = want["trial-0001"][1]
    check(content(pristine, hand, names[0])[0] == want["trial-0001"][0], "by hand other parameters")
    check(metric(hand) == want["trial-0001"][-1], "by hand another metric")

    # Again: nothing is started.
    said = pristine("sweep", spec, "--out", one)[1]
    check(said.count(", was finished") == 3, said)
    check(contents(pristine, one) == want, "a second start changed results")


def wait_for(what, why):
    for _ in range(1200):
        if what():
            return
        time.sleep(0.05)
    check(False, "never: " + why)


def steps_of(run):
    try:
        return len([line for line in lines(run, "step")])
    except (OSError, ValueError):
        return 0


def marks(out, names):
    """What a second start of a finished trial would change."""
    files = [os.path.join(out, name, file) for name in names for file in ("log.jsonl", "eval/val.json", "console.txt")]
    return [(os.stat(file).st_mtime_ns, os.stat(file).st_size) for file in files]


def pid_of(run):
    """The process that holds the run's lock."""
    with open(os.path.join(run, "lock")) as file:
        return int(file.read().split("process ")[1].split(";")[0])


def test_killed(pristine):
    spec = pristine.file("spec.yaml", SPEC.replace("trials: 3", "trials: 4").replace("seeds: [1]", "retries: 1"))
    quiet, out = os.path.join(pristine.folder, "quiet"), os.path.join(pristine.folder, "out")
    pristine("sweep", spec, "--out", quiet)
    want = contents(pristine, quiet)
    n_steps = len(lines(os.path.join(quiet, "trial-0000"), "step"))

    # Two at a time; a trial is killed, then the sweep itself.
    with open(os.path.join(pristine.folder, "err"), "w") as err:
        sweep = subprocess.Popen([pristine.path, "sweep", spec, "--out", out, "--at-once", "2"], stderr=err,
                                 stdout=subprocess.DEVNULL)
    first = os.path.join(out, "trial-0000")
    wait_for(lambda: steps_of(first) >= 3, "steps of the first trial")
    os.kill(pid_of(first), signal.SIGKILL)
    wait_for(lambda: os.path.exists(os.path.join(first, "failures.txt")), "a failure noted")
    wait_for(lambda: steps_of(os.path.join(out, "trial-0002")) >= 3, "steps of the third trial")
    sweep.kill()
    sweep.wait()
    finished = [name for name in trials(out) if os.path.exists(os.path.join(out, name, "eval", "val.json"))]
    check(finished, "nothing was finished when the sweep was killed")
    with open(os.path.join(first, "failures.txt")) as file:
        said = file.read()
    check("killed by signal 9" in said and said.count("\n") == 1, "the failure's message: " + said)
    check(not os.path.exists(os.path.join(first, "FAILED")), "FAILED is left of a failure that was got over")

    # A second sweep in the folder waits for what the first one left running.
    before = marks(out, finished)
    said = pristine("sweep", spec, "--out", out, "--at-once", "2")[1]
    check(marks(out, finished) == before, "a finished trial was touched: %s" % said)
    check(all("%s: val" % name in said for name in trials(out)), said)
    check(contents(pristine, out) == want, "after the kills: %s, not %s" % (contents(pristine, out), want))
    for name in trials(out):
        numbers = [line["step"] for line in lines(os.path.join(out, name), "step")]
        check(numbers == list(range(1, n_steps + 1)), "%s: steps %s" % (name, numbers))
    went_on = [name for name in trials(out) if len(starts(out, name)) > 1]
    check("trial-0000" in went_on and all(starts(out, name)[-1] > 0 for name in went_on),
          "a trial began anew: %s" % {name: starts(out, name) for name in trials(out)})

    # A request to stop: the trials write their checkpoints, and the sweep ends with 75.
    stop = os.path.join(pristine.folder, "stop")
    sweep = subprocess.Popen([pristine.path, "sweep", spec, "--out", stop], stderr=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL)
    wait_for(lambda: steps_of(os.path.join(stop, "trial-0001")) >= 1, "steps of the second trial")
    sweep.terminate()
    check(sweep.wait() == 75, "after SIGTERM the sweep's code is %s" % sweep.returncode)
    ends = lines(os.path.join(stop, "trial-0001"), "end")
    check(ends and ends[-1]["why"] in ("signal", "done"), "the trial's log ends with %s" % ends)
    check(not os.path.exists(os.path.join(stop, "trial-0002")), "another trial was begun")


def starts(out, name):
    """The steps from which the trial's trainings began."""
    return [line["step"] for line in lines(os.path.join(out, name), "start")]


def main():
    with tempfile.TemporaryDirectory() as folder:
        pristine = Program(sys.argv[1], folder)
        pristine.file("run.yaml", CONFIG % {"data": pristine.faces(), "epochs": 2 if sys.argv[2] == "same" else 6})
        {"same": test_same, "killed": test_killed}[sys.argv[2]](pristine)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
