#!/usr/bin/env python3
"""EfficientNet with classifier and projector against PyTorch.

The network is a transcription of timm's EfficientNet B0 and B4, and of their tf_ variants, names of
the state_dict included (but for the classifier, which is fc here), with width and depth as factors.

    parity_efficientnet.py DRIVER double|single|full     (parity.py says what these are; full is
                                     single at B0's 130 and B4's own 380 pixels)
"""
import math
import sys

import torch
from torch import nn
import torch.nn.functional as F

from parity import Projector, check_double, check_single

# expansion, kernel, stride, channels, blocks
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
          (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))
SIZES = {"b0": (1.0, 1.0), "b4": (1.4, 1.8)}


def round_channels(n, width):
    n *= width
    rounded = max(8, int(n + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * n else rounded


class Conv2dSame(nn.Conv2d):
    def forward(self, x):
        pads = []
        for size, k, s in zip(x.shape[-2:], self.kernel_size, self.stride):
            total = max((math.ceil(size / s) - 1) * s + k - size, 0)
            pads = [total // 2, total - total // 2] + pads
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, 1, self.groups)


def conv(same, n_in, n_out, kernel, stride=1, groups=1):
    if same:
        return Conv2dSame(n_in, n_out, kernel, stride, 0, groups=groups, bias=False)
    return nn.Conv2d(n_in, n_out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)


class SqueezeExcite(nn.Module):
    def __init__(self, n, n_hidden):
        super().__init__()
        self.conv_reduce = nn.Conv2d(n, n_hidden, 1)
        self.conv_expand = nn.Conv2d(n_hidden, n, 1)

    def forward(self, x):
        gate = self.conv_expand(F.silu(self.conv_reduce(x.mean((2, 3), keepdim=True))))
        return x * gate.sigmoid()


class DepthwiseSeparable(nn.Module):
    def __init__(self, same, norm, n_in, n_out, kernel, stride):
        super().__init__()
        self.skips = stride == 1 and n_in == n_out
        self.conv_dw = conv(same, n_in, n_in, kernel, stride, n_in)
        self.bn1 = norm(n_in)
        self.se = SqueezeExcite(n_in, round(n_in * 0.25))
        self.conv_pw = conv(same, n_in, n_out, 1)
        self.bn2 = norm(n_out)

    def forward(self, x):
        y = self.se(F.silu(self.bn1(self.conv_dw(x))))
        y = self.bn2(self.conv_pw(y))
        return x + y if self.skips else y


class InvertedResidual(nn.Module):
    def __init__(self, same, norm, n_in, n_out, kernel, stride, expand):
        super().__init__()
        n = n_in * expand
        self.skips = stride == 1 and n_in == n_out
        self.conv_pw = conv(same, n_in, n, 1)
        self.bn1 = norm(n)
        self.conv_dw = conv(same, n, n, kernel, stride, n)
        self.bn2 = norm(n)
        self.se = SqueezeExcite(n, round(n_in * 0.25))
        self.conv_pwl = conv(same, n, n_out, 1)
        self.bn3 = norm(n_out)

    def forward(self, x):
        y = F.silu(self.bn1(self.conv_pw(x)))
        y = self.se(F.silu(self.bn2(self.conv_dw(y))))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.skips else y


class EfficientNet(nn.Module):
    def __init__(self, model, width=1.0, depth=1.0):
        super().__init__()
        same = model.startswith("tf_")
        own_width, own_depth = SIZES[model[-2:]]
        width, depth = width * own_width, depth * own_depth
        norm = lambda n: nn.BatchNorm2d(n, eps=1e-3 if same else 1e-5)
        n = round_channels(32, width)
        self.conv_stem = conv(same, 3, n, 3, 2)
        self.bn1 = norm(n)
        stages = []
        for expand, kernel, stride, n_out, n_blocks in STAGES:
            blocks = []
            for i in range(max(1, math.ceil(n_blocks * depth))):
                args = (same, norm, n, round_channels(n_out, width), kernel, stride if i == 0 else 1)
                blocks.append(DepthwiseSeparable(*args) if expand == 1 else
                              InvertedResidual(*args, expand))
                n = round_channels(n_out, width)
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        n_head = round_channels(1280, width)
        self.conv_head = conv(same, n, n_head, 1)
        self.bn2 = norm(n_head)
        self.fc = nn.Linear(n_head, 2)
        self.projector = Projector(n_head)

    def forward(self, x):
        x = self.blocks(F.silu(self.bn1(self.conv_stem(x))))
        x = F.silu(self.bn2(self.conv_head(x))).mean((2, 3))
        return self.fc(x), self.projector(x)


def make(model, px, width, depth):
    return EfficientNet(model, width, depth)


if __name__ == "__main__":
    driver, failed = sys.argv[1], 0
    if sys.argv[2] == "double":
        failed += check_double(driver, make, "efficientnet_b0", 64, 3, 0.25, 0.5, lr=0.005)
        failed += check_double(driver, make, "efficientnet_b4", 66, 3, 0.125, 0.5, lr=0.01)
        failed += check_double(driver, make, "tf_efficientnet_b0", 67, 3, 0.25, 0.5, lr=0.01)
        failed += check_double(driver, make, "tf_efficientnet_b4", 70, 2, 0.125, 0.25, lr=0.01)
    elif sys.argv[2] == "single":
        failed += check_single(driver, make, "efficientnet_b0", 66, 2, 3, settled=True)
        failed += check_single(driver, make, "tf_efficientnet_b0", 65, 2, 3, settled=True)
        failed += check_single(driver, make, "efficientnet_b4", 66, 2, 3, settled=True)
        failed += check_single(driver, make, "tf_efficientnet_b4", 64, 2, 3, settled=True)
    else:
        failed += check_single(driver, make, "efficientnet_b0", 130, 2, 8, settled=True)
        failed += check_single(driver, make, "efficientnet_b4", 380, 2, 8, settled=True)
    sys.exit(1 if failed else 0)
