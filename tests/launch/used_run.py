#!/usr/bin/env python3
"""What is done with a trained run: predict, export, import, inspect and bench, on a tiny one.

An image alone, in a folder and in its dataset gets the same bits as in `eval`, on one rank and on
three; a bad image is named and left out; features agree with the scores; exported weights begin
another run with the same backbone; equal checkpoints have equal content lines.

Usage: used_run.py PRISTINE
"""
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as error:
    print("skipped: used_run.py needs h5py and NumPy (%s)" % error)
    sys.exit(0)

CONFIG = """
objective: rccl
seed: 3
model: {name: xception, width: 0.125, depth: 0, px: 48, proj_out: 16, init: random}
data:
  train: [{path: %(data)s, split: train}]
  val: [{path: %(data)s, split: val}]
  test: {all: [{path: %(data)s, split: test}]}
train: {n_micro: 4}
eval: {batch: 8}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.002}
stage:
  contrastive: {epochs: 1}
  classifier: {epochs: 2}
"""
FAILED = []


def check(ok, text):
    if not ok:
        FAILED.append(text)
        print("FAILED: " + text)


def run(words, n_ranks=1, code=0):
    """Stdout and stderr of the program, which must end with CODE (None: with any but 0)."""
    launch = [] if n_ranks == 1 else ["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", str(n_ranks)]
    done = subprocess.run(launch + [PRISTINE] + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, said = done.stdout.decode(), done.stderr.decode()
    good = done.returncode != 0 if code is None else done.returncode == code
    check(good, "%s: exit code %d, want %s\n%s%s" % (words, done.returncode, code, out, said))
    return out, said


def extract(data, folder):
    """Every crop of the dataset as a file: path by sample name without its shard."""
    files = {}
    for shard in sorted(f for f in os.listdir(data) if f.startswith("part-")):
        with h5py.File(os.path.join(data, shard), "r") as file:
            words, at, heap = file["words"][:], file["image_offset"][:], file["image"][:]
            for i, row in enumerate(file["crops"][:]):
                text = [words[row[k]].decode() for k in ("dataset", "method", "compression", "video")]
                name = "/".join(text + ["frame %d" % row["frame"]])
                path = os.path.join(folder, text[1], "%s-%s-%d.jpg" % (text[3], text[2], row["frame"]))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as out:
                    out.write(heap[at[i]:at[i + 1]].tobytes())
                files[name] = path
    return files


def lines(text):
    return [line.split("\t") for line in text.splitlines()]


def test_predict(folder, data, run_dir):
    images = os.path.join(folder, "images")
    files = extract(data, images)
    run(["eval", run_dir, "--scores"])
    scored = lines(open(os.path.join(run_dir, "eval", "test.all.tsv")).read())[1:]
    want = {files[row[0].split(" (")[0]]: row[-1] for row in scored}
    check(len(want) >= 16 and len(set(want.values())) > 8, "eval scored %d crops" % len(want))

    features = os.path.join(folder, "z.npy")
    out, _ = run(["predict", run_dir, data, "--embeddings", features])
    dataset = {files[row[0].split(" (")[0]]: row for row in lines(out)}
    check(len(dataset) == len(files), "%d of %d samples" % (len(dataset), len(files)))
    check(all(dataset[path][1] == score for path, score in want.items()), "a dataset's scores are not eval's")
    check(all((row[2] == "real") == ("/pristine/" in row[0]) for row in dataset.values()), "a label is wrong")
    rows = np.load(features)
    check(rows.dtype == np.float32 and rows.shape[0] == len(files), "features %s" % (rows.shape,))
    check(open(features + ".tsv").read() == out, "the features' lines are not the scores'")
    check_features(rows, [float(row[1]) for row in lines(out)], run_dir)

    out, _ = run(["predict", run_dir, images])
    check([row[0] for row in lines(out)] == sorted(files.values()), "a folder's images are not in bytewise order")
    check(all(row[1] == dataset[row[0]][1] for row in lines(out)), "an image's score is not its sample's")
    three, _ = run(["predict", run_dir, images], 3)
    check(three == out, "three ranks score otherwise")
    path = sorted(want)[3]
    alone, _ = run(["predict", run_dir, path])
    check(lines(alone) == [[path, want[path]]], "alone %s, in its batch %s" % (alone, want[path]))
    return images


def check_features(rows, scores, run_dir):
    """The classifier on the features, in double, gives the scores."""
    last = sorted(os.listdir(os.path.join(run_dir, "checkpoints")))
    gaps = []
    for name in last:
        with h5py.File(os.path.join(run_dir, "checkpoints", name), "r") as file:
            w, b = file["model/fc.weight"][:].astype("f8"), file["model/fc.bias"][:].astype("f8")
        logits = rows.astype("f8") @ w.T + b
        fake = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
        gaps.append(np.abs(fake - scores).max())
    check(min(gaps) < 1e-5, "the features do not give the scores: %s" % gaps)


def test_bad_images(folder, run_dir, images):
    bad = os.path.join(folder, "bad.jpg")
    good = os.path.join(images, "pristine", sorted(os.listdir(os.path.join(images, "pristine")))[0])
    with open(bad, "wb") as out:
        out.write(open(good, "rb").read()[:40])
    table = os.path.join(folder, "scores.tsv")
    for n_ranks in (1, 2):
        _, said = run(["predict", run_dir, bad, good, "--out", table], n_ranks)
        check([row[0] for row in lines(open(table).read())] == [good], "want one line: %s" % open(table).read())
        check(bad + " is left out: " in said and "1 of 2 images" in said, "no reason is given: " + said)
    run(["predict", run_dir, bad], code=1)
    _, said = run(["predict", run_dir, os.path.join(folder, "none.jpg")], code=None)
    check("none.jpg: there is no such file or folder" in said, said)
    empty = os.path.join(folder, "empty")
    os.mkdir(empty)
    _, said = run(["predict", run_dir, empty], code=None)
    check("neither a dataset" in said, said)


def content(path):
    out, _ = run(["inspect", path])
    return [line for line in out.splitlines() if line.startswith("content ")]


def test_weights(folder, config, run_dir):
    weights = os.path.join(folder, "backbone.safetensors")
    run(["export", run_dir, "--checkpoint", "last", "--out", weights, "--prefix", "backbone.", "--strip"])
    out, _ = run(["import", weights, "--config", config])
    check(" 0 unknown, 0 misfit, 0 missing" in out and "A run would take it." in out, out)
    out, _ = run(["import", weights, "--config", config, "--set", "model.width=0.25"], code=1)
    check("A run would refuse it" in out, out)
    # A run that begins from the file and stops at once has the exporting run's backbone.
    other = os.path.join(folder, "other")
    run(["train", "--config", config, "--run", other, "--set", "model.init=" + weights, "--set",
         "train.stop_at=step 1", "--set", "optim.lr=0", "--set", "optim.weight_decay=0"])
    names = [sorted(os.listdir(os.path.join(d, "checkpoints")))[-1] for d in (run_dir, other)]
    with h5py.File(os.path.join(run_dir, "checkpoints", names[0]), "r") as a, \
            h5py.File(os.path.join(other, "checkpoints", names[1]), "r") as b:
        for name in a["model"]:
            if name.startswith("backbone.") and "running" not in name:
                check(np.array_equal(a["model"][name][()], b["model"][name][()]), "%s is another" % name)
    _, said = run(["export", run_dir, "--out", weights, "--prefix", "nothing."], code=None)
    check("nothing." in said, said)


def test_inspect(folder, config, run_dir):
    again = os.path.join(folder, "again")
    run(["train", "--config", config, "--run", again, "--set", "train.keep=5", "--set", "cpu.threads=1"], 2)
    newest = sorted(os.listdir(os.path.join(run_dir, "checkpoints")))[-1]
    first = os.path.join(run_dir, "checkpoints", newest)
    one, two = content(first), content(os.path.join(again, "checkpoints", newest))
    check(len(one) == 1 and one == two, "equal runs, other contents: %s, %s" % (one, two))
    older = sorted(os.listdir(os.path.join(again, "checkpoints")))[0]
    check(content(os.path.join(again, "checkpoints", older)) != one, "other steps, one content")
    out, _ = run(["inspect", first])
    with h5py.File(first, "r") as file:
        found = []
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in found:
            check(name == "config" or "  %s " % name in out, "%s is not listed" % name)
        check("config hash %016x" % (int(file.attrs["config_hash"]) & (2**64 - 1)) in out, "another config hash")
    damaged = os.path.join(folder, "damaged.h5")
    data = bytearray(open(first, "rb").read())
    with h5py.File(first, "r") as file:
        at = file["model/fc.weight"].id.get_offset()
    data[at] ^= 1
    with open(damaged, "wb") as f:
        f.write(data)
    _, said = run(["inspect", damaged], code=None)
    check("damaged.h5" in said and ("checksum" in said or "not a whole checkpoint" in said), said)


def test_bench(config):
    """Rates agree with the times beside them; what the config has not is refused."""
    for n_ranks in (1, 2):
        out, _ = run(["bench", "step", "--config", config, "--steps", "4", "--warm", "1"], n_ranks)
        words = out.replace(",", "").split()
        rate, step_ms = float(words[1]), float(words[3])
        check(0.2 < rate * step_ms / 1e3 / 32 < 1.5, "4 steps of 32 views: " + out)
        out, _ = run(["bench", "loader", "--config", config, "--steps", "4"], n_ranks)
        check(float(out.split()[1]) > 0 and "4 batches of 32 views on %d ranks" % n_ranks in out, out)
    _, said = run(["bench", "step", "--config", config, "--steps", "1000"], code=None)
    check("1002 steps are asked for" in said, said)


def main():
    with tempfile.TemporaryDirectory() as folder:
        data, config = os.path.join(folder, "data"), os.path.join(folder, "config.yaml")
        run_dir = os.path.join(folder, "run")
        run(["forge", "--procedural", "--identities", "12", "--videos", "2", "--frames", "4", "--size", "56",
             "--out", data])
        with open(config, "w") as f:
            f.write(CONFIG % {"data": data})
        run(["train", "--config", config, "--run", run_dir])
        images = test_predict(folder, data, run_dir)
        test_bad_images(folder, run_dir, images)
        test_weights(folder, config, run_dir)
        test_inspect(folder, config, run_dir)
        test_bench(config)
    return 1 if FAILED else 0


if __name__ == "__main__":
    PRISTINE = sys.argv[1]
    sys.exit(main())
