"""The same bits on any number of ranks and threads, from data in any shards, after any stop, kill and
resume: BITS of whole runs of the program. Usage: identity.py [KILLS]"""
import os
import random
import signal
import sys

from runs import Lab, check, compare, kill_one, wait_for

N_STEPS = 24


def check_ranks(lab):
    lab.train("one", 1, "cpu.loader_threads=0")
    variants = {
        "two_ranks": (2, "cpu.loader_threads=2"),
        "three_ranks": (3,),
        "four_ranks": (4, "cpu.threads=2"),
        "two_threads": (1, "cpu.threads=2"),
        "three_threads_two_ranks": (2, "cpu.threads=3", "data.batches_ahead=5"),
        "recompute": (1, "train.recompute=true"),
        "recompute_two_threads": (3, "train.recompute=true", "cpu.threads=2"),
        "seven_shards": (3, "data.train.0.path=faces7", "data.val.0.path=faces7"),
    }
    for name, words in variants.items():
        lab.train(name, *words)
        compare(lab, "one", name)


def check_families(lab):
    """Other arithmetic than the first family's: each is compared within itself."""
    families = {
        "sync_bn": ((3, 4), ("model.sync_bn=true", "model.proj_bn=true")),
        "supcon": ((3,), ("objective=supcon", "sampler.balance=none", "optim.name=sgd")),
        "cross_entropy": ((2, 3, 4), ("objective=cross_entropy", "batch=24", "stage.classifier.batch=24",
                                      "stage.classifier.epochs=5", "schedule.name=plateau",
                                      "schedule.patience=0")),
        "odd": ((2, 5), ("train.n_micro=5", "batch=20", "stage.classifier.batch=20",
                         "train.recompute=true")),
    }
    for name, (ranks, sets) in families.items():
        lab.train(name + "_1", 1, *sets)
        for n in ranks:
            lab.train(f"{name}_{n}", n, *sets, "cpu.threads=2" if n == 3 else "cpu.threads=1")
            compare(lab, name + "_1", f"{name}_{n}")
        rates = {line["lr"] for line in lab.log(name + "_1")}
        check(name != "cross_entropy" or len(rates) > 1, f"no plateau lowered the rate {rates}")


def check_stops(lab):
    """train.stop_at in an epoch, at its end, at a stage's end, and a signal; other ranks go on."""
    for stop in ("step 9", "step 14", "epoch 1", "epoch 3"):
        name = "stop_" + stop.replace(" ", "_")
        lab.train(name, 1, f"train.stop_at={stop}")
        check(len(lab.log(name)) < N_STEPS, f"{name} did not stop")
        lab.train(name, 3)
        compare(lab, "one", name)
    process = lab.start("signal", 2)
    check(wait_for(lab, process, "signal", 4), "the run ended before the signal")
    process.send_signal(signal.SIGUSR1)
    lab.finish(process, "signal", 75)
    check(4 <= len(lab.log("signal")) < N_STEPS, "the signal did not stop the run")
    lab.train("signal", 1, "data.train.0.path=faces7")
    compare(lab, "one", "signal")


def check_kills(lab, n_kills):
    """Chains of up to three kills on one run, every third while a checkpoint is half written."""
    n_done = n_chains = n_while_writing = n_starts = 0
    while n_done < n_kills and n_starts < 4 * n_kills + 4:
        name = f"killed_{n_chains}"
        step = 0
        for _ in range(min(3, n_kills - n_done)):
            writing = n_done % 3 == 1
            step = random.randint(step, N_STEPS - 3)
            n_starts += 1
            if not kill_one(lab, name, random.randint(1, 4), step, writing):
                break
            n_done += 1
            n_while_writing += writing
        last = random.randint(1, 4)
        lab.train(name, last)
        left = [file for file in os.listdir(lab.path(name, "checkpoints")) if ".tmp-" in file]
        check(not left, f"{name}: half a checkpoint stays behind: {left}")
        compare(lab, "one", name)
        n_chains += 1
    check(n_done >= n_kills, f"only {n_done} of {n_kills} kills hit a run")
    print(f"ok: {n_done} kills in {n_chains} runs, {n_while_writing} while a checkpoint was written")


def main():
    n_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    random.seed(seed)
    lab = Lab()
    lab.forge("faces")
    lab.forge("faces7", "--shards", "7")
    check_ranks(lab)
    check_families(lab)
    check_stops(lab)
    check_kills(lab, n_kills)
    lab.close()


main()
