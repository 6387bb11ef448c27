"""Twenty steps of every optimizer against torch.optim in double, schedules against their formulas,
the plateau against ReduceLROnPlateau. Usage: optim_parity.py DRIVER"""
import math
import subprocess
import sys

import numpy as np
import torch

N_STEPS = 20
KINDS = ["sgd", "adam", "adamw"]


def numbers(values):
    return " ".join(repr(float(v)) for v in values)


def make_case(rng, number):
    case = dict(kind=number % 3, lr=float(rng.choice([0.01, 0.1, 1e-3])),
                momentum=float(rng.choice([0.9, 0.5])), nesterov=bool(rng.integers(0, 2)),
                beta1=0.9, beta2=float(rng.choice([0.999, 0.95])), eps=1e-8,
                decay=float(rng.choice([0.0, 1e-4, 0.05])), norm_bias=bool(rng.integers(0, 2)),
                clip=float(rng.choice([0.0, 0.3, 5.0, 1000.0])))
    # The second tensor spans several chunks; the last is of no group.
    case["shapes"] = [(3, 5), (70, 130), (17,), (4, 2)]
    case["groups"] = [(1.0, 0.01), (0.1, 0.0), (2.0, 0.1)]
    case["params"] = [rng.standard_normal(s) for s in case["shapes"]]
    case["rates"] = [case["lr"] * 0.5 * (1 + math.cos(math.pi * t / N_STEPS))
                     for t in range(N_STEPS)]
    case["grads"] = [[rng.standard_normal(s) * rng.choice([0.01, 1.0]) for s in case["shapes"]]
                     for _ in range(N_STEPS)]
    return case


def as_text(c):
    head = [c["kind"], c["lr"], c["momentum"], c["nesterov"], c["beta1"], c["beta2"], c["eps"],
            c["decay"], c["norm_bias"], c["clip"], N_STEPS, len(c["shapes"])]
    lines = ["optim " + numbers(head)]
    for shape, (rate, decay) in zip(c["shapes"], c["groups"] + [(1.0, 0.0)]):
        cols = shape[1] if len(shape) == 2 else 0
        lines.append(numbers([shape[0], cols, rate, decay]))
    lines += [numbers(p.ravel()) for p in c["params"]]
    for rate, grads in zip(c["rates"], c["grads"]):
        lines.append(numbers([rate]))
        lines += [numbers(g.ravel()) for g in grads]
    return "\n".join(lines)


def torch_steps(c):
    params = [torch.nn.Parameter(torch.tensor(p, dtype=torch.float64)) for p in c["params"]]
    groups = []
    for p, (rate, decay) in zip(params, c["groups"] + [(1.0, c["decay"])]):
        if not c["norm_bias"] and p.dim() == 1:
            decay = 0.0
        groups.append(dict(params=[p], weight_decay=decay, factor=rate))
    if c["kind"] == 0:
        opt = torch.optim.SGD(groups, lr=c["lr"], momentum=c["momentum"], nesterov=c["nesterov"])
    else:
        make = torch.optim.Adam if c["kind"] == 1 else torch.optim.AdamW
        opt = make(groups, lr=c["lr"], betas=(c["beta1"], c["beta2"]), eps=c["eps"])
    for rate, grads in zip(c["rates"], c["grads"]):
        for p, g in zip(params, grads):
            p.grad = torch.tensor(g, dtype=torch.float64)
        norm = torch.nn.utils.clip_grad_norm_(params, c["clip"] or 1e300)
        for group in opt.param_groups:
            group["lr"] = rate * group["factor"]
        opt.step()
        yield float(norm), np.concatenate([p.detach().numpy().ravel() for p in params])


SCHEDULES = [  # kind floor warmup gamma horizon milestones
    (0, 0.0, 0, 0.1, 30, []), (0, 0.0, 5, 0.1, 30, []), (1, 0.0, 0, 0.1, 40, []),
    (1, 0.1, 7, 0.1, 40, []), (2, 0.2, 3, 0.1, 25, []), (3, 0.0, 0, 0.3, 40, [0.25, 0.5, 0.9])]


def schedule(kind, floor, warmup, gamma, horizon, milestones):
    for step in range(horizon + 1):
        t = (step - warmup) / (horizon - warmup)
        if step < warmup:
            yield (step + 1) / warmup
        elif kind == 1:
            yield floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * t))
        elif kind == 2:
            yield floor + (1 - floor) * (1 - t)
        elif kind == 3:
            yield gamma ** sum(step >= m * horizon for m in milestones)
        else:
            yield 1.0


def plateau_factors(patience, cooldown, threshold, gamma, more, results):
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    plan = torch.optim.lr_scheduler.ReduceLROnPlateau(
        opt, mode="max" if more else "min", factor=gamma, patience=patience, threshold=threshold,
        cooldown=cooldown, eps=0)
    for result in results:
        plan.step(result)
        yield opt.param_groups[0]["lr"]


def main():
    rng = np.random.default_rng(7)
    cases = [make_case(rng, i) for i in range(24)]
    plateaus = [(int(rng.integers(0, 4)), int(rng.integers(0, 4)), 1e-3, 0.5,
                 int(rng.integers(0, 2)), np.round(rng.random(60), 3) + 0.1) for _ in range(20)]
    text = [as_text(c) for c in cases]
    text += ["schedule " + numbers(list(s[:5]) + [len(s[5])] + s[5]) for s in SCHEDULES]
    text += ["plateau " + numbers(list(p[:5]) + [len(p[5])] + list(p[5])) for p in plateaus]
    done = subprocess.run([sys.argv[1]], input="\n".join(text) + "\n", capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = iter(done.stdout.splitlines())
    worst = 0.0
    for number, c in enumerate(cases):
        for step, (norm, want) in enumerate(torch_steps(c)):
            got = np.array(next(lines).split(), dtype=float)
            assert abs(got[0] - norm) < 1e-12 * norm, f"case {number} step {step}: {got[0]} {norm}"
            error = np.abs(got[1:] - want).max()
            worst = max(worst, error)
            assert error < 1e-12, f"{KINDS[c['kind']]} case {number} step {step}: {error}"
    for s in SCHEDULES:
        got = np.array(next(lines).split(), dtype=float)
        assert np.abs(got - list(schedule(*s))).max() < 1e-14, f"schedule {s}"
    for p in plateaus:
        got = np.array(next(lines).split(), dtype=float)
        assert np.abs(got - list(plateau_factors(*p))).max() < 1e-14, f"plateau {p}"
    assert next(lines, None) is None
    print(f"{len(cases)} optimizers of {N_STEPS} steps within {worst:.1e} of torch.optim")


main()
