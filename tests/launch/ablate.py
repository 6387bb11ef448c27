"""`pristine ablate` on two rows of a table, two steps each from random weights: what it prints against the
evaluations, what it runs again (nothing), what a kill leaves, and what it says of bad input."""
import glob
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "trainer")]
from ablate_check import Expected, check_table, csv_rows
from runs import BINARY, TIMEOUT_S, Lab, check
from table_rows import SMALL, make_data

TABLE = "configs/rccl/table2.yaml"
NAME = "rccl.table2"
ROWS = ("sup_con", "ours")
SEEDS = (1, 2)


def words(lab, out, *more):
    made = [BINARY, "ablate", TABLE, "--out", lab.path(out), "--seeds", str(len(SEEDS)), "--rows", ",".join(ROWS)]
    for key, value in {**SMALL, "data.root": lab.folder, "train.stop_at": "step 2"}.items():
        made += ["--set", f"{key}={value}"]
    return made + list(more)


def call(command, code=0):
    """What the call prints; its exit code must be CODE (None: any but 0)."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    said = done.stdout + done.stderr
    check(done.returncode == code or (code is None and done.returncode != 0),
          f"{' '.join(command)}: exit {done.returncode}, not {code}:\n{said}")
    return said


def refused(command, *wanted):
    """One message, with all of WANTED in it, and nothing that was trained."""
    said = call(command, None)
    lines = [line for line in said.splitlines() if "fatal:" in line]
    check(len(lines) == 1 and all(word in lines[0] for word in wanted), f"wanted {wanted} in one message:\n{said}")


def times(lab, out):
    """When each file of the runs was written."""
    found = {}
    for folder, _, names in os.walk(lab.path(out, NAME)):
        for name in names:
            path = os.path.join(folder, name)
            if ".seed" in folder:
                found[path] = os.stat(path).st_mtime_ns
    return found


def is_held(path):
    """Whether a process holds the lock of a run's folder."""
    done = subprocess.run(["flock", "-n", path, "true"], check=False, capture_output=True)
    return done.returncode != 0


def finished(lab, out):
    """The runs that are tested on all of their lists."""
    lists = ("val", "test.raw", "test.c23", "test.c40")
    return {run for run in glob.glob(lab.path(out, NAME, "*.seed?"))
            if all(os.path.exists(os.path.join(run, "eval", name + ".json")) for name in lists)}


def test_dry_run(lab):
    said = call(words(lab, "dry", "--dry-run"))
    lines = [line.split() for line in said.splitlines() if ".seed" in line]
    check(len(lines) == 6, f"6 runs were wanted:\n{said}")
    costs = [int(line[1]) for line in lines if line[0].split(".")[0] in ROWS]
    check(len(costs) == 4 and all(cost > 0 for cost in costs) and f"{sum(costs)} steps in all" in said,
          f"the costs do not add up:\n{said}")
    check(not os.path.exists(lab.path("dry")), "a dry run has written to --out")


def test_kill(lab):
    """The parent dies when a run is finished and another is at work: that one is finished, nothing is repeated."""
    process = subprocess.Popen(words(lab, "out"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.time() + TIMEOUT_S
    while process.poll() is None and not finished(lab, "out"):
        check(time.time() < end, "no run was finished in time")
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    locks = glob.glob(lab.path("out", NAME, "*", "lock"))
    while any(is_held(lock) for lock in locks):
        check(time.time() < end, "runs of a parent that was killed do not end")
        time.sleep(0.05)
    done = finished(lab, "out")
    before = {path: when for path, when in times(lab, "out").items() if os.path.dirname(path) in done and
              path.endswith("log.jsonl")}
    said = call(words(lab, "out", "--at-once", "2"))
    after = times(lab, "out")
    check(len(done) < 4, "all runs were finished before the kill")
    check(len(finished(lab, "out")) == 4, f"not all runs were finished:\n{said}")
    again = [path for path, when in before.items() if after[path] != when]
    check(not again, f"trained again after a kill: {again}")
    return said


def test_again(lab):
    before = times(lab, "out")
    said = call(words(lab, "out"))
    check(said.count("finished before") == 4, f"4 finished runs were wanted:\n{said}")
    after = times(lab, "out")
    check(before == after, "a second call has written: " +
          ", ".join(path for path in after if before.get(path) != after[path]))


def test_print(lab):
    expected = Expected(TABLE, lab.path("out"), SEEDS)
    n = check_table(check, lab.path("out"), expected)
    check(n == 4 * 12, f"{n} numbers are in the table, wanted 48")
    cells = csv_rows(lab.path("out", NAME + ".csv"))
    check(any(cell["sd"] and float(cell["sd"]) > 0 for cell in cells), "no two seeds differ in anything")
    runs = csv_rows(lab.path("out", NAME + ".runs.csv"))
    check(len(runs) == 6 * 3, f"{len(runs)} runs and lists, wanted 18")
    for run in runs:
        if run["row"] not in ROWS:
            check(run["state"] == "new" and run["data_hash"] == "", f"{run}: it was not run")
            continue
        with open(lab.path("out", NAME, run["run"], "eval", f"test.{run['list']}.json")) as file:
            made = json.load(file)
        with open(lab.path("out", NAME, run["run"], "log.jsonl")) as file:
            start = json.loads(file.readline())
        check(run["state"] == "finished" and run["config_hash"] == made["config_hash"] == start["config_hash"] and
              run["test_data_hash"] == made["data_hash"] and run["data_hash"] == start["data_hash"] and
              len(run["build"]) > 16, f"{run}: its hashes are others")
    with open(lab.path("out", NAME + ".md")) as file:
        page = file.read()
    check("seeds 1 to 2" in page and "Row xception: 0 of 2 seeds." in page, f"the notes:\n{page}")


def test_other_lists(lab):
    """Another compression under the name c40: the column goes, and runs are tested again but not trained."""
    logs = {path: when for path, when in times(lab, "out").items() if path.endswith("log.jsonl")}
    said = call(words(lab, "out", "--set", "data.test.c40.0.compression=c23"))
    check("Left out: c40 TPR, c40 FPR, c40 AUC, c40 ACC; it was tested at compression c23." in said, said)
    expected = Expected(TABLE, lab.path("out"), SEEDS)
    check_table(check, lab.path("out"), expected, left_out=(8, 9, 10, 11))
    after = times(lab, "out")
    check(all(after[path] == when for path, when in logs.items()), "other lists were trained again")
    said = call(words(lab, "out", "--print"))
    check("Row sup_con: 0 of 2 seeds." in said, "runs tested on other lists count as finished:\n" + said)


def test_absent(lab):
    os.mkdir(lab.path("empty"))
    said = call(words(lab, "absent", "--set", f"data.root={lab.path('empty')}"))
    check("Not trained: xception, sup_con, ours; data set celeb-df-v2 is not there" in said, said)
    runs = csv_rows(lab.path("absent", NAME + ".runs.csv"))
    check(all("celeb-df-v2 is not there" in run["message"] for run in runs), f"{runs[0]}")
    check(not glob.glob(lab.path("absent", NAME, "*", "log.jsonl")), "a row without data was trained")


    said = call(words(lab, "absent", "--print", "--set", "data.test.c40.0.compression=c99"))
    left_out = [line for line in said.splitlines() if "Left out: c40 TPR, c40 FPR, c40 AUC, c40 ACC;" in line]
    check(len(left_out) == 1 and "'c99'" in left_out[0], f"c99 is in no data set:\n{said}")


def test_failed(lab):
    """A run that fails keeps its message, which the table repeats; it takes no other with it."""
    said = call(words(lab, "failed", "--rows", "xception", "--seeds", "1", "--set",
                      "model.init=nowhere.safetensors"), 1)
    note = [line for line in said.splitlines() if line.startswith("- xception.seed1 failed: fatal:")]
    check(len(note) == 1 and "nowhere.safetensors" in note[0], f"why it failed:\n{said}")
    runs = csv_rows(lab.path("failed", NAME + ".runs.csv"))
    check([run["state"] for run in runs if run["row"] == "xception"] == ["failed"] * 3, f"{runs}")


def test_refusals(lab):
    good = words(lab, "out")
    refused([word if word != TABLE else "configs/rccl/table9.yaml" for word in good],
            "configs/rccl/table9.yaml", "no such table")
    refused([word if word != TABLE else "configs/rccl/paper.yaml" for word in good],
            "configs/rccl/paper.yaml is no table of a paper", "configs/rccl/printed/paper.yaml")
    refused([word if word != ",".join(ROWS) else "our" for word in good], "'our'", "did you mean 'ours'")
    refused(words(lab, "out", "--set", "optim.lr=0.5"), "sup_con.seed1", "another config")
    refused(words(lab, "out", "--set", "data.train.0.compression=c23"), "sup_con.seed1",
            "data.train.0.compression = raw there, c23 is wanted")
    refused(words(lab, "run.yaml/below"), "run.yaml/below")
    refused(["mpirun", "-q", "-n", "2", *good], "ablate", "2 ranks")


def main():
    lab = Lab()
    make_data(lab)
    for test in (test_dry_run, test_kill, test_again, test_print, test_other_lists, test_absent,
                 test_failed, test_refusals):
        test(lab)
        print(f"ok: {test.__name__}", flush=True)
    lab.close()


if __name__ == "__main__":
    main()
