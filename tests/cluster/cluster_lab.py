"""Small runs as jobs of a test's own Slurm, and what a job that was stopped, moved or killed has to have
in common with a run that never was: everything."""
import os
import re
import shlex
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "trainer"))
from runs import BINARY, Lab, compare  # noqa: E402
from slurm import check, say, wait_until  # noqa: E402

CONFIG = """
objective: rccl
seed: 5
model: {width: 0.125, depth: 0, px: 32, init: random}
data:
  root: %s
  train: [{path: faces, split: train}]
  val: [{path: faces, split: val}]
train: {n_micro: 4, checkpoint_every: 3, keep: 12}
cpu: {threads: 1, loader_threads: 0}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.001}
eval: {every_epochs: 1000}
launch: {signal_s: 50, stall_s: 60, requeue_max: 9}
stage:
  contrastive: {epochs: %d}
  classifier: {epochs: 1}
"""


SLOW_DISK = os.path.join(os.environ["PR_BUILD"], "tests", "cluster", "libslow_disk.so")


class ClusterLab(Lab):
    """Runs of one config of so many epochs; `reference` is the one that runs here without a break. Jobs
    have a slow disk, so that they last some twenty seconds on any machine."""

    def __init__(self, slurm, n_epochs):
        super().__init__()
        self.slurm = slurm
        check(os.path.exists(SLOW_DISK), f"no {SLOW_DISK}")
        self.site = self.path("slow.yaml")
        with open(self.site, "w") as file:
            file.write(f"launch.environment: [LD_PRELOAD={SLOW_DISK}]\n")
        with open(self.config, "w") as file:
            file.write(CONFIG % (self.folder, n_epochs))
        self.forge("faces")

    def reference(self):
        began = time.monotonic()
        self.slurm.run(["mpirun", "-q", "--bind-to", "none", "-n", "1", BINARY, "train", "--config",
                        self.config, "--run", self.path("reference")], timeout_s=300)
        say(f"the run here took {time.monotonic() - began:.1f} s, {len(self.log('reference'))} steps")

    def submit(self, run, *words):
        """`pristine submit --go`; the job's number."""
        said = self.slurm.run([BINARY, "submit", self.config, "--run", self.path(run), "--site", self.site,
                               "--go", *words])
        found = re.search(r"job (\d+)\s*$", said)
        check(found, f"submit said no job: {said}")
        return int(found.group(1))

    def output(self, run):
        """What the job's starts printed."""
        folder = self.path(run)
        texts = [open(os.path.join(folder, name)).read() for name in sorted(os.listdir(folder))
                 if name.startswith("slurm-")] if os.path.isdir(folder) else []
        return "".join(texts)

    def attempts(self, run):
        """The checkpoint that each start found."""
        folder = self.path(run, "attempts")
        if not os.path.isdir(folder):
            return []
        return [line.split()[1] for name in sorted(os.listdir(folder))
                for line in open(os.path.join(folder, name))]

    def steps(self, run):
        try:
            lines = self.log(run)
        except (OSError, ValueError):
            return 0
        return lines[-1]["step"] if lines else 0

    def wait_for_step(self, run, step, timeout_s=120):
        wait_until(f"step {step} of {run}", lambda: self.steps(run) >= step, timeout_s)

    def finish(self, run, job, timeout_s=240):
        """Until the job is done; its bits are those of the reference."""
        try:
            self.slurm.finish(job, timeout_s=timeout_s)
        except SystemExit:
            print(self.output(run)[-6000:], file=sys.stderr)
            raise
        starts = [line["ranks"] for line in self.log(run, "start")]
        say(f"{run}: {len(self.attempts(run))} starts, ranks {starts}")
        compare(self, "reference", run)

    def failed(self, run):
        path = self.path(run, "FAILED")
        return open(path).read() if os.path.exists(path) else ""


def page_blocks(path):
    """The commands of a page by the name in the comment before each block: <!-- run: NAME -->."""
    with open(path) as file:
        text = file.read()
    return dict(re.findall(r"<!-- run: (\S+) -->\n```sh\n(.*?)```", text, re.DOTALL))


def quoted(words):
    return " ".join(shlex.quote(word) for word in words)
