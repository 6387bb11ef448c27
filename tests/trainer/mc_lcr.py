"""Whole runs of MC-LCR: the same bits on any number of ranks, with recomputed activations and after a
stop, dropout included; what the log says of its terms and of the loss that the plateau watches; and
evaluation, prediction and the report of such a run."""
import glob
import json
import math
import subprocess

from runs import BINARY, Lab, check, compare

SETS = ("objective=mc_lcr", "sampler.pairing=none", "train.n_micro=2", "model.proj_out=16",
        "mc_lcr.patch_px=8", "mc_lcr.embed=32", "mc_lcr.dropout=0.3", "stage.joint.epochs=3",
        "schedule.name=plateau", "schedule.patience=0", "schedule.gamma=0.5", "schedule.watch=loss",
        "train.checkpoint_every=3")


def check_bits(lab):
    lab.train("one", 1, *SETS)
    lab.train("two", 2, *SETS, "cpu.loader_threads=2")
    compare(lab, "one", "two")
    lab.train("recompute", 1, *SETS, "train.recompute=true", "cpu.threads=2")
    compare(lab, "one", "recompute")
    for stop in ("step 4", "epoch 1"):
        name = "stop_" + stop.replace(" ", "_")
        lab.train(name, 1, *SETS, f"train.stop_at={stop}")
        lab.train(name, 2, *SETS)
        compare(lab, "one", name)
    losses = [line["loss"] for line in lab.log("one", "val_loss")]
    for other in ("two", "stop_step_4", "stop_epoch_1"):
        check([line["loss"] for line in lab.log(other, "val_loss")] == losses,
              f"{other} has other validation losses")


def check_log(lab):
    lines = lab.log("one")
    check(len(lines) >= 4, f"only {len(lines)} steps")
    for line in lines:
        check(line["weight.cross_entropy"] == 0.5 and line["weight.supcon"] == 0.5, "alpha is 0.5")
        total = 0.5 * line["term.cross_entropy"] + 0.5 * line["term.supcon"]
        check(math.isclose(line["loss"], total, rel_tol=1e-12), f"{line['loss']} is not {total}")
    val = lab.log("one", "val_loss")
    check(len(val) == 3 and all(line["batches"] >= 1 for line in val), f"validation: {val}")
    rates = {line["lr"] for line in lines}
    falls = sum(b["loss"] > a["loss"] for a, b in zip(val[:1], val[1:2]))
    check(len(rates) == 1 + falls, f"rates {rates} after losses {val}")


def check_switches(lab):
    """What is part of a run changes it: dropout's rate, its sites, what equation 13 divides by."""
    first = [line["loss"] for line in lab.log("one")]
    for i, word in enumerate(("mc_lcr.dropout=0", "mc_lcr.dropout_sites=[mixer]",
                              "mc_lcr.supcon_denom=all", "mc_lcr.ssrb=false")):
        lab.train(f"switch_{i}", 1, *SETS, word, "train.stop_at=step 2")
        other = [line["loss"] for line in lab.log(f"switch_{i}")]
        check(len(other) == 2 and other != first[:2], f"{word} changes nothing")
    lab.train("alpha_0", 1, *SETS, "mc_lcr.alpha=0", "train.stop_at=epoch 1")
    line = lab.log("alpha_0", "val_loss")[0]
    check(line["loss"] == line["local"], f"without SupCon the loss is cross-entropy: {line}")
    check(lab.log("one", "val_loss")[0]["loss"] != lab.log("one", "val_loss")[0]["local"],
          "SupCon is no part of the validation loss")


def check_page(lab):
    for words in (("eval", lab.path("one")), ("report", lab.path("one"))):
        done = subprocess.run([BINARY, *words], capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"{words}: {done.stdout}{done.stderr}")
    results = glob.glob(lab.path("one", "eval", "*.json"))
    check(results, "no evaluation was written")
    with open(results[0]) as file:
        text = json.dumps(json.load(file))
    check("auc" in text, "the evaluation has no AUC")


def main():
    lab = Lab()
    lab.forge("faces")
    check_bits(lab)
    check_log(lab)
    check_switches(lab)
    check_page(lab)
    lab.close()


main()
