"""What surrounds a run cannot change its bits unseen: ranks on unlike processors are refused at the
start, and threads' variables and floating-point modes change nothing. Usage: surroundings.py SHIM"""
import os
import subprocess
import sys

import h5py
import numpy

from runs import BINARY, Lab, TIMEOUT_S, check, compare

SHIM = sys.argv[1]
# One start: a contrastive epoch, and a classifier's.
SHORT = ("stage.contrastive.epochs=1",)


def start(lab, run, prefixes, sets):
    """A start of RUN whose rank R is begun by PREFIXES[R]: exit code and output."""
    words = ["mpirun", "-q", "--oversubscribe", "--bind-to", "none"]
    command = lab.command(run, 1, sets)
    command = command[command.index(BINARY):]
    for i, prefix in enumerate(prefixes):
        words += ([":"] if i > 0 else []) + ["-n", "1", *prefix, *command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=TIMEOUT_S, check=False)
    return done.returncode, done.stdout


def train(lab, run, prefixes, sets):
    code, output = start(lab, run, prefixes, sets)
    check(code == 0, f"{run}: exit {code}:\n{output}")
    return output


def has_avx512():
    with open("/proc/cpuinfo") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(flags)


def check_processors(lab):
    """A rank whose library is held to AVX2 rounds as one on an older processor does."""
    if not has_avx512():
        print("skipped: unlike ranks (no AVX-512 here: a rank held to AVX2 computes as all do)")
        return
    unlike = ([], ["env", "ONEDNN_MAX_CPU_ISA=AVX2"])
    for prefixes in (unlike, unlike[::-1]):
        code, output = start(lab, "unlike", prefixes, SHORT)
        fatal = [line for line in output.splitlines() if line.startswith("fatal: ")]
        check(code != 0 and len(fatal) == 1, f"unlike ranks train, or not one line says why:\n{output}")
        for text in ("rank 1 computes a canned micro-batch to other bits than rank 0", "cpu.isa"):
            check(text in fatal[0], f"'{text}' is not in: {fatal[0]}")
        check(not lab.log("unlike") and not lab.checkpoints("unlike"), "unlike ranks made a step")
    lowered = (*SHORT, "cpu.isa=avx2")
    train(lab, "lowered", unlike, lowered)
    train(lab, "lowered_one", ([],), lowered)
    compare(lab, "lowered", "lowered_one")

    # The hash is in the checkpoint: a resume on another kind of processor goes on, and says so.
    output = train(lab, "moved", ([],), (*SHORT, "train.stop_at=step 3"))
    output += train(lab, "moved", ([],), (*SHORT, "train.stop_at=step 5"))
    check("going on from" in output and "computes other bits" not in output, f"moved: {output}")
    output = train(lab, "moved", ([],), lowered)
    check("computes other bits than the one this run began on" in output, f"moved: {output}")


# The optimizer's moments are then denormal numbers, which a flushing processor would lose.
TINY = ("optim.clip_norm=1e-35",)


def n_denormal(path):
    n = 0
    with h5py.File(path, "r") as file:
        def visit(_, node):
            nonlocal n
            if isinstance(node, h5py.Dataset) and node.dtype == numpy.float32:
                values = numpy.abs(node[()].astype(numpy.float64))
                n += int(((values > 0) & (values < 1.17549435e-38)).sum())

        file.visititems(visit)
    return n


def check_modes(lab):
    flush = ["env", f"LD_PRELOAD={SHIM}", "PR_SHIM_FLUSH=1"]
    for name, sets in (("usual", ()), ("tiny", TINY)):
        train(lab, name, ([],), (*SHORT, *sets))
        train(lab, name + "_flush", (flush, flush), (*SHORT, *sets, "cpu.threads=2"))
        compare(lab, name, name + "_flush")
    n = sum(n_denormal(path) for path in lab.checkpoints("tiny"))
    check(n > 100, f"only {n} denormal numbers: the comparison means nothing")
    print(f"ok: {n} denormal numbers survive", flush=True)


def check_threads(lab):
    variables = (("OMP_DYNAMIC=true", "OMP_NUM_THREADS=2"), ("OMP_THREAD_LIMIT=1",),
                 ("OMP_DYNAMIC=true", "OMP_THREAD_LIMIT=1", "OMP_NUM_THREADS=2", "OMP_NESTED=true"))
    for i, words in enumerate(variables):
        prefix = ["env", *words]
        train(lab, f"threads_{i}", (prefix, prefix), (*SHORT, "cpu.threads=2"))
        compare(lab, "usual", f"threads_{i}")


def check_library(lab):
    """Views, mixing weights, rates and first weights where the C library computes otherwise."""
    prefix = ["env", "GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-AVX2,-AVX2_Usable,-FMA_Usable",
              "JSIMD_FORCENONE=1"]
    sets = (*SHORT, "stage.contrastive.schedule.warmup_steps=3", "data.augment.jpeg_prob=0.5")
    train(lab, "library", ([],), sets)
    train(lab, "library_plain", (prefix, prefix), sets)
    compare(lab, "library", "library_plain")
    lab.forge("plain")
    subprocess.run([*prefix, BINARY, "forge", "--procedural", "--out", lab.path("poor"),
                    "--identities", "12", "--videos", "2", "--frames", "4", "--size", "48"],
                   capture_output=True, check=True)
    names = [name for name in os.listdir(lab.path("plain")) if name.startswith("part-")]
    for name in names:
        with open(lab.path("plain", name), "rb") as a, open(lab.path("poor", name), "rb") as b:
            check(a.read() == b.read(), f"{name} has other bytes without the codec's assembler")
    check(len(names) > 1, f"{len(names)} shards")
    print("ok: the same shards without the codec's assembler", flush=True)


def main():
    lab = Lab()
    lab.forge("faces")
    check_processors(lab)
    check_modes(lab)
    check_threads(lab)
    check_library(lab)
    lab.close()


main()
