"""Four ranks on four hosts that are network namespaces, one link each: a run there has the bits of one
here, and a link that is cut ends the job with one message. mpirun starts its daemons by a script in place
of ssh; the hosts share a disk. Usage: namespaces.py (root, iproute2)"""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "trainer"))
from runs import BINARY, Lab, check, compare  # noqa: E402

N_HOSTS = 4
RATE = "1gbit"
STALL_S = 6
RUN_SH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "launch", "run.sh")


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Hosts:
    """A switch and N_HOSTS hosts, 10.77.0.1 and so on, each with a name and a link of its own."""

    def __init__(self, folder):
        self.prefix = f"pr{os.getpid()}"
        self.switch = self.prefix + "-switch"
        self.agent = os.path.join(folder, "agent")
        self.names = [f"{self.prefix}-{i + 1}" for i in range(N_HOSTS)]
        self.delay = None

    def __enter__(self):
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.switch, "link", "set", "bridge", "up")
        for i, name in enumerate(self.names):
            self.add_host(i, name)
        with open(self.agent, "w") as file:
            file.write(AGENT % self.prefix)
        os.chmod(self.agent, 0o755)
        print(f"{N_HOSTS} hosts, {RATE} a link, " +
              ("1 ms each way" if self.delay else "no delay: the kernel has no netem"), flush=True)
        return self

    def __exit__(self, *_):
        for name in [*self.names, self.switch]:
            done = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
            for pid in done.stdout.split():
                subprocess.run(["kill", "-9", pid], check=False, stderr=subprocess.DEVNULL)
            subprocess.run(["ip", "netns", "del", name], check=False)

    def add_host(self, i, name):
        ip("netns", "add", name)
        ip("-n", self.switch, "link", "add", f"port{i}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", self.switch, "link", "set", f"port{i}", "master", "bridge", "up")
        ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", "eth0", "up")
        for place, device in ((self.switch, f"port{i}"), (name, "eth0")):
            self.limit(place, device)

    def limit(self, place, device):
        """The rate, and under it a delay where the kernel has one."""
        subprocess.run(["tc", "-n", place, "qdisc", "add", "dev", device, "root", "handle", "1:", "tbf", "rate", RATE,
                        "burst", "256k", "latency", "50ms"], check=True)
        if self.delay is not False:
            done = subprocess.run(["tc", "-n", place, "qdisc", "add", "dev", device, "parent", "1:", "netem", "delay",
                                   "1ms"], check=False, capture_output=True)
            self.delay = done.returncode == 0

    def command(self, run_words):
        """launch/run.sh on the first host, which starts one rank on each."""
        hosts = ",".join(f"10.77.0.{i + 1}:1" for i in range(N_HOSTS))
        network = "10.77.0.0/24"
        environment = dict(os.environ, PR_END_S="5", MPIRUN_ARGS=(
            f"--host {hosts} --mca plm_rsh_agent {self.agent} --mca plm rsh --mca ras ^slurm "
            f"--mca btl self,tcp --mca btl_tcp_if_include {network} --mca oob_tcp_if_include {network}"))
        return [self.agent, "10.77.0.1", RUN_SH, str(N_HOSTS), BINARY, *run_words], environment

    def cut(self, i):
        ip("-n", self.switch, "link", "set", f"port{i}", "down")

    def sent_bytes(self):
        """What went over all links."""
        total = 0
        for name in self.names:
            done = subprocess.run(["ip", "netns", "exec", name, "cat", "/sys/class/net/eth0/statistics/tx_bytes"],
                                  capture_output=True, text=True, check=True)
            total += int(done.stdout)
        return total


# In place of ssh: HOST COMMAND..., in the namespace of that address and under a host name of its own.
AGENT = """#!/bin/sh
host=%s-${1##*.}
shift
exec ip netns exec "$host" unshare --uts sh -c 'hostname "$0"; exec sh -c "$*"' "$host" "$@"
"""


def train_words(lab, run, *sets):
    words = ["train", "--config", lab.config, "--run", lab.path(run)]
    for word in sets:
        words += ["--set", word]
    return words


def test_same_bits(lab, hosts):
    command, environment = hosts.command(train_words(lab, "apart"))
    began = time.monotonic()
    before = hosts.sent_bytes()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    check(done.returncode == 0, f"on {N_HOSTS} hosts: exit {done.returncode}:\n{done.stdout}{done.stderr}")
    sent = hosts.sent_bytes() - before
    check(f"{N_HOSTS} ranks, 1 on this node" in done.stdout + done.stderr, f"not apart:\n{done.stderr}")
    check(sent > 1e6, f"{sent} bytes went over the links")
    print(f"{len(lab.log('apart'))} steps on {N_HOSTS} hosts in {time.monotonic() - began:.1f} s, "
          f"{sent / 1e6:.0f} MB over the links", flush=True)
    compare(lab, "together", "apart")


def test_cut_link(lab, hosts):
    """The link of the last host; it stays cut."""
    command, environment = hosts.command(train_words(lab, "cut", f"launch.stall_s={STALL_S}",
                                                     "stage.contrastive.epochs=1000", "train.keep=2"))
    output_path = lab.path("cut.out")
    with open(output_path, "w") as file:  # no pipe: the host that is cut off goes on holding it
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    while process.poll() is None and len(lab.log("cut")) < 4:
        time.sleep(0.05)
    hosts.cut(N_HOSTS - 1)
    began = time.monotonic()
    try:
        process.wait(timeout=STALL_S + 60)
    except subprocess.TimeoutExpired:
        process.kill()
        check(False, f"a cut link did not end the job; the log has {len(lab.log('cut'))} steps")
    with open(output_path) as file:
        output = file.read()
    took = time.monotonic() - began
    fatal = [line for line in output.splitlines() if line.startswith("fatal: ")]
    check(process.returncode != 0 and len(fatal) == 1, f"exit {process.returncode}, messages {fatal}:\n{output}")
    for word in ("no progress for", "rank ", "step ", "collective"):
        check(word in fatal[0], f"no '{word}' in: {fatal[0]}")
    with open(lab.path("cut", "FAILED")) as file:
        check(file.read().strip() == fatal[0], "RUN/FAILED says something else")
    print(f"cut: {took:.1f} s after the link, stall limit {STALL_S} s: {fatal[0]}", flush=True)


def main():
    for tool in ("ip", "tc", "unshare"):
        check(shutil.which(tool), f"no {tool} here (tools/deps.sh test installs it)")
    allowed = subprocess.run(["unshare", "--net", "--uts", "true"], check=False, stderr=subprocess.DEVNULL)
    if allowed.returncode != 0:
        print("skipped: this user, or this machine, may make no network namespaces")
        return
    lab = Lab()
    lab.forge("faces")
    lab.train("together", 2)
    with Hosts(lab.folder) as hosts:
        test_same_bits(lab, hosts)
        test_cut_link(lab, hosts)
    lab.close()


main()
