"""Jobs of a real Slurm, four nodes of this machine, through `pristine submit`: training on two nodes by
srun and by mpirun; a time limit, a cancelled job, a dead node, another number of ranks; an allocation that
is too short; no Slurm at all. Whatever happened to a run, its bits are those of the run that nothing
happened to. Usage: cluster.py [CASE ...]"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from slurm import Slurm, check, inside, say, wait_until
from cluster_lab import BINARY, ClusterLab, page_blocks

N_EPOCHS = 6


def check_no_slurm(lab):
    """Without sbatch there is one line, and the script is there all the same."""
    done = subprocess.run([BINARY, "submit", lab.config, "--run", lab.path("none"), "--go"],
                          env=dict(os.environ, PATH="/nonexistent"), text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = [line for line in done.stdout.splitlines() if line.startswith("fatal: ")]
    check(done.returncode == 14 and len(lines) == 1 and "no sbatch in PATH" in lines[0],
          f"without sbatch: exit {done.returncode}: {done.stdout}")
    check(os.path.exists(lab.path("none", "job.sbatch")), "no script where there is no sbatch")


def refuses(lab, text, *words):
    said = lab.slurm.run([BINARY, "submit", lab.config, "--run", lab.path("refused"), *words], code=11)
    check(text in said, f"submit {' '.join(words)}: wanted '{text}' in: {said}")


def check_bad_input(lab):
    refuses(lab, "8 ranks", "--nodes", "4", "--ranks-per-node", "2")
    refuses(lab, "launch.nodes = '3-1'", "--nodes", "3-1")
    refuses(lab, "wanted NAME=value", "--set", "launch.environment=[novalue]")
    site = lab.path("site.yaml")
    for text, wanted in (("seed: 3\n", "seed is a key of runs"), ("launch.partion: x\n", "launch.partition")):
        with open(site, "w") as file:
            file.write(text)
        refuses(lab, wanted, "--site", site)
    with open(lab.path("template"), "w") as file:
        file.write("#!/bin/sh\necho {{COLOUR}}\n")
    refuses(lab, "template:2: {{COLOUR}}", "--template", lab.path("template"))


def check_script(lab):
    """What the keys make of the script: the site's, the config's over it, and words with blanks."""
    site = lab.path("site.yaml")
    with open(site, "w") as file:
        file.write("launch: {partition: fast, modules: [gcc/12, openmpi], environment: ['A=b c'], signal_s: 9,\n"
                   "         extra: ['--exclusive', '--constraint=ib'], memory: 4G, cpus_per_task: 2}\n")
    lab.slurm.run([BINARY, "submit", lab.config, "--run", lab.path("a run"), "--site", site, "--nodes", "2",
                   "--time", "2-00", "--with", "mpirun"])
    with open(lab.path("a run", "job.sbatch")) as file:
        text = file.read()
    for line in ("#SBATCH --partition=fast", "module load gcc/12", "module load openmpi", "export A='b c'",
                 "#SBATCH --signal=B:USR1@50", "#SBATCH --exclusive", "#SBATCH --constraint=ib",
                 "#SBATCH --mem=4G", "#SBATCH --time=2-00", "#SBATCH --nodes=2", "#SBATCH --cpus-per-task=2",
                 "export PR_LAUNCHER=mpirun PR_BIND=none", "#SBATCH --job-name='a run'"):
        check(line in text.splitlines(), f"no line '{line}' in the script:\n{text}")
    for word in ("--gpus", "--account", "--qos", "--array", "{{CPUS"):
        check(word not in [line for line in text.splitlines() if not line.startswith("# ")].__str__(),
              f"'{word}' in the script:\n{text}")


def check_two_nodes(lab):
    """By srun and by mpirun, side by side."""
    jobs = [(run, lab.submit(run, "--nodes", "2", "--ranks-per-node", "1", "--time", "10", "--with", run))
            for run in ("srun", "mpirun")]
    for run, job in jobs:
        lab.finish(run, job)
        check(lab.log(run, "start")[0]["ranks"] == 2, f"{run}: {lab.log(run, 'start')}")


def check_cancel(lab):
    """A cancelled job writes its checkpoint and does not come back."""
    job = lab.submit("cancelled", "--nodes", "1", "--time", "10")
    lab.wait_for_step("cancelled", 3)
    lab.slurm.run(["scancel", str(job)])
    lab.slurm.wait_for(job, "CANCELLED", timeout_s=30)
    check(os.path.exists(lab.path("cancelled", "checkpointed")), f"no mark:\n{lab.output('cancelled')}")
    check("was cancelled" in lab.output("cancelled"), lab.output("cancelled"))


def begin_too_short(lab):
    """A host that stands still: its ranks stop before their first step."""
    lab.short = lab.submit("too_short", "--nodes", "1", "--time", "1")
    node = []

    def found():
        job = lab.slurm.job(lab.short)
        node[:] = [job.get("NodeList", "")] if job.get("JobState") == "RUNNING" else []
        return node and lab.slurm.on_node(node[0], "pristine")
    wait_until("ranks of the job that is too short", found, 60, 0.01)
    for pid in lab.slurm.on_node(node[0], "pristine"):
        os.kill(pid, signal.SIGSTOP)
    check(not lab.checkpoints("too_short"), "the ranks were stopped too late")


def end_too_short(lab):
    lab.slurm.wait_for(lab.short, "TIMEOUT", "FAILED", "NODE_FAIL", timeout_s=150)
    failed = lab.failed("too_short")
    check("the allocation is too short" in failed, f"FAILED says '{failed}'; {lab.output('too_short')}")
    check(len(lab.attempts("too_short")) == 1, f"too short: {lab.attempts('too_short')}")


def check_limit(lab):
    """One minute at a time. Only the second start is given more, so that the test ends."""
    # The signal comes in the first 40 s, and has to find the run at work on any machine.
    slower = lab.path("slower.yaml")
    with open(lab.site) as file, open(slower, "w") as copy:
        copy.write(file.read().replace("[LD_PRELOAD", "[PR_FSYNC_MS=1500, LD_PRELOAD"))
    job = lab.submit("limit", "--nodes", "2", "--time", "1", "--with", "mpirun", "--site", slower)
    wait_until("the second start", lambda: len(lab.attempts("limit")) >= 1 and
               "back into the queue" in lab.output("limit"), 150)
    check(lab.attempts("limit") == ["none"], f"limit: {lab.attempts('limit')}")
    wait_until("the job in the queue", lambda: lab.slurm.state(job) == "PENDING", 60)
    lab.slurm.run(["scontrol", "update", f"JobId={job}", "TimeLimit=10"])
    lab.finish("limit", job)
    found = lab.attempts("limit")
    check(len(found) == 2 and found[1].startswith("step-"), f"limit: starts found {found}")
    check("wrote a checkpoint" in lab.output("limit"), lab.output("limit"))


def check_lost_node(lab):
    """Four ranks; a node dies with everything on it; three go on, for three are there."""
    job = lab.submit("lost_node", "--nodes", "2-4", "--ranks-per-node", "1", "--time", "10")
    lab.wait_for_step("lost_node", 12)
    lab.slurm.kill_node("n3")
    say("n3 is dead")
    lab.finish("lost_node", job)
    ranks = [line["ranks"] for line in lab.log("lost_node", "start")]
    check(ranks[0] == 4 and ranks[-1] == 3, f"lost node: starts of {ranks} ranks")
    check(len(lab.attempts("lost_node")) == 2, f"lost node: {lab.attempts('lost_node')}")
    lab.slurm.start_node("n3")
    wait_until("n3 again", lambda: lab.slurm.idle() == 4, 60)


def check_page(lab):
    """docs/cluster.md as it stands there: into a prefix of one's own, data, doctor, and a job of four nodes."""
    slurm = lab.slurm
    folder = tempfile.mkdtemp(prefix="pristine-")
    blocks = page_blocks(os.path.join("docs", "cluster.md"))
    check(list(blocks) == ["install", "data", "doctor", "submit"], f"blocks of the page: {list(blocks)}")
    environ = {"PREFIX": os.path.join(folder, "prefix"), "WORK": os.path.join(folder, "work"),
               "BUILD": os.environ["PR_BUILD"], "SLURM_CONF": slurm.conf}
    said = slurm.run(["sh", "-ec", "\n".join(blocks.values())], environ=environ, timeout_s=300)
    check("all 4 ranks run the build" in said and "rank 3: n4, cores" in said and "data.train" in said and
          "allgather" in said, f"the page's doctor says: {said}")
    job = int(said.split()[-1])
    slurm.finish(job)
    with open(os.path.join(folder, "work", "run", "log.jsonl")) as file:
        log = [json.loads(line) for line in file]
    check(log[-1]["type"] == "end" and log[-1]["why"] == "done" and log[0]["ranks"] == 4, f"the page's run: {log[-1]}")
    with open(os.path.join(folder, "work", "run", "job.sbatch")) as file:
        check(environ["PREFIX"] in file.read(), "the job does not run what was installed")
    shutil.rmtree(folder)
    say("the page's commands")


def main():
    inside()
    with Slurm() as slurm:
        say("Slurm is up")
        lab = ClusterLab(slurm, N_EPOCHS)
        cases = [check_no_slurm, check_bad_input, check_script, check_page, ClusterLab.reference, begin_too_short,
                 check_cancel, check_two_nodes, check_limit, end_too_short, check_lost_node]
        for case in cases:
            if len(sys.argv) == 1 or case.__name__.removeprefix("check_") in sys.argv[1:]:
                case(lab)
        lab.close()
    say("all is well")


if __name__ == "__main__":
    sys.exit(main())
