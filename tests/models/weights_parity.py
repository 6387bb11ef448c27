"""Weights of a small Xception in PyTorch, under the names and shapes of timm, Cadene and
DeepfakeBench, through tools/pth2safetensors.py into a store and back out into torch.
Usage: weights_parity.py DRIVER TOOL"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch import nn

DRIVER, TOOL = sys.argv[1:3]


class Separable(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_in, 3, groups=n_in, bias=False)
        self.pointwise = nn.Conv2d(n_in, n_out, 1, bias=False)


class Block(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.skip = nn.Conv2d(n_in, n_out, 1, stride=2, bias=False)
        self.skipbn = nn.BatchNorm2d(n_out)
        self.rep = nn.Sequential(Separable(n_in, n_out), nn.BatchNorm2d(n_out), nn.ReLU(),
                                 Separable(n_out, n_out), nn.BatchNorm2d(n_out))


class SmallXception(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.block1 = Block(8, 16)
        self.conv3 = Separable(16, 24)
        self.bn3 = nn.BatchNorm2d(24)
        self.fc = nn.Linear(24, 10)


class CadeneBlock(nn.Module):
    """The block of Cadene's pretrained-models.pytorch and timm's legacy_xception."""

    def __init__(self, n_in, n_out, reps, stride, relu_first, grow_first):
        super().__init__()
        if n_out != n_in or stride != 1:
            self.skip = nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.skipbn = nn.BatchNorm2d(n_out)
        widths = [n_in, n_out] + [n_out] * (reps - 1) if grow_first else \
            [n_in] * reps + [n_out]
        rep = []
        for i in range(reps):
            rep += [nn.ReLU(), Separable(widths[i], widths[i + 1]), nn.BatchNorm2d(widths[i + 1])]
        rep = rep if relu_first else rep[1:]
        self.rep = nn.Sequential(*(rep + ([nn.MaxPool2d(3, stride, 1)] if stride != 1 else [])))


class CadeneXception(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32)
        self.conv2, self.bn2 = nn.Conv2d(32, 64, 3, bias=False), nn.BatchNorm2d(64)
        self.block1 = CadeneBlock(64, 128, 2, 2, False, True)
        self.block2 = CadeneBlock(128, 256, 2, 2, True, True)
        self.block3 = CadeneBlock(256, 728, 2, 2, True, True)
        for i in range(4, 12):
            setattr(self, f"block{i}", CadeneBlock(728, 728, 3, 1, True, True))
        self.block12 = CadeneBlock(728, 1024, 2, 2, True, False)
        self.conv3, self.bn3 = Separable(1024, 1536), nn.BatchNorm2d(1536)
        self.conv4, self.bn4 = Separable(1536, 2048), nn.BatchNorm2d(2048)
        self.fc = nn.Linear(2048, 1000)


def random_model(seed):
    torch.manual_seed(seed)
    model = SmallXception()
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.randn_like(tensor))
    return model


def store_lines(model, head=2):
    lines = []
    for name, tensor in model.state_dict().items():
        if name.startswith("fc.") or name.endswith("num_batches_tracked"):
            continue
        kind = "b" if "running" in name else "p"
        lines.append(f"{kind} backbone.{name} {tensor.dim()} {' '.join(map(str, tensor.shape))}")
    lines.append(f"p fc.weight 2 {head} 24")
    lines.append(f"p fc.bias 1 {head}")
    return "\n".join(lines) + "\n"


def read_safetensors(path):
    with open(path, "rb") as file:
        blob = file.read()
    n = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8:8 + n])
    notes = header.pop("__metadata__", {})
    out = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32" and begin % 4 == 0
        out[name] = torch.tensor(
            np.frombuffer(blob[8 + n + begin:8 + n + end], dtype="<f4").reshape(entry["shape"]))
    return out, notes


def run(folder, state, lines, partial="whole", head="nohead", strip="strip", convert=True):
    source = os.path.join(folder, "in.safetensors")
    target = os.path.join(folder, "out.safetensors")
    if convert:
        pth = os.path.join(folder, "in.pth")
        torch.save(state, pth)
        subprocess.run([sys.executable, TOOL, pth, source], check=True, capture_output=True)
    done = subprocess.run([DRIVER, source if convert else state, target, "backbone.", partial, head,
                           strip], input=lines, capture_output=True, text=True, check=False)
    return done, target


def same_backbone(target, model):
    got, notes = read_safetensors(target)
    want = {k: v for k, v in model.state_dict().items()
            if not k.startswith("fc.") and "num_batches" not in k}
    assert notes["producer"] == "pristine" and notes["format"] == "pt"
    assert set(got) == set(want), set(got) ^ set(want)
    for name, tensor in want.items():
        assert torch.equal(got[name], tensor.float()), name
    # What was written loads where it came from; only the head is missing.
    fresh = SmallXception()
    left = fresh.load_state_dict(got, strict=False)
    assert all(k.startswith("fc.") for k in left.missing_keys if "num_batches" not in k)
    assert not left.unexpected_keys


def main():
    model = random_model(1)
    state = model.state_dict()
    lines = store_lines(model)
    n = len([k for k in state if not k.startswith("fc.") and "num_batches" not in k])
    n_counts = len([k for k in state if "num_batches" in k])
    with tempfile.TemporaryDirectory() as folder:
        # timm: the names as they are.
        done, target = run(folder, state, lines)
        assert done.returncode == 0, done.stderr
        assert f"{n} matched, 0 reshaped, {2 + n_counts} skipped, 0 unknown, 0 misfit, 0 missing, " \
               "2 kept" in done.stdout, done.stdout
        same_backbone(target, model)

        # A checkpoint of Cadene's older kind under DistributedDataParallel: 2-D pointwise.
        old = {("module." + k.replace("fc.", "last_linear.")):
               (v.squeeze(-1).squeeze(-1) if "pointwise" in k else v) for k, v in state.items()}
        done, target = run(folder, {"state_dict": old}, lines)
        assert done.returncode == 0, done.stderr
        assert f"{n - 3} matched, 3 reshaped" in done.stdout, done.stdout
        same_backbone(target, model)

        # DeepfakeBench, in half precision, with its adapter and a head of two classes.
        bench = {("module.backbone." + k.replace("fc.", "last_linear.")): v.half() if
                 v.is_floating_point() else v for k, v in state.items()}
        bench["module.backbone.last_linear.weight"] = torch.randn(2, 24)
        bench["module.backbone.last_linear.bias"] = torch.randn(2)
        bench["module.backbone.adjust_channel.0.weight"] = torch.randn(4, 4)
        done, target = run(folder, bench, lines, head="head", strip="full")
        assert done.returncode == 0, done.stderr
        got, _ = read_safetensors(target)
        assert torch.equal(got["fc.weight"], bench["module.backbone.last_linear.weight"])
        assert torch.equal(got["backbone.bn1.running_var"], state["bn1.running_var"].half().float())

        # What the program wrote itself, heads included.
        done, again = run(folder, target, lines, strip="full", convert=False)
        assert done.returncode == 0, done.stderr
        assert f"{n + 2} matched" in done.stdout, done.stdout
        for name, tensor in read_safetensors(again)[0].items():
            assert torch.equal(tensor, got[name]), name

        # Refusals, each naming a tensor; partial takes what fits.
        less = {k: v for k, v in state.items() if k != "block1.rep.3.pointwise.weight"}
        done, _ = run(folder, less, lines)
        assert done.returncode != 0
        assert "'backbone.block1.rep.3.pointwise.weight' is missing" in done.stderr, done.stderr
        done, target = run(folder, less, lines, partial="partial")
        assert done.returncode == 0 and "1 missing" in done.stdout, done.stderr
        more = dict(state, stem=torch.zeros(3))
        done, _ = run(folder, more, lines)
        assert done.returncode != 0 and "'stem' is none of the model's" in done.stderr, done.stderr
        wide = dict(state)
        wide["conv1.weight"] = torch.zeros(9, 3, 3, 3)
        done, _ = run(folder, wide, lines)
        assert done.returncode != 0 and "(file [9, 3, 3, 3], model [8, 3, 3, 3])" in done.stderr
        double = dict(state)
        double["module.conv1.weight"] = state["conv1.weight"]
        done, _ = run(folder, double, lines)
        assert done.returncode != 0 and "both mean 'backbone.conv1.weight'" in done.stderr
        done, _ = run(folder, {"x": torch.zeros(2)}, lines, partial="partial")
        assert done.returncode != 0, "nothing fits"
        infinite = dict(state)
        infinite["bn3.bias"] = torch.full((24,), float("inf"))
        done, _ = run(folder, infinite, lines)
        assert done.returncode != 0 and "'bn3.bias': element 0 is inf" in done.stderr, done.stderr
        pth = os.path.join(folder, "in.pth")
        for zipped in (True, False):
            torch.save(state, pth, _use_new_zipfile_serialization=zipped)
            done, _ = run(folder, pth, lines, convert=False)
            assert done.returncode != 0 and "tools/pth2safetensors.py" in done.stderr, done.stderr
        # The real backbone takes the whole published model: every tensor, and none is left over.
        full = CadeneXception().state_dict()
        n = len([k for k in full if not k.startswith("fc.") and "num_batches" not in k])
        done, target = run(folder, full, "m xception 0\n")
        assert done.returncode == 0, done.stderr
        assert f"{n} matched, 0 reshaped" in done.stdout and "0 unknown, 0 misfit, 0 missing, " \
               "0 kept" in done.stdout, done.stdout.splitlines()[-1]
        for name, tensor in read_safetensors(target)[0].items():
            assert torch.equal(tensor, full[name]), name
    print("weights of three conventions, there and back")


if __name__ == "__main__":
    main()
