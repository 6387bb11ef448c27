#!/usr/bin/env python3
"""Xception with classifier and projector against PyTorch.

The network is a transcription of the Xception that FaceForensics++ and Cadene's pretrained models
use (names of its state_dict included), with width and depth as factors.

    parity_xception.py DRIVER double   logits, embeddings, every gradient, statistics, and the change
                                       of every tensor over ten steps of SGD, in double: < 1e-9
    parity_xception.py DRIVER single   full width in f32 on the cpu backend: each tensor's error
                                       against PyTorch in double is at most 3 times that of PyTorch
                                       in f32, in the median over draws (a single ReLU that rounds
                                       to the other side moves every gradient upstream of it, so
                                       one draw's ratio says little)
"""
import subprocess
import struct
import sys
import tempfile
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

N_Z = 16


def scaled(n, width):
    return max(8, 8 * int(np.floor(n * width / 8 + 0.5)))


class Separable(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_in, 3, 1, 1, groups=n_in, bias=False)
        self.pointwise = nn.Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.conv1(x))


class Block(nn.Module):
    def __init__(self, n_in, n_out, reps, stride, starts_with_relu=True, grows_first=True):
        super().__init__()
        self.skip = None
        if n_out != n_in or stride != 1:
            self.skip = nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.skipbn = nn.BatchNorm2d(n_out)
        rep, width = [], n_in
        if grows_first:
            rep += [nn.ReLU(), Separable(n_in, n_out), nn.BatchNorm2d(n_out)]
            width = n_out
        for _ in range(reps - 1):
            rep += [nn.ReLU(), Separable(width, width), nn.BatchNorm2d(width)]
        if not grows_first:
            rep += [nn.ReLU(), Separable(n_in, n_out), nn.BatchNorm2d(n_out)]
        if not starts_with_relu:
            rep = rep[1:]
        if stride != 1:
            rep.append(nn.MaxPool2d(3, stride, 1))
        self.rep = nn.Sequential(*rep)

    def forward(self, x):
        skip = x if self.skip is None else self.skipbn(self.skip(x))
        return self.rep(x) + skip


class Projector(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.fc1 = nn.Linear(n_features, n_features)
        self.fc2 = nn.Linear(n_features, N_Z)

    def forward(self, x):
        return F.normalize(self.fc2(F.relu(self.fc1(x))), dim=1)


class Xception(nn.Module):
    def __init__(self, width=1.0, depth=1.0):
        super().__init__()
        c = [scaled(n, width) for n in (32, 64, 128, 256, 728, 1024, 1536, 2048)]
        self.conv1 = nn.Conv2d(3, c[0], 3, 2, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(c[0])
        self.conv2 = nn.Conv2d(c[0], c[1], 3, bias=False)
        self.bn2 = nn.BatchNorm2d(c[1])
        self.block1 = Block(c[1], c[2], 2, 2, starts_with_relu=False)
        self.block2 = Block(c[2], c[3], 2, 2)
        self.block3 = Block(c[3], c[4], 2, 2)
        n_middle = int(np.floor(8 * depth + 0.5))
        for i in range(n_middle):
            setattr(self, "block%d" % (4 + i), Block(c[4], c[4], 3, 1))
        setattr(self, "block%d" % (4 + n_middle), Block(c[4], c[5], 2, 2, grows_first=False))
        self.n_blocks = 4 + n_middle
        self.conv3 = Separable(c[5], c[6])
        self.bn3 = nn.BatchNorm2d(c[6])
        self.conv4 = Separable(c[6], c[7])
        self.bn4 = nn.BatchNorm2d(c[7])
        self.fc = nn.Linear(c[7], 2)
        self.projector = Projector(c[7])

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        for i in range(self.n_blocks):
            x = getattr(self, "block%d" % (i + 1))(x)
        x = F.relu(self.bn3(self.conv3(x)))
        x = F.relu(self.bn4(self.conv4(x)))
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.fc(x), self.projector(x)


def initialise(net, seed):
    """Fan-out normal for convolutions; norms and biases away from one and zero; f32 values."""
    g = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            module.weight.data = torch.randn(module.weight.shape, generator=g) * (2 / fan_out) ** 0.5
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data = 1 + 0.2 * torch.randn(module.weight.shape, generator=g)
            module.bias.data = 0.2 * torch.randn(module.bias.shape, generator=g)
            module.running_mean = 0.2 * torch.randn(module.bias.shape, generator=g)
            module.running_var = 1 + 0.5 * torch.rand(module.bias.shape, generator=g)


def named(net):
    """Parameters and buffers as the driver names them, in double."""
    return {name: t.detach().double().numpy().copy() for name, t in net.state_dict().items()
            if not name.endswith("num_batches_tracked")}


def write_tensors(path, tensors):
    with open(path, "wb") as file:
        for name, t in tensors.items():
            t = np.ascontiguousarray(t, dtype=np.float64)
            file.write(struct.pack("<i", len(name)) + name.encode() + struct.pack("<q", t.size))
            file.write(t.tobytes())


def read_tensors(path):
    tensors = {}
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        (n,) = struct.unpack_from("<i", data, at)
        name = data[at + 4:at + 4 + n].decode()
        (size,) = struct.unpack_from("<q", data, at + 4 + n)
        at += 12 + n
        tensors[name] = np.frombuffer(data, np.float64, size, at)
        at += 8 * size
    return tensors


def run_torch(net, image, label, seed, steps, lr):
    """What the driver writes, from PyTorch; NET is changed."""
    dtype = next(net.parameters()).dtype
    x = torch.tensor(image, dtype=dtype).permute(0, 3, 1, 2).contiguous().requires_grad_(True)
    y = torch.tensor(label)
    s = torch.tensor(seed, dtype=dtype)
    before = {name: t.copy() for name, t in named(net).items()}
    optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9, weight_decay=1e-4)
    out = {}
    for step in range(steps):
        optimizer.zero_grad()
        logits, z = net(x)
        (F.cross_entropy(logits, y) + (z * s).sum()).backward()
        if step == 0:
            out["logits"] = logits.detach().double().numpy()
            out["z"] = z.detach().double().numpy()
            out["grad/image"] = x.grad.permute(0, 2, 3, 1).double().numpy().copy()
            for name, p in net.named_parameters():
                out["grad/" + name] = p.grad.double().numpy().copy()
            for name, t in named(net).items():
                if name.endswith(("running_mean", "running_var")):
                    out["stat/" + name] = (t - 0.9 * before[name]) / 0.1
        optimizer.step()
    for name, t in named(net).items():
        out["after/" + name] = t
    return {name: t.ravel() for name, t in out.items()}, before


def run_driver(driver, backend, net, image, label, seed, width, depth, steps, lr):
    with tempfile.TemporaryDirectory() as folder:
        tensors = named(net)
        tensors.update(image=image, label=label, seed=seed)
        write_tensors(folder + "/in", tensors)
        began = time.time()
        subprocess.run([driver, backend, str(image.shape[1]), str(image.shape[0]), repr(width),
                        repr(depth), str(steps), repr(lr), folder + "/in", folder + "/out"],
                       check=True)
        print("%s: %d steps in %.1f s" % (backend, steps, time.time() - began))
        return read_tensors(folder + "/out")


def make(px, n, width, depth, seed):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    net = Xception(width, depth)
    initialise(net, seed)
    image = rng.standard_normal((n, px, px, 3)).astype(np.float32)
    seeds = rng.standard_normal((n, N_Z)).astype(np.float32)
    return net, image, np.arange(n) % 2, seeds


def distance(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300)


def check_double(driver):
    failed = 0
    for px, n, width, depth in ((67, 4, 0.125, 0.25), (64, 3, 0.0625, 0.0)):
        net, image, label, seed = make(px, n, width, depth, px)
        got = run_driver(driver, "ref", net, image, label, seed, width, depth, 10, 0.05)
        want, before = run_torch(net.double(), image, label, seed, 10, 0.05)
        worst = {}
        if set(want) != set(got):
            print("FAILED: names differ:", sorted(set(want) ^ set(got))[:8])
            failed += 1
        for name in want:
            a, b = got[name], want[name]
            if name.startswith("after/"):
                a, b = a - before[name[6:]].ravel(), b - before[name[6:]].ravel()
            error = distance(a, b)
            kind = name.split("/")[0]
            worst[kind] = max(worst.get(kind, (0.0, "")), (error, name))
            if not error < 1e-9:
                print("FAILED: %s is off by %.3g" % (name, error))
                failed += 1
        print("%d px, width %g, depth %g: %d tensors" % (px, width, depth, len(want)))
        for kind, (error, name) in worst.items():
            print("  %-6s %.3g at most (%s)" % (kind, error, name))
    return failed


def check_single(driver):
    torch.set_num_threads(2)
    px, n, draws = 81, 2, 5
    ours, theirs = {}, {}
    for draw in range(draws):
        net, image, label, seed = make(px, n, 1.0, 1.0, 5 + draw)
        kept = {name: t.clone() for name, t in net.state_dict().items()}
        got = run_driver(driver, "cpu", net, image, label, seed, 1.0, 1.0, 1, 0.05)
        single, _ = run_torch(net, image, label, seed, 1, 0.05)
        net.load_state_dict(kept)
        want, _ = run_torch(net.double(), image, label, seed, 1, 0.05)
        for name in want:
            if not name.startswith("after/"):
                ours.setdefault(name, []).append(distance(got[name], want[name]))
                theirs.setdefault(name, []).append(distance(single[name], want[name]))
    failed, ratios = 0, []
    print("%-44s %12s %12s %7s" % ("median error against double", "ours", "torch f32", "ratio"))
    for name in ours:
        # Below f32's own rounding there is nothing to compare.
        ratio = np.median(np.array(ours[name]) / np.maximum(theirs[name], 6e-8))
        ratios.append(ratio)
        bad = not ratio <= 3.0
        failed += bad
        print("%-44s %12.3g %12.3g %7.2f%s" % (name, np.median(ours[name]),
                                              np.median(theirs[name]), ratio,
                                              "  FAILED" if bad else ""))
    print("%d tensors, ratio %.2f in the median, %.2f at most" %
          (len(ratios), np.median(ratios), max(ratios)))
    return failed


if __name__ == "__main__":
    check = {"double": check_double, "single": check_single}[sys.argv[2]]
    sys.exit(1 if check(sys.argv[1]) else 0)
