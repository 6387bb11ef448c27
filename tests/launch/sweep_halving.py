#!/usr/bin/env python3
"""A planted problem: learning rates over many orders of magnitude, of which the grid has one best. Successive
halving finds it with a third of the steps or less, and the trial that it trains to the end is the grid's to the
bit. Steps are counted in the logs. The best leads by far at each rung, so that the test does not hang on luck;
that margin is measured here and not assumed. Trials of the last rungs by their numbers alone, and the report.

Usage: sweep_halving.py PRISTINE
"""
import csv
import json
import os
import re
import sqlite3
import sys
import tempfile

from sweep_common import CONFIG, FAILED, Program, check, lines, trials

try:
    import numpy as np
    from PIL import Image
except ImportError as error:
    print("skipped: sweep_halving.py needs NumPy and PIL (%s)" % error)
    sys.exit(0)

GRID = """
config: run.yaml
parameters:
  optim.lr: {log: [1e-14, 1e2], points: 9}
checkpoint: last
at_once: 3
"""
MARGIN = 0.1


def stripes(pristine, n_train=192, n_val=96):
    """Crops that differ in the direction of faint stripes: a network learns them in two epochs, at a good rate."""
    draw, (y, x) = np.random.default_rng(7), np.mgrid[0:40, 0:40]
    folder, data = os.path.join(pristine.folder, "tree"), os.path.join(pristine.folder, "data")
    os.makedirs(folder)
    rows = ["dataset path label video frame method compression split".replace(" ", "\t")]
    for i in range(n_train + n_val):
        phase, height = draw.uniform(0, 6.28), draw.uniform(6, 30)
        wave = height * np.sin((x if i % 2 else y) * 6.28 / 8 + phase)
        image = 128 + wave[..., None] + draw.normal(0, 28, (40, 40, 3))
        Image.fromarray(np.clip(image, 0, 255).astype("u1")).save(os.path.join(folder, "%d.png" % i))
        rows.append("stripes\t%d.png\t%s\tv%d\t0\t%s\tc0\t%s" % (
            i, ("real", "fake")[i % 2], i, ("pristine", "stripes")[i % 2], "train" if i < n_train else "val"))
    with open(os.path.join(folder, "manifest.tsv"), "w") as file:
        file.write("\n".join(rows) + "\n")
    pristine("pack", folder, "--out", data)
    return data


def values(out, file):
    found = {}
    for name in trials(out):
        path = os.path.join(out, name, file)
        if os.path.exists(path):
            with open(path) as text:
                found[name] = json.load(text)["frame"]["auc"]
    return found


def n_steps(out):
    return sum(len(lines(os.path.join(out, name), "step")) for name in trials(out))


def content(pristine, out, name):
    folder = os.path.join(out, name, "checkpoints")
    said = pristine("inspect", os.path.join(folder, sorted(os.listdir(folder))[-1]))[0]
    return [line for line in said.splitlines() if line.startswith("content ")]


def test_halving(pristine, grid, out):
    want = values(grid, "eval/val.json")
    best = max(want, key=want.get)
    others = sorted(want.values())[-2]
    check(want[best] - others >= MARGIN, "the best does not lead: %s" % want)
    rungs = [values(out, "rungs/rung-%d-val.json" % r) for r in (0, 1)] + [values(out, "eval/val.json")]
    check([len(rung) for rung in rungs[:2]] == [9, 3], "rungs of %s trials" % [len(rung) for rung in rungs])
    third = sorted(rungs[0].values())[-4]
    check(rungs[0][best] - third >= MARGIN, "the best is not clearly among the first three: %s" % rungs[0])
    check(set(rungs[1]) == set(sorted(rungs[0], key=rungs[0].get)[-3:]), "other trials went on: %s" % rungs[:2])
    check(max(rungs[1], key=rungs[1].get) == best, "the best was lost: %s" % rungs[1])
    check(content(pristine, out, best) == content(pristine, grid, best), "the best has other bits than the grid's")
    check(rungs[2][best] == want[best], "the best has another metric than the grid's")
    all_steps, few = n_steps(grid), n_steps(out)
    check(3 * few <= all_steps, "%d of %d steps" % (few, all_steps))
    print("halving: %d of %d steps, %s leads by %.3f" % (few, all_steps, best, want[best] - others))
    return best


def correlation_ratio(want):
    """Of nine values over a range that is cut into four parts."""
    numbers = [want[name] for name in sorted(want)]
    parts = [min(int(4 * (i / 8)), 3) for i in range(9)]
    mean = np.mean(numbers)
    inside = [np.mean([v for v, p in zip(numbers, parts) if p == part]) for part in parts]
    return sum((a - mean) ** 2 for a in inside) / sum((a - mean) ** 2 for a in numbers)


def test_report(pristine, grid, out, best):
    said = pristine("sweep", "report", grid)[0].splitlines()
    check(said[0].startswith("| place | trials | val.frame.auc |") and ("| 1 | %s |" % best) in said[2], said[:4])
    want = values(grid, "eval/val.json")
    with open(os.path.join(grid, "trials.csv")) as file:
        rows = list(csv.DictReader(file))
    check({row["trial"]: float(row["val.frame.auc"]) for row in rows} == want, "trials.csv: %s" % rows)
    with open(os.path.join(grid, "report.html")) as file:
        page = file.read()
    check(page.count("<polyline fill") == 9 and "Learning curves" in page and "optim.lr" in page, "the page")
    share = float(re.search(r"optim.lr</td><td data-v=\"([^\"]+)\"", page).group(1))
    check(abs(share - correlation_ratio(want)) < 1e-9, "importance %g, not %g" % (share, correlation_ratio(want)))
    check(not re.search(r"(src|href)=.?(http|//)|<script", page), "the page asks for something")

    def rows_of(folder):
        db = sqlite3.connect(os.path.join(folder, "sweep.sqlite"))
        tables = {t: db.execute("SELECT * FROM %s ORDER BY 1, 2" % t).fetchall()
                  for t in ("trials", "parameters", "evaluations", "metrics")}
        check(db.execute("PRAGMA journal_mode").fetchone() == ("delete",), "the journal is another")
        db.close()
        return tables

    for folder, n in ((grid, 9), (out, 13)):
        before = rows_of(folder)
        check(len(before["trials"]) == 9 and len(before["evaluations"]) == n, "rows: %s" % before["evaluations"])
        os.remove(os.path.join(folder, "sweep.sqlite"))
        pristine("sweep", "collect", folder)
        check(rows_of(folder) == before, "collected other rows")
    states = {row[1]: row[3] for row in rows_of(out)["trials"]}
    check(states[best] == "finished" and list(states.values()).count("halved") == 8, "states: %s" % states)


def test_alone(pristine, out, best):
    """A rung's trials by their numbers: those that are not of the rung end at once, as do finished ones."""
    before = n_steps(out)
    said = pristine("sweep", "trial", out, str((int(best[6:]) + 1) % 9), "--rung", "2")[1]
    check("is not among the 1 points of rung 2" in said, said)
    said = pristine("sweep", "trial", out, str(int(best[6:])), "--rung", "2")[1]
    check("was finished" in said and n_steps(out) == before, said)


def main():
    with tempfile.TemporaryDirectory() as folder:
        pristine = Program(sys.argv[1], folder)
        data = stripes(pristine)
        text = CONFIG.replace("  test: {all: [{path: %(data)s, split: test}]}\n", "")
        text = text.replace("px: 32,", "px: 32, bn_momentum: 0.5,").replace(", checkpoint_every: 2", "")
        pristine.file("run.yaml", text % {"data": data, "epochs": 9})
        grid, out = os.path.join(folder, "grid"), os.path.join(folder, "halving")
        pristine("sweep", pristine.file("grid.yaml", GRID), "--out", grid)
        said = pristine("sweep", pristine.file("halving.yaml", GRID + "halving: {rungs: 3, eta: 3}\n"), "--out", out)
        check("in 3 rungs" in said[0], said[0])
        best = test_halving(pristine, grid, out)
        test_report(pristine, grid, out, best)
        test_alone(pristine, out, best)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
