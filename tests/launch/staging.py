"""`data.stage`: training reads copies of its data, with the same bits; a copy that lost a byte, or whose
source has changed, is made again; a folder that cannot be is refused. Usage: staging.py PRISTINE"""
import os
import shutil
import subprocess
import sys
import tempfile

PRISTINE = sys.argv[1]
CONFIG = """
objective: cross_entropy
model: {width: 0.125, depth: 0, px: 32, init: random}
data: {root: %s, train: [{path: faces, split: train}], val: [{path: faces, split: val}]}
train: {n_micro: 4}
cpu: {threads: 1}
batch: 16
stage: {classifier: {epochs: 1}}
"""


def check(holds, message):
    if not holds:
        print("failed: " + message, file=sys.stderr)
        sys.exit(1)


def train(folder, run, ranks, *sets, code=0):
    """What a run says, which ends with CODE, and the bytes of its last checkpoint's tensors."""
    words = ["mpirun", "-q", "--bind-to", "none", "-n", str(ranks), PRISTINE, "train", "--config",
             os.path.join(folder, "run.yaml"), "--run", os.path.join(folder, run)]
    for word in sets:
        words += ["--set", word]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(done.returncode == code, f"{run}: exit {done.returncode}, not {code}:\n{done.stdout}")
    return done.stdout


def losses(folder, run):
    import json
    with open(os.path.join(folder, run, "log.jsonl")) as file:
        return [line["loss"] for line in map(json.loads, file) if line["type"] == "step"]


def main():
    folder = tempfile.mkdtemp(prefix="pristine-")
    faces, stage = os.path.join(folder, "faces"), os.path.join(folder, "node")
    subprocess.run([PRISTINE, "forge", "--procedural", "--identities", "12", "--videos", "2", "--frames", "4",
                    "--size", "48", "--out", faces], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, "run.yaml"), "w") as file:
        file.write(CONFIG % folder)
    word = f"data.stage={stage}"
    train(folder, "plain", 1)
    wanted = losses(folder, "plain")
    check(len(wanted) > 2, f"only {len(wanted)} steps")
    said = train(folder, "staged", 2, word)
    check("are copied to" in said and "copied again" not in said, said)
    copies = os.path.join(stage, os.listdir(stage)[0])
    shards = sorted(name for name in os.listdir(copies) if name.startswith("part-") and name.endswith(".h5"))
    check(len(os.listdir(stage)) == 1 and shards, f"staged: {os.listdir(copies)}")

    # The copies are what is read: without the shards at their source it goes on.
    for name in shards:
        os.rename(os.path.join(faces, name), os.path.join(faces, name + ".away"))
    said = subprocess.run([PRISTINE, "train", "--config", os.path.join(folder, "run.yaml"), "--run",
                           os.path.join(folder, "gone")], capture_output=True, text=True, check=False)
    check(said.returncode != 0, "a run without its shards goes on")
    train(folder, "without", 1, word)
    for name in shards:
        os.rename(os.path.join(faces, name + ".away"), os.path.join(faces, name))

    # One byte of a copy, and a source that is newer than its copy.
    path = os.path.join(copies, shards[0])
    whole = open(path, "rb").read()
    at = len(whole) // 2
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes([whole[at] ^ 1]))
    said = train(folder, "mended", 1, word)
    check(said.count("copied again") == 1 and shards[0] in said, f"a damaged copy is not told: {said}")
    check(open(path, "rb").read() == whole, "a damaged copy was not made again")
    os.utime(os.path.join(faces, shards[0]))
    check("copied again" in train(folder, "newer", 1, word), "a changed source is not copied again")
    for run in ("staged", "without", "mended", "newer"):
        check(losses(folder, run) == wanted, f"{run}: other losses than from the source")

    blocked = os.path.join(folder, "file")
    open(blocked, "w").close()
    said = train(folder, "blocked", 2, f"data.stage={blocked}/x", code=14)
    check(said.count("fatal: ") == 1 and blocked in said, said)
    shutil.rmtree(folder)
    print(f"ok: {len(wanted)} losses five times, one damaged and one old copy made again")


if __name__ == "__main__":
    main()
