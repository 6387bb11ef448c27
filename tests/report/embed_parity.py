"""Principal components against numpy's SVD, and the report's t-SNE against scikit-learn's: the divergence
that it says is that of the layout it draws, it is not above scikit-learn's by more than 5 %, and
neighbours stay neighbours. Usage: embed_parity.py DRIVER"""
import subprocess
import sys

import numpy as np

try:
    from sklearn.manifold import TSNE
    from sklearn.manifold import _t_sne
    from sklearn.metrics import pairwise_distances
    from sklearn.manifold import trustworthiness
    from scipy.spatial.distance import pdist
except ImportError as error:
    print(f"skipped: embed_parity.py needs scikit-learn ({error})")
    sys.exit(0)


def check(holds, message):
    if not holds:
        print(f"failed: {message}", file=sys.stderr, flush=True)
        sys.exit(1)


def drive(x, *words, code=0):
    text = f"{x.shape[0]} {x.shape[1]}\n" + "\n".join(" ".join(f"{v:.9g}" for v in row) for row in x)
    done = subprocess.run([sys.argv[1], *words], input=text, capture_output=True, text=True, check=False)
    check(done.returncode == code, f"exit code {done.returncode}: {done.stderr}")
    if code != 0:
        return done.stderr, None
    lines = done.stdout.splitlines()
    head = {line.split()[0]: [float(v) for v in line.split()[1:]] for line in lines[:3]}
    return head, np.array([[float(v) for v in line.split()] for line in lines[3:]])


def clusters(n, n_cols, n_groups, seed):
    """Groups of unlike widths, as features are: not negative, some columns nearly dead."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(n_groups, n_cols)) * draw.uniform(0.5, 2.0, size=(n_groups, 1))
    x = centres[np.arange(n) % n_groups] + draw.normal(size=(n, n_cols)) * draw.uniform(0.3, 1.5, size=n_cols)
    x[:, ::5] *= 1e-3
    return np.maximum(x, 0.0).astype(np.float32)


def check_pca(name, x):
    head, rows = drive(x, "pca")
    centred = x.astype(np.float64) - x.astype(np.float64).mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    wanted = u[:, :2] * s[:2]
    for k in (0, 1):
        mine = rows[:, k]
        error = min(np.abs(mine - wanted[:, k]).max(), np.abs(mine + wanted[:, k]).max())
        check(error <= 1e-7 * s[0], f"{name}: component {k} is {error / s[0]:.3g} of s[0] off")
        check(mine[np.abs(mine).argmax()] > 0, f"{name}: the farthest of component {k} is negative")
    shares = s[:2] ** 2 / (s ** 2).sum()
    check(np.allclose(head["shares"], shares, rtol=1e-9), f"{name}: shares {head['shares']}, not {shares}")


def divergence(x, y, perplexity):
    """KL of P, as scikit-learn makes it, from Q of the layout Y."""
    p = _t_sne._joint_probabilities(pairwise_distances(x, squared=True).astype(np.float32), perplexity, 0)
    q = 1.0 / (1.0 + pdist(y, "sqeuclidean"))
    q /= 2.0 * q.sum()
    return 2.0 * np.sum(p * np.log(np.maximum(p, 1e-300) / q))


def check_tsne(name, x, may_be_above=1.05):
    head, rows = drive(x)
    y = rows[:, 2:]
    kl = head["kl"][0]
    own = divergence(x, y, head["perplexity"][0])
    check(abs(own - kl) <= 1e-3 * own, f"{name}: says divergence {kl}, its layout has {own}")
    judge = TSNE(method="exact", init="pca", perplexity=head["perplexity"][0], n_iter=1000,
                 learning_rate="auto", random_state=0)
    theirs = judge.fit_transform(x)
    check(kl <= may_be_above * judge.kl_divergence_,
          f"{name}: divergence {kl}, scikit-learn's is {judge.kl_divergence_}")
    n_near = min(10, len(x) // 2 - 1)
    near, wanted = (trustworthiness(x, layout, n_neighbors=n_near) for layout in (y, theirs))
    check(near >= wanted - 0.01, f"{name}: trustworthiness {near}, scikit-learn's is {wanted}")
    print(f"ok: {name}: divergence {kl:.4f}, scikit-learn's {judge.kl_divergence_:.4f}", flush=True)


def main():
    flat = np.random.default_rng(5).normal(size=(40, 3)).astype(np.float32)
    few = clusters(9, 50, 2, 7)
    for name, x in (("wide", clusters(150, 400, 4, 1)), ("tall", clusters(300, 32, 3, 2)),
                    ("three columns", flat), ("nine rows", few),
                    ("one column", flat[:, :1]), ("far from 0", clusters(80, 20, 3, 3) + 1000)):
        check_pca(name, x) if name != "one column" else drive(x, "pca")
    check_tsne("four groups", clusters(120, 60, 4, 10))
    check_tsne("four others", clusters(120, 60, 4, 17))
    check_tsne("nine rows", few)
    # Rounding parts copies, and where to is chance: over sets like these the two are within 5 % of each
    # other, either way, and copies are further apart.
    doubled = clusters(40, 20, 3, 4)
    check_tsne("copies", np.concatenate([doubled, doubled]), 1.15)
    head, _ = drive(np.ones((10, 4), np.float32), code=1)
    check("all 10 rows are equal" in head, head)
    head, _ = drive(few[:3], code=1)
    check("t-SNE of 3 rows, wanted at least 4" in head, head)


main()
