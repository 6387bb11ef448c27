"""Weights at which no ReLU and no max pooling is close to deciding otherwise.

A pre-activation within rounding of zero, or two values within rounding of each other under one window of
a max pooling, may fall on either side in f32. One that does moves every gradient upstream of it by some
4e-3 of itself, where rounding moves it by some 5e-6: over draws of Xception at 81 pixels the error of a
program in f32 is whether one flipped, which is chance in both (of 32 draws, 29 flips in 15 in PyTorch, 35
in 22 here). Programs can be compared where nothing flips, so settle() moves every decision out of the
reach of rounding: by the forward pass in double alone, before either program has seen the weights, and
alike for both. A program whose forward errors are several times PyTorch's still flips some, and is found
by it.
"""
import copy

import torch
from torch import nn
import torch.nn.functional as F

# Of the root mean square of a map: 3.5 times the largest error of a single element in f32 in either program
# at Xception's last ReLU (5.8e-5 here and 5.7e-5 in PyTorch at 81 pixels), and more at all before.
MARGIN = 2e-4
MOST_PASSES = 6


class Settler:
    """Sees the decisions of a network in double while it runs, and moves those that are too close."""

    def __init__(self, net, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.relu, self.max_pool2d = F.relu, F.max_pool2d
        self.biased = self.conv = self.norm = self.seen = None
        self.n_biases = self.n_rows = 0
        for name, module in net.named_modules():
            # What the norm of a skip gives is added to what the norm before the ReLU gave.
            if isinstance(module, (nn.BatchNorm2d, nn.Linear)) and "skip" not in name:
                module.register_forward_hook(self.see_biased)
            elif isinstance(module, nn.Conv2d) and "skip" not in name:
                module.register_forward_hook(self.see_conv)

    def see_biased(self, module, inputs, output):
        self.biased = module
        self.norm = module

    def see_conv(self, module, inputs, output):
        self.conv, self.seen = module, inputs[0]

    def settled_relu(self, x, inplace=False):
        """Where a channel has a value near zero, its bias moves the nearest gap between its values there."""
        margin = MARGIN * x.square().mean().sqrt()
        with torch.no_grad():
            close = (x.abs() < margin).transpose(0, 1).flatten(1).any(1)
            for c in close.nonzero().flatten().tolist():
                values = x[:, c].flatten().sort()[0]
                values = torch.cat([values[:1] - 4 * margin, values, values[-1:] + 4 * margin])
                middles = (values[1:] + values[:-1]) / 2
                middles = middles[values.diff() > 2.1 * margin]
                bias = self.biased.bias
                moved = (bias[c] - middles[middles.abs().argmin()]).float().double()
                x[:, c] += moved - bias[c]
                bias[c] = moved
                self.n_biases += 1
        return self.relu(x)

    def settled_max_pool2d(self, x, size, stride, padding, *args, **kwargs):
        """A channel with two values near a window's largest gets a new filter, until it has none."""
        margin = MARGIN * x.square().mean().sqrt()
        with torch.no_grad():
            close = self.crowded(x, size, stride, padding, margin)
            for c in close.nonzero().flatten().tolist():
                one = x[:, c:c + 1]
                while self.crowded(one, size, stride, padding, margin).any():
                    one.copy_(self.new_channel(c))
                    self.n_rows += 1
        return self.max_pool2d(x, size, stride, padding, *args, **kwargs)

    def crowded(self, x, size, stride, padding, margin):
        """The channels where a second value of a window is within MARGIN of its largest."""
        most = self.max_pool2d(x, size, stride, padding)
        padded = F.pad(x, (padding,) * 4, value=-float("inf"))
        n_near = torch.zeros_like(most, dtype=torch.int8)
        height, width = ((n - 1) * stride + 1 for n in most.shape[2:])
        for top in range(size):
            for left in range(size):
                part = padded[:, :, top:top + height:stride, left:left + width:stride]
                n_near += part >= most - margin
        return (n_near > 1).transpose(0, 1).flatten(1).any(1)

    def new_channel(self, c):
        """Draws the filter of channel C of the last convolution, 1x1, anew; gives what its norm makes."""
        row = self.conv.weight[c]
        std = row.square().mean().sqrt()
        row.copy_((torch.randn(row.shape, generator=self.generator) * std).double())
        x = torch.einsum("nkyx,k->nyx", self.seen, row.flatten()).unsqueeze(1)
        x = (x - x.mean()) / (x.var(unbiased=False) + self.norm.eps).sqrt()
        return x * self.norm.weight[c] + self.norm.bias[c]

    def run(self, net, x):
        """One forward pass; gives how many biases and filters it changed."""
        self.n_biases = self.n_rows = 0
        F.relu, F.max_pool2d = self.settled_relu, self.settled_max_pool2d
        try:
            with torch.no_grad():
                net(x)
        finally:
            F.relu, F.max_pool2d = self.relu, self.max_pool2d
        return self.n_biases, self.n_rows


def settle(net, image, seed):
    """Changes biases and filters of NET, in f32, until none of its decisions on IMAGE is close."""
    double = copy.deepcopy(net).double()
    settler = Settler(double, seed)
    x = torch.tensor(image, dtype=torch.double).permute(0, 3, 1, 2).contiguous()
    n_biases = n_rows = 0
    for _ in range(MOST_PASSES):
        biases, rows = settler.run(double, x)
        if biases + rows == 0:
            break
        n_biases, n_rows = n_biases + biases, n_rows + rows
    else:
        raise RuntimeError("%d passes leave decisions close to the other side" % MOST_PASSES)
    with torch.no_grad():
        for mine, its in zip(net.parameters(), double.parameters()):
            mine.copy_(its)
    print("no decision within %g: %d biases moved, %d filters drawn anew" % (MARGIN, n_biases, n_rows))
