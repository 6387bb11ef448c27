#!/usr/bin/env python3
"""RCCL's bank and loss, transcribed from the paper's equations with NumPy and PyTorch's autograd, and
compared with what the program computes.

Zha et al., "Real-centric Consistency Learning for Deepfake Detection", section 3.4, equations 1 to 5,
under the readings that the config rows of rccl.* name. Features are random unit vectors; two epochs
are replayed through the driver (rccl_driver.c) on both backends and on 1 to 8 emulated ranks.

Usage: rccl_reference.py DRIVER
"""
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
except ImportError as error:
    print("skipped: rccl_reference.py needs NumPy and PyTorch (%s)" % error)
    sys.exit(0)

REAL, FAKE = 0, 1
DEFAULTS = {
    "tau": 0.1, "k": 2, "u": 32, "M_pos": 4, "s": 4, "V": 4, "mix_beta": 0.8, "mix": "pair",
    "fuse": "smooth", "M_smooth": 2, "transform": True, "synth_grad": True, "centre": "epoch",
    "ema_decay": 0.9, "rescore": True, "hard_unique": False, "order": "update_first",
    "margin_set": "A_n", "margin_anchor": "all", "mixed_as": "margin", "pos": "label",
    "norm": "P", "reduce": "mean",
}


def unit(x):
    return x / np.linalg.norm(x)


class Bank:
    """The centre (eq. 1) and the two hard sets of the current epoch."""

    def __init__(self, o):
        self.o = o
        self.clear()

    def clear(self):
        self.reals_seen = []      # every real feature of the epoch
        self.batch_means = []     # of the batches that had reals
        self.hard = {REAL: [], FAKE: []}  # (score, step, place, id, feature), hardest first

    def centre(self):
        if not self.reals_seen:
            return None
        if self.o["centre"] == "epoch":
            return unit(np.mean(self.reals_seen, axis=0))
        if self.o["centre"] == "batch":
            return unit(self.batch_means[-1])
        mean = self.batch_means[0]
        for m in self.batch_means[1:]:
            mean = self.o["ema_decay"] * mean + (1 - self.o["ema_decay"]) * m
        return unit(mean)

    def hardest(self, entries, label, n):
        sign = 1 if label == REAL else -1
        chosen = []
        for entry in sorted(entries, key=lambda e: (sign * e[0], e[1], e[2])):
            if len(chosen) == n:
                break
            if self.o["hard_unique"] and entry[3] in [c[3] for c in chosen]:
                continue
            chosen.append(entry)
        return chosen

    def take_in(self, z, label, ids, step):
        reals = z[label == REAL]
        if len(reals):
            self.reals_seen.extend(reals)
            self.batch_means.append(reals.mean(axis=0))
        c = self.centre()
        if c is None:
            return
        for y in (REAL, FAKE):
            rows = np.flatnonzero(label == y)
            offered = [(float(z[r] @ c), step, int(r), int(ids[r]), z[r].copy()) for r in rows]
            offered = self.hardest(offered, y, self.o["k"])
            kept = self.hard[y]
            if self.o["rescore"]:
                kept = [(float(f @ c), s, p, i, f) for (_, s, p, i, f) in kept]
            self.hard[y] = self.hardest(kept + offered, y, self.o["u"])


def nearest(z, x, rows, n):
    """The n of ROWS most similar to x, most similar first."""
    return sorted(rows, key=lambda r: (-float(z[r] @ x), r))[:n]


def synthesise(o, bank, z, label, step, lam):
    """Equations 2 and 3. Z is a torch tensor; gradients flow through batch rows only (R11)."""
    zn = z.detach().numpy()
    source = z if o["synth_grad"] else z.detach()
    lam_mixed, lam_fused = lam
    tp, mn = {}, {}
    each = 1 if o["fuse"] == "smooth" else o["M_pos"]
    for y in (REAL, FAKE):
        for i, (_, s, place, _, feature) in enumerate(bank.hard[y]):
            rows = [int(r) for r in np.flatnonzero(label == y) if not (s == step and r == place)]
            hard = torch.from_numpy(feature)
            near = nearest(zn, feature, rows, o["M_pos"])
            slot = (y * o["u"] + i) * each
            if o["fuse"] == "smooth":
                if near:
                    t = (hard + source[near].sum(0)) / (len(near) + 1)
                    tp[slot] = (t / t.norm(), y, near)
                continue
            for m, r in enumerate(near):
                w = lam_fused[slot + m]
                t = w * hard + (1 - w) * source[r]
                t = t / t.norm()
                used = [r]
                if o["fuse"] == "linear_smooth":
                    more = nearest(zn, t.detach().numpy(), rows, o["M_smooth"])
                    t = (t + source[more].sum(0)) / (len(more) + 1)
                    t = t / t.norm()
                    used += more
                tp[slot + m] = (t, y, used)
    c = bank.centre()
    if c is None:
        return tp, mn
    reals = [int(r) for r in np.flatnonzero(label == REAL)]
    fakes = [int(r) for r in np.flatnonzero(label == FAKE)]
    for i, h in enumerate(nearest(zn, c, fakes, o["s"])):
        near = nearest(zn, zn[h], reals, o["V"])
        if o["mix"] == "mean":
            if near:
                mean = source[near].mean(0)
                t = lam_mixed[i] * source[h] + (1 - lam_mixed[i]) * mean / mean.norm()
                mn[i] = (t / t.norm(), [h] + near)
            continue
        for v, r in enumerate(near):
            w = lam_mixed[i * o["V"] + v]
            t = w * source[h] + (1 - w) * source[r]
            mn[i * o["V"] + v] = (t / t.norm(), [h, r])
    return tp, mn


def margin_loss(o, z, label, pair, tp, mn):
    """Equations 4 and 5, row by row."""
    n = len(label)
    transformed = [(t, y) for (t, y, _) in tp.values()] if o["transform"] else []
    mixed = [t for (t, _) in mn.values()]
    # exponents[i, c]: the batch's n columns, then the transformed positives, then the mixed negatives
    columns = torch.cat([z] + [t[None] for (t, _) in transformed] + [t[None] for t in mixed])
    exponents = z @ columns.T / o["tau"]
    a_p = list(range(n, n + len(transformed)))
    a_n = list(range(n + len(transformed), len(columns)))
    rows, anchors = [], 0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        same = [j for j in others if (pair[j] == pair[i] if o["pos"] == "pair" else label[j] == label[i])]
        top = same + [c for c in a_p if transformed[c - n][1] == label[i]]
        bottom = others + a_p
        if o.get("denominator") == "neg":     # MC-LCR, equation 13 as printed
            bottom = [j for j in others if label[j] != label[i]]
            same = same if bottom else []
            top = top if bottom else []
        if o["mixed_as"] == "fake":
            bottom = bottom + a_n
            if label[i] == FAKE:
                top = top + a_n
        elif o["margin_anchor"] == "all" or label[i] == REAL:
            if o["margin_set"] == "A_n":
                bottom = bottom + a_n
            elif o["margin_set"] == "A":
                bottom = bottom + others
        count = len(top) if o["norm"] == "P_prime" else len(same)
        if count == 0:
            rows.append(torch.zeros((), dtype=torch.float64))
            continue
        anchors += 1
        log_all = torch.logsumexp(exponents[i, bottom], 0)
        rows.append((log_all - exponents[i, top]).sum() / count)
    rows = torch.stack(rows)
    return rows / anchors if o["reduce"] == "mean" and anchors else rows


def reference(o, steps, lambdas, supcon):
    bank, out = Bank(o), []
    each = 1 if o["fuse"] == "smooth" else o["M_pos"]
    n_mixed = o["s"] * (o["V"] if o["mix"] == "pair" else 1)
    for (label, ids, pair, step, begins, _, features), lam in zip(steps, lambdas):
        z = torch.from_numpy(features.copy()).requires_grad_(True)
        tp, mn = {}, {}
        if begins:
            bank.clear()
        if not supcon:
            if o["order"] == "update_first":
                bank.take_in(features, label, ids, step)
            tp, mn = synthesise(o, bank, z, label, step, (lam[:n_mixed], lam[n_mixed:]))
        rows = margin_loss(o, z, label, pair, tp, mn)
        (rows.sum() + 0 * z.sum()).backward()
        if not supcon and o["order"] == "update_last":
            bank.take_in(features, label, ids, step)
        got = {"loss": rows.detach().numpy(), "dz": z.grad.numpy().ravel()}
        if not supcon:
            d = features.shape[1]
            got["tp"] = np.zeros((2 * o["u"] * each, d))
            got["tp_valid"] = np.zeros(len(got["tp"]), dtype=np.int64)
            for slot, (t, _, _) in tp.items():
                got["tp"][slot], got["tp_valid"][slot] = t.detach().numpy(), 1
            got["mn"] = np.zeros((n_mixed, d))
            got["mn_valid"] = np.zeros(n_mixed, dtype=np.int64)
            for slot, (t, _) in mn.items():
                got["mn"][slot], got["mn_valid"][slot] = t.detach().numpy(), 1
            c = bank.centre()
            got["bank.centre"] = np.zeros(d) if c is None else c
            got["bank.hard_count"] = np.array([len(bank.hard[REAL]), len(bank.hard[FAKE])])
            got["keys"] = [[(e[3], e[1], e[2]) for e in bank.hard[y]] for y in (REAL, FAKE)]
            got["features"] = [e[4] for y in (REAL, FAKE) for e in bank.hard[y]]
            got["mn_index"] = {slot: used for slot, (_, used) in mn.items()}
            got["tp_index"] = {slot: used for slot, (_, _, used) in tp.items()}
        out.append(got)
    return out


def make_steps(rng, n_rows, n_cols, what):
    """Two epochs of four steps; pairs are rows 2i and 2i + 1; crops may recur (id modulo 20)."""
    steps = []
    for epoch in range(2):
        for step in range(4):
            label = np.repeat(rng.permutation(n_rows // 2) % 2, 2).astype(np.int64)
            if what == "no_reals_at_first" and step < 2:
                label[:] = FAKE
            if what == "few_reals":
                label[:] = FAKE
                label[rng.integers(0, n_rows, 1 + step % 2)] = REAL
            if what == "only_reals":
                label[:] = REAL
            pair = np.arange(n_rows) // 2
            ids = pair * 10 % 20 + 100 * label
            z = rng.standard_normal((n_rows, n_cols)) + 0.8 * np.outer(1 - label, np.ones(n_cols))
            z /= np.linalg.norm(z, axis=1, keepdims=True)
            steps.append([label, ids, pair, step, int(step == 0), 100 * epoch + step, z])
    return steps


def run(driver, folder, steps, backend, n_ranks, n_micro, loss, words):
    n_rows, n_cols = steps[0][6].shape
    source, target = os.path.join(folder, "in"), os.path.join(folder, "out")
    with open(source, "wb") as f:
        f.write(struct.pack("<3q", len(steps), n_rows, n_cols))
        for label, ids, pair, step, begins, place, z in steps:
            for a in (label, ids, pair):
                f.write(np.asarray(a, dtype="<i8").tobytes())
            f.write(struct.pack("<3q", step, begins, place))
            f.write(np.asarray(z, dtype="<f8").tobytes())
    subprocess.run([driver, source, target, backend, str(n_ranks), str(n_micro), loss] + words,
                   check=True)
    return open(target, "rb").read()


def parse(data, n_steps, per_step):
    at, out = 0, []
    for _ in range(n_steps):
        tensors = {}
        for _ in range(per_step):
            name = data[at:at + 32].rstrip(b"\0").decode()
            integers, n = struct.unpack_from("<2q", data, at + 32)
            tensors[name] = np.frombuffer(data, "<i8" if integers else "<f8", n, at + 48)
            at += 48 + 8 * n
        out.append(tensors)
    assert at == len(data), "the driver wrote more than was read"
    return out


FAILED = []


def check(ok, text):
    if not ok:
        FAILED.append(text)
        print("FAILED: " + text)


def close(name, have, want, bound):
    have, want = np.asarray(have).ravel(), np.asarray(want).ravel()
    scale = max(np.linalg.norm(want), 1e-30)
    gap = np.linalg.norm(have - want) / scale
    check(np.linalg.norm(have) == 0 if np.linalg.norm(want) == 0 else gap < bound,
          "%s: ||a - b|| / ||b|| = %.3g, must be below %g" % (name, gap, bound))
    return gap


def compare(title, o, have, want, supcon, bound):
    worst = 0.0
    for step, (h, w) in enumerate(zip(have, want)):
        where = "%s, step %d, " % (title, step)
        for name in ("loss", "dz"):
            worst = max(worst, close(where + name, h[name], w[name], bound))
        if supcon:
            continue
        for name in ("tp", "mn", "bank.centre"):
            close(where + name, h[name], w[name], min(bound, 1e-6))
        for name in ("tp_valid", "mn_valid", "bank.hard_count"):
            check(np.array_equal(h[name], w[name]), "%s%s: %s, must be %s" % (where, name, h[name], w[name]))
        keys = h["bank.hard_key"].reshape(2, o["u"], 3)
        features = h["bank.hard"].reshape(2, o["u"], -1)
        for y in (REAL, FAKE):
            n = len(w["keys"][y])
            check([tuple(k) for k in keys[y][:n]] == w["keys"][y],
                  "%shard set %d: %s, must be %s" % (where, y, keys[y][:n].tolist(), w["keys"][y]))
        stored = np.concatenate([features[y][:len(w["keys"][y])] for y in (REAL, FAKE)])
        check(np.array_equal(stored.ravel(), np.array(w["features"]).ravel()),
              where + "hard features are not those of the batches")
        for name in ("tp_index", "mn_index"):
            table = h[name].reshape(len(h[name[:2] + "_valid"]), -1)
            for slot, used in w[name].items():
                check(table[slot][:len(used)].tolist() == used,
                      "%s%s %d: %s, must be %s" % (where, name, slot, table[slot].tolist(), used))
    return worst


CASES = [
    ("defaults", {}, ""),
    ("small sets that overflow", {"u": 5, "k": 2}, ""),
    ("one k, small u, M 2", {"u": 3, "k": 1, "M_pos": 2, "s": 2, "V": 3}, ""),
    ("no rescoring", {"u": 3, "k": 2, "rescore": False}, ""),
    ("unique", {"u": 4, "k": 3, "hard_unique": True}, ""),
    ("ema", {"u": 5, "centre": "ema"}, ""),
    ("batch centre", {"u": 5, "centre": "batch"}, ""),
    ("update last", {"u": 5, "order": "update_last"}, ""),
    ("linear", {"u": 4, "fuse": "linear"}, ""),
    ("linear, then smooth", {"u": 4, "fuse": "linear_smooth"}, ""),
    ("mean mixing", {"u": 4, "mix": "mean"}, ""),
    ("no gradient through synthesis", {"u": 4, "synth_grad": False}, ""),
    ("no positives", {"u": 4, "transform": False}, ""),
    ("no margin", {"u": 4, "margin_set": "none"}, ""),
    ("margin as printed", {"u": 4, "margin_set": "A"}, ""),
    ("margin of reals", {"u": 4, "margin_anchor": "real"}, ""),
    ("mixed as fakes", {"u": 4, "mixed_as": "fake"}, ""),
    ("positives of the pair", {"u": 4, "pos": "pair"}, ""),
    ("norm P'", {"u": 4, "norm": "P_prime"}, ""),
    ("sum", {"u": 4, "reduce": "sum"}, ""),
    ("no reals at first", {"u": 4}, "no_reals_at_first"),
    ("fewer reals than M and V", {"u": 4}, "few_reals"),
    ("only reals", {"u": 4, "norm": "P_prime"}, "only_reals"),
]


SUPCON = [
    ("SupCon", {}, ""),
    ("SupCon, pairs", {"pos": "pair"}, ""),
    ("SupCon over negatives", {"denominator": "neg"}, ""),
    ("SupCon over negatives, sum", {"denominator": "neg", "reduce": "sum", "tau": 0.3}, ""),
    ("SupCon over negatives, few reals", {"denominator": "neg"}, "few_reals"),
    ("SupCon over negatives, none", {"denominator": "neg"}, "only_reals"),
]


def main(driver):
    n_rows, n_cols = 32, 20
    with tempfile.TemporaryDirectory() as folder:
        for number, (title, changed, what) in enumerate(CASES + SUPCON):
            supcon = title.startswith("SupCon")
            steps = make_steps(np.random.default_rng(number), n_rows, n_cols, what)
            o = dict(DEFAULTS, **changed)
            prefix, loss, per_step = ("supcon", "supcon", 2) if supcon else ("rccl", "rccl", 17)
            words = ["%s.%s=%s" % (prefix, k, str(v).lower() if isinstance(v, bool) else v) for k, v in changed.items()]
            worst = {}
            for backend, bound in (("ref", 1e-10), ("cpu", 1e-4)):
                data = run(driver, folder, steps, backend, 1, 8, loss, words)
                have = parse(data, len(steps), per_step)
                # The CPU backend reads f32, so the transcription starts from the same numbers.
                seen = [s[:6] + [s[6] if backend == "ref" else s[6].astype("<f4").astype("<f8")] for s in steps]
                lambdas = [h.get("lambda", np.zeros(0)) for h in have]
                want = reference(o, seen, lambdas, supcon)
                worst[backend] = compare("%s (%s)" % (title, backend), o, have, want, supcon, bound)
                for n_ranks in (2, 3, 5, 8) if backend == "cpu" else (3,):
                    again = run(driver, folder, steps, backend, n_ranks, 8, loss, words)
                    check(again == data, "%s (%s): other bytes on %d ranks" % (title, backend, n_ranks))
            print("%-32s ref %.1e, cpu %.1e" % (title, worst["ref"], worst["cpu"]))
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
