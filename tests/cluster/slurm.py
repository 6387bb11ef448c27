"""A real Slurm of a few nodes on this machine, for tests: munged, slurmctld, and a slurmd a node.

    with Slurm() as slurm:
        slurm.run(["srun", "-N", "2", "hostname"])

Everything lives in one folder, which is removed, and in one process namespace (`inside` starts the
test in it), so that nothing outlives the test, however that ends. A node is a mount namespace with a
host name, and a node that dies takes all its processes with it. Root in a container will do: no
systemd, no cgroups, no services of the machine's own.

Usage: slurm.py COMMAND [WORD ...]      runs COMMAND beside such a Slurm of four nodes.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={dir}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool.%n
SlurmctldPidFile={dir}/ctld.pid
SlurmdPidFile={dir}/slurmd.%n.pid
SlurmctldLogFile={dir}/log/ctld.log
SlurmdLogFile={dir}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
SlurmdTimeout={timeout}
KillWait=5
JobRequeue=1
MaxArraySize=1001
PropagateResourceLimits=NONE
NodeName=n[1-{n}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs={cpus} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "sinfo", "squeue", "unshare")
ENDED = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE",
         "BOOT_FAIL", "PREEMPTED")


def fail(message):
    print(f"failed: {message}", file=sys.stderr, flush=True)
    sys.exit(1)


def check(holds, message):
    if not holds:
        fail(message)


def say(text):
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", flush=True)


BEGAN = time.monotonic()


def inside():
    """Starts this script again as the first program of a process namespace, whose end ends all that it
    started. The shell in between picks up the processes that lost their parents."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    check(not missing, f"no {', '.join(missing)} here (tools/deps.sh test installs them)")
    check(os.geteuid() == 0, "a Slurm of one's own wants root (in a container it may be anybody's)")
    if os.environ.get("PR_CLUSTER_INSIDE") == "1":
        return
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c",
             '"$@" & wait $!', "sh", sys.executable] + sys.argv
    os.execvpe(words[0], words, dict(os.environ, PR_CLUSTER_INSIDE="1"))


def free_ports(n):
    """The first of N ports in a row that nobody listens on."""
    for first in range(20000 + os.getpid() % 97 * 100 + int(time.time()) % 89 * 100, 60000, 16):
        sockets = []
        try:
            for port in range(first, first + n):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            pass
        finally:
            for one in sockets:
                one.close()
    return fail("no free ports")


def namespace_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def name_of(pid):
    """The program's name as the system has it, and whether it still runs."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
        name, rest = text.split("(", 1)[1].rsplit(")", 1)
        return name if rest.split()[0] not in "ZX" else ""
    except (OSError, IndexError):
        return ""


def wait_until(what, holds, timeout_s, every_s=0.1):
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            return fail(f"{what}: not within {timeout_s} s")
        time.sleep(every_s)
    return None


class Slurm:
    def __init__(self, n_nodes=4, cpus=4, timeout_s=10):
        self.n_nodes = n_nodes
        self.dir = tempfile.mkdtemp(prefix="slurm-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.conf = os.path.join(self.dir, "slurm.conf")
        for name in ("state", "log", "mounted", "tmp"):
            os.mkdir(self.path(name))
        first = free_ports(n_nodes + 1)
        with open(self.conf, "w") as file:
            file.write(CONF.format(host=socket.gethostname().split(".")[0], dir=self.dir, n=n_nodes,
                                   port=first, first=first + 1, last=first + n_nodes, cpus=cpus,
                                   timeout=timeout_s))
        with open(self.path("mpi.conf"), "w") as file:
            file.write(f"PMIxCliTmpDirBase={self.path('mounted')}\n")
        # Process numbers begin anew in a namespace, and Open MPI's folders in /tmp are named after them.
        os.environ["TMPDIR"] = self.path("tmp")
        # Each node believes that the machine's cores are its own: ranks that wait make room for the others.
        self.environ = dict(os.environ, SLURM_CONF=self.conf, OMPI_ALLOW_RUN_AS_ROOT="1",
                            OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_mpi_yield_when_idle="1")
        self.daemons = {}

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop(False)
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.stop(kind is None or (kind is SystemExit and value.code in (0, None)))

    def daemon(self, name, words):
        with open(self.path("log", name + ".out"), "w") as out:
            self.daemons[name] = subprocess.Popen(words, env=self.environ, stdin=subprocess.DEVNULL,
                                                  stdout=out, stderr=out, start_new_session=True)

    def start(self):
        with open(self.path("munge.key"), "wb") as file:
            file.write(os.urandom(128))
        os.chmod(self.path("munge.key"), 0o400)
        self.daemon("munged", ["munged", "--foreground", "--force", "--key-file", self.path("munge.key"),
                               "--socket", self.path("munge.socket"), "--pid-file", self.path("munged.pid"),
                               "--seed-file", self.path("munge.seed"), "--log-file", self.path("log", "munged.log")])
        wait_until("munged", lambda: os.path.exists(self.path("munge.socket")), 20)
        self.daemon("slurmctld", ["slurmctld", "-D", "-c"])
        for number in range(1, self.n_nodes + 1):
            self.start_node(f"n{number}")
        wait_until("four nodes", lambda: self.idle() == self.n_nodes, 60)

    def start_node(self, node):
        """A host of its own name whose folder for PMIx is its own, as it would be on a machine of its own."""
        os.makedirs(self.path("pmix." + node), exist_ok=True)
        self.daemon(node, ["unshare", "--mount", "--uts", "/bin/sh", "-ec",
                           'hostname "$1"; mount --bind "$2" "$3"; exec slurmd -D -N "$1"', "sh", node,
                           self.path("pmix." + node), self.path("mounted")])

    def nodes(self):
        """Those that live."""
        return [name for name, process in self.daemons.items()
                if name[0] == "n" and name[1:].isdigit() and process.poll() is None]

    def idle(self):
        done = subprocess.run(["sinfo", "-h", "-t", "idle", "-o", "%D"], env=self.environ, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return sum(int(word) for word in done.stdout.split() if word.isdigit())

    def on_node(self, node, name=""):
        """The processes of NODE, or those of NAME among them."""
        mine = namespace_of(self.daemons[node].pid)
        return [pid for pid in processes()
                if mine and namespace_of(pid) == mine and name_of(pid) and (not name or name_of(pid) == name)]

    def kill_node(self, node):
        """As by a power cut: first the daemons, so that nobody is left to say goodbye, and then all others."""
        namespace = namespace_of(self.daemons[node].pid)
        check(namespace is not None, f"{node} is dead already")
        for daemons_only in (True, False):
            for pid in processes():
                if namespace_of(pid) == namespace and (
                        not daemons_only or name_of(pid) in ("slurmd", "slurmstepd")):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        self.daemons[node].wait()

    def stop(self, well=True):
        """Ends the daemons as they are meant to end, then whoever is left in a node."""
        for node in self.nodes():
            self.kill_node(node)
        for name, process in self.daemons.items():
            if process.poll() is None:
                process.terminate()
        for name, process in self.daemons.items():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if well or "PR_KEEP" not in os.environ:
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print(f"left for a look: {self.dir}", file=sys.stderr)

    def run(self, words, code=0, timeout_s=120, environ=None):
        """The output of a command that has to end with CODE (None: anything)."""
        try:
            done = subprocess.run(words, env=dict(self.environ, **(environ or {})), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            return fail(f"{' '.join(words)}: not within {timeout_s} s:\n{error.stdout}")
        check(code is None or done.returncode == code,
              f"{' '.join(words)}: exit {done.returncode}, not {code}:\n{done.stdout}")
        return done.stdout

    def job(self, number):
        """What `scontrol` says of a job: a dictionary, empty where the job is forgotten."""
        text = self.run(["scontrol", "--oneliner", "show", "job", str(number)], code=None)
        return dict(re.findall(r"(?:^|\s)([A-Za-z:/]+)=(\S*)", text.split("\n")[0]))

    def state(self, number):
        return self.job(number).get("JobState", "")

    def wait_for(self, number, *states, timeout_s=90):
        """Until the job is in one of STATES. A requeued job does not wait its two minutes, but some seconds:
        a node takes a job that comes back at once for the one that it has just ended."""
        end = time.monotonic() + timeout_s
        since = None
        while True:
            job = self.job(number)
            state = job.get("JobState", "")
            if state in states:
                return job
            if state != "PENDING" or job.get("Reason") != "BeginTime":
                since = None
            elif since is None:
                since = time.monotonic()
            elif time.monotonic() > since + 3:
                self.run(["scontrol", "update", f"JobId={number}", "StartTime=now"], code=None)
            check(state not in ENDED, f"job {number} is {state}, wanted {' or '.join(states)}; {json.dumps(job)}")
            check(time.monotonic() < end,
                  f"job {number} is {state} after {timeout_s} s, wanted {' or '.join(states)}; {json.dumps(job)}")
            time.sleep(0.2)

    def finish(self, number, state="COMPLETED", timeout_s=120):
        return self.wait_for(number, state, timeout_s=timeout_s)


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        sys.exit(2)
    inside()
    with Slurm() as slurm:
        code = subprocess.run(sys.argv[1:], env=slurm.environ, check=False).returncode
    sys.exit(code)


if __name__ == "__main__":
    main()
