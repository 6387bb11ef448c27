"""Two steps of training with each backbone, the same bits on one rank and on two, with and without
recomputation (dropout drops the same twice); the focal objective; and what a run exports, which
torch-named files are read from again."""
import subprocess

from runs import BINARY, Lab, check, compare

SMALL = ("model.width=0.25", "model.depth=0.25")
WHOLE = ("model.width=1", "model.depth=1")
BACKBONES = {
    "efficientnet_b0": SMALL + ("model.dropout=0.2", "model.drop_path=0.3"),
    "tf_efficientnet_b4": SMALL,
    "meso4": WHOLE,
    "meso_inception4": WHOLE,
    "meso4_keras": WHOLE + ("model.px=64",),
    "xception": ("model.dropout=0.5",),
}
CLASSIFIER = ("train.stop_at=step 2", "train.n_micro=2", "batch=16", "stage.classifier.batch=16")


def pristine(*words, code=0):
    done = subprocess.run([BINARY, *words], capture_output=True, text=True, check=False)
    check(done.returncode == code, f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def main():
    lab = Lab()
    lab.forge("faces")
    for name, sets in BACKBONES.items():
        sets = ("objective=cross_entropy", f"model.name={name}") + CLASSIFIER + sets
        lab.train(name + "_1", 1, *sets)
        check(len(lab.log(name + "_1")) == 2, f"{name}: not two steps")
        lab.train(name + "_2", 2, *sets)
        compare(lab, name + "_1", name + "_2")
    sets = ("objective=cross_entropy", "model.name=meso4") + CLASSIFIER + WHOLE
    lab.train("again", 1, *sets, "train.recompute=true")
    compare(lab, "meso4_1", "again")
    lab.train("sync", 1, *sets, "model.sync_bn=true")
    lab.train("sync_2", 2, *sets, "model.sync_bn=true")
    compare(lab, "sync", "sync_2")

    focal = ("objective=focal", "focal.alpha=0.25") + CLASSIFIER
    lab.train("focal_1", 1, *focal)
    lab.train("focal_2", 2, *focal)
    compare(lab, "focal_1", "focal_2")

    for name in ("efficientnet_b0", "meso4"):
        out = lab.path(name + ".safetensors")
        sets = [w for s in (f"model.name={name}", "objective=cross_entropy") + BACKBONES[name]
                for w in ("--set", s)]
        pristine("export", lab.path(name + "_1"), "--out", out, "--torch", "--checkpoint", "last")
        report = pristine("import", out, "--config", lab.config, *sets)
        check("0 skipped, 0 unknown, 0 misfit, 0 missing" in report, report[-300:])
        head = {"efficientnet_b0": "classifier.weight", "meso4": "fc2.weight"}[name]
        check(f"{head} " in report, f"no {head} in the report")
    wrong = ["--set", "model.name=efficientnet_b4", "--set", "objective=cross_entropy"]
    report = pristine("import", lab.path("meso4.safetensors"), "--config", lab.config, *wrong,
                      code=1)
    check("A run would refuse it" in report, report[-300:])
    lab.close()
    print("backbones: the same bits on one rank and two")


main()
