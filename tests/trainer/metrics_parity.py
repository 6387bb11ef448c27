"""Every metric against scikit-learn and plain NumPy over random cases with ties, sets of size two,
all tied, and one class only. Usage: metrics_parity.py DRIVER"""
import subprocess
import sys

import numpy as np
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import auc, average_precision_score, roc_auc_score, roc_curve

FPRS = [0.1, 0.05, 0.01, 0.001]
NAN = float("nan")


def make_case(rng, kind):
    n = int(rng.choice([2, 3, 5, 8, 20, 60, 300]))
    if kind == "two":
        n = 2
    grid = int(rng.choice([1, 2, 4, 16, 100000]))
    score = rng.integers(0, grid + 1, n) / grid
    n_videos = int(rng.integers(1, max(2, n // 2) + 1))
    video = rng.integers(0, n_videos, n)
    video_label = rng.integers(0, 2, n_videos)
    if n_videos > 1:
        video_label[:2] = [0, 1]
    if kind == "tied":
        score[:] = 0.5
    if kind == "reals":
        video_label[:] = 0
    if kind == "fakes":
        video_label[:] = 1
    label = video_label[video]
    if kind == "two":
        video, label = np.array([0, 1]), np.array([0, 1])
        n_videos = 2
    # Some signal, so that curves are not all diagonals.
    score = np.where(rng.random(n) < 0.5, score, np.clip(score * 0.5 + label * 0.5, 0, 1))
    video_method = np.where(np.arange(n_videos) % 3 == 0, 7, np.arange(n_videos) % 3 + 20)
    method = np.where(label == 1, video_method[video], 0)
    compat = video // 2
    return dict(score=score, label=label, video=video, method=method, compat=compat,
                threshold=float(rng.choice([0.5, 0.25, 0.7310585786300049])),
                agg=int(rng.integers(0, 4)), topk=int(rng.integers(1, 5)),
                interpolated=int(rng.integers(0, 2)))


def expected_set(score, label, case):
    out = [len(score), int((label == 0).sum()), int((label == 1).sum())]
    pred = score >= case["threshold"]
    acc = np.mean(pred == label) if len(score) else NAN
    acc_real = np.mean(~pred[label == 0]) if out[1] else NAN
    acc_fake = np.mean(pred[label == 1]) if out[2] else NAN
    values = [NAN] * 5
    tprs = [NAN] * 4
    if out[1] and out[2]:
        fpr, tpr, _ = roc_curve(label, score, drop_intermediate=False)
        thin_fpr, thin_tpr, _ = roc_curve(label, score)
        nearest = fpr[np.nanargmin(np.absolute((1 - tpr) - fpr))]
        thinned = thin_fpr[np.nanargmin(np.absolute((1 - thin_tpr) - thin_fpr))]
        crossing = brentq(lambda x: 1.0 - x - interp1d(fpr, tpr)(x), 0.0, 1.0)
        assert abs(auc(fpr, tpr) - roc_auc_score(label, score)) < 1e-12
        values = [roc_auc_score(label, score), average_precision_score(label, score), nearest,
                  thinned, crossing]
        if case["interpolated"]:
            tprs = [np.interp(x, fpr, tpr) for x in FPRS]
        else:
            tprs = [tpr[fpr <= x].max() for x in FPRS]
    values += [acc, acc_real, acc_fake, 0.5 * (acc_real + acc_fake)] + tprs
    values += [score[label == 0].mean() if out[1] else NAN,
               score[label == 1].mean() if out[2] else NAN]
    return out + values


def by_video(score, video, case, agg):
    names = list(dict.fromkeys(video.tolist()))
    result = []
    for name in names:
        s = score[video == name]
        result.append([s.mean(), s.max(), np.median(s), np.sort(s)[::-1][:case["topk"]].mean()][agg])
    return np.array(result), names


def video_set(score, label, video, case):
    scores, names = by_video(score, video, case, case["agg"])
    labels = np.array([label[video == name][0] for name in names])
    return expected_set(scores, labels, case)


def fit(score, label, rule):
    """What the header says, by trying every threshold."""
    distinct = np.unique(score)
    candidates = [distinct[0]] + list((distinct[1:] + distinct[:-1]) / 2)
    candidates.append(np.nextafter(distinct[-1], np.inf))
    best = None
    n_real, n_fake = (label == 0).sum(), (label == 1).sum()
    for t in candidates:
        right_fake = int((score[label == 1] >= t).sum())
        right_real = int((score[label == 0] < t).sum())
        worth = right_fake + right_real
        if rule == 1:
            worth = right_fake * int(n_real) + right_real * int(n_fake)
        key = (worth, -abs(right_fake * int(n_real) - right_real * int(n_fake)), -t)
        if best is None or key > best[0]:
            best = (key, t)
    return best[1]


def same(got, want):
    if want != want:
        return got != got
    return abs(got - want) < 1e-11 * max(1.0, abs(want))


def check(got, want, what):
    got = [float(x) for x in got]
    assert len(got) == len(want), f"{what}: {len(got)} values, wanted {len(want)}"
    for k, (g, w) in enumerate(zip(got, want)):
        tolerance = 1e-9 if k == 7 else None  # brentq stops at 2e-12, the curve may be steep
        ok = abs(g - w) < tolerance if tolerance and w == w else same(g, w)
        assert ok, f"{what}: value {k} is {g!r}, wanted {w!r}"


def main():
    rng = np.random.default_rng(20240521)
    kinds = ["any"] * 6 + ["two", "tied", "reals", "fakes"]
    cases = [make_case(rng, kinds[i % len(kinds)]) for i in range(1500)]
    text = []
    for c in cases:
        text.append(f"{len(c['score'])} {c['threshold']!r} {c['agg']} {c['topk']} "
                    f"{c['interpolated']}")
        for row in zip(c["score"], c["label"], c["video"], c["method"], c["compat"]):
            text.append(f"{float(row[0])!r} {row[1]} {row[2]} {row[3]} {row[4]}")
    done = subprocess.run([sys.argv[1]], input="\n".join(text) + "\n", capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = iter(done.stdout.splitlines())
    for number, c in enumerate(cases):
        score, label, video, method = c["score"], c["label"], c["video"], c["method"]
        head = next(lines).split()
        methods = list(dict.fromkeys(method[label == 1].tolist()))
        assert int(head[0]) == len(methods), f"case {number}: {head[0]} methods"
        scores, names = by_video(score, c["compat"], c, 0)
        labels = np.array([int(label[c["compat"] == name].mean()) for name in names])
        wanted = roc_auc_score(labels, scores) if len(set(labels)) == 2 else NAN
        assert same(float(head[1]), wanted), f"case {number}: compat {head[1]} {wanted}"
        assert int(head[2]) == (len(set(label)) == 2)
        if head[2] == "1":
            for rule in (0, 1):
                got, want = float(head[3 + rule]), fit(score, label, rule)
                assert same(got, want), f"case {number}: threshold {rule}: {got} {want}"
        check(next(lines).split(), expected_set(score, label, c), f"case {number} frame")
        check(next(lines).split(), video_set(score, label, video, c), f"case {number} video")
        means = [next(lines).split(), next(lines).split()]
        sets = [[], []]
        for m in methods:
            keep = (label == 0) | (method == m)
            first = next(lines).split()
            assert int(first[0]) == m
            sets[0].append(expected_set(score[keep], label[keep], c))
            sets[1].append(video_set(score[keep], label[keep], video[keep], c))
            check(first[1:], sets[0][-1], f"case {number} method {m} frame")
            check(next(lines).split(), sets[1][-1], f"case {number} method {m} video")
        for level in (0, 1):
            if methods:
                table = np.array(sets[level], dtype=float)
                n_real, n_fake = table[0, 1], table[:, 2].sum()
                want = [n_real + n_fake, n_real, n_fake] + list(table[:, 3:].mean(axis=0))
                check(means[level], want, f"case {number} mean {level}")
            else:
                assert all(x == "nan" or x == "-nan" for x in means[level][3:])
    assert next(lines, None) is None
    print(f"{len(cases)} cases agree with scikit-learn")


main()
