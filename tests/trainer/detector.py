"""detector.py beside an export scores crops as `pristine predict` does: logits and features of every
system and backbone, within 1e-4 of the largest. Networks are trained for two steps, so that running
statistics and centre are not what they began as. Usage: detector.py [NAME of RUNS]..."""
import math
import os
import subprocess
import sys

import numpy
import torch

from runs import BINARY, Lab, check

N_IMAGES = 12
CLASSIFIER = ("objective=cross_entropy", "stage.classifier.batch=16", "model.width=0.25",
              "model.depth=0.25")
MESO = CLASSIFIER + ("model.width=1", "model.depth=1", "model.px=64")
LCR = ("objective=mc_lcr", "stage.joint.epochs=1", "mc_lcr.patch_px=8", "model.proj_out=16")
RUNS = {
    "xception": CLASSIFIER + ("data.augment.mean_red=0.4", "data.augment.std_blue=0.3"),
    "efficientnet_b0": CLASSIFIER,
    "tf_efficientnet_b4": CLASSIFIER,
    "meso4": MESO,
    "meso_inception4": MESO,
    "meso4_keras": MESO,
    "meso_inception4_keras": MESO,
    # Stops in the contrastive stage: scored by the distance from the centre of the reals.
    "rccl": ("model.name=xception", "model.proj_bn=true"),
    "supcon": ("objective=supcon", "model.name=efficientnet_b0", "model.width=0.25",
               "stage.contrastive.epochs=1", "train.stop_at=epoch 2"),
    "dcl": ("objective=dcl", "stage.dcl.epochs=1", "model.name=efficientnet_b0",
            "model.width=0.25", "model.depth=0.25"),
    "dcl_one": ("objective=dcl", "stage.dcl.epochs=1", "model.name=efficientnet_b0",
                "model.width=0.25", "model.depth=0.25", "dcl.head=sigmoid1"),
    "mc_lcr": LCR + ("model.name=xception",),
    "mc_lcr_other": LCR + ("model.name=xception", "mc_lcr.gf=b14_proj1024", "mc_lcr.amp=log1p",
                           "mc_lcr.gram_norm=chw", "mc_lcr.ssrb_tap=relu", "mc_lcr.pos_embed=true",
                           "mc_lcr.gray=mean", "mc_lcr.attn_scale=model"),
    "mc_lcr_b13": LCR + ("model.name=xception", "mc_lcr.gf=b13", "mc_lcr.papda=false"),
    "dadd": ("objective=dadd", "stage.tasks.epochs=1", "dadd.private=16", "model.name=xception"),
}


def logit(p):
    return numpy.log(p) - numpy.log1p(-p)


def off(name, what, got, want):
    scale = numpy.abs(want).max()
    error = numpy.abs(got - want).max() / scale
    check(got.shape == want.shape and error < 1e-4,
          f"{name}: {what} is off by {error:.3g} of {scale:.3g}, must be below 1e-4")
    return error


def predict(lab, name, images):
    table, rows = lab.path(name + ".tsv"), lab.path(name + ".npy")
    done = subprocess.run([BINARY, "predict", lab.path(name), "--checkpoint", "last", "--out", table,
                           "--embeddings", rows, *images], capture_output=True, text=True,
                          check=False)
    check(done.returncode == 0, f"predict {name}: {done.stderr}")
    with open(table) as file:
        scores = [float(line.split("\t")[1]) for line in file]
    return numpy.array(scores), numpy.load(rows)


def compare(lab, name, images, pixels):
    folder = lab.path("export-" + name)
    os.mkdir(folder)
    weights = os.path.join(folder, "weights.safetensors")
    done = subprocess.run([BINARY, "export", lab.path(name), "--checkpoint", "last", "--out",
                           weights], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"export {name}: {done.stderr}")
    scores, rows = predict(lab, name, images)

    # A process of its own, without this test's path: the file stands alone.
    script = ("import numpy, sys, torch; sys.path.insert(0, sys.argv[1]); import detector\n"
              "d = detector.Detector(sys.argv[2])\n"
              "out = d(torch.tensor(numpy.load(sys.argv[3])))\n"
              "numpy.savez(sys.argv[4], **{k: v.numpy() for k, v in out.items()})\n")
    numpy.save(os.path.join(folder, "pixels.npy"), pixels)
    made = os.path.join(folder, "out.npz")
    done = subprocess.run([sys.executable, "-c", script, folder, weights,
                           os.path.join(folder, "pixels.npy"), made], capture_output=True, text=True,
                          check=False, cwd=folder)
    check(done.returncode == 0, f"detector.py of {name}: {done.stderr}")
    out = numpy.load(made)
    score = out["score"].astype(numpy.float64)
    if "logits" in out.files:
        logits = out["logits"].astype(numpy.float64)
        errors = [off(name, "logit", logits[:, 1] - logits[:, 0], logit(scores)),
                  off(name, "features", out["features"], rows)]
    else:
        errors = [off(name, "1 - cos", score, scores), off(name, "z", out["z"], rows)]
    check(scores.std() > 0, f"{name}: {N_IMAGES} equal scores")
    print(f"ok: {name}: {', '.join(sorted(out.files))}; off by {errors[0]:.2g} and {errors[1]:.2g}",
          flush=True)
    return weights, scores


def make_images(lab, px):
    """Crops of smooth colours with texture, as lossless files of the model's size."""
    from PIL import Image
    rng = numpy.random.default_rng(px)
    x = numpy.linspace(0, 1, px)
    paths, all_pixels = [], []
    for i in range(N_IMAGES):
        waves = numpy.full((px, px, 3), 0.5)
        for _ in range(5):
            f = rng.uniform(0, px / 5, (2, 3))
            waves += rng.uniform(0.03, 0.15) * numpy.cos(
                2 * math.pi * (f[0] * x[:, None, None] + f[1] * x[None, :, None]))
        pixels = numpy.clip(255 * waves + rng.normal(0, 4, waves.shape), 0, 255).astype(numpy.uint8)
        paths.append(lab.path(f"image-{px}-{i:02d}.png"))
        Image.fromarray(pixels).save(paths[-1])
        all_pixels.append(pixels)
    return paths, numpy.stack(all_pixels)


def main():
    lab = Lab()
    lab.forge("faces")
    images = {px: make_images(lab, px) for px in (48, 64)}
    for name, sets in RUNS.items():
        if sys.argv[1:] and name not in sys.argv[1:] + ["xception", "dadd"]:
            continue
        model = () if name.startswith(("rccl", "supcon", "dcl", "mc_lcr", "dadd")) else (
            "model.name=" + name,)
        lab.train(name, 1, "train.n_micro=2", "train.stop_at=step 2", *model, *sets)
        px = 64 if "model.px=64" in sets else 48
        weights, scores = compare(lab, name, *images[px])

    # The command line, on another size: resized within one grey level of the program's.
    done = subprocess.run([sys.executable, os.path.join(os.path.dirname(weights), "detector.py"),
                           weights, *images[48][0]], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"detector.py: {done.stderr}")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    check([line[0] for line in lines] == images[48][0], f"detector.py prints {lines}")
    said = numpy.array([float(line[1]) for line in lines])
    check(numpy.abs(said - scores).max() < 1e-5, f"detector.py says {said}, predict {scores}")
    large, pixels = make_images(lab, 75)
    scores, _ = predict(lab, "dadd", large)
    sys.path.insert(0, os.path.dirname(weights))
    from detector import Detector
    mine = Detector(weights)(torch.tensor(pixels))["score"].double().numpy()
    check(numpy.abs(mine - scores).max() < 0.02, f"resized: {mine}, predict {scores}")
    # Weights alone are no detector.
    part = lab.path("part.safetensors")
    subprocess.run([BINARY, "export", lab.path("dadd"), "--checkpoint", "last", "--out", part,
                    "--prefix", "backbone."], capture_output=True, check=True)
    try:
        Detector(part)
        check(False, "detector.py takes weights without notes")
    except ValueError as error:
        check("no notes of a detector" in str(error), f"weights without notes: {error}")
    lab.close()
    print("detector: PyTorch says what predict says")


main()
