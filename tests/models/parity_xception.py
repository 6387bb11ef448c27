#!/usr/bin/env python3
"""Xception with classifier and projector against PyTorch.

The network is a transcription of the Xception that FaceForensics++ and Cadene's pretrained models
use (names of its state_dict included), with width and depth as factors.

    parity_xception.py DRIVER double|single     (parity.py says what these are)
"""
import sys

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from parity import Projector, check_double, check_single


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


def make(model, px, width, depth):
    return Xception(width, depth)


if __name__ == "__main__":
    driver = sys.argv[1]
    if sys.argv[2] == "double":
        failed = check_double(driver, make, "xception", 67, 4, 0.125, 0.25)
        failed += check_double(driver, make, "xception", 64, 3, 0.0625, 0.0)
    else:
        failed = check_single(driver, make, "xception", 81, 2, 10, settled=True)
    sys.exit(1 if failed else 0)
