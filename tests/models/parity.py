"""What the parity scripts of models share: a network and classifier and projector in PyTorch and in
the driver, from the same numbers.

A script gives make(name, width, depth) -> network, whose forward gives logits and embeddings and
whose tensors have the driver's names.

    double   logits, embeddings, every gradient, statistics, the change of every tensor over ten
             steps of SGD, and logits of evaluation after them, in double: < 1e-9
    single   f32 on the cpu backend: each tensor's error against PyTorch in double is at most 3 times
             that of PyTorch in f32, both as the root mean square over draws of weights and images. It
             is a sum of many roundings, so that the mean square is what settles soonest, for a tensor
             of two numbers too. A decision that rounds to the other side is no such sum: SETTLED says
             to draw weights without close ones (decisions.py). Meso's maps are so large, and its
             layers so few, that only some draws have one: there the median over draws is judged
"""
import subprocess
import struct
import tempfile
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from decisions import settle

N_Z = 16


class Projector(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.fc1 = nn.Linear(n_features, n_features)
        self.fc2 = nn.Linear(n_features, N_Z)

    def forward(self, x):
        return F.normalize(self.fc2(F.relu(self.fc1(x))), dim=1)


def initialise(net, seed):
    """Fan-out normal for convolutions; norms and biases away from one and zero; f32 values."""
    g = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            std = (2 / fan_out * module.groups) ** 0.5
            module.weight.data = torch.randn(module.weight.shape, generator=g) * std
            if module.bias is not None:
                module.bias.data = 0.2 * torch.randn(module.bias.shape, generator=g)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data = 1 + 0.2 * torch.randn(module.weight.shape, generator=g)
            module.bias.data = 0.2 * torch.randn(module.bias.shape, generator=g)
            module.running_mean = 0.2 * torch.randn(module.bias.shape, generator=g)
            module.running_var = 1 + 0.5 * torch.rand(module.bias.shape, generator=g)


def named(net):
    """Parameters and buffers as the driver names them, in double."""
    return {name: t.detach().double().numpy().copy() for name, t in net.state_dict().items()
            if not name.endswith("num_batches_tracked")}


class Statistics:
    """The statistics of a step: of a batch norm that several layers share, the mean over its uses,
    where PyTorch would update the running ones once for each."""

    def __init__(self, net):
        self.seen = {}
        for name, module in net.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.0
                module.register_forward_pre_hook(self.hook(name))
        self.norms = {name: m for name, m in net.named_modules() if isinstance(m, nn.BatchNorm2d)}

    def hook(self, name):
        def keep(module, inputs):
            if module.training:
                x = inputs[0].detach().transpose(0, 1).flatten(1)
                self.seen.setdefault(name, []).append((x.mean(1), x.var(1)))
        return keep

    def take(self):
        means = {}
        for name, seen in self.seen.items():
            mean = torch.stack([s[0] for s in seen]).mean(0)
            var = torch.stack([s[1] for s in seen]).mean(0)
            norm = self.norms[name]
            norm.running_mean.mul_(0.9).add_(0.1 * mean)
            norm.running_var.mul_(0.9).add_(0.1 * var)
            means["stat/" + name + ".running_mean"] = mean.double().numpy()
            means["stat/" + name + ".running_var"] = var.double().numpy()
        self.seen = {}
        return means


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
    statistics = Statistics(net)
    out = {}
    for step in range(steps):
        optimizer.zero_grad()
        logits, z = net(x)
        (F.cross_entropy(logits, y) + (z * s).sum()).backward()
        means = statistics.take()
        if step == 0:
            out.update(means)
            out["logits"] = logits.detach().double().numpy()
            out["z"] = z.detach().double().numpy()
            out["grad/image"] = x.grad.permute(0, 2, 3, 1).double().numpy().copy()
            for name, p in net.named_parameters():
                out["grad/" + name] = p.grad.double().numpy().copy()
        optimizer.step()
    for name, t in named(net).items():
        out["after/" + name] = t
    net.eval()
    with torch.no_grad():
        out["eval/logits"] = net(x)[0].double().numpy()
    net.train()
    return {name: t.ravel() for name, t in out.items()}, before


def run_driver(driver, model, backend, net, image, label, seed, width, depth, steps, lr):
    with tempfile.TemporaryDirectory() as folder:
        tensors = named(net)
        tensors.update(image=image, label=label, seed=seed)
        write_tensors(folder + "/in", tensors)
        began = time.time()
        subprocess.run([driver, model, backend, str(image.shape[1]), str(image.shape[0]),
                        repr(width), repr(depth), str(steps), repr(lr), folder + "/in",
                        folder + "/out"], check=True)
        print("%s on %s: %d steps in %.1f s" % (model, backend, steps, time.time() - began))
        return read_tensors(folder + "/out")


def numbers(make, model, px, n, width, depth, seed):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    net = make(model, px, width, depth)
    initialise(net, seed)
    image = rng.standard_normal((n, px, px, 3)).astype(np.float32)
    seeds = rng.standard_normal((n, N_Z)).astype(np.float32)
    return net, image, np.arange(n) % 2, seeds


def kind_of(name):
    return name.split("/")[0]


def largest_norms(tensors):
    largest = {}
    for name, t in tensors.items():
        largest[kind_of(name)] = max(largest.get(kind_of(name), 0.0), np.linalg.norm(t))
    return largest


def distance(a, b, largest):
    """Relative to B, or to a hundred-thousandth of the largest tensor of its kind: a bias that the next
    batch norm takes away again has a gradient of rounding errors only."""
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-5 * largest, 1e-300)


def check_double(driver, make, model, px, n, width=1.0, depth=1.0, lr=0.05):
    net, image, label, seed = numbers(make, model, px, n, width, depth, px)
    got = run_driver(driver, model, "ref", net, image, label, seed, width, depth, 10, lr)
    want, before = run_torch(net.double(), image, label, seed, 10, lr)
    failed, worst, largest = 0, {}, largest_norms(want)
    if set(want) != set(got):
        print("FAILED: names differ:", sorted(set(want) ^ set(got))[:8])
        return 1
    for name in want:
        a, b = got[name], want[name]
        if name.startswith("after/"):
            a, b = a - before[name[6:]].ravel(), b - before[name[6:]].ravel()
        kind = kind_of(name)
        error = distance(a, b, largest[kind])
        worst[kind] = max(worst.get(kind, (0.0, "")), (error, name))
        if not error < 1e-9:
            print("FAILED: %s is off by %.3g" % (name, error))
            failed += 1
    print("%s, %d px, width %g, depth %g: %d tensors" % (model, px, width, depth, len(want)))
    for kind, (error, name) in worst.items():
        print("  %-6s %.3g at most (%s)" % (kind, error, name))
    return failed


def single_draw(driver, make, model, px, n, draw, settled):
    """The errors against double of every tensor in one draw: ours, and those of PyTorch in f32."""
    torch.set_num_threads(1)
    net, image, label, seed = numbers(make, model, px, n, 1.0, 1.0, 5 + draw)
    if settled:
        settle(net, image, 5 + draw)
    kept = {name: t.clone() for name, t in net.state_dict().items()}
    got = run_driver(driver, model, "cpu", net, image, label, seed, 1.0, 1.0, 1, 0.05)
    # With two threads PyTorch sums in more parts, a third more exactly; double needs no threads.
    torch.set_num_threads(2)
    single, _ = run_torch(net, image, label, seed, 1, 0.05)
    torch.set_num_threads(1)
    net = make(model, px, 1.0, 1.0)
    net.load_state_dict(kept)
    want, _ = run_torch(net.double(), image, label, seed, 1, 0.05)
    largest = largest_norms(want)
    names = [name for name in want if not name.startswith(("after/", "eval/"))]
    return tuple({name: distance(of[name], want[name], largest[kind_of(name)]) for name in names}
                 for of in (got, single))


def check_single(driver, make, model, px, n, draws, settled=False):
    errors = [single_draw(driver, make, model, px, n, i, settled) for i in range(draws)]
    ours, theirs = ({name: [e[who][name] for e in errors] for name in errors[0][0]}
                    for who in (0, 1))
    return judge("%s, %d px, %d draws" % (model, px, draws), ours, theirs,
                 root_mean_square if settled else np.median)


def judge(title, ours, theirs, typical):
    """Prints the errors of every tensor side by side; gives how many of ours are over the bound."""
    print("%-44s %12s %12s %7s  %s" % ("error against double", "ours", "torch f32", "ratio",
                                      "ratio in each draw"))
    rows, failed = [], 0
    for name in ours:
        # Below f32's own rounding there is nothing to compare.
        mine, its = np.array(ours[name]), np.maximum(theirs[name], 6e-8)
        rows.append((typical(mine), typical(its)))
        ratio = rows[-1][0] / rows[-1][1]
        holds = ratio <= 3.0
        failed += not holds
        print("%-44s %12.3g %12.3g %7.2f  %s%s" % (name, *rows[-1], ratio,
                                                   " ".join("%.2g" % r for r in mine / its),
                                                   "" if holds else "  FAILED"))
    errors = np.array(rows)
    ratios = errors[:, 0] / errors[:, 1]
    most = int(np.argmax(ratios))
    print("%s: %d tensors, ours %.2g and torch's %.2g in the median (outputs: %.2g "
          "and %.2g), ratio %.2f in the median, %.2f at most (%s), %d over" %
          (title, len(ratios), *np.median(errors, 0),
           typical(ours["logits"]), typical(theirs["logits"]), np.median(ratios),
           ratios[most], list(ours)[most], failed), flush=True)
    return failed


def root_mean_square(x):
    return np.sqrt(np.mean(np.square(x)))
