"""Evaluation gives every sample one score, the same bits on any number of ranks and threads and in
any batch; `data.shuffle_labels` permutes training labels alone, once; and what `comm.reduction: fast`
keeps. Usage: evaluation.py"""
import json
import os
import subprocess

import h5py

from runs import BINARY, Lab, check, compare, contents


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


FAST = ("comm.reduction=fast", "reproducible=false")
# Five micro-batches: on three ranks one rank adds two leaves that are not a node of the tree.
ODD = ("stage.contrastive.epochs=1", "train.n_micro=5", "batch=20", "stage.classifier.batch=20",
       "train.hash_every=1")
MEASURED = ("time", "step_s", "wait_s", "gather_s", "loss_s", "reduce_s")


def first_steps(lab, run, ranks, *sets):
    """A traced run: the first step's datasets, and every step's views by name."""
    command = lab.command(run, ranks, [*ODD, *sets]) + ["--trace", "99"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{run}: {done.stderr}")
    found = {}
    with h5py.File(lab.path(run, "trace.h5"), "r") as file:
        def visit(name, node):
            if isinstance(node, h5py.Dataset) and (name.startswith("step-000000/") or "/view/" in name):
                found[name] = node[()].tobytes()

        file.visititems(visit)
    return found


def config_of(path):
    with h5py.File(path, "r") as file:
        return bytes(file["config"][()]).decode()


def n_unlike(lab, left, right):
    """Tensors of the last checkpoints that have other bits."""
    a, b = (contents(lab.checkpoints(run)[-1]) for run in (left, right))
    check(set(a) == set(b), f"{right} saves other tensors than {left}")
    return sum(a[key].tobytes() != b[key].tobytes() for key in a if not key.startswith("@"))


def without_hash(files):
    """What another config must not change: it has another hash, which evaluations name."""
    return {name: [line for line in lines if '"config_hash"' not in line] for name, lines in files.items()}


def check_fast(lab):
    """Plan, draws, counts, the first loss and any evaluation; replicas are compared at every step."""
    for family, sets in (("", ()), ("_sync", ("model.sync_bn=true",))):
        strict = "strict" + family
        wanted = first_steps(lab, strict, 1, *sets)
        check(len(wanted) > 5 * len(lab.log(strict)), f"{len(wanted)} traced datasets")
        for ranks in (1, 2, 3):
            run = f"fast{family}_{ranks}"
            got = first_steps(lab, run, ranks, *FAST, *sets)
            unlike = [name for name in wanted if wanted[name] != got.get(name)]
            check(not unlike and len(got) == len(wanted), f"{run}: other {unlike[:4]} than strict's")
            plans = [[{k: v for k, v in line.items() if k not in MEASURED} for line in lab.log(name, "plan")]
                     for name in (strict, run)]
            check(plans[0] == plans[1] and len(plans[0]) == 2, f"{run}: plan {plans}")
            losses = [[line["loss"] for line in lab.log(name)] for name in (strict, run)]
            check(losses[0][0] == losses[1][0] and len(losses[0]) == len(losses[1]),
                  f"{run}: losses {losses}")
            check({line["reduction"] for line in lab.log(run, "start")} == {"fast"}, f"{run}: log")
            check("reduction: fast" in config_of(lab.checkpoints(run)[-1]), f"{run}: checkpoint")
        check({line["reduction"] for line in lab.log(strict, "start")} == {"strict"}, "strict: log")
        # Otherwise the comparisons above mean nothing: the sums are others on three ranks, and only there.
        check(n_unlike(lab, strict, f"fast{family}_1") == 0, "one rank has another order")
        check(n_unlike(lab, strict, f"fast{family}_3") > 10, "three ranks sum in the tree's order")
    wanted = without_hash(evaluate(lab, "strict", 1))
    for ranks in (1, 2, 3):
        got = without_hash(evaluate(lab, "strict", ranks, *FAST))
        check(got == wanted and len(got) == 4, f"evaluation on {ranks} ranks is fast")
    for sets in ((), ("reproducible=false",)):
        output = lab.train("fast_2", 2, *ODD, *sets, code=None)
        check("fatal: " in output and "comm.reduction = fast and this start has comm.reduction = strict"
              in output, f"a strict resume from a fast run: {output}")
    print("ok: what fast sums keep", flush=True)


def auc(scores_of):
    """Of [(score, is fake)], ties counted half."""
    fakes = [score for score, fake in scores_of if fake]
    reals = [score for score, fake in scores_of if not fake]
    won = sum((fake > real) + 0.5 * (fake == real) for fake in fakes for real in reals)
    return won / (len(fakes) * len(reals))


def by_video(rows, key, most=None):
    """Mean score (of the MOST highest) and integer part of the mean label of rows that are alike by KEY."""
    videos = {}
    for row in rows:
        videos.setdefault(key(row), []).append((float(row[4]), row[1] == "fake"))
    top = {name: sorted((s for s, _ in v), reverse=True)[:most] for name, v in videos.items()}
    return [(sum(top[name]) / len(top[name]), int(sum(f for _, f in v) / len(v))) for name, v in videos.items()]


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
    files = evaluate(lab, "videos", 2, "eval.video_agg=topk", "eval.video_topk=2", "eval.tpr_interpolated=true")
    result = json.loads("\n".join(files["test.all.json"]))
    got, most = result["video"]["auc"], auc(by_video(rows, lambda row: row[3], 2))
    check(abs(got - most) < 1e-12 and result["tpr_interpolated"], f"the two highest frames: {got}, {most}")
    print("ok: videos in several compressions, and DeepfakeBench's", flush=True)


def main():
    lab = Lab()
    lab.forge("faces")
    check_scores(lab)
    check_labels(lab)
    check_fast(lab)
    check_videos(lab)
    lab.close()


main()
