#!/usr/bin/env python3
"""A training step of Xception against PyTorch's on the same cores, side by side.

Rounds of bench_step, each given Python's PyTorch and again, so that all see the same state of the
machine; the best round of each counts. Images a second of the clock are what matters on a free
machine; images a second of processor time, of all threads together, hold on a busy one too (OpenMP
threads wait asleep, so that waiting is not counted). Prints a table in Markdown, also to --out.

Usage: step_vs_pytorch.py BUILD/bench/bench_step PYTHON... [--rounds 3] [--seconds 15] [--out FILE]
"""
import argparse
import datetime
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NETS = {
    "Xception, 299 px, batch 16": dict(size=299, batch=16, micro=2, width=1, depth=1),
    "width 0.25, 2 middle blocks, 64 px, batch 64": dict(size=64, batch=64, micro=2, width=0.25,
                                                         depth=0.25),
}


def run(command):
    env = dict(os.environ, OMP_NUM_THREADS="2", OMP_WAIT_POLICY="passive")
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr[-2000:]}")
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)


def options(net, names):
    return [text for name in names for text in (f"--{name}", str(net[name]))]


def measure(args, net):
    """The best (img/s, img a processor second) of each contestant by its label, and the floor."""
    best, floor = {}, 0.0
    shape = options(net, ("size", "batch", "width", "depth"))
    seconds = ["--seconds", str(args.seconds)]

    def take(label, got):
        rates = float(got["img_per_s"]), float(got["img_per_cpu_s"])
        best[label] = tuple(map(max, best.get(label, rates), rates))

    for _ in range(args.rounds):
        got = run([args.bench, *shape, *options(net, ("micro",)), *seconds, "--floor"])
        take("ours", got)
        floor = max(floor, float(got["floor_img_per_s"]))
        for python in args.python:
            got = run([python, str(HERE / "xception_torch.py"), *shape, *seconds])
            take(f"PyTorch {got['version']}", got)
    return best, floor


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    load = os.getloadavg()[0]
    return f"{len(names)} cores of {names[0]}; load average at the start {load:.1f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("python", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--out")
    args = parser.parse_args()
    text = [f"{datetime.date.today()}, {machine()}; f32, 2 threads, best of {args.rounds} rounds of "
            f"{args.seconds:g} s in turns."]
    for title, net in NETS.items():
        best, floor = measure(args, net)
        ours = best["ours"]
        peers = [rates for label, rates in best.items() if label != "ours"]
        ratios = [ours[i] / max(rates[i] for rates in peers) for i in range(2)]
        text += ["", f"**{title}**", "", "| | img/s | img/s of processor time |", "|---|---|---|"]
        text += [f"| {label} | {a:.2f} | {b:.2f} |" for label, (a, b) in best.items()]
        text += [f"| the dense convolutions alone, buffers in cache | | {floor / 2:.2f} |", "",
                 f"{ratios[0]:.2f} times the better PyTorch by the clock, {ratios[1]:.2f} times by "
                 f"processor time; {ours[1] / (floor / 2):.0%} of the convolutions' bound."]
    print("\n".join(text), flush=True)
    if args.out:
        pathlib.Path(args.out).write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
