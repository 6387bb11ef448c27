"""docs/extending.md, followed to the letter: its files are taken out of the page, built against a copy
that `cmake --install` made, by its line and by its CMakeLists.txt, and trained with. Then what the page
promises: the same bits on one rank and on two, and messages that know the registered names.
Usage: outside.py CMAKE COMPILER [FLAG...], with the build folder in PR_BUILD."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

CMAKE, COMPILER = sys.argv[1:3]
FLAGS = " ".join(sys.argv[3:])
STRICT = "-Wextra -Wpedantic -Werror"
PAGE = "docs/extending.md"


def check(holds, message):
    if not holds:
        print(f"failed: {message}", file=sys.stderr, flush=True)
        sys.exit(1)


def run(words, code=0, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    check(done.returncode == code, f"{words}: {done.returncode}, not {code}:\n{done.stdout}")
    return done.stdout


def read_page():
    """The named files, and the shell's blocks after the one that installs."""
    with open(PAGE) as file:
        text = file.read()
    files = dict(re.findall(r"\*\*`([^`]+)`\*\*\n\n```\w+\n(.*?)```", text, re.S))
    shell = re.findall(r"```sh\n(.*?)```", text, re.S)
    check(sorted(files) == ["CMakeLists.txt", "my_pristine.c", "run.yaml"], f"{PAGE}: {list(files)}")
    check(len(shell) == 3 and "--install" in shell[0], f"{PAGE}: {len(shell)} blocks of sh, not 3")
    return files, shell[1:]


def install(work):
    """The prefix; the compiler that the page calls cc is the tree's, with its flags."""
    prefix = os.path.join(work, "prefix")
    run([CMAKE, "--install", os.environ["PR_BUILD"], "--prefix", prefix])
    found = [folder for folder, _, names in os.walk(prefix) if "pristine.pc" in names]
    check(len(found) == 1, f"{prefix} has {len(found)} pristine.pc")
    tools = os.path.join(work, "tools")
    os.mkdir(tools)
    with open(os.path.join(tools, "cc"), "w") as file:
        file.write(f'#!/bin/sh\nexec {COMPILER} {FLAGS} {STRICT} "$@"\n')
    os.chmod(os.path.join(tools, "cc"), 0o755)
    path = tools + os.pathsep + os.environ["PATH"]
    return prefix, dict(os.environ, PKG_CONFIG_PATH=found[0], PATH=path, CC="cc")


def log(folder):
    with open(os.path.join(folder, "log.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    return [line for line in lines if line["type"] == "step"]


def content(program, work, folder):
    """The hash over a run's last checkpoint without the config, as `inspect` prints it."""
    checkpoints = os.path.join(work, folder, "checkpoints")
    last = sorted(n for n in os.listdir(checkpoints) if n.startswith("step-"))[-1]
    line = run([program, "inspect", os.path.join(checkpoints, last)]).splitlines()[-1]
    check(re.fullmatch(r"content [0-9a-f]{16}", line), f"inspect ends with {line}")
    return line


def main():
    files, (build, train) = read_page()
    work = tempfile.mkdtemp(prefix="pristine-outside-")
    prefix, environment = install(work)
    for name, text in files.items():
        with open(os.path.join(work, name), "w") as file:
            file.write(text)

    there = {"cwd": work, "env": environment}
    run(["sh", "-e", "-c", build], **there)
    run(["sh", "-e", "-c", train], **there)
    steps = log(os.path.join(work, "run"))
    check(len(steps) > 2, f"{len(steps)} steps")
    for step in steps:
        total = 0.7 * step["term.cross_entropy"] + 0.3 * step["term.contrast"]
        check(abs(total - step["loss"]) < 1e-9 * abs(total), f"joint.share is 0.3, and {step}")
    check(steps[-1]["loss"] < steps[0]["loss"], f"{steps[0]['loss']} -> {steps[-1]['loss']}")
    check(os.path.exists(os.path.join(work, "run", "eval", "test.all.json")), "no eval")

    # The other way to build, and one rank: the same losses and the same checkpoint to the last bit.
    run([CMAKE, "-S", work, "-B", os.path.join(work, "build")], **there)
    run([CMAKE, "--build", os.path.join(work, "build")], **there)
    mine = os.path.join(work, "build", "my_pristine")
    start = [mine, "train", "--config", "run.yaml", "--run"]
    run(["mpirun", "-n", "1", "--bind-to", "none"] + start + ["one"], **there)
    columns = ("loss", "term.cross_entropy", "term.contrast", "grad_norm")
    for one, two in zip(log(os.path.join(work, "one")), steps):
        check(all(one[c] == two[c] for c in columns), f"one rank: {one}, two: {two}")
    check(content(mine, work, "one") == content(mine, work, "run"), "1 and 2 ranks: checkpoints")

    # Two steps, then on with it: the registered rows are compared like all others.
    run(start + ["cut", "--set", "train.stop_at=step 2"], **there)
    check(len(log(os.path.join(work, "cut"))) == 2, "train.stop_at=step 2")
    said = run(start + ["cut", "--set", "joint.tau=0.2"], code=11, **there)
    check("joint.tau" in said, f"a resume with another temperature: {said}")
    run(start + ["cut"], **there)
    check(content(mine, work, "cut") == content(mine, work, "one"), "a resume has other bits")

    for sets, message in (
            (["joint.shar=0.1"], "did you mean joint.share?"),
            (["joint.share=2"], "joint.share"),
            (["objective=jiont"], "'jiont' (did you mean 'joint'?); there are cross_entropy, "),
            (["objective=nothing"], "rccl, dcl, dadd and joint"),
            (["model.name=tinny"], "(did you mean 'tiny'?)"),
            (["model.name=resnet"], "meso_inception4_keras and tiny")):
        said = run(start + ["bad", "--set", *sets], code=11, **there)
        check(message in said, f"{sets}: no '{message}' in {said}")
    check("joint.tau" in run([mine, "train", "--help-config"], **there), "--help-config")
    # The installed program has the same library's commands, and not these words.
    said = run([os.path.join(prefix, "bin", "pristine"), "train", "--config", "run.yaml", "--run",
                "bad"], code=11, **there)
    check("joint.share" in said, f"pristine on another's config: {said}")
    shutil.rmtree(work)
    print("outside: an objective and a model from docs/extending.md")


main()
