"""A small DCL run against an independent transcription of the paper's equations 3 to 8 and 10, fed by its
trace: prototypes, gate and queues at every step (the queues go round), the inter-instance loss and its
gradient by PyTorch, the intra-instance losses from feature maps and masks. Then its bits: on 1 to 4
ranks, with a second forward, and after a resume with the queues wrapped. Usage: dcl.py"""
import subprocess
import sys

import h5py
import numpy as np

import runs
from runs import Lab, check, compare

try:
    import torch
except ImportError as error:
    print(f"skipped: dcl.py needs PyTorch ({error})")
    sys.exit(0)

runs.CONFIG = """
objective: dcl
seed: 3
model: {width: 0.125, depth: 0, px: 64, init: random}
data:
  root: %s
  train: [{path: faces, split: train}]
  val: [{path: faces, split: val}]
  mask: file
train: {n_micro: 4, hash_every: 3, checkpoint_every: 5, keep: 100}
cpu: {threads: 1}
batch: 16
dcl: {queue: 20, min_neg: 4, theta: 0.2, warm_epochs: 1}
optim: {name: adam, lr: 0.001, weight_decay: 0.00001}
stage:
  dcl: {epochs: 2}
"""
N_STEPS = 14
TFACE = {"dcl.gate": "topk", "dcl.topk": 2, "dcl.min_neg": 0, "dcl.enqueue_first": "true", "dcl.exclude_self": "true",
         "dcl.mask_thr_fake": 0.3, "dcl.mask_thr_real": 0.05, "dcl.w_intra_real": 0.001}
COMPAT = {"dcl.compat_log": "batch", "dcl.compat_cells": "multiply", "dcl.mask_thr_fake": 0.01,
          "dcl.mask_thr_real": 0}


class Options:
    def __init__(self, sets):
        self.tau, self.alpha, self.theta, self.capacity, self.min_neg = 0.07, 0.9, 0.2, 20, 4
        self.topk = None
        self.first = self.no_self = False
        self.fake_above = self.real_upto = 0.1
        self.w_real = 1.0
        self.compat = sets is COMPAT
        if sets is COMPAT:
            self.fake_above, self.real_upto = 0.01, 0.0
        elif sets:
            self.topk, self.min_neg, self.first, self.no_self = 2, 0, True, True
            self.fake_above, self.real_upto, self.w_real = 0.3, 0.05, 0.001


class Bank:
    """Prototypes and queues, as lists of keys by slot."""

    def __init__(self, options):
        self.o = options
        self.proto = [None, None]
        self.queue = [[], []]
        self.cursor = [0, 0]

    def update(self, keys, label):
        for c in (0, 1):
            mine = keys[label == c]
            if len(mine):
                mean = mine.mean(axis=0)
                old = self.proto[c]
                self.proto[c] = mean if old is None else self.o.alpha * old + (1 - self.o.alpha) * mean
        for c in (0, 1):
            rows = [r for r in range(len(keys)) if label[r] == c]
            other = self.proto[1 - c]
            if len(self.queue[c]) >= self.o.min_neg and other is not None:
                unit = other / np.linalg.norm(other)
                score = {r: float(keys[r] @ unit / np.linalg.norm(keys[r])) for r in rows}
                if self.o.topk is None:
                    rows = [r for r in rows if score[r] > self.o.theta]
                else:
                    rows = sorted(sorted(rows, key=lambda r: (-score[r], r))[:self.o.topk])
            for r in rows:
                if len(self.queue[c]) < self.o.capacity:
                    self.queue[c].append(keys[r])
                else:
                    self.queue[c][self.cursor[c]] = keys[r]
                self.cursor[c] = (self.cursor[c] + 1) % self.o.capacity


def inter(q, keys, label, bank):
    """Equation 3, the mean over queries that have a queue, and its gradient."""
    q = torch.tensor(q, requires_grad=True)
    terms = []
    for r, c in enumerate(label):
        if bank.queue[1 - c]:
            negatives = torch.tensor(np.array(bank.queue[1 - c]))
            logits = torch.cat([(q[r] @ torch.tensor(keys[r]))[None], negatives @ q[r]]) / bank.o.tau
            terms.append(torch.logsumexp(logits, 0) - logits[0])
    if not terms:
        return 0.0, np.zeros(q.shape)
    loss = torch.stack(terms).mean()
    loss.backward()
    return float(loss), q.grad.numpy()


def cells_of(mask, n):
    """The area average of a square mask on n x n cells; px need not divide."""
    px = mask.shape[0]
    weights = np.zeros((n, px))
    for i in range(n):
        for j in range(px):
            weights[i, j] = max(0.0, min((i + 1) * px / n, j + 1) - max(i * px / n, j))
    return weights @ mask @ weights.T / (px / n) ** 2


def intra(features, mask, label, o):
    """Equations 7 and 8 of one image: value, or None where the image does not count."""
    unit = features.reshape(-1, features.shape[-1])
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    e = np.exp(unit @ unit.T / o.tau)
    if o.no_self:
        np.fill_diagonal(e, 0.0)
    if label == 0:
        return -np.log(e.sum())
    mean = cells_of(mask, features.shape[0]).reshape(-1)
    fake, real = mean > o.fake_above, mean <= o.real_upto
    pairs = e[np.ix_(real, real)].sum()
    if not fake.any() or pairs == 0.0:
        return None
    return -np.log(pairs / (pairs + e[np.ix_(fake, real)].sum()))


def intra_together(features, masks, label, o):
    """The public code's losses: features times 0 and 1, sums over the batch, then two logarithms."""
    x = torch.tensor(features).reshape(len(label), -1, features.shape[-1])
    x = torch.nn.functional.normalize(x, dim=2)
    mean = torch.tensor(np.stack([cells_of(mask, features.shape[1]).reshape(-1) for mask in masks]))
    fake = torch.tensor(label == 1)
    forged = x[fake] * (mean[fake] > o.fake_above)[:, :, None]
    clean = x[fake] * (mean[fake] == o.real_upto)[:, :, None]
    total = lambda a, b: torch.exp(a @ b.transpose(1, 2) / o.tau).sum()
    pairs = total(clean, clean)
    return (float(-torch.log(pairs / (total(forged, clean) + pairs))),
            float(-torch.log(total(x[~fake], x[~fake]))), int((mean[fake] > o.fake_above).any(dim=1).sum()))


def near(what, got, want, bound):
    got, want = np.asarray(got, "f8"), np.asarray(want, "f8")
    check(got.shape == want.shape, f"{what}: {got.shape}, wanted {want.shape}")
    error = np.abs(got - want).max(initial=0.0) / max(np.abs(want).max(initial=0.0), 1e-3)
    check(error <= bound, f"{what} is off by {error:.2e}")
    return error


def replay(path, o):
    bank, worst, n_fake, n_wrapped = Bank(o), 0.0, 0, 0
    with h5py.File(path) as file:
        steps = sorted(name for name in file if name.startswith("step-"))
        check(len(steps) == N_STEPS, f"{len(steps)} steps are traced")
        for name in steps:
            step = file[name]
            read = lambda key: step[key][()].astype("f8")
            q, keys, grad = read("z"), read("k"), read("z_grad")
            views = step["view/label"][()].reshape(4, 2, -1)  # micro-batch, which view, item
            label = views[:, 0].reshape(-1)
            check((views[:, 0] == views[:, 1]).all(), "the views of an item have two labels")
            phi = 0.1 if step.attrs["epoch"] < 1 else 0.5
            if o.first:
                bank.update(keys, label)
            value, slope = inter(q, keys, label, bank)
            worst = max(worst, near(name + " dL/dq", grad, phi * slope, 2e-5))
            if not o.first:
                bank.update(keys, label)

            prob = read("prob")
            ce = -np.log(prob[np.arange(len(label)), label]).mean()
            if o.compat:
                fake, real, n = intra_together(read("map"), read("mask"), label, o)
                near(name + " eq 7", step["intra_fake"][()][label == 1].mean(), fake, 1e-4)
                near(name + " eq 8", step["intra_real"][()][label == 0].mean(), real, 1e-5)
                near(name + " loss", step.attrs["loss"], (1 - phi) * ce + phi * (value + fake + real), 1e-5)
                n_fake += n
                continue
            parts = [intra(*row, o) for row in zip(read("map"), read("mask"), label)]
            fakes = [p for p, c in zip(parts, label) if c == 1 and p is not None]
            reals = [p for p, c in zip(parts, label) if c == 0]
            near(name + " eq 7", step["intra_fake"][()],
                 [p if c == 1 and p is not None else 0.0 for p, c in zip(parts, label)], 1e-4)
            near(name + " eq 8", step["intra_real"][()], [p if c == 0 else 0.0 for p, c in zip(parts, label)], 1e-5)
            total = (1 - phi) * ce + phi * (value + (np.mean(fakes) if fakes else 0.0) + o.w_real * np.mean(reals))
            near(name + " loss", step.attrs["loss"], total, 1e-5)
            n_fake += len(fakes)

            for c in (0, 1):
                n = len(bank.queue[c])
                check(step["bank/count"][c] == n, f"{name}: {step['bank/count'][c]} keys, wanted {n}")
                check(step["bank/cursor"][c] == bank.cursor[c], f"{name}: cursor {step['bank/cursor'][c]}")
                if n:
                    near(name + " queue", step["bank/queue"][c, :n], bank.queue[c], 0.0)
                near(name + " prototype", step["bank/proto"][c], bank.proto[c], 1e-12)
                n_wrapped += n == o.capacity and bank.cursor[c] != 0
    check(n_fake > 0, "no fake has a loss of cells")
    print(f"ok: {path} is the transcription's, gradients within {worst:.1e}; {n_fake} fakes have forged cells")
    return n_wrapped


def check_head(lab, run):
    """One logit, and what it makes of a crop's features is the crop's score."""
    features = lab.path(run, "features.npy")
    done = subprocess.run([runs.BINARY, "predict", lab.path(run), lab.path("faces"), "--checkpoint", "last",
                           "--embeddings", features], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"predict: {done.stdout}{done.stderr}")
    with h5py.File(lab.checkpoints(run)[-1]) as file:
        weight, bias = file["model/fc.weight"][()].astype("f8"), file["model/fc.bias"][()].astype("f8")
    check(bias.shape == (1,), f"{run}: the head has {bias.shape} logits")
    rows = np.load(features).astype("f8")
    scores = [float(line.split("\t")[1]) for line in done.stdout.splitlines()]
    near("scores", scores, 1 / (1 + np.exp(-(rows @ weight.reshape(-1) + bias))), 1e-6)


def main():
    lab = Lab()
    lab.forge("faces")
    command = lab.command
    traced = ["--trace", str(N_STEPS)]
    lab.command = lambda run, ranks, sets: command(run, ranks, sets) + (traced if "trace" in run else [])
    lab.train("one_trace", 1)
    check(replay(lab.path("one_trace", "trace.h5"), Options(None)) > 0, "no queue went round")
    words = [f"{key}={value}" for key, value in TFACE.items()]
    lab.train("tface_trace", 2, *words)
    replay(lab.path("tface_trace", "trace.h5"), Options(TFACE))
    words = [f"{key}={value}" for key, value in COMPAT.items()]
    lab.train("compat_trace", 1, *words)
    replay(lab.path("compat_trace", "trace.h5"), Options(COMPAT))
    lab.train("compat_three", 3, *words)
    compare(lab, "compat_trace", "compat_three")
    lab.train("sigmoid_trace", 1, "dcl.head=sigmoid1")
    replay(lab.path("sigmoid_trace", "trace.h5"), Options(None))
    check_head(lab, "sigmoid_trace")
    out = lab.train("compat_recompute", 1, *words, "train.recompute=true", code=None)
    check("dcl.compat_log" in out, f"sums over a batch were not refused beside recompute: {out}")

    lab.train("shares", 3, "batch=4", "train.n_micro=1", "batch_ranks=4", "train.stop_at=step 5")
    losses = [line["loss"] for line in lab.log("one_trace")]
    check([line["loss"] for line in lab.log("shares")] == losses[:5], "four ranks' batches are not the global one")
    for name, ranks, *sets in (("two", 2), ("three", 3, "train.recompute=true"), ("four", 4)):
        lab.train(name, ranks, *sets)
        compare(lab, "one_trace", name)
    lab.train("stop", 1, "train.stop_at=step 12")
    lab.train("stop", 3)
    compare(lab, "one_trace", "stop")
    lab.train("still", 1, "dcl.shuffle_bn=false")
    first, still = lab.log("one_trace")[0], lab.log("still")[0]
    check(first["term.ce"] == still["term.ce"] and lab.log("one_trace")[1]["loss"] != lab.log("still")[1]["loss"],
          "shuffling keys changed a query's first loss, or no key")
    out = lab.train("alone", 1, "train.n_micro=1", code=None)
    check("dcl.shuffle_bn" in out, f"one micro-batch with shuffled keys was not refused by name: {out}")
    lab.close()


main()
