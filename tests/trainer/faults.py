"""Calls of the system that fail under a run: it ends with one message that names the file, whatever
is said about bad crops, and nothing is replaced. Usage: faults.py SHIM"""
import errno
import os
import subprocess
import sys

from runs import BINARY, Lab, TIMEOUT_S, check, compare

SHIM = sys.argv[1]
SHORT = ("stage.contrastive.epochs=1",)


def broken(call, file, after=0, error=errno.EIO, rank=-1):
    """The words before a program in which calls of the system fail."""
    return ["env", f"LD_PRELOAD={SHIM}", f"PR_SHIM_CALL={call}", f"PR_SHIM_FILE={file}",
            f"PR_SHIM_AFTER={after}", f"PR_SHIM_ERRNO={error}", f"PR_SHIM_RANK={rank}"]


def refuses(what, command, ranks, prefix, *texts):
    """COMMAND, whose ranks are begun by PREFIX, ends in one fatal line that has all TEXTS."""
    done = subprocess.run(["mpirun", "-q", "-n", str(ranks), *prefix, *command],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=TIMEOUT_S, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("fatal: ")]
    check(done.returncode != 0, f"{what}: it went on:\n{done.stdout}")
    check(len(lines) == 1, f"{what}: {len(lines)} fatal lines, wanted one:\n{done.stdout}")
    for text in texts:
        check(text in lines[0], f"{what}: '{text}' is not in: {lines[0]}")
    check("bad crop" not in done.stdout, f"{what}: a disk is called a crop:\n{done.stdout}")
    print(f"ok: {what}: {lines[0].split(': ', 3)[-1][:150]}", flush=True)


def train(lab, run, *sets):
    command = lab.command(run, 1, (*SHORT, *sets))
    return command[command.index(BINARY):]


def evaluate(lab, run):
    return [BINARY, "eval", lab.path(run), "--checkpoint", "last"]


def check_reading(lab):
    """Reads of a shard fail after the first steps; afterwards the disk is well, and the run goes on."""
    lab.train("plain", 1, *SHORT)
    for policy in ("stop", "replace"):
        run = "read_" + policy
        sets = (f"data.on_bad_sample={policy}", "train.checkpoint_every=1")
        refuses(run, train(lab, run, *sets), 3, broken("pread", "/part-0000", 30, rank=1),
                "rank 1 of 3", "faces/part-0000", "Input/output error", "cannot read")
        check(0 < len(lab.log(run)) < 7, f"{run}: {len(lab.log(run))} steps before the disk failed")
        check(not lab.log(run, "bad"), f"{run}: bad crops are counted")
        lab.train(run, 2, *SHORT, *sets)
        check([line["loss"] for line in lab.log(run)] == [line["loss"] for line in lab.log("plain")],
              f"{run}: other losses after the disk was mended")
    refuses("read_index", train(lab, "read_index"), 2, broken("pread", "/dataset.h5"),
            "faces/dataset.h5", "Input/output error")


def check_evaluation(lab):
    """In training's own validation, and in `eval`, where bad crops are left out and counted."""
    sets = ("data.on_bad_sample=replace",)
    lab.forge("held", "--seed", "2")
    refuses("read_val", train(lab, "read_val", *sets, "data.val.0.path=held"), 2,
            broken("pread", "held/part-0000", 4), "held/part-0000", "Input/output error")
    check(not lab.log("read_val", "eval"), "read_val: a validation is in the log")
    lab.train("judged", 2, *SHORT, *sets)
    for after in (3, 30):
        refuses("read_eval", evaluate(lab, "judged"), 2, broken("pread", "/part-0000", after),
                "faces/part-0000", "Input/output error")
    names = os.listdir(lab.path("judged", "eval")) if os.path.isdir(lab.path("judged", "eval")) else []
    check("test.all.json" not in names, "an evaluation that failed left its file")


def check_writing(lab):
    """The log, an evaluation's file, the config: the disk is full or broken when they are written."""
    for error, text in ((errno.ENOSPC, "No space left on device"), (errno.EIO, "Input/output error")):
        run = f"log_{error}"
        refuses(run, train(lab, run), 2, broken("fflush", "log.jsonl", 6, error), "log.jsonl", text)
        lab.train(run, 1, *SHORT)
        compare(lab, "plain", run)
        refuses(f"eval_{error}", evaluate(lab, "judged"), 2, broken("pwrite", "judged/eval/", 1, error),
                "judged/eval/", text)
        refuses(f"config_{error}", train(lab, f"config_{error}"), 2,
                broken("pwrite", "config.yaml", 0, error), "config.yaml", text)
    for folder, _, names in os.walk(lab.folder):
        left = [name for name in names if ".tmp" in name]
        check(not left, f"half a file is left in {folder}: {left}")


def main():
    lab = Lab()
    lab.forge("faces")
    check_reading(lab)
    check_evaluation(lab)
    check_writing(lab)
    lab.close()


main()
