#!/usr/bin/env python3
"""What `pristine status` says of a run that is running, stopped, done, failed and dead.

Usage: status.py PRISTINE
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

CONFIG = """
objective: rccl
seed: 3
model: {name: xception, width: 0.125, depth: 0, px: 48, proj_out: 16, init: random}
data:
  train: [{path: %(data)s, split: train}]
  val: [{path: %(data)s, split: val}]
train: {n_micro: 4}
eval: {batch: 8}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.002}
stage:
  contrastive: {epochs: 2}
  classifier: {epochs: 3}
"""
FAILED = []


def check(ok, text):
    if not ok:
        FAILED.append(text)
        print("FAILED: " + text)


def pristine(words, code=0):
    done = subprocess.run([PRISTINE] + words, capture_output=True, text=True)
    check(done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def status(*runs):
    """A dictionary for each line."""
    lines = pristine(["status", *runs])[0].splitlines()
    check(len(lines) == len(runs) + 1, f"{len(lines)} lines for {len(runs)} runs")
    return [dict(run=w[0], state=w[1], stage=w[2], steps=w[3], rate=w[4], loss=w[5], best=w[6],
                 of=w[7], all=" ".join(w)) for w in (line.split() for line in lines[1:])]


def log(run, kind):
    with open(os.path.join(run, "log.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    return [line for line in lines if line["type"] == kind]


def test_done(run):
    got = status(run)[0]
    n = log(run, "step")[-1]["step"]
    best = [line for line in log(run, "eval") if line["best"]][-1]
    check(got["state"] == "done" and got["steps"] == f"{n}/{n}", f"done: {got}")
    check(got["loss"] == f"{log(run, 'step')[-1]['loss']:.4f}", f"loss: {got}")
    check(got["best"] == f"{best['value']:.4f}" and got["of"] == best["metric"], f"best: {got}")
    check({line["run_steps"] for line in log(run, "start")} == {n}, "a stage expected other steps")
    check(len(log(run, "end")) == 1 and log(run, "end")[0]["why"] == "done", "the log's last line")


def wait_until(run, state):
    for _ in range(600):
        if os.path.exists(os.path.join(run, "log.jsonl")) and log_is_begun(run):
            got = status(run)[0]
            if got["state"] == state:
                return got
        time.sleep(0.1)
    check(False, f"{run} was never {state}")
    return None


def log_is_begun(run):
    with open(os.path.join(run, "log.jsonl")) as file:
        return '"type":"step"' in file.read()


def test_running(config, run):
    words = ["train", "--config", config, "--run", run, "--set", "stage.contrastive.epochs=100000"]
    first = subprocess.Popen([PRISTINE] + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    got = wait_until(run, "running")
    check(got["stage"] == "contrastive" and f"process {first.pid}" in got["all"], f"running: {got}")
    done, total = (int(n) for n in got["steps"].split("/"))
    start = log(run, "start")[0]
    check(0 < done < total == start["run_steps"], f"steps: {got}")
    first.send_signal(signal.SIGUSR1)
    check(first.wait() == 75, "SIGUSR1 was not followed")
    check(status(run)[0]["state"] == "stopped", f"stopped: {status(run)}")

    second = subprocess.Popen([PRISTINE] + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(run, "running")
    check(log(run, "end") == [], "a run that goes on still says that it ended")
    second.kill()
    second.wait()
    check(status(run)[0]["state"] == "dead", f"dead: {status(run)}")


def test_failed(config, run):
    pristine(["train", "--config", config, "--run", run, "--set", "batch=1000000"], code=13)
    got = status(run)[0]
    with open(os.path.join(run, "FAILED")) as file:
        why = " ".join(file.readline().split())[:60]
    check(got["state"] == "failed" and why in got["all"], f"failed: {got}, wanted {why}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        data, run = os.path.join(folder, "faces"), os.path.join(folder, "run")
        config = os.path.join(folder, "run.yaml")
        pristine(["forge", "--procedural", "--out", data, "--identities", "12", "--videos", "2",
                  "--frames", "2", "--size", "64", "--split", "0.6,0.2,0.2"])
        with open(config, "w") as file:
            file.write(CONFIG % dict(data=data))
        pristine(["train", "--config", config, "--run", run])
        test_done(run)
        test_running(config, os.path.join(folder, "long"))
        test_failed(config, os.path.join(folder, "bad"))
        check([got["run"] for got in status(run, os.path.join(folder, "long"))] == ["run", "long"], "names")
        check("not a run's directory" in pristine(["status", data], code=11)[1], "a dataset is no run")
        check("no such folder" in pristine(["status", folder + "/none"], code=11)[1], "no folder")
    return 1 if FAILED else 0


if __name__ == "__main__":
    PRISTINE = sys.argv[1]
    sys.exit(main())
