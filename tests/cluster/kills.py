"""kill -9 at random times of small runs on a real Slurm: a rank, the launcher (srun or mpirun), a
slurmstepd, or a whole node; while a step is computed or while a checkpoint is written. Each job comes back
by itself, on the nodes that are left, and ends with the bits of the run that nothing happened to.

Usage: kills.py N [SEED]          N kills that hit, one a run. Writes what it did to $PR_KILLS as Markdown.
"""
import os
import random
import signal
import sys
import time

from slurm import Slurm, check, inside, name_of, say, wait_until
from cluster_lab import ClusterLab

N_EPOCHS = 6
VICTIMS = ("rank", "launcher", "slurmstepd", "node")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def is_of_step(pid):
    """Whether a slurmstepd holds ranks (or mpirun's daemon), and not the batch script."""
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            title = file.read()
    except OSError:
        return False
    return ".batch]" not in title and ".extern]" not in title


def nodes_of(slurm, name):
    return [node for node in slurm.nodes() if slurm.on_node(node, name)]


def hit(slurm, victim, launcher):
    """Kills one; what it was, or None where nobody was there any more."""
    if victim == "node":
        nodes = nodes_of(slurm, "pristine")
        node = random.choice(nodes) if nodes else None
        if node:
            slurm.kill_node(node)
        return node
    if victim == "rank":
        pids = [pid for node in slurm.nodes() for pid in slurm.on_node(node, "pristine")]
    elif victim == "launcher":
        pids = [pid for node in slurm.nodes() for pid in slurm.on_node(node, launcher)]
        pids = sorted(pids)[:1]
    else:
        pids = [pid for node in slurm.nodes() for pid in slurm.on_node(node, "slurmstepd") if is_of_step(pid)]
    pid = random.choice(pids) if pids else None
    name = name_of(pid) if pid else ""
    return f"{name} {pid}" if pid and kill(pid) else None


def one(lab, number, victim):
    """A run with one kill; its line of the table, or None where the run ended before."""
    slurm = lab.slurm
    launcher = random.choice(("srun", "mpirun"))
    writing = random.random() < 0.5
    step = random.randrange(3, lab.last - 6)
    run = f"run{number}"
    job = lab.submit(run, "--nodes", "2-4", "--time", "20", "--with", launcher)
    lab.wait_for_step(run, step)
    began = time.monotonic()
    while writing and not lab.is_writing(run) and time.monotonic() < began + 10:
        time.sleep(0.002)
    if not writing:
        time.sleep(random.random() * 0.5)
    what = hit(slurm, victim, launcher)
    at = lab.steps(run)
    if what is None or at >= lab.last:
        say(f"{run}: nobody to kill any more")
        slurm.finish(job)
        return None
    say(f"{run}: {victim} ({what}) killed at step {at}{' in a checkpoint' if writing else ''}, by {launcher}")
    lab.finish(run, job)
    ranks = [line["ranks"] for line in lab.log(run, "start")]
    found = lab.attempts(run)
    # mpirun's ranks do not notice that Slurm's daemon above them is gone.
    check(len(found) == 2 or (len(found) == 1 and victim == "slurmstepd" and launcher == "mpirun"),
          f"{run}: starts at {found}\n{lab.output(run)}")
    if victim == "node":
        slurm.start_node(what)
    wait_until("four nodes", lambda: slurm.idle() == 4, 120)
    return (f"| {number} | {victim} | {launcher} | {at} | {'yes' if writing else 'no'} | "
            f"{found[1] if len(found) > 1 else 'it did not stop'} | {ranks[0]}, then {ranks[-1]} | {time.monotonic() - began:.0f} |")


def main():
    inside()
    wanted = int(sys.argv[1])
    random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else None)
    lines = []
    with Slurm() as slurm:
        lab = ClusterLab(slurm, N_EPOCHS)
        lab.reference()
        lab.last = lab.steps("reference")
        number = 0
        while len(lines) < wanted:
            number += 1
            check(number <= 2 * wanted + 3, "too many kills hit nobody")
            line = one(lab, number, VICTIMS[len(lines) % len(VICTIMS)])
            if line is not None:
                lines.append(line)
        lab.close()
    said = "\n".join(["| run | killed | by | at step | in a checkpoint | went on from | ranks | seconds to its end |",
                      "|---|---|---|---|---|---|---|---|"] + lines)
    print(said)
    if "PR_KILLS" in os.environ:
        with open(os.environ["PR_KILLS"], "w") as file:
            file.write(said + "\n")
    say(f"{wanted} kills, {wanted} finishes with the bits of a run that was never killed")


if __name__ == "__main__":
    sys.exit(main())
