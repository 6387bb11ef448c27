"""Figures of maps and spectra on a run's page, against PyTorch and NumPy: self-similarity of the last
map and pictures of shallow maps by an independent Xception with the run's exported weights, spectra by
numpy.fft of the same crops, DADD's blocks by the checkpoint's weights. And the same page on two ranks.
PR_BUILD names the build folder."""
import base64
import html
import io
import json
import os
import re
import struct
import subprocess
import sys

import h5py
import numpy as np
import torch
from PIL import Image

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(ROOT, "..", "trainer"))
sys.path.insert(0, os.path.join(ROOT, "..", "models"))
from runs import BINARY, Lab, check  # noqa: E402
from parity_xception import Xception  # noqa: E402

PX, PATCH = 48, 16
CONFIG = """
objective: cross_entropy
seed: 3
model: {width: 0.125, depth: 0, px: 48, init: random}
data:
  root: %s
  train: [{path: faces, split: train}]
  val: [{path: faces, split: val}]
  test: {all: [{path: faces, split: test}]}
train: {n_micro: 4, checkpoint_every: 100}
cpu: {threads: 1}
batch: 16
optim: {name: adamw, lr: 0.001}
stage:
  classifier: {epochs: 1}
"""


def program(*words, ranks=1):
    done = subprocess.run(["mpirun", "-q", "-n", str(ranks), BINARY, *words], capture_output=True,
                          text=True, check=False)
    check(done.returncode == 0, f"{words[0]}: {done.stderr}")


def read(path):
    with open(path) as file:
        return file.read()


def section(page, name):
    """What stands between the heading of figure NAME and the next one."""
    parts = page.split(f'<h2 id="{name}">')
    check(len(parts) == 2, f"{len(parts) - 1} figures '{name}'")
    return re.split("<h2[ >]", parts[1])[0]


def pictures(text):
    """Named planes: bytes, low and high."""
    found = {}
    pattern = (r'data-name="([^"]*)" data-low="([^"]*)" data-high="([^"]*)"><img[^>]*'
               r'base64,([^"]*)"')
    for name, low, high, data in re.findall(pattern, text):
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        check(image.ndim == 2, f"{name} is no grey picture: {image.shape}")
        found[html.unescape(name)] = (image.astype(int), float(low), float(high))
    return found


def bytes_of(values, low, high):
    return np.clip(np.floor(255 * (values - low) / (high - low) + 0.5), 0, 255).astype(int)


class Crops:
    """A forged dataset's crops as bytes, and what its shards say of them."""

    def __init__(self, folder):
        self.rows = []
        for name in sorted(os.listdir(folder)):
            if not name.startswith("part-"):
                continue
            path = os.path.join(folder, name)
            with h5py.File(path, "r") as file:
                offset = file["image_offset"][()]
                heap = file["image"].id.get_offset()
                crops = file["crops"][()]
                words = [word.decode() for word in file["words"][()]]
            with open(path, "rb") as raw:
                for i, crop in enumerate(crops):
                    raw.seek(heap + int(offset[i]))
                    data = raw.read(int(offset[i + 1]) - int(offset[i]))
                    row = {key: words[crop[key]] for key in ("split", "method", "video", "bg_video",
                                                             "compression", "dataset")}
                    row.update(frame=int(crop["frame"]), face=int(crop["face"]),
                               image=np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
                    self.rows.append(row)

    def named(self, name):
        """The crop that "DATASET/METHOD/COMPRESSION/VIDEO/frame N (…" names."""
        parts = re.match(r"(.*)/frame (\d+)", name)
        for row in self.rows:
            key = "/".join(row[k] for k in ("dataset", "method", "compression", "video"))
            if key == parts[1] and row["frame"] == int(parts[2]):
                return row
        return check(False, f"no crop {name}")

    def real_of(self, fake):
        for row in self.rows:
            if row["method"] == "pristine" and row["frame"] == fake["frame"] and \
                    row["video"] == fake["bg_video"]:
                return row
        return check(False, f"no real of {fake['video']}")

    def split(self, word):
        return [row for row in self.rows if row["split"] == word]


def network(lab, run):
    """The run's backbone in PyTorch, and the function that normalises."""
    path = lab.path(run + ".safetensors")
    program("export", lab.path(run), "--out", path, "--prefix", "backbone.", "--strip")
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    state = {}
    for name, entry in header.items():
        if name != "__metadata__" and "num_batches" not in name:
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
            state[name] = torch.from_numpy(values.copy())
    net = Xception(0.125, 0.0).eval().double()
    missing = net.load_state_dict({k: v.double() for k, v in state.items()}, strict=False)
    check(not missing.unexpected_keys, f"unknown tensors {missing.unexpected_keys}")
    left = [k for k in missing.missing_keys if not k.startswith(("fc.", "projector.")) and
            "num_batches" not in k]
    check(not left, f"missing tensors {left}")
    return net


def maps_of(net, images):
    """The last map and the shallow ones [n, c, h, w]."""
    relu = torch.relu
    x = torch.from_numpy(np.stack(images)).double().permute(0, 3, 1, 2) / 255
    x = (x - 0.5) / 0.5
    with torch.no_grad():
        x = relu(net.bn1(net.conv1(x)))
        x = relu(net.bn2(net.conv2(x)))
        taps = [x]
        for i in range(net.n_blocks):
            x = getattr(net, f"block{i + 1}")(x)
            taps.append(x)
        x = relu(net.bn3(net.conv3(x)))
        x = relu(net.bn4(net.conv4(x)))
    return x, [taps[0], taps[1], taps[2], taps[-1]]


def check_similarity(page, run, net, crops):
    text = section(page, "self_similarity")
    card = text.split(f'data-run="{run}"')[1].split("</table>")[0]
    shown = crops.split("test")
    last, _ = maps_of(net, [row["image"] for row in shown])
    cells = last.flatten(2).transpose(1, 2)
    cells = cells / cells.norm(dim=2, keepdim=True).clamp_min(1e-12)
    s = (cells @ cells.transpose(1, 2)).mean(dim=(1, 2)).numpy()
    real = np.array([row["method"] == "pristine" for row in shown])
    wins = (s[~real][None, :] < s[real][:, None]) + 0.5 * (s[~real][None, :] == s[real][:, None])
    want = {"real": (s[real].mean(), s[real].std()), "swap": (s[~real].mean(), s[~real].std()),
            "AUC of low similarity": (wins.mean(),)}
    for name, numbers in want.items():
        row = card.split(f"<td>{name}</td>")[1].split("</tr>")[0]
        got = [float(v) for v in re.findall(r'data-v="([^"]*)"', row)]
        check(len(got) == len(numbers), f"{run}: {name} has {got}")
        for one, other in zip(got, numbers):
            check(abs(one - other) < 2e-5 if "AUC" not in name else abs(one - other) < 0.02,
                  f"{run}: {name} is {one}, PyTorch says {other}")
    check(s.std() > 1e-4, "all maps are alike: the test says nothing")


def check_maps(page, run, net, crops):
    text = section(page, "feature_maps")
    text = text.split(f"<h3>{run}</h3>")[1].split("</div></div>")[0]
    names = re.findall(r'<figure title="([^"]*)"', text)
    found = pictures(text)
    check(len(names) == 6 and len(found) == 24, f"{len(names)} crops, {len(found)} maps")
    rows = [crops.named(html.unescape(name)) for name in names]
    check([row["method"] for row in rows] == ["pristine"] * 2 + ["swap"] * 4, "other crops")
    _, taps = maps_of(net, [row["image"] for row in rows])
    for i in range(len(rows)):
        for tap in range(4):
            image, low, high = found[f"{run} tap {tap + 1} of {i}"]
            want = taps[tap][i].mean(dim=0).numpy()
            check(image.shape == want.shape, f"tap {tap + 1}: {image.shape}, not {want.shape}")
            check(abs(low - want.min()) < 1e-4 and abs(high - want.max()) < 1e-4,
                  f"tap {tap + 1} of {i}: from {low} to {high}, not {want.min()} to {want.max()}")
            off = np.abs(image - bytes_of(want, low, high)).max()
            check(off <= 1, f"tap {tap + 1} of {i} is {off} levels off")


def spectra(grey):
    """Log amplitude and phase of each PATCH, or of the whole, in place with frequency 0 in the middle."""
    planes = [grey]
    for side in (len(grey), PATCH):
        amplitude, phase = np.zeros_like(grey), np.zeros_like(grey)
        for y in range(0, len(grey), side):
            for x in range(0, len(grey), side):
                f = np.fft.fft2(grey[y:y + side, x:x + side])
                least = 1e-6 * 255 * side * side
                real = np.where(np.abs(f.real) <= least, 0, f.real)
                imaginary = np.where(np.abs(f.imag) <= least, 0, f.imag)
                angle = np.arctan2(imaginary, real)
                angle[np.abs(f) <= least] = 0
                block = slice(y, y + side), slice(x, x + side)
                amplitude[block] = np.fft.fftshift(np.log1p(np.abs(f)))
                phase[block] = np.fft.fftshift(angle)
        planes += [amplitude, phase]
    return planes


def check_spectra(page, crops):
    rows = ("grey", "amplitude", "phase", "patch amplitude", "patch phase")
    text = section(page, "spectra")
    fake = crops.named(html.unescape(re.search(r"</h3>\s*<p>([^<]*)</p>", text)[1]))
    check(fake["method"] == "swap", f"the fake is {fake['method']}")
    greys = [row["image"].astype(float) @ [0.299, 0.587, 0.114]
             for row in (crops.real_of(fake), fake)]
    planes = [spectra(grey) for grey in greys]
    between = [np.abs(a - b) for a, b in zip(*planes)]
    for i in (2, 4):
        between[i] = np.minimum(between[i], 2 * np.pi - between[i])
    found = pictures(text)
    means = dict(re.findall(r'<div data-v="([^"]*)"><figure data-name="([^"]*)"', text))
    means = {name: float(value) for value, name in means.items()}
    for column, values in (("real", planes[0]), ("fake", planes[1]), ("residual", between)):
        for i, row in enumerate(rows):
            name = f"pair 0 {column} {row}"
            image, low, high = found[name]
            check(abs(means[name] - values[i].mean()) < 2e-3 * max(1, abs(values[i]).mean()),
                  f"{name}: mean {means[name]}, numpy says {values[i].mean()}")
            off = np.abs(image - bytes_of(values[i], low, high))
            off = np.minimum(off, 255 - off) if i in (2, 4) and column != "residual" else off
            check(np.mean(off > 1) < 0.002, f"{name}: {np.sum(off > 1)} of {off.size} pixels off")
            if i in (1, 3):
                check(abs(high - (max(planes[0][i].max(), planes[1][i].max()) if column != "residual"
                                  else values[i].max())) < 1e-4, f"{name}: white is {high}")
    check(between[3].max() > 0.1, "the pair does not differ: the test says nothing")


def check_weights(lab, page, run):
    text = section(page, "subtask_weights")
    best = max(line["step"] for line in lab.log(run, "eval") if line["best"])
    with h5py.File(lab.path(run, "checkpoints", f"step-{best:08d}.h5"), "r") as file:
        w = file["model/fc.weight"][()].astype(float)
    columns = np.sqrt((w ** 2).sum(axis=0)).reshape(9, -1)
    blocks = np.sqrt((columns ** 2).sum(axis=1))
    rows = re.findall(r"<td>ST_(\d)</td><td>(\w+)</td><td data-v=\"([^\"]*)\">[^<]*</td>"
                      r"<td data-v=\"([^\"]*)\">", text)
    check(len(rows) == 9 and rows[8][1] == "sb_sim", f"rows {rows}")
    for i, row in enumerate(rows):
        check(abs(float(row[2]) - blocks[i]) < 1e-6 * blocks[i] and
              abs(float(row[3]) - blocks[i] / blocks.sum()) < 1e-9, f"{row}, not {blocks[i]}")
    image, low, high = pictures(text)[f"{run} weights"]
    check(low == 0 and abs(high - columns.max()) < 1e-9, f"from {low} to {high}")
    check(np.array_equal(image, bytes_of(columns, low, high)), "another picture of the weights")


def main():
    lab = Lab()
    with open(lab.config, "w") as file:
        file.write(CONFIG % lab.folder)
    lab.forge("faces", "--codec", "png")
    crops = Crops(lab.path("faces"))
    lab.train("ce", 1)
    lab.train("dcl", 1, "objective=dcl", "stage.dcl.epochs=1", "data.mask=ones")
    program("report", lab.path("ce"))
    page = read(lab.path("ce", "report.html"))
    net = network(lab, "ce")
    check_similarity(page, "ce", net, crops)
    check_maps(page, "ce", net, crops)
    check_spectra(page, crops)
    check('id="subtask_weights"' not in page and "it has no sub-tasks" in page, "sub-tasks of ce")
    program("report", lab.path("ce"), ranks=2)
    check(read(lab.path("ce", "report.html")) == page, "two ranks make another page")

    both = lab.path("both.html")
    program("report", lab.path("ce"), lab.path("dcl"), "--out", both)
    page = read(both)
    for run in ("ce", "dcl"):
        net = network(lab, run)
        check_similarity(page, run, net, crops)
        check_maps(page, run, net, crops)
    check_spectra(page, crops)

    lab.train("dadd", 1, "objective=dadd", "stage.tasks.epochs=3", "dadd.private=16", "data.train.0.label=real",
              "data.val.0.label=real")
    program("report", lab.path("dadd"))
    check_weights(lab, read(lab.path("dadd", "report.html")), "dadd")
    lab.close()
    print("maps, spectra and weights on the page are PyTorch's, NumPy's and the checkpoint's")


main()
