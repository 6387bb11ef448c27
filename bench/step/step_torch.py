"""Training steps of a backbone in PyTorch on the CPU, as bench_step.c does them: prints img_per_s.

Xception is the one of models/xception.c (the `legacy_xception` of timm); EfficientNets are those that
tests/models/parity_efficientnet.py compares with. In channels_last, with cross-entropy and SGD with
momentum. Usage: see step_vs_pytorch.py, which runs it.
"""
import argparse
import pathlib
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Separable(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_in, 3, 1, 1, groups=n_in, bias=False)
        self.pointwise = nn.Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.conv1(x))


class Block(nn.Module):
    def __init__(self, n_in, n_out, n_reps, stride, starts_with_relu, grows_first):
        super().__init__()
        widths = [n_out] * n_reps if grows_first else [n_in] * (n_reps - 1) + [n_out]
        rep, last = [], n_in
        for i, width in enumerate(widths):
            if i > 0 or starts_with_relu:
                rep.append(nn.ReLU(inplace=i > 0))
            rep += [Separable(last, width), nn.BatchNorm2d(width)]
            last = width
        if stride != 1:
            rep.append(nn.MaxPool2d(3, stride, 1))
        self.rep = nn.Sequential(*rep)
        self.skip = None
        if n_out != n_in or stride != 1:
            self.skip = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False),
                                      nn.BatchNorm2d(n_out))

    def forward(self, x):
        return self.rep(x) + (x if self.skip is None else self.skip(x))


class Xception(nn.Module):
    def __init__(self, width, depth):
        super().__init__()

        def c(n):
            return max(8, int(n * width / 8 + 0.5) * 8)

        self.conv1 = nn.Conv2d(3, c(32), 3, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(c(32))
        self.conv2 = nn.Conv2d(c(32), c(64), 3, bias=False)
        self.bn2 = nn.BatchNorm2d(c(64))
        blocks = [Block(c(64), c(128), 2, 2, False, True), Block(c(128), c(256), 2, 2, True, True),
                  Block(c(256), c(728), 2, 2, True, True)]
        blocks += [Block(c(728), c(728), 3, 1, True, True) for _ in range(round(8 * depth))]
        blocks += [Block(c(728), c(1024), 2, 2, True, False)]
        self.blocks = nn.Sequential(*blocks)
        self.conv3, self.bn3 = Separable(c(1024), c(1536)), nn.BatchNorm2d(c(1536))
        self.conv4, self.bn4 = Separable(c(1536), c(2048)), nn.BatchNorm2d(c(2048))
        self.fc = nn.Linear(c(2048), 2)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.blocks(x)
        x = F.relu(self.bn3(self.conv3(x)), inplace=True)
        x = F.relu(self.bn4(self.conv4(x)), inplace=True)
        return self.fc(x.mean((2, 3)))


def efficientnet(name, width, depth):
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests/models"))
    from parity_efficientnet import EfficientNet
    net = EfficientNet(name, width, depth)
    net.projector = nn.Identity()  # nobody reads it here
    return net


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="xception")
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--depth", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    is_xception = args.model == "xception"
    net = (Xception(args.width, args.depth) if is_xception else
           efficientnet(args.model, args.width, args.depth))
    model = net.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)
    image = torch.rand(args.batch, 3, args.size, args.size).mul_(2).sub_(1)
    image = image.to(memory_format=torch.channels_last)
    label = torch.arange(args.batch) % 2

    def step():
        optimizer.zero_grad()
        logits = model(image) if is_xception else model(image)[0]
        F.cross_entropy(logits, label).backward()
        optimizer.step()

    step()
    best, start, n_steps, cpu_start = 1e30, time.perf_counter(), 0, time.process_time()
    while time.perf_counter() - start < args.seconds or n_steps < 2:
        began = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - began)
        n_steps += 1
    print(f"version {torch.__version__}")
    print(f"img_per_s {args.batch / best:.3f}")
    print(f"img_per_cpu_s {args.batch * n_steps / (time.process_time() - cpu_start):.3f}")


if __name__ == "__main__":
    main()
