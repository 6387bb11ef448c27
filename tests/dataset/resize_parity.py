#!/usr/bin/env python3
"""The evaluation resize against torchvision's antialias=True: one grey level at most."""
import os
import subprocess
import sys

try:
    import numpy as np
    import torch
    from torchvision.transforms.functional import resize
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

driver = os.path.join(os.environ["PR_BUILD"], "tests/dataset/test_pixels")
rng = np.random.default_rng(1)
n_failed = 0
for width, height, out in [(299, 299, 299), (400, 317, 299), (120, 90, 299), (1000, 640, 256),
                           (37, 800, 224), (256, 256, 380), (3, 2, 31)]:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    light = np.stack([x * 2 % 256, y * 3 % 256, (x + y) % 256], axis=-1)
    image = np.clip(light + rng.integers(-40, 40, light.shape), 0, 255).astype(np.uint8)
    ran = subprocess.run([driver, "resize", str(width), str(height), str(out)],
                         input=image.tobytes(), stdout=subprocess.PIPE, check=True)
    ours = np.frombuffer(ran.stdout, np.uint8).reshape(out, out, 3).astype(int)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    theirs = resize(tensor, [out, out], antialias=True).round().clamp(0, 255)
    theirs = theirs[0].permute(1, 2, 0).numpy().astype(int)
    most = int(abs(ours - theirs).max())
    share = float((ours != theirs).mean())
    print(f"{width} x {height} -> {out}: largest difference {most}, {share:.2e} differ")
    n_failed += most > 1
sys.exit(n_failed > 0)
