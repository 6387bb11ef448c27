#!/usr/bin/env python3
"""Forged views against a transcription of their definitions in NumPy, in double precision.

The driver gives a view, the crops and landmarks it is made from, and what it drew. Here the draws
come from their own Philox, the mask from half-planes on a 8 x 8 grid in each pixel, X_P from plain
formulas, and the blend from the driver's mask.
"""
import os
import subprocess
import sys

try:
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

DRIVER = os.path.join(os.environ["PR_BUILD"], "tests/dataset/test_addg")
ADDG, XP, FWA, BI = 2, 3, 4, 5
BLUR, SCALE, ISO, ROTATE, SWAP, WARP = range(6)
SEED, EPOCH, GENERATOR = 11, 2, 6
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print("FAILED", text)


def philox(place, numbers):
    """[n, 4] uint32 of the draws NUMBERS of the view's key (Salmon et al. 2011)."""
    n = np.asarray(numbers, np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    c = [n & mask, np.full_like(n, place), np.full_like(n, EPOCH),
         np.full_like(n, GENERATOR << 16)]
    k = [SEED, 0]
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c[0]
        p1 = np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), p1 & mask,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), p0 & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=-1)


def uniform(place, number):
    bits = philox(place, [number])[0]
    return float(int(bits[0] | (bits[1] << np.uint64(32))) >> 11) * 2.0 ** -53


def between(place, number, low, high):
    return low + (high - low) * uniform(place, number)


def run(generator, category, place, deform=0.05, colour=0.0):
    out = subprocess.run([DRIVER, str(generator), str(category), str(place), str(deform),
                          str(colour)], stdout=subprocess.PIPE, check=True).stdout
    head = np.frombuffer(out, "<f8", 14)
    names = ["side", "perturb", "blur", "scale", "shift", "intensity", "angle", "colour",
             "brightness", "align", "masked", "outer", "mask", "sigma"]
    v = dict(zip(names, head))
    side = int(v["side"])
    at = 14
    for name, n in [("matrix", 4), ("move", 2), ("wiggle", 136), ("target", 136), ("donor", 136)]:
        v[name] = np.frombuffer(out, "<f8", n, 8 * at).reshape(-1, 2)
        at += n
    n = int(np.frombuffer(out, "<f8", 1, 8 * at)[0])
    v["landmarks"] = np.frombuffer(out, "<f8", n, 8 * (at + 1)).astype(int)
    at = 8 * (at + 1 + n)
    for name, channels in [("x", 3), ("d", 3), ("out", 3), ("m", 1)]:
        n = side * side * channels
        v[name] = np.frombuffer(out, np.uint8, n, at).reshape(side, side, channels).astype(float)
        at += n
    check(at == len(out), "the driver's output has another length")
    return v


def hull(points):
    """Corners of the convex hull, by gift wrapping."""
    start = min(range(len(points)), key=lambda i: tuple(points[i]))
    corners, here = [], start
    while True:
        corners.append(here)
        best = (here + 1) % len(points)
        for j in range(len(points)):
            a, b = points[best] - points[here], points[j] - points[here]
            turn = a[0] * b[1] - a[1] * b[0]
            if turn < 0 or (turn == 0 and b @ b > a @ a):
                best = j
        here = best
        if here == start:
            return points[corners]


def reflect_blur(image, weights):
    r = len(weights) // 2
    padded = np.pad(image, ((r, r), (r, r), (0, 0)), mode="reflect")
    h, w = image.shape[:2]
    rows = sum(weights[i] * padded[:, i:i + w] for i in range(len(weights)))
    return sum(weights[i] * rows[i:i + h] for i in range(len(weights)))


def gauss(radius, sigma):
    g = np.exp(-np.arange(-radius, radius + 1.0) ** 2 / (2 * sigma * sigma))
    return g / g.sum()


def mask_of(v):
    side = int(v["side"])
    p = v["target"]
    middle = p.mean(axis=0)
    width = np.linalg.norm(p[0] - p[16])
    moved = p + (p - middle) @ v["matrix"].T + (v["move"] + v["wiggle"]) * width
    corners = hull(moved[v["landmarks"]])
    grid = (np.arange(side * 8) + 0.5) / 8 - 0.5
    x, y = np.meshgrid(grid, grid)
    inside = np.ones(x.shape, bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0)):
        inside &= (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0
    m = inside.reshape(side, 8, side, 8).mean(axis=(1, 3))[..., None]
    if v["sigma"] > 0:
        m = reflect_blur(m, gauss(int(np.ceil(3 * v["sigma"])), v["sigma"]))
    return 255 * (1 - m if v["outer"] else m)


def byte(image):
    return np.clip(np.floor(image + 0.5), 0, 255)


def cv_gauss(k):
    return gauss(k // 2, 0.3 * ((k - 1) / 2 - 1) + 0.8)


def area_matrix(span, n):
    low = np.arange(n)[:, None] * span / n
    high = (np.arange(n)[:, None] + 1) * span / n
    j = np.arange(span)[None]
    return np.clip(np.minimum(high, j + 1) - np.maximum(low, j), 0, None) * n / span


def linear_matrix(span, n):
    centre = (np.arange(n) + 0.5) * span / n - 0.5
    w = np.clip(1 - abs(np.arange(span)[None] - centre[:, None]), 0, None)
    return w / w.sum(axis=1, keepdims=True)


def apply(matrix, image):
    return np.einsum("ik,kjc->ijc", matrix, np.einsum("jk,ikc->ijc", matrix, image))


def scaled(v, blur):
    side = int(v["side"])
    n = max(1, int(np.floor(side * v["scale"] + 0.5)))
    small = byte(apply(area_matrix(side, n), v["x"]))
    if blur:
        small = byte(reflect_blur(small, cv_gauss(int(v["blur"]))))
    return byte(apply(linear_matrix(n, side), small))


def sample(image, x, y):
    """Bilinear; the image goes on mirrored."""
    side = image.shape[0]
    period = 2 * (side - 1)

    def mirror(i):
        i = np.mod(i, period)
        return np.where(i < side, i, period - i).astype(int)

    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    top = image[mirror(y0), mirror(x0)] * (1 - fx) + image[mirror(y0), mirror(x0 + 1)] * fx
    low = image[mirror(y0 + 1), mirror(x0)] * (1 - fx) + image[mirror(y0 + 1), mirror(x0 + 1)] * fx
    return byte(top * (1 - fy) + low * fy)


def rotated(v):
    side = int(v["side"])
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    m = v["target"].mean(axis=0)
    c, s = np.cos(v["angle"]), np.sin(v["angle"])
    return sample(v["x"], m[0] + c * (x - m[0]) - s * (y - m[1]),
                  m[1] + s * (x - m[0]) + c * (y - m[1]))


def swapped(v):
    side = int(v["side"])
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    # The similarity (a, b, tx, ty) that takes the target's landmarks to the donor's, by lstsq.
    p, q = v["target"], v["donor"]
    rows = np.zeros((2 * len(p), 4))
    rows[0::2] = np.stack([p[:, 0], -p[:, 1], np.ones(len(p)), np.zeros(len(p))], axis=1)
    rows[1::2] = np.stack([p[:, 1], p[:, 0], np.zeros(len(p)), np.ones(len(p))], axis=1)
    a, b, tx, ty = np.linalg.lstsq(rows, q.reshape(-1), rcond=None)[0]
    out = sample(v["d"], a * x - b * y + tx, b * x + a * y + ty)
    if v["colour"] > 0:
        to = np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]])
        w = v["m"] / v["m"].sum()
        moments = []
        for image in (v["x"], out):
            opponent = image @ to.T
            mean = (w * opponent).sum(axis=(0, 1))
            moments.append((mean, np.sqrt((w * (opponent - mean) ** 2).sum(axis=(0, 1)))))
        (m_to, d_to), (m_from, d_from) = moments
        ratio = np.clip((d_to + 1) / (d_from + 1), 0.5, 2)
        scale = 1 + v["colour"] * (ratio - 1)
        shift = m_from * (1 - scale) + v["colour"] * (m_to - m_from)
        out = byte((out @ to.T * scale + shift) @ to)
    return out


def noisy(v, place):
    """Albumentations' iso_noise, with our draws in the place of its."""
    rgb = v["x"].reshape(-1, 3) / 255
    n = len(rgb)
    high, low = rgb.max(axis=1), rgb.min(axis=1)
    spread, light = high - low, (high + low) / 2
    r, g, b = rgb.T
    with np.errstate(all="ignore"):
        saturation = np.where(light < 0.5, spread / (high + low), spread / (2 - high - low))
        hue = np.select([high == r, high == g], [60 * (g - b) / spread,
                                                 120 + 60 * (b - r) / spread],
                        240 + 60 * (r - g) / spread)
    saturation = np.where(spread > 0, saturation, 0)
    hue = np.where(spread > 0, hue, 0) % 360
    bits = philox(place, 65536 + np.arange((n + 1) // 2)).astype(float) / 2.0 ** 32
    mean = 255 * v["intensity"] * light.std()
    table = np.cumsum([np.exp(-mean)] + [0.0] * 1023)
    p = np.exp(-mean)
    for k in range(1, 1024):
        p *= mean / k
        table[k] = table[k - 1] + p
    u = bits[:, :2].reshape(-1)[:n]
    grains = np.searchsorted(table, u, side="right")
    radius = 360 * v["shift"] * v["intensity"] * np.sqrt(-2 * np.log(bits[:, 2] + 2.0 ** -32))
    angle = 2 * np.pi * bits[:, 3]
    normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:n]
    hue = (hue + normal) % 360
    light = light + grains / 255 * (1 - light)
    q = np.where(light <= 0.5, light * (1 + saturation), light + saturation - light * saturation)
    low = 2 * light - q
    out = []
    for turn in (2, 0, -2):
        t = (hue / 60 + turn) % 6
        out.append(np.select([t < 1, t < 3, t < 4], [low + (q - low) * t, q,
                                                     low + (q - low) * (4 - t)], low))
    return byte(255 * np.stack(out, axis=1)).reshape(v["x"].shape), grains, mean


def check_draws(v, generator, category, place, deform):
    if v["perturb"] == BLUR:
        check(v["blur"] == 3 + 2 * int(uniform(place, 16) * 4), "k of the blur")
    if v["perturb"] == SCALE:
        check(v["scale"] == between(place, 17, 0.25, 0.75), "scale")
    if v["perturb"] == ISO:
        check(v["shift"] == between(place, 18, 0.01, 0.05), "shift")
        check(v["intensity"] == between(place, 19, 0.1, 0.5), "intensity")
    if v["perturb"] == ROTATE:
        sign = 1 if uniform(place, 21) >= 0.5 else -1
        want = sign * np.deg2rad(between(place, 20, 2, 10))
        check(abs(v["angle"] - want) < 1e-15, "angle")
    if generator in (ADDG, XP):
        check(v["mask"] == int(uniform(place, 22) * 5), "mask")
        check((v["sigma"] > 0) == (uniform(place, 23) < 0.5), "soft")
    if v["sigma"] > 0:
        check(v["sigma"] == between(place, 24, 2, 7), "sigma")
    for i in range(4):
        want = between(place, 32 + i, -deform / 2, deform / 2)
        check(abs(v["matrix"].reshape(-1)[i] - want) < 1e-16, "matrix")
    for i in range(136):
        want = between(place, 64 + i, -deform / 4, deform / 4)
        check(abs(v["wiggle"].reshape(-1)[i] - want) < 1e-16, "wiggle")


def check_view(generator, category, place, deform=0.05, colour=0.0):
    v = run(generator, category, place, deform, colour)
    name = f"generator {generator} category {category} place {place}"
    check_draws(v, generator, category, place, deform)
    mask = mask_of(v)
    if v["masked"]:
        off = np.linalg.norm(v["m"] - mask) / np.linalg.norm(mask)
        check(off < 0.02, f"{name}: the mask differs by {off:.4f}")
        most = abs(v["m"] - mask).max()
        check(most < (4 if v["sigma"] > 0 else 45), f"{name}: a mask pixel differs by {most:.1f}")
    else:
        check(not v["m"].any(), f"{name}: X_P has a mask")
        v["m"] = np.full_like(v["m"], 255) if not v["colour"] else mask
    kind = v["perturb"]
    if kind == BLUR:
        xp = byte(reflect_blur(v["x"], cv_gauss(int(v["blur"]))))
    elif kind == SCALE:
        xp = scaled(v, False)
    elif kind == WARP:
        xp = scaled(v, True)
    elif kind == ISO:
        xp, grains, mean = noisy(v, place)
        check(abs(grains.mean() / mean - 1) < 0.01, f"{name}: {grains.mean()} grains, want {mean}")
        check(abs(grains.var() / mean - 1) < 0.03, f"{name}: variance {grains.var()}, want {mean}")
    elif kind == ROTATE:
        xp = rotated(v)
    else:
        xp = swapped(v)
    m = v["m"] if v["masked"] else np.full_like(v["m"], 255)
    want = byte((xp * m + v["x"] * (255 - m)) / 255)
    if v["brightness"] != 1:
        check(v["brightness"] == between(place, 25, 0.8, 1.2), "brightness")
        want = byte(v["brightness"] * want)
    most = abs(v["out"] - want).max()
    off = np.linalg.norm(v["out"] - want) / np.linalg.norm(want)
    check(most <= 2 and off < 1e-3, f"{name}: differs by up to {most:.0f} levels, {off:.2e}")
    return most, off


worst = (0, 0)
n_views = 0
for category in range(1, 10):
    for place in (3, 14, 15, 92):
        worst = max(worst, check_view(ADDG, category, place))
        n_views += 1
    worst = max(worst, check_view(XP, category, 65))
    worst = max(worst, check_view(ADDG, category, 35, deform=0.0))
    n_views += 2
for place in range(4):
    worst = max(worst, check_view(FWA, 0, place), check_view(BI, 0, place),
                check_view(ADDG, 8, place, colour=0.7))
    n_views += 3
print(f"{n_views} views: at most {worst[0]:.0f} grey levels, ||a - b|| / ||b|| = {worst[1]:.1e} off")
sys.exit(len(failures) > 0)
