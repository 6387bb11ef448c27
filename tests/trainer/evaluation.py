"""Evaluation gives every sample one score, the same bits on any number of ranks and threads and in
any batch, and `data.shuffle_labels` permutes training labels alone, once. Usage: evaluation.py"""
import json
import os
import subprocess

import h5py

from runs import BINARY, Lab, check, compare


def evaluate(lab, run, ranks, *sets):
    """The files of one evaluation by name, without what may differ: when and by how many."""
    words = []
    for word in sets:
        words += ["--set", word]
    done = subprocess.run(["mpirun", "-q", "-n", str(ranks), BINARY, "eval", lab.path(run), "--scores",
                           *words], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"eval of {run} on {ranks} ranks: {done.stderr}")
    files = {}
    for name in sorted(os.listdir(lab.path(run, "eval"))):
        with open(lab.path(run, "eval", name)) as file:
            lines = file.read().splitlines()
        files[name] = [line for line in lines if not line.lstrip().startswith(('"time"', '"made"'))]
        os.remove(lab.path(run, "eval", name))
    return files


def scores(lines):
    return [line.split("\t") for line in lines if not line.startswith("#")][1:]


def check_scores(lab):
    lab.train("one", 2)
    wanted = evaluate(lab, "one", 1)
    check({"val.json", "val.tsv", "test.all.json", "test.all.tsv"} <= set(wanted), f"{set(wanted)}")
    for name, n in (("val.tsv", 48), ("test.all.tsv", 32)):
        rows = scores(wanted[name])
        check(len(rows) == n == len({row[0] for row in rows}), f"{len(rows)} scores of {n} samples")
        check(len({row[-1] for row in rows}) > n // 2, "the scores are all alike")
        for row in rows:
            check(row[1] == ("real" if "/pristine/" in row[0] else "fake"), f"label of {row}")
    for ranks, sets in ((2, ()), (3, ("cpu.threads=2",)), (4, ("cpu.loader_threads=0",)),
                        (1, ("eval.batch=7",)), (3, ("eval.batch=5", "cpu.threads=2")),
                        (1, ("eval.batch=1",)), (5, ("eval.batch=64",))):
        got = evaluate(lab, "one", ranks, *sets)
        for name in wanted:
            unlike = [pair for pair in zip(wanted[name], got.get(name, [])) if pair[0] != pair[1]]
            check(not unlike and len(wanted[name]) == len(got.get(name, [])),
                  f"{name} on {ranks} ranks with {sets}: {unlike[:2]}")
        print(f"ok: evaluation on {ranks} ranks, {' '.join(sets)}", flush=True)


def labels_shown(lab, run):
    """Label by sample, over all traced steps; the same sample has to have one label only."""
    shown = {}
    with h5py.File(lab.path(run, "trace.h5"), "r") as file:
        names = [bytes(name).decode() for name in file["sample/name"][()]]
        ids = list(file["sample/id"][()])
        for step in sorted(name for name in file if name.startswith("step-")):
            view = file[step]["view"]
            for sample, label in zip(view["sample"][()], view["label"][()]):
                name = names[ids.index(sample)]
                check(shown.setdefault(name, label) == label, f"{step}: {name} has two labels")
    return shown


def check_labels(lab):
    plans = {}
    for run, ranks, sets in (("true", 1, []), ("shuffled", 1, ["data.shuffle_labels=true"]),
                             ("shuffled_3", 3, ["data.shuffle_labels=true"]),
                             ("shuffled_seed", 1, ["data.shuffle_labels=true", "seed=9"])):
        command = lab.command(run, ranks, sets) + ["--trace", "24"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        check(done.returncode == 0, done.stderr)
        plans[run] = labels_shown(lab, run)
    real = {name: "/pristine/" in name for name in plans["true"]}
    check(all((label == 0) == real[name] for name, label in plans["true"].items()),
          "a label is not its crop's")
    compare(lab, "shuffled", "shuffled_3")
    check(plans["shuffled"] == plans["shuffled_3"], "labels depend on the ranks")
    check(plans["shuffled"] != plans["shuffled_seed"], "labels do not depend on the seed")
    labels = plans["shuffled"]
    n_unlike = sum((label == 0) != ("/pristine/" in name) for name, label in labels.items())
    check(len(labels) == 112 and sum(labels.values()) == 56, "the classes have other sizes")
    check(0.3 < n_unlike / len(labels) < 0.7, f"{n_unlike} of {len(labels)} labels are others")
    for row in scores(evaluate(lab, "shuffled", 1)["val.tsv"]):
        check(row[1] == ("real" if "/pristine/" in row[0] else "fake"), f"evaluated label of {row}")
    print(f"ok: {n_unlike} of {len(labels)} training labels are shuffled, none in evaluation")


def auc(scores_of):
    """Of [(score, is fake)], ties counted half."""
    fakes = [score for score, fake in scores_of if fake]
    reals = [score for score, fake in scores_of if not fake]
    won = sum((fake > real) + 0.5 * (fake == real) for fake in fakes for real in reals)
    return won / (len(fakes) * len(reals))


def by_video(rows, key):
    """Mean score and integer part of the mean label of the rows that are alike by KEY."""
    videos = {}
    for row in rows:
        videos.setdefault(key(row), []).append((float(row[4]), row[1] == "fake"))
    return [(sum(s for s, _ in v) / len(v), int(sum(f for _, f in v) / len(v))) for v in videos.values()]


def check_videos(lab):
    """A video in two compressions counts twice, and it is said; DeepfakeBench's are merged by name."""
    lab.forge("coded", "--crf", "23,40", "--dataset", "coded", "--seed", "3")
    with open(lab.config) as file:
        text = file.read()
    lab.config = lab.path("videos.yaml")
    with open(lab.config, "w") as file:
        file.write(text.replace("{path: faces, split: test}", "{path: faces, split: test}, "
                                "{path: coded, split: test, compression: [c23, c40]}"))
    lab.train("videos", 1, "train.stop_at=step 2")
    files = evaluate(lab, "videos", 2)
    rows = scores(files["test.all.tsv"])
    result = json.loads("\n".join(files["test.all.json"]))
    names = {row[3] for row in rows}
    check(len(rows) == 96 and len(names) == 24, f"{len(rows)} crops in {len(names)} videos")
    check(sum(name.endswith("/c40") for name in names) == 8, f"videos: {sorted(names)[:4]}")
    check(result["video"]["n_real"] == 12 and result["video"]["n_fake"] == 12, f"{result['video']}")
    for name, key, n in (("video", lambda row: row[3], 24), ("compat", lambda row: row[3].split("/")[2], None)):
        got = result["video"]["auc"] if name == "video" else result["compat"]["video_auc"]
        videos = by_video(rows, key)
        check(abs(got - auc(videos)) < 1e-12, f"{name}: {got}, {auc(videos)}")
        check(len(videos) == n or (n is None and len(videos) < 24), f"{name}: {len(videos)}")
    for name, is_told in (("test.all.json", True), ("val.json", False)):
        notes = " ".join(json.loads("\n".join(files[name]))["notes"])
        check(("several compressions" in notes) == is_told, f"{name} notes '{notes}'")
    print("ok: videos in several compressions, and DeepfakeBench's", flush=True)


def main():
    lab = Lab()
    lab.forge("faces")
    check_scores(lab)
    check_labels(lab)
    check_videos(lab)
    lab.close()


main()
