#!/usr/bin/env python3
"""Meso-4 and MesoInception-4 with classifier and projector against PyTorch.

The networks are transcriptions of DeepfakeBench's (names of the state_dict included, but for the
last layer, which is fc here) and, as the _keras ones, of the authors' original.

    parity_mesonet.py DRIVER double|single     (parity.py says what these are)
"""
import sys

import torch
from torch import nn
import torch.nn.functional as F

from parity import Projector, check_double, check_single


class Meso(nn.Module):
    def __init__(self, model, px):
        super().__init__()
        self.keras = model.endswith("_keras")
        eps = 1e-3 if self.keras else 1e-5
        inception = "inception" in model
        n = 3
        if inception:
            for name, widths in (("Incption1", (1, 4, 4, 2)), ("Incption2", (2, 4, 4, 2))):
                self.add_conv(name + "_conv1", n, widths[0], 1)
                for way in (1, 2, 3):
                    self.add_conv("%s_conv%d_1" % (name, way + 1), n, widths[way], 1)
                    self.add_conv("%s_conv%d_2" % (name, way + 1), widths[way], widths[way], 3, way)
                n = sum(widths)
                setattr(self, name + "_bn", nn.BatchNorm2d(n, eps=eps))
            plan = ((16, 5, "bn1", 2), (16, 5, "bn2" if self.keras else "bn1", 4))
        else:
            names = ("bn1", "bn2", "bn3", "bn4") if self.keras else ("bn1", "bn1", "bn2", "bn2")
            plan = tuple(zip((8, 8, 16, 16), (3, 5, 5, 5), names, (2, 2, 2, 4)))
        self.plan = []
        for i, (n_out, kernel, norm, pool) in enumerate(plan):
            self.add_conv("conv%d" % (i + 1), n, n_out, kernel)
            if not hasattr(self, norm):
                setattr(self, norm, nn.BatchNorm2d(n_out, eps=eps))
            self.plan.append(("conv%d" % (i + 1), norm, pool))
            n = n_out
        self.inceptions = ("Incption1", "Incption2") if inception else ()
        self.fc1 = nn.Linear(16 * (px // 32) ** 2, 16)
        self.fc = nn.Linear(16, 2)
        self.projector = Projector(16)

    def add_conv(self, name, n_in, n_out, kernel, dilation=1):
        setattr(self, name, nn.Conv2d(n_in, n_out, kernel, 1, (kernel - 1) // 2 * dilation, dilation,
                                      bias=self.keras))

    def conv(self, name, x):
        x = getattr(self, name)(x)
        return F.relu(x) if self.keras else x

    def forward(self, x):
        for name in self.inceptions:
            ways = [self.conv(name + "_conv1", x)]
            for way in (2, 3, 4):
                inner = self.conv("%s_conv%d_1" % (name, way), x)
                ways.append(self.conv("%s_conv%d_2" % (name, way), inner))
            x = F.max_pool2d(getattr(self, name + "_bn")(torch.cat(ways, 1)), 2)
        for conv, norm, pool in self.plan:
            x = F.max_pool2d(getattr(self, norm)(F.relu(getattr(self, conv)(x))), pool)
        if self.keras:
            x = x.permute(0, 2, 3, 1)
        x = F.leaky_relu(self.fc1(x.flatten(1)), 0.1)
        return self.fc(x), self.projector(x)


def make(model, px, width, depth):
    return Meso(model, px)


if __name__ == "__main__":
    driver, failed = sys.argv[1], 0
    for name in ("meso4", "meso_inception4", "meso4_keras", "meso_inception4_keras"):
        if sys.argv[2] == "double":
            failed += check_double(driver, make, name, 64, 3, lr=0.01)
        else:
            failed += check_single(driver, make, name, 256, 4, 5)
    sys.exit(1 if failed else 0)
