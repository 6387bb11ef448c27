#!/usr/bin/env python3
"""The event files of runs, opened by TensorBoard itself: its reader and its server.

Usage: tensorboard.py PRISTINE FOLDER

What the server shows of a run's scalars is what log.jsonl has, once, also of a run that was killed and went
on; histograms are those of the checkpoint's parameters; the pictures are the hard crops.
FOLDER keeps TensorBoard (from PyPI) between calls.
"""
import base64
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import h5py
import numpy as np
import PIL.Image

CONFIG = """
objective: rccl
seed: 3
model: {name: xception, width: 0.125, depth: 0, px: 48, proj_out: 16, init: random}
data:
  train: [{path: %(data)s, split: train}]
  val: [{path: %(data)s, split: val}]
train: {n_micro: 4, checkpoint_every: 2}
eval: {batch: 8}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.002}
stage:
  contrastive: {epochs: 2}
  classifier: {epochs: 1}
"""
# Prints what TensorBoard's own reader finds in the folder, as JSON.
READER = """
import base64, json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
FIELDS = ("min", "max", "num", "sum", "sum_squares", "bucket_limit", "bucket")
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "images": 0})
events.Reload()
tags = events.Tags()
json.dump({
    "histograms": {tag: [[e.step, {name: getattr(e.histogram_value, name) for name in FIELDS}]
                         for e in events.Histograms(tag)] for tag in tags["histograms"]},
    "images": {tag: [[e.step, e.width, e.height, base64.b64encode(e.encoded_image_string).decode()]
                     for e in events.Images(tag)] for tag in tags["images"]},
}, sys.stdout)
"""
NOT_SHOWN = ("step",)
FAILED = []


def check(ok, text):
    if not ok:
        FAILED.append(text)
        print("FAILED: " + text)


def pristine(*words):
    done = subprocess.run([PRISTINE, *words], capture_output=True, text=True)
    check(done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def install(folder):
    """TensorBoard in an environment of its own; its python."""
    python = folder / "bin/python"
    if not (folder / "done").exists():
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "tensorboard"], check=True)
        (folder / "done").touch()
    return python


def kill_in_the_middle(config, run):
    """Kills a run between two checkpoints."""
    process = subprocess.Popen([PRISTINE, "train", "--config", config, "--run", run],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = pathlib.Path(run) / "log.jsonl"
    while process.poll() is None and not (log.exists() and '"step":5' in log.read_text()):
        time.sleep(0.005)
    check(process.poll() is None, "the run ended before it was killed")
    process.send_signal(signal.SIGKILL)
    process.wait()


def log_scalars(run):
    """{tag: [[step, value], ...]} of the log's numbers."""
    wanted = {}
    for line in (pathlib.Path(run) / "log.jsonl").read_text().splitlines():
        record = json.loads(line)
        group = {"step": "train", "eval": record.get("split"), "val_loss": "val_loss"}.get(
            record["type"])
        for key, value in record.items():
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if group and is_number and key not in NOT_SHOWN:
                name = record["metric"] if key == "value" else key
                if key == "value" and name in record:
                    continue
                wanted.setdefault(f"{group}/{name}", []).append([record["step"], value])
    return wanted


def get(port, path, **query):
    url = f"http://127.0.0.1:{port}/data/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_server(python, root, runs):
    port = free_port()
    server = subprocess.Popen([python, "-m", "tensorboard.main", "--logdir", root, "--port",
                               str(port), "--host", "127.0.0.1"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        shown = wait_for(port, {run.name: log_scalars(run) for run in runs})
        for run in runs:
            compare(port, run, shown.get(run.name, {}))
    finally:
        server.terminate()
        server.wait()


def wait_for(port, wanted):
    """The tags of each run, once the server has read them all."""
    shown = {}
    for _ in range(240):
        try:
            shown = get(port, "plugin/scalars/tags")
        except OSError:
            shown = {}
        if all(set(tags) <= set(shown.get(run, {})) for run, tags in wanted.items()):
            break
        time.sleep(0.25)
    return shown


def compare(port, run, tags):
    wanted = log_scalars(run)
    check(set(tags) == set(wanted), f"{run.name}: tags differ in {set(tags) ^ set(wanted)}")
    for tag in set(tags) & set(wanted):
        got = [[step, value] for _, step, value in
               get(port, "plugin/scalars/scalars", run=run.name, tag=tag)]
        same = len(got) == len(wanted[tag]) and all(
            g[0] == w[0] and np.float32(g[1]) == np.float32(w[1]) for g, w in zip(got, wanted[tag]))
        check(same, f"{run.name}, {tag}: {got[:4]} .., log.jsonl has {wanted[tag][:4]} ..")


def test_contents(python, run):
    read = json.loads(subprocess.run([python, "-c", READER, run], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout)
    newest = max((run / "checkpoints").glob("step-*.h5"))
    with h5py.File(newest) as file:
        for tag, events in read["histograms"].items():
            values = file["model/" + tag.removeprefix("parameters/")][...].ravel().astype(float)
            test_histogram(tag, events[-1][1], values)
        n_parameters = len(read["histograms"])
    check(n_parameters > 10, f"{n_parameters} histograms")
    check({tag.split("/")[0] for tag in read["images"]} == {"hard reals", "hard fakes"},
          f"pictures: {list(read['images'])}")
    for tag, events in read["images"].items():
        for _, width, height, text in events:
            picture = PIL.Image.open(io.BytesIO(base64.b64decode(text)))
            picture.load()
            check(picture.size == (width, height) == (56, 56), f"{tag}: {picture.size}")


def test_histogram(tag, got, values):
    near = lambda a, b: abs(a - b) <= 1e-9 * (abs(b) + np.abs(values).sum())
    check(got["num"] == values.size and near(got["min"], values.min()) and
          near(got["max"], values.max()) and near(got["sum"], values.sum()) and
          near(got["sum_squares"], (values ** 2).sum()), f"{tag}: the moments")
    limits, counts = np.array(got["bucket_limit"]), np.array(got["bucket"])
    check(len(limits) == len(counts) == 30 and counts.sum() == values.size, f"{tag}: the bins")
    for i in range(len(limits) - 1):
        below = counts[:i + 1].sum()
        width = (values.max() - values.min()) * 1e-6
        check((values < limits[i] - width).sum() <= below <= (values < limits[i] + width).sum(),
              f"{tag}: {below} values below bin edge {i}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        data, config = str(root / "faces"), str(root / "run.yaml")
        python = install(pathlib.Path(sys.argv[2]))
        pristine("forge", "--procedural", "--out", data, "--identities", "12", "--videos", "2",
                 "--frames", "2", "--size", "56")
        pathlib.Path(config).write_text(CONFIG % {"data": data})
        straight, killed, silent = root / "board/straight", root / "board/killed", root / "silent"
        root.joinpath("board").mkdir()
        pristine("train", "--config", config, "--run", str(straight))
        kill_in_the_middle(config, str(killed))
        pristine("train", "--config", config, "--run", str(killed))
        check(len(list(killed.glob("events.out.tfevents.*"))) == 2, "a file for each start")
        pristine("train", "--config", config, "--run", str(silent), "--set",
                 "train.tensorboard=false", "--set", "train.stop_at=step 1")
        check(not list(silent.glob("events.*")), "train.tensorboard=false wrote an event file")
        test_server(python, str(root / "board"), [straight, killed])
        test_contents(python, killed)
    sys.exit(1 if FAILED else 0)


PRISTINE = os.path.abspath(sys.argv[1])
main()
