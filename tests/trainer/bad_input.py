"""What a run says and does about bad input, a bad disk and a changed mind: one clear message each,
and nothing lost. Usage: bad_input.py [PART...]"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import h5py

from runs import BINARY, Lab, check, compare, compare_files, wait_for

SHORT = ("stage.contrastive.epochs=1", "train.checkpoint_every=5", "stage.classifier.epochs=0")


def refuses(lab, run, ranks, sets, *texts, code=None):
    """The start fails at once, in one fatal line that has all TEXTS."""
    output = lab.train(run, ranks, *sets, code=code)
    lines = [line for line in output.splitlines() if line.startswith("fatal: ")]
    check(len(lines) == 1, f"{run}: {len(lines)} fatal lines, wanted one:\n{output}")
    for text in texts:
        check(text in lines[0], f"{run}: '{text}' is not in: {lines[0]}")
    print(f"ok: {run}: {lines[0].split(': ', 3)[-1][:150]}", flush=True)


def check_config(lab):
    refuses(lab, "unknown_key", 2, ["optim.learning_rate=1"], "optim.learning_rate", "optim.")
    refuses(lab, "near_key", 1, ["train.n_mikro=4"], "train.n_mikro", "train.n_micro")
    refuses(lab, "near_word", 1, ["objective=rcl"], "'rcl'", "'rccl'")
    refuses(lab, "range", 1, ["model.width=9"], "model.width", "9", "4")
    refuses(lab, "no_number", 1, ["batch=many"], "batch", "many")
    refuses(lab, "fast", 1, ["comm.reduction=fast"], "reproducible: false")
    refuses(lab, "both", 1, ["model.sync_bn=true", "train.recompute=true"], "exclude each other")
    refuses(lab, "stop_at", 1, ["train.stop_at=soon"], "'soon'", "epoch N")
    refuses(lab, "ranks", 5, [], "5 ranks for 4 micro-batches", "train.n_micro")
    refuses(lab, "later_ranks", 5, ["train.n_micro=0", "batch=80", "stage.classifier.batch=32"],
            "5 ranks for", "micro-batches")
    refuses(lab, "divide", 1, ["batch=15"], "stage.contrastive.batch", "nearest", "8 and 16")
    refuses(lab, "memory", 2, ["train.memory_mb=4"], "needs", "may use 4 MB", "train.recompute")
    refuses(lab, "later_memory", 1, ["stage.classifier.batch=96", "train.recompute=true",
                                     "train.memory_mb=15", "cpu.threads=1"],
            "stage 'classifier' needs", "may use 15 MB")
    check(not lab.checkpoints("later_memory"), "later_memory trained a stage before it was refused")
    refuses(lab, "one_class", 2, ["data.train.0.label=fake"], "real")
    refuses(lab, "no_split", 1, ["data.train.0.split=tarin"], "tarin")
    refuses(lab, "too_few", 1, ["batch=1024"], "1024")
    refuses(lab, "no_data", 2, ["data.train.0.path=nowhere"], "nowhere")


def break_crops(folder, split, n, method=None):
    """Overwrites the middle of the first N crops of SPLIT (and METHOD)."""
    broken = []
    for name in sorted(os.listdir(folder)):
        if not name.startswith("part-"):
            continue
        path = os.path.join(folder, name)
        with h5py.File(path, "r") as file:
            offset = file["image_offset"][()]
            heap = file["image"].id.get_offset()
            rows = file["crops"][()]
            words = [word.decode() for word in file["words"][()]]
        with open(path, "r+b") as raw:
            for i in range(len(rows)):
                if len(broken) < n and words[rows["split"][i]] == split and \
                        method in (None, words[rows["method"][i]]):
                    raw.seek(heap + int(offset[i]) + (int(offset[i + 1]) - int(offset[i])) // 2)
                    raw.write(bytes(8))
                    broken.append((name, i))
    check(len(broken) == n, f"only {len(broken)} crops of {split}")


def check_data(lab):
    shutil.copytree(lab.path("faces"), lab.path("gone"))
    os.remove(lab.path("gone", "part-00001.h5"))
    refuses(lab, "missing_shard", 2, ["data.train.0.path=gone"], "part-00001.h5")
    shutil.copytree(lab.path("faces"), lab.path("short"))
    path = lab.path("short", "part-00000.h5")
    os.truncate(path, os.path.getsize(path) // 2)
    refuses(lab, "short_shard", 2, ["data.train.0.path=short"], "part-00000.h5")

    shutil.copytree(lab.path("faces"), lab.path("corrupt"))
    break_crops(lab.path("corrupt"), "train", 3)
    bad = ["data.train.0.path=corrupt", *SHORT]
    refuses(lab, "corrupt_stop", 3, bad, "corrupt", "part-0000", "forged/")
    bad.append("data.on_bad_sample=replace")
    outputs = [lab.train("corrupt_1", 1, *bad, "cpu.loader_threads=0"), lab.train("corrupt_3", 3, *bad)]
    compare(lab, "corrupt_1", "corrupt_3")
    lines = [lab.log(run, "bad") for run in ("corrupt_1", "corrupt_3")]
    check(lines[0] == lines[1] and len(lines[0]) > 0, f"the bad crops are counted otherwise: {lines}")
    n = sum(line["bad"] for line in lines[0])
    check(n >= 3 and n == sum(line["replaced"] for line in lines[0]), f"{n} bad crops in the log")
    for output in outputs:
        check(output.count("a bad crop is replaced") == 1 and "part-0000" in output, output)

    shutil.copytree(lab.path("faces"), lab.path("corrupt_val"))
    break_crops(lab.path("corrupt_val"), "test", 2)
    test = "data.test.all.0.path=corrupt_val"
    lab.train("eval_stop", 1, *SHORT, test)
    for ranks in (1, 3):
        done = evaluate(lab, "eval_stop", ranks)
        check(done.returncode != 0 and "part-0000" in done.stderr, f"eval went on: {done.stderr}")
    lab.train("eval_replace", 2, *SHORT, test, "data.on_bad_sample=replace")
    tables = []
    for ranks in (1, 3):
        done = evaluate(lab, "eval_replace", ranks)
        check(done.returncode == 0, done.stderr)
        with open(lab.path("eval_replace", "eval", "test.all.json")) as file:
            tables.append(json.load(file))
    check(tables[0]["left_out"][0]["n"] == 2, f"left out: {tables[0]['left_out']}")
    check(tables[0]["frame"]["n_real"] + tables[0]["frame"]["n_fake"] == 30, "of 32 crops 2 are bad")
    check(tables[0]["frame"] == tables[1]["frame"], "1 and 3 ranks evaluate to other numbers")
    print("ok: corrupt crops stop, are replaced and counted, or left out and counted", flush=True)


def check_donors(lab):
    """Views forged from a whole crop and a corrupt donor (SB-Rand, SB-Sim): the donor is named, and
    where replaced any number of ranks shows the same."""
    n_epochs, n_broken = 2, 3
    shutil.copytree(lab.path("faces"), lab.path("corrupt_donors"))
    break_crops(lab.path("corrupt_donors"), "train", n_broken, "pristine")
    sets = ["objective=cross_entropy", "dadd.source=addg", "dadd.first_category=8", "dadd.categories=2",
            "dadd.val=data", "stage.classifier.batch=16", f"stage.classifier.epochs={n_epochs}",
            "data.train.0.path=corrupt_donors"]
    refuses(lab, "donors_stop", 2, sets, "bad crop", "part-0000", "pristine")
    sets.append("data.on_bad_sample=replace")
    lab.train("donors_1", 1, *sets, "cpu.loader_threads=0")
    lab.train("donors_3", 3, *sets)
    compare(lab, "donors_1", "donors_3")
    lines = [lab.log(run, "bad") for run in ("donors_1", "donors_3")]
    check(lines[0] == lines[1], f"the bad donors are counted otherwise: {lines}")
    # An epoch shows each real twice: what is more than that, donors were.
    n = sum(line["bad"] for line in lines[0])
    check(n > 2 * n_broken * n_epochs, f"{n} bad crops in the log: no donor was among them")
    check(any("; a view of " in line.get("first_bad", "") for line in lines[0]),
          f"no line names a donor and whose view needs it: {lines[0]}")
    print("ok: corrupt donors stop, or are replaced and counted", flush=True)


def evaluate(lab, run, ranks, *words):
    return subprocess.run(["mpirun", "-q", "-n", str(ranks), BINARY, "eval", lab.path(run),
                           "--checkpoint", "last", *words], capture_output=True, text=True, check=False)


def check_directory(lab):
    with open(lab.path("a_file"), "w") as file:
        file.write("in the way")
    refuses(lab, os.path.join("a_file", "run"), 2, SHORT, "a_file")
    os.makedirs(lab.path("blocked"))
    shutil.copy(lab.path("a_file"), lab.path("blocked", "checkpoints"))
    refuses(lab, "blocked", 2, [*SHORT, "train.checkpoint_every=3"], "blocked/checkpoints")
    check(len(lab.log("blocked")) == 3, "a checkpoint that cannot be written does not end the run")

    process = lab.start("busy", 2, "stage.contrastive.epochs=400")
    check(wait_for(lab, process, "busy", 2), "the run ended early")
    refuses(lab, "busy", 1, ["stage.contrastive.epochs=400"], "busy", "in use by", "process")
    process.send_signal(signal.SIGUSR1)
    lab.finish(process, "busy", 75)


def check_disk(lab):
    """On a file system of a few megabytes: a full disk costs the new checkpoint, not the one before."""
    folder = lab.path("small")
    os.makedirs(folder)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", folder],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        print("skipped: a full disk while a checkpoint is written (tmpfs cannot be mounted here)")
        return
    lab.train("reference", 1)
    try:
        lab.train("small", 2, "train.stop_at=step 5")
        free = os.statvfs(folder)
        with open(lab.path("small", "ballast"), "wb") as file:
            file.write(b"x" * (free.f_bavail * free.f_bsize - 1500000))
        refuses(lab, "small", 2, [], "step-000000", "No space left")
        check(not lab.is_writing("small"), "half a checkpoint is left on the full disk")
        n = len(lab.checkpoints("small"))
        os.remove(lab.path("small", "ballast"))
        output = lab.train("small", 3, "train.keep=1")
        check("going on from" in output and n >= 1, output)
        compare_files("after the full disk", lab.checkpoints("reference")[-1],
                      lab.checkpoints("small")[-1])
        print("ok: a run goes on after its full disk has space again", flush=True)
    finally:
        subprocess.run(["umount", folder], check=True)


def damage(path, how):
    size = os.path.getsize(path)
    if how == "cut":
        os.truncate(path, size // 2)
        return
    with h5py.File(path, "r") as file:
        at = file["model/fc.weight" if "model/fc.weight" in file else "model/backbone.conv1.weight"]
        offset = at.id.get_offset()
    with open(path, "r+b") as file:
        file.seek(offset + 3)
        byte = file.read(1)[0]
        file.seek(offset + 3)
        file.write(bytes([byte ^ 0x10]))


def check_resume(lab):
    lines = lab.train("reference", 1).splitlines()
    for stage in ("contrastive", "classifier"):
        told = [i for i, line in enumerate(lines) if f"memory of rank 0 in stage '{stage}'" in line]
        check(len(told) == 1 and not any("epoch" in line and "draws" in line for line in lines[:told[0]]),
              f"the memory of stage {stage} is not printed once, before the first step: {told}")
    for how in ("cut", "flipped"):
        run = "damaged_" + how
        lab.train(run, 2, "train.stop_at=step 17")
        newest = lab.checkpoints(run)[-1]
        damage(newest, how)
        output = lab.train(run, 3, "train.checkpoint_every=4", "train.keep=1", "train.stop_at=step 16")
        check(re.search(f"damaged checkpoint left aside: .*{newest}", output) and "step-00000015.h5" in output,
              f"{run}: {output}")
        check(any("step-00000016" in path for path in lab.checkpoints(run)), "the new one is gone")
        lab.train(run, 1, "train.checkpoint_every=5")
        for path in lab.checkpoints("reference")[-2:]:
            other = lab.path(run, "checkpoints", os.path.basename(path))
            compare_files(run, path, other)
        print(f"ok: {run}: the checkpoint before it is taken", flush=True)

    changes = {"model.width": "0.25", "batch": "24", "seed": "4", "optim.lr": "0.1",
               "stage.contrastive.epochs": "4", "stage.classifier.optim.lr": "0.1",
               "rccl.k": "3", "data.train.0.frames.rule": "first", "data.on_bad_sample": "replace"}
    for key, value in changes.items():
        refuses(lab, "reference", 1, [f"{key}={value}"], "reference was made with " + key,
                f"{key} = {value}", "a resume may not change it")
    lab.train("reference", 2, "train.keep=3", "cpu.threads=2", "train.recompute=true",
              "train.log_every=2", f"data.root={lab.folder}/.", "train.stop_at=step 1",
              "eval.batch=5", "train.memory_mb=900", "train.hash_every=1", "launch.stall_s=99")

    lab.forge("others", "--seed", "2")
    for key in ("train", "val"):
        refuses(lab, "reference", 2, [f"data.{key}.0.path=others"], "was trained on other data")
    check_labels(lab)
    wide = ["model.width=0.25", "model.init=" + lab.path("reference")]
    refuses(lab, "wide", 2, wide, "reference", "backbone.", "another model")


def check_labels(lab):
    """Other labels or persons over the same pixels are other data."""
    os.makedirs(lab.path("relabelled"))
    driver = os.path.join(os.path.dirname(BINARY), "tests", "trainer", "test_data_hash")
    subprocess.run([driver, lab.path("relabelled")], check=True)
    sets = ["objective=cross_entropy", "stage.classifier.batch=16", "stage.classifier.epochs=1"]

    def of(name):
        return sets + [f"data.{key}.0.path=relabelled/{name}" for key in ("train", "val")]

    lab.train("labelled", 1, *of("plain"), "train.stop_at=step 2")
    for name in ("label", "face_id"):
        refuses(lab, "labelled", 2, of(name), "was trained on other data", "labels")
    lab.train("labelled", 2, *of("seven"))


def check_trace(lab):
    """A run that fails leaves the trace of the steps before, and one that is short of steps says so."""
    diverges = ["optim.lr=1e6", "optim.name=sgd", "optim.weight_decay=1"]
    for ranks in (1, 3):
        run = f"traced_{ranks}"
        done = subprocess.run(lab.command(run, ranks, diverges) + ["--trace", "5"], capture_output=True,
                              text=True, check=False)
        failed = re.search(r"step (\d+): the loss of 'rccl'", done.stderr)
        check(failed is not None and 0 < int(failed[1]) < 5, f"{run} ends otherwise:\n{done.stderr}")
        with h5py.File(lab.path(run, "trace.h5"), "r") as file:
            steps = sorted(name for name in file if name.startswith("step-"))
            check(steps == [f"step-{i:06d}" for i in range(int(failed[1]))], f"{run}: traced {steps}")
            check(file.attrs["partial"] == 1 and file.attrs["n_steps"] == len(steps), f"{run}: no word")
            shown = {i for step in steps for i in file[step]["view/sample"][()]}
            check(shown == set(file["sample/id"][()]), f"{run}: samples without a name")
    done = subprocess.run(lab.command("traced", 2, SHORT) + ["--trace", "3"], capture_output=True,
                          text=True, check=False)
    check(done.returncode == 0, done.stderr)
    with h5py.File(lab.path("traced", "trace.h5"), "r") as file:
        check(file.attrs["partial"] == 0 and file.attrs["n_steps"] == 3, "a whole trace is no part")
    print("ok: a run that fails leaves its trace", flush=True)


def check_numbers(lab):
    check_trace(lab)
    refuses(lab, "nan", 2, ["optim.lr=1e6", "optim.name=sgd", "optim.weight_decay=1"], "step ", "rccl",
            code=None)
    refuses(lab, "nan_class", 1, ["objective=cross_entropy", "optim.lr=1e6", "optim.name=sgd",
                                   "optim.weight_decay=1", "stage.classifier.epochs=9"],
            "step ", "cross_entropy")


CHECKS = {"config": check_config, "data": check_data, "donors": check_donors, "directory": check_directory,
          "resume": check_resume, "disk": check_disk, "numbers": check_numbers}


def main():
    lab = Lab()
    lab.forge("faces")
    for name in sys.argv[1:] or CHECKS:
        CHECKS[name](lab)
    lab.close()


main()
