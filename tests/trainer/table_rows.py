"""Every row of every table and figure that is trained (configs/*/table*.yaml, figure*.yaml) makes its first
steps, small: a narrow network on small procedural crops, few views a step, short queues, from random weights.
Then any two rows of a table must differ in their effective configs, in keys that the table says it varies and
in no others, and in their trace: in views, terms of the loss, bank or logits. A row is given two steps, or
where a step is one phase of a longer cycle a whole cycle; rows of several tables that are one run are trained
once, and one of them twice, which must make no difference. Last, `pristine ablate` tests these runs and prints
every table, which is held to the evaluations and to the data file. Usage: table_rows.py [TABLE...]"""
import concurrent.futures
import glob
import io
import itertools
import json
import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import yaml
from PIL import Image

from runs import BINARY, TIMEOUT_S, Lab, check

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "launch"))
from ablate_check import Expected, check_table, name_of

# What makes a run small, none of which can make two rows differ: where a table varied one of these keys,
# its rows would be found equal. Networks that come in one size only keep it.
SMALL = {
    "model.init": "random", "model.width": 0.0625, "model.depth": 0.25, "model.px": 64, "model.proj_out": 16,
    "mc_lcr.embed": 32, "dadd.private": 8, "dcl.queue": 16, "dcl.min_neg": 1,
    # No cosine is above 1: in the second step the gate lets in nothing, and `gate: none` everything. At 0.5
    # a random network's keys, which are much alike, all pass.
    "dcl.theta": 1,
    "batch": 8, "train.n_micro": 2, "data.batches_ahead": 1, "cpu.threads": 1, "cpu.loader_threads": 0,
}
ONE_SIZE = {"meso4", "meso_inception4"}
N_STEPS = 2
MAX_CYCLE = 32
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
QUALITY = {"raw": None, "c23": 70, "c40": 25}
ABSENT = ("dfd", "dfdc", "wild")  # lists whose data sets are not made
SPLITS = ("train", "train", "val", "train", "test")


def words_of(file):
    return [word.decode().rstrip("\0") for word in file["words"][()]]


def crops_of(folder):
    """Each crop of a dataset as a dictionary, with its bytes, mask and landmarks."""
    for path in sorted(glob.glob(os.path.join(folder, "part-*.h5"))):
        with h5py.File(path) as file:
            words = words_of(file)
            for i, row in enumerate(file["crops"][()]):
                crop = {key: words[row[key]] for key in ("label", "video", "bg_video", "bg_id", "face_id",
                                                         "face_video", "codec")}
                crop["frame"] = int(row["frame"])
                crop["crop"] = row["crop"] if row["has_crop"] else None
                for name in ("image", "mask"):
                    first, last = file[name + "_offset"][i:i + 2]
                    crop[name] = file[name][first:last].tobytes()
                first = row["landmark_first"]
                crop["landmarks"] = file["landmarks"][first:first + row["n_landmarks"]]
                yield crop


def encode(crop, quality):
    """The crop as it came, or compressed again."""
    if quality is None:
        return crop["image"], "jpg" if crop["codec"] == "jpeg" else "png"
    out = io.BytesIO()
    Image.open(io.BytesIO(crop["image"])).convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue(), "jpg"


def pack(lab, name, crops, compressions, methods):
    """A dataset of that name: fakes of one video are of METHODS in turn."""
    folder = lab.path("loose", name)
    os.makedirs(folder)
    videos = {}
    people = sorted({crop["bg_id"] for crop in crops})
    for crop in crops:
        if crop["label"] == "fake":
            videos.setdefault(crop["bg_video"], set()).add(crop["video"])
    columns = ("path", "label", "method", "compression", "split", "video", "frame", "bg_video", "bg_id", "face_id",
               "face_video", "mask", "landmarks", *(f"crop{i}" for i in range(6)))
    lines = ["\t".join(columns)]

    def write(file, content):
        with open(os.path.join(folder, file), "wb") as out:
            out.write(content)
        return file

    for n, crop in enumerate(crops):
        fake = crop["label"] == "fake"
        number = sorted(videos[crop["bg_video"]]).index(crop["video"]) if fake else 0
        points = "\n".join(f"{x} {y}" for x, y in crop["landmarks"])
        landmarks = write(f"{n}.txt", points.encode())
        mask = write(f"{n}.mask.png", crop["mask"]) if crop["mask"] else ""
        for compression in compressions:
            content, end = encode(crop, QUALITY[compression])
            path = write(f"{n}.{compression}.{end}", content)
            lines.append("\t".join([
                path, crop["label"], methods[number % len(methods)] if fake else "original", compression,
                SPLITS[people.index(crop["bg_id"]) % len(SPLITS)], crop["video"], str(crop["frame"]),
                crop["bg_video"], crop["bg_id"], crop["face_id"], crop["face_video"], mask, landmarks,
                *(repr(float(value)) for value in crop["crop"])]))
    write("manifest.tsv", ("\n".join(lines) + "\n").encode())
    done = subprocess.run([BINARY, "pack", folder, "--out", lab.path(name), "--dataset", name], capture_output=True,
                          text=True, check=False)
    check(done.returncode == 0, f"pack {name}: {done.stdout}{done.stderr}")


def make_data(lab):
    """What the configs name, of procedural faces: four manipulations and three compressions. Three of the data
    sets that are only tested on are left away."""
    done = subprocess.run([BINARY, "forge", "--procedural", "--out", lab.path("faces"), "--identities", "10",
                           "--videos", "2", "--frames", "2", "--size", "64", "--donors", "4", "--split", "1,0,0"],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"forge: {done.stdout}{done.stderr}")
    crops = list(crops_of(lab.path("faces")))
    pack(lab, "ffpp", crops, QUALITY, METHODS)
    pack(lab, "celeb-df-v2", crops, QUALITY, ("Celeb-synthesis",))
    pack(lab, "celeb-df-v1", crops, ("raw",), ("Celeb-synthesis",))


def read_table(path):
    """A table's rows by their names, and the keys that it varies."""
    rows, varies = {}, None
    while path is not None:
        with open(path) as file:
            top = yaml.safe_load(file)
        rows, varies = {**top.get("rows", {}), **rows}, varies or top.get("varies")
        path = os.path.join(os.path.dirname(path), top["inherit"]) if "inherit" in top else None
    return rows, varies


class Row:
    """A row of a table, and the run that it is."""

    def __init__(self, table, name, words):
        self.table, self.name = table, name
        self.small = {key: value for key, value in SMALL.items()
                      if words.get("model.name") not in ONE_SIZE or key not in ("model.width", "model.depth")}
        self.run = f"{os.path.basename(os.path.dirname(table))}.{os.path.basename(table)[:-5]}.{name}"
        self.config = self.signature = None
        self.shared = None  # the run that was trained for this row

    def call(self, lab, *words):
        """What one call of the program prints, without ranks beside it."""
        command = [BINARY, "train", "--config", self.table, "--row", self.name, *words]
        for key, value in {**self.small, "data.root": lab.folder}.items():
            command += ["--set", f"{key}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        check(done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def resolve(self, lab):
        """The effective config, every key of it."""
        self.config = yaml.safe_load(self.call(lab, "--dry-run"))

    def start(self, lab, run, n_steps):
        self.call(lab, "--run", lab.path(run), "--trace", str(n_steps), "--set", f"train.stop_at=step {n_steps}")
        return [line["phase"] for line in lab.log(run)]

    def train(self, lab, run=None):
        """The first steps: two, or a cycle of phases where the second step is another phase."""
        run, n_steps = run or self.run, N_STEPS
        phases = self.start(lab, run, n_steps)
        check(len(phases) == N_STEPS, f"{run}: {len(phases)} steps are logged, wanted {N_STEPS}")
        if phases[0] != phases[1]:
            run, n_steps = run + ".cycle", MAX_CYCLE
            phases = self.start(lab, run, n_steps)
            check(phases[0] in phases[1:], f"{run}: no phase comes again in {MAX_CYCLE} steps")
            n_steps = phases.index(phases[0], 1)
        return signature(lab, run, n_steps)


def signature(lab, run, n_steps):
    """What the first steps were, by kind: lists of bytes that two runs are compared by."""
    parts = {"views": [], "loss": [], "bank": [], "logits": []}
    for line in lab.log(run)[:n_steps]:
        terms = {key: value for key, value in line.items() if key.startswith(("term.", "weight.")) or key == "loss"}
        parts["loss"].append(json.dumps([line["phase"], terms], sort_keys=True))
    with h5py.File(lab.path(run, "trace.h5")) as file:
        names = dict(zip(file["sample/id"][()].tolist(), file["sample/name"][()].tolist()))
        steps = sorted(name for name in file if name.startswith("step-"))
        check(len(steps) >= n_steps, f"{run}: {len(steps)} steps are traced, wanted {n_steps}")
        for step in (file[name] for name in steps[:n_steps]):
            view = step["view"]
            parts["views"].append(b"".join(names[i] for i in view["sample"][()].tolist()) +
                                  b"".join(view[key][()].tobytes() for key in ("place", "view", "label", "level")))
            parts["loss"].append(step["row_loss"][()].tobytes())
            for group in ("bank", "synthetic"):
                for name in sorted(step.get(group, ())):
                    parts["bank"].append(name.encode() + step[group][name][()].tobytes())
            for name in ("prob", "z", "k"):
                if name in step:
                    parts["logits"].append(step[name][()].tobytes())
                    check(np.isfinite(step[name][()]).all(), f"{run}: {name} is not finite")
    return parts


def covers(varies, key):
    """A stage's keys follow those of all stages."""
    parts = key.split(".")
    return key in varies or (parts[0] == "stage" and ".".join(parts[2:]) in varies)


def compare(left, right, varies):
    """Two rows of a table: the keys and the kinds of trace in which they differ."""
    keys = sorted(key for key in left.config.keys() | right.config.keys()
                  if left.config.get(key) != right.config.get(key) and key not in SMALL)
    pair = f"{left.table}: {left.name} and {right.name}"
    check(keys, f"{pair} have one effective config")
    other = [key for key in keys if not covers(varies, key)]
    check(not other, f"{pair} differ in {', '.join(other)}, which the table does not vary")
    kinds = [kind for kind in left.signature if left.signature[kind] != right.signature[kind]]
    if all(key.startswith("data.test.") for key in keys):
        check(not kinds, f"{pair} are only tested otherwise, and train otherwise")
        return keys, ["tests"]
    check(kinds, f"{pair} differ in {', '.join(keys)}, and in nothing that {len(left.signature['views'])} steps show")
    return keys, kinds


def table_in_parts(lab, table, rows):
    """A table config in which networks of one size keep theirs, and the words that make the others small."""
    sized = ("model.width", "model.depth")
    if all(key in row.small for row in rows for key in sized):
        return table, dict(SMALL)
    path = lab.path("configs", *table.split(os.sep)[-2:])
    os.makedirs(os.path.join(os.path.dirname(path), "printed"), exist_ok=True)
    shutil.copy(os.path.join(os.path.dirname(table), "printed", os.path.basename(table)),
                os.path.join(os.path.dirname(path), "printed"))
    with open(path, "w") as file:
        yaml.safe_dump({"inherit": os.path.abspath(table), "varies": [*read_table(table)[1], *sized], "rows":
                        {row.name: {key: row.small[key] for key in sized if key in row.small} for row in rows}}, file)
    return path, {key: value for key, value in SMALL.items() if key not in sized}


def print_table(lab, table, rows, tested):
    """What `ablate` prints of the runs of these rows, which it finds trained and only tests. TESTED has the runs
    that were tested so far, by their configs: of rows that are one in two tables the second is there already."""
    out = lab.path("tables")
    path, small = table_in_parts(lab, table, rows)
    now = {}
    for row in rows:
        run = os.path.join(out, name_of(path), row.name + ".seed1")
        config = json.dumps(row.config, sort_keys=True)
        shutil.copytree(tested.get(config, lab.path(row.shared)), run,
                        copy_function=os.link, ignore=shutil.ignore_patterns("lock", "trace.h5", "ranks"))
        now[config] = run
    command = [BINARY, "ablate", path, "--out", out, "--at-once", "2"]
    for key, value in {**small, "data.root": lab.folder, "train.stop_at": f"step {N_STEPS}"}.items():
        command += ["--set", f"{key}={value}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * TIMEOUT_S)
    check(done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}")
    for row in rows:
        run = os.path.join(out, name_of(path), row.name + ".seed1", "log.jsonl")
        check(os.path.samefile(run, lab.path(row.shared, "log.jsonl")), f"{run}: it was trained again")
    tested.update(now)
    expected = Expected(path, out, (1,))
    n = check_table(check, out, expected)
    for (i, j), (row, values, _) in expected.cells.items():
        column = expected.columns[j]
        check(len(values) == (1 if row and column["list"] not in ABSENT else 0), f"{table}: row '{row}' on {column}: "
              f"{len(values)} numbers")
        if column["name"] == "ALL" and values:
            each = [expected.cells[i, k][1][0] for k in range(j - 4, j)]
            check(abs(values[0] - sum(each) / 4) < 1e-9, f"{table}: ALL is {values[0]}, not the mean of {each}")
    return n


def main():
    lab = Lab()
    make_data(lab)
    tables = sys.argv[1:] or sorted(glob.glob("configs/*/table*.yaml") + glob.glob("configs/*/figure*.yaml"))
    check(sys.argv[1:] or len(tables) >= 20, f"only {len(tables)} tables are in configs")
    rows, varies, runs = {}, {}, {}
    for table in tables:
        words, varies[table] = read_table(table)
        rows[table] = [Row(table, name, words[name]) for name in words]
    every = [row for table in tables for row in rows[table]]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda row: row.resolve(lab), every))
        for row in every:  # what is only tested otherwise is one run
            trained = {key: value for key, value in row.config.items() if not key.startswith("data.test.")}
            runs.setdefault(json.dumps(trained, sort_keys=True), []).append(row)
        groups = list(runs.values())
        for group, made in zip(groups, pool.map(lambda group: group[0].train(lab), groups)):
            for row in group:
                row.signature, row.shared = made, group[0].run
    again = every[0].train(lab, "again")
    check(again == every[0].signature, "a row trained twice differs from itself")

    for table in tables:
        seen = {}
        for left, right in itertools.combinations(rows[table], 2):
            for kind in compare(left, right, varies[table])[1]:
                seen[kind] = seen.get(kind, 0) + 1
        print(f"ok: {table}: {len(rows[table])} rows, pairs differ in " +
              ", ".join(f"{kind} ({n})" for kind, n in seen.items()), flush=True)
    print(f"ok: {len(groups)} runs for {len(every)} rows", flush=True)
    tested = {}
    for table in tables:
        print(f"ok: {table} is printed with {print_table(lab, table, rows[table], tested)} numbers", flush=True)
    lab.close()


if __name__ == "__main__":
    main()
