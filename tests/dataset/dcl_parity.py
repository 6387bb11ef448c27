#!/usr/bin/env python3
"""DCL's views against NumPy and PyTorch, each written from its definition."""
import os
import subprocess
import sys

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

driver = os.path.join(os.environ["PR_BUILD"], "tests/dataset/test_dcl")
rng = np.random.default_rng(2)
failed = []
torch.set_num_threads(1)


def run(dtype, data, *arguments):
    ran = subprocess.run([driver, *map(str, arguments)], input=data, stdout=subprocess.PIPE,
                         check=True)
    return np.frombuffer(ran.stdout, dtype)


def check(what, error, bound):
    print(f"{what}: {error:.3g} (at most {bound:.3g})")
    if not error <= bound:
        failed.append(what)


def picture(width, height):
    """Smooth light with noise, as bytes."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    light = np.stack([x * 2 % 256, y * 3 % 256, (x + 2 * y) % 256], axis=-1)
    return np.clip(light + rng.integers(-40, 40, light.shape), 0, 255).astype(np.uint8)


def levels(a, b):
    return int(abs(a.astype(int) - b.astype(int)).max())


def patch_stay(px, k, order):
    """Whole tiles of floor(px / k) pixels; what is beyond them stays."""
    side = px // k
    index = np.arange(px * px).reshape(px, px)
    out = index.copy()
    for t, taken in enumerate(order):
        y, x, v, u = t // k * side, t % k * side, taken // k * side, taken % k * side
        out[y:y + side, x:x + side] = index[v:v + side, u:u + side]
    return out


def patch(px, k, order):
    """Tiles of equal size change places whole; what is left is filled in order."""
    cut = [i * px // k for i in range(k + 1)]
    index = np.arange(px * px).reshape(px, px)
    tile = [(slice(cut[t // k], cut[t // k + 1]), slice(cut[t % k], cut[t % k + 1]))
            for t in range(k * k)]
    out = np.full((px, px), -1)
    spare = []
    for t in range(k * k):
        taken = index[tile[order[t]]]
        place = out[tile[t]]
        h, w = min(taken.shape[0], place.shape[0]), min(taken.shape[1], place.shape[1])
        place[:h, :w] = taken[:h, :w]
        left = np.ones(taken.shape, bool)
        left[:h, :w] = False
        spare += list(taken[left])
    out[out < 0] = spare
    return out


def srm(image):
    kernels = np.zeros((3, 5, 5), np.float32)
    kernels[0, 2, 1:4] = np.float32([1, -2, 1]) / 2
    kernels[1, 1:4, 1:4] = np.float32([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4
    kernels[2] = np.float32([[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2],
                             [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]) / 12
    weight = torch.from_numpy(np.repeat(kernels[:, None], 3, axis=1))
    x = torch.from_numpy(image).permute(2, 0, 1)[None]
    return (x + torch.nn.functional.conv2d(x, weight, padding=2))[0].permute(1, 2, 0).numpy()


def shifted(mask, reduce, outside):
    padded = np.pad(mask, 1, constant_values=outside)
    h, w = mask.shape
    return reduce([padded[j:j + h, i:i + w] for j in range(3) for i in range(3)], axis=0)


def difference(fake, real, threshold):
    mask = abs(fake.astype(float) - real.astype(float)).mean(axis=-1) / 255 > threshold + 1e-12
    return 255 * shifted(shifted(mask, np.min, True), np.max, False).astype(np.uint8)


def rotate(image, angle):
    h, w = image.shape[:2]
    x, y = np.meshgrid(np.arange(w) - (w - 1) / 2, np.arange(h) - (h - 1) / 2)
    at_x = np.cos(angle) * x - np.sin(angle) * y + (w - 1) / 2
    at_y = np.sin(angle) * x + np.cos(angle) * y + (h - 1) / 2
    pad = max(h, w)
    padded = np.pad(image.astype(float), ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    x0, y0 = np.floor(at_x).astype(int), np.floor(at_y).astype(int)
    fx, fy = (at_x - x0)[..., None], (at_y - y0)[..., None]
    at = lambda j, i: padded[y0 + pad + j, x0 + pad + i]
    out = (1 - fy) * ((1 - fx) * at(0, 0) + fx * at(0, 1)) \
        + fy * ((1 - fx) * at(1, 0) + fx * at(1, 1))
    return np.floor(out + 0.5).astype(np.uint8)


def fancy_pca(image, weights):
    flat = image.reshape(-1, 3).astype(float) / 255
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    values, vectors = values[::-1], vectors[:, ::-1]
    vectors = vectors * np.sign(vectors[abs(vectors).argmax(axis=0), range(3)])
    add = vectors @ (np.array(weights) * values)
    return np.clip(np.floor(image + 255 * add + 0.5), 0, 255).astype(np.uint8)


def hsv(image, hue, saturation, value):
    import colorsys
    out = np.empty_like(image)
    for i, rgb in enumerate(image.reshape(-1, 3) / 255.0):
        h, s, v = colorsys.rgb_to_hsv(*rgb)
        shifted_back = colorsys.hsv_to_rgb((h + hue) % 1, min(1, max(0, s + saturation)),
                                           min(1, max(0, v + value)))
        out.reshape(-1, 3)[i] = np.floor(255 * np.array(shifted_back) + 0.5)
    return out


for px, k in [(299, 3), (300, 3), (64, 4), (7, 5), (10, 2)]:
    order = rng.permutation(k * k).astype(np.int64)
    stays = run(np.int32, order.tobytes(), "patch", px, k, 1).reshape(px, px)
    check(f"RandomPatch {px} px, {k} x {k} and an edge that stays: pixels elsewhere",
          int((stays != patch_stay(px, k, order)).sum()), 0)
    ours = run(np.int32, order.tobytes(), "patch", px, k, 0).reshape(px, px)
    check(f"RandomPatch {px} px, {k} x {k}: pixels elsewhere", int((ours != patch(px, k, order)).sum()), 0)
    check("    pixels missing", px * px - len(np.unique(ours)), 0)

for px in [5, 64, 299]:
    image = rng.uniform(-1, 1, (px, px, 3)).astype(np.float32)
    ours = run(np.float32, image.tobytes(), "srm", px).reshape(px, px, 3)
    # The weights of the largest filter sum to 96 / 12 in size, over three channels in [-1, 1].
    check(f"SRM {px} px", float(abs(ours - srm(image)).max()), 24 * 2.0 ** -23 * 4)

for width, height in [(64, 48), (299, 299), (3, 3), (1, 7)]:
    real = picture(width, height)
    fake = real.copy()
    fake[height // 4:height * 3 // 4, width // 3:] ^= 0x60
    fake = np.clip(fake + rng.integers(-30, 30, fake.shape), 0, 255).astype(np.uint8)
    both = fake.tobytes() + real.tobytes()
    for threshold in [0.0, 0.1, 0.3]:
        ours = run(np.uint8, both, "mask", width, height, threshold).reshape(height, width)
        want = difference(fake, real, threshold)
        check(f"mask {width} x {height} above {threshold} ({(want > 0).mean():.2f} forged)",
              levels(ours, want), 0)
    for share in [0.5, 0.7071, 1.0]:
        ours = run(np.uint8, both, "mixup", width, height, share)
        want = share * fake.astype(float) + (1 - share) * real.astype(float)
        # Half a level for the rounding, 255 / 131072 for the steps of the share.
        check(f"mix-up {width} x {height}, {share}", float(abs(ours - want.ravel()).max()), 0.502)

for width, height in [(64, 48), (101, 77)]:
    image = picture(width, height)
    for angle in [0.0, 0.3, -0.5236, 1.9]:
        ours = run(np.uint8, image.tobytes(), "rotate", width, height, angle)
        check(f"rotation by {angle}", levels(ours, rotate(image, angle).ravel()), 1)
    ours = run(np.uint8, image.tobytes(), "linear", width, height, 0.13, -0.2)
    want = np.clip(np.floor(image * 0.8 + 255 * 0.13 + 0.5), 0, 255)
    check("brightness and contrast", levels(ours, want.ravel()), 0)
    weights = [0.3, -0.2, 0.5]
    ours = run(np.uint8, image.tobytes(), "pca", width, height, *weights)
    check("principal components", levels(ours, fancy_pca(image, weights).ravel()), 0)
    check("    and they move something", 1.0 - float((ours != image.ravel()).mean()), 0.5)
    image[:9, :9] = image[:9, :9, :1]  # grey pixels
    image[0, 0] = 0
    for change in [(0.1, 0.1, -0.05), (-0.11, -0.1, 0.07), (0.0, 0.0, 0.0)]:
        ours = run(np.uint8, image.tobytes(), "hsv", width, height, *change)
        check(f"HSV {change}", levels(ours, hsv(image, *change).ravel()), 1)

print("failed:", failed)
sys.exit(len(failed) > 0)
