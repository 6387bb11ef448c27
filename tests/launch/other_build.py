"""Ranks of unlike builds, and ranks that see unlike data, are refused in one line that names them.
Usage: other_build.py PRISTINE"""
import os
import shutil
import subprocess
import sys
import tempfile

PRISTINE = sys.argv[1]


def refused(what, words, *texts):
    done = subprocess.run(["mpirun", "-q", "--bind-to", "none"] + words, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=120)
    lines = [line for line in done.stdout.splitlines() if line.startswith("fatal: ")]
    if done.returncode != 11 or len(lines) != 1 or any(text not in lines[0] for text in texts):
        print(f"failed: {what}: exit {done.returncode}, wanted 11 and one line with {texts}:\n{done.stdout}",
              file=sys.stderr)
        sys.exit(1)
    print("ok: " + lines[0])


def main():
    folder = tempfile.mkdtemp(prefix="pristine-")
    other, config, run = (os.path.join(folder, name) for name in ("pristine", "run.yaml", "run"))
    shutil.copy(PRISTINE, other)
    with open(other, "ab") as file:
        file.write(b"another build")
    for seed in (1, 2):
        subprocess.run([PRISTINE, "forge", "--procedural", "--identities", "12", "--videos", "2", "--frames", "2",
                        "--size", "48", "--seed", str(seed), "--out", os.path.join(folder, f"faces{seed}", "f")],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(config, "w") as file:
        file.write("objective: cross_entropy\nmodel: {width: 0.125, depth: 0, px: 32, init: random}\n"
                   "data: {train: [{path: f}]}\ntrain: {n_micro: 4}\nbatch: 8\n"
                   "stage: {classifier: {epochs: 1}}\n")
    train = ["train", "--config", config, "--run", run]
    doctor = ["doctor", "--mpi", "--folder", folder, "--config", config]
    for what in (train, doctor):
        refused(what[0] + " of two builds", ["-n", "1", PRISTINE, *what, ":", "-n", "2", other, *what, ":",
                                             "-n", "1", PRISTINE, *what],
                "ranks 1-2 of 4", "another build of the program than rank 0's")
        refused(what[0] + " of two data sets",
                ["-n", "2", "--wdir", os.path.join(folder, "faces1"), PRISTINE, *what, ":",
                 "-n", "1", "--wdir", os.path.join(folder, "faces2"), PRISTINE, *what],
                "ranks 2 of 3", "another data set than rank 0's")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
