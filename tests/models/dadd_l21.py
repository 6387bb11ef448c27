#!/usr/bin/env python3
"""The l2,1 norm of DADD's final layer and its gradient against PyTorch, groups of zeros among them.
Usage: dadd_l21.py DRIVER"""
import subprocess
import sys

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

rng = np.random.default_rng(7)
worst = 0.0
for n_private in (1, 3, 16):
    for by_task in (True, False):
        w = rng.normal(size=(2, 9 * n_private))
        w[:, n_private * 2:n_private * 3] = 0  # the third sub-task's group
        w[:, 0] = 0
        words = [str(n_private), str(int(by_task)), "0.3", *(repr(float(v)) for v in w.ravel())]
        out = subprocess.run([sys.argv[1], *words], stdout=subprocess.PIPE, text=True, check=True)
        ours = np.array([float(v) for v in out.stdout.split()])
        t = torch.tensor(w, requires_grad=True)
        groups = t.reshape(2, 9, n_private).permute(1, 0, 2).reshape(9, -1) if by_task else t.T
        value = 0.3 * groups.norm(dim=1).sum()
        value.backward()
        want = np.concatenate([[value.item()], t.grad.numpy().ravel()])
        assert np.isfinite(ours).all(), "the gradient is not finite"
        zero = (t.grad.numpy() == 0).sum()
        assert zero >= 2 * n_private, f"only {zero} gradients are zero"
        worst = max(worst, float(np.linalg.norm(ours - want) / np.linalg.norm(want)))
print(f"l2,1: ||a - b|| / ||b|| = {worst:.1e}")
sys.exit(worst > 1e-12)
